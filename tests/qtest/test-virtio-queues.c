/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes and places of virtqueues, good and bad, and rings full of rubbish
 * (specification 1.2, 2.7 and 4.1.4.3). A bad queue never reaches the kernel:
 * the device needs a reset, one line says why, and the next start is a good
 * one.
 */
#include "vhost-machine.h"

#define SIZE_MAX_OFFERED 1024
#define REQUESTS         2 /* the first request queue */

typedef VhostAdapter Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
    vhost_machine_start(&f->m, "num_queues=2,virtqueue_size=1024,hotplug=on",
                        "-m 5G -d guest_errors", NULL);
    f->pci = vhost_machine_device(&f->m, VHOST_MACHINE_SLOT, &f->v);
}

static void stop(Fixture *f, QVirtQueue *q)
{
    qvirtio_pci_set_status(&f->v, 0);
    qvring_free(q);
}

/* The device starts with a queue and the disk answers through it. */
static void assert_works(Fixture *f)
{
    QSCSILun disk = { .target = FAKE_VHOST_TPGT };
    QVirtioSCSI *scsi = vhost_machine_scsi(&f->m, VHOST_MACHINE_SLOT,
                                           QVIRTIO_POLL, 0);

    qscsi_wait_ready(scsi, 0, disk);
    qvirtio_scsi_free(scsi);
    /* It has moved the BARs. */
    qpci_device_free(f->pci);
    f->pci = vhost_machine_device(&f->m, VHOST_MACHINE_SLOT, &f->v);
}

/* No ring was told since the last fake "reset", but that there is none. */
static void assert_kernel_has_no_queue(Fixture *f)
{
    g_autoptr(GPtrArray) calls = fake_trace(f->m.fm.fake);

    for (unsigned i = 0; i < calls->len; i++) {
        const FakeRecord *r = g_ptr_array_index(calls, i);

        g_assert_true(!g_str_equal(r->name, "VHOST_SET_VRING_ADDR") ||
                      strstr(r->args, " desc=0x0 avail=0x0 used=0x0 "));
    }
    g_assert_cmpint(fake_count(f->m.fm.fake, "SET_VRING_NUM"), ==, 0);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 0);
}

/* --- sizes --- */

static void test_size_power_of_two_reaches_the_kernel(Fixture *f,
                                                      gconstpointer unused)
{
    for (unsigned size = 1; size <= SIZE_MAX_OFFERED; size *= 2) {
        g_autofree char *expected = g_strdup_printf("index=2 num=%u ", size);
        g_autoptr(GPtrArray) calls = NULL;
        QVirtQueue *q;

        vhost_negotiate(&f->v, 0);
        fake_ok(f->m.fm.fake, "reset");
        qvirtio_pci_set_queue_size(&f->v, REQUESTS, (uint16_t)size);
        g_assert_cmpuint(qvirtio_pci_queue_size(&f->v, REQUESTS), ==, size);
        q = vhost_add_queue(&f->m, &f->v, REQUESTS);
        vhost_driver_ok(&f->v);
        vhost_assert_no_fault(&f->m, &f->v);
        calls = fake_trace(f->m.fm.fake);
        g_assert_true(g_str_has_prefix(
            fake_find(calls, "VHOST_SET_VRING_NUM")->args, expected));
        stop(f, q);
    }
}

static void test_size_that_cannot_be_is_a_fault(Fixture *f,
                                                gconstpointer unused)
{
    static const uint16_t sizes[] = {
        0, 3, 5, 6, 7, 9, 127, 1023, 1025, 2048, 0x4000, 0x8000, 0x8001, 0xffff,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = g_strdup_printf("queue size %u;", sizes[i]);
        QVirtQueue *q;

        vhost_negotiate(&f->v, 0);
        fake_ok(f->m.fm.fake, "reset");
        qvirtio_pci_set_queue_size(&f->v, REQUESTS, sizes[i]);
        vhost_assert_fault(&f->m, &f->v, text);
        g_assert_cmpuint(qvirtio_pci_queue_size(&f->v, REQUESTS), ==,
                         SIZE_MAX_OFFERED);
        q = vhost_add_queue(&f->m, &f->v, REQUESTS);
        vhost_driver_ok(&f->v);
        assert_kernel_has_no_queue(f);
        stop(f, q);
    }
    assert_works(f);
}

/* --- places --- */

/* 128 descriptors: 2048 bytes, 262 and 1030 with the event index. */
enum Area {
    DESC,
    AVAIL,
    USED,
    AREAS
};

typedef struct Place {
    const char *name;
    enum Area area;
    uint64_t addr;
    bool good;
} Place;

#define LOW_END  (2 * GiB)
#define HIGH_END (7 * GiB) /* 4 GiB and the 3 that are left of 5 */

static const Place places[] = {
    { "first", DESC, 0, true },
    { "low-end/desc", DESC, LOW_END - 2048, true },
    { "low-end/avail", AVAIL, LOW_END - 262, true },
    { "low-end/used", USED, LOW_END - 1032, true },
    { "over-low-end/desc", DESC, LOW_END - 2032, false },
    { "over-low-end/avail", AVAIL, LOW_END - 260, false },
    { "over-low-end/used", USED, LOW_END - 1028, false },
    { "low-end", DESC, LOW_END, false },
    { "vga-end", DESC, 0xa0000 - 2048, true },
    { "over-vga", DESC, 0xa0000 - 2032, false },
    { "vga", USED, 0xa0000, false },
    { "hole", DESC, 3 * GiB, false },
    { "hole-end", DESC, 4 * GiB - 16, false },
    { "ecam", AVAIL, QPCI_ECAM_BASE, false },
    { "ioapic", USED, 0xfec00000, false },
    { "lapic", DESC, 0xfee00000, false },
    { "high", DESC, 4 * GiB, true },
    { "high-end/desc", DESC, HIGH_END - 2048, true },
    { "high-end/avail", AVAIL, HIGH_END - 262, true },
    { "high-end/used", USED, HIGH_END - 1032, true },
    { "over-high-end/desc", DESC, HIGH_END - 2032, false },
    { "over-high-end/avail", AVAIL, HIGH_END - 260, false },
    { "over-high-end/used", USED, HIGH_END - 1028, false },
    { "high-end", USED, HIGH_END, false },
    { "far", DESC, UINT64_C(1) << 63, false },
    { "wrap/last", DESC, UINT64_MAX - 15, false },
    { "wrap/to-zero", DESC, UINT64_MAX - 2047, false },
    { "wrap/avail", AVAIL, UINT64_MAX - 1, false },
    { "wrap/used", USED, UINT64_MAX - 3, false },
    { "unaligned/desc", DESC, 64 * MiB + 8, false },
    { "unaligned/desc-byte", DESC, 64 * MiB + 1, false },
    { "unaligned/avail", AVAIL, 64 * MiB + 1, false },
    { "unaligned/used", USED, 64 * MiB + 2, false },
    { "unaligned/used-byte", USED, 64 * MiB + 1, false },
    { "overlap", AVAIL, 64 * MiB, true }, /* all in one place */
};

static void test_place(Fixture *f, gconstpointer data)
{
    const Place *p = data;
    uint64_t at[AREAS] = { 64 * MiB, 80 * MiB, 96 * MiB };

    if (g_str_equal(p->name, "overlap")) {
        at[USED] = at[DESC];
    }
    at[p->area] = p->addr;
    vhost_negotiate(&f->v, 0);
    fake_ok(f->m.fm.fake, "reset");
    qvirtio_pci_set_queue_size(&f->v, REQUESTS, 128);
    qvirtio_pci_set_queue_addresses(&f->v, REQUESTS, at[DESC], at[AVAIL],
                                    at[USED]);
    qvirtio_pci_enable_queue(&f->v, REQUESTS);
    vhost_driver_ok(&f->v);
    if (p->good) {
        vhost_assert_no_fault(&f->m, &f->v);
        g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 1);
    } else {
        vhost_assert_fault(&f->m, &f->v, "ring lies in RAM");
        assert_kernel_has_no_queue(f);
    }
    qvirtio_pci_set_status(&f->v, 0);
    assert_works(f);
}

static void test_place_in_our_own_bar_is_a_fault(Fixture *f,
                                                 gconstpointer unused)
{
    Place bar = { "bar", USED, f->pci->bars[f->v.common.bar].addr, false };

    test_place(f, &bar);
}

/* The second of two queues is bad: the first does not run either. */
static void test_bad_second_queue_stops_the_first(Fixture *f,
                                                  gconstpointer unused)
{
    QVirtQueue *q;

    vhost_negotiate(&f->v, 0);
    q = vhost_add_queue(&f->m, &f->v, REQUESTS);
    qvirtio_pci_set_queue_addresses(&f->v, REQUESTS + 1, HIGH_END, 0, 0);
    qvirtio_pci_enable_queue(&f->v, REQUESTS + 1);
    fake_ok(f->m.fm.fake, "reset");
    vhost_driver_ok(&f->v);
    vhost_assert_fault(&f->m, &f->v, "virtqueue 3");
    g_assert_cmpint(fake_count(f->m.fm.fake, "SET_VRING_NUM"), ==, 1);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 0);
    stop(f, q);
    assert_works(f);
}

static void test_device_without_queues_starts(Fixture *f, gconstpointer unused)
{
    vhost_negotiate(&f->v, 0);
    fake_ok(f->m.fm.fake, "reset");
    vhost_driver_ok(&f->v);
    vhost_assert_no_fault(&f->m, &f->v);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SET_VRING_NUM"), ==, 0);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 1);
    qvirtio_pci_notify(&f->v, REQUESTS, REQUESTS);
    vhost_assert_no_fault(&f->m, &f->v);
    qvirtio_pci_set_status(&f->v, 0);
    assert_works(f);
}

static void test_queue_enabled_after_driver_ok_stays_off(Fixture *f,
                                                         gconstpointer unused)
{
    vhost_negotiate(&f->v, 0);
    vhost_driver_ok(&f->v);
    qvirtio_pci_enable_queue(&f->v, REQUESTS);
    g_assert_false(qvirtio_pci_queue_enabled(&f->v, REQUESTS));
    vhost_assert_no_fault(&f->m, &f->v);
}

/* The rings of a driver that is gone are memory like any other, and the event
 * queue is written to without a kick: at the second start, without that queue,
 * the kernel knows no ring of it. */
static void test_ring_of_an_earlier_driver_is_forgotten(Fixture *f,
                                                        gconstpointer unused)
{
    g_autoptr(GPtrArray) calls = NULL;
    const FakeRecord *last = NULL;
    QVirtQueue *q;

    vhost_negotiate(&f->v, QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG));
    q = vhost_add_queue(&f->m, &f->v, QVIRTIO_SCSI_EVENT);
    vhost_driver_ok(&f->v);
    vhost_negotiate(&f->v, QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG));
    vhost_driver_ok(&f->v);
    vhost_assert_no_fault(&f->m, &f->v);
    calls = fake_trace(f->m.fm.fake);
    for (unsigned i = 0; i < calls->len; i++) {
        const FakeRecord *r = g_ptr_array_index(calls, i);

        if (g_str_equal(r->name, "VHOST_SET_VRING_ADDR") &&
            g_str_has_prefix(r->args, "index=1 ")) {
            last = r;
        }
    }
    g_assert_nonnull(last);
    g_assert_cmpint(last->result, ==, 0);
    g_assert_nonnull(strstr(last->args, " desc=0x0 avail=0x0 used=0x0 "));
    stop(f, q);
}

/* --- rubbish --- */

#define BUFFERS (64 * MiB) /* of the test, not of the allocator's blocks */
#define TABLE   (BUFFERS + 0x10000)
#define NEXT    VRING_DESC_F_NEXT
#define WRITE   VRING_DESC_F_WRITE
#define INDIR   VRING_DESC_F_INDIRECT

typedef struct Rubbish {
    const char *name;
    uint16_t head, avail_jump;     /* 0: by one */
    struct vring_desc desc[3];     /* of the ring */
    struct vring_desc indirect[2]; /* at TABLE */
} Rubbish;

static const Rubbish rubbish[] = {
    { "loop", 0, 0, { { BUFFERS, 51, NEXT, 0 } }, { { 0 } } },
    { "long-loop",
      0,
      0,
      { { BUFFERS, 51, NEXT, 1 }, { BUFFERS, 51, NEXT, 0 } },
      { { 0 } } },
    { "next-out-of-range", 0, 0, { { BUFFERS, 51, NEXT, 1024 } }, { { 0 } } },
    { "head-out-of-range", 1024, 0, { { 0 } }, { { 0 } } },
    { "head-far-out", 0xffff, 0, { { 0 } }, { { 0 } } },
    { "index-jumps", 0, 1025, { { 0 } }, { { 0 } } },
    { "index-jumps-far", 0, 0xffff, { { 0 } }, { { 0 } } },
    { "buffer-in-hole", 0, 0, { { 3 * GiB, 51, 0, 0 } }, { { 0 } } },
    { "buffer-over-the-end", 0, 0, { { HIGH_END - 8, 51, 0, 0 } }, { { 0 } } },
    { "length-overflows",
      0,
      0,
      { { UINT64_MAX - 15, UINT32_MAX, 0, 0 } },
      { { 0 } } },
    { "length-of-all", 0, 0, { { BUFFERS, UINT32_MAX, 0, 0 } }, { { 0 } } },
    { "write-before-read",
      0,
      0,
      { { BUFFERS, 108, NEXT | WRITE, 1 }, { BUFFERS + 4096, 51, 0, 0 } },
      { { 0 } } },
    { "too-short",
      0,
      0,
      { { BUFFERS, 50, NEXT, 1 }, { BUFFERS + 4096, 108, WRITE, 0 } },
      { { 0 } } },
    { "no-response", 0, 0, { { BUFFERS, 51, 0, 0 } }, { { 0 } } },
    { "short-response",
      0,
      0,
      { { BUFFERS, 51, NEXT, 1 }, { BUFFERS + 4096, 107, WRITE, 0 } },
      { { 0 } } },
    { "indirect/empty", 0, 0, { { TABLE, 0, INDIR, 0 } }, { { 0 } } },
    { "indirect/odd", 0, 0, { { TABLE, 24, INDIR, 0 } }, { { 0 } } },
    { "indirect/hole", 0, 0, { { 3 * GiB, 32, INDIR, 0 } }, { { 0 } } },
    { "indirect/wraps",
      0,
      0,
      { { UINT64_MAX - 15, 32, INDIR, 0 } },
      { { 0 } } },
    { "indirect/indirect",
      0,
      0,
      { { TABLE, 16, INDIR, 0 } },
      { { TABLE, 16, INDIR, 0 } } },
    { "indirect/loop",
      0,
      0,
      { { TABLE, 32, INDIR, 0 } },
      { { BUFFERS, 51, NEXT, 1 }, { BUFFERS, 51, NEXT, 0 } } },
    { "indirect/next-out-of-range",
      0,
      0,
      { { TABLE, 32, INDIR, 0 } },
      { { BUFFERS, 51, NEXT, 2 } } },
};

/* The back end says so by its err eventfd: the device needs a reset, and works
 * after one. */
static void test_rubbish(Fixture *f, gconstpointer data)
{
    const Rubbish *r = data;
    QTestPoll poll = { 0 };
    QVirtQueue *q;
    uint16_t idx = r->avail_jump ? r->avail_jump : 1;

    vhost_negotiate(&f->v, QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC));
    q = vhost_add_queue(&f->m, &f->v, REQUESTS);
    qtest_memwrite(f->m.fm.qts, q->desc, r->desc, sizeof(r->desc));
    qtest_memwrite(f->m.fm.qts, TABLE, r->indirect, sizeof(r->indirect));
    qtest_writew(f->m.fm.qts, q->avail + offsetof(struct vring_avail, ring),
                 r->head);
    qtest_writew(f->m.fm.qts, q->avail + offsetof(struct vring_avail, idx),
                 idx);
    vhost_driver_ok(&f->v);
    qvirtio_pci_notify(&f->v, REQUESTS, REQUESTS);
    while (!(qvirtio_pci_get_status(&f->v) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(f->m.fm.qts, &poll, "report of the bad ring");
    }
    vhost_assert_fault(&f->m, &f->v, "could not read a ring");
    g_assert_cmpint(fake_stat(f->m.fm.fake, 1, REQUESTS, "errors"), >=, 1);
    g_assert_cmpuint(
        qtest_readw(f->m.fm.qts, q->used + offsetof(struct vring_used, idx)),
        ==, 0);
    stop(f, q);
    assert_works(f);
}

typedef struct QueueTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer unused);
} QueueTest;

static const QueueTest tests[] = {
    { "size/good", test_size_power_of_two_reaches_the_kernel },
    { "size/bad", test_size_that_cannot_be_is_a_fault },
    { "place/bar", test_place_in_our_own_bar_is_a_fault },
    { "place/second", test_bad_second_queue_stops_the_first },
    { "enable/none", test_device_without_queues_starts },
    { "enable/late", test_queue_enabled_after_driver_ok_stays_off },
    { "forgotten", test_ring_of_an_earlier_driver_is_forgotten },
};

static void add(const char *group, const char *name, gconstpointer data,
                void (*run)(Fixture *f, gconstpointer data))
{
    g_autofree char *path = g_strdup_printf("/virtio-queues/%s%s", group, name);

    g_test_add(path, Fixture, data, set_up, run, vhost_adapter_tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        add("", tests[i].name, NULL, tests[i].run);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        add("place/", places[i].name, &places[i], test_place);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rubbish); i++) {
        add("rubbish/", rubbish[i].name, &rubbish[i], test_rubbish);
    }
    return g_test_run();
}
