/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qapi/schema.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

const QapiCommand *qapi_find_command(const char *name)
{
    for (const QapiCommand *c = qapi_commands; c->name; c++) {
        if (g_str_equal(c->name, name)) {
            return c;
        }
    }
    return NULL;
}

/* --- checking --- */

static bool wrong_type(const char *name, const char *expected, GError **errp)
{
    error_setg(errp, "Invalid parameter type for '%s', expected: %s", name,
               expected);
    return false;
}

/* Bits of an integer type: 8 of "uint8"; 64 unless the name says less. */
static unsigned int_bits(const char *type_name)
{
    unsigned bits = (unsigned)strtoul(
        type_name + strcspn(type_name, "0123456789"), NULL, 10);

    return bits ? bits : 64;
}

/* json-c stores a number beyond int64_t's as uint64_t's, and one beyond that
 * as its limit. */
static bool check_int(const char *type_name, const char *name,
                      json_object *value, GError **errp)
{
    bool is_unsigned = type_name[0] == 'u' || g_str_equal(type_name, "size");
    unsigned bits = int_bits(type_name);
    uint64_t max = UINT64_MAX >> (64 - bits + !is_unsigned);
    int64_t v;

    if (!json_object_is_type(value, json_type_int)) {
        return wrong_type(name, "integer", errp);
    }
    v = json_object_get_int64(value);
    if (v < 0 ? is_unsigned || v < -(int64_t)max - 1
              : json_object_get_uint64(value) > max) {
        error_setg(errp, "Parameter '%s' expects %s", name, type_name);
        return false;
    }
    return true;
}

static bool check_builtin(const QapiType *type, const char *name,
                          json_object *value, GError **errp)
{
    if (g_str_equal(type->json_type, "value")) {
        return true;
    }
    if (g_str_equal(type->json_type, "string")) {
        return json_object_is_type(value, json_type_string) ||
               wrong_type(name, "string", errp);
    }
    if (g_str_equal(type->json_type, "boolean")) {
        return json_object_is_type(value, json_type_boolean) ||
               wrong_type(name, "boolean", errp);
    }
    if (g_str_equal(type->json_type, "number")) {
        return json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_double) ||
               wrong_type(name, "number", errp);
    }
    return check_int(type->name, name, value, errp);
}

static bool check_enum(const QapiType *type, const char *name,
                       json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);

    if (!json_object_is_type(value, json_type_string)) {
        return wrong_type(name, "string", errp);
    }
    if (!g_strv_contains(type->values, text)) {
        error_setg(errp, "Parameter '%s' does not accept value '%s'", name,
                   text);
        return false;
    }
    return true;
}

static bool check_array(const QapiType *type, const char *name,
                        json_object *value, GError **errp)
{
    if (!json_object_is_type(value, json_type_array)) {
        return wrong_type(name, "array", errp);
    }
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        g_autofree char *item = g_strdup_printf("%s[%zu]", name, i);

        if (!qapi_check(type->element, item,
                        json_object_array_get_idx(value, i), errp)) {
            return false;
        }
    }
    return true;
}

static const QapiMember *find_member(const QapiType *type, const char *name)
{
    for (unsigned i = 0; i < type->n_members; i++) {
        if (g_str_equal(type->members[i].name, name)) {
            return &type->members[i];
        }
    }
    return NULL;
}

static char *member_name(const char *name, const char *member)
{
    return name ? g_strdup_printf("%s.%s", name, member) : g_strdup(member);
}

/* @name is NULL for the arguments themselves. */
static bool check_members(const QapiType *type, const char *name,
                          json_object *value, GError **errp)
{
    for (unsigned i = 0; i < type->n_members; i++) {
        const QapiMember *m = &type->members[i];
        g_autofree char *full = member_name(name, m->name);
        json_object *v;

        if (json_object_object_get_ex(value, m->name, &v)) {
            if (!qapi_check(m->type, full, v, errp)) {
                return false;
            }
        } else if (!m->optional) {
            error_setg(errp, "Parameter '%s' is missing", full);
            return false;
        }
    }
    json_object_object_foreach(value, key, unused)
    {
        (void)unused;
        if (!type->open && !find_member(type, key)) {
            g_autofree char *full = member_name(name, key);

            error_setg(errp, "Parameter '%s' is unexpected", full);
            return false;
        }
    }
    return true;
}

static bool check_alternate(const QapiType *type, const char *name,
                            json_object *value, GError **errp)
{
    for (unsigned i = 0; type->alternatives[i]; i++) {
        if (qapi_check(type->alternatives[i], name, value, NULL)) {
            return true;
        }
    }
    return wrong_type(name, type->name, errp);
}

bool qapi_check(const QapiType *type, const char *name, json_object *value,
                GError **errp)
{
    switch (type->kind) {
    case QAPI_BUILTIN:
        return check_builtin(type, name, value, errp);
    case QAPI_ENUM:
        return check_enum(type, name, value, errp);
    case QAPI_ARRAY:
        return check_array(type, name, value, errp);
    case QAPI_ALTERNATE:
        return check_alternate(type, name, value, errp);
    case QAPI_OBJECT:
        if (!json_object_is_type(value, json_type_object)) {
            return wrong_type(name, "object", errp);
        }
        return check_members(type, name, value, errp);
    }
    g_assert_not_reached();
}

bool qapi_check_arguments(const QapiCommand *cmd, json_object *args,
                          GError **errp)
{
    static const QapiType none = { .name = "none", .kind = QAPI_OBJECT };
    auto_json *empty = args ? NULL : json_object_new_object();

    return check_members(cmd->arg ? cmd->arg : &none, NULL, args ? args : empty,
                         errp);
}

/* --- query-qmp-schema --- */

static json_object *new_entity(json_object *list, const char *name,
                               const char *meta_type)
{
    json_object *e = json_object_new_object();

    json_add_string(e, "name", name);
    json_add_string(e, "meta-type", meta_type);
    json_object_array_add(list, e);
    return e;
}

static json_object *string_list(const char *const *words)
{
    json_object *list = json_object_new_array();

    for (; words && *words; words++) {
        json_object_array_add(list, json_object_new_string(*words));
    }
    return list;
}

static void add_enum(json_object *e, const QapiType *type)
{
    json_object *members = json_object_new_array();

    for (const char *const *v = type->values; *v; v++) {
        json_object *member = json_object_new_object();

        json_add_string(member, "name", *v);
        json_object_array_add(members, member);
    }
    json_add(e, "members", members);
    json_add(e, "values", string_list(type->values));
}

static void add_object(json_object *e, const QapiType *type)
{
    json_object *members = json_object_new_array();

    for (unsigned i = 0; i < type->n_members; i++) {
        const QapiMember *m = &type->members[i];
        json_object *member = json_object_new_object();

        json_add_string(member, "name", m->name);
        json_add_string(member, "type", m->type->name);
        if (m->optional) {
            json_add(member, "default", NULL);
        }
        json_object_array_add(members, member);
    }
    json_add(e, "members", members);
}

static void add_alternate(json_object *e, const QapiType *type)
{
    json_object *members = json_object_new_array();

    for (unsigned i = 0; type->alternatives[i]; i++) {
        json_object *member = json_object_new_object();

        json_add_string(member, "type", type->alternatives[i]->name);
        json_object_array_add(members, member);
    }
    json_add(e, "members", members);
}

static void add_type(json_object *list, const QapiType *type)
{
    static const char *const meta[] = {
        [QAPI_BUILTIN] = "builtin",     [QAPI_ENUM] = "enum",
        [QAPI_ARRAY] = "array",         [QAPI_OBJECT] = "object",
        [QAPI_ALTERNATE] = "alternate",
    };
    json_object *e = new_entity(list, type->name, meta[type->kind]);

    switch (type->kind) {
    case QAPI_BUILTIN:
        json_add_string(e, "json-type", type->json_type);
        break;
    case QAPI_ENUM:
        add_enum(e, type);
        break;
    case QAPI_ARRAY:
        json_add_string(e, "element-type", type->element->name);
        break;
    case QAPI_OBJECT:
        add_object(e, type);
        break;
    case QAPI_ALTERNATE:
        add_alternate(e, type);
        break;
    }
}

/* What a command without arguments or answer, and an event without data, name
 * in their place: an object without members. */
#define EMPTY_TYPE "q_empty"

static const char *type_name(const QapiType *type)
{
    return type ? type->name : EMPTY_TYPE;
}

json_object *qapi_introspect(void)
{
    json_object *list = json_object_new_array();
    json_object *e;

    for (const QapiCommand *c = qapi_commands; c->name; c++) {
        e = new_entity(list, c->name, "command");
        json_add_string(e, "arg-type", type_name(c->arg));
        json_add_string(e, "ret-type", type_name(c->ret));
        if (c->features) {
            json_add(e, "features", string_list(c->features));
        }
    }
    for (const QapiEvent *ev = qapi_events; ev->name; ev++) {
        e = new_entity(list, ev->name, "event");
        json_add_string(e, "arg-type", type_name(ev->data));
    }
    e = new_entity(list, EMPTY_TYPE, "object");
    json_add(e, "members", json_object_new_array());
    for (const QapiType *t = qapi_types; t->name; t++) {
        add_type(list, t);
    }
    return list;
}
