/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * labpulse: has the clock of L1 (/dev/rtc0) interrupt every second, writes a line
 * every 10 seconds by which the host sees that L1 runs, and tells of sleeps that
 * took too long.
 *
 * The emulator that runs L1 now and then forgets to deliver an interrupt that
 * its local APIC holds pending (seen: vector 0xec, the timer, set in the IRR
 * with an empty ISR, while the processor went on). L1 has no tick from then on,
 * and hangs, though the guest inside runs. A further interrupt should make
 * the emulator look at the IRR again; this is that interrupt.
 */
#include <fcntl.h>
#include <linux/rtc.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BEAT_MS  10000
#define SLEEP_MS 200
#define LATE_MS  600 /* an emulator that lacks processor time is not told of */

static long now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int main(void)
{
    struct pollfd p = { .fd = open("/dev/rtc0", O_RDONLY), .events = POLLIN };
    unsigned long data;
    long beat = 0;

    setlinebuf(stdout);
    if (p.fd < 0 || ioctl(p.fd, RTC_UIE_ON, 0)) {
        perror("labpulse: /dev/rtc0");
        return 1;
    }
    for (;;) {
        long begin = now_ms(), late;

        if (poll(&p, 1, SLEEP_MS) > 0 &&
            read(p.fd, &data, sizeof(data)) != sizeof(data)) {
            perror("labpulse: read");
            return 1;
        }
        late = now_ms() - begin - SLEEP_MS;
        if (late > LATE_MS) {
            printf("labpulse: a sleep of %d ms took %ld ms more\n", SLEEP_MS,
                   late);
        }
        if (begin >= beat) {
            printf("labpulse: up for %ld s\n", begin / 1000);
            beat = begin + BEAT_MS;
        }
    }
}
