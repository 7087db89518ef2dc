/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real-time clock and its CMOS memory at ports 0x70/0x71, IRQ 8 (Motorola
 * MC146818; ICH9 datasheet 13.6). Type "mc146818rtc".
 *
 * The clock shows the host's time (UTC, or local time with -rtc
 * base=localtime) plus what the guest has changed. Flags are computed when they
 * are looked at; a timer is armed only while an interrupt is enabled and its
 * flag is not yet set, so that an idle guest costs no wake-up.
 *
 * Properties: clock-vm makes it run by the machine's virtual clock (QEMU's
 * -rtc clock=vm), beginning at base seconds since 1970: for tests and for runs
 * that must repeat exactly.
 */
#ifndef HW_RTC_MC146818RTC_H
#define HW_RTC_MC146818RTC_H

#include "hw/core/device.h"

#define RTC_PORT 0x70
#define RTC_IRQ  8

#define RTC_CENTURY          0x32 /* where FADT says that the century is */
/* Kinds of drives to boot from, four bits each; the first two, then the third
 * in the upper half. */
#define RTC_BOOT_DRIVES      0x3d
#define RTC_BOOT_DRIVES_HIGH 0x38

extern const DeviceType mc146818rtc_type;

/* Puts @value into byte @reg of the CMOS memory, for firmware to find: not one
 * of the clock's. @rtc is an mc146818rtc. Machine lock. */
void rtc_set_memory(Device *rtc, unsigned reg, uint8_t value);

#endif
