/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say what machine there is and what runs it. */
#include "options-int.h"
#include "target/i386/cpu.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

static bool set_accel(Options *o, const char *list, GError **errp)
{
    g_auto(GStrv) names = g_strsplit(list, ":", 0);

    o->accel = o->accel_fallback = NULL;
    for (char **name = names; *name; name++) {
        const AccelOps *accel = accel_find(*name);

        if (!o->accel) {
            o->accel = accel;
        } else if (!o->accel_fallback && accel != o->accel) {
            o->accel_fallback = accel;
        }
    }
    if (o->accel) {
        return true;
    }
    error_setg(errp, "invalid accelerator '%s'; see -accel help", list);
    return false;
}

/* A switch for what this machine does not have: QEMU's name, and off. */
static bool check_absent(const char *what, json_object *dict, const char *key,
                         GError **errp)
{
    bool on;

    if (!option_check_switch(what, dict, key, &on, errp)) {
        return false;
    }
    if (on) {
        error_setg(errp, "%s: this machine has no %s: give %s=off", what, key,
                   key);
    }
    return !on;
}

static void print_machines(void)
{
    printf("Supported machines are:\n");
    for (unsigned i = 0; machine_types[i]; i++) {
        const MachineType *t = machine_types[i];

        if (t->alias) {
            printf("%-20s %s (alias of %s)%s\n", t->alias, t->summary, t->name,
                   t->is_default ? " (default)" : "");
        }
        printf("%-20s %s\n", t->name, t->summary);
    }
}

static bool set_machine(Options *o, const char *name, GError **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *near = NULL;

    o->machine = machine_type_find(name);
    if (o->machine) {
        return true;
    }
    for (unsigned i = 0; machine_types[i]; i++) {
        g_ptr_array_add(names, (char *)machine_types[i]->name);
        if (machine_types[i]->alias) {
            g_ptr_array_add(names, (char *)machine_types[i]->alias);
        }
    }
    g_ptr_array_add(names, NULL);
    near = suggest_name(name, (const char *const *)names->pdata,
                        "; see -machine help");
    error_setg(errp, "unsupported machine type '%s'%s", name, near);
    return false;
}

/* Keys that can only say what is so anyway. */
static bool check_fixed_keys(json_object *dict, GError **errp)
{
    static const char *const absent[] = { "usb", "hpet", "smm", "sata", NULL };
    const char *vmport = keyval_get(dict, "vmport");
    const char *irqchip = keyval_get(dict, "kernel-irqchip");
    bool merge;

    for (unsigned i = 0; absent[i]; i++) {
        if (!check_absent("-machine", dict, absent[i], errp)) {
            return false;
        }
    }
    if (g_strcmp0(vmport, "auto") &&
        !check_absent("-machine", dict, "vmport", errp)) {
        return false;
    }
    if (irqchip && !g_str_equal(irqchip, "on")) {
        error_setg(errp,
                   "-machine: kernel-irqchip=%s is not supported: the "
                   "interrupt controllers are KVM's, give on",
                   irqchip);
        return false;
    }
    return option_check_switch("-machine", dict, "mem-merge", &merge, errp);
}

/* acpi=on|off|auto, the newer way to say -no-acpi. */
static bool set_acpi(Options *o, json_object *dict, GError **errp)
{
    const char *acpi = keyval_get(dict, "acpi");
    bool on;

    if (!acpi || g_str_equal(acpi, "auto")) {
        return true;
    }
    if (!option_check_switch("-machine", dict, "acpi", &on, errp)) {
        return false;
    }
    o->config.no_acpi = !on;
    return true;
}

static bool set_machine_keys(Options *o, json_object *dict, GError **errp)
{
    const char *type = keyval_get(dict, "type");
    const char *accel = keyval_get(dict, "accel");
    const char *backend = keyval_get(dict, "memory-backend");
    const char *dump = keyval_get(dict, "dump-guest-core");

    if (backend) {
        option_set_string(&o->config.memory_backend, backend);
    }
    return (!dump || option_check_switch("-machine", dict, "dump-guest-core",
                                         &o->config.dump_guest_core, errp)) &&
           set_acpi(o, dict, errp) && (!type || set_machine(o, type, errp)) &&
           (!accel || set_accel(o, accel, errp));
}

bool option_machine(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = {
        "type",
        "accel",
        "usb",
        "vmport",
        "hpet",
        "smm",
        "sata",
        "acpi",
        "dump-guest-core",
        "memory-backend",
        "mem-merge",
        "kernel-irqchip",
        NULL,
    };
    auto_json *dict = NULL;

    if (option_is_help(arg)) {
        print_machines();
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "type", errp);
    return dict && keyval_check_keys(dict, "-machine", keys, errp) &&
           check_fixed_keys(dict, errp) && set_machine_keys(o, dict, errp);
}

bool option_accel(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "accel", NULL };
    auto_json *dict = NULL;
    const char *name;

    if (option_is_help(arg)) {
        printf("Accelerators supported in QEMU binary:\n");
        for (unsigned i = 0; accel_types[i]; i++) {
            printf("%s\n", accel_types[i]->name);
        }
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "accel", errp);
    if (!dict || !keyval_check_keys(dict, "-accel", keys, errp)) {
        return false;
    }
    name = keyval_get(dict, "accel");
    return set_accel(o, name ? name : "", errp);
}

bool option_enable_kvm(Options *o, const char *arg, GError **errp)
{
    return set_accel(o, "kvm", errp);
}

/* Anything but the model and migratable= is a feature of the processor. */
static bool check_features(json_object *dict, GError **errp)
{
    json_object_object_foreach(dict, key, value)
    {
        if (!g_str_equal(key, "model") && !g_str_equal(key, "migratable")) {
            error_setg(errp,
                       "-cpu: feature '%s' cannot be switched: the guest gets "
                       "every feature of the host's processor that KVM can "
                       "pass on, leave it out",
                       *key == '+' || *key == '-' ? key + 1 : key);
            return false;
        }
        (void)value;
    }
    return true;
}

bool option_cpu(Options *o, const char *arg, GError **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    auto_json *dict = NULL;
    const char *model;
    g_autofree char *near = NULL;
    bool migratable;

    if (option_is_help(arg)) {
        printf("Available CPUs:\n");
        for (const CpuModel *m = cpu_models; m->name; m++) {
            printf("x86 %-10s %s\n", m->name, m->summary);
        }
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "model", errp);
    if (!dict || !check_features(dict, errp) ||
        !option_check_switch("-cpu", dict, "migratable", &migratable, errp)) {
        return false;
    }
    model = keyval_get(dict, "model");
    for (const CpuModel *m = cpu_models; m->name; m++) {
        if (!g_strcmp0(m->name, model)) {
            g_free(o->config.cpu_model);
            o->config.cpu_model = g_strdup(model);
            return true;
        }
        g_ptr_array_add(names, (char *)m->name);
    }
    g_ptr_array_add(names, NULL);
    near = suggest_name(model ? model : "", (const char *const *)names->pdata,
                        "; this machine passes the host's processor on, see "
                        "-cpu help");
    error_setg(errp, "unable to find CPU model '%s'%s", model ? model : "",
               near);
    return false;
}

/* One number of -smp; absent leaves *@n. */
static bool get_count(json_object *dict, const char *key, unsigned *n,
                      GError **errp)
{
    const char *text = keyval_get(dict, key);
    uint64_t v;

    if (!text) {
        return true;
    }
    if (parse_u64(text, &v) < 0 || v < 1 || v > CPUS_MAX) {
        error_setg(errp,
                   "-smp: '%s' cannot be '%s': a number from 1 to %d is "
                   "expected",
                   key, text, CPUS_MAX);
        return false;
    }
    *n = (unsigned)v;
    return true;
}

/* A level of the topology that this machine does not have. */
static bool check_one(json_object *dict, const char *key, GError **errp)
{
    unsigned n = 1;

    if (!get_count(dict, key, &n, errp)) {
        return false;
    }
    if (n != 1) {
        error_setg(errp,
                   "-smp: %s > 1 not supported by this machine: leave "
                   "it out",
                   key);
    }
    return n == 1;
}

/* What is not given follows from what is; of a number of vCPUs alone, cores of
 * one socket are made. */
bool option_smp(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "cpus",    "maxcpus",  "sockets",
                                        "dies",    "clusters", "cores",
                                        "threads", NULL };
    auto_json *dict = keyval_parse(arg, "cpus", errp);
    unsigned cpus = 0, max = 0;
    CpuTopology t = { 0 };

    if (!dict || !keyval_check_keys(dict, "-smp", keys, errp) ||
        !get_count(dict, "cpus", &cpus, errp) ||
        !get_count(dict, "maxcpus", &max, errp) ||
        !get_count(dict, "sockets", &t.sockets, errp) ||
        !get_count(dict, "cores", &t.cores, errp) ||
        !get_count(dict, "threads", &t.threads, errp) ||
        !check_one(dict, "dies", errp) || !check_one(dict, "clusters", errp)) {
        return false;
    }
    t.threads = t.threads ? t.threads : 1;
    if (!t.cores) {
        unsigned per_core = MAX(t.sockets, 1) * t.threads;

        t.cores = cpus > per_core ? cpus / per_core : 1;
    }
    if (!t.sockets) {
        unsigned per_socket = t.cores * t.threads;

        t.sockets = cpus > per_socket ? cpus / per_socket : 1;
    }
    cpus = cpus ? cpus : t.sockets * t.cores * t.threads;
    if (t.sockets * t.cores * t.threads != cpus || cpus > CPUS_MAX) {
        error_setg(errp,
                   "-smp: sockets (%u) * cores (%u) * threads (%u) must be "
                   "the number of vCPUs (%u), at most %d",
                   t.sockets, t.cores, t.threads, cpus, CPUS_MAX);
        return false;
    }
    if (max && max != cpus) {
        error_setg(errp,
                   "-smp: maxcpus (%u) must be cpus (%u): vCPUs cannot "
                   "be added later",
                   max, cpus);
        return false;
    }
    o->config.n_cpus = cpus;
    o->config.topology = t;
    return true;
}

bool option_m(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "size", NULL };
    auto_json *dict = keyval_parse(arg, "size", errp);
    const char *size;

    if (!dict || !keyval_check_keys(dict, "-m", keys, errp)) {
        return false;
    }
    size = keyval_get(dict, "size");
    if (!size || parse_size(size, MiB, &o->config.ram_size) < 0) {
        error_setg(errp,
                   "-m: invalid size '%s': a number with an optional suffix "
                   "M, G or T is expected",
                   size ? size : "");
        return false;
    }
    o->has_ram_size = true;
    return true;
}
