/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What any PCI host bridge does: a processor's access to configuration space,
 * and ECAM, which turns addresses of memory into such accesses (PCI Express
 * 5.0, 7.2.2). Where ECAM lies is the board's.
 */
#ifndef HW_PCI_PCI_HOST_H
#define HW_PCI_PCI_HOST_H

#include "hw/pci/pci.h"

/* Who answers as @devfn on bus number @bus, or NULL. Machine lock. */
PciDevice *pci_host_find(PciBus *root, unsigned bus, uint8_t devfn);

/* An access of 1, 2, 4 or 8 bytes of any alignment; NULL reads as all ones.
 * Machine lock. */
uint64_t pci_host_read(PciDevice *dev, uint32_t addr, unsigned size);
void pci_host_write(PciDevice *dev, uint32_t addr, uint64_t value,
                    unsigned size);

/* Makes @region ECAM of the buses of @root (borrowed), one MiB for each; the
 * caller maps it. */
void pcie_ecam_init(MemoryRegion *region, PciBus *root, uint64_t size);

#endif
