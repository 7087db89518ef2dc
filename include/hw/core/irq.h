/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt line from a device to whatever it is wired to. */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

typedef void IrqHandler(void *opaque, unsigned n, bool level);

typedef struct IrqLine {
    IrqHandler *handler; /* NULL: not connected */
    void *opaque;
    unsigned n; /* which input of the receiver */
} IrqLine;

/* Drives the line. Machine lock. */
static inline void irq_set(const IrqLine *irq, bool level)
{
    if (irq->handler) {
        irq->handler(irq->opaque, irq->n, level);
    }
}

#endif
