/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#define RING_AREA 0x2000 /* desc, avail, used of one ring */
#define RING_SIZE (RING_AREA + DRV_SLOTS * DRV_SLOT_SIZE)
#define MEM_SIZE  (DRV_RINGS_MAX * RING_SIZE)

/* An assert that NDEBUG leaves in place. */
static void must(bool holds)
{
    if (!holds) {
        fprintf(stderr, "driver: %s\n", strerror(errno));
        exit(1);
    }
}

int drv_ioctl(Drv *d, unsigned long request, const void *arg)
{
    return ioctl(d->fd, request, arg) < 0 ? errno : 0;
}

uint8_t *drv_slot(const DrvRing *r, unsigned slot)
{
    return r->slots + slot * DRV_SLOT_SIZE;
}

uint64_t drv_gpa(const Drv *d, const void *p)
{
    return DRV_GPA + ((const uint8_t *)p - d->mem);
}

static bool has(const Drv *d, unsigned bit)
{
    return d->features >> bit & 1;
}

static void ring_init(Drv *d, unsigned index)
{
    DrvRing *r = &d->ring[index];
    uint8_t *base = d->mem + index * RING_SIZE;

    r->index = index;
    r->desc = (void *)base;
    r->avail = (void *)(base + 0x800);
    r->used = (void *)(base + 0x1000);
    r->slots = base + RING_AREA;
    r->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(r->kick_fd >= 0 && r->call_fd >= 0 && r->err_fd >= 0);
}

static int ring_setup(Drv *d, DrvRing *r)
{
    struct vhost_vring_state num = { r->index, DRV_NUM },
                             base = { r->index, 0 };
    struct vhost_vring_addr addr = {
        .index = r->index,
        .desc_user_addr = (uintptr_t)r->desc,
        .avail_user_addr = (uintptr_t)r->avail,
        .used_user_addr = (uintptr_t)r->used,
    };
    struct vhost_vring_file kick = { r->index, r->kick_fd };
    struct vhost_vring_file call = { r->index, r->call_fd };
    struct vhost_vring_file err = { r->index, r->err_fd };
    int e = drv_ioctl(d, VHOST_SET_VRING_NUM, &num);

    e = e ? e : drv_ioctl(d, VHOST_SET_VRING_BASE, &base);
    e = e ? e : drv_ioctl(d, VHOST_SET_VRING_ADDR, &addr);
    e = e ? e : drv_ioctl(d, VHOST_SET_VRING_KICK, &kick);
    e = e ? e : drv_ioctl(d, VHOST_SET_VRING_CALL, &call);
    return e ? e : drv_ioctl(d, VHOST_SET_VRING_ERR, &err);
}

int drv_setup(Drv *d)
{
    struct vhost_memory *m = calloc(1, sizeof(*m) + sizeof(m->regions[0]));
    int e;

    must(m);
    m->nregions = 1;
    m->regions[0].guest_phys_addr = DRV_GPA;
    m->regions[0].memory_size = MEM_SIZE;
    m->regions[0].userspace_addr = (uintptr_t)d->mem;
    e = drv_ioctl(d, VHOST_SET_FEATURES, &d->features);
    e = e ? e : drv_ioctl(d, VHOST_SET_MEM_TABLE, m);
    free(m);
    for (unsigned i = 0; i < d->n_rings && !e; i++) {
        e = ring_setup(d, &d->ring[i]);
    }
    return e;
}

int drv_open_path(Drv *d, const char *path, unsigned n_rings, uint64_t features)
{
    int e;

    memset(d, 0, sizeof(*d));
    d->n_rings = n_rings;
    d->features = features;
    d->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(d->mem != MAP_FAILED && n_rings <= DRV_RINGS_MAX);
    for (unsigned i = 0; i < n_rings; i++) {
        ring_init(d, i);
    }
    d->fd = open(path, O_RDWR | O_CLOEXEC);
    if (d->fd < 0) {
        return errno;
    }
    e = drv_ioctl(d, VHOST_SET_OWNER, NULL);
    return e ? e : drv_setup(d);
}

int drv_open(Drv *d, const char *wwpn, unsigned n_rings, uint64_t features)
{
    int e = drv_open_path(d, "/dev/vhost-scsi", n_rings, features);

    strncpy(d->wwpn, wwpn, sizeof(d->wwpn) - 1);
    d->lun[0] = 1;
    d->lun[1] = 1;
    d->lun[2] = 0x40;
    return e;
}

void drv_close(Drv *d)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    for (unsigned i = 0; i < d->n_rings; i++) {
        close(d->ring[i].kick_fd);
        close(d->ring[i].call_fd);
        close(d->ring[i].err_fd);
    }
    munmap(d->mem, MEM_SIZE);
}

int drv_endpoint(Drv *d, unsigned long request)
{
    struct vhost_scsi_target t = { .abi_version = VHOST_SCSI_ABI_VERSION,
                                   .vhost_tpgt = 1 };

    memcpy(t.vhost_wwpn, d->wwpn, sizeof(t.vhost_wwpn));
    return drv_ioctl(d, request, &t);
}

void drv_kick(DrvRing *r)
{
    uint64_t one = 1;
    ssize_t n = write(r->kick_fd, &one, sizeof(one));

    must(n == sizeof(one));
}

void drv_add(Drv *d, DrvRing *r, uint16_t head)
{
    uint16_t old = r->avail_idx, event;
    bool kick;

    r->avail->ring[old % DRV_NUM] = head;
    /* The entry before the index that shows it, and that before we look at
     * what the device wants: all of these are sequentially consistent. */
    __atomic_store_n(&r->avail->idx, ++r->avail_idx, __ATOMIC_SEQ_CST);
    if (has(d, VIRTIO_RING_F_EVENT_IDX)) {
        event = __atomic_load_n((uint16_t *)(void *)&r->used->ring[DRV_NUM],
                                __ATOMIC_SEQ_CST);
        kick = vring_need_event(event, r->avail_idx, old);
    } else {
        kick = !(__atomic_load_n(&r->used->flags, __ATOMIC_SEQ_CST) &
                 VRING_USED_F_NO_NOTIFY);
    }
    if (kick) {
        drv_kick(r);
    }
}

/* Fills one descriptor; more than one of a table follow each other. */
static void set_desc(Drv *d, struct vring_desc *t, unsigned i, const void *p,
                     uint32_t len, uint16_t flags)
{
    t[i].addr = drv_gpa(d, p);
    t[i].len = len;
    t[i].flags = flags;
    t[i].next = 0;
}

/* The request, data out, response, data in; returns how many. */
static unsigned fill_table(Drv *d, uint8_t *slot, struct vring_desc *t,
                           const DrvCommand *c)
{
    unsigned n = 0;
    uint32_t head = sizeof(struct virtio_scsi_cmd_req);

    if (has(d, VIRTIO_SCSI_F_T10_PI)) {
        head = sizeof(struct virtio_scsi_cmd_req_pi);
    }
    set_desc(d, t, n++, slot + DRV_REQ, head, 0);
    if (c->out) {
        set_desc(d, t, n++, slot + DRV_DATA, c->out, 0);
    }
    set_desc(d, t, n++, slot + DRV_RESP, sizeof(struct virtio_scsi_cmd_resp),
             VRING_DESC_F_WRITE);
    if (c->in) {
        set_desc(d, t, n++, slot + DRV_DATA, c->in, VRING_DESC_F_WRITE);
    }
    return n;
}

static void fill_request(Drv *d, uint8_t *slot, const DrvCommand *c)
{
    struct virtio_scsi_cmd_req_pi *pi = (void *)(slot + DRV_REQ);
    struct virtio_scsi_cmd_req *req = (void *)(slot + DRV_REQ);

    memset(slot, 0, DRV_INDIRECT);
    memcpy(req->lun, d->lun, sizeof(req->lun));
    if (has(d, VIRTIO_SCSI_F_T10_PI)) {
        memcpy(pi->cdb, c->cdb, sizeof(pi->cdb));
    } else {
        memcpy(req->cdb, c->cdb, sizeof(req->cdb));
    }
    memset(slot + DRV_RESP, 0xee, sizeof(struct virtio_scsi_cmd_resp));
}

void drv_send(Drv *d, DrvRing *r, unsigned slot, const DrvCommand *c)
{
    struct vring_desc *table = (void *)(drv_slot(r, slot) + DRV_INDIRECT);
    unsigned head = 4 * slot, n;

    fill_request(d, drv_slot(r, slot), c);
    if (!c->indirect) {
        table = &r->desc[head];
    }
    n = fill_table(d, drv_slot(r, slot), table, c);
    for (unsigned i = 0; i + 1 < n; i++) {
        table[i].flags |= VRING_DESC_F_NEXT;
        table[i].next = (c->indirect ? 0 : head) + i + 1;
    }
    if (c->indirect) {
        set_desc(d, r->desc, head, table, n * sizeof(*table),
                 VRING_DESC_F_INDIRECT);
    }
    drv_add(d, r, head);
}

bool drv_event(int fd, int ms)
{
    struct pollfd p = { fd, POLLIN, 0 };
    uint64_t v;

    return poll(&p, 1, ms) == 1 && read(fd, &v, sizeof(v)) == sizeof(v);
}

/* Tells the device when to signal next: at once (virtio 1.2, 2.7.7). */
static void want_signal(Drv *d, DrvRing *r)
{
    if (has(d, VIRTIO_RING_F_EVENT_IDX)) {
        __atomic_store_n(&r->avail->ring[DRV_NUM], r->used_seen,
                         __ATOMIC_SEQ_CST);
    }
}

int drv_reap(Drv *d, DrvRing *r, int ms)
{
    const struct vring_used_elem *e;

    for (;;) {
        if (__atomic_load_n(&r->used->idx, __ATOMIC_SEQ_CST) != r->used_seen) {
            break;
        }
        want_signal(d, r);
        if (__atomic_load_n(&r->used->idx, __ATOMIC_SEQ_CST) != r->used_seen) {
            break;
        }
        if (!drv_event(r->call_fd, ms)) {
            return -1;
        }
    }
    e = &r->used->ring[r->used_seen++ % DRV_NUM];
    want_signal(d, r);
    r->used_len = e->len;
    return e->id;
}

const struct virtio_scsi_cmd_resp *drv_resp(const DrvRing *r, unsigned slot)
{
    return (const void *)(drv_slot(r, slot) + DRV_RESP);
}

const struct virtio_scsi_cmd_resp *drv_run(Drv *d, DrvRing *r,
                                           const DrvCommand *c)
{
    drv_send(d, r, 0, c);
    return drv_reap(d, r, 20000) == 0 ? drv_resp(r, 0) : NULL;
}
