/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/event.h"
#include "system/machine.h"
#include "util/log.h"

void event_add_listener(Machine *m, EventListener *l)
{
    g_ptr_array_add(m->event_listeners, l);
}

void event_del_listener(Machine *m, EventListener *l)
{
    g_ptr_array_remove(m->event_listeners, l);
}

/* One kind of event that was emitted less than EVENT_INTERVAL_MS ago. */
typedef struct EventLimit {
    Machine *machine;
    char *name, *source; /* owned */
    bool pending;        /* another has come since: */
    json_object *data;   /* owned; may be NULL */
    GSource *timer;      /* owned */
} EventLimit;

static void tell_listeners(Machine *m, const char *name, json_object *data)
{
    trace(event_emit, "%s %s", name,
          data ? json_object_to_json_string(data) : "");
    for (unsigned i = 0; i < m->event_listeners->len; i++) {
        EventListener *l = g_ptr_array_index(m->event_listeners, i);

        l->event(l->opaque, name, data);
    }
    json_object_put(data);
}

static void tell_pending(EventLimit *e)
{
    if (e->pending) {
        e->pending = false;
        tell_listeners(e->machine, e->name, g_steal_pointer(&e->data));
    }
}

void event_emit(Machine *m, const char *name, json_object *data)
{
    for (GSList *l = m->event_limits; l; l = l->next) {
        tell_pending(l->data);
    }
    tell_listeners(m, name, data);
}

static void limit_free(EventLimit *e)
{
    e->machine->event_limits = g_slist_remove(e->machine->event_limits, e);
    machine_unwatch(&e->timer);
    json_object_put(e->data);
    g_free(e->name);
    g_free(e->source);
    g_free(e);
}

static gboolean interval_over(gpointer opaque)
{
    EventLimit *e = opaque;

    if (!e->pending) {
        limit_free(e);
        return G_SOURCE_REMOVE;
    }
    tell_pending(e);
    return G_SOURCE_CONTINUE;
}

static EventLimit *find_limit(const Machine *m, const char *name,
                              const char *source)
{
    for (GSList *l = m->event_limits; l; l = l->next) {
        EventLimit *e = l->data;

        if (g_str_equal(e->name, name) && g_str_equal(e->source, source)) {
            return e;
        }
    }
    return NULL;
}

void event_emit_limited(Machine *m, const char *name, const char *source,
                        json_object *data)
{
    EventLimit *e = find_limit(m, name, source);

    if (e) {
        json_object_put(e->data);
        e->data = data;
        e->pending = true;
        return;
    }
    e = g_new(EventLimit, 1);
    *e = (EventLimit){
        .machine = m,
        .name = g_strdup(name),
        .source = g_strdup(source),
        .timer = g_timeout_source_new(EVENT_INTERVAL_MS),
    };
    g_source_set_callback(e->timer, interval_over, e, NULL);
    g_source_attach(e->timer, m->context);
    m->event_limits = g_slist_prepend(m->event_limits, e);
    tell_listeners(m, name, data);
}

void events_finish(Machine *m)
{
    while (m->event_limits) {
        limit_free(m->event_limits->data);
    }
}
