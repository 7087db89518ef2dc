/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session for people: a line editor in front of the human monitor's
 * commands. */
#include "monitor-int.h"
#include "monitor/hmp.h"
#include "monitor/readline.h"
#include "util/error.h"

#define PROMPT "(qemu) "

typedef struct HmpSession {
    Monitor mon;
    Readline *readline;
    bool greeted; /* the client has seen the banner */
} HmpSession;

static HmpSession *session_of(Monitor *mon)
{
    return container_of(mon, HmpSession, mon);
}

/* --- output --- */

static void session_print(void *opaque, const char *text, size_t len)
{
    monitor_write(opaque, text, len);
}

/* A terminal wants a carriage return too. */
static void print_lines(Monitor *mon, const char *text)
{
    g_autoptr(GString) out = g_string_new(text);

    g_string_replace(out, "\n", "\r\n", 0);
    monitor_write(mon, out->str, out->len);
}

/* --- lines --- */

static json_object *work_run(Machine *m, void *opaque, GError **errp)
{
    g_autofree char *text = hmp_execute(m, opaque, NULL);

    return json_object_new_string(text);
}

static void work_done(Monitor *mon, void *opaque, json_object *ret,
                      const GError *err)
{
    if (err) {
        print_lines(mon, "Error: ");
        print_lines(mon, err->message);
        print_lines(mon, "\n");
    } else {
        print_lines(mon, json_object_get_string(ret));
    }
    readline_show_prompt(session_of(mon)->readline);
}

static void line_entered(void *opaque, const char *line)
{
    Monitor *mon = opaque;
    g_autofree char *text = NULL;

    if (hmp_blocks(line)) {
        char *copy = g_strdup(line);

        monitor_run_in_control(mon, &(MonitorTask){ .what = copy,
                                                    .work = work_run,
                                                    .done = work_done,
                                                    .opaque = copy,
                                                    .free_opaque = g_free });
        return;
    }
    text = hmp_execute(mon->machine, line,
                       readline_history(session_of(mon)->readline));
    print_lines(mon, text);
    readline_show_prompt(session_of(mon)->readline);
}

static char **complete(void *opaque, const char *line)
{
    const Monitor *mon = opaque;

    return hmp_complete_line(mon->machine, line);
}

static const ReadlineOps readline_ops = {
    .print = session_print,
    .line = line_entered,
    .complete = complete,
};

/* --- session --- */

static void hmp_session_focus(Monitor *mon)
{
    HmpSession *s = session_of(mon);

    if (s->greeted) {
        print_lines(mon, "\n");
    } else {
        print_lines(mon, "QEMU " QEMU_VERSION " monitor - type 'help' for more "
                         "information\n");
        s->greeted = true;
    }
    if (!mon->job) {
        readline_show_prompt(s->readline);
    }
}

/* Greeting and prompt, unless another front end of the device has the input. */
static void hmp_session_open(Monitor *mon)
{
    HmpSession *s = session_of(mon);

    s->greeted = false;
    readline_restart(s->readline);
    if (!mon->chr || chardev_has_focus(mon->chr, mon)) {
        hmp_session_focus(mon);
    }
}

static size_t hmp_session_ready(const char *data, size_t len)
{
    return len;
}

static size_t hmp_session_input(Monitor *mon, const char *data, size_t len)
{
    HmpSession *s = session_of(mon);
    size_t n = MIN(len, readline_can_feed(s->readline));

    readline_feed(s->readline, data, n);
    return n;
}

static void hmp_session_event(Monitor *mon, const char *name, json_object *data)
{
}

static void hmp_session_free(Monitor *mon)
{
    HmpSession *s = session_of(mon);

    readline_free(s->readline);
    g_free(s);
}

static const MonitorOps hmp_session_ops = {
    .free = hmp_session_free,
    .open = hmp_session_open,
    .focus = hmp_session_focus,
    .ready = hmp_session_ready,
    .input = hmp_session_input,
    .event = hmp_session_event,
};

bool hmp_monitor_new(Machine *m, Chardev *chr, GError **errp)
{
    HmpSession *s = g_new0(HmpSession, 1);

    s->readline = readline_new(&readline_ops, &s->mon, PROMPT);
    return monitor_serve(&s->mon, &hmp_session_ops, m, chr, errp);
}
