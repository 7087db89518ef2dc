# SPDX-License-Identifier: GPL-2.0-or-later
# about: SeaBIOS boots Debian from a LUN to a login prompt, where it reads and writes; after a reboot GRUB is there again
# lane: bios
# needs: disk firmware
# limit: 480

. /lab/firmware.sh

scenario() {
    debian_target 1
    firmware_start vm bios -device "$(debian_device)"
    debian_works vm
    debian_send vm reboot
    check "after a reboot from inside SeaBIOS reads the boot loader again" guest_wait vm 60 'GRUB loading' 2
    check "nothing on standard error" no_messages vm
    vmm_kill vm
}
