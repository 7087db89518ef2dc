/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM accelerator against the kernel's KVM, with a few instructions of
 * real-mode code as the guest. */
#include "accel/kvm.h"

#include "program/registry.h"
#include "system/machine.h"
#include "system/stats.h"
#include "test-kvm.h"
#include "util/event-notifier.h"
#include "util/json.h"

#define RAM_SIZE    MiB
#define LOW_SIZE    (640 * KiB)
#define ROM_OFFSET  0xf0000
#define ROM_SIZE    (64 * KiB)
#define ROM_TOP_GPA 0xffff0000 /* where the processor starts */
#define ENTRY       0xfff0     /* in the ROM */
#define MMIO_GPA    0xd0000
#define MMIO_SIZE   0x2000
#define PORT_BASE   0x500
#define PORT_SIZE   0x100
#define PORT_DONE   0xff /* offset: the guest is through */
#define TIMEOUT_US  (120 * G_USEC_PER_SEC)

typedef struct Board {
    Machine *machine;
    MemoryRegion ports, mmio;
    GString *log;       /* accesses since the last reset (machine lock) */
    unsigned finished;  /* times that the guest wrote PORT_DONE */
    unsigned reads;     /* of ports since the last reset */
    unsigned resets;    /* calls of reset */
    const uint8_t *rom; /* what reset puts at the ROM's start */
    size_t rom_size;
    const uint8_t *rom_later; /* if not NULL, from the second reset on */
    size_t rom_later_size;
} Board;

/* Loops without an exit. */
static const uint8_t rom_spin[] = { 0xeb, 0xfe };

/* Writes port after port without end. */
static const uint8_t rom_flood[] = {
    0xba, 0x00, 0x05, /* mov $0x500,%dx */
    0xee,             /* out %al,(%dx) */
    0xeb, 0xfd,       /* jmp to out */
};

/* Tells that it ran, and waits. */
static const uint8_t rom_done[] = {
    0xba, 0xff, 0x05, /* mov $0x5ff,%dx */
    0xee,             /* out %al,(%dx) */
    0xf4,             /* hlt */
    0xeb, 0xfd,       /* jmp to hlt */
};

/* Goes on in device memory, which KVM cannot run code from. */
static const uint8_t rom_into_mmio[] = {
    0xea, 0x00, 0x00, 0x00, 0xd0, /* ljmp $0xd000,$0 */
};

/* An exception in protected mode, with an interrupt table of no entries: a
 * triple fault. A KVM that emulates the guest sees it too: it would look at no
 * limit in real mode, and not know what int3 is. */
static const uint8_t rom_triple_fault[] = {
    0x0f, 0x01, 0x1e, 0x00, 0x05,             /* lidt 0x500: memory is zero */
    0x2e, 0x66, 0x0f, 0x01, 0x16, 0x1c, 0x00, /* lgdtl %cs:gdtr */
    0x0f, 0x20, 0xc0,                         /* mov %cr0,%eax */
    0x0c, 0x01,                               /* or $1,%al */
    0x0f, 0x22, 0xc0,                         /* mov %eax,%cr0 */
    0x66, 0xea, 0x22, 0x00, 0xff, 0xff,       /* ljmpl $8,$flat */
    0x08, 0x00,                               /* (in ROM_TOP_GPA) */
    0x17, 0x00, 0x38, 0x00, 0xff, 0xff,       /* gdtr, at 0x1c */
    0x66, 0xb8, 0x10, 0x00,                   /* flat, at 0x22: mov $16,%ax */
    0x8e, 0xd0, 0x8e, 0xd8, 0x8e, 0xc0,       /* mov %ax to %ss, %ds, %es, */
    0x8e, 0xe0, 0x8e, 0xe8,                   /* %fs, %gs */
    0x66, 0xb8, 0x40, 0x00, 0x8e, 0xd8,       /* mov $64,%ax to %ds: #GP */
    0xf4, 0xf4,                               /* up to 0x38: */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* no descriptor */
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00, /* code, all memory */
    0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00, /* data, all memory */
};

/* Every kind of access. */
static const uint8_t rom_accesses[] = {
    0xba, 0x00, 0x05,             /* mov $0x500,%dx */
    0xb0, 0x11,                   /* mov $0x11,%al */
    0xee,                         /* out %al,(%dx) */
    0xb8, 0x00, 0xf0,             /* mov $0xf000,%ax */
    0x8e, 0xd8,                   /* mov %ax,%ds */
    0x31, 0xc0,                   /* xor %ax,%ax */
    0x8e, 0xc0,                   /* mov %ax,%es */
    0xfc,                         /* cld */
    0xbe, 0x48, 0x00,             /* mov $text,%si */
    0xb9, 0x05, 0x00,             /* mov $5,%cx */
    0xf3, 0x6e,                   /* rep outsb */
    0xbf, 0x00, 0x20,             /* mov $0x2000,%di */
    0xb9, 0x03, 0x00,             /* mov $3,%cx */
    0xf3, 0x6d,                   /* rep insw */
    0xbe, 0x00, 0x20,             /* mov $0x2000,%si */
    0x8e, 0xd8,                   /* mov %ax,%ds */
    0xb9, 0x03, 0x00,             /* mov $3,%cx */
    0xf3, 0x6f,                   /* rep outsw */
    0xb8, 0x00, 0xd0,             /* mov $0xd000,%ax */
    0x8e, 0xd8,                   /* mov %ax,%ds */
    0x66, 0xc7, 0x06, 0xff, 0x0f, /* movl $0x44332211,0xfff */
    0x11, 0x22, 0x33, 0x44,       /* (over the end of a page) */
    0x66, 0xa1, 0xff, 0x0f,       /* mov 0xfff,%eax */
    0xba, 0x04, 0x05,             /* mov $0x504,%dx */
    0x66, 0xef,                   /* out %eax,(%dx) */
    0xba, 0xff, 0x05,             /* mov $0x5ff,%dx */
    0xee,                         /* out %al,(%dx) */
    0xf4,                         /* hlt */
    0xeb, 0xfd,                   /* jmp to hlt */
    'h',  'e',  'l',  'l',  'o',  /* text, at 0x48 */
};

#define ACCESSES_LOG                                                     \
    "out 0/1=11 out 0/1=68 out 0/1=65 out 0/1=6c out 0/1=6c out 0/1=6f " \
    "in 0/2 in 0/2 in 0/2 out 0/2=1000 out 0/2=1001 out 0/2=1002 "       \
    "write fff/1=11 write 1000/1=22 write 1001/1=33 write 1002/1=44 "    \
    "read fff/1 read 1000/1 read 1001/1 read 1002/1 out 4/4=13121110 "   \
    "out ff/1=10 "

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    Board *b = opaque;

    g_string_append_printf(b->log, "in %" PRIx64 "/%u ", offset, size);
    /* A different value for each item of a string instruction. */
    return 0x1000 + b->reads++;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    Board *b = opaque;

    if (b->log->len < 4096) {
        g_string_append_printf(b->log, "out %" PRIx64 "/%u=%" PRIx64 " ",
                               offset, size, value);
    }
    if (offset == PORT_DONE) {
        b->finished++;
        g_cond_broadcast(&b->machine->cond);
    }
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    Board *b = opaque;

    g_string_append_printf(b->log, "read %" PRIx64 "/%u ", offset, size);
    return offset + 0x11;
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value,
                       unsigned size)
{
    Board *b = opaque;

    g_string_append_printf(b->log, "write %" PRIx64 "/%u=%" PRIx64 " ", offset,
                           size, value);
}

static const MemoryRegionOps port_ops = { port_read, port_write };
static const MemoryRegionOps mmio_ops = { mmio_read, mmio_write };

static void show(Machine *m, uint64_t gpa, uint64_t offset, uint64_t size)
{
    const MemorySlot slot = { gpa, size, m->ram.host + offset, false };

    g_assert_cmpint(memory_map_set(m, &slot), ==, 0);
}

static bool board_init(Machine *m, GError **errp)
{
    Board *b = m->board;

    b->machine = m;
    b->log = g_string_new(NULL);
    g_assert_cmpint(guest_ram_init(&m->ram, RAM_SIZE), ==, 0);
    show(m, 0, 0, LOW_SIZE);
    show(m, ROM_OFFSET, ROM_OFFSET, ROM_SIZE);
    show(m, ROM_TOP_GPA, ROM_OFFSET, ROM_SIZE);
    memory_region_init(&b->ports, "test-ports", &port_ops, b, PORT_SIZE);
    memory_region_map(&b->ports, &m->io, PORT_BASE);
    memory_region_init(&b->mmio, "test-mmio", &mmio_ops, b, MMIO_SIZE);
    memory_region_map(&b->mmio, &m->memory, MMIO_GPA);
    return true;
}

static void board_finish(Machine *m)
{
    Board *b = m->board;

    memory_region_unmap(&b->ports);
    memory_region_unmap(&b->mmio);
    if (b->log) {
        g_string_free(b->log, TRUE);
    }
    g_clear_pointer(&m->board, g_free);
}

static bool board_machine_done(Machine *m, GError **errp)
{
    return true;
}

static bool board_reset(Machine *m, GError **errp)
{
    Board *b = m->board;
    static const uint8_t jump_to_start[] = { 0xe9, 0x0d, 0x00 };
    uint8_t *rom = m->ram.host + ROM_OFFSET;

    if (b->resets++ && b->rom_later) {
        b->rom = b->rom_later;
        b->rom_size = b->rom_later_size;
    }
    memset(m->ram.host, 0, RAM_SIZE);
    memcpy(rom, b->rom, b->rom_size);
    memcpy(rom + ENTRY, jump_to_start, sizeof(jump_to_start));
    g_string_truncate(b->log, 0);
    b->reads = 0;
    return true;
}

static void board_powerdown(Machine *m)
{
}

static const MachineType board_type = {
    .name = "test",
    .cpus_max = CPUS_MAX,
    .init = board_init,
    .finish = board_finish,
    .machine_done = board_machine_done,
    .reset = board_reset,
    .powerdown = board_powerdown,
};

/* --- Fixture: a machine that is built, not started; locked --- */

typedef struct Fixture {
    Machine *m; /* NULL: no KVM here, the test is skipped */
    Board *b;
    const AccelOps *ops;
} Fixture;

static void fixture_new(Fixture *f, CpuTopology topology, const uint8_t *rom,
                        size_t rom_size)
{
    GError *error = NULL;
    bool ok;

    f->m = machine_new(&program_registry, &board_type, &kvm_accel_ops);
    f->m->config.topology = topology;
    f->m->config.n_cpus = topology.sockets * topology.cores * topology.threads;
    f->m->board = f->b = g_new0(Board, 1);
    f->b->rom = rom;
    f->b->rom_size = rom_size;
    f->ops = f->m->accel_ops;
    machine_lock(f->m);
    ok = machine_build(f->m, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

static void fixture_free(Fixture *f)
{
    machine_unlock(f->m);
    g_clear_pointer(&f->m, machine_free);
}

static void start(Fixture *f)
{
    GError *error = NULL;
    bool ok = machine_start(f->m, &error);

    g_assert_no_error(error);
    g_assert_true(ok);
    vm_start_request(f->m);
}

static void wait_finished(Fixture *f, unsigned times)
{
    gint64 end = g_get_monotonic_time() + TIMEOUT_US;

    while (f->b->finished < times) {
        g_assert_true(g_cond_wait_until(&f->m->cond, &f->m->lock, end));
    }
}

static void wait_state(Fixture *f, RunState state)
{
    gint64 end = g_get_monotonic_time() + TIMEOUT_US;

    while (f->m->run_state != state) {
        g_assert_true(g_cond_wait_until(&f->m->cond, &f->m->lock, end));
    }
}

static void wait_resets(Fixture *f, unsigned resets)
{
    gint64 end = g_get_monotonic_time() + TIMEOUT_US;

    while (f->b->resets < resets) {
        g_assert_true(g_cond_wait_until(&f->m->cond, &f->m->lock, end));
    }
}

static const CpuTopology one = { .sockets = 1, .cores = 1, .threads = 1 };
static const CpuTopology four = { .sockets = 1, .cores = 2, .threads = 2 };

/* --- Virtual machine --- */

static void topology_beyond_apic_ids_is_refused(void)
{
    Machine *m = machine_new(&program_registry, &board_type, &kvm_accel_ops);
    GError *error = NULL;

    m->config.topology = (CpuTopology){ 2, 129, 1 };
    m->config.n_cpus = 258;
    g_assert_false(kvm_accel_ops.init(m, &error));
    g_assert_nonnull(strstr(error->message, "APIC id"));
    g_assert_null(m->accel);
    g_error_free(error);
    machine_free(m);
}

static void gsi_lines_can_be_driven(void)
{
    Fixture f;

    fixture_new(&f, one, rom_done, sizeof(rom_done));
    for (unsigned gsi = 0; gsi < 24; gsi++) {
        f.ops->set_irq(f.m->accel, gsi, true);
        f.ops->set_irq(f.m->accel, gsi, false);
    }
    f.ops->reset(f.m);
    fixture_free(&f);
}

static const MsiMessage message = { .address = 0xfee00000, .data = 0x40 };

static void msi_is_taken(void)
{
    Fixture f;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    start(&f);
    g_assert_cmpint(f.ops->send_msi(f.m->accel, &message), ==, 0);
    fixture_free(&f);
}

static void ioeventfd_kinds_are_taken(void)
{
    IoEventFd kinds[] = {
        { .addr = MMIO_GPA, .size = 0 },
        { .addr = MMIO_GPA + 16, .size = 2 },
        { .addr = MMIO_GPA + 32, .size = 4 },
        { .addr = PORT_BASE, .size = 2 },
    };
    EventNotifier e;
    Fixture f;

    fixture_new(&f, one, rom_done, sizeof(rom_done));
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        kinds[i].as = kinds[i].addr == PORT_BASE ? &f.m->io : &f.m->memory;
    }
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        IoEventFd io = kinds[i];

        io.fd = e.fd;
        g_assert_cmpint(f.ops->ioeventfd_add(f.m->accel, &io), ==, 0);
        g_assert_cmpint(f.ops->ioeventfd_add(f.m->accel, &io), ==, -EEXIST);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        IoEventFd io = kinds[i];

        io.fd = e.fd;
        g_assert_cmpint(f.ops->ioeventfd_del(f.m->accel, &io), ==, 0);
        g_assert_cmpint(f.ops->ioeventfd_del(f.m->accel, &io), ==, -ENOENT);
    }
    event_notifier_finish(&e);
    fixture_free(&f);
}

static void ioeventfd_takes_the_write_of_the_guest(void)
{
    IoEventFd io = { .addr = PORT_BASE, .size = 1 };
    EventNotifier e;
    Fixture f;

    fixture_new(&f, one, rom_flood, sizeof(rom_flood));
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    io.fd = e.fd;
    io.as = &f.m->io;
    g_assert_cmpint(f.ops->ioeventfd_add(f.m->accel, &io), ==, 0);
    start(&f);
    wait_state(&f, RUN_STATE_RUNNING);
    machine_unlock(f.m);
    for (int i = 0; !event_notifier_test_and_clear(&e); i++) {
        g_assert_cmpint(i, <, 20000);
        g_usleep(1000);
    }
    machine_lock(f.m);
    g_assert_cmpstr(f.b->log->str, ==, "");
    g_assert_cmpint(f.ops->ioeventfd_del(f.m->accel, &io), ==, 0);
    event_notifier_finish(&e);
    fixture_free(&f);
}

static void irqfd_drains_pending_signal_at_once(void)
{
    EventNotifier e;
    Fixture f;
    int route;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    event_notifier_set(&e);
    route = f.ops->irqfd_add_msi(f.m->accel, e.fd, &message);
    g_assert_cmpint(route, >=, 0);
    f.ops->irqfd_del(f.m->accel, e.fd, route);
    event_notifier_set(&e);
    g_assert_true(event_notifier_is_set(&e));
    event_notifier_finish(&e);
    fixture_free(&f);
}

static void irqfd_route_is_kept_for_the_same_message(void)
{
    const MsiMessage other = { .address = 0xfee01000, .data = 0x41 };
    EventNotifier a, b;
    Fixture f;
    int ra, rb;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    g_assert_cmpint(event_notifier_init(&a), ==, 0);
    g_assert_cmpint(event_notifier_init(&b), ==, 0);
    ra = f.ops->irqfd_add_msi(f.m->accel, a.fd, &message);
    rb = f.ops->irqfd_add_msi(f.m->accel, b.fd, &message);
    g_assert_cmpint(ra, >=, 0);
    g_assert_cmpint(rb, >=, 0);
    g_assert_cmpint(ra, !=, rb);
    f.ops->irqfd_del(f.m->accel, a.fd, ra);
    f.ops->irqfd_del(f.m->accel, b.fd, rb);
    g_assert_cmpint(f.ops->irqfd_add_msi(f.m->accel, a.fd, &other), ==, ra);
    g_assert_cmpint(f.ops->irqfd_add_msi(f.m->accel, b.fd, &message), ==, rb);
    f.ops->irqfd_del(f.m->accel, a.fd, ra);
    f.ops->irqfd_del(f.m->accel, b.fd, rb);
    event_notifier_finish(&a);
    event_notifier_finish(&b);
    fixture_free(&f);
}

static void irqfd_twice_on_one_fd_fails_and_keeps_no_route(void)
{
    EventNotifier e;
    Fixture f;
    int route;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    route = f.ops->irqfd_add_msi(f.m->accel, e.fd, &message);
    g_assert_cmpint(f.ops->irqfd_add_msi(f.m->accel, e.fd, &message), ==,
                    -EBUSY);
    g_assert_cmpint(f.ops->irqfd_add_msi(f.m->accel, e.fd, &message), ==,
                    -EBUSY);
    f.ops->irqfd_del(f.m->accel, e.fd, route);
    event_notifier_finish(&e);
    fixture_free(&f);
}

/* --- Running --- */

static void guest_accesses_reach_the_devices(void)
{
    Fixture f;

    fixture_new(&f, one, rom_accesses, sizeof(rom_accesses));
    start(&f);
    wait_finished(&f, 1);
    g_assert_cmpstr(f.b->log->str, ==, ACCESSES_LOG);
    fixture_free(&f);
}

static void guest_runs_the_same_after_each_reset(void)
{
    Fixture f;

    fixture_new(&f, one, rom_accesses, sizeof(rom_accesses));
    start(&f);
    for (unsigned i = 1; i <= 20; i++) {
        wait_finished(&f, i);
        g_assert_cmpstr(f.b->log->str, ==, ACCESSES_LOG);
        system_reset_request(f.m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
        wait_resets(&f, 1 + i);
    }
    g_assert_cmpint(f.m->run_state, !=, RUN_STATE_INTERNAL_ERROR);
    fixture_free(&f);
}

static void code_in_device_memory_stops_until_reset(void)
{
    Fixture f;

    fixture_new(&f, one, rom_into_mmio, sizeof(rom_into_mmio));
    f.b->rom_later = rom_done;
    f.b->rom_later_size = sizeof(rom_done);
    start(&f);
    wait_state(&f, RUN_STATE_INTERNAL_ERROR);
    system_reset_request(f.m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    wait_state(&f, RUN_STATE_PRELAUNCH);
    vm_start_request(f.m);
    wait_finished(&f, 1);
    fixture_free(&f);
}

static void pause_and_resume(Fixture *f)
{
    start(f);
    for (unsigned i = 0; i < 300; i++) {
        wait_state(f, RUN_STATE_RUNNING);
        vm_stop_request(f->m, RUN_STATE_PAUSED);
        wait_state(f, RUN_STATE_PAUSED);
        vm_start_request(f->m);
    }
}

static void pause_stops_a_guest_that_never_exits(void)
{
    Fixture f;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    pause_and_resume(&f);
    fixture_free(&f);
}

static void pause_stops_a_guest_that_always_exits(void)
{
    Fixture f;

    fixture_new(&f, one, rom_flood, sizeof(rom_flood));
    pause_and_resume(&f);
    fixture_free(&f);
}

static void pause_stops_vcpus_that_wait_for_startup(void)
{
    Fixture f;

    fixture_new(&f, four, rom_spin, sizeof(rom_spin));
    pause_and_resume(&f);
    fixture_free(&f);
}

static void reset_of_many_vcpus_leaves_the_machine_running(void)
{
    Fixture f;

    fixture_new(&f, four, rom_done, sizeof(rom_done));
    start(&f);
    for (unsigned i = 1; i <= 20; i++) {
        wait_finished(&f, i);
        system_reset_request(f.m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    }
    wait_finished(&f, 21);
    fixture_free(&f);
}

/* --- Statistics --- */

static json_object *query_stats(Fixture *f, const char *args)
{
    json_object *dict = json_tokener_parse(args);
    GError *error = NULL;
    json_object *reply = qmp_query_stats(f->m, dict, &error);

    g_assert_no_error(error);
    g_assert_nonnull(reply);
    json_object_put(dict);
    return reply;
}

/* The value of @name in the results at @i of @reply. */
static json_object *stats_value(json_object *reply, size_t i, const char *name)
{
    json_object *result = json_object_array_get_idx(reply, i);
    json_object *stats = json_get(result, "stats");

    for (size_t n = 0; n < json_object_array_length(stats); n++) {
        json_object *row = json_object_array_get_idx(stats, n);

        if (g_str_equal(json_object_get_string(json_get(row, "name")), name)) {
            return json_get(row, "value");
        }
    }
    g_assert_not_reached();
}

static uint64_t exits_of_cpu0(Fixture *f)
{
    json_object *reply = query_stats(f, "{'target':'vcpu','vcpus':"
                                        "['/machine/unattached/device[0]']}");
    uint64_t exits = json_object_get_uint64(stats_value(reply, 0, "exits"));

    json_object_put(reply);
    return exits;
}

static void statistics_of_a_running_guest_are_read(void)
{
    json_object *reply;
    uint64_t exits;
    Fixture f;

    fixture_new(&f, four, rom_flood, sizeof(rom_flood));
    start(&f);
    wait_state(&f, RUN_STATE_RUNNING);
    exits = exits_of_cpu0(&f);
    /* The guest goes on meanwhile: nobody stopped it. */
    for (gint64 end = g_get_monotonic_time() + TIMEOUT_US;
         exits_of_cpu0(&f) < exits + 1000;) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        machine_unlock(f.m);
        g_thread_yield();
        machine_lock(f.m);
    }
    g_assert_cmpint(f.m->run_state, ==, RUN_STATE_RUNNING);
    reply = query_stats(&f, "{'target':'vcpu'}");
    g_assert_cmpuint(json_object_array_length(reply), ==, 4);
    g_assert_true(json_object_is_type(stats_value(reply, 3, "blocking"),
                                      json_type_boolean));
    g_assert_true(json_object_is_type(stats_value(reply, 3, "halt_wait_hist"),
                                      json_type_array));
    json_object_put(reply);
    reply = query_stats(&f, "{'target':'vm'}");
    g_assert_cmpuint(json_object_array_length(reply), ==, 1);
    g_assert_true(
        json_object_is_type(stats_value(reply, 0, "pages_4k"), json_type_int));
    json_object_put(reply);
    fixture_free(&f);
}

/* What is not close-on-exec would pass for a descriptor that was inherited. */
static void descriptors_of_kvm_are_close_on_exec(void)
{
    unsigned seen = 0;
    Fixture f;

    fixture_new(&f, four, rom_spin, sizeof(rom_spin));
    start(&f);
    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *name = g_file_read_link(path, NULL);

        if (name && strstr(name, "kvm")) {
            g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
            seen++;
        }
    }
    g_assert_cmpuint(seen, >=, 2 + 2 * 4); /* machine, vCPUs; statistics */
    fixture_free(&f);
}

static void schemas_of_kvm_describe_machine_and_vcpus(void)
{
    json_object *reply;
    Fixture f;

    fixture_new(&f, four, rom_spin, sizeof(rom_spin));
    start(&f);
    reply = qmp_query_stats_schemas(f.m, NULL, NULL);
    g_assert_cmpuint(json_object_array_length(reply), ==, 2);
    json_object_put(reply);
    fixture_free(&f);
}

static void query_kvm_tells_that_kvm_runs(void)
{
    json_object *reply;
    Fixture f;

    fixture_new(&f, one, rom_spin, sizeof(rom_spin));
    reply = qmp_query_kvm(f.m, NULL, NULL);
    g_assert_true(json_get_bool(reply, "enabled", false));
    g_assert_true(json_get_bool(reply, "present", false));
    g_assert_true(f.ops->is_present());
    json_object_put(reply);
    fixture_free(&f);
}

/* Keeps the events that tell of a guest's end. */
static void note_event(void *opaque, const char *name, json_object *data)
{
    if (g_str_equal(name, "GUEST_PANICKED") || g_str_equal(name, "RESET")) {
        g_string_append_printf(
            opaque, "%s %s ", name,
            json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN));
    }
}

static void triple_fault_is_told_and_resets(void)
{
    GString *events = g_string_new(NULL);
    EventListener listener = { note_event, events };
    Fixture f;

    fixture_new(&f, one, rom_triple_fault, sizeof(rom_triple_fault));
    event_add_listener(f.m, &listener);
    f.b->rom_later = rom_done;
    f.b->rom_later_size = sizeof(rom_done);
    start(&f);
    wait_finished(&f, 1);
    g_assert_cmpstr(events->str, ==,
                    "GUEST_PANICKED {\"action\":\"run\"} "
                    "RESET {\"guest\":true,\"reason\":\"guest-panic\"} ");
    event_del_listener(f.m, &listener);
    fixture_free(&f);
    g_string_free(events, TRUE);
}

/* -global kvm-pit.lost_tick_policy=discard: KVM takes it. */
static void lost_ticks_can_be_discarded(void)
{
    Machine *m = machine_new(&program_registry, &none_machine_type,
                             &kvm_accel_ops);
    GError *error = NULL;
    bool ok;

    machine_lock(m);
    ok = device_add_global(&m->tree, "kvm-pit", "lost_tick_policy", "discard",
                           &error) &&
         machine_build(m, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    machine_unlock(m);
    machine_free(m);
}

#define TEST(_name)           \
    {                         \
        "/kvm/" #_name, _name \
    }
static const struct {
    const char *path;
    void (*run)(void);
} tests[] = {
    TEST(topology_beyond_apic_ids_is_refused),
    TEST(gsi_lines_can_be_driven),
    TEST(msi_is_taken),
    TEST(ioeventfd_kinds_are_taken),
    TEST(ioeventfd_takes_the_write_of_the_guest),
    TEST(irqfd_drains_pending_signal_at_once),
    TEST(irqfd_route_is_kept_for_the_same_message),
    TEST(irqfd_twice_on_one_fd_fails_and_keeps_no_route),
    TEST(guest_accesses_reach_the_devices),
    TEST(guest_runs_the_same_after_each_reset),
    TEST(code_in_device_memory_stops_until_reset),
    TEST(triple_fault_is_told_and_resets),
    TEST(lost_ticks_can_be_discarded),
    TEST(pause_stops_a_guest_that_never_exits),
    TEST(pause_stops_a_guest_that_always_exits),
    TEST(pause_stops_vcpus_that_wait_for_startup),
    TEST(reset_of_many_vcpus_leaves_the_machine_running),
    TEST(statistics_of_a_running_guest_are_read),
    TEST(descriptors_of_kvm_are_close_on_exec),
    TEST(schemas_of_kvm_describe_machine_and_vcpus),
    TEST(query_kvm_tells_that_kvm_runs),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_data_func(tests[i].path, &tests[i].run, run_with_kvm);
    }
    return g_test_run();
}
