/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come and go in a q35 machine of this process, with its control
 * thread, behind a root port whose registers the test drives as a guest would.
 * libfake-vhost.so is preloaded.
 */
#include "accel/qtest.h"
#include "fake-vhost.h"
#include "hw/i386/mch.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pcie-root-port.h"
#include "hw/scsi/vhost-scsi.h"
#include "program/registry.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "test-virtio.h"
#include "util/keyval.h"

#include <linux/virtio_pci.h>
#include <linux/virtio_scsi.h>

#define BAR     UINT64_C(0xc0000000)
#define PORT    PCI_DEVFN(3, 0)
#define SECOND  UINT64_C(1000000000)
#define ROUNDS  100
/* Bound of each wait. */
#define WAIT_US (120 * G_USEC_PER_SEC)

#define LISTENS                                                          \
    (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_HPIE | \
     PCI_EXP_SLTCTL_ATTN_IND_OFF)
#define ON    PCI_EXP_SLTCTL_PWR_IND_ON
#define BLINK PCI_EXP_SLTCTL_PWR_IND_BLINK
#define OFF   PCI_EXP_SLTCTL_PWR_IND_OFF
#define CUT   PCI_EXP_SLTCTL_PWR_OFF

#define ADAPTER "vhost-scsi-pci,bus=pci.1,wwpn=" FAKE_VHOST_WWPN

#define DELETED(path, device)                                      \
    "DEVICE_DELETED { \"path\": \"" path "\\/virtio-backend\" }\n" \
    "DEVICE_DELETED { " device "\"path\": \"" path "\" }\n"
#define DELETED_DISK \
    DELETED("\\/machine\\/peripheral\\/disk", "\"device\": \"disk\", ")

typedef struct Fixture {
    Machine *m; /* locked by the test but while it waits */
    PcieRootPort *port;
    EventListener listener;
    GString *events; /* those that hotplug emits */
} Fixture;

/* --- the machine --- */

static void note_event(void *opaque, const char *name, json_object *data)
{
    Fixture *f = opaque;

    if (g_str_has_prefix(name, "DEVICE_") || g_str_has_prefix(name, "VHOST_")) {
        g_string_append_printf(f->events, "%s %s\n", name,
                               json_object_to_json_string(data));
        g_cond_broadcast(&f->m->cond);
    }
}

typedef struct AddJob {
    ControlJob job;
    Machine *m;
    json_object *opts;
    Device *dev;
    GError *err;
    bool done;
} AddJob;

static void run_add(ControlJob *job, bool cancelled)
{
    AddJob *a = container_of(job, AddJob, job);

    a->dev = device_add(&a->m->tree, a->opts, NULL, &a->err);
    a->done = true;
    g_cond_broadcast(&a->m->cond);
}

static void wait_cond(Fixture *f, gint64 end)
{
    g_assert_true(g_cond_wait_until(&f->m->cond, &f->m->lock, end));
}

/* device_add in the control thread, as a monitor does it. */
static Device *add(Fixture *f, const char *text, GError **errp)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);
    gint64 end = g_get_monotonic_time() + WAIT_US;
    AddJob a = { .job.run = run_add, .m = f->m, .opts = opts };

    control_post(f->m, &a.job);
    while (!a.done) {
        wait_cond(f, end);
    }
    if (a.err) {
        g_propagate_error(errp, a.err);
    }
    return a.dev;
}

static void must_add(Fixture *f, const char *text)
{
    g_autoptr(GError) err = NULL;

    g_assert_nonnull(add(f, text, &err));
    g_assert_no_error(err);
}

static void must_del(Fixture *f, const char *id)
{
    g_autoptr(GError) err = NULL;

    device_del(&f->m->tree, id, &err);
    g_assert_no_error(err);
}

static void del_is_refused(Fixture *f, const char *id, const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_false(device_del(&f->m->tree, id, &err));
    g_assert_cmpstr(err->message, ==, message);
}

/* Waits for exactly these events and forgets them. */
static void wait_events(Fixture *f, const char *expected)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    while (f->events->len < strlen(expected)) {
        wait_cond(f, end);
    }
    g_assert_cmpstr(f->events->str, ==, expected);
    g_string_truncate(f->events, 0);
}

/* Until the control thread has nothing to do. */
static void wait_idle(Fixture *f)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    while (runstate_is_changing(f->m) ||
           !g_queue_is_empty(&f->m->control.jobs)) {
        wait_cond(f, end);
    }
}

static Machine *machine(void)
{
    Machine *m = machine_new(&program_registry,
                             machine_type_find(&program_registry, "q35"),
                             &qtest_accel_ops);
    auto_json *opts = keyval_parse("pcie-root-port,id=pci.1,addr=3", "driver",
                                   NULL);
    g_autoptr(GError) err = NULL;

    m->config.ram_size = 16 * MiB;
    machine_lock(m);
    machine_build(m, &err);
    g_assert_no_error(err);
    device_add(&m->tree, opts, NULL, &err);
    g_assert_no_error(err);
    machine_start(m, &err);
    g_assert_no_error(err);
    return m;
}

static void set_up_prelaunch(Fixture *f, gconstpointer data)
{
    f->m = machine();
    f->port = container_of(pci_device_from(device_find(&f->m->tree, "pci.1")),
                           PcieRootPort, pci);
    f->events = g_string_new(NULL);
    f->listener = (EventListener){ note_event, f };
    event_add_listener(f->m, &f->listener);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    event_del_listener(f->m, &f->listener);
    g_assert_cmpstr(f->events->str, ==, "");
    g_string_free(f->events, TRUE);
    machine_unlock(f->m);
    machine_free(f->m);
}

/* --- the guest --- */

static uint64_t config_port(Fixture *f, unsigned bus, unsigned devfn,
                            unsigned reg)
{
    address_space_write(&f->m->io, 0xcf8,
                        0x80000000 | bus << 16 | devfn << 8 | (reg & 0xfc), 4);
    return 0xcfc + reg % 4;
}

static uint32_t config_get(Fixture *f, unsigned bus, unsigned devfn,
                           unsigned reg, unsigned size)
{
    return (uint32_t)address_space_read(&f->m->io,
                                        config_port(f, bus, devfn, reg), size);
}

static void config_set(Fixture *f, unsigned bus, unsigned devfn, unsigned reg,
                       uint32_t value, unsigned size)
{
    address_space_write(&f->m->io, config_port(f, bus, devfn, reg), value,
                        size);
}

static uint16_t slot_status(Fixture *f)
{
    return (uint16_t)config_get(f, 0, PORT, f->port->exp_cap + PCI_EXP_SLTSTA,
                                2);
}

static void clear_status(Fixture *f)
{
    config_set(f, 0, PORT, f->port->exp_cap + PCI_EXP_SLTSTA, 0xffff, 2);
}

static void slot_control(Fixture *f, uint16_t value)
{
    config_set(f, 0, PORT, f->port->exp_cap + PCI_EXP_SLTCTL, value, 2);
}

/* As pciehp does with a slot that it finds empty. */
static void take_slot(Fixture *f)
{
    config_set(f, 0, PORT, PCI_SECONDARY_BUS, 1, 1);
    config_set(f, 0, PORT, PCI_SUBORDINATE_BUS, 1, 1);
    config_set(f, 0, PORT, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
               2);
    slot_control(f, LISTENS | OFF | CUT);
    clear_status(f);
}

static void power_on(Fixture *f)
{
    clear_status(f);
    slot_control(f, LISTENS | BLINK);
    slot_control(f, LISTENS | ON);
}

static void power_off(Fixture *f)
{
    clear_status(f);
    slot_control(f, LISTENS | BLINK);
    slot_control(f, LISTENS | BLINK | CUT);
    slot_control(f, LISTENS | OFF | CUT);
}

static void set_up(Fixture *f, gconstpointer data)
{
    set_up_prelaunch(f, data);
    vm_start_request(f->m);
    wait_idle(f);
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_RUNNING);
    take_slot(f);
}

static uint32_t function_id(Fixture *f)
{
    return config_get(f, 1, 0, PCI_VENDOR_ID, 4);
}

/* --- what a guest sees --- */

static void test_adapter_comes_and_goes(Fixture *f, gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    g_assert_cmphex(slot_status(f), ==,
                    PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC |
                        PCI_EXP_SLTSTA_DLLSC);
    g_assert_cmphex(function_id(f), ==, 0xffffffff);
    power_on(f);
    g_assert_cmphex(function_id(f), ==, 0x10481af4);
    g_assert_nonnull(device_find(&f->m->tree, "disk"));

    clear_status(f);
    must_del(f, "disk");
    g_assert_cmphex(slot_status(f), ==,
                    PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_ABP);
    g_assert_cmphex(function_id(f), ==, 0x10481af4);
    power_off(f);
    g_assert_cmphex(function_id(f), ==, 0xffffffff);
    wait_events(f, DELETED_DISK);
    g_assert_null(device_find(&f->m->tree, "disk"));
    g_assert_cmphex(slot_status(f) & PCI_EXP_SLTSTA_PDS, ==, 0);
    power_on(f);
    g_assert_cmphex(function_id(f), ==, 0xffffffff);
}

static void test_anonymous_adapter_goes_by_its_path(Fixture *f,
                                                    gconstpointer data)
{
    must_add(f, ADAPTER);
    power_on(f);
    must_del(f, "/machine/peripheral-anon/device[0]");
    power_off(f);
    wait_events(f, DELETED("\\/machine\\/peripheral-anon\\/device[0]", ""));
}

static void test_adapter_goes_at_once_where_nobody_listens(Fixture *f,
                                                           gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    slot_control(f, PCI_EXP_SLTCTL_PWR_IND_ON);
    g_assert_cmphex(function_id(f), ==, 0x10481af4);
    must_del(f, "disk");
    del_is_refused(f, "disk",
                   "Device disk is already in the process of unplug");
    wait_events(f, DELETED_DISK);
}

static void test_adapter_goes_at_once_before_the_start(Fixture *f,
                                                       gconstpointer data)
{
    take_slot(f);
    must_add(f, ADAPTER ",id=disk");
    must_del(f, "disk");
    wait_events(f, DELETED_DISK);
}

static void test_adapter_goes_at_once_from_a_slot_that_is_off(
    Fixture *f, gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    must_del(f, "disk");
    wait_events(f, DELETED_DISK);
}

static void test_paused_guest_is_asked(Fixture *f, gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    vm_stop_request(f->m, RUN_STATE_PAUSED);
    wait_idle(f);
    must_del(f, "disk");
    wait_idle(f);
    g_assert_nonnull(device_find(&f->m->tree, "disk"));
    power_off(f);
    wait_events(f, DELETED_DISK);
}

static void test_second_request_waits_for_five_seconds(Fixture *f,
                                                       gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    must_del(f, "disk");
    del_is_refused(f, "disk",
                   "Device disk is already in the process of unplug");
    clear_status(f);
    slot_control(f, LISTENS | BLINK);
    timer_list_step_to(f->m->timers, 5 * SECOND);
    del_is_refused(f, "disk",
                   "Hot-unplug failed: guest is busy (power indicator "
                   "blinking)");
    slot_control(f, LISTENS | ON);
    wait_events(f, "DEVICE_UNPLUG_GUEST_ERROR { \"device\": \"disk\", "
                   "\"path\": \"\\/machine\\/peripheral\\/disk\" }\n");
    g_assert_cmphex(slot_status(f) & PCI_EXP_SLTSTA_ABP, ==, 0);
    must_del(f, "disk");
    g_assert_cmphex(slot_status(f) & PCI_EXP_SLTSTA_ABP, !=, 0);
    power_off(f);
    wait_events(f, DELETED_DISK);
}

static void test_reset_completes_a_request(Fixture *f, gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    must_del(f, "disk");
    system_reset_request(f->m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    wait_events(f, DELETED_DISK);
    wait_idle(f);
    g_assert_cmphex(slot_status(f), ==, 0);
    g_assert_true(f->port->secondary.off);
}

static void test_full_port_takes_no_other(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    must_del(f, "disk");
    g_assert_null(
        add(f, "vhost-scsi-pci,bus=pci.1,wwpn=naa.5001405000000009", &err));
    g_clear_error(&err);
    g_assert_null(add(f, "vhost-scsi-pci,wwpn=" FAKE_VHOST_WWPN, &err));
    g_assert_cmpstr(err->message, ==,
                    "Bus 'pcie.0' does not support hotplugging");
    power_off(f);
    wait_events(f, DELETED_DISK);
}

static void test_end_of_the_machine_takes_what_is_pending(Fixture *f,
                                                          gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk");
    power_on(f);
    must_del(f, "disk");
}

/* --- a driver that runs --- */

static void write_bar(Fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    address_space_write(&f->m->memory, BAR + reg, value, size);
}

static void show_bar(Fixture *f)
{
    config_set(f, 1, 0, PCI_BASE_ADDRESS_4, (uint32_t)BAR, 4);
    config_set(f, 1, 0, PCI_BASE_ADDRESS_5, 0, 4);
    config_set(f, 1, 0, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
               2);
}

static void negotiate(Fixture *f)
{
    show_bar(f);
    write_bar(f, VIRTIO_PCI_COMMON_STATUS, 3, 1);
    write_bar(f, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
    write_bar(f, VIRTIO_PCI_COMMON_GF, 1, 4);
    write_bar(f, VIRTIO_PCI_COMMON_STATUS, 11, 1);
}

static void enable_queue(Fixture *f, uint16_t queue, uint64_t gpa)
{
    write_bar(f, VIRTIO_PCI_COMMON_Q_SELECT, queue, 2);
    write_bar(f, VIRTIO_PCI_COMMON_Q_DESCLO, (uint32_t)gpa, 4);
    write_bar(f, VIRTIO_PCI_COMMON_Q_AVAILLO, (uint32_t)gpa + 0x1000, 4);
    write_bar(f, VIRTIO_PCI_COMMON_Q_USEDLO, (uint32_t)gpa + 0x2000, 4);
    write_bar(f, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

static unsigned count(const char *dir)
{
    g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
    unsigned n = 0;

    g_assert_nonnull(d);
    while (g_dir_read_name(d)) {
        n++;
    }
    return n;
}

/* /proc still lists a thread for a moment after it was joined, so that what was
 * counted before may be one too many, too. */
static void wait_threads(unsigned at_most)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    while (count("/proc/self/task") > at_most) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(1000);
    }
}

/* Every other time with a driver that never says good-bye. */
static void one_round(Fixture *f, unsigned i)
{
    must_add(f, ADAPTER ",id=disk,num_queues=4,worker_per_virtqueue=on");
    power_on(f);
    g_assert_cmphex(function_id(f), ==, 0x10481af4);
    if (i % 2) {
        negotiate(f);
        for (uint16_t q = 0; q < 6; q++) {
            enable_queue(f, q, 0x100000 + q * 0x4000);
        }
        write_bar(f, VIRTIO_PCI_COMMON_STATUS, 15, 1);
        g_assert_cmphex(address_space_read(&f->m->memory,
                                           BAR + VIRTIO_PCI_COMMON_STATUS, 1),
                        ==, 15);
    }
    must_del(f, "disk");
    power_off(f);
    wait_events(f, DELETED_DISK);
    wait_idle(f);
}

static void test_rounds_leave_nothing(Fixture *f, gconstpointer data)
{
    unsigned fds, threads, regions, notifiers;

    one_round(f, 0);
    one_round(f, 1);
    fds = count("/proc/self/fd");
    threads = count("/proc/self/task");
    regions = f->m->memory.regions->len;
    notifiers = f->m->run_notifiers->len;
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(f, i);
    }
    g_assert_cmpuint(count("/proc/self/fd"), ==, fds);
    wait_threads(threads);
    g_assert_cmpuint(f->m->memory.regions->len, ==, regions);
    g_assert_cmpuint(f->m->run_notifiers->len, ==, notifiers);
}

static void test_refused_add_leaves_nothing(Fixture *f, gconstpointer data)
{
    unsigned fds = count("/proc/self/fd"), threads = count("/proc/self/task");
    g_autoptr(GError) err = NULL;

    g_assert_null(add(f,
                      "vhost-scsi-pci,bus=pci.1,wwpn=naa.5001405000000009,"
                      "num_queues=4,worker_per_virtqueue=on",
                      &err));
    g_assert_nonnull(strstr(err->message, "naa.5001405000000009"));
    g_assert_cmpuint(count("/proc/self/fd"), ==, fds);
    wait_threads(threads);
    g_assert_cmphex(slot_status(f), ==, 0);
}

static void test_failed_start_is_an_event(Fixture *f, gconstpointer data)
{
    must_add(f, ADAPTER ",id=disk,num_queues=1");
    power_on(f);
    negotiate(f);
    enable_queue(f, 2, 0xe0000000);
    write_bar(f, VIRTIO_PCI_COMMON_STATUS, 15, 1);
    wait_events(f,
                "VHOST_DEVICE_FAILED { \"device\": \"disk\", \"qom-path\": "
                "\"\\/machine\\/peripheral\\/disk\", \"operation\": \"the "
                "check that the ring lies in RAM\", \"errno\": 14, "
                "\"reason\": \"vhost-scsi: the check that the ring lies in "
                "RAM failed for virtqueue 2: Bad address\", \"virtqueue\": 2 "
                "}\n");
}

static void stop_and_go(Fixture *f, bool running)
{
    if (running) {
        vm_start_request(f->m);
    } else {
        vm_stop_request(f->m, RUN_STATE_PAUSED);
    }
    wait_idle(f);
}

static void test_missed_events_last_over_a_stop(Fixture *f, gconstpointer data)
{
    VhostScsi *s;
    uint32_t missed = 0;

    must_add(f, ADAPTER ",id=disk,num_queues=1,hotplug=on");
    s = container_of(
        virtio_device_from(device_find(&f->m->tree, "disk")->backend),
        VhostScsi, vdev);
    power_on(f);
    show_bar(f);
    write_bar(f, VIRTIO_PCI_COMMON_STATUS, 3, 1);
    write_bar(f, VIRTIO_PCI_COMMON_GF, 1 << VIRTIO_SCSI_F_HOTPLUG, 4);
    write_bar(f, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
    write_bar(f, VIRTIO_PCI_COMMON_GF, 1, 4);
    write_bar(f, VIRTIO_PCI_COMMON_STATUS, 15, 1);
    g_assert_true(s->vdev.started);

    s->scsi_ops->vhost_scsi_set_events_missed(&s->vhost, 1);
    stop_and_go(f, false);
    s->scsi_ops->vhost_scsi_set_events_missed(&s->vhost, 0);
    stop_and_go(f, true);
    s->scsi_ops->vhost_scsi_get_events_missed(&s->vhost, &missed);
    g_assert_cmpuint(missed, ==, 1);
}

/* --- vCPUs that are inside --- */

/* The back end of the test hangs as it starts until it is told not to. */
typedef struct Inside {
    Fixture *f;
    EventNotifier go_on;
    GThread *starter, *reader;
    uint64_t read; /* what the reader got */
} Inside;

static void *say_driver_ok(void *opaque)
{
    Inside *i = opaque;

    machine_lock(i->f->m);
    write_bar(i->f, VIRTIO_PCI_COMMON_STATUS, 15, 1);
    machine_unlock(i->f->m);
    return NULL;
}

static void *read_status(void *opaque)
{
    Inside *i = opaque;

    machine_lock(i->f->m);
    i->read = address_space_read(&i->f->m->memory,
                                 BAR + VIRTIO_PCI_COMMON_STATUS, 1);
    machine_unlock(i->f->m);
    return NULL;
}

static VirtIODevice *add_test_device(Fixture *f, EventNotifier *hang)
{
    Device *dev = device_new(&f->m->tree, &test_virtio_pci_type);
    VirtIODevice *vdev = virtio_device_from(dev->backend);

    dev->id = g_strdup("disk");
    dev->bus = &f->port->secondary.bus;
    g_assert_true(device_realize(dev, NULL));
    dev->bus->hotplug->plugged(dev->bus, dev);
    test_virtio_from(vdev)->hang = hang;
    return vdev;
}

static void wait_users(Fixture *f, const VirtIODevice *vdev, unsigned n)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    /* Coming in tells nobody. */
    while (vdev->users != n || !vdev->busy) {
        machine_unlock(f->m);
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_thread_yield();
        machine_lock(f->m);
    }
}

static void test_removal_waits_for_vcpus_inside(Fixture *f, gconstpointer data)
{
    Inside i = { .f = f };
    VirtIODevice *vdev;
    gint64 end = g_get_monotonic_time() + WAIT_US;

    g_assert_cmpint(event_notifier_init(&i.go_on), ==, 0);
    vdev = add_test_device(f, &i.go_on);
    power_on(f);
    negotiate(f);
    i.starter = g_thread_new("starter", say_driver_ok, &i);
    wait_users(f, vdev, 1);
    i.reader = g_thread_new("reader", read_status, &i);
    wait_users(f, vdev, 2);

    hotplug_eject(vdev->dev.proxy);
    while (f->port->secondary.devices[0]) {
        machine_unlock(f->m);
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_thread_yield();
        machine_lock(f->m);
    }
    g_assert_cmpuint(vdev->users, ==, 2);
    g_assert_cmpstr(f->events->str, ==, "");
    event_notifier_set(&i.go_on);
    wait_events(f, DELETED_DISK);
    machine_unlock(f->m);
    g_thread_join(i.starter);
    g_thread_join(i.reader);
    machine_lock(f->m);
    g_assert_cmphex(i.read, ==, 0xff);
    event_notifier_finish(&i.go_on);
}

/* Bytes of fw_cfg's file "bootorder", as firmware finds them in the directory,
 * whose integers are big endian. */
static uint32_t boot_order_size(Fixture *f)
{
    static const char name[] = "bootorder";
    char entry[64];

    address_space_write(&f->m->io, FW_CFG_PORT, FW_CFG_FILE_DIR, 2);
    for (unsigned i = 0; i < 4; i++) {
        address_space_read(&f->m->io, FW_CFG_PORT + 1, 1);
    }
    do {
        for (unsigned i = 0; i < sizeof(entry); i++) {
            entry[i] = (char)address_space_read(&f->m->io, FW_CFG_PORT + 1, 1);
        }
        g_assert_cmphex(entry[8], !=, 0);
    } while (strcmp(entry + 8, name));
    return (uint32_t)(uint8_t)entry[2] << 8 | (uint8_t)entry[3];
}

/* Firmware has read it by then, and reads it again after a reset. */
static void test_boot_order_follows_at_reset(Fixture *f, gconstpointer data)
{
    g_assert_cmpuint(boot_order_size(f), ==, 0);
    must_add(f, ADAPTER ",id=disk,bootindex=0,boot_tpgt=1");
    g_assert_cmpuint(boot_order_size(f), ==, 0);
    system_reset_request(f->m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    wait_idle(f);
    g_assert_cmpuint(
        boot_order_size(f), ==,
        sizeof("/pci@i0cf8/pci-bridge@3/scsi@0/channel@0/disk@1,0"));
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/hotplug/flow", test_adapter_comes_and_goes);
    ADD("/hotplug/anonymous", test_anonymous_adapter_goes_by_its_path);
    ADD("/hotplug/at-once/nobody-listens",
        test_adapter_goes_at_once_where_nobody_listens);
    g_test_add("/hotplug/at-once/prelaunch", Fixture, NULL, set_up_prelaunch,
               test_adapter_goes_at_once_before_the_start, tear_down);
    ADD("/hotplug/at-once/slot-off",
        test_adapter_goes_at_once_from_a_slot_that_is_off);
    ADD("/hotplug/paused", test_paused_guest_is_asked);
    ADD("/hotplug/again", test_second_request_waits_for_five_seconds);
    ADD("/hotplug/reset", test_reset_completes_a_request);
    ADD("/hotplug/boot-order", test_boot_order_follows_at_reset);
    ADD("/hotplug/full", test_full_port_takes_no_other);
    ADD("/hotplug/end", test_end_of_the_machine_takes_what_is_pending);
    ADD("/hotplug/rounds", test_rounds_leave_nothing);
    ADD("/hotplug/refused", test_refused_add_leaves_nothing);
    ADD("/hotplug/failed-start", test_failed_start_is_an_event);
    ADD("/hotplug/events-missed", test_missed_events_last_over_a_stop);
    ADD("/hotplug/inside", test_removal_waits_for_vcpus_inside);
    return g_test_run();
}
