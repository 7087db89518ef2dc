/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's half of a split virtqueue (specification 1.2, 2.7), with
 * indirect descriptors and event index, as Linux' driver uses them. Each
 * request has one descriptor of the ring, which points to a table of its own:
 * nothing but the command and the position changes from one request to the
 * next.
 */
#include "bench.h"
#include "util/error.h"

#include <fcntl.h>

#include <linux/virtio_scsi.h>

/* Parts of a slot's control memory, which lies beside those of others, as a
 * guest's driver has it. */
#define SLOT_SIZE  512
#define SLOT_REQ   0
#define SLOT_RESP  64
#define SLOT_TABLE 256
#define DATA_ALIGN 4096

static_assert(SLOT_REQ + sizeof(struct virtio_scsi_cmd_req) <= SLOT_RESP,
              "a request fits");
static_assert(SLOT_RESP + sizeof(struct virtio_scsi_cmd_resp) <= SLOT_TABLE,
              "a response fits");

static uint64_t take(uint64_t *gpa, uint64_t bytes, uint64_t align)
{
    uint64_t at = round_up(*gpa, align);

    *gpa = at + bytes;
    return at;
}

static void place_slot(BenchQueue *q, const GuestRam *ram, unsigned i,
                       uint64_t gpa, uint64_t data)
{
    BenchSlot *s = &q->slots[i];
    uint8_t *host = guest_ram_ptr(ram, gpa, SLOT_SIZE);

    s->req = (void *)(host + SLOT_REQ);
    s->resp = (void *)(host + SLOT_RESP);
    s->table = (void *)(host + SLOT_TABLE);
    s->data = guest_ram_ptr(ram, data, q->bench->config->block_size);
    s->table[0].addr = gpa + SLOT_REQ;
    s->table[0].len = sizeof(*s->req);
    q->desc[i] = (struct vring_desc){
        .addr = gpa + SLOT_TABLE,
        .len = 3 * sizeof(struct vring_desc),
        .flags = VRING_DESC_F_INDIRECT,
    };
}

uint64_t bench_queue_place(BenchQueue *q, const GuestRam *ram, uint64_t gpa)
{
    uint64_t desc = take(&gpa, vring_desc_size(q->size), DATA_ALIGN);
    uint64_t avail = take(&gpa, vring_avail_size(q->size), 2);
    uint64_t used = take(&gpa, vring_used_size(q->size), DATA_ALIGN);
    uint64_t slots = take(&gpa, (uint64_t)q->n_slots * SLOT_SIZE, SLOT_SIZE);

    if (ram) {
        q->vq->state.desc = desc;
        q->vq->state.driver = avail;
        q->vq->state.device = used;
        q->desc = guest_ram_ptr(ram, desc, vring_desc_size(q->size));
        q->avail = guest_ram_ptr(ram, avail, vring_avail_size(q->size));
        q->used = guest_ram_ptr(ram, used, vring_used_size(q->size));
    }
    for (unsigned i = 0; i < q->n_slots; i++) {
        uint64_t data = take(&gpa, q->bench->config->block_size, DATA_ALIGN);

        if (ram) {
            place_slot(q, ram, i, slots + (uint64_t)i * SLOT_SIZE, data);
        }
    }
    return gpa;
}

/* Specification 5.6.6.1: what the device reads comes first: request, data out;
 * then what it writes: response, data in. */
void bench_slot_set_direction(BenchQueue *q, BenchSlot *s, bool to_device,
                              uint32_t bytes)
{
    const GuestRam *ram = &q->bench->machine->ram;
    struct vring_desc resp = {
        .addr = s->table[0].addr - SLOT_REQ + SLOT_RESP,
        .len = sizeof(*s->resp),
        .flags = VRING_DESC_F_WRITE,
    };
    struct vring_desc data = {
        .addr = ram->blocks[0].gpa + (uint64_t)(s->data - ram->blocks[0].host),
        .len = bytes,
        .flags = to_device ? 0 : VRING_DESC_F_WRITE,
    };

    s->table[0].flags = VRING_DESC_F_NEXT;
    s->table[0].next = 1;
    s->table[1] = to_device ? data : resp;
    s->table[2] = to_device ? resp : data;
    if (bytes) {
        s->table[1].flags |= VRING_DESC_F_NEXT;
        s->table[1].next = 2;
    }
}

void bench_queue_add(BenchQueue *q, unsigned slot)
{
    q->avail->ring[q->avail_idx++ & (q->size - 1)] = (uint16_t)slot;
    q->in_flight++;
}

/* Behind the available ring and the used ring (specification 2.7.6, 2.7.8). */
static uint16_t *used_event(const BenchQueue *q)
{
    return &q->avail->ring[q->size];
}

static uint16_t *avail_event(const BenchQueue *q)
{
    return (uint16_t *)(void *)&q->used->ring[q->size];
}

void bench_queue_publish(BenchQueue *q)
{
    uint16_t event;

    if (q->avail_idx == q->published) {
        return;
    }
    /* The entries before the index that shows them, and that before we look at
     * what the device wants (specification 2.7.13.3, 2.7.13.4.1). */
    __atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_SEQ_CST);
    event = __atomic_load_n(avail_event(q), __ATOMIC_SEQ_CST);
    if (vring_need_event(event, q->avail_idx, q->published)) {
        event_notifier_set(&q->vq->kick);
    }
    q->published = q->avail_idx;
}

int bench_queue_next_used(BenchQueue *q)
{
    uint32_t id;

    if (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) == q->used_seen) {
        return -1;
    }
    id = q->used->ring[q->used_seen++ & (q->size - 1)].id;
    q->in_flight--;
    return (int)(id % q->n_slots);
}

bool bench_queue_arm(BenchQueue *q)
{
    __atomic_store_n(used_event(q), q->used_seen, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&q->used->idx, __ATOMIC_SEQ_CST) == q->used_seen;
}

bool bench_queue_set_blocking(BenchQueue *q, bool on, GError **errp)
{
    int r = fcntl(q->vq->call.fd, F_SETFL, on ? 0 : O_NONBLOCK);

    if (r < 0) {
        error_setg_errno(errp, errno, "F_SETFL of a notification failed");
    }
    return r == 0;
}

void bench_queue_wait(BenchQueue *q)
{
    (void)event_notifier_test_and_clear(&q->vq->call);
}
