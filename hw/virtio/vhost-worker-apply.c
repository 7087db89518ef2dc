/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan carried out: the workers of a device that is being realized. */
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread-limits.h"

#define WORKERS "worker threads" /* in messages */

/* --- the kernel --- */

/* Back to the default worker: what was done before something failed. The device
 * is about to be closed if this fails too, so there is nothing better to do
 * than to go on. */
static void undo_plan(VhostDev *dev)
{
    const char *call = dev->failed_call;
    int vring = dev->failed_vring;
    int r = dev->failed_errno;

    for (unsigned i = 0; i < dev->vq_workers->len; i++) {
        uint32_t *id = &g_array_index(dev->vq_workers, uint32_t, i);

        if (*id != VHOST_DEFAULT_WORKER_ID) {
            (void)vhost_worker_attach(dev, i, VHOST_DEFAULT_WORKER_ID);
            *id = VHOST_DEFAULT_WORKER_ID;
        }
    }
    while (dev->workers->len > 1) {
        unsigned last = dev->workers->len - 1;
        VhostWorker *w = &g_array_index(dev->workers, VhostWorker, last);
        struct vhost_worker_state state = { .worker_id = w->id };

        (void)dev->ops->vhost_free_worker(dev, &state);
        g_array_set_size(dev->workers, last);
    }
    (void)vhost_dev_answer(dev, call, vring, -r);
}

/* Attaches @vq and notes it, also when reading back failed: the queue may be
 * attached all the same. */
static int attach_and_note(VhostDev *dev, unsigned vq, uint32_t worker_id)
{
    g_array_index(dev->vq_workers, uint32_t, vq) = worker_id;
    return vhost_worker_attach(dev, vq, worker_id);
}

/* The queues of spec @k go to @worker_id. */
static int attach_queues(VhostDev *dev, const VhostWorkerPlan *plan, unsigned k,
                         uint32_t worker_id)
{
    const unsigned n_fixed = plan->n_fixed;
    int r = 0;

    for (unsigned vq = 0; r == 0 && vq < dev->vq_workers->len; vq++) {
        unsigned spec = vq < n_fixed ? plan->control_spec
                                     : g_array_index(plan->request_spec,
                                                     unsigned, vq - n_fixed);

        if (spec == k) {
            r = attach_and_note(dev, vq, worker_id);
        }
    }
    return r;
}

/* The first queue of spec @k, for a message. */
static int first_queue(const VhostWorkerPlan *plan, unsigned k)
{
    for (unsigned q = 0; q < plan->request_spec->len; q++) {
        if (g_array_index(plan->request_spec, unsigned, q) == k) {
            return (int)(q + plan->n_fixed);
        }
    }
    return -1;
}

/* The plan's worker @k; after one that could not be had none is tried. */
static int make_worker(VhostDev *dev, const VhostWorkerPlan *plan, unsigned k,
                       unsigned made, VhostWorker *ret_worker)
{
    if (made < k) {
        return -EAGAIN;
    }
    if (k >= plan->at_most) {
        return vhost_dev_answer(dev, "the thread limits", -1, -EAGAIN);
    }
    return vhost_worker_create(
        dev, &g_array_index(plan->specs, VhostWorkerSpec, k), ret_worker);
}

int vhost_workers_apply(VhostDev *dev, const VhostWorkerPlan *plan,
                        unsigned *ret_shared)
{
    unsigned made = 1;

    *ret_shared = 0;
    assert(dev->n_vrings == plan->n_fixed + plan->request_spec->len);
    for (unsigned k = 1; k < plan->specs->len; k++) {
        VhostWorker worker = { 0 };
        int r = make_worker(dev, plan, k, made, &worker);

        if (r == 0) {
            vhost_worker_file(dev, &worker);
            made++;
        } else if (r != -ENOTTY && plan->share) {
            worker = g_array_index(dev->workers, VhostWorker, k % made);
            r = 0;
            (*ret_shared)++;
        } else {
            dev->failed_vring = first_queue(plan, k);
        }
        if (r == 0) {
            r = attach_queues(dev, plan, k, worker.id);
        }
        if (r < 0) {
            undo_plan(dev);
            return r;
        }
    }
    return 0;
}

/* --- and what there is to say --- */

/* What the property that asks for workers is called, for messages. */
static const char *workers_property(const VhostWorkerPlan *plan)
{
    switch (plan->mode) {
    case VHOST_WORKERS_PER_VIRTQUEUE:
        return "worker_per_virtqueue=on";
    case VHOST_WORKERS_MAPPED:
        return "worker-vq-mapping";
    case VHOST_WORKERS_COUNT:
    case VHOST_WORKERS_AUTO:
    case VHOST_WORKERS_SINGLE:
    case VHOST_WORKER_MODES_COUNT:
        break;
    }
    return "workers";
}

static void fall_back_to_single(VhostDev *dev)
{
    dev->effective_mode = VHOST_WORKERS_SINGLE;
    dev->mode_reason = g_strdup("the kernel supports a single vhost worker");
    warn_report("%s: the kernel supports a single vhost worker (several need "
                "Linux 6.5): %s is ignored",
                dev->label, workers_property(dev->plan));
}

static void warn_shared(VhostDev *dev, unsigned shared)
{
    dev->mode_reason = g_strdup_printf(
        "%u of %u workers could not be made (%s): their queues are served by "
        "the others",
        shared, dev->plan->specs->len, g_strerror(dev->failed_errno));
    warn_report("%s: %s", dev->label, dev->mode_reason);
}

/* workers=auto needs worker calls, and threads whose time can be read. */
static bool can_be_auto(VhostDev *dev)
{
    struct vhost_vring_worker w = { .index = dev->plan->n_fixed };

    return g_array_index(dev->workers, VhostWorker, 0).thread.tid &&
           dev->ops->vhost_get_vring_worker(dev, &w) == 0;
}

static bool check_limits(const VhostDev *dev, unsigned n, GError **errp)
{
    g_autoptr(GError) err = NULL;

    if (!thread_check_limits(n, WORKERS, &err)) {
        error_setg(errp, "%s: %s: %s, lower %s or ask for fewer workers",
                   dev->kind->name, workers_property(dev->plan), err->message,
                   dev->kind->queues_property);
    }
    return !err;
}

/* The last thread that a limit allows is not for a worker: before the machine
 * has started, vCPUs and the control thread are still to come, a thread that
 * KVM makes, and those that write messages and the log. */
#define OTHER_THREADS 4

static unsigned affordable_workers(const VhostDev *dev, unsigned wanted)
{
    const Machine *m = dev->vdev->dev.machine;
    unsigned reserve = m->tree.started ? 0
                                       : m->config.n_cpus + m->threads_to_come +
                                             OTHER_THREADS;

    while (wanted > 1 &&
           !thread_check_limits(wanted - 1 + reserve, WORKERS, NULL)) {
        wanted--;
    }
    return wanted;
}

bool vhost_workers_set_up(VhostDev *dev, unsigned n_fixed, GError **errp)
{
    VhostWorkerPlan *plan = dev->plan;
    unsigned shared, wanted;
    int r;

    if (!vhost_worker_plan_resolve(plan, n_fixed, dev->n_vrings - n_fixed,
                                   dev->kind->queues_property, errp)) {
        g_prefix_error(errp, "%s: ", dev->kind->name);
        return false;
    }
    wanted = plan->specs->len;
    dev->requested_mode = plan->mode;
    dev->effective_mode = plan->mode;
    if (plan->share) {
        plan->at_most = affordable_workers(dev, wanted);
    } else if (wanted > 1 && !check_limits(dev, wanted - 1, errp)) {
        return false;
    }
    r = vhost_workers_apply(dev, plan, &shared);
    if (r == 0 && plan->mode == VHOST_WORKERS_AUTO && !can_be_auto(dev)) {
        r = -ENOTTY;
    }
    if (r == -ENOTTY) {
        fall_back_to_single(dev);
        r = 0;
    } else if (r < 0) {
        vhost_device_call_error(errp, dev, r);
    } else if (shared) {
        warn_shared(dev, shared);
    }
    vhost_workers_name(dev);
    return r == 0;
}
