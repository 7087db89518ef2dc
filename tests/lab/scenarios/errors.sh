# SPDX-License-Identifier: GPL-2.0-or-later
# about: each start that must fail does so with one line and status 1; a start failure under the guest does not
# limit: 240
# only: ours

# name ; QUEUES of vhost-scsi-pci ; more device options ; options of labrun ; the message (extended regex).
# A case NAME may have functions before_NAME and after_NAME.
table() {
    cat <<'END'
no_target      ; 1  ;               ;         ; (no target 'naa\.|target 'naa[^']*' is missing).*targetcli
no_nexus       ; 1  ;               ;         ; target 'naa[^']*' has no nexus
absent         ; 1  ;               ;         ; /dev/vhost-scsi.*modprobe vhost_scsi
denied         ; 1  ;               ; -u 1000 ; not permitted.*/dev/vhost-scsi
kvm_absent     ; 1  ;               ;         ; /dev/kvm.*does not exist
kvm_denied     ; 1  ;               ; -u 1000 ; /dev/kvm.*not permitted
not_vhost      ; 1  ; vhostfd=9     ; -f 9=/dev/null ; vhostfd.*is not a vhost-scsi device
not_scsi       ; 1  ; vhostfd=9     ; -f 9=/dev/kvm  ; vhostfd.*is not a vhost-scsi device
fd_closed      ; 1  ; vhostfd=99    ;         ; vhostfd.*99 is not open
too_many       ; 17 ;               ;         ; num_queues=17.*16.*max_io_vqs
kthread_mode   ; 4  ; worker_per_virtqueue=on,vhost-thread-mode=kthread ; ; vhost-thread-mode' cannot be 'kthread' with several workers
END
}

# vhost's modules again, with other parameters: reload "VHOST OPTIONS"
reload() {
    rmmod vhost_scsi
    rmmod vhost
    insmod /modules/vhost.ko $1
    insmod /modules/vhost_scsi.ko $(module_options vhost_scsi.ko)
}

before_no_target() { target_remove; }
before_no_nexus() { target_make no-nexus; }
after_no_nexus() { target_remove; target_make; }
before_absent() { target_remove; rmmod vhost_scsi; }
after_absent() { insmod /modules/vhost_scsi.ko $(module_options vhost_scsi.ko); target_make; }
before_denied() { chmod 600 /dev/vhost-scsi; }
before_kvm_absent() { mv /dev/kvm /dev/kvm.away; }
after_kvm_absent() { mv /dev/kvm.away /dev/kvm; }
before_kvm_denied() { chmod 600 /dev/kvm; chmod 666 /dev/vhost-scsi; }
after_kvm_denied() { chmod 666 /dev/kvm; chmod 600 /dev/vhost-scsi; }
before_kthread_mode() { target_remove; reload fork_from_owner_default=N; target_make; }
after_kthread_mode() { target_remove; reload; target_make; }

hook() {
    ! type "$1" > /dev/null 2>&1 || "$1"
}

said() {
    messages "$1" | grep -Eq -- "$2" && return
    note "$1 said: $(messages "$1")"
    return 1
}

# What holds for every start that fails: failed_well NAME REGEX
failed_well() {
    check "$1: status 1" vmm_ends "$1" 45 1
    check "$1: one line" equal "$(messages "$1" | wc -l)" 1
    check "$1: says /$2/" said "$1" "$2"
    vmm_kill "$1"
    check "$1: no vhost worker left" equal "$(kernel_workers)" 0
}

run_case() {
    hook "before_$1"
    LABRUN=$4 vmm_start "$1" 1 "$2" "$3" disk,serve -pidfile "$RUN/$1.pidfile"
    failed_well "$1" "$5"
    hook "after_$1"
}

trim() {
    echo "$1" | sed 's/^ *//; s/ *$//'
}

run_table() {
    table > "$RUN/table"
    while IFS=';' read -r name queues device labrun regex; do
        run_case "$(trim "$name")" "$(trim "$queues")" "$(trim "$device")" "$(trim "$labrun")" "$(trim "$regex")"
    done < "$RUN/table"
}

ended_or_realized() {
    vmm_gone "$1" || grep -q vhost_scsi_clear_endpoint "$RUN/$1.trace"
}

# RLIMIT_NPROC hides behind ENOMEM. How many threads the VMM has by then is its own business, so the limit
# rises until the start succeeds; on the way the worker's message must have been seen.
thread_limit() {
    local limit=1 seen=0

    chmod 666 /dev/vhost-scsi
    while [ "$limit" -le 16 ]; do
        LABRUN="-u 1000 -p $limit" vmm_start "nproc$limit" 1 4 worker_per_virtqueue=on disk,serve
        # After the device come the vCPU and control threads, which may fail as well.
        wait_for 60 ended_or_realized "nproc$limit"
        if ! wait_for 3 vmm_gone "nproc$limit"; then
            # Enough for us; KVM has a thread of its own to make when the vCPU first runs.
            check "RLIMIT_NPROC=$limit: the vCPU says that it cannot go on" \
                wait_for 30 said "nproc$limit" 'vCPU 0 cannot go on'
            vmm_kill "nproc$limit"
            break
        fi
        check "RLIMIT_NPROC=$limit: status 1 and one line" \
            equal "$(cat "$RUN/nproc$limit.rc") $(messages "nproc$limit" | wc -l)" "1 1"
        ! messages "nproc$limit" | grep -Eq "VHOST_NEW_WORKER.*thread limits|the user's limit is.*ulimit -u" || seen=$((seen + 1))
        limit=$((limit + 1))
    done
    chmod 600 /dev/vhost-scsi
    check "RLIMIT_NPROC: a worker that cannot be made names the thread limits" test "$seen" -ge 1
    check "RLIMIT_NPROC=$limit is enough" test "$limit" -gt 1 -a "$limit" -le 16
}

# Workers that share the threads there may be leave the machine those that it needs.
shared_limit() {
    local count

    chmod 666 /dev/vhost-scsi
    LABRUN="-u 1000 -p 14" vmm_start shared 2 12 worker_per_virtqueue=on,worker-fallback=share disk,serve
    check "worker-fallback=share: the guest is up" guest_wait shared 90 GUEST-READY
    count=$(vmm_worker_count shared)
    note "$count workers of 12 under RLIMIT_NPROC=14: $(messages shared)"
    check "worker-fallback=share: with some of the workers" test "$count" -gt 2 -a "$count" -lt 12
    vmm_kill shared
    chmod 600 /dev/vhost-scsi
}

# The target goes away between the VMM's start and the driver's: the guest sees NEEDS_RESET, the VMM lives, and
# once the target is back a rebind of the driver works.
start_failure() {
    EXTRA_APPEND="lab.late=1 scsi_mod.scan=manual"
    vmm_start vm 1 2 worker_per_virtqueue=on serve
    EXTRA_APPEND=
    check "guest is up" guest_wait vm 90 GUEST-READY
    target_remove
    guest_do vm 60 load
    guest_do vm 60 status
    check "start failure: the guest sees NEEDS_RESET" guest_says vm '^GUEST-STATUS 0x0*[4-7c-f][0-9a-f]'
    check "start failure: the VMM lives" vmm_alive vm
    check "start failure: one line" equal "$(messages vm | wc -l)" 1
    check "start failure: names the target" said vm "$WWPN"
    target_make
    guest_do vm 60 unbind
    guest_do vm 60 bind
    guest_do vm 60 scan
    check "after the target is back, a rebind finds the disk" guest_do vm 60 disk
    check "and its I/O is good" guest_do vm 60 fill 1
    check "and no further line was written" equal "$(messages vm | wc -l)" 1
}

in_use() {
    vmm_start in_use 1 1 '' disk,serve
    failed_well in_use "target 'naa[^']*' is in use"
    check "in_use: the first VMM goes on" guest_do vm 60 fill 1
}

scenario() {
    target_make
    run_table
    thread_limit
    shared_limit
    start_failure
    in_use
    vmm_kill vm
}
