/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver can do to queues that user space serves. The first byte chooses
 * a device, the rest is a sequence of operations: operation(1), then
 *
 *     start       features(1), for each queue size(2) desc(8) avail(8) used(8)
 *     good start  features(1)
 *     offer       queue(1) head(2) by(1)
 *     poke        addr(4) value(8)
 *     kick        queue(1)
 *     dma         on(1)
 *     configure   offset(1) value(4)
 *     descriptor  queue(1) where(1) addr(8) len(4) flags(2) next(2)
 *
 * Whatever it does, bytes change in RAM alone, and the device serves the next
 * driver.
 */
#include "../unit/fake-accel.h"
#include "../unit/test-virtqueue.h"
#include "hw/char/virtio-serial.h"
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtio-rng.h"

#include "fuzz-input.h"

#define RING(queue) (0x1000 + 0x3000 * (uint64_t)(queue))
#define RING_AVAIL  0x1000 /* from the ring's begin */
#define RING_USED   0x2000
#define TABLE       0x20000 /* where indirect tables are likely */
#define BUFFER      0x21000

static const DeviceType *const types[] = {
    &echo_type,
    &virtio_rng_type,
    &virtio_balloon_type,
    &virtio_serial_type,
};

static void begin(VirtIODevice *vdev, uint64_t features)
{
    virtio_set_status(vdev, 0);
    virtio_set_features(vdev, features | UINT64_C(1) << VIRTIO_F_VERSION_1);
    virtio_set_status(vdev, 11); /* ACKNOWLEDGE, DRIVER, FEATURES_OK */
}

static void set_up_queue(VirtIODevice *vdev, unsigned queue, uint64_t desc,
                         uint64_t avail, uint64_t used)
{
    VirtQueue *q = &vdev->queues[queue];

    q->state.desc = desc;
    q->state.driver = avail;
    q->state.device = used;
    virtio_queue_enable(vdev, q);
}

static void good_start(VirtIODevice *vdev, uint64_t features)
{
    begin(vdev, features);
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        set_up_queue(vdev, i, RING(i), RING(i) + RING_AVAIL,
                     RING(i) + RING_USED);
    }
    virtio_set_status(vdev, 15);
}

/* Of those that are about rings. */
static uint64_t some_features(FuzzInput *in)
{
    return fuzz_int(in, 1) << 28 & ECHO_FEATURES;
}

static void start(VirtIODevice *vdev, FuzzInput *in)
{
    begin(vdev, some_features(in));
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        uint16_t size = (uint16_t)fuzz_int(in, 2);
        uint64_t desc = fuzz_int(in, 8), avail = fuzz_int(in, 8);

        virtio_queue_set_size(vdev, &vdev->queues[i], size);
        set_up_queue(vdev, i, desc, avail, fuzz_int(in, 8));
    }
    virtio_set_status(vdev, 15);
}

static unsigned some_queue(const VirtIODevice *vdev, FuzzInput *in)
{
    return (unsigned)fuzz_int(in, 1) % vdev->n_queues;
}

static void write_descriptor(VirtIODevice *vdev, FuzzInput *in)
{
    uint64_t ring = RING(some_queue(vdev, in));
    unsigned where = (unsigned)fuzz_int(in, 1);
    struct vring_desc d = { .addr = fuzz_int(in, 8) };

    d.len = (uint32_t)fuzz_int(in, 4);
    d.flags = (uint16_t)fuzz_int(in, 2);
    d.next = (uint16_t)fuzz_int(in, 2);
    guest_ram_write(&vdev->dev.machine->ram,
                    (where & 0x80 ? TABLE : ring) + sizeof(d) * (where & 0x1f),
                    &d, sizeof(d));
}

static void offer(VirtIODevice *vdev, FuzzInput *in)
{
    unsigned queue = some_queue(vdev, in);
    uint16_t size = vdev->queues[queue].max_size;
    struct vring_avail *avail = guest_ram_ptr(&vdev->dev.machine->ram,
                                              RING(queue) + RING_AVAIL,
                                              vring_avail_size(size));
    uint16_t head = (uint16_t)fuzz_int(in, 2);

    avail->ring[avail->idx % size] = head;
    avail->idx = (uint16_t)(avail->idx + fuzz_int(in, 1));
}

static void poke(Machine *m, FuzzInput *in)
{
    uint64_t addr = fuzz_int(in, 4) % ECHO_RAM;
    uint64_t value = fuzz_int(in, 8);

    guest_ram_write(&m->ram, addr, &value, sizeof(value));
}

static void kick(VirtIODevice *vdev, unsigned queue)
{
    virtqueue_wake(&vdev->queues[queue]);
    while (g_main_context_iteration(vdev->dev.machine->context, FALSE)) {
    }
}

/* The device is as good as new for the next driver: it gives a buffer back, and
 * what it was sent if it is the one that does so. */
static void check(VirtIODevice *vdev)
{
    const GuestRam *ram = &vdev->dev.machine->ram;
    struct vring_desc d[] = {
        { BUFFER, 4, VRING_DESC_F_NEXT, 1 },
        { BUFFER + 8, 4, VRING_DESC_F_WRITE, 0 },
    };
    /* The first of a controller's ports sends by its second queue. */
    unsigned queue = vdev->dev.type == &virtio_serial_type;
    const struct vring_used *used = guest_ram_ptr(ram, RING(queue) + RING_USED,
                                                  64);

    /* Those of the other queues are empty. */
    memset(guest_ram_ptr(ram, RING(0), 0x3000 * vdev->n_queues), 0,
           0x3000 * vdev->n_queues);
    guest_ram_write(ram, RING(queue), d, sizeof(d));
    guest_ram_write(ram, BUFFER, "\xff\xff\xff\xffxxxxpong", 12);
    guest_ram_write(ram, RING(queue) + RING_AVAIL, "\0\0\1\0\0\0", 6);
    good_start(vdev, 0);
    kick(vdev, queue);
    g_assert_cmpuint(vdev->state.status, ==, 15);
    g_assert_cmpuint(used->idx, ==, 1);
    if (vdev->dev.type == &echo_type) {
        g_assert_cmpmem(guest_ram_ptr(ram, BUFFER, 12), 12,
                        "\xff\xff\xff\xffxxxx\xff\xff\xff\xff", 12);
    }
}

static void configure(VirtIODevice *vdev, FuzzInput *in)
{
    unsigned offset = (unsigned)fuzz_int(in, 1);

    virtio_config_write(vdev, offset, fuzz_int(in, 4), 4);
}

static void step(VirtIODevice *vdev, FuzzInput *in)
{
    switch (fuzz_int(in, 1) % 9) {
    case 0:
        start(vdev, in);
        break;
    case 1:
        good_start(vdev, some_features(in));
        break;
    case 2:
        offer(vdev, in);
        break;
    case 3:
        poke(vdev->dev.machine, in);
        break;
    case 4:
        kick(vdev, some_queue(vdev, in));
        break;
    case 5:
        virtio_set_dma(vdev, fuzz_int(in, 1) & 1);
        break;
    case 6:
        configure(vdev, in);
        break;
    default:
        write_descriptor(vdev, in);
    }
}

static void add_port(Machine *m, const DeviceType *type)
{
    Device *port = device_new(&m->tree, type);

    port->bus = device_tree_find_bus(&m->tree, NULL, BUS_VIRTIO_SERIAL);
    g_assert_true(device_realize(port, NULL));
}

static VirtIODevice *new_device(Machine *m, const DeviceType *type)
{
    Device *dev = device_new(&m->tree, type);

    if (type == &virtio_balloon_type) {
        g_assert_true(device_set(dev, "free-page-reporting", "on", NULL));
    }
    if (type == &virtio_serial_type) {
        g_assert_true(device_set(dev, "max_ports", "2", NULL));
    }
    g_assert_true(type->realize(dev, NULL));
    if (type == &virtio_serial_type) {
        add_port(m, &virtconsole_type);
        add_port(m, &virtserialport_type);
    }
    return virtio_device_from(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    Machine *m = fake_machine_new();
    VirtIODevice *vdev;

    g_assert_cmpint(guest_ram_init(&m->ram, ECHO_RAM), ==, 0);
    guest_ram_add_block(&m->ram, 0, 0, ECHO_RAM);
    m->run_state = RUN_STATE_RUNNING;
    vdev = new_device(m, types[fuzz_int(&in, 1) % G_N_ELEMENTS(types)]);
    /* Messages are tested elsewhere. */
    vdev->errors_logged = VIRTIO_ERRORS_LOGGED_MAX;
    virtio_set_dma(vdev, true);
    while (fuzz_more(&in)) {
        step(vdev, &in);
    }
    virtio_set_dma(vdev, true);
    check(vdev);
    device_free(&vdev->dev);
    fake_machine_free(m);
    return 0;
}
