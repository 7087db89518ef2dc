/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/user-object.h"
#include "system/machine.h"
#include "system/memory-backend.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

/* --- secret --- */

typedef struct Secret {
    UserObject object;
    char *data, *file, *format, *keyid, *iv; /* owned; data is not looked at */
} Secret;

static const char *const secret_formats[] = { "raw", "base64", NULL };

static const Property secret_props[] = {
    PROP_STRING("data", Secret, data, .summary = "the secret itself"),
    PROP_STRING("file", Secret, file, .summary = "file that holds it"),
    PROP_STRING("format", Secret, format, .words = secret_formats,
                .summary = "raw or base64"),
    PROP_STRING("keyid", Secret, keyid,
                .summary = "id of the secret that encrypts it"),
    PROP_STRING("iv", Secret, iv, .summary = "initialisation vector"),
    { 0 },
};

static bool secret_complete(UserObject *object, GError **errp)
{
    const Secret *s = container_of(object, Secret, object);

    if (!s->data && !s->file) {
        error_setg(errp, "Either 'file' or 'data' must be provided");
        return false;
    }
    if (s->data && s->file) {
        error_setg(errp, "'file' and 'data' are mutually exclusive");
        return false;
    }
    return true;
}

static const UserObjectType secret_type = {
    .name = "secret",
    .summary = "a secret; accepted, nothing uses it",
    .size = sizeof(Secret),
    .props = secret_props,
    .complete = secret_complete,
};

/* --- sources of random bytes --- */

static const Property rng_random_props[] = {
    PROP_STRING("filename", RngBackend, filename,
                .summary = "character device to read; "
                           "default " RNG_DEFAULT_FILE),
    { 0 },
};

static const Property rng_builtin_props[] = {
    { 0 },
};

static const UserObjectType rng_random_type = {
    .name = "rng-random",
    .summary = "random bytes of a character device, for virtio-rng-pci",
    .size = sizeof(RngBackend),
    .props = rng_random_props,
};

static const UserObjectType rng_builtin_type = {
    .name = "rng-builtin",
    .summary = "random bytes of the host's kernel, for virtio-rng-pci",
    .size = sizeof(RngBackend),
    .props = rng_builtin_props,
};

/* --- all types --- */

const UserObjectType *const user_object_types[] = {
    &memory_backend_file_type,
    &memory_backend_memfd_type,
    &memory_backend_ram_type,
    &rng_builtin_type,
    &rng_random_type,
    &secret_type,
    NULL,
};

static const UserObjectType *find_type(const char *name, GError **errp)
{
    NearName near = { .name = name };

    for (unsigned i = 0; user_object_types[i]; i++) {
        if (g_str_equal(user_object_types[i]->name, name)) {
            return user_object_types[i];
        }
        near_name_try(&near, user_object_types[i]->name);
    }
    error_setg_near(errp, &near, "; see -object help",
                    "Parameter 'qom-type' does not accept value '%s'", name);
    return NULL;
}

/* --- life --- */

static void object_free(UserObject *o)
{
    property_finish(o->type->props, o);
    g_free(o->id);
    g_free(o);
}

static bool unknown_property(const UserObjectType *type, const char *name,
                             GError **errp)
{
    NearName near = { .name = name };

    for (const Property *p = type->props; p->name; p++) {
        near_name_try(&near, p->name);
    }
    error_setg_near(errp, &near, "", "Property '%s.%s' not found", type->name,
                    name);
    return false;
}

static bool configure_object(UserObject *o, json_object *opts, GError **errp)
{
    json_object_object_foreach(opts, key, value)
    {
        const Property *p = property_find(o->type->props, key);

        if (g_str_equal(key, "qom-type") || g_str_equal(key, "id")) {
            continue;
        }
        if (!p) {
            return unknown_property(o->type, key, errp);
        }
        if (!property_set(p, o, o->type->name, value, errp)) {
            return false;
        }
    }
    for (const Property *p = o->type->props; p->name; p++) {
        if (p->required && !json_object_object_get_ex(opts, p->name, NULL)) {
            error_setg(errp, "Parameter '%s' is missing", p->name);
            return false;
        }
    }
    return !o->type->complete || o->type->complete(o, errp);
}

/* A value of @p in JSON as QEMU's schema has it. */
static bool check_json_type(const Property *p, json_object *value,
                            GError **errp)
{
    bool is_number = p->kind != PROPERTY_BOOL && p->kind != PROPERTY_STRING &&
                     p->kind != PROPERTY_LIST;

    if (is_number && !json_object_is_type(value, json_type_int)) {
        error_setg(errp, "Parameter '%s' expects uint64", p->name);
        return false;
    }
    if (p->kind == PROPERTY_BOOL &&
        !json_object_is_type(value, json_type_boolean)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: boolean",
                   p->name);
        return false;
    }
    if (p->kind == PROPERTY_LIST &&
        !json_object_is_type(value, json_type_array)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: array",
                   p->name);
        return false;
    }
    if (p->kind == PROPERTY_STRING &&
        !json_object_is_type(value, json_type_string)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: string",
                   p->name);
        return false;
    }
    return true;
}

bool user_object_check_json(json_object *opts, GError **errp)
{
    const char *name = keyval_get(opts, "qom-type");
    const UserObjectType *type = find_type(name ? name : "", errp);

    if (!type) {
        return false;
    }
    json_object_object_foreach(opts, key, value)
    {
        const Property *p = property_find(type->props, key);

        if (p && !check_json_type(p, value, errp)) {
            return false;
        }
    }
    return true;
}

static bool check_id(Machine *m, const char *id, GError **errp)
{
    if (!id) {
        error_setg(errp, "Parameter 'id' is missing");
        return false;
    }
    if (!id_is_well_formed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
        return false;
    }
    if (user_object_find(m, id)) {
        error_setg(errp, "Duplicate ID '%s' for object", id);
        return false;
    }
    if (m->objects->len >= USER_OBJECTS_MAX) {
        error_setg(errp, "the machine has %d objects already",
                   USER_OBJECTS_MAX);
        return false;
    }
    return true;
}

bool user_object_add(Machine *m, json_object *opts, GError **errp)
{
    const char *name = keyval_get(opts, "qom-type");
    const char *id = keyval_get(opts, "id");
    const UserObjectType *type = find_type(name ? name : "", errp);
    UserObject *o;

    if (!type || !check_id(m, id, errp)) {
        return false;
    }
    o = g_malloc0(type->size);
    o->type = type;
    o->id = g_strdup(id);
    property_set_defaults(type->props, o);
    if (!configure_object(o, opts, errp)) {
        object_free(o);
        return false;
    }
    g_ptr_array_add(m->objects, o);
    return true;
}

bool user_object_del(Machine *m, const char *id, GError **errp)
{
    UserObject *o = user_object_find(m, id);

    if (!o) {
        error_setg(errp, "object '%s' not found", id);
        return false;
    }
    if (o->users) {
        error_setg(errp, "object '%s' is in use, can not be deleted", id);
        return false;
    }
    g_ptr_array_remove(m->objects, o);
    object_free(o);
    return true;
}

void user_objects_finish(Machine *m)
{
    if (!m->objects) {
        return;
    }
    for (unsigned i = 0; i < m->objects->len; i++) {
        object_free(g_ptr_array_index(m->objects, i));
    }
    g_clear_pointer(&m->objects, g_ptr_array_unref);
}

UserObject *user_object_find(Machine *m, const char *id)
{
    for (unsigned i = 0; i < m->objects->len; i++) {
        UserObject *o = g_ptr_array_index(m->objects, i);

        if (g_str_equal(o->id, id)) {
            return o;
        }
    }
    return NULL;
}

MemoryBackend *memory_backend_find(Machine *m, const char *id)
{
    UserObject *o = user_object_find(m, id);

    return o ? memory_backend_from(o) : NULL;
}

RngBackend *rng_backend_find(Machine *m, const char *id)
{
    UserObject *o = user_object_find(m, id);

    if (!o || (o->type != &rng_random_type && o->type != &rng_builtin_type)) {
        return NULL;
    }
    return container_of(o, RngBackend, object);
}

/* --- help --- */

void user_object_print_types(FILE *f)
{
    fprintf(f, "List of user creatable objects:\n");
    for (unsigned i = 0; user_object_types[i]; i++) {
        fprintf(f, "  %-22s %s\n", user_object_types[i]->name,
                user_object_types[i]->summary);
    }
}

bool user_object_print_properties(FILE *f, const char *name)
{
    const UserObjectType *type = find_type(name, NULL);

    if (!type) {
        return false;
    }
    fprintf(f, "%s options:\n", type->name);
    for (const Property *p = type->props; p->name; p++) {
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name,
                                                property_type_name(p));

        fprintf(f, "  %-22s - %s\n", left, p->summary);
    }
    return true;
}

/* --- QMP --- */

json_object *qmp_object_add(Machine *m, json_object *args, GError **errp)
{
    return user_object_check_json(args, errp) && user_object_add(m, args, errp)
               ? json_object_new_object()
               : NULL;
}

json_object *qmp_object_del(Machine *m, json_object *args, GError **errp)
{
    return user_object_del(m, keyval_get(args, "id"), errp)
               ? json_object_new_object()
               : NULL;
}
