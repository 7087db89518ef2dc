/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least program that drives /dev/vhost-scsi: what vhost-scsi-bench is held
 * against. Nothing of the emulator is in it. Nothing is reported but requests
 * per second; what fails ends it by its line number.
 *
 *   minimal WWPN QUEUES DEPTH legacy|per-virtqueue SECONDS
 *
 * A thread for each queue keeps DEPTH random 4 KiB reads in flight, with
 * indirect descriptors and event index.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/vhost-worker.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#define MUST(x) \
    ((x) ? (void)0 : (fprintf(stderr, "line %d\n", __LINE__), exit(1)))
#define BLOCK  4096
#define FIXED  2 /* control and event queue */
#define NUM    128
#define STRIDE (64 * 1024 + NUM * 2 * BLOCK) /* memory of a queue */

struct slot {
    struct virtio_scsi_cmd_req req;
    struct virtio_scsi_cmd_resp resp;
    struct vring_desc table[3];
};

struct queue {
    pthread_t thread;
    unsigned index, depth;
    uint8_t *base; /* guest address and ours are the same */
    struct vring ring;
    int kick, call;
    uint16_t avail, shown, used;
    uint64_t random, done;
};

static volatile int stop;
static uint32_t disk_blocks = 1; /* of 4 KiB, less one */

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static struct slot *slot_of(struct queue *q, unsigned i)
{
    return (void *)(q->base + 16384 + i * 384);
}

static uint8_t *data_of(struct queue *q, unsigned i)
{
    return q->base + 65536 + i * BLOCK;
}

static void add(struct queue *q, unsigned i)
{
    uint32_t lba;

    q->random ^= q->random << 13;
    q->random ^= q->random >> 7;
    q->random ^= q->random << 17;
    lba = __builtin_bswap32((uint32_t)(q->random >> 32) % disk_blocks * 8);
    memcpy(&slot_of(q, i)->req.cdb[2], &lba, 4);
    q->ring.avail->ring[q->avail++ % NUM] = i;
}

static void show(struct queue *q)
{
    uint64_t one = 1;

    __atomic_store_n(&q->ring.avail->idx, q->avail, __ATOMIC_SEQ_CST);
    if (vring_need_event(vring_avail_event(&q->ring), q->avail, q->shown)) {
        MUST(write(q->kick, &one, 8) == 8);
    }
    q->shown = q->avail;
}

/* Takes back what is done and sends it again. */
static unsigned turn(struct queue *q)
{
    unsigned n = 0;

    for (; __atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE) != q->used;
         n++) {
        unsigned i = q->ring.used->ring[q->used++ % NUM].id;

        MUST(!slot_of(q, i)->resp.response && !slot_of(q, i)->resp.status);
        q->done++;
        add(q, i);
    }
    if (n) {
        show(q);
    }
    return n;
}

static void *job(void *opaque)
{
    struct queue *q = opaque;
    uint64_t count;

    while (!stop) {
        if (turn(q)) {
            continue;
        }
        __atomic_store_n(&vring_used_event(&q->ring), q->used,
                         __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&q->ring.used->idx, __ATOMIC_SEQ_CST) == q->used) {
            MUST(read(q->call, &count, 8) == 8);
        }
    }
    return NULL;
}

static void set_slot(struct queue *q, unsigned i, uint8_t op, uint32_t len)
{
    struct slot *s = slot_of(q, i);

    *s = (struct slot){ .req = { .lun = { 1, 1, 0x40 }, .cdb = { op } } };
    if (op == 0x28) {
        s->req.cdb[8] = BLOCK / 512;
    }
    s->table[0] = (struct vring_desc){ (uintptr_t)&s->req, sizeof(s->req),
                                       VRING_DESC_F_NEXT, 1 };
    s->table[1] = (struct vring_desc){ (uintptr_t)&s->resp, sizeof(s->resp),
                                       VRING_DESC_F_WRITE |
                                           (len ? VRING_DESC_F_NEXT : 0),
                                       2 };
    s->table[2] = (struct vring_desc){ (uintptr_t)data_of(q, i), len,
                                       VRING_DESC_F_WRITE, 0 };
    q->ring.desc[i] = (struct vring_desc){ (uintptr_t)s->table,
                                           sizeof(s->table),
                                           VRING_DESC_F_INDIRECT, 0 };
}

static int command(struct queue *q, uint8_t op, uint32_t len)
{
    struct slot *s = slot_of(q, 0);

    set_slot(q, 0, op, len);
    q->ring.avail->ring[q->avail++ % NUM] = 0;
    show(q);
    while (__atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE) == q->used) {
        usleep(1000);
    }
    q->used++;
    return s->resp.response ? -1 : s->resp.status;
}

static void set_up(int fd, struct queue *q, unsigned index, uint8_t *base)
{
    struct vhost_vring_state num = { index, NUM }, zero = { index, 0 };
    struct vhost_vring_addr addr = { .index = index };
    struct vhost_vring_file kick, call;

    q->index = index;
    q->base = base;
    q->random = 0x2545f4914f6cdd1dull * (index + 1);
    vring_init(&q->ring, NUM, base, 4096);
    q->kick = eventfd(0, EFD_NONBLOCK);
    q->call = eventfd(0, 0);
    addr.desc_user_addr = (uintptr_t)q->ring.desc;
    addr.avail_user_addr = (uintptr_t)q->ring.avail;
    addr.used_user_addr = (uintptr_t)q->ring.used;
    kick = (struct vhost_vring_file){ index, q->kick };
    call = (struct vhost_vring_file){ index, q->call };
    MUST(!ioctl(fd, VHOST_SET_VRING_NUM, &num) &&
         !ioctl(fd, VHOST_SET_VRING_BASE, &zero) &&
         !ioctl(fd, VHOST_SET_VRING_ADDR, &addr) &&
         !ioctl(fd, VHOST_SET_VRING_KICK, &kick) &&
         !ioctl(fd, VHOST_SET_VRING_CALL, &call));
}

int main(int argc, char **argv)
{
    unsigned n = argc == 6 ? atoi(argv[2]) : 0,
             depth = argc == 6 ? atoi(argv[3]) : 0;
    struct vhost_scsi_target target = { .abi_version = VHOST_SCSI_ABI_VERSION,
                                        .vhost_tpgt = 1 };
    uint64_t features = 1ull << 32 | 1 << VIRTIO_RING_F_INDIRECT_DESC |
                        1 << VIRTIO_RING_F_EVENT_IDX,
             done = 0;
    struct vhost_memory *m = calloc(1, sizeof(*m) + sizeof(m->regions[0]));
    struct queue *q = calloc(n + FIXED, sizeof(*q));
    int fd = open("/dev/vhost-scsi", O_RDWR | O_CLOEXEC), tries = 10;
    uint8_t *ram = mmap(NULL, (n + FIXED) * STRIDE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double begin;

    MUST(n && depth && depth <= NUM && fd >= 0 && ram != MAP_FAILED);
    strncpy(target.vhost_wwpn, argv[1], sizeof(target.vhost_wwpn) - 1);
    m->nregions = 1;
    m->regions[0] = (struct vhost_memory_region){ (uintptr_t)ram,
                                                  (n + FIXED) * STRIDE,
                                                  (uintptr_t)ram, 0 };
    MUST(!ioctl(fd, VHOST_SET_OWNER) &&
         !ioctl(fd, VHOST_SET_FEATURES, &features) &&
         !ioctl(fd, VHOST_SET_MEM_TABLE, m));
    for (unsigned i = 0; i < n + FIXED; i++) {
        struct vhost_worker_state worker;

        set_up(fd, &q[i], i, ram + i * STRIDE);
        if (i > FIXED && !strcmp(argv[4], "per-virtqueue")) {
            MUST(!ioctl(fd, VHOST_NEW_WORKER, &worker));
            MUST(!ioctl(fd, VHOST_ATTACH_VRING_WORKER,
                        &(struct vhost_vring_worker){ i, worker.worker_id }));
        }
    }
    MUST(!ioctl(fd, VHOST_SCSI_SET_ENDPOINT, &target));
    while (command(&q[FIXED], 0x00, 0) != 0) { /* TEST UNIT READY */
        MUST(tries-- > 0);
    }
    MUST(command(&q[FIXED], 0x25, 8) == 0); /* READ CAPACITY (10) */
    memcpy(&disk_blocks, data_of(&q[FIXED], 0), 4);
    disk_blocks = __builtin_bswap32(disk_blocks) / 8;
    for (unsigned i = FIXED; i < n + FIXED; i++) {
        for (unsigned j = 0; j < depth; j++) {
            set_slot(&q[i], j, 0x28, BLOCK);
            add(&q[i], j);
        }
        show(&q[i]);
        MUST(!pthread_create(&q[i].thread, NULL, job, &q[i]));
    }
    sleep(1);
    begin = now();
    for (unsigned i = 0; i < n + FIXED; i++) {
        done -= __atomic_load_n(&q[i].done, __ATOMIC_RELAXED);
    }
    usleep(atof(argv[5]) * 1e6);
    for (unsigned i = 0; i < n + FIXED; i++) {
        done += __atomic_load_n(&q[i].done, __ATOMIC_RELAXED);
    }
    printf("%.0f\n", done / (now() - begin));
    stop = 1;
    for (unsigned i = FIXED; i < n + FIXED; i++) {
        MUST(write(q[i].call, &(uint64_t){ 1 }, 8) == 8);
        pthread_join(q[i].thread, NULL);
    }
    MUST(!ioctl(fd, VHOST_SCSI_CLEAR_ENDPOINT, &target));
    return 0;
}
