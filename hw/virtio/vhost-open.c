/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking possession of a device of the kernel: descriptor and owner. */
#include "hw/virtio/vhost-device.h"
#include "system/fds.h"
#include "system/machine.h"
#include "util/error.h"

#include <fcntl.h>

/* --- the descriptor --- */

static bool check_fd(VhostDev *dev, int fd, const char *what, GError **errp)
{
    bool ok;

    dev->fd = fd;
    ok = dev->kind->check(dev, what, errp);
    dev->fd = -1;
    return ok;
}

/* The descriptor that property vhostfd names, which has proved to be a device
 * of the kind and is ours from here on, or -1. */
static int take_given_fd(VhostDev *dev, const char *vhostfd, GError **errp)
{
    g_autofree char *what = g_strconcat(dev->kind->name, ": property 'vhostfd'",
                                        NULL);
    bool named;
    int fd = fds_find_given(dev->vdev->dev.machine, what, vhostfd, &named,
                            errp);

    if (fd < 0) {
        return -1;
    }
    if (!check_fd(dev, fd, "the descriptor of property 'vhostfd'", errp)) {
        if (named) {
            close_fd(&fd);
        }
        return -1;
    }
    fds_claim(fd);
    return fd;
}

/* A descriptor of our own, or -1. */
static int open_path(VhostDev *dev, GError **errp)
{
    const VhostKind *kind = dev->kind;
    auto_fd fd = open(kind->path, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        return check_fd(dev, fd, kind->path, errp) ? steal_fd(&fd) : -1;
    }
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        error_setg_errno(errp, errno,
                         "%s: cannot open %s, load the kernel module "
                         "(modprobe %s)",
                         kind->name, kind->path, kind->module);
    } else if (errno == EACCES || errno == EPERM) {
        error_setg_errno(errp, errno,
                         "%s: not permitted to open %s, change its owner or "
                         "mode, or pass an open descriptor with vhostfd=",
                         kind->name, kind->path);
    } else {
        error_setg_errno(errp, errno, "%s: cannot open %s", kind->name,
                         kind->path);
    }
    return -1;
}

/* --- the owner --- */

/* A kernel that cannot be asked for a mode may have the right one. */
static bool check_thread_mode(const VhostDev *dev, const char *mode,
                              GError **errp)
{
    bool is_task = g_array_index(dev->workers, VhostWorker, 0).thread.tid;

    if (!g_strcmp0(mode, "task") && !is_task) {
        error_setg(errp,
                   "%s: property 'vhost-thread-mode' cannot be 'task': this "
                   "kernel runs vhost in kernel threads of its own: give auto, "
                   "or use Linux 6.4 or later",
                   dev->kind->name);
        return false;
    }
    return true;
}

/* Takes @given_fd, or opens the device if that is -1. Without the lock. */
static bool own_device(VhostDev *dev, int given_fd, const char *thread_mode,
                       GError **errp)
{
    auto_fd fd = given_fd >= 0 ? given_fd : open_path(dev, errp);
    int r;

    if (fd < 0) {
        return false;
    }
    dev->fd = fd;
    r = vhost_worker_set_thread_mode(dev, thread_mode,
                                     dev->plan->mode != VHOST_WORKERS_SINGLE);
    dev->fd = -1;
    if (r == 0) {
        r = vhost_dev_open(dev, fd, vhost_worker_plan_default(dev->plan));
    }
    if (r < 0) {
        vhost_device_call_error(errp, dev, r);
        return false;
    }
    steal_fd(&fd);
    return check_thread_mode(dev, thread_mode, errp);
}

static bool make_plan(VhostDev *dev, const VhostWorkerConfig *config,
                      GError **errp)
{
    dev->label = device_label(&dev->vdev->dev);
    g_clear_pointer(&dev->plan, vhost_worker_plan_free); /* a failed try's */
    dev->plan = vhost_worker_plan_new(config, errp);
    if (!dev->plan) {
        g_prefix_error(errp, "%s: ", dev->kind->name);
    }
    return dev->plan;
}

bool vhost_device_open(VhostDev *dev, const VhostWorkerConfig *config,
                       const char *vhostfd, GError **errp)
{
    Machine *m = dev->vdev->dev.machine;
    int fd = -1;
    bool ok;

    if (!make_plan(dev, config, errp)) {
        return false;
    }
    if (vhostfd) {
        fd = take_given_fd(dev, vhostfd, errp);
        if (fd < 0) {
            return false;
        }
    }
    machine_unlock_if_started(m);
    ok = own_device(dev, fd, config->thread_mode, errp);
    machine_lock_if_started(m);
    return ok;
}

bool vhost_device_open_fd(VhostDev *dev, const VhostWorkerConfig *config,
                          int given_fd, const char *what, GError **errp)
{
    Machine *m = dev->vdev->dev.machine;
    auto_fd fd = given_fd;
    bool ok;

    if (!make_plan(dev, config, errp)) {
        return false;
    }
    machine_unlock_if_started(m);
    ok = check_fd(dev, fd, what, errp) &&
         own_device(dev, steal_fd(&fd), config->thread_mode, errp);
    machine_lock_if_started(m);
    return ok;
}
