#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vhost-vsock-pci and a disk beside each other: what QMP shows of both, what it
refuses, descriptors, hotplug, and calls to the kernel that hang.
usage: vsock.py BINARY [TEST...]"""

import os
import threading

from hung import PORT, hang, others_answer
from qemu import Machine, WWPN, equal, main

CID = 42
DISK = f"vhost-scsi-pci,id=disk,wwpn={WWPN},num_queues=1"
SOCKET = f"vhost-vsock-pci,id=vsock,guest-cid={CID}"
PATH = "/machine/peripheral/vsock/virtio-backend"


def machine(*args, **options):
    return Machine("-device", PORT, "-device", DISK, *args, fake="", **options)


def info_of(qmp, device):
    return next(i for i in qmp.cmd("query-vhost-workers")
                if i["device"] == device)


def test_workers_of_both_are_shown():
    with machine("-device", SOCKET) as m:
        qmp = m.qmp()
        equal([i["device"] for i in qmp.cmd("query-vhost-workers")],
              ["disk", "vsock"])
        info = info_of(qmp, "vsock")
        equal((info["requested-mode"], info["effective-mode"],
               info.get("reason")), ("single", "single", None))
        worker, = info["workers"]
        equal(worker["virtqueues"], [{"index": 0, "role": "receive"},
                                     {"index": 1, "role": "transmit"}])
        lines = m.fake_lines("workers")[:-1]
        assert f"tid={worker['tid']} " in lines[1], lines
        text = qmp.hmp("info vhost-workers")
        assert "vsock: single" in text, text
        assert "worker 0: virtqueues=0-1 thread_id=" in text or \
            "worker 0: virtqueues=0,1 thread_id=" in text, text
        equal([r["qom-path"] for r in
               qmp.cmd("query-stats", target="vhost-worker")],
              ["/machine/peripheral/disk/worker[0]",
               "/machine/peripheral/vsock/worker[0]"])


def test_there_is_one_worker():
    one = "device 'vsock': the kernel's vhost-vsock has one worker for each " \
        "device, and no call for more"
    with machine("-device", SOCKET) as m:
        qmp = m.qmp()
        equal(qmp.error("vhost-new-worker", id="vsock").desc, one)
        equal(qmp.error("vhost-free-worker", id="vsock", worker_id=0).desc, one)
        equal(qmp.error("vhost-attach-vring-worker", id="vsock", virtqueue=1,
                        worker_id=0).desc, one)
        equal(qmp.error("vhost-get-vring-worker", id="vsock",
                        virtqueue=1).desc, one)
        equal(qmp.error("vhost-attach-vring-worker", id="vsock", virtqueue=2,
                        worker_id=0).desc,
              "virtqueue 2 of device 'vsock' is not served by vhost")
        equal(qmp.error("vhost-attach-vring-worker", id="vsock", virtqueue=3,
                        worker_id=0).desc,
              "device 'vsock' has no virtqueue 3: it has 3")
        cpu = str(min(os.sched_getaffinity(0)))
        qmp.cmd("vhost-set-worker-affinity", id="vsock", worker_id=0, cpus=cpu)
        equal(info_of(qmp, "vsock")["workers"][0]["cpus"], cpu)
        # The disk beside it has what it had.
        qmp.cmd("vhost-free-worker", id="disk", worker_id=qmp.cmd(
            "vhost-new-worker", id="disk")["worker-id"])


def test_virtio_shows_it():
    with machine("-device", SOCKET) as m:
        qmp = m.qmp()
        equal(qmp.cmd("x-query-virtio"),
              [{"path": "/machine/peripheral/disk/virtio-backend",
                "name": "virtio-scsi"},
               {"path": PATH, "name": "vhost-vsock"}])
        status = qmp.cmd("x-query-virtio-status", path=PATH)
        equal((status["device-id"], status["num-vqs"]), (19, 3))
        equal(status["host-features"]["dev-features"],
              ["VIRTIO_VSOCK_F_SEQPACKET"])
        vhost = status["vhost-dev"]
        equal((vhost["nvqs"], vhost["vq-index"]), (2, 0))
        assert "VIRTIO_VSOCK_F_SEQPACKET" in vhost["features"]["dev-features"]
        equal(qmp.error("x-query-virtio-vhost-queue-status", path=PATH,
                        queue=0).desc,
              "Error: vhost device has not started yet")
        names = {p["name"]: p for p in qmp.cmd(
            "device-list-properties", typename="vhost-vsock-pci")}
        equal(names["guest-cid"]["type"], "uint64")
        assert "vhost-vsock-device" in [
            t["name"] for t in qmp.cmd("qom-list-types")]


def add(**more):
    return {"driver": "vhost-vsock-pci", "id": "vsock", "bus": "port",
            "guest-cid": CID, **more}


def deleted(qmp):
    while qmp.event("DEVICE_DELETED")["data"].get("device") != "vsock":
        pass


def remove(qmp):
    """The guest has not switched the slot on: it goes at once."""
    qmp.cmd("device_del", id="vsock")
    deleted(qmp)


def test_a_cid_comes_and_goes():
    with machine("-device", "pcie-root-port,id=spare,chassis=2") as m:
        qmp = m.qmp()
        before = m.count("fd")
        for _ in range(3):
            qmp.cmd("device_add", **add())
            equal(qmp.error("device_add", driver="vhost-vsock-pci", bus="spare",
                            guest_cid=CID).desc,
                  f"vhost-vsock: property 'guest-cid' cannot be '{CID}': it is "
                  "in use on this host: choose another number")
            remove(qmp)
        equal(m.count("fd"), before)


def test_descriptors():
    """Of another process, which may have taken the CID; of another kind; of no
    device at all."""
    vsock = os.memfd_create("fake-vhost-vsock", 0)
    net = os.memfd_create("fake-vhost-net", 0)
    null = os.open("/dev/null", os.O_RDWR)
    with machine(pass_fds=(vsock, net, null)) as m:
        qmp = m.qmp()
        qmp.execute("getfd", {"fdname": "named"}, fds=(net,))
        for fd, why in ((net, "Operation not permitted"),
                        ("named", "Operation not permitted"),
                        (null, "Inappropriate ioctl for device")):
            equal(qmp.error("device_add", **add(vhostfd=str(fd))).desc,
                  "vhost-vsock: the descriptor of property 'vhostfd' is not a "
                  f"vhost-vsock device: {why}")
        qmp.cmd("device_add", **add(vhostfd=str(vsock)))
        assert not any("fake-vhost-scsi" in line and "open" in line
                       for line in m.fake_lines("trace")[:-1])
        equal(info_of(qmp, "vsock")["effective-mode"], "single")
    for fd in (vsock, net, null):
        os.close(fd)


def calls_of_add(m, qmp):
    m.fake("reset")
    qmp.cmd("device_add", **add())
    calls = {line.split()[1] for line in m.fake_lines("trace")[:-1]}
    remove(qmp)
    return sorted(calls)


def test_a_call_that_hangs_holds_up_no_other_monitor():
    with machine(monitors=3) as m:
        qmp, *others = (m.qmp(i) for i in range(3))
        calls = calls_of_add(m, qmp)
        for name in ("open", "VHOST_VSOCK_SET_GUEST_CID", "VHOST_SET_OWNER"):
            assert name in calls, calls
        for name in calls:
            hang(m, name)
            qmp.send({"execute": "device_add", "arguments": add()})
            m.fake("wait blocked 1")
            others_answer(others)
            m.fake("release")
            answer = qmp.reply()
            assert "return" in answer, answer
            remove(qmp)
        # And the end of the device.
        qmp.cmd("device_add", **add())
        hang(m, "close")
        qmp.cmd("device_del", id="vsock")
        m.fake("wait blocked 1")
        others_answer(others)
        m.fake("release")
        deleted(qmp)


class Running:
    """A machine whose guest drives the device, three monitors, and what makes
    calls to the kernel. Each begins without waiting for the end."""

    def __init__(self, m):
        self.m = m
        self.one, *self.others = (m.qmp(i) for i in range(3))
        self.drive()

    def drive(self):
        self.m.guest.start_driver(4, queues=3)

    def begin_stop(self):
        self.one.send({"execute": "stop"})

    def begin_cont(self):
        self.one.send({"execute": "cont"})

    def answered(self):
        answer = self.one.reply()
        assert "return" in answer, answer

    end_stop = end_cont = answered

    def begin_driver(self):
        self.thread = threading.Thread(target=self.drive, daemon=True)
        self.thread.start()

    def end_driver(self):
        self.thread.join()

    def run(self, action):
        getattr(self, f"begin_{action}")()
        getattr(self, f"end_{action}")()

    def calls_of(self, action):
        self.m.fake("reset")
        self.run(action)
        lines = self.m.fake_lines("trace")[:-1]
        return sorted({line.split()[1] for line in lines})

    def hang_in(self, action, name):
        hang(self.m, name)
        getattr(self, f"begin_{action}")()
        self.m.fake("wait blocked 1")
        others_answer(self.others)
        self.m.fake("release")
        getattr(self, f"end_{action}")()


def test_a_start_or_stop_that_hangs_holds_up_no_other_monitor():
    with Machine("-device", PORT, "-device", SOCKET + ",bus=port", fake="",
                 guest=True, monitors=3) as m:
        host = Running(m)
        calls = {a: host.calls_of(a) for a in ("stop", "cont", "driver")}
        for action in calls:
            assert "VHOST_VSOCK_SET_RUNNING" in calls[action], calls
        for name in calls["stop"]:
            host.hang_in("stop", name)
            host.run("cont")
        for name in calls["cont"]:
            host.run("stop")
            host.hang_in("cont", name)
        for name in calls["driver"]:
            host.hang_in("driver", name)
        equal(m.stderr(), "")


main(globals())
