/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the three kinds of virtio-scsi queue carry (virtio 1.2, 5.6.6): control
 * requests, events, commands.
 */
#include "fake.h"

#include <linux/virtio_scsi.h>

/* The target a LUN address names, as an index; -1: none (virtio 1.2, 5.6.6.1).
 * Takes fake.lock. */
static int nexus_of(const FakeDevice *dev, const uint8_t *lun)
{
    int i = -1;

    pthread_mutex_lock(&fake.lock);
    if (lun[0] == 1 && lun[1] == FAKE_VHOST_TPGT) {
        i = target_find(dev->endpoint);
        i = i >= 0 && fake.target_up[i] ? i : -1;
    }
    pthread_mutex_unlock(&fake.lock);
    return i;
}

static unsigned lun_of(const uint8_t *lun)
{
    return (lun[2] << 8 | lun[3]) & 0x3fff;
}

static FakeLun *find_lun(unsigned number)
{
    FakeLun *lun = NULL;

    pthread_mutex_lock(&fake.lock);
    if (number < FAKE_LUNS_MAX && fake.luns[number].present) {
        lun = &fake.luns[number];
    }
    pthread_mutex_unlock(&fake.lock);
    return lun;
}

/* --- commands --- */

/* The request's head, of either kind; false if the driver made it too short. */
static bool read_head(const FakeCommand *c, ScsiTask *t, uint8_t *lun,
                      uint8_t *cdb)
{
    struct virtio_scsi_cmd_req_pi pi;
    struct virtio_scsi_cmd_req req;
    bool with_pi = c->vq->dev->features >> VIRTIO_SCSI_F_T10_PI & 1;
    uint64_t pi_out = 0, pi_in = 0;

    t->out_offset = with_pi ? sizeof(pi) : sizeof(req);
    t->in_offset = sizeof(struct virtio_scsi_cmd_resp);
    if (c->out_len < t->out_offset || c->in_len < t->in_offset) {
        return false;
    }
    if (with_pi) {
        if (command_read(c, 0, &pi, sizeof(pi)) < 0) {
            return false;
        }
        memcpy(lun, pi.lun, 8);
        memcpy(cdb, pi.cdb, VIRTIO_SCSI_CDB_DEFAULT_SIZE);
        pi_out = pi.pi_bytesout;
        pi_in = pi.pi_bytesin;
    } else {
        if (command_read(c, 0, &req, sizeof(req)) < 0) {
            return false;
        }
        memcpy(lun, req.lun, 8);
        memcpy(cdb, req.cdb, VIRTIO_SCSI_CDB_DEFAULT_SIZE);
    }
    if (pi_out > c->out_len - t->out_offset ||
        pi_in > c->in_len - t->in_offset) {
        return false;
    }
    t->out_offset += pi_out;
    t->in_offset += pi_in;
    t->out_len = c->out_len - t->out_offset;
    t->in_len = c->in_len - t->in_offset;
    return true;
}

/*
 * What the driver's buffer and the command differ by; nothing is said of a
 * command that failed before it was looked at so far.
 */
static uint32_t residual(const ScsiTask *t)
{
    uint64_t buffer = t->in_len ? t->in_len : t->out_len;
    uint64_t moved = t->status ? t->wanted : t->done;

    if (t->status && !t->wanted) {
        return 0;
    }
    return buffer > moved ? buffer - moved : moved - buffer;
}

/* Runs the command and writes its response; not yet in the used ring. */
static bool run_command(FakeCommand *c)
{
    struct virtio_scsi_cmd_resp resp = { 0 };
    uint8_t lun[8], cdb[VIRTIO_SCSI_CDB_DEFAULT_SIZE];
    ScsiTask t = { .command = c, .cdb = cdb };

    if (!read_head(c, &t, lun, cdb)) {
        return false;
    }
    t.nexus = nexus_of(c->vq->dev, lun);
    if (t.nexus < 0) {
        resp.response = VIRTIO_SCSI_S_BAD_TARGET;
    } else {
        t.lun_number = lun_of(lun);
        t.lun = find_lun(t.lun_number);
        scsi_execute(&t);
        resp.resid = residual(&t);
        resp.status = t.status;
        resp.sense_len = t.sense_len;
        memcpy(resp.sense, t.sense, t.sense_len);
    }
    return command_write(c, 0, &resp, sizeof(resp)) == sizeof(resp);
}

static FakeServed serve_command(FakeQueue *vq, FakeCommand *c)
{
    if (!run_command(c)) {
        return SERVED_BAD;
    }
    queue_complete_or_hold(vq, c);
    return SERVED;
}

/* --- control --- */

static uint8_t task_management(const FakeDevice *dev,
                               const struct virtio_scsi_ctrl_tmf_req *req)
{
    FakeLun *lun;

    if (req->subtype != VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET) {
        return VIRTIO_SCSI_S_FUNCTION_REJECTED;
    }
    if (nexus_of(dev, req->lun) < 0) {
        return fake.kernel < 605 ? VIRTIO_SCSI_S_OK : VIRTIO_SCSI_S_BAD_TARGET;
    }
    lun = find_lun(lun_of(req->lun));
    if (!lun) {
        return VIRTIO_SCSI_S_FUNCTION_REJECTED;
    }
    lun_reset(lun);
    return VIRTIO_SCSI_S_FUNCTION_SUCCEEDED;
}

static FakeServed serve_control(FakeQueue *vq, FakeCommand *c)
{
    struct virtio_scsi_ctrl_tmf_req tmf;
    struct virtio_scsi_ctrl_an_resp an = { 0 };
    uint8_t response;
    uint32_t type;

    if (command_read(c, 0, &type, sizeof(type)) != sizeof(type)) {
        return SERVED_BAD;
    }
    switch (type) {
    case VIRTIO_SCSI_T_TMF:
        if (command_read(c, 0, &tmf, sizeof(tmf)) != sizeof(tmf)) {
            return SERVED_BAD;
        }
        response = task_management(vq->dev, &tmf);
        if (command_write(c, 0, &response, 1) != 1) {
            return SERVED_BAD;
        }
        break;
    case VIRTIO_SCSI_T_AN_QUERY:
    case VIRTIO_SCSI_T_AN_SUBSCRIBE:
        if (command_write(c, 0, &an, sizeof(an)) != sizeof(an)) {
            return SERVED_BAD;
        }
        break;
    default:
        return SERVED_BAD;
    }
    queue_complete(vq, c);
    return SERVED;
}

/* --- events --- */

static void send_event(FakeDevice *dev, unsigned lun, bool came)
{
    FakeQueue *vq = &dev->queue[FAKE_QUEUE_EVENT];
    struct virtio_scsi_event e = {
        .event = VIRTIO_SCSI_T_TRANSPORT_RESET,
        .reason = came ? VIRTIO_SCSI_EVT_RESET_RESCAN
                       : VIRTIO_SCSI_EVT_RESET_REMOVED,
        .lun = { 1, FAKE_VHOST_TPGT, lun >= 256 ? lun >> 8 | 0x40 : 0, lun },
    };
    FakeCommand *c = NULL;

    if (!vq->running) {
        return; /* without an endpoint nobody is told, nor misses it */
    }
    if (ring_pop(vq, &c) != 1) {
        dev->events_missed = true;
        return;
    }
    if (dev->events_missed) {
        e.event |= VIRTIO_SCSI_T_EVENTS_MISSED;
        dev->events_missed = false;
    }
    if (command_write(c, 0, &e, sizeof(e)) == sizeof(e)) {
        vq->requests++;
        ring_push(vq, c);
        ring_signal(vq);
    } else {
        ring_error(vq);
        dev->events_missed = true;
    }
    free(c);
}

void queue_lun_event(unsigned lun, bool came)
{
    FakeDevice **list;
    unsigned n;

    /* A device that is closed meanwhile lasts until we are done with it. */
    list = devices_hold(&n);
    for (unsigned i = 0; i < n; i++) {
        FakeQueue *vq = &list[i]->queue[FAKE_QUEUE_EVENT];

        pthread_mutex_lock(&vq->lock);
        if (list[i]->kind == &fake_scsi &&
            list[i]->features >> VIRTIO_SCSI_F_HOTPLUG & 1) {
            send_event(list[i], lun, came);
        }
        pthread_mutex_unlock(&vq->lock);
    }
    devices_release(list, n);
}

/* --- the service of a queue --- */

/* The event queue's buffers wait for events. */
static void serve_event_queue(FakeQueue *vq)
{
    if (vq->dev->events_missed && vq->running && vq->mapped) {
        FakeCommand *c;
        struct virtio_scsi_event e = { .event = VIRTIO_SCSI_T_NO_EVENT |
                                                VIRTIO_SCSI_T_EVENTS_MISSED };

        if (ring_pop(vq, &c) != 1) {
            return;
        }
        vq->dev->events_missed = false;
        command_write(c, 0, &e, sizeof(e));
        c->written = 0;
        ring_push(vq, c);
        ring_signal(vq);
        free(c);
    }
}

void scsi_service(FakeQueue *vq)
{
    if (vq->index == FAKE_QUEUE_EVENT) {
        serve_event_queue(vq);
    } else {
        queue_serve_all(vq, vq->index == FAKE_QUEUE_CONTROL ? serve_control
                                                            : serve_command);
    }
}
