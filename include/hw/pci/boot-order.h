/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a firmware is told to boot from: devices by their property "bootindex",
 * named by Open Firmware paths (IEEE 1275; the forms that SeaBIOS and OVMF know),
 * and the kinds of drives of -boot order=.
 *
 * All functions need the machine lock, or run before the machine starts.
 */
#ifndef HW_PCI_BOOT_ORDER_H
#define HW_PCI_BOOT_ORDER_H

#include "hw/pci/pci.h"

/* The path of @dev, which is plugged: /pci@i0cf8/pci-bridge@2/scsi@0. Numbers
 * are slot and, unless it is 0, function, in hexadecimal. The caller frees it. */
char *boot_order_pci_path(const PciDevice *dev);

/*
 * fw_cfg's file "bootorder": a path on each line for every device with a
 * bootindex, the lowest first, and last "HALT" with -boot strict=on, so that
 * nothing else is tried. The lines are separated by newlines and a 0 ends them;
 * nothing at all if no device has a bootindex.
 */
GBytes *boot_order_build(const Machine *m);

/*
 * The same for kinds of drives: -boot order=, or in a machine that was not @reset
 * yet once=, in the form of a PC's CMOS memory: for each drive four bits, the
 * first in the lowest, 1 floppy, 2 hard disk, 3 CD, 4 network. The low byte is
 * CMOS register 0x3d, the four bits above are the upper ones of register 0x38.
 */
uint16_t boot_order_drives(const Machine *m, bool reset);

#endif
