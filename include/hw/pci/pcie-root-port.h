/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PCI Express root port, 1b36:000c: a bridge on the root bus with one slot
 * behind it, where a device may be put in and taken out while the guest runs by
 * PCI Express' native hotplug. PCI-to-PCI Bridge 1.2, PCI Express 5.0.
 *
 * Its bus has the port's id for a name; only slot 0 is there, with functions 0
 * to 7. Configuration accesses follow the bridge's bus numbers. Its address
 * windows are registers that the guest may program and nothing else: a BAR
 * behind it answers where it says, whatever the windows are.
 */
#ifndef HW_PCI_PCIE_ROOT_PORT_H
#define HW_PCI_PCIE_ROOT_PORT_H

#include "hw/pci/pcie.h"

/* What is to be saved beside PciDeviceState and MsixState. */
typedef struct PcieRootPortState {
    PcieSlot slot;
    uint8_t intx[4]; /* for each pin, the functions behind that drive it */
    bool message;    /* sent for the events that wait */
} PcieRootPortState;

typedef struct PcieRootPort {
    PciDevice pci;
    PcieRootPortState state;
    PciBus secondary;
    char *bus_name; /* owned */
    unsigned exp_cap;

    /* properties */
    uint8_t port;
    uint8_t chassis;
    uint16_t slot_number;
    bool hotplug;
} PcieRootPort;

extern const DeviceType pcie_root_port_type; /* "pcie-root-port" */

#endif
