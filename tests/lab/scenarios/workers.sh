# SPDX-License-Identifier: GPL-2.0-or-later
# about: workers on the real kernel: 1,000 moves under checked I/O, mapping, affinity, names, kthread mode, thread limit
# lane: two
# cpus: 2
# needs: bench
# limit: 240
# only: ours

. "$LAB_HOME/bench.sh"

# The processors that each vhost thread of process $1 may run on, sorted: "0 0-1 1".
affinities() {
    for task in /proc/"$1"/task/*; do
        case $(cat "$task/comm" 2>/dev/null) in
        vhost-[0-9]* | disk0:*) sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status" ;;
        esac
    done | sort | tr '\n' ' ' | sed 's/ $//'
}

affinity_of_thread() {
    for task in /proc/"$(vmm_pid vm)"/task/*; do
        [ "$(cat "$task/comm")" != "$1" ] || sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status"
    done
}

thread_names() {
    cat /proc/"$(vmm_pid vm)"/task/*/comm | grep '^disk0:' | sort | tr '\n' ' ' | sed 's/ $//'
}

moves() {
    check "1,000 moves under checked I/O end well" \
        bench moves --queues 4 --depth 8 --workers 2 --rw verify --destroy-data --warmup 0 --seconds 1 --moves 1000
    check "1,000 were done" equal "$(bench_values moves moves | tail -n 1)" 1000
    check "nothing was lost and all data good" bench_good moves
    note "$(grep requests "$RUN/moves.log")"
}

# While it runs: what the threads are allowed is what the mapping says.
mapping() {
    bench mapped --queues 4 --depth 4 --warmup 0 --seconds 6 \
        --workers '[{"vqs":[0,2],"cpus":"0"},{"vqs":[1],"cpus":"1"},{"vqs":[3],"cpus":"0-1"}]' &
    job=$!
    wait_for 30 placed "0 0-1 1"
    check "mapping: threads may run where it says" placed "0 0-1 1"
    wait $job
    check "mapping: requests are good" bench_good mapped
    check "mapping: queues are served as it says" \
        equal "$(grep -o '"virtqueues": "[^"]*"' "$RUN/mapped.json" | cut -d'"' -f4 | tr '\n' ' ')" "0-2,4 3 5 "
}

placed() {
    pid=$(pidof vhost-scsi-bench)
    [ -n "$pid" ] && [ "$(affinities "$pid")" = "$1" ]
}

# The shipped program on the real device, without KVM: its monitor's commands.
live() {
    vmm_spawn vm "$(vmm_program)" -machine q35 -accel qtest -nodefaults -display none $QMP_OPTIONS -device \
        "{\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"wwpn\":\"$WWPN\",\"num_queues\":4,\"worker-names\":true,\"worker-cpus\":\"0\",\"workers\":2}"
    check "live: monitor answers" qmp_open vm
    check "live: threads are named after device and queues" equal "$(thread_names)" "disk0:0-2,4 disk0:3,5"
    check "live: root has no capability left" equal "$(vmm_capabilities vm)" 0000000000000000
    check "live: both on processor 0" equal "$(affinities "$(vmm_pid vm)")" "0 0"
    check "live: affinity is changed" qmp_do vhost-set-worker-affinity '"id":"disk0","worker-id":1,"cpus":"1"'
    check "live: and the thread knows" equal "$(affinity_of_thread disk0:3,5)" 1
    check "live: a new worker" qmp_do vhost-new-worker '"id":"disk0","cpus":"1"'
    check "live: gets a queue" qmp_do vhost-attach-vring-worker '"id":"disk0","virtqueue":5,"worker-id":2'
    check "live: names follow" equal "$(thread_names)" "disk0:0-2,4 disk0:3 disk0:5"
    check "live: a worker with a queue is not freed" qmp_refuses 'worker' vhost-free-worker '"id":"disk0","worker-id":2'
    check "live: the queue goes back" qmp_do vhost-attach-vring-worker '"id":"disk0","virtqueue":5,"worker-id":1'
    check "live: and the worker ends" qmp_do vhost-free-worker '"id":"disk0","worker-id":2'
    check "live: names follow again" equal "$(thread_names)" "disk0:0-2,4 disk0:3,5"
    check "live: nothing on standard error but the terminal" equal "$(messages vm | grep -cv redirected)" 0
    vmm_kill vm
}

# Under the user's limit of threads a hotplugged adapter shares what workers there are.
thread_limit() {
    chmod 666 /dev/vhost-scsi
    LABRUN="-u 1000 -p 9"
    vmm_spawn limited "$(vmm_program)" -machine q35 -accel qtest -nodefaults -display none $QMP_OPTIONS \
        -device pcie-root-port,id=pci.1
    LABRUN=
    check "limit: monitor answers" qmp_open limited
    check "limit: without worker-fallback the adapter is refused" qmp_refuses 'threads' device_add \
        "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.1\",\"wwpn\":\"$WWPN\",\"num_queues\":12,\"worker_per_virtqueue\":true"
    check "limit: with it it is taken" qmp_do device_add \
        "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.1\",\"wwpn\":\"$WWPN\",\"num_queues\":12,\"worker_per_virtqueue\":true,\"worker-fallback\":\"share\""
    count=$(vmm_worker_count limited)
    note "$count workers for 12 queues"
    check "limit: with fewer workers than queues" test "$count" -ge 2 -a "$count" -le 8
    qmp_do query-vhost-workers
    check "limit: the monitor tells why" has_text "$QMP_ANSWER" 'could not be made'
    vmm_kill limited
    chmod 600 /dev/vhost-scsi
}

has_text() {
    echo "$1" | grep -q -- "$2" && return
    note "no '$2' in: $1"
    return 1
}

# vhost's modules with other parameters.
reload() {
    target_remove
    rmmod vhost_scsi
    rmmod vhost
    insmod /modules/vhost.ko $1
    insmod /modules/vhost_scsi.ko $(module_options vhost_scsi.ko)
    target_make
}

kthreads() {
    reload fork_from_owner_default=N
    check "kthread mode: one worker serves all" bench kthread --queues 2 --warmup 0 --seconds 1
    check "kthread mode: which is no thread of the process" equal "$(bench_values kthread tid | wc -l)" 0
    check "kthread mode: a device that wants several asks for threads" \
        bench task --queues 2 --workers per-virtqueue --warmup 0 --seconds 1
    check "kthread mode: and has them" equal "$(bench_values task tid | wc -l)" 2
    reload
}

scenario() {
    target_make
    moves
    mapping
    live
    thread_limit
    kthreads
}
