/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that leave a machine: what a bus needs to have one removed, and the
 * events that tell of it. A removal waits for vCPUs that are in the device's
 * registers and for the host's kernel, so it is work of the control thread
 * (system/control.h) and never of a vCPU's exit. Machine lock.
 */
#ifndef SYSTEM_HOTPLUG_H
#define SYSTEM_HOTPLUG_H

#include <json-c/json.h>

typedef struct Bus Bus;
typedef struct Device Device;
typedef struct Machine Machine;

/* Has the control thread remove @dev: unrealize and free it, tell its bus, and
 * emit DEVICE_DELETED. Returns at once; once is enough, more does no harm. */
void hotplug_eject(Device *dev);

/* The guest does not give @dev up: the request is over, and
 * DEVICE_UNPLUG_GUEST_ERROR says so. */
void hotplug_refused(Device *dev);

/* Whether there is a guest that could answer a request: a machine that has not
 * begun to run or has ended has none, one that is paused has. */
bool hotplug_guest_can_answer(const Machine *machine);

/* Removes now what the guest has given up, of those on @bus if that is not NULL;
 * with @pending_too also what it was asked to give up, since a reset makes it
 * forget. Only for the control thread, or before it has started. */
void hotplug_remove(Machine *machine, const Bus *bus, bool pending_too);

/* The lane of a job about @dev (system/control.h): its port, if it sits behind
 * one, since what is added and removed there must come in turn. */
const void *device_lane(const Device *dev);
/* That of a command with the arguments @args, which may be NULL: of the device
 * or the bus that they name; one for all whose device or bus is not there; NULL
 * for a command that is about no device. It changes as devices come and go. */
const void *hotplug_lane(Machine *machine, json_object *args);

/* QMP device_add, for the control thread, and device_del, which returns before
 * the device is gone. */
json_object *qmp_device_add(Machine *machine, json_object *args, GError **errp);
json_object *qmp_device_del(Machine *machine, json_object *args, GError **errp);

#endif
