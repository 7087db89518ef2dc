/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of the modern virtio PCI transport, each value and each width,
 * held against the specification (1.2, chapters 2 to 4.1 and 5.6.4).
 */
#include "vhost-machine.h"

#define QUEUES  4 /* two of them for requests */
#define VECTORS (QUEUES + 1)

#define ACK         VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER      VIRTIO_CONFIG_S_DRIVER
#define DRIVER_OK   VIRTIO_CONFIG_S_DRIVER_OK
#define FEATURES_OK VIRTIO_CONFIG_S_FEATURES_OK
#define NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET
#define FAILED      VIRTIO_CONFIG_S_FAILED

#define COMMON_END  (VIRTIO_PCI_COMMON_Q_USEDHI + 4u)
#define CONFIG_SIZE 36u

#define VERSION_1 QVIRTIO_BIT(VIRTIO_F_VERSION_1)

typedef VhostAdapter Fixture;

static uint32_t get(Fixture *f, unsigned reg, unsigned width)
{
    return qvirtio_pci_read(&f->v, &f->v.common, reg, width);
}

static void set(Fixture *f, unsigned reg, unsigned width, uint32_t value)
{
    qvirtio_pci_write(&f->v, &f->v.common, reg, width, value);
}

static uint64_t address(const Fixture *f, const QVirtioRegion *r,
                        uint64_t offset)
{
    return f->pci->bars[r->bar].addr + r->offset + offset;
}

/* --- common configuration --- */

typedef struct Register {
    unsigned offset, width;
    uint32_t initial; /* with queue 0 and features 0-31 selected */
    bool read_only;
} Register;

/* 4.1.4.3; QUEUE_SIZE and STATUS have tests of their own. */
static const Register registers[] = {
    { VIRTIO_PCI_COMMON_DFSELECT, 4, 0, false },
    { VIRTIO_PCI_COMMON_DF, 4, 1u << 28 | 1u << 29, true },
    { VIRTIO_PCI_COMMON_GFSELECT, 4, 0, false },
    { VIRTIO_PCI_COMMON_GF, 4, 0, false },
    { VIRTIO_PCI_COMMON_MSIX, 2, VIRTIO_MSI_NO_VECTOR, false },
    { VIRTIO_PCI_COMMON_NUMQ, 2, QUEUES, true },
    { VIRTIO_PCI_COMMON_STATUS, 1, 0, false },
    { VIRTIO_PCI_COMMON_CFGGENERATION, 1, 0, true },
    { VIRTIO_PCI_COMMON_Q_SELECT, 2, 0, false },
    { VIRTIO_PCI_COMMON_Q_SIZE, 2, 128, false },
    { VIRTIO_PCI_COMMON_Q_MSIX, 2, VIRTIO_MSI_NO_VECTOR, false },
    { VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0, false },
    { VIRTIO_PCI_COMMON_Q_NOFF, 2, 0, true },
    { VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0, false },
    { VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0, false },
    { VIRTIO_PCI_COMMON_Q_AVAILLO, 4, 0, false },
    { VIRTIO_PCI_COMMON_Q_AVAILHI, 4, 0, false },
    { VIRTIO_PCI_COMMON_Q_USEDLO, 4, 0, false },
    { VIRTIO_PCI_COMMON_Q_USEDHI, 4, 0, false },
};

static const Register *register_at(unsigned offset)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        if (registers[i].offset == offset) {
            return &registers[i];
        }
    }
    return NULL;
}

static void assert_initial(Fixture *f)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        g_assert_cmphex(get(f, registers[i].offset, registers[i].width), ==,
                        registers[i].initial);
    }
}

static void test_registers_begin_with_their_values(Fixture *f,
                                                   gconstpointer unused)
{
    assert_initial(f);
}

static void test_read_only_registers_keep_their_values(Fixture *f,
                                                       gconstpointer unused)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        if (registers[i].read_only) {
            set(f, registers[i].offset, registers[i].width,
                ~registers[i].initial);
            set(f, registers[i].offset, registers[i].width, 0);
        }
    }
    assert_initial(f);
}

static void test_plain_registers_read_what_was_written(Fixture *f,
                                                       gconstpointer unused)
{
    static const uint32_t values[] = { 0,      1,          2,         0x8000,
                                       0xffff, 0x12345678, 0xffffffff };
    static const unsigned offsets[] = {
        VIRTIO_PCI_COMMON_DFSELECT,  VIRTIO_PCI_COMMON_GFSELECT,
        VIRTIO_PCI_COMMON_Q_DESCLO,  VIRTIO_PCI_COMMON_Q_DESCHI,
        VIRTIO_PCI_COMMON_Q_AVAILLO, VIRTIO_PCI_COMMON_Q_AVAILHI,
        VIRTIO_PCI_COMMON_Q_USEDLO,  VIRTIO_PCI_COMMON_Q_USEDHI,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(offsets); i++) {
        for (unsigned j = 0; j < G_N_ELEMENTS(values); j++) {
            set(f, offsets[i], 4, values[j]);
            g_assert_cmphex(get(f, offsets[i], 4), ==, values[j]);
        }
        set(f, offsets[i], 4, 0);
    }
    assert_initial(f);
}

static void test_select_beyond_features_reads_zero(Fixture *f,
                                                   gconstpointer unused)
{
    static const uint32_t selects[] = { 2, 3, 0x80000000, 0xffffffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(selects); i++) {
        set(f, VIRTIO_PCI_COMMON_DFSELECT, 4, selects[i]);
        set(f, VIRTIO_PCI_COMMON_GFSELECT, 4, selects[i]);
        set(f, VIRTIO_PCI_COMMON_GF, 4, 0xffffffff);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_DF, 4), ==, 0);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_GF, 4), ==, 0);
    }
    g_assert_cmphex(qvirtio_pci_driver_features(&f->v), ==, 0);
}

/* 4.1.5.1.2.1: NO_VECTOR tells the driver that the mapping failed. */
static void test_vectors_beyond_the_table_are_refused(Fixture *f,
                                                      gconstpointer unused)
{
    static const struct {
        uint16_t vector, expected;
    } rows[] = {
        { 0, 0 },
        { VECTORS - 1, VECTORS - 1 },
        { VECTORS, VIRTIO_MSI_NO_VECTOR },
        { 0, 0 },
        { 0x7ff, VIRTIO_MSI_NO_VECTOR },
        { 1, 1 },
        { 0xfffe, VIRTIO_MSI_NO_VECTOR },
        { 1, 1 },
        { VIRTIO_MSI_NO_VECTOR, VIRTIO_MSI_NO_VECTOR },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmphex(qvirtio_pci_set_config_vector(&f->v, rows[i].vector),
                        ==, rows[i].expected);
        for (uint16_t q = 0; q < QUEUES; q++) {
            g_assert_cmphex(
                qvirtio_pci_set_queue_vector(&f->v, q, rows[i].vector), ==,
                rows[i].expected);
        }
    }
}

/* Each queue has registers of its own. */
static void test_queue_select_shows_that_queue(Fixture *f, gconstpointer unused)
{
    for (uint16_t q = 0; q < QUEUES; q++) {
        g_assert_cmphex(qvirtio_pci_queue_notify_off(&f->v, q), ==, q);
        qvirtio_pci_set_queue_addresses(&f->v, q, q + 1, q + 11, q + 21);
        g_assert_cmphex(qvirtio_pci_set_queue_vector(&f->v, q, q), ==, q);
        qvirtio_pci_set_queue_size(&f->v, q, (uint16_t)(4 << q));
    }
    for (uint16_t q = 0; q < QUEUES; q++) {
        g_assert_cmpuint(qvirtio_pci_queue_size(&f->v, q), ==, 4u << q);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_SELECT, 2), ==, q);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, q);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_DESCLO, 4), ==, q + 1u);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_AVAILLO, 4), ==, q + 11u);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_USEDLO, 4), ==, q + 21u);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
    }
}

/* 4.1.4.3.1: queue_size 0 tells that there is no such queue. */
static void test_absent_queue_reads_zero_and_takes_nothing(Fixture *f,
                                                           gconstpointer unused)
{
    static const uint16_t selects[] = { QUEUES, QUEUES + 1, 0x7fff, 0xffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(selects); i++) {
        for (unsigned reg = VIRTIO_PCI_COMMON_Q_SIZE; reg < COMMON_END; reg++) {
            const Register *r = register_at(reg);

            set(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, selects[i]);
            if (r) {
                set(f, reg, r->width, 1);
                g_assert_cmphex(
                    get(f, reg, r->width), ==,
                    reg == VIRTIO_PCI_COMMON_Q_MSIX ? VIRTIO_MSI_NO_VECTOR : 0);
            }
        }
    }
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
    assert_initial(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

/* 4.1.3.1: 8-bit fields are accessed by 8 bits, 16 by 16, 32 by 32. Whatever
 * else a guest does, it disturbs nothing. */
static void test_other_widths_read_zero_and_write_nothing(Fixture *f,
                                                          gconstpointer unused)
{
    for (unsigned offset = 0; offset < COMMON_END + 16; offset++) {
        const Register *r = register_at(offset);

        for (unsigned width = 1; width <= 4; width *= 2) {
            if (r && r->width == width) {
                continue;
            }
            g_assert_cmphex(get(f, offset, width), ==, 0);
            set(f, offset, width, 0xffffffff);
            set(f, offset, width, 0);
        }
    }
    assert_initial(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

static void test_status_by_wider_access_does_not_reset(Fixture *f,
                                                       gconstpointer unused)
{
    qvirtio_pci_set_status(&f->v, ACK);
    set(f, VIRTIO_PCI_COMMON_STATUS, 2, 0);
    set(f, VIRTIO_PCI_COMMON_STATUS, 4, 0);
    set(f, VIRTIO_PCI_COMMON_NUMQ, 4, 0);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
}

/* An access of 8 bytes is one of two halves. */
static void test_qword_is_both_halves_of_an_address(Fixture *f,
                                                    gconstpointer unused)
{
    static const unsigned offsets[] = { VIRTIO_PCI_COMMON_Q_DESCLO,
                                        VIRTIO_PCI_COMMON_Q_AVAILLO,
                                        VIRTIO_PCI_COMMON_Q_USEDLO };

    for (unsigned i = 0; i < G_N_ELEMENTS(offsets); i++) {
        uint64_t at = address(f, &f->v.common, offsets[i]);

        qtest_writeq(f->m.fm.qts, at, UINT64_C(0x1122334455667788));
        g_assert_cmphex(get(f, offsets[i], 4), ==, 0x55667788);
        g_assert_cmphex(get(f, offsets[i] + 4, 4), ==, 0x11223344);
        g_assert_cmphex(qtest_readq(f->m.fm.qts, at), ==,
                        UINT64_C(0x1122334455667788));
    }
    /* Two registers that are not a pair are left alone by what does not fit. */
    qtest_writeq(f->m.fm.qts, address(f, &f->v.common, VIRTIO_PCI_COMMON_MSIX),
                 0);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_MSIX, 2), ==,
                    VIRTIO_MSI_NO_VECTOR);
}

/* --- space without registers --- */

static void test_undefined_space_reads_zero(Fixture *f, gconstpointer unused)
{
    const struct {
        const QVirtioRegion *r;
        uint32_t offset;
    } rows[] = {
        { &f->v.common, COMMON_END },
        { &f->v.common, COMMON_END + 4 }, /* queue_reset of 1.2: not offered */
        { &f->v.common, 0x100 },
        { &f->v.common, f->v.common.length - 8 },
        { &f->v.isr, 8 },
        { &f->v.isr, f->v.isr.length - 8 },
        { &f->v.device, CONFIG_SIZE },
        { &f->v.device, f->v.device.length - 8 },
        { &f->v.notify, 0 },
        { &f->v.notify, f->v.notify.length - 8 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t at = address(f, rows[i].r, rows[i].offset);

        qtest_writeb(f->m.fm.qts, at, 0xff);
        qtest_writew(f->m.fm.qts, at, 0xffff);
        qtest_writel(f->m.fm.qts, at, UINT32_MAX);
        qtest_writeq(f->m.fm.qts, at, UINT64_MAX);
        g_assert_cmphex(qtest_readb(f->m.fm.qts, at), ==, 0);
        g_assert_cmphex(qtest_readw(f->m.fm.qts, at), ==, 0);
        g_assert_cmphex(qtest_readl(f->m.fm.qts, at), ==, 0);
        g_assert_cmphex(qtest_readq(f->m.fm.qts, at), ==, 0);
    }
    assert_initial(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

/* The structures fill the BAR; behind it nothing answers, and an access over
 * its end or over the border of two structures ends nothing. */
static void test_access_over_a_border_is_harmless(Fixture *f,
                                                  gconstpointer unused)
{
    const QPCIBar *bar = &f->pci->bars[f->v.common.bar];
    uint64_t end = bar->addr + bar->size;

    for (uint64_t at = end - 7; at < end; at++) {
        qtest_writeq(f->m.fm.qts, at, UINT64_MAX);
        g_assert_cmphex(qtest_readq(f->m.fm.qts, at) >> (8 * (end - at)), ==,
                        UINT64_MAX >> (8 * (end - at)));
    }
    for (unsigned page = 1; page * 4096 < bar->size; page++) {
        for (unsigned before = 1; before < 8; before++) {
            uint64_t at = bar->addr + page * 4096 - before;

            qtest_writeq(f->m.fm.qts, at, UINT64_MAX);
            (void)qtest_readq(f->m.fm.qts, at);
            qtest_writel(f->m.fm.qts, at, UINT32_MAX);
            (void)qtest_readl(f->m.fm.qts, at);
        }
    }
    g_assert_cmphex(qtest_readl(f->m.fm.qts, end), ==, UINT32_MAX);
    assert_initial(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

static void test_isr_is_read_only_and_zero_at_rest(Fixture *f,
                                                   gconstpointer unused)
{
    for (unsigned width = 1; width <= 4; width *= 2) {
        qvirtio_pci_write(&f->v, &f->v.isr, 0, width, 0xffffffff);
        g_assert_cmphex(qvirtio_pci_read(&f->v, &f->v.isr, 0, width), ==, 0);
    }
}

/* --- device configuration, 5.6.4 --- */

typedef struct Field {
    uint32_t offset;
    unsigned width;
    uint32_t value;
    bool written_back; /* the driver may write it, with this value only */
} Field;

#define FIELD(name) offsetof(struct virtio_scsi_config, name)

static const Field fields[] = {
    { FIELD(num_queues), 4, 2, false },
    { FIELD(seg_max), 4, 126, false },
    { FIELD(max_sectors), 4, 14368, false },
    { FIELD(cmd_per_lun), 4, 128, false },
    { FIELD(event_info_size), 4, 16, false },
    { FIELD(sense_size), 4, 96, true },
    { FIELD(cdb_size), 4, 32, true },
    { FIELD(max_channel), 2, 0, false },
    { FIELD(max_target), 2, 255, false },
    { FIELD(max_lun), 4, 16383, false },
};

static void assert_config(Fixture *f)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const Field *d = &fields[i];

        g_assert_cmphex(
            qvirtio_pci_read(&f->v, &f->v.device, d->offset, d->width), ==,
            d->value);
        for (unsigned b = 0; b < d->width; b++) {
            g_assert_cmphex(
                qvirtio_pci_read(&f->v, &f->v.device, d->offset + b, 1), ==,
                d->value >> (8 * b) & 0xff);
        }
    }
}

static void test_config_reads_by_every_width(Fixture *f, gconstpointer unused)
{
    uint64_t at = address(f, &f->v.device, 0);

    assert_config(f);
    g_assert_cmphex(qtest_readq(f->m.fm.qts, at), ==, UINT64_C(126) << 32 | 2);
    /* Over the end: what is there, then zeros. */
    g_assert_cmphex(qtest_readq(f->m.fm.qts, at + CONFIG_SIZE - 4), ==, 16383);
    g_assert_cmphex(qtest_readl(f->m.fm.qts, at + CONFIG_SIZE - 2), ==, 0);
    g_assert_cmphex(qtest_readl(f->m.fm.qts, at + CONFIG_SIZE - 3), ==, 0x3f);
}

static void test_config_write_to_read_only_field_has_no_effect(
    Fixture *f, gconstpointer unused)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const Field *d = &fields[i];

        if (!d->written_back) {
            for (unsigned width = 1; width <= d->width; width *= 2) {
                qvirtio_pci_write(&f->v, &f->v.device, d->offset, width,
                                  0xffffffff);
                qvirtio_pci_write(&f->v, &f->v.device, d->offset, width, 0);
            }
        }
    }
    assert_config(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

static void test_config_sizes_take_their_own_value(Fixture *f,
                                                   gconstpointer unused)
{
    uint64_t both = address(f, &f->v.device, FIELD(sense_size));

    qvirtio_pci_write(&f->v, &f->v.device, FIELD(sense_size), 4, 96);
    qvirtio_pci_write(&f->v, &f->v.device, FIELD(cdb_size), 4, 32);
    qvirtio_pci_write(&f->v, &f->v.device, FIELD(cdb_size), 1, 32);
    qvirtio_pci_write(&f->v, &f->v.device, FIELD(cdb_size) + 2, 2, 0);
    qtest_writeq(f->m.fm.qts, both, UINT64_C(32) << 32 | 96);
    assert_config(f);
    vhost_assert_no_fault(&f->m, &f->v);
}

typedef struct BadSize {
    uint32_t offset;
    unsigned width;
    uint32_t value;
} BadSize;

static const BadSize bad_sizes[] = {
    { FIELD(sense_size), 4, 0 },     { FIELD(sense_size), 4, 95 },
    { FIELD(sense_size), 4, 97 },    { FIELD(sense_size), 4, UINT32_MAX },
    { FIELD(sense_size) + 1, 1, 1 }, { FIELD(cdb_size), 4, 0 },
    { FIELD(cdb_size), 4, 33 },      { FIELD(cdb_size), 2, 16 },
    { FIELD(cdb_size) + 2, 2, 1 },
};

/* What the kernel cannot do the guest hears of before it relies on it. The
 * generation counts when the fault is told to the driver. */
static void test_config_sizes_that_cannot_be_are_faults(Fixture *f,
                                                        gconstpointer unused)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_sizes); i++) {
        const BadSize *b = &bad_sizes[i];
        uint8_t generation;

        vhost_negotiate(&f->v, 0);
        vhost_driver_ok(&f->v);
        generation = qvirtio_pci_config_generation(&f->v);
        qvirtio_pci_write(&f->v, &f->v.device, b->offset, b->width, b->value);
        vhost_assert_fault(&f->m, &f->v, "configuration offset");
        assert_config(f);
        g_assert_cmphex(qvirtio_pci_config_generation(&f->v), ==,
                        (uint8_t)(generation + 1));
    }
    qvirtio_pci_set_status(&f->v, 0);
}

/* --- features, 2.2 and 3.1.1 --- */

static void test_offered_features_are_ours(Fixture *f, gconstpointer unused)
{
    g_assert_cmphex(qvirtio_pci_device_features(&f->v), ==,
                    VERSION_1 | QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
                        QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
}

static uint8_t status_after_features(Fixture *f, uint64_t features)
{
    qvirtio_pci_set_status(&f->v, 0);
    qvirtio_pci_set_status(&f->v, ACK | DRIVER);
    qvirtio_pci_set_driver_features(&f->v, features);
    qvirtio_pci_set_status(&f->v, ACK | DRIVER | FEATURES_OK);
    return qvirtio_pci_get_status(&f->v);
}

static void test_features_that_cannot_be_are_refused(Fixture *f,
                                                     gconstpointer unused)
{
    uint64_t offered = qvirtio_pci_device_features(&f->v);

    g_assert_cmphex(status_after_features(f, VERSION_1), ==,
                    ACK | DRIVER | FEATURES_OK);
    g_assert_cmphex(status_after_features(f, offered), ==,
                    ACK | DRIVER | FEATURES_OK);
    g_assert_cmphex(status_after_features(f, 0), ==, ACK | DRIVER);
    g_assert_cmphex(status_after_features(f, offered & ~VERSION_1), ==,
                    ACK | DRIVER);
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!(offered >> bit & 1)) {
            g_assert_cmphex(
                status_after_features(f, VERSION_1 | QVIRTIO_BIT(bit)), ==,
                ACK | DRIVER);
        }
    }
    /* A refusal is final for that choice only. */
    qvirtio_pci_set_driver_features(&f->v, offered);
    qvirtio_pci_set_status(&f->v, ACK | DRIVER | FEATURES_OK);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==,
                    ACK | DRIVER | FEATURES_OK);
    vhost_assert_no_fault(&f->m, &f->v);
}

static void test_feature_writes_after_features_ok_are_ignored(
    Fixture *f, gconstpointer unused)
{
    vhost_negotiate(&f->v, 0);
    qvirtio_pci_set_driver_features(&f->v, 0);
    qvirtio_pci_set_driver_features(&f->v, UINT64_MAX);
    g_assert_cmphex(qvirtio_pci_driver_features(&f->v), ==, VERSION_1);
    vhost_driver_ok(&f->v);
    qvirtio_pci_set_driver_features(&f->v, 0);
    g_assert_cmphex(qvirtio_pci_driver_features(&f->v), ==, VERSION_1);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==,
                    ACK | DRIVER | FEATURES_OK | DRIVER_OK);
}

/* --- status, 2.1 --- */

static void test_status_bits_are_cleared_by_reset_only(Fixture *f,
                                                       gconstpointer unused)
{
    uint8_t all = ACK | DRIVER | FEATURES_OK | DRIVER_OK;

    vhost_negotiate(&f->v, 0);
    vhost_driver_ok(&f->v);
    for (unsigned bit = 0; bit < 8; bit++) {
        uint8_t fewer = (uint8_t)(all & ~(1u << bit));

        qvirtio_pci_set_status(&f->v, fewer);
        g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, all);
    }
    qvirtio_pci_set_status(&f->v, 0);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, 0);
}

static void test_driver_cannot_set_needs_reset(Fixture *f, gconstpointer unused)
{
    qvirtio_pci_set_status(&f->v, ACK | NEEDS_RESET);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
    qvirtio_pci_set_status(&f->v, NEEDS_RESET);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK);
}

static void test_driver_ok_without_features_ok_is_a_fault(Fixture *f,
                                                          gconstpointer unused)
{
    qvirtio_pci_set_status(&f->v, ACK | DRIVER | DRIVER_OK);
    vhost_assert_fault(&f->m, &f->v, "DRIVER_OK without FEATURES_OK");
    g_assert_cmphex(qvirtio_pci_get_status(&f->v) & DRIVER_OK, ==, 0);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 1);
    vhost_negotiate(&f->v, 0);
    vhost_driver_ok(&f->v);
    vhost_assert_no_fault(&f->m, &f->v);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 2);
}

/* Refused features and DRIVER_OK in one write: the same fault. */
static void test_driver_ok_with_refused_features_is_a_fault(
    Fixture *f, gconstpointer unused)
{
    qvirtio_pci_set_driver_features(&f->v, UINT64_MAX);
    qvirtio_pci_set_status(&f->v, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
    vhost_assert_fault(&f->m, &f->v, "DRIVER_OK without FEATURES_OK");
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 1);
}

/* A fault of before DRIVER_OK is told when the driver listens (2.1.2), and the
 * kernel gets no rings. */
static void test_driver_ok_after_a_fault_starts_nothing(Fixture *f,
                                                        gconstpointer unused)
{
    vhost_negotiate(&f->v, 0);
    qvirtio_pci_set_queue_size(&f->v, 0, 3);
    vhost_assert_fault(&f->m, &f->v, "queue size 3");
    g_assert_cmphex(qvirtio_pci_config_generation(&f->v), ==, 0);
    vhost_driver_ok(&f->v);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v) & NEEDS_RESET, !=, 0);
    g_assert_cmphex(qvirtio_pci_config_generation(&f->v), ==, 1);
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 1);
}

static void test_failed_driver_keeps_the_bit_until_reset(Fixture *f,
                                                         gconstpointer unused)
{
    qvirtio_pci_set_status(&f->v, ACK | DRIVER | FAILED);
    g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, ACK | DRIVER | FAILED);
    vhost_negotiate(&f->v, 0);
    vhost_driver_ok(&f->v);
    vhost_assert_no_fault(&f->m, &f->v);
}

/* Every way to a status, and all that the driver has set up: after reset it is
 * as at the beginning (2.4), and the back end has let go. */
static void test_reset_from_every_status(Fixture *f, gconstpointer unused)
{
    static const uint8_t states[] = {
        ACK,
        ACK | DRIVER,
        ACK | DRIVER | FEATURES_OK,
        ACK | DRIVER | FEATURES_OK | DRIVER_OK,
        ACK | DRIVER | FAILED,
        ACK | DRIVER | FEATURES_OK | DRIVER_OK | FAILED,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
        QVirtQueue *rings[QUEUES] = { NULL };

        qvirtio_pci_set_driver_features(&f->v, VERSION_1);
        qvirtio_pci_set_config_vector(&f->v, 0);
        for (uint16_t q = 0; q < QUEUES; q++) {
            qvirtio_pci_set_queue_size(&f->v, q, 16);
            qvirtio_pci_set_queue_vector(&f->v, q, q);
            rings[q] = vhost_add_queue(&f->m, &f->v, q);
            g_assert_true(qvirtio_pci_queue_enabled(&f->v, q));
        }
        qvirtio_pci_set_status(&f->v, states[i]);
        g_assert_cmphex(qvirtio_pci_get_status(&f->v), ==, states[i]);

        qvirtio_pci_set_status(&f->v, 0);
        g_assert_cmphex(qvirtio_pci_driver_features(&f->v), ==, 0);
        for (uint16_t q = QUEUES; q-- > 0;) {
            g_assert_false(qvirtio_pci_queue_enabled(&f->v, q));
            qvring_free(rings[q]);
        }
        assert_initial(f); /* queue 0 is selected */
        g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==,
                        fake_count(f->m.fm.fake, "SCSI_CLEAR_ENDPOINT"));
    }
    g_assert_cmpint(fake_count(f->m.fm.fake, "SCSI_SET_ENDPOINT"), ==, 3);
}

static void test_set_up_of_an_enabled_queue_is_ignored(Fixture *f,
                                                       gconstpointer unused)
{
    QVirtQueue *q;

    vhost_negotiate(&f->v, 0);
    q = vhost_add_queue(&f->m, &f->v, 0);
    qvirtio_pci_set_queue_addresses(&f->v, 0, 1, 2, 3);
    qvirtio_pci_set_queue_size(&f->v, 0, 3);
    set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
    qvirtio_pci_enable_queue(&f->v, 0);
    g_assert_true(qvirtio_pci_queue_enabled(&f->v, 0));
    g_assert_cmpuint(qvirtio_pci_queue_size(&f->v, 0), ==, 128);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_DESCLO, 4), ==, q->desc);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_USEDLO, 4), ==, q->used);
    vhost_driver_ok(&f->v);
    vhost_assert_no_fault(&f->m, &f->v);
    qvirtio_pci_set_status(&f->v, 0);
    qvring_free(q);
}

static void test_enable_takes_one_only(Fixture *f, gconstpointer unused)
{
    static const uint16_t values[] = { 0, 2, 3, 0x100, 0xffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, values[i]);
        g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
    }
    set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
}

/* --- notify --- */

/* Before DRIVER_OK, to no queue, by any width: nothing happens. */
static void test_notify_of_a_device_at_rest_is_harmless(Fixture *f,
                                                        gconstpointer unused)
{
    for (uint32_t offset = 0; offset < f->v.notify.length; offset += 510) {
        for (unsigned width = 1; width <= 4; width *= 2) {
            qvirtio_pci_write(&f->v, &f->v.notify, offset, width, 0xffffffff);
        }
    }
    vhost_assert_no_fault(&f->m, &f->v);
    for (int q = 0; q < QUEUES; q++) {
        g_assert_cmpint(fake_stat(f->m.fm.fake, 1, q, "kicks"), ==, 0);
    }
}

typedef struct RegsTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer unused);
} RegsTest;

static const RegsTest tests[] = {
    { "common/initial", test_registers_begin_with_their_values },
    { "common/read-only", test_read_only_registers_keep_their_values },
    { "common/plain", test_plain_registers_read_what_was_written },
    { "common/feature-select", test_select_beyond_features_reads_zero },
    { "common/vectors", test_vectors_beyond_the_table_are_refused },
    { "common/queue-select", test_queue_select_shows_that_queue },
    { "common/absent-queue", test_absent_queue_reads_zero_and_takes_nothing },
    { "common/widths", test_other_widths_read_zero_and_write_nothing },
    { "common/status-width", test_status_by_wider_access_does_not_reset },
    { "common/qword", test_qword_is_both_halves_of_an_address },
    { "common/enable", test_enable_takes_one_only },
    { "common/enabled-queue", test_set_up_of_an_enabled_queue_is_ignored },
    { "undefined/zero", test_undefined_space_reads_zero },
    { "undefined/borders", test_access_over_a_border_is_harmless },
    { "isr", test_isr_is_read_only_and_zero_at_rest },
    { "notify", test_notify_of_a_device_at_rest_is_harmless },
    { "config/read", test_config_reads_by_every_width },
    { "config/read-only", test_config_write_to_read_only_field_has_no_effect },
    { "config/own-sizes", test_config_sizes_take_their_own_value },
    { "config/bad-sizes", test_config_sizes_that_cannot_be_are_faults },
    { "features/offered", test_offered_features_are_ours },
    { "features/refused", test_features_that_cannot_be_are_refused },
    { "features/late", test_feature_writes_after_features_ok_are_ignored },
    { "status/clearing", test_status_bits_are_cleared_by_reset_only },
    { "status/needs-reset", test_driver_cannot_set_needs_reset },
    { "status/no-features", test_driver_ok_without_features_ok_is_a_fault },
    { "status/refused", test_driver_ok_with_refused_features_is_a_fault },
    { "status/after-fault", test_driver_ok_after_a_fault_starts_nothing },
    { "status/failed", test_failed_driver_keeps_the_bit_until_reset },
    { "status/reset", test_reset_from_every_status },
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
