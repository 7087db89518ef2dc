/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the qtest accelerator does for devices: eventfds, messages and
 * interrupts that a client intercepts. */
#include "test-qtest.h"

/* --- ioeventfd --- */

static void test_ioeventfd_takes_the_write_that_matches(void)
{
    static const struct {
        IoEventFd io;
        const char *line;
        bool match, is_port;
    } table[] = {
        { { .addr = MMIO_BASE, .size = 2 }, "writew 0xfe000000 7", true },
        { { .addr = MMIO_BASE, .size = 2 }, "writel 0xfe000000 7", false },
        { { .addr = MMIO_BASE, .size = 2 }, "writew 0xfe000002 7", false },
        { { .addr = MMIO_BASE, .size = 2 }, "outw 0x100 7", false },
        { { .addr = MMIO_BASE, .size = 2 }, "write 0xfe000000 2 0x07", true },
        { { .addr = MMIO_BASE, .size = 2 }, "readw 0xfe000000", false },
        { { .addr = MMIO_BASE }, "writeb 0xfe000000 7", true },
        { { .addr = MMIO_BASE }, "writeq 0xfe000000 7", true },
        { { .addr = 0x100, .size = 4 }, "outl 0x100 1", true, true },
        { { .addr = 0x100, .size = 4 }, "outw 0x100 1", false, true },
        { { .addr = MMIO_BASE, .size = 2 },
          "writew 0xfe000000 7",
          false,
          true },
    };
    Fixture f;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        EventNotifier e;
        IoEventFd io = table[i].io;

        setup(&f);
        g_test_message("%u: %s", i, table[i].line);
        g_assert_cmpint(event_notifier_init(&e), ==, 0);
        io.fd = e.fd;
        io.as = table[i].is_port ? &f.m->io : &f.m->memory;
        g_assert_cmpint(qtest_accel_ops.ioeventfd_add(f.m->accel, &io), ==, 0);
        ask(&f, table[i].line);
        g_assert_cmpint(event_notifier_test_and_clear(&e), ==, table[i].match);
        g_assert_false(table[i].match && f.writes);
        g_assert_cmpint(qtest_accel_ops.ioeventfd_del(f.m->accel, &io), ==, 0);
        ask(&f, table[i].line);
        g_assert_false(event_notifier_test_and_clear(&e));
        event_notifier_finish(&e);
        teardown(&f);
    }
}

static void test_ioeventfd_for_the_same_write_is_refused(void)
{
    static const struct {
        IoEventFd io;
        int add, del;
        bool is_port;
    } table[] = {
        { { .addr = MMIO_BASE, .size = 4 }, -EEXIST, 0 },
        { { .addr = MMIO_BASE }, -EEXIST, -ENOENT },
        { { .addr = MMIO_BASE, .size = 2 }, 0, 0 },
        { { .addr = MMIO_BASE + 4, .size = 4 }, 0, 0 },
        { { .addr = MMIO_BASE, .size = 4 }, 0, 0, true },
    };
    Fixture f;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IoEventFd first = { .addr = MMIO_BASE, .size = 4 };
        IoEventFd io = table[i].io;

        setup(&f);
        g_test_message("%u", i);
        first.as = &f.m->memory;
        io.as = table[i].is_port ? &f.m->io : &f.m->memory;
        g_assert_cmpint(qtest_accel_ops.ioeventfd_add(f.m->accel, &first), ==,
                        0);
        g_assert_cmpint(qtest_accel_ops.ioeventfd_add(f.m->accel, &io), ==,
                        table[i].add);
        g_assert_cmpint(qtest_accel_ops.ioeventfd_del(f.m->accel, &io), ==,
                        table[i].del);
        teardown(&f);
    }
}

static void test_ioeventfd_number_is_limited(void)
{
    Fixture f;
    IoEventFd io = { .size = 2 };
    int r = 0;

    setup(&f);
    for (io.addr = 0; r == 0 && io.addr <= 8192; io.addr++) {
        r = qtest_accel_ops.ioeventfd_add(f.m->accel, &io);
    }
    g_assert_cmpint(r, ==, -ENOSPC);
    g_assert_cmpuint(io.addr, ==, 8193);
    teardown(&f);
}

/* --- messages and irqfd --- */

static void test_message_to_ram_is_a_write(void)
{
    static const MsiMessage msg = { .address = 0x2000, .data = 0xdeadbeef };
    Fixture f;

    setup(&f);
    g_assert_cmpint(qtest_accel_ops.send_msi(f.m->accel, &msg), ==, 0);
    g_assert_cmpstr(ask(&f, "readq 0x2000"), ==, "OK 0x00000000deadbeef\n");
    teardown(&f);
}

static void test_message_to_lapic_is_told_if_intercepted(void)
{
    static const struct {
        uint64_t address;
        const char *lines;
    } table[] = {
        { LAPIC, "IRQ raise 49\nIRQ lower 49\n" },
        { LAPIC + 0xfffff, "IRQ raise 49\nIRQ lower 49\n" },
        { LAPIC - 4, "" },
        { LAPIC + 0x100000, "" },
    };
    Fixture f;

    setup(&f);
    qtest_accel_ops.send_msi(f.m->accel,
                             &(MsiMessage){ .address = LAPIC, .data = 0x31 });
    g_assert_cmpstr(ask(&f, "irq_intercept_in lapic"), ==, "OK\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        MsiMessage msg = { table[i].address, 0x4131 };

        qtest_accel_ops.send_msi(f.m->accel, &msg);
        g_assert_cmpstr(collect(&f), ==, table[i].lines);
    }
    teardown(&f);
}

static void test_message_of_another_thread_comes_before_the_next_answer(void)
{
    Fixture f;

    setup(&f);
    ask(&f, "irq_intercept_in lapic");
    /* We hold the machine lock: the sender must not need it. */
    g_thread_join(g_thread_new("sender", send_message, &f));
    g_assert_cmpstr(ask(&f, "endianness"), ==,
                    "IRQ raise 49\nIRQ lower 49\nOK little\n");
    teardown(&f);
}

static void test_irqfd_delivers_each_signal_until_deleted(void)
{
    static const MsiMessage msg = { .address = LAPIC, .data = 0x40 };
    Fixture f;
    EventNotifier e;
    int route;

    setup(&f);
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    ask(&f, "irq_intercept_in lapic");
    route = qtest_accel_ops.irqfd_add_msi(f.m->accel, e.fd, &msg);
    g_assert_cmpint(route, >=, 0);
    g_assert_cmpstr(collect(&f), ==, "");
    for (unsigned i = 0; i < 2; i++) {
        event_notifier_set(&e);
        g_assert_cmpstr(collect(&f), ==, "IRQ raise 64\nIRQ lower 64\n");
    }
    qtest_accel_ops.irqfd_del(f.m->accel, e.fd, route);
    event_notifier_set(&e);
    g_assert_cmpstr(collect(&f), ==, "");
    g_assert_true(event_notifier_is_set(&e));
    event_notifier_finish(&e);
    teardown(&f);
}

static void test_irqfd_that_is_pending_delivers_when_added(void)
{
    static const MsiMessage msg = { .address = 0x3000, .data = 0x12345678 };
    Fixture f;
    EventNotifier e;
    int route;

    setup(&f);
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    event_notifier_set(&e);
    route = qtest_accel_ops.irqfd_add_msi(f.m->accel, e.fd, &msg);
    g_assert_cmpstr(ask(&f, "readl 0x3000"), ==, "OK 0x0000000012345678\n");
    g_assert_false(event_notifier_is_set(&e));
    qtest_accel_ops.irqfd_del(f.m->accel, e.fd, route);
    event_notifier_finish(&e);
    teardown(&f);
}

static void test_irqfd_route_is_used_again(void)
{
    static const MsiMessage msg = { .address = 0x3000 };
    Fixture f;
    EventNotifier e[3];
    int route[3];

    setup(&f);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(event_notifier_init(&e[i]), ==, 0);
        route[i] = qtest_accel_ops.irqfd_add_msi(f.m->accel, e[i].fd, &msg);
        g_assert_cmpint(route[i], ==, (int)i);
    }
    qtest_accel_ops.irqfd_del(f.m->accel, e[1].fd, 1);
    g_assert_cmpint(qtest_accel_ops.irqfd_add_msi(f.m->accel, e[1].fd, &msg),
                    ==, 1);
    /* What is left ends with the machine. */
    teardown(&f);
    for (unsigned i = 0; i < 3; i++) {
        event_notifier_finish(&e[i]);
    }
}

static void test_irqfd_number_is_limited(void)
{
    static const MsiMessage msg = { .address = 0x3000 };
    Fixture f;
    EventNotifier e;
    int n = 0, r;

    setup(&f);
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    do {
        r = qtest_accel_ops.irqfd_add_msi(f.m->accel, e.fd, &msg);
    } while (r == n && ++n <= 8192);
    g_assert_cmpint(r, ==, -ENOSPC);
    g_assert_cmpint(n, ==, 8192);
    teardown(&f);
    event_notifier_finish(&e);
}

/* --- interception --- */

static void test_ioapic_edges_are_told_once(void)
{
    static const Exchange table[] = {
        { "set_irq_in ioapic unnamed-gpio-in 3 1", "OK\n" },
        { "irq_intercept_in ioapic", "OK\n" },
        { "set_irq_in ioapic unnamed-gpio-in 3 1", "OK\n" },
        { "set_irq_in ioapic unnamed-gpio-in 3 0", "IRQ lower 3\nOK\n" },
        { "set_irq_in ioapic unnamed-gpio-in 23 7", "IRQ raise 23\nOK\n" },
        { "set_irq_in ioapic unnamed-gpio-in 23 1", "OK\n" },
        { "set_irq_in ioapic unnamed-gpio-in 0 0", "OK\n" },
        { NULL, NULL },
    };

    check_exchanges(table);
}

static void test_second_interception_is_refused(void)
{
    static const Exchange table[] = {
        { "irq_intercept_in lapic", "OK\n" },
        { "irq_intercept_in lapic", "OK\n" },
        { "irq_intercept_in ioapic", "FAIL IRQ intercept already enabled\n" },
        { "irq_intercept_in lapic", "OK\n" },
        { NULL, NULL },
    };

    check_exchanges(table);
}

static void test_intx_of_a_pci_device_is_output_0(void)
{
    Fixture f;
    PciDevice *dev, *other;

    setup(&f);
    dev = add_device(&f, "dev0");
    other = add_device(&f, "dev1");
    g_assert_cmpstr(ask(&f, "irq_intercept_out dev0 name"), ==,
                    "FAIL no device has outputs with a name\n");
    g_assert_cmpstr(ask(&f, "irq_intercept_out /machine/peripheral/dev0"), ==,
                    "OK\n");
    g_assert_cmpstr(ask(&f, "irq_intercept_out dev0"), ==, "OK\n");
    g_assert_cmpstr(ask(&f, "irq_intercept_out dev1"), ==,
                    "FAIL IRQ intercept already enabled\n");
    pci_set_intx(dev, true);
    pci_set_intx(other, true);
    g_assert_true(f.board_level);
    g_assert_cmpstr(ask(&f, "endianness"), ==, "IRQ raise 0\nOK little\n");
    dev->ops->config_write(dev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_cmpstr(ask(&f, "endianness"), ==, "IRQ lower 0\nOK little\n");
    g_assert_false(f.board_level);
    pci_set_intx(dev, false);
    g_assert_cmpstr(ask(&f, "endianness"), ==, "OK little\n");
    teardown(&f);
}

static void test_device_without_a_pin_cannot_be_intercepted(void)
{
    Fixture f;

    setup(&f);
    add_device(&f, NULL);
    g_assert_true(g_str_has_prefix(
        ask(&f, "irq_intercept_out /machine/peripheral-anon/device[0]"),
        "FAIL this device has no output"));
    teardown(&f);
}

static void test_two_machines_are_apart(void)
{
    Fixture a, b;

    setup(&a);
    setup(&b);
    ask(&a, "writeb 0x1000 0x55");
    ask(&a, "clock_step 100");
    ask(&a, "irq_intercept_in ioapic");
    ask(&a, "set_irq_in ioapic unnamed-gpio-in 1 1");
    g_assert_cmpstr(ask(&b, "readb 0x1000"), ==, "OK 0x0000000000000000\n");
    g_assert_cmpstr(ask(&b, "clock_step 0"), ==, "OK 0\n");
    g_assert_cmpstr(ask(&b, "irq_intercept_in lapic"), ==, "OK\n");
    g_assert_cmpstr(ask(&b, "set_irq_in ioapic unnamed-gpio-in 1 1"), ==,
                    "OK\n");
    machine_unlock(b.m);
    teardown(&a);
    machine_lock(b.m);
    g_assert_cmpstr(ask(&b, "endianness"), ==, "OK little\n");
    teardown(&b);
}

int main(int argc, char **argv)
{
    static const Case cases[] = {
        { "ioeventfd/matching-write/taken",
          test_ioeventfd_takes_the_write_that_matches },
        { "ioeventfd/same-write/refused",
          test_ioeventfd_for_the_same_write_is_refused },
        { "ioeventfd/too-many/refused", test_ioeventfd_number_is_limited },
        { "msi/to-ram/write", test_message_to_ram_is_a_write },
        { "msi/to-lapic/told-if-intercepted",
          test_message_to_lapic_is_told_if_intercepted },
        { "msi/other-thread/before-answer",
          test_message_of_another_thread_comes_before_the_next_answer },
        { "irqfd/signals/delivered",
          test_irqfd_delivers_each_signal_until_deleted },
        { "irqfd/pending/delivered-when-added",
          test_irqfd_that_is_pending_delivers_when_added },
        { "irqfd/deleted-route/used-again", test_irqfd_route_is_used_again },
        { "irqfd/too-many/refused", test_irqfd_number_is_limited },
        { "intercept/ioapic/edges-once", test_ioapic_edges_are_told_once },
        { "intercept/second/refused", test_second_interception_is_refused },
        { "intercept/intx/output-0", test_intx_of_a_pci_device_is_output_0 },
        { "intercept/no-pin/refused",
          test_device_without_a_pin_cannot_be_intercepted },
        { "machine/two/apart", test_two_machines_are_apart },
        { NULL, NULL },
    };

    return run_cases(argc, argv, cases);
}
