#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stock libvirt finds out about the program, and what the program must
not say, since libvirt would use it."""

import re
import subprocess

import libvirtd
from libvirtd import BINARY, TIMEOUT, Libvirtd, domain
from qemu import Machine, equal, main

PROBE = "none,accel=kvm:tcg"
ASKED_ALWAYS = ["virtio-blk-pci", "scsi-hd", "ide-hd", "PIIX4_PM", "kvm-pit",
                "ICH9-LPC", "virtio-balloon-pci", "virtio-balloon-ccw",
                "virtio-balloon-device", "usb-host"]


def modes(caps):
    """CPU mode -> supported, of domcapabilities."""
    return dict(re.findall(r"<mode name='([\w-]+)' supported='(\w+)'", caps))


def check_capabilities(lv):
    caps = lv.virsh("capabilities")
    # Another is for i686, which libvirt takes any x86_64 to run.
    guests = [g for g in re.findall(r"<guest>.*?</guest>", caps, re.S)
              if "'x86_64'" in g]
    for text in ["<arch name='x86_64'>", f"<emulator>{lv.emulator}</emulator>",
                 "<machine maxCpus='255'>pc-q35-7.2</machine>",
                 "<machine canonical='pc-q35-7.2' maxCpus='255'>q35</machine>",
                 "<acpi default='on' toggle='yes'/>"]:
        assert text in guests[0], f"{text} is not in {guests[0]}"
    equal(re.findall(r"<domain type='(\w+)'", guests[0]), ["kvm"], "types")
    caps = lv.virsh("domcapabilities", "--machine", "q35")
    for text in ["<domain>kvm</domain>", "<machine>pc-q35-7.2</machine>",
                 "<vcpu max='255'/>", "<iothreads supported='no'/>",
                 "<value>memfd</value>", "<hostdev supported='yes'>"]:
        assert text in caps, f"{text} is not in {caps}"
    equal(modes(caps), {"host-passthrough": "yes", "maximum": "yes",
                        "host-model": "no", "custom": "no"}, "CPU modes")


def test_capabilities():
    with Libvirtd() as lv:
        check_capabilities(lv)
        # Where "tcg-accel" is listed there is a probe of accel=tcg as well.
        # How often it probes is libvirt's affair: it does so again when one
        # was hard to kill.
        for args in lv.commands():
            equal(args[args.index("-machine") + 1], PROBE, "machine of a probe")


def test_capabilities_on_a_host_without_kvm():
    with Libvirtd(kvm=False) as lv:
        check_capabilities(lv)


def test_capabilities_are_kept_over_a_restart():
    with Libvirtd() as lv:
        check_capabilities(lv)
        lv.stop()
        lv.start()
        check_capabilities(lv)


def test_probe_detaches():
    """libvirt reads standard error until its end, without a limit."""
    with Libvirtd() as lv:
        lv.virsh("capabilities")
        probe = lv.last_command()
    with Machine("-machine", "none", accel=None if libvirtd.KVM else "qtest",
                 monitors=0) as m:
        args = [a.replace("kvm:tcg", "qtest") for a in probe]
        args[args.index("-qmp") + 1] = f"unix:{m.dir}/probe,server=on,wait=off"
        args[args.index("-pidfile") + 1] = f"{m.dir}/pid"
        done = subprocess.run([BINARY, *args], capture_output=True,
                              timeout=TIMEOUT, check=True)
        equal(done.stdout + done.stderr, b"", "what it prints")
        m.sockets.append(f"{m.dir}/probe")
        with open(f"{m.dir}/pid", encoding="utf-8") as f:
            pid = int(f.read())
        qmp = m.qmp()
        for fd in "012":
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="utf-8") as f:
                assert "flags" in f.read()
        qmp.cmd("quit")
        assert qmp.recv_line() is None or qmp.recv_line() is None


def test_lists_instead_of_errors():
    """DeviceNotFound ends libvirtd 9.0 by a segmentation fault for
    memory-backend-file, and everything but an empty list or DeviceNotFound
    ends a probe."""
    with Machine("-machine", "none") as m:
        qmp = m.qmp()
        for name in ["memory-backend-file", "none-machine"]:
            assert isinstance(
                qmp.cmd("qom-list-properties", typename=name), list), name
        for name in ASKED_ALWAYS:
            answer = qmp.execute("device-list-properties", {"typename": name})
            assert isinstance(answer.get("return"), list) or \
                answer["error"]["class"] == "DeviceNotFound", answer


def test_types_that_domains_need():
    with Machine("-machine", "none") as m:
        types = {t["name"] for t in m.qmp().cmd("qom-list-types")}
    for name in ["isa-serial", "vhost-scsi", "pcie-root-port",
                 "vhost-scsi-pci-non-transitional", "vhost-vsock-device",
                 "vhost-vsock-pci-non-transitional", "memory-backend-memfd"]:
        assert name in types, name


def test_what_must_not_be_advertised():
    """Each of these makes libvirt ask for more, or start with options that
    there are not."""
    with Machine("-machine", "none") as m:
        qmp = m.qmp()
        types = {t["name"] for t in qmp.cmd("qom-list-types")}
        commands = {c["name"] for c in qmp.cmd("query-commands")}
        options = {o["option"] for o in qmp.cmd("query-command-line-options")}
        machines = qmp.cmd("query-machines")
    equal(types & {"tcg-accel", "iothread", "max-x86_64-cpu", "sev-guest",
                   "sgx-epc", "virtio-blk-pci", "virtio-scsi-pci"}, set(),
          "types")
    equal(commands & {"query-cpu-model-expansion"}, set(), "commands")
    equal(options & {"sandbox"}, set(), "options")
    for machine in machines:
        # With it query-hotpluggable-cpus would have to list vCPUs.
        assert not machine["hotpluggable-cpus"], machine
        assert "default-cpu-type" not in machine, machine


def test_cpu_modes():
    with Libvirtd() as lv:
        lv.virsh("create", lv.file(domain("max", cpu="<cpu mode='maximum'/>")))
        args = lv.last_command()
        equal(args[args.index("-cpu") + 1], "max", "-cpu")
        lv.virsh("create", lv.file(domain("none", cpu="")))
        assert "-cpu" not in lv.last_command(), lv.last_command()
        lv.virsh("create", lv.file(domain("host")))
        args = lv.last_command()
        equal(args[args.index("-cpu") + 1], "host", "-cpu")


def test_host_model_is_refused_and_libvirtd_lives():
    with Libvirtd() as lv:
        for mode in ["<cpu mode='host-model'/>",
                     "<cpu mode='custom'><model>Skylake-Client</model></cpu>"]:
            message = lv.refused("create", lv.file(domain("one", cpu=mode)))
            assert "CPU" in message, message
        equal(lv.virsh("list", "--name"), "", "domains")


main(globals())
