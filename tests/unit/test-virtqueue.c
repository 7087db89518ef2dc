/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Queues that user space serves: what a driver may do, and what it may not. */
#include "test-board.h"
#include "test-virtqueue.h"

#define HIGH     (4 * GiB) /* a second block of RAM */
#define HIGH_LEN (64 * KiB)
#define OUT      0x10000 /* what the driver writes */
#define IN       0x20000 /* what the device writes */
#define TABLE    0x30008 /* an indirect one; need not be aligned to 16 */

typedef struct Fixture {
    TestBoard b;
    Echo *s;
    VirtIODevice *vdev;
    VirtQueue *q;
    struct vring vr;
} Fixture;

static void *at(Fixture *f, uint64_t gpa)
{
    void *p = guest_ram_ptr(&f->b.m->ram, gpa, 1);

    g_assert_nonnull(p);
    return p;
}

static void start(Fixture *f, uint64_t features)
{
    memset(at(f, ECHO_DESC), 0, 0x3000);
    echo_start(f->s, features | UINT64_C(1) << VIRTIO_F_VERSION_1,
               ECHO_QUEUE_SIZE, ECHO_DESC, ECHO_AVAIL, ECHO_USED);
    test_poll(&f->b);
}

static void setup(Fixture *f, gconstpointer data)
{
    Machine *m;

    test_board_init(&f->b);
    m = f->b.m;
    g_assert_cmpint(guest_ram_init(&m->ram, ECHO_RAM + HIGH_LEN), ==, 0);
    guest_ram_add_block(&m->ram, 0, 0, ECHO_RAM);
    guest_ram_add_block(&m->ram, HIGH, ECHO_RAM, HIGH_LEN);
    m->run_state = RUN_STATE_RUNNING;
    f->s = echo_new(m);
    f->vdev = &f->s->vdev;
    f->q = &f->vdev->queues[0];
    virtio_set_dma(f->vdev, true);
    f->vr = (struct vring){ ECHO_QUEUE_SIZE, at(f, ECHO_DESC),
                            at(f, ECHO_AVAIL), at(f, ECHO_USED) };
    start(f, 0);
}

static void teardown(Fixture *f, gconstpointer data)
{
    device_free(&f->vdev->dev);
    test_board_finish(&f->b);
}

static void describe(Fixture *f, unsigned i, uint64_t addr, uint32_t len,
                     unsigned flags, uint16_t next)
{
    f->vr.desc[i] = (struct vring_desc){ addr, len, (uint16_t)flags, next };
}

/* Descriptors 0 and 1: four bytes there and as many back. */
static void describe_echo(Fixture *f)
{
    memcpy(at(f, OUT), "ping", 4);
    memset(at(f, IN), 0, 8);
    describe(f, 0, OUT, 4, VRING_DESC_F_NEXT, 1);
    describe(f, 1, IN, 8, VRING_DESC_F_WRITE, 0);
}

/* Makes @head available without a kick. */
static void offer(Fixture *f, uint16_t head)
{
    f->vr.avail->ring[f->vr.avail->idx % ECHO_QUEUE_SIZE] = head;
    f->vr.avail->idx++;
}

static void kick(Fixture *f)
{
    event_notifier_set(&f->q->kick);
    test_poll(&f->b);
}

static void expect_served(Fixture *f, unsigned n)
{
    g_assert_cmphex(f->vdev->state.status, ==, 15);
    g_assert_cmpuint(f->s->served, ==, n);
    g_assert_cmpuint(f->vr.used->idx, ==, n);
}

/* NEEDS_RESET and nothing else: the queue is as it was. */
static void expect_fault(Fixture *f)
{
    uint16_t used = f->vr.used->idx;

    kick(f);
    g_assert_cmphex(f->vdev->state.status, ==,
                    15 | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmpuint(f->vr.used->idx, ==, used);
    g_assert_cmpuint(f->vdev->errors_logged, ==, 1);
    kick(f);
    g_assert_cmpuint(f->vdev->errors_logged, ==, 1);
    g_assert_cmpuint(f->s->served, ==, 0);

    start(f, 0);
    f->vdev->errors_logged = 0;
    describe_echo(f);
    offer(f, 0);
    kick(f);
    expect_served(f, 1);
    f->s->served = 0;
}

static void a_buffer_is_read_written_and_given_back(Fixture *f,
                                                    gconstpointer data)
{
    describe_echo(f);
    offer(f, 0);
    kick(f);
    expect_served(f, 1);
    g_assert_cmpmem(at(f, IN), 8, "ping\0\0\0\0", 8);
    g_assert_cmpuint(f->vr.used->ring[0].id, ==, 0);
    g_assert_cmpuint(f->vr.used->ring[0].len, ==, 4);
    g_assert_cmpuint(f->q->state.last_avail, ==, 1);
    g_assert_true(event_notifier_test_and_clear(&f->q->call));
}

static void pieces_are_one_buffer(Fixture *f, gconstpointer data)
{
    memcpy(at(f, OUT), "abcdef", 6);
    memset(at(f, IN), 0, 8);
    describe(f, 5, OUT, 1, VRING_DESC_F_NEXT, 3);
    describe(f, 3, OUT + 1, 0, VRING_DESC_F_NEXT, 7);
    describe(f, 7, OUT + 1, 5, VRING_DESC_F_NEXT, 2);
    describe(f, 2, IN, 2, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 0);
    describe(f, 0, HIGH + HIGH_LEN - 4, 4, VRING_DESC_F_WRITE, 0);
    offer(f, 5);
    kick(f);
    expect_served(f, 1);
    g_assert_cmpmem(at(f, IN), 3, "ab", 3);
    g_assert_cmpmem(at(f, HIGH + HIGH_LEN - 4), 4, "cdef", 4);
    g_assert_cmpuint(f->vr.used->ring[0].id, ==, 5);
    g_assert_cmpuint(f->vr.used->ring[0].len, ==, 6);
}

static void bytes_are_copied_from_any_offset(Fixture *f, gconstpointer data)
{
    char a[] = "abc", b[] = "defgh", c[4] = "", d[4] = "", got[16] = "";
    VirtQueueElement e = { .n_out = 2, .n_in = 2 };

    e.iov[0] = (struct iovec){ a, 3 };
    e.iov[1] = (struct iovec){ b, 5 };
    e.iov[2] = (struct iovec){ c, 3 };
    e.iov[3] = (struct iovec){ d, 3 };
    g_assert_cmpuint(virtqueue_read(&e, 2, got, 3), ==, 3);
    g_assert_cmpstr(got, ==, "cde");
    g_assert_cmpuint(virtqueue_read(&e, 3, got, 16), ==, 5);
    g_assert_cmpstr(got, ==, "defgh");
    g_assert_cmpuint(virtqueue_read(&e, 8, got, 16), ==, 0);
    g_assert_cmpuint(virtqueue_write(&e, 2, "xyz", 3), ==, 3);
    g_assert_cmpmem(c, 3, "\0\0x", 3);
    g_assert_cmpstr(d, ==, "yz");
    g_assert_cmpuint(virtqueue_write(&e, 5, "xyz", 3), ==, 1);
    g_assert_cmpstr(d, ==, "yzx");
    g_assert_cmpuint(virtqueue_write(&e, 7, "xyz", 3), ==, 0);
}

/* More than a batch, and more than once around the ring. */
static void all_that_is_there_is_served(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    for (unsigned i = 1; i <= 5; i++) {
        for (unsigned n = 0; n < ECHO_QUEUE_SIZE; n++) {
            offer(f, 0);
        }
        kick(f);
        expect_served(f, i * ECHO_QUEUE_SIZE);
    }
}

static void indexes_wrap(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    f->q->state.last_avail = f->vr.avail->idx = f->vr.used->idx = 0xfffe;
    for (unsigned n = 0; n < 4; n++) {
        offer(f, 0);
    }
    kick(f);
    g_assert_cmpuint(f->s->served, ==, 4);
    g_assert_cmpuint(f->vr.used->idx, ==, 2);
    g_assert_cmpuint(f->q->state.last_avail, ==, 2);
}

static void an_indirect_table_is_a_chain(Fixture *f, gconstpointer data)
{
    struct vring_desc table[] = {
        { OUT + 1, 3, VRING_DESC_F_NEXT, 2 },
        { 0, 0xffffffff, 0, 0 },
        { IN, 8, VRING_DESC_F_WRITE, 0 },
    };

    start(f, ECHO_FEATURES);
    describe_echo(f);
    memcpy(at(f, TABLE), table, sizeof(table));
    describe(f, 0, OUT, 1, VRING_DESC_F_NEXT, 4);
    describe(f, 4, TABLE, sizeof(table), VRING_DESC_F_INDIRECT, 0);
    offer(f, 0);
    kick(f);
    expect_served(f, 1);
    g_assert_cmpmem(at(f, IN), 8, "ping\0\0\0\0", 8);
    g_assert_cmpuint(f->vr.used->ring[0].len, ==, 4);
}

static void flags_ask_for_no_interrupt(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    f->vr.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    offer(f, 0);
    kick(f);
    expect_served(f, 1);
    g_assert_false(event_notifier_is_set(&f->q->call));
    g_assert_cmpuint(f->vr.used->flags, ==, 0);
}

static void the_event_index_says_when(Fixture *f, gconstpointer data)
{
    start(f, ECHO_FEATURES);
    describe_echo(f);
    vring_used_event(&f->vr) = 1;
    f->vr.avail->flags = VRING_AVAIL_F_NO_INTERRUPT; /* has no meaning then */
    offer(f, 0);
    kick(f);
    expect_served(f, 1);
    g_assert_false(event_notifier_is_set(&f->q->call));
    g_assert_cmpuint(vring_avail_event(&f->vr), ==, 1);
    offer(f, 0);
    kick(f);
    expect_served(f, 2);
    g_assert_true(event_notifier_test_and_clear(&f->q->call));
    g_assert_cmpuint(vring_avail_event(&f->vr), ==, 2);
}

/* A buffer that is put back is there when the handler is called again. */
static void what_is_put_back_is_taken_again(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    f->s->wait = true;
    offer(f, 0);
    kick(f);
    expect_served(f, 0);
    g_assert_cmpuint(f->q->state.last_avail, ==, 0);
    f->s->wait = false;
    virtqueue_wake(f->q);
    test_poll(&f->b);
    expect_served(f, 1);
}

/* What the driver offers while the device is stopped, or busy, is found at the
 * next start, by itself. */
static void a_start_goes_on_where_it_was(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    offer(f, 0);
    kick(f);
    virtio_set_dma(f->vdev, false);
    offer(f, 0);
    kick(f);
    g_assert_cmpuint(f->s->served, ==, 1);
    virtio_set_dma(f->vdev, true);
    test_poll(&f->b);
    expect_served(f, 2);

    f->vdev->busy = true;
    offer(f, 0);
    kick(f);
    g_assert_cmpuint(f->s->served, ==, 2);
    f->vdev->busy = false;
    virtio_begin_kernel_calls(f->vdev);
    virtio_end_kernel_calls(f->vdev);
    test_poll(&f->b);
    expect_served(f, 3);
}

static void a_queue_that_is_not_enabled_is_left_alone(Fixture *f,
                                                      gconstpointer data)
{
    f->q->state.enabled = false;
    describe_echo(f);
    offer(f, 0);
    kick(f);
    expect_served(f, 0);
    g_assert_cmphex(f->vdev->state.status, ==, 15);
}

/* --- faults --- */

static void a_ring_outside_of_ram_is_a_fault(Fixture *f, gconstpointer data)
{
    static const uint64_t rings[][3] = {
        { ECHO_RAM - 8 * 16 + 16, ECHO_AVAIL, ECHO_USED },
        { ECHO_DESC, ECHO_RAM - 20, ECHO_USED },  /* 6 + 2 * 8 bytes */
        { ECHO_DESC, ECHO_AVAIL, ECHO_RAM - 68 }, /* 6 + 8 * 8 */
        { UINT64_MAX - 15, ECHO_AVAIL, ECHO_USED },
        { ECHO_DESC + 8, ECHO_AVAIL, ECHO_USED },
        { ECHO_DESC, ECHO_AVAIL + 1, ECHO_USED },
        { ECHO_DESC, ECHO_AVAIL, ECHO_USED + 2 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rings); i++) {
        echo_start(f->s, UINT64_C(1) << VIRTIO_F_VERSION_1, ECHO_QUEUE_SIZE,
                   rings[i][0], rings[i][1], rings[i][2]);
        expect_fault(f);
    }
    echo_start(f->s, UINT64_C(1) << VIRTIO_F_VERSION_1, ECHO_QUEUE_SIZE,
               ECHO_RAM - 8 * 16, ECHO_AVAIL, ECHO_USED);
    kick(f);
    g_assert_cmphex(f->vdev->state.status, ==, 15);
}

static void too_many_buffers_are_a_fault(Fixture *f, gconstpointer data)
{
    describe_echo(f);
    f->vr.avail->idx = ECHO_QUEUE_SIZE + 1;
    expect_fault(f);
}

typedef struct BadChain {
    const char *name;
    uint16_t head;
    struct vring_desc desc[2];  /* the ring's first */
    struct vring_desc table[2]; /* at TABLE */
} BadChain;

#define NEXT     VRING_DESC_F_NEXT
#define WRITE    VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

static const BadChain bad_chains[] = {
    { "head", ECHO_QUEUE_SIZE, { { 0 } }, { { 0 } } },
    { "next", 0, { { OUT, 4, NEXT, ECHO_QUEUE_SIZE } }, { { 0 } } },
    { "loop", 0, { { OUT, 4, NEXT, 1 }, { OUT, 4, NEXT, 0 } }, { { 0 } } },
    { "empty-loop", 0, { { OUT, 0, NEXT, 0 } }, { { 0 } } },
    { "order", 0, { { IN, 4, WRITE | NEXT, 1 }, { OUT, 4, 0, 0 } }, { { 0 } } },
    { "no-ram", 0, { { ECHO_RAM, 1, 0, 0 } }, { { 0 } } },
    { "ram-end", 0, { { ECHO_RAM - 4, 5, WRITE, 0 } }, { { 0 } } },
    { "high-end", 0, { { HIGH + HIGH_LEN - 4, 5, 0, 0 } }, { { 0 } } },
    { "wraps", 0, { { UINT64_MAX, 2, 0, 0 } }, { { 0 } } },
    { "all", 0, { { 0, UINT32_MAX, WRITE, 0 } }, { { 0 } } },
    { "indirect-next",
      0,
      { { TABLE, 16, INDIRECT | NEXT, 1 } },
      { { OUT, 4 } } },
    { "indirect-empty", 0, { { TABLE, 0, INDIRECT, 0 } }, { { OUT, 4 } } },
    { "indirect-odd", 0, { { TABLE, 17, INDIRECT, 0 } }, { { OUT, 4 } } },
    { "indirect-no-ram", 0, { { ECHO_RAM - 16, 32, INDIRECT, 0 } }, { { 0 } } },
    { "indirect-beyond",
      0,
      { { TABLE, 16, INDIRECT, 0 } },
      { { OUT, 4, NEXT, 1 } } },
    { "indirect-twice",
      0,
      { { TABLE, 16, INDIRECT, 0 } },
      { { TABLE, 16, INDIRECT, 0 } } },
    { "indirect-loop",
      0,
      { { TABLE, 16, INDIRECT, 0 } },
      { { OUT, 4, NEXT, 0 } } },
};

static void a_bad_chain_is_a_fault(Fixture *f, gconstpointer data)
{
    const BadChain *c = data;

    start(f, ECHO_FEATURES);
    memcpy(f->vr.desc, c->desc, sizeof(c->desc));
    memcpy(at(f, TABLE), c->table, sizeof(c->table));
    offer(f, c->head);
    expect_fault(f);
}

static void indirect_tables_are_negotiated(Fixture *f, gconstpointer data)
{
    memcpy(at(f, TABLE), &(struct vring_desc){ OUT, 4, 0, 0 }, 16);
    describe(f, 0, TABLE, 16, VRING_DESC_F_INDIRECT, 0);
    offer(f, 0);
    expect_fault(f);
}

/* The longest chain there may be, and one more. */
static void a_chain_has_a_limit(Fixture *f, gconstpointer data)
{
    struct vring_desc *table = at(f, TABLE + 8);
    /* The descriptor that leads there is one of them. */
    unsigned n = VIRTQUEUE_CHAIN_MAX - 1;

    for (unsigned i = 0; i < n; i++) {
        table[i] = (struct vring_desc){ OUT + i, 1, VRING_DESC_F_NEXT,
                                        (uint16_t)(i + 1) };
    }
    table[n - 1].flags = 0;
    start(f, ECHO_FEATURES);
    describe(f, 0, TABLE + 8, n * 16, VRING_DESC_F_INDIRECT, 0);
    offer(f, 0);
    kick(f);
    expect_served(f, 1);

    f->s->served = 0;
    start(f, ECHO_FEATURES);
    table[n - 1].flags = VRING_DESC_F_NEXT;
    table[n] = (struct vring_desc){ OUT, 1, 0, 0 };
    describe(f, 0, TABLE + 8, (n + 1) * 16, VRING_DESC_F_INDIRECT, 0);
    offer(f, 0);
    expect_fault(f);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtqueue/echo", a_buffer_is_read_written_and_given_back);
    ADD("/virtqueue/pieces", pieces_are_one_buffer);
    ADD("/virtqueue/offsets", bytes_are_copied_from_any_offset);
    ADD("/virtqueue/many", all_that_is_there_is_served);
    ADD("/virtqueue/wrap", indexes_wrap);
    ADD("/virtqueue/indirect", an_indirect_table_is_a_chain);
    ADD("/virtqueue/no-interrupt", flags_ask_for_no_interrupt);
    ADD("/virtqueue/event-index", the_event_index_says_when);
    ADD("/virtqueue/unpop", what_is_put_back_is_taken_again);
    ADD("/virtqueue/start", a_start_goes_on_where_it_was);
    ADD("/virtqueue/disabled", a_queue_that_is_not_enabled_is_left_alone);
    ADD("/virtqueue/fault/ring", a_ring_outside_of_ram_is_a_fault);
    ADD("/virtqueue/fault/too-many", too_many_buffers_are_a_fault);
    ADD("/virtqueue/fault/not-negotiated", indirect_tables_are_negotiated);
    ADD("/virtqueue/fault/limit", a_chain_has_a_limit);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_chains); i++) {
        g_autofree char *path = g_strconcat("/virtqueue/fault/",
                                            bad_chains[i].name, NULL);

        g_test_add(path, Fixture, &bad_chains[i], setup, a_bad_chain_is_a_fault,
                   teardown);
    }
    return g_test_run();
}
