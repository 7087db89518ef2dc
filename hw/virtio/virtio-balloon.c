/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtqueue.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/log.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>

#define PAGE_SHIFT VIRTIO_BALLOON_PFN_SHIFT
#define PAGE_BYTES (UINT64_C(1) << PAGE_SHIFT)

enum {
    INFLATE,
    DEFLATE,
    STATS,
    /* Specification: reporting is 4, and 3 is for hints, which are not offered.
     * Drivers of Linux count the queues that are there: reporting is 3. */
    REPORT_LINUX,
    REPORT,
    QUEUES
};

/* Beside the configuration: what the driver has told. */
typedef struct VirtIOBalloonState {
    uint64_t stats[VIRTIO_BALLOON_S_NR]; /* UINT64_MAX: not told */
    int64_t stats_time_s;                /* when, since 1970; 0: never */
    uint32_t poll_interval_s;            /* 0: it is not asked */
} VirtIOBalloonState;

typedef struct VirtIOBalloon {
    VirtIODevice vdev;
    VirtIOBalloonState state;

    /* properties */
    uint64_t features;

    Timer poll; /* asks for figures; armed while there is an interval */
    /* The buffer of figures that the driver has sent: it is given back to ask
     * for newer ones. */
    bool has_stats_buffer;
    uint16_t stats_head;
    bool stats_known; /* the buffer's figures were read before a stop */
} VirtIOBalloon;

static VirtIOBalloon *virtio_balloon_from(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOBalloon, vdev);
}

/* --- configuration --- */

static uint32_t config_get(const VirtIODevice *vdev, size_t offset)
{
    uint32_t v;

    memcpy(&v, vdev->state.config + offset, sizeof(v));
    return GUINT32_FROM_LE(v);
}

static void config_set(VirtIODevice *vdev, size_t offset, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    memcpy(vdev->state.config + offset, &v, sizeof(v));
}

#define NUM_PAGES offsetof(struct virtio_balloon_config, num_pages)
#define ACTUAL    offsetof(struct virtio_balloon_config, actual)

/* Bytes that the guest has. */
static uint64_t actual_ram(const VirtIODevice *vdev)
{
    uint64_t ram = vdev->dev.machine->config.ram_size;
    uint64_t given = (uint64_t)config_get(vdev, ACTUAL) << PAGE_SHIFT;

    return given < ram ? ram - given : 0;
}

static void emit_change(VirtIODevice *vdev)
{
    json_object *data = json_object_new_object();

    json_add_uint(data, "actual", actual_ram(vdev));
    event_emit_limited(vdev->dev.machine, "BALLOON_CHANGE", "", data);
}

static bool virtio_balloon_set_config(VirtIODevice *vdev, unsigned offset,
                                      const uint8_t *data, unsigned len)
{
    uint64_t before = actual_ram(vdev);

    for (unsigned i = 0; i < len; i++) {
        if (offset + i >= ACTUAL && offset + i < ACTUAL + 4) {
            vdev->state.config[offset + i] = data[i];
        }
    }
    if (actual_ram(vdev) != before) {
        emit_change(vdev);
    }
    return true;
}

/* --- pages that are given and taken --- */

typedef struct Run {
    uint64_t gpa, len; /* bytes; 0: empty */
} Run;

static void drop_run(const GuestRam *ram, const Run *run)
{
    void *host = guest_ram_ptr(ram, run->gpa, run->len);

    if (run->len && host) {
        guest_ram_discard(ram, host, run->len);
    }
}

/* Pages side by side, upwards or downwards, are dropped together. */
static void drop_pages(VirtIODevice *vdev, const uint32_t *pfns, size_t n)
{
    const GuestRam *ram = &vdev->dev.machine->ram;
    Run run = { 0 };

    for (size_t i = 0; i < n; i++) {
        uint64_t gpa = (uint64_t)GUINT32_FROM_LE(pfns[i]) << PAGE_SHIFT;

        if (!guest_ram_ptr(ram, gpa, PAGE_BYTES)) {
            log_item(LOG_GUEST_ERROR, "%s: page 0x%" PRIx64 " is not RAM",
                     device_label(&vdev->dev), gpa);
        } else if (run.len && gpa == run.gpa + run.len &&
                   guest_ram_ptr(ram, run.gpa, run.len + PAGE_BYTES)) {
            run.len += PAGE_BYTES;
        } else if (run.len && gpa + PAGE_BYTES == run.gpa &&
                   guest_ram_ptr(ram, gpa, run.len + PAGE_BYTES)) {
            run.gpa = gpa;
            run.len += PAGE_BYTES;
        } else {
            drop_run(ram, &run);
            run = (Run){ gpa, PAGE_BYTES };
        }
    }
    drop_run(ram, &run);
}

static bool serve_inflate(VirtIODevice *vdev, VirtQueue *q)
{
    uint32_t pfns[VIRTIO_BALLOON_PFNS_MAX];
    VirtQueueElement e;
    size_t len;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    if (e.out_len > sizeof(pfns)) {
        virtio_error(vdev,
                     "the guest gave %zu bytes of page numbers at once; the "
                     "limit is %zu",
                     e.out_len, sizeof(pfns));
        return false;
    }
    len = virtqueue_read(&e, 0, pfns, sizeof(pfns));
    drop_pages(vdev, pfns, len / sizeof(pfns[0]));
    virtqueue_push(vdev, q, &e, 0);
    return true;
}

/* The guest's pages are there as soon as it touches them. */
static bool serve_deflate(VirtIODevice *vdev, VirtQueue *q)
{
    VirtQueueElement e;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    virtqueue_push(vdev, q, &e, 0);
    return true;
}

/* 5.5.6.7: the buffer's pages are free until it is given back. They are dropped
 * as far as that is soon done. */
static bool serve_report(VirtIODevice *vdev, VirtQueue *q)
{
    uint64_t left = VIRTIO_BALLOON_REPORT_MAX;
    VirtQueueElement e;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    for (unsigned i = 0; i < e.n_in && left; i++) {
        const struct iovec *iov = &e.iov[e.n_out + i];
        uint64_t len = MIN(iov->iov_len, left);

        guest_ram_discard(&vdev->dev.machine->ram, iov->iov_base, len);
        left -= len;
    }
    virtqueue_push(vdev, q, &e, 0);
    return true;
}

/* --- figures --- */

static const char *const stat_names[VIRTIO_BALLOON_S_NR] = {
    [VIRTIO_BALLOON_S_SWAP_IN] = "stat-swap-in",
    [VIRTIO_BALLOON_S_SWAP_OUT] = "stat-swap-out",
    [VIRTIO_BALLOON_S_MAJFLT] = "stat-major-faults",
    [VIRTIO_BALLOON_S_MINFLT] = "stat-minor-faults",
    [VIRTIO_BALLOON_S_MEMFREE] = "stat-free-memory",
    [VIRTIO_BALLOON_S_MEMTOT] = "stat-total-memory",
    [VIRTIO_BALLOON_S_AVAIL] = "stat-available-memory",
    [VIRTIO_BALLOON_S_CACHES] = "stat-disk-caches",
    [VIRTIO_BALLOON_S_HTLB_PGALLOC] = "stat-htlb-pgalloc",
    [VIRTIO_BALLOON_S_HTLB_PGFAIL] = "stat-htlb-pgfail",
};

static void forget_stats(VirtIOBalloon *s)
{
    for (unsigned i = 0; i < VIRTIO_BALLOON_S_NR; i++) {
        s->state.stats[i] = UINT64_MAX;
    }
}

static void read_stats(VirtIOBalloon *s, const VirtQueueElement *e)
{
    struct virtio_balloon_stat stats[4 * VIRTIO_BALLOON_S_NR];
    size_t len = virtqueue_read(e, 0, stats, sizeof(stats));

    forget_stats(s);
    for (size_t i = 0; i < len / sizeof(stats[0]); i++) {
        uint16_t tag = GUINT16_FROM_LE(stats[i].tag);

        if (tag < VIRTIO_BALLOON_S_NR) {
            s->state.stats[tag] = GUINT64_FROM_LE(stats[i].val);
        }
    }
    s->state.stats_time_s = g_get_real_time() / G_USEC_PER_SEC;
}

static bool serve_stats(VirtIODevice *vdev, VirtQueue *q)
{
    VirtIOBalloon *s = virtio_balloon_from(vdev);
    VirtQueueElement e;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    if (s->has_stats_buffer) {
        virtio_error(vdev, "the guest sent a second buffer of statistics");
        return false;
    }
    if (!s->stats_known) {
        read_stats(s, &e);
    }
    s->stats_known = false;
    s->has_stats_buffer = true;
    s->stats_head = e.head;
    return true;
}

static void arm_poll(VirtIOBalloon *s)
{
    timer_mod(&s->poll, machine_clock_ns(s->vdev.dev.machine) +
                            s->state.poll_interval_s * NANOSECONDS_PER_SECOND);
}

static void poll_stats(void *opaque)
{
    VirtIOBalloon *s = opaque;

    if (s->has_stats_buffer && !s->vdev.busy) {
        VirtQueueElement e = { .head = s->stats_head };

        s->has_stats_buffer = false;
        virtqueue_push(&s->vdev, &s->vdev.queues[STATS], &e, 0);
    }
    arm_poll(s);
}

/* What the device has kept is the driver's again, unread: the next start takes
 * it anew. */
static void virtio_balloon_stop(VirtIODevice *vdev)
{
    VirtIOBalloon *s = virtio_balloon_from(vdev);

    if (s->has_stats_buffer) {
        virtqueue_unpop(&vdev->queues[STATS]);
        s->stats_known = true;
        s->has_stats_buffer = false;
    }
}

/* Without a driver the guest has all of its memory, and the next one's buffer is
 * another one. What it is to keep stays. */
static void virtio_balloon_forget(VirtIODevice *vdev)
{
    virtio_balloon_from(vdev)->stats_known = false;
    config_set(vdev, ACTUAL, 0);
}

static json_object *get_stats(Device *dev)
{
    const VirtIOBalloon *s = virtio_balloon_from(virtio_device_from(dev));
    json_object *o = json_object_new_object();
    json_object *stats = json_object_new_object();

    for (unsigned i = 0; i < VIRTIO_BALLOON_S_NR; i++) {
        json_add_uint(stats, stat_names[i], s->state.stats[i]);
    }
    json_add(o, "stats", stats);
    json_add_int(o, "last-update", s->state.stats_time_s);
    return o;
}

static json_object *get_poll_interval(Device *dev)
{
    const VirtIOBalloon *s = virtio_balloon_from(virtio_device_from(dev));

    return json_object_new_int64(s->state.poll_interval_s);
}

static bool set_poll_interval(Device *dev, json_object *value, GError **errp)
{
    VirtIOBalloon *s = virtio_balloon_from(virtio_device_from(dev));
    int64_t seconds = json_object_get_int64(value);

    if (!json_object_is_type(value, json_type_int) || seconds < 0 ||
        seconds > UINT32_MAX) {
        error_setg(errp,
                   "virtio-balloon: property 'guest-stats-polling-interval' "
                   "cannot be '%s': a number of seconds from 0 to %u is "
                   "expected",
                   json_object_to_json_string(value), UINT32_MAX);
        return false;
    }
    s->state.poll_interval_s = (uint32_t)seconds;
    if (seconds) {
        arm_poll(s);
    } else {
        timer_del(&s->poll);
    }
    return true;
}

static const LiveProperty virtio_balloon_live[] = {
    { "guest-stats", "guest statistics",
      "the guest's figures, and when they were told", get_stats, NULL },
    { "guest-stats-polling-interval", "int",
      "seconds from one question for them to the next; 0: none",
      get_poll_interval, set_poll_interval },
    { 0 },
};

/* --- life --- */

static const VirtioBitName balloon_features[] = {
    { VIRTIO_BALLOON_F_MUST_TELL_HOST, "VIRTIO_BALLOON_F_MUST_TELL_HOST" },
    { VIRTIO_BALLOON_F_STATS_VQ, "VIRTIO_BALLOON_F_STATS_VQ" },
    { VIRTIO_BALLOON_F_DEFLATE_ON_OOM, "VIRTIO_BALLOON_F_DEFLATE_ON_OOM" },
    { VIRTIO_BALLOON_F_FREE_PAGE_HINT, "VIRTIO_BALLOON_F_FREE_PAGE_HINT" },
    { VIRTIO_BALLOON_F_PAGE_POISON, "VIRTIO_BALLOON_F_PAGE_POISON" },
    { VIRTIO_BALLOON_F_REPORTING, "VIRTIO_BALLOON_F_REPORTING" },
    { 0, NULL },
};

static const VirtioKind virtio_balloon_kind = {
    .name = "virtio-balloon",
    .device_id = VIRTIO_ID_BALLOON,
    .pci_class = 0x00ff, /* no class */
    .features = balloon_features,
    .reset = virtio_balloon_forget,
    .set_config = virtio_balloon_set_config,
    .stop = virtio_balloon_stop,
};

static VirtIODevice *find_balloon(const Machine *m)
{
    for (guint i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);

        if (dev->backend && dev->backend->type == &virtio_balloon_type) {
            return virtio_device_from(dev->backend);
        }
    }
    return NULL;
}

static void virtio_balloon_instance_init(Device *dev)
{
    VirtIOBalloon *s = virtio_balloon_from(virtio_device_from(dev));

    forget_stats(s);
    timer_init(&s->poll, dev->machine, poll_stats, s);
}

static bool virtio_balloon_realize(Device *dev, GError **errp)
{
    VirtIODevice *vdev = virtio_device_from(dev);
    uint64_t features = virtio_balloon_from(vdev)->features;
    bool reports = features >> VIRTIO_BALLOON_F_REPORTING & 1;

    if (find_balloon(dev->machine)) {
        error_setg(errp, "Only one balloon device is supported");
        return false;
    }
    if (!virtio_init(vdev, &virtio_balloon_kind, ACTUAL + 4,
                     reports ? QUEUES : REPORT_LINUX, VIRTIO_BALLOON_QUEUE_SIZE,
                     errp)) {
        return false;
    }
    vdev->host_features = features | UINT64_C(1) << VIRTIO_F_VERSION_1 |
                          UINT64_C(1) << VIRTIO_BALLOON_F_STATS_VQ;
    virtqueue_serve(vdev, INFLATE, serve_inflate);
    virtqueue_serve(vdev, DEFLATE, serve_deflate);
    virtqueue_serve(vdev, STATS, serve_stats);
    if (reports) {
        virtqueue_serve(vdev, REPORT_LINUX, serve_report);
        virtqueue_serve(vdev, REPORT, serve_report);
    }
    return true;
}

static void virtio_balloon_unrealize(Device *dev)
{
    VirtIOBalloon *s = virtio_balloon_from(virtio_device_from(dev));

    timer_del(&s->poll);
    virtio_finish(&s->vdev);
}

static const Property virtio_balloon_props[] = {
    PROP_BIT64("deflate-on-oom", VirtIOBalloon, features,
               .bit = VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
               .summary = "the guest may take pages back before it kills a "
                          "process"),
    PROP_BIT64("free-page-reporting", VirtIOBalloon, features,
               .bit = VIRTIO_BALLOON_F_REPORTING,
               .summary = "the host has the guest's free pages"),
    PROP_BIT64("indirect_desc", VirtIOBalloon, features,
               .bit = VIRTIO_RING_F_INDIRECT_DESC, .def = 1,
               .summary = "indirect descriptors"),
    PROP_BIT64("event_idx", VirtIOBalloon, features,
               .bit = VIRTIO_RING_F_EVENT_IDX, .def = 1,
               .summary = "notification by event index"),
    { 0 },
};

const DeviceType virtio_balloon_type = {
    .name = "virtio-balloon-device",
    .summary = "the guest gives memory to the host and takes it back",
    .bus = BUS_VIRTIO,
    .size = sizeof(VirtIOBalloon),
    .props = virtio_balloon_props,
    .live = virtio_balloon_live,
    .instance_init = virtio_balloon_instance_init,
    .realize = virtio_balloon_realize,
    .unrealize = virtio_balloon_unrealize,
};

/* --- QMP --- */

static VirtIODevice *active_balloon(const Machine *m, GError **errp)
{
    VirtIODevice *vdev = find_balloon(m);

    if (!vdev) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_ACTIVE,
                  "No balloon device has been activated");
    }
    return vdev;
}

json_object *qmp_balloon(Machine *m, json_object *args, GError **errp)
{
    VirtIODevice *vdev = active_balloon(m, errp);
    int64_t target = json_object_get_int64(json_get(args, "value"));
    uint64_t ram = m->config.ram_size;

    if (!vdev) {
        return NULL;
    }
    if (target <= 0) {
        error_setg(errp, "Parameter 'target' expects a size");
        return NULL;
    }
    config_set(vdev, NUM_PAGES,
               (uint32_t)((ram - MIN((uint64_t)target, ram)) >> PAGE_SHIFT));
    virtio_notify_config(vdev);
    return json_object_new_object();
}

json_object *qmp_query_balloon(Machine *m, json_object *args, GError **errp)
{
    const VirtIODevice *vdev = active_balloon(m, errp);
    json_object *o;

    if (!vdev) {
        return NULL;
    }
    o = json_object_new_object();
    json_add_uint(o, "actual", actual_ram(vdev));
    return o;
}
