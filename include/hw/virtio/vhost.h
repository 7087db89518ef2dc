/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost means, whatever the device: who owns it, which features are
 * common, the memory table, the life of the rings. Linux, drivers/vhost/vhost.c
 *
 *     CLOSED --open--> OWNED --start--> RUNNING
 *                        ^------stop------'       close from OWNED
 *
 * Leaves: 0 (or a value >= 0) or -errno, nothing printed. None of these needs
 * the machine lock; the caller sees to it that one thread at a time uses a
 * VhostDev (a virtio device does so by being busy).
 */
#ifndef HW_VIRTIO_VHOST_H
#define HW_VIRTIO_VHOST_H

#include "hw/virtio/vhost-backend.h"
#include "hw/virtio/virtio.h"
#include "system/memory.h"

#include <sys/types.h>

typedef enum VhostState {
    VHOST_CLOSED,
    VHOST_OWNED,
    VHOST_RUNNING,
} VhostState;

#define VHOST_DEFAULT_WORKER_ID 0

/* A kernel worker thread and what we know of it. */
typedef struct VhostWorker {
    uint32_t id; /* the kernel's */
    pid_t tid;   /* 0: not a thread of this process, or not known */
} VhostWorker;

struct VhostDev {
    const VhostOps *ops;
    VhostState state;
    int fd;            /* owned; -1 while CLOSED */
    const char *label; /* borrowed: the device's name in traces */
    uint64_t features; /* offered by the kernel; valid from OWNED on */
    EventNotifier err; /* signalled by the kernel when it cannot make sense of
                        * a ring; owned */
    GArray *workers;   /* VhostWorker; the first is the default worker */
    /* What failed last, for the message: the name of an ioctl, the virtqueue it
     * was about or -1, and the positive errno. */
    const char *failed_call;
    int failed_vq;
    int failed_errno;
};

/* Notes that @call about virtqueue @vq (or -1) answered @r, which it returns. */
static inline int vhost_dev_failed(VhostDev *dev, const char *call, int vq,
                                   int r)
{
    dev->failed_call = call;
    dev->failed_vq = vq;
    dev->failed_errno = -r;
    return r;
}

/* A closed VhostDev; undone by vhost_dev_close(). */
void vhost_dev_init(VhostDev *dev, const VhostOps *ops, const char *label);

/* Takes @fd on success, becomes its owner, and reads the features. */
int vhost_dev_open(VhostDev *dev, int fd);

/* Closes it, which ends its workers. Not while RUNNING; fine if CLOSED. */
void vhost_dev_close(VhostDev *dev);

/* How many virtqueues the kernel's device has, at most @limit. */
int vhost_dev_n_queues(VhostDev *dev, unsigned limit);

/*
 * Tells the kernel features, memory and the rings of @vdev, whose addresses are
 * checked against RAM first (-EFAULT). The device's own last step, such as the
 * endpoint, follows. On failure everything is as before, and failed_call and
 * failed_vq say what it was.
 */
int vhost_dev_start(VhostDev *dev, VirtIODevice *vdev, const GuestRam *ram);

/* Takes the rings back: each queue's last_avail is where to go on. The device's
 * endpoint is gone already. */
void vhost_dev_stop(VhostDev *dev, VirtIODevice *vdev);

/* An empty memory table, so that an endpoint can be tried before there are
 * rings. */
int vhost_dev_clear_mem_table(VhostDev *dev);

/* --- workers (vhost-worker.c) --- */

/* Makes a worker and files it in dev->workers. Other threads must not come or
 * go meanwhile, or its tid is not known. Returns 0 or -errno. */
int vhost_worker_new(VhostDev *dev, VhostWorker *ret_worker);

/* Frees a worker that no queue is attached to. */
int vhost_worker_free(VhostDev *dev, uint32_t worker_id);

/* Attaches virtqueue @vq and reads the mapping back: -EIO if the kernel does
 * not confirm it. */
int vhost_worker_attach(VhostDev *dev, unsigned vq, uint32_t worker_id);

/*
 * A worker of its own for each virtqueue from @first to @end - 1. Needs OWNED.
 * On failure the queues are back on the default worker and the workers made are
 * freed. -ENOTTY: the kernel has no worker calls; nothing was changed.
 */
int vhost_workers_per_queue(VhostDev *dev, unsigned first, unsigned end);

/* The threads of this process by number, for finding out which one is new.
 * Returns an array of pid_t, or NULL. */
GArray *vhost_list_threads(void);

/* The thread that is in the process and not in @before (may be NULL), or 0 if
 * there is none or more than one. */
pid_t vhost_new_thread(const GArray *before);

#endif
