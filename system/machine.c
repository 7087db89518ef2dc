/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"
#include "system/hotplug.h"
#include "util/error.h"

/* @name may go on with "+" and a word of a distribution. */
static bool is_version(const char *version, const char *name)
{
    size_t len = strlen(version);

    return !strncmp(version, name, len) && (!name[len] || name[len] == '+');
}

const MachineType *machine_type_find(const Registry *r, const char *name)
{
    for (unsigned i = 0; r->machine_types[i]; i++) {
        const MachineType *t = r->machine_types[i];

        if (g_str_equal(t->name, name) || !g_strcmp0(t->alias, name)) {
            return t;
        }
        if (t->versions && is_version(t->name, name)) {
            return t;
        }
        for (unsigned j = 0; t->versions && t->versions[j]; j++) {
            if (is_version(t->versions[j], name)) {
                return t;
            }
        }
    }
    return NULL;
}

const AccelOps *accel_find(const Registry *r, const char *name)
{
    for (unsigned i = 0; r->accel_types[i]; i++) {
        if (g_str_equal(r->accel_types[i]->name, name)) {
            return r->accel_types[i];
        }
    }
    return NULL;
}

static void free_file(gpointer data)
{
    ConfigFile *file = data;

    g_free(file->name);
    g_bytes_unref(file->data);
    g_free(file);
}

static void free_dictionary(gpointer dict)
{
    json_object_put(dict);
}

void machine_config_init(MachineConfig *c)
{
    *c = (MachineConfig){
        .ram_size = 128 * MiB,
        .n_cpus = 1,
        .topology = { 1, 1, 1 },
        .cpu_model = g_strdup("max"),
        .fw_cfg = g_ptr_array_new_with_free_func(free_file),
        .boot_splash_time_ms = -1,
        .boot_reboot_timeout_ms = -1,
        .smbios = g_ptr_array_new_with_free_func(free_dictionary),
    };
}

void machine_config_finish(MachineConfig *c)
{
    g_clear_pointer(&c->cpu_model, g_free);
    g_clear_pointer(&c->cpu_on, g_strfreev);
    g_clear_pointer(&c->cpu_off, g_strfreev);
    g_clear_pointer(&c->kernel, g_free);
    g_clear_pointer(&c->initrd, g_free);
    g_clear_pointer(&c->append, g_free);
    g_clear_pointer(&c->boot_order, g_free);
    g_clear_pointer(&c->boot_once, g_free);
    for (unsigned i = 0; i < FLASH_UNITS; i++) {
        g_clear_pointer(&c->pflash[i].path, g_free);
    }
    g_clear_pointer(&c->bios, g_free);
    g_clear_pointer(&c->data_dirs, g_ptr_array_unref);
    g_clear_pointer(&c->name, g_free);
    g_clear_pointer(&c->memory_backend, g_free);
    g_clear_pointer(&c->ram_backends, g_ptr_array_unref);
    g_clear_pointer(&c->numa, g_free);
    g_clear_pointer(&c->fw_cfg, g_ptr_array_unref);
    g_clear_pointer(&c->smbios, g_ptr_array_unref);
}

Machine *machine_new(const Registry *registry, const MachineType *type,
                     const AccelOps *accel)
{
    Machine *m = g_new0(Machine, 1);

    m->registry = registry;
    m->type = type;
    m->accel_ops = accel;
    machine_config_init(&m->config);
    g_mutex_init(&m->lock);
    g_cond_init(&m->cond);
    m->context = g_main_context_new();
    m->run_notifiers = g_ptr_array_new();
    m->event_listeners = g_ptr_array_new();
    m->monitors = g_ptr_array_new();
    m->fds = fds_new();
    m->objects = g_ptr_array_new();
    g_queue_init(&m->control.jobs);
    m->timers = timer_list_new(m);
    device_tree_init(&m->tree, m, registry);
    address_space_init(&m->memory, "memory", UINT64_C(1) << 52);
    address_space_init(&m->io, "I/O", UINT64_C(1) << 16);
    return m;
}

static bool open_accel(Machine *m, GError **errp)
{
    g_autoptr(GError) err = NULL;

    if (!m->accel_fallback) {
        return m->accel_ops->init(m, errp);
    }
    if (m->accel_ops->init(m, &err)) {
        return true;
    }
    warn_report("%s; using accelerator '%s' instead", err->message,
                m->accel_fallback->name);
    if (m->accel) {
        m->accel_ops->finish(m);
    }
    m->accel_ops = g_steal_pointer(&m->accel_fallback);
    return m->accel_ops->init(m, errp);
}

bool machine_build(Machine *m, GError **errp)
{
    if (!m->type->cpus_max) {
        m->config.n_cpus = 0;
    }
    /* vCPUs are the first of the unattached objects. */
    m->tree.n_unattached = m->config.n_cpus;
    return open_accel(m, errp) && m->type->init(m, errp);
}

bool machine_complete(Machine *m, GError **errp)
{
    if (!m->complete) {
        m->complete = m->type->machine_done(m, errp);
    }
    return m->complete;
}

bool machine_start(Machine *m, GError **errp)
{
    m->tree.started = machine_complete(m, errp) && cpus_start(m, errp) &&
                      machine_reset(m, errp) && control_init(m, errp);
    return m->tree.started;
}

void machine_dismantle(Machine *m)
{
    control_finish(m);
    cpus_finish(m);
    m->tree.started = false;
    device_tree_finish(&m->tree);
    if (m->board) {
        m->type->finish(m);
    }
    if (m->accel) {
        m->accel_ops->finish(m);
    }
}

void machine_free(Machine *m)
{
    if (!m) {
        return;
    }
    machine_lock(m);
    machine_dismantle(m);
    fds_free(m->fds);
    user_objects_finish(m);
    guest_ram_finish(&m->ram);
    address_space_finish(&m->memory);
    address_space_finish(&m->io);
    g_ptr_array_unref(m->run_notifiers);
    events_finish(m);
    g_ptr_array_unref(m->event_listeners);
    g_ptr_array_unref(m->monitors);
    timer_list_free(m->timers);
    machine_unlock(m);
    g_main_context_unref(m->context);
    g_mutex_clear(&m->lock);
    g_cond_clear(&m->cond);
    machine_config_finish(&m->config);
    g_free(m);
}
