# SPDX-License-Identifier: GPL-2.0-or-later
# about: requests of the largest size that a guest is invited to, aligned and not, are served; of one beyond it the kernel drops, and all hear of it
# lane: c
# limit: 500

# sizes NAME KIB: at the limit, as one request each, and above it, which the guest cuts. Memory that does not begin at a
# sector the kernel copies, and warns of it once by a backtrace, so that this is not tried here.
sizes() {
    for offset in 0 512 3584; do
        check "[$1] $2 KiB at offset $offset are served" guest_do "$1" 60 large "$2 $offset"
        check "[$1] as one request each way" guest_says "$1" "labio: large $2 KiB at $offset: good, writes=1 reads=1"
        for more in 4 $(($2 + 8)); do
            check "[$1] $(($2 + more)) KiB at offset $offset" guest_do "$1" 60 large "$(($2 + more)) $offset"
        done
    done
}

# invited NAME KIB SEGMENTS OPTIONS
invited() {
    vmm_start "$1" 2 2 "$4" disk,serve
    check "[$1] guest is up" guest_wait "$1" 90 GUEST-READY
    guest_do "$1" 30 limit
    check "[$1] limits" equal "$(guest_value "$1" GUEST-LIMIT kib) $(guest_value "$1" GUEST-LIMIT segments)" "$2 $3"
    sizes "$1" "$2"
    guest_do "$1" 60 dmesg
    check "[$1] guest's kernel log is clean" equal "$(guest_count "$1" GUEST-DMESG)" 0
    check "[$1] nothing on standard error" no_messages "$1"
    guest_send "$1" poweroff
    check "[$1] poweroff ends the VMM with status 0" vmm_ends "$1" 45 0
}

# More than the default: 8188 KiB have 2047 pages; 12 MiB have 3072.
beyond() {
    vmm_start beyond 2 2 virtqueue_size=256,max_sectors=65535 disk,serve $QMP_OPTIONS
    check "[beyond] guest is up" guest_wait beyond 90 GUEST-READY
    check "[beyond] monitor answers" qmp_open beyond
    check "[beyond] the limit is warned of" grep -q 'max_sectors=65535 lets the guest send requests that the kernel drops' "$RUN/beyond.err"
    guest_do beyond 30 limit
    check "[beyond] 8188 KiB fit" guest_do beyond 60 large "8188 0"
    guest_do beyond 30 lose 12288
    check "[beyond] 12 MiB do not: event" qmp_wait 60 1 '"VHOST_DEVICE_FAILED".*"VHOST_SET_VRING_ERR"'
    check "[beyond] message" wait_for 10 grep -q 'dropped a request .*; the device needs a reset by the guest' "$RUN/beyond.err"
    check "[beyond] other requests go on" guest_do beyond 60 large "64 512"
    check "[beyond] system_reset" qmp_do system_reset
    check "[beyond] the guest is back" guest_wait beyond 90 GUEST-READY 2
    check "[beyond] with its I/O" guest_do beyond 60 fill 2
    guest_send beyond poweroff
    check "[beyond] poweroff ends the VMM with status 0" vmm_ends beyond 45 0
}

scenario() {
    target_make
    invited default 7184 126 worker_per_virtqueue=on
    invited ring256 6160 254 virtqueue_size=256
    beyond
}
