# SPDX-License-Identifier: GPL-2.0-or-later
# about: Debian booted from a LUN by firmware, under this VMM and under Debian's QEMU in turns (tests/bench/firmware)
# limit: 3000
# needs: disk firmware ovmf
# hidden: run by tests/bench/firmware

. /lab/firmware.sh

# $LAB_ROUNDS, $LAB_FIRMWARES (of: bios efi) and $LAB_CONTENDERS (of: ours q35) come from the configuration.
EVENT=/sys/kernel/tracing/events/kvm/kvm_userspace_exit

figure() {
    echo "LAB-FIGURE $*"
}

exits() {
    awk '/^    Hits:/ { print $2 }' "$EVENT/hist"
}

# elapsed MARKER
elapsed() {
    tr -d '\r' < "$RUN/vm.log" | sed -n "s/^LABRUN elapsed=\([^ ]*\) at=$1$/\1/p"
}

# boot FIRMWARE CONTENDER: until Debian asks who is there. The variables of the flash are kept from round to round.
boot() {
    LAB_KIND=qemu
    [ "$2" = q35 ] || LAB_KIND=ours
    rm -f "$RUN/variables-vm"
    [ ! -e "$RUN/kept-$2" ] || cp "$RUN/kept-$2" "$RUN/variables-vm"
    echo 'hist:keys=reason' > "$EVENT/trigger"
    LABRUN="-m GRUB -m Loading -m labguest" NO_TRACE=1 firmware_start vm "$1" -device "$(debian_device)"
    if ! guest_wait vm 300 'LABRUN .*at=labguest'; then
        note "$1 $2: it did not come up: $(messages vm)"
        vmm_kill vm
        return 1
    fi
    figure "$2" "$1-exits" "$(exits)"
    for marker in GRUB Loading labguest; do
        figure "$2" "$1-$marker" "$(elapsed "$marker")"
    done
    figure "$2" "$1-memory" "$(vmm_memory vm)"
    vmm_kill vm
    echo '!hist:keys=reason' > "$EVENT/trigger"
    [ "$1" = bios ] || cp "$RUN/variables-vm" "$RUN/kept-$2"
}

scenario() {
    debian_target 0
    for firmware in $LAB_FIRMWARES; do
        round=1
        while [ "$round" -le "$LAB_ROUNDS" ]; do
            for name in $LAB_CONTENDERS; do
                check "round $round: $firmware boots under $name" boot "$firmware" "$name"
            done
            round=$((round + 1))
        done
    done
}
