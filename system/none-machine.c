/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine without anything, for asking the program what it can do: libvirt
 * starts one to find out. */
#include "system/machine.h"

static bool none_nothing(Machine *m, GError **errp)
{
    return true;
}

static void none_void(Machine *m)
{
}

const MachineType none_machine_type = {
    .name = "none",
    .summary = "empty machine",
    .cpus_max = 0,
    .init = none_nothing,
    .finish = none_void,
    .machine_done = none_nothing,
    .reset = none_nothing,
    .powerdown = none_void,
};
