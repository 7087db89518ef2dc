/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 board: RAM, address map, PCIe host bridge, LPC bridge, serial ports,
 * clock, ACPI tables, direct Linux boot.
 *
 * Guest-physical memory:
 *
 *     0          - 0x9ffff     RAM
 *     0xa0000    - 0xbffff     nothing (VGA)
 *     0xc0000    - 2 GiB       RAM; ACPI tables at 0xe0000
 *     0xb0000000 - 0xbfffffff  ECAM
 *     0xc0000000 - 0xfebfffff  PCI window, 32 bits
 *     0xfec00000, 0xfee00000   IOAPIC, local APICs (in the accelerator)
 *     4 GiB      -             RAM above 2 GiB
 *     1 GiB boundary above it  PCI window, 64 bits, 32 GiB
 */
#ifndef HW_I386_Q35_H
#define HW_I386_Q35_H

typedef struct MachineType MachineType;

extern const MachineType q35_machine_type;

#endif
