/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/virtio-pci.h"

static bool is_virtio(QPCIDevice *pci, uint16_t virtio_id)
{
    uint16_t id = qpci_config_readw(pci, PCI_DEVICE_ID);

    if (qpci_config_readw(pci, PCI_VENDOR_ID) != QVIRTIO_PCI_VENDOR) {
        return false;
    }
    return id == QVIRTIO_PCI_DEVICE_ID + virtio_id ||
           (id >= QVIRTIO_PCI_TRANSITIONAL_MIN &&
            id <= QVIRTIO_PCI_TRANSITIONAL_MAX &&
            qpci_config_readw(pci, PCI_SUBSYSTEM_ID) == virtio_id);
}

QPCIDevice *qvirtio_pci_find(QPCIBus *bus, uint16_t virtio_id)
{
    for (unsigned devfn = 0; devfn < QPCI_DEVFNS; devfn++) {
        QPCIDevice *pci = qpci_device_at(bus, (uint8_t)devfn);

        if (pci && is_virtio(pci, virtio_id)) {
            return pci;
        }
        qpci_device_free(pci);
    }
    qtest_fail(bus->qts, "no virtio device of type %u", virtio_id);
}

static QVirtioRegion read_cap(QPCIDevice *pci, unsigned cap)
{
    return (QVirtioRegion){
        .cap = cap,
        .bar = qpci_config_readb(pci, cap + VIRTIO_PCI_CAP_BAR),
        .offset = qpci_config_readl(pci, cap + VIRTIO_PCI_CAP_OFFSET),
        .length = qpci_config_readl(pci, cap + VIRTIO_PCI_CAP_LENGTH),
    };
}

/* Takes the structure if it is the first of its type, and checks it. */
static void take_region(QPCIDevice *pci, unsigned cap, QVirtioRegion *region)
{
    if (region->cap) {
        return;
    }
    *region = read_cap(pci, cap);
    if (region->bar >= QPCI_BARS ||
        !range_within(region->offset, region->length,
                      pci->bars[region->bar].size)) {
        qtest_fail(pci->bus->qts,
                   "virtio capability at 0x%x: 0x%x bytes at 0x%x do not lie "
                   "in BAR %u",
                   cap, region->length, region->offset, region->bar);
    }
}

void qvirtio_pci_init(QVirtioPCI *v, QPCIDevice *pci)
{
    unsigned cap = 0;

    *v = (QVirtioPCI){ .pci = pci };
    while ((cap = qpci_find_capability(pci, PCI_CAP_ID_VNDR, cap)) != 0) {
        switch (qpci_config_readb(pci, cap + VIRTIO_PCI_CAP_CFG_TYPE)) {
        case VIRTIO_PCI_CAP_COMMON_CFG:
            take_region(pci, cap, &v->common);
            break;
        case VIRTIO_PCI_CAP_NOTIFY_CFG:
            take_region(pci, cap, &v->notify);
            break;
        case VIRTIO_PCI_CAP_ISR_CFG:
            take_region(pci, cap, &v->isr);
            break;
        case VIRTIO_PCI_CAP_DEVICE_CFG:
            take_region(pci, cap, &v->device);
            break;
        case VIRTIO_PCI_CAP_PCI_CFG:
            v->cfg_cap = v->cfg_cap ? v->cfg_cap : cap;
            break;
        default:
            break; /* 4.1.4: a driver ignores types it does not know */
        }
    }
    if (!v->common.cap || !v->notify.cap || !v->isr.cap || !v->device.cap ||
        !v->cfg_cap) {
        qtest_fail(pci->bus->qts, "a virtio capability is missing");
    }
    v->notify_multiplier = qpci_config_readl(
        pci, v->notify.cap + VIRTIO_PCI_NOTIFY_CAP_MULT);
}

/* --- access --- */

/* Points the window of the PCI-access capability at an access. */
static unsigned open_window(QVirtioPCI *v, const QVirtioRegion *r,
                            uint32_t offset, unsigned width)
{
    qpci_config_writeb(v->pci, v->cfg_cap + VIRTIO_PCI_CAP_BAR, r->bar);
    qpci_config_writel(v->pci, v->cfg_cap + VIRTIO_PCI_CAP_OFFSET,
                       r->offset + offset);
    qpci_config_writel(v->pci, v->cfg_cap + VIRTIO_PCI_CAP_LENGTH, width);
    return v->cfg_cap + (unsigned)sizeof(struct virtio_pci_cap);
}

uint32_t qvirtio_pci_read(QVirtioPCI *v, const QVirtioRegion *r,
                          uint32_t offset, unsigned width)
{
    QPCIDevice *pci = v->pci;
    uint64_t at = (uint64_t)r->offset + offset;

    g_assert_true(range_within(offset, width, r->length));
    if (v->via_config) {
        return qpci_read_config(pci->bus, pci->devfn,
                                open_window(v, r, offset, width), width);
    }
    switch (width) {
    case 1:
        return qpci_io_readb(pci, r->bar, at);
    case 2:
        return qpci_io_readw(pci, r->bar, at);
    default:
        return qpci_io_readl(pci, r->bar, at);
    }
}

void qvirtio_pci_write(QVirtioPCI *v, const QVirtioRegion *r, uint32_t offset,
                       unsigned width, uint32_t value)
{
    QPCIDevice *pci = v->pci;
    uint64_t at = (uint64_t)r->offset + offset;

    g_assert_true(range_within(offset, width, r->length));
    if (v->via_config) {
        qpci_write_config(pci->bus, pci->devfn,
                          open_window(v, r, offset, width), width, value);
        return;
    }
    switch (width) {
    case 1:
        qpci_io_writeb(pci, r->bar, at, (uint8_t)value);
        break;
    case 2:
        qpci_io_writew(pci, r->bar, at, (uint16_t)value);
        break;
    default:
        qpci_io_writel(pci, r->bar, at, value);
        break;
    }
}

static uint32_t get(QVirtioPCI *v, uint32_t reg, unsigned width)
{
    return qvirtio_pci_read(v, &v->common, reg, width);
}

static void set(QVirtioPCI *v, uint32_t reg, unsigned width, uint32_t value)
{
    qvirtio_pci_write(v, &v->common, reg, width, value);
}

/* --- common configuration --- */

uint8_t qvirtio_pci_get_status(QVirtioPCI *v)
{
    return (uint8_t)get(v, VIRTIO_PCI_COMMON_STATUS, 1);
}

void qvirtio_pci_set_status(QVirtioPCI *v, uint8_t status)
{
    set(v, VIRTIO_PCI_COMMON_STATUS, 1, status);
}

/* Both halves of the features behind a select register. */
static uint64_t get_features(QVirtioPCI *v, uint32_t select, uint32_t reg)
{
    uint64_t features;

    set(v, select, 4, 1);
    features = (uint64_t)get(v, reg, 4) << 32;
    set(v, select, 4, 0);
    return features | get(v, reg, 4);
}

uint64_t qvirtio_pci_device_features(QVirtioPCI *v)
{
    return get_features(v, VIRTIO_PCI_COMMON_DFSELECT, VIRTIO_PCI_COMMON_DF);
}

uint64_t qvirtio_pci_driver_features(QVirtioPCI *v)
{
    return get_features(v, VIRTIO_PCI_COMMON_GFSELECT, VIRTIO_PCI_COMMON_GF);
}

void qvirtio_pci_set_driver_features(QVirtioPCI *v, uint64_t features)
{
    for (unsigned half = 0; half < 2; half++) {
        set(v, VIRTIO_PCI_COMMON_GFSELECT, 4, half);
        set(v, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(features >> (32 * half)));
    }
}

uint16_t qvirtio_pci_num_queues(QVirtioPCI *v)
{
    return (uint16_t)get(v, VIRTIO_PCI_COMMON_NUMQ, 2);
}

uint8_t qvirtio_pci_config_generation(QVirtioPCI *v)
{
    return (uint8_t)get(v, VIRTIO_PCI_COMMON_CFGGENERATION, 1);
}

uint16_t qvirtio_pci_set_config_vector(QVirtioPCI *v, uint16_t vector)
{
    set(v, VIRTIO_PCI_COMMON_MSIX, 2, vector);
    return (uint16_t)get(v, VIRTIO_PCI_COMMON_MSIX, 2);
}

static void select_queue(QVirtioPCI *v, uint16_t queue)
{
    set(v, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
}

uint16_t qvirtio_pci_set_queue_vector(QVirtioPCI *v, uint16_t queue,
                                      uint16_t vector)
{
    select_queue(v, queue);
    set(v, VIRTIO_PCI_COMMON_Q_MSIX, 2, vector);
    return (uint16_t)get(v, VIRTIO_PCI_COMMON_Q_MSIX, 2);
}

uint16_t qvirtio_pci_queue_size(QVirtioPCI *v, uint16_t queue)
{
    select_queue(v, queue);
    return (uint16_t)get(v, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

void qvirtio_pci_set_queue_size(QVirtioPCI *v, uint16_t queue, uint16_t size)
{
    select_queue(v, queue);
    set(v, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
}

/* 4.1.3.1: a 64-bit register is written as two halves. */
static void set_address(QVirtioPCI *v, uint32_t reg, uint64_t addr)
{
    set(v, reg, 4, (uint32_t)addr);
    set(v, reg + 4, 4, (uint32_t)(addr >> 32));
}

void qvirtio_pci_set_queue_addresses(QVirtioPCI *v, uint16_t queue,
                                     uint64_t desc, uint64_t avail,
                                     uint64_t used)
{
    select_queue(v, queue);
    set_address(v, VIRTIO_PCI_COMMON_Q_DESCLO, desc);
    set_address(v, VIRTIO_PCI_COMMON_Q_AVAILLO, avail);
    set_address(v, VIRTIO_PCI_COMMON_Q_USEDLO, used);
}

void qvirtio_pci_enable_queue(QVirtioPCI *v, uint16_t queue)
{
    select_queue(v, queue);
    set(v, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

bool qvirtio_pci_queue_enabled(QVirtioPCI *v, uint16_t queue)
{
    select_queue(v, queue);
    return get(v, VIRTIO_PCI_COMMON_Q_ENABLE, 2) == 1;
}

uint16_t qvirtio_pci_queue_notify_off(QVirtioPCI *v, uint16_t queue)
{
    select_queue(v, queue);
    return (uint16_t)get(v, VIRTIO_PCI_COMMON_Q_NOFF, 2);
}

/* --- the others --- */

void qvirtio_pci_notify(QVirtioPCI *v, uint16_t queue, uint16_t notify_off)
{
    qvirtio_pci_write(v, &v->notify, notify_off * v->notify_multiplier, 2,
                      queue);
}

uint8_t qvirtio_pci_read_isr(QVirtioPCI *v)
{
    return (uint8_t)qvirtio_pci_read(v, &v->isr, 0, 1);
}

void qvirtio_pci_read_config(QVirtioPCI *v, uint32_t offset, void *data,
                             size_t len)
{
    QTestPoll poll = { 0 };
    uint8_t *bytes = data;
    uint8_t before = qvirtio_pci_config_generation(v);

    for (;;) {
        uint8_t after;

        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)qvirtio_pci_read(v, &v->device,
                                                 offset + (uint32_t)i, 1);
        }
        after = qvirtio_pci_config_generation(v);
        if (after == before) {
            return;
        }
        before = after;
        qtest_poll(v->pci->bus->qts, &poll, "steady configuration");
    }
}
