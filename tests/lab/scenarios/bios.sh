# SPDX-License-Identifier: GPL-2.0-or-later
# about: SeaBIOS boots Debian from a LUN to a login prompt, twice: it reads, writes, reboots and powers off; dmidecode
# lane: bios
# needs: disk firmware
# limit: 1000

. /lab/firmware.sh

scenario() {
    debian_target 1
    firmware_start vm bios -device qemu-xhci -device "$(debian_device)" -uuid 00112233-4455-6677-8899-aabbccddeeff -smbios type=1,serial=4711
    check "Debian asks who is there" debian_login vm 600
    check "dmidecode shows -uuid" debian_do vm 60 \
        "[ \$(dmidecode -s system-uuid) = 00112233-4455-6677-8899-aabbccddeeff ]"
    check "dmidecode shows -smbios" debian_do vm 60 "[ \$(dmidecode -s system-serial-number) = 4711 ]"
    check "dmidecode finds nothing wrong" debian_do vm 60 "! dmidecode | grep -iE 'broken|wrong|invalid|truncated|bad'"
    debian_boots vm
}
