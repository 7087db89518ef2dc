/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7). Descriptors and
 * ring entries are copied by user_read() and user_write(), which fail where the
 * memory is bad; the indexes that both sides race on are atomic accesses in
 * place, made only if the ring was readable when the queue was started.
 */
#include "fake.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#ifdef __x86_64__
#define USER_END UINT64_C(0x7ffffffff000)
#else
#define USER_END (UINT64_C(1) << 48)
#endif

static bool has_feature(const FakeQueue *vq, unsigned bit)
{
    return vq->dev->features >> bit & 1;
}

static uint64_t desc_size(const FakeQueue *vq)
{
    return (uint64_t)vq->num * sizeof(struct vring_desc);
}

/* With the event index behind the ring. */
static uint64_t avail_size(const FakeQueue *vq)
{
    return sizeof(struct vring_avail) + 2 * (uint64_t)vq->num + 2;
}

static uint64_t used_size(const FakeQueue *vq)
{
    return sizeof(struct vring_used) +
           sizeof(struct vring_used_elem) * (uint64_t)vq->num + 2;
}

bool ring_access_ok(const FakeQueue *vq)
{
    return range_within(vq->addr.desc_user_addr, desc_size(vq), USER_END) &&
           range_within(vq->addr.avail_user_addr, avail_size(vq), USER_END) &&
           range_within(vq->addr.used_user_addr, used_size(vq), USER_END);
}

static _Atomic uint16_t *word(uint64_t addr)
{
    return (_Atomic uint16_t *)(uintptr_t)addr;
}

static _Atomic uint16_t *avail_flags(const FakeQueue *vq)
{
    return word(vq->addr.avail_user_addr);
}

static _Atomic uint16_t *avail_idx(const FakeQueue *vq)
{
    return word(vq->addr.avail_user_addr + 2);
}

static _Atomic uint16_t *used_event(const FakeQueue *vq)
{
    return word(vq->addr.avail_user_addr + 4 + 2 * (uint64_t)vq->num);
}

static _Atomic uint16_t *used_flags(const FakeQueue *vq)
{
    return word(vq->addr.used_user_addr);
}

static _Atomic uint16_t *used_idx(const FakeQueue *vq)
{
    return word(vq->addr.used_user_addr + 2);
}

static _Atomic uint16_t *avail_event(const FakeQueue *vq)
{
    return word(vq->addr.used_user_addr + 4 +
                sizeof(struct vring_used_elem) * (uint64_t)vq->num);
}

/* Whether both ends of an area can be read. */
static bool is_mapped(uint64_t addr, uint64_t size)
{
    uint8_t byte;

    return user_read(&byte, addr, 1) == 0 &&
           user_read(&byte, addr + size - 1, 1) == 0;
}

void ring_start(FakeQueue *vq)
{
    vq->mapped = is_mapped(vq->addr.desc_user_addr, desc_size(vq)) &&
                 is_mapped(vq->addr.avail_user_addr, avail_size(vq)) &&
                 is_mapped(vq->addr.used_user_addr, used_size(vq));
    vq->signalled_valid = false;
    if (vq->mapped) {
        vq->last_used = atomic_load(used_idx(vq));
    }
}

static void signal_fd(int fd)
{
    uint64_t one = 1;

    if (fd >= 0) {
        /* It fails only when nobody reads and the counter is full. */
        (void)!write(fd, &one, sizeof(one));
    }
}

void ring_error(FakeQueue *vq)
{
    vq->errors++;
    signal_fd(vq->err_fd);
}

/* Adds guest memory to a list of buffers, in as many pieces as it has. */
static int add_buffer(const FakeMem *mem, uint64_t gpa, uint64_t len,
                      struct iovec *iov, unsigned *n)
{
    while (len) {
        const struct vhost_memory_region *r = NULL;
        uint64_t part;

        for (unsigned i = 0; mem && i < mem->n; i++) {
            if (gpa >= mem->region[i].guest_phys_addr &&
                gpa - mem->region[i].guest_phys_addr <
                    mem->region[i].memory_size) {
                r = &mem->region[i];
            }
        }
        if (!r) {
            return -EFAULT;
        }
        if (*n == FAKE_IOV_MAX) {
            return -ENOBUFS;
        }
        part = r->memory_size - (gpa - r->guest_phys_addr);
        part = part < len ? part : len;
        iov[*n].iov_base = (void *)(uintptr_t)(r->userspace_addr +
                                               (gpa - r->guest_phys_addr));
        iov[(*n)++].iov_len = part;
        gpa += part;
        len -= part;
    }
    return 0;
}

/* What is gathered of one request. */
typedef struct Walk {
    const FakeQueue *vq;
    unsigned n_out, n;
    struct iovec iov[FAKE_IOV_MAX];
} Walk;

/* A buffer of the request; those to write come after those to read. */
static int walk_buffer(Walk *w, const struct vring_desc *d)
{
    int r;

    if (!(d->flags & VRING_DESC_F_WRITE) && w->n != w->n_out) {
        return -EINVAL;
    }
    r = add_buffer(w->vq->dev->mem, d->addr, d->len, w->iov, &w->n);
    if (!(d->flags & VRING_DESC_F_WRITE)) {
        w->n_out = w->n;
    }
    return r;
}

/* The table an indirect descriptor points at (virtio 1.2, 2.7.5.3). */
static int walk_indirect(Walk *w, const struct vring_desc *outer)
{
    unsigned count = outer->len / sizeof(struct vring_desc), i = 0, seen = 0;
    struct iovec table[8];
    unsigned pieces = 0;
    struct vring_desc d;
    int r;

    if (outer->len % sizeof(d) || count == 0 || count > 0x10000) {
        return -EINVAL;
    }
    do {
        if (i >= count || ++seen > count) {
            return -EINVAL; /* out of the table, or a loop */
        }
        pieces = 0;
        r = add_buffer(w->vq->dev->mem, outer->addr + i * sizeof(d), sizeof(d),
                       table, &pieces);
        if (r < 0 || pieces != 1 ||
            user_read(&d, (uintptr_t)table[0].iov_base, sizeof(d)) < 0) {
            return -EFAULT;
        }
        if (d.flags & VRING_DESC_F_INDIRECT) {
            return -EINVAL;
        }
        r = walk_buffer(w, &d);
        if (r < 0) {
            return r;
        }
        i = d.next;
    } while (d.flags & VRING_DESC_F_NEXT);
    return 0;
}

static int walk_chain(Walk *w, unsigned head)
{
    unsigned i = head, seen = 0;
    struct vring_desc d;
    int r;

    do {
        if (i >= w->vq->num || ++seen > w->vq->num) {
            return -EINVAL; /* out of the ring, or a loop */
        }
        if (user_read(&d, w->vq->addr.desc_user_addr + i * sizeof(d),
                      sizeof(d)) < 0) {
            return -EFAULT;
        }
        r = d.flags & VRING_DESC_F_INDIRECT ? walk_indirect(w, &d)
                                            : walk_buffer(w, &d);
        if (r < 0) {
            return r;
        }
        i = d.next;
    } while (d.flags & VRING_DESC_F_NEXT);
    return 0;
}

static FakeCommand *command_new(FakeQueue *vq, const Walk *w, uint16_t head)
{
    FakeCommand *c = calloc(1, sizeof(*c) + w->n * sizeof(c->iov[0]));

    if (!c) {
        return NULL;
    }
    c->vq = vq;
    c->head = head;
    c->n_out = w->n_out;
    c->n_in = w->n - w->n_out;
    memcpy(c->iov, w->iov, w->n * sizeof(c->iov[0]));
    for (unsigned i = 0; i < w->n; i++) {
        *(i < w->n_out ? &c->out_len : &c->in_len) += c->iov[i].iov_len;
    }
    return c;
}

/* The driver's next head; 1, 0 if there is none, or -errno. */
static int next_head(FakeQueue *vq, uint16_t *ret_head)
{
    uint16_t idx;

    if (!vq->mapped) {
        return -EFAULT;
    }
    idx = atomic_load(avail_idx(vq));
    if ((uint16_t)(idx - vq->last_avail) > vq->num) {
        return -EFAULT; /* more than there are descriptors */
    }
    if (idx == vq->last_avail) {
        return 0;
    }
    if (user_read(ret_head,
                  vq->addr.avail_user_addr + 4 +
                      2 * (uint64_t)(vq->last_avail & (vq->num - 1)),
                  sizeof(*ret_head)) < 0) {
        return -EFAULT;
    }
    return *ret_head < vq->num ? 1 : -EINVAL;
}

/* Pages that the data touch: all but the first buffer of each direction, which
 * are the header and the response. */
static unsigned data_pages(const Walk *w)
{
    unsigned pages = 0;

    for (unsigned i = 1; i < w->n; i++) {
        uintptr_t at = (uintptr_t)w->iov[i].iov_base;

        if (i != w->n_out) {
            pages += (unsigned)((at % 4096 + w->iov[i].iov_len + 4095) / 4096);
        }
    }
    return pages;
}

int ring_pop(FakeQueue *vq, FakeCommand **ret_command)
{
    Walk w = { .vq = vq };
    uint16_t head;
    int r = next_head(vq, &head);

    if (r == 1) {
        int bad = walk_chain(&w, head);

        r = bad < 0 ? bad : 1;
    }
    if (r == 1 && data_pages(&w) > FAKE_PAGES_MAX) {
        vq->last_avail++; /* dropped: the driver never hears of it */
        ring_error(vq);
        return ring_pop(vq, ret_command);
    }
    if (r == 1) {
        *ret_command = command_new(vq, &w, head);
        r = *ret_command ? 1 : -ENOMEM;
    }
    if (r == 1) {
        vq->last_avail++;
    } else if (r < 0) {
        ring_error(vq);
    }
    return r;
}

int ring_push(FakeQueue *vq, const FakeCommand *c)
{
    struct vring_used_elem e = { .id = c->head, .len = c->written };
    uint64_t at = vq->addr.used_user_addr + 4 +
                  sizeof(e) * (uint64_t)(vq->last_used & (vq->num - 1));

    if (user_write(at, &e, sizeof(e)) < 0) {
        ring_error(vq);
        return -EFAULT;
    }
    /* The entry before the index that shows it. */
    atomic_store(used_idx(vq), ++vq->last_used);
    return 0;
}

/* Whether the driver wants to hear of what was used since the last time. */
static bool wants_signal(FakeQueue *vq)
{
    uint16_t old = vq->signalled_used;
    bool valid = vq->signalled_valid;

    /*
     * Our index was written before this reads what the driver wants, who writes
     * that before it reads our index; each such access is sequentially
     * consistent, so one of us sees the other.
     */
    if (has_feature(vq, VIRTIO_F_NOTIFY_ON_EMPTY) &&
        atomic_load(avail_idx(vq)) == vq->last_avail) {
        return true;
    }
    if (!has_feature(vq, VIRTIO_RING_F_EVENT_IDX)) {
        return !(atomic_load(avail_flags(vq)) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    vq->signalled_used = vq->last_used;
    vq->signalled_valid = true;
    return !valid ||
           vring_need_event(atomic_load(used_event(vq)), vq->last_used, old);
}

void ring_signal(FakeQueue *vq)
{
    if (wants_signal(vq)) {
        vq->calls++;
        signal_fd(vq->call_fd);
    }
}

void ring_notify_disable(FakeQueue *vq)
{
    if (vq->mapped && !has_feature(vq, VIRTIO_RING_F_EVENT_IDX)) {
        atomic_store(used_flags(vq), VRING_USED_F_NO_NOTIFY);
    }
}

bool ring_notify_enable(FakeQueue *vq)
{
    if (!vq->mapped) {
        return false;
    }
    if (has_feature(vq, VIRTIO_RING_F_EVENT_IDX)) {
        atomic_store(avail_event(vq), vq->last_avail);
    } else {
        atomic_store(used_flags(vq), 0);
    }
    /* It may have added a request before it saw that it must notify. */
    return atomic_load(avail_idx(vq)) != vq->last_avail;
}
