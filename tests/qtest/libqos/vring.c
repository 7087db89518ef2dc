/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/malloc.h"
#include "libqos/vring.h"

#include <linux/virtio_config.h>

/* Offsets within the rings, 2.7.6 and 2.7.8. */
#define AVAIL_FLAGS   offsetof(struct vring_avail, flags)
#define AVAIL_IDX     offsetof(struct vring_avail, idx)
#define AVAIL_RING(i) (offsetof(struct vring_avail, ring) + 2 * (uint64_t)(i))
#define USED_FLAGS    offsetof(struct vring_used, flags)
#define USED_IDX      offsetof(struct vring_used, idx)
#define USED_RING(i)  (offsetof(struct vring_used, ring) + 8 * (uint64_t)(i))

/* The event index behind each ring, which the other side reads: used_event
 * behind avail, avail_event behind used. */
static uint64_t used_event(const QVirtQueue *q)
{
    return q->avail + AVAIL_RING(q->size);
}

static uint64_t avail_event(const QVirtQueue *q)
{
    return q->used + USED_RING(q->size);
}

QVirtQueue *qvring_new(QTestState *s, QGuestAllocator *alloc, uint16_t size,
                       uint64_t features)
{
    QVirtQueue *q = g_new0(QVirtQueue, 1);
    uint64_t avail_offset = 16 * (uint64_t)size;
    uint64_t used_offset = round_up(avail_offset + AVAIL_RING(size) + 2, 4);

    g_assert_true(is_power_of_2(size) && size <= QVRING_SIZE_MAX);
    q->qts = s;
    q->alloc = alloc;
    q->size = size;
    q->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
    q->indirect_desc = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
    q->memory = guest_alloc(alloc, used_offset + USED_RING(size) + 2);
    q->desc = q->memory;
    q->avail = q->memory + avail_offset;
    q->used = q->memory + used_offset;
    q->heads = g_new0(QVirtHead, size);
    q->free = g_new(uint16_t, size);
    for (q->n_free = 0; q->n_free < size; q->n_free++) {
        q->free[q->n_free] = (uint16_t)(size - 1 - q->n_free);
    }
    return q;
}

void qvring_free(QVirtQueue *q)
{
    if (!q) {
        return;
    }
    for (unsigned i = 0; i < q->size; i++) {
        if (q->heads[i].indirect) {
            guest_free(q->alloc, q->heads[i].indirect);
        }
    }
    guest_free(q->alloc, q->memory);
    g_free(q->free);
    g_free(q->heads);
    g_free(q);
}

bool qvring_has_room(const QVirtQueue *q, unsigned n, bool indirect)
{
    return q->n_free >= (indirect ? 1 : n);
}

static struct vring_desc make_desc(const QVirtBuf *buf, bool last,
                                   uint16_t next)
{
    uint16_t flags = (uint16_t)((buf->device_writes ? VRING_DESC_F_WRITE : 0) |
                                (last ? 0 : VRING_DESC_F_NEXT));

    return (struct vring_desc){
        .addr = GUINT64_TO_LE(buf->addr),
        .len = GUINT32_TO_LE(buf->len),
        .flags = GUINT16_TO_LE(flags),
        .next = GUINT16_TO_LE(last ? 0 : next),
    };
}

static void write_desc(QVirtQueue *q, uint16_t i, const struct vring_desc *d)
{
    qtest_memwrite(q->qts, q->desc + sizeof(*d) * (uint64_t)i, d, sizeof(*d));
}

/* One descriptor that shows a table of all others. */
static uint16_t add_indirect(QVirtQueue *q, const QVirtBuf *bufs, unsigned n)
{
    g_autofree struct vring_desc *table = g_new(struct vring_desc, n);
    uint32_t bytes = (uint32_t)(n * sizeof(*table));
    uint16_t head = q->free[--q->n_free];
    struct vring_desc d;

    for (unsigned i = 0; i < n; i++) {
        table[i] = make_desc(&bufs[i], i + 1 == n, (uint16_t)(i + 1));
    }
    q->heads[head] = (QVirtHead){ .in_use = true,
                                  .n_desc = 1,
                                  .indirect = guest_alloc(q->alloc, bytes) };
    qtest_memwrite(q->qts, q->heads[head].indirect, table, bytes);
    d = (struct vring_desc){
        .addr = GUINT64_TO_LE(q->heads[head].indirect),
        .len = GUINT32_TO_LE(bytes),
        .flags = GUINT16_TO_LE(VRING_DESC_F_INDIRECT),
    };
    write_desc(q, head, &d);
    return head;
}

static uint16_t add_direct(QVirtQueue *q, const QVirtBuf *bufs, unsigned n)
{
    uint16_t head = q->free[q->n_free - 1];

    q->heads[head] = (QVirtHead){ .in_use = true, .n_desc = (uint16_t)n };
    for (unsigned i = 0; i < n; i++) {
        uint16_t mine = q->free[--q->n_free];
        bool last = i + 1 == n;
        struct vring_desc d = make_desc(&bufs[i], last,
                                        last ? 0 : q->free[q->n_free - 1]);

        write_desc(q, mine, &d);
    }
    return head;
}

uint16_t qvring_add(QVirtQueue *q, const QVirtBuf *bufs, unsigned n,
                    bool indirect)
{
    uint16_t head;

    g_assert_cmpuint(n, >, 0);
    g_assert_true(!indirect || q->indirect_desc);
    if (!qvring_has_room(q, n, indirect)) {
        qtest_fail(q->qts, "the virtqueue has no room for %u descriptors", n);
    }
    head = indirect ? add_indirect(q, bufs, n) : add_direct(q, bufs, n);
    qtest_writew(q->qts, q->avail + AVAIL_RING(q->next_avail % q->size), head);
    q->next_avail++;
    return head;
}

/* 2.7.10: whether the event index lies in what was published just now. */
static bool needs_event(uint16_t event, uint16_t now, uint16_t before)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

bool qvring_publish(QVirtQueue *q)
{
    uint16_t before = q->published;

    if (before == q->next_avail) {
        return false;
    }
    q->published = q->next_avail;
    qtest_writew(q->qts, q->avail + AVAIL_IDX, q->published);
    if (q->event_idx) {
        return needs_event(qtest_readw(q->qts, avail_event(q)), q->published,
                           before);
    }
    return !(qtest_readw(q->qts, q->used + USED_FLAGS) &
             VRING_USED_F_NO_NOTIFY);
}

/* The request's descriptors are free again: found by walking the chain, as
 * the driver has written it. */
static void release(QVirtQueue *q, uint16_t head)
{
    QVirtHead *h = &q->heads[head];
    uint16_t i = head;

    for (unsigned n = 0; n < h->n_desc; n++) {
        q->free[q->n_free++] = i;
        i = qtest_readw(q->qts, q->desc + 16 * (uint64_t)i +
                                    offsetof(struct vring_desc, next));
    }
    if (h->indirect) {
        guest_free(q->alloc, h->indirect);
    }
    *h = (QVirtHead){ 0 };
}

bool qvring_get_used(QVirtQueue *q, QVirtUsed *ret)
{
    struct vring_used_elem elem;
    uint16_t idx = qtest_readw(q->qts, q->used + USED_IDX);
    uint32_t head;

    if (idx == q->last_used) {
        return false;
    }
    if ((uint16_t)(idx - q->last_used) > q->size) {
        qtest_fail(q->qts, "used index %u is out of bounds", idx);
    }
    qtest_memread(q->qts, q->used + USED_RING(q->last_used % q->size), &elem,
                  sizeof(elem));
    head = GUINT32_FROM_LE(elem.id);
    if (head >= q->size || !q->heads[head].in_use) {
        qtest_fail(q->qts, "used entry for descriptor %u, which is not in use",
                   head);
    }
    release(q, (uint16_t)head);
    q->last_used++;
    if (q->event_idx) {
        qtest_writew(q->qts, used_event(q), q->last_used);
    }
    ret->head = (uint16_t)head;
    ret->len = GUINT32_FROM_LE(elem.len);
    return true;
}

void qvring_disable_interrupts(QVirtQueue *q, bool disable)
{
    if (q->event_idx) {
        /* The entry before the last taken comes after all others. */
        qtest_writew(q->qts, used_event(q),
                     (uint16_t)(q->last_used - (disable ? 1 : 0)));
    } else {
        qtest_writew(q->qts, q->avail + AVAIL_FLAGS,
                     disable ? VRING_AVAIL_F_NO_INTERRUPT : 0);
    }
}
