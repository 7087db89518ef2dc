# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands between libvirt and the program: emulator.py CONFIG ARGUMENT...

It notes the command line and runs the program with it, where a guest is not to
run under qtest instead of KVM. The probe of a host without /dev/kvm runs under
qtest too; libvirt is told that this is KVM, since it starts nothing otherwise.
CONFIG is a file, see libvirtd.py."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys

PROBE = "none,accel=kvm:tcg"
KVM_IS = re.compile(rb'"enabled": \w+, "present": \w+')
KVM_SHALL_BE = b'"enabled": true, "present": true'


def with_qtest(args):
    """The accelerator stands behind -accel, or in the probe's -machine."""
    return [a.replace("kvm:tcg", "qtest") if a == PROBE else
            "qtest" if a == "kvm" and args[i - 1] == "-accel" else a
            for i, a in enumerate(args)]


def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    return server


def detach():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.setsid()


def relay(client, program):
    """Until one of them closes, with one answer changed."""
    answers = program.makefile("rb")
    while True:
        ready, _, _ = select.select([client, program], [], [])
        if client in ready:
            data = client.recv(65536)
            if not data:
                return
            program.sendall(data)
        if program in ready:
            line = answers.readline()
            if not line:
                return
            client.sendall(KVM_IS.sub(KVM_SHALL_BE, line))


def probe_without_kvm(config, args, env):
    """The program detaches itself, and so does what stands before it."""
    path = args[args.index("-qmp") + 1].split(":", 1)[1].split(",")[0]
    pidfile = args[args.index("-pidfile") + 1]
    args = [a.replace(path, path + ".real") if path in a else
            pidfile + ".real" if a == pidfile else a for a in with_qtest(args)]
    done = subprocess.run([config["binary"], *args], env=env, check=False)
    if done.returncode:
        return done.returncode
    with open(pidfile + ".real", encoding="utf-8") as f:
        program = int(f.read())
    server = listen(path)
    child = os.fork()
    if child:
        with open(pidfile, "w", encoding="utf-8") as f:
            f.write(f"{child}\n")
        return 0
    detach()
    # libvirt ends it by SIGTERM, at any point.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGALRM, lambda *_: sys.exit())
    signal.alarm(120)
    try:
        with socket.socket(socket.AF_UNIX) as real:
            real.connect(path + ".real")
            relay(server.accept()[0], real)
    finally:
        os.kill(program, signal.SIGTERM)
    return 0


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        config = json.load(f)
    args = sys.argv[2:]
    with open(config["log"], "a", encoding="utf-8") as f:
        f.write(json.dumps({"pid": os.getpid(), "args": args}) + "\n")
    env = dict(os.environ, **config["env"])
    if PROBE in args and not config["kvm"]:
        status = 0
        with contextlib.suppress(OSError, SystemExit):
            status = probe_without_kvm(config, args, env)
        # Without the interpreter's own end, of which a sanitizer would report.
        os._exit(status)
    if PROBE not in args and not config["guest_kvm"]:
        args = with_qtest(args)
    os.execve(config["binary"], [config["binary"], *args], env)


main()
