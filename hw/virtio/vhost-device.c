/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"

/* Bits that only a legacy driver may see (specification 6.3); properties for
 * them are there so that command lines that name them go on working. */
#define LEGACY_FEATURES                                    \
    (UINT64_C(1) << VIRTIO_F_NOTIFY_ON_EMPTY | UINT64_C(1) \
                                                   << VIRTIO_F_ANY_LAYOUT)

/* --- what the messages say --- */

static const struct {
    const char *call;
    int r;
    const char *hint;
    bool queues; /* fewer queues would do as well */
} hints[] = {
    { "VHOST_SET_OWNER", -EBUSY,
      "the descriptor has an owner already: pass a freshly opened one" },
    { "VHOST_GET_FORK_FROM_OWNER", -ENOTTY,
      "this kernel does not let vhost-thread-mode be chosen (Linux 6.17 does): "
      "give vhost-thread-mode=auto" },
    { "VHOST_NEW_WORKER", -ENOMEM,
      "the kernel could not create a worker thread: raise the thread limits "
      "(ulimit -u, pids.max of the cgroup)",
      .queues = true },
    { "VHOST_NEW_WORKER", -EFAULT,
      "the kernel runs vhost in kthread mode, which allows one worker: set the "
      "vhost module parameter fork_from_owner_default=Y or "
      "worker_per_virtqueue=off" },
    { "VHOST_GET_VRING_WORKER", -EIO,
      "the kernel does not confirm the worker of the virtqueue" },
    { "sched_setaffinity", -EINVAL,
      "none of the processors may be used by this process: see "
      "Cpus_allowed_list in /proc/self/status" },
    { "sched_setaffinity", -EPERM,
      "root made this worker before the program became another user: choose "
      "its processors with worker-cpus" },
    { "setpriority", -EACCES,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -e)" },
    { "setpriority", -EPERM,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -e)" },
    { "sched_setscheduler", -EPERM,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -r)" },
    { "finding the worker's thread", -EBUSY,
      "two devices of this PID namespace made workers at the same moment, and "
      "which thread is whose cannot be told: try again" },
    { "finding the worker's thread", -ESRCH,
      "the kernel runs vhost in kthread mode, in which workers are not threads "
      "of this process, or /proc is not there (-chroot): leave processors, "
      "nice and sched out" },
};

char *vhost_device_hint(const VhostDev *dev, int r)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(hints); i++) {
        if (hints[i].r == r && g_str_equal(hints[i].call, dev->failed_call)) {
            const char *queues = dev->kind->queues_property;

            return g_strconcat("; ", hints[i].hint,
                               hints[i].queues && queues ? " or lower " : NULL,
                               queues, NULL);
        }
    }
    return g_strdup("");
}

/* The virtqueue that the failed call was about, or -1. */
static int failed_queue(const VhostDev *dev)
{
    return dev->failed_vring < 0 ? -1 : (int)dev->first + dev->failed_vring;
}

void vhost_device_call_error(GError **errp, const VhostDev *dev, int r)
{
    g_autofree char *hint = vhost_device_hint(dev, r);
    int vq = failed_queue(dev);
    g_autofree char *queue = vq < 0 ? g_strdup("")
                                    : g_strdup_printf(" for virtqueue %d", vq);

    error_setg(errp, "%s: %s failed%s: %s%s", dev->kind->name, dev->failed_call,
               queue, g_strerror(-r), hint);
}

json_object *vhost_device_names(const VhostDev *dev)
{
    const Device *proxy = dev->vdev->dev.proxy;
    g_autofree char *path = device_path(proxy);
    json_object *o = json_object_new_object();

    if (proxy->id) {
        json_add_string(o, "device", proxy->id);
    }
    json_add_string(o, "qom-path", path);
    return o;
}

/* Event VHOST_DEVICE_FAILED: the guest's driver finds a device that needs a
 * reset, and who manages the host learns why. */
static void emit_failed(const VhostDev *dev, const char *operation, int errnum,
                        int virtqueue, const char *reason)
{
    const Device *proxy = dev->vdev->dev.proxy;
    g_autofree char *path = device_path(proxy);
    json_object *data = vhost_device_names(dev);

    json_add_string(data, "operation", operation);
    json_add_int(data, "errno", errnum);
    json_add_string(data, "reason", reason);
    if (virtqueue >= 0) {
        json_add_int(data, "virtqueue", virtqueue);
    }
    event_emit_limited(proxy->machine, "VHOST_DEVICE_FAILED", path, data);
}

/* --- realize --- */

bool vhost_device_offer(const VhostDev *dev, uint64_t wanted,
                        const VirtioBitName *demanded, uint64_t *ret_offered,
                        GError **errp)
{
    const char *name = dev->kind->name;

    for (; demanded->name; demanded++) {
        if (wanted & ~dev->features & UINT64_C(1) << demanded->bit) {
            error_setg(errp,
                       "%s: property '%s' cannot be 'on': the kernel's %s does "
                       "not offer it",
                       name, demanded->name, name);
            return false;
        }
    }
    if (!(dev->features >> VIRTIO_F_VERSION_1 & 1)) {
        error_setg(errp,
                   "%s: the kernel's %s does not offer virtio 1.0: use a newer "
                   "kernel",
                   name, name);
        return false;
    }
    *ret_offered = (wanted | UINT64_C(1) << VIRTIO_F_VERSION_1) &
                   dev->features & ~LEGACY_FEATURES;
    return true;
}

/* The kernel reports that it gave up on a ring or on one request, not which:
 * that request is lost. Once for each life of a driver. */
static bool ring_error(void *opaque, GIOCondition condition)
{
    static const char reason[] =
        "the kernel could not read a ring, or dropped a request that is "
        "malformed or too large (its log says which)";
    VhostDev *dev = opaque;
    const uint8_t status = dev->vdev->state.status;

    if (event_notifier_test_and_clear(&dev->err) &&
        (status & VIRTIO_CONFIG_S_DRIVER_OK) &&
        !(status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        emit_failed(dev, "VHOST_SET_VRING_ERR", EIO, -1, reason);
        virtio_error(dev->vdev, "%s", reason);
    }
    return true;
}

void vhost_device_attend(VhostDev *dev)
{
    if (dev->effective_mode == VHOST_WORKERS_AUTO) {
        dev->runner = vhost_auto_runner_new(dev);
    }
    dev->err_watch = machine_watch_fd(dev->vdev->dev.machine, dev->err.fd,
                                      G_IO_IN, ring_error, dev);
}

void vhost_device_finish(VirtIODevice *vdev)
{
    Machine *m = vdev->dev.machine;

    for (VhostDev *dev = vdev->vhost; dev; dev = dev->next) {
        g_clear_pointer(&dev->runner, vhost_auto_runner_free);
    }
    virtio_finish(vdev);
    for (VhostDev *dev = vdev->vhost; dev; dev = dev->next) {
        machine_unwatch(&dev->err_watch);
    }
    /* The last close waits for commands in flight and for the workers. */
    machine_unlock_if_started(m);
    for (VhostDev *dev = vdev->vhost; dev; dev = dev->next) {
        vhost_dev_close(dev);
    }
    machine_lock_if_started(m);
}

/* --- start and stop --- */

static bool deactivate(VhostDev *dev, GError **errp)
{
    bool ok = dev->kind->deactivate(dev, errp);

    dev->active = dev->active && !ok;
    return ok;
}

static bool activate(VhostDev *dev, GError **errp)
{
    dev->active = dev->kind->activate(dev, errp);
    /* What the driver made available before the kernel listened. */
    for (unsigned i = 0; dev->active && i < dev->n_vrings; i++) {
        event_notifier_set(&dev->vdev->queues[dev->first + i].kick);
    }
    return dev->active;
}

static bool start_one(VhostDev *dev, GError **errp)
{
    int r;

    /* What the kernel said about the rings of before. */
    (void)event_notifier_test_and_clear(&dev->err);
    /* A stop before could not, and the kernel takes no new ring for a queue
     * that it still serves. */
    if (dev->active && !deactivate(dev, errp)) {
        return false;
    }
    r = vhost_dev_start(dev, &dev->vdev->dev.machine->ram);
    if (r < 0) {
        vhost_device_call_error(errp, dev, r);
        return false;
    }
    if (!activate(dev, errp)) {
        vhost_dev_stop(dev);
        return false;
    }
    return true;
}

static void stop_one(VhostDev *dev)
{
    /* There is nobody to tell; the next start tries again. */
    (void)deactivate(dev, NULL);
    vhost_dev_stop(dev);
}

bool vhost_device_start(VirtIODevice *vdev, GError **errp)
{
    g_autoptr(GError) err = NULL;
    VhostDev *failed = vdev->vhost;

    while (failed && start_one(failed, &err)) {
        failed = failed->next;
    }
    if (!failed) {
        return true;
    }
    for (VhostDev *dev = vdev->vhost; dev != failed; dev = dev->next) {
        stop_one(dev);
    }
    machine_lock(vdev->dev.machine);
    emit_failed(failed, failed->failed_call, failed->failed_errno,
                failed_queue(failed), err->message);
    machine_unlock(vdev->dev.machine);
    g_propagate_error(errp, g_steal_pointer(&err));
    return false;
}

void vhost_device_stop(VirtIODevice *vdev)
{
    for (VhostDev *dev = vdev->vhost; dev; dev = dev->next) {
        stop_one(dev);
    }
}

void vhost_device_pause(VirtIODevice *vdev)
{
    for (VhostDev *dev = vdev->vhost; dev; dev = dev->next) {
        (void)deactivate(dev, NULL);
    }
}

bool vhost_device_resume(VirtIODevice *vdev, GError **errp)
{
    bool ok = true;

    for (VhostDev *dev = vdev->vhost; ok && dev; dev = dev->next) {
        ok = activate(dev, errp);
    }
    return ok;
}
