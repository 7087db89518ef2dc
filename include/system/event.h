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

#endif
