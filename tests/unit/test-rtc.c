/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock as a guest drives it. The clock runs by virtual time from
 * 2026-02-28 23:59:50 UTC, a Saturday, but for the tests of the host's clock. */
#include "hw/rtc/mc146818rtc.h"
#include "test-board.h"

#include <time.h>

#define BASE "1772323190"
#define SEC  NANOSECONDS_PER_SECOND

enum {
    A = 0x0a,
    B = 0x0b,
    C = 0x0c,
    D = 0x0d
};

typedef struct Fixture {
    TestBoard b;
    Device *rtc;
} Fixture;

static void make_rtc(Fixture *f, bool virtual)
{
    GError *err = NULL;

    f->rtc = device_new(&f->b.m->tree, &mc146818rtc_type);
    if (virtual) {
        device_set(f->rtc, "clock-vm", "on", &err);
        g_assert_no_error(err);
        device_set(f->rtc, "base", BASE, &err);
        g_assert_no_error(err);
    }
    device_realize(f->rtc, &err);
    g_assert_no_error(err);
    device_reset(f->rtc);
}

static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
    make_rtc(f, true);
}

static void teardown(Fixture *f, gconstpointer data)
{
    test_board_finish(&f->b);
}

/* --- helpers --- */

static uint8_t get(Fixture *f, uint8_t reg)
{
    test_outb(&f->b, RTC_PORT, reg);
    return test_inb(&f->b, RTC_PORT + 1);
}

static void set(Fixture *f, uint8_t reg, uint8_t value)
{
    test_outb(&f->b, RTC_PORT, reg);
    test_outb(&f->b, RTC_PORT + 1, value);
}

/* "CCYY-MM-DD hh:mm:ss wd" as the registers show it in BCD. */
static void assert_bcd(Fixture *f, const char *expected)
{
    g_autofree char *shown = g_strdup_printf(
        "%02x%02x-%02x-%02x %02x:%02x:%02x %x", get(f, 0x32), get(f, 9),
        get(f, 8), get(f, 7), get(f, 4), get(f, 2), get(f, 0), get(f, 6));

    g_assert_cmpstr(shown, ==, expected);
}

static void set_alarm(Fixture *f, uint8_t hour, uint8_t min, uint8_t sec)
{
    set(f, 5, hour);
    set(f, 3, min);
    set(f, 1, sec);
}

static int64_t deadline(Fixture *f)
{
    return timer_list_deadline_ns(f->b.m->timers);
}

/* --- time --- */

static void test_time_in_bcd(Fixture *f, gconstpointer data)
{
    assert_bcd(f, "2026-02-28 23:59:50 7");
    test_step(&f->b, 10 * SEC);
    assert_bcd(f, "2026-03-01 00:00:00 1");
}

static void test_time_in_binary(Fixture *f, gconstpointer data)
{
    set(f, B, 0x06);
    g_assert_cmpuint(get(f, 0), ==, 50);
    g_assert_cmpuint(get(f, 2), ==, 59);
    g_assert_cmpuint(get(f, 4), ==, 23);
    g_assert_cmpuint(get(f, 9), ==, 26);
    g_assert_cmpuint(get(f, 0x32), ==, 20);
}

static void test_twelve_hours(Fixture *f, gconstpointer data)
{
    set(f, B, 0x00);
    g_assert_cmphex(get(f, 4), ==, 0x91); /* 11 PM */
    test_step(&f->b, 10 * SEC);
    g_assert_cmphex(get(f, 4), ==, 0x12); /* 12 AM */
    test_step(&f->b, 3600 * SEC);
    g_assert_cmphex(get(f, 4), ==, 0x01);
    test_step(&f->b, 11 * 3600 * SEC);
    g_assert_cmphex(get(f, 4), ==, 0x92); /* 12 PM */
}

static void test_setting_twelve_hours(Fixture *f, gconstpointer data)
{
    set(f, B, 0x00);
    set(f, 4, 0x92); /* noon */
    set(f, B, 0x02);
    g_assert_cmphex(get(f, 4), ==, 0x12);
    set(f, B, 0x00);
    set(f, 4, 0x12); /* midnight */
    set(f, B, 0x02);
    g_assert_cmphex(get(f, 4), ==, 0x00);
}

/* As an operating system sets the time. */
static void test_set_bit_holds_the_clock(Fixture *f, gconstpointer data)
{
    set(f, B, 0x82);
    test_step(&f->b, 5 * SEC);
    assert_bcd(f, "2026-02-28 23:59:50 7");
    set(f, 0, 0x30);
    set(f, 2, 0x20);
    set(f, 4, 0x10);
    set(f, 7, 0x31);
    set(f, 8, 0x12);
    set(f, 9, 0x99);
    set(f, 0x32, 0x19);
    set(f, B, 0x02);
    assert_bcd(f, "1999-12-31 10:20:30 6");
    test_step(&f->b, 1 * SEC);
    assert_bcd(f, "1999-12-31 10:20:31 6");
}

static void test_write_without_set_bit(Fixture *f, gconstpointer data)
{
    set(f, 0, 0x05);
    set(f, 9, 0x30);
    assert_bcd(f, "2030-02-28 23:59:05 5");
}

static void test_divider_reset_starts_half_a_second_early(Fixture *f,
                                                          gconstpointer data)
{
    set(f, A, 0x70);
    test_step(&f->b, 300 * SEC);
    assert_bcd(f, "2026-02-28 23:59:50 7");
    set(f, A, 0x26);
    test_step(&f->b, SEC / 2 - 1);
    g_assert_cmphex(get(f, 0), ==, 0x50);
    test_step(&f->b, 1);
    g_assert_cmphex(get(f, 0), ==, 0x51);
}

static void test_update_in_progress(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(get(f, A), ==, 0x26);
    test_step(&f->b, SEC - 244141);
    g_assert_cmphex(get(f, A), ==, 0x26);
    test_step(&f->b, 1);
    g_assert_cmphex(get(f, A), ==, 0xa6);
    g_assert_cmphex(get(f, 0), ==, 0x50);
    test_step(&f->b, 244139);
    g_assert_cmphex(get(f, A), ==, 0xa6);
    test_step(&f->b, 1);
    g_assert_cmphex(get(f, A), ==, 0x26);
    g_assert_cmphex(get(f, 0), ==, 0x51);
}

static void test_time_survives_reset(Fixture *f, gconstpointer data)
{
    set(f, B, 0x04); /* binary, 12 hours */
    set(f, 4, 0x83); /* 3 PM */
    set(f, B, 0xf4);
    device_reset(f->rtc);
    g_assert_cmphex(get(f, B), ==, 0x02);
    assert_bcd(f, "2026-02-28 15:59:50 7");
    test_step(&f->b, SEC);
    assert_bcd(f, "2026-02-28 15:59:51 7");
}

static void test_any_register_value_is_some_time(Fixture *f, gconstpointer data)
{
    static const uint8_t regs[] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };

    for (unsigned mode = 0; mode < 8; mode += 2) {
        set(f, B, (uint8_t)(0x80 | mode));
        for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
            set(f, regs[i], 0xff);
        }
        set(f, B, (uint8_t)mode);
        test_step(&f->b, SEC);
        for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
            get(f, regs[i]);
        }
    }
}

/* --- the host's clock --- */

static uint8_t bcd(int v)
{
    return (uint8_t)(v / 10 << 4 | v % 10);
}

/* The seconds since 1970 that BCD registers in 24-hour mode show. */
static int64_t read_seconds(Fixture *f)
{
    struct tm tm = { 0 };
    uint8_t v[7];
    static const uint8_t regs[7] = { 0, 2, 4, 7, 8, 9, 0x32 };

    for (unsigned i = 0; i < G_N_ELEMENTS(v); i++) {
        uint8_t raw = get(f, regs[i]);

        v[i] = (uint8_t)((raw >> 4) * 10 + (raw & 15));
        g_assert_cmphex(raw, ==, bcd(v[i]));
    }
    tm.tm_sec = v[0];
    tm.tm_min = v[1];
    tm.tm_hour = v[2];
    tm.tm_mday = v[3];
    tm.tm_mon = v[4] - 1;
    tm.tm_year = v[6] * 100 + v[5] - 1900;
    return timegm(&tm);
}

/* The same, but not torn by an update in between. */
static int64_t shown_seconds(Fixture *f)
{
    int64_t a, b = read_seconds(f);

    do {
        a = b;
        b = read_seconds(f);
    } while (a != b);
    return b;
}

static void test_host_clock(void)
{
    Fixture f = { 0 };
    int64_t diff;

    test_board_init(&f.b);
    make_rtc(&f, false);
    diff = shown_seconds(&f) - time(NULL);
    g_assert_cmpint(diff, <=, 0);
    g_assert_cmpint(diff, >=, -2);
    teardown(&f, NULL);
}

static void test_host_local_time(void)
{
    Fixture f = { 0 };
    int64_t diff;

    g_setenv("TZ", "XYZ-03:30", TRUE); /* 3.5 hours east of Greenwich */
    tzset();
    test_board_init(&f.b);
    f.b.m->config.rtc_localtime = true;
    make_rtc(&f, false);
    diff = shown_seconds(&f) - time(NULL) - 12600;
    g_assert_cmpint(diff, <=, 0);
    g_assert_cmpint(diff, >=, -2);
    teardown(&f, NULL);
}

/* -rtc base=DATE with the host's clock: it begins there. */
static void test_host_base(void)
{
    Fixture f = { 0 };
    int64_t diff;

    test_board_init(&f.b);
    f.rtc = device_new(&f.b.m->tree, &mc146818rtc_type);
    g_assert_true(device_set(f.rtc, "base", BASE, NULL));
    g_assert_true(device_realize(f.rtc, NULL));
    device_reset(f.rtc);
    diff = shown_seconds(&f) - g_ascii_strtoll(BASE, NULL, 10);
    g_assert_cmpint(diff, >=, 0);
    g_assert_cmpint(diff, <=, 2);
    teardown(&f, NULL);
}

/* --- interrupts --- */

static void test_idle_clock_arms_no_timer(Fixture *f, gconstpointer data)
{
    test_step(&f->b, 5 * SEC);
    g_assert_cmpint(deadline(f), ==, -1);
    g_assert_cmphex(get(f, C) & 0x10, ==, 0x10); /* updates all the same */
    g_assert_cmphex(get(f, C), ==, 0x00);
    g_assert_false(f->b.level[8]);
}

static void test_update_interrupt(Fixture *f, gconstpointer data)
{
    test_step(&f->b, SEC / 4);
    get(f, C);
    set(f, B, 0x12);
    test_step(&f->b, SEC * 3 / 4 - 2000);
    g_assert_false(f->b.level[8]);
    test_step(&f->b, 4000);
    g_assert_true(f->b.level[8]);
    g_assert_cmpint(deadline(f), ==, -1); /* until it is acknowledged */
    g_assert_cmphex(get(f, C) & 0x90, ==, 0x90);
    g_assert_false(f->b.level[8]);
    test_step(&f->b, SEC);
    g_assert_true(f->b.level[8]);
    g_assert_cmpuint(f->b.rises[8], ==, 2);
}

static void test_alarm_at_a_time(Fixture *f, gconstpointer data)
{
    get(f, C);
    set_alarm(f, 0x00, 0x01, 0x05); /* 75 s from now, tomorrow */
    set(f, B, 0x22);
    test_step(&f->b, 75 * SEC - 2000);
    g_assert_false(f->b.level[8]);
    test_step(&f->b, 4000);
    g_assert_true(f->b.level[8]);
    assert_bcd(f, "2026-03-01 00:01:05 1");
    g_assert_cmphex(get(f, C) & 0xa0, ==, 0xa0);
    test_step(&f->b, 3600 * SEC);
    g_assert_false(f->b.level[8]);
}

static void test_alarm_every(Fixture *f, gconstpointer data)
{
    static const struct {
        uint8_t hour, min, sec;
        unsigned n; /* in the ten minutes and 20 seconds from 23:59:50 */
    } rows[] = {
        { 0xff, 0xff, 0xff, 620 }, { 0xc0, 0xff, 0x00, 11 },
        { 0xff, 0x05, 0x00, 1 },   { 0x00, 0xff, 0xff, 611 },
        { 0x00, 0x02, 0xff, 60 },  { 0x12, 0xff, 0xff, 0 },
        { 0xff, 0x75, 0x00, 0 },   { 0x30, 0xff, 0x00, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned n = 0;

        set(f, B, 0x82);
        set(f, 4, 0x23);
        set(f, 2, 0x59);
        set(f, 0, 0x50);
        set(f, B, 0x02);
        set_alarm(f, rows[i].hour, rows[i].min, rows[i].sec);
        get(f, C);
        set(f, B, 0x22);
        for (unsigned s = 0; s < 620; s++) {
            test_step(&f->b, SEC);
            n += get(f, C) >> 5 & 1;
        }
        g_assert_cmpuint(n, ==, rows[i].n);
        set(f, B, 0x02);
    }
}

static void test_impossible_alarm_arms_no_timer(Fixture *f, gconstpointer data)
{
    set_alarm(f, 0x00, 0x00, 0x99);
    set(f, B, 0x22);
    g_assert_cmpint(deadline(f), ==, -1);
}

static void test_alarm_missed_while_nobody_looked(Fixture *f,
                                                  gconstpointer data)
{
    get(f, C);
    set_alarm(f, 0x00, 0x00, 0x00);
    test_step(&f->b, 7 * 86400 * SEC);
    g_assert_cmphex(get(f, C) & 0x20, ==, 0x20);
    g_assert_cmphex(get(f, C) & 0x20, ==, 0x00);
}

/* Rate n: 32768 Hz >> (n - 1), but 1 and 2 are as 8 and 9. */
static void test_periodic_rates(Fixture *f, gconstpointer data)
{
    for (unsigned rate = 1; rate < 16; rate++) {
        unsigned hz = 32768u >> (rate <= 2 ? rate + 6 : rate - 1);
        unsigned rises = f->b.rises[8];

        set(f, A, (uint8_t)(0x20 | rate));
        get(f, C);
        set(f, B, 0x42);
        for (unsigned i = 0; i < hz; i++) {
            test_step(&f->b, SEC / hz + 1);
            g_assert_cmphex(get(f, C) & 0xc0, ==, 0xc0);
        }
        g_assert_cmpuint(f->b.rises[8] - rises, ==, hz);
        set(f, B, 0x02);
    }
}

static void test_periodic_without_acknowledge_rests(Fixture *f,
                                                    gconstpointer data)
{
    set(f, A, 0x23);
    set(f, B, 0x42);
    test_step(&f->b, SEC);
    g_assert_true(f->b.level[8]);
    g_assert_cmpint(deadline(f), ==, -1);
    g_assert_cmpuint(f->b.rises[8], ==, 1);
}

static void test_rate_zero_is_off(Fixture *f, gconstpointer data)
{
    set(f, A, 0x20);
    set(f, B, 0x42);
    g_assert_cmpint(deadline(f), ==, -1);
}

static void test_reset_clears_enables(Fixture *f, gconstpointer data)
{
    set(f, B, 0x72);
    test_step(&f->b, 2 * SEC);
    g_assert_true(f->b.level[8]);
    device_reset(f->rtc);
    g_assert_false(f->b.level[8]);
    g_assert_cmpint(deadline(f), ==, -1);
    g_assert_cmphex(get(f, B), ==, 0x02);
    g_assert_cmphex(get(f, C), ==, 0x00);
}

/* --- memory and ports --- */

static void test_memory(Fixture *f, gconstpointer data)
{
    set(f, 0x34, 0x5a);
    g_assert_cmphex(get(f, 0x34), ==, 0x5a);
    set(f, 0x7f, 0xa5);
    set(f, 0x0e, 0x11);
    g_assert_cmphex(get(f, 0x7f), ==, 0xa5);
    g_assert_cmphex(get(f, 0xff), ==, 0xa5); /* bit 7 is the NMI mask */
    device_reset(f->rtc);
    g_assert_cmphex(get(f, 0x0e), ==, 0x11);
}

static void test_read_only_registers(Fixture *f, gconstpointer data)
{
    set(f, C, 0xff);
    set(f, D, 0x00);
    g_assert_cmphex(get(f, C), ==, 0x00);
    g_assert_cmphex(get(f, D), ==, 0x80);
    g_assert_cmphex(test_inb(&f->b, RTC_PORT), ==, 0xff);
}

static void test_word_write_is_index_and_value(Fixture *f, gconstpointer data)
{
    test_out(&f->b, RTC_PORT, 0x5540, 2);
    g_assert_cmphex(get(f, 0x40), ==, 0x55);
}

static void test_random_accesses(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t reg = (uint8_t)g_test_rand_int_range(0, 0x10);
        uint8_t value = (uint8_t)g_test_rand_int();

        switch (g_test_rand_int_range(0, 4)) {
        case 0:
            set(f, reg, value);
            break;
        case 1:
            get(f, reg);
            break;
        case 2:
            set(f, 0x32, value);
            break;
        default:
            test_step(&f->b, g_test_rand_int_range(0, 3000000));
        }
    }
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/rtc/bcd", test_time_in_bcd);
    add("/rtc/binary", test_time_in_binary);
    add("/rtc/12h", test_twelve_hours);
    add("/rtc/12h-set", test_setting_twelve_hours);
    add("/rtc/set", test_set_bit_holds_the_clock);
    add("/rtc/write", test_write_without_set_bit);
    add("/rtc/divider", test_divider_reset_starts_half_a_second_early);
    add("/rtc/uip", test_update_in_progress);
    add("/rtc/reset-time", test_time_survives_reset);
    add("/rtc/any-value", test_any_register_value_is_some_time);
    g_test_add_func("/rtc/host-clock", test_host_clock);
    g_test_add_func("/rtc/host-base", test_host_base);
    g_test_add_func("/rtc/host-local-time", test_host_local_time);
    add("/rtc/idle", test_idle_clock_arms_no_timer);
    add("/rtc/update", test_update_interrupt);
    add("/rtc/alarm", test_alarm_at_a_time);
    add("/rtc/alarm-every", test_alarm_every);
    add("/rtc/alarm-impossible", test_impossible_alarm_arms_no_timer);
    add("/rtc/alarm-missed", test_alarm_missed_while_nobody_looked);
    add("/rtc/periodic", test_periodic_rates);
    add("/rtc/periodic-rests", test_periodic_without_acknowledge_rests);
    add("/rtc/periodic-off", test_rate_zero_is_off);
    add("/rtc/reset", test_reset_clears_enables);
    add("/rtc/memory", test_memory);
    add("/rtc/read-only", test_read_only_registers);
    add("/rtc/word", test_word_write_is_index_and_value);
    add("/rtc/random", test_random_accesses);
    return g_test_run();
}
