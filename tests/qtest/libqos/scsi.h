/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI commands by name (SPC-4, SBC-3) on a virtio-scsi adapter.
 *
 * qscsi_cdb_*() fill a QSCSICommand for a test that wants to see how it ends:
 *
 *     QSCSICommand cmd = qscsi_cdb_read10(lba, blocks, 512);
 *     g_auto(QSCSIResult) r = { 0 };
 *     qvirtio_scsi_command(scsi, queue, lun, &cmd, &r);
 *
 * The others run one and fail the test, with what the device said, unless it
 * ends with GOOD. @queue is a request queue, from 0.
 */
#ifndef TESTS_LIBQOS_SCSI_H
#define TESTS_LIBQOS_SCSI_H

#include "libqos/virtio-scsi.h"

/* SAM status */
#define QSCSI_GOOD                 0x00
#define QSCSI_CHECK_CONDITION      0x02
#define QSCSI_BUSY                 0x08
#define QSCSI_RESERVATION_CONFLICT 0x18

/* sense keys */
#define QSCSI_NOT_READY       0x2
#define QSCSI_ILLEGAL_REQUEST 0x5
#define QSCSI_UNIT_ATTENTION  0x6

/* PERSISTENT RESERVE OUT service actions (SPC-4, 6.16) */
#define QSCSI_PR_REGISTER 0
#define QSCSI_PR_RESERVE  1
#define QSCSI_PR_RELEASE  2
#define QSCSI_PR_CLEAR    3

QSCSICommand qscsi_cdb_test_unit_ready(void);
QSCSICommand qscsi_cdb_inquiry(size_t len);
QSCSICommand qscsi_cdb_inquiry_vpd(uint8_t page, size_t len);
QSCSICommand qscsi_cdb_report_luns(size_t len);
QSCSICommand qscsi_cdb_read_capacity10(void);
QSCSICommand qscsi_cdb_read_capacity16(void);
QSCSICommand qscsi_cdb_read10(uint32_t lba, uint16_t blocks, uint32_t size);
QSCSICommand qscsi_cdb_read16(uint64_t lba, uint32_t blocks, uint32_t size);
/* @data holds @blocks of @size bytes; borrowed until the command is
 * submitted. */
QSCSICommand qscsi_cdb_write10(uint32_t lba, uint16_t blocks, uint32_t size,
                               const void *data);
QSCSICommand qscsi_cdb_write16(uint64_t lba, uint32_t blocks, uint32_t size,
                               const void *data);
QSCSICommand qscsi_cdb_synchronize_cache(void);

/* A parameter list that a command borrows. */
typedef struct QSCSIUnmap {
    uint8_t list[24];
} QSCSIUnmap;
QSCSICommand qscsi_cdb_unmap(QSCSIUnmap *list, uint64_t lba, uint32_t blocks);

typedef struct QSCSIReserve {
    uint8_t list[24];
} QSCSIReserve;
/* @action is QSCSI_PR_*, @type that of the reservation (1: write exclusive),
 * @key and @new_key the two keys of the list. */
QSCSICommand qscsi_cdb_reserve_out(QSCSIReserve *list, uint8_t action,
                                   uint8_t type, uint64_t key,
                                   uint64_t new_key);
/* @action: 0 read keys, 1 read reservation. */
QSCSICommand qscsi_cdb_reserve_in(uint8_t action, uint16_t len);

/* Asserts that the transport and the device say GOOD. */
void qscsi_assert_good(QVirtioSCSI *scsi, const QSCSIResult *r);

/* Runs a command that takes and gives no data worth keeping. */
void qscsi_run(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
               const QSCSICommand *cmd);

/* Repeats TEST UNIT READY until the unit attentions of a start are gone. */
void qscsi_wait_ready(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun);

void qscsi_read10(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun, uint32_t lba,
                  uint16_t blocks, uint32_t size, void *data);
void qscsi_write10(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
                   uint32_t lba, uint16_t blocks, uint32_t size,
                   const void *data);

typedef struct QSCSICapacity {
    uint64_t blocks;
    uint32_t block_size;
} QSCSICapacity;
/* By READ CAPACITY (10) or (16). */
QSCSICapacity qscsi_read_capacity(QVirtioSCSI *scsi, unsigned queue,
                                  QSCSILun lun, bool use_16);

/* The first @target that has a LUN 0, by INQUIRY of each; fails the test if
 * there is none. */
QSCSILun qscsi_find_disk(QVirtioSCSI *scsi);

#endif
