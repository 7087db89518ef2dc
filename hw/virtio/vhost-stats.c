/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-stats.h"
#include "hw/virtio/vhost-worker-qmp.h"
#include "hw/virtio/vhost.h"
#include "system/machine.h"
#include "util/json.h"

/* What is told of each worker. */
static const struct {
    const char *name, *type, *unit;
    int exponent;  /* of 10 */
    size_t offset; /* of a uint64_t in ThreadStat */
} rows[] = {
    { "run-time", "cumulative", "seconds", -9, offsetof(ThreadStat, run_ns) },
    { "wait-time", "cumulative", "seconds", -9, offsetof(ThreadStat, wait_ns) },
    { "time-slices", "cumulative", NULL, 0, offsetof(ThreadStat, slices) },
    { "voluntary-switches", "cumulative", NULL, 0,
      offsetof(ThreadStat, voluntary) },
    { "involuntary-switches", "cumulative", NULL, 0,
      offsetof(ThreadStat, involuntary) },
};

static bool is_wanted(json_object *names, const char *name)
{
    for (size_t i = 0; names && i < json_object_array_length(names); i++) {
        if (g_str_equal(
                json_object_get_string(json_object_array_get_idx(names, i)),
                name)) {
            return true;
        }
    }
    return !names;
}

static json_object *values_of(const ThreadStat *stat, json_object *names)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t value;
        json_object *o;

        if (!is_wanted(names, rows[i].name)) {
            continue;
        }
        memcpy(&value, (const char *)stat + rows[i].offset, sizeof(value));
        o = json_object_new_object();
        json_add_string(o, "name", rows[i].name);
        json_add_uint(o, "value", value);
        json_object_array_add(list, o);
    }
    return list;
}

static void add_worker(json_object *results, const Device *dev,
                       const VhostWorker *w, json_object *names)
{
    g_autofree char *device = device_path(dev);
    g_autofree char *path = g_strdup_printf("%s/worker[%u]", device, w->id);
    ThreadStat stat;
    json_object *o;

    if (thread_read_stat(&w->thread, &stat) < 0) {
        return; /* a thread that is not of this process */
    }
    o = json_object_new_object();
    json_add_string(o, "provider", "vhost");
    json_add_string(o, "qom-path", path);
    json_add(o, "stats", values_of(&stat, names));
    json_object_array_add(results, o);
}

static void add_workers(json_object *results, const Device *dev,
                        const VhostDev *vhost, json_object *names)
{
    for (unsigned i = 0; i < vhost->workers->len; i++) {
        add_worker(results, dev, &g_array_index(vhost->workers, VhostWorker, i),
                   names);
    }
}

void vhost_stats_add(Machine *m, json_object *names, json_object *results)
{
    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);

        for (const VhostDev *v = vhost_behind(dev); v; v = v->next) {
            add_workers(results, dev, v, names);
        }
    }
}

void vhost_stats_add_schema(json_object *schemas)
{
    json_object *dict = json_object_new_object();
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        json_object *o = json_object_new_object();

        json_add_string(o, "name", rows[i].name);
        json_add_string(o, "type", rows[i].type);
        if (rows[i].unit) {
            json_add_string(o, "unit", rows[i].unit);
        }
        if (rows[i].exponent) {
            json_add_int(o, "base", 10);
        }
        json_add_int(o, "exponent", rows[i].exponent);
        json_object_array_add(list, o);
    }
    json_add_string(dict, "provider", "vhost");
    json_add_string(dict, "target", "vhost-worker");
    json_add(dict, "stats", list);
    json_object_array_add(schemas, dict);
}
