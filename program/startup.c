/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/qtest.h"
#include "chardev/char.h"
#include "monitor/monitor.h"
#include "net/netdev.h"
#include "program/options.h"
#include "system/memory-backend.h"
#include "util/capability.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

#include <sys/mman.h>

static bool add_chardev(Machine *m, json_object *opts, GError **errp)
{
    const char *id = keyval_get(opts, "id");

    if (!id) {
        error_setg(errp, "-chardev: parameter 'id' is required");
        return false;
    }
    if (chardev_find(m, id)) {
        error_setg(errp, "-chardev: Duplicate ID '%s'", id);
        return false;
    }
    if (!chardev_new(m, opts, errp)) {
        g_prefix_error(errp, "-chardev: ");
        return false;
    }
    return true;
}

/* The character device that the short form @text of @option names, or that is
 * made of it with the id @id; NULL for "none". */
static bool get_chardev(Machine *m, const char *option, const char *text,
                        const char *id, Chardev **ret_chr, GError **errp)
{
    if (g_str_has_prefix(text, "chardev:")) {
        *ret_chr = chardev_find(m, text + strlen("chardev:"));
        if (!*ret_chr) {
            error_setg(errp, "%s: no chardev '%s'", option,
                       text + strlen("chardev:"));
        }
        return *ret_chr;
    }
    if (!chardev_new_from_short(m, text, id, ret_chr, errp)) {
        g_prefix_error(errp, "%s: ", option);
        return false;
    }
    return true;
}

/* One -serial argument, for port @index. */
static bool add_serial(Machine *m, unsigned index, const char *text,
                       GError **errp)
{
    g_autofree char *id = g_strdup_printf("serial%u", index);

    return get_chardev(m, "-serial", text, id, &m->config.serial[index], errp);
}

static bool add_serials(Machine *m, const Options *o, GError **errp)
{
    if (o->serials->len > SERIAL_PORTS_MAX) {
        error_setg(errp, "-serial: the machine has %d serial ports",
                   SERIAL_PORTS_MAX);
        return false;
    }
    for (unsigned i = 0; i < o->serials->len; i++) {
        if (!add_serial(m, i, g_ptr_array_index(o->serials, i), errp)) {
            return false;
        }
    }
    /* What a user expects of -nographic: the console on the terminal. */
    if (!o->serials->len && !o->nodefaults) {
        return add_serial(m, 0, o->nographic ? "mon:stdio" : "null", errp);
    }
    return true;
}

static bool add_device(Machine *m, json_object *opts, GError **errp)
{
    const char *id = keyval_get(opts, "id");

    if (!device_add(&m->tree, opts, NULL, errp)) {
        g_prefix_error(errp, "-device%s%s: ", id ? " " : "", id ? id : "");
        return false;
    }
    return true;
}

/* "fd:N": a connected stream socket that whoever started us has passed. */
static Chardev *new_fd_chardev(Machine *m, const char *fd, GError **errp)
{
    auto_json *opts = json_object_new_object();
    Chardev *chr;

    json_object_object_add(opts, "backend", json_object_new_string("socket"));
    json_object_object_add(opts, "id", json_object_new_string("qtest"));
    json_object_object_add(opts, "fd", json_object_new_string(fd));
    chr = chardev_new(m, opts, errp);
    if (!chr) {
        g_prefix_error(errp, "-qtest: ");
    }
    return chr;
}

/* The character device of -qtest; NULL without it. */
static bool add_qtest(Machine *m, const char *text, Chardev **ret_chr,
                      GError **errp)
{
    *ret_chr = NULL;
    if (text && g_str_has_prefix(text, "fd:")) {
        *ret_chr = new_fd_chardev(m, text + strlen("fd:"), errp);
        return *ret_chr;
    }
    return !text || get_chardev(m, "-qtest", text, "qtest", ret_chr, errp);
}

static bool add_netdevs(Machine *m, const GPtrArray *netdevs,
                        const char *option, GError **errp)
{
    for (unsigned i = 0; i < netdevs->len; i++) {
        if (!netdev_add(m, g_ptr_array_index(netdevs, i), errp)) {
            g_prefix_error(errp, "%s: ", option);
            return false;
        }
    }
    return true;
}

static bool add_object(Machine *m, json_object *dict, bool prealloc,
                       GError **errp)
{
    const char *type = keyval_get(dict, "qom-type");

    /* -mem-prealloc is a default of theirs. */
    if (prealloc && type && g_str_has_prefix(type, "memory-backend-")) {
        if (!keyval_get(dict, "prealloc")) {
            json_add_bool(dict, "prealloc", true);
        }
        if (!keyval_get(dict, "prealloc-threads")) {
            json_add_int(dict, "prealloc-threads", m->config.n_cpus);
        }
    }
    return user_object_add(m, dict, errp);
}

/* RAM that no object of the user's is, as -mem-path and -mem-prealloc want it:
 * an object of the machine's. */
static bool add_default_ram(Machine *m, const Options *o, GError **errp)
{
    auto_json *dict = json_object_new_object();

    if (!m->type->ram_id || (!o->mem_path && !o->mem_prealloc)) {
        return true;
    }
    json_add_string(dict, "qom-type",
                    o->mem_path ? "memory-backend-file" : "memory-backend-ram");
    json_add_string(dict, "id", m->type->ram_id);
    json_add_uint(dict, "size", m->config.ram_size);
    if (o->mem_path) {
        json_add_string(dict, "mem-path", o->mem_path);
    }
    if (!add_object(m, dict, o->mem_prealloc, errp)) {
        g_prefix_error(errp, o->mem_path ? "-mem-path: " : "-mem-prealloc: ");
        return false;
    }
    m->config.memory_backend = g_strdup(m->type->ram_id);
    return true;
}

/* What -machine memory-backend= says of the RAM. */
static bool choose_ram(Machine *m, const Options *o, GError **errp)
{
    const char *id = m->config.memory_backend;
    MemoryBackend *b = memory_backend_find(m, id);

    if (!b) {
        error_setg(errp, "-machine: Memory backend '%s' not found", id);
        return false;
    }
    if (o->has_ram_size && b->size != m->config.ram_size) {
        error_setg(errp,
                   "-machine: Machine memory size does not match the size of "
                   "the memory backend: -m says %" PRIu64 " bytes and '%s' has "
                   "%" PRIu64,
                   m->config.ram_size, id, b->size);
        return false;
    }
    b->object.users++;
    m->config.ram_size = b->size;
    m->config.ram_backends = g_ptr_array_new();
    g_ptr_array_add(m->config.ram_backends, b);
    return true;
}

static bool add_objects(Machine *m, const Options *o, GError **errp)
{
    for (unsigned i = 0; i < o->objects->len; i++) {
        if (!add_object(m, g_ptr_array_index(o->objects, i), o->mem_prealloc,
                        errp)) {
            g_prefix_error(errp, "-object: ");
            return false;
        }
    }
    if (m->config.memory_backend && o->mem_path) {
        error_setg(errp, "'-mem-path' can't be used together with '-machine "
                         "memory-backend'");
        return false;
    }
    if (o->numa->len) {
        if (numa_configure(m, o->numa, o->has_ram_size, errp)) {
            return true;
        }
        g_prefix_error(errp, "-numa: ");
        return false;
    }
    if (!m->config.memory_backend && !add_default_ram(m, o, errp)) {
        return false;
    }
    return !m->config.memory_backend || choose_ram(m, o, errp);
}

static bool add_globals(Machine *m, const Options *o, GError **errp)
{
    for (unsigned i = 0; i < o->globals->len; i++) {
        json_object *g = g_ptr_array_index(o->globals, i);

        if (!device_add_global(&m->tree, keyval_get(g, "driver"),
                               keyval_get(g, "property"),
                               keyval_get(g, "value"), errp)) {
            g_prefix_error(errp, "-global: ");
            return false;
        }
    }
    return true;
}

static bool add_fds(Machine *m, const Options *o, GError **errp)
{
    for (unsigned i = 0; i < o->add_fds->len; i++) {
        if (!fds_add_inherited(m, g_ptr_array_index(o->add_fds, i), errp)) {
            g_prefix_error(errp, "-add-fd: ");
            return false;
        }
    }
    return true;
}

/* -overcommit mem-lock=on, once all memory is there; what comes later is locked
 * too. */
static bool lock_memory(const Machine *m, GError **errp)
{
    if (!m->config.mem_lock || mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
        return true;
    }
    error_setg_errno(errp, errno,
                     "-overcommit: mem-lock=on: cannot lock the emulator's "
                     "memory, raise its limit (ulimit -l)");
    return false;
}

/* Its character device: one that -chardev has made, or one of its own. */
static Chardev *monitor_chardev(Machine *m, json_object *opts, unsigned n,
                                GError **errp)
{
    const char *option = keyval_get(opts, "option");
    const char *dev = keyval_get(opts, "dev");
    const char *id = keyval_get(opts, "chardev");
    g_autofree char *own_id = g_strdup_printf("compat_monitor%u", n);
    Chardev *chr = NULL;

    if (dev) {
        return get_chardev(m, option, dev, own_id, &chr, errp) ? chr : NULL;
    }
    chr = chardev_find(m, id);
    if (!chr) {
        error_setg(errp, "%s: chardev \"%s\" not found", option, id);
    }
    return chr;
}

static bool add_monitor(Machine *m, json_object *opts, unsigned n,
                        GError **errp)
{
    bool is_control = !g_strcmp0(keyval_get(opts, "mode"), "control");
    bool pretty = false;
    Chardev *chr = monitor_chardev(m, opts, n, errp);

    (void)parse_bool(keyval_get(opts, "pretty") ? keyval_get(opts, "pretty")
                                                : "off",
                     &pretty);
    if (!chr) {
        return false;
    }
    if (is_control ? !qmp_monitor_new(m, chr, pretty, errp)
                   : !hmp_monitor_new(m, chr, errp)) {
        g_prefix_error(errp, "%s: ", keyval_get(opts, "option"));
        return false;
    }
    return true;
}

/* The terminal of "mon:" is a serial port's and a monitor's. */
static bool share_with_monitor(Machine *m, Chardev *chr, GError **errp)
{
    return hmp_monitor_new(m, chr, errp);
}

static bool add_shared_monitors(Machine *m, const Options *o, GError **errp)
{
    for (unsigned i = 0; i < o->serials->len; i++) {
        const char *text = g_ptr_array_index(o->serials, i);

        if (g_str_has_prefix(text, "mon:") &&
            !share_with_monitor(m, m->config.serial[i], errp)) {
            return false;
        }
    }
    return o->serials->len || o->nodefaults || !o->nographic ||
           share_with_monitor(m, m->config.serial[0], errp);
}

/* The last step, so that a client is greeted by a machine that is there. The
 * character devices were made before: their sockets listen. */
static bool add_monitors(Machine *m, const Options *o, GError **errp)
{
    for (unsigned i = 0; i < o->monitors->len; i++) {
        if (!add_monitor(m, g_ptr_array_index(o->monitors, i), i, errp)) {
            return false;
        }
    }
    return add_shared_monitors(m, o, errp);
}

/* Whether a device wants a priority for one of its workers. */
static bool wants_priority(json_object *device)
{
    json_object *list = json_get(device, "worker-vq-mapping");
    size_t n = json_object_is_type(list, json_type_array)
                   ? json_object_array_length(list)
                   : 0;

    for (size_t i = 0; i < n; i++) {
        json_object *entry = json_object_array_get_idx(list, i);

        if (json_object_is_type(entry, json_type_object) &&
            (json_get(entry, "nice") || json_get(entry, "sched"))) {
            return true;
        }
    }
    return false;
}

/* What devices that come later may need as those of the command line do.
 * Network cards have said so themselves. */
static void note_capabilities(Machine *m, const Options *o)
{
    if (m->config.mem_lock) {
        m->capabilities |= UINT64_C(1) << CAP_IPC_LOCK;
    }
    for (unsigned i = 0; i < o->devices->len; i++) {
        if (wants_priority(g_ptr_array_index(o->devices, i))) {
            m->capabilities |= UINT64_C(1) << CAP_SYS_NICE;
        }
    }
}

static bool build_all(Machine *m, const Options *o, GError **errp)
{
    Chardev *qtest;

    if (!add_fds(m, o, errp) || !add_objects(m, o, errp) ||
        !add_globals(m, o, errp)) {
        return false;
    }
    for (unsigned i = 0; i < o->chardevs->len; i++) {
        if (!add_chardev(m, g_ptr_array_index(o->chardevs, i), errp)) {
            return false;
        }
    }
    if (!add_qtest(m, o->qtest, &qtest, errp) || !add_serials(m, o, errp) ||
        !machine_build(m, errp)) {
        return false;
    }
    if (!add_netdevs(m, o->netdevs, "-netdev", errp) ||
        !add_netdevs(m, o->nics, "-nic", errp)) {
        return false;
    }
    note_capabilities(m, o);
    privileges_limit(&o->run_as, m->capabilities);
    for (unsigned i = 0; i < o->devices->len; i++) {
        if (!add_device(m, g_ptr_array_index(o->devices, i), errp)) {
            return false;
        }
    }
    return machine_complete(m, errp) &&
           privileges_drop(&o->run_as, m->capabilities, errp) &&
           (!qtest || qtest_serve(m, qtest, o->qtest_log, errp)) &&
           chardevs_start(m, errp) && machine_start(m, errp) &&
           lock_memory(m, errp) && add_monitors(m, o, errp);
}

Machine *machine_from_options(Options *o)
{
    Machine *m = machine_new(o->registry, o->machine, o->accel);
    GError *err = NULL;
    bool ok;

    m->accel_fallback = o->accel_fallback;
    machine_config_finish(&m->config);
    m->config = o->config;
    o->config = (MachineConfig){ 0 };
    machine_lock(m);
    ok = build_all(m, o, &err);
    machine_unlock(m);
    if (!ok) {
        error_report_gerror(err);
        machine_end(m);
        return NULL;
    }
    return m;
}

void machine_end(Machine *m)
{
    machine_lock(m);
    monitors_free(m);
    machine_dismantle(m);
    netdevs_free(m);
    /* Only now: libvirt takes a monitor's socket that is closed, of a process
     * that still ends, for a failure of its own. */
    while (m->chardevs) {
        chardev_free(m->chardevs->data);
    }
    machine_unlock(m);
    machine_free(m);
}
