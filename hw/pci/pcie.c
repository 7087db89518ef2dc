/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pcie.h"

#define CAP_VERSION 2
#define CAP_SIZE    0x3c /* of version 2, 7.5.3.1 */

/* A link of one lane at 2.5 GT/s: nothing depends on it, but a guest that finds
 * a port slower than its endpoint says so. */
#define LINK_SPEED PCI_EXP_LNKCAP_SLS_2_5GB
#define LINK_WIDTH 1u

#define DEVCTL_WRITABLE                                                       \
    (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |       \
     PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | \
     PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)
#define DEVCTL_DEFAULT                                     \
    (PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | \
     PCI_EXP_DEVCTL_READRQ_512B)
#define LNKCTL_WRITABLE                                               \
    (PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | \
     PCI_EXP_LNKCTL_ES)

unsigned pcie_cap_init(PciDevice *dev, uint8_t type, uint8_t port)
{
    unsigned cap = pci_add_capability(dev, PCI_CAP_ID_EXP, CAP_SIZE, NULL);
    uint8_t *c = dev->state.config + cap, *w = dev->wmask + cap;

    dev->is_express = true;
    pci_set_word(c + PCI_EXP_FLAGS, (uint16_t)(CAP_VERSION | type << 4));
    pci_set_long(c + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_RBER);
    pci_set_word(c + PCI_EXP_DEVCTL, DEVCTL_DEFAULT);
    pci_set_word(w + PCI_EXP_DEVCTL, DEVCTL_WRITABLE);
    pci_set_word(dev->w1cmask + cap + PCI_EXP_DEVSTA,
                 PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED |
                     PCI_EXP_DEVSTA_URD);
    pci_set_long(c + PCI_EXP_LNKCAP,
                 LINK_SPEED | LINK_WIDTH << 4 | (uint32_t)port << 24);
    pci_set_word(w + PCI_EXP_LNKCTL, LNKCTL_WRITABLE);
    pci_set_word(c + PCI_EXP_LNKSTA,
                 LINK_SPEED | LINK_WIDTH << PCI_EXP_LNKSTA_NLW_SHIFT);
    pci_set_long(c + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB);
    pci_set_word(c + PCI_EXP_LNKCTL2, LINK_SPEED);
    pci_set_word(w + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
    return cap;
}
