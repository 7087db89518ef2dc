# SPDX-License-Identifier: GPL-2.0-or-later
# about: vhost-scsi-bench with each mode of workers, queues and depths, in turns (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# needs: bench
# limit: 1200

. "$LAB_HOME/bench.sh"

# $LAB_ROUNDS, $LAB_QUEUES, $LAB_DEPTHS, $LAB_MODES and $LAB_WARMUP come from the configuration.

# point ROUND QUEUES DEPTH MODE; MODE may be a number of workers, of which there are no more than queues.
point() {
    case $4 in
    [0-9]*) [ "$4" -le "$2" ] || return 0 ;;
    esac
    check "round $1, $2 queues, depth $3, $4" \
        bench point --queues "$2" --depth "$3" --workers "$4" --seconds 1 --warmup "$LAB_WARMUP"
    echo "LAB-FIGURE point $1 $2 $3 $4 $(bench_values point iops) $(bench_values point p50) $(bench_values point p99)"
}

scenario() {
    nullio_make
    note "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    round=1
    while [ "$round" -le "$LAB_ROUNDS" ]; do
        for queues in $LAB_QUEUES; do
            for depth in $LAB_DEPTHS; do
                for mode in $LAB_MODES; do
                    point "$round" "$queues" "$depth" "$mode"
                done
            done
        done
        round=$((round + 1))
    done
}
