# SPDX-License-Identifier: GPL-2.0-or-later
# about: 4 vCPUs write and read through 4 queues; 4 vhost threads with worker_per_virtqueue=on, 1 without; a request costs no exit to the VMM
# limit: 240

QUEUES=4
READS=2000

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

# EXITS: what KVM has counted of vCPUs that left the guest for a port or a register, as the monitor tells it.
exits() {
    qmp_do query-stats '"target":"vcpu","providers":[{"provider":"kvm","names":["io_exits","mmio_exits"]}]' || return
    EXITS=$(echo "$QMP_ANSWER" | grep -o '"value": *[0-9]*' | awk '{ sum += $NF } END { print NR == 8 ? sum : "" }')
    [ -n "$EXITS" ]
}

# The same commands to the letter but for the count of reads, since the console costs exits too.
requests_without_exit() {
    local start idle extra

    guest_do "$1" 60 bench 0000 && exits || return
    start=$EXITS
    guest_do "$1" 60 bench 0000 && exits || return
    idle=$EXITS
    guest_do "$1" 60 bench $READS && exits || return
    extra=$((EXITS - idle - (idle - start)))
    note "[$1] $READS reads: $extra exits more than by none ($start, $idle, $EXITS in all)"
    [ "$extra" -lt $((READS / 100)) ]
}

io_with() {
    vmm_start "$1" 4 $QUEUES "worker_per_virtqueue=$1" disk,queues,fill:8,sum:8,serve $QMP_OPTIONS
    check "[$1] guest is up" guest_wait "$1" 90 GUEST-INIT
    check "[$1] guest finds its disk" guest_wait "$1" 90 "GUEST-DISK sda bytes=$DISK_BYTES queues=$QUEUES"
    check "[$1] guest's I/O is done" guest_wait "$1" 90 GUEST-READY
    check "[$1] data written through all CPUs read back" guest_says "$1" 'labio: .* 4 cpus, data good'
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum "$1")" "$(host_sum 8)"
    check "[$1] exactly $(workers_expected "$1") vhost threads" \
        equal "$(vmm_worker_count "$1")" "$(workers_expected "$1")"
    check "[$1] every worker did work" all_workers_used "$1"
    check "[$1] monitor answers" qmp_open "$1"
    check "[$1] a request costs no exit to the VMM" requests_without_exit "$1"
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
