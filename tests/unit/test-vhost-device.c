/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-device.c and vhost-open.c on a made-up device, which is the least that a
 * vhost device can be: four virtqueues, of which one of the kernel's devices
 * serves 0 and 1, another one 2, and nobody 3, which is user space's. The
 * kernel is a VhostOps of the test.
 */
#include "accel/qtest.h"
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "test-board.h"
#include "util/error.h"

#include <fcntl.h>

#define QUEUES         4
#define KERNEL_FEATURE 5 /* a bit that the kernel has */
#define OWN_FEATURE    6 /* one that user space has and the kernel has not */

/* --- the kernel --- */

typedef struct Part {
    VhostDev dev;
    uint64_t features; /* that were set */
    int kick[QUEUES], call[QUEUES];
    uint32_t base[QUEUES];
    bool owned, active;
    int fail_activate, fail_deactivate; /* so often */
    const char *fail;                   /* this call, */
    unsigned fail_vring;                /* about this vring */
} Part;

static Part *part_of(VhostDev *dev)
{
    return container_of(dev, Part, dev);
}

static int answer(VhostDev *dev, const char *call, unsigned vring)
{
    const Part *p = part_of(dev);

    g_assert_cmpuint(vring, <, dev->n_vrings ? dev->n_vrings : QUEUES);
    return !g_strcmp0(p->fail, call) && p->fail_vring == vring ? -EINVAL : 0;
}

static int set_owner(VhostDev *dev)
{
    part_of(dev)->owned = true;
    return 0;
}

static int get_features(VhostDev *dev, uint64_t *ret_features)
{
    *ret_features = UINT64_C(1) << VIRTIO_F_VERSION_1 | 1 << KERNEL_FEATURE;
    return 0;
}

static int set_features(VhostDev *dev, uint64_t features)
{
    part_of(dev)->features = features;
    return 0;
}

static int set_mem_table(VhostDev *dev, const struct vhost_memory *mem)
{
    return 0;
}

static int set_vring_num(VhostDev *dev, const struct vhost_vring_state *ring)
{
    return answer(dev, "NUM", ring->index);
}

static int set_vring_base(VhostDev *dev, const struct vhost_vring_state *ring)
{
    part_of(dev)->base[ring->index] = ring->num;
    return answer(dev, "BASE", ring->index);
}

static int get_vring_base(VhostDev *dev, struct vhost_vring_state *ring)
{
    ring->num = part_of(dev)->base[ring->index];
    return answer(dev, "GET_BASE", ring->index);
}

static int set_vring_addr(VhostDev *dev, const struct vhost_vring_addr *addr)
{
    return answer(dev, "ADDR", addr->index);
}

static int set_vring_kick(VhostDev *dev, const struct vhost_vring_file *file)
{
    part_of(dev)->kick[file->index] = file->fd;
    return answer(dev, "KICK", file->index);
}

static int set_vring_call(VhostDev *dev, const struct vhost_vring_file *file)
{
    part_of(dev)->call[file->index] = file->fd;
    return answer(dev, "CALL", file->index);
}

static int set_vring_err(VhostDev *dev, const struct vhost_vring_file *file)
{
    return answer(dev, "ERR", file->index);
}

static int get_fork_from_owner(VhostDev *dev, bool *ret_task)
{
    return -ENOTTY;
}

static int attach_worker(VhostDev *dev, const struct vhost_vring_worker *worker)
{
    return answer(dev, "ATTACH", worker->index);
}

static const VhostOps ops = {
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
    .vhost_get_fork_from_owner = get_fork_from_owner,
    .vhost_attach_vring_worker = attach_worker,
};

/* --- the device --- */

typedef struct MadeUp {
    VirtIODevice vdev;
    Part part[2];
    VhostWorkerConfig workers;
} MadeUp;

static MadeUp *made_up_from(VirtIODevice *vdev)
{
    return container_of(vdev, MadeUp, vdev);
}

static bool made_up_check(VhostDev *dev, const char *what, GError **errp)
{
    return true;
}

static bool made_up_activate(VhostDev *dev, GError **errp)
{
    Part *p = part_of(dev);

    if (p->fail_activate) {
        p->fail_activate--;
        (void)vhost_dev_answer(dev, "MADE_UP_GO", -1, -ENODEV);
        vhost_device_call_error(errp, dev, -ENODEV);
        return false;
    }
    p->active = true;
    return true;
}

static bool made_up_deactivate(VhostDev *dev, GError **errp)
{
    Part *p = part_of(dev);

    if (p->fail_deactivate) {
        p->fail_deactivate--;
        (void)vhost_dev_answer(dev, "MADE_UP_STOP", -1, -EIO);
        vhost_device_call_error(errp, dev, -EIO);
        return false;
    }
    p->active = false;
    return true;
}

static const VhostKind vhost_kind = {
    .name = "vhost-made-up",
    .path = "/dev/null",
    .module = "made_up",
    .queues_property = "queues",
    .check = made_up_check,
    .activate = made_up_activate,
    .deactivate = made_up_deactivate,
};

static const VirtioKind virtio_kind = {
    .name = "virtio-made-up",
    .device_id = 42,
    .start = vhost_device_start,
    .stop = vhost_device_stop,
};

static const VirtioBitName demanded[] = {
    { KERNEL_FEATURE, "kernel_feature" },
    { 0, NULL },
};

static void made_up_instance_init(Device *dev)
{
    MadeUp *s = made_up_from(virtio_device_from(dev));

    for (unsigned i = 0; i < G_N_ELEMENTS(s->part); i++) {
        vhost_dev_init(&s->part[i].dev, &vhost_kind, &ops, &s->vdev);
    }
}

static bool made_up_realize(Device *dev, GError **errp)
{
    MadeUp *s = made_up_from(virtio_device_from(dev));
    VirtIODevice *vdev = &s->vdev;

    if (!virtio_init(vdev, &virtio_kind, 0, QUEUES, 16, errp)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(s->part); i++) {
        VhostDev *v = &s->part[i].dev;

        if (!vhost_device_open(v, &s->workers, NULL, errp) ||
            !vhost_device_offer(v, 1 << KERNEL_FEATURE, demanded,
                                &vdev->host_features, errp)) {
            return false;
        }
        vhost_dev_serve(v, 2 * i, 2 - i);
        vhost_device_attend(v);
    }
    vdev->host_features |= 1 << OWN_FEATURE;
    return true;
}

static void made_up_unrealize(Device *dev)
{
    vhost_device_finish(virtio_device_from(dev));
}

static const DeviceType made_up_type = {
    .name = "made-up",
    .bus = BUS_VIRTIO,
    .size = sizeof(MadeUp),
    .instance_init = made_up_instance_init,
    .realize = made_up_realize,
    .unrealize = made_up_unrealize,
};

/* --- a board with one --- */

typedef struct Fixture {
    TestBoard b;
    Device proxy; /* without a transport */
    MadeUp *s;
    VirtIODevice *vdev;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    GError *err = NULL;
    Machine *m;
    Device *dev;

    test_board_init(&f->b);
    m = f->b.m;
    g_assert_cmpint(guest_ram_init(&m->ram, MiB), ==, 0);
    guest_ram_add_block(&m->ram, 0, 0, MiB);
    dev = device_new(&m->tree, &made_up_type);
    f->vdev = virtio_device_from(dev);
    f->s = made_up_from(f->vdev);
    f->proxy = (Device){ .id = (char *)"made-up", .machine = m };
    f->proxy.type = &made_up_type;
    f->proxy.tree = &m->tree;
    dev->proxy = &f->proxy;
    made_up_realize(dev, &err);
    g_assert_no_error(err);
    for (unsigned i = 0; i < QUEUES; i++) {
        VirtQueue *q = &f->vdev->queues[i];

        q->state.desc = 0x1000 * (i + 1);
        q->state.driver = q->state.desc + 0x400;
        q->state.device = q->state.desc + 0x800;
        q->state.last_avail = (uint16_t)(10 + i);
        q->state.enabled = true;
    }
    virtio_set_features(f->vdev, f->vdev->host_features);
    m->run_state = RUN_STATE_RUNNING;
    virtio_set_dma(f->vdev, true);
}

static void teardown(Fixture *f, gconstpointer data)
{
    device_free(&f->vdev->dev);
    test_board_finish(&f->b);
}

/* ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK */
static void begin(Fixture *f)
{
    virtio_set_status(f->vdev, 15);
}

static void each_serves_its_range_and_nobody_the_rest(Fixture *f,
                                                      gconstpointer data)
{
    const VirtQueue *q = f->vdev->queues;
    Part *p = f->s->part;

    g_assert_true(vhost_dev_of_queue(f->vdev, 0) == &p[0].dev);
    g_assert_true(vhost_dev_of_queue(f->vdev, 1) == &p[0].dev);
    g_assert_true(vhost_dev_of_queue(f->vdev, 2) == &p[1].dev);
    g_assert_null(vhost_dev_of_queue(f->vdev, 3));
    g_assert_null(vhost_dev_of_queue(f->vdev, 4));

    begin(f);
    g_assert_true(f->vdev->started);
    g_assert_true(p[0].active && p[1].active);
    g_assert_cmpint(p[0].kick[0], ==, q[0].kick.fd);
    g_assert_cmpint(p[0].kick[1], ==, q[1].kick.fd);
    g_assert_cmpint(p[1].kick[0], ==, q[2].kick.fd);
    g_assert_cmpint(p[1].call[0], ==, q[2].call.fd);
    g_assert_cmpuint(p[0].base[1], ==, 11);
    g_assert_cmpuint(p[1].base[0], ==, 12);
    g_assert_cmpint(p[1].kick[1], ==, 0);
    /* Kicked are those that the kernel listens to. */
    g_assert_true(event_notifier_is_set(&q[2].kick));
    g_assert_false(event_notifier_is_set(&q[3].kick));

    p[1].base[0] = 77;
    virtio_set_dma(f->vdev, false);
    g_assert_false(p[0].active || p[1].active);
    g_assert_cmpuint(q[2].state.last_avail, ==, 77);
    g_assert_cmpuint(q[3].state.last_avail, ==, 13);
    g_assert_cmpint(p[1].kick[0], ==, -1);
}

static void the_kernel_is_told_the_features_that_it_has(Fixture *f,
                                                        gconstpointer data)
{
    begin(f);
    g_assert_true(virtio_has_feature(f->vdev, OWN_FEATURE));
    g_assert_cmphex(f->s->part[1].features, ==,
                    UINT64_C(1) << VIRTIO_F_VERSION_1 | 1 << KERNEL_FEATURE);
}

static void a_failure_names_the_virtqueue_and_stops_the_others(
    Fixture *f, gconstpointer data)
{
    Part *p = f->s->part;
    g_autoptr(GError) err = NULL;
    bool ok;

    p[1].fail = "ADDR";
    p[1].fail_vring = 0;
    virtio_begin_kernel_calls(f->vdev);
    ok = vhost_device_start(f->vdev, &err);
    virtio_end_kernel_calls(f->vdev);
    g_assert_false(ok);
    g_assert_cmpstr(err->message, ==,
                    "vhost-made-up: VHOST_SET_VRING_ADDR failed for virtqueue "
                    "2: Invalid argument");
    g_assert_false(p[0].active);
    g_assert_cmpint(p[0].dev.state, ==, VHOST_OWNED);
    g_assert_cmpint(p[0].kick[1], ==, -1);
    g_assert_cmpint(p[1].dev.state, ==, VHOST_OWNED);

    p[1].fail = NULL;
    begin(f);
    g_assert_true(p[0].active && p[1].active);
}

static void a_last_step_that_fails_needs_a_reset(Fixture *f, gconstpointer data)
{
    Part *p = f->s->part;

    p[1].fail_activate = 1;
    begin(f);
    g_assert_cmphex(f->vdev->state.status, ==,
                    15 | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_false(p[0].active || p[1].active);
    g_assert_cmpint(p[1].kick[0], ==, -1);
}

/* The kernel still serves the rings of one that it could not take down. */
static void what_could_not_be_taken_down_is_tried_again(Fixture *f,
                                                        gconstpointer data)
{
    Part *p = f->s->part;

    begin(f);
    p[0].fail_deactivate = 1;
    virtio_set_dma(f->vdev, false);
    g_assert_true(p[0].active && p[0].dev.active);
    g_assert_false(p[1].active);

    p[0].fail_deactivate = 1;
    virtio_set_dma(f->vdev, true);
    g_assert_cmphex(f->vdev->state.status & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
    g_assert_false(p[1].active);

    virtio_set_status(f->vdev, 0);
    g_assert_cmpint(p[0].dev.state, ==, VHOST_OWNED);
}

static void queues_of_a_worker_are_the_devices(Fixture *f, gconstpointer data)
{
    Part *p = f->s->part;
    g_autofree char *first = vhost_worker_queues(&p[0].dev, 0);
    g_autofree char *second = vhost_worker_queues(&p[1].dev, 0);

    g_assert_cmpstr(first, ==, "0-1");
    g_assert_cmpstr(second, ==, "2");
    p[1].fail = "ATTACH";
    g_assert_cmpint(vhost_worker_attach(&p[1].dev, 0, 0), ==, -EINVAL);
    g_assert_cmpint(p[1].dev.failed_vring, ==, 0);
}

/* Only the first was opened when realize fails: both go. */
static void a_half_made_device_is_freed(Fixture *f, gconstpointer data)
{
    Device *dev = device_new(&f->b.m->tree, &made_up_type);
    MadeUp *s = made_up_from(virtio_device_from(dev));
    g_autoptr(GError) err = NULL;
    int fd;

    s->part[1].dev.kind = &(VhostKind){ .name = "vhost-gone",
                                        .path = "/nonexistent",
                                        .module = "gone" };
    g_assert_false(made_up_realize(dev, &err));
    g_assert_cmpstr(err->message, ==,
                    "vhost-gone: cannot open /nonexistent, load the kernel "
                    "module (modprobe gone): No such file or directory");
    fd = s->part[0].dev.fd;
    g_assert_cmpint(fcntl(fd, F_GETFD), >=, 0);
    device_free(dev);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/vhost-device/range", each_serves_its_range_and_nobody_the_rest);
    ADD("/vhost-device/features", the_kernel_is_told_the_features_that_it_has);
    ADD("/vhost-device/start-fails",
        a_failure_names_the_virtqueue_and_stops_the_others);
    ADD("/vhost-device/activate-fails", a_last_step_that_fails_needs_a_reset);
    ADD("/vhost-device/deactivate-fails",
        what_could_not_be_taken_down_is_tried_again);
    ADD("/vhost-device/worker", queues_of_a_worker_are_the_devices);
    ADD("/vhost-device/half-made", a_half_made_device_is_freed);
    return g_test_run();
}
