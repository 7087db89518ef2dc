/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the board's SMBIOS tables are: in fw_cfg, or where a kernel looks. */
#include "hw/i386/q35.h"
#include "hw/i386/x86-smbios.h"
#include "hw/smbios/smbios.h"
#include "test-board.h"

#define START \
    UINT64_C(0xe1234) /* of the room for them: a multiple of nothing */
#define END UINT64_C(0x100000)

typedef struct Fixture {
    TestBoard b;
    X86Smbios s;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    GuestRam *ram;

    test_board_init(&f->b);
    f->b.m->type = &q35_machine_type;
    ram = &f->b.m->ram;
    g_assert_cmpint(guest_ram_init(ram, END), ==, 0);
    guest_ram_add_block(ram, 0xc0000, 0xc0000, END - 0xc0000);
    x86_smbios_build(&f->s, f->b.m, f->b.m->config.ram_size);
}

static void teardown(Fixture *f, gconstpointer data)
{
    x86_smbios_finish(&f->s);
    test_board_finish(&f->b);
}

static uint8_t *at(Fixture *f, uint64_t gpa, uint64_t len)
{
    uint8_t *p = guest_ram_ptr(&f->b.m->ram, gpa, len);

    g_assert_nonnull(p);
    return p;
}

/* As a kernel does; 0: there is none. */
static uint64_t find_anchor(Fixture *f)
{
    for (uint64_t gpa = 0xf0000; gpa < END; gpa += 16) {
        if (!memcmp(at(f, gpa, 16), "_SM_", 4)) {
            return gpa;
        }
    }
    return 0;
}

static void test_a_kernel_finds_them(Fixture *f, gconstpointer data)
{
    GError *err = NULL;
    const uint8_t *anchor;
    uint32_t tables;
    uint8_t sum = 0;
    size_t size;

    x86_smbios_place(&f->s, START, END, &err);
    g_assert_no_error(err);
    g_assert_cmphex(find_anchor(f), ==, 0);
    x86_smbios_write(&f->s, &f->b.m->ram);
    g_assert_cmphex(find_anchor(f), !=, 0);
    anchor = at(f, find_anchor(f), 31);
    for (unsigned i = 0; i < 31; i++) {
        sum = (uint8_t)(sum + anchor[i]);
    }
    g_assert_cmpuint(sum, ==, 0);
    memcpy(&tables, anchor + 24, 4);
    tables = GUINT32_FROM_LE(tables);
    size = g_bytes_get_size(f->s.tables);
    g_assert_cmphex(tables, >=, START);
    g_assert_cmphex(tables + size, <=, find_anchor(f));
    g_assert_cmpmem(at(f, tables, size), size,
                    g_bytes_get_data(f->s.tables, NULL), size);
}

static void test_room(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    uint64_t need = round_up(g_bytes_get_size(f->s.tables), 16) + 32;
    uint64_t start = END - need;

    g_assert_true(x86_smbios_place(&f->s, start - 15, END, NULL));
    g_assert_true(x86_smbios_place(&f->s, start, END, NULL));
    g_assert_cmphex(f->s.tables_gpa, ==, start);
    g_assert_false(x86_smbios_place(&f->s, start + 1, END, &err));
    g_assert_true(g_str_has_prefix(err->message, "-smbios: the tables take "));
    g_assert_false(x86_smbios_place(&f->s, END, END, NULL));
    g_assert_false(x86_smbios_place(&f->s, END + 1, END, NULL));
}

static void test_files(Fixture *f, gconstpointer data)
{
    GError *err = NULL;
    FwCfg *fw_cfg = fw_cfg_new(f->b.m, &err);

    g_assert_no_error(err);
    x86_smbios_add_files(&f->s, fw_cfg, &err);
    g_assert_no_error(err);
    g_assert_true(fw_cfg_file(fw_cfg, SMBIOS_TABLES_FILE) == f->s.tables);
    g_assert_true(fw_cfg_file(fw_cfg, SMBIOS_ANCHOR_FILE) == f->s.anchor);
}

/* Without tables nothing is written. */
static void test_none(Fixture *f, gconstpointer data)
{
    X86Smbios none = { 0 };

    x86_smbios_write(&none, &f->b.m->ram);
    x86_smbios_finish(&none);
    g_assert_cmphex(find_anchor(f), ==, 0);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/x86-smbios/found", test_a_kernel_finds_them);
    add("/x86-smbios/room", test_room);
    add("/x86-smbios/files", test_files);
    add("/x86-smbios/none", test_none);
    return g_test_run();
}
