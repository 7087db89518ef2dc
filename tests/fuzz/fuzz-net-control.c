/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver can say by a network card's control queue. The first two bytes
 * choose features, the rest is commands, each in one buffer of the ring:
 *
 *     class(1) command(1) length(1) data(length)
 *
 * with a length of 255: 4 kB of zeros behind the data that is left. There is no
 * tap: what is to change it fails, and must leave things as they were.
 */
#include "../unit/fake-accel.h"
#include "hw/net/vhost-net.h"
#include "system/hotplug.h"

#include "fuzz-input.h"

#define CONTROL   2 /* behind one pair */
#define DESC      0x1000
#define AVAIL     0x2000
#define USED      0x3000
#define COMMAND   0x4000
#define ACK       0x3800
#define RAM_BYTES MiB
#define LONGEST   4096

static const VirtioKind kind = { .name = "virtio-net", .device_id = 1 };

/* Those that the first bytes choose of. */
static const uint8_t features[] = {
    VIRTIO_NET_F_CTRL_RX,        VIRTIO_NET_F_CTRL_RX_EXTRA,
    VIRTIO_NET_F_CTRL_VLAN,      VIRTIO_NET_F_CTRL_MAC_ADDR,
    VIRTIO_NET_F_GUEST_ANNOUNCE, VIRTIO_NET_F_MQ,
    VIRTIO_NET_F_GUEST_CSUM,     VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
};

static bool card_realize(Device *dev, GError **errp)
{
    VhostNet *s = vhost_net_from(virtio_device_from(dev));

    if (!virtio_init(&s->vdev, &kind, sizeof(struct virtio_net_config),
                     CONTROL + 1, VHOST_NET_RING_SIZE_MAX, errp)) {
        return false;
    }
    s->n_pairs = 1;
    s->state.n_pairs = 1;
    s->pairs = g_new0(VhostNetPair, 1);
    vhost_net_control_init(s);
    return true;
}

static void card_unrealize(Device *dev)
{
    VhostNet *s = vhost_net_from(virtio_device_from(dev));

    vhost_net_control_finish(s);
    virtio_finish(&s->vdev);
    vhost_net_control_free(s);
    g_free(s->pairs);
}

static const DeviceType card_type = {
    .name = "card",
    .bus = BUS_VIRTIO,
    .size = sizeof(VhostNet),
    .realize = card_realize,
    .unrealize = card_unrealize,
};

static void slot_unrealize(Device *dev)
{
}

/* What events name. */
static const DeviceType slot_type = {
    .name = "slot",
    .bus = BUS_NONE,
    .size = sizeof(Device),
    .unrealize = slot_unrealize,
};

static void start(VhostNet *s, FuzzInput *in)
{
    uint64_t chosen = UINT64_C(1) << VIRTIO_F_VERSION_1;
    uint64_t bits = fuzz_int(in, 2);
    VirtQueue *q = &s->vdev.queues[CONTROL];

    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        chosen |= (bits >> i & 1) << features[i];
    }
    s->vdev.host_features = chosen;
    virtio_set_status(&s->vdev, 0);
    virtio_set_features(&s->vdev, chosen);
    virtio_set_status(&s->vdev, 11); /* ACKNOWLEDGE, DRIVER, FEATURES_OK */
    q->state.desc = DESC;
    q->state.driver = AVAIL;
    q->state.device = USED;
    virtio_queue_enable(&s->vdev, q);
    virtio_set_status(&s->vdev, 15);
}

/* The control thread's part, too. */
static void settle(Machine *m)
{
    ControlJob *job;

    do {
        while (g_main_context_iteration(m->context, FALSE)) {
        }
        job = g_queue_pop_head(&m->control.jobs);
        if (job) {
            job->run(job, false);
        }
    } while (job);
}

/* What is to hold whatever was said. */
static void check(const VhostNet *s)
{
    g_assert_cmpuint(s->state.n_pairs, ==, 1);
    g_assert_cmphex(s->state.guest_offloads, ==, 0);
    g_assert_cmpuint(s->state.unicast.n, <=, VHOST_NET_MAC_TABLE_MAX);
    g_assert_cmpuint(s->state.multicast.n, <=, VHOST_NET_MAC_TABLE_MAX);
}

static void command(VhostNet *s, FuzzInput *in, uint16_t number)
{
    const GuestRam *ram = &s->vdev.dev.machine->ram;
    uint8_t *bytes = guest_ram_ptr(ram, COMMAND, LONGEST);
    uint8_t *ack = guest_ram_ptr(ram, ACK, 1);
    struct vring_avail *avail = guest_ram_ptr(ram, AVAIL, 256);
    const struct vring_used *used = guest_ram_ptr(ram, USED, 256);
    struct vring_desc d[] = {
        { COMMAND, 2, VRING_DESC_F_NEXT, 1 },
        { ACK, 1, VRING_DESC_F_WRITE, 0 },
    };
    uint8_t len;

    memset(bytes, 0, LONGEST);
    bytes[0] = (uint8_t)fuzz_int(in, 1);
    bytes[1] = (uint8_t)fuzz_int(in, 1);
    len = (uint8_t)fuzz_int(in, 1);
    for (unsigned i = 0; i < len && fuzz_more(in); i++) {
        bytes[2 + i] = (uint8_t)fuzz_int(in, 1);
    }
    d[0].len = len == UINT8_MAX ? LONGEST : 2 + len;
    guest_ram_write(ram, DESC, d, sizeof(d));
    *ack = UINT8_MAX;
    avail->ring[number % VHOST_NET_CONTROL_RING_SIZE] = 0;
    avail->idx = (uint16_t)(number + 1);
    virtqueue_wake(&s->vdev.queues[CONTROL]);
    settle(s->vdev.dev.machine);
    g_assert_cmpuint(used->idx, ==, (uint16_t)(number + 1));
    g_assert_cmpuint(*ack, <=, VIRTIO_NET_ERR);
    check(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    Machine *m = fake_machine_new();
    int no_tap = -1;
    Netdev netdev = { .name = "none", .n_queues = 1, .tap_fds = &no_tap };
    Device *dev, *slot;
    VhostNet *s;

    g_assert_cmpint(guest_ram_init(&m->ram, RAM_BYTES), ==, 0);
    guest_ram_add_block(&m->ram, 0, 0, RAM_BYTES);
    m->run_state = RUN_STATE_RUNNING;
    dev = device_new(&m->tree, &card_type);
    g_assert_true(card_realize(dev, NULL));
    s = vhost_net_from(virtio_device_from(dev));
    s->netdev = &netdev;
    slot = device_new(&m->tree, &slot_type);
    dev->proxy = slot;
    virtio_set_dma(&s->vdev, true);
    start(s, &in);
    for (uint16_t i = 0; fuzz_more(&in); i++) {
        command(s, &in, i);
    }
    device_free(dev);
    device_free(slot);
    fake_machine_free(m);
    return 0;
}
