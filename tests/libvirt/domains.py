#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains of a stock libvirt on the program: the commands of virsh, with the
guest's part played by the test over qtest."""

import os
import pathlib
import pty
import re
import select
import subprocess

from libvirtd import (HOSTDEV, KVM, ON_ROOT_BUS, TIMEOUT, WORKERS, Libvirtd,
                      Slot, domain, hostdev)
from bzimage import write_kernel
from qemu import equal, main

def devices_of(args, driver):
    """The -device options for it."""
    return [args[i + 1] for i, a in enumerate(args)
            if a == "-device" and f'"{driver}"' in args[i + 1]]


def check_lifecycle(lv, guest):
    for verb, state in [("suspend", "paused (user)"),
                        ("resume", "running (unpaused)")]:
        lv.virsh(verb, "one")
        equal(lv.state("one"), state, verb)
    equal(lv.qmp("one", "query-status")["status"], "running", "status")
    guest.acpi_on()
    lv.virsh("reset", "one")
    lv.wait_for(lambda: not guest.is_acpi_on(), "the reset")
    equal(lv.state("one"), "running (unpaused)", "state after reset")


def check_information(lv):
    info = lv.virsh("dominfo", "one")
    for text in [r"State:\s+running", r"CPU\(s\):\s+2",
                 r"Max memory:\s+65536 KiB"]:
        assert re.search(text, info), info
    equal(len(re.findall(r"State:\s+running", lv.virsh("vcpuinfo", "one"))), 2,
          "vCPUs that run")
    stats = lv.virsh("domstats", "one")
    for text in ["state.state=1", "vcpu.current=2", "vcpu.1.state=1",
                 "balloon.current=65536", "block.count=0"]:
        assert text in stats, stats
    assert lv.virsh("ttyconsole", "one").startswith("/dev/pts/")
    equal(lv.virsh("domblklist", "one").count("\n"), 0, "disks")


def check_destroy(lv):
    pid = lv.pid("one")
    lv.virsh("destroy", "one")
    equal(lv.state("one"), "shut off (destroyed)", "state")
    assert not os.path.exists(f"/proc/{pid}"), "the process is still there"
    log = lv.text("cache/libvirt/qemu/log/one.log")
    assert "shutting down, reason=destroyed" in log, log


def test_automatic_addresses():
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=HOSTDEV)
        args = lv.last_command()
        equal(len(devices_of(args, "pcie-root-port")), 2, "root ports")
        assert '"bus":"pci.1"' in devices_of(args, "vhost-scsi-pci")[0], args
        assert "-sandbox" not in args, args
        check_information(lv)
        check_lifecycle(lv, guest)
        check_destroy(lv)


def test_explicit_addresses():
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=ON_ROOT_BUS)
        args = lv.last_command()
        equal(devices_of(args, "pcie-root-port"), [], "root ports")
        assert '"bus":"pcie.0"' in devices_of(args, "vhost-scsi-pci")[0], args
        equal(guest.config(2, 0), 0x10481af4, "ids of 00:02.0")
        check_information(lv)
        check_lifecycle(lv, guest)
        check_destroy(lv)


def test_no_pci_device_and_no_acpi():
    with Libvirtd() as lv:
        lv.start_guest("one", features="")
        assert "-no-acpi" in lv.last_command(), lv.last_command()
        check_information(lv)
        check_destroy(lv)


AGENT = "org.qemu.guest_agent.0"


def test_what_virt_install_adds():
    """Entropy, balloon and the agent's channel, as libvirt passes them."""
    channel = "<channel type='unix'><target type='virtio' name='%s'/>" \
        "</channel>" % AGENT
    rng = "<rng model='virtio'><rate bytes='1024' period='500'/>" \
        "<backend model='random'>/dev/urandom</backend></rng>"
    balloon = "<memballoon model='virtio' freePageReporting='on'>" \
        "<stats period='5'/></memballoon>"
    with Libvirtd() as lv:
        lv.start_guest("one", devices=channel + rng, balloon=balloon)
        args = lv.last_command()
        for driver in ("virtio-serial-pci", "virtserialport",
                       "virtio-rng-pci", "virtio-balloon-pci"):
            equal(len(devices_of(args, driver)), 1, driver)
        assert '"max-bytes":1024' in devices_of(args, "virtio-rng-pci")[0], args
        equal(lv.qmp("one", "qom-get", path="/machine/peripheral/balloon0",
                     property="guest-stats-polling-interval"), 5, "interval")
        lv.virsh("setmem", "one", "32M", "--live")
        assert re.search(r"actual 65536", lv.virsh("dommemstat", "one"))
        xml = lv.virsh("dumpxml", "one")
        assert f"name='{AGENT}' state='disconnected'" in xml, xml
        check_destroy(lv)


def test_worker_per_virtqueue_by_override():
    with Libvirtd() as lv:
        lv.start_guest("one", devices=HOSTDEV, override=WORKERS)
        args = lv.last_command()
        assert '"worker_per_virtqueue":true' in \
            devices_of(args, "vhost-scsi-pci")[0], args
        equal(lv.fake("one", "count NEW_WORKER"), "3", "workers made")
        equal(lv.fake("one", "count ATTACH_VRING_WORKER"), "3", "attached")


def test_threads():
    """vcpupin acts on the thread ids of query-cpus-fast."""
    with Libvirtd() as lv:
        lv.start_guest("one")
        pid = lv.pid("one")
        for cpu in lv.qmp("one", "query-cpus-fast"):
            tid, index = cpu["thread-id"], cpu["cpu-index"]
            lv.virsh("vcpupin", "one", index, "0")
            with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8") as f:
                assert "Cpus_allowed_list:\t0\n" in f.read(), cpu
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as f:
                assert f.read().startswith(f"CPU {index}"), cpu


def test_monitor_command():
    with Libvirtd() as lv:
        lv.start_guest("one")
        equal(lv.qmp("one", "query-name"), {"name": "one"}, "query-name")
        equal(lv.virsh("qemu-monitor-command", "one", "--hmp", "info status"),
              "VM status: running", "info status")


class Terminal:
    """A console of virsh, with the test at its keyboard."""

    def __init__(self, lv):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            lv.command("console", "one"), env=lv.env, stdin=slave,
            stdout=slave, stderr=slave)
        os.close(slave)
        self.got = b""

    def type(self, keys):
        os.write(self.master, keys)

    def shows(self, text):
        """Whether @text is among what came; does not wait for more."""
        while select.select([self.master], [], [], 0)[0]:
            try:
                self.got += os.read(self.master, 4096)
            except OSError:  # its other end is closed
                raise AssertionError(f"virsh ended: {self.got}") from None
        return text in self.got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def test_console():
    with Libvirtd() as lv:
        guest = lv.start_guest("one")
        with Terminal(lv) as terminal:
            # Nothing tells when it listens but this: what the guest says
            # before is lost, and that may be half of a word.
            lv.wait_for(lambda: guest.print("hello\r\n") or
                        terminal.shows(b"hello"), "the console")
            terminal.type(b"x")
            equal(lv.wait_for(guest.typed, "the key"), "x", "key")
            terminal.type(b"\x1d")
            equal(terminal.process.wait(TIMEOUT), 0, "status of virsh console")
        equal(lv.state("one"), "running (booted)", "state")


def test_shutdown():
    """The guest notices the button and powers off; libvirt ends the rest."""
    with Libvirtd() as lv:
        guest = lv.start_guest("one")
        pid = lv.pid("one")
        guest.acpi_on()
        lv.virsh("shutdown", "one")
        lv.wait_for(guest.button, "the power button")
        equal(lv.state("one"), "running (booted)", "state")
        guest.power_off()
        lv.wait_state("one", "shut off (shutdown)")
        assert not os.path.exists(f"/proc/{pid}"), "the process is still there"


def test_shutdown_by_the_guest():
    with Libvirtd() as lv:
        guest = lv.start_guest("one")
        guest.power_off()
        lv.wait_state("one", "shut off (shutdown)")


def test_reboot():
    """As shutdown, but the machine is reset and goes on."""
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=HOSTDEV)
        pid = lv.pid("one")
        guest.acpi_on()
        lv.virsh("reboot", "one")
        lv.wait_for(guest.button, "the power button")
        guest.power_off()
        lv.wait_for(lambda: not guest.is_acpi_on(), "the reset")
        lv.wait_for(lambda: lv.state("one").startswith("running"), "running")
        equal(lv.pid("one"), pid, "process")
        equal(lv.qmp("one", "query-status")["status"], "running", "status")


def test_guest_resets():
    with Libvirtd() as lv:
        guest = lv.start_guest("one")
        guest.acpi_on()
        guest.reset()
        equal(guest.answer("reset"), 0, "answer")
        lv.wait_for(lambda: not guest.is_acpi_on(), "the reset")
        equal(lv.state("one"), "running (booted)", "state")


def test_on_reboot_destroy():
    """set-action is in query-commands, so that -no-shutdown stays."""
    destroy = "".join(f"<on_{what}>destroy</on_{what}>"
                      for what in ("poweroff", "reboot", "crash"))
    with Libvirtd() as lv:
        guest = lv.start_guest("one", more=destroy)
        assert "-no-shutdown" in lv.last_command(), lv.last_command()
        guest.reset()
        lv.wait_state("one", "shut off (shutdown)")


def vhost_fds(lv):
    """Those of the stand-in."""
    links = f"/proc/{lv.pid('one')}/fd"
    return [fd for fd in os.listdir(links)
            if "fake-vhost-scsi" in os.readlink(f"{links}/{fd}")]


def has_hostdev(lv):
    return "<hostdev" in lv.virsh("dumpxml", "one")


def vsock(cid):
    return f"<vsock model='virtio'><cid {cid}/></vsock>"


def test_sockets():
    """libvirt takes the CID on the descriptor before it passes it."""
    with Libvirtd() as lv:
        for cid, expected in [("auto='no' address='42'", 42),
                              ("auto='yes'", 3)]:
            lv.start_guest("one", devices=vsock(cid))
            device, = devices_of(lv.last_command(), "vhost-vsock-pci")
            assert f'"guest-cid":{expected},' in device, device
            assert '"vhostfd":"' in device, device
            equal(lv.fake("one", "count VSOCK_SET_GUEST_CID"), "1", "CIDs set")
            equal(lv.fake("one", "count open"), "0", "devices opened")
            check_destroy(lv)
            lv.virsh("undefine", "one")


def test_attach_and_detach_sockets():
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=HOSTDEV)
        port = Slot(guest, 1)
        device = lv.file(vsock("auto='no' address='42'"))
        lv.virsh("attach-device", "one", device)
        lv.wait_for(port.is_full, "the slot to be full")
        port.power_on()
        with subprocess.Popen(lv.command("detach-device", "one", device),
                              env=lv.env, stdout=subprocess.DEVNULL) as p:
            lv.wait_for(port.asked, "the attention button")
            port.power_off()
            equal(p.wait(TIMEOUT), 0, "status of detach-device")
        lv.wait_for(lambda: "<vsock" not in lv.virsh("dumpxml", "one"),
                    "DEVICE_DELETED")
        check_destroy(lv)


def test_detach_and_attach():
    """libvirt 9.0 takes the address of what was here for used until it starts
    anew, so that the adapter comes back on the next port."""
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=HOSTDEV)
        ports = [Slot(guest, 0), Slot(guest, 1)]
        device = lv.file(hostdev())
        for here, there in [ports, reversed(ports)]:
            assert vhost_fds(lv), "no descriptor of the device"
            with subprocess.Popen(lv.command("detach-device", "one", device),
                                  env=lv.env, stdout=subprocess.DEVNULL) as p:
                lv.wait_for(here.asked, "the attention button")
                assert has_hostdev(lv), "gone without the guest's consent"
                here.power_off()
                equal(p.wait(TIMEOUT), 0, "status of detach-device")
            lv.wait_for(lambda: not has_hostdev(lv), "DEVICE_DELETED")
            assert not here.is_full(), "the slot is full"
            equal(vhost_fds(lv), [], "descriptors of the device")
            lv.virsh("attach-device", "one", device)
            assert has_hostdev(lv), lv.virsh("dumpxml", "one")
            lv.wait_for(there.is_full, "the slot to be full")
            there.power_on()
            lv.restart("one")
        check_destroy(lv)


def test_attach_fails():
    """The message of device_add is libvirt's, and nothing stays."""
    with Libvirtd() as lv:
        lv.start_guest("one", devices=HOSTDEV)
        other = hostdev(alias="ua-vs1").replace("naa.5", "naa.6")
        message = lv.refused("attach-device", "one", lv.file(other))
        assert "naa.6" in message and "vhost-scsi" in message, message
        equal(lv.virsh("dumpxml", "one").count("<hostdev"), 1, "hostdevs")


def test_start_fails():
    """libvirt shows the one line that the program prints."""
    with Libvirtd() as lv:
        other = hostdev().replace("naa.5", "naa.6")
        message = lv.refused("create", lv.file(domain("one", devices=other)))
        assert "target 'naa.6001405bd1f60000'" in message, message
        equal(lv.virsh("list", "--all", "--name"), "", "domains")


def test_libvirtd_restarts():
    with Libvirtd() as lv:
        guest = lv.start_guest("one", devices=HOSTDEV)
        pid = lv.pid("one")
        for verb in ["suspend", "resume"]:
            state = lv.state("one")
            lv.restart("one")
            equal(lv.state("one"), state, "state after the restart")
            equal(lv.pid("one"), pid, "process")
            lv.virsh(verb, "one")
        check_lifecycle(lv, guest)
        check_destroy(lv)


def test_guest_ends_while_libvirtd_is_away():
    with Libvirtd() as lv:
        guest = lv.start_guest("one")
        lv.stop()
        guest.power_off()
        equal(guest.answer("S5"), 0, "answer")
        lv.start()
        lv.wait_state("one", "shut off (shutdown)")


def test_shared_memory():
    memory = ("<memoryBacking><source type='memfd'/><access mode='shared'/>"
              "</memoryBacking>")
    with Libvirtd() as lv:
        lv.start_guest("one", memory=memory)
        assert any("memory-backend-memfd" in a for a in lv.last_command()), \
            lv.last_command()


def test_serial_file():
    """Descriptors by -add-fd."""
    with Libvirtd() as lv:
        serial = (f"<serial type='file'><source path='{lv.dir}/serial' "
                  "append='on'/></serial>")
        guest = lv.start_guest("one", devices=serial)
        assert "-add-fd" in lv.last_command(), lv.last_command()
        guest.COM1 = 0x2f8
        guest.print("hello")
        lv.wait_for(lambda: lv.text("serial") == "hello", "the file")


def test_typical_options():
    """Of virt-install's XML."""
    more = """
<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/>
<timer name='pit' tickpolicy='delay'/><timer name='hpet' present='no'/></clock>
<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>"""
    with Libvirtd() as lv:
        lv.start_guest("one", more=more,
                       features="<features><acpi/><apic/>"
                                "<vmport state='off'/></features>")


def fw_cfg_file(guest, name):
    """What the guest reads of it."""
    def data(count):
        return bytes(guest.do("inb 0x511") for _ in range(count))
    guest.do("outw 0x510 0x19")
    for _ in range(int.from_bytes(data(4), "big")):
        entry = data(64)
        if entry[8:].rstrip(b"\0").decode() == name:
            guest.do(f"outw 0x510 {int.from_bytes(entry[4:6], 'big'):#x}")
            return data(int.from_bytes(entry[:4], "big")).decode()
    raise AssertionError(f"no file {name}")


def test_sysinfo():
    """Every element that libvirt 9.0 passes on."""
    def entries(**values):
        return "".join(f"<entry name='{k}'>{v}</entry>"
                       for k, v in values.items())
    uuid = "c7a5fdbd-edaf-9455-926a-d65c16db1809"
    more = f"""<uuid>{uuid}</uuid><sysinfo type='smbios'>
<bios>{entries(vendor="LENOVO", version="6FET", date="10/04/2010", release="3.18")}</bios>
<system>{entries(manufacturer="Lab, Inc.", product="p", version="1", serial="s",
                 uuid=uuid, sku="k", family="f")}</system>
<baseBoard>{entries(manufacturer="m", product="p", version="1", serial="s",
                    asset="a", location="l")}</baseBoard>
<chassis>{entries(manufacturer="m", version="1", serial="s", asset="a", sku="k")}</chassis>
<oemStrings><entry>app:one, two</entry><entry>three</entry></oemStrings></sysinfo>
<sysinfo type='fwcfg'><entry name='opt/com.example/name'>a value</entry></sysinfo>"""
    with Libvirtd() as lv:
        guest = lv.start_guest("one", more=more,
                               os_more="<smbios mode='sysinfo'/>")
        args = lv.last_command()
        for arg in ["type=0,vendor=LENOVO,version=6FET,date=10/04/2010,release=3.18",
                    "type=11,value=app:one,, two,value=three",
                    "name=opt/com.example/name,string=a value"]:
            assert arg in args, args
        equal(len([a for a in args if a == "-smbios"]), 5, "-smbios")
        equal(fw_cfg_file(guest, "opt/com.example/name"), "a value", "file")


def test_two_domains():
    with Libvirtd() as lv:
        lv.start_guest("one", devices=HOSTDEV)
        lv.start_guest("two")
        equal(sorted(lv.virsh("list", "--name").split()), ["one", "two"])
        message = lv.refused("create", lv.file(domain("3", devices=HOSTDEV)))
        assert "already in use" in message, message
        lv.virsh("destroy", "two")
        check_information(lv)


def test_contrib():
    """What contrib has is valid, with this emulator."""
    folder = pathlib.Path(__file__).resolve().parents[2] / "contrib/libvirt"
    files = sorted(folder.glob("*.xml"))
    assert files, folder
    with Libvirtd() as lv:
        for file in files:
            xml = re.sub("<emulator>.*</emulator>", "", file.read_text())
            lv.virsh("define", "--validate", lv.file(xml))


def kvm_runs_what_libvirt_starts():
    """The command line as it is, on the host's KVM; the guest's CPU halts."""
    with Libvirtd(guest_kvm=True) as lv:
        write_kernel(lv.dir / "kernel")
        xml = domain("one", devices=HOSTDEV, override=WORKERS).replace(
            "hvm</type>", f"hvm</type><kernel>{lv.dir}/kernel</kernel>")
        lv.virsh("define", lv.file(xml))
        lv.virsh("start", "one")
        check_information(lv)
        equal(lv.qmp("one", "query-kvm"), {"enabled": True, "present": True})
        for verb in ["suspend", "resume", "reset"]:
            lv.virsh(verb, "one")
        equal(lv.state("one"), "running (unpaused)", "state")
        lv.restart("one")
        stats = lv.qmp("one", "query-stats", target="vm")
        equal(stats[0]["provider"], "kvm", "provider")
        check_destroy(lv)


if KVM:
    test_kvm = kvm_runs_what_libvirt_starts


main(globals())
