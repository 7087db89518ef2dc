/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What PCI Express adds to a PCI function: its capability (PCI Express 5.0,
 * 7.5.3) and the hotplug registers of a slot (7.5.3.9 to 7.5.3.11, 6.7).
 *
 * A slot is a state machine on its two registers that knows no device: the port
 * that owns it does what an action says. Machine lock.
 */
#ifndef HW_PCI_PCIE_H
#define HW_PCI_PCIE_H

#include "hw/pci/pci.h"

/* Adds the capability, version 2, and the 4 KiB space. @type is
 * PCI_EXP_TYPE_ENDPOINT or _ROOT_PORT; @port is a port's number. Returns the
 * capability's offset. */
unsigned pcie_cap_init(PciDevice *dev, uint8_t type, uint8_t port);

/* How long a guest has to answer an attention button, by the machine's clock:
 * pressing it again within 5 s would take it back (6.7.1.5). */
#define PCIE_SLOT_BUTTON_NS (INT64_C(5) * 1000 * 1000 * 1000)

typedef struct PcieSlot {
    uint16_t control, status; /* as the guest reads them */
    bool link;                /* data link layer active, of link status */
    bool unplug;              /* the button was pressed for a device_del ... */
    int64_t asked_ns;         /* ... then, by the machine's clock */
} PcieSlot;

/* What is left to do for the port after the guest wrote slot control. */
enum {
    PCIE_SLOT_POWER_OFF = 1 << 0, /* what is plugged loses its state */
    PCIE_SLOT_EJECT = 1 << 1,     /* what is plugged leaves */
    PCIE_SLOT_REFUSED = 1 << 2,   /* the guest takes the request back */
};

typedef enum PcieSlotAnswer {
    PCIE_SLOT_ASKED,   /* the button is pressed */
    PCIE_SLOT_NOBODY,  /* there is nobody to ask: remove it */
    PCIE_SLOT_PENDING, /* it was pressed less than 5 s ago */
    PCIE_SLOT_BUSY,    /* the power indicator blinks: a transition goes on */
} PcieSlotAnswer;

/* Power-on state: a slot with a card has power, an empty one has none. */
void pcie_slot_reset(PcieSlot *s, bool present);

/* A card comes to, or has gone from, a guest that has begun to run. It is
 * without power until the guest switches the slot on; an empty slot is off. */
void pcie_slot_insert(PcieSlot *s);
void pcie_slot_remove(PcieSlot *s);

/* device_del; @guest: there is a guest that can answer. */
PcieSlotAnswer pcie_slot_request(PcieSlot *s, bool guest, int64_t now_ns);

/* The guest writes slot control, or ones to the event bits of slot status.
 * The former returns PCIE_SLOT_* actions. */
unsigned pcie_slot_write_control(PcieSlot *s, uint16_t value);
void pcie_slot_write_status(PcieSlot *s, uint16_t ones);

/* Whether what is plugged has power. */
bool pcie_slot_has_power(const PcieSlot *s);

/* Whether an event that the guest has enabled waits (6.7.3.4). */
bool pcie_slot_interrupt(const PcieSlot *s);

#endif
