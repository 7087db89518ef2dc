/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/rtc/mc146818rtc.h"
#include "hw/isa/isa.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

#include <time.h>

/* Registers. Those of the time come first; MC146818, figure 12. */
enum {
    RTC_SECONDS = 0x00,
    RTC_SECONDS_ALARM = 0x01,
    RTC_MINUTES = 0x02,
    RTC_MINUTES_ALARM = 0x03,
    RTC_HOURS = 0x04,
    RTC_HOURS_ALARM = 0x05,
    RTC_WEEKDAY = 0x06,
    RTC_DAY = 0x07,
    RTC_MONTH = 0x08,
    RTC_YEAR = 0x09,
    RTC_A = 0x0a,
    RTC_B = 0x0b,
    RTC_C = 0x0c,
    RTC_D = 0x0d,
    RTC_BYTES = 0x80,
};

enum {
    A_RATE = 0x0f,
    A_DIVIDER = 0x70,
    A_DIVIDER_32KHZ = 0x20,
    A_UIP = 0x80,
    A_DEFAULT = A_DIVIDER_32KHZ | 6, /* 1024 Hz */

    B_24H = 0x02,
    B_BINARY = 0x04,
    B_UIE = 0x10, /* the enables stand where C has the flags */
    B_AIE = 0x20,
    B_PIE = 0x40,
    B_SET = 0x80,

    C_UF = 0x10,
    C_AF = 0x20,
    C_PF = 0x40,
    C_IRQF = 0x80,
    C_FLAGS = C_UF | C_AF | C_PF,

    D_VRT = 0x80, /* the battery is fine */
};

static_assert(B_UIE == C_UF && B_AIE == C_AF && B_PIE == C_PF,
              "MC146818: enables and flags have the same positions");

#define HOUR_PM      0x80
#define ALARM_ANY    0xc0 /* an alarm byte from 0xc0 on matches everything */
#define BASE_HZ      32768
/* UIP rises this long before an update: 8 ticks of the divider, which is 244.14
 * microseconds; a reader that sees it low has so much time. */
#define UIP_NS       (NANOSECONDS_PER_SECOND * 8 / BASE_HZ)
#define HALF_SECOND  (NANOSECONDS_PER_SECOND / 2)
#define REARM_MIN_NS 1000 /* host clock and virtual clock may disagree */

typedef enum RtcMode {
    RTC_RUNNING, /* the registers are computed from the clock */
    RTC_HELD,    /* SET: the registers stand in cmos[], the divider runs */
    RTC_STOPPED, /* the divider is held in reset */
} RtcMode;

/* What is to be saved: the rest follows from it. */
typedef struct RtcState {
    RtcMode mode;
    uint8_t index;
    uint8_t cmos[RTC_BYTES];
    /* The guest's time at source time t: whole seconds of (t + phase_ns), plus
     * offset_s. Kept apart because a guest can set a year that nanoseconds
     * cannot count to. */
    int64_t offset_s;
    int64_t phase_ns; /* 0 .. one second */
    /* Up to when flags have been computed. */
    int64_t seen_s;     /* guest time */
    int64_t seen_ticks; /* of the divider */
} RtcState;

typedef struct Rtc {
    Device dev;
    RtcState state;
    bool clock_vm;   /* property */
    uint64_t base_s; /* property */
    bool irq_level;
    Timer timer;
    MemoryRegion region;
    RunStateNotifier run_notifier;
} Rtc;

static Rtc *rtc_from(Device *dev)
{
    return container_of(dev, Rtc, dev);
}

/* --- clocks --- */

/* Nanoseconds since 1970 of the clock that drives this one. */
static int64_t source_ns(const Rtc *s)
{
    if (s->clock_vm) {
        return machine_clock_ns(s->dev.machine);
    }
    return g_get_real_time() * 1000;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Both hands of the guest's clock. */
static int64_t guest_seconds(const Rtc *s)
{
    return floor_div(source_ns(s) + s->state.phase_ns, NANOSECONDS_PER_SECOND) +
           s->state.offset_s;
}

static int64_t guest_fraction_ns(const Rtc *s)
{
    int64_t ns = (source_ns(s) + s->state.phase_ns) % NANOSECONDS_PER_SECOND;

    return ns < 0 ? ns + NANOSECONDS_PER_SECOND : ns;
}

/* Makes the guest's time @seconds and @fraction_ns from now on. */
static void set_guest_time(Rtc *s, int64_t seconds, int64_t fraction_ns)
{
    int64_t now = source_ns(s);
    int64_t phase = (fraction_ns - now) % NANOSECONDS_PER_SECOND;

    s->state.phase_ns = phase < 0 ? phase + NANOSECONDS_PER_SECOND : phase;
    s->state.offset_s = seconds - floor_div(now + s->state.phase_ns,
                                            NANOSECONDS_PER_SECOND);
    s->state.seen_s = seconds;
}

/* Ticks of the periodic interrupt's divider. */
static int64_t divider_ticks(const Rtc *s)
{
    int64_t now = source_ns(s) + s->state.phase_ns;
    int64_t seconds = floor_div(now, NANOSECONDS_PER_SECOND);
    int64_t ns = now - seconds * NANOSECONDS_PER_SECOND;

    return seconds * BASE_HZ + ns * BASE_HZ / NANOSECONDS_PER_SECOND;
}

/* Ticks between periodic interrupts; 0: none. The two fastest rates are those
 * of 8 and 9 with this time base (MC146818, table 5). */
static int64_t period_ticks(const Rtc *s)
{
    unsigned rate = s->state.cmos[RTC_A] & A_RATE;

    if (!rate || s->state.mode == RTC_STOPPED) {
        return 0;
    }
    return 1 << (rate <= 2 ? rate + 6 : rate - 1);
}

/* --- what the registers show --- */

static uint8_t encode(const Rtc *s, int64_t value)
{
    uint8_t v = (uint8_t)value;

    return s->state.cmos[RTC_B] & B_BINARY ? v
                                           : (uint8_t)(v / 10 << 4 | v % 10);
}

static int decode(const Rtc *s, uint8_t value)
{
    return s->state.cmos[RTC_B] & B_BINARY ? value
                                           : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const Rtc *s, int hour)
{
    if (s->state.cmos[RTC_B] & B_24H) {
        return encode(s, hour);
    }
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const Rtc *s, uint8_t value)
{
    if (s->state.cmos[RTC_B] & B_24H) {
        return decode(s, value);
    }
    return decode(s, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Writes the current time into the registers. */
static void latch_time(Rtc *s)
{
    time_t t = (time_t)guest_seconds(s);
    struct tm tm = { 0 };
    int64_t year;

    gmtime_r(&t, &tm);
    year = (int64_t)tm.tm_year + 1900;
    s->state.cmos[RTC_SECONDS] = encode(s, tm.tm_sec);
    s->state.cmos[RTC_MINUTES] = encode(s, tm.tm_min);
    s->state.cmos[RTC_HOURS] = encode_hour(s, tm.tm_hour);
    s->state.cmos[RTC_WEEKDAY] = encode(s, tm.tm_wday + 1);
    s->state.cmos[RTC_DAY] = encode(s, tm.tm_mday);
    s->state.cmos[RTC_MONTH] = encode(s, tm.tm_mon + 1);
    s->state.cmos[RTC_YEAR] = encode(s, ((year % 100) + 100) % 100);
    s->state.cmos[RTC_CENTURY] = encode(s, year / 100 % 100);
}

/* The time that the registers show. Whatever a guest wrote there is some time:
 * timegm() carries what is out of range. */
static int64_t latched_seconds(const Rtc *s)
{
    struct tm tm = {
        .tm_sec = decode(s, s->state.cmos[RTC_SECONDS]),
        .tm_min = decode(s, s->state.cmos[RTC_MINUTES]),
        .tm_hour = decode_hour(s, s->state.cmos[RTC_HOURS]),
        .tm_mday = decode(s, s->state.cmos[RTC_DAY]),
        .tm_mon = decode(s, s->state.cmos[RTC_MONTH]) - 1,
        .tm_year = decode(s, s->state.cmos[RTC_CENTURY]) * 100 +
                   decode(s, s->state.cmos[RTC_YEAR]) - 1900,
    };

    return timegm(&tm);
}

/* --- alarm --- */

static bool alarm_matches(uint8_t reg, int wanted, int value)
{
    return reg >= ALARM_ANY || wanted == value;
}

/* The first second after @from at which the alarm goes off, or -1 if its
 * registers hold no time of day. */
static int64_t next_alarm(const Rtc *s, int64_t from)
{
    uint8_t sec_reg = s->state.cmos[RTC_SECONDS_ALARM];
    uint8_t min_reg = s->state.cmos[RTC_MINUTES_ALARM];
    uint8_t hour_reg = s->state.cmos[RTC_HOURS_ALARM];
    int sec = decode(s, sec_reg);
    int min = decode(s, min_reg);
    int hour = decode_hour(s, hour_reg);
    int64_t t = from + 1;
    int64_t last = t + 2 * 86400;

    if ((sec_reg < ALARM_ANY && sec > 59) ||
        (min_reg < ALARM_ANY && min > 59) ||
        (hour_reg < ALARM_ANY && hour > 23)) {
        return -1;
    }
    /* Skips whole hours, then minutes, then seconds: some 170 steps. */
    while (t < last) {
        int64_t day = t - floor_div(t, 86400) * 86400;

        if (!alarm_matches(hour_reg, hour, (int)(day / 3600))) {
            t += 3600 - day % 3600;
        } else if (!alarm_matches(min_reg, min, (int)(day / 60 % 60))) {
            t += 60 - day % 60;
        } else if (!alarm_matches(sec_reg, sec, (int)(day % 60))) {
            t++;
        } else {
            return t;
        }
    }
    return -1;
}

/* --- flags and interrupts --- */

static void update_irq(Rtc *s)
{
    bool level = s->state.cmos[RTC_B] & s->state.cmos[RTC_C] & C_FLAGS;

    if (level) {
        s->state.cmos[RTC_C] |= C_IRQF;
    } else {
        s->state.cmos[RTC_C] &= (uint8_t)~C_IRQF;
    }
    if (level != s->irq_level) {
        s->irq_level = level;
        irq_set(isa_line(&s->dev, RTC_IRQ), level);
    }
}

/* Sets the flags of what has happened since they were last computed. */
static void update_flags(Rtc *s)
{
    int64_t period = period_ticks(s);
    int64_t ticks = divider_ticks(s);

    if (s->state.mode == RTC_RUNNING) {
        int64_t now = guest_seconds(s);

        if (now != s->state.seen_s) {
            int64_t alarm = next_alarm(s, s->state.seen_s);

            s->state.cmos[RTC_C] |= C_UF;
            if (alarm >= 0 && alarm <= now) {
                s->state.cmos[RTC_C] |= C_AF;
            }
        }
        s->state.seen_s = now;
    }
    if (period && ticks / period != s->state.seen_ticks / period) {
        s->state.cmos[RTC_C] |= C_PF;
    }
    s->state.seen_ticks = ticks;
    update_irq(s);
}

/* Nanoseconds until the guest's clock shows @seconds. */
static int64_t ns_until(const Rtc *s, int64_t seconds)
{
    return (seconds - guest_seconds(s)) * NANOSECONDS_PER_SECOND -
           guest_fraction_ns(s);
}

/* Arms the timer for the next event whose interrupt is enabled and whose flag
 * is clear; one that the guest has not yet acknowledged costs nothing. */
static void update_timer(Rtc *s)
{
    unsigned wanted = s->state.cmos[RTC_B] & ~s->state.cmos[RTC_C] & C_FLAGS;
    int64_t wait = INT64_MAX;
    int64_t period = period_ticks(s);

    if (s->state.mode == RTC_RUNNING && (wanted & C_UF)) {
        wait = ns_until(s, s->state.seen_s + 1);
    }
    if (s->state.mode == RTC_RUNNING && (wanted & C_AF)) {
        int64_t alarm = next_alarm(s, s->state.seen_s);

        if (alarm >= 0) {
            wait = MIN(wait, ns_until(s, alarm));
        }
    }
    if (period && (wanted & C_PF)) {
        int64_t left = period - s->state.seen_ticks % period;

        wait = MIN(wait,
                   (left * NANOSECONDS_PER_SECOND + BASE_HZ - 1) / BASE_HZ);
    }
    if (wait == INT64_MAX) {
        timer_del(&s->timer);
    } else {
        timer_mod(&s->timer,
                  machine_clock_ns(s->dev.machine) + MAX(wait, REARM_MIN_NS));
    }
}

static void update(Rtc *s)
{
    update_flags(s);
    update_timer(s);
}

static void timer_fire(void *opaque)
{
    update(opaque);
}

/* The host's clock has gone on while the machine stood. */
static void run_state_changed(void *opaque, bool running)
{
    if (running) {
        update(opaque);
    }
}

/* --- register accesses --- */

static RtcMode wanted_mode(const Rtc *s)
{
    if ((s->state.cmos[RTC_A] & A_DIVIDER) != A_DIVIDER_32KHZ) {
        return RTC_STOPPED;
    }
    return s->state.cmos[RTC_B] & B_SET ? RTC_HELD : RTC_RUNNING;
}

/* After a write to A or B. When the divider leaves reset the first update
 * comes half a second later (MC146818, "divider control"). */
static void update_mode(Rtc *s, RtcMode old_mode)
{
    RtcMode mode = wanted_mode(s);

    if (mode == old_mode) {
        return;
    }
    s->state.mode = mode;
    if (old_mode == RTC_STOPPED) {
        set_guest_time(s, latched_seconds(s), HALF_SECOND);
        s->state.seen_ticks = divider_ticks(s);
    } else if (mode == RTC_RUNNING) {
        set_guest_time(s, latched_seconds(s), guest_fraction_ns(s));
    }
}

static void write_control(Rtc *s, unsigned reg, uint8_t value)
{
    RtcMode old_mode = s->state.mode;

    if (old_mode == RTC_RUNNING) {
        latch_time(s);
    }
    if (reg == RTC_A) {
        s->state.cmos[RTC_A] = value & (uint8_t)~A_UIP;
    } else {
        /* SET clears UIE (MC146818, register B). */
        s->state.cmos[RTC_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
    }
    update_mode(s, old_mode);
}

static bool is_time(unsigned reg)
{
    return reg == RTC_SECONDS || reg == RTC_MINUTES || reg == RTC_HOURS ||
           (reg >= RTC_WEEKDAY && reg <= RTC_YEAR) || reg == RTC_CENTURY;
}

static void write_time(Rtc *s, unsigned reg, uint8_t value)
{
    if (s->state.mode != RTC_RUNNING) {
        s->state.cmos[reg] = value;
        return;
    }
    latch_time(s);
    s->state.cmos[reg] = value;
    set_guest_time(s, latched_seconds(s), guest_fraction_ns(s));
}

static void rtc_write_register(Rtc *s, unsigned reg, uint8_t value)
{
    trace(rtc_write, "reg=0x%x value=0x%x", reg, value);
    update_flags(s); /* by the old settings */
    if (reg == RTC_A || reg == RTC_B) {
        write_control(s, reg, value);
    } else if (is_time(reg)) {
        write_time(s, reg, value);
    } else if (reg != RTC_C && reg != RTC_D) {
        s->state.cmos[reg] = value;
    }
    update_irq(s);
    update_timer(s);
}

static uint8_t rtc_read_register(Rtc *s, unsigned reg)
{
    uint8_t value;

    if (is_time(reg) && s->state.mode == RTC_RUNNING) {
        latch_time(s);
    } else if (reg == RTC_C) {
        update_flags(s);
    }
    value = s->state.cmos[reg];
    if (reg == RTC_A && s->state.mode == RTC_RUNNING &&
        guest_fraction_ns(s) >= NANOSECONDS_PER_SECOND - UIP_NS) {
        value |= A_UIP;
    } else if (reg == RTC_C) {
        s->state.cmos[RTC_C] = 0;
        update_irq(s);
        update_timer(s);
    }
    trace(rtc_read, "reg=0x%x value=0x%x", reg, value);
    return value;
}

/* Port 0x70 is write-only; its bit 7 gates NMI, of which there is none. */
static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
    Rtc *s = opaque;

    if (size != 1 || offset == 0) {
        return UINT64_MAX;
    }
    return rtc_read_register(s, s->state.index);
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value,
                      unsigned size)
{
    Rtc *s = opaque;

    /* A word written to 0x70 is an index and its value. */
    if (offset == 0) {
        s->state.index = value & (RTC_BYTES - 1);
    }
    if (offset == 1) {
        rtc_write_register(s, s->state.index, (uint8_t)value);
    } else if (size == 2) {
        rtc_write_register(s, s->state.index, (uint8_t)(value >> 8));
    }
}

static const MemoryRegionOps rtc_ops = {
    .read = rtc_read,
    .write = rtc_write,
};

/* --- life --- */

/* The host's local time as seconds, counted as if it were UTC. */
static int64_t local_offset_s(int64_t now_s)
{
    time_t t = (time_t)now_s;
    struct tm tm = { 0 };

    localtime_r(&t, &tm);
    return tm.tm_gmtoff;
}

static bool rtc_realize(Device *dev, GError **errp)
{
    Rtc *s = rtc_from(dev);
    Machine *m = dev->machine;

    s->state.cmos[RTC_A] = A_DEFAULT;
    s->state.cmos[RTC_B] = B_24H;
    s->state.cmos[RTC_D] = D_VRT;
    s->state.mode = RTC_RUNNING;
    if (s->clock_vm || s->base_s) {
        s->state.offset_s = (int64_t)s->base_s - guest_seconds(s);
    }
    if (m->config.rtc_localtime) {
        s->state.offset_s += local_offset_s(guest_seconds(s));
    }
    s->state.seen_s = guest_seconds(s);
    s->state.seen_ticks = divider_ticks(s);
    timer_init(&s->timer, m, timer_fire, s);
    s->run_notifier = (RunStateNotifier){ run_state_changed, s };
    runstate_add_notifier(m, &s->run_notifier);
    memory_region_init(&s->region, "rtc", &rtc_ops, s, 2);
    s->region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->region, &m->io, RTC_PORT);
    return true;
}

static void rtc_unrealize(Device *dev)
{
    Rtc *s = rtc_from(dev);

    memory_region_unmap(&s->region);
    runstate_del_notifier(dev->machine, &s->run_notifier);
    timer_del(&s->timer);
}

/* The battery keeps time and memory. RESET clears enables and flags; the rest
 * is what firmware sets before it starts an operating system. The old mode bits
 * stay until the time has been read by them. */
static void rtc_reset(Device *dev)
{
    Rtc *s = rtc_from(dev);

    rtc_write_register(s, RTC_A, A_DEFAULT);
    rtc_write_register(s, RTC_B, s->state.cmos[RTC_B] & (B_24H | B_BINARY));
    rtc_write_register(s, RTC_B, B_24H);
    s->state.cmos[RTC_C] = 0;
    s->state.index = 0;
    update_irq(s);
}

void rtc_set_memory(Device *rtc, unsigned reg, uint8_t value)
{
    assert(reg > RTC_D && reg < RTC_BYTES && reg != RTC_CENTURY);
    rtc_from(rtc)->state.cmos[reg] = value;
}

static const Property rtc_props[] = {
    PROP_BOOL("clock-vm", Rtc, clock_vm,
              .summary = "run by the machine's virtual clock"),
    PROP_U64("base", Rtc, base_s, .max = UINT32_MAX,
             .summary = "start, in seconds since 1970; 0: the clock's own"),
    { 0 },
};

const DeviceType mc146818rtc_type = {
    .name = "mc146818rtc",
    .summary = "real-time clock and CMOS memory",
    .bus = BUS_ISA,
    .size = sizeof(Rtc),
    .props = rtc_props,
    .realize = rtc_realize,
    .unrealize = rtc_unrealize,
    .reset = rtc_reset,
};
