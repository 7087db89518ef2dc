#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The qtest protocol as a client sees it, written against the protocol's
documentation alone: the shipped binary under -accel qtest, over each kind of
connection. The part that holds for any VMM also runs against the host's own
QEMU, if there is one, to show that both give a client the same answers.
usage: protocol.py BINARY
TAP on stdout."""

import base64
import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from tap import equal, finish, report

TIMEOUT = 120  # seconds that an answer may take; only a defect needs them
TRANSFER_MAX = 16 << 20  # of our server, in bytes
LINE_MAX = 2 * TRANSFER_MAX + 256


class Client:
    """One end of a connection: sends lines, receives answers. IRQ lines that
    come before an answer are kept in irqs."""

    def __init__(self, read_fd, write_fd):
        self.read_fd, self.write_fd = read_fd, write_fd
        self.buffer = b""
        self.irqs = []

    def send(self, data):
        """Sends all of data; what comes meanwhile is kept."""
        view = memoryview(data)
        while view:
            readable, writable, _ = select.select(
                [self.read_fd], [self.write_fd], [], TIMEOUT)
            if not readable and not writable:
                raise TimeoutError("the server takes nothing")
            if readable:
                self.fill()
            if writable:
                view = view[os.write(self.write_fd, view[:65536]):]

    def fill(self):
        """Receives something; returns whether there was any more."""
        if not select.select([self.read_fd], [], [], TIMEOUT)[0]:
            raise TimeoutError("no answer")
        try:
            data = os.read(self.read_fd, 1 << 20)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def line(self):
        """The next line, or None when the connection has ended."""
        while b"\n" not in self.buffer:
            if not self.fill():
                return None
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def answer(self):
        while True:
            line = self.line()
            if line is None or not line.startswith("IRQ "):
                return line
            self.irqs.append(line)

    def ask(self, request):
        self.send(request.encode() + b"\n")
        return self.answer()

    def value(self, request):
        return int(self.ask(request).removeprefix("OK "), 16)


class Vmm:
    """A VMM under qtest, reached as how says: unix (we listen), server (it
    listens), fd or stdio."""

    def __init__(self, binary, how, *args):
        self.dir = tempfile.mkdtemp()
        self.path = os.path.join(self.dir, "qtest")
        self.keep = []  # sockets whose descriptors we use
        ours = pass_fd = listener = None
        if how == "fd":
            ours, theirs = socket.socketpair()
            self.keep += [ours]
            pass_fd = theirs.fileno()
            where = f"fd:{pass_fd}"
        elif how == "stdio":
            where = "stdio"
        elif how == "server":
            where = f"unix:{self.path},server=on,wait=off"
        else:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path)
            listener.listen(1)
            listener.settimeout(TIMEOUT)
            where = f"unix:{self.path}"
        pipe = subprocess.PIPE if how == "stdio" else subprocess.DEVNULL
        self.process = subprocess.Popen(
            [binary, "-display", "none", "-nodefaults", "-serial",
             "null", "-qtest", where, *args],
            stdin=pipe, stdout=pipe, stderr=subprocess.PIPE,
            pass_fds=[pass_fd] if pass_fd is not None else [])
        if how == "fd":
            theirs.close()
        elif how == "server":
            ours = self.connect()
        elif listener:
            ours = listener.accept()[0]
            listener.close()
            self.keep += [ours]
        if how == "stdio":
            self.client = Client(self.process.stdout.fileno(),
                                 self.process.stdin.fileno())
        else:
            self.socket = ours
            self.client = Client(ours.fileno(), ours.fileno())

    def connect(self):
        """A connection to a VMM that listens, as soon as it does."""
        while self.process.poll() is None:
            s = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                s.connect(self.path)
                self.keep += [s]
                return s
            s.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        raise ConnectionError(self.process.stderr.read().decode())

    def end(self):
        """SIGTERM; returns the exit status and what was on stderr."""
        self.process.send_signal(signal.SIGTERM)
        try:
            _, err = self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, err = self.process.communicate()
            err += b"(it did not end at SIGTERM)"
        for s in self.keep:
            s.close()
        shutil.rmtree(self.dir)
        return self.process.returncode, err.decode()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.returncode is None:
            self.end()


QUIET = ["-qtest-log", "none"]

# --- what holds for any VMM with a q35 ---

# Request and whole answer. Of a request that is wrong only FAIL is compared:
# the reasons are each program's own.
GENERIC = [
    ("endianness", "OK little"),
    ("writeq 0x1000 0x1122334455667788", "OK"),
    ("readb 0x1000", "OK 0x0000000000000088"),
    ("readw 0x1000", "OK 0x0000000000007788"),
    ("readl 0x1000", "OK 0x0000000055667788"),
    ("readq 0x1000", "OK 0x1122334455667788"),
    ("readq 4096", "OK 0x1122334455667788"),
    ("readq 010000", "OK 0x1122334455667788"),
    ("writel 0x1000 0xaabbccdd", "OK"),
    ("writew 0x1004 0xeeff", "OK"),
    ("writeb 0x1006 0x11", "OK"),
    ("read 0x1000 8", "OK 0xddccbbaaffee1111"),
    ("write 0x1000 4 0xaa", "OK"),
    ("read 0x1000 5", "OK 0xaa000000ff"),
    ("write 0x1ffe 4 0x01020304", "OK"),
    ("read 0x1ffe 4", "OK 0x01020304"),
    ("memset 0x1000 3 0x41", "OK"),
    ("b64read 0x1000 3", "OK QUFB"),
    ("b64write 0x1000 4 QUJDRA==", "OK"),
    ("read 0x1000 4", "OK 0x41424344"),
    ("outl 0xcf8 0x80000000", "OK"),
    ("inl 0xcf8", "OK 0x80000000"),
    ("inl 0xcfc", "OK 0x29c08086"),
    ("inw 0xcfc", "OK 0x8086"),
    ("inw 0xcfe", "OK 0x29c0"),
    ("outl 0xcf8 0x80000008", "OK"),
    ("inb 0xcff", "OK 0x0006"),
    ("outb 0x70 0x0f", "OK"),
    ("outb 0x71 0x5a", "OK"),
    ("outb 0x70 0x0f", "OK"),
    ("inb 0x71", "OK 0x005a"),
    ("outb 0x70 0x0d", "OK"),
    ("inb 0x71", "OK 0x0080"),
    ("outb 0x3ff 0x5a", "OK"),
    ("inb 0x3ff", "OK 0x005a"),
    ("inb 0x3fd", "OK 0x0060"),
    ("inb 0x3fa", "OK 0x0001"),
    ("irq_intercept_in ioapic", "OK"),
    ("irq_intercept_in ioapic", "OK"),
    ("bogus", "FAIL"),
    ("READB 0x1000", "FAIL"),
    (" endianness", "FAIL"),
    ("module_load hw- display-none", "FAIL"),
    ("irq_intercept_in nobody", "FAIL"),
]

# Where ours differs on purpose. QEMU 7.2 ends by an assertion on most of
# these, or takes what it does not understand as nothing:
#   request                        QEMU
MALFORMED = [
    "",                           # assertion
    "inb",                        # assertion
    "inb 0x70 1",                 # ignores the rest
    "inb 0x10000",                # another port
    "inb port",                   # assertion
    "outb 0x70",                  # assertion
    "writeb 0x1000",              # assertion
    "writel 0xfffffffffffffffe 1",
    "readb 0x1000 77",            # ignores the rest
    "readb  0x1000",              # assertion
    "read 0x1000 0",              # assertion
    "read 0x1000 0x7fffffffffffffff",
    "read 0xffffffffffffffff 2",
    "write 0x1000 0 0x",          # ERR
    "write 0x1000 1 0xaabb",      # drops the rest
    "write 0x1000 1 zz",
    "b64write 0x1000 3 !!!!",     # writes nothing, OK
    "memset 0x1000 1 256",
    f"memset 0x1000 {TRANSFER_MAX + 1} 0",
    "endianness now",             # ignores the rest
    "clock_step x",
    "clock_step -1",
    "clock_set",
    "set_irq_in nobody unnamed-gpio-in 0 1",
    "irq_intercept_out nobody",
]


def generic(name, client):
    for request, expected in GENERIC:
        got = client.ask(request)
        if expected == "FAIL" and got is not None:
            got = got.split(" ", 1)[0]
        equal(f"{name}: {request}", got, expected)
    data = bytes(range(256)) * 256
    client.ask(f"write 0x20000 {len(data)} 0x{data.hex()}")
    equal(f"{name}: 64 KiB written in hex read back in hex",
          client.ask(f"read 0x20000 {len(data)}"), f"OK 0x{data.hex()}")
    text = base64.b64encode(data[1:]).decode()
    client.ask(f"b64write 0x20001 {len(data) - 1} {text}")
    equal(f"{name}: 64 KiB written in base64 read back in base64",
          client.ask(f"b64read 0x20001 {len(data) - 1}"), f"OK {text}")


# --- ours alone ---

def check_clock(c):
    equal("clock stands at 0 at the start", c.ask("clock_step 0"), "OK 0")
    equal("clock_step NS moves it", c.ask("clock_step 1000"), "OK 1000")
    equal("clock_set moves it on", c.ask("clock_set 0x1000"), "OK 4096")
    equal("clock_set never moves it back", c.ask("clock_set 1"), "OK 4096")
    # The power management timer at 0x600 (PMBASE of 00:1f.0) raises IRQ 9 when
    # its bit 23 changes: each 2^23 / 3579545 Hz.
    for request in ("irq_intercept_in ioapic",
                    "outl 0xcf8 0x8000f840", "outl 0xcfc 0x601",
                    "outl 0xcf8 0x8000f844", "outb 0xcfc 0x80",
                    "outw 0x602 1", "outw 0x604 1"):
        equal(f"power management timer: {request}", c.ask(request), "OK")
    half = (1 << 23) * 1000000000 // 3579545
    equal("a timer that is not due yet is silent",
          (c.ask(f"clock_set {half - 1000}"), c.irqs), (f"OK {half - 1000}", []))
    equal("a timer that falls due raises its interrupt before the answer",
          (c.ask(f"clock_set {half + 1000}"), c.irqs),
          (f"OK {half + 1000}", ["IRQ raise 9"]))
    c.irqs.clear()
    equal("writing its status bit lowers it",
          (c.ask("outw 0x600 1"), c.irqs), ("OK", ["IRQ lower 9"]))
    c.irqs.clear()
    now = int(c.ask("clock_step").removeprefix("OK "))
    report(abs(now - 2 * half) < 1000 and c.irqs == ["IRQ raise 9"],
           "clock_step without NS goes to the next timer", f"{now} {c.irqs}")
    got = c.ask(f"clock_step {1 << 63}")
    report(got.startswith("FAIL "), "a time that there is not is refused", got)


def check_irqs(c):
    equal("interception in, ioapic", c.ask("irq_intercept_in ioapic"), "OK")
    report(c.ask("irq_intercept_in lapic").startswith("FAIL "),
           "a second interception is refused")
    report(c.ask("irq_intercept_out nobody").startswith("FAIL "),
           "interception of an unknown device is refused")
    set_in = "set_irq_in ioapic unnamed-gpio-in"
    c.irqs.clear()
    got = [c.ask(f"{set_in} 7 {level}") for level in (1, 1, 0, 0)]
    equal("an input's edges are told, once each", (got, c.irqs),
          (["OK"] * 4, ["IRQ raise 7", "IRQ lower 7"]))
    report(c.ask(f"{set_in} 24 1").startswith("FAIL "),
           "the input after the last one is refused")


def check_malformed(c):
    for request in MALFORMED:
        got = c.ask(request)
        report(got is not None and got.startswith("FAIL "),
               f"one FAIL: '{request}'", got)
    c.send(b"x" * 100000 + b"\0\nendianness\n")
    report(c.answer().startswith("FAIL "), "one FAIL: a NUL byte in a line")
    equal("and the next line is served", c.answer(), "OK little")


def check_limits(c):
    data = "5a" * TRANSFER_MAX
    equal("write of the greatest size",
          c.ask(f"write 0x100000 {TRANSFER_MAX} 0x{data}"), "OK")
    equal("read of the greatest size",
          c.ask(f"read 0x100000 {TRANSFER_MAX}"), f"OK 0x{data}")
    got = c.ask(f"read 0x100000 {TRANSFER_MAX + 1}")
    report(got.startswith("FAIL "), "read of one byte more is refused", got)
    c.send(b"y" * (LINE_MAX + 1))
    got = c.answer()
    report(got.startswith("FAIL "), "a line too long fails before it ends", got)
    c.send(b"y" * LINE_MAX + b"\nendianness\n")
    equal("and is skipped to its newline", c.answer(), "OK little")


def check_ours(binary):
    with Vmm(binary, "unix", "-accel", "qtest", *QUIET) as vmm:
        generic("unix", vmm.client)
        equal("RAM beyond its end reads as ones",
              vmm.client.ask("readl 0xd0000000"), "OK 0x00000000ffffffff")
        equal("a port that nothing has reads as ones",
              vmm.client.ask("inw 0x1234"), "OK 0xffff")
        check_malformed(vmm.client)
        equal("unix: SIGTERM ends it quietly", vmm.end(), (0, ""))
    with Vmm(binary, "fd", "-accel", "qtest", *QUIET) as vmm:
        check_clock(vmm.client)
        equal("fd: SIGTERM ends it quietly", vmm.end(), (0, ""))
    with Vmm(binary, "server", "-accel", "qtest", *QUIET) as vmm:
        check_irqs(vmm.client)
        check_limits(vmm.client)


def check_leaving(binary):
    with Vmm(binary, "server", "-accel", "qtest", *QUIET) as vmm:
        vmm.client.ask("irq_intercept_in lapic")
        vmm.client.send(b"writeb 0x1000 0x77\nendiann")
        vmm.socket.shutdown(socket.SHUT_WR)
        equal("half-closed: the whole lines are answered",
              vmm.client.answer(), "OK")
        equal("half-closed: then the connection ends", vmm.client.line(), None)
        again = vmm.connect()
        client = Client(again.fileno(), again.fileno())
        equal("a next client finds the machine as it was",
              client.ask("readb 0x1000"), "OK 0x0000000000000077")
        equal("and may intercept anew", client.ask("irq_intercept_in ioapic"),
              "OK")
        client.send(b"read 0 4194304\n")
        again.close()
        again = vmm.connect()
        client = Client(again.fileno(), again.fileno())
        equal("a client that left with its answer unread is forgotten",
              client.ask("endianness"), "OK little")
        equal("SIGTERM with a client", vmm.end(), (0, ""))


def check_never_reading(binary):
    with Vmm(binary, "fd", "-accel", "qtest", *QUIET) as vmm:
        requests = b"read 0 65536\n" * 100000
        vmm.socket.setblocking(False)
        sent = 0
        # The server must stop taking: wait until nothing more fits. A wait
        # that is too short can only make this test easier.
        while select.select([], [vmm.socket], [], 1)[1]:
            sent += vmm.socket.send(requests[sent % 13:][:65536])
            if sent > len(requests):
                break
        report(sent < len(requests),
               "a client that never reads is not served on", f"{sent} bytes")
        equal("SIGTERM while it does not read", vmm.end(), (0, ""))


def check_stdio(binary):
    with Vmm(binary, "stdio", "-accel", "qtest") as vmm:
        equal("stdio: an answer", vmm.client.ask("endianness"), "OK little")
        equal("stdio: a failure", vmm.client.ask("bogus"),
              "FAIL Unknown command 'bogus'")
        vmm.process.stdin.close()
        vmm.process.stdin = None
        status, log = vmm.end()
        equal("stdio: at its end the VMM stays until SIGTERM", status, 0)
        stamp = r"\[%s \+\d+\.\d{6}\] "
        pattern = (r"\[I 0\.000000\] OPENED\n" +
                   stamp % "R" + "endianness\n" + stamp % "S" + "OK little\n" +
                   stamp % "R" + "bogus\n" +
                   stamp % "S" + "FAIL Unknown command 'bogus'\n" +
                   stamp % "I" + "CLOSED\n")
        report(re.fullmatch(pattern, log), "the log is on stderr", log)


def check_log_file(binary):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "log")
        with Vmm(binary, "unix", "-accel", "qtest", "-qtest-log", path) as vmm:
            vmm.client.ask("readb 0x1000")
            equal("-qtest-log FILE: stderr stays empty", vmm.end(), (0, ""))
        with open(path, encoding="ascii") as f:
            text = re.sub(r"\+\d+\.\d{6}", "T", f.read())
        equal("-qtest-log FILE has the lines", text,
              "[I 0.000000] OPENED\n[R T] readb 0x1000\n"
              "[S T] OK 0x0000000000000000\n[I T] CLOSED\n")


def check_two(binary):
    with Vmm(binary, "unix", "-accel", "qtest", *QUIET) as a, \
            Vmm(binary, "fd", "-accel", "qtest", "-smp", "4", *QUIET) as b:
        a.client.ask("writeb 0x1000 0x11")
        b.client.ask("writeb 0x1000 0x22")
        a.client.ask("clock_step 5")
        equal("two machines at once are apart",
              (a.client.value("readb 0x1000"), b.client.value("readb 0x1000"),
               b.client.ask("clock_step 7")), (0x11, 0x22, "OK 7"))


def check_rtc(binary):
    """-rtc clock=vm: the clock of MC146818 (seconds in register 0, BCD) goes on
    by the test's steps alone."""
    with Vmm(binary, "unix", "-accel", "qtest", "-rtc", "clock=vm",
             *QUIET) as vmm:
        def seconds():
            vmm.client.ask("outb 0x70 0")
            bcd = vmm.client.value("inb 0x71")
            return (bcd >> 4) * 10 + (bcd & 15)

        first = seconds()
        vmm.client.ask("clock_step 7000000000")
        equal("-rtc clock=vm: seven seconds of steps",
              (seconds() - first) % 60, 7)


def check_qemu():
    """The host's QEMU may lack the qtest accelerator: then its vCPUs are
    stopped, which leaves all but the clock."""
    qemu = "/usr/bin/qemu-system-x86_64"
    if not os.access(qemu, os.X_OK):
        print("# no QEMU on this host to compare with")
        return
    names = subprocess.run([qemu, "-accel", "help"], capture_output=True,
                           text=True, check=False).stdout.split()
    accel = ["qtest"] if "qtest" in names else ["tcg", "-S"]
    with Vmm(qemu, "unix", "-machine", "q35", "-accel", *accel,
             "-qtest-log", "/dev/null") as vmm:
        generic("QEMU", vmm.client)


def main():
    binary = sys.argv[1]
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for check in (check_ours, check_leaving, check_never_reading, check_stdio,
                  check_log_file, check_two, check_rtc):
        try:
            check(binary)
        except (OSError, AttributeError) as e:  # the VMM has gone
            report(False, f"{check.__name__} came to its end", repr(e))
    check_qemu()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
