/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS structures: what `dmidecode` shows of the machine. System Management
 * BIOS Reference Specification 3.6 (DSP0134): an entry point of version 2.8, or
 * of 3.0 if the structures take more than that can say.
 */
#ifndef HW_SMBIOS_SMBIOS_H
#define HW_SMBIOS_SMBIOS_H

#include "system/cpus.h"

#include <json-c/json.h>

/* Files of fw_cfg in which a firmware looks for them. */
#define SMBIOS_TABLES_FILE "etc/smbios/smbios-tables"
#define SMBIOS_ANCHOR_FILE "etc/smbios/smbios-anchor"

/* What the board says; all is borrowed. */
typedef struct SmbiosConfig {
    const char *product;   /* "Standard PC (Q35 + ICH9, 2009)" */
    const char *version;   /* of the machine: "pc-q35-7.2" */
    const uint8_t *uuid;   /* 16 bytes in the order of their text; NULL: none */
    CpuTopology topology;  /* a processor for each socket */
    uint64_t ram_size;     /* bytes, whole MiB */
    uint64_t low_ram_size; /* of these below 4 GiB; the rest is from there on */
    /* json_object of each -smbios, checked by smbios_check_option(); the last
     * that has a field counts; NULL: none. */
    const GPtrArray *options;
} SmbiosConfig;

/* Whether the argument of -smbios is one: "type" and the fields of that type. */
bool smbios_check_option(json_object *dict, GError **errp);

/* The structures, and the entry point for structures that lie at address 0: who
 * places them adds their address and corrects the checksums. */
void smbios_build(const SmbiosConfig *c, GBytes **ret_tables,
                  GBytes **ret_anchor);

/* The entry point @anchor for structures that lie at @tables_gpa, which is below
 * 4 GiB; the caller releases it. */
GBytes *smbios_place(GBytes *anchor, uint64_t tables_gpa);

#endif
