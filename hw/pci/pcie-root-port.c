/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pcie-root-port.h"
#include "hw/pci/msix.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

#define SLOT_NUMBER_MAX 0x1fff /* 13 bits of slot capabilities */
#define WINDOW_MASK     0xfff0u

static PcieRootPort *port_from(Device *dev)
{
    return container_of(pci_device_from(dev), PcieRootPort, pci);
}

static PcieRootPort *port_of_bus(Bus *bus)
{
    return container_of(container_of(bus, PciBus, bus), PcieRootPort,
                        secondary);
}

static const char *label_of(const PcieRootPort *port)
{
    return device_label(&port->pci.dev);
}

/* --- the slot's registers --- */

static uint8_t *exp_reg(PcieRootPort *port, unsigned reg)
{
    return port->pci.state.config + port->exp_cap + reg;
}

/* 6.7.3.4: a level, or a message as soon as MSI-X is on and an enabled event
 * waits, and no further one before all events were cleared. */
static void signal_events(PcieRootPort *port)
{
    bool event = pcie_slot_interrupt(&port->state.slot);
    bool message = event && msix_enabled(&port->pci);

    pci_set_intx(&port->pci, event && !message);
    if (message && !port->state.message) {
        msix_notify(&port->pci, 0);
    }
    port->state.message = message;
}

/* Shows the guest what the slot is now. May release the lock: what is behind
 * stops before the slot is off. */
static void show_slot(PcieRootPort *port)
{
    bool was_off = port->secondary.off;
    uint8_t *link = exp_reg(port, PCI_EXP_LNKSTA);
    uint16_t status = pci_get_word(link) & (uint16_t)~PCI_EXP_LNKSTA_DLLLA;

    pci_set_word(link,
                 status | (port->state.slot.link ? PCI_EXP_LNKSTA_DLLLA : 0));
    pci_set_word(exp_reg(port, PCI_EXP_SLTCTL), port->state.slot.control);
    pci_set_word(exp_reg(port, PCI_EXP_SLTSTA), port->state.slot.status);
    port->secondary.off = !pcie_slot_has_power(&port->state.slot) ||
                          (port->pci.state.config[PCI_BRIDGE_CONTROL] &
                           PCI_BRIDGE_CTL_BUS_RESET);
    trace(pcie_slot_update, "%s control=0x%x status=0x%x link=%d off=%d",
          label_of(port), port->state.slot.control, port->state.slot.status,
          port->state.slot.link, port->secondary.off);
    signal_events(port);
    if (port->secondary.off != was_off) {
        pci_master_changed(&port->pci);
    }
}

/* What is plugged forgets all, as by a fundamental reset. A device may release
 * the lock meanwhile, so that each is looked up anew. */
static void reset_behind(PcieRootPort *port)
{
    for (unsigned fn = 0; fn < PCI_FUNCTIONS_MAX; fn++) {
        if (port->secondary.devices[fn]) {
            device_reset(&port->secondary.devices[fn]->dev);
        }
    }
}

static void for_each_function(PcieRootPort *port, void (*func)(Device *dev))
{
    for (unsigned fn = 0; fn < PCI_FUNCTIONS_MAX; fn++) {
        if (port->secondary.devices[fn]) {
            func(&port->secondary.devices[fn]->dev);
        }
    }
}

static void write_slot(PcieRootPort *port, uint16_t control)
{
    unsigned actions = pcie_slot_write_control(&port->state.slot, control);

    show_slot(port);
    if (actions & PCIE_SLOT_POWER_OFF) {
        reset_behind(port);
    }
    if (actions & PCIE_SLOT_EJECT) {
        for_each_function(port, hotplug_eject);
    }
    if (actions & PCIE_SLOT_REFUSED) {
        for_each_function(port, hotplug_refused);
    }
}

static bool touches(uint32_t addr, unsigned len, unsigned reg, unsigned size)
{
    return addr < reg + size && addr + len > reg;
}

static void root_port_config_write(PciDevice *pci, uint32_t addr,
                                   uint32_t value, unsigned len)
{
    PcieRootPort *port = container_of(pci, PcieRootPort, pci);
    unsigned control = port->exp_cap + PCI_EXP_SLTCTL;
    unsigned status = port->exp_cap + PCI_EXP_SLTSTA;
    uint8_t had_reset = pci->state.config[PCI_BRIDGE_CONTROL];
    uint16_t ones = 0;

    pci_config_write(pci, addr, value, len);
    for (unsigned i = 0; i < len; i++) {
        if (touches(addr + i, 1, status, 2)) {
            ones |= (uint16_t)((value >> (8 * i) & 0xff)
                               << (8 * (addr + i - status)));
        }
    }
    pcie_slot_write_status(&port->state.slot, ones);
    if (touches(addr, len, control, 2)) {
        write_slot(port, pci_get_word(pci->state.config + control));
    } else if (touches(addr, len, status, 2) ||
               touches(addr, len, PCI_BRIDGE_CONTROL, 2) ||
               touches(addr, len, pci->msix->cap, PCI_CAP_MSIX_SIZEOF)) {
        show_slot(port);
    }
    if (~had_reset & pci->state.config[PCI_BRIDGE_CONTROL] &
        PCI_BRIDGE_CTL_BUS_RESET) {
        reset_behind(port);
    }
}

static const PciDeviceOps root_port_ops = {
    .config_read = pci_config_read,
    .config_write = root_port_config_write,
};

/* --- INTx of what is behind --- */

/* PCI-to-PCI Bridge 1.2, 9.1: pins rotate with the slot. */
static void intx_from_behind(void *opaque, uint8_t devfn, unsigned pin,
                             bool level)
{
    PcieRootPort *port = opaque;
    unsigned out = (pin + PCI_SLOT(devfn)) % 4;
    uint8_t bit = (uint8_t)(1u << PCI_FUNC(devfn));

    port->state.intx[out] &= (uint8_t)~bit;
    port->state.intx[out] |= level ? bit : 0;
    pci_forward_intx(&port->pci, out, port->state.intx[out]);
}

/* --- hotplug --- */

static bool is_visible(const PcieRootPort *port)
{
    return port->secondary.devices[0];
}

/* Before the guest begins to run a card is as one of the command line: nobody
 * has looked at the slot. */
static void set_present(PcieRootPort *port, bool present)
{
    if (port->pci.dev.machine->run_state == RUN_STATE_PRELAUNCH) {
        pcie_slot_reset(&port->state.slot, present);
    } else if (present) {
        pcie_slot_insert(&port->state.slot);
    } else {
        pcie_slot_remove(&port->state.slot);
    }
    show_slot(port);
}

static void port_plugged(Bus *bus, Device *dev)
{
    /* Further functions come first, and function 0 shows them all. */
    if (PCI_FUNC(pci_device_from(dev)->devfn) == 0) {
        set_present(port_of_bus(bus), true);
    }
}

static void port_unplugged(Bus *bus)
{
    PcieRootPort *port = port_of_bus(bus);

    if (!is_visible(port) && (port->state.slot.status & PCI_EXP_SLTSTA_PDS)) {
        set_present(port, false);
    }
}

static void set_pending(Device *dev)
{
    dev->unplug_pending = true;
}

static bool port_unplug_request(Bus *bus, Device *dev, GError **errp)
{
    PcieRootPort *port = port_of_bus(bus);
    Machine *m = dev->machine;

    if (!is_visible(port)) {
        hotplug_eject(dev); /* a function that the guest has not seen */
        return true;
    }
    switch (pcie_slot_request(&port->state.slot, hotplug_guest_can_answer(m),
                              machine_clock_ns(m))) {
    case PCIE_SLOT_ASKED:
        for_each_function(port, set_pending);
        show_slot(port);
        break;
    case PCIE_SLOT_NOBODY:
        for_each_function(port, hotplug_eject);
        break;
    case PCIE_SLOT_PENDING:
        error_setg(errp, "Device %s is already in the process of unplug",
                   device_label(dev));
        return false;
    case PCIE_SLOT_BUSY:
        error_setg(errp, "Hot-unplug failed: guest is busy (power indicator "
                         "blinking)");
        return false;
    }
    return true;
}

static const BusHotplugOps hotplug_ops = {
    .plugged = port_plugged,
    .unplug_request = port_unplug_request,
    .unplugged = port_unplugged,
};

/* --- realize --- */

/* Another port with this one's chassis and slot, or NULL. */
static const Device *find_twin(const PcieRootPort *port)
{
    const DeviceTree *tree = port->pci.dev.tree;

    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (dev->type == &pcie_root_port_type &&
            port_from(dev)->chassis == port->chassis &&
            port_from(dev)->slot_number == port->slot_number) {
            return dev;
        }
    }
    return NULL;
}

static bool check_place(const PcieRootPort *port, GError **errp)
{
    const Device *twin = find_twin(port);

    if (pci_bus_of(&port->pci)->bridge) {
        error_setg(errp,
                   "pcie-root-port: bus '%s' is behind a root port: a root "
                   "port plugs into the root bus, bus=pcie.0",
                   port->pci.dev.bus->name);
        return false;
    }
    if (twin) {
        error_setg(errp,
                   "pcie-root-port: chassis %u and slot %u are those of '%s': "
                   "give another chassis= or slot=",
                   port->chassis, port->slot_number, device_label(twin));
        return false;
    }
    return true;
}

/* The bus has the port's id for a name, or else the first free number. */
static bool name_bus(PcieRootPort *port, GError **errp)
{
    DeviceTree *tree = port->pci.dev.tree;

    if (!port->pci.dev.id) {
        for (unsigned i = 1; !port->bus_name; i++) {
            g_autofree char *name = g_strdup_printf("pcie.%u", i);

            if (!device_tree_find_bus(tree, name, BUS_PCI)) {
                port->bus_name = g_steal_pointer(&name);
            }
        }
        return true;
    }
    if (device_tree_find_bus(tree, port->pci.dev.id, BUS_PCI)) {
        error_setg(errp,
                   "pcie-root-port: there is a bus '%s': give another id=",
                   port->pci.dev.id);
        return false;
    }
    port->bus_name = g_strdup(port->pci.dev.id);
    return true;
}

/* Type 1 header: PCI-to-PCI Bridge 1.2, 3.2.5. The I/O window has 16 bits, the
 * prefetchable one 64. */
static void init_header(PciDevice *pci)
{
    uint8_t *w = pci->wmask;

    pci->state.config[PCI_HEADER_TYPE] |= PCI_HEADER_TYPE_BRIDGE;
    pci->state.config[PCI_INTERRUPT_PIN] = 1;
    w[PCI_PRIMARY_BUS] = w[PCI_SECONDARY_BUS] = w[PCI_SUBORDINATE_BUS] = 0xff;
    w[PCI_IO_BASE] = w[PCI_IO_LIMIT] = 0xf0;
    pci_set_word(w + PCI_MEMORY_BASE, WINDOW_MASK);
    pci_set_word(w + PCI_MEMORY_LIMIT, WINDOW_MASK);
    pci_set_word(w + PCI_PREF_MEMORY_BASE, WINDOW_MASK);
    pci_set_word(w + PCI_PREF_MEMORY_LIMIT, WINDOW_MASK);
    pci_set_word(pci->state.config + PCI_PREF_MEMORY_BASE,
                 PCI_PREF_RANGE_TYPE_64);
    pci_set_word(pci->state.config + PCI_PREF_MEMORY_LIMIT,
                 PCI_PREF_RANGE_TYPE_64);
    pci_set_long(w + PCI_PREF_BASE_UPPER32, UINT32_MAX);
    pci_set_long(w + PCI_PREF_LIMIT_UPPER32, UINT32_MAX);
    pci_set_word(w + PCI_BRIDGE_CONTROL,
                 PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
                     PCI_BRIDGE_CTL_ISA | PCI_BRIDGE_CTL_VGA |
                     PCI_BRIDGE_CTL_BUS_RESET);
    pci_set_word(pci->w1cmask + PCI_SEC_STATUS,
                 PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
                     PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
                     PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
}

/* The indicators and the button are there for hotplug, and the power controller
 * so that the guest can say when a card may go. Surprise: device_del does not
 * wait for a guest that has no driver. */
static void init_slot(PcieRootPort *port)
{
    uint32_t caps = (uint32_t)port->slot_number << 19 | PCI_EXP_SLTCAP_NCCS;
    PciDevice *pci = &port->pci;

    port->exp_cap = pcie_cap_init(pci, PCI_EXP_TYPE_ROOT_PORT, port->port);
    pci_set_word(exp_reg(port, PCI_EXP_FLAGS),
                 pci_get_word(exp_reg(port, PCI_EXP_FLAGS)) |
                     PCI_EXP_FLAGS_SLOT);
    if (port->hotplug) {
        caps |= PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PCP | PCI_EXP_SLTCAP_AIP |
                PCI_EXP_SLTCAP_PIP | PCI_EXP_SLTCAP_HPS | PCI_EXP_SLTCAP_HPC;
        port->secondary.bus.hotplug = &hotplug_ops;
    }
    pci_set_long(exp_reg(port, PCI_EXP_SLTCAP), caps);
    pci_set_long(exp_reg(port, PCI_EXP_LNKCAP),
                 pci_get_long(exp_reg(port, PCI_EXP_LNKCAP)) |
                     PCI_EXP_LNKCAP_DLLLARC);
    if (port->hotplug) {
        pci_set_word(pci->wmask + port->exp_cap + PCI_EXP_SLTCTL, UINT16_MAX);
    }
    pci_set_word(pci->wmask + port->exp_cap + PCI_EXP_RTCTL,
                 PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE |
                     PCI_EXP_RTCTL_SEFEE | PCI_EXP_RTCTL_PMEIE);
}

static bool root_port_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = {
        .vendor = 0x1b36,
        .device = 0x000c,
        .class_code = 0x0604, /* bridge, PCI to PCI */
    };
    PcieRootPort *port = port_from(dev);

    if (!check_place(port, errp) || !name_bus(port, errp)) {
        return false;
    }
    pci_device_init(&port->pci, &id, &root_port_ops);
    init_header(&port->pci);
    pci_bus_init(&port->secondary, dev->machine, port->bus_name);
    port->secondary.bridge = &port->pci;
    port->secondary.n_slots = 1;
    port->secondary.set_intx = intx_from_behind;
    port->secondary.opaque = port;
    port->pci.secondary = &port->secondary;
    init_slot(port);
    msix_init(&port->pci, 1, 0);
    return pci_device_plug(&port->pci, errp);
}

static void root_port_unrealize(Device *dev)
{
    PcieRootPort *port = port_from(dev);

    pci_device_unplug(&port->pci);
    msix_finish(&port->pci);
    pci_bus_finish(&port->secondary);
    g_clear_pointer(&port->bus_name, g_free);
}

static void root_port_reset(Device *dev)
{
    PcieRootPort *port = port_from(dev);

    pci_device_reset(&port->pci);
    pci_master_changed(&port->pci);
    pcie_slot_reset(&port->state.slot, is_visible(port));
    if (!port->hotplug) {
        port->state.slot.control = 0; /* no controller: there is always power */
    }
    show_slot(port);
}

static const Property root_port_props[] = {
    PROP_U8("port", PcieRootPort, port,
            .summary = "port number, of link capabilities"),
    PROP_U8("chassis", PcieRootPort, chassis,
            .summary = "chassis number; with slot it is the port's own"),
    PROP_U16("slot", PcieRootPort, slot_number, .max = SLOT_NUMBER_MAX,
             .summary = "physical slot number, as the guest names it"),
    PROP_BOOL("hotplug", PcieRootPort, hotplug, .def = 1,
              .summary = "devices may come and go while the machine runs"),
    { 0 },
};

const DeviceType pcie_root_port_type = {
    .name = "pcie-root-port",
    .summary = "PCI Express root port with a slot for hotplug",
    .bus = BUS_PCI,
    .size = sizeof(PcieRootPort),
    .props = root_port_props,
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = root_port_realize,
    .unrealize = root_port_unrealize,
    .reset = root_port_reset,
};
