/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -global: defaults of a device type's properties that the user has changed.
 * They are checked when they are given, so that making a device cannot fail by
 * them. */
#include "hw/core/device.h"
#include "util/error.h"

typedef struct Global {
    char *driver, *property, *value; /* owned */
} Global;

static void global_free(gpointer opaque)
{
    Global *g = opaque;

    g_free(g->driver);
    g_free(g->property);
    g_free(g->value);
    g_free(g);
}

static const Global *global_at(const DeviceTree *tree, unsigned i)
{
    return g_ptr_array_index(tree->globals, i);
}

/* Whether a device would take the value. */
static bool check_value(const DeviceType *type, const char *property,
                        const char *value, GError **errp)
{
    const DeviceType *owner = type;
    const Property *p = device_type_property(owner, property);
    json_object *v;
    void *instance;
    bool ok;

    while (!p && owner->backend) {
        owner = owner->backend;
        p = device_type_property(owner, property);
    }
    if (!p) {
        error_setg(errp, "Property '%s.%s' not found", type->name, property);
        return false;
    }
    v = json_object_new_string(value);
    instance = g_malloc0(owner->size);
    ok = property_set(p, instance, type->name, v, errp);
    property_finish(owner->props, instance);
    property_finish(owner->bus_props, instance);
    g_free(instance);
    json_object_put(v);
    return ok;
}

bool device_add_global(DeviceTree *tree, const char *driver,
                       const char *property, const char *value, GError **errp)
{
    const DeviceType *type = device_type_get(tree->registry, driver, false,
                                             errp);
    Global *g;

    if (!type || !check_value(type, property, value, errp)) {
        return false;
    }
    if (!tree->globals) {
        tree->globals = g_ptr_array_new_with_free_func(global_free);
    }
    if (tree->globals->len >= GLOBALS_MAX) {
        error_setg(errp, "given more than %d times", GLOBALS_MAX);
        return false;
    }
    g = g_new0(Global, 1);
    g->driver = g_strdup(type->name);
    g->property = g_strdup(property);
    g->value = g_strdup(value);
    g_ptr_array_add(tree->globals, g);
    return true;
}

const char *device_global(const DeviceTree *tree, const char *driver,
                          const char *property)
{
    const char *value = NULL;

    for (unsigned i = 0; tree->globals && i < tree->globals->len; i++) {
        const Global *g = global_at(tree, i);

        if (g_str_equal(g->driver, driver) &&
            g_str_equal(g->property, property)) {
            value = g->value; /* the last one counts */
        }
    }
    return value;
}

void device_apply_globals(Device *dev)
{
    const DeviceTree *tree = dev->tree;

    for (unsigned i = 0; tree->globals && i < tree->globals->len; i++) {
        const Global *g = global_at(tree, i);

        if (g_str_equal(g->driver, dev->type->name) &&
            !device_set(dev, g->property, g->value, NULL)) {
            g_assert_not_reached();
        }
    }
}
