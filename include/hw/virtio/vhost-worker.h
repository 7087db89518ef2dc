/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's worker threads of a vhost device: made, attached to virtqueues,
 * freed, and the mapping. Any vhost device whose kernel driver has worker calls
 * can use it; vhost-scsi has (Linux 6.5), vhost-net and vhost-vsock have not.
 *
 * The kernel makes the default worker, id 0, with SET_OWNER, and attaches all
 * queues to it. See drivers/vhost/vhost.c, vhost_worker_ioctl().
 */
#ifndef HW_VIRTIO_VHOST_WORKER_H
#define HW_VIRTIO_VHOST_WORKER_H

#include "hw/virtio/vhost-worker-plan.h"
#include "util/thread.h"

typedef struct VhostDev VhostDev;

#define VHOST_DEFAULT_WORKER_ID 0
#define VHOST_WORKER_NAME_MAX   15 /* bytes of a thread's name */

/* A kernel worker thread and what we know of it. */
typedef struct VhostWorker {
    uint32_t id;     /* the kernel's */
    ThreadId thread; /* none: not of this process, or not known */
    char *name;      /* of worker-vq-mapping; owned; NULL: none */
} VhostWorker;

void vhost_worker_clear(gpointer worker); /* frees what it owns */

/* Makes a worker whose first moment is on spec->cpus, and gives it what else
 * @spec asks for; @spec may be NULL. Does not file it in dev->workers. */
int vhost_worker_create(VhostDev *dev, const VhostWorkerSpec *spec,
                        VhostWorker *ret_worker);

/* Files it in dev->workers, which takes what it owns. */
void vhost_worker_file(VhostDev *dev, const VhostWorker *worker);

/* Attaches vring @vring and reads the mapping back: -EIO if the kernel does
 * not confirm it. Does not note it in dev->vq_workers. */
int vhost_worker_attach(VhostDev *dev, unsigned vring, uint32_t worker_id);

/* The worker with that id, borrowed, or NULL. Machine lock. */
VhostWorker *vhost_worker_find(const VhostDev *dev, uint32_t id);

/* "0-2,5" of the virtqueues that worker @id serves, by their virtio numbers.
 * The caller frees it. */
char *vhost_worker_queues(const VhostDev *dev, uint32_t id);

/* Gives each thread its name after device and queues, if worker-names=on. */
void vhost_workers_name(VhostDev *dev);

/* Becomes owner, by which the kernel makes the default worker, with its first
 * moment on spec->cpus and what else @spec (may be NULL) asks for, and notes that
 * worker. Returns 0 or -errno with dev->failed_*. */
int vhost_worker_set_owner(VhostDev *dev, const VhostWorkerSpec *spec);

/* What vhost-thread-mode asks for, before SET_OWNER. @several: more than one
 * worker is wanted. */
int vhost_worker_set_thread_mode(VhostDev *dev, const char *mode, bool several);

/* --- a plan carried out; vhost-worker-apply.c ---
 *
 * Needs OWNED; nobody else knows of the device yet. */

/*
 * Does what @plan, which is resolved, says. Returns 0, or -errno with
 * dev->failed_*; the queues are then back on the default worker and the workers
 * made are freed. -ENOTTY: the kernel has no worker calls; nothing was changed.
 * *@ret_shared: how many workers could not be had, whose queues others serve
 * (worker-fallback=share).
 */
int vhost_workers_apply(VhostDev *dev, const VhostWorkerPlan *plan,
                        unsigned *ret_shared);

/*
 * The same for dev->plan, which is resolved for @n_fixed of the queues that @dev
 * serves and the request queues after them, and after a look at the limits of
 * threads. A kernel without worker calls is warned of and serves all queues
 * with the default worker. Without any property for workers the kernel is asked
 * nothing.
 */
bool vhost_workers_set_up(VhostDev *dev, unsigned n_fixed, GError **errp);

/* --- of a device that is part of the machine ---
 *
 * For the control thread, with the machine lock, which is released during the
 * kernel's calls. I/O goes on. Each returns 0 or -errno with dev->failed_*, and
 * emits VHOST_WORKERS_CHANGED. */

int vhost_live_new_worker(VhostDev *dev, const VhostWorkerSpec *spec,
                          uint32_t *ret_id);
/* EBUSY: a vring is attached; ENODEV: no such worker. */
int vhost_live_free_worker(VhostDev *dev, uint32_t id);
/* ENODEV: no such worker. @vring is one that @dev serves. */
int vhost_live_attach(VhostDev *dev, unsigned vring, uint32_t id);
/* What the kernel says of @vring. */
int vhost_live_get(VhostDev *dev, unsigned vring, uint32_t *ret_id);
int vhost_live_set_affinity(VhostDev *dev, uint32_t id, const CpuSet *cpus);

#endif
