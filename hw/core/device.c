/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/core/device.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

void device_tree_init(DeviceTree *tree, Machine *machine,
                      const Registry *registry)
{
    tree->machine = machine;
    tree->registry = registry;
    tree->devices = g_ptr_array_new();
    tree->buses = g_ptr_array_new();
}

void device_tree_finish(DeviceTree *tree)
{
    if (!tree->devices) {
        return;
    }
    while (tree->devices->len) {
        device_free(g_ptr_array_index(tree->devices, tree->devices->len - 1));
    }
    g_clear_pointer(&tree->devices, g_ptr_array_unref);
    g_clear_pointer(&tree->buses, g_ptr_array_unref);
    g_clear_pointer(&tree->globals, g_ptr_array_unref);
}

Bus *device_tree_find_bus(DeviceTree *tree, const char *name, BusType type)
{
    for (unsigned i = 0; i < tree->buses->len; i++) {
        Bus *bus = g_ptr_array_index(tree->buses, i);

        if (name ? g_str_equal(bus->name, name) : bus->type == type) {
            return bus;
        }
    }
    return NULL;
}

const DeviceType *device_type_find(const Registry *r, const char *name)
{
    for (unsigned i = 0; r->device_types[i]; i++) {
        const DeviceType *t = r->device_types[i];

        if (g_str_equal(t->name, name) || !g_strcmp0(t->alias, name)) {
            return t;
        }
    }
    return NULL;
}

const DeviceType *device_type_get(const Registry *r, const char *name,
                                  bool to_create, GError **errp)
{
    const DeviceType *type = device_type_find(r, name);
    const char *instead = NULL;
    NearName near = { .name = name };

    if (!type && r->instead_of) {
        instead = r->instead_of(name);
    }
    if (instead) {
        error_setg(errp, "'%s' is not a valid device model name: %s", name,
                   instead);
        return NULL;
    }
    for (unsigned i = 0; !type && r->device_types[i]; i++) {
        if (!to_create || r->device_types[i]->user_creatable) {
            near_name_try(&near, r->device_types[i]->name);
        }
    }
    if (!type) {
        error_setg_near(errp, &near, "; see -device help",
                        "'%s' is not a valid device model name", name);
    }
    return type;
}

Device *device_new(DeviceTree *tree, const DeviceType *type)
{
    Device *dev = g_malloc0(type->size);

    dev->type = type;
    dev->tree = tree;
    dev->machine = tree->machine;
    dev->bootindex = -1;
    property_set_defaults(type->props, dev);
    property_set_defaults(type->bus_props, dev);
    if (type->instance_init) {
        type->instance_init(dev);
    }
    if (type->backend) {
        dev->backend = device_new(tree, type->backend);
        dev->backend->proxy = dev;
    }
    device_apply_globals(dev);
    return dev;
}

void device_free(Device *dev)
{
    if (!dev) {
        return;
    }
    if (dev->realized) {
        g_ptr_array_remove(dev->tree->devices, dev);
    }
    /* A backend is realized by its proxy, so the proxy goes first. */
    dev->type->unrealize(dev);
    device_free(dev->backend);
    property_finish(dev->type->props, dev);
    property_finish(dev->type->bus_props, dev);
    g_free(dev->id);
    g_free(dev->bus_name);
    g_free(dev);
}

const Property *device_type_property(const DeviceType *type, const char *name)
{
    const Property *p = property_find(type->props, name);

    return p ? p : property_find(type->bus_props, name);
}

const Property *device_find_property(Device *dev, const char *name,
                                     Device **ret_instance)
{
    for (Device *d = dev; d; d = d->backend) {
        const Property *p = device_type_property(d->type, name);

        if (p) {
            *ret_instance = d;
            return p;
        }
    }
    return NULL;
}

const LiveProperty *device_find_live(Device *dev, const char *name,
                                     Device **ret_instance)
{
    for (; dev; dev = dev->backend) {
        for (const LiveProperty *p = dev->type->live; p && p->name; p++) {
            if (g_str_equal(p->name, name)) {
                *ret_instance = dev;
                return p;
            }
        }
    }
    return NULL;
}

static void try_names(NearName *near, const Property *props)
{
    for (const Property *p = props; p && p->name; p++) {
        near_name_try(near, p->name);
    }
}

static void unknown_property(Device *dev, const char *name, GError **errp)
{
    NearName near = { .name = name };

    for (const DeviceType *t = dev->type; t; t = t->backend) {
        try_names(&near, t->props);
        try_names(&near, t->bus_props);
    }
    near_name_try(&near, "id");
    near_name_try(&near, "bus");
    error_setg_near(errp, &near, "", "Property '%s.%s' not found",
                    dev->type->name, name);
}

static bool set_id(Device *dev, const char *id, GError **errp)
{
    if (!id_is_well_formed(id)) {
        error_setg(errp,
                   "%s: id '%s' must begin with a letter and hold only "
                   "letters, digits, '-', '.' and '_'",
                   dev->type->name, id);
        return false;
    }
    if (device_find(dev->tree, id)) {
        error_setg(errp, "Duplicate device ID '%s'", id);
        return false;
    }
    g_free(dev->id);
    dev->id = g_strdup(id);
    return true;
}

static bool set_value(Device *dev, const char *name, json_object *value,
                      GError **errp)
{
    Device *instance;
    const Property *prop;

    if (!value) {
        error_setg(errp, "%s: property '%s' cannot be null", dev->type->name,
                   name);
        return false;
    }
    if (g_str_equal(name, "id")) {
        return set_id(dev, json_object_get_string(value), errp);
    }
    if (g_str_equal(name, "bus")) {
        g_free(dev->bus_name);
        dev->bus_name = g_strdup(json_object_get_string(value));
        return true;
    }
    prop = device_find_property(dev, name, &instance);
    if (!prop) {
        unknown_property(dev, name, errp);
        return false;
    }
    return property_set(prop, instance, dev->type->name, value, errp);
}

bool device_set(Device *dev, const char *name, const char *value, GError **errp)
{
    auto_json *v = json_object_new_string(value);

    return set_value(dev, name, v, errp);
}

/* A number that was not given is below the least legal one. */
static bool was_given(const Property *p, const Device *d)
{
    g_autofree char *value = property_get(p, d);

    return value && (p->kind == PROPERTY_STRING ||
                     g_ascii_strtoull(value, NULL, 0) >= p->min);
}

static bool check_required(Device *dev, GError **errp)
{
    for (Device *d = dev; d; d = d->backend) {
        for (const Property *p = d->type->props; p && p->name; p++) {
            if (p->required && !was_given(p, d)) {
                error_setg(errp,
                           "%s: property '%s' is required: give %s=... (%s)",
                           dev->type->name, p->name, p->name, p->summary);
                return false;
            }
        }
    }
    return true;
}

static bool find_bus(Device *dev, GError **errp)
{
    BusType type = dev->type->bus;

    if (type == BUS_NONE || type == BUS_VIRTIO) {
        if (dev->bus_name) {
            error_setg(errp, "%s: this device has no property 'bus'",
                       dev->type->name);
            return false;
        }
        return true;
    }
    dev->bus = device_tree_find_bus(dev->tree, dev->bus_name, type);
    if (!dev->bus) {
        if (dev->bus_name) {
            error_setg(errp, "Bus '%s' not found", dev->bus_name);
        } else {
            error_setg(errp, "%s: the machine has no bus for this device",
                       dev->type->name);
        }
        return false;
    }
    if (dev->bus->type != type) {
        error_setg(errp, "%s: bus '%s' is of another kind", dev->type->name,
                   dev->bus_name);
        return false;
    }
    return true;
}

bool device_configure(Device *dev, json_object *opts, GError **errp)
{
    json_object_object_foreach(opts, key, value)
    {
        if (!g_str_equal(key, "driver") && !set_value(dev, key, value, errp)) {
            return false;
        }
    }
    return check_required(dev, errp) && find_bus(dev, errp);
}

/* Which counter of the tree numbers @dev's path if it has no id. */
static unsigned *anonymous_counter(const Device *dev)
{
    return dev->type->user_creatable ? &dev->tree->n_anon
                                     : &dev->tree->n_unattached;
}

int32_t device_bootindex(const Device *dev)
{
    return dev->backend ? dev->backend->bootindex : dev->bootindex;
}

static bool check_bootindex(const Device *dev, GError **errp)
{
    int32_t index = device_bootindex(dev);

    for (unsigned i = 0; index >= 0 && i < dev->tree->devices->len; i++) {
        const Device *other = g_ptr_array_index(dev->tree->devices, i);

        if (device_bootindex(other) == index) {
            error_setg(errp,
                       "The bootindex %d has already been used by device '%s': "
                       "choose another",
                       index, device_label(other));
            return false;
        }
    }
    return true;
}

bool device_realize(Device *dev, GError **errp)
{
    if (dev->tree->devices->len >= DEVICES_MAX) {
        error_setg(errp, "%s: the machine has %d devices already",
                   dev->type->name, DEVICES_MAX);
        return false;
    }
    if (!dev->bus && !find_bus(dev, errp)) {
        return false;
    }
    if (!check_bootindex(dev, errp) || !dev->type->realize(dev, errp)) {
        return false;
    }
    /* Realize may have released the lock: another may have come by then. */
    if (dev->id && device_find(dev->tree, dev->id)) {
        error_setg(errp, "Duplicate device ID '%s'", dev->id);
        return false;
    }
    if (!check_bootindex(dev, errp)) {
        return false;
    }
    dev->realized = true;
    dev->hotplugged = dev->tree->started;
    if (!dev->id) {
        dev->number = (*anonymous_counter(dev))++;
    }
    g_ptr_array_add(dev->tree->devices, dev);
    return true;
}

static const DeviceType *user_type(const Registry *r, const char *driver,
                                   GError **errp)
{
    const DeviceType *type = device_type_get(r, driver, true, errp);

    if (type && !type->user_creatable) {
        error_setg(errp,
                   "Parameter 'driver' expects a pluggable device type: "
                   "'%s' is part of the machine",
                   driver);
        return NULL;
    }
    return type;
}

static bool check_hotplug(const Device *dev, GError **errp)
{
    if (!dev->tree->started) {
        return true;
    }
    if (!dev->bus) {
        error_setg(errp, "Device '%s' does not support hotplugging",
                   dev->type->name);
        return false;
    }
    if (!dev->bus->hotplug) {
        error_setg(errp, "Bus '%s' does not support hotplugging",
                   dev->bus->name);
        return false;
    }
    return true;
}

Device *device_add(DeviceTree *tree, json_object *opts, const bool *refused,
                   GError **errp)
{
    const char *driver = keyval_get(opts, "driver");
    const DeviceType *type;
    Device *dev;

    if (!driver) {
        error_setg(errp, "Parameter 'driver' is missing");
        return NULL;
    }
    type = user_type(tree->registry, driver, errp);
    if (!type) {
        return NULL;
    }
    dev = device_new(tree, type);
    if (!device_configure(dev, opts, errp) || !check_hotplug(dev, errp) ||
        !device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    if (refused && *refused) {
        error_setg(errp, "%s: it came too late", dev->type->name);
        device_free(dev);
        return NULL;
    }
    if (tree->started) {
        dev->bus->hotplug->plugged(dev->bus, dev);
    }
    return dev;
}

bool device_del(DeviceTree *tree, const char *id_or_path, GError **errp)
{
    Device *dev = device_resolve(tree, id_or_path);

    if (!dev) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  id_or_path);
        return false;
    }
    if (!dev->bus) {
        error_setg(errp, "Device '%s' can not be unplugged", id_or_path);
        return false;
    }
    if (!dev->bus->hotplug) {
        error_setg(errp, "Bus '%s' does not support hotplugging",
                   dev->bus->name);
        return false;
    }
    if (dev->ejected) {
        error_setg(errp, "Device %s is already in the process of unplug",
                   id_or_path);
        return false;
    }
    return dev->bus->hotplug->unplug_request(dev->bus, dev, errp);
}

void device_reset(Device *dev)
{
    if (dev->type->reset) {
        dev->type->reset(dev);
    }
}

Device *device_find(DeviceTree *tree, const char *id)
{
    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (dev->id && g_str_equal(dev->id, id)) {
            return dev;
        }
    }
    return NULL;
}

/* What is behind @prefix in @path, or NULL. */
static const char *skip_prefix(const char *path, const char *prefix)
{
    return g_str_has_prefix(path, prefix) ? path + strlen(prefix) : NULL;
}

/* Of the devices without an id; @name is the end of its path, "7]". */
static Device *find_number(DeviceTree *tree, bool user_creatable,
                           const char *name)
{
    char *end;
    uint64_t number = g_ascii_strtoull(name, &end, 10);

    if (!g_ascii_isdigit(name[0]) || !g_str_equal(end, "]") ||
        (name[0] == '0' && end != name + 1)) {
        return NULL;
    }
    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (!dev->id && dev->number == number &&
            dev->type->user_creatable == user_creatable) {
            return dev;
        }
    }
    return NULL;
}

Device *device_resolve(DeviceTree *tree, const char *id_or_path)
{
    const char *name;

    if (id_or_path[0] != '/') {
        return device_find(tree, id_or_path);
    }
    if ((name = skip_prefix(id_or_path, "/machine/peripheral/"))) {
        return device_find(tree, name);
    }
    if ((name = skip_prefix(id_or_path, "/machine/peripheral-anon/device["))) {
        return find_number(tree, true, name);
    }
    if ((name = skip_prefix(id_or_path, "/machine/unattached/device["))) {
        return find_number(tree, false, name);
    }
    return NULL;
}

const char *device_label(const Device *dev)
{
    if (dev->proxy) {
        return device_label(dev->proxy);
    }
    return dev->id ? dev->id : dev->type->name;
}

char *device_path(const Device *dev)
{
    const char *dir = dev->type->user_creatable ? "peripheral-anon"
                                                : "unattached";

    if (dev->proxy) {
        g_autofree char *proxy = device_path(dev->proxy);

        return g_strdup_printf("%s/virtio-backend", proxy);
    }
    if (dev->id) {
        return g_strdup_printf("/machine/peripheral/%s", dev->id);
    }
    return g_strdup_printf("/machine/%s/device[%u]", dir,
                           dev->realized ? dev->number
                                         : *anonymous_counter(dev));
}

void device_print_types(FILE *f, const Registry *r)
{
    for (unsigned i = 0; r->device_types[i]; i++) {
        const DeviceType *t = r->device_types[i];

        if (t->user_creatable) {
            fprintf(f, "name \"%s\", bus %s%s%s%s, desc \"%s\"\n", t->name,
                    t->bus == BUS_PCI   ? "PCI"
                    : t->bus == BUS_ISA ? "ISA"
                                        : "none",
                    t->alias ? ", alias \"" : "", t->alias ? t->alias : "",
                    t->alias ? "\"" : "", t->summary);
        }
    }
}

static void print_table(FILE *f, const DeviceType *type, const Property *props)
{
    /* What the defaults are is read from an instance's fields, so that help
     * cannot disagree with what a device gets. */
    g_autofree Device *instance = g_malloc0(type->size);

    property_set_defaults(props, instance);
    for (const Property *p = props; p && p->name; p++) {
        g_autofree char *value = property_get(p, instance);
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name,
                                                property_type_name(p));

        fprintf(f, "  %-30s - %s", left, p->summary ? p->summary : "");
        if (p->required) {
            fprintf(f, " (required)\n");
        } else {
            fprintf(f, " (default: %s)\n", value ? value : "none");
        }
    }
}

void device_print_properties(FILE *f, const DeviceType *type)
{
    fprintf(f, "%s options:\n", type->name);
    for (const DeviceType *t = type; t; t = t->backend) {
        print_table(f, t, t->props);
        print_table(f, t, t->bus_props);
    }
    fprintf(f, "  %-30s - name of the device (default: none)\n", "id=<str>");
    fprintf(f, "  %-30s - bus it plugs into (default: the machine's)\n",
            "bus=<str>");
}
