/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schema of QMP as tables, which qapi/gen.py makes of the files beside it: the one
 * source of what a command takes and answers. Constant data; no lock.
 */
#ifndef QAPI_SCHEMA_H
#define QAPI_SCHEMA_H

#include <json-c/json.h>

typedef struct QapiType QapiType;

typedef struct QapiMember {
    const char *name;
    const QapiType *type;
    bool optional;
} QapiMember;

typedef enum QapiKind {
    QAPI_BUILTIN,
    QAPI_ENUM,
    QAPI_ARRAY,
    QAPI_OBJECT,
    QAPI_ALTERNATE,
} QapiKind;

struct QapiType {
    const char *name; /* NULL ends the table */
    QapiKind kind;
    const char *json_type;               /* builtin: "string", "int" ... */
    const char *const *values;           /* enum; NULL at the end */
    const QapiType *element;             /* array */
    const QapiMember *members;           /* object */
    unsigned n_members;                  /* object */
    bool open;                           /* object: further members too */
    const QapiType *const *alternatives; /* alternate; NULL at the end */
};

typedef struct QapiCommand {
    const char *name;            /* NULL ends the table */
    const QapiType *arg;         /* NULL: takes no arguments */
    const QapiType *ret;         /* NULL: answers an empty object */
    bool blocks;                 /* may wait for the host's kernel */
    const char *const *features; /* NULL: none; NULL at the end */
} QapiCommand;

typedef struct QapiEvent {
    const char *name;     /* NULL ends the table */
    const QapiType *data; /* NULL: no data */
} QapiEvent;

extern const QapiType qapi_types[];
extern const QapiCommand qapi_commands[]; /* in alphabetical order */
extern const QapiEvent qapi_events[];     /* likewise */

/* NULL if there is none. */
const QapiCommand *qapi_find_command(const char *name);

/* Checks the arguments of a command (an object, or NULL for none) against its
 * schema: names, presence, types, ranges of numbers, words of enumerations. The
 * message is QEMU's. */
bool qapi_check_arguments(const QapiCommand *cmd, json_object *args,
                          GError **errp);

/* Checks any value against @type; @name is what the message calls it. Also what
 * tests hold replies and events against. */
bool qapi_check(const QapiType *type, const char *name, json_object *value,
                GError **errp);

/* The answer to query-qmp-schema: a new array. */
json_object *qapi_introspect(void);

#endif
