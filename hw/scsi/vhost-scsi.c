/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/scsi/vhost-scsi.h"
#include "hw/scsi/lio.h"
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "util/error.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#define VHOST_SCSI_PATH "/dev/vhost-scsi"
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

static VhostScsi *vhost_scsi_from(VirtIODevice *vdev)
{
    return container_of(vdev, VhostScsi, vdev);
}

/* --- what the messages say --- */

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
    } else if (!lio_is_there(LIO_VHOST_PATH)) {
        error_setg(errp,
                   "vhost-scsi: target '%s' is missing, without a nexus, or "
                   "in use; no vhost target is configured in LIO that this "
                   "process can see: create it with targetcli",
                   s->wwpn);
    } else if (!lio_is_there(target)) {
        error_setg(errp,
                   "vhost-scsi: no target '%s' in LIO: create it with "
                   "targetcli (/vhost create %s)",
                   s->wwpn, s->wwpn);
    } else if (!lio_has_nexus(target)) {
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
    struct virtio_scsi_config *c = (void *)s->vdev.state.config;

    *c = (struct virtio_scsi_config){
        .num_queues = s->num_queues,
        .seg_max = seg_max(s),
        .max_sectors = s->max_sectors,
        .cmd_per_lun = s->cmd_per_lun,
        .event_info_size = sizeof(struct virtio_scsi_event),
        .sense_size = SENSE_SIZE,
        .cdb_size = CDB_SIZE,
        .max_channel = 0,
        .max_target = VHOST_SCSI_TPGT_MAX,
        .max_lun = VHOST_SCSI_LUN_MAX,
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
    return memcmp(vdev->state.config + offset, data, len) == 0;
}

/* --- start and stop --- */

static bool set_endpoint(VhostDev *dev, GError **errp)
{
    const VhostScsi *s = vhost_scsi_from(dev->vdev);
    int r = vhost_dev_answer(
        dev, "VHOST_SCSI_SET_ENDPOINT", -1,
        s->scsi_ops->vhost_scsi_set_endpoint(dev, &s->target));

    if (r < 0) {
        set_endpoint_error(errp, s, r);
    }
    return r == 0;
}

static bool clear_endpoint(VhostDev *dev, GError **errp)
{
    const VhostScsi *s = vhost_scsi_from(dev->vdev);
    int r = vhost_dev_answer(
        dev, "VHOST_SCSI_CLEAR_ENDPOINT", -1,
        s->scsi_ops->vhost_scsi_clear_endpoint(dev, &s->target));

    if (r < 0) {
        vhost_device_call_error(errp, dev, r);
    }
    return r == 0;
}

/* Specification 5.6.6.3: the event that finds no buffer. The kernel keeps the
 * mark as long as the descriptor lives, so that a driver which begins anew
 * would inherit that of the one before. */
static bool vhost_scsi_activate(VhostDev *dev, GError **errp)
{
    const VhostScsi *s = vhost_scsi_from(dev->vdev);

    if (virtio_has_feature(&s->vdev, VIRTIO_SCSI_F_HOTPLUG)) {
        (void)s->scsi_ops->vhost_scsi_set_events_missed(dev,
                                                        s->state.events_missed);
    }
    return set_endpoint(dev, errp);
}

static void vhost_scsi_stop(VirtIODevice *vdev)
{
    VhostScsi *s = vhost_scsi_from(vdev);

    vhost_device_stop(vdev);
    /* Only now: an event whose turn comes while the endpoint is cleared counts
     * as missed. */
    s->state.events_missed = 0;
    if (vdev->state.status && virtio_has_feature(vdev, VIRTIO_SCSI_F_HOTPLUG)) {
        (void)s->scsi_ops->vhost_scsi_get_events_missed(
            &s->vhost, &s->state.events_missed);
    }
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
    .start = vhost_device_start,
    .stop = vhost_scsi_stop,
};

/* Whether it is a device that we can drive. */
static bool vhost_scsi_check(VhostDev *dev, const char *what, GError **errp)
{
    const VhostScsi *s = vhost_scsi_from(dev->vdev);
    int version = 0;
    int r = s->scsi_ops->vhost_scsi_get_abi_version(dev, &version);

    if (r < 0) {
        error_setg(errp, "vhost-scsi: %s is not a vhost-scsi device: %s", what,
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

static const VhostKind vhost_kind = {
    .name = "vhost-scsi",
    .path = VHOST_SCSI_PATH,
    .module = "vhost_scsi",
    .queues_property = "num_queues",
    .check = vhost_scsi_check,
    .activate = vhost_scsi_activate,
    .deactivate = clear_endpoint,
};

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

/* Another adapter of this machine whose target is the same; NULL if there is
 * none. */
static const Device *find_adapter(const VhostScsi *s)
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

static bool check_target_is_free(const VhostScsi *s, GError **errp)
{
    /* Trying the endpoint would not show it: none is set while no driver
     * runs. */
    const Device *other = find_adapter(s);

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

/* Takes num_queues=auto, as many request queues as worker-vq-mapping speaks of
 * or one per vCPU as far as the kernel has them, and checks a given number. */
static bool choose_num_queues(VhostScsi *s, GError **errp)
{
    Machine *m = s->vdev.dev.machine;
    unsigned limit;
    int n;

    machine_unlock_if_started(m);
    n = vhost_dev_n_vrings(&s->vhost, VIRTIO_QUEUES_MAX);
    machine_lock_if_started(m);
    if (n < 0) {
        vhost_device_call_error(errp, &s->vhost, n);
        return false;
    }
    limit = n > VHOST_SCSI_FIXED_QUEUES ? (unsigned)n - VHOST_SCSI_FIXED_QUEUES
                                        : 0;
    if (s->num_queues == PROPERTY_AUTO) {
        unsigned mapped = vhost_worker_plan_n_mapped(s->vhost.plan);

        s->num_queues = mapped ? mapped : MIN(m->config.n_cpus, limit);
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

/*
 * The worker step: after SET_OWNER, before the endpoint is set. Without any
 * property, or with one request queue, all queues stay on the default worker
 * that SET_OWNER made, and the kernel is asked nothing. With
 * worker_per_virtqueue=on queues 0, 1 and 2 keep that worker, and each further
 * request queue gets one of its own. A kernel without the calls serves all
 * queues with the default worker.
 */
static bool vhost_scsi_set_workers(VhostScsi *s, GError **errp)
{
    return vhost_workers_set_up(&s->vhost, VHOST_SCSI_FIXED_QUEUES, errp);
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
        vhost_device_call_error(errp, &s->vhost, r);
        return false;
    }
    return set_endpoint(&s->vhost, errp) && clear_endpoint(&s->vhost, errp);
}

static void vhost_scsi_instance_init(Device *dev)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));

    vhost_dev_init(&s->vhost, &vhost_kind, &kernel_ops, &s->vdev);
    s->scsi_ops = &kernel_scsi_ops;
}

/* boot_tpgt=auto: the kernel does not tell which portal groups a target has, its
 * configuration does. Where we may not read that, 1 is what people make. */
static void choose_boot_tpgt(VhostScsi *s)
{
    g_autofree char *target = g_build_filename(LIO_VHOST_PATH, s->wwpn, NULL);
    int tpgt;

    if (s->boot_tpgt == PROPERTY_AUTO) {
        tpgt = lio_lowest_tpgt(target);
        s->boot_tpgt = tpgt < 0 ? 1 : (uint32_t)tpgt;
    }
}

/* OVMF by itself asks SCSI target 0 alone who is there, which is portal group 0;
 * a boot order that names another target makes it ask that one. The other
 * firmware is not in a flash. */
static void warn_of_uefi(const VhostScsi *s)
{
    g_autofree char *target = g_build_filename(LIO_VHOST_PATH, s->wwpn, NULL);
    int tpgt = s->vdev.dev.machine->config.pflash[0].path &&
                       device_bootindex(&s->vdev.dev) < 0
                   ? lio_lowest_tpgt(target)
                   : 0;

    if (tpgt > 0) {
        warn_report("%s: target '%s' has no portal group 0: a UEFI "
                    "firmware finds no disk of its tpgt_%d by itself; give "
                    "bootindex= if the guest is to boot from it",
                    device_label(&s->vdev.dev), s->wwpn, tpgt);
    }
}

/* Asks the kernel, which may block on a hung target: the machine goes on
 * meanwhile. Nobody else knows of the device yet. */
static bool set_up_kernel_device(VhostScsi *s, GError **errp)
{
    bool ok;

    vhost_dev_serve(&s->vhost, 0, s->vdev.n_queues);
    machine_unlock_if_started(s->vdev.dev.machine);
    ok = vhost_scsi_set_workers(s, errp) && try_endpoint(s, errp);
    choose_boot_tpgt(s);
    warn_of_uefi(s);
    machine_lock_if_started(s->vdev.dev.machine);
    return ok;
}

/* Off by default, so that they were asked for by name. */
static const VirtioBitName demanded[] = {
    { VIRTIO_SCSI_F_T10_PI, "t10_pi" },
    { VIRTIO_SCSI_F_HOTPLUG, "hotplug" },
    { 0, NULL },
};

static bool vhost_scsi_realize(Device *dev, GError **errp)
{
    VhostScsi *s = vhost_scsi_from(virtio_device_from(dev));

    if (!check_properties(s, errp) || !check_target_is_free(s, errp)) {
        return false;
    }
    s->target.abi_version = VHOST_SCSI_ABI_VERSION;
    g_strlcpy(s->target.vhost_wwpn, s->wwpn, sizeof(s->target.vhost_wwpn));

    if (!vhost_device_open(&s->vhost, &s->workers, s->vhostfd, errp) ||
        !choose_num_queues(s, errp) ||
        !virtio_init(
            &s->vdev, &vhost_scsi_kind, sizeof(struct virtio_scsi_config),
            VHOST_SCSI_FIXED_QUEUES + s->num_queues, s->virtqueue_size, errp) ||
        !vhost_device_offer(&s->vhost, s->features, demanded,
                            &s->vdev.host_features, errp) ||
        !set_up_kernel_device(s, errp) ||
        /* Another may have come while the lock was released. */
        !check_target_is_free(s, errp)) {
        return false;
    }
    warn_pinned_memory(s);
    choose_max_sectors(s);
    init_config(s);
    vhost_device_attend(&s->vhost);
    return true;
}

static void vhost_scsi_unrealize(Device *dev)
{
    vhost_device_finish(virtio_device_from(dev));
}

/* The name of the last node is "disk": SeaBIOS takes any, OVMF no other. */
static char *vhost_scsi_boot_path(const Device *dev)
{
    const VhostScsi *s = container_of(dev, VhostScsi, vdev.dev);

    return g_strdup_printf("/channel@0/disk@%x,%x", s->boot_tpgt, s->boot_lun);
}

static const Property vhost_scsi_props[] = {
    PROP_STRING("wwpn", VhostScsi, wwpn, .required = true,
                .summary = "name of the LIO vhost target, naa.<16 hex digits>"),
    PROP_STRING("vhostfd", VhostScsi, vhostfd,
                .summary = "descriptor of /dev/vhost-scsi: number or name"),
    PROP_INDEX("bootindex", VhostScsi, vdev.dev.bootindex,
               .summary = "place in the firmware's order, from 0 on; -1: none"),
    PROP_AUTO32("boot_tpgt", VhostScsi, boot_tpgt, .def = PROPERTY_AUTO,
                .max = VHOST_SCSI_TPGT_MAX,
                .summary = "portal group of the LUN to boot from; auto: the "
                           "lowest of the target, else 1"),
    PROP_U32("boot_lun", VhostScsi, boot_lun, .max = VHOST_SCSI_LUN_MAX,
             .summary = "LUN to boot from"),
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
    .boot_path = vhost_scsi_boot_path,
};
