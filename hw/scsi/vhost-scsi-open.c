/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking possession of the kernel's device: descriptor, owner, number of
 * queues. */
#include "system/fds.h"
#include "system/machine.h"
#include "util/error.h"
#include "vhost-scsi-int.h"

#include <fcntl.h>

/* Adds which call failed, on which virtqueue, and why. */
void vhost_scsi_call_error(GError **errp, const VhostScsi *s, int r,
                           const char *hint)
{
    const VhostDev *d = &s->vhost;
    g_autofree char *queue = d->failed_vq < 0
                                 ? g_strdup("")
                                 : g_strdup_printf(" for virtqueue %d",
                                                   d->failed_vq);

    error_setg(errp, "vhost-scsi: %s failed%s: %s%s%s", d->failed_call, queue,
               g_strerror(-r), *hint ? "; " : "", hint);
}

const Device *vhost_scsi_find_adapter(const VhostScsi *s)
{
    const DeviceTree *tree = s->vdev.dev.tree;

    for (guint i = 0; i < tree->devices->len; i++) {
        const Device *dev = g_ptr_array_index(tree->devices, i);
        const VhostScsi *other;

        if (!dev->backend || dev->backend->type != &vhost_scsi_type) {
            continue;
        }
        other = vhost_scsi_from(virtio_device_from(dev->backend));
        if (g_str_equal(other->wwpn, s->wwpn)) {
            return dev;
        }
    }
    return NULL;
}

/* Whether @fd, which is borrowed, is a device that we can drive. */
static bool check_device(VhostScsi *s, int fd, GError **errp)
{
    int version = 0;
    int r;

    s->vhost.fd = fd;
    r = s->vhost.ops->vhost_scsi_get_abi_version(&s->vhost, &version);
    s->vhost.fd = -1;
    if (r < 0) {
        error_setg(errp, "vhost-scsi: %s is not a vhost-scsi device: %s",
                   s->vhostfd ? "the descriptor of property 'vhostfd'"
                              : VHOST_SCSI_PATH,
                   g_strerror(-r));
        return false;
    }
    if (version > VHOST_SCSI_ABI_VERSION) {
        error_setg(errp,
                   "vhost-scsi: the kernel speaks ABI version %d; only %d is "
                   "supported",
                   version, VHOST_SCSI_ABI_VERSION);
        return false;
    }
    return true;
}

/* The fd that was passed by the name vhostfd, ours from here on, or -1. */
static int named_fd(VhostScsi *s, GError **errp)
{
    auto_fd fd = fds_take_named(s->vdev.dev.machine, s->vhostfd);

    if (fd < 0) {
        error_setg(errp,
                   "vhost-scsi: property 'vhostfd': no file descriptor is "
                   "called '%s': pass one with getfd, or give the number of "
                   "an inherited one",
                   s->vhostfd);
        return -1;
    }
    return check_device(s, fd, errp) ? steal_fd(&fd) : -1;
}

/* The fd that has the number vhostfd, ours from here on, or -1. */
static int inherited_fd(VhostScsi *s, GError **errp)
{
    int fd = fds_find_inherited(s->vhostfd);

    if (fd < 0) {
        fds_inherited_error(errp, "vhost-scsi: property 'vhostfd'", s->vhostfd,
                            fd);
        return -1;
    }
    if (!check_device(s, fd, errp)) {
        return -1;
    }
    fds_claim(fd);
    return fd;
}

/* Our own descriptor of the kernel's device, or -1. */
static int open_device(VhostScsi *s, GError **errp)
{
    auto_fd fd = open(VHOST_SCSI_PATH, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        return check_device(s, fd, errp) ? steal_fd(&fd) : -1;
    }
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        error_setg_errno(errp, errno,
                         "vhost-scsi: cannot open " VHOST_SCSI_PATH
                         ", load the kernel module (modprobe vhost_scsi)");
    } else if (errno == EACCES || errno == EPERM) {
        error_setg_errno(errp, errno,
                         "vhost-scsi: not permitted to open " VHOST_SCSI_PATH
                         ", change its owner or mode, or pass an open "
                         "descriptor with vhostfd=");
    } else {
        error_setg_errno(errp, errno,
                         "vhost-scsi: cannot open " VHOST_SCSI_PATH);
    }
    return -1;
}

static const VhostWorkerSpec *plan_default_worker(const VhostWorkerPlan *plan)
{
    return &g_array_index(plan->specs, VhostWorkerSpec, 0);
}

/* A kernel that cannot be asked for a mode may have the right one. */
static bool check_thread_mode(const VhostScsi *s, GError **errp)
{
    const char *mode = s->workers.thread_mode;
    bool is_task = g_array_index(s->vhost.workers, VhostWorker, 0).thread.tid;

    if (!g_strcmp0(mode, "task") && !is_task) {
        error_setg(errp, "vhost-scsi: property 'vhost-thread-mode' cannot be "
                         "'task': this kernel runs vhost in kernel threads of "
                         "its own: give auto, or use Linux 6.4 or later");
        return false;
    }
    return true;
}

/* Takes @given_fd, or opens the device if that is -1. */
static bool open_vhost(VhostScsi *s, int given_fd, const VhostWorkerPlan *plan,
                       GError **errp)
{
    auto_fd fd = given_fd >= 0 ? given_fd : open_device(s, errp);
    int r;

    if (fd < 0) {
        return false;
    }
    s->vhost.fd = fd;
    r = vhost_worker_set_thread_mode(&s->vhost, s->workers.thread_mode,
                                     plan->mode != VHOST_WORKERS_SINGLE);
    s->vhost.fd = -1;
    if (r == 0) {
        r = vhost_dev_open(&s->vhost, fd, plan_default_worker(plan));
    }
    if (r < 0) {
        vhost_scsi_call_error(errp, s, r,
                              vhost_worker_hint(s->vhost.failed_call, r));
        return false;
    }
    steal_fd(&fd);
    return check_thread_mode(s, errp);
}

/* Takes num_queues=auto, as many request queues as worker-vq-mapping speaks of
 * or one per vCPU as far as the kernel has them, and checks a given number. */
static bool choose_num_queues(VhostScsi *s, const VhostWorkerPlan *plan,
                              GError **errp)
{
    int n = vhost_dev_n_queues(&s->vhost, VIRTIO_QUEUES_MAX);
    unsigned limit;

    if (n < 0) {
        vhost_scsi_call_error(errp, s, n, "");
        return false;
    }
    limit = n > VHOST_SCSI_FIXED_QUEUES ? (unsigned)n - VHOST_SCSI_FIXED_QUEUES
                                        : 0;
    if (s->num_queues == PROPERTY_AUTO) {
        unsigned mapped = vhost_worker_plan_n_mapped(plan);

        s->num_queues = mapped ? mapped
                               : MIN(s->vdev.dev.machine->config.n_cpus, limit);
    }
    if (s->num_queues > limit || s->num_queues == 0) {
        error_setg(errp,
                   "vhost-scsi: num_queues=%u is above the kernel's limit of "
                   "%u request queues: lower it, or load vhost_scsi with "
                   "max_io_vqs=%u",
                   s->num_queues, limit, s->num_queues);
        return false;
    }
    return true;
}

bool vhost_scsi_given_fd(VhostScsi *s, int *ret_fd, GError **errp)
{
    *ret_fd = -1;
    if (s->vhostfd) {
        *ret_fd = g_ascii_isdigit(s->vhostfd[0]) ? inherited_fd(s, errp)
                                                 : named_fd(s, errp);
    }
    return !s->vhostfd || *ret_fd >= 0;
}

bool vhost_scsi_open(VhostScsi *s, int given_fd, const VhostWorkerPlan *plan,
                     GError **errp)
{
    return open_vhost(s, given_fd, plan, errp) &&
           choose_num_queues(s, plan, errp);
}
