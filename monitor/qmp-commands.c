/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of QMP commands. The schema (qapi/) has a command for each row and
 * says what it takes and answers; test-qmp holds the two against each other. */
#include "monitor/qmp-commands.h"
#include "hw/net/net-qmp.h"
#include "hw/pci/pci-qmp.h"
#include "hw/virtio/vhost-worker-qmp.h"
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtio-qmp.h"
#include "monitor-int.h"
#include "monitor/hmp.h"
#include "net/netdev.h"
#include "system/fds.h"
#include "system/hotplug.h"
#include "system/memory-backend.h"
#include "system/numa.h"
#include "system/stats.h"
#include "system/user-object.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* --- commands about the session --- */

static json_object *qmp_qmp_capabilities(Monitor *mon, json_object *args,
                                         GError **errp)
{
    json_object *enable = json_get(args, "enable");

    if (enable && json_object_array_length(enable)) {
        error_setg(
            errp, "Capability %s not available",
            json_object_get_string(json_object_array_get_idx(enable, 0)));
        return NULL;
    }
    return json_object_new_object();
}

/* The descriptor that came with the command. */
static int take_fd(Monitor *mon, GError **errp)
{
    int fd = mon && mon->chr ? chardev_take_fd(mon->chr) : -1;

    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
    }
    return fd;
}

static json_object *qmp_getfd(Monitor *mon, json_object *args, GError **errp)
{
    const char *name = keyval_get(args, "fdname");
    int fd = take_fd(mon, errp);
    int r = fd < 0 ? fd : fds_add_named(mon->machine, name, fd);

    if (fd >= 0 && r == -EINVAL) {
        error_setg(errp,
                   "Parameter 'fdname' expects a name not starting with a "
                   "digit");
    } else if (fd >= 0 && r < 0) {
        error_setg_errno(errp, -r, "cannot keep file descriptor '%s'", name);
    }
    return r < 0 ? NULL : json_object_new_object();
}

static json_object *qmp_add_fd(Monitor *mon, json_object *args, GError **errp)
{
    json_object *set = json_get(args, "fdset-id");
    int fd = take_fd(mon, errp);

    return fd < 0 ? NULL
                  : fds_add_to_set(mon->machine, set != NULL,
                                   set ? json_object_get_int64(set) : 0,
                                   keyval_get(args, "opaque"), fd, errp);
}

/* --- the table --- */

static json_object *qmp_human_monitor_command(Machine *m, json_object *args,
                                              GError **errp)
{
    json_object *cpu = json_get(args, "cpu-index");
    int64_t n = cpu ? json_object_get_int64(cpu) : 0;
    g_autofree char *text = NULL;
    g_autoptr(GString) lines = NULL;

    if (cpu && (n < 0 || n >= m->config.n_cpus)) {
        error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
        return NULL;
    }
    text = hmp_execute(m, keyval_get(args, "command-line"), NULL);
    lines = g_string_new(text);
    g_string_replace(lines, "\n", "\r\n", 0);
    return json_object_new_string(lines->str);
}

const QmpRow qmp_rows[] = {
    { "add-fd", NULL, qmp_add_fd },
    { "announce-self", qmp_announce_self },
    { "balloon", qmp_balloon },
    { "closefd", qmp_closefd },
    { "cont", qmp_cont },
    { "device-list-properties", qmp_device_list_properties },
    { "device_add", qmp_device_add },
    { "device_del", qmp_device_del },
    { "getfd", NULL, qmp_getfd },
    { "human-monitor-command", qmp_human_monitor_command },
    { "migrate-set-capabilities", qmp_migrate_set_capabilities },
    { "netdev_add", qmp_netdev_add },
    { "netdev_del", qmp_netdev_del },
    { "object-add", qmp_object_add },
    { "object-del", qmp_object_del },
    { "qmp_capabilities", NULL, qmp_qmp_capabilities },
    { "qom-get", qmp_qom_get },
    { "qom-list", qmp_qom_list },
    { "qom-list-properties", qmp_qom_list_properties },
    { "qom-list-types", qmp_qom_list_types },
    { "qom-set", qmp_qom_set },
    { "query-balloon", qmp_query_balloon },
    { "query-block", qmp_query_nothing },
    { "query-blockstats", qmp_query_nothing },
    { "query-chardev", qmp_query_chardev },
    { "query-command-line-options", qmp_query_command_line_options },
    { "query-commands", qmp_query_commands },
    { "query-cpu-definitions", qmp_query_cpu_definitions },
    { "query-cpus-fast", qmp_query_cpus_fast },
    { "query-fdsets", qmp_query_fdsets },
    { "query-hotpluggable-cpus", qmp_query_nothing },
    { "query-iothreads", qmp_query_nothing },
    { "query-jobs", qmp_query_nothing },
    { "query-kvm", qmp_query_kvm },
    { "query-machines", qmp_query_machines },
    { "query-memdev", qmp_query_memdev },
    { "query-memory-devices", qmp_query_nothing },
    { "query-memory-size-summary", qmp_query_memory_size_summary },
    { "query-migrate-capabilities", qmp_query_nothing },
    { "query-name", qmp_query_name },
    { "query-named-block-nodes", qmp_query_nothing },
    { "query-pci", qmp_query_pci },
    { "query-qmp-schema", qmp_query_qmp_schema },
    { "query-rx-filter", qmp_query_rx_filter },
    { "x-query-netdev", qmp_x_query_netdev },
    { "query-stats", qmp_query_all_stats },
    { "query-stats-schemas", qmp_query_all_stats_schemas },
    { "query-status", qmp_query_status },
    { "query-target", qmp_query_target },
    { "query-uuid", qmp_query_uuid },
    { "query-version", qmp_query_version },
    { "query-vhost-workers", qmp_query_vhost_workers },
    { "quit", qmp_quit },
    { "remove-fd", qmp_remove_fd },
    { "set-action", qmp_set_action },
    { "set_link", qmp_set_link },
    { "stop", qmp_stop },
    { "system_powerdown", qmp_system_powerdown },
    { "system_reset", qmp_system_reset },
    { "trace-event-get-state", qmp_trace_event_get_state },
    { "trace-event-set-state", qmp_trace_event_set_state },
    { "vhost-attach-vring-worker", qmp_vhost_attach_vring_worker },
    { "vhost-free-worker", qmp_vhost_free_worker },
    { "vhost-get-vring-worker", qmp_vhost_get_vring_worker },
    { "vhost-new-worker", qmp_vhost_new_worker },
    { "vhost-set-worker-affinity", qmp_vhost_set_worker_affinity },
    { "x-query-numa", qmp_x_query_numa },
    { "x-query-virtio", qmp_x_query_virtio },
    { "x-query-virtio-status", qmp_x_query_virtio_status },
    { "x-query-virtio-vhost-queue-status",
      qmp_x_query_virtio_vhost_queue_status },
    { NULL },
};

const QmpRow *qmp_find_row(const char *name)
{
    for (const QmpRow *row = qmp_rows; row->name; row++) {
        if (g_str_equal(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

json_object *qmp_call(Machine *m, Monitor *mon, const char *name,
                      json_object *args, GError **errp)
{
    const QapiCommand *cmd = qapi_find_command(name);
    const QmpRow *row = qmp_find_row(name);

    if (!cmd || !row) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "The command %s has not been found", name);
        return NULL;
    }
    if (!qapi_check_arguments(cmd, args, errp)) {
        return NULL;
    }
    return row->handler ? row->handler(m, args, errp)
                        : row->session_handler(mon, args, errp);
}

/* --- lines for people, which are made of commands --- */

static json_object *call_of_line(void *opaque, const char *command,
                                 json_object *args, GError **errp)
{
    json_object *ret = qmp_call(opaque, NULL, command, args, errp);

    json_object_put(args);
    return ret;
}

char *hmp_execute(Machine *m, const char *line, const GPtrArray *history)
{
    HmpContext ctx = { call_of_line, m, history };
    GString *out = g_string_new(NULL);

    hmp_run(&ctx, line, out);
    return g_string_free(out, FALSE);
}

char **hmp_complete_line(Machine *m, const char *line)
{
    HmpContext ctx = { call_of_line, m, NULL };

    return hmp_complete(&ctx, line);
}
