/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say what machine there is and what runs it. */
#include "options-int.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

/* Notes one name after the other: the first that this program has, and the
 * next. One that it lacks matters only if there is no other. */
static void add_accel(Options *o, const char *name)
{
    const AccelOps *accel = accel_find(o->registry, name);

    if (!accel) {
        option_set_string(&o->accel_unknown, name);
    } else if (!o->accel) {
        o->accel = accel;
    } else if (!o->accel_fallback && accel != o->accel) {
        o->accel_fallback = accel;
    }
}

static void add_accels(Options *o, const char *list)
{
    g_auto(GStrv) names = g_strsplit(list, ":", 0);

    for (char **name = names; *name; name++) {
        add_accel(o, *name);
    }
    if (!*names) {
        add_accel(o, "");
    }
}

bool option_choose_accel(Options *o, GError **errp)
{
    if (o->accel_by_machine && o->accel_by_option) {
        error_setg(errp, "The -accel and \"-machine accel=\" options are "
                         "incompatible");
        return false;
    }
    if (!o->accel && o->accel_unknown) {
        error_setg(errp, "invalid accelerator '%s'; see -accel help",
                   o->accel_unknown);
        return false;
    }
    if (!o->accel) {
        o->accel = o->registry->accel_types[0];
    }
    return true;
}

/* The last -machine accel= counts. */
static bool set_accels(Options *o, const char *list)
{
    o->accel = o->accel_fallback = NULL;
    g_clear_pointer(&o->accel_unknown, g_free);
    o->accel_by_machine = true;
    add_accels(o, list);
    return true;
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

static void print_machines(const Registry *r)
{
    printf("Supported machines are:\n");
    for (unsigned i = 0; r->machine_types[i]; i++) {
        const MachineType *t = r->machine_types[i];

        if (t->alias) {
            printf("%-20s %s (alias of %s)%s\n", t->alias, t->summary, t->name,
                   t->is_default ? " (default)" : "");
        }
        printf("%-20s %s\n", t->name, t->summary);
        for (unsigned j = 0; t->versions && t->versions[j]; j++) {
            printf("%-20s %s (the same as %s)\n", t->versions[j], t->summary,
                   t->name);
        }
    }
}

static bool set_machine(Options *o, const char *name, GError **errp)
{
    const Registry *r = o->registry;
    NearName near = { .name = name };

    o->machine = machine_type_find(r, name);
    if (o->machine) {
        return true;
    }
    for (unsigned i = 0; r->machine_types[i]; i++) {
        near_name_try(&near, r->machine_types[i]->name);
        if (r->machine_types[i]->alias) {
            near_name_try(&near, r->machine_types[i]->alias);
        }
    }
    error_setg_near(errp, &near, "; see -machine help",
                    "unsupported machine type '%s'", name);
    return false;
}

/* libvirt gives smm=on for a firmware with Secure Boot. */
static bool check_smm(json_object *dict, GError **errp)
{
    const char *smm = keyval_get(dict, "smm");
    bool on;

    if (!g_strcmp0(smm, "auto")) {
        return true;
    }
    if (!option_check_switch("-machine", dict, "smm", &on, errp)) {
        return false;
    }
    if (on) {
        error_setg(errp, "-machine: this machine has no SMM, which a firmware "
                         "with Secure Boot needs: choose one without it (in a "
                         "domain's XML <firmware><feature enabled='no' "
                         "name='secure-boot'/></firmware>) and give smm=off");
    }
    return !on;
}

/* Keys that can only say what is so anyway. */
static bool check_fixed_keys(json_object *dict, GError **errp)
{
    static const char *const absent[] = { "usb", "hpet", "sata", "graphics",
                                          NULL };
    const char *vmport = keyval_get(dict, "vmport");
    const char *irqchip = keyval_get(dict, "kernel-irqchip");
    bool merge;

    for (unsigned i = 0; absent[i]; i++) {
        if (!check_absent("-machine", dict, absent[i], errp)) {
            return false;
        }
    }
    if (!check_smm(dict, errp)) {
        return false;
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
    for (unsigned i = 0; i < FLASH_UNITS; i++) {
        g_autofree char *key = g_strdup_printf("pflash%u", i);
        const char *node = keyval_get(dict, key);

        if (node) {
            option_set_string(&o->pflash_nodes[i], node);
        }
    }
    if (keyval_get(dict, "graphics")) {
        o->config.serial_console = true; /* it can only be off */
    }
    return (!dump || option_check_switch("-machine", dict, "dump-guest-core",
                                         &o->config.dump_guest_core, errp)) &&
           set_acpi(o, dict, errp) && (!type || set_machine(o, type, errp)) &&
           (!accel || set_accels(o, accel));
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
        "graphics",
        "acpi",
        "dump-guest-core",
        "memory-backend",
        "mem-merge",
        "kernel-irqchip",
        "pflash0",
        "pflash1",
        NULL,
    };
    auto_json *dict = NULL;

    if (option_is_help(arg)) {
        print_machines(o->registry);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "type", errp);
    return dict && keyval_check_keys(dict, "-machine", keys, errp) &&
           check_fixed_keys(dict, errp) && set_machine_keys(o, dict, errp);
}

/* Given several times, they are tried in turn. */
bool option_accel(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "accel", NULL };
    auto_json *dict = NULL;
    const char *name;

    if (option_is_help(arg)) {
        printf("Accelerators supported in QEMU binary:\n");
        for (unsigned i = 0; o->registry->accel_types[i]; i++) {
            printf("%s\n", o->registry->accel_types[i]->name);
        }
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "accel", errp);
    name = dict ? keyval_get(dict, "accel") : NULL;
    /* What an accelerator takes that is not here, nobody knows. */
    if (!dict || ((!name || accel_find(o->registry, name)) &&
                  !keyval_check_keys(dict, "-accel", keys, errp))) {
        return false;
    }
    o->accel_by_option = true;
    add_accels(o, name ? name : "");
    return true;
}

bool option_enable_kvm(Options *o, const char *arg, GError **errp)
{
    o->accel_by_option = true;
    add_accel(o, "kvm");
    return true;
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
                   "-smp: maxcpus (%u) must be cpus (%u): vCPUs cannot be "
                   "added later, leave maxcpus out or give all of them at "
                   "the start with cpus=%u",
                   max, cpus, max);
        return false;
    }
    o->config.n_cpus = cpus;
    o->config.topology = t;
    o->config.topology_given = keyval_get(dict, "sockets") ||
                               keyval_get(dict, "cores") ||
                               keyval_get(dict, "threads");
    return true;
}

/* What it says is looked at when the machine's objects are there. */
bool option_numa(Options *o, const char *arg, GError **errp)
{
    json_object *dict = keyval_parse_repeated(arg, "type", "cpus", errp);

    return dict && option_add_repeat(o->numa, dict, "-numa", errp);
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
