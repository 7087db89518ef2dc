/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pci-host.h"
#include "util/log.h"

PciDevice *pci_host_find(PciBus *root, unsigned bus, uint8_t devfn)
{
    const PciBus *b = pci_bus_find(root, bus);

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
uint64_t pci_host_read(PciDevice *dev, uint32_t addr, unsigned size)
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

void pci_host_write(PciDevice *dev, uint32_t addr, uint64_t value,
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

static PciDevice *ecam_device(PciBus *root, uint64_t offset)
{
    return pci_host_find(root, (unsigned)(offset >> 20),
                         (uint8_t)(offset >> 12));
}

static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned size)
{
    return pci_host_read(ecam_device(opaque, offset), offset & 0xfff, size);
}

static void ecam_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    pci_host_write(ecam_device(opaque, offset), offset & 0xfff, value, size);
}

static const MemoryRegionOps ecam_ops = {
    .read = ecam_read,
    .write = ecam_write,
};

void pcie_ecam_init(MemoryRegion *region, PciBus *root, uint64_t size)
{
    memory_region_init(region, "pcie-ecam", &ecam_ops, root, size);
    /* Platform registers win over whatever BAR a guest puts upon them. */
    region->priority = 1;
}
