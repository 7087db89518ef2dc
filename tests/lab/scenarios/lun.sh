# SPDX-License-Identifier: GPL-2.0-or-later
# about: with hotplug=on the guest follows LUNs that come and go in the target, those of whose coming it missed the event too; with hotplug=off it does not
# limit: 300

LUNS=12 # more than the 8 event buffers of Linux' driver

add() {
    for lun in $(seq "$1"); do
        lun_add "$WWPN" "$lun" "$lun"
    done
}

# One after the other: a removal that it missed Linux' driver does not see afterwards.
remove() {
    for lun in $(seq "$1"); do
        lun_remove "$WWPN" "$lun"
        guest_do vm 60 disks "$(($1 + 1 - lun)) 30" || return
    done
}

# An event whose turn comes while the endpoint goes is missed then; asking before would be too early.
asked_last() {
    equal "$(grep -oE 'clear_endpoint|get_events_missed' "$RUN/vm.trace" | tail -n 2 | tr '\n' ' ')" "clear_endpoint get_events_missed "
}

# Until the guest's driver has given its event buffers back: a scan waits for those that events have begun.
all_found() {
    guest_do vm 90 disks "$((LUNS + 1)) 60" && guest_do vm 60 scan
}

# How often the kernel has told the VMM that the guest missed events.
missed_noted() {
    grep -c 'get_events_missed.*missed=1' "$RUN/vm.trace"
}

one_lun() {
    add 1
    check "a new LUN is a disk without a scan" guest_do vm 60 disks "2 30"
    check "the guest uses it" guest_do vm 30 use sdb
    check "the guest writes and reads" guest_do vm 60 fill 2
    guest_do vm 60 sum 2
    check "guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 2 1)"
    check "a removed LUN takes its disk with it" remove 1
}

# While no thread of the VMM runs, no event buffer comes back.
many_luns() {
    kill -STOP "$(vmm_pid vm)"
    add $LUNS
    kill -CONT "$(vmm_pid vm)"
    check "$LUNS LUNs at once are all found" all_found
    check "they go, each with its LUN" remove $LUNS
}

# The monitor reads the command before or after the kernel's worker has told the guest, as it comes.
over_stop() {
    kill -STOP "$(vmm_pid vm)"
    add $LUNS
    qmp stop
    kill -CONT "$(vmm_pid vm)"
    check "stop" qmp_wait 30 1 '"STOP"'
    check "the VMM asks for missed events once the endpoint is cleared" asked_last
    check "cont" qmp_do cont
    check "what was added before stop is found after cont" all_found
    note "missed events noted by the VMM: $(missed_noted)"
    check "and goes" remove $LUNS
}

# Of two LUNs the later one's event shows that there was none for the first.
while_stopped() {
    check "stop" qmp_do stop
    add 1
    check "cont" qmp_do cont
    lun_add "$WWPN" 2 2
    check "of a LUN that came while stopped the guest hears nothing" guest_do vm 60 disks "2 30"
    check "it sees the one that came later" equal "$(grep '^GUEST-DISKS sdb' "$RUN/vm.log" | tail -n 1 | tr -d '\r')" "GUEST-DISKS sdb 0:0:1:2"
    check "the other is found by a scan" guest_do vm 60 scan
    check "so that there are two more" guest_do vm 60 disks "3 30"
    check "both go" remove 2
}

after_reboot() {
    guest_send vm reboot
    check "the guest comes back" guest_wait vm 90 GUEST-READY 2
    one_lun
}

without() {
    vmm_start off 2 2 "" disk,serve
    check "[off] guest is up" guest_wait off 90 GUEST-READY
    add 1
    check "[off] the guest writes and reads" guest_do off 60 fill 1
    check "[off] it has one disk" guest_do off 30 disks 1
    check "[off] a scan finds the other" guest_do off 60 scan
    check "[off] which is there" guest_do off 60 disks "2 30"
    check "[off] no event failed, nothing on standard error" no_messages off
    guest_send off poweroff
    check "[off] poweroff ends the VMM with status 0" vmm_ends off 45 0
}

scenario() {
    target_make
    vmm_start vm 2 2 hotplug=on disk,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    one_lun
    many_luns
    over_stop
    while_stopped
    after_reboot
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    check "nothing on standard error" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    without
}
