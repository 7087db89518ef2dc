/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table loader's commands, carried out as a firmware does on a memory of the
 * test's: what a guest finds there is whole, each table is one that a command
 * points to (OVMF knows no others), and it is what the board places by itself.
 */
#include "hw/acpi/aml-build.h"
#include "hw/acpi/ich9-pm.h"
#include "hw/i386/acpi-loader.h"
#include "hw/isa/lpc-ich9.h"
#include "test-acpi.h"
#include "test-board.h"

#define HIGH_BASE UINT64_C(0x7ffd1000)
#define FSEG_BASE UINT64_C(0xf5ad0)
#define FILES     2

static const uint32_t ids[] = { 0, 1, 254 };

static AcpiConfig board_config(void)
{
    return (AcpiConfig){
        .n_cpus = G_N_ELEMENTS(ids),
        .apic_ids = ids,
        .ecam_base = 0xb0000000,
        .ecam_buses = 3,
        .mmio32_base = 0xc0000000,
        .mmio32_size = 0x3ec00000,
        .mmio64_base = 4 * GiB,
        .mmio64_size = 32 * GiB,
        .pm_base = ICH9_PM_BASE,
        .sci_irq = ICH9_SCI_IRQ,
        .serial_ports = 1,
        .has_rtc = true,
        .has_fw_cfg = true,
    };
}

/* --- a firmware --- */

typedef struct Placed {
    const char *name;
    GByteArray *data; /* NULL: not yet allocated */
    uint64_t gpa;
} Placed;

typedef struct Fixture {
    TestBoard b;
    FwCfg *s;
    AcpiTables tables;
    Placed files[FILES];
    GHashTable *targets; /* addresses that pointers were set to */
    unsigned commands;
    char *dir;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
    f->s = fw_cfg_new(f->b.m, NULL);
    g_assert_nonnull(f->s);
    f->targets = g_hash_table_new(NULL, NULL);
    f->dir = g_dir_make_tmp("test-acpi-loader-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
}

static void forget(Fixture *f)
{
    for (unsigned i = 0; i < FILES; i++) {
        g_clear_pointer(&f->files[i].data, g_byte_array_unref);
        f->files[i] = (Placed){ 0 };
    }
    g_hash_table_remove_all(f->targets);
    f->commands = 0;
}

static void teardown(Fixture *f, gconstpointer data)
{
    forget(f);
    g_hash_table_unref(f->targets);
    acpi_tables_finish(&f->tables);
    remove_dir(f->dir);
    g_free(f->dir);
    test_board_finish(&f->b);
}

/* A name in a command ends within it. */
static const char *name_at(const uint8_t *command, unsigned offset)
{
    g_assert_nonnull(memchr(command + offset, 0, 56));
    return (const char *)command + offset;
}

static Placed *placed(Fixture *f, const char *name)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (!g_strcmp0(f->files[i].name, name)) {
            return &f->files[i];
        }
    }
    g_assert_not_reached();
}

static void allocate(Fixture *f, const uint8_t *c)
{
    const char *name = name_at(c, 4);
    GBytes *content = fw_cfg_file(f->s, name);
    uint64_t align = get(c + 60, 4);
    unsigned zone = c[64], n = 0;

    g_assert_nonnull(content);
    while (f->files[n].name) {
        g_assert_cmpstr(f->files[n++].name, !=, name);
        g_assert_cmpuint(n, <, FILES);
    }
    g_assert_true(is_power_of_2(align));
    g_assert_cmpuint(align, <=, 4096); /* OVMF allocates pages */
    g_assert_true(zone == 1 || zone == 2);
    f->files[n] = (Placed){
        .name = name,
        .data = g_byte_array_new(),
        .gpa = round_up(zone == 1 ? HIGH_BASE : FSEG_BASE, align),
    };
    g_byte_array_append(f->files[n].data, g_bytes_get_data(content, NULL),
                        (guint)g_bytes_get_size(content));
}

static void add_pointer(Fixture *f, const uint8_t *c)
{
    Placed *dest = placed(f, name_at(c, 4));
    const Placed *src = placed(f, name_at(c, 60));
    uint64_t offset = get(c + 116, 4), value;
    unsigned size = c[120];

    g_assert_true(size == 4 || size == 8);
    g_assert_true(range_within(offset, size, dest->data->len));
    value = get(dest->data->data + offset, size);
    g_assert_cmpuint(value, <, src->data->len); /* what OVMF asks for */
    value += src->gpa;
    g_assert_true(size == 8 || value <= UINT32_MAX);
    for (unsigned i = 0; i < size; i++) {
        dest->data->data[offset + i] = (uint8_t)(value >> (8 * i));
    }
    g_hash_table_add(f->targets, GSIZE_TO_POINTER(value));
}

static void add_checksum(Fixture *f, const uint8_t *c)
{
    const Placed *file = placed(f, name_at(c, 4));
    uint64_t offset = get(c + 60, 4), start = get(c + 64, 4);
    uint64_t len = get(c + 68, 4);

    g_assert_true(range_within(start, len, file->data->len));
    g_assert_cmpuint(offset, <, file->data->len);
    /* SeaBIOS subtracts the sum from what is there, OVMF sets it. */
    g_assert_cmphex(file->data->data[offset], ==, 0);
    file->data->data[offset] = (uint8_t)-sum(file->data->data + start, len);
}

/* Carries out the whole of etc/table-loader. */
static void run_loader(Fixture *f)
{
    size_t len;
    GBytes *file = fw_cfg_file(f->s, "etc/table-loader");
    const uint8_t *p = g_bytes_get_data(file, &len);

    g_assert_cmpuint(len % 128, ==, 0);
    for (size_t i = 0; i < len; i += 128) {
        const uint8_t *c = p + i;

        switch (get(c, 4)) {
        case 0:
            g_assert_cmpuint(sum(c, 128), ==, 0);
            continue;
        case 1:
            allocate(f, c);
            break;
        case 2:
            add_pointer(f, c);
            break;
        case 3:
            add_checksum(f, c);
            break;
        default:
            g_assert_not_reached();
        }
        f->commands++;
    }
}

static void load(Fixture *f, const AcpiConfig *config)
{
    GError *err = NULL;

    acpi_build(&f->tables, config);
    acpi_loader_add_files(f->s, &f->tables, &err);
    g_assert_no_error(err);
    run_loader(f);
}

/* --- a guest --- */

static const uint8_t *at(const Fixture *f, uint64_t gpa)
{
    for (unsigned i = 0; i < FILES; i++) {
        if (gpa - f->files[i].gpa < f->files[i].data->len) {
            return f->files[i].data->data + (gpa - f->files[i].gpa);
        }
    }
    g_assert_not_reached();
}

/* The table at @gpa: it is what it should be and a pointer led to it. */
static const uint8_t *table(const Fixture *f, uint64_t gpa,
                            const char *signature)
{
    const uint8_t *t = at(f, gpa);

    g_assert_cmpmem(t, 4, signature, 4);
    g_assert_true(g_hash_table_contains(f->targets, GSIZE_TO_POINTER(gpa)));
    if (!g_str_equal(signature, "FACS")) {
        g_assert_cmpuint(sum(t, get(t + 4, 4)), ==, 0);
    }
    return t;
}

static const uint8_t *xsdt_of(const Fixture *f)
{
    const uint8_t *rsdp = at(f, placed((Fixture *)f, "etc/acpi/rsdp")->gpa);

    g_assert_cmpmem(rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(rsdp[15], ==, 2);
    g_assert_cmpuint(sum(rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(rsdp, 36), ==, 0);
    return table(f, get(rsdp + 24, 8), "XSDT");
}

/* The tables of the XSDT, in its order, and those that the FADT points to. */
static void find_tables(const Fixture *f, const uint8_t *ret[6])
{
    const uint8_t *xsdt = ret[0] = xsdt_of(f);

    g_assert_cmpuint(get(xsdt + 4, 4), ==, 36 + 3 * 8);
    ret[1] = table(f, get(xsdt + 36, 8), "FACP");
    ret[2] = table(f, get(xsdt + 44, 8), "APIC");
    ret[3] = table(f, get(xsdt + 52, 8), "MCFG");
    ret[4] = table(f, get(ret[1] + 140, 8), "DSDT");
    ret[5] = table(f, get(ret[1] + 36, 4), "FACS");
    g_assert_cmphex(get(ret[1] + 140, 8), ==, get(ret[1] + 40, 4));
    g_assert_cmpuint(get(ret[1] + 36, 4) % 64, ==, 0);
}

/* --- tests --- */

static void test_commands_lead_to_every_table(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    const uint8_t *found[6];

    load(f, &config);
    find_tables(f, found);
    g_assert_cmpuint(g_hash_table_size(f->targets), ==, 6);
    g_assert_cmpuint(f->commands, ==, 2 + f->tables.fixups->len);
    for (unsigned i = 0; i < FILES; i++) {
        g_assert_nonnull(f->files[i].data);
    }
}

/* At the same addresses both ways make the same bytes. */
static void test_same_as_placed(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    const Placed *tables, *rsdp;

    load(f, &config);
    tables = placed(f, "etc/acpi/tables");
    rsdp = placed(f, "etc/acpi/rsdp");
    acpi_place(&f->tables, (const uint64_t[]){
                               [ACPI_FILE_TABLES] = tables->gpa,
                               [ACPI_FILE_RSDP] = rsdp->gpa,
                           });
    for (unsigned i = 0; i < ACPI_FILES; i++) {
        const GByteArray *ours = f->tables.files[i];
        const GByteArray *theirs = i == ACPI_FILE_RSDP ? rsdp->data
                                                       : tables->data;

        g_assert_cmpmem(ours->data, ours->len, theirs->data, ours->len);
        g_assert_cmpuint(sum(theirs->data + ours->len, theirs->len - ours->len),
                         ==, 0);
    }
}

/* Elsewhere they differ where an address is, and its checksum. */
static void test_differs_in_addresses_alone(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    const uint64_t gpas[ACPI_FILES] = { 0xe0000, 0xe4000 };
    static const char *const names[ACPI_FILES] = { "etc/acpi/tables",
                                                   "etc/acpi/rsdp" };
    unsigned fields = 0;

    load(f, &config);
    acpi_place(&f->tables, gpas);
    for (guint i = 0; i < f->tables.fixups->len; i++) {
        const AcpiFixup *x = &g_array_index(f->tables.fixups, AcpiFixup, i);
        unsigned size = x->size ? x->size : 1;

        fields++;
        memset(f->tables.files[x->file]->data + x->offset, 0, size);
        memset(placed(f, names[x->file])->data->data + x->offset, 0, size);
    }
    g_assert_cmpuint(fields, >, 10);
    for (unsigned i = 0; i < ACPI_FILES; i++) {
        const GByteArray *ours = f->tables.files[i];

        g_assert_cmpmem(ours->data, ours->len, placed(f, names[i])->data->data,
                        ours->len);
    }
}

/* What iasl makes of a table, without the lines that say when or where something
 * is, and without the bytes behind. */
static char *text_of(const Fixture *f, const char *name, const uint8_t *t)
{
    g_autofree char *all = disassemble(f->dir, name, t, get(t + 4, 4));
    g_auto(GStrv) lines = g_strsplit(all, "\n", 0);
    GString *out = g_string_new(NULL);

    for (char **line = lines; *line && !strstr(*line, "Raw Table"); line++) {
        if (!strstr(*line, "Address") && !strstr(*line, "Checksum") &&
            !strstr(*line, "Disassembly of")) {
            g_string_append_printf(out, "%s\n", *line);
        }
    }
    g_assert_cmpuint(out->len, >, 100);
    return g_string_free(out, FALSE);
}

static void test_iasl_reads_both_alike(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "XSDT", "FACP", "APIC",
                                         "MCFG", "DSDT", "FACS" };
    AcpiConfig config = board_config();
    const uint64_t gpas[ACPI_FILES] = { 0xe0000, 0xe4000 };
    const GByteArray *placed_tables;
    const uint8_t *found[6], *base;

    load(f, &config);
    find_tables(f, found);
    acpi_place(&f->tables, gpas);
    placed_tables = f->tables.files[ACPI_FILE_TABLES];
    base = placed(f, "etc/acpi/tables")->data->data;
    for (unsigned i = 0; i < G_N_ELEMENTS(found); i++) {
        g_autofree char *theirs = text_of(f, names[i], found[i]);
        g_autofree char *ours = text_of(
            f, names[i], placed_tables->data + (found[i] - base));

        g_assert_cmpstr(ours, ==, theirs);
    }
}

static void test_fw_cfg_node(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    const uint8_t *found[6];
    g_autofree char *text = NULL;

    load(f, &config);
    find_tables(f, found);
    text = disassemble(f->dir, "DSDT", found[4], get(found[4] + 4, 4));
    g_assert_nonnull(strstr(text, "Name (_HID, \"QEMU0002\")"));
    g_assert_nonnull(strstr(text, "0x0510,             // Range Minimum"));
    g_assert_nonnull(strstr(text, "0x0C,               // Length"));
}

/* Once the firmware has chosen its windows the tables are built again: files
 * keep their sizes, and lead to tables that say what was chosen. */
static void test_built_again(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    const uint8_t *found[6];
    size_t sizes[3];
    g_autofree char *text = NULL;

    config.mmio64_size = 0;
    load(f, &config);
    for (unsigned i = 0; acpi_loader_files[i]; i++) {
        sizes[i] = g_bytes_get_size(fw_cfg_file(f->s, acpi_loader_files[i]));
    }
    forget(f);
    acpi_tables_finish(&f->tables);
    config.mmio64_base = UINT64_C(0xe000000000);
    config.mmio64_size = GiB;
    config.has_gpe0 = true;
    acpi_build(&f->tables, &config);
    g_assert_cmpint(acpi_loader_replace_files(f->s, &f->tables), ==, 0);
    for (unsigned i = 0; acpi_loader_files[i]; i++) {
        g_assert_cmpuint(
            g_bytes_get_size(fw_cfg_file(f->s, acpi_loader_files[i])), ==,
            sizes[i]);
    }
    run_loader(f);
    find_tables(f, found);
    text = disassemble(f->dir, "DSDT", found[4], get(found[4] + 4, 4));
    g_assert_nonnull(strstr(text, "0x000000E000000000, // Range Minimum"));
}

/* Tables that do not fit leave those that were there. */
static void test_built_again_and_too_large(Fixture *f, gconstpointer data)
{
    AcpiConfig config = board_config();
    uint32_t many_ids[200];
    const uint8_t *found[6];

    load(f, &config);
    acpi_tables_finish(&f->tables);
    forget(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(many_ids); i++) {
        many_ids[i] = i;
    }
    config.apic_ids = many_ids;
    config.n_cpus = G_N_ELEMENTS(many_ids);
    acpi_build(&f->tables, &config);
    g_assert_cmpint(acpi_loader_replace_files(f->s, &f->tables), ==, -ENOSPC);
    run_loader(f);
    find_tables(f, found);
    g_assert_cmpuint(get(found[2] + 4, 4), <, 200);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/acpi-loader/commands", test_commands_lead_to_every_table);
    add("/acpi-loader/same-as-placed", test_same_as_placed);
    add("/acpi-loader/addresses-alone", test_differs_in_addresses_alone);
    add("/acpi-loader/iasl", test_iasl_reads_both_alike);
    add("/acpi-loader/fw-cfg-node", test_fw_cfg_node);
    add("/acpi-loader/again", test_built_again);
    add("/acpi-loader/again-too-large", test_built_again_and_too_large);
    return g_test_run();
}
