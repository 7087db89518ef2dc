/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Persistent reservations (SPC-4, 5.13): registrations and one reservation per
 * logical unit, told apart by I_T nexus. Every target has one nexus.
 */
#include "fake.h"
#include "scsi.h"

enum PrType {
    PR_WRITE_EXCLUSIVE = 1,
    PR_EXCLUSIVE_ACCESS = 3,
    PR_WRITE_EXCLUSIVE_REGISTRANTS = 5,
    PR_EXCLUSIVE_ACCESS_REGISTRANTS = 6,
    PR_WRITE_EXCLUSIVE_ALL = 7,
    PR_EXCLUSIVE_ACCESS_ALL = 8,
};

static bool is_for_all(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE_ALL || type == PR_EXCLUSIVE_ACCESS_ALL;
}

static bool is_write_exclusive(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE ||
           type == PR_WRITE_EXCLUSIVE_REGISTRANTS ||
           type == PR_WRITE_EXCLUSIVE_ALL;
}

/* Commands any nexus may send to a reserved unit (SPC-4, table 66). */
static bool is_always_allowed(uint8_t opcode)
{
    switch (opcode) {
    case OP_INQUIRY:
    case OP_REPORT_LUNS:
    case OP_REQUEST_SENSE:
    case OP_TEST_UNIT_READY:
    case OP_READ_CAPACITY_10:
    case OP_SERVICE_ACTION_IN_16:
    case OP_PERSISTENT_RESERVE_IN:
    case OP_PERSISTENT_RESERVE_OUT: /* has rules of its own */
        return true;
    default:
        return false;
    }
}

static bool only_reads(uint8_t opcode)
{
    switch (opcode) {
    case OP_READ_6:
    case OP_READ_10:
    case OP_READ_16:
    case OP_VERIFY_10:
    case OP_VERIFY_16:
    case OP_MODE_SENSE_6:
    case OP_MODE_SENSE_10:
        return true;
    default:
        return false;
    }
}

bool pr_conflict(const ScsiTask *t)
{
    FakeLun *lun = t->lun;
    bool conflict = false;

    pthread_mutex_lock(&lun->lock);
    if (lun->holder >= 0 && lun->holder != t->nexus &&
        !is_always_allowed(t->cdb[0])) {
        bool registrants = lun->pr_type >= PR_WRITE_EXCLUSIVE_REGISTRANTS;

        conflict = !(registrants && lun->registered[t->nexus]) &&
                   !(is_write_exclusive(lun->pr_type) && only_reads(t->cdb[0]));
    }
    pthread_mutex_unlock(&lun->lock);
    return conflict;
}

static size_t read_keys(const FakeLun *lun, uint8_t *b)
{
    size_t len = 8;

    for (int i = 0; i < FAKE_PR_KEYS_MAX; i++) {
        if (lun->registered[i]) {
            put_be(b + len, lun->key[i], 8);
            len += 8;
        }
    }
    return len;
}

static size_t read_reservation(const FakeLun *lun, uint8_t *b)
{
    if (lun->holder < 0) {
        return 8;
    }
    put_be(b + 8, is_for_all(lun->pr_type) ? 0 : lun->key[lun->holder], 8);
    b[21] = lun->pr_type;
    return 24;
}

static size_t report_capabilities(uint8_t *b)
{
    put_be(b, 8, 2);
    b[3] = 0x80; /* the mask is valid */
    b[4] = 0xea; /* types 7, 6, 5, 3, 1 */
    b[5] = 0x01; /* type 8 */
    return 8;
}

void pr_in(ScsiTask *t)
{
    uint8_t b[8 + 8 * FAKE_PR_KEYS_MAX] = { 0 };
    size_t len, allocated = t->cdb[7] << 8 | t->cdb[8];

    pthread_mutex_lock(&t->lun->lock);
    put_be(b, t->lun->pr_generation, 4);
    switch (t->cdb[1] & 0x1f) {
    case 0:
        len = read_keys(t->lun, b);
        put_be(b + 4, len - 8, 4);
        break;
    case 1:
        len = read_reservation(t->lun, b);
        put_be(b + 4, len - 8, 4);
        break;
    case 2:
        len = report_capabilities(b);
        break;
    default:
        len = 0;
        break;
    }
    pthread_mutex_unlock(&t->lun->lock);
    if (len == 0) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    scsi_data_in(t, b, len < allocated ? len : allocated);
}

/* The nexus holds it no more; with "all registrants" another one goes on. */
static void drop_holder(FakeLun *lun, int nexus)
{
    if (lun->holder != nexus) {
        return;
    }
    lun->holder = -1;
    for (int i = 0; i < FAKE_PR_KEYS_MAX && is_for_all(lun->pr_type); i++) {
        if (lun->registered[i]) {
            lun->holder = i;
            return;
        }
    }
}

static uint8_t pr_register(FakeLun *lun, int nexus, bool ignore, uint64_t key,
                           uint64_t new_key)
{
    if (!ignore && key != (lun->registered[nexus] ? lun->key[nexus] : 0)) {
        return STATUS_CONFLICT;
    }
    lun->registered[nexus] = new_key != 0;
    lun->key[nexus] = new_key;
    if (!new_key) {
        drop_holder(lun, nexus);
    }
    lun->pr_generation++;
    return 0;
}

static uint8_t pr_reserve(FakeLun *lun, int nexus, uint8_t type)
{
    if (lun->holder >= 0) {
        bool mine = lun->holder == nexus || is_for_all(lun->pr_type);

        return mine && lun->pr_type == type ? 0 : STATUS_CONFLICT;
    }
    lun->holder = nexus;
    lun->pr_type = type;
    return 0;
}

static void pr_clear(FakeLun *lun)
{
    lun->holder = -1;
    memset(lun->registered, 0, sizeof(lun->registered));
    lun->pr_generation++;
}

/* Removes all other registrations of that key; takes their reservation over. */
static uint8_t pr_preempt(FakeLun *lun, int nexus, uint64_t victim,
                          uint8_t type)
{
    bool held = lun->holder >= 0 && lun->key[lun->holder] == victim;
    bool found = false;

    for (int i = 0; i < FAKE_PR_KEYS_MAX; i++) {
        if (lun->registered[i] && lun->key[i] == victim) {
            found = true;
            lun->registered[i] = i == nexus;
        }
    }
    if (!found) {
        return STATUS_CONFLICT;
    }
    if (held) {
        lun->holder = nexus;
        lun->pr_type = type;
    }
    lun->pr_generation++;
    return 0;
}

/* Under the unit's lock; a status, or 0xff for a service action we lack. */
static uint8_t pr_change(FakeLun *lun, int nexus, uint8_t action, uint8_t type,
                         const uint8_t *list)
{
    uint64_t key = get_be(list, 8), new_key = get_be(list + 8, 8);

    if (action == 0 || action == 6) {
        return pr_register(lun, nexus, action == 6, key, new_key);
    }
    if (!lun->registered[nexus] || lun->key[nexus] != key) {
        return STATUS_CONFLICT;
    }
    switch (action) {
    case 1:
        return pr_reserve(lun, nexus, type);
    case 2:
        if (lun->holder == nexus || is_for_all(lun->pr_type)) {
            lun->holder = -1;
        }
        return 0;
    case 3:
        pr_clear(lun);
        return 0;
    case 4:
    case 5: /* and abort: nothing is under way when a command has ended */
        return pr_preempt(lun, nexus, new_key, type);
    default:
        return 0xff;
    }
}

static bool is_type(uint8_t type)
{
    return type == PR_WRITE_EXCLUSIVE || type == PR_EXCLUSIVE_ACCESS ||
           (type >= PR_WRITE_EXCLUSIVE_REGISTRANTS &&
            type <= PR_EXCLUSIVE_ACCESS_ALL);
}

void pr_out(ScsiTask *t)
{
    uint8_t action = t->cdb[1] & 0x1f, type = t->cdb[2] & 0xf, list[24];
    uint8_t status;
    bool has_type = action == 1 || action == 4 || action == 5;

    if (has_type && (!is_type(type) || t->cdb[2] >> 4)) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
        return;
    }
    if (command_read(t->command, t->out_offset, list, sizeof(list)) !=
        sizeof(list)) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD_IN_LIST);
        return;
    }
    t->done = sizeof(list);
    pthread_mutex_lock(&t->lun->lock);
    status = pr_change(t->lun, t->nexus, action, type, list);
    pthread_mutex_unlock(&t->lun->lock);
    if (status == 0xff) {
        scsi_fail(t, SENSE_ILLEGAL, ASC_BAD_FIELD);
    } else {
        t->status = status;
    }
}
