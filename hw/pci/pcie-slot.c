/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pcie.h"

#define POWER_OFF PCI_EXP_SLTCTL_PCC /* the bit is set while it is off */

/* There is no MRL sensor, no interlock and no command completed: a write takes
 * effect before it ends. */
#define CONTROL_WRITABLE                                               \
    (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PFDE | PCI_EXP_SLTCTL_PDCE | \
     PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_AIC | PCI_EXP_SLTCTL_PIC |   \
     PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_DLLSCE)
#define EVENTS                                                      \
    (PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PFD | PCI_EXP_SLTSTA_PDC | \
     PCI_EXP_SLTSTA_DLLSC)

static unsigned power_indicator(uint16_t control)
{
    return control & PCI_EXP_SLTCTL_PIC;
}

/* 6.7.1.1.2: off means that the slot has no power and the card may go. */
static bool is_off(uint16_t control)
{
    return (control & POWER_OFF) &&
           power_indicator(control) == PCI_EXP_SLTCTL_PWR_IND_OFF;
}

static void set_link(PcieSlot *s, bool link)
{
    if (s->link != link) {
        s->link = link;
        s->status |= PCI_EXP_SLTSTA_DLLSC;
    }
}

static void set_power(PcieSlot *s, bool on)
{
    s->control &= (uint16_t) ~(PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC);
    s->control |= on ? PCI_EXP_SLTCTL_PWR_IND_ON
                     : POWER_OFF | PCI_EXP_SLTCTL_PWR_IND_OFF;
}

void pcie_slot_reset(PcieSlot *s, bool present)
{
    *s = (PcieSlot){
        .control = PCI_EXP_SLTCTL_ATTN_IND_OFF,
        .status = present ? PCI_EXP_SLTSTA_PDS : 0,
        .link = present,
    };
    set_power(s, present);
}

/* The card comes into a slot without power, whoever controls it: a driver that
 * finds the power on takes the card for one that it has seen, and a guest that
 * boots may be past its scan of the buses and not yet at its hotplug driver.
 *
 * The link comes up with the card although the guest has not switched the power
 * on yet: Linux, which enables no presence event where there is an attention
 * button, turns a slot on at once if its link does, and five seconds after the
 * button otherwise. The card answers only with power. */
void pcie_slot_insert(PcieSlot *s)
{
    set_power(s, false);
    s->status |= PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC;
    set_link(s, true);
}

void pcie_slot_remove(PcieSlot *s)
{
    s->status &= (uint16_t)~PCI_EXP_SLTSTA_PDS;
    s->status |= PCI_EXP_SLTSTA_PDC;
    set_link(s, false);
    s->unplug = false;
    set_power(s, false);
}

PcieSlotAnswer pcie_slot_request(PcieSlot *s, bool guest, int64_t now_ns)
{
    if (!guest || !(s->control & PCI_EXP_SLTCTL_ABPE) || is_off(s->control)) {
        return PCIE_SLOT_NOBODY;
    }
    if (s->unplug && now_ns - s->asked_ns < PCIE_SLOT_BUTTON_NS) {
        return PCIE_SLOT_PENDING;
    }
    if (power_indicator(s->control) == PCI_EXP_SLTCTL_PWR_IND_BLINK) {
        return PCIE_SLOT_BUSY;
    }
    s->unplug = true;
    s->asked_ns = now_ns;
    s->status |= PCI_EXP_SLTSTA_ABP;
    return PCIE_SLOT_ASKED;
}

unsigned pcie_slot_write_control(PcieSlot *s, uint16_t value)
{
    uint16_t old = s->control;
    uint16_t now = value & CONTROL_WRITABLE;
    unsigned actions = 0;

    s->control = now;
    if (~old & now & POWER_OFF) {
        set_link(s, false);
        actions |= PCIE_SLOT_POWER_OFF;
    } else if (old & ~now & POWER_OFF) {
        set_link(s, s->status & PCI_EXP_SLTSTA_PDS);
    }
    if (s->unplug && is_off(now)) {
        actions |= PCIE_SLOT_EJECT;
    } else if (s->unplug && !(now & POWER_OFF) &&
               power_indicator(old) == PCI_EXP_SLTCTL_PWR_IND_BLINK &&
               power_indicator(now) == PCI_EXP_SLTCTL_PWR_IND_ON) {
        s->unplug = false;
        actions |= PCIE_SLOT_REFUSED;
    }
    return actions;
}

void pcie_slot_write_status(PcieSlot *s, uint16_t ones)
{
    s->status &= (uint16_t) ~(ones & EVENTS);
}

bool pcie_slot_has_power(const PcieSlot *s)
{
    return !(s->control & POWER_OFF);
}

bool pcie_slot_interrupt(const PcieSlot *s)
{
    /* The enables of ABP, PFD and PDC are the same bits as the events. */
    static_assert(PCI_EXP_SLTCTL_ABPE == PCI_EXP_SLTSTA_ABP &&
                      PCI_EXP_SLTCTL_PFDE == PCI_EXP_SLTSTA_PFD &&
                      PCI_EXP_SLTCTL_PDCE == PCI_EXP_SLTSTA_PDC,
                  "PCI Express 5.0, 7.5.3.10 and 7.5.3.11");
    uint16_t enabled = s->control & (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PFDE |
                                     PCI_EXP_SLTCTL_PDCE);

    if (s->control & PCI_EXP_SLTCTL_DLLSCE) {
        enabled |= PCI_EXP_SLTSTA_DLLSC;
    }
    return (s->control & PCI_EXP_SLTCTL_HPIE) && (s->status & enabled);
}
