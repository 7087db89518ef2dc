# SPDX-License-Identifier: GPL-2.0-or-later
# about: the balloon takes and gives memory, the host has it meanwhile, free pages are reported, and a disk in use notices nothing
# lane: d
# limit: 400

FEWER=201326592
WHOLE=268435456

rss() { # in MiB
    awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$(vmm_pid vm)/status"
}

rss_below() {
    [ "$(rss)" -lt "$1" ]
}

actual_is() {
    qmp_do query-balloon || return
    case $QMP_ANSWER in
    *"\"actual\": $1"*) return 0 ;;
    *) return 1 ;;
    esac
}

# keep NAME BYTES: the guest is to keep so much, and does.
keep() {
    check "[$1] balloon is accepted" qmp_do balloon "\"value\":$2"
    check "[$1] the guest keeps $(($2 / 1048576)) MiB" wait_for 60 actual_is "$2"
}

stats_known() {
    qmp_do qom-get '"path":"/machine/peripheral/balloon0","property":"guest-stats"' || return
    case $QMP_ANSWER in
    *'"last-update": 0'* | *'"stat-total-memory": 18446744073709551615'*) return 1 ;;
    esac
}

scenario() {
    target_make
    vmm_start vm 2 2 worker_per_virtqueue=on disk,serve \
        -device virtio-balloon-pci,id=balloon0,free-page-reporting=on $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    check "the guest uses 64 MiB" guest_do vm 90 hold 64
    check "it drops them" guest_do vm 30 drop
    used=$(rss)
    check "its driver comes" guest_do vm 30 balloon
    check "the host has the free pages" wait_for 90 rss_below $((used - 40))
    note "resident MiB: $used, then $(rss)"

    keep fewer $FEWER
    check "BALLOON_CHANGE" qmp_wait 30 1 '"BALLOON_CHANGE"'
    guest_do vm 30 memory
    note "the guest has $(guest_value vm GUEST-MEMORY total) MiB"
    check "the host has the rest" rss_below 200
    keep whole $WHOLE
    check "the guest uses it again" guest_do vm 90 hold 64
    check "what it holds is what it was" guest_do vm 60 held
    guest_do vm 30 drop

    check "figures are asked for" qmp_do qom-set \
        '"path":"/machine/peripheral/balloon0","property":"guest-stats-polling-interval","value":1'
    check "the guest tells them" wait_for 60 stats_known

    check "a storm on the disk begins" guest_do vm 30 storm 120
    for round in 1 2; do
        keep "storm $round" $FEWER
        keep "storm $round" $WHOLE
    done
    check "the storm has seen no wrong byte" guest_do vm 60 calm
    # Linux kicks the queue of figures before DRIVER_OK.
    check "no kick of the disk left the kernel" \
        equal "$(grep virtio_pci_notify_slow "$RUN/vm.trace" | grep -vc balloon0)" 0

    keep reboot $FEWER
    guest_send vm reboot
    check "the guest comes back" guest_wait vm 90 GUEST-READY 2
    check "it has all of its memory" actual_is $WHOLE
    check "its driver comes again" guest_do vm 30 balloon
    check "and is still asked for fewer" wait_for 60 actual_is $FEWER
    check "no message" no_messages vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
