/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net-pci and -netdev: command lines that are right and wrong, and a kernel
 * each of whose calls fails once. */
#include "net-machine.h"

static const uint8_t own_mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

/* --- the command line --- */

#define NET "-netdev tap,id=n0"
#define NIC " -device virtio-net-pci,netdev=n0"

static const struct {
    const char *args, *message;
} refused[] = {
    { "-netdev user,id=n0",
      "-netdev: netdev type 'user' is not supported: the kernel's vhost-net "
      "moves the packets of a tap, give 'tap'" },
    { "-netdev tap", "-netdev: Parameter 'id' is missing" },
    { "-netdev tap,id=1", "-netdev: Parameter 'id' expects an identifier" },
    { NET " " NET, "-netdev: Duplicate ID 'n0' for netdev" },
    { NET ",vhost=off",
      "-netdev: netdev 'n0': vhost=off is not supported: the kernel's "
      "vhost-net moves the packets, leave it out" },
    { NET ",vnet_hdr=off",
      "-netdev: netdev 'n0': vnet_hdr=off is not supported: leave it out" },
    { NET ",queus=2",
      "-netdev: Parameter 'queus' is unexpected; did you mean 'queues'?" },
    { NET ",queues=257",
      "-netdev: netdev 'n0': property 'queues' cannot be '257': a number from "
      "1 to 256 is expected" },
    { NET ",fd=5,fds=6:7",
      "-netdev: netdev 'n0': fd= and fds=, or vhostfd= and vhostfds=, exclude "
      "each other: give one of them" },
    { NET ",fd=5,ifname=tap0",
      "-netdev: netdev 'n0': ifname=, queues=, br=, script= and downscript= "
      "are invalid with fd= or fds=: leave them out" },
    { NET ",fd=500",
      "-netdev: netdev 'n0': property 'fd': descriptor 500 is not open: Bad "
      "file descriptor" },
    { NET ",fd=name",
      "-netdev: netdev 'n0': property 'fd': no file descriptor is called "
      "'name': pass one with getfd, or give the number of an inherited one" },
    { NET ",ifname=abcdefghijklmnop",
      "-netdev: netdev 'n0': property 'ifname' cannot be 'abcdefghijklmnop': "
      "at most 15 characters are expected" },
    { NET ",script=/nonexistent",
      "-netdev: netdev 'n0': script '/nonexistent' failed: " },
    { NET ",script=/bin/false",
      "-netdev: netdev 'n0': script '/bin/false' failed: " },
    { "-device virtio-net-pci",
      "-device: virtio-net-pci: property 'netdev' is required: " },
    { "-device virtio-net-pci,netdev=n1",
      "-device: virtio-net: there is no netdev 'n1': make it with -netdev "
      "tap,id=n1" },
    { NET NIC ",id=a" NIC,
      "-device: virtio-net: netdev 'n0' is in use by device 'a': give each "
      "card one of its own" },
    { NET NIC ",mac=52:54:00:12:34",
      "-device: virtio-net: property 'mac' cannot be '52:54:00:12:34': an "
      "address of one station such as 52:54:00:12:34:56 is expected" },
    { NET NIC ",mac=53:54:00:12:34:56",
      "-device: virtio-net: property 'mac' cannot be '53:54:00:12:34:56': an "
      "address of one station such as 52:54:00:12:34:56 is expected" },
    { NET NIC ",mac=52:54:00:12:34:567",
      "-device: virtio-net: property 'mac' cannot be '52:54:00:12:34:567': " },
    { NET NIC ",rx_queue_size=128",
      "-device: virtio-net: property 'rx_queue_size' cannot be '128': a power "
      "of two from 256 to 1024 is expected" },
    { NET NIC ",tx_queue_size=2048",
      "-device: virtio-net: property 'tx_queue_size' cannot be '2048': a "
      "power of two from 256 to 1024 is expected" },
    { NET NIC ",host_mtu=67",
      "-device: virtio-net: property 'host_mtu' cannot be '67': 68 or more is "
      "expected" },
    { NET NIC ",mq=on,ctrl_vq=off",
      "-device: virtio-net: mq=on needs the control queue: leave ctrl_vq=off "
      "out" },
    { "-nic user", "-nic: netdev type 'user' is not supported: " },
    { "-nic tap,model=e1000",
      "-nic: model 'e1000' is not supported: give virtio-net-pci, or leave it "
      "out" },
};

static void test_command_lines_are_refused_in_one_line(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *begin = g_strconcat(
            "qemu-system-x86_64: ", refused[i].message, NULL);
        QTestExit *e = fake_machine_refused(NULL, refused[i].args, NULL);

        g_test_message("%s", refused[i].args);
        g_assert_cmpint(e->status, ==, 1);
        if (!g_str_has_prefix(e->stderr, begin)) {
            g_assert_cmpstr(e->stderr, ==, begin);
        }
        g_assert_true(strchr(e->stderr, '\n') == strrchr(e->stderr, '\n'));
        qtest_exit_free(e);
    }
}

static void test_nic_is_a_netdev_and_a_card(void)
{
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    uint8_t mac[6];

    fake_machine_start(&m, NULL, "-nic tap,addr=3,mac=" NET_MAC " -nic none");
    pci = qpci_device_at(&m.bus, QPCI_DEVFN(3, 0));
    g_assert_nonnull(pci);
    qpci_device_enable(pci);
    qvirtio_init(&dev, pci, m.alloc);
    qvirtio_pci_read_config(&dev.regs, 0, mac, 6);
    g_assert_cmpmem(mac, 6, own_mac, 6);
    qpci_device_free(pci);
    fake_machine_stop(&m);
}

static void read_made_mac(const char *args, uint8_t mac[6])
{
    g_autofree char *line = g_strdup_printf(
        "-netdev tap,id=n0 -device virtio-net-pci,netdev=n0,addr=3%s", args);
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;

    fake_machine_start(&m, NULL, line);
    pci = qpci_device_at(&m.bus, QPCI_DEVFN(3, 0));
    qpci_device_enable(pci);
    qvirtio_init(&dev, pci, m.alloc);
    qvirtio_pci_read_config(&dev.regs, 0, mac, 6);
    qpci_device_free(pci);
    fake_machine_stop(&m);
}

static void test_address_that_is_made_is_stable(void)
{
    uint8_t a[6], b[6], c[6], d[6];

    read_made_mac(",id=net0 -name vm", a);
    read_made_mac(",id=net0 -name vm", b);
    read_made_mac(",id=net1 -name vm", c);
    read_made_mac(",id=net0 -name other", d);
    g_assert_cmpmem(a, 3, own_mac, 3);
    g_assert_cmpmem(a, 6, b, 6);
    g_assert_cmpint(memcmp(a, c, 6), !=, 0);
    g_assert_cmpint(memcmp(a, d, 6), !=, 0);
}

/* --- failures of the kernel --- */

#define PLAIN                             \
    "-netdev tap,id=n0,queues=2 -device " \
    "virtio-net-pci,netdev=n0,addr=3,mq=on"

/* Each call of a start of the program fails once: one line, status 1, and every
 * device is closed; or, what only tries something out, the program starts. */
static void test_realize_any_call_fails_is_refused(void)
{
    g_auto(GStrv) calls = NULL;
    FakeMachine m;

    fake_machine_start(&m, NULL, PLAIN);
    {
        g_autofree char *text = fake_machine_calls(&m, 1);

        calls = g_strsplit(g_strchomp(text), "\n", -1);
    }
    fake_machine_stop(&m);
    g_assert_cmpuint(g_strv_length(calls), >, 10);
    for (unsigned i = 0, n = 0; calls[i]; i++) {
        g_autofree char *knobs = NULL;
        QTestExit *e;

        if (g_str_has_prefix(calls[i], "open ")) {
            continue; /* is none that "any" counts */
        }
        knobs = g_strdup_printf("fail=any:%u:EIO", ++n);
        g_test_message("%s", calls[i]);
        if (g_str_has_prefix(calls[i], "TUNSETOFFLOAD ")) {
            fake_machine_start(&m, knobs, PLAIN);
            fake_machine_stop(&m);
            continue;
        }
        e = fake_machine_refused(knobs, PLAIN, NULL);
        g_assert_cmpint(e->status, ==, 1);
        g_assert_true(g_str_has_suffix(e->stderr, ": Input/output error\n"));
        g_assert_true(strchr(e->stderr, '\n') == strrchr(e->stderr, '\n'));
        qtest_exit_free(e);
    }
}

/* Each call of the driver's start fails once: the device needs a reset, and
 * works after it. */
static void test_start_any_call_fails_needs_a_reset(void)
{
    g_auto(GStrv) calls = NULL;
    g_autofree char *text = NULL;
    int64_t before;
    Net net;

    net_start(&net, 2, "mq=on");
    before = net_n_calls(&net);
    net_drive(&net, NET_ALL, 5, QVIRTIO_POLL);
    text = net_calls(&net, before);
    calls = g_strsplit(g_strchomp(text), "\n", -1);
    g_assert_cmpuint(g_strv_length(calls), >, 30);
    for (unsigned i = 0; calls[i]; i++) {
        g_test_message("%s", calls[i]);
        net_undrive(&net);
        qvirtio_init(&net.dev, net.pci, net.m.alloc);
        qvirtio_negotiate(&net.dev, NET_ALL);
        qvirtio_setup_queues(&net.dev, 5, QVIRTIO_POLL);
        fake_ok(net.m.fake, "fail any %u EIO", i + 1);
        qvirtio_pci_set_status(&net.dev.regs, FAKE_DRIVER_RUNS);
        g_assert_cmphex(qvirtio_pci_get_status(&net.dev.regs), ==,
                        FAKE_DRIVER_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
        fake_ok(net.m.fake, "nofail");
    }
    net_undrive(&net);
    net_drive(&net, NET_ALL, 5, QVIRTIO_POLL);
    net_check_packets(&net, 0);
    net_stop(&net);
}

/* What fails in a stop is survived. */
static void test_stop_any_call_fails_is_survived(void)
{
    g_auto(GStrv) calls = NULL;
    g_autofree char *text = NULL;
    int64_t before;
    Net net;

    net_start(&net, 1, "");
    net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
    before = net_n_calls(&net);
    net_undrive(&net);
    text = net_calls(&net, before);
    calls = g_strsplit(g_strchomp(text), "\n", -1);
    for (unsigned i = 0; calls[i]; i++) {
        g_test_message("%s", calls[i]);
        net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
        fake_ok(net.m.fake, "fail any %u EIO", i + 1);
        net_undrive(&net);
        fake_ok(net.m.fake, "nofail");
        net_drive(&net, NET_ALL, 3, QVIRTIO_POLL);
        net_check_packets(&net, 0);
        net_undrive(&net);
    }
    net_stop(&net);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/cmdline/refused",
                    test_command_lines_are_refused_in_one_line);
    g_test_add_func("/net/cmdline/nic", test_nic_is_a_netdev_and_a_card);
    g_test_add_func("/net/cmdline/mac", test_address_that_is_made_is_stable);
    g_test_add_func("/net/fail/realize",
                    test_realize_any_call_fails_is_refused);
    g_test_add_func("/net/fail/start", test_start_any_call_fails_needs_a_reset);
    g_test_add_func("/net/fail/stop", test_stop_any_call_fails_is_survived);
    return g_test_run();
}
