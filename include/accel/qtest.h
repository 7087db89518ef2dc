/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accelerator of the qtest protocol: no vCPU runs any code; a test drives
 * the devices in its place. The virtual clock moves only when the test says
 * so, ioeventfds are a table that the test's writes are held against, and
 * irqfds are watches of the main loop.
 */
#ifndef ACCEL_QTEST_H
#define ACCEL_QTEST_H

#include "system/accel.h"

typedef struct Chardev Chardev;

extern const AccelOps qtest_accel_ops;

/*
 * Serves the protocol (accel/qtest-server.h) to whoever is connected to @chr
 * (borrowed), one client at a time; it may leave and come back. @log: where
 * each line is logged with the seconds since the client came; NULL is standard
 * error, "none" nowhere. @machine is built, on this accelerator, and has no
 * server yet; the server ends with it. Machine lock.
 */
bool qtest_serve(Machine *machine, Chardev *chr, const char *log,
                 GError **errp);

#endif
