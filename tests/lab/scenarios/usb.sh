# SPDX-License-Identifier: GPL-2.0-or-later
# about: Linux' xhci driver starts and stops qemu-xhci without complaint, after a reset and behind a root port too
# long: yes
# needs: usb
# limit: 400

GUEST_KERNEL=/guest/usb/vmlinuz
GUEST_INITRD=/guest/usb/initrd
GUEST_MEMORY=384

# hubs NAME COUNT: two root hubs for each controller, and nothing to complain of.
hubs() {
    check "[$1] the guest looks for USB" guest_do vm 60 usb
    check "[$1] root hubs" equal "$(guest_value vm GUEST-USB hubs)" "$2"
    check "[$1] nothing in its log" equal "$(guest_count vm GUEST-USB-LOG)" 0
}

scenario() {
    target_make
    EARLY_DEVICES="-device qemu-xhci,id=usb,p2=15,p3=15 -device pcie-root-port,id=pci.1,chassis=1 -device qemu-xhci,id=usb1,bus=pci.1"
    vmm_start vm 1 2 worker_per_virtqueue=on disk,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 180 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    hubs boot 4
    check "hubs of both speeds" guest_says vm 'GUEST-USB-HUB speed=5000 ports=15'
    check "MSI-X is used" guest_says vm 'GUEST-USB-INTERRUPT .*MSI.* xhci_hcd'
    check "the driver leaves it and comes back" guest_do vm 60 usb_again
    hubs again 4
    check "stop" qmp_do stop
    check "cont" qmp_do cont
    hubs cont 4
    guest_send vm reboot
    check "the guest comes back" guest_wait vm 180 GUEST-READY 2
    hubs reboot 4
    check "device_del is accepted" qmp_do device_del '"id":"usb1"'
    check "DEVICE_DELETED" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"usb1"'
    hubs removed 2
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    check "no message" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
