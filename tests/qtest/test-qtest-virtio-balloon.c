/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The balloon as a driver sees it: pages that are given are dropped and nothing
 * else is, also one that a request of a disk is about; and what a driver must
 * not do. What a host sees of it is tests/unit/test-virtio-balloon.c.
 */
#include "fake-machine.h"

#include <linux/virtio_balloon.h>

#define SLOT  4u
#define PAGES 16u

enum {
    INFLATE,
    DEFLATE,
    STATS,
    REPORT
};

typedef struct Balloon {
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    uint64_t pfns;  /* a buffer for numbers of pages */
    uint64_t pages; /* PAGES of them, full of 0xaa */
} Balloon;

static void driver_start(Balloon *b)
{
    qvirtio_init(&b->dev, b->pci, b->m.alloc);
    qvirtio_negotiate(&b->dev, UINT64_MAX);
    qvirtio_setup_queues(&b->dev, qvirtio_pci_num_queues(&b->dev.regs),
                         QVIRTIO_MSIX);
    qvirtio_set_driver_ok(&b->dev);
}

static void set_up(Balloon *b, gconstpointer data)
{
    g_autofree char *args = g_strconcat(
        FAKE_MACHINE_DEVICE
        " -device virtio-balloon-pci,addr=4,free-page-reporting=on ",
        data, NULL);

    *b = (Balloon){ 0 };
    fake_machine_start(&b->m, NULL, args);
    b->pci = qpci_device_at(&b->m.bus, QPCI_DEVFN(SLOT, 0));
    g_assert_nonnull(b->pci);
    qpci_device_enable(b->pci);
    b->pfns = guest_alloc(b->m.alloc, 2 * GUEST_PAGE_SIZE);
    b->pages = guest_alloc(b->m.alloc, PAGES * GUEST_PAGE_SIZE);
    qtest_memset(b->m.qts, b->pages, 0xaa, PAGES * GUEST_PAGE_SIZE);
    driver_start(b);
}

static void tear_down(Balloon *b, gconstpointer data)
{
    qvirtio_finish(&b->dev);
    guest_free(b->m.alloc, b->pages);
    guest_free(b->m.alloc, b->pfns);
    qpci_device_free(b->pci);
    fake_machine_stop(&b->m);
}

static uint32_t pfn(const Balloon *b, unsigned page)
{
    return (uint32_t)(b->pages >> VIRTIO_BALLOON_PFN_SHIFT) + page;
}

/* Sends numbers of pages to @queue. */
static void send(Balloon *b, uint16_t queue, const uint32_t *pfns, size_t n)
{
    QVirtBuf buf = { b->pfns, (uint32_t)(n * 4), false };

    qtest_memwrite(b->m.qts, b->pfns, pfns, n * 4);
    qvring_add(b->dev.queues[queue], &buf, 1, false);
    qvirtio_kick(&b->dev, queue);
}

static void give(Balloon *b, const uint32_t *pfns, size_t n)
{
    QVirtUsed used;

    send(b, INFLATE, pfns, n);
    qvirtio_wait_used(&b->dev, INFLATE, &used);
    g_assert_cmpuint(used.len, ==, 0);
}

/* Asserts which pages are zeros: a bit for each. */
static void expect_dropped(Balloon *b, unsigned mask)
{
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t page = b->pages + i * GUEST_PAGE_SIZE;
        uint8_t expected = mask >> i & 1 ? 0 : 0xaa;

        g_assert_cmphex(qtest_readb(b->m.qts, page), ==, expected);
        g_assert_cmphex(qtest_readb(b->m.qts, page + GUEST_PAGE_SIZE - 1), ==,
                        expected);
    }
}

static void expect_fault(Balloon *b)
{
    QTestPoll poll = { 0 };

    while (
        !(qvirtio_pci_get_status(&b->dev.regs) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(b->m.qts, &poll, "DEVICE_NEEDS_RESET");
    }
    qvirtio_finish(&b->dev);
    driver_start(b);
    give(b, (uint32_t[]){ pfn(b, 15) }, 1);
    g_assert_cmphex(qtest_readb(b->m.qts, b->pages + 15 * GUEST_PAGE_SIZE), ==,
                    0);
}

/* --- tests --- */

static void given_pages_are_dropped(Balloon *b, gconstpointer data)
{
    uint32_t pfns[] = { pfn(b, 2),  pfn(b, 3),  pfn(b, 4), pfn(b, 9),
                        pfn(b, 8),  pfn(b, 7),  pfn(b, 0), pfn(b, 0),
                        0xfffffffe, UINT32_MAX, pfn(b, 12) };
    QVirtUsed used;

    g_assert_cmphex(qpci_config_readl(b->pci, PCI_VENDOR_ID), ==, 0x10451af4);
    give(b, pfns, G_N_ELEMENTS(pfns));
    expect_dropped(b, 1 << 0 | 7 << 2 | 7 << 7 | 1 << 12);

    send(b, DEFLATE, pfns, G_N_ELEMENTS(pfns));
    qvirtio_wait_used(&b->dev, DEFLATE, &used);
    qtest_memset(b->m.qts, b->pages, 0xaa, PAGES * GUEST_PAGE_SIZE);
    expect_dropped(b, 0);
}

static void a_buffer_has_a_limit(Balloon *b, gconstpointer data)
{
    uint32_t pfns[1025];

    for (unsigned i = 0; i < G_N_ELEMENTS(pfns); i++) {
        pfns[i] = pfn(b, i % 8);
    }
    give(b, pfns, 1024);
    expect_dropped(b, 0xff);
    pfns[1024] = pfn(b, 10);
    send(b, INFLATE, pfns, 1025);
    expect_fault(b);
    g_assert_cmphex(qtest_readb(b->m.qts, b->pages + 10 * GUEST_PAGE_SIZE), ==,
                    0xaa);
}

/* Whole pages alone; by whichever number the driver has for the queue. */
static void reported_pages_are_dropped(Balloon *b, gconstpointer data)
{
    for (uint16_t queue = REPORT; queue <= REPORT + 1; queue++) {
        QVirtBuf bufs[] = {
            { b->pages + 2 * GUEST_PAGE_SIZE, 3 * GUEST_PAGE_SIZE, true },
            { b->pages + 8 * GUEST_PAGE_SIZE - 1, 2 * GUEST_PAGE_SIZE, true },
        };
        QVirtUsed used;

        qtest_memset(b->m.qts, b->pages, 0xaa, PAGES * GUEST_PAGE_SIZE);
        qvring_add(b->dev.queues[queue], bufs, G_N_ELEMENTS(bufs), true);
        qvirtio_kick(&b->dev, queue);
        qvirtio_wait_used(&b->dev, queue, &used);
        expect_dropped(b, 7 << 2 | 1 << 8);
    }
}

static void a_second_buffer_of_figures_is_a_fault(Balloon *b,
                                                  gconstpointer data)
{
    send(b, STATS, (uint32_t[]){ 0 }, 1);
    send(b, STATS, (uint32_t[]){ 0 }, 1);
    expect_fault(b);
}

static void what_the_guest_has_given_is_its_own_word(Balloon *b,
                                                     gconstpointer data)
{
    QVirtioPCI *v = &b->dev.regs;

    qvirtio_pci_write(v, &v->device, 4, 4, 0x12345678);
    g_assert_cmphex(qvirtio_pci_read(v, &v->device, 4, 4), ==, 0x12345678);
    /* What it is asked for is not. */
    qvirtio_pci_write(v, &v->device, 0, 4, 7);
    g_assert_cmphex(qvirtio_pci_read(v, &v->device, 0, 4), ==, 0);
    g_assert_cmphex(qvirtio_pci_get_status(v), ==, FAKE_DRIVER_RUNS);
}

/* The page that the disk's command is about to write to: the only one of that
 * length. */
static uint64_t data_page(QVirtioSCSI *scsi)
{
    QVirtQueue *q = scsi->dev.queues[QVIRTIO_SCSI_REQUEST];

    for (unsigned i = 0; i < q->size; i++) {
        struct vring_desc d;

        qtest_memread(scsi->dev.qts, q->desc + i * sizeof(d), &d, sizeof(d));
        if ((d.flags & VRING_DESC_F_WRITE) && d.len == GUEST_PAGE_SIZE) {
            return d.addr;
        }
    }
    g_assert_not_reached();
}

/* The kernel has the pages of a request until it is done. */
static void a_page_in_flight_breaks_nothing(Balloon *b, gconstpointer data)
{
    static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };
    QVirtioSCSI *scsi = fake_driver_new(&b->m, FAKE_MACHINE_SLOT);
    QSCSICommand read = qscsi_cdb_read10(0, 8, 512);
    g_auto(QSCSIResult) result = { 0 };
    QVirtioSCSIRequest *req;

    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    fake_ok(b->m.fake, "hold");
    req = qvirtio_scsi_submit(scsi, 0, disk, &read);
    qvirtio_scsi_kick(scsi, 0);
    fake_ok(b->m.fake, "wait held 1");
    give(b, (uint32_t[]){ (uint32_t)(data_page(scsi) >> 12) }, 1);
    fake_ok(b->m.fake, "unhold");
    qvirtio_scsi_complete(scsi, req, &result);
    qscsi_assert_good(scsi, &result);
    g_assert_cmphex(qvirtio_pci_get_status(&scsi->dev.regs), ==,
                    FAKE_DRIVER_RUNS);
    fake_driver_check_io(scsi);
    fake_driver_free(scsi);
}

#define ADD(path, args, func) \
    g_test_add(path, Balloon, args, set_up, func, tear_down)
#define MEMFD                                        \
    "-object memory-backend-memfd,id=ram,size=128M " \
    "-machine memory-backend=ram"

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtio-balloon/give", "", given_pages_are_dropped);
    ADD("/virtio-balloon/give/memfd", MEMFD, given_pages_are_dropped);
    ADD("/virtio-balloon/limit", "", a_buffer_has_a_limit);
    ADD("/virtio-balloon/report", "", reported_pages_are_dropped);
    ADD("/virtio-balloon/stats", "", a_second_buffer_of_figures_is_a_fault);
    ADD("/virtio-balloon/config", "", what_the_guest_has_given_is_its_own_word);
    ADD("/virtio-balloon/in-flight", "", a_page_in_flight_breaks_nothing);
    return g_test_run();
}
