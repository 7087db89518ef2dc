/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The LPC bridge and its power management block as a guest drives them: PM
 * base, ACPI events and SCI, PM timer, PCI interrupt routing, resets. */
#include "hw/acpi/ich9-pm.h"
#include "hw/isa/lpc-ich9.h"
#include "hw/i386/mch.h"
#include "test-board.h"

#define PM_HZ 3579545

typedef struct Fixture {
    TestBoard b;
    Mch *host;
    Ich9Lpc *lpc;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    GError *err = NULL;
    Device *dev;

    test_board_init(&f->b);
    g_ptr_array_remove(f->b.m->tree.buses,
                       &f->b.isa.bus); /* LPC brings its own */
    f->host = mch_new(f->b.m, &err);
    g_assert_no_error(err);
    dev = device_new(&f->b.m->tree, &ich9_lpc_type);
    device_realize(dev, &err);
    g_assert_no_error(err);
    f->lpc = ich9_lpc_from(dev);
    ich9_lpc_connect_gsi(f->lpc, test_board_irq, &f->b);
    device_reset(dev);
    ich9_lpc_setup_direct_boot(f->lpc);
}

static void teardown(Fixture *f, gconstpointer data)
{
    test_board_finish(&f->b);
}

/* --- helpers --- */

static void config_write(Fixture *f, unsigned reg, uint32_t value,
                         unsigned size)
{
    uint32_t address = 0x80000000u | ICH9_LPC_DEVFN << 8 | (reg & 0xfc);

    test_out(&f->b, 0xcf8, address, 4);
    test_out(&f->b, (uint16_t)(0xcfc + (reg & 3)), value, size);
}

static uint32_t config_read(Fixture *f, unsigned reg, unsigned size)
{
    uint32_t address = 0x80000000u | ICH9_LPC_DEVFN << 8 | (reg & 0xfc);

    test_out(&f->b, 0xcf8, address, 4);
    return test_in(&f->b, (uint16_t)(0xcfc + (reg & 3)), size);
}

static uint32_t pm_read(Fixture *f, unsigned reg, unsigned size)
{
    return test_in(&f->b, (uint16_t)(ICH9_PM_BASE + reg), size);
}

static void pm_write(Fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    test_out(&f->b, (uint16_t)(ICH9_PM_BASE + reg), value, size);
}

static bool reset_wanted(Fixture *f)
{
    bool wanted = f->b.m->reset_cause == SHUTDOWN_CAUSE_GUEST_RESET;

    f->b.m->reset_cause = SHUTDOWN_CAUSE_NONE;
    return wanted;
}

/* --- configuration space --- */

static void test_identity(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(config_read(f, 0, 4), ==, 0x29188086);
    g_assert_cmphex(config_read(f, 10, 2), ==, 0x0601);
}

static void test_pm_base_moves(Fixture *f, gconstpointer data)
{
    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_PWRBTN, 2);
    config_write(f, 0x40, 0xb001, 4);
    g_assert_cmphex(config_read(f, 0x40, 4), ==, 0xb001);
    g_assert_cmphex(test_in(&f->b, 0xb002, 2), ==, ICH9_PM1_PWRBTN);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT + 2, 2), ==, 0xffff);
}

/* Firmware that asks is told that SMIs are set up, and finds it so again. */
static void test_smi_looks_set_up_at_reset(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(pm_read(f, ICH9_SMI_EN, 4), ==, ICH9_SMI_EN_APMC);
    pm_write(f, ICH9_SMI_EN, 0, 4);
    g_assert_cmphex(pm_read(f, ICH9_SMI_EN, 4), ==, 0);
    device_reset((Device *)f->lpc);
    ich9_lpc_setup_direct_boot(f->lpc);
    g_assert_cmphex(pm_read(f, ICH9_SMI_EN, 4), ==, ICH9_SMI_EN_APMC);
}

static void test_acpi_enable_bit_hides_the_block(Fixture *f, gconstpointer data)
{
    config_write(f, 0x44, 0x00, 1);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, 0xffff);
    config_write(f, 0x44, 0x80, 1);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, ICH9_PM1_SCI_EN);
}

static void test_registers_keep_their_masks(Fixture *f, gconstpointer data)
{
    config_write(f, 0x40, 0xffffffff, 4);
    g_assert_cmphex(config_read(f, 0x40, 4), ==, 0x0000ff81);
    config_write(f, 0x60, 0xffffffff, 4);
    g_assert_cmphex(config_read(f, 0x60, 4), ==, 0x8f8f8f8f);
    config_write(f, 0xf0, 0xffffffff, 4);
    g_assert_cmphex(config_read(f, 0xf0, 4), ==, 0xffffc001);
    config_write(f, 0x04, 0, 2);
    g_assert_cmphex(config_read(f, 0x04, 2), ==, 7);
}

static void test_reset_unmaps_and_disables(Fixture *f, gconstpointer data)
{
    device_reset((Device *)f->lpc);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, 0xffff);
    g_assert_cmphex(config_read(f, 0x60, 1), ==, 0x80);
}

/* --- events --- */

static void test_power_button_raises_sci(Fixture *f, gconstpointer data)
{
    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_PWRBTN, 2);
    g_assert_false(f->b.level[9]);
    ich9_pm_power_button(ich9_lpc_pm(f->lpc));
    g_assert_true(f->b.level[9]);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT, 2), ==, ICH9_PM1_PWRBTN);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_PWRBTN, 2);
    g_assert_false(f->b.level[9]);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT, 2), ==, 0);
}

static void test_event_waits_for_enable(Fixture *f, gconstpointer data)
{
    ich9_pm_power_button(ich9_lpc_pm(f->lpc));
    g_assert_false(f->b.level[9]);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_PWRBTN << 16, 4); /* no status bit */
    g_assert_true(f->b.level[9]);
    pm_write(f, ICH9_PM1_EVT + 3, 0, 1);
    g_assert_false(f->b.level[9]);
}

static void test_sci_needs_sci_en(Fixture *f, gconstpointer data)
{
    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_PWRBTN, 2);
    ich9_pm_power_button(ich9_lpc_pm(f->lpc));
    test_outb(&f->b, ICH9_APM_PORT, ICH9_APM_ACPI_DISABLE);
    g_assert_false(f->b.level[9]);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, 0);
    test_outb(&f->b, ICH9_APM_PORT, ICH9_APM_ACPI_ENABLE);
    g_assert_true(f->b.level[9]);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, ICH9_PM1_SCI_EN);
}

static void test_sci_moves_to_another_input(Fixture *f, gconstpointer data)
{
    static const uint8_t gsi[] = { 9, 10, 11, 9, 20, 21, 22, 23 };

    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_PWRBTN, 2);
    ich9_pm_power_button(ich9_lpc_pm(f->lpc));
    for (unsigned i = 0; i < G_N_ELEMENTS(gsi); i++) {
        config_write(f, 0x44, 0x80 | i, 1);
        for (unsigned n = 0; n < TEST_GSIS; n++) {
            g_assert_cmpint(f->b.level[n], ==, n == gsi[i]);
        }
    }
}

/* --- PM timer --- */

static void test_timer_counts_at_its_rate(Fixture *f, gconstpointer data)
{
    g_assert_cmpuint(pm_read(f, ICH9_PM_TMR, 4), ==, 0);
    test_step(&f->b, NANOSECONDS_PER_SECOND);
    g_assert_cmpuint(pm_read(f, ICH9_PM_TMR, 4), ==, PM_HZ);
    test_step(&f->b, 9 * NANOSECONDS_PER_SECOND);
    g_assert_cmpuint(pm_read(f, ICH9_PM_TMR, 4), ==, PM_HZ * 10 % (1 << 24));
    g_assert_cmpuint(pm_read(f, ICH9_PM_TMR + 1, 2), ==,
                     PM_HZ * 10 % (1 << 24) >> 8);
}

static bool read_counter(Fixture *f, uint64_t port, unsigned size,
                         uint64_t *ret)
{
    return address_space_read_counter(&f->b.m->io, port, size, ret);
}

/* A vCPU reads it without the machine lock, where it is and as it is there. */
static void test_timer_without_lock(Fixture *f, gconstpointer data)
{
    uint64_t value;

    test_step(&f->b, NANOSECONDS_PER_SECOND);
    g_assert_true(read_counter(f, 0x608, 4, &value));
    g_assert_cmpuint(value, ==, PM_HZ);
    g_assert_cmpuint(value, ==, pm_read(f, ICH9_PM_TMR, 4));
    g_assert_false(read_counter(f, 0x608, 2, &value));
    g_assert_false(read_counter(f, 0x609, 4, &value));
    g_assert_false(read_counter(f, 0x604, 4, &value));
    config_write(f, 0x40, 0x700, 2);
    g_assert_false(read_counter(f, 0x608, 4, &value));
    g_assert_true(read_counter(f, 0x708, 4, &value));
    config_write(f, 0x44, 0, 1);
    g_assert_false(read_counter(f, 0x708, 4, &value));
    device_reset((Device *)f->lpc);
    g_assert_false(read_counter(f, 0x608, 4, &value));
}

static void test_timer_after_a_year(Fixture *f, gconstpointer data)
{
    const int64_t year_s = 365 * 86400;

    test_step(&f->b, year_s * NANOSECONDS_PER_SECOND);
    g_assert_cmpuint(pm_read(f, ICH9_PM_TMR, 4), ==,
                     (uint32_t)(year_s * PM_HZ % (1 << 24)));
}

static void test_overflow_is_seen_without_timer(Fixture *f, gconstpointer data)
{
    test_step(&f->b, 2 * NANOSECONDS_PER_SECOND);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT, 2), ==, 0);
    g_assert_cmpint(timer_list_deadline_ns(f->b.m->timers), ==, -1);
    test_step(&f->b, NANOSECONDS_PER_SECOND);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT, 2), ==, ICH9_PM1_TMROF);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_TMROF, 2);
    g_assert_cmphex(pm_read(f, ICH9_PM1_EVT, 2), ==, 0);
}

static void test_overflow_interrupt(Fixture *f, gconstpointer data)
{
    /* 2^23 ticks: the top bit changes after 2.3435 s. */
    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_TMROF, 2);
    test_step(&f->b, INT64_C(2343400000));
    g_assert_false(f->b.level[9]);
    test_step(&f->b, INT64_C(200000));
    g_assert_true(f->b.level[9]);
    /* Not acknowledged: nothing to wake up for. */
    g_assert_cmpint(timer_list_deadline_ns(f->b.m->timers), ==, -1);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_TMROF, 2);
    g_assert_false(f->b.level[9]);
    test_step(&f->b, INT64_C(2343600000));
    g_assert_true(f->b.level[9]);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_TMROF, 4); /* and disables it */
    g_assert_cmpint(timer_list_deadline_ns(f->b.m->timers), ==, -1);
}

/* --- sleep and reset --- */

static void test_s5_asks_for_shutdown(Fixture *f, gconstpointer data)
{
    pm_write(f, ICH9_PM1_CNT, ICH9_SLP_TYP_S5 << 10 | 1, 2);
    g_assert_cmpint(f->b.m->shutdown_cause, ==, SHUTDOWN_CAUSE_NONE);
    pm_write(f, ICH9_PM1_CNT, ICH9_SLP_TYP_S5 << 10 | 1 << 13 | 1, 2);
    g_assert_cmpint(f->b.m->shutdown_cause, ==, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, 7 << 10 | 1);
}

static void test_s3_does_nothing(Fixture *f, gconstpointer data)
{
    pm_write(f, ICH9_PM1_CNT, 5 << 10 | 1 << 13 | 1, 2);
    g_assert_cmpint(f->b.m->shutdown_cause, ==, SHUTDOWN_CAUSE_NONE);
}

static void test_reset_register(Fixture *f, gconstpointer data)
{
    test_outb(&f->b, ICH9_RESET_PORT, 0x02);
    g_assert_false(reset_wanted(f));
    test_outb(&f->b, ICH9_RESET_PORT, 0x06);
    g_assert_true(reset_wanted(f));
    g_assert_cmphex(test_inb(&f->b, ICH9_RESET_PORT), ==, 0x06);
    test_outb(&f->b, ICH9_RESET_PORT, 0x06); /* no edge */
    g_assert_false(reset_wanted(f));
    test_outb(&f->b, ICH9_RESET_PORT, 0x00);
    test_outb(&f->b, ICH9_RESET_PORT, 0x0e);
    g_assert_true(reset_wanted(f));
}

static void test_reset_register_leaves_0xcf8_alone(Fixture *f,
                                                   gconstpointer data)
{
    test_out(&f->b, 0xcf8, 0x8000fa44, 4); /* bit 2 of 0xcf9 would be reset */
    test_out(&f->b, 0xcf8, 0x8000fe44, 4);
    g_assert_false(reset_wanted(f));
    g_assert_cmphex(test_in(&f->b, 0xcf8, 4), ==, 0x8000fe44);
    test_outb(&f->b, ICH9_RESET_PORT, 0x02);
    g_assert_cmphex(test_in(&f->b, 0xcf8, 4), ==, 0x8000fe44);
}

static void test_fast_resets(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(test_inb(&f->b, 0x92), ==, 0x02);
    test_outb(&f->b, 0x92, 0x03);
    g_assert_true(reset_wanted(f));
    test_outb(&f->b, 0x64, 0xd1);
    g_assert_false(reset_wanted(f));
    test_outb(&f->b, 0x64, 0xfe);
    g_assert_true(reset_wanted(f));
    g_assert_cmphex(test_inb(&f->b, 0x64), ==, 0xff); /* nobody there */
}

static void test_apm_ports_are_plain_bytes(Fixture *f, gconstpointer data)
{
    test_outb(&f->b, ICH9_APM_PORT + 1, 0x5a);
    test_outb(&f->b, ICH9_APM_PORT, 0x77);
    g_assert_cmphex(test_in(&f->b, ICH9_APM_PORT, 2), ==, 0x5a77);
    g_assert_cmphex(pm_read(f, ICH9_PM1_CNT, 2), ==, ICH9_PM1_SCI_EN);
}

/* --- PCI interrupts --- */

static void test_pin_drives_its_ioapic_input(Fixture *f, gconstpointer data)
{
    for (unsigned slot = 0; slot < PCI_SLOTS_MAX; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            uint8_t devfn = PCI_DEVFN(slot, 3);
            unsigned gsi = ICH9_PIRQ_GSI_BASE + ich9_pirq(devfn, pin);

            g_assert_cmpuint(gsi, <, TEST_GSIS);
            ich9_set_intx(f->lpc, devfn, pin, true);
            g_assert_true(f->b.level[gsi]);
            ich9_set_intx(f->lpc, devfn, pin, false);
            g_assert_false(f->b.level[gsi]);
        }
    }
}

/* Slots 1 and 9 share a line, as does another pin of slot 0. */
static void test_shared_line_is_wired_or(Fixture *f, gconstpointer data)
{
    unsigned gsi = ICH9_PIRQ_GSI_BASE + ich9_pirq(PCI_DEVFN(1, 0), 0);

    ich9_set_intx(f->lpc, PCI_DEVFN(1, 0), 0, true);
    ich9_set_intx(f->lpc, PCI_DEVFN(9, 0), 0, true);
    ich9_set_intx(f->lpc, PCI_DEVFN(0, 0), 1, true);
    ich9_set_intx(f->lpc, PCI_DEVFN(1, 0), 0, true); /* said twice */
    ich9_set_intx(f->lpc, PCI_DEVFN(1, 0), 0, false);
    g_assert_true(f->b.level[gsi]);
    ich9_set_intx(f->lpc, PCI_DEVFN(9, 0), 0, false);
    g_assert_true(f->b.level[gsi]);
    ich9_set_intx(f->lpc, PCI_DEVFN(0, 0), 1, false);
    g_assert_false(f->b.level[gsi]);
    g_assert_cmpuint(f->b.rises[gsi], ==, 1);
}

static void test_route_to_the_8259s(Fixture *f, gconstpointer data)
{
    uint8_t devfn = PCI_DEVFN(8, 0); /* pin A is PIRQA */

    g_assert_cmpuint(ich9_pirq(devfn, 0), ==, 0);
    ich9_set_intx(f->lpc, devfn, 0, true);
    config_write(f, 0x60, 0x0b, 1);
    g_assert_true(f->b.level[11]);
    g_assert_true(f->b.level[16]);
    config_write(f, 0x60, 0x0a, 1);
    g_assert_false(f->b.level[11]);
    g_assert_true(f->b.level[10]);
    config_write(f, 0x60, 0x8a, 1);
    g_assert_false(f->b.level[10]);
    config_write(f, 0x60, 0x00, 1); /* reserved: the timer stays alone */
    g_assert_false(f->b.level[0]);
}

/* A PIRQ routed to the SCI's input must not be lost when the SCI goes. */
static void test_route_shares_the_sci(Fixture *f, gconstpointer data)
{
    config_write(f, 0x60, 0x09, 1);
    pm_write(f, ICH9_PM1_EVT + 2, ICH9_PM1_PWRBTN, 2);
    ich9_pm_power_button(ich9_lpc_pm(f->lpc));
    ich9_set_intx(f->lpc, PCI_DEVFN(8, 0), 0, true);
    pm_write(f, ICH9_PM1_EVT, ICH9_PM1_PWRBTN, 2);
    g_assert_true(f->b.level[9]);
    ich9_set_intx(f->lpc, PCI_DEVFN(8, 0), 0, false);
    g_assert_false(f->b.level[9]);
}

/* --- a hostile guest --- */

static void test_random_accesses(Fixture *f, gconstpointer data)
{
    static const unsigned sizes[] = { 1, 2, 4 };

    for (unsigned i = 0; i < 200000; i++) {
        unsigned size = sizes[g_test_rand_int_range(0, 3)];
        uint32_t value = (uint32_t)g_test_rand_int();
        unsigned reg = (unsigned)g_test_rand_int_range(0, 256);

        switch (g_test_rand_int_range(0, 8)) {
        case 0:
            config_write(f, reg & ~(size - 1), value, size);
            break;
        case 1:
            test_out(&f->b, (uint16_t)g_test_rand_int_range(0x60, 0x100), value,
                     size);
            break;
        case 2:
            ich9_set_intx(f->lpc, (uint8_t)reg, value & 3, value & 4);
            break;
        case 3:
            test_step(&f->b, value);
            break;
        case 4:
            test_in(&f->b, (uint16_t)value, size);
            break;
        case 5:
            ich9_lpc_setup_direct_boot(f->lpc);
            break;
        default:
            pm_write(f, reg & 0x7f, value, size);
            pm_read(f, reg & 0x7f, size);
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
    add("/lpc/identity", test_identity);
    add("/lpc/pm-base", test_pm_base_moves);
    add("/lpc/smi-enable", test_smi_looks_set_up_at_reset);
    add("/lpc/acpi-enable", test_acpi_enable_bit_hides_the_block);
    add("/lpc/masks", test_registers_keep_their_masks);
    add("/lpc/reset", test_reset_unmaps_and_disables);
    add("/pm/power-button", test_power_button_raises_sci);
    add("/pm/enable", test_event_waits_for_enable);
    add("/pm/sci-en", test_sci_needs_sci_en);
    add("/pm/sci-input", test_sci_moves_to_another_input);
    add("/pm/timer", test_timer_counts_at_its_rate);
    add("/pm/timer-without-lock", test_timer_without_lock);
    add("/pm/timer-year", test_timer_after_a_year);
    add("/pm/overflow", test_overflow_is_seen_without_timer);
    add("/pm/overflow-interrupt", test_overflow_interrupt);
    add("/pm/s5", test_s5_asks_for_shutdown);
    add("/pm/s3", test_s3_does_nothing);
    add("/lpc/reset-register", test_reset_register);
    add("/lpc/cf8", test_reset_register_leaves_0xcf8_alone);
    add("/lpc/fast-reset", test_fast_resets);
    add("/lpc/apm", test_apm_ports_are_plain_bytes);
    add("/lpc/intx", test_pin_drives_its_ioapic_input);
    add("/lpc/wired-or", test_shared_line_is_wired_or);
    add("/lpc/route", test_route_to_the_8259s);
    add("/lpc/route-sci", test_route_shares_the_sci);
    add("/lpc/random", test_random_accesses);
    return g_test_run();
}
