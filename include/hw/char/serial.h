/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of a 16550A UART (National Semiconductor PC16550D) behind a
 * character device. Where they lie and where the interrupt goes is its owner's:
 * hw/char/serial-isa.c, for one.
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "hw/core/irq.h"
#include "system/memory.h"
#include "system/timer.h"

typedef struct Chardev Chardev;
typedef struct Machine Machine;

#define UART_PORTS     8
#define UART_FIFO_SIZE 16

typedef enum SerialTxState {
    TX_IDLE,     /* empty: THRE */
    TX_STALLED,  /* bytes wait for the host */
    TX_DROPPING, /* nobody reads: bytes are thrown away */
} SerialTxState;

/* What a guest can see; and so can it the time left of the two timers. */
typedef struct SerialState {
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t line_errors; /* of LSR */
    uint8_t modem;       /* MSR */
    uint16_t divisor;

    uint16_t rx[UART_FIFO_SIZE]; /* a byte, or 0x100: a break */
    unsigned rx_head, rx_count;
    bool rx_timeout; /* the FIFO has been left alone */
    int64_t
        rx_deadline_ns; /* when it will have been; rx_timer may be earlier */

    SerialTxState tx_state;
    uint8_t tx[UART_FIFO_SIZE];
    unsigned tx_count;
    bool thre_pending; /* the interrupt, not the status bit */
} SerialState;

typedef struct Serial {
    SerialState state;
    Timer rx_timer; /* to rx_timeout; armed while its interrupt can come */
    Timer tx_timer; /* to TX_DROPPING; armed while TX_STALLED */
    bool irq_level; /* what it drives the line to: follows from the state */

    Machine *machine; /* borrowed, as are the two below */
    IrqLine *irq;
    Chardev *chr;        /* NULL: output goes nowhere */
    MemoryRegion region; /* for its owner to map */
} Serial;

/* Makes a zeroed one in its power-on state, not attached to anything. */
void serial_init(Serial *s, Machine *machine, IrqLine *irq);
/* Puts it in front of @chr (borrowed); false if that is in use. */
bool serial_attach(Serial *s, Chardev *chr);
/* Unmaps and detaches it; fine if it is neither, or zeroed. */
void serial_finish(Serial *s);
void serial_reset(Serial *s);

#endif
