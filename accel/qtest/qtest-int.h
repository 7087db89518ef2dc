/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the qtest accelerator share. */
#ifndef QTEST_INT_H
#define QTEST_INT_H

#include "accel/qtest.h"
#include "system/machine.h"

#define QTEST_IRQFDS_MAX     8192
#define QTEST_IOEVENTFDS_MAX 8192
/* Bytes of IRQ lines that wait to be collected; more are dropped. Enough for
 * what QTEST_TIMERS_MAX timers raise and lower. */
#define QTEST_IRQ_LINES_MAX  (32 * MiB)

typedef struct PciBus PciBus;
typedef struct QtestWire QtestWire;

/* Whose interrupts the client is told of. */
typedef enum QtestIntercept {
    INTERCEPT_NONE,
    INTERCEPT_INPUTS,
    INTERCEPT_MESSAGES,
    INTERCEPT_INTX,
} QtestIntercept;

typedef struct QtestAccel {
    Accel accel;
    GPtrArray *irqfds;  /* QtestIrqfd by route, owned; NULL: unused route */
    GArray *ioeventfds; /* IoEventFd; the fds are borrowed */
    QtestWire *wire;    /* owned; NULL: no -qtest */
    bool idle;          /* it has nothing to carry out or send; machine lock */

    /* INTERCEPT_INTX: the pin, and where its bus led before. Machine lock. */
    struct {
        PciBus *bus; /* borrowed; NULL: not intercepted */
        uint8_t devfn;
        bool level;
        void (*set_intx)(void *opaque, uint8_t devfn, unsigned pin, bool level);
        void *opaque;
    } intx;

    /* An interrupt may come from any thread, with and without the machine
     * lock. Its line waits here until somebody who has that lock sends it. */
    GMutex irq_lock;
    bool *level;              /* of each input; owned; irq_lock */
    QtestIntercept intercept; /* irq_lock; changed under the machine lock too */
    GString *lines;           /* irq_lock */
    GSource *wake; /* irq_lock; owned by the wire; made ready by new lines */
} QtestAccel;

static inline QtestAccel *qtest_accel(Accel *accel)
{
    return container_of(accel, QtestAccel, accel);
}

/* --- qtest-irq.c --- */

void qtest_irq_init(QtestAccel *q);
void qtest_irq_finish(QtestAccel *q);

void qtest_set_irq(Accel *accel, unsigned n, bool level);
int qtest_send_msi(Accel *accel, const MsiMessage *msg);
int qtest_irqfd_add_msi(Accel *accel, int fd, const MsiMessage *msg);
void qtest_irqfd_prepare_msi(Accel *accel, const MsiMessage *msgs, unsigned n);
void qtest_irqfd_del(Accel *accel, int fd, int route);
int qtest_ioeventfd_add(Accel *accel, const IoEventFd *io);
int qtest_ioeventfd_del(Accel *accel, const IoEventFd *io);

/* Signals the eventfd that a write is for; false if there is none. Machine
 * lock. */
bool qtest_ioeventfd_signal(QtestAccel *q, const AddressSpace *as,
                            uint64_t addr, uint64_t value, unsigned size);

/* Shows all inputs, or all messages; NULL or why not (const text). Machine
 * lock. */
const char *qtest_intercept_in(QtestAccel *q, QtestIntercept wanted);
/* Shows the pin of the PCI device at @path, likewise. Machine lock. */
const char *qtest_intercept_out(QtestAccel *q, const char *path);
/* Ends the interception and forgets lines that wait. Machine lock. */
void qtest_intercept_end(QtestAccel *q);

/* Moves the lines that wait to the end of @out. */
void qtest_irq_collect(QtestAccel *q, GString *out);

/* --- qtest-wire.c --- */

/* Ends its thread; requests are no longer carried out. Takes NULL and one that
 * has ended. Machine lock, which it releases meanwhile. */
void qtest_wire_end(QtestWire *w);
void qtest_wire_free(QtestWire *w); /* takes NULL; machine lock, as above */

#endif
