/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 16550A UART at an ISA COM port. Type "isa-serial": properties index (0-3:
 * COM1-COM4, default the first free), iobase, irq, chardev.
 */
#ifndef HW_CHAR_SERIAL_ISA_H
#define HW_CHAR_SERIAL_ISA_H

#include "hw/core/device.h"

typedef struct Chardev Chardev;

extern const DeviceType isa_serial_type;

/* Where a PC has COM1 .. COM4. */
#define SERIAL_ISA_PORTS 4
typedef struct SerialIsaResources {
    uint16_t iobase;
    uint8_t irq;
} SerialIsaResources;
extern const SerialIsaResources serial_isa_resources[SERIAL_ISA_PORTS];

/* The board's default ports: makes COM@index + 1 on @chr (borrowed; NULL is a
 * port whose output goes nowhere). */
bool serial_isa_new(Machine *machine, unsigned index, Chardev *chr,
                    GError **errp);

/* Bit mask of the COM ports that the machine has where a PC has them. */
unsigned serial_isa_ports(Machine *machine);

#endif
