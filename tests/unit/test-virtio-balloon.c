/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon as a host sees it: what it asks of the guest, what it is told, and
 * the guest's figures. Its pages are
 * tests/qtest/test-qtest-virtio-balloon.c. */
#include "fake-accel.h"
#include "hw/i386/mch.h"
#include "hw/virtio/virtio-balloon.h"
#include "hw/virtio/virtqueue.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

#include <linux/virtio_balloon.h>

#define RAM    (64 * MiB)
#define STATS  2      /* the queue */
#define RING   0x1000 /* and its ring: descriptors, available, used */
#define BUFFER 0x4000

typedef struct Fixture {
    Machine *m;
    Device *proxy;
    VirtIODevice *vdev;
    EventListener listener;
    char *events; /* names and data, a line for each */
} Fixture;

static void event(void *opaque, const char *name, json_object *data)
{
    Fixture *f = opaque;
    char *before = f->events;

    f->events = g_strdup_printf("%s%s %s\n", before, name,
                                json_object_to_json_string(data));
    g_free(before);
}

static Device *add(Fixture *f, GError **errp)
{
    auto_json *opts = json_tokener_parse(
        "{\"driver\": \"virtio-balloon-pci\", \"id\": \"balloon0\"}");

    return device_add(&f->m->tree, opts, NULL, errp);
}

static void set_up(Fixture *f, gconstpointer data)
{
    f->m = fake_machine_new();
    f->m->run_state = RUN_STATE_RUNNING;
    f->m->config.ram_size = RAM;
    g_assert_cmpint(guest_ram_init(&f->m->ram, RAM), ==, 0);
    guest_ram_add_block(&f->m->ram, 0, 0, RAM);
    timer_list_step_to(f->m->timers, 0);
    mch_setup_ecam(mch_new(f->m, NULL), MCH_ECAM_BASE);
    f->proxy = add(f, NULL);
    g_assert_nonnull(f->proxy);
    f->vdev = virtio_device_from(f->proxy->backend);
    f->events = g_strdup("");
    f->listener = (EventListener){ event, f };
    event_add_listener(f->m, &f->listener);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    event_del_listener(f->m, &f->listener);
    f->m->run_state = RUN_STATE_PAUSED;
    fake_machine_free(f->m);
    g_free(f->events);
}

static void poll_loop(Fixture *f)
{
    while (g_main_context_iteration(f->m->context, FALSE)) {
    }
}

static void driver_start(Fixture *f)
{
    VirtQueue *q = &f->vdev->queues[STATS];

    virtio_set_dma(f->vdev, true);
    virtio_set_status(f->vdev, 0);
    virtio_set_features(f->vdev, f->vdev->host_features &
                                     ~(UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX));
    virtio_set_status(f->vdev, 11);
    q->state.desc = RING;
    q->state.driver = RING + 0x1000;
    q->state.device = RING + 0x2000;
    virtio_queue_enable(f->vdev, q);
    virtio_set_status(f->vdev, 15);
    poll_loop(f);
}

static uint64_t query(Fixture *f)
{
    auto_json *reply = qmp_query_balloon(f->m, NULL, NULL);

    return json_object_get_uint64(json_get(reply, "actual"));
}

static bool ask(Fixture *f, int64_t bytes, GError **errp)
{
    auto_json *args = json_object_new_object();
    auto_json *reply = NULL;

    json_add_int(args, "value", bytes);
    reply = qmp_balloon(f->m, args, errp);
    return reply != NULL;
}

static json_object *live_get(Fixture *f, const char *name)
{
    Device *dev;

    return device_find_live(f->proxy, name, &dev)->get(dev);
}

static bool set_interval(Fixture *f, const char *json, GError **errp)
{
    auto_json *value = json_tokener_parse(json);
    Device *dev;

    return device_find_live(f->proxy, "guest-stats-polling-interval", &dev)
        ->set(dev, value, errp);
}

/* A figure as the host reads it. */
static uint64_t figure(Fixture *f, const char *name)
{
    auto_json *all = live_get(f, "guest-stats");

    return json_object_get_uint64(json_get(json_get(all, "stats"), name));
}

static int64_t last_update(Fixture *f)
{
    auto_json *all = live_get(f, "guest-stats");

    return json_object_get_int64(json_get(all, "last-update"));
}

/* The driver sends its only buffer with one figure, for the @nth time. */
static void send_figure(Fixture *f, uint16_t nth, uint16_t tag, uint64_t value)
{
    const GuestRam *ram = &f->m->ram;
    struct virtio_balloon_stat stat = { tag, value };
    struct vring_desc d = { BUFFER, sizeof(stat), 0, 0 };
    uint16_t avail[] = { 0, nth, 0, 0, 0, 0 };

    guest_ram_write(ram, BUFFER, &stat, sizeof(stat));
    guest_ram_write(ram, RING, &d, sizeof(d));
    guest_ram_write(ram, RING + 0x1000, avail, sizeof(avail));
    virtqueue_wake(&f->vdev->queues[STATS]);
    poll_loop(f);
}

static uint16_t n_used(Fixture *f)
{
    const struct vring_used *used = guest_ram_ptr(&f->m->ram, RING + 0x2000, 4);

    return used->idx;
}

static void step(Fixture *f, int64_t seconds)
{
    timer_list_step_to(f->m->timers, machine_clock_ns(f->m) +
                                         seconds * NANOSECONDS_PER_SECOND);
}

/* --- tests --- */

static void the_guest_is_asked(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    driver_start(f);
    g_assert_true(ask(f, 16 * MiB, &err));
    g_assert_no_error(err);
    g_assert_true(event_notifier_test_and_clear(&f->vdev->config_changed));
    g_assert_cmphex(virtio_config_read(f->vdev, 0, 4), ==, 48 * MiB / 4096);
    g_assert_cmpuint(query(f), ==, RAM);
    g_assert_true(ask(f, INT64_MAX, NULL));
    g_assert_cmphex(virtio_config_read(f->vdev, 0, 4), ==, 0);
    g_assert_true(ask(f, 1, NULL));
    g_assert_cmphex(virtio_config_read(f->vdev, 0, 4), ==, RAM / 4096 - 1);

    g_assert_false(ask(f, 0, &err));
    g_assert_cmpstr(err->message, ==, "Parameter 'target' expects a size");
}

static void the_host_is_told(Fixture *f, gconstpointer data)
{
    driver_start(f);
    virtio_config_write(f->vdev, 4, 4096, 4);
    g_assert_cmpuint(query(f), ==, 48 * MiB);
    g_assert_cmpstr(f->events, ==, "BALLOON_CHANGE { \"actual\": 50331648 }\n");
    /* More than there is. */
    virtio_config_write(f->vdev, 4, UINT32_MAX, 4);
    g_assert_cmpuint(query(f), ==, 0);

    /* A machine that begins anew has all; what it was asked for stays. */
    g_assert_true(ask(f, 16 * MiB, NULL));
    device_reset(f->proxy);
    g_assert_cmpuint(query(f), ==, RAM);
    g_assert_cmphex(virtio_config_read(f->vdev, 0, 4), ==, 48 * MiB / 4096);
}

static void there_is_one_at_most(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GError) none = NULL;

    g_free(f->proxy->id);
    f->proxy->id = g_strdup("other");
    g_assert_null(add(f, &err));
    g_assert_cmpstr(err->message, ==, "Only one balloon device is supported");
    device_free(f->proxy);
    g_assert_null(qmp_query_balloon(f->m, NULL, &none));
    g_assert_cmpstr(none->message, ==, "No balloon device has been activated");
    g_assert_cmpint(none->code, ==, ERROR_CLASS_DEVICE_NOT_ACTIVE);
    g_assert_false(ask(f, 16 * MiB, NULL));
    f->proxy = add(f, NULL);
    g_assert_nonnull(f->proxy);
}

static void figures_are_asked_for(Fixture *f, gconstpointer data)
{
    driver_start(f);
    g_assert_cmpint(last_update(f), ==, 0);
    g_assert_cmpuint(figure(f, "stat-free-memory"), ==, UINT64_MAX);
    send_figure(f, 1, VIRTIO_BALLOON_S_MEMFREE, 12345);
    g_assert_cmpuint(figure(f, "stat-free-memory"), ==, 12345);
    g_assert_cmpuint(figure(f, "stat-total-memory"), ==, UINT64_MAX);
    g_assert_cmpint(last_update(f), >, 0);
    step(f, 100);
    g_assert_cmpuint(n_used(f), ==, 0);

    g_assert_true(set_interval(f, "10", NULL));
    step(f, 9);
    g_assert_cmpuint(n_used(f), ==, 0);
    step(f, 1);
    g_assert_cmpuint(n_used(f), ==, 1);
    /* Nothing is lent: nothing to give back. */
    step(f, 10);
    g_assert_cmpuint(n_used(f), ==, 1);
    send_figure(f, 2, VIRTIO_BALLOON_S_MEMTOT, 99);
    g_assert_cmpuint(figure(f, "stat-total-memory"), ==, 99);
    g_assert_cmpuint(figure(f, "stat-free-memory"), ==, UINT64_MAX);
    step(f, 10);
    g_assert_cmpuint(n_used(f), ==, 2);
    /* One that has no name yet. */
    send_figure(f, 3, VIRTIO_BALLOON_S_NR, 7);
    g_assert_cmpuint(figure(f, "stat-total-memory"), ==, UINT64_MAX);

    g_assert_true(set_interval(f, "0", NULL));
    step(f, 100);
    g_assert_cmpuint(n_used(f), ==, 2);
}

/* The buffer that the device keeps is the ring's again while it is stopped. */
static void a_stop_gives_the_buffer_back_unread(Fixture *f, gconstpointer data)
{
    const VirtQueue *q = &f->vdev->queues[STATS];

    driver_start(f);
    send_figure(f, 1, VIRTIO_BALLOON_S_MEMFREE, 12345);
    g_assert_cmpuint(q->state.last_avail, ==, 1);
    virtio_set_dma(f->vdev, false);
    g_assert_cmpuint(q->state.last_avail, ==, 0);
    g_assert_true(set_interval(f, "10", NULL));
    step(f, 10);
    g_assert_cmpuint(n_used(f), ==, 0);
    guest_ram_write(&f->m->ram, BUFFER + 2, "changed!", 8);
    virtio_set_dma(f->vdev, true);
    poll_loop(f);
    g_assert_cmpuint(q->state.last_avail, ==, 1);
    g_assert_cmpuint(figure(f, "stat-free-memory"), ==, 12345);
    step(f, 10);
    g_assert_cmpuint(n_used(f), ==, 1);
}

static void an_interval_is_seconds(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = { "-1", "\"1\"", "4294967296", "null",
                                       "1.5" };
    auto_json *before = live_get(f, "guest-stats-polling-interval");

    g_assert_cmpint(json_object_get_int64(before), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        g_assert_false(set_interval(f, bad[i], &err));
        g_assert_nonnull(strstr(err->message, "guest-stats-polling-interval"));
    }
    g_assert_true(set_interval(f, "4294967295", NULL));
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtio-balloon/ask", the_guest_is_asked);
    ADD("/virtio-balloon/told", the_host_is_told);
    ADD("/virtio-balloon/one", there_is_one_at_most);
    ADD("/virtio-balloon/figures", figures_are_asked_for);
    ADD("/virtio-balloon/stop", a_stop_gives_the_buffer_back_unread);
    ADD("/virtio-balloon/interval", an_interval_is_seconds);
    return g_test_run();
}
