/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/acpi/ich9-pm.h"
#include "system/machine.h"
#include "util/log.h"

#define PM_TIMER_HZ        3579545
#define PM_TIMER_MASK      0xffffff
#define PM_TIMER_HALF_BITS 23 /* the top bit changes every 2^23 ticks */

/* SLP_TYP of the states that power the machine off (datasheet 13.8.3.3). */
#define SLP_TYP_S4 0x06

/* The events there are, and what an operating system can set in PM1 control
 * (BM_RLD is stored without effect). */
#define PM1_ENABLE_MASK \
    (ICH9_PM1_TMROF | ICH9_PM1_GBL | ICH9_PM1_PWRBTN | ICH9_PM1_RTC)
#define PM1_STATUS_MASK  (PM1_ENABLE_MASK | ICH9_PM1_BM | ICH9_PM1_WAK)
#define PM1_CONTROL_MASK (ICH9_PM1_SCI_EN | 1 << 1 | ICH9_PM1_SLP_TYP)

static uint64_t timer_ticks(const Ich9Pm *pm)
{
    unsigned __int128 ns = (uint64_t)machine_clock_ns(pm->machine);

    return (uint64_t)(ns * PM_TIMER_HZ / NANOSECONDS_PER_SECOND);
}

/* The first nanosecond of tick @ticks. */
static int64_t ticks_to_ns(uint64_t ticks)
{
    unsigned __int128 n = (unsigned __int128)ticks * NANOSECONDS_PER_SECOND;

    return (int64_t)((n + PM_TIMER_HZ - 1) / PM_TIMER_HZ);
}

/* Takes note of an overflow that has happened; nothing counts them while
 * nobody asks. */
static void update_overflow(Ich9Pm *pm)
{
    uint64_t overflows = timer_ticks(pm) >> PM_TIMER_HALF_BITS;

    if (overflows != pm->state.overflows_seen) {
        pm->state.overflows_seen = overflows;
        pm->state.pm1_status |= ICH9_PM1_TMROF;
    }
}

static void update_sci(Ich9Pm *pm)
{
    bool level = (pm->state.pm1_control & ICH9_PM1_SCI_EN) &&
                 ((pm->state.pm1_status & pm->state.pm1_enable) ||
                  (pm->state.gpe0_status & pm->state.gpe0_enable));

    if (level != pm->sci_level) {
        pm->sci_level = level;
        irq_set(&pm->sci, level);
    }
    if ((pm->state.pm1_enable & ICH9_PM1_TMROF) &&
        !(pm->state.pm1_status & ICH9_PM1_TMROF)) {
        timer_mod(&pm->overflow, ticks_to_ns((pm->state.overflows_seen + 1)
                                             << PM_TIMER_HALF_BITS));
    } else {
        timer_del(&pm->overflow);
    }
}

static void overflow_fire(void *opaque)
{
    Ich9Pm *pm = opaque;

    update_overflow(pm);
    update_sci(pm);
}

/* --- registers, seen as 32-bit words --- */

/* Without the machine lock. */
static uint32_t read_timer(void *opaque)
{
    return (uint32_t)timer_ticks(opaque) & PM_TIMER_MASK;
}

static uint32_t reg_read(Ich9Pm *pm, unsigned reg)
{
    switch (reg) {
    case ICH9_PM1_EVT:
        update_overflow(pm);
        return pm->state.pm1_status | (uint32_t)pm->state.pm1_enable << 16;
    case ICH9_PM1_CNT:
        return pm->state.pm1_control;
    case ICH9_PM_TMR:
        return read_timer(pm);
    case ICH9_GPE0:
        return (uint32_t)pm->state.gpe0_status;
    case ICH9_GPE0 + 4:
        return (uint32_t)(pm->state.gpe0_status >> 32);
    case ICH9_GPE0 + 8:
        return (uint32_t)pm->state.gpe0_enable;
    case ICH9_GPE0 + 12:
        return (uint32_t)(pm->state.gpe0_enable >> 32);
    case ICH9_SMI_EN:
        return pm->state.smi_enable;
    default:
        return 0;
    }
}

static uint32_t replace(uint32_t old, uint32_t value, uint32_t mask)
{
    return (old & ~mask) | (value & mask);
}

static void sleep_request(Ich9Pm *pm)
{
    unsigned type = (pm->state.pm1_control & ICH9_PM1_SLP_TYP) >>
                    ICH9_PM1_SLP_TYP_SHIFT;

    if (type == ICH9_SLP_TYP_S5 || type == SLP_TYP_S4) {
        system_shutdown_request(pm->machine, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    } else {
        log_item(LOG_UNIMP, "ich9-pm: sleep type %u is not supported", type);
    }
}

static void control_write(Ich9Pm *pm, uint32_t value, uint32_t mask)
{
    pm->state.pm1_control = (uint16_t)replace(pm->state.pm1_control, value,
                                              mask & PM1_CONTROL_MASK);
    if (value & mask & ICH9_PM1_SLP_EN) {
        sleep_request(pm);
    }
}

/* Writes the bits of @value that are in @mask. */
static void reg_write(Ich9Pm *pm, unsigned reg, uint32_t value, uint32_t mask)
{
    switch (reg) {
    case ICH9_PM1_EVT:
        update_overflow(pm);
        pm->state.pm1_status &= (uint16_t) ~(value & mask & PM1_STATUS_MASK);
        pm->state.pm1_enable = (uint16_t)replace(
            pm->state.pm1_enable, value >> 16, mask >> 16 & PM1_ENABLE_MASK);
        break;
    case ICH9_PM1_CNT:
        control_write(pm, value, mask);
        break;
    case ICH9_GPE0:
        pm->state.gpe0_status &= ~(uint64_t)(value & mask);
        break;
    case ICH9_GPE0 + 4:
        pm->state.gpe0_status &= ~((uint64_t)(value & mask) << 32);
        break;
    case ICH9_GPE0 + 8:
        pm->state.gpe0_enable = (pm->state.gpe0_enable & ~(uint64_t)mask) |
                                (value & mask);
        break;
    case ICH9_GPE0 + 12:
        pm->state.gpe0_enable = (pm->state.gpe0_enable &
                                 ~((uint64_t)mask << 32)) |
                                (uint64_t)(value & mask) << 32;
        break;
    case ICH9_SMI_EN:
        pm->state.smi_enable = replace(pm->state.smi_enable, value, mask);
        break;
    default:
        break;
    }
    update_sci(pm);
}

/* --- accesses of any size and alignment --- */

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned size)
{
    Ich9Pm *pm = opaque;
    uint64_t value = 0;

    for (unsigned done = 0; done < size;) {
        unsigned reg = (unsigned)(offset + done) & ~3u;
        unsigned skip = (unsigned)(offset + done) & 3;

        value |= (uint64_t)(reg_read(pm, reg) >> (8 * skip)) << (8 * done);
        done += 4 - skip;
    }
    trace(ich9_pm_read, "offset=0x%" PRIx64 " size=%u value=0x%" PRIx64, offset,
          size, value);
    return value;
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value,
                     unsigned size)
{
    Ich9Pm *pm = opaque;

    trace(ich9_pm_write, "offset=0x%" PRIx64 " size=%u value=0x%" PRIx64,
          offset, size, value);
    for (unsigned done = 0; done < size;) {
        unsigned reg = (unsigned)(offset + done) & ~3u;
        unsigned skip = (unsigned)(offset + done) & 3;
        unsigned n = MIN(4 - skip, size - done);
        uint32_t mask = (uint32_t)((UINT64_C(1) << (8 * n)) - 1) << (8 * skip);

        reg_write(pm, reg, (uint32_t)(value >> (8 * done)) << (8 * skip), mask);
        done += n;
    }
}

static const MemoryRegionOps pm_ops = {
    .read = pm_read,
    .write = pm_write,
};

/* --- life --- */

void ich9_pm_init(Ich9Pm *pm, Machine *machine)
{
    pm->machine = machine;
    memory_region_init(&pm->region, "ich9-pm", &pm_ops, pm, ICH9_PM_SIZE);
    pm->region.priority = 1; /* over any BAR that a guest puts there */
    timer_init(&pm->overflow, machine, overflow_fire, pm);
}

void ich9_pm_finish(Ich9Pm *pm)
{
    if (pm->machine) {
        ich9_pm_set_base(pm, 0);
        timer_del(&pm->overflow);
        pm->machine = NULL;
    }
}

void ich9_pm_reset(Ich9Pm *pm)
{
    pm->state.pm1_status = 0;
    pm->state.pm1_enable = 0;
    pm->state.pm1_control = 0;
    pm->state.gpe0_status = 0;
    pm->state.gpe0_enable = 0;
    /* As if firmware had set up SMM, which there is not: SeaBIOS then leaves
     * it alone, and others find that they cannot. */
    pm->state.smi_enable = ICH9_SMI_EN_APMC;
    pm->state.overflows_seen = timer_ticks(pm) >> PM_TIMER_HALF_BITS;
    update_sci(pm);
}

void ich9_pm_enable_acpi(Ich9Pm *pm, bool enable)
{
    pm->state.pm1_control = (uint16_t)replace(
        pm->state.pm1_control, enable ? ICH9_PM1_SCI_EN : 0, ICH9_PM1_SCI_EN);
    update_sci(pm);
}

void ich9_pm_set_base(Ich9Pm *pm, uint16_t base)
{
    AddressSpace *io = &pm->machine->io;

    /* No region of the board that goes before this one lies over the timer. */
    address_space_set_counter(io, read_timer, pm,
                              base ? UINT64_C(0) + base + ICH9_PM_TMR
                                   : COUNTER_UNMAPPED);
    if (base) {
        memory_region_map(&pm->region, io, base);
    } else {
        memory_region_unmap(&pm->region);
    }
}

void ich9_pm_power_button(Ich9Pm *pm)
{
    pm->state.pm1_status |= ICH9_PM1_PWRBTN;
    update_sci(pm);
}
