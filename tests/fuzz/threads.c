/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What several threads do to one machine at the same time: four vCPUs that make
 * random accesses, among them those of drivers and of pciehp, beside three
 * clients of its monitors that add and remove disks, stop, continue and reset
 * the machine, move workers and ask for everything, on a host where now one
 * call to vhost hangs for a while and now another. A qtest is one thread and
 * cannot do this. libfake-vhost.so is preloaded; the program starts itself
 * again with a control socket of it.
 *
 * usage: threads [SECONDS [SEED [TRACE_PATTERN]]]
 *
 * Nothing is compared. A sanitizer, an assertion, a client that waits for an
 * answer in vain, or a descriptor that is left over says what is wrong.
 * Prints TAP.
 */
#include "accel/qtest.h"
#include "chardev/char.h"
#include "fake-vhost.h"
#include "hw/i386/mch.h"
#include "program/registry.h"
#include "monitor/monitor.h"
#include "system/machine.h"
#include "program/options.h"
#include "util/keyval.h"
#include "util/log.h"

#include <dirent.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONTROL "FAKE_VHOST_CONTROL"
#define HANG_MS 300 /* at most; a deputy comes after CONTROL_PATIENCE_MS */

#define VCPUS       4
#define PORTS       2 /* root ports, buses 1 and 2 */
#define CLIENTS     3
#define PATIENCE_MS 200000 /* for one answer; only a defect needs it */
#define RAM_SIZE    (16 * MiB)
#define RINGS       (1 * MiB) /* where a driver's rings are; all is zero there */
#define BAR_BASE    UINT64_C(0xc0000000)
#define BAR_STRIDE \
    UINT64_C(0x100000) /* of a function; 16 functions are enough */

static AccelOps threads_ops;
static gint stop_all; /* atomic */
static guint32 seed;

/* --- vCPUs --- */

typedef struct ThreadsCpu {
    Machine *m;
    GRand *rand;
    gint kicked; /* atomic */
} ThreadsCpu;

/* A function that may be there: 00:02.0 to 00:05.0, 01:00.0, 02:00.0. */
typedef struct Target {
    unsigned bus, devfn;
    uint64_t bar;
} Target;

static guint32 below(GRand *rand, guint32 n)
{
    return (guint32)g_rand_int_range(rand, 0, (gint32)n);
}

static Target some_target(GRand *rand)
{
    unsigned n = below(rand, 6);
    Target t = { .bus = n < 4 ? 0 : n - 3, .devfn = n < 4 ? (n + 2) << 3 : 0 };

    t.bar = BAR_BASE + n * BAR_STRIDE;
    return t;
}

/* The machine lock is held around each access, as in an exit. */
static uint64_t access_one(ThreadsCpu *c, bool io, bool write, uint64_t addr,
                           uint64_t value, unsigned size)
{
    AddressSpace *as = io ? &c->m->io : &c->m->memory;

    machine_lock(c->m);
    if (write) {
        address_space_write(as, addr, value, size);
    } else {
        value = address_space_read(as, addr, size);
    }
    machine_unlock(c->m);
    return value;
}

/* By configuration mechanism 1, both accesses as one. */
static uint32_t access_config(ThreadsCpu *c, Target t, bool write, unsigned reg,
                              uint32_t value, unsigned size)
{
    AddressSpace *io = &c->m->io;
    uint16_t port = (uint16_t)(0xcfc + (reg & 3));

    machine_lock(c->m);
    address_space_write(
        io, 0xcf8, 1U << 31 | t.bus << 16 | t.devfn << 8 | (reg & 0xfc), 4);
    if (write) {
        address_space_write(io, port, value, size);
    } else {
        value = (uint32_t)address_space_read(io, port, size);
    }
    machine_unlock(c->m);
    return value;
}

static uint32_t get_config(ThreadsCpu *c, Target t, unsigned reg, unsigned size)
{
    return access_config(c, t, false, reg, 0, size);
}

static void set_config(ThreadsCpu *c, Target t, unsigned reg, uint32_t value,
                       unsigned size)
{
    access_config(c, t, true, reg, value, size);
}

static Target port_of(unsigned bus)
{
    return (Target){ .devfn = (5 + bus) << 3 };
}

/* As firmware and a driver's first steps: bridge, BARs, command register. */
static void place(ThreadsCpu *c, Target t)
{
    uint16_t window = (uint16_t)(t.bar >> 16);

    if (t.bus) {
        set_config(c, port_of(t.bus), PCI_PRIMARY_BUS, t.bus << 16 | t.bus << 8,
                   4);
        set_config(c, port_of(t.bus), PCI_MEMORY_BASE,
                   (uint32_t)window << 16 | window, 4);
        set_config(c, port_of(t.bus), PCI_COMMAND, 7, 2);
    }
    set_config(c, t, PCI_BASE_ADDRESS_1, (uint32_t)t.bar + 0x8000, 4);
    set_config(c, t, PCI_BASE_ADDRESS_4, (uint32_t)t.bar, 4);
    set_config(c, t, PCI_BASE_ADDRESS_5, 0, 4);
    set_config(c, t, PCI_COMMAND,
               PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
}

static void common(ThreadsCpu *c, Target t, unsigned reg, uint64_t value,
                   unsigned size)
{
    access_one(c, false, true, t.bar + reg, value, size);
}

/* A whole driver; others may do the same to the device meanwhile. */
static void drive(ThreadsCpu *c, Target t)
{
    unsigned queues = 2 + below(c->rand, 4);

    place(c, t);
    common(c, t, VIRTIO_PCI_COMMON_STATUS, 0, 1);
    common(c, t, VIRTIO_PCI_COMMON_STATUS, 3, 1);
    common(c, t, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
    common(c, t, VIRTIO_PCI_COMMON_GF, 1, 4);
    common(c, t, VIRTIO_PCI_COMMON_STATUS, 11, 1);
    for (unsigned q = 0; q < queues; q++) {
        uint64_t ring = RINGS + q * 0x10000;

        common(c, t, VIRTIO_PCI_COMMON_Q_SELECT, q, 2);
        common(c, t, VIRTIO_PCI_COMMON_Q_SIZE, 16, 2);
        common(c, t, VIRTIO_PCI_COMMON_Q_MSIX, q, 2);
        common(c, t, VIRTIO_PCI_COMMON_Q_DESCLO, ring, 4);
        common(c, t, VIRTIO_PCI_COMMON_Q_AVAILLO, ring + 0x4000, 4);
        common(c, t, VIRTIO_PCI_COMMON_Q_USEDLO, ring + 0x8000, 4);
        common(c, t, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
    }
    common(c, t, VIRTIO_PCI_COMMON_STATUS, 15, 1);
}

/* Where the PCI Express capability of a root port is. */
static unsigned exp_cap(ThreadsCpu *c, Target port)
{
    unsigned cap = get_config(c, port, PCI_CAPABILITY_LIST, 1);

    for (unsigned i = 0; cap && i < 8; i++) {
        uint32_t head = get_config(c, port, cap, 2);

        if ((head & 0xff) == PCI_CAP_ID_EXP) {
            return cap;
        }
        cap = head >> 8;
    }
    return 0;
}

/* A root port's slot, in no order. */
static void press(ThreadsCpu *c)
{
    Target port = port_of(1 + below(c->rand, PORTS));
    unsigned cap = exp_cap(c, port);

    if (cap) {
        set_config(c, port, cap + PCI_EXP_SLTSTA, 0xffff, 2);
        set_config(c, port, cap + PCI_EXP_SLTCTL,
                   below(c->rand, 4)
                       ? PCI_EXP_SLTCTL_PWR_IND_ON | PCI_EXP_SLTCTL_ABPE
                       : below(c->rand, 0x2000),
                   2);
    }
}

/* As Linux' driver does: a slot with a card that was not asked to go is switched
 * on and the card used, any other is switched off. */
static void serve_slot(ThreadsCpu *c)
{
    const unsigned on = PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE |
                        PCI_EXP_SLTCTL_DLLSCE;
    unsigned bus = 1 + below(c->rand, PORTS);
    Target port = port_of(bus),
           card = { .bus = bus, .bar = BAR_BASE + (bus + 3) * BAR_STRIDE };
    unsigned cap = exp_cap(c, port);
    uint32_t status;

    if (!cap) {
        return;
    }
    status = get_config(c, port, cap + PCI_EXP_SLTSTA, 2);
    set_config(c, port, cap + PCI_EXP_SLTSTA, status, 2);
    if ((status & PCI_EXP_SLTSTA_PDS) && !(status & PCI_EXP_SLTSTA_ABP)) {
        set_config(c, port, cap + PCI_EXP_SLTCTL,
                   on | PCI_EXP_SLTCTL_PWR_IND_BLINK, 2);
        set_config(c, port, cap + PCI_EXP_SLTCTL,
                   on | PCI_EXP_SLTCTL_PWR_IND_ON, 2);
        drive(c, card);
    } else {
        set_config(c, port, cap + PCI_EXP_SLTCTL,
                   on | PCI_EXP_SLTCTL_PWR_IND_BLINK, 2);
        set_config(c, port, cap + PCI_EXP_SLTCTL,
                   on | PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PCC, 2);
    }
}

/* Takes mastering from a function or a port, and mostly gives it back. */
static void toggle_master(ThreadsCpu *c, Target t)
{
    if (t.bus && below(c->rand, 2)) {
        t = port_of(t.bus);
    }
    set_config(c, t, PCI_COMMAND, 3, 2);
    if (below(c->rand, 4)) {
        set_config(c, t, PCI_COMMAND, 7, 2);
    }
}

static void access_port(ThreadsCpu *c)
{
    static const uint16_t ports[] = { 0x70,  0x71,  0x3f8, 0x3f9, 0x3fb,
                                      0x3fc, 0x600, 0x602, 0x604, 0x608,
                                      0xb2,  0x505, 0xcf8, 0xcfc, 0x92 };
    uint16_t port = ports[below(c->rand, G_N_ELEMENTS(ports))];

    access_one(c, true, below(c->rand, 2), port, g_rand_int(c->rand),
               1u << below(c->rand, 3));
}

static void step_clock(ThreadsCpu *c)
{
    machine_lock(c->m);
    timer_list_step_to(c->m->timers,
                       machine_clock_ns(c->m) + below(c->rand, 1000000000));
    machine_unlock(c->m);
}

static void do_something(ThreadsCpu *c)
{
    Target t = some_target(c->rand);
    unsigned size = 1u << below(c->rand, 4);
    bool write = below(c->rand, 2);

    switch (below(c->rand, 64)) {
    case 0:
        access_config(c, t, write, below(c->rand, 256), g_rand_int(c->rand),
                      MIN(size, 4));
        break;
    case 1 ... 7:
        get_config(c, t, below(c->rand, 256), MIN(size, 4));
        break;
    case 8 ... 11:
        access_one(c, false, write, t.bar + below(c->rand, 0x3100),
                   g_rand_int(c->rand), size);
        break;
    case 12 ... 31:
        access_one(c, false, true, t.bar + 0x3000 + 4 * below(c->rand, 6), 0,
                   2);
        break;
    case 32 ... 39:
        access_one(c, false, write, t.bar + 0x8000 + below(c->rand, 0x840),
                   g_rand_int(c->rand) & 0xfee0ffff, 4);
        break;
    case 40 ... 47:
        access_port(c);
        break;
    case 48:
        press(c);
        break;
    case 49 ... 50:
        serve_slot(c);
        break;
    case 51:
        toggle_master(c, t);
        break;
    case 52:
        step_clock(c);
        break;
    case 53 ... 55:
        place(c, t);
        break;
    case 56:
        access_one(c, true, true, 0xcf9, 6, 1);
        break;
    default:
        drive(c, t);
    }
}

static bool cpu_init(Cpu *cpu, GError **errp)
{
    ThreadsCpu *c = g_new0(ThreadsCpu, 1);

    c->m = cpu->machine;
    c->rand = g_rand_new_with_seed(seed + cpu->index);
    machine_lock(cpu->machine);
    cpu->accel_state = c;
    machine_unlock(cpu->machine);
    return true;
}

static void cpu_finish(Cpu *cpu)
{
    ThreadsCpu *c;

    machine_lock(cpu->machine);
    c = g_steal_pointer(&cpu->accel_state);
    machine_unlock(cpu->machine);
    if (c) {
        g_rand_free(c->rand);
        g_free(c);
    }
}

static int cpu_run(Cpu *cpu)
{
    ThreadsCpu *c = cpu->accel_state;

    while (!g_atomic_int_compare_and_exchange(&c->kicked, 1, 0)) {
        do_something(c);
    }
    return 0;
}

static void cpu_kick(Cpu *cpu)
{
    ThreadsCpu *c = cpu->accel_state;

    if (c) {
        g_atomic_int_set(&c->kicked, 1);
    }
}

/* --- clients --- */

typedef struct Client {
    unsigned number;
    int fd; /* owned */
    GThread *thread;
    GRand *rand;
    uint64_t answers;
    GString *in;
} Client;

#define H(n) "h" #n
#define ADD_TO(n, bus, more)                                       \
    "\"device_add\",\"arguments\":{\"driver\":\"vhost-scsi-pci\"," \
    "\"id\":\"" H(n) "\",\"bus\":\"" bus "\",\"num_queues\":2,"    \
                     "\"wwpn\":\"naa.5001405bd1f6000" #n           \
                     "\",\"hotplug\":true" more "}"
#define ADD(n) ADD_TO(n, "p" #n, "")
#define DEL(n) "\"device_del\",\"arguments\":{\"id\":\"" H(n) "\"}"
#define HMP(line) \
    "\"human-monitor-command\",\"arguments\":{\"command-line\":\"" line "\"}"
#define WORKER_OF(id, command, more) \
    "\"" command "\",\"arguments\":{\"id\":\"" id "\"" more "}"
#define WORKER(command, more) WORKER_OF("d0", command, more)

static const char *const commands[] = {
    ADD(0),
    ADD(0),
    ADD(1),
    ADD(1),
    ADD_TO(0, "p1", ""),
    ADD_TO(1, "p0", ""),
    ADD_TO(0, "p1", ",\"addr\":\"0.1\""),
    ADD_TO(1, "p0", ",\"multifunction\":true,\"workers\":\"auto\""),
    DEL(0),
    DEL(1),
    DEL(0),
    DEL(1),
    DEL(0),
    DEL(1),
    "\"stop\"",
    "\"cont\"",
    "\"cont\"",
    "\"cont\"",
    "\"cont\"",
    "\"system_reset\"",
    "\"system_powerdown\"",
    "\"query-status\"",
    "\"query-cpus-fast\"",
    "\"query-pci\"",
    "\"query-chardev\"",
    "\"x-query-virtio\"",
    "\"query-vhost-workers\"",
    "\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral\"}",
    "\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral/h0\"}",
    "\"x-query-virtio-status\",\"arguments\":"
    "{\"path\":\"/machine/peripheral/h1/virtio-backend\"}",
    "\"x-query-virtio-vhost-queue-status\",\"arguments\":"
    "{\"path\":\"/machine/peripheral/d0/virtio-backend\",\"queue\":2}",
    "\"query-stats\",\"arguments\":{\"target\":\"vm\"}",
    "\"query-stats\",\"arguments\":{\"target\":\"vcpu\"}",
    WORKER("vhost-new-worker", ""),
    WORKER("vhost-new-worker", ""),
    WORKER("vhost-free-worker", ",\"worker-id\":1"),
    WORKER("vhost-free-worker", ",\"worker-id\":2"),
    WORKER("vhost-attach-vring-worker", ",\"virtqueue\":2,\"worker-id\":0"),
    WORKER("vhost-attach-vring-worker", ",\"virtqueue\":3,\"worker-id\":1"),
    WORKER("vhost-attach-vring-worker", ",\"virtqueue\":3,\"worker-id\":2"),
    WORKER("vhost-get-vring-worker", ",\"virtqueue\":3"),
    WORKER("vhost-set-worker-affinity", ",\"worker-id\":1,\"cpus\":\"0\""),
    WORKER_OF("h0", "vhost-new-worker", ""),
    WORKER_OF("h1", "vhost-new-worker", ""),
    WORKER_OF("h0", "vhost-free-worker", ",\"worker-id\":1"),
    WORKER_OF("h0", "vhost-attach-vring-worker",
              ",\"virtqueue\":2,\"worker-id\":1"),
    WORKER_OF("h1", "vhost-get-vring-worker", ",\"virtqueue\":3"),
    HMP("info qtree"),
    HMP("info vhost-workers"),
    HMP("info pci"),
    HMP("info mtree"),
    HMP("info registers"),
    HMP("info stats vm"),
};

static void send_all(Client *c, const char *text)
{
    size_t size = strlen(text);

    while (size) {
        ssize_t n = send(c->fd, text, size, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        text += n;
        size -= (size_t)n;
    }
}

/* Reads until the answer to what was asked last; false: the machine ended. */
static bool read_answer(Client *c)
{
    char buf[4096];

    for (;;) {
        char *line = c->in->str, *end = strstr(line, "\r\n");

        if (end) {
            bool answer = g_str_has_prefix(line, "{\"return\"") ||
                          g_str_has_prefix(line, "{\"error\"") ||
                          g_str_has_prefix(line, "{\"id\"");

            g_string_erase(c->in, 0, end + 2 - line);
            if (answer) {
                return true;
            }
            continue;
        }
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        if (poll(&p, 1, PATIENCE_MS) == 0) {
            printf("Bail out! client %u waits in vain\n", c->number);
            fflush(stdout);
            abort();
        }
        ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
        if (n <= 0) {
            return false;
        }
        g_string_append_len(c->in, buf, n);
    }
}

static void *client_thread(void *opaque)
{
    Client *c = opaque;
    const char *what = "\"qmp_capabilities\"";

    do {
        g_autofree char *line = g_strdup_printf("{\"execute\":%s}\n", what);

        send_all(c, line);
        if (!read_answer(c)) {
            return NULL;
        }
        c->answers++;
        what = commands[below(c->rand, G_N_ELEMENTS(commands))];
    } while (!g_atomic_int_get(&stop_all));
    send_all(c, "{\"execute\":\"quit\"}\n");
    while (read_answer(c)) {
    }
    return NULL;
}

static void client_open(Client *c, Machine *m, unsigned number)
{
    auto_json *opts = json_object_new_object();
    g_autofree char *fd = NULL, *id = g_strdup_printf("mon%u", number);
    Chardev *chr;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    c->number = number;
    c->fd = fds[0];
    c->rand = g_rand_new_with_seed(seed + 100 + number);
    c->in = g_string_new(NULL);
    fd = g_strdup_printf("%d", fds[1]);
    json_object_object_add(opts, "backend", json_object_new_string("socket"));
    json_object_object_add(opts, "id", json_object_new_string(id));
    json_object_object_add(opts, "fd", json_object_new_string(fd));
    chr = chardev_new(m, opts, NULL);
    g_assert_nonnull(chr);
    g_assert_true(qmp_monitor_new(m, chr, false, NULL));
}

static void client_close(Client *c)
{
    g_thread_join(c->thread);
    close(c->fd);
    g_rand_free(c->rand);
    g_string_free(c->in, TRUE);
}

/* --- the host --- */

static void tell_host(int fd, const char *command, const char *what)
{
    g_autofree char *line = g_strdup_printf("%s %s\n", command, what);
    char reply[256];
    ssize_t n;

    g_assert_cmpint(send(fd, line, strlen(line), MSG_NOSIGNAL), ==,
                    strlen(line));
    do {
        n = recv(fd, reply, sizeof(reply), 0);
        g_assert_cmpint(n, >, 0);
        g_assert_cmpint(reply[0], ==, 'O');
    } while (reply[n - 1] != '\n');
}

/* One call after the other hangs. */
static void *host_thread(void *opaque)
{
    static const char *const calls[] = {
        "open",
        "close",
        "SET_OWNER",
        "SET_MEM_TABLE",
        "SET_FEATURES",
        "SET_VRING_KICK",
        "GET_VRING_BASE",
        "NEW_WORKER",
        "FREE_WORKER",
        "ATTACH_VRING_WORKER",
        "GET_VRING_WORKER",
        "SCSI_SET_ENDPOINT",
        "SCSI_CLEAR_ENDPOINT",
    };
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    GRand *rand = g_rand_new_with_seed(seed + 200);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, g_getenv(CONTROL), sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    while (!g_atomic_int_get(&stop_all)) {
        tell_host(fd, "block", calls[below(rand, G_N_ELEMENTS(calls))]);
        g_usleep(1000 * below(rand, HANG_MS));
        tell_host(fd, "release", "");
        g_usleep(1000 * below(rand, HANG_MS));
    }
    close(fd);
    g_rand_free(rand);
    return NULL;
}

/* The program again, with a control socket. Returns its folder. */
static char *with_control(char **argv)
{
    const char *control = g_getenv(CONTROL);
    g_autofree char *dir = NULL, *path = NULL;

    if (control) {
        return g_path_get_dirname(control);
    }
    dir = g_dir_make_tmp("threads-XXXXXX", NULL);
    path = g_build_filename(dir, "control", NULL);
    g_setenv(CONTROL, path, true);
    execv("/proc/self/exe", argv);
    g_error("cannot execute itself: %s", g_strerror(errno));
}

/* --- the machine --- */

static bool init(Machine *m, GError **errp)
{
    if (!qtest_accel_ops.init(m, errp)) {
        return false;
    }
    m->accel->ops = &threads_ops;
    return true;
}

static void must_add(Machine *m, const char *text)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);
    g_autoptr(GError) err = NULL;

    device_add(&m->tree, opts, NULL, &err);
    g_assert_no_error(err);
}

static Machine *machine(void)
{
    Machine *m;
    g_autoptr(GError) err = NULL;

    threads_ops = qtest_accel_ops;
    threads_ops.init = init;
    threads_ops.vcpu_init = cpu_init;
    threads_ops.vcpu_finish = cpu_finish;
    threads_ops.vcpu_run = cpu_run;
    threads_ops.vcpu_kick = cpu_kick;
    m = machine_new(&program_registry,
                    machine_type_find(&program_registry, "q35"), &threads_ops);
    m->config.ram_size = RAM_SIZE;
    m->config.n_cpus = VCPUS;
    m->config.topology = (CpuTopology){ 1, VCPUS, 1 };
    m->config.no_shutdown = true;
    m->config.panic_action = PANIC_ACTION_NONE;
    machine_lock(m);
    chardev_new_from_short(m, "null", "serial0", &m->config.serial[0], &err);
    g_assert_no_error(err);
    machine_build(m, &err);
    g_assert_no_error(err);
    must_add(m, "pcie-root-port,id=p0,chassis=1,addr=6");
    must_add(m, "pcie-root-port,id=p1,chassis=2,addr=7");
    must_add(m, "pvpanic,ioport=0x505");
    must_add(m, "vhost-scsi-pci,id=d0,addr=2,wwpn=naa.5001405bd1f60002,"
                "num_queues=4,workers=2");
    must_add(m, "vhost-scsi-pci,id=d1,addr=3,wwpn=naa.5001405bd1f60003,"
                "num_queues=2,workers=auto");
    machine_start(m, &err);
    g_assert_no_error(err);
    return m;
}

static unsigned open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    g_assert_nonnull(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

/* The stand-in closes its end of the control socket when it gets to it. */
static bool descriptors_return_to(unsigned n)
{
    for (unsigned i = 0; i < 1000 && open_descriptors() != n; i++) {
        g_usleep(10000);
    }
    return open_descriptors() == n;
}

static gboolean time_is_up(gpointer opaque)
{
    g_atomic_int_set(&stop_all, 1);
    return G_SOURCE_REMOVE;
}

static uint64_t run(unsigned seconds)
{
    Client clients[CLIENTS] = { 0 };
    GSource *timer = g_timeout_source_new_seconds(seconds);
    Machine *m = machine();
    uint64_t answers = 0;
    GThread *host = g_thread_new("host", host_thread, NULL);

    for (unsigned i = 0; i < CLIENTS; i++) {
        client_open(&clients[i], m, i);
        clients[i].thread = g_thread_new("client", client_thread, &clients[i]);
    }
    g_source_set_callback(timer, time_is_up, NULL, NULL);
    g_source_attach(timer, m->context);
    g_source_unref(timer);
    vm_start_request(m);
    machine_unlock(m);
    machine_run_main_loop(m);
    machine_end(m);
    g_thread_join(host);
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_close(&clients[i]);
        answers += clients[i].answers;
    }
    return answers;
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 5;
    g_autofree char *dir = with_control(argv);
    unsigned before;
    uint64_t answers;

    seed = argc > 2 ? (guint32)strtoul(argv[2], NULL, 0) : g_random_int();
    printf("1..2\n# seed %u\n", seed);
    fflush(stdout);
    if (argc > 3) {
        (void)trace_set_enabled(argv[3], true);
    }
    before = open_descriptors();
    answers = run(seconds);
    printf("%sok 1 - clients had answers: %" PRIu64 "\n", answers ? "" : "not ",
           answers);
    printf("%sok 2 - no descriptor is left over\n",
           descriptors_return_to(before) ? "" : "not ");
    (void)unlink(g_getenv(CONTROL));
    (void)rmdir(dir);
    return 0;
}
