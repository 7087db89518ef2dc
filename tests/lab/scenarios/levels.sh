# SPDX-License-Identifier: GPL-2.0-or-later
# about: workers=auto at four load levels, a minute each, beside its own time with one worker and with two (tests/bench/workers)
# hidden: run by tests/bench/workers
# cpus: 2
# needs: bench
# limit: 500

. "$LAB_HOME/bench.sh"

# samples NAME: all of that run's as MS:WORKERS:DONE, in one line.
samples() {
    grep -oE '"(ms|workers|done)": [0-9]+' "$RUN/$1.json" | sed 's/.* //' | paste -d: - - - | tr '\n' ' '
}

# One process is all three settings in turn, as it tries them: where its memory is makes no difference then.
scenario() {
    nullio_make
    for depth in 1 8 32 128; do
        check "depth $depth" bench "$depth" --queues 2 --depth "$depth" --workers auto --warmup 0 --seconds 60 \
            --trace vhost_worker_auto
        check "depth $depth: neither failed, lost nor wrong" bench_good "$depth"
        echo "LAB-FIGURE level 1 depth-$depth $(samples "$depth")"
    done
}
