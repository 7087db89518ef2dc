/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/pci-qmp.h"
#include "hw/pci/pci.h"
#include "system/machine.h"
#include "util/json.h"

static json_object *bus_devices(const PciBus *bus, unsigned number);

/* PCI Code and ID Assignment specification, for what this machine can have. */
static const struct {
    uint16_t class_code;
    const char *desc;
} class_names[] = {
    { 0x0100, "SCSI controller" }, { 0x0200, "Ethernet controller" },
    { 0x0600, "Host bridge" },     { 0x0601, "ISA bridge" },
    { 0x0604, "PCI bridge" },
};

static json_object *class_info(uint16_t class_code)
{
    json_object *o = json_object_new_object();

    for (unsigned i = 0; i < G_N_ELEMENTS(class_names); i++) {
        if (class_names[i].class_code == class_code) {
            json_add_string(o, "desc", class_names[i].desc);
        }
    }
    json_add_int(o, "class", class_code);
    return o;
}

static json_object *identity(const PciDevice *dev, bool is_bridge)
{
    json_object *o = json_object_new_object();

    json_add_int(o, "device", pci_get_word(dev->state.config + PCI_DEVICE_ID));
    json_add_int(o, "vendor", pci_get_word(dev->state.config + PCI_VENDOR_ID));
    if (!is_bridge) {
        json_add_int(o, "subsystem",
                     pci_get_word(dev->state.config + PCI_SUBSYSTEM_ID));
        json_add_int(o, "subsystem-vendor",
                     pci_get_word(dev->state.config + PCI_SUBSYSTEM_VENDOR_ID));
    }
    return o;
}

static json_object *regions(const PciDevice *dev)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < PCI_BARS_MAX; i++) {
        const PciBar *bar = &dev->bars[i];
        bool is_io = bar->type & PCI_BASE_ADDRESS_SPACE_IO;
        json_object *o;

        if (!bar->region) {
            continue;
        }
        o = json_object_new_object();
        json_add_int(o, "bar", i);
        json_add_string(o, "type", is_io ? "io" : "memory");
        json_add_int(o, "address",
                     bar->region->as ? (int64_t)bar->region->base : -1);
        json_add_uint(o, "size", bar->region->size);
        if (!is_io) {
            json_add_bool(o, "prefetch",
                          bar->type & PCI_BASE_ADDRESS_MEM_PREFETCH);
            json_add_bool(o, "mem_type_64",
                          bar->type & PCI_BASE_ADDRESS_MEM_TYPE_64);
        }
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *range(uint64_t base, uint64_t limit)
{
    json_object *o = json_object_new_object();

    json_add_uint(o, "base", base);
    json_add_uint(o, "limit", limit);
    return o;
}

/* PCI-to-PCI Bridge Architecture 1.2, 3.2.5: a window counts in units of 4 KiB
 * of ports or 1 MiB of memory. */
static json_object *bridge_info(const PciDevice *dev)
{
    const uint8_t *c = dev->state.config;
    json_object *o = json_object_new_object();
    json_object *bus = json_object_new_object();
    uint64_t prefetch_base, prefetch_limit;

    prefetch_base = (uint64_t)pci_get_long(c + PCI_PREF_BASE_UPPER32) << 32 |
                    (pci_get_word(c + PCI_PREF_MEMORY_BASE) & 0xfff0u) << 16;
    prefetch_limit = (uint64_t)pci_get_long(c + PCI_PREF_LIMIT_UPPER32) << 32 |
                     (pci_get_word(c + PCI_PREF_MEMORY_LIMIT) & 0xfff0u) << 16 |
                     0xfffff;
    json_add_int(bus, "number", c[PCI_PRIMARY_BUS]);
    json_add_int(bus, "secondary", c[PCI_SECONDARY_BUS]);
    json_add_int(bus, "subordinate", c[PCI_SUBORDINATE_BUS]);
    json_add(bus, "io_range",
             range((c[PCI_IO_BASE] & 0xf0u) << 8,
                   (c[PCI_IO_LIMIT] & 0xf0u) << 8 | 0xfff));
    json_add(
        bus, "memory_range",
        range((pci_get_word(c + PCI_MEMORY_BASE) & 0xfff0u) << 16,
              (pci_get_word(c + PCI_MEMORY_LIMIT) & 0xfff0u) << 16 | 0xfffff));
    json_add(bus, "prefetchable_range", range(prefetch_base, prefetch_limit));
    json_add(o, "bus", bus);
    if (dev->secondary) {
        json_object *devices = bus_devices(dev->secondary,
                                           c[PCI_SECONDARY_BUS]);

        if (json_object_array_length(devices)) {
            json_add(o, "devices", devices);
        } else {
            json_object_put(devices);
        }
    }
    return o;
}

static json_object *device_info(const PciDevice *dev, unsigned bus_number)
{
    bool is_bridge = (dev->state.config[PCI_HEADER_TYPE] & 0x7f) ==
                     PCI_HEADER_TYPE_BRIDGE;
    json_object *o = json_object_new_object();

    json_add_int(o, "bus", bus_number);
    json_add_int(o, "slot", PCI_SLOT(dev->devfn));
    json_add_int(o, "function", PCI_FUNC(dev->devfn));
    json_add(o, "class_info",
             class_info(pci_get_word(dev->state.config + PCI_CLASS_DEVICE)));
    json_add(o, "id", identity(dev, is_bridge));
    if (dev->state.config[PCI_INTERRUPT_PIN]) {
        json_add_int(o, "irq", dev->state.config[PCI_INTERRUPT_LINE]);
    }
    json_add_string(o, "qdev_id", dev->dev.id ? dev->dev.id : "");
    json_add_int(o, "irq_pin", dev->state.config[PCI_INTERRUPT_PIN]);
    if (is_bridge) {
        json_add(o, "pci_bridge", bridge_info(dev));
    }
    json_add(o, "regions", regions(dev));
    return o;
}

static json_object *bus_devices(const PciBus *bus, unsigned number)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < PCI_DEVFN_MAX; i++) {
        if (bus->devices[i]) {
            json_object_array_add(list, device_info(bus->devices[i], number));
        }
    }
    return list;
}

json_object *qmp_query_pci(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();
    const Bus *root = device_tree_find_bus(&m->tree, "pcie.0", BUS_PCI);
    json_object *o;

    if (!root) {
        return list; /* a machine without PCI */
    }
    o = json_object_new_object();
    json_add_int(o, "bus", 0);
    json_add(o, "devices", bus_devices(container_of(root, PciBus, bus), 0));
    json_object_array_add(list, o);
    return list;
}
