/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How devices leave: what hotplug.c has the control thread do, and what that
 * does at a reset. */
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/json.h"

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
void hotplug_remove(Machine *m, const Bus *bus, bool pending_too)
{
    Device *dev;

    while ((dev = next_to_go(m, bus, pending_too))) {
        remove_device(dev);
    }
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
