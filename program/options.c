/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chardev/char.h"
#include "monitor/monitor.h"
#include "options-int.h"
#include "program/registry.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"

#define STRING_LENGTH_MAX 4096

/* One row of the command line. @arg is NULL exactly for an option without an
 * argument. */
typedef struct Option {
    const char *name;
    const char *arg_help; /* what follows the name in -help; NULL: nothing */
    const char *help;     /* NULL: not listed */
    bool (*handler)(Options *o, const char *arg, GError **errp);
    /* Without a handler: the string in Options that the argument becomes, or
     * the bool that is set. 0: none, and an argument must be "none". */
    size_t field;
} Option;

#define OPTION_FIELD(its_field) NULL, offsetof(Options, its_field)

static const Option option_table[];

/* --- help --- */

static bool opt_help(Options *o, const char *arg, GError **errp)
{
    printf(
        "usage: " PROGRAM_NAME " [options]\n\n"
        "A KVM machine whose disks are LUNs of the kernel's vhost-scsi.\n\n");
    for (const Option *opt = option_table; opt->name; opt++) {
        g_autofree char *left = g_strdup_printf(
            "-%s%s%s", opt->name, opt->arg_help ? " " : "",
            opt->arg_help ? opt->arg_help : "");

        if (!opt->help) {
            continue;
        }
        printf("%-36s %s\n", left, opt->help);
    }
    o->help_printed = true;
    return true;
}

static bool opt_version(Options *o, const char *arg, GError **errp)
{
    printf("QEMU emulator version " QEMU_VERSION " (qemu-vhost-scsi %s)\n"
           "The version of QEMU is that of the interfaces; the program is "
           "another one.\n",
           PROJECT_VERSION);
    o->help_printed = true;
    return true;
}

bool option_is_help(const char *arg)
{
    return g_str_equal(arg, "help") || g_str_equal(arg, "?");
}

bool option_check_switch(const char *what, json_object *dict, const char *key,
                         bool *ret_on, GError **errp)
{
    const char *value = keyval_get(dict, key);

    *ret_on = false;
    if (value && parse_bool(value, ret_on) < 0) {
        error_setg(errp, "%s: parameter '%s' expects 'on' or 'off'", what, key);
        return false;
    }
    return true;
}

bool option_set_string(char **field, const char *arg)
{
    g_free(*field);
    *field = g_strdup(arg);
    return true;
}

/* --- devices --- */

/* -device TYPE,help */
static bool device_help(Options *o, json_object *dict, GError **errp)
{
    const char *driver = keyval_get(dict, "driver");
    const DeviceType *type = device_type_get(o->registry, driver ? driver : "",
                                             false, errp);

    if (!type) {
        g_prefix_error(errp, "-device: ");
        return false;
    }
    device_print_properties(stdout, type);
    o->help_printed = true;
    return true;
}

static bool opt_device(Options *o, const char *arg, GError **errp)
{
    json_object *dict;

    if (option_is_help(arg)) {
        device_print_types(stdout, o->registry);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "driver", errp);
    if (!dict) {
        return false;
    }
    if (json_object_object_get_ex(dict, "help", NULL)) {
        bool ok = device_help(o, dict, errp);

        json_object_put(dict);
        return ok;
    }
    return option_add_repeat(o->devices, dict, "-device", errp);
}

/* What a machine with a screen has. */
static bool check_chardev(json_object *dict, GError **errp)
{
    const char *backend = keyval_get(dict, "backend");
    const char *instead = backend ? absent_instead(backend) : NULL;

    if (instead) {
        error_setg(errp, "-chardev: '%s' is not a valid char driver name: %s",
                   backend, instead);
    }
    return !instead;
}

static bool opt_chardev(Options *o, const char *arg, GError **errp)
{
    json_object *dict;

    if (option_is_help(arg)) {
        chardev_print_backends(stdout);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "backend", errp);
    return dict && option_add_repeat(o->chardevs, dict, "-chardev", errp) &&
           check_chardev(dict, errp);
}

static bool opt_serial(Options *o, const char *arg, GError **errp)
{
    return option_add_repeat(o->serials, g_strdup(arg), "-serial", errp);
}

/* --- what is accepted because there is none of it --- */

static bool only_none(const char *name, const char *arg, GError **errp)
{
    g_autofree char *option = g_strdup_printf("-%s", name);
    const char *instead = absent_instead(option);

    if (!g_str_equal(arg, "none")) {
        error_setg(errp, "%s: '%s' is not supported: %s", option, arg,
                   instead ? instead : "only 'none' is");
        return false;
    }
    return true;
}

/* The escape character of terminals, as a number: Ctrl-A here. */
static bool opt_echr(Options *o, const char *arg, GError **errp)
{
    uint64_t c;

    if (parse_u64(arg, &c) < 0 || c != 1) {
        error_setg(errp,
                   "-echr: '%s' is not supported: the escape character "
                   "is Ctrl-A, give 1 or leave it out",
                   arg);
        return false;
    }
    return true;
}

static bool opt_audio(Options *o, const char *arg, GError **errp)
{
    return only_none(
        "audio",
        g_str_has_prefix(arg, "driver=") ? arg + strlen("driver=") : arg, errp);
}

/* There is no watchdog. */
static bool opt_watchdog_action(Options *o, const char *arg, GError **errp)
{
    g_autofree char *action = g_strdup_printf("watchdog=%s", arg);

    if (strchr(arg, ',') || !option_action(o, action, NULL)) {
        error_setg(errp, "-watchdog-action: '%s' is no action", arg);
        return false;
    }
    return true;
}

/* Not in -help, nor in query-command-line-options: libvirt would use it. */
static bool opt_sandbox(Options *o, const char *arg, GError **errp)
{
    error_setg(errp, "-sandbox: this emulator has no sandbox yet: leave it "
                     "out");
    return false;
}

/* Not in -help either. */
static bool opt_preconfig(Options *o, const char *arg, GError **errp)
{
    error_setg(errp, "-preconfig: there is no state before the machine is "
                     "built: leave it out, -S waits before the start");
    return false;
}

/* --- identity --- */

static bool opt_name(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "guest", "debug-threads", "process",
                                        NULL };
    auto_json *dict = keyval_parse(arg, "guest", errp);
    const char *guest;
    bool debug;

    if (!dict || !keyval_check_keys(dict, "-name", keys, errp) ||
        !option_check_switch("-name", dict, "debug-threads", &debug, errp)) {
        return false;
    }
    guest = keyval_get(dict, "guest");
    if (guest && strlen(guest) > STRING_LENGTH_MAX) {
        error_setg(errp, "-name: the name is longer than %d bytes",
                   STRING_LENGTH_MAX);
        return false;
    }
    return option_set_string(&o->config.name, guest);
}

static bool opt_uuid(Options *o, const char *arg, GError **errp)
{
    if (parse_uuid(arg, o->config.uuid) < 0) {
        error_setg(errp,
                   "-uuid: '%s' is not a UUID "
                   "(xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)",
                   arg);
        return false;
    }
    o->config.has_uuid = true;
    return true;
}

/* --- log --- */

static bool set_log_file(const char *option, const char *path, GError **errp)
{
    if (!log_set_file(path, errp)) {
        g_prefix_error(errp, "%s: ", option);
        return false;
    }
    return true;
}

static bool opt_trace(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "enable", "file", NULL };
    auto_json *dict = NULL;
    const char *pattern, *file;

    if (option_is_help(arg)) {
        trace_print_events(stdout);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse(arg, "enable", errp);
    if (!dict || !keyval_check_keys(dict, "-trace", keys, errp)) {
        return false;
    }
    pattern = keyval_get(dict, "enable");
    file = keyval_get(dict, "file");
    if (pattern && !trace_set_enabled(pattern, true)) {
        error_setg(errp, "-trace: no trace event matches '%s'; see -trace help",
                   pattern);
        return false;
    }
    return !file || set_log_file("-trace", file, errp);
}

static bool opt_d(Options *o, const char *arg, GError **errp)
{
    if (option_is_help(arg)) {
        log_print_items(stdout);
        o->help_printed = true;
        return true;
    }
    return log_set_items(arg, errp);
}

static bool opt_log_file(Options *o, const char *arg, GError **errp)
{
    return set_log_file("-D", arg, errp);
}

static const Option option_table[] = {
    { "h", NULL, "print this help", opt_help },
    { "help", NULL, "print this help", opt_help },
    { "version", NULL, "print the version", opt_version },
    { "machine", "[type=]NAME[,accel=...]", "machine; -machine help lists them",
      option_machine },
    { "M", "[type=]NAME", "the same as -machine", option_machine },
    { "accel", "NAME", "accelerator; -accel help lists them", option_accel },
    { "enable-kvm", NULL, "the same as -accel kvm", option_enable_kvm },
    { "cpu", "MODEL", "CPU model; -cpu help lists them", option_cpu },
    { "smp", "[cpus=]N[,sockets=,cores=,threads=]", "vCPUs (default 1)",
      option_smp },
    { "m", "[size=]SIZE", "guest RAM in MiB or with a suffix (default 128)",
      option_m },
    { "mem-path", "PATH", "guest RAM is a file in or at PATH",
      OPTION_FIELD(mem_path) },
    { "mem-prealloc", NULL, "touch all guest RAM at the start",
      OPTION_FIELD(mem_prealloc) },
    { "numa", "node[,nodeid=,cpus=,memdev=]|dist,src=,dst=,val=|cpu,node-id=",
      "NUMA node of the guest; its distance; its vCPUs", option_numa },
    { "kernel", "FILE", "Linux bzImage to boot", OPTION_FIELD(config.kernel) },
    { "initrd", "FILE", "its initial RAM disk", OPTION_FIELD(config.initrd) },
    { "append", "TEXT", "its command line", OPTION_FIELD(config.append) },
    { "pflash", "FILE", "flash of the firmware, then that of its variables",
      option_pflash },
    { "drive", "if=pflash,file=FILE[,unit=0|1][,readonly=on][,format=raw]",
      "the same; disks are LUNs, see -device vhost-scsi-pci", option_drive },
    { "blockdev", "DRIVER,node-name=NAME[,...]|JSON",
      "file of a flash, for -machine pflash0=NAME", option_blockdev },
    { "bios", "FILE", "firmware to start instead of SeaBIOS",
      OPTION_FIELD(config.bios) },
    { "L", "DIR", "look for firmware in DIR; -L help lists where it does",
      option_data_dir },
    { "device", "TYPE[,PROPERTY=VALUE...]|JSON",
      "add a device; -device help, -device TYPE,help", opt_device },
    { "chardev", "BACKEND,id=ID[,...]",
      "character device; -chardev help lists back ends", opt_chardev },
    { "serial", "DEV",
      "serial port: stdio, mon:stdio, pty, file:PATH, "
      "unix:PATH,server=on,wait=off, chardev:ID, null, none",
      opt_serial },
    { "nographic", NULL, "serial console on the terminal (Ctrl-A h for help)",
      OPTION_FIELD(nographic) },
    { "display", "none", "no display: there is none" },
    { "vga", "none", "no graphics adapter: there is none" },
    { "net", "none", "no default network: there is none" },
    { "netdev", "tap,id=ID[,ifname=NAME|,fd=N][,queues=N][,...]",
      "network: a tap of the host; -netdev help, -netdev tap,help",
      option_netdev },
    { "nic", "tap[,mac=ADDRESS][,...]|none",
      "the same, and a virtio-net-pci on it", option_nic },
    { "qmp", "DEV", "QMP monitor: unix:PATH,server=on,wait=off, stdio, pty ...",
      option_qmp },
    { "qmp-pretty", "DEV", "the same, with its answers indented",
      option_qmp_pretty },
    { "mon", "[chardev=]ID[,mode=control|readline][,pretty=on|off]",
      "monitor on a -chardev", option_mon },
    { "monitor", "DEV", "monitor for people: stdio, unix:PATH,server=on, none",
      option_monitor },
    { "parallel", "none", "no parallel port: there is none" },
    { "nodefaults", NULL, "no default serial port", OPTION_FIELD(nodefaults) },
    { "no-user-config", NULL, "no configuration files: there are none" },
    { "object", "TYPE,id=ID[,PROPERTY=VALUE...]|JSON",
      "make an object; -object help lists types", option_object },
    { "global", "DRIVER.PROPERTY=VALUE",
      "change a default of all devices of a type", option_global },
    { "add-fd", "fd=N,set=N[,opaque=TEXT]",
      "add an inherited descriptor to the set /dev/fdset/N", option_add_fd },
    { "audiodev", "none,id=ID", "no sound: there is none", option_audiodev },
    { "audio", "none", "no sound: there is none", opt_audio },
    { "vnc", "none", "no display: there is none" },
    { "echr", "1", "escape character of terminals: it is Ctrl-A", opt_echr },
    { "watchdog-action", "ACTION", "no effect: there is no watchdog",
      opt_watchdog_action },
    { "readconfig", "FILE", "read options from FILE", option_readconfig },
    { "sandbox", "on|off", NULL, opt_sandbox },
    { "preconfig", NULL, NULL, opt_preconfig },
    { "boot", "[order=DRIVES][,once=][,menu=][,strict=]",
      "what a firmware is to boot from", option_boot },
    { "no-acpi", NULL, "no ACPI tables: no power button, one vCPU",
      OPTION_FIELD(config.no_acpi) },
    { "no-hpet", NULL, "no HPET: there is none" },
    { "overcommit", "mem-lock=on|off", "lock all memory", option_overcommit },
    { "S", NULL, "do not start the vCPUs", OPTION_FIELD(config.start_paused) },
    { "no-reboot", NULL, "end instead of a reset",
      OPTION_FIELD(config.no_reboot) },
    { "no-shutdown", NULL, "stop instead of ending at guest power-off",
      OPTION_FIELD(config.no_shutdown) },
    { "action", "reboot=,shutdown=,panic=",
      "what follows when the guest resets, powers off or panics",
      option_action },
    { "msg", "timestamp=on|off,guest-name=on|off",
      "what messages on stderr begin with", option_msg },
    { "name", "NAME", "name of the guest", opt_name },
    { "uuid", "UUID", "UUID of the machine", opt_uuid },
    { "smbios", "type=N[,FIELD=VALUE...]",
      "what SMBIOS tables say of the machine", option_smbios },
    { "fw_cfg", "[name=]NAME,string=TEXT|file=FILE",
      "a file for the guest, opt/NAME, which its firmware can read",
      option_fw_cfg },
    { "rtc", "base=utc|localtime|DATE,clock=host|vm",
      "what the clock shows and what drives it", option_rtc },
    { "run-with", "[user=USER|UID:GID][,chroot=DIR][,async-teardown=off]",
      "before the guest runs become this user, in this root directory",
      option_run_with },
    { "runas", "USER|UID:GID", "the same as -run-with user=", option_runas },
    { "chroot", "DIR", "the same as -run-with chroot=", option_chroot },
    { "daemonize", NULL, "detach once the machine is ready",
      OPTION_FIELD(daemonize) },
    { "pidfile", "FILE", "write the process id to FILE",
      OPTION_FIELD(pidfile) },
    { "trace", "[enable=]PATTERN[,file=FILE]",
      "switch trace events on; -trace help lists them", opt_trace },
    { "d", "ITEM[,ITEM...]", "log; -d help lists the items", opt_d },
    { "qtest", "DEV",
      "serve a test under -accel qtest: unix:PATH[,server=on,wait=off], fd:N, "
      "stdio, chardev:ID",
      OPTION_FIELD(qtest) },
    { "qtest-log", "FILE|none", "log its lines to FILE instead of stderr",
      OPTION_FIELD(qtest_log) },
    { "D", "FILE", "log to FILE instead of stderr", opt_log_file },
    { NULL, NULL, NULL, NULL },
};

static void free_dictionary(gpointer dict)
{
    json_object_put(dict);
}

Options *options_new(const Registry *registry)
{
    Options *o = g_new0(Options, 1);

    o->registry = registry;
    machine_config_init(&o->config);
    for (unsigned i = 0; registry->machine_types[i]; i++) {
        if (registry->machine_types[i]->is_default) {
            o->machine = registry->machine_types[i];
        }
    }
    o->devices = g_ptr_array_new_with_free_func(free_dictionary);
    o->blockdevs = g_ptr_array_new_with_free_func(free_dictionary);
    o->chardevs = g_ptr_array_new_with_free_func(free_dictionary);
    o->netdevs = g_ptr_array_new_with_free_func(free_dictionary);
    o->nics = g_ptr_array_new_with_free_func(free_dictionary);
    o->serials = g_ptr_array_new_with_free_func(g_free);
    o->monitors = g_ptr_array_new_with_free_func(free_dictionary);
    o->numa = g_ptr_array_new_with_free_func(free_dictionary);
    o->objects = g_ptr_array_new_with_free_func(free_dictionary);
    o->globals = g_ptr_array_new_with_free_func(free_dictionary);
    o->add_fds = g_ptr_array_new_with_free_func(free_dictionary);
    return o;
}

void options_free(Options *o)
{
    if (!o) {
        return;
    }
    machine_config_finish(&o->config);
    g_ptr_array_unref(o->devices);
    g_ptr_array_unref(o->blockdevs);
    for (unsigned i = 0; i < FLASH_UNITS; i++) {
        g_free(o->pflash_nodes[i]);
    }
    g_ptr_array_unref(o->chardevs);
    g_ptr_array_unref(o->netdevs);
    g_ptr_array_unref(o->nics);
    g_ptr_array_unref(o->serials);
    g_ptr_array_unref(o->monitors);
    g_ptr_array_unref(o->numa);
    g_ptr_array_unref(o->objects);
    g_ptr_array_unref(o->globals);
    g_ptr_array_unref(o->add_fds);
    g_free(o->accel_unknown);
    g_free(o->mem_path);
    g_free(o->pidfile);
    run_as_clear(&o->run_as);
    g_free(o->qtest);
    g_free(o->qtest_log);
    g_free(o);
}

static const Option *find_option(const char *name)
{
    for (const Option *opt = option_table; opt->name; opt++) {
        if (g_str_equal(opt->name, name)) {
            return opt;
        }
    }
    return NULL;
}

static bool apply_option(Options *o, const Option *opt, const char *arg,
                         GError **errp)
{
    void *field = (char *)o + opt->field;

    if (opt->handler) {
        return opt->handler(o, arg, errp);
    }
    if (!opt->field) {
        return !arg || only_none(opt->name, arg, errp);
    }
    if (arg) {
        return option_set_string(field, arg);
    }
    *(bool *)field = true;
    return true;
}

bool options_apply(Options *o, const char *name, const char *arg, GError **errp)
{
    return apply_option(o, find_option(name), arg, errp);
}

static void unknown_option(const char *arg, const char *name, GError **errp)
{
    g_autofree char *option = g_strdup_printf("-%s", name);
    const char *instead = absent_instead(option);
    NearName near = { .name = name };

    if (instead) {
        error_setg(errp, "%s: invalid option: %s", arg, instead);
        return;
    }
    for (const Option *opt = option_table; opt->name; opt++) {
        near_name_try(&near, opt->name);
    }
    if (near.best) {
        error_setg(errp, "%s: invalid option; did you mean '-%s'?", arg,
                   near.best);
    } else {
        error_setg(errp, "%s: invalid option; see -help", arg);
    }
}

/* A daemon has none. */
static bool check_stdio(const Options *o, GError **errp)
{
    bool used = false;

    for (unsigned i = 0; i < o->chardevs->len; i++) {
        const char *backend = keyval_get(g_ptr_array_index(o->chardevs, i),
                                         "backend");

        used |= !g_strcmp0(backend, "stdio");
    }
    for (unsigned i = 0; i < o->serials->len; i++) {
        const char *text = g_ptr_array_index(o->serials, i);

        used |= g_str_equal(text, "stdio") || g_str_equal(text, "mon:stdio");
    }
    for (unsigned i = 0; i < o->monitors->len; i++) {
        const char *dev = keyval_get(g_ptr_array_index(o->monitors, i), "dev");

        used |= !g_strcmp0(dev, "stdio") || !g_strcmp0(dev, "mon:stdio");
    }
    if (used && o->daemonize) {
        error_setg(errp, "cannot use stdio with -daemonize");
        return false;
    }
    return true;
}

static bool check_whole(const Options *o, GError **errp)
{
    if (!o->config.kernel && (o->config.initrd || o->config.append)) {
        error_setg(errp, "%s is only allowed with -kernel",
                   o->config.initrd ? "-initrd" : "-append");
        return false;
    }
    if (o->qtest && !g_str_equal(o->accel->name, "qtest")) {
        error_setg(errp, "-qtest needs -accel qtest: a test cannot drive the "
                         "devices while vCPUs do");
        return false;
    }
    if (o->daemonize && o->nographic && !o->nodefaults) {
        error_setg(errp, "-nographic cannot be used with -daemonize");
        return false;
    }
    return check_stdio(o, errp);
}

/* A daemon goes to the root directory. */
static void make_absolute(char **path)
{
    char *absolute = *path ? g_canonicalize_filename(*path, NULL) : NULL;

    g_free(*path);
    *path = absolute;
}

bool options_parse(Options *o, int argc, char **argv, GError **errp)
{
    for (int i = 0; i < argc && !o->help_printed; i++) {
        const char *name = argv[i];
        const char *arg = NULL;
        const Option *opt;

        if (name[0] != '-' || !name[1]) {
            error_setg(errp,
                       "%s: unexpected argument: a disk is given with -device "
                       "vhost-scsi-pci,wwpn=...",
                       name);
            return false;
        }
        name += name[1] == '-' ? 2 : 1;
        opt = find_option(name);
        if (!opt) {
            unknown_option(argv[i], name, errp);
            return false;
        }
        if (opt->arg_help) {
            if (i + 1 == argc) {
                error_setg(errp, "%s: requires an argument", argv[i]);
                return false;
            }
            arg = argv[++i];
        }
        if (!apply_option(o, opt, arg, errp)) {
            return false;
        }
    }
    if (o->help_printed) {
        return true;
    }
    if (!option_finish_flash(o, errp)) {
        return false;
    }
    if (o->msg_guest_name) {
        error_set_guest_name(o->config.name);
    }
    if (o->daemonize) {
        make_absolute(&o->pidfile);
        make_absolute(&o->config.kernel);
        make_absolute(&o->config.initrd);
        for (unsigned i = 0; i < FLASH_UNITS; i++) {
            make_absolute(&o->config.pflash[i].path);
        }
    }
    return option_choose_accel(o, errp) && check_whole(o, errp) &&
           option_choose_firmware(o, errp);
}
