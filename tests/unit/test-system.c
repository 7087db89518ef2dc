/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address map, RAM, timers and run state, without a board. */
#include "accel/qtest.h"
#include "program/registry.h"
#include "system/machine.h"

/* A region that answers with its tag and keeps what was last written. */
typedef struct Probe {
    MemoryRegion mr;
    uint64_t tag;
    uint64_t offset, value;
    unsigned size, writes;
} Probe;

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned size)
{
    const Probe *p = opaque;

    return p->tag + offset;
}

static void probe_write(void *opaque, uint64_t offset, uint64_t value,
                        unsigned size)
{
    Probe *p = opaque;

    p->offset = offset;
    p->value = value;
    p->size = size;
    p->writes++;
}

static const MemoryRegionOps probe_ops = { probe_read, probe_write };

static void probe_init(Probe *p, uint64_t tag, uint64_t size, int priority)
{
    *p = (Probe){ .tag = tag };
    memory_region_init(&p->mr, "probe", &probe_ops, p, size);
    p->mr.priority = priority;
}

static void test_map_unassigned_reads_ones(void)
{
    AddressSpace as;

    address_space_init(&as, "test", 0x10000);
    g_assert_cmphex(address_space_read(&as, 0x10, 1), ==, 0xff);
    g_assert_cmphex(address_space_read(&as, 0x10, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_read(&as, 0x10, 8), ==, UINT64_MAX);
    address_space_write(&as, 0x10, 1, 4);
    address_space_finish(&as);
}

static void test_map_dispatches_offset_and_size(void)
{
    AddressSpace as;
    Probe p;

    address_space_init(&as, "test", 0x10000);
    probe_init(&p, 0x100, 0x20, 0);
    memory_region_map(&p.mr, &as, 0x1000);
    g_assert_cmphex(address_space_read(&as, 0x1004, 4), ==, 0x104);
    address_space_write(&as, 0x101f, 0x1234, 1);
    g_assert_cmphex(p.offset, ==, 0x1f);
    g_assert_cmphex(p.value, ==, 0x34);
    memory_region_map(&p.mr, &as, 0x2000);
    g_assert_cmphex(address_space_read(&as, 0x1004, 1), ==, 0xff);
    g_assert_cmphex(address_space_read(&as, 0x2004, 1), ==, 0x04);
    memory_region_unmap(&p.mr);
    memory_region_unmap(&p.mr);
    g_assert_cmphex(address_space_read(&as, 0x2004, 1), ==, 0xff);
    address_space_finish(&as);
}

static void test_map_access_over_the_end_is_split(void)
{
    AddressSpace as;
    Probe p;

    address_space_init(&as, "test", 0x10000);
    probe_init(&p, 0x10, 4, 0);
    memory_region_map(&p.mr, &as, 0x100);
    g_assert_cmphex(address_space_read(&as, 0x102, 4), ==, 0xffff1312);
    address_space_write(&as, 0x102, 0xaabbccdd, 4);
    g_assert_cmpuint(p.writes, ==, 2);
    g_assert_cmphex(p.value, ==, 0xcc);
    memory_region_unmap(&p.mr);
    address_space_finish(&as);
}

static void test_map_higher_priority_answers(void)
{
    AddressSpace as;
    Probe low, high, newer;

    address_space_init(&as, "test", 0x10000);
    probe_init(&low, 1, 0x100, 0);
    probe_init(&high, 2, 0x100, 1);
    probe_init(&newer, 3, 0x100, 0);
    memory_region_map(&high.mr, &as, 0);
    memory_region_map(&low.mr, &as, 0);
    memory_region_map(&newer.mr, &as, 0);
    g_assert_cmphex(address_space_read(&as, 0, 1), ==, 2);
    memory_region_unmap(&high.mr);
    g_assert_cmphex(address_space_read(&as, 0, 1), ==, 3);
    address_space_finish(&as);
}

static void test_map_region_beyond_the_space_stays_unmapped(void)
{
    AddressSpace as;
    Probe p;

    address_space_init(&as, "test", 0x1000);
    probe_init(&p, 0, 0x100, 0);
    memory_region_map(&p.mr, &as, 0xf01);
    g_assert_null(p.mr.as);
    memory_region_map(&p.mr, &as, UINT64_MAX - 1);
    g_assert_null(p.mr.as);
    memory_region_map(&p.mr, &as, 0xf00);
    g_assert_nonnull(p.mr.as);
    address_space_finish(&as);
}

static void test_ram_pointers_end_at_blocks(void)
{
    GuestRam ram;

    g_assert_cmpint(guest_ram_init(&ram, 2 * MiB), ==, 0);
    guest_ram_add_block(&ram, 0, 0, MiB);
    guest_ram_add_block(&ram, 4 * GiB, MiB, MiB);
    g_assert_true(guest_ram_ptr(&ram, 0, MiB) == ram.host);
    g_assert_null(guest_ram_ptr(&ram, 0, MiB + 1));
    g_assert_null(guest_ram_ptr(&ram, MiB, 1));
    g_assert_true(guest_ram_ptr(&ram, 4 * GiB + MiB - 1, 1) ==
                  ram.host + 2 * MiB - 1);
    g_assert_null(guest_ram_ptr(&ram, 4 * GiB + 1, UINT64_MAX));
    g_assert_null(guest_ram_ptr(&ram, UINT64_MAX, 2));
    g_assert_true(guest_ram_write(&ram, 4 * GiB, "x", 1));
    g_assert_cmpint(ram.host[MiB], ==, 'x');
    g_assert_false(guest_ram_write(&ram, MiB - 1, "xy", 2));
    guest_ram_finish(&ram);
    guest_ram_finish(&ram);
}

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_timers_fire_in_order_when_stepped(void)
{
    Machine *m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    unsigned a = 0, b = 0;
    Timer ta, tb;

    machine_lock(m);
    timer_init(&ta, m, count, &a);
    timer_init(&tb, m, count, &b);
    timer_mod(&ta, 300);
    timer_mod(&tb, 200);
    g_assert_cmpint(timer_list_deadline_ns(m->timers), ==, 200);
    timer_list_step_to(m->timers, 199);
    g_assert_cmpuint(a + b, ==, 0);
    timer_list_step_to(m->timers, 200);
    g_assert_cmpuint(b, ==, 1);
    timer_mod(&ta, 400);
    timer_list_step_to(m->timers, 399);
    g_assert_cmpuint(a, ==, 0);
    timer_list_step_to(m->timers, 1000);
    g_assert_cmpuint(a, ==, 1);
    g_assert_cmpint(machine_clock_ns(m), ==, 1000);
    timer_list_step_to(m->timers, 500);
    g_assert_cmpint(machine_clock_ns(m), ==, 1000);
    g_assert_cmpint(timer_list_deadline_ns(m->timers), ==, -1);
    timer_del(&ta);
    machine_unlock(m);
    machine_free(m);
}

static void test_clock_stands_while_paused(void)
{
    Machine *m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    int64_t then;

    machine_lock(m);
    timer_list_set_running(m->timers, true);
    timer_list_set_running(m->timers, false);
    then = machine_clock_ns(m);
    g_usleep(1000);
    g_assert_cmpint(machine_clock_ns(m), ==, then);
    machine_unlock(m);
    machine_free(m);
}

static bool quit(void *opaque, GIOCondition condition)
{
    machine_quit(opaque);
    return false;
}

static void test_main_loop_serves_an_fd_under_the_lock(void)
{
    Machine *m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    GSource *source;
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    machine_lock(m);
    source = machine_watch_fd(m, fds[0], G_IO_IN, quit, m);
    machine_unlock(m);
    g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
    machine_run_main_loop(m);
    machine_lock(m);
    machine_unwatch(&source);
    g_assert_null(source);
    machine_unwatch(&source);
    machine_unlock(m);
    close(fds[0]);
    close(fds[1]);
    machine_free(m);
}

/* --- run state --- */

/* A running machine without vCPUs under -no-shutdown, locked. */
static Machine *running_machine_new(void)
{
    Machine *m = machine_new(&program_registry, &none_machine_type,
                             &qtest_accel_ops);
    GError *err = NULL;

    m->config.no_shutdown = true;
    machine_lock(m);
    g_assert_true(machine_build(m, &err) && machine_start(m, &err));
    vm_start_request(m);
    return m;
}

static void wait_until_requests_are_done(Machine *m)
{
    while (runstate_is_changing(m)) {
        g_cond_wait(&m->cond, &m->lock);
    }
}

/* Both are there before the control thread sees either. */
static void test_power_off_with_a_panic_needs_a_reset(void)
{
    Machine *m = running_machine_new();
    GError *err = NULL;

    wait_until_requests_are_done(m);
    g_assert_cmpint(m->run_state, ==, RUN_STATE_RUNNING);
    system_guest_panicked(m);
    system_shutdown_request(m, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    wait_until_requests_are_done(m);
    g_assert_cmpint(m->run_state, ==, RUN_STATE_SHUTDOWN);
    vm_start_request(m);
    wait_until_requests_are_done(m);
    g_assert_cmpint(m->run_state, ==, RUN_STATE_SHUTDOWN);
    system_reset_request(m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    wait_until_requests_are_done(m);
    g_assert_cmpint(m->run_state, ==, RUN_STATE_PRELAUNCH);
    g_assert_no_error(err);
    machine_unlock(m);
    machine_free(m);
}

static void test_failed_vcpu_with_a_stop_needs_a_reset(void)
{
    Machine *m = running_machine_new();

    wait_until_requests_are_done(m);
    vm_stop_request(m, RUN_STATE_INTERNAL_ERROR);
    wait_until_requests_are_done(m);
    vm_stop_request(m, RUN_STATE_GUEST_PANICKED);
    wait_until_requests_are_done(m);
    g_assert_cmpint(m->run_state, ==, RUN_STATE_INTERNAL_ERROR);
    machine_unlock(m);
    machine_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/map/unassigned", test_map_unassigned_reads_ones);
    g_test_add_func("/map/dispatch", test_map_dispatches_offset_and_size);
    g_test_add_func("/map/split", test_map_access_over_the_end_is_split);
    g_test_add_func("/map/priority", test_map_higher_priority_answers);
    g_test_add_func("/map/beyond",
                    test_map_region_beyond_the_space_stays_unmapped);
    g_test_add_func("/ram/pointers", test_ram_pointers_end_at_blocks);
    g_test_add_func("/timer/order", test_timers_fire_in_order_when_stepped);
    g_test_add_func("/timer/paused", test_clock_stands_while_paused);
    g_test_add_func("/main-loop/fd",
                    test_main_loop_serves_an_fd_under_the_lock);
    g_test_add_func("/run-state/off-and-panic",
                    test_power_off_with_a_panic_needs_a_reset);
    g_test_add_func("/run-state/failed-and-stop",
                    test_failed_vcpu_with_a_stop_needs_a_reset);
    return g_test_run();
}
