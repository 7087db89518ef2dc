/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The q35 memory controller hub seen as PCI host bridge: configuration
 * mechanism #1 (0xcf8/0xcfc), ECAM (hw/pci/pci-host.h) at PCIEXBAR, root bus
 * "pcie.0", and its own function 8086:29c0 at 00:00.0. Intel 3 Series Express
 * Chipset datasheet, 5.1.
 */
#ifndef HW_I386_MCH_H
#define HW_I386_MCH_H

#include "hw/pci/pci.h"

#define MCH_ECAM_BASE UINT64_C(0xb0000000)
#define MCH_ECAM_SIZE (256 * MiB)

/* What is to be saved beside PciDeviceState. */
typedef struct MchState {
    uint32_t config_address; /* 0xcf8 */
} MchState;

typedef struct Mch {
    PciDevice dev; /* 00:00.0 */
    MchState state;
    PciBus root;
    MemoryRegion address_region, data_region, ecam_region;
} Mch;

extern const DeviceType mch_type; /* "mch" */

/* The board's helper: makes the bridge's bus known before it is realized. */
Mch *mch_new(Machine *machine, GError **errp);

/* Maps ECAM at @base, as firmware would have before it starts an operating
 * system. The board calls it at reset when it boots a kernel directly. */
void mch_setup_ecam(Mch *host, uint64_t base);

#endif
