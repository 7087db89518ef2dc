/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ICH9 LPC bridge 8086:2918 at 00:1f.0: PIRQ routing, PM base, reset
 * control register 0xcf9, fast reset by ports 0x64 and 0x92. Intel I/O
 * Controller Hub 9 datasheet, chapter 13.
 */
#ifndef HW_ISA_LPC_ICH9_H
#define HW_ISA_LPC_ICH9_H

#include "hw/acpi/ich9-pm.h"
#include "hw/pci/pci.h"

#define ICH9_LPC_DEVFN     PCI_DEVFN(0x1f, 0)
#define ICH9_PM_BASE       0x600 /* what firmware would program */
#define ICH9_SCI_IRQ       9
#define ICH9_RESET_PORT    0xcf9
#define ICH9_RESET_VALUE   0x06 /* SYS_RST | RST_CPU: a hard reset */
#define ICH9_PIRQ_GSI_BASE 16   /* PIRQA is IOAPIC input 16 */
#define ICH9_PIRQS         8

/* The command port that FADT names, and what the commands are: where firmware
 * would have an SMI handler, the bridge itself switches SCI_EN. */
#define ICH9_APM_PORT         0xb2
#define ICH9_APM_ACPI_ENABLE  0x02
#define ICH9_APM_ACPI_DISABLE 0x03

typedef struct Ich9Lpc Ich9Lpc;

extern const DeviceType ich9_lpc_type; /* "ICH9-LPC" */

/* Which PIRQ (0 = A .. 7 = H) pin @pin (0 = INTA) of @devfn on the root bus is
 * wired to. Used for the wiring and for _PRT alike. */
unsigned ich9_pirq(uint8_t devfn, unsigned pin);

/* PciBus.set_intx of the root bus; opaque is the Ich9Lpc. */
void ich9_set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level);

/* Its power management block. Borrowed. */
Ich9Pm *ich9_lpc_pm(Ich9Lpc *lpc);

/* Drives IOAPIC and PIC input @n, for the bridge's own interrupts and ISA's;
 * connected by the board before there is a device on ISA. */
void ich9_lpc_connect_gsi(Ich9Lpc *lpc, IrqHandler *handler, void *opaque);

/* What firmware would have set before it starts an operating system: PM base
 * and ACPI enabled. The board calls it at reset when it boots a kernel
 * directly. */
void ich9_lpc_setup_direct_boot(Ich9Lpc *lpc);

static inline Ich9Lpc *ich9_lpc_from(Device *dev)
{
    return (Ich9Lpc *)dev;
}

#endif
