/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost-vsock has of its own: the guest's CID, the switch that runs the
 * queues, and a host to talk to (virtio 1.2, 5.10). Queue 0 receives, queue 1
 * sends. The host echoes on stream port FAKE_VSOCK_PORT, and refuses others.
 */
#include "fake.h"

#include <linux/virtio_vsock.h>

#define RX       0
#define QUEUES   2
#define HOST_CID 2
#define ROOM     (256 * KiB) /* what the host says it has for one connection */

/* A packet on its way to the driver. */
typedef struct FakePacket {
    struct FakePacket *next;
    size_t sent, len; /* bytes of the data */
    struct virtio_vsock_hdr hdr;
    uint8_t data[];
} FakePacket;

/* --- the ioctls --- */

static bool cid_in_use(const FakeDevice *dev, uint64_t cid)
{
    for (const FakeDevice *d = fake.devices; d; d = d->next) {
        if (d != dev && d->guest_cid == cid) {
            return true;
        }
    }
    return false;
}

static int set_guest_cid(FakeDevice *dev, unsigned long request, void *arg)
{
    uint64_t cid;
    int r = 0;

    if (user_read(&cid, (uintptr_t)arg, sizeof(cid)) < 0) {
        return -EFAULT;
    }
    if (cid <= HOST_CID || cid >= UINT32_MAX) {
        return -EINVAL;
    }
    pthread_mutex_lock(&fake.lock);
    if (cid_in_use(dev, cid)) {
        r = -EADDRINUSE;
    } else {
        dev->guest_cid = cid;
    }
    pthread_mutex_unlock(&fake.lock);
    return r;
}

static int start_queue(FakeDevice *dev, FakeQueue *vq)
{
    int r = 0;

    if (!dev->mem || !ring_access_ok(vq)) {
        return -EFAULT;
    }
    pthread_mutex_lock(&vq->lock);
    if (!vq->running) {
        ring_start(vq);
        vq->running = vq->mapped;
        r = vq->mapped ? 0 : -EFAULT;
        worker_kick(vq);
    }
    pthread_mutex_unlock(&vq->lock);
    return r;
}

static void vsock_stop(FakeDevice *dev)
{
    FakePacket *p, *next;

    queue_stop_all(dev);
    pthread_mutex_lock(&fake.lock);
    p = dev->packets;
    dev->packets = NULL;
    dev->received = 0;
    pthread_mutex_unlock(&fake.lock);
    for (; p; p = next) {
        next = p->next;
        free(p);
    }
}

static int set_running(FakeDevice *dev, unsigned long request, void *arg)
{
    int32_t on;
    int r;

    if (user_read(&on, (uintptr_t)arg, sizeof(on)) < 0) {
        return -EFAULT;
    }
    r = device_check_owner(dev, NEEDS_OWNER);
    for (unsigned i = 0; i < dev->n_queues && r == 0 && on; i++) {
        r = start_queue(dev, &dev->queue[i]);
        if (r < 0) {
            queue_stop_all(dev);
        }
    }
    if (r == 0 && !on) {
        vsock_stop(dev);
    }
    return r;
}

/* --- the host --- */

/* The answer to @h, with room for @len bytes. NULL without memory. */
static FakePacket *answer_to(const struct virtio_vsock_hdr *h, uint16_t op,
                             size_t len, uint32_t received)
{
    FakePacket *p = calloc(1, sizeof(*p) + len);

    if (p) {
        p->len = len;
        p->hdr = (struct virtio_vsock_hdr){
            .src_cid = h->dst_cid,
            .dst_cid = h->src_cid,
            .src_port = h->dst_port,
            .dst_port = h->src_port,
            .type = h->type,
            .op = op,
            .buf_alloc = ROOM,
            .fwd_cnt = received,
        };
    }
    return p;
}

/* fake.lock is held. */
static FakePacket *answer_command(FakeDevice *dev, const FakeCommand *c,
                                  const struct virtio_vsock_hdr *h)
{
    size_t len = c->out_len - sizeof(*h);
    FakePacket *p;

    len = len < h->len ? len : h->len;
    if (h->dst_port != FAKE_VSOCK_PORT || h->type != VIRTIO_VSOCK_TYPE_STREAM) {
        return h->op == VIRTIO_VSOCK_OP_RST
                   ? NULL
                   : answer_to(h, VIRTIO_VSOCK_OP_RST, 0, 0);
    }
    switch (h->op) {
    case VIRTIO_VSOCK_OP_REQUEST:
        dev->received = 0;
        return answer_to(h, VIRTIO_VSOCK_OP_RESPONSE, 0, 0);
    case VIRTIO_VSOCK_OP_RW:
        dev->received += (uint32_t)len;
        p = answer_to(h, VIRTIO_VSOCK_OP_RW, len, dev->received);
        if (p && command_read(c, sizeof(*h), p->data, len) != (int64_t)len) {
            free(p);
            return NULL;
        }
        return p;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        return answer_to(h, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, dev->received);
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
    case VIRTIO_VSOCK_OP_RST:
        return NULL;
    default:
        return answer_to(h, VIRTIO_VSOCK_OP_RST, 0, dev->received);
    }
}

static FakeServed serve_tx(FakeQueue *vq, FakeCommand *c)
{
    struct virtio_vsock_hdr h;
    FakePacket **at;

    if (c->n_in || command_read(c, 0, &h, sizeof(h)) != sizeof(h)) {
        return SERVED_BAD;
    }
    pthread_mutex_lock(&fake.lock);
    if (h.src_cid == vq->dev->guest_cid && h.dst_cid == HOST_CID) {
        for (at = &vq->dev->packets; *at; at = &(*at)->next) {
        }
        *at = answer_command(vq->dev, c, &h);
    }
    pthread_mutex_unlock(&fake.lock);
    worker_wake(vq->worker, &vq->dev->queue[RX]);
    queue_complete(vq, c);
    return SERVED;
}

/* --- the queue that receives --- */

/* The first packet into a buffer, or as much as fits. */
static bool write_packet(FakeCommand *c, FakePacket *p)
{
    size_t len = p->len - p->sent;

    if (c->n_out || c->in_len < sizeof(p->hdr)) {
        return false;
    }
    len = len < c->in_len - sizeof(p->hdr) ? len : c->in_len - sizeof(p->hdr);
    p->hdr.len = (uint32_t)len;
    if (command_write(c, 0, &p->hdr, sizeof(p->hdr)) != sizeof(p->hdr) ||
        command_write(c, sizeof(p->hdr), p->data + p->sent, len) !=
            (int64_t)len) {
        return false;
    }
    c->written = (uint32_t)(sizeof(p->hdr) + len);
    p->sent += len;
    return true;
}

static FakeServed serve_rx(FakeQueue *vq, FakeCommand *c)
{
    FakeDevice *dev = vq->dev;
    FakePacket *p;
    bool good;

    pthread_mutex_lock(&fake.lock);
    p = dev->packets;
    good = p && write_packet(c, p);
    if (good && p->sent == p->len) {
        dev->packets = p->next;
        free(p);
    }
    pthread_mutex_unlock(&fake.lock);
    if (!p) {
        return SERVED_LATER;
    }
    if (!good) {
        return SERVED_BAD;
    }
    queue_complete(vq, c);
    return SERVED;
}

static void vsock_service(FakeQueue *vq)
{
    queue_serve_all(vq, vq->index == RX ? serve_rx : serve_tx);
}

static const FakeIoctl ioctls[] = {
    { VHOST_VSOCK_SET_GUEST_CID, "VHOST_VSOCK_SET_GUEST_CID", NEEDS_NOTHING, 0,
      set_guest_cid },
    { VHOST_VSOCK_SET_RUNNING, "VHOST_VSOCK_SET_RUNNING", NEEDS_NOTHING, 0,
      set_running },
    { VHOST_GET_BACKEND_FEATURES, "VHOST_GET_BACKEND_FEATURES", NEEDS_NOTHING,
      0, device_backend_features },
    { VHOST_SET_BACKEND_FEATURES, "VHOST_SET_BACKEND_FEATURES", NEEDS_NOTHING,
      0, device_backend_features },
};

const FakeKind fake_vsock = {
    .id = FAKE_VSOCK,
    .name = "vsock",
    .n_queues = QUEUES,
    .features_61 = FAKE_VSOCK_FEATURES,
    .features = FAKE_VSOCK_FEATURES,
    .ioctls = ioctls,
    .n_ioctls = G_N_ELEMENTS(ioctls),
    .service = vsock_service,
    .stop = vsock_stop,
};
