# SPDX-License-Identifier: GPL-2.0-or-later
# about: 8 adapters that are added all through the guest's boot, one of them before it starts and one of them twice, are all found
# lane: c
# limit: 400

# When each is added: the line of the guest's kernel that the console has just shown. The guest goes on meanwhile, so
# that some are added a little later; all must be found whenever they come.
MOMENTS='Kernel command line
pci_bus 0000:00: root bus resource
PCI: Using ACPI for IRQ routing
TCP established hash table
pci_bus 0000:02: resource
pcieport 0000:00:01.0: pciehp
Run /init as init process'

add() {
    qmp device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk$1\",\"bus\":\"port$1\",\"wwpn\":\"$(target_wwpn "$1")\",
        \"num_queues\":1"
}

# The eighth goes before the guest's driver can know of it, and comes back at the end.
come_and_go() {
    add 8
    qmp_do device_del '"id":"disk8"'
    check "what no driver has seen goes at once" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"disk8"'
}

add_at_all_moments() {
    n=1
    while read -r moment <&5; do
        n=$((n + 1))
        check "the guest's console has come to: $moment" guest_wait vm 120 "$moment"
        [ "$n" = 8 ] || add "$n"
        note "disk$n is added after $(wc -l < "$RUN/vm.log") lines"
        [ "$n" != 2 ] || come_and_go
    done 5<< END
$MOMENTS
END
    add 8
}

scenario() {
    target_make
    for n in $(seq 8); do
        target_add "$n"
        EARLY_DEVICES="$EARLY_DEVICES -device pcie-root-port,id=port$n,chassis=1,slot=$n"
    done
    EXTRA_APPEND="earlyprintk=ttyS0 loglevel=7"
    vmm_start vm 2 2 worker_per_virtqueue=on disk,serve $QMP_OPTIONS -S
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    add 1
    check "the guest starts" qmp_do cont
    add_at_all_moments
    check "guest is up" guest_wait vm 120 GUEST-READY
    check "it finds 8 disks more" guest_do vm 120 disks "9 60"
    check "no command failed" equal "$(qmp_count '"error":')" 0
    check "nothing on standard error" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
