/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "a,b=c,d=e" and '{"a": 1}' become the same dictionary, a json-c object, so
 * that what configures a device is data before it is behaviour. Values of the
 * key=value form are strings; the reader converts them.
 */
#ifndef UTIL_KEYVAL_H
#define UTIL_KEYVAL_H

#include <json-c/json.h>

#define KEYVAL_LENGTH_MAX 65536 /* bytes of one argument */
#define KEYVAL_KEYS_MAX   256   /* keys of one dictionary */
#define JSON_DEPTH_MAX    32    /* nesting of one JSON argument */

/*
 * Parses the argument of an option. ",," is a literal comma. The first item
 * may leave out "KEY=" if @implied_key is not NULL. Any other item without "="
 * is a switch: "x" means x=on, "nox" x=off. A key has no comma.
 * If @arg begins with "{" it is parsed as JSON instead.
 * Returns a dictionary that the caller puts (json_object_put), or NULL.
 */
json_object *keyval_parse(const char *arg, const char *implied_key,
                          GError **errp);

/* The same, but that the key @repeated, if it is there, has an array of all values
 * it was given. */
json_object *keyval_parse_repeated(const char *arg, const char *implied_key,
                                   const char *repeated, GError **errp);

/* One JSON text, whole. Returns an object that the caller puts, or NULL. */
json_object *json_parse(const char *text, GError **errp);

/* The string at @key, or NULL if it or @dict is absent. Borrowed. Numbers
 * and booleans answer their text. */
const char *keyval_get(json_object *dict, const char *key);

/* Fails if @dict holds a key that is not in the NULL-terminated @keys; the
 * message names @what and the nearest key. */
bool keyval_check_keys(json_object *dict, const char *what,
                       const char *const *keys, GError **errp);

static inline void json_object_put_p(json_object **obj)
{
    json_object_put(*obj);
}
/* A local json_object reference that its scope puts. */
#define auto_json __attribute__((cleanup(json_object_put_p))) json_object

#endif
