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

void event_emit(Machine *m, const char *name, json_object *data)
{
    trace(event_emit, "%s %s", name,
          data ? json_object_to_json_string(data) : "");
    for (unsigned i = 0; i < m->event_listeners->len; i++) {
        EventListener *l = g_ptr_array_index(m->event_listeners, i);

        l->event(l->opaque, name, data);
    }
    json_object_put(data);
}
