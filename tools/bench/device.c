/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine, its device, and the way to DRIVER_OK. */
#include "bench.h"
#include "program/registry.h"
#include "util/error.h"

#include <linux/virtio_scsi.h>

#define FIRST_GPA     (2 * MiB)  /* above what the board writes into RAM */
#define RAM_SIZE_MIN  (64 * MiB) /* whose rest the board asks for */
#define FIXED_RING    4          /* size of control and event queue */
#define START_SECONDS 30

#define FEATURES_NEEDED                           \
    (UINT64_C(1) << VIRTIO_F_VERSION_1 |          \
     UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC | \
     UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

static unsigned ring_size(unsigned n_slots)
{
    unsigned size = VHOST_SCSI_RING_SIZE_MIN;

    while (size < n_slots) {
        size *= 2;
    }
    return size;
}

static void make_queues(Bench *b)
{
    const BenchConfig *c = b->config;

    b->n_queues = (unsigned)c->queues;
    b->n_jobs = (unsigned)c->jobs;
    b->n_active = MIN(b->n_queues, b->n_jobs);
    b->queues = g_new0(BenchQueue, b->n_queues);
    b->jobs = g_new0(GThread *, b->n_jobs);
    for (unsigned i = 0; i < b->n_queues; i++) {
        BenchQueue *q = &b->queues[i];
        unsigned jobs = b->n_jobs / b->n_queues + (i < b->n_jobs % b->n_queues);

        q->bench = b;
        q->index = i;
        q->n_slots = jobs * (unsigned)c->depth;
        q->size = ring_size(q->n_slots);
        q->slots = g_new0(BenchSlot, q->n_slots);
        q->stopping = true;
        g_mutex_init(&q->lock);
    }
}

/* All rings behind each other. With @ram NULL it only adds up. */
static uint64_t place_queues(Bench *b, const GuestRam *ram)
{
    uint64_t gpa = FIRST_GPA;

    for (unsigned i = 0; i < b->n_queues; i++) {
        gpa = bench_queue_place(&b->queues[i], ram, gpa);
    }
    gpa = round_up(gpa, MiB);
    for (unsigned i = 0; ram && i < VHOST_SCSI_FIXED_QUEUES; i++) {
        VirtQueue *vq = &b->vdev->queues[i];

        virtio_queue_set_size(b->vdev, vq, FIXED_RING);
        vq->state.desc = gpa;
        vq->state.driver = gpa + MiB / 16;
        vq->state.device = gpa + MiB / 8;
        gpa += MiB / 4;
    }
    return gpa;
}

/* --- the machine --- */

static gpointer main_loop(gpointer opaque)
{
    machine_run_main_loop(opaque);
    return NULL;
}

static bool add_device(Bench *b, GError **errp)
{
    json_object *opts = bench_device_options(b->config, b->queues[0].size,
                                             errp);

    if (!opts) {
        return false;
    }
    b->dev = device_add(&b->machine->tree, opts, NULL, errp);
    json_object_put(opts);
    if (!b->dev) {
        return false;
    }
    b->vdev = virtio_device_from(b->dev->backend);
    return true;
}

static bool build(Bench *b, GError **errp)
{
    Machine *m = b->machine;

    m->config.ram_size = round_up(place_queues(b, NULL), MiB) + RAM_SIZE_MIN;
    return machine_build(m, errp) && add_device(b, errp) &&
           machine_start(m, errp);
}

/* Until the control thread has started the machine. */
static bool run_machine(Bench *b, GError **errp)
{
    Machine *m = b->machine;
    gint64 end = g_get_monotonic_time() + START_SECONDS * G_USEC_PER_SEC;

    b->loop = machine_thread_new("main-loop", main_loop, m, errp);
    if (!b->loop) {
        return false;
    }
    vm_start_request(m);
    while (m->run_state != RUN_STATE_RUNNING || runstate_is_changing(m)) {
        if (!g_cond_wait_until(&m->cond, &m->lock, end)) {
            error_setg(errp, "the machine does not start");
            return false;
        }
    }
    return true;
}

/* --- the driver: specification 1.2, 3.1.1 --- */

static void set_up_queues(Bench *b)
{
    VirtIODevice *v = b->vdev;

    for (unsigned i = 0; i < b->n_queues; i++) {
        b->queues[i].vq = &v->queues[VHOST_SCSI_FIXED_QUEUES + i];
        virtio_queue_set_size(v, b->queues[i].vq, (uint16_t)b->queues[i].size);
    }
    (void)place_queues(b, &b->machine->ram);
    for (unsigned i = 0; i < v->n_queues; i++) {
        virtio_queue_enable(v, &v->queues[i]);
    }
}

static bool start_driver(Bench *b, GError **errp)
{
    static const uint8_t ok = VIRTIO_CONFIG_S_ACKNOWLEDGE |
                              VIRTIO_CONFIG_S_DRIVER |
                              VIRTIO_CONFIG_S_FEATURES_OK;
    VirtIODevice *v = b->vdev;

    if (FEATURES_NEEDED & ~v->host_features) {
        error_setg(errp, "the kernel's vhost-scsi does not offer indirect "
                         "descriptors and event index: use a newer kernel");
        return false;
    }
    virtio_set_dma(v, true); /* there is no transport that could forbid it */
    virtio_set_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    virtio_set_features(v, FEATURES_NEEDED);
    virtio_set_status(v, ok);
    set_up_queues(b);
    virtio_set_status(v, ok | VIRTIO_CONFIG_S_DRIVER_OK);
    if (!v->started) {
        /* The device has said why. */
        error_setg(errp, "the device did not start");
        return false;
    }
    return true;
}

/* Specification 5.6.6.1: single level LUN. */
static void set_lun(Bench *b)
{
    b->lun[0] = 1;
    b->lun[1] = (uint8_t)b->config->tpgt;
    b->lun[2] = (uint8_t)(0x40 | b->config->lun >> 8);
    b->lun[3] = (uint8_t)b->config->lun;
}

bool bench_open(Bench *b, const BenchConfig *c, GError **errp)
{
    bool ok;

    *b = (Bench){ .config = c, .signals = -1 };
    b->samples = g_array_new(false, false, sizeof(BenchSample));
    b->run_ns = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    set_lun(b);
    make_queues(b);
    b->machine = machine_new(&program_registry,
                             machine_type_find(&program_registry, "q35"),
                             accel_find(&program_registry, "qtest"));
    machine_lock(b->machine);
    ok = build(b, errp) && run_machine(b, errp) && start_driver(b, errp);
    machine_unlock(b->machine);
    return ok && bench_read_capacity(b, errp);
}

void bench_close(Bench *b)
{
    if (b->machine) {
        machine_lock(b->machine);
        if (b->vdev) {
            virtio_reset(b->vdev);
        }
        machine_quit(b->machine);
        machine_unlock(b->machine);
        g_clear_pointer(&b->loop, g_thread_join);
        g_clear_pointer(&b->machine, machine_free);
    }
    for (unsigned i = 0; i < b->n_queues; i++) {
        g_free(b->queues[i].slots);
        g_mutex_clear(&b->queues[i].lock);
    }
    g_free(b->queues);
    g_free(b->jobs);
    g_array_unref(b->samples);
    g_hash_table_unref(b->run_ns);
    json_object_put(b->workers);
}
