# SPDX-License-Identifier: GPL-2.0-or-later
import socket

TIMEOUT = 60  # seconds; only a defect needs them


class NoAnswer(AssertionError):
    """The program has ended first."""


def fake_command(path, line):
    """A control command of the stand-in that listens at @path; returns its data
    lines and last its answer."""
    lines = []
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(TIMEOUT)
        control.connect(path)
        control.sendall(line.encode() + b"\n")
        for answer in control.makefile():
            lines.append(answer[2:].strip())
            if not answer.startswith("- "):
                assert answer.startswith("OK"), (line, answer)
                return lines
    raise NoAnswer(f"{line}: no answer")
