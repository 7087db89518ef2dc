/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device of the test whose only queue user space serves: it gives what
 * it was sent back, and a driver that writes rings by hand, good and bad.
 */
#ifndef TEST_VIRTQUEUE_H
#define TEST_VIRTQUEUE_H

#include "hw/virtio/virtqueue.h"

#define ECHO_QUEUE_SIZE 8
#define ECHO_RAM        MiB    /* at 0 */
#define ECHO_DESC       0x1000 /* the ring */
#define ECHO_AVAIL      0x2000
#define ECHO_USED       0x3000
#define ECHO_FEATURES                             \
    (UINT64_C(1) << VIRTIO_F_VERSION_1 |          \
     UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC | \
     UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

typedef struct Echo {
    VirtIODevice vdev;
    unsigned served;
    bool wait; /* the handler has nothing to give: it puts the buffer back */
} Echo;

static inline bool echo_serve(VirtIODevice *vdev, VirtQueue *q)
{
    Echo *s = container_of(vdev, Echo, vdev);
    uint8_t bytes[4096];
    VirtQueueElement e;
    size_t n;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    if (s->wait) {
        virtqueue_unpop(q);
        return false;
    }
    n = virtqueue_read(&e, 0, bytes, sizeof(bytes));
    n = virtqueue_write(&e, 0, bytes, n);
    virtqueue_push(vdev, q, &e, (uint32_t)n);
    s->served++;
    return true;
}

static const VirtioKind echo_kind = {
    .name = "virtio-echo",
    .device_id = 42,
};

static inline bool echo_realize(Device *dev, GError **errp)
{
    VirtIODevice *vdev = virtio_device_from(dev);

    if (!virtio_init(vdev, &echo_kind, 0, 1, ECHO_QUEUE_SIZE, errp)) {
        return false;
    }
    vdev->host_features = ECHO_FEATURES;
    virtqueue_serve(vdev, 0, echo_serve);
    return true;
}

static inline void echo_unrealize(Device *dev)
{
    virtio_finish(virtio_device_from(dev));
}

static const DeviceType echo_type = {
    .name = "echo",
    .bus = BUS_VIRTIO,
    .size = sizeof(Echo),
    .realize = echo_realize,
    .unrealize = echo_unrealize,
};

/* One in @m, which has RAM by then, not yet set up by a driver. Freed by
 * device_free(). */
static inline Echo *echo_new(Machine *m)
{
    Device *dev = device_new(&m->tree, &echo_type);

    g_assert_true(echo_realize(dev, NULL));
    return container_of(virtio_device_from(dev), Echo, vdev);
}

/* From reset to DRIVER_OK, with those features and that ring. */
static inline void echo_start(Echo *s, uint64_t features, uint16_t size,
                              uint64_t desc, uint64_t avail, uint64_t used)
{
    VirtQueue *q = &s->vdev.queues[0];

    virtio_set_status(&s->vdev, 0);
    virtio_set_features(&s->vdev, features);
    virtio_set_status(&s->vdev, 11); /* ACKNOWLEDGE, DRIVER, FEATURES_OK */
    virtio_queue_set_size(&s->vdev, q, size);
    q->state.desc = desc;
    q->state.driver = avail;
    q->state.device = used;
    virtio_queue_enable(&s->vdev, q);
    virtio_set_status(&s->vdev, 15);
}

#endif
