/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flash memory that a firmware runs from and keeps its variables in: the
 * Common Flash Memory Interface (JESD68) with the Intel command set (Intel
 * application note AP-646), one chip of 8 bits, sectors of 4 KiB. What is
 * read comes from memory without an exit; each completed write is in the file
 * before the guest goes on.
 *
 * All functions need the machine lock, or run before the machine starts.
 */
#ifndef HW_BLOCK_PFLASH_CFI01_H
#define HW_BLOCK_PFLASH_CFI01_H

#include "hw/core/device.h"

#define PFLASH_SECTOR   (4 * KiB)
#define PFLASH_SIZE_MAX (8 * MiB) /* of all chips together */

typedef struct PFlash PFlash;

extern const DeviceType pflash_cfi01_type; /* "cfi.pflash01" */

/*
 * The board's helper: opens @path, which is locked against a second user unless
 * @readonly, and puts its contents below the guest address @end. The file must
 * be whole sectors. NULL with errp, which names the option @what.
 */
PFlash *pflash_cfi01_new(Machine *machine, const char *what, const char *path,
                         bool readonly, uint64_t end, GError **errp);

/* Bytes; and where it begins in the guest. */
uint64_t pflash_size(const PFlash *s);
uint64_t pflash_base(const PFlash *s);
/* Its contents, for a second place where the guest reads them; borrowed. */
uint8_t *pflash_contents(const PFlash *s);

#endif
