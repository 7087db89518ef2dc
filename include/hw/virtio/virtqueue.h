/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a virtqueue that user space serves: the control queue of
 * a network card, or a device without a data plane, such as entropy. Data
 * queues are the kernel's and are never read here.
 *
 *     static bool serve(VirtIODevice *vdev, VirtQueue *q)
 *     {
 *         VirtQueueElement e;
 *
 *         if (!virtqueue_pop(vdev, q, &e)) {
 *             return false;
 *         }
 *         len = virtqueue_read(&e, 0, &command, sizeof(command));
 *         ...
 *         virtqueue_push(vdev, q, &e, virtqueue_write(&e, 0, &ack, 1));
 *         return true;
 *     }
 *
 *     realize:  virtio_init(), virtqueue_serve(vdev, 0, serve)
 *
 * Split rings with indirect tables and event index (specification 1.2, 2.7).
 * Each descriptor is read once and checked once against RAM. What a driver has
 * got wrong about a ring sets DEVICE_NEEDS_RESET, and nothing is taken from or
 * given to a queue of that device until the reset. A driver may change the
 * bytes of its buffers at any time: what is checked must be a copy.
 *
 * How far a queue is, is VirtQueueState.last_avail, and the index in the used
 * ring itself: there is no other state, and a start goes on where it was. All
 * functions need the machine lock.
 */
#ifndef HW_VIRTIO_VIRTQUEUE_H
#define HW_VIRTIO_VIRTQUEUE_H

#include "hw/virtio/virtio.h"
#include "system/memory.h"

#include <linux/virtio_ring.h>
#include <sys/uio.h>

/* Descriptors of a chain, tables included; and of a ring that is served. */
#define VIRTQUEUE_CHAIN_MAX 256
/* Calls of a handler before others have their turn with the machine lock. */
#define VIRTQUEUE_BATCH     8

/* A buffer that the driver has made available. */
typedef struct VirtQueueElement {
    uint16_t head;          /* what the driver knows it by */
    unsigned n_out, n_in;   /* of iov: the driver's words, then the device's */
    size_t out_len, in_len; /* bytes of them */
    struct iovec iov[VIRTQUEUE_CHAIN_MAX]; /* lie in RAM; none is empty */
} VirtQueueElement;

/* Serves the next buffer of @q. Returns whether it did: false, and it is not
 * called again before the next kick or virtqueue_wake(). */
typedef bool VirtQueueHandler(VirtIODevice *vdev, VirtQueue *q);

/* In realize, after virtio_init(): @handler serves that queue while the device
 * runs, in the main loop. The queue's max_size is at most VIRTQUEUE_CHAIN_MAX.
 * virtio_finish() undoes it. */
void virtqueue_serve(VirtIODevice *vdev, unsigned queue,
                     VirtQueueHandler *handler);

/* Has the handler of @q look again: what it waited for is there. Any thread. */
void virtqueue_wake(VirtQueue *q);
/* The same for each queue that has one; for virtio.c. */
void virtqueue_wake_all(VirtIODevice *vdev);

/* Takes the next buffer. False: there is none now, the device does not run, or
 * the driver has got something wrong. */
bool virtqueue_pop(VirtIODevice *vdev, VirtQueue *q, VirtQueueElement *ret);
/* Undoes the last virtqueue_pop(), which has not been pushed. Works while the
 * device stops, too, with the device busy and without the lock. */
void virtqueue_unpop(VirtQueue *q);

/* Gives a buffer back, of which the device has written the first @len bytes, and
 * interrupts the driver if it wants that. Not one of before a reset. */
void virtqueue_push(VirtIODevice *vdev, VirtQueue *q, const VirtQueueElement *e,
                    uint32_t len);

/* Copies from what the driver has written, and to what it is to read, at
 * @offset. Returns how many bytes there were, @len at most. */
size_t virtqueue_read(const VirtQueueElement *e, size_t offset, void *buf,
                      size_t len);
size_t virtqueue_write(const VirtQueueElement *e, size_t offset,
                       const void *buf, size_t len);

/* Where the ring of @q lies in our memory. Returns false, and @ret is as it was,
 * unless it lies in RAM and is aligned as specification 2.7 asks. */
bool virtqueue_map(const VirtQueue *q, const GuestRam *ram, struct vring *ret);

/* For virtio.c: undoes virtqueue_serve(); fine without it. */
void virtqueue_unserve(VirtQueue *q);

#endif
