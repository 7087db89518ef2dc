# SPDX-License-Identifier: GPL-2.0-or-later
# about: Debian's 6.1 kernel has no worker calls: one warning, one kernel worker, the same I/O
# kernel: 6.1
# limit: 240

warns_once() {
    is_ours || return 0
    equal "$(messages vm | wc -l)" 1 && messages vm | grep -Eiq 'warning.*(single|one|legacy) .*worker'
}

scenario() {
    target_make
    vmm_start vm 4 4 worker_per_virtqueue=on disk,queues,fill:8,sum:8,serve
    check "guest is up" guest_wait vm 90 GUEST-INIT
    check "guest finds its disk with four queues" guest_wait vm 90 "GUEST-DISK sda bytes=$DISK_BYTES queues=4"
    check "guest's I/O is done" guest_wait vm 90 GUEST-READY
    check "data written through all CPUs read back" guest_says vm 'labio: .* 4 cpus, data good'
    check "guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 8)"
    check "one kernel thread vhost-<pid> outside the process" equal "$(kernel_workers)" 1
    check "no worker thread inside the process" equal "$(vmm_worker_count vm)" 0
    check "exactly one warning, naming the single worker" warns_once
    check "no kick left the kernel" no_slow_notify vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
