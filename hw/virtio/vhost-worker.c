/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "util/json.h"
#include "util/log.h"

/*
 * The kernel does not tell which thread a new worker is. In its task mode a
 * worker is a thread of this process that is called after the one that made it;
 * in kthread mode it is none of ours.
 */
#define WORKER_PREFIX "vhost-"

/* --- attributes --- */

static bool wants_thread(const VhostWorkerSpec *spec)
{
    return spec && (spec->has_cpus || spec->has_nice || spec->policy >= 0);
}

/* What the kernel passes on to a new worker, the calling thread takes on: so
 * the worker runs nowhere else, not even at first. */
static int enter_cpus(VhostDev *dev, const VhostWorkerSpec *spec,
                      CpuSet *ret_old)
{
    int r = spec && spec->has_cpus ? thread_move_self(&spec->cpus, ret_old) : 0;

    return vhost_dev_answer(dev, "sched_setaffinity", -1, r);
}

static void leave_cpus(const VhostWorkerSpec *spec, const CpuSet *old)
{
    if (spec && spec->has_cpus) {
        (void)thread_move_self(old, NULL);
    }
}

/* Notes the thread that is new since @before as that of @worker, and gives it
 * what @spec asks for; a thread that is not found is a failure only then. */
static int take_thread(VhostDev *dev, const VhostWorkerSpec *spec,
                       const GArray *before, VhostWorker *worker)
{
    int r = thread_find_new(before, WORKER_PREFIX, &worker->thread);

    if (!wants_thread(spec)) {
        return 0;
    }
    r = vhost_dev_answer(dev, "finding the worker's thread", -1, r);
    if (r == 0 && spec->has_nice) {
        r = vhost_dev_answer(dev, "setpriority", -1,
                             thread_set_nice(&worker->thread, spec->nice));
    }
    if (r == 0 && spec->policy >= 0) {
        r = vhost_dev_answer(
            dev, "sched_setscheduler", -1,
            thread_set_policy(&worker->thread, spec->policy, spec->priority));
    }
    return r;
}

/* --- thread mode --- */

int vhost_worker_set_thread_mode(VhostDev *dev, const char *mode, bool several)
{
    bool want_kthread = !g_strcmp0(mode, "kthread");
    bool is_auto = !mode || g_str_equal(mode, "auto");
    bool task;
    int r;

    if (is_auto && !several) {
        return 0; /* as the host is set */
    }
    r = dev->ops->vhost_get_fork_from_owner(dev, &task);
    if (r == -EPERM) {
        r = -ENOTTY; /* any call it does not know needs an owner first */
    }
    if (r == -ENOTTY && !want_kthread) {
        return 0; /* not to be chosen; SET_OWNER shows what there is */
    }
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_GET_FORK_FROM_OWNER", -1, r);
    }
    if (task == !want_kthread) {
        return 0;
    }
    r = dev->ops->vhost_set_fork_from_owner(dev, !want_kthread);
    return vhost_dev_answer(dev, "VHOST_SET_FORK_FROM_OWNER", -1, r);
}

/* --- workers --- */

void vhost_worker_clear(gpointer data)
{
    VhostWorker *w = data;

    g_clear_pointer(&w->name, g_free);
}

void vhost_worker_file(VhostDev *dev, const VhostWorker *worker)
{
    trace(vhost_worker_thread, "%s worker_id=%u tid=%d", dev->label, worker->id,
          (int)worker->thread.tid);
    g_array_append_vals(dev->workers, worker, 1);
}

/* The default worker has the first id (drivers/vhost/vhost.c,
 * vhost_dev_set_owner). Asking would be a worker call, which a device that
 * wants no workers does not make. */
int vhost_worker_set_owner(VhostDev *dev, const VhostWorkerSpec *spec)
{
    g_autoptr(GArray) before = threads_list();
    VhostWorker worker = { .id = VHOST_DEFAULT_WORKER_ID };
    CpuSet old;
    int r = enter_cpus(dev, spec, &old);

    if (r < 0) {
        return r;
    }
    r = dev->ops->vhost_set_owner(dev);
    leave_cpus(spec, &old);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_OWNER", -1, r);
    }
    r = take_thread(dev, spec, before, &worker);
    worker.name = spec ? g_strdup(spec->name) : NULL;
    vhost_worker_file(dev, &worker);
    return r;
}

int vhost_worker_create(VhostDev *dev, const VhostWorkerSpec *spec,
                        VhostWorker *ret_worker)
{
    g_autoptr(GArray) before = threads_list();
    struct vhost_worker_state state = { 0 };
    VhostWorker worker;
    CpuSet old;
    int r = enter_cpus(dev, spec, &old);

    if (r < 0) {
        return r;
    }
    r = dev->ops->vhost_new_worker(dev, &state);
    leave_cpus(spec, &old);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_NEW_WORKER", -1, r);
    }
    worker = (VhostWorker){ .id = state.worker_id };
    r = take_thread(dev, spec, before, &worker);
    if (r < 0) {
        (void)dev->ops->vhost_free_worker(dev, &state);
        return r;
    }
    worker.name = spec ? g_strdup(spec->name) : NULL;
    *ret_worker = worker;
    return 0;
}

int vhost_worker_attach(VhostDev *dev, unsigned vring, uint32_t worker_id)
{
    struct vhost_vring_worker w = { .index = vring, .worker_id = worker_id };
    int r = vhost_dev_answer(dev, "VHOST_ATTACH_VRING_WORKER", (int)vring,
                             dev->ops->vhost_attach_vring_worker(dev, &w));

    if (r < 0) {
        return r;
    }
    w.worker_id = UINT32_MAX;
    r = dev->ops->vhost_get_vring_worker(dev, &w);
    /* Attaching to a worker that was killed answers 0 and does nothing. */
    if (r == 0 && w.worker_id != worker_id) {
        r = -EIO;
    }
    return vhost_dev_answer(dev, "VHOST_GET_VRING_WORKER", (int)vring, r);
}

VhostWorker *vhost_worker_find(const VhostDev *dev, uint32_t id)
{
    for (unsigned i = 0; i < dev->workers->len; i++) {
        VhostWorker *w = &g_array_index(dev->workers, VhostWorker, i);

        if (w->id == id) {
            return w;
        }
    }
    return NULL;
}

/* --- names --- */

char *vhost_worker_queues(const VhostDev *dev, uint32_t id)
{
    CpuSet set = { 0 }; /* the same form of list serves queues */

    assert(dev->first + dev->n_vrings <= CPULIST_MAX + 1);
    for (unsigned i = 0; i < dev->n_vrings; i++) {
        if (g_array_index(dev->vq_workers, uint32_t, i) == id) {
            cpuset_add(&set, dev->first + i);
        }
    }
    return cpulist_format(&set);
}

/* LABEL:QUEUES with the device's name cut so that the queues are whole, or
 * LABEL:NAME of worker-vq-mapping. */
static char *thread_name(const VhostDev *dev, const VhostWorker *w)
{
    g_autofree char *queues = vhost_worker_queues(dev, w->id);
    const char *what = w->name ? w->name : queues;
    size_t what_len = MIN(strlen(what), VHOST_WORKER_NAME_MAX - 2);
    int label_len = (int)(VHOST_WORKER_NAME_MAX - 1 - what_len);

    return g_strdup_printf("%.*s:%.*s", label_len, dev->label, (int)what_len,
                           what);
}

void vhost_workers_name(VhostDev *dev)
{
    for (unsigned i = 0; dev->plan->names && i < dev->workers->len; i++) {
        const VhostWorker *w = &g_array_index(dev->workers, VhostWorker, i);
        g_autofree char *name = thread_name(dev, w);

        (void)thread_set_name(&w->thread, name);
    }
}

/* --- of a device in use --- */

static void emit_changed(VhostDev *dev, const char *operation, uint32_t id,
                         int vq)
{
    json_object *data = vhost_device_names(dev);

    vhost_workers_name(dev);
    json_add_string(data, "operation", operation);
    json_add_int(data, "worker-id", id);
    if (vq >= 0) {
        json_add_int(data, "virtqueue", vq);
    }
    event_emit(dev->vdev->dev.machine, "VHOST_WORKERS_CHANGED", data);
}

int vhost_live_new_worker(VhostDev *dev, const VhostWorkerSpec *spec,
                          uint32_t *ret_id)
{
    VirtIODevice *vdev = dev->vdev;
    const bool *refused;
    VhostWorker worker;
    int r;

    virtio_begin_kernel_calls(vdev);
    r = vhost_worker_create(dev, spec, &worker);
    virtio_end_kernel_calls(vdev);
    if (r < 0) {
        return r;
    }
    refused = control_job_refused(vdev->dev.machine);
    if (refused && *refused) {
        struct vhost_worker_state state = { .worker_id = worker.id };

        virtio_begin_kernel_calls(vdev);
        (void)dev->ops->vhost_free_worker(dev, &state);
        virtio_end_kernel_calls(vdev);
        vhost_worker_clear(&worker);
        return vhost_dev_answer(dev, "VHOST_NEW_WORKER", -1, -ETIMEDOUT);
    }
    g_array_append_val(dev->workers, worker);
    *ret_id = worker.id;
    emit_changed(dev, "new", worker.id, -1);
    return 0;
}

int vhost_live_free_worker(VhostDev *dev, uint32_t id)
{
    struct vhost_worker_state state = { .worker_id = id };
    VirtIODevice *vdev = dev->vdev;
    int r;

    virtio_begin_kernel_calls(vdev);
    r = vhost_dev_answer(dev, "VHOST_FREE_WORKER", -1,
                         dev->ops->vhost_free_worker(dev, &state));
    virtio_end_kernel_calls(vdev);
    if (r < 0) {
        return r;
    }
    for (unsigned i = 0; i < dev->workers->len; i++) {
        if (g_array_index(dev->workers, VhostWorker, i).id == id) {
            g_array_remove_index(dev->workers, i);
            break;
        }
    }
    emit_changed(dev, "free", id, -1);
    return 0;
}

int vhost_live_attach(VhostDev *dev, unsigned vring, uint32_t id)
{
    VirtIODevice *vdev = dev->vdev;
    int r;

    assert(vring < dev->n_vrings); /* the kernel's device may have more */
    virtio_begin_kernel_calls(vdev);
    r = vhost_worker_attach(dev, vring, id);
    virtio_end_kernel_calls(vdev);
    if (r < 0) {
        return r;
    }
    g_array_index(dev->vq_workers, uint32_t, vring) = id;
    emit_changed(dev, "attach", id, (int)(dev->first + vring));
    return 0;
}

int vhost_live_get(VhostDev *dev, unsigned vring, uint32_t *ret_id)
{
    struct vhost_vring_worker w = { .index = vring };
    VirtIODevice *vdev = dev->vdev;
    int r;

    assert(vring < dev->n_vrings);
    virtio_begin_kernel_calls(vdev);
    r = vhost_dev_answer(dev, "VHOST_GET_VRING_WORKER", (int)vring,
                         dev->ops->vhost_get_vring_worker(dev, &w));
    virtio_end_kernel_calls(vdev);
    if (r == 0) {
        *ret_id = w.worker_id;
    }
    return r;
}

int vhost_live_set_affinity(VhostDev *dev, uint32_t id, const CpuSet *cpus)
{
    VirtIODevice *vdev = dev->vdev;
    const VhostWorker *w;
    int r;

    /* Whoever uses the device now may note a failure of its own. */
    virtio_begin_kernel_calls(vdev);
    virtio_end_kernel_calls(vdev);
    w = vhost_worker_find(dev, id);
    r = w ? thread_set_affinity(&w->thread, cpus) : -ENODEV;
    if (r < 0) {
        return vhost_dev_answer(dev,
                                r == -ESRCH ? "finding the worker's thread"
                                            : "sched_setaffinity",
                                -1, r);
    }
    emit_changed(dev, "affinity", id, -1);
    return 0;
}
