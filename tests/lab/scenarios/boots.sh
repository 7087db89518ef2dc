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

# A boot sector that reads the power management timer, OVMF's only clock, 50,000 times:
#   cli; xor ax,ax; mov ds,ax; mov ss,ax; mov sp,0x7c00; mov si,begin; call say; mov ecx,50000; mov dx,0x608
#   l: in eax,dx; dec ecx; jnz l; mov si,end; call say; h: hlt; jmp h
#   say: mov dx,0x3f8; c: lodsb; test al,al; jz r; out dx,al; jmp c; r: ret
timer_lun() {
    truncate -s 1M /target/timer
    {
        printf '\372\061\300\216\330\216\320\274\000\174\276\064\174\350\030\000\146\271\120\303\000\000\272\010\006'
        printf '\146\355\146\111\165\372\276\102\174\350\003\000\364\353\375'
        printf '\272\370\003\254\204\300\164\003\356\353\370\303READS BEGIN\r\n\000READS END\r\n'
    } | dd of=/target/timer conv=notrunc 2>/dev/null
    printf '\125\252' | dd of=/target/timer bs=1 seek=510 conv=notrunc 2>/dev/null
    lun_disk "$TARGET/vhost/$(target_wwpn 1)/tpgt_1" 0 "$(fileio timer /target/timer 1048576)"
}

# timer CONTENDER: microseconds for each read, and the exit that it is.
timer() {
    LAB_KIND=qemu
    [ "$1" = q35 ] || LAB_KIND=ours
    LABRUN="-m BEGIN -m END" NO_TRACE=1 firmware_start vm bios \
        -device "vhost-scsi-pci,disable-legacy=on,num_queues=1,wwpn=$(target_wwpn 1)"
    guest_wait vm 120 'LABRUN .*at=END' || return
    figure "$1" bios-timer "$(echo "$(elapsed BEGIN) $(elapsed END)" | awk '{ printf "%.1f", ($2 - $1) * 20 }')"
    vmm_kill vm
}

scenario() {
    debian_target 0
    timer_lun
    for round in 1 2 3; do
        for name in $LAB_CONTENDERS; do
            check "the power management timer is read under $name" timer "$name"
        done
    done
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
