# SPDX-License-Identifier: GPL-2.0-or-later
# about: which of several LUNs SeaBIOS boots: bootindex, boot_tpgt, boot_lun, behind root ports; -boot strict=on, menu=on
# lane: bios
# needs: firmware
# limit: 120

. /lab/firmware.sh

FIRST=$(target_wwpn 1)
SECOND=$(target_wwpn 2)

# boots TEXT NAME WORDS...: NAME is the LUN that must be booted.
boots() {
    local text=$1 expected=$2
    shift 2

    firmware_start vm bios "$@"
    guest_wait vm 20 'BOOTED '
    check "$text" equal "$(sed -n 's/.*BOOTED //p' "$RUN/vm.log" | tr -d '\r')" "$expected"
    vmm_kill vm
}

adapter() {
    echo "vhost-scsi-pci,disable-legacy=on,num_queues=1,wwpn=$1${2:+,$2}"
}

finds_nothing() {
    firmware_start vm bios "$@"
    check "the firmware says that there is nothing" guest_prompt vm 30 'No bootable device'
    check "the emulator lives" vmm_alive vm
    check "nothing was booted" equal "$(guest_count vm BOOTED)" 0
    vmm_kill vm
}

scenario() {
    target_remove
    small_lun "$FIRST" 1 0 first
    small_lun "$SECOND" 1 0 second
    small_lun "$SECOND" 1 5 fifth
    small_lun "$SECOND" 4 0 group
    small_lun "$WWPN" 1 0 empty none

    boots "without bootindex the first adapter" first -device "$(adapter "$FIRST")" -device "$(adapter "$SECOND")"
    boots "bootindex=0 of the second" second -device "$(adapter "$FIRST")" \
        -device "$(adapter "$SECOND" bootindex=0,boot_tpgt=1)"
    boots "the lower bootindex, strictly" second -device "$(adapter "$FIRST" bootindex=2,boot_tpgt=1)" \
        -device "$(adapter "$SECOND" bootindex=1,boot_tpgt=1)" -boot strict=on
    boots "behind the second function of a root port" second -device "$(adapter "$FIRST")" \
        -device pcie-root-port,id=a,addr=4,multifunction=on,chassis=1,slot=1 \
        -device pcie-root-port,id=b,addr=4.1,chassis=2,slot=2 \
        -device "$(adapter "$SECOND" bus=b,bootindex=0,boot_tpgt=1)"
    boots "another portal group" group -device "$(adapter "$FIRST")" \
        -device "$(adapter "$SECOND" bootindex=0,boot_tpgt=4)"
    finds_nothing -device "$(adapter "$FIRST")" -device "$(adapter "$WWPN" bootindex=0,boot_tpgt=1)" -boot strict=on
    if is_ours; then
        boots "boot_lun" fifth -device "$(adapter "$FIRST")" \
            -device "$(adapter "$SECOND" bootindex=0,boot_lun=5)"
        boots "boot_tpgt is the lowest by itself" second -device "$(adapter "$FIRST")" \
            -device "$(adapter "$SECOND" bootindex=0)" -boot strict=on
    fi
    if is_ours; then
        truncate -s 65536 "$RUN/flash"
        firmware_start vm bios -S -pflash "$RUN/flash" -device "$(adapter "$FIRST")"
        check "with a flash, who has no portal group 0 is warned" \
            wait_for 30 grep -q "target '$FIRST' has no portal group 0: .* of its tpgt_1" "$RUN/vm.err"
        vmm_kill vm
    fi
    # SeaBIOS comes to what once= does not name behind what it names.
    # shellcheck disable=SC2086 # options are words
    firmware_start vm bios -device "$(adapter "$FIRST")" -boot order=c,once=n $QMP_OPTIONS
    check "once=n: no network, so the disk all the same" guest_wait vm 20 'BOOTED first'
    check "a monitor" qmp_open vm
    check "a reset" qmp_do system_reset
    check "then order=c: the disk" guest_wait vm 20 'BOOTED first' 2
    vmm_kill vm
    firmware_start vm bios -device "$(adapter "$FIRST")" -boot menu=on,splash-time=20000
    check "menu=on: the firmware offers its menu" guest_prompt vm 30 'Press ESC for boot menu'
    vmm_kill vm
}
