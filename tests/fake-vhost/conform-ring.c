/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of conform that needs a running ring; see conform.c. */
#include "driver.h"

#include <stdio.h>
#include <string.h>

#include <linux/vhost-worker.h>

void conform_check(bool good, const char *text);
void conform_rings(const char *wwpn, bool workers, bool old);

static const DrvCommand test_unit_ready = { .cdb = { 0x00 } };
static const DrvCommand inquiry = { .cdb = { 0x12, 0, 0, 0, 36 }, .in = 36 };

static const DrvCommand report_luns = { .cdb = { 0xa0, [9] = 16 }, .in = 16 };
static const DrvCommand request_sense = { .cdb = { 0x03, [4] = 18 }, .in = 18 };

/* Answers a command must have, in a line that shows what came. */
static void check(const char *what, const struct virtio_scsi_cmd_resp *r,
                  int response, int status, int key, uint32_t resid)
{
    char text[200];
    bool good = r && r->response == response && r->status == status &&
                r->resid == resid &&
                (status != 2 || (r->sense[2] & 0xf) == key);

    snprintf(text, sizeof(text),
             "%s: response %d status %d sense %x/%02x%02x len %u resid %u",
             what, r ? r->response : -1, r ? r->status : -1,
             r ? r->sense[2] & 0xf : 0, r ? r->sense[12] : 0,
             r ? r->sense[13] : 0, r ? r->sense_len : 0, r ? r->resid : 0);
    conform_check(good, text);
}

static void commands(Drv *d, const char *what)
{
    DrvRing *r = &d->ring[2];
    DrvCommand c;
    char text[100];

    check(what, drv_run(d, r, &test_unit_ready), 0, 0, 0, 0);
    check("INQUIRY", drv_run(d, r, &inquiry), 0, 0, 0, 0);
    snprintf(text, sizeof(text), "used length %u", r->used_len);
    conform_check(r->used_len == 0, text);
    c = inquiry;
    c.in = 96;
    check("INQUIRY into more than it fills", drv_run(d, r, &c), 0, 0, 0, 60);
    c = inquiry;
    c.indirect = true;
    check("INQUIRY, indirect", drv_run(d, r, &c), 0, 0, 0, 0);
    c = (DrvCommand){ .cdb = { 0xc0 } };
    check("unknown command", drv_run(d, r, &c), 0, 2, 5, 0);
    c = (DrvCommand){ .cdb = { 0x28, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 1 },
                      .in = 512 };
    check("READ beyond the end", drv_run(d, r, &c), 0, 2, 5, 0);
    c = (DrvCommand){ .cdb = { 0x28, 0, 0, 0, 0, 0, 0, 0, 2 }, .in = 512 };
    check("READ of more than the buffer", drv_run(d, r, &c), 0, 2, 5, 512);
    c = (DrvCommand){ .cdb = { 0x2a, 0, 0, 0, 0, 0, 0, 0, 1 }, .out = 512 };
    check("WRITE", drv_run(d, r, &c), 0, 0, 0, 0);
    d->lun[1] = 2;
    check("no such tpgt", drv_run(d, r, &test_unit_ready), 3, 0, 0, 0);
    d->lun[1] = 1;
    d->lun[0] = 2;
    check("address without the 1", drv_run(d, r, &test_unit_ready), 3, 0, 0, 0);
    d->lun[0] = 1;
    d->lun[3] = 5;
    check("no such LUN", drv_run(d, r, &test_unit_ready), 0, 2, 5, 0);
    check("INQUIRY of no such LUN", drv_run(d, r, &inquiry), 0, 2, 5, 0);
    check("REPORT LUNS of no such LUN", drv_run(d, r, &report_luns), 0, 2, 5,
          0);
    check("REQUEST SENSE of no such LUN", drv_run(d, r, &request_sense), 0, 2,
          5, 0);
    d->lun[3] = 0;
}

/* A request on the control queue; -1 if none came back, else its first byte. */
static int control(Drv *d, const void *req, uint32_t len, uint32_t in)
{
    DrvRing *r = &d->ring[0];
    uint8_t *slot = drv_slot(r, 0);

    memcpy(slot, req, len);
    memset(slot + DRV_RESP, 0xee, 16);
    r->desc[0] = (struct vring_desc){ drv_gpa(d, slot), len, VRING_DESC_F_NEXT,
                                      1 };
    r->desc[1] = (struct vring_desc){ drv_gpa(d, slot + DRV_RESP), in,
                                      VRING_DESC_F_WRITE, 0 };
    drv_add(d, r, 0);
    return drv_reap(d, r, 5000) < 0 ? -1 : slot[DRV_RESP + in - 1];
}

static void check_control(const char *what, int got, int want)
{
    char text[100];

    snprintf(text, sizeof(text), "%s: %d", what, got);
    conform_check(got == want, text);
}

static void controls(Drv *d, bool old)
{
    struct virtio_scsi_ctrl_tmf_req tmf = { .lun = { 1, 1, 0x40, 0 } };
    struct virtio_scsi_ctrl_an_req an = { .type = VIRTIO_SCSI_T_AN_QUERY,
                                          .lun = { 1, 1, 0x40, 0 } };

    tmf.subtype = VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET;
    check_control("LOGICAL UNIT RESET", control(d, &tmf, sizeof(tmf), 1),
                  VIRTIO_SCSI_S_FUNCTION_SUCCEEDED);
    tmf.lun[3] = 5;
    check_control("LOGICAL UNIT RESET, no such LUN",
                  control(d, &tmf, sizeof(tmf), 1),
                  VIRTIO_SCSI_S_FUNCTION_REJECTED);
    tmf.lun[3] = 0;
    tmf.lun[1] = 2;
    check_control("LOGICAL UNIT RESET, no such tpgt",
                  control(d, &tmf, sizeof(tmf), 1),
                  old ? VIRTIO_SCSI_S_OK : VIRTIO_SCSI_S_BAD_TARGET);
    tmf.lun[1] = 1;
    tmf.subtype = VIRTIO_SCSI_T_TMF_ABORT_TASK;
    check_control("ABORT TASK", control(d, &tmf, sizeof(tmf), 1),
                  VIRTIO_SCSI_S_FUNCTION_REJECTED);
    check_control("AN QUERY", control(d, &an, sizeof(an), 5), 0);
    an.type = VIRTIO_SCSI_T_AN_SUBSCRIBE;
    check_control("AN SUBSCRIBE", control(d, &an, sizeof(an), 5), 0);
    check("after a reset", drv_run(d, &d->ring[2], &test_unit_ready), 0, 2, 6,
          0);
    check("told once", drv_run(d, &d->ring[2], &test_unit_ready), 0, 0, 0, 0);
}

/* A driver's fault: the err eventfd is signalled, nothing comes back. */
static void faults(const char *wwpn)
{
    DrvRing *r;
    Drv d;

    conform_check(drv_open(&d, wwpn, 3, DRV_FEATURES) == 0, "set up");
    conform_check(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT) == 0, "endpoint");
    r = &d.ring[2];
    r->desc[0] = (struct vring_desc){ DRV_GPA, 16, VRING_DESC_F_NEXT, 1 };
    r->desc[1] = (struct vring_desc){ DRV_GPA, 16, VRING_DESC_F_NEXT, 0 };
    drv_add(&d, r, 0);
    conform_check(drv_event(r->err_fd, 5000), "a loop of descriptors: err");
    conform_check(drv_reap(&d, r, 200) == -1, "nothing comes back");
    drv_close(&d);
}

/* What was made available and kicked before the endpoint was set. */
static void early_kick(const char *wwpn, bool kick)
{
    Drv d;

    conform_check(drv_open(&d, wwpn, 3, DRV_FEATURES) == 0, "set up");
    d.ring[2].used->flags = kick ? 0 : VRING_USED_F_NO_NOTIFY;
    drv_send(&d, &d.ring[2], 0, &test_unit_ready);
    conform_check(drv_reap(&d, &d.ring[2], 200) == -1,
                  "no endpoint, no answer");
    conform_check(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT) == 0, "endpoint");
    conform_check((drv_reap(&d, &d.ring[2], 1000) == 0) == false,
                  kick ? "kicked before the endpoint: not served"
                       : "available before the endpoint: not served");
    drv_kick(&d.ring[2]);
    conform_check(drv_reap(&d, &d.ring[2], 5000) == 0, "kicked after: served");
    drv_close(&d);
}

static void moved(const char *wwpn)
{
    struct vhost_worker_state w;
    struct vhost_vring_worker a = { .index = 2 };
    Drv d;

    conform_check(drv_open(&d, wwpn, 3, DRV_FEATURES) == 0, "set up");
    conform_check(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT) == 0, "endpoint");
    conform_check(drv_ioctl(&d, VHOST_NEW_WORKER, &w) == 0, "new worker");
    a.worker_id = w.worker_id;
    conform_check(drv_ioctl(&d, VHOST_ATTACH_VRING_WORKER, &a) == 0, "attach");
    check("on the new worker", drv_run(&d, &d.ring[2], &test_unit_ready), 0, 0,
          0, 0);
    conform_check(drv_endpoint(&d, VHOST_SCSI_CLEAR_ENDPOINT) == 0, "clear");
    drv_close(&d);
}

void conform_rings(const char *wwpn, bool workers, bool old)
{
    static const struct {
        const char *name;
        uint64_t features;
    } kinds[] = {
        { "plain", DRV_FEATURES },
        { "event index", DRV_FEATURES | 1ull << VIRTIO_RING_F_EVENT_IDX },
        { "protection", DRV_FEATURES | 1ull << VIRTIO_SCSI_F_T10_PI },
    };
    Drv d;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        conform_check(drv_open(&d, wwpn, 3, kinds[i].features) == 0, "set up");
        conform_check(drv_endpoint(&d, VHOST_SCSI_SET_ENDPOINT) == 0,
                      "endpoint");
        commands(&d, kinds[i].name);
        controls(&d, old);
        drv_close(&d);
    }
    faults(wwpn);
    early_kick(wwpn, true);
    early_kick(wwpn, false);
    if (workers) {
        moved(wwpn);
    }
}
