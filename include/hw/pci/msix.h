/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X (PCI Local Bus 3.0, 6.8.2): table and pending bits in a BAR.
 *
 * A vector may be bound to an eventfd. While the vector is enabled and not
 * masked the accelerator turns each signal of the eventfd into the message
 * (irqfd); while it is masked signals stay in the eventfd, which is the
 * pending bit, and are delivered when the mask goes. User space sees neither.
 * A device that is no bus master sends no message: what comes meanwhile is
 * pending.
 * All functions need the machine lock.
 */
#ifndef HW_PCI_MSIX_H
#define HW_PCI_MSIX_H

#include "hw/pci/pci.h"
#include "util/event-notifier.h"

#define MSIX_VECTORS_MAX 2048
#define MSIX_NO_VECTOR   0xffff

typedef struct MsixBinding {
    EventNotifier *notifier; /* borrowed */
    uint16_t vector;
    int route; /* of the irqfd; -1 while it is not assigned */
} MsixBinding;

/* What the guest has set and what it has not been sent: of its own state, all
 * that there is to save but the enable and mask bits in configuration space. */
typedef struct MsixState {
    uint8_t *table;   /* 16 bytes a vector; owned */
    uint8_t *pending; /* a byte a vector, for msix_notify(); owned */
} MsixState;

typedef struct Msix {
    MsixState state;
    unsigned n_vectors;
    unsigned cap;        /* offset of the capability */
    MemoryRegion region; /* table at 0, pending bits at pba_offset */
    unsigned pba_offset;
    bool route_failed;   /* said once that there is no route */
    GPtrArray *bindings; /* MsixBinding, borrowed from who bound them */
} Msix;

/* Adds the capability and BAR @bar with @n_vectors (1 .. MSIX_VECTORS_MAX)
 * vectors. */
void msix_init(PciDevice *dev, unsigned n_vectors, unsigned bar);
/* Frees it; all bindings are gone. Fine without msix_init(). */
void msix_finish(PciDevice *dev);

/* 0: the device has no MSI-X. */
unsigned msix_n_vectors(const PciDevice *dev);

/* Whether the guest has enabled MSI-X. */
bool msix_enabled(const PciDevice *dev);

/* Sends vector @vector's message, or marks it pending while it is masked or the
 * device is no bus master. For events that arise in user space. Nothing while MSI-X is disabled. */
void msix_notify(PciDevice *dev, unsigned vector);

/* msix_bind() will be called for each of these @n vectors next, which is cheaper
 * for all together. */
void msix_prepare(PciDevice *dev, const uint16_t *vectors, unsigned n);
/* From now on signals of @b->notifier deliver @b->vector. @b is borrowed until
 * msix_unbind(). Returns 0 or -errno (then it is not bound). */
int msix_bind(PciDevice *dev, MsixBinding *b);
/* Fine if it is not bound. */
void msix_unbind(PciDevice *dev, MsixBinding *b);

#endif
