/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-scsi: a virtio SCSI host adapter (specification 1.2, 5.6) whose
 * requests the host kernel's LIO target serves. This file knows neither PCI nor
 * rings: configuration space, the endpoint, and the worker step.
 *
 * Virtqueue 0 is control, 1 is event, 2 and up are the request queues.
 */
#ifndef HW_SCSI_VHOST_SCSI_H
#define HW_SCSI_VHOST_SCSI_H

#include "hw/virtio/vhost.h"

#define VHOST_SCSI_FIXED_QUEUES  2    /* control and event */
#define VHOST_SCSI_QUEUES_MAX    1024 /* request queues: the kernel's limit */
/* A portal group is a SCSI target (specification 5.6.6.1). */
#define VHOST_SCSI_TPGT_MAX      255
#define VHOST_SCSI_LUN_MAX       16383
#define VHOST_SCSI_RING_SIZE_MIN 4
#define VHOST_SCSI_RING_SIZE_MAX 1024

/* What is to be saved beside VirtIODeviceState. Workers, target and descriptor
 * may differ on restore. */
typedef struct VhostScsiState {
    /* The driver is to be told of events that it missed. Kept over a stop; a
     * driver that begins anew has missed none. */
    uint32_t events_missed;
} VhostScsiState;

typedef struct VhostScsi {
    VirtIODevice vdev;
    VhostScsiState state;
    VhostDev vhost;
    const VhostScsiOps *scsi_ops; /* beside vhost.ops */
    struct vhost_scsi_target target;

    /* properties */
    char *wwpn;
    char *vhostfd;
    uint32_t boot_tpgt; /* PROPERTY_AUTO until realize has chosen */
    uint32_t boot_lun;
    uint32_t num_queues; /* PROPERTY_AUTO until realize has chosen */
    uint32_t virtqueue_size;
    bool seg_max_adjust;
    uint32_t max_sectors;
    uint32_t cmd_per_lun;
    VhostWorkerConfig workers;
    uint64_t pinned_memory_warn; /* bytes; 0: never */
    uint64_t features;           /* that properties ask for */
} VhostScsi;

extern const DeviceType vhost_scsi_type; /* "vhost-scsi", a backend type */

#endif
