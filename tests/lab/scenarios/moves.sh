# SPDX-License-Identifier: GPL-2.0-or-later
# about: a guest writes and reads checked data while its queues move between workers that are made and freed
# lane: b
# limit: 240
# only: ours

ROUNDS=10 # at least

# One round: a new worker takes all request queues, one by one, and the one before it ends.
round() {
    qmp_do vhost-new-worker '"id":"disk0"' || return
    new=$(echo "$QMP_ANSWER" | sed 's/.*"worker-id": *\([0-9]*\).*/\1/')
    for vq in 2 3 4 5; do
        qmp_do vhost-attach-vring-worker "\"id\":\"disk0\",\"virtqueue\":$vq,\"worker-id\":$new" || return
    done
    [ "$last" = 0 ] || qmp_do vhost-free-worker "\"id\":\"disk0\",\"worker-id\":$last" || return
    last=$new
}

rounds() {
    last=0 done=0
    while ! stress_ended; do
        round || return
        done=$((done + 1))
    done
}

stress_ended() {
    guest_says vm "^GUEST-DONE $GUEST_NUMBER "
}

scenario() {
    target_make
    vmm_start vm 2 4 "id=disk0,workers=1" disk,fill:1,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    guest_send vm stress 20
    check "workers come and go while the guest is at work" rounds
    note "$done workers came and went, $((4 * done)) queues moved"
    check "at least $ROUNDS of them" test "$done" -ge $ROUNDS
    check "whose data are good" guest_wait vm 90 "^GUEST-DONE $GUEST_NUMBER rc=0"
    note "$(grep '^labio' "$RUN/vm.log" | tail -n 1 | tr -d '\r')"
    check "two workers are left" equal "$(vmm_worker_count vm)" 2
    guest_do vm 60 dmesg
    check "guest's kernel log is clean" equal "$(guest_count vm GUEST-DMESG)" 0
    check "no kick left the kernel" no_slow_notify vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
