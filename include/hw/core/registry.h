/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program can make: main() passes one of these down, since what stands
 * in the tables lies in layers above those that look into them. All is const
 * and lives as long as the program. Each table has NULL at its end.
 */
#ifndef HW_CORE_REGISTRY_H
#define HW_CORE_REGISTRY_H

typedef struct DeviceType DeviceType;
typedef struct MachineType MachineType;
typedef struct AccelOps AccelOps;

typedef struct Registry {
    const DeviceType *const *device_types; /* in alphabetical order */
    const MachineType *const *machine_types;
    const AccelOps *const *accel_types; /* the first is the default */
    /* What to do instead, as the end of a sentence, of a type of devices called
     * @name that QEMU has and the program has not; NULL: nothing is known. The
     * function may be NULL. */
    const char *(*instead_of)(const char *name);
} Registry;

/* The one called @name, or NULL: in hw/core and, of the last two, in system. */
const DeviceType *device_type_find(const Registry *r, const char *name);
const MachineType *machine_type_find(const Registry *r, const char *name);
const AccelOps *accel_find(const Registry *r, const char *name);

#endif
