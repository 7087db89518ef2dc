/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ISA bus, which its bridge owns (hw/isa/lpc-ich9.h): what a device on it
 * finds besides the machine's ports.
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "hw/core/device.h"
#include "hw/core/irq.h"

#define ISA_IRQS 16

typedef struct IsaBus {
    Bus bus;
    IrqLine irqs[ISA_IRQS];
} IsaBus;

/* Line @irq of the bus that @dev is on; valid once @dev is configured. */
static inline IrqLine *isa_line(const Device *dev, unsigned irq)
{
    assert(irq < ISA_IRQS);
    return &container_of(dev->bus, IsaBus, bus)->irqs[irq];
}

#endif
