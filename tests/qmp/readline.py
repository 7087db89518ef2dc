#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor for people in the shipped binary, on sockets and on a terminal that
it shares with a serial port.
usage: readline.py BINARY [TEST...]"""

import os
import pty
import select
import socket
import subprocess

from qemu import BINARY, TIMEOUT, Machine, equal, main

PROMPT = "(qemu) "


class Terminal:
    """Text in both directions over a socket or a file descriptor."""

    def __init__(self, fd):
        self.fd = fd
        self.text = ""

    def until(self, what):
        """What came up to and with @what."""
        while what not in self.text:
            ready, _, _ = select.select([self.fd], [], [], TIMEOUT)
            assert ready, f"no {what!r} in {self.text!r}"
            data = os.read(self.fd, 65536)
            assert data, f"closed before {what!r}: {self.text!r}"
            self.text += data.decode()
        end = self.text.index(what) + len(what)
        taken, self.text = self.text[:end], self.text[end:]
        return taken

    def send(self, text):
        os.write(self.fd, text.encode())

    def run(self, line):
        """What the command prints, without echo and prompt."""
        self.send(line + "\r")
        self.until("\r\n")
        text = self.until(PROMPT)
        return text[:-len(PROMPT)].replace("\r\n", "\n")


class Monitor(Machine):
    """A Machine with a readline monitor, .people, beside its QMP socket."""

    def __init__(self, *args, mux=False, **options):
        self.pair = socket.socketpair(socket.AF_UNIX)
        fd = self.pair[1].fileno()
        os.set_inheritable(fd, True)
        mon = ["-chardev", f"socket,id=people,fd={fd}" +
               (",mux=on" if mux else "")]
        super().__init__(*mon, *args, pass_fds=(fd,), **options)
        self.pair[1].close()
        self.people = Terminal(self.pair[0].fileno())


def monitor(*args, **options):
    return Monitor("-mon", "people", *args, **options)


def test_banner_prompt_and_commands():
    with monitor("-name", "n") as m:
        banner = m.people.until(PROMPT)
        equal(banner, "QEMU 7.2.0 monitor - type 'help' for more "
                      f"information\r\n{PROMPT}")
        equal(m.people.run("info status"), "VM status: running\n")
        equal(m.people.run("info name"), "n\n")
        equal(m.people.run(""), "")
        assert m.people.run("help").count("\n") >= 10
        assert "unknown command" in m.people.run("nonsense")


def test_what_stops_the_machine_comes_back_to_the_prompt():
    with monitor() as m:
        m.people.until(PROMPT)
        qmp = m.qmp()
        equal(m.people.run("stop"), "")
        qmp.event("STOP")
        assert "paused" in m.people.run("info status")
        equal(m.people.run("c"), "")
        qmp.event("RESUME")
        assert "Error" in m.people.run("device_del nothing")


def test_lines_typed_ahead_are_run_in_order():
    with monitor() as m:
        m.people.until(PROMPT)
        m.people.send("stop\rinfo status\rcont\rinfo status\r")
        text = ""
        while text.count(PROMPT) < 4:
            text += m.people.until(PROMPT)
        assert text.index("paused") < text.index("VM status: running"), text


def test_completion_and_history():
    with monitor() as m:
        m.people.until(PROMPT)
        m.people.send("info stat\t")
        m.people.until("info stat")
        m.people.send("\t")              # status and stats
        listed = m.people.until("info stat")
        assert "status" in listed and "stats" in listed, listed
        m.people.send("us\r")
        m.people.until(PROMPT)
        m.people.send("\x1b[A\r")        # the line before
        assert "VM status" in m.people.until(PROMPT)
        assert "info status" in m.people.run("info history")


def test_quit_ends_the_program():
    with monitor() as m:
        m.people.until(PROMPT)
        qmp = m.qmp()
        m.people.send("q\r")
        equal(qmp.event("SHUTDOWN")["data"]["reason"], "host-qmp-quit")
        equal(m.wait(), 0)


def test_serial_port_and_monitor_share_a_terminal():
    with Monitor("-serial", "chardev:people", "-mon", "people", mux=True,
                 guest=True) as m:
        # The port has the input first.
        m.people.send("a")
        m.wait_for(lambda: m.guest.do("inb 0x3fd") & 1, "a byte")
        equal(chr(m.guest.do("inb 0x3f8")), "a")
        m.people.send("\x01c")
        assert m.people.until(PROMPT).startswith("QEMU 7.2.0 monitor")
        equal(m.people.run("info status"), "VM status: running\n")
        # Its output comes all the same.
        m.guest.do(f"outb 0x3f8 {ord('!')}")
        m.people.until("!")
        m.people.send("\x01c" + "b")
        m.wait_for(lambda: m.guest.do("inb 0x3fd") & 1, "a byte")
        equal(chr(m.guest.do("inb 0x3f8")), "b")
        m.people.send("\x01c")
        m.people.until(PROMPT)
        m.people.send("\x01h")
        assert "switch between console and monitor" in \
            m.people.until("sends C-a")


def test_nographic_has_a_monitor_behind_ctrl_a_c():
    master, slave = pty.openpty()
    process = subprocess.Popen([BINARY, "-accel", "qtest", "-nographic"],
                               stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    terminal = Terminal(master)
    try:
        terminal.send("\x01c")
        terminal.until(PROMPT)
        assert "running" in terminal.run("info status")
        terminal.send("\x01x")
        terminal.until("QEMU: Terminated")
        equal(process.wait(TIMEOUT), 0)
    finally:
        process.kill()
        process.wait()
        os.close(master)


main(globals())
