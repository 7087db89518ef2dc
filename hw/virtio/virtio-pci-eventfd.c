/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtio-pci-int.h"
#include "system/machine.h"
#include "util/log.h"

#include <linux/virtio_pci.h>

/* --- interrupts --- */

/* INTx, 4.1.4.5: the ISR register shows why; reading it lowers the line. */
static bool intx_event(void *opaque, GIOCondition condition)
{
    VirtIOPCIInterrupt *irq = opaque;

    if (event_notifier_test_and_clear(irq->notifier)) {
        irq->proxy->state.isr |= irq->isr_bit;
        pci_set_intx(&irq->proxy->pci, true);
    }
    return true;
}

static void disconnect_interrupt(VirtIOPCIInterrupt *irq)
{
    machine_unwatch(&irq->intx_watch);
    if (irq->bound) {
        msix_unbind(&irq->proxy->pci, &irq->msix);
        irq->bound = false;
    }
}

static void connect_interrupt(VirtIOPCIInterrupt *irq)
{
    PciDevice *pci = &irq->proxy->pci;

    disconnect_interrupt(irq);
    if (!msix_enabled(pci)) {
        irq->intx_watch = machine_watch_fd(pci->dev.machine, irq->notifier->fd,
                                           G_IO_IN, intx_event, irq);
        return;
    }
    if (*irq->vector == MSIX_NO_VECTOR) {
        return;
    }
    irq->msix = (MsixBinding){ .notifier = irq->notifier,
                               .vector = *irq->vector };
    irq->bound = msix_bind(pci, &irq->msix) == 0;
    if (!irq->bound && !(virtio_pci_vdev(irq->proxy)->state.status &
                         VIRTIO_CONFIG_S_NEEDS_RESET)) {
        virtio_error(virtio_pci_vdev(irq->proxy),
                     "no interrupt route for MSI-X vector %u", *irq->vector);
    }
}

/* All vectors that are in use, in one go. */
static void prepare_vectors(VirtIOPCIProxy *proxy)
{
    unsigned n = virtio_pci_vdev(proxy)->n_queues + 1, n_used = 0;
    g_autofree uint16_t *vectors = g_new(uint16_t, n);

    for (unsigned i = 0; i < n; i++) {
        if (proxy->state.vectors[i] != MSIX_NO_VECTOR) {
            vectors[n_used++] = proxy->state.vectors[i];
        }
    }
    msix_prepare(&proxy->pci, vectors, n_used);
}

static void connect_interrupts(VirtIOPCIProxy *proxy)
{
    for (unsigned i = 0; i <= virtio_pci_vdev(proxy)->n_queues; i++) {
        disconnect_interrupt(&proxy->interrupts[i]);
    }
    if (msix_enabled(&proxy->pci)) {
        prepare_vectors(proxy);
    }
    for (unsigned i = 0; i <= virtio_pci_vdev(proxy)->n_queues; i++) {
        connect_interrupt(&proxy->interrupts[i]);
    }
    proxy->connected = true;
}

static void disconnect_interrupts(VirtIOPCIProxy *proxy)
{
    for (unsigned i = 0; i <= virtio_pci_vdev(proxy)->n_queues; i++) {
        disconnect_interrupt(&proxy->interrupts[i]);
    }
    proxy->connected = false;
    proxy->state.isr = 0;
    pci_set_intx(&proxy->pci, false);
}

void virtio_pci_set_vector(VirtIOPCIProxy *proxy, VirtIOPCIInterrupt *irq,
                           uint16_t vector)
{
    /* 4.1.5.1.2: reading NO_VECTOR back tells the driver that it failed. */
    *irq->vector = vector < msix_n_vectors(&proxy->pci) ? vector
                                                        : MSIX_NO_VECTOR;
    if (proxy->connected) {
        connect_interrupt(irq);
    }
}

/* --- notifications --- */

/* Where the guest has put the notify structure, or UINT64_MAX: nowhere. */
static uint64_t notify_address(const VirtIOPCIProxy *proxy)
{
    if (proxy->pio_notify) {
        return proxy->ports.as ? proxy->ports.base : UINT64_MAX;
    }
    return proxy->region.as ? proxy->region.base + VIRTIO_PCI_NOTIFY_OFFSET
                            : UINT64_MAX;
}

static IoEventFd notify_ioeventfd(const VirtIOPCIProxy *proxy, unsigned queue)
{
    const Machine *m = proxy->pci.dev.machine;

    return (IoEventFd){
        .as = proxy->pio_notify ? &m->io : &m->memory,
        .addr = proxy->notify_base + queue * proxy->notify_multiplier,
        /* A driver writes 16 bits (4.1.4.4). In memory any width means the
         * same, and KVM need not look which it is. */
        .size = proxy->pio_notify ? 2 : 0,
        .fd = virtio_pci_vdev(proxy)->queues[queue].kick.fd,
    };
}

static void unmap_notify(VirtIOPCIProxy *proxy)
{
    Accel *accel = proxy->pci.dev.machine->accel;

    for (unsigned i = 0;
         proxy->notify_mapped && i < virtio_pci_vdev(proxy)->n_queues; i++) {
        IoEventFd io = notify_ioeventfd(proxy, i);

        (void)accel->ops->ioeventfd_del(accel, &io);
    }
    proxy->notify_mapped = false;
}

/* Gives each queue's notify address to the accelerator, where the BAR is now.
 * An address that cannot be given away is served by virtio_pci_notify(),
 * slower. */
static void map_notify(VirtIOPCIProxy *proxy)
{
    Accel *accel = proxy->pci.dev.machine->accel;

    unmap_notify(proxy);
    proxy->notify_base = notify_address(proxy);
    proxy->notify_mapped = proxy->notify_base != UINT64_MAX;
    if (!proxy->notify_mapped) {
        return;
    }
    for (unsigned i = 0; i < virtio_pci_vdev(proxy)->n_queues; i++) {
        IoEventFd io = notify_ioeventfd(proxy, i);
        int r = accel->ops->ioeventfd_add(accel, &io);

        if (r < 0) {
            virtio_warn(virtio_pci_vdev(proxy),
                        "no ioeventfd for queue %u (%s): its notifications "
                        "take the slow path through user space",
                        i, g_strerror(-r));
        }
    }
}

void virtio_pci_notify(VirtIOPCIProxy *proxy, uint64_t offset)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);
    uint64_t queue = offset / proxy->notify_multiplier;

    trace(virtio_pci_notify_slow, "%s queue=%" PRIu64, virtio_pci_label(proxy),
          queue);
    if (queue < vdev->n_queues) {
        event_notifier_set(&vdev->queues[queue].kick);
    }
}

/* --- both --- */

void virtio_pci_connect(VirtIOPCIProxy *proxy)
{
    map_notify(proxy);
    connect_interrupts(proxy);
}

void virtio_pci_disconnect(VirtIOPCIProxy *proxy)
{
    unmap_notify(proxy);
    disconnect_interrupts(proxy);
}

void virtio_pci_follow_config(VirtIOPCIProxy *proxy, bool had_msix)
{
    if (!proxy->connected) {
        return;
    }
    if (msix_enabled(&proxy->pci) != had_msix) {
        connect_interrupts(proxy);
        /* PCI 3.0, 6.8.2: with MSI-X enabled INTx is not used. */
        pci_set_intx(&proxy->pci, had_msix && proxy->state.isr);
    }
    if (notify_address(proxy) !=
        (proxy->notify_mapped ? proxy->notify_base : UINT64_MAX)) {
        map_notify(proxy);
    }
}
