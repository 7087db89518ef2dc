# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the program under -accel qtest and talks QMP to it, for the tests in
this folder. Written from the protocol's documentation alone, so that the same
tests run against other programs that speak it. Every wait has a bound.

    with Machine() as m:
        qmp = m.qmp()
        qmp.cmd("query-status")

A test file ends with main(globals()), which runs its test_ functions and prints
TAP; its first argument is the program."""

import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
# pylint: disable=wrong-import-position
from fakevhost import NoAnswer, fake_command  # noqa

TIMEOUT = float(os.environ.get("QMP_TIMEOUT", "60"))  # seconds of each wait
BINARY = sys.argv[1] if len(sys.argv) > 1 else "qemu-system-x86_64"
# Lines in which a sanitizer begins a report.
REPORTS = ("ERROR: AddressSanitizer", "runtime error:", "LeakSanitizer",
           "WARNING: ThreadSanitizer")
WWPN = "naa.5001405bd1f60000"


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.cls = error["class"]
        self.desc = error["desc"]


def connect(path):
    """A socket is there a moment before it listens."""
    for _ in range(int(TIMEOUT / 0.01)):
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except (ConnectionRefusedError, FileNotFoundError):
            sock.close()
            time.sleep(0.01)
    raise AssertionError(f"nobody listens at {path}")


class Qmp:
    """One client. Events that come meanwhile are kept in .events."""

    def __init__(self, path, negotiate=True, timeout=TIMEOUT):
        self.sock = connect(path)
        self.sock.settimeout(timeout)
        self.buffer = b""
        self.events = collections.deque()
        self.greeting = None
        if negotiate:
            self.negotiate()

    def negotiate(self):
        self.greeting = self.recv()
        return self.cmd("qmp_capabilities")

    def send(self, data, fds=()):
        """Bytes, or an object as a line."""
        if not isinstance(data, bytes):
            data = json.dumps(data).encode() + b"\r\n"
        if fds:
            socket.send_fds(self.sock, [data], fds)
        else:
            self.sock.sendall(data)

    def recv_line(self):
        """None when the other side has closed."""
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def recv(self):
        line = self.recv_line()
        return None if line is None else json.loads(line)

    def reply(self):
        """The next answer; events before it are kept."""
        while True:
            obj = self.recv()
            if obj is None or "event" not in obj:
                return obj
            self.events.append(obj)

    def execute(self, name, args=None, fds=()):
        """The whole answer."""
        request = {"execute": name, "id": name}
        if args is not None:
            request["arguments"] = args
        self.send(request, fds)
        answer = self.reply()
        assert answer is not None, f"{name}: the connection was closed"
        assert answer.get("id") == name, f"{name}: answered with {answer}"
        return answer

    def cmd(self, name, /, **args):
        """What the command returns. "_" in names of arguments is "-"."""
        args = {k.replace("_", "-"): v for k, v in args.items()}
        answer = self.execute(name, args or None)
        if "error" in answer:
            raise QmpError(answer["error"])
        return answer["return"]

    def error(self, name, /, **args):
        """The error that the command must answer with."""
        try:
            result = self.cmd(name, **args)
        except QmpError as e:
            return e
        raise AssertionError(f"{name} {args} returned {result}")

    def event(self, name):
        """Waits for it; what comes before is dropped."""
        while True:
            obj = self.events.popleft() if self.events else self.recv()
            assert obj is not None, f"closed while waiting for {name}"
            assert "event" in obj, f"an answer while waiting for {name}: {obj}"
            if obj["event"] == name:
                return obj

    def hmp(self, line):
        return self.cmd("human-monitor-command", command_line=line)

    def close(self):
        self.sock.close()


class Guest:
    """What a guest does, by the qtest protocol over a socket."""

    def __init__(self, path):
        self.sock = connect(path)
        self.sock.settimeout(TIMEOUT)
        self.file = self.sock.makefile("rw")

    def send(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def answer(self, line):
        while True:
            answer = self.file.readline()
            assert answer, f"{line}: the connection was closed"
            if not answer.startswith("IRQ"):
                assert answer.startswith("OK"), (line, answer)
                return int((answer.split() + ["0"])[1], 0)

    def do(self, line):
        self.send(line)
        return self.answer(line)

    def config(self, slot, offset, value=None, bus=0, function=0):
        """Configuration space of @bus:@slot.@function, 32 bits."""
        devfn = slot << 3 | function
        self.do("outl 0xcf8 "
                f"{0x80000000 | bus << 16 | devfn << 8 | offset:#x}")
        if value is None:
            return self.do("inl 0xcfc")
        return self.do(f"outl 0xcfc {value:#x}")

    def select_slot(self, port):
        """The next access to port 0xcfc is one to slot control of the root port
        in slot @port."""
        cap = self.config(port, 0x34) & 0xff
        while self.config(port, cap) & 0xff != 0x10:    # PCI Express
            cap = self.config(port, cap) >> 8 & 0xff
        self.config(port, cap + 0x18)

    def set_slot(self, port, control):
        self.select_slot(port)
        self.do(f"outl 0xcfc {control:#x}")

    def switch_on(self, port):
        """Power and indicator."""
        self.set_slot(port, 0x1c0)

    def start_driver(self, port, queues=0):
        """Takes the virtio device behind the root port in slot @port to
        DRIVER_OK, with its first @queues queues, which are empty."""
        bar = 0xd0000000
        self.switch_on(port)
        self.config(port, 0x18, 0x00010100)         # secondary bus 1
        self.config(port, 0x20, bar >> 16 | bar)    # memory window of 1 MiB
        self.config(port, 0x24, bar >> 16 | bar)
        self.config(port, 0x04, 0x6)
        self.config(0, 0x20, bar, bus=1)            # BAR 4
        self.config(0, 0x24, 0, bus=1)
        self.config(0, 0x04, 0x6, bus=1)
        for status in (0, 1, 3):
            self.do(f"writeb {bar + 20:#x} {status}")
        for select, features in ((0, 0), (1, 1)):   # VIRTIO_F_VERSION_1
            self.do(f"writel {bar + 8:#x} {select}")
            self.do(f"writel {bar + 12:#x} {features}")
        self.do(f"writeb {bar + 20:#x} 11")
        for queue in range(queues):
            self.do(f"writew {bar + 22:#x} {queue}")
            for offset in (32, 40, 48):     # descriptors, driver, device
                ring = 0x100000 + 0x10000 * queue + 0x1000 * (offset - 32)
                self.do(f"writel {bar + offset:#x} {ring:#x}")
                self.do(f"writel {bar + offset + 4:#x} 0")
            self.do(f"writew {bar + 28:#x} 1")
        self.do(f"writeb {bar + 20:#x} 15")
        status = self.do(f"readb {bar + 20:#x}")
        assert status == 15, f"device status {status:#x}"

    def power_off(self):
        """ICH9: PM base by PMBASE and ACPI_CNTL, then S5. Does not wait."""
        self.config(31, 0x40, 0x600)
        self.config(31, 0x44, 0x80)
        self.send(f"outw 0x604 {1 << 13 | 7 << 10:#x}")

    def reset(self):
        """Reset control register. Does not wait."""
        self.send("outb 0xcf9 0x6")


class Machine:
    """The program with @monitors QMP sockets. @fake: knobs of the stand-in for
    /dev/vhost-scsi (tests/fake-vhost/fake-vhost.h), "" for its defaults; the
    library is named by the environment. @guest: .guest drives the devices.
    @stderr: a descriptor, instead of the file that .stderr() reads."""

    def __init__(self, *args, monitors=1, fake=None, accel="qtest", env=None,
                 guest=False, pass_fds=(), status=0, stderr=None):
        self.dir = tempfile.mkdtemp(prefix="qmp-test.")
        self.sockets = [f"{self.dir}/qmp{i}" for i in range(monitors)]
        self.expected_status = status
        self.control = f"{self.dir}/fake"
        command = [BINARY, "-display", "none", "-nodefaults"]
        command += ["-accel", accel] if accel else []
        if os.geteuid() != 0 and accel == "qtest":
            # Root alone looks at descriptors of what does not allow it.
            command += ["-machine", "dump-guest-core=on"]
        for i, path in enumerate(self.sockets):
            command += ["-chardev",
                        f"socket,id=qmp{i},path={path},server=on,wait=off",
                        "-mon", f"chardev=qmp{i},mode=control"]
        if guest:
            command += ["-qtest", f"unix:{self.dir}/qtest,server=on,wait=off",
                        "-qtest-log", "none"]
        command += args
        self.stderr_path = f"{self.dir}/stderr"
        environment = dict(os.environ, **(env or {}))
        if fake is not None:
            environment["LD_PRELOAD"] = os.environ["FAKE_VHOST_PRELOAD"]
            environment["FAKE_VHOST_CONTROL"] = self.control
            environment["FAKE_VHOST"] = fake
        with open(self.stderr_path, "wb") as f:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=f,
                stderr=f if stderr is None else stderr, env=environment,
                pass_fds=pass_fds)
        self.wait_for(lambda: self.listening() or self.ended(),
                      "the monitors to listen")
        assert not self.ended(), f"it ended: {self.stderr()}"
        self.guest = Guest(f"{self.dir}/qtest") if guest else None

    def listening(self):
        return all(os.path.exists(p) for p in self.sockets)

    def ended(self):
        return self.process.poll() is not None

    def wait_for(self, condition, what):
        """Polls, since what is waited for has no descriptor."""
        for _ in range(int(TIMEOUT / 0.01)):
            if condition():
                return
            try:
                self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"gave up waiting for {what}: {self.stderr()}")

    def qmp(self, n=0, **options):
        return Qmp(self.sockets[n], **options)

    def fake_lines(self, line):
        """A control command of the stand-in; its data lines and last its
        answer."""
        return fake_command(self.control, line)

    def fake(self, line):
        """The same; only the answer."""
        return self.fake_lines(line)[-1]

    def let_end(self):
        """Releases what hangs, after which the program ends: maybe before it
        has told so."""
        try:
            self.fake("release")
        except (NoAnswer, ConnectionResetError):
            pass

    def count(self, what):
        """Entries of /proc/PID/@what: "fd", "task"."""
        return len(os.listdir(f"/proc/{self.process.pid}/{what}"))

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f
                        if line.startswith("VmRSS:"))

    def stderr(self):
        with open(self.stderr_path, errors="replace") as f:
            return f.read()

    def wait(self):
        return self.process.wait(TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if not self.ended():
                self.process.send_signal(signal.SIGTERM)
            try:
                status = self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                status = "killed: it did not end at SIGTERM"
            text = self.stderr()
            if kind is None:
                assert not any(r in text for r in REPORTS), text
                assert status == self.expected_status, \
                    f"exit status {status}: {text}"
            elif text:
                print("".join(f"# stderr: {line}\n"
                              for line in text.splitlines()[-40:]), end="")
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)


def equal(have, want, what=""):
    assert have == want, f"{what} is {have!r}, not {want!r}"


def main(names):
    tests = [(n, f) for n, f in names.items() if n.startswith("test_")]
    only = sys.argv[2:]
    if only and "/" in only[0]:
        part, parts = map(int, only[0].split("/"))
        tests = tests[part - 1::parts]
    else:
        tests = [t for t in tests if not only or t[0] in only]
    failed = 0
    print(f"1..{len(tests)}")
    for i, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {i} - {name[5:]}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} - {name[5:]}")
            print("".join(f"# {line}\n" for line in
                          traceback.format_exc().splitlines()), end="",
                  flush=True)
    sys.exit(1 if failed else 0)
