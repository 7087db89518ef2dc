/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/qtest-server.h"
#include "qtest-int.h"
#include "target/target.h"
#include "util/cutils.h"

#define WORDS_MAX 5     /* of a request: its name and four arguments */
#define PAGE_SIZE 4096u /* RAM begins and ends at pages */
#define QUOTE_MAX "32"  /* characters of a client's text in an answer */

typedef struct Command Command;
struct Command {
    const char *name;
    unsigned n_min, n_max; /* arguments */
    void (*handler)(QtestServer *s, const Command *c, char **args, unsigned n);
    unsigned size; /* of the access, where there is one */
};

void qtest_server_init(QtestServer *s, Machine *machine)
{
    s->machine = machine;
    s->out = g_string_new(NULL);
}

void qtest_server_finish(QtestServer *s)
{
    if (s->out) {
        g_string_free(s->out, TRUE);
        s->out = NULL;
    }
}

/* --- answers --- */

static QtestAccel *accel_of(QtestServer *s)
{
    return qtest_accel(s->machine->accel);
}

void qtest_server_collect(QtestServer *s)
{
    qtest_irq_collect(accel_of(s), s->out);
}

static void answer(QtestServer *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void answer(QtestServer *s, const char *fmt, ...)
{
    va_list ap;

    qtest_server_collect(s);
    va_start(ap, fmt);
    g_string_append_vprintf(s->out, fmt, ap);
    va_end(ap);
    g_string_append_c(s->out, '\n');
}

void qtest_server_fail(QtestServer *s, const char *fmt, ...)
{
    va_list ap;

    qtest_server_collect(s);
    g_string_append(s->out, "FAIL ");
    va_start(ap, fmt);
    g_string_append_vprintf(s->out, fmt, ap);
    va_end(ap);
    g_string_append_c(s->out, '\n');
}

/* --- arguments: each answers the failure itself --- */

static bool get_numbers(QtestServer *s, char **args, unsigned n,
                        uint64_t *ret_values)
{
    for (unsigned i = 0; i < n; i++) {
        if (parse_u64(args[i], &ret_values[i]) < 0) {
            qtest_server_fail(s, "'%." QUOTE_MAX "s' is not a number", args[i]);
            return false;
        }
    }
    return true;
}

static bool check_range(QtestServer *s, uint64_t addr, uint64_t size)
{
    if (size && addr + (size - 1) < addr) {
        qtest_server_fail(s, "the range ends beyond the address space");
        return false;
    }
    return true;
}

/* ADDR and SIZE of a transfer. */
static bool get_range(QtestServer *s, char **args, uint64_t *ret_addr,
                      uint64_t *ret_size)
{
    uint64_t v[2];

    if (!get_numbers(s, args, 2, v) || !check_range(s, v[0], v[1])) {
        return false;
    }
    if (v[1] > QTEST_TRANSFER_MAX) {
        qtest_server_fail(s, "size %" PRIu64 " is greater than %" PRIu64, v[1],
                          QTEST_TRANSFER_MAX);
        return false;
    }
    if (!v[1]) {
        qtest_server_fail(s, "size is 0");
        return false;
    }
    *ret_addr = v[0];
    *ret_size = v[1];
    return true;
}

/* --- clock --- */

/* Moves the clock to @ns timer by timer, since what a timer's handler arms may
 * be due on the way too. */
static void move_clock(QtestServer *s, int64_t ns)
{
    TimerList *timers = s->machine->timers;

    for (unsigned fired = 0; fired < QTEST_TIMERS_MAX; fired++) {
        int64_t deadline = timer_list_deadline_ns(timers);

        if (deadline < 0 || deadline > ns) {
            timer_list_step_to(timers, ns);
            answer(s, "OK %" PRId64, machine_clock_ns(s->machine));
            return;
        }
        timer_list_step_to(timers, deadline);
    }
    qtest_server_fail(s, "%d timers fell due; the clock stands at %" PRId64,
                      QTEST_TIMERS_MAX, machine_clock_ns(s->machine));
}

static void cmd_clock_step(QtestServer *s, const Command *c, char **args,
                           unsigned n)
{
    int64_t now = machine_clock_ns(s->machine);
    uint64_t step;

    if (!n) {
        move_clock(s, MAX(now, timer_list_deadline_ns(s->machine->timers)));
    } else if (get_numbers(s, args, 1, &step)) {
        if (step > (uint64_t)(QTEST_CLOCK_MAX - now)) {
            qtest_server_fail(s, "the clock has no such time");
            return;
        }
        move_clock(s, now + (int64_t)step);
    }
}

static void cmd_clock_set(QtestServer *s, const Command *c, char **args,
                          unsigned n)
{
    uint64_t ns;

    if (!get_numbers(s, args, 1, &ns)) {
        return;
    }
    if (ns > QTEST_CLOCK_MAX) {
        qtest_server_fail(s, "the clock has no such time");
        return;
    }
    move_clock(s, MAX((int64_t)ns, machine_clock_ns(s->machine)));
}

/* --- ports --- */

static bool get_port(QtestServer *s, char **args, unsigned n,
                     uint64_t *ret_values)
{
    if (!get_numbers(s, args, n, ret_values)) {
        return false;
    }
    if (ret_values[0] >= s->machine->io.size) {
        qtest_server_fail(s, "there is no port 0x%" PRIx64, ret_values[0]);
        return false;
    }
    return true;
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
    return size == 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

/* A write as a vCPU's would be: the eventfd that waits for it comes first. */
static void dispatch_write(QtestServer *s, AddressSpace *as, uint64_t addr,
                           uint64_t value, unsigned size)
{
    value = low_bytes(value, size);
    if (!qtest_ioeventfd_signal(accel_of(s), as, addr, value, size)) {
        address_space_write(as, addr, value, size);
    }
}

static void cmd_out(QtestServer *s, const Command *c, char **args, unsigned n)
{
    uint64_t v[2];

    if (get_port(s, args, 2, v)) {
        dispatch_write(s, &s->machine->io, v[0], v[1], c->size);
        answer(s, "OK");
    }
}

static void cmd_in(QtestServer *s, const Command *c, char **args, unsigned n)
{
    uint64_t port;

    if (get_port(s, args, 1, &port)) {
        answer(s, "OK 0x%04" PRIx64,
               address_space_read(&s->machine->io, port, c->size));
    }
}

/* --- memory --- */

typedef struct Transfer {
    uint64_t addr;
    uint8_t *data;
    uint64_t size;
    bool is_write;
} Transfer;

/* Outside memory: one naturally aligned access of at most four bytes, which every
 * register takes. Both sides are little-endian. */
static unsigned transfer_register(QtestServer *s, uint64_t addr, uint8_t *data,
                                  uint64_t left, bool is_write)
{
    unsigned size = addr % 4 == 0 && left >= 4   ? 4
                    : addr % 2 == 0 && left >= 2 ? 2
                                                 : 1;
    uint64_t value = 0;

    if (is_write) {
        memcpy(&value, data, size);
        dispatch_write(s, &s->machine->memory, addr, value, size);
    } else {
        value = address_space_read(&s->machine->memory, addr, size);
        memcpy(data, &value, size);
    }
    return size;
}

static void transfer(QtestServer *s, Transfer t)
{
    while (t.size) {
        uint64_t n = MIN(t.size, PAGE_SIZE - t.addr % PAGE_SIZE);
        void *ram = memory_map_ptr(&s->machine->map, t.addr, n, t.is_write);

        if (!ram) {
            n = transfer_register(s, t.addr, t.data, n, t.is_write);
        } else if (t.is_write) {
            memcpy(ram, t.data, n);
        } else {
            memcpy(t.data, ram, n);
        }
        t.addr += n;
        t.data += n;
        t.size -= n;
    }
}

/* Whether an access of a few bytes touches memory, and is not one register's. */
static bool touches_memory(QtestServer *s, uint64_t addr, unsigned size,
                           bool is_write)
{
    const MemoryMap *map = &s->machine->map;

    return memory_map_ptr(map, addr, 1, is_write) ||
           memory_map_ptr(map, addr + size - 1, 1, is_write);
}

static void cmd_write_value(QtestServer *s, const Command *c, char **args,
                            unsigned n)
{
    uint64_t v[2];

    if (!get_numbers(s, args, 2, v) || !check_range(s, v[0], c->size)) {
        return;
    }
    if (touches_memory(s, v[0], c->size, true)) {
        transfer(s, (Transfer){ v[0], (uint8_t *)&v[1], c->size, true });
    } else {
        dispatch_write(s, &s->machine->memory, v[0], v[1], c->size);
    }
    answer(s, "OK");
}

static void cmd_read_value(QtestServer *s, const Command *c, char **args,
                           unsigned n)
{
    uint64_t addr, value = 0;

    if (!get_numbers(s, args, 1, &addr) || !check_range(s, addr, c->size)) {
        return;
    }
    if (touches_memory(s, addr, c->size, false)) {
        transfer(s, (Transfer){ addr, (uint8_t *)&value, c->size, false });
    } else {
        value = address_space_read(&s->machine->memory, addr, c->size);
    }
    answer(s, "OK 0x%016" PRIx64, value);
}

/* Reads what the arguments name; NULL if that was answered already. */
static uint8_t *read_range(QtestServer *s, char **args, uint64_t *ret_size)
{
    uint64_t addr;
    uint8_t *data;

    if (!get_range(s, args, &addr, ret_size)) {
        return NULL;
    }
    data = g_malloc(*ret_size);
    transfer(s, (Transfer){ addr, data, *ret_size, false });
    return data;
}

static void cmd_read(QtestServer *s, const Command *c, char **args, unsigned n)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t size;
    g_autofree uint8_t *data = read_range(s, args, &size);

    if (!data) {
        return;
    }
    qtest_server_collect(s);
    g_string_append(s->out, "OK 0x");
    for (uint64_t i = 0; i < size; i++) {
        g_string_append_c(s->out, digits[data[i] >> 4]);
        g_string_append_c(s->out, digits[data[i] & 0xf]);
    }
    g_string_append_c(s->out, '\n');
}

static void cmd_b64read(QtestServer *s, const Command *c, char **args,
                        unsigned n)
{
    uint64_t size;
    g_autofree uint8_t *data = read_range(s, args, &size);

    if (data) {
        g_autofree char *text = g_base64_encode(data, size);

        answer(s, "OK %s", text);
    }
}

/* The bytes of "0x..." go to @data; returns how many, or -EINVAL. */
static int64_t parse_hex(const char *text, uint8_t *data, uint64_t max)
{
    uint64_t digits;

    if (!g_str_has_prefix(text, "0x")) {
        return -EINVAL;
    }
    text += 2;
    digits = strlen(text);
    if (!digits || digits % 2 || digits / 2 > max ||
        strspn(text, "0123456789abcdefABCDEF") != digits) {
        return -EINVAL;
    }
    for (uint64_t i = 0; i < digits / 2; i++) {
        data[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                            g_ascii_xdigit_value(text[2 * i + 1]));
    }
    return (int64_t)(digits / 2);
}

static void cmd_write(QtestServer *s, const Command *c, char **args, unsigned n)
{
    g_autofree uint8_t *data = NULL;
    uint64_t addr, size;

    if (!get_range(s, args, &addr, &size)) {
        return;
    }
    data = g_malloc0(size);
    if (parse_hex(args[2], data, size) < 0) {
        qtest_server_fail(s, "data is 0x and an even number of hex digits, at "
                             "most SIZE bytes");
        return;
    }
    transfer(s, (Transfer){ addr, data, size, true });
    answer(s, "OK");
}

/* RFC 4648, 4: groups of four characters, the last one filled up with '='. */
static bool is_base64(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                            "wxyz0123456789+/");
    size_t fill = strspn(text + n, "=");

    return !text[n + fill] && (n + fill) % 4 == 0 && fill <= 2;
}

static void cmd_b64write(QtestServer *s, const Command *c, char **args,
                         unsigned n)
{
    g_autofree uint8_t *data = NULL;
    uint64_t addr, size;
    gsize len = 0;

    if (!get_range(s, args, &addr, &size)) {
        return;
    }
    if (is_base64(args[2])) {
        data = g_base64_decode(args[2], &len);
    }
    if (len != size) {
        qtest_server_fail(s, "data is not base64 of SIZE bytes");
        return;
    }
    transfer(s, (Transfer){ addr, data, size, true });
    answer(s, "OK");
}

static void cmd_memset(QtestServer *s, const Command *c, char **args,
                       unsigned n)
{
    g_autofree uint8_t *data = NULL;
    uint64_t addr, size, byte;

    if (!get_range(s, args, &addr, &size) ||
        !get_numbers(s, args + 2, 1, &byte)) {
        return;
    }
    if (byte > UINT8_MAX) {
        qtest_server_fail(s, "0x%" PRIx64 " is not a byte", byte);
        return;
    }
    data = g_malloc(size);
    memset(data, (int)byte, size);
    transfer(s, (Transfer){ addr, data, size, true });
    answer(s, "OK");
}

static void cmd_endianness(QtestServer *s, const Command *c, char **args,
                           unsigned n)
{
    answer(s, "OK little");
}

/* --- interrupts --- */

static void answer_why(QtestServer *s, const char *why)
{
    if (why) {
        qtest_server_fail(s, "%s", why);
    } else {
        answer(s, "OK");
    }
}

static void cmd_irq_intercept_in(QtestServer *s, const Command *c, char **args,
                                 unsigned n)
{
    if (g_str_equal(args[0], target_info.irq_inputs)) {
        answer_why(s, qtest_intercept_in(accel_of(s), INTERCEPT_INPUTS));
    } else if (g_str_equal(args[0], target_info.irq_messages)) {
        answer_why(s, qtest_intercept_in(accel_of(s), INTERCEPT_MESSAGES));
    } else {
        qtest_server_fail(s, "Unknown device; inputs are those of %s and %s",
                          target_info.irq_inputs, target_info.irq_messages);
    }
}

static void cmd_irq_intercept_out(QtestServer *s, const Command *c, char **args,
                                  unsigned n)
{
    if (n == 2) {
        qtest_server_fail(s, "no device has outputs with a name");
        return;
    }
    answer_why(s, qtest_intercept_out(accel_of(s), args[0]));
}

static void cmd_set_irq_in(QtestServer *s, const Command *c, char **args,
                           unsigned n)
{
    uint64_t v[2]; /* input and level */

    if (!g_str_equal(args[0], target_info.irq_inputs)) {
        qtest_server_fail(s, "Unknown device; inputs are those of %s",
                          target_info.irq_inputs);
        return;
    }
    if (!g_str_equal(args[1], "unnamed-gpio-in")) {
        qtest_server_fail(s, "the inputs of %s are unnamed-gpio-in",
                          target_info.irq_inputs);
        return;
    }
    if (!get_numbers(s, args + 2, 2, v)) {
        return;
    }
    if (v[0] >= target_info.n_irq_inputs) {
        qtest_server_fail(s, "%s has %u inputs", target_info.irq_inputs,
                          target_info.n_irq_inputs);
        return;
    }
    qtest_set_irq(s->machine->accel, (unsigned)v[0], v[1] != 0);
    answer(s, "OK");
}

static void cmd_module_load(QtestServer *s, const Command *c, char **args,
                            unsigned n)
{
    qtest_server_fail(s, "this program has no modules");
}

/* --- lines --- */

static const Command commands[] = {
    { "clock_step", 0, 1, cmd_clock_step },
    { "clock_set", 1, 1, cmd_clock_set },
    { "outb", 2, 2, cmd_out, 1 },
    { "outw", 2, 2, cmd_out, 2 },
    { "outl", 2, 2, cmd_out, 4 },
    { "inb", 1, 1, cmd_in, 1 },
    { "inw", 1, 1, cmd_in, 2 },
    { "inl", 1, 1, cmd_in, 4 },
    { "writeb", 2, 2, cmd_write_value, 1 },
    { "writew", 2, 2, cmd_write_value, 2 },
    { "writel", 2, 2, cmd_write_value, 4 },
    { "writeq", 2, 2, cmd_write_value, 8 },
    { "readb", 1, 1, cmd_read_value, 1 },
    { "readw", 1, 1, cmd_read_value, 2 },
    { "readl", 1, 1, cmd_read_value, 4 },
    { "readq", 1, 1, cmd_read_value, 8 },
    { "read", 2, 2, cmd_read },
    { "write", 3, 3, cmd_write },
    { "memset", 3, 3, cmd_memset },
    { "b64read", 2, 2, cmd_b64read },
    { "b64write", 3, 3, cmd_b64write },
    { "endianness", 0, 0, cmd_endianness },
    { "irq_intercept_in", 1, 1, cmd_irq_intercept_in },
    { "irq_intercept_out", 1, 2, cmd_irq_intercept_out },
    { "set_irq_in", 4, 4, cmd_set_irq_in },
    { "module_load", 2, 2, cmd_module_load },
};

static const Command *find_command(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

void qtest_server_line(QtestServer *s, char *line)
{
    char *words[WORDS_MAX];
    const Command *c;
    unsigned n = 0;

    /* In place: a word may be a whole transfer. The last word keeps what is
     * too much, and the count shows it. */
    while (line && n < WORDS_MAX) {
        words[n++] = line;
        line = strchr(line, ' ');
        if (line) {
            *line++ = 0;
        }
    }
    c = find_command(words[0]);
    if (!c) {
        qtest_server_fail(s, "Unknown command '%." QUOTE_MAX "s'", words[0]);
    } else if (line || n - 1 < c->n_min || n - 1 > c->n_max) {
        qtest_server_fail(s, "%s: wrong number of arguments", c->name);
    } else {
        c->handler(s, c, words + 1, n - 1);
    }
}
