/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main loop of a machine: glib's, with the machine lock released while it
 * polls; and its other threads. */
#include "system/machine.h"
#include "util/error.h"

#include <glib-unix.h>

/* One turn of the loop. @fds is room for what is polled and grows with it: a
 * guest without MSI-X has a watch for each virtqueue. */
static bool loop_iterate(Machine *m, GArray *fds)
{
    int timeout_ms, max_priority, n;

    g_main_context_prepare(m->context, &max_priority);
    while ((n = g_main_context_query(m->context, max_priority, &timeout_ms,
                                     (GPollFD *)(void *)fds->data,
                                     (int)fds->len)) > (int)fds->len) {
        g_array_set_size(fds, (guint)n);
    }
    machine_unlock(m);
    g_poll((GPollFD *)(void *)fds->data, (guint)n, timeout_ms);
    machine_lock(m);
    if (g_main_context_check(m->context, max_priority,
                             (GPollFD *)(void *)fds->data, n)) {
        g_main_context_dispatch(m->context);
    }
    return !m->quitting;
}

void machine_run_main_loop(Machine *m)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, TRUE, sizeof(GPollFD));

    machine_lock(m);
    g_main_context_acquire(m->context);
    while (loop_iterate(m, fds)) {
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

GThread *machine_thread_new(const char *name, GThreadFunc func, gpointer data,
                            GError **errp)
{
    g_autoptr(GError) err = NULL;
    GThread *thread = g_thread_try_new(name, func, data, &err);

    if (!thread) {
        error_setg(errp,
                   "cannot create thread '%s' (%s): raise the thread limits "
                   "(ulimit -u, pids.max of the cgroup)",
                   name, err->message);
    }
    return thread;
}
