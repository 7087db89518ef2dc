/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pci.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

const Property pci_bus_props[] = {
    PROP_PCI_ADDR("addr", PciDevice, addr,
                  .summary = "slot and function on the bus"),
    PROP_BOOL("multifunction", PciDevice, multifunction,
              .summary = "the slot has further functions"),
    PROP_STRING("romfile", PciDevice, romfile,
                .summary = "expansion ROM: no device has one, so only empty"),
    PROP_U32("rombar", PciDevice, rombar, .def = 1, .max = 1,
             .summary = "the ROM that no device has gets a BAR"),
    { 0 },
};

const PciDeviceOps pci_default_ops = {
    .config_read = pci_config_read,
    .config_write = pci_config_write,
};

void pci_bus_init(PciBus *bus, Machine *machine, const char *name)
{
    *bus = (PciBus){
        .bus = { .type = BUS_PCI, .name = name },
        .machine = machine,
        .n_slots = PCI_SLOTS_MAX,
    };
    g_ptr_array_add(machine->tree.buses, &bus->bus);
}

void pci_bus_finish(PciBus *bus)
{
    if (bus->machine) {
        g_ptr_array_remove(bus->machine->tree.buses, &bus->bus);
        bus->machine = NULL;
    }
}

PciBus *pci_bus_find(PciBus *root, unsigned number)
{
    if (number == 0) {
        return root;
    }
    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        const PciDevice *dev = root->devices[i];

        if (dev && dev->secondary &&
            dev->state.config[PCI_SECONDARY_BUS] == number &&
            dev->state.config[PCI_SUBORDINATE_BUS] >= number) {
            return dev->secondary;
        }
    }
    return NULL;
}

unsigned pci_bus_count(const PciBus *root)
{
    unsigned n = 1;

    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        n += root->devices[i] && root->devices[i]->secondary;
    }
    return n;
}

unsigned pci_bus_last(const PciBus *root)
{
    unsigned last = 0;

    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        const PciDevice *dev = root->devices[i];

        if (dev && dev->secondary) {
            last = MAX(last, dev->state.config[PCI_SUBORDINATE_BUS]);
        }
    }
    return last;
}

uint16_t pci_requester_id(const PciDevice *dev)
{
    const PciDevice *bridge = dev->bus->bridge;
    unsigned bus = bridge ? bridge->state.config[PCI_SECONDARY_BUS] : 0;

    return (uint16_t)(bus << 8 | dev->devfn);
}

void pci_device_init(PciDevice *dev, const PciIdentity *id,
                     const PciDeviceOps *ops)
{
    dev->ops = ops;
    memset(dev->state.config, 0, sizeof(dev->state.config));
    memset(dev->wmask, 0, sizeof(dev->wmask));
    memset(dev->w1cmask, 0, sizeof(dev->w1cmask));
    pci_set_word(dev->state.config + PCI_VENDOR_ID, id->vendor);
    pci_set_word(dev->state.config + PCI_DEVICE_ID, id->device);
    dev->state.config[PCI_REVISION_ID] = id->revision;
    dev->state.config[PCI_CLASS_PROG] = id->prog_if;
    pci_set_word(dev->state.config + PCI_CLASS_DEVICE, id->class_code);
    pci_set_word(dev->state.config + PCI_SUBSYSTEM_VENDOR_ID,
                 id->subsystem_vendor);
    pci_set_word(dev->state.config + PCI_SUBSYSTEM_ID, id->subsystem);
    if (dev->multifunction) {
        dev->state.config[PCI_HEADER_TYPE] |= 0x80;
    }

    pci_set_word(dev->wmask + PCI_COMMAND,
                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                     PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
                     PCI_COMMAND_INTX_DISABLE);
    pci_set_word(dev->w1cmask + PCI_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
                     PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
                     PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
    dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
    dev->cap_end = PCI_STD_HEADER_SIZEOF;
    dev->n_hooked = 0;
}

unsigned pci_add_capability(PciDevice *dev, uint8_t cap_id, unsigned size,
                            const PciCapabilityOps *ops)
{
    unsigned offset = dev->cap_end;

    assert(offset + size <= PCI_CONFIG_SIZE);
    dev->state.config[offset + PCI_CAP_LIST_ID] = cap_id;
    dev->state.config[offset + PCI_CAP_LIST_NEXT] =
        dev->state.config[PCI_CAPABILITY_LIST];
    dev->state.config[PCI_CAPABILITY_LIST] = (uint8_t)offset;
    dev->state.config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    dev->cap_end = (uint16_t)round_up(offset + size, 4);
    if (ops) {
        assert(dev->n_hooked < PCI_HOOKED_MAX);
        dev->hooked[dev->n_hooked++] = (PciCapability){
            .ops = ops,
            .offset = (uint16_t)offset,
            .size = (uint16_t)size,
        };
    }
    return offset;
}

static unsigned bar_offset(unsigned n)
{
    return PCI_BASE_ADDRESS_0 + 4 * n;
}

static bool bar_is_64(const PciBar *bar)
{
    return !(bar->type & PCI_BASE_ADDRESS_SPACE_IO) &&
           (bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
}

void pci_register_bar(PciDevice *dev, unsigned n, uint8_t type,
                      MemoryRegion *region)
{
    PciBar *bar = &dev->bars[n];
    uint64_t mask = ~(region->size - 1);

    assert(is_power_of_2(region->size) && region->size >= 16);
    bar->region = region;
    bar->type = type;
    pci_set_long(dev->state.config + bar_offset(n), type);
    pci_set_long(dev->wmask + bar_offset(n), (uint32_t)mask);
    if (bar_is_64(bar)) {
        assert(n + 1 < PCI_BARS_MAX);
        pci_set_long(dev->wmask + bar_offset(n + 1), (uint32_t)(mask >> 32));
    }
}

/* Where the guest has put the BAR, or UINT64_MAX while it is to answer
 * nowhere. An address of all ones is a guest that is sizing the BAR. */
static uint64_t bar_address(const PciDevice *dev, unsigned n)
{
    const PciBar *bar = &dev->bars[n];
    bool is_io = bar->type & PCI_BASE_ADDRESS_SPACE_IO;
    uint16_t command = pci_get_word(dev->state.config + PCI_COMMAND);
    uint64_t mask = ~(bar->region->size - 1);
    uint64_t addr = pci_get_long(dev->state.config + bar_offset(n));

    if (!(command & (is_io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY))) {
        return UINT64_MAX;
    }
    if (bar_is_64(bar)) {
        addr |= (uint64_t)pci_get_long(dev->state.config + bar_offset(n + 1))
                << 32;
    } else {
        mask &= UINT32_MAX;
    }
    addr &= mask;
    return addr == 0 || addr == mask ? UINT64_MAX : addr;
}

static void update_bars(PciDevice *dev)
{
    Machine *m = dev->dev.machine;

    for (unsigned n = 0; n < PCI_BARS_MAX; n++) {
        MemoryRegion *mr = dev->bars[n].region;
        uint64_t addr;

        if (!mr) {
            continue;
        }
        addr = bar_address(dev, n);
        if (mr->as ? mr->base == addr : addr == UINT64_MAX) {
            continue;
        }
        trace(pci_bar_map, "%s bar=%u addr=0x%" PRIx64 " size=0x%" PRIx64,
              device_label(&dev->dev), n, addr, mr->size);
        memory_region_unmap(mr);
        if (addr != UINT64_MAX) {
            bool is_io = dev->bars[n].type & PCI_BASE_ADDRESS_SPACE_IO;

            memory_region_map(mr, is_io ? &m->io : &m->memory, addr);
        }
    }
}

/* What pin @pin shows its bus: the function's own level unless INTx is
 * disabled, or that of devices behind it, which the bit does not concern. */
static void drive_pin(PciDevice *dev, unsigned pin)
{
    bool disabled = pci_get_word(dev->state.config + PCI_COMMAND) &
                    PCI_COMMAND_INTX_DISABLE;
    bool own = dev->state.config[PCI_INTERRUPT_PIN] == pin + 1 &&
               dev->state.irq_level && !disabled;

    if (dev->plugged && dev->bus->set_intx) {
        dev->bus->set_intx(dev->bus->opaque, dev->devfn, pin,
                           own || (dev->state.intx_behind >> pin & 1));
    }
}

static void update_intx(PciDevice *dev)
{
    if (dev->state.config[PCI_INTERRUPT_PIN]) {
        drive_pin(dev, dev->state.config[PCI_INTERRUPT_PIN] - 1u);
    }
}

void pci_forward_intx(PciDevice *bridge, unsigned pin, bool level)
{
    bridge->state.intx_behind &= (uint8_t) ~(1u << pin);
    bridge->state.intx_behind |= (uint8_t)((unsigned)level << pin);
    drive_pin(bridge, pin);
}

void pci_set_intx(PciDevice *dev, bool level)
{
    if (level == dev->state.irq_level) {
        return;
    }
    dev->state.irq_level = level;
    dev->state.config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    dev->state.config[PCI_STATUS] |= level ? PCI_STATUS_INTERRUPT : 0;
    update_intx(dev);
}

static bool is_master(const PciDevice *dev)
{
    return pci_get_word(dev->state.config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* SeaBIOS makes no bridge a bus master and drives the disks behind it all the
 * same, as it may under QEMU. */
static bool lets_through(const PciDevice *bridge)
{
    return is_master(bridge) || !bridge->state.was_master;
}

bool pci_may_master(const PciDevice *dev)
{
    return is_master(dev) && dev->plugged && !dev->bus->off &&
           (!dev->bus->bridge || lets_through(dev->bus->bridge));
}

void pci_master_changed(PciDevice *dev)
{
    for (unsigned i = 0; i < dev->n_hooked; i++) {
        if (dev->hooked[i].ops->master_changed) {
            dev->hooked[i].ops->master_changed(dev);
        }
    }
    for (unsigned i = 0; dev->secondary && i < PCI_DEVFN_MAX; i++) {
        if (dev->secondary->devices[i]) {
            pci_master_changed(dev->secondary->devices[i]);
        }
    }
    if (dev->ops->master_changed) {
        dev->ops->master_changed(dev); /* last: @dev may be gone then */
    }
}

static bool touches(const PciCapability *cap, uint32_t addr, unsigned len)
{
    return addr < (uint32_t)cap->offset + cap->size && addr + len > cap->offset;
}

uint32_t pci_config_read(PciDevice *dev, uint32_t addr, unsigned len)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < dev->n_hooked; i++) {
        const PciCapability *cap = &dev->hooked[i];

        if (cap->ops->before_read && touches(cap, addr, len)) {
            cap->ops->before_read(dev, addr, len);
        }
    }
    memcpy(&value, dev->state.config + addr, len); /* both are little-endian */
    return value;
}

void pci_config_write(PciDevice *dev, uint32_t addr, uint32_t value,
                      unsigned len)
{
    bool was_master = is_master(dev);
    uint32_t end = addr + len;

    for (unsigned i = 0; i < len; i++) {
        uint8_t *c = &dev->state.config[addr + i];
        uint8_t byte = (uint8_t)(value >> (8 * i));
        uint8_t w = dev->wmask[addr + i];

        *c = (uint8_t)((*c & ~w) | (byte & w));
        *c = (uint8_t)(*c & ~(byte & dev->w1cmask[addr + i]));
    }
    if (addr < PCI_COMMAND + 2 ||
        (addr < PCI_CARDBUS_CIS && end > PCI_BASE_ADDRESS_0)) {
        update_bars(dev);
        update_intx(dev);
    }
    for (unsigned i = 0; i < dev->n_hooked; i++) {
        const PciCapability *cap = &dev->hooked[i];

        if (cap->ops->written && touches(cap, addr, len)) {
            cap->ops->written(dev, addr, len);
        }
    }
    if (is_master(dev) != was_master) {
        dev->state.was_master = true;
        pci_master_changed(dev);
    }
}

/* The wanted devfn, dev->addr. */
static bool check_devfn(const PciDevice *dev, const PciBus *bus, GError **errp)
{
    const PciDevice *other = bus->devices[dev->addr];

    if ((unsigned)PCI_SLOT(dev->addr) >= bus->n_slots) {
        error_setg(errp,
                   "%s: PCI address %02x.%x: bus '%s' has slot 0 only; give "
                   "another addr= or bus=",
                   dev->dev.type->name, PCI_SLOT(dev->addr),
                   PCI_FUNC(dev->addr), bus->bus.name);
        return false;
    }
    if (other) {
        error_setg(errp,
                   "%s: PCI address %02x.%x on bus '%s' is taken by '%s'; "
                   "give another addr=",
                   dev->dev.type->name, PCI_SLOT(dev->addr),
                   PCI_FUNC(dev->addr), bus->bus.name,
                   device_label(&other->dev));
        return false;
    }
    return true;
}

static bool choose_devfn(PciDevice *dev, PciBus *bus, GError **errp)
{
    if (dev->addr >= 0) {
        dev->devfn = (uint8_t)dev->addr;
        return check_devfn(dev, bus, errp);
    }
    for (unsigned slot = 0; slot < bus->n_slots; slot++) {
        bool free = true;

        for (unsigned fn = 0; fn < PCI_FUNCTIONS_MAX; fn++) {
            free = free && !bus->devices[PCI_DEVFN(slot, fn)];
        }
        if (free) {
            dev->devfn = PCI_DEVFN(slot, 0);
            return true;
        }
    }
    error_setg(errp, "%s: no free PCI slot on bus '%s'", dev->dev.type->name,
               bus->bus.name);
    return false;
}

/* A slot that hotplugs takes a card as a whole: its guest looks at the
 * functions when function 0 comes, and gives all of them up together. */
static bool check_card(const PciDevice *dev, const PciBus *bus, GError **errp)
{
    const PciDevice *first = bus->devices[0];

    if (!bus->bridge || !dev->dev.tree->started || !first) {
        return true;
    }
    error_setg(errp, "%s: slot 0 of bus '%s' is taken by '%s'%s",
               dev->dev.type->name, bus->bus.name, device_label(&first->dev),
               first->dev.unplug_pending || first->dev.ejected
                   ? ", which is being unplugged"
                   : "; a further function is added before function 0");
    return false;
}

/* PCI 3.0, 3.2.2.3.4: further functions of a slot are found only if function 0
 * is there and says so. */
static bool check_functions(PciDevice *dev, PciBus *bus, GError **errp)
{
    PciDevice *first = bus->devices[dev->devfn & ~7];

    if (PCI_FUNC(dev->devfn) && first &&
        !(first->state.config[PCI_HEADER_TYPE] & 0x80)) {
        error_setg(errp,
                   "%s: slot %02x has a single function: give its device "
                   "'%s' multifunction=on",
                   dev->dev.type->name, PCI_SLOT(dev->devfn),
                   device_label(&first->dev));
        return false;
    }
    return true;
}

/* Command lines that switch a ROM off ask for what is here anyway. */
static bool check_rom(const PciDevice *dev, GError **errp)
{
    if (dev->romfile && *dev->romfile) {
        error_setg(errp,
                   "%s: property 'romfile' cannot be '%s': no device has an "
                   "expansion ROM here; leave it out",
                   dev->dev.type->name, dev->romfile);
        return false;
    }
    return true;
}

bool pci_device_plug(PciDevice *dev, GError **errp)
{
    PciBus *bus = pci_bus_of(dev);

    if (!check_rom(dev, errp) || !check_card(dev, bus, errp) ||
        !choose_devfn(dev, bus, errp) || !check_functions(dev, bus, errp)) {
        return false;
    }
    memcpy(dev->reset_value, dev->state.config, sizeof(dev->state.config));
    dev->bus = bus;
    bus->devices[dev->devfn] = dev;
    dev->plugged = true;
    return true;
}

void pci_device_unplug(PciDevice *dev)
{
    if (!dev->plugged) {
        return;
    }
    pci_device_reset(dev);
    dev->bus->devices[dev->devfn] = NULL;
    dev->plugged = false;
}

void pci_device_reset(PciDevice *dev)
{
    pci_set_intx(dev, false);
    memcpy(dev->state.config, dev->reset_value, sizeof(dev->state.config));
    dev->state.was_master = false;
    update_bars(dev);
    for (unsigned i = 0; i < dev->n_hooked; i++) {
        if (dev->hooked[i].ops->reset) {
            dev->hooked[i].ops->reset(dev);
        }
    }
}
