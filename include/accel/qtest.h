/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerator of the qtest protocol: no vCPU runs any code; a test drives
 * the devices in its place. */
#ifndef ACCEL_QTEST_H
#define ACCEL_QTEST_H

#include "system/accel.h"

extern const AccelOps qtest_accel_ops;

#endif
