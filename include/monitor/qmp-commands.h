/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers of QMP commands that belong to no one part of the machine. Each
 * answers a new object, or NULL with @errp filled; @args are checked against the
 * schema, borrowed, and NULL if there are none. Machine lock; those that the
 * schema calls blocking are called by the control thread, all others by the
 * main loop. What they do is told in the schema (qapi/).
 */
#ifndef MONITOR_QMP_COMMANDS_H
#define MONITOR_QMP_COMMANDS_H

#include <json-c/json.h>

typedef struct Machine Machine;

/* --- qmp-query.c --- */
json_object *qmp_query_version(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_commands(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_qmp_schema(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_command_line_options(Machine *m, json_object *args,
                                            GError **errp);
json_object *qmp_query_target(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_name(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_uuid(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_machines(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_cpus_fast(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_cpu_definitions(Machine *m, json_object *args,
                                       GError **errp);
json_object *qmp_query_memory_size_summary(Machine *m, json_object *args,
                                           GError **errp);
json_object *qmp_query_chardev(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_nothing(Machine *m, json_object *args, GError **errp);
json_object *qmp_migrate_set_capabilities(Machine *m, json_object *args,
                                          GError **errp);
json_object *qmp_trace_event_get_state(Machine *m, json_object *args,
                                       GError **errp);
json_object *qmp_trace_event_set_state(Machine *m, json_object *args,
                                       GError **errp);

/* --- qmp-stats.c --- */
json_object *qmp_query_all_stats(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_all_stats_schemas(Machine *m, json_object *args,
                                         GError **errp);

/* --- qmp-control.c --- */
json_object *qmp_query_status(Machine *m, json_object *args, GError **errp);
json_object *qmp_stop(Machine *m, json_object *args, GError **errp);
json_object *qmp_cont(Machine *m, json_object *args, GError **errp);
json_object *qmp_system_reset(Machine *m, json_object *args, GError **errp);
json_object *qmp_system_powerdown(Machine *m, json_object *args, GError **errp);
json_object *qmp_quit(Machine *m, json_object *args, GError **errp);
json_object *qmp_set_action(Machine *m, json_object *args, GError **errp);

/* --- qom.c --- */
json_object *qmp_qom_list(Machine *m, json_object *args, GError **errp);
json_object *qmp_qom_get(Machine *m, json_object *args, GError **errp);
json_object *qmp_qom_set(Machine *m, json_object *args, GError **errp);
json_object *qmp_qom_list_types(Machine *m, json_object *args, GError **errp);
json_object *qmp_qom_list_properties(Machine *m, json_object *args,
                                     GError **errp);
json_object *qmp_device_list_properties(Machine *m, json_object *args,
                                        GError **errp);

#endif
