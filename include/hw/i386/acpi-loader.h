/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables for a firmware, which places them itself: three files of
 * fw_cfg, of which one has the commands that do so (QEMU's table loader: an
 * allocation for each of the other files, then every fix-up of AcpiTables in
 * order).
 *
 * All files are longer than what they hold, so that tables which are built again
 * once the firmware has set up the machine take as much as those before.
 */
#ifndef HW_I386_ACPI_LOADER_H
#define HW_I386_ACPI_LOADER_H

#include "hw/i386/acpi-build.h"
#include "hw/nvram/fw_cfg.h"

#define ACPI_LOADER_ENTRY_SIZE 128 /* bytes of a command */

/* The files' names, NULL at the end: what fw_cfg_set_prepare() takes. */
extern const char *const acpi_loader_files[];

/* The commands, for tables of which no fix-up was carried out. */
GBytes *acpi_loader_build(const AcpiTables *tables);

/* Adds all files to @fw_cfg. */
bool acpi_loader_add_files(FwCfg *fw_cfg, const AcpiTables *tables,
                           GError **errp);

/* Replaces them by those of @tables. Returns 0, or -ENOSPC if one of them is
 * larger than what was added; nothing is replaced then. */
int acpi_loader_replace_files(FwCfg *fw_cfg, const AcpiTables *tables);

#endif
