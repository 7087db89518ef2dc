#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program as libvirt 9.0 starts it: the command lines that libvirt was seen
to use, with the descriptors that it passes, and how it watches the start. The
accelerator is qtest instead of kvm, and /dev/vhost-scsi is the stand-in's.
usage: libvirt.py BINARY PRELOAD
TAP on stdout."""

import contextlib
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from bzimage import write_kernel
from tap import equal, finish, report

TIMEOUT = 120  # seconds of each wait; only a defect needs them
WWPN = "naa.5001405aaaaaaaaa"
VMM, PRELOAD = sys.argv[1:3]


def listed(*args):
    return subprocess.run([VMM, *args], capture_output=True, text=True,
                          check=True, timeout=TIMEOUT).stdout


OPTIONS = listed("-help")
TYPES = listed("-device", "help")
MACHINES = listed("-machine", "help")


def has_option(name):
    return f"\n-{name} " in OPTIONS


def has_type(name):
    return f'"{name}"' in TYPES


# --- what a domain needs ---

class Domain:
    """A start as libvirt's: stdin is /dev/null, stdout and stderr a file, and
    descriptors keep the numbers that the command line names."""

    def __init__(self, work):
        self.work = work
        self.fds = {}
        self.process = None

    def pass_fd(self, number, fd):
        os.dup2(fd, number, inheritable=True)
        self.fds[number] = number
        return number

    def listen(self, number, name):
        path = os.path.join(self.work, name)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen(1)
            self.pass_fd(number, s.fileno())
        return path

    def vhost(self, number):
        """The stand-in takes a memfd of this name for a device."""
        fd = os.memfd_create("fake-vhost-scsi", 0)
        self.pass_fd(number, fd)
        os.close(fd)

    def start(self, line):
        env = dict(os.environ, LC_ALL="C", LD_PRELOAD=PRELOAD,
                   FAKE_VHOST=f"target={WWPN}",
                   FAKE_VHOST_CONTROL=os.path.join(self.work, "control"))
        self.log = os.path.join(self.work, "log")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [VMM, *line], env=env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, pass_fds=list(self.fds.values()))
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}

    def wait_log(self, text):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if text in pathlib.Path(self.log).read_text():
                return True
            if self.process.poll() is not None:
                return text in pathlib.Path(self.log).read_text()
            time.sleep(0.02)
        return False

    def wait_ready(self):
        """Until signals are read from a descriptor: SIGTERM is blocked. All
        are for a moment while a thread is made, as the stand-in's is."""
        deadline = time.monotonic() + TIMEOUT
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        while time.monotonic() < deadline and self.process.poll() is None:
            if (proc / "comm").read_text().startswith("qemu-system"):
                text = (proc / "status").read_text().split("SigBlk:")[1]
                mask = int(text.split()[0], 16)
                if mask >> (signal.SIGTERM - 1) & 1 and \
                        not mask >> (signal.SIGWINCH - 1) & 1:
                    return
            time.sleep(0.02)

    def wait_thread(self, name):
        """Until there is a thread of that name; the names of all."""
        deadline = time.monotonic() + TIMEOUT
        names = []
        while name not in names and time.monotonic() < deadline and \
                self.process.poll() is None:
            names = []
            for task in pathlib.Path(
                    f"/proc/{self.process.pid}/task").iterdir():
                with contextlib.suppress(OSError):  # it has ended
                    names.append((task / "comm").read_text().strip())
            time.sleep(0.02)
        return names

    def stop(self):
        self.wait_ready()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return f"killed {self.process.wait()}"


def q35_full(work):
    """All of QEMU 7.2's capabilities: objects and devices in JSON."""
    return f"""-name guest=q35-vhost,debug-threads=on -S
    -object '{{"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/qemu/domain-1-q35-vhost/master-key.aes"}}'
    -machine pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram -accel qtest -cpu host,migratable=on -m 512
    -object '{{"qom-type":"memory-backend-ram","id":"pc.ram","size":536870912}}'
    -overcommit mem-lock=off -smp 2,sockets=2,cores=1,threads=1 -uuid f9ee285e-7a40-4d8c-9d0a-2f8d3f1c7b11
    -display none -no-user-config -nodefaults
    -chardev socket,id=charmonitor,fd=27,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control
    -rtc base=utc -no-shutdown -no-acpi -boot strict=on
    -kernel {work}/kernel -initrd {work}/initrd -append 'console=ttyS0 panic=-1'
    -device '{{"driver":"pcie-root-port","port":8,"chassis":1,"id":"pci.1","bus":"pcie.0","multifunction":true,"addr":"0x1"}}'
    -device '{{"driver":"pcie-root-port","port":9,"chassis":2,"id":"pci.2","bus":"pcie.0","addr":"0x1.0x1"}}'
    -chardev pty,id=charserial0 -device '{{"driver":"isa-serial","chardev":"charserial0","id":"serial0","index":0}}'
    -audiodev '{{"id":"audio1","driver":"none"}}'
    -device '{{"driver":"vhost-scsi-pci","wwpn":"{WWPN}","vhostfd":"26","id":"ua-vs0","bus":"pci.1","addr":"0x0","worker_per_virtqueue":true}}'
    -msg timestamp=on"""


def q35_minimal(work):
    """The least that libvirt accepts: key=value."""
    return f"""-name guest=stub,debug-threads=on -S -object secret,id=masterKey0,format=raw,file={work}/master-key.aes
    -machine pc-q35-7.2,usb=off,dump-guest-core=off -accel qtest -cpu host -m 512 -overcommit mem-lock=off
    -smp 2,sockets=2,cores=1,threads=1 -uuid 0344b7ae-7a40-4d8c-9d0a-2f8d3f1c7b11 -display none -no-user-config -nodefaults
    -chardev socket,id=charmonitor,fd=27,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control
    -rtc base=utc -no-shutdown -boot strict=on -kernel {work}/kernel -initrd {work}/initrd -append A
    -device pcie-root-port,port=8,chassis=1,id=pci.1,bus=pcie.0,multifunction=on,addr=0x1
    -device pcie-root-port,port=9,chassis=2,id=pci.2,bus=pcie.0,addr=0x1.0x1
    -chardev pty,id=charserial0 -device isa-serial,chardev=charserial0,id=serial0,index=0
    -audiodev '{{"id":"audio1","driver":"none"}}'
    -device vhost-scsi-pci,wwpn={WWPN},vhostfd=26,id=ua-vs0,bus=pci.1,addr=0x0,worker_per_virtqueue=on
    -msg timestamp=on"""


def split(text):
    """The words of a line, without what this program does not have yet."""
    words = shlex.split(text)
    line = []
    for name, value in zip(words, words[1:] + [""]):
        if name == "-mon" and not has_option("mon"):
            line.append(None)
        elif name == "-device" and "pcie-root-port" in value and \
                not has_type("pcie-root-port"):
            line.append(None)
        elif line and line[-1] is None:
            line[-1] = ""
        else:
            line.append(name)
    line = [w for w in line if w]
    if not has_type("pcie-root-port"):
        line = [w.replace("pci.1", "pcie.0").replace(
            '"0x0"', '"0x2"').replace("addr=0x0", "addr=0x2") for w in line]
    return line


@contextlib.contextmanager
def domain():
    with tempfile.TemporaryDirectory() as work:
        write_kernel(os.path.join(work, "kernel"))
        pathlib.Path(work, "initrd").write_bytes(b"initrd")
        d = Domain(work)
        yield d
        if d.process and d.process.poll() is None:
            d.process.kill()
            d.process.wait()


def connects(path, greeting=False):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(TIMEOUT)
        try:
            s.connect(path)
            if greeting and not s.recv(100).startswith(b'{"QMP"'):
                return "without a greeting"
        except OSError as e:
            return str(e)
    return "yes"


def check_domain(name, text):
    with domain() as d:
        d.vhost(26)
        path = d.listen(27, "monitor")
        d.start(split(text(d.work)))
        report(d.wait_log("(label charserial0)"), f"{name}: it starts",
               pathlib.Path(d.log).read_text())
        equal(f"{name}: the monitor's socket takes a client",
              connects(path, has_option("mon")), "yes")
        threads = d.wait_thread("control")  # the last one to start
        report({"CPU 0/qtest", "CPU 1/qtest"} <= set(threads),
               f"{name}: threads have names", threads)
        equal(f"{name}: SIGTERM ends it with status 0", d.stop(), 0)
        log = pathlib.Path(d.log).read_text()
        equal(f"{name}: it says nothing but the pty's name",
              len(log.splitlines()), 1)


def test_domains():
    check_domain("q35, JSON", q35_full)
    check_domain("q35, key=value", q35_minimal)


def test_pc_line():
    """The same domain on i440fx, if there is such a machine."""
    if "pc-i440fx" not in MACHINES:
        print("# no machine pc-i440fx: its line is refused")
        with domain() as d:
            d.start(["-machine", "pc-i440fx-7.2,usb=off", "-accel", "qtest"])
            equal("pc: an unknown machine is a failure",
                  d.process.wait(TIMEOUT), 1)
            log = pathlib.Path(d.log).read_text()
            equal("pc: one line says so", log,
                  "qemu-system-x86_64: unsupported machine type "
                  "'pc-i440fx-7.2'; see -machine help\n")
        return

    def line(work):
        text = q35_full(work).replace("pc-q35-7.2", "pc-i440fx-7.2")
        text = text.replace('"pci.1","addr":"0x0"', '"pci.0","addr":"0x2"')
        return "\n".join(l for l in text.splitlines()
                         if "pcie-root-port" not in l)
    check_domain("pc, JSON", line)


def test_serial_file():
    """<serial type='file'>: the file is passed as a set of descriptors."""
    with domain() as d:
        path = os.path.join(d.work, "console")
        pathlib.Path(path).write_text("old ")
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        d.pass_fd(26, fd)
        os.close(fd)
        qtest = d.listen(27, "qtest")
        d.start(shlex.split(
            "-accel qtest -display none -nodefaults -add-fd "
            "set=0,fd=26,opaque=serial0-source -chardev "
            "file,id=charserial0,path=/dev/fdset/0,append=on -device "
            "isa-serial,chardev=charserial0,id=serial0,index=0 -chardev "
            "socket,id=q,fd=27,server=on,wait=off -qtest chardev:q "
            "-qtest-log none"))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(TIMEOUT)
            s.connect(qtest)
            for c in b"new":
                s.sendall(b"outb 0x3f8 %d\n" % c)
                s.recv(100)
        equal("file in a set: status", d.stop(), 0)
        equal("file in a set: the console goes behind what is there",
              pathlib.Path(path).read_text(), "old new")


def test_serial_unix():
    """<serial type='unix' mode='bind'>: the socket is passed, listening."""
    with domain() as d:
        path = d.listen(26, "console")
        d.start(shlex.split(
            "-accel qtest -display none -nodefaults -chardev "
            "socket,id=charserial0,fd=26,server=on,wait=off -device "
            "isa-serial,chardev=charserial0,id=serial0,index=0"))
        equal("unix console: takes a client", connects(path), "yes")
        equal("unix console: takes another", connects(path), "yes")
        equal("unix console: status", d.stop(), 0)


def has_rsdp(*options):
    """Whether the guest's memory has the root of ACPI's tables, which lies
    somewhere between 0xe0000 and 1 MiB."""
    with domain() as d:
        qtest = d.listen(27, "qtest")
        d.start(["-accel", "qtest", "-display", "none", "-kernel",
                 f"{d.work}/kernel", *options, "-chardev",
                 "socket,id=q,fd=27,server=on,wait=off", "-qtest", "chardev:q",
                 "-qtest-log", "none"])
        with socket.socket(socket.AF_UNIX) as s, s.makefile("rwb") as f:
            s.settimeout(TIMEOUT)
            s.connect(qtest)
            f.write(b"read 0xe0000 0x20000\n")
            f.flush()
            data = bytes.fromhex(f.readline().split()[1].decode()[2:])
        equal(f"ACPI {options}: status", d.stop(), 0)
    return b"RSD PTR " in data


def test_no_acpi():
    equal("tables by default", has_rsdp(), True)
    equal("none with -no-acpi", has_rsdp("-no-acpi"), False)
    equal("none with acpi=off", has_rsdp("-machine", "acpi=off"), False)


# --- -daemonize ---

def daemonize(*args):
    """As libvirt probes: reads stdout and stderr to their end, waits for the
    parent. Whoever keeps one of them open makes this time out."""
    if os.geteuid() != 0:   # who would not see its descriptors
        args += ("-machine", "dump-guest-core=on")
    return subprocess.run([VMM, *args], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=TIMEOUT, check=False)


def end_daemon(pid):
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False


def check_daemon(name, work, *args):
    path, pidfile = os.path.join(work, "monitor"), os.path.join(work, "pid")
    try:
        done = daemonize(*args, "-pidfile", pidfile, "-daemonize")
    except subprocess.TimeoutExpired:
        report(False, f"{name}: the parent ends and stdio is let go")
        with contextlib.suppress(OSError):
            end_daemon(int(pathlib.Path(pidfile).read_text()))
        return
    # All of this must be so when the parent has ended: nothing waits here.
    equal(f"{name}: the parent", (done.returncode, done.stdout, done.stderr),
          (0, "", ""))
    report(os.path.exists(pidfile), f"{name}: the pidfile is written")
    if not os.path.exists(pidfile):
        return
    pid = int(pathlib.Path(pidfile).read_text())
    equal(f"{name}: the socket listens",
          connects(path, has_option("qmp")), "yes")
    equal(f"{name}: stdio is /dev/null",
          [os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)],
          ["/dev/null"] * 3)
    report(os.getsid(pid) == pid, f"{name}: a session of its own")
    report(end_daemon(pid), f"{name}: SIGTERM ends it")
    report(not os.path.exists(pidfile), f"{name}: the pidfile is gone")


def test_probe():
    """The line by which libvirt finds out what there is, with the accelerator
    that can run here."""
    for accel in ("kvm:tcg", "qtest"):
        if accel != "qtest" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            print(f"# no /dev/kvm: accel={accel} is not tried")
            continue
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "monitor")
            listen = ["-qmp", f"unix:{path},server=on,wait=off"]
            if not has_option("qmp"):
                print("# no -qmp yet: the socket is a chardev")
                listen = ["-chardev",
                          f"socket,id=c,path={path},server=on,wait=off"]
            check_daemon(f"probe {accel}", work, "-S", "-no-user-config",
                         "-nodefaults", "-nographic", "-machine",
                         f"none,accel={accel}", *listen)


def test_daemon_failures():
    for name, args, message in (
            ("unknown device", ["-device", "x1000"],
             "-device: 'x1000' is not a valid device model name; see "
             "-device help"),
            ("socket in no directory",
             ["-chardev", "socket,id=c,path=/nonexistent/s,server=on,wait=off"],
             "-chardev: Failed to bind socket to '/nonexistent/s': No such "
             "file or directory"),
            ("pidfile in no directory", ["-pidfile", "/nonexistent/pid"],
             "-pidfile: cannot create '/nonexistent/pid': No such file or "
             "directory"),
            ("console on a terminal", ["-nographic"],
             "-nographic cannot be used with -daemonize"),
            ("stdio", ["-nodefaults", "-serial", "mon:stdio"],
             "cannot use stdio with -daemonize"),
            ("stdio of a chardev", ["-chardev", "stdio,id=c"],
             "cannot use stdio with -daemonize")):
        done = daemonize("-accel", "qtest", "-display", "none", "-daemonize",
                         *args)
        equal(f"daemon, {name}", (done.returncode, done.stdout, done.stderr),
              (1, "", f"qemu-system-x86_64: {message}\n"))
        with tempfile.TemporaryDirectory() as work:
            pidfile = os.path.join(work, "pid")
            if "-pidfile" not in args:
                daemonize("-accel", "qtest", "-display", "none", "-daemonize",
                          "-pidfile", pidfile, *args)
                report(not os.path.exists(pidfile),
                       f"daemon, {name}: no pidfile stays")


def main():
    for test in (test_domains, test_pc_line, test_serial_file,
                 test_serial_unix, test_no_acpi, test_probe,
                 test_daemon_failures):
        try:
            test()
        except Exception as e:  # a test that breaks off has failed
            report(False, test.__name__, f"{type(e).__name__}: {e}")
    return finish()


if __name__ == "__main__":
    sys.exit(main())
