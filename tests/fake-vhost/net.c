/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost-net has of its own: the back end of a queue, and packets (virtio
 * 1.2, 5.1.6). Queue 0 receives, queue 1 sends. Each packet is a message of the
 * back end's, and begins with a header of 12 bytes, which a tap would take off.
 */
#include "fake.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>

#define RX     0
#define QUEUES 2

#define HEADER    sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define HEADS_MAX 64 /* buffers of one packet */

/* --- the back end --- */

/* Takes @fd on success; -1: none. Queue's lock held. */
static int change_back_end(FakeQueue *vq, int fd)
{
    int old = vq->backend_fd;

    if (fd >= 0) {
        ring_start(vq);
        if (!vq->mapped) {
            return -EFAULT;
        }
    }
    worker_unwatch(vq);
    vq->backend_fd = fd;
    vq->running = fd >= 0;
    worker_watch(vq);
    worker_kick(vq);
    fd_clear(&old);
    return 0;
}

static int set_backend(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_vring_file f;
    FakeQueue *vq;
    int fd = -1, r;

    if (user_read(&f, (uintptr_t)arg, sizeof(f)) < 0) {
        return -EFAULT;
    }
    r = device_check_owner(dev, NEEDS_OWNER);
    if (r < 0) {
        return r;
    }
    if (f.index >= dev->n_queues) {
        return -ENOBUFS;
    }
    vq = &dev->queue[f.index];
    if (!dev->mem || !ring_access_ok(vq)) {
        return -EFAULT;
    }
    if (f.fd != VHOST_FILE_UNBIND) {
        if (!tap_is_socket(f.fd)) {
            return -ENOTSOCK;
        }
        fd = fd_duplicate(f.fd);
        if (fd < 0) {
            return fd;
        }
    }
    pthread_mutex_lock(&vq->lock);
    r = change_back_end(vq, fd);
    pthread_mutex_unlock(&vq->lock);
    if (r < 0) {
        fd_clear(&fd);
    }
    flight_flush(dev);
    return r;
}

static void net_stop(FakeDevice *dev)
{
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_lock(&dev->queue[i].lock);
        (void)change_back_end(&dev->queue[i], -1);
        pthread_mutex_unlock(&dev->queue[i].lock);
    }
    flight_flush(dev);
}

/* --- packets --- */

static FakeServed send_packet(FakeQueue *vq, FakeCommand *c)
{
    struct msghdr m = { .msg_iov = c->iov, .msg_iovlen = c->n_out };

    if (c->n_in || c->out_len < HEADER) {
        return SERVED_BAD;
    }
    if (sendmsg(vq->backend_fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
        return SERVED_LATER;
    }
    queue_complete(vq, c); /* also what the other end does not take */
    return SERVED;
}

/* The buffers of the ring that the next packet goes into. */
typedef struct Heads {
    FakeCommand *c[HEADS_MAX];
    unsigned n;
    uint64_t room; /* bytes */
} Heads;

/* Takes buffers until @len bytes fit; only one if the driver does not merge
 * them. False if there are not enough, of which the driver will tell, or the
 * ring is broken. */
static bool take_heads(FakeQueue *vq, Heads *h, uint64_t len)
{
    unsigned most = vq->dev->features >> VIRTIO_NET_F_MRG_RXBUF & 1 ? HEADS_MAX
                                                                    : 1;

    while (h->n < most && h->room < len) {
        int r = ring_pop(vq, &h->c[h->n]);

        if (r == 0 && ring_notify_enable(vq)) {
            ring_notify_disable(vq);
            continue;
        }
        if (r != 1) {
            return false;
        }
        h->room += h->c[h->n++]->in_len;
    }
    return true;
}

static void free_heads(Heads *h)
{
    for (unsigned i = 0; i < h->n; i++) {
        free(h->c[i]);
    }
}

/* Receives a packet into the buffers; what does not fit is dropped. */
static bool fill_heads(FakeQueue *vq, const Heads *h)
{
    struct iovec iov[FAKE_IOV_MAX];
    struct msghdr m = { .msg_iov = iov };
    ssize_t len;

    for (unsigned i = 0; i < h->n; i++) {
        const FakeCommand *c = h->c[i];

        for (unsigned k = 0; k < c->n_in; k++) {
            if (m.msg_iovlen == FAKE_IOV_MAX) {
                return false;
            }
            iov[m.msg_iovlen++] = c->iov[c->n_out + k];
        }
    }
    len = recvmsg(vq->backend_fd, &m, MSG_DONTWAIT);
    for (unsigned i = 0; i < h->n && len > 0; i++) {
        FakeCommand *c = h->c[i];

        c->written = (uint64_t)len < c->in_len ? (uint32_t)len
                                               : (uint32_t)c->in_len;
        len -= c->written;
    }
    return h->n && h->c[0]->written >= HEADER;
}

static bool drop_packet(FakeQueue *vq)
{
    uint8_t byte;

    return recv(vq->backend_fd, &byte, 1, MSG_DONTWAIT) >= 0;
}

/* Puts a packet of @len bytes into the ring; false if there is no room. */
static bool receive_packet(FakeQueue *vq, uint64_t len)
{
    Heads h = { .n = 0 };
    uint16_t n;

    if (!take_heads(vq, &h, len)) {
        vq->last_avail -= (uint16_t)h.n;
        free_heads(&h);
        return false;
    }
    if (h.room < len) {
        vq->last_avail -= (uint16_t)h.n;
        free_heads(&h);
        return drop_packet(vq);
    }
    n = (uint16_t)h.n;
    if (!fill_heads(vq, &h) ||
        command_write(h.c[0],
                      offsetof(struct virtio_net_hdr_mrg_rxbuf, num_buffers),
                      &n, sizeof(n)) != sizeof(n)) {
        free_heads(&h);
        ring_error(vq);
        return false;
    }
    for (unsigned i = 0; i < h.n; i++) {
        ring_push(vq, h.c[i]);
    }
    free_heads(&h);
    vq->requests++;
    ring_signal(vq);
    return true;
}

/* Packets while there are any and the driver has room for them; the next one,
 * or the driver, wakes us. */
static void receive(FakeQueue *vq)
{
    ssize_t len;

    ring_notify_disable(vq);
    do {
        len = recv(vq->backend_fd, NULL, 0,
                   MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    } while (len > 0 && receive_packet(vq, (uint64_t)len));
}

static void net_service(FakeQueue *vq)
{
    if (vq->index == RX) {
        receive(vq);
    } else {
        queue_serve_all(vq, send_packet);
    }
}

static const FakeIoctl ioctls[] = {
    { VHOST_NET_SET_BACKEND, "VHOST_NET_SET_BACKEND", NEEDS_NOTHING, 0,
      set_backend },
    { VHOST_GET_BACKEND_FEATURES, "VHOST_GET_BACKEND_FEATURES", NEEDS_NOTHING,
      0, device_backend_features },
    { VHOST_SET_BACKEND_FEATURES, "VHOST_SET_BACKEND_FEATURES", NEEDS_NOTHING,
      0, device_backend_features },
};

const FakeKind fake_net = {
    .id = FAKE_NET,
    .name = "net",
    .n_queues = QUEUES,
    .features_61 = FAKE_NET_FEATURES & ~(UINT64_C(1) << VIRTIO_F_RING_RESET),
    .features = FAKE_NET_FEATURES,
    .ioctls = ioctls,
    .n_ioctls = G_N_ELEMENTS(ioctls),
    .service = net_service,
    .stop = net_stop,
};
