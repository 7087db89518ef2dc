/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libfake-vhost.so under a driver: the rings, the workers and what tests can
 * ask of it. The program starts itself anew with the library preloaded (the
 * environment's FAKE_VHOST_LIBRARY), and talks to its own control socket.
 */
#include "driver.h"
#include "fake-client.h"
#include "fake-vhost.h"
#include "test-fake.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <linux/vhost-worker.h>

#define OTHER_WWPN "naa.5001405bd1f60001"
#define WAIT_MS    120000

FakeClient *ctl;

static const DrvCommand test_unit_ready = { .cdb = { 0x00 } };

static void start(Drv *d, unsigned rings, uint64_t features)
{
    g_assert_cmpint(drv_open(d, FAKE_VHOST_WWPN, rings, features), ==, 0);
    g_assert_cmpint(drv_endpoint(d, VHOST_SCSI_SET_ENDPOINT), ==, 0);
}

static unsigned used_index(const DrvRing *r)
{
    return __atomic_load_n(&r->used->idx, __ATOMIC_SEQ_CST);
}

/* The number of the only open device. */
static int device(void)
{
    int dev = 0;

    fake_ok(ctl, "devices");
    g_assert_cmpuint(fake_lines(ctl)->len, ==, 1);
    g_assert_cmpint(sscanf(fake_lines(ctl)->pdata[0], "dev=%d", &dev), ==, 1);
    return dev;
}

static DrvCommand blocks(bool write, uint32_t lba, unsigned n)
{
    DrvCommand c = { .cdb = { write ? 0x2a : 0x28, 0, lba >> 24, lba >> 16,
                              lba >> 8, lba, 0, n >> 8, n } };

    *(write ? &c.out : &c.in) = n * 512;
    return c;
}

static void run_good(Drv *d, DrvRing *r, const DrvCommand *c)
{
    const struct virtio_scsi_cmd_resp *resp = drv_run(d, r, c);

    g_assert_nonnull(resp);
    g_assert_cmpuint(resp->response, ==, VIRTIO_SCSI_S_OK);
    g_assert_cmpuint(resp->status, ==, 0);
}

static void write_and_read(uint64_t features, bool indirect)
{
    DrvCommand out = blocks(true, 8, 8), in = blocks(false, 8, 8);
    g_autofree uint8_t *data = g_malloc(4096);
    Drv d;

    start(&d, 3, DRV_FEATURES | features);
    out.indirect = in.indirect = indirect;
    for (unsigned i = 0; i < 200; i++) {
        DrvRing *r = &d.ring[2];

        memset(data, i + 1, 4096);
        memcpy(drv_slot(r, 0) + DRV_DATA, data, 4096);
        run_good(&d, r, &out);
        memset(drv_slot(r, 0) + DRV_DATA, 0, 4096);
        run_good(&d, r, &in);
        g_assert_cmpmem(drv_slot(r, 0) + DRV_DATA, 4096, data, 4096);
    }
    g_assert_cmpint(fake_stat(ctl, device(), 2, "requests"), ==, 400);
    drv_close(&d);
}

static void test_io_direct(void)
{
    write_and_read(0, false);
}

static void test_io_indirect(void)
{
    write_and_read(0, true);
}

static void test_io_event_index(void)
{
    write_and_read(UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX, true);
}

/* The threads of this process whose name starts so. */
static unsigned threads_named(const char *prefix)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
    const char *tid;
    unsigned n = 0;

    while ((tid = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename("/proc/self/task", tid, "comm",
                                                 NULL);
        g_autofree char *name = NULL;

        if (g_file_get_contents(path, &name, NULL, NULL)) {
            n += g_str_has_prefix(name, prefix);
        }
    }
    return n;
}

/* A thread that has ended, even one that was joined, is listed for a moment
 * longer. */
static void assert_threads(const char *prefix, unsigned expected)
{
    gint64 end = g_get_monotonic_time() + FAKE_TIMEOUT_MS * INT64_C(1000);

    while (threads_named(prefix) != expected && g_get_monotonic_time() < end) {
        g_usleep(1000);
    }
    g_assert_cmpuint(threads_named(prefix), ==, expected);
}

static void test_workers_are_threads(void)
{
    g_autofree char *name = g_strdup_printf("vhost-%d", getpid());
    g_autoptr(GPtrArray) workers = NULL;
    struct vhost_vring_worker a = { .index = 3 };
    struct vhost_worker_state w = { 0 };
    const FakeWorkerInfo *info;
    Drv d;

    assert_threads("vhost-", 0);
    start(&d, 4, DRV_FEATURES);
    assert_threads(name, 1);
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, 0);
    assert_threads(name, 2);
    a.worker_id = w.worker_id;
    g_assert_cmpint(drv_ioctl(&d, VHOST_ATTACH_VRING_WORKER, &a), ==, 0);
    workers = fake_workers(ctl);
    g_assert_cmpuint(workers->len, ==, 2);
    info = workers->pdata[1];
    g_assert_cmpuint(info->id, ==, w.worker_id);
    g_assert_cmpstr(info->name, ==, name);
    g_assert_cmpstr(info->queues, ==, "3");
    run_good(&d, &d.ring[3], &test_unit_ready);
    a.worker_id = 0;
    g_assert_cmpint(drv_ioctl(&d, VHOST_ATTACH_VRING_WORKER, &a), ==, 0);
    g_assert_cmpint(drv_ioctl(&d, VHOST_FREE_WORKER, &w), ==, 0);
    assert_threads("vhost-", 1);
    drv_close(&d);
    assert_threads("vhost-", 0);
}

/* Moves a queue to and fro; *@opaque is the device. Returns how often. */
static gpointer mover(gpointer opaque)
{
    struct vhost_vring_worker a = { .index = 2 };
    struct vhost_worker_state w = { 0 };
    Drv *d = opaque;

    g_assert_cmpint(drv_ioctl(d, VHOST_NEW_WORKER, &w), ==, 0);
    for (unsigned i = 0; i < 300; i++) {
        a.worker_id = i % 2 ? 0 : w.worker_id;
        g_assert_cmpint(drv_ioctl(d, VHOST_ATTACH_VRING_WORKER, &a), ==, 0);
    }
    return NULL;
}

static void test_move_under_load(void)
{
    DrvRing *r;
    GThread *thread;
    Drv d;

    start(&d, 3, DRV_FEATURES | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
    r = &d.ring[2];
    thread = g_thread_new("mover", mover, &d);
    for (unsigned i = 0; i < DRV_SLOTS; i++) {
        drv_send(&d, r, i, &test_unit_ready);
    }
    for (unsigned i = 0; i < 5000; i++) {
        int head = drv_reap(&d, r, WAIT_MS);

        g_assert_cmpint(head, >=, 0);
        g_assert_cmpuint(drv_resp(r, head / 4)->response, ==, 0);
        drv_send(&d, r, head / 4, &test_unit_ready);
    }
    for (unsigned i = 0; i < DRV_SLOTS; i++) {
        g_assert_cmpint(drv_reap(&d, r, WAIT_MS), >=, 0);
    }
    g_thread_join(thread);
    drv_close(&d);
}

static gpointer clear_endpoint(gpointer opaque)
{
    return GINT_TO_POINTER(drv_endpoint(opaque, VHOST_SCSI_CLEAR_ENDPOINT));
}

/* What is in flight holds CLEAR_ENDPOINT up, and comes back before its end. */
static void test_hung_backstore(void)
{
    GThread *thread;
    DrvRing *r;
    Drv d;

    start(&d, 3, DRV_FEATURES);
    r = &d.ring[2];
    fake_ok(ctl, "hold");
    for (unsigned i = 0; i < 3; i++) {
        drv_send(&d, r, i, &test_unit_ready);
    }
    fake_ok(ctl, "wait held 3");
    thread = g_thread_new("clear", clear_endpoint, &d);
    fake_ok(ctl, "wait SCSI_CLEAR_ENDPOINT 1");
    g_assert_cmpint(used_index(r), ==, 0);
    fake_ok(ctl, "unhold");
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, 0);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(drv_reap(&d, r, 0), ==, 4 * (int)i);
    }
    drv_close(&d);
}

static void test_fail_nth(void)
{
    g_autoptr(GPtrArray) trace = NULL;
    struct vhost_worker_state w = { 0 };
    const FakeRecord *record;
    Drv d;

    start(&d, 3, DRV_FEATURES);
    fake_ok(ctl, "fail NEW_WORKER 2 ENOMEM 2");
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, 0);
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, ENOMEM);
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, ENOMEM);
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, 0);
    g_assert_cmpint(fake_count(ctl, "NEW_WORKER"), ==, 4);
    fake_ok(ctl, "fail any 3 EIO");
    g_assert_cmpint(drv_ioctl(&d, VHOST_NEW_WORKER, &w), ==, 0);
    g_assert_cmpint(drv_ioctl(&d, VHOST_FREE_WORKER, &w), ==, 0);
    g_assert_cmpint(drv_endpoint(&d, VHOST_SCSI_CLEAR_ENDPOINT), ==, EIO);
    g_assert_cmpint(drv_endpoint(&d, VHOST_SCSI_CLEAR_ENDPOINT), ==, 0);
    trace = fake_trace(ctl);
    record = fake_find(trace, "VHOST_SCSI_CLEAR_ENDPOINT");
    g_assert_nonnull(record);
    g_assert_cmpint(record->error, ==, EIO);
    g_assert_cmpint(record->tid, ==, getpid());
    record = fake_find(trace, "VHOST_NEW_WORKER");
    g_assert_cmpstr(record->out, ==, "worker_id=1");
    drv_close(&d);
}

static gpointer new_worker(gpointer opaque)
{
    struct vhost_worker_state w = { 0 };

    return GINT_TO_POINTER(drv_ioctl(opaque, VHOST_NEW_WORKER, &w));
}

static void test_blocked_call(void)
{
    GThread *thread;
    Drv d;

    start(&d, 3, DRV_FEATURES);
    fake_ok(ctl, "block NEW_WORKER");
    thread = g_thread_new("blocked", new_worker, &d);
    fake_ok(ctl, "wait blocked 1");
    assert_threads("vhost-", 1);
    run_good(&d, &d.ring[2], &test_unit_ready); /* the data plane goes on */
    fake_ok(ctl, "release");
    g_assert_cmpint(fake_ok(ctl, "blocked"), ==, 0);
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, 0);
    drv_close(&d);
}

static void test_calls_that_pass_a_blocked_one(void)
{
    GThread *thread;
    Drv d, other;

    start(&d, 3, DRV_FEATURES);
    g_assert_cmpint(drv_open(&other, FAKE_VHOST_WWPN, 3, DRV_FEATURES), ==, 0);
    fake_ok(ctl, "block NEW_WORKER");
    thread = g_thread_new("blocked", new_worker, &d);
    fake_ok(ctl, "wait blocked 1");
    fake_ok(ctl, "pass");
    g_assert_cmpint(GPOINTER_TO_INT(new_worker(&other)), ==, 0);
    g_assert_cmpint(fake_ok(ctl, "blocked"), ==, 1);
    fake_ok(ctl, "release");
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, 0);
    drv_close(&other);
    drv_close(&d);
}

/* A buffer of the event queue, in the slot of that number. */
static struct virtio_scsi_event *add_event_buffer(Drv *d, unsigned slot)
{
    DrvRing *r = &d->ring[1];

    r->desc[4 * slot] = (struct vring_desc){ drv_gpa(d, drv_slot(r, slot)),
                                             sizeof(struct virtio_scsi_event),
                                             VRING_DESC_F_WRITE, 0 };
    drv_add(d, r, 4 * slot);
    return (void *)drv_slot(r, slot);
}

static void test_lun_events(void)
{
    struct virtio_scsi_event *e;
    uint32_t missed = 9;
    int lun;
    Drv d;

    start(&d, 3, DRV_FEATURES);
    e = add_event_buffer(&d, 0);
    lun = fake_ok(ctl, "lun add 1M");
    g_assert_cmpint(drv_reap(&d, &d.ring[1], WAIT_MS), ==, 0);
    g_assert_cmpuint(e->event, ==, VIRTIO_SCSI_T_TRANSPORT_RESET);
    g_assert_cmpuint(e->reason, ==, VIRTIO_SCSI_EVT_RESET_RESCAN);
    g_assert_cmpuint(e->lun[0], ==, 1);
    g_assert_cmpuint(e->lun[1], ==, FAKE_VHOST_TPGT);
    g_assert_cmpuint(e->lun[3], ==, lun);
    d.lun[3] = lun;
    run_good(&d, &d.ring[2], &test_unit_ready);
    fake_ok(ctl, "lun remove %d", lun); /* there is no buffer for this one */
    g_assert_cmpint(drv_ioctl(&d, VHOST_SCSI_GET_EVENTS_MISSED, &missed), ==,
                    0);
    g_assert_cmpuint(missed, ==, 1);
    e = add_event_buffer(&d, 1);
    g_assert_cmpint(drv_reap(&d, &d.ring[1], WAIT_MS), ==, 4);
    g_assert_cmphex(e->event, ==, VIRTIO_SCSI_T_EVENTS_MISSED);
    drv_ioctl(&d, VHOST_SCSI_GET_EVENTS_MISSED, &missed);
    g_assert_cmpuint(missed, ==, 0);
    drv_close(&d);
}

static int reserve_out(Drv *d, unsigned action, uint64_t key, uint64_t new_key)
{
    DrvCommand c = { .cdb = { 0x5f, action, action == 1 ? 3 : 0, 0, 0, 0, 0, 0,
                              24 },
                     .out = 24 };
    uint8_t *list = drv_slot(&d->ring[2], 0) + DRV_DATA;
    uint64_t wire[3] = { GUINT64_TO_BE(key), GUINT64_TO_BE(new_key), 0 };
    const struct virtio_scsi_cmd_resp *resp;

    memcpy(list, wire, sizeof(wire));
    resp = drv_run(d, &d->ring[2], &c);
    return resp ? resp->status : -1;
}

static void test_reservation_conflict(void)
{
    DrvCommand in = blocks(false, 0, 1);
    Drv a, b;

    start(&a, 3, DRV_FEATURES);
    g_assert_cmpint(drv_open(&b, OTHER_WWPN, 3, DRV_FEATURES), ==, 0);
    g_assert_cmpint(drv_endpoint(&b, VHOST_SCSI_SET_ENDPOINT), ==, 0);
    g_assert_cmpint(reserve_out(&a, 1, 17, 0), ==, 0x18); /* unregistered */
    g_assert_cmpint(reserve_out(&a, 0, 0, 17), ==, 0);
    g_assert_cmpint(reserve_out(&a, 1, 17, 0), ==, 0);
    run_good(&a, &a.ring[2], &in);
    g_assert_cmpint(drv_run(&b, &b.ring[2], &in)->status, ==, 0x18);
    run_good(&b, &b.ring[2], &test_unit_ready);
    g_assert_cmpint(reserve_out(&b, 0, 0, 18), ==, 0);
    g_assert_cmpint(drv_run(&b, &b.ring[2], &in)->status, ==, 0x18);
    g_assert_cmpint(reserve_out(&a, 2, 17, 0), ==, 0);
    run_good(&b, &b.ring[2], &in);
    g_assert_cmpint(reserve_out(&b, 3, 18, 0), ==, 0);
    drv_close(&a);
    drv_close(&b);
}

/* Each is a fault of the driver: the err eventfd, and nothing comes back. */
static void test_bad_descriptors(void)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next, head;
    } rows[] = {
        { DRV_GPA, 16, VRING_DESC_F_NEXT, 0, 0 },       /* a loop */
        { DRV_GPA, 16, VRING_DESC_F_NEXT, DRV_NUM, 0 }, /* off the ring */
        { DRV_GPA, 16, 0, 0, DRV_NUM },                 /* so is the head */
        { 0x1000, 16, 0, 0, 0 },                        /* no memory */
        { UINT64_MAX - 7, 16, 0, 0, 0 },                /* wraps around */
        { DRV_GPA, 15, VRING_DESC_F_INDIRECT, 0, 0 },   /* odd table */
        { DRV_GPA, 0, VRING_DESC_F_INDIRECT, 0, 0 },    /* empty table */
        { 0x1000, 16, VRING_DESC_F_INDIRECT, 0, 0 },    /* table nowhere */
        { DRV_GPA, 16, 0, 0, 0 },                       /* too short */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        DrvRing *r;
        Drv d;

        start(&d, 3, DRV_FEATURES);
        r = &d.ring[2];
        r->desc[0] = (struct vring_desc){ rows[i].addr, rows[i].len,
                                          rows[i].flags, rows[i].next };
        drv_add(&d, r, rows[i].head);
        g_assert_true(drv_event(r->err_fd, WAIT_MS));
        g_assert_cmpint(used_index(r), ==, 0);
        g_assert_cmpint(fake_stat(ctl, device(), 2, "errors"), >=, 1);
        drv_close(&d);
    }
}

static void test_dropped_target(void)
{
    Drv d;

    start(&d, 3, DRV_FEATURES);
    fake_ok(ctl, "target drop %s", FAKE_VHOST_WWPN);
    g_assert_cmpint(drv_run(&d, &d.ring[2], &test_unit_ready)->response, ==,
                    VIRTIO_SCSI_S_BAD_TARGET);
    g_assert_cmpint(drv_endpoint(&d, VHOST_SCSI_CLEAR_ENDPOINT), ==, 0);
    g_assert_cmpint(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT), ==, ENODEV);
    fake_ok(ctl, "target add %s", FAKE_VHOST_WWPN);
    g_assert_cmpint(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT), ==, 0);
    run_good(&d, &d.ring[2], &test_unit_ready);
    drv_close(&d);
}

static void test_stalled_queue(void)
{
    Drv d;
    int dev;

    start(&d, 3, DRV_FEATURES);
    dev = device();
    fake_ok(ctl, "stall %d 2", dev);
    drv_send(&d, &d.ring[2], 0, &test_unit_ready);
    g_assert_cmpint(fake_stat(ctl, dev, 2, "requests"), ==, 0);
    fake_ok(ctl, "unstall %d 2", dev);
    g_assert_cmpint(drv_reap(&d, &d.ring[2], WAIT_MS), ==, 0);
    drv_close(&d);
}

/* A descriptor that came through a socket is the same device. */
static void test_descriptors(void)
{
    int fd = open("/dev/vhost-scsi", O_RDWR | O_CLOEXEC), copy = dup(fd);
    uint64_t features = 0;

    g_assert_cmpint(access("/dev/vhost-scsi", F_OK), ==, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fcntl(copy, F_GETFD), ==, 0);
    g_assert_cmpint(ioctl(fd, VHOST_SET_OWNER), ==, 0);
    g_assert_cmpint(close(fd), ==, 0);
    g_assert_cmpint(ioctl(copy, VHOST_SET_OWNER), ==, -1);
    g_assert_cmpint(errno, ==, EBUSY);
    g_assert_cmpint(ioctl(copy, VHOST_GET_FEATURES, &features), ==, 0);
    g_assert_cmphex(features, ==, FAKE_VHOST_FEATURES);
    assert_threads("vhost-", 1);
    g_assert_cmpint(close(copy), ==, 0);
    assert_threads("vhost-", 0);
    fd = eventfd(0, EFD_CLOEXEC); /* most likely under the same number */
    g_assert_cmpint(ioctl(fd, VHOST_SET_OWNER), ==, -1);
    g_assert_cmpint(errno, ==, ENOTTY);
    close(fd);
}

static void test_lying_get(void)
{
    struct vhost_vring_worker a = { .index = 2 };
    Drv d;

    start(&d, 3, DRV_FEATURES);
    fake_ok(ctl, "get_worker_lies 1");
    g_assert_cmpint(drv_ioctl(&d, VHOST_GET_VRING_WORKER, &a), ==, 0);
    g_assert_cmpuint(a.worker_id, !=, 0);
    fake_ok(ctl, "get_worker_lies 0");
    g_assert_cmpint(drv_ioctl(&d, VHOST_GET_VRING_WORKER, &a), ==, 0);
    g_assert_cmpuint(a.worker_id, ==, 0);
    drv_close(&d);
}

static void test_control_errors(void)
{
    static const char *const rows[] = {
        "nonsense",       "fail NEW_WORKER",       "fail NO_SUCH 1 EIO",
        "fail any 0 EIO", "fail any 1 EWHAT",      "delay NEW_WORKER x",
        "stall 99 0",     "target drop naa.99",    "lun add 17",
        "lun remove 99",  "get_worker_lies maybe", "count NO_SUCH",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *reply = fake_ctl(ctl, "%s", rows[i]);

        g_assert_true(g_str_has_prefix(reply, "ERR "));
    }
}

static const char *library;

/* A knob that cannot be ends a program when it loads the library. */
static void test_bad_knobs(void)
{
    static const char *const rows[] = {
        "nonsense=1", "kernel=2.4",      "max_io_vqs=0", "max_io_vqs=1025",
        "features=x", "fail=NEW_WORKER", "lun=1",        "hold=2",
        "kernel",     "delay=NO_SUCH:1",
    };
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    const char *argv[] = { self, NULL };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) env = fake_environ(library, NULL, rows[i]);
        g_autofree char *err = NULL;
        int status = 0;

        g_assert_true(g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_DEFAULT,
                                   NULL, NULL, NULL, &err, &status, NULL));
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 2);
        g_assert_nonnull(strstr(err, "libfake-vhost: FAKE_VHOST: "));
    }
}

static const struct {
    const char *path;
    void (*run)(void);
} tests[] = {
    { "/fake/io/direct", test_io_direct },
    { "/fake/io/indirect", test_io_indirect },
    { "/fake/io/event-index", test_io_event_index },
    { "/fake/workers/threads", test_workers_are_threads },
    { "/fake/workers/move-under-load", test_move_under_load },
    { "/fake/knobs/hung-backstore", test_hung_backstore },
    { "/fake/knobs/fail-nth", test_fail_nth },
    { "/fake/knobs/blocked-call", test_blocked_call },
    { "/fake/knobs/pass", test_calls_that_pass_a_blocked_one },
    { "/fake/knobs/dropped-target", test_dropped_target },
    { "/fake/knobs/stalled-queue", test_stalled_queue },
    { "/fake/knobs/lying-get", test_lying_get },
    { "/fake/knobs/control-errors", test_control_errors },
    { "/fake/knobs/environment-errors", test_bad_knobs },
    { "/fake/lun-events", test_lun_events },
    { "/fake/reservation-conflict", test_reservation_conflict },
    { "/fake/bad-descriptors", test_bad_descriptors },
    { "/fake/net/send", test_net_sends },
    { "/fake/net/receive", test_net_receives },
    { "/fake/net/merge", test_net_merges_buffers },
    { "/fake/net/other-end-is-full", test_net_waits_for_the_other_end },
    { "/fake/tap", test_tap_answers },
    { "/fake/vsock/echo", test_vsock_echoes },
    { "/fake/vsock/refused", test_vsock_refuses_other_ports },
    { "/fake/descriptors", test_descriptors },
};

/* Every test begins with counts of 0. */
static void run_test(gconstpointer opaque)
{
    void (*const *run)(void) = opaque;

    fake_ok(ctl, "reset");
    (*run)();
}

/* Starts this program anew with the library in front. */
static void preload(char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("fake-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "control", NULL);
    g_auto(GStrv) env = fake_environ(
        library, path,
        "max_io_vqs=16,lun=64M,target=" FAKE_VHOST_WWPN ",target=" OTHER_WWPN);

    execve("/proc/self/exe", argv, env);
    g_error("cannot start anew: %s", g_strerror(errno));
}

int main(int argc, char **argv)
{
    const char *path = g_getenv("FAKE_VHOST_CONTROL");
    g_autofree char *dir = NULL;
    int r;

    library = g_getenv("FAKE_VHOST_LIBRARY");
    if (!library) {
        g_printerr("FAKE_VHOST_LIBRARY must name libfake-vhost.so\n");
        return 2;
    }
    if (!path) {
        preload(argv);
    }
    ctl = fake_connect(path);
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_data_func(tests[i].path, &tests[i].run, run_test);
    }
    r = g_test_run();
    fake_disconnect(ctl);
    dir = g_path_get_dirname(path);
    unlink(path);
    rmdir(dir);
    return r;
}
