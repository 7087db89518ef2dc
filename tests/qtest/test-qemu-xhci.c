/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-xhci as a driver that starts it, asks it something and stops it sees it:
 * xHCI 1.1, chapter 4. What is not marked as this program's holds for QEMU as
 * well.
 */
#include "libqos/malloc.h"
#include "libqos/pci.h"
#include "libqtest.h"

#define VENDOR  0x1b36
#define DEVICE  0x000d
#define ARGS    "-m 64 -net none -device qemu-xhci,addr=5"
#define OURS    "-m 64 -device qemu-xhci,addr=5,p2=3,p3=2 -d guest_errors"
#define RAM     (64 * MiB)
#define VECTOR  0
#define TRBS    16 /* of both rings */
#define NO_OP   (23u << 10)
#define LINK    (6u << 10)
#define TOGGLE  2u
#define EVENT   33u
#define MFINDEX 0

/* Operational registers. */
enum {
    USBCMD = 0,
    USBSTS = 4,
    PAGESIZE = 8,
    CRCR = 0x18,
    DCBAAP = 0x30,
    CONFIG = 0x38,
    PORTSC = 0x400
};
/* Runtime registers of the first interrupter. */
enum {
    IMAN = 0x20,
    ERSTSZ = 0x28,
    ERSTBA = 0x30,
    ERDP = 0x38
};
#define RUN    1u
#define RESET  2u
#define INTE   4u
#define HALTED 1u
#define HSE    4u
#define EINT   8u

typedef struct Trb {
    uint64_t parameter;
    uint32_t status, control;
} Trb;

typedef struct Fixture {
    QTestState *s;
    QPCIBus bus;
    QPCIDevice *dev;
    QGuestAllocator *alloc;
    uint32_t op, runtime, doorbells; /* offsets in the BAR */
    uint64_t commands, table, events;
    unsigned n_commands, n_events; /* so far */
} Fixture;

static uint32_t get(Fixture *f, uint32_t offset)
{
    return qpci_io_readl(f->dev, 0, offset);
}

static void set(Fixture *f, uint32_t offset, uint32_t value)
{
    qpci_io_writel(f->dev, 0, offset, value);
}

static void set64(Fixture *f, uint32_t offset, uint64_t value)
{
    set(f, offset, (uint32_t)value);
    set(f, offset + 4, (uint32_t)(value >> 32));
}

static void set_up(Fixture *f, gconstpointer args)
{
    f->s = qtest_init(args);
    qpci_init(&f->bus, f->s);
    f->dev = qpci_device_find(&f->bus, VENDOR, DEVICE);
    f->alloc = guest_allocator_new(f->s, RAM);
    qpci_device_enable(f->dev);
    f->op = qpci_io_readb(f->dev, 0, 0);
    f->doorbells = get(f, 0x14) & ~3u;
    f->runtime = get(f, 0x18) & ~31u;
    f->commands = guest_alloc(f->alloc, TRBS * sizeof(Trb));
    f->events = guest_alloc(f->alloc, TRBS * sizeof(Trb));
    f->table = guest_alloc(f->alloc, sizeof(Trb));
}

static void tear_down(Fixture *f, gconstpointer args)
{
    qpci_device_free(f->dev);
    guest_allocator_free(f->alloc);
    qtest_quit(f->s);
}

/* What a driver does until it runs, 4.2. */
static void start(Fixture *f, uint32_t command)
{
    QTestPoll poll = { 0 };

    set(f, f->op + USBCMD, RESET);
    while (get(f, f->op + USBCMD) & RESET) {
        qtest_poll(f->s, &poll, "the reset");
    }
    set(f, f->op + CONFIG, 8);
    set64(f, f->op + DCBAAP, f->table + 2048);
    set64(f, f->op + CRCR, f->commands | 1);
    qtest_writeq(f->s, f->table, f->events);
    qtest_writel(f->s, f->table + 8, TRBS);
    set(f, f->runtime + ERSTSZ, 1);
    set64(f, f->runtime + ERDP, f->events);
    set64(f, f->runtime + ERSTBA, f->table);
    set(f, f->runtime + IMAN, 2);
    set(f, f->op + USBCMD, command | RUN);
    g_assert_cmphex(get(f, f->op + USBSTS) & HALTED, ==, 0);
    f->n_commands = f->n_events = 0;
}

static void put_command(Fixture *f, unsigned at, uint64_t parameter,
                        uint32_t control)
{
    Trb trb = { GUINT64_TO_LE(parameter), 0, GUINT32_TO_LE(control) };

    qtest_memwrite(f->s, f->commands + at * sizeof(trb), &trb, sizeof(trb));
}

static void command(Fixture *f, uint32_t control)
{
    put_command(f, f->n_commands++, 0, control | 1);
    set(f, f->doorbells, 0);
}

/* The next event is the end of command number @n with @code. */
static void assert_completed(Fixture *f, unsigned n, uint32_t code)
{
    bool cycle = f->n_events / TRBS % 2 == 0;
    Trb trb;

    qtest_memread(f->s, f->events + f->n_events++ % TRBS * sizeof(trb), &trb,
                  sizeof(trb));
    g_assert_cmphex(GUINT64_FROM_LE(trb.parameter), ==,
                    f->commands + n * sizeof(trb));
    g_assert_cmpuint(GUINT32_FROM_LE(trb.status) >> 24, ==, code);
    g_assert_cmphex(GUINT32_FROM_LE(trb.control) & 0xfc01, ==,
                    EVENT << 10 | cycle);
    set64(f, f->runtime + ERDP,
          (f->events + f->n_events % TRBS * sizeof(trb)) | 8);
}

static void test_capabilities(Fixture *f, gconstpointer args)
{
    uint32_t ports = get(f, 4) >> 24;
    uint32_t found = 0;

    g_assert_cmphex(qpci_config_readl(f->dev, PCI_CLASS_REVISION) >> 8, ==,
                    0x0c0330);
    g_assert_cmphex(qpci_config_readb(f->dev, 0x60), ==, 0x30);
    g_assert_cmphex(get(f, 0) >> 16, ==, 0x0100);
    g_assert_cmphex(get(f, f->op + PAGESIZE), ==, 1);
    g_assert_cmpuint(ports, ==, 8);
    for (uint32_t at = get(f, 0x10) >> 16 << 2, next = 1; next;
         at += next << 2) {
        next = get(f, at) >> 8 & 0xff;
        g_assert_cmpuint(get(f, at) & 0xff, ==, 2);
        g_assert_cmphex(get(f, at + 4), ==, 0x20425355);
        for (uint32_t i = 0; i < (get(f, at + 8) >> 8 & 0xff); i++) {
            found |= 1u << ((get(f, at + 8) & 0xff) - 1 + i);
        }
    }
    g_assert_cmphex(found, ==, (1u << ports) - 1);
}

static void test_start_and_stop(Fixture *f, gconstpointer args)
{
    g_assert_cmphex(get(f, f->op + USBSTS), ==, HALTED);
    for (unsigned i = 0; i < 2; i++) {
        start(f, 0);
        set(f, f->op + USBCMD, 0);
        g_assert_cmphex(get(f, f->op + USBSTS) & HALTED, ==, HALTED);
    }
    set(f, f->op + USBCMD, RESET);
    g_assert_cmphex(get(f, f->op + USBCMD), ==, 0);
    g_assert_cmphex(get(f, f->runtime + IMAN), ==, 0);
    g_assert_cmphex(get(f, f->op + CONFIG), ==, 0);
}

static void test_ports_are_empty(Fixture *f, gconstpointer args)
{
    start(f, 0);
    for (uint32_t i = 0; i < get(f, 4) >> 24; i++) {
        uint32_t port = f->op + PORTSC + i * 16;

        /* It has power and looks for a device. */
        g_assert_cmphex(get(f, port) & 0xffff, ==, 0x2a0);
        set(f, port, 0x0a000000 | 0x200); /* wake on connect and overcurrent */
        g_assert_cmphex(get(f, port) & 0x0e00ffff, ==, 0x0a0002a0);
    }
}

static void test_no_op_with_msix(Fixture *f, gconstpointer args)
{
    qpci_msix_enable(f->dev, f->alloc);
    qpci_msix_set_vector(f->dev, VECTOR);
    start(f, INTE);
    command(f, NO_OP);
    qpci_msix_wait(f->dev, VECTOR);
    g_assert_cmphex(get(f, f->op + USBSTS) & EINT, ==, EINT);
    g_assert_cmphex(get(f, f->runtime + IMAN), ==, 2);
    set(f, f->op + USBSTS, EINT);
    g_assert_cmphex(get(f, f->op + USBSTS) & EINT, ==, 0);
    assert_completed(f, 0, 1);
}

/* Three times round both rings. */
static void test_rings_wrap(Fixture *f, gconstpointer args)
{
    bool cycle = true;

    start(f, 0);
    for (unsigned n = 0; n < 3 * TRBS; n++) {
        unsigned at = n % (TRBS - 1);

        put_command(f, at, 0, NO_OP | cycle);
        if (at == TRBS - 2) {
            put_command(f, TRBS - 1, f->commands, LINK | TOGGLE | cycle);
            cycle = !cycle;
        }
        set(f, f->doorbells, 0);
        assert_completed(f, at, 1);
    }
}

/* --- this program's --- */

static unsigned intx_level(Fixture *f)
{
    return qpci_config_readw(f->dev, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

static void test_intx(Fixture *f, gconstpointer args)
{
    start(f, INTE);
    g_assert_cmphex(intx_level(f), ==, 0);
    command(f, NO_OP);
    g_assert_cmphex(intx_level(f), ==, PCI_STATUS_INTERRUPT);
    g_assert_cmphex(get(f, f->runtime + IMAN), ==, 3);
    set(f, f->runtime + IMAN, 3);
    g_assert_cmphex(intx_level(f), ==, 0);
    command(f, NO_OP);
    g_assert_cmphex(intx_level(f), ==, PCI_STATUS_INTERRUPT);
    set(f, f->op + USBCMD, RESET);
    g_assert_cmphex(intx_level(f), ==, 0);
}

static void test_there_are_no_slots(Fixture *f, gconstpointer args)
{
    start(f, 0);
    for (uint32_t type = 0; type < 64; type++) {
        uint32_t code = type == 23               ? 1
                        : type == 9              ? 9
                        : type > 9 && type <= 17 ? 11
                                                 : 5;

        if (type != 6) {
            put_command(f, 0, 0, 1u << 24 | type << 10 | 1);
            set(f, f->doorbells, 0);
            assert_completed(f, 0, code);
            set(f, f->op + USBCMD, 0);
            set64(f, f->op + CRCR, f->commands | 1);
            set(f, f->op + USBCMD, RUN);
        }
    }
}

static void test_stop_of_the_command_ring(Fixture *f, gconstpointer args)
{
    start(f, 0);
    command(f, NO_OP);
    assert_completed(f, 0, 1);
    g_assert_cmphex(get(f, f->op + CRCR), ==, 8);
    set64(f, f->op + CRCR, 2);
    g_assert_cmphex(get(f, f->op + CRCR), ==, 0);
    assert_completed(f, 1, 24);
    command(f, NO_OP); /* it goes on where it was */
    assert_completed(f, 1, 1);
}

static void test_full_ring_of_events_holds_commands(Fixture *f,
                                                    gconstpointer args)
{
    start(f, 0);
    for (unsigned i = 0; i < TRBS - 1; i++) {
        command(f, NO_OP);
    }
    put_command(f, TRBS - 1, f->commands, LINK | TOGGLE | 1);
    put_command(f, 0, 0, NO_OP);
    set(f, f->doorbells, 0);
    g_assert_cmphex(qtest_readl(f->s, f->events + 15 * 16 + 12), ==, 0);
    for (unsigned i = 0; i < TRBS - 1; i++) {
        assert_completed(f, i, 1);
    }
    assert_completed(f, 0, 1);
}

static void test_rings_that_are_none(Fixture *f, gconstpointer args)
{
    static const uint64_t nowhere[] = { RAM, UINT64_MAX << 6, 0xb0000000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(nowhere); i++) {
        start(f, 0);
        set(f, f->op + USBCMD, 0);
        set64(f, f->op + CRCR, nowhere[i] | 1);
        set(f, f->op + USBCMD, RUN);
        set(f, f->doorbells, 0);
        g_assert_cmphex(get(f, f->op + USBSTS), ==, HSE | HALTED);
        set(f, f->op + USBCMD, RUN);
        g_assert_cmphex(get(f, f->op + USBSTS), ==, HSE | HALTED);
        start(f, 0);
        set64(f, f->runtime + ERSTBA, nowhere[i]);
        command(f, NO_OP);
        g_assert_cmphex(get(f, f->op + USBSTS), ==, HSE | HALTED);
        start(f, 0);
        qtest_writeq(f->s, f->table, nowhere[i]);
        command(f, NO_OP);
        g_assert_cmphex(get(f, f->op + USBSTS), ==, HSE | HALTED);
        start(f, 0);
        qtest_writel(f->s, f->table + 8, TRBS - 1);
        command(f, NO_OP);
        g_assert_cmphex(get(f, f->op + USBSTS), ==, HSE | HALTED);
    }
    start(f, 0);
    command(f, NO_OP);
    assert_completed(f, 0, 1);
}

/* A ring of links alone ends, and the machine goes on. */
static void test_links_without_end(Fixture *f, gconstpointer args)
{
    start(f, 0);
    put_command(f, 0, f->commands, LINK | 1);
    set(f, f->doorbells, 0);
    put_command(f, 0, 0, NO_OP | 1);
    set(f, f->doorbells, 0);
    assert_completed(f, 0, 1);
}

static void test_no_master_no_command(Fixture *f, gconstpointer args)
{
    uint16_t command_register = qpci_config_readw(f->dev, PCI_COMMAND);

    start(f, 0);
    qpci_config_writew(f->dev, PCI_COMMAND,
                       command_register & (uint16_t)~PCI_COMMAND_MASTER);
    command(f, NO_OP);
    g_assert_cmphex(qtest_readl(f->s, f->events + 12), ==, 0);
    qpci_config_writew(f->dev, PCI_COMMAND, command_register);
    set(f, f->doorbells, 0);
    assert_completed(f, 0, 1);
}

static void test_microframes(Fixture *f, gconstpointer args)
{
    uint32_t before;

    start(f, 0);
    before = get(f, f->runtime + MFINDEX);
    (void)qtest_clock_step(f->s, 8 * 125000);
    g_assert_cmphex(get(f, f->runtime + MFINDEX), ==, (before + 8) & 0x3fff);
    set(f, f->op + USBCMD, 0);
    g_assert_cmphex(get(f, f->runtime + MFINDEX), ==, 0);
}

static void test_narrow_accesses(Fixture *f, gconstpointer args)
{
    g_assert_cmphex(qpci_io_readw(f->dev, 0, 2), ==, 0x0100);
    start(f, 0);
    qpci_io_writeb(f->dev, 0, f->op + CONFIG, 1);
    g_assert_cmphex(get(f, f->op + CONFIG), ==, 8);
    g_assert_cmphex(qpci_io_readb(f->dev, 0, f->op + CONFIG), ==, 8);
    g_assert_cmphex(qtest_readq(f->s, f->dev->bars[0].addr + f->op + DCBAAP),
                    ==, f->table + 2048);
    qtest_writeq(f->s, f->dev->bars[0].addr + f->op + DCBAAP, UINT64_MAX);
    g_assert_cmphex(get(f, f->op + DCBAAP), ==, 0xffffffc0);
    g_assert_cmphex(get(f, f->op + DCBAAP + 4), ==, UINT32_MAX);
    g_assert_cmphex(get(f, f->doorbells + 4 * 65), ==, 0);
}

static void add(const char *name, const char *args,
                void (*test)(Fixture *, gconstpointer))
{
    g_autofree char *path = g_strconcat("/xhci/", name, NULL);

    g_test_add(path, Fixture, args, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("capabilities", ARGS, test_capabilities);
    add("start-and-stop", ARGS, test_start_and_stop);
    add("ports-are-empty", ARGS, test_ports_are_empty);
    add("no-op-with-msix", ARGS, test_no_op_with_msix);
    add("rings-wrap", ARGS, test_rings_wrap);
    if (!strstr(g_getenv("QTEST_QEMU_BINARY"), "/usr/bin/")) {
        add("intx", OURS, test_intx);
        add("no-slots", OURS, test_there_are_no_slots);
        add("stop", OURS, test_stop_of_the_command_ring);
        add("full", OURS, test_full_ring_of_events_holds_commands);
        add("no-rings", OURS, test_rings_that_are_none);
        add("links", OURS, test_links_without_end);
        add("no-master", OURS, test_no_master_no_command);
        add("microframes", OURS, test_microframes);
        add("narrow", OURS, test_narrow_accesses);
    }
    return g_test_run();
}
