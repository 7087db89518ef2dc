/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a 16550A does is in National Semiconductor's PC16550D data sheet, whose
 * section numbers stand below. Two decisions of our own:
 *
 * The line has no speed: a byte that the guest writes goes to the host at once
 * and the transmitter is empty again before the guest can look. Only if the
 * host takes no more (a reader that sleeps) do bytes stay in the transmitter;
 * THRE is low, as if the line were slow, and a guest that waits for it loses
 * nothing. But nobody may be there at all, and a kernel that waits for each
 * byte of its log must not be held for good: after STALL_NS without progress
 * output is thrown away until the host reads again.
 *
 * The interrupt is the chip's INTR, not gated by OUT2 as some boards do it.
 */
#include "hw/char/serial.h"
#include "chardev/char.h"
#include "system/machine.h"
#include "util/log.h"

#define UART_CLOCK_HZ 1843200
#define UART_TIMEOUT  4 /* characters of silence */
#define STALL_NS      NANOSECONDS_PER_SECOND

/* Registers (8.0); those at 0 and 1 have two faces, as DLAB says. */
enum {
    REG_DATA = 0, /* RBR, THR; divisor latch low */
    REG_IER = 1,  /* divisor latch high */
    REG_IIR = 2,  /* FCR when written */
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_MSR = 6,
    REG_SCR = 7,
};

enum {
    IER_RDA = 0x01,
    IER_THRE = 0x02,
    IER_LINE = 0x04,
    IER_MODEM = 0x08,

    IIR_NONE = 0x01,
    IIR_MODEM = 0x00,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c,
    IIR_FIFO = 0xc0,

    FCR_ENABLE = 0x01,
    FCR_CLEAR_RX = 0x02,
    FCR_CLEAR_TX = 0x04,
    FCR_TRIGGER_SHIFT = 6,

    LCR_WORD = 0x03,
    LCR_STOP = 0x04,
    LCR_PARITY = 0x08,
    LCR_DLAB = 0x80,

    MCR_DTR = 0x01,
    MCR_RTS = 0x02,
    MCR_OUT1 = 0x04,
    MCR_OUT2 = 0x08,
    MCR_LOOP = 0x10,
    MCR_MASK = 0x1f,

    LSR_DR = 0x01,
    LSR_OE = 0x02,
    LSR_BI = 0x10,
    LSR_ERRORS = 0x1e, /* OE PE FE BI; cleared by reading */
    LSR_THRE = 0x20,
    LSR_TEMT = 0x40,
    LSR_FIFO_ERROR = 0x80,

    MSR_DCTS = 0x01, /* the deltas; cleared by reading */
    MSR_DDSR = 0x02,
    MSR_TERI = 0x04,
    MSR_DDCD = 0x08,
    MSR_DELTAS = 0x0f,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80,
};

#define RX_BREAK 0x100 /* in the receiver FIFO: this byte is a break */

static bool fifo_enabled(const Serial *s)
{
    return s->state.fcr & FCR_ENABLE;
}

static unsigned rx_capacity(const Serial *s)
{
    return fifo_enabled(s) ? UART_FIFO_SIZE : 1;
}

/* --- interrupts (8.5, 8.6) --- */

static unsigned rx_trigger(const Serial *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifo_enabled(s) ? levels[s->state.fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* The cause of highest priority. */
static uint8_t interrupt_cause(const Serial *s)
{
    if ((s->state.ier & IER_LINE) && s->state.line_errors) {
        return IIR_LINE;
    }
    if ((s->state.ier & IER_RDA) && s->state.rx_count >= rx_trigger(s)) {
        return IIR_RDA;
    }
    if ((s->state.ier & IER_RDA) && s->state.rx_timeout) {
        return IIR_TIMEOUT;
    }
    if ((s->state.ier & IER_THRE) && s->state.thre_pending) {
        return IIR_THRE;
    }
    if ((s->state.ier & IER_MODEM) && (s->state.modem & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void update_irq(Serial *s)
{
    bool level = interrupt_cause(s) != IIR_NONE;

    if (level != s->irq_level) {
        s->irq_level = level;
        irq_set(s->irq, level);
    }
}

/* --- receiver --- */

/* How long one character would take on the line. */
static int64_t char_time_ns(const Serial *s)
{
    /* Start bit, 5 to 8 data bits, parity, stop bits. */
    int bits = 1 + 5 + (s->state.lcr & LCR_WORD) +
               !!(s->state.lcr & LCR_PARITY) +
               (s->state.lcr & LCR_STOP ? 2 : 1);
    int64_t divisor = s->state.divisor ? s->state.divisor : 1;

    return bits * divisor * 16 * NANOSECONDS_PER_SECOND / UART_CLOCK_HZ;
}

static bool rx_waits(const Serial *s)
{
    return fifo_enabled(s) && (s->state.ier & IER_RDA) && s->state.rx_count &&
           s->state.rx_count < rx_trigger(s);
}

/* Restarts the wait for the character timeout (8.4.1), whenever the FIFO was
 * filled or read and holds less than the trigger level. A timer that is armed
 * stays: moving it for each byte would cost more than one early look. */
static void restart_rx_timer(Serial *s)
{
    s->state.rx_timeout = false;
    if (rx_waits(s)) {
        s->state.rx_deadline_ns = machine_clock_ns(s->machine) +
                                  UART_TIMEOUT * char_time_ns(s);
        if (!s->rx_timer.armed ||
            s->state.rx_deadline_ns < s->rx_timer.expire_ns) {
            timer_mod(&s->rx_timer, s->state.rx_deadline_ns);
        }
    }
}

static void rx_timer_fire(void *opaque)
{
    Serial *s = opaque;

    if (!rx_waits(s)) {
        return;
    }
    if (machine_clock_ns(s->machine) < s->state.rx_deadline_ns) {
        timer_mod(&s->rx_timer, s->state.rx_deadline_ns);
        return;
    }
    s->state.rx_timeout = true;
    update_irq(s);
}

/* A break is reported when its byte has come to the head of the FIFO. */
static void show_rx_head(Serial *s)
{
    if (s->state.rx_count && (s->state.rx[s->state.rx_head] & RX_BREAK)) {
        s->state.rx[s->state.rx_head] &= 0xff;
        s->state.line_errors |= LSR_BI;
    }
}

static void rx_push(Serial *s, uint16_t entry)
{
    if (s->state.rx_count == rx_capacity(s)) {
        s->state.line_errors |= LSR_OE;
        if (!fifo_enabled(s)) {
            s->state.rx[s->state.rx_head] =
                entry; /* the old one is overwritten (8.4) */
            show_rx_head(s);
        }
        return;
    }
    s->state.rx[(s->state.rx_head + s->state.rx_count) % UART_FIFO_SIZE] =
        entry;
    s->state.rx_count++;
    show_rx_head(s);
}

static void rx_clear(Serial *s)
{
    s->state.rx_head = 0;
    s->state.rx_count = 0;
    s->state.rx_timeout = false;
}

static size_t serial_can_receive(void *opaque)
{
    const Serial *s = opaque;

    return s->state.mcr & MCR_LOOP ? 0 : rx_capacity(s) - s->state.rx_count;
}

static void serial_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Serial *s = opaque;

    for (size_t i = 0; i < len; i++) {
        rx_push(s, buf[i]);
    }
    restart_rx_timer(s);
    update_irq(s);
}

/* Lets the host go on when there is room. */
static void accept_input(Serial *s)
{
    if (s->chr && serial_can_receive(s)) {
        chardev_accept_input(s->chr);
    }
}

static uint8_t read_rbr(Serial *s)
{
    uint8_t value = (uint8_t)s->state.rx[s->state.rx_head];

    if (!s->state.rx_count) {
        return 0;
    }
    s->state.rx_head = (s->state.rx_head + 1) % UART_FIFO_SIZE;
    s->state.rx_count--;
    show_rx_head(s);
    restart_rx_timer(s);
    update_irq(s);
    /* In one go: a guest that empties its FIFO costs one wake-up, not 16. */
    if (!s->state.rx_count) {
        accept_input(s);
    }
    return value;
}

/* --- transmitter --- */

static size_t send_to_host(Serial *s, const uint8_t *buf, size_t len)
{
    return s->chr ? chardev_write(s->chr, buf, len) : len;
}

static void tx_set_empty(Serial *s)
{
    s->state.tx_state = TX_IDLE;
    s->state.tx_count = 0;
    s->state.thre_pending = true;
    timer_del(&s->tx_timer);
}

/* The host takes output again. */
static void tx_resume(Serial *s)
{
    if (s->state.tx_state == TX_STALLED) {
        size_t n = send_to_host(s, s->state.tx, s->state.tx_count);

        s->state.tx_count -= (unsigned)n;
        memmove(s->state.tx, s->state.tx + n, s->state.tx_count);
        if (s->state.tx_count) {
            timer_mod(&s->tx_timer, machine_clock_ns(s->machine) + STALL_NS);
            return;
        }
        tx_set_empty(s);
        update_irq(s);
    } else if (s->state.tx_state == TX_DROPPING) {
        s->state.tx_state = TX_IDLE;
    }
}

static void tx_timer_fire(void *opaque)
{
    Serial *s = opaque;

    tx_set_empty(s);
    s->state.tx_state = TX_DROPPING;
    update_irq(s);
}

static void write_thr(Serial *s, uint8_t value)
{
    s->state.thre_pending = false;
    if (s->state.mcr & MCR_LOOP) {
        rx_push(s, value);
        restart_rx_timer(s);
        s->state.thre_pending = true;
    } else if (s->state.tx_state == TX_STALLED) {
        /* A guest that minds THRE comes here for the rest of a full FIFO. */
        if (s->state.tx_count < (fifo_enabled(s) ? UART_FIFO_SIZE : 1)) {
            s->state.tx[s->state.tx_count++] = value;
        }
    } else if (s->state.tx_state == TX_DROPPING ||
               send_to_host(s, &value, 1) == 1) {
        s->state.thre_pending = true;
    } else {
        s->state.tx_state = TX_STALLED;
        s->state.tx[0] = value;
        s->state.tx_count = 1;
        timer_mod(&s->tx_timer, machine_clock_ns(s->machine) + STALL_NS);
    }
    update_irq(s);
}

/* --- the other registers --- */

static void write_ier(Serial *s, uint8_t value)
{
    uint8_t enabled = value & (uint8_t)~s->state.ier;

    s->state.ier = value & 0x0f;
    /* Enabling the interrupt while the transmitter is empty raises it. */
    if ((enabled & IER_THRE) && s->state.tx_state != TX_STALLED) {
        s->state.thre_pending = true;
    }
    if (enabled & IER_RDA) {
        restart_rx_timer(s);
    }
    update_irq(s);
}

/* Reading IIR takes back the THRE interrupt if that is what it reports. */
static uint8_t read_iir(Serial *s)
{
    uint8_t cause = interrupt_cause(s);

    if (cause == IIR_THRE) {
        s->state.thre_pending = false;
        update_irq(s);
    }
    return cause | (fifo_enabled(s) ? IIR_FIFO : 0);
}

static void write_fcr(Serial *s, uint8_t value)
{
    uint8_t changed = value ^ s->state.fcr;

    /* The other bits count only together with the enable bit (8.4); to change
     * that clears both FIFOs. */
    if (!(value & FCR_ENABLE)) {
        value = 0;
    }
    if ((changed & FCR_ENABLE) || (value & FCR_CLEAR_RX)) {
        rx_clear(s);
    }
    if (((changed & FCR_ENABLE) || (value & FCR_CLEAR_TX)) &&
        s->state.tx_state == TX_STALLED) {
        tx_set_empty(s);
    }
    s->state.fcr = value & (uint8_t) ~(FCR_CLEAR_RX | FCR_CLEAR_TX);
    restart_rx_timer(s);
    update_irq(s);
    accept_input(s);
}

static uint8_t read_lsr(Serial *s)
{
    uint8_t value = s->state.line_errors;

    if (s->state.rx_count) {
        value |= LSR_DR;
    }
    if (s->state.tx_state != TX_STALLED) {
        value |= LSR_THRE | LSR_TEMT;
    }
    for (unsigned i = 0; fifo_enabled(s) && i < s->state.rx_count; i++) {
        if (s->state.rx[(s->state.rx_head + i) % UART_FIFO_SIZE] & RX_BREAK) {
            value |= LSR_FIFO_ERROR;
        }
    }
    if (fifo_enabled(s) && (s->state.line_errors & LSR_BI)) {
        value |= LSR_FIFO_ERROR;
    }
    s->state.line_errors = 0;
    update_irq(s);
    return value;
}

/* What the modem lines are: somebody is always there and ready, unless they
 * are looped back from our own outputs (8.7). */
static uint8_t modem_lines(const Serial *s)
{
    if (!(s->state.mcr & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return (s->state.mcr & MCR_RTS ? MSR_CTS : 0) |
           (s->state.mcr & MCR_DTR ? MSR_DSR : 0) |
           (s->state.mcr & MCR_OUT1 ? MSR_RI : 0) |
           (s->state.mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(Serial *s)
{
    uint8_t lines = modem_lines(s);
    uint8_t changed = lines ^ s->state.modem;
    uint8_t deltas = s->state.modem & MSR_DELTAS;

    deltas |= changed & MSR_CTS ? MSR_DCTS : 0;
    deltas |= changed & MSR_DSR ? MSR_DDSR : 0;
    deltas |= changed & MSR_DCD ? MSR_DDCD : 0;
    /* Trailing edge: RI has become inactive. */
    deltas |= changed & s->state.modem & MSR_RI ? MSR_TERI : 0;
    s->state.modem = lines | deltas;
}

static void write_mcr(Serial *s, uint8_t value)
{
    s->state.mcr = value & MCR_MASK;
    update_modem(s);
    update_irq(s);
    accept_input(s);
}

static uint8_t read_msr(Serial *s)
{
    uint8_t value = s->state.modem;

    s->state.modem &= (uint8_t)~MSR_DELTAS;
    update_irq(s);
    return value;
}

/* --- accesses --- */

static uint8_t read_register(Serial *s, unsigned reg)
{
    bool dlab = s->state.lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA:
        return dlab ? (uint8_t)s->state.divisor : read_rbr(s);
    case REG_IER:
        return dlab ? (uint8_t)(s->state.divisor >> 8) : s->state.ier;
    case REG_IIR:
        return read_iir(s);
    case REG_LCR:
        return s->state.lcr;
    case REG_MCR:
        return s->state.mcr;
    case REG_LSR:
        return read_lsr(s);
    case REG_MSR:
        return read_msr(s);
    default:
        return s->state.scr;
    }
}

static void write_register(Serial *s, unsigned reg, uint8_t value)
{
    bool dlab = s->state.lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA:
        if (dlab) {
            s->state.divisor = (uint16_t)((s->state.divisor & 0xff00) | value);
        } else {
            write_thr(s, value);
        }
        break;
    case REG_IER:
        if (dlab) {
            s->state.divisor = (uint16_t)((s->state.divisor & 0xff) | value
                                                                          << 8);
        } else {
            write_ier(s, value);
        }
        break;
    case REG_IIR:
        write_fcr(s, value);
        break;
    case REG_LCR:
        s->state.lcr = value;
        break;
    case REG_MCR:
        write_mcr(s, value);
        break;
    case REG_SCR:
        s->state.scr = value;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
}

/* The bus is eight bits wide: a wider access is one after the other. */
static uint64_t serial_read(void *opaque, uint64_t offset, unsigned size)
{
    Serial *s = opaque;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = (unsigned)offset + i;
        uint8_t byte = read_register(s, reg);

        value |= (uint64_t)byte << (8 * i);
        trace(serial_read, "irq=%u reg=%u value=0x%x", s->irq->n, reg, byte);
    }
    return value;
}

static void serial_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
    Serial *s = opaque;

    for (unsigned i = 0; i < size; i++) {
        unsigned reg = (unsigned)offset + i;
        uint8_t byte = (uint8_t)(value >> (8 * i));

        trace(serial_write, "irq=%u reg=%u value=0x%x", s->irq->n, reg, byte);
        write_register(s, reg, byte);
    }
}

static const MemoryRegionOps serial_ops = {
    .read = serial_read,
    .write = serial_write,
};

/* --- life --- */

static void serial_event(void *opaque, ChardevEvent event)
{
    Serial *s = opaque;

    switch (event) {
    case CHARDEV_BREAK:
        if (!(s->state.mcr & MCR_LOOP)) {
            rx_push(s, RX_BREAK);
            restart_rx_timer(s);
            update_irq(s);
        }
        break;
    case CHARDEV_WRITABLE:
        tx_resume(s);
        break;
    case CHARDEV_GONE:
        s->chr = NULL;
        tx_resume(s);
        break;
    case CHARDEV_OPENED:
    case CHARDEV_CLOSED:
    case CHARDEV_FOCUS:
        break;
    }
}

static const ChardevFrontend serial_frontend = {
    .can_receive = serial_can_receive,
    .receive = serial_receive,
    .event = serial_event,
};

/* Values at power-on (table III). */
void serial_reset(Serial *s)
{
    s->state = (SerialState){ .divisor = 1 };
    s->state.modem = modem_lines(s);
    timer_del(&s->rx_timer);
    timer_del(&s->tx_timer);
    update_irq(s);
    accept_input(s);
}

void serial_init(Serial *s, Machine *machine, IrqLine *irq)
{
    s->machine = machine;
    s->irq = irq;
    timer_init(&s->rx_timer, machine, rx_timer_fire, s);
    timer_init(&s->tx_timer, machine, tx_timer_fire, s);
    memory_region_init(&s->region, "serial", &serial_ops, s, UART_PORTS);
    serial_reset(s);
}

bool serial_attach(Serial *s, Chardev *chr)
{
    if (!chardev_attach(chr, &serial_frontend, s)) {
        return false;
    }
    s->chr = chr;
    return true;
}

void serial_finish(Serial *s)
{
    memory_region_unmap(&s->region);
    if (s->chr) {
        chardev_detach(s->chr, s);
        s->chr = NULL;
    }
    timer_del(&s->rx_timer);
    timer_del(&s->tx_timer);
}
