/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/json.h"

static void emit(Machine *m, const char *name, const char *id, const char *path)
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
        emit(m, "DEVICE_DELETED", NULL, backend);
    }
    emit(m, "DEVICE_DELETED", id, path);
}

/* The latest device that is to go, since a slot's further functions were added
 * before function 0. */
static Device *next_to_go(Machine *m, bool pending_too)
{
    for (unsigned i = m->tree.devices->len; i > 0; i--) {
        Device *dev = g_ptr_array_index(m->tree.devices, i - 1);

        if (dev->ejected || (pending_too && dev->unplug_pending)) {
            return dev;
        }
    }
    return NULL;
}

/* The lock is released on the way, so that each search begins anew. */
static void remove_devices(Machine *m, bool pending_too)
{
    Device *dev;

    while ((dev = next_to_go(m, pending_too))) {
        remove_device(dev);
    }
}

typedef struct EjectJob {
    ControlJob job;
    Machine *machine;
} EjectJob;

static void run_eject(ControlJob *job, bool cancelled)
{
    EjectJob *e = container_of(job, EjectJob, job);

    if (!cancelled) {
        remove_devices(e->machine, false);
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
    *e = (EjectJob){ .job.run = run_eject, .machine = dev->machine };
    control_post(dev->machine, &e->job);
}

void hotplug_refused(Device *dev)
{
    g_autofree char *path = device_path(dev);

    dev->unplug_pending = false;
    emit(dev->machine, "DEVICE_UNPLUG_GUEST_ERROR", dev->id, path);
}

bool hotplug_guest_can_answer(const Machine *m)
{
    return m->run_state == RUN_STATE_RUNNING ||
           m->run_state == RUN_STATE_PAUSED;
}

void hotplug_complete_pending(Machine *m)
{
    remove_devices(m, true);
}

json_object *qmp_device_add(Machine *m, json_object *args, GError **errp)
{
    return device_add(&m->tree, args, m->job_refused, errp)
               ? json_object_new_object()
               : NULL;
}

json_object *qmp_device_del(Machine *m, json_object *args, GError **errp)
{
    const char *id = json_object_get_string(json_get(args, "id"));

    return device_del(&m->tree, id, errp) ? json_object_new_object() : NULL;
}
