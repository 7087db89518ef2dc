# SPDX-License-Identifier: GPL-2.0-or-later
# For scenarios that run vhost-scsi-bench: backstores and figures. Sourced after lib.sh.

BENCH=/vmm/vhost-scsi-bench

# A target whose backstore answers without a disk. emulate_pr=0 takes away a lock of all commands.
nullio_make() {
    local core=$TARGET/core/rd_mcp_0/null0 tpg=$TARGET/vhost/$WWPN/tpgt_1

    target_remove
    if [ ! -d "$core" ]; then
        mkdir -p "$core"
        echo rd_pages=16384,rd_nullio=1 > "$core/control"
        echo 1 > "$core/enable"
        echo 0 > "$core/attrib/emulate_pr"
    fi
    mkdir -p "$tpg/lun/lun_0"
    echo naa.5001405000000002 > "$tpg/nexus"
    ln -s "$core" "$tpg/lun/lun_0/disk"
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
