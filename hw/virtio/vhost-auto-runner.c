/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-auto-runner.h"
#include "hw/virtio/vhost-auto-policy.h"
#include "hw/virtio/vhost.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/log.h"

struct VhostAutoRunner {
    ControlJob job; /* one sample and what follows from it */
    bool posted;
    VhostDev *dev;               /* borrowed */
    VirtIODevice *vdev;          /* its */
    const VhostWorkerSpec *spec; /* its plan's */
    VhostAuto *policy;
    unsigned n_requests;
    unsigned max_workers;      /* slots; at most n_requests */
    unsigned starts;           /* vdev->starts at the last sample */
    uint32_t *slot_worker;     /* worker id by slot; owned */
    VhostAutoWorker *readings; /* by slot; owned */
    uint16_t *taken;           /* by request queue; owned */
    GSource *timer;            /* runs while there is I/O */
    GSource **kick_watches;    /* by request queue, while there is none */
};

static int64_t now_ns(void)
{
    return g_get_monotonic_time() * 1000;
}

static VirtQueue *request_queue(const VhostAutoRunner *a, unsigned q)
{
    return &a->vdev->queues[a->dev->first + a->dev->plan->n_fixed + q];
}

/* --- asleep and awake --- */

static gboolean timer_tick(gpointer opaque)
{
    VhostAutoRunner *a = opaque;

    Machine *m = a->vdev->dev.machine;

    /* A sample that is not taken holds up nobody. */
    if (!a->posted && !control_is_wanted_alone(m)) {
        a->posted = true;
        a->job.lane = device_lane(a->vdev->dev.proxy);
        control_post(m, &a->job);
    }
    return G_SOURCE_CONTINUE;
}

static void unwatch_kicks(VhostAutoRunner *a)
{
    for (unsigned q = 0; q < a->n_requests; q++) {
        machine_unwatch(&a->kick_watches[q]);
    }
}

static bool wake_up(void *opaque, GIOCondition condition)
{
    VhostAutoRunner *a = opaque;

    trace(vhost_worker_auto, "%s wakes up", a->dev->label);
    unwatch_kicks(a);
    a->timer = g_timeout_source_new(VHOST_AUTO_SAMPLE_NS / 1000000);
    g_source_set_callback(a->timer, timer_tick, a, NULL);
    g_source_attach(a->timer, a->vdev->dev.machine->context);
    return false;
}

/*
 * Nobody reads a kick: the kernel's worker is woken by the eventfd's wait queue
 * and leaves the count alone. So it is read here, and what comes then is the
 * first kick. A kick that nobody has listened to yet is not lost, since each
 * start signals every queue.
 */
static void sleep_until_kicked(VhostAutoRunner *a)
{
    trace(vhost_worker_auto, "%s sleeps", a->dev->label);
    machine_unwatch(&a->timer);
    for (unsigned q = 0; q < a->n_requests; q++) {
        EventNotifier *kick = &request_queue(a, q)->kick;

        (void)event_notifier_test_and_clear(kick);
        a->kick_watches[q] = machine_watch_fd(a->vdev->dev.machine, kick->fd,
                                              G_IO_IN, wake_up, a);
    }
}

/* --- changes --- */

/* Attaches the first @n of the action's queues to @worker. */
static int attach_queues(VhostAutoRunner *a, const VhostAutoAction *action,
                         unsigned n, uint32_t worker)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < n; i++) {
        r = vhost_live_attach(a->dev, a->dev->plan->n_fixed + action->queues[i],
                              worker);
    }
    return r;
}

static bool carry_out_split(VhostAutoRunner *a, const VhostAutoAction *action)
{
    uint32_t from = a->slot_worker[action->from], worker;

    if (vhost_live_new_worker(a->dev, a->spec, &worker) < 0) {
        return false;
    }
    if (attach_queues(a, action, action->n_queues, worker) < 0) {
        (void)attach_queues(a, action, action->n_queues, from);
        (void)vhost_live_free_worker(a->dev, worker);
        return false;
    }
    a->slot_worker[action->to] = worker;
    return true;
}

static bool carry_out_merge(VhostAutoRunner *a, const VhostAutoAction *action)
{
    uint32_t from = a->slot_worker[action->from];

    if (attach_queues(a, action, action->n_queues, a->slot_worker[action->to]) <
        0) {
        (void)attach_queues(a, action, action->n_queues, from);
        return false;
    }
    /* One that cannot be freed has no queue and does no harm. */
    (void)vhost_live_free_worker(a->dev, from);
    return true;
}

static void carry_out(VhostAutoRunner *a, const VhostAutoAction *action)
{
    bool ok;

    switch (action->kind) {
    case VHOST_AUTO_NONE:
        return;
    case VHOST_AUTO_SLEEP:
        sleep_until_kicked(a);
        return;
    case VHOST_AUTO_SPLIT:
        ok = carry_out_split(a, action);
        break;
    case VHOST_AUTO_MERGE:
        ok = carry_out_merge(a, action);
        break;
    default:
        g_assert_not_reached();
    }
    trace(vhost_worker_auto, "%s %s from=%u to=%u queues=%u ok=%d",
          a->dev->label, action->kind == VHOST_AUTO_SPLIT ? "split" : "merge",
          action->from, action->to, action->n_queues, ok);
    vhost_auto_done(a->policy, now_ns(), ok);
}

/* --- samples --- */

/* How far each queue's worker has come. Legal while the rings run. */
static bool read_queues(VhostAutoRunner *a)
{
    VhostDev *dev = a->dev;
    int r = 0;

    virtio_begin_kernel_calls(a->vdev);
    for (unsigned q = 0; r == 0 && q < a->n_requests; q++) {
        struct vhost_vring_state ring = { .index = a->dev->plan->n_fixed + q };

        r = dev->ops->vhost_get_vring_base(dev, &ring);
        a->taken[q] = (uint16_t)ring.num;
    }
    virtio_end_kernel_calls(a->vdev);
    return r == 0;
}

static bool read_workers(VhostAutoRunner *a)
{
    for (unsigned slot = 0; slot < a->max_workers; slot++) {
        const VhostWorker *w;
        ThreadStat stat;

        if (!vhost_auto_slot_in_use(a->policy, slot)) {
            continue;
        }
        w = vhost_worker_find(a->dev, a->slot_worker[slot]);
        if (!w || thread_read_stat(&w->thread, &stat) < 0) {
            return false;
        }
        a->readings[slot] = (VhostAutoWorker){ stat.run_ns, stat.wait_ns };
    }
    return true;
}

/* What tests/unit/test-vhost-auto-replay.c reads. */
static void trace_sample(const VhostAutoRunner *a, int64_t ns)
{
    g_autoptr(GString) s = g_string_new(NULL);

    g_string_printf(s, "ns=%" PRId64 " taken=", ns);
    for (unsigned q = 0; q < a->n_requests; q++) {
        g_string_append_printf(s, "%s%u", q ? "," : "", a->taken[q]);
    }
    for (unsigned slot = 0; slot < a->max_workers; slot++) {
        if (vhost_auto_slot_in_use(a->policy, slot)) {
            g_string_append_printf(s, " %u=%" PRIu64 "/%" PRIu64, slot,
                                   a->readings[slot].run_ns,
                                   a->readings[slot].wait_ns);
        }
    }
    trace(vhost_worker_auto_sample, "%s %s", a->dev->label, s->str);
}

static void take_sample(VhostAutoRunner *a)
{
    VhostAutoAction action;
    int64_t ns;

    if (!a->vdev->started) {
        vhost_auto_restart(a->policy);
        sleep_until_kicked(a);
        return;
    }
    if (a->starts != a->vdev->starts) {
        a->starts = a->vdev->starts;
        vhost_auto_restart(a->policy);
    }
    if (!read_queues(a) || !read_workers(a)) {
        return; /* the next sample tries again */
    }
    ns = now_ns();
    if (trace_is_enabled(TRACE_vhost_worker_auto_sample)) {
        trace_sample(a, ns);
    }
    action = vhost_auto_sample(a->policy,
                               &(VhostAutoReading){ .now_ns = ns,
                                                    .workers = a->readings,
                                                    .taken = a->taken });
    carry_out(a, &action);
}

static void job_run(ControlJob *job, bool cancelled)
{
    VhostAutoRunner *a = container_of(job, VhostAutoRunner, job);

    a->posted = false;
    if (!cancelled && a->timer) {
        take_sample(a);
    }
}

/* --- life --- */

static unsigned usable_cpus(const VhostWorkerSpec *spec)
{
    CpuSet cpus;

    if (sched_getaffinity(0, sizeof(cpus.cpu_set), cpus.cpu_set) < 0) {
        return 1;
    }
    if (spec->has_cpus) {
        cpuset_and(&cpus, &spec->cpus);
    }
    return MAX(cpuset_count(&cpus), 1);
}

VhostAutoRunner *vhost_auto_runner_new(VhostDev *dev)
{
    VhostAutoRunner *a = g_new0(VhostAutoRunner, 1);
    const VhostWorkerSpec *spec = vhost_worker_plan_default(dev->plan);
    unsigned n = dev->plan->request_spec->len;

    a->job.run = job_run;
    a->dev = dev;
    a->vdev = dev->vdev;
    a->spec = spec;
    a->n_requests = n;
    a->max_workers = vhost_auto_max_workers(n, usable_cpus(spec));
    a->policy = vhost_auto_new(n, a->max_workers);
    /* Slot 0 is the default worker. */
    a->slot_worker = g_new0(uint32_t, a->max_workers);
    a->readings = g_new0(VhostAutoWorker, a->max_workers);
    a->taken = g_new0(uint16_t, n);
    a->kick_watches = g_new0(GSource *, n);
    sleep_until_kicked(a);
    return a;
}

void vhost_auto_runner_free(VhostAutoRunner *a)
{
    if (!a) {
        return;
    }
    if (a->posted) {
        (void)control_cancel(a->vdev->dev.machine, &a->job);
    }
    machine_unwatch(&a->timer);
    unwatch_kicks(a);
    vhost_auto_free(a->policy);
    g_free(a->slot_worker);
    g_free(a->readings);
    g_free(a->taken);
    g_free(a->kick_watches);
    g_free(a);
}
