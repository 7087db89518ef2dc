# SPDX-License-Identifier: GPL-2.0-or-later
# about: a network card on a tap and a bridge: DHCP, ping, checked data both ways, no exit for a packet; link, stop, reset, hotplug, a tap by descriptor
# lane: e
# limit: 600
# needs: net
# only: ours

. /lab/net.sh

GUEST=10.9.0.2

# MMIO: what KVM has counted of vCPUs that left the guest for a register. The console's are ports.
mmio_exits() {
    qmp_do query-stats '"target":"vcpu","providers":[{"provider":"kvm","names":["mmio_exits"]}]' || return
    MMIO=$(echo "$QMP_ANSWER" | grep -o '"value": *[0-9]*' | awk '{ sum += $NF } END { print sum }')
    [ -n "$MMIO" ]
}

pings_without_exit() {
    local before

    mmio_exits || return
    before=$MMIO
    guest_do "$1" 60 ping "$HOST 20" && mmio_exits || return
    note "20 pings: $((MMIO - before)) MMIO exits"
    equal "$((MMIO - before))" 0
}

# works NAME: after anything that came between.
works() {
    check "[$2] ping" guest_do "$1" 60 ping "$HOST 3"
    check "[$2] data from the guest and back" guest_do "$1" 120 netcheck "$HOST $PORT 1 1"
    check "[$2] data to the guest and back" labnet check $GUEST $PORT 1 1
}

dhcp_and_data() {
    dhcp_start
    check "the guest gets an address by DHCP" guest_do vm 60 net
    check "it is the one that there is" guest_says vm 'GUEST-NET .* address=10.9.0.50 '
    check "the card has the address that it was given" guest_says vm 'GUEST-NET mac=52:54:00:aa:bb:01 mtu=1500 '
    check "a driver for it is one worker" equal "$(vmm_worker_count vm)" 2
    check "the guest takes another address" guest_do vm 30 net $GUEST
    guest_do vm 10 echo $PORT
    works vm first
    check "2 MiB over 4 connections" guest_do vm 240 netcheck "$HOST $PORT 2 4"
    check "a packet costs no exit to the VMM" pings_without_exit vm
    check "no kick left the kernel" no_slow_notify vm
}

# The bridge hears of a carrier up to a second later than the guest.
port_forwards() {
    [ "$(cat "/sys/class/net/$1/brport/state")" = 3 ]
}

tap_count() {
    cat "/sys/class/net/tap0/statistics/$1_packets"
}

# What guest and tap have counted, as one number for each direction: it stays the same while nothing is lost. Sets
# DIFFERENCE.
difference() {
    guest_do vm 30 packets || return
    DIFFERENCE="$(($(guest_value vm GUEST-PACKETS tx) - $(tap_count rx)))"
    DIFFERENCE="$DIFFERENCE $(($(guest_value vm GUEST-PACKETS rx) - $(tap_count tx)))"
}

difference_is() {
    difference && [ "$DIFFERENCE" = "$1" ]
}

link_down_and_up() {
    local before

    difference
    before=$DIFFERENCE
    note "packets of guest and tap, out and in, differ by $before"
    check "set_link down" qmp_do set_link '"name":"net0","up":false'
    check "the guest has no carrier" guest_do vm 30 carrier 0
    check "nothing comes through" guest_do vm 30 noping $HOST
    check "set_link up, by the netdev's name" qmp_do set_link '"name":"n0","up":true'
    check "the guest has a carrier" guest_do vm 30 carrier 1
    check "the bridge has one" wait_for 30 port_forwards tap0
    # The first may be lost: in the guest it waits for an answer to a question that was asked without a carrier.
    check "the guest reaches the host" guest_do vm 60 reach $HOST
    works vm link
    check "no packet was lost between guest and tap" wait_for 30 difference_is "$before"
}

stop_and_reset() {
    check "stop" qmp_do stop
    check "cont" qmp_do cont
    works vm cont
    check "the guest changes its address" guest_do vm 30 mac 52:54:00:aa:bb:77
    check "the event says so" qmp_wait 30 1 NIC_RX_FILTER_CHANGED
    qmp_do query-rx-filter
    case $QMP_ANSWER in
    *'"main-mac": "52:54:00:aa:bb:77"'* | *'"main-mac":"52:54:00:aa:bb:77"'*) ;;
    *) check "query-rx-filter shows it" equal "$QMP_ANSWER" 52:54:00:aa:bb:77 ;;
    esac
    works vm mac
    check "reset" qmp_do system_reset
    check "the guest is up again" guest_wait vm 90 GUEST-READY 2
    check "it finds its card again" guest_do vm 60 net $GUEST
    check "with its first address" equal "$(guest_value vm GUEST-NET mac)" 52:54:00:aa:bb:01
    guest_do vm 10 echo $PORT
    works vm reset
}

unplug_and_plug() {
    local held

    check "netdev_del is refused while a card uses it" qmp_refuses "in use by device 'net0'" netdev_del '"id":"n0"'
    check "device_del" qmp_do device_del '"id":"net0"'
    check "DEVICE_DELETED" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"net0"'
    check "the guest has no card" guest_do vm 30 nonet
    check "netdev_del" qmp_do netdev_del '"id":"n0"'
    check "its tap is gone" equal "$(ls /sys/class/net | grep -c tap)" 0
    held=$(vmm_held vm)
    check "CAP_NET_ADMIN alone is kept" equal "$(vmm_capabilities vm)" 0000000000001000
    check "netdev_add" qmp_do netdev_add '"type":"tap","id":"n1","ifname":"tap1","br":"br0"'
    check "device_add" qmp_do device_add \
        '"driver":"virtio-net-pci","id":"net1","netdev":"n1","bus":"pci.2","mac":"52:54:00:aa:bb:02"'
    check "the guest has a card again" guest_do vm 60 net $GUEST
    works vm plug
    check "device_del" qmp_do device_del '"id":"net1"'
    check "DEVICE_DELETED" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"net1"'
    check "netdev_del" qmp_do netdev_del '"id":"n1"'
    check "nothing is left of it" equal "$(settled vmm_held vm)" "$held"
}

# Descriptors that somebody else has opened, for a VMM without any right.
by_descriptor() {
    LABRUN="-t 7=tap7 -f 8=/dev/vhost-net -f 9=/dev/vhost-scsi -u 1000"
    EARLY_DEVICES="-netdev tap,id=n0,fd=7,vhostfd=8 -device virtio-net-pci,netdev=n0"
    vmm_start user 1 1 vhostfd=9 disk,serve
    LABRUN=
    check "guest is up" guest_wait user 90 GUEST-READY
    brctl addif br0 tap7
    ifconfig tap7 up
    check "the guest has a card" guest_do user 60 net $GUEST
    check "its address was made" guest_says user 'GUEST-NET mac=52:54:00:'
    guest_do user 10 echo $PORT
    works user descriptor
    check "nothing on standard error" no_messages user
    guest_send user poweroff
    check "poweroff ends the VMM with status 0" vmm_ends user 45 0
}

scenario() {
    target_make
    bridge_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1 -device pcie-root-port,id=pci.2,chassis=2
        -netdev tap,id=n0,ifname=tap0,br=br0
        -device virtio-net-pci,id=net0,netdev=n0,bus=pci.1,mac=52:54:00:aa:bb:01"
    vmm_start vm 2 2 "" disk,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    dhcp_and_data
    link_down_and_up
    stop_and_reset
    unplug_and_plug
    check "nothing on standard error" no_messages vm
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    by_descriptor
    bridge_remove
}
