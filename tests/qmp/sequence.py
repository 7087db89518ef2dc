#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sequences of what guest and clients do to the shipped program: several
adapters, hotplug, drivers, registers, resets, stop and continue, two monitors
and one for people, one after the other. Nothing is compared: the program
answers each, and ends at SIGTERM with status 0.

    SEQUENCE_STEPS=1000000 SEQUENCE_SEED=7 tests/qmp/sequence.py BINARY

usage: sequence.py BINARY [TEST...]"""

import os
import random

from qemu import Machine, equal, main

STEPS = int(os.environ.get("SEQUENCE_STEPS", "1000"))   # in all
LENGTH = 500                                            # of one sequence
SEED = int(os.environ.get("SEQUENCE_SEED", random.randrange(1 << 32)))
TARGETS = [f"naa.5001405bd1f6000{n}" for n in range(6)]
PORTS = 2               # root ports, in slots 8 and 9 of bus 0
FIRST_PORT = 8
BAR = 0xc0000000
PLACES = [(0, 2), (0, 3), (0, 4), (1, 0), (2, 0)]    # bus, slot
IO = (0x70, 0x71, 0x3f8, 0x3f9, 0x3fb, 0x3fc, 0x600, 0x602, 0x604, 0x608, 0xb2,
      0x505, 0xcf8, 0xcfc)
WORDS = ("", "on", "off", "disk", "h0", "h1", "pci.1", "\\", "%s%n", "\u00e9")
HMP = ("info status", "info pci", "info qtree", "info network", "info cpus",
       "help", "info vhost-workers", "device_del h0", "nonsense", "x")
ARGS = [
    "-smp", "2", "-m", "32", "-no-shutdown", "-action", "panic=none",
    "-device", f"pcie-root-port,id=p0,chassis=1,addr={FIRST_PORT}",
    "-device", f"pcie-root-port,id=p1,chassis=2,addr={FIRST_PORT + 1}",
    "-device", f"vhost-scsi-pci,id=d0,addr=2,wwpn={TARGETS[2]},num_queues=4,"
    "workers=2",
    "-device", f"vhost-scsi-pci,id=d1,addr=3,wwpn={TARGETS[3]},num_queues=2,"
    "workers=auto",
    "-device", "virtio-rng-pci,addr=4", "-device", "pvpanic",
    "-device", "virtio-balloon-pci,addr=5",
]


class Sequence:
    def __init__(self, m, rand):
        self.m, self.rand = m, rand
        self.guest = m.guest
        self.monitors = [m.qmp(0), m.qmp(1)]

    # --- the guest ---

    def access(self):
        width = self.rand.choice("bwlq")
        address = BAR + self.rand.randrange(len(PLACES)) * 0x100000 + \
            self.rand.choice((0, 0x1000, 0x2000, 0x3000, 0x8000)) + \
            self.rand.randrange(0x40)
        if self.rand.random() < 0.5:
            self.guest.do(f"read{width} {address:#x}")
        else:
            size = {"b": 1, "w": 2, "l": 4, "q": 8}[width]
            value = self.rand.getrandbits(8 * size)
            self.guest.do(f"write{width} {address:#x} {value:#x}")

    def port(self):
        port, width = self.rand.choice(IO), self.rand.choice("bwl")
        if self.rand.random() < 0.5:
            self.guest.do(f"in{width} {port:#x}")
        else:
            value = self.rand.getrandbits({"b": 8, "w": 16, "l": 32}[width])
            self.guest.do(f"out{width} {port:#x} {value:#x}")

    def config(self):
        bus, slot = self.rand.choice(PLACES)
        offset = self.rand.randrange(0, 256, 4)
        value = self.rand.choice((None, 0, 0xffffffff,
                                  self.rand.getrandbits(32)))
        self.guest.config(slot, offset, value, bus=bus)

    def drive(self):
        """A driver's first steps; others may have been there."""
        where = self.rand.randrange(len(PLACES))
        bus, slot = PLACES[where]
        bar = BAR + where * 0x100000
        if bus:
            port = FIRST_PORT + bus - 1
            self.guest.config(port, 0x18, bus << 16 | bus << 8)
            self.guest.config(port, 0x20, bar >> 16 | bar)
            self.guest.config(port, 0x04, 0x6)
        self.guest.config(slot, 0x20, bar, bus=bus)
        self.guest.config(slot, 0x24, 0, bus=bus)
        self.guest.config(slot, 0x04, 0x6, bus=bus)
        for status in (0, 1, 3):
            self.guest.do(f"writeb {bar + 20:#x} {status}")
        for select, features in ((0, 0), (1, 1)):   # VIRTIO_F_VERSION_1
            self.guest.do(f"writel {bar + 8:#x} {select}")
            self.guest.do(f"writel {bar + 12:#x} {features}")
        self.guest.do(f"writeb {bar + 20:#x} 11")
        for queue in range(self.rand.randrange(6)):
            self.guest.do(f"writew {bar + 22:#x} {queue}")
            for offset in (32, 40, 48):
                ring = 0x100000 + 0x10000 * queue + 0x1000 * (offset - 32)
                self.guest.do(f"writel {bar + offset:#x} {ring:#x}")
                self.guest.do(f"writel {bar + offset + 4:#x} 0")
            self.guest.do(f"writew {bar + 28:#x} 1")
        self.guest.do(f"writeb {bar + 20:#x} 15")
        self.guest.do(f"writew {bar + 0x3000:#x} 0")

    def slot(self):
        """A root port's slot: on, off, or anything."""
        port = FIRST_PORT + self.rand.randrange(PORTS)
        cap = self.guest.config(port, 0x34) & 0xff
        while cap and self.guest.config(port, cap) & 0xff != 0x10:
            cap = self.guest.config(port, cap) >> 8 & 0xff
        if cap:
            self.guest.config(port, cap + 0x18, self.rand.choice(
                (0xffff1101, 0xffff1301, 0xffff1701,
                 self.rand.getrandbits(32))))

    def clock(self):
        self.guest.do(f"clock_step {self.rand.randrange(1 << 30)}")

    # --- clients ---

    def command(self):
        n = self.rand.randrange(PORTS)
        device = {"driver": "vhost-scsi-pci", "id": f"h{n}", "bus": f"p{n}",
                  "wwpn": self.rand.choice(TARGETS), "num_queues": 2,
                  "hotplug": True,
                  "workers": self.rand.choice((1, 2, "auto"))}
        name, args = self.rand.choice((
            ("device_add", device), ("device_del", {"id": f"h{n}"}),
            ("device_add", device), ("device_del", {"id": f"h{n}"}),
            ("stop", None), ("cont", None), ("cont", None),
            ("system_reset", None), ("system_powerdown", None),
            ("query-status", None), ("query-pci", None),
            ("query-vhost-workers", None), ("query-kvm", None),
            ("query-stats", {"target": "vm"}), ("query-chardev", None),
            ("vhost-new-worker", {"id": "d0", "cpus": "0"}),
            ("vhost-free-worker", {"id": "d0",
                                   "worker-id": self.rand.randrange(4)}),
            ("vhost-attach-vring-worker",
             {"id": "d0", "virtqueue": self.rand.randrange(7),
              "worker-id": self.rand.randrange(4)}),
            ("qom-list", {"path": "/machine/peripheral"}),
            ("balloon", {"value": self.rand.randrange(1 << 25)}),
            ("human-monitor-command",
             {"command-line": self.rand.choice(HMP)}),
            (self.rand.choice(WORDS), {self.rand.choice(WORDS): 1}),
        ))
        self.rand.choice(self.monitors).execute(name, args)

    def reconnect(self):
        n = self.rand.randrange(2)
        self.monitors[n].close()
        self.monitors[n] = self.m.qmp(n)

    def reset(self):
        self.guest.do("outb 0xcf9 0x6")

    def run(self, steps):
        for _ in range(steps):
            self.rand.choices(
                (self.access, self.port, self.config, self.drive, self.slot,
                 self.clock, self.command, self.reconnect, self.reset),
                (30, 10, 10, 10, 8, 3, 30, 1, 1))[0]()


def test_random_sequences():
    fake = ",".join(f"target={t}" for t in TARGETS)
    print(f"# seed {SEED}", flush=True)
    for n in range(max(STEPS // LENGTH, 1)):
        rand = random.Random(SEED + n)
        with Machine(*ARGS, monitors=2, guest=True, fake=fake) as m:
            s = Sequence(m, rand)
            s.run(LENGTH)
            for monitor in s.monitors:
                equal(monitor.cmd("query-name"), {}, f"sequence {n}")


if __name__ == "__main__":
    main(globals())
