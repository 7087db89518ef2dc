/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libfake-vhost.so under a driver of vhost-net and one of vhost-vsock. */
#include "driver.h"
#include "fake-vhost.h"
#include "test-fake.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <linux/virtio_vsock.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define WAIT_MS    120000
#define VERSION_1  (UINT64_C(1) << 32)
#define HEADER     sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define GUEST_CID  42
#define HOST_CID   2
#define GUEST_PORT 1024

/* The whole of slot @slot as one buffer of @len bytes, whose head it returns. */
static uint16_t add_slot(Drv *d, DrvRing *r, unsigned slot, uint32_t len,
                         bool device_writes)
{
    uint16_t head = (uint16_t)(4 * slot);

    r->desc[head] = (struct vring_desc){
        .addr = drv_gpa(d, drv_slot(r, slot)),
        .len = len,
        .flags = device_writes ? VRING_DESC_F_WRITE : 0,
    };
    drv_add(d, r, head);
    return head;
}

/* --- vhost-net --- */

typedef struct Net {
    Drv d;
    int other; /* the host's end */
} Net;

static void net_open(Net *n, uint64_t features)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), ==,
                    0);
    g_assert_cmpint(
        drv_open_path(&n->d, "/dev/vhost-net", 2, VERSION_1 | features), ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct vhost_vring_file f = { .index = i, .fd = fds[0] };

        g_assert_cmpint(drv_ioctl(&n->d, VHOST_NET_SET_BACKEND, &f), ==, 0);
    }
    close(fds[0]); /* the device has its own */
    n->other = fds[1];
}

static void net_close(Net *n)
{
    drv_close(&n->d);
    close(n->other);
}

static void send_one(Net *n, unsigned slot, const char *text)
{
    DrvRing *r = &n->d.ring[1];

    memset(drv_slot(r, slot), 0, HEADER);
    memcpy(drv_slot(r, slot) + HEADER, text, strlen(text));
    add_slot(&n->d, r, slot, (uint32_t)(HEADER + strlen(text)), false);
}

void test_net_sends(void)
{
    uint8_t data[100];
    Net n;

    net_open(&n, 0);
    for (unsigned i = 0; i < 50; i++) {
        send_one(&n, i % DRV_SLOTS, "to the host");
        g_assert_cmpint(drv_reap(&n.d, &n.d.ring[1], WAIT_MS), ==,
                        4 * (i % DRV_SLOTS));
        g_assert_cmpint(recv(n.other, data, sizeof(data), 0), ==, HEADER + 11);
        g_assert_cmpmem(data + HEADER, 11, "to the host", 11);
    }
    net_close(&n);
}

/* A packet that waits, one that comes later, and one that does not fit. */
void test_net_receives(void)
{
    uint8_t packet[HEADER + 100] = { 0 };
    const struct virtio_net_hdr_mrg_rxbuf *h;
    DrvRing *r;
    Net n;

    net_open(&n, UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
    r = &n.d.ring[0];
    for (unsigned i = 0; i < 20; i++) {
        bool first = i & 1;

        memset(packet + HEADER, (int)i, 100);
        if (first) {
            g_assert_cmpint(send(n.other, packet, sizeof(packet), 0), >, 0);
        }
        add_slot(&n.d, r, 3, 2000, true);
        if (!first) {
            g_assert_cmpint(send(n.other, packet, sizeof(packet), 0), >, 0);
        }
        g_assert_cmpint(drv_reap(&n.d, r, WAIT_MS), ==, 12);
        g_assert_cmpuint(r->used_len, ==, sizeof(packet));
        h = (const void *)drv_slot(r, 3);
        g_assert_cmpuint(h->num_buffers, ==, 1);
        g_assert_cmpmem(drv_slot(r, 3) + HEADER, 100, packet + HEADER, 100);
    }
    add_slot(&n.d, r, 1, HEADER + 99, true);
    g_assert_cmpint(send(n.other, packet, sizeof(packet), 0), >, 0);
    g_assert_cmpint(send(n.other, packet, HEADER + 1, 0), >, 0);
    g_assert_cmpint(drv_reap(&n.d, r, WAIT_MS), ==, 4);
    g_assert_cmpuint(r->used_len, ==, HEADER + 1);
    net_close(&n);
}

void test_net_merges_buffers(void)
{
    uint8_t packet[HEADER + 1000] = { 0 };
    const struct virtio_net_hdr_mrg_rxbuf *h;
    DrvRing *r;
    Net n;

    net_open(&n, UINT64_C(1) << VIRTIO_NET_F_MRG_RXBUF);
    r = &n.d.ring[0];
    memset(packet + HEADER, 0x5a, 1000);
    g_assert_cmpint(send(n.other, packet, sizeof(packet), 0), >, 0);
    for (unsigned slot = 0; slot < 4; slot++) {
        add_slot(&n.d, r, slot, 300, true); /* three are not enough */
    }
    for (unsigned slot = 0; slot < 4; slot++) {
        g_assert_cmpint(drv_reap(&n.d, r, WAIT_MS), ==, 4 * slot);
        g_assert_cmpuint(r->used_len, ==, slot < 3 ? 300 : HEADER + 100);
    }
    h = (const void *)drv_slot(r, 0);
    g_assert_cmpuint(h->num_buffers, ==, 4);
    g_assert_cmpmem(drv_slot(r, 3), HEADER + 100, packet + 900, HEADER + 100);
    net_close(&n);
}

/* What does not fit into the socket waits in the ring, and is not lost. */
void test_net_waits_for_the_other_end(void)
{
    unsigned sent = 0, received = 0;
    uint8_t data[100];
    Net n;

    net_open(&n, 0);
    do {
        send_one(&n, sent % DRV_SLOTS, "more");
        sent++;
    } while (sent < 5000 && drv_reap(&n.d, &n.d.ring[1], 500) >= 0);
    g_assert_cmpuint(sent, <, 5000);
    while (received < sent) {
        received += recv(n.other, data, sizeof(data), 0) > 0;
    }
    g_assert_cmpint(drv_reap(&n.d, &n.d.ring[1], WAIT_MS), >=, 0);
    net_close(&n);
}

/* --- a tap --- */

static int tap_error(int fd, unsigned long request, uintptr_t arg)
{
    return ioctl(fd, request, arg) < 0 ? errno : 0;
}

void test_tap_answers(void)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    struct ifreq got = { .ifr_flags = 0 };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), fds[2], size = 12;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(tap_error(fd, TUNSETOFFLOAD, 0), ==, EBADFD);
    g_assert_cmpint(tap_error(fd, TUNSETIFF, (uintptr_t)&ifr), ==, 0);
    g_assert_cmpint(tap_error(fd, TUNSETIFF, (uintptr_t)&ifr), ==, EEXIST);
    g_assert_cmpint(tap_error(fd, TUNGETIFF, (uintptr_t)&got), ==, 0);
    g_assert_cmpstr(got.ifr_name, ==, ifr.ifr_name);
    g_assert_cmpint(tap_error(fd, TUNSETOFFLOAD, TUN_F_TSO4), ==, EINVAL);
    g_assert_cmpint(tap_error(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==,
                    0);
    g_assert_cmpint(tap_error(fd, TUNSETVNETHDRSZ, (uintptr_t)&size), ==, 0);
    fake_ok(ctl, "fail TUNSETOFFLOAD 1 EIO");
    g_assert_cmpint(tap_error(fd, TUNSETOFFLOAD, 0), ==, EIO);
    g_assert_cmpint(fake_count(ctl, "TUNSETOFFLOAD"), ==, 4);
    close(fd);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), ==, 0);
    g_assert_cmpint(tap_error(fds[0], TUNGETIFF, (uintptr_t)&got), ==, 0);
    g_assert_cmpint(got.ifr_flags & (IFF_TAP | IFF_VNET_HDR), ==,
                    IFF_TAP | IFF_VNET_HDR);
    close(fds[0]);
    close(fds[1]);
}

/* --- vhost-vsock --- */

static void vsock_open(Drv *d)
{
    uint64_t cid = GUEST_CID;
    int on = 1;

    g_assert_cmpint(drv_open_path(d, "/dev/vhost-vsock", 2, VERSION_1), ==, 0);
    g_assert_cmpint(drv_ioctl(d, VHOST_VSOCK_SET_GUEST_CID, &cid), ==, 0);
    g_assert_cmpint(drv_ioctl(d, VHOST_VSOCK_SET_RUNNING, &on), ==, 0);
}

/* Sends a packet of @len bytes of data and takes the answer into slot 0 of the
 * ring that receives. */
static const struct virtio_vsock_hdr *talk(Drv *d, uint32_t port, uint16_t op,
                                           const void *data, uint32_t len)
{
    DrvRing *tx = &d->ring[1], *rx = &d->ring[0];
    struct virtio_vsock_hdr *h = (void *)drv_slot(tx, 0);

    *h = (struct virtio_vsock_hdr){
        .src_cid = GUEST_CID,
        .dst_cid = HOST_CID,
        .src_port = GUEST_PORT,
        .dst_port = port,
        .len = len,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
    };
    memcpy(h + 1, data, len);
    add_slot(d, rx, 0, DRV_SLOT_SIZE, true);
    add_slot(d, tx, 0, (uint32_t)sizeof(*h) + len, false);
    g_assert_cmpint(drv_reap(d, tx, WAIT_MS), ==, 0);
    g_assert_cmpint(drv_reap(d, rx, WAIT_MS), ==, 0);
    h = (void *)drv_slot(rx, 0);
    g_assert_cmpuint(rx->used_len, ==, sizeof(*h) + h->len);
    g_assert_cmpuint(h->dst_cid, ==, GUEST_CID);
    g_assert_cmpuint(h->src_port, ==, port);
    return h;
}

void test_vsock_echoes(void)
{
    const struct virtio_vsock_hdr *h;
    Drv d;

    vsock_open(&d);
    h = talk(&d, FAKE_VSOCK_PORT, VIRTIO_VSOCK_OP_REQUEST, "", 0);
    g_assert_cmpuint(h->op, ==, VIRTIO_VSOCK_OP_RESPONSE);
    for (unsigned i = 1; i <= 50; i++) {
        h = talk(&d, FAKE_VSOCK_PORT, VIRTIO_VSOCK_OP_RW, "hello, host", 11);
        g_assert_cmpuint(h->op, ==, VIRTIO_VSOCK_OP_RW);
        g_assert_cmpmem(h + 1, h->len, "hello, host", 11);
        g_assert_cmpuint(h->fwd_cnt, ==, 11 * i);
    }
    h = talk(&d, FAKE_VSOCK_PORT, VIRTIO_VSOCK_OP_SHUTDOWN, "", 0);
    g_assert_cmpuint(h->op, ==, VIRTIO_VSOCK_OP_RST);
    drv_close(&d);
}

void test_vsock_refuses_other_ports(void)
{
    const struct virtio_vsock_hdr *h;
    Drv d;

    vsock_open(&d);
    h = talk(&d, FAKE_VSOCK_PORT + 1, VIRTIO_VSOCK_OP_REQUEST, "", 0);
    g_assert_cmpuint(h->op, ==, VIRTIO_VSOCK_OP_RST);
    drv_close(&d);
}
