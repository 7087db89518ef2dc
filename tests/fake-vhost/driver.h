/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small virtio-scsi driver on top of /dev/vhost-scsi, real or fake: memory,
 * split rings, SCSI commands. Its rings serve other devices of vhost as well. Plain C, so that it can be linked statically and
 * run where nothing else is. For tests: what cannot be (no memory, no eventfd)
 * ends the program by an assertion.
 *
 * Every command has a slot: four descriptors and 32 KiB of guest memory of its
 * own. Slots of a ring are DRV_SLOTS.
 */
#ifndef TESTS_FAKE_VHOST_DRIVER_H
#define TESTS_FAKE_VHOST_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vhost.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_scsi.h>

#define DRV_RINGS_MAX 8
#define DRV_SLOTS     16
#define DRV_NUM       (4 * DRV_SLOTS) /* descriptors of a ring */
#define DRV_SLOT_SIZE 0x8000
#define DRV_DATA      0x1000 /* where the data are in a slot */
#define DRV_DATA_MAX  (DRV_SLOT_SIZE - DRV_DATA)
#define DRV_GPA       0x10000000ull /* guest address of the memory */

/* Offsets of a slot's other parts. */
#define DRV_REQ      0x000
#define DRV_RESP     0x100
#define DRV_INDIRECT 0x200

#define DRV_FEATURES                                    \
    (1ull << 32 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | \
     1ull << VIRTIO_SCSI_F_HOTPLUG)

typedef struct DrvRing {
    unsigned index;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint8_t *slots; /* DRV_SLOTS * DRV_SLOT_SIZE bytes */
    int kick_fd, call_fd, err_fd;
    uint16_t avail_idx, used_seen;
    uint32_t used_len; /* of the last one that came back */
} DrvRing;

typedef struct Drv {
    int fd;
    unsigned n_rings; /* with control and event */
    uint64_t features;
    uint8_t *mem;
    DrvRing ring[DRV_RINGS_MAX];
    uint8_t lun[8];
    char wwpn[224];
} Drv;

typedef struct DrvCommand {
    uint8_t cdb[32];
    uint32_t in, out; /* bytes of data, one of them 0 */
    bool indirect;
} DrvCommand;

/* Opens, owns and sets up the device, rings 0..@n_rings - 1, no endpoint. The
 * errno of what failed, or 0. */
int drv_open(Drv *d, const char *wwpn, unsigned n_rings, uint64_t features);
/* The same of the device at @path, which may be of another kind. */
int drv_open_path(Drv *d, const char *path, unsigned n_rings,
                  uint64_t features);
void drv_close(Drv *d);
/* The rings of a device that is open and owned; the errno, or 0. */
int drv_setup(Drv *d);
/* An ioctl: 0 or errno. */
int drv_ioctl(Drv *d, unsigned long request, const void *arg);
int drv_endpoint(Drv *d, unsigned long request);

uint8_t *drv_slot(const DrvRing *r, unsigned slot);
uint64_t drv_gpa(const Drv *d, const void *p);
/* Makes descriptor @head available, and kicks if the device wants it. */
void drv_add(Drv *d, DrvRing *r, uint16_t head);
void drv_kick(DrvRing *r);
/* Puts a command into a slot without waiting. Data stand in the slot. */
void drv_send(Drv *d, DrvRing *r, unsigned slot, const DrvCommand *c);
/* The head of the next one that was used, or -1 after @ms milliseconds. */
int drv_reap(Drv *d, DrvRing *r, int ms);
const struct virtio_scsi_cmd_resp *drv_resp(const DrvRing *r, unsigned slot);
/* drv_send() in slot 0 and drv_reap(): its response, NULL if none came. */
const struct virtio_scsi_cmd_resp *drv_run(Drv *d, DrvRing *r,
                                           const DrvCommand *c);
/* Whether an eventfd becomes readable within @ms; it is read. */
bool drv_event(int fd, int ms);

#endif
