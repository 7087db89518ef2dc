# SPDX-License-Identifier: GPL-2.0-or-later
# about: Debian gets a new kernel, makes its initial RAM disk and its boot menu, and the next boot runs it
# lane: bios
# needs: disk firmware new-kernel
# limit: 1400
# long: long

. /lab/firmware.sh

scenario() {
    debian_target 1
    # What a package would unpack, on a LUN of its own.
    size=$((($(stat -c %s /new-kernel.tar) + 511) / 512 * 512))
    truncate -s $size /new-kernel.tar
    lun_disk "$TARGET/vhost/$WWPN/tpgt_1" 1 "$(fileio kernel /new-kernel.tar $size)"
    # Of several LUNs SeaBIOS would take the other.
    firmware_start vm bios -device "$(debian_device bootindex=0)"
    check "Debian is up" debian_login vm 600
    check "it runs the kernel that it came with" debian_do vm 30 'uname -r | grep ^6.1.0-'
    check "it unpacks the new one" debian_do vm 120 'tar -xf /dev/sdb -C / --keep-directory-symlink --no-same-owner'
    check "it makes the initial RAM disk" debian_do vm 480 'update-initramfs -c -k $(ls /lib/modules | grep ^6.12)'
    check "it makes the boot menu" debian_do vm 240 'update-grub && sync'
    debian_send vm reboot
    check "it boots again" debian_login vm 600 2
    check "it runs the new kernel" debian_do vm 30 'uname -r | grep ^6.12'
    debian_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
