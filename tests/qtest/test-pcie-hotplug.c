/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An adapter behind a pcie-root-port, reached as a guest reaches it: by the bus
 * number that the guest gave the port. What slot and bridge do to a driver that
 * runs.
 */
#include "fake-machine.h"

#define PORT_SLOT  3u
#define PORT_DEVFN QPCI_DEVFN(PORT_SLOT, 0)
#define PORT_GSI   (16 + PORT_SLOT) /* of INTA, where the board wires it */

#define POWER_ON (PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_ATTN_IND_OFF)
#define POWER_OFF                                          \
    (PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PWR_OFF | \
     PCI_EXP_SLTCTL_ATTN_IND_OFF)

#define MACHINE                                      \
    "-device pcie-root-port,id=pci.1,addr=3,slot=1 " \
    "-device vhost-scsi-pci,bus=pci.1,num_queues=2,wwpn=" FAKE_VHOST_WWPN

typedef struct Fixture {
    FakeMachine m;
    QPCIBus behind;   /* bus 1 */
    QPCIDevice *port; /* owned */
    unsigned exp_cap; /* of the port */
    QVirtioSCSI *scsi;
} Fixture;

static void open_port(Fixture *f, uint16_t command)
{
    qpci_config_writeb(f->port, PCI_SECONDARY_BUS, 1);
    qpci_config_writeb(f->port, PCI_SUBORDINATE_BUS, 1);
    qpci_config_writew(f->port, PCI_COMMAND, command);
}

static void set_up(Fixture *f, const char *more)
{
    g_autofree char *args = g_strconcat(MACHINE, more, NULL);
    QPCIDevice *pci;

    fake_machine_start(&f->m, NULL, args);
    f->port = qpci_device_at(&f->m.bus, PORT_DEVFN);
    g_assert_nonnull(f->port);
    f->exp_cap = qpci_find_capability(f->port, PCI_CAP_ID_EXP, 0);
    g_assert_cmpuint(f->exp_cap, !=, 0);
    open_port(f, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    f->behind = f->m.bus;
    f->behind.ecam += MiB;
    pci = qpci_device_at(&f->behind, 0);
    g_assert_nonnull(pci);
    g_assert_cmpuint(qpci_find_capability(pci, PCI_CAP_ID_EXP, 0), !=, 0);
    f->scsi = qvirtio_scsi_attach(pci, f->m.alloc);
}

static void tear_down(Fixture *f)
{
    fake_driver_free(f->scsi);
    qpci_device_free(f->port);
    fake_machine_stop(&f->m);
}

static void write_slot(Fixture *f, uint16_t control)
{
    qpci_config_writew(f->port, f->exp_cap + PCI_EXP_SLTCTL, control);
}

static bool is_there(Fixture *f)
{
    return qpci_config_readl(f->scsi->pci, PCI_VENDOR_ID) != UINT32_MAX;
}

static void assert_stopped(Fixture *f)
{
    const GPtrArray *lines;

    g_free(fake_ctl(f->m.fake, "devices"));
    lines = fake_lines(f->m.fake);
    g_assert_cmpuint(lines->len, ==, 1);
    g_assert_nonnull(strstr(g_ptr_array_index(lines, 0), "endpoint=none"));
}

/* A device that was reset works for the next driver. */
static void assert_works_again(Fixture *f)
{
    qpci_device_enable(f->scsi->pci);
    fake_driver_stop(f->scsi);
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
}

static void test_disk_behind_port_msix_serves(void)
{
    Fixture f;

    set_up(&f, "");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f.scsi);
    tear_down(&f);
}

static void test_disk_behind_port_intx_serves(void)
{
    Fixture f;

    set_up(&f, ",vectors=0");
    qtest_irq_intercept_in(f.m.qts, "ioapic");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_INTX));
    fake_driver_check_io(f.scsi);
    g_assert_cmpuint(qtest_irq_raised(f.m.qts, PORT_GSI), >, 0);
    tear_down(&f);
}

static void test_power_cut_under_driver_resets_the_device(void)
{
    Fixture f;

    set_up(&f, "");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    write_slot(&f, POWER_OFF);
    g_assert_false(is_there(&f));
    g_assert_cmphex(qtest_readb(f.m.qts, fake_driver_status_address(f.scsi)),
                    ==, 0xff);
    assert_stopped(&f);
    write_slot(&f, POWER_ON);
    g_assert_true(is_there(&f));
    assert_works_again(&f);
    tear_down(&f);
}

static void test_secondary_bus_reset_under_driver_resets_the_device(void)
{
    Fixture f;

    set_up(&f, "");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    qpci_config_writew(f.port, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
    g_assert_false(is_there(&f));
    assert_stopped(&f);
    qpci_config_writew(f.port, PCI_BRIDGE_CONTROL, 0);
    assert_works_again(&f);
    tear_down(&f);
}

/* A request that is on the ring when bus mastering goes, or that comes
 * meanwhile, is served once it is back, and not before. @pci is the device or
 * the port. */
static void check_waits_for_master(Fixture *f, QPCIDevice *pci)
{
    const QSCSILun disk = { .target = FAKE_VHOST_TPGT };
    uint16_t command = qpci_config_readw(pci, PCI_COMMAND);
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();
    QVirtioSCSIRequest *req;
    QSCSIResult r;

    qpci_config_writew(pci, PCI_COMMAND,
                       command & (uint16_t)~PCI_COMMAND_MASTER);
    assert_stopped(f);
    req = qvirtio_scsi_submit(f->scsi, 0, disk, &cmd);
    qvirtio_scsi_kick(f->scsi, 0);
    assert_stopped(f);
    g_assert_false(qvirtio_scsi_done(f->scsi, req));
    g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==,
                    FAKE_DRIVER_RUNS);
    qpci_config_writew(pci, PCI_COMMAND, command);
    qvirtio_scsi_complete(f->scsi, req, &r);
    g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_OK);
    qscsi_result_clear(&r);
    fake_driver_check_io(f->scsi);
}

static void test_device_that_is_no_bus_master_serves_nothing(void)
{
    Fixture f;

    set_up(&f, "");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f.scsi);
    check_waits_for_master(&f, f.scsi->pci);
    check_waits_for_master(&f, f.scsi->pci);
    tear_down(&f);
}

static void test_port_that_is_no_bus_master_blocks_what_is_behind(void)
{
    Fixture f;

    set_up(&f, "");
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    check_waits_for_master(&f, f.port);
    tear_down(&f);
}

/* As firmware does it. */
static void test_driver_is_ready_before_the_bus_master(void)
{
    Fixture f;
    uint16_t command;

    set_up(&f, "");
    command = qpci_config_readw(f.scsi->pci, PCI_COMMAND);
    qpci_config_writew(f.scsi->pci, PCI_COMMAND,
                       command & (uint16_t)~PCI_COMMAND_MASTER);
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    assert_stopped(&f);
    qpci_config_writew(f.scsi->pci, PCI_COMMAND, command);
    fake_driver_check_io(f.scsi);
    tear_down(&f);
}

/* @command is the port's from then on. */
static void reset_machine(Fixture *f, uint16_t command)
{
    QTestPoll poll = { 0 };

    qtest_outb(f->m.qts, 0xcf9, 0x06);
    while (qpci_read_pconfig(&f->m.bus, PORT_DEVFN, PCI_SECONDARY_BUS, 1)) {
        qtest_poll(f->m.qts, &poll, "reset of the port");
    }
    while (qpci_read_pconfig(&f->m.bus, 0, QPCI_MCH_PCIEXBAR, 4) & 1) {
        qtest_poll(f->m.qts, &poll, "reset of the host bridge");
    }
    qpci_init(&f->m.bus, f->m.qts);
    open_port(f, command);
}

/* As SeaBIOS leaves it. */
static void test_port_that_was_no_bus_master_yet_blocks_nothing(void)
{
    Fixture f;

    set_up(&f, "");
    reset_machine(&f, PCI_COMMAND_MEMORY);
    assert_works_again(&f);
    tear_down(&f);
}

static void test_machine_reset_gives_a_full_slot_power(void)
{
    Fixture f;

    set_up(&f, "");
    write_slot(&f, POWER_OFF);
    reset_machine(&f, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_true(is_there(&f));
    assert_works_again(&f);
    tear_down(&f);
}

static void test_missed_events_are_forgotten_with_the_driver(void)
{
    const uint64_t hotplug = QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG);
    g_autofree char *calls = NULL;
    Fixture f;

    set_up(&f, ",hotplug=on");
    qvirtio_scsi_prepare(f.scsi, QVIRTIO_MSIX, hotplug);
    g_assert_cmphex(fake_driver_ok(f.scsi), ==, FAKE_DRIVER_RUNS);
    fake_ok(f.m.fake, "lun add 64K"); /* the event queue has no buffer */
    fake_driver_stop(f.scsi);
    fake_ok(f.m.fake, "reset");
    qvirtio_scsi_prepare(f.scsi, QVIRTIO_MSIX, hotplug);
    g_assert_cmphex(fake_driver_ok(f.scsi), ==, FAKE_DRIVER_RUNS);
    calls = fake_machine_calls(&f.m, 1);
    g_assert_nonnull(
        strstr(calls, "VHOST_SCSI_SET_EVENTS_MISSED missed=0 -> 0\n"));
    tear_down(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcie-hotplug/msix", test_disk_behind_port_msix_serves);
    g_test_add_func("/pcie-hotplug/intx", test_disk_behind_port_intx_serves);
    g_test_add_func("/pcie-hotplug/power-cut",
                    test_power_cut_under_driver_resets_the_device);
    g_test_add_func("/pcie-hotplug/bus-reset",
                    test_secondary_bus_reset_under_driver_resets_the_device);
    g_test_add_func("/pcie-hotplug/bus-master",
                    test_device_that_is_no_bus_master_serves_nothing);
    g_test_add_func("/pcie-hotplug/bus-master-port",
                    test_port_that_is_no_bus_master_blocks_what_is_behind);
    g_test_add_func("/pcie-hotplug/bus-master-firmware",
                    test_port_that_was_no_bus_master_yet_blocks_nothing);
    g_test_add_func("/pcie-hotplug/bus-master-late",
                    test_driver_is_ready_before_the_bus_master);
    g_test_add_func("/pcie-hotplug/machine-reset",
                    test_machine_reset_gives_a_full_slot_power);
    g_test_add_func("/pcie-hotplug/events-missed",
                    test_missed_events_are_forgotten_with_the_driver);
    return g_test_run();
}
