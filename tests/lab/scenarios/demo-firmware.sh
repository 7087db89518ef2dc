# SPDX-License-Identifier: GPL-2.0-or-later
# about: shows a person the disk of an installed Debian that boots by firmware (tests/lab/demo)
# limit: 300
# needs: disk firmware
# hidden: run by tests/lab/demo

. /lab/firmware.sh

tell() {
    echo "LAB-SAY $*"
}

# at TEXT MARKER: how long it took from exec to the line.
at() {
    tell "$(printf '%6.1f s  %s' "$(tr -d '\r' < "$RUN/vm.log" | sed -n "s/^LABRUN elapsed=\([^ ]*\) at=$2$/\1/p")" "$1")"
}

scenario() {
    debian_target 0
    tell "=== an installed system: no -kernel, no -initrd, no -append"
    tell "    qemu-system-x86_64 -m $GUEST_MEMORY -nographic -device vhost-scsi-pci,wwpn=$WWPN"
    LABRUN="-m SeaBIOS -m GRUB -m Loading -m labguest" firmware_start vm bios -device "$(debian_device)"
    check "Debian asks who is there" guest_wait vm 240 'LABRUN .*at=labguest' || return
    at "SeaBIOS is there" SeaBIOS
    at "it has read GRUB from the LUN" GRUB
    at "GRUB reads the kernel from it" Loading
    at "Debian asks who is there" labguest
    debian_send vm root
    check "a shell" debian_do vm 90 "lsblk -dno NAME,SIZE,VENDOR,MODEL | sed s/^/GUEST''-LSBLK' '/"
    tell "guest: $(sed -n 's/^.*GUEST-LSBLK //p' "$RUN/vm.log" | tr -d '\r' | tr -s ' ')"
    debian_send vm poweroff
    check "poweroff ends the VMM" vmm_ends vm 60 0
}
