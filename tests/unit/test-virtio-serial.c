/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports as a host sees them: which there may be, what it is told, and a
 * controller that goes before them. Bytes are
 * tests/qtest/test-qtest-virtio-serial.c. */
#include "chardev/char.h"
#include "fake-accel.h"
#include "hw/char/virtio-serial.h"
#include "hw/i386/mch.h"
#include "util/error.h"
#include "util/keyval.h"

typedef struct Fixture {
    Machine *m;
    Device *controller;
    Chardev *chr;
    EventListener listener;
    GString *events;
} Fixture;

static void event(void *opaque, const char *name, json_object *data)
{
    Fixture *f = opaque;

    g_string_append_printf(f->events, "%s %s\n", name,
                           json_object_to_json_string(data));
}

static Device *add(Fixture *f, const char *text, GError **errp)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);

    return device_add(&f->m->tree, opts, NULL, errp);
}

static void set_up(Fixture *f, gconstpointer data)
{
    f->m = fake_machine_new();
    mch_setup_ecam(mch_new(f->m, NULL), MCH_ECAM_BASE);
    g_assert_true(chardev_new_from_short(f->m, "null", "chr", &f->chr, NULL));
    f->controller = add(f, "virtio-serial-pci,id=vs,max_ports=3", NULL);
    g_assert_nonnull(f->controller);
    f->events = g_string_new("");
    f->listener = (EventListener){ event, f };
    event_add_listener(f->m, &f->listener);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    event_del_listener(f->m, &f->listener);
    chardev_free(f->chr);
    fake_machine_free(f->m);
    g_string_free(f->events, true);
}

static void refused(Fixture *f, const char *text, const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_null(add(f, text, &err));
    g_assert_cmpstr(err->message, ==, message);
}

static VirtSerialPort *port(Fixture *f, const char *text)
{
    Device *dev = add(f, text, NULL);

    g_assert_nonnull(dev);
    return container_of(dev, VirtSerialPort, dev);
}

static void numbers_are_chosen_and_checked(Fixture *f, gconstpointer data)
{
    g_assert_cmpuint(port(f, "virtserialport,id=a,name=n,chardev=chr")->nr, ==,
                     1);
    g_assert_cmpuint(port(f, "virtconsole,bus=vs.0")->nr, ==, 0);
    refused(f, "virtserialport,nr=0",
            "Port number 0 on virtio-serial devices reserved for virtconsole "
            "devices for backward compatibility.");
    refused(f, "virtserialport,nr=1",
            "virtio-serial-bus: A port already exists at id 1");
    refused(f, "virtserialport,nr=3",
            "virtio-serial-bus: Out-of-range port id specified, max. allowed: "
            "2");
    refused(f, "virtserialport,name=n",
            "virtio-serial-bus: A port already exists by name n");
    refused(f, "virtserialport,chardev=none",
            "Property 'virtserialport.chardev' can't find value 'none'");
    refused(f, "virtserialport,chardev=chr",
            "Property 'virtserialport.chardev' can't take value 'chr', it's in "
            "use");
    refused(f, "virtserialport,bus=other.0", "Bus 'other.0' not found");
    g_assert_cmpuint(port(f, "virtserialport")->nr, ==, 2);
    refused(f, "virtserialport",
            "virtio-serial-bus: Out-of-range port id specified, max. allowed: "
            "2");
}

static void the_host_is_told_who_listens(Fixture *f, gconstpointer data)
{
    VirtSerialPort *p = port(f, "virtserialport,id=a,chardev=chr");
    VirtSerialPort *console = port(f, "virtconsole,id=b");

    g_assert_false(chardev_frontend_is_open(f->chr));
    virtserialport_set_guest_open(p, true);
    g_assert_true(chardev_frontend_is_open(f->chr));
    virtserialport_set_guest_open(p, true);
    virtserialport_set_guest_open(console, true);
    g_assert_cmpstr(f->events->str, ==,
                    "VSERPORT_CHANGE { \"id\": \"a\", \"open\": true }\n");
    device_reset(f->controller);
    g_assert_false(p->state.guest_open);
    g_assert_false(console->state.guest_open);
    /* The second within a second comes with the next event. */
    event_emit(f->m, "RESET", NULL);
    g_assert_nonnull(
        strstr(f->events->str, "{ \"id\": \"a\", \"open\": false }"));
}

static void a_port_without_a_device_is_the_guests_alone(Fixture *f,
                                                        gconstpointer data)
{
    VirtSerialPort *p = port(f, "virtserialport,chardev=chr");

    g_assert_true(p->host_open);
    chardev_free(g_steal_pointer(&f->chr));
    g_assert_null(p->chr);
    g_assert_false(p->host_open);
}

static void ports_go_with_their_controller(Fixture *f, gconstpointer data)
{
    guint n = f->m->tree.devices->len;

    port(f, "virtserialport,chardev=chr");
    port(f, "virtconsole");
    device_free(f->controller);
    g_assert_cmpuint(f->m->tree.devices->len, ==, n - 1);
    g_assert_false(chardev_has_frontend(f->chr));
    refused(f, "virtserialport",
            "virtserialport: the machine has no bus for this device");
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtio-serial/numbers", numbers_are_chosen_and_checked);
    ADD("/virtio-serial/told", the_host_is_told_who_listens);
    ADD("/virtio-serial/gone", a_port_without_a_device_is_the_guests_alone);
    ADD("/virtio-serial/unplug", ports_go_with_their_controller);
    return g_test_run();
}
