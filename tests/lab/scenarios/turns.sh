# SPDX-License-Identifier: GPL-2.0-or-later
# about: vhost-scsi-bench and the least program, with one worker and with two, in short turns (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# needs: bench
# limit: 600

. "$LAB_HOME/bench.sh"

# $LAB_TURNS comes from the configuration.
DEPTH=128  # a whole virtqueue of the default size, so that a worker does not wait for its driver
LONG=36000 # seconds: all of them run until they are ended
# Of each: where its memory happens to be makes some 3 % of one's speed, which the next boot has elsewhere.
INSTANCES="1 2"

# start NAME NUMBER COMMAND...
start() {
    local name=$1 number=$2
    shift 2

    nullio_add "$(target_wwpn "$number")" "$number"
    "$@" > "$RUN/$name.log" 2>&1 &
    echo $! > "$RUN/$name.pid"
    turns_add "$name" $! "$number"
}

# start_tool MODE INSTANCE NUMBER
start_tool() {
    start "tool-$1-$2" "$3" "$BENCH" --wwpn "$(target_wwpn "$3")" --queues 2 --depth $DEPTH --workers "$1" \
        --warmup 0 --seconds $LONG --json "$RUN/tool-$1-$2.json"
}

start_least() {
    start "least-$1-$2" "$3" minimal "$(target_wwpn "$3")" 2 $DEPTH "$1" $LONG
}

# end_tool MODE INSTANCE
end_tool() {
    kill -TERM "$(cat "$RUN/tool-$1-$2.pid")"
    kill -CONT "$(cat "$RUN/tool-$1-$2.pid")"
    wait "$(cat "$RUN/tool-$1-$2.pid")"
    check "vhost-scsi-bench, $1, $2: ended well" equal "$?" 0
    check "vhost-scsi-bench, $1, $2: neither failed, lost nor wrong" bench_good "tool-$1-$2"
}

# Who is compared is beside each other.
scenario() {
    target_remove
    for i in $INSTANCES; do
        start_least legacy "$i" "1$i"
        start_tool legacy "$i" "2$i"
        start_tool per-virtqueue "$i" "3$i"
        start_least per-virtqueue "$i" "4$i"
    done
    sleep 3
    check "all take their turns" turns_take "$((LAB_TURNS / 5))" 60 300
    for i in $INSTANCES; do
        end_tool legacy "$i"
        end_tool per-virtqueue "$i"
        # It is told nothing but to end.
        kill -9 "$(cat "$RUN/least-legacy-$i.pid")" "$(cat "$RUN/least-per-virtqueue-$i.pid")"
    done
    wait
    target_remove
}
