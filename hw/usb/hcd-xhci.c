/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/usb/hcd-xhci.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "system/machine.h"
#include "util/log.h"

#define SLOTS        64
#define BAR_MSIX     2   /* BAR 0 has 64 bits */
#define COMMANDS_MAX 256 /* TRBs for one write to the doorbell */

/* Offsets in BAR 0: 5.3, 5.4, 7.2, 5.5, 5.6. */
enum {
    CAPLENGTH = 0x00,
    HCSPARAMS1 = 0x04,
    HCCPARAMS1 = 0x10,
    DBOFF = 0x14,
    RTSOFF = 0x18,
    OPERATIONAL = 0x40,
    USBCMD = OPERATIONAL,
    USBSTS = OPERATIONAL + 0x04,
    PAGESIZE = OPERATIONAL + 0x08,
    DNCTRL = OPERATIONAL + 0x14,
    CRCR = OPERATIONAL + 0x18,
    DCBAAP = OPERATIONAL + 0x30,
    CONFIG = OPERATIONAL + 0x38,
    PORTSC = OPERATIONAL + 0x400,
    PORT_STRIDE = 16,
    USB2 = 0x680,
    USB3 = USB2 + 16,
    MFINDEX = 0x700,
    IMAN = MFINDEX + 0x20,
    IMOD = MFINDEX + 0x24,
    ERSTSZ = MFINDEX + 0x28,
    ERSTBA = MFINDEX + 0x30,
    ERDP = MFINDEX + 0x38,
    DOORBELL = MFINDEX + 0x40, /* the first; others are those of slots */
    REGISTERS_END = DOORBELL + 4 * (SLOTS + 1),
    BAR_SIZE = 0x1000,
};
static_assert(PORTSC + 2 * XHCI_PORTS_MAX * PORT_STRIDE <= USB2, "no overlap");
static_assert(REGISTERS_END <= BAR_SIZE, "all are in the BAR");

#define CMD_RUN        (1u << 0)
#define CMD_RESET      (1u << 1)
#define CMD_INTE       (1u << 2)
#define STS_HALTED     (1u << 0)
#define STS_HSE        (1u << 2)
#define STS_EINT       (1u << 3)
#define CRCR_CYCLE     (1u << 0)
#define CRCR_STOP      (3u << 1) /* stop or abort: no command ever waits */
#define CRCR_RUNNING   (1u << 3)
#define PORTSC_EMPTY   (5u << 5 | 1u << 9) /* looks for a device; has power */
#define PORTSC_WAKE    (7u << 25)
#define IMAN_PENDING   (1u << 0)
#define IMAN_ENABLE    (1u << 1)
#define ERDP_BUSY      (1u << 3)
#define EVENT_SIZE_MIN 16u
#define EVENT_SIZE_MAX 4096u
#define MICROFRAME_NS  125000

/* What is constant, what the driver writes, and what a written 1 clears. Save
 * and restore of the state (bits 8 and 9 of the command) are done at once. */
static const struct {
    uint32_t at, value, writable, clears;
} registers[] = {
    { CAPLENGTH, 0x0100u << 16 | OPERATIONAL, 0, 0 },
    { HCCPARAMS1, (uint32_t)USB2 / 4 << 16 | 1, 0, 0 }, /* 64-bit addresses */
    { DBOFF, DOORBELL, 0, 0 },
    { RTSOFF, MFINDEX, 0, 0 },
    { USBCMD, 0, CMD_RUN | CMD_INTE | 1u << 3 | 1u << 10, 0 },
    { USBSTS, STS_HALTED, 0, STS_HSE | STS_EINT | 1u << 4 | 1u << 10 },
    { PAGESIZE, 1, 0, 0 }, /* 4 KiB */
    { DNCTRL, 0, 0xffff, 0 },
    { DCBAAP, 0, ~63u, 0 },
    { DCBAAP + 4, 0, UINT32_MAX, 0 },
    { CONFIG, 0, 0xff, 0 },
    { USB2, 2u << 24 | (USB3 - USB2) / 4 << 8 | 2, 0, 0 },
    { USB2 + 4, 0x20425355, 0, 0 }, /* "USB " */
    { USB3, 3u << 24 | 2, 0, 0 },
    { USB3 + 4, 0x20425355, 0, 0 },
    { IMAN, 0, IMAN_ENABLE, IMAN_PENDING },
    { IMOD, 4000, UINT32_MAX, 0 },
    { ERSTSZ, 0, 0xffff, 0 },
    { ERSTBA, 0, ~63u, 0 },
    { ERSTBA + 4, 0, UINT32_MAX, 0 },
    { ERDP, 0, ~ERDP_BUSY, ERDP_BUSY },
    { ERDP + 4, 0, UINT32_MAX, 0 },
};

/* 6.4: types of TRBs, and what a command ends with. */
#define TRB_TYPE(control)      ((control) >> 10 & 0x3f)
#define TRB_SLOT(control)      ((control) >> 24)
#define TRB_CYCLE              1u
#define TRB_TOGGLE             2u
#define TRB_LINK               6
#define TRB_ENABLE_SLOT        9
#define TRB_DISABLE_SLOT       10
#define TRB_RESET_DEVICE       17
#define TRB_NO_OP              23
#define TRB_COMMAND_COMPLETION 33
#define CODE_SUCCESS           1
#define CODE_TRB_ERROR         5
#define CODE_NO_SLOTS          9
#define CODE_SLOT_NOT_ENABLED  11
#define CODE_RING_STOPPED      24

typedef struct Trb {
    uint64_t parameter;
    uint32_t status;
    uint32_t control;
} Trb;
static_assert(sizeof(Trb) == 16, "xHCI 1.1, 4.11.1");

/* What the guest has made of the controller. */
typedef struct XhciState {
    uint32_t regs[REGISTERS_END / 4]; /* as they are read */
    uint64_t command_ring;            /* the next TRB of it */
    bool command_cycle;
    uint32_t event_index; /* of the next event in its segment */
    bool event_cycle;
    int64_t started_ns; /* on the guest's clock */
} XhciState;

typedef struct Xhci {
    PciDevice pci;
    XhciState state;
    MemoryRegion region;

    /* properties */
    uint32_t p2, p3;
} Xhci;

static Xhci *xhci_from(Device *dev)
{
    return container_of(pci_device_from(dev), Xhci, pci);
}

static uint32_t *reg(Xhci *x, unsigned at)
{
    return &x->state.regs[at / 4];
}

static uint64_t reg64(Xhci *x, unsigned at)
{
    return *reg(x, at) | (uint64_t)*reg(x, at + 4) << 32;
}

static void reset_registers(Xhci *x)
{
    x->state = (XhciState){ .event_cycle = true };
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        *reg(x, registers[i].at) = registers[i].value;
    }
    *reg(x, HCSPARAMS1) = (x->p2 + x->p3) << 24 | 1u << 8 | SLOTS;
    *reg(x, USB2 + 8) = x->p2 << 8 | 1;
    *reg(x, USB3 + 8) = x->p3 << 8 | (x->p2 + 1);
    for (unsigned i = 0; i < x->p2 + x->p3; i++) {
        *reg(x, PORTSC + i * PORT_STRIDE) = PORTSC_EMPTY;
    }
    pci_set_intx(&x->pci, false);
}

/* --- events --- */

/* 4.17.2: with MSI-X the message takes the pending bit away. */
static void update_interrupt(Xhci *x)
{
    bool on = *reg(x, IMAN) == (IMAN_PENDING | IMAN_ENABLE) &&
              *reg(x, USBCMD) & CMD_INTE;

    if (on && msix_enabled(&x->pci)) {
        *reg(x, IMAN) = IMAN_ENABLE;
        msix_notify(&x->pci, 0);
        on = false;
    }
    pci_set_intx(&x->pci, on);
}

/* 4.10.2.6: it stands until it is reset. */
static void host_error(Xhci *x)
{
    log_item(LOG_GUEST_ERROR, "%s: a ring is not in RAM or has no legal size",
             device_label(&x->pci.dev));
    *reg(x, USBSTS) |= STS_HSE | STS_HALTED;
    *reg(x, USBCMD) &= ~CMD_RUN;
    *reg(x, CRCR) = 0;
}

/* Where the next event goes, if it is in RAM, and *@ret_size, how many there
 * are room for (6.5). */
static Trb *next_event(Xhci *x, uint32_t *ret_size, uint64_t *ret_base)
{
    const GuestRam *ram = &x->pci.dev.machine->ram;
    const Trb *entry = guest_ram_ptr(ram, reg64(x, ERSTBA), 16);

    if (!*reg(x, ERSTSZ) || !entry) {
        return NULL;
    }
    *ret_base = entry->parameter & ~UINT64_C(63);
    *ret_size = entry->status & 0xffff;
    if (*ret_size < EVENT_SIZE_MIN || *ret_size > EVENT_SIZE_MAX ||
        x->state.event_index >= *ret_size) {
        return NULL;
    }
    return guest_ram_ptr(ram, *ret_base + 16 * x->state.event_index, 16);
}

/* False: there is no room (4.9.4: a full ring has one TRB free, so that it is no
 * empty one), or nowhere to send it to. */
static bool send_event(Xhci *x, uint64_t parameter, uint32_t code,
                       uint32_t slot)
{
    XhciState *s = &x->state;
    uint32_t size, next;
    uint64_t base;
    Trb *trb = next_event(x, &size, &base);

    if (!trb) {
        host_error(x);
        return false;
    }
    next = (s->event_index + 1) % size;
    if (base + 16 * next == (reg64(x, ERDP) & ~UINT64_C(15))) {
        return false;
    }
    trb->parameter = parameter;
    trb->status = code << 24;
    __atomic_store_n(&trb->control,
                     slot << 24 | TRB_COMMAND_COMPLETION << 10 |
                         (uint32_t)s->event_cycle,
                     __ATOMIC_RELEASE);
    s->event_index = next;
    s->event_cycle ^= !next;
    *reg(x, IMAN) |= IMAN_PENDING;
    *reg(x, ERDP) |= ERDP_BUSY;
    *reg(x, USBSTS) |= STS_EINT;
    update_interrupt(x);
    return true;
}

/* --- commands --- */

/* 4.6: no device is there that a slot could be for, so that none is enabled. */
static uint32_t command_code(uint32_t type)
{
    if (type == TRB_NO_OP) {
        return CODE_SUCCESS;
    }
    if (type == TRB_ENABLE_SLOT) {
        return CODE_NO_SLOTS;
    }
    return type >= TRB_DISABLE_SLOT && type <= TRB_RESET_DEVICE
               ? CODE_SLOT_NOT_ENABLED
               : CODE_TRB_ERROR;
}

/* Carries out the next TRB; false: there is none, or no room for its event. */
static bool next_command(Xhci *x)
{
    XhciState *s = &x->state;
    const Trb *trb = guest_ram_ptr(&x->pci.dev.machine->ram, s->command_ring,
                                   sizeof(*trb));
    uint32_t control, code;

    if (!trb) {
        host_error(x);
        return false;
    }
    control = __atomic_load_n(&trb->control, __ATOMIC_ACQUIRE);
    if ((control & TRB_CYCLE) != s->command_cycle) {
        return false;
    }
    if (TRB_TYPE(control) == TRB_LINK) {
        s->command_ring = trb->parameter & ~UINT64_C(15);
        s->command_cycle ^= !!(control & TRB_TOGGLE);
        return true;
    }
    code = command_code(TRB_TYPE(control));
    trace(xhci_command, "%s type=%u slot=%u code=%u", device_label(&x->pci.dev),
          TRB_TYPE(control), TRB_SLOT(control), code);
    if (!send_event(x, s->command_ring, code, TRB_SLOT(control))) {
        return false;
    }
    s->command_ring += sizeof(*trb);
    return true;
}

static void run_commands(Xhci *x)
{
    for (unsigned n = 0; n < COMMANDS_MAX && *reg(x, CRCR) & CRCR_RUNNING &&
                         pci_may_master(&x->pci);
         n++) {
        if (!next_command(x)) {
            return;
        }
    }
}

/* 5.4.5: while it runs there is nothing but stop and abort. */
static void write_crcr(Xhci *x, bool high, uint32_t value)
{
    XhciState *s = &x->state;

    if (!(*reg(x, CRCR) & CRCR_RUNNING)) {
        unsigned shift = high ? 32 : 0;

        s->command_ring &= ~((uint64_t)UINT32_MAX << shift);
        s->command_ring |= (uint64_t)(high ? value : value & ~63u) << shift;
        s->command_cycle = high ? s->command_cycle : value & CRCR_CYCLE;
    } else if (!high && value & CRCR_STOP) {
        *reg(x, CRCR) = 0;
        (void)send_event(x, s->command_ring, CODE_RING_STOPPED, 0);
    }
}

/* --- registers --- */

/* 5.4.1. An error lasts until the reset. */
static void command_written(Xhci *x, uint32_t value, bool ran)
{
    if (value & CMD_RESET) {
        reset_registers(x);
        return;
    }
    if (*reg(x, USBSTS) & STS_HSE) {
        *reg(x, USBCMD) &= ~CMD_RUN;
    }
    if (!(*reg(x, USBCMD) & CMD_RUN)) {
        *reg(x, USBSTS) |= STS_HALTED;
        *reg(x, CRCR) = 0;
    } else if (!ran) {
        *reg(x, USBSTS) &= ~STS_HALTED;
        x->state.started_ns = machine_clock_ns(x->pci.dev.machine);
    }
    update_interrupt(x);
}

/* After @value was stored. */
static void written(Xhci *x, unsigned at, uint32_t value, bool ran)
{
    switch (at) {
    case USBCMD:
        command_written(x, value, ran);
        break;
    case CRCR:
    case CRCR + 4:
        write_crcr(x, at & 4, value);
        break;
    case IMAN:
        update_interrupt(x);
        break;
    case ERSTBA:
    case ERSTBA + 4:
        x->state.event_index = 0;
        x->state.event_cycle = true;
        break;
    case DOORBELL:
        *reg(x, CRCR) = ran ? CRCR_RUNNING : 0;
        run_commands(x);
        break;
    case ERDP:
    case ERDP + 4:
        run_commands(x); /* there may be room now */
        break;
    default:
        break;
    }
}

static void write_register(Xhci *x, unsigned at, uint32_t value)
{
    bool ran = *reg(x, USBCMD) & CMD_RUN;
    uint32_t *r = reg(x, at);

    trace(xhci_write, "%s offset=0x%x value=0x%x", device_label(&x->pci.dev),
          at, value);
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        if (registers[i].at == at) {
            *r = (*r & ~registers[i].writable) |
                 (value & registers[i].writable);
            *r &= ~(value & registers[i].clears);
        }
    }
    if (at >= PORTSC && at < USB2 && *r & PORTSC_EMPTY) {
        *r = PORTSC_EMPTY | (value & PORTSC_WAKE);
    }
    written(x, at, value, ran);
}

static uint32_t read_register(Xhci *x, unsigned at)
{
    int64_t ns = machine_clock_ns(x->pci.dev.machine) - x->state.started_ns;

    if (at == MFINDEX && *reg(x, USBCMD) & CMD_RUN) {
        return (uint32_t)(ns / MICROFRAME_NS) & 0x3fff;
    }
    return at < REGISTERS_END ? *reg(x, at) : 0;
}

static uint64_t xhci_read(void *opaque, uint64_t offset, unsigned size)
{
    unsigned at = (unsigned)offset & ~3u;
    uint64_t value = read_register(opaque, at) |
                     (uint64_t)read_register(opaque, at + 4) << 32;

    return value >> (8 * (offset & 3));
}

/* 5.1: registers are written whole. */
static void xhci_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    if (size < 4 || offset & 3) {
        return;
    }
    for (unsigned i = 0; i < size && offset + i < REGISTERS_END; i += 4) {
        write_register(opaque, (unsigned)offset + i,
                       (uint32_t)(value >> (8 * i)));
    }
}

static const MemoryRegionOps xhci_ops = {
    .read = xhci_read,
    .write = xhci_write,
};

/* --- life --- */

static bool xhci_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = {
        .vendor = 0x1b36,
        .device = 0x000d,
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = 0x0c03, /* serial bus, USB */
        .prog_if = 0x30,      /* xHCI */
        .revision = 1,
    };
    Xhci *x = xhci_from(dev);
    PciDevice *pci = &x->pci;

    pci_device_init(pci, &id, &pci_default_ops);
    pci->state.config[PCI_INTERRUPT_PIN] = 1;
    pci->state.config[0x60] = 0x30; /* 5.2.3: USB 3.0 */
    pci->cap_end = 0x64;
    memory_region_init(&x->region, "xhci", &xhci_ops, x, BAR_SIZE);
    pci_register_bar(pci, 0, PCI_BASE_ADDRESS_MEM_TYPE_64, &x->region);
    msix_init(pci, 1, BAR_MSIX);
    if (pci_bus_of(pci)->bridge) {
        (void)pcie_cap_init(pci, PCI_EXP_TYPE_ENDPOINT, 0);
    }
    reset_registers(x);
    return pci_device_plug(pci, errp);
}

static void xhci_unrealize(Device *dev)
{
    pci_device_unplug(pci_device_from(dev));
    msix_finish(pci_device_from(dev));
}

static void xhci_reset(Device *dev)
{
    reset_registers(xhci_from(dev));
    pci_device_reset(pci_device_from(dev));
}

static const Property xhci_props[] = {
    PROP_U32("p2", Xhci, p2, .def = 4, .min = 1, .max = XHCI_PORTS_MAX,
             .summary = "ports of USB 2; all are empty"),
    PROP_U32("p3", Xhci, p3, .def = 4, .min = 1, .max = XHCI_PORTS_MAX,
             .summary = "ports of USB 3; all are empty"),
    { 0 },
};

const DeviceType qemu_xhci_type = {
    .name = "qemu-xhci",
    .summary = "USB controller with empty ports, which stock domains have",
    .bus = BUS_PCI,
    .size = sizeof(Xhci),
    .props = xhci_props,
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = xhci_realize,
    .unrealize = xhci_unrealize,
    .reset = xhci_reset,
};
