/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and byte order of SCSI (SPC-4, SBC-3) for the target's files. */
#ifndef TESTS_FAKE_VHOST_SCSI_H
#define TESTS_FAKE_VHOST_SCSI_H

enum ScsiOpcode {
    OP_TEST_UNIT_READY = 0x00,
    OP_REQUEST_SENSE = 0x03,
    OP_READ_6 = 0x08,
    OP_WRITE_6 = 0x0a,
    OP_INQUIRY = 0x12,
    OP_MODE_SENSE_6 = 0x1a,
    OP_READ_CAPACITY_10 = 0x25,
    OP_READ_10 = 0x28,
    OP_WRITE_10 = 0x2a,
    OP_VERIFY_10 = 0x2f,
    OP_SYNCHRONIZE_CACHE_10 = 0x35,
    OP_UNMAP = 0x42,
    OP_MODE_SENSE_10 = 0x5a,
    OP_PERSISTENT_RESERVE_IN = 0x5e,
    OP_PERSISTENT_RESERVE_OUT = 0x5f,
    OP_READ_16 = 0x88,
    OP_WRITE_16 = 0x8a,
    OP_VERIFY_16 = 0x8f,
    OP_SYNCHRONIZE_CACHE_16 = 0x91,
    OP_WRITE_SAME_16 = 0x93,
    OP_SERVICE_ACTION_IN_16 = 0x9e, /* READ CAPACITY (16) is one of them */
    OP_REPORT_LUNS = 0xa0,
};

enum ScsiStatus {
    STATUS_CHECK_CONDITION = 0x02,
    STATUS_CONFLICT = 0x18,
};

enum ScsiSense {
    SENSE_NONE = 0x0,
    SENSE_ILLEGAL = 0x5,
    SENSE_ATTENTION = 0x6,
    SENSE_ABORTED = 0xb,
    SENSE_MISCOMPARE = 0xe,
};

/* Additional sense code << 8 | its qualifier. */
enum ScsiAsc {
    ASC_MISCOMPARE = 0x1d00,
    ASC_BAD_OPCODE = 0x2000,
    ASC_BAD_LBA = 0x2100,
    ASC_BAD_FIELD = 0x2400,
    ASC_NO_LUN = 0x2500,
    ASC_BAD_FIELD_IN_LIST = 0x2600,
    ASC_RESET = 0x2903, /* bus device reset function occurred */
};

static inline uint64_t get_be(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    while (bytes--) {
        v = v << 8 | *p++;
    }
    return v;
}

static inline void put_be(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = bytes; i-- > 0; v >>= 8) {
        p[i] = v;
    }
}

#endif
