/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers in QMP. */
#include "hw/virtio/vhost-device.h"
#include "hw/virtio/vhost-worker-qmp.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* --- query-vhost-workers --- */

static json_object *queues_of(const VhostDev *dev, uint32_t id)
{
    const VirtIODevice *vdev = dev->vdev;
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < dev->n_vrings; i++) {
        unsigned queue = dev->first + i;
        json_object *o;

        if (g_array_index(dev->vq_workers, uint32_t, i) != id) {
            continue;
        }
        o = json_object_new_object();
        json_add_int(o, "index", queue);
        json_add_string(o, "role", vdev->kind->queue_role(vdev, queue));
        json_object_array_add(list, o);
    }
    return list;
}

static void add_thread(json_object *o, const ThreadId *thread)
{
    g_autofree char *name = NULL;
    const char *policy;
    ThreadStat stat;
    CpuSet cpus;

    if (thread_read_stat(thread, &stat) < 0) {
        return;
    }
    json_add_int(o, "tid", thread->tid);
    if (thread_get_name(thread, &name) == 0) {
        json_add_string(o, "name", name);
    }
    if (thread_get_affinity(thread, &cpus) >= 0) {
        g_autofree char *list = cpulist_format(&cpus);

        json_add_string(o, "cpus", list);
    }
    policy = thread_policy_name(thread_get_policy(thread));
    if (policy) {
        json_add_string(o, "policy", policy);
    }
    json_add_uint(o, "run-time-ns", stat.run_ns);
    json_add_uint(o, "wait-time-ns", stat.wait_ns);
    json_add_uint(o, "voluntary-switches", stat.voluntary);
    json_add_uint(o, "involuntary-switches", stat.involuntary);
    json_add_int(o, "last-cpu", stat.last_cpu);
}

static json_object *workers_of(const VhostDev *dev)
{
    const GArray *workers = dev->workers;
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < workers->len; i++) {
        const VhostWorker *w = &g_array_index(workers, VhostWorker, i);
        json_object *o = json_object_new_object();

        json_add_int(o, "worker-id", w->id);
        add_thread(o, &w->thread);
        json_add(o, "virtqueues", queues_of(dev, w->id));
        json_object_array_add(list, o);
    }
    return list;
}

static const char *reason_of(const VhostDev *dev)
{
    if (dev->mode_reason) {
        return dev->mode_reason;
    }
    return g_array_index(dev->workers, VhostWorker, 0).thread.tid
               ? NULL
               : "the kernel runs vhost in kthread mode: its threads are not "
                 "of this process";
}

static json_object *device_info(const VhostDev *vhost)
{
    const char *reason = reason_of(vhost);
    json_object *o = vhost_device_names(vhost);

    json_add_string(o, "requested-mode",
                    vhost_worker_mode_name(vhost->requested_mode));
    json_add_string(o, "effective-mode",
                    vhost_worker_mode_name(vhost->effective_mode));
    if (reason) {
        json_add_string(o, "reason", reason);
    }
    json_add(o, "workers", workers_of(vhost));
    return o;
}

VhostDev *vhost_behind(const Device *dev)
{
    return dev->backend && dev->backend->type->bus == BUS_VIRTIO
               ? virtio_device_from(dev->backend)->vhost
               : NULL;
}

json_object *qmp_query_vhost_workers(Machine *m, json_object *args,
                                     GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);

        for (const VhostDev *v = vhost_behind(dev); v; v = v->next) {
            json_object_array_add(list, device_info(v));
        }
    }
    return list;
}

/* --- commands --- */

static VhostDev *find_device(Machine *m, json_object *args, GError **errp)
{
    const char *id = keyval_get(args, "id");
    const Device *dev = device_resolve(&m->tree, id);
    VhostDev *vhost = dev ? vhost_behind(dev) : NULL;

    if (!dev) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  id);
    } else if (!vhost) {
        error_setg(errp, "Device '%s' is not a vhost device", id);
    }
    return vhost;
}

/* The same for a command that changes workers. */
static VhostDev *find_to_change(Machine *m, json_object *args, GError **errp)
{
    VhostDev *dev = find_device(m, args, errp);

    if (dev && dev->effective_mode == VHOST_WORKERS_AUTO) {
        error_setg(errp,
                   "workers of device '%s' follow the load (workers=auto): "
                   "give workers=N or worker-vq-mapping to manage them",
                   keyval_get(args, "id"));
        return NULL;
    }
    return dev;
}

static uint32_t worker_arg(json_object *args)
{
    return (uint32_t)json_object_get_uint64(json_get(args, "worker-id"));
}

static unsigned queue_arg(json_object *args)
{
    return (unsigned)json_object_get_uint64(json_get(args, "virtqueue"));
}

/* Who serves the queue of @args, or NULL; @dev is any VhostDev of the device. */
static VhostDev *server_of_queue(const VhostDev *dev, json_object *args,
                                 GError **errp)
{
    const VirtIODevice *vdev = dev->vdev;
    unsigned queue = queue_arg(args);
    VhostDev *server = vhost_dev_of_queue(vdev, queue);
    const char *id = keyval_get(args, "id");

    if (queue >= vdev->n_queues) {
        error_setg(errp, "device '%s' has no virtqueue %u: it has %u", id,
                   queue, vdev->n_queues);
    } else if (!server) {
        error_setg(errp, "virtqueue %u of device '%s' is not served by vhost",
                   queue, id);
    }
    return server;
}

static bool cpus_arg(json_object *args, CpuSet *ret_cpus, GError **errp)
{
    const char *text = keyval_get(args, "cpus");
    int r = cpulist_parse(text, ret_cpus);

    if (r < 0) {
        error_setg(errp,
                   "Parameter 'cpus' expects a list of processors from 0 to %d "
                   "such as 0-3,8",
                   CPULIST_MAX);
    }
    return r == 0;
}

/* Says what @r, negative, means for this command. */
static json_object *failure(const VhostDev *dev, json_object *args, int r,
                            GError **errp)
{
    const char *id = keyval_get(args, "id");
    g_autofree char *hint = vhost_device_hint(dev, r);
    g_autofree char *queues = NULL;

    switch (r) {
    case -ENOTTY:
        if (dev->kind->one_worker) {
            error_setg(errp,
                       "device '%s': the kernel's %s has one worker for each "
                       "device, and no call for more",
                       id, dev->kind->name);
            break;
        }
        error_setg(errp,
                   "device '%s': the kernel has no worker calls (Linux 6.5 or "
                   "later is needed)",
                   id);
        break;
    case -ENODEV:
        error_setg(errp,
                   "device '%s' has no worker %u; see "
                   "query-vhost-workers",
                   id, worker_arg(args));
        break;
    case -EBUSY:
        queues = vhost_worker_queues(dev, worker_arg(args));
        error_setg(errp,
                   "worker %u of device '%s' serves virtqueues %s: attach them "
                   "to another worker first",
                   worker_arg(args), id,
                   *queues ? queues : "that the guest does not have");
        break;
    default:
        error_setg(errp, "device '%s': %s failed: %s%s", id, dev->failed_call,
                   g_strerror(-r), hint);
        break;
    }
    return NULL;
}

static json_object *worker_id(uint32_t id)
{
    json_object *o = json_object_new_object();

    json_add_int(o, "worker-id", id);
    return o;
}

json_object *qmp_vhost_new_worker(Machine *m, json_object *args, GError **errp)
{
    VhostDev *dev = find_to_change(m, args, errp);
    VhostWorkerSpec spec = { .policy = -1 };
    uint32_t id;
    int r;

    if (!dev) {
        return NULL;
    }
    spec.name = (char *)keyval_get(args, "name");
    spec.has_cpus = json_get(args, "cpus");
    if (spec.has_cpus && !cpus_arg(args, &spec.cpus, errp)) {
        return NULL;
    }
    if (dev->workers->len >= VHOST_WORKERS_MAX) {
        error_setg(errp, "device '%s' has %d workers already",
                   keyval_get(args, "id"), VHOST_WORKERS_MAX);
        return NULL;
    }
    r = vhost_live_new_worker(dev, &spec, &id);
    return r < 0 ? failure(dev, args, r, errp) : worker_id(id);
}

json_object *qmp_vhost_free_worker(Machine *m, json_object *args, GError **errp)
{
    VhostDev *dev = find_to_change(m, args, errp);
    int r = dev ? vhost_live_free_worker(dev, worker_arg(args)) : 0;

    if (!dev) {
        return NULL;
    }
    return r < 0 ? failure(dev, args, r, errp) : json_object_new_object();
}

json_object *qmp_vhost_attach_vring_worker(Machine *m, json_object *args,
                                           GError **errp)
{
    VhostDev *dev = find_to_change(m, args, errp);
    int r;

    dev = dev ? server_of_queue(dev, args, errp) : NULL;
    if (!dev) {
        return NULL;
    }
    r = vhost_live_attach(dev, queue_arg(args) - dev->first, worker_arg(args));
    return r < 0 ? failure(dev, args, r, errp) : json_object_new_object();
}

json_object *qmp_vhost_get_vring_worker(Machine *m, json_object *args,
                                        GError **errp)
{
    VhostDev *dev = find_device(m, args, errp);
    uint32_t id = 0;
    int r;

    dev = dev ? server_of_queue(dev, args, errp) : NULL;
    if (!dev) {
        return NULL;
    }
    r = vhost_live_get(dev, queue_arg(args) - dev->first, &id);
    return r < 0 ? failure(dev, args, r, errp) : worker_id(id);
}

json_object *qmp_vhost_set_worker_affinity(Machine *m, json_object *args,
                                           GError **errp)
{
    VhostDev *dev = find_device(m, args, errp);
    CpuSet cpus;
    int r;

    if (!dev || !cpus_arg(args, &cpus, errp)) {
        return NULL;
    }
    r = vhost_live_set_affinity(dev, worker_arg(args), &cpus);
    return r < 0 ? failure(dev, args, r, errp) : json_object_new_object();
}
