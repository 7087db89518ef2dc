/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers=auto for one device: takes samples while there is I/O, and carries
 * out what vhost-auto-policy.h decides. A device without I/O costs nothing: its timer
 * stands, and the first kick starts it. Samples and changes are work of the
 * control thread, since they ask the kernel. Machine lock.
 */
#ifndef HW_VIRTIO_VHOST_AUTO_RUNNER_H
#define HW_VIRTIO_VHOST_AUTO_RUNNER_H

typedef struct VhostAutoRunner VhostAutoRunner;
typedef struct VhostDev VhostDev;

/* Begins for @dev, whose queues all have the default worker. New workers are
 * made as its plan says of that one. Freed by vhost_auto_runner_free(), which takes
 * NULL, before the device goes; not from the main loop while the control thread
 * runs. */
VhostAutoRunner *vhost_auto_runner_new(VhostDev *dev);
void vhost_auto_runner_free(VhostAutoRunner *a);

#endif
