/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backstore that hangs: a call to the kernel does not come back. The guest's
 * access waits in its thread; the main loop, and with it the serial console,
 * goes on. Once the backstore is back all goes on.
 *
 * Requests of qtest wait behind the one that hangs, so that the test looks
 * through other channels: the console's socket, the stand-in's control socket,
 * signals.
 */
#include "fake-machine.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define UART_DATA      0x3f8
#define UART_LSR       0x3fd
#define UART_LSR_DR    0x01
#define UART_LSR_THRE  0x20
#define STATUS_RUNNING FAKE_DRIVER_RUNS
#define WAIT_MS        120000

static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };

typedef struct Fixture {
    FakeMachine m;
    QVirtioSCSI *scsi;
    char *console; /* path of the console's socket */
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
    g_autofree char *args = NULL;

    fake_machine_init(&f->m);
    f->console = g_build_filename(f->m.dir, "console", NULL);
    args = g_strdup_printf(FAKE_MACHINE_DEVICE
                           ",num_queues=2,worker_per_virtqueue=on "
                           "-serial unix:%s,server=on,wait=off",
                           f->console);
    fake_machine_run(&f->m, NULL, args);
    f->scsi = fake_driver_new(&f->m, FAKE_MACHINE_SLOT);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
    fake_driver_free(f->scsi);
    g_assert_cmpuint(guest_pages_used(f->m.alloc), ==, 0);
    fake_machine_stop(&f->m);
    g_free(f->console);
}

/* Frees a machine that has ended already, or is about to be ended. */
static void abandon(Fixture *f)
{
    fake_driver_abandon(f->scsi);
    fake_machine_stop(&f->m);
    g_free(f->console);
}

/* --- the console --- */

static int console_connect(Fixture *f)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_strlcpy(addr.sun_path, f->console, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

/* The byte that the console sends, or -1 if it hangs up. */
static int console_read(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    uint8_t byte;

    g_assert_cmpint(poll(&p, 1, WAIT_MS), ==, 1);
    return read(fd, &byte, 1) == 1 ? byte : -1;
}

/* Connects and says goodbye: the console hangs up only once the main loop has
 * taken the client and read the end of what it typed. */
static void assert_main_loop_answers(Fixture *f)
{
    for (unsigned i = 0; i < 3; i++) {
        auto_fd fd = console_connect(f);

        g_assert_cmpint(shutdown(fd, SHUT_WR), ==, 0);
        g_assert_cmpint(console_read(fd), ==, -1);
    }
}

/* What was typed meanwhile is in the UART, and what it sends comes out. */
static void assert_console_works(Fixture *f, int fd, char typed)
{
    QTestPoll poll = { 0 };

    while (!(qtest_inb(f->m.qts, UART_LSR) & UART_LSR_DR)) {
        qtest_poll(f->m.qts, &poll, "character in the UART");
    }
    g_assert_cmpint(qtest_inb(f->m.qts, UART_DATA), ==, typed);
    qtest_outb(f->m.qts, UART_DATA, '#');
    g_assert_cmpint(console_read(fd), ==, '#');
}

/* --- accesses that hang --- */

/* Writes the device status without waiting for the answer. */
static void begin_status(Fixture *f, uint8_t status)
{
    g_autofree char *line = g_strdup_printf("writeb 0x%" PRIx64 " %u\n",
                                            fake_driver_status_address(f->scsi),
                                            status);

    qtest_send_raw(f->m.qts, line, strlen(line));
}

static void end_status(Fixture *f)
{
    g_autofree char *answer = qtest_recv_line(f->m.qts);

    g_assert_cmpstr(answer, ==, "OK");
}

static void wait_blocked(Fixture *f)
{
    fake_ok(f->m.fake, "wait blocked 1");
}

/* Types while the call hangs, releases it, and sees the character arrive. */
static void release_with_console(Fixture *f)
{
    auto_fd fd = -1;

    wait_blocked(f);
    assert_main_loop_answers(f);
    fd = console_connect(f);
    g_assert_cmpint(send(fd, "y", 1, MSG_NOSIGNAL), ==, 1);
    g_assert_cmpint(fake_ok(f->m.fake, "blocked"), ==, 1);
    fake_ok(f->m.fake, "release");
    end_status(f);
    assert_console_works(f, fd, 'y');
}

static void test_start_hangs_console_goes_on(Fixture *f, gconstpointer call)
{
    fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
    fake_ok(f->m.fake, "block %s", (const char *)call);
    begin_status(f, STATUS_RUNNING);
    release_with_console(f);
    g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==,
                    STATUS_RUNNING);
    fake_driver_check_io(f->scsi);
}

static void test_stop_hangs_console_goes_on(Fixture *f, gconstpointer call)
{
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
    fake_ok(f->m.fake, "block %s", (const char *)call);
    begin_status(f, 0);
    release_with_console(f);
    g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==, 0);
    fake_driver_stop(f->scsi);
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
}

/* A start that hangs and then fails. */
static void test_start_hangs_and_fails_needs_reset(Fixture *f,
                                                   gconstpointer call)
{
    fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
    fake_ok(f->m.fake, "block %s", (const char *)call);
    begin_status(f, STATUS_RUNNING);
    wait_blocked(f);
    fake_ok(f->m.fake, "target drop " FAKE_VHOST_WWPN);
    fake_ok(f->m.fake, "release");
    end_status(f);
    g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==,
                    STATUS_RUNNING | VIRTIO_CONFIG_S_NEEDS_RESET);
    qpci_msix_wait(f->scsi->pci, 0);
    fake_ok(f->m.fake, "target add " FAKE_VHOST_WWPN);
    fake_driver_stop(f->scsi);
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
}

/* --- commands that hang --- */

static QVirtioSCSIRequest *submit_read(Fixture *f, unsigned queue)
{
    QSCSICommand cmd = qscsi_cdb_read10(0, 1, FAKE_MACHINE_BLOCK);
    QVirtioSCSIRequest *req = qvirtio_scsi_submit(f->scsi, queue, disk, &cmd);

    qvirtio_scsi_kick(f->scsi, queue);
    return req;
}

/* The reset waits for them: none may write to memory that the driver has taken
 * back. */
static void test_reset_waits_for_commands_in_flight(Fixture *f,
                                                    gconstpointer unused)
{
    QVirtioSCSIRequest *reqs[2];

    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
    fake_ok(f->m.fake, "hold");
    for (unsigned q = 0; q < 2; q++) {
        reqs[q] = submit_read(f, q);
    }
    fake_ok(f->m.fake, "wait held 2");
    begin_status(f, 0);
    assert_main_loop_answers(f);
    g_assert_cmpint(fake_ok(f->m.fake, "held"), ==, 2);
    fake_ok(f->m.fake, "unhold");
    end_status(f);
    g_assert_cmphex(qvirtio_pci_get_status(&f->scsi->dev.regs), ==, 0);
    /* They have come back before the device let go of the rings. */
    for (unsigned q = 0; q < 2; q++) {
        g_auto(QSCSIResult) r = { 0 };

        qvirtio_scsi_complete(f->scsi, reqs[q], &r);
        qscsi_assert_good(f->scsi, &r);
    }
    fake_driver_stop(f->scsi);
    g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f->scsi);
}

/* --- the end --- */

static void set_up_blocked(Fixture *f, const char *call, bool start)
{
    set_up(f, NULL);
    if (start) {
        fake_driver_prepare(f->scsi, QVIRTIO_MSIX);
    } else {
        g_assert_true(fake_driver_start(f->scsi, QVIRTIO_MSIX));
        fake_driver_check_io(f->scsi);
    }
    fake_ok(f->m.fake, "block %s", call);
    begin_status(f, start ? STATUS_RUNNING : 0);
    wait_blocked(f);
}

typedef struct EndCase {
    const char *name;
    const char *call;
    bool start; /* it hangs in the start of the device, not in its stop */
} EndCase;

static const EndCase end_cases[] = {
    { "start-set-mem-table", "SET_MEM_TABLE", true },
    { "start-set-endpoint", "SCSI_SET_ENDPOINT", true },
    { "stop-clear-endpoint", "SCSI_CLEAR_ENDPOINT", false },
    { "stop-get-vring-base", "GET_VRING_BASE", false },
};

/* It waits for the backstore and then ends as always. */
static void test_sigterm_while_hung_ends_after_release(gconstpointer data)
{
    const EndCase *c = data;
    Fixture f;
    int status;

    set_up_blocked(&f, c->call, c->start);
    g_assert_cmpint(kill(qtest_pid(f.m.qts), SIGTERM), ==, 0);
    fake_ok(f.m.fake, "ping");
    g_assert_cmpint(fake_ok(f.m.fake, "blocked"), ==, 1);
    fake_ok(f.m.fake, "release");
    status = qtest_wait_exit(f.m.qts);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    g_assert_cmpstr(qtest_stderr(f.m.qts), ==, "");
    g_assert_false(g_file_test(f.console, G_FILE_TEST_EXISTS));
    abandon(&f);
}

/* The end by SIGTERM itself is what waits for commands in flight. */
static void test_sigterm_with_commands_held_ends_after_release(void)
{
    Fixture f;
    int status;

    set_up(&f, NULL);
    g_assert_true(fake_driver_start(f.scsi, QVIRTIO_MSIX));
    fake_driver_check_io(f.scsi);
    fake_ok(f.m.fake, "hold");
    (void)submit_read(&f, 1);
    fake_ok(f.m.fake, "wait held 1");
    g_assert_cmpint(kill(qtest_pid(f.m.qts), SIGTERM), ==, 0);
    fake_ok(f.m.fake, "ping");
    fake_ok(f.m.fake, "unhold");
    status = qtest_wait_exit(f.m.qts);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    abandon(&f);
}

static void test_sigkill_while_hung_ends_at_once(gconstpointer data)
{
    const EndCase *c = data;
    Fixture f;
    g_autofree char *proc = NULL;
    int status;

    set_up_blocked(&f, c->call, c->start);
    proc = g_strdup_printf("/proc/%d", (int)qtest_pid(f.m.qts));
    g_assert_cmpint(kill(qtest_pid(f.m.qts), SIGKILL), ==, 0);
    status = qtest_wait_exit(f.m.qts);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
    g_assert_false(g_file_test(proc, G_FILE_TEST_EXISTS));
    abandon(&f);
}

static void add_fixture(const char *path, const char *call,
                        void (*run)(Fixture *f, gconstpointer call))
{
    g_test_add(path, Fixture, call, set_up, run, tear_down);
}

int main(int argc, char **argv)
{
    static const char *const start_calls[] = {
        "SET_FEATURES",
        "SET_MEM_TABLE",
        "SET_VRING_ADDR",
        "SCSI_SET_ENDPOINT",
    };
    static const char *const stop_calls[] = {
        "SCSI_CLEAR_ENDPOINT",
        "GET_VRING_BASE",
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(start_calls); i++) {
        g_autofree char *path = g_strconcat("/hung/start/", start_calls[i],
                                            NULL);

        add_fixture(path, start_calls[i], test_start_hangs_console_goes_on);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(stop_calls); i++) {
        g_autofree char *path = g_strconcat("/hung/stop/", stop_calls[i], NULL);

        add_fixture(path, stop_calls[i], test_stop_hangs_console_goes_on);
    }
    add_fixture("/hung/start-fails", "SCSI_SET_ENDPOINT",
                test_start_hangs_and_fails_needs_reset);
    add_fixture("/hung/commands/reset", NULL,
                test_reset_waits_for_commands_in_flight);
    g_test_add_func("/hung/commands/sigterm",
                    test_sigterm_with_commands_held_ends_after_release);
    for (unsigned i = 0; i < G_N_ELEMENTS(end_cases); i++) {
        g_autofree char *term = g_strconcat("/hung/sigterm/", end_cases[i].name,
                                            NULL);
        g_autofree char *killed = g_strconcat("/hung/sigkill/",
                                              end_cases[i].name, NULL);

        g_test_add_data_func(term, &end_cases[i],
                             test_sigterm_while_hung_ends_after_release);
        g_test_add_data_func(killed, &end_cases[i],
                             test_sigkill_while_hung_ends_at_once);
    }
    return g_test_run();
}
