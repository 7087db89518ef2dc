/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of all providers: the accelerator's, which system/stats.c tells of
 * the machine and its vCPUs, and those of vhost workers. */
#include "hw/virtio/vhost-stats.h"
#include "monitor/qmp-commands.h"
#include "system/stats.h"
#include "util/json.h"
#include "util/keyval.h"

#define VHOST "vhost"

/* The entry of @providers called @name; with @found NULL only whether. */
static bool find_provider(json_object *providers, const char *name,
                          json_object **found)
{
    for (size_t i = 0; i < json_object_array_length(providers); i++) {
        json_object *p = json_object_array_get_idx(providers, i);

        if (!g_strcmp0(keyval_get(p, "provider"), name)) {
            *found = p;
            return true;
        }
    }
    return false;
}

static json_object *worker_stats(Machine *m, json_object *providers)
{
    json_object *results = json_object_new_array();
    json_object *p = NULL;

    if (!providers || find_provider(providers, VHOST, &p)) {
        vhost_stats_add(m, p ? json_get(p, "names") : NULL, results);
    }
    return results;
}

/* The arguments without the providers that say nothing of this target. */
static json_object *accel_args(json_object *args, json_object *providers)
{
    json_object *copy = NULL, *list = json_object_new_array();

    for (size_t i = 0; i < json_object_array_length(providers); i++) {
        json_object *p = json_object_array_get_idx(providers, i);

        if (g_strcmp0(keyval_get(p, "provider"), VHOST) != 0) {
            json_object_array_add(list, json_object_get(p));
        }
    }
    (void)json_object_deep_copy(args, &copy, NULL);
    json_add(copy, "providers", list);
    return copy;
}

json_object *qmp_query_all_stats(Machine *m, json_object *args, GError **errp)
{
    json_object *providers = json_get(args, "providers");
    auto_json *copy = NULL;

    if (!g_strcmp0(keyval_get(args, "target"), "vhost-worker")) {
        return worker_stats(m, providers);
    }
    if (providers) {
        copy = accel_args(args, providers);
    }
    return qmp_query_stats(m, copy ? copy : args, errp);
}

json_object *qmp_query_all_stats_schemas(Machine *m, json_object *args,
                                         GError **errp)
{
    const char *only = keyval_get(args, "provider");
    json_object *schemas = !g_strcmp0(only, VHOST)
                               ? json_object_new_array()
                               : qmp_query_stats_schemas(m, args, errp);

    if (schemas && (!only || g_str_equal(only, VHOST))) {
        vhost_stats_add_schema(schemas);
    }
    return schemas;
}
