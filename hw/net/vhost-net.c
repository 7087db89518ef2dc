/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/vhost-net.h"
#include "hw/virtio/vhost-device.h"
#include "system/machine.h"
#include "util/error.h"

#include <linux/virtio_ids.h>

#define BIT(n) (UINT64_C(1) << (n))

/* vhost-net has these or has not; all others of a card are the tap's or ours.
 * Its bit 27 does not stand for VIRTIO_F_ANY_LAYOUT but asks it to make headers,
 * which the tap does; 33 is for an IOMMU, and 40 for a reset of single queues:
 * none of the three is ever set. */
#define KERNEL_FEATURES                                            \
    (BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_F_NOTIFY_ON_EMPTY) | \
     BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX))

/* Only a legacy driver may see them. */
#define NEVER_OFFERED (BIT(VIRTIO_NET_F_GSO) | BIT(VIRTIO_F_ANY_LAYOUT))

/* They are commands of the control queue. */
#define CONTROL_FEATURES                                                 \
    (BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | BIT(VIRTIO_NET_F_CTRL_RX) | \
     BIT(VIRTIO_NET_F_CTRL_VLAN) | BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) |     \
     BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VIRTIO_NET_F_MQ) |           \
     BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

/* What a driver takes unfinished from the tap, and what the tap calls it. */
static const struct {
    unsigned feature;
    unsigned tap; /* TUN_F_* */
} guest_offloads[] = {
    { VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
    { VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
    { VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
    { VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
    { VIRTIO_NET_F_GUEST_UFO, TUN_F_UFO },
};

/* Specification 5.1.3.1: the first needs one of the others. */
static const struct {
    unsigned feature;
    uint64_t needs;
} needs[] = {
    { VIRTIO_NET_F_GUEST_TSO4, BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_GUEST_TSO6, BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_GUEST_ECN,
      BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) },
    { VIRTIO_NET_F_GUEST_UFO, BIT(VIRTIO_NET_F_GUEST_CSUM) },
    { VIRTIO_NET_F_HOST_TSO4, BIT(VIRTIO_NET_F_CSUM) },
    { VIRTIO_NET_F_HOST_TSO6, BIT(VIRTIO_NET_F_CSUM) },
    { VIRTIO_NET_F_HOST_ECN,
      BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) },
    { VIRTIO_NET_F_HOST_UFO, BIT(VIRTIO_NET_F_CSUM) },
};

VhostNet *vhost_net_behind(const Device *dev)
{
    const Device *own = dev->backend ? dev->backend : dev;

    return own->type == &vhost_net_type
               ? vhost_net_from(virtio_device_from((Device *)own))
               : NULL;
}

static VhostNetPair *pair_of(VhostDev *dev)
{
    return container_of(dev, VhostNetPair, dev);
}

static unsigned pair_number(const VhostNet *s, const VhostNetPair *p)
{
    return (unsigned)(p - s->pairs);
}

/* --- the tap --- */

int vhost_net_apply_offloads(VhostNet *s)
{
    unsigned offload = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(guest_offloads); i++) {
        if (s->state.guest_offloads >> guest_offloads[i].feature & 1) {
            offload |= guest_offloads[i].tap;
        }
    }
    return tap_set_offload(s->netdev->tap_fds[0], offload);
}

int vhost_net_apply_pairs(VhostNet *s)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < s->n_pairs; i++) {
        VhostNetPair *p = &s->pairs[i];
        bool detached = i >= s->state.n_pairs;

        if (p->detached != detached) {
            r = tap_attach_queue(s->netdev->tap_fds[i], !detached);
            p->detached = r == 0 ? detached : p->detached;
        }
    }
    return r;
}

/* --- start and stop --- */

static int set_backend(VhostNet *s, VhostNetPair *p, unsigned vring, int fd)
{
    struct vhost_vring_file file = { .index = vring, .fd = fd };
    int r = vhost_dev_answer(&p->dev, "VHOST_NET_SET_BACKEND", (int)vring,
                             s->net_ops->vhost_net_set_backend(&p->dev, &file));

    if (r == 0) {
        p->served[vring] = fd >= 0;
    }
    return r;
}

/* A vring that the driver has not set up is none for the kernel. */
static bool vhost_net_deactivate(VhostDev *dev, GError **errp)
{
    VhostNet *s = vhost_net_from(dev->vdev);
    VhostNetPair *p = pair_of(dev);

    for (unsigned i = 0; i < G_N_ELEMENTS(p->served); i++) {
        int r = p->served[i] ? set_backend(s, p, i, VHOST_FILE_UNBIND) : 0;

        if (r < 0) {
            vhost_device_call_error(errp, dev, r);
            return false;
        }
    }
    return true;
}

static bool vhost_net_activate(VhostDev *dev, GError **errp)
{
    VhostNet *s = vhost_net_from(dev->vdev);
    VhostNetPair *p = pair_of(dev);
    int fd = s->netdev->tap_fds[pair_number(s, p)];

    for (unsigned i = 0; i < dev->n_vrings && !s->netdev->link_down; i++) {
        int r = dev->vdev->queues[dev->first + i].state.enabled
                    ? set_backend(s, p, i, fd)
                    : 0;

        if (r < 0) {
            vhost_device_call_error(errp, dev, r);
            (void)vhost_net_deactivate(dev, NULL);
            return false;
        }
    }
    return true;
}

static bool vhost_net_start(VirtIODevice *vdev, GError **errp)
{
    VhostNet *s = vhost_net_from(vdev);
    const char *what = "TUNSETOFFLOAD";
    int r = vhost_net_apply_offloads(s);

    if (r == 0) {
        what = "TUNSETQUEUE";
        r = vhost_net_apply_pairs(s);
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "vhost-net: %s of tap '%s' failed", what,
                         s->netdev->name);
        return false;
    }
    return vhost_device_start(vdev, errp);
}

static void vhost_net_stop(VirtIODevice *vdev)
{
    VhostNet *s = vhost_net_from(vdev);

    vhost_device_stop(vdev);
    vhost_net_control_stop(s);
    if (!vdev->state.status) {
        /* What comes until the next driver begins is not unfinished. */
        (void)tap_set_offload(s->netdev->tap_fds[0], 0);
    }
}

/* --- features --- */

/* Without those that lack what they need. */
static uint64_t without_orphans(uint64_t features)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (!(features & needs[i].needs)) {
            features &= ~BIT(needs[i].feature);
        }
    }
    return features;
}

uint64_t vhost_net_guest_offloads(const VhostNet *s)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(guest_offloads); i++) {
        bits |= BIT(guest_offloads[i].feature);
    }
    return without_orphans(s->vdev.state.guest_features) & bits;
}

static uint64_t choose_features(const VhostNet *s, uint64_t kernel)
{
    uint64_t f = s->features & ~(KERNEL_FEATURES | NEVER_OFFERED);

    for (unsigned i = 0; i < G_N_ELEMENTS(guest_offloads); i++) {
        if (!(s->netdev->offload & guest_offloads[i].tap)) {
            f &= ~BIT(guest_offloads[i].feature);
        }
    }
    f |= BIT(VIRTIO_NET_F_MAC);
    f |= s->host_mtu ? BIT(VIRTIO_NET_F_MTU) : 0;
    f |= s->speed >= 0 || s->duplex ? BIT(VIRTIO_NET_F_SPEED_DUPLEX) : 0;
    if (s->n_pairs == 1) {
        f &= ~BIT(VIRTIO_NET_F_MQ);
    }
    if (!s->has_control) {
        f &= ~CONTROL_FEATURES;
    }
    return without_orphans(f) | kernel;
}

/* Specification 5.1.2: the control queue comes after the pairs that the driver
 * can use, which is one without VIRTIO_NET_F_MQ. */
static void vhost_net_features_ok(VirtIODevice *vdev)
{
    VhostNet *s = vhost_net_from(vdev);
    bool several = virtio_has_feature(vdev, VIRTIO_NET_F_MQ);

    s->state.guest_offloads = vhost_net_guest_offloads(s);
    for (unsigned i = 1; i < s->n_pairs; i++) {
        vhost_dev_serve(&s->pairs[i].dev, 2 * i, several ? 2 : 0);
    }
    if (s->has_control) {
        vhost_net_control_move(s, several ? 2 * s->n_pairs : 2);
    }
}

static const VirtioBitName net_features[] = {
    { VIRTIO_NET_F_CSUM, "VIRTIO_NET_F_CSUM" },
    { VIRTIO_NET_F_GUEST_CSUM, "VIRTIO_NET_F_GUEST_CSUM" },
    { VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS" },
    { VIRTIO_NET_F_MTU, "VIRTIO_NET_F_MTU" },
    { VIRTIO_NET_F_MAC, "VIRTIO_NET_F_MAC" },
    { VIRTIO_NET_F_GUEST_TSO4, "VIRTIO_NET_F_GUEST_TSO4" },
    { VIRTIO_NET_F_GUEST_TSO6, "VIRTIO_NET_F_GUEST_TSO6" },
    { VIRTIO_NET_F_GUEST_ECN, "VIRTIO_NET_F_GUEST_ECN" },
    { VIRTIO_NET_F_GUEST_UFO, "VIRTIO_NET_F_GUEST_UFO" },
    { VIRTIO_NET_F_HOST_TSO4, "VIRTIO_NET_F_HOST_TSO4" },
    { VIRTIO_NET_F_HOST_TSO6, "VIRTIO_NET_F_HOST_TSO6" },
    { VIRTIO_NET_F_HOST_ECN, "VIRTIO_NET_F_HOST_ECN" },
    { VIRTIO_NET_F_HOST_UFO, "VIRTIO_NET_F_HOST_UFO" },
    { VIRTIO_NET_F_MRG_RXBUF, "VIRTIO_NET_F_MRG_RXBUF" },
    { VIRTIO_NET_F_STATUS, "VIRTIO_NET_F_STATUS" },
    { VIRTIO_NET_F_CTRL_VQ, "VIRTIO_NET_F_CTRL_VQ" },
    { VIRTIO_NET_F_CTRL_RX, "VIRTIO_NET_F_CTRL_RX" },
    { VIRTIO_NET_F_CTRL_VLAN, "VIRTIO_NET_F_CTRL_VLAN" },
    { VIRTIO_NET_F_CTRL_RX_EXTRA, "VIRTIO_NET_F_CTRL_RX_EXTRA" },
    { VIRTIO_NET_F_GUEST_ANNOUNCE, "VIRTIO_NET_F_GUEST_ANNOUNCE" },
    { VIRTIO_NET_F_MQ, "VIRTIO_NET_F_MQ" },
    { VIRTIO_NET_F_CTRL_MAC_ADDR, "VIRTIO_NET_F_CTRL_MAC_ADDR" },
    { VIRTIO_NET_F_SPEED_DUPLEX, "VIRTIO_NET_F_SPEED_DUPLEX" },
    { 0, NULL },
};

/* --- configuration space (specification 5.1.4) and the link --- */

static struct virtio_net_config *config_of(VhostNet *s)
{
    return (void *)s->vdev.state.config;
}

/* All of it is read-only: its address a driver sets by the control queue. */
static bool vhost_net_set_config(VirtIODevice *vdev, unsigned offset,
                                 const uint8_t *data, unsigned len)
{
    return true;
}

/* What the driver has said is forgotten. */
static void vhost_net_driver_reset(VirtIODevice *vdev)
{
    VhostNet *s = vhost_net_from(vdev);

    s->state = (VhostNetState){ .n_pairs = 1 };
    memcpy(config_of(s)->mac, s->own_mac, ETH_ALEN);
    vhost_net_show_status(s, false);
}

static void init_config(VhostNet *s)
{
    struct virtio_net_config *c = config_of(s);

    memcpy(c->mac, s->own_mac, ETH_ALEN);
    c->max_virtqueue_pairs = GUINT16_TO_LE((uint16_t)s->n_pairs);
    c->mtu = GUINT16_TO_LE(s->host_mtu);
    c->speed = GUINT32_TO_LE((uint32_t)s->speed);
    c->duplex = !s->duplex ? UINT8_MAX : g_str_equal(s->duplex, "full");
    vhost_net_show_status(s, false);
}

void vhost_net_show_status(VhostNet *s, bool announce)
{
    uint16_t status = (s->netdev->link_down ? 0 : VIRTIO_NET_S_LINK_UP) |
                      (announce ? VIRTIO_NET_S_ANNOUNCE : 0);

    if (!(s->vdev.host_features & BIT(VIRTIO_NET_F_STATUS))) {
        return;
    }
    if (config_of(s)->status != GUINT16_TO_LE(status)) {
        config_of(s)->status = GUINT16_TO_LE(status);
        virtio_notify_config(&s->vdev);
    }
}

void vhost_net_set_link(VhostNet *s, bool up)
{
    g_autoptr(GError) err = NULL;
    VirtIODevice *vdev = &s->vdev;
    bool ok = true;

    if (!virtio_enter(vdev)) {
        return;
    }
    s->netdev->link_down = !up;
    virtio_begin_kernel_calls(vdev);
    (void)tap_set_carrier(s->netdev->tap_fds[0], up);
    if (vdev->started && up) {
        ok = vhost_device_resume(vdev, &err);
    } else if (vdev->started) {
        vhost_device_pause(vdev);
    }
    virtio_end_kernel_calls(vdev);
    vhost_net_show_status(s, false);
    if (!ok) {
        virtio_error(vdev, "%s", err->message);
    }
    virtio_leave(vdev);
}

static const char *vhost_net_queue_role(const VirtIODevice *vdev,
                                        unsigned queue)
{
    const VhostNet *s = container_of(vdev, VhostNet, vdev);

    return s->has_control && queue == s->control ? "control"
           : queue % 2                           ? "transmit"
                                                 : "receive";
}

static const VirtioKind vhost_net_kind = {
    .name = "virtio-net",
    .device_id = VIRTIO_ID_NET,
    .pci_class = 0x0200, /* network, Ethernet */
    .features = net_features,
    .queue_role = vhost_net_queue_role,
    .features_ok = vhost_net_features_ok,
    .reset = vhost_net_driver_reset,
    .set_config = vhost_net_set_config,
    .start = vhost_net_start,
    .stop = vhost_net_stop,
};

/* Whether it is a device that we can drive: of vhost's devices it alone merges
 * receive buffers. */
static bool vhost_net_check(VhostDev *dev, const char *what, GError **errp)
{
    uint64_t features;
    int r = dev->ops->vhost_get_features(dev, &features);

    if (r == 0 && !(features & BIT(VIRTIO_NET_F_MRG_RXBUF))) {
        r = -ENOTTY;
    }
    if (r < 0) {
        error_setg(errp, "vhost-net: %s is not a vhost-net device: %s", what,
                   g_strerror(-r));
    }
    return r == 0;
}

static const VhostKind vhost_kind = {
    .name = "vhost-net",
    .path = "/dev/vhost-net",
    .module = "vhost_net",
    .one_worker = true,
    .check = vhost_net_check,
    .activate = vhost_net_activate,
    .deactivate = vhost_net_deactivate,
};

/* --- realize --- */

static bool parse_mac(const char *text, uint8_t ret_mac[ETH_ALEN])
{
    uint8_t mac[ETH_ALEN];

    for (unsigned i = 0; i < ETH_ALEN; i++, text += 3) {
        char end = i < ETH_ALEN - 1 ? text[0] && text[1] ? text[2] : 0 : 0;

        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]) ||
            (i < ETH_ALEN - 1 ? end != ':' && end != '-' : text[2] != 0)) {
            return false;
        }
        mac[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
                           g_ascii_xdigit_value(text[1]));
    }
    memcpy(ret_mac, mac, ETH_ALEN);
    return true;
}

/* Without property mac: the same at each start for the same machine and card. Two
 * machines that have neither name nor UUID get the same for cards of the same
 * name. */
static void make_mac(VhostNet *s, uint8_t ret_mac[ETH_ALEN])
{
    const MachineConfig *c = &s->vdev.dev.machine->config;
    const char *id = s->vdev.dev.proxy->id;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    uint8_t digest[32];
    gsize len = sizeof(digest);

    g_checksum_update(sum, c->uuid, sizeof(c->uuid));
    if (c->name) {
        g_checksum_update(sum, (const guchar *)c->name, -1);
    }
    g_checksum_update(sum, (const guchar *)"", 1);
    g_checksum_update(sum, (const guchar *)(id ? id : s->netdev_id), -1);
    g_checksum_get_digest(sum, digest, &len);
    memcpy(ret_mac, (const uint8_t[]){ 0x52, 0x54, 0 }, 3);
    memcpy(ret_mac + 3, digest, 3);
}

static bool choose_mac(VhostNet *s, GError **errp)
{
    uint8_t *m = s->own_mac;

    if (!s->mac) {
        make_mac(s, m);
        s->mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
                                 m[2], m[3], m[4], m[5]);
        return true;
    }
    if (!parse_mac(s->mac, m) || (m[0] & 1)) {
        error_setg(errp,
                   "virtio-net: property 'mac' cannot be '%s': an address of "
                   "one station such as 52:54:00:12:34:56 is expected",
                   s->mac);
        return false;
    }
    return true;
}

static bool check_ring_size(const char *property, unsigned size, GError **errp)
{
    if (is_power_of_2(size) && size >= VHOST_NET_RING_SIZE_MIN &&
        size <= VHOST_NET_RING_SIZE_MAX) {
        return true;
    }
    error_setg(errp,
               "virtio-net: property '%s' cannot be '%u': a power of two from "
               "%d to %d is expected",
               property, size, VHOST_NET_RING_SIZE_MIN,
               VHOST_NET_RING_SIZE_MAX);
    return false;
}

static bool check_properties(const VhostNet *s, GError **errp)
{
    if (!check_ring_size("rx_queue_size", s->rx_queue_size, errp) ||
        !check_ring_size("tx_queue_size", s->tx_queue_size, errp)) {
        return false;
    }
    if (s->host_mtu && s->host_mtu < ETH_MIN_MTU) {
        error_setg(errp,
                   "virtio-net: property 'host_mtu' cannot be '%u': %d or more "
                   "is expected",
                   s->host_mtu, ETH_MIN_MTU);
        return false;
    }
    if ((s->features & BIT(VIRTIO_NET_F_MQ)) &&
        !(s->features & BIT(VIRTIO_NET_F_CTRL_VQ))) {
        error_setg(errp, "virtio-net: mq=on needs the control queue: leave "
                         "ctrl_vq=off out");
        return false;
    }
    return true;
}

/* Nobody else can use or delete it from here on. */
static bool take_netdev(VhostNet *s, GError **errp)
{
    const Device *proxy = s->vdev.dev.proxy;
    Netdev *n = netdev_find(s->vdev.dev.machine, s->netdev_id);

    if (!n) {
        error_setg(errp,
                   "virtio-net: there is no netdev '%s': make it with -netdev "
                   "tap,id=%s",
                   s->netdev_id, s->netdev_id);
        return false;
    }
    if (n->nic) {
        error_setg(errp,
                   "virtio-net: netdev '%s' is in use by device '%s': give "
                   "each card one of its own",
                   n->id, device_label(n->nic));
        return false;
    }
    n->nic = proxy;
    s->netdev = n;
    return true;
}

static bool open_pair(VhostNet *s, unsigned i, GError **errp)
{
    VhostDev *dev = &s->pairs[i].dev;
    g_autofree char *what = NULL;

    if (!s->netdev->vhost_fds) {
        return vhost_device_open(dev, &s->workers, NULL, errp);
    }
    if (s->netdev->vhost_fds[i] < 0) {
        error_setg(errp,
                   "virtio-net: the descriptors of /dev/vhost-net of netdev "
                   "'%s' were used by a card before: make another netdev",
                   s->netdev->id);
        return false;
    }
    what = g_strdup_printf("descriptor %u of netdev '%s'", i + 1,
                           s->netdev->id);
    return vhost_device_open_fd(dev, &s->workers,
                                steal_fd(&s->netdev->vhost_fds[i]), what, errp);
}

/* A device of the kernel for each pair; *@ret_features: what all of them have. */
static bool open_pairs(VhostNet *s, uint64_t *ret_features, GError **errp)
{
    static const VirtioBitName demanded[] = { { 0, NULL } };
    uint64_t all = UINT64_MAX, offered;

    s->pairs = g_new0(VhostNetPair, s->n_pairs);
    for (unsigned i = 0; i < s->n_pairs; i++) {
        vhost_dev_init(&s->pairs[i].dev, &vhost_kind, &kernel_ops, &s->vdev);
    }
    for (unsigned i = 0; i < s->n_pairs; i++) {
        if (!open_pair(s, i, errp) ||
            !vhost_device_offer(&s->pairs[i].dev, s->features & KERNEL_FEATURES,
                                demanded, &offered, errp)) {
            return false;
        }
        all &= offered;
    }
    *ret_features = all;
    return true;
}

static bool make_queues(VhostNet *s, GError **errp)
{
    VirtIODevice *vdev = &s->vdev;

    if (!virtio_init(vdev, &vhost_net_kind,
                     offsetof(struct virtio_net_config, rss_max_key_size),
                     2 * s->n_pairs + s->has_control, VHOST_NET_RING_SIZE_MAX,
                     errp)) {
        return false;
    }
    for (unsigned i = 0; i < 2 * s->n_pairs; i++) {
        virtio_queue_set_max_size(&vdev->queues[i],
                                  i % 2 ? s->tx_queue_size : s->rx_queue_size);
    }
    return true;
}

/* Queues of the tap that the driver does not use get no packets. */
static bool set_up_tap(VhostNet *s, GError **errp)
{
    Machine *m = s->vdev.dev.machine;
    int r = 0;

    machine_unlock_if_started(m);
    for (unsigned i = s->n_pairs; r == 0 && i < s->netdev->n_queues; i++) {
        r = tap_attach_queue(s->netdev->tap_fds[i], false);
    }
    if (r == 0) {
        r = vhost_net_apply_pairs(s);
    }
    machine_lock_if_started(m);
    if (r < 0) {
        error_setg_errno(errp, -r,
                         "virtio-net: netdev '%s': TUNSETQUEUE of tap '%s' "
                         "failed",
                         s->netdev->id, s->netdev->name);
    }
    return r == 0;
}

static bool vhost_net_realize(Device *dev, GError **errp)
{
    VhostNet *s = vhost_net_from(virtio_device_from(dev));
    uint64_t kernel;

    if (!check_properties(s, errp) || !take_netdev(s, errp) ||
        !choose_mac(s, errp)) {
        return false;
    }
    s->n_pairs = s->features & BIT(VIRTIO_NET_F_MQ) ? s->netdev->n_queues : 1;
    s->has_control = s->features & BIT(VIRTIO_NET_F_CTRL_VQ);
    s->state.n_pairs = 1;
    if (!open_pairs(s, &kernel, errp) || !make_queues(s, errp) ||
        !set_up_tap(s, errp)) {
        return false;
    }
    s->vdev.host_features = choose_features(s, kernel);
    init_config(s);
    if (s->has_control) {
        vhost_net_control_init(s);
    }
    for (unsigned i = 0; i < s->n_pairs; i++) {
        vhost_dev_serve(&s->pairs[i].dev, 2 * i, 2);
        vhost_device_attend(&s->pairs[i].dev);
    }
    return true;
}

static void vhost_net_unrealize(Device *dev)
{
    VhostNet *s = vhost_net_from(virtio_device_from(dev));
    Machine *m = dev->machine;

    vhost_net_control_finish(s);
    vhost_device_finish(&s->vdev);
    vhost_net_control_free(s);
    s->vdev.vhost = NULL;
    g_clear_pointer(&s->pairs, g_free);
    if (s->netdev && s->n_pairs) {
        /* As it was found, for another card. */
        machine_unlock_if_started(m);
        for (unsigned i = 1; i < s->netdev->n_queues; i++) {
            (void)tap_attach_queue(s->netdev->tap_fds[i], true);
        }
        machine_lock_if_started(m);
    }
    if (s->netdev) {
        s->netdev->nic = NULL;
        s->netdev = NULL;
    }
}

static void vhost_net_instance_init(Device *dev)
{
    VhostNet *s = vhost_net_from(virtio_device_from(dev));

    s->net_ops = &kernel_net_ops;
}

static char *vhost_net_boot_path(const Device *dev)
{
    return g_strdup("/ethernet-phy@0");
}

static const char *const duplex_words[] = { "half", "full", NULL };

#define FEATURE(its_name, its_bit, its_summary)                        \
    PROP_BIT64(its_name, VhostNet, features, .bit = its_bit, .def = 1, \
               .summary = its_summary)

static const Property vhost_net_props[] = {
    PROP_STRING("netdev", VhostNet, netdev_id, .required = true,
                .summary = "id of the -netdev whose packets it has"),
    PROP_STRING("mac", VhostNet, mac,
                .summary = "its address; not given: made of the machine's "
                           "name and UUID and the card's id"),
    PROP_INDEX("bootindex", VhostNet, vdev.dev.bootindex,
               .summary = "place in the firmware's order, from 0 on; -1: none"),
    PROP_BIT64("mq", VhostNet, features, .bit = VIRTIO_NET_F_MQ,
               .summary = "a pair of virtqueues for each queue of the tap"),
    PROP_U16("rx_queue_size", VhostNet, rx_queue_size, .def = 256,
             .summary = "descriptors of a queue that receives, a power of two"),
    PROP_U16("tx_queue_size", VhostNet, tx_queue_size, .def = 256,
             .summary = "the same of one that sends"),
    PROP_U16("host_mtu", VhostNet, host_mtu,
             .summary = "largest packet, which the guest is told; 0: it is "
                        "not"),
    PROP_INDEX("speed", VhostNet, speed,
               .summary = "Mbit/s that the guest shows; -1: unknown"),
    PROP_STRING("duplex", VhostNet, duplex, .words = duplex_words,
                .summary = "half or full: what the guest shows"),
    FEATURE("status", VIRTIO_NET_F_STATUS, "the guest sees the link's state"),
    FEATURE("ctrl_vq", VIRTIO_NET_F_CTRL_VQ, "a control queue"),
    FEATURE("ctrl_rx", VIRTIO_NET_F_CTRL_RX, "the guest says what it receives"),
    FEATURE("ctrl_rx_extra", VIRTIO_NET_F_CTRL_RX_EXTRA, "the same in detail"),
    FEATURE("ctrl_vlan", VIRTIO_NET_F_CTRL_VLAN, "and of which VLANs"),
    FEATURE("ctrl_mac_addr", VIRTIO_NET_F_CTRL_MAC_ADDR,
            "the guest may change its address"),
    FEATURE("ctrl_guest_offloads", VIRTIO_NET_F_CTRL_GUEST_OFFLOADS,
            "the guest may switch off what guest_* allow"),
    FEATURE("guest_announce", VIRTIO_NET_F_GUEST_ANNOUNCE,
            "the guest is asked to announce itself"),
    FEATURE("csum", VIRTIO_NET_F_CSUM, "the host makes checksums"),
    FEATURE("gso", VIRTIO_NET_F_GSO, "legacy drivers only, no effect"),
    FEATURE("host_tso4", VIRTIO_NET_F_HOST_TSO4, "it cuts TCP over IPv4"),
    FEATURE("host_tso6", VIRTIO_NET_F_HOST_TSO6, "it cuts TCP over IPv6"),
    FEATURE("host_ecn", VIRTIO_NET_F_HOST_ECN, "it cuts TCP with ECN"),
    FEATURE("host_ufo", VIRTIO_NET_F_HOST_UFO, "it cuts UDP"),
    FEATURE("guest_csum", VIRTIO_NET_F_GUEST_CSUM,
            "the guest takes packets without a checksum"),
    FEATURE("guest_tso4", VIRTIO_NET_F_GUEST_TSO4, "and uncut TCP over IPv4"),
    FEATURE("guest_tso6", VIRTIO_NET_F_GUEST_TSO6, "and uncut TCP over IPv6"),
    FEATURE("guest_ecn", VIRTIO_NET_F_GUEST_ECN, "and uncut TCP with ECN"),
    FEATURE("guest_ufo", VIRTIO_NET_F_GUEST_UFO, "and uncut UDP"),
    FEATURE("mrg_rxbuf", VIRTIO_NET_F_MRG_RXBUF,
            "a packet may fill several receive buffers"),
    FEATURE("indirect_desc", VIRTIO_RING_F_INDIRECT_DESC,
            "indirect descriptors"),
    FEATURE("event_idx", VIRTIO_RING_F_EVENT_IDX,
            "notification by event index"),
    FEATURE("notify_on_empty", VIRTIO_F_NOTIFY_ON_EMPTY,
            "legacy drivers only, no effect"),
    FEATURE("any_layout", VIRTIO_F_ANY_LAYOUT,
            "legacy drivers only, no effect"),
    { 0 },
};

const DeviceType vhost_net_type = {
    .name = "virtio-net-device",
    .summary = "network card on a tap, served by the kernel (vhost)",
    .bus = BUS_VIRTIO,
    .size = sizeof(VhostNet),
    .props = vhost_net_props,
    .instance_init = vhost_net_instance_init,
    .realize = vhost_net_realize,
    .unrealize = vhost_net_unrealize,
    .boot_path = vhost_net_boot_path,
};
