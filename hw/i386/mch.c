/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/mch.h"
#include "system/machine.h"
#include "util/log.h"

/* Registers of 00:00.0; Intel 3 Series datasheet, 5.1. */
#define MCH_PCIEXBAR         0x60
#define MCH_PCIEXBAR_ENABLE  0x1
#define MCH_PCIEXBAR_LENGTH  0x6 /* 256, 128, 64 MiB */
#define MCH_PCIEXBAR_ADDRESS UINT64_C(0xffc000000)

#define CONFIG_ADDRESS_ENABLE 0x80000000u

static PciDevice *find_device(PciHost *host, unsigned bus, uint8_t devfn)
{
    const PciBus *b = pci_bus_find(&host->root, bus);

    return b && !b->off ? b->devices[devfn] : NULL;
}

/* One aligned access within the device's configuration space. */
static uint32_t device_read(PciDevice *dev, uint32_t addr, unsigned len)
{
    uint32_t limit = dev && dev->is_express ? PCIE_CONFIG_SIZE
                                            : PCI_CONFIG_SIZE;
    uint32_t value = UINT32_MAX;

    if (!dev) {
        return value;
    }
    if (addr + len <= limit) {
        value = dev->ops->config_read(dev, addr, len);
    }
    trace(pci_config_read, "%s addr=0x%x len=%u value=0x%x",
          device_label(&dev->dev), addr, len, value);
    return value;
}

static void device_write(PciDevice *dev, uint32_t addr, uint32_t value,
                         unsigned len)
{
    uint32_t limit = dev && dev->is_express ? PCIE_CONFIG_SIZE
                                            : PCI_CONFIG_SIZE;

    if (!dev) {
        return;
    }
    trace(pci_config_write, "%s addr=0x%x len=%u value=0x%x",
          device_label(&dev->dev), addr, len, value);
    if (addr + len <= limit) {
        dev->ops->config_write(dev, addr, value, len);
    }
}

/* Splits an access into aligned ones of at most four bytes. */
static uint64_t config_read(PciDevice *dev, uint32_t addr, unsigned size)
{
    uint64_t value = 0;

    if (size <= 4 && addr % size == 0) {
        return device_read(dev, addr, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)(device_read(dev, addr + i, 1) & 0xff) << (8 * i);
    }
    return value;
}

static void config_write(PciDevice *dev, uint32_t addr, uint64_t value,
                         unsigned size)
{
    if (size <= 4 && addr % size == 0) {
        device_write(dev, addr, (uint32_t)value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        device_write(dev, addr + i, value >> (8 * i) & 0xff, 1);
    }
}

/* --- mechanism #1: PCI 3.0, 3.2.2.3.2 --- */

/* The address register takes 32-bit accesses only; smaller ones are for other
 * ports (0xcf9 lies within and has a region of its own). */
static uint64_t address_read(void *opaque, uint64_t offset, unsigned size)
{
    const PciHost *host = opaque;

    return offset == 0 && size == 4 ? host->config_address : UINT32_MAX;
}

static void address_write(void *opaque, uint64_t offset, uint64_t value,
                          unsigned size)
{
    PciHost *host = opaque;

    if (offset == 0 && size == 4) {
        host->config_address = (uint32_t)value & 0x80fffffc;
    }
}

static PciDevice *addressed_device(PciHost *host)
{
    uint32_t a = host->config_address;

    return a & CONFIG_ADDRESS_ENABLE
               ? find_device(host, a >> 16 & 0xff, a >> 8 & 0xff)
               : NULL;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    PciHost *host = opaque;

    return config_read(addressed_device(host),
                       (host->config_address & 0xfc) + (uint32_t)offset, size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    PciHost *host = opaque;

    config_write(addressed_device(host),
                 (host->config_address & 0xfc) + (uint32_t)offset, value, size);
}

static const MemoryRegionOps address_ops = {
    .read = address_read,
    .write = address_write,
};
static const MemoryRegionOps data_ops = {
    .read = data_read,
    .write = data_write,
};

/* --- ECAM: PCI Express 5.0, 7.2.2 --- */

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned size)
{
    return config_read(
        find_device(opaque, (unsigned)(offset >> 20), (uint8_t)(offset >> 12)),
        offset & 0xfff, size);
}

static void ecam_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    config_write(
        find_device(opaque, (unsigned)(offset >> 20), (uint8_t)(offset >> 12)),
        offset & 0xfff, value, size);
}

static const MemoryRegionOps ecam_ops = {
    .read = ecam_read,
    .write = ecam_write,
};

static void update_ecam(PciHost *host)
{
    uint8_t *reg = host->dev.state.config + MCH_PCIEXBAR;
    uint64_t bar = pci_get_long(reg) | (uint64_t)pci_get_long(reg + 4) << 32;
    unsigned length = (unsigned)(bar & MCH_PCIEXBAR_LENGTH) >> 1;

    memory_region_unmap(&host->ecam_region);
    if ((bar & MCH_PCIEXBAR_ENABLE) && length < 3) {
        uint64_t size = PCIE_ECAM_SIZE >> length;

        host->ecam_region.size = size;
        memory_region_map(&host->ecam_region, &host->dev.dev.machine->memory,
                          bar & MCH_PCIEXBAR_ADDRESS & ~(size - 1));
    }
}

static void mch_config_write(PciDevice *dev, uint32_t addr, uint32_t value,
                             unsigned len)
{
    pci_config_write(dev, addr, value, len);
    if (addr + len > MCH_PCIEXBAR && addr < MCH_PCIEXBAR + 8) {
        update_ecam(container_of(dev, PciHost, dev));
    }
}

static const PciDeviceOps mch_ops = {
    .config_read = pci_config_read,
    .config_write = mch_config_write,
};

static void mch_instance_init(Device *dev)
{
    PciHost *host = container_of(pci_device_from(dev), PciHost, dev);
    Machine *m = dev->machine;

    pci_bus_init(&host->root, m, "pcie.0");
    memory_region_init(&host->address_region, "pci-config-address",
                       &address_ops, host, 4);
    memory_region_init(&host->data_region, "pci-config-data", &data_ops, host,
                       4);
    memory_region_init(&host->ecam_region, "pcie-ecam", &ecam_ops, host,
                       PCIE_ECAM_SIZE);
    /* Platform registers win over whatever BAR a guest puts upon them. */
    host->ecam_region.priority = 1;
}

static bool mch_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = {
        .vendor = 0x8086,
        .device = 0x29c0,
        .class_code = 0x0600, /* bridge, host */
    };
    PciHost *host = container_of(pci_device_from(dev), PciHost, dev);

    pci_device_init(&host->dev, &id, &mch_ops);
    pci_set_long(host->dev.wmask + MCH_PCIEXBAR,
                 (uint32_t)MCH_PCIEXBAR_ADDRESS | MCH_PCIEXBAR_LENGTH |
                     MCH_PCIEXBAR_ENABLE);
    pci_set_long(host->dev.wmask + MCH_PCIEXBAR + 4,
                 (uint32_t)(MCH_PCIEXBAR_ADDRESS >> 32));
    host->dev.addr = PCI_DEVFN(0, 0);
    if (!pci_device_plug(&host->dev, errp)) {
        return false;
    }
    memory_region_map(&host->address_region, &dev->machine->io, 0xcf8);
    memory_region_map(&host->data_region, &dev->machine->io, 0xcfc);
    return true;
}

static void mch_unrealize(Device *dev)
{
    PciHost *host = container_of(pci_device_from(dev), PciHost, dev);

    memory_region_unmap(&host->address_region);
    memory_region_unmap(&host->data_region);
    memory_region_unmap(&host->ecam_region);
    pci_device_unplug(&host->dev);
    pci_bus_finish(&host->root);
}

static void mch_reset(Device *dev)
{
    PciHost *host = container_of(pci_device_from(dev), PciHost, dev);

    pci_device_reset(&host->dev);
    host->config_address = 0;
    update_ecam(host);
}

const DeviceType mch_type = {
    .name = "mch",
    .summary = "q35 memory controller hub, PCIe host bridge",
    .bus = BUS_PCI,
    .size = sizeof(PciHost),
    .bus_props = pci_bus_props,
    .instance_init = mch_instance_init,
    .realize = mch_realize,
    .unrealize = mch_unrealize,
    .reset = mch_reset,
};

PciHost *pci_host_new(Machine *machine, GError **errp)
{
    Device *dev = device_new(&machine->tree, &mch_type);

    if (!device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return container_of(pci_device_from(dev), PciHost, dev);
}

void pci_host_setup_ecam(PciHost *host, uint64_t base)
{
    uint8_t *reg = host->dev.state.config + MCH_PCIEXBAR;

    pci_set_long(reg, (uint32_t)base | MCH_PCIEXBAR_ENABLE);
    pci_set_long(reg + 4, (uint32_t)(base >> 32));
    update_ecam(host);
}
