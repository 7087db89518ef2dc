# SPDX-License-Identifier: GPL-2.0-or-later
# about: a guest's network under this VMM and under Debian's QEMU with vhost, in turns (tests/bench/net)
# limit: 2400
# needs: net iperf3
# hidden: run by tests/bench/net

. /lab/net.sh

# $LAB_ROUNDS, $LAB_SECONDS and $LAB_CONTENDERS (of: ours qemu) come from the configuration.

address_of() {
    case $1 in
    ours) echo 10.9.0.2 ;;
    qemu) echo 10.9.0.3 ;;
    esac
}

start() {
    local more=

    LAB_KIND=$1
    is_ours || more=,romfile=
    # shellcheck disable=SC2046 # options are words
    vmm_spawn "$1" "$(vmm_program)" $(vmm_base 1) -append "$(guest_append serve)" \
        -netdev "tap,id=n0,ifname=tap-$1,script=no,downscript=no,vhost=on" \
        -device "virtio-net-pci,netdev=n0,mac=52:54:00:00:00:0$(address_of "$1" | cut -d. -f4)$more"
    guest_wait "$1" 120 GUEST-READY || return
    brctl addif br0 "tap-$1"
    ifconfig "tap-$1" up
    guest_do "$1" 60 net "$(address_of "$1")" && guest_do "$1" 60 reach $HOST
}

# Both ways.
packets() {
    echo $(($(cat "/sys/class/net/tap-$1/statistics/rx_packets") + $(cat "/sys/class/net/tap-$1/statistics/tx_packets")))
}

# exits NAME COUNTER: each VM has a directory named after its process.
exits() {
    cat /sys/kernel/debug/kvm/"$(vmm_pid "$1")"-*/"$2"
}

# turn NAME TEST LINE VERB ARGUMENTS: a figure of what LINE of the guest says, packets, exits, and of these those that
# left the kernel with a register.
turn() {
    local packets exits mmio

    packets=$(packets "$1") exits=$(exits "$1" exits) mmio=$(exits "$1" mmio_exits)
    guest_do "$1" $((LAB_SECONDS + 60)) "$4" "$5" || return
    echo "LAB-FIGURE net $1 $2 $(guest_value "$1" "$3" rate) $(($(packets "$1") - packets))" \
        "$(($(exits "$1" exits) - exits)) $(($(exits "$1" mmio_exits) - mmio))"
}

turns_of() {
    check "$1 sends" turn "$1" out GUEST-IPERF iperf "$HOST -t $LAB_SECONDS"
    check "$1 receives" turn "$1" in GUEST-IPERF iperf "$HOST -R -t $LAB_SECONDS"
    check "$1 asks" turn "$1" trips LABNET-TRIPS trips "$HOST $PORT $LAB_SECONDS"
}

scenario() {
    local round=1 order=$LAB_CONTENDERS

    bridge_make
    iperf3 --server > "$RUN/iperf.txt" 2>&1 &
    echo $! >> "$RUN/pids"
    for name in $LAB_CONTENDERS; do
        check "$name is up" start "$name"
    done
    [ ! -s "$RUN/failed" ] || return
    while [ "$round" -le "$LAB_ROUNDS" ]; do
        for name in $order; do
            turns_of "$name"
        done
        # Who was first is last.
        order=$(for name in $order; do echo "$name"; done | tac)
        round=$((round + 1))
    done
    for name in $LAB_CONTENDERS; do
        vmm_kill "$name"
    done
    bridge_remove
}
