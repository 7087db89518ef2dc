/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-vsock-pci on the stand-in for /dev/vhost-vsock: what guest and kernel
 * see of it, data to a host that echoes and back, and every call to the kernel
 * that fails.
 */
#include "fake-machine.h"
#include "libqos/virtio.h"

#include <linux/virtio_vsock.h>

#define DEVICE     "-device vhost-vsock-pci,addr=3,guest-cid=42"
#define CID        42
#define HOST_CID   2
#define PORT       1024
#define RX         0
#define TX         1
#define QUEUES     3
#define BUFFER     2048u
#define HEADER     ((uint32_t)sizeof(struct virtio_vsock_hdr))
#define RESET_TEXT "; the device needs a reset by the guest\n"
#define NAME       "qemu-system-x86_64: vhost-vsock-pci: "

typedef struct Vsock {
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    uint64_t rx, tx; /* a buffer for each direction, guest memory */
    size_t err_seen; /* bytes of stderr */
} Vsock;

/* --- a driver --- */

/* From reset to before DRIVER_OK. */
static void prepare(Vsock *s, QVirtioMode mode)
{
    qvirtio_init(&s->dev, s->pci, s->m.alloc);
    qvirtio_negotiate(&s->dev, UINT64_MAX);
    qvirtio_setup_queues(&s->dev, QUEUES, mode);
}

static void attach(Vsock *s)
{
    s->pci = qpci_device_at(&s->m.bus, QPCI_DEVFN(FAKE_MACHINE_SLOT, 0));
    g_assert_nonnull(s->pci);
    qpci_device_enable(s->pci);
    s->rx = guest_alloc(s->m.alloc, BUFFER);
    s->tx = guest_alloc(s->m.alloc, BUFFER);
}

static void set_up(Vsock *s, gconstpointer unused)
{
    *s = (Vsock){ 0 };
    fake_machine_start(&s->m, NULL, DEVICE);
    attach(s);
}

static void tear_down(Vsock *s, gconstpointer unused)
{
    if (s->dev.n_queues) {
        qvirtio_finish(&s->dev);
    }
    guest_free(s->m.alloc, s->rx);
    guest_free(s->m.alloc, s->tx);
    g_assert_cmpuint(guest_pages_used(s->m.alloc), ==, 0);
    qpci_device_free(s->pci);
    fake_machine_stop(&s->m);
}

/* Says DRIVER_OK and returns the status then. */
static uint8_t driver_ok(Vsock *s)
{
    qvirtio_pci_set_status(&s->dev.regs, FAKE_DRIVER_RUNS);
    return qvirtio_pci_get_status(&s->dev.regs);
}

static void put(Vsock *s, uint16_t queue, uint64_t addr, uint32_t len)
{
    QVirtBuf buf = { addr, len, queue == RX };

    (void)qvring_add(s->dev.queues[queue], &buf, 1, false);
    (void)qvirtio_kick(&s->dev, queue);
}

/* Sends a packet and returns the header of the answer, whose data are in
 * @answer, which has room for BUFFER bytes. */
static struct virtio_vsock_hdr talk(Vsock *s, uint16_t op, const void *data,
                                    uint32_t len, void *answer)
{
    struct virtio_vsock_hdr h = {
        .src_cid = CID,
        .dst_cid = HOST_CID,
        .src_port = PORT,
        .dst_port = FAKE_VSOCK_PORT,
        .len = len,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
    };
    QVirtUsed used;

    put(s, RX, s->rx, BUFFER);
    qtest_memwrite(s->m.qts, s->tx, &h, HEADER);
    qtest_memwrite(s->m.qts, s->tx + HEADER, data, len);
    put(s, TX, s->tx, HEADER + len);
    qvirtio_wait_used(&s->dev, TX, &used);
    qvirtio_wait_used(&s->dev, RX, &used);
    qtest_memread(s->m.qts, s->rx, &h, HEADER);
    g_assert_cmpuint(used.len, ==, HEADER + h.len);
    g_assert_cmpuint(h.dst_cid, ==, CID);
    g_assert_cmpuint(h.src_cid, ==, HOST_CID);
    qtest_memread(s->m.qts, s->rx + HEADER, answer, h.len);
    return h;
}

/* A connection to the host that echoes, and data both ways. */
static void check_echo(Vsock *s)
{
    uint8_t out[1000], in[BUFFER];
    struct virtio_vsock_hdr h = talk(s, VIRTIO_VSOCK_OP_REQUEST, "", 0, in);

    g_assert_cmpuint(h.op, ==, VIRTIO_VSOCK_OP_RESPONSE);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned k = 0; k < sizeof(out); k++) {
            out[k] = (uint8_t)(i * 7 + k);
        }
        h = talk(s, VIRTIO_VSOCK_OP_RW, out, sizeof(out), in);
        g_assert_cmpuint(h.op, ==, VIRTIO_VSOCK_OP_RW);
        g_assert_cmpmem(in, h.len, out, sizeof(out));
    }
    h = talk(s, VIRTIO_VSOCK_OP_SHUTDOWN, "", 0, in);
    g_assert_cmpuint(h.op, ==, VIRTIO_VSOCK_OP_RST);
}

/* What stderr has more than at the last call. */
static const char *new_stderr(Vsock *s)
{
    const char *text = qtest_stderr(s->m.qts) + s->err_seen;

    s->err_seen += strlen(text);
    return text;
}

/* A driver comes, uses the device, and goes. */
static void check_works(Vsock *s)
{
    prepare(s, QVIRTIO_MSIX);
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
    check_echo(s);
    qvirtio_finish(&s->dev);
    g_assert_cmpstr(new_stderr(s), ==, "");
}

/* --- what there is to see --- */

static void the_guest_sees_a_socket_device(Vsock *s, gconstpointer unused)
{
    const uint64_t offered = QVIRTIO_BIT(VIRTIO_VSOCK_F_SEQPACKET) |
                             QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
                             QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) |
                             QVIRTIO_BIT(VIRTIO_F_VERSION_1);
    uint64_t cid;

    g_assert_cmphex(qpci_config_readw(s->pci, PCI_VENDOR_ID), ==,
                    QVIRTIO_PCI_VENDOR);
    g_assert_cmphex(qpci_config_readw(s->pci, PCI_DEVICE_ID), ==, 0x1053);
    g_assert_cmphex(qpci_config_readw(s->pci, PCI_CLASS_DEVICE), ==, 0x0780);
    prepare(s, QVIRTIO_POLL);
    g_assert_cmphex(qvirtio_pci_device_features(&s->dev.regs), ==, offered);
    g_assert_cmpuint(qvirtio_pci_num_queues(&s->dev.regs), ==, QUEUES);
    qvirtio_pci_read_config(&s->dev.regs, 0, &cid, sizeof(cid));
    g_assert_cmpuint(cid, ==, CID);
    /* It is read-only, and the driver is no worse for having tried. */
    qvirtio_pci_write(&s->dev.regs, &s->dev.regs.device, 0, 4, 43);
    qvirtio_pci_read_config(&s->dev.regs, 0, &cid, sizeof(cid));
    g_assert_cmpuint(cid, ==, CID);
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
}

static void the_kernel_is_told_in_order(Vsock *s, gconstpointer unused)
{
    g_autofree char *realize = fake_machine_calls(&s->m, 2), *start = NULL;
    int64_t n = fake_count(s->m.fake, "any");
    const char *at;

    g_assert_cmpstr(realize, ==,
                    "VHOST_VSOCK_SET_GUEST_CID cid=0x2a -> 0\n"
                    "VHOST_SET_OWNER -> 0\n"
                    "VHOST_GET_FEATURES -> 0 features=0x33d000002\n");
    prepare(s, QVIRTIO_POLL);
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
    start = fake_machine_calls(&s->m, (unsigned)n + 2);
    g_assert_true(
        g_str_has_prefix(start, "VHOST_SET_FEATURES features=0x130000002 -> 0\n"
                                "VHOST_SET_MEM_TABLE nregions="));
    at = strstr(start, "VHOST_VSOCK_SET_RUNNING running=1 -> 0\n");
    g_assert_nonnull(at);
    g_assert_cmpstr(at, ==, "VHOST_VSOCK_SET_RUNNING running=1 -> 0\n");
    g_assert_null(strstr(start, "index=2")); /* user space's */
    g_assert_nonnull(strstr(start, "VHOST_SET_VRING_KICK index=1 "));
}

typedef struct ModeCase {
    const char *name;
    QVirtioMode mode;
} ModeCase;

static const ModeCase modes[] = {
    { "msix", QVIRTIO_MSIX },
    { "intx", QVIRTIO_INTX },
    { "poll", QVIRTIO_POLL },
};

static void data_go_both_ways(Vsock *s, gconstpointer data)
{
    const ModeCase *c = data;

    for (unsigned i = 0; i < 3; i++) {
        prepare(s, c->mode);
        g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
        check_echo(s);
        qvirtio_finish(&s->dev);
    }
    g_assert_cmpstr(qtest_stderr(s->m.qts), ==, "");
}

/* --- what is refused --- */

static const struct {
    const char *args;
    const char *knobs;
    const char *text; /* of the message, from the beginning */
} refused[] = {
    { "", NULL, "vhost-vsock-pci: property 'guest-cid' is required" },
    { ",guest-cid=2", NULL,
      "vhost-vsock-pci: property 'guest-cid' cannot be '2'" },
    { ",guest-cid=4294967295", NULL,
      "vhost-vsock-pci: property 'guest-cid' cannot be '4294967295'" },
    { ",guest-cid=-1", NULL,
      "vhost-vsock-pci: property 'guest-cid' cannot be '-1'" },
    { ",guest-cid=7", "fail=VSOCK_SET_GUEST_CID:1:EADDRINUSE",
      "vhost-vsock: property 'guest-cid' cannot be '7': it is in use on this "
      "host: choose another number\n" },
    { ",guest-cid=7 -device vhost-vsock-pci,guest-cid=7", NULL,
      "vhost-vsock: property 'guest-cid' cannot be '7': it is in use on this "
      "host: choose another number\n" },
    { ",guest-cid=7", "fail=VSOCK_SET_GUEST_CID:1:ENOTTY",
      "vhost-vsock: /dev/vhost-vsock is not a vhost-vsock device: "
      "Inappropriate ioctl for device\n" },
    { ",guest-cid=7", "vsock_features=0x30000002",
      "vhost-vsock: the kernel's vhost-vsock does not offer virtio 1.0: use a "
      "newer kernel\n" },
    { ",guest-cid=7,seqpacket=on", "vsock_features=0x130000000",
      "vhost-vsock: property 'seqpacket' cannot be 'on': the kernel's "
      "vhost-vsock does not offer it\n" },
    { ",guest-cid=7,vhostfd=99", NULL, "vhost-vsock: property 'vhostfd'" },
    { ",guest-cid=7", "fail=GET_FEATURES:1:EIO",
      "vhost-vsock: VHOST_GET_FEATURES failed: Input/output error\n" },
    { ",guest-cid=7", "fail=SET_OWNER:1:ENOMEM",
      "vhost-vsock: VHOST_SET_OWNER failed: Cannot allocate memory" },
};

static void refusals_are_one_sentence(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *args = g_strconcat("-device vhost-vsock-pci",
                                            refused[i].args, NULL);
        g_autofree char *begin = g_strconcat(FAKE_MACHINE_ERROR,
                                             refused[i].text, NULL);
        QTestExit *e = fake_machine_refused(refused[i].knobs, args, NULL);

        g_assert_cmpint(e->status, ==, 1);
        if (!g_str_has_prefix(e->stderr, begin)) {
            g_assert_cmpstr(e->stderr, ==, begin);
        }
        g_assert_true(strchr(e->stderr, '\n') == strrchr(e->stderr, '\n'));
        qtest_exit_free(e);
    }
}

static void the_first_and_the_last_cid_are_taken(void)
{
    static const char *const cids[] = { "3", "4294967294" };

    for (unsigned i = 0; i < G_N_ELEMENTS(cids); i++) {
        g_autofree char *args = g_strconcat(
            "-device vhost-vsock-pci,guest-cid=", cids[i], NULL);
        FakeMachine m;

        fake_machine_start(&m, NULL, args);
        fake_machine_stop(&m);
    }
}

static void check_features(const char *knobs, const char *args,
                           uint64_t offered)
{
    Vsock s = { .err_seen = 0 };

    fake_machine_start(&s.m, knobs, args);
    attach(&s);
    prepare(&s, QVIRTIO_POLL);
    g_assert_cmphex(qvirtio_pci_device_features(&s.dev.regs), ==,
                    offered | QVIRTIO_BIT(VIRTIO_F_VERSION_1));
    g_assert_cmphex(driver_ok(&s), ==, FAKE_DRIVER_RUNS);
    check_echo(&s);
    tear_down(&s, NULL);
}

/* What the kernel lacks, or the user takes away, is not offered. */
static void features_are_those_of_kernel_and_user(void)
{
    const uint64_t event_idx = QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
    const uint64_t seqpacket = QVIRTIO_BIT(VIRTIO_VSOCK_F_SEQPACKET);

    check_features("vsock_features=0x120000000", DEVICE ",event_idx=off", 0);
    check_features("vsock_features=0x120000000", DEVICE ",seqpacket=auto",
                   event_idx);
    check_features(NULL, DEVICE ",seqpacket=on,indirect_desc=off",
                   seqpacket | event_idx);
    check_features(NULL, DEVICE ",seqpacket=off,indirect_desc=off", event_idx);
}

/* --- what fails --- */

/* The names of the calls since there were @from of them. */
static char **calls_since(Vsock *s, int64_t from)
{
    g_autofree char *text = fake_machine_calls(&s->m, (unsigned)from + 2);

    return g_strsplit(g_strchomp(text), "\n", -1);
}

static char *failure_text(const char *call, const char *why)
{
    g_autofree char *name = g_strndup(call, strcspn(call, " "));
    const char *index = strstr(call, " index=");
    g_autofree char *queue = index ? g_strdup_printf(
                                         " for virtqueue %d",
                                         atoi(index + strlen(" index=")))
                                   : g_strdup("");

    return g_strdup_printf(NAME "vhost-vsock: %s failed%s: %s" RESET_TEXT, name,
                           queue, why);
}

static void a_start_of_which_any_call_fails_needs_a_reset(Vsock *s,
                                                          gconstpointer unused)
{
    g_auto(GStrv) calls = NULL;
    int64_t from;

    prepare(s, QVIRTIO_MSIX);
    from = fake_count(s->m.fake, "any");
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
    calls = calls_since(s, from);
    qvirtio_finish(&s->dev);
    g_assert_cmpuint(g_strv_length(calls), >, 10);
    for (unsigned n = 0; calls[n]; n++) {
        g_autofree char *text = failure_text(calls[n], g_strerror(EIO));

        g_test_message("%s", calls[n]);
        prepare(s, QVIRTIO_MSIX);
        fake_ok(s->m.fake, "fail any %u EIO%s", n + 1, n & 1 ? " 0" : "");
        g_assert_cmphex(driver_ok(s), ==,
                        FAKE_DRIVER_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
        qpci_msix_wait(s->pci, 0);
        fake_ok(s->m.fake, "nofail");
        g_assert_cmpstr(new_stderr(s), ==, text);
        qvirtio_finish(&s->dev);
        check_works(s);
    }
}

static void a_stop_of_which_any_call_fails_is_survived(Vsock *s,
                                                       gconstpointer unused)
{
    g_auto(GStrv) calls = NULL;
    int64_t from;

    prepare(s, QVIRTIO_MSIX);
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
    from = fake_count(s->m.fake, "any");
    qvirtio_finish(&s->dev);
    calls = calls_since(s, from);
    g_assert_cmpuint(g_strv_length(calls), >, 5);
    for (unsigned n = 0; calls[n]; n++) {
        g_test_message("%s", calls[n]);
        prepare(s, QVIRTIO_MSIX);
        g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
        check_echo(s);
        fake_ok(s->m.fake, "fail any %u EIO%s", n + 1, n & 1 ? " 0" : "");
        qvirtio_finish(&s->dev);
        fake_ok(s->m.fake, "nofail");
        check_works(s);
    }
}

/* A driver that sets up one data queue only. */
static void a_queue_that_is_missing_needs_a_reset(Vsock *s,
                                                  gconstpointer unused)
{
    qvirtio_init(&s->dev, s->pci, s->m.alloc);
    qvirtio_negotiate(&s->dev, UINT64_MAX);
    qvirtio_setup_queues(&s->dev, 1, QVIRTIO_MSIX);
    g_assert_cmphex(driver_ok(s), ==,
                    FAKE_DRIVER_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
    g_assert_cmpstr(new_stderr(s), ==,
                    NAME "vhost-vsock: VHOST_VSOCK_SET_RUNNING failed: Bad "
                         "address" RESET_TEXT);
    qvirtio_finish(&s->dev);
    check_works(s);
}

/* The kernel says by the err eventfd that it cannot read a ring. */
static void a_ring_that_is_broken_needs_a_reset(Vsock *s, gconstpointer unused)
{
    QTestPoll poll = { 0 };

    prepare(s, QVIRTIO_MSIX);
    g_assert_cmphex(driver_ok(s), ==, FAKE_DRIVER_RUNS);
    put(s, TX, s->tx, 4); /* shorter than a header */
    while (
        !(qvirtio_pci_get_status(&s->dev.regs) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(s->m.qts, &poll, "the report of a broken packet");
    }
    (void)new_stderr(s);
    qvirtio_finish(&s->dev);
    check_works(s);
}

#define ADD(path, data, func) \
    g_test_add(path, Vsock, data, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/vsock/identity", NULL, the_guest_sees_a_socket_device);
    ADD("/vsock/order", NULL, the_kernel_is_told_in_order);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autofree char *path = g_strconcat("/vsock/io/", modes[i].name, NULL);

        ADD(path, &modes[i], data_go_both_ways);
    }
    g_test_add_func("/vsock/refused", refusals_are_one_sentence);
    g_test_add_func("/vsock/cid-limits", the_first_and_the_last_cid_are_taken);
    g_test_add_func("/vsock/features", features_are_those_of_kernel_and_user);
    ADD("/vsock/fail/start", NULL,
        a_start_of_which_any_call_fails_needs_a_reset);
    ADD("/vsock/fail/stop", NULL, a_stop_of_which_any_call_fails_is_survived);
    ADD("/vsock/fail/missing-queue", NULL,
        a_queue_that_is_missing_needs_a_reset);
    ADD("/vsock/fail/broken-ring", NULL, a_ring_that_is_broken_needs_a_reset);
    return g_test_run();
}
