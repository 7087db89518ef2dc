# SPDX-License-Identifier: GPL-2.0-or-later
# about: a network card with 4 pairs of queues: a worker for each, and pairs that come and go while data flows
# lane: e
# limit: 400
# needs: net
# only: ours

. /lab/net.sh

scenario() {
    target_make
    bridge_make
    EARLY_DEVICES="-netdev tap,id=n0,ifname=tap0,br=br0,queues=4 -device virtio-net-pci,id=net0,netdev=n0,mq=on"
    vmm_start vm 2 2 "" disk,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "the guest has a card" guest_do vm 60 net 10.9.0.2
    check "it uses a pair for each processor" guest_says vm 'GUEST-NET .* pairs=2 '
    check "each has a worker, and the disk" equal "$(vmm_worker_count vm)" 5
    check "a load begins" guest_do vm 30 netload "$HOST $PORT 16 4"
    for n in 4 1 3 2 4; do
        check "$n pairs under load" guest_do vm 60 channels $n
    done
    check "the card has 4 pairs" guest_says vm 'LABNET-CHANNELS now=4 most=4'
    check "5 pairs are refused" guest_do vm 60 nochannels 5
    check "nothing of the load was lost" guest_do vm 300 netdone
    for n in 1 4; do
        guest_do vm 60 channels $n
        check "data over $n pairs" guest_do vm 120 netcheck "$HOST $PORT 2 4"
    done
    check "no kick left the kernel" no_slow_notify vm
    check "nothing on standard error" no_messages vm
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    bridge_remove
}
