/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/acpi-loader.h"
#include "hw/acpi/aml-build.h"

#define LOADER_FILE "etc/table-loader"
#define NAME_SIZE   56 /* of a file in a command */

/* Commands, and where a file is to be allocated. */
enum {
    LOADER_ALLOCATE = 1,
    LOADER_ADD_POINTER = 2,
    LOADER_ADD_CHECKSUM = 3,
};

enum {
    ZONE_HIGH = 1,
    ZONE_FSEG = 2, /* where a guest looks for the RSDP */
};

/* Sizes are multiples of SIZE_UNIT and leave SIZE_SPARE free: a PCI window more or
 * less, and integers that take some bytes more. */
#define SIZE_UNIT  4096
#define SIZE_SPARE 512

static const struct {
    const char *name;
    unsigned align;
    uint8_t zone;
} files[ACPI_FILES] = {
    [ACPI_FILE_TABLES] = { "etc/acpi/tables", 64, ZONE_HIGH },
    [ACPI_FILE_RSDP] = { "etc/acpi/rsdp", 16, ZONE_FSEG },
};

const char *const acpi_loader_files[] = {
    "etc/acpi/tables",
    "etc/acpi/rsdp",
    LOADER_FILE,
    NULL,
};

/* --- commands --- */

static void append_name(GByteArray *out, AcpiFile file)
{
    acpi_append_text(out, files[file].name, NAME_SIZE, 0);
}

/* Fills the command up that began at @start. */
static void end_command(GByteArray *out, unsigned start)
{
    unsigned len = out->len;

    assert(len - start <= ACPI_LOADER_ENTRY_SIZE);
    g_byte_array_set_size(out, start + ACPI_LOADER_ENTRY_SIZE);
    memset(out->data + len, 0, out->len - len);
}

static void append_allocate(GByteArray *out, AcpiFile file)
{
    unsigned start = out->len;

    acpi_append_int(out, LOADER_ALLOCATE, 4);
    append_name(out, file);
    acpi_append_int(out, files[file].align, 4);
    acpi_append_int(out, files[file].zone, 1);
    end_command(out, start);
}

static void append_fixup(GByteArray *out, const AcpiFixup *f)
{
    unsigned start = out->len;

    if (f->size) {
        acpi_append_int(out, LOADER_ADD_POINTER, 4);
        append_name(out, f->file);
        append_name(out, f->target);
        acpi_append_int(out, f->offset, 4);
        acpi_append_int(out, f->size, 1);
    } else {
        acpi_append_int(out, LOADER_ADD_CHECKSUM, 4);
        append_name(out, f->file);
        acpi_append_int(out, f->offset, 4);
        acpi_append_int(out, f->start, 4);
        acpi_append_int(out, f->length, 4);
    }
    end_command(out, start);
}

/* A copy of @content with zeroes behind it. */
static GBytes *pad(const GByteArray *content, size_t size)
{
    uint8_t *p = g_malloc0(size);

    assert(content->len <= size);
    memcpy(p, content->data, content->len);
    return g_bytes_new_take(p, size);
}

GBytes *acpi_loader_build(const AcpiTables *t)
{
    g_autoptr(GByteArray) out = g_byte_array_new();

    for (AcpiFile file = 0; file < ACPI_FILES; file++) {
        append_allocate(out, file);
    }
    for (guint i = 0; i < t->fixups->len; i++) {
        append_fixup(out, &g_array_index(t->fixups, AcpiFixup, i));
    }
    /* Commands of zeroes are none. */
    return pad(out, round_up(out->len, SIZE_UNIT));
}

/* --- files --- */

/* The RSDP is always as long as it is. */
static size_t padded_size(const AcpiTables *t, AcpiFile file)
{
    size_t len = t->files[file]->len;

    return file == ACPI_FILE_RSDP ? len : round_up(len + SIZE_SPARE, SIZE_UNIT);
}

bool acpi_loader_add_files(FwCfg *s, const AcpiTables *t, GError **errp)
{
    for (AcpiFile file = 0; file < ACPI_FILES; file++) {
        GBytes *content = pad(t->files[file], padded_size(t, file));

        if (!fw_cfg_add_file(s, files[file].name, content, errp)) {
            return false;
        }
    }
    return fw_cfg_add_file(s, LOADER_FILE, acpi_loader_build(t), errp);
}

int acpi_loader_replace_files(FwCfg *s, const AcpiTables *t)
{
    g_autoptr(GBytes) loader = acpi_loader_build(t);

    if (g_bytes_get_size(loader) !=
        g_bytes_get_size(fw_cfg_file(s, LOADER_FILE))) {
        return -ENOSPC;
    }
    for (AcpiFile file = 0; file < ACPI_FILES; file++) {
        if (t->files[file]->len >
            g_bytes_get_size(fw_cfg_file(s, files[file].name))) {
            return -ENOSPC;
        }
    }
    for (AcpiFile file = 0; file < ACPI_FILES; file++) {
        const char *name = files[file].name;
        size_t size = g_bytes_get_size(fw_cfg_file(s, name));

        fw_cfg_replace_file(s, name, pad(t->files[file], size));
    }
    fw_cfg_replace_file(s, LOADER_FILE, g_steal_pointer(&loader));
    return 0;
}
