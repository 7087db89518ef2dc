#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts on which something hangs or is full: each call to vhost that a command
or the guest makes, disks that are full, readers that do not read. While it
lasts every other monitor answers.
usage: badhost.py BINARY [TEST...]"""

import os
import socket
import threading

from hung import PORT, hang, others_answer
from qemu import Machine, WWPN, connect, equal, main

DISK = f"vhost-scsi-pci,id=disk,wwpn={WWPN},num_queues=2," \
    "worker_per_virtqueue=on"
OTHER = "naa.5001405bd1f60001"
COM1 = 0x3f8


class Host:
    """A machine with a disk behind a port, whose driver runs, and a port that
    is empty."""

    def __init__(self, m):
        self.m = m
        self.one, *self.others = (m.qmp(i) for i in range(3))
        m.guest.start_driver(4)

    def send(self, name, **args):
        self.one.send({"execute": name, "arguments": args})

    def done(self):
        answer = self.one.reply()
        assert "return" in answer, answer
        return answer["return"]

    # Each is one thing that calls the kernel: begin() makes it, end() waits for
    # it, undo() is no part of it.

    def begin_add(self):
        self.send("device_add", driver="vhost-scsi-pci", id="third", wwpn=OTHER,
                  bus="spare", num_queues=2, worker_per_virtqueue=True)

    def undo_add(self):
        self.begin_del()
        self.end_del()

    def prepare_del(self):
        self.begin_add()
        self.done()

    def begin_del(self):
        self.one.cmd("device_del", id="third")

    def end_del(self):
        while self.one.event("DEVICE_DELETED")["data"].get("device") != "third":
            pass

    def begin_stop(self):
        self.send("stop")

    def undo_stop(self):
        self.one.cmd("cont")

    def prepare_cont(self):
        self.one.cmd("stop")

    def begin_cont(self):
        self.send("cont")

    def begin_new_worker(self):
        self.send("vhost-new-worker", id="disk")

    def end_new_worker(self):
        self.worker = self.done()["worker-id"]

    def undo_new_worker(self):
        self.one.cmd("vhost-free-worker", id="disk", worker_id=self.worker)

    def prepare_free_worker(self):
        self.begin_new_worker()
        self.end_new_worker()

    def begin_free_worker(self):
        self.send("vhost-free-worker", id="disk", **{"worker-id": self.worker})

    def begin_attach(self):
        self.send("vhost-attach-vring-worker", id="disk", virtqueue=3,
                  **{"worker-id": 0})

    def begin_get(self):
        self.send("vhost-get-vring-worker", id="disk", virtqueue=3)

    def begin_reset(self):
        self.one.cmd("system_reset")

    def end_reset(self):
        self.one.event("RESET")

    def undo_reset(self):
        self.m.guest.start_driver(4)

    def prepare_driver(self):
        self.begin_reset()
        self.end_reset()

    def begin_driver(self):
        self.thread = threading.Thread(target=self.m.guest.start_driver,
                                       args=(4,), daemon=True)
        self.thread.start()

    def end_driver(self):
        self.thread.join()

    def call(self, step, action):
        getattr(self, f"{step}_{action}",
                self.done if step == "end" else lambda: None)()

    def calls_of(self, action):
        """The calls that it makes, when nothing hangs."""
        self.call("prepare", action)
        self.m.fake("reset")
        self.call("begin", action)
        self.call("end", action)
        lines = self.m.fake_lines("trace")[:-1]
        self.call("undo", action)
        return sorted({line.split()[1] for line in lines})

    def hang_in(self, action, name):
        self.call("prepare", action)
        hang(self.m, name)
        self.call("begin", action)
        self.m.fake("wait blocked 1")
        others_answer(self.others)
        self.m.fake("release")
        self.call("end", action)
        self.call("undo", action)


def check_action(action, *expected):
    """@expected are calls that it must be seen to make, so that the test does
    not become empty."""
    with Machine("-device", PORT, "-device", DISK + ",bus=port", "-device",
                 "pcie-root-port,id=spare,chassis=2,addr=5", monitors=3,
                 fake=f"target={WWPN},target={OTHER}", guest=True) as m:
        host = Host(m)
        calls = host.calls_of(action)
        for name in expected:
            assert name in calls, (action, calls)
        for name in calls:
            host.hang_in(action, name)


def test_device_add():
    check_action("add", "open", "VHOST_SET_OWNER", "VHOST_NEW_WORKER",
                 "VHOST_SCSI_SET_ENDPOINT")


def test_device_del():
    check_action("del", "close")


def test_stop():
    check_action("stop", "VHOST_SCSI_CLEAR_ENDPOINT")


def test_cont():
    check_action("cont", "VHOST_SET_MEM_TABLE", "VHOST_SCSI_SET_ENDPOINT")


def test_reset():
    check_action("reset", "VHOST_SCSI_CLEAR_ENDPOINT")


def test_driver():
    check_action("driver", "VHOST_SET_FEATURES", "VHOST_SCSI_SET_ENDPOINT")


def test_worker_commands():
    check_action("new_worker", "VHOST_NEW_WORKER")
    check_action("free_worker", "VHOST_FREE_WORKER")
    check_action("attach", "VHOST_ATTACH_VRING_WORKER")
    check_action("get", "VHOST_GET_VRING_WORKER")


# --- output that nobody takes ---

def write_console(m, size):
    """The guest writes to COM1 whether it is ready or not."""
    for _ in range(size // 64):
        m.guest.send("\n".join([f"outb {COM1:#x} 0x41"] * 64))
        for _ in range(64):
            m.guest.answer("outb")


def check_console(*options, read=None):
    with Machine(*options, monitors=2, guest=True) as m:
        clients = [m.qmp(i) for i in range(2)]
        reader = read(m) if read else None
        write_console(m, 128 * 1024)
        others_answer_without_disk(clients)
        if reader:
            reader.close()


def others_answer_without_disk(clients):
    for qmp in clients:
        for name in ("query-status", "query-pci", "query-chardev"):
            qmp.cmd(name)


def test_console_on_a_full_disk():
    check_console("-chardev", "file,id=c,path=/dev/full", "-serial",
                  "chardev:c")


def test_console_log_on_a_full_disk():
    check_console("-chardev", "null,id=c,logfile=/dev/full", "-serial",
                  "chardev:c")


def test_console_that_nobody_reads():
    check_console("-serial", "pty")


def test_console_whose_client_does_not_read():
    path = f"/tmp/badhost.{os.getpid()}"

    def read(_):
        sock = connect(path)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        return sock

    check_console("-serial", f"unix:{path},server=on,wait=off", read=read)


def test_monitor_whose_client_does_not_read():
    with Machine(monitors=2) as m:
        deaf, other = m.qmp(0), m.qmp(1)
        request = b'{"execute":"query-qmp-schema"}\n'
        deaf.sock.setblocking(False)
        try:
            while True:
                deaf.sock.send(request)
        except BlockingIOError:
            pass
        for _ in range(2000):
            other.cmd("stop")
            other.cmd("cont")
        others_answer_without_disk([other])
        equal(other.cmd("query-status")["status"], "running")


main(globals())
