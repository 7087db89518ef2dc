/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors: how people and programs look at a machine and control it while it
 * runs. A monitor speaks QMP (mode=control) or is a readline for people
 * (mode=readline) on a character device; clients come and go, one at a time.
 *
 * Commands are carried out one after the other, in the main loop under the
 * machine lock. Those that may wait for the host's kernel (schema: "blocks") are
 * carried out by the control thread; the monitor that gave one waits, at most
 * MONITOR_WAIT_SECONDS, and all others go on.
 *
 * While a reply waits to be read no further command is taken, and of events no
 * more than MONITOR_EVENTS_MAX bytes wait: a client that never reads costs that
 * much memory and the machine nothing.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

/* The version whose interfaces we speak, that of the machine type. */
#define QEMU_MAJOR   7
#define QEMU_MINOR   2
#define QEMU_MICRO   0
#define QEMU_VERSION "7.2.0"

typedef struct Machine Machine;
typedef struct Chardev Chardev;

#define MONITORS_MAX         128
#define MONITOR_WAIT_SECONDS 10
#define MONITOR_EVENTS_MAX   (256 * KiB)
#define QMP_REQUEST_MAX      (1 * MiB) /* bytes of one request */
#define QMP_DEPTH_MAX        64        /* nesting of one request */

/* Begins to serve @chr (borrowed; the monitor forgets it when it goes), which
 * must have no front end yet: with QMP, its replies indented if @pretty, or
 * with a readline for people. Files the monitor in machine->monitors. Machine
 * lock. */
bool qmp_monitor_new(Machine *machine, Chardev *chr, bool pretty,
                     GError **errp);
bool hmp_monitor_new(Machine *machine, Chardev *chr, GError **errp);

/* Ends all monitors of the machine. The control thread has ended, or will find
 * that nobody waits for its job. Machine lock. */
void monitors_free(Machine *machine);

#endif
