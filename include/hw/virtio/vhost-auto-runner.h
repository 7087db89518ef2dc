/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers=auto for one device: takes samples while there is I/O, and carries
 * out what vhost-auto-policy.h decides. A device without I/O costs nothing: its timer
 * stands, and the first kick starts it. Samples and changes are work of the
 * control thread, since they ask the kernel. Machine lock.
 */
#ifndef HW_VIRTIO_VHOST_AUTO_RUNNER_H
#define HW_VIRTIO_VHOST_AUTO_RUNNER_H

#include "hw/virtio/vhost-worker.h"

typedef struct VhostWorkerAuto VhostWorkerAuto;

/* Begins for @vdev, whose queues all have the default worker. New workers are
 * made as @spec says (borrowed). Freed by vhost_worker_auto_free(), which takes
 * NULL, before the device goes; not from the main loop while the control thread
 * runs. */
VhostWorkerAuto *vhost_worker_auto_new(VirtIODevice *vdev,
                                       const VhostWorkerSpec *spec);
void vhost_worker_auto_free(VhostWorkerAuto *a);

#endif
