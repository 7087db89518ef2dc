/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device model. A device type is one `static const DeviceType`; all types
 * stand in a Registry. An instance begins with a Device, is configured
 * through property tables, then realized, and lives until unrealize.
 *
 *     device_new() -> device_configure() -> device_realize()
 *                                        -> device_free()
 *
 * One level of composition: a type may name a backend type, whose instance is
 * made with it and whose properties it takes as its own. This is how
 * vhost-scsi-pci is virtio-pci's proxy plus the vhost-scsi device, which
 * knows nothing of PCI.
 *
 * All functions need the machine lock, or run before the machine starts.
 */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include "hw/core/property.h"
#include "hw/core/registry.h"

typedef struct Machine Machine;
typedef struct Device Device;

typedef enum BusType {
    BUS_NONE, /* wired by the board */
    BUS_PCI,
    BUS_ISA,
    BUS_VIRTIO, /* behind a transport's proxy */
    BUS_VIRTIO_SERIAL,
} BusType;

typedef struct Bus Bus;

/* What a bus does when devices come and go while the machine is there. */
typedef struct BusHotplugOps {
    /* @dev was realized in a machine that has started: tell the guest. */
    void (*plugged)(Bus *bus, Device *dev);
    /* Asks the guest to give @dev up, or has it removed if there is nobody to
     * ask (system/hotplug.h). Returns at once; refused while the guest is
     * being asked already. */
    bool (*unplug_request)(Bus *bus, Device *dev, GError **errp);
    /* A device has left the bus. */
    void (*unplugged)(Bus *bus);
} BusHotplugOps;

/* Where devices plug in. Embedded in the controller that provides it. */
struct Bus {
    BusType type;
    const char *name;             /* "pcie.0"; owned by the provider */
    const BusHotplugOps *hotplug; /* NULL: devices only before the start */
};

/* What is asked for, or set, while the device is there: by qom-get and qom-set
 * alone. Those of a backend are its proxy's as well. */
typedef struct LiveProperty {
    const char *name; /* NULL ends the table */
    const char *type, *summary;
    /* The caller owns the value. */
    json_object *(*get)(Device *dev);
    /* NULL: it cannot be set. */
    bool (*set)(Device *dev, json_object *value, GError **errp);
} LiveProperty;

struct DeviceType {
    const char *name;    /* "vhost-scsi-pci" */
    const char *alias;   /* another name for -device; or NULL */
    const char *summary; /* one line for -device help */
    BusType bus;
    size_t size;               /* of the instance, which begins with Device */
    const Property *props;     /* may be NULL */
    const Property *bus_props; /* those of every device on this bus; or NULL */
    const LiveProperty *live;  /* may be NULL */
    const DeviceType *backend; /* type of the backend device; or NULL */
    bool user_creatable;       /* -device may make it */

    /* Gets ready what needs more than zeroes before properties are set, such
     * as fds that are -1. May be NULL. */
    void (*instance_init)(Device *dev);
    /* Takes its place in the machine. On failure the instance must be such
     * that unrealize undoes the rest. */
    bool (*realize)(Device *dev, GError **errp);
    /* Undoes realize; must accept a half-realized device. */
    void (*unrealize)(Device *dev);
    /* Back to power-on state. May block on the host's kernel; see
     * system/control.h. May be NULL. */
    void (*reset)(Device *dev);
    /* Of a type with the property "bootindex": what of the device is booted
     * from, as the end of an Open Firmware path, such as
     * "/channel@0/disk@1,0". The caller frees it. NULL: the whole device. */
    char *(*boot_path)(const Device *dev);
};

/* All devices and buses of a machine, which embeds it as machine->tree. */
typedef struct DeviceTree {
    Machine *machine;
    const Registry *registry; /* borrowed */
    GPtrArray *devices;       /* realized, owned, in order of realization */
    GPtrArray *buses;         /* Bus, borrowed from their providers */
    /* The machine has started: what is added now is hotplugged. */
    bool started;
    unsigned n_anon, n_unattached; /* numbers that anonymous paths have used */
    GPtrArray *globals; /* private to device-global.c; owned; may be NULL */
} DeviceTree;

#define GLOBALS_MAX 256 /* of one machine */

#define DEVICES_MAX 512 /* in one machine */

struct Device {
    const DeviceType *type;
    DeviceTree *tree;
    Machine *machine; /* tree->machine */
    char *id;         /* owned; NULL: anonymous */
    char *bus_name;   /* owned; the property "bus"; NULL: the type's default */
    Bus *bus;         /* valid once configured; NULL for BUS_NONE */
    Device *backend;  /* owned; NULL without type->backend */
    Device *proxy;    /* of a backend: the device that owns it */
    unsigned number;  /* of an anonymous device, in its path; once realized */
    /* The property "bootindex" of types that have it; -1: none. */
    int32_t bootindex;
    bool realized;
    bool hotplugged;     /* into a machine that had started */
    bool unplug_pending; /* the guest was asked to give it up */
    bool ejected;        /* it did: the device is about to be freed */
};

void device_tree_init(DeviceTree *tree, Machine *machine,
                      const Registry *registry);
/* Frees every device, the last one first. Fine without device_tree_init(). */
void device_tree_finish(DeviceTree *tree);

/* The bus called @name, or with NULL the first of @type. NULL if none. */
Bus *device_tree_find_bus(DeviceTree *tree, const char *name, BusType type);

/* -global: from now on devices of type @driver have @value as the default of
 * @property. Checked like a property of -device. */
bool device_add_global(DeviceTree *tree, const char *driver,
                       const char *property, const char *value, GError **errp);
/* What -global has said, for what is no device of ours; NULL if
 * nothing. */
const char *device_global(const DeviceTree *tree, const char *driver,
                          const char *property);
/* Part of device_new(). */
void device_apply_globals(Device *dev);

/* Makes an instance with default properties, not yet in the tree. */
Device *device_new(DeviceTree *tree, const DeviceType *type);

/* Sets the properties in @opts (a dictionary; "driver" is skipped) including
 * id and bus, checks that the required ones are there and finds the bus. */
bool device_configure(Device *dev, json_object *opts, GError **errp);

/* Sets one property from its text form. */
bool device_set(Device *dev, const char *name, const char *value,
                GError **errp);

/* Realizes @dev and files it in the tree, which owns it from then on. On
 * failure the caller still owns it. */
bool device_realize(Device *dev, GError **errp);

/* Unrealizes (if need be) and frees; takes NULL. A device in the tree is
 * removed from it. */
void device_free(Device *dev);

/* The whole of -device and device_add: finds opts["driver"], makes, configures
 * and realizes. Once the machine has started the bus must support hotplug, and
 * is told; realize may then release the machine lock, so that this belongs into
 * a control job (system/control.h). If *@refused (which may be NULL) is true by
 * then, the device goes again before the guest sees it. Returns the device,
 * which the tree owns, or NULL. */
Device *device_add(DeviceTree *tree, json_object *opts, const bool *refused,
                   GError **errp);

/* The whole of device_del: asks for the removal of the device with that id or
 * path and returns at once. The error's class is DeviceNotFound if there is no
 * such device. */
bool device_del(DeviceTree *tree, const char *id_or_path, GError **errp);

/* What power-on does to @dev; a proxy resets its backend itself. */
void device_reset(Device *dev);

/* The device whose id is @id, or NULL. */
Device *device_find(DeviceTree *tree, const char *id);

/* The device with that id or, if @id_or_path begins with a slash, that
 * device_path(). NULL if there is none. */
Device *device_resolve(DeviceTree *tree, const char *id_or_path);

/* Where a firmware is to have @dev in its order, or its backend; -1: nowhere. No
 * two devices of a machine have the same. */
int32_t device_bootindex(const Device *dev);

/* The name people know it by: its id, else its type's name. */
const char *device_label(const Device *dev);

/* Its path in the object tree: /machine/peripheral/ID,
 * /machine/peripheral-anon/device[N] or /machine/unattached/device[N];
 * a backend is PROXY/virtio-backend. N counts devices as they were made and is
 * never given again. The caller frees it. */
char *device_path(const Device *dev);

/* The row of @type's own or bus table called @name, or NULL. */
const Property *device_type_property(const DeviceType *type, const char *name);

/* A row of @dev's own, bus or backend table called @name. On success
 * *ret_instance is the object that holds the field. Returns NULL if none. */
const Property *device_find_property(Device *dev, const char *name,
                                     Device **ret_instance);

/* The same for what is there while the device is. */
const LiveProperty *device_find_live(Device *dev, const char *name,
                                     Device **ret_instance);

/* The type called @name, of any kind. The message names the one that may be
 * meant, with @to_create of those that -device can make. */
const DeviceType *device_type_get(const Registry *r, const char *name,
                                  bool to_create, GError **errp);

/* -device help and -device TYPE,help. */
void device_print_types(FILE *f, const Registry *r);
void device_print_properties(FILE *f, const DeviceType *type);

#endif
