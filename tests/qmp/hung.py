# SPDX-License-Identifier: GPL-2.0-or-later
"""For tests in which the host's kernel hangs: what hangs, and who must go on.
No test takes time: what hangs is let go only when the others were served."""

PORT = "pcie-root-port,id=port,chassis=1,addr=4"


def hang(m, call):
    """From now on the call waits in the kernel."""
    m.fake(f"block {call}")


def others_answer(clients):
    """Every command that needs no kernel, on all the other monitors."""
    for qmp in clients:
        for name in ("query-status", "query-pci", "query-chardev",
                     "query-cpus-fast", "x-query-virtio", "query-fdsets"):
            qmp.cmd(name)
        assert "VM status" in qmp.hmp("info status")


def devices(qmp):
    return {d["name"] for d in qmp.cmd("qom-list", path="/machine/peripheral")
            if d["type"].startswith("child<")}
