# SPDX-License-Identifier: GPL-2.0-or-later
# about: guest reboots twice; disk and data are there each time, same workers, no thread or fd leaked
# lane: d
# limit: 240

# What must not change over a reboot.
snapshot() {
    echo "workers: $(vmm_workers vm | cut -d' ' -f1 | sort -n | tr '\n' ' ')"
    echo "threads: $(vmm_threads vm)"
    echo "fds: $(vmm_fds vm)"
}

unchanged() {
    equal "$(snapshot | tr '\n' ' ')" "$(tr '\n' ' ' < "$RUN/before")"
}

scenario() {
    target_make
    vmm_start vm 2 2 worker_per_virtqueue=on disk,sum:2,serve
    check "first boot" guest_wait vm 90 GUEST-READY
    check "guest writes" guest_do vm 60 fill 2
    settled snapshot > "$RUN/before"
    note "$(tr '\n' ' ' < "$RUN/before")"
    sum=$(host_sum 2)
    for boot in 2 3; do
        guest_send vm reboot
        check "boot $boot: the guest comes back" guest_wait vm 90 GUEST-READY $boot
        check "boot $boot: disk found" equal "$(guest_count vm 'GUEST-DISK sda')" $boot
        check "boot $boot: data persist" equal "$(guest_sum vm)" "$sum"
        check "boot $boot: same workers, threads, file descriptors" wait_for 30 unchanged
    done
    check "guest writes after two reboots" guest_do vm 60 fill 2
    check "no kick left the kernel" no_slow_notify vm
    check "nothing on standard error" no_messages vm
    kill -TERM "$(vmm_pid vm)"
    check "SIGTERM ends the VMM with status 0" vmm_ends vm 45 0
}
