/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors on the way of a character device: those that a client sends
 * (SCM_RIGHTS), the path /dev/fdset/N, and the copy of the output that
 * logfile= asks for. */
#include "chardev/char.h"
#include "system/fds.h"
#include "test-board.h"
#include "util/keyval.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>

typedef struct Fixture {
    TestBoard b;
    Chardev *chr;
    int client; /* our end of the socket; -1: none */
    GString *got;
    char *dir, *path;
} Fixture;

static size_t fe_can_receive(void *opaque)
{
    return 64;
}

static void fe_receive(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(((Fixture *)opaque)->got, (const char *)buf,
                        (gssize)len);
}

static const ChardevFrontend front_end = {
    .can_receive = fe_can_receive,
    .receive = fe_receive,
    .takes_fds = true,
};

static void make(Fixture *f, const char *text, const char *message)
{
    g_autoptr(GError) err = NULL;
    auto_json *opts = keyval_parse(text, "backend", NULL);

    f->chr = chardev_new(f->b.m, opts, &err);
    g_assert_cmpstr(err ? err->message : NULL, ==, message);
    g_assert_true(chardevs_start(f->b.m, NULL));
    if (f->chr) {
        g_assert_true(chardev_attach(f->chr, &front_end, f));
    }
}

static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
    f->got = g_string_new(NULL);
    f->client = -1;
    f->dir = g_dir_make_tmp("test-chardev-fds-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "x", NULL);
}

static void connect_client(Fixture *f)
{
    g_autofree char *text = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    f->client = fds[0];
    text = g_strdup_printf("socket,id=c,fd=%d", fds[1]);
    make(f, text, NULL);
}

static void teardown(Fixture *f, gconstpointer data)
{
    chardev_free(f->chr);
    close_fd(&f->client);
    test_board_finish(&f->b);
    g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->path);
    g_string_free(f->got, TRUE);
}

/* Whether somebody still has the other end. */
static bool pipe_is_open(int read_end)
{
    char byte;

    return read(read_end, &byte, 1) < 0 && errno == EAGAIN;
}

/* Sends @n duplicates of @fd with one byte. */
static void send_fds(Fixture *f, int fd, unsigned n)
{
    g_autofree char *control = g_malloc0(CMSG_SPACE(n * sizeof(int)));
    char byte = 'x';
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *c;

    msg.msg_control = control;
    msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    for (unsigned i = 0; i < n; i++) {
        memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
    }
    g_assert_cmpint(sendmsg(f->client, &msg, 0), ==, 1);
    test_poll(&f->b);
}

static unsigned take_all(Fixture *f)
{
    unsigned n = 0;
    int fd;

    while ((fd = chardev_take_fd(f->chr)) >= 0) {
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        close_fd(&fd);
        n++;
    }
    return n;
}

/* --- SCM_RIGHTS --- */

static void test_take(Fixture *f, gconstpointer data)
{
    int pipes[2][2];

    connect_client(f);
    g_assert_cmpint(chardev_take_fd(f->chr), ==, -1);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(pipe2(pipes[i], O_NONBLOCK), ==, 0);
        send_fds(f, pipes[i][1], 1);
        close_fd(&pipes[i][1]);
    }
    g_assert_cmpstr(f->got->str, ==, "xx");
    for (unsigned i = 0; i < 2; i++) {
        int fd = chardev_take_fd(f->chr);
        char byte = 0;

        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(write(fd, "y", 1), ==, 1);
        g_assert_cmpint(read(pipes[i][0], &byte, 1), ==, 1);
        close_fd(&fd);
        close_fd(&pipes[i][0]);
    }
    g_assert_cmpint(chardev_take_fd(f->chr), ==, -1);
}

/* In one message and in many, at the limit and above. */
static void test_limit(Fixture *f, gconstpointer data)
{
    static const unsigned counts[] = { 1, CHARDEV_FDS_MAX - 1, CHARDEV_FDS_MAX,
                                       CHARDEV_FDS_MAX + 1, 253 };

    connect_client(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++) {
        unsigned expected = MIN(counts[i], CHARDEV_FDS_MAX);

        send_fds(f, STDIN_FILENO, counts[i]);
        g_assert_cmpuint(take_all(f), ==, expected);
        for (unsigned n = 0; n < MIN(counts[i], 40); n++) {
            send_fds(f, STDIN_FILENO, 1);
        }
        g_assert_cmpuint(take_all(f), ==, expected);
    }
}

/* What is not kept is closed at once, not when the client leaves. */
static void test_surplus_is_closed(Fixture *f, gconstpointer data)
{
    int ends[2];

    connect_client(f);
    send_fds(f, STDIN_FILENO, CHARDEV_FDS_MAX);
    g_assert_cmpint(pipe2(ends, O_NONBLOCK), ==, 0);
    send_fds(f, ends[1], 3);
    g_assert_true(pipe_is_open(ends[0]));
    close_fd(&ends[1]);
    g_assert_false(pipe_is_open(ends[0]));
    close_fd(&ends[0]);
}

static void test_client_leaves(Fixture *f, gconstpointer data)
{
    int ends[2];

    connect_client(f);
    g_assert_cmpint(pipe2(ends, O_NONBLOCK), ==, 0);
    send_fds(f, ends[1], 3);
    close_fd(&ends[1]);
    g_assert_true(pipe_is_open(ends[0]));
    close_fd(&f->client);
    test_poll(&f->b);
    g_assert_false(pipe_is_open(ends[0]));
    g_assert_cmpint(chardev_take_fd(f->chr), ==, -1);
    close_fd(&ends[0]);
}

static void test_device_is_freed(Fixture *f, gconstpointer data)
{
    int ends[2];

    connect_client(f);
    g_assert_cmpint(pipe2(ends, O_NONBLOCK), ==, 0);
    send_fds(f, ends[1], 3);
    close_fd(&ends[1]);
    g_clear_pointer(&f->chr, chardev_free);
    g_assert_false(pipe_is_open(ends[0]));
    close_fd(&ends[0]);
}

/* --- /dev/fdset and logfile= --- */

static void put(Fixture *f, const char *text)
{
    g_assert_cmpuint(chardev_write(f->chr, (const uint8_t *)text, strlen(text)),
                     ==, strlen(text));
}

static void assert_file(Fixture *f, const char *expected)
{
    test_wait_file(f->path, expected);
}

static void add_to_set(Fixture *f)
{
    int fd = open(f->path, O_WRONLY | O_CREAT, 0600);
    auto_json *reply = fds_add_to_set(f->b.m, true, 0, NULL, fd, NULL);

    g_assert_nonnull(reply);
}

/* libvirt's <serial type='file'>. */
static void test_file_in_set(Fixture *f, gconstpointer data)
{
    g_assert_true(g_file_set_contents(f->path, "old ", -1, NULL));
    add_to_set(f);
    make(f, "file,id=c,path=/dev/fdset/0,append=on", NULL);
    put(f, "new");
    assert_file(f, "old new");
}

static void test_no_set(Fixture *f, gconstpointer data)
{
    make(f, "file,id=c,path=/dev/fdset/0",
         "chardev 'c': cannot open file '/dev/fdset/0': No such file or "
         "directory");
}

static void test_log_refused(Fixture *f, gconstpointer data)
{
    make(f, "null,id=c,logfile=/dev/fdset/7",
         "chardev 'c': cannot open file '/dev/fdset/7': No such file or "
         "directory");
    make(f, "null,id=c,logfile=/dev/null,logappend=perhaps",
         "Parameter 'logappend' expects 'on' or 'off', not 'perhaps'");
}

static void test_log(Fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strdup_printf("null,id=c,logfile=%s", f->path);

    g_assert_true(g_file_set_contents(f->path, "old ", -1, NULL));
    make(f, text, NULL);
    put(f, "one ");
    put(f, "two");
    assert_file(f, "one two");
}

static void test_log_append(Fixture *f, gconstpointer data)
{
    g_assert_true(g_file_set_contents(f->path, "old ", -1, NULL));
    add_to_set(f);
    make(f, "null,id=c,logfile=/dev/fdset/0,logappend=on", NULL);
    put(f, "new");
    assert_file(f, "old new");
}

#define ADD(name, func) \
    g_test_add("/chardev-fds/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("take", test_take);
    ADD("limit", test_limit);
    ADD("surplus-is-closed", test_surplus_is_closed);
    ADD("client-leaves", test_client_leaves);
    ADD("device-is-freed", test_device_is_freed);
    ADD("file-in-set", test_file_in_set);
    ADD("no-set", test_no_set);
    ADD("log-refused", test_log_refused);
    ADD("log", test_log);
    ADD("log-append", test_log_append);
    return g_test_run();
}
