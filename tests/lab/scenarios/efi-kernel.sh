# SPDX-License-Identifier: GPL-2.0-or-later
# about: OVMF in flash loads the kernel, initrd and command line of -kernel
# lane: efi
# needs: disk firmware ovmf
# limit: 400
# long: long

. /lab/firmware.sh

scenario() {
    debian_target 0
    firmware_start vm efi -kernel "$GUEST_KERNEL" -initrd "$GUEST_INITRD" -append "console=ttyS0 lab.run=disk,serve" \
        -device "$(debian_device)"
    check "the kernel that OVMF loaded runs, and sees its disk" guest_wait vm 150 'GUEST-READY'
    check "with the initrd that fw_cfg has" guest_says vm 'EFI stub: Loaded initrd'
    vmm_kill vm
}
