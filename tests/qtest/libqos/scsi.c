/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/scsi.h"

/* Operation codes: SPC-4 table E.1, SBC-3 table 10. */
#define OP_TEST_UNIT_READY   0x00
#define OP_INQUIRY           0x12
#define OP_READ_CAPACITY_10  0x25
#define OP_READ_10           0x28
#define OP_WRITE_10          0x2a
#define OP_SYNCHRONIZE_CACHE 0x35
#define OP_UNMAP             0x42
#define OP_RESERVE_IN        0x5e
#define OP_RESERVE_OUT       0x5f
#define OP_READ_16           0x88
#define OP_WRITE_16          0x8a
#define OP_SERVICE_ACTION_IN 0x9e
#define OP_REPORT_LUNS       0xa0
#define SAI_READ_CAPACITY_16 0x10
#define READY_ATTEMPTS       8
#define PERIPHERAL_NONE      0x7f /* INQUIRY: no such logical unit */

/* SCSI is big-endian. */
static void put_be(uint8_t *p, unsigned n, uint64_t v)
{
    for (unsigned i = 0; i < n; i++) {
        p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    }
}

static uint64_t get_be(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

QSCSICommand qscsi_cdb_test_unit_ready(void)
{
    return (QSCSICommand){ .cdb = { OP_TEST_UNIT_READY } };
}

QSCSICommand qscsi_cdb_inquiry(size_t len)
{
    QSCSICommand cmd = { .cdb = { OP_INQUIRY }, .in_len = len };

    put_be(cmd.cdb + 3, 2, len);
    return cmd;
}

QSCSICommand qscsi_cdb_inquiry_vpd(uint8_t page, size_t len)
{
    QSCSICommand cmd = qscsi_cdb_inquiry(len);

    cmd.cdb[1] = 1; /* EVPD */
    cmd.cdb[2] = page;
    return cmd;
}

QSCSICommand qscsi_cdb_report_luns(size_t len)
{
    QSCSICommand cmd = { .cdb = { OP_REPORT_LUNS }, .in_len = len };

    put_be(cmd.cdb + 6, 4, len);
    return cmd;
}

QSCSICommand qscsi_cdb_read_capacity10(void)
{
    return (QSCSICommand){ .cdb = { OP_READ_CAPACITY_10 }, .in_len = 8 };
}

QSCSICommand qscsi_cdb_read_capacity16(void)
{
    QSCSICommand cmd = { .cdb = { OP_SERVICE_ACTION_IN, SAI_READ_CAPACITY_16 },
                         .in_len = 32 };

    put_be(cmd.cdb + 10, 4, cmd.in_len);
    return cmd;
}

/* Block and count where READ and WRITE have them. */
static void set_range10(QSCSICommand *cmd, uint32_t lba, uint16_t blocks)
{
    put_be(cmd->cdb + 2, 4, lba);
    put_be(cmd->cdb + 7, 2, blocks);
}

static void set_range16(QSCSICommand *cmd, uint64_t lba, uint32_t blocks)
{
    put_be(cmd->cdb + 2, 8, lba);
    put_be(cmd->cdb + 10, 4, blocks);
}

QSCSICommand qscsi_cdb_read10(uint32_t lba, uint16_t blocks, uint32_t size)
{
    QSCSICommand cmd = { .cdb = { OP_READ_10 },
                         .in_len = (size_t)blocks * size };

    set_range10(&cmd, lba, blocks);
    return cmd;
}

QSCSICommand qscsi_cdb_read16(uint64_t lba, uint32_t blocks, uint32_t size)
{
    QSCSICommand cmd = { .cdb = { OP_READ_16 },
                         .in_len = (size_t)blocks * size };

    set_range16(&cmd, lba, blocks);
    return cmd;
}

QSCSICommand qscsi_cdb_write10(uint32_t lba, uint16_t blocks, uint32_t size,
                               const void *data)
{
    QSCSICommand cmd = { .cdb = { OP_WRITE_10 },
                         .out = data,
                         .out_len = (size_t)blocks * size };

    set_range10(&cmd, lba, blocks);
    return cmd;
}

QSCSICommand qscsi_cdb_write16(uint64_t lba, uint32_t blocks, uint32_t size,
                               const void *data)
{
    QSCSICommand cmd = { .cdb = { OP_WRITE_16 },
                         .out = data,
                         .out_len = (size_t)blocks * size };

    set_range16(&cmd, lba, blocks);
    return cmd;
}

QSCSICommand qscsi_cdb_synchronize_cache(void)
{
    return (QSCSICommand){ .cdb = { OP_SYNCHRONIZE_CACHE } };
}

/* SBC-3, 5.28: a header of 8 bytes and one block descriptor of 16. */
QSCSICommand qscsi_cdb_unmap(QSCSIUnmap *list, uint64_t lba, uint32_t blocks)
{
    QSCSICommand cmd = { .cdb = { OP_UNMAP },
                         .out = list->list,
                         .out_len = sizeof(list->list) };

    memset(list, 0, sizeof(*list));
    put_be(list->list, 2, sizeof(list->list) - 2);
    put_be(list->list + 2, 2, 16);
    put_be(list->list + 8, 8, lba);
    put_be(list->list + 16, 4, blocks);
    put_be(cmd.cdb + 7, 2, cmd.out_len);
    return cmd;
}

QSCSICommand qscsi_cdb_reserve_out(QSCSIReserve *list, uint8_t action,
                                   uint8_t type, uint64_t key, uint64_t new_key)
{
    QSCSICommand cmd = { .cdb = { OP_RESERVE_OUT, action, type },
                         .out = list->list,
                         .out_len = sizeof(list->list) };

    memset(list, 0, sizeof(*list));
    put_be(list->list, 8, key);
    put_be(list->list + 8, 8, new_key);
    put_be(cmd.cdb + 5, 4, cmd.out_len);
    return cmd;
}

QSCSICommand qscsi_cdb_reserve_in(uint8_t action, uint16_t len)
{
    QSCSICommand cmd = { .cdb = { OP_RESERVE_IN, action }, .in_len = len };

    put_be(cmd.cdb + 7, 2, len);
    return cmd;
}

/* --- whole commands --- */

void qscsi_assert_good(QVirtioSCSI *scsi, const QSCSIResult *r)
{
    if (r->response != VIRTIO_SCSI_S_OK || r->status != QSCSI_GOOD) {
        qtest_fail(scsi->dev.qts,
                   "SCSI command: response %u, status 0x%x, sense %x/%02x/%02x",
                   r->response, r->status, r->sense_key, r->asc, r->ascq);
    }
}

void qscsi_run(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
               const QSCSICommand *cmd)
{
    g_auto(QSCSIResult) r = { 0 };

    qvirtio_scsi_command(scsi, queue, lun, cmd, &r);
    qscsi_assert_good(scsi, &r);
}

void qscsi_wait_ready(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun)
{
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();

    for (unsigned i = 0; i < READY_ATTEMPTS; i++) {
        g_auto(QSCSIResult) r = { 0 };

        qvirtio_scsi_command(scsi, queue, lun, &cmd, &r);
        if (r.status != QSCSI_CHECK_CONDITION ||
            r.sense_key != QSCSI_UNIT_ATTENTION) {
            qscsi_assert_good(scsi, &r);
            return;
        }
    }
    qtest_fail(scsi->dev.qts, "unit attentions have no end");
}

void qscsi_read10(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun, uint32_t lba,
                  uint16_t blocks, uint32_t size, void *data)
{
    QSCSICommand cmd = qscsi_cdb_read10(lba, blocks, size);
    g_auto(QSCSIResult) r = { 0 };

    qvirtio_scsi_command(scsi, queue, lun, &cmd, &r);
    qscsi_assert_good(scsi, &r);
    g_assert_cmpuint(r.resid, ==, 0);
    memcpy(data, r.data, r.data_len);
}

void qscsi_write10(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
                   uint32_t lba, uint16_t blocks, uint32_t size,
                   const void *data)
{
    QSCSICommand cmd = qscsi_cdb_write10(lba, blocks, size, data);

    qscsi_run(scsi, queue, lun, &cmd);
}

QSCSICapacity qscsi_read_capacity(QVirtioSCSI *scsi, unsigned queue,
                                  QSCSILun lun, bool use_16)
{
    QSCSICommand cmd = use_16 ? qscsi_cdb_read_capacity16()
                              : qscsi_cdb_read_capacity10();
    unsigned width = use_16 ? 8 : 4;
    g_auto(QSCSIResult) r = { 0 };

    qvirtio_scsi_command(scsi, queue, lun, &cmd, &r);
    qscsi_assert_good(scsi, &r);
    return (QSCSICapacity){
        .blocks = get_be(r.data, width) + 1,
        .block_size = (uint32_t)get_be(r.data + width, 4),
    };
}

QSCSILun qscsi_find_disk(QVirtioSCSI *scsi)
{
    QSCSICommand cmd = qscsi_cdb_inquiry(36);

    for (unsigned target = 0; target <= scsi->config.max_target; target++) {
        QSCSILun lun = { .target = (uint8_t)target };
        g_auto(QSCSIResult) r = { 0 };

        qvirtio_scsi_command(scsi, 0, lun, &cmd, &r);
        if (r.response == VIRTIO_SCSI_S_OK && r.status == QSCSI_GOOD &&
            r.data[0] != PERIPHERAL_NONE) {
            return lun;
        }
        g_assert_true(r.response == VIRTIO_SCSI_S_OK ||
                      r.response == VIRTIO_SCSI_S_BAD_TARGET);
    }
    qtest_fail(scsi->dev.qts, "no target has a LUN 0");
}
