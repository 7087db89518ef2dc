/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main loop of a machine: glib's, with the machine lock released while it
 * polls. */
#include "system/machine.h"

#include <glib-unix.h>

#define POLL_FDS_MAX 1024

static bool iterate(Machine *m, GPollFD *fds)
{
    int timeout_ms, max_priority, n;

    g_main_context_prepare(m->context, &max_priority);
    n = g_main_context_query(m->context, max_priority, &timeout_ms, fds,
                             POLL_FDS_MAX);
    assert(n <= POLL_FDS_MAX);
    machine_unlock(m);
    g_poll(fds, (guint)n, timeout_ms);
    machine_lock(m);
    if (g_main_context_check(m->context, max_priority, fds, n)) {
        g_main_context_dispatch(m->context);
    }
    return !m->quitting;
}

void machine_run_main_loop(Machine *m)
{
    g_autofree GPollFD *fds = g_new(GPollFD, POLL_FDS_MAX);

    machine_lock(m);
    g_main_context_acquire(m->context);
    while (iterate(m, fds)) {
    }
    g_main_context_release(m->context);
    machine_unlock(m);
}

void machine_quit(Machine *m)
{
    m->quitting = true;
    g_main_context_wakeup(m->context);
}

typedef struct FdWatch {
    FdHandler *handler;
    void *opaque;
    GSource *source; /* borrowed */
} FdWatch;

static gboolean fd_watch_dispatch(gint fd, GIOCondition condition,
                                  gpointer data)
{
    FdWatch *w = data;

    /* Another thread may have taken the watch away after the poll. */
    if (g_source_is_destroyed(w->source)) {
        return G_SOURCE_REMOVE;
    }
    return w->handler(w->opaque, condition);
}

GSource *machine_watch_fd(Machine *m, int fd, GIOCondition condition,
                          FdHandler *handler, void *opaque)
{
    FdWatch *w = g_new(FdWatch, 1);

    *w = (FdWatch){
        .handler = handler,
        .opaque = opaque,
        .source = g_unix_fd_source_new(fd, condition),
    };
    g_source_set_callback(w->source, G_SOURCE_FUNC(fd_watch_dispatch), w,
                          g_free);
    g_source_attach(w->source, m->context);
    return w->source;
}

void machine_unwatch(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}
