/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/json.h"
#include "util/keyval.h"

/* --- lanes --- */

const void *device_lane(const Device *dev)
{
    return dev->bus && dev->bus->hotplug ? (const void *)dev->bus : dev;
}

const void *hotplug_lane(Machine *m, json_object *args)
{
    const char *id = keyval_get(args, keyval_get(args, "id") ? "id" : "name");
    const char *bus = keyval_get(args, "bus");
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

typedef struct EjectJob {
    ControlJob job;
    Machine *machine;
    const Bus *bus; /* ports stay as long as the machine */
} EjectJob;

static void run_eject(ControlJob *job, bool cancelled)
{
    EjectJob *e = container_of(job, EjectJob, job);

    if (!cancelled) {
        hotplug_remove(e->machine, e->bus, false);
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
