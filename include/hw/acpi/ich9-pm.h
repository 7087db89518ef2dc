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

#define ICH9_PM_SIZE     128
#define ICH9_PM1_EVT     0x00 /* 4 bytes: status, enable */
#define ICH9_PM1_CNT     0x04 /* 2 bytes */
#define ICH9_PM_TMR      0x08 /* 4 bytes, 24 bits at 3.579545 MHz */
#define ICH9_GPE0        0x20 /* 16 bytes: status, enable */
#define ICH9_GPE0_SIZE   16
#define ICH9_SMI_EN      0x30
#define ICH9_SMI_EN_APMC 0x20 /* a write to port 0xb2 is an SMI */
#define ICH9_SLP_TYP_S5  0x07 /* what \_S5 names */

/* PM1 status and enable; ACPI 6.4, tables 4.12 and 4.13. */
enum {
    ICH9_PM1_TMROF = 1 << 0, /* the PM timer's top bit has changed */
    ICH9_PM1_BM = 1 << 4,
    ICH9_PM1_GBL = 1 << 5,
    ICH9_PM1_PWRBTN = 1 << 8,
    ICH9_PM1_RTC = 1 << 10,
    ICH9_PM1_WAK = 1 << 15,
};

/* PM1 control; table 4.14. */
enum {
    ICH9_PM1_SCI_EN = 1 << 0,
    ICH9_PM1_SLP_TYP_SHIFT = 10,
    ICH9_PM1_SLP_TYP = 7 << ICH9_PM1_SLP_TYP_SHIFT,
    ICH9_PM1_SLP_EN = 1 << 13, /* reads 0 */
};

typedef struct Machine Machine;

/* What is to be saved: the rest follows from it. */
typedef struct Ich9PmState {
    uint16_t pm1_status, pm1_enable, pm1_control;
    uint64_t gpe0_status, gpe0_enable;
    uint32_t smi_enable;
    /* How often the PM timer's top bit had changed when the overflow was last
     * seen; a change since then is a pending overflow. */
    uint64_t overflows_seen;
} Ich9PmState;

typedef struct Ich9Pm {
    Ich9PmState state;
    Machine *machine;
    MemoryRegion region;
    IrqLine sci;
    bool sci_level;
    Timer overflow; /* armed only while the overflow interrupt is enabled */
} Ich9Pm;

void ich9_pm_init(Ich9Pm *pm, Machine *machine);
void ich9_pm_finish(Ich9Pm *pm);
void ich9_pm_reset(Ich9Pm *pm);
/* SCI_EN: whether events are the operating system's (SCI). */
void ich9_pm_enable_acpi(Ich9Pm *pm, bool enable);
/* Moves the block to I/O port @base; 0 unmaps it. */
void ich9_pm_set_base(Ich9Pm *pm, uint16_t base);
/* The power button was pressed. */
void ich9_pm_power_button(Ich9Pm *pm);

#endif
