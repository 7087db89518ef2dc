/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net-pci on the stand-ins for /dev/vhost-net and a tap. The tap is one
 * end of a socket that keeps messages apart; the test has the other, which is the
 * network: what it reads and writes are packets with their header of 12 bytes.
 *
 *     Net net;
 *
 *     net_start(&net, 4, "mq=on");              a tap with 4 queues
 *     net_drive(&net, NET_ALL, 9, QVIRTIO_MSIX);
 *     net_check_packets(&net, 3);
 *     net_stop(&net);
 */
#ifndef TESTS_QTEST_NET_MACHINE_H
#define TESTS_QTEST_NET_MACHINE_H

#include "fake-machine.h"

#include <linux/virtio_net.h>

#define NET_SLOT     3
#define NET_TAP_FD   20 /* the program's first */
#define NET_TAPS_MAX 4
#define NET_MAC      "52:54:00:12:34:56"
#define NET_ALL      (~UINT64_C(0)) /* features: whatever is offered */

typedef struct Net {
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    unsigned n_taps;
    int network[NET_TAPS_MAX]; /* the other end of each queue of the tap */
    uint64_t page;             /* four, for the driver */
} Net;

/* A machine with a card whose tap has @n_taps queues; @options stand behind its
 * other properties. */
void net_start(Net *net, unsigned n_taps, const char *options);
/* Resets the device, if it has a driver, and ends the machine. */
void net_stop(Net *net);

/* The driver is up, with those of @features that are offered. */
void net_drive(Net *net, uint64_t features, uint16_t n_queues,
               QVirtioMode mode);
/* It goes. */
void net_undrive(Net *net);

/* How often the kernel was called, and the calls from number @n on, as
 * fake_machine_calls(). */
int64_t net_n_calls(Net *net);
char *net_calls(Net *net, int64_t n);

/* Packets of the guest and to it by pair @pair; @seed makes them differ. */
void net_check_sends(Net *net, unsigned pair, unsigned seed);
void net_check_receives(Net *net, unsigned pair, unsigned seed);
/* Many of both. */
void net_check_packets(Net *net, unsigned pair);

#endif
