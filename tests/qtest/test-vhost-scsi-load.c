/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-scsi under load: all queues, full rings, indexes that wrap, indirect
 * tables at their limit, resets with commands in flight, thousands of starts.
 * Data are compared wherever there are any.
 *
 * QTEST_CYCLES in the environment is how many starts and stops are done, fewer
 * in a build that is slow.
 */
#include "vhost-machine.h"

#define BLOCK     FAKE_MACHINE_BLOCK
#define INDIRECT  QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT_IDX QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX)

static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };

/* Blocks that name themselves: their address and a seed in every word. */
static void fill_blocks(uint8_t *data, uint32_t lba, unsigned blocks,
                        uint32_t seed)
{
    for (unsigned i = 0; i < blocks * BLOCK; i += 8) {
        uint32_t words[2] = { lba + i / BLOCK, seed + i };

        memcpy(data + i, words, sizeof(words));
    }
}

static void write_block(QVirtioSCSI *scsi, unsigned queue, uint32_t lba,
                        uint32_t seed)
{
    uint8_t data[BLOCK];

    fill_blocks(data, lba, 1, seed);
    qscsi_write10(scsi, queue, disk, lba, 1, BLOCK, data);
}

static void assert_block(QVirtioSCSI *scsi, unsigned queue, uint32_t lba,
                         uint32_t seed)
{
    uint8_t data[BLOCK], expected[BLOCK];

    fill_blocks(expected, lba, 1, seed);
    qscsi_read10(scsi, queue, disk, lba, 1, BLOCK, data);
    g_assert_cmpmem(data, BLOCK, expected, BLOCK);
}

/* --- all queues --- */

static const unsigned queue_counts[] = { 1, 4, 16, 128 };

/* Request queues that have carried a write and a read, by one look at all. */
static unsigned queues_that_worked(VhostMachine *m)
{
    const GPtrArray *lines;
    unsigned n = 0;

    fake_ok(m->fm.fake, "stats");
    lines = fake_lines(m->fm.fake);
    for (unsigned i = 0; i < lines->len; i++) {
        unsigned queue, worker, requests;

        n += sscanf(g_ptr_array_index(lines, i),
                    "dev=1 queue=%u worker=%u requests=%u", &queue, &worker,
                    &requests) == 3 &&
             queue >= QVIRTIO_SCSI_REQUEST && requests >= 2;
    }
    return n;
}

static void run_queues(gconstpointer data, QVirtioMode mode)
{
    const unsigned queues = *(const unsigned *)data;
    g_autofree char *options = g_strdup_printf("num_queues=%u", queues);
    VhostMachine m;
    QVirtioSCSI *scsi;

    vhost_machine_start(&m, options, NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, mode,
                              INDIRECT | EVENT_IDX);
    g_assert_cmpuint(scsi->config.num_queues, ==, queues);
    qscsi_wait_ready(scsi, 0, disk);
    for (unsigned q = 0; q < queues; q++) {
        write_block(scsi, q, q, 7);
    }
    for (unsigned q = 0; q < queues; q++) {
        assert_block(scsi, q, (q + 1) % queues, 7);
    }
    g_assert_cmpuint(queues_that_worked(&m), ==, queues);
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

static void test_all_queues_carry_data_by_msix(gconstpointer data)
{
    run_queues(data, QVIRTIO_MSIX);
}

static void test_all_queues_carry_data_by_intx(gconstpointer data)
{
    run_queues(data, QVIRTIO_INTX);
}

/* --- a full ring, again and again --- */

#define SLOTS         128u
#define REQUEST_BYTES 64u
#define ANSWER_BYTES  128u
#define TABLE_BYTES   64u

/* Each slot of the ring has one request, whose indirect table, header and
 * response lie at fixed places: a round is a few writes of many bytes. */
typedef struct Batch {
    VhostMachine m;
    QVirtioSCSI *scsi;
    QVirtQueue *q;
    uint64_t requests, answers, data, tables[2]; /* to write, to read */
    uint16_t idx;
    uint8_t *bytes; /* of the data */
} Batch;

static struct vring_desc desc(uint64_t addr, uint32_t len, bool last,
                              uint16_t flags, uint16_t next)
{
    return (struct vring_desc){
        .addr = addr,
        .len = len,
        .flags = (uint16_t)(flags | (last ? 0 : VRING_DESC_F_NEXT)),
        .next = last ? 0 : next,
    };
}

static void write_tables(Batch *b)
{
    const uint32_t request = sizeof(struct virtio_scsi_cmd_req);
    const uint32_t answer = sizeof(struct virtio_scsi_cmd_resp);

    for (unsigned i = 0; i < SLOTS; i++) {
        uint64_t req = b->requests + i * REQUEST_BYTES;
        uint64_t resp = b->answers + i * ANSWER_BYTES;
        uint64_t data = b->data + i * BLOCK;
        struct vring_desc out[] = {
            desc(req, request, false, 0, 1),
            desc(data, BLOCK, false, 0, 2),
            desc(resp, answer, true, VRING_DESC_F_WRITE, 0),
        };
        struct vring_desc in[] = {
            desc(req, request, false, 0, 1),
            desc(resp, answer, false, VRING_DESC_F_WRITE, 2),
            desc(data, BLOCK, true, VRING_DESC_F_WRITE, 0),
        };

        qtest_memwrite(b->m.fm.qts, b->tables[0] + i * TABLE_BYTES, out,
                       sizeof(out));
        qtest_memwrite(b->m.fm.qts, b->tables[1] + i * TABLE_BYTES, in,
                       sizeof(in));
        qtest_writew(b->m.fm.qts,
                     b->q->avail + offsetof(struct vring_avail, ring) + 2 * i,
                     (uint16_t)i);
    }
}

static void batch_start(Batch *b, uint64_t features)
{
    vhost_machine_start(&b->m, "num_queues=1", NULL, NULL);
    b->scsi = vhost_machine_scsi(&b->m, VHOST_MACHINE_SLOT, QVIRTIO_POLL,
                                 features);
    b->q = b->scsi->dev.queues[QVIRTIO_SCSI_REQUEST];
    g_assert_cmpuint(b->q->size, ==, SLOTS);
    b->requests = guest_alloc(b->m.fm.alloc, SLOTS * REQUEST_BYTES);
    b->answers = guest_alloc(b->m.fm.alloc, SLOTS * ANSWER_BYTES);
    b->data = guest_alloc(b->m.fm.alloc, SLOTS * BLOCK);
    b->tables[0] = guest_alloc(b->m.fm.alloc, SLOTS * TABLE_BYTES);
    b->tables[1] = guest_alloc(b->m.fm.alloc, SLOTS * TABLE_BYTES);
    b->bytes = g_malloc(SLOTS * BLOCK);
    b->idx = 0;
    write_tables(b);
}

static void batch_stop(Batch *b)
{
    qvirtio_scsi_free(b->scsi);
    guest_free(b->m.fm.alloc, b->requests);
    guest_free(b->m.fm.alloc, b->answers);
    guest_free(b->m.fm.alloc, b->data);
    guest_free(b->m.fm.alloc, b->tables[0]);
    guest_free(b->m.fm.alloc, b->tables[1]);
    g_free(b->bytes);
    vhost_machine_stop(&b->m);
}

/* A WRITE or READ (10) of one block in each slot. */
static void write_requests(Batch *b, bool read)
{
    uint8_t requests[SLOTS * REQUEST_BYTES] = { 0 };
    struct vring_desc ring[SLOTS];

    for (unsigned i = 0; i < SLOTS; i++) {
        struct virtio_scsi_cmd_req r = {
            .lun = { 1, FAKE_VHOST_TPGT, 0x40, 0 },
            .tag = b->idx + i,
            .cdb = { read ? 0x28 : 0x2a, 0, 0, 0, 0, (uint8_t)i, 0, 0, 1 },
        };

        memcpy(requests + i * REQUEST_BYTES, &r, sizeof(r));
        ring[i] = desc(b->tables[read] + i * TABLE_BYTES,
                       3 * sizeof(struct vring_desc), true,
                       VRING_DESC_F_INDIRECT, 0);
    }
    qtest_memwrite(b->m.fm.qts, b->requests, requests, sizeof(requests));
    qtest_memwrite(b->m.fm.qts, b->q->desc, ring, sizeof(ring));
}

static void check_round(Batch *b)
{
    uint8_t answers[SLOTS * ANSWER_BYTES], seen[SLOTS] = { 0 };
    struct vring_used_elem used[SLOTS];

    qtest_memread(b->m.fm.qts, b->answers, answers, sizeof(answers));
    qtest_memread(b->m.fm.qts, b->q->used + offsetof(struct vring_used, ring),
                  used, sizeof(used));
    for (unsigned i = 0; i < SLOTS; i++) {
        struct virtio_scsi_cmd_resp r;

        memcpy(&r, answers + i * ANSWER_BYTES, sizeof(r));
        g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_OK);
        g_assert_cmpuint(r.status, ==, QSCSI_GOOD);
        g_assert_cmpuint(r.resid, ==, 0);
        g_assert_cmpuint(used[i].id, <, SLOTS);
        g_assert_cmpuint(seen[used[i].id]++, ==, 0);
    }
}

/* Makes what stands in the slots available once more. */
static void run_round(Batch *b)
{
    const uint64_t used_idx = b->q->used + offsetof(struct vring_used, idx);
    QTestPoll poll = { 0 };

    /* A response of zeros would be one of success. */
    qtest_memset(b->m.fm.qts, b->answers, 0xff, SLOTS * ANSWER_BYTES);
    b->idx = (uint16_t)(b->idx + SLOTS);
    qtest_writew(b->m.fm.qts, b->q->avail + offsetof(struct vring_avail, idx),
                 b->idx);
    qvirtio_notify(&b->scsi->dev, QVIRTIO_SCSI_REQUEST);
    while (qtest_readw(b->m.fm.qts, used_idx) != b->idx) {
        qtest_poll(b->m.fm.qts, &poll, "end of the round");
    }
    check_round(b);
}

static void test_ring_index_wraps_around(gconstpointer data)
{
    enum {
        ROUNDS = 55,
        READS = 9 /* of a round, after its write; 70,400 requests in all */
    };
    g_autofree uint8_t *in = g_malloc(SLOTS * BLOCK);
    Batch b;

    batch_start(&b, INDIRECT | *(const uint64_t *)data);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        fill_blocks(b.bytes, 0, SLOTS, round);
        qtest_memwrite(b.m.fm.qts, b.data, b.bytes, SLOTS * BLOCK);
        write_requests(&b, false);
        run_round(&b);
        write_requests(&b, true);
        for (unsigned i = 0; i < READS; i++) {
            qtest_memset(b.m.fm.qts, b.data, 0xee, SLOTS * BLOCK);
            run_round(&b);
        }
        qtest_memread(b.m.fm.qts, b.data, in, SLOTS * BLOCK);
        g_assert_cmpmem(in, SLOTS * BLOCK, b.bytes, SLOTS * BLOCK);
    }
    g_assert_cmpint(fake_stat(b.m.fm.fake, 1, QVIRTIO_SCSI_REQUEST, "requests"),
                    ==, ROUNDS * (1 + READS) * SLOTS);
    g_assert_cmpint(fake_stat(b.m.fm.fake, 1, QVIRTIO_SCSI_REQUEST, "errors"),
                    ==, 0);
    batch_stop(&b);
}

/* --- indirect tables at their limit --- */

/* 2.7.5.3.1: as many descriptors as the ring has. Two of them are the header
 * and the response. */
static void test_longest_indirect_table(gconstpointer data)
{
    const unsigned size = *(const unsigned *)data, segments = size - 2;
    g_autofree char *options = g_strdup_printf("num_queues=1,virtqueue_size=%u",
                                               size);
    g_autofree QVirtBuf *bufs = g_new0(QVirtBuf, size);
    g_autofree uint8_t *out = g_malloc(segments * BLOCK);
    struct virtio_scsi_cmd_req req = { .lun = { 1, FAKE_VHOST_TPGT, 0x40, 0 },
                                       .cdb = { 0x2a } };
    VhostMachine m;
    QVirtioSCSI *scsi;
    QVirtUsed used;
    uint64_t memory;

    vhost_machine_start(&m, options, NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_MSIX, INDIRECT);
    qscsi_wait_ready(scsi, 0, disk);
    memory = guest_alloc(m.fm.alloc, 4096 + segments * BLOCK);
    fill_blocks(out, 0, segments, 3);
    req.cdb[7] = (uint8_t)(segments >> 8);
    req.cdb[8] = (uint8_t)segments;
    qtest_memwrite(m.fm.qts, memory, &req, sizeof(req));
    qtest_memwrite(m.fm.qts, memory + 4096, out, segments * BLOCK);
    qtest_writeb(m.fm.qts, memory + 1024, 0xff);
    bufs[0] = (QVirtBuf){ memory, sizeof(req), false };
    for (unsigned i = 0; i < segments; i++) {
        bufs[1 + i] = (QVirtBuf){ memory + 4096 + i * BLOCK, BLOCK, false };
    }
    bufs[size - 1] = (QVirtBuf){ memory + 1024,
                                 sizeof(struct virtio_scsi_cmd_resp), true };
    (void)qvring_add(scsi->dev.queues[QVIRTIO_SCSI_REQUEST], bufs, size, true);
    (void)qvirtio_kick(&scsi->dev, QVIRTIO_SCSI_REQUEST);
    qvirtio_wait_used(&scsi->dev, QVIRTIO_SCSI_REQUEST, &used);
    g_assert_cmpuint(
        qtest_readb(m.fm.qts,
                    memory + 1024 +
                        offsetof(struct virtio_scsi_cmd_resp, response)),
        ==, VIRTIO_SCSI_S_OK);
    for (unsigned i = 0; i < segments; i += 1 + segments / 4) {
        uint8_t block[BLOCK];

        qscsi_read10(scsi, 0, disk, i, 1, BLOCK, block);
        g_assert_cmpmem(block, BLOCK, out + i * BLOCK, BLOCK);
    }
    guest_free(m.fm.alloc, memory);
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

/* --- resets --- */

/* What was written stays, whatever was under way; the device starts again. */
static void test_reset_under_load_keeps_data(void)
{
    enum {
        QUEUES = 4,
        DEPTH = 16,
        ROUNDS = 20
    };
    uint8_t block[BLOCK];
    VhostMachine m;

    vhost_machine_start(&m, "num_queues=4,worker_per_virtqueue=on", NULL, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        QVirtioSCSI *scsi = vhost_machine_scsi(
            &m, VHOST_MACHINE_SLOT, QVIRTIO_MSIX, INDIRECT | EVENT_IDX);

        qscsi_wait_ready(scsi, 0, disk);
        for (unsigned q = 0; round && q < QUEUES; q++) {
            assert_block(scsi, q, 1000 + q, round - 1);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            write_block(scsi, q, 1000 + q, round);
        }
        for (unsigned n = 0; n < QUEUES * DEPTH; n++) {
            QSCSICommand cmd = qscsi_cdb_write10(n, 1, BLOCK, block);

            fill_blocks(block, n, 1, round);
            (void)qvirtio_scsi_submit(scsi, n % QUEUES, disk, &cmd);
        }
        for (unsigned q = 0; q < QUEUES; q++) {
            qvirtio_scsi_kick(scsi, q);
        }
        qvirtio_scsi_free(scsi); /* resets the device */
    }
    g_assert_cmpint(fake_count(m.fm.fake, "SCSI_CLEAR_ENDPOINT"), ==,
                    ROUNDS + 1);
    vhost_machine_stop(&m);
}

/* The reset waits for commands that the backstore holds; then it is done. */
static void test_reset_waits_for_held_commands(void)
{
    QSCSICommand cmd = qscsi_cdb_read10(0, 1, BLOCK);
    g_autofree char *line = NULL, *answer = NULL;
    VhostMachine m;
    QVirtioSCSI *scsi;
    const QVirtioRegion *common;

    vhost_machine_start(&m, "num_queues=2", NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_POLL, 0);
    common = &scsi->dev.regs.common;
    qscsi_wait_ready(scsi, 0, disk);
    fake_ok(m.fm.fake, "hold");
    for (unsigned i = 0; i < 8; i++) {
        (void)qvirtio_scsi_submit(scsi, i % 2, disk, &cmd);
    }
    qvirtio_scsi_kick(scsi, 0);
    qvirtio_scsi_kick(scsi, 1);
    fake_ok(m.fm.fake, "wait held 8");
    line = g_strdup_printf("writeb 0x%" PRIx64 " 0\n",
                           scsi->pci->bars[common->bar].addr + common->offset +
                               VIRTIO_PCI_COMMON_STATUS);
    qtest_send_raw(m.fm.qts, line, strlen(line));
    fake_ok(m.fm.fake, "unhold");
    answer = qtest_recv_line(m.fm.qts);
    g_assert_cmpstr(answer, ==, "OK");
    g_assert_cmphex(qvirtio_pci_get_status(&scsi->dev.regs), ==, 0);
    qvirtio_scsi_free(scsi);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_POLL, 0);
    qscsi_wait_ready(scsi, 1, disk);
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

/* --- thousands of starts --- */

/* What a process has; memory in KiB. */
typedef struct Usage {
    unsigned fds, threads;
    uint64_t rss;
} Usage;

static unsigned count_entries(const char *path)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &err);
    unsigned n = 0;

    g_assert_no_error(err);
    while (g_dir_read_name(dir)) {
        n++;
    }
    return n;
}

static Usage usage_of(pid_t pid)
{
    g_autofree char *fds = g_strdup_printf("/proc/%d/fd", (int)pid);
    g_autofree char *tasks = g_strdup_printf("/proc/%d/task", (int)pid);
    g_autofree char *status = g_strdup_printf("/proc/%d/status", (int)pid);
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    const char *rss;

    (void)g_file_get_contents(status, &text, NULL, &err);
    g_assert_no_error(err);
    rss = strstr(text, "VmRSS:");
    g_assert_nonnull(rss);
    return (Usage){
        .fds = count_entries(fds),
        .threads = count_entries(tasks),
        .rss = g_ascii_strtoull(rss + strlen("VmRSS:"), NULL, 10),
    };
}

/* Appends a write; each is one line and one answer. */
static void add_write(GString *s, const QVirtioPCI *v, unsigned reg,
                      unsigned width, uint32_t value)
{
    uint64_t at = v->pci->bars[v->common.bar].addr + v->common.offset + reg;

    g_string_append_printf(s, "write%c 0x%" PRIx64 " 0x%x\n",
                           width == 1   ? 'b'
                           : width == 2 ? 'w'
                                        : 'l',
                           at, value);
}

/* From reset to DRIVER_OK with three queues, in one piece. */
static char *start_script(const QVirtioSCSI *scsi)
{
    const QVirtioPCI *v = &scsi->dev.regs;
    GString *s = g_string_new(NULL);

    add_write(s, v, VIRTIO_PCI_COMMON_STATUS, 1, 0);
    add_write(s, v, VIRTIO_PCI_COMMON_STATUS, 1, 3);
    add_write(s, v, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
    add_write(s, v, VIRTIO_PCI_COMMON_GF, 4, 1);
    add_write(s, v, VIRTIO_PCI_COMMON_STATUS, 1, 11);
    for (unsigned i = 0; i < scsi->dev.n_queues; i++) {
        const QVirtQueue *q = scsi->dev.queues[i];

        add_write(s, v, VIRTIO_PCI_COMMON_Q_SELECT, 2, i);
        add_write(s, v, VIRTIO_PCI_COMMON_Q_MSIX, 2, i);
        add_write(s, v, VIRTIO_PCI_COMMON_Q_DESCLO, 4, (uint32_t)q->desc);
        add_write(s, v, VIRTIO_PCI_COMMON_Q_AVAILLO, 4, (uint32_t)q->avail);
        add_write(s, v, VIRTIO_PCI_COMMON_Q_USEDLO, 4, (uint32_t)q->used);
        add_write(s, v, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    }
    add_write(s, v, VIRTIO_PCI_COMMON_STATUS, 1, 15);
    return g_string_free(s, false);
}

static void run_cycles(VhostMachine *m, QVirtioSCSI *scsi, const char *script,
                       unsigned n)
{
    unsigned lines = count_text(script, "\n");

    for (unsigned i = 0; i < n; i++) {
        qtest_send_raw(m->fm.qts, script, strlen(script));
        for (unsigned line = 0; line < lines; line++) {
            g_autofree char *answer = qtest_recv_line(m->fm.qts);

            g_assert_cmpstr(answer, ==, "OK");
        }
        g_assert_cmphex(qvirtio_pci_get_status(&scsi->dev.regs), ==, 15);
    }
    fake_ok(m->fm.fake, "reset"); /* of its records, which would grow */
}

static bool is_sanitized(void)
{
    return !g_str_equal(g_getenv("QTEST_SANITIZE"), "none");
}

static void test_starts_and_stops_leave_nothing_behind(void)
{
    const unsigned total = (unsigned)g_ascii_strtoull(g_getenv("QTEST_CYCLES"),
                                                      NULL, 10);
    const unsigned part = total / 10;
    g_autofree char *script = NULL;
    VhostMachine m;
    QVirtioSCSI *scsi;
    Usage before, after;

    vhost_machine_start(&m, "num_queues=1", NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_POLL, 0);
    qscsi_wait_ready(scsi, 0, disk);
    qpci_msix_enable(scsi->pci, m.fm.alloc);
    for (unsigned i = 0; i < scsi->dev.n_queues; i++) {
        qpci_msix_set_vector(scsi->pci, i);
    }
    script = start_script(scsi);
    g_assert_cmpuint(part, >, 0);
    for (unsigned i = 0; i < 2; i++) { /* until allocators are warm */
        run_cycles(&m, scsi, script, part);
    }
    before = usage_of(qtest_pid(m.fm.qts));
    for (unsigned i = 2; i < 10; i++) {
        run_cycles(&m, scsi, script, part);
    }
    after = usage_of(qtest_pid(m.fm.qts));
    g_assert_cmpuint(after.fds, ==, before.fds);
    g_assert_cmpuint(after.threads, ==, before.threads);
    if (!is_sanitized()) {
        g_assert_cmpuint(after.rss, <=, before.rss + 512);
    }
    qpci_msix_disable(scsi->pci);
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

/* --- events, task management, reservations --- */

static void test_lun_events_come_and_go(void)
{
    enum {
        LUNS = 20 /* more than there are event buffers */
    };
    struct virtio_scsi_event event;
    VhostMachine m;
    QVirtioSCSI *scsi;

    vhost_machine_start(&m, "num_queues=1,hotplug=on", NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_MSIX,
                              QVIRTIO_BIT(VIRTIO_SCSI_F_HOTPLUG));
    qvirtio_scsi_arm_events(scsi);
    for (unsigned i = 0; i < LUNS; i++) {
        QSCSILun lun = { .target = FAKE_VHOST_TPGT };

        lun.lun = (uint16_t)fake_ok(m.fm.fake, "lun add 1M");
        qvirtio_scsi_wait_event(scsi, &event);
        g_assert_cmphex(event.event, ==, VIRTIO_SCSI_T_TRANSPORT_RESET);
        g_assert_cmpuint(event.reason, ==, VIRTIO_SCSI_EVT_RESET_RESCAN);
        g_assert_cmpuint((event.lun[2] & 0x3f) << 8 | event.lun[3], ==,
                         lun.lun);
        qscsi_wait_ready(scsi, 0, lun);
        fake_ok(m.fm.fake, "lun remove %u", lun.lun);
        qvirtio_scsi_wait_event(scsi, &event);
        g_assert_cmphex(event.event, ==, VIRTIO_SCSI_T_TRANSPORT_RESET);
        g_assert_cmpuint(event.reason, ==, VIRTIO_SCSI_EVT_RESET_REMOVED);
    }
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

static void test_task_management_answers_as_the_kernel(void)
{
    static const struct {
        uint32_t subtype;
        QSCSILun lun;
        uint8_t expected;
    } rows[] = {
        { VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET,
          { FAKE_VHOST_TPGT, 0 },
          VIRTIO_SCSI_S_FUNCTION_SUCCEEDED },
        { VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET,
          { FAKE_VHOST_TPGT + 1, 0 },
          VIRTIO_SCSI_S_BAD_TARGET },
        { VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET,
          { FAKE_VHOST_TPGT, 99 },
          VIRTIO_SCSI_S_FUNCTION_REJECTED },
        { VIRTIO_SCSI_T_TMF_ABORT_TASK,
          { FAKE_VHOST_TPGT, 0 },
          VIRTIO_SCSI_S_FUNCTION_REJECTED },
        { VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET,
          { FAKE_VHOST_TPGT, 0 },
          VIRTIO_SCSI_S_FUNCTION_REJECTED },
    };
    VhostMachine m;
    QVirtioSCSI *scsi;

    vhost_machine_start(&m, "num_queues=1", NULL, NULL);
    scsi = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_MSIX, 0);
    qscsi_wait_ready(scsi, 0, disk);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpuint(
            qvirtio_scsi_tmf(scsi, rows[i].subtype, rows[i].lun, 1), ==,
            rows[i].expected);
    }
    qscsi_wait_ready(scsi, 0, disk);
    qvirtio_scsi_free(scsi);
    vhost_machine_stop(&m);
}

static uint8_t status_of(QVirtioSCSI *scsi, const QSCSICommand *cmd)
{
    g_auto(QSCSIResult) r = { 0 };

    qvirtio_scsi_command(scsi, 0, disk, cmd, &r);
    g_assert_cmpuint(r.response, ==, VIRTIO_SCSI_S_OK);
    return r.status;
}

static void reserve(QVirtioSCSI *scsi, uint8_t action, uint8_t type,
                    uint64_t key, uint64_t new_key)
{
    QSCSIReserve list;
    QSCSICommand cmd = qscsi_cdb_reserve_out(&list, action, type, key, new_key);

    qscsi_run(scsi, 0, disk, &cmd);
}

#define WRITE_EXCLUSIVE  1
#define EXCLUSIVE_ACCESS 3
#define KEY              0x1234

/* Two adapters with a target each, which show the same disk. */
static void test_reservation_of_one_adapter_shuts_the_other_out(void)
{
    uint8_t block[BLOCK] = { 0 };
    QSCSICommand in = qscsi_cdb_read10(0, 1, BLOCK);
    QSCSICommand out = qscsi_cdb_write10(0, 1, BLOCK, block);
    VhostMachine m;
    QVirtioSCSI *mine, *other;

    vhost_machine_start(&m, "num_queues=1",
                        "-device vhost-scsi-pci,addr=9,num_queues=1,"
                        "wwpn=naa.5001405bd1f60001",
                        "target=" FAKE_VHOST_WWPN
                        ",target=naa.5001405bd1f60001");
    mine = vhost_machine_scsi(&m, VHOST_MACHINE_SLOT, QVIRTIO_MSIX, 0);
    other = vhost_machine_scsi(&m, 9, QVIRTIO_MSIX, 0);
    qscsi_wait_ready(mine, 0, disk);
    qscsi_wait_ready(other, 0, disk);
    reserve(mine, QSCSI_PR_REGISTER, 0, 0, KEY);
    reserve(mine, QSCSI_PR_RESERVE, WRITE_EXCLUSIVE, KEY, 0);
    g_assert_cmphex(status_of(other, &in), ==, QSCSI_GOOD);
    g_assert_cmphex(status_of(other, &out), ==, QSCSI_RESERVATION_CONFLICT);
    g_assert_cmphex(status_of(mine, &out), ==, QSCSI_GOOD);
    reserve(mine, QSCSI_PR_RELEASE, WRITE_EXCLUSIVE, KEY, 0);
    reserve(mine, QSCSI_PR_RESERVE, EXCLUSIVE_ACCESS, KEY, 0);
    g_assert_cmphex(status_of(other, &in), ==, QSCSI_RESERVATION_CONFLICT);
    g_assert_cmphex(status_of(other, &out), ==, QSCSI_RESERVATION_CONFLICT);
    reserve(mine, QSCSI_PR_CLEAR, 0, KEY, 0);
    g_assert_cmphex(status_of(other, &out), ==, QSCSI_GOOD);
    qvirtio_scsi_free(other);
    qvirtio_scsi_free(mine);
    vhost_machine_stop(&m);
}

static const unsigned table_sizes[] = { 4, 128, 1024 };
static const uint64_t event_idx_off = 0, event_idx_on = EVENT_IDX;

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(queue_counts); i++) {
        g_autofree char *msix = g_strdup_printf("/load/queues/%u/msix",
                                                queue_counts[i]);
        g_autofree char *intx = g_strdup_printf("/load/queues/%u/intx",
                                                queue_counts[i]);

        g_test_add_data_func(msix, &queue_counts[i],
                             test_all_queues_carry_data_by_msix);
        g_test_add_data_func(intx, &queue_counts[i],
                             test_all_queues_carry_data_by_intx);
    }
    g_test_add_data_func("/load/wrap/flags", &event_idx_off,
                         test_ring_index_wraps_around);
    g_test_add_data_func("/load/wrap/event-idx", &event_idx_on,
                         test_ring_index_wraps_around);
    for (unsigned i = 0; i < G_N_ELEMENTS(table_sizes); i++) {
        g_autofree char *path = g_strdup_printf("/load/indirect/%u",
                                                table_sizes[i]);

        g_test_add_data_func(path, &table_sizes[i],
                             test_longest_indirect_table);
    }
    g_test_add_func("/load/reset/data", test_reset_under_load_keeps_data);
    g_test_add_func("/load/reset/held", test_reset_waits_for_held_commands);
    g_test_add_func("/load/cycles", test_starts_and_stops_leave_nothing_behind);
    g_test_add_func("/load/events", test_lun_events_come_and_go);
    g_test_add_func("/load/task-management",
                    test_task_management_answers_as_the_kernel);
    g_test_add_func("/load/reservation",
                    test_reservation_of_one_adapter_shuts_the_other_out);
    return g_test_run();
}
