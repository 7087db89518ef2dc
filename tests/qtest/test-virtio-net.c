/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net-pci: what it offers, what the kernel is told when a driver starts and
 * stops it, packets both ways, and the control queue. */
#include "net-machine.h"

#include <sys/mman.h>
#include <sys/socket.h>

#define MQ   QVIRTIO_BIT(VIRTIO_NET_F_MQ)
#define CTRL QVIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ)

static const uint8_t own_mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

/* --- what is offered --- */

static void test_device_is_a_card_with_its_address(void)
{
    struct virtio_net_config c;
    Net net;

    net_start(&net, 1, "host_mtu=1400,speed=10000,duplex=full");
    qvirtio_init(&net.dev, net.pci, net.m.alloc);
    g_assert_cmphex(qpci_config_readl(net.pci, 0), ==, 0x10411af4);
    g_assert_cmphex(qpci_config_readw(net.pci, PCI_CLASS_DEVICE), ==, 0x0200);
    qvirtio_pci_read_config(&net.dev.regs, 0, &c, sizeof(c));
    g_assert_cmpmem(c.mac, 6, own_mac, 6);
    g_assert_cmpuint(c.status, ==, VIRTIO_NET_S_LINK_UP);
    g_assert_cmpuint(c.max_virtqueue_pairs, ==, 1);
    g_assert_cmpuint(c.mtu, ==, 1400);
    g_assert_cmpuint(c.speed, ==, 10000);
    g_assert_cmpuint(c.duplex, ==, 1);
    g_assert_cmpuint(qvirtio_pci_num_queues(&net.dev.regs), ==, 3);
    net_stop(&net);
}

/* Bit 27 means something else to vhost-net, 33 and 40 are not implemented. */
static void test_features_that_are_traps_are_not_offered(void)
{
    uint64_t offered;
    Net net;

    net_start(&net, 1, "");
    qvirtio_init(&net.dev, net.pci, net.m.alloc);
    offered = qvirtio_pci_device_features(&net.dev.regs);
    g_assert_cmphex(offered &
                        (QVIRTIO_BIT(24) | QVIRTIO_BIT(27) | QVIRTIO_BIT(33) |
                         QVIRTIO_BIT(40) | QVIRTIO_BIT(6) | MQ),
                    ==, 0);
    g_assert_cmphex(offered, ==,
                    QVIRTIO_BIT(0) | QVIRTIO_BIT(1) | QVIRTIO_BIT(2) |
                        QVIRTIO_BIT(5) | QVIRTIO_BIT(7) | QVIRTIO_BIT(8) |
                        QVIRTIO_BIT(9) | QVIRTIO_BIT(10) | QVIRTIO_BIT(11) |
                        QVIRTIO_BIT(12) | QVIRTIO_BIT(13) | QVIRTIO_BIT(14) |
                        QVIRTIO_BIT(15) | QVIRTIO_BIT(16) | QVIRTIO_BIT(17) |
                        QVIRTIO_BIT(18) | QVIRTIO_BIT(19) | QVIRTIO_BIT(20) |
                        QVIRTIO_BIT(21) | QVIRTIO_BIT(23) | QVIRTIO_BIT(28) |
                        QVIRTIO_BIT(29) | QVIRTIO_BIT(32));
    net_stop(&net);
}

static void check_not_offered(const char *options, uint64_t features)
{
    Net net;

    net_start(&net, 1, options);
    qvirtio_init(&net.dev, net.pci, net.m.alloc);
    g_assert_cmphex(qvirtio_pci_device_features(&net.dev.regs) & features, ==,
                    0);
    net_stop(&net);
}

static void test_features_that_lack_what_they_need_are_not_offered(void)
{
    check_not_offered("csum=off", 0x7801);
    check_not_offered("guest_csum=off", 0x782);
    check_not_offered("host_tso4=off,host_tso6=off",
                      1 << 11 | 1 << 12 | 1 << 13);
    check_not_offered("ctrl_vq=off", CTRL | MQ | 1 << 18 | 1 << 19 | 1 << 20 |
                                         1 << 21 | 1 << 23 | 1 << 2);
    check_not_offered("status=off,mrg_rxbuf=off", 1 << 15 | 1 << 16);
}

static void test_queue_sizes_are_those_of_the_properties(void)
{
    Net net;

    net_start(&net, 1, "rx_queue_size=1024,tx_queue_size=512");
    qvirtio_init(&net.dev, net.pci, net.m.alloc);
    g_assert_cmpuint(qvirtio_pci_queue_size(&net.dev.regs, 0), ==, 1024);
    g_assert_cmpuint(qvirtio_pci_queue_size(&net.dev.regs, 1), ==, 512);
    g_assert_cmpuint(qvirtio_pci_queue_size(&net.dev.regs, 2), ==, 64);
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    net_check_packets(&net, 0);
    net_stop(&net);
}

/* --- start and stop --- */

static void assert_calls(const char *calls, const char *const *expected)
{
    const char *at = calls;

    for (; *expected; expected++) {
        at = strstr(at, *expected);
        if (!at) {
            g_error("no '%s', or not there, in:\n%s", *expected, calls);
        }
        at += strlen(*expected);
    }
}

static void test_start_and_stop_are_in_order(void)
{
    static const char *const start_calls[] = {
        "TUNSETOFFLOAD fd=20 offload=0x1f -> 0\n",
        "VHOST_SET_FEATURES features=0x130008000 -> 0\n",
        "VHOST_SET_MEM_TABLE ",
        "VHOST_SET_VRING_NUM index=0 num=256 -> 0\n",
        "VHOST_SET_VRING_BASE index=0 num=0 -> 0\n",
        "VHOST_SET_VRING_ADDR index=0 ",
        "VHOST_SET_VRING_KICK index=0 ",
        "VHOST_SET_VRING_NUM index=1 num=256 -> 0\n",
        "VHOST_SET_VRING_KICK index=1 ",
        "VHOST_NET_SET_BACKEND index=0 fd=20 -> 0\n",
        "VHOST_NET_SET_BACKEND index=1 fd=20 -> 0\n",
        NULL,
    };
    static const char *const stop_calls[] = {
        "VHOST_NET_SET_BACKEND index=0 fd=-1 -> 0\n",
        "VHOST_NET_SET_BACKEND index=1 fd=-1 -> 0\n",
        "VHOST_GET_VRING_BASE index=0 ",
        "VHOST_GET_VRING_BASE index=1 ",
        "TUNSETOFFLOAD fd=20 offload=0x0 -> 0\n",
        NULL,
    };
    g_autofree char *up = NULL, *down = NULL;
    int64_t before;
    Net net;

    net_start(&net, 1, "");
    before = net_n_calls(&net);
    net_drive(&net, NET_ALL & ~QVIRTIO_BIT(VIRTIO_NET_F_MQ), 3, QVIRTIO_POLL);
    up = net_calls(&net, before);
    assert_calls(up, start_calls);
    before = net_n_calls(&net);
    net_undrive(&net);
    down = net_calls(&net, before);
    assert_calls(down, stop_calls);
    net_stop(&net);
}

/* Those that the driver did not take are off at the tap. */
static void test_offloads_are_those_that_were_acknowledged(void)
{
    static const struct {
        uint64_t features;
        const char *call;
    } cases[] = {
        { 0, "TUNSETOFFLOAD fd=20 offload=0x0 -> 0\n" },
        { QVIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM),
          "TUNSETOFFLOAD fd=20 offload=0x1 -> 0\n" },
        { QVIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |
              QVIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4),
          "TUNSETOFFLOAD fd=20 offload=0x3 -> 0\n" },
        /* TSO without checksums: the kernel would refuse it. */
        { QVIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4),
          "TUNSETOFFLOAD fd=20 offload=0x0 -> 0\n" },
    };
    Net net;

    net_start(&net, 1, "");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t before = net_n_calls(&net);
        g_autofree char *calls = NULL;

        net_drive(&net, cases[i].features, 2, QVIRTIO_POLL);
        calls = net_calls(&net, before);
        g_assert_nonnull(strstr(calls, cases[i].call));
        net_check_packets(&net, 0);
        net_undrive(&net);
    }
    net_stop(&net);
}

static void test_packets_flow_with_every_kind_of_interrupt(void)
{
    static const QVirtioMode modes[] = { QVIRTIO_POLL, QVIRTIO_INTX,
                                         QVIRTIO_MSIX };
    Net net;

    net_start(&net, 1, "");
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        net_drive(&net, NET_ALL, 3, modes[i]);
        net_check_packets(&net, 0);
        net_undrive(&net);
    }
    net_stop(&net);
}

/* A firmware sets up no more than it uses. */
static void test_driver_with_one_queue_is_served(void)
{
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, 0, 1, QVIRTIO_POLL);
    net_check_receives(&net, 0, 1);
    net_stop(&net);
}

/* --- the control queue --- */

/* A command with @len bytes of data; returns what the device has answered. */
static uint8_t command(Net *net, uint16_t queue, uint8_t class, uint8_t cmd,
                       const void *data, uint32_t len)
{
    uint64_t at = net->page + 2 * GUEST_PAGE_SIZE, ack = at + 3000;
    QVirtBuf bufs[] = { { at, 2 + len, false }, { ack, 1, true } };
    QVirtUsed used;

    qtest_writeb(net->m.qts, at, class);
    qtest_writeb(net->m.qts, at + 1, cmd);
    if (len) {
        qtest_memwrite(net->m.qts, at + 2, data, len);
    }
    qtest_writeb(net->m.qts, ack, 0x55);
    (void)qvring_add(net->dev.queues[queue], bufs, 2, false);
    qvirtio_kick(&net->dev, queue);
    qvirtio_wait_used(&net->dev, queue, &used);
    g_assert_cmpuint(used.len, ==, 1);
    return qtest_readb(net->m.qts, ack);
}

static uint8_t set_pairs(Net *net, uint16_t queue, uint16_t n)
{
    return command(net, queue, VIRTIO_NET_CTRL_MQ,
                   VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &n, sizeof(n));
}

/* The words that libvirt passes for an interface with two queues, whose
 * descriptors it has opened. */
static void test_descriptors_that_were_passed_are_used(void)
{
    Net net = { .n_taps = 2 };
    int tap[2], vhost[2];

    for (unsigned i = 0; i < 2; i++) {
        int fds[2];

        g_assert_cmpint(socketpair(AF_UNIX,
                                   SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                                   fds),
                        ==, 0);
        tap[i] = fds[0];
        net.network[i] = fds[1];
        vhost[i] = memfd_create("fake-vhost-net", MFD_CLOEXEC);
        qtest_inherit(tap[i], (int)(NET_TAP_FD + i));
        qtest_inherit(vhost[i], (int)(NET_TAP_FD + 2 + i));
    }
    fake_machine_start(
        &net.m, NULL,
        "-netdev '{\"type\":\"tap\",\"fds\":\"20:21\",\"id\":\"hostnet0\","
        "\"vhost\":true,\"vhostfds\":\"22:23\"}' -device "
        "'{\"driver\":\"virtio-net-pci\",\"mq\":true,\"vectors\":6,"
        "\"netdev\":\"hostnet0\",\"id\":\"net0\",\"mac\":\"" NET_MAC "\","
        "\"bus\":\"pcie.0\",\"addr\":\"0x3\"}'");
    for (unsigned i = 0; i < 2; i++) {
        close_fd(&tap[i]);
        close_fd(&vhost[i]);
    }
    net.pci = qpci_device_at(&net.m.bus, QPCI_DEVFN(NET_SLOT, 0));
    qpci_device_enable(net.pci);
    net.page = guest_alloc(net.m.alloc, 4 * GUEST_PAGE_SIZE);
    g_assert_cmpint(fake_count(net.m.fake, "open"), ==, 0);
    net_drive(&net, NET_ALL, 5, QVIRTIO_MSIX);
    net_check_packets(&net, 0);
    g_assert_cmpuint(set_pairs(&net, 4, 2), ==, VIRTIO_NET_OK);
    net_check_packets(&net, 1);
    net_stop(&net);
}

static void test_pairs_come_and_go(void)
{
    static const char *const two[] = { "TUNSETQUEUE fd=21 -> 0\n", NULL };
    g_autofree char *calls = NULL;
    int64_t before;
    Net net;

    net_start(&net, 4, "mq=on");
    net_drive(&net, NET_ALL, 9, QVIRTIO_POLL);
    g_assert_cmpint(fake_count(net.m.fake, "VHOST_SET_OWNER"), ==, 4);
    /* Of four queues three were taken away at the start. */
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 3);
    before = net_n_calls(&net);
    g_assert_cmpuint(set_pairs(&net, 8, 2), ==, VIRTIO_NET_OK);
    calls = net_calls(&net, before);
    assert_calls(calls, two);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 4);
    g_assert_cmpuint(set_pairs(&net, 8, 4), ==, VIRTIO_NET_OK);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 6);
    for (unsigned i = 0; i < 4; i++) {
        net_check_packets(&net, i);
    }
    g_assert_cmpuint(set_pairs(&net, 8, 1), ==, VIRTIO_NET_OK);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 9);
    g_assert_cmpuint(set_pairs(&net, 8, 0), ==, VIRTIO_NET_ERR);
    g_assert_cmpuint(set_pairs(&net, 8, 5), ==, VIRTIO_NET_ERR);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 9);
    net_check_packets(&net, 0);
    net_stop(&net);
}

static void test_pairs_that_the_kernel_refuses_are_an_error(void)
{
    Net net;

    net_start(&net, 2, "mq=on");
    net_drive(&net, NET_ALL, 5, QVIRTIO_POLL);
    fake_ok(net.m.fake, "fail TUNSETQUEUE 1 ENOMEM");
    g_assert_cmpuint(set_pairs(&net, 4, 2), ==, VIRTIO_NET_ERR);
    net_check_packets(&net, 0);
    g_assert_cmpuint(set_pairs(&net, 4, 2), ==, VIRTIO_NET_OK);
    net_check_packets(&net, 1);
    net_stop(&net);
}

/* What came before the one that is refused goes again. */
static void test_pairs_come_all_or_none(void)
{
    Net net;

    net_start(&net, 4, "mq=on");
    net_drive(&net, NET_ALL, 9, QVIRTIO_POLL);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 3);
    fake_ok(net.m.fake, "fail TUNSETQUEUE 2 ENOMEM");
    g_assert_cmpuint(set_pairs(&net, 8, 4), ==, VIRTIO_NET_ERR);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 6);
    g_assert_cmpuint(set_pairs(&net, 8, 1), ==, VIRTIO_NET_OK);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 6);
    net_check_packets(&net, 0);
    g_assert_cmpuint(set_pairs(&net, 8, 4), ==, VIRTIO_NET_OK);
    g_assert_cmpint(fake_count(net.m.fake, "TUNSETQUEUE"), ==, 9);
    net_stop(&net);
}

/* 5.1.2: without VIRTIO_NET_F_MQ it is the third queue, whatever there are. */
static void test_driver_without_mq_finds_its_control_queue(void)
{
    uint8_t on = 1;
    Net net;

    net_start(&net, 4, "mq=on,rx_queue_size=1024");
    net_drive(&net, NET_ALL & ~MQ, 3, QVIRTIO_MSIX);
    g_assert_cmpuint(qvirtio_pci_queue_size(&net.dev.regs, 2), ==, 64);
    net_check_packets(&net, 0);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_RX,
                             VIRTIO_NET_CTRL_RX_PROMISC, &on, 1),
                     ==, VIRTIO_NET_OK);
    g_assert_cmpuint(set_pairs(&net, 2, 1), ==, VIRTIO_NET_ERR);
    net_undrive(&net);
    net_drive(&net, NET_ALL, 9, QVIRTIO_MSIX);
    g_assert_cmpuint(set_pairs(&net, 8, 4), ==, VIRTIO_NET_OK);
    net_check_packets(&net, 1);
    net_stop(&net);
}

static void test_address_is_the_drivers_until_the_reset(void)
{
    static const uint8_t other[] = { 0x02, 1, 2, 3, 4, 5 };
    static const uint8_t group[] = { 0x03, 1, 2, 3, 4, 5 };
    uint8_t mac[6];
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_MAC,
                             VIRTIO_NET_CTRL_MAC_ADDR_SET, group, 6),
                     ==, VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_MAC,
                             VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 5),
                     ==, VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_MAC,
                             VIRTIO_NET_CTRL_MAC_ADDR_SET, other, 6),
                     ==, VIRTIO_NET_OK);
    qvirtio_pci_read_config(&net.dev.regs, 0, mac, 6);
    g_assert_cmpmem(mac, 6, other, 6);
    qvirtio_reset(&net.dev);
    qvirtio_pci_read_config(&net.dev.regs, 0, mac, 6);
    g_assert_cmpmem(mac, 6, own_mac, 6);
    net_stop(&net);
}

/* Two tables of @n addresses each. */
static uint8_t set_tables(Net *net, uint32_t n, uint32_t bytes)
{
    g_autofree uint8_t *data = g_malloc0(2 * (4 + 6 * (size_t)n) + 1);

    memcpy(data, &n, 4);
    memcpy(data + 4 + 6 * (size_t)n, &n, 4);
    return command(net, 2, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
                   data, bytes);
}

static void test_tables_have_a_limit_and_must_be_whole(void)
{
    const uint32_t huge[] = { UINT32_MAX, 0 };
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    g_assert_cmpuint(set_tables(&net, 0, 8), ==, VIRTIO_NET_OK);
    g_assert_cmpuint(set_tables(&net, 64, 2 * (4 + 6 * 64)), ==, VIRTIO_NET_OK);
    g_assert_cmpuint(set_tables(&net, 65, 2 * (4 + 6 * 65)), ==, VIRTIO_NET_OK);
    g_assert_cmpuint(set_tables(&net, 64, 2 * (4 + 6 * 64) - 1), ==,
                     VIRTIO_NET_ERR);
    g_assert_cmpuint(set_tables(&net, 1, 4), ==, VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_MAC,
                             VIRTIO_NET_CTRL_MAC_TABLE_SET, huge, 8),
                     ==, VIRTIO_NET_ERR);
    net_stop(&net);
}

static void test_vlans_and_modes_are_checked(void)
{
    const uint16_t last = 4095, beyond = 4096;
    const uint8_t on = 1;
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_VLAN,
                             VIRTIO_NET_CTRL_VLAN_ADD, &last, 2),
                     ==, VIRTIO_NET_OK);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_VLAN,
                             VIRTIO_NET_CTRL_VLAN_DEL, &last, 2),
                     ==, VIRTIO_NET_OK);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_VLAN,
                             VIRTIO_NET_CTRL_VLAN_ADD, &beyond, 2),
                     ==, VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_VLAN, 2, &last, 2), ==,
                     VIRTIO_NET_ERR);
    for (uint8_t mode = 0; mode < 6; mode++) {
        g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_RX, mode, &on, 1), ==,
                         VIRTIO_NET_OK);
    }
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_RX, 6, &on, 1), ==,
                     VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_RX, 0, NULL, 0), ==,
                     VIRTIO_NET_ERR);
    g_assert_cmpuint(command(&net, 2, 77, 0, &on, 1), ==, VIRTIO_NET_ERR);
    net_stop(&net);
}

static void test_offloads_change_while_it_runs(void)
{
    const uint64_t csum = QVIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM);
    const uint64_t other = QVIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4);
    g_autofree char *calls = NULL;
    int64_t before;
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    before = net_n_calls(&net);
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
                             VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &csum, 8),
                     ==, VIRTIO_NET_OK);
    calls = net_calls(&net, before);
    g_assert_cmpstr(calls, ==, "TUNSETOFFLOAD fd=20 offload=0x1 -> 0\n");
    g_assert_cmpuint(command(&net, 2, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
                             VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &other, 8),
                     ==, VIRTIO_NET_ERR);
    net_stop(&net);
}

static void test_command_without_room_for_an_answer_is_a_fault(void)
{
    QVirtBuf buf;
    QTestPoll poll = { 0 };
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    buf = (QVirtBuf){ net.page, 3, false };
    (void)qvring_add(net.dev.queues[2], &buf, 1, false);
    qvirtio_kick(&net.dev, 2);
    while (!(qvirtio_pci_get_status(&net.dev.regs) &
             VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(net.m.qts, &poll, "the fault");
    }
    net_undrive(&net);
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    net_check_packets(&net, 0);
    net_stop(&net);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/offer/config",
                    test_device_is_a_card_with_its_address);
    g_test_add_func("/net/offer/traps",
                    test_features_that_are_traps_are_not_offered);
    g_test_add_func("/net/offer/needs",
                    test_features_that_lack_what_they_need_are_not_offered);
    g_test_add_func("/net/offer/sizes",
                    test_queue_sizes_are_those_of_the_properties);
    g_test_add_func("/net/start/order", test_start_and_stop_are_in_order);
    g_test_add_func("/net/start/offloads",
                    test_offloads_are_those_that_were_acknowledged);
    g_test_add_func("/net/start/packets",
                    test_packets_flow_with_every_kind_of_interrupt);
    g_test_add_func("/net/start/one-queue",
                    test_driver_with_one_queue_is_served);
    g_test_add_func("/net/start/passed",
                    test_descriptors_that_were_passed_are_used);
    g_test_add_func("/net/control/pairs", test_pairs_come_and_go);
    g_test_add_func("/net/control/pairs-refused",
                    test_pairs_that_the_kernel_refuses_are_an_error);
    g_test_add_func("/net/control/pairs-all-or-none",
                    test_pairs_come_all_or_none);
    g_test_add_func("/net/control/without-mq",
                    test_driver_without_mq_finds_its_control_queue);
    g_test_add_func("/net/control/address",
                    test_address_is_the_drivers_until_the_reset);
    g_test_add_func("/net/control/tables",
                    test_tables_have_a_limit_and_must_be_whole);
    g_test_add_func("/net/control/filters", test_vlans_and_modes_are_checked);
    g_test_add_func("/net/control/offloads",
                    test_offloads_change_while_it_runs);
    g_test_add_func("/net/control/fault",
                    test_command_without_room_for_an_answer_is_a_fault);
    return g_test_run();
}
