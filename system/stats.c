/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/stats.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"

static const char *const target_names[STATS_TARGETS_COUNT] = {
    [STATS_TARGET_VM] = "vm",
    [STATS_TARGET_VCPU] = "vcpu",
};

static const char *const type_names[STATS_TYPES_COUNT] = {
    [STATS_TYPE_CUMULATIVE] = "cumulative",
    [STATS_TYPE_INSTANT] = "instant",
    [STATS_TYPE_PEAK] = "peak",
    [STATS_TYPE_LINEAR_HISTOGRAM] = "linear-histogram",
    [STATS_TYPE_LOG2_HISTOGRAM] = "log2-histogram",
};

static const char *const unit_names[STATS_UNITS_COUNT] = {
    [STATS_UNIT_NONE] = NULL,         [STATS_UNIT_BYTES] = "bytes",
    [STATS_UNIT_SECONDS] = "seconds", [STATS_UNIT_CYCLES] = "cycles",
    [STATS_UNIT_BOOLEAN] = "boolean",
};

void stats_schema_finish(StatsSchema *schema)
{
    for (size_t i = 0; i < schema->n_descs; i++) {
        g_free(schema->descs[i].name);
    }
    g_free(schema->descs);
    *schema = (StatsSchema){ 0 };
}

/* --- Arguments --- */

static bool array_has_string(json_object *array, const char *s)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        const char *item = json_object_get_string(
            json_object_array_get_idx(array, i));

        if (item && g_str_equal(item, s)) {
            return true;
        }
    }
    return false;
}

/* The member @key of @dict, which must be an array; NULL if it is absent. */
static bool get_array(json_object *dict, const char *key,
                      json_object **ret_array, GError **errp)
{
    json_object *array = json_get(dict, key);

    if (array && !json_object_is_type(array, json_type_array)) {
        error_setg(errp, "Invalid parameter type for '%s', expected: array",
                   key);
        return false;
    }
    *ret_array = array;
    return true;
}

static bool get_target(json_object *args, StatsTarget *ret_target,
                       GError **errp)
{
    const char *name = json_object_get_string(json_get(args, "target"));

    for (unsigned i = 0; name && i < STATS_TARGETS_COUNT; i++) {
        if (g_str_equal(name, target_names[i])) {
            *ret_target = (StatsTarget)i;
            return true;
        }
    }
    if (!name) {
        error_setg(errp, "Parameter 'target' is missing");
    } else {
        error_setg(errp, "Parameter 'target' does not accept value '%s'", name);
    }
    return false;
}

/* There is one provider, the accelerator that counts. */
static bool check_provider(const char *name, GError **errp)
{
    if (!name) {
        error_setg(errp, "Parameter 'provider' is missing");
        return false;
    }
    if (!g_str_equal(name, "kvm")) {
        error_setg(errp, "Parameter 'provider' does not accept value '%s'",
                   name);
        return false;
    }
    return true;
}

/* --- Values --- */

/* What is counted of @target. Leaves *@ret_schema NULL if this accelerator
 * counts nothing. */
static bool get_schema(Machine *m, StatsTarget target,
                       const StatsSchema **ret_schema, GError **errp)
{
    const StatsSchema *schema = NULL;
    int r;

    if (target == STATS_TARGET_VCPU && !m->cpus) {
        *ret_schema = NULL;
        return true;
    }
    r = m->accel_ops->stats_schema(m->accel, target, &schema);
    if (r < 0 && r != -ENOTSUP) {
        error_setg_errno(errp, -r, "%s: cannot read what statistics there are",
                         m->accel_ops->name);
        return false;
    }
    *ret_schema = r < 0 ? NULL : schema;
    return true;
}

static json_object *value_to_json(const StatsDesc *d, const uint64_t *values)
{
    json_object *list;

    if (d->type < STATS_TYPE_LINEAR_HISTOGRAM && d->size == 1) {
        return d->unit == STATS_UNIT_BOOLEAN
                   ? json_object_new_boolean(values[d->first] != 0)
                   : json_object_new_uint64(values[d->first]);
    }
    list = json_object_new_array_ext((int)d->size);
    for (size_t i = 0; i < d->size; i++) {
        json_object_array_add(list,
                              json_object_new_uint64(values[d->first + i]));
    }
    return list;
}

/* Appends to @results those statistics of @cpu (NULL: of the machine) that are
 * in @names (NULL: all), if there are any. */
static bool add_result(Machine *m, const StatsSchema *schema, const Cpu *cpu,
                       json_object *names, json_object *results, GError **errp)
{
    g_autofree uint64_t *values = g_new0(uint64_t, schema->n_values);
    json_object *stats, *result;
    int r = m->accel_ops->stats_read(m->accel, cpu, values);

    if (r < 0) {
        error_setg_errno(errp, -r, "%s: cannot read statistics",
                         m->accel_ops->name);
        return false;
    }
    stats = json_object_new_array();
    for (size_t i = 0; i < schema->n_descs; i++) {
        const StatsDesc *d = &schema->descs[i];
        json_object *row;

        if (names && !array_has_string(names, d->name)) {
            continue;
        }
        row = json_object_new_object();
        json_add_string(row, "name", d->name);
        json_add(row, "value", value_to_json(d, values));
        json_object_array_add(stats, row);
    }
    if (json_object_array_length(stats) == 0) {
        json_object_put(stats);
        return true;
    }
    result = json_object_new_object();
    json_add_string(result, "provider", m->accel_ops->name);
    if (cpu) {
        g_autofree char *path = cpu_path(cpu);

        json_add_string(result, "qom-path", path);
    }
    json_add(result, "stats", stats);
    json_object_array_add(results, result);
    return true;
}

/* The results of one provider for all that @target and @vcpus select. */
static bool add_results(Machine *m, StatsTarget target, json_object *vcpus,
                        json_object *names, json_object *results, GError **errp)
{
    const StatsSchema *schema;

    if (!get_schema(m, target, &schema, errp)) {
        return false;
    }
    if (!schema) {
        return true;
    }
    if (target == STATS_TARGET_VM) {
        return add_result(m, schema, NULL, names, results, errp);
    }
    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        g_autofree char *path = cpu_path(&m->cpus[i]);

        if ((!vcpus || array_has_string(vcpus, path)) &&
            !add_result(m, schema, &m->cpus[i], names, results, errp)) {
            return false;
        }
    }
    return true;
}

static bool query_stats(Machine *m, json_object *args, json_object *results,
                        GError **errp)
{
    json_object *providers, *vcpus;
    StatsTarget target;

    if (!get_target(args, &target, errp) ||
        !get_array(args, "providers", &providers, errp) ||
        !get_array(args, "vcpus", &vcpus, errp)) {
        return false;
    }
    if (vcpus && target != STATS_TARGET_VCPU) {
        error_setg(errp, "Parameter 'vcpus' is unexpected");
        return false;
    }
    if (!providers) {
        return add_results(m, target, vcpus, NULL, results, errp);
    }
    for (size_t i = 0; i < json_object_array_length(providers); i++) {
        json_object *p = json_object_array_get_idx(providers, i);
        json_object *names;

        if (!check_provider(json_object_get_string(json_get(p, "provider")),
                            errp) ||
            !get_array(p, "names", &names, errp) ||
            !add_results(m, target, vcpus, names, results, errp)) {
            return false;
        }
    }
    return true;
}

json_object *qmp_query_stats(Machine *m, json_object *args, GError **errp)
{
    json_object *results = json_object_new_array();

    if (!query_stats(m, args, results, errp)) {
        json_object_put(results);
        return NULL;
    }
    return results;
}

/* --- Schemas --- */

static json_object *desc_to_json(const StatsDesc *d)
{
    json_object *row = json_object_new_object();

    json_add_string(row, "name", d->name);
    json_add_string(row, "type", type_names[d->type]);
    if (unit_names[d->unit]) {
        json_add_string(row, "unit", unit_names[d->unit]);
    }
    if (d->exponent) {
        json_add_int(row, "base", (int64_t)d->base);
    }
    json_add_int(row, "exponent", d->exponent);
    if (d->type == STATS_TYPE_LINEAR_HISTOGRAM) {
        json_add_uint(row, "bucket-size", d->bucket_size);
    }
    return row;
}

static bool add_schema(Machine *m, StatsTarget target, json_object *schemas,
                       GError **errp)
{
    const StatsSchema *schema;
    json_object *dict, *rows;

    if (!get_schema(m, target, &schema, errp)) {
        return false;
    }
    if (!schema) {
        return true;
    }
    rows = json_object_new_array_ext((int)schema->n_descs);
    for (size_t i = 0; i < schema->n_descs; i++) {
        json_object_array_add(rows, desc_to_json(&schema->descs[i]));
    }
    dict = json_object_new_object();
    json_add_string(dict, "provider", m->accel_ops->name);
    json_add_string(dict, "target", target_names[target]);
    json_add(dict, "stats", rows);
    json_object_array_add(schemas, dict);
    return true;
}

json_object *qmp_query_stats_schemas(Machine *m, json_object *args,
                                     GError **errp)
{
    json_object *provider = json_get(args, "provider");
    json_object *schemas;

    if (provider && !check_provider(json_object_get_string(provider), errp)) {
        return NULL;
    }
    schemas = json_object_new_array();
    for (unsigned i = 0; i < STATS_TARGETS_COUNT; i++) {
        if (!add_schema(m, (StatsTarget)i, schemas, errp)) {
            json_object_put(schemas);
            return NULL;
        }
    }
    return schemas;
}

json_object *qmp_query_kvm(Machine *m, json_object *args, GError **errp)
{
    const AccelOps *kvm = accel_find(m->registry, "kvm");
    json_object *dict = json_object_new_object();

    /* A machine that runs on it needs no second look, which a sandbox could
     * spoil. */
    json_add_bool(dict, "enabled", m->accel_ops == kvm);
    json_add_bool(dict, "present", m->accel_ops == kvm || kvm->is_present());
    return dict;
}
