/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties: a table per device type says which keys of -device there are,
 * where in the instance each value goes, and what is a legal value. Values are
 * checked and stored once, before realize; from then on the fields that the
 * table names are read-only.
 */
#ifndef HW_CORE_PROPERTY_H
#define HW_CORE_PROPERTY_H

#include <json-c/json.h>

typedef enum PropertyKind {
    PROPERTY_BOOL,     /* bool */
    PROPERTY_U8,       /* uint8_t */
    PROPERTY_U16,      /* uint16_t */
    PROPERTY_U32,      /* uint32_t */
    PROPERTY_U64,      /* uint64_t */
    PROPERTY_STRING,   /* char *, owned by the instance, NULL when not given */
    PROPERTY_BIT64,    /* bit number .bit of a uint64_t */
    PROPERTY_AUTO32,   /* uint32_t, or the word "auto" stored as UINT32_MAX */
    PROPERTY_SIZE,     /* uint64_t bytes, with an optional suffix K, M, G, T */
    PROPERTY_LIST,     /* json_object * (an array), owned by the instance, NULL
                        * when not given; its items are the device's to check */
    PROPERTY_PCI_ADDR, /* int32_t devfn from "SLOT[.FN]" in hex, or a number;
                        * -1 when not given */
    PROPERTY_INDEX,    /* int32_t from 0 on; -1, which may be given, is none */
} PropertyKind;

#define PROPERTY_AUTO UINT32_MAX /* what "auto" of PROPERTY_AUTO32 stores */

typedef struct Property {
    const char *name; /* NULL ends the table */
    PropertyKind kind;
    size_t offset; /* of the field in the instance */
    uint8_t bit;   /* PROPERTY_BIT64 */
    bool required; /* a number's .min is above .def then */
    uint64_t def;  /* default; for AUTO32 PROPERTY_AUTO is auto */
    uint64_t min;  /* numbers: the least legal value */
    uint64_t max;  /* numbers: the greatest; 0 is the type's greatest */
    const char *const *words; /* strings: the legal values; NULL: any */
    const char *summary;      /* one line for -device TYPE,help */
} Property;

/* Rows of a property table. What varies beyond these comes as designated
 * initialisers: .def, .min, .max, .required, .summary. */
#define PROP(_kind, _name, _type, _field, ...)                           \
    {                                                                    \
        .name = _name, .kind = _kind, .offset = offsetof(_type, _field), \
        __VA_ARGS__                                                      \
    }
#define PROP_BOOL(...)     PROP(PROPERTY_BOOL, __VA_ARGS__)
#define PROP_U8(...)       PROP(PROPERTY_U8, __VA_ARGS__)
#define PROP_U16(...)      PROP(PROPERTY_U16, __VA_ARGS__)
#define PROP_U32(...)      PROP(PROPERTY_U32, __VA_ARGS__)
#define PROP_U64(...)      PROP(PROPERTY_U64, __VA_ARGS__)
#define PROP_STRING(...)   PROP(PROPERTY_STRING, __VA_ARGS__)
#define PROP_BIT64(...)    PROP(PROPERTY_BIT64, __VA_ARGS__)
#define PROP_AUTO32(...)   PROP(PROPERTY_AUTO32, __VA_ARGS__)
#define PROP_SIZE(...)     PROP(PROPERTY_SIZE, __VA_ARGS__)
#define PROP_LIST(...)     PROP(PROPERTY_LIST, __VA_ARGS__)
#define PROP_PCI_ADDR(...) PROP(PROPERTY_PCI_ADDR, __VA_ARGS__)
#define PROP_INDEX(...)    PROP(PROPERTY_INDEX, __VA_ARGS__)

/* Stores every default of @props in @instance. */
void property_set_defaults(const Property *props, void *instance);

/* Frees what the strings and lists of @props own. */
void property_finish(const Property *props, void *instance);

/* The row called @name, or NULL. @props may be NULL. */
const Property *property_find(const Property *props, const char *name);

/* Checks @value (a string of the key=value form or a typed JSON value) against
 * @prop and stores it in @instance. @owner is the device type's name for the
 * message. */
bool property_set(const Property *prop, void *instance, const char *owner,
                  json_object *value, GError **errp);

/* The value as text, in the form property_set() takes; the caller frees it. */
char *property_get(const Property *prop, const void *instance);

/* The type as QEMU names it in help: "bool", "uint32", "str" ... */
const char *property_type_name(const Property *prop);

#endif
