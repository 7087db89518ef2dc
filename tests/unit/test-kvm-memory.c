/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest whose memory changes what it is while it runs, against the kernel's
 * KVM. */
#include "accel/kvm.h"
#include "program/registry.h"
#include "system/machine.h"
#include "test-kvm.h"

#define WINDOW_GPA 0xd0000
#define ROM_GPA    0xffff0000 /* where the processor starts */
#define ROM_SIZE   (64 * KiB)
#define PORT       0x500
#define TIMEOUT_US (120 * G_USEC_PER_SEC)

/* Writes 0x5a to the window, reads it and tells what it has read, for ever. */
static const uint8_t program[] = {
    0xb8, 0x00, 0xd0,             /* mov $0xd000,%ax */
    0x8e, 0xd8,                   /* mov %ax,%ds */
    0xc6, 0x06, 0x00, 0x00, 0x5a, /* movb $0x5a,0 */
    0xa0, 0x00, 0x00,             /* mov 0,%al */
    0xba, 0x00, 0x05,             /* mov $0x500,%dx */
    0xee,                         /* out %al,(%dx) */
    0xeb, 0xf2,                   /* jmp to movb */
};

typedef struct Board {
    Machine *machine;
    MemoryRegion port, window;
    GString *log;
    unsigned step;
} Board;

/* RAM of two pages, both 0x11 at the start, shown one after the other. */
typedef struct Step {
    int page; /* -1: nothing */
    bool readonly;
    const char *log; /* what the guest does after it */
} Step;

static const Step steps[] = {
    { 0, false, "told 5a" },
    { 1, true, "write 5a told 11" },
    { -1, false, "write 5a read told 77" },
    { 1, false, "told 5a" },
    { 0, true, "write 5a told 5a" },
    { 0, false, "told 5a" },
};

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    Board *b = opaque;

    g_string_append(b->log, "read ");
    return 0x77;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
    Board *b = opaque;

    g_string_append_printf(b->log, "write %" PRIx64 " ", value);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return UINT64_MAX;
}

static void take_step(Board *b)
{
    const Step *s = &steps[b->step];
    const MemorySlot what = {
        .gpa = WINDOW_GPA,
        .size = MEMORY_SLOT_UNIT,
        .host = s->page < 0 ? NULL
                            : b->machine->ram.host + s->page * MEMORY_SLOT_UNIT,
        .readonly = s->readonly,
    };

    g_string_truncate(b->log, 0);
    g_assert_cmpint(memory_map_set(b->machine, &what), ==, 0);
}

/* As a chipset does: the vCPU that asks for it waits in its exit. */
static void port_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    Board *b = opaque;

    if (b->step == G_N_ELEMENTS(steps)) {
        return;
    }
    g_string_append_printf(b->log, "told %" PRIx64, value);
    g_assert_cmpstr(b->log->str, ==, steps[b->step].log);
    if (++b->step < G_N_ELEMENTS(steps)) {
        take_step(b);
    }
    g_cond_broadcast(&b->machine->cond);
}

static const MemoryRegionOps window_ops = { window_read, window_write };
static const MemoryRegionOps port_ops = { port_read, port_write };

static bool board_init(Machine *m, GError **errp)
{
    Board *b = m->board;
    MemorySlot rom = { ROM_GPA, ROM_SIZE, NULL, true };

    b->machine = m;
    b->log = g_string_new(NULL);
    g_assert_cmpint(guest_ram_init(&m->ram, 2 * ROM_SIZE), ==, 0);
    m->ram.host[0] = m->ram.host[MEMORY_SLOT_UNIT] = 0x11;
    rom.host = m->ram.host + ROM_SIZE;
    memcpy(rom.host, program, sizeof(program));
    /* At 0xfff0: jmp to the start. */
    memcpy(rom.host + 0xfff0, "\xe9\x0d\x00", 3);
    g_assert_cmpint(memory_map_set(m, &rom), ==, 0);
    memory_region_init(&b->port, "port", &port_ops, b, 1);
    memory_region_map(&b->port, &m->io, PORT);
    memory_region_init(&b->window, "window", &window_ops, b, MEMORY_SLOT_UNIT);
    memory_region_map(&b->window, &m->memory, WINDOW_GPA);
    take_step(b);
    return true;
}

static void board_finish(Machine *m)
{
    Board *b = m->board;

    memory_region_unmap(&b->port);
    memory_region_unmap(&b->window);
    g_string_free(b->log, TRUE);
    g_clear_pointer(&m->board, g_free);
}

static bool board_nothing(Machine *m, GError **errp)
{
    return true;
}

static void board_powerdown(Machine *m)
{
}

static const MachineType board_type = {
    .name = "test",
    .cpus_max = 1,
    .init = board_init,
    .finish = board_finish,
    .machine_done = board_nothing,
    .reset = board_nothing,
    .powerdown = board_powerdown,
};

static void memory_changes_under_a_running_guest(void)
{
    gint64 end = g_get_monotonic_time() + TIMEOUT_US;
    Machine *m = machine_new(&program_registry, &board_type, &kvm_accel_ops);
    GError *error = NULL;
    Board *b;

    m->board = b = g_new0(Board, 1);
    machine_lock(m);
    if (!machine_build(m, &error) || !machine_start(m, &error)) {
        g_assert_no_error(error);
    }
    vm_start_request(m);
    while (b->step < G_N_ELEMENTS(steps)) {
        g_assert_true(g_cond_wait_until(&m->cond, &m->lock, end));
    }
    g_assert_cmphex(m->ram.host[0], ==, 0x5a);
    g_assert_cmphex(m->ram.host[MEMORY_SLOT_UNIT], ==, 0x5a);
    machine_unlock(m);
    machine_free(m);
}

static void (*const test)(void) = memory_changes_under_a_running_guest;

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/kvm-memory/memory_changes_under_a_running_guest",
                         &test, run_with_kvm);
    return g_test_run();
}
