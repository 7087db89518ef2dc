# SPDX-License-Identifier: GPL-2.0-or-later
# about: 4 vCPUs write and read through 4 queues; 4 vhost threads with worker_per_virtqueue=on, 1 without
# limit: 240

QUEUES=4

workers_expected() {
    if is_ours && [ "$1" = on ]; then
        echo "$QUEUES"
    else
        echo 1
    fi
}

# A worker that served requests was scheduled in more than a few times.
all_workers_used() {
    local idle=0

    for tid in $(vmm_workers "$1" | cut -d' ' -f1); do
        read -r run _ slices < "/proc/$(vmm_pid "$1")/task/$tid/schedstat"
        note "worker $tid ran $((run / 1000)) us in $slices slices"
        [ "$slices" -gt 10 ] || idle=$((idle + 1))
    done
    equal "$idle" 0
}

io_with() {
    vmm_start "$1" 4 $QUEUES "worker_per_virtqueue=$1" disk,queues,fill:8,sum:8,serve
    check "[$1] guest is up" guest_wait "$1" 90 GUEST-INIT
    check "[$1] guest finds its disk" guest_wait "$1" 90 "GUEST-DISK sda bytes=$DISK_BYTES queues=$QUEUES"
    check "[$1] guest's I/O is done" guest_wait "$1" 90 GUEST-READY
    check "[$1] data written through all CPUs read back" guest_says "$1" 'labio: .* 4 cpus, data good'
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum "$1")" "$(host_sum 8)"
    check "[$1] exactly $(workers_expected "$1") vhost threads" \
        equal "$(vmm_worker_count "$1")" "$(workers_expected "$1")"
    check "[$1] every worker did work" all_workers_used "$1"
    check "[$1] no kick left the kernel" no_slow_notify "$1"
    check "[$1] nothing on standard error" no_messages "$1"
    guest_do "$1" 60 dmesg
    check "[$1] guest's kernel log is clean" equal "$(guest_count "$1" GUEST-DMESG)" 0
    guest_send "$1" poweroff
    check "[$1] poweroff ends the VMM with status 0" vmm_ends "$1" 45 0
}

scenario() {
    target_make
    io_with on
    io_with off
}
