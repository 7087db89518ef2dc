/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-vsock: a virtio socket device (specification 1.2, 5.10) whose packets
 * the host kernel's vhost-vsock hands to sockets of the host, AF_VSOCK. This
 * file knows neither PCI nor rings.
 *
 * Virtqueue 0 receives and 1 sends; both are the kernel's. Virtqueue 2, for
 * events, has one use, a guest that was moved to another host, and is served by
 * nobody: what the driver makes available there stays.
 */
#ifndef HW_VIRTIO_VHOST_VSOCK_H
#define HW_VIRTIO_VHOST_VSOCK_H

#include "hw/virtio/vhost.h"

/* 0 to 2 have a meaning of their own, and the last one means any. */
#define VHOST_VSOCK_CID_MIN 3
#define VHOST_VSOCK_CID_MAX (UINT32_MAX - 1)

typedef struct VhostVsock {
    VirtIODevice vdev;
    VhostDev vhost;
    const VhostVsockOps *vsock_ops; /* beside vhost.ops */

    /* properties */
    uint64_t guest_cid;
    char *vhostfd;
    char *seqpacket;           /* "auto", "on", "off"; NULL: auto */
    VhostWorkerConfig workers; /* without properties: the default worker */
    uint64_t features;         /* that properties ask for */
} VhostVsock;

extern const DeviceType vhost_vsock_type; /* "vhost-vsock-device", a backend
                                           * type */

#endif
