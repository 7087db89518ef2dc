/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What any virtio device does whose queues the kernel's vhost serves, whatever
 * its kind: taking possession of the kernel's device, offering features, start
 * and stop, and telling guest and QMP what has failed. The device itself is one
 * file with a VirtioKind, a VhostKind and a VhostDev for each of the kernel's
 * devices that serve its queues:
 *
 *     instance_init   vhost_dev_init()
 *     realize         vhost_device_open()
 *                     virtio_init(), vhost_dev_serve(), vhost_device_offer()
 *                     vhost_workers_set_up()
 *                     vhost_device_attend()
 *     VirtioKind      .start = vhost_device_start, .stop = vhost_device_stop
 *     unrealize       vhost_device_finish()
 *
 * Machine lock, but for what says otherwise.
 */
#ifndef HW_VIRTIO_VHOST_DEVICE_H
#define HW_VIRTIO_VHOST_DEVICE_H

#include "hw/virtio/vhost.h"

/*
 * Takes the descriptor that property vhostfd names, or opens kind->path if
 * @vhostfd is NULL, and becomes the owner, with the default worker where
 * @config (borrowed for good) wants it. Releases the lock while it asks the
 * kernel.
 */
bool vhost_device_open(VhostDev *dev, const VhostWorkerConfig *config,
                       const char *vhostfd, GError **errp);

/* The same with the descriptor @fd, which it takes in any case; messages call it
 * @what. */
bool vhost_device_open_fd(VhostDev *dev, const VhostWorkerConfig *config,
                          int fd, const char *what, GError **errp);

/*
 * Of the features @wanted those that the kernel has, and VIRTIO_F_VERSION_1,
 * for vdev->host_features; bits for legacy drivers are left out. Fails if the
 * kernel lacks VERSION_1 or one that is wanted and in @demanded, by the name of
 * its property: what is off by default was asked for.
 */
bool vhost_device_offer(const VhostDev *dev, uint64_t wanted,
                        const VirtioBitName *demanded, uint64_t *ret_offered,
                        GError **errp);

/* The last step: listens to what the kernel says of rings that it cannot make
 * sense of, and to the load if workers=auto. */
void vhost_device_attend(VhostDev *dev);

/* What VirtioKind asks for, for all VhostDevs of @vdev; a failure to start is
 * told as event VHOST_DEVICE_FAILED. Without the machine lock. */
bool vhost_device_start(VirtIODevice *vdev, GError **errp);
void vhost_device_stop(VirtIODevice *vdev);

/* The same for the last step of a start and the first of a stop alone, of a
 * device that is started: the kernel leaves its rings, and goes on in them where
 * it was. If the kernel cannot go on, errp says why. */
void vhost_device_pause(VirtIODevice *vdev);
bool vhost_device_resume(VirtIODevice *vdev, GError **errp);

/* Undoes all steps, virtio_init() too, whichever were made. Releases the lock
 * while it waits for commands in flight and for the workers. */
void vhost_device_finish(VirtIODevice *vdev);

/* {"device", "qom-path"}, by which QMP names the device. The caller owns it. */
json_object *vhost_device_names(const VhostDev *dev);

/* Says which call failed, on which virtqueue, and why (the negative @r), and
 * what to do if that is known. Any thread. */
void vhost_device_call_error(GError **errp, const VhostDev *dev, int r);

/* What to do about dev->failed_call, which answered the negative @r: begins with
 * "; ", or is empty. The caller frees it. */
char *vhost_device_hint(const VhostDev *dev, int r);

#endif
