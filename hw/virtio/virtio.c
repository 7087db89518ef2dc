/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtqueue.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

static void wait_idle(VirtIODevice *vdev)
{
    Machine *m = vdev->dev.machine;

    while (vdev->busy) {
        g_cond_wait(&m->cond, &m->lock);
    }
}

bool virtio_enter(VirtIODevice *vdev)
{
    vdev->users++;
    wait_idle(vdev);
    if (vdev->gone) {
        virtio_leave(vdev);
        return false;
    }
    return true;
}

void virtio_leave(VirtIODevice *vdev)
{
    assert(vdev->users);
    vdev->users--;
    if (vdev->gone && !vdev->users) {
        g_cond_broadcast(&vdev->dev.machine->cond);
    }
}

void virtio_drain(VirtIODevice *vdev)
{
    Machine *m = vdev->dev.machine;

    vdev->gone = true;
    while (vdev->users) {
        g_cond_wait(&m->cond, &m->lock);
    }
}

void virtio_begin_kernel_calls(VirtIODevice *vdev)
{
    wait_idle(vdev);
    vdev->busy = true;
    machine_unlock(vdev->dev.machine);
}

void virtio_end_kernel_calls(VirtIODevice *vdev)
{
    Machine *m = vdev->dev.machine;

    machine_lock(m);
    vdev->busy = false;
    g_cond_broadcast(&m->cond);
    /* Kicks that came meanwhile, and what was there before a start. */
    virtqueue_wake_all(vdev);
}

static bool should_run(const VirtIODevice *vdev)
{
    return vdev->dev.machine->run_state == RUN_STATE_RUNNING && vdev->may_dma &&
           (vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK) &&
           !(vdev->state.status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static bool call_back_end(VirtIODevice *vdev, bool start, GError **errp)
{
    bool ok = true;

    virtio_begin_kernel_calls(vdev);
    if (start && vdev->kind->start) {
        ok = vdev->kind->start(vdev, errp);
    } else if (!start && vdev->kind->stop) {
        vdev->kind->stop(vdev);
    }
    virtio_end_kernel_calls(vdev);
    return ok;
}

/* Brings the back end in line with status and run state. */
static void update_back_end(VirtIODevice *vdev)
{
    g_autoptr(GError) err = NULL;
    bool run;

    wait_idle(vdev);
    run = should_run(vdev);
    if (run == vdev->started) {
        return;
    }
    if (!call_back_end(vdev, run, &err)) {
        virtio_error(vdev, "%s", err->message);
        return;
    }
    vdev->started = run;
    vdev->starts += run;
}

void virtio_set_dma(VirtIODevice *vdev, bool on)
{
    trace(virtio_set_dma, "%s on=%d", device_label(&vdev->dev), on);
    vdev->may_dma = on;
    update_back_end(vdev);
}

static void run_state_changed(void *opaque, bool running)
{
    update_back_end(opaque);
}

void virtio_notify_config(VirtIODevice *vdev)
{
    vdev->state.config_generation++;
    if (vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK) {
        event_notifier_set(&vdev->config_changed);
    }
}

static void set_needs_reset(VirtIODevice *vdev)
{
    vdev->state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    if (vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK) {
        virtio_notify_config(vdev);
    }
}

void virtio_error(VirtIODevice *vdev, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    trace(virtio_error, "%s %s", device_label(&vdev->dev), text);
    if (vdev->errors_logged++ < VIRTIO_ERRORS_LOGGED_MAX) {
        error_report("%s: %s; the device needs a reset by the guest",
                     device_label(&vdev->dev), text);
    }
    set_needs_reset(vdev);
}

void virtio_warn(VirtIODevice *vdev, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (vdev->errors_logged++ < VIRTIO_ERRORS_LOGGED_MAX) {
        va_start(ap, fmt);
        text = g_strdup_vprintf(fmt, ap);
        va_end(ap);
        warn_report("%s: %s", device_label(&vdev->dev), text);
    }
}

void virtio_set_features(VirtIODevice *vdev, uint64_t features)
{
    if (vdev->state.status & VIRTIO_CONFIG_S_FEATURES_OK) {
        return;
    }
    trace(virtio_set_features, "%s features=0x%" PRIx64,
          device_label(&vdev->dev), features);
    vdev->state.guest_features = features;
}

/* Specification 2.2 and 6.3. */
static bool features_acceptable(const VirtIODevice *vdev)
{
    return !(vdev->state.guest_features & ~vdev->host_features) &&
           virtio_has_feature(vdev, VIRTIO_F_VERSION_1);
}

void virtio_set_status(VirtIODevice *vdev, uint8_t status)
{
    uint8_t set = (uint8_t)(status & ~vdev->state.status);

    trace(virtio_set_status, "%s status=0x%02x", device_label(&vdev->dev),
          status);
    if (!status) {
        virtio_reset(vdev);
        return;
    }
    if ((set & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(vdev)) {
        log_item(LOG_GUEST_ERROR, "%s: features 0x%" PRIx64 " are refused",
                 device_label(&vdev->dev), vdev->state.guest_features);
        set &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    }
    if ((set & VIRTIO_CONFIG_S_DRIVER_OK) &&
        !((vdev->state.status | set) & VIRTIO_CONFIG_S_FEATURES_OK)) {
        virtio_error(vdev, "DRIVER_OK without FEATURES_OK");
        return;
    }
    /* The driver clears no bit but by reset, and NEEDS_RESET is ours. */
    vdev->state.status |= (uint8_t)(set & ~VIRTIO_CONFIG_S_NEEDS_RESET);
    if ((set & VIRTIO_CONFIG_S_FEATURES_OK) && vdev->kind->features_ok) {
        vdev->kind->features_ok(vdev);
    }
    if ((set & VIRTIO_CONFIG_S_DRIVER_OK) &&
        (vdev->state.status & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        /* A fault of before: the driver listens only now. */
        set_needs_reset(vdev);
    }
    update_back_end(vdev);
}

static void drop_event(EventNotifier *e)
{
    if (e->fd >= 0) {
        (void)event_notifier_test_and_clear(e);
    }
}

void virtio_reset(VirtIODevice *vdev)
{
    trace(virtio_reset, "%s", device_label(&vdev->dev));
    wait_idle(vdev);
    vdev->state.status = 0;
    update_back_end(vdev);
    vdev->state.guest_features = 0;
    drop_event(&vdev->config_changed);
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        VirtQueue *q = &vdev->queues[i];

        q->state.size = q->max_size;
        q->state.enabled = false;
        q->state.desc = q->state.driver = q->state.device = 0;
        q->state.last_avail = 0;
        drop_event(&q->kick);
        drop_event(&q->call);
    }
    if (vdev->kind->reset) {
        vdev->kind->reset(vdev);
    }
}

void virtio_queue_set_max_size(VirtQueue *q, unsigned size)
{
    assert(is_power_of_2(size) && size <= VIRTQUEUE_SIZE_MAX);
    q->max_size = (uint16_t)size;
    if (!q->state.enabled) {
        q->state.size = q->max_size;
    }
}

void virtio_queue_set_size(VirtIODevice *vdev, VirtQueue *q, uint16_t size)
{
    if (q->state.enabled) {
        return;
    }
    if (!is_power_of_2(size) || size > q->max_size) {
        virtio_error(vdev, "the guest set queue size %u; the limit is %u", size,
                     q->max_size);
        return;
    }
    q->state.size = size;
}

void virtio_queue_enable(VirtIODevice *vdev, VirtQueue *q)
{
    trace(virtio_queue_enable,
          "%s queue=%u size=%u desc=0x%" PRIx64 " driver=0x%" PRIx64
          " device=0x%" PRIx64,
          device_label(&vdev->dev), (unsigned)(q - vdev->queues), q->state.size,
          q->state.desc, q->state.driver, q->state.device);
    if (vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK) {
        log_item(LOG_GUEST_ERROR, "%s: queue enabled after DRIVER_OK",
                 device_label(&vdev->dev));
        return;
    }
    q->state.enabled = true;
}

uint64_t virtio_config_read(VirtIODevice *vdev, unsigned offset, unsigned size)
{
    uint64_t value = 0;

    if (offset < vdev->config_len) {
        memcpy(&value, vdev->state.config + offset,
               MIN(size, vdev->config_len - offset));
    }
    return value;
}

void virtio_config_write(VirtIODevice *vdev, unsigned offset, uint64_t value,
                         unsigned size)
{
    uint8_t data[8];

    memcpy(data, &value, sizeof(data));
    if (!range_within(offset, size, vdev->config_len)) {
        log_item(LOG_GUEST_ERROR,
                 "%s: write of %u bytes at configuration offset %u",
                 device_label(&vdev->dev), size, offset);
        return;
    }
    if (!vdev->kind->set_config(vdev, offset, data, size)) {
        virtio_error(vdev,
                     "the guest wrote 0x%" PRIx64 " to configuration offset "
                     "%u, which the device cannot honour",
                     value, offset);
    }
}

bool virtio_init(VirtIODevice *vdev, const VirtioKind *kind,
                 unsigned config_len, unsigned n_queues, unsigned queue_size,
                 GError **errp)
{
    int r;

    assert(n_queues <= VIRTIO_QUEUES_MAX);
    assert(is_power_of_2(queue_size) && queue_size <= VIRTQUEUE_SIZE_MAX);
    assert(config_len <= VIRTIO_CONFIG_SIZE_MAX);
    vdev->kind = kind;
    vdev->config_len = config_len;
    vdev->n_queues = n_queues;
    vdev->queues = g_new0(VirtQueue, n_queues);
    vdev->config_changed = EVENT_NOTIFIER_NONE;
    for (unsigned i = 0; i < n_queues; i++) {
        vdev->queues[i].max_size = (uint16_t)queue_size;
        vdev->queues[i].state.size = (uint16_t)queue_size;
        vdev->queues[i].kick = EVENT_NOTIFIER_NONE;
        vdev->queues[i].call = EVENT_NOTIFIER_NONE;
    }
    vdev->run_notifier = (RunStateNotifier){ run_state_changed, vdev };
    runstate_add_notifier(vdev->dev.machine, &vdev->run_notifier);

    r = event_notifier_init(&vdev->config_changed);
    for (unsigned i = 0; r == 0 && i < n_queues; i++) {
        r = event_notifier_init(&vdev->queues[i].kick);
        if (r == 0) {
            r = event_notifier_init(&vdev->queues[i].call);
        }
    }
    if (r < 0) {
        error_setg_errno(errp, -r,
                         "%s: cannot open the %u eventfds of %u queues; raise "
                         "the limit of open files (ulimit -n)",
                         device_label(&vdev->dev), 2 * n_queues + 1, n_queues);
        return false;
    }
    return true;
}

void virtio_finish(VirtIODevice *vdev)
{
    if (!vdev->queues) {
        return;
    }
    virtio_reset(vdev);
    runstate_del_notifier(vdev->dev.machine, &vdev->run_notifier);
    event_notifier_finish(&vdev->config_changed);
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        virtqueue_unserve(&vdev->queues[i]);
        event_notifier_finish(&vdev->queues[i].kick);
        event_notifier_finish(&vdev->queues[i].call);
    }
    g_clear_pointer(&vdev->queues, g_free);
    vdev->n_queues = 0;
}
