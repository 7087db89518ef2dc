/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entropy device as a driver sees it: bytes in every way of interrupting, as
 * many as there may be, from a source that lets wait or ends; and buffers that it
 * cannot fill.
 */
#include "fake-machine.h"

#include <pty.h>
#include <termios.h>

#define SLOT 3u
#define LEN  64u
#define FEATURES                                \
    (QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
     QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))

typedef struct Rng {
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    uint64_t buffer; /* a page */
} Rng;

static void driver_start(Rng *r, QVirtioMode mode)
{
    qvirtio_init(&r->dev, r->pci, r->m.alloc);
    qvirtio_negotiate(&r->dev, FEATURES);
    qvirtio_setup_queues(&r->dev, 1, mode);
    qvirtio_set_driver_ok(&r->dev);
}

static void start(Rng *r, const char *options, const char *more,
                  QVirtioMode mode)
{
    g_autofree char *args = g_strdup_printf(
        "%s -device virtio-rng-pci,addr=3%s", more, options);

    *r = (Rng){ 0 };
    fake_machine_start(&r->m, NULL, args);
    r->pci = qpci_device_at(&r->m.bus, QPCI_DEVFN(SLOT, 0));
    g_assert_nonnull(r->pci);
    qpci_device_enable(r->pci);
    r->buffer = guest_alloc(r->m.alloc, GUEST_PAGE_SIZE);
    driver_start(r, mode);
}

static void stop(Rng *r)
{
    qvirtio_finish(&r->dev);
    guest_free(r->m.alloc, r->buffer);
    g_assert_cmpuint(guest_pages_used(r->m.alloc), ==, 0);
    qpci_device_free(r->pci);
    fake_machine_stop(&r->m);
}

static void lend(Rng *r, uint32_t len, bool indirect)
{
    QVirtBuf buf = { r->buffer, len, true };

    qvring_add(r->dev.queues[0], &buf, 1, indirect);
    qvirtio_kick(&r->dev, 0);
}

/* Lends a buffer and returns how much of it was filled. */
static uint32_t ask(Rng *r, uint32_t len)
{
    QVirtUsed used;

    lend(r, len, false);
    qvirtio_wait_used(&r->dev, 0, &used);
    return used.len;
}

static bool buffer_is(Rng *r, const void *bytes, size_t len)
{
    uint8_t got[GUEST_PAGE_SIZE];

    qtest_memread(r->m.qts, r->buffer, got, len);
    return memcmp(got, bytes, len) == 0;
}

static void expect_fault(Rng *r)
{
    QTestPoll poll = { 0 };

    while (
        !(qvirtio_pci_get_status(&r->dev.regs) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(r->m.qts, &poll, "DEVICE_NEEDS_RESET");
    }
    qvirtio_finish(&r->dev);
    driver_start(r, QVIRTIO_MSIX);
    g_assert_cmpuint(ask(r, LEN), ==, LEN);
}

/* --- tests --- */

static void bytes_arrive(gconstpointer data)
{
    static const uint8_t zeros[LEN];
    Rng r;

    start(&r, "", "", (QVirtioMode)GPOINTER_TO_INT(data));
    g_assert_cmphex(qpci_config_readl(r.pci, PCI_VENDOR_ID), ==, 0x10441af4);
    for (unsigned i = 0; i < 20; i++) {
        QVirtUsed used;

        qtest_memset(r.m.qts, r.buffer, 0, 2 * LEN);
        lend(&r, LEN, i % 2);
        qvirtio_wait_used(&r.dev, 0, &used);
        g_assert_cmpuint(used.len, ==, LEN);
        g_assert_false(buffer_is(&r, zeros, LEN));
        g_assert_cmphex(qtest_readq(r.m.qts, r.buffer + LEN), ==, 0);
    }
    stop(&r);
}

static void a_long_buffer_is_filled_in_part(void)
{
    Rng r;

    start(&r, "", "", QVIRTIO_MSIX);
    qtest_memset(r.m.qts, r.buffer, 0, GUEST_PAGE_SIZE);
    g_assert_cmpuint(ask(&r, GUEST_PAGE_SIZE), ==, 1024);
    g_assert_cmphex(qtest_readq(r.m.qts, r.buffer + 1024), ==, 0);
    stop(&r);
}

static void a_period_has_its_bytes(void)
{
    QVirtUsed used;
    Rng r;

    start(&r, ",max-bytes=100,period=1000", "", QVIRTIO_MSIX);
    g_assert_cmpuint(ask(&r, LEN), ==, LEN);
    g_assert_cmpuint(ask(&r, LEN), ==, 100 - LEN);
    lend(&r, LEN, false);
    qtest_clock_step(r.m.qts, 999 * NANOSECONDS_PER_SECOND / 1000);
    g_assert_false(qvirtio_get_used(&r.dev, 0, &used));
    qtest_clock_step(r.m.qts, NANOSECONDS_PER_SECOND / 1000);
    qvirtio_wait_used(&r.dev, 0, &used);
    g_assert_cmpuint(used.len, ==, LEN);

    /* A reset is no way to more. */
    g_assert_cmpuint(ask(&r, LEN), ==, 100 - LEN);
    qvirtio_finish(&r.dev);
    driver_start(&r, QVIRTIO_MSIX);
    lend(&r, LEN, false);
    qtest_clock_step(r.m.qts, 999 * NANOSECONDS_PER_SECOND / 1000);
    g_assert_false(qvirtio_get_used(&r.dev, 0, &used));
    qtest_clock_step(r.m.qts, NANOSECONDS_PER_SECOND / 1000);
    qvirtio_wait_used(&r.dev, 0, &used);
    stop(&r);
}

/* A terminal is a character device whose bytes the test chooses. */
static void a_source_without_bytes_lets_wait(void)
{
    struct termios raw = { 0 };
    g_autofree char *object = NULL;
    auto_fd master = -1;
    auto_fd slave = -1;
    QVirtUsed used;
    char name[64];
    Rng r;

    cfmakeraw(&raw);
    g_assert_cmpint(openpty(&master, &slave, name, &raw, NULL), ==, 0);
    object = g_strdup_printf("-object rng-random,id=r,filename=%s", name);
    start(&r, ",rng=r", object, QVIRTIO_MSIX);
    lend(&r, LEN, false);
    lend(&r, LEN, false);
    g_assert_false(qvirtio_get_used(&r.dev, 0, &used));
    g_assert_cmpint(write(master, "first", 5), ==, 5);
    qvirtio_wait_used(&r.dev, 0, &used);
    g_assert_cmpuint(used.len, ==, 5);
    g_assert_true(buffer_is(&r, "first", 5));
    g_assert_cmpint(write(master, "more", 4), ==, 4);
    qvirtio_wait_used(&r.dev, 0, &used);
    g_assert_cmpuint(used.len, ==, 4);
    g_assert_true(buffer_is(&r, "more", 4));
    stop(&r);
}

static void a_source_that_ends_is_warned_of(void)
{
    Rng r;

    start(&r, ",rng=r", "-object rng-random,id=r,filename=/dev/null",
          QVIRTIO_MSIX);
    lend(&r, LEN, false);
    qtest_wait_stderr(r.m.qts,
                      "warning: virtio-rng-pci: its source gives no random "
                      "bytes (end of file): the guest waits; see -object "
                      "rng-random,filename=");
    lend(&r, LEN, false);
    g_assert_cmphex(qvirtio_pci_get_status(&r.dev.regs), ==, FAKE_DRIVER_RUNS);
    stop(&r);
}

static void a_buffer_without_room_is_a_fault(void)
{
    Rng r;

    start(&r, "", "", QVIRTIO_MSIX);
    lend(&r, 0, false);
    expect_fault(&r);
    stop(&r);
}

static void a_buffer_to_read_is_a_fault(void)
{
    QVirtBuf buf;
    Rng r;

    start(&r, "", "", QVIRTIO_MSIX);
    buf = (QVirtBuf){ r.buffer, LEN, false };
    qvring_add(r.dev.queues[0], &buf, 1, false);
    qvirtio_kick(&r.dev, 0);
    expect_fault(&r);
    stop(&r);
}

static void a_buffer_beyond_ram_is_a_fault(void)
{
    QVirtBuf buf = { FAKE_MACHINE_RAM - 4, 8, true };
    Rng r;

    start(&r, "", "", QVIRTIO_MSIX);
    qvring_add(r.dev.queues[0], &buf, 1, false);
    qvirtio_kick(&r.dev, 0);
    qtest_wait_stderr(r.m.qts, "virtio-rng-pci: virtqueue 0 has a buffer that "
                               "does not lie in RAM; the device needs a reset "
                               "by the guest");
    expect_fault(&r);
    stop(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/virtio-rng/bytes/msix",
                         GINT_TO_POINTER(QVIRTIO_MSIX), bytes_arrive);
    g_test_add_data_func("/virtio-rng/bytes/intx",
                         GINT_TO_POINTER(QVIRTIO_INTX), bytes_arrive);
    g_test_add_data_func("/virtio-rng/bytes/poll",
                         GINT_TO_POINTER(QVIRTIO_POLL), bytes_arrive);
    g_test_add_func("/virtio-rng/long", a_long_buffer_is_filled_in_part);
    g_test_add_func("/virtio-rng/period", a_period_has_its_bytes);
    g_test_add_func("/virtio-rng/wait", a_source_without_bytes_lets_wait);
    g_test_add_func("/virtio-rng/end", a_source_that_ends_is_warned_of);
    g_test_add_func("/virtio-rng/fault/empty",
                    a_buffer_without_room_is_a_fault);
    g_test_add_func("/virtio-rng/fault/out", a_buffer_to_read_is_a_fault);
    g_test_add_func("/virtio-rng/fault/ram", a_buffer_beyond_ram_is_a_fault);
    return g_test_run();
}
