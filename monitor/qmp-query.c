/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that only look. */
#include "chardev/char.h"
#include "monitor-int.h"
#include "monitor/qmp-commands.h"
#include "target/target.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"
#include "util/log.h"

/* --- the program --- */

json_object *qmp_query_version(Machine *m, json_object *args, GError **errp)
{
    json_object *ret = json_object_new_object();
    json_object *qemu = json_object_new_object();

    json_add_int(qemu, "micro", QEMU_MICRO);
    json_add_int(qemu, "minor", QEMU_MINOR);
    json_add_int(qemu, "major", QEMU_MAJOR);
    json_add(ret, "qemu", qemu);
    json_add_string(ret, "package", "qemu-vhost-scsi " PROJECT_VERSION);
    return ret;
}

static json_object *new_named(const char *name)
{
    json_object *o = json_object_new_object();

    json_add_string(o, "name", name);
    return o;
}

json_object *qmp_query_commands(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (const QapiCommand *c = qapi_commands; c->name; c++) {
        json_object_array_add(list, new_named(c->name));
    }
    return list;
}

json_object *qmp_query_qmp_schema(Machine *m, json_object *args, GError **errp)
{
    return qapi_introspect();
}

/* What tools look for. Not listed on purpose is "sandbox", which there is not. */
static const struct {
    const char *option, *parameter, *type;
} line_options[] = {
    { "machine", "type", "string" },
    { "machine", "accel", "string" },
    { "machine", "dump-guest-core", "boolean" },
    { "machine", "usb", "boolean" },
    { "machine", "hpet", "boolean" },
    { "machine", "memory-backend", "string" },
    { "device", NULL, NULL },
    { "chardev", "id", "string" },
    { "chardev", "path", "string" },
    { "chardev", "fd", "string" },
    { "chardev", "server", "boolean" },
    { "chardev", "wait", "boolean" },
    { "chardev", "mux", "boolean" },
    { "chardev", "append", "boolean" },
    { "mon", "chardev", "string" },
    { "mon", "mode", "string" },
    { "mon", "pretty", "boolean" },
    { "overcommit", "mem-lock", "boolean" },
    { "overcommit", "cpu-pm", "boolean" },
    { "rtc", "base", "string" },
    { "rtc", "clock", "string" },
    { "rtc", "driftfix", "string" },
    { "run-with", "async-teardown", "boolean" },
    { "run-with", "chroot", "string" },
    { "run-with", "user", "string" },
    { "msg", "timestamp", "boolean" },
    { "name", "guest", "string" },
    { "name", "debug-threads", "boolean" },
    { "add-fd", "fd", "number" },
    { "add-fd", "set", "number" },
    { "add-fd", "opaque", "string" },
    { "smp-opts", "cpus", "number" },
    { "smp-opts", "sockets", "number" },
    { "smp-opts", "cores", "number" },
    { "smp-opts", "threads", "number" },
    { "smp-opts", "maxcpus", "number" },
    { "memory", "size", "size" },
    { "numa", NULL, NULL },
    { "smbios", NULL, NULL },
    { "fw_cfg", "name", "string" },
    { "fw_cfg", "file", "string" },
    { "fw_cfg", "string", "string" },
    { "trace", "enable", "string" },
    { "trace", "file", "string" },
    { NULL, NULL, NULL },
};

static json_object *new_option(json_object *list, const char *name)
{
    json_object *option = json_object_new_object();
    json_object *parameters = json_object_new_array();

    json_add_string(option, "option", name);
    json_add(option, "parameters", parameters);
    json_object_array_add(list, option);
    return parameters;
}

json_object *qmp_query_command_line_options(Machine *m, json_object *args,
                                            GError **errp)
{
    const char *only = keyval_get(args, "option");
    json_object *list = json_object_new_array(), *parameters = NULL;

    for (unsigned i = 0; line_options[i].option; i++) {
        const char *option = line_options[i].option;

        if (only && !g_str_equal(option, only)) {
            continue;
        }
        if (i == 0 || !parameters ||
            !g_str_equal(option, line_options[i - 1].option)) {
            parameters = new_option(list, option);
        }
        if (line_options[i].parameter) {
            json_object *p = new_named(line_options[i].parameter);

            json_add_string(p, "type", line_options[i].type);
            json_object_array_add(parameters, p);
        }
    }
    if (only && !parameters) {
        json_object_put(list);
        error_setg(errp, "invalid option name: %s", only);
        return NULL;
    }
    return list;
}

/* --- the machine --- */

json_object *qmp_query_target(Machine *m, json_object *args, GError **errp)
{
    json_object *ret = json_object_new_object();

    json_add_string(ret, "arch", target_info.name);
    return ret;
}

json_object *qmp_query_name(Machine *m, json_object *args, GError **errp)
{
    return m->config.name ? new_named(m->config.name)
                          : json_object_new_object();
}

json_object *qmp_query_uuid(Machine *m, json_object *args, GError **errp)
{
    const uint8_t *u = m->config.uuid;
    json_object *ret = json_object_new_object();
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < sizeof(m->config.uuid); i++) {
        g_string_append_printf(text, "%s%02x",
                               i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               u[i]);
    }
    json_add_string(ret, "UUID", text->str);
    return ret;
}

static json_object *machine_info(const MachineType *t, const char *name)
{
    json_object *o = new_named(name);

    if (g_str_equal(name, t->name)) {
        if (t->alias) {
            json_add_string(o, "alias", t->alias);
        }
        if (t->is_default) {
            json_add_bool(o, "is-default", true);
        }
    }
    json_add_int(o, "cpu-max", t->cpus_max);
    json_add_bool(o, "hotpluggable-cpus", false);
    json_add_bool(o, "numa-mem-supported", false);
    json_add_bool(o, "deprecated", false);
    if (t->ram_id) {
        /* Without it libvirt leaves <memoryBacking> out silently. */
        json_add_string(o, "default-ram-id", t->ram_id);
    }
    return o;
}

json_object *qmp_query_machines(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; m->registry->machine_types[i]; i++) {
        const MachineType *t = m->registry->machine_types[i];

        json_object_array_add(list, machine_info(t, t->name));
        for (unsigned j = 0; t->versions && t->versions[j]; j++) {
            json_object_array_add(list, machine_info(t, t->versions[j]));
        }
    }
    return list;
}

static json_object *cpu_props(const Machine *m, unsigned index)
{
    const CpuTopology *t = &m->config.topology;
    json_object *props = json_object_new_object();

    json_add_int(props, "core-id", index / t->threads % t->cores);
    json_add_int(props, "thread-id", index % t->threads);
    json_add_int(props, "socket-id", index / t->threads / t->cores);
    if (m->config.numa) {
        json_add_int(props, "node-id", m->config.numa->cpu_nodes[index]);
    }
    return props;
}

json_object *qmp_query_cpus_fast(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; m->cpus && i < m->config.n_cpus; i++) {
        g_autofree char *path = cpu_path(&m->cpus[i]);
        json_object *o = json_object_new_object();

        json_add_int(o, "thread-id", m->cpus[i].tid);
        json_add(o, "props", cpu_props(m, i));
        json_add_string(o, "qom-path", path);
        json_add_int(o, "cpu-index", i);
        json_add_string(o, "target", target_info.name);
        json_object_array_add(list, o);
    }
    return list;
}

json_object *qmp_query_cpu_definitions(Machine *m, json_object *args,
                                       GError **errp)
{
    json_object *list = json_object_new_array();

    for (const CpuModel *model = target_info.cpu_models; model->name; model++) {
        g_autofree char *type = target_cpu_type(model->name);
        json_object *o = new_named(model->name);

        json_add_string(o, "typename", type);
        json_add(o, "unavailable-features", json_object_new_array());
        json_add_bool(o, "static", false);
        json_add_bool(o, "migration-safe", false);
        json_add_bool(o, "deprecated", false);
        json_object_array_add(list, o);
    }
    return list;
}

json_object *qmp_query_memory_size_summary(Machine *m, json_object *args,
                                           GError **errp)
{
    json_object *ret = json_object_new_object();

    json_add_uint(ret, "base-memory", m->config.ram_size);
    json_add_uint(ret, "plugged-memory", 0);
    return ret;
}

json_object *qmp_query_chardev(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (GSList *l = m->chardevs; l; l = l->next) {
        const Chardev *chr = l->data;
        g_autofree char *filename = chardev_filename(chr);
        json_object *o = json_object_new_object();

        json_add_bool(o, "frontend-open", chardev_frontend_is_open(chr));
        json_add_string(o, "filename", filename);
        json_add_string(o, "label", chardev_id(chr));
        json_object_array_add(list, o);
    }
    return list;
}

/* Of what this machine has none of. */
json_object *qmp_query_nothing(Machine *m, json_object *args, GError **errp)
{
    return json_object_new_array();
}

json_object *qmp_migrate_set_capabilities(Machine *m, json_object *args,
                                          GError **errp)
{
    json_object *list = json_get(args, "capabilities");

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *c = json_object_array_get_idx(list, i);
        const char *name = keyval_get(c, "capability");

        if (json_get_bool(c, "state", false) && !g_str_equal(name, "events")) {
            error_setg(errp,
                       "capability '%s' cannot be switched on: this machine "
                       "cannot be migrated",
                       name);
            return NULL;
        }
    }
    return json_object_new_object();
}

/* --- trace events --- */

json_object *qmp_trace_event_get_state(Machine *m, json_object *args,
                                       GError **errp)
{
    const char *pattern = keyval_get(args, "name");
    json_object *list = json_object_new_array();

    for (TraceEvent e = 0; e < TRACE_EVENTS_COUNT; e++) {
        json_object *o;

        if (!g_pattern_match_simple(pattern, trace_event_name(e))) {
            continue;
        }
        o = json_object_new_object();
        json_add_bool(o, "vcpu", false);
        json_add_string(o, "name", trace_event_name(e));
        json_add_string(o, "state",
                        trace_is_enabled(e) ? "enabled" : "disabled");
        json_object_array_add(list, o);
    }
    if (!json_object_array_length(list) && !strpbrk(pattern, "*?")) {
        json_object_put(list);
        error_setg(errp, "unknown event \"%s\"", pattern);
        return NULL;
    }
    return list;
}

json_object *qmp_trace_event_set_state(Machine *m, json_object *args,
                                       GError **errp)
{
    const char *pattern = keyval_get(args, "name");
    bool enable = json_get_bool(args, "enable", false);

    if (!trace_set_enabled(pattern, enable) && !strpbrk(pattern, "*?")) {
        error_setg(errp, "unknown event \"%s\"", pattern);
        return NULL;
    }
    return json_object_new_object();
}
