# SPDX-License-Identifier: GPL-2.0-or-later
# about: the guest resets the device (driver unbind, bind) for 30 s under checked I/O; nothing grows
# limit: 240

SECONDS_OF_STRESS=30

counts() {
    echo "$(vmm_threads vm) threads, $(vmm_worker_count vm) workers, $(vmm_fds vm) fds"
}

as_before() {
    equal "$(counts)" "$before"
}

scenario() {
    target_make
    vmm_start vm 2 2 worker_per_virtqueue=on disk,fill:1,serve
    check "guest is up" guest_wait vm 90 GUEST-READY
    before=$(settled counts)
    check "data stay good over $SECONDS_OF_STRESS s of resets" \
        guest_do vm $((SECONDS_OF_STRESS + 40)) resets $SECONDS_OF_STRESS
    note "$(grep '^labio' "$RUN/vm.log" | tail -n 1 | tr -d '\r')"
    resets=$(grep '^GUEST-RESETS' "$RUN/vm.log" | tr -dc '0-9')
    note "${resets:-0} resets"
    check "at least five resets were done" test "${resets:-0}" -ge 5
    check "threads and file descriptors as before" wait_for 30 as_before
    check "the disk works" guest_do vm 60 fill 1
    check "no kick left the kernel" no_slow_notify vm
    check "nothing on standard error" no_messages vm
    vmm_kill vm
}
