/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC's firmware, which its boot vCPU begins in: the file, read once at the
 * start, as a ROM that ends at 4 GiB; and what firmware is told of the machine
 * (hw/nvram/fw_cfg.h). A machine whose kernel is entered directly has neither.
 */
#ifndef HW_I386_FIRMWARE_H
#define HW_I386_FIRMWARE_H

#include "hw/i386/x86-boot.h"
#include "hw/nvram/fw_cfg.h"

#define ROM_UNIT     (64 * KiB) /* a file is a multiple of this */
#define ROM_SIZE_MAX (8 * MiB)

typedef struct Rom {
    uint8_t *host; /* read-only mapping, owned; NULL: none */
    uint64_t size;
} Rom;

/* Reads the file @path of whole ROM_UNITs. Undo with rom_finish(), which takes
 * an empty one. */
bool rom_open(Rom *rom, const char *path, GError **errp);
void rom_finish(Rom *rom);

/* Gives @fw_cfg all that firmware is told of @machine but ACPI tables: once all
 * devices are there. @memory is what the processors find, RAM in E820_RAM. */
bool firmware_offer(FwCfg *fw_cfg, const Machine *machine,
                    const E820Entry *memory, unsigned n, GError **errp);
/* At each reset: what devices that have come and gone since make another. */
void firmware_reset(FwCfg *fw_cfg, const Machine *machine);

#endif
