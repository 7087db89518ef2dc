/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/char/virtio-serial.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#define CONTROL_RX 2 /* queues: from the device ... */
#define CONTROL_TX 3 /* ... and to it */

#define CONFIG_SIZE      offsetof(struct virtio_console_config, emerg_wr)
#define CONFIG_MAX_PORTS offsetof(struct virtio_console_config, max_nr_ports)

static VirtIOSerial *virtio_serial_from(VirtIODevice *vdev)
{
    return container_of(vdev, VirtIOSerial, vdev);
}

unsigned virtio_serial_rx_queue(unsigned nr)
{
    return nr ? 2 * nr + 2 : 0;
}

unsigned virtio_serial_tx_queue(unsigned nr)
{
    return virtio_serial_rx_queue(nr) + 1;
}

bool virtio_serial_is_multiport(const VirtIOSerial *s)
{
    return virtio_has_feature(&s->vdev, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* --- what the guest is told --- */

void virtio_serial_tell(VirtSerialPort *port, unsigned what)
{
    port->state.tell |= what;
    virtqueue_wake(&port->serial->vdev.queues[CONTROL_RX]);
}

void virtio_serial_tell_removed(VirtSerialPort *port)
{
    if (port->state.known) {
        port->serial->state.removed |= UINT32_C(1) << port->nr;
        virtqueue_wake(&port->serial->vdev.queues[CONTROL_RX]);
    }
}

static VirtSerialPort *port_to_tell_of(VirtIOSerial *s)
{
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->ports[i] && s->ports[i]->state.tell) {
            return s->ports[i];
        }
    }
    return NULL;
}

/* Takes the first of what is to be told of @port. */
static struct virtio_console_control next_message(VirtSerialPort *port)
{
    static const struct {
        unsigned what;
        uint16_t event, value;
    } messages[] = {
        { PORT_TELL_ADDED, VIRTIO_CONSOLE_PORT_ADD, 1 },
        { PORT_TELL_CONSOLE, VIRTIO_CONSOLE_CONSOLE_PORT, 1 },
        { PORT_TELL_NAME, VIRTIO_CONSOLE_PORT_NAME, 1 },
        { PORT_TELL_CLOSED, VIRTIO_CONSOLE_PORT_OPEN, 0 },
        { PORT_TELL_OPEN, VIRTIO_CONSOLE_PORT_OPEN, 1 },
    };
    unsigned i = 0;

    while (!(port->state.tell & messages[i].what)) {
        i++;
    }
    port->state.tell &= ~messages[i].what;
    port->state.known |= messages[i].what == PORT_TELL_ADDED;
    return (struct virtio_console_control){
        .id = GUINT32_TO_LE(port->nr),
        .event = GUINT16_TO_LE(messages[i].event),
        .value = GUINT16_TO_LE(messages[i].value),
    };
}

/* Of the first port that is gone. Before all else: another may have its number
 * by now. */
static struct virtio_console_control next_removal(VirtIOSerial *s)
{
    unsigned nr = (unsigned)__builtin_ctz(s->state.removed);

    s->state.removed &= s->state.removed - 1;
    return (struct virtio_console_control){
        .id = GUINT32_TO_LE(nr),
        .event = GUINT16_TO_LE(VIRTIO_CONSOLE_PORT_REMOVE),
        .value = GUINT16_TO_LE(1),
    };
}

static bool serve_control_rx(VirtIODevice *vdev, VirtQueue *q)
{
    VirtIOSerial *s = virtio_serial_from(vdev);
    VirtSerialPort *port = port_to_tell_of(s);
    struct virtio_console_control message;
    VirtQueueElement e;
    size_t len;

    if ((!s->state.removed && !port) || !virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    message = s->state.removed ? next_removal(s) : next_message(port);
    len = virtqueue_write(&e, 0, &message, sizeof(message));
    if (message.event == GUINT16_TO_LE(VIRTIO_CONSOLE_PORT_NAME)) {
        len += virtqueue_write(&e, len, port->name, strlen(port->name));
    }
    virtqueue_push(vdev, q, &e, (uint32_t)len);
    return true;
}

/* --- what the guest says --- */

static void device_ready(VirtIOSerial *s)
{
    s->state.driver_ready = true;
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->ports[i]) {
            virtio_serial_tell(s->ports[i], PORT_TELL_ADDED);
        }
    }
}

static void port_ready(VirtSerialPort *port)
{
    port->state.ready = true;
    virtio_serial_tell(port, (port->is_console ? PORT_TELL_CONSOLE : 0) |
                                 (port->name ? PORT_TELL_NAME : 0) |
                                 (port->host_open ? PORT_TELL_OPEN : 0));
    /* Of a console the guest does not say that it is open. */
    if (port->is_console) {
        virtserialport_set_guest_open(port, true);
    }
}

static void handle(VirtIOSerial *s, const struct virtio_console_control *m)
{
    uint32_t nr = GUINT32_FROM_LE(m->id);
    uint16_t event = GUINT16_FROM_LE(m->event);
    bool value = m->value;
    VirtSerialPort *port = nr < s->max_ports ? s->ports[nr] : NULL;

    if (event == VIRTIO_CONSOLE_DEVICE_READY && value) {
        device_ready(s);
    } else if (event == VIRTIO_CONSOLE_PORT_READY && port && value) {
        port_ready(port);
    } else if (event == VIRTIO_CONSOLE_PORT_OPEN && port) {
        virtserialport_set_guest_open(port, value);
    } else {
        log_item(LOG_GUEST_ERROR,
                 "%s: control message event=%u value=%u port=%u",
                 device_label(&s->vdev.dev), event, value, nr);
    }
}

static bool serve_control_tx(VirtIODevice *vdev, VirtQueue *q)
{
    struct virtio_console_control message = { 0 };
    VirtQueueElement e;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    if (virtqueue_read(&e, 0, &message, sizeof(message)) < sizeof(message)) {
        virtio_error(vdev, "the guest sent a control message of %zu bytes",
                     e.out_len);
        return false;
    }
    virtqueue_push(vdev, q, &e, 0);
    handle(virtio_serial_from(vdev), &message);
    return true;
}

/* --- life --- */

static void virtio_serial_forget(VirtIODevice *vdev)
{
    VirtIOSerial *s = virtio_serial_from(vdev);

    s->state = (VirtIOSerialState){ 0 };
    for (unsigned i = 0; i < s->max_ports; i++) {
        if (s->ports[i]) {
            virtserialport_forget(s->ports[i]);
        }
    }
}

static bool virtio_serial_set_config(VirtIODevice *vdev, unsigned offset,
                                     const uint8_t *data, unsigned len)
{
    return true; /* read-only */
}

static const VirtioBitName console_features[] = {
    { VIRTIO_CONSOLE_F_SIZE, "VIRTIO_CONSOLE_F_SIZE" },
    { VIRTIO_CONSOLE_F_MULTIPORT, "VIRTIO_CONSOLE_F_MULTIPORT" },
    { VIRTIO_CONSOLE_F_EMERG_WRITE, "VIRTIO_CONSOLE_F_EMERG_WRITE" },
    { 0, NULL },
};

static const VirtioKind virtio_serial_kind = {
    .name = "virtio-serial",
    .device_id = VIRTIO_ID_CONSOLE,
    .pci_class = 0x0780, /* communication, other */
    .features = console_features,
    .reset = virtio_serial_forget,
    .set_config = virtio_serial_set_config,
};

/* --- ports that come and go --- */

static VirtIOSerial *virtio_serial_of_bus(Bus *bus)
{
    return container_of(bus, VirtIOSerial, bus);
}

static void port_plugged(Bus *bus, Device *dev)
{
    if (virtio_serial_of_bus(bus)->state.driver_ready) {
        virtio_serial_tell(container_of(dev, VirtSerialPort, dev),
                           PORT_TELL_ADDED);
    }
}

/* There is nothing to ask the guest: it is told once the port is gone. */
static bool port_unplug_request(Bus *bus, Device *dev, GError **errp)
{
    hotplug_eject(dev);
    return true;
}

static void port_unplugged(Bus *bus)
{
}

static const BusHotplugOps hotplug_ops = {
    .plugged = port_plugged,
    .unplug_request = port_unplug_request,
    .unplugged = port_unplugged,
};

/* "ID.0", as libvirt expects it, or the first free number. */
static void add_bus(VirtIOSerial *s)
{
    DeviceTree *tree = s->vdev.dev.tree;
    const Device *proxy = s->vdev.dev.proxy;

    if (proxy && proxy->id) {
        s->bus_name = g_strdup_printf("%s.0", proxy->id);
    }
    for (unsigned i = 0; !s->bus_name; i++) {
        g_autofree char *name = g_strdup_printf("virtio-serial-bus.%u", i);

        if (!device_tree_find_bus(tree, name, BUS_VIRTIO_SERIAL)) {
            s->bus_name = g_steal_pointer(&name);
        }
    }
    s->bus = (Bus){ .type = BUS_VIRTIO_SERIAL,
                    .name = s->bus_name,
                    .hotplug = &hotplug_ops };
    g_ptr_array_add(tree->buses, &s->bus);
}

static bool virtio_serial_realize(Device *dev, GError **errp)
{
    VirtIODevice *vdev = virtio_device_from(dev);
    VirtIOSerial *s = virtio_serial_from(vdev);
    uint32_t max_ports = GUINT32_TO_LE(s->max_ports);

    if (!virtio_init(vdev, &virtio_serial_kind, CONFIG_SIZE,
                     2 * s->max_ports + 2, VIRTIO_SERIAL_QUEUE_SIZE, errp)) {
        return false;
    }
    vdev->host_features = s->features | UINT64_C(1) << VIRTIO_F_VERSION_1 |
                          UINT64_C(1) << VIRTIO_CONSOLE_F_MULTIPORT;
    memcpy(vdev->state.config + CONFIG_MAX_PORTS, &max_ports,
           sizeof(max_ports));
    virtqueue_serve(vdev, CONTROL_RX, serve_control_rx);
    virtqueue_serve(vdev, CONTROL_TX, serve_control_tx);
    add_bus(s);
    return true;
}

/* Its ports go with it, if it goes before them. */
static void virtio_serial_unrealize(Device *dev)
{
    VirtIOSerial *s = virtio_serial_from(virtio_device_from(dev));

    for (unsigned i = 0; i < VIRTIO_SERIAL_PORTS_MAX; i++) {
        if (s->ports[i]) {
            device_free(&s->ports[i]->dev);
        }
    }
    if (s->bus_name) {
        g_ptr_array_remove(dev->tree->buses, &s->bus);
        g_clear_pointer(&s->bus_name, g_free);
    }
    virtio_finish(&s->vdev);
}

static const Property virtio_serial_props[] = {
    PROP_U32("max_ports", VirtIOSerial, max_ports,
             .def = VIRTIO_SERIAL_PORTS_MAX, .min = 1,
             .max = VIRTIO_SERIAL_PORTS_MAX,
             .summary = "ports that there can be; each has two queues"),
    PROP_BIT64("indirect_desc", VirtIOSerial, features,
               .bit = VIRTIO_RING_F_INDIRECT_DESC, .def = 1,
               .summary = "indirect descriptors"),
    PROP_BIT64("event_idx", VirtIOSerial, features,
               .bit = VIRTIO_RING_F_EVENT_IDX, .def = 1,
               .summary = "notification by event index"),
    { 0 },
};

const DeviceType virtio_serial_type = {
    .name = "virtio-serial-device",
    .summary = "controller of ports between guest and character devices",
    .bus = BUS_VIRTIO,
    .size = sizeof(VirtIOSerial),
    .props = virtio_serial_props,
    .realize = virtio_serial_realize,
    .unrealize = virtio_serial_unrealize,
};
