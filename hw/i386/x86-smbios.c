/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/x86-smbios.h"
#include "hw/smbios/smbios.h"
#include "system/machine.h"
#include "util/error.h"

/* The entry point lies at a multiple of 16 (DSP0134, 5.2). */
#define SMBIOS_ALIGN 16

void x86_smbios_build(X86Smbios *s, const Machine *m, uint64_t low_ram_size)
{
    const SmbiosConfig config = {
        .product = "Standard PC (Q35 + ICH9, 2009)",
        .version = m->type->name,
        .uuid = m->config.has_uuid ? m->config.uuid : NULL,
        .topology = m->config.topology,
        .ram_size = m->config.ram_size,
        .low_ram_size = low_ram_size,
        .options = m->config.smbios,
    };

    smbios_build(&config, &s->tables, &s->anchor);
}

void x86_smbios_finish(X86Smbios *s)
{
    g_clear_pointer(&s->tables, g_bytes_unref);
    g_clear_pointer(&s->anchor, g_bytes_unref);
}

bool x86_smbios_add_files(const X86Smbios *s, FwCfg *fw_cfg, GError **errp)
{
    return fw_cfg_add_file(fw_cfg, SMBIOS_TABLES_FILE, g_bytes_ref(s->tables),
                           errp) &&
           fw_cfg_add_file(fw_cfg, SMBIOS_ANCHOR_FILE, g_bytes_ref(s->anchor),
                           errp);
}

bool x86_smbios_place(X86Smbios *s, uint64_t start, uint64_t end, GError **errp)
{
    uint64_t size = round_up(g_bytes_get_size(s->tables), SMBIOS_ALIGN);
    uint64_t anchor_size = round_up(g_bytes_get_size(s->anchor), SMBIOS_ALIGN);
    GBytes *anchor;

    start = round_up(start, SMBIOS_ALIGN);
    if (start > end || size + anchor_size > end - start) {
        error_setg(errp,
                   "-smbios: the tables take %" PRIu64
                   " bytes, more than there "
                   "is room for without firmware: leave fields out",
                   size + anchor_size);
        return false;
    }
    s->anchor_gpa = end - anchor_size;
    s->tables_gpa = s->anchor_gpa - size;
    anchor = smbios_place(s->anchor, s->tables_gpa);
    g_bytes_unref(s->anchor);
    s->anchor = anchor;
    return true;
}

static void write_bytes(GBytes *bytes, const GuestRam *ram, uint64_t gpa)
{
    size_t size;
    const void *data = g_bytes_get_data(bytes, &size);

    if (!guest_ram_write(ram, gpa, data, size)) {
        g_assert_not_reached();
    }
}

void x86_smbios_write(const X86Smbios *s, const GuestRam *ram)
{
    if (s->tables) {
        write_bytes(s->tables, ram, s->tables_gpa);
        write_bytes(s->anchor, ram, s->anchor_gpa);
    }
}
