# SPDX-License-Identifier: GPL-2.0-or-later
# about: OVMF boots Debian from a LUN to a login prompt, twice: it reads, writes, reboots and powers off
# lane: efi
# needs: disk firmware ovmf
# limit: 1100

. /lab/firmware.sh

scenario() {
    debian_target 0
    firmware_start vm efi -device "$(debian_device)"
    check "Debian asks who is there" debian_login vm 600
    debian_boots vm
}
