/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtio-rng.h"
#include "hw/virtio/virtqueue.h"
#include "system/machine.h"
#include "system/rng.h"
#include "util/error.h"

#include <linux/virtio_ids.h>

#define NO_LIMIT  INT64_MAX /* of max-bytes */
#define NS_PER_MS INT64_C(1000000)

/* A reset does not change it, so that a guest cannot get more by resets. */
typedef struct VirtIORNGState {
    uint64_t quota; /* bytes that the guest may still have in this period */
} VirtIORNGState;

typedef struct VirtIORNG {
    VirtIODevice vdev;
    VirtIORNGState state;

    /* properties */
    char *rng; /* id of the object; NULL: rng-builtin */
    uint64_t max_bytes;
    uint32_t period_ms;
    uint64_t features;

    RngBackend *backend; /* borrowed; in use; NULL: the default */
    int fd;              /* of the source, non-blocking; owned */
    GSource *readable;   /* the source had nothing: waits for it; owned */
    bool ended;          /* the source gives nothing any more */
    Timer period;        /* armed while quota is below max_bytes */
} VirtIORNG;

static VirtIORNG *virtio_rng_from(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIORNG, vdev);
}

/* The next driver has another try. */
static void virtio_rng_forget(VirtIODevice *vdev)
{
    virtio_rng_from(vdev)->ended = false;
}

static const VirtioKind virtio_rng_kind = {
    .name = "virtio-rng",
    .device_id = VIRTIO_ID_RNG,
    .pci_class = 0x00ff, /* no class */
    .reset = virtio_rng_forget,
};

/* --- the limit --- */

static void take_from_quota(VirtIORNG *s, size_t n)
{
    if (s->max_bytes == NO_LIMIT) {
        return;
    }
    s->state.quota -= n;
    if (!s->period.armed) {
        timer_mod(&s->period, machine_clock_ns(s->vdev.dev.machine) +
                                  s->period_ms * NS_PER_MS);
    }
}

static void next_period(void *opaque)
{
    VirtIORNG *s = opaque;

    s->state.quota = s->max_bytes;
    virtqueue_wake(&s->vdev.queues[0]);
}

/* --- the source --- */

static bool source_readable(void *opaque, GIOCondition condition)
{
    VirtIORNG *s = opaque;

    machine_unwatch(&s->readable);
    virtqueue_wake(&s->vdev.queues[0]);
    return false;
}

/* A read answered @r instead of bytes. */
static void wait_for_source(VirtIORNG *s, int r)
{
    if (r == -EAGAIN) {
        s->readable = machine_watch_fd(s->vdev.dev.machine, s->fd, G_IO_IN,
                                       source_readable, s);
        return;
    }
    s->ended = true;
    virtio_warn(&s->vdev,
                "its source gives no random bytes (%s): the guest waits; see "
                "-object rng-random,filename=",
                r < 0 ? g_strerror(-r) : "end of file");
}

static bool serve(VirtIODevice *vdev, VirtQueue *q)
{
    VirtIORNG *s = virtio_rng_from(vdev);
    uint8_t bytes[VIRTIO_RNG_CHUNK];
    VirtQueueElement e;
    size_t wanted;
    int r;

    if (!s->state.quota || s->readable || s->ended ||
        !virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    wanted = MIN(MIN(e.in_len, sizeof(bytes)), s->state.quota);
    if (!wanted) {
        virtio_error(vdev, "the guest sent a buffer without room for a byte");
        return false;
    }
    r = neg_errno((int)read(s->fd, bytes, wanted));
    if (r <= 0) {
        virtqueue_unpop(q);
        wait_for_source(s, r);
        return false;
    }
    take_from_quota(s, (size_t)r);
    virtqueue_push(vdev, q, &e,
                   (uint32_t)virtqueue_write(&e, 0, bytes, (size_t)r));
    return true;
}

/* --- life --- */

static void virtio_rng_instance_init(Device *dev)
{
    VirtIORNG *s = virtio_rng_from(virtio_device_from(dev));

    s->fd = -1;
    timer_init(&s->period, dev->machine, next_period, s);
}

/* Opens the source without the lock; the object stays, since it is in use. */
static bool open_source(VirtIORNG *s, GError **errp)
{
    Machine *m = s->vdev.dev.machine;
    bool ok;

    if (s->rng) {
        s->backend = rng_backend_find(m, s->rng);
        if (!s->backend) {
            error_setg(errp,
                       "virtio-rng: property 'rng' cannot be '%s': there is no "
                       "such object; give -object rng-random,id=%s",
                       s->rng, s->rng);
            return false;
        }
        s->backend->object.users++;
    }
    machine_unlock_if_started(m);
    ok = rng_backend_open(s->backend, &s->fd, errp);
    machine_lock_if_started(m);
    return ok;
}

static bool virtio_rng_realize(Device *dev, GError **errp)
{
    VirtIORNG *s = virtio_rng_from(virtio_device_from(dev));

    if (!open_source(s, errp) || !virtio_init(&s->vdev, &virtio_rng_kind, 0, 1,
                                              VIRTIO_RNG_QUEUE_SIZE, errp)) {
        return false;
    }
    s->vdev.host_features = s->features | UINT64_C(1) << VIRTIO_F_VERSION_1;
    s->state.quota = s->max_bytes;
    virtqueue_serve(&s->vdev, 0, serve);
    return true;
}

static void virtio_rng_unrealize(Device *dev)
{
    VirtIORNG *s = virtio_rng_from(virtio_device_from(dev));

    virtio_finish(&s->vdev);
    timer_del(&s->period);
    machine_unwatch(&s->readable);
    close_fd(&s->fd);
    if (s->backend) {
        s->backend->object.users--;
        s->backend = NULL;
    }
}

static const Property virtio_rng_props[] = {
    PROP_STRING(
        "rng", VirtIORNG, rng,
        .summary = "id of an object rng-random or rng-builtin; default: "
                   "the host's kernel"),
    PROP_U64("max-bytes", VirtIORNG, max_bytes, .def = NO_LIMIT, .min = 1,
             .max = NO_LIMIT, .summary = "most bytes in each period"),
    PROP_U32("period", VirtIORNG, period_ms, .def = 65536, .min = 1,
             .summary = "length of a period in milliseconds"),
    PROP_BIT64("indirect_desc", VirtIORNG, features,
               .bit = VIRTIO_RING_F_INDIRECT_DESC, .def = 1,
               .summary = "indirect descriptors"),
    PROP_BIT64("event_idx", VirtIORNG, features, .bit = VIRTIO_RING_F_EVENT_IDX,
               .def = 1, .summary = "notification by event index"),
    { 0 },
};

const DeviceType virtio_rng_type = {
    .name = "virtio-rng-device",
    .summary = "random bytes of the host",
    .bus = BUS_VIRTIO,
    .size = sizeof(VirtIORNG),
    .props = virtio_rng_props,
    .instance_init = virtio_rng_instance_init,
    .realize = virtio_rng_realize,
    .unrealize = virtio_rng_unrealize,
};
