/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <glib/gstdio.h>

#include "libqtest-int.h"

#define COMMON_ARGS "-machine q35 -nodefaults -display none"

/* The last 16 bytes of a firmware, where an x86 processor starts: cli; hlt;
 * and a jump back to hlt for what wakes it nevertheless. */
#define FIRMWARE_SIZE 65536
static const uint8_t halt_code[] = { 0xfa, 0xf4, 0xeb, 0xfd };

void qtest_fail(QTestState *s, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list ap;

    va_start(ap, format);
    message = g_strdup_vprintf(format, ap);
    va_end(ap);
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
        s->pid = -1;
    }
    qtest_collect_stderr(s);
    g_printerr("qtest: %s\n", message);
    if (s->err->len) {
        g_printerr("qtest: the machine's stderr:\n%s\n", s->err->str);
    }
    g_assertion_message(G_LOG_DOMAIN, "libqtest", 0, "qtest", message);
    g_assert_not_reached();
}

void qtest_collect_stderr(QTestState *s)
{
    char buf[4096];

    while (s->err_fd >= 0) {
        ssize_t n = read(s->err_fd, buf, sizeof(buf));

        if (n > 0) {
            g_string_append_len(s->err, buf, n);
        } else if (n == 0) {
            close_fd(&s->err_fd);
        } else if (errno != EINTR) {
            break;
        }
    }
}

bool qtest_wait_fd(QTestState *s, int fd, short events, const char *what)
{
    gint64 deadline = g_get_monotonic_time() + s->timeout_ms * INT64_C(1000);

    for (;;) {
        struct pollfd fds[] = {
            { .fd = fd, .events = events },
            { .fd = s->pid_fd, .events = POLLIN },
            { .fd = s->err_fd, .events = POLLIN },
        };
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        int n = poll(fds, G_N_ELEMENTS(fds), left > 0 ? (int)left : 0);

        if (n < 0 && errno != EINTR) {
            qtest_fail(s, "poll: %s", g_strerror(errno));
        }
        if (n == 0 && left <= 0) {
            qtest_fail(s, "no %s within %u ms", what, s->timeout_ms);
        }
        if (n > 0 && fds[2].revents) {
            qtest_collect_stderr(s);
        }
        if (n > 0 && fds[0].revents) {
            return true;
        }
        if (n > 0 && fds[1].revents) {
            return false;
        }
    }
}

/* --- start --- */

/* In the child, before exec: it is not to outlive a test that is killed. */
static void die_with_parent(gpointer data)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static const char *qemu_binary(void)
{
    const char *binary = g_getenv("QTEST_QEMU_BINARY");

    if (!binary) {
        g_error("QTEST_QEMU_BINARY is not set: it names the program to test");
    }
    return binary;
}

/* Whether the program has the accelerator at all. */
static bool has_qtest_accel(const char *binary)
{
    const char *argv[] = { binary, "-accel", "help", NULL };
    g_autofree char *out = NULL;
    g_autoptr(GError) err = NULL;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                      NULL, &out, NULL, NULL, &err)) {
        g_error("%s", err->message);
    }
    return strstr(out, "qtest") != NULL;
}

static void write_firmware(const char *path)
{
    g_autofree uint8_t *image = g_malloc(FIRMWARE_SIZE);
    g_autoptr(GError) err = NULL;

    memset(image, 0xf4, FIRMWARE_SIZE);
    memcpy(image + FIRMWARE_SIZE - 16, halt_code, sizeof(halt_code));
    if (!g_file_set_contents(path, (char *)image, FIRMWARE_SIZE, &err)) {
        g_error("%s", err->message);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        listen(fd, 1) < 0) {
        g_error("%s: %s", path, g_strerror(errno));
    }
    return fd;
}

/* The whole command line. */
static char **build_argv(const QTestState *s, const char *binary,
                         const char *args)
{
    const char *more = g_getenv("QTEST_ARGS");
    g_autoptr(GError) err = NULL;
    g_autofree char *line = NULL;
    char **argv;

    line = g_strdup_printf(
        "'%s' " COMMON_ARGS " %s -qtest unix:%s/socket "
        "-qtest-log none %s %s",
        binary, s->has_clock ? "-accel qtest" : "-accel tcg -bios firmware",
        s->dir, args, more ? more : "");
    if (!g_shell_parse_argv(line, NULL, &argv, &err)) {
        g_error("%s: %s", line, err->message);
    }
    for (unsigned i = 0; argv[i]; i++) {
        if (!s->has_clock && g_str_equal(argv[i], "firmware")) {
            g_free(argv[i]);
            argv[i] = g_build_filename(s->dir, "firmware", NULL);
            write_firmware(argv[i]);
        }
    }
    return argv;
}

static char **build_env(const char *const *env)
{
    char **envp = g_get_environ();

    for (; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        g_autofree char *name = NULL;

        g_assert_nonnull(equals);
        name = g_strndup(*env, (gsize)(equals - *env));
        envp = g_environ_setenv(envp, name, equals + 1, true);
    }
    return envp;
}

/* Of the next program: see qtest_inherit(). */
static struct {
    int fds[QTEST_INHERITED_MAX], numbers[QTEST_INHERITED_MAX];
    unsigned n;
} inherited;

void qtest_inherit(int fd, int number)
{
    g_assert_cmpuint(inherited.n, <, QTEST_INHERITED_MAX);
    inherited.fds[inherited.n] = fd;
    inherited.numbers[inherited.n++] = number;
}

/* Starts the program; it connects to @ret_listener or ends. */
static QTestState *spawn(const char *args, const char *const *env,
                         int *ret_listener)
{
    QTestState *s = g_new0(QTestState, 1);
    const char *binary = qemu_binary();
    g_auto(GStrv) argv = NULL, envp = build_env(env);
    g_autofree char *path = NULL;
    g_autoptr(GError) err = NULL;

    s->fd = s->pid_fd = s->err_fd = -1;
    s->timeout_ms = g_getenv("QTEST_PATIENCE") ? G_MAXINT / 2
                                               : QTEST_TIMEOUT_MS;
    s->rx = g_string_new(NULL);
    s->err = g_string_new(NULL);
    s->has_clock = has_qtest_accel(binary);
    s->dir = g_dir_make_tmp("qtest-XXXXXX", &err);
    if (!s->dir) {
        g_error("%s", err->message);
    }
    path = g_build_filename(s->dir, "socket", NULL);
    *ret_listener = listen_at(path);
    argv = build_argv(s, binary, args);
    if (!g_spawn_async_with_pipes_and_fds(
            NULL, (const char *const *)argv, (const char *const *)envp,
            G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH |
                G_SPAWN_STDOUT_TO_DEV_NULL,
            die_with_parent, NULL, -1, -1, -1, inherited.fds, inherited.numbers,
            inherited.n, &s->pid, NULL, NULL, &s->err_fd, &err)) {
        g_error("%s", err->message);
    }
    inherited.n = 0;
    (void)fcntl(s->err_fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(s->err_fd, F_SETFD, FD_CLOEXEC);
    s->pid_fd = pidfd_open(s->pid, 0);
    if (s->pid_fd < 0) {
        qtest_fail(s, "pidfd_open: %s", g_strerror(errno));
    }
    return s;
}

static void remove_dir(QTestState *s)
{
    static const char *const names[] = { "socket", "firmware" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(s->dir, names[i], NULL);

        (void)g_unlink(path);
    }
    (void)g_rmdir(s->dir);
}

QTestState *qtest_init_env(const char *args, const char *const *env)
{
    auto_fd listener = -1;
    QTestState *s = spawn(args, env, &listener);
    g_autofree char *answer = NULL;

    if (!qtest_wait_fd(s, listener, POLLIN, "connection of the machine")) {
        qtest_fail(s, "the machine ended before it answered");
    }
    s->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (s->fd < 0) {
        qtest_fail(s, "accept4: %s", g_strerror(errno));
    }
    /* The server answers only once the machine is complete. */
    answer = qtest_send_line(s, "endianness");
    remove_dir(s);
    g_assert_cmpstr(answer, ==, "OK little");
    return s;
}

QTestState *qtest_init(const char *args)
{
    return qtest_init_env(args, NULL);
}

/* --- end --- */

static void state_free(QTestState *s)
{
    close_fd(&s->fd);
    close_fd(&s->pid_fd);
    close_fd(&s->err_fd);
    g_string_free(s->rx, true);
    g_string_free(s->err, true);
    g_free(s->dir);
    g_free(s);
}

int qtest_wait_exit(QTestState *s)
{
    int status = 0;

    /* The pid fd is the one that tells: it is among those that are polled. */
    (void)qtest_wait_fd(s, -1, 0, "end of the machine");
    if (waitpid(s->pid, &status, 0) != s->pid) {
        qtest_fail(s, "waitpid: %s", g_strerror(errno));
    }
    s->pid = -1;
    qtest_collect_stderr(s);
    return status;
}

static void check_sanitizers(QTestState *s)
{
    static const char *const reports[] = { "ERROR: AddressSanitizer",
                                           "ERROR: LeakSanitizer",
                                           "WARNING: ThreadSanitizer",
                                           ": runtime error: " };

    for (unsigned i = 0; i < G_N_ELEMENTS(reports); i++) {
        if (strstr(s->err->str, reports[i])) {
            qtest_fail(s, "a sanitizer has reported");
        }
    }
}

void qtest_quit(QTestState *s)
{
    if (s->pid > 0) {
        int status;

        (void)kill(s->pid, SIGTERM);
        status = qtest_wait_exit(s);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            qtest_fail(s, "the machine ended with wait status 0x%x", status);
        }
    }
    check_sanitizers(s);
    state_free(s);
}

QTestExit *qtest_init_expect_failure(const char *args, const char *const *env)
{
    auto_fd listener = -1;
    QTestState *s = spawn(args, env, &listener);
    QTestExit *e = g_new0(QTestExit, 1);
    int status;

    status = qtest_wait_exit(s);
    remove_dir(s);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        qtest_fail(s, "the machine ended with success, a failure is expected");
    }
    check_sanitizers(s);
    e->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    e->stderr = g_strdup(s->err->str);
    state_free(s);
    return e;
}

void qtest_exit_free(QTestExit *e)
{
    if (e) {
        g_free(e->stderr);
        g_free(e);
    }
}

/* --- what the tests ask of the process --- */

const char *qtest_stderr(QTestState *s)
{
    qtest_collect_stderr(s);
    return s->err->str;
}

void qtest_wait_stderr(QTestState *s, const char *text)
{
    gint64 deadline = g_get_monotonic_time() + s->timeout_ms * INT64_C(1000);

    while (!strstr(qtest_stderr(s), text)) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        struct pollfd pfd = { .fd = s->err_fd, .events = POLLIN };

        if (left <= 0 || s->err_fd < 0) {
            qtest_fail(s, "no '%s' on stderr", text);
        }
        (void)poll(&pfd, 1, (int)left);
    }
}

pid_t qtest_pid(const QTestState *s)
{
    return s->pid;
}

bool qtest_has_clock(const QTestState *s)
{
    return s->has_clock;
}

void qtest_set_timeout(QTestState *s, unsigned ms)
{
    s->timeout_ms = ms;
}
