#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists the calls of the program that may wait for a disk, a file system, another
process or a reader, and fails if one is not in the table below, which says why it
may be where it is: most code runs with the machine lock held, and then every
monitor would wait too. usage: check-blocking.py [--list]"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = ("accel", "chardev", "hw", "monitor", "net", "program", "qapi",
           "system", "target", "util")

CALLS = ("open", "openat", "fopen", "freopen", "opendir", "read", "pread",
         "readv", "write", "pwrite", "writev", "dprintf", "fsync",
         "fdatasync", "sendfile", "copy_file_range", "connect", "accept",
         "accept4", "sendmsg", "recvmsg", "send", "recv", "waitpid", "poll",
         "select", "sleep", "usleep", "nanosleep", "lockf", "flock",
         "getaddrinfo", "rename", "unlink", "mlockall", "madvise", "ioctl",
         "sched_setaffinity", "sched_setscheduler", "g_usleep",
         "g_thread_join", "g_file_get_contents", "g_file_set_contents",
         "g_dir_open", "g_unlink", "g_spawn_sync", "fwrite", "fflush", "fputs", "vfprintf")



# Why a call that stands in a file holds up nobody.
KVM = "of KVM: it changes a table or a register, and a vCPU that it is about " \
    "is paused"
PROC = "a file of /proc, /sys or configfs: made of memory when it is read"
START = "at the start, before there is a monitor"
READY = "poll() or its main loop said that it is ready, or it is non-blocking"
EVENTFD = "an eventfd, non-blocking"
ALLOWED = {
    ("accel/kvm/kvm-accel.c", "ioctl"): KVM,
    ("accel/kvm/kvm-accel.c", "open"): "/dev/kvm: nothing to wait for",
    ("accel/kvm/kvm-cpu.c", "ioctl"): "KVM_RUN without the lock; else " + KVM,
    ("accel/kvm/kvm-irq.c", "ioctl"):
        KVM + "; a table of routes costs a grace period",
    ("accel/kvm/kvm-stats.c", "ioctl"): KVM,
    ("accel/kvm/kvm-stats.c", "pread"): "counters in the kernel's memory",
    ("accel/qtest/qtest-irq.c", "poll"): "timeout 0",
    ("accel/qtest/qtest-wire.c", "fwrite"): "a log that a test asked for",
    ("accel/qtest/qtest-wire.c", "fflush"): "a log that a test asked for",
    ("accel/qtest/qtest-wire.c", "fopen"): START,
    ("accel/qtest/qtest-wire.c", "g_thread_join"):
        "at the end: the thread is told to end and the lock is released",
    ("chardev/char-fds.c", "recvmsg"): READY,
    ("chardev/char-pump.c", "read"): "a thread of its own waits for output",
    ("chardev/char-pump.c", "write"): "the same waits for a disk",
    ("chardev/char-pty.c", "open"): "the other end of our own terminal",
    ("chardev/char-pty.c", "poll"): "timeout 0",
    ("chardev/char-pty.c", "read"): READY,
    ("chardev/char-socket.c", "accept4"): READY,
    ("chardev/char-socket.c", "connect"): START,
    ("chardev/char-socket.c", "poll"): START,
    ("chardev/char-socket.c", "unlink"):
        "of our own socket, at the start and at the end",
    ("chardev/char-stdio.c", "open"): START,
    ("chardev/char.c", "poll"): "at the end, for a second at most",
    ("chardev/char.c", "read"): READY,
    ("chardev/char.c", "write"): "non-blocking; files are char-pump.c's",
    ("hw/block/pflash_cfi01.c", "open"): START,
    ("hw/block/pflash_cfi01.c", "pwrite"): "without the lock",
    ("hw/i386/boot-file.c", "open"): START,
    ("hw/i386/x86-boot.c", "sendfile"): START,
    ("hw/scsi/lio.c", "g_dir_open"): PROC,
    ("hw/scsi/lio.c", "g_file_get_contents"): PROC,
    ("hw/virtio/vhost-backend.c", "ioctl"):
        "without the lock: virtio_begin_kernel_calls() and "
        "machine_unlock_if_started()",
    ("hw/virtio/vhost-open.c", "open"): "without the lock",
    ("hw/virtio/virtio-rng.c", "read"):
        "a character device, non-blocking, a kilobyte at most",
    ("net/netdev.c", "g_spawn_sync"): "without the lock",
    ("net/tap.c", "ioctl"): "without the lock",
    ("net/tap.c", "open"): "without the lock",
    ("program/daemon.c", "open"): START,
    ("program/daemon.c", "read"): "the parent of a daemon, which has no machine",
    ("program/daemon.c", "write"): START,
    ("program/daemon.c", "unlink"): "at the end",
    ("program/options-config.c", "open"): START,
    ("program/options-config.c", "read"): START,
    ("program/main.c", "write"): "the last word of a process that ends",
    ("program/startup.c", "mlockall"): START,
    ("system/control.c", "g_thread_join"):
        "the lock is released, or the thread has ended",
    ("system/cpus.c", "g_thread_join"): "the lock is released",
    ("system/fds.c", "open"): "/proc/self/fd: a descriptor that is open already",
    ("system/memory-backend.c", "open"): START,
    ("system/memory-backend.c", "unlink"): START,
    ("system/ram.c", "g_file_get_contents"): START,
    ("system/ram.c", "g_thread_join"): START,
    ("system/ram.c", "madvise"):
        "at the start, and later to drop pages, which waits for nobody",
    ("system/rng.c", "open"): "without the lock",
    ("target/i386/kvm-clock.c", "ioctl"): KVM,
    ("target/i386/kvm-irq.c", "ioctl"): KVM,
    ("target/i386/kvm-state.c", "ioctl"): KVM,
    ("target/i386/kvm.c", "ioctl"): KVM,
    ("util/event-notifier.c", "poll"): "timeout 0",
    ("util/event-notifier.c", "read"): EVENTFD,
    ("util/event-notifier.c", "write"): EVENTFD,
    ("util/message.c", "poll"): "a thread of its own waits for readers",
    ("util/message.c", "write"): "the same",
    ("util/osdep.c", "pread"): "at the start, and of memfds later",
    ("util/thread-limits.c", "g_file_get_contents"): PROC,
    ("util/thread.c", "g_dir_open"): PROC,
    ("util/thread.c", "g_file_get_contents"): PROC,
    ("util/thread.c", "open"): PROC,
    ("util/thread.c", "write"): PROC,
    ("util/thread.c", "sched_setaffinity"):
        "the thread need not move before it returns",
    ("util/thread.c", "sched_setscheduler"): "the same",
    ("util/log.c", "open"): "a log file that somebody names",
}


def source_files():
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-co",
                            "--exclude-standard", *FOLDERS], check=True,
                           capture_output=True, text=True).stdout.split()
    return sorted(n for n in names if n.endswith(".c"))


def without_comments(text):
    """Comments and strings become blanks; lines stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text,
                  flags=re.S)


def calls_in(name):
    """(function, call) of each call that may block."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(CALLS) + r")\s*\(")
    function = None
    for line in without_comments((ROOT / name).read_text()).splitlines():
        head = re.match(r"[A-Za-z_].*?\b(\w+)\(", line)
        if head:
            function = head.group(1)
            continue
        for match in pattern.finditer(line):
            yield function, match.group(1)


def main():
    found = sorted(set((name, call) for name in source_files()
                       for _, call in calls_in(name)))
    failures = 0
    for name, call in found:
        reason = ALLOWED.get((name, call))
        if "--list" in sys.argv:
            print(f"{name}: {call}(): {reason}")
        if not reason:
            failures += 1
            where = ", ".join(sorted(f for f, c in set(calls_in(name))
                                     if c == call))
            print(f"FAIL {name}: {call}() in {where} may block: make the call "
                  "where the machine lock is not held, or say in the table of "
                  "scripts/check-blocking.py why it holds up nobody")
    for name, call in sorted(set(ALLOWED) - set(found)):
        print(f"note: {name}: no {call}() any more, take it off the table")
    print(f"{len(found)} kinds of calls that may block, {failures} failures")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
