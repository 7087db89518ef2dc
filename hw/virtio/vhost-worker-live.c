/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers of a device that is in use, and what the scheduler says of them. */
#include "hw/virtio/vhost-worker.h"
#include "hw/virtio/vhost.h"
#include "system/machine.h"
#include "util/json.h"

static void changed(VirtIODevice *vdev, const char *operation, uint32_t id,
                    int vq)
{
    const Device *dev = vdev->dev.proxy;
    g_autofree char *path = device_path(dev);
    json_object *data = json_object_new_object();

    vhost_workers_name(vdev->vhost);
    if (dev->id) {
        json_add_string(data, "device", dev->id);
    }
    json_add_string(data, "qom-path", path);
    json_add_string(data, "operation", operation);
    json_add_int(data, "worker-id", id);
    if (vq >= 0) {
        json_add_int(data, "virtqueue", vq);
    }
    event_emit(dev->machine, "VHOST_WORKERS_CHANGED", data);
}

int vhost_live_new_worker(VirtIODevice *vdev, const VhostWorkerSpec *spec,
                          uint32_t *ret_id)
{
    VhostDev *dev = vdev->vhost;
    VhostWorker worker;
    int r;

    virtio_begin_blocking(vdev);
    r = vhost_worker_create(dev, spec, &worker);
    virtio_end_blocking(vdev);
    if (r < 0) {
        return r;
    }
    g_array_append_val(dev->workers, worker);
    *ret_id = worker.id;
    changed(vdev, "new", worker.id, -1);
    return 0;
}

int vhost_live_free_worker(VirtIODevice *vdev, uint32_t id)
{
    struct vhost_worker_state state = { .worker_id = id };
    VhostDev *dev = vdev->vhost;
    int r;

    virtio_begin_blocking(vdev);
    r = dev->ops->vhost_free_worker(dev, &state);
    virtio_end_blocking(vdev);
    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_FREE_WORKER", -1, r);
    }
    for (unsigned i = 0; i < dev->workers->len; i++) {
        if (g_array_index(dev->workers, VhostWorker, i).id == id) {
            g_array_remove_index(dev->workers, i);
            break;
        }
    }
    changed(vdev, "free", id, -1);
    return 0;
}

int vhost_live_attach(VirtIODevice *vdev, unsigned vq, uint32_t id)
{
    VhostDev *dev = vdev->vhost;
    int r;

    /* The kernel's device has more queues than the guest's. */
    if (vq >= vdev->n_queues) {
        return vhost_dev_failed(dev, "VHOST_ATTACH_VRING_WORKER", (int)vq,
                                -ENOBUFS);
    }
    virtio_begin_blocking(vdev);
    r = vhost_worker_attach(dev, vq, id);
    virtio_end_blocking(vdev);
    if (r < 0) {
        return r;
    }
    g_array_index(dev->vq_workers, uint32_t, vq) = id;
    changed(vdev, "attach", id, (int)vq);
    return 0;
}

int vhost_live_get(VirtIODevice *vdev, unsigned vq, uint32_t *ret_id)
{
    struct vhost_vring_worker w = { .index = vq };
    VhostDev *dev = vdev->vhost;
    int r;

    if (vq >= vdev->n_queues) {
        return vhost_dev_failed(dev, "VHOST_GET_VRING_WORKER", (int)vq,
                                -ENOBUFS);
    }
    virtio_begin_blocking(vdev);
    r = dev->ops->vhost_get_vring_worker(dev, &w);
    virtio_end_blocking(vdev);
    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_GET_VRING_WORKER", (int)vq, r);
    }
    *ret_id = w.worker_id;
    return 0;
}

int vhost_live_set_affinity(VirtIODevice *vdev, uint32_t id,
                            const cpu_set_t *cpus)
{
    VhostDev *dev = vdev->vhost;
    const VhostWorker *w = vhost_worker_find(dev, id);
    int r = w ? vhost_worker_set_affinity(w, cpus) : -ENODEV;

    if (r < 0) {
        return vhost_dev_failed(dev,
                                r == -ESRCH ? "finding the worker's thread"
                                            : "sched_setaffinity",
                                -1, r);
    }
    changed(vdev, "affinity", id, -1);
    return 0;
}

/* --- scheduler --- */

static char *read_thread(pid_t tid, const char *file)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/%s", (int)tid,
                                            file);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* The number behind @key in a file of "KEY:\tNUMBER" lines; 0 if absent. */
static uint64_t line_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? g_ascii_strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Field 39 of proc_pid_stat(5); the name in field 2 may hold anything. */
static int last_cpu(const char *stat)
{
    const char *at = strrchr(stat, ')');

    for (unsigned field = 2; at && field < 39; field++) {
        at = strchr(at + 1, ' ');
    }
    return at ? atoi(at) : -1;
}

int vhost_worker_read_stat(pid_t tid, VhostWorkerStat *ret_stat)
{
    g_autofree char *schedstat = read_thread(tid, "schedstat");
    g_autofree char *stat = read_thread(tid, "stat");
    g_autofree char *status = read_thread(tid, "status");
    VhostWorkerStat s = { 0 };
    char *end;

    if (!tid || !stat || !status) {
        return -ESRCH;
    }
    /* A kernel without scheduler statistics has no such file. */
    if (schedstat) {
        s.run_ns = g_ascii_strtoull(schedstat, &end, 10);
        s.wait_ns = g_ascii_strtoull(end, &end, 10);
        s.slices = g_ascii_strtoull(end, &end, 10);
    }
    s.voluntary = line_value(status, "\nvoluntary_ctxt_switches:");
    s.involuntary = line_value(status, "nonvoluntary_ctxt_switches:");
    s.last_cpu = last_cpu(stat);
    *ret_stat = s;
    return 0;
}
