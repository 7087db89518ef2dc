/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk behind vhost-scsi-pci, on the stand-in for /dev/vhost-scsi: what the
 * guest reads is what it wrote, through every request queue, and it was the
 * stand-in (in its place the kernel) that served the rings.
 *
 * The tests hold for QEMU as well, which must be no different to a guest.
 */
#include "fake-client.h"
#include "fake-vhost.h"
#include "libqos/scsi.h"
#include "libqtest.h"
#include "scsi-machine.h"

#define QUEUES 4

typedef struct Fixture {
    ScsiMachine m;
    QVirtioSCSI *scsi;
    QSCSILun lun;
} Fixture;

static void set_up(Fixture *f, gconstpointer mode)
{
    scsi_machine_start(&f->m, "num_queues=4", NULL);
    f->scsi = qvirtio_scsi_new(&f->m.bus, f->m.alloc, GPOINTER_TO_INT(mode));
    f->lun = qscsi_find_disk(f->scsi);
    qscsi_wait_ready(f->scsi, 0, f->lun);
}

static void tear_down(Fixture *f, gconstpointer mode)
{
    qvirtio_scsi_free(f->scsi);
    g_assert_cmpuint(guest_pages_used(f->m.alloc), ==, 0);
    fake_machine_stop(&f->m);
}

/* Blocks that name themselves: their address and a seed in every word. */
static void fill_blocks(uint8_t *data, uint32_t lba, unsigned blocks,
                        uint32_t seed)
{
    for (unsigned i = 0; i < blocks * SCSI_MACHINE_BLOCK; i += 8) {
        uint32_t words[2] = { lba + i / SCSI_MACHINE_BLOCK, seed + i };

        memcpy(data + i, words, sizeof(words));
    }
}

static void test_disk_is_where_the_target_is(Fixture *f, gconstpointer mode)
{
    QSCSICommand cmd = qscsi_cdb_inquiry(36);
    g_auto(QSCSIResult) r = { 0 };

    g_assert_cmpuint(f->lun.target, ==, FAKE_VHOST_TPGT);
    qvirtio_scsi_command(f->scsi, 0, f->lun, &cmd, &r);
    qscsi_assert_good(f->scsi, &r);
    g_assert_cmpuint(r.data_len, ==, 36);
    g_assert_cmphex(r.data[0], ==, 0); /* a disk, connected */
    g_assert_cmphex(r.data[2], >=, 5); /* SPC-3 or later */
}

static void test_capacity_is_the_disk(Fixture *f, gconstpointer mode)
{
    for (unsigned queue = 0; queue < QUEUES; queue++) {
        QSCSICapacity c = qscsi_read_capacity(f->scsi, queue, f->lun,
                                              queue % 2);

        g_assert_cmpuint(c.blocks, ==, SCSI_MACHINE_BLOCKS);
        g_assert_cmpuint(c.block_size, ==, SCSI_MACHINE_BLOCK);
    }
}

/* Each queue writes blocks of its own; each reads those of the next. */
static void test_every_queue_reads_what_another_wrote(Fixture *f,
                                                      gconstpointer mode)
{
    enum {
        BLOCKS = 64,
        LEN = BLOCKS * SCSI_MACHINE_BLOCK
    };
    g_autofree uint8_t *out = g_malloc(LEN), *in = g_malloc(LEN);

    for (unsigned q = 0; q < QUEUES; q++) {
        fill_blocks(out, q * BLOCKS, BLOCKS, q);
        qscsi_write10(f->scsi, q, f->lun, q * BLOCKS, BLOCKS,
                      SCSI_MACHINE_BLOCK, out);
    }
    for (unsigned q = 0; q < QUEUES; q++) {
        unsigned other = (q + 1) % QUEUES;

        fill_blocks(out, other * BLOCKS, BLOCKS, other);
        qscsi_read10(f->scsi, q, f->lun, other * BLOCKS, BLOCKS,
                     SCSI_MACHINE_BLOCK, in);
        g_assert_cmpmem(in, LEN, out, LEN);
    }
    for (int q = 0; q < QUEUES; q++) {
        g_assert_cmpint(
            fake_stat(f->m.fake, 1, QVIRTIO_SCSI_REQUEST + q, "requests"), >=,
            2);
    }
}

/* More requests than a ring of 128 holds at once, on all queues. */
static void test_rings_wrap_around_under_load(Fixture *f, gconstpointer mode)
{
    enum {
        DEPTH = 8,
        ROUNDS = 20
    };
    uint8_t block[SCSI_MACHINE_BLOCK], expected[SCSI_MACHINE_BLOCK];
    QVirtioSCSIRequest *reqs[QUEUES][DEPTH];

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned n = 0; n < QUEUES * DEPTH; n++) {
            QSCSICommand cmd = qscsi_cdb_write10(n, 1, SCSI_MACHINE_BLOCK,
                                                 block);

            cmd.indirect = n % 3 == 0;
            fill_blocks(block, n, 1, round);
            reqs[n % QUEUES][n / QUEUES] = qvirtio_scsi_submit(
                f->scsi, n % QUEUES, f->lun, &cmd);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            qvirtio_scsi_kick(f->scsi, q);
        }
        for (unsigned n = 0; n < QUEUES * DEPTH; n++) {
            g_auto(QSCSIResult) r = { 0 };

            qvirtio_scsi_complete(f->scsi, reqs[n % QUEUES][n / QUEUES], &r);
            qscsi_assert_good(f->scsi, &r);
        }
    }
    for (unsigned n = 0; n < QUEUES * DEPTH; n++) {
        fill_blocks(expected, n, 1, ROUNDS - 1);
        qscsi_read10(f->scsi, n % QUEUES, f->lun, n, 1, SCSI_MACHINE_BLOCK,
                     block);
        g_assert_cmpmem(block, sizeof(block), expected, sizeof(expected));
    }
}

static void test_held_commands_complete_when_released(Fixture *f,
                                                      gconstpointer mode)
{
    QSCSICommand cmd = qscsi_cdb_read10(0, 1, SCSI_MACHINE_BLOCK);
    QVirtioSCSIRequest *req;
    g_auto(QSCSIResult) r = { 0 };

    fake_ok(f->m.fake, "hold");
    req = qvirtio_scsi_submit(f->scsi, 3, f->lun, &cmd);
    qvirtio_scsi_kick(f->scsi, 3);
    fake_ok(f->m.fake, "wait held 1");
    g_assert_false(qvirtio_scsi_done(f->scsi, req));
    fake_ok(f->m.fake, "unhold");
    qvirtio_scsi_complete(f->scsi, req, &r);
    qscsi_assert_good(f->scsi, &r);
}

static void test_reservation_is_kept_and_released(Fixture *f,
                                                  gconstpointer mode)
{
    enum {
        KEY = 0x1234,
        TYPE = 1
    };
    QSCSIReserve list;
    QSCSICommand cmd = qscsi_cdb_reserve_out(&list, QSCSI_PR_REGISTER, 0, 0,
                                             KEY);
    g_auto(QSCSIResult) reserved = { 0 }, released = { 0 };

    qscsi_run(f->scsi, 1, f->lun, &cmd);
    cmd = qscsi_cdb_reserve_out(&list, QSCSI_PR_RESERVE, TYPE, KEY, 0);
    qscsi_run(f->scsi, 1, f->lun, &cmd);
    cmd = qscsi_cdb_reserve_in(1, 32);
    qvirtio_scsi_command(f->scsi, 2, f->lun, &cmd, &reserved);
    qscsi_assert_good(f->scsi, &reserved);
    g_assert_cmphex(reserved.data[7], ==, 16); /* one reservation */
    g_assert_cmphex(reserved.data[14], ==, KEY >> 8);
    g_assert_cmphex(reserved.data[15], ==, KEY & 0xff);
    cmd = qscsi_cdb_reserve_out(&list, QSCSI_PR_RELEASE, TYPE, KEY, 0);
    qscsi_run(f->scsi, 1, f->lun, &cmd);
    cmd = qscsi_cdb_reserve_in(1, 32);
    qvirtio_scsi_command(f->scsi, 2, f->lun, &cmd, &released);
    qscsi_assert_good(f->scsi, &released);
    g_assert_cmphex(released.data[7], ==, 0);
}

static void test_dropped_target_is_a_bad_target(Fixture *f, gconstpointer mode)
{
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();
    g_auto(QSCSIResult) gone = { 0 };

    fake_ok(f->m.fake, "target drop " FAKE_VHOST_WWPN);
    qvirtio_scsi_command(f->scsi, 1, f->lun, &cmd, &gone);
    g_assert_cmpuint(gone.response, ==, VIRTIO_SCSI_S_BAD_TARGET);
}

/* The fixture with hotplug events, which QEMU 7.2 does not know. */
static void test_new_lun_sends_an_event(gconstpointer mode)
{
    uint8_t block[SCSI_MACHINE_BLOCK];
    struct virtio_scsi_event event;
    QSCSILun lun = { .target = FAKE_VHOST_TPGT };
    ScsiMachine m;
    QVirtioSCSI *scsi;

    if (!scsi_machine_has_property("hotplug")) {
        g_test_skip("the adapter has no property hotplug");
        return;
    }
    scsi_machine_start(&m, "hotplug=on", NULL);
    scsi = qvirtio_scsi_new(&m.bus, m.alloc, GPOINTER_TO_INT(mode));
    g_assert_cmphex(scsi->dev.features & QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG), !=,
                    0);
    qvirtio_scsi_arm_events(scsi);
    lun.lun = (uint16_t)fake_ok(m.fake, "lun add 1M");
    qvirtio_scsi_wait_event(scsi, &event);
    g_assert_cmphex(event.event, ==, VIRTIO_SCSI_T_TRANSPORT_RESET);
    g_assert_cmpuint(event.reason, ==, VIRTIO_SCSI_EVT_RESET_RESCAN);
    g_assert_cmpuint(event.lun[1], ==, FAKE_VHOST_TPGT);
    g_assert_cmpuint((event.lun[2] & 0x3f) << 8 | event.lun[3], ==, lun.lun);
    qscsi_wait_ready(scsi, 0, lun);
    qscsi_read10(scsi, 0, lun, 0, 1, SCSI_MACHINE_BLOCK, block);

    fake_ok(m.fake, "lun remove %u", lun.lun);
    qvirtio_scsi_wait_event(scsi, &event);
    g_assert_cmphex(event.event, ==, VIRTIO_SCSI_T_TRANSPORT_RESET);
    g_assert_cmpuint(event.reason, ==, VIRTIO_SCSI_EVT_RESET_REMOVED);
    qvirtio_scsi_free(scsi);
    fake_machine_stop(&m);
}

typedef struct IoTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer mode);
} IoTest;

static const IoTest tests[] = {
    { "disk", test_disk_is_where_the_target_is },
    { "capacity", test_capacity_is_the_disk },
    { "queues", test_every_queue_reads_what_another_wrote },
    { "wrap", test_rings_wrap_around_under_load },
    { "held", test_held_commands_complete_when_released },
    { "reservation", test_reservation_is_kept_and_released },
    { "target-gone", test_dropped_target_is_a_bad_target },
};

int main(int argc, char **argv)
{
    static const char *const modes[] = {
        [QVIRTIO_POLL] = "poll",
        [QVIRTIO_INTX] = "intx",
        [QVIRTIO_MSIX] = "msix",
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned mode = 0; mode < G_N_ELEMENTS(modes); mode++) {
        g_autofree char *event = g_strdup_printf("/vhost-scsi/%s/event",
                                                 modes[mode]);

        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path = g_strdup_printf("/vhost-scsi/%s/%s",
                                                    modes[mode], tests[i].name);

            g_test_add(path, Fixture, GINT_TO_POINTER(mode), set_up,
                       tests[i].run, tear_down);
        }
        g_test_add_data_func(event, GINT_TO_POINTER(mode),
                             test_new_lun_sends_an_event);
    }
    return g_test_run();
}
