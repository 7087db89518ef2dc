/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware configuration device as a guest drives it: ports, directory, DMA,
 * and what hostile keys, lengths and addresses lead to. */
#include "hw/nvram/fw_cfg.h"
#include "test-board.h"

#define SELECTOR 0x510
#define DATA     0x511
#define DMA_HIGH 0x514
#define DMA_LOW  0x518

#define ERROR  1u
#define READ   2u
#define SKIP   4u
#define SELECT 8u
#define WRITE  16u

/* Where RAM is: as on the board, with a hole and a part above 4 GiB. */
#define LOW_END  UINT64_C(0xa0000)
#define MID      UINT64_C(0xc0000)
#define MID_END  (40 * MiB)
#define HIGH     (4 * GiB)
#define HIGH_LEN MiB

#define DESC   UINT64_C(0x1000) /* where commands are */
#define BUFFER UINT64_C(0x2000)

#define KEY FW_CFG_BOOT_MENU /* one of those without a meaning here */

typedef struct Fixture {
    TestBoard b;
    FwCfg *s;
    unsigned prepared; /* how often prepare() ran */
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    GuestRam *ram;
    GError *err = NULL;

    test_board_init(&f->b);
    ram = &f->b.m->ram;
    g_assert_cmpint(guest_ram_init(ram, MID_END + HIGH_LEN), ==, 0);
    guest_ram_add_block(ram, 0, 0, LOW_END);
    guest_ram_add_block(ram, MID, MID, MID_END - MID);
    guest_ram_add_block(ram, HIGH, MID_END, HIGH_LEN);
    f->s = fw_cfg_new(f->b.m, &err);
    g_assert_no_error(err);
}

static void teardown(Fixture *f, gconstpointer data)
{
    test_board_finish(&f->b);
}

/* --- helpers --- */

static GBytes *text(const char *s)
{
    return g_bytes_new(s, strlen(s));
}

static void add_file(Fixture *f, const char *name, const char *content)
{
    GError *err = NULL;

    fw_cfg_add_file(f->s, name, text(content), &err);
    g_assert_no_error(err);
}

static void select_key(Fixture *f, uint16_t key)
{
    test_out(&f->b, SELECTOR, key, 2);
}

/* The next bytes of the selected item are those of @expected, and @zeroes. */
static void assert_data(Fixture *f, const void *expected, size_t len,
                        size_t zeroes)
{
    const uint8_t *p = expected;

    for (size_t i = 0; i < len; i++) {
        g_assert_cmphex(test_inb(&f->b, DATA), ==, p[i]);
    }
    for (size_t i = 0; i < zeroes; i++) {
        g_assert_cmphex(test_inb(&f->b, DATA), ==, 0);
    }
}

static void assert_text(Fixture *f, const char *expected)
{
    assert_data(f, expected, strlen(expected), 3);
}

static uint8_t *at(Fixture *f, uint64_t gpa, uint64_t len)
{
    uint8_t *p = guest_ram_ptr(&f->b.m->ram, gpa, len);

    g_assert_nonnull(p);
    return p;
}

static void put_command(Fixture *f, uint64_t desc, uint32_t control,
                        uint32_t len, uint64_t gpa)
{
    uint32_t words[4] = { GUINT32_TO_BE(control), GUINT32_TO_BE(len),
                          GUINT32_TO_BE((uint32_t)(gpa >> 32)),
                          GUINT32_TO_BE((uint32_t)gpa) };

    memcpy(at(f, desc, sizeof(words)), words, sizeof(words));
}

static uint32_t control_at(Fixture *f, uint64_t desc)
{
    uint32_t control;

    memcpy(&control, at(f, desc, 4), 4);
    return GUINT32_FROM_BE(control);
}

/* Writes both halves of a command's address. */
static void start(Fixture *f, uint64_t desc)
{
    test_out(&f->b, DMA_HIGH, GUINT32_SWAP_LE_BE((uint32_t)(desc >> 32)), 4);
    test_out(&f->b, DMA_LOW, GUINT32_SWAP_LE_BE((uint32_t)desc), 4);
}

/* Carries out a command; returns what its control field is then. */
static uint32_t dma(Fixture *f, uint32_t control, uint32_t len, uint64_t gpa)
{
    put_command(f, DESC, control, len, gpa);
    start(f, DESC);
    return control_at(f, DESC);
}

static uint32_t select_bits(uint16_t key)
{
    return (uint32_t)key << 16 | SELECT;
}

/* --- ports --- */

static void test_signature_and_features(Fixture *f, gconstpointer data)
{
    static const uint8_t both[] = { 3, 0, 0, 0 };

    assert_text(f, "QEMU"); /* it is selected at power-on */
    select_key(f, FW_CFG_ID);
    assert_data(f, both, sizeof(both), 1);
    select_key(f, FW_CFG_SIGNATURE);
    assert_text(f, "QEMU");
    select_key(f, FW_CFG_SIGNATURE | 0x4000); /* "to be written" */
    assert_text(f, "QEMU");
}

static void test_dma_register_reads_as_signature(Fixture *f, gconstpointer data)
{
    static const char signature[] = "QEMU CFG";

    g_assert_cmphex(test_in(&f->b, DMA_HIGH, 4), ==, 0x554d4551);
    g_assert_cmphex(test_in(&f->b, DMA_LOW, 4), ==, 0x47464320);
    g_assert_cmphex(test_in(&f->b, 0x516, 2), ==, 0x554d);
    for (uint16_t i = 0; i < 8; i++) {
        g_assert_cmphex(test_inb(&f->b, (uint16_t)(DMA_HIGH + i)), ==,
                        signature[i]);
    }
    /* Over the end: two bytes of it, and nobody. */
    g_assert_cmphex(test_in(&f->b, 0x51a, 4), ==, 0xffff4746);
}

static void test_other_widths_do_nothing(Fixture *f, gconstpointer data)
{
    select_key(f, FW_CFG_SIGNATURE);
    g_assert_cmphex(test_inb(&f->b, DATA), ==, 'Q');
    g_assert_cmphex(test_in(&f->b, DATA, 2), ==, 0xffff);
    g_assert_cmphex(test_in(&f->b, DATA, 4), ==, 0xffffffff);
    g_assert_cmphex(test_in(&f->b, SELECTOR, 2), ==, 0xffff);
    g_assert_cmphex(test_in(&f->b, SELECTOR, 4), ==, 0xffffffff);
    test_outb(&f->b, SELECTOR, FW_CFG_ID);
    test_out(&f->b, SELECTOR, FW_CFG_ID, 4);
    test_outb(&f->b, DATA, 'x');
    put_command(f, DESC, select_bits(FW_CFG_ID), 0, 0);
    test_outb(&f->b, DMA_LOW, 0x10);
    test_out(&f->b, DMA_LOW, 0x1000, 2);
    test_out(&f->b, 0x51a, 0x1000, 4);
    g_assert_cmphex(control_at(f, DESC), ==, select_bits(FW_CFG_ID));
    assert_text(f, "EMU");
}

static void test_read_beyond_the_end_is_zero(Fixture *f, gconstpointer data)
{
    fw_cfg_set(f->s, KEY, text("ab"));
    select_key(f, KEY);
    assert_data(f, "ab", 2, 100);
    select_key(f, KEY); /* from the start again */
    assert_data(f, "ab", 2, 1);
}

static void test_unknown_keys_are_empty(Fixture *f, gconstpointer data)
{
    static const uint16_t keys[] = { FW_CFG_NUMA,
                                     FW_CFG_FILE_FIRST,
                                     FW_CFG_FILE_FIRST + FW_CFG_FILES_MAX,
                                     0x8000,
                                     0xbfff,
                                     0xffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        select_key(f, keys[i]);
        assert_data(f, NULL, 0, 4);
    }
    fw_cfg_set(f->s, KEY, g_bytes_new(NULL, 0));
    select_key(f, KEY);
    assert_data(f, NULL, 0, 4);
    g_assert_cmphex(dma(f, select_bits(KEY) | READ, 4, BUFFER), ==, 0);
}

static void test_numbers_are_little_endian(Fixture *f, gconstpointer data)
{
    static const uint8_t le[] = {
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11
    };

    for (unsigned size = 2; size <= 8; size *= 2) {
        fw_cfg_set_int(f->s, KEY, UINT64_C(0x1122334455667788), size);
        select_key(f, KEY);
        assert_data(f, le, size, 8);
    }
}

static void test_reset_selects_the_signature(Fixture *f, gconstpointer data)
{
    select_key(f, FW_CFG_ID);
    test_inb(&f->b, DATA);
    test_out(&f->b, DMA_HIGH, GUINT32_SWAP_LE_BE(1), 4);
    device_reset(g_ptr_array_index(f->b.m->tree.devices, 0));
    assert_text(f, "QEMU");
    put_command(f, DESC, SKIP, 0, 0);
    /* The upper half is 0 again. */
    test_out(&f->b, DMA_LOW, GUINT32_SWAP_LE_BE((uint32_t)DESC), 4);
    g_assert_cmphex(control_at(f, DESC), ==, 0);
}

/* --- files --- */

static uint64_t get_be(Fixture *f, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | test_inb(&f->b, DATA);
    }
    return value;
}

/* The next entry of the directory names @name, with the key and size given. */
static void assert_entry(Fixture *f, uint16_t key, const char *name,
                         size_t size)
{
    char padded[56] = "";

    strcpy(padded, name);
    g_assert_cmpuint(get_be(f, 4), ==, size);
    g_assert_cmphex(get_be(f, 2), ==, key);
    g_assert_cmphex(get_be(f, 2), ==, 0);
    assert_data(f, padded, sizeof(padded), 0);
}

static void test_directory_is_sorted(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "bootorder", "etc/acpi/rsdp",
                                         "etc/acpi/tables", "etc/table-loader",
                                         "opt/a" };
    static const unsigned order[] = { 3, 0, 4, 2, 1 };

    select_key(f, FW_CFG_FILE_DIR);
    assert_data(f, NULL, 0, 8); /* none */
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        add_file(f, names[order[i]], names[order[i]] + order[i]);
    }
    select_key(f, FW_CFG_FILE_DIR);
    g_assert_cmpuint(get_be(f, 4), ==, G_N_ELEMENTS(names));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        assert_entry(f, (uint16_t)(0x20 + i), names[i], strlen(names[i]) - i);
    }
    assert_data(f, NULL, 0, 8);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        select_key(f, (uint16_t)(0x20 + i));
        assert_text(f, names[i] + i);
    }
}

static void assert_refused(Fixture *f, const char *name, const char *why)
{
    g_autoptr(GError) err = NULL;

    g_assert_false(fw_cfg_add_file(f->s, name, text("x"), &err));
    g_assert_cmpstr(err->message, ==, why);
}

static void test_file_names(Fixture *f, gconstpointer data)
{
    g_autofree char *longest = g_strnfill(FW_CFG_NAME_MAX, 'a');
    g_autofree char *longer = g_strnfill(FW_CFG_NAME_MAX + 1, 'a');
    g_autofree char *why = g_strdup_printf(
        "fw_cfg: the name of a file has 1 to 55 bytes, '%s' has 56", longer);

    add_file(f, longest, "1");
    add_file(f, "b", "2");
    assert_refused(f, longer, why);
    assert_refused(f, "",
                   "fw_cfg: the name of a file has 1 to 55 bytes, '' has 0");
    assert_refused(f, "b", "fw_cfg: there is a file 'b' already");
    select_key(f, FW_CFG_FILE_DIR);
    g_assert_cmpuint(get_be(f, 4), ==, 2);
    assert_entry(f, 0x20, longest, 1);
    assert_entry(f, 0x21, "b", 1);
    g_assert_null(fw_cfg_file(f->s, longer));
    g_assert_cmpuint(g_bytes_get_size(fw_cfg_file(f->s, longest)), ==, 1);
}

static void test_number_of_files(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < FW_CFG_FILES_MAX; i++) {
        g_autofree char *name = g_strdup_printf("file%u", i);

        add_file(f, name, name);
    }
    assert_refused(f, "more",
                   "fw_cfg: no room for the file 'more': there are 64");
    select_key(f, 0x20 + FW_CFG_FILES_MAX - 1);
    assert_text(f, "file9"); /* the last by name */
}

/* What a file holds is not looked at here. */
static void test_size_of_a_file(Fixture *f, gconstpointer data)
{
    static const char byte;
    GError *err = NULL;

    fw_cfg_add_file(f->s, "a", g_bytes_new_static(&byte, FW_CFG_ITEM_MAX),
                    &err);
    g_assert_no_error(err);
    g_assert_false(fw_cfg_add_file(
        f->s, "b", g_bytes_new_static(&byte, (size_t)FW_CFG_ITEM_MAX + 1),
        &err));
    g_assert_cmpstr(err->message, ==,
                    "fw_cfg: the file 'b' has more than 4294967295 bytes");
    g_error_free(err);
    select_key(f, FW_CFG_FILE_DIR);
    g_assert_cmpuint(get_be(f, 4), ==, 1);
    g_assert_cmphex(get_be(f, 4), ==, UINT32_MAX);
    /* A skip goes to its end, and no further. */
    select_key(f, 0x20);
    g_assert_cmphex(dma(f, SKIP, UINT32_MAX, 0), ==, 0);
    g_assert_cmphex(dma(f, SKIP, UINT32_MAX, 0), ==, 0);
    assert_data(f, NULL, 0, 4);
}

static const char *const prepared_names[] = { "etc/a", "etc/c", NULL };

static void prepare(void *opaque)
{
    Fixture *f = opaque;
    g_autofree char *now = g_strdup_printf("a%u", ++f->prepared);

    fw_cfg_replace_file(f->s, "etc/a", text(now));
}

static void test_prepare_runs_once_for_each_reset(Fixture *f,
                                                  gconstpointer data)
{
    Device *dev = g_ptr_array_index(f->b.m->tree.devices, 0);

    add_file(f, "etc/a", "a0");
    add_file(f, "etc/b", "b0");
    add_file(f, "etc/c", "c0");
    fw_cfg_set_prepare(f->s, prepared_names, prepare, f);
    select_key(f, 0x21);
    select_key(f, FW_CFG_FILE_DIR);
    g_assert_cmpuint(f->prepared, ==, 0);
    for (unsigned i = 1; i < 4; i++) {
        g_autofree char *now = g_strdup_printf("a%u", i);

        g_assert_cmphex(dma(f, select_bits(0x22), 0, 0), ==, 0);
        g_assert_cmpuint(f->prepared, ==, i);
        select_key(f, 0x20);
        assert_text(f, now);
        g_assert_cmpuint(f->prepared, ==, i);
        device_reset(dev);
    }
}

/* --- DMA --- */

static void assert_ram(Fixture *f, uint64_t gpa, const char *expected)
{
    size_t len = strlen(expected);

    g_assert_cmpmem(at(f, gpa, len), len, expected, len);
}

static void fill(Fixture *f, uint64_t gpa, uint64_t len)
{
    memset(at(f, gpa, len), '.', len);
}

static void test_dma_reads_on(Fixture *f, gconstpointer data)
{
    fw_cfg_set(f->s, KEY, text("0123456789"));
    fill(f, BUFFER, 32);
    g_assert_cmphex(dma(f, select_bits(KEY) | READ, 3, BUFFER), ==, 0);
    assert_ram(f, BUFFER, "012.");
    g_assert_cmphex(dma(f, READ, 2, BUFFER + 8), ==, 0);
    assert_ram(f, BUFFER + 7, ".34.");
    g_assert_cmphex(test_inb(&f->b, DATA), ==, '5');
    g_assert_cmphex(dma(f, SKIP, 2, UINT64_MAX), ==, 0);
    g_assert_cmphex(dma(f, READ, 1, BUFFER + 16), ==, 0);
    assert_ram(f, BUFFER + 15, ".8.");
    g_assert_cmphex(dma(f, READ, 0, UINT64_MAX), ==, 0);
    g_assert_cmphex(dma(f, select_bits(KEY) | SKIP, 9, 0), ==, 0);
    assert_data(f, "9", 1, 1);
    select_key(f, 0);
    g_assert_cmphex(dma(f, select_bits(KEY), 1000, 0), ==, 0);
    assert_text(f, "0123456789");
}

static void test_dma_read_beyond_the_end_is_zero(Fixture *f, gconstpointer data)
{
    static const char expected[] = "ab\0\0\0.";

    fw_cfg_set(f->s, KEY, text("ab"));
    fill(f, BUFFER, 16);
    g_assert_cmphex(dma(f, select_bits(KEY) | READ, 5, BUFFER), ==, 0);
    g_assert_cmpmem(at(f, BUFFER, 6), 6, expected, 6);
    fill(f, BUFFER, 16);
    g_assert_cmphex(dma(f, READ, 1, BUFFER), ==, 0);
    g_assert_cmpmem(at(f, BUFFER, 2), 2, "\0.", 2);
    fill(f, BUFFER, 16);
    g_assert_cmphex(dma(f, select_bits(0x7777) | READ, 2, BUFFER), ==, 0);
    g_assert_cmpmem(at(f, BUFFER, 3), 3, "\0\0.", 3);
}

static void test_dma_write_is_refused(Fixture *f, gconstpointer data)
{
    fw_cfg_set(f->s, KEY, text("ab"));
    memcpy(at(f, BUFFER, 2), "xy", 2);
    g_assert_cmphex(dma(f, select_bits(KEY) | WRITE, 2, BUFFER), ==, ERROR);
    assert_text(f, "ab");
    g_assert_cmphex(dma(f, select_bits(KEY) | WRITE | SKIP, 1, BUFFER), ==,
                    ERROR);
    assert_text(f, "ab");
    assert_ram(f, BUFFER, "xy");
    /* Of several, reading goes first, and skipping last. */
    g_assert_cmphex(dma(f, select_bits(KEY) | READ | WRITE | SKIP, 1, BUFFER),
                    ==, 0);
    assert_ram(f, BUFFER, "ay");
    assert_data(f, "b", 1, 1);
    /* The bit of an error means nothing to us, nor do the others. */
    g_assert_cmphex(dma(f, select_bits(KEY) | ERROR | 0xffe0, 2, BUFFER), ==,
                    0);
}

static void test_dma_length_is_bounded(Fixture *f, gconstpointer data)
{
    g_autofree char *long_text = g_strnfill(FW_CFG_DMA_MAX + 1, 'x');

    fw_cfg_set(f->s, KEY, text(long_text));
    long_text[FW_CFG_DMA_MAX] = 0;
    g_assert_cmphex(
        dma(f, select_bits(KEY) | READ, FW_CFG_DMA_MAX + 1, 2 * MiB), ==,
        ERROR);
    g_assert_cmphex(dma(f, READ, UINT32_MAX, 0), ==, ERROR);
    g_assert_cmphex(*at(f, 2 * MiB, 1), ==, 0);
    g_assert_cmphex(dma(f, READ, FW_CFG_DMA_MAX, 2 * MiB), ==, 0);
    assert_ram(f, 2 * MiB, long_text);
    g_assert_cmphex(*at(f, 2 * MiB + FW_CFG_DMA_MAX, 1), ==, 0);
    assert_data(f, "x", 1, 1);
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    g_assert_not_reached();
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    g_assert_not_reached();
}

static const MemoryRegionOps mmio_ops = { mmio_read, mmio_write };

/* Ranges that are not RAM as a whole, and are left as they are. */
static const struct {
    uint64_t gpa, len;
} bad_ranges[] = {
    { LOW_END, 1 },
    { LOW_END - 1, 2 },
    { LOW_END - 1, 16 },
    { MID - 1, 2 },
    { LOW_END - 8, MiB },
    { MID_END - 1, 2 },
    { MID_END, 1 },
    { MID_END - 16, FW_CFG_DMA_MAX },
    { HIGH - 1, 2 },
    { HIGH + HIGH_LEN - 1, 2 },
    { HIGH + HIGH_LEN, 1 },
    { HIGH + HIGH_LEN - 15, 16 },
    { 0xb0000000, 16 },
    { UINT64_MAX, 1 },
    { UINT64_MAX - 7, 16 },
    { UINT64_MAX - 15, 16 },
    { UINT64_MAX, UINT32_MAX },
    { UINT64_C(1) << 63, 16 },
    { UINT64_C(1) << 52, 1 },
    { UINT64_MAX - UINT32_MAX + 1, UINT32_MAX },
};

static void test_dma_outside_of_ram_is_an_error(Fixture *f, gconstpointer data)
{
    MemoryRegion mmio;

    memory_region_init(&mmio, "mmio", &mmio_ops, NULL, 4096);
    memory_region_map(&mmio, &f->b.m->memory, 0xb0000000);
    fill(f, LOW_END - 16, 16);
    fill(f, MID_END - 16, 16);
    fill(f, HIGH + HIGH_LEN - 16, 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad_ranges); i++) {
        select_key(f, FW_CFG_SIGNATURE);
        g_assert_cmphex(
            dma(f, READ, (uint32_t)bad_ranges[i].len, bad_ranges[i].gpa), ==,
            ERROR);
        assert_text(f, "QEMU"); /* nothing was taken */
    }
    assert_ram(f, LOW_END - 16, "................");
    assert_ram(f, MID_END - 16, "................");
    assert_ram(f, HIGH + HIGH_LEN - 16, "................");
    memory_region_unmap(&mmio);
}

static void test_dma_to_the_last_byte(Fixture *f, gconstpointer data)
{
    static const uint64_t ends[] = { LOW_END, MID_END, HIGH + HIGH_LEN };

    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_assert_cmphex(dma(f, select_bits(0) | READ, 4, ends[i] - 4), ==, 0);
        assert_ram(f, ends[i] - 4, "QEMU");
    }
    g_assert_cmphex(dma(f, select_bits(0) | READ, 4, 0), ==, 0);
    assert_ram(f, 0, "QEMU");
}

/* A command that is not in RAM cannot be answered: nothing happens. */
static void test_dma_command_outside_of_ram(Fixture *f, gconstpointer data)
{
    static const uint64_t gpas[] = { LOW_END - 15,        LOW_END,
                                     MID_END - 4,         HIGH - 8,
                                     HIGH + HIGH_LEN - 1, UINT64_MAX,
                                     UINT64_MAX - 15,     0xb0000000 };

    fill(f, LOW_END - 16, 16);
    fill(f, MID_END - 16, 16);
    fill(f, HIGH + HIGH_LEN - 16, 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(gpas); i++) {
        select_key(f, FW_CFG_SIGNATURE);
        start(f, gpas[i]);
        assert_text(f, "QEMU");
    }
    assert_ram(f, LOW_END - 16, "................");
    assert_ram(f, MID_END - 16, "................");
    assert_ram(f, HIGH + HIGH_LEN - 16, "................");
}

static void test_dma_command_at_the_end_of_ram(Fixture *f, gconstpointer data)
{
    static const uint64_t gpas[] = { 0, LOW_END - 16, HIGH, DESC + 1,
                                     HIGH + HIGH_LEN - 16 };

    for (unsigned i = 0; i < G_N_ELEMENTS(gpas); i++) {
        fill(f, BUFFER, 8);
        put_command(f, gpas[i], select_bits(0) | READ, 4, BUFFER);
        start(f, gpas[i]);
        g_assert_cmphex(control_at(f, gpas[i]), ==, 0);
        assert_ram(f, BUFFER, "QEMU.");
    }
}

/* A firmware that has written the upper half once need not clear it. */
static void test_dma_upper_half_counts_once(Fixture *f, gconstpointer data)
{
    put_command(f, HIGH + DESC, SKIP, 0, 0);
    put_command(f, DESC, SKIP, 0, 0);
    start(f, HIGH + DESC);
    g_assert_cmphex(control_at(f, HIGH + DESC), ==, 0);
    g_assert_cmphex(control_at(f, DESC), ==, SKIP);
    test_out(&f->b, DMA_LOW, GUINT32_SWAP_LE_BE((uint32_t)DESC), 4);
    g_assert_cmphex(control_at(f, DESC), ==, 0);
}

/* The answer is there even if the item was read over the command. */
static void test_dma_over_its_own_command(Fixture *f, gconstpointer data)
{
    fw_cfg_set(f->s, KEY, text("0123456789abcdefghijklmnopqrstuvwxyz"));
    g_assert_cmphex(dma(f, select_bits(KEY) | READ, 36, DESC - 8), ==, 0);
    assert_ram(f, DESC - 8, "01234567");
    assert_ram(f, DESC + 4, "cdefghijklmnopqrstuvwxyz");
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/fw_cfg/signature", test_signature_and_features);
    add("/fw_cfg/dma-signature", test_dma_register_reads_as_signature);
    add("/fw_cfg/widths", test_other_widths_do_nothing);
    add("/fw_cfg/end", test_read_beyond_the_end_is_zero);
    add("/fw_cfg/unknown", test_unknown_keys_are_empty);
    add("/fw_cfg/numbers", test_numbers_are_little_endian);
    add("/fw_cfg/reset", test_reset_selects_the_signature);
    add("/fw_cfg/files/directory", test_directory_is_sorted);
    add("/fw_cfg/files/names", test_file_names);
    add("/fw_cfg/files/number", test_number_of_files);
    add("/fw_cfg/files/size", test_size_of_a_file);
    add("/fw_cfg/files/prepare", test_prepare_runs_once_for_each_reset);
    add("/fw_cfg/dma/read", test_dma_reads_on);
    add("/fw_cfg/dma/end", test_dma_read_beyond_the_end_is_zero);
    add("/fw_cfg/dma/write", test_dma_write_is_refused);
    add("/fw_cfg/dma/length", test_dma_length_is_bounded);
    add("/fw_cfg/dma/outside", test_dma_outside_of_ram_is_an_error);
    add("/fw_cfg/dma/last-byte", test_dma_to_the_last_byte);
    add("/fw_cfg/dma/command-outside", test_dma_command_outside_of_ram);
    add("/fw_cfg/dma/command-at-end", test_dma_command_at_the_end_of_ram);
    add("/fw_cfg/dma/upper-half", test_dma_upper_half_counts_once);
    add("/fw_cfg/dma/over-itself", test_dma_over_its_own_command);
    return g_test_run();
}
