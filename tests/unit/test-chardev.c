/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: each back end from both of its ends, flow control, the
 * escapes of mux=on, and the sentences for what is refused. */
#include "../../chardev/char-int.h"
#include "test-board.h"
#include "util/keyval.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

typedef struct Fixture {
    TestBoard b;
    Chardev *chr;
    char *dir, *path;
    /* A front end: what it has got, how much it takes now. */
    GString *got;
    size_t room;
    unsigned events[CHARDEV_GONE + 1];
} Fixture;

/* --- a front end --- */

static size_t fe_can_receive(void *opaque)
{
    return ((Fixture *)opaque)->room;
}

static void fe_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Fixture *f = opaque;

    g_assert_cmpuint(len, <=, f->room);
    f->room -= len;
    g_string_append_len(f->got, (const char *)buf, (gssize)len);
}

static void fe_event(void *opaque, ChardevEvent event)
{
    ((Fixture *)opaque)->events[event]++;
}

static const ChardevFrontend front_end = { fe_can_receive, fe_receive,
                                           fe_event };

/* --- fixture --- */

static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
    f->dir = g_dir_make_tmp("test-chardev-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "x", NULL);
    f->got = g_string_new(NULL);
    f->room = SIZE_MAX;
}

static void teardown(Fixture *f, gconstpointer data)
{
    chardev_free(f->chr);
    test_board_finish(&f->b);
    g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->path);
    g_string_free(f->got, TRUE);
}

/* --- helpers --- */

/* -chardev @opts, where a %s stands for the fixture's path. */
static Chardev *new_chardev(Fixture *f, const char *fmt, GError **errp)
{
    g_auto(GStrv) parts = g_strsplit(fmt, "%s", -1);
    g_autofree char *text = g_strjoinv(f->path, parts);
    auto_json *opts = keyval_parse(text, "backend", errp);

    return opts ? chardev_new(f->b.m, opts, errp) : NULL;
}

static void make(Fixture *f, const char *fmt)
{
    g_autoptr(GError) err = NULL;

    f->chr = new_chardev(f, fmt, &err);
    g_assert_no_error(err);
    g_assert_true(chardevs_start(f->b.m, NULL));
    g_assert_true(chardev_attach(f->chr, &front_end, f));
}

static void make_short(Fixture *f, const char *text)
{
    g_autoptr(GError) err = NULL;

    chardev_new_from_short(f->b.m, text, "serial0", &f->chr, &err);
    g_assert_no_error(err);
    g_assert_true(chardev_attach(f->chr, &front_end, f));
}

static void put(Fixture *f, const char *text)
{
    size_t len = strlen(text);

    g_assert_cmpuint(chardev_write(f->chr, (const uint8_t *)text, len), ==,
                     len);
}

static void assert_got(Fixture *f, const char *text)
{
    g_assert_cmpstr(f->got->str, ==, text);
    g_string_truncate(f->got, 0);
}

static void assert_filename(Fixture *f, const char *expected)
{
    g_autofree char *name = chardev_filename(f->chr);

    g_assert_cmpstr(name, ==, expected);
}

static void send_text(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

/* Reads what is there within a second. */
static void assert_reads(int fd, const char *text)
{
    char buf[512];
    size_t len = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (len < strlen(text) && poll(&p, 1, 1000) > 0) {
        ssize_t n = read(fd, buf + len, sizeof(buf) - len);

        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    g_assert_cmpmem(buf, len, text, strlen(text));
}

/* Connects to the fixture's path; -1 if nobody listens there. */
static int try_connect(Fixture *f)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, f->path, sizeof(addr.sun_path));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        close_fd(&fd);
    }
    return fd;
}

static int connect_client(Fixture *f)
{
    int fd = try_connect(f);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* --- null, file --- */

static void test_null(Fixture *f, gconstpointer data)
{
    make_short(f, "null");
    put(f, "into the void");
    g_assert_true(f->chr->open);
    g_assert_cmpstr(chardev_id(f->chr), ==, "serial0");
    assert_filename(f, "null");
}

static void test_none(Fixture *f, gconstpointer data)
{
    g_assert_true(
        chardev_new_from_short(f->b.m, "none", "serial0", &f->chr, NULL));
    g_assert_null(f->chr);
}

static void assert_file_holds(Fixture *f, const char *text)
{
    test_wait_file(f->path, text);
}

static void test_file(Fixture *f, gconstpointer data)
{
    make(f, "file,id=f,path=%s");
    put(f, "one");
    assert_file_holds(f, "one");
    assert_filename(f, "file");
    g_clear_pointer(&f->chr, chardev_free);

    make(f, "file,id=f,path=%s,append=on");
    put(f, "two");
    assert_file_holds(f, "onetwo");
    g_clear_pointer(&f->chr, chardev_free);

    make(f, "file,id=f,path=%s");
    assert_file_holds(f, "");
}

static void test_file_short_form_takes_any_path(Fixture *f, gconstpointer data)
{
    g_autofree char *path = g_strconcat(f->dir, "/a,b=c", NULL);
    g_autofree char *text = g_strconcat("file:", path, NULL);

    make_short(f, text);
    put(f, "x");
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    g_unlink(path);
}

static void test_full_disk_is_survived(Fixture *f, gconstpointer data)
{
    make(f, "file,id=f,path=/dev/full");
    put(f, "lost");
    put(f, "lost too");
    g_assert_true(f->chr->open);
}

/* --- socket --- */

static void test_server_and_client(Fixture *f, gconstpointer data)
{
    g_autofree char *open_name = g_strdup_printf("unix:%s,server=on", f->path);
    g_autofree char *closed_name = g_strdup_printf("disconnected:%s",
                                                   open_name);
    int fd;

    make(f, "socket,id=s,path=%s,server=on,wait=off");
    assert_filename(f, closed_name);
    put(f, "nobody hears this");
    fd = connect_client(f);
    test_poll(&f->b);
    g_assert_cmpuint(f->events[CHARDEV_OPENED], ==, 1);
    assert_filename(f, open_name);
    put(f, "hello");
    assert_reads(fd, "hello");
    send_text(fd, "there");
    test_poll(&f->b);
    assert_got(f, "there");
    close(fd);
    test_poll(&f->b);
    g_assert_cmpuint(f->events[CHARDEV_CLOSED], ==, 1);
    g_assert_false(f->chr->open);
}

static void test_second_client_waits(Fixture *f, gconstpointer data)
{
    int first, second;

    make_short(f, "null");
    g_clear_pointer(&f->chr, chardev_free);
    make(f, "socket,id=s,path=%s,server=on,wait=off");
    first = connect_client(f);
    test_poll(&f->b);
    second = connect_client(f);
    send_text(second, "me too");
    test_poll(&f->b);
    assert_got(f, "");
    send_text(first, "first");
    test_poll(&f->b);
    assert_got(f, "first");
    close(first);
    test_poll(&f->b);
    assert_got(f, "me too");
    put(f, "welcome");
    assert_reads(second, "welcome");
    close(second);
}

/* A client that leaves is noticed although the front end takes nothing; what
 * it wrote is not lost. */
static void test_leaving_client_of_deaf_front_end(Fixture *f,
                                                  gconstpointer data)
{
    int first, second;

    make(f, "socket,id=s,path=%s,server=on,wait=off");
    f->room = 2;
    first = connect_client(f);
    send_text(first, "abcdef");
    test_poll(&f->b);
    assert_got(f, "ab");
    close(first);
    second = connect_client(f);
    test_poll(&f->b);
    g_assert_cmpuint(f->events[CHARDEV_OPENED], ==, 2);
    send_text(second, "ghi");
    f->room = 100;
    chardev_accept_input(f->chr);
    test_poll(&f->b);
    assert_got(f, "cdefghi");
    close(second);
}

static gpointer connect_later(gpointer data)
{
    int fd;

    do {
        fd = try_connect(data);
    } while (fd < 0);
    return GINT_TO_POINTER(fd);
}

static void test_wait_blocks_until_a_client_comes(Fixture *f,
                                                  gconstpointer data)
{
    GThread *t = g_thread_new("client", connect_later, f);
    int fd;

    make(f, "socket,id=s,path=%s,server=on");
    g_assert_true(f->chr->open);
    fd = GPOINTER_TO_INT(g_thread_join(t));
    put(f, "x");
    assert_reads(fd, "x");
    close(fd);
}

static int listen_at(Fixture *f)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, f->path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static void test_client_mode(Fixture *f, gconstpointer data)
{
    int server = listen_at(f);
    int fd;

    make(f, "socket,id=s,path=%s");
    fd = accept(server, NULL, NULL);
    put(f, "x");
    assert_reads(fd, "x");
    close(fd);
    test_poll(&f->b);
    g_assert_false(f->chr->open);
    put(f, "dropped");
    close(server);
}

static void test_passed_listening_socket(Fixture *f, gconstpointer data)
{
    int server = listen_at(f);
    g_autofree char *opts = g_strdup_printf(
        "socket,id=s,fd=%d,server=on,wait=off", server);
    int fd;

    g_assert_cmpint(fcntl(server, F_SETFD, 0), ==, 0); /* as if inherited */
    make(f, opts);
    fd = connect_client(f);
    test_poll(&f->b);
    put(f, "x");
    assert_reads(fd, "x");
    close(fd);
    g_clear_pointer(&f->chr, chardev_free);
    /* The file is not ours; the socket was. */
    g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(fcntl(server, F_GETFD), ==, -1);
}

static void test_server_replaces_stale_socket_only(Fixture *f,
                                                   gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    close(listen_at(f));
    make(f, "socket,id=s,path=%s,server=on,wait=off");
    close(connect_client(f));
    g_clear_pointer(&f->chr, chardev_free);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));

    g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
    g_assert_null(
        new_chardev(f, "socket,id=s,path=%s,server=on,wait=off", &err));
    g_assert_nonnull(strstr(err->message, "Failed to bind socket"));
    assert_file_holds(f, "precious");
}

static void test_buffer_fills_and_drains(Fixture *f, gconstpointer data)
{
    static uint8_t block[65536];
    size_t sent = 0, received = 0, n;
    int fd;

    make(f, "socket,id=s,path=%s,server=on,wait=off");
    fd = connect_client(f);
    test_poll(&f->b);
    do {
        n = chardev_write(f->chr, block, sizeof(block));
        sent += n;
        g_assert_cmpuint(sent, <, 64 * MiB);
    } while (n == sizeof(block));
    g_assert_cmpuint(chardev_write(f->chr, block, 1), ==, 0);
    g_assert_cmpuint(f->events[CHARDEV_WRITABLE], ==, 0);
    while (received < sent) {
        ssize_t r = recv(fd, block, sizeof(block), MSG_DONTWAIT);

        received += (size_t)MAX(r, 0);
        test_poll(&f->b);
    }
    g_assert_cmpuint(received, ==, sent);
    g_assert_cmpuint(f->events[CHARDEV_WRITABLE], ==, 1);
    g_assert_cmpuint(chardev_write(f->chr, block, 1), ==, 1);
    close(fd);
}

static void test_input_is_held_back(Fixture *f, gconstpointer data)
{
    int fd;

    make(f, "socket,id=s,path=%s,server=on,wait=off");
    f->room = 0;
    fd = connect_client(f);
    send_text(fd, "0123456789");
    test_poll(&f->b);
    assert_got(f, "");
    f->room = 4;
    chardev_accept_input(f->chr);
    test_poll(&f->b);
    assert_got(f, "0123");
    f->room = 100;
    chardev_accept_input(f->chr);
    test_poll(&f->b);
    assert_got(f, "456789");
    close(fd);
}

/* --- pty --- */

static void test_pty(Fixture *f, gconstpointer data)
{
    g_autofree char *name = NULL;
    int fd;

    make_short(f, "pty");
    g_assert_false(f->chr->open);
    put(f, "nobody hears this");
    name = chardev_filename(f->chr);
    g_assert_true(g_str_has_prefix(name, "pty:/dev/pts/"));
    for (unsigned i = 1; i <= 3; i++) {
        fd = open(name + 4, O_RDWR | O_NOCTTY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        test_poll(&f->b);
        g_assert_cmpuint(f->events[CHARDEV_OPENED], ==, i);
        put(f, "hello\n");
        assert_reads(fd, "hello\n");
        send_text(fd, "there\r");
        test_poll(&f->b);
        assert_got(f, "there\r");
        close(fd);
        test_poll(&f->b);
        g_assert_cmpuint(f->events[CHARDEV_CLOSED], ==, i);
    }
    /* Nobody there: nothing is ready, again and again. */
    g_assert_false(g_main_context_pending(f->b.m->context));
}

/* --- stdio --- */

typedef struct Stdio {
    int saved[2];
    int in, out; /* our ends */
} Stdio;

static void stdio_replace(Stdio *s, int in, int out)
{
    fflush(stdout);
    s->saved[0] = fcntl(0, F_DUPFD_CLOEXEC, 10);
    s->saved[1] = fcntl(1, F_DUPFD_CLOEXEC, 10);
    dup2(in, 0);
    dup2(out, 1);
}

static void stdio_restore(Stdio *s)
{
    dup2(s->saved[0], 0);
    dup2(s->saved[1], 1);
    close(s->saved[0]);
    close(s->saved[1]);
}

/* Standard input and output are pipes. */
static void stdio_pipes(Stdio *s)
{
    int in[2], out[2];

    g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
    stdio_replace(s, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    s->out = out[0];
}

static void test_stdio_on_pipes(Fixture *f, gconstpointer data)
{
    Stdio s;
    int flags;

    stdio_pipes(&s);
    make_short(f, "stdio");
    put(f, "out");
    send_text(s.in, "in\001x");
    close(s.in); /* end of input: output goes on */
    test_poll(&f->b);
    put(f, "more");
    flags = fcntl(0, F_GETFL) | fcntl(1, F_GETFL);
    g_clear_pointer(&f->chr, chardev_free);
    stdio_restore(&s);
    assert_got(f, "in\001x");
    assert_reads(s.out, "outmore");
    g_assert_false(flags & O_NONBLOCK); /* what we share is as it was */
    close(s.out);
}

static void test_stdio_reader_leaves(Fixture *f, gconstpointer data)
{
    Stdio s;

    stdio_pipes(&s);
    make_short(f, "stdio");
    close(s.out);
    put(f, "nobody hears this"); /* and SIGPIPE does not come */
    put(f, "nor this");
    stdio_restore(&s);
    close(s.in);
}

static void test_stdio_is_for_one(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    Stdio s;
    Chardev *second;

    stdio_pipes(&s);
    make_short(f, "stdio");
    second = new_chardev(f, "stdio,id=other", &err);
    g_clear_pointer(&f->chr, chardev_free);
    stdio_restore(&s);
    close(s.in);
    close(s.out);
    g_assert_null(second);
    g_assert_cmpstr(err->message, ==,
                    "cannot use stdio by multiple character devices");
}

static void test_terminal_is_raw_and_restored(Fixture *f, gconstpointer data)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios before, during, after;
    int slave;
    Stdio s;

    g_assert_cmpint(grantpt(master) | unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    tcgetattr(slave, &before);
    stdio_replace(&s, slave, slave);
    make_short(f, "mon:stdio");
    tcgetattr(slave, &during);
    put(f, "login: ");
    send_text(master, "\003"); /* Ctrl-C is the guest's */
    test_poll(&f->b);
    g_clear_pointer(&f->chr, chardev_free);
    tcgetattr(slave, &after);
    stdio_restore(&s);
    g_assert_cmphex(during.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
    g_assert_cmphex(during.c_oflag & OPOST, ==, OPOST);
    g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
    g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
    assert_got(f, "\003");
    assert_reads(master, "login: ");
    close(slave);
    close(master);
}

static void test_signal_option_keeps_ctrl_c(Fixture *f, gconstpointer data)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios during;
    int slave;
    Stdio s;

    g_assert_cmpint(grantpt(master) | unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    stdio_replace(&s, slave, slave);
    make(f, "stdio,id=s");
    tcgetattr(slave, &during);
    g_clear_pointer(&f->chr, chardev_free);
    stdio_restore(&s);
    g_assert_cmphex(during.c_lflag & (ICANON | ECHO | ISIG), ==, ISIG);
    close(slave);
    close(master);
}

/* --- mux --- */

static int make_mux(Fixture *f)
{
    int fd;

    make(f, "socket,id=s,path=%s,server=on,wait=off,mux=on");
    fd = connect_client(f);
    test_poll(&f->b);
    return fd;
}

static void test_mux_escapes(Fixture *f, gconstpointer data)
{
    int fd = make_mux(f);

    send_text(fd, "a\001\001b\001zc");
    test_poll(&f->b);
    assert_got(f, "a\001bc");
    send_text(fd, "\001");
    test_poll(&f->b);
    send_text(fd, "b");
    test_poll(&f->b);
    g_assert_cmpuint(f->events[CHARDEV_BREAK], ==, 1);
    assert_got(f, "");
    g_assert_cmpint(f->b.m->shutdown_cause, ==, SHUTDOWN_CAUSE_NONE);
    send_text(fd, "\001c");
    test_poll(&f->b);
    assert_reads(fd, "\r\nThere is no monitor here.\r\n");
    close(fd);
}

static void test_mux_quits_a_hung_guest(Fixture *f, gconstpointer data)
{
    int fd = make_mux(f);

    f->room = 0;
    for (unsigned i = 0; i < 1000; i++) { /* more than is kept for a guest */
        send_text(fd, "hello? ");
        test_poll(&f->b);
    }
    send_text(fd, "\001x");
    test_poll(&f->b);
    g_assert_cmpint(f->b.m->shutdown_cause, ==, SHUTDOWN_CAUSE_HOST_UI);
    f->room = 12;
    chardev_accept_input(f->chr);
    assert_got(f, "hello? hello");
    close(fd);
}

/* --- front ends, errors --- */

static void test_one_front_end(Fixture *f, gconstpointer data)
{
    make_short(f, "null");
    g_assert_false(chardev_attach(f->chr, &front_end, f));
    chardev_detach(f->chr, f);
    g_assert_true(chardev_attach(f->chr, &front_end, f));
    g_assert_true(chardev_find(f->b.m, "serial0") == f->chr);
    g_clear_pointer(&f->chr, chardev_free);
    g_assert_cmpuint(f->events[CHARDEV_GONE], ==, 1);
    g_assert_null(chardev_find(f->b.m, "serial0"));
}

static void check_refused(Fixture *f, const char *opts, const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_null(new_chardev(f, opts, &err));
    g_assert_nonnull(err);
    if (!strstr(err->message, message)) {
        g_test_message("%s: got: %s", opts, err->message);
        g_test_fail();
    }
}

static void test_refused(Fixture *f, gconstpointer data)
{
    make(f, "null,id=taken");
    check_refused(f, "null", "no id specified");
    check_refused(f, "id=x", "no backend specified");
    check_refused(f, "null,id=taken", "Duplicate ID 'taken'");
    check_refused(f, "stido,id=x", "did you mean 'stdio'?");
    check_refused(f, "ringbuf,id=x", "'ringbuf' is not a valid char driver");
    check_refused(f, "file,id=x,patj=y", "did you mean 'path'?");
    check_refused(f, "file,id=x", "give path=");
    check_refused(f, "file,id=x,path=%s,append=maybe", "'append'");
    check_refused(f, "file,id=x,path=/nowhere/at/all", "No such file");
    check_refused(f, "null,id=x,path=y", "unknown parameter 'path'");
    check_refused(f, "socket,id=x", "give either path=");
    check_refused(f, "socket,id=x,path=%s,fd=3", "give either path=");
    check_refused(f, "socket,id=x,path=%s", "Failed to connect to");
    check_refused(f, "socket,id=x,path=%s,wait=on", "client connect mode");
    check_refused(f, "socket,id=x,path=%s,reconnect=1", "reconnect");
    check_refused(f, "socket,id=x,fd=abc", "fd cannot be 'abc'");
    check_refused(f, "socket,id=x,fd=987", "descriptor 987 is not open");
    check_refused(f, "socket,id=x,host=localhost,port=1", "unknown parameter");
}

static void test_path_length(Fixture *f, gconstpointer data)
{
    g_autofree char *name = g_strnfill(108, 'p');
    g_autofree char *opts = g_strdup_printf("socket,id=x,path=%s,server=on",
                                            name);

    check_refused(f, opts, "Path must be less than 108 bytes");
}

static void test_refused_short_forms(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "stdoi", "did you mean 'stdio'?" },
        { "mon:", "'' is not a valid" },
        { "telnet::4444", "unix:PATH" },
        { "unix:", "give either path=" },
        { "unix:/x,sever=on", "did you mean 'server'?" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;

        g_assert_false(
            chardev_new_from_short(f->b.m, rows[i].text, "s", &f->chr, &err));
        if (!strstr(err->message, rows[i].message)) {
            g_test_message("%s: got: %s", rows[i].text, err->message);
            g_test_fail();
        }
    }
}

/* Without CLOEXEC or cleanup this would show after a hundred rounds. */
static void test_no_fd_is_left(Fixture *f, gconstpointer data)
{
    int before = dup(2);
    int after;

    close(before);
    for (unsigned i = 0; i < 5; i++) {
        make(f, "socket,id=s,path=%s,server=on,wait=off");
        close(connect_client(f));
        test_poll(&f->b);
        g_clear_pointer(&f->chr, chardev_free);
        make_short(f, "pty");
        g_clear_pointer(&f->chr, chardev_free);
        g_assert_null(new_chardev(f, "socket,id=s,path=%s", NULL));
    }
    after = dup(2);
    close(after);
    g_assert_cmpint(before, ==, after);
}

static void t(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    t("/chardev/null", test_null);
    t("/chardev/none", test_none);
    t("/chardev/file", test_file);
    t("/chardev/file-short", test_file_short_form_takes_any_path);
    t("/chardev/file-full", test_full_disk_is_survived);
    t("/chardev/server", test_server_and_client);
    t("/chardev/server-second", test_second_client_waits);
    t("/chardev/server-deaf", test_leaving_client_of_deaf_front_end);
    t("/chardev/server-wait", test_wait_blocks_until_a_client_comes);
    t("/chardev/server-stale", test_server_replaces_stale_socket_only);
    t("/chardev/client", test_client_mode);
    t("/chardev/fd", test_passed_listening_socket);
    t("/chardev/full", test_buffer_fills_and_drains);
    t("/chardev/held", test_input_is_held_back);
    t("/chardev/pty", test_pty);
    t("/chardev/stdio-pipes", test_stdio_on_pipes);
    t("/chardev/stdio-epipe", test_stdio_reader_leaves);
    t("/chardev/stdio-one", test_stdio_is_for_one);
    t("/chardev/stdio-tty", test_terminal_is_raw_and_restored);
    t("/chardev/stdio-signal", test_signal_option_keeps_ctrl_c);
    t("/chardev/mux", test_mux_escapes);
    t("/chardev/mux-quit", test_mux_quits_a_hung_guest);
    t("/chardev/front-end", test_one_front_end);
    t("/chardev/refused", test_refused);
    t("/chardev/refused-length", test_path_length);
    t("/chardev/refused-short", test_refused_short_forms);
    t("/chardev/fds", test_no_fd_is_left);
    return g_test_run();
}
