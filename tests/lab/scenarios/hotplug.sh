# SPDX-License-Identifier: GPL-2.0-or-later
# about: device_del takes the disk's adapter from under Linux' pciehp and device_add brings it back, by MSI-X and by INTx; nothing leaks
# lane: d
# limit: 400

# remove NUMBER: for the NUMBERth time.
remove() {
    check "[$1] device_del is accepted" qmp_do device_del '"id":"disk0"'
    check "[$1] DEVICE_DELETED" qmp_wait 60 "$1" '"DEVICE_DELETED".*"device": *"disk0"'
    check "[$1] the guest has no disk" guest_do vm 30 nodisk
    check "[$1] no worker is left" equal "$(vmm_worker_count vm)" 0
    [ -e "$RUN/held" ] || vmm_held vm > "$RUN/held"
    check "[$1] nothing else is left" equal "$(vmm_held vm)" "$(cat "$RUN/held")"
}

# bring NUMBER VECTORS INTERRUPTS
bring() {
    qmp_do device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.2\",\"wwpn\":\"$WWPN\",
        \"num_queues\":2,\"worker_per_virtqueue\":true,\"vectors\":$2"
    check "[$1] the guest finds a disk" guest_do vm 60 disk 20
    check "[$1] a worker for each queue" equal "$(vmm_worker_count vm)" 2
    guest_do vm 30 pci
    check "[$1] $3 MSI-X vectors" equal "$(guest_value vm GUEST-PCI msix)" "$3"
    check "[$1] the guest writes and reads" guest_do vm 60 fill 2
    guest_do vm 60 sum 2
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 2)"
}

# A root directory with what hotplug needs, and a user without any right.
jail() {
    mkdir -p "$JAIL/proc" "$JAIL/dev"
    mount -t proc proc "$JAIL/proc"
    cp -a /dev/vhost-scsi "$JAIL/dev/"
    chmod 666 "$JAIL/dev/vhost-scsi"
    RUN_WITH="-run-with user=1000:1000,chroot=$JAIL"
}

gave_up_all() {
    check "it is another user" equal "$(vmm_status vm Uid) $(vmm_status vm Gid)" "1000 1000 1000 1000 1000 1000 1000 1000"
    check "in no group" equal "$(vmm_status vm Groups)" ""
    check "no thread of its own has a capability" equal "$(vmm_capabilities vm)" 0000000000000000
    check "nor could get one" equal "$(vmm_status vm CapBnd) $(vmm_status vm NoNewPrivs)" "0000000000000000 1"
    check "its root is the jail" equal "$(readlink "/proc/$(vmm_pid vm)/root")" "$JAIL"
    check "a reset reads kernel and initrd from outside" qmp_do system_reset
    check "guest is up again" guest_wait vm 90 GUEST-READY 2
}

scenario() {
    JAIL=$RUN/jail
    RUN_WITH=
    ! is_ours || jail
    target_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1,slot=11 -device pcie-root-port,id=pci.2,chassis=2,slot=12"
    vmm_start vm 2 2 "id=disk0,bus=pci.2,worker_per_virtqueue=on" disk,fill:2,serve $QMP_OPTIONS $RUN_WITH
    check "guest is up with its disk" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    ! is_ours || gave_up_all
    remove 1
    bring 1 5 5
    remove 2
    bring 2 0 0
    remove 3
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    ! is_ours || umount "$JAIL/proc"
}
