# SPDX-License-Identifier: GPL-2.0-or-later
# about: figures of this VMM and of Debian's QEMU, taken in turns (tests/bench/measure)
# limit: 600
# hidden: run by tests/bench/measure

# $LAB_ROUNDS and $LAB_CONTENDERS (of: ours q35 microvm before) come from the configuration.
EVENTS=/sys/kernel/tracing/events/kvm
READS=2000

figure() {
    echo "LAB-FIGURE $*"
}

# contender NAME: sets what vmm_start looks at.
contender() {
    MACHINE=q35
    LAB_KIND=qemu
    LAB_PROGRAM=
    case $1 in
    ours) LAB_KIND=ours ;;
    before) LAB_KIND=ours LAB_PROGRAM=/before/qemu-system-x86_64 ;;
    microvm) MACHINE=microvm,pcie=on ;;
    esac
}

exits() {
    awk '/^    Hits:/ { print $2 }' "$EVENTS/kvm_userspace_exit/hist"
}

# histogram EVENT: the eight highest counts, as KEY=COUNT.
histogram() {
    grep '^{' "$EVENTS/$1/hist" | tr -d ',{}' | awk '{ print $2 "=" $NF }' | sort -t= -k2 -rn | head -n 8 | tr '\n' ' '
}

count_start() {
    echo 'hist:keys=reason' > "$EVENTS/kvm_userspace_exit/trigger"
    # Which registers they are about; the in-kernel devices show here as well.
    echo 'hist:keys=port' > "$EVENTS/kvm_pio/trigger"
    echo 'hist:keys=gpa.hex' > "$EVENTS/kvm_mmio/trigger"
}

count_end() {
    echo '!hist:keys=reason' > "$EVENTS/kvm_userspace_exit/trigger"
    echo '!hist:keys=port' > "$EVENTS/kvm_pio/trigger"
    echo '!hist:keys=gpa.hex' > "$EVENTS/kvm_mmio/trigger"
}

timed_boot() {
    contender "$1"
    LABRUN="-m GUEST-INIT" NO_TRACE=1 vmm_start vm 2 2 worker_per_virtqueue=on disk,serve
    if ! guest_wait vm 90 GUEST-READY; then
        note "$1: the guest did not come up: $(messages vm)"
        vmm_kill vm
        return 1
    fi
    figure "$1" elapsed "$(guest_value vm LABRUN elapsed)"
    figure "$1" uptime "$(guest_value vm GUEST-INIT uptime)"
    figure "$1" memory "$(vmm_memory vm)"
    note "$1: $(guest_value vm LABRUN elapsed) s, of these $(guest_value vm GUEST-INIT uptime) s the guest's own;" \
        "mapped by pages of 4 KiB: $(cat /sys/kernel/debug/kvm/[0-9]*/pages_4k)," \
        "2 MiB: $(cat /sys/kernel/debug/kvm/[0-9]*/pages_2m)"
    vmm_kill vm
}

# A boot of its own, so that counting costs the timed ones nothing.
counted_boot() {
    contender "$1"
    count_start
    EXTRA_APPEND=lab.pause=3 NO_TRACE=1 vmm_start vm 2 2 worker_per_virtqueue=on disk,serve
    guest_wait vm 90 GUEST-INIT
    figure "$1" boot_exits "$(exits)"
    note "$1: exits to user space by KVM_EXIT_ reason: $(histogram kvm_userspace_exit)"
    note "$1: port accesses: $(histogram kvm_pio)"
    note "$1: MMIO accesses: $(histogram kvm_mmio)"
    if guest_wait vm 90 GUEST-READY; then
        # The same commands to the letter but for the count: the console costs exits, too.
        before=$(exits)
        guest_do vm 60 bench 0000
        idle=$(exits)
        guest_do vm 60 bench $READS
        figure "$1" read_exits $(($(exits) - idle - (idle - before)))
        guest_do vm 60 show
        note "$1: $(grep '^labio' "$RUN/vm.log" | tr -d '\r')"
    fi
    vmm_kill vm
    count_end
}

scenario() {
    target_make
    round=1
    while [ "$round" -le "$LAB_ROUNDS" ]; do
        for name in $LAB_CONTENDERS; do
            check "round $round: $name boots" timed_boot "$name"
        done
        round=$((round + 1))
    done
    for name in $LAB_CONTENDERS; do
        counted_boot "$name"
    done
}
