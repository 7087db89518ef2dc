/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tap devices (Linux, Documentation/networking/tuntap.rst): one
 * short function for each call. A tap is a network interface of the host whose
 * packets come from and go to descriptors, one for each of its queues; vhost-net
 * is given these, so that no packet passes this process. macvtap has the same
 * calls.
 *
 * Leaves: 0 or -errno, nothing printed. They wait for the kernel's lock of
 * network configuration, so that nobody calls them with the machine lock held.
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <linux/if.h>
#include <linux/if_tun.h>

#define TAP_QUEUES_MAX  256 /* of one tap: the kernel's limit */
/* struct virtio_net_hdr_v1 in front of each packet, which a driver of virtio 1.0
 * has with or without mergeable receive buffers. */
#define TAP_HEADER_SIZE 12

/* Opens a queue of the interface @name, which is made if there is none and the
 * process may; an empty @name: the kernel chooses one. *@ret_name has its name.
 * @multi_queue: it is to have several. Returns a descriptor that the caller owns,
 * or -errno: -EPERM, -EBUSY (another process has it), -EINVAL (it has several
 * queues and should not, or the other way). */
int tap_open(const char *name, bool multi_queue, char ret_name[IFNAMSIZ]);

/* What @fd is: -ENOTTY if it is no queue of a tap or macvtap, -EINVAL if it
 * passes on no packets of Ethernet with a header for virtio. */
int tap_check(int fd, char ret_name[IFNAMSIZ]);

int tap_set_header_size(int fd);

/* Which packets may come from the tap unfinished: TUN_F_* */
int tap_set_offload(int fd, unsigned offload);
/* Those of TUN_F_CSUM to TUN_F_UFO that the kernel has. All are off then. */
unsigned tap_probe_offload(int fd);

/* Whether packets are spread over this queue, too, of several. What is so
 * already is no error. */
int tap_attach_queue(int fd, bool on);

/* Whether the interface has a carrier. Linux 5.0. */
int tap_set_carrier(int fd, bool on);

/* Most bytes that wait to be sent. */
int tap_set_sndbuf(int fd, int bytes);

/* Makes the interface @name a port of the bridge @bridge, and sets it up. */
int tap_join_bridge(const char *name, const char *bridge);

#endif
