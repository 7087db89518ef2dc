/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a modern virtio PCI device (specification 1.2, 4.1): finds
 * the structures behind the capabilities and gives each register a function.
 * What to do with them in which order stands in virtio.h.
 *
 * Any structure is reached through its BAR, or, with via_config, through the
 * PCI-access capability (4.1.4.9) in configuration space.
 */
#ifndef TESTS_LIBQOS_VIRTIO_PCI_H
#define TESTS_LIBQOS_VIRTIO_PCI_H

#include "libqos/pci.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>

#define QVIRTIO_PCI_VENDOR    0x1af4
#define QVIRTIO_PCI_DEVICE_ID 0x1040 /* plus the virtio device id */

/* Transitional devices have ids of their own and the virtio device id as
 * subsystem id (4.1.2.1, 4.1.2.3). */
#define QVIRTIO_PCI_TRANSITIONAL_MIN 0x1000
#define QVIRTIO_PCI_TRANSITIONAL_MAX 0x103f

/* Where a structure is. */
typedef struct QVirtioRegion {
    unsigned cap; /* of its capability in configuration space; 0: none */
    uint8_t bar;
    uint32_t offset, length;
} QVirtioRegion;

typedef struct QVirtioPCI {
    QPCIDevice *pci; /* borrowed */
    QVirtioRegion common, notify, isr, device;
    unsigned cfg_cap; /* the PCI-access capability */
    uint32_t notify_multiplier;
    bool via_config; /* set by the test */
} QVirtioPCI;

/* The first virtio device of that type, modern or transitional; fails the test
 * if there is none. */
QPCIDevice *qvirtio_pci_find(QPCIBus *bus, uint16_t virtio_id);

/* Finds the structures of @pci, which must be enabled; the first capability of
 * each type counts (4.1.4.1). Fails the test if a mandatory one is missing or
 * does not lie within its BAR. */
void qvirtio_pci_init(QVirtioPCI *v, QPCIDevice *pci);

/* One access of 1, 2 or 4 bytes in a structure; through the window in
 * configuration space if v->via_config. */
uint32_t qvirtio_pci_read(QVirtioPCI *v, const QVirtioRegion *r,
                          uint32_t offset, unsigned width);
void qvirtio_pci_write(QVirtioPCI *v, const QVirtioRegion *r, uint32_t offset,
                       unsigned width, uint32_t value);

/* --- common configuration, 4.1.4.3 --- */

uint8_t qvirtio_pci_get_status(QVirtioPCI *v);
void qvirtio_pci_set_status(QVirtioPCI *v, uint8_t status);
uint64_t qvirtio_pci_device_features(QVirtioPCI *v);
uint64_t qvirtio_pci_driver_features(QVirtioPCI *v);
void qvirtio_pci_set_driver_features(QVirtioPCI *v, uint64_t features);
uint16_t qvirtio_pci_num_queues(QVirtioPCI *v);
uint8_t qvirtio_pci_config_generation(QVirtioPCI *v);

/* VIRTIO_MSI_NO_VECTOR: none. Returns what the register reads afterwards. */
uint16_t qvirtio_pci_set_config_vector(QVirtioPCI *v, uint16_t vector);
uint16_t qvirtio_pci_set_queue_vector(QVirtioPCI *v, uint16_t queue,
                                      uint16_t vector);

/* Each selects the queue first. */
uint16_t qvirtio_pci_queue_size(QVirtioPCI *v, uint16_t queue);
void qvirtio_pci_set_queue_size(QVirtioPCI *v, uint16_t queue, uint16_t size);
void qvirtio_pci_set_queue_addresses(QVirtioPCI *v, uint16_t queue,
                                     uint64_t desc, uint64_t avail,
                                     uint64_t used);
void qvirtio_pci_enable_queue(QVirtioPCI *v, uint16_t queue);
bool qvirtio_pci_queue_enabled(QVirtioPCI *v, uint16_t queue);
uint16_t qvirtio_pci_queue_notify_off(QVirtioPCI *v, uint16_t queue);

/* --- the others --- */

/* Writes @queue to the notify address with @notify_off. */
void qvirtio_pci_notify(QVirtioPCI *v, uint16_t queue, uint16_t notify_off);

/* Bit 0: a queue, VIRTIO_PCI_ISR_CONFIG: configuration. Reading clears it and
 * lowers INTx. */
uint8_t qvirtio_pci_read_isr(QVirtioPCI *v);

/* The device's configuration, byte by byte, twice until its generation did not
 * change (4.1.3.1). */
void qvirtio_pci_read_config(QVirtioPCI *v, uint32_t offset, void *data,
                             size_t len);

#endif
