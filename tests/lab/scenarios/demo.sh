# SPDX-License-Identifier: GPL-2.0-or-later
# about: shows a person the disk, its queues, the I/O and the worker threads (tests/lab/demo)
# limit: 240
# hidden: run by tests/lab/demo, in L1 or on a real host

QUEUES=4

# For the person; the runner passes these lines on.
tell() {
    echo "LAB-SAY $*"
}

# The command line as one would type it.
tell_command() {
    tell "command line:"
    # shellcheck disable=SC2046 # words
    set -- $(sed 's/-append \(.*\) -device/-append "\1" -device/' "$RUN/vm.cmd")
    line="   "
    for word in "$@"; do
        case $word in
        -*)
            if [ ${#line} -gt 60 ]; then
                tell "$line \\"
                line="       "
            fi
            ;;
        esac
        line="$line $word"
    done
    tell "$line"
}

# What the VMM's trace says about workers, as "worker ID TID" and "queue VQ ID" lines. The kernel names no
# thread; the VMM notes the one that is new.
trace_facts() {
    awk 'function value(key,   i) {
             for (i = 1; i <= NF; i++)
                 if (index($i, key "=") == 1)
                     return substr($i, length(key) + 2)
         }
         $1 == "vhost_worker_thread" { print "worker", value("worker_id"), value("tid") }
         $1 == "vhost_attach_vring_worker" && value("ret") == 0 { print "queue", value("vq"), value("worker_id") }
        ' "$RUN/vm.trace"
}

# The kernel thread vhost-<pid> of a kernel without worker calls.
legacy_worker() {
    grep -lx "vhost-$(vmm_pid vm)" /proc/[0-9]*/comm 2>/dev/null | head -n 1 | cut -d/ -f3
}

queue_role() {
    case $1 in
    0) echo control ;;
    1) echo event ;;
    *) echo "request $(($1 - 2))" ;;
    esac
}

# tell_thread VQ ID TID: a row from /proc, where the thread must be.
tell_thread() {
    local task run slices
    task=/proc/$(vmm_pid vm)/task/$3

    [ -d "$task" ] || task=/proc/$3
    read -r run _ slices < "$task/schedstat"
    tell "$(printf '%5s  %-9s  %6s  %6s  %-14s  %8s  %7s' "$1" "$(queue_role "$1")" "$2" "$3" \
        "$(cat "$task/comm")" "$((run / 1000000))" "$slices")"
}

tell_workers() {
    local vq=0 id tid

    trace_facts > "$RUN/facts"
    tell "$(printf '%5s  %-9s  %6s  %6s  %-14s  %8s  %7s' queue role worker TID name 'CPU ms' wakeups)"
    while [ "$vq" -lt $((QUEUES + 2)) ]; do
        # A queue that was never attached is with worker 0.
        id=$(awk -v vq="$vq" '$1 == "queue" && $2 == vq { id = $3 } END { print id + 0 }' "$RUN/facts")
        tid=$(awk -v id="$id" '$1 == "worker" && $2 == id { print $3 }' "$RUN/facts")
        # An older kernel has one thread, outside the process.
        [ "${tid:-0}" != 0 ] || tid=$(vmm_workers vm | cut -d' ' -f1 | head -n 1)
        [ -n "$tid" ] || tid=$(legacy_worker)
        tell_thread "$vq" "$id" "$tid"
        vq=$((vq + 1))
    done
    tell "$(vmm_worker_count vm) worker threads in /proc/$(vmm_pid vm)/task"
}

tell_disk() {
    tell "guest: disk $(grep '^GUEST-DISK' "$RUN/vm.log" | tr -d '\r' | cut -d' ' -f2-)," \
        "$(grep '^GUEST-MODEL' "$RUN/vm.log" | tr -d '\r' | tr -s ' ' | cut -d' ' -f2-)"
    tell "guest: CPU -> queue: $(grep '^GUEST-QUEUE' "$RUN/vm.log" | tr -d '\r' |
        sed 's/GUEST-QUEUE \([0-9]*\) cpus=\(.*\)/\2 -> \1,/' | tr '\n' ' ' | sed 's/, $//')"
}

# On a real host nothing is written unless asked for: the disk may hold something.
verbs() {
    if [ -n "$LAB_READ_ONLY" ]; then
        echo disk,model,queues,sum:8,serve
    else
        echo disk,model,queues,fill:8,sum:8,serve
    fi
}

tell_io() {
    if [ -n "$LAB_READ_ONLY" ]; then
        tell "guest: first 8 MiB read, sha256 $(guest_sum vm) (DEMO_WRITE=1 would write, too)"
        return
    fi
    tell "guest: 8 MiB of random data written by all CPUs, each through its own queue, and read back:"
    tell "       $(grep '^labio' "$RUN/vm.log" | tr -d '\r' | sed 's/labio: //')"
    tell "guest: sha256 $(guest_sum vm)"
    [ -n "$LAB_ON_HOST" ] || tell "host:  sha256 $(host_sum 8) of the LUN's backing file"
}

scenario() {
    [ -n "$LAB_ON_HOST" ] || target_make
    tell "=== worker_per_virtqueue=$LAB_DEMO"
    vmm_start vm 4 $QUEUES "worker_per_virtqueue=$LAB_DEMO" "$(verbs)"
    tell_command
    check "guest boots" guest_wait vm 90 GUEST-INIT || return
    tell "guest: kernel is up after $(guest_value vm GUEST-INIT uptime) s"
    check "guest finds the disk" guest_wait vm 90 'GUEST-DISK sd'
    check "guest's I/O is done" guest_wait vm 90 GUEST-READY
    tell_disk
    tell_io
    tell_workers
    if [ -z "$LAB_READ_ONLY$LAB_ON_HOST" ]; then
        check "sums agree" equal "$(guest_sum vm)" "$(host_sum 8)"
    fi
    guest_send vm poweroff
    check "poweroff ends the VMM" vmm_ends vm 45 0
}
