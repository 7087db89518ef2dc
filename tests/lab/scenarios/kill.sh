# SPDX-License-Identifier: GPL-2.0-or-later
# about: SIGKILL of the VMM under I/O; the target can be used again at once
# lane: b
# limit: 240

scenario() {
    target_make
    vmm_start first 2 2 worker_per_virtqueue=on disk,serve
    check "guest is up" guest_wait first 90 GUEST-READY
    guest_send first stress 60
    sleep 2
    kill -9 "$(vmm_pid first)"
    check "SIGKILL ends it" vmm_ends first 45 137
    check "no vhost worker survives" wait_for 30 no_worker_anywhere
    vmm_start second 2 2 worker_per_virtqueue=on disk,fill:2,sum:2,serve
    check "a second VMM has the target" guest_wait second 90 GUEST-READY
    check "its data are good" guest_says second 'labio: .* data good'
    check "guest and backing file have the same sum" equal "$(guest_sum second)" "$(host_sum 2)"
    check "nothing on standard error" no_messages second
    vmm_kill second
}
