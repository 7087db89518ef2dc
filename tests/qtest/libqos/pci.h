/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Root bus 0 of a q35 machine as firmware and drivers see it.
 *
 *     QPCIBus bus;
 *     QPCIDevice *dev;
 *
 *     qpci_init(&bus, s);                       ECAM is on from here on
 *     dev = qpci_device_find(&bus, 0x1af4, 0x1048);
 *     qpci_device_enable(dev);                  sizes and places all BARs
 *     value = qpci_io_readl(dev, 4, 0x14);      BAR 4, offset 0x14
 *     qpci_msix_enable(dev, allocator);
 *     qpci_msix_set_vector(dev, 0);
 *     ... qpci_msix_received(dev, 0) ...
 *     qpci_device_free(dev);
 *
 * Configuration space is reached by ECAM, or by ports 0xcf8 and 0xcfc where
 * the name has a p ("port"). Register numbers are those of <linux/pci_regs.h>.
 *
 * An MSI-X message is a write of a 32-bit value, here to RAM: each vector has
 * an address and a value of its own, so that a message that goes astray is
 * seen.
 */
#ifndef TESTS_LIBQOS_PCI_H
#define TESTS_LIBQOS_PCI_H

#include "libqtest.h"

#include <linux/pci_regs.h>

#define QPCI_DEVFNS       256
#define QPCI_BARS         6
#define QPCI_ECAM_BASE    UINT64_C(0xb0000000)
#define QPCI_CAPS_MAX     48 /* what fits behind the header */
#define QPCI_DEVFN(s, f)  ((uint8_t)((s) << 3 | (f)))
#define QPCI_MCH_PCIEXBAR 0x60 /* of 00:00.0, Intel 3 Series 5.1.13 */

typedef struct QGuestAllocator QGuestAllocator;

typedef struct QPCIBus {
    QTestState *qts;
    uint64_t ecam;      /* where it is */
    uint64_t next_mmio; /* first address that no BAR has been given */
    uint16_t next_port;
} QPCIBus;

typedef struct QPCIBar {
    uint64_t size; /* 0: there is none, or it is the upper half of one */
    uint64_t addr; /* valid once enabled */
    bool is_io, is_64, is_prefetchable;
} QPCIBar;

typedef struct QPCIDevice {
    QPCIBus *bus; /* borrowed */
    uint8_t devfn;
    QPCIBar bars[QPCI_BARS]; /* valid once enabled */

    /* MSI-X; valid with msix_cap */
    unsigned msix_cap; /* 0: not enabled */
    unsigned n_vectors;
    unsigned table_bar, pba_bar;
    uint32_t table_offset, pba_offset;
    QGuestAllocator *alloc;
    uint64_t messages; /* one 32-bit word for each vector */
} QPCIDevice;

/* Finds ECAM, or puts it at QPCI_ECAM_BASE if it is off. */
void qpci_init(QPCIBus *bus, QTestState *s);

/* --- configuration space --- */

/* One access; @width is 1, 2 or 4; @reg < 4096, by port < 256. */
uint32_t qpci_read_config(QPCIBus *bus, uint8_t devfn, unsigned reg,
                          unsigned width);
void qpci_write_config(QPCIBus *bus, uint8_t devfn, unsigned reg,
                       unsigned width, uint32_t value);
uint32_t qpci_read_pconfig(QPCIBus *bus, uint8_t devfn, unsigned reg,
                           unsigned width);
void qpci_write_pconfig(QPCIBus *bus, uint8_t devfn, unsigned reg,
                        unsigned width, uint32_t value);

uint8_t qpci_config_readb(QPCIDevice *dev, unsigned reg);
uint16_t qpci_config_readw(QPCIDevice *dev, unsigned reg);
uint32_t qpci_config_readl(QPCIDevice *dev, unsigned reg);
void qpci_config_writeb(QPCIDevice *dev, unsigned reg, uint8_t value);
void qpci_config_writew(QPCIDevice *dev, unsigned reg, uint16_t value);
void qpci_config_writel(QPCIDevice *dev, unsigned reg, uint32_t value);

/* --- devices --- */

/* NULL if nothing answers there. */
QPCIDevice *qpci_device_at(QPCIBus *bus, uint8_t devfn);
/* The first with that identity; fails the test if there is none. */
QPCIDevice *qpci_device_find(QPCIBus *bus, uint16_t vendor, uint16_t device);
/* Takes NULL. The machine keeps the device as it is, MSI-X and all. */
void qpci_device_free(QPCIDevice *dev);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QPCIDevice, qpci_device_free)

/* Offset of the capability with @id behind the one at @after (0: from the
 * start), or 0. Fails the test if the list is malformed: an offset in the
 * header or unaligned, or a loop. */
unsigned qpci_find_capability(QPCIDevice *dev, uint8_t id, unsigned after);

/* Sizes BAR @n as a driver does and leaves it as it was; decoding must be
 * off. */
QPCIBar qpci_bar_probe(QPCIDevice *dev, unsigned n);
/* Writes a BAR's address, whose BAR must have been probed into dev->bars. */
void qpci_bar_set(QPCIDevice *dev, unsigned n, uint64_t addr);

/* Probes all BARs, gives each a place of its own, 64-bit prefetchable ones
 * above 4 GiB, and switches decoding and bus mastering on. */
void qpci_device_enable(QPCIDevice *dev);

/* One access in a BAR. */
uint8_t qpci_io_readb(QPCIDevice *dev, unsigned bar, uint64_t offset);
uint16_t qpci_io_readw(QPCIDevice *dev, unsigned bar, uint64_t offset);
uint32_t qpci_io_readl(QPCIDevice *dev, unsigned bar, uint64_t offset);
void qpci_io_writeb(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint8_t value);
void qpci_io_writew(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint16_t value);
void qpci_io_writel(QPCIDevice *dev, unsigned bar, uint64_t offset,
                    uint32_t value);

/* --- MSI-X --- */

/* Switches MSI-X on with all vectors masked. */
void qpci_msix_enable(QPCIDevice *dev, QGuestAllocator *alloc);
void qpci_msix_disable(QPCIDevice *dev);
/* Gives @vector its message and unmasks it. */
void qpci_msix_set_vector(QPCIDevice *dev, unsigned vector);
void qpci_msix_mask(QPCIDevice *dev, unsigned vector, bool masked);
/* The function mask, which masks all. */
void qpci_msix_mask_all(QPCIDevice *dev, bool masked);
bool qpci_msix_pending(QPCIDevice *dev, unsigned vector);

/* The value that @vector's message writes. */
uint32_t qpci_msix_data(unsigned vector);
/* Whether @vector's message has come since the last call; clears it. Fails the
 * test if its word has anything else. */
bool qpci_msix_received(QPCIDevice *dev, unsigned vector);
/* Waits for it, with libqtest's bound. */
void qpci_msix_wait(QPCIDevice *dev, unsigned vector);

#endif
