/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's boot order, with functions of the test on the root bus and
 * behind root ports. */
#include "fake-accel.h"
#include "hw/i386/mch.h"
#include "hw/pci/boot-order.h"
#include "hw/pci/pcie-root-port.h"
#include "util/keyval.h"

typedef struct TestDisk {
    PciDevice pci;
} TestDisk;

static bool disk_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = { .vendor = 0x1234,
                                    .device = 0x5678,
                                    .class_code = 0x0100 };

    pci_device_init(pci_device_from(dev), &id, &pci_default_ops);
    return pci_device_plug(pci_device_from(dev), errp);
}

static void disk_unrealize(Device *dev)
{
    pci_device_unplug(pci_device_from(dev));
}

static char *disk_boot_path(const Device *dev)
{
    return g_strdup("/channel@0/disk@1,0");
}

static const Property disk_props[] = {
    PROP_INDEX("bootindex", TestDisk, pci.dev.bootindex),
    { 0 },
};

static const DeviceType disk_type = {
    .name = "disk",
    .bus = BUS_PCI,
    .size = sizeof(TestDisk),
    .props = disk_props,
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = disk_realize,
    .unrealize = disk_unrealize,
    .boot_path = disk_boot_path,
};

/* The same without a part that is booted from. */
static const DeviceType card_type = {
    .name = "card",
    .bus = BUS_PCI,
    .size = sizeof(TestDisk),
    .props = disk_props,
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = disk_realize,
    .unrealize = disk_unrealize,
};

static const DeviceType *const types[] = {
    &mch_type, &pcie_root_port_type, &disk_type, &card_type, NULL,
};

static const Registry registry = { .device_types = types };

static Machine *machine_set_up(void)
{
    Machine *m = fake_machine_new();

    m->tree.registry = &registry;
    g_assert_nonnull(mch_new(m, NULL));
    return m;
}

static void add(Machine *m, const char *text)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);

    g_assert_nonnull(device_add(&m->tree, opts, NULL, NULL));
}

/* @size counts the final 0. */
static void check(Machine *m, const char *expected, size_t size)
{
    g_autoptr(GBytes) order = boot_order_build(m);

    g_assert_cmpmem(g_bytes_get_data(order, NULL), g_bytes_get_size(order),
                    expected, size);
}

#define CHECK(m, expected) check(m, expected, sizeof(expected))

static void test_nothing_without_bootindex(void)
{
    Machine *m = machine_set_up();

    add(m, "disk");
    check(m, "", 0);
    m->config.boot_strict = true;
    check(m, "", 0);
    fake_machine_free(m);
}

static void test_lines_are_in_order_of_bootindex(void)
{
    Machine *m = machine_set_up();

    add(m, "disk,addr=1e,bootindex=2147483647");
    CHECK(m, "/pci@i0cf8/scsi@1e/channel@0/disk@1,0");
    add(m, "disk,addr=4,bootindex=7");
    add(m, "disk,addr=5");
    add(m, "card,addr=3,bootindex=0");
    CHECK(m, "/pci@i0cf8/scsi@3\n"
             "/pci@i0cf8/scsi@4/channel@0/disk@1,0\n"
             "/pci@i0cf8/scsi@1e/channel@0/disk@1,0");
    m->config.boot_strict = true;
    CHECK(m, "/pci@i0cf8/scsi@3\n"
             "/pci@i0cf8/scsi@4/channel@0/disk@1,0\n"
             "/pci@i0cf8/scsi@1e/channel@0/disk@1,0\n"
             "HALT");
    fake_machine_free(m);
}

static void test_paths_lead_through_ports_and_functions(void)
{
    Machine *m = machine_set_up();

    add(m, "pcie-root-port,id=a,addr=2,multifunction=on,slot=1");
    add(m, "pcie-root-port,id=b,addr=2.7,slot=2");
    add(m, "disk,bus=a,bootindex=1");
    add(m, "disk,bus=b,bootindex=2");
    add(m, "disk,addr=10,multifunction=on,bootindex=4");
    add(m, "disk,addr=10.3,bootindex=3");
    CHECK(m, "/pci@i0cf8/pci-bridge@2/scsi@0/channel@0/disk@1,0\n"
             "/pci@i0cf8/pci-bridge@2,7/scsi@0/channel@0/disk@1,0\n"
             "/pci@i0cf8/scsi@10,3/channel@0/disk@1,0\n"
             "/pci@i0cf8/scsi@10/channel@0/disk@1,0");
    fake_machine_free(m);
}

static void test_drives_are_codes_of_the_cmos(void)
{
    Machine *m = machine_set_up();
    MachineConfig *c = &m->config;

    g_assert_cmphex(boot_order_drives(m, false), ==, 0);
    c->boot_order = g_strdup("cadn");
    g_assert_cmphex(boot_order_drives(m, false), ==, 0x312);
    c->boot_once = g_strdup("nbp");
    g_assert_cmphex(boot_order_drives(m, false), ==, 0x004);
    g_assert_cmphex(boot_order_drives(m, true), ==, 0x312);
    fake_machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/boot-order/none", test_nothing_without_bootindex);
    g_test_add_func("/boot-order/order", test_lines_are_in_order_of_bootindex);
    g_test_add_func("/boot-order/paths",
                    test_paths_lead_through_ports_and_functions);
    g_test_add_func("/boot-order/drives", test_drives_are_codes_of_the_cmos);
    return g_test_run();
}
