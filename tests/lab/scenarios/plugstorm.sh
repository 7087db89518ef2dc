# SPDX-License-Identifier: GPL-2.0-or-later
# about: 100 adapters are plugged and unplugged through 20 root ports while the guest does checked I/O on another; nothing grows
# lane: b
# limit: 900
# long: long

PORTS=20
ROUNDS=5
SETTLED=1  # rounds after which the VMM's memory is to stay
GROWTH=128 # KiB that it may move from then on

ports() {
    seq "$PORTS"
}

# The further disks' sums in one, as the guest's verb "sums" makes it.
disks_sum() {
    for n in $(ports); do
        host_sum 1 "$n"
    done | sort | sha256sum | cut -d' ' -f1
}

# add_all ROUND
add_all() {
    for n in $(ports); do
        qmp device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk$n\",\"bus\":\"port$n\",\"wwpn\":\"$(target_wwpn "$n")\",
            \"num_queues\":2,\"worker_per_virtqueue\":true"
    done
    check "[$1] the guest finds $PORTS disks more" guest_do vm 180 disks "$((PORTS + 1)) 120"
    check "[$1] a worker for each queue" equal "$(vmm_worker_count vm)" $((2 * PORTS + 2))
    guest_do vm 120 sums 1
    check "[$1] each is the right one" equal "$(guest_sum vm)" "$(cat "$RUN/disks.sum")"
}

# delete_all ROUND
delete_all() {
    for n in $(ports); do
        qmp device_del "\"id\":\"disk$n\""
    done
    check "[$1] the guest lets all go" qmp_wait 180 $(($1 * PORTS)) '"DEVICE_DELETED".*"device":'
    check "[$1] the guest has one disk" guest_do vm 30 disks 1
    [ "$1" -gt 1 ] || vmm_held vm > "$RUN/held"
    check "[$1] threads, descriptors and workers as after the first round" equal "$(vmm_held vm)" "$(cat "$RUN/held")"
    vmm_memory vm >> "$RUN/memory"
}

memory_after() {
    sed -n "$1p" "$RUN/memory"
}

scenario() {
    target_make
    for n in $(ports); do
        target_add "$n"
        head -c 1048576 /dev/urandom | dd of="/target/disk$n" conv=notrunc 2>/dev/null
        EARLY_DEVICES="$EARLY_DEVICES -device pcie-root-port,id=port$n,chassis=1,slot=$n"
    done
    disks_sum > "$RUN/disks.sum"
    vmm_start vm 2 2 worker_per_virtqueue=on disk,fill:1,serve $QMP_OPTIONS
    check "guest is up with its disk" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    guest_do vm 30 storm 1000
    for round in $(seq "$ROUNDS"); do
        add_all "$round"
        delete_all "$round"
    done
    check "the guest's I/O went on without a fault" guest_do vm 60 calm
    check "its data are good" guest_says vm 'labio: .* 0 faults, 2 cpus, data good'
    note "$(grep '^labio: .*faults' "$RUN/vm.log" | tail -n 1 | tr -d '\r')"
    check "$((PORTS * ROUNDS)) devices went, nothing failed" equal "$(qmp_count '"DEVICE_DELETED".*"device":') $(qmp_count '"error":|_ERROR"|FAILED"')" "$((PORTS * ROUNDS)) 0"
    note "memory of the VMM, KiB by round: $(tr '\n' ' ' < "$RUN/memory")"
    check "memory stays from round $SETTLED on" test "$(memory_after "$ROUNDS")" -le $(($(memory_after "$SETTLED") + GROWTH))
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    check "no kick left the kernel" no_slow_notify vm
    check "nothing on standard error" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
