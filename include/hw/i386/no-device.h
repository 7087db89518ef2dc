/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU has as devices and this machine in another way. There is no
 * instance: the types are there for -global and for those who ask which
 * properties there are.
 */
#ifndef HW_I386_NO_DEVICE_H
#define HW_I386_NO_DEVICE_H

#include "hw/core/device.h"

extern const DeviceType kvm_pit_type;  /* "kvm-pit" */
extern const DeviceType piix4_pm_type; /* "PIIX4_PM" */
extern const DeviceType vmport_type;   /* "vmport" */

#endif
