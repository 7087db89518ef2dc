/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log (stderr or the file of -D) and its trace points.
 *
 * A trace point is one row of util/trace-events.h and one call
 *
 *     trace(vhost_set_owner, "fd=%d ret=%d", fd, ret);
 *
 * which costs a load and a branch while it is off. -trace PATTERN and
 * -d trace:PATTERN switch points on by shell pattern. Points are named after
 * the function, the object comes first, numbers in hex carry 0x.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

typedef enum TraceEvent {
#define TRACE_EVENT(name) TRACE_##name,
#include "util/trace-events.h"
#undef TRACE_EVENT
    TRACE_EVENTS_COUNT
} TraceEvent;

/* What -d accepts besides trace:PATTERN. */
typedef enum LogItem {
    LOG_GUEST_ERROR = 1 << 0, /* guest_errors: the guest broke a rule */
    LOG_UNIMP = 1 << 1,       /* unimp: the guest asked for what we lack */
} LogItem;

/* Read-only outside log.c: which trace points are on. */
extern bool trace_enabled[TRACE_EVENTS_COUNT];

/* Monitors switch points while other threads pass them. */
static inline bool trace_is_enabled(TraceEvent event)
{
    return __atomic_load_n(&trace_enabled[event], __ATOMIC_RELAXED);
}

#define trace(event, ...)                            \
    do {                                             \
        if (trace_is_enabled(TRACE_##event)) {       \
            trace_write(TRACE_##event, __VA_ARGS__); \
        }                                            \
    } while (0)

/* Writes "NAME message" to the log; use trace(). Any thread. */
void trace_write(TraceEvent event, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Logs one line if @item is on. Any thread. Limited to LOG_GUEST_LINES_MAX
 * lines in all, so that a guest cannot fill the host's disk. */
void log_item(LogItem item, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
#define LOG_GUEST_LINES_MAX 10000

const char *trace_event_name(TraceEvent event);

/* Switches the points that match the shell pattern @pattern; returns how many
 * there are. */
unsigned trace_set_enabled(const char *pattern, bool enabled);

/* Handles one -d argument: a comma-separated list of items. */
bool log_set_items(const char *items, GError **errp);

/* Sends the log to @path from now on (-D). The log owns the file. */
bool log_set_file(const char *path, GError **errp);

/* Prints what -d and -trace accept. */
void log_print_items(FILE *f);
void trace_print_events(FILE *f);

#endif
