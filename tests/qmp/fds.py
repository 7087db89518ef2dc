#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors from outside: numbers of inherited ones, which prove nothing, and
those that clients send with their requests.
usage: fds.py BINARY [TEST...]"""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import time

from qemu import BINARY, TIMEOUT, WWPN, Machine, equal, main

OPEN_CLOEXEC = 0o2000000


def open_fds(m):
    return sorted(int(n) for n in os.listdir(f"/proc/{m.process.pid}/fd"))


def is_inherited(m, fd):
    with open(f"/proc/{m.process.pid}/fdinfo/{fd}") as f:
        flags = next(int(line.split()[1], 8) for line in f
                     if line.startswith("flags:"))
    return not flags & OPEN_CLOEXEC


def add_adapter(qmp, fd):
    return qmp.error("device_add", driver="vhost-scsi-pci", wwpn=WWPN,
                     vhostfd=str(fd), bus="port", id="disk").desc


ROOT_PORT = ("-device", "pcie-root-port,id=port,chassis=1")


def test_descriptors_of_the_program_are_not_given_away():
    with Machine(*ROOT_PORT, monitors=2) as m:
        qmp, other = m.qmp(0), m.qmp(1)
        before = open_fds(m)
        for fd in before[3:]:
            assert not is_inherited(m, fd), \
                os.readlink(f"/proc/{m.process.pid}/fd/{fd}")
            equal(add_adapter(qmp, fd),
                  f"vhost-scsi: property 'vhostfd': descriptor {fd} is in use "
                  "already or was not inherited: each inherited descriptor "
                  "can be given once")
        for fd in (0, 1, 2):
            assert "is standard input, output or error" in add_adapter(qmp, fd)
        equal(open_fds(m), before)
        for q in (qmp, other):
            equal(q.cmd("query-status")["status"], "running")


def test_what_proves_to_be_something_else_stays_open():
    read, write = os.pipe()
    with Machine(*ROOT_PORT, pass_fds=(write,)) as m:
        os.close(write)
        qmp = m.qmp()
        for _ in range(2):
            assert "is not a vhost-scsi device" in add_adapter(qmp, write)
        assert write in open_fds(m)
        os.set_blocking(read, False)
        try:
            assert os.read(read, 1), "the other end was closed"
        except BlockingIOError:
            pass
    os.close(read)


def test_descriptor_of_a_set_has_an_owner():
    null = os.open("/dev/null", os.O_RDWR)
    with Machine("-add-fd", f"fd={null},set=1", *ROOT_PORT,
                 pass_fds=(null,)) as m:
        qmp = m.qmp()
        assert "is in use already" in add_adapter(qmp, null)
        assert null in open_fds(m)
        equal(qmp.cmd("query-fdsets"), [{"fdset-id": 1,
                                         "fds": [{"fd": null}]}])
    os.close(null)


def test_short_forms_have_the_keys_of_a_socket():
    with tempfile.TemporaryDirectory() as d:
        server = socket.socket(socket.AF_UNIX)
        server.bind(f"{d}/listening")
        server.listen(1)
        fd = server.fileno()
        for option, name in (("-qmp", f"unix:fd={fd},server=on,wait=off"),
                             ("-qmp", f"unix:fd={fd},server,nowait"),
                             ("-monitor", f"unix:fd={fd},server,nowait"),
                             ("-serial", f"unix:fd={fd},server=on,nowait")):
            with Machine(option, name, pass_fds=(fd,)) as m:
                client = socket.socket(socket.AF_UNIX)
                client.connect(f"{d}/listening")
                client.settimeout(TIMEOUT)
                if option != "-serial":
                    assert b"QEMU" in client.recv(100) or option == "-qmp"
                qmp = m.qmp()
                m.wait_for(lambda: "disconnected" not in "".join(
                    c["filename"] for c in qmp.cmd("query-chardev")
                    if not c["label"].startswith("qmp")), "the connection")
                client.close()
        # A path may look like that.
        with Machine("-serial", f"unix:{d}/a=b,server,nowait") as m:
            m.wait_for(lambda: os.path.exists(f"{d}/a=b"), "the socket")
        server.close()


def test_descriptor_is_given_once():
    a, b = socket.socketpair()
    fd = a.fileno()
    chardev = "socket,id={},fd=" + str(fd)
    cases = (
        (["-chardev", chardev.format("x"), "-chardev", chardev.format("y")],
         f"-chardev: chardev 'y': fd: descriptor {fd} is in use already"),
        (["-chardev", chardev.format("x"), "-add-fd", f"fd={fd},set=0"],
         f"-chardev: chardev 'x': fd: descriptor {fd} is in use already"),
        (["-chardev", chardev.format("x"), "-device",
          f"vhost-scsi-pci,wwpn={WWPN},vhostfd={fd}"],
         f"vhostfd': descriptor {fd} is in use already"),
        (["-chardev", "socket,id=x,fd=2"],
         "descriptor 2 is standard input, output or error"),
    )
    for options, message in cases:
        p = subprocess.run([BINARY, "-accel", "qtest", "-display", "none",
                            *options], pass_fds=(fd,), capture_output=True,
                           text=True, timeout=60, stdin=subprocess.DEVNULL)
        equal(p.returncode, 1, p.stderr)
        assert message in p.stderr, p.stderr
    a.close()
    b.close()


def sent_and_kept(m, before):
    """How many descriptors of its clients the program has now."""
    return m.count("fd") - before


def inode(m, fd):
    return os.stat(f"/proc/{m.process.pid}/fd/{fd}").st_ino


def add_fd(qmp, fds=()):
    """The number of the descriptor that add-fd has taken."""
    return qmp.execute("add-fd", {}, fds)["return"]["fd"]


def test_descriptor_of_a_refused_command_is_closed():
    with Machine() as m:
        qmp = m.qmp()
        before = m.count("fd")
        pipes = [os.pipe() for _ in range(5)]
        refused = (b'{"execute":"query-name"}', b'{"execute":"nonsense"}',
                   b'{"execute":"getfd","arguments":{"name":"x"}}',
                   b'{"execute":"getfd"} []', b'{]', b'7 ', b'"x\xff"\n')
        for request in refused:
            qmp.send(request + b"\n", [pipes[0][0]])
            # Nothing can follow a star, should that be incomplete.
            qmp.send(b'*\n{"execute":"query-name","id":1}')
            while "id" not in qmp.reply():
                pass
            equal(sent_and_kept(m, before), 0, request)
        # What comes next gets its own.
        for read, _ in pipes[1:]:
            equal(inode(m, add_fd(qmp, [read])), os.fstat(read).st_ino)
        equal(qmp.execute("getfd", {"fdname": "a"})["error"]["desc"],
              "No file descriptor supplied via SCM_RIGHTS")


def test_descriptor_comes_with_the_bytes_it_was_sent_with():
    with Machine() as m:
        qmp = m.qmp()
        before = m.count("fd")
        pipes = [os.pipe() for _ in range(3)]
        reads = [read for read, _ in pipes]
        # Joined by the kernel: the first has none, the second has.
        get = '{"execute":"getfd","arguments":{"fdname":"%s"},"id":"%s"}\r\n'
        m.process.send_signal(signal.SIGSTOP)
        qmp.send((get % ("a", "a")).encode())
        qmp.send((get % ("b", "b")).encode(), [reads[0]])
        qmp.send((get % ("c", "c")).encode())
        m.process.send_signal(signal.SIGCONT)
        answers = [qmp.reply() for _ in range(3)]
        equal([("error" in a, a.get("id")) for a in answers],
              [(True, "a"), (False, "b"), (True, "c")])
        # A blank before the request, as some clients send them.
        qmp.send(b" ", [reads[1]])
        equal(inode(m, add_fd(qmp)), os.fstat(reads[1]).st_ino)
        # In the middle of a request that takes its time to come.
        for part, fds in ((b'{"execute":', []), (b'"add-fd"', [reads[2]]),
                          (b"}", [])):
            qmp.send(part, fds)
        equal(inode(m, qmp.reply()["return"]["fd"]),
              os.fstat(reads[2]).st_ino)
        # The first of two requests in one message.
        qmp.send((get % ("d", 1) + get % ("e", 2)).encode(), reads[:2])
        equal(["return" in qmp.reply() for _ in range(2)], [True, False])
        equal(sent_and_kept(m, before), 4)


def test_descriptors_for_people_are_closed():
    a, b = socket.socketpair()
    with Machine("-chardev", f"socket,id=people,fd={a.fileno()}", "-mon",
                 "chardev=people", pass_fds=(a.fileno(),)) as m:
        a.close()
        qmp = m.qmp()
        before = m.count("fd")
        socket.send_fds(b, [b"info status\n"], [0] * 10)
        data = b""
        while b"VM status" not in data:
            data += b.recv(4096)
        qmp.cmd("query-status")
        equal(sent_and_kept(m, before), 0)
    b.close()


def ticks(m):
    """Processor time that the program has used, in clock ticks."""
    with open(f"/proc/{m.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_client_waits_while_there_is_no_descriptor_for_it():
    with Machine(monitors=2) as m:
        qmp = m.qmp()
        limits = resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE,
                         (m.count("fd"), limits[1]))
        other = socket.socket(socket.AF_UNIX)
        other.connect(m.sockets[1])
        m.wait_for(lambda: "cannot accept a client: Too many open files"
                   in m.stderr(), "the warning")
        # A loop that spins would use all of these two seconds.
        before = ticks(m)
        for _ in range(20):
            qmp.cmd("query-status")
            time.sleep(0.1)
        used = ticks(m) - before
        assert used < os.sysconf("SC_CLK_TCK"), used
        equal(m.stderr().count("cannot accept"), 1)
        resource.prlimit(m.process.pid, resource.RLIMIT_NOFILE, limits)
        other.settimeout(TIMEOUT)
        assert other.recv(100).startswith(b'{"QMP"')
        other.close()


main(globals())
