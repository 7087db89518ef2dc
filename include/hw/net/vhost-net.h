/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio network card (specification 1.2, 5.1) whose packets the kernel's
 * vhost-net moves between the guest's rings and a tap. This file's code knows
 * neither PCI nor packets: features, configuration space, the link, and which
 * queue of the tap serves which pair of virtqueues.
 *
 * Virtqueue 2n receives and 2n + 1 sends, for each pair n; each pair has a device
 * of the kernel of its own, and so a worker. The control queue, which is user
 * space's, is the one behind the pairs that the driver uses: VhostNet.control.
 */
#ifndef HW_NET_VHOST_NET_H
#define HW_NET_VHOST_NET_H

#include "hw/virtio/vhost.h"
#include "hw/virtio/virtqueue.h"
#include "net/netdev.h"

#include <linux/virtio_net.h>

#define VHOST_NET_RING_SIZE_MIN 256
#define VHOST_NET_RING_SIZE_MAX \
    1024 /* the kernel's limit of a packet's pieces */
#define VHOST_NET_CONTROL_RING_SIZE 64
#define VHOST_NET_MAC_TABLE_MAX     64 /* addresses of one of the two tables */
#define VHOST_NET_VLANS             4096

/* One of the tables that the driver fills by VIRTIO_NET_CTRL_MAC_TABLE_SET. */
typedef struct VhostNetMacTable {
    unsigned n;
    bool overflow; /* the driver has more than there is room for; n is 0 */
    uint8_t mac[VHOST_NET_MAC_TABLE_MAX][ETH_ALEN];
} VhostNetMacTable;

/* What is to be saved beside VirtIODeviceState: what the driver has said by the
 * control queue. Of the filters nothing is done: they are shown. */
typedef struct VhostNetState {
    uint16_t n_pairs;         /* that the driver wants to be used; from 1 on */
    uint64_t guest_offloads;  /* VIRTIO_NET_F_GUEST_*: that are on now */
    bool rx_mode[6];          /* by VIRTIO_NET_CTRL_RX_* */
    VhostNetMacTable unicast; /* receive these ... */
    VhostNetMacTable multicast;           /* ... and these */
    uint32_t vlans[VHOST_NET_VLANS / 32]; /* by tag: a bit */
} VhostNetState;

/* A pair of virtqueues, and what serves it. */
typedef struct VhostNetPair {
    VhostDev dev;
    bool served[2]; /* the kernel was given the tap for that vring */
    bool detached;  /* the tap spreads no packets to this queue */
} VhostNetPair;

/* A command of the control queue that waits for the kernel; see
 * vhost-net-control.c. */
typedef struct VhostNetCommand VhostNetCommand;

typedef struct VhostNet {
    VirtIODevice vdev;
    VhostNetState state;
    const VhostNetOps *net_ops; /* beside each VhostDev's ops */
    Netdev *netdev;      /* whose ->nic is this one; borrowed; NULL: none */
    VhostNetPair *pairs; /* n_pairs of them; owned */
    unsigned n_pairs;
    bool has_control;
    unsigned control;         /* the control queue; valid with has_control */
    VhostNetCommand *command; /* owned; NULL: none was made */
    bool filter_told; /* that filters have changed: until they are asked */

    uint8_t own_mac[ETH_ALEN]; /* until the driver changes it */

    /* properties */
    char *mac;       /* also if it was not given, once realized */
    char *netdev_id; /* netdev */
    uint16_t rx_queue_size, tx_queue_size;
    uint16_t host_mtu;         /* 0: nothing is said */
    int32_t speed;             /* in Mbit/s; -1: unknown */
    char *duplex;              /* NULL: unknown */
    uint64_t features;         /* that properties ask for */
    VhostWorkerConfig workers; /* no property fills it */
} VhostNet;

extern const DeviceType
    vhost_net_type; /* "virtio-net-device", a backend type */

static inline VhostNet *vhost_net_from(VirtIODevice *vdev)
{
    return container_of(vdev, VhostNet, vdev);
}

/* The card that is @dev or behind it, or NULL. */
VhostNet *vhost_net_behind(const Device *dev);

/* The link of its netdev is up or down from now on: tells the driver, and the
 * kernel, which leaves the rings while it is down. Releases the lock. */
void vhost_net_set_link(VhostNet *s, bool up);

/* Shows the link's state, and @announce, in configuration space, and tells the
 * driver. */
void vhost_net_show_status(VhostNet *s, bool announce);

/* Has the tap spread packets over state.n_pairs queues; and hand over unfinished
 * what state.guest_offloads allow. The device is busy, the lock is not held.
 * Returns 0 or -errno. */
int vhost_net_apply_pairs(VhostNet *s);
int vhost_net_apply_offloads(VhostNet *s);

/* VIRTIO_NET_F_GUEST_*: what the driver takes unfinished at most. */
uint64_t vhost_net_guest_offloads(const VhostNet *s);

/* --- vhost-net-control.c --- */

/* In realize, after virtio_init(): the control queue is served. In unrealize
 * before virtio_finish() and after it; both fine without it. */
void vhost_net_control_init(VhostNet *s);
void vhost_net_control_finish(VhostNet *s);
void vhost_net_control_free(VhostNet *s);

/* The control queue is virtqueue @queue from now on. */
void vhost_net_control_move(VhostNet *s, unsigned queue);

/* The device stops: a command that waits is taken again when it goes on. The
 * device is busy, the lock is not held. */
void vhost_net_control_stop(VhostNet *s);

#endif
