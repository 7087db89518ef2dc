# SPDX-License-Identifier: GPL-2.0-or-later
# about: device_del twice, under a paused guest, ended by a reset, taken back by the guest, without a driver, and of a slot switched off by hand
# limit: 400

SLOT=12
DELETED='"DEVICE_DELETED".*"device": *"disk0"'
REFUSED='"DEVICE_UNPLUG_GUEST_ERROR".*"device": *"disk0"'

bring() {
    check "[$1] device_add" qmp_do device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.2\",\"wwpn\":\"$WWPN\",
        \"num_queues\":2,\"worker_per_virtqueue\":true"
    [ "$2" = unseen ] || check "[$1] the guest finds a disk" guest_do vm 60 disk 20
}

remove() {
    qmp_do device_del '"id":"disk0"'
}

# gone WHAT COUNT: for the COUNTth time, with all that belonged to it.
gone() {
    check "[$1] DEVICE_DELETED" qmp_wait 60 "$2" "$DELETED"
    check "[$1] no worker is left" equal "$(vmm_worker_count vm)" 0
    [ -e "$RUN/held" ] || vmm_held vm > "$RUN/held"
    check "[$1] nothing else is left" equal "$(vmm_held vm)" "$(cat "$RUN/held")"
}

# The name of the event that came later of two.
later_of() {
    grep -oE "\"event\": *\"($1|$2)\"" "$RUN/vm.qmp" | tail -n 1 | grep -oE "$1|$2"
}

twice() {
    check "[twice] device_del" remove
    check "[twice] a second one is refused" qmp_refuses 'already in the process of unplug' device_del '"id":"disk0"'
    gone twice 1
    check "[twice] then there is no such device" qmp_refuses "Device 'disk0' not found" device_del '"id":"disk0"'
}

# A guest that stands still cannot answer; the clock of the five seconds stands still, too.
paused() {
    bring paused
    check "[paused] stop" qmp_do stop
    check "[paused] device_del" remove
    check "[paused] it waits" qmp_refuses 'already in the process of unplug' device_del '"id":"disk0"'
    check "[paused] cont" qmp_do cont
    gone paused 2
    check "[paused] after cont" equal "$(later_of RESUME DEVICE_DELETED)" DEVICE_DELETED
}

reset() {
    bring reset
    check "[reset] device_del" remove
    check "[reset] system_reset" qmp_do system_reset
    gone reset 3
    check "[reset] the guest comes back" guest_wait vm 90 GUEST-READY 2
    check "[reset] without a disk" guest_do vm 30 nodisk
}

# Linux switches the slot off all the same after its five seconds; what is behind stays and comes back.
taken_back() {
    bring "taken back"
    check "[taken back] device_del" remove
    check "[taken back] the guest switches the indicator on that blinks" guest_do vm 30 keep $SLOT
    check "[taken back] DEVICE_UNPLUG_GUEST_ERROR" qmp_wait 30 1 "$REFUSED"
    check "[taken back] so that the guest has no disk" guest_do vm 60 disks "0 30"
    check "[taken back] the device stays, with its workers" equal "$(qmp_count "$DELETED") $(vmm_worker_count vm)" "3 2"
    check "[taken back] the slot can be switched on" guest_do vm 60 slot "$SLOT 1"
    check "[taken back] the disk is back" guest_do vm 60 disk 20
}

by_hand() {
    check "[by hand] the guest switches the slot off" guest_do vm 60 slot "$SLOT 0"
    check "[by hand] its disk is gone" guest_do vm 60 nodisk
    check "[by hand] the device is not" equal "$(qmp_count "$DELETED") $(vmm_worker_count vm)" "3 2"
    check "[by hand] and on" guest_do vm 60 slot "$SLOT 1"
    check "[by hand] the disk is back" guest_do vm 60 disk 20
    check "[by hand] the guest writes and reads" guest_do vm 60 fill 1
    check "[by hand] off once more" guest_do vm 60 slot "$SLOT 0"
    check "[by hand] device_del" remove
    gone "by hand" 4
}

# Nobody listens to the button: the device goes at once, and a new one is not seen before there is a driver.
no_driver() {
    bring "no driver"
    guest_do vm 30 pci
    check "[no driver] the port has none" guest_do vm 30 port "$SLOT unbind"
    check "[no driver] the guest forgets the adapter" guest_do vm 30 forget
    check "[no driver] device_del" remove
    gone "no driver" 5
    bring "no driver" unseen
    check "[no driver] a scan of the buses" guest_do vm 60 rescan
    check "[no driver] finds no disk" guest_do vm 60 nodisk
    check "[no driver] the port has one again" guest_do vm 30 port "$SLOT bind"
    check "[no driver] which finds the disk" guest_do vm 60 disk 20
    check "[no driver] and is asked for it" remove
    gone "no driver, then one" 6
    check "[no driver] and lets go" guest_do vm 30 nodisk
}

scenario() {
    target_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1,slot=11 -device pcie-root-port,id=pci.2,chassis=2,slot=$SLOT"
    vmm_start vm 2 2 "id=disk0,bus=pci.2,worker_per_virtqueue=on" disk,serve $QMP_OPTIONS
    check "guest is up with its disk" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    twice
    paused
    reset
    taken_back
    by_hand
    no_driver
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    check "nothing on standard error" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
