# SPDX-License-Identifier: GPL-2.0-or-later
# about: workers=auto gives busy queues a second worker, and has one again when the load is gone (2 processors)
# lane: two
# cpus: 2
# needs: bench
# limit: 120
# only: ours

. "$LAB_HOME/bench.sh"

scenario() {
    nullio_make
    check "under load and after it, no request is lost" \
        bench auto --queues 4 --depth 64 --workers auto --warmup 0 --seconds 15 --idle 12
    check "no error" bench_good auto
    note "numbers of workers: $(bench_workers auto); requests per second: $(bench_values auto iops)"
    check "it begins with one worker" equal "$(bench_values auto workers | head -n 1)" 1
    check "it comes to two" equal "$(bench_values auto workers | sort -n | tail -n 1)" 2
    check "it ends with one" equal "$(bench_values auto workers | tail -n 1)" 1
    check "queues that wait for each other" \
        bench wait --queues 2 --depth 1 --workers auto --warmup 0 --seconds 12 --trace 'vhost_worker_auto*'
    note "numbers of workers: $(bench_workers wait); requests per second: $(bench_values wait iops)"
    check "get two workers, though one has time to spare" equal "$(bench_values wait workers | tail -n 1)" 2
    check "one queue is not worth a second worker" \
        bench one --queues 2 --jobs 1 --depth 16 --workers auto --warmup 0 --seconds 5
    check "which it never gets" equal "$(bench_workers one)" 1
}
