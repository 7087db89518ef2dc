/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/keyval.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"

json_object *json_parse(const char *text, GError **errp)
{
    json_tokener *tok;
    json_object *obj = NULL;
    size_t len = strlen(text);
    enum json_tokener_error err;

    if (len > KEYVAL_LENGTH_MAX) {
        error_setg(errp, "JSON text of %zu bytes is longer than %d", len,
                   KEYVAL_LENGTH_MAX);
        return NULL;
    }
    tok = json_tokener_new_ex(JSON_DEPTH_MAX);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    obj = json_tokener_parse_ex(tok, text, (int)len + 1);
    err = json_tokener_get_error(tok);
    if (err != json_tokener_success) {
        error_setg(errp, "invalid JSON at byte %zu: %s",
                   json_tokener_get_parse_end(tok),
                   json_tokener_error_desc(err));
    } else if (!json_object_is_type(obj, json_type_object)) {
        error_setg(errp, "invalid JSON: an object {...} is expected");
        json_object_put(obj);
        obj = NULL;
    }
    json_tokener_free(tok);
    return obj;
}

/* Takes one item off *@p, up to a single comma; ",," becomes ",". Returns the
 * item, which the caller frees, and leaves *@p behind the comma, or NULL after
 * the last item. */
static char *next_item(const char **p)
{
    GString *item = g_string_new(NULL);
    const char *s = *p;

    while (*s) {
        if (*s == ',') {
            if (s[1] != ',') {
                break;
            }
            s++;
        }
        g_string_append_c(item, *s++);
    }
    *p = *s ? s + 1 : NULL;
    return g_string_free(item, FALSE);
}

/* As in QEMU, of a key given twice the last counts; @repeated, which may be
 * NULL, has all of them. */
static void add_value(json_object *dict, const char *key, const char *value,
                      const char *repeated)
{
    json_object *string = json_object_new_string(value);
    json_object *array;

    if (g_strcmp0(key, repeated)) {
        json_object_object_add(dict, key, string);
        return;
    }
    array = json_get(dict, key);
    if (!array) {
        array = json_object_new_array();
        json_object_object_add(dict, key, array);
    }
    json_object_array_add(array, string);
}

static bool add_item(json_object *dict, const char *item, bool first,
                     const char *implied_key, const char *repeated,
                     GError **errp)
{
    const char *eq = strchr(item, '=');
    g_autofree char *key = NULL;
    const char *value;

    if (eq) {
        key = g_strndup(item, (size_t)(eq - item));
        value = eq + 1;
    } else if (first && implied_key) {
        key = g_strdup(implied_key);
        value = item;
    } else {
        bool off = g_str_has_prefix(item, "no") && item[2];

        key = g_strdup(off ? item + 2 : item);
        value = off ? "off" : "on";
    }
    /* No option's name has a comma; after an empty value it could not be told
     * from one of the value's. */
    if (!*key || strchr(key, ',')) {
        error_setg(errp, "expected KEY=VALUE, got '%s'", item);
        return false;
    }
    if (json_object_object_length(dict) >= KEYVAL_KEYS_MAX) {
        error_setg(errp, "more than %d keys", KEYVAL_KEYS_MAX);
        return false;
    }
    add_value(dict, key, value, repeated);
    return true;
}

json_object *keyval_parse(const char *arg, const char *implied_key,
                          GError **errp)
{
    return keyval_parse_repeated(arg, implied_key, NULL, errp);
}

json_object *keyval_parse_repeated(const char *arg, const char *implied_key,
                                   const char *repeated, GError **errp)
{
    json_object *dict;
    bool first = true;

    if (arg[0] == '{') {
        return json_parse(arg, errp);
    }
    if (strlen(arg) > KEYVAL_LENGTH_MAX) {
        error_setg(errp, "argument is longer than %d bytes", KEYVAL_LENGTH_MAX);
        return NULL;
    }
    dict = json_object_new_object();
    for (const char *p = arg; p && (*p || first); first = false) {
        g_autofree char *item = next_item(&p);

        if (!add_item(dict, item, first, implied_key, repeated, errp)) {
            json_object_put(dict);
            return NULL;
        }
    }
    return dict;
}

const char *keyval_get(json_object *dict, const char *key)
{
    return json_object_get_string(json_get(dict, key));
}

bool keyval_check_keys(json_object *dict, const char *what,
                       const char *const *keys, GError **errp)
{
    json_object_object_foreach(dict, key, value)
    {
        NearName near;

        (void)value;
        if (g_strv_contains(keys, key)) {
            continue;
        }
        near = near_name_of(key, keys);
        error_setg_near(errp, &near, "", "%s: unknown parameter '%s'", what,
                        key);
        return false;
    }
    return true;
}
