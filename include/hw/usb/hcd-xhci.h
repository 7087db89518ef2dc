/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The USB controller that domains of stock tools have: type "qemu-xhci" on PCI,
 * properties p2 and p3. Its ports are empty and stay so, since there are no USB
 * devices here; what drivers of firmware and kernel do to start and to stop a
 * controller works, its command ring answers. Registers, rings and events are
 * those of the xHCI specification 1.1 (sections in the source).
 */
#ifndef HW_USB_HCD_XHCI_H
#define HW_USB_HCD_XHCI_H

#include "hw/core/device.h"

#define XHCI_PORTS_MAX 15 /* of each of USB 2 and USB 3 */

extern const DeviceType qemu_xhci_type;

#endif
