/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/no-device.h"
#include "util/error.h"

typedef struct NoDevice {
    Device dev;
    char *lost_tick_policy;
    uint8_t disable_s3, disable_s4;
} NoDevice;

static bool no_device_realize(Device *dev, GError **errp)
{
    error_setg(errp, "%s: there is no such device", dev->type->name);
    return false;
}

static void no_device_unrealize(Device *dev)
{
}

static const char *const lost_tick_policies[] = { "delay", "discard", NULL };

static const Property kvm_pit_props[] = {
    PROP_STRING("lost_tick_policy", NoDevice, lost_tick_policy,
                .words = lost_tick_policies,
                .summary = "delay: missed ticks are delivered later; discard"),
    { 0 },
};

const DeviceType kvm_pit_type = {
    .name = "kvm-pit",
    .summary = "KVM's interval timer",
    .size = sizeof(NoDevice),
    .props = kvm_pit_props,
    .realize = no_device_realize,
    .unrealize = no_device_unrealize,
};

static const Property piix4_pm_props[] = {
    PROP_U8("disable_s3", NoDevice, disable_s3, .def = 1, .max = 1,
            .summary = "no effect: there is no S3"),
    PROP_U8("disable_s4", NoDevice, disable_s4, .def = 1, .max = 1,
            .summary = "no effect: there is no S4"),
    { 0 },
};

const DeviceType piix4_pm_type = {
    .name = "PIIX4_PM",
    .summary = "PIIX4's power management",
    .size = sizeof(NoDevice),
    .props = piix4_pm_props,
    .realize = no_device_realize,
    .unrealize = no_device_unrealize,
};

/* libvirt passes on <vmport state='off'/>, which virt-install writes, only if
 * there is such a type. */
const DeviceType vmport_type = {
    .name = "vmport",
    .summary = "VMware's I/O port: none, -machine vmport=off is taken",
    .size = sizeof(NoDevice),
    .realize = no_device_realize,
    .unrealize = no_device_unrealize,
};
