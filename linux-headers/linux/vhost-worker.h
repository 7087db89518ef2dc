/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * The worker calls of <linux/vhost.h> (Linux 6.5; fork owner: 6.17), which
 * Debian 12's linux-libc-dev (6.1) lacks. Numbers and layouts are the kernel's
 * interface.
 */
#ifndef LINUX_VHOST_WORKER_H
#define LINUX_VHOST_WORKER_H

#include <linux/vhost.h>

#ifndef VHOST_NEW_WORKER
struct vhost_worker_state {
    __u32 worker_id; /* out for NEW, in for FREE */
};

struct vhost_vring_worker {
    __u32 index; /* of the virtqueue; in */
    __u32 worker_id;
};

#define VHOST_NEW_WORKER  _IOR(VHOST_VIRTIO, 0x8, struct vhost_worker_state)
#define VHOST_FREE_WORKER _IOW(VHOST_VIRTIO, 0x9, struct vhost_worker_state)
#define VHOST_ATTACH_VRING_WORKER \
    _IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_worker)
#define VHOST_GET_VRING_WORKER \
    _IOWR(VHOST_VIRTIO, 0x16, struct vhost_vring_worker)
#endif

#ifndef VHOST_SET_FORK_FROM_OWNER
#define VHOST_SET_FORK_FROM_OWNER _IOW(VHOST_VIRTIO, 0x84, __u8)
#define VHOST_GET_FORK_FROM_OWNER _IOR(VHOST_VIRTIO, 0x85, __u8)
#endif

#endif
