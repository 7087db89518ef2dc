/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The qtest protocol on a socket: lines that come in pieces, that are too long,
 * and clients that leave or do not read. */
#include "test-qtest.h"
#include "../../accel/qtest/qtest-int.h"
#include "../../chardev/char-int.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/socket.h>

/* --- the wire --- */

typedef struct Line {
    Fixture f;
    int client; /* our end of the socket; -1: closed */
} Line;

static void line_setup(Line *l)
{
    g_autofree char *opts = NULL;
    json_object *dict;
    Chardev *chr;
    int fds[2];

    setup(&l->f);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    l->client = fds[0];
    g_assert_cmpint(fcntl(l->client, F_SETFL, O_NONBLOCK), ==, 0);
    opts = g_strdup_printf("{\"backend\":\"socket\",\"id\":\"q\",\"fd\":%d}",
                           fds[1]);
    dict = json_tokener_parse(opts);
    chr = chardev_new(l->f.m, dict, NULL);
    json_object_put(dict);
    g_assert_nonnull(chr);
    l->f.m->config.start_paused = true; /* nobody starts it */
    g_assert_true(qtest_serve(l->f.m, chr, "none", NULL));
}

static void line_teardown(Line *l)
{
    chardev_free(chardev_find(l->f.m, "q"));
    close_fd(&l->client);
    teardown(&l->f);
}

/* Serves until there is nothing to do: the main loop here, the requests in
 * their thread. */
static void serve(Line *l)
{
    const QtestAccel *q = qtest_accel(l->f.m->accel);

    do {
        while (!q->idle) {
            g_cond_wait(&l->f.m->cond, &l->f.m->lock);
        }
    } while (g_main_context_iteration(l->f.m->context, FALSE));
}

/* Sends all of it, serving meanwhile; returns how much was taken. */
static size_t send_all(Line *l, const char *text, size_t len)
{
    size_t sent = 0;
    ssize_t n;

    while (sent < len &&
           (n = send(l->client, text + sent, len - sent, MSG_NOSIGNAL)) > 0) {
        sent += (size_t)n;
        serve(l);
    }
    return sent;
}

/* All that was sent to us, while the server serves. */
static char *receive_all(Line *l)
{
    GString *got = g_string_new(NULL);
    char buf[65536];
    ssize_t n;

    serve(l);
    while ((n = recv(l->client, buf, sizeof(buf), 0)) > 0) {
        g_string_append_len(got, buf, n);
        serve(l);
    }
    return g_string_free(got, FALSE);
}

static void check_line(Line *l, const char *request, size_t len,
                       const char *answer)
{
    g_autofree char *got = NULL;

    g_assert_cmpuint(send_all(l, request, len), ==, len);
    got = receive_all(l);
    g_assert_cmpstr(got, ==, answer);
}

static void test_wire_answers_lines_however_they_are_cut(void)
{
    static const char text[] = "writeb 0x10 1\nreadb 0x10\nendianness\n";
    Line l;

    line_setup(&l);
    check_line(&l, text, strlen(text),
               "OK\nOK 0x0000000000000001\nOK little\n");
    check_line(&l, "endian", 6, "");
    check_line(&l, "ness", 4, "");
    check_line(&l, "\nendianness", 11, "OK little\n");
    check_line(&l, "\n", 1, "OK little\n");
    line_teardown(&l);
}

static void test_wire_refuses_a_line_with_a_nul_byte(void)
{
    static const char text[] = "endianness\0x\nendianness\n";
    Line l;

    line_setup(&l);
    check_line(&l, text, sizeof(text) - 1,
               "FAIL the line holds a NUL byte\nOK little\n");
    line_teardown(&l);
}

static void test_wire_line_at_its_greatest_length_is_served(void)
{
    g_autofree char *text = g_strnfill(QTEST_LINE_MAX + 1, 'x');
    Line l;

    line_setup(&l);
    text[QTEST_LINE_MAX] = '\n';
    check_line(&l, text, QTEST_LINE_MAX + 1,
               "FAIL Unknown command 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n");
    line_teardown(&l);
}

static void test_wire_line_too_long_is_one_fail_and_skipped(void)
{
    g_autofree char *text = g_strnfill(2 * QTEST_LINE_MAX, 'x');
    Line l;

    line_setup(&l);
    check_line(&l, text, QTEST_LINE_MAX, "");
    check_line(&l, text, 1, "FAIL the line is longer than 33554688\n");
    check_line(&l, text, 2 * QTEST_LINE_MAX, "");
    check_line(&l, "\nendianness\n", 12, "OK little\n");
    line_teardown(&l);
}

static void test_wire_client_that_never_reads_is_not_served_on(void)
{
    static const char write[] = "writeb 0x2000 0x77\n";
    static const char read[] = "read 0 1048576\n";
    g_autofree char *got = NULL;
    Line l;

    line_setup(&l);
    send_all(&l, read, strlen(read));
    send_all(&l, write, strlen(write));
    g_assert_cmpint(l.f.m->ram.host[0x2000], ==, 0);
    got = receive_all(&l);
    g_assert_cmpuint(strlen(got), ==, strlen("OK 0x\nOK\n") + 2 * MiB);
    g_assert_cmpint(l.f.m->ram.host[0x2000], ==, 0x77);
    line_teardown(&l);
}

static void test_wire_client_that_leaves_unread_answers_is_forgotten(void)
{
    static const char text[] = "irq_intercept_in ioapic\nread 0 1048576\n";
    Line l;

    line_setup(&l);
    send_all(&l, text, strlen(text));
    close_fd(&l.client);
    serve(&l);
    g_assert_false(chardev_find(l.f.m, "q")->open);
    g_assert_cmpstr(ask(&l.f, "irq_intercept_in lapic"), ==, "OK\n");
    line_teardown(&l);
}

static void test_wire_half_closed_client_gets_its_answers(void)
{
    Line l;

    line_setup(&l);
    g_assert_cmpint(send(l.client, "endianness\ninb", 14, 0), ==, 14);
    g_assert_cmpint(shutdown(l.client, SHUT_WR), ==, 0);
    check_line(&l, "", 0, "OK little\n");
    g_assert_false(chardev_find(l.f.m, "q")->open);
    line_teardown(&l);
}

static void test_wire_interrupt_without_request_is_sent(void)
{
    Line l;

    line_setup(&l);
    check_line(&l, "irq_intercept_in ioapic\n", 24, "OK\n");
    g_thread_join(g_thread_new("sender", send_message, &l.f));
    check_line(&l, "", 0, "IRQ raise 5\n");
    line_teardown(&l);
}

static void test_wire_refuses_a_chardev_in_use(void)
{
    g_autoptr(GError) err = NULL;
    json_object *dict = json_tokener_parse(
        "{\"backend\":\"null\",\"id\":\"n\"}");
    static const ChardevFrontend fe = { 0 };
    Fixture f;
    Chardev *chr;

    setup(&f);
    chr = chardev_new(f.m, dict, NULL);
    json_object_put(dict);
    g_assert_true(chardev_attach(chr, &fe, NULL));
    g_assert_false(qtest_serve(f.m, chr, "none", &err));
    g_assert_cmpstr(err->message, ==, "-qtest: chardev 'n' is in use");
    chardev_detach(chr, NULL);
    chardev_free(chr);
    teardown(&f);
}

int main(int argc, char **argv)
{
    static const Case cases[] = {
        { "wire/cut-lines/answered",
          test_wire_answers_lines_however_they_are_cut },
        { "wire/nul-byte/fail", test_wire_refuses_a_line_with_a_nul_byte },
        { "wire/longest-line/served",
          test_wire_line_at_its_greatest_length_is_served },
        { "wire/too-long-line/skipped",
          test_wire_line_too_long_is_one_fail_and_skipped },
        { "wire/never-reads/not-served-on",
          test_wire_client_that_never_reads_is_not_served_on },
        { "wire/leaves-unread/forgotten",
          test_wire_client_that_leaves_unread_answers_is_forgotten },
        { "wire/half-closed/answered",
          test_wire_half_closed_client_gets_its_answers },
        { "wire/interrupt/sent", test_wire_interrupt_without_request_is_sent },
        { "wire/chardev-in-use/refused", test_wire_refuses_a_chardev_in_use },
        { NULL, NULL },
    };

    return run_cases(argc, argv, cases);
}
