/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "info stats": the values of query-stats with what query-stats-schemas says
 * of them. */
#include "hmp-int.h"

/* Units that have a name of their own: base ^ exponent of what is counted. */
static const struct {
    const char *unit;
    int base, exponent;
    const char *text;
} scaled_units[] = {
    { "seconds", 10, -9, "ns" }, { "seconds", 10, -6, "us" },
    { "seconds", 10, -3, "ms" }, { "bytes", 2, 10, "KiB" },
    { "bytes", 2, 20, "MiB" },   { "bytes", 2, 30, "GiB" },
};

/* What one step of the value is; empty for a plain count. The caller frees
 * it. */
static char *unit_text(const char *unit, int64_t base, int64_t exponent)
{
    if (!exponent) {
        return g_strdup(unit);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(scaled_units); i++) {
        if (scaled_units[i].base == base &&
            scaled_units[i].exponent == exponent &&
            g_str_equal(scaled_units[i].unit, unit)) {
            return g_strdup(scaled_units[i].text);
        }
    }
    return g_strdup_printf("%" PRId64 "^%" PRId64 "%s%s", base, exponent,
                           *unit ? " " : "", unit);
}

/* " (cumulative, ns)" */
static void print_kind(Hmp *h, json_object *row)
{
    g_autofree char *unit = unit_text(json_text(row, "unit"),
                                      (int64_t)json_number(row, "base"),
                                      (int64_t)json_number(row, "exponent"));

    hmp_print(h, " (%s%s%s)", json_text(row, "type"), *unit ? ", " : "", unit);
}

/* A bucket is called by its number from 1, as KVM counts them; one of a linear
 * histogram by its least value. */
static void print_value(Hmp *h, json_object *value, json_object *row)
{
    uint64_t width = json_number(row, "bucket-size");

    if (json_object_is_type(value, json_type_boolean)) {
        hmp_print(h, " %s", json_object_get_boolean(value) ? "yes" : "no");
        return;
    }
    if (!json_object_is_type(value, json_type_array)) {
        hmp_print(h, " %s", value ? json_object_get_string(value) : "?");
        return;
    }
    for (size_t i = 0; i < json_len(value); i++) {
        const char *count = json_object_get_string(json_at(value, i));

        hmp_print(h, " [%" PRIu64 "]=%s", width ? i * width : i + 1,
                  count ? count : "?");
    }
}

/* The row of @schemas for @name of @provider and @target, or NULL. */
static json_object *find_row(json_object *schemas, const char *provider,
                             const char *target, const char *name)
{
    for (size_t i = 0; i < json_len(schemas); i++) {
        json_object *schema = json_at(schemas, i);
        json_object *rows = json_get(schema, "stats");

        if (!g_str_equal(json_text(schema, "provider"), provider) ||
            !g_str_equal(json_text(schema, "target"), target)) {
            continue;
        }
        for (size_t n = 0; n < json_len(rows); n++) {
            if (g_str_equal(json_text(json_at(rows, n), "name"), name)) {
                return json_at(rows, n);
            }
        }
    }
    return NULL;
}

static void print_results(Hmp *h, json_object *results, json_object *schemas,
                          const char *target, bool with_provider)
{
    for (size_t i = 0; i < json_len(results); i++) {
        json_object *result = json_at(results, i);
        json_object *stats = json_get(result, "stats");
        const char *provider = json_text(result, "provider");

        if (with_provider) {
            hmp_print(h, "provider: %s\n", provider);
        }
        if (json_len(results) > 1 && json_get(result, "qom-path")) {
            hmp_print(h, "%s: %s\n", target, json_text(result, "qom-path"));
        }
        for (size_t n = 0; n < json_len(stats); n++) {
            json_object *s = json_at(stats, n);
            const char *name = json_text(s, "name");
            json_object *row = find_row(schemas, provider, target, name);

            hmp_print(h, "    %s", name);
            if (row) {
                print_kind(h, row);
            }
            hmp_print(h, ":");
            print_value(h, json_get(s, "value"), row);
            hmp_print(h, "\n");
        }
    }
}

/* Arguments of query-stats; @names is a list with commas. */
static json_object *make_filter(const char *target, const char *names,
                                const char *provider)
{
    json_object *filter = json_object_new_object();
    json_object *p, *list;

    json_add_string(filter, "target", target);
    if (!names && !provider) {
        return filter;
    }
    p = json_object_new_object();
    json_add_string(p, "provider", provider ? provider : "kvm");
    if (names && !g_str_equal(names, "*")) {
        g_auto(GStrv) words = g_strsplit(names, ",", -1);
        json_object *array = json_object_new_array();

        for (char **w = words; *w; w++) {
            json_object_array_add(array, json_object_new_string(*w));
        }
        json_add(p, "names", array);
    }
    list = json_object_new_array();
    json_object_array_add(list, p);
    json_add(filter, "providers", list);
    return filter;
}

void hmp_info_stats(Hmp *h)
{
    const char *target = h->argv[0];
    const char *names = h->argv[1];
    const char *provider = names ? h->argv[2] : NULL;
    json_object *schemas, *results = NULL;

    if (!g_str_equal(target, "vm") && !g_str_equal(target, "vcpu") &&
        !g_str_equal(target, "vhost-worker")) {
        hmp_print(h, "invalid stats target %s\n", target);
        return;
    }
    if (provider && !g_str_equal(provider, "kvm")) {
        hmp_print(h, "invalid stats provider %s\n", provider);
        return;
    }
    schemas = hmp_call(h, "query-stats-schemas", NULL);
    if (schemas) {
        results = hmp_call(h, "query-stats",
                           make_filter(target, names, provider));
    }
    print_results(h, results, schemas, target, !provider);
    json_object_put(results);
    json_object_put(schemas);
}
