#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A firmware's flash when the emulator is killed at any moment: its file holds
what was programmed, in the order in which it was, and nothing else. This is what
the firmware's own recovery counts on. usage: torn.py BINARY"""

import os
import random
import signal
import sys
import tempfile

from qemu import Machine, equal, main

ROUNDS = 50
SECTOR = 4096
CODE = 64 * 1024
VARS = 16 * SECTOR
BASE = (4 << 30) - CODE - VARS
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))


def flash(code, variables):
    return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={code}",
            "-drive", f"if=pflash,format=raw,unit=1,file={variables}"]


def lines(data, first, last):
    """Byte by byte, as OVMF does."""
    return [line for i in range(first, last)
            for line in (f"writeb {BASE + i:#x} 0x10",
                         f"writeb {BASE + i:#x} {data[i]:#x}")]


def one_round(rng, code, variables):
    """Some bytes are answered, the others are on their way when it is killed.
    Returns whether some of these were lost."""
    data = bytes(rng.randrange(255) for _ in range(2000))
    answered = rng.randrange(300)
    with open(variables, "wb") as f:
        f.write(b"\xff" * VARS)
    with Machine(*flash(code, variables), guest=True,
                 status=-signal.SIGKILL) as m:
        for line in lines(data, 0, answered):
            m.guest.do(line)
        m.guest.send("\n".join(lines(data, answered, len(data))))
        for _ in range(rng.randrange(300)):
            m.guest.answer("writeb")
        m.process.kill()
        m.process.wait()
    with open(variables, "rb") as f:
        stored = f.read()
    equal(len(stored), VARS, "the file's size")
    count = stored.index(b"\xff")
    assert count >= answered, (count, answered)
    equal(stored[:count], data[:count], "what was programmed")
    equal(stored[count:], b"\xff" * (VARS - count), "the rest")
    return count < len(data)


def test_file_holds_what_was_programmed():
    rng = random.Random(SEED)
    print(f"# SEED={SEED}")
    with tempfile.TemporaryDirectory() as d:
        code, variables = f"{d}/code", f"{d}/vars"
        with open(code, "wb") as f:
            f.write(bytes(CODE))
        cut = [one_round(rng, code, variables) for _ in range(ROUNDS)]
    assert any(cut), "each was killed too late"


def test_lock_goes_with_the_process():
    with tempfile.TemporaryDirectory() as d:
        code, variables = f"{d}/code", f"{d}/vars"
        for path, size in ((code, CODE), (variables, VARS)):
            with open(path, "wb") as f:
                f.write(bytes(size))
        with Machine(*flash(code, variables), status=-signal.SIGKILL) as m:
            m.process.kill()
            m.process.wait()
        with Machine(*flash(code, variables)) as m:
            m.qmp().cmd("query-status")


if __name__ == "__main__":
    main(globals())
