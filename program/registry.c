/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the program can make, in plain sight: device types, machine types,
 * accelerators. */
#include "accel/kvm.h"
#include "accel/qtest.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/char/serial-isa.h"
#include "hw/char/virtio-serial.h"
#include "hw/i386/q35.h"
#include "hw/isa/lpc-ich9.h"
#include "hw/i386/no-device.h"
#include "hw/misc/pvpanic.h"
#include "hw/net/vhost-net.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/i386/mch.h"
#include "hw/pci/pcie-root-port.h"
#include "hw/rtc/mc146818rtc.h"
#include "hw/scsi/vhost-scsi.h"
#include "hw/usb/hcd-xhci.h"
#include "hw/virtio/vhost-vsock.h"
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtio-pci.h"
#include "hw/virtio/virtio-rng.h"
#include "program/registry.h"
#include "system/machine.h"

/* A virtio device behind virtio-pci. */
#define VIRTIO_PCI_TYPE(its_name, its_alias, its_backend, its_summary)    \
    {                                                                     \
        .name = its_name, .alias = its_alias, .summary = its_summary,     \
        .bus = BUS_PCI, .size = sizeof(VirtIOPCIProxy),                   \
        .props = virtio_pci_props, .bus_props = pci_bus_props,            \
        .backend = &its_backend, .user_creatable = true,                  \
        .realize = virtio_pci_realize, .unrealize = virtio_pci_unrealize, \
        .reset = virtio_pci_reset,                                        \
    }

static const DeviceType vhost_scsi_pci_type = VIRTIO_PCI_TYPE(
    "vhost-scsi-pci", NULL, vhost_scsi_type,
    "SCSI host adapter served by the kernel's LIO target (vhost)");

/* The same adapter, which is modern only, by the name that libvirt looks for
 * before it plugs virtio devices into PCIe ports. */
static const DeviceType vhost_scsi_pci_non_transitional_type = VIRTIO_PCI_TYPE(
    "vhost-scsi-pci-non-transitional", NULL, vhost_scsi_type,
    "the same as vhost-scsi-pci");

static const DeviceType vhost_vsock_pci_type = VIRTIO_PCI_TYPE(
    "vhost-vsock-pci", NULL, vhost_vsock_type,
    "sockets between guest and host, served by the kernel (vhost)");

static const DeviceType vhost_vsock_pci_non_transitional_type = VIRTIO_PCI_TYPE(
    "vhost-vsock-pci-non-transitional", NULL, vhost_vsock_type,
    "the same as vhost-vsock-pci");

static const DeviceType virtio_balloon_pci_type = VIRTIO_PCI_TYPE(
    "virtio-balloon-pci", "virtio-balloon", virtio_balloon_type,
    "the guest gives memory to the host and takes it back");

static const DeviceType virtio_rng_pci_type = VIRTIO_PCI_TYPE(
    "virtio-rng-pci", "virtio-rng", virtio_rng_type,
    "random bytes of the host");

static const DeviceType virtio_net_pci_type = VIRTIO_PCI_TYPE(
    "virtio-net-pci", "virtio-net", vhost_net_type,
    "network card on a tap, served by the kernel (vhost)");

static const DeviceType virtio_net_pci_non_transitional_type = VIRTIO_PCI_TYPE(
    "virtio-net-pci-non-transitional", NULL, vhost_net_type,
    "the same as virtio-net-pci");

static const DeviceType virtio_serial_pci_type = VIRTIO_PCI_TYPE(
    "virtio-serial-pci", "virtio-serial", virtio_serial_type,
    "controller of ports between guest and character devices");

static const DeviceType *const device_types[] = {
    &fw_cfg_type,
    &ich9_lpc_type,
    &isa_serial_type,
    &kvm_pit_type,
    &mc146818rtc_type,
    &mch_type,
    &pcie_root_port_type,
    &pflash_cfi01_type,
    &piix4_pm_type,
    &pvpanic_type,
    &qemu_xhci_type,
    &vhost_scsi_type,
    &vhost_scsi_pci_type,
    &vhost_scsi_pci_non_transitional_type,
    &vhost_net_type,
    &virtio_net_pci_type,
    &virtio_net_pci_non_transitional_type,
    &vhost_vsock_type,
    &vhost_vsock_pci_type,
    &vhost_vsock_pci_non_transitional_type,
    &virtio_balloon_type,
    &virtio_balloon_pci_type,
    &virtio_rng_type,
    &virtio_rng_pci_type,
    &virtio_serial_type,
    &virtio_serial_pci_type,
    &virtconsole_type,
    &virtserialport_type,
    &vmport_type, /* for -global alone, as kvm-pit and PIIX4_PM */
    NULL,
};

static const MachineType *const machine_types[] = {
    &none_machine_type,
    &q35_machine_type,
    NULL,
};

static const AccelOps *const accel_types[] = {
    &kvm_accel_ops,
    &qtest_accel_ops,
    NULL,
};

const Registry program_registry = {
    .device_types = device_types,
    .machine_types = machine_types,
    .accel_types = accel_types,
    .instead_of = absent_instead,
};
