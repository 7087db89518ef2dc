/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What carries the protocol: a character device in, the same one out, and the
 * log. The main loop takes in what comes; requests are carried out in a thread
 * of their own, as accesses of a guest are in a vCPU's: one that waits for the
 * host's kernel leaves the main loop alone. While an answer waits to be read no
 * further request is taken, so that a client that never reads costs one
 * answer's memory.
 */
#include "accel/qtest-server.h"
#include "chardev/char.h"
#include "qtest-int.h"
#include "util/error.h"
#include "util/message.h"

#define READ_ROOM 65536 /* bytes taken at once */

/* A loaded machine may be slow, and a test whose messages nobody reads is not to
 * hang. */
#define MESSAGES_PATIENCE_MS 5000

struct QtestWire {
    QtestAccel *q;
    QtestServer server;
    Chardev *chr;    /* borrowed; NULL once it is gone */
    FILE *log;       /* owned unless it is stderr; NULL: none */
    int64_t open_us; /* when the client came, monotonic */
    bool open;
    unsigned session; /* counts clients */
    GThread *thread;  /* NULL once it has ended */
    bool quit;        /* it is to end */
    GSource *wake;    /* owned; q->wake is the same one */

    GString *in;      /* what came and is not carried out yet */
    size_t in_start;  /* of the next line in it */
    size_t in_seen;   /* up to here it holds no newline */
    bool skipping;    /* within a line that is too long */
    size_t out_start; /* of what is not sent yet in server.out */
};

/* --- log --- */

static void write_log(QtestWire *w, const GString *line)
{
    if (w->log == stderr) {
        message_write(MESSAGE_STDERR, line->str, line->len);
    } else {
        fwrite(line->str, 1, line->len, w->log);
        fflush(w->log);
    }
}

static void log_line(QtestWire *w, char kind, const char *text, size_t len)
{
    double seconds = (double)(g_get_monotonic_time() - w->open_us) / 1e6;
    g_autoptr(GString) line = NULL;

    if (w->log) {
        line = g_string_sized_new(len + 32);
        g_string_printf(line, "[%c +%.6f] ", kind, seconds);
        g_string_append_len(line, text, (gssize)len);
        g_string_append_c(line, '\n');
        write_log(w, line);
    }
}

static void log_opened(QtestWire *w)
{
    g_autoptr(GString) line = g_string_new("[I 0.000000] OPENED\n");

    if (w->log) {
        write_log(w, line);
    }
}

/* Nothing of server.out has been sent yet. */
static void log_answers(QtestWire *w)
{
    const GString *out = w->server.out;
    size_t from = 0;

    while (w->log && from < out->len) {
        const char *line = out->str + from;
        size_t len = (size_t)(strchr(line, '\n') - line);

        log_line(w, 'S', line, len);
        from += len + 1;
    }
}

static bool open_log(QtestWire *w, const char *log, GError **errp)
{
    if (!g_strcmp0(log, "none")) {
        return true;
    }
    w->log = log ? fopen(log, "we") : stderr;
    if (!w->log) {
        error_setg_errno(errp, errno, "-qtest-log: cannot open '%s'", log);
    }
    return w->log;
}

/* --- output --- */

/* Sends what the client takes now; returns whether that is all. */
static bool flush(QtestWire *w)
{
    GString *out = w->server.out;

    if (w->chr && w->out_start < out->len) {
        w->out_start += chardev_write(w->chr,
                                      (const uint8_t *)out->str + w->out_start,
                                      out->len - w->out_start);
    }
    if (w->out_start < out->len) {
        return false;
    }
    g_string_truncate(out, 0);
    w->out_start = 0;
    return true;
}

/* --- input --- */

/* Takes the next line, which lasts until more input comes, or NULL. A line that
 * is too long is answered as soon as that is known, and then skipped. */
static char *next_line(QtestWire *w)
{
    GString *in = w->in;

    for (;;) {
        char *line = in->str + w->in_start;
        char *end = memchr(in->str + w->in_seen, '\n', in->len - w->in_seen);
        size_t len = (size_t)((end ? end : in->str + in->len) - line);

        if (!w->skipping && len > QTEST_LINE_MAX) {
            w->skipping = true;
            qtest_server_fail(&w->server, "the line is longer than %" PRIu64,
                              QTEST_LINE_MAX);
        }
        if (!end) {
            if (w->skipping) {
                g_string_truncate(in, w->in_start);
            }
            w->in_seen = in->len;
            return NULL;
        }
        *end = 0;
        w->in_start += len + 1;
        w->in_seen = w->in_start;
        if (!w->skipping && strlen(line) == len) {
            return line;
        }
        if (!w->skipping) {
            qtest_server_fail(&w->server, "the line holds a NUL byte");
        }
        w->skipping = false;
    }
}

/* Forgets the lines that were taken. */
static void drop_taken(QtestWire *w)
{
    if (w->in_start) {
        g_string_erase(w->in, 0, (gssize)w->in_start);
        w->in_seen -= w->in_start;
        w->in_start = 0;
    }
}

/* One request. It may release the machine lock, and the client may leave
 * meanwhile: then nobody waits for the answer. What it asked of the control
 * thread, such as a reset, is done before it is answered. */
static void carry_out(QtestWire *w, const char *text)
{
    Machine *m = w->q->accel.machine;
    g_autofree char *line = g_strdup(text);
    unsigned session = w->session;

    log_line(w, 'R', line, strlen(line));
    qtest_server_line(&w->server, line);
    while (runstate_is_changing(m) && !w->quit) {
        g_cond_wait(&m->cond, &m->lock);
    }
    /* A test may look for what was printed. */
    machine_unlock(m);
    messages_flush(MESSAGES_PATIENCE_MS);
    machine_lock(m);
    if (session != w->session || !w->open) {
        g_string_truncate(w->server.out, 0);
    }
}

/* Sends what can be sent, then carries out a request. Returns whether there was
 * something to do. */
static bool work(QtestWire *w)
{
    char *line;

    if (!w->open || !flush(w)) {
        return false;
    }
    qtest_server_collect(&w->server);
    line = next_line(w);
    if (line) {
        carry_out(w, line);
    }
    log_answers(w);
    if (line || w->server.out->len) {
        return true;
    }
    drop_taken(w);
    return false;
}

static void *wire_thread(void *opaque)
{
    QtestWire *w = opaque;
    Machine *m = w->q->accel.machine;

    machine_lock(m);
    /* A client may be faster than the start of the machine. */
    while (!w->quit && !m->config.start_paused &&
           m->run_state == RUN_STATE_PRELAUNCH) {
        g_cond_wait(&m->cond, &m->lock);
    }
    while (!w->quit) {
        if (work(w)) {
            continue;
        }
        w->q->idle = true;
        g_cond_broadcast(&m->cond);
        if (w->chr) {
            chardev_accept_input(w->chr);
        }
        while (w->q->idle && !w->quit) {
            g_cond_wait(&m->cond, &m->lock);
        }
    }
    machine_unlock(m);
    return NULL;
}

/* There may be something to do. */
static void wake_thread(QtestWire *w)
{
    w->q->idle = false;
    g_cond_broadcast(&w->q->accel.machine->cond);
}

static void log_closed(QtestWire *w)
{
    if (w->open) {
        log_line(w, 'I', "CLOSED", strlen("CLOSED"));
    }
    w->open = false;
}

static void end_session(QtestWire *w)
{
    log_closed(w);
    w->session++;
    qtest_intercept_end(w->q);
    g_string_truncate(w->server.out, 0);
    g_string_truncate(w->in, 0);
    w->in_start = w->in_seen = w->out_start = 0;
    w->skipping = false;
}

/* --- the character device --- */

/* Not before all is carried out, so that a client which closes its side after
 * its last request gets its answers. Of one that has left the rest is taken
 * and dropped. */
static size_t wire_can_receive(void *opaque)
{
    const QtestWire *w = opaque;

    return w->open && (!w->q->idle || w->server.out->len) ? 0 : READ_ROOM;
}

static void wire_receive(void *opaque, const uint8_t *buf, size_t len)
{
    QtestWire *w = opaque;
    bool ends = memchr(buf, '\n', len);

    if (!w->open || (w->skipping && !ends)) {
        return;
    }
    g_string_append_len(w->in, (const char *)buf, (gssize)len);
    if (ends || w->in->len - w->in_start > QTEST_LINE_MAX) {
        wake_thread(w);
    }
}

static void wire_event(void *opaque, ChardevEvent event)
{
    QtestWire *w = opaque;

    switch (event) {
    case CHARDEV_OPENED:
        w->open = true;
        w->open_us = g_get_monotonic_time();
        log_opened(w);
        break;
    case CHARDEV_CLOSED:
        end_session(w);
        chardev_accept_input(w->chr);
        break;
    case CHARDEV_WRITABLE:
        wake_thread(w);
        break;
    case CHARDEV_GONE:
        end_session(w);
        w->chr = NULL;
        break;
    case CHARDEV_BREAK:
    case CHARDEV_FOCUS:
        break;
    default:
        g_assert_not_reached();
    }
}

static const ChardevFrontend wire_frontend = {
    .can_receive = wire_can_receive,
    .receive = wire_receive,
    .event = wire_event,
};

/* IRQ lines came while no request was being carried out. */
static gboolean wake_dispatch(GSource *source, GSourceFunc callback,
                              gpointer data)
{
    QtestWire *w = data;

    g_source_set_ready_time(source, -1);
    wake_thread(w);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = { .dispatch = wake_dispatch };

static gboolean nothing(gpointer data)
{
    return G_SOURCE_CONTINUE;
}

/* --- life --- */

static void set_wake(QtestAccel *q, GSource *wake)
{
    g_mutex_lock(&q->irq_lock);
    q->wake = wake;
    g_mutex_unlock(&q->irq_lock);
}

bool qtest_serve(Machine *machine, Chardev *chr, const char *log, GError **errp)
{
    QtestAccel *q = qtest_accel(machine->accel);
    QtestWire *w = g_new0(QtestWire, 1);

    assert(!q->wire);
    q->wire = w;
    w->q = q;
    w->in = g_string_new(NULL);
    qtest_server_init(&w->server, machine);
    w->wake = g_source_new(&wake_funcs, sizeof(GSource));
    g_source_set_callback(w->wake, nothing, w, NULL);
    g_source_attach(w->wake, machine->context);
    set_wake(q, w->wake);
    if (!open_log(w, log, errp)) {
        return false;
    }
    if (!chardev_attach(chr, &wire_frontend, w)) {
        error_setg(errp, "-qtest: chardev '%s' is in use", chardev_id(chr));
        return false;
    }
    w->chr = chr;
    w->thread = machine_thread_new("qtest", wire_thread, w, errp);
    return w->thread;
}

void qtest_wire_end(QtestWire *w)
{
    Machine *m;
    GThread *thread;

    if (!w || !w->thread) {
        return;
    }
    m = w->q->accel.machine;
    thread = g_steal_pointer(&w->thread);
    w->quit = true;
    g_cond_broadcast(&m->cond);
    machine_unlock(m);
    g_thread_join(thread);
    machine_lock(m);
}

void qtest_wire_free(QtestWire *w)
{
    if (!w) {
        return;
    }
    qtest_wire_end(w);
    if (w->chr) {
        chardev_detach(w->chr, w);
    }
    log_closed(w);
    set_wake(w->q, NULL);
    g_source_destroy(w->wake);
    g_source_unref(w->wake);
    if (w->log && w->log != stderr) {
        fclose(w->log);
    }
    qtest_server_finish(&w->server);
    g_string_free(w->in, TRUE);
    g_free(w);
}
