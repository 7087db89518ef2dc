#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts and ends, plugs and unplugs, and many guests side by side, on the
stand-in kernel: nothing outside the processes may grow, nor descriptors and
threads in one that plugs. Suite qmp has a few of each; by hand

    FAKE_VHOST_PRELOAD=build/tests/fake-vhost/libfake-vhost.so \\
    SOAK_STARTS=10000 SOAK_PLUGS=1000 SOAK_BESIDE=100 \\
        tests/qmp/soak.py build/qemu-system-x86_64

usage: soak.py BINARY [TEST...]"""

import contextlib
import os
import tempfile

from qemu import Machine, WWPN, equal, main

STARTS = int(os.environ.get("SOAK_STARTS", "8"))
PLUGS = int(os.environ.get("SOAK_PLUGS", "8"))
BESIDE = int(os.environ.get("SOAK_BESIDE", "4"))
DEVICE = {"driver": "vhost-scsi-pci", "id": "d", "bus": "p", "wwpn": WWPN,
          "num_queues": 2, "workers": 2}


def own_children():
    """Processes whose parent is this one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
            text = f.read()
            if text.rsplit(")", 1)[1].split()[1] == str(os.getpid()):
                found.append(text.split(")")[0])
    return found


def sockets(directory):
    """Of the host's unix sockets those with a name in @directory, and those
    with a name that is no path."""
    with open("/proc/net/unix") as f:
        names = [line.split()[7] for line in f if len(line.split()) > 7]
    return sorted(n for n in names if n.startswith(directory + "/"))


def system_v():
    found = []
    for what in ("shm", "sem", "msg"):
        with contextlib.suppress(OSError), open(f"/proc/sysvipc/{what}") as f:
            found += [what + line for line in f.readlines()[1:]
                      if line.split()[3 if what == "shm" else 1] ==
                      str(os.getpid())]
    return found


class Outside:
    """What one can leave behind. All that the program makes by a name goes to
    a directory of its own, so that other programs of the host do not count."""

    def __init__(self, work):
        self.work = work
        self.before = self.look()

    def look(self):
        return {"files": sorted(os.listdir(self.work)),
                "shared memory": sorted(n for n in os.listdir("/dev/shm")
                                        if "qemu" in n or "guest-ram" in n),
                "children": own_children(), "sockets": sockets(self.work),
                "System V": system_v()}

    def check(self, what):
        equal(self.look(), self.before, f"what is left after {what}")


def start(work, *args):
    """With its own files in @work alone."""
    return Machine("-device", "pcie-root-port,id=p", "-pidfile",
                   f"{work}/pid", "-chardev",
                   f"socket,id=s,path={work}/s,server=on,wait=off",
                   "-object", "memory-backend-memfd,id=m,size=32M,share=on",
                   "-machine", "memory-backend=m", "-m", "32", *args, fake="",
                   env={"TMPDIR": work}, guest=True)


@contextlib.contextmanager
def outside():
    old = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="soak.") as work:
        tempfile.tempdir = work     # also of what the machines here make
        try:
            yield work, Outside(work)
        finally:
            tempfile.tempdir = old


def test_starts_leave_nothing():
    with outside() as (work, left):
        for i in range(STARTS):
            device = ["-device", f"vhost-scsi-pci,bus=p,wwpn={WWPN}"]
            with start(work, *device) as m:
                if i % 2:
                    m.qmp().close()
            left.check(f"start {i}")


def test_plugs_leave_nothing():
    with outside() as (work, left):
        with start(work) as m:
            qmp = m.qmp()
            m.guest.switch_on(1)
            held = {}
            for i in range(PLUGS):
                equal(qmp.execute("device_add", DEVICE)["return"], {})
                qmp.cmd("device_del", id="d")
                qmp.cmd("system_reset")
                qmp.event("DEVICE_DELETED")
                qmp.event("RESET")
                # The first time may start what stays, such as a thread.
                if not i:
                    held = {what: m.count(what) for what in ("fd", "task")}
                for what, n in held.items():
                    # A thread ends a moment after its work.
                    m.wait_for(lambda: m.count(what) <= n,
                               f"{what} to be {n} after plug {i}")
            qmp.close()
        left.check("plugs")


def test_many_side_by_side_leave_nothing():
    with outside() as (work, left):
        with contextlib.ExitStack() as stack:
            machines = []
            for i in range(BESIDE):
                own = f"{work}/{i}"
                os.mkdir(own)
                stack.callback(os.rmdir, own)
                machines.append(stack.enter_context(start(own)))
            for m in machines:
                equal(m.qmp().cmd("query-status")["status"], "running")
        left.check("many")


if __name__ == "__main__":
    main(globals())
