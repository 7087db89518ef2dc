/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every call to the kernel fails once: at the start of the program, when the
 * guest's driver starts, stops and restarts the device, when the machine is
 * reset and when it ends. A start that cannot be is one line and status 1; a
 * driver's start that cannot be is DEVICE_NEEDS_RESET and one line; all else is
 * survived, and the device works again after a reset.
 *
 * A run without failures says first how many calls each phase has.
 */
#include "fake-machine.h"

#include <linux/virtio_pci.h>

#define TWO_QUEUES FAKE_MACHINE_DEVICE ",num_queues=2,worker_per_virtqueue=on"
#define FEW        "max_io_vqs=2" /* queues that the stand-in has */
#define FEW_QUEUES 4u             /* and with control and event */
#define RESET_TEXT "; the device needs a reset by the guest\n"

typedef struct ErrorCode {
    const char *name;
    int number;
} ErrorCode;

static const ErrorCode codes[] = {
    { "ENOMEM", ENOMEM },
    { "EIO", EIO },
    { "EFAULT", EFAULT },
};

/* The calls of a phase, one in each element. */
static char **split_calls(const char *calls)
{
    g_autofree char *text = g_strchomp(g_strdup(calls));

    return *text ? g_strsplit(text, "\n", -1) : g_new0(char *, 1);
}

static char *call_name(const char *call)
{
    return g_strndup(call, strcspn(call, " "));
}

/* " for virtqueue 3" for a call with index=3, or one that makes the worker of
 * that queue; else "". */
static char *call_queue(const char *call)
{
    const char *index = strstr(call, " index=");

    if (g_str_has_prefix(call, "VHOST_NEW_WORKER ")) {
        return g_strdup(" for virtqueue 3");
    }
    return index ? g_strdup_printf(" for virtqueue %d",
                                   atoi(index + strlen(" index=")))
                 : g_strdup("");
}

/* What a failure of @call is told as, from "vhost-scsi:" on. */
static char *failure_text(const char *call, int error)
{
    g_autofree char *name = call_name(call), *queue = call_queue(call);

    if (g_str_equal(name, "VHOST_SCSI_SET_ENDPOINT")) {
        return g_strdup_printf("vhost-scsi: cannot bind target '%s': %s",
                               FAKE_VHOST_WWPN, g_strerror(error));
    }
    if (g_str_equal(name, "VHOST_SCSI_GET_ABI_VERSION")) {
        return g_strdup_printf("vhost-scsi: /dev/vhost-scsi is not a "
                               "vhost-scsi device: %s",
                               g_strerror(error));
    }
    return g_strdup_printf("vhost-scsi: %s failed%s: %s", name, queue,
                           g_strerror(error));
}

/* --- the start of the program --- */

static char **learn_realize(void)
{
    g_autofree char *calls = NULL;
    FakeMachine m;

    fake_machine_start(&m, FEW, TWO_QUEUES);
    calls = fake_machine_calls(&m, 2); /* the first one is open */
    fake_machine_stop(&m);
    return split_calls(calls);
}

static void check_refused(const char *knobs, const char *call, int error)
{
    g_autofree char *calls = NULL, *text = NULL, *begin = NULL;
    QTestExit *e = fake_machine_refused(knobs, TWO_QUEUES, &calls);

    text = failure_text(call, error);
    begin = g_strconcat(FAKE_MACHINE_ERROR, text, NULL);
    g_assert_cmpint(e->status, ==, 1);
    if (!g_str_has_prefix(e->stderr, begin)) {
        g_assert_cmpstr(e->stderr, ==, begin);
    }
    /* One line, and its end is that of the text. */
    g_assert_true(strchr(e->stderr, '\n') == strrchr(e->stderr, '\n'));
    g_assert_true(g_str_has_suffix(calls, "\nclose -> 0\n"));
    qtest_exit_free(e);
}

static void test_realize_any_call_fails_is_refused(void)
{
    g_auto(GStrv) calls = learn_realize();

    g_assert_cmpuint(g_strv_length(calls), >, 10);
    for (unsigned n = 0; calls[n]; n++) {
        const ErrorCode *code = &codes[n % G_N_ELEMENTS(codes)];
        g_autofree char *knobs = g_strdup_printf("%s,fail=any:%u:%s", FEW,
                                                 n + 1, code->name);

        g_test_message("%s: %s", calls[n], code->name);
        check_refused(knobs, calls[n], code->number);
    }
}

/* --- a machine that runs --- */

typedef struct Fixture {
    FakeMachine m;
    QVirtioSCSI *scsi;
    char **start_calls, **stop_calls; /* of a run without failures */
    size_t err_seen;                  /* bytes of stderr */
    unsigned fds, threads;
} Fixture;

static int64_t n_calls(Fixture *f)
{
    return fake_count(f->m.fake, "any");
}

/* The calls since there were @from. The stand-in's trace counts open as well. */
static char **calls_since(Fixture *f, int64_t from)
{
    g_autofree char *calls = fake_machine_calls(&f->m, (unsigned)from + 2);

    return split_calls(calls);
}

static void set_up(Fixture *f, gconstpointer unused)
{
    int64_t from;

    fake_machine_start(&f->m, FEW, TWO_QUEUES);
    f->scsi = fake_driver_new(&f->m, FAKE_MACHINE_SLOT);
    fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
    from = n_calls(f);
    g_assert_cmphex(fake_driver_ok(f->scsi), ==, FAKE_DRIVER_RUNS);
    f->start_calls = calls_since(f, from);
    fake_driver_check_io(f->scsi);
    from = n_calls(f);
    fake_driver_stop(f->scsi);
    f->stop_calls = calls_since(f, from);
    f->fds = fake_machine_count(&f->m, "fd");
    f->threads = fake_machine_count(&f->m, "task");
    g_assert_cmpuint(g_strv_length(f->start_calls), >, 10);
    g_assert_cmpuint(g_strv_length(f->stop_calls), >, 10);
}

/* Nothing has grown, and it ends as it should. */
static void tear_down(Fixture *f, gconstpointer unused)
{
    fake_driver_stop(f->scsi);
    g_assert_cmpuint(fake_machine_count(&f->m, "fd"), ==, f->fds);
    g_assert_cmpuint(fake_machine_count(&f->m, "task"), ==, f->threads);
    fake_driver_free(f->scsi);
    g_assert_cmpuint(guest_pages_used(f->m.alloc), ==, 0);
    fake_machine_stop(&f->m);
    g_strfreev(f->start_calls);
    g_strfreev(f->stop_calls);
}

/* What stderr has more than at the last call. */
static const char *new_stderr(Fixture *f)
{
    const char *text = qtest_stderr(f->m.qts) + f->err_seen;

    f->err_seen += strlen(text);
    return text;
}

/* The device wants a reset, the driver was told so, and one line says why. */
static void assert_needs_reset(Fixture *f, uint8_t status, const char *text)
{
    g_autofree char *line = g_strconcat(
        "qemu-system-x86_64: vhost-scsi-pci: ", text, RESET_TEXT, NULL);

    g_assert_cmphex(status, ==, FAKE_DRIVER_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
    qpci_msix_wait(f->scsi->pci, 0);
    g_assert_cmpstr(new_stderr(f), ==, line);
}

/* The kernel has forgotten the eventfds of each queue that it was told of. */
static void assert_start_undone(Fixture *f, int64_t from)
{
    g_auto(GStrv) calls = calls_since(f, from);
    g_autofree char *text = g_strjoinv("\n", calls);

    for (unsigned q = 0; q < FEW_QUEUES; q++) {
        g_autofree char *told = g_strdup_printf("VRING_NUM index=%u ", q);
        g_autofree char *undone = g_strdup_printf("VRING_KICK index=%u fd=-1 ",
                                                  q);

        g_assert_true(!strstr(text, told) == !strstr(text, undone));
    }
}

static void assert_restart_works(Fixture *f)
{
    fake_driver_stop(f->scsi);
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
    g_assert_cmpstr(new_stderr(f), ==, "");
    fake_driver_stop(f->scsi);
}

static void test_start_any_call_fails_needs_reset(Fixture *f,
                                                  gconstpointer data)
{
    const ErrorCode *code = data;

    for (unsigned n = 0; f->start_calls[n]; n++) {
        g_autofree char *text = failure_text(f->start_calls[n], code->number);
        int64_t from;

        g_test_message("%s: %s", f->start_calls[n], code->name);
        fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
        from = n_calls(f);
        fake_ok(f->m.fake, "fail any %u %s", n + 1, code->name);
        assert_needs_reset(f, fake_driver_ok(f->scsi), text);
        assert_start_undone(f, from);
        fake_ok(f->m.fake, "nofail");
        assert_restart_works(f);
    }
}

/* With all that comes after the first failure failing as well: not even taking
 * back what was done works. */
static void test_start_all_calls_fail_needs_reset(Fixture *f,
                                                  gconstpointer data)
{
    const ErrorCode *code = data;

    for (unsigned n = 0; f->start_calls[n]; n++) {
        g_autofree char *text = failure_text(f->start_calls[n], code->number);

        fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
        fake_ok(f->m.fake, "fail any %u %s 0", n + 1, code->name);
        assert_needs_reset(f, fake_driver_ok(f->scsi), text);
        fake_ok(f->m.fake, "nofail");
        assert_restart_works(f);
    }
}

static void test_stop_any_call_fails_restart_works(Fixture *f,
                                                   gconstpointer data)
{
    const ErrorCode *code = data;

    for (unsigned n = 0; f->stop_calls[n]; n++) {
        g_test_message("%s: %s", f->stop_calls[n], code->name);
        g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
        fake_driver_check_io(f->scsi);
        fake_ok(f->m.fake, "fail any %u %s", n + 1, code->name);
        fake_driver_stop(f->scsi);
        g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==, 0);
        fake_ok(f->m.fake, "nofail");
        assert_restart_works(f);
    }
}

static void test_stop_all_calls_fail_restart_works(Fixture *f,
                                                   gconstpointer data)
{
    const ErrorCode *code = data;

    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
    fake_ok(f->m.fake, "fail any 1 %s 0", code->name);
    fake_driver_stop(f->scsi);
    fake_ok(f->m.fake, "nofail");
    assert_restart_works(f);
}

/* The endpoint that could not be cleared is cleared by the next start; while
 * that cannot be either, the start fails. */
static void test_stop_clear_endpoint_fails_next_start_clears(
    Fixture *f, gconstpointer unused)
{
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_ok(f->m.fake, "fail SCSI_CLEAR_ENDPOINT 1 EIO 2");
    fake_driver_stop(f->scsi);
    fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
    assert_needs_reset(
        f, fake_driver_ok(f->scsi),
        "vhost-scsi: VHOST_SCSI_CLEAR_ENDPOINT failed: Input/output error");
    assert_restart_works(f);
}

static void test_machine_reset_any_call_fails_restart_works(Fixture *f,
                                                            gconstpointer data)
{
    const ErrorCode *code = data;

    for (unsigned n = 0; f->stop_calls[n]; n++) {
        g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
        fake_driver_check_io(f->scsi);
        fake_ok(f->m.fake, "fail any %u %s", n + 1, code->name);
        fake_machine_reset(&f->m, f->scsi);
        fake_ok(f->m.fake, "nofail");
        assert_restart_works(f);
    }
}

static void check_end_with(const char *fail)
{
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, FEW, TWO_QUEUES);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    fake_ok(m.fake, "%s", fail);
    g_assert_cmpstr(qtest_stderr(m.qts), ==, "");
    fake_driver_abandon(scsi);
    fake_machine_stop(&m); /* by SIGTERM; checks that the status is 0 */
}

static void test_end_any_call_fails_status_is_0(Fixture *f,
                                                gconstpointer unused)
{
    for (unsigned n = 0; f->stop_calls[n]; n++) {
        g_autofree char *fail = g_strdup_printf(
            "fail any %u %s", n + 1, codes[n % G_N_ELEMENTS(codes)].name);

        check_end_with(fail);
    }
    check_end_with("fail any 1 EIO 0");
}

typedef struct FailTest {
    const char *name;
    void (*run)(Fixture *f, gconstpointer code);
    unsigned n_codes; /* how many of codes it is run with */
} FailTest;

static const FailTest tests[] = {
    { "start/one", test_start_any_call_fails_needs_reset, 3 },
    { "start/all", test_start_all_calls_fail_needs_reset, 1 },
    { "stop/one", test_stop_any_call_fails_restart_works, 2 },
    { "stop/all", test_stop_all_calls_fail_restart_works, 3 },
    { "reset/one", test_machine_reset_any_call_fails_restart_works, 1 },
};

/* --- a request that the kernel does not map --- */

/* It is lost, which the kernel reports by its err eventfd: one line and
 * DEVICE_NEEDS_RESET, and the device works for the next driver. What has as many
 * pages as the kernel maps goes through. */
static void test_request_beyond_what_the_kernel_maps_needs_a_reset(void)
{
    const QSCSILun disk = { .target = FAKE_VHOST_TPGT };
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();
    FakeMachine m;
    QVirtioSCSI *scsi;
    QTestPoll poll = { 0 };

    fake_machine_start(&m, NULL, FAKE_MACHINE_DEVICE);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    cmd.in_len = 8 * MiB - 8 * KiB; /* wherever it begins */
    {
        g_auto(QSCSIResult) r = { 0 };

        qvirtio_scsi_command(scsi, 0, disk, &cmd, &r);
        g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_OK);
    }
    g_assert_cmpstr(qtest_stderr(m.qts), ==, "");
    cmd.in_len = 8 * MiB + 8 * KiB;
    (void)qvirtio_scsi_submit(scsi, 0, disk, &cmd);
    qvirtio_scsi_kick(scsi, 0);
    while (!(qvirtio_pci_get_status(&scsi->dev.regs) &
             VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(m.qts, &poll, "the report of a lost request");
    }
    g_assert_cmpstr(qtest_stderr(m.qts), ==,
                    "qemu-system-x86_64: vhost-scsi-pci: the kernel could not "
                    "read a ring, or dropped a request that is malformed or "
                    "too large (its log says which)" RESET_TEXT);
    fake_driver_stop(scsi);
    g_ptr_array_set_size(scsi->in_flight, 0);
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fail/realize", test_realize_any_call_fails_is_refused);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (unsigned c = 0; c < tests[i].n_codes; c++) {
            g_autofree char *path = g_strdup_printf(
                "/fail/%s/%s", tests[i].name, codes[c].name);

            g_test_add(path, Fixture, &codes[c], set_up, tests[i].run,
                       tear_down);
        }
    }
    g_test_add("/fail/stop/clear", Fixture, NULL, set_up,
               test_stop_clear_endpoint_fails_next_start_clears, tear_down);
    g_test_add("/fail/end", Fixture, NULL, set_up,
               test_end_any_call_fails_status_is_0, tear_down);
    g_test_add_func("/vhost-scsi-fail/request-too-large",
                    test_request_beyond_what_the_kernel_maps_needs_a_reset);
    return g_test_run();
}
