#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""device_add and device_del behind a pcie-root-port whose slot the test drives
as a guest's hotplug driver would.
usage: hotplug.py BINARY [TEST...]"""

from qemu import WWPN, Machine, equal, main

PORT = 3          # slot of the port on pcie.0
ROUNDS = 100
ARGS = ("-device", f"pcie-root-port,id=pci.1,addr={PORT},slot=1")
NOTHING = 0xffffffff

# PCI Express 5.0, 7.5.3.10: enables of button, link and interrupt; indicators
# and power.
LISTEN = 0x1001 | 0x20 | 0xc0
ON, BLINK, OFF, CUT = 0x100, 0x200, 0x300, 0x400
BUTTON, PRESENCE_CHANGED, PRESENT, LINK_CHANGED = 1, 8, 0x40, 0x100


class Slot:
    """The port's slot from the guest's side."""

    def __init__(self, guest):
        self.guest = guest
        guest.config(PORT, 0x18, 0x00010100)  # buses 0, 1, 1
        cap = guest.config(PORT, 0x34) & 0xff
        while guest.config(PORT, cap) & 0xff != 0x10:
            cap = guest.config(PORT, cap) >> 8 & 0xff
        self.register = cap + 0x18

    def control(self, value):
        """Clears the events too."""
        self.guest.config(PORT, self.register, 0xffff0000 | LISTEN | value)

    def status(self):
        return self.guest.config(PORT, self.register) >> 16

    def function(self, fn=0):
        """Vendor and device behind the port."""
        self.guest.do(f"outl 0xcf8 {0x80010000 | fn << 8:#x}")
        return self.guest.do("inl 0xcfc")

    def power_on(self):
        self.control(BLINK)
        self.control(ON)

    def power_off(self):
        self.control(BLINK)
        self.control(BLINK | CUT)
        self.control(OFF | CUT)


def machine(*args, **options):
    return Machine(*ARGS, *args, fake=options.pop("fake", ""), guest=True,
                   **options)


def try_add(qmp, ident="disk", **more):
    return qmp.execute("device_add", {
        "driver": "vhost-scsi-pci", "bus": "pci.1", "id": ident,
        "wwpn": WWPN, **more})


def add(qmp, ident="disk", **more):
    answer = try_add(qmp, ident, **more)
    assert "return" in answer, answer
    return answer["return"]


def deleted(qmp):
    return qmp.event("DEVICE_DELETED")["data"]


def assert_deleted(qmp, ident="disk"):
    path = f"/machine/peripheral/{ident}"
    equal(deleted(qmp), {"path": f"{path}/virtio-backend"})
    equal(deleted(qmp), {"path": path, "device": ident})


def test_device_comes_and_goes_with_the_guest():
    with machine() as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        equal(add(qmp), {})
        equal(slot.status(), PRESENT | PRESENCE_CHANGED | LINK_CHANGED)
        equal(slot.function(), NOTHING)
        slot.power_on()
        equal(slot.function(), 0x10481af4)
        equal(qmp.cmd("device_del", id="disk"), {})
        equal(slot.status(), PRESENT | BUTTON)
        equal(slot.function(), 0x10481af4)
        slot.power_off()
        assert_deleted(qmp)
        equal(slot.function(), NOTHING)
        equal(slot.status() & PRESENT, 0)


def test_requests_that_are_refused():
    with machine() as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        e = qmp.error("device_del", id="disk")
        equal((e.cls, e.desc), ("DeviceNotFound", "Device 'disk' not found"))
        equal(qmp.error("device_del", id="pci.1").desc,
              "Bus 'pcie.0' does not support hotplugging")
        e = qmp.error("device_add", driver="vhost-scsi-pci", wwpn=WWPN)
        equal((e.cls, e.desc), ("GenericError",
                                "Bus 'pcie.0' does not support hotplugging"))
        equal(qmp.error("device_add", driver="pcie-root-port",
                        chassis=2).desc,
              "Bus 'pcie.0' does not support hotplugging")
        add(qmp)
        slot.power_on()
        other = {"driver": "vhost-scsi-pci", "bus": "pci.1",
                 "wwpn": WWPN[:-1] + "1"}
        equal(qmp.error("device_add", id="disk", **other).desc,
              "Duplicate device ID 'disk'")
        qmp.cmd("device_del", id="/machine/peripheral/disk")
        equal(qmp.error("device_del", id="disk").desc,
              "Device disk is already in the process of unplug")
        slot.control(BLINK)
        slot.control(ON)
        equal(qmp.event("DEVICE_UNPLUG_GUEST_ERROR")["data"],
              {"device": "disk", "path": "/machine/peripheral/disk"})


def test_full_slot_takes_no_other():
    with machine(fake=f"target={WWPN},target={WWPN[:-1]}1") as m:
        qmp = m.qmp()
        add(qmp)
        e = qmp.error("device_add", driver="vhost-scsi-pci", bus="pci.1",
                      wwpn=WWPN[:-1] + "1")
        assert "slot 0 of bus 'pci.1' is taken by 'disk'" in e.desc, e.desc


def test_device_goes_at_once_before_the_start():
    with machine("-S") as m:
        qmp = m.qmp()
        add(qmp)
        qmp.cmd("device_del", id="disk")
        assert_deleted(qmp)
        add(qmp, "again")
        qmp.cmd("cont")
        equal(Slot(m.guest).function(), 0x10481af4)


def test_card_of_two_functions_goes_as_a_whole():
    with machine(fake=f"target={WWPN},target={WWPN[:-1]}1") as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        add(qmp, "one", addr="0.1", wwpn=WWPN[:-1] + "1")
        equal(slot.status(), 0)
        add(qmp, "zero", addr="0", multifunction=True)
        equal(slot.status(), PRESENT | PRESENCE_CHANGED | LINK_CHANGED)
        slot.power_on()
        equal([slot.function(0), slot.function(1)], [0x10481af4] * 2)
        qmp.cmd("device_del", id="one")
        slot.power_off()
        assert_deleted(qmp, "zero")
        assert_deleted(qmp, "one")


def test_function_that_was_never_seen_goes_at_once():
    with machine() as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        add(qmp, "one", addr="0.1")
        qmp.cmd("device_del", id="one")
        assert_deleted(qmp, "one")
        equal(slot.status(), 0)


def test_rounds_leave_nothing():
    with machine() as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        counts = None
        for i in range(ROUNDS + 2):
            add(qmp, num_queues=4, worker_per_virtqueue=True)
            slot.power_on()
            equal(slot.function(), 0x10481af4)
            qmp.cmd("device_del", id="disk")
            slot.power_off()
            assert_deleted(qmp)
            qmp.cmd("query-status")
            if i == 1:
                counts = m.count("fd"), m.count("task")
        # A slow machine may have seen a deputy of the control thread.
        m.wait_for(lambda: (m.count("fd"), m.count("task")) == counts,
                   "threads and descriptors to be as before")


def test_machine_goes_on_while_the_target_hangs():
    with machine(fake="block=SCSI_SET_ENDPOINT", monitors=2) as m:
        qmp, other = m.qmp(), m.qmp(1)
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        qmp.send({"execute": "device_add", "arguments": {
            "driver": "vhost-scsi-pci", "bus": "pci.1", "id": "disk",
            "wwpn": WWPN}})
        m.fake("wait blocked 1")
        equal(other.cmd("query-status")["status"], "running")
        equal(other.error("device-list-properties", typename="x").cls,
              "DeviceNotFound")
        m.fake("release")
        equal(qmp.reply()["return"], {})
        slot.power_on()
        equal(slot.function(), 0x10481af4)


def test_bootindex_is_used_once():
    def shown(path, name):
        return qmp.cmd("qom-get", path=path, property=name)

    other = WWPN[:-1] + "1"
    disk = ("-device", f"vhost-scsi-pci,id=boot,wwpn={other},bootindex=3,"
                       "boot_lun=2")
    with machine(*disk, fake=f"target={WWPN},target={other}") as m:
        qmp = m.qmp()
        slot = Slot(m.guest)
        slot.control(OFF | CUT)
        path = "/machine/peripheral/boot"
        for at in (path, f"{path}/virtio-backend"):
            equal([shown(at, p) for p in
                   ("bootindex", "boot_tpgt", "boot_lun")], [3, 1, 2])
        equal(try_add(qmp, bootindex=3)["error"]["desc"],
              "The bootindex 3 has already been used by device 'boot': "
              "choose another")
        add(qmp, bootindex=-1)
        equal(shown("/machine/peripheral/disk", "bootindex"), -1)
        slot.power_on()
        qmp.cmd("device_del", id="disk")
        slot.power_off()
        assert_deleted(qmp)
        add(qmp, bootindex=4)


def test_add_that_fails_leaves_nothing():
    with machine(fake="fail=NEW_WORKER:2:ENOMEM") as m:
        qmp = m.qmp()
        before = m.count("fd"), m.count("task")
        e = try_add(qmp, num_queues=4, worker_per_virtqueue=True)["error"]
        assert "VHOST_NEW_WORKER failed" in e["desc"], e
        m.wait_for(lambda: (m.count("fd"), m.count("task")) == before,
                   "threads and descriptors to be as before")
        add(qmp)


if __name__ == "__main__":
    main(globals())
