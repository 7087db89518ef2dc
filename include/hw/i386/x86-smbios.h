/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board's SMBIOS tables (hw/smbios/smbios.h), and where they are: in files
 * that a firmware places, or, if a kernel is started directly, where it looks
 * for them below 1 MiB.
 */
#ifndef HW_I386_X86_SMBIOS_H
#define HW_I386_X86_SMBIOS_H

#include "hw/nvram/fw_cfg.h"

typedef struct GuestRam GuestRam;

typedef struct X86Smbios {
    GBytes *tables, *anchor; /* owned; NULL: there are none */
    uint64_t tables_gpa, anchor_gpa;
} X86Smbios;

/* @low_ram_size is what of the RAM is below 4 GiB. */
void x86_smbios_build(X86Smbios *s, const Machine *machine,
                      uint64_t low_ram_size);
/* Takes one that is empty. */
void x86_smbios_finish(X86Smbios *s);

/* Adds the files to @fw_cfg. */
bool x86_smbios_add_files(const X86Smbios *s, FwCfg *fw_cfg, GError **errp);

/* Finds room for them in [@start, @end), of which the last 64 KiB are where a
 * kernel looks. */
bool x86_smbios_place(X86Smbios *s, uint64_t start, uint64_t end,
                      GError **errp);
/* Writes what was placed. */
void x86_smbios_write(const X86Smbios *s, const GuestRam *ram);

#endif
