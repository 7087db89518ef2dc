/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modern PCI transport (specification 1.2, 4.1): only virtio-pci*.c know
 * both PCI and virtio. A proxy is a PCI device that owns a virtio device of its
 * type's backend type.
 *
 * BAR 1 is MSI-X. BAR 4 holds, each in pages of its own, the common, ISR,
 * device and notify structures. With modern-pio-notify=on the notify structure
 * is BAR 2, in I/O ports.
 *
 * While DRIVER_OK is set each queue's notify address is an ioeventfd on the
 * queue's `kick` and each vector an irqfd on the `call` of the queues it serves,
 * so that neither reaches user space. Without MSI-X the main loop turns `call`
 * into INTx.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/msix.h"
#include "hw/virtio/virtio.h"

#define VIRTIO_PCI_BAR_MSIX      1
#define VIRTIO_PCI_BAR_NOTIFY    2
#define VIRTIO_PCI_BAR_MODERN    4
#define VIRTIO_PCI_COMMON_OFFSET 0x0000u
#define VIRTIO_PCI_ISR_OFFSET    0x1000u
#define VIRTIO_PCI_DEVICE_OFFSET 0x2000u
#define VIRTIO_PCI_NOTIFY_OFFSET 0x3000u

typedef struct VirtIOPCIProxy VirtIOPCIProxy;

/* How one eventfd of the device reaches the guest: queue i's `call` is
 * interrupts[i], config_changed is interrupts[n_queues]. */
typedef struct VirtIOPCIInterrupt {
    VirtIOPCIProxy *proxy;
    uint16_t *vector; /* its own in VirtIOPCIState; MSIX_NO_VECTOR: none */
    uint8_t isr_bit;  /* what INTx shows in the ISR register */
    bool bound;       /* msix is bound */
    MsixBinding msix;
    EventNotifier *notifier; /* borrowed from the virtio device */
    GSource *intx_watch;     /* NULL while INTx is not in use */
} VirtIOPCIInterrupt;

/* The registers of the common and ISR structures that are not the virtio
 * device's: what is to be saved beside it, PciDeviceState and MsixState. */
typedef struct VirtIOPCIState {
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select;
    uint8_t isr;
    uint16_t *vectors; /* of each queue and of config_changed; owned */
} VirtIOPCIState;

struct VirtIOPCIProxy {
    PciDevice pci;
    VirtIOPCIState state;
    MemoryRegion region, ports; /* ports: only with modern-pio-notify */
    uint32_t notify_multiplier; /* bytes from one queue's address to the next */
    unsigned cfg_cap;           /* offset of the PCI-access capability */

    /* properties */
    uint32_t n_vectors; /* PROPERTY_AUTO until realize */
    bool page_per_vq, pio_notify;
    char *disable_legacy; /* "on", "auto" or NULL */
    bool disable_modern;  /* false */

    VirtIOPCIInterrupt *interrupts; /* n_queues + 1; owned */
    bool connected;       /* interrupts go to the guest: from DRIVER_OK on */
    bool notify_mapped;   /* ioeventfds are assigned ... */
    uint64_t notify_base; /* ... at this address */
};

/* What the PCI type of a virtio device is made of, see program/registry.c. */
extern const Property virtio_pci_props[];
bool virtio_pci_realize(Device *dev, GError **errp);
void virtio_pci_unrealize(Device *dev);
void virtio_pci_reset(Device *dev);

#endif
