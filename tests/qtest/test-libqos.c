/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest-side drivers themselves. Run on Debian's QEMU with its own
 * virtio-scsi, these tests hold the drivers against devices that somebody else
 * has written; run on ours, they hold our devices against the drivers.
 */
#include "libqos/scsi.h"
#include "libqtest.h"
#include "scsi-machine.h"

#include <signal.h>
#include <sys/wait.h>

/* --- libqtest --- */

static void test_memory_bulk_reads_back(void)
{
    enum {
        LEN = 100000
    };
    g_autofree uint8_t *out = g_malloc(LEN), *in = g_malloc(LEN);
    QTestState *s = qtest_init("");

    for (unsigned i = 0; i < LEN; i++) {
        out[i] = (uint8_t)(i * 7 + i / 256);
    }
    qtest_memwrite(s, MiB + 3, out, LEN);
    qtest_memread(s, MiB + 3, in, LEN);
    g_assert_cmpmem(in, LEN, out, LEN);
    qtest_memset(s, MiB + 3, 0xa5, LEN);
    g_assert_cmphex(qtest_readb(s, MiB + 2 + LEN), ==, 0xa5);
    g_assert_cmphex(qtest_readb(s, MiB + 3 + LEN), ==, 0);
    qtest_quit(s);
}

static void test_memory_widths_are_little_endian(void)
{
    QTestState *s = qtest_init("");

    qtest_writeq(s, MiB, 0x1122334455667788);
    g_assert_cmphex(qtest_readb(s, MiB), ==, 0x88);
    g_assert_cmphex(qtest_readw(s, MiB + 1), ==, 0x6677);
    g_assert_cmphex(qtest_readl(s, MiB + 3), ==, 0x22334455);
    qtest_writel(s, MiB, 0xaabbccdd);
    qtest_writew(s, MiB + 4, 0xeeff);
    qtest_writeb(s, MiB + 7, 0x99);
    g_assert_cmphex(qtest_readq(s, MiB), ==, 0x9922eeffaabbccdd);
    qtest_quit(s);
}

static void test_unknown_command_is_refused(void)
{
    QTestState *s = qtest_init("");
    g_autofree char *answer = qtest_send_line(s, "nonsense");

    g_assert_cmpstr(answer, ==, "FAIL Unknown command 'nonsense'");
    qtest_quit(s);
}

static void test_raw_bytes_in_pieces_make_a_line(void)
{
    QTestState *s = qtest_init("");
    g_autofree char *first = NULL, *second = NULL;

    qtest_send_raw(s, "writeb 0x1000", 13);
    qtest_send_raw(s, "00 0x5a\nreadb 0x100000\n", 23);
    first = qtest_recv_line(s);
    second = qtest_recv_line(s);
    g_assert_cmpstr(first, ==, "OK");
    g_assert_cmpstr(second, ==, "OK 0x000000000000005a");
    qtest_quit(s);
}

static void test_bad_option_ends_with_a_message(void)
{
    QTestExit *e = qtest_init_expect_failure("-device nonsense", NULL);

    g_assert_cmpint(e->status, ==, 1);
    g_assert_nonnull(strstr(e->stderr, "nonsense"));
    qtest_exit_free(e);
}

static void test_machine_that_hangs_fails_the_test(void)
{
    if (g_test_subprocess()) {
        QTestState *s = qtest_init("");

        qtest_set_timeout(s, 50);
        kill(qtest_pid(s), SIGSTOP);
        (void)qtest_readb(s, MiB);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*no answer within 50 ms*");
}

static void test_machine_that_dies_fails_the_test(void)
{
    if (g_test_subprocess()) {
        QTestState *s = qtest_init("");

        kill(qtest_pid(s), SIGKILL);
        (void)qtest_readb(s, MiB);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*the machine*");
}

static void test_clock_moves_by_steps_only(void)
{
    QTestState *s = qtest_init("");
    int64_t t;

    if (!qtest_has_clock(s)) {
        g_test_skip("no qtest accelerator");
        qtest_quit(s);
        return;
    }
    t = qtest_clock_step(s, 1000);
    g_assert_cmpint(qtest_clock_step(s, 234), ==, t + 234);
    g_assert_cmpint(qtest_clock_set(s, t + 1000), ==, t + 1000);
    qtest_quit(s);
}

static void test_wait_exit_returns_the_status(void)
{
    QTestState *s = qtest_init("");
    int status;

    kill(qtest_pid(s), SIGKILL);
    status = qtest_wait_exit(s);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
    qtest_quit(s);
}

/* --- guest RAM --- */

static void test_alloc_gives_zeroed_pages_once(void)
{
    QTestState *s = qtest_init("");
    QGuestAllocator *a = guest_allocator_new(s, 2 * MiB);
    uint64_t first, second, third;

    qtest_memset(s, MiB, 0xff, 4 * GUEST_PAGE_SIZE);
    first = guest_alloc(a, 1);
    second = guest_alloc(a, GUEST_PAGE_SIZE + 1);
    g_assert_cmphex(first, ==, MiB);
    g_assert_cmphex(second, ==, MiB + GUEST_PAGE_SIZE);
    g_assert_cmphex(qtest_readq(s, second + 2 * GUEST_PAGE_SIZE - 8), ==, 0);
    g_assert_cmpuint(guest_pages_used(a), ==, 3);
    guest_free(a, second);
    third = guest_alloc(a, MiB - GUEST_PAGE_SIZE);
    g_assert_cmphex(third, ==, second);
    guest_free(a, first);
    guest_free(a, third);
    g_assert_cmpuint(guest_pages_used(a), ==, 0);
    guest_allocator_free(a);
    qtest_quit(s);
}

/* --- the device before it runs --- */

static void test_device_offers_what_it_must(void)
{
    ScsiMachine m;
    QVirtioDevice dev;
    QPCIDevice *pci;

    scsi_machine_start(&m, "num_queues=3", NULL);
    pci = qvirtio_pci_find(&m.bus, VIRTIO_ID_SCSI);
    qpci_device_enable(pci);
    qvirtio_init(&dev, pci, m.alloc);
    g_assert_cmpuint(qvirtio_pci_num_queues(&dev.regs), ==, 5);
    g_assert_cmphex(qvirtio_pci_device_features(&dev.regs) &
                        QVIRTIO_BIT(VIRTIO_F_VERSION_1),
                    !=, 0);
    g_assert_cmphex(qvirtio_pci_get_status(&dev.regs), ==,
                    VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    qvirtio_negotiate(&dev, 0);
    g_assert_cmphex(qvirtio_pci_driver_features(&dev.regs), ==,
                    QVIRTIO_BIT(VIRTIO_F_VERSION_1));
    qvirtio_finish(&dev);
    g_assert_cmphex(qvirtio_pci_get_status(&dev.regs), ==, 0);
    qpci_device_free(pci);
    fake_machine_stop(&m);
}

/* --- the disk, in every way a driver can talk to it --- */

typedef struct IoWay {
    const char *name;
    QVirtioMode mode;
    uint64_t features;
    unsigned segments;
    bool indirect;
    bool via_config; /* notify through configuration space */
} IoWay;

#define F_INDIRECT QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define F_EVENT    QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX)

static const IoWay io_ways[] = {
    { "poll", QVIRTIO_POLL, 0, 1, false, false },
    { "poll-event-idx", QVIRTIO_POLL, F_EVENT, 1, false, false },
    { "poll-window", QVIRTIO_POLL, F_EVENT, 1, false, true },
    { "intx", QVIRTIO_INTX, 0, 1, false, false },
    { "intx-event-idx-indirect", QVIRTIO_INTX, F_EVENT | F_INDIRECT, 5, true,
      false },
    { "msix", QVIRTIO_MSIX, 0, 3, false, false },
    { "msix-event-idx", QVIRTIO_MSIX, F_EVENT, 16, false, false },
    { "msix-event-idx-indirect", QVIRTIO_MSIX, F_EVENT | F_INDIRECT, 16, true,
      true },
};

static void fill_pattern(uint8_t *data, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 31 + i / SCSI_MACHINE_BLOCK + seed);
    }
}

/* Writes 16 blocks, by turns with the 10- and 16-byte command, reads them back
 * with the other and looks. */
static void test_io_reads_what_was_written(gconstpointer opaque)
{
    enum {
        BLOCKS = 16,
        LEN = BLOCKS * SCSI_MACHINE_BLOCK,
        ROUNDS = 6
    };
    const IoWay *way = opaque;
    g_autofree uint8_t *data = g_malloc(LEN);
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;

    scsi_machine_start(&m, "num_queues=2", NULL);
    scsi = qvirtio_scsi_new_features(&m.bus, m.alloc, way->mode, way->features);
    g_assert_cmphex(scsi->dev.features & way->features, ==, way->features);
    scsi->dev.via_config = way->via_config;
    lun = qscsi_find_disk(scsi);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t lba = 100 + i * BLOCKS;
        unsigned queue = i % 2;
        QSCSICommand cmd =
            i % 2 ? qscsi_cdb_write16(lba, BLOCKS, SCSI_MACHINE_BLOCK, data)
                  : qscsi_cdb_write10(lba, BLOCKS, SCSI_MACHINE_BLOCK, data);
        g_auto(QSCSIResult) r = { 0 };

        qscsi_wait_ready(scsi, queue, lun);
        fill_pattern(data, LEN, i);
        cmd.segments = way->segments;
        cmd.indirect = way->indirect;
        qscsi_run(scsi, queue, lun, &cmd);
        cmd = i % 2 ? qscsi_cdb_read10(lba, BLOCKS, SCSI_MACHINE_BLOCK)
                    : qscsi_cdb_read16(lba, BLOCKS, SCSI_MACHINE_BLOCK);
        cmd.segments = way->segments;
        cmd.indirect = way->indirect;
        qvirtio_scsi_command(scsi, queue, lun, &cmd, &r);
        qscsi_assert_good(scsi, &r);
        g_assert_cmpmem(r.data, r.data_len, data, LEN);
    }
    qvirtio_scsi_free(scsi);
    g_assert_cmpuint(guest_pages_used(m.alloc), ==, 0);
    fake_machine_stop(&m);
}

static void test_many_in_flight_on_all_queues_complete(void)
{
    enum {
        QUEUES = 4,
        DEPTH = 20
    };
    QVirtioSCSIRequest *reqs[QUEUES][DEPTH];
    uint8_t block[SCSI_MACHINE_BLOCK];
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;

    scsi_machine_start(&m, "num_queues=4", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    qscsi_wait_ready(scsi, 0, lun);
    for (unsigned q = 0; q < QUEUES; q++) {
        for (unsigned i = 0; i < DEPTH; i++) {
            QSCSICommand cmd = qscsi_cdb_write10(q * DEPTH + i, 1,
                                                 SCSI_MACHINE_BLOCK, block);

            memset(block, (int)(1 + q * DEPTH + i), sizeof(block));
            cmd.indirect = i % 2;
            reqs[q][i] = qvirtio_scsi_submit(scsi, q, lun, &cmd);
        }
    }
    for (unsigned q = 0; q < QUEUES; q++) {
        qvirtio_scsi_kick(scsi, q);
    }
    /* The other way round than they were sent. */
    for (unsigned n = QUEUES * DEPTH; n-- > 0;) {
        g_auto(QSCSIResult) r = { 0 };

        qvirtio_scsi_complete(scsi, reqs[n / DEPTH][n % DEPTH], &r);
        qscsi_assert_good(scsi, &r);
    }
    for (unsigned n = 0; n < QUEUES * DEPTH; n++) {
        qscsi_read10(scsi, n % QUEUES, lun, n, 1, SCSI_MACHINE_BLOCK, block);
        g_assert_cmphex(block[0], ==, 1 + n);
        g_assert_cmphex(block[SCSI_MACHINE_BLOCK - 1], ==, 1 + n);
    }
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

/* A second driver finds the device as new, and the disk as it was. */
static void test_reset_lets_a_second_driver_start(void)
{
    uint8_t out[SCSI_MACHINE_BLOCK], in[SCSI_MACHINE_BLOCK];
    ScsiMachine m;

    fill_pattern(out, sizeof(out), 42);
    scsi_machine_start(&m, "", NULL);
    for (unsigned i = 0; i < 3; i++) {
        QVirtioSCSI *scsi = qvirtio_scsi_new(
            &m.bus, m.alloc, i % 2 ? QVIRTIO_INTX : QVIRTIO_MSIX);
        QSCSILun lun = qscsi_find_disk(scsi);

        qscsi_wait_ready(scsi, 0, lun);
        if (i == 0) {
            qscsi_write10(scsi, 0, lun, 9, 1, SCSI_MACHINE_BLOCK, out);
        }
        qscsi_read10(scsi, 0, lun, 9, 1, SCSI_MACHINE_BLOCK, in);
        g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
        qvirtio_scsi_free(scsi);
    }
    fake_machine_stop(&m);
}

/* --- interrupts --- */

static void test_msix_masked_is_pending_until_unmasked(void)
{
    const unsigned vector = QVIRTIO_SCSI_REQUEST + 1;
    QSCSICommand cmd = qscsi_cdb_inquiry(36);
    QTestPoll poll = { 0 };
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QVirtioSCSIRequest *req;
    QSCSILun lun;
    QSCSIResult r;
    uint64_t used;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    used = scsi->dev.queues[QVIRTIO_SCSI_REQUEST]->used + 2;
    (void)qpci_msix_received(scsi->pci, vector);
    qpci_msix_mask(scsi->pci, vector, true);
    g_assert_false(qpci_msix_pending(scsi->pci, vector));

    req = qvirtio_scsi_submit(scsi, 0, lun, &cmd);
    qvirtio_scsi_kick(scsi, 0);
    while (qtest_readw(m.qts, used) !=
           scsi->dev.queues[QVIRTIO_SCSI_REQUEST]->next_avail) {
        qtest_poll(m.qts, &poll, "used entry");
    }
    while (!qpci_msix_pending(scsi->pci, vector)) {
        qtest_poll(m.qts, &poll, "pending bit");
    }
    g_assert_false(qpci_msix_received(scsi->pci, vector));

    qpci_msix_mask(scsi->pci, vector, false);
    qpci_msix_wait(scsi->pci, vector);
    g_assert_false(qpci_msix_pending(scsi->pci, vector));
    scsi->dev.quiet[QVIRTIO_SCSI_REQUEST] = false; /* the test has taken it */
    qvirtio_scsi_complete(scsi, req, &r);
    qscsi_assert_good(scsi, &r);
    qscsi_result_clear(&r);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

/* PIRQ A-H of q35 are the last eight inputs of the I/O APIC. */
static unsigned pirqs_up(QTestState *s)
{
    unsigned n = 0;

    for (unsigned gsi = 16; gsi < 24; gsi++) {
        n += qtest_get_irq(s, gsi);
    }
    return n;
}

static void test_intx_is_up_until_isr_is_read(void)
{
    QSCSICommand cmd = qscsi_cdb_inquiry(36);
    QTestPoll poll = { 0 };
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QVirtioSCSIRequest *req;
    QSCSIResult r;

    scsi_machine_start(&m, "", NULL);
    qtest_irq_intercept_in(m.qts, "ioapic");
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_INTX);
    g_assert_cmpuint(pirqs_up(m.qts), ==, 0);
    req = qvirtio_scsi_submit(scsi, 0, (QSCSILun){ 1, 0 }, &cmd);
    qvirtio_scsi_kick(scsi, 0);
    while (!pirqs_up(m.qts)) {
        qtest_poll(m.qts, &poll, "INTx");
    }
    g_assert_cmpuint(pirqs_up(m.qts), ==, 1);
    g_assert_cmphex(
        qpci_config_readw(scsi->pci, PCI_STATUS) & PCI_STATUS_INTERRUPT, !=, 0);
    g_assert_cmphex(qvirtio_pci_read_isr(&scsi->dev.regs), ==, 1);
    g_assert_cmpuint(pirqs_up(m.qts), ==, 0);
    g_assert_cmphex(qvirtio_pci_read_isr(&scsi->dev.regs), ==, 0);
    scsi->dev.quiet[QVIRTIO_SCSI_REQUEST] = false; /* the test has taken it */
    qvirtio_scsi_complete(scsi, req, &r);
    qscsi_assert_good(scsi, &r);
    qscsi_result_clear(&r);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

/* --- what SCSI answers --- */

static void test_capacity_is_the_disk(void)
{
    QSCSICommand inquiry = qscsi_cdb_inquiry(36);
    QSCSICommand luns = qscsi_cdb_report_luns(256);
    QSCSICommand pages = qscsi_cdb_inquiry_vpd(0, 255);
    QSCSICommand sync = qscsi_cdb_synchronize_cache();
    g_auto(QSCSIResult) r_inquiry = { 0 }, r_luns = { 0 }, r_pages = { 0 };
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    qscsi_wait_ready(scsi, 0, lun);
    for (unsigned use_16 = 0; use_16 < 2; use_16++) {
        QSCSICapacity c = qscsi_read_capacity(scsi, 0, lun, use_16);

        g_assert_cmpuint(c.blocks, ==, SCSI_MACHINE_BLOCKS);
        g_assert_cmpuint(c.block_size, ==, SCSI_MACHINE_BLOCK);
    }
    qvirtio_scsi_command(scsi, 0, lun, &inquiry, &r_inquiry);
    qscsi_assert_good(scsi, &r_inquiry);
    g_assert_cmphex(r_inquiry.data[0], ==, 0); /* a disk, connected */
    qvirtio_scsi_command(scsi, 0, lun, &luns, &r_luns);
    qscsi_assert_good(scsi, &r_luns);
    g_assert_cmphex(r_luns.data[3], ==, 8); /* one LUN */
    qvirtio_scsi_command(scsi, 0, lun, &pages, &r_pages);
    qscsi_assert_good(scsi, &r_pages);
    g_assert_cmphex(r_pages.data[1], ==, 0);
    g_assert_cmpuint(r_pages.data[3], >, 1);
    qscsi_run(scsi, 0, lun, &sync);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

static void test_read_beyond_the_end_has_sense(void)
{
    QSCSICommand cmd = qscsi_cdb_read10(SCSI_MACHINE_BLOCKS, 1,
                                        SCSI_MACHINE_BLOCK);
    g_auto(QSCSIResult) r = { 0 };
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    qscsi_wait_ready(scsi, 0, lun);
    qvirtio_scsi_command(scsi, 0, lun, &cmd, &r);
    g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_OK);
    g_assert_cmphex(r.status, ==, QSCSI_CHECK_CONDITION);
    g_assert_cmphex(r.sense_key, ==, QSCSI_ILLEGAL_REQUEST);
    g_assert_cmphex(r.asc, ==, 0x21); /* block out of range */
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

static void test_unknown_target_is_bad_target(void)
{
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();
    g_auto(QSCSIResult) r = { 0 };
    ScsiMachine m;
    QVirtioSCSI *scsi;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    qvirtio_scsi_command(scsi, 0, (QSCSILun){ 77, 0 }, &cmd, &r);
    g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_BAD_TARGET);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

static void test_unmapped_blocks_read_zero(void)
{
    uint8_t data[4 * SCSI_MACHINE_BLOCK], zero[2 * SCSI_MACHINE_BLOCK] = { 0 };
    QSCSIUnmap list;
    QSCSICommand cmd = qscsi_cdb_unmap(&list, 8, 16);
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    qscsi_wait_ready(scsi, 0, lun);
    fill_pattern(data, sizeof(data), 1);
    data[0] = 0xee;
    qscsi_write10(scsi, 0, lun, 22, 4, SCSI_MACHINE_BLOCK, data);
    qscsi_run(scsi, 0, lun, &cmd);
    qscsi_read10(scsi, 0, lun, 22, 4, SCSI_MACHINE_BLOCK, data);
    g_assert_cmpmem(data, sizeof(zero), zero, sizeof(zero));
    g_assert_cmphex(data[3 * SCSI_MACHINE_BLOCK], ==,
                    (uint8_t)(3 * SCSI_MACHINE_BLOCK * 31 + 3 + 1));
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

static void test_lun_reset_succeeds(void)
{
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;
    uint8_t response;

    scsi_machine_start(&m, "", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, QVIRTIO_MSIX);
    lun = qscsi_find_disk(scsi);
    qscsi_wait_ready(scsi, 0, lun);
    response = qvirtio_scsi_tmf(scsi, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, lun,
                                0);
    /* 5.6.6.2: a driver takes either. */
    g_assert_true(response == VIRTIO_SCSI_S_OK ||
                  response == VIRTIO_SCSI_S_FUNCTION_SUCCEEDED);
    qscsi_wait_ready(scsi, 0, lun);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

static void add_io_tests(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(io_ways); i++) {
        g_autofree char *path = g_strdup_printf("/libqos/io/%s",
                                                io_ways[i].name);

        g_test_add_data_func(path, &io_ways[i], test_io_reads_what_was_written);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libqtest/memory/bulk", test_memory_bulk_reads_back);
    g_test_add_func("/libqtest/memory/widths",
                    test_memory_widths_are_little_endian);
    g_test_add_func("/libqtest/unknown-command",
                    test_unknown_command_is_refused);
    g_test_add_func("/libqtest/raw", test_raw_bytes_in_pieces_make_a_line);
    g_test_add_func("/libqtest/bad-option",
                    test_bad_option_ends_with_a_message);
    g_test_add_func("/libqtest/hang", test_machine_that_hangs_fails_the_test);
    g_test_add_func("/libqtest/death", test_machine_that_dies_fails_the_test);
    g_test_add_func("/libqtest/clock", test_clock_moves_by_steps_only);
    g_test_add_func("/libqtest/wait-exit", test_wait_exit_returns_the_status);
    g_test_add_func("/libqos/malloc", test_alloc_gives_zeroed_pages_once);
    g_test_add_func("/libqos/virtio/registers",
                    test_device_offers_what_it_must);
    add_io_tests();
    g_test_add_func("/libqos/in-flight",
                    test_many_in_flight_on_all_queues_complete);
    g_test_add_func("/libqos/second-driver",
                    test_reset_lets_a_second_driver_start);
    g_test_add_func("/libqos/msix-mask",
                    test_msix_masked_is_pending_until_unmasked);
    g_test_add_func("/libqos/intx", test_intx_is_up_until_isr_is_read);
    g_test_add_func("/libqos/scsi/discovery", test_capacity_is_the_disk);
    g_test_add_func("/libqos/scsi/sense", test_read_beyond_the_end_has_sense);
    g_test_add_func("/libqos/scsi/bad-target",
                    test_unknown_target_is_bad_target);
    g_test_add_func("/libqos/scsi/unmap", test_unmapped_blocks_read_zero);
    g_test_add_func("/libqos/scsi/lun-reset", test_lun_reset_succeeds);
    return g_test_run();
}
