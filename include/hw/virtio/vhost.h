/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost means, whatever the device: who owns it, which features are
 * common, the memory table, the life of the rings. Linux, drivers/vhost/vhost.c
 *
 *     CLOSED --open--> OWNED --start--> RUNNING
 *                        ^------stop------'       close from OWNED
 *
 * A virtio device may have several, each for a range of its virtqueues, and
 * queues that none of them serves but user space. In what follows a *vring* is
 * numbered as the kernel does it, from 0 in each VhostDev, and a *virtqueue* as
 * the guest does it.
 *
 * Leaves: 0 (or a value >= 0) or -errno, nothing printed. None of these needs
 * the machine lock; the caller sees to it that one thread at a time uses a
 * VhostDev (a virtio device does so by being busy).
 */
#ifndef HW_VIRTIO_VHOST_H
#define HW_VIRTIO_VHOST_H

#include "hw/virtio/vhost-auto-runner.h"
#include "hw/virtio/vhost-backend.h"
#include "hw/virtio/vhost-worker.h"
#include "hw/virtio/virtio.h"
#include "system/memory.h"

#include <sys/types.h>

typedef enum VhostState {
    VHOST_CLOSED,
    VHOST_OWNED,
    VHOST_RUNNING,
} VhostState;

/* What a kind of kernel device is. */
typedef struct VhostKind {
    const char *name;            /* "vhost-scsi"; begins what it says */
    const char *path;            /* "/dev/vhost-scsi" */
    const char *module;          /* that makes it: "vhost_scsi" */
    const char *queues_property; /* "num_queues"; NULL: there is none */
    bool one_worker; /* the default worker is all that its driver has */
    /* Whether dev->fd, which messages call @what, is a device of this kind
     * that we can drive. It has no owner yet. */
    bool (*check)(VhostDev *dev, const char *what, GError **errp);
    /* The last step of a start, from which on the kernel serves the rings, and
     * the first one of a stop, which waits for all that is in flight. Without
     * the lock. A failure goes through vhost_dev_answer(), too. */
    bool (*activate)(VhostDev *dev, GError **errp);
    bool (*deactivate)(VhostDev *dev, GError **errp);
} VhostKind;

struct VhostDev {
    const VhostOps *ops;
    const VhostKind *kind;
    VirtIODevice *vdev; /* borrowed; whose queues it serves */
    VhostDev *next;     /* that serves other queues of the same; or NULL */
    unsigned first;     /* of its virtqueues: vring 0 for the kernel ... */
    unsigned n_vrings;  /* ... and so many in a row; 0 until it serves */
    VhostState state;
    int fd;             /* owned; -1 while CLOSED */
    const char *label;  /* borrowed: the device's name in traces */
    uint64_t features;  /* offered by the kernel; valid from OWNED on */
    EventNotifier err;  /* signalled by the kernel when it cannot make sense of
                        * a ring; owned */
    GSource *err_watch; /* of err; owned */
    bool active;        /* activate() was done, and not undone */
    /* Machine lock once the device is part of the machine: */
    GArray *workers;    /* VhostWorker; the first is the default worker */
    GArray *vq_workers; /* uint32_t: worker id by vring */
    VhostWorkerMode requested_mode, effective_mode;
    char *mode_reason; /* why they differ, or are not quite; owned; or NULL */
    VhostWorkerPlan *plan;   /* owned; NULL until it is opened */
    VhostAutoRunner *runner; /* owned; NULL unless workers=auto */
    /* What failed last, for the message: the name of an ioctl, the vring it was
     * about or -1, and the positive errno. */
    const char *failed_call;
    int failed_vring;
    int failed_errno;
};

/* Returns @r, the answer of @call about vring @vring (or -1), and notes all of it
 * if it is an error. */
static inline int vhost_dev_answer(VhostDev *dev, const char *call, int vring,
                                   int r)
{
    if (r < 0) {
        dev->failed_call = call;
        dev->failed_vring = vring;
        dev->failed_errno = -r;
    }
    return r;
}

/* A closed VhostDev for queues of @vdev; undone by vhost_dev_close(). */
void vhost_dev_init(VhostDev *dev, const VhostKind *kind, const VhostOps *ops,
                    VirtIODevice *vdev);

/* Takes @fd on success, becomes its owner, and reads the features. @spec says
 * where the default worker is to run; NULL: anywhere. */
int vhost_dev_open(VhostDev *dev, int fd, const VhostWorkerSpec *spec);

/* Closes it, which ends its workers. Not while RUNNING; fine if CLOSED. */
void vhost_dev_close(VhostDev *dev);

/* How many vrings the kernel's device has, at most @limit. */
int vhost_dev_n_vrings(VhostDev *dev, unsigned limit);

/* It serves virtqueues [@first, @first + @n) of its device, which exist, and all
 * are on its default worker. */
void vhost_dev_serve(VhostDev *dev, unsigned first, unsigned n);

/* Who serves @queue of @vdev; NULL: user space, or there is no such queue. */
VhostDev *vhost_dev_of_queue(const VirtIODevice *vdev, unsigned queue);

/*
 * Tells the kernel the driver's features, as far as it has them, memory, and
 * the rings it serves, whose addresses are checked against RAM first (-EFAULT).
 * kind->activate() follows. On failure everything is as before, and
 * failed_call and failed_vring say what it was.
 */
int vhost_dev_start(VhostDev *dev, const GuestRam *ram);

/* Takes the rings back: each queue's last_avail is where to go on. It is
 * deactivated already. */
void vhost_dev_stop(VhostDev *dev);

/* An empty memory table, so that an endpoint can be tried before there are
 * rings. */
int vhost_dev_clear_mem_table(VhostDev *dev);

#endif
