/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the program can make, in plain sight: device types, machine types,
 * accelerators. */
#include "accel/kvm.h"
#include "accel/qtest.h"
#include "hw/char/serial.h"
#include "hw/i386/q35.h"
#include "hw/isa/lpc-ich9.h"
#include "hw/pci/pci-host.h"
#include "hw/pci/pcie-root-port.h"
#include "hw/rtc/mc146818rtc.h"
#include "hw/scsi/vhost-scsi.h"
#include "hw/virtio/virtio-pci.h"

/* A virtio device type behind virtio-pci. */
static const DeviceType vhost_scsi_pci_type = {
    .name = "vhost-scsi-pci",
    .summary = "SCSI host adapter served by the kernel's LIO target (vhost)",
    .bus = BUS_PCI,
    .size = sizeof(VirtIOPCIProxy),
    .props = virtio_pci_props,
    .bus_props = pci_bus_props,
    .backend = &vhost_scsi_type,
    .user_creatable = true,
    .realize = virtio_pci_realize,
    .unrealize = virtio_pci_unrealize,
    .reset = virtio_pci_reset,
};

const DeviceType *const device_types[] = {
    &ich9_lpc_type,       &isa_serial_type, &mc146818rtc_type,    &mch_type,
    &pcie_root_port_type, &vhost_scsi_type, &vhost_scsi_pci_type, NULL,
};

const MachineType *const machine_types[] = {
    &q35_machine_type,
    NULL,
};

const AccelOps *const accel_types[] = {
    &kvm_accel_ops,
    &qtest_accel_ops,
    NULL,
};
