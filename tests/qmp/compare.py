#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends one script of commands to Debian's QEMU and to the program, and compares
the shape of the answers (names and types of members, classes and texts of
errors, names of events) wherever both answer. Every difference stands with its
reason in docs/interop/compat.rst, and every difference listed there is real.
usage: compare.py BINARY QEMU [--print]"""

import pathlib
import re
import sys

import qemu
from qemu import Machine, equal, main

OURS, QEMU = qemu.BINARY, sys.argv.pop(2)
PRINT = "--print" in sys.argv and sys.argv.remove("--print") is None
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/interop/compat.rst"

ARGS = ("-S", "-machine", "q35", "-name", "guest=n", "-m", "64",
        "-uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        "-smp", "2,sockets=1,cores=2,threads=1",
        "-chardev", "null,id=c0",
        "-device", "isa-serial,chardev=c0,id=serial0,index=0",
        "-device", "pcie-root-port,id=rp1,chassis=1,slot=1,bus=pcie.0,addr=2")

# What is asked. A string is a command without arguments; "event NAME" waits.
SCRIPT = [
    "query-version", "query-target", "query-name", "query-uuid", "query-kvm",
    "query-status", "query-commands", "query-machines", "query-cpus-fast",
    "query-cpu-definitions", "query-memory-size-summary", "query-chardev",
    "query-pci", "query-block", "query-named-block-nodes", "query-iothreads",
    "query-jobs", "query-migrate-capabilities", "query-fdsets",
    "query-stats-schemas", "x-query-virtio", "qom-list-types",
    "query-command-line-options",
    ("query-named-block-nodes", {"flat": True}),
    ("query-command-line-options", {"option": "machine"}),
    ("query-command-line-options", {"option": "nonsense"}),
    ("query-stats", {"target": "vm"}),
    ("query-stats", {"target": "nonsense"}),
    ("qom-list", {"path": "/"}),
    ("qom-list", {"path": "/machine"}),
    ("qom-list", {"path": "/machine/peripheral"}),
    ("qom-list", {"path": "/machine/peripheral-anon"}),
    ("qom-list", {"path": "/machine/peripheral/serial0"}),
    ("qom-list", {"path": "/nowhere"}),
    ("qom-list", {}),
    ("qom-list", {"path": 1}),
    ("qom-list", {"path": "/", "x": 1}),
    ("qom-get", {"path": "/machine", "property": "type"}),
    ("qom-get", {"path": "/machine/peripheral/serial0", "property": "type"}),
    ("qom-get", {"path": "/machine/peripheral/serial0",
                 "property": "realized"}),
    ("qom-get", {"path": "/machine/peripheral/serial0", "property": "index"}),
    ("qom-get", {"path": "/machine/peripheral/serial0", "property": "x"}),
    ("qom-get", {"path": "/nowhere", "property": "x"}),
    ("qom-set", {"path": "/machine/peripheral/serial0", "property": "index",
                 "value": 2}),
    ("qom-list-properties", {"typename": "isa-serial"}),
    ("qom-list-properties", {"typename": "memory-backend-ram"}),
    ("qom-list-properties", {"typename": "memory-backend-memfd"}),
    ("qom-list-properties", {"typename": "memory-backend-file"}),
    "query-memdev",
    ("qom-list-properties", {"typename": "nonsense"}),
    ("device-list-properties", {"typename": "isa-serial"}),
    ("device-list-properties", {"typename": "vhost-scsi-pci"}),
    ("device-list-properties", {"typename": "nonsense"}),
    ("device_add", {}),
    ("device_add", {"driver": "nonsense"}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "v", "bus": "rp1"}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "v", "bus": "nonsense",
                    "wwpn": "naa.5001405000000001"}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "serial0", "bus": "rp1",
                    "wwpn": "naa.5001405000000001"}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "v", "bus": "rp1",
                    "wwpn": "naa.5001405000000001", "nonsense": 1}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "v", "bus": "pcie.0",
                    "wwpn": "naa.5001405000000001"}),
    ("device_del", {"id": "nonsense"}),
    ("device_del", {"id": "/nonsense"}),
    ("getfd", {"fdname": "a"}),
    ("closefd", {"fdname": "a"}),
    "add-fd",
    ("remove-fd", {"fdset-id": 7}),
    ("set-action", {"reboot": "shutdown", "shutdown": "pause"}),
    ("set-action", {"reboot": "nonsense"}),
    ("set-action", {"reboot": "reset", "shutdown": "poweroff",
                    "panic": "pause", "watchdog": "none"}),
    ("migrate-set-capabilities",
     {"capabilities": [{"capability": "events", "state": True}]}),
    ("human-monitor-command", {"command-line": "info status"}),
    ("human-monitor-command", {"command-line": "info version"}),
    ("trace-event-get-state", {"name": "nonsense"}),
    ("trace-event-set-state", {"name": "nonsense", "enable": True}),
    ("x-query-virtio-status", {"path": "/machine"}),
    "cont", "event RESUME", "query-status",
    ("device_add", {"driver": "isa-serial", "id": "s9"}),
    ("device_add", {"driver": "vhost-scsi-pci", "id": "v", "bus": "pcie.0",
                    "wwpn": "naa.5001405000000001"}),
    ("device_del", {"id": "serial0"}),
    "stop", "event STOP", "query-status",
    "system_reset", "event RESET", "query-status",
    "cont", "event RESUME",
    "system_powerdown", "event POWERDOWN",
    "nonsense",
    "qmp_capabilities",
    "quit", "event SHUTDOWN",
]


def request_name(step):
    if isinstance(step, str):
        return step
    name, args = step
    return name + " " + ",".join(f"{k}={v}" for k, v in args.items())


def json_type(value):
    return {dict: "object", list: "list", str: "string", bool: "boolean",
            int: "number", float: "number", type(None): "null"}[type(value)]


def shape(value, where, out):
    """Adds PATH -> set of types; members of list items are put together."""
    out.setdefault(where, set()).add(json_type(value))
    if isinstance(value, dict):
        for name, member in value.items():
            shape(member, f"{where}.{name}", out)
    elif isinstance(value, list):
        for item in value:
            shape(item, where + "[]", out)


def run(binary, accel):
    """What the program answers, step by step."""
    answers = []
    qemu.BINARY = binary
    with Machine(*ARGS, accel=accel) as m:
        qmp = m.qmp()
        for step in SCRIPT:
            if isinstance(step, str) and step.startswith("event "):
                answers.append(qmp.event(step.split()[1]))
            elif isinstance(step, str):
                answers.append(qmp.execute(step))
            else:
                answers.append(qmp.execute(*step))
        m.wait()
    return answers


def differences(theirs, ours):
    """Lines "REQUEST: WHAT"."""
    for step, a, b in zip(SCRIPT, theirs, ours):
        name = request_name(step)
        if ("error" in a) != ("error" in b):
            yield f"{name}: " + ("only QEMU refuses" if "error" in a
                                 else "only we refuse")
            continue
        if "error" in a:
            if a["error"]["class"] != b["error"]["class"]:
                yield f"{name}: error class"
            if a["error"]["desc"] != b["error"]["desc"]:
                yield f"{name}: error text"
            continue
        have, want = {}, {}
        shape({k: v for k, v in a.items() if k != "timestamp"}, "", want)
        shape({k: v for k, v in b.items() if k != "timestamp"}, "", have)
        for path in sorted(want.keys() | have.keys()):
            parent = re.sub(r"(\[\]|\.[^.\[]*)$", "", path)
            if path and (parent not in have or parent not in want):
                continue
            if path not in have:
                # A list that is empty here says nothing of its items.
                if not path.endswith("[]"):
                    yield f"{name}: we lack {path[1:]}"
            elif path not in want:
                if not path.endswith("[]"):
                    yield f"{name}: QEMU lacks {path[1:]}"
            elif not have[path] & want[path]:
                yield f"{name}: type of {path[1:]}"


def documented():
    """First columns of the table, which stand between double backquotes."""
    text = PAGE.read_text()
    table = text[text.index(".. differences-begin"):
                 text.index(".. differences-end")]
    return [re.sub(r"\s+", " ", d) for d in
            re.findall(r"^   \* - ``(.*?)``$", table, re.M | re.S)]


def test_answers_have_the_same_shape_but_for_what_is_documented():
    found = list(differences(run(QEMU, "tcg"), run(OURS, "qtest")))
    if PRINT:
        for d in found:
            print(f"#   * - ``{d}``")
    listed = documented()
    equal([d for d in found if d not in listed], [], "not documented")
    equal([d for d in listed if d not in found], [], "documented in vain")


main(globals())
