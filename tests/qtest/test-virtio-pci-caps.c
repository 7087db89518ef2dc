/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capabilities of the modern virtio PCI transport, and the window in
 * configuration space that one of them is (specification 1.2, 4.1.4).
 */
#include "vhost-machine.h"

#define QUEUES      4 /* two of them for requests */
#define ACK         VIRTIO_CONFIG_S_ACKNOWLEDGE
#define COMMON_END  (VIRTIO_PCI_COMMON_Q_USEDHI + 4u)
#define CONFIG_SIZE sizeof(struct virtio_scsi_config)

typedef VhostAdapter Fixture;

/* --- capabilities, 4.1.4 --- */

static void test_capabilities_are_as_specified(Fixture *f, gconstpointer unused)
{
    unsigned cap = 0, seen[6] = { 0 };

    while ((cap = qpci_find_capability(f->pci, PCI_CAP_ID_VNDR, cap)) != 0) {
        unsigned type = qpci_config_readb(f->pci,
                                          cap + VIRTIO_PCI_CAP_CFG_TYPE);
        bool is_long = type == VIRTIO_PCI_CAP_NOTIFY_CFG ||
                       type == VIRTIO_PCI_CAP_PCI_CFG;

        g_assert_cmpuint(type, >=, VIRTIO_PCI_CAP_COMMON_CFG);
        g_assert_cmpuint(type, <, G_N_ELEMENTS(seen));
        g_assert_cmpuint(seen[type]++, ==, 0);
        g_assert_cmpuint(qpci_config_readb(f->pci, cap + VIRTIO_PCI_CAP_LEN),
                         ==, is_long ? 20 : 16);
        g_assert_cmpuint(qpci_config_readb(f->pci, cap + VIRTIO_PCI_CAP_BAR),
                         <=, 5);
        /* padding, and id in 1.2 */
        g_assert_cmphex(qpci_config_readb(f->pci, cap + 5), ==, 0);
        g_assert_cmphex(qpci_config_readw(f->pci, cap + 6), ==, 0);
    }
    for (unsigned i = 1; i < G_N_ELEMENTS(seen); i++) {
        g_assert_cmpuint(seen[i], ==, 1);
    }
    g_assert_cmpuint(f->v.common.offset % 4, ==, 0);
    g_assert_cmpuint(f->v.common.length, >=, COMMON_END);
    g_assert_cmpuint(f->v.notify.offset % 2, ==, 0);
    g_assert_cmpuint(f->v.notify.length, >=,
                     (QUEUES - 1) * f->v.notify_multiplier + 2);
    g_assert_true(f->v.notify_multiplier == 0 ||
                  is_power_of_2(f->v.notify_multiplier));
    g_assert_cmpuint(f->v.notify_multiplier, !=, 1);
    g_assert_cmpuint(f->v.isr.length, >=, 1);
    g_assert_cmpuint(f->v.device.offset % 4, ==, 0);
    g_assert_cmpuint(f->v.device.length, >=, CONFIG_SIZE);
}

/* All but the window's bar, offset, length and data is read-only. */
static void test_capabilities_are_read_only(Fixture *f, gconstpointer unused)
{
    const unsigned caps[] = { f->v.common.cap, f->v.isr.cap, f->v.device.cap,
                              f->v.notify.cap };
    unsigned w = f->v.cfg_cap;

    for (unsigned i = 0; i < G_N_ELEMENTS(caps); i++) {
        unsigned size = qpci_config_readb(f->pci, caps[i] + VIRTIO_PCI_CAP_LEN);

        for (unsigned reg = caps[i]; reg < caps[i] + size; reg += 4) {
            uint32_t before = qpci_config_readl(f->pci, reg);

            qpci_config_writel(f->pci, reg, ~before);
            g_assert_cmphex(qpci_config_readl(f->pci, reg), ==, before);
        }
    }
    qpci_config_writel(f->pci, w, 0);
    g_assert_cmphex(qpci_config_readb(f->pci, w + VIRTIO_PCI_CAP_LEN), ==, 20);
    qpci_config_writel(f->pci, w + VIRTIO_PCI_CAP_BAR, 0xffffffff);
    g_assert_cmphex(qpci_config_readl(f->pci, w + VIRTIO_PCI_CAP_BAR), ==,
                    0xff);
    qpci_config_writel(f->pci, w + VIRTIO_PCI_CAP_OFFSET, 0x89abcdef);
    g_assert_cmphex(qpci_config_readl(f->pci, w + VIRTIO_PCI_CAP_OFFSET), ==,
                    0x89abcdef);
    qpci_config_writel(f->pci, w + VIRTIO_PCI_CAP_LENGTH, 0x76543210);
    g_assert_cmphex(qpci_config_readl(f->pci, w + VIRTIO_PCI_CAP_LENGTH), ==,
                    0x76543210);
}

/* --- the window in configuration space, 4.1.4.9 --- */

static void test_window_reaches_each_structure(Fixture *f, gconstpointer unused)
{
    f->v.via_config = true;
    g_assert_cmpuint(qvirtio_pci_num_queues(&f->v), ==, QUEUES);
    g_assert_cmpuint(qvirtio_pci_queue_size(&f->v, 3), ==, 128);
    g_assert_cmpuint(
        qvirtio_pci_read(&f->v, &f->v.device,
                         offsetof(struct virtio_scsi_config, sense_size), 4),
        ==, 96);
    g_assert_cmphex(qvirtio_pci_read(&f->v, &f->v.isr, 0, 1), ==, 0);
    g_assert_cmphex(qvirtio_pci_read(&f->v, &f->v.notify, 0, 2), ==, 0);
    qvirtio_pci_set_queue_addresses(&f->v, 3, UINT64_C(0x1122334455667788), 2,
                                    4);
    qvirtio_pci_set_status(&f->v, ACK);
    f->v.via_config = false;
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
    g_assert_cmphex(
        qvirtio_pci_read(&f->v, &f->v.common, VIRTIO_PCI_COMMON_Q_DESCHI, 4),
        ==, 0x11223344);
}

/* It does not need the BAR to be mapped: that is what it is for. */
static void test_window_works_without_memory_decoding(Fixture *f,
                                                      gconstpointer unused)
{
    qpci_config_writew(f->pci, PCI_COMMAND, 0);
    f->v.via_config = true;
    g_assert_cmpuint(qvirtio_pci_num_queues(&f->v), ==, QUEUES);
    qvirtio_pci_set_status(&f->v, ACK);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
}

typedef struct Window {
    uint8_t bar;
    uint32_t offset, length;
} Window;

/* The status register is at offset 0x14 of BAR 4, and these do not show it. */
static const Window bad_windows[] = {
    { 4, VIRTIO_PCI_COMMON_STATUS, 0 },
    { 4, VIRTIO_PCI_COMMON_STATUS, 3 },
    { 4, VIRTIO_PCI_COMMON_STATUS, 5 },
    { 4, VIRTIO_PCI_COMMON_STATUS, 8 },
    { 4, VIRTIO_PCI_COMMON_STATUS, 0x101 },
    { 4, VIRTIO_PCI_COMMON_STATUS, UINT32_MAX },
    { 0, VIRTIO_PCI_COMMON_STATUS, 1 },
    { 2, VIRTIO_PCI_COMMON_STATUS, 1 },
    { 5, VIRTIO_PCI_COMMON_STATUS, 1 },
    { 6, VIRTIO_PCI_COMMON_STATUS, 1 },
    { 255, VIRTIO_PCI_COMMON_STATUS, 1 },
    { 4, VIRTIO_PCI_COMMON_STATUS + 1, 2 }, /* not a multiple of the length */
    { 4, VIRTIO_PCI_COMMON_STATUS - 2, 4 },
    { 4, 16 * KiB, 1 },
    { 4, 16 * KiB, 4 },
    { 4, 0x80000000u + VIRTIO_PCI_COMMON_STATUS, 1 },
    { 4, UINT32_MAX, 1 },
    { 4, UINT32_MAX - 3, 4 },
};

static void test_window_elsewhere_does_nothing(Fixture *f, gconstpointer unused)
{
    unsigned cap = f->v.cfg_cap, data = cap + 16;

    qvirtio_pci_set_status(&f->v, ACK);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_windows); i++) {
        const Window *w = &bad_windows[i];

        qpci_config_writeb(f->pci, cap + VIRTIO_PCI_CAP_BAR, w->bar);
        qpci_config_writel(f->pci, cap + VIRTIO_PCI_CAP_OFFSET, w->offset);
        qpci_config_writel(f->pci, cap + VIRTIO_PCI_CAP_LENGTH, w->length);
        qpci_config_writel(f->pci, data, 0);
        qpci_config_writeb(f->pci, data, 0);
        (void)qpci_config_readl(f->pci, data);
        g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
    }
    vhost_assert_no_fault(&f->m, &f->v);
}

/* 1, 2 and 4 bytes at the last offset where each fits. */
static void test_window_reaches_the_end_of_the_bar(Fixture *f,
                                                   gconstpointer unused)
{
    QVirtioRegion bar = { .bar = f->v.common.bar,
                          .length =
                              (uint32_t)f->pci->bars[f->v.common.bar].size };

    f->v.via_config = true;
    for (unsigned width = 1; width <= 4; width *= 2) {
        qpci_config_writel(f->pci, f->v.cfg_cap + 16, UINT32_MAX);
        g_assert_cmphex(
            qvirtio_pci_read(&f->v, &bar, bar.length - width, width), ==, 0);
        qvirtio_pci_write(&f->v, &bar, bar.length - width, width, 1);
    }
    vhost_assert_no_fault(&f->m, &f->v);
}

typedef struct CapsTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer unused);
} CapsTest;

static const CapsTest tests[] = {
    { "capabilities/layout", test_capabilities_are_as_specified },
    { "capabilities/read-only", test_capabilities_are_read_only },
    { "window/structures", test_window_reaches_each_structure },
    { "window/no-decoding", test_window_works_without_memory_decoding },
    { "window/elsewhere", test_window_elsewhere_does_nothing },
    { "window/end", test_window_reaches_the_end_of_the_bar },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/virtio-pci/%s",
                                                tests[i].name);

        g_test_add(path, Fixture, NULL, vhost_adapter_set_up, tests[i].run,
                   vhost_adapter_tear_down);
    }
    return g_test_run();
}
