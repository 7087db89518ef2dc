/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio device of the test, behind the real virtio-pci, whose back end only
 * counts, fails or hangs as it is told. */
#ifndef TEST_VIRTIO_H
#define TEST_VIRTIO_H

#include "hw/virtio/virtio-pci.h"
#include "util/error.h"

#include <poll.h>

#define TEST_VIRTIO_QUEUES   3
#define TEST_VIRTIO_FEATURES (UINT64_C(1) << VIRTIO_F_VERSION_1 | 2)

typedef struct TestVirtio {
    VirtIODevice vdev;
    unsigned starts, stops;
    bool fail;
    EventNotifier *hang; /* start() waits for it; NULL: it does not */
} TestVirtio;

static inline TestVirtio *test_virtio_from(VirtIODevice *vdev)
{
    return container_of(vdev, TestVirtio, vdev);
}

static inline bool test_virtio_set_config(VirtIODevice *vdev, unsigned offset,
                                          const uint8_t *data, unsigned len)
{
    return data[0] == vdev->state.config[offset];
}

static inline bool test_virtio_start(VirtIODevice *vdev, GError **errp)
{
    EventNotifier *hang = test_virtio_from(vdev)->hang;

    while (hang && !event_notifier_test_and_clear(hang)) {
        poll(&(struct pollfd){ .fd = hang->fd, .events = POLLIN }, 1, -1);
    }
    if (test_virtio_from(vdev)->fail) {
        error_setg(errp, "told to fail");
        return false;
    }
    test_virtio_from(vdev)->starts++;
    return true;
}

static inline void test_virtio_stop(VirtIODevice *vdev)
{
    test_virtio_from(vdev)->stops++;
}

static const VirtioKind test_virtio_kind = {
    .name = "virtio-scsi",
    .device_id = 8,
    .pci_class = 0x0100,
    .set_config = test_virtio_set_config,
    .start = test_virtio_start,
    .stop = test_virtio_stop,
};

static inline bool test_virtio_realize(Device *dev, GError **errp)
{
    VirtIODevice *vdev = virtio_device_from(dev);

    if (!virtio_init(vdev, &test_virtio_kind, 8, TEST_VIRTIO_QUEUES, 64,
                     errp)) {
        return false;
    }
    vdev->host_features = TEST_VIRTIO_FEATURES;
    memcpy(vdev->state.config, "\1\2\3\4\5\6\7\10", 8);
    return true;
}

static inline void test_virtio_unrealize(Device *dev)
{
    virtio_finish(virtio_device_from(dev));
}

static const DeviceType test_virtio_type = {
    .name = "test-virtio",
    .bus = BUS_VIRTIO,
    .size = sizeof(TestVirtio),
    .realize = test_virtio_realize,
    .unrealize = test_virtio_unrealize,
};

static const DeviceType test_virtio_pci_type = {
    .name = "test-virtio-pci",
    .bus = BUS_PCI,
    .size = sizeof(VirtIOPCIProxy),
    .props = virtio_pci_props,
    .bus_props = pci_bus_props,
    .backend = &test_virtio_type,
    .realize = virtio_pci_realize,
    .unrealize = virtio_pci_unrealize,
    .reset = virtio_pci_reset,
};

#endif
