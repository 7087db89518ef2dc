/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/boot-order.h"
#include "system/machine.h"

#define DRIVES_MAX 3

/* The node's name; firmware looks at the numbers behind it. */
static const char *node_name(const PciDevice *dev)
{
    switch (pci_get_word(dev->state.config + PCI_CLASS_DEVICE)) {
    case 0x0100:
        return "scsi";
    case 0x0200:
        return "ethernet";
    case 0x0604:
        return "pci-bridge";
    default:
        return "pci-device";
    }
}

char *boot_order_pci_path(const PciDevice *dev)
{
    const PciDevice *bridge = dev->bus->bridge;
    g_autofree char *parent = bridge ? boot_order_pci_path(bridge)
                                     : g_strdup("/pci@i0cf8");
    g_autofree char *fn = PCI_FUNC(dev->devfn)
                              ? g_strdup_printf(",%x", PCI_FUNC(dev->devfn))
                              : g_strdup("");

    return g_strdup_printf("%s/%s@%x%s", parent, node_name(dev),
                           PCI_SLOT(dev->devfn), fn);
}

static gint by_bootindex(gconstpointer a, gconstpointer b)
{
    int32_t x = device_bootindex(*(Device *const *)a);
    int32_t y = device_bootindex(*(Device *const *)b);

    return (x > y) - (x < y);
}

static void add_line(GString *lines, Device *dev)
{
    const Device *what = dev->backend ? dev->backend : dev;
    g_autofree char *path = boot_order_pci_path(pci_device_from(dev));
    g_autofree char *rest = what->type->boot_path ? what->type->boot_path(what)
                                                  : g_strdup("");

    g_string_append_printf(lines, "%s%s%s", lines->len ? "\n" : "", path, rest);
}

GBytes *boot_order_build(const Machine *m)
{
    g_autoptr(GPtrArray) devices = g_ptr_array_new();
    GString *lines = g_string_new(NULL);

    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        Device *dev = g_ptr_array_index(m->tree.devices, i);

        if (device_bootindex(dev) >= 0 && dev->type->bus == BUS_PCI) {
            g_ptr_array_add(devices, dev);
        }
    }
    g_ptr_array_sort(devices, by_bootindex);
    for (unsigned i = 0; i < devices->len; i++) {
        add_line(lines, g_ptr_array_index(devices, i));
    }
    if (lines->len && m->config.boot_strict) {
        g_string_append(lines, "\nHALT");
    }
    if (lines->len) {
        g_string_append_c(lines, '\0');
    }
    return g_string_free_to_bytes(lines);
}

/* Of a drive's letter; 0 for one that a PC cannot boot from. */
static uint16_t drive_code(char letter)
{
    static const char letters[] = "acdn";
    const char *at = strchr(letters, letter);

    return at ? (uint16_t)(at - letters + 1) : 0;
}

uint16_t boot_order_drives(const Machine *m, bool reset)
{
    const MachineConfig *c = &m->config;
    const char *letters = !reset && c->boot_once ? c->boot_once : c->boot_order;
    uint16_t drives = 0;
    unsigned n = 0;

    for (; letters && *letters && n < DRIVES_MAX; letters++) {
        if (drive_code(*letters)) {
            drives |= (uint16_t)(drive_code(*letters) << (4 * n++));
        }
    }
    return drives;
}
