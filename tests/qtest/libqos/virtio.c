/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/malloc.h"
#include "libqos/virtio.h"

static void add_status(QVirtioDevice *dev, uint8_t bit)
{
    qvirtio_pci_set_status(&dev->regs,
                           qvirtio_pci_get_status(&dev->regs) | bit);
}

void qvirtio_reset(QVirtioDevice *dev)
{
    QTestPoll poll = { 0 };

    qvirtio_pci_set_status(&dev->regs, 0);
    while (qvirtio_pci_get_status(&dev->regs) != 0) {
        qtest_poll(dev->qts, &poll, "end of the device's reset");
    }
}

void qvirtio_init(QVirtioDevice *dev, QPCIDevice *pci, QGuestAllocator *alloc)
{
    memset(dev, 0, sizeof(*dev));
    dev->qts = pci->bus->qts;
    dev->alloc = alloc;
    qvirtio_pci_init(&dev->regs, pci);
    qvirtio_reset(dev);
    add_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    add_status(dev, VIRTIO_CONFIG_S_DRIVER);
}

void qvirtio_finish(QVirtioDevice *dev)
{
    qvirtio_reset(dev);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        g_clear_pointer(&dev->queues[i], qvring_free);
    }
    if (dev->mode == QVIRTIO_MSIX) {
        qpci_msix_disable(dev->regs.pci);
    }
    dev->n_queues = 0;
}

void qvirtio_negotiate(QVirtioDevice *dev, uint64_t wanted)
{
    uint64_t offered = qvirtio_pci_device_features(&dev->regs);

    g_assert_true(offered & QVIRTIO_BIT(VIRTIO_F_VERSION_1));
    dev->features = offered & (wanted | QVIRTIO_BIT(VIRTIO_F_VERSION_1));
    qvirtio_pci_set_driver_features(&dev->regs, dev->features);
    add_status(dev, VIRTIO_CONFIG_S_FEATURES_OK);
    if (!(qvirtio_pci_get_status(&dev->regs) & VIRTIO_CONFIG_S_FEATURES_OK)) {
        qtest_fail(dev->qts, "the device refuses features 0x%" PRIx64,
                   dev->features);
    }
}

static void setup_queue(QVirtioDevice *dev, uint16_t i)
{
    QVirtioPCI *regs = &dev->regs;
    uint16_t size = qvirtio_pci_queue_size(regs, i);
    QVirtQueue *q;

    if (!is_power_of_2(size)) {
        qtest_fail(dev->qts, "queue %u has size %u", i, size);
    }
    q = qvring_new(dev->qts, dev->alloc, size, dev->features);
    dev->queues[i] = q;
    dev->notify_off[i] = qvirtio_pci_queue_notify_off(regs, i);
    qvirtio_pci_set_queue_addresses(regs, i, q->desc, q->avail, q->used);
    if (dev->mode == QVIRTIO_MSIX) {
        qpci_msix_set_vector(regs->pci, i + 1u);
        g_assert_cmpuint(
            qvirtio_pci_set_queue_vector(regs, i, (uint16_t)(i + 1)), ==,
            i + 1);
    }
    qvirtio_pci_enable_queue(regs, i);
}

void qvirtio_setup_queues(QVirtioDevice *dev, uint16_t n, QVirtioMode mode)
{
    g_assert_cmpuint(n, <=, qvirtio_pci_num_queues(&dev->regs));
    g_assert_cmpuint(n, <=, QVIRTIO_QUEUES_MAX);
    dev->mode = mode;
    dev->n_queues = n;
    for (unsigned i = 0; i < n; i++) {
        dev->quiet[i] = mode != QVIRTIO_POLL;
    }
    if (mode == QVIRTIO_MSIX) {
        qpci_msix_enable(dev->regs.pci, dev->alloc);
        qpci_msix_set_vector(dev->regs.pci, 0);
        g_assert_cmpuint(qvirtio_pci_set_config_vector(&dev->regs, 0), ==, 0);
    }
    for (uint16_t i = 0; i < n; i++) {
        setup_queue(dev, i);
    }
}

void qvirtio_set_driver_ok(QVirtioDevice *dev)
{
    uint8_t status;

    add_status(dev, VIRTIO_CONFIG_S_DRIVER_OK);
    status = qvirtio_pci_get_status(&dev->regs);
    if (status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)) {
        qtest_fail(dev->qts, "the device has failed at DRIVER_OK: status 0x%x",
                   status);
    }
}

void qvirtio_notify(QVirtioDevice *dev, uint16_t queue)
{
    bool saved = dev->regs.via_config;

    dev->regs.via_config = saved || dev->via_config;
    qvirtio_pci_notify(&dev->regs, queue, dev->notify_off[queue]);
    dev->regs.via_config = saved;
}

bool qvirtio_kick(QVirtioDevice *dev, uint16_t queue)
{
    bool wanted = qvring_publish(dev->queues[queue]);

    if (wanted) {
        qvirtio_notify(dev, queue);
    }
    return wanted;
}

/* Whether the queue's interrupt has come. ISR is one for all of them, and
 * reading it takes what it says of the others and of the configuration. */
static bool interrupted(QVirtioDevice *dev, uint16_t queue)
{
    uint8_t isr;

    if (dev->mode == QVIRTIO_MSIX) {
        return qpci_msix_received(dev->regs.pci, queue + 1u);
    }
    isr = qvirtio_pci_read_isr(&dev->regs);
    dev->config_changed |= isr & VIRTIO_PCI_ISR_CONFIG;
    if (isr & 1) {
        memset(dev->quiet, 0, sizeof(dev->quiet));
    }
    return isr & 1;
}

bool qvirtio_get_used(QVirtioDevice *dev, uint16_t queue, QVirtUsed *ret)
{
    if (dev->quiet[queue] && !interrupted(dev, queue)) {
        return false;
    }
    dev->quiet[queue] = false;
    if (qvring_get_used(dev->queues[queue], ret)) {
        return true;
    }
    dev->quiet[queue] = dev->mode != QVIRTIO_POLL;
    return false;
}

void qvirtio_wait_used(QVirtioDevice *dev, uint16_t queue, QVirtUsed *ret)
{
    QTestPoll poll = { 0 };

    while (!qvirtio_get_used(dev, queue, ret)) {
        qtest_poll(dev->qts, &poll, "used entry");
    }
}

void qvirtio_wait_config(QVirtioDevice *dev)
{
    QTestPoll poll = { 0 };

    g_assert_cmpint(dev->mode, !=, QVIRTIO_POLL);
    if (dev->mode == QVIRTIO_MSIX) {
        qpci_msix_wait(dev->regs.pci, 0);
        return;
    }
    while (!dev->config_changed) {
        qtest_poll(dev->qts, &poll, "change of configuration");
        (void)interrupted(dev, 0);
    }
    dev->config_changed = false;
}
