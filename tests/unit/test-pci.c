/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration space, BARs, INTx, MSI-X and the host bridge, on a device of
 * the test behind the real bridge. */
#include "fake-accel.h"
#include "hw/i386/mch.h"
#include "hw/pci/msix.h"
#include "util/error.h"

#define ECAM    MCH_ECAM_BASE
#define BAR0    UINT64_C(0xc0000000)
#define BAR1    UINT64_C(0xc0010000)
#define VECTORS 3

typedef struct TestPci {
    PciDevice pci;
    MemoryRegion mem, io;
} TestPci;

static uint64_t region_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0x40 + offset;
}

static void region_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
}

static const MemoryRegionOps region_ops = { region_read, region_write };

static bool test_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = { .vendor = 0x1234,
                                    .device = 0x5678,
                                    .class_code = 0x0100 };
    TestPci *t = container_of(pci_device_from(dev), TestPci, pci);

    pci_device_init(&t->pci, &id, &pci_default_ops);
    t->pci.state.config[PCI_INTERRUPT_PIN] = 1;
    memory_region_init(&t->mem, "mem", &region_ops, t, 64 * KiB);
    memory_region_init(&t->io, "io", &region_ops, t, 32);
    pci_register_bar(
        &t->pci, 2,
        PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH, &t->mem);
    pci_register_bar(&t->pci, 4, PCI_BASE_ADDRESS_SPACE_IO, &t->io);
    msix_init(&t->pci, VECTORS, 1);
    return pci_device_plug(&t->pci, errp);
}

static void test_unrealize(Device *dev)
{
    pci_device_unplug(pci_device_from(dev));
    msix_finish(pci_device_from(dev));
}

static void test_reset(Device *dev)
{
    pci_device_reset(pci_device_from(dev));
}

static const DeviceType test_type = {
    .name = "test-pci",
    .bus = BUS_PCI,
    .size = sizeof(TestPci),
    .bus_props = pci_bus_props,
    .realize = test_realize,
    .unrealize = test_unrealize,
    .reset = test_reset,
};

typedef struct Fixture {
    Machine *m;
    Mch *host;
    TestPci *t;
    bool intx[4];
} Fixture;

static void set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    Fixture *f = opaque;

    f->intx[pin] = level;
}

static TestPci *add(Fixture *f, const char *addr, GError **errp)
{
    Device *dev = device_new(&f->m->tree, &test_type);

    if ((addr && !device_set(dev, "addr", addr, errp)) ||
        !device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return container_of(pci_device_from(dev), TestPci, pci);
}

static void set_up(Fixture *f, gconstpointer data)
{
    f->m = fake_machine_new();
    f->host = mch_new(f->m, NULL);
    f->host->root.set_intx = set_intx;
    f->host->root.opaque = f;
    mch_setup_ecam(f->host, ECAM);
    f->t = add(f, "3", NULL);
    g_assert_nonnull(f->t);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    fake_machine_free(f->m);
}

static uint64_t config_addr(unsigned reg)
{
    return ECAM + (3 << 15) + reg;
}

static uint32_t config_get(Fixture *f, unsigned reg, unsigned size)
{
    return (uint32_t)address_space_read(&f->m->memory, config_addr(reg), size);
}

static void config_set(Fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    address_space_write(&f->m->memory, config_addr(reg), value, size);
}

#define ENABLED (PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER)

static void enable(Fixture *f)
{
    config_set(f, PCI_BASE_ADDRESS_1, BAR1, 4);
    config_set(f, PCI_BASE_ADDRESS_2, BAR0, 4);
    config_set(f, PCI_BASE_ADDRESS_3, 0, 4);
    config_set(f, PCI_COMMAND, ENABLED, 2);
}

static void test_both_mechanisms_show_the_same(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(config_get(f, PCI_VENDOR_ID, 4), ==, 0x56781234);
    g_assert_cmphex(config_get(f, PCI_CLASS_DEVICE, 2), ==, 0x0100);
    address_space_write(&f->m->io, 0xcf8, 0x80001800, 4);
    g_assert_cmphex(address_space_read(&f->m->io, 0xcf8, 4), ==, 0x80001800);
    g_assert_cmphex(address_space_read(&f->m->io, 0xcfc, 4), ==, 0x56781234);
    g_assert_cmphex(address_space_read(&f->m->io, 0xcfe, 2), ==, 0x5678);
    address_space_write(&f->m->io, 0xcf8, 0x00001800, 4);
    g_assert_cmphex(address_space_read(&f->m->io, 0xcfc, 4), ==, 0xffffffff);
    /* No such device, no such bus, beyond a conventional function's space. */
    g_assert_cmphex(address_space_read(&f->m->memory, ECAM + (4 << 15), 4), ==,
                    0xffffffff);
    g_assert_cmphex(address_space_read(&f->m->memory, ECAM + MiB, 4), ==,
                    0xffffffff);
    g_assert_cmphex(config_get(f, 0x100, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_read(&f->m->memory, config_addr(0xffc), 8),
                    ==, UINT64_MAX);
}

static void test_config_keeps_read_only_bits(Fixture *f, gconstpointer data)
{
    config_set(f, PCI_VENDOR_ID, 0, 4);
    config_set(f, PCI_CLASS_REVISION, 0, 4);
    g_assert_cmphex(config_get(f, PCI_VENDOR_ID, 4), ==, 0x56781234);
    g_assert_cmphex(config_get(f, PCI_CLASS_DEVICE, 2), ==, 0x0100);
    config_set(f, PCI_INTERRUPT_LINE, 0x5a, 1);
    g_assert_cmphex(config_get(f, PCI_INTERRUPT_LINE, 1), ==, 0x5a);
    g_assert_cmphex(config_get(f, PCI_INTERRUPT_PIN, 1), ==, 1);
    config_set(f, PCI_COMMAND, 0xffff, 2);
    g_assert_cmphex(config_get(f, PCI_COMMAND, 2) & 0xf800, ==, 0);
}

static void test_bars_size_move_and_disappear(Fixture *f, gconstpointer data)
{
    config_set(f, PCI_BASE_ADDRESS_2, 0xffffffff, 4);
    config_set(f, PCI_BASE_ADDRESS_3, 0xffffffff, 4);
    config_set(f, PCI_BASE_ADDRESS_4, 0xffffffff, 4);
    g_assert_cmphex(config_get(f, PCI_BASE_ADDRESS_2, 4), ==, 0xffff000c);
    g_assert_cmphex(config_get(f, PCI_BASE_ADDRESS_3, 4), ==, 0xffffffff);
    g_assert_cmphex(config_get(f, PCI_BASE_ADDRESS_4, 4), ==, 0xffffffe1);
    g_assert_cmphex(config_get(f, PCI_BASE_ADDRESS_5, 4), ==, 0);

    enable(f);
    config_set(f, PCI_BASE_ADDRESS_4, 0xc000, 4);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR0 + 4, 1), ==, 0x44);
    g_assert_cmphex(address_space_read(&f->m->io, 0xc01f, 1), ==, 0x5f);
    config_set(f, PCI_BASE_ADDRESS_3, 1, 4);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR0 + 4, 1), ==, 0xff);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR0 + 4 * GiB + 4, 1),
                    ==, 0x44);
    /* Where OVMF puts it: an eighth below the last address, of 40 bits and of
     * as many as a processor can have. */
    config_set(f, PCI_BASE_ADDRESS_3, 0xe0, 4);
    g_assert_cmphex(
        address_space_read(&f->m->memory, BAR0 + UINT64_C(0xe000000004), 1), ==,
        0x44);
    config_set(f, PCI_BASE_ADDRESS_3, 0xe0000, 4);
    g_assert_cmphex(
        address_space_read(&f->m->memory, BAR0 + UINT64_C(0xe000000000004), 1),
        ==, 0x44);
    config_set(f, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(address_space_read(&f->m->io, 0xc01f, 1), ==, 0xff);
    device_reset(&f->t->pci.dev);
    g_assert_null(f->t->mem.as);
    g_assert_cmphex(config_get(f, PCI_BASE_ADDRESS_2, 4), ==, 0xc);
}

static void test_intx_obeys_disable(Fixture *f, gconstpointer data)
{
    pci_set_intx(&f->t->pci, true);
    g_assert_true(f->intx[0]);
    g_assert_cmphex(config_get(f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, !=, 0);
    config_set(f, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_false(f->intx[0]);
    config_set(f, PCI_COMMAND, 0, 2);
    g_assert_true(f->intx[0]);
    device_reset(&f->t->pci.dev);
    g_assert_false(f->intx[0]);
}

static void test_addresses_that_are_taken_are_refused(Fixture *f,
                                                      gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    g_assert_null(add(f, "3", &err));
    g_assert_cmpstr(err->message, ==,
                    "test-pci: PCI address 03.0 on bus 'pcie.0' is taken by "
                    "'test-pci'; give another addr=");
    g_clear_error(&err);
    g_assert_null(add(f, "3.1", &err));
    g_assert_nonnull(strstr(err->message, "multifunction=on"));
    g_clear_error(&err);
    /* Slot 0 is the bridge's, 3 is taken: 30 are left. */
    for (unsigned i = 0; i < 30; i++) {
        g_assert_nonnull(add(f, NULL, NULL));
    }
    g_assert_null(add(f, NULL, &err));
    g_assert_nonnull(strstr(err->message, "no free PCI slot"));
}

static void test_ecam_moves_with_pciexbar(Fixture *f, gconstpointer data)
{
    address_space_write(&f->m->memory, ECAM + 0x60, 0xe0000001, 4);
    g_assert_cmphex(address_space_read(&f->m->memory, ECAM, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_read(&f->m->memory, 0xe0000000, 4), ==,
                    0x29c08086);
    address_space_write(&f->m->memory, 0xe0000060, 0xe0000000, 4);
    g_assert_cmphex(address_space_read(&f->m->memory, 0xe0000000, 4), ==,
                    0xffffffff);
}

/* --- MSI-X --- */

static void set_entry(Fixture *f, unsigned v, uint32_t addr, uint32_t value,
                      uint32_t mask)
{
    uint64_t base = BAR1 + v * 16;

    address_space_write(&f->m->memory, base, addr, 4);
    address_space_write(&f->m->memory, base + 4, 0, 4);
    address_space_write(&f->m->memory, base + 8, value, 4);
    address_space_write(&f->m->memory, base + 12, mask, 4);
}

static void set_control(Fixture *f, uint16_t flags)
{
    config_set(f, f->t->pci.msix->cap + PCI_MSIX_FLAGS, flags, 2);
}

static uint64_t pending(Fixture *f)
{
    return address_space_read(&f->m->memory, BAR1 + f->t->pci.msix->pba_offset,
                              8);
}

static void test_msix_capability_and_power_on_masks(Fixture *f,
                                                    gconstpointer data)
{
    unsigned cap = f->t->pci.msix->cap;

    enable(f);
    g_assert_cmphex(config_get(f, cap, 1), ==, PCI_CAP_ID_MSIX);
    g_assert_cmphex(config_get(f, cap + 2, 2), ==, VECTORS - 1);
    for (unsigned v = 0; v < VECTORS; v++) {
        g_assert_cmphex(
            address_space_read(&f->m->memory, BAR1 + v * 16 + 12, 4), ==, 1);
    }
    g_assert_cmphex(address_space_read(&f->m->memory, BAR1 + VECTORS * 16, 4),
                    ==, 0);
}

static void test_msix_notify_waits_for_the_mask(Fixture *f, gconstpointer data)
{
    enable(f);
    msix_notify(&f->t->pci, 1);
    g_assert_cmphex(pending(f), ==, 0);
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    set_entry(f, 1, 0xfee00000, 0x41, 1);
    msix_notify(&f->t->pci, 1);
    g_assert_cmphex(pending(f), ==, 2);
    g_assert_cmpuint(fake.n_sent, ==, 0);
    set_control(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    set_entry(f, 1, 0xfee00000, 0x41, 0);
    g_assert_cmpuint(fake.n_sent, ==, 0);
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    g_assert_cmpuint(fake.n_sent, ==, 1);
    g_assert_cmphex(fake.sent[0].data, ==, 0x41);
    g_assert_cmphex(pending(f), ==, 0);
    msix_notify(&f->t->pci, VECTORS);
    g_assert_cmpuint(fake.n_sent, ==, 1);
}

static void test_msix_binding_follows_mask_and_message(Fixture *f,
                                                       gconstpointer data)
{
    EventNotifier e;
    MsixBinding b = { .notifier = &e, .vector = 2 };

    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    enable(f);
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    g_assert_cmpint(msix_bind(&f->t->pci, &b), ==, 0);
    g_assert_null(fake_irqfd_of(e.fd));
    event_notifier_set(&e);
    g_assert_cmphex(pending(f), ==, 4);

    set_entry(f, 2, 0xfee01000, 0x31, 0);
    g_assert_nonnull(fake_irqfd_of(e.fd));
    g_assert_cmphex(fake_irqfd_of(e.fd)->address, ==, 0xfee01000);
    g_assert_cmphex(fake_irqfd_of(e.fd)->data, ==, 0x31);
    g_assert_cmphex(pending(f), ==, 0);

    /* A new message while the vector is open. */
    address_space_write(&f->m->memory, BAR1 + 2 * 16 + 8, 0x32, 4);
    g_assert_cmphex(fake_irqfd_of(e.fd)->data, ==, 0x32);

    set_control(f, 0);
    g_assert_null(fake_irqfd_of(e.fd));
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    g_assert_nonnull(fake_irqfd_of(e.fd));
    msix_unbind(&f->t->pci, &b);
    msix_unbind(&f->t->pci, &b);
    g_assert_null(fake_irqfd_of(e.fd));
    event_notifier_finish(&e);
}

/* PCI 3.0, 6.8.3.1: a function that is no bus master sends no message. */
static void test_msix_waits_for_bus_mastering(Fixture *f, gconstpointer data)
{
    EventNotifier e;
    MsixBinding b = { .notifier = &e, .vector = 1 };

    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    enable(f);
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    set_entry(f, 0, 0xfee00000, 0x40, 0);
    set_entry(f, 1, 0xfee00000, 0x41, 0);
    g_assert_cmpint(msix_bind(&f->t->pci, &b), ==, 0);
    g_assert_nonnull(fake_irqfd_of(e.fd));

    config_set(f, PCI_COMMAND, ENABLED & ~PCI_COMMAND_MASTER, 2);
    g_assert_null(fake_irqfd_of(e.fd));
    msix_notify(&f->t->pci, 0);
    event_notifier_set(&e);
    g_assert_cmpuint(fake.n_sent, ==, 0);
    g_assert_cmphex(pending(f), ==, 3);
    set_entry(f, 1, 0xfee00000, 0x51, 0);
    g_assert_null(fake_irqfd_of(e.fd));

    config_set(f, PCI_COMMAND, ENABLED, 2);
    g_assert_cmpuint(fake.n_sent, ==, 1);
    g_assert_cmphex(fake.sent[0].data, ==, 0x40);
    g_assert_cmphex(fake_irqfd_of(e.fd)->data, ==, 0x51);
    msix_unbind(&f->t->pci, &b);
    event_notifier_finish(&e);
}

static void test_msix_bind_reports_a_lack_of_routes(Fixture *f,
                                                    gconstpointer data)
{
    EventNotifier e;
    MsixBinding b = { .notifier = &e, .vector = 0 };

    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    enable(f);
    set_control(f, PCI_MSIX_FLAGS_ENABLE);
    set_entry(f, 0, 0xfee00000, 0x30, 0);
    fake.fail_irqfd = true;
    g_assert_cmpint(msix_bind(&f->t->pci, &b), ==, -ENOSPC);
    msix_unbind(&f->t->pci, &b);
    event_notifier_finish(&e);
}

static void test_msix_ignores_odd_accesses(Fixture *f, gconstpointer data)
{
    enable(f);
    address_space_write(&f->m->memory, BAR1 + 12, 0, 1);
    address_space_write(&f->m->memory, BAR1 + 2, 0x55, 2);
    address_space_write(&f->m->memory, BAR1 + VECTORS * 16, 0x55, 4);
    address_space_write(&f->m->memory, BAR1 + f->t->pci.msix->pba_offset, 7, 8);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR1, 8), ==, 0);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR1 + 12, 4), ==, 1);
    g_assert_cmphex(pending(f), ==, 0);
    address_space_write(&f->m->memory, BAR1, UINT64_C(0x1fee00000), 8);
    g_assert_cmphex(address_space_read(&f->m->memory, BAR1 + 4, 4), ==, 1);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/pci/config/mechanisms", test_both_mechanisms_show_the_same);
    ADD("/pci/config/read-only", test_config_keeps_read_only_bits);
    ADD("/pci/bars", test_bars_size_move_and_disappear);
    ADD("/pci/intx", test_intx_obeys_disable);
    ADD("/pci/addresses", test_addresses_that_are_taken_are_refused);
    ADD("/pci/ecam", test_ecam_moves_with_pciexbar);
    ADD("/msix/capability", test_msix_capability_and_power_on_masks);
    ADD("/msix/notify", test_msix_notify_waits_for_the_mask);
    ADD("/msix/binding", test_msix_binding_follows_mask_and_message);
    ADD("/msix/bus-master", test_msix_waits_for_bus_mastering);
    ADD("/msix/no-route", test_msix_bind_reports_a_lack_of_routes);
    ADD("/msix/odd-accesses", test_msix_ignores_odd_accesses);
    return g_test_run();
}
