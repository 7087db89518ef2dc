# SPDX-License-Identifier: GPL-2.0-or-later
"""A libvirtd of its own for a test: in the foreground, with its directories
below a temporary one, as the session daemon of a user who is not root. Root
becomes one by a user namespace, or by setuid where there are none.

    with Libvirtd() as lv:
        lv.virsh("define", lv.file(domain("one")))
        lv.virsh("start", "one")

The stand-in for /dev/vhost-scsi is preloaded into libvirtd, which opens the
device, and into the program, which gets the descriptor. Guests run under qtest
unless @guest_kvm; see emulator.py."""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "qmp"))
sys.path.insert(0, str(HERE.parent / "python"))
# pylint: disable=wrong-import-position
from qemu import BINARY, REPORTS, TIMEOUT, WWPN, Guest, equal, fake_command  # noqa


PRELOAD = os.environ["FAKE_VHOST_PRELOAD"]
# Another where a sanitizer is in the program, and so in its stand-in.
LIBVIRTD_PRELOAD = os.environ.get("LIBVIRTD_PRELOAD", PRELOAD)
CONFIG = {
    "qemu.conf": """\
stdio_handler = "file"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
""",
    "libvirtd.conf": "",
}


def hostdev(address="", alias="ua-vs0"):
    return f"""
<hostdev mode='subsystem' type='scsi_host' managed='no'>
  <source protocol='vhost' wwpn='{WWPN}'/>
  <alias name='{alias}'/>{address}
</hostdev>"""


HOSTDEV = hostdev()
ON_ROOT_BUS = hostdev("<address type='pci' domain='0' bus='0' slot='2'/>")
WORKERS = """
<qemu:override><qemu:device alias='ua-vs0'><qemu:frontend>
  <qemu:property name='num_queues' type='unsigned' value='4'/>
  <qemu:property name='worker_per_virtqueue' type='bool' value='true'/>
</qemu:frontend></qemu:device></qemu:override>"""


def domain(name, *, devices="", features="<features><acpi/></features>",
           machine="q35", cpu="<cpu mode='host-passthrough'/>", more="",
           args=(), env=(), emulator=None, override="", memory="",
           os_more="", balloon="<memballoon model='none'/>"):
    """A domain's XML. @args are added to the program's command line."""
    args = "".join(f"<qemu:arg value='{a}'/>" for a in args)
    env = "".join(f"<qemu:env name='{k}' value='{v}'/>" for k, v in env)
    emulator = f"<emulator>{emulator}</emulator>" if emulator else ""
    return f"""
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>64</memory>{memory}
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type>{os_more}</os>
  {features}{cpu}{more}
  <devices>
    {emulator}
    <controller type='usb' model='none'/>
    {balloon}
    <serial type='pty'/>
    <console type='pty'><target type='serial'/></console>{devices}
  </devices>
  <qemu:commandline>{args}{env}</qemu:commandline>{override}
</domain>"""


class LibvirtGuest(Guest):
    """With the registers that libvirt's commands make a guest look at."""

    PM, STATUS_BUTTON = 0x600, 1 << 8
    COM1, LINE_STATUS, RECEIVED = 0x3f8, 0x3fd, 1

    def acpi_on(self):
        self.config(31, 0x40, self.PM)
        self.config(31, 0x44, 0x80)

    def is_acpi_on(self):
        return self.config(31, 0x44) & 0x80 != 0

    def button(self):
        """Whether the power button was pressed; takes note of it."""
        pressed = self.do(f"inw {self.PM:#x}") & self.STATUS_BUTTON
        if pressed:
            self.do(f"outw {self.PM:#x} {self.STATUS_BUTTON:#x}")
        return bool(pressed)

    def print(self, text):
        for char in text:
            self.do(f"outb {self.COM1:#x} {ord(char):#x}")

    def typed(self):
        if self.do(f"inb {self.LINE_STATUS:#x}") & self.RECEIVED:
            return chr(self.do(f"inb {self.COM1:#x}"))
        return ""

    def capability(self, slot, wanted, function=0):
        """Where 00:@slot.@function has it."""
        at = self.config(slot, 0x34, function=function) & 0xfc
        while at:
            head = self.config(slot, at, function=function)
            if head & 0xff == wanted:
                return at
            at = head >> 8 & 0xfc
        raise AssertionError(f"00:{slot:02x} has no capability {wanted:#x}")


class Slot:
    """The slot of root port 00:01.@function, libvirt's first ones, under a
    driver such as pciehp: PCI Express 5.0, 7.5.3.10 and 7.5.3.11."""

    BUTTON_ENABLE, POWER_OFF = 1 << 0, 1 << 10
    INDICATORS, INDICATOR_ON, INDICATOR_OFF = 3 << 8, 1 << 8, 3 << 8
    BUTTON, PRESENT = 1 << 0, 1 << 6

    def __init__(self, guest, function):
        self.guest, self.function = guest, function
        self.at = guest.capability(1, 0x10, function) + 0x18
        self.control(self.BUTTON_ENABLE, 0)

    def registers(self, value=None):
        return self.guest.config(1, self.at, value,
                                 function=self.function)

    def control(self, set_bits, clear_bits):
        self.registers(self.registers() & 0xffff & ~clear_bits | set_bits)

    def status(self):
        return self.registers() >> 16

    def asked(self):
        return self.status() & self.BUTTON

    def is_full(self):
        return self.status() & self.PRESENT

    def power_off(self):
        """Consents, and takes note of the button."""
        self.control(self.POWER_OFF | self.INDICATOR_OFF | self.BUTTON << 16,
                     0)

    def power_on(self):
        self.control(self.INDICATOR_ON, self.POWER_OFF | self.INDICATORS)


class VirshError(Exception):
    pass


def tool(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")


if not tool("libvirtd") or not tool("virsh"):
    print("1..0 # SKIP there is no libvirtd here")
    sys.exit(0)


def has_user_namespaces():
    return subprocess.run(["unshare", "--user", "--map-user=1000", "true"],
                          stderr=subprocess.DEVNULL, check=False
                          ).returncode == 0


# Root becomes another user one way or the other.
USER_NAMESPACES = os.geteuid() == 0 and has_user_namespaces()
SETUID = os.geteuid() == 0 and not USER_NAMESPACES
KVM = os.access("/dev/kvm", os.R_OK | os.W_OK) and not (
    SETUID and os.stat("/dev/kvm").st_mode & 0o6 != 0o6)


# libvirtd asks KVM for the number of vCPUs, and starts nothing without.
if not KVM:
    LIBVIRTD_PRELOAD = f"{os.environ['LIBVIRTD_KVM']}:{LIBVIRTD_PRELOAD}"


def copies(paths, folder):
    """Of libraries in LD_PRELOAD's form, in @folder."""
    return ":".join(str(shutil.copy(p, folder)) for p in paths.split(":"))


class Reaper(threading.Thread):
    """libvirt waits for its orphans to be gone, and process 1 of a container
    may never take them: while this runs they are ours."""

    PR_SET_CHILD_SUBREAPER = 36

    def __init__(self):
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.crashes = []

    def adopt(self, yes):
        ctypes.CDLL(None).prctl(self.PR_SET_CHILD_SUBREAPER, yes, 0, 0, 0)

    @staticmethod
    def orphans():
        """(id, name), by name: those that Popen waits for are not among them."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            # Any of them may end meanwhile.
            with contextlib.suppress(OSError):
                path = pathlib.Path("/proc", entry, "stat")
                pid, rest = path.read_text().split(" (", 1)
                name, rest = rest.rsplit(") ", 1)
                state, parent = rest.split()[:2]
                if state == "Z" and int(parent) == os.getpid() and \
                        name in ("qemu-system-x86", "python3"):
                    yield int(pid), name

    def run(self):
        while not self.done.wait(0.02):
            for pid, name in self.orphans():
                with contextlib.suppress(ChildProcessError):
                    _, status = os.waitpid(pid, os.WNOHANG)
                    # A probe's go-between dies of libvirt's SIGTERM.
                    if name != "python3" and (os.WIFSIGNALED(status) or
                                              os.WEXITSTATUS(status) > 1):
                        self.crashes.append(f"{name}: wait status {status}")

    def __enter__(self):
        self.adopt(1)
        self.start()

    def __exit__(self, *_):
        self.done.set()
        self.join()
        self.adopt(0)


class Libvirtd:
    def __init__(self, kvm=KVM, guest_kvm=False):
        # Short, since paths of sockets are.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lv.", dir="/tmp"))
        self.process = None
        self.reaper = Reaper()
        self.prefix, self.user = [], {}
        for name in ("home", "config/libvirt", "cache", "run", "data", "bin"):
            (self.dir / name).mkdir(parents=True)
        for name, text in CONFIG.items():
            (self.dir / "config/libvirt" / name).write_text(text)
        self.log = self.dir / "commands"
        self.binary = os.path.abspath(BINARY)
        self.preload, self.libvirtd_preload = PRELOAD, LIBVIRTD_PRELOAD
        self.be_a_user()
        self.make_emulator(kvm, guest_kvm)
        self.env = {
            # No other emulator than ours.
            "PATH": f"{self.dir}/bin",
            "HOME": f"{self.dir}/home", "LC_ALL": "C",
            "XDG_CONFIG_HOME": f"{self.dir}/config",
            "XDG_CACHE_HOME": f"{self.dir}/cache",
            "XDG_RUNTIME_DIR": f"{self.dir}/run",
            "XDG_DATA_HOME": f"{self.dir}/data",
        }
        self.socket = self.dir / "run/libvirt/libvirt-sock"

    # --- making it ---

    def be_a_user(self):
        """As root libvirtd would use the system's directories."""
        if USER_NAMESPACES:
            self.prefix = [tool("unshare"), "--user", "--map-user=1000",
                           "--map-group=1000", "--"]
        if not SETUID:
            return
        self.user = {"user": 65534, "group": 65534, "extra_groups": []}
        # What is built may be below a folder of root's.
        (self.dir / "copy").mkdir()
        self.binary = shutil.copy(self.binary, self.dir / "copy")
        self.preload = copies(self.preload, self.dir)
        self.libvirtd_preload = copies(self.libvirtd_preload, self.dir)
        shutil.copy(HERE / "emulator.py", self.dir)
        for path in [self.dir, *self.dir.rglob("*")]:
            os.chown(path, 65534, 65534)

    def make_emulator(self, kvm, guest_kvm):
        config = self.dir / "emulator.json"
        env = {"LD_PRELOAD": self.preload}
        env.update((k, v) for k, v in os.environ.items()
                   if k.endswith("SAN_OPTIONS"))
        config.write_text(json.dumps({
            "binary": str(self.binary), "log": str(self.log), "kvm": kvm,
            "guest_kvm": guest_kvm, "env": env}))
        script = HERE / "emulator.py"
        if self.user:
            script = self.dir / "emulator.py"
        self.emulator = self.dir / "bin/qemu-system-x86_64"
        # This interpreter may be below a folder of root's too.
        python = tool("python3") if self.user else sys.executable
        self.emulator.write_text(f"#!/bin/sh\nexec {python} {script} "
                                 f'{config} "$@"\n')
        self.emulator.chmod(0o755)

    def start(self):
        env = dict(self.env, LD_PRELOAD=self.libvirtd_preload)
        with open(self.dir / "libvirtd.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, tool("env"),
                 *(f"{k}={v}" for k, v in env.items()), tool("libvirtd"),
                 "-f", str(self.dir / "config/libvirt/libvirtd.conf")],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                **self.user)
        self.wait_for(lambda: self.socket.exists() or self.ended(),
                      "libvirtd to listen")
        assert not self.ended(), self.text("libvirtd.log")

    def stop(self):
        """Its domains go on."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(TIMEOUT)
        self.process = None
        assert status == 0, f"libvirtd: {status}: {self.text('libvirtd.log')}"
        self.socket.unlink(missing_ok=True)

    def restart(self, name):
        """While domain @name runs. A query waits until libvirtd has found it
        again: to destroy it before that fails."""
        self.stop()
        self.start()
        self.qmp(name, "query-status")

    # --- using it ---

    def ended(self):
        return self.process.poll() is not None

    def wait_for(self, condition, what):
        """Polls, since what is waited for has no descriptor."""
        for _ in range(int(TIMEOUT / 0.02)):
            value = condition()
            if value:
                return value
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"gave up waiting for {what}")

    def text(self, name):
        path = self.dir / name
        return path.read_text(errors="replace") if path.exists() else ""

    def file(self, text):
        path = self.dir / f"input{len(list(self.dir.glob('input*')))}.xml"
        path.write_text(text)
        return path

    def command(self, *args):
        """A virsh command, to be run with self.env."""
        uri = f"qemu+unix:///session?socket={self.socket}"
        return [tool("virsh"), "-c", uri, "--quiet", *map(str, args)]

    def virsh(self, *args):
        """What it prints; fails with what it says."""
        done = subprocess.run(
            self.command(*args), env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT, check=False)
        if os.environ.get("LIBVIRT_TEST_VERBOSE"):
            print(f"# virsh {' '.join(map(str, args))}")
            print("".join(f"#   {line}\n" for line in
                          (done.stdout + done.stderr).splitlines()), end="")
        if done.returncode:
            raise VirshError(done.stderr.strip())
        return done.stdout.strip()

    def refused(self, *args):
        """The message of a command that must fail."""
        try:
            out = self.virsh(*args)
        except VirshError as e:
            return str(e)
        raise AssertionError(f"virsh {' '.join(map(str, args))}: {out}")

    def qmp(self, name, command, **args):
        """By virsh qemu-monitor-command."""
        request = {"execute": command}
        if args:
            request["arguments"] = args
        answer = json.loads(self.virsh("qemu-monitor-command", name,
                                       json.dumps(request)))
        assert "return" in answer, answer
        return answer["return"]

    def state(self, name):
        return self.virsh("domstate", name, "--reason")

    def wait_state(self, name, state):
        self.wait_for(lambda: self.state(name) == state,
                      f"{name} to be {state}")

    def pid(self, name):
        return int(self.text(f"run/libvirt/qemu/run/{name}.pid"))

    def commands(self):
        """The command lines that libvirt has used."""
        return [json.loads(line)["args"]
                for line in self.text("commands").splitlines()]

    def last_command(self):
        return self.commands()[-1]

    def start_guest(self, name, **options):
        """Defines and starts it with a guest that the test drives."""
        qtest = f"{self.dir}/{name}.qtest"
        self.virsh("define", self.file(domain(
            name, args=("-qtest", f"unix:{qtest},server=on,wait=off",
                        "-qtest-log", "none"),
            env=[("FAKE_VHOST_CONTROL", f"{self.dir}/{name}.fake")],
            **options)))
        self.virsh("start", name)
        equal(self.state(name), "running (booted)", "state")
        return LibvirtGuest(qtest)

    def fake(self, name, line):
        """A control command of the stand-in in domain @name."""
        return fake_command(f"{self.dir}/{name}.fake", line)[-1]

    # --- the end of it ---

    def emulators(self):
        """The program's processes that were started here and still run."""
        for line in self.text("commands").splitlines():
            pid = json.loads(line)["pid"]
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if str(self.dir).encode() in f.read():
                        yield pid
            except OSError:
                pass

    def reports(self):
        """What sanitizers said in the domains' logs."""
        return [line for path in (self.dir / "cache").rglob("*.log")
                for line in path.read_text(errors="replace").splitlines()
                if any(r in line for r in REPORTS)]

    def show(self):
        print("".join(f"# {c}\n" for c in self.reaper.crashes), end="")
        for path in [self.dir / "libvirtd.log",
                     *(self.dir / "cache").rglob("*.log")]:
            if path.exists():
                print("".join(f"# {path.name}: {line}\n" for line in
                              self.text(path).splitlines()[-40:]), end="")

    def __enter__(self):
        self.reaper.__enter__()
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process and not self.ended():
                for name in self.virsh("list", "--name").split():
                    self.virsh("destroy", name)
                self.wait_for(lambda: not list(self.emulators()),
                              "the emulators to end")
                self.stop()
            if kind is None:
                reports = self.reports() + self.reaper.crashes
                assert not reports, reports
            else:
                self.show()
        finally:
            for pid in self.emulators():
                os.kill(pid, signal.SIGKILL)
            if self.process and not self.ended():
                self.process.kill()
                self.process.wait()
            self.reaper.__exit__()
            if not os.environ.get("LIBVIRT_TEST_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)
