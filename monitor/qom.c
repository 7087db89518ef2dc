/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object tree as QMP shows it. There is no tree in the program: what there
 * is (machine, vCPUs, devices) is listed with its paths when somebody asks for
 * what is below the machine, or by a part of a path. A device or a vCPU with its
 * whole path is found without the list: "info qtree" asks thousands of times.
 */
#include "monitor/qmp-commands.h"
#include "system/machine.h"
#include "system/user-object.h"
#include "target/target.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* One object. */
typedef struct QomNode {
    char *path;
    char *type;
    Device *dev; /* NULL: the machine, a vCPU or a container */
    bool is_cpu;
} QomNode;

static void node_free(QomNode *node)
{
    g_free(node->path);
    g_free(node->type);
    g_free(node);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QomNode, node_free)

/* Takes over @path and @type. */
static void add_node(GPtrArray *nodes, char *path, char *type, Device *dev)
{
    QomNode *node = g_new(QomNode, 1);

    *node = (QomNode){ .path = path, .type = type, .dev = dev };
    g_ptr_array_add(nodes, node);
}

static void add_container(GPtrArray *nodes, const char *path)
{
    add_node(nodes, g_strdup(path), g_strdup("container"), NULL);
}

static GPtrArray *list_nodes(Machine *m)
{
    GPtrArray *nodes = g_ptr_array_new_with_free_func(
        (GDestroyNotify)node_free);

    add_container(nodes, "/");
    add_node(nodes, g_strdup("/machine"),
             g_strdup_printf("%s-machine", m->type->name), NULL);
    add_container(nodes, "/machine/peripheral");
    add_container(nodes, "/machine/peripheral-anon");
    add_container(nodes, "/machine/unattached");
    add_container(nodes, "/objects");
    for (unsigned i = 0; m->objects && i < m->objects->len; i++) {
        const UserObject *o = g_ptr_array_index(m->objects, i);

        add_node(nodes, g_strconcat("/objects/", o->id, NULL),
                 g_strdup(o->type->name), NULL);
    }
    for (unsigned i = 0; m->cpus && i < m->config.n_cpus; i++) {
        add_node(nodes, cpu_path(&m->cpus[i]),
                 target_cpu_type(m->config.cpu_model), NULL);
    }
    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        for (Device *d = g_ptr_array_index(m->tree.devices, i); d;
             d = d->backend) {
            add_node(nodes, device_path(d), g_strdup(d->type->name), d);
        }
    }
    return nodes;
}

static QomNode *new_node(const char *path, char *type, Device *dev)
{
    QomNode *node = g_new(QomNode, 1);

    *node = (QomNode){ .path = g_strdup(path), .type = type, .dev = dev };
    return node;
}

/* A device, its backend or a vCPU by the whole path, or NULL. */
static QomNode *find_quickly(Machine *m, const char *path)
{
    static const char backend[] = "/virtio-backend";
    bool is_backend = g_str_has_suffix(path, backend);
    g_autofree char *owner = g_strndup(
        path, strlen(path) - (is_backend ? strlen(backend) : 0));
    Device *dev = path[0] == '/' ? device_resolve(&m->tree, owner) : NULL;

    if (dev && is_backend) {
        dev = dev->backend;
    }
    if (dev) {
        return new_node(path, g_strdup(dev->type->name), dev);
    }
    for (unsigned i = 0; m->cpus && i < m->config.n_cpus; i++) {
        g_autofree char *cpu = cpu_path(&m->cpus[i]);

        if (g_str_equal(cpu, path)) {
            QomNode *node = new_node(path, target_cpu_type(m->config.cpu_model),
                                     NULL);

            node->is_cpu = true;
            return node;
        }
    }
    return NULL;
}

/* By its whole path, or by an end of it that only one has. The caller frees
 * it. */
static QomNode *find_node(Machine *m, const char *path, GError **errp)
{
    QomNode *quick = find_quickly(m, path);
    g_autoptr(GPtrArray) nodes = quick ? NULL : list_nodes(m);
    g_autofree char *end = g_strconcat("/", path, NULL);
    const QomNode *found = NULL;

    for (unsigned i = 0; nodes && i < nodes->len; i++) {
        const QomNode *node = g_ptr_array_index(nodes, i);

        if (g_str_equal(node->path, path)) {
            found = node;
            break;
        }
        if (path[0] == '/' || !g_str_has_suffix(node->path, end)) {
            continue;
        }
        if (found) {
            error_setg(errp, "Path '%s' does not uniquely identify an object",
                       path);
            return NULL;
        }
        found = node;
    }
    if (quick) {
        return quick;
    }
    if (!found) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  path);
        return NULL;
    }
    return new_node(found->path, g_strdup(found->type), found->dev);
}

/* --- properties --- */

static json_object *new_info(const char *name, const char *type)
{
    json_object *o = json_object_new_object();

    json_add_string(o, "name", name);
    json_add_string(o, "type", type);
    return o;
}

static void add_info(json_object *list, const char *name, const char *type)
{
    json_object_array_add(list, new_info(name, type));
}

/* What every device has besides the properties of its type. */
static const struct {
    const char *name, *type;
} common[] = {
    { "type", "string" },
    { "realized", "bool" },
    { "hotplugged", "bool" },
    { "parent_bus", "link<bus>" },
};

static json_object *common_value(const Device *d, const char *name)
{
    if (g_str_equal(name, "type")) {
        return json_object_new_string(d->type->name);
    }
    if (g_str_equal(name, "realized")) {
        return json_object_new_boolean(true);
    }
    if (g_str_equal(name, "hotplugged")) {
        return json_object_new_boolean(d->hotplugged);
    }
    if (g_str_equal(name, "parent_bus")) {
        return json_object_new_string(d->bus ? d->bus->name : "");
    }
    return NULL;
}

/* A property's text as a value of JSON. */
static json_object *property_value(const Property *p, const void *instance)
{
    g_autofree char *text = property_get(p, instance);
    const char *type = property_type_name(p);

    if (g_str_equal(type, "bool")) {
        return json_object_new_boolean(!g_strcmp0(text, "on"));
    }
    if (p->kind == PROPERTY_LIST) {
        return text ? json_tokener_parse(text) : json_object_new_array();
    }
    if ((g_str_has_prefix(type, "uint") || p->kind == PROPERTY_SIZE) && text &&
        g_ascii_isdigit(text[0])) {
        return json_object_new_uint64(g_ascii_strtoull(text, NULL, 10));
    }
    if (p->kind == PROPERTY_INDEX) {
        return json_object_new_int64(g_ascii_strtoll(text, NULL, 10));
    }
    return json_object_new_string(text ? text : "");
}

/* Rows of a table, with what help says of them. */
static void add_table(json_object *list, const Property *props,
                      const void *defaults)
{
    for (const Property *p = props; p && p->name; p++) {
        json_object *o = new_info(p->name, property_type_name(p));

        if (p->summary) {
            json_add_string(o, "description", p->summary);
        }
        if (defaults && !p->required) {
            json_add(o, "default-value", property_value(p, defaults));
        }
        json_object_array_add(list, o);
    }
}

/* What is there while the device is. */
static void add_live(json_object *list, const DeviceType *type)
{
    for (const LiveProperty *p = type->live; p && p->name; p++) {
        json_object *o = new_info(p->name, p->type);

        json_add_string(o, "description", p->summary);
        json_object_array_add(list, o);
    }
}

static json_object *type_properties(const DeviceType *type)
{
    json_object *list = json_object_new_array();

    for (const DeviceType *t = type; t; t = t->backend) {
        g_autofree void *instance = g_malloc0(t->size);

        property_set_defaults(t->props, instance);
        property_set_defaults(t->bus_props, instance);
        add_table(list, t->props, instance);
        add_table(list, t->bus_props, instance);
    }
    return list;
}

static void add_child(json_object *list, const char *name, const char *type)
{
    g_autofree char *child = g_strdup_printf("child<%s>", type);

    add_info(list, name, child);
}

/* The objects directly below the container @node. */
static void add_children(Machine *m, json_object *list, const QomNode *node)
{
    g_autoptr(GPtrArray) nodes = list_nodes(m);
    g_autofree char *prefix = g_str_equal(node->path, "/")
                                  ? g_strdup("/")
                                  : g_strconcat(node->path, "/", NULL);

    for (unsigned i = 0; i < nodes->len; i++) {
        const QomNode *child = g_ptr_array_index(nodes, i);
        const char *name = child->path + strlen(prefix);

        if (g_str_has_prefix(child->path, prefix) && *name &&
            !strchr(name, '/')) {
            add_child(list, name, child->type);
        }
    }
}

json_object *qmp_qom_list(Machine *m, json_object *args, GError **errp)
{
    g_autoptr(QomNode) node = find_node(m, keyval_get(args, "path"), errp);
    json_object *list;

    if (!node) {
        return NULL;
    }
    list = json_object_new_array();
    if (!node->dev) {
        add_info(list, "type", "string");
        if (!node->is_cpu) {
            add_children(m, list, node);
        }
        return list;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(common); i++) {
        add_info(list, common[i].name, common[i].type);
    }
    add_table(list, node->dev->type->props, NULL);
    add_table(list, node->dev->type->bus_props, NULL);
    add_live(list, node->dev->type);
    if (node->dev->backend) {
        add_live(list, node->dev->backend->type);
        add_child(list, "virtio-backend", node->dev->backend->type->name);
    }
    return list;
}

/* --- values --- */

static json_object *child_value(Machine *m, const QomNode *node,
                                const char *name)
{
    g_autofree char *path = g_build_filename(node->path, name, NULL);
    g_autoptr(QomNode) child = find_node(m, path, NULL);

    return child ? json_object_new_string(path) : NULL;
}

/* Properties of a backend are its proxy's as well. */
static json_object *device_value(Device *dev, const char *name)
{
    json_object *value = common_value(dev, name);
    const Property *prop;
    const LiveProperty *live;
    Device *instance;

    if (value) {
        return value;
    }
    live = device_find_live(dev, name, &instance);
    if (live) {
        return live->get(instance);
    }
    prop = device_find_property(dev, name, &instance);
    return prop ? property_value(prop, instance) : NULL;
}

json_object *qmp_qom_get(Machine *m, json_object *args, GError **errp)
{
    g_autoptr(QomNode) node = find_node(m, keyval_get(args, "path"), errp);
    const char *name = keyval_get(args, "property");
    json_object *value = NULL;

    if (!node) {
        return NULL;
    }
    if (node->dev) {
        value = device_value(node->dev, name);
    } else if (g_str_equal(name, "type")) {
        value = json_object_new_string(node->type);
    }
    if (!value) {
        value = child_value(m, node, name);
    }
    if (!value) {
        error_setg(errp, "Property '%s.%s' not found", node->type, name);
    }
    return value;
}

json_object *qmp_qom_set(Machine *m, json_object *args, GError **errp)
{
    auto_json *value = qmp_qom_get(m, args, errp);
    const char *name = keyval_get(args, "property");
    g_autoptr(QomNode) node = NULL;
    const LiveProperty *live;
    Device *instance;

    if (!value) {
        return NULL;
    }
    node = find_node(m, keyval_get(args, "path"), errp);
    live = node && node->dev ? device_find_live(node->dev, name, &instance)
                             : NULL;
    if (live && live->set) {
        return live->set(instance, json_get(args, "value"), errp)
                   ? json_object_new_object()
                   : NULL;
    }
    if (node && node->dev &&
        device_find_property(node->dev, name, &(Device *){ 0 })) {
        error_setg(errp,
                   "Attempt to set property '%s' on device '%s' (type '%s') "
                   "after it was realized",
                   name, device_label(node->dev), node->type);
    } else if (node) {
        error_setg(errp, "Property '%s.%s' is not writable", node->type, name);
    }
    return NULL;
}

/* --- types --- */

/* What is neither a device nor an object of -object. */
static const struct {
    const char *name, *parent;
} plain_types[] = {
    { "kvm-accel", "accel" },
    { "qtest-accel", "accel" },
};

/* What the others are kinds of; parents behind their children. */
static const struct {
    const char *name, *parent;
    bool abstract;
} base_types[] = {
    { "pci-device", "device", true },
    { "isa-device", "device", true },
    { "virtio-device", "device", true },
    { "virtio-serial-port", "device", true },
    { "device", "object", true },
    { "machine", "object", true },
    { "accel", "object", false },
    { "object", NULL, true },
};

/* Whether the type @name, a kind of @parent, is a kind of @implements. */
static bool is_kind_of(const char *name, const char *parent,
                       const char *implements)
{
    bool is = g_str_equal(name, implements);

    for (unsigned i = 0; i < G_N_ELEMENTS(base_types) && !is && parent; i++) {
        if (g_str_equal(base_types[i].name, parent)) {
            is = g_str_equal(parent, implements);
            parent = base_types[i].parent;
        }
    }
    return is;
}

static void add_type(json_object *list, const char *implements,
                     const char *name, const char *parent)
{
    json_object *o;

    if (implements && !is_kind_of(name, parent, implements)) {
        return;
    }
    o = json_object_new_object();
    json_add_string(o, "name", name);
    if (parent) {
        json_add_string(o, "parent", parent);
    }
    json_object_array_add(list, o);
}

static void add_base_types(json_object *list, const char *implements,
                           bool abstract)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(base_types); i++) {
        size_t n = json_object_array_length(list);

        if (base_types[i].abstract && !abstract) {
            continue;
        }
        add_type(list, implements, base_types[i].name, base_types[i].parent);
        if (base_types[i].abstract && json_object_array_length(list) > n) {
            json_add_bool(json_object_array_get_idx(list, n), "abstract", true);
        }
    }
}

static const char *kind_of(const DeviceType *t)
{
    switch (t->bus) {
    case BUS_PCI:
        return "pci-device";
    case BUS_ISA:
        return "isa-device";
    case BUS_VIRTIO:
        return "virtio-device";
    case BUS_VIRTIO_SERIAL:
        return "virtio-serial-port";
    case BUS_NONE:
        break;
    }
    return "device";
}

json_object *qmp_qom_list_types(Machine *m, json_object *args, GError **errp)
{
    const char *implements = keyval_get(args, "implements");
    json_object *abstract = json_get(args, "abstract");
    json_object *list = json_object_new_array();

    for (unsigned i = 0; m->registry->device_types[i]; i++) {
        add_type(list, implements, m->registry->device_types[i]->name,
                 kind_of(m->registry->device_types[i]));
    }
    for (unsigned i = 0; m->registry->machine_types[i]; i++) {
        g_autofree char *name = g_strdup_printf(
            "%s-machine", m->registry->machine_types[i]->name);

        add_type(list, implements, name, "machine");
    }
    for (unsigned i = 0; user_object_types[i]; i++) {
        add_type(list, implements, user_object_types[i]->name, "object");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(plain_types); i++) {
        add_type(list, implements, plain_types[i].name, plain_types[i].parent);
    }
    add_base_types(list, implements,
                   abstract && json_object_get_boolean(abstract));
    return list;
}

/* NULL if there is no such type that is no device. */
static json_object *plain_properties(const char *name)
{
    json_object *list;

    for (unsigned i = 0; user_object_types[i]; i++) {
        const UserObjectType *t = user_object_types[i];

        if (g_str_equal(t->name, name)) {
            g_autofree void *instance = g_malloc0(t->size);

            property_set_defaults(t->props, instance);
            list = json_object_new_array();
            add_table(list, t->props, instance);
            return list;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(plain_types); i++) {
        if (g_str_equal(plain_types[i].name, name)) {
            return json_object_new_array();
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(base_types); i++) {
        if (g_str_equal(base_types[i].name, name)) {
            return json_object_new_array();
        }
    }
    return NULL;
}

static bool is_machine_or_cpu(const Registry *r, const char *name)
{
    for (unsigned i = 0; r->machine_types[i]; i++) {
        g_autofree char *type = g_strdup_printf("%s-machine",
                                                r->machine_types[i]->name);

        if (g_str_equal(type, name)) {
            return true;
        }
    }
    for (const CpuModel *c = target_info.cpu_models; c->name; c++) {
        g_autofree char *type = target_cpu_type(c->name);

        if (g_str_equal(type, name)) {
            return true;
        }
    }
    return false;
}

json_object *qmp_qom_list_properties(Machine *m, json_object *args,
                                     GError **errp)
{
    const char *name = keyval_get(args, "typename");
    const DeviceType *type = device_type_find(m->registry, name);
    json_object *list = type ? type_properties(type) : plain_properties(name);

    if (!list && is_machine_or_cpu(m->registry, name)) {
        list = json_object_new_array();
        add_info(list, "type", "string");
    }
    if (!list) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Class '%s' not found",
                  name);
    }
    return list;
}

json_object *qmp_device_list_properties(Machine *m, json_object *args,
                                        GError **errp)
{
    const char *name = keyval_get(args, "typename");
    const DeviceType *type = device_type_find(m->registry, name);

    if (!type) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  name);
        return NULL;
    }
    return type_properties(type);
}
