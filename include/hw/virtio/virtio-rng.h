/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entropy device (specification 1.2, 5.4): the guest lends buffers, which
 * are given back with random bytes of the host, max-bytes of them in each period
 * at most.
 */
#ifndef HW_VIRTIO_VIRTIO_RNG_H
#define HW_VIRTIO_VIRTIO_RNG_H

#include "hw/core/device.h"

#define VIRTIO_RNG_QUEUE_SIZE 8
#define VIRTIO_RNG_CHUNK      1024 /* bytes of a buffer that are filled */

extern const DeviceType virtio_rng_type;

#endif
