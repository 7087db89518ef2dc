/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel worker thread serves which virtqueue: what the user asks for
 * (VhostWorkerConfig), what follows from it for a device of so many queues
 * (VhostWorkerPlan), and what is told the kernel. Knows nothing of SCSI: any
 * vhost device whose kernel driver has worker calls can use it.
 *
 * A device has fixed virtqueues (vhost-scsi: control and event) and after them
 * the request queues, which the user numbers from 0.
 *
 *     vhost_worker_plan_new() -> vhost_worker_plan_resolve() -> vhost_workers_apply()
 *
 * The kernel makes the default worker, id 0, with SET_OWNER, and attaches all
 * queues to it. See drivers/vhost/vhost.c, vhost_worker_ioctl().
 */
#ifndef HW_VIRTIO_VHOST_WORKER_H
#define HW_VIRTIO_VHOST_WORKER_H

#include "util/thread.h"

#include <json-c/json.h>

typedef struct VhostDev VhostDev;
typedef struct VirtIODevice VirtIODevice;

#define VHOST_DEFAULT_WORKER_ID 0
#define VHOST_WORKERS_MAX       1024 /* of one device: one for each queue */
#define VHOST_WORKER_NAME_MAX   15   /* bytes of a thread's name */

typedef enum VhostWorkerMode {
    VHOST_WORKERS_SINGLE,        /* the default worker serves all */
    VHOST_WORKERS_PER_VIRTQUEUE, /* one for each request queue */
    VHOST_WORKERS_COUNT,         /* so many, round robin */
    VHOST_WORKERS_MAPPED,        /* as worker-vq-mapping says */
    VHOST_WORKERS_AUTO,          /* as the load asks for */
    VHOST_WORKER_MODES_COUNT
} VhostWorkerMode;

/* "single", "per-virtqueue", "count", "mapped", "auto". */
const char *vhost_worker_mode_name(VhostWorkerMode mode);

/* What property tables fill; the device embeds it. */
typedef struct VhostWorkerConfig {
    bool per_virtqueue;   /* worker_per_virtqueue */
    uint32_t count;       /* workers; 0: not given; PROPERTY_AUTO */
    json_object *mapping; /* worker-vq-mapping; NULL: not given */
    bool names;           /* worker-names */
    char *cpus;           /* worker-cpus; NULL: not given */
    char *fallback;       /* worker-fallback: "error", "share"; NULL: error */
    char *thread_mode;    /* vhost-thread-mode; NULL: auto */
} VhostWorkerConfig;

extern const char *const vhost_worker_fallback_words[];
extern const char *const vhost_thread_mode_words[];

/* A worker that is to be. */
typedef struct VhostWorkerSpec {
    char *name; /* of worker-vq-mapping; owned; NULL: none */
    bool has_cpus;
    CpuSet cpus; /* where it may run */
    bool has_nice;
    int nice;     /* -20 .. 19 */
    int policy;   /* SCHED_*; -1: as the thread that makes it */
    int priority; /* of SCHED_FIFO and SCHED_RR: 1 .. 99 */
} VhostWorkerSpec;

typedef struct VhostWorkerPlan {
    VhostWorkerMode mode;
    bool share;           /* worker-fallback=share */
    unsigned at_most;     /* workers to try; only share has fewer than specs */
    bool names;           /* worker-names=on */
    GArray *specs;        /* VhostWorkerSpec; the first is the default worker */
    GArray *request_spec; /* unsigned: index in specs, by request queue; only
                           * MAPPED has it before it is resolved */
    unsigned control_spec; /* of the fixed queues */
} VhostWorkerPlan;

/*
 * What @config asks for, as far as that does not depend on the number of
 * queues: the three ways exclude each other, lists and words are legal. The
 * message names the property; the caller prefixes the device. The caller frees
 * it by vhost_worker_plan_free(). NULL on failure.
 */
VhostWorkerPlan *vhost_worker_plan_new(const VhostWorkerConfig *config,
                                       GError **errp);
void vhost_worker_plan_free(VhostWorkerPlan *plan); /* takes NULL */

/* How many request queues worker-vq-mapping speaks of; 0 without one. */
unsigned vhost_worker_plan_n_mapped(const VhostWorkerPlan *plan);

/* Fills in specs and request_spec for @n_requests request queues. */
bool vhost_worker_plan_resolve(VhostWorkerPlan *plan, unsigned n_requests,
                               GError **errp);

/* --- the kernel's workers; vhost-worker.c --- */

/* A kernel worker thread and what we know of it. */
typedef struct VhostWorker {
    uint32_t id;     /* the kernel's */
    ThreadId thread; /* none: not of this process, or not known */
    char *name;      /* of worker-vq-mapping; owned; NULL: none */
} VhostWorker;

void vhost_worker_clear(gpointer worker); /* frees what it owns */

/*
 * Does what @plan says, for a device with @n_fixed queues before the request
 * queues. Needs OWNED; nobody else knows of the device yet. Returns 0, or
 * -errno with dev->failed_*; the queues are then back on the default worker and
 * the workers made are freed. -ENOTTY: the kernel has no worker calls; nothing
 * was changed. *@ret_shared: how many workers could not be had, whose queues
 * others serve (worker-fallback=share).
 */
int vhost_workers_apply(VhostDev *dev, const VhostWorkerPlan *plan,
                        unsigned n_fixed, unsigned *ret_shared);

/* Makes a worker whose first moment is on spec->cpus, and gives it what else
 * @spec asks for; @spec may be NULL. Does not file it in dev->workers. */
int vhost_worker_create(VhostDev *dev, const VhostWorkerSpec *spec,
                        VhostWorker *ret_worker);

/* Attaches virtqueue @vq and reads the mapping back: -EIO if the kernel does
 * not confirm it. Does not note it in dev->vq_workers. */
int vhost_worker_attach(VhostDev *dev, unsigned vq, uint32_t worker_id);

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

/* What to do when @call, as dev->failed_call names it, answered the negative
 * @r; "" if there is nothing to say. */
const char *vhost_worker_hint(const char *call, int r);

/* What vhost-thread-mode asks for, before SET_OWNER. @several: more than one
 * worker is wanted. */
int vhost_worker_set_thread_mode(VhostDev *dev, const char *mode, bool several);

/* --- of a device that is part of the machine; vhost-worker-live.c ---
 *
 * For the control thread, with the machine lock, which is released during the
 * kernel's calls. I/O goes on. Each returns 0 or -errno with dev->failed_*, and
 * emits VHOST_WORKERS_CHANGED. */

int vhost_live_new_worker(VirtIODevice *vdev, const VhostWorkerSpec *spec,
                          uint32_t *ret_id);
/* EBUSY: a virtqueue is attached; ENODEV: no such worker. */
int vhost_live_free_worker(VirtIODevice *vdev, uint32_t id);
/* ENODEV: no such worker; ENOBUFS: no such virtqueue. */
int vhost_live_attach(VirtIODevice *vdev, unsigned vq, uint32_t id);
/* What the kernel says of @vq. */
int vhost_live_get(VirtIODevice *vdev, unsigned vq, uint32_t *ret_id);
int vhost_live_set_affinity(VirtIODevice *vdev, uint32_t id,
                            const CpuSet *cpus);

/* --- QMP; vhost-worker-qmp.c: see qapi/virtio.json --- */

typedef struct Device Device;
typedef struct Machine Machine;

/* The vhost device whose transport is @dev, or NULL. */
VirtIODevice *vhost_device_behind(const Device *dev);

json_object *qmp_query_vhost_workers(Machine *m, json_object *args,
                                     GError **errp);
json_object *qmp_vhost_new_worker(Machine *m, json_object *args, GError **errp);
json_object *qmp_vhost_free_worker(Machine *m, json_object *args,
                                   GError **errp);
json_object *qmp_vhost_attach_vring_worker(Machine *m, json_object *args,
                                           GError **errp);
json_object *qmp_vhost_get_vring_worker(Machine *m, json_object *args,
                                        GError **errp);
json_object *qmp_vhost_set_worker_affinity(Machine *m, json_object *args,
                                           GError **errp);

#endif
