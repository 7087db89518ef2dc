/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interrupt line from devices to whatever it is wired to. Several devices
 * may drive one line, as COM1 and COM3 do: it is high while at least one does.
 */
#ifndef HW_CORE_IRQ_H
#define HW_CORE_IRQ_H

typedef void IrqHandler(void *opaque, unsigned n, bool level);

typedef struct IrqLine {
    IrqHandler *handler; /* NULL: not connected */
    void *opaque;
    unsigned n;       /* which input of the receiver */
    unsigned drivers; /* devices that drive it high */
} IrqLine;

/* One of its devices, whose own output has changed to @level, drives the line.
 * Machine lock. */
static inline void irq_set(IrqLine *irq, bool level)
{
    bool was_high = irq->drivers;

    assert(level || irq->drivers);
    irq->drivers = level ? irq->drivers + 1 : irq->drivers - 1;
    if (irq->handler && was_high != (irq->drivers > 0)) {
        irq->handler(irq->opaque, irq->n, level);
    }
}

#endif
