#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the tree against its rules: which folder may include which, one SPDX
line per file, exit() in main.c alone, kernel interfaces only where they belong,
and clang-format. Reports the longest files and functions without failing."""

import re
import subprocess
import sys

from folders import ROOT, folder_of, read_folders

# (pattern in a line of code, files that may hold it, what the rule says)
ONLY_IN = [
    (r"\b_?exit\s*\(|\babort\s*\(", r"program/main\.c",
     "only program/main.c ends the process"),
    (r"#include <linux/kvm\.h>|#include <asm/kvm\.h>",
     r"accel/kvm/.*|include/accel/kvm.*|(include/)?target/i386/.*",
     "<linux/kvm.h> belongs to accel/kvm and target/i386"),
    (r"\bioctl\s*\(",
     r"hw/virtio/vhost-backend\.c|accel/kvm/.*|target/i386/.*|chardev/.*"
     r"|net/tap\.c",
     "ioctls are made by vhost-backend.c, net/tap.c, accel/kvm and chardev"),
    (r"#include \"hw/pci/",
     r"(include/)?hw/(pci|isa|i386|usb)/.*|(include/)?hw/virtio/virtio-pci(-[a-z]+)?\.[ch]"
     r"|program/registry\.c|accel/qtest/qtest-irq\.c|monitor/qmp-commands\.c",
     "only virtio-pci*.c knows both virtio and PCI"),
    (r"#include \"accel/",
     r"accel/.*|(include/)?target/.*|include/accel/.*|program/registry\.c"
     r"|program/startup\.c",
     "only accelerators know accelerators"),
]


# What only an x86 PC has, in code, comments and strings, and where it may
# stand: in the architecture, its board and bus, and where the program's types
# and trace points are listed.
X86_WORDS = re.compile(
    r"(?i:(?<!0)x86|i386|(?<!q)apic|cpuid|kvmclock|\btsc|\bpit\b|\bpic\b|isa_irq\b|is_port|"
    r"e820|boot_?params|\brip\b|smram|cmpxchg|\bmtrr)|\bmsrs?\b|\bgsis?\b|"
    r"MSR_IA32|KVM_EXIT_IO|AMD|Intel SDM")
X86_FILES = (
    r"(include/)?(target/i386|hw/i386|hw/isa)/.*"
    r"|program/registry\.c"          # the table of types
    r"|include/util/trace-events\.h"   # the table of trace points
    r"|(accel/kvm/kvm-irq|include/accel/kvm-int)\.[ch]"  # kvm.h's word "gsi"
)


def code_files():
    """Tracked and new C files of the program (tests are free to reach in)."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
        capture_output=True, text=True, check=False)
    if out.returncode == 0:
        names = out.stdout.splitlines()
    else:  # an unpacked archive
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                 if p.is_file() and "build" not in p.parts[len(ROOT.parts)]]
    return sorted(n for n in names if (ROOT / n).is_file())


def check_includes(name, lines, folders, fail):
    mine = folder_of(name, folders)
    if mine is None:
        return
    layer, needs = folders[mine]
    for n, line in enumerate(lines, 1):
        m = re.match(r'#include "([^"]+)"', line)
        theirs = folder_of(m.group(1), folders) if m else None
        if theirs in (None, mine) or theirs in needs:
            continue
        if folders[theirs][0] >= layer:
            fail(f"{name}:{n}: includes {m.group(1)}, which is not below it")


def strip_comments(text):
    """Blanks comments and strings, keeping line numbers."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    return re.sub(r'(?<!include )"(\\.|[^"\\\n])*"', blank, text)


def check_only_in(name, lines, fail):
    for pattern, allowed, rule in ONLY_IN:
        if re.fullmatch(allowed, name):
            continue
        for n, line in enumerate(lines, 1):
            if re.search(pattern, line):
                fail(f"{name}:{n}: {rule}")


def check_x86(name, lines, fail):
    if re.fullmatch(X86_FILES, name):
        return
    for n, line in enumerate(lines, 1):
        m = X86_WORDS.search(line)
        if m:
            fail(f"{name}:{n}: '{m.group(0)}' belongs to target/i386, hw/i386 "
                 "or hw/isa")


def check_spdx(names, fail):
    kinds = re.compile(r".*(\.(c|h|py|sh|S)|meson\.build|Makefile)$")
    for name in names:
        path = ROOT / name
        head = path.read_bytes()[:300]
        script = head.startswith(b"#!")
        if (kinds.fullmatch(name) or script) and \
                head.count(b"SPDX-License-Identifier:") != 1:
            fail(f"{name}: needs exactly one SPDX line at its top")


def function_lengths(name, lines):
    start = None
    for n, line in enumerate(lines, 1):
        if line.startswith("{") and n > 1 and not lines[n - 2].startswith("#"):
            start = n
        elif line.startswith("}") and start:
            head = next((l for l in reversed(lines[:start - 1])
                         if re.match(r"\w", l)), "")
            m = re.search(r"(\w+)\(", head)
            yield n - start + 1, f"{name}: {m.group(1) if m else '?'}()"
            start = None


def main():
    failures = []
    names = code_files()
    sources = [n for n in names if re.fullmatch(r".*\.[ch]", n)]
    program = [n for n in sources if not n.startswith(("tests/",
                                                       "linux-headers/"))]
    functions = []
    folders = read_folders()
    for name in program:
        text = (ROOT / name).read_text()
        lines = strip_comments(text).splitlines()
        check_includes(name, lines, folders, failures.append)
        check_only_in(name, lines, failures.append)
        check_x86(name, text.splitlines(), failures.append)
        functions += function_lengths(name, lines)
    check_spdx(names, failures.append)
    formatted = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", *sources], cwd=ROOT,
        capture_output=True, text=True, check=False)
    if formatted.returncode:
        failures += sorted({l.split(": error")[0] + ": clang-format differs"
                            for l in formatted.stderr.splitlines()
                            if ": error" in l}) or [formatted.stderr]

    sizes = sorted(((len((ROOT / n).read_text().splitlines()), n)
                    for n in sources), reverse=True)
    print("longest files:")
    for size, name in sizes[:5]:
        print(f"  {size:5} {name}")
    print("longest functions:")
    for size, name in sorted(functions, reverse=True)[:5]:
        print(f"  {size:5} {name}")
    for f in failures:
        print(f"FAIL {f}")
    print(f"{len(sources)} files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
