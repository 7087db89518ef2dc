#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the process gives up: capabilities, user, groups, root directory, and
being looked at. Root tries all of it; another user what that can, and that the
rest is refused. The lab (scenario "hotplug") has it on a real kernel.
usage: privileges.py BINARY [TEST...]"""

import ctypes
import glob
import grp
import os
import pathlib
import pwd
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
# pylint: disable=wrong-import-position
from bzimage import write_kernel  # noqa
import qemu  # noqa
from qemu import Machine, WWPN, equal, main  # noqa

qemu.BINARY = BINARY = os.path.realpath(qemu.BINARY)   # tests change directories
IS_ROOT = os.geteuid() == 0
NOBODY = 65534
CAP_NET_ADMIN, CAP_IPC_LOCK, CAP_SYS_NICE = 1 << 12, 1 << 14, 1 << 23
PTRACE_ATTACH = 16
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def is_sanitized():
    binary = pathlib.Path(BINARY).read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def status(pid, tid=None):
    path = f"/proc/{pid}/task/{tid}/status" if tid else f"/proc/{pid}/status"
    with open(path) as f:
        return {k: v.split() for k, v in (line.split(":", 1) for line in f)}


def tasks(m):
    """The status of each thread but those of the stand-in."""
    pid = m.process.pid
    result = [status(pid, tid) for tid in os.listdir(f"/proc/{pid}/task")]
    return [t for t in result if not t["Name"][0].startswith("fake-")]


def ready(*args, **kwargs):
    """A machine whose start is over: the monitor answers. Others may look at it
    if the arguments say so, whoever runs the test."""
    m = Machine("-machine", "dump-guest-core=off", *args, **kwargs)
    m.qmp().close()
    return m


def check_kept(m, kept):
    """The machine's threads hold @kept alone, if it was root's."""
    kept = kept if IS_ROOT else 0
    all_tasks = tasks(m)
    assert len(all_tasks) >= 2, all_tasks
    for t in all_tasks:
        if t["Name"][0].startswith("vhost-"):
            # One who may not place it has less than the program.
            assert not int(t["CapPrm"][0], 16) & ~kept, t
            continue
        for name in SETS:
            want = kept if name in ("CapPrm", "CapEff") else 0
            equal(int(t[name][0], 16), want, f"{t['Name']}: {name}")
        if IS_ROOT:
            equal(int(t["CapBnd"][0], 16), kept, f"{t['Name']}: CapBnd")
        equal(t["NoNewPrivs"], ["1"], f"{t['Name']}: NoNewPrivs")


def refused(message, *args, binary=BINARY, user=None):
    done = subprocess.run([binary, "-accel", "qtest", "-display", "none",
                           *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, user=user,
                          extra_groups=None if user is None else [])
    equal((done.returncode, done.stderr),
          (1, f"qemu-system-x86_64: {message}\n"), str(args))


# --- capabilities ---

def test_none_is_kept():
    with tempfile.TemporaryDirectory() as work:
        with ready("-chardev", f"file,id=f,path={work}/file",
                   "-device", "pcie-root-port,id=p", guest=True) as m:
            m.wait_for(lambda: any(t["Name"] == ["chardev"] for t in tasks(m)),
                       "the thread that writes to the file")
            check_kept(m, 0)


def test_nice_and_policy_are_kept_for_devices_that_come():
    for what in ('"nice":5', '"sched":"batch"'):
        device = ('{"driver":"vhost-scsi-pci","id":"d","wwpn":"%s","num_queues'
                  '":1,"worker-vq-mapping":[{"vqs":[0],%s}]}' % (WWPN, what))
        with ready("-device", device, fake="") as m:
            check_kept(m, CAP_SYS_NICE)
    with ready("-device", f"vhost-scsi-pci,wwpn={WWPN}", fake="") as m:
        check_kept(m, 0)


def test_network_is_kept_if_a_tap_was_made():
    for more in ("", ",ifname=nonexistent0"):
        with ready("-netdev", f"tap,id=n{more},script=no,downscript=no",
                   fake="") as m:
            check_kept(m, CAP_NET_ADMIN)
    # One that is there, whatever it is: the stand-in has it for a tap.
    with ready("-netdev", "tap,id=n,ifname=lo,script=no,downscript=no",
               fake="") as m:
        check_kept(m, 0)


def test_locking_is_kept_with_locked_memory():
    if not IS_ROOT and resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != -1:
        refused("-overcommit: mem-lock=on: cannot lock the emulator's memory, "
                "raise its limit (ulimit -l): Cannot allocate memory",
                "-m", "16", "-overcommit", "mem-lock=on")
        return
    with ready("-m", "16", "-overcommit", "mem-lock=on") as m:
        check_kept(m, CAP_IPC_LOCK)


# --- being looked at ---

def run_as(uid, function):
    """What @function answers in a process of @uid without capabilities."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        if IS_ROOT:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        os.write(writer, repr(function()).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as f:
        text = f.read().decode()
    os.waitpid(pid, 0)
    return text


def look(pid):
    """What another process of the same user can have: where it stands, its
    memory, its threads' control."""
    seen = []
    for what, mode in (("cwd", None), ("mem", os.O_RDONLY), ("fd", None)):
        path = f"/proc/{pid}/{what}"
        try:
            if mode is not None:
                os.close(os.open(path, mode))
            elif what == "cwd":
                os.readlink(path)
            else:
                os.listdir(path)
            seen.append(what)
        except PermissionError:
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) == 0:
        seen.append("ptrace")
        os.waitpid(pid, 0)
        libc.ptrace(17, pid, None, None)    # PTRACE_DETACH
    return seen


def test_another_process_of_the_user_sees_nothing():
    args = ["-run-with", f"user={NOBODY}:{NOBODY}"] if IS_ROOT else []
    uid = NOBODY if IS_ROOT else os.getuid()
    with ready(*args) as m:
        equal(run_as(uid, lambda: look(m.process.pid)), "[]", "what is seen")
        # What libvirt and vhost-top read.
        for what in ("stat", "status", "cmdline", "schedstat", "comm"):
            assert run_as(uid, lambda: open(
                f"/proc/{m.process.pid}/{what}").read()) != "''"
    # It can be seen where that was asked for: the test can fail.
    with ready(*args, "-machine", "dump-guest-core=on") as m:
        seen = run_as(uid, lambda: look(m.process.pid))
        assert "cwd" in seen and "mem" in seen, seen


def crash(sig, *args):
    """(whether there was a core dump, that file or None) of a machine whose
    guest's RAM holds MARKER."""
    work = tempfile.mkdtemp(prefix="core.")
    old = resource.getrlimit(resource.RLIMIT_CORE)
    cwd = os.getcwd()
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (old[1], old[1]))
        os.chdir(work)
        m = Machine("-m", "16", "-machine", "dump-guest-core=off", *args,
                    guest=True)
        m.guest.do("write 0x200000 64 0x" + b"MARKER-of-guest".hex() +
                   "00" * 49)
        m.process.send_signal(sig)
        _, wait = os.waitpid(m.process.pid, 0)
        m.process.returncode = -os.WTERMSIG(wait)
        shutil.rmtree(m.dir)
        assert os.WIFSIGNALED(wait) and os.WTERMSIG(wait) == sig, wait
        cores = glob.glob(work + "/*")
        data = pathlib.Path(cores[0]).read_bytes() if cores else None
        return os.WCOREDUMP(wait), data
    finally:
        os.chdir(cwd)
        resource.setrlimit(resource.RLIMIT_CORE, old)
        shutil.rmtree(work)


def expected_dump():
    """Whether this host dumps at all, with the limit raised as in crash()."""
    limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    with tempfile.TemporaryDirectory() as work:
        p = subprocess.Popen(
            ["sh", "-c", "kill -SEGV $$"], cwd=work,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE,
                                                  (limit, limit)))
        _, wait = os.waitpid(p.pid, 0)
        p.returncode = 0
        return os.WCOREDUMP(wait)


def test_a_crash_leaves_a_core_without_the_guests_memory():
    if is_sanitized():
        return      # its signals are the sanitizer's
    dumps = expected_dump()
    for sig in (signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT):
        dumped, data = crash(sig)
        equal(dumped, dumps, f"{sig}: core dump")
        assert not data or (b"qemu" in data and b"MARKER-of-g" not in data)
    dumped, data = crash(signal.SIGABRT, "-machine", "dump-guest-core=on")
    equal(dumped, dumps, "core dump with RAM")
    assert not data or b"MARKER-of-g" in data


# --- another user, another root directory ---

def test_what_cannot_be_is_refused():
    teardown = ("-run-with: async-teardown=on is not supported: it takes a "
                "second process, which the program does not start: give off "
                "or leave it out")
    refused(teardown, "-run-with", "async-teardown=on")
    refused("-run-with: parameter 'async-teardown' expects 'on' or 'off'",
            "-run-with", "async-teardown=perhaps")
    for option, argument, name in (
            ("-run-with", "user=nobody-is-called-so", "nobody-is-called-so"),
            ("-runas", "nobody-is-called-so", "nobody-is-called-so"),
            ("-runas", "1000", "1000"), ("-runas", "1:2:3", "1:2:3"),
            ("-runas", "1:4294967295", "1:4294967295"), ("-runas", "", "")):
        refused(f"{option}: there is no user '{name}': give the name of one, "
                "or UID:GID in numbers", option, argument)
    for user in ("root", "0:0", "0:5"):
        refused(f"-runas: user '{user}' is root, who would give up nothing: "
                "choose another one", "-runas", user)
    for option, argument in (("-run-with", "chroot=/nonexistent"),
                             ("-chroot", "/nonexistent")):
        refused(f"{option}: there is no directory '/nonexistent': make it "
                "first", option, argument)
    with ready("-run-with", "async-teardown=off"):
        pass
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('[run-with]\n  async-teardown = "on"\n')
        f.flush()
        refused(teardown, "-readconfig", f.name)


def test_only_root_can():
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        binary = shutil.copy(BINARY, work + "/qemu-system-x86_64")
        os.chmod(binary, 0o755)
        user = NOBODY if IS_ROOT else None
        refused("-run-with: only root can become user '1:1': start the program "
                "as root, or leave the user out", "-run-with", "user=1:1",
                binary=binary, user=user)
        refused(f"-chroot: only root can change the root directory to "
                f"'{work}': start the program as root, or leave it out",
                "-chroot", work, binary=binary, user=user)


def check_ids(m, uid, gid, groups):
    for t in tasks(m):
        equal(t["Uid"], [str(uid)] * 4, f"{t['Name']}: Uid")
        equal(t["Gid"], [str(gid)] * 4, f"{t['Name']}: Gid")
        equal(sorted(map(int, t["Groups"])), sorted(groups),
              f"{t['Name']}: Groups")


def root_becomes_another_user():
    with tempfile.TemporaryDirectory() as work:
        with ready("-run-with", "user=1234:5678", "-chardev",
                   f"file,id=f,path={work}/file") as m:
            check_ids(m, 1234, 5678, [])
            check_kept(m, 0)
    for form in (["-run-with", "user=daemon"], ["-runas", "daemon"]):
        with ready(*form) as m:
            pw = pwd.getpwnam("daemon")
            check_ids(m, pw.pw_uid, pw.pw_gid,
                      os.getgrouplist("daemon", pw.pw_gid))
    # One who is in more than one group.
    for g in grp.getgrall():
        for name in g.gr_mem:
            with ready("-runas", name) as m:
                pw = pwd.getpwnam(name)
                check_ids(m, pw.pw_uid, pw.pw_gid,
                          os.getgrouplist(name, pw.pw_gid))
            return


def root_keeps_what_was_asked_for_as_another_user():
    device = ('{"driver":"vhost-scsi-pci","id":"d","wwpn":"%s","num_queues":1,'
              '"worker-vq-mapping":[{"vqs":[0],"nice":5}]}' % WWPN)
    with ready("-device", device, "-runas", f"{NOBODY}:{NOBODY}",
               fake="") as m:
        check_ids(m, NOBODY, NOBODY, [])
        check_kept(m, CAP_SYS_NICE)


WARNING = ("qemu-system-x86_64: warning: -run-with: chroot=%s: there is no "
           "/proc: workers=auto and statistics of workers stand still, and a "
           "device that is added cannot place its workers: mount one there\n")


def root_changes_its_root_directory():
    # A sanitizer looks for leaks in /proc.
    no_leaks = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                ":detect_leaks=0"}
    with tempfile.TemporaryDirectory() as work:
        jail = work + "/jail"
        os.mkdir(jail)
        write_kernel(work + "/kernel")
        pathlib.Path(work + "/initrd").write_bytes(b"x" * 5000)
        for form in (["-run-with", f"user={NOBODY}:{NOBODY},chroot={jail}"],
                     ["-chroot", jail, "-runas", f"{NOBODY}:{NOBODY}"]):
            m = ready(*form, "-kernel", work + "/kernel", "-initrd",
                      work + "/initrd", "-pidfile", work + "/pid", env=no_leaks)
            with m:
                pid = m.process.pid
                equal(os.readlink(f"/proc/{pid}/root"), jail, "its root")
                equal(os.readlink(f"/proc/{pid}/cwd"), jail, "where it is")
                qmp = m.qmp()
                qmp.cmd("system_reset")     # reads kernel and initrd again
                qmp.event("RESET")
                equal(qmp.cmd("query-status")["status"], "running")
                error = qmp.error("device_add", driver="vhost-scsi-pci",
                                  wwpn=WWPN)
                assert "cannot open /dev/vhost-scsi" in error.desc or \
                    "hotplug" in error.desc, error.desc
                equal(m.stderr(), WARNING % jail)
                equal(os.listdir(jail), [], "what it leaves there")


def root_of_a_daemon():
    with tempfile.TemporaryDirectory() as work:
        jail = work + "/jail"
        os.mkdir(jail)
        subprocess.run([BINARY, "-accel", "qtest", "-display", "none",
                        "-nodefaults", "-daemonize", "-pidfile",
                        work + "/pid", "-run-with",
                        f"user={NOBODY}:{NOBODY},chroot={jail}"], check=True,
                       timeout=60, stderr=subprocess.DEVNULL)
        pid = int(pathlib.Path(work + "/pid").read_text())
        equal(os.readlink(f"/proc/{pid}/root"), jail, "its root")
        equal(status(pid)["Uid"], [str(NOBODY)] * 4)
        fd = os.pidfd_open(pid)
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        os.close(fd)


def test_another_user_and_root_directory():
    if IS_ROOT:
        root_becomes_another_user()
        root_keeps_what_was_asked_for_as_another_user()
        root_changes_its_root_directory()
        root_of_a_daemon()
        return
    # Root of a namespace of its own, which has no other user.
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(
            ["unshare", "-r", BINARY, "-accel", "qtest", "-display", "none",
             "-nodefaults", "-chroot", work, "-runas", "1:1"],
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "-run-with: user=1:1: cannot change " \
            "the group" in done.stderr, done.stderr


if __name__ == "__main__":
    main(globals())
