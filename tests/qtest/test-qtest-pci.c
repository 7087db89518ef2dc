/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI as the guest sees it: enumeration, configuration header, BARs, MSI-X.
 * Nothing here is particular to one program: it holds for QEMU as well.
 */
#include "libqos/virtio-pci.h"
#include "libqtest.h"
#include "scsi-machine.h"

/* Base class and subclass: PCI Code and ID Assignment, 1. */
#define CLASS_STORAGE_SCSI 0x0100
#define CLASS_BRIDGE_HOST  0x0600
#define CLASS_BRIDGE_ISA   0x0601

#define MCH_DEVFN    QPCI_DEVFN(0, 0)
#define LPC_DEVFN    QPCI_DEVFN(0x1f, 0)
#define ABSENT_DEVFN QPCI_DEVFN(0x15, 3)
#define MODERN_BAR   4 /* of virtio-pci, by QEMU's layout */
#define MSIX_BAR     1

/* A machine and its virtio SCSI adapter, enabled. */
typedef struct Fixture {
    ScsiMachine m;
    QPCIDevice *dev;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
    scsi_machine_start(&f->m, "num_queues=2", NULL);
    f->dev = qvirtio_pci_find(&f->m.bus, VIRTIO_ID_SCSI);
    qpci_device_enable(f->dev);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
    qpci_device_free(f->dev);
    fake_machine_stop(&f->m);
}

/* --- configuration space --- */

static void test_enumeration_both_mechanisms_agree(Fixture *f,
                                                   gconstpointer unused)
{
    unsigned found = 0;

    for (unsigned devfn = 0; devfn < QPCI_DEVFNS; devfn++) {
        uint32_t id = qpci_read_config(&f->m.bus, (uint8_t)devfn, 0, 4);

        g_assert_cmphex(qpci_read_pconfig(&f->m.bus, (uint8_t)devfn, 0, 4), ==,
                        id);
        found += id != UINT32_MAX;
    }
    g_assert_cmpuint(found, >=, 3); /* host bridge, LPC, adapter */
}

static void test_header_both_mechanisms_agree(Fixture *f, gconstpointer unused)
{
    for (unsigned reg = 0; reg < 256; reg += 4) {
        g_assert_cmphex(qpci_config_readl(f->dev, reg), ==,
                        qpci_read_pconfig(&f->m.bus, f->dev->devfn, reg, 4));
    }
}

static void test_chipset_is_q35(Fixture *f, gconstpointer unused)
{
    QPCIBus *bus = &f->m.bus;

    g_assert_cmphex(qpci_read_config(bus, MCH_DEVFN, 0, 4), ==, 0x29c08086);
    g_assert_cmphex(qpci_read_config(bus, MCH_DEVFN, PCI_CLASS_DEVICE, 2), ==,
                    CLASS_BRIDGE_HOST);
    g_assert_cmphex(qpci_read_config(bus, LPC_DEVFN, 0, 4), ==, 0x29188086);
    g_assert_cmphex(qpci_read_config(bus, LPC_DEVFN, PCI_CLASS_DEVICE, 2), ==,
                    CLASS_BRIDGE_ISA);
}

static void test_adapter_header_is_a_scsi_controller(Fixture *f,
                                                     gconstpointer unused)
{
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_VENDOR_ID), ==, 0x1af4);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_SUBSYSTEM_VENDOR_ID), ==,
                    0x1af4);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_CLASS_DEVICE), ==,
                    CLASS_STORAGE_SCSI);
    g_assert_cmphex(qpci_config_readb(f->dev, PCI_HEADER_TYPE), ==,
                    PCI_HEADER_TYPE_NORMAL);
    g_assert_cmphex(qpci_config_readb(f->dev, PCI_INTERRUPT_PIN), ==, 1);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_STATUS) & PCI_STATUS_CAP_LIST,
                    !=, 0);
}

static void test_absent_device_reads_ones(Fixture *f, gconstpointer unused)
{
    QPCIBus *bus = &f->m.bus;

    for (unsigned width = 1; width <= 4; width *= 2) {
        uint32_t ones = (uint32_t)(UINT64_MAX >> (64 - 8 * width));

        g_assert_cmphex(qpci_read_config(bus, ABSENT_DEVFN, 8, width), ==,
                        ones);
        g_assert_cmphex(qpci_read_pconfig(bus, ABSENT_DEVFN, 8, width), ==,
                        ones);
        qpci_write_config(bus, ABSENT_DEVFN, PCI_COMMAND, width, 0);
        qpci_write_pconfig(bus, ABSENT_DEVFN, PCI_COMMAND, width, 0);
    }
    /* A bus behind no bridge: ECAM of bus 1, device 0. */
    g_assert_cmphex(qtest_readl(f->m.qts, bus->ecam + MiB), ==, UINT32_MAX);
}

static void test_config_address_off_reads_ones(Fixture *f, gconstpointer unused)
{
    qtest_outl(f->m.qts, 0xcf8, 0); /* 00:00.0, but not enabled */
    g_assert_cmphex(qtest_inl(f->m.qts, 0xcfc), ==, UINT32_MAX);
}

/* Each width, each byte: the parts are those of the whole. */
static void test_config_widths_show_the_same_bytes(Fixture *f,
                                                   gconstpointer unused)
{
    QPCIBus *bus = &f->m.bus;

    for (unsigned reg = 0; reg < PCI_STD_HEADER_SIZEOF; reg++) {
        unsigned shift = 8 * (reg % 4);
        uint32_t whole = qpci_config_readl(f->dev, reg & ~3u) >> shift;

        g_assert_cmphex(qpci_config_readb(f->dev, reg), ==, whole & 0xff);
        g_assert_cmphex(qpci_read_pconfig(bus, f->dev->devfn, reg, 1), ==,
                        whole & 0xff);
        if (reg % 2 == 0) {
            g_assert_cmphex(qpci_config_readw(f->dev, reg), ==, whole & 0xffff);
            g_assert_cmphex(qpci_read_pconfig(bus, f->dev->devfn, reg, 2), ==,
                            whole & 0xffff);
        }
    }
}

/* An access that is not aligned shows the same bytes as well. */
static void test_config_unaligned_shows_the_same_bytes(Fixture *f,
                                                       gconstpointer unused)
{
    uint64_t at = f->m.bus.ecam + ((uint64_t)f->dev->devfn << 12);

    for (unsigned reg = 0; reg < 16; reg++) {
        uint32_t bytes = 0;

        for (unsigned i = 0; i < 4; i++) {
            bytes |= (uint32_t)qpci_config_readb(f->dev, reg + i) << (8 * i);
        }
        g_assert_cmphex(qtest_readl(f->m.qts, at + reg), ==, bytes);
        g_assert_cmphex(qtest_readw(f->m.qts, at + reg), ==, bytes & 0xffff);
    }
}

static void test_config_byte_write_keeps_its_neighbours(Fixture *f,
                                                        gconstpointer unused)
{
    uint32_t before = qpci_config_readl(f->dev, PCI_INTERRUPT_LINE);

    qpci_config_writeb(f->dev, PCI_INTERRUPT_LINE, 0x5a);
    g_assert_cmphex(qpci_config_readl(f->dev, PCI_INTERRUPT_LINE), ==,
                    (before & ~0xffu) | 0x5a);
    qpci_write_pconfig(&f->m.bus, f->dev->devfn, PCI_INTERRUPT_LINE, 1, 0xa5);
    g_assert_cmphex(qpci_config_readl(f->dev, PCI_INTERRUPT_LINE), ==,
                    (before & ~0xffu) | 0xa5);
}

static void test_identity_is_read_only(Fixture *f, gconstpointer unused)
{
    static const unsigned regs[] = { PCI_VENDOR_ID, PCI_CLASS_REVISION,
                                     PCI_SUBSYSTEM_VENDOR_ID,
                                     PCI_CAPABILITY_LIST };

    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        uint32_t before = qpci_config_readl(f->dev, regs[i]);

        qpci_config_writel(f->dev, regs[i], ~before);
        g_assert_cmphex(qpci_config_readl(f->dev, regs[i]), ==, before);
    }
}

/* --- capabilities --- */

/* qpci_find_capability() fails the test if the list is malformed; here each
 * capability must also end before the next of them begins. */
static void test_capabilities_do_not_overlap(Fixture *f, gconstpointer unused)
{
    uint8_t used[256] = { 0 };
    unsigned cap = qpci_config_readb(f->dev, PCI_CAPABILITY_LIST);
    unsigned n = 0;

    /* Walks to the end by an id that there is not. */
    g_assert_cmpuint(qpci_find_capability(f->dev, 0xff, 0), ==, 0);
    for (; cap; cap = qpci_config_readb(f->dev, cap + PCI_CAP_LIST_NEXT)) {
        uint8_t id = qpci_config_readb(f->dev, cap);
        unsigned len = id == PCI_CAP_ID_VNDR
                           ? qpci_config_readb(f->dev, cap + PCI_CAP_FLAGS)
                           : PCI_CAP_MSIX_SIZEOF;

        g_assert_true(id == PCI_CAP_ID_VNDR || id == PCI_CAP_ID_MSIX);
        g_assert_true(range_within(cap, len, sizeof(used)));
        for (unsigned i = cap; i < cap + len; i++) {
            g_assert_cmpuint(used[i]++, ==, 0);
        }
        n++;
    }
    g_assert_cmpuint(n, ==, 6); /* five of virtio, and MSI-X */
}

static void test_virtio_structures_do_not_overlap(Fixture *f,
                                                  gconstpointer unused)
{
    QVirtioPCI v;
    const QVirtioRegion *regions[] = { &v.common, &v.isr, &v.device,
                                       &v.notify };

    qvirtio_pci_init(&v, f->dev);
    for (unsigned i = 0; i < G_N_ELEMENTS(regions); i++) {
        const QVirtioRegion *a = regions[i];

        for (unsigned j = 0; j < i; j++) {
            const QVirtioRegion *b = regions[j];

            g_assert_true(a->bar != b->bar ||
                          a->offset + a->length <= b->offset ||
                          b->offset + b->length <= a->offset);
        }
    }
    /* 4.1.4.4.1: each queue's notify address lies within. */
    for (uint16_t q = 0; q < qvirtio_pci_num_queues(&v); q++) {
        uint64_t at = (uint64_t)qvirtio_pci_queue_notify_off(&v, q) *
                      v.notify_multiplier;

        g_assert_true(range_within(at, 2, v.notify.length));
    }
}

/* --- BARs and the command register --- */

static void test_bars_are_powers_of_two_and_keep_their_flags(
    Fixture *f, gconstpointer unused)
{
    g_assert_cmphex(f->dev->bars[MSIX_BAR].size, >=, 4096);
    g_assert_true(f->dev->bars[MODERN_BAR].is_64);
    g_assert_true(f->dev->bars[MODERN_BAR].is_prefetchable);
    g_assert_cmphex(f->dev->bars[MODERN_BAR].size, >=, 16 * KiB);
    for (unsigned n = 0; n < QPCI_BARS; n++) {
        const QPCIBar *bar = &f->dev->bars[n];

        g_assert_true(bar->size == 0 || is_power_of_2(bar->size));
    }
}

/* Where the adapter's status register answers, if it does. */
static bool status_answers_at(Fixture *f, uint64_t bar)
{
    QVirtioPCI v;
    uint64_t addr;

    qvirtio_pci_init(&v, f->dev);
    addr = bar + v.common.offset + VIRTIO_PCI_COMMON_STATUS;
    qtest_writeb(f->m.qts, addr, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    return qtest_readb(f->m.qts, addr) == VIRTIO_CONFIG_S_ACKNOWLEDGE;
}

static void test_bar_moves_with_its_register(Fixture *f, gconstpointer unused)
{
    uint64_t before = f->dev->bars[MODERN_BAR].addr;
    uint64_t after = before + 64 * MiB;

    g_assert_true(status_answers_at(f, before));
    qpci_bar_set(f->dev, MODERN_BAR, after);
    g_assert_true(status_answers_at(f, after));
    g_assert_false(status_answers_at(f, before));
    qpci_bar_set(f->dev, MODERN_BAR, 0xf0000000);
    g_assert_true(status_answers_at(f, 0xf0000000));
    g_assert_false(status_answers_at(f, after));
}

static void test_bar_is_off_without_memory_decoding(Fixture *f,
                                                    gconstpointer unused)
{
    uint64_t bar = f->dev->bars[MODERN_BAR].addr;
    uint16_t command = qpci_config_readw(f->dev, PCI_COMMAND);

    qpci_config_writew(f->dev, PCI_COMMAND,
                       command & (uint16_t)~PCI_COMMAND_MEMORY);
    g_assert_false(status_answers_at(f, bar));
    qpci_config_writew(f->dev, PCI_COMMAND, command);
    g_assert_true(status_answers_at(f, bar));
}

static void test_command_keeps_what_a_device_must_have(Fixture *f,
                                                       gconstpointer unused)
{
    const uint16_t bits = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                          PCI_COMMAND_INTX_DISABLE;

    qpci_config_writew(f->dev, PCI_COMMAND, bits);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_COMMAND), ==, bits);
    qpci_config_writew(f->dev, PCI_COMMAND, 0);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_COMMAND), ==, 0);
    /* Reserved bits stay zero (PCI 3.0, 6.2.2). */
    qpci_config_writew(f->dev, PCI_COMMAND, 0xf800);
    g_assert_cmphex(qpci_config_readw(f->dev, PCI_COMMAND), ==, 0);
}

/* --- MSI-X --- */

static void test_msix_table_and_pba_lie_in_their_bar(Fixture *f,
                                                     gconstpointer unused)
{
    QPCIDevice *dev = f->dev;
    uint64_t table, pba;

    qpci_msix_enable(dev, f->m.alloc);
    table = dev->n_vectors * (uint64_t)PCI_MSIX_ENTRY_SIZE;
    pba = round_up(dev->n_vectors, 64) / 8;
    g_assert_cmpuint(dev->n_vectors, >=, 3);
    g_assert_cmpuint(dev->table_bar, ==, MSIX_BAR);
    g_assert_cmpuint(dev->pba_bar, ==, MSIX_BAR);
    g_assert_true(
        range_within(dev->table_offset, table, dev->bars[MSIX_BAR].size));
    g_assert_true(range_within(dev->pba_offset, pba, dev->bars[MSIX_BAR].size));
    g_assert_true(dev->table_offset + table <= dev->pba_offset ||
                  dev->pba_offset + pba <= dev->table_offset);
    qpci_msix_disable(dev);
}

static void test_msix_table_keeps_what_is_written(Fixture *f,
                                                  gconstpointer unused)
{
    QPCIDevice *dev = f->dev;

    qpci_msix_enable(dev, f->m.alloc);
    for (unsigned i = 0; i < dev->n_vectors; i++) {
        qpci_msix_set_vector(dev, i);
        qpci_msix_mask(dev, i, i % 2);
    }
    for (unsigned i = 0; i < dev->n_vectors; i++) {
        uint64_t entry = dev->table_offset + i * PCI_MSIX_ENTRY_SIZE;

        g_assert_cmphex(
            qpci_io_readl(dev, MSIX_BAR, entry + PCI_MSIX_ENTRY_LOWER_ADDR), ==,
            dev->messages + 4 * i);
        g_assert_cmphex(
            qpci_io_readl(dev, MSIX_BAR, entry + PCI_MSIX_ENTRY_UPPER_ADDR), ==,
            0);
        g_assert_cmphex(
            qpci_io_readl(dev, MSIX_BAR, entry + PCI_MSIX_ENTRY_DATA), ==,
            qpci_msix_data(i));
        g_assert_cmphex(
            qpci_io_readl(dev, MSIX_BAR, entry + PCI_MSIX_ENTRY_VECTOR_CTRL) &
                PCI_MSIX_ENTRY_CTRL_MASKBIT,
            ==, i % 2);
        g_assert_false(qpci_msix_pending(dev, i));
        g_assert_false(qpci_msix_received(dev, i));
    }
    qpci_msix_disable(dev);
}

static void test_msix_is_masked_after_start(Fixture *f, gconstpointer unused)
{
    unsigned cap = qpci_find_capability(f->dev, PCI_CAP_ID_MSIX, 0);
    unsigned n;

    g_assert_cmpuint(cap, !=, 0);
    n = (qpci_config_readw(f->dev, cap + PCI_MSIX_FLAGS) &
         PCI_MSIX_FLAGS_QSIZE) +
        1u;
    g_assert_cmphex(qpci_config_readw(f->dev, cap + PCI_MSIX_FLAGS) &
                        PCI_MSIX_FLAGS_ENABLE,
                    ==, 0);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(
            qpci_io_readl(f->dev, MSIX_BAR,
                          i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL),
            ==, PCI_MSIX_ENTRY_CTRL_MASKBIT);
    }
}

typedef struct PciTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer unused);
} PciTest;

static const PciTest tests[] = {
    { "/pci/enumeration", test_enumeration_both_mechanisms_agree },
    { "/pci/config/mechanisms", test_header_both_mechanisms_agree },
    { "/pci/chipset", test_chipset_is_q35 },
    { "/pci/adapter", test_adapter_header_is_a_scsi_controller },
    { "/pci/absent", test_absent_device_reads_ones },
    { "/pci/config/address-off", test_config_address_off_reads_ones },
    { "/pci/config/widths", test_config_widths_show_the_same_bytes },
    { "/pci/config/unaligned", test_config_unaligned_shows_the_same_bytes },
    { "/pci/config/byte-write", test_config_byte_write_keeps_its_neighbours },
    { "/pci/config/identity", test_identity_is_read_only },
    { "/pci/capabilities/list", test_capabilities_do_not_overlap },
    { "/pci/capabilities/virtio", test_virtio_structures_do_not_overlap },
    { "/pci/bar/sizes", test_bars_are_powers_of_two_and_keep_their_flags },
    { "/pci/bar/moves", test_bar_moves_with_its_register },
    { "/pci/bar/off", test_bar_is_off_without_memory_decoding },
    { "/pci/command", test_command_keeps_what_a_device_must_have },
    { "/pci/msix/place", test_msix_table_and_pba_lie_in_their_bar },
    { "/pci/msix/table", test_msix_table_keeps_what_is_written },
    { "/pci/msix/reset", test_msix_is_masked_after_start },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run,
                   tear_down);
    }
    return g_test_run();
}
