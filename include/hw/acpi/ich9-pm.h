/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI fixed hardware of ICH9 (datasheet 13.8.3; ACPI 6.4, 4.8): PM1
 * event and control blocks, PM timer, GPE0. A block of 128 I/O ports at PM
 * base. S5 asks for shutdown, the power button raises SCI.
 */
#ifndef HW_ACPI_ICH9_PM_H
#define HW_ACPI_ICH9_PM_H

#include "hw/core/irq.h"
#include "system/memory.h"
#include "system/timer.h"

#define ICH9_PM_SIZE    128
#define ICH9_PM1_EVT    0x00 /* 4 bytes: status, enable */
#define ICH9_PM1_CNT    0x04 /* 2 bytes */
#define ICH9_PM_TMR     0x08 /* 4 bytes, 24 bits at 3.579545 MHz */
#define ICH9_GPE0       0x20 /* 16 bytes: status, enable */
#define ICH9_SMI_EN     0x30
#define ICH9_SLP_TYP_S5 0x07 /* what \_S5 names */

typedef struct Machine Machine;

typedef struct Ich9Pm {
    Machine *machine;
    MemoryRegion region;
    IrqLine sci;
    uint16_t pm1_status, pm1_enable, pm1_control;
    uint64_t gpe0_status, gpe0_enable;
    uint32_t smi_enable;
    Timer overflow; /* of the PM timer, while its interrupt is enabled */
} Ich9Pm;

void ich9_pm_init(Ich9Pm *pm, Machine *machine);
void ich9_pm_finish(Ich9Pm *pm);
void ich9_pm_reset(Ich9Pm *pm);
/* SCI_EN on, as firmware that boots in ACPI mode leaves it. */
void ich9_pm_enable_acpi(Ich9Pm *pm);
/* Moves the block to I/O port @base; 0 unmaps it. */
void ich9_pm_set_base(Ich9Pm *pm, uint16_t base);
/* The power button was pressed. */
void ich9_pm_power_button(Ich9Pm *pm);
/* A general-purpose event @bit (0-63) becomes pending (hotplug). */
void ich9_pm_set_gpe(Ich9Pm *pm, unsigned bit);

#endif
