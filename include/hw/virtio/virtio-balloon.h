/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory balloon (specification 1.2, 5.5): the guest gives pages to the host
 * and takes them back. QMP's "balloon" says how much it is to keep; what it has
 * given is config.actual. With free-page-reporting=on it also says which of its
 * pages are free, and with a polling interval it tells figures about its memory.
 *
 * A page that was given is dropped from our mapping of RAM, no more: it is still
 * RAM, of zeros that the host makes when they are touched. vhost's memory table
 * stays as it is. A request that the kernel has in flight holds the pages that it
 * reads or writes, which live until it is done, so that a guest which gives such
 * a page loses its own data and harms nobody.
 */
#ifndef HW_VIRTIO_VIRTIO_BALLOON_H
#define HW_VIRTIO_VIRTIO_BALLOON_H

#include "hw/core/device.h"

#define VIRTIO_BALLOON_QUEUE_SIZE 128
/* Pages that one buffer may name; more is a fault. */
#define VIRTIO_BALLOON_PFNS_MAX   1024
/* Bytes of free pages that are dropped for one buffer. */
#define VIRTIO_BALLOON_REPORT_MAX (256 * MiB)

extern const DeviceType virtio_balloon_type;

/* QMP commands: {"value"}; {}. */
json_object *qmp_balloon(Machine *machine, json_object *args, GError **errp);
json_object *qmp_query_balloon(Machine *machine, json_object *args,
                               GError **errp);

#endif
