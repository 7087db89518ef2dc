# SPDX-License-Identifier: GPL-2.0-or-later
# For scenarios that run vhost-scsi-bench: backstores and figures. Sourced after lib.sh.

BENCH=/vmm/vhost-scsi-bench
NULLIO=$TARGET/core/rd_mcp_0/null
TURNS=

# nullio_add WWPN NUMBER: a target with backstore NUMBER, which answers without a disk. submit_type=1: a command is
# the worker's own work, where others leave half of it to a work queue. emulate_pr=0 takes away a lock of all commands.
nullio_add() {
    local core=$NULLIO$2 tpg=$TARGET/vhost/$1/tpgt_1

    if [ ! -d "$core" ]; then
        mkdir -p "$core"
        echo rd_pages=16384,rd_nullio=1 > "$core/control"
        echo 1 > "$core/enable"
        echo 0 > "$core/attrib/emulate_pr"
        echo 1 > "$core/attrib/submit_type"
    fi
    mkdir -p "$tpg/lun/lun_0"
    echo "naa.5001405$(printf '%09d' "$2")" > "$tpg/nexus"
    ln -s "$core" "$tpg/lun/lun_0/disk"
}

# The target $WWPN with such a backstore, and no other.
nullio_make() {
    target_remove
    nullio_add "$WWPN" 0
}

# turns_add NAME PID NUMBER [FILE]: takes part in turns_take: process PID, whose I/O goes to backstore NUMBER. FILE holds
# a further counter.
turns_add() {
    TURNS="$TURNS $1 $2 $NULLIO$3/statistics/scsi_lu/num_cmds${4:+,$4}"
}

# turns_take ROUNDS SETTLE_MS MS: prints a figure for each turn (tests/bench/turns.c); all are stopped then.
# False: one has ended, or did nothing.
turns_take() {
    local runners=$TURNS

    TURNS=
    # shellcheck disable=SC2086 # words
    turns "$@" $runners
}

# level_of NAME NUMBER SECONDS: what VMM NAME reads of backstore NUMBER, with how many workers: MS:WORKERS:READS each fifth
# of a second, in one line. Starts no process but usleep, since it would take from the VMM.
level_of() {
    local pid file up start ms=0 reads workers task name

    pid=$(vmm_pid "$1")
    file=$NULLIO$2/statistics/scsi_lu/num_cmds
    start=
    while [ "$ms" -lt $(($3 * 1000)) ]; do
        usleep 200000
        workers=0
        for task in /proc/"$pid"/task/*/comm; do
            read -r name < "$task" || continue # that thread has ended
            case $name in
            vhost-*) workers=$((workers + 1)) ;;
            esac
        done
        read -r up name < /proc/uptime
        read -r reads < "$file"
        up=${up%.*}${up#*.}0
        start=${start:-$up}
        ms=$((up - start))
        printf '%s:%s:%s ' "$ms" "$workers" "$reads"
    done
}

# bench NAME OPTION...: its JSON is $RUN/NAME.json, the rest $RUN/NAME.log.
bench() {
    local name=$1
    shift

    rm -f "$RUN/$name.json"
    echo "$BENCH $*" > "$RUN/$name.cmd"
    "$BENCH" --wwpn "$WWPN" --json "$RUN/$name.json" "$@" > "$RUN/$name.log" 2>&1
}

# bench_values NAME KEY: every value of that key, in order.
bench_values() {
    grep -oE "\"$2\": [0-9.]+" "$RUN/$1.json" | sed 's/.*: //'
}

# The numbers of workers over time, without repeats: "1 2 1".
bench_workers() {
    bench_values "$1" workers | uniq | tr '\n' ' ' | sed 's/ $//'
}

# Neither failed, lost nor wrong.
bench_good() {
    equal "$(bench_values "$1" errors) $(bench_values "$1" lost) $(bench_values "$1" mismatches)" "0 0 0"
}
