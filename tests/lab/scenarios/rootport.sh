# SPDX-License-Identifier: GPL-2.0-or-later
# about: behind a pcie-root-port the guest finds its disk, by MSI-X and (vectors=0) by the swizzled INTx; pciehp has the slots; without bus mastering I/O waits
# lane: c
# limit: 240

# The last that the kernel was told of the target: set_endpoint, or clear_endpoint if it serves nothing.
endpoint() {
    grep -oE '(set|clear)_endpoint' "$RUN/$1.trace" | tail -n 1
}

# While the guest writes and reads, its adapter may not.
bus_master() {
    guest_do "$1" 30 storm 1000
    check "[$1] bus mastering goes" guest_do "$1" 30 master 0
    check "[$1] nothing is served" equal "$(endpoint "$1")" clear_endpoint
    check "[$1] bus mastering comes back" guest_do "$1" 30 master 1
    check "[$1] the back end goes on" equal "$(endpoint "$1")" set_endpoint
    guest_do "$1" 60 sum 2
    check "[$1] the I/O went on without a fault" guest_do "$1" 60 calm
    check "[$1] its data are good" guest_says "$1" 'labio: .* 0 faults, 2 cpus, data good'
}

behind_port() {
    vmm_start "$1" 2 2 "bus=pci.3,worker_per_virtqueue=on,$1" disk,queues,pci,fill:2,sum:2,serve
    check "[$1] guest's I/O is done" guest_wait "$1" 90 GUEST-READY
    check "[$1] the adapter is at 00:04.1/02:00.0, with its interrupts" guest_says "$1" "GUEST-PCI path=0000:00:04.1/0000:02:00.0 msix=$2"
    check "[$1] pciehp has the full slot" guest_says "$1" 'GUEST-SLOT 13 address=0000:02:00 power=1'
    check "[$1] pciehp has the empty slots" equal "$(guest_count "$1" '^GUEST-SLOT .* power=0')" 2
    check "[$1] data written through all CPUs read back" guest_says "$1" 'labio: .* 2 cpus, data good'
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum "$1")" "$(host_sum 2)"
    bus_master "$1"
    check "[$1] no kick left the kernel" no_slow_notify "$1"
    check "[$1] nothing on standard error" no_messages "$1"
    guest_send "$1" poweroff
    check "[$1] poweroff ends the VMM with status 0" vmm_ends "$1" 45 0
}

scenario() {
    target_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.2,bus=pcie.0,chassis=1,slot=12,addr=4.0,multifunction=on \
        -device pcie-root-port,id=pci.3,bus=pcie.0,chassis=2,slot=13,addr=4.1 \
        -device pcie-root-port,id=pci.4,bus=pcie.0,chassis=3,slot=14,addr=6"
    behind_port vectors=5 5
    behind_port vectors=0 0
}
