/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events: what happens in a machine that somebody outside may want to know, in
 * QMP's words ("STOP", "DEVICE_DELETED"). Any part of the machine emits them;
 * listeners (the monitors) pass them on. Nothing in the machine depends on
 * whether anybody listens. All functions need the machine lock.
 */
#ifndef SYSTEM_EVENT_H
#define SYSTEM_EVENT_H

#include <json-c/json.h>

typedef struct Machine Machine;

typedef struct EventListener {
    /* @data is borrowed, and NULL for an event without data. */
    void (*event)(void *opaque, const char *name, json_object *data);
    void *opaque;
} EventListener;

/* @l is borrowed until event_del_listener(). */
void event_add_listener(Machine *machine, EventListener *l);
void event_del_listener(Machine *machine, EventListener *l);

/* Tells every listener. Takes over @data, which may be NULL; its members are
 * those that the schema (qapi/) names for the event. */
void event_emit(Machine *machine, const char *name, json_object *data);

/* The same for what a guest can cause as often as it likes: at most one event
 * of @name and @source (a device's id or path, "" for the machine) in
 * EVENT_INTERVAL_MS. Of those that come meanwhile the last one is emitted when
 * that time is over, or before the next event without such a limit. */
#define EVENT_INTERVAL_MS 1000
void event_emit_limited(Machine *machine, const char *name, const char *source,
                        json_object *data);

/* Frees what is kept for event_emit_limited(). */
void events_finish(Machine *machine);

#endif
