/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost.h"
#include "hw/virtio/virtqueue.h"
#include "util/log.h"

void vhost_dev_init(VhostDev *dev, const VhostKind *kind, const VhostOps *ops,
                    VirtIODevice *vdev)
{
    VhostDev **end = &vdev->vhost;

    *dev = (VhostDev){
        .ops = ops,
        .kind = kind,
        .vdev = vdev,
        .state = VHOST_CLOSED,
        .fd = -1,
        .err = EVENT_NOTIFIER_NONE,
        .workers = g_array_new(FALSE, FALSE, sizeof(VhostWorker)),
        .vq_workers = g_array_new(FALSE, TRUE, sizeof(uint32_t)),
        .failed_vring = -1,
    };
    g_array_set_clear_func(dev->workers, vhost_worker_clear);
    while (*end) {
        end = &(*end)->next;
    }
    *end = dev;
}

int vhost_dev_open(VhostDev *dev, int fd, const VhostWorkerSpec *spec)
{
    int r;

    assert(dev->state == VHOST_CLOSED);
    r = event_notifier_init(&dev->err);
    if (r < 0) {
        return vhost_dev_answer(dev, "eventfd", -1, r);
    }
    dev->fd = fd;
    r = vhost_worker_set_owner(dev, spec);
    if (r == 0) {
        r = vhost_dev_answer(dev, "VHOST_GET_FEATURES", -1,
                             dev->ops->vhost_get_features(dev, &dev->features));
    }
    if (r < 0) {
        dev->fd = -1;
        return r;
    }
    dev->state = VHOST_OWNED;
    return 0;
}

void vhost_dev_close(VhostDev *dev)
{
    assert(dev->state != VHOST_RUNNING);
    event_notifier_finish(&dev->err);
    close_fd(&dev->fd);
    g_clear_pointer(&dev->workers, g_array_unref);
    g_clear_pointer(&dev->vq_workers, g_array_unref);
    g_clear_pointer(&dev->mode_reason, g_free);
    g_clear_pointer(&dev->plan, vhost_worker_plan_free);
    dev->state = VHOST_CLOSED;
}

/* No call tells how many vrings there are, but one beyond the last answers
 * ENOBUFS: search for that limit. */
int vhost_dev_n_vrings(VhostDev *dev, unsigned limit)
{
    unsigned low = 0,
             high = limit; /* low exists as a count, high + 1 may not */

    while (low < high) {
        unsigned middle = low + (high - low + 1) / 2;
        struct vhost_vring_state ring = { .index = middle - 1 };
        int r = dev->ops->vhost_get_vring_base(dev, &ring);

        if (r == 0) {
            low = middle;
        } else if (r == -ENOBUFS) {
            high = middle - 1;
        } else {
            return vhost_dev_answer(dev, "VHOST_GET_VRING_BASE",
                                    (int)middle - 1, r);
        }
    }
    return (int)low;
}

void vhost_dev_serve(VhostDev *dev, unsigned first, unsigned n)
{
    assert(first + n <= dev->vdev->n_queues);
    dev->first = first;
    dev->n_vrings = n;
    g_array_set_size(dev->vq_workers, 0);
    g_array_set_size(dev->vq_workers, n);
}

VhostDev *vhost_dev_of_queue(const VirtIODevice *vdev, unsigned queue)
{
    VhostDev *dev = vdev->vhost;

    while (dev && (queue < dev->first || queue - dev->first >= dev->n_vrings)) {
        dev = dev->next;
    }
    return dev;
}

static VirtQueue *queue_of(const VhostDev *dev, unsigned vring)
{
    return &dev->vdev->queues[dev->first + vring];
}

static int set_mem_table(VhostDev *dev, const GuestRam *ram)
{
    g_autofree struct vhost_memory *mem = g_malloc0(
        sizeof(*mem) + ram->n_blocks * sizeof(mem->regions[0]));
    int r;

    mem->nregions = ram->n_blocks;
    for (unsigned i = 0; i < ram->n_blocks; i++) {
        mem->regions[i] = (struct vhost_memory_region){
            .guest_phys_addr = ram->blocks[i].gpa,
            .memory_size = ram->blocks[i].size,
            .userspace_addr = (uintptr_t)ram->blocks[i].host,
        };
    }
    r = dev->ops->vhost_set_mem_table(dev, mem);
    return vhost_dev_answer(dev, "VHOST_SET_MEM_TABLE", -1, r);
}

int vhost_dev_clear_mem_table(VhostDev *dev)
{
    static const GuestRam none;

    return set_mem_table(dev, &none);
}

/* Tells the kernel where vring @i lies and how to be kicked and to call. */
static int start_vring(VhostDev *dev, unsigned i, const GuestRam *ram)
{
    const VirtQueue *q = queue_of(dev, i);
    struct vhost_vring_state num = { .index = i, .num = q->state.size };
    struct vhost_vring_state base = { .index = i, .num = q->state.last_avail };
    struct vhost_vring_file kick = { .index = i, .fd = q->kick.fd };
    struct vhost_vring_file call = { .index = i, .fd = q->call.fd };
    struct vhost_vring_file err = { .index = i, .fd = dev->err.fd };
    struct vhost_vring_addr addr = { .index = i };
    struct vring vr;
    int r;

    if (!virtqueue_map(q, ram, &vr)) {
        return vhost_dev_answer(dev, "the check that the ring lies in RAM",
                                (int)i, -EFAULT);
    }
    addr.desc_user_addr = (uintptr_t)vr.desc;
    addr.avail_user_addr = (uintptr_t)vr.avail;
    addr.used_user_addr = (uintptr_t)vr.used;
    r = dev->ops->vhost_set_vring_num(dev, &num);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_VRING_NUM", (int)i, r);
    }
    r = dev->ops->vhost_set_vring_base(dev, &base);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_VRING_BASE", (int)i, r);
    }
    r = dev->ops->vhost_set_vring_addr(dev, &addr);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_VRING_ADDR", (int)i, r);
    }
    r = dev->ops->vhost_set_vring_err(dev, &err);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_VRING_ERR", (int)i, r);
    }
    r = dev->ops->vhost_set_vring_kick(dev, &kick);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_VRING_KICK", (int)i, r);
    }
    r = dev->ops->vhost_set_vring_call(dev, &call);
    return vhost_dev_answer(dev, "VHOST_SET_VRING_CALL", (int)i, r);
}

/* Lets the kernel forget the queue's eventfds, so that it does not consume a
 * kick that is meant for the next start, and its ring, which is the guest's
 * memory again: the next driver need not enable this queue, and the event queue
 * is written to without a kick. */
static void stop_vring(VhostDev *dev, unsigned i)
{
    struct vhost_vring_file none = { .index = i, .fd = VHOST_FILE_UNBIND };
    struct vhost_vring_addr nowhere = { .index = i };

    (void)dev->ops->vhost_set_vring_kick(dev, &none);
    (void)dev->ops->vhost_set_vring_call(dev, &none);
    (void)dev->ops->vhost_set_vring_err(dev, &none);
    (void)dev->ops->vhost_set_vring_addr(dev, &nowhere);
}

int vhost_dev_start(VhostDev *dev, const GuestRam *ram)
{
    unsigned i;
    int r;

    assert(dev->state == VHOST_OWNED);
    trace(vhost_dev_start, "%s", dev->label);
    r = dev->ops->vhost_set_features(dev, dev->vdev->state.guest_features &
                                              dev->features);
    if (r < 0) {
        return vhost_dev_answer(dev, "VHOST_SET_FEATURES", -1, r);
    }
    r = set_mem_table(dev, ram);
    for (i = 0; r == 0 && i < dev->n_vrings; i++) {
        r = queue_of(dev, i)->state.enabled ? start_vring(dev, i, ram) : 0;
    }
    if (r < 0) {
        while (i-- > 0) {
            stop_vring(dev, i);
        }
        return r;
    }
    dev->state = VHOST_RUNNING;
    return 0;
}

void vhost_dev_stop(VhostDev *dev)
{
    assert(dev->state == VHOST_RUNNING);
    trace(vhost_dev_stop, "%s", dev->label);
    for (unsigned i = 0; i < dev->n_vrings; i++) {
        struct vhost_vring_state ring = { .index = i };

        if (!queue_of(dev, i)->state.enabled) {
            continue;
        }
        if (dev->ops->vhost_get_vring_base(dev, &ring) == 0) {
            queue_of(dev, i)->state.last_avail = (uint16_t)ring.num;
        }
        stop_vring(dev, i);
    }
    dev->state = VHOST_OWNED;
}
