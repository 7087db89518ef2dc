/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flash memory that a firmware runs from and keeps its variables in: the
 * Common Flash Memory Interface (JEDEC JESD68.01) with the Intel/Sharp command
 * set 0x0001 (JEP137), one chip with a bus of 8 bits and sectors of 4 KiB. What
 * is read comes from memory without an exit; each byte that was programmed is
 * in the file before the guest goes on.
 *
 * All functions need the machine lock, or run before the machine starts.
 */
#ifndef HW_BLOCK_PFLASH_CFI01_H
#define HW_BLOCK_PFLASH_CFI01_H

#include "hw/core/device.h"

#define PFLASH_SECTOR   (4 * KiB)
#define PFLASH_SIZE_MAX (8 * MiB) /* of all chips of a machine together */

typedef struct PFlash PFlash;

extern const DeviceType pflash_cfi01_type; /* "cfi.pflash01" */

/*
 * The board's helper: opens @path, a regular file or a block device of whole
 * sectors, locks it against a second user (readers may share one that is
 * @readonly), reads it, and shows it to the guest below the address @end. The
 * device tree owns the result. NULL with errp, whose message begins with @what.
 */
PFlash *pflash_cfi01_new(Machine *machine, const char *what, const char *path,
                         bool readonly, uint64_t end, GError **errp);

/* Bytes, whole sectors. */
uint64_t pflash_size(const PFlash *s);
/* What it holds, for a second place where the guest reads it; borrowed, and
 * there as long as the machine is. */
uint8_t *pflash_contents(PFlash *s);

#endif
