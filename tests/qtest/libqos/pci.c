/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/malloc.h"
#include "libqos/pci.h"

#define CONFIG_ADDRESS   0xcf8
#define CONFIG_DATA      0xcfc
#define PCIEXBAR_ENABLE  UINT64_C(1)
#define PCIEXBAR_ADDRESS UINT64_C(0xffc000000)

/* Free on every q35: below the I/O APIC, above RAM, off the board's ports. */
#define MMIO_START  UINT64_C(0xe0000000)
#define MMIO64_BASE UINT64_C(0x800000000)
#define PORT_START  0xc000

/* --- configuration space --- */

/* One access of @width bytes by address; ports and memory differ in name
 * only. */
static uint32_t read_memory(QTestState *s, uint64_t addr, unsigned width)
{
    switch (width) {
    case 1:
        return qtest_readb(s, addr);
    case 2:
        return qtest_readw(s, addr);
    default:
        return qtest_readl(s, addr);
    }
}

static void write_memory(QTestState *s, uint64_t addr, unsigned width,
                         uint32_t value)
{
    switch (width) {
    case 1:
        qtest_writeb(s, addr, (uint8_t)value);
        break;
    case 2:
        qtest_writew(s, addr, (uint16_t)value);
        break;
    default:
        qtest_writel(s, addr, value);
        break;
    }
}

static uint32_t read_port(QTestState *s, uint16_t port, unsigned width)
{
    switch (width) {
    case 1:
        return qtest_inb(s, port);
    case 2:
        return qtest_inw(s, port);
    default:
        return qtest_inl(s, port);
    }
}

static void write_port(QTestState *s, uint16_t port, unsigned width,
                       uint32_t value)
{
    switch (width) {
    case 1:
        qtest_outb(s, port, (uint8_t)value);
        break;
    case 2:
        qtest_outw(s, port, (uint16_t)value);
        break;
    default:
        qtest_outl(s, port, value);
        break;
    }
}

uint32_t qpci_read_config(QPCIBus *bus, uint8_t devfn, unsigned reg,
                          unsigned width)
{
    return read_memory(bus->qts, bus->ecam + ((uint64_t)devfn << 12) + reg,
                       width);
}

void qpci_write_config(QPCIBus *bus, uint8_t devfn, unsigned reg,
                       unsigned width, uint32_t value)
{
    write_memory(bus->qts, bus->ecam + ((uint64_t)devfn << 12) + reg, width,
                 value);
}

/* Points 0xcfc at the register's dword and returns the port of its byte. */
static uint16_t select_register(QPCIBus *bus, uint8_t devfn, unsigned reg)
{
    g_assert_cmpuint(reg, <, 256);
    qtest_outl(bus->qts, CONFIG_ADDRESS,
               0x80000000u | (uint32_t)devfn << 8 | (reg & 0xfc));
    return (uint16_t)(CONFIG_DATA + (reg & 3));
}

uint32_t qpci_read_pconfig(QPCIBus *bus, uint8_t devfn, unsigned reg,
                           unsigned width)
{
    return read_port(bus->qts, select_register(bus, devfn, reg), width);
}

void qpci_write_pconfig(QPCIBus *bus, uint8_t devfn, unsigned reg,
                        unsigned width, uint32_t value)
{
    write_port(bus->qts, select_register(bus, devfn, reg), width, value);
}

uint8_t qpci_config_readb(QPCIDevice *dev, unsigned reg)
{
    return (uint8_t)qpci_read_config(dev->bus, dev->devfn, reg, 1);
}

uint16_t qpci_config_readw(QPCIDevice *dev, unsigned reg)
{
    return (uint16_t)qpci_read_config(dev->bus, dev->devfn, reg, 2);
}

uint32_t qpci_config_readl(QPCIDevice *dev, unsigned reg)
{
    return qpci_read_config(dev->bus, dev->devfn, reg, 4);
}

void qpci_config_writeb(QPCIDevice *dev, unsigned reg, uint8_t value)
{
    qpci_write_config(dev->bus, dev->devfn, reg, 1, value);
}

void qpci_config_writew(QPCIDevice *dev, unsigned reg, uint16_t value)
{
    qpci_write_config(dev->bus, dev->devfn, reg, 2, value);
}

void qpci_config_writel(QPCIDevice *dev, unsigned reg, uint32_t value)
{
    qpci_write_config(dev->bus, dev->devfn, reg, 4, value);
}

void qpci_init(QPCIBus *bus, QTestState *s)
{
    uint64_t reg;

    *bus =
        (QPCIBus){ .qts = s, .next_mmio = MMIO_START, .next_port = PORT_START };
    reg = qpci_read_pconfig(bus, 0, QPCI_MCH_PCIEXBAR, 4) |
          (uint64_t)qpci_read_pconfig(bus, 0, QPCI_MCH_PCIEXBAR + 4, 4) << 32;
    if (!(reg & PCIEXBAR_ENABLE)) {
        reg = QPCI_ECAM_BASE | PCIEXBAR_ENABLE;
        qpci_write_pconfig(bus, 0, QPCI_MCH_PCIEXBAR + 4, 4,
                           (uint32_t)(reg >> 32));
        qpci_write_pconfig(bus, 0, QPCI_MCH_PCIEXBAR, 4, (uint32_t)reg);
    }
    bus->ecam = reg & PCIEXBAR_ADDRESS;
}

/* --- devices --- */

QPCIDevice *qpci_device_at(QPCIBus *bus, uint8_t devfn)
{
    QPCIDevice *dev;

    if (qpci_read_config(bus, devfn, PCI_VENDOR_ID, 2) == 0xffff) {
        return NULL;
    }
    dev = g_new0(QPCIDevice, 1);
    dev->bus = bus;
    dev->devfn = devfn;
    return dev;
}

QPCIDevice *qpci_device_find(QPCIBus *bus, uint16_t vendor, uint16_t device)
{
    uint32_t id = vendor | (uint32_t)device << 16;

    for (unsigned devfn = 0; devfn < QPCI_DEVFNS; devfn++) {
        if (qpci_read_config(bus, (uint8_t)devfn, PCI_VENDOR_ID, 4) == id) {
            return qpci_device_at(bus, (uint8_t)devfn);
        }
    }
    qtest_fail(bus->qts, "no PCI device %04x:%04x", vendor, device);
}

void qpci_device_free(QPCIDevice *dev)
{
    if (dev && dev->messages) {
        guest_free(dev->alloc, dev->messages);
    }
    g_free(dev);
}

unsigned qpci_find_capability(QPCIDevice *dev, uint8_t id, unsigned after)
{
    unsigned offset = after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST;

    if (!(qpci_config_readw(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST)) {
        return 0;
    }
    for (unsigned n = 0; n <= QPCI_CAPS_MAX; n++) {
        unsigned cap = qpci_config_readb(dev, offset);

        if (!cap) {
            return 0;
        }
        if (cap < PCI_STD_HEADER_SIZEOF || cap % 4) {
            qtest_fail(dev->bus->qts, "capability at 0x%x of %02x.%x", cap,
                       dev->devfn >> 3, dev->devfn & 7);
        }
        if (qpci_config_readb(dev, cap + PCI_CAP_LIST_ID) == id) {
            return cap;
        }
        offset = cap + PCI_CAP_LIST_NEXT;
    }
    qtest_fail(dev->bus->qts, "the capabilities of %02x.%x form a loop",
               dev->devfn >> 3, dev->devfn & 7);
}

/* --- BARs --- */

static unsigned bar_reg(unsigned n)
{
    return PCI_BASE_ADDRESS_0 + 4 * n;
}

/* PCI 3.0, 6.2.5.1: of all ones written, the address bits below the size read
 * as zero. */
QPCIBar qpci_bar_probe(QPCIDevice *dev, unsigned n)
{
    uint32_t old = qpci_config_readl(dev, bar_reg(n));
    QPCIBar bar = { .is_io = old & PCI_BASE_ADDRESS_SPACE_IO };
    uint64_t mask;

    bar.is_64 = !bar.is_io && (old & PCI_BASE_ADDRESS_MEM_TYPE_64);
    bar.is_prefetchable = !bar.is_io && (old & PCI_BASE_ADDRESS_MEM_PREFETCH);
    qpci_config_writel(dev, bar_reg(n), UINT32_MAX);
    mask = qpci_config_readl(dev, bar_reg(n));
    qpci_config_writel(dev, bar_reg(n), old);
    mask &= bar.is_io ? PCI_BASE_ADDRESS_IO_MASK : PCI_BASE_ADDRESS_MEM_MASK;
    if (bar.is_64) {
        uint32_t high = qpci_config_readl(dev, bar_reg(n + 1));

        qpci_config_writel(dev, bar_reg(n + 1), UINT32_MAX);
        mask |= (uint64_t)qpci_config_readl(dev, bar_reg(n + 1)) << 32;
        qpci_config_writel(dev, bar_reg(n + 1), high);
    } else if (mask) {
        /* I/O BARs may leave the upper 16 bits out. */
        mask |= ~(uint64_t)UINT32_MAX | (bar.is_io ? 0xffff0000u : 0);
    }
    bar.size = mask ? ~mask + 1 : 0;
    return bar;
}

void qpci_bar_set(QPCIDevice *dev, unsigned n, uint64_t addr)
{
    qpci_config_writel(dev, bar_reg(n), (uint32_t)addr);
    if (dev->bars[n].is_64) {
        qpci_config_writel(dev, bar_reg(n + 1), (uint32_t)(addr >> 32));
    }
    dev->bars[n].addr = addr;
}

/* The next place for a BAR, aligned to its size. One bump for all memory BARs:
 * those above 4 GiB only add a base. */
static uint64_t choose_address(QPCIBus *bus, const QPCIBar *bar)
{
    uint64_t addr;

    if (bar->is_io) {
        addr = round_up(bus->next_port, bar->size);
        g_assert_cmphex(addr + bar->size, <=, 0x10000);
        bus->next_port = (uint16_t)(addr + bar->size);
        return addr;
    }
    addr = round_up(bus->next_mmio, bar->size);
    g_assert_cmphex(addr + bar->size, <=, 0xfec00000);
    bus->next_mmio = addr + bar->size;
    return bar->is_64 && bar->is_prefetchable ? MMIO64_BASE + addr : addr;
}

void qpci_device_enable(QPCIDevice *dev)
{
    uint16_t command = qpci_config_readw(dev, PCI_COMMAND);

    command &= (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    qpci_config_writew(dev, PCI_COMMAND, command);
    for (unsigned n = 0; n < QPCI_BARS; n++) {
        dev->bars[n] = qpci_bar_probe(dev, n);
        if (dev->bars[n].size) {
            qpci_bar_set(dev, n, choose_address(dev->bus, &dev->bars[n]));
        }
        if (dev->bars[n].is_64) {
            n++; /* the upper half is no BAR of its own */
        }
    }
    qpci_config_writew(dev, PCI_COMMAND,
                       command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
                           PCI_COMMAND_MASTER);
}

static uint32_t io_read(QPCIDevice *dev, unsigned n, uint64_t offset,
                        unsigned width)
{
    const QPCIBar *bar = &dev->bars[n];

    g_assert_true(range_within(offset, width, bar->size));
    return bar->is_io
               ? read_port(dev->bus->qts, (uint16_t)(bar->addr + offset), width)
               : read_memory(dev->bus->qts, bar->addr + offset, width);
}

static void io_write(QPCIDevice *dev, unsigned n, uint64_t offset,
                     unsigned width, uint32_t value)
{
    const QPCIBar *bar = &dev->bars[n];

    g_assert_true(range_within(offset, width, bar->size));
    if (bar->is_io) {
        write_port(dev->bus->qts, (uint16_t)(bar->addr + offset), width, value);
    } else {
        write_memory(dev->bus->qts, bar->addr + offset, width, value);
    }
}

uint8_t qpci_io_readb(QPCIDevice *dev, unsigned bar, uint64_t offset)
{
    return (uint8_t)io_read(dev, bar, offset, 1);
}

uint16_t qpci_io_readw(QPCIDevice *dev, unsigned bar, uint64_t offset)
{
    return (uint16_t)io_read(dev, bar, offset, 2);
}

uint32_t qpci_io_readl(QPCIDevice *dev, unsigned bar, uint64_t offset)
{
    return io_read(dev, bar, offset, 4);
}

void qpci_io_writeb(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint8_t value)
{
    io_write(dev, bar, offset, 1, value);
}

void qpci_io_writew(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint16_t value)
{
    io_write(dev, bar, offset, 2, value);
}

void qpci_io_writel(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint32_t value)
{
    io_write(dev, bar, offset, 4, value);
}
