# SPDX-License-Identifier: GPL-2.0-or-later
# about: the same guest's reads under Debian's QEMU and under this VMM's modes of workers (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# limit: 700
# needs: bench fio

. "$LAB_HOME/bench.sh"

# $LAB_TURNS comes from the configuration. Guests of one kind differ by up to a third by where their memory happens to
# be: of those that are compared there are two.
STATIC="qemu-1 legacy-1 legacy-2 qemu-2 per-virtqueue-1"
LONG=36000 # seconds of load
GUEST_MEMORY=384 # MiB; fio comes with 80 MB of libraries

number_of() {
    case $1 in
    qemu-1) echo 1 ;;
    qemu-2) echo 2 ;;
    legacy-1) echo 3 ;;
    legacy-2) echo 4 ;;
    per-virtqueue-1) echo 5 ;;
    auto-1) echo 6 ;;
    esac
}

# auto counts the processors that there are when the device is made: it is plugged in once both are there.
start_auto() {
    vmm_spawn auto-1 "$(vmm_program)" $(vmm_base 2) -append "$(guest_append serve)" -device pcie-root-port,id=pci.1 $QMP_OPTIONS \
        -trace vhost_worker_auto
    guest_wait auto-1 90 GUEST-READY && qmp_open auto-1
}

plug_auto() {
    qmp_do device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.1\",\"wwpn\":\"$WWPN\",
        \"num_queues\":2,\"workers\":\"auto\"" && guest_do auto-1 60 disk 20
}

start() {
    local options=

    WWPN=$(target_wwpn "$(number_of "$1")")
    nullio_add "$WWPN" "$(number_of "$1")"
    LAB_KIND=ours
    case $1 in
    qemu-*) LAB_KIND=qemu ;;
    legacy-*) options=workers=1 ;;
    per-virtqueue-*) options=worker_per_virtqueue=on ;;
    auto-*)
        start_auto
        return
        ;;
    esac
    NO_TRACE=1 vmm_start "$1" 2 2 "$options" disk,serve
    guest_wait "$1" 90 GUEST-READY
}

reads_of() {
    cat "$NULLIO$(number_of "$1")/statistics/scsi_lu/num_cmds"
}

# has_read NAME COUNT
has_read() {
    [ "$(reads_of "$1")" -ge "$2" ]
}

goes_on() {
    wait_for 10 has_read "$1" "$(($(reads_of "$1") + 1000))"
}

# fio NAME: makes the load, from now on.
fio() {
    guest_send "$1" fio "$LONG"
    wait_for 60 has_read "$1" 1000
}

# takes_turns FIGURE NAME: with its disk's reads and its exits; each VM has a directory named after its process.
takes_turns() {
    turns_add "$1" "$(vmm_pid "$2")" "$(number_of "$2")" "$(echo /sys/kernel/debug/kvm/"$(vmm_pid "$2")"-*/exits)"
}

# must TEXT COMMAND...: a check without which there is nothing to go on with.
must() {
    check "$@"
    [ ! -s "$RUN/failed" ]
}

measure() {
    for name in $STATIC auto-1; do
        must "$name: the guest is up" start "$name" || return
    done
    all_processors
    must "auto: is plugged in" plug_auto || return
    # Its first trials come soon after each other, and what they cost is seen here.
    must "auto-1: fio reads" fio auto-1 || return
    echo "LAB-FIGURE level 1 guest $(level_of auto-1 "$(number_of auto-1)" 60)"
    must "auto-1: fio still reads" goes_on auto-1 || return
    kill -STOP "$(vmm_pid auto-1)"
    for name in $STATIC; do
        must "$name: fio reads" fio "$name" || return
        kill -STOP "$(vmm_pid "$name")"
        takes_turns "guest-$name" "$name"
    done
    must "all guests take their turns" turns_take "$((LAB_TURNS / 5))" 60 300 || return
    # auto wants seconds to see what the load is.
    takes_turns guest-other-1 qemu-1
    takes_turns guest-auto-1 auto-1
    must "auto takes its turns" turns_take "$((LAB_TURNS / 12))" 2500 300
}

# All guests are up, and stopped but for their turn. KVM patches code when a guest starts or ends, which the emulator
# bears on one processor only.
scenario() {
    one_processor
    target_remove
    measure
    one_processor
    for name in $STATIC auto-1; do
        [ ! -s "$RUN/$name.pid" ] || vmm_kill "$name"
    done
    target_remove
}
