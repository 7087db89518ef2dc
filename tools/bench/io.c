/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SCSI requests, and the jobs that keep them in flight. */
#include "bench.h"
#include "util/error.h"

#include <linux/virtio_scsi.h>

/* SCSI operation codes and the length of READ CAPACITY (10)'s answer; SBC-3. */
#define TEST_UNIT_READY  0x00
#define READ_CAPACITY_10 0x25
#define READ_10          0x28
#define WRITE_10         0x2a
#define CAPACITY_LEN     8
#define SAM_GOOD         0

/* A new nexus answers UNIT ATTENTION to its first commands. */
#define READY_TRIES     10
#define COMMAND_SECONDS 30
#define COMMAND_POLL_US 1000

/* --- what is asked for --- */

/* Xorshift: Marsaglia, Xorshift RNGs, 2003. */
static uint64_t next_random(BenchQueue *q)
{
    q->random ^= q->random << 13;
    q->random ^= q->random >> 7;
    q->random ^= q->random << 17;
    return q->random;
}

/* One of [0, @n). */
static uint64_t random_below(BenchQueue *q, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)next_random(q) * n) >> 64);
}

/* Of slot @slot, so that no two requests in flight meet when data are checked:
 * a slot has every nth block for its own. */
static uint64_t next_block(BenchQueue *q, unsigned slot)
{
    const Bench *b = q->bench;
    uint64_t stride = 1, first = 0, n = b->blocks;

    if (b->config->rw == BENCH_VERIFY) {
        /* The first queue has as many slots as any. */
        stride = (uint64_t)b->n_active * b->queues[0].n_slots;
        first = (uint64_t)q->index * b->queues[0].n_slots + slot;
        n = b->blocks / stride;
    }
    if (b->config->pattern == BENCH_RANDOM) {
        return first + stride * random_below(q, n);
    }
    return first + stride * (q->cursor++ % n);
}

static uint64_t pattern_word(uint64_t stamp, size_t i)
{
    return (stamp + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(const BenchQueue *q, BenchSlot *s)
{
    uint64_t *words = (void *)s->data;

    for (size_t i = 0; i < q->bench->config->block_size / sizeof(*words); i++) {
        words[i] = pattern_word(s->stamp, i);
    }
}

static bool is_filled(const BenchQueue *q, const BenchSlot *s)
{
    const uint64_t *words = (const void *)s->data;

    for (size_t i = 0; i < q->bench->config->block_size / sizeof(*words); i++) {
        if (words[i] != pattern_word(s->stamp, i)) {
            return false;
        }
    }
    return true;
}

static void set_command(BenchQueue *q, BenchSlot *s, bool write)
{
    const Bench *b = q->bench;
    uint32_t n = (uint32_t)b->config->block_size / b->logical_block;
    uint32_t lba = GUINT32_TO_BE((uint32_t)(s->block * n));
    uint16_t count = GUINT16_TO_BE((uint16_t)n);

    s->req->cdb[0] = write ? WRITE_10 : READ_10;
    memcpy(&s->req->cdb[2], &lba, sizeof(lba));
    memcpy(&s->req->cdb[7], &count, sizeof(count));
}

/* The next request of a slot: when data are checked, each block that was
 * written is read back before the next one. */
static void prepare(BenchQueue *q, unsigned slot)
{
    BenchSlot *s = &q->slots[slot];
    const BenchConfig *c = q->bench->config;

    if (c->rw != BENCH_VERIFY) {
        s->block = next_block(q, slot);
        set_command(q, s, c->rw == BENCH_WRITE);
        return;
    }
    if (s->written) {
        memset(s->data, 0, c->block_size);
    } else {
        s->block = next_block(q, slot);
        s->stamp = next_random(q);
        fill(q, s);
    }
    set_command(q, s, !s->written);
    bench_slot_set_direction(q, s, !s->written, (uint32_t)c->block_size);
}

static void submit(BenchQueue *q, unsigned slot, int64_t now)
{
    BenchSlot *s = &q->slots[slot];

    s->resp->response = UINT8_MAX; /* so that an answer of old does not count */
    s->start_ns = now;
    bench_queue_add(q, slot);
}

static bool is_good(const BenchSlot *s)
{
    return s->resp->response == VIRTIO_SCSI_S_OK &&
           s->resp->status == SAM_GOOD && !s->resp->resid;
}

static void complete(BenchQueue *q, unsigned slot, int64_t now)
{
    BenchSlot *s = &q->slots[slot];
    bool verify = q->bench->config->rw == BENCH_VERIFY;

    q->done++;
    q->errors += !is_good(s);
    if (verify && s->written && is_good(s) && !is_filled(q, s)) {
        q->mismatches++;
    }
    if (q->measuring) {
        histogram_add(&q->latency, (uint64_t)MAX(now - s->start_ns, 0));
    }
    s->written = verify && !s->written;
    if (!q->stopping) {
        prepare(q, slot);
        submit(q, slot, now);
    }
}

/* --- single commands, before there are jobs --- */

static void command_start(Bench *b, const uint8_t *cdb, uint32_t in)
{
    BenchQueue *q = &b->queues[0];
    BenchSlot *s = &q->slots[0];

    memset(s->req, 0, sizeof(*s->req));
    memcpy(s->req->lun, b->lun, sizeof(s->req->lun));
    memcpy(s->req->cdb, cdb, 10);
    bench_slot_set_direction(q, s, false, in);
    submit(q, 0, bench_now_ns());
    bench_queue_publish(q);
}

/* Whether an answer came; it is in slot 0. */
static bool command(Bench *b, const uint8_t *cdb, uint32_t in)
{
    BenchQueue *q = &b->queues[0];
    int64_t end = bench_now_ns() + COMMAND_SECONDS * NANOSECONDS_PER_SECOND;

    command_start(b, cdb, in);
    while (q->in_flight && bench_now_ns() < end) {
        if (bench_queue_next_used(q) < 0) {
            g_usleep(COMMAND_POLL_US);
        }
    }
    return !q->in_flight;
}

static bool set_capacity(Bench *b, GError **errp)
{
    const BenchConfig *c = b->config;
    uint32_t last, block;

    memcpy(&last, b->queues[0].slots[0].data, sizeof(last));
    memcpy(&block, b->queues[0].slots[0].data + 4, sizeof(block));
    b->logical_block = GUINT32_FROM_BE(block);
    if (!b->logical_block || c->block_size % b->logical_block) {
        error_setg(errp,
                   "--block-size cannot be %" PRIu64 ": the LUN has blocks of "
                   "%u bytes, of which a multiple is expected",
                   c->block_size, b->logical_block);
        return false;
    }
    /* All ones: there are more blocks than READ (10) reaches. */
    b->blocks = ((uint64_t)GUINT32_FROM_BE(last) + 1) /
                (c->block_size / b->logical_block);
    if (b->blocks < (uint64_t)b->n_active * b->queues[0].n_slots) {
        error_setg(errp,
                   "the LUN has %" PRIu64 " blocks of --block-size and %u "
                   "requests would be in flight: use a larger LUN or a smaller "
                   "--depth",
                   b->blocks, b->n_active * b->queues[0].n_slots);
        return false;
    }
    return true;
}

bool bench_read_capacity(Bench *b, GError **errp)
{
    static const uint8_t ready[10] = { TEST_UNIT_READY };
    static const uint8_t capacity[10] = { READ_CAPACITY_10 };
    BenchSlot *s = &b->queues[0].slots[0];
    bool answered = false;

    for (unsigned i = 0; i < READY_TRIES && !(answered && is_good(s)); i++) {
        answered = command(b, ready, 0);
        if (!answered) {
            break;
        }
    }
    if (answered && is_good(s) && command(b, capacity, CAPACITY_LEN) &&
        is_good(s)) {
        return set_capacity(b, errp);
    }
    if (!answered || b->queues[0].in_flight) {
        error_setg(errp, "the target does not answer: see the kernel log");
    } else if (s->resp->response == VIRTIO_SCSI_S_BAD_TARGET) {
        error_setg(errp,
                   "target '%s' has no portal group %" PRIu64 " or no LUN "
                   "%" PRIu64 ": see --tpgt and --lun",
                   b->config->wwpn, b->config->tpgt, b->config->lun);
    } else {
        error_setg(errp,
                   "LUN %" PRIu64 " is not ready (response %u, status 0x%02x): "
                   "see --tpgt and --lun",
                   b->config->lun, s->resp->response, s->resp->status);
    }
    return false;
}

/* --- jobs --- */

/* One turn at the queue; returns whether to go on. */
static bool take_turn(BenchQueue *q)
{
    int64_t now = 0;
    bool idle, more;
    int slot;

    g_mutex_lock(&q->lock);
    while ((slot = bench_queue_next_used(q)) >= 0) {
        /* Once for each batch: where reading the clock enters the kernel it costs more than a
         * request. */
        now = now ?: bench_now_ns();
        complete(q, (unsigned)slot, now);
    }
    idle = !now;
    bench_queue_publish(q);
    more = !q->stopping || q->in_flight;
    idle = idle && bench_queue_arm(q);
    g_mutex_unlock(&q->lock);
    if (more && idle) {
        bench_queue_wait(q);
    }
    return more && !g_atomic_int_get(&q->bench->deadline_passed);
}

static gpointer job(gpointer opaque)
{
    BenchQueue *q = opaque;

    while (take_turn(q)) {
    }
    /* One notification wakes one job: the others of this queue end too. */
    event_notifier_set(&q->vq->call);
    return NULL;
}

static void fill_queue(BenchQueue *q)
{
    const Bench *b = q->bench;
    int64_t now = bench_now_ns();

    g_mutex_lock(&q->lock);
    q->stopping = false;
    q->random = UINT64_C(0x2545f4914f6cdd1d) * (q->index + 1);
    q->cursor = b->config->rw == BENCH_VERIFY
                    ? 0
                    : b->blocks / b->n_active * q->index;
    for (unsigned i = 0; i < q->n_slots; i++) {
        BenchSlot *s = &q->slots[i];

        memset(s->req, 0, sizeof(*s->req));
        memcpy(s->req->lun, b->lun, sizeof(s->req->lun));
        bench_slot_set_direction(q, s, b->config->rw != BENCH_READ,
                                 (uint32_t)b->config->block_size);
        prepare(q, i);
        submit(q, i, now);
    }
    bench_queue_publish(q);
    g_mutex_unlock(&q->lock);
}

bool bench_jobs_start(Bench *b, GError **errp)
{
    b->start_ns = bench_now_ns();
    for (unsigned i = 0; i < b->n_active; i++) {
        if (!bench_queue_set_blocking(&b->queues[i], true, errp)) {
            return false;
        }
        fill_queue(&b->queues[i]);
    }
    for (unsigned i = 0; i < b->n_jobs; i++) {
        b->jobs[i] = machine_thread_new("job", job, &b->queues[i % b->n_queues],
                                        errp);
        if (!b->jobs[i]) {
            return false;
        }
    }
    return true;
}

static unsigned in_flight(Bench *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->n_queues; i++) {
        g_mutex_lock(&b->queues[i].lock);
        b->queues[i].stopping = true;
        n += b->queues[i].in_flight;
        g_mutex_unlock(&b->queues[i].lock);
    }
    return n;
}

void bench_jobs_stop(Bench *b)
{
    int64_t end = bench_now_ns() + BENCH_DRAIN_SECONDS * NANOSECONDS_PER_SECOND;

    while ((b->lost = in_flight(b)) && b->jobs[0] && bench_now_ns() < end) {
        g_usleep(1000);
    }
    g_atomic_int_set(&b->deadline_passed, 1);
    for (unsigned i = 0; i < b->n_active; i++) {
        event_notifier_set(&b->queues[i].vq->call);
    }
    for (unsigned i = 0; i < b->n_jobs; i++) {
        if (b->jobs[i]) {
            g_thread_join(g_steal_pointer(&b->jobs[i]));
        }
    }
    for (unsigned i = 0; i < b->n_active; i++) {
        (void)bench_queue_set_blocking(&b->queues[i], false, NULL);
    }
}

void bench_set_measuring(Bench *b, bool on)
{
    for (unsigned i = 0; i < b->n_queues; i++) {
        BenchQueue *q = &b->queues[i];

        g_mutex_lock(&q->lock);
        q->measuring = on;
        if (on) {
            memset(&q->latency, 0, sizeof(q->latency));
        }
        g_mutex_unlock(&q->lock);
    }
}

uint64_t bench_done(Bench *b)
{
    uint64_t done = 0;

    for (unsigned i = 0; i < b->n_queues; i++) {
        g_mutex_lock(&b->queues[i].lock);
        done += b->queues[i].done;
        g_mutex_unlock(&b->queues[i].lock);
    }
    return done;
}
