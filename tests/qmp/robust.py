#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP against clients that send anything, and against a host whose kernel hangs.
The number of random sessions is $QMP_SESSIONS (default 2000), where they begin
$QMP_SEED.
usage: robust.py BINARY [TEST...]"""

import json
import os
import random
import select
import socket
import time

from hung import PORT, devices, hang, others_answer
from qemu import TIMEOUT, Machine, Qmp, connect, WWPN, equal, main

SESSIONS = int(os.environ.get("QMP_SESSIONS", "2000"))
SEED = int(os.environ.get("QMP_SEED", "1"))
DISK = f"vhost-scsi-pci,id=disk,wwpn={WWPN}"
OTHER = "naa.5001405bd1f60001"
MONITORS = 4
MONITORS_MAX = 128  # of monitor/monitor.h
WORDS = ("/", "/machine", "disk", "port", "/machine/peripheral/disk", "type",
         "num_queues", "vhost_*", "*", "info status", "info qtree", "info pci",
         "info stats vcpu", "help", "stop", "cont", "x", "", "\u20ac", "a" * 300,
         "vhost-scsi-pci", "pcie-root-port", WWPN, "pause", "none", "vm",
         "vcpu", "kvm", "events", "shutdown", "reset")


def any_value(rng, depth=3):
    kind = rng.randrange(8 if depth else 6)
    if kind == 6:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 7:
        return {rng.choice(WORDS): any_value(rng, depth - 1)
                for _ in range(rng.randrange(4))}
    return (None, rng.random() < 0.5, rng.choice((0, 1, -1, 2**63, -2**63, 7)),
            rng.random() * 1e9, rng.choice(WORDS), rng.choice(WORDS))[kind]


def likely_value(rng, schema, name):
    """One that the type allows, mostly."""
    e = schema[name]
    if rng.random() < 0.1:
        return any_value(rng)
    if e["meta-type"] == "enum":
        return rng.choice(e["values"])
    if e["meta-type"] == "array":
        return [likely_value(rng, schema, e["element-type"])
                for _ in range(rng.randrange(3))]
    if e["meta-type"] == "object":
        return arguments(rng, schema, e)
    return {"string": rng.choice(WORDS), "int": rng.randrange(-1, 300),
            "boolean": rng.random() < 0.5}.get(e.get("json-type"),
                                               any_value(rng))


def arguments(rng, schema, e):
    args = {}
    for member in e["members"]:
        if "default" not in member and rng.random() < 0.95 or \
                rng.random() < 0.4:
            args[member["name"]] = likely_value(rng, schema, member["type"])
    if rng.random() < 0.05:
        args[rng.choice(WORDS)] = any_value(rng)
    return args


def a_request(rng, schema, commands):
    name = rng.choice(commands)
    request = {"execute": name}
    args = arguments(rng, schema, schema[schema[name]["arg-type"]])
    if args or rng.random() < 0.2:
        request["arguments"] = args
    if rng.random() < 0.5:
        request["id"] = any_value(rng)
    return json.dumps(request, ensure_ascii=rng.random() < 0.5).encode()


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        action = rng.randrange(4)
        if action == 0:
            data[at:at] = bytes(rng.randrange(256)
                                for _ in range(rng.randrange(8)))
        elif action == 1:
            del data[at:at + rng.randrange(8)]
        elif action == 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        else:
            data[at:at] = data[at:at + rng.randrange(40)]
    return bytes(data)


def a_session(rng, schema, commands):
    """Bytes to send."""
    out = [b'{"execute":"qmp_capabilities"}'] if rng.random() < 0.9 else []
    for _ in range(rng.randrange(1, 20)):
        request = a_request(rng, schema, commands)
        if rng.random() < 0.3:
            request = mutated(rng, request)
        # A request to end would end the test.
        if b"quit" not in request and b'"q"' not in request:
            out.append(request)
    return rng.choice((b"", b"\n", b"\r\n", b" ")).join(out)


def run_session(m, rng, data):
    """Sends it in pieces, reads what comes, and leaves, sometimes early."""
    early = rng.random() < 0.3
    if not early:
        data += b'\n}]"\n{"execute":"query-name","id":"end"}\n'
    with connect(m.sockets[1]) as s:
        s.setblocking(False)
        while True:
            readable, writable, _ = select.select(
                [s], [s] if data else [], [], TIMEOUT)
            assert readable or writable, "neither takes nor gives"
            try:
                if readable and not s.recv(1 << 20):
                    return
                if writable:
                    data = data[s.send(data[:rng.randrange(1, 2000)]):]
                    if not data and early:
                        return
                    if not data:
                        s.shutdown(socket.SHUT_WR)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass


def tidy_up(qmp):
    """Ends the workers and the networks that somebody has made."""
    for name in WORDS:
        qmp.execute("netdev_del", {"id": name})
    for device in qmp.cmd("query-vhost-workers"):
        for worker in device["workers"]:
            where = {"id": device["qom-path"]}
            for queue in worker["virtqueues"]:
                qmp.cmd("vhost-attach-vring-worker", virtqueue=queue["index"],
                        worker_id=0, **where)
            if worker["worker-id"]:
                qmp.cmd("vhost-free-worker", worker_id=worker["worker-id"],
                        **where)


def test_random_and_mutated_sessions():
    with Machine("-device", PORT, "-device", DISK, "-D", "/dev/null",
                 monitors=2, fake="") as m:
        qmp = m.qmp(0)
        schema = {e["name"]: e for e in qmp.cmd("query-qmp-schema")}
        commands = [n for n, e in schema.items()
                    if e["meta-type"] == "command" and n != "quit"]
        tidy_up(qmp)
        fds, tasks = m.count("fd"), m.count("task")
        for i in range(SESSIONS):
            rng = random.Random(SEED + i)
            try:
                run_session(m, rng, a_session(rng, schema, commands))
                equal(qmp.cmd("query-target"), {"arch": "x86_64"})
            except Exception as e:
                raise AssertionError(f"at QMP_SEED={SEED + i} "
                                     "QMP_SESSIONS=1") from e
            qmp.events.clear()
        tidy_up(qmp)
        m.wait_for(lambda: m.count("task") <= tasks, "threads to end")
        assert m.count("fd") <= fds + 2, (m.count("fd"), fds)


# --- a kernel that hangs ---

def hung_machine():
    m = Machine("-device", PORT, "-device", DISK + ",bus=port",
                monitors=MONITORS, fake="", guest=True)
    m.guest.start_driver(4)
    return m


def is_told(qmp, name):
    """The answer after MONITOR_WAIT_SECONDS."""
    answer = qmp.reply()
    equal(answer["error"]["class"], "GenericError")
    assert answer["error"]["desc"].startswith(
        f"'{name}' is not done after 10 seconds"), answer


def check_hung_command(name, args, event):
    with hung_machine() as m:
        clients = [m.qmp(i) for i in range(MONITORS)]
        hung, others = clients[0], clients[1:]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        request = {"execute": name}
        if args:
            request["arguments"] = args
        hung.send(request)
        m.fake("wait blocked 1")
        others_answer(others)
        # A second one of its kind waits behind it, and its monitor with it.
        others[0].send({"execute": "cont"})
        others_answer(others[1:])
        # Nobody has been answered out of turn.
        hung.sock.setblocking(False)
        try:
            assert hung.sock.recv(1) and False, "it was answered"
        except BlockingIOError:
            pass
        hung.sock.setblocking(True)
        hung.sock.settimeout(60)
        is_told(hung, name)
        is_told(others[0], "cont")
        hung.cmd("query-status")
        others_answer(clients)
        m.fake("release")
        others[1].event(event)
        others_answer(clients)


def test_stop_while_the_kernel_hangs():
    check_hung_command("stop", None, "STOP")


def test_device_del_while_the_kernel_hangs():
    # The guest does not listen to its slot: the device goes at once.
    with hung_machine() as m:
        clients = [m.qmp(i) for i in range(MONITORS)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        equal(clients[0].cmd("device_del", id="disk"), {})
        m.fake("wait blocked 1")
        others_answer(clients)
        m.fake("release")
        while True:
            event = clients[1].event("DEVICE_DELETED")
            if event["data"].get("device") == "disk":
                break
        others_answer(clients)
        equal(clients[0].error("device_del", id="disk").cls, "DeviceNotFound")


def test_device_add_while_the_kernel_hangs():
    with Machine("-device", PORT, monitors=MONITORS, fake="") as m:
        clients = [m.qmp(i) for i in range(MONITORS)]
        hang(m, "SET_OWNER")
        clients[0].send({"execute": "device_add", "arguments": {
            "driver": "vhost-scsi-pci", "id": "disk", "wwpn": WWPN,
            "bus": "port"}})
        m.fake("wait blocked 1")
        others_answer(clients[1:])
        m.fake("release")
        equal(clients[0].reply(), {"return": {}})
        others_answer(clients)
        equal(clients[1].cmd("qom-get", path="disk", property="hotplugged"),
              True)


def test_device_add_that_was_refused_is_undone():
    with Machine("-device", PORT, monitors=2, fake="") as m:
        hung, other = m.qmp(0), m.qmp(1)
        args = {"driver": "vhost-scsi-pci", "id": "disk", "wwpn": WWPN,
                "bus": "port"}
        fds = m.count("fd")
        hang(m, "SET_OWNER")
        hung.send({"execute": "device_add", "arguments": args})
        m.fake("wait blocked 1")
        is_told(hung, "device_add")
        m.fake("release")
        # Behind the one that hung; only one of the two can have the port, the
        # target and the name.
        equal(other.cmd("device_add", **args), {})
        equal(len([e for e in other.events if e["event"].startswith("DEVICE")]),
              0)
        equal(other.cmd("device_del", id="disk"), {})
        other.event("DEVICE_DELETED")
        m.wait_for(lambda: m.count("fd") == fds, "descriptors to be closed")


def test_command_that_was_refused_before_it_began_is_dropped():
    with Machine("-device", PORT, "-device", DISK + ",bus=port", "-device",
                 "pcie-root-port,id=spare,chassis=2,addr=5", monitors=3,
                 fake=f"target={WWPN},target={OTHER}", guest=True) as m:
        hung, other, third = (m.qmp(i) for i in range(3))
        m.guest.start_driver(4)
        hang(m, "SCSI_CLEAR_ENDPOINT")
        hung.send({"execute": "stop"})
        m.fake("wait blocked 1")
        other.send({"execute": "device_add", "arguments": {
            "driver": "vhost-scsi-pci", "id": "late", "bus": "spare",
            "wwpn": OTHER}})
        is_told(hung, "stop")
        is_told(other, "device_add")
        m.fake("release")
        third.event("STOP")
        equal(third.cmd("cont"), {})  # behind it
        assert "late" not in devices(third)


def test_worker_that_was_refused_is_undone():
    with Machine("-device", DISK + ",num_queues=2", monitors=2, fake="") as m:
        hung, other = m.qmp(0), m.qmp(1)
        threads = m.count("task")
        hang(m, "NEW_WORKER")
        hung.send({"execute": "vhost-new-worker",
                   "arguments": {"id": "disk", "name": "late"}})
        m.fake("wait blocked 1")
        is_told(hung, "vhost-new-worker")
        m.fake("release")
        equal(other.cmd("vhost-get-vring-worker", id="disk", virtqueue=2),
              {"worker-id": 0})  # behind it
        equal(len(other.cmd("query-vhost-workers")[0]["workers"]), 1)
        equal(list(other.events), [])
        m.wait_for(lambda: m.count("task") == threads, "the thread to end")


# --- one disk that hangs, among others ---

def two_disks():
    """"disk" sits behind "port", with a driver; "other" on the root bus, and
    the ports "spare" and "last" are empty."""
    m = Machine("-device", PORT, "-device", DISK + ",bus=port,num_queues=2",
                "-device", "pcie-root-port,id=spare,chassis=2,addr=5",
                "-device", "pcie-root-port,id=last,chassis=3,addr=6",
                "-device", f"vhost-scsi-pci,id=other,wwpn={OTHER},num_queues=2",
                monitors=3, fake=f"target={WWPN},target={OTHER},target=naa."
                "5001405bd1f60002,target=naa.5001405bd1f60003", guest=True)
    m.guest.start_driver(4)
    return m


def add_and_remove(qmp, wwpn):
    equal(qmp.cmd("device_add", driver="vhost-scsi-pci", id="third",
                  wwpn=wwpn, bus="spare"), {})
    equal(qmp.cmd("device_del", id="third"), {})
    while True:
        event = qmp.event("DEVICE_DELETED")
        if event["data"].get("device") == "third":
            break


def use_workers(qmp):
    worker = qmp.cmd("vhost-new-worker", id="other")["worker-id"]
    qmp.cmd("vhost-attach-vring-worker", id="other", virtqueue=3,
            worker_id=worker)
    equal(qmp.cmd("vhost-get-vring-worker", id="other", virtqueue=3),
          {"worker-id": worker})
    qmp.cmd("vhost-set-worker-affinity", id="other", worker_id=worker, cpus="0")
    qmp.cmd("vhost-attach-vring-worker", id="other", virtqueue=3, worker_id=0)
    qmp.cmd("vhost-free-worker", id="other", worker_id=worker)


def check_others_go_on(m, clients, call, begin):
    """@begin makes a disk wait in @call. Nothing is released until all others
    were served, so that no time is taken."""
    threads, fds = m.count("task"), m.count("fd")
    hang(m, call)
    begin(clients[0])
    m.fake("wait blocked 1")
    m.fake("pass")
    for _ in range(2):
        add_and_remove(clients[1], "naa.5001405bd1f60002")
        use_workers(clients[1])
    equal(m.fake("blocked"), "1")
    others_answer(clients[1:])
    m.fake("release")
    return threads, fds


def test_removal_that_hangs_holds_up_itself_alone():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        check_others_go_on(m, clients, "SCSI_CLEAR_ENDPOINT",
                           lambda q: q.cmd("device_del", id="disk"))
        while True:
            event = clients[2].event("DEVICE_DELETED")
            if event["data"].get("device") == "disk":
                break
        equal(devices(clients[1]), {"port", "spare", "last", "other"})


def test_worker_command_that_hangs_holds_up_itself_alone():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        threads, fds = check_others_go_on(
            m, clients, "GET_VRING_WORKER",
            lambda q: q.send({"execute": "vhost-get-vring-worker", "arguments":
                              {"id": "disk", "virtqueue": 2}}))
        equal(clients[0].reply()["return"], {"worker-id": 0})
        m.wait_for(lambda: m.count("task") == threads, "threads to end")
        m.wait_for(lambda: m.count("fd") == fds, "descriptors to be closed")


def check_threads_are_distinct(qmp):
    """A worker may be without a thread, but has no other's."""
    tids = [w["tid"] for d in qmp.cmd("query-vhost-workers")
            for w in d["workers"] if "tid" in w]
    equal(len(set(tids)), len(tids), f"threads of {tids}")


def test_worker_that_hangs_does_not_get_the_thread_of_another():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        hang(m, "NEW_WORKER")
        clients[0].send({"execute": "vhost-new-worker",
                         "arguments": {"id": "disk"}})
        m.fake("wait blocked 1")
        m.fake("pass")
        for _ in range(3):
            clients[1].cmd("vhost-new-worker", id="other")
        m.fake("release")
        equal(clients[0].reply()["return"], {"worker-id": 1})
        check_threads_are_distinct(clients[1])


def test_device_add_that_hangs_holds_up_itself_alone():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        clients[0].cmd("device_del", id="disk")
        while clients[0].event("DEVICE_DELETED")["data"].get("device") != "disk":
            pass
        check_others_go_on(
            m, clients, "SCSI_SET_ENDPOINT",
            lambda q: q.send({"execute": "device_add", "arguments": {
                "driver": "vhost-scsi-pci", "id": "late", "bus": "port",
                "wwpn": "naa.5001405bd1f60003"}}))
        equal(clients[0].reply(), {"return": {}})
        equal(devices(clients[1]), {"port", "spare", "last", "other", "late"})


def test_two_that_want_the_same_while_one_hangs():
    """The name and the target are those of whoever comes first."""
    for same in ({"id": "late"}, {"wwpn": "naa.5001405bd1f60003"}):
        with two_disks() as m:
            clients = [m.qmp(i) for i in range(3)]
            clients[0].cmd("device_del", id="disk")
            clients[2].event("DEVICE_DELETED")
            m.wait_for(lambda: "disk" not in devices(clients[2]), "removal")
            hang(m, "SCSI_SET_ENDPOINT")
            first = {"driver": "vhost-scsi-pci", "id": "late", "bus": "port",
                     "wwpn": "naa.5001405bd1f60003"}
            clients[0].send({"execute": "device_add", "arguments": first})
            m.fake("wait blocked 1")
            m.fake("pass")
            second = {"driver": "vhost-scsi-pci", "id": "second",
                      "bus": "spare", "wwpn": "naa.5001405bd1f60002"}
            equal(clients[1].cmd("device_add", **{**second, **same}), {})
            m.fake("release")
            assert "error" in clients[0].reply()
            equal(len(devices(clients[1])), 5)


def test_command_for_a_disk_that_is_not_there_waits_for_nobody():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        clients[0].cmd("device_del", id="disk")
        m.fake("wait blocked 1")
        m.fake("pass")
        # One that is gone as well as one that never was.
        for name in ("disk", "nobody"):
            for command in ("device_del", "vhost-new-worker"):
                equal(clients[1].error(command, id=name).cls, "DeviceNotFound")
        equal(m.fake("blocked"), "1")
        m.fake("release")


def test_command_follows_the_name_of_its_disk_to_another_port():
    """While it waits for its turn the disk goes, and one of that name comes
    behind another port: it must take its turn there."""
    with two_disks() as m:
        first, second, third = (m.qmp(i) for i in range(3))
        m.guest.set_slot(4, 0x1c1)      # on; the attention button is heard
        first.cmd("device_del", id="disk")
        m.guest.select_slot(4)
        # Nobody has a turn for as long as this hangs: a line for people.
        hang(m, "SET_OWNER")
        first.send({"execute": "human-monitor-command", "arguments": {
            "command-line": "device_add vhost-scsi-pci,id=late,bus=last,"
                            "wwpn=naa.5001405bd1f60003"}})
        m.fake("wait blocked 1")
        m.guest.send("outl 0xcfc 0x7c1")    # off: the disk may go
        m.wait_for(lambda: not third.cmd(
            "x-query-virtio-status", path="/machine/peripheral/disk/"
            "virtio-backend")["status"]["statuses"], "a reset of the disk")
        second.send({"execute": "vhost-new-worker",
                     "arguments": {"id": "disk"}})
        assert "disk" in devices(third)
        hang(m, "close")
        m.fake("release SET_OWNER")
        equal(first.reply(), {"return": ""})
        m.fake("wait blocked 1")
        equal(first.cmd("device_add", driver="vhost-scsi-pci", id="disk",
                        wwpn="naa.5001405bd1f60002", bus="spare"), {})
        hang(m, "NEW_WORKER")
        m.fake("release close")
        m.fake("wait blocked 1")
        # It hangs in the new disk, which can therefore not go yet.
        m.fake("pass")
        first.send({"execute": "device_del", "arguments": {"id": "disk"}})
        for _ in range(3):
            use_workers(third)
            assert "disk" in devices(third)
        m.fake("release")
        equal(second.reply()["return"], {"worker-id": 1})
        equal(first.reply(), {"return": {}})
        m.wait_for(lambda: "disk" not in devices(third), "removal")


def test_stop_waits_for_what_hangs_and_what_comes_later_for_the_stop():
    with two_disks() as m:
        clients = [m.qmp(i) for i in range(3)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        clients[0].cmd("device_del", id="disk")
        m.fake("wait blocked 1")
        m.fake("pass")
        clients[0].send({"execute": "stop"})
        others_answer(clients[1:])
        equal(clients[1].cmd("query-status")["status"], "running")
        use_workers(clients[1])
        m.fake("release")
        equal(clients[0].reply(), {"return": {}})
        equal(clients[1].cmd("query-status")["status"], "paused")


def test_quit_while_the_kernel_hangs():
    with hung_machine() as m:
        clients = [m.qmp(i) for i in range(MONITORS)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        equal(clients[0].cmd("quit"), {})
        m.fake("wait blocked 1")
        others_answer(clients)
        m.let_end()
        equal(m.wait(), 0)


def test_sockets_listen_until_the_end():
    """libvirt, refused by the monitor's socket, looks whether the process is
    there: only if it has gone it shows what that had to say."""
    with hung_machine() as m:
        hang(m, "close")
        equal(m.qmp().cmd("quit"), {})
        m.fake("wait blocked 1")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(m.sockets[0])
        m.let_end()
        equal(m.wait(), 0)


def test_client_that_leaves_while_its_command_hangs():
    with hung_machine() as m:
        clients = [m.qmp(i) for i in range(2)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        clients[0].send({"execute": "stop"})
        m.fake("wait blocked 1")
        clients[0].close()
        again = m.qmp(0)
        equal(again.cmd("query-status")["status"], "paused")
        m.fake("release")
        clients[1].event("STOP")
        again.cmd("cont")


def test_command_of_a_client_that_leaves_at_once_is_carried_out():
    with Machine(monitors=2) as m:
        watch = m.qmp(1)
        for name, event in (("stop", "STOP"), ("cont", "RESUME")) * 20:
            qmp = Qmp(m.sockets[0])
            qmp.send({"execute": name})
            qmp.close()
            watch.event(event)


def test_commands_of_clients_that_left_do_not_pile_up():
    with hung_machine() as m:
        clients = [m.qmp(i) for i in (0, 1)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        clients[0].send({"execute": "stop"})
        m.fake("wait blocked 1")
        clients[0].close()
        for name in ("cont", "stop") * (MONITORS_MAX // 2 + 5):
            qmp = m.qmp(0)
            qmp.send({"execute": name})
            qmp.close()
        last = m.qmp(0)
        m.fake("release")
        last.cmd("stop")
        last.cmd("query-status")
        clients[1].cmd("query-status")
        changes = len(clients[1].events)
        assert 1 < changes <= MONITORS_MAX + 2, changes


def test_command_of_a_client_that_left_expires():
    with hung_machine() as m:
        clients = [m.qmp(i) for i in (0, 1, 2)]
        hang(m, "SCSI_CLEAR_ENDPOINT")
        clients[0].send({"execute": "stop"})
        m.fake("wait blocked 1")
        clients[1].send({"execute": "cont"})
        clients[1].close()
        # One that stays is told about as long after.
        is_told(clients[0], "stop")
        again = m.qmp(1)
        again.sock.settimeout(60)
        again.send({"execute": "device_add", "arguments": {"driver": "no"}})
        is_told(again, "device_add")
        m.fake("release")
        clients[2].event("STOP")
        equal(again.cmd("query-status")["status"], "paused")
        equal(again.cmd("stop"), {})    # behind whatever else there was
        equal([e["event"] for e in clients[2].events], [])
        clients[2].cmd("query-name")
        equal([e["event"] for e in clients[2].events], [])


PANIC = "outb 0x505 1"      # pvpanic: the guest's kernel has panicked
LOADED = "outb 0x505 2"


def test_events_of_a_guest_are_limited():
    with Machine("-device", "pvpanic", "-action", "panic=none",
                 guest=True) as m:
        qmp = m.qmp()
        begin = time.monotonic()
        for _ in range(2000):
            m.guest.do(PANIC)
        m.guest.do(LOADED)
        qmp.event("GUEST_CRASHLOADED")
        seconds = time.monotonic() - begin
        for _ in range(2000):
            m.guest.do(PANIC)
        # The last ones are told before what is not limited, in order.
        qmp.cmd("stop")
        events = [e["event"] for e in qmp.events]
        equal(events[-1], "STOP")
        equal(events[-2], "GUEST_PANICKED")
        seconds = time.monotonic() - begin
        assert len(events) <= 2 * (2 + seconds), (len(events), seconds)


def test_last_event_of_a_guest_is_told():
    with Machine("-device", "pvpanic", "-action", "panic=none",
                 guest=True) as m:
        qmp = m.qmp()
        m.guest.do(PANIC)
        m.guest.do(PANIC)
        qmp.event("GUEST_PANICKED")
        qmp.event("GUEST_PANICKED")     # by itself
        # What changes the machine's state is told at once.
        m.guest.do(PANIC)
        qmp.cmd("set-action", panic="pause")
        m.guest.do(PANIC)
        while qmp.event("GUEST_PANICKED")["data"]["action"] != "pause":
            pass
        qmp.event("STOP")


main(globals())
