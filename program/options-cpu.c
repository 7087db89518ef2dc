/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -cpu: a model, and features by name that the guest gets or does not get. */
#include "options-int.h"
#include "target/target.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

/* Keys that are no features; a bool each. */
static const char *const switches[] = { "migratable", "check", "enforce",
                                        "host-phys-bits", NULL };

static bool is_hyperv(const char *name)
{
    return g_str_has_prefix(name, "hv-") || g_str_has_prefix(name, "hv_");
}

static void unknown_feature(const char *name, GError **errp)
{
    NearName near = { .name = name };

    for (unsigned i = 0; target_info.feature(i); i++) {
        near_name_try(&near, target_info.feature(i));
    }
    error_setg_near(errp, &near, "; see -cpu help",
                    "-cpu: feature '%s' cannot be switched", name);
}

/* Notes what @key says: "f", "+f" or "-f". Later ones win. */
static bool note_feature(GHashTable *features, const char *key, bool on,
                         GError **errp)
{
    const char *given = *key == '+' || *key == '-' ? key + 1 : key;
    const char *name = target_info.feature_name(given);

    if (is_hyperv(given)) {
        if (on) {
            error_setg(errp,
                       "-cpu: '%s' cannot be switched on: what Hyper-V offers "
                       "is for Windows, which this machine does not start: "
                       "leave it out",
                       given);
        }
        return !on;
    }
    if (!name) {
        unknown_feature(given, errp);
        return false;
    }
    g_hash_table_insert(features, (gpointer)name, GINT_TO_POINTER(on));
    return true;
}

/* First all KEY=VALUE, then +f, then -f, as in QEMU. */
static bool note_features(GHashTable *features, json_object *dict, char sign,
                          GError **errp)
{
    json_object_object_foreach(dict, key, value)
    {
        char first = *key == '+' || *key == '-' ? *key : '=';
        bool on = true;

        if (first != sign || g_str_equal(key, "model") ||
            g_strv_contains(switches, key)) {
            continue;
        }
        if (parse_bool(json_object_get_string(value), &on) < 0) {
            error_setg(errp, "-cpu: parameter '%s' expects 'on' or 'off'", key);
            return false;
        }
        if (!note_feature(features, key, on && sign != '-', errp)) {
            return false;
        }
    }
    return true;
}

/* Their names, NULL at the end. */
static char **names_of(GHashTable *features, bool on)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    GHashTableIter i;
    gpointer name, value;

    g_hash_table_iter_init(&i, features);
    while (g_hash_table_iter_next(&i, &name, &value)) {
        if (GPOINTER_TO_INT(value) == on) {
            g_strv_builder_add(names, name);
        }
    }
    return g_strv_builder_end(names);
}

static bool set_features(Options *o, json_object *dict, GError **errp)
{
    g_autoptr(GHashTable) features = g_hash_table_new(g_str_hash, g_str_equal);
    bool on;

    for (unsigned i = 0; switches[i]; i++) {
        if (!option_check_switch("-cpu", dict, switches[i], &on, errp)) {
            return false;
        }
    }
    (void)option_check_switch("-cpu", dict, "host-phys-bits", &on, NULL);
    if (keyval_get(dict, "host-phys-bits") && !on) {
        error_setg(errp, "-cpu: host-phys-bits=off is not supported: the guest "
                         "has as many address bits as the host, leave it out");
        return false;
    }
    if (!note_features(features, dict, '=', errp) ||
        !note_features(features, dict, '+', errp) ||
        !note_features(features, dict, '-', errp)) {
        return false;
    }
    g_strfreev(o->config.cpu_on);
    g_strfreev(o->config.cpu_off);
    o->config.cpu_on = names_of(features, true);
    o->config.cpu_off = names_of(features, false);
    return option_check_switch("-cpu", dict, "enforce", &o->config.cpu_enforce,
                               errp);
}

static void print_cpus(void)
{
    printf("Available CPUs:\n");
    for (const CpuModel *m = target_info.cpu_models; m->name; m++) {
        printf("%s %-10s %s\n", target_info.family, m->name, m->summary);
    }
    printf("\nRecognized %s:\n ", target_info.features_title);
    for (unsigned i = 0; target_info.feature(i); i++) {
        printf(" %s", target_info.feature(i));
    }
    printf("\n");
}

static bool set_model(Options *o, const char *model, GError **errp)
{
    NearName near = { .name = model };

    for (const CpuModel *m = target_info.cpu_models; m->name; m++) {
        if (g_str_equal(m->name, model)) {
            return option_set_string(&o->config.cpu_model, model);
        }
        near_name_try(&near, m->name);
    }
    error_setg_near(errp, &near,
                    "; this machine passes the host's processor on: give host "
                    "(in a domain's XML <cpu mode='host-passthrough'/>)",
                    "unable to find CPU model '%s'", model);
    return false;
}

bool option_cpu(Options *o, const char *arg, GError **errp)
{
    auto_json *dict = NULL;
    const char *model;

    if (option_is_help(arg)) {
        print_cpus();
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "model", errp);
    if (!dict) {
        return false;
    }
    model = keyval_get(dict, "model");
    return set_model(o, model ? model : "", errp) &&
           set_features(o, dict, errp);
}
