/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/char/serial-isa.h"
#include "chardev/char.h"
#include "hw/char/serial.h"
#include "hw/isa/isa.h"
#include "system/machine.h"
#include "util/error.h"

typedef struct SerialIsa {
    Device dev;
    uint32_t index, iobase, irq; /* properties */
    char *chardev_name;          /* property */
    Chardev *chr; /* the board's, if that has no name; borrowed; or NULL */
    Serial uart;
} SerialIsa;

const SerialIsaResources serial_isa_resources[SERIAL_ISA_PORTS] = {
    { 0x3f8, 4 },
    { 0x2f8, 3 },
    { 0x3e8, 4 },
    { 0x2e8, 3 },
};

static SerialIsa *serial_from(Device *dev)
{
    return container_of(dev, SerialIsa, dev);
}

static const SerialIsa *find_port(const DeviceTree *tree, uint32_t index)
{
    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (dev->type == &isa_serial_type && serial_from(dev)->index == index) {
            return serial_from(dev);
        }
    }
    return NULL;
}

/* Fills in what the properties leave open. */
static bool choose_port(SerialIsa *s, GError **errp)
{
    uint32_t index = s->index;

    for (uint32_t i = 0; index == PROPERTY_AUTO && i < SERIAL_ISA_PORTS; i++) {
        if (!find_port(s->dev.tree, i)) {
            index = i;
        }
    }
    if (index == PROPERTY_AUTO) {
        error_setg(errp, "isa-serial: the machine has %d serial ports already",
                   SERIAL_ISA_PORTS);
        return false;
    }
    if (find_port(s->dev.tree, index)) {
        error_setg(errp,
                   "isa-serial: index=%" PRIu32 " (COM%" PRIu32
                   ") is taken: give another, or -serial none",
                   index, index + 1);
        return false;
    }
    s->index = index;
    if (s->iobase == PROPERTY_AUTO) {
        s->iobase = serial_isa_resources[index].iobase;
    }
    if (s->irq == PROPERTY_AUTO) {
        s->irq = serial_isa_resources[index].irq;
    }
    return true;
}

static bool attach_chardev(SerialIsa *s, GError **errp)
{
    Chardev *chr = s->chr;

    if (s->chardev_name) {
        chr = chardev_find(s->dev.machine, s->chardev_name);
        if (!chr) {
            error_setg(errp,
                       "Property 'isa-serial.chardev' can't find value '%s'",
                       s->chardev_name);
            return false;
        }
    }
    if (chr && !serial_attach(&s->uart, chr)) {
        error_setg(errp,
                   "Property 'isa-serial.chardev' can't take value '%s', it's "
                   "in use",
                   chardev_id(chr));
        return false;
    }
    return true;
}

static bool serial_isa_realize(Device *dev, GError **errp)
{
    SerialIsa *s = serial_from(dev);

    if (!choose_port(s, errp)) {
        return false;
    }
    serial_init(&s->uart, dev->machine, isa_line(dev, s->irq));
    if (!attach_chardev(s, errp)) {
        return false;
    }
    s->uart.region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->uart.region, &dev->machine->io, s->iobase);
    return true;
}

static void serial_isa_unrealize(Device *dev)
{
    serial_finish(&serial_from(dev)->uart);
}

static void serial_isa_reset(Device *dev)
{
    serial_reset(&serial_from(dev)->uart);
}

static const Property serial_props[] = {
    PROP_AUTO32("index", SerialIsa, index, .def = PROPERTY_AUTO,
                .max = SERIAL_ISA_PORTS - 1,
                .summary = "0 to 3: COM1 to COM4; auto is the first free one"),
    PROP_AUTO32("iobase", SerialIsa, iobase, .def = PROPERTY_AUTO,
                .max = 0x10000 - UART_PORTS,
                .summary = "first I/O port; auto is that of the COM port"),
    PROP_AUTO32("irq", SerialIsa, irq, .def = PROPERTY_AUTO,
                .max = ISA_IRQS - 1,
                .summary = "ISA interrupt; auto is that of the COM port"),
    PROP_STRING("chardev", SerialIsa, chardev_name,
                .summary = "id of the character device behind it"),
    { 0 },
};

const DeviceType isa_serial_type = {
    .name = "isa-serial",
    .summary = "16550A serial port",
    .bus = BUS_ISA,
    .size = sizeof(SerialIsa),
    .props = serial_props,
    .user_creatable = true,
    .realize = serial_isa_realize,
    .unrealize = serial_isa_unrealize,
    .reset = serial_isa_reset,
};

bool serial_isa_new(Machine *machine, unsigned index, Chardev *chr,
                    GError **errp)
{
    Device *dev = device_new(&machine->tree, &isa_serial_type);

    assert(index < SERIAL_ISA_PORTS);
    serial_from(dev)->index = index;
    serial_from(dev)->chr = chr;
    if (!device_realize(dev, errp)) {
        device_free(dev);
        return false;
    }
    return true;
}

unsigned serial_isa_ports(Machine *machine)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < SERIAL_ISA_PORTS; i++) {
        const SerialIsa *s = find_port(&machine->tree, i);

        if (s && s->iobase == serial_isa_resources[i].iobase &&
            s->irq == serial_isa_resources[i].irq) {
            mask |= 1u << i;
        }
    }
    return mask;
}
