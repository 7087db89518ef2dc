/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The target: logical units that are RAM disks (SPC-4, SBC-3). Every command is
 * done when scsi_execute() returns.
 */
#include "fake.h"
#include "scsi.h"

#include <sys/mman.h>

#define UNMAP_BLOCKS_MAX     65536
#define WRITE_SAME_BLOCK_MAX 65536

void scsi_fail(ScsiTask *t, uint8_t key, uint16_t asc)
{
    t->status = STATUS_CHECK_CONDITION;
    t->sense_len = sizeof(t->sense);
    memset(t->sense, 0, sizeof(t->sense));
    t->sense[0] = 0x70; /* current, fixed format */
    t->sense[2] = key;
    t->sense[7] = 10;
    put_be(t->sense + 12, asc, 2);
}

void scsi_data_in(ScsiTask *t, const void *buf, size_t len)
{
    int64_t r;

    t->wanted = len;
    len = len < t->in_len ? len : t->in_len;
    r = command_write(t->command, t->in_offset, buf, len);
    if (r < 0) {
        scsi_fail(t, SENSE_ABORTED, 0);
    } else {
        t->done = r;
    }
}

/* An answer cut to the allocation length that the CDB gave. */
static void answer(ScsiTask *t, const void *buf, size_t len, size_t allocated)
{
    scsi_data_in(t, buf, len < allocated ? len : allocated);
}

/* --- what a unit is --- */

static void serial_of(unsigned lun, char *to, size_t size)
{
    snprintf(to, size, "fake%08x", lun);
}

/* One designator: NAA locally assigned (SPC-4, 7.8.6.6.4). */
static size_t page_83(const ScsiTask *t, uint8_t *b)
{
    b[4] = 0x01; /* binary */
    b[5] = 0x03; /* logical unit, NAA */
    b[7] = 8;
    put_be(b + 8, UINT64_C(0x3fa4e00000000000) | t->lun_number, 8);
    return 16;
}

/* Block limits (SBC-3, 6.6.4). */
static size_t page_b0(const ScsiTask *t, uint8_t *b)
{
    put_be(b + 8, 8192, 4); /* maximum transfer length */
    put_be(b + 12, 128, 4); /* optimal */
    put_be(b + 20, UNMAP_BLOCKS_MAX, 4);
    put_be(b + 24, 16, 4); /* unmap descriptors */
    put_be(b + 28, 1, 4);  /* granularity */
    put_be(b + 36, WRITE_SAME_BLOCK_MAX, 8);
    return 64;
}

/* Logical block provisioning: UNMAP and WRITE SAME (16) with it, thin. */
static size_t page_b2(const ScsiTask *t, uint8_t *b)
{
    b[5] = 0xc0;
    b[6] = 0x02;
    return 8;
}

static void inquiry_page(ScsiTask *t)
{
    static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb2 };
    uint8_t b[64] = { 0 };
    size_t len;

    b[1] = t->cdb[2];
    switch (t->cdb[2]) {
    case 0x00:
        memcpy(b + 4, pages, sizeof(pages));
        len = 4 + sizeof(pages);
        break;
    case 0x80:
        serial_of(t->lun_number, (char *)b + 4, sizeof(b) - 4);
        len = 4 + strlen((char *)b + 4);
        break;
    case 0x83:
        len = page_83(t, b);
        break;
    case 0xb0:
        len = page_b0(t, b);
        break;
    case 0xb2:
        len = page_b2(t, b);
        break;
    default:
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    put_be(b + 2, len - 4, 2);
    answer(t, b, len, get_be(t->cdb + 3, 2));
}

static void inquiry(ScsiTask *t)
{
    uint8_t b[36] = { 0 };

    if (t->cdb[1] & 1) {
        inquiry_page(t);
        return;
    }
    if (t->cdb[2]) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    b[2] = 6; /* SPC-4 */
    b[3] = 2;
    b[4] = sizeof(b) - 5;
    b[7] = 2; /* command queueing */
    memcpy(b + 8, "FAKE    RAM disk        1.0 ", 28);
    answer(t, b, sizeof(b), get_be(t->cdb + 3, 2));
}

static void report_luns(ScsiTask *t)
{
    uint8_t b[8 + 8 * FAKE_LUNS_MAX] = { 0 };
    unsigned n = 0;

    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < FAKE_LUNS_MAX; i++) {
        if (fake.luns[i].present) {
            put_be(b + 8 + 8 * n++, i, 2);
        }
    }
    pthread_mutex_unlock(&fake.lock);
    put_be(b, 8 * n, 4);
    answer(t, b, 8 + 8 * (size_t)n, get_be(t->cdb + 6, 4));
}

static void request_sense(ScsiTask *t)
{
    uint8_t b[18] = { 0x70, 0, SENSE_NONE, 0, 0, 0, 0, 10 };

    answer(t, b, sizeof(b), t->cdb[4]);
}

static void read_capacity_10(ScsiTask *t)
{
    uint64_t last = t->lun->blocks - 1;
    uint8_t b[8];

    put_be(b, last > UINT32_MAX ? UINT32_MAX : last, 4);
    put_be(b + 4, FAKE_BLOCK, 4);
    answer(t, b, sizeof(b), sizeof(b));
}

/* READ CAPACITY (16) is service action 0x10 of its operation code. */
static void service_action_in(ScsiTask *t)
{
    uint8_t b[32] = { 0 };

    if ((t->cdb[1] & 0x1f) != 0x10) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    put_be(b, t->lun->blocks - 1, 8);
    put_be(b + 8, FAKE_BLOCK, 4);
    b[14] = 0x80; /* provisioned thin */
    answer(t, b, sizeof(b), get_be(t->cdb + 10, 4));
}

/* The caching page (SBC-3, 6.5.6) behind a header without block descriptors. */
static void mode_sense(ScsiTask *t)
{
    bool ten = t->cdb[0] == OP_MODE_SENSE_10;
    uint8_t b[8 + 20] = { 0 };
    size_t len = ten ? 8 : 4;

    switch (t->cdb[2] & 0x3f) {
    case 0x3f:
    case 0x08:
        b[len] = 0x08;
        b[len + 1] = 0x12;
        b[len + 2] = 0x04; /* write cache */
        len += 20;
        break;
    default:
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    if (ten) {
        put_be(b, len - 2, 2);
        b[3] = 0x10; /* FUA is understood */
    } else {
        b[0] = len - 1;
        b[2] = 0x10;
    }
    answer(t, b, len, ten ? get_be(t->cdb + 7, 2) : t->cdb[4]);
}

/* --- blocks --- */

typedef struct Extent {
    uint64_t lba, blocks;
} Extent;

static Extent extent_of(const uint8_t *cdb)
{
    Extent e;

    switch (cdb[0] >> 5) {
    case 0: /* six bytes; no length means 256 */
        e.lba = (uint64_t)(cdb[1] & 0x1f) << 16 | get_be(cdb + 2, 2);
        e.blocks = cdb[4] ? cdb[4] : 256;
        break;
    case 4: /* sixteen */
        e.lba = get_be(cdb + 2, 8);
        e.blocks = get_be(cdb + 10, 4);
        break;
    default:
        e.lba = get_be(cdb + 2, 4);
        e.blocks = get_be(cdb + 7, 2);
        break;
    }
    return e;
}

/* Whether it lies on the unit; else the command has failed. */
static bool extent_ok(ScsiTask *t, Extent e)
{
    if (!range_within(e.lba, e.blocks, t->lun->blocks)) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_LBA);
        return false;
    }
    return true;
}

static void transfer(ScsiTask *t, bool to_guest)
{
    Extent e = extent_of(t->cdb);
    uint64_t bytes = e.blocks * FAKE_BLOCK;
    uint8_t *disk = t->lun->data + e.lba * FAKE_BLOCK;
    int64_t r;

    if (!extent_ok(t, e)) {
        return;
    }
    t->wanted = bytes;
    if (bytes > (to_guest ? t->in_len : t->out_len)) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    pthread_mutex_lock(&t->lun->lock);
    r = to_guest ? command_write(t->command, t->in_offset, disk, bytes)
                 : command_read(t->command, t->out_offset, disk, bytes);
    pthread_mutex_unlock(&t->lun->lock);
    if (r < 0) {
        scsi_fail(t, SENSE_ABORTED, 0);
    } else {
        t->done = r;
    }
}

static void read_blocks(ScsiTask *t)
{
    transfer(t, true);
}

static void write_blocks(ScsiTask *t)
{
    transfer(t, false);
}

/* VERIFY reads nothing that could be bad; with BYTCHK it compares. */
static void verify(ScsiTask *t)
{
    Extent e = extent_of(t->cdb);
    uint8_t block[FAKE_BLOCK];

    if (!extent_ok(t, e) || !(t->cdb[1] & 2)) {
        return;
    }
    for (uint64_t i = 0; i < e.blocks; i++) {
        bool same;

        if (command_read(t->command, t->out_offset + i * FAKE_BLOCK, block,
                         FAKE_BLOCK) != FAKE_BLOCK) {
            scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
            return;
        }
        pthread_mutex_lock(&t->lun->lock);
        same = !memcmp(block, t->lun->data + (e.lba + i) * FAKE_BLOCK,
                       FAKE_BLOCK);
        pthread_mutex_unlock(&t->lun->lock);
        if (!same) {
            scsi_fail(t, SENSE_MISCOMPARE, ASC_MISCOMPARE);
            return;
        }
        t->done += FAKE_BLOCK;
    }
}

/* What never reached a medium but this memory is there. */
static void nothing(ScsiTask *t)
{
}

static void synchronize(ScsiTask *t)
{
    extent_ok(t, extent_of(t->cdb));
}

static void clear_blocks(FakeLun *lun, Extent e)
{
    pthread_mutex_lock(&lun->lock);
    memset(lun->data + e.lba * FAKE_BLOCK, 0, e.blocks * FAKE_BLOCK);
    pthread_mutex_unlock(&lun->lock);
}

static void unmap(ScsiTask *t)
{
    size_t len = get_be(t->cdb + 7, 2), n;
    uint8_t b[8 + 16 * 16];

    if (len < 8) {
        return; /* nothing to unmap is no error */
    }
    len = len < sizeof(b) ? len : sizeof(b);
    if (command_read(t->command, t->out_offset, b, len) != (int64_t)len) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    t->done = len;
    n = get_be(b + 2, 2) / 16;
    for (size_t i = 0; i < n && 8 + 16 * (i + 1) <= len; i++) {
        Extent e = { get_be(b + 8 + 16 * i, 8), get_be(b + 16 + 16 * i, 4) };

        if (!extent_ok(t, e)) {
            return;
        }
        clear_blocks(t->lun, e);
    }
}

/* WRITE SAME (16), also as a way to unmap (SBC-3, 5.43). */
static void write_same(ScsiTask *t)
{
    Extent e = extent_of(t->cdb);
    uint8_t block[FAKE_BLOCK] = { 0 };

    if (!extent_ok(t, e)) {
        return;
    }
    if (e.blocks == 0 || e.blocks > WRITE_SAME_BLOCK_MAX) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    if (command_read(t->command, t->out_offset, block, FAKE_BLOCK) !=
        FAKE_BLOCK) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    t->done = FAKE_BLOCK;
    if (t->cdb[1] & 8) {
        clear_blocks(t->lun, e);
        return;
    }
    pthread_mutex_lock(&t->lun->lock);
    for (uint64_t i = 0; i < e.blocks; i++) {
        memcpy(t->lun->data + (e.lba + i) * FAKE_BLOCK, block, FAKE_BLOCK);
    }
    pthread_mutex_unlock(&t->lun->lock);
}

static const struct {
    uint8_t opcode;
    bool without_lun; /* is answered for LUN 0 even if there is none */
    void (*run)(ScsiTask *t);
} commands[] = {
    { OP_INQUIRY, false, inquiry },
    { OP_REPORT_LUNS, true, report_luns },
    { OP_REQUEST_SENSE, false, request_sense },
    { OP_TEST_UNIT_READY, false, nothing },
    { OP_READ_CAPACITY_10, false, read_capacity_10 },
    { OP_SERVICE_ACTION_IN_16, false, service_action_in },
    { OP_MODE_SENSE_6, false, mode_sense },
    { OP_MODE_SENSE_10, false, mode_sense },
    { OP_READ_6, false, read_blocks },
    { OP_READ_10, false, read_blocks },
    { OP_READ_16, false, read_blocks },
    { OP_WRITE_6, false, write_blocks },
    { OP_WRITE_10, false, write_blocks },
    { OP_WRITE_16, false, write_blocks },
    { OP_VERIFY_10, false, verify },
    { OP_VERIFY_16, false, verify },
    { OP_SYNCHRONIZE_CACHE_10, false, synchronize },
    { OP_SYNCHRONIZE_CACHE_16, false, synchronize },
    { OP_UNMAP, false, unmap },
    { OP_WRITE_SAME_16, false, write_same },
    { OP_PERSISTENT_RESERVE_IN, false, pr_in },
    { OP_PERSISTENT_RESERVE_OUT, false, pr_out },
};

/* Whether the nexus must be told first that the unit was reset. */
static bool attention(ScsiTask *t)
{
    bool told = false;

    if (t->cdb[0] == OP_INQUIRY || t->cdb[0] == OP_REPORT_LUNS) {
        return false;
    }
    pthread_mutex_lock(&t->lun->lock);
    if (t->lun->attention[t->nexus]) {
        t->lun->attention[t->nexus] = false;
        told = true;
    }
    pthread_mutex_unlock(&t->lun->lock);
    if (told) {
        scsi_fail(t, SENSE_ATTENTION, ASC_RESET);
    }
    return told;
}

void lun_reset(FakeLun *lun)
{
    pthread_mutex_lock(&lun->lock);
    memset(lun->attention, true, sizeof(lun->attention));
    pthread_mutex_unlock(&lun->lock);
}

void scsi_execute(ScsiTask *t)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].opcode != t->cdb[0]) {
            continue;
        }
        if (!t->lun && (t->lun_number || !commands[i].without_lun)) {
            scsi_fail(t, SENSE_ILLEGAL, ASC_NO_LUN);
        } else if (t->lun && attention(t)) {
            return;
        } else if (t->lun && pr_conflict(t)) {
            t->status = STATUS_CONFLICT;
        } else {
            commands[i].run(t);
        }
        return;
    }
    scsi_fail(t, SENSE_ILLEGAL, t->lun ? ASC_BAD_OPCODE : ASC_NO_LUN);
}

int lun_add(uint64_t bytes)
{
    int r = -ENOSPC;

    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < FAKE_LUNS_MAX; i++) {
        FakeLun *lun = &fake.luns[i];
        void *data;

        /* A number is not used twice: a command may still run on the old. */
        if (lun->data) {
            continue;
        }
        data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (data == MAP_FAILED) {
            r = -errno;
            break;
        }
        pthread_mutex_init(&lun->lock, NULL);
        lun->data = data;
        lun->blocks = bytes / FAKE_BLOCK;
        lun->holder = -1;
        lun->present = true;
        r = i;
        break;
    }
    pthread_mutex_unlock(&fake.lock);
    return r;
}

int lun_remove(unsigned lun)
{
    int r = 0;

    pthread_mutex_lock(&fake.lock);
    if (lun < FAKE_LUNS_MAX && fake.luns[lun].present) {
        fake.luns[lun].present = false;
    } else {
        r = -ENOENT;
    }
    pthread_mutex_unlock(&fake.lock);
    return r;
}
