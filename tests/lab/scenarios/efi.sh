# SPDX-License-Identifier: GPL-2.0-or-later
# about: OVMF boots Debian from a LUN to a login prompt, twice: it reads, writes, reboots and powers off
# lane: efi
# needs: disk firmware ovmf
# limit: 600

. /lab/firmware.sh

scenario() {
    debian_target 0
    firmware_start vm efi -device "$(debian_device)"
    debian_works vm
    debian_send vm reboot
    check "after a reboot from inside the same disk boots" debian_login vm 240 2
    check "the file is what it was" debian_do vm 60 'cmp /boot/vmlinuz-* /root/proof && rm /root/proof'
    check "nothing on standard error" no_messages vm
    debian_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
