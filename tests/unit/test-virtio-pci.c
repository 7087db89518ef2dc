/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport and the control plane, register by register, on a virtio
 * device of the test whose back end only counts. */
#include "fake-accel.h"
#include "hw/i386/mch.h"
#include "test-virtio.h"

#include <linux/virtio_pci.h>

#define ECAM     MCH_ECAM_BASE
#define MSIX_BAR UINT64_C(0xc0000000)
#define BAR      UINT64_C(0xc0100000)
#define QUEUES   TEST_VIRTIO_QUEUES
#define OFFERED  TEST_VIRTIO_FEATURES
#define READY                                               \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

typedef struct Fixture {
    Machine *m;
    VirtIOPCIProxy *proxy;
    TestVirtio *t;
    bool intx;
} Fixture;

static void set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    ((Fixture *)opaque)->intx = level;
}

static void config_set(Fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    address_space_write(&f->m->memory, ECAM + (1 << 15) + reg, value, size);
}

static uint32_t config_get(Fixture *f, unsigned reg, unsigned size)
{
    return (uint32_t)address_space_read(&f->m->memory, ECAM + (1 << 15) + reg,
                                        size);
}

static void set_up(Fixture *f, gconstpointer data)
{
    Mch *host;
    Device *dev;

    f->m = fake_machine_new();
    f->m->run_state = RUN_STATE_RUNNING;
    host = mch_new(f->m, NULL);
    host->root.set_intx = set_intx;
    host->root.opaque = f;
    mch_setup_ecam(host, ECAM);
    dev = device_new(&f->m->tree, &test_virtio_pci_type);
    g_assert_true(device_set(dev, "addr", "1", NULL));
    g_assert_true(device_realize(dev, NULL));
    f->proxy = container_of(pci_device_from(dev), VirtIOPCIProxy, pci);
    f->t = test_virtio_from(virtio_device_from(dev->backend));
    config_set(f, PCI_BASE_ADDRESS_1, MSIX_BAR, 4);
    config_set(f, PCI_BASE_ADDRESS_4, BAR, 4);
    config_set(f, PCI_BASE_ADDRESS_5, 0, 4);
    config_set(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    f->m->run_state = RUN_STATE_PAUSED;
    fake_machine_free(f->m);
}

static uint32_t get(Fixture *f, unsigned reg, unsigned size)
{
    return (uint32_t)address_space_read(&f->m->memory, BAR + reg, size);
}

static void set(Fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    address_space_write(&f->m->memory, BAR + reg, value, size);
}

static void set_features(Fixture *f, uint64_t features)
{
    set(f, VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
    set(f, VIRTIO_PCI_COMMON_GF, (uint32_t)features, 4);
    set(f, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
    set(f, VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> 32), 4);
}

static uint8_t status(Fixture *f)
{
    return (uint8_t)get(f, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void set_status(Fixture *f, uint8_t value)
{
    set(f, VIRTIO_PCI_COMMON_STATUS, value, 1);
}

static void enable_msix(Fixture *f, unsigned vectors)
{
    config_set(f, f->proxy->pci.msix->cap + PCI_MSIX_FLAGS,
               PCI_MSIX_FLAGS_ENABLE, 2);
    for (unsigned v = 0; v < vectors; v++) {
        address_space_write(&f->m->memory, MSIX_BAR + v * 16, 0xfee00000, 4);
        address_space_write(&f->m->memory, MSIX_BAR + v * 16 + 8, 0x30 + v, 4);
        address_space_write(&f->m->memory, MSIX_BAR + v * 16 + 12, 0, 4);
    }
}

static void drive(Fixture *f)
{
    set_status(f, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    set_features(f, OFFERED);
    set_status(f, READY & ~VIRTIO_CONFIG_S_DRIVER_OK);
    set_status(f, READY);
}

static void test_capabilities_describe_the_bar(Fixture *f, gconstpointer data)
{
    unsigned seen = 0;

    for (unsigned cap = config_get(f, PCI_CAPABILITY_LIST, 1); cap;
         cap = config_get(f, cap + 1, 1)) {
        if (config_get(f, cap, 1) == PCI_CAP_ID_VNDR) {
            unsigned type = config_get(f, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1);

            seen |= 1u << type;
            g_assert_cmpuint(config_get(f, cap + VIRTIO_PCI_CAP_BAR, 1), ==,
                             type == VIRTIO_PCI_CAP_PCI_CFG ? 0 : 4);
        }
    }
    g_assert_cmphex(seen, ==, 0x3e);
    g_assert_cmphex(config_get(f, PCI_VENDOR_ID, 4), ==, 0x10481af4);
    g_assert_cmphex(config_get(f, PCI_CLASS_DEVICE, 2), ==, 0x0100);
}

static void test_features_select_halves(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_DF, 4), ==, 2);
    set(f, VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_DF, 4), ==, 1);
    set(f, VIRTIO_PCI_COMMON_DFSELECT, 2, 4);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_DF, 4), ==, 0);
    set(f, VIRTIO_PCI_COMMON_GFSELECT, 7, 4);
    set(f, VIRTIO_PCI_COMMON_GF, 0xffffffff, 4);
    g_assert_cmphex(f->t->vdev.state.guest_features, ==, 0);
}

static void test_features_not_offered_are_refused(Fixture *f,
                                                  gconstpointer data)
{
    static const uint64_t bad[] = { 0, 2, OFFERED | 4,
                                    OFFERED | UINT64_C(1) << 63 };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        set_status(f, 0);
        set_status(f, 3);
        set_features(f, bad[i]);
        set_status(f, 11);
        g_assert_cmphex(status(f), ==, 3);
    }
    set_features(f, OFFERED);
    set_status(f, 11);
    g_assert_cmphex(status(f), ==, 11);
    set_features(f, 0);
    g_assert_cmphex(f->t->vdev.state.guest_features, ==, OFFERED);
}

static void test_status_starts_and_stops_the_back_end(Fixture *f,
                                                      gconstpointer data)
{
    drive(f);
    g_assert_cmphex(status(f), ==, READY);
    g_assert_cmpuint(f->t->starts, ==, 1);
    set_status(f, READY);
    g_assert_cmpuint(f->t->starts, ==, 1);
    set_status(f, 0);
    g_assert_cmpuint(f->t->stops, ==, 1);
    g_assert_cmphex(status(f), ==, 0);
    drive(f);
    g_assert_cmpuint(f->t->starts, ==, 2);
    device_reset(&f->proxy->pci.dev);
    g_assert_cmpuint(f->t->stops, ==, 2);
}

static void test_driver_ok_without_features_is_a_fault(Fixture *f,
                                                       gconstpointer data)
{
    set_status(f, 3);
    set_status(f, 7);
    g_assert_cmphex(status(f), ==, 3 | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmpuint(f->t->starts, ==, 0);
    set_status(f, 0);
    drive(f);
    g_assert_cmpuint(f->t->starts, ==, 1);
}

static void test_failed_start_needs_reset_and_can_be_repeated(
    Fixture *f, gconstpointer data)
{
    enable_msix(f, 4);
    set(f, VIRTIO_PCI_COMMON_MSIX, 0, 2);
    f->t->fail = true;
    drive(f);
    g_assert_cmphex(status(f), ==, READY | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_true(event_notifier_is_set(&f->t->vdev.config_changed));
    f->t->fail = false;
    set_status(f, 0);
    drive(f);
    g_assert_cmphex(status(f), ==, READY);
    g_assert_cmpuint(f->t->starts, ==, 1);
}

static void test_queue_registers(Fixture *f, gconstpointer data)
{
    static const unsigned address[] = { VIRTIO_PCI_COMMON_Q_DESCLO,
                                        VIRTIO_PCI_COMMON_Q_AVAILLO,
                                        VIRTIO_PCI_COMMON_Q_USEDLO };

    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_NUMQ, 2), ==, QUEUES);
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, 64);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_NOFF, 2), ==, 2);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, 0xffff);
    set(f, VIRTIO_PCI_COMMON_Q_SIZE, 16, 2);
    for (unsigned i = 0; i < 3; i++) {
        set(f, address[i], 0x1000 * (i + 1), 4);
        set(f, address[i] + 4, i, 4);
        g_assert_cmphex(get(f, address[i], 4), ==, 0x1000 * (i + 1));
        g_assert_cmphex(get(f, address[i] + 4, 4), ==, i);
    }
    set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 1);
    /* An enabled queue keeps its set-up. */
    set(f, VIRTIO_PCI_COMMON_Q_SIZE, 32, 2);
    set(f, VIRTIO_PCI_COMMON_Q_DESCLO, 0, 4);
    set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 0, 2);
    g_assert_cmpuint(f->t->vdev.queues[2].state.size, ==, 16);
    g_assert_cmphex(f->t->vdev.queues[2].state.desc, ==, 0x1000);
    g_assert_cmphex(f->t->vdev.queues[2].state.driver, ==, 0x100002000);
    g_assert_cmphex(f->t->vdev.queues[2].state.device, ==, 0x200003000);
    g_assert_true(f->t->vdev.queues[2].state.enabled);
    /* A queue that does not exist reads as zero. */
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, QUEUES, 2);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_SIZE, 2), ==, 0);
    set(f, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, 0xffff, 2);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_ENABLE, 2), ==, 0);
}

static void test_queue_size_out_of_rule_is_a_fault(Fixture *f,
                                                   gconstpointer data)
{
    static const uint16_t bad[] = { 0, 3, 65, 128, 0xffff };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        set_status(f, 0);
        set_status(f, 3);
        set(f, VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
        set(f, VIRTIO_PCI_COMMON_Q_SIZE, bad[i], 2);
        g_assert_cmphex(status(f) & VIRTIO_CONFIG_S_NEEDS_RESET, !=, 0);
        g_assert_cmpuint(f->t->vdev.queues[0].state.size, ==, 64);
    }
}

static void test_registers_want_their_width(Fixture *f, gconstpointer data)
{
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, 1, 1);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_SELECT, 2), ==, 0);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_STATUS, 4), ==, 0);
    set(f, VIRTIO_PCI_COMMON_Q_USEDHI + 4, 1, 4);
    set(f, 0xffc, 1, 4);
    g_assert_cmpuint(get(f, 0xffc, 4), ==, 0);
    /* A 64-bit access is its two halves. */
    address_space_write(&f->m->memory, BAR + VIRTIO_PCI_COMMON_Q_DESCLO,
                        UINT64_C(0x1122334455667788), 8);
    g_assert_cmphex(
        address_space_read(&f->m->memory, BAR + VIRTIO_PCI_COMMON_Q_DESCLO, 8),
        ==, UINT64_C(0x1122334455667788));
}

static void test_device_config(Fixture *f, gconstpointer data)
{
    unsigned base = VIRTIO_PCI_DEVICE_OFFSET;

    g_assert_cmphex(get(f, base, 4), ==, 0x04030201);
    g_assert_cmphex(get(f, base + 6, 4), ==, 0x0807);
    g_assert_cmphex(get(f, base + 8, 4), ==, 0);
    set(f, base, 1, 1);
    set(f, base + 8, 1, 4);
    g_assert_cmphex(status(f), ==, 0);
    set_status(f, 3);
    set(f, base, 9, 1);
    g_assert_cmphex(status(f), ==, 3 | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmphex(get(f, base, 1), ==, 1);
}

static void test_msix_is_connected_from_driver_ok_to_reset(Fixture *f,
                                                           gconstpointer data)
{
    VirtQueue *q = &f->t->vdev.queues[1];

    enable_msix(f, 4);
    set(f, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
    set(f, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, 2);
    set(f, VIRTIO_PCI_COMMON_MSIX, 4, 2);
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_MSIX, 2), ==, 0xffff);
    g_assert_cmpuint(fake.n_ioeventfd, ==, 0);
    drive(f);
    g_assert_cmpuint(fake.n_ioeventfd, ==, QUEUES);
    g_assert_cmphex(fake.ioeventfd[1].addr, ==,
                    BAR + VIRTIO_PCI_NOTIFY_OFFSET + 4);
    g_assert_cmpint(fake.ioeventfd[1].fd, ==, q->kick.fd);
    g_assert_nonnull(fake_irqfd_of(q->call.fd));
    g_assert_cmphex(fake_irqfd_of(q->call.fd)->data, ==, 0x32);
    g_assert_null(fake_irqfd_of(f->t->vdev.queues[0].call.fd));
    /* The vector changes while the device runs. */
    set(f, VIRTIO_PCI_COMMON_Q_MSIX, 3, 2);
    g_assert_cmphex(fake_irqfd_of(q->call.fd)->data, ==, 0x33);
    set_status(f, 0);
    g_assert_cmpuint(fake.n_ioeventfd, ==, 0);
    g_assert_null(fake_irqfd_of(q->call.fd));
    g_assert_cmphex(get(f, VIRTIO_PCI_COMMON_Q_MSIX, 2), ==, 0xffff);
}

/* At DRIVER_OK, and after each write to configuration space that opens all. */
static void test_messages_are_prepared_together(Fixture *f, gconstpointer data)
{
    unsigned flags = f->proxy->pci.msix->cap + PCI_MSIX_FLAGS;

    enable_msix(f, 4);
    for (unsigned i = 0; i < QUEUES; i++) {
        set(f, VIRTIO_PCI_COMMON_Q_SELECT, i, 2);
        set(f, VIRTIO_PCI_COMMON_Q_MSIX, i, 2);
    }
    set(f, VIRTIO_PCI_COMMON_MSIX, 3, 2);
    g_assert_cmpuint(fake.n_prepared, ==, 0);
    drive(f);
    g_assert_cmpuint(fake.n_prepared, ==, 1);
    g_assert_cmpuint(fake.last_prepared, ==, QUEUES + 1);
    config_set(f, flags, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
    g_assert_cmpuint(fake.n_prepared, ==, 1);
    config_set(f, flags, PCI_MSIX_FLAGS_ENABLE, 2);
    g_assert_cmpuint(fake.n_prepared, ==, 2);
    g_assert_cmpuint(fake.last_prepared, ==, QUEUES + 1);
    g_assert_nonnull(fake_irqfd_of(f->t->vdev.config_changed.fd));
}

static void test_notify_follows_the_bar(Fixture *f, gconstpointer data)
{
    drive(f);
    config_set(f, PCI_BASE_ADDRESS_4, (uint32_t)BAR + 0x100000, 4);
    g_assert_cmpuint(fake.n_ioeventfd, ==, QUEUES);
    g_assert_cmphex(fake.ioeventfd[0].addr & ~UINT64_C(0xfff), ==,
                    BAR + 0x100000 + VIRTIO_PCI_NOTIFY_OFFSET);
    config_set(f, PCI_COMMAND, 0, 2);
    g_assert_cmpuint(fake.n_ioeventfd, ==, 0);
    config_set(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    g_assert_cmpuint(fake.n_ioeventfd, ==, QUEUES);
}

static void set_command(Fixture *f, unsigned bits)
{
    config_set(f, PCI_COMMAND, PCI_COMMAND_MEMORY | bits, 2);
}

static void test_back_end_runs_while_a_bus_master(Fixture *f,
                                                  gconstpointer data)
{
    drive(f);
    g_assert_cmpuint(f->t->starts, ==, 1);
    set_command(f, 0);
    g_assert_cmpuint(f->t->stops, ==, 1);
    g_assert_cmphex(status(f), ==, READY);
    set_command(f, PCI_COMMAND_INTX_DISABLE);
    g_assert_cmpuint(f->t->starts, ==, 1);
    set_command(f, PCI_COMMAND_MASTER);
    set_command(f, PCI_COMMAND_MASTER);
    g_assert_cmpuint(f->t->starts, ==, 2);
    g_assert_cmpuint(f->t->stops, ==, 1);
    /* A paused machine is not started by it. */
    f->m->run_state = RUN_STATE_PAUSED;
    set_command(f, 0);
    g_assert_cmpuint(f->t->stops, ==, 2);
    set_command(f, PCI_COMMAND_MASTER);
    g_assert_cmpuint(f->t->starts, ==, 2);
}

static void test_driver_may_be_ready_before_a_bus_master(Fixture *f,
                                                         gconstpointer data)
{
    set_command(f, 0);
    drive(f);
    g_assert_cmphex(status(f), ==, READY);
    g_assert_cmpuint(f->t->starts, ==, 0);
    set_command(f, PCI_COMMAND_MASTER);
    g_assert_cmpuint(f->t->starts, ==, 1);
    /* A reset of the driver does not take the bit. */
    set_status(f, 0);
    g_assert_cmpuint(f->t->stops, ==, 1);
    drive(f);
    g_assert_cmpuint(f->t->starts, ==, 2);
    /* One of the machine does. */
    device_reset(&f->proxy->pci.dev);
    g_assert_cmpuint(f->t->stops, ==, 2);
    g_assert_cmphex(config_get(f, PCI_COMMAND, 2), ==, 0);
}

static void test_config_interrupt_waits_for_bus_mastering(Fixture *f,
                                                          gconstpointer data)
{
    VirtIODevice *vdev = &f->t->vdev;

    enable_msix(f, 1);
    set(f, VIRTIO_PCI_COMMON_MSIX, 0, 2);
    drive(f);
    g_assert_nonnull(fake_irqfd_of(vdev->config_changed.fd));
    set_command(f, 0);
    virtio_error(vdev, "of the test");
    g_assert_null(fake_irqfd_of(vdev->config_changed.fd));
    g_assert_true(event_notifier_is_set(&vdev->config_changed));
    set_command(f, PCI_COMMAND_MASTER);
    g_assert_nonnull(fake_irqfd_of(vdev->config_changed.fd));
    g_assert_cmpuint(f->t->starts, ==, 1);
}

static void test_slow_notify_reaches_the_kick(Fixture *f, gconstpointer data)
{
    VirtQueue *q = &f->t->vdev.queues[2];

    set(f, VIRTIO_PCI_NOTIFY_OFFSET + 8, 2, 2);
    g_assert_true(event_notifier_test_and_clear(&q->kick));
    set(f, VIRTIO_PCI_NOTIFY_OFFSET + 4 * QUEUES, 2, 2);
    set(f, VIRTIO_PCI_NOTIFY_OFFSET + 0xffc, 2, 4);
    g_assert_false(event_notifier_test_and_clear(&q->kick));
}

static void test_intx_shows_and_clears_in_isr(Fixture *f, gconstpointer data)
{
    drive(f);
    event_notifier_set(&f->t->vdev.queues[1].call);
    g_main_context_iteration(f->m->context, FALSE);
    g_assert_true(f->intx);
    g_assert_cmphex(get(f, VIRTIO_PCI_ISR_OFFSET, 1), ==, 1);
    g_assert_false(f->intx);
    g_assert_cmphex(get(f, VIRTIO_PCI_ISR_OFFSET, 1), ==, 0);
    event_notifier_set(&f->t->vdev.config_changed);
    g_main_context_iteration(f->m->context, FALSE);
    g_assert_cmphex(get(f, VIRTIO_PCI_ISR_OFFSET, 1), ==, 2);
    /* MSI-X takes over while the device runs. */
    enable_msix(f, 4);
    event_notifier_set(&f->t->vdev.queues[1].call);
    g_main_context_iteration(f->m->context, FALSE);
    g_assert_false(f->intx);
}

static gpointer drive_in_a_vcpu_thread(gpointer opaque)
{
    Fixture *f = opaque;

    machine_lock(f->m);
    drive(f);
    machine_unlock(f->m);
    return NULL;
}

static gpointer read_status_in_a_vcpu_thread(gpointer opaque)
{
    Fixture *f = opaque;
    uint8_t value;

    machine_lock(f->m);
    value = status(f);
    machine_unlock(f->m);
    return GUINT_TO_POINTER(value);
}

/* While the kernel hangs in start() the machine lock is free, and whoever
 * touches the device waits for the end. */
static void test_hung_back_end_leaves_the_machine_lock(Fixture *f,
                                                       gconstpointer data)
{
    EventNotifier hang = EVENT_NOTIFIER_NONE;
    GThread *driver, *reader;

    g_assert_cmpint(event_notifier_init(&hang), ==, 0);
    f->t->hang = &hang;
    driver = g_thread_new("driver", drive_in_a_vcpu_thread, f);
    while (!f->t->vdev.busy) {
        g_cond_wait_until(&f->m->cond, &f->m->lock,
                          g_get_monotonic_time() + 1000);
    }
    reader = g_thread_new("reader", read_status_in_a_vcpu_thread, f);
    machine_unlock(f->m);
    machine_lock(f->m);
    g_assert_true(f->t->vdev.busy);
    g_assert_cmpuint(f->t->starts, ==, 0);
    event_notifier_set(&hang);
    machine_unlock(f->m);
    g_thread_join(driver);
    g_assert_cmphex(GPOINTER_TO_UINT(g_thread_join(reader)), ==, READY);
    machine_lock(f->m);
    g_assert_true(f->t->vdev.started);
    event_notifier_finish(&hang);
}

static unsigned cfg_cap(Fixture *f)
{
    return f->proxy->cfg_cap;
}

static void test_pci_access_capability_reaches_the_registers(Fixture *f,
                                                             gconstpointer data)
{
    unsigned cap = cfg_cap(f);

    config_set(f, cap + VIRTIO_PCI_CAP_BAR, 4, 1);
    config_set(f, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_NUMQ, 4);
    config_set(f, cap + VIRTIO_PCI_CAP_LENGTH, 2, 4);
    g_assert_cmpuint(config_get(f, cap + 16, 2), ==, QUEUES);
    config_set(f, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_Q_SELECT, 4);
    config_set(f, cap + 16, 2, 2);
    g_assert_cmpuint(get(f, VIRTIO_PCI_COMMON_Q_SELECT, 2), ==, 2);
    /* Notify, as firmware does it. */
    config_set(f, cap + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_NOTIFY_OFFSET + 4, 4);
    config_set(f, cap + 16, 1, 2);
    g_assert_true(event_notifier_test_and_clear(&f->t->vdev.queues[1].kick));
    /* Windows that show nothing. */
    config_set(f, cap + VIRTIO_PCI_CAP_LENGTH, 3, 4);
    config_set(f, cap + 16, 1, 2);
    config_set(f, cap + VIRTIO_PCI_CAP_LENGTH, 4, 4);
    config_set(f, cap + VIRTIO_PCI_CAP_OFFSET, 0xfffffffc, 4);
    config_set(f, cap + 16, 1, 4);
    config_set(f, cap + VIRTIO_PCI_CAP_BAR, 1, 1);
    (void)config_get(f, cap + 16, 4);
    g_assert_false(event_notifier_test_and_clear(&f->t->vdev.queues[1].kick));
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtio-pci/capabilities", test_capabilities_describe_the_bar);
    ADD("/virtio-pci/features/halves", test_features_select_halves);
    ADD("/virtio-pci/features/refused", test_features_not_offered_are_refused);
    ADD("/virtio-pci/status/start-stop",
        test_status_starts_and_stops_the_back_end);
    ADD("/virtio-pci/status/no-features",
        test_driver_ok_without_features_is_a_fault);
    ADD("/virtio-pci/status/failed-start",
        test_failed_start_needs_reset_and_can_be_repeated);
    ADD("/virtio-pci/status/hung-back-end",
        test_hung_back_end_leaves_the_machine_lock);
    ADD("/virtio-pci/queue/registers", test_queue_registers);
    ADD("/virtio-pci/queue/size", test_queue_size_out_of_rule_is_a_fault);
    ADD("/virtio-pci/width", test_registers_want_their_width);
    ADD("/virtio-pci/config", test_device_config);
    ADD("/virtio-pci/msix", test_msix_is_connected_from_driver_ok_to_reset);
    ADD("/virtio-pci/prepared", test_messages_are_prepared_together);
    ADD("/virtio-pci/notify/bar", test_notify_follows_the_bar);
    ADD("/virtio-pci/bus-master", test_back_end_runs_while_a_bus_master);
    ADD("/virtio-pci/bus-master-late",
        test_driver_may_be_ready_before_a_bus_master);
    ADD("/virtio-pci/bus-master-config",
        test_config_interrupt_waits_for_bus_mastering);
    ADD("/virtio-pci/notify/slow", test_slow_notify_reaches_the_kick);
    ADD("/virtio-pci/intx", test_intx_shows_and_clears_in_isr);
    ADD("/virtio-pci/pci-access",
        test_pci_access_capability_reaches_the_registers);
    return g_test_run();
}
