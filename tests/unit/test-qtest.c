/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line handler of the qtest protocol and the clock that it moves. */
#include "test-qtest.h"

/* --- lines --- */

static void test_good_line_is_answered(void)
{
    static const Exchange table[] = {
        { "endianness", "OK little\n" },
        { "writeq 0x1000 0x1122334455667788", "OK\n" },
        { "readb 0x1000", "OK 0x0000000000000088\n" },
        { "readw 4096", "OK 0x0000000000007788\n" },
        { "readl 010000", "OK 0x0000000055667788\n" },
        { "readq 0x1000", "OK 0x1122334455667788\n" },
        { "writeb 0x1000 0x1ff", "OK\n" },
        { "writew 0x1002 0x12345", "OK\n" },
        { "read 0x1000 8", "OK 0xff77452344332211\n" },
        { "write 0x1000 4 0xAa", "OK\n" },
        { "read 0x1000 5", "OK 0xaa00000044\n" },
        { "memset 0x1000 3 0x41", "OK\n" },
        { "b64read 0x1000 3", "OK QUFB\n" },
        { "b64write 0x1000 4 QUJDRA==", "OK\n" },
        { "read 0x1000 4", "OK 0x41424344\n" },
        { "outl 0x100 0x11223344", "OK\n" },
        { "inb 0x100", "OK 0x0044\n" },
        { "inw 0x101", "OK 0x2233\n" },
        { "inl 0x100", "OK 0x11223344\n" },
        { "inb 0xffff", "OK 0x00ff\n" },
        { "inl 0x80", "OK 0xffffffff\n" },
        { "readl 0xd0000000", "OK 0x00000000ffffffff\n" },
        { "read 0xd0000001 3", "OK 0xffffff\n" },
        { "readb 0xffffffffffffffff", "OK 0x00000000000000ff\n" },
        { NULL, NULL },
    };

    check_exchanges(table);
}

static void test_malformed_line_is_one_fail(void)
{
    static const char *const lines[] = {
        "",
        " ",
        " endianness",
        "endianness ",
        "endianness x",
        "Endianness",
        "bogus 1 2 3 4 5 6 7 8",
        "inb",
        "inb ",
        "inb  0x70",
        "inb 0x70 1",
        "inb 0x10000",
        "inb -1",
        "inb +1",
        "inb 0x",
        "inb 08",
        "inb 1x",
        "inb 0x10000000000000000",
        "outb 0x70",
        "outb 0x70 1 1",
        "outb 0x70 x",
        "outb 0x10000 1",
        "readb 0x1000 77",
        "readl 0xffffffffffffffff",
        "writeq 0xfffffffffffffff9 1",
        "read 0x1000",
        "read 0x1000 0",
        "read 0x1000 16777217",
        "read 0x1000 0xffffffffffffffff",
        "read 0xffffffffffffffff 2",
        "b64read 0x1000 0",
        "b64read 0x1000 16777217",
        "write 0x1000 1",
        "write 0x1000 0 0x",
        "write 0x1000 1 0x",
        "write 0x1000 1 aa",
        "write 0x1000 1 0xa",
        "write 0x1000 1 0xgg",
        "write 0x1000 1 0xaabb",
        "write 0x1000 16777217 0xaa",
        "write 0xffffffffffffffff 2 0xaabb",
        "memset 0x1000 16777217 0",
        "memset 0x1000 1 0x100",
        "memset 0x1000 1",
        "b64write 0x1000 3 QUJ",
        "b64write 0x1000 3 !!!!",
        "b64write 0x1000 3 QUJDRA==",
        "b64write 0x1000 4 QUJD",
        "b64write 0x1000 1 =UJD",
        "b64write 0x1000 1 Q===",
        "clock_step x",
        "clock_step -5",
        "clock_step 9223372036854775808",
        "clock_step 1 2",
        "clock_set",
        "clock_set 4611686018427387904",
        "irq_intercept_in",
        "irq_intercept_in i8259",
        "irq_intercept_out",
        "irq_intercept_out nobody",
        "irq_intercept_out nobody name",
        "set_irq_in ioapic",
        "set_irq_in i8259 unnamed-gpio-in 0 1",
        "set_irq_in ioapic named 0 1",
        "set_irq_in ioapic unnamed-gpio-in 24 1",
        "set_irq_in ioapic unnamed-gpio-in 0 high",
        "set_irq_in ioapic unnamed-gpio-in 0 1 1",
        "module_load",
        "module_load hw- display",
    };
    Fixture f;

    setup(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        const char *a = ask(&f, lines[i]);

        g_test_message("'%s': %s", lines[i], a);
        g_assert_true(g_str_has_prefix(a, "FAIL "));
        g_assert_true(strchr(a, '\n') == a + strlen(a) - 1);
    }
    g_assert_cmpuint(f.writes, ==, 0);
    g_assert_cmpstr(ask(&f, "readq 0x1000"), ==, "OK 0x0000000000000000\n");
    teardown(&f);
}

static void test_long_unknown_command_is_quoted_short(void)
{
    g_autofree char *line = g_strnfill(100000, 'x');
    Fixture f;

    setup(&f);
    g_assert_cmpuint(strlen(ask(&f, line)), <, 100);
    teardown(&f);
}

static void test_transfer_of_greatest_size_passes(void)
{
    g_autofree char *digits = g_strnfill(2 * QTEST_TRANSFER_MAX, 'a');
    g_autofree char *line = g_strconcat("write 0x10 16777216 0x", digits, NULL);
    Fixture f;

    setup(&f);
    g_assert_cmpuint(strlen(line), <=, QTEST_LINE_MAX);
    g_assert_cmpstr(ask(&f, line), ==, "OK\n");
    g_assert_cmpstr(ask(&f, "readw 0x9fffe"), ==, "OK 0x000000000000aaaa\n");
    g_assert_cmpuint(strlen(ask(&f, "read 0x10 16777216")), ==,
                     strlen("OK 0x") + 2 * QTEST_TRANSFER_MAX + 1);
    g_assert_cmpstr(ask(&f, "memset 0 16777216 0"), ==, "OK\n");
    g_assert_cmpstr(ask(&f, "readw 0x9fffe"), ==, "OK 0x0000000000000000\n");
    teardown(&f);
}

static void test_access_across_the_end_of_ram_is_split(void)
{
    static const Exchange table[] = {
        { "writel 0x9fffe 0x44332211", "OK\n" },
        { "readl 0x9fffe", "OK 0x00000000ffff2211\n" },
        { "read 0x9fffe 4", "OK 0x1122ffff\n" },
        { "writel 0xbfffe 0x44332211", "OK\n" },
        { "readl 0xbfffe", "OK 0x000000004433ffff\n" },
        { NULL, NULL },
    };

    check_exchanges(table);
}

static void test_rom_is_read_and_writes_go_to_the_region(void)
{
    static uint8_t rom[MEMORY_SLOT_UNIT] = { 0x11, 0x22, 0x33, 0x44 };
    const MemorySlot slot = { MMIO_BASE, sizeof(rom), rom, true };
    Fixture f;

    setup(&f);
    g_assert_cmpint(memory_map_set(f.m, &slot), ==, 0);
    g_assert_cmpstr(ask(&f, "readl 0xfe000000"), ==, "OK 0x0000000044332211\n");
    g_assert_cmpstr(ask(&f, "read 0xfe000001 2"), ==, "OK 0x2233\n");
    g_assert_cmpuint(f.writes, ==, 0);
    g_assert_cmpstr(ask(&f, "writel 0xfe000000 5"), ==, "OK\n");
    g_assert_cmpstr(ask(&f, "write 0xfe000000 4 0x05"), ==, "OK\n");
    g_assert_cmpuint(f.writes, ==, 2);
    g_assert_cmphex(rom[0], ==, 0x11);
    teardown(&f);
}

static void test_mmio_value_has_its_own_size(void)
{
    static const unsigned sizes[] = { 1, 2, 4, 8 };
    static const char letters[] = "bwlq";
    Fixture f;

    setup(&f);
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *write = g_strdup_printf(
            "write%c 0xfe000008 0x1122334455667788", letters[i]);
        g_autofree char *read = g_strdup_printf("read%c 0xfe000008",
                                                letters[i]);

        g_assert_cmpstr(ask(&f, write), ==, "OK\n");
        g_assert_cmpuint(f.writes, ==, i + 1);
        g_assert_cmpuint(f.size, ==, sizes[i]);
        f.size = 0;
        g_assert_true(g_str_has_suffix(ask(&f, read), "88\n"));
        g_assert_cmpuint(f.size, ==, sizes[i]);
    }
    teardown(&f);
}

static void test_mmio_transfer_is_aligned_accesses(void)
{
    Fixture f;

    setup(&f);
    g_assert_cmpstr(ask(&f, "write 0xfe000001 9 0x010203040506070809"), ==,
                    "OK\n");
    /* 1 at 1, 2 at 2, 4 at 4, 2 at 8 */
    g_assert_cmpuint(f.writes, ==, 4);
    g_assert_cmpuint(f.size, ==, 2);
    g_assert_cmphex(f.value, ==, 0x0908);
    g_assert_cmpstr(ask(&f, "read 0xfe000000 11"), ==,
                    "OK 0x0001020304050607080900\n");
    teardown(&f);
}

/* --- clock --- */

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_clock_moves_by_steps_only(void)
{
    static const Exchange table[] = {
        { "clock_step", "OK 0\n" },
        { "clock_step 100", "OK 100\n" },
        { "clock_step 0", "OK 100\n" },
        { "clock_set 0x400", "OK 1024\n" },
        { "clock_set 1", "OK 1024\n" },
        { "clock_step 4611686018427386880",
          "FAIL the clock has no such time\n" },
        { "clock_step 4611686018427386879", "OK 4611686018427387903\n" },
        { "clock_step 1", "FAIL the clock has no such time\n" },
        { NULL, NULL },
    };

    check_exchanges(table);
}

static void test_running_machine_has_a_standing_clock(void)
{
    Fixture f;

    setup(&f);
    timer_list_set_running(f.m->timers, true);
    ask(&f, "clock_step 100");
    g_usleep(1000);
    g_assert_cmpint(machine_clock_ns(f.m), ==, 100);
    timer_list_set_running(f.m->timers, false);
    g_assert_cmpint(machine_clock_ns(f.m), ==, 100);
    teardown(&f);
}

static void test_step_without_time_fires_the_next_timer(void)
{
    Fixture f;
    unsigned a = 0, b = 0;
    Timer ta, tb;

    setup(&f);
    timer_init(&ta, f.m, count, &a);
    timer_init(&tb, f.m, count, &b);
    timer_mod(&ta, 500);
    timer_mod(&tb, 900);
    g_assert_cmpstr(ask(&f, "clock_step"), ==, "OK 500\n");
    g_assert_cmpuint(a, ==, 1);
    g_assert_cmpuint(b, ==, 0);
    g_assert_cmpstr(ask(&f, "clock_set 1000"), ==, "OK 1000\n");
    g_assert_cmpuint(b, ==, 1);
    teardown(&f);
}

static void test_timer_due_at_once_fires_in_the_main_loop(void)
{
    Fixture f;
    unsigned a = 0;
    Timer t;

    setup(&f);
    timer_list_set_running(f.m->timers, true);
    timer_init(&t, f.m, count, &a);
    ask(&f, "clock_set 1000");
    timer_mod(&t, 1000);
    collect(&f);
    g_assert_cmpuint(a, ==, 1);
    teardown(&f);
}

typedef struct Metronome {
    Timer timer;
    Machine *m;
} Metronome;

static void again(void *opaque)
{
    Metronome *t = opaque;

    timer_mod(&t->timer, machine_clock_ns(t->m) + 1);
}

static void test_periodic_timer_ends_a_step(void)
{
    Metronome t;
    Fixture f;

    setup(&f);
    t.m = f.m;
    timer_init(&t.timer, f.m, again, &t);
    timer_mod(&t.timer, 1);
    g_assert_cmpstr(ask(&f, "clock_step 100"), ==, "OK 100\n");
    g_assert_true(g_str_has_prefix(ask(&f, "clock_step 4000000000000000000"),
                                   "FAIL 1000000 timers fell due"));
    g_assert_cmpint(machine_clock_ns(f.m), ==, 1000100);
    timer_del(&t.timer);
    teardown(&f);
}

int main(int argc, char **argv)
{
    static const Case cases[] = {
        { "line/good/answered", test_good_line_is_answered },
        { "line/malformed/one-fail", test_malformed_line_is_one_fail },
        { "line/long-unknown/short-quote",
          test_long_unknown_command_is_quoted_short },
        { "line/greatest-transfer/passes",
          test_transfer_of_greatest_size_passes },
        { "line/across-end-of-ram/split",
          test_access_across_the_end_of_ram_is_split },
        { "line/rom/read", test_rom_is_read_and_writes_go_to_the_region },
        { "line/mmio-value/own-size", test_mmio_value_has_its_own_size },
        { "line/mmio-transfer/aligned",
          test_mmio_transfer_is_aligned_accesses },
        { "clock/steps/move-it", test_clock_moves_by_steps_only },
        { "clock/running/stands", test_running_machine_has_a_standing_clock },
        { "clock/step-alone/next-timer",
          test_step_without_time_fires_the_next_timer },
        { "clock/due-at-once/fires",
          test_timer_due_at_once_fires_in_the_main_loop },
        { "clock/periodic/step-ends", test_periodic_timer_ends_a_step },
        { NULL, NULL },
    };

    return run_cases(argc, argv, cases);
}
