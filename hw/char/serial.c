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
 * The interrupt is the chip's INTR, not gated by OUT2 as a PC's board does it.
 */
#include "hw/char/serial.h"
#include "chardev/char.h"
#include "hw/isa/isa.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

#define UART_PORTS     8
#define UART_FIFO_SIZE 16
#define UART_CLOCK_HZ  1843200
#define UART_TIMEOUT   4 /* characters of silence */
#define STALL_NS       NANOSECONDS_PER_SECOND

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

typedef enum TxState {
    TX_IDLE,     /* empty: THRE */
    TX_STALLED,  /* bytes wait for the host */
    TX_DROPPING, /* nobody reads: bytes are thrown away */
} TxState;

typedef struct Serial {
    Device dev;
    uint32_t index, iobase, irq; /* properties */
    char *chardev_name;          /* property */
    Chardev *chr;                /* borrowed; NULL: output goes nowhere */

    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t line_errors; /* LSR_ERRORS */
    uint8_t modem;       /* MSR */
    uint16_t divisor;

    uint16_t rx[UART_FIFO_SIZE]; /* a byte and RX_BREAK */
    unsigned rx_head, rx_count;
    bool rx_timeout; /* the FIFO has been left alone */

    TxState tx_state;
    uint8_t tx[UART_FIFO_SIZE];
    unsigned tx_count;
    bool thre_pending; /* the interrupt, not the status bit */

    bool irq_level;
    Timer rx_timer; /* to rx_timeout; armed while its interrupt can come */
    int64_t rx_deadline_ns; /* when it does; rx_timer may fire earlier */
    Timer tx_timer;         /* to TX_DROPPING; armed while TX_STALLED */
    MemoryRegion region;
} Serial;

const SerialIsaResources serial_isa_resources[SERIAL_ISA_PORTS] = {
    { 0x3f8, 4 },
    { 0x2f8, 3 },
    { 0x3e8, 4 },
    { 0x2e8, 3 },
};

static Serial *serial_from(Device *dev)
{
    return container_of(dev, Serial, dev);
}

static bool fifo_enabled(const Serial *s)
{
    return s->fcr & FCR_ENABLE;
}

static unsigned rx_capacity(const Serial *s)
{
    return fifo_enabled(s) ? UART_FIFO_SIZE : 1;
}

/* --- interrupts (8.5, 8.6) --- */

static unsigned rx_trigger(const Serial *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return fifo_enabled(s) ? levels[s->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* The cause of highest priority. */
static uint8_t interrupt_cause(const Serial *s)
{
    if ((s->ier & IER_LINE) && s->line_errors) {
        return IIR_LINE;
    }
    if ((s->ier & IER_RDA) && s->rx_count >= rx_trigger(s)) {
        return IIR_RDA;
    }
    if ((s->ier & IER_RDA) && s->rx_timeout) {
        return IIR_TIMEOUT;
    }
    if ((s->ier & IER_THRE) && s->thre_pending) {
        return IIR_THRE;
    }
    if ((s->ier & IER_MODEM) && (s->modem & MSR_DELTAS)) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

static void update_irq(Serial *s)
{
    bool level = interrupt_cause(s) != IIR_NONE;

    if (level != s->irq_level) {
        s->irq_level = level;
        irq_set(isa_line(&s->dev, s->irq), level);
    }
}

/* --- receiver --- */

/* How long one character would take on the line. */
static int64_t char_time_ns(const Serial *s)
{
    /* Start bit, 5 to 8 data bits, parity, stop bits. */
    int bits = 1 + 5 + (s->lcr & LCR_WORD) + !!(s->lcr & LCR_PARITY) +
               (s->lcr & LCR_STOP ? 2 : 1);
    int64_t divisor = s->divisor ? s->divisor : 1;

    return bits * divisor * 16 * NANOSECONDS_PER_SECOND / UART_CLOCK_HZ;
}

static bool rx_waits(const Serial *s)
{
    return fifo_enabled(s) && (s->ier & IER_RDA) && s->rx_count &&
           s->rx_count < rx_trigger(s);
}

/* Restarts the wait for the character timeout (8.4.1), whenever the FIFO was
 * filled or read and holds less than the trigger level. A timer that is armed
 * stays: moving it for each byte would cost more than one early look. */
static void restart_rx_timer(Serial *s)
{
    s->rx_timeout = false;
    if (rx_waits(s)) {
        s->rx_deadline_ns = machine_clock_ns(s->dev.machine) +
                            UART_TIMEOUT * char_time_ns(s);
        if (!s->rx_timer.armed || s->rx_deadline_ns < s->rx_timer.expire_ns) {
            timer_mod(&s->rx_timer, s->rx_deadline_ns);
        }
    }
}

static void rx_timer_fire(void *opaque)
{
    Serial *s = opaque;

    if (!rx_waits(s)) {
        return;
    }
    if (machine_clock_ns(s->dev.machine) < s->rx_deadline_ns) {
        timer_mod(&s->rx_timer, s->rx_deadline_ns);
        return;
    }
    s->rx_timeout = true;
    update_irq(s);
}

/* A break is reported when its byte has come to the head of the FIFO. */
static void show_rx_head(Serial *s)
{
    if (s->rx_count && (s->rx[s->rx_head] & RX_BREAK)) {
        s->rx[s->rx_head] &= 0xff;
        s->line_errors |= LSR_BI;
    }
}

static void rx_push(Serial *s, uint16_t entry)
{
    if (s->rx_count == rx_capacity(s)) {
        s->line_errors |= LSR_OE;
        if (!fifo_enabled(s)) {
            s->rx[s->rx_head] = entry; /* the old one is overwritten (8.4) */
            show_rx_head(s);
        }
        return;
    }
    s->rx[(s->rx_head + s->rx_count) % UART_FIFO_SIZE] = entry;
    s->rx_count++;
    show_rx_head(s);
}

static void rx_clear(Serial *s)
{
    s->rx_head = 0;
    s->rx_count = 0;
    s->rx_timeout = false;
}

static size_t serial_can_receive(void *opaque)
{
    const Serial *s = opaque;

    return s->mcr & MCR_LOOP ? 0 : rx_capacity(s) - s->rx_count;
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
    uint8_t value = (uint8_t)s->rx[s->rx_head];

    if (!s->rx_count) {
        return 0;
    }
    s->rx_head = (s->rx_head + 1) % UART_FIFO_SIZE;
    s->rx_count--;
    show_rx_head(s);
    restart_rx_timer(s);
    update_irq(s);
    /* In one go: a guest that empties its FIFO costs one wake-up, not 16. */
    if (!s->rx_count) {
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
    s->tx_state = TX_IDLE;
    s->tx_count = 0;
    s->thre_pending = true;
    timer_del(&s->tx_timer);
}

/* The host takes output again. */
static void tx_resume(Serial *s)
{
    if (s->tx_state == TX_STALLED) {
        size_t n = send_to_host(s, s->tx, s->tx_count);

        s->tx_count -= (unsigned)n;
        memmove(s->tx, s->tx + n, s->tx_count);
        if (s->tx_count) {
            timer_mod(&s->tx_timer,
                      machine_clock_ns(s->dev.machine) + STALL_NS);
            return;
        }
        tx_set_empty(s);
        update_irq(s);
    } else if (s->tx_state == TX_DROPPING) {
        s->tx_state = TX_IDLE;
    }
}

static void tx_timer_fire(void *opaque)
{
    Serial *s = opaque;

    tx_set_empty(s);
    s->tx_state = TX_DROPPING;
    update_irq(s);
}

static void write_thr(Serial *s, uint8_t value)
{
    s->thre_pending = false;
    if (s->mcr & MCR_LOOP) {
        rx_push(s, value);
        restart_rx_timer(s);
        s->thre_pending = true;
    } else if (s->tx_state == TX_STALLED) {
        /* A guest that minds THRE comes here for the rest of a full FIFO. */
        if (s->tx_count < (fifo_enabled(s) ? UART_FIFO_SIZE : 1)) {
            s->tx[s->tx_count++] = value;
        }
    } else if (s->tx_state == TX_DROPPING || send_to_host(s, &value, 1) == 1) {
        s->thre_pending = true;
    } else {
        s->tx_state = TX_STALLED;
        s->tx[0] = value;
        s->tx_count = 1;
        timer_mod(&s->tx_timer, machine_clock_ns(s->dev.machine) + STALL_NS);
    }
    update_irq(s);
}

/* --- the other registers --- */

static void write_ier(Serial *s, uint8_t value)
{
    uint8_t enabled = value & (uint8_t)~s->ier;

    s->ier = value & 0x0f;
    /* Enabling the interrupt while the transmitter is empty raises it. */
    if ((enabled & IER_THRE) && s->tx_state != TX_STALLED) {
        s->thre_pending = true;
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
        s->thre_pending = false;
        update_irq(s);
    }
    return cause | (fifo_enabled(s) ? IIR_FIFO : 0);
}

static void write_fcr(Serial *s, uint8_t value)
{
    uint8_t changed = value ^ s->fcr;

    /* The other bits count only together with the enable bit (8.4); to change
     * that clears both FIFOs. */
    if (!(value & FCR_ENABLE)) {
        value = 0;
    }
    if ((changed & FCR_ENABLE) || (value & FCR_CLEAR_RX)) {
        rx_clear(s);
    }
    if (((changed & FCR_ENABLE) || (value & FCR_CLEAR_TX)) &&
        s->tx_state == TX_STALLED) {
        tx_set_empty(s);
    }
    s->fcr = value & (uint8_t) ~(FCR_CLEAR_RX | FCR_CLEAR_TX);
    restart_rx_timer(s);
    update_irq(s);
    accept_input(s);
}

static uint8_t read_lsr(Serial *s)
{
    uint8_t value = s->line_errors;

    if (s->rx_count) {
        value |= LSR_DR;
    }
    if (s->tx_state != TX_STALLED) {
        value |= LSR_THRE | LSR_TEMT;
    }
    for (unsigned i = 0; fifo_enabled(s) && i < s->rx_count; i++) {
        if (s->rx[(s->rx_head + i) % UART_FIFO_SIZE] & RX_BREAK) {
            value |= LSR_FIFO_ERROR;
        }
    }
    if (fifo_enabled(s) && (s->line_errors & LSR_BI)) {
        value |= LSR_FIFO_ERROR;
    }
    s->line_errors = 0;
    update_irq(s);
    return value;
}

/* What the modem lines are: somebody is always there and ready, unless they
 * are looped back from our own outputs (8.7). */
static uint8_t modem_lines(const Serial *s)
{
    if (!(s->mcr & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
           (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void update_modem(Serial *s)
{
    uint8_t lines = modem_lines(s);
    uint8_t changed = lines ^ s->modem;
    uint8_t deltas = s->modem & MSR_DELTAS;

    deltas |= changed & MSR_CTS ? MSR_DCTS : 0;
    deltas |= changed & MSR_DSR ? MSR_DDSR : 0;
    deltas |= changed & MSR_DCD ? MSR_DDCD : 0;
    /* Trailing edge: RI has become inactive. */
    deltas |= changed & s->modem & MSR_RI ? MSR_TERI : 0;
    s->modem = lines | deltas;
}

static void write_mcr(Serial *s, uint8_t value)
{
    s->mcr = value & MCR_MASK;
    update_modem(s);
    update_irq(s);
    accept_input(s);
}

static uint8_t read_msr(Serial *s)
{
    uint8_t value = s->modem;

    s->modem &= (uint8_t)~MSR_DELTAS;
    update_irq(s);
    return value;
}

/* --- accesses --- */

static uint8_t read_register(Serial *s, unsigned reg)
{
    bool dlab = s->lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA:
        return dlab ? (uint8_t)s->divisor : read_rbr(s);
    case REG_IER:
        return dlab ? (uint8_t)(s->divisor >> 8) : s->ier;
    case REG_IIR:
        return read_iir(s);
    case REG_LCR:
        return s->lcr;
    case REG_MCR:
        return s->mcr;
    case REG_LSR:
        return read_lsr(s);
    case REG_MSR:
        return read_msr(s);
    default:
        return s->scr;
    }
}

static void write_register(Serial *s, unsigned reg, uint8_t value)
{
    bool dlab = s->lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA:
        if (dlab) {
            s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
        } else {
            write_thr(s, value);
        }
        break;
    case REG_IER:
        if (dlab) {
            s->divisor = (uint16_t)((s->divisor & 0xff) | value << 8);
        } else {
            write_ier(s, value);
        }
        break;
    case REG_IIR:
        write_fcr(s, value);
        break;
    case REG_LCR:
        s->lcr = value;
        break;
    case REG_MCR:
        write_mcr(s, value);
        break;
    case REG_SCR:
        s->scr = value;
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
        trace(serial_read, "irq=%u reg=%u value=0x%x", s->irq, reg, byte);
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

        trace(serial_write, "irq=%u reg=%u value=0x%x", s->irq, reg, byte);
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
        if (!(s->mcr & MCR_LOOP)) {
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
static void serial_reset(Device *dev)
{
    Serial *s = serial_from(dev);

    s->ier = 0;
    s->fcr = 0;
    s->lcr = 0;
    s->mcr = 0;
    s->scr = 0;
    s->divisor = 1;
    s->line_errors = 0;
    s->modem = modem_lines(s);
    rx_clear(s);
    tx_set_empty(s);
    s->thre_pending = false;
    update_irq(s);
    accept_input(s);
}

static const Serial *find_port(const DeviceTree *tree, uint32_t index)
{
    for (unsigned i = 0; i < tree->devices->len; i++) {
        Device *dev = g_ptr_array_index(tree->devices, i);

        if (dev->type == &isa_serial_type && serial_from(dev)->index == index) {
            return serial_from(dev);
        }
    }
    return NULL;
}

/* Fills in what the properties leave open. */
static bool choose_port(Serial *s, GError **errp)
{
    uint32_t index = s->index;

    for (uint32_t i = 0; index == PROPERTY_AUTO && i < SERIAL_ISA_PORTS; i++) {
        if (!find_port(s->dev.tree, i)) {
            index = i;
        }
    }
    if (index == PROPERTY_AUTO) {
        error_setg(errp, "isa-serial: the machine has %d serial ports already",
                   SERIAL_ISA_PORTS);
        return false;
    }
    if (find_port(s->dev.tree, index)) {
        error_setg(errp,
                   "isa-serial: index=%" PRIu32 " (COM%" PRIu32
                   ") is taken: give another, or -serial none",
                   index, index + 1);
        return false;
    }
    s->index = index;
    if (s->iobase == PROPERTY_AUTO) {
        s->iobase = serial_isa_resources[index].iobase;
    }
    if (s->irq == PROPERTY_AUTO) {
        s->irq = serial_isa_resources[index].irq;
    }
    return true;
}

static bool attach_chardev(Serial *s, GError **errp)
{
    if (s->chardev_name) {
        s->chr = chardev_find(s->dev.machine, s->chardev_name);
        if (!s->chr) {
            error_setg(errp,
                       "Property 'isa-serial.chardev' can't find value '%s'",
                       s->chardev_name);
            return false;
        }
    }
    if (s->chr && !chardev_attach(s->chr, &serial_frontend, s)) {
        error_setg(errp,
                   "Property 'isa-serial.chardev' can't take value '%s', it's "
                   "in use",
                   chardev_id(s->chr));
        s->chr = NULL; /* it is not ours to detach */
        return false;
    }
    return true;
}

static bool serial_realize(Device *dev, GError **errp)
{
    Serial *s = serial_from(dev);
    Machine *m = dev->machine;

    timer_init(&s->rx_timer, m, rx_timer_fire, s);
    timer_init(&s->tx_timer, m, tx_timer_fire, s);
    s->divisor = 1;
    s->modem = modem_lines(s);
    /* In this order: unrealize detaches what s->chr names. */
    if (!attach_chardev(s, errp) || !choose_port(s, errp)) {
        return false;
    }
    memory_region_init(&s->region, "serial", &serial_ops, s, UART_PORTS);
    s->region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->region, &m->io, s->iobase);
    return true;
}

static void serial_unrealize(Device *dev)
{
    Serial *s = serial_from(dev);

    memory_region_unmap(&s->region);
    if (s->chr) {
        chardev_detach(s->chr, s);
        s->chr = NULL;
    }
    timer_del(&s->rx_timer);
    timer_del(&s->tx_timer);
}

static const Property serial_props[] = {
    PROP_AUTO32("index", Serial, index, .def = PROPERTY_AUTO,
                .max = SERIAL_ISA_PORTS - 1,
                .summary = "0 to 3: COM1 to COM4; auto is the first free one"),
    PROP_AUTO32("iobase", Serial, iobase, .def = PROPERTY_AUTO,
                .max = 0x10000 - UART_PORTS,
                .summary = "first I/O port; auto is that of the COM port"),
    PROP_AUTO32("irq", Serial, irq, .def = PROPERTY_AUTO, .max = 15,
                .summary = "ISA interrupt; auto is that of the COM port"),
    PROP_STRING("chardev", Serial, chardev_name,
                .summary = "id of the character device behind it"),
    { 0 },
};

const DeviceType isa_serial_type = {
    .name = "isa-serial",
    .summary = "16550A serial port",
    .bus = BUS_ISA,
    .size = sizeof(Serial),
    .props = serial_props,
    .user_creatable = true,
    .realize = serial_realize,
    .unrealize = serial_unrealize,
    .reset = serial_reset,
};

bool serial_isa_new(Machine *machine, unsigned index, Chardev *chr,
                    GError **errp)
{
    Device *dev = device_new(&machine->tree, &isa_serial_type);

    assert(index < SERIAL_ISA_PORTS);
    serial_from(dev)->index = index;
    serial_from(dev)->chr = chr;
    if (!device_realize(dev, errp)) {
        device_free(dev);
        return false;
    }
    return true;
}

unsigned serial_isa_ports(Machine *machine)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < SERIAL_ISA_PORTS; i++) {
        const Serial *s = find_port(&machine->tree, i);

        if (s && s->iobase == serial_isa_resources[i].iobase &&
            s->irq == serial_isa_resources[i].irq) {
            mask |= 1u << i;
        }
    }
    return mask;
}
