/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards in QMP. */
#include "hw/net/net-qmp.h"
#include "hw/net/vhost-net.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* The card called @name: by its id, or that of its netdev. NULL if none. */
static VhostNet *find_card(Machine *m, const char *name)
{
    const Netdev *n = netdev_find(m, name);
    const Device *dev = n ? n->nic : device_find(&m->tree, name);

    return dev ? vhost_net_behind(dev) : NULL;
}

json_object *qmp_set_link(Machine *m, json_object *args, GError **errp)
{
    const char *name = keyval_get(args, "name");
    bool up = json_get_bool(args, "up", true);
    VhostNet *s = find_card(m, name);
    Netdev *n = netdev_find(m, name);

    if (s) {
        vhost_net_set_link(s, up);
    } else if (n) {
        n->link_down = !up; /* for the card that comes */
    } else {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  name);
        return NULL;
    }
    return json_object_new_object();
}

/* --- query-rx-filter --- */

static json_object *mac_text(const uint8_t mac[ETH_ALEN])
{
    g_autofree char *text = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x",
                                            mac[0], mac[1], mac[2], mac[3],
                                            mac[4], mac[5]);

    return json_object_new_string(text);
}

static json_object *mac_list(const VhostNetMacTable *t)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < t->n; i++) {
        json_object_array_add(list, mac_text(t->mac[i]));
    }
    return list;
}

static json_object *vlan_list(const VhostNetState *state)
{
    json_object *list = json_object_new_array();

    for (int tag = 0; tag < VHOST_NET_VLANS; tag++) {
        if (state->vlans[tag / 32] >> tag % 32 & 1) {
            json_object_array_add(list, json_object_new_int(tag));
        }
    }
    return list;
}

static const char *filter_word(bool none, bool all)
{
    return none ? "none" : all ? "all" : "normal";
}

static json_object *rx_filter(const VhostNet *s)
{
    const VhostNetState *st = &s->state;
    json_object *o = json_object_new_object();
    bool filters_vlans = virtio_has_feature(&s->vdev, VIRTIO_NET_F_CTRL_VLAN);

    json_add_string(o, "name", device_label(&s->vdev.dev));
    json_add_bool(o, "promiscuous", st->rx_mode[VIRTIO_NET_CTRL_RX_PROMISC]);
    json_add_string(o, "multicast",
                    filter_word(st->rx_mode[VIRTIO_NET_CTRL_RX_NOMULTI],
                                st->rx_mode[VIRTIO_NET_CTRL_RX_ALLMULTI]));
    json_add_string(o, "unicast",
                    filter_word(st->rx_mode[VIRTIO_NET_CTRL_RX_NOUNI],
                                st->rx_mode[VIRTIO_NET_CTRL_RX_ALLUNI]));
    json_add_string(o, "vlan", filter_word(false, !filters_vlans));
    json_add_bool(o, "broadcast-allowed",
                  !st->rx_mode[VIRTIO_NET_CTRL_RX_NOBCAST]);
    json_add_bool(o, "multicast-overflow", st->multicast.overflow);
    json_add_bool(o, "unicast-overflow", st->unicast.overflow);
    json_add(o, "main-mac",
             mac_text(s->vdev.state.config +
                      offsetof(struct virtio_net_config, mac)));
    json_add(o, "vlan-table", vlan_list(st));
    json_add(o, "unicast-table", mac_list(&st->unicast));
    json_add(o, "multicast-table", mac_list(&st->multicast));
    return o;
}

json_object *qmp_query_rx_filter(Machine *m, json_object *args, GError **errp)
{
    const char *name = keyval_get(args, "name");
    VhostNet *only = name ? find_card(m, name) : NULL;
    json_object *list;

    if (name && !only) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "invalid net client name: %s", name);
        return NULL;
    }
    list = json_object_new_array();
    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        VhostNet *s = vhost_net_behind(g_ptr_array_index(m->tree.devices, i));

        if (s && (!only || s == only)) {
            json_object_array_add(list, rx_filter(s));
            s->filter_told = false;
        }
    }
    return list;
}

/* --- x-query-netdev --- */

static json_object *netdev_status(const Netdev *n)
{
    json_object *o = json_object_new_object();
    const VhostNet *s = n->nic ? vhost_net_behind(n->nic) : NULL;

    json_add_string(o, "id", n->id);
    json_add_string(o, "type", "tap");
    json_add_string(o, "ifname", n->name);
    json_add_int(o, "queues", n->n_queues);
    json_add_bool(o, "link", !n->link_down);
    if (s) {
        json_add_string(o, "card", device_label(n->nic));
        json_add_string(o, "model", n->nic->type->name);
        json_add(o, "main-mac",
                 mac_text(s->vdev.state.config +
                          offsetof(struct virtio_net_config, mac)));
    }
    return o;
}

json_object *qmp_x_query_netdev(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; m->netdevs && i < m->netdevs->len; i++) {
        json_object_array_add(list,
                              netdev_status(g_ptr_array_index(m->netdevs, i)));
    }
    return list;
}

/* --- announce-self --- */

static bool is_listed(json_object *names, const char *name)
{
    for (size_t i = 0; names && i < json_object_array_length(names); i++) {
        if (!g_strcmp0(
                json_object_get_string(json_object_array_get_idx(names, i)),
                name)) {
            return true;
        }
    }
    return !names;
}

json_object *qmp_announce_self(Machine *m, json_object *args, GError **errp)
{
    json_object *names = json_get(args, "interfaces");

    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);
        VhostNet *s = vhost_net_behind(dev);

        if (s && is_listed(names, dev->id) && !s->netdev->link_down &&
            virtio_has_feature(&s->vdev, VIRTIO_NET_F_GUEST_ANNOUNCE)) {
            vhost_net_show_status(s, true);
        }
    }
    return json_object_new_object();
}
