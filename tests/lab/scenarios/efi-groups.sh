# SPDX-License-Identifier: GPL-2.0-or-later
# about: which portal groups and LUNs OVMF boots from: by itself LUN 0 of group 0, by bootindex groups 0 to 31 and LUNs 0 to 7
# lane: efi
# needs: disk firmware ovmf
# limit: 900
# long: long

. /lab/firmware.sh

# target TPGT LUN: Debian's disk there, and nothing else.
target() {
    target_remove
    lun_disk "$TARGET/vhost/$WWPN/tpgt_$1" "$2" \
        "$(fileio debian /dev/vda $(($(cat /sys/block/vda/size) * 512)))"
}

# finds TEXT yes|no MORE: whether OVMF starts GRUB from the disk.
finds() {
    rm -f "$RUN/variables-vm"
    firmware_start vm efi -device "$(debian_device "$3")"
    guest_prompt vm 90 'GRUB|No bootable option|Shell>'
    check "$1" equal "$(guest_says vm GRUB && echo yes || echo no)" "$2"
    [ "$2" = yes ] || check "[$1] it looked, and says so" guest_says vm 'No bootable option|Shell>'
    vmm_kill vm
}

scenario() {
    target 0 0
    finds "group 0" yes
    target 0 7
    finds "group 0, LUN 7" no
    finds "group 0, LUN 7, bootindex" yes bootindex=0,boot_lun=7
    target 0 8
    finds "group 0, LUN 8, bootindex" no bootindex=0,boot_lun=8
    target 1 0
    finds "group 1" no
    finds "group 1, bootindex" yes bootindex=0
    target 4 5
    finds "group 4, LUN 5" no
    finds "group 4, LUN 5, bootindex" yes bootindex=0,boot_lun=5
    target 31 0
    finds "group 31, bootindex" yes bootindex=0
    target 32 0
    finds "group 32, bootindex" no bootindex=0
}
