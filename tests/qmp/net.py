#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks that come and go, the link, and what cards' drivers want, on the
stand-ins for /dev/vhost-net and a tap.
usage: net.py BINARY [TEST...]"""

import socket

from hung import hang, others_answer
from qemu import Machine, equal, main

PORT = 3    # slot of the root port
ROOT_PORT = ("-device", f"pcie-root-port,id=pci.1,addr={PORT},chassis=1")
NETDEV = ("-netdev", "tap,id=n0")
CARD = ("-device", "virtio-net-pci,id=net0,netdev=n0,mac=52:54:00:12:34:56")


def machine(*args, **options):
    return Machine(*args, fake=options.pop("fake", ""), **options)


def add(qmp, name="n0", **more):
    return qmp.cmd("netdev_add", type="tap", id=name, **more)


def remove(qmp):
    """The guest has not switched the slot on: it goes at once."""
    qmp.cmd("device_del", id="net0")
    while qmp.event("DEVICE_DELETED")["data"].get("device") != "net0":
        pass


def carriers(m):
    return m.fake("count TUNSETCARRIER")


def test_netdevs_come_and_go():
    with machine() as m:
        qmp = m.qmp()
        before = m.count("fd")
        equal(add(qmp), {})
        one = m.count("fd") - before    # the stand-in has one of its own
        equal(qmp.error("netdev_add", type="tap", id="n0").desc,
              "Duplicate ID 'n0' for netdev")
        equal(add(qmp, "n1", queues=4, ifname="lab0"), {})
        equal(m.count("fd"), before + 5 * one)
        for name in ("n0", "n1"):
            equal(qmp.cmd("netdev_del", id=name), {})
        equal(m.count("fd"), before)
        e = qmp.error("netdev_del", id="n0")
        equal((e.cls, e.desc), ("DeviceNotFound", "Device 'n0' not found"))


def test_what_there_is():
    """x-query-netdev, and info network of the monitor for people."""
    def info(qmp):
        return qmp.cmd("human-monitor-command",
                       **{"command-line": "info network"})

    with machine(*NETDEV, *CARD) as m:
        qmp = m.qmp()
        equal(add(qmp, "n1", queues=4, ifname="lab0"), {})
        first, second = qmp.cmd("x-query-netdev")
        equal(first, {
            "id": "n0", "type": "tap", "ifname": first["ifname"], "queues": 1,
            "link": True, "card": "net0", "model": "virtio-net-pci",
            "main-mac": "52:54:00:12:34:56"})
        equal(second, {"id": "n1", "type": "tap", "ifname": "lab0",
                       "queues": 4, "link": True})
        equal(info(qmp).splitlines(), [
            "net0: index=0,type=nic,model=virtio-net-pci,"
            "macaddr=52:54:00:12:34:56",
            f" \\ n0: index=0,type=tap,ifname={first['ifname']},queues=1",
            "n1: index=0,type=tap,ifname=lab0,queues=4"])
        qmp.cmd("set_link", name="net0", up=False)
        assert "queues=1,link=down" in info(qmp), info(qmp)
    with machine() as m:
        equal(info(m.qmp()), "")


def test_arguments_are_checked():
    with machine() as m:
        qmp = m.qmp()
        equal(qmp.error("netdev_add", type="user", id="n0").desc,
              "Parameter 'type' does not accept value 'user'")
        equal(qmp.error("netdev_add", type="tap", id="n0", queus=1).desc,
              "Parameter 'queus' is unexpected; did you mean 'queues'?")
        equal(qmp.error("netdev_add", type="tap", id="n0", vhost=False).desc,
              "netdev 'n0': vhost=off is not supported: the kernel's "
              "vhost-net moves the packets, leave it out")
        equal(qmp.error("netdev_add", type="tap", id="1").desc,
              "Parameter 'id' expects an identifier")


def test_limit_of_netdevs():
    with machine("-machine", "none") as m:
        qmp = m.qmp()
        for i in range(64):     # as many taps as the stand-in has
            add(qmp, f"n{i}")
        for i in range(64):
            qmp.cmd("netdev_del", id=f"n{i}")


def test_a_tap_by_name():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with machine() as m, ours:
        qmp = m.qmp()
        before = m.count("fd")
        qmp.execute("getfd", {"fdname": "tap"}, fds=[theirs.fileno()])
        theirs.close()
        add(qmp, fd="tap")
        equal(m.count("fd"), before + 1)
        equal(qmp.error("netdev_add", type="tap", id="n1", fd="tap").desc,
              "netdev 'n1': property 'fd': no file descriptor is called "
              "'tap': pass one with getfd, or give the number of an inherited "
              "one")
        qmp.cmd("netdev_del", id="n0")
        equal(m.count("fd"), before)


def test_what_is_no_tap_is_refused():
    ours, theirs = socket.socketpair()
    with machine() as m, ours:
        qmp = m.qmp()
        before = m.count("fd")
        qmp.execute("getfd", {"fdname": "tap"}, fds=[theirs.fileno()])
        theirs.close()
        equal(qmp.error("netdev_add", type="tap", id="n0", fd="tap").desc,
              "netdev 'n0': descriptor 1 is no tap: pass one of /dev/net/tun, "
              "or of a macvtap")
        equal(m.count("fd"), before)


def test_a_card_comes_and_goes_with_its_netdev():
    with machine("-S", *ROOT_PORT) as m:
        qmp = m.qmp()
        fds, threads = m.count("fd"), m.count("task")
        for _ in range(20):
            add(qmp, queues=2)
            qmp.cmd("device_add", driver="virtio-net-pci", id="net0",
                    netdev="n0", bus="pci.1", mq=True)
            equal(qmp.error("netdev_del", id="n0").desc,
                  "netdev 'n0' is in use by device 'net0': remove that first "
                  "(device_del)")
            add(qmp, "n1")
            e = qmp.error("device_add", driver="virtio-net-pci", id="net1",
                          netdev="n0", bus="pci.1", addr="0.1")
            assert "netdev 'n0' is in use by device 'net0'" in e.desc, e.desc
            remove(qmp)
            for name in ("n0", "n1"):
                qmp.cmd("netdev_del", id=name)
        equal((m.count("fd"), m.count("task")), (fds, threads))


def test_a_netdev_is_used_again():
    with machine("-S", *ROOT_PORT, *NETDEV) as m:
        qmp = m.qmp()
        for _ in range(3):
            qmp.cmd("device_add", driver="virtio-net-pci", id="net0",
                    netdev="n0", bus="pci.1")
            remove(qmp)


def test_a_card_that_cannot_be_leaves_its_netdev():
    with machine("-S", *ROOT_PORT, *NETDEV) as m:
        qmp = m.qmp()
        m.fake("fail SET_OWNER 1 ENOMEM")
        e = qmp.error("device_add", driver="virtio-net-pci", id="net0",
                      netdev="n0", bus="pci.1")
        assert "VHOST_SET_OWNER failed: Cannot allocate memory" in e.desc, e
        qmp.cmd("device_add", driver="virtio-net-pci", id="net0",
                netdev="n0", bus="pci.1")


def link_bit(m):
    """Of the status in the card's configuration space: BAR 4 at 0x2000."""
    bar = 0xd0000000
    m.guest.config(4, 0x20, bar)
    m.guest.config(4, 0x24, 0)
    m.guest.config(4, 0x04, 0x6)
    return m.guest.do(f"readw {bar + 0x2006:#x}")


def test_the_link():
    card = ("-device", "virtio-net-pci,id=net0,netdev=n0,addr=4")
    with machine(*NETDEV, *card, guest=True) as m:
        qmp = m.qmp()
        equal(link_bit(m), 1)
        for name in ("net0", "n0"):
            equal(qmp.cmd("set_link", name=name, up=False), {})
            equal(link_bit(m), 0)
            equal(qmp.cmd("set_link", name=name, up=True), {})
            equal(link_bit(m), 1)
        equal(carriers(m), "4")
        e = qmp.error("set_link", name="n1", up=True)
        equal((e.cls, e.desc), ("DeviceNotFound", "Device 'n1' not found"))
        equal(qmp.hmp("set_link net0 off"), "")
        equal(link_bit(m), 0)


def test_filters_of_a_card_without_a_driver():
    with machine(*NETDEV, *CARD) as m:
        qmp = m.qmp()
        expected = {
            "name": "net0", "promiscuous": False, "multicast": "normal",
            "unicast": "normal", "vlan": "all", "broadcast-allowed": True,
            "multicast-overflow": False, "unicast-overflow": False,
            "main-mac": "52:54:00:12:34:56", "vlan-table": [],
            "unicast-table": [], "multicast-table": []}
        for args in ({}, {"name": "net0"}):
            equal(qmp.cmd("query-rx-filter", **args), [expected])
        e = qmp.error("query-rx-filter", name="disk0")
        equal(e.desc, "invalid net client name: disk0")


def test_announce_self_is_for_guests_that_can():
    with machine(*NETDEV, *CARD) as m:
        qmp = m.qmp()
        equal(qmp.cmd("announce-self", initial=50, max=550, rounds=5, step=50),
              {})


def test_workers_are_shown():
    with machine("-netdev", "tap,id=n0,queues=2", CARD[0],
                 CARD[1] + ",mq=on") as m:
        qmp = m.qmp()
        info = qmp.cmd("query-vhost-workers")
        equal([i["device"] for i in info], ["net0", "net0"])
        equal([[(q["index"], q["role"]) for q in i["workers"][0]["virtqueues"]]
               for i in info],
              [[(0, "receive"), (1, "transmit")],
               [(2, "receive"), (3, "transmit")]])


def test_monitor_for_people():
    with machine() as m:
        qmp = m.qmp()
        equal(qmp.hmp("netdev_add tap,id=n0"), "")
        equal(qmp.hmp("netdev_add tap,id=n0"),
              "Error: Duplicate ID 'n0' for netdev\r\n")
        equal(qmp.hmp("netdev_del n0"), "")
        equal(qmp.hmp("set_link n0 maybe"), "Expected 'on' or 'off'\r\n")


# --- a kernel that hangs ---

def begin(qmp, name, /, **args):
    qmp.send({"execute": name, "arguments": args})


def answered(qmp):
    answer = qmp.reply()
    assert "return" in answer, answer


def hang_in(m, qmp, others, call, name, /, **args):
    """@call waits in the kernel while command @name is at work."""
    hang(m, call)
    begin(qmp, name, **args)
    m.fake("wait blocked 1")
    others_answer(others)
    m.fake("release")
    answered(qmp)


def calls_of(m, qmp, name, /, **args):
    m.fake("reset")
    qmp.cmd(name, **args)
    return sorted({line.split()[1] for line in m.fake_lines("trace")[:-1]})


def test_a_call_that_hangs_holds_up_no_other_monitor():
    netdev = {"type": "tap", "id": "n0", "queues": 2}
    card = {"driver": "virtio-net-pci", "id": "net0", "netdev": "n0",
            "bus": "pci.1", "mq": True}
    with machine("-S", *ROOT_PORT, monitors=3) as m:
        qmp, *others = (m.qmp(i) for i in range(3))
        calls = calls_of(m, qmp, "netdev_add", **netdev)
        assert "TUNSETIFF" in calls and "TUNSETOFFLOAD" in calls, calls
        qmp.cmd("netdev_del", id="n0")
        for call in calls:
            if call != "open":
                hang_in(m, qmp, others, call, "netdev_add", **netdev)
                qmp.cmd("netdev_del", id="n0")
        qmp.cmd("netdev_add", **netdev)
        calls = calls_of(m, qmp, "device_add", **card)
        assert "VHOST_SET_OWNER" in calls and "TUNSETQUEUE" in calls, calls
        remove(qmp)
        for call in calls:
            hang_in(m, qmp, others, call, "device_add", **card)
            remove(qmp)


def test_a_start_or_stop_that_hangs_holds_up_no_other_monitor():
    card = ("-device", "virtio-net-pci,id=net0,netdev=n0,bus=pci.1")
    with machine(*ROOT_PORT, *NETDEV, *card, guest=True, monitors=3) as m:
        qmp, *others = (m.qmp(i) for i in range(3))
        m.guest.start_driver(PORT, queues=3)
        for first, then in (("stop", "cont"), ("cont", "stop")):
            calls = calls_of(m, qmp, first)
            assert "VHOST_NET_SET_BACKEND" in calls, calls
            qmp.cmd(then)
            for call in calls:
                hang_in(m, qmp, others, call, first)
                qmp.cmd(then)
            qmp.cmd(first)
        qmp.cmd("cont")
        for up in (False, True):
            for call in ("TUNSETCARRIER", "VHOST_NET_SET_BACKEND"):
                qmp.cmd("set_link", name="net0", up=not up)
                hang_in(m, qmp, others, call, "set_link", name="net0", up=up)
        equal(m.stderr(), "")


main(globals())
