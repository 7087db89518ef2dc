/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtqueue.h"
#include "system/machine.h"
#include "util/log.h"

/* Who serves a queue. */
struct VirtQueueServer {
    VirtIODevice *vdev; /* borrowed, as the queue is */
    VirtQueue *q;
    VirtQueueHandler *handler;
    GSource *watch; /* of q->kick; owned */
};

/* --- the ring in memory that the driver may write to at any time --- */

static uint16_t load(const __virtio16 *p)
{
    return GUINT16_FROM_LE(__atomic_load_n(p, __ATOMIC_ACQUIRE));
}

static void store(__virtio16 *p, uint16_t value)
{
    __atomic_store_n(p, GUINT16_TO_LE(value), __ATOMIC_RELEASE);
}

bool virtqueue_map(const VirtQueue *q, const GuestRam *ram, struct vring *ret)
{
    const VirtQueueState *s = &q->state;
    struct vring vr = { .num = s->size };

    if (s->desc % VRING_DESC_ALIGN_SIZE || s->driver % VRING_AVAIL_ALIGN_SIZE ||
        s->device % VRING_USED_ALIGN_SIZE) {
        return false;
    }
    vr.desc = guest_ram_ptr(ram, s->desc, vring_desc_size(s->size));
    vr.avail = guest_ram_ptr(ram, s->driver, vring_avail_size(s->size));
    vr.used = guest_ram_ptr(ram, s->device, vring_used_size(s->size));
    if (!vr.desc || !vr.avail || !vr.used) {
        return false;
    }
    *ret = vr;
    return true;
}

static unsigned number_of(const VirtIODevice *vdev, const VirtQueue *q)
{
    return (unsigned)(q - vdev->queues);
}

static void fault(VirtIODevice *vdev, const VirtQueue *q, const char *what)
{
    virtio_error(vdev, "virtqueue %u has %s", number_of(vdev, q), what);
}

static bool may_use(const VirtIODevice *vdev, const VirtQueue *q)
{
    return vdev->started && !vdev->busy && q->state.enabled &&
           !(vdev->state.status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static bool map(VirtIODevice *vdev, const VirtQueue *q, struct vring *ret)
{
    if (!may_use(vdev, q)) {
        return false;
    }
    if (!virtqueue_map(q, &vdev->dev.machine->ram, ret)) {
        fault(vdev, q, "a ring that does not lie in RAM");
        return false;
    }
    return true;
}

/* --- taking --- */

static uint16_t n_available(const VirtQueue *q, const struct vring *vr)
{
    return (uint16_t)(load(&vr->avail->idx) - q->state.last_avail);
}

static bool has_next(VirtIODevice *vdev, const VirtQueue *q,
                     const struct vring *vr)
{
    uint16_t n = n_available(q, vr);

    if (n == 0 && virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX)) {
        /* Kick for the next one, 2.7.10. It may have come before the driver
         * could read that. */
        store(&vring_avail_event(vr), q->state.last_avail);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        n = n_available(q, vr);
    }
    if (n > vr->num) {
        fault(vdev, q, "more buffers available than its ring has room for");
        return false;
    }
    return n > 0;
}

/* A table of descriptors: the ring's, or an indirect one, which need not be
 * aligned. */
typedef struct Table {
    const uint8_t *at;
    uint32_t n;
    bool indirect;
} Table;

static struct vring_desc read_descriptor(const Table *t, uint32_t i)
{
    struct vring_desc d;

    memcpy(&d, t->at + i * sizeof(d), sizeof(d));
    /* From here on it is ours: the compiler must not read it again. */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return (struct vring_desc){
        .addr = GUINT64_FROM_LE(d.addr),
        .len = GUINT32_FROM_LE(d.len),
        .flags = GUINT16_FROM_LE(d.flags),
        .next = GUINT16_FROM_LE(d.next),
    };
}

/* These return what is wrong, or NULL. */

static const char *enter_table(const VirtIODevice *vdev,
                               const struct vring_desc *d, Table *t)
{
    if (!virtio_has_feature(vdev, VIRTIO_RING_F_INDIRECT_DESC)) {
        return "an indirect descriptor, which was not negotiated";
    }
    if (t->indirect || (d->flags & VRING_DESC_F_NEXT)) {
        return "an indirect descriptor that is not the last of the ring's";
    }
    if (!d->len || d->len % sizeof(*d)) {
        return "an indirect table that is no number of descriptors";
    }
    t->at = guest_ram_ptr(&vdev->dev.machine->ram, d->addr, d->len);
    t->n = d->len / (uint32_t)sizeof(*d);
    t->indirect = true;
    return t->at ? NULL : "an indirect table that does not lie in RAM";
}

static const char *take_descriptor(const GuestRam *ram,
                                   const struct vring_desc *d,
                                   VirtQueueElement *e)
{
    bool in = d->flags & VRING_DESC_F_WRITE;
    void *host = guest_ram_ptr(ram, d->addr, d->len);

    if (!d->len) {
        return NULL;
    }
    if (!host) {
        return "a buffer that does not lie in RAM";
    }
    if (!in && e->n_in) {
        return "a buffer to be read behind one to be written";
    }
    e->iov[e->n_out + e->n_in] = (struct iovec){ host, d->len };
    e->n_out += !in;
    e->n_in += in;
    e->out_len += in ? 0 : d->len;
    e->in_len += in ? d->len : 0;
    return NULL;
}

static const char *walk(const VirtIODevice *vdev, const struct vring *vr,
                        VirtQueueElement *e)
{
    Table t = { .at = (const uint8_t *)vr->desc, .n = vr->num };
    uint32_t i = e->head;

    for (unsigned n = 0; n < VIRTQUEUE_CHAIN_MAX; n++) {
        const char *wrong;
        struct vring_desc d;

        if (i >= t.n) {
            return "a descriptor beyond the end of its table";
        }
        d = read_descriptor(&t, i);
        if (d.flags & VRING_DESC_F_INDIRECT) {
            wrong = enter_table(vdev, &d, &t);
            i = 0;
        } else {
            wrong = take_descriptor(&vdev->dev.machine->ram, &d, e);
            i = d.next;
            if (!wrong && !(d.flags & VRING_DESC_F_NEXT)) {
                return NULL;
            }
        }
        if (wrong) {
            return wrong;
        }
    }
    return "a chain of too many descriptors";
}

bool virtqueue_pop(VirtIODevice *vdev, VirtQueue *q, VirtQueueElement *ret)
{
    const char *wrong;
    struct vring vr;

    if (!map(vdev, q, &vr) || !has_next(vdev, q, &vr)) {
        return false;
    }
    ret->head = load(&vr.avail->ring[q->state.last_avail % vr.num]);
    ret->n_out = ret->n_in = 0;
    ret->out_len = ret->in_len = 0;
    wrong = walk(vdev, &vr, ret);
    if (wrong) {
        fault(vdev, q, wrong);
        return false;
    }
    q->state.last_avail++;
    trace(virtqueue_pop, "%s queue=%u head=%u out=%zu in=%zu",
          device_label(&vdev->dev), number_of(vdev, q), ret->head, ret->out_len,
          ret->in_len);
    return true;
}

void virtqueue_unpop(VirtQueue *q)
{
    q->state.last_avail--;
}

/* --- giving back --- */

/* Whether the driver wants an interrupt for the used entry with that index,
 * 2.7.7. */
static bool wants_interrupt(const VirtIODevice *vdev, const struct vring *vr,
                            uint16_t used)
{
    if (virtio_has_feature(vdev, VIRTIO_RING_F_EVENT_IDX)) {
        return vring_need_event(load(&vring_used_event(vr)),
                                (uint16_t)(used + 1), used);
    }
    return !(load(&vr->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

void virtqueue_push(VirtIODevice *vdev, VirtQueue *q, const VirtQueueElement *e,
                    uint32_t len)
{
    struct vring vr;
    uint16_t used;

    if (!map(vdev, q, &vr)) {
        return;
    }
    trace(virtqueue_push, "%s queue=%u head=%u len=%u",
          device_label(&vdev->dev), number_of(vdev, q), e->head, len);
    used = load(&vr.used->idx);
    vr.used->ring[used % vr.num] = (struct vring_used_elem){
        .id = GUINT32_TO_LE(e->head),
        .len = GUINT32_TO_LE(len),
    };
    store(&vr.used->idx, (uint16_t)(used + 1));
    /* The driver sees it, or we see that it wants to be told. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (wants_interrupt(vdev, &vr, used)) {
        event_notifier_set(&q->call);
    }
}

/* --- bytes --- */

/* Copies @len bytes between @buf and the @n pieces at @iov, from @offset of
 * these on. */
static size_t copy(const struct iovec *iov, unsigned n, size_t offset,
                   uint8_t *buf, size_t len, bool to_guest)
{
    size_t done = 0;

    for (; n && done < len; iov++, n--) {
        uint8_t *at = (uint8_t *)iov->iov_base + offset;
        size_t piece;

        if (offset >= iov->iov_len) {
            offset -= iov->iov_len;
            continue;
        }
        piece = MIN(len - done, iov->iov_len - offset);
        memcpy(to_guest ? at : buf + done, to_guest ? buf + done : at, piece);
        done += piece;
        offset = 0;
    }
    return done;
}

size_t virtqueue_read(const VirtQueueElement *e, size_t offset, void *buf,
                      size_t len)
{
    return copy(e->iov, e->n_out, offset, buf, len, false);
}

size_t virtqueue_write(const VirtQueueElement *e, size_t offset,
                       const void *buf, size_t len)
{
    return copy(e->iov + e->n_out, e->n_in, offset, (uint8_t *)buf, len, true);
}

/* --- serving --- */

static bool kicked(void *opaque, GIOCondition condition)
{
    const VirtQueueServer *s = opaque;
    unsigned n = 0;

    /* A kick of a device that is stopped or busy is made good by
     * virtqueue_wake_all(). */
    if (!event_notifier_test_and_clear(&s->q->kick)) {
        return true;
    }
    while (n < VIRTQUEUE_BATCH && may_use(s->vdev, s->q) &&
           s->handler(s->vdev, s->q)) {
        n++;
    }
    if (n == VIRTQUEUE_BATCH) {
        virtqueue_wake(s->q);
    }
    return true;
}

void virtqueue_serve(VirtIODevice *vdev, unsigned queue,
                     VirtQueueHandler *handler)
{
    VirtQueue *q = &vdev->queues[queue];

    assert(queue < vdev->n_queues && !q->server);
    assert(q->max_size <= VIRTQUEUE_CHAIN_MAX);
    q->server = g_new(VirtQueueServer, 1);
    *q->server = (VirtQueueServer){
        .vdev = vdev,
        .q = q,
        .handler = handler,
        .watch = machine_watch_fd(vdev->dev.machine, q->kick.fd, G_IO_IN,
                                  kicked, q->server),
    };
}

void virtqueue_unserve(VirtQueue *q)
{
    if (q->server) {
        machine_unwatch(&q->server->watch);
        g_clear_pointer(&q->server, g_free);
    }
}

void virtqueue_wake(VirtQueue *q)
{
    event_notifier_set(&q->kick);
}

void virtqueue_wake_all(VirtIODevice *vdev)
{
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        if (vdev->queues[i].server) {
            virtqueue_wake(&vdev->queues[i]);
        }
    }
}
