#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the compiler and the linker were to put into the program so that a
fault of memory is harder to use. usage: hardening.py PROGRAM
TAP on stdout."""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from tap import finish, report

PROGRAM = sys.argv[1]


def output(*command):
    return subprocess.run([*command, PROGRAM], capture_output=True, text=True,
                          check=True).stdout


def test_link():
    text = output("readelf", "--wide", "--file-header", "--segments",
                  "--dynamic")
    for name, pattern in {
            "it is position-independent": r"Type: +DYN",
            "relocations are read-only": r"GNU_RELRO",
            "all symbols are bound at the start": r"FLAGS_1.*NOW",
            "the stack is not executable": r"GNU_STACK .* RW +0x",
    }.items():
        report(re.search(pattern, text), name, text)
    report(not re.search(r"LOAD .* (RWE|WE) ", text),
           "nothing is writable and executable", text)


def test_functions():
    text = output("readelf", "--wide", "--dyn-syms")
    report("__stack_chk_fail" in text, "stacks are protected", text)
    report(re.search(r"__(memcpy|snprintf|vsnprintf)_chk", text),
           "the C library checks sizes", text)
    code = output("objdump", "--disassemble=main")
    report("endbr64" in code, "targets of indirect jumps are marked", code)


def test_options():
    """What leaves no trace in the code is in gcc's debug information."""
    text = output("readelf", "--wide", "--debug-dump=info",
                  "--dwarf-depth=1")
    own = [line for line in re.findall(r"DW_AT_producer.*", text)
           if "GNU C11" in line]
    if not own:
        report("clang" in text or "DW_AT_producer" not in text,
               "not built by gcc with debug information", text[:1000])
        return
    for option in ("-fstack-protector-strong", "-fcf-protection",
                   "-ftrivial-auto-var-init=zero"):
        report(all(option in line for line in own),
               f"every file is compiled with {option}", own[0])


test_link()
test_functions()
test_options()
sys.exit(finish())
