/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and their bytes. */
#include "chardev/char.h"
#include "hw/char/virtio-serial.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"

#define CHUNK    4096       /* bytes of one write */
#define SEND_MAX (64 * KiB) /* bytes of a buffer before others have a turn */

static VirtSerialPort *port_from(Device *dev)
{
    return container_of(dev, VirtSerialPort, dev);
}

static VirtSerialPort *port_of_queue(VirtIODevice *vdev, const VirtQueue *q)
{
    VirtIOSerial *s = container_of(vdev, VirtIOSerial, vdev);
    unsigned queue = (unsigned)(q - vdev->queues);

    return s->ports[queue < 2 ? 0 : queue / 2 - 1];
}

static VirtQueue *rx_queue(const VirtSerialPort *port)
{
    return &port->serial->vdev.queues[virtio_serial_rx_queue(port->nr)];
}

static VirtQueue *tx_queue(const VirtSerialPort *port)
{
    return &port->serial->vdev.queues[virtio_serial_tx_queue(port->nr)];
}

/* --- from the guest --- */

static size_t send_to_host(VirtSerialPort *port, const uint8_t *buf, size_t len)
{
    return port->chr ? chardev_write(port->chr, buf, len) : len;
}

/* A buffer that the host does not take as a whole is put back, and what was
 * sent of it is noted. */
static bool serve_tx(VirtIODevice *vdev, VirtQueue *q)
{
    VirtSerialPort *port = port_of_queue(vdev, q);
    uint64_t *done = &port->state.tx_done, end;
    uint8_t buf[CHUNK];
    VirtQueueElement e;
    size_t n, taken;

    if (!virtqueue_pop(vdev, q, &e)) {
        return false;
    }
    end = *done + SEND_MAX;
    do {
        n = virtqueue_read(&e, *done, buf, sizeof(buf));
        taken = send_to_host(port, buf, n);
        *done += taken;
    } while (n && taken == n && *done < end);
    if (*done < e.out_len) {
        virtqueue_unpop(q);
        return taken == n;
    }
    *done = 0;
    virtqueue_push(vdev, q, &e, 0);
    return true;
}

/* --- to the guest --- */

static bool is_listening(const VirtSerialPort *port)
{
    return port->state.guest_open || !virtio_serial_is_multiport(port->serial);
}

/* Room in the next buffer that the driver has lent. */
static size_t port_can_receive(void *opaque)
{
    VirtSerialPort *port = opaque;
    VirtQueueElement e;

    if (!is_listening(port) ||
        !virtqueue_pop(&port->serial->vdev, rx_queue(port), &e)) {
        return 0;
    }
    virtqueue_unpop(rx_queue(port));
    return e.in_len;
}

static void port_receive(void *opaque, const uint8_t *buf, size_t len)
{
    VirtSerialPort *port = opaque;
    VirtQueueElement e;

    if (virtqueue_pop(&port->serial->vdev, rx_queue(port), &e)) {
        virtqueue_push(&port->serial->vdev, rx_queue(port), &e,
                       (uint32_t)virtqueue_write(&e, 0, buf, len));
    }
}

static void accept_input(VirtSerialPort *port)
{
    if (port->chr) {
        chardev_accept_input(port->chr);
    }
}

/* The driver has lent a buffer. */
static bool serve_rx(VirtIODevice *vdev, VirtQueue *q)
{
    accept_input(port_of_queue(vdev, q));
    return false;
}

/* --- open and closed --- */

static void set_host_open(VirtSerialPort *port, bool open)
{
    if (open == port->host_open) {
        return;
    }
    port->host_open = open;
    if (!port->state.ready) {
        return;
    }
    if (open) {
        virtio_serial_tell(port, PORT_TELL_OPEN);
    } else if (port->state.tell & PORT_TELL_OPEN) {
        /* It does not know that it was open. */
        port->state.tell &= ~PORT_TELL_OPEN;
    } else {
        virtio_serial_tell(port, PORT_TELL_CLOSED);
    }
}

static void port_event(void *opaque, ChardevEvent event)
{
    VirtSerialPort *port = opaque;

    switch (event) {
    case CHARDEV_OPENED:
        set_host_open(port, true);
        break;
    case CHARDEV_GONE:
        port->chr = NULL;
        set_host_open(port, false);
        virtqueue_wake(tx_queue(port));
        break;
    case CHARDEV_CLOSED:
        set_host_open(port, false);
        break;
    case CHARDEV_WRITABLE:
        virtqueue_wake(tx_queue(port));
        break;
    case CHARDEV_BREAK:
    case CHARDEV_FOCUS:
        break;
    }
}

static bool port_is_open(void *opaque)
{
    const VirtSerialPort *port = opaque;

    return port->is_console || port->state.guest_open;
}

static const ChardevFrontend port_frontend = {
    .can_receive = port_can_receive,
    .receive = port_receive,
    .event = port_event,
    .is_open = port_is_open,
};

/* VSERPORT_CHANGE is how libvirt knows whether the agent listens. */
void virtserialport_set_guest_open(VirtSerialPort *port, bool open)
{
    if (open == port->state.guest_open) {
        return;
    }
    port->state.guest_open = open;
    if (port->dev.id && !port->is_console) {
        json_object *data = json_object_new_object();

        json_add_string(data, "id", port->dev.id);
        json_add_bool(data, "open", open);
        event_emit_limited(port->dev.machine, "VSERPORT_CHANGE", port->dev.id,
                           data);
    }
    accept_input(port);
}

void virtserialport_forget(VirtSerialPort *port)
{
    virtserialport_set_guest_open(port, false);
    port->state = (VirtSerialPortState){ 0 };
}

/* --- life --- */

static bool choose_nr(VirtSerialPort *port, VirtIOSerial *s, GError **errp)
{
    /* Port 0 is what a driver without numbers has for its console. */
    uint32_t first = port->is_console ? 0 : 1;

    for (uint32_t i = first; port->nr == PROPERTY_AUTO && i < s->max_ports;
         i++) {
        if (!s->ports[i]) {
            port->nr = i;
        }
    }
    if (port->nr == PROPERTY_AUTO || port->nr >= s->max_ports) {
        error_setg(errp,
                   "virtio-serial-bus: Out-of-range port id specified, max. "
                   "allowed: %u",
                   s->max_ports - 1);
        return false;
    }
    if (port->nr < first) {
        error_setg(errp, "Port number 0 on virtio-serial devices reserved for "
                         "virtconsole devices for backward compatibility.");
        return false;
    }
    if (s->ports[port->nr]) {
        error_setg(errp, "virtio-serial-bus: A port already exists at id %u",
                   port->nr);
        return false;
    }
    return true;
}

static bool check_name(const VirtSerialPort *port, const VirtIOSerial *s,
                       GError **errp)
{
    for (unsigned i = 0; port->name && i < s->max_ports; i++) {
        if (s->ports[i] && !g_strcmp0(s->ports[i]->name, port->name)) {
            error_setg(errp,
                       "virtio-serial-bus: A port already exists by name %s",
                       port->name);
            return false;
        }
    }
    return true;
}

static bool attach(VirtSerialPort *port, GError **errp)
{
    const char *type = port->dev.type->name;

    if (!port->chardev_name) {
        return true;
    }
    port->chr = chardev_find(port->dev.machine, port->chardev_name);
    if (!port->chr) {
        error_setg(errp, "Property '%s.chardev' can't find value '%s'", type,
                   port->chardev_name);
        return false;
    }
    if (!chardev_attach(port->chr, &port_frontend, port)) {
        port->chr = NULL;
        error_setg(errp,
                   "Property '%s.chardev' can't take value '%s', it's in use",
                   type, port->chardev_name);
        return false;
    }
    return true;
}

static bool port_realize(Device *dev, GError **errp)
{
    VirtSerialPort *port = port_from(dev);
    VirtIOSerial *s = container_of(dev->bus, VirtIOSerial, bus);

    port->is_console = dev->type == &virtconsole_type;
    if (!choose_nr(port, s, errp) || !check_name(port, s, errp)) {
        return false;
    }
    port->serial = s;
    s->ports[port->nr] = port;
    virtqueue_serve(&s->vdev, virtio_serial_rx_queue(port->nr), serve_rx);
    virtqueue_serve(&s->vdev, virtio_serial_tx_queue(port->nr), serve_tx);
    return attach(port, errp);
}

static void port_unrealize(Device *dev)
{
    VirtSerialPort *port = port_from(dev);

    if (port->chr) {
        chardev_detach(port->chr, port);
        port->chr = NULL;
    }
    if (port->serial) {
        virtqueue_unserve(rx_queue(port));
        virtqueue_unserve(tx_queue(port));
        virtio_serial_tell_removed(port);
        port->serial->ports[port->nr] = NULL;
        port->serial = NULL;
    }
}

static const Property port_props[] = {
    PROP_AUTO32("nr", VirtSerialPort, nr, .def = PROPERTY_AUTO,
                .max = UINT32_MAX - 1,
                .summary = "number of the port; auto: the first free one"),
    PROP_STRING("name", VirtSerialPort, name,
                .summary = "by which the guest finds it, as "
                           "org.qemu.guest_agent.0"),
    PROP_STRING("chardev", VirtSerialPort, chardev_name,
                .summary = "id of the character device behind it"),
    { 0 },
};

const DeviceType virtserialport_type = {
    .name = "virtserialport",
    .summary = "port of a virtio-serial-pci",
    .bus = BUS_VIRTIO_SERIAL,
    .size = sizeof(VirtSerialPort),
    .props = port_props,
    .user_creatable = true,
    .realize = port_realize,
    .unrealize = port_unrealize,
};

const DeviceType virtconsole_type = {
    .name = "virtconsole",
    .summary = "terminal of a virtio-serial-pci: hvc0 of Linux",
    .bus = BUS_VIRTIO_SERIAL,
    .size = sizeof(VirtSerialPort),
    .props = port_props,
    .user_creatable = true,
    .realize = port_realize,
    .unrealize = port_unrealize,
};
