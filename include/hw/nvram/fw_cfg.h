/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware configuration device: what a firmware reads of the machine it
 * runs on, by key or by the name of a file. QEMU Firmware Configuration (fw_cfg)
 * Device, docs/specs/fw_cfg: a selector at port 0x510, data at 0x511, DMA at
 * 0x514. A machine whose kernel is entered directly has none.
 *
 * All functions need the machine lock, or run before the machine starts.
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "hw/core/device.h"

#define FW_CFG_PORT      0x510
#define FW_CFG_PORT_SIZE 12
#define FW_CFG_FILES_MAX 64
#define FW_CFG_NAME_MAX  55         /* bytes without the final 0 */
#define FW_CFG_ITEM_MAX  UINT32_MAX /* bytes of one item */

/* Bytes that one DMA command may read. It is carried out with the machine lock
 * held, and copies to memory that the host may have to give first: some
 * milliseconds. SeaBIOS and OVMF read a MiB at a time, or files that are smaller.
 * A longer one has the error bit as its answer. */
#define FW_CFG_DMA_MAX (16 * MiB)

/* Items with a key of their own; of all that the specification has, those that
 * SeaBIOS or OVMF read. Integers in them are little endian. */
typedef enum FwCfgKey {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
} FwCfgKey;

typedef struct FwCfg FwCfg;

extern const DeviceType fw_cfg_type; /* "fw_cfg_io" */

/* The board's helper: makes and realizes the machine's device, with the files of
 * -fw_cfg; NULL with errp. */
FwCfg *fw_cfg_new(Machine *machine, GError **errp);

/* Takes over the reference @data as item @key, in place of what was there. */
void fw_cfg_set(FwCfg *s, FwCfgKey key, GBytes *data);
/* The same with a number of 2, 4 or 8 bytes. */
void fw_cfg_set_int(FwCfg *s, FwCfgKey key, uint64_t value, unsigned size);

/* Refuses what cannot be the name of a file. */
bool fw_cfg_check_name(const char *name, GError **errp);

/* Takes over the reference @data as the file @name (1 to FW_CFG_NAME_MAX bytes).
 * A name that is none, a file of that name, and one too many, are refused; @data
 * is released then. Keys of files follow from their names in order: all are
 * added before a guest runs. */
bool fw_cfg_add_file(FwCfg *s, const char *name, GBytes *data, GError **errp);

/* Takes over @data in place of what the file @name, which is there, holds. Its
 * size is what it was, but at a reset: a firmware has the directory already. */
void fw_cfg_replace_file(FwCfg *s, const char *name, GBytes *data);

/* Has @prepare called when the guest selects a file whose name is in @names (a
 * borrowed list with NULL at the end) for the first time since a reset: it may
 * call fw_cfg_replace_file() with what depends on the firmware's work so far. */
typedef void FwCfgPrepare(void *opaque);
void fw_cfg_set_prepare(FwCfg *s, const char *const *names,
                        FwCfgPrepare *prepare, void *opaque);

/* The file @name as it is now; borrowed; NULL if there is none. */
GBytes *fw_cfg_file(const FwCfg *s, const char *name);

#endif
