# SPDX-License-Identifier: GPL-2.0-or-later
# about: I/O without MSI-X (vectors=0, INTx through the IOAPIC), with page-per-vq=on, and with modern-pio-notify=on
# lane: b
# limit: 400

io_with() {
    vmm_start "$1" 2 2 "worker_per_virtqueue=on,$1" disk,queues,fill:2,sum:2,serve
    check "[$1] guest's I/O is done" guest_wait "$1" 90 GUEST-READY
    check "[$1] data written through all CPUs read back" guest_says "$1" 'labio: .* 2 cpus, data good'
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum "$1")" "$(host_sum 2)"
    check "[$1] no kick left the kernel" no_slow_notify "$1"
    check "[$1] nothing on standard error" no_messages "$1"
    guest_send "$1" poweroff
    check "[$1] poweroff ends the VMM with status 0" vmm_ends "$1" 45 0
}

scenario() {
    target_make
    io_with vectors=0
    io_with page-per-vq=on
    io_with modern-pio-notify=on
    EARLY_DEVICES="-device pcie-root-port,id=pci.1"
    io_with modern-pio-notify=on,bus=pci.1
}
