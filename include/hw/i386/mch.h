/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 memory controller hub seen as PCI host bridge: configuration
 * mechanism #1 (0xcf8/0xcfc), ECAM (hw/pci/pci-host.h) at PCIEXBAR, root bus
 * "pcie.0", and its own function 8086:29c0 at 00:00.0, whose PAM registers say
 * what a processor finds from 0xc0000 to 1 MiB. Intel 3 Series Express Chipset
 * datasheet, 5.1.
 */
#ifndef HW_I386_MCH_H
#define HW_I386_MCH_H

#include "hw/pci/pci.h"

#define MCH_ECAM_BASE UINT64_C(0xb0000000)
#define MCH_ECAM_SIZE (256 * MiB)
/* The most of a firmware's end that is seen below 1 MiB too. */
#define MCH_ROM_MAX   (128 * KiB)
#define MCH_ROM_UNIT  (16 * KiB)

/* What is to be saved beside PciDeviceState. */
typedef struct MchState {
    uint32_t config_address; /* 0xcf8 */
} MchState;

typedef struct Mch {
    PciDevice dev; /* 00:00.0 */
    MchState state;
    PciBus root;
    MemoryRegion address_region, data_region, ecam_region, pam_region;
    const uint8_t *rom; /* borrowed; NULL: none, and RAM is never hidden */
    uint64_t rom_size;
} Mch;

extern const DeviceType mch_type; /* "mch" */

/* The board's helper: makes the bridge's bus known before it is realized. */
Mch *mch_new(Machine *machine, GError **errp);

/* Maps ECAM at @base, as firmware would have before it starts an operating
 * system: the board, when it boots a kernel directly, or the firmware has not. */
void mch_setup_ecam(Mch *host, uint64_t base);

/* Where the guest has put ECAM, or 0 if it is off, and for how many buses. */
uint64_t mch_ecam_base(const Mch *host, unsigned *ret_buses);

/* Shows the @size bytes at @rom (borrowed, whole MCH_ROM_UNITs, MCH_ROM_MAX at
 * most) below 1 MiB from the next reset on, until firmware puts RAM there by the PAM
 * registers. Without it all is RAM and there are no such registers: a kernel
 * that is entered directly finds what firmware would have left. Once. */
void mch_set_rom(Mch *host, const uint8_t *rom, uint64_t size);

#endif
