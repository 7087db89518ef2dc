/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device by which a guest's kernel says that it has panicked: one I/O port
 * whose bits are in the kernel's uapi/misc/pvpanic.h. Type "pvpanic" on the ISA
 * bus, property ioport. What follows a panic is -action panic=.
 */
#ifndef HW_MISC_PVPANIC_H
#define HW_MISC_PVPANIC_H

#include "hw/core/device.h"

extern const DeviceType pvpanic_type;

/* The port of the machine's pvpanic, for its ACPI device; 0: it has none. */
uint16_t pvpanic_port(Machine *machine);

#endif
