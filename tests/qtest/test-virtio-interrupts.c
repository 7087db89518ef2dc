/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts and notifications of the virtio PCI transport while the device
 * runs: MSI-X and its masks, INTx, ioeventfds that follow the BAR
 * (specification 1.2, 4.1.4.4, 4.1.4.5, 4.1.5; PCI 3.0, 6.2 and 6.8.2).
 */
#include "vhost-machine.h"

#define QUEUES     2   /* for requests */
#define GSI        20u /* of pin A in slot 4: 16 + 4 */
#define OTHER_SLOT 12  /* the same pin of this slot leads there as well */
#define OTHER_WWPN "naa.5001405bd1f60001"
#define TRACE      "-trace virtio_pci_notify_slow"
#define SLOW       "virtio_pci_notify_slow"

/* The driver polls; the tests look at the interrupts. */
typedef struct Fixture {
    VhostMachine m;
    QVirtioSCSI *scsi, *other;
    QPCIDevice *pci; /* of scsi */
    QVirtioPCI *v;
} Fixture;

static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };

static QVirtioSCSI *new_scsi(Fixture *f, unsigned slot)
{
    QVirtioSCSI *scsi = vhost_machine_scsi(&f->m, slot, QVIRTIO_POLL, 0);

    for (unsigned q = 0; q < QUEUES; q++) {
        qscsi_wait_ready(scsi, q, disk);
    }
    /* What came up to now came for that. */
    (void)qvirtio_pci_read_isr(&scsi->dev.regs);
    return scsi;
}

static void start(Fixture *f, const char *options)
{
    g_autofree char *all = g_strdup_printf("num_queues=%d%s", QUEUES, options);
    g_autofree char *args = g_strdup_printf(
        TRACE " -device vhost-scsi-pci,addr=%x,wwpn=" OTHER_WWPN
              ",num_queues=%d%s",
        OTHER_SLOT, QUEUES, options);

    vhost_machine_start(&f->m, all, args,
                        "target=" FAKE_VHOST_WWPN ",target=" OTHER_WWPN);
    qtest_irq_intercept_in(f->m.fm.qts, "ioapic");
    f->scsi = new_scsi(f, VHOST_MACHINE_SLOT);
    f->pci = f->scsi->pci;
    f->v = &f->scsi->dev.regs;
    f->other = NULL;
}

static void set_up(Fixture *f, gconstpointer options)
{
    start(f, options ? options : "");
}

static void tear_down(Fixture *f, gconstpointer options)
{
    if (f->pci->msix_cap) {
        qpci_msix_disable(f->pci);
    }
    qvirtio_scsi_free(f->other);
    qvirtio_scsi_free(f->scsi);
    vhost_machine_stop(&f->m);
}

/* A request through @queue has been used, and its interrupt was raised. */
static void work(QVirtioSCSI *scsi, unsigned queue)
{
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();

    qscsi_run(scsi, queue, disk, &cmd);
}

static void use_vector(Fixture *f, unsigned queue, uint16_t vector)
{
    g_assert_cmpuint(
        qvirtio_pci_set_queue_vector(
            f->v, (uint16_t)(queue + QVIRTIO_SCSI_REQUEST), vector),
        ==, vector);
}

/* MSI-X on, with @vector open. What waits since before is taken. */
static void open_vector(Fixture *f, unsigned queue, uint16_t vector)
{
    if (!f->pci->msix_cap) {
        qpci_msix_enable(f->pci, f->m.fm.alloc);
    }
    qpci_msix_set_vector(f->pci, vector);
    use_vector(f, queue, vector);
}

static void wait_pending(Fixture *f, unsigned vector, bool pending)
{
    QTestPoll poll = { 0 };

    while (qpci_msix_pending(f->pci, vector) != pending) {
        qtest_poll(f->m.fm.qts, &poll, "pending bit");
    }
}

static void wait_gsi(Fixture *f, bool level)
{
    QTestPoll poll = { 0 };

    while (qtest_get_irq(f->m.fm.qts, GSI) != level) {
        qtest_poll(f->m.fm.qts, &poll, "level of the INTx line");
    }
}

static bool status_bit(QPCIDevice *pci)
{
    return qpci_config_readw(pci, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

/* A fault while the driver runs, which it is told of as a change of
 * configuration. */
static void spoil(Fixture *f)
{
    qvirtio_pci_write(f->v, &f->v->device,
                      offsetof(struct virtio_scsi_config, cdb_size), 4, 1);
    vhost_assert_fault(&f->m, f->v, "configuration offset");
}

/* --- MSI-X --- */

static void test_each_queue_has_its_vector(Fixture *f, gconstpointer unused)
{
    open_vector(f, 0, 1);
    open_vector(f, 1, 2);
    work(f->scsi, 0);
    qpci_msix_wait(f->pci, 1);
    g_assert_false(qpci_msix_received(f->pci, 2));
    work(f->scsi, 1);
    qpci_msix_wait(f->pci, 2);
    g_assert_false(qpci_msix_received(f->pci, 1));
}

static void test_queues_share_a_vector(Fixture *f, gconstpointer unused)
{
    open_vector(f, 0, 3);
    use_vector(f, 1, 3);
    for (unsigned i = 0; i < 6; i++) {
        work(f->scsi, i % 2);
        qpci_msix_wait(f->pci, 3);
    }
}

static void test_vector_can_change_while_running(Fixture *f,
                                                 gconstpointer unused)
{
    open_vector(f, 0, 1);
    open_vector(f, 0, 2);
    work(f->scsi, 0);
    qpci_msix_wait(f->pci, 2);
    g_assert_false(qpci_msix_received(f->pci, 1));
}

static void test_no_vector_sends_nothing(Fixture *f, gconstpointer unused)
{
    open_vector(f, 1, 2);
    open_vector(f, 0, 1);
    use_vector(f, 0, VIRTIO_MSI_NO_VECTOR);
    work(f->scsi, 0);
    work(f->scsi, 1);
    qpci_msix_wait(f->pci, 2); /* it came after what would have come */
    g_assert_false(qpci_msix_received(f->pci, 1));
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 0);
}

static void test_vector_beyond_the_table_is_none(Fixture *f,
                                                 gconstpointer unused)
{
    open_vector(f, 0, 1);
    g_assert_cmphex(qvirtio_pci_set_queue_vector(f->v, QVIRTIO_SCSI_REQUEST,
                                                 (uint16_t)f->pci->n_vectors),
                    ==, VIRTIO_MSI_NO_VECTOR);
    work(f->scsi, 0);
    open_vector(f, 1, 2);
    work(f->scsi, 1);
    qpci_msix_wait(f->pci, 2);
    g_assert_false(qpci_msix_received(f->pci, 1));
}

static void test_fault_comes_by_the_config_vector(Fixture *f,
                                                  gconstpointer unused)
{
    open_vector(f, 0, 1);
    qpci_msix_set_vector(f->pci, 0);
    g_assert_cmpuint(qvirtio_pci_set_config_vector(f->v, 0), ==, 0);
    spoil(f);
    qpci_msix_wait(f->pci, 0);
    g_assert_false(qpci_msix_received(f->pci, 1));
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 0);
}

static void test_masked_vector_is_pending_until_unmasked(Fixture *f,
                                                         gconstpointer unused)
{
    open_vector(f, 0, 1);
    g_assert_false(qpci_msix_pending(f->pci, 1));
    qpci_msix_mask(f->pci, 1, true);
    work(f->scsi, 0);
    wait_pending(f, 1, true);
    work(f->scsi, 0); /* once more is still one */
    g_assert_false(qpci_msix_pending(f->pci, 2));
    g_assert_false(qpci_msix_received(f->pci, 1));
    qpci_msix_mask(f->pci, 1, false);
    qpci_msix_wait(f->pci, 1);
    wait_pending(f, 1, false);
}

static void test_masked_function_is_pending_until_unmasked(Fixture *f,
                                                           gconstpointer unused)
{
    open_vector(f, 0, 1);
    open_vector(f, 1, 2);
    qpci_msix_mask_all(f->pci, true);
    work(f->scsi, 0);
    work(f->scsi, 1);
    wait_pending(f, 1, true);
    wait_pending(f, 2, true);
    g_assert_false(qpci_msix_received(f->pci, 1));
    qpci_msix_mask(f->pci, 2, true);
    qpci_msix_mask_all(f->pci, false);
    qpci_msix_wait(f->pci, 1);
    g_assert_false(qpci_msix_received(f->pci, 2));
    g_assert_true(qpci_msix_pending(f->pci, 2));
    qpci_msix_mask(f->pci, 2, false);
    qpci_msix_wait(f->pci, 2);
    wait_pending(f, 2, false);
}

/* 6.8.3.2: the message in force is that of the moment of the unmask. */
static void test_message_changed_while_masked_is_the_new_one(
    Fixture *f, gconstpointer unused)
{
    uint64_t entry, word = guest_alloc(f->m.fm.alloc, 8);
    QTestPoll poll = { 0 };

    open_vector(f, 0, 1);
    entry = f->pci->table_offset + PCI_MSIX_ENTRY_SIZE;
    qpci_msix_mask(f->pci, 1, true);
    work(f->scsi, 0);
    wait_pending(f, 1, true);
    qpci_io_writel(f->pci, f->pci->table_bar, entry, (uint32_t)word);
    qpci_io_writel(f->pci, f->pci->table_bar, entry + PCI_MSIX_ENTRY_DATA,
                   0xabcd);
    qpci_msix_mask(f->pci, 1, false);
    while (qtest_readl(f->m.fm.qts, word) != 0xabcd) {
        qtest_poll(f->m.fm.qts, &poll, "message at its new place");
    }
    g_assert_false(qpci_msix_received(f->pci, 1));
    guest_free(f->m.fm.alloc, word);
}

static void test_pending_bits_cannot_be_written(Fixture *f,
                                                gconstpointer unused)
{
    open_vector(f, 0, 1);
    qpci_io_writel(f->pci, f->pci->pba_bar, f->pci->pba_offset, UINT32_MAX);
    g_assert_cmphex(qpci_io_readl(f->pci, f->pci->pba_bar, f->pci->pba_offset),
                    ==, 0);
    qpci_msix_mask(f->pci, 1, true);
    work(f->scsi, 0);
    wait_pending(f, 1, true);
    qpci_io_writel(f->pci, f->pci->pba_bar, f->pci->pba_offset, 0);
    g_assert_true(qpci_msix_pending(f->pci, 1));
}

/* PCI 3.0, 6.8.2: with MSI-X on, the function may not use INTx. */
static void test_msix_on_lowers_intx(Fixture *f, gconstpointer unused)
{
    work(f->scsi, 0);
    wait_gsi(f, true);
    qpci_msix_enable(f->pci, f->m.fm.alloc);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    g_assert_false(status_bit(f->pci));
    open_vector(f, 0, 1);
    work(f->scsi, 0);
    qpci_msix_wait(f->pci, 1);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
}

static void test_msix_off_goes_on_by_intx(Fixture *f, gconstpointer unused)
{
    open_vector(f, 0, 1);
    work(f->scsi, 0);
    qpci_msix_wait(f->pci, 1);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    qpci_msix_disable(f->pci);
    work(f->scsi, 0);
    wait_gsi(f, true);
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v) & 1, ==, 1);
}

/* --- INTx --- */

static void test_intx_is_up_until_isr_is_read(Fixture *f, gconstpointer unused)
{
    unsigned before = qtest_irq_raised(f->m.fm.qts, GSI);

    work(f->scsi, 0);
    wait_gsi(f, true);
    g_assert_true(status_bit(f->pci));
    work(f->scsi, 1); /* up already */
    g_assert_cmpuint(qtest_irq_raised(f->m.fm.qts, GSI), ==, before + 1);
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
    work(f->scsi, 0);
    wait_gsi(f, true);
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
    /* The second queue's event may have come between the two. */
    while (qtest_get_irq(f->m.fm.qts, GSI)) {
        g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
    }
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 0);
    g_assert_false(status_bit(f->pci));
}

static void test_intx_shows_a_fault_as_configuration(Fixture *f,
                                                     gconstpointer unused)
{
    spoil(f);
    wait_gsi(f, true);
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, VIRTIO_PCI_ISR_CONFIG);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
}

/* PCI 3.0, 6.2.2 and 6.2.3: the status bit does not depend on the disable. */
static void test_intx_disable_keeps_the_line_down(Fixture *f,
                                                  gconstpointer unused)
{
    uint16_t command = qpci_config_readw(f->pci, PCI_COMMAND);
    QTestPoll poll = { 0 };

    qpci_config_writew(f->pci, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE);
    work(f->scsi, 0);
    while (!status_bit(f->pci)) {
        qtest_poll(f->m.fm.qts, &poll, "interrupt status");
    }
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    qpci_config_writew(f->pci, PCI_COMMAND, command);
    g_assert_true(qtest_get_irq(f->m.fm.qts, GSI));
    qpci_config_writew(f->pci, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
    g_assert_false(status_bit(f->pci));
    qpci_config_writew(f->pci, PCI_COMMAND, command);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
}

static void test_shared_pin_is_up_while_either_is(Fixture *f,
                                                  gconstpointer unused)
{
    f->other = new_scsi(f, OTHER_SLOT);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    work(f->scsi, 0);
    wait_gsi(f, true);
    work(f->other, 0);
    while (!status_bit(f->other->pci)) {
        (void)qtest_get_irq(f->m.fm.qts, GSI);
    }
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
    g_assert_true(qtest_get_irq(f->m.fm.qts, GSI));
    g_assert_cmpuint(qvirtio_pci_read_isr(&f->other->dev.regs), ==, 1);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
}

static void test_reset_lowers_intx(Fixture *f, gconstpointer unused)
{
    work(f->scsi, 0);
    wait_gsi(f, true);
    qvirtio_reset(&f->scsi->dev);
    g_assert_false(qtest_get_irq(f->m.fm.qts, GSI));
    g_assert_false(status_bit(f->pci));
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 0);
}

static void test_vectors_0_leaves_intx_alone(Fixture *f, gconstpointer unused)
{
    g_assert_cmpuint(qpci_find_capability(f->pci, PCI_CAP_ID_MSIX, 0), ==, 0);
    g_assert_cmphex(f->pci->bars[1].size, ==, 0);
    g_assert_cmphex(qvirtio_pci_set_queue_vector(f->v, QVIRTIO_SCSI_REQUEST, 0),
                    ==, VIRTIO_MSI_NO_VECTOR);
    g_assert_cmphex(qvirtio_pci_set_config_vector(f->v, 0), ==,
                    VIRTIO_MSI_NO_VECTOR);
    work(f->scsi, 0);
    wait_gsi(f, true);
    g_assert_cmpuint(qvirtio_pci_read_isr(f->v), ==, 1);
}

/* --- notifications --- */

static int64_t kicks(Fixture *f)
{
    return fake_stat(f->m.fm.fake, 1, QVIRTIO_SCSI_REQUEST, "kicks");
}

static unsigned slow_notifications(Fixture *f)
{
    g_autofree char *log = vhost_machine_log(&f->m);

    return count_text(log, SLOW);
}

static void test_notify_goes_by_ioeventfd(Fixture *f, gconstpointer unused)
{
    int64_t before = kicks(f);

    for (unsigned i = 0; i < 10; i++) {
        work(f->scsi, 0);
    }
    g_assert_cmpint(kicks(f), ==, before + 10);
    g_assert_cmpuint(slow_notifications(f), ==, 0);
}

static void test_notify_by_the_window_takes_the_slow_path(Fixture *f,
                                                          gconstpointer unused)
{
    int64_t before = kicks(f);

    f->scsi->dev.via_config = true;
    work(f->scsi, 0);
    work(f->scsi, 0);
    g_assert_cmpint(kicks(f), ==, before + 2);
    g_assert_cmpuint(slow_notifications(f), ==, 2);
}

static void test_notify_follows_the_bar(Fixture *f, gconstpointer unused)
{
    const unsigned n = f->v->notify.bar;
    const bool is_io = f->pci->bars[n].is_io;
    uint64_t before = f->pci->bars[n].addr;
    const uint64_t places[] = { is_io ? 0xd000 : before + GiB,
                                is_io ? 0x2000 : 0xf0000000, before };
    int64_t count = kicks(f);

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        uint64_t old = f->pci->bars[n].addr + f->v->notify.offset +
                       QVIRTIO_SCSI_REQUEST * f->v->notify_multiplier;

        qpci_bar_set(f->pci, n, places[i]);
        if (is_io) { /* to nobody */
            qtest_outw(f->m.fm.qts, (uint16_t)old, QVIRTIO_SCSI_REQUEST);
        } else {
            qtest_writew(f->m.fm.qts, old, QVIRTIO_SCSI_REQUEST);
        }
        work(f->scsi, 0);
        g_assert_cmpint(kicks(f), ==, ++count);
    }
    g_assert_cmpuint(slow_notifications(f), ==, 0);
}

static void test_notify_stops_and_goes_on_with_decoding(Fixture *f,
                                                        gconstpointer unused)
{
    const bool is_io = f->pci->bars[f->v->notify.bar].is_io;
    uint16_t decode = is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    uint16_t command = qpci_config_readw(f->pci, PCI_COMMAND);
    uint16_t off = command & (uint16_t)~decode;
    int64_t before = kicks(f);

    qpci_config_writew(f->pci, PCI_COMMAND, off);
    qvirtio_notify(&f->scsi->dev, QVIRTIO_SCSI_REQUEST);
    f->scsi->dev.via_config = true;
    work(f->scsi, 0);
    f->scsi->dev.via_config = false;
    g_assert_cmpint(kicks(f), ==, before + 1);
    qpci_config_writew(f->pci, PCI_COMMAND, command);
    work(f->scsi, 0);
    g_assert_cmpint(kicks(f), ==, before + 2);
    g_assert_cmpuint(slow_notifications(f), ==, 1);
}

static void test_notify_by_any_width_is_a_kick(Fixture *f, gconstpointer unused)
{
    uint32_t at = QVIRTIO_SCSI_REQUEST * f->v->notify_multiplier;
    int64_t before = kicks(f);

    for (unsigned width = 1; width <= 4; width *= 2) {
        QTestPoll poll = { 0 };

        qvirtio_pci_write(f->v, &f->v->notify, at, width, QVIRTIO_SCSI_REQUEST);
        before++;
        while (kicks(f) < before) {
            qtest_poll(f->m.fm.qts, &poll, "kick");
        }
    }
    g_assert_cmpuint(slow_notifications(f), ==, 0);
}

/* 4.1.4.4: each queue's address on a page of its own. */
static void test_page_per_vq_spreads_the_addresses(Fixture *f,
                                                   gconstpointer unused)
{
    g_assert_cmpuint(f->v->notify_multiplier, ==, 4096);
    g_assert_cmphex(f->v->notify.length, >=, (QUEUES + 2) * 4096);
    test_notify_goes_by_ioeventfd(f, unused);
    test_notify_follows_the_bar(f, unused);
}

/* 4.1.4: a structure may lie in I/O Space. */
static void test_pio_notify_is_a_bar_of_ports(Fixture *f, gconstpointer unused)
{
    const QPCIBar *bar = &f->pci->bars[f->v->notify.bar];

    g_assert_cmpuint(f->v->notify.bar, ==, 2);
    g_assert_true(bar->is_io);
    g_assert_cmphex(f->v->notify.offset, ==, 0);
    g_assert_cmpuint(f->v->notify_multiplier, ==, 2);
    g_assert_cmphex(f->v->notify.length, ==, (QUEUES + 2) * 2);
    g_assert_cmphex(bar->size, >=, f->v->notify.length);
    g_assert_cmpuint(f->v->common.bar, ==, 4);
    g_assert_cmphex(qpci_io_readw(f->pci, 2, 0), ==, 0);
}

/* The memory that has the notify structure otherwise notifies nobody. */
static void test_pio_notify_leaves_the_memory_alone(Fixture *f,
                                                    gconstpointer unused)
{
    int64_t before = kicks(f);

    for (unsigned at = 0x3000; at < 0x3010; at += 2) {
        qpci_io_writew(f->pci, 4, at, QVIRTIO_SCSI_REQUEST);
    }
    work(f->scsi, 0);
    g_assert_cmpint(kicks(f), ==, before + 1);
    g_assert_cmpuint(slow_notifications(f), ==, 0);
}

typedef struct InterruptTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer options);
    const char *options;
} InterruptTest;

#define PORTS ",modern-pio-notify=on"

static const InterruptTest tests[] = {
    { "msix/own", test_each_queue_has_its_vector, NULL },
    { "msix/shared", test_queues_share_a_vector, NULL },
    { "msix/change", test_vector_can_change_while_running, NULL },
    { "msix/no-vector", test_no_vector_sends_nothing, NULL },
    { "msix/beyond", test_vector_beyond_the_table_is_none, NULL },
    { "msix/config", test_fault_comes_by_the_config_vector, NULL },
    { "msix/mask", test_masked_vector_is_pending_until_unmasked, NULL },
    { "msix/mask-all", test_masked_function_is_pending_until_unmasked, NULL },
    { "msix/message", test_message_changed_while_masked_is_the_new_one, NULL },
    { "msix/pba", test_pending_bits_cannot_be_written, NULL },
    { "msix/on", test_msix_on_lowers_intx, NULL },
    { "msix/off", test_msix_off_goes_on_by_intx, NULL },
    { "intx/isr", test_intx_is_up_until_isr_is_read, NULL },
    { "intx/fault", test_intx_shows_a_fault_as_configuration, NULL },
    { "intx/disable", test_intx_disable_keeps_the_line_down, NULL },
    { "intx/shared", test_shared_pin_is_up_while_either_is, NULL },
    { "intx/reset", test_reset_lowers_intx, NULL },
    { "intx/vectors-0", test_vectors_0_leaves_intx_alone, ",vectors=0" },
    { "notify/fast", test_notify_goes_by_ioeventfd, NULL },
    { "notify/window", test_notify_by_the_window_takes_the_slow_path, NULL },
    { "notify/bar", test_notify_follows_the_bar, NULL },
    { "notify/decoding", test_notify_stops_and_goes_on_with_decoding, NULL },
    { "notify/width", test_notify_by_any_width_is_a_kick, NULL },
    { "notify/page-per-vq", test_page_per_vq_spreads_the_addresses,
      ",page-per-vq=on" },
    { "pio-notify/bar", test_pio_notify_is_a_bar_of_ports, PORTS },
    { "pio-notify/memory", test_pio_notify_leaves_the_memory_alone, PORTS },
    { "pio-notify/fast", test_notify_goes_by_ioeventfd, PORTS },
    { "pio-notify/window", test_notify_by_the_window_takes_the_slow_path,
      PORTS },
    { "pio-notify/moves", test_notify_follows_the_bar, PORTS },
    { "pio-notify/decoding", test_notify_stops_and_goes_on_with_decoding,
      PORTS },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-interrupts/%s",
                                                tests[i].name);

        g_test_add(path, Fixture, tests[i].options, set_up, tests[i].run,
                   tear_down);
    }
    return g_test_run();
}
