#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""list.py BUILD [NAME]...: the tests of a cross build that run by themselves, one
per line: name, seconds, command for a shell, with tabs between. What needs
KVM or a program of the host is left out, and what takes long in emulation."""

import json
import shlex
import subprocess
import sys

SUITES = {"unit", "fake", "qtest"}
SLOWER = 10     # software emulation
FEWER = {"QTEST_CYCLES": "300"}
# Name -> why not: what it needs of the host, or that emulation makes it slow and
# what it tests is the same in any architecture.
WITHOUT = {
    "acpi": "needs iasl",
    "acpi-loader": "needs iasl",
    "aml": "17 s",
    "pcie-hotplug": "20 s",
    "qemu-xhci": "15 s",
    "qtest": "24 s",
    "qtest-firmware": "30 s",
    "qtest-pci": "20 s",
    "qtest-wire": "26 s",
    "smbios": "needs dmidecode",
    "vhost-auto": "57 s of arithmetic",
    "vhost-vsock": "73 s",
    "virtio-interrupts": "40 s",
    "virtio-net-fail": "41 s",
    "virtio-pci-regs": "27 s",
    "virtio-queues": "94 s",
    "vhost-scsi-workers": "51 s",
}


def main():
    build, names = sys.argv[1], sys.argv[2:]
    out = subprocess.run(["meson", "introspect", "--tests", build],
                         capture_output=True, check=True, text=True).stdout
    for test in json.loads(out):
        suites = {s.split(":")[-1] for s in test["suite"]}
        program = test["cmd"][0]
        if not suites & SUITES or suites & {"needs-kvm", "slow"}:
            continue
        if not program.startswith(build + "/"):
            continue
        if test["name"] not in names if names else test["name"] in WITHOUT:
            continue
        test["env"].update({k: v for k, v in FEWER.items() if k in test["env"]})
        env = [f"{k}={shlex.quote(v)}" for k, v in test["env"].items()]
        command = " ".join(["exec", "env", *env, shlex.join(test["cmd"])])
        if test.get("workdir"):
            command = f"cd {shlex.quote(test['workdir'])} && {command}"
        print(test["name"], test["timeout"] * SLOWER, command, sep="\t")


main()
