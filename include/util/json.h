/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short forms for building JSON objects with json-c. */
#ifndef UTIL_JSON_H
#define UTIL_JSON_H

#include <json-c/json.h>

/* Each adds member @key to @dict. */
static inline void json_add(json_object *dict, const char *key,
                            json_object *value) /* takes over @value */
{
    json_object_object_add(dict, key, value);
}

static inline void json_add_string(json_object *dict, const char *key,
                                   const char *value)
{
    json_add(dict, key, json_object_new_string(value));
}

static inline void json_add_int(json_object *dict, const char *key,
                                int64_t value)
{
    json_add(dict, key, json_object_new_int64(value));
}

static inline void json_add_uint(json_object *dict, const char *key,
                                 uint64_t value)
{
    json_add(dict, key, json_object_new_uint64(value));
}

static inline void json_add_bool(json_object *dict, const char *key, bool value)
{
    json_add(dict, key, json_object_new_boolean(value));
}

/* The member @key, borrowed, or NULL. @dict may be NULL, as in what follows. */
static inline json_object *json_get(json_object *dict, const char *key)
{
    json_object *value = NULL;

    json_object_object_get_ex(dict, key, &value);
    return value;
}

/* The member @key as a boolean, or @def if it is absent. */
static inline bool json_get_bool(json_object *dict, const char *key, bool def)
{
    json_object *value = json_get(dict, key);

    return value ? json_object_get_boolean(value) : def;
}

#endif
