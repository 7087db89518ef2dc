/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control queue of a network card (specification 1.2, 5.1.6.5): commands, each
 * of which is answered by one byte. Those that change the tap wait for the
 * kernel's lock of network configuration: the control thread carries them out,
 * one after the other, and the queue waits.
 */
#include "hw/net/vhost-net.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/json.h"
#include "util/log.h"

struct VhostNetCommand {
    ControlJob job;
    bool posted; /* the job is the control thread's */
    VhostNet *s; /* borrowed */
    bool waits;  /* the rest is valid, and not answered yet */
    VirtQueueElement e;
    struct virtio_net_ctrl_hdr hdr;
    uint16_t n_pairs;  /* VIRTIO_NET_CTRL_MQ */
    uint64_t offloads; /* VIRTIO_NET_CTRL_GUEST_OFFLOADS */
};

typedef enum Answer {
    ANSWER_OK = VIRTIO_NET_OK,
    ANSWER_ERROR = VIRTIO_NET_ERR,
    ANSWER_LATER, /* the control thread is to carry it out */
} Answer;

static const uint8_t *mac_of(const VhostNet *s)
{
    return s->vdev.state.config + offsetof(struct virtio_net_config, mac);
}

/* NIC_RX_FILTER_CHANGED, once until somebody asks what has changed. */
static void tell_filter_changed(VhostNet *s)
{
    const Device *proxy = s->vdev.dev.proxy;
    g_autofree char *path = device_path(proxy);
    json_object *data;

    if (s->filter_told) {
        return;
    }
    s->filter_told = true;
    data = json_object_new_object();
    if (proxy->id) {
        json_add_string(data, "name", proxy->id);
    }
    json_add_string(data, "path", path);
    event_emit(proxy->machine, "NIC_RX_FILTER_CHANGED", data);
}

/* --- commands: what stands in the buffer behind the two bytes of the header --- */

static bool get(const VhostNetCommand *c, size_t offset, void *buf, size_t len)
{
    return virtqueue_read(&c->e, sizeof(c->hdr) + offset, buf, len) == len;
}

static Answer set_rx_mode(VhostNet *s, const VhostNetCommand *c)
{
    const unsigned feature = c->hdr.cmd > VIRTIO_NET_CTRL_RX_ALLMULTI
                                 ? VIRTIO_NET_F_CTRL_RX_EXTRA
                                 : VIRTIO_NET_F_CTRL_RX;
    uint8_t on;

    if (c->hdr.cmd >= G_N_ELEMENTS(s->state.rx_mode) ||
        !virtio_has_feature(&s->vdev, feature) || !get(c, 0, &on, 1)) {
        return ANSWER_ERROR;
    }
    s->state.rx_mode[c->hdr.cmd] = on;
    tell_filter_changed(s);
    return ANSWER_OK;
}

/* Reads a table at *@offset and moves that behind it. */
static bool get_table(const VhostNetCommand *c, size_t *offset,
                      VhostNetMacTable *ret)
{
    VhostNetMacTable table = { 0 };
    size_t bytes;
    uint32_t n;

    if (!get(c, *offset, &n, sizeof(n))) {
        return false;
    }
    n = GUINT32_FROM_LE(n);
    bytes = (size_t)n * ETH_ALEN;
    *offset += sizeof(n);
    if (bytes > c->e.out_len) {
        return false;
    }
    table.overflow = n > VHOST_NET_MAC_TABLE_MAX;
    if (!table.overflow) {
        table.n = n;
        if (!get(c, *offset, table.mac, bytes)) {
            return false;
        }
    }
    *offset += bytes;
    *ret = table;
    return true;
}

static Answer set_mac(VhostNet *s, const VhostNetCommand *c)
{
    VhostNetMacTable unicast, multicast;
    uint8_t mac[ETH_ALEN];
    size_t offset = 0;

    switch (c->hdr.cmd) {
    case VIRTIO_NET_CTRL_MAC_TABLE_SET:
        if (!virtio_has_feature(&s->vdev, VIRTIO_NET_F_CTRL_RX) ||
            !get_table(c, &offset, &unicast) ||
            !get_table(c, &offset, &multicast)) {
            return ANSWER_ERROR;
        }
        s->state.unicast = unicast;
        s->state.multicast = multicast;
        break;
    case VIRTIO_NET_CTRL_MAC_ADDR_SET:
        if (!virtio_has_feature(&s->vdev, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
            !get(c, 0, mac, sizeof(mac)) || (mac[0] & 1)) {
            return ANSWER_ERROR;
        }
        memcpy((uint8_t *)mac_of(s), mac, sizeof(mac));
        break;
    default:
        return ANSWER_ERROR;
    }
    tell_filter_changed(s);
    return ANSWER_OK;
}

static Answer set_vlan(VhostNet *s, const VhostNetCommand *c)
{
    uint16_t tag;

    if (c->hdr.cmd > VIRTIO_NET_CTRL_VLAN_DEL ||
        !virtio_has_feature(&s->vdev, VIRTIO_NET_F_CTRL_VLAN) ||
        !get(c, 0, &tag, sizeof(tag))) {
        return ANSWER_ERROR;
    }
    tag = GUINT16_FROM_LE(tag);
    if (tag >= VHOST_NET_VLANS) {
        return ANSWER_ERROR;
    }
    if (c->hdr.cmd == VIRTIO_NET_CTRL_VLAN_ADD) {
        s->state.vlans[tag / 32] |= 1u << tag % 32;
    } else {
        s->state.vlans[tag / 32] &= ~(1u << tag % 32);
    }
    tell_filter_changed(s);
    return ANSWER_OK;
}

static Answer acknowledge_announce(VhostNet *s, const VhostNetCommand *c)
{
    if (c->hdr.cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK ||
        !virtio_has_feature(&s->vdev, VIRTIO_NET_F_GUEST_ANNOUNCE)) {
        return ANSWER_ERROR;
    }
    vhost_net_show_status(s, false);
    return ANSWER_OK;
}

static Answer set_pairs(VhostNet *s, VhostNetCommand *c)
{
    uint16_t n;

    if (c->hdr.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
        !virtio_has_feature(&s->vdev, VIRTIO_NET_F_MQ) ||
        !get(c, 0, &n, sizeof(n))) {
        return ANSWER_ERROR;
    }
    c->n_pairs = GUINT16_FROM_LE(n);
    return c->n_pairs >= 1 && c->n_pairs <= s->n_pairs ? ANSWER_LATER
                                                       : ANSWER_ERROR;
}

static Answer set_offloads(VhostNet *s, VhostNetCommand *c)
{
    uint64_t bits;

    if (c->hdr.cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
        !virtio_has_feature(&s->vdev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
        !get(c, 0, &bits, sizeof(bits))) {
        return ANSWER_ERROR;
    }
    c->offloads = GUINT64_FROM_LE(bits);
    return c->offloads & ~vhost_net_guest_offloads(s) ? ANSWER_ERROR
                                                      : ANSWER_LATER;
}

static Answer run(VhostNet *s, VhostNetCommand *c)
{
    switch (c->hdr.class) {
    case VIRTIO_NET_CTRL_RX:
        return set_rx_mode(s, c);
    case VIRTIO_NET_CTRL_MAC:
        return set_mac(s, c);
    case VIRTIO_NET_CTRL_VLAN:
        return set_vlan(s, c);
    case VIRTIO_NET_CTRL_ANNOUNCE:
        return acknowledge_announce(s, c);
    case VIRTIO_NET_CTRL_MQ:
        return set_pairs(s, c);
    case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
        return set_offloads(s, c);
    default:
        return ANSWER_ERROR;
    }
}

/* --- the queue --- */

static void answer(VhostNet *s, const VhostNetCommand *c, Answer a)
{
    virtio_net_ctrl_ack ack = (virtio_net_ctrl_ack)a;

    trace(vhost_net_command, "%s class=%u command=%u ack=%u",
          device_label(&s->vdev.dev), c->hdr.class, c->hdr.cmd, ack);
    virtqueue_push(&s->vdev, &s->vdev.queues[s->control], &c->e,
                   (uint32_t)virtqueue_write(&c->e, 0, &ack, sizeof(ack)));
}

/* Brings the tap to what the state says. Returns 0 or -errno. */
static int apply(VhostNet *s, bool pairs)
{
    int r;

    virtio_begin_kernel_calls(&s->vdev);
    r = pairs ? vhost_net_apply_pairs(s) : vhost_net_apply_offloads(s);
    virtio_end_kernel_calls(&s->vdev);
    return r;
}

/* What a command that changes the tap asks for, done, or nothing of it. Returns
 * 0 or -errno. */
static int change_tap(VhostNet *s, const VhostNetCommand *c)
{
    const bool pairs = c->hdr.class == VIRTIO_NET_CTRL_MQ;
    const VhostNetState old = s->state;
    int r;

    if (pairs) {
        s->state.n_pairs = c->n_pairs;
    } else {
        s->state.guest_offloads = c->offloads;
    }
    r = apply(s, pairs);
    if (r < 0) {
        s->state.n_pairs = old.n_pairs;
        s->state.guest_offloads = old.guest_offloads;
        if (pairs) {
            (void)apply(s, pairs); /* queues that came before the one refused */
        }
    }
    return r;
}

/* In the control thread. */
static void carry_out(ControlJob *job, bool cancelled)
{
    VhostNetCommand *c = container_of(job, VhostNetCommand, job);
    VhostNet *s = c->s;

    c->posted = false;
    if (cancelled || !virtio_enter(&s->vdev)) {
        return;
    }
    /* Unless the device has stopped meanwhile. */
    if (c->waits) {
        int r = change_tap(s, c);

        c->waits = false;
        answer(s, c, r < 0 ? ANSWER_ERROR : ANSWER_OK);
        virtqueue_wake(&s->vdev.queues[s->control]);
    }
    virtio_leave(&s->vdev);
}

static bool serve(VirtIODevice *vdev, VirtQueue *q)
{
    VhostNet *s = vhost_net_from(vdev);
    VhostNetCommand *c = s->command;
    Answer a;

    if (c->waits || !virtqueue_pop(vdev, q, &c->e)) {
        return false;
    }
    if (virtqueue_read(&c->e, 0, &c->hdr, sizeof(c->hdr)) < sizeof(c->hdr) ||
        !c->e.in_len) {
        virtio_error(vdev, "the control queue has a command without a header "
                           "or without room for the answer");
        return false;
    }
    a = run(s, c);
    if (a != ANSWER_LATER) {
        answer(s, c, a);
        return true;
    }
    c->waits = true;
    if (!c->posted) {
        c->posted = true;
        c->job.lane = device_lane(vdev->dev.proxy);
        control_post(vdev->dev.machine, &c->job);
    }
    return false;
}

void vhost_net_control_init(VhostNet *s)
{
    s->command = g_new0(VhostNetCommand, 1);
    s->command->job.run = carry_out;
    s->command->s = s;
    s->control = 2 * s->n_pairs;
    virtio_queue_set_max_size(&s->vdev.queues[s->control],
                              VHOST_NET_CONTROL_RING_SIZE);
    virtqueue_serve(&s->vdev, s->control, serve);
}

void vhost_net_control_finish(VhostNet *s)
{
    if (s->command && s->command->posted) {
        (void)control_cancel(s->vdev.dev.machine, &s->command->job);
    }
}

void vhost_net_control_free(VhostNet *s)
{
    g_clear_pointer(&s->command, g_free);
}

void vhost_net_control_move(VhostNet *s, unsigned queue)
{
    VirtQueue *queues = s->vdev.queues;

    if (queue == s->control) {
        return;
    }
    virtqueue_unserve(&queues[s->control]);
    virtio_queue_set_max_size(&queues[s->control], s->rx_queue_size);
    virtio_queue_set_max_size(&queues[queue], VHOST_NET_CONTROL_RING_SIZE);
    s->control = queue;
    virtqueue_serve(&s->vdev, queue, serve);
}

void vhost_net_control_stop(VhostNet *s)
{
    if (s->command && s->command->waits) {
        s->command->waits = false;
        virtqueue_unpop(&s->vdev.queues[s->control]);
    }
}
