/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/mch.h"
#include "hw/pci/pci-host.h"
#include "system/machine.h"

/* Registers of 00:00.0; Intel 3 Series datasheet, 5.1. */
#define MCH_PCIEXBAR         0x60
#define MCH_PCIEXBAR_ENABLE  0x1
#define MCH_PCIEXBAR_LENGTH  0x6 /* 256, 128, 64 MiB */
#define MCH_PCIEXBAR_ADDRESS UINT64_C(0xffc000000)

#define CONFIG_ADDRESS_ENABLE 0x80000000u

/* --- mechanism #1: PCI 3.0, 3.2.2.3.2 --- */

/* The address register takes 32-bit accesses only; smaller ones are for other
 * ports (0xcf9 lies within and has a region of its own). */
static uint64_t address_read(void *opaque, uint64_t offset, unsigned size)
{
    const Mch *host = opaque;

    return offset == 0 && size == 4 ? host->state.config_address : UINT32_MAX;
}

static void address_write(void *opaque, uint64_t offset, uint64_t value,
                          unsigned size)
{
    Mch *host = opaque;

    if (offset == 0 && size == 4) {
        host->state.config_address = (uint32_t)value & 0x80fffffc;
    }
}

static PciDevice *addressed_device(Mch *host)
{
    uint32_t a = host->state.config_address;

    return a & CONFIG_ADDRESS_ENABLE
               ? pci_host_find(&host->root, a >> 16 & 0xff, a >> 8 & 0xff)
               : NULL;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned size)
{
    Mch *host = opaque;

    return pci_host_read(addressed_device(host),
                         (host->state.config_address & 0xfc) + (uint32_t)offset,
                         size);
}

static void data_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    Mch *host = opaque;

    pci_host_write(addressed_device(host),
                   (host->state.config_address & 0xfc) + (uint32_t)offset,
                   value, size);
}

static const MemoryRegionOps address_ops = {
    .read = address_read,
    .write = address_write,
};
static const MemoryRegionOps data_ops = {
    .read = data_read,
    .write = data_write,
};

static void update_ecam(Mch *host)
{
    uint8_t *reg = host->dev.state.config + MCH_PCIEXBAR;
    uint64_t bar = pci_get_long(reg) | (uint64_t)pci_get_long(reg + 4) << 32;
    unsigned length = (unsigned)(bar & MCH_PCIEXBAR_LENGTH) >> 1;

    memory_region_unmap(&host->ecam_region);
    if ((bar & MCH_PCIEXBAR_ENABLE) && length < 3) {
        uint64_t size = MCH_ECAM_SIZE >> length;

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
        update_ecam(container_of(dev, Mch, dev));
    }
}

static const PciDeviceOps mch_ops = {
    .config_read = pci_config_read,
    .config_write = mch_config_write,
};

static void mch_instance_init(Device *dev)
{
    Mch *host = container_of(pci_device_from(dev), Mch, dev);
    Machine *m = dev->machine;

    pci_bus_init(&host->root, m, "pcie.0");
    memory_region_init(&host->address_region, "pci-config-address",
                       &address_ops, host, 4);
    memory_region_init(&host->data_region, "pci-config-data", &data_ops, host,
                       4);
    pcie_ecam_init(&host->ecam_region, &host->root, MCH_ECAM_SIZE);
}

static bool mch_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = {
        .vendor = 0x8086,
        .device = 0x29c0,
        .class_code = 0x0600, /* bridge, host */
    };
    Mch *host = container_of(pci_device_from(dev), Mch, dev);

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
    Mch *host = container_of(pci_device_from(dev), Mch, dev);

    memory_region_unmap(&host->address_region);
    memory_region_unmap(&host->data_region);
    memory_region_unmap(&host->ecam_region);
    pci_device_unplug(&host->dev);
    pci_bus_finish(&host->root);
}

static void mch_reset(Device *dev)
{
    Mch *host = container_of(pci_device_from(dev), Mch, dev);

    pci_device_reset(&host->dev);
    host->state.config_address = 0;
    update_ecam(host);
}

const DeviceType mch_type = {
    .name = "mch",
    .summary = "q35 memory controller hub, PCIe host bridge",
    .bus = BUS_PCI,
    .size = sizeof(Mch),
    .bus_props = pci_bus_props,
    .instance_init = mch_instance_init,
    .realize = mch_realize,
    .unrealize = mch_unrealize,
    .reset = mch_reset,
};

Mch *mch_new(Machine *machine, GError **errp)
{
    Device *dev = device_new(&machine->tree, &mch_type);

    if (!device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return container_of(pci_device_from(dev), Mch, dev);
}

void mch_setup_ecam(Mch *host, uint64_t base)
{
    uint8_t *reg = host->dev.state.config + MCH_PCIEXBAR;

    pci_set_long(reg, (uint32_t)base | MCH_PCIEXBAR_ENABLE);
    pci_set_long(reg + 4, (uint32_t)(base >> 32));
    update_ecam(host);
}
