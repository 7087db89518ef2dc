/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost.c and vhost-worker.c on a VhostOps of the test, which keeps the worker
 * table by the kernel's rules and fails the call it is told to.
 */
#include "accel/qtest.h"
#include "hw/virtio/vhost.h"
#include "program/registry.h"
#include "system/machine.h"

#include <fcntl.h>

#define TEST_QUEUES  8
#define TEST_WORKERS 16
#define DEFAULT_ID   VHOST_DEFAULT_WORKER_ID

static struct {
    unsigned n_queues;
    uint32_t of_queue[TEST_QUEUES];
    bool alive[TEST_WORKERS];
    unsigned made, freed, calls;
    unsigned fail_at; /* the nth call answers fail_with; 0: none */
    int fail_with;
    bool ignore_attach;
    int kick_fd[TEST_QUEUES], call_fd[TEST_QUEUES];
    uint32_t base[TEST_QUEUES];
    unsigned regions;
} kernel;

static int next_call(void)
{
    return ++kernel.calls == kernel.fail_at ? kernel.fail_with : 0;
}

static int set_owner(VhostDev *dev)
{
    int r = next_call();

    for (unsigned i = 0; r == 0 && i < TEST_QUEUES; i++) {
        kernel.of_queue[i] = DEFAULT_ID;
    }
    return r;
}

static int get_features(VhostDev *dev, uint64_t *ret_features)
{
    *ret_features = UINT64_C(1) << VIRTIO_F_VERSION_1;
    return next_call();
}

static int set_features(VhostDev *dev, uint64_t features)
{
    return next_call();
}

static int set_mem_table(VhostDev *dev, const struct vhost_memory *mem)
{
    kernel.regions = mem->nregions;
    return next_call();
}

static int check_index(unsigned index)
{
    int r = next_call();

    return r < 0 ? r : index < kernel.n_queues ? 0 : -ENOBUFS;
}

static int set_vring_num(VhostDev *dev, const struct vhost_vring_state *ring)
{
    return check_index(ring->index);
}

static int set_vring_base(VhostDev *dev, const struct vhost_vring_state *ring)
{
    int r = check_index(ring->index);

    if (r == 0) {
        kernel.base[ring->index] = ring->num;
    }
    return r;
}

static int get_vring_base(VhostDev *dev, struct vhost_vring_state *ring)
{
    int r = check_index(ring->index);

    if (r == 0) {
        ring->num = ring->index < TEST_QUEUES ? kernel.base[ring->index] : 0;
    }
    return r;
}

static int set_vring_addr(VhostDev *dev, const struct vhost_vring_addr *addr)
{
    return check_index(addr->index);
}

static int set_vring_kick(VhostDev *dev, const struct vhost_vring_file *file)
{
    int r = check_index(file->index);

    if (r == 0) {
        kernel.kick_fd[file->index] = file->fd;
    }
    return r;
}

static int set_vring_call(VhostDev *dev, const struct vhost_vring_file *file)
{
    int r = check_index(file->index);

    if (r == 0) {
        kernel.call_fd[file->index] = file->fd;
    }
    return r;
}

static int set_vring_err(VhostDev *dev, const struct vhost_vring_file *file)
{
    return check_index(file->index);
}

static int new_worker(VhostDev *dev, struct vhost_worker_state *worker)
{
    int r = next_call();

    if (r == 0) {
        kernel.alive[kernel.made] = true;
        worker->worker_id = DEFAULT_ID + 1 + kernel.made++;
    }
    return r;
}

static int free_worker(VhostDev *dev, const struct vhost_worker_state *worker)
{
    int r = next_call();

    if (r < 0) {
        return r;
    }
    for (unsigned i = 0; i < TEST_QUEUES; i++) {
        if (kernel.of_queue[i] == worker->worker_id) {
            return -EBUSY;
        }
    }
    kernel.alive[worker->worker_id - DEFAULT_ID - 1] = false;
    kernel.freed++;
    return 0;
}

static int attach_worker(VhostDev *dev, const struct vhost_vring_worker *worker)
{
    int r = next_call();

    if (r == 0 && !kernel.ignore_attach) {
        kernel.of_queue[worker->index] = worker->worker_id;
    }
    return r;
}

static int get_worker(VhostDev *dev, struct vhost_vring_worker *worker)
{
    int r = next_call();

    if (r == 0) {
        worker->worker_id = kernel.of_queue[worker->index];
    }
    return r;
}

static const VhostOps test_ops = {
    .vhost_set_owner = set_owner,
    .vhost_get_features = get_features,
    .vhost_set_features = set_features,
    .vhost_set_mem_table = set_mem_table,
    .vhost_set_vring_num = set_vring_num,
    .vhost_set_vring_base = set_vring_base,
    .vhost_get_vring_base = get_vring_base,
    .vhost_set_vring_addr = set_vring_addr,
    .vhost_set_vring_kick = set_vring_kick,
    .vhost_set_vring_call = set_vring_call,
    .vhost_set_vring_err = set_vring_err,
    .vhost_new_worker = new_worker,
    .vhost_free_worker = free_worker,
    .vhost_attach_vring_worker = attach_worker,
    .vhost_get_vring_worker = get_worker,
};

static const VhostKind test_kind = { .name = "test" };

/* For queues of @vdev, which lives as long. */
static void open_dev(VhostDev *dev, VirtIODevice *vdev)
{
    memset(&kernel, 0, sizeof(kernel));
    kernel.n_queues = TEST_QUEUES;
    vhost_dev_init(dev, &test_kind, &test_ops, vdev);
    g_assert_cmpint(vhost_dev_open(dev, open("/dev/null", O_RDWR), NULL), ==,
                    0);
    g_assert_cmpint(dev->state, ==, VHOST_OWNED);
    kernel.calls = 0;
}

static unsigned alive(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < TEST_WORKERS; i++) {
        n += kernel.alive[i];
    }
    return n;
}

static void test_open_failure_leaves_the_fd_to_the_caller(void)
{
    for (unsigned nth = 1; nth <= 2; nth++) {
        VirtIODevice vdev = { 0 };
        VhostDev dev;
        int fd = open("/dev/null", O_RDWR);

        memset(&kernel, 0, sizeof(kernel));
        kernel.fail_at = nth;
        kernel.fail_with = -EBUSY;
        vhost_dev_init(&dev, &test_kind, &test_ops, &vdev);
        g_assert_cmpint(vhost_dev_open(&dev, fd, NULL), ==, -EBUSY);
        g_assert_cmpint(dev.state, ==, VHOST_CLOSED);
        vhost_dev_close(&dev);
        g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0);
        close(fd);
    }
}

static void test_n_vrings_finds_the_kernels_limit(void)
{
    static const unsigned counts[] = { 0, 1, 2, 3, 130, 1025, 1026, 2000 };
    VirtIODevice vdev = { 0 };
    VhostDev dev;

    open_dev(&dev, &vdev);
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++) {
        kernel.n_queues = counts[i];
        g_assert_cmpint(vhost_dev_n_vrings(&dev, VIRTIO_QUEUES_MAX), ==,
                        MIN(counts[i], VIRTIO_QUEUES_MAX));
    }
    vhost_dev_close(&dev);
}

/* Four request queues behind two fixed ones: 3, 4 and 5 get a worker each. */
static int per_queue(VhostDev *dev)
{
    VhostWorkerConfig config = { .per_virtqueue = true };
    VhostWorkerPlan *plan = vhost_worker_plan_new(&config, NULL);
    unsigned shared;
    int r;

    g_assert_true(vhost_worker_plan_resolve(plan, 2, 4, "num_queues", NULL));
    dev->vdev->n_queues = 6;
    vhost_dev_serve(dev, 0, 6);
    r = vhost_workers_apply(dev, plan, &shared);
    g_assert_cmpuint(shared, ==, 0);
    vhost_worker_plan_free(plan);
    return r;
}

static void test_workers_one_for_each_further_queue(void)
{
    VirtIODevice vdev = { 0 };
    VhostDev dev;

    open_dev(&dev, &vdev);
    g_assert_cmpint(per_queue(&dev), ==, 0);
    g_assert_cmpuint(kernel.made, ==, 3);
    for (unsigned vq = 0; vq < TEST_QUEUES; vq++) {
        g_assert_cmpuint(kernel.of_queue[vq], ==,
                         vq >= 3 && vq < 6 ? DEFAULT_ID + vq - 2 : DEFAULT_ID);
    }
    g_assert_cmpuint(dev.workers->len, ==, 4);
    g_assert_cmpuint(g_array_index(dev.workers, VhostWorker, 0).id, ==,
                     DEFAULT_ID);
    vhost_dev_close(&dev);
}

static void test_workers_without_the_call_changes_nothing(void)
{
    VirtIODevice vdev = { 0 };
    VhostDev dev;

    open_dev(&dev, &vdev);
    kernel.fail_at = 1;
    kernel.fail_with = -ENOTTY;
    g_assert_cmpint(per_queue(&dev), ==, -ENOTTY);
    g_assert_cmpuint(kernel.calls, ==, 1);
    g_assert_cmpuint(dev.workers->len, ==, 1);
    vhost_dev_close(&dev);
}

/* Three workers are nine calls: NEW, ATTACH, GET each. */
static void test_workers_failure_of_any_call_is_undone(void)
{
    for (unsigned nth = 1; nth <= 9; nth++) {
        VirtIODevice vdev = { 0 };
        VhostDev dev;

        open_dev(&dev, &vdev);
        kernel.fail_at = nth;
        kernel.fail_with = -ENOMEM;
        g_assert_cmpint(per_queue(&dev), ==, -ENOMEM);
        g_assert_cmpuint(alive(), ==, 0);
        for (unsigned vq = 0; vq < TEST_QUEUES; vq++) {
            g_assert_cmpuint(kernel.of_queue[vq], ==, DEFAULT_ID);
        }
        g_assert_cmpuint(dev.workers->len, ==, 1);
        g_assert_cmpint(dev.failed_vring, ==, 3 + (int)(nth - 1) / 3);
        g_assert_cmpstr(dev.failed_call, ==,
                        nth % 3 == 1   ? "VHOST_NEW_WORKER"
                        : nth % 3 == 2 ? "VHOST_ATTACH_VRING_WORKER"
                                       : "VHOST_GET_VRING_WORKER");
        vhost_dev_close(&dev);
    }
}

static void test_workers_unconfirmed_mapping_is_an_error(void)
{
    VirtIODevice vdev = { 0 };
    VhostDev dev;

    open_dev(&dev, &vdev);
    kernel.ignore_attach = true;
    g_assert_cmpint(per_queue(&dev), ==, -EIO);
    g_assert_cmpuint(alive(), ==, 0);
    vhost_dev_close(&dev);
}

/* --- rings --- */

typedef struct Rings {
    Machine *m;
    VirtIODevice vdev;
    VhostDev dev;
    GuestRam ram;
} Rings;

static void rings_init(Rings *r)
{
    static const VirtioKind kind = { .device_id = 8 };

    memset(r, 0, sizeof(*r));
    r->m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    machine_lock(r->m);
    r->vdev.dev.machine = r->m;
    r->vdev.dev.id = (char *)"test";
    g_assert_true(virtio_init(&r->vdev, &kind, 4, 3, 16, NULL));
    g_assert_cmpint(guest_ram_init(&r->ram, MiB), ==, 0);
    guest_ram_add_block(&r->ram, 0, 0, MiB);
    open_dev(&r->dev, &r->vdev);
    vhost_dev_serve(&r->dev, 0, 3);
    for (unsigned i = 0; i < 3; i++) {
        VirtQueue *q = &r->vdev.queues[i];

        q->state.desc = 0x1000 * (i + 1);
        q->state.driver = q->state.desc + 0x400;
        q->state.device = q->state.desc + 0x800;
        q->state.enabled = i != 1;
        q->state.last_avail = (uint16_t)(10 + i);
    }
}

static void rings_finish(Rings *r)
{
    vhost_dev_close(&r->dev);
    virtio_finish(&r->vdev);
    guest_ram_finish(&r->ram);
    machine_unlock(r->m);
    machine_free(r->m);
}

static void test_start_gives_enabled_rings_and_stop_takes_them(void)
{
    Rings r;

    rings_init(&r);
    kernel.kick_fd[1] = -2;
    g_assert_cmpint(vhost_dev_start(&r.dev, &r.ram), ==, 0);
    g_assert_cmpint(r.dev.state, ==, VHOST_RUNNING);
    g_assert_cmpuint(kernel.regions, ==, 1);
    g_assert_cmpuint(kernel.base[0], ==, 10);
    g_assert_cmpint(kernel.kick_fd[0], ==, r.vdev.queues[0].kick.fd);
    g_assert_cmpint(kernel.call_fd[2], ==, r.vdev.queues[2].call.fd);
    g_assert_cmpint(kernel.kick_fd[1], ==, -2);

    kernel.base[2] = 77;
    vhost_dev_stop(&r.dev);
    g_assert_cmpint(r.dev.state, ==, VHOST_OWNED);
    g_assert_cmpuint(r.vdev.queues[2].state.last_avail, ==, 77);
    g_assert_cmpint(kernel.kick_fd[0], ==, -1);
    g_assert_cmpint(kernel.call_fd[2], ==, -1);
    rings_finish(&r);
}

static void test_start_refuses_rings_outside_ram(void)
{
    static const struct {
        uint64_t desc, driver, device;
    } bad[] = {
        { MiB - 16 * 16 + 16, 0x400, 0x800 }, /* one descriptor too high */
        { 0x1000, MiB - 36, 0x800 },          /* avail is 6 + 32 bytes */
        { 0x1000, 0x400, MiB - 128 },         /* used is 6 + 128 bytes */
        { UINT64_MAX - 15, 0x400, 0x800 },    /* wraps */
        { 0x1008, 0x400, 0x800 },             /* alignment 16 */
        { 0x1000, 0x401, 0x800 },             /* alignment 2 */
        { 0x1000, 0x400, 0x802 },             /* alignment 4 */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        Rings r;

        rings_init(&r);
        r.vdev.queues[2].state.desc = bad[i].desc;
        r.vdev.queues[2].state.driver = bad[i].driver;
        r.vdev.queues[2].state.device = bad[i].device;
        g_assert_cmpint(vhost_dev_start(&r.dev, &r.ram), ==, -EFAULT);
        g_assert_cmpint(r.dev.state, ==, VHOST_OWNED);
        g_assert_cmpint(r.dev.failed_vring, ==, 2);
        g_assert_cmpint(kernel.kick_fd[0], ==, -1);
        rings_finish(&r);
    }
}

/* SET_FEATURES, SET_MEM_TABLE and six calls for each of two rings. */
static void test_start_failure_of_any_call_is_undone(void)
{
    for (unsigned nth = 1; nth <= 14; nth++) {
        Rings r;

        rings_init(&r);
        kernel.fail_at = nth;
        kernel.fail_with = -EINVAL;
        g_assert_cmpint(vhost_dev_start(&r.dev, &r.ram), ==, -EINVAL);
        g_assert_cmpint(r.dev.state, ==, VHOST_OWNED);
        for (unsigned i = 0; i < 3; i++) {
            g_assert_cmpint(kernel.kick_fd[i], <=, 0);
            g_assert_cmpint(kernel.call_fd[i], <=, 0);
        }
        kernel.fail_at = 0;
        g_assert_cmpint(vhost_dev_start(&r.dev, &r.ram), ==, 0);
        vhost_dev_stop(&r.dev);
        rings_finish(&r);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost/open/failure",
                    test_open_failure_leaves_the_fd_to_the_caller);
    g_test_add_func("/vhost/n-vrings", test_n_vrings_finds_the_kernels_limit);
    g_test_add_func("/vhost/workers/rule",
                    test_workers_one_for_each_further_queue);
    g_test_add_func("/vhost/workers/no-call",
                    test_workers_without_the_call_changes_nothing);
    g_test_add_func("/vhost/workers/failure",
                    test_workers_failure_of_any_call_is_undone);
    g_test_add_func("/vhost/workers/unconfirmed",
                    test_workers_unconfirmed_mapping_is_an_error);
    g_test_add_func("/vhost/start/rings",
                    test_start_gives_enabled_rings_and_stop_takes_them);
    g_test_add_func("/vhost/start/outside-ram",
                    test_start_refuses_rings_outside_ram);
    g_test_add_func("/vhost/start/failure",
                    test_start_failure_of_any_call_is_undone);
    return g_test_run();
}
