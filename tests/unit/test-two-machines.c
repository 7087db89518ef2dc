/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two q35 machines in one process: whatever happens to the first, module by
 * module, the second one does not notice, and it lives on when the first is
 * gone. Their locks are never held together.
 */
#include "accel/qtest.h"
#include "chardev/char.h"
#include "hw/i386/mch.h"
#include "program/registry.h"
#include "system/machine.h"
#include "test-virtio.h"

#include <linux/virtio_pci.h>

#define SLOT     4
#define BAR      UINT64_C(0xc0000000)
#define COM1     0x3f8
#define PM_BASE  0x600
#define RTC_PORT 0x70

typedef struct Pair {
    Machine *a, *b;
} Pair;

static TestVirtio *virtio_of(Machine *m)
{
    Device *dev = device_find(&m->tree, "virtio0");

    return test_virtio_from(virtio_device_from(dev->backend));
}

static Machine *machine(void)
{
    Machine *m = machine_new(&program_registry,
                             machine_type_find(&program_registry, "q35"),
                             &qtest_accel_ops);
    g_autoptr(GError) err = NULL;
    Device *dev;

    m->config.ram_size = 16 * MiB;
    machine_lock(m);
    chardev_new_from_short(m, "null", "serial0", &m->config.serial[0], &err);
    g_assert_no_error(err);
    machine_build(m, &err);
    g_assert_no_error(err);
    dev = device_new(&m->tree, &test_virtio_pci_type);
    dev->id = g_strdup("virtio0");
    g_assert_true(device_set(dev, "addr", G_STRINGIFY(SLOT), NULL));
    dev->bus = device_tree_find_bus(&m->tree, NULL, BUS_PCI);
    g_assert_true(device_realize(dev, NULL));
    g_assert_true(m->type->machine_done(m, &err));
    m->run_state = RUN_STATE_RUNNING;
    machine_unlock(m);
    return m;
}

static void machine_end_of_test(Machine **m)
{
    machine_lock(*m);
    (*m)->run_state = RUN_STATE_PAUSED;
    chardev_free(chardev_find(*m, "serial0"));
    machine_unlock(*m);
    machine_free(g_steal_pointer(m));
}

static void set_up(Pair *p, gconstpointer data)
{
    p->a = machine();
    p->b = machine();
}

static void tear_down(Pair *p, gconstpointer data)
{
    if (p->a) {
        machine_end_of_test(&p->a);
    }
    machine_end_of_test(&p->b);
}

/* --- one access of a vCPU --- */

static uint32_t port_in(Machine *m, uint16_t port, unsigned size)
{
    uint32_t value;

    machine_lock(m);
    value = (uint32_t)address_space_read(&m->io, port, size);
    machine_unlock(m);
    return value;
}

static void port_out(Machine *m, uint16_t port, uint32_t value, unsigned size)
{
    machine_lock(m);
    address_space_write(&m->io, port, value, size);
    machine_unlock(m);
}

static uint32_t mem_read(Machine *m, uint64_t addr, unsigned size)
{
    uint32_t value;

    machine_lock(m);
    value = (uint32_t)address_space_read(&m->memory, addr, size);
    machine_unlock(m);
    return value;
}

static void mem_write(Machine *m, uint64_t addr, uint32_t value, unsigned size)
{
    machine_lock(m);
    address_space_write(&m->memory, addr, value, size);
    machine_unlock(m);
}

static uint32_t config_read(Machine *m, unsigned reg)
{
    port_out(m, 0xcf8, 0x80000000 | SLOT << 11 | reg, 4);
    return port_in(m, 0xcfc, 4);
}

static void config_write(Machine *m, unsigned reg, uint32_t value)
{
    port_out(m, 0xcf8, 0x80000000 | SLOT << 11 | reg, 4);
    port_out(m, 0xcfc, value, 4);
}

static void show_bar(Machine *m)
{
    config_write(m, PCI_BASE_ADDRESS_4, (uint32_t)BAR);
    config_write(m, PCI_BASE_ADDRESS_5, 0);
    config_write(m, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void start_driver(Machine *m)
{
    static const uint8_t status[] = { 1, 3, 11, 15 };

    show_bar(m);
    for (unsigned i = 0; i < G_N_ELEMENTS(status); i++) {
        if (status[i] == 11) {
            mem_write(m, BAR + VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
            mem_write(m, BAR + VIRTIO_PCI_COMMON_GF, 1, 4);
        }
        mem_write(m, BAR + VIRTIO_PCI_COMMON_STATUS, status[i], 1);
    }
}

/* --- what one does and the other does not notice --- */

static void test_ram_is_the_machines_own(Pair *p, gconstpointer data)
{
    g_assert_true(guest_ram_write(&p->a->ram, 0x1000, "x", 1));
    g_assert_cmpint(p->b->ram.host[0x1000], ==, 0);
}

static void test_bus_and_bars_are_the_machines_own(Pair *p, gconstpointer data)
{
    show_bar(p->a);
    g_assert_cmphex(config_read(p->b, PCI_BASE_ADDRESS_4) & 0xfffffff0, ==, 0);
    g_assert_cmpuint(mem_read(p->a, BAR + VIRTIO_PCI_COMMON_NUMQ, 2), ==,
                     TEST_VIRTIO_QUEUES);
    g_assert_cmphex(mem_read(p->b, BAR + VIRTIO_PCI_COMMON_NUMQ, 2), ==,
                    0xffff);
}

static void test_config_address_is_the_machines_own(Pair *p, gconstpointer data)
{
    port_out(p->a, 0xcf8, 0x80000000 | SLOT << 11, 4);
    port_out(p->b, 0xcf8, 0x80000000, 4);
    g_assert_cmphex(port_in(p->a, 0xcfc, 2), ==, 0x1af4);
    g_assert_cmphex(port_in(p->b, 0xcfc, 2), ==, 0x8086);
}

static void test_driver_starts_its_own_back_end(Pair *p, gconstpointer data)
{
    start_driver(p->a);
    g_assert_cmpuint(virtio_of(p->a)->starts, ==, 1);
    g_assert_cmpuint(virtio_of(p->b)->starts, ==, 0);
    start_driver(p->b);
    mem_write(p->b, BAR + VIRTIO_PCI_COMMON_STATUS, 0, 1);
    g_assert_cmpuint(virtio_of(p->a)->stops, ==, 0);
    g_assert_true(virtio_of(p->a)->vdev.started);
}

static void test_fault_needs_its_own_reset(Pair *p, gconstpointer data)
{
    show_bar(p->b);
    virtio_of(p->a)->fail = true;
    start_driver(p->a);
    g_assert_cmphex(mem_read(p->a, BAR + VIRTIO_PCI_COMMON_STATUS, 1) & 0x40,
                    ==, 0x40);
    g_assert_cmphex(mem_read(p->b, BAR + VIRTIO_PCI_COMMON_STATUS, 1), ==, 0);
}

/* As firmware would: PMBASE and ACPI_EN of the LPC bridge. */
static void show_pm(Machine *m)
{
    port_out(m, 0xcf8, 0x8000f840, 4);
    port_out(m, 0xcfc, PM_BASE | 1, 4);
    port_out(m, 0xcf8, 0x8000f844, 4);
    port_out(m, 0xcfc, 0x80, 1);
}

static void test_registers_of_the_chipset_are_its_own(Pair *p,
                                                      gconstpointer data)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } rows[] = {
        { COM1 + 7, 0x5a },     /* serial: scratch */
        { PM_BASE + 2, 0x20 },  /* ACPI: GBL_EN of PM1_EN */
        { RTC_PORT + 1, 0x77 }, /* CMOS byte, chosen below */
    };

    show_pm(p->a);
    show_pm(p->b);
    port_out(p->a, RTC_PORT, 0x40, 1);
    port_out(p->b, RTC_PORT, 0x40, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint32_t before = port_in(p->b, rows[i].port, 1);

        g_assert_cmphex(before, !=, rows[i].value);
        port_out(p->a, rows[i].port, rows[i].value, 1);
        g_assert_cmphex(port_in(p->a, rows[i].port, 1), ==, rows[i].value);
        g_assert_cmphex(port_in(p->b, rows[i].port, 1), ==, before);
    }
}

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void test_clock_is_the_machines_own(Pair *p, gconstpointer data)
{
    unsigned fired = 0;
    Timer timer;

    timer_init(&timer, p->b, count, &fired);
    machine_lock(p->b);
    timer_mod(&timer, 10);
    machine_unlock(p->b);
    machine_lock(p->a);
    timer_list_step_to(p->a->timers, 1000);
    machine_unlock(p->a);
    g_assert_cmpint(machine_clock_ns(p->b), ==, 0);
    g_assert_cmpuint(fired, ==, 0);
    machine_lock(p->b);
    timer_list_step_to(p->b->timers, 10);
    machine_unlock(p->b);
    g_assert_cmpuint(fired, ==, 1);
}

static void test_requests_and_quit_are_its_own(Pair *p, gconstpointer data)
{
    machine_lock(p->a);
    system_reset_request(p->a, SHUTDOWN_CAUSE_GUEST_RESET);
    machine_quit(p->a);
    machine_unlock(p->a);
    g_assert_true(p->a->quitting);
    g_assert_false(p->b->quitting);
    g_assert_cmpuint(p->b->requests, ==, 0);
}

static void test_ids_are_found_in_their_own_machine(Pair *p, gconstpointer data)
{
    Device *a = device_find(&p->a->tree, "virtio0");
    Device *b = device_find(&p->b->tree, "virtio0");

    g_assert_true(a && b && a != b);
    g_assert_true(a->machine == p->a && b->machine == p->b);
    g_assert_true(chardev_find(p->a, "serial0") !=
                  chardev_find(p->b, "serial0"));
}

static void test_other_lives_on_when_one_ends(Pair *p, gconstpointer data)
{
    start_driver(p->a);
    start_driver(p->b);
    machine_end_of_test(&p->a);
    g_assert_true(virtio_of(p->b)->vdev.started);
    g_assert_cmphex(mem_read(p->b, BAR + VIRTIO_PCI_COMMON_STATUS, 1), ==, 15);
    machine_lock(p->b);
    g_assert_true(machine_reset(p->b, NULL));
    machine_unlock(p->b);
    g_assert_cmpuint(virtio_of(p->b)->stops, ==, 1);
}

#define ADD(path, func) g_test_add(path, Pair, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/two-machines/ram", test_ram_is_the_machines_own);
    ADD("/two-machines/pci/bars", test_bus_and_bars_are_the_machines_own);
    ADD("/two-machines/pci/address", test_config_address_is_the_machines_own);
    ADD("/two-machines/virtio/start", test_driver_starts_its_own_back_end);
    ADD("/two-machines/virtio/fault", test_fault_needs_its_own_reset);
    ADD("/two-machines/chipset", test_registers_of_the_chipset_are_its_own);
    ADD("/two-machines/clock", test_clock_is_the_machines_own);
    ADD("/two-machines/requests", test_requests_and_quit_are_its_own);
    ADD("/two-machines/ids", test_ids_are_found_in_their_own_machine);
    ADD("/two-machines/end", test_other_lives_on_when_one_ends);
    return g_test_run();
}
