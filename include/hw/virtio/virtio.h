/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control plane of a virtio device (Virtual I/O Device specification 1.2,
 * chapters 2 and 3): status, features, queue set-up. No ring is ever read here:
 * a device's data plane is its back end in the host's kernel, which is given
 * the rings at DRIVER_OK and left alone until reset. Queues that user space
 * serves are virtqueue.h's.
 *
 * The transport calls down into this file and is called by nobody: what the
 * device has to tell the guest it signals through eventfds, each queue's `call`
 * and the device's `config_changed`.
 *
 * All functions need the machine lock. Those that start or stop the back end
 * release it meanwhile (the host's kernel may block on a hung backstore) and
 * mark the device busy; whoever else wants to touch the device then waits.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "hw/core/device.h"
#include "system/runstate.h"
#include "util/event-notifier.h"

#include <linux/virtio_config.h>

#define VIRTIO_QUEUES_MAX        1026  /* vhost-scsi's 1024 and its fixed two */
#define VIRTQUEUE_SIZE_MAX       32768 /* specification 2.7 */
#define VIRTIO_CONFIG_SIZE_MAX   64    /* bytes of device configuration */
/* Lines on stderr that the faults of one device may cause: a guest that loops
 * over a fault must not fill the host's disk. */
#define VIRTIO_ERRORS_LOGGED_MAX 100

typedef struct VirtIODevice VirtIODevice;
typedef struct VhostDev VhostDev;
typedef struct VirtQueueServer VirtQueueServer;

/* What the guest has made of a virtqueue. */
typedef struct VirtQueueState {
    uint16_t size; /* descriptors */
    bool enabled;
    uint64_t desc, driver, device; /* guest-physical addresses of the areas */
    uint16_t last_avail; /* where the back end goes on; valid while stopped */
} VirtQueueState;

typedef struct VirtQueue {
    VirtQueueState state;
    uint16_t max_size;       /* of descriptors; chosen by the device */
    EventNotifier kick;      /* the driver's notification; owned */
    EventNotifier call;      /* the device's notification; owned */
    VirtQueueServer *server; /* virtqueue.c's; NULL: it is not served there */
} VirtQueue;

/* The name of a bit, as in the header that defines it. */
typedef struct VirtioBitName {
    unsigned bit;
    const char *name;
} VirtioBitName;

/* What a kind of virtio device is and does. */
typedef struct VirtioKind {
    const char *name;   /* "virtio-scsi" */
    uint16_t device_id; /* specification 5: 8 is SCSI host */
    uint16_t pci_class; /* base class << 8 | subclass, if PCI carries it */
    /* The feature bits of this kind alone, up to one without a name. */
    const VirtioBitName *features;
    /* What virtqueue @queue is for: a word of VirtqueueRole in QMP. NULL: no
     * vhost device serves any. */
    const char *(*queue_role)(const VirtIODevice *vdev, unsigned queue);
    /* The driver's features are settled. Nothing runs. NULL: nothing to do. */
    void (*features_ok)(VirtIODevice *vdev);
    /* The device was reset: what its driver has said is forgotten. The same. */
    void (*reset)(VirtIODevice *vdev);
    /* The guest writes @data to [@offset, @offset + @len) of vdev->config,
     * within its length. The device stores what it takes and ignores what is
     * read-only. Returns false if it cannot honour @data, which is a fault.
     * NULL: it has no configuration. */
    bool (*set_config)(VirtIODevice *vdev, unsigned offset, const uint8_t *data,
                       unsigned len);
    /* Hands the rings to the back end. Called without the machine lock, with
     * the device busy: nobody else touches it. On failure nothing runs and
     * errp says why. NULL: it has none. */
    bool (*start)(VirtIODevice *vdev, GError **errp);
    /* Takes them back and notes each queue's last_avail. The same rules. */
    void (*stop)(VirtIODevice *vdev);
} VirtioKind;

/* What the guest sees and has made of the device, beside its queues: all there
 * is to save of a device that is stopped. A signal that waits in an eventfd is
 * state, too (a masked vector's is); what is offered must equal on restore. */
typedef struct VirtIODeviceState {
    uint64_t guest_features; /* written by the driver; accepted once
                              * FEATURES_OK is set */
    uint8_t status;
    uint8_t config_generation;
    uint8_t config[VIRTIO_CONFIG_SIZE_MAX]; /* as the guest reads it */
} VirtIODeviceState;

struct VirtIODevice {
    Device dev; /* a backend: dev.proxy is the transport's */
    const VirtioKind *kind;

    VirtIODeviceState state;
    uint64_t host_features; /* offered */
    unsigned config_len;
    EventNotifier config_changed; /* owned */

    /* The first of the kernel's devices that serve its queues, each a range of
     * them, and the others by ->next; borrowed from the device; NULL: none. */
    VhostDev *vhost;

    VirtQueue *queues; /* n_queues of them; owned */
    unsigned n_queues;

    bool may_dma;    /* the transport lets the device at memory */
    bool started;    /* the back end has the rings, user space serves its */
    bool busy;       /* a thread is starting or stopping it */
    bool gone;       /* it is being removed: nobody is let in any more */
    unsigned starts; /* how often the back end was given the rings */
    unsigned users;  /* threads between virtio_enter() and virtio_leave() */
    unsigned errors_logged;
    RunStateNotifier run_notifier;
};

/* In the device's realize: makes the queues, each of at most @queue_size
 * descriptors, and their eventfds. Undone by virtio_finish(), which accepts
 * what a failure left. */
bool virtio_init(VirtIODevice *vdev, const VirtioKind *kind,
                 unsigned config_len, unsigned n_queues, unsigned queue_size,
                 GError **errp);
void virtio_finish(VirtIODevice *vdev);

/*
 * Around each access of a vCPU thread, before it looks at anything: waits until
 * no other thread starts or stops the device, which releases the lock, and
 * keeps the device in being until virtio_leave(). Returns false, and nothing is
 * to be left, if the device is being removed: it answers no more. May nest.
 */
bool virtio_enter(VirtIODevice *vdev);
void virtio_leave(VirtIODevice *vdev);

/* Around calls to the host's kernel about a device that is in use, which may
 * block: waits until no other thread makes any, marks the device busy, and
 * releases the machine lock; and back. Not from the main loop. For a device that
 * is being realized and unrealized, which nobody else knows, see
 * system/machine.h. */
void virtio_begin_kernel_calls(VirtIODevice *vdev);
void virtio_end_kernel_calls(VirtIODevice *vdev);

/* First step of a removal, when the guest can no longer reach the device: lets
 * nobody in and waits until nobody is inside. Releases the lock if it waits. */
void virtio_drain(VirtIODevice *vdev);

/* Writes device status (specification 2.1, 3.1.1): 0 resets; FEATURES_OK
 * sticks only if the driver's features were offered and hold VERSION_1;
 * DRIVER_OK starts the back end, now or when virtio_set_dma() allows it. */
void virtio_set_status(VirtIODevice *vdev, uint8_t status);

/* The transport lets the device at the guest's memory, or no more: the back end
 * runs only while it does, and goes on where it was. Off until the first call. */
void virtio_set_dma(VirtIODevice *vdev, bool on);

/* Stops the back end and forgets what the driver has set up. */
void virtio_reset(VirtIODevice *vdev);

/* The driver's choice of features; ignored after FEATURES_OK. */
void virtio_set_features(VirtIODevice *vdev, uint64_t features);

/* Sets queue @q's size; one that is not a power of two up to max_size is a
 * fault. Ignored, as all set-up, once the queue is enabled. */
void virtio_queue_set_size(VirtIODevice *vdev, VirtQueue *q, uint16_t size);
void virtio_queue_enable(VirtIODevice *vdev, VirtQueue *q);

/* @q has at most @size descriptors from now on; for its device, in realize and
 * in features_ok(). */
void virtio_queue_set_max_size(VirtQueue *q, unsigned size);

/* The device has changed its configuration space: tells the driver. */
void virtio_notify_config(VirtIODevice *vdev);

/* Device configuration space. Bytes beyond its end read as 0. */
uint64_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size);
void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint64_t value,
                         unsigned size);

/* The device cannot go on until the guest resets it: sets DEVICE_NEEDS_RESET,
 * tells the driver, and prints one line. Specification 2.1.1. */
void virtio_error(VirtIODevice *vdev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* One line of warning, within the same limit of lines. */
void virtio_warn(VirtIODevice *vdev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static inline bool virtio_has_feature(const VirtIODevice *vdev, unsigned bit)
{
    return vdev->state.guest_features >> bit & 1;
}

static inline VirtIODevice *virtio_device_from(Device *dev)
{
    return container_of(dev, VirtIODevice, dev);
}

/* Bytes of the three areas of a ring with @size descriptors, specification
 * 2.7. */
static inline uint32_t vring_desc_size(uint32_t size)
{
    return 16 * size;
}
static inline uint32_t vring_avail_size(uint32_t size)
{
    return 6 + 2 * size;
}
static inline uint32_t vring_used_size(uint32_t size)
{
    return 6 + 8 * size;
}

#endif
