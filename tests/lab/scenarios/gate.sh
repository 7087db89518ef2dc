# SPDX-License-Identifier: GPL-2.0-or-later
# about: SeaBIOS reads the boot loader of Debian from a LUN; ends with GRUB's banner
# lane: bios
# needs: disk firmware
# limit: 60

. /lab/firmware.sh

scenario() {
    debian_target
    LABRUN="-m GRUB"
    firmware_start vm bios -device "$(debian_device)"
    check "GRUB is there" guest_wait vm 30 'GRUB loading'
    note "from exec to GRUB's banner: $(guest_value vm LABRUN elapsed) s"
    vmm_kill vm
}
