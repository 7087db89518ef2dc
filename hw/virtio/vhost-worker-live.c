/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of a device that is in use. */
#include "hw/virtio/vhost-worker.h"
#include "hw/virtio/vhost.h"
#include "system/machine.h"
#include "util/json.h"

static void emit_changed(VhostDev *dev, const char *operation, uint32_t id,
                         int vq)
{
    const Device *proxy = dev->vdev->dev.proxy;
    g_autofree char *path = device_path(proxy);
    json_object *data = json_object_new_object();

    vhost_workers_name(dev);
    if (proxy->id) {
        json_add_string(data, "device", proxy->id);
    }
    json_add_string(data, "qom-path", path);
    json_add_string(data, "operation", operation);
    json_add_int(data, "worker-id", id);
    if (vq >= 0) {
        json_add_int(data, "virtqueue", vq);
    }
    event_emit(proxy->machine, "VHOST_WORKERS_CHANGED", data);
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
        return vhost_dev_failed(dev, "VHOST_NEW_WORKER", -1, -ETIMEDOUT);
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
    r = dev->ops->vhost_free_worker(dev, &state);
    if (r < 0) {
        (void)vhost_dev_failed(dev, "VHOST_FREE_WORKER", -1, r);
    }
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
    r = dev->ops->vhost_get_vring_worker(dev, &w);
    if (r < 0) {
        (void)vhost_dev_failed(dev, "VHOST_GET_VRING_WORKER", (int)vring, r);
    }
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
        return vhost_dev_failed(dev,
                                r == -ESRCH ? "finding the worker's thread"
                                            : "sched_setaffinity",
                                -1, r);
    }
    emit_changed(dev, "affinity", id, -1);
    return 0;
}
