/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker step of vhost-scsi-pci: queues 0, 1 and 2 stay on the default
 * worker, each further request queue has one of its own. What the kernel is
 * told is compared call by call.
 */
#include "fake-machine.h"

#define FIRST_OWN  3u /* the first virtqueue that has a worker of its own */
#define DEFAULT_ID 0u
#define WORKERS_ON ",worker_per_virtqueue=on"

#define ENOMEM_ADVICE                                              \
    "Cannot allocate memory; the kernel could not create a worker" \
    " thread: raise the thread limits (ulimit -u, pids.max of the" \
    " cgroup) or lower num_queues"

/* --- what is expected --- */

/* The kernel takes the mapping and confirms it. */
static void expect_mapping(GString *s, unsigned vq, unsigned id)
{
    g_string_append_printf(
        s, "VHOST_ATTACH_VRING_WORKER index=%u worker_id=%u -> 0\n", vq, id);
    g_string_append_printf(
        s, "VHOST_GET_VRING_WORKER index=%u -> 0 worker_id=%u\n", vq, id);
}

static void expect_workers(GString *s, unsigned first, unsigned end)
{
    for (unsigned vq = first; vq < end; vq++) {
        unsigned id = vq - FIRST_OWN + 1;

        g_string_append_printf(s, "VHOST_NEW_WORKER -> 0 worker_id=%u\n", id);
        expect_mapping(s, vq, id);
    }
}

static void expect_trial(GString *s)
{
    g_string_append(s, "VHOST_SET_MEM_TABLE nregions=0 -> 0\n");
    for (unsigned i = 0; i < 2; i++) {
        g_string_append_printf(
            s, "VHOST_SCSI_%s_ENDPOINT wwpn=%s tpgt=0 abi=1 -> 0\n",
            i ? "CLEAR" : "SET", FAKE_VHOST_WWPN);
    }
}

/* What follows the search for the number of queues, the first of the steps
 * that differ. */
static const char *after_search(const char *calls)
{
    const char *at = g_strrstr(calls, "VHOST_GET_VRING_BASE ");

    g_assert_nonnull(at);
    return strchr(at, '\n') + 1;
}

static unsigned count_lines(const char *calls, const char *prefix)
{
    g_auto(GStrv) lines = g_strsplit(calls, "\n", -1);
    unsigned n = 0;

    for (unsigned i = 0; lines[i]; i++) {
        n += g_str_has_prefix(lines[i], prefix);
    }
    return n;
}

static char *thread_name(FakeMachine *m, int tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/comm",
                                            (int)qtest_pid(m->qts), tid);
    g_autoptr(GError) err = NULL;
    char *name = NULL;

    (void)g_file_get_contents(path, &name, NULL, &err);
    g_assert_no_error(err);
    return g_strchomp(name);
}

/* The workers that the stand-in has: threads of the process that are named
 * after it, the queues of each. */
static void check_workers(FakeMachine *m, unsigned num_queues)
{
    g_autoptr(GPtrArray) workers = fake_workers(m->fake);
    g_autofree char *name = g_strdup_printf("vhost-%d", (int)qtest_pid(m->qts));

    g_assert_cmpuint(workers->len, ==, num_queues);
    for (unsigned i = 0; i < workers->len; i++) {
        const FakeWorkerInfo *w = g_ptr_array_index(workers, i);
        g_autofree char *queues = i ? g_strdup_printf("%u", FIRST_OWN + i - 1)
                                    : g_strdup("0,1,2");
        g_autofree char *comm = thread_name(m, w->tid);

        g_assert_cmpuint(w->id, ==, i);
        g_assert_cmpstr(w->queues, ==, queues);
        g_assert_cmpstr(comm, ==, name);
        for (unsigned j = 0; j < i; j++) {
            const FakeWorkerInfo *other = g_ptr_array_index(workers, j);

            g_assert_cmpint(w->tid, !=, other->tid);
        }
    }
}

/* --- the rule --- */

typedef struct RuleCase {
    const char *name;
    const char *knobs;
    unsigned num_queues;
    bool check_io;
} RuleCase;

/* max_io_vqs is num_queues, so that the stand-in has no queue besides. */
static const RuleCase rule_cases[] = {
    { "1", "max_io_vqs=1", 1, true },
    { "2", "max_io_vqs=2", 2, true },
    { "3", "max_io_vqs=3", 3, true },
    { "16", "max_io_vqs=16", 16, true },
    { "128", "max_io_vqs=128", 128, false },
    { "linux-6.5", "max_io_vqs=4,kernel=6.5", 4, true },
    { "linux-6.17", "max_io_vqs=4,kernel=6.17", 4, true },
};

/* Every request queue's commands were carried out by its own worker. */
static void check_stats(FakeMachine *m, unsigned num_queues)
{
    for (unsigned q = 0; q < num_queues; q++) {
        int vq = (int)(QVIRTIO_SCSI_REQUEST + q);

        g_assert_cmpint(fake_stat(m->fake, 1, vq, "requests"), >=, 2);
        g_assert_cmpint(fake_stat(m->fake, 1, vq, "worker"), ==, q);
    }
}

static void test_workers_on_each_further_queue_has_its_own(gconstpointer data)
{
    const RuleCase *c = data;
    g_autofree char *args = g_strdup_printf(
        FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=%u", c->num_queues);
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autofree char *calls = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, c->knobs, args);
    calls = fake_machine_calls(&m, 1);
    expect_workers(expected, FIRST_OWN, QVIRTIO_SCSI_REQUEST + c->num_queues);
    expect_trial(expected);
    g_assert_cmpstr(after_search(calls), ==, expected->str);
    check_workers(&m, c->num_queues);

    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_cmpuint(scsi->config.num_queues, ==, c->num_queues);
    if (c->check_io) {
        g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
        fake_driver_check_io(scsi);
        check_stats(&m, c->num_queues);
    }
    g_assert_cmpstr(qtest_stderr(m.qts), ==, "");
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* Only the one question which worker is the default. */
static void test_workers_off_none_is_made(void)
{
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autofree char *calls = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, "max_io_vqs=4", FAKE_MACHINE_DEVICE ",num_queues=4");
    calls = fake_machine_calls(&m, 1);
    expect_trial(expected);
    g_assert_cmpstr(after_search(calls), ==, expected->str);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    g_assert_cmpint(fake_count(m.fake, "NEW_WORKER"), ==, 0);
    g_assert_cmpint(fake_count(m.fake, "ATTACH_VRING_WORKER"), ==, 0);
    g_assert_cmpint(fake_count(m.fake, "FREE_WORKER"), ==, 0);
    g_assert_cmpint(fake_count(m.fake, "GET_VRING_WORKER"), ==, 0);
    g_assert_cmpint(fake_stat(m.fake, 1, 5, "worker"), ==, DEFAULT_ID);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* --- kernels with less --- */

typedef struct PlainCase {
    const char *name;
    const char *knobs;
    const char *options;
    const char *stderr;
} PlainCase;

static const PlainCase plain_cases[] = {
    { "linux-6.1", "kernel=6.1", WORKERS_ON ",num_queues=4",
      "qemu-system-x86_64: warning: vhost-scsi-pci: the kernel supports a "
      "single vhost worker (several need Linux 6.5): worker_per_virtqueue=on "
      "is ignored\n" },
    { "linux-6.1-id", "kernel=6.1", WORKERS_ON ",num_queues=2,id=disks",
      "qemu-system-x86_64: warning: disks: the kernel supports a single vhost "
      "worker (several need Linux 6.5): worker_per_virtqueue=on is "
      "ignored\n" },
    { "linux-6.1-one-queue", "kernel=6.1", WORKERS_ON ",num_queues=1", "" },
    { "linux-6.1-off", "kernel=6.1", ",num_queues=4", "" },
    { "kthread-one-queue", "kernel=kthread", WORKERS_ON ",num_queues=1", "" },
    { "kthread-off", "kernel=kthread", ",num_queues=4", "" },
    /* Asked for task threads, since there are to be several. */
    { "kthread-on", "kernel=kthread", WORKERS_ON ",num_queues=4", "" },
    { "kthread-chosen", "kernel=6.17",
      ",num_queues=4,vhost-thread-mode=kthread", "" },
};

static void test_single_worker_kernel_device_works(gconstpointer data)
{
    const PlainCase *c = data;
    g_autofree char *args = g_strconcat(FAKE_MACHINE_DEVICE, c->options, NULL);
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, c->knobs, args);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    fake_driver_stop(scsi);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    g_assert_cmpstr(qtest_stderr(m.qts), ==, c->stderr);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* --- failures --- */

typedef struct FailCase {
    const char *name;
    const char *knobs;
    unsigned num_queues;
    unsigned made;       /* workers that stand before the failure */
    unsigned freed;      /* of those, not counting what closing frees */
    const char *message; /* behind "vhost-scsi: " */
} FailCase;

static const FailCase fail_cases[] = {
    { "new-1st", "fail=NEW_WORKER:1:ENOMEM", 4, 0, 0,
      "VHOST_NEW_WORKER failed for virtqueue 3: " ENOMEM_ADVICE },
    { "new-2nd", "fail=NEW_WORKER:2:ENOMEM", 4, 1, 1,
      "VHOST_NEW_WORKER failed for virtqueue 4: " ENOMEM_ADVICE },
    { "new-5th", "fail=NEW_WORKER:5:ENOMEM", 16, 4, 4,
      "VHOST_NEW_WORKER failed for virtqueue 7: " ENOMEM_ADVICE },
    { "new-last", "fail=NEW_WORKER:15:ENOMEM", 16, 14, 14,
      "VHOST_NEW_WORKER failed for virtqueue 17: " ENOMEM_ADVICE },
    { "new-last-of-128", "fail=NEW_WORKER:127:ENOMEM", 128, 126, 126,
      "VHOST_NEW_WORKER failed for virtqueue 129: " ENOMEM_ADVICE },
    { "attach-1st", "fail=ATTACH_VRING_WORKER:1:ENODEV", 4, 1, 1,
      "VHOST_ATTACH_VRING_WORKER failed for virtqueue 3: No such device" },
    { "attach-last", "fail=ATTACH_VRING_WORKER:3:ENOBUFS", 4, 3, 3,
      "VHOST_ATTACH_VRING_WORKER failed for virtqueue 5: No buffer space "
      "available" },
    /* Not even the id of the default worker is true then. */
    { "get-lies", "get_worker_lies=1", 4, 1, 0,
      "VHOST_GET_VRING_WORKER failed for virtqueue 3: Input/output error; the "
      "kernel does not confirm the worker of the virtqueue" },
    { "get-fails", "fail=GET_VRING_WORKER:2:EINVAL", 4, 2, 2,
      "VHOST_GET_VRING_WORKER failed for virtqueue 4: Invalid argument" },
    { "kthread", "fail=NEW_WORKER:1:EFAULT", 4, 0, 0,
      "VHOST_NEW_WORKER failed for virtqueue 3: Bad address; the kernel runs "
      "vhost in kthread mode, which allows one worker: set the vhost module "
      "parameter fork_from_owner_default=Y or worker_per_virtqueue=off" },
};

static void assert_refused(const QTestExit *e, const char *message)
{
    g_autofree char *line = g_strconcat(
        FAKE_MACHINE_ERROR "vhost-scsi: ", message, "\n", NULL);

    g_assert_cmpint(e->status, ==, 1);
    g_assert_cmpstr(e->stderr, ==, line);
}

static QTestExit *start_refused(const FailCase *c, char **ret_calls)
{
    g_autofree char *args = g_strdup_printf(
        FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=%u", c->num_queues);

    return fake_machine_refused(c->knobs, args, ret_calls);
}

/* The workers that were made are freed again, no endpoint was tried, and closing
 * is the last there is. */
static void test_worker_failure_is_refused_and_undone(gconstpointer data)
{
    const FailCase *c = data;
    g_autofree char *calls = NULL;
    QTestExit *e = start_refused(c, &calls);

    assert_refused(e, c->message);
    g_assert_cmpuint(count_lines(calls, "VHOST_NEW_WORKER -> 0"), ==, c->made);
    for (unsigned id = 1; id <= c->freed; id++) {
        g_autofree char *freed = g_strdup_printf(
            "VHOST_FREE_WORKER worker_id=%u -> 0", id);

        g_assert_cmpuint(count_lines(calls, freed), ==, 1);
    }
    g_assert_cmpuint(count_lines(calls, "VHOST_SCSI_SET_ENDPOINT"), ==, 0);
    g_assert_true(g_str_has_suffix(calls, "\nclose -> 0\n"));
    qtest_exit_free(e);
}

/* Call by call: the queues go back to the default worker before theirs are
 * freed, the last one first. */
static void test_second_worker_failure_undoes_in_reverse(void)
{
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autofree char *calls = NULL;
    QTestExit *e = fake_machine_refused(
        "fail=NEW_WORKER:3:ENOMEM",
        FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=4", &calls);

    expect_workers(expected, FIRST_OWN, FIRST_OWN + 2);
    g_string_append(expected, "VHOST_NEW_WORKER -> -1 ENOMEM\n");
    for (unsigned vq = FIRST_OWN; vq < FIRST_OWN + 2; vq++) {
        expect_mapping(expected, vq, DEFAULT_ID);
    }
    g_string_append(expected, "VHOST_FREE_WORKER worker_id=2 -> 0\n"
                              "VHOST_FREE_WORKER worker_id=1 -> 0\n"
                              "close -> 0\n");
    g_assert_cmpstr(after_search(calls), ==, expected->str);
    qtest_exit_free(e);
}

/* The first cause is what is told, and closing frees what is left. */
static void test_failing_undo_first_cause_is_told(void)
{
    static const char *const knobs[] = {
        "fail=NEW_WORKER:3:ENOMEM,fail=FREE_WORKER:1:EBUSY:0",
        "fail=NEW_WORKER:3:ENOMEM,fail=ATTACH_VRING_WORKER:3:ENODEV:0",
        "fail=NEW_WORKER:3:ENOMEM,fail=GET_VRING_WORKER:3:EINVAL:0",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(knobs); i++) {
        g_autofree char *calls = NULL;
        QTestExit *e = fake_machine_refused(
            knobs[i], FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=4", &calls);

        assert_refused(
            e, "VHOST_NEW_WORKER failed for virtqueue 5: " ENOMEM_ADVICE);
        g_assert_true(g_str_has_suffix(calls, "\nclose -> 0\n"));
        qtest_exit_free(e);
    }
}

/* --- they stay --- */

/* Ids, threads and queues of all workers as one text. */
static char *describe_workers(FakeMachine *m)
{
    g_autoptr(GPtrArray) workers = fake_workers(m->fake);
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < workers->len; i++) {
        const FakeWorkerInfo *w = g_ptr_array_index(workers, i);

        g_string_append_printf(s, "id=%u tid=%d queues=%s\n", w->id, w->tid,
                               w->queues);
    }
    return g_string_free(s, false);
}

static void test_workers_survive_driver_and_machine_resets(void)
{
    enum {
        QUEUES = 4,
        ROUNDS = 3
    };
    g_autofree char *before = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;
    unsigned threads;
    int64_t worker_calls;

    fake_machine_start(&m, "max_io_vqs=4",
                       FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=4");
    before = describe_workers(&m);
    threads = fake_machine_count(&m, "task");
    worker_calls = fake_count(m.fake, "ATTACH_VRING_WORKER");
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    for (unsigned round = 0; round < ROUNDS; round++) {
        g_autofree char *after_driver = NULL, *after_reset = NULL;

        g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
        fake_driver_check_io(scsi);
        fake_driver_stop(scsi);
        after_driver = describe_workers(&m);
        g_assert_cmpstr(after_driver, ==, before);

        g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
        fake_driver_check_io(scsi);
        fake_machine_reset(&m, scsi);
        fake_driver_stop(scsi);
        after_reset = describe_workers(&m);
        g_assert_cmpstr(after_reset, ==, before);
    }
    check_stats(&m, QUEUES);
    check_workers(&m, QUEUES);
    g_assert_cmpint(fake_count(m.fake, "ATTACH_VRING_WORKER"), ==,
                    worker_calls);
    g_assert_cmpint(fake_count(m.fake, "NEW_WORKER"), ==, QUEUES - 1);
    g_assert_cmpuint(fake_machine_count(&m, "task"), ==, threads);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* A queue that is stalled holds up nobody else's worker. */
static void test_stalled_queue_others_go_on(void)
{
    FakeMachine m;
    QVirtioSCSI *scsi;
    QVirtioSCSIRequest *req;
    QSCSILun lun = { .target = FAKE_VHOST_TPGT };
    QSCSICommand cmd = qscsi_cdb_read10(0, 1, FAKE_MACHINE_BLOCK);
    uint8_t block[FAKE_MACHINE_BLOCK];
    g_auto(QSCSIResult) r = { 0 };

    fake_machine_start(&m, NULL,
                       FAKE_MACHINE_DEVICE WORKERS_ON ",num_queues=3");
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    fake_ok(m.fake, "stall 1 4");
    req = qvirtio_scsi_submit(scsi, 2, lun, &cmd);
    qvirtio_scsi_kick(scsi, 2);
    for (unsigned q = 0; q < 2; q++) {
        qscsi_read10(scsi, q, lun, 0, 1, FAKE_MACHINE_BLOCK, block);
    }
    g_assert_false(qvirtio_scsi_done(scsi, req));
    fake_ok(m.fake, "unstall 1 4");
    qvirtio_scsi_complete(scsi, req, &r);
    qscsi_assert_good(scsi, &r);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

static void add_cases(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rule_cases); i++) {
        g_autofree char *path = g_strconcat("/workers/rule/",
                                            rule_cases[i].name, NULL);

        g_test_add_data_func(path, &rule_cases[i],
                             test_workers_on_each_further_queue_has_its_own);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(plain_cases); i++) {
        g_autofree char *path = g_strconcat("/workers/single/",
                                            plain_cases[i].name, NULL);

        g_test_add_data_func(path, &plain_cases[i],
                             test_single_worker_kernel_device_works);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fail_cases); i++) {
        g_autofree char *path = g_strconcat("/workers/refused/",
                                            fail_cases[i].name, NULL);

        g_test_add_data_func(path, &fail_cases[i],
                             test_worker_failure_is_refused_and_undone);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/workers/off", test_workers_off_none_is_made);
    g_test_add_func("/workers/refused/order",
                    test_second_worker_failure_undoes_in_reverse);
    g_test_add_func("/workers/refused/failing-undo",
                    test_failing_undo_first_cause_is_told);
    g_test_add_func("/workers/survive",
                    test_workers_survive_driver_and_machine_resets);
    g_test_add_func("/workers/stalled", test_stalled_queue_others_go_on);
    return g_test_run();
}
