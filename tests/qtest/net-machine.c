/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-machine.h"

#include <sys/socket.h>

#define HEADER  sizeof(struct virtio_net_hdr_v1)
#define PAYLOAD 100u
#define PACKET  (HEADER + PAYLOAD)
#define BUFFER  2048u

/* --- life --- */

/* "20:21:22:23" */
static char *tap_list(unsigned n)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(s, "%s%u", i ? ":" : "", NET_TAP_FD + i);
    }
    return g_string_free(s, false);
}

void net_start(Net *net, unsigned n_taps, const char *options)
{
    g_autofree char *list = tap_list(n_taps), *args = NULL;
    int program[NET_TAPS_MAX];

    *net = (Net){ .n_taps = n_taps };
    for (unsigned i = 0; i < n_taps; i++) {
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX,
                                   SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                   fds),
                        ==, 0);
        program[i] = fds[0];
        net->network[i] = fds[1];
        qtest_inherit(program[i], (int)(NET_TAP_FD + i));
    }
    args = g_strdup_printf("-netdev tap,id=n0,fds=%s -device "
                           "virtio-net-pci,addr=%d,netdev=n0,mac=" NET_MAC
                           "%s%s",
                           list, NET_SLOT, *options ? "," : "", options);
    fake_machine_start(&net->m, NULL, args);
    for (unsigned i = 0; i < n_taps; i++) {
        close_fd(&program[i]);
    }
    net->pci = qpci_device_at(&net->m.bus, QPCI_DEVFN(NET_SLOT, 0));
    g_assert_nonnull(net->pci);
    qpci_device_enable(net->pci);
    net->page = guest_alloc(net->m.alloc, 4 * GUEST_PAGE_SIZE);
}

void net_drive(Net *net, uint64_t features, uint16_t n_queues, QVirtioMode mode)
{
    qvirtio_init(&net->dev, net->pci, net->m.alloc);
    qvirtio_negotiate(&net->dev, features);
    qvirtio_setup_queues(&net->dev, n_queues, mode);
    qvirtio_set_driver_ok(&net->dev);
}

void net_undrive(Net *net)
{
    qvirtio_finish(&net->dev);
    net->dev.n_queues = 0;
}

void net_stop(Net *net)
{
    guest_free(net->m.alloc, net->page);
    if (net->dev.n_queues) {
        net_undrive(net);
    }
    qpci_device_free(net->pci);
    fake_machine_stop(&net->m);
    for (unsigned i = 0; i < net->n_taps; i++) {
        close_fd(&net->network[i]);
    }
}

char *net_calls(Net *net, int64_t n)
{
    return fake_machine_calls(&net->m, (unsigned)n + 1);
}

int64_t net_n_calls(Net *net)
{
    g_autofree char *calls = fake_machine_calls(&net->m, 1);
    int64_t n = 0;

    for (const char *p = calls; (p = strchr(p, '\n')); p++) {
        n++;
    }
    return n;
}

/* --- packets --- */

static void make_packet(uint8_t *packet, unsigned seed)
{
    memset(packet, 0, HEADER);
    for (unsigned i = HEADER; i < PACKET; i++) {
        packet[i] = (uint8_t)(seed * 7 + i);
    }
}

void net_check_sends(Net *net, unsigned pair, unsigned seed)
{
    uint16_t queue = (uint16_t)(2 * pair + 1), head;
    uint8_t packet[PACKET], got[BUFFER];
    QVirtBuf buf = { net->page, PACKET, false };
    QVirtUsed used;

    make_packet(packet, seed);
    qtest_memwrite(net->m.qts, net->page, packet, PACKET);
    head = qvring_add(net->dev.queues[queue], &buf, 1, false);
    qvirtio_kick(&net->dev, queue);
    qvirtio_wait_used(&net->dev, queue, &used);
    g_assert_cmpuint(used.head, ==, head);
    g_assert_cmpint(recv(net->network[pair], got, sizeof(got), 0), ==, PACKET);
    g_assert_cmpmem(got + HEADER, PAYLOAD, packet + HEADER, PAYLOAD);
}

void net_check_receives(Net *net, unsigned pair, unsigned seed)
{
    uint16_t queue = (uint16_t)(2 * pair), head;
    uint64_t at = net->page + GUEST_PAGE_SIZE;
    uint8_t packet[PACKET], got[PACKET];
    QVirtBuf buf = { at, BUFFER, true };
    QVirtUsed used;

    make_packet(packet, seed);
    head = qvring_add(net->dev.queues[queue], &buf, 1, false);
    qvirtio_kick(&net->dev, queue);
    g_assert_cmpint(send(net->network[pair], packet, PACKET, 0), ==, PACKET);
    qvirtio_wait_used(&net->dev, queue, &used);
    g_assert_cmpuint(used.head, ==, head);
    g_assert_cmpuint(used.len, ==, PACKET);
    qtest_memread(net->m.qts, at, got, PACKET);
    g_assert_cmpmem(got + HEADER, PAYLOAD, packet + HEADER, PAYLOAD);
}

void net_check_packets(Net *net, unsigned pair)
{
    for (unsigned i = 0; i < 20; i++) {
        net_check_sends(net, pair, i);
        net_check_receives(net, pair, i + 1);
    }
}
