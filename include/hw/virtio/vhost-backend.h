/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the kernel is told: one entry per ioctl of <linux/vhost.h> that we use.
 * VhostOps has those of any vhost device; those of one kind are in a table of
 * its own. Each returns 0 or -errno as the kernel answered, prints nothing and
 * needs no lock. A call that the kernel does not have answers -ENOTTY. Only
 * vhost*.c and the device that owns a VhostDev call these.
 */
#ifndef HW_VIRTIO_VHOST_BACKEND_H
#define HW_VIRTIO_VHOST_BACKEND_H

#include <linux/vhost-worker.h>

typedef struct VhostDev VhostDev;

typedef struct VhostOps {
    /* Makes the calling process the owner; creates the default worker. EBUSY:
     * the device has an owner. */
    int (*vhost_set_owner)(VhostDev *dev);
    int (*vhost_get_features)(VhostDev *dev, uint64_t *ret_features);
    /* EOPNOTSUPP: a feature that was not offered; EBUSY: an endpoint is set. */
    int (*vhost_set_features)(VhostDev *dev, uint64_t features);
    /* Waits for all commands in flight. E2BIG: more than max_mem_regions. */
    int (*vhost_set_mem_table)(VhostDev *dev, const struct vhost_memory *mem);

    /* ENOBUFS: the device has no such virtqueue. */
    int (*vhost_set_vring_num)(VhostDev *dev,
                               const struct vhost_vring_state *ring);
    int (*vhost_set_vring_base)(VhostDev *dev,
                                const struct vhost_vring_state *ring);
    int (*vhost_get_vring_base)(VhostDev *dev, struct vhost_vring_state *ring);
    int (*vhost_set_vring_addr)(VhostDev *dev,
                                const struct vhost_vring_addr *addr);
    /* The kernel takes its own reference of the eventfd; -1 takes it away. */
    int (*vhost_set_vring_kick)(VhostDev *dev,
                                const struct vhost_vring_file *file);
    int (*vhost_set_vring_call)(VhostDev *dev,
                                const struct vhost_vring_file *file);
    int (*vhost_set_vring_err)(VhostDev *dev,
                               const struct vhost_vring_file *file);

    /* Whether workers are threads of the owner (task) or the kernel's own.
     * ENOTTY: not to be asked, before Linux 6.17 unless backported. */
    int (*vhost_get_fork_from_owner)(VhostDev *dev, bool *ret_task);
    /* EBUSY: the device has an owner. */
    int (*vhost_set_fork_from_owner)(VhostDev *dev, bool task);

    /* Linux 6.5. ENOMEM: no thread to be had; EFAULT: kthread mode. */
    int (*vhost_new_worker)(VhostDev *dev, struct vhost_worker_state *worker);
    /* EBUSY: a virtqueue is attached; ENODEV: no such worker. */
    int (*vhost_free_worker)(VhostDev *dev,
                             const struct vhost_worker_state *worker);
    /* ENODEV: no such worker; ENOBUFS: no such virtqueue. */
    int (*vhost_attach_vring_worker)(VhostDev *dev,
                                     const struct vhost_vring_worker *worker);
    int (*vhost_get_vring_worker)(VhostDev *dev,
                                  struct vhost_vring_worker *worker);
} VhostOps;

/* Of /dev/vhost-scsi alone. */
typedef struct VhostScsiOps {
    int (*vhost_scsi_get_abi_version)(VhostDev *dev, int *ret_version);
    /* ENODEV: no free target of that name with a nexus; EEXIST: it is set. */
    int (*vhost_scsi_set_endpoint)(VhostDev *dev,
                                   const struct vhost_scsi_target *target);
    /* Waits for all commands in flight. */
    int (*vhost_scsi_clear_endpoint)(VhostDev *dev,
                                     const struct vhost_scsi_target *target);
    /* Whether an event found no buffer, so that the driver is to be told that
     * it has missed some. */
    int (*vhost_scsi_get_events_missed)(VhostDev *dev, uint32_t *ret_missed);
    int (*vhost_scsi_set_events_missed)(VhostDev *dev, uint32_t missed);
} VhostScsiOps;

/* Of /dev/vhost-net alone. */
typedef struct VhostNetOps {
    /* The packets of vring file->index come from and go to the tap file->fd;
     * -1: the kernel leaves the vring, once what is in flight is done. EFAULT: it
     * has no ring. */
    int (*vhost_net_set_backend)(VhostDev *dev,
                                 const struct vhost_vring_file *file);
} VhostNetOps;

/* Of /dev/vhost-vsock alone. */
typedef struct VhostVsockOps {
    /* Needs no owner, and may be said again. EADDRINUSE: another has it;
     * EINVAL: it has a meaning of its own, or more than 32 bits. */
    int (*vhost_vsock_set_guest_cid)(VhostDev *dev, uint64_t cid);
    /* EFAULT: a ring to receive or to send is missing. */
    int (*vhost_vsock_set_running)(VhostDev *dev, bool on);
} VhostVsockOps;

extern const VhostOps kernel_ops;
extern const VhostNetOps kernel_net_ops;
extern const VhostScsiOps kernel_scsi_ops;
extern const VhostVsockOps kernel_vsock_ops;

#endif
