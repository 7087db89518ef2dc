/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console device (specification 1.2, 5.3): ports between guest and
 * character devices, such as that of the QEMU guest agent. virtio-serial-pci is
 * the controller and a bus, "ID.0"; a virtserialport on it has a name, by which
 * the guest finds it, a virtconsole is a terminal.
 *
 * hw/char/virtio-serial-bus.c is the controller with its control queues, which
 * tell each side which ports there are and whether the other side is open;
 * hw/char/virtio-console.c is the ports and their bytes. All of it needs the
 * machine lock.
 */
#ifndef HW_CHAR_VIRTIO_SERIAL_H
#define HW_CHAR_VIRTIO_SERIAL_H

#include "hw/virtio/virtqueue.h"

typedef struct Chardev Chardev;
typedef struct VirtSerialPort VirtSerialPort;

#define VIRTIO_SERIAL_PORTS_MAX  31
#define VIRTIO_SERIAL_QUEUE_SIZE 128

typedef struct VirtIOSerialState {
    bool driver_ready; /* it wants to be told of ports */
    uint32_t removed;  /* a bit for each port that is gone and that the guest is
                        * still to be told of */
} VirtIOSerialState;
static_assert(VIRTIO_SERIAL_PORTS_MAX <= 32, "a bit for each port");

typedef struct VirtIOSerial {
    VirtIODevice vdev;
    VirtIOSerialState state;
    uint32_t max_ports; /* property */
    uint64_t features;  /* properties */
    Bus bus;
    char *bus_name;                                 /* owned */
    VirtSerialPort *ports[VIRTIO_SERIAL_PORTS_MAX]; /* borrowed; by nr */
} VirtIOSerial;

/* What the guest is still to be told of a port, in this order. */
#define PORT_TELL_ADDED   0x01u
#define PORT_TELL_CONSOLE 0x02u
#define PORT_TELL_NAME    0x04u
#define PORT_TELL_CLOSED  0x08u
#define PORT_TELL_OPEN    0x10u

typedef struct VirtSerialPortState {
    bool known;       /* the guest was told that it is there */
    bool ready;       /* the guest's driver has it */
    bool guest_open;  /* a program of the guest has opened it */
    unsigned tell;    /* PORT_TELL_* */
    uint64_t tx_done; /* bytes of the buffer to come that were sent already */
} VirtSerialPortState;

struct VirtSerialPort {
    Device dev;
    VirtSerialPortState state;
    VirtIOSerial *serial; /* borrowed; NULL: not realized */
    bool is_console;

    /* properties */
    uint32_t nr; /* PROPERTY_AUTO until realize */
    char *name, *chardev_name;

    Chardev *chr;   /* borrowed; NULL: none */
    bool host_open; /* somebody is connected to it */
};

extern const DeviceType virtio_serial_type, virtserialport_type,
    virtconsole_type;

/* The driver speaks of ports by number; else there is port 0 alone. */
bool virtio_serial_is_multiport(const VirtIOSerial *s);

/* Adds @what (PORT_TELL_*) to what the guest is to be told of @port. */
void virtio_serial_tell(VirtSerialPort *port, unsigned what);

/* The guest is to be told that @port is gone, if it knows of it. */
void virtio_serial_tell_removed(VirtSerialPort *port);

/* Queues of port @nr, 5.3.2. */
unsigned virtio_serial_rx_queue(unsigned nr);
unsigned virtio_serial_tx_queue(unsigned nr);

/* The guest has opened or closed the port, or the driver is gone. */
void virtserialport_set_guest_open(VirtSerialPort *port, bool open);
/* Back to what it is without a driver. */
void virtserialport_forget(VirtSerialPort *port);

#endif
