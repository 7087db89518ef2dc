# SPDX-License-Identifier: GPL-2.0-or-later
# about: the same guest's reads under Debian's QEMU and under this VMM's modes of workers (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# limit: 500

. "$LAB_HOME/bench.sh"

LOAD_SECONDS=2

# Of one VM; each has a directory named after its process.
exits() {
    cat /sys/kernel/debug/kvm/"$(vmm_pid "$1")"-*/exits
}

reads() {
    grep '^labio: .* reads' "$RUN/$1.log" | tail -n 1 | sed 's/.*, \([0-9]*\) reads.*/\1/'
}

# A target for each guest, since all of them are there at a time.
own_target() {
    case $1 in
    qemu) WWPN=naa.5001405000000011 ;;
    legacy) WWPN=naa.5001405000000012 ;;
    per-virtqueue) WWPN=naa.5001405000000013 ;;
    auto) WWPN=naa.5001405000000014 ;;
    esac
}

# auto counts the processors that there are when the device is made: it is plugged in once both are there.
start_auto() {
    vmm_spawn auto "$(vmm_program)" $(vmm_base 2) -append "$(guest_append serve)" -device pcie-root-port,id=pci.1 $QMP_OPTIONS
    guest_wait auto 90 GUEST-READY && qmp_open auto
}

plug_auto() {
    qmp_do device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.1\",\"wwpn\":\"$WWPN\",
        \"num_queues\":2,\"workers\":\"auto\"" && guest_do auto 60 disk 20
}

start() {
    local options=

    LAB_KIND=ours
    case $1 in
    qemu) LAB_KIND=qemu ;;
    legacy) options=workers=1 ;;
    per-virtqueue) options=worker_per_virtqueue=on ;;
    auto)
        start_auto
        return
        ;;
    esac
    NO_TRACE=1 vmm_start "$1" 2 2 "$options" disk,serve
    guest_wait "$1" 90 GUEST-READY
}

# measure ROUND NAME
measure() {
    local before

    before=$(exits "$2")
    check "round $1: $2" guest_do "$2" 60 load_disk "$LOAD_SECONDS"
    echo "LAB-FIGURE guest $1 $2 $(($(reads "$2") / LOAD_SECONDS)) $((100 * ($(exits "$2") - before) / $(reads "$2")))"
}

# All guests are up and idle but the one whose turn it is: what the machine is busy with otherwise hits all alike.
# KVM patches code when a guest starts or ends, which the emulator bears on one processor only.
scenario() {
    one_processor
    for name in qemu legacy per-virtqueue auto; do
        own_target "$name"
        nullio_make
        check "$name: the guest is up" start "$name"
    done
    all_processors
    check "auto: is plugged in" plug_auto
    guest_do auto 60 load_disk 3 # it comes to its mind
    round=1
    while [ "$round" -le "$LAB_ROUNDS" ]; do
        for name in qemu legacy per-virtqueue auto; do
            measure "$round" "$name"
        done
        round=$((round + 1))
    done
    one_processor
    for name in qemu legacy per-virtqueue auto; do
        vmm_kill "$name"
        own_target "$name"
        target_remove
    done
}
