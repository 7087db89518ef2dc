/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user asks for (VhostWorkerConfig) and what follows from it for a
 * device of so many queues (VhostWorkerPlan): how many workers there are to be,
 * which queues each serves, and where and how it is to run. No kernel, no
 * device, no lock.
 *
 * A device has fixed virtqueues (vhost-scsi: control and event) and after them
 * the request queues, which the user numbers from 0.
 *
 *     vhost_worker_plan_new() -> vhost_worker_plan_resolve()
 */
#ifndef HW_VIRTIO_VHOST_WORKER_PLAN_H
#define HW_VIRTIO_VHOST_WORKER_PLAN_H

#include "util/cpulist.h"

#include <json-c/json.h>

#define VHOST_WORKERS_MAX 1024 /* of one device: one for each queue */

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
    unsigned n_fixed;      /* queues before the request queues; valid once it
                            * is resolved */
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

/* Fills in the rest for a device with @n_fixed queues and after them
 * @n_requests request queues, whose number property @queues_property says. */
bool vhost_worker_plan_resolve(VhostWorkerPlan *plan, unsigned n_fixed,
                               unsigned n_requests, const char *queues_property,
                               GError **errp);

static inline const VhostWorkerSpec *vhost_worker_plan_default(
    const VhostWorkerPlan *plan)
{
    return &g_array_index(plan->specs, VhostWorkerSpec, 0);
}

#endif
