/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vhost-scsi.c, the device, shares with vhost-scsi-open.c, which takes
 * possession of the kernel's device. */
#ifndef VHOST_SCSI_INT_H
#define VHOST_SCSI_INT_H

#include "hw/scsi/vhost-scsi.h"

#define VHOST_SCSI_PATH "/dev/vhost-scsi"

static inline VhostScsi *vhost_scsi_from(VirtIODevice *vdev)
{
    return container_of(vdev, VhostScsi, vdev);
}

/* Says which call failed, on which virtqueue, and why (the negative @r), and
 * then @hint unless it is empty. */
void vhost_scsi_call_error(GError **errp, const VhostScsi *s, int r,
                           const char *hint);

/* Another adapter of this machine whose target is the same; NULL if there is
 * none. */
const Device *vhost_scsi_find_adapter(const VhostScsi *s);

/* The descriptor that property vhostfd names, which has proved to be a
 * vhost-scsi device and is ours from here on, or -1 without the property.
 * Machine lock. */
bool vhost_scsi_given_fd(VhostScsi *s, int *ret_fd, GError **errp);

/* Takes @given_fd, or opens the device if that is -1, becomes its owner with
 * the default worker where @plan wants it, and chooses or checks num_queues.
 * May block; needs no lock. */
bool vhost_scsi_open(VhostScsi *s, int given_fd, const VhostWorkerPlan *plan,
                     GError **errp);

#endif
