#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the manual against the program: every option of -help, every property
of the devices named below with type and default, every message of the sources named
below and every command of the monitor is documented, and no option or property
that there is not.
usage: check-docs.py BINARY"""

import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent

# Sources whose messages a user sees, and where these are explained.
MESSAGES = {
    "hw/scsi/vhost-scsi.c": "system/devices/vhost-scsi.rst",
    "hw/virtio/vhost-device.c": "system/devices/vhost-scsi.rst",
    "hw/virtio/vhost-open.c": "system/devices/vhost-scsi.rst",
    "hw/virtio/vhost-worker-apply.c": "system/devices/vhost-scsi.rst",
    "util/thread-limits.c": "system/devices/vhost-scsi.rst",
    "program/options-user.c": "system/security.rst",
    "program/privileges.c": "system/security.rst",
    "hw/virtio/vhost-vsock.c": "system/devices/vhost-vsock.rst",
    "hw/virtio/virtio.c": "system/devices/vhost-scsi.rst",
    "hw/virtio/virtio-pci-eventfd.c": "system/devices/vhost-scsi.rst",
    "hw/virtio/virtio-pci.c": "system/devices/vhost-scsi.rst",
    "hw/net/vhost-net.c": "system/devices/virtio-net.rst",
    "hw/net/vhost-net-control.c": "system/devices/virtio-net.rst",
    "net/netdev.c": "system/devices/virtio-net.rst",
    "hw/pci/pcie-root-port.c": "system/devices/pcie-root-port.rst",
    "hw/virtio/virtio-balloon.c": "system/devices/virtio-balloon.rst",
    "hw/virtio/virtio-rng.c": "system/devices/virtio-rng.rst",
    "hw/virtio/virtqueue.c": "system/devices/vhost-scsi.rst",
    "hw/char/virtio-console.c": "system/devices/virtio-serial.rst",
    "hw/char/virtio-serial-bus.c": "system/devices/virtio-serial.rst",
    "system/rng.c": "system/devices/virtio-rng.rst",
}
# Device types whose properties a user sets, and where these are explained.
PROPERTIES = {
    "vhost-scsi-pci": "system/devices/vhost-scsi.rst",
    "vhost-vsock-pci": "system/devices/vhost-vsock.rst",
    "virtio-net-pci": "system/devices/virtio-net.rst",
    "pcie-root-port": "system/devices/pcie-root-port.rst",
    "qemu-xhci": "system/devices/qemu-xhci.rst",
    "virtio-balloon-pci": "system/devices/virtio-balloon.rst",
    "virtio-rng-pci": "system/devices/virtio-rng.rst",
    "virtio-serial-pci": "system/devices/virtio-serial.rst",
}
# Where those that all virtio devices have are explained.
COMMON = "system/devices/vhost-scsi.rst"
CALLS = r"\b(?:error_setg|error_setg_errno|set_call_error|virtio_error" \
        r"|warn_report|error_report)\s*\("
FRAGMENT_MIN = 8  # shorter pieces between conversions prove nothing


def run(*args):
    return subprocess.run(args, capture_output=True, text=True,
                          check=True).stdout


def flat(text):
    return re.sub(r"\s+", " ", text)


def read(name):
    return (DOCS / name).read_text()


def compare(what, have, documented, fail):
    for name in sorted(have - documented):
        fail(f"{what} {name} is not documented")
    for name in sorted(documented - have):
        fail(f"{what} {name} is documented, and the program has none")


def check_options(binary, fail):
    have = set(re.findall(r"^(-[\w-]+)", run(binary, "-help"), re.M))
    for page in ("system/invocation.rst", "man/qemu-system-x86_64.rst"):
        documented = set(re.findall(r"^\.\. option:: (-[\w-]+)", read(page),
                                    re.M))
        compare(f"{page}: option", have, documented, fail)


def described(page):
    return set(re.findall(r"^\.\. describe:: (.*)$", read(page), re.M))


def check_properties(binary, device, page, fail):
    lines = run(binary, "-device", f"{device},help").splitlines()[1:]
    have = {" ".join(m.groups()) for m in
            (re.match(r"\s+(\S+)\s+- .*(\((?:default: .*|required)\))$", line)
             for line in lines)}
    documented = described(page)
    if device.startswith(("virtio-", "vhost-")):
        documented |= have & described(COMMON)
    compare(f"{page}: property", have, documented, fail)


def string_of(code):
    """The string that @code begins with or that follows its first arguments,
    with macros left out, as far as its literals reach."""
    parts = []
    for m in re.finditer(r'"((?:\\.|[^"\\])*)"|([,;)])', code):
        if m.group(2):
            if parts or m.group(2) == ";":
                break
            continue
        parts.append(m.group(1))
    return "\0".join(parts) if parts else ""


def fragments(source):
    text = re.sub(r"/\*.*?\*/", " ", (ROOT / source).read_text(), flags=re.S)
    for m in re.finditer(CALLS, text):
        # Literals on both sides of a macro (PRIu64, a path) stay apart.
        body = re.sub(r'"\s+"', "", text[m.end():m.end() + 600])
        for piece in re.split(r"%?\0|%[-\d.]*(?:l|ll|z)?[a-zA-Z]|%$",
                              string_of(body)):
            piece = piece.strip(" ;:,'")
            if len(piece) >= FRAGMENT_MIN:
                yield piece


def check_messages(fail):
    for source, page in MESSAGES.items():
        text = flat(read(page))
        for piece in fragments(source):
            if piece not in text:
                fail(f"{page}: nothing about the message '{piece}' of "
                     f"{source}")


def check_monitor(fail):
    page = "system/monitor.rst"
    documented = set(re.findall(r"``([^`]*)``", read(page)))
    documented |= {" ".join(d.split()[:2]) for d in documented} | \
        {d.split()[0] for d in documented}
    for source, prefix in (("hmp-cmds.c", ""), ("hmp-info.c", "info ")):
        text = (ROOT / "monitor" / source).read_text()
        for names in re.findall(r'\.names = "([^"]*)"', text):
            for name in names.split("|"):
                if prefix + name not in documented:
                    fail(f"{page}: command {prefix}{name} is not documented")


def main():
    failures = []
    check_options(sys.argv[1], failures.append)
    for device, page in PROPERTIES.items():
        check_properties(sys.argv[1], device, page, failures.append)
    check_messages(failures.append)
    check_monitor(failures.append)
    for f in failures:
        print(f"FAIL {f}")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
