/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session for people: a line editor in front of the human monitor's
 * commands. */
#include "monitor-int.h"
#include "monitor/hmp.h"
#include "monitor/readline.h"
#include "util/error.h"

#define PROMPT "(qemu) "

struct HmpSession {
    Readline *readline;
    bool greeted; /* the client has seen the banner */
};

static json_object *call_qmp(void *opaque, const char *command,
                             json_object *args, GError **errp)
{
    json_object *ret = qmp_call(opaque, NULL, command, args, errp);

    json_object_put(args);
    return ret;
}

char *hmp_execute(Machine *m, const char *line, const GPtrArray *history)
{
    HmpContext ctx = { call_qmp, m, history };
    GString *out = g_string_new(NULL);

    hmp_run(&ctx, line, out);
    return g_string_free(out, FALSE);
}

/* --- output --- */

static void print(void *opaque, const char *text, size_t len)
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
    readline_show_prompt(mon->hmp->readline);
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
                       readline_history(mon->hmp->readline));
    print_lines(mon, text);
    readline_show_prompt(mon->hmp->readline);
}

static char **complete(void *opaque, const char *line)
{
    Monitor *mon = opaque;
    HmpContext ctx = { call_qmp, mon->machine, NULL };

    return hmp_complete(&ctx, line);
}

static const ReadlineOps readline_ops = {
    .print = print,
    .line = line_entered,
    .complete = complete,
};

/* --- session --- */

void hmp_session_focus(Monitor *mon)
{
    if (mon->hmp->greeted) {
        print_lines(mon, "\n");
    } else {
        print_lines(mon, "QEMU " QEMU_VERSION " monitor - type 'help' for more "
                         "information\n");
        mon->hmp->greeted = true;
    }
    if (!mon->job) {
        readline_show_prompt(mon->hmp->readline);
    }
}

void hmp_session_open(Monitor *mon)
{
    mon->hmp->greeted = false;
    readline_restart(mon->hmp->readline);
    if (!mon->chr || chardev_has_focus(mon->chr, mon)) {
        hmp_session_focus(mon);
    }
}

size_t hmp_session_input(Monitor *mon, const char *data, size_t len)
{
    size_t n = MIN(len, readline_can_feed(mon->hmp->readline));

    readline_feed(mon->hmp->readline, data, n);
    return n;
}

void hmp_session_new(Monitor *mon)
{
    mon->hmp = g_new0(HmpSession, 1);
    mon->hmp->readline = readline_new(&readline_ops, mon, PROMPT);
}

void hmp_session_free(Monitor *mon)
{
    if (mon->hmp) {
        readline_free(mon->hmp->readline);
        g_clear_pointer(&mon->hmp, g_free);
    }
}
