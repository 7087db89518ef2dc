/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/misc/pvpanic.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

#include <misc/pvpanic.h>

#define PVPANIC_PORT   0x505
#define PVPANIC_EVENTS (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)

typedef struct PvPanic {
    Device dev;
    uint16_t port;
    uint8_t events; /* those that the guest is told of and may report */
    MemoryRegion region;
} PvPanic;

static PvPanic *pvpanic_from(Device *dev)
{
    return container_of(dev, PvPanic, dev);
}

/* A guest finds out which events there are. */
static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((PvPanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, uint64_t offset, uint64_t value,
                          unsigned size)
{
    PvPanic *s = opaque;
    uint64_t events = value & s->events;

    trace(pvpanic_write, "value=0x%" PRIx64 " events=0x%x", value, s->events);
    if (value & ~(uint64_t)s->events) {
        log_item(LOG_GUEST_ERROR, "pvpanic: unknown event 0x%" PRIx64, value);
    }
    if (events & PVPANIC_CRASH_LOADED) {
        system_guest_crashloaded(s->dev.machine);
    }
    if (events & PVPANIC_PANICKED) {
        system_guest_panicked(s->dev.machine);
    }
}

static const MemoryRegionOps pvpanic_ops = {
    .read = pvpanic_read,
    .write = pvpanic_write,
};

static PvPanic *find_pvpanic(const DeviceTree *tree)
{
    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (dev->type == &pvpanic_type) {
            return pvpanic_from(dev);
        }
    }
    return NULL;
}

uint16_t pvpanic_port(Machine *m)
{
    const PvPanic *s = find_pvpanic(&m->tree);

    return s ? s->port : 0;
}

static bool pvpanic_realize(Device *dev, GError **errp)
{
    PvPanic *s = pvpanic_from(dev);

    if (find_pvpanic(dev->tree)) {
        error_setg(errp, "pvpanic: the machine has one already: its guest "
                         "looks for no more");
        return false;
    }
    memory_region_init(&s->region, "pvpanic", &pvpanic_ops, s, 1);
    s->region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->region, &dev->machine->io, s->port);
    return true;
}

static void pvpanic_unrealize(Device *dev)
{
    memory_region_unmap(&pvpanic_from(dev)->region);
}

static const Property pvpanic_props[] = {
    PROP_U16("ioport", PvPanic, port, .def = PVPANIC_PORT, .min = 1,
             .summary = "I/O port of the register"),
    PROP_U8("events", PvPanic, events, .def = PVPANIC_EVENTS,
            .max = PVPANIC_EVENTS,
            .summary = "events the guest may report: 1 panicked, 2 crash "
                       "kernel loaded"),
    { 0 },
};

const DeviceType pvpanic_type = {
    .name = "pvpanic",
    .summary = "tells the host of a guest's panic",
    .bus = BUS_ISA,
    .size = sizeof(PvPanic),
    .props = pvpanic_props,
    .user_creatable = true,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
