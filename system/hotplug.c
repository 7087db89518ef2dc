/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/json.h"
#include "util/keyval.h"

static void emit_device(Machine *m, const char *name, const char *id,
                        const char *path)
{
    json_object *data = json_object_new_object();

    if (id) {
        json_add_string(data, "device", id);
    }
    json_add_string(data, "path", path);
    event_emit(m, name, data);
}

static void remove_device(Device *dev)
{
    Machine *m = dev->machine;
    Bus *bus = dev->bus;
    g_autofree char *id = g_strdup(dev->id);
    g_autofree char *path = device_path(dev);
    g_autofree char *backend = dev->backend ? device_path(dev->backend) : NULL;

    device_free(dev);
    bus->hotplug->unplugged(bus);
    if (backend) {
        emit_device(m, "DEVICE_DELETED", NULL, backend);
    }
    emit_device(m, "DEVICE_DELETED", id, path);
}

/* --- lanes --- */

const void *device_lane(const Device *dev)
{
    return dev->bus && dev->bus->hotplug ? (const void *)dev->bus : dev;
}

const void *hotplug_lane(Machine *m, json_object *args)
{
    const char *id = args ? keyval_get(args, "id") : NULL;
    const char *bus = args ? keyval_get(args, "bus") : NULL;
    const Device *dev = id ? device_resolve(&m->tree, id) : NULL;

    if (dev) {
        return device_lane(dev);
    }
    for (unsigned i = 0; bus && i < m->tree.buses->len; i++) {
        const Bus *b = g_ptr_array_index(m->tree.buses, i);

        if (g_str_equal(b->name, bus)) {
            return b;
        }
    }
    return id || (args && json_get(args, "driver")) ? &m->tree : NULL;
}

/* --- removal --- */

/* The latest device that is to go, of those on @bus if that is not NULL, since a
 * slot's further functions were added before function 0. */
static Device *next_to_go(Machine *m, const Bus *bus, bool pending_too)
{
    for (unsigned i = m->tree.devices->len; i > 0; i--) {
        Device *dev = g_ptr_array_index(m->tree.devices, i - 1);

        if ((!bus || dev->bus == bus) &&
            (dev->ejected || (pending_too && dev->unplug_pending))) {
            return dev;
        }
    }
    return NULL;
}

/* The lock is released on the way, so that each search begins anew. */
static void remove_devices(Machine *m, const Bus *bus, bool pending_too)
{
    Device *dev;

    while ((dev = next_to_go(m, bus, pending_too))) {
        remove_device(dev);
    }
}

typedef struct EjectJob {
    ControlJob job;
    Machine *machine;
    const Bus *bus; /* ports stay as long as the machine */
} EjectJob;

static void run_eject(ControlJob *job, bool cancelled)
{
    EjectJob *e = container_of(job, EjectJob, job);

    if (!cancelled) {
        remove_devices(e->machine, e->bus, false);
    }
    g_free(e);
}

void hotplug_eject(Device *dev)
{
    EjectJob *e;

    if (dev->ejected) {
        return;
    }
    dev->ejected = true;
    e = g_new(EjectJob, 1);
    *e = (EjectJob){ .job = { .run = run_eject, .lane = device_lane(dev) },
                     .machine = dev->machine,
                     .bus = dev->bus };
    control_post(dev->machine, &e->job);
}

void hotplug_refused(Device *dev)
{
    g_autofree char *path = device_path(dev);

    dev->unplug_pending = false;
    emit_device(dev->machine, "DEVICE_UNPLUG_GUEST_ERROR", dev->id, path);
}

bool hotplug_guest_can_answer(const Machine *m)
{
    return m->run_state == RUN_STATE_RUNNING ||
           m->run_state == RUN_STATE_PAUSED;
}

void hotplug_complete_pending(Machine *m)
{
    remove_devices(m, NULL, true);
}

json_object *qmp_device_add(Machine *m, json_object *args, GError **errp)
{
    return device_add(&m->tree, args, control_job_refused(m), errp)
               ? json_object_new_object()
               : NULL;
}

json_object *qmp_device_del(Machine *m, json_object *args, GError **errp)
{
    const char *id = json_object_get_string(json_get(args, "id"));

    return device_del(&m->tree, id, errp) ? json_object_new_object() : NULL;
}
