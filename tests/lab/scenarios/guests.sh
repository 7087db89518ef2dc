# SPDX-License-Identifier: GPL-2.0-or-later
# about: the same guest's reads under Debian's QEMU and under this VMM's modes of workers (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# limit: 600
# needs: bench

. "$LAB_HOME/bench.sh"

# $LAB_TURNS comes from the configuration. Guests of one kind differ by up to 15 % by where their memory happens to
# be: of those that are compared there are two.
STATIC="qemu-1 legacy-1 legacy-2 qemu-2 per-virtqueue-1"
LONG=36000 # seconds of load

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

# takes_turns FIGURE NAME: with its disk's reads and its exits; each VM has a directory named after its process.
takes_turns() {
    turns_add "$1" "$(vmm_pid "$2")" "$(number_of "$2")" "$(echo /sys/kernel/debug/kvm/"$(vmm_pid "$2")"-*/exits)"
}

# All guests are up, and stopped but for their turn. KVM patches code when a guest starts or ends, which the emulator
# bears on one processor only.
scenario() {
    one_processor
    target_remove
    for name in $STATIC auto-1; do
        check "$name: the guest is up" start "$name"
    done
    all_processors
    check "auto: is plugged in" plug_auto
    # Its first trials come soon after each other.
    guest_send auto-1 load_disk "$LONG"
    sleep 30
    for name in $STATIC; do
        guest_send "$name" load_disk "$LONG"
        takes_turns "guest-$name" "$name"
    done
    sleep 2
    kill -STOP "$(vmm_pid auto-1)"
    check "all guests take their turns" turns_take "$((LAB_TURNS / 5))" 60 300
    # auto wants seconds to see what the load is.
    takes_turns guest-other-1 qemu-1
    takes_turns guest-auto-1 auto-1
    check "auto takes its turns" turns_take "$((LAB_TURNS / 12))" 2500 300
    one_processor
    for name in $STATIC auto-1; do
        vmm_kill "$name"
    done
    target_remove
}
