/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 16550A as a guest drives it. The host's end of COM1 is a socket pair. */
#include "../../chardev/char-int.h"
#include "hw/char/serial-isa.h"
#include "test-board.h"

#include <sys/socket.h>

#define COM1    0x3f8
#define COM3    0x3e8
#define CHAR_NS INT64_C(86806) /* 10 bits at 115200 baud */
#define SEC     NANOSECONDS_PER_SECOND

enum {
    DATA,
    IER,
    IIR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCR,
    FCR = IIR
};

typedef struct Fixture {
    TestBoard b;
    Chardev *chr;
    int host; /* the other end */
} Fixture;

static Chardev *socket_chardev(Machine *m, const char *id, int *ret_host)
{
    int fds[2];
    GError *err = NULL;
    Chardev *chr;
    json_object *opts = json_object_new_object();

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    json_object_object_add(opts, "backend", json_object_new_string("socket"));
    json_object_object_add(opts, "id", json_object_new_string(id));
    json_object_object_add(opts, "fd", json_object_new_int(fds[0]));
    chr = chardev_new(m, opts, &err);
    g_assert_no_error(err);
    json_object_put(opts);
    *ret_host = fds[1];
    return chr;
}

static void setup(Fixture *f, gconstpointer data)
{
    GError *err = NULL;

    test_board_init(&f->b);
    f->chr = socket_chardev(f->b.m, "serial0", &f->host);
    serial_isa_new(f->b.m, 0, f->chr, &err);
    g_assert_no_error(err);
    device_reset(g_ptr_array_index(f->b.m->tree.devices, 0));
}

static void teardown(Fixture *f, gconstpointer data)
{
    close_fd(&f->host);
    chardev_free(f->chr);
    test_board_finish(&f->b);
}

/* --- helpers --- */

static uint8_t in(Fixture *f, unsigned reg)
{
    return test_inb(&f->b, (uint16_t)(COM1 + reg));
}

static void out(Fixture *f, unsigned reg, uint8_t value)
{
    test_outb(&f->b, (uint16_t)(COM1 + reg), value);
}

static bool irq(Fixture *f)
{
    return f->b.level[4];
}

/* The host types. */
static void type(Fixture *f, const char *text)
{
    g_assert_cmpint(write(f->host, text, strlen(text)), ==, strlen(text));
    test_poll(&f->b);
}

/* What the guest has sent so far. */
static void assert_host_got(Fixture *f, const char *text)
{
    char buf[256];
    ssize_t n = recv(f->host, buf, sizeof(buf), MSG_DONTWAIT);

    g_assert_cmpmem(buf, (size_t)MAX(n, 0), text, strlen(text));
}

static void assert_guest_reads(Fixture *f, const char *text)
{
    for (const char *p = text; *p; p++) {
        g_assert_true(in(f, LSR) & 0x01);
        g_assert_cmpint(in(f, DATA), ==, *p);
        test_poll(&f->b);
    }
}

/* --- registers --- */

static void test_values_at_reset(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(in(f, IER), ==, 0x00);
    g_assert_cmphex(in(f, IIR), ==, 0x01);
    g_assert_cmphex(in(f, LCR), ==, 0x00);
    g_assert_cmphex(in(f, MCR), ==, 0x00);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_cmphex(in(f, MSR), ==, 0xb0);
    g_assert_cmphex(in(f, DATA), ==, 0x00);
    g_assert_false(irq(f));
}

static void test_masks(Fixture *f, gconstpointer data)
{
    out(f, SCR, 0x5a);
    out(f, IER, 0xf0);
    out(f, MCR, 0xe0);
    g_assert_cmphex(in(f, SCR), ==, 0x5a);
    g_assert_cmphex(in(f, IER), ==, 0x00);
    g_assert_cmphex(in(f, MCR), ==, 0x00);
    out(f, LSR, 0xff);
    out(f, MSR, 0xff);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_cmphex(in(f, MSR), ==, 0xb0);
}

static void test_divisor_hides_behind_dlab(Fixture *f, gconstpointer data)
{
    out(f, LCR, 0x83);
    out(f, DATA, 0x34);
    out(f, IER, 0x12);
    g_assert_cmphex(test_in(&f->b, COM1, 2), ==, 0x1234);
    out(f, LCR, 0x03);
    g_assert_cmphex(in(f, IER), ==, 0x00);
    assert_host_got(f, "");
}

static void test_fifo_bits_tell_a_16550a(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x01);
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    out(f, FCR, 0xc0); /* without the enable bit the rest does not count */
    g_assert_cmphex(in(f, IIR), ==, 0x01);
}

/* --- transmitter --- */

static void test_output_reaches_host_at_once(Fixture *f, gconstpointer data)
{
    out(f, DATA, 'h');
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    out(f, DATA, 'i');
    assert_host_got(f, "hi");
}

static void test_thre_interrupt(Fixture *f, gconstpointer data)
{
    out(f, IER, 0x02);
    g_assert_true(irq(f)); /* empty already */
    g_assert_cmphex(in(f, IIR), ==, 0x02);
    g_assert_false(irq(f)); /* reading IIR took it back */
    g_assert_cmphex(in(f, IIR), ==, 0x01);
    out(f, DATA, 'x');
    g_assert_true(irq(f)); /* and empty again */
    out(f, IER, 0x00);
    g_assert_false(irq(f));
    g_assert_cmphex(in(f, IIR), ==, 0x01);
    in(f, IIR);
    out(f, IER, 0x02);
    g_assert_cmphex(in(f, IIR), ==, 0x02);
}

/* Fills the chardev until the transmitter stalls; returns how many bytes the
 * guest has sent, the byte n being n % 251. */
static unsigned send_until_stall(Fixture *f)
{
    unsigned n = 0;

    while (in(f, LSR) & 0x20) {
        g_assert_cmpuint(n, <, 4 * MiB);
        out(f, DATA, (uint8_t)(n++ % 251));
    }
    return n;
}

/* Takes all there is; checks order from byte *@n on. */
static void drain_host(Fixture *f, unsigned *n)
{
    uint8_t buf[4096];

    for (;;) {
        ssize_t r = recv(f->host, buf, sizeof(buf), MSG_DONTWAIT);

        for (ssize_t i = 0; i < r; i++) {
            g_assert_cmpuint(buf[i], ==, (*n)++ % 251);
        }
        if (r <= 0 && !g_main_context_iteration(f->b.m->context, FALSE)) {
            return;
        }
    }
}

static void test_full_host_holds_thre_and_loses_nothing(Fixture *f,
                                                        gconstpointer data)
{
    unsigned sent, received = 0;

    out(f, FCR, 0x01);
    out(f, IER, 0x02);
    sent = send_until_stall(f);
    for (unsigned i = 0; i < 15; i++) { /* the rest of the FIFO */
        out(f, DATA, (uint8_t)(sent++ % 251));
    }
    g_assert_cmphex(in(f, LSR), ==, 0x00);
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    g_assert_false(irq(f));
    drain_host(f, &received);
    g_assert_cmpuint(received, ==, sent);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_true(irq(f));
}

static void test_absent_reader_stops_nobody_for_long(Fixture *f,
                                                     gconstpointer data)
{
    unsigned sent = send_until_stall(f);
    unsigned received = 0;

    test_step(&f->b, SEC - 1);
    g_assert_cmphex(in(f, LSR), ==, 0x00);
    test_step(&f->b, 1);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    for (unsigned i = 0; i < 1000; i++) {
        out(f, DATA, 0xff);
        g_assert_cmphex(in(f, LSR), ==, 0x60);
    }
    drain_host(f, &received);
    g_assert_cmpuint(received, ==, sent - 1); /* the byte in the transmitter */
    out(f, DATA, (uint8_t)(received % 251));
    drain_host(f, &received);
    g_assert_cmpuint(received, ==, sent);
}

static void test_client_that_leaves_ends_the_stall(Fixture *f,
                                                   gconstpointer data)
{
    send_until_stall(f);
    close_fd(&f->host);
    test_poll(&f->b);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    out(f, DATA, 'x'); /* to nobody */
    g_assert_cmphex(in(f, LSR), ==, 0x60);
}

static void test_fcr_clears_stalled_transmitter(Fixture *f, gconstpointer data)
{
    send_until_stall(f);
    out(f, FCR, 0x05);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
}

static void test_chardev_may_go_first(Fixture *f, gconstpointer data)
{
    out(f, DATA, 'a');
    chardev_free(g_steal_pointer(&f->chr));
    out(f, DATA, 'b');
    out(f, FCR, 0x07);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    assert_host_got(f, "a");
}

/* --- receiver --- */

static void test_input_without_fifo(Fixture *f, gconstpointer data)
{
    type(f, "abc");
    g_assert_cmphex(in(f, LSR), ==, 0x61);
    assert_guest_reads(f, "abc");
    g_assert_cmphex(in(f, LSR), ==, 0x60); /* held back, not overrun */
}

static void test_input_interrupt_without_fifo(Fixture *f, gconstpointer data)
{
    out(f, IER, 0x01);
    g_assert_false(irq(f));
    type(f, "a");
    g_assert_true(irq(f));
    g_assert_cmphex(in(f, IIR), ==, 0x04);
    g_assert_true(irq(f));
    in(f, DATA);
    g_assert_false(irq(f));
}

static void test_interrupt_at_each_trigger_level(Fixture *f, gconstpointer data)
{
    static const unsigned levels[] = { 1, 4, 8, 14 };

    for (unsigned i = 0; i < G_N_ELEMENTS(levels); i++) {
        out(f, FCR, (uint8_t)(0x07 | i << 6));
        out(f, IER, 0x01);
        for (unsigned n = 1; n <= levels[i]; n++) {
            g_assert_false(irq(f));
            type(f, "x");
        }
        g_assert_true(irq(f));
        g_assert_cmphex(in(f, IIR), ==, 0xc4);
        in(f, DATA);
        g_assert_false(irq(f));
        out(f, IER, 0x00);
    }
}

static void test_character_timeout(Fixture *f, gconstpointer data)
{
    out(f, LCR, 0x03);
    out(f, FCR, 0x81);
    out(f, IER, 0x01);
    type(f, "ab");
    test_step(&f->b, 4 * CHAR_NS - 10);
    g_assert_false(irq(f));
    test_step(&f->b, 20);
    g_assert_true(irq(f));
    g_assert_cmphex(in(f, IIR), ==, 0xcc);
    in(f, DATA); /* restarts the wait */
    g_assert_false(irq(f));
    test_step(&f->b, 4 * CHAR_NS + 10);
    g_assert_cmphex(in(f, IIR), ==, 0xcc);
    in(f, DATA);
    g_assert_false(irq(f));
    test_step(&f->b, SEC);
    g_assert_false(irq(f));
    g_assert_cmpint(timer_list_deadline_ns(f->b.m->timers), ==, -1);
}

static void test_timeout_moves_with_each_character(Fixture *f,
                                                   gconstpointer data)
{
    out(f, LCR, 0x03);
    out(f, FCR, 0x81);
    out(f, IER, 0x01);
    for (unsigned i = 0; i < 6; i++) {
        type(f, "a");
        test_step(&f->b, 3 * CHAR_NS);
        g_assert_false(irq(f));
    }
    test_step(&f->b, CHAR_NS + 10);
    g_assert_true(irq(f));
}

static void test_timeout_at_9600_baud(Fixture *f, gconstpointer data)
{
    out(f, LCR, 0x83);
    out(f, DATA, 12);
    out(f, LCR, 0x03);
    out(f, FCR, 0x81);
    out(f, IER, 0x01);
    type(f, "a");
    test_step(&f->b, 48 * CHAR_NS - 100);
    g_assert_false(irq(f));
    test_step(&f->b, 200);
    g_assert_true(irq(f));
}

static void test_no_timer_while_nobody_wants_it(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x81);
    type(f, "a");
    g_assert_cmpint(timer_list_deadline_ns(f->b.m->timers), ==, -1);
}

static void test_long_input_is_held_back(Fixture *f, gconstpointer data)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog, "
                               "and more than one FIFO's worth of it.";
    out(f, FCR, 0xc1);
    type(f, text);
    assert_guest_reads(f, text);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
}

static void test_fcr_clears_receiver(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x01);
    type(f, "abc");
    out(f, FCR, 0x03);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    type(f, "d");
    assert_guest_reads(f, "d");
}

/* --- line status --- */

static void test_break(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x01);
    out(f, IER, 0x04);
    type(f, "a");
    g_assert_false(irq(f));
    chardev_send_event(f->chr, CHARDEV_BREAK);
    g_assert_false(irq(f)); /* 'a' comes first */
    g_assert_cmphex(in(f, LSR), ==, 0xe1);
    g_assert_cmpint(in(f, DATA), ==, 'a');
    g_assert_true(irq(f));
    g_assert_cmphex(in(f, IIR), ==, 0xc6);
    g_assert_cmphex(in(f, LSR), ==, 0xf1);
    g_assert_false(irq(f));
    g_assert_cmphex(in(f, LSR), ==, 0x61);
    g_assert_cmphex(in(f, DATA), ==, 0);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
}

static void test_overrun_in_loopback(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x01);
    out(f, IER, 0x04);
    out(f, MCR, 0x10);
    for (unsigned i = 0; i < 16; i++) {
        out(f, DATA, (uint8_t)i);
    }
    g_assert_false(irq(f));
    out(f, DATA, 99);
    g_assert_true(irq(f));
    g_assert_cmphex(in(f, LSR), ==, 0x63);
    g_assert_false(irq(f));
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpuint(in(f, DATA), ==, i);
    }
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    assert_host_got(f, "");
}

static void test_priorities(Fixture *f, gconstpointer data)
{
    out(f, MCR, 0x10); /* all modem lines change */
    out(f, DATA, 1);
    out(f, DATA, 2); /* overrun */
    out(f, IER, 0x0f);
    g_assert_cmphex(in(f, IIR), ==, 0x06);
    in(f, LSR);
    g_assert_cmphex(in(f, IIR), ==, 0x04);
    g_assert_cmphex(in(f, DATA), ==, 2);
    g_assert_cmphex(in(f, IIR), ==, 0x02);
    g_assert_cmphex(in(f, IIR), ==, 0x00);
    in(f, MSR);
    g_assert_cmphex(in(f, IIR), ==, 0x01);
    g_assert_false(irq(f));
}

/* --- modem --- */

static void test_loopback_of_modem_lines(Fixture *f, gconstpointer data)
{
    out(f, MCR, 0x1a); /* RTS and OUT2: as Linux looks for a UART */
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0x90);
    out(f, MCR, 0x15); /* DTR and OUT1 */
    g_assert_cmphex(in(f, MSR), ==, 0x60 | 0x0b);
    g_assert_cmphex(in(f, MSR), ==, 0x60);
    out(f, MCR, 0x11); /* RI goes: the trailing edge */
    g_assert_cmphex(in(f, MSR), ==, 0x20 | 0x04);
    out(f, MCR, 0x00);
    g_assert_cmphex(in(f, MSR), ==, 0xb0 | 0x09);
}

static void test_loopback_keeps_host_out(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x01);
    out(f, MCR, 0x10);
    type(f, "host");
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    out(f, MCR, 0x00);
    test_poll(&f->b);
    assert_guest_reads(f, "host");
}

/* --- the device --- */

static Device *add(Fixture *f, const char *key, const char *value, GError **err)
{
    json_object *opts = json_object_new_object();
    Device *dev;

    json_object_object_add(opts, "driver",
                           json_object_new_string("isa-serial"));
    if (key) {
        json_object_object_add(opts, key, json_object_new_string(value));
    }
    dev = device_add(&f->b.m->tree, opts, NULL, err);
    json_object_put(opts);
    return dev;
}

static void test_first_free_port(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    g_assert_cmphex(serial_isa_ports(f->b.m), ==, 0x1);
    for (unsigned i = 1; i < SERIAL_ISA_PORTS; i++) {
        g_assert_nonnull(add(f, NULL, NULL, &err));
        g_assert_cmphex(test_inb(&f->b, serial_isa_resources[i].iobase + LSR),
                        ==, 0x60);
    }
    g_assert_cmphex(serial_isa_ports(f->b.m), ==, 0xf);
    g_assert_null(add(f, NULL, NULL, &err));
    g_assert_nonnull(strstr(err->message, "4 serial ports already"));
}

static void test_port_elsewhere_is_not_com2(Fixture *f, gconstpointer data)
{
    g_assert_nonnull(add(f, "iobase", "0x1000", NULL));
    g_assert_cmphex(test_inb(&f->b, 0x1000 + LSR), ==, 0x60);
    g_assert_cmphex(serial_isa_ports(f->b.m), ==, 0x1);
}

static void check_refused(Fixture *f, const char *key, const char *value,
                          const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_null(add(f, key, value, &err));
    g_assert_nonnull(err);
    if (!strstr(err->message, message)) {
        g_test_message("got: %s", err->message);
        g_test_fail();
    }
}

static void test_refused_properties(Fixture *f, gconstpointer data)
{
    check_refused(f, "index", "0", "(COM1) is taken");
    check_refused(f, "index", "4", "index");
    check_refused(f, "irq", "16", "irq");
    check_refused(f, "iobase", "0xfff9", "iobase");
    check_refused(f, "chardev", "nope", "can't find value 'nope'");
    check_refused(f, "chardev", "serial0", "it's in use");
    /* The refused one has not taken the first one's input away. */
    type(f, "a");
    assert_guest_reads(f, "a");
}

static void test_second_port_on_a_chardev(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    int host;
    Chardev *chr = socket_chardev(f->b.m, "c2", &host);

    g_assert_nonnull(add(f, "chardev", "c2", &err));
    g_assert_cmpint(write(host, "z", 1), ==, 1);
    test_poll(&f->b);
    g_assert_cmpint(test_inb(&f->b, 0x2f8), ==, 'z');
    chardev_free(chr);
    close(host);
}

static void test_reset_while_busy(Fixture *f, gconstpointer data)
{
    out(f, FCR, 0x81);
    out(f, IER, 0x0f);
    type(f, "abcdefgh");
    send_until_stall(f);
    g_assert_true(irq(f));
    device_reset(g_ptr_array_index(f->b.m->tree.devices, 0));
    g_assert_false(irq(f));
    test_values_at_reset(f, NULL);
}

static void test_random_accesses(Fixture *f, gconstpointer data)
{
    static const unsigned sizes[] = { 1, 2, 4 };
    uint8_t buf[4096];

    for (unsigned i = 0; i < 200000; i++) {
        unsigned size = sizes[g_test_rand_int_range(0, 3)];
        uint16_t port = (uint16_t)(COM1 + g_test_rand_int_range(0, 8));

        switch (g_test_rand_int_range(0, 16)) {
        case 0:
            (void)send(f->host, buf, (size_t)g_test_rand_int_range(0, 64),
                       MSG_DONTWAIT);
            break;
        case 1:
            test_poll(&f->b);
            break;
        case 2:
            chardev_send_event(f->chr, CHARDEV_BREAK);
            break;
        case 3:
            test_step(&f->b, g_test_rand_int_range(0, 10000000));
            break;
        case 4:
            (void)recv(f->host, buf, sizeof(buf), MSG_DONTWAIT);
            break;
        case 5 ... 9:
            test_in(&f->b, port, size);
            break;
        default:
            test_out(&f->b, port, (uint32_t)g_test_rand_int(), size);
        }
    }
}

/* COM1 and COM3 have one interrupt. */
static void test_shared_interrupt_stays_while_one_port_asks(Fixture *f,
                                                            gconstpointer data)
{
    for (unsigned index = 1; index < SERIAL_ISA_PORTS; index++) {
        g_assert_true(serial_isa_new(f->b.m, index, NULL, NULL));
    }
    test_outb(&f->b, COM3 + IER, 0x02); /* transmitter empty: at once */
    g_assert_true(irq(f));
    out(f, IER, 0x02);
    g_assert_true(irq(f));
    out(f, IER, 0x00);
    g_assert_true(irq(f));
    g_assert_cmpuint(f->b.rises[4], ==, 1);
    test_outb(&f->b, COM3 + IER, 0x00);
    g_assert_false(irq(f));
    g_assert_cmpuint(f->b.rises[3], ==, 0);
}

static void t(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    t("/serial/reset-values", test_values_at_reset);
    t("/serial/masks", test_masks);
    t("/serial/dlab", test_divisor_hides_behind_dlab);
    t("/serial/fifo-bits", test_fifo_bits_tell_a_16550a);
    t("/serial/tx", test_output_reaches_host_at_once);
    t("/serial/thre", test_thre_interrupt);
    t("/serial/tx-full", test_full_host_holds_thre_and_loses_nothing);
    t("/serial/tx-absent", test_absent_reader_stops_nobody_for_long);
    t("/serial/tx-left", test_client_that_leaves_ends_the_stall);
    t("/serial/tx-clear", test_fcr_clears_stalled_transmitter);
    t("/serial/chardev-first", test_chardev_may_go_first);
    t("/serial/rx", test_input_without_fifo);
    t("/serial/rx-irq", test_input_interrupt_without_fifo);
    t("/serial/rx-trigger", test_interrupt_at_each_trigger_level);
    t("/serial/rx-timeout", test_character_timeout);
    t("/serial/rx-timeout-moves", test_timeout_moves_with_each_character);
    t("/serial/rx-timeout-9600", test_timeout_at_9600_baud);
    t("/serial/rx-no-timer", test_no_timer_while_nobody_wants_it);
    t("/serial/rx-long", test_long_input_is_held_back);
    t("/serial/rx-clear", test_fcr_clears_receiver);
    t("/serial/break", test_break);
    t("/serial/overrun", test_overrun_in_loopback);
    t("/serial/priorities", test_priorities);
    t("/serial/loop-modem", test_loopback_of_modem_lines);
    t("/serial/loop-host", test_loopback_keeps_host_out);
    t("/serial/ports", test_first_free_port);
    t("/serial/elsewhere", test_port_elsewhere_is_not_com2);
    t("/serial/refused", test_refused_properties);
    t("/serial/chardev", test_second_port_on_a_chardev);
    t("/serial/reset", test_reset_while_busy);
    t("/serial/shared", test_shared_interrupt_stays_while_one_port_asks);
    t("/serial/random", test_random_accesses);
    return g_test_run();
}
