/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost.h"
#include "util/cutils.h"
#include "util/log.h"

/* The kernel names no thread when it makes a worker. In its task mode a worker
 * is a thread of this process, so the one that is new is the worker; in kthread
 * mode there is none. */
GArray *vhost_list_threads(void)
{
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        uint64_t n;

        if (parse_u64(name, &n) == 0) {
            pid_t tid = (pid_t)n;

            g_array_append_val(tids, tid);
        }
    }
    return tids;
}

static bool contains(const GArray *tids, pid_t tid)
{
    for (unsigned i = 0; i < tids->len; i++) {
        if (g_array_index(tids, pid_t, i) == tid) {
            return true;
        }
    }
    return false;
}

pid_t vhost_new_thread(const GArray *before)
{
    g_autoptr(GArray) now = vhost_list_threads();
    pid_t found = 0;

    for (unsigned i = 0; i < now->len; i++) {
        pid_t tid = g_array_index(now, pid_t, i);

        if (contains(before, tid)) {
            continue;
        }
        if (found) {
            return 0;
        }
        found = tid;
    }
    return found;
}

int vhost_worker_new(VhostDev *dev, VhostWorker *ret_worker)
{
    g_autoptr(GArray) before = vhost_list_threads();
    struct vhost_worker_state state = { 0 };
    VhostWorker worker;
    int r = dev->ops->vhost_new_worker(dev, &state);

    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_NEW_WORKER", -1, r);
    }
    worker.id = state.worker_id;
    worker.tid = vhost_new_thread(before);
    trace(vhost_worker_thread, "%s worker_id=%u tid=%d", dev->label, worker.id,
          (int)worker.tid);
    g_array_append_val(dev->workers, worker);
    *ret_worker = worker;
    return 0;
}

int vhost_worker_free(VhostDev *dev, uint32_t worker_id)
{
    struct vhost_worker_state state = { .worker_id = worker_id };
    int r = dev->ops->vhost_free_worker(dev, &state);

    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_FREE_WORKER", -1, r);
    }
    for (unsigned i = 0; i < dev->workers->len; i++) {
        if (g_array_index(dev->workers, VhostWorker, i).id == worker_id) {
            g_array_remove_index(dev->workers, i);
            break;
        }
    }
    return 0;
}

int vhost_worker_attach(VhostDev *dev, unsigned vq, uint32_t worker_id)
{
    struct vhost_vring_worker w = { .index = vq, .worker_id = worker_id };
    int r = dev->ops->vhost_attach_vring_worker(dev, &w);

    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_ATTACH_VRING_WORKER", (int)vq, r);
    }
    w.worker_id = UINT32_MAX;
    r = dev->ops->vhost_get_vring_worker(dev, &w);
    if (r < 0) {
        return vhost_dev_failed(dev, "VHOST_GET_VRING_WORKER", (int)vq, r);
    }
    /* Attaching to a worker that was killed answers 0 and does nothing. */
    if (w.worker_id != worker_id) {
        return vhost_dev_failed(dev, "VHOST_GET_VRING_WORKER", (int)vq, -EIO);
    }
    return 0;
}

/* Back to the default worker: what vhost_workers_per_queue() did before it
 * failed at queue @end. The device is about to be closed if this fails too, so
 * there is nothing better to do than to go on. */
static void undo(VhostDev *dev, unsigned first, unsigned end)
{
    const char *call = dev->failed_call;
    int vq = dev->failed_vq;
    int r = dev->failed_errno;

    for (unsigned i = first; i < end; i++) {
        (void)vhost_worker_attach(dev, i, VHOST_DEFAULT_WORKER_ID);
    }
    for (unsigned i = dev->workers->len; i > 1; i--) {
        VhostWorker *w = &g_array_index(dev->workers, VhostWorker, i - 1);

        (void)vhost_worker_free(dev, w->id);
    }
    (void)vhost_dev_failed(dev, call, vq, -r);
}

int vhost_workers_per_queue(VhostDev *dev, unsigned first, unsigned end)
{
    assert(dev->state == VHOST_OWNED);
    for (unsigned vq = first; vq < end; vq++) {
        VhostWorker worker = { 0 };
        int r = vhost_worker_new(dev, &worker);

        if (r == 0) {
            r = vhost_worker_attach(dev, vq, worker.id);
        } else {
            dev->failed_vq = (int)vq;
        }
        if (r < 0) {
            /* The queue that failed may be attached all the same, if it was
             * reading back that failed. */
            undo(dev, first, r == -ENOTTY && vq == first ? vq : vq + 1);
            return r;
        }
    }
    return 0;
}
