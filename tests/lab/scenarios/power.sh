# SPDX-License-Identifier: GPL-2.0-or-later
# about: -no-reboot, -pidfile, SIGTERM before and while the guest runs
# lane: d
# limit: 240

# Until it catches (or blocks, for a signalfd) SIGTERM, a VMM is still loading, and dies of it as any program.
takes_sigterm() {
    local set

    for set in $(sed -n 's/^Sig\(Cgt\|Blk\):.*\(....\)$/\2/p' "/proc/$(vmm_pid "$1")/status"); do
        [ $((0x$set & 0x4000)) = 0 ] || return 0
    done
    return 1
}

scenario() {
    target_make
    vmm_start vm 1 1 '' disk,serve -no-reboot -pidfile "$RUN/vm.pidfile"
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "-pidfile holds the process id" equal "$(cat "$RUN/vm.pidfile")" "$(vmm_pid vm)"
    guest_send vm reboot
    check "-no-reboot: a guest's reboot ends the VMM with status 0" vmm_ends vm 45 0
    check "-no-reboot: the guest booted once" equal "$(guest_count vm GUEST-INIT)" 1
    check "-pidfile is removed" test ! -e "$RUN/vm.pidfile"

    vmm_start early 1 1 '' disk,serve
    wait_for 30 takes_sigterm early
    sleep 1
    kill -TERM "$(vmm_pid early)"
    check "SIGTERM while the guest starts ends the VMM with status 0" vmm_ends early 45 0

    vmm_start int 1 1 '' disk,serve -S
    wait_for 30 takes_sigterm int
    sleep 1
    check "-S: no guest code runs" equal "$(guest_count int .)" 0
    kill -INT "$(vmm_pid int)"
    check "SIGINT ends a VMM stopped by -S with status 0" vmm_ends int 45 0
}
