/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to a reader that stops, comes back or never does, and to a full
 * disk. The log's way is used; its file is a pipe. */
#include "util/log.h"
#include "util/message.h"

#include <fcntl.h>
#include <signal.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#define LINE_SIZE 1024
#define TIMEOUT_S 60

typedef struct Fixture {
    int reader;
    size_t room; /* bytes that the pipe holds */
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    f->reader = fds[0];
    f->room = (size_t)fcntl(fds[1], F_GETPIPE_SZ);
    g_assert_cmpuint(f->room % LINE_SIZE, ==, 0);
    message_log_to(fds[1]);
}

static void teardown(Fixture *f, gconstpointer data)
{
    close_fd(&f->reader);
}

static void write_lines(size_t n)
{
    char line[LINE_SIZE];

    memset(line, 'x', sizeof(line));
    line[LINE_SIZE - 1] = '\n';
    for (size_t i = 0; i < n; i++) {
        message_write(MESSAGE_LOG, line, sizeof(line));
    }
}

static GString *read_lines(int fd, const char *until)
{
    GString *got = g_string_new(NULL);

    while (!strstr(got->str, until)) {
        char buf[4096];
        ssize_t n = read(fd, buf, sizeof(buf));

        g_assert_cmpint(n, >, 0);
        g_string_append_len(got, buf, n);
    }
    return got;
}

static unsigned count(const GString *text, char c)
{
    unsigned n = 0;

    for (size_t i = 0; i < text->len; i++) {
        n += text->str[i] == c;
    }
    return n;
}

/* At the limit nothing is lost, one above one line is. The thread itself has
 * taken one out of the queue, unless it was not fast enough. */
static void test_reader_stops(Fixture *f, gconstpointer data)
{
    size_t held = (f->room + MESSAGES_QUEUE_MAX) / LINE_SIZE;
    g_autoptr(GString) got = NULL;

    g_assert_cmpint(messages_begin(), ==, 0);
    write_lines(held + 100);
    got = read_lines(f->reader, "lost here");
    g_assert_cmpuint(count(got, '\n'), >=, 1 + MESSAGES_QUEUE_MAX / LINE_SIZE);
    g_assert_nonnull(strstr(got->str, " messages were lost here: nobody read "
                                      "them, or the disk was full\n"));
    messages_end();
}

static void test_nothing_is_lost_at_the_limit(Fixture *f, gconstpointer data)
{
    g_autoptr(GString) got = NULL;

    g_assert_cmpint(messages_begin(), ==, 0);
    write_lines(MESSAGES_QUEUE_MAX / LINE_SIZE);
    got = g_string_new(NULL);
    while (count(got, '\n') < MESSAGES_QUEUE_MAX / LINE_SIZE) {
        g_autoptr(GString) more = read_lines(f->reader, "\n");

        g_string_append_len(got, more->str, (gssize)more->len);
    }
    messages_end();
    g_assert_cmpuint(got->len, ==, MESSAGES_QUEUE_MAX);
}

/* The end has a bound, and what comes then does not wait. The thread is left
 * behind, so that this is a process of its own. */
static void test_reader_never_comes_back(Fixture *f, gconstpointer data)
{
    if (g_test_subprocess()) {
        g_assert_cmpint(messages_begin(), ==, 0);
        write_lines(f->room / LINE_SIZE + 10);
        messages_end();
        write_lines(1);
        return;
    }
    g_test_trap_subprocess(NULL, TIMEOUT_S * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
}

/* All of it is there when the process ends. */
static void test_end_waits_for_the_rest(Fixture *f, gconstpointer data)
{
    g_autoptr(GString) got = NULL;

    g_assert_cmpint(messages_begin(), ==, 0);
    write_lines(f->room / LINE_SIZE - 1);
    messages_end();
    message_write(MESSAGE_LOG, "end\n", 4);
    got = read_lines(f->reader, "end\n");
    g_assert_cmpuint(got->len, ==, f->room - LINE_SIZE + 4);
}

/* What others have made non-blocking loses nothing. */
static void test_non_blocking_file(Fixture *f, gconstpointer data)
{
    g_autofree char *dir = g_dir_make_tmp("test-message-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "fifo", NULL);
    size_t n = 3 * f->room / LINE_SIZE;
    int fd;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    message_log_to(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    g_assert_cmpint(messages_begin(), ==, 0);
    write_lines(n);
    for (size_t left = n * LINE_SIZE; left;) {
        char buf[4096];
        ssize_t r = read(fd, buf, sizeof(buf));

        left -= (size_t)MAX(r, 0);
    }
    messages_end();
    close_fd(&fd);
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* A disk without room: the lines are counted, and told when there is some. */
static void test_full_disk(Fixture *f, gconstpointer data)
{
    g_autofree char *dir = g_dir_make_tmp("test-message-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *text = NULL;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int log = fcntl(full, F_DUPFD_CLOEXEC, 3);
    int file;

    message_log_to(log);
    g_assert_cmpint(messages_begin(), ==, 0);
    write_lines(3);
    messages_end();
    /* Room again: another file under the same number. */
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(dup2(file, log), ==, log);
    g_assert_cmpint(messages_begin(), ==, 0);
    message_write(MESSAGE_LOG, "room\n", 5);
    messages_end();
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, "room\n"));
    g_assert_nonnull(strstr(text, " 3 messages were lost here"));
    close_fd(&file);
    close_fd(&full);
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

#define ADD(name, func) \
    g_test_add("/message/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(TIMEOUT_S); /* whatever waits for ever */
    ADD("reader-stops", test_reader_stops);
    ADD("limit", test_nothing_is_lost_at_the_limit);
    ADD("never-read", test_reader_never_comes_back);
    ADD("end-waits", test_end_waits_for_the_rest);
    ADD("non-blocking", test_non_blocking_file);
    ADD("full-disk", test_full_disk);
    return g_test_run();
}
