/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KVM accelerator: vCPUs run in hardware, interrupt controllers and
 * timers are the kernel's, and eventfds carry kicks and interrupts past user space.
 */
#ifndef ACCEL_KVM_H
#define ACCEL_KVM_H

#include "system/accel.h"

extern const AccelOps kvm_accel_ops;

#endif
