/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "info qom-tree" and "info qtree": what qom-list and qom-get say of the tree
 * of objects. */
#include "hmp-int.h"

#define QOM_DEPTH_MAX   16   /* of objects in objects */
#define QOM_OBJECTS_MAX 4096 /* looked at for one command */

/* A command whose failure means that there is nothing to show. */
static json_object *call_quietly(Hmp *h, const char *command, const char *path,
                                 const char *property)
{
    json_object *args = json_object_new_object();

    json_add_string(args, "path", path);
    if (property) {
        json_add_string(args, "property", property);
    }
    return h->ctx->call(h->ctx->opaque, command, args, NULL);
}

static int compare_names(const void *a, const void *b)
{
    json_object *const *x = a, *const *y = b;

    return strcmp(json_text(*x, "name"), json_text(*y, "name"));
}

/* --- info qom-tree --- */

static void print_tree(Hmp *h, const char *path, const char *name,
                       const char *type, unsigned depth, unsigned *objects)
{
    json_object *list;

    if (depth >= QOM_DEPTH_MAX || (*objects)++ >= QOM_OBJECTS_MAX) {
        return;
    }
    hmp_print(h, "%*s/%s (%s)\n", (int)(2 * depth), "", name, type);
    list = call_quietly(h, "qom-list", path, NULL);
    if (json_object_is_type(list, json_type_array)) {
        json_object_array_sort(list, compare_names);
    }
    for (size_t i = 0; i < json_len(list); i++) {
        json_object *p = json_at(list, i);
        const char *child = json_text(p, "name");
        g_autofree char *child_type = hmp_child_type(p);

        if (child_type) {
            g_autofree char *child_path = g_strdup_printf("%s/%s", path, child);

            print_tree(h, child_path, child, child_type, depth + 1, objects);
        }
    }
    json_object_put(list);
}

void hmp_info_qom_tree(Hmp *h)
{
    const char *path = h->argv[0] ? h->argv[0] : "/machine";
    const char *name = strrchr(path, '/');
    json_object *args = json_object_new_object();
    json_object *type;
    unsigned objects = 0;

    json_add_string(args, "path", path);
    json_add_string(args, "property", "type");
    type = hmp_call(h, "qom-get", args);
    if (type) {
        print_tree(h, path, name ? name + 1 : path,
                   json_object_get_string(type), 0, &objects);
    }
    json_object_put(type);
}

/* --- info qtree --- */

typedef struct QtreeDevice {
    char *path, *type, *id; /* owned */
    char *bus;              /* path of the bus it is on; owned; or NULL */
    json_object *props;     /* qom-list's reply; owned */
    bool printed;
} QtreeDevice;

typedef struct Qtree {
    Hmp *h;
    GPtrArray *devices; /* QtreeDevice, owned */
    GPtrArray *buses;   /* paths, borrowed from the devices on them */
    unsigned objects;
} Qtree;

static void qtree_device_free(void *opaque)
{
    QtreeDevice *d = opaque;

    g_free(d->path);
    g_free(d->type);
    g_free(d->id);
    g_free(d->bus);
    json_object_put(d->props);
    g_free(d);
}

static json_object *find_property(json_object *props, const char *name)
{
    for (size_t i = 0; i < json_len(props); i++) {
        if (g_str_equal(json_text(json_at(props, i), "name"), name)) {
            return json_at(props, i);
        }
    }
    return NULL;
}

static void collect_objects(Qtree *t, const char *path, const char *type,
                            const char *id, unsigned depth);

/* The objects below @path; @ids: their names are what the user called them. */
static void collect_children(Qtree *t, const char *path, json_object *props,
                             bool ids, unsigned depth)
{
    for (size_t i = 0; i < json_len(props); i++) {
        json_object *p = json_at(props, i);
        const char *name = json_text(p, "name");
        g_autofree char *type = hmp_child_type(p);

        if (type) {
            g_autofree char *child = g_strdup_printf("%s/%s", path, name);

            collect_objects(t, child, type, ids ? name : "", depth + 1);
        }
    }
}

/* A bus can be realized too, but not plugged in. */
static bool is_device(json_object *props)
{
    return find_property(props, "parent_bus") ||
           find_property(props, "hotplugged");
}

/* Notes the object at @path if it is a device, and those below it. */
static void collect_objects(Qtree *t, const char *path, const char *type,
                            const char *id, unsigned depth)
{
    json_object *props;

    if (depth >= QOM_DEPTH_MAX || t->objects++ >= QOM_OBJECTS_MAX) {
        return;
    }
    props = call_quietly(t->h, "qom-list", path, NULL);
    if (is_device(props)) {
        QtreeDevice *d = g_new0(QtreeDevice, 1);
        json_object *bus = call_quietly(t->h, "qom-get", path, "parent_bus");

        d->path = g_strdup(path);
        d->type = g_strdup(type);
        d->id = g_strdup(id);
        d->props = json_object_get(props);
        if (json_is_string(bus) && *json_object_get_string(bus)) {
            d->bus = g_strdup(json_object_get_string(bus));
        }
        g_ptr_array_add(t->devices, d);
        if (d->bus && !g_ptr_array_find_with_equal_func(t->buses, d->bus,
                                                        g_str_equal, NULL)) {
            g_ptr_array_add(t->buses, d->bus);
        }
        json_object_put(bus);
    }
    collect_children(t, path, props, false, depth);
    json_object_put(props);
}

static void print_property(Qtree *t, const QtreeDevice *d, const char *name,
                           int indent)
{
    g_autofree char *legacy = g_strdup_printf("legacy-%s", name);
    bool has_legacy = find_property(d->props, legacy);
    json_object *value = call_quietly(t->h, "qom-get", d->path,
                                      has_legacy ? legacy : name);

    if (!value) {
        return;
    }
    hmp_print(t->h, "%*s%s = ", indent, "", name);
    if (json_is_string(value) && !has_legacy) {
        hmp_print(t->h, "\"%s\"\n", json_object_get_string(value));
    } else if (json_object_is_type(value, json_type_int)) {
        int64_t i = json_object_get_int64(value);

        hmp_print(t->h, "%s (0x%" PRIx64 ")\n", json_object_get_string(value),
                  i < 0 ? (uint64_t)i : json_object_get_uint64(value));
    } else {
        hmp_print(t->h, "%s\n", json_object_get_string(value));
    }
    json_object_put(value);
}

/* Whether @p is one of those that say how the device fits into the tree. */
static bool is_structure(json_object *p)
{
    static const char *const names[] = {
        "type", "realized", "hotplugged", "hotpluggable", "parent_bus", NULL,
    };
    const char *name = json_text(p, "name");
    const char *type = json_text(p, "type");

    return g_strv_contains(names, name) || g_str_has_prefix(name, "legacy-") ||
           g_str_has_prefix(type, "child<") || g_str_has_prefix(type, "link<");
}

/* Whether the object at @path is a direct child of @owner. */
static bool is_below(const char *path, const char *owner)
{
    size_t len = strlen(owner);

    return g_str_has_prefix(path, owner) && path[len] == '/' &&
           !strchr(path + len + 1, '/');
}

static void print_bus(Qtree *t, const char *bus, unsigned depth);

static void print_device(Qtree *t, QtreeDevice *d, unsigned depth)
{
    if (d->printed || depth >= 2 * QOM_DEPTH_MAX) {
        return;
    }
    d->printed = true;
    hmp_print(t->h, "%*sdev: %s, id \"%s\"\n", (int)(2 * depth), "", d->type,
              d->id);
    for (size_t i = 0; i < json_len(d->props); i++) {
        json_object *p = json_at(d->props, i);

        if (!is_structure(p)) {
            print_property(t, d, json_text(p, "name"), (int)(2 * depth + 2));
        }
    }
    for (unsigned i = 0; i < t->buses->len; i++) {
        const char *bus = g_ptr_array_index(t->buses, i);

        if (is_below(bus, d->path)) {
            print_bus(t, bus, depth + 1);
        }
    }
    for (unsigned i = 0; i < t->devices->len; i++) {
        QtreeDevice *below = g_ptr_array_index(t->devices, i);

        if (!below->bus && is_below(below->path, d->path)) {
            print_device(t, below, depth + 1);
        }
    }
}

/* A bus, or with NULL those that are on none. */
static void print_bus(Qtree *t, const char *bus, unsigned depth)
{
    const char *name = bus ? strrchr(bus, '/') : NULL;
    json_object *type = bus ? call_quietly(t->h, "qom-get", bus, "type")
                            : json_object_new_string("System");

    hmp_print(t->h, "%*sbus: %s\n", (int)(2 * depth), "",
              name  ? name + 1
              : bus ? bus
                    : "main-system-bus");
    if (type) {
        hmp_print(t->h, "%*stype %s\n", (int)(2 * depth + 2), "",
                  json_object_get_string(type));
    }
    for (unsigned i = 0; i < t->devices->len; i++) {
        QtreeDevice *d = g_ptr_array_index(t->devices, i);

        if (g_strcmp0(d->bus, bus) == 0) {
            print_device(t, d, depth + 1);
        }
    }
    json_object_put(type);
}

/* Whether the bus or device at @path belongs to a device. */
static bool has_owner(const Qtree *t, const char *path)
{
    for (unsigned i = 0; i < t->devices->len; i++) {
        const QtreeDevice *d = g_ptr_array_index(t->devices, i);

        if (is_below(path, d->path)) {
            return true;
        }
    }
    return false;
}

static void print_roots(Qtree *t)
{
    bool loose = false;

    for (unsigned i = 0; i < t->buses->len; i++) {
        if (!has_owner(t, g_ptr_array_index(t->buses, i))) {
            print_bus(t, g_ptr_array_index(t->buses, i), 0);
        }
    }
    for (unsigned i = 0; i < t->devices->len; i++) {
        const QtreeDevice *d = g_ptr_array_index(t->devices, i);

        loose |= !d->bus && !d->printed;
    }
    if (loose) {
        print_bus(t, NULL, 0);
    }
}

void hmp_info_qtree(Hmp *h)
{
    static const char *const containers[] = {
        "/machine/unattached",
        "/machine/peripheral-anon",
        "/machine/peripheral",
    };
    Qtree t = {
        .h = h,
        .devices = g_ptr_array_new_with_free_func(qtree_device_free),
        .buses = g_ptr_array_new(),
    };

    for (size_t i = 0; i < G_N_ELEMENTS(containers); i++) {
        json_object *list = call_quietly(h, "qom-list", containers[i], NULL);
        bool ids = g_str_has_suffix(containers[i], "/peripheral");

        collect_children(&t, containers[i], list, ids, 0);
        json_object_put(list);
    }
    print_roots(&t);
    g_ptr_array_unref(t.buses);
    g_ptr_array_unref(t.devices);
}
