#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each QMP command: what it answers, held against the schema that the program
itself tells; run states, actions, object tree, descriptors, devices and events.
usage: commands.py BINARY [TEST...]"""

import json
import os
import signal
import subprocess

from qemu import BINARY, Machine, QmpError, WWPN, equal, main

DISK = f"vhost-scsi-pci,id=disk,wwpn={WWPN},num_queues=4"


class Schema:
    """query-qmp-schema, to hold values against."""

    def __init__(self, entities):
        self.by_name = {e["name"]: e for e in entities}
        equal(len(self.by_name), len(entities), "entities with a name")

    def check(self, name, value, where):
        e = self.by_name[name]
        getattr(self, "check_" + e["meta-type"])(e, value, where)

    def check_builtin(self, e, value, where):
        kinds = {"string": str, "int": int, "boolean": bool,
                 "number": (int, float), "value": object}
        kind = kinds[e["json-type"]]
        assert isinstance(value, kind) and \
            (kind is not int or not isinstance(value, bool)), (where, value)

    def check_enum(self, e, value, where):
        assert value in e["values"], (where, value)
        equal([m["name"] for m in e["members"]], e["values"])

    def check_array(self, e, value, where):
        assert isinstance(value, list), (where, value)
        for item in value:
            self.check(e["element-type"], item, where + "[]")

    def check_alternate(self, e, value, where):
        for member in e["members"]:
            try:
                self.check(member["type"], value, where)
                return
            except AssertionError:
                pass
        raise AssertionError((where, value))

    def check_object(self, e, value, where):
        assert isinstance(value, dict), (where, value)
        members = {m["name"]: m for m in e["members"]}
        if e["name"] != "SchemaInfo":
            assert set(value) <= set(members), (where, value)
        for name, member in members.items():
            assert name in value or "default" in member, (where, name, value)
            if name in value:
                self.check(member["type"], value[name], f"{where}.{name}")

    def check_answer(self, command, value):
        e = self.by_name[command]
        equal(e["meta-type"], "command")
        self.check(e["ret-type"], value, command)

    def check_event(self, event):
        e = self.by_name[event["event"]]
        equal(e["meta-type"], "event")
        self.check(e["arg-type"], event.get("data", {}), event["event"])


def checked(qmp):
    """Every answer of @qmp.cmd() is held against the schema from now on."""
    schema = Schema(qmp.cmd("query-qmp-schema"))
    plain = qmp.cmd

    def cmd(name, /, **args):
        value = plain(name, **args)
        schema.check_answer(name, value)
        return value
    qmp.cmd = cmd
    qmp.schema = schema
    return schema


def events_of(qmp):
    names = [e["event"] for e in qmp.events]
    for e in qmp.events:
        qmp.schema.check_event(e)
    qmp.events.clear()
    return names


def test_schema_is_closed_and_has_every_command():
    with Machine() as m:
        qmp = m.qmp()
        schema = checked(qmp)
        commands = [c["name"] for c in qmp.cmd("query-commands")]
        equal(commands, sorted(commands))
        equal(set(commands), {e["name"] for e in schema.by_name.values()
                              if e["meta-type"] == "command"})
        for e in schema.by_name.values():
            for key in ("arg-type", "ret-type", "element-type"):
                assert e.get(key, "int") in schema.by_name, e
            for member in e.get("members", []):
                assert member.get("type", "int") in schema.by_name, member


def test_every_command_without_arguments_answers_as_the_schema_says():
    with Machine("-device", DISK, "-smp", "3", "-device", "virtio-balloon-pci",
                 fake="") as m:
        qmp = m.qmp()
        schema = checked(qmp)
        for name in [c["name"] for c in qmp.cmd("query-commands")]:
            arg = schema.by_name[schema.by_name[name]["arg-type"]]
            required = [x for x in arg["members"] if "default" not in x]
            if required or name in ("quit", "qmp_capabilities"):
                continue
            try:
                qmp.cmd(name)
            except QmpError as e:
                assert name in ("add-fd",), e


def test_what_the_machine_is():
    uuid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    with Machine("-name", "guest=n", "-uuid", uuid, "-m", "256", "-smp",
                 "4,sockets=2,cores=2,threads=1") as m:
        qmp = m.qmp()
        checked(qmp)
        equal(qmp.cmd("query-name"), {"name": "n"})
        equal(qmp.cmd("query-uuid"), {"UUID": uuid})
        equal(qmp.cmd("query-target"), {"arch": "x86_64"})
        equal(qmp.cmd("query-memory-size-summary"),
              {"base-memory": 256 << 20, "plugged-memory": 0})
        equal(qmp.cmd("query-kvm")["enabled"], False)
        machines = {x["name"]: x for x in qmp.cmd("query-machines")}
        equal(machines["pc-q35-7.2"]["alias"], "q35")
        cpus = qmp.cmd("query-cpus-fast")
        equal([c["props"] for c in cpus],
              [{"socket-id": s, "core-id": c, "thread-id": 0}
               for s in (0, 1) for c in (0, 1)])
        for c in cpus:
            path = f"/proc/{m.process.pid}/task/{c['thread-id']}/comm"
            with open(path) as f:
                assert f.read().startswith(f"CPU {c['cpu-index']}/"), path


def test_stop_and_cont():
    with Machine() as m:
        qmp = m.qmp()
        checked(qmp)
        equal(qmp.cmd("query-status"), {"status": "running", "running": True,
                                        "singlestep": False})
        qmp.cmd("cont")
        equal(events_of(qmp), [])
        qmp.cmd("stop")
        qmp.cmd("stop")
        equal(events_of(qmp), ["STOP"])
        equal(qmp.cmd("query-status")["status"], "paused")
        qmp.cmd("cont")
        equal(events_of(qmp), ["RESUME"])


def test_started_by_cont():
    with Machine("-S") as m:
        qmp = m.qmp()
        checked(qmp)
        equal(qmp.cmd("query-status")["status"], "prelaunch")
        qmp.cmd("stop")
        equal(qmp.cmd("query-status")["status"], "prelaunch")
        qmp.cmd("cont")
        equal(events_of(qmp), ["RESUME"])
        equal(qmp.cmd("query-status")["running"], True)


def test_reset_and_powerdown():
    with Machine() as m:
        qmp = m.qmp()
        schema = checked(qmp)
        qmp.cmd("system_reset")
        event = qmp.event("RESET")
        schema.check_event(event)
        equal(event["data"], {"guest": False,
                              "reason": "host-qmp-system-reset"})
        equal(qmp.cmd("query-status")["status"], "running")
        qmp.cmd("system_powerdown")
        qmp.event("POWERDOWN")


def test_reset_of_a_stopped_machine_is_prelaunch():
    with Machine() as m:
        qmp = m.qmp()
        qmp.cmd("stop")
        for _ in range(2):
            qmp.cmd("system_reset")
            qmp.event("RESET")
            equal(qmp.cmd("query-status")["status"], "prelaunch")
        qmp.cmd("cont")
        equal(qmp.cmd("query-status")["status"], "running")


def test_button_of_a_paused_machine_stays_pressed():
    with Machine(guest=True) as m:
        qmp = m.qmp()
        m.guest.config(31, 0x40, 0x600)
        m.guest.config(31, 0x44, 0x80)
        equal(m.guest.do("inw 0x600") & 0x100, 0)
        qmp.cmd("stop")
        qmp.cmd("system_powerdown")
        qmp.event("POWERDOWN")
        qmp.cmd("cont")
        equal(m.guest.do("inw 0x600") & 0x100, 0x100, "power button status")


def test_quit_and_sigterm_say_why():
    for end, reason in ((lambda m, q: q.cmd("quit"), "host-qmp-quit"),
                        (lambda m, q: m.process.send_signal(signal.SIGTERM),
                         "host-signal"),
                        (lambda m, q: m.process.send_signal(signal.SIGINT),
                         "host-signal")):
        with Machine() as m:
            qmp = m.qmp()
            end(m, qmp)
            event = qmp.event("SHUTDOWN")
            equal(event["data"], {"guest": False, "reason": reason})
            equal(m.wait(), 0)


def test_guest_power_off_ends_or_stays():
    with Machine(guest=True) as m:
        qmp = m.qmp()
        m.guest.power_off()
        equal(qmp.event("SHUTDOWN")["data"],
              {"guest": True, "reason": "guest-shutdown"})
        equal(m.wait(), 0)
    with Machine("-no-shutdown", guest=True) as m:
        qmp = m.qmp()
        checked(qmp)
        m.guest.power_off()
        qmp.event("SHUTDOWN")
        qmp.event("STOP")
        equal(qmp.cmd("query-status")["status"], "shutdown")
        equal(qmp.error("cont").desc,
              "Resetting the Virtual Machine is required")
        # What libvirt does for a reboot.
        qmp.cmd("system_reset")
        qmp.event("RESET")
        qmp.cmd("cont")
        equal(qmp.cmd("query-status")["status"], "running")


def test_set_action():
    with Machine(guest=True) as m:
        qmp = m.qmp()
        checked(qmp)
        qmp.cmd("set-action", shutdown="pause", reboot="shutdown")
        m.guest.reset()
        equal(qmp.event("SHUTDOWN")["data"],
              {"guest": True, "reason": "guest-reset"})
        qmp.event("STOP")
        qmp.cmd("set-action", shutdown="poweroff", reboot="reset",
                watchdog="none")
        qmp.cmd("system_reset")
        qmp.event("RESET")
        qmp.cmd("cont")
        m.guest.reset()
        equal(qmp.event("RESET")["data"],
              {"guest": True, "reason": "guest-reset"})
        m.guest.power_off()
        equal(m.wait(), 0)


def test_object_tree():
    with Machine("-device", DISK, "-device",
                 f"vhost-scsi-pci,wwpn={WWPN[:-1]}1",
                 fake=f"target={WWPN},target={WWPN[:-1]}1") as m:
        qmp = m.qmp()
        checked(qmp)

        def children(path):
            return {p["name"]: p["type"] for p in qmp.cmd("qom-list",
                                                          path=path)
                    if p["type"].startswith("child<")}
        equal(children("/")["machine"], "child<pc-q35-7.2-machine>")
        equal(children("/machine/peripheral"),
              {"disk": "child<vhost-scsi-pci>"})
        equal(children("/machine/peripheral-anon"),
              {"device[0]": "child<vhost-scsi-pci>"})
        equal(children("/machine/peripheral/disk"),
              {"virtio-backend": "child<vhost-scsi>"})
        equal(children("/machine/unattached")["device[0]"],
              "child<max-x86_64-cpu>")
        # Through the proxy, the backend, and by a part of the path.
        for path in ("/machine/peripheral/disk", "disk",
                     "/machine/peripheral/disk/virtio-backend"):
            equal(qmp.cmd("qom-get", path=path, property="num_queues"), 4)
        equal(qmp.cmd("qom-get", path="disk", property="type"),
              "vhost-scsi-pci")
        equal(qmp.cmd("qom-get", path="disk", property="hotplugged"), False)
        equal(qmp.cmd("qom-get", path="/machine", property="peripheral"),
              "/machine/peripheral")
        equal(qmp.error("qom-get", path="disk", property="x").desc,
              "Property 'vhost-scsi-pci.x' not found")
        equal(qmp.error("qom-list", path="/nowhere").cls, "DeviceNotFound")
        assert "after it was realized" in qmp.error(
            "qom-set", path="disk", property="num_queues", value=2).desc


def test_types_and_properties():
    with Machine() as m:
        qmp = m.qmp()
        checked(qmp)
        types = [t["name"] for t in qmp.cmd("qom-list-types")]
        for name in ("isa-serial", "vhost-scsi", "vhost-scsi-pci",
                     "pc-q35-7.2-machine"):
            assert name in types, name
        # What libvirt would then insist on, and what there is not.
        for name in ("tcg-accel", "iothread", "max-x86_64-cpu"):
            assert name not in types, name
        for t in types:
            qmp.cmd("qom-list-properties", typename=t)
        properties = {p["name"]: p for p in
                      qmp.cmd("device-list-properties",
                              typename="vhost-scsi-pci")}
        equal(properties["worker_per_virtqueue"]["type"], "bool")
        equal(properties["worker_per_virtqueue"]["default-value"], False)
        assert "wwpn" in properties and "vectors" in properties
        equal(qmp.error("device-list-properties", typename="virtio-blk").cls,
              "DeviceNotFound")
        # libvirt 9.0 asks for this type, and for these of its properties.
        have = {p["name"] for p in
                qmp.cmd("qom-list-properties", typename="memory-backend-file")}
        assert {"align", "discard-data", "pmem", "prealloc-threads",
                "x-use-canonical-path-for-ramblock-id"} <= have, have


def test_pci():
    with Machine("-device", DISK + ",addr=5", fake="") as m:
        qmp = m.qmp()
        checked(qmp)
        bus, = qmp.cmd("query-pci")
        by_slot = {d["slot"]: d for d in bus["devices"]}
        disk = by_slot[5]
        equal(disk["qdev_id"], "disk")
        equal(disk["id"]["vendor"], 0x1af4)
        equal(disk["id"]["device"], 0x1048)
        equal([r["bar"] for r in disk["regions"]], [1, 4])
        equal([r["address"] for r in disk["regions"]], [-1, -1])
        equal(by_slot[0]["class_info"], {"desc": "Host bridge",
                                         "class": 0x600})


def test_virtio():
    with Machine("-device", DISK, fake="") as m:
        qmp = m.qmp()
        checked(qmp)
        path = "/machine/peripheral/disk/virtio-backend"
        equal(qmp.cmd("x-query-virtio"),
              [{"path": path, "name": "virtio-scsi"}])
        status = qmp.cmd("x-query-virtio-status", path=path)
        equal(status["num-vqs"], 6)
        equal(status["vhost-started"], False)
        assert "VIRTIO_F_VERSION_1" in status["host-features"]["transports"]
        assert "VIRTIO_SCSI_F_HOTPLUG" in \
            status["vhost-dev"]["features"]["dev-features"]
        equal(qmp.error("x-query-virtio-vhost-queue-status", path=path,
                        queue=0).cls, "GenericError")
        qmp.error("x-query-virtio-status", path="/machine")


def test_balloon():
    with Machine() as m:
        qmp = m.qmp()
        for command, args in (("query-balloon", {}), ("balloon", {"value": 1})):
            error = qmp.error(command, **args)
            equal(error.cls, "DeviceNotActive")
            equal(error.desc, "No balloon device has been activated")
        assert "No balloon device" in qmp.hmp("info balloon")
    with Machine("-m", "64", "-device", "virtio-balloon-pci,id=b") as m:
        qmp = m.qmp()
        checked(qmp)
        equal(qmp.cmd("query-balloon"), {"actual": 64 << 20})
        equal(qmp.hmp("info balloon").strip(), "balloon: actual=64")
        equal(qmp.cmd("balloon", value=16 << 20), {})
        equal(qmp.hmp("balloon 32"), "")
        equal(qmp.error("balloon", value=0).desc,
              "Parameter 'target' expects a size")
        assert "expects a size" in qmp.hmp("balloon lots")
        # The guest has no driver that would do it.
        equal(qmp.cmd("query-balloon"), {"actual": 64 << 20})

        names = {p["name"] for p in qmp.cmd("qom-list",
                                            path="/machine/peripheral/b")}
        assert {"guest-stats", "guest-stats-polling-interval"} <= names, names
        interval = {"path": "/machine/peripheral/b",
                    "property": "guest-stats-polling-interval"}
        equal(qmp.cmd("qom-get", **interval), 0)
        equal(qmp.cmd("qom-set", value=5, **interval), {})
        equal(qmp.cmd("qom-get", **interval), 5)
        assert "a number of seconds" in qmp.error("qom-set", value=-1,
                                                  **interval).desc
        stats = qmp.cmd("qom-get", path="b", property="guest-stats")
        equal(stats["last-update"], 0)
        equal(stats["stats"]["stat-free-memory"], 2 ** 64 - 1)
        equal(len(stats["stats"]), 10)
        assert "not writable" in qmp.error("qom-set", path="b", value={},
                                           property="guest-stats").desc


def test_trace_events():
    with Machine("-D", "/dev/null") as m:
        qmp = m.qmp()
        checked(qmp)
        name = "vhost_set_owner"
        equal(qmp.cmd("trace-event-get-state", name=name),
              [{"name": name, "state": "disabled", "vcpu": False}])
        qmp.cmd("trace-event-set-state", name="vhost_*", enable=True)
        equal({e["state"] for e in qmp.cmd("trace-event-get-state",
                                           name="vhost_*")}, {"enabled"})
        qmp.error("trace-event-get-state", name="nonsense")
        qmp.error("trace-event-set-state", name="nonsense", enable=True)


def test_descriptors():
    with Machine() as m:
        qmp = m.qmp()
        checked(qmp)
        before = m.count("fd")
        read, write = os.pipe()
        equal(qmp.execute("getfd", {"fdname": "a"})["error"]["desc"],
              "No file descriptor supplied via SCM_RIGHTS")
        equal(qmp.execute("getfd", {"fdname": "a"}, [read])["return"], {})
        assert "error" in qmp.execute("getfd", {"fdname": "1a"}, [read])
        equal(m.count("fd"), before + 1)
        qmp.cmd("closefd", fdname="a")
        assert "not found" in qmp.error("closefd", fdname="a").desc
        added = qmp.execute("add-fd", {"fdset-id": 3, "opaque": "o"},
                            [write])["return"]
        equal(added["fdset-id"], 3)
        equal(qmp.cmd("query-fdsets"),
              [{"fdset-id": 3, "fds": [{"fd": added["fd"], "opaque": "o"}]}])
        qmp.cmd("remove-fd", fdset_id=3)
        equal(qmp.cmd("query-fdsets"), [])
        # What came and was never asked for goes with the client.
        qmp.send({"execute": "query-name", "id": 1}, [read] * 10)
        qmp.reply()
        qmp.close()
        other = m.qmp()
        other.cmd("query-status")
        assert m.count("fd") <= before, m.count("fd")
        os.close(read)
        os.close(write)


def test_lines_of_people_end_as_qemus_do():
    with Machine("-smp", "2") as m:
        qmp = m.qmp()
        text = qmp.hmp("help info")
        assert text.count("\n") > 10, text
        equal(text.count("\r\n"), text.count("\n"))
        equal(qmp.hmp("info numa"), "0 nodes\r\n")
        for n in (0, 1):
            qmp.cmd("human-monitor-command", command_line="info status",
                    cpu_index=n)
        for n in (-1, 2, 1 << 40):
            equal(qmp.error("human-monitor-command",
                            command_line="info status", cpu_index=n).desc,
                  "Parameter 'cpu-index' expects a CPU number")


def test_lists_that_are_empty():
    with Machine() as m:
        qmp = m.qmp()
        for name in ("query-block", "query-blockstats", "query-memory-devices",
                     "query-hotpluggable-cpus", "query-named-block-nodes",
                     "query-iothreads", "query-jobs"):
            equal(qmp.cmd(name), [], name)
        equal(qmp.cmd("query-blockstats", query_nodes=True), [])


def test_each_parent_of_a_type_is_listed():
    with Machine() as m:
        qmp = m.qmp()
        types = {t["name"]: t for t in qmp.cmd("qom-list-types",
                                               abstract=True)}
        for name in types:
            chain = [name]
            while "parent" in types[chain[-1]]:
                chain.append(types[chain[-1]]["parent"])
            equal(chain[-1], "object", chain)
            # Each of them finds it.
            for parent in chain:
                assert name in [t["name"] for t in qmp.cmd(
                    "qom-list-types", implements=parent, abstract=True)], \
                    (name, parent)
        # What cannot be made is not listed without being asked for.
        listed = [t["name"] for t in qmp.cmd("qom-list-types")]
        assert "pci-device" not in listed and "isa-serial" in listed
        equal(types["pci-device"]["abstract"], True)
        assert "abstract" not in types["isa-serial"]


def test_objects_have_the_types_of_the_schema():
    boolean = "Invalid parameter type for '{}', expected: boolean"
    string = "Invalid parameter type for '{}', expected: string"
    ram = {"qom-type": "memory-backend-ram", "id": "x", "size": 1 << 20}
    secret = {"qom-type": "secret", "id": "x", "data": "s"}
    cases = (
        (ram, "size", "1M", "Parameter 'size' expects uint64"),
        (ram, "size", True, "Parameter 'size' expects uint64"),
        (ram, "size", 1.5, "Parameter 'size' expects uint64"),
        (ram, "prealloc", "on", boolean.format("prealloc")),
        (ram, "share", 1, boolean.format("share")),
        (ram, "host-nodes", "0-1",
         "Invalid parameter type for 'host-nodes', expected: array"),
        (secret, "data", 1, string.format("data")),
        (secret, "format", False, string.format("format")),
    )
    with Machine() as m:
        qmp = m.qmp()
        for good, name, value, message in cases:
            bad = dict(good, **{name: value})
            equal(qmp.error("object-add", **bad).desc, message)
            p = subprocess.run([BINARY, "-accel", "qtest", "-object",
                                json.dumps(bad)], capture_output=True,
                               text=True, timeout=60)
            equal((p.returncode, p.stderr),
                  (1, f"qemu-system-x86_64: -object: {message}\n"))
        for good in (ram, secret):
            qmp.cmd("object-add", **good)
            qmp.cmd("object-del", id="x")
    # As key=value all of them are text.
    with Machine("-object", "memory-backend-ram,id=x,size=1M,share=on"):
        pass


def test_memdev():
    with Machine("-smp", "3", "-mem-prealloc", "-m", "16",
                 "-machine", "memory-backend=a",
                 "-object", "memory-backend-ram,id=a,size=16M,prealloc=off",
                 "-object", "memory-backend-memfd,id=b,size=2M,policy=bind,"
                 "host-nodes=0-1,host-nodes=3") as m:
        qmp = m.qmp()
        qmp.cmd("object-add", qom_type="memory-backend-file", id="c",
                mem_path="/nonexistent", size=1 << 20, host_nodes=[0, 127],
                policy="interleave", reserve=False)
        equal(qmp.error("object-add", qom_type="memory-backend-ram", id="d",
                        size=1 << 20, host_nodes=[128], policy="bind").desc,
              "Invalid host-nodes value: 128")
        rest = {"merge": True, "dump": True}
        equal(qmp.cmd("query-memdev"), [
            {"id": "a", "size": 16 << 20, "share": False, "reserve": True,
             "prealloc": False, "host-nodes": [], "policy": "default", **rest},
            {"id": "b", "size": 2 << 20, "share": True, "reserve": True,
             "prealloc": True, "host-nodes": [0, 1, 3], "policy": "bind",
             **rest},
            {"id": "c", "size": 1 << 20, "share": False, "reserve": False,
             "prealloc": False, "host-nodes": [0, 127],
             "policy": "interleave", **rest}])
        equal(qmp.hmp("info memdev").splitlines()[9:18],
              ["memory backend: b", "  size:  2097152", "  merge: true",
               "  dump: true", "  prealloc: true", "  share: true",
               "  reserve: true", "  policy: bind", "  host nodes: 0 1 3"])
        equal(qmp.error("object-del", id="a").desc,
              "object 'a' is in use, can not be deleted")
        qmp.cmd("object-del", id="c")


def test_numa():
    with Machine("-smp", "4", "-m", "32",
                 "-object", "memory-backend-ram,id=a,size=16M",
                 "-object", "memory-backend-memfd,id=b,size=16M",
                 "-numa", "node,memdev=a,cpus=0-1",
                 "-numa", "node,memdev=b,cpus=2,cpus=3") as m:
        qmp = m.qmp()
        equal([c["props"]["node-id"] for c in qmp.cmd("query-cpus-fast")],
              [0, 0, 1, 1])
        equal([c["props"]["socket-id"] for c in qmp.cmd("query-cpus-fast")],
              [0, 0, 1, 1])
        text = ("2 nodes\nnode 0 cpus: 0 1\nnode 0 size: 16 MB\n"
                "node 0 plugged: 0 MB\nnode 1 cpus: 2 3\n"
                "node 1 size: 16 MB\nnode 1 plugged: 0 MB\n")
        equal(qmp.cmd("x-query-numa"), {"human-readable-text": text})
        equal(qmp.hmp("info numa"), text.replace("\n", "\r\n"))
        equal(qmp.cmd("query-memory-size-summary")["base-memory"], 32 << 20)
    with Machine() as m:
        qmp = m.qmp()
        assert "node-id" not in qmp.cmd("query-cpus-fast")[0]["props"]


def test_quit_tells_the_end_and_no_stop():
    for cause in ("quit", "signal", "guest"):
        with Machine(monitors=2, guest=True) as m:
            qmp, other = m.qmp(0), m.qmp(1)
            if cause == "quit":
                qmp.send({"execute": "quit"})
            elif cause == "signal":
                m.process.send_signal(signal.SIGTERM)
            else:
                m.guest.power_off()
            end = [e.get("event", "answer")
                   for e in iter(other.recv, None)]
            equal(end, ["SHUTDOWN"])
            end = [e.get("event", "answer") for e in iter(qmp.recv, None)]
            equal(end, ["SHUTDOWN"] + ["answer"] * (cause == "quit"))
            equal(m.wait(), 0)


def test_end_is_not_taken_back_by_the_guest():
    with Machine("-no-shutdown", guest=True) as m:
        qmp = m.qmp()
        qmp.cmd("quit")
        try:
            m.guest.power_off()
        except (AssertionError, BrokenPipeError, ConnectionResetError):
            pass    # it has ended before
        equal(m.wait(), 0)


def test_human_monitor_command():
    with Machine("-name", "n") as m:
        qmp = m.qmp()
        checked(qmp)
        equal(qmp.hmp("info status").strip(), "VM status: running")
        equal(qmp.hmp("stop"), "")
        equal(qmp.hmp("info status").split()[2], "paused")
        equal([e["event"] for e in qmp.events], ["STOP"])
        equal(qmp.hmp("cont"), "")
        assert "unknown command" in qmp.hmp("nonsense")
        assert qmp.hmp("info pci").startswith("  Bus  0, device   0")


def test_options_are_refused_in_one_line():
    cases = (
        (["-mon", "mode=control"], "-mon: parameter 'chardev' is required"),
        (["-mon", "chardev=x"], '-mon: chardev "x" not found'),
        (["-chardev", "null,id=n", "-mon", "chardev=n,mode=x"],
         "-mon: parameter 'mode' cannot be 'x'"),
        (["-chardev", "null,id=n", "-mon", "chardev=n,pretty=on"],
         "-mon: 'pretty' is for mode=control only"),
        (["-chardev", "null,id=n", "-mon", "chardev=n", "-mon", "chardev=n"],
         "-mon: Device 'n' is in use"),
        (["-qmp", "chardev:x"], "-qmp: no chardev 'x'"),
    )
    for args, message in cases:
        out = subprocess.run([BINARY, "-accel", "qtest", "-display", "none",
                              *args], timeout=60, capture_output=True,
                             text=True, check=False)
        equal(out.returncode, 1, args)
        equal(out.stderr.count("\n"), 1, out.stderr)
        assert f"qemu-system-x86_64: {message}" in out.stderr, out.stderr


def test_128_monitors_and_one_more():
    args = []
    for i in range(127):
        args += ["-chardev", f"null,id=n{i}", "-mon", f"n{i},mode=control"]
    with Machine(*args) as m:
        equal(len(m.qmp().cmd("query-chardev")), 128)
    args += ["-chardev", "null,id=x", "-mon", "x", "-chardev", "null,id=y",
             "-mon", "y"]
    out = subprocess.run([BINARY, "-accel", "qtest", "-nodefaults", *args],
                         timeout=60, capture_output=True, text=True,
                         check=False)
    assert "the machine has 128 monitors already" in out.stderr, out.stderr


main(globals())
