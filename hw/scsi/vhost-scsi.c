/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread-limits.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/log.h"
#include "vhost-scsi-int.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#define LIO_VHOST_PATH  "/sys/kernel/config/target/vhost"
#define WWPN_LENGTH_MAX 223 /* of struct vhost_scsi_target, with its NUL */
#define SENSE_SIZE      96  /* what the kernel's vhost-scsi is built for */
#define CDB_SIZE        32

/* inline_sg_cnt (2048) scatterlist entries of 32 bytes. */
#define KERNEL_BYTES_PER_COMMAND (64 * KiB)

/*
 * The kernel maps at most so many pages of a request's data, and as many of its
 * protection information (drivers/vhost/scsi.c, VHOST_SCSI_PREALLOC_SGLS): it
 * drops a request with more. A segment may begin and end anywhere, so that it
 * costs up to two pages more than its bytes fill: what the guest is told as
 * seg_max and max_sectors must hold together. Protection information has a
 * 64th of the bytes in as many segments, and never more pages.
 *
 * With SEG_MAX segments max_sectors is 4 MiB, which Linux never asks for by
 * itself: a limit that a guest meets would cost it speed.
 */
#define KERNEL_PAGES_PER_COMMAND 2048
#define SEG_MAX                  512
#define SECTORS_PER_PAGE         8

/* Bits that only a legacy driver may see (specification 6.3); the properties
 * are there so that command lines that name them go on working. */
#define LEGACY_FEATURES                                    \
    (UINT64_C(1) << VIRTIO_F_NOTIFY_ON_EMPTY | UINT64_C(1) \
                                                   << VIRTIO_F_ANY_LAYOUT)

/* --- what the messages say --- */

static bool is_directory(const char *path)
{
    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* Whether one of the target's portal groups has a nexus, as far as we may look:
 * a nexus that we may not read counts as one. */
static bool has_nexus(const char *target)
{
    g_autoptr(GDir) dir = g_dir_open(target, 0, NULL);
    const char *name;

    if (!dir) {
        return true;
    }
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(target, name, "nexus", NULL);
        g_autofree char *nexus = NULL;
        g_autoptr(GError) err = NULL;

        if (!g_str_has_prefix(name, "tpgt_")) {
            continue;
        }
        if (g_file_get_contents(path, &nexus, NULL, &err)
                ? *nexus
                : g_error_matches(err, G_FILE_ERROR, G_FILE_ERROR_ACCES)) {
            return true;
        }
    }
    return false;
}

/* ENODEV from SET_ENDPOINT means one of three things, which the target's
 * configuration tells apart if we may read it. */
static void set_endpoint_error(GError **errp, const VhostScsi *s, int r)
{
    g_autofree char *target = g_build_filename(LIO_VHOST_PATH, s->wwpn, NULL);

    if (r == -EEXIST) {
        error_setg(errp,
                   "vhost-scsi: the vhost device already has an endpoint; "
                   "pass a freshly opened %s as vhostfd",
                   VHOST_SCSI_PATH);
    } else if (r != -ENODEV) {
        error_setg_errno(errp, -r, "vhost-scsi: cannot bind target '%s'",
                         s->wwpn);
    } else if (!is_directory(LIO_VHOST_PATH)) {
        error_setg(errp,
                   "vhost-scsi: target '%s' is missing, without a nexus, or "
                   "in use; no vhost target is configured in LIO that this "
                   "process can see: create it with targetcli",
                   s->wwpn);
    } else if (!is_directory(target)) {
        error_setg(errp,
                   "vhost-scsi: no target '%s' in LIO: create it with "
                   "targetcli (/vhost create %s)",
                   s->wwpn, s->wwpn);
    } else if (!has_nexus(target)) {
        error_setg(errp,
                   "vhost-scsi: target '%s' has no nexus: create one with "
                   "targetcli or write an naa name to tpgt_1/nexus",
                   s->wwpn);
    } else {
        error_setg(errp,
                   "vhost-scsi: target '%s' is in use by another process: "
                   "end it or choose another target",
                   s->wwpn);
    }
}

/* --- configuration space (specification 5.6.4) --- */

/* Two descriptors of a request are its header and its response. */
static uint32_t seg_max(const VhostScsi *s)
{
    return MIN(s->seg_max_adjust ? s->virtqueue_size - 2 : 128 - 2, SEG_MAX);
}

/* The largest request that the kernel maps, however its segments lie. */
static uint32_t safe_sectors(const VhostScsi *s)
{
    return (KERNEL_PAGES_PER_COMMAND - 2 * seg_max(s)) * SECTORS_PER_PAGE;
}

/* 0 is "no limit" for Linux' driver. */
static void choose_max_sectors(VhostScsi *s)
{
    uint32_t safe = safe_sectors(s);

    if (s->max_sectors == PROPERTY_AUTO) {
        s->max_sectors = safe;
    } else if (s->max_sectors == 0 || s->max_sectors > safe) {
        warn_report("%s: max_sectors=%u lets the guest send requests that the "
                    "kernel drops, since it maps %d pages of one: with %u "
                    "segments give %u at most",
                    device_label(&s->vdev.dev), s->max_sectors,
                    KERNEL_PAGES_PER_COMMAND, seg_max(s), safe);
    }
}

static void init_config(VhostScsi *s)
{
    struct virtio_scsi_config *c = (void *)s->vdev.config;

    *c = (struct virtio_scsi_config){
        .num_queues = s->num_queues,
        .seg_max = seg_max(s),
        .max_sectors = s->max_sectors,
        .cmd_per_lun = s->cmd_per_lun,
        .event_info_size = sizeof(struct virtio_scsi_event),
        .sense_size = SENSE_SIZE,
        .cdb_size = CDB_SIZE,
        .max_channel = 0,
        .max_target = 255,
        .max_lun = 16383,
    };
}

/* The driver may write sense_size and cdb_size; the kernel knows one value of
 * each. */
static bool vhost_scsi_set_config(VirtIODevice *vdev, unsigned offset,
                                  const uint8_t *data, unsigned len)
{
    const unsigned first = offsetof(struct virtio_scsi_config, sense_size);
    const unsigned end = offsetof(struct virtio_scsi_config, max_channel);

    if (offset < first || offset + len > end) {
        return true; /* read-only: the write has no effect */
    }
    return memcmp(vdev->config + offset, data, len) == 0;
}

/* --- start and stop --- */

static bool set_endpoint(VhostScsi *s, GError **errp)
{
    int r = s->vhost.ops->vhost_scsi_set_endpoint(&s->vhost, &s->target);

    if (r < 0) {
        (void)vhost_dev_failed(&s->vhost, "VHOST_SCSI_SET_ENDPOINT", -1, r);
        set_endpoint_error(errp, s, r);
        return false;
    }
    s->bound = true;
    return true;
}

static bool clear_endpoint(VhostScsi *s, GError **errp)
{
    int r = s->vhost.ops->vhost_scsi_clear_endpoint(&s->vhost, &s->target);

    if (r < 0) {
        (void)vhost_dev_failed(&s->vhost, "VHOST_SCSI_CLEAR_ENDPOINT", -1, r);
        vhost_scsi_call_error(errp, s, r, "");
        return false;
    }
    s->bound = false;
    return true;
}

/* Specification 5.6.6.3: the event that finds no buffer. The kernel keeps the
 * mark as long as the descriptor lives, so that a driver which begins anew
 * would inherit that of the one before. */
static void set_events_missed(VhostScsi *s)
{
    if (virtio_has_feature(&s->vdev, VIRTIO_SCSI_F_HOTPLUG)) {
        (void)s->vhost.ops->vhost_scsi_set_events_missed(&s->vhost,
                                                         s->events_missed);
    }
}

static void note_events_missed(VhostScsi *s)
{
    s->events_missed = 0;
    if (s->vdev.status && virtio_has_feature(&s->vdev, VIRTIO_SCSI_F_HOTPLUG)) {
        (void)s->vhost.ops->vhost_scsi_get_events_missed(&s->vhost,
                                                         &s->events_missed);
    }
}

static bool start(VhostScsi *s, GError **errp)
{
    VirtIODevice *vdev = &s->vdev;
    int r;

    /* What the kernel said about the rings of before. */
    (void)event_notifier_test_and_clear(&s->vhost.err);
    /* A stop before could not clear it, and the kernel takes no new ring for a
     * queue that it still serves. */
    if (s->bound && !clear_endpoint(s, errp)) {
        return false;
    }
    r = vhost_dev_start(&s->vhost, vdev, &vdev->dev.machine->ram);
    if (r < 0) {
        vhost_scsi_call_error(errp, s, r, "");
        return false;
    }
    set_events_missed(s);
    if (!set_endpoint(s, errp)) {
        vhost_dev_stop(&s->vhost, vdev);
        return false;
    }
    /* What the driver made available before the kernel listened. */
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        event_notifier_set(&vdev->queues[i].kick);
    }
    return true;
}

/* Event VHOST_DEVICE_FAILED: the guest's driver finds a device that needs a
 * reset, and who manages the host learns why. */
static void emit_failed(const VhostScsi *s, const char *operation, int errnum,
                        int virtqueue, const char *reason)
{
    const Device *dev = s->vdev.dev.proxy;
    g_autofree char *path = device_path(dev);
    json_object *data = json_object_new_object();

    if (dev->id) {
        json_add_string(data, "device", dev->id);
    }
    json_add_string(data, "qom-path", path);
    json_add_string(data, "operation", operation);
    json_add_int(data, "errno", errnum);
    json_add_string(data, "reason", reason);
    if (virtqueue >= 0) {
        json_add_int(data, "virtqueue", virtqueue);
    }
    event_emit_limited(dev->machine, "VHOST_DEVICE_FAILED", path, data);
}

static bool vhost_scsi_start(VirtIODevice *vdev, GError **errp)
{
    VhostScsi *s = vhost_scsi_from(vdev);
    g_autoptr(GError) err = NULL;

    if (start(s, &err)) {
        return true;
    }
    machine_lock(vdev->dev.machine);
    emit_failed(s, s->vhost.failed_call, s->vhost.failed_errno,
                s->vhost.failed_vq, err->message);
    machine_unlock(vdev->dev.machine);
    g_propagate_error(errp, g_steal_pointer(&err));
    return false;
}

static void vhost_scsi_stop(VirtIODevice *vdev)
{
    VhostScsi *s = vhost_scsi_from(vdev);

    /* There is nobody to tell; the next start tries again. */
    (void)clear_endpoint(s, NULL);
    /* Only now: an event whose turn comes while the endpoint is cleared counts
     * as missed. */
    note_events_missed(s);
    vhost_dev_stop(&s->vhost, vdev);
}

static const char *vhost_scsi_queue_role(const VirtIODevice *vdev,
                                         unsigned queue)
{
    return queue == 0 ? "control" : queue == 1 ? "event" : "request";
}

static const VirtioBitName scsi_features[] = {
    { VIRTIO_SCSI_F_INOUT, "VIRTIO_SCSI_F_INOUT" },
    { VIRTIO_SCSI_F_HOTPLUG, "VIRTIO_SCSI_F_HOTPLUG" },
    { VIRTIO_SCSI_F_CHANGE, "VIRTIO_SCSI_F_CHANGE" },
    { VIRTIO_SCSI_F_T10_PI, "VIRTIO_SCSI_F_T10_PI" },
    { 0, NULL },
};

static const VirtioKind vhost_scsi_kind = {
    .name = "virtio-scsi",
    .device_id = VIRTIO_ID_SCSI,
    .pci_class = 0x0100, /* mass storage, SCSI */
    .features = scsi_features,
    .queue_role = vhost_scsi_queue_role,
    .set_config = vhost_scsi_set_config,
    .start = vhost_scsi_start,
    .stop = vhost_scsi_stop,
};

/* The kernel reports that it gave up on a ring or on one request, not which:
 * that request is lost. Once for each life of a driver. */
static bool ring_error(void *opaque, GIOCondition condition)
{
    static const char reason[] =
        "the kernel could not read a ring, or dropped a request that is "
        "malformed or too large (its log says which)";
    VhostScsi *s = opaque;
    const uint8_t status = s->vdev.status;

    if (event_notifier_test_and_clear(&s->vhost.err) &&
        (status & VIRTIO_CONFIG_S_DRIVER_OK) &&
        !(status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        emit_failed(s, "VHOST_SET_VRING_ERR", EIO, -1, reason);
        virtio_error(&s->vdev, "%s", reason);
    }
    return true;
}

/* --- realize --- */

/* naa. plus 16 hex digits, or one of the other names LIO's vhost fabric takes:
 * fc. and iqn. (drivers/vhost/scsi.c, vhost_scsi_make_tport). */
static bool wwpn_is_well_formed(const char *wwpn)
{
    size_t len = strlen(wwpn);

    if (len > WWPN_LENGTH_MAX || strchr(wwpn, '/')) {
        return false;
    }
    if (g_str_has_prefix(wwpn, "naa.")) {
        return len == 20 && strspn(wwpn + 4, "0123456789abcdefABCDEF") == 16;
    }
    return (g_str_has_prefix(wwpn, "fc.") && len > 3) ||
           (g_str_has_prefix(wwpn, "iqn.") && len > 4);
}

static bool check_target_is_free(const VhostScsi *s, GError **errp)
{
    /* Trying the endpoint would not show it: none is set while no driver
     * runs. */
    const Device *other = vhost_scsi_find_adapter(s);

    if (other) {
        error_setg(errp,
                   "vhost-scsi: target '%s' is in use by device '%s': choose "
                   "another target",
                   s->wwpn, device_label(other));
    }
    return !other;
}

static bool check_properties(const VhostScsi *s, GError **errp)
{
    if (!wwpn_is_well_formed(s->wwpn)) {
        error_setg(errp,
                   "vhost-scsi: property 'wwpn' cannot be '%s': naa. and 16 "
                   "hex digits are expected, or an fc. or iqn. name of LIO",
                   s->wwpn);
        return false;
    }
    if (!is_power_of_2(s->virtqueue_size) ||
        s->virtqueue_size < VHOST_SCSI_RING_SIZE_MIN ||
        s->virtqueue_size > VHOST_SCSI_RING_SIZE_MAX) {
        error_setg(errp,
                   "vhost-scsi: property 'virtqueue_size' cannot be '%u': a "
                   "power of two from %d to %d is expected",
                   s->virtqueue_size, VHOST_SCSI_RING_SIZE_MIN,
                   VHOST_SCSI_RING_SIZE_MAX);
        return false;
    }
    return true;
}

/* Only what kernel and properties both want is offered. A feature that is off
 * by default was asked for by name, so that its lack is an error. */
static bool choose_features(VhostScsi *s, GError **errp)
{
    static const struct {
        unsigned bit;
        const char *name;
    } asked_for[] = {
        { VIRTIO_SCSI_F_T10_PI, "t10_pi" },
        { VIRTIO_SCSI_F_HOTPLUG, "hotplug" },
    };
    uint64_t kernel = s->vhost.features;

    for (unsigned i = 0; i < G_N_ELEMENTS(asked_for); i++) {
        uint64_t bit = UINT64_C(1) << asked_for[i].bit;

        if (s->features & ~kernel & bit) {
            error_setg(errp,
                       "vhost-scsi: property '%s' cannot be 'on': the kernel's "
                       "vhost-scsi does not offer it",
                       asked_for[i].name);
            return false;
        }
    }
    if (!(kernel >> VIRTIO_F_VERSION_1 & 1)) {
        error_setg(errp, "vhost-scsi: the kernel's vhost-scsi does not offer "
                         "virtio 1.0: use a newer kernel");
        return false;
    }
    s->vdev.host_features = (s->features | UINT64_C(1) << VIRTIO_F_VERSION_1) &
                            kernel & ~LEGACY_FEATURES;
    return true;
}

/* What the property that asks for workers is called, for messages. */
static const char *workers_property(const VhostScsi *s)
{
    switch (s->plan->mode) {
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

static void fall_back_to_single(VhostScsi *s)
{
    s->vhost.effective_mode = VHOST_WORKERS_SINGLE;
    s->vhost.mode_reason = g_strdup("the kernel supports a single vhost "
                                    "worker");
    warn_report("%s: the kernel supports a single vhost worker (several need "
                "Linux 6.5): %s is ignored",
                device_label(&s->vdev.dev), workers_property(s));
}

static void warn_shared(VhostScsi *s, unsigned shared, unsigned wanted)
{
    s->vhost.mode_reason = g_strdup_printf(
        "%u of %u workers could not be made (%s): their queues are served by "
        "the others",
        shared, wanted, g_strerror(s->vhost.failed_errno));
    warn_report("%s: %s", device_label(&s->vdev.dev), s->vhost.mode_reason);
}

/* workers=auto needs worker calls, and threads whose time can be read. */
static bool can_be_auto(VhostScsi *s)
{
    struct vhost_vring_worker w = { .index = VHOST_SCSI_FIXED_QUEUES };

    return g_array_index(s->vhost.workers, VhostWorker, 0).thread.tid &&
           s->vhost.ops->vhost_get_vring_worker(&s->vhost, &w) == 0;
}

#define WORKERS "worker threads" /* in messages */

static bool check_limits(const VhostScsi *s, unsigned n, GError **errp)
{
    g_autoptr(GError) err = NULL;

    if (!thread_check_limits(n, WORKERS, &err)) {
        error_setg(errp,
                   "vhost-scsi: %s: %s, lower num_queues or ask for fewer "
                   "workers",
                   workers_property(s), err->message);
    }
    return !err;
}

/* The last thread that a limit allows is not for a worker: before the machine
 * has started, vCPUs and the control thread are still to come, a thread that
 * KVM makes, and those that write messages and the log. */
#define OTHER_THREADS 4

static unsigned affordable_workers(const VhostScsi *s, unsigned wanted)
{
    const Machine *m = s->vdev.dev.machine;
    unsigned reserve = m->tree.started ? 0 : m->config.n_cpus + OTHER_THREADS;

    while (wanted > 1 &&
           !thread_check_limits(wanted - 1 + reserve, WORKERS, NULL)) {
        wanted--;
    }
    return wanted;
}

/* The workers that properties ask for; without any, all queues stay on the
 * default worker, and the kernel is asked nothing. A kernel without the calls
 * serves all of them with that one. */
static bool vhost_scsi_set_workers(VhostScsi *s, GError **errp)
{
    unsigned shared, wanted = s->plan->specs->len;
    int r;

    s->vhost.requested_mode = s->plan->mode;
    s->vhost.effective_mode = s->plan->mode;
    s->vhost.worker_names = s->plan->names;
    if (s->plan->share) {
        s->plan->at_most = affordable_workers(s, wanted);
    } else if (wanted > 1 && !check_limits(s, wanted - 1, errp)) {
        return false;
    }
    r = vhost_workers_apply(&s->vhost, s->plan, VHOST_SCSI_FIXED_QUEUES,
                            &shared);
    if (r == 0 && s->plan->mode == VHOST_WORKERS_AUTO && !can_be_auto(s)) {
        r = -ENOTTY;
    }
    if (r == -ENOTTY) {
        fall_back_to_single(s);
        r = 0;
    } else if (r < 0) {
        vhost_scsi_call_error(errp, s, r,
                              vhost_worker_hint(s->vhost.failed_call, r));
    } else if (shared) {
        warn_shared(s, shared, wanted);
    }
    vhost_workers_name(&s->vhost);
    return r == 0;
}

/* Unswappable memory of the kernel: for each command that a request queue can
 * have in flight, room for its scatter list (drivers/vhost/scsi.c,
 * vhost_scsi_setup_vq_cmds). */
static void warn_pinned_memory(const VhostScsi *s)
{
    uint64_t bytes = (uint64_t)s->num_queues * s->virtqueue_size *
                     KERNEL_BYTES_PER_COMMAND;

    if (s->pinned_memory_warn && bytes > s->pinned_memory_warn) {
        warn_report("%s: %u request queues of %u descriptors pin about %" PRIu64
                    " MiB of kernel memory: lower num_queues or "
                    "virtqueue_size, or raise pinned-memory-warn",
                    device_label(&s->vdev.dev), s->num_queues,
                    s->virtqueue_size, bytes / MiB);
    }
}

/* Finds out now, and not when the guest's driver starts, that the target is
 * missing or in use. */
static bool try_endpoint(VhostScsi *s, GError **errp)
{
    int r = vhost_dev_clear_mem_table(&s->vhost);

    if (r < 0) {
        vhost_scsi_call_error(errp, s, r, "");
        return false;
    }
    return set_endpoint(s, errp) && clear_endpoint(s, errp);
}

static void vhost_scsi_instance_init(Device *dev)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));

    vhost_dev_init(&s->vhost, &kernel_ops, NULL);
}

/* The two parts of realize that ask the kernel, which may block on a hung
 * target: the machine goes on meanwhile. Nobody else knows of the device yet. */
static bool open_kernel_device(VhostScsi *s, int fd, GError **errp)
{
    bool ok;

    machine_unlock_if_started(s->vdev.dev.machine);
    ok = vhost_scsi_open(s, fd, s->plan, errp);
    machine_lock_if_started(s->vdev.dev.machine);
    return ok;
}

static bool set_up_kernel_device(VhostScsi *s, GError **errp)
{
    bool ok;

    machine_unlock_if_started(s->vdev.dev.machine);
    ok = vhost_scsi_set_workers(s, errp) && try_endpoint(s, errp);
    machine_lock_if_started(s->vdev.dev.machine);
    return ok;
}

static bool resolve_plan(VhostScsi *s, GError **errp)
{
    bool ok = vhost_worker_plan_resolve(s->plan, s->num_queues, errp);

    if (!ok) {
        g_prefix_error(errp, "vhost-scsi: ");
    }
    return ok;
}

static bool vhost_scsi_realize(Device *dev, GError **errp)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));
    int fd;

    if (!check_properties(s, errp) || !check_target_is_free(s, errp)) {
        return false;
    }
    g_clear_pointer(&s->plan, vhost_worker_plan_free); /* a failed try's */
    s->plan = vhost_worker_plan_new(&s->workers, errp);
    if (!s->plan) {
        g_prefix_error(errp, "vhost-scsi: ");
        return false;
    }
    if (!vhost_scsi_given_fd(s, &fd, errp)) {
        return false;
    }
    s->vhost.label = device_label(dev);
    s->vdev.vhost = &s->vhost;
    s->vdev.n_fixed = VHOST_SCSI_FIXED_QUEUES;
    s->target.abi_version = VHOST_SCSI_ABI_VERSION;
    g_strlcpy(s->target.vhost_wwpn, s->wwpn, sizeof(s->target.vhost_wwpn));

    if (!open_kernel_device(s, fd, errp) ||
        !virtio_init(
            &s->vdev, &vhost_scsi_kind, sizeof(struct virtio_scsi_config),
            VHOST_SCSI_FIXED_QUEUES + s->num_queues, s->virtqueue_size, errp) ||
        !choose_features(s, errp) || !resolve_plan(s, errp) ||
        !set_up_kernel_device(s, errp) ||
        /* Another may have come while the lock was released. */
        !check_target_is_free(s, errp)) {
        return false;
    }
    warn_pinned_memory(s);
    if (s->vhost.effective_mode == VHOST_WORKERS_AUTO) {
        s->worker_auto = vhost_worker_auto_new(
            &s->vdev, &g_array_index(s->plan->specs, VhostWorkerSpec, 0));
    }
    choose_max_sectors(s);
    init_config(s);
    s->err_watch = machine_watch_fd(dev->machine, s->vhost.err.fd, G_IO_IN,
                                    ring_error, s);
    return true;
}

static void vhost_scsi_unrealize(Device *dev)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));

    g_clear_pointer(&s->worker_auto, vhost_worker_auto_free);
    virtio_finish(&s->vdev);
    machine_unwatch(&s->err_watch);
    /* The last close waits for commands in flight and for the workers. */
    machine_unlock_if_started(dev->machine);
    vhost_dev_close(&s->vhost);
    machine_lock_if_started(dev->machine);
    g_clear_pointer(&s->plan, vhost_worker_plan_free);
}

static void vhost_scsi_reset(Device *dev)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));

    virtio_reset(&s->vdev);
}

static const Property vhost_scsi_props[] = {
    PROP_STRING("wwpn", VhostScsi, wwpn, .required = true,
                .summary = "name of the LIO vhost target, naa.<16 hex digits>"),
    PROP_STRING("vhostfd", VhostScsi, vhostfd,
                .summary = "descriptor of /dev/vhost-scsi: number or name"),
    PROP_U32("boot_tpgt", VhostScsi, boot_tpgt,
             .summary = "portal group of the boot disk, for firmware"),
    PROP_AUTO32("num_queues", VhostScsi, num_queues, .def = PROPERTY_AUTO,
                .min = 1, .max = VHOST_SCSI_QUEUES_MAX,
                .summary = "request queues; auto: one per vCPU"),
    PROP_U32("virtqueue_size", VhostScsi, virtqueue_size, .def = 128,
             .summary = "descriptors per virtqueue, a power of two"),
    PROP_BOOL("seg_max_adjust", VhostScsi, seg_max_adjust, .def = true,
              .summary = "segments of a request follow virtqueue_size"),
    PROP_AUTO32("max_sectors", VhostScsi, max_sectors, .def = PROPERTY_AUTO,
                .max = UINT32_MAX - 1,
                .summary = "most sectors of a request; auto: what the kernel "
                           "maps for sure"),
    PROP_U32("cmd_per_lun", VhostScsi, cmd_per_lun, .def = 128,
             .summary = "most commands in flight of a LUN"),
    PROP_BOOL("worker_per_virtqueue", VhostScsi, workers.per_virtqueue,
              .summary = "a kernel worker thread for each request queue"),
    PROP_AUTO32("workers", VhostScsi, workers.count, .min = 1,
                .max = VHOST_WORKERS_MAX,
                .summary = "kernel worker threads in all, or auto: as the "
                           "load asks for; 0: not given"),
    PROP_LIST("worker-vq-mapping", VhostScsi, workers.mapping,
              .summary = "which worker serves which request queues, and where"),
    PROP_BOOL("worker-names", VhostScsi, workers.names,
              .summary = "name worker threads after device and queues"),
    PROP_STRING("worker-cpus", VhostScsi, workers.cpus,
                .summary = "processors that workers may run on, as 0-3,8"),
    PROP_STRING("worker-fallback", VhostScsi, workers.fallback,
                .words = vhost_worker_fallback_words,
                .summary = "error or share: what a worker that cannot be made "
                           "means"),
    PROP_STRING("vhost-thread-mode", VhostScsi, workers.thread_mode,
                .words = vhost_thread_mode_words,
                .summary = "auto, task or kthread: whose threads workers are"),
    PROP_SIZE("pinned-memory-warn", VhostScsi, pinned_memory_warn,
              .def = 2 * GiB,
              .summary = "warn if queues pin more kernel memory; 0: never"),
    PROP_BIT64("t10_pi", VhostScsi, features, .bit = VIRTIO_SCSI_F_T10_PI,
               .summary = "protection information"),
    PROP_BIT64("hotplug", VhostScsi, features, .bit = VIRTIO_SCSI_F_HOTPLUG,
               .summary = "events for LUNs that come and go"),
    PROP_BIT64("indirect_desc", VhostScsi, features,
               .bit = VIRTIO_RING_F_INDIRECT_DESC, .def = 1,
               .summary = "indirect descriptors"),
    PROP_BIT64("event_idx", VhostScsi, features, .bit = VIRTIO_RING_F_EVENT_IDX,
               .def = 1, .summary = "notification by event index"),
    PROP_BIT64("notify_on_empty", VhostScsi, features,
               .bit = VIRTIO_F_NOTIFY_ON_EMPTY, .def = 1,
               .summary = "legacy drivers only, no effect"),
    PROP_BIT64("any_layout", VhostScsi, features, .bit = VIRTIO_F_ANY_LAYOUT,
               .def = 1, .summary = "legacy drivers only, no effect"),
    { 0 },
};

const DeviceType vhost_scsi_type = {
    .name = "vhost-scsi",
    .summary = "SCSI host adapter served by the kernel's LIO target",
    .bus = BUS_VIRTIO,
    .size = sizeof(VhostScsi),
    .props = vhost_scsi_props,
    .instance_init = vhost_scsi_instance_init,
    .realize = vhost_scsi_realize,
    .unrealize = vhost_scsi_unrealize,
    .reset = vhost_scsi_reset,
};
