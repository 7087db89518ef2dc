/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device from reset to DRIVER_OK and back (specification 1.2, 3.1),
 * on the registers of virtio-pci.h and the queues of vring.h.
 *
 *     QVirtioDevice dev;
 *
 *     qvirtio_init(&dev, pci, alloc);           resets it
 *     qvirtio_negotiate(&dev, wanted);          ... up to FEATURES_OK
 *     qvirtio_setup_queues(&dev, 4, QVIRTIO_MSIX);
 *     qvirtio_set_driver_ok(&dev);
 *     head = qvring_add(dev.queues[2], ...);
 *     qvirtio_kick(&dev, 2);
 *     qvirtio_wait_used(&dev, 2, &used);
 *     qvirtio_finish(&dev);                     resets it, frees the queues
 *
 * How a driver learns that a queue has used entries is the mode: it looks
 * (POLL), reads ISR (INTX), or gets the queue's message (MSIX: vector 0 is
 * configuration, vector i + 1 is queue i). In the two latter modes it takes used
 * entries until it finds none and then looks again only after an interrupt, so
 * that a lost one fails the test.
 */
#ifndef TESTS_LIBQOS_VIRTIO_H
#define TESTS_LIBQOS_VIRTIO_H

#include "libqos/virtio-pci.h"
#include "libqos/vring.h"

#define QVIRTIO_QUEUES_MAX 1026

#define QVIRTIO_BIT(bit) (UINT64_C(1) << (bit))

typedef enum QVirtioMode {
    QVIRTIO_POLL,
    QVIRTIO_INTX,
    QVIRTIO_MSIX
} QVirtioMode;

typedef struct QVirtioDevice {
    QVirtioPCI regs;
    QTestState *qts;
    QGuestAllocator *alloc;
    uint64_t features; /* negotiated */
    QVirtioMode mode;
    bool via_config; /* notify through configuration space */
    uint16_t n_queues;
    QVirtQueue *queues[QVIRTIO_QUEUES_MAX];
    uint16_t notify_off[QVIRTIO_QUEUES_MAX];
    bool quiet[QVIRTIO_QUEUES_MAX]; /* nothing used until an interrupt comes */
    bool config_changed;            /* ISR has said so */
} QVirtioDevice;

/* @pci must be enabled; it and @alloc are borrowed. Resets the device and says
 * ACKNOWLEDGE and DRIVER. */
void qvirtio_init(QVirtioDevice *dev, QPCIDevice *pci, QGuestAllocator *alloc);
/* Resets the device and frees its queues. */
void qvirtio_finish(QVirtioDevice *dev);

/* Status 0, and waits until it reads so (4.1.4.3.2). */
void qvirtio_reset(QVirtioDevice *dev);

/* Takes those of @wanted that the device offers; VIRTIO_F_VERSION_1 is always
 * among them. Fails the test if the device does not keep FEATURES_OK. */
void qvirtio_negotiate(QVirtioDevice *dev, uint64_t wanted);

/* Queues 0 .. @n - 1 at the size the device proposes, and the vectors. */
void qvirtio_setup_queues(QVirtioDevice *dev, uint16_t n, QVirtioMode mode);

/* Fails the test if the device then needs a reset. */
void qvirtio_set_driver_ok(QVirtioDevice *dev);

/* Shows the queue's new requests to the device, which is notified if it wants
 * to be; returns whether it was. */
bool qvirtio_kick(QVirtioDevice *dev, uint16_t queue);

/* Notifies it in any case. */
void qvirtio_notify(QVirtioDevice *dev, uint16_t queue);

/* Takes the next used entry if the mode lets the driver know of one. */
bool qvirtio_get_used(QVirtioDevice *dev, uint16_t queue, QVirtUsed *ret);
/* The same, waits for it. */
void qvirtio_wait_used(QVirtioDevice *dev, uint16_t queue, QVirtUsed *ret);

/* Waits for a change of configuration, by vector 0 or ISR. */
void qvirtio_wait_config(QVirtioDevice *dev);

#endif
