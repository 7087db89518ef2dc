/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio-scsi host adapter (specification 1.2, 5.6) and its commands.
 *
 *     QVirtioSCSI *scsi = qvirtio_scsi_new(&bus, alloc, QVIRTIO_MSIX);
 *     QSCSILun disk = { .target = 1, .lun = 0 };
 *     QSCSIResult r;
 *
 *     qscsi_read10(scsi, 0, disk, 0, 8, 512, data); queue 0: asserts GOOD
 *     qvirtio_scsi_command(scsi, 0, disk, &cmd, &r); anything else
 *     qvirtio_scsi_free(scsi);
 *
 * Many commands in flight: qvirtio_scsi_submit() for each, then
 * qvirtio_scsi_complete(); @queue counts request queues from 0 (virtqueue
 * @queue + 2). Commands that may fail return a QSCSIResult for the test to
 * look at; scsi.h has commands by name on top of these.
 */
#ifndef TESTS_LIBQOS_VIRTIO_SCSI_H
#define TESTS_LIBQOS_VIRTIO_SCSI_H

#include "libqos/virtio.h"

#include <linux/virtio_scsi.h>

#define QVIRTIO_SCSI_CONTROL  0
#define QVIRTIO_SCSI_EVENT    1
#define QVIRTIO_SCSI_REQUEST  2 /* the first of the request queues */
#define QVIRTIO_SCSI_EVENTS   8 /* buffers in the event queue */
#define QVIRTIO_SCSI_SEGS_MAX 16

#define QSCSI_CDB_MAX   32
#define QSCSI_SENSE_MAX 96

typedef struct QSCSILun {
    uint8_t target;
    uint16_t lun; /* below 16384 */
} QSCSILun;

/* A command. Data goes one way, or none. */
typedef struct QSCSICommand {
    uint8_t cdb[QSCSI_CDB_MAX];
    const void *out; /* borrowed until it is submitted; NULL: none */
    size_t out_len;
    size_t in_len;
    unsigned segments; /* pieces the data is cut into; 0 is 1 */
    bool indirect;     /* descriptors in a table of their own */
} QSCSICommand;

typedef struct QSCSIResult {
    uint8_t response; /* VIRTIO_SCSI_S_*; nothing below is valid but with OK */
    uint8_t status;   /* of SAM: 0 GOOD, 2 CHECK CONDITION ... */
    uint32_t resid;
    uint32_t sense_len;
    uint8_t sense[QSCSI_SENSE_MAX];
    /* Decoded of a fixed or descriptor format sense (SPC-4, 4.5). */
    uint8_t sense_key, asc, ascq;
    uint8_t *data;   /* what the device has written; in_len bytes; owned */
    size_t data_len; /* in_len - resid */
} QSCSIResult;

typedef struct QVirtioSCSIRequest QVirtioSCSIRequest; /* one in flight */

typedef struct QVirtioSCSI {
    QVirtioDevice dev;
    QPCIDevice *pci;                  /* owned */
    struct virtio_scsi_config config; /* in the host's byte order */
    GPtrArray *in_flight;             /* QVirtioSCSIRequest, owned */
    uint64_t next_tag;
    uint64_t events; /* the event buffers; 0: none were given */
    uint16_t event_heads[QVIRTIO_SCSI_EVENTS];
} QVirtioSCSI;

/* Enables the adapter @pci, which it takes, and reads its configuration; no
 * driver runs yet. */
QVirtioSCSI *qvirtio_scsi_attach(QPCIDevice *pci, QGuestAllocator *alloc);
/* From reset to before DRIVER_OK: @features of those it offers, all queues,
 * vectors. */
void qvirtio_scsi_prepare(QVirtioSCSI *scsi, QVirtioMode mode,
                          uint64_t features);
/* Finds the adapter, enables it and takes it to DRIVER_OK with all queues and
 * with @features of those it offers. */
QVirtioSCSI *qvirtio_scsi_new_features(QPCIBus *bus, QGuestAllocator *alloc,
                                       QVirtioMode mode, uint64_t features);
/* The same with indirect descriptors, event idx and hotplug events. */
QVirtioSCSI *qvirtio_scsi_new(QPCIBus *bus, QGuestAllocator *alloc,
                              QVirtioMode mode);
/* Resets the device. Takes NULL. */
void qvirtio_scsi_free(QVirtioSCSI *scsi);

/* --- commands --- */

/* Puts the command on the ring; the device does not see it before
 * qvirtio_scsi_kick(). Valid until qvirtio_scsi_complete(). */
QVirtioSCSIRequest *qvirtio_scsi_submit(QVirtioSCSI *scsi, unsigned queue,
                                        QSCSILun lun, const QSCSICommand *cmd);
void qvirtio_scsi_kick(QVirtioSCSI *scsi, unsigned queue);

/* Whether the device is through with it; takes what its queue has used. */
bool qvirtio_scsi_done(QVirtioSCSI *scsi, QVirtioSCSIRequest *req);

/* Waits for it and frees it; the test frees @r by qscsi_result_clear(). */
void qvirtio_scsi_complete(QVirtioSCSI *scsi, QVirtioSCSIRequest *req,
                           QSCSIResult *r);

/* The three in one. */
void qvirtio_scsi_command(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
                          const QSCSICommand *cmd, QSCSIResult *r);
void qscsi_result_clear(QSCSIResult *r);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QSCSIResult, qscsi_result_clear)

/* --- control and event queue --- */

/* A task management function VIRTIO_SCSI_T_TMF_*; returns its response. */
uint8_t qvirtio_scsi_tmf(QVirtioSCSI *scsi, uint32_t subtype, QSCSILun lun,
                         uint64_t tag);
/* The tag of a request in flight, for qvirtio_scsi_tmf(). */
uint64_t qvirtio_scsi_tag(const QVirtioSCSIRequest *req);

/* Gives the device QVIRTIO_SCSI_EVENTS buffers. */
void qvirtio_scsi_arm_events(QVirtioSCSI *scsi);
/* Waits for an event, and gives its buffer back to the device. */
void qvirtio_scsi_wait_event(QVirtioSCSI *scsi, struct virtio_scsi_event *ret);

#endif
