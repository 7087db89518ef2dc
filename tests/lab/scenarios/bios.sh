# SPDX-License-Identifier: GPL-2.0-or-later
# about: SeaBIOS boots Debian from a LUN to a login prompt, twice: it reads, writes, reboots and powers off
# lane: bios
# needs: disk firmware
# limit: 480

. /lab/firmware.sh

scenario() {
    debian_target 1
    firmware_start vm bios -device "$(debian_device)"
    debian_boots vm
}
