#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What somebody who has taken over the emulator can still do: the program with
a trapdoor (trapdoor.c) tries it, an attack in each process. Prints what became
of each, and fails if that is not what the manual says.
usage: redteam.py TRAPDOOR [TEST...]"""

import errno
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "qmp"))
# pylint: disable=wrong-import-position
import qemu  # noqa
from qemu import Machine, main  # noqa

NOBODY = 65534
IS_ROOT = os.geteuid() == 0
PORT = 0x4d0
TARGETS = ("naa.5001405bd1f60000", "naa.5001405bd1f60001")

# In the order of trapdoor.c: what is tried; whether it is done by a process without the rights that were given up, as
# root and as another user in another root directory. "?" is the host's to say.
ATTACKS = (
    ("open /etc/shadow", "yes", "no"),
    ("make and write a file in /tmp", "yes", "no"),
    ("fork", "yes", "yes"),
    ("fork and exec", "yes", "yes"),
    ("exec", "yes", "no"),
    ("connect to the host's network", "?", "?"),
    ("make a unix socket", "yes", "yes"),
    ("make a netlink socket", "yes", "yes"),
    ("ptrace another process of the user", "?", "?"),
    ("read the memory of one", "?", "?"),
    ("take a descriptor of one", "?", "?"),
    ("signal one", "yes", "yes"),
    ("read a limit of one", "yes", "yes"),
    ("make a user namespace", "?", "?"),
    ("io_uring_setup", "?", "?"),
    ("bpf", "?", "?"),
    ("keyctl", "?", "?"),
    ("become root", "yes", "no"),
    ("mount", "no", "no"),
    ("map memory to write and execute", "yes", "yes"),
    ("make data executable", "yes", "yes"),
    ("type into the terminal (TIOCSTI)", "no", "no"),
    ("bind another guest's target that is free", "yes", "?"),
    ("make a device node", "no", "no"),
    ("give a file to somebody else", "no", "no"),
    ("leave the root directory", "no", "no"),
    ("raise its priority", "no", "no"),
)


def victim(uid):
    """A process that sleeps, of the same user as the emulator."""
    who = {"user": uid, "group": uid, "extra_groups": []} if IS_ROOT else {}
    return subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, **who)


def attack(number, pid, *args):
    """What became of one: "done", "refused: ERROR" or "ended: MESSAGE"."""
    m = Machine("-device", f"trapdoor,victim={pid},target={TARGETS[1]}", *args,
                guest=True, fake=",".join(f"target={t}" for t in TARGETS))
    try:
        m.qmp().close()     # the start is over
        try:
            m.guest.do(f"outb {PORT:#x} {number}")
            result = m.guest.do(f"inb {PORT:#x}")
        except (AssertionError, OSError):
            status = m.wait()
            last = (m.stderr().splitlines() or [""])[-1]
            return f"ended: {last}" if status == -signal.SIGSYS else "done"
        return f"refused: {errno.errorcode[result]}" if result else "done"
    finally:
        if not m.ended():
            m.process.kill()
        m.wait()
        for path in pathlib.Path(m.dir).iterdir():
            path.unlink()
        os.rmdir(m.dir)


def as_user(uid):
    return ("-run-with", f"user={uid}:{uid}") if IS_ROOT and uid else ()


def tried(title, uid, *args):
    """The table, printed: attack -> what became of it."""
    results = {}
    print(f"# {title}")
    with victim(uid) as sibling:
        try:
            for number, (name, *_) in enumerate(ATTACKS):
                results[name] = attack(number, sibling.pid, *as_user(uid),
                                       *args)
                print(f"#   {name:42} {results[name]}", flush=True)
        finally:
            sibling.kill()
    pathlib.Path("/tmp/trapdoor").unlink(missing_ok=True)
    return results


def check(results, column):
    for attack_row in ATTACKS:
        name, expected = attack_row[0], attack_row[column]
        done = results[name] == "done"
        assert expected == "?" or done == (expected == "yes"), \
            (name, results[name], expected)


def test_root_has_no_capabilities():
    if IS_ROOT:
        check(tried("root without capabilities", 0), 1)


def test_another_user_in_another_root_directory():
    """Of a user who runs the test nothing is there to be given up."""
    if not IS_ROOT:
        return
    with tempfile.TemporaryDirectory() as jail:
        os.chmod(jail, 0o755)
        check(tried("another user in an empty root directory", NOBODY,
                    "-chroot", jail), 2)


if __name__ == "__main__":
    main(globals())
