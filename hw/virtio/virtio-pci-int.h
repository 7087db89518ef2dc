/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What virtio-pci.c, the registers, shares with virtio-pci-eventfd.c: how
 * the eventfds of a device reach the guest and are reached by it, around user
 * space. All under the machine lock.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_INT_H
#define HW_VIRTIO_VIRTIO_PCI_INT_H

#include "hw/virtio/virtio-pci.h"

static inline VirtIODevice *virtio_pci_vdev(const VirtIOPCIProxy *proxy)
{
    return virtio_device_from(proxy->pci.dev.backend);
}

static inline const char *virtio_pci_label(const VirtIOPCIProxy *proxy)
{
    return device_label(&proxy->pci.dev);
}

/* Connects the eventfds: an ioeventfd for each notify address, an interrupt for each
 * `call`. What the accelerator refuses is warned of, and served by user space
 * (notifications) or fails the device (interrupts). */
void virtio_pci_connect(VirtIOPCIProxy *proxy);
/* Undoes that; fine if they are not connected. */
void virtio_pci_disconnect(VirtIOPCIProxy *proxy);
/* After a write to configuration space: MSI-X was switched on or off (@had_msix:
 * whether it was on before), or a BAR moved. */
void virtio_pci_follow_config(VirtIOPCIProxy *proxy, bool had_msix);
/* 4.1.5.1.2: one of the vectors; beyond the table is VIRTIO_MSI_NO_VECTOR. */
void virtio_pci_set_vector(VirtIOPCIProxy *proxy, VirtIOPCIInterrupt *irq,
                           uint16_t vector);
/* A notification that reached user space, at @offset of the notify structure.
 * Does not need virtio_enter(). */
void virtio_pci_notify(VirtIOPCIProxy *proxy, uint64_t offset);

#endif
