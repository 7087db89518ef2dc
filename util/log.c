/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/log.h"
#include "util/error.h"
#include "util/message.h"

#include <fcntl.h>

/* Trace switches, the one kind of state that is not in the machine: a trace
 * point must cost nothing while it is off and be usable before there is a
 * machine. Written while starting up or under a monitor's command. */
bool trace_enabled[TRACE_EVENTS_COUNT];
static unsigned log_items;
static int guest_lines; /* atomic */

static const char *const trace_names[] = {
#define TRACE_EVENT(name) #name,
#include "util/trace-events.h"
#undef TRACE_EVENT
};

static const struct {
    const char *name;
    unsigned item;
    const char *summary;
} items[] = {
    { "guest_errors", LOG_GUEST_ERROR, "the guest broke a rule" },
    { "unimp", LOG_UNIMP, "the guest asked for what is not implemented" },
};

static void write_line(const char *prefix, const char *fmt, va_list ap)
    G_GNUC_PRINTF(2, 0);

static void write_line(const char *prefix, const char *fmt, va_list ap)
{
    char line[512];
    int head = snprintf(line, sizeof(line), "%s%s", prefix, *prefix ? " " : "");
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, ap);
    size_t len = MIN((size_t)(head + body), sizeof(line) - 2);

    line[len++] = '\n';
    message_write(MESSAGE_LOG, line, len);
}

void trace_write(TraceEvent event, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    write_line(trace_names[event], fmt, ap);
    va_end(ap);
}

void log_item(LogItem item, const char *fmt, ...)
{
    va_list ap;

    if (!(log_items & item) ||
        g_atomic_int_add(&guest_lines, 1) >= LOG_GUEST_LINES_MAX) {
        return;
    }
    va_start(ap, fmt);
    write_line("", fmt, ap);
    va_end(ap);
}

const char *trace_event_name(TraceEvent event)
{
    return trace_names[event];
}

unsigned trace_set_enabled(const char *pattern, bool enabled)
{
    unsigned n = 0;

    for (unsigned i = 0; i < TRACE_EVENTS_COUNT; i++) {
        if (g_pattern_match_simple(pattern, trace_names[i])) {
            __atomic_store_n(&trace_enabled[i], enabled, __ATOMIC_RELAXED);
            n++;
        }
    }
    return n;
}

static bool set_item(const char *name, GError **errp)
{
    if (g_str_has_prefix(name, "trace:")) {
        if (!trace_set_enabled(name + strlen("trace:"), true)) {
            error_setg(errp, "-d %s: no trace event matches; see -trace help",
                       name);
            return false;
        }
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++) {
        if (g_str_equal(name, items[i].name)) {
            log_items |= items[i].item;
            return true;
        }
    }
    error_setg(errp, "-d: unknown log item '%s'; see -d help", name);
    return false;
}

bool log_set_items(const char *list, GError **errp)
{
    g_auto(GStrv) names = g_strsplit(list, ",", 0);

    for (char **name = names; *name; name++) {
        if (!set_item(*name, errp)) {
            return false;
        }
    }
    return true;
}

bool log_set_file(const char *path, GError **errp)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                  0644);

    if (fd < 0) {
        error_setg_errno(errp, errno, "cannot open log file '%s'", path);
        return false;
    }
    message_log_to(fd);
    return true;
}

void log_print_items(FILE *f)
{
    fprintf(f, "Log items (comma separated):\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++) {
        fprintf(f, "%-16s %s\n", items[i].name, items[i].summary);
    }
    fprintf(f, "%-16s %s\n", "trace:PATTERN", "trace events; see -trace help");
}

void trace_print_events(FILE *f)
{
    for (unsigned i = 0; i < TRACE_EVENTS_COUNT; i++) {
        fprintf(f, "%s\n", trace_names[i]);
    }
}
