/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-vsock.h"
#include "hw/virtio/vhost-device.h"
#include "util/error.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>

#define QUEUE_SIZE 128

enum {
    QUEUE_RX,
    QUEUE_TX,
    QUEUE_EVENT,
    N_QUEUES,
    KERNEL_QUEUES = QUEUE_EVENT, /* those before it */
};

static VhostVsock *vhost_vsock_from(VirtIODevice *vdev)
{
    return container_of(vdev, VhostVsock, vdev);
}

/* --- the kernel's device --- */

/* Takes the CID, which is how a descriptor proves to be one of vhost-vsock: no
 * other device knows the call. Who opened it may have taken the same before. */
static bool take_cid(VhostDev *dev, const char *what, GError **errp)
{
    const VhostVsock *s = vhost_vsock_from(dev->vdev);
    int r = s->vsock_ops->vhost_vsock_set_guest_cid(dev, s->guest_cid);

    if (r == -EADDRINUSE) {
        error_setg(errp,
                   "vhost-vsock: property 'guest-cid' cannot be '%" PRIu64
                   "': it is in use on this host: choose another number",
                   s->guest_cid);
    } else if (r < 0) {
        error_setg(errp, "vhost-vsock: %s is not a vhost-vsock device: %s",
                   what, g_strerror(-r));
    }
    return r == 0;
}

static bool set_running(VhostDev *dev, bool on, GError **errp)
{
    const VhostVsock *s = vhost_vsock_from(dev->vdev);
    int r = vhost_dev_answer(dev, "VHOST_VSOCK_SET_RUNNING", -1,
                             s->vsock_ops->vhost_vsock_set_running(dev, on));

    if (r < 0) {
        vhost_device_call_error(errp, dev, r);
    }
    return r == 0;
}

static bool vhost_vsock_activate(VhostDev *dev, GError **errp)
{
    return set_running(dev, true, errp);
}

static bool vhost_vsock_deactivate(VhostDev *dev, GError **errp)
{
    return set_running(dev, false, errp);
}

static const VhostKind vhost_kind = {
    .name = "vhost-vsock",
    .path = "/dev/vhost-vsock",
    .module = "vhost_vsock",
    .one_worker = true,
    .check = take_cid,
    .activate = vhost_vsock_activate,
    .deactivate = vhost_vsock_deactivate,
};

/* --- the virtio device --- */

static const char *vhost_vsock_queue_role(const VirtIODevice *vdev,
                                          unsigned queue)
{
    return queue == QUEUE_RX   ? "receive"
           : queue == QUEUE_TX ? "transmit"
                               : "event";
}

/* The guest's CID is read-only: a write has no effect. */
static bool vhost_vsock_set_config(VirtIODevice *vdev, unsigned offset,
                                   const uint8_t *data, unsigned len)
{
    return true;
}

static const VirtioBitName vsock_features[] = {
    { VIRTIO_VSOCK_F_SEQPACKET, "VIRTIO_VSOCK_F_SEQPACKET" },
    { 0, NULL },
};

static const VirtioKind vhost_vsock_kind = {
    .name = "vhost-vsock",
    .device_id = VIRTIO_ID_VSOCK,
    .pci_class = 0x0780, /* communication, other */
    .features = vsock_features,
    .queue_role = vhost_vsock_queue_role,
    .set_config = vhost_vsock_set_config,
    .start = vhost_device_start,
    .stop = vhost_device_stop,
};

/* --- life --- */

static void vhost_vsock_instance_init(Device *dev)
{
    VhostVsock *s = vhost_vsock_from(virtio_device_from(dev));

    vhost_dev_init(&s->vhost, &vhost_kind, &kernel_ops, &s->vdev);
    s->vsock_ops = &kernel_vsock_ops;
}

/* auto is on where the kernel has it. */
static bool offer_features(VhostVsock *s, GError **errp)
{
    static const VirtioBitName seqpacket[] = {
        { VIRTIO_VSOCK_F_SEQPACKET, "seqpacket" },
        { 0, NULL },
    };
    const VirtioBitName *none = &seqpacket[1];
    uint64_t wanted = s->features;

    if (g_strcmp0(s->seqpacket, "off")) {
        wanted |= UINT64_C(1) << VIRTIO_VSOCK_F_SEQPACKET;
    }
    return vhost_device_offer(&s->vhost, wanted,
                              g_strcmp0(s->seqpacket, "on") ? none : seqpacket,
                              &s->vdev.host_features, errp);
}

static bool vhost_vsock_realize(Device *dev, GError **errp)
{
    VhostVsock *s = vhost_vsock_from(virtio_device_from(dev));
    struct virtio_vsock_config *c = (void *)s->vdev.state.config;

    if (!vhost_device_open(&s->vhost, &s->workers, s->vhostfd, errp) ||
        !virtio_init(&s->vdev, &vhost_vsock_kind, sizeof(*c), N_QUEUES,
                     QUEUE_SIZE, errp) ||
        !offer_features(s, errp)) {
        return false;
    }
    vhost_dev_serve(&s->vhost, QUEUE_RX, KERNEL_QUEUES);
    c->guest_cid = GUINT64_TO_LE(s->guest_cid);
    vhost_device_attend(&s->vhost);
    return true;
}

static void vhost_vsock_unrealize(Device *dev)
{
    vhost_device_finish(virtio_device_from(dev));
}

static const char *const seqpacket_words[] = { "auto", "on", "off", NULL };

static const Property vhost_vsock_props[] = {
    PROP_U64("guest-cid", VhostVsock, guest_cid, .required = true,
             .min = VHOST_VSOCK_CID_MIN, .max = VHOST_VSOCK_CID_MAX,
             .summary = "the guest's address, from 3 on"),
    PROP_STRING("vhostfd", VhostVsock, vhostfd,
                .summary = "descriptor of /dev/vhost-vsock: number or name"),
    PROP_STRING("seqpacket", VhostVsock, seqpacket, .words = seqpacket_words,
                .summary = "on, off or auto: sockets that keep messages apart"),
    PROP_BIT64("indirect_desc", VhostVsock, features,
               .bit = VIRTIO_RING_F_INDIRECT_DESC, .def = 1,
               .summary = "indirect descriptors"),
    PROP_BIT64("event_idx", VhostVsock, features,
               .bit = VIRTIO_RING_F_EVENT_IDX, .def = 1,
               .summary = "notification by event index"),
    { 0 },
};

const DeviceType vhost_vsock_type = {
    .name = "vhost-vsock-device",
    .summary = "sockets between guest and host, served by the kernel",
    .bus = BUS_VIRTIO,
    .size = sizeof(VhostVsock),
    .props = vhost_vsock_props,
    .instance_init = vhost_vsock_instance_init,
    .realize = vhost_vsock_realize,
    .unrealize = vhost_vsock_unrealize,
};
