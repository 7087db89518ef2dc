/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/malloc.h"
#include "libqos/virtio-scsi.h"

static_assert(sizeof(struct virtio_scsi_cmd_req) == 51, "virtio 1.2, 5.6.6.1");
static_assert(sizeof(struct virtio_scsi_cmd_resp) == 108,
              "virtio 1.2, 5.6.6.1");

/* A request's block in guest RAM: request, response, and data on a page of its
 * own, so that it can be cut anywhere. */
#define REQUEST_OFFSET  0u
#define RESPONSE_OFFSET 1024u
#define DATA_OFFSET     4096u

struct QVirtioSCSIRequest {
    uint16_t queue; /* virtqueue */
    uint16_t head;
    uint64_t tag;
    uint64_t memory;
    size_t in_len;
    bool done;
    uint32_t written; /* valid once done */
};

/* 5.6.6.1: byte 0 is 1, byte 1 the target, then a flat LUN. */
static void encode_lun(uint8_t *bytes, QSCSILun lun)
{
    memset(bytes, 0, 8);
    g_assert_cmpuint(lun.lun, <, 16384);
    bytes[0] = 1;
    bytes[1] = lun.target;
    bytes[2] = (uint8_t)(lun.lun >> 8 | 0x40);
    bytes[3] = (uint8_t)lun.lun;
}

/* --- life --- */

static void read_config(QVirtioSCSI *scsi)
{
    struct virtio_scsi_config c;

    qvirtio_pci_read_config(&scsi->dev.regs, 0, &c, sizeof(c));
    scsi->config = (struct virtio_scsi_config){
        .num_queues = GUINT32_FROM_LE(c.num_queues),
        .seg_max = GUINT32_FROM_LE(c.seg_max),
        .max_sectors = GUINT32_FROM_LE(c.max_sectors),
        .cmd_per_lun = GUINT32_FROM_LE(c.cmd_per_lun),
        .event_info_size = GUINT32_FROM_LE(c.event_info_size),
        .sense_size = GUINT32_FROM_LE(c.sense_size),
        .cdb_size = GUINT32_FROM_LE(c.cdb_size),
        .max_channel = GUINT16_FROM_LE(c.max_channel),
        .max_target = GUINT16_FROM_LE(c.max_target),
        .max_lun = GUINT32_FROM_LE(c.max_lun),
    };
}

QVirtioSCSI *qvirtio_scsi_attach(QPCIDevice *pci, QGuestAllocator *alloc)
{
    QVirtioSCSI *scsi = g_new0(QVirtioSCSI, 1);

    scsi->pci = pci;
    scsi->in_flight = g_ptr_array_new_with_free_func(g_free);
    qpci_device_enable(pci);
    qvirtio_init(&scsi->dev, pci, alloc);
    read_config(scsi);
    return scsi;
}

void qvirtio_scsi_prepare(QVirtioSCSI *scsi, QVirtioMode mode,
                          uint64_t features)
{
    qvirtio_init(&scsi->dev, scsi->pci, scsi->dev.alloc);
    qvirtio_negotiate(&scsi->dev, features);
    /* 5.6.4: these two after reset. */
    g_assert_cmpuint(scsi->config.sense_size, ==, QSCSI_SENSE_MAX);
    g_assert_cmpuint(scsi->config.cdb_size, ==, QSCSI_CDB_MAX);
    qvirtio_setup_queues(
        &scsi->dev, (uint16_t)(scsi->config.num_queues + QVIRTIO_SCSI_REQUEST),
        mode);
}

QVirtioSCSI *qvirtio_scsi_new_features(QPCIBus *bus, QGuestAllocator *alloc,
                                       QVirtioMode mode, uint64_t features)
{
    QVirtioSCSI *scsi = qvirtio_scsi_attach(
        qvirtio_pci_find(bus, VIRTIO_ID_SCSI), alloc);

    qvirtio_scsi_prepare(scsi, mode, features);
    qvirtio_set_driver_ok(&scsi->dev);
    return scsi;
}

QVirtioSCSI *qvirtio_scsi_new(QPCIBus *bus, QGuestAllocator *alloc,
                              QVirtioMode mode)
{
    return qvirtio_scsi_new_features(bus, alloc, mode,
                                     QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
                                         QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
                                         QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG));
}

void qvirtio_scsi_free(QVirtioSCSI *scsi)
{
    if (!scsi) {
        return;
    }
    qvirtio_finish(&scsi->dev);
    for (unsigned i = 0; i < scsi->in_flight->len; i++) {
        const QVirtioSCSIRequest *req = g_ptr_array_index(scsi->in_flight, i);

        guest_free(scsi->dev.alloc, req->memory);
    }
    g_ptr_array_unref(scsi->in_flight);
    if (scsi->events) {
        guest_free(scsi->dev.alloc, scsi->events);
    }
    qpci_device_free(scsi->pci);
    g_free(scsi);
}

/* --- commands --- */

static void write_request(QVirtioSCSI *scsi, QVirtioSCSIRequest *req,
                          QSCSILun lun, const QSCSICommand *cmd)
{
    struct virtio_scsi_cmd_req header = {
        .tag = GUINT64_TO_LE(req->tag),
        .task_attr = VIRTIO_SCSI_S_SIMPLE,
    };

    encode_lun(header.lun, lun);
    memcpy(header.cdb, cmd->cdb, QSCSI_CDB_MAX);
    qtest_memwrite(scsi->dev.qts, req->memory + REQUEST_OFFSET, &header,
                   sizeof(header));
    if (cmd->out_len) {
        qtest_memwrite(scsi->dev.qts, req->memory + DATA_OFFSET, cmd->out,
                       cmd->out_len);
    }
}

/* Appends the data to @bufs in @segments pieces; returns how many. */
static unsigned cut_data(QVirtBuf *bufs, uint64_t addr, size_t len,
                         unsigned segments, bool device_writes)
{
    size_t piece = len / segments;

    for (unsigned i = 0; i < segments; i++) {
        bool last = i + 1 == segments;

        bufs[i] = (QVirtBuf){
            .addr = addr + i * piece,
            .len = (uint32_t)(last ? len - i * piece : piece),
            .device_writes = device_writes,
        };
    }
    return segments;
}

QVirtioSCSIRequest *qvirtio_scsi_submit(QVirtioSCSI *scsi, unsigned queue,
                                        QSCSILun lun, const QSCSICommand *cmd)
{
    QVirtioSCSIRequest *req = g_new0(QVirtioSCSIRequest, 1);
    QVirtBuf bufs[2 + QVIRTIO_SCSI_SEGS_MAX];
    unsigned segments = MAX(cmd->segments, 1);
    unsigned n = 0;

    g_assert_cmpuint(queue, <, scsi->config.num_queues);
    g_assert_cmpuint(segments, <=, QVIRTIO_SCSI_SEGS_MAX);
    g_assert_true(!cmd->out_len || !cmd->in_len);
    req->queue = (uint16_t)(queue + QVIRTIO_SCSI_REQUEST);
    req->tag = ++scsi->next_tag;
    req->in_len = cmd->in_len;
    req->memory = guest_alloc(scsi->dev.alloc,
                              DATA_OFFSET + cmd->out_len + cmd->in_len);
    write_request(scsi, req, lun, cmd);

    bufs[n++] = (QVirtBuf){ req->memory + REQUEST_OFFSET,
                            sizeof(struct virtio_scsi_cmd_req), false };
    if (cmd->out_len) {
        n += cut_data(bufs + n, req->memory + DATA_OFFSET, cmd->out_len,
                      segments, false);
    }
    bufs[n++] = (QVirtBuf){ req->memory + RESPONSE_OFFSET,
                            sizeof(struct virtio_scsi_cmd_resp), true };
    if (cmd->in_len) {
        n += cut_data(bufs + n, req->memory + DATA_OFFSET, cmd->in_len,
                      segments, true);
    }
    req->head = qvring_add(scsi->dev.queues[req->queue], bufs, n,
                           cmd->indirect);
    g_ptr_array_add(scsi->in_flight, req);
    return req;
}

void qvirtio_scsi_kick(QVirtioSCSI *scsi, unsigned queue)
{
    (void)qvirtio_kick(&scsi->dev, (uint16_t)(queue + QVIRTIO_SCSI_REQUEST));
}

static QVirtioSCSIRequest *find_request(QVirtioSCSI *scsi, uint16_t queue,
                                        uint16_t head)
{
    for (unsigned i = 0; i < scsi->in_flight->len; i++) {
        QVirtioSCSIRequest *req = g_ptr_array_index(scsi->in_flight, i);

        if (req->queue == queue && req->head == head && !req->done) {
            return req;
        }
    }
    qtest_fail(scsi->dev.qts, "queue %u: no request with head %u", queue, head);
}

bool qvirtio_scsi_done(QVirtioSCSI *scsi, QVirtioSCSIRequest *req)
{
    QVirtUsed used;

    while (!req->done && qvirtio_get_used(&scsi->dev, req->queue, &used)) {
        QVirtioSCSIRequest *other = find_request(scsi, req->queue, used.head);

        other->done = true;
        other->written = used.len;
    }
    return req->done;
}

/* SPC-4, 4.5: response codes 70h and 71h are fixed format, 72h and 73h
 * descriptor format. */
static void decode_sense(QSCSIResult *r)
{
    uint8_t code = r->sense[0] & 0x7f;
    bool descriptor = code == 0x72 || code == 0x73;

    if (descriptor && r->sense_len >= 4) {
        r->sense_key = r->sense[1] & 0xf;
        r->asc = r->sense[2];
        r->ascq = r->sense[3];
    } else if ((code == 0x70 || code == 0x71) && r->sense_len >= 14) {
        r->sense_key = r->sense[2] & 0xf;
        r->asc = r->sense[12];
        r->ascq = r->sense[13];
    }
}

void qvirtio_scsi_complete(QVirtioSCSI *scsi, QVirtioSCSIRequest *req,
                           QSCSIResult *r)
{
    struct virtio_scsi_cmd_resp resp;
    QTestPoll poll = { 0 };

    while (!qvirtio_scsi_done(scsi, req)) {
        qtest_poll(scsi->dev.qts, &poll, "end of the SCSI command");
    }
    qtest_memread(scsi->dev.qts, req->memory + RESPONSE_OFFSET, &resp,
                  sizeof(resp));
    *r = (QSCSIResult){
        .response = resp.response,
        .status = resp.status,
        .resid = GUINT32_FROM_LE(resp.resid),
        .sense_len = GUINT32_FROM_LE(resp.sense_len),
    };
    g_assert_cmpuint(r->sense_len, <=, QSCSI_SENSE_MAX);
    memcpy(r->sense, resp.sense, r->sense_len);
    decode_sense(r);
    if (req->in_len) {
        r->data = g_malloc(req->in_len);
        r->data_len = req->in_len - MIN(r->resid, req->in_len);
        qtest_memread(scsi->dev.qts, req->memory + DATA_OFFSET, r->data,
                      req->in_len);
    }
    guest_free(scsi->dev.alloc, req->memory);
    g_ptr_array_remove(scsi->in_flight, req);
}

void qvirtio_scsi_command(QVirtioSCSI *scsi, unsigned queue, QSCSILun lun,
                          const QSCSICommand *cmd, QSCSIResult *r)
{
    QVirtioSCSIRequest *req = qvirtio_scsi_submit(scsi, queue, lun, cmd);

    qvirtio_scsi_kick(scsi, queue);
    qvirtio_scsi_complete(scsi, req, r);
}

void qscsi_result_clear(QSCSIResult *r)
{
    g_clear_pointer(&r->data, g_free);
}

uint64_t qvirtio_scsi_tag(const QVirtioSCSIRequest *req)
{
    return req->tag;
}

/* --- control and event queue --- */

uint8_t qvirtio_scsi_tmf(QVirtioSCSI *scsi, uint32_t subtype, QSCSILun lun,
                         uint64_t tag)
{
    QVirtioDevice *dev = &scsi->dev;
    struct virtio_scsi_ctrl_tmf_req req = {
        .type = GUINT32_TO_LE(VIRTIO_SCSI_T_TMF),
        .subtype = GUINT32_TO_LE(subtype),
        .tag = GUINT64_TO_LE(tag),
    };
    uint64_t memory = guest_alloc(dev->alloc, RESPONSE_OFFSET + 1);
    QVirtBuf bufs[] = { { memory, sizeof(req), false },
                        { memory + RESPONSE_OFFSET, 1, true } };
    QVirtUsed used;
    uint16_t head;
    uint8_t response;

    encode_lun(req.lun, lun);
    qtest_memwrite(dev->qts, memory, &req, sizeof(req));
    /* No response is 0xff, so that one that was not written is seen. */
    qtest_writeb(dev->qts, memory + RESPONSE_OFFSET, 0xff);
    head = qvring_add(dev->queues[QVIRTIO_SCSI_CONTROL], bufs,
                      G_N_ELEMENTS(bufs), false);
    (void)qvirtio_kick(dev, QVIRTIO_SCSI_CONTROL);
    qvirtio_wait_used(dev, QVIRTIO_SCSI_CONTROL, &used);
    g_assert_cmpuint(used.head, ==, head);
    response = qtest_readb(dev->qts, memory + RESPONSE_OFFSET);
    guest_free(dev->alloc, memory);
    return response;
}

static uint64_t event_buffer(const QVirtioSCSI *scsi, unsigned i)
{
    return scsi->events + i * sizeof(struct virtio_scsi_event);
}

static void give_event(QVirtioSCSI *scsi, unsigned i)
{
    QVirtBuf buf = { event_buffer(scsi, i), sizeof(struct virtio_scsi_event),
                     true };

    scsi->event_heads[i] = qvring_add(scsi->dev.queues[QVIRTIO_SCSI_EVENT],
                                      &buf, 1, false);
}

void qvirtio_scsi_arm_events(QVirtioSCSI *scsi)
{
    g_assert_cmphex(scsi->events, ==, 0);
    scsi->events = guest_alloc(scsi->dev.alloc,
                               QVIRTIO_SCSI_EVENTS *
                                   sizeof(struct virtio_scsi_event));
    for (unsigned i = 0; i < QVIRTIO_SCSI_EVENTS; i++) {
        give_event(scsi, i);
    }
    (void)qvirtio_kick(&scsi->dev, QVIRTIO_SCSI_EVENT);
}

void qvirtio_scsi_wait_event(QVirtioSCSI *scsi, struct virtio_scsi_event *ret)
{
    QVirtUsed used;
    unsigned i = 0;

    qvirtio_wait_used(&scsi->dev, QVIRTIO_SCSI_EVENT, &used);
    while (scsi->event_heads[i] != used.head) {
        i++;
        g_assert_cmpuint(i, <, QVIRTIO_SCSI_EVENTS);
    }
    qtest_memread(scsi->dev.qts, event_buffer(scsi, i), ret, sizeof(*ret));
    ret->event = GUINT32_FROM_LE(ret->event);
    ret->reason = GUINT32_FROM_LE(ret->reason);
    give_event(scsi, i);
    (void)qvirtio_kick(&scsi->dev, QVIRTIO_SCSI_EVENT);
}
