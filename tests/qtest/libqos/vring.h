/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a split virtqueue (specification 1.2, 2.7) in guest RAM.
 *
 *     QVirtQueue *q = qvring_new(s, alloc, 128, features);
 *     QVirtBuf bufs[] = { { req, 51, false }, { resp, 108, true } };
 *     uint16_t head = qvring_add(q, bufs, 2, false);
 *     if (qvring_publish(q)) { ... notify the device ... }
 *     while (!qvring_get_used(q, &used)) { ... wait ... }
 *
 * The device is told of nothing here: virtio.h does that. Everything is read
 * from and written to guest RAM by the protocol, nothing is cached but what
 * the driver itself has written; a used entry that no driver asked for fails
 * the test.
 */
#ifndef TESTS_LIBQOS_VRING_H
#define TESTS_LIBQOS_VRING_H

#include "libqtest.h"

#include <linux/virtio_ring.h>

typedef struct QGuestAllocator QGuestAllocator;

#define QVRING_SIZE_MAX 32768

/* A buffer of a request. Those the device writes stand behind the others. */
typedef struct QVirtBuf {
    uint64_t addr;
    uint32_t len;
    bool device_writes;
} QVirtBuf;

/* What the driver remembers of a request under way. */
typedef struct QVirtHead {
    bool in_use;       /* the device has it */
    uint16_t n_desc;   /* of the table that it occupies */
    uint64_t indirect; /* its indirect table, 0: none */
} QVirtHead;

typedef struct QVirtQueue {
    QTestState *qts;
    QGuestAllocator *alloc;
    uint16_t size;
    bool event_idx, indirect_desc; /* negotiated */
    uint64_t memory;               /* the block that holds all three */
    uint64_t desc, avail, used;    /* physical addresses */

    uint16_t *free; /* stack of free descriptors */
    uint16_t n_free;
    QVirtHead *heads;    /* by head descriptor */
    uint16_t next_avail; /* avail index with what was added */
    uint16_t published;  /* ... that the device can see */
    uint16_t last_used;  /* used entries taken so far */
} QVirtQueue;

typedef struct QVirtUsed {
    uint16_t head; /* as qvring_add() returned it */
    uint32_t len;  /* bytes that the device has written */
} QVirtUsed;

/* An empty queue of @size (a power of two) descriptors; @features are those
 * that are negotiated. */
QVirtQueue *qvring_new(QTestState *s, QGuestAllocator *alloc, uint16_t size,
                       uint64_t features);
/* The device must have let go of it. Takes NULL. */
void qvring_free(QVirtQueue *q);

/* Adds a request and returns its head; the device does not see it yet. With
 * @indirect its descriptors lie in a table of their own (2.7.5.3). Fails the
 * test if there is no room; qvring_has_room() tells before. */
uint16_t qvring_add(QVirtQueue *q, const QVirtBuf *bufs, unsigned n,
                    bool indirect);
bool qvring_has_room(const QVirtQueue *q, unsigned n, bool indirect);

/* Shows what was added to the device; returns whether it wants to be notified
 * of it (2.7.7.2, 2.7.10). */
bool qvring_publish(QVirtQueue *q);

/* Takes the next used entry, if there is one, and asks for an interrupt for
 * the one after it. */
bool qvring_get_used(QVirtQueue *q, QVirtUsed *ret);

/* Asks the device for no interrupts, or for them again. A hint: with event idx
 * one may come nevertheless. */
void qvring_disable_interrupts(QVirtQueue *q, bool disable);

#endif
