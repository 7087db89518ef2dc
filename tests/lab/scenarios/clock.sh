# SPDX-License-Identifier: GPL-2.0-or-later
# about: a guest that was stopped has not seen the pause: 30 seconds with kvm-clock, short ones with the TSC
# lane: c
# limit: 300
# only: ours

PAUSE=30       # seconds
SHORT_PAUSES=${SHORT_PAUSES:-3}

# Hundredths of a second: the lab's, and the guest's monotonic clock as it last told.
lab_now() {
    cut -d' ' -f1 /proc/uptime | tr -d .
}

guest_now() {
    guest_value vm GUEST-CLOCK now | tr -d .
}

# The guest ran for no longer than the whole took without the pause. What its clock shows beyond that is a jump.
no_jump() {
    local jump=$(((guest_after - guest_before) - (lab_after - lab_before - stopped)))

    note "$1: the guest counted $((guest_after - guest_before)), the lab $((lab_after - lab_before)), of these stopped $stopped"
    [ "$guest_after" -gt "$guest_before" ] && [ "$jump" -lt $((stopped / 2)) ]
}

# across_a_stop WHAT SECONDS
across_a_stop() {
    lab_before=$(lab_now)
    check "$1: the guest tells its clock" guest_do vm 60 clock
    guest_before=$(guest_now)
    check "$1: stop" qmp_do stop
    stopped=$(lab_now)
    sleep "$2"
    stopped=$(($(lab_now) - stopped))
    check "$1: cont" qmp_do cont
    check "$1: the guest tells its clock again" guest_do vm 60 clock
    guest_after=$(guest_now)
    lab_after=$(lab_now)
    check "$1: the guest's clock has not jumped by the pause" no_jump "$1"
}

# takes CLOCK: whether the guest goes by it from now on.
takes() {
    check "the guest is asked for $1" guest_do vm 60 clocksource "$1"
    equal "$(guest_value vm GUEST-CLOCKSOURCE is)" "$1"
}

trusts_all() {
    grep '^GUEST-CLOCK-LOG' "$RUN/vm.log" | tail -n 1 | tr -d '\r' | grep -qx 'GUEST-CLOCK-LOG '
}

scenario() {
    target_make
    # shellcheck disable=SC2086 # options are words
    vmm_start vm 1 1 '' disk,serve $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    qmp_open vm
    check "the guest has kvm-clock" takes kvm-clock
    across_a_stop kvm-clock $PAUSE
    check "the guest's kernel distrusts no clock" trusts_all
    check "the guest takes the TSC for its clock" takes tsc
    for n in $(seq $SHORT_PAUSES); do
        across_a_stop "tsc $n" 3
    done
    check "it still has the TSC" takes tsc
    check "the guest's kernel distrusts no clock after short pauses" trusts_all
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
