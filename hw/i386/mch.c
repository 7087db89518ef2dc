/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/mch.h"
#include "hw/pci/pci-host.h"
#include "system/machine.h"
#include "util/error.h"

/* Registers of 00:00.0; Intel 3 Series datasheet, 5.1. */
#define MCH_PCIEXBAR         0x60
#define MCH_PCIEXBAR_ENABLE  0x1
#define MCH_PCIEXBAR_LENGTH  0x6 /* 256, 128, 64 MiB */
#define MCH_PCIEXBAR_ADDRESS UINT64_C(0xffc000000)

/* PAM0 is for 0xf0000 and has its attributes in the high nibble; each register
 * behind it is for two pieces of 16 KiB from 0xc0000 on, the low nibble first. */
#define MCH_PAM       0x90
#define MCH_PAM_COUNT 7
#define PAM_BASE      0xc0000u
#define PAM_UNIT      0x4000u
#define PAM_UNITS     16
#define PAM_UNITS_LOW 12 /* those below 0xf0000 */
#define PAM_WRITABLE  0x33

/* What of an access goes to RAM; the rest goes to the ROM. */
enum {
    PAM_READ = 1,
    PAM_WRITE = 2,
};

/* There is no SMM: its RAM, the compatible segment at 0xa0000, is closed, and
 * the register locked, so that nobody can open it. */
#define MCH_SMRAM         0x9d
#define MCH_SMRAM_SEGMENT 0x02
#define MCH_SMRAM_LOCKED  0x10

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

/* --- PAM --- */

static unsigned pam_of_unit(const Mch *host, unsigned unit)
{
    const uint8_t *pam = host->dev.state.config + MCH_PAM;

    if (unit >= PAM_UNITS_LOW) {
        return pam[0] >> 4;
    }
    return pam[1 + unit / 2] >> (unit % 2 ? 4 : 0) & (PAM_READ | PAM_WRITE);
}

/* What a processor reads without an exit. A write that is not to RAM, or not
 * where it reads from, is one to the region. */
static MemorySlot pam_slot(const Mch *host, unsigned unit)
{
    unsigned pam = pam_of_unit(host, unit);
    MemorySlot slot = { .gpa = PAM_BASE + unit * PAM_UNIT, .size = PAM_UNIT };
    uint64_t rom_base = MiB - host->rom_size;

    if (pam & PAM_READ) {
        slot.host = guest_ram_ptr(&host->dev.dev.machine->ram, slot.gpa,
                                  slot.size);
        slot.readonly = !(pam & PAM_WRITE);
    } else if (slot.gpa >= rom_base) {
        /* Nobody writes there: the slot is read-only. */
        slot.host = (uint8_t *)host->rom + (slot.gpa - rom_base);
        slot.readonly = true;
    }
    return slot;
}

static bool goes_on_with(const MemorySlot *slot, const MemorySlot *next)
{
    return slot->host ? next->host == slot->host + slot->size &&
                            next->readonly == slot->readonly
                      : !next->host;
}

/* Few slots: a run of equal pieces is one. */
static void update_pam(Mch *host)
{
    Machine *m = host->dev.dev.machine;
    unsigned unit = 0;

    while (host->rom && unit < PAM_UNITS) {
        MemorySlot slot = pam_slot(host, unit++);
        int r;

        while (unit < PAM_UNITS) {
            MemorySlot next = pam_slot(host, unit);

            if (!goes_on_with(&slot, &next)) {
                break;
            }
            slot.size += next.size;
            unit++;
        }
        r = memory_map_set(m, &slot);
        if (r < 0) {
            error_report("mch: the accelerator cannot map memory at 0x%" PRIx64
                         ": %s; the machine stops",
                         slot.gpa, g_strerror(-r));
            vm_stop_request(m, RUN_STATE_INTERNAL_ERROR);
        }
    }
}

static uint64_t pam_region_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

/* Where writes alone go to RAM, firmware copies itself there. */
static void pam_region_write(void *opaque, uint64_t offset, uint64_t value,
                             unsigned size)
{
    Mch *host = opaque;

    for (unsigned i = 0; i < size; i++) {
        unsigned pam = pam_of_unit(host, (unsigned)(offset + i) / PAM_UNIT);
        uint8_t byte = (uint8_t)(value >> (8 * i));

        if (pam & PAM_WRITE) {
            guest_ram_write(&host->dev.dev.machine->ram, PAM_BASE + offset + i,
                            &byte, 1);
        }
    }
}

static const MemoryRegionOps pam_ops = {
    .read = pam_region_read,
    .write = pam_region_write,
};

/* --- configuration space --- */

static bool touches(uint32_t addr, unsigned len, unsigned reg, unsigned n)
{
    return addr + len > reg && addr < reg + n;
}

static void mch_config_write(PciDevice *dev, uint32_t addr, uint32_t value,
                             unsigned len)
{
    Mch *host = container_of(dev, Mch, dev);

    pci_config_write(dev, addr, value, len);
    if (touches(addr, len, MCH_PCIEXBAR, 8)) {
        update_ecam(host);
    }
    if (touches(addr, len, MCH_PAM, MCH_PAM_COUNT)) {
        update_pam(host);
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
    memory_region_init(&host->pam_region, "pam", &pam_ops, host,
                       PAM_UNITS * PAM_UNIT);
    host->pam_region.priority = 1; /* over any BAR that a guest puts there */
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
    host->dev.state.config[MCH_SMRAM] = MCH_SMRAM_SEGMENT | MCH_SMRAM_LOCKED;
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
    memory_region_unmap(&host->pam_region);
    pci_device_unplug(&host->dev);
    pci_bus_finish(&host->root);
}

static void mch_reset(Device *dev)
{
    Mch *host = container_of(pci_device_from(dev), Mch, dev);

    pci_device_reset(&host->dev);
    host->state.config_address = 0;
    update_ecam(host);
    update_pam(host);
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

uint64_t mch_ecam_base(const Mch *host, unsigned *ret_buses)
{
    *ret_buses = (unsigned)(host->ecam_region.size / MiB);
    return host->ecam_region.as ? host->ecam_region.base : 0;
}

void mch_set_rom(Mch *host, const uint8_t *rom, uint64_t size)
{
    assert(!host->rom && size <= MCH_ROM_MAX && !(size % MCH_ROM_UNIT));
    static_assert(MCH_ROM_UNIT % PAM_UNIT == 0, "pieces");
    host->rom = rom;
    host->rom_size = size;
    host->dev.wmask[MCH_PAM] = PAM_WRITABLE & 0xf0;
    memset(host->dev.wmask + MCH_PAM + 1, PAM_WRITABLE, MCH_PAM_COUNT - 1);
    memory_region_map(&host->pam_region, &host->dev.dev.machine->memory,
                      PAM_BASE);
}
