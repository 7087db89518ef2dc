/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without a board for tests of single devices: an ISA bus, interrupt
 * lines that are recorded, and a clock that moves when the test says so. The
 * test holds the machine lock throughout.
 */
#ifndef TEST_BOARD_H
#define TEST_BOARD_H

#include "accel/qtest.h"
#include "hw/isa/isa.h"
#include "program/registry.h"
#include "system/machine.h"

#define TEST_GSIS 24

typedef struct TestBoard {
    Machine *m;
    IsaBus isa;
    bool level[TEST_GSIS];     /* of each line */
    unsigned rises[TEST_GSIS]; /* how often it went from low to high */
} TestBoard;

static inline void test_board_irq(void *opaque, unsigned n, bool level)
{
    TestBoard *b = opaque;

    g_assert_cmpuint(n, <, TEST_GSIS);
    b->rises[n] += level && !b->level[n];
    b->level[n] = level;
}

static inline void test_board_init(TestBoard *b)
{
    b->m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    machine_lock(b->m);
    b->isa.bus = (Bus){ .type = BUS_ISA, .name = "isa.0" };
    g_ptr_array_add(b->m->tree.buses, &b->isa.bus);
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        b->isa.irqs[i] = (IrqLine){ test_board_irq, b, i };
    }
    timer_list_step_to(b->m->timers, 0);
}

static inline void test_board_finish(TestBoard *b)
{
    machine_unlock(b->m);
    machine_free(b->m);
}

/* Waits until the file at @path holds @text: another thread writes it. */
static inline void test_wait_file(const char *path, const char *text)
{
    g_autofree char *contents = NULL;

    for (unsigned i = 0; i < 60000 && g_strcmp0(contents, text); i++) {
        g_usleep(i ? 1000 : 0);
        g_clear_pointer(&contents, g_free);
        g_assert_true(g_file_get_contents(path, &contents, NULL, NULL));
    }
    g_assert_cmpstr(contents, ==, text);
}

static inline uint32_t test_in(TestBoard *b, uint16_t port, unsigned size)
{
    return (uint32_t)address_space_read(&b->m->io, port, size);
}

static inline uint8_t test_inb(TestBoard *b, uint16_t port)
{
    return (uint8_t)test_in(b, port, 1);
}

static inline void test_out(TestBoard *b, uint16_t port, uint32_t value,
                            unsigned size)
{
    address_space_write(&b->m->io, port, value, size);
}

static inline void test_outb(TestBoard *b, uint16_t port, uint8_t value)
{
    test_out(b, port, value, 1);
}

/* Lets virtual time pass. */
static inline void test_step(TestBoard *b, int64_t ns)
{
    timer_list_step_to(b->m->timers, machine_clock_ns(b->m) + ns);
}

/* Serves what the main loop would find ready now. */
static inline void test_poll(TestBoard *b)
{
    while (g_main_context_iteration(b->m->context, FALSE)) {
    }
}

#endif
