# SPDX-License-Identifier: GPL-2.0-or-later
# about: a variable and a boot entry that Debian makes are there in the next process; OVMF keeps them in its flash
# lane: efi
# needs: disk firmware ovmf
# limit: 1400
# long: long

. /lab/firmware.sh

VARIABLE=/sys/firmware/efi/efivars/LabProof-12345678-1234-1234-1234-123456789abc

boots() {
    firmware_start vm efi -device "$(debian_device)"
    check "boot $1" debian_login vm 600
}

scenario() {
    debian_target 0
    boots 1
    check "it makes a variable" debian_do vm 30 "printf '\\007\\0\\0\\0lab-proof' > $VARIABLE"
    check "it makes a boot entry" debian_do vm 30 \
        "efibootmgr -q -c -d /dev/sda -p 2 -L lab-entry -l '\\EFI\\BOOT\\BOOTX64.EFI'"
    debian_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0

    boots 2
    check "the variable is there" debian_do vm 30 "grep -q lab-proof $VARIABLE"
    check "the boot entry is there" debian_do vm 30 "efibootmgr | grep lab-entry"
    check "it removes the variable" debian_do vm 30 "chattr -i $VARIABLE; rm $VARIABLE"
    check "nothing on standard error" no_messages vm
    debian_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
