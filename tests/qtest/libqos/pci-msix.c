/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X as a driver uses it: PCI 3.0, 6.8.2. */
#include "libqos/malloc.h"
#include "libqos/pci.h"

static uint64_t entry(const QPCIDevice *dev, unsigned vector, unsigned field)
{
    g_assert_cmpuint(vector, <, dev->n_vectors);
    return dev->table_offset + (uint64_t)vector * PCI_MSIX_ENTRY_SIZE + field;
}

static uint64_t message_address(const QPCIDevice *dev, unsigned vector)
{
    return dev->messages + 4 * (uint64_t)vector;
}

uint32_t qpci_msix_data(unsigned vector)
{
    return 0x4d530000u | vector;
}

static void set_control(QPCIDevice *dev, uint16_t set, uint16_t clear)
{
    uint16_t flags = qpci_config_readw(dev, dev->msix_cap + PCI_MSIX_FLAGS);

    qpci_config_writew(dev, dev->msix_cap + PCI_MSIX_FLAGS,
                       (uint16_t)((flags & ~clear) | set));
}

void qpci_msix_enable(QPCIDevice *dev, QGuestAllocator *alloc)
{
    uint32_t table, pba;

    g_assert_cmphex(dev->messages, ==, 0);
    dev->msix_cap = qpci_find_capability(dev, PCI_CAP_ID_MSIX, 0);
    if (!dev->msix_cap) {
        qtest_fail(dev->bus->qts, "the device has no MSI-X");
    }
    dev->n_vectors = (qpci_config_readw(dev, dev->msix_cap + PCI_MSIX_FLAGS) &
                      PCI_MSIX_FLAGS_QSIZE) +
                     1u;
    table = qpci_config_readl(dev, dev->msix_cap + PCI_MSIX_TABLE);
    pba = qpci_config_readl(dev, dev->msix_cap + PCI_MSIX_PBA);
    dev->table_bar = table & PCI_MSIX_TABLE_BIR;
    dev->table_offset = table & PCI_MSIX_TABLE_OFFSET;
    dev->pba_bar = pba & PCI_MSIX_PBA_BIR;
    dev->pba_offset = pba & PCI_MSIX_PBA_OFFSET;
    dev->alloc = alloc;
    dev->messages = guest_alloc(alloc, 4 * dev->n_vectors);
    /* Not even one stray message while the table is still as it was. */
    set_control(dev, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0);
    for (unsigned i = 0; i < dev->n_vectors; i++) {
        qpci_msix_mask(dev, i, true);
    }
    set_control(dev, 0, PCI_MSIX_FLAGS_MASKALL);
}

void qpci_msix_disable(QPCIDevice *dev)
{
    set_control(dev, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    guest_free(dev->alloc, dev->messages);
    dev->messages = 0;
    dev->msix_cap = 0;
}

void qpci_msix_set_vector(QPCIDevice *dev, unsigned vector)
{
    uint64_t addr = message_address(dev, vector);

    qpci_io_writel(dev, dev->table_bar,
                   entry(dev, vector, PCI_MSIX_ENTRY_LOWER_ADDR),
                   (uint32_t)addr);
    qpci_io_writel(dev, dev->table_bar,
                   entry(dev, vector, PCI_MSIX_ENTRY_UPPER_ADDR),
                   (uint32_t)(addr >> 32));
    qpci_io_writel(dev, dev->table_bar, entry(dev, vector, PCI_MSIX_ENTRY_DATA),
                   qpci_msix_data(vector));
    qpci_msix_mask(dev, vector, false);
}

void qpci_msix_mask(QPCIDevice *dev, unsigned vector, bool masked)
{
    qpci_io_writel(dev, dev->table_bar,
                   entry(dev, vector, PCI_MSIX_ENTRY_VECTOR_CTRL),
                   masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0);
}

void qpci_msix_mask_all(QPCIDevice *dev, bool masked)
{
    set_control(dev, masked ? PCI_MSIX_FLAGS_MASKALL : 0,
                masked ? 0 : PCI_MSIX_FLAGS_MASKALL);
}

bool qpci_msix_pending(QPCIDevice *dev, unsigned vector)
{
    g_assert_cmpuint(vector, <, dev->n_vectors);
    return qpci_io_readl(dev, dev->pba_bar,
                         dev->pba_offset + vector / 32 * 4) >>
               (vector % 32) &
           1;
}

bool qpci_msix_received(QPCIDevice *dev, unsigned vector)
{
    uint64_t addr = message_address(dev, vector);
    uint32_t value = qtest_readl(dev->bus->qts, addr);

    if (!value) {
        return false;
    }
    g_assert_cmphex(value, ==, qpci_msix_data(vector));
    qtest_writel(dev->bus->qts, addr, 0);
    return true;
}

void qpci_msix_wait(QPCIDevice *dev, unsigned vector)
{
    QTestPoll poll = { 0 };

    while (!qpci_msix_received(dev, vector)) {
        qtest_poll(dev->bus->qts, &poll, "MSI-X message");
    }
}
