/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "libqtest-int.h"

/* A port that no device of the board has, for round trips (POST codes). */
#define UNUSED_PORT 0x80

/* --- lines --- */

void qtest_send_raw(QTestState *s, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!qtest_wait_fd(s, s->fd, POLLOUT, "room for a command")) {
                qtest_fail(s, "the machine ended before it took a command");
            }
        } else if (n < 0 && errno != EINTR) {
            /* EPIPE and ECONNRESET: it has ended, or is about to. */
            qtest_fail(s, "the machine takes no command: %s",
                       g_strerror(errno));
        }
    }
}

/* Receives something. */
static void receive(QTestState *s)
{
    char buf[16384];
    ssize_t n;

    if (!qtest_wait_fd(s, s->fd, POLLIN, "answer")) {
        qtest_fail(s, "the machine ended before it answered");
    }
    n = recv(s->fd, buf, sizeof(buf), 0);
    if (n > 0) {
        g_string_append_len(s->rx, buf, n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        qtest_fail(s, "the machine has closed the connection");
    }
}

/* "IRQ raise N" or "IRQ lower N": comes by itself, between answers. */
static bool take_irq(QTestState *s, const char *line)
{
    char what[8];
    unsigned n;

    if (!g_str_has_prefix(line, "IRQ ")) {
        return false;
    }
    if (sscanf(line, "IRQ %7s %u", what, &n) != 2 || n >= QTEST_IRQS_MAX) {
        qtest_fail(s, "not understood: '%s'", line);
    }
    s->level[n] = g_str_equal(what, "raise");
    s->raised[n] += s->level[n];
    return true;
}

char *qtest_recv_line(QTestState *s)
{
    for (;;) {
        char *newline = memchr(s->rx->str, '\n', s->rx->len);
        g_autofree char *line = NULL;
        size_t len;

        if (!newline) {
            receive(s);
            continue;
        }
        len = (size_t)(newline - s->rx->str);
        line = g_strndup(s->rx->str, len);
        g_string_erase(s->rx, 0, (gssize)len + 1);
        if (!take_irq(s, line)) {
            return g_steal_pointer(&line);
        }
    }
}

char *qtest_send_line(QTestState *s, const char *line)
{
    g_autofree char *bytes = g_strconcat(line, "\n", NULL);

    qtest_send_raw(s, bytes, strlen(bytes));
    return qtest_recv_line(s);
}

/* Sends a command that has to succeed, and returns what stands behind "OK".
 * The caller frees it. */
static char *G_GNUC_PRINTF(2, 3) command(QTestState *s, const char *format, ...)
{
    g_autofree char *line = NULL;
    g_autofree char *answer = NULL;
    va_list ap;

    va_start(ap, format);
    line = g_strdup_vprintf(format, ap);
    va_end(ap);
    answer = qtest_send_line(s, line);
    if (!g_str_equal(answer, "OK") && !g_str_has_prefix(answer, "OK ")) {
        qtest_fail(s, "'%.80s' was answered by '%s'", line, answer);
    }
    return g_strdup(answer[2] ? answer + 3 : "");
}

/* The same for an answer that is a number, decimal or 0x. */
static uint64_t number(QTestState *s, char *text)
{
    g_autofree char *owned = text;
    uint64_t value = 0;
    char *end;

    errno = 0;
    value = g_ascii_strtoull(owned, &end, 0);
    if (errno || end == owned || *end) {
        qtest_fail(s, "'%s' is not a number", owned);
    }
    return value;
}

/* --- ports and memory --- */

static uint64_t in(QTestState *s, char width, uint16_t port)
{
    return number(s, command(s, "in%c 0x%x", width, port));
}

static void out(QTestState *s, char width, uint16_t port, uint32_t value)
{
    g_free(command(s, "out%c 0x%x 0x%x", width, port, value));
}

static uint64_t load(QTestState *s, char width, uint64_t addr)
{
    return number(s, command(s, "read%c 0x%" PRIx64, width, addr));
}

static void store(QTestState *s, char width, uint64_t addr, uint64_t value)
{
    g_free(command(s, "write%c 0x%" PRIx64 " 0x%" PRIx64, width, addr, value));
}

uint8_t qtest_inb(QTestState *s, uint16_t port)
{
    return (uint8_t)in(s, 'b', port);
}

uint16_t qtest_inw(QTestState *s, uint16_t port)
{
    return (uint16_t)in(s, 'w', port);
}

uint32_t qtest_inl(QTestState *s, uint16_t port)
{
    return (uint32_t)in(s, 'l', port);
}

void qtest_outb(QTestState *s, uint16_t port, uint8_t value)
{
    out(s, 'b', port, value);
}

void qtest_outw(QTestState *s, uint16_t port, uint16_t value)
{
    out(s, 'w', port, value);
}

void qtest_outl(QTestState *s, uint16_t port, uint32_t value)
{
    out(s, 'l', port, value);
}

uint8_t qtest_readb(QTestState *s, uint64_t addr)
{
    return (uint8_t)load(s, 'b', addr);
}

uint16_t qtest_readw(QTestState *s, uint64_t addr)
{
    return (uint16_t)load(s, 'w', addr);
}

uint32_t qtest_readl(QTestState *s, uint64_t addr)
{
    return (uint32_t)load(s, 'l', addr);
}

uint64_t qtest_readq(QTestState *s, uint64_t addr)
{
    return load(s, 'q', addr);
}

void qtest_writeb(QTestState *s, uint64_t addr, uint8_t value)
{
    store(s, 'b', addr, value);
}

void qtest_writew(QTestState *s, uint64_t addr, uint16_t value)
{
    store(s, 'w', addr, value);
}

void qtest_writel(QTestState *s, uint64_t addr, uint32_t value)
{
    store(s, 'l', addr, value);
}

void qtest_writeq(QTestState *s, uint64_t addr, uint64_t value)
{
    store(s, 'q', addr, value);
}

void qtest_memread(QTestState *s, uint64_t addr, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t part = MIN(len - done, QTEST_BULK_MAX);
        g_autofree char *text = command(s, "b64read 0x%" PRIx64 " 0x%zx",
                                        addr + done, part);
        gsize got = 0;
        g_autofree uint8_t *bytes = g_base64_decode(text, &got);

        if (got != part) {
            qtest_fail(s, "b64read: %zu bytes were asked for, %zu came", part,
                       (size_t)got);
        }
        memcpy((uint8_t *)data + done, bytes, part);
        done += part;
    }
}

void qtest_memwrite(QTestState *s, uint64_t addr, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t part = MIN(len - done, QTEST_BULK_MAX);
        g_autofree char *text = g_base64_encode((const uint8_t *)data + done,
                                                part);

        g_free(command(s, "b64write 0x%" PRIx64 " 0x%zx %s", addr + done, part,
                       text));
        done += part;
    }
}

void qtest_memset(QTestState *s, uint64_t addr, uint8_t value, size_t len)
{
    g_free(command(s, "memset 0x%" PRIx64 " 0x%zx 0x%x", addr, len, value));
}

/* --- time and interrupts --- */

int64_t qtest_clock_step(QTestState *s, int64_t ns)
{
    return (int64_t)number(s, command(s, "clock_step %" PRId64, ns));
}

int64_t qtest_clock_step_next(QTestState *s)
{
    return (int64_t)number(s, command(s, "clock_step"));
}

int64_t qtest_clock_set(QTestState *s, int64_t ns)
{
    return (int64_t)number(s, command(s, "clock_set %" PRId64, ns));
}

void qtest_irq_intercept_in(QTestState *s, const char *path)
{
    g_free(command(s, "irq_intercept_in %s", path));
}

void qtest_irq_intercept_out(QTestState *s, const char *path)
{
    g_free(command(s, "irq_intercept_out %s", path));
}

bool qtest_get_irq(QTestState *s, unsigned n)
{
    g_assert_cmpuint(n, <, QTEST_IRQS_MAX);
    (void)qtest_inb(s, UNUSED_PORT);
    return s->level[n];
}

unsigned qtest_irq_raised(QTestState *s, unsigned n)
{
    g_assert_cmpuint(n, <, QTEST_IRQS_MAX);
    (void)qtest_inb(s, UNUSED_PORT);
    return s->raised[n];
}

void qtest_poll(QTestState *s, QTestPoll *poll, const char *what)
{
    gint64 now = g_get_monotonic_time();

    if (!poll->deadline) {
        poll->deadline = now + s->timeout_ms * INT64_C(1000);
    }
    if (now > poll->deadline) {
        qtest_fail(s, "no %s within %u ms", what, s->timeout_ms);
    }
    (void)qtest_inb(s, UNUSED_PORT);
}
