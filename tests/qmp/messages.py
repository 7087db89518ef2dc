#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of messages that have stopped, and disks that are full, hold nobody
up.
usage: messages.py BINARY [TEST...]"""

import fcntl
import os
import select
import subprocess
import tempfile
import time

from qemu import BINARY, TIMEOUT, Machine, equal, main

QUEUE = 1 << 20     # MESSAGES_QUEUE_MAX of util/message.h
PIPE = 1 << 16
LINE = 200          # bytes at least of each line
LOST = "messages were lost here: nobody read them, or the disk was full"


class Unread(Machine):
    """Its standard error is a pipe that nobody reads until read_all()."""

    def __init__(self, *args, **kwargs):
        self.reader, writer = os.pipe()
        self.messages = b""
        super().__init__(*args, stderr=writer, **kwargs)
        os.close(writer)

    def read_until(self, text):
        while text.encode() not in self.messages:
            assert select.select([self.reader], [], [], TIMEOUT)[0], \
                f"{text!r} does not come"
            data = os.read(self.reader, 65536)
            assert data, f"standard error ended without {text!r}"
            self.messages += data
        return self.messages.decode(errors="replace")

    def __exit__(self, *args):
        super().__exit__(*args)
        os.close(self.reader)


def cause_messages(qmp):
    """Each request leaves two lines in the trace of QMP."""
    ident = "x" * LINE
    request = b'{"execute":"query-name","id":"%s"}' % ident.encode()
    for i in range(2 * (QUEUE + PIPE) // LINE // 2 // 100):
        qmp.send(request * 100)
        for _ in range(100):
            equal(qmp.reply()["id"], ident)


def test_nobody_waits_for_a_reader_of_standard_error():
    with Unread("-trace", "qmp_*", monitors=2) as m:
        qmp, other = m.qmp(0), m.qmp(1)
        cause_messages(qmp)
        equal(other.cmd("query-status")["running"], True)
        text = m.read_until(LOST)
        # The first are kept, in order, and what came after the loss as well.
        assert text.startswith("qmp_send qmp0"), text[:100]
        m.messages = b""
        other.cmd("query-name")
        m.read_until("qmp_receive qmp1 {\"execute\":\"query-name\"")


def test_guest_cannot_stop_the_machine_by_messages():
    with Unread("-d", "guest_errors,unimp", "-trace", "serial_*", "-trace",
                "qtest_*", "-trace", "rtc_*", guest=True) as m:
        qmp = m.qmp()
        for _ in range(PIPE // 16):     # several lines each
            m.guest.do("outb 0x70 0x8a")
            m.guest.do("inb 0x71")
        equal(qmp.cmd("query-status")["running"], True)


def test_console_that_nobody_reads_holds_nobody_up():
    with tempfile.TemporaryDirectory() as d:
        os.mkfifo(f"{d}/fifo")
        reader = os.open(f"{d}/fifo", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        with Machine("-serial", f"file:{d}/fifo", guest=True) as m:
            qmp = m.qmp()
            # CHARDEV_BUFFER_MAX and what the pipe holds, and then some.
            for _ in range(90):
                for _ in range(1000):
                    m.guest.file.write("outb 0x3f8 0x78\n")
                m.guest.file.flush()
                for _ in range(1000):
                    equal(m.guest.file.readline(), "OK\n")
            equal(qmp.cmd("query-status")["running"], True)
        os.close(reader)


def test_end_does_not_wait_for_a_reader():
    with Unread("-trace", "qmp_*") as m:
        qmp = m.qmp()
        cause_messages(qmp)
        qmp.send({"execute": "quit"})
        equal(m.wait(), 0)


def test_full_disk_holds_nobody_up():
    with Machine("-trace", "qmp_*", "-D", "/dev/full") as m:
        qmp = m.qmp()
        cause_messages(qmp)


def test_message_of_a_failed_start_is_complete():
    # Also with a reader that takes its time, and with a pipe that another
    # process has made non-blocking.
    for blocking in (True, False):
        read, write = os.pipe()
        os.set_blocking(write, blocking)
        with subprocess.Popen([BINARY, "-accel", "qtest", "-display", "none",
                               "-trace", "*", "-device", "x" * 60000 + "y"],
                              stderr=write, stdin=subprocess.DEVNULL) as p:
            os.close(write)
            time.sleep(0.2)
            data = b""
            while block := os.read(read, 65536):
                data += block
            equal(p.wait(TIMEOUT), 1)
        os.close(read)
        assert data.endswith(
            b"xy' is not a valid device model name; see -device help\n"), \
            data[-200:]


main(globals())
