/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/isa/lpc-ich9.h"
#include "hw/isa/isa.h"
#include "system/machine.h"
#include "util/log.h"

/* Configuration registers; datasheet 13.1. */
#define LPC_PMBASE       0x40
#define LPC_PMBASE_MASK  0xff80
#define LPC_ACPI_CNTL    0x44
#define LPC_ACPI_EN      0x80
#define LPC_SCI_SEL      0x07
#define LPC_PIRQ_A       0x60 /* A to D */
#define LPC_SERIRQ_CNTL  0x64
#define LPC_PIRQ_E       0x68 /* E to H */
#define LPC_PIRQ_UNUSED  0x80 /* bit 7: not routed to the 8259s */
#define LPC_PIRQ_IRQ     0x0f
#define LPC_IO_DEC       0x80 /* to 0x93: what LPC decodes; stored only */
#define LPC_IO_DEC_SIZE  0x14
#define LPC_RCBA         0xf0
#define LPC_RCBA_ADDRESS 0xffffc000u
#define LPC_RCBA_ENABLE  0x1u

/* The 8259 inputs that a PIRQ may be routed to (13.1.10): not 0-2, 8, 13. */
#define LPC_PIRQ_IRQS 0xdef8u

#define PORT_92        0x92
#define PORT_92_INIT   0x01
#define PORT_92_A20    0x02
#define PORT_KBD       0x64
#define KBD_CMD_RESET  0xfe /* pulse the reset line of an 8042 */
#define RESET_SYS      0x02
#define RESET_CPU      0x04
#define RESET_FULL     0x08
#define RESET_CNT_MASK (RESET_SYS | RESET_CPU | RESET_FULL)

#define GSIS 24

/* What is to be saved beside PciDeviceState and Ich9PmState. */
typedef struct Ich9LpcState {
    uint8_t reset_control, port92, apm[2];
    uint8_t intx[PCI_DEVFN_MAX]; /* a bit for each pin that is high */
} Ich9LpcState;

struct Ich9Lpc {
    PciDevice dev;
    Ich9LpcState state;
    IsaBus isa;
    Ich9Pm pm;
    MemoryRegion reset_region, port92_region, kbd_region, apm_region;
    IrqLine gsis[GSIS - ISA_IRQS]; /* those that are no ISA interrupts */
    /* These follow from the state. */
    unsigned pirq_count[ICH9_PIRQS]; /* how many pins drive each PIRQ */
    bool sci_level;
    uint32_t gsi_levels; /* what the outputs are */

    uint8_t disable_s3, disable_s4; /* properties without effect */
};

static Ich9Lpc *lpc_from_pci(PciDevice *dev)
{
    return container_of(dev, Ich9Lpc, dev);
}

/* --- interrupts --- */

unsigned ich9_pirq(uint8_t devfn, unsigned pin)
{
    /* Neighbouring slots begin at neighbouring lines, so that single-function
     * devices seldom share one. */
    return (PCI_SLOT(devfn) + pin) % ICH9_PIRQS;
}

static uint8_t pirq_route(const Ich9Lpc *lpc, unsigned pirq)
{
    unsigned reg = pirq < 4 ? LPC_PIRQ_A + pirq : LPC_PIRQ_E + pirq - 4;

    return lpc->dev.state.config[reg];
}

/* Datasheet 13.1.4; 3 is reserved. */
static unsigned sci_gsi(const Ich9Lpc *lpc)
{
    static const uint8_t gsi[] = { 9, 10, 11, 9, 20, 21, 22, 23 };

    return gsi[lpc->dev.state.config[LPC_ACPI_CNTL] & LPC_SCI_SEL];
}

/* What each output should be: a PIRQ drives its I/O APIC input always, and the
 * 8259 input it is routed to. */
static uint32_t wanted_levels(const Ich9Lpc *lpc)
{
    uint32_t levels = 0;

    for (unsigned i = 0; i < ICH9_PIRQS; i++) {
        uint8_t route = pirq_route(lpc, i);

        if (!lpc->pirq_count[i]) {
            continue;
        }
        levels |= 1u << (ICH9_PIRQ_GSI_BASE + i);
        if (!(route & LPC_PIRQ_UNUSED)) {
            levels |= 1u << (route & LPC_PIRQ_IRQ) & LPC_PIRQ_IRQS;
        }
    }
    if (lpc->sci_level) {
        levels |= 1u << sci_gsi(lpc);
    }
    return levels;
}

/* PIRQs that are routed to ISA interrupts share them with ISA's devices. */
static IrqLine *gsi_line(Ich9Lpc *lpc, unsigned gsi)
{
    return gsi < ISA_IRQS ? &lpc->isa.irqs[gsi] : &lpc->gsis[gsi - ISA_IRQS];
}

static void update_gsis(Ich9Lpc *lpc)
{
    uint32_t levels = wanted_levels(lpc);
    uint32_t changed = levels ^ lpc->gsi_levels;

    lpc->gsi_levels = levels;
    for (unsigned i = 0; changed && i < GSIS; i++) {
        if (changed & 1u << i) {
            irq_set(gsi_line(lpc, i), levels >> i & 1);
        }
    }
}

void ich9_set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    Ich9Lpc *lpc = opaque;
    unsigned pirq = ich9_pirq(devfn, pin);
    uint8_t bit = (uint8_t)(1u << pin);

    if (!!(lpc->state.intx[devfn] & bit) == level) {
        return;
    }
    lpc->state.intx[devfn] ^= bit;
    if (level) {
        lpc->pirq_count[pirq]++;
    } else {
        assert(lpc->pirq_count[pirq]);
        lpc->pirq_count[pirq]--;
    }
    trace(ich9_pirq, "devfn=0x%x pin=%u pirq=%u level=%d drivers=%u", devfn,
          pin, pirq, level, lpc->pirq_count[pirq]);
    update_gsis(lpc);
}

static void set_sci(void *opaque, unsigned n, bool level)
{
    Ich9Lpc *lpc = opaque;

    lpc->sci_level = level;
    update_gsis(lpc);
}

/* --- ports --- */

/* Reset control register 0xcf9 (13.7.5): RST_CPU going from 0 to 1 resets.
 * Without SYS_RST the real chip would only send INIT; a processor alone cannot
 * be reset here, and who asks for it wants a fresh start. */
static uint64_t reset_read(void *opaque, uint64_t offset, unsigned size)
{
    const Ich9Lpc *lpc = opaque;

    return lpc->state.reset_control;
}

static void reset_write(void *opaque, uint64_t offset, uint64_t value,
                        unsigned size)
{
    Ich9Lpc *lpc = opaque;
    bool reset = (value & RESET_CPU) && !(lpc->state.reset_control & RESET_CPU);

    lpc->state.reset_control = value & RESET_CNT_MASK;
    if (reset) {
        system_reset_request(lpc->dev.dev.machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

/* Port 0x92: fast A20 and reset (13.7.2). The A20 line is always on. */
static uint64_t port92_read(void *opaque, uint64_t offset, unsigned size)
{
    const Ich9Lpc *lpc = opaque;

    return lpc->state.port92;
}

static void port92_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
    Ich9Lpc *lpc = opaque;
    bool reset = (value & PORT_92_INIT) && !(lpc->state.port92 & PORT_92_INIT);

    lpc->state.port92 = value & (PORT_92_INIT | PORT_92_A20);
    if (reset) {
        system_reset_request(lpc->dev.dev.machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

/* There is no keyboard controller: its ports float, but for the reset command
 * that operating systems and firmware fall back to. */
static uint64_t kbd_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void kbd_write(void *opaque, uint64_t offset, uint64_t value,
                      unsigned size)
{
    Ich9Lpc *lpc = opaque;

    if ((value & 0xff) == KBD_CMD_RESET) {
        system_reset_request(lpc->dev.dev.machine, SHUTDOWN_CAUSE_GUEST_RESET);
    }
}

static uint64_t apm_read(void *opaque, uint64_t offset, unsigned size)
{
    const Ich9Lpc *lpc = opaque;

    return size == 1 ? lpc->state.apm[offset]
                     : lpc->state.apm[0] | (uint64_t)lpc->state.apm[1] << 8;
}

static void apm_write(void *opaque, uint64_t offset, uint64_t value,
                      unsigned size)
{
    Ich9Lpc *lpc = opaque;

    for (unsigned i = 0; i < size; i++) {
        lpc->state.apm[offset + i] = (uint8_t)(value >> (8 * i));
    }
    if (offset == 0 && lpc->state.apm[0] == ICH9_APM_ACPI_ENABLE) {
        ich9_pm_enable_acpi(&lpc->pm, true);
    } else if (offset == 0 && lpc->state.apm[0] == ICH9_APM_ACPI_DISABLE) {
        ich9_pm_enable_acpi(&lpc->pm, false);
    }
}

static const MemoryRegionOps reset_ops = { reset_read, reset_write };
static const MemoryRegionOps port92_ops = { port92_read, port92_write };
static const MemoryRegionOps kbd_ops = { kbd_read, kbd_write };
static const MemoryRegionOps apm_ops = { apm_read, apm_write };

/* --- configuration space --- */

static void update_pm_base(Ich9Lpc *lpc)
{
    const uint8_t *config = lpc->dev.state.config;
    uint16_t base = pci_get_word(config + LPC_PMBASE) & LPC_PMBASE_MASK;

    ich9_pm_set_base(&lpc->pm, config[LPC_ACPI_CNTL] & LPC_ACPI_EN ? base : 0);
}

static void lpc_config_write(PciDevice *dev, uint32_t addr, uint32_t value,
                             unsigned len)
{
    Ich9Lpc *lpc = lpc_from_pci(dev);

    pci_config_write(dev, addr, value, len);
    if (addr < LPC_ACPI_CNTL + 4 && addr + len > LPC_PMBASE) {
        update_pm_base(lpc);
    }
    update_gsis(lpc); /* routes and the SCI's input may have changed */
}

static const PciDeviceOps lpc_pci_ops = {
    .config_read = pci_config_read,
    .config_write = lpc_config_write,
};

static void init_config(PciDevice *dev)
{
    static const PciIdentity id = {
        .vendor = 0x8086,
        .device = 0x2918,
        .class_code = 0x0601, /* bridge, ISA */
        .revision = 0x02,
    };

    pci_device_init(dev, &id, &lpc_pci_ops);
    /* A bridge that cannot be turned off: it always decodes and masters. */
    pci_set_word(dev->state.config + PCI_COMMAND,
                 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci_set_word(dev->wmask + PCI_COMMAND,
                 PCI_COMMAND_PARITY | PCI_COMMAND_SERR);
    dev->state.config[LPC_PMBASE] = 0x01; /* I/O space */
    pci_set_word(dev->wmask + LPC_PMBASE, LPC_PMBASE_MASK);
    dev->wmask[LPC_ACPI_CNTL] = LPC_ACPI_EN | LPC_SCI_SEL;
    for (unsigned i = 0; i < 4; i++) {
        dev->state.config[LPC_PIRQ_A + i] = LPC_PIRQ_UNUSED;
        dev->state.config[LPC_PIRQ_E + i] = LPC_PIRQ_UNUSED;
        dev->wmask[LPC_PIRQ_A + i] = LPC_PIRQ_UNUSED | LPC_PIRQ_IRQ;
        dev->wmask[LPC_PIRQ_E + i] = LPC_PIRQ_UNUSED | LPC_PIRQ_IRQ;
    }
    dev->state.config[LPC_SERIRQ_CNTL] = 0x10;
    dev->wmask[LPC_SERIRQ_CNTL] = 0xff;
    memset(dev->wmask + LPC_IO_DEC, 0xff, LPC_IO_DEC_SIZE);
    pci_set_long(dev->wmask + LPC_RCBA, LPC_RCBA_ADDRESS | LPC_RCBA_ENABLE);
}

/* --- life --- */

static void map_port(Ich9Lpc *lpc, MemoryRegion *mr, const char *name,
                     const MemoryRegionOps *ops, uint16_t port, unsigned size)
{
    memory_region_init(mr, name, ops, lpc, size);
    /* Over the host bridge's 0xcf8 and any BAR. */
    mr->priority = 2;
    memory_region_map(mr, &lpc->dev.dev.machine->io, port);
}

static bool lpc_realize(Device *dev, GError **errp)
{
    Ich9Lpc *lpc = ich9_lpc_from(dev);
    Machine *m = dev->machine;

    init_config(&lpc->dev);
    lpc->dev.addr = ICH9_LPC_DEVFN;
    if (!pci_device_plug(&lpc->dev, errp)) {
        return false;
    }
    ich9_pm_init(&lpc->pm, m);
    lpc->pm.sci = (IrqLine){ .handler = set_sci, .opaque = lpc };
    map_port(lpc, &lpc->reset_region, "reset-control", &reset_ops,
             ICH9_RESET_PORT, 1);
    map_port(lpc, &lpc->port92_region, "port92", &port92_ops, PORT_92, 1);
    map_port(lpc, &lpc->kbd_region, "keyboard-reset", &kbd_ops, PORT_KBD, 1);
    map_port(lpc, &lpc->apm_region, "apm", &apm_ops, ICH9_APM_PORT, 2);
    lpc->state.port92 = PORT_92_A20;
    lpc->isa.bus = (Bus){ .type = BUS_ISA, .name = "isa.0" };
    g_ptr_array_add(dev->tree->buses, &lpc->isa.bus);
    return true;
}

static void lpc_unrealize(Device *dev)
{
    Ich9Lpc *lpc = ich9_lpc_from(dev);

    g_ptr_array_remove(dev->tree->buses, &lpc->isa.bus);
    memory_region_unmap(&lpc->reset_region);
    memory_region_unmap(&lpc->port92_region);
    memory_region_unmap(&lpc->kbd_region);
    memory_region_unmap(&lpc->apm_region);
    ich9_pm_finish(&lpc->pm);
    pci_device_unplug(&lpc->dev);
}

static void lpc_reset(Device *dev)
{
    Ich9Lpc *lpc = ich9_lpc_from(dev);

    pci_device_reset(&lpc->dev);
    ich9_pm_reset(&lpc->pm);
    lpc->state.reset_control = 0;
    lpc->state.port92 = PORT_92_A20;
    memset(lpc->state.apm, 0, sizeof(lpc->state.apm));
    update_pm_base(lpc);
    /* The pins stay as their devices drive them; each lets go of its own. */
    update_gsis(lpc);
}

Ich9Pm *ich9_lpc_pm(Ich9Lpc *lpc)
{
    return &lpc->pm;
}

void ich9_lpc_connect_gsi(Ich9Lpc *lpc, IrqHandler *handler, void *opaque)
{
    for (unsigned i = 0; i < GSIS; i++) {
        *gsi_line(lpc, i) = (IrqLine){ handler, opaque, i };
    }
}

void ich9_lpc_setup_direct_boot(Ich9Lpc *lpc)
{
    PciDevice *dev = &lpc->dev;

    dev->ops->config_write(dev, LPC_PMBASE, ICH9_PM_BASE, 2);
    dev->ops->config_write(dev, LPC_ACPI_CNTL, LPC_ACPI_EN, 1);
    ich9_pm_enable_acpi(&lpc->pm, true);
}

static const Property lpc_props[] = {
    PROP_U8("disable_s3", Ich9Lpc, disable_s3, .def = 1, .max = 1,
            .summary = "no effect: there is no S3"),
    PROP_U8("disable_s4", Ich9Lpc, disable_s4, .def = 1, .max = 1,
            .summary = "no effect: there is no S4"),
    { 0 },
};

const DeviceType ich9_lpc_type = {
    .name = "ICH9-LPC",
    .summary = "ICH9 LPC bridge",
    .bus = BUS_PCI,
    .size = sizeof(Ich9Lpc),
    .props = lpc_props,
    .bus_props = pci_bus_props,
    .realize = lpc_realize,
    .unrealize = lpc_unrealize,
    .reset = lpc_reset,
};
