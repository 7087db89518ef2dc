/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QMP shows of virtio devices and their vhost back ends. */
#include "hw/virtio/vhost.h"
#include "hw/virtio/virtio-qmp.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

#include <linux/vhost_types.h>
#include <linux/virtio_ring.h>

static const VirtioBitName transport_bits[] = {
    { VIRTIO_F_NOTIFY_ON_EMPTY, "VIRTIO_F_NOTIFY_ON_EMPTY" },
    { VIRTIO_F_ANY_LAYOUT, "VIRTIO_F_ANY_LAYOUT" },
    { VIRTIO_RING_F_INDIRECT_DESC, "VIRTIO_RING_F_INDIRECT_DESC" },
    { VIRTIO_RING_F_EVENT_IDX, "VIRTIO_RING_F_EVENT_IDX" },
    { VIRTIO_F_VERSION_1, "VIRTIO_F_VERSION_1" },
    { VIRTIO_F_ACCESS_PLATFORM, "VIRTIO_F_IOMMU_PLATFORM" },
    { VIRTIO_F_RING_PACKED, "VIRTIO_F_RING_PACKED" },
    { VIRTIO_F_IN_ORDER, "VIRTIO_F_IN_ORDER" },
    { VIRTIO_F_ORDER_PLATFORM, "VIRTIO_F_ORDER_PLATFORM" },
    { VIRTIO_F_RING_RESET, "VIRTIO_F_RING_RESET" },
    { 0, NULL },
};

/* Of any device that vhost serves. */
static const VirtioBitName vhost_bits[] = {
    { VHOST_F_LOG_ALL, "VHOST_F_LOG_ALL" },
    { 0, NULL },
};

static const VirtioBitName status_bits[] = {
    { 0, "VIRTIO_CONFIG_S_ACKNOWLEDGE" },
    { 1, "VIRTIO_CONFIG_S_DRIVER" },
    { 2, "VIRTIO_CONFIG_S_DRIVER_OK" },
    { 3, "VIRTIO_CONFIG_S_FEATURES_OK" },
    { 6, "VIRTIO_CONFIG_S_NEEDS_RESET" },
    { 7, "VIRTIO_CONFIG_S_FAILED" },
    { 0, NULL },
};

/* Adds the names of the bits of *@bits that @table (NULL: none) knows to @list;
 * they are cleared. */
static void take_names(const VirtioBitName *table, uint64_t *bits,
                       json_object *list)
{
    for (; table && table->name; table++) {
        if (*bits >> table->bit & 1) {
            json_object_array_add(list, json_object_new_string(table->name));
            *bits &= ~(UINT64_C(1) << table->bit);
        }
    }
}

static json_object *feature_names(const VirtIODevice *vdev, uint64_t bits)
{
    json_object *o = json_object_new_object();
    json_object *transports = json_object_new_array();
    json_object *own = json_object_new_array();

    take_names(transport_bits, &bits, transports);
    take_names(vdev->kind->features, &bits, own);
    take_names(vhost_bits, &bits, own);
    json_add(o, "transports", transports);
    json_add(o, "dev-features", own);
    if (bits) {
        json_add_uint(o, "unknown-dev-features", bits);
    }
    return o;
}

/* The virtio device behind @dev, or NULL. */
static VirtIODevice *virtio_behind(const Device *dev)
{
    return dev->backend && dev->backend->type->bus == BUS_VIRTIO
               ? virtio_device_from(dev->backend)
               : NULL;
}

/* By the path of the virtio device, or of its transport. */
static VirtIODevice *find_virtio(Machine *m, json_object *args, GError **errp)
{
    const char *wanted = keyval_get(args, "path");

    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);
        VirtIODevice *vdev = virtio_behind(dev);
        g_autofree char *path = device_path(dev);
        g_autofree char *backend = g_strconcat(path, "/virtio-backend", NULL);

        if (vdev &&
            (g_str_equal(wanted, backend) || g_str_equal(wanted, path))) {
            return vdev;
        }
    }
    error_setg(errp, "Path %s is not a VirtIODevice", wanted);
    return NULL;
}

json_object *qmp_x_query_virtio(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        const Device *dev = g_ptr_array_index(m->tree.devices, i);
        VirtIODevice *vdev = virtio_behind(dev);
        g_autofree char *path = NULL;
        json_object *o;

        if (!vdev) {
            continue;
        }
        path = device_path(dev->backend);
        o = json_object_new_object();
        json_add_string(o, "path", path);
        json_add_string(o, "name", vdev->kind->name);
        json_object_array_add(list, o);
    }
    return list;
}

static json_object *vhost_status(const VhostDev *dev, const VirtIODevice *vdev,
                                 unsigned n_blocks)
{
    json_object *o = json_object_new_object();
    json_object *protocols = json_object_new_object();

    json_add_int(o, "n-mem-sections", vdev->started ? (int)n_blocks : 0);
    json_add_int(o, "n-tmp-sections", 0);
    json_add_uint(o, "nvqs", dev->n_vrings);
    json_add_uint(o, "vq-index", dev->first);
    json_add(o, "features", feature_names(vdev, dev->features));
    json_add(o, "acked-features",
             feature_names(vdev, vdev->state.guest_features & dev->features));
    json_add(o, "backend-features", feature_names(vdev, 0));
    json_add(protocols, "protocols", json_object_new_array());
    json_add(o, "protocol-features", protocols);
    json_add_uint(o, "max-queues", vdev->n_queues);
    json_add_uint(o, "backend-cap", 0);
    json_add_bool(o, "log-enabled", false);
    json_add_uint(o, "log-size", 0);
    return o;
}

static json_object *device_status(uint8_t status)
{
    json_object *o = json_object_new_object();
    json_object *names = json_object_new_array();
    uint64_t bits = status;

    take_names(status_bits, &bits, names);
    json_add(o, "statuses", names);
    if (bits) {
        json_add_int(o, "unknown-statuses", (int)bits);
    }
    return o;
}

json_object *qmp_x_query_virtio_status(Machine *m, json_object *args,
                                       GError **errp)
{
    VirtIODevice *vdev = find_virtio(m, args, errp);
    const VhostDev *vhost;
    json_object *o;

    if (!vdev) {
        return NULL;
    }
    vhost = vdev->vhost;
    o = json_object_new_object();
    json_add_string(o, "name", vdev->kind->name);
    json_add_int(o, "device-id", vdev->kind->device_id);
    json_add_bool(o, "vhost-started", vhost && vdev->started);
    json_add_string(o, "device-endian", "little");
    json_add(o, "guest-features",
             feature_names(vdev, vdev->state.guest_features));
    json_add(o, "host-features", feature_names(vdev, vdev->host_features));
    json_add(o, "backend-features",
             feature_names(vdev, vhost ? vhost->features : 0));
    json_add_int(o, "num-vqs", vdev->n_queues);
    json_add(o, "status", device_status(vdev->state.status));
    json_add_int(o, "isr", 0);
    json_add_int(o, "queue-sel", 0);
    json_add_bool(o, "vm-running", m->run_state == RUN_STATE_RUNNING);
    json_add_bool(o, "broken",
                  vdev->state.status & VIRTIO_CONFIG_S_NEEDS_RESET);
    json_add_bool(o, "disabled", false);
    json_add_bool(o, "use-started", true);
    json_add_bool(o, "started", vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK);
    json_add_bool(o, "start-on-kick", false);
    json_add_bool(o, "disable-legacy-check", false);
    json_add_string(o, "bus-name", "virtio-bus");
    json_add_bool(o, "use-guest-notifier-mask", false);
    if (vhost) {
        json_add(o, "vhost-dev", vhost_status(vhost, vdev, m->ram.n_blocks));
    }
    return o;
}

json_object *qmp_x_query_virtio_vhost_queue_status(Machine *m,
                                                   json_object *args,
                                                   GError **errp)
{
    VirtIODevice *vdev = find_virtio(m, args, errp);
    uint64_t n = json_object_get_uint64(json_get(args, "queue"));
    const GuestRam *ram = &m->ram;
    const VirtQueue *q;
    json_object *o;

    if (!vdev) {
        return NULL;
    }
    if (!vdev->vhost || !vdev->started) {
        error_setg(errp, "Error: vhost device has not started yet");
        return NULL;
    }
    if (n >= vdev->n_queues) {
        error_setg(errp, "Invalid virtqueue number %" PRIu64, n);
        return NULL;
    }
    if (!vhost_dev_of_queue(vdev, (unsigned)n)) {
        error_setg(errp, "Error: virtqueue %" PRIu64 " is not served by vhost",
                   n);
        return NULL;
    }
    q = &vdev->queues[n];
    o = json_object_new_object();
    json_add_string(o, "name", vdev->kind->name);
    json_add_int(o, "kick", q->kick.fd);
    json_add_int(o, "call", q->call.fd);
    json_add_uint(o, "desc", (uintptr_t)guest_ram_ptr(ram, q->state.desc, 1));
    json_add_uint(o, "avail",
                  (uintptr_t)guest_ram_ptr(ram, q->state.driver, 1));
    json_add_uint(o, "used", (uintptr_t)guest_ram_ptr(ram, q->state.device, 1));
    json_add_int(o, "num", q->state.size);
    json_add_uint(o, "desc-phys", q->state.desc);
    json_add_uint(o, "desc-size", vring_desc_size(q->state.size));
    json_add_uint(o, "avail-phys", q->state.driver);
    json_add_uint(o, "avail-size", vring_avail_size(q->state.size));
    json_add_uint(o, "used-phys", q->state.device);
    json_add_uint(o, "used-size", vring_used_size(q->state.size));
    return o;
}
