/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that the user makes beside devices: -object and QMP object-add. A
 * type is one row with a property table, as with devices:
 *
 *   secret                  kept and never used: nothing here is encrypted
 *   memory-backend-*        the guest's RAM, see system/memory-backend.h
 *   rng-builtin             where a virtio-rng-pci has its bytes from, see
 *   rng-random              system/rng.h
 *
 * The machine owns its objects. Every function needs the machine lock.
 */
#ifndef SYSTEM_USER_OBJECT_H
#define SYSTEM_USER_OBJECT_H

#include "hw/core/property.h"

#define USER_OBJECTS_MAX 256 /* of one machine */

typedef struct Machine Machine;
typedef struct MemoryBackend MemoryBackend;
typedef struct UserObject UserObject;

typedef struct UserObjectType {
    const char *name;
    const char *summary;
    size_t size; /* of the instance, which begins with UserObject */
    const Property *props;
    /* Checks what the table cannot say. May be NULL. */
    bool (*complete)(UserObject *object, GError **errp);
} UserObjectType;

struct UserObject {
    const UserObjectType *type;
    char *id;       /* owned */
    unsigned users; /* while there are any it cannot be deleted */
};

#define RNG_DEFAULT_FILE "/dev/urandom"

typedef struct RngBackend {
    UserObject object;
    char *filename; /* owned; NULL: RNG_DEFAULT_FILE */
} RngBackend;

/* All types, NULL at the end. */
extern const UserObjectType *const user_object_types[];

/* Whether the values of @opts, which came as JSON, have the types that QEMU's
 * schema gives them: user_object_add() takes text for any of them. Names are
 * not looked at. */
bool user_object_check_json(json_object *opts, GError **errp);

/* Makes the object that @opts ("qom-type", "id", properties) describes. */
bool user_object_add(Machine *machine, json_object *opts, GError **errp);
bool user_object_del(Machine *machine, const char *id, GError **errp);
/* Frees all; the machine's list may be NULL. */
void user_objects_finish(Machine *machine);

UserObject *user_object_find(Machine *machine, const char *id);
/* NULL if there is none of that id, or it is of another kind. */
MemoryBackend *memory_backend_find(Machine *machine, const char *id);
RngBackend *rng_backend_find(Machine *machine, const char *id);

/* -object help and -object TYPE,help; false if there is no such type. */
void user_object_print_types(FILE *f);
bool user_object_print_properties(FILE *f, const char *type);

/* QMP commands: {"qom-type", "id", ...}; {"id"}. */
json_object *qmp_object_add(Machine *machine, json_object *args, GError **errp);
json_object *qmp_object_del(Machine *machine, json_object *args, GError **errp);

#endif
