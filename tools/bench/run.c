/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run in its order, the looks at the workers, and moves of queues. */
#include "bench.h"
#include "util/error.h"
#include "util/json.h"

#include <poll.h>
#include <sys/signalfd.h>

/* --- the workers --- */

/* What each worker ran since the last look is added up, so that workers that
 * come and go count too. Machine lock. */
static uint64_t workers_ran(Bench *b)
{
    const VhostDev *d = b->vdev->vhost;
    uint64_t ran = 0;

    for (unsigned i = 0; i < d->workers->len; i++) {
        const VhostWorker *w = &g_array_index(d->workers, VhostWorker, i);
        ThreadStat stat;
        uint64_t *last;

        if (thread_read_stat(&w->thread, &stat) < 0) {
            continue;
        }
        b->cpu_known = true;
        last = g_hash_table_lookup(b->run_ns, GINT_TO_POINTER(w->thread.tid));
        if (!last) {
            last = g_new0(uint64_t, 1);
            g_hash_table_insert(b->run_ns, GINT_TO_POINTER(w->thread.tid),
                                last);
        }
        /* A number that was given again is another thread's. */
        ran += stat.run_ns - (stat.run_ns < *last ? 0 : *last);
        *last = stat.run_ns;
    }
    return ran;
}

static void look(Bench *b)
{
    BenchSample s = { .ms = (bench_now_ns() - b->start_ns) / 1000000,
                      .done = bench_done(b) };

    machine_lock(b->machine);
    s.workers = b->vdev->vhost->workers->len;
    b->cpu_ns += workers_ran(b);
    machine_unlock(b->machine);
    if (b->samples->len < BENCH_SAMPLES_MAX) {
        g_array_append_val(b->samples, s);
    }
}

static json_object *describe_workers(Bench *b)
{
    json_object *list = json_object_new_array();
    const VhostDev *d;

    machine_lock(b->machine);
    d = b->vdev->vhost;
    for (unsigned i = 0; i < d->workers->len; i++) {
        const VhostWorker *w = &g_array_index(d->workers, VhostWorker, i);
        json_object *row = json_object_new_object();
        g_autofree char *queues = vhost_worker_queues(d, w->id);
        ThreadStat stat;

        json_add_uint(row, "worker-id", w->id);
        json_add_string(row, "virtqueues", queues);
        if (thread_read_stat(&w->thread, &stat) == 0) {
            json_add_int(row, "tid", w->thread.tid);
            json_add_uint(row, "run-ms", stat.run_ns / 1000000);
            json_add_uint(row, "wait-ms", stat.wait_ns / 1000000);
            json_add_uint(row, "slices", stat.slices);
        }
        json_object_array_add(list, row);
    }
    machine_unlock(b->machine);
    return list;
}

/* --- moves: work of the control thread, like a monitor's --- */

typedef struct Mover {
    ControlJob job;
    Bench *bench;
    uint64_t left;
    bool stop;
    bool idle; /* it is not posted */
    int error; /* negative; of the first move that failed */
} Mover;

/* The next queue to the worker after its own. */
static int move_one(Bench *b)
{
    VhostDev *d = b->vdev->vhost;
    unsigned vq = d->plan->n_fixed + (unsigned)(b->moves % b->n_queues);
    uint32_t id = g_array_index(d->vq_workers, uint32_t, vq);

    for (unsigned i = 0; i < d->workers->len; i++) {
        if (g_array_index(d->workers, VhostWorker, i).id == id) {
            i = (i + 1) % d->workers->len;
            id = g_array_index(d->workers, VhostWorker, i).id;
            break;
        }
    }
    return vhost_live_attach(d, vq, id);
}

static void mover_run(ControlJob *job, bool cancelled)
{
    Mover *m = container_of(job, Mover, job);

    if (!cancelled && !m->stop && m->left) {
        int r = move_one(m->bench);

        m->error = m->error ?: r;
        m->bench->moves++;
        m->left--;
    }
    if (!cancelled && !m->stop && m->left) {
        control_post(m->bench->machine, &m->job);
        return;
    }
    m->idle = true;
    g_cond_broadcast(&m->bench->machine->cond);
}

static bool mover_start(Mover *m, GError **errp)
{
    Machine *machine = m->bench->machine;
    bool several;

    machine_lock(machine);
    several = m->bench->vdev->vhost->workers->len > 1;
    if (several && m->left) {
        m->idle = false;
        control_post(machine, &m->job);
    }
    machine_unlock(machine);
    if (m->left && !several) {
        error_setg(errp, "--moves needs a device with at least two workers: "
                         "see --workers");
        return false;
    }
    return true;
}

static bool mover_stop(Mover *m, GError **errp)
{
    Machine *machine = m->bench->machine;

    machine_lock(machine);
    m->stop = true;
    while (!m->idle) {
        g_cond_wait(&machine->cond, &machine->lock);
    }
    machine_unlock(machine);
    if (m->error) {
        error_setg_errno(errp, -m->error,
                         "a queue could not be moved to another worker");
        return false;
    }
    return true;
}

static bool mover_done(Mover *m)
{
    bool done;

    machine_lock(m->bench->machine);
    done = m->idle;
    machine_unlock(m->bench->machine);
    return done;
}

/* --- time --- */

static int tick_ms(const BenchConfig *c)
{
    uint64_t all = 1000 * (c->seconds + c->warmup + c->idle);

    return (int)MAX(all / (BENCH_SAMPLES_MAX / 2), BENCH_TICK_MS);
}

/* Looks at the workers for so long, and with @mover until that has done its
 * work; ends early by a signal. */
static void watch(Bench *b, uint64_t seconds, Mover *mover)
{
    struct pollfd p = { .fd = b->signals, .events = POLLIN };
    int64_t end = bench_now_ns() + (int64_t)seconds * NANOSECONDS_PER_SECOND;

    while (!b->interrupted) {
        int64_t left_ms = (end - bench_now_ns()) / 1000000;

        if (left_ms <= 0 && (!mover || mover_done(mover))) {
            break;
        }
        if (left_ms <= 0 || left_ms > tick_ms(b->config)) {
            left_ms = tick_ms(b->config);
        }
        b->interrupted = poll(&p, 1, (int)left_ms) > 0;
        look(b);
    }
}

static void merge_latencies(Bench *b)
{
    for (unsigned i = 0; i < b->n_active; i++) {
        histogram_merge(&b->latency, &b->queues[i].latency);
    }
}

static bool measure(Bench *b, GError **errp)
{
    Mover mover = {
        .job.run = mover_run, .bench = b, .idle = true, .left = b->config->moves
    };
    int64_t begin;
    bool ok;

    look(b);
    b->cpu_ns = 0;
    begin = bench_now_ns();
    bench_set_measuring(b, true);
    ok = mover_start(&mover, errp);
    if (ok) {
        watch(b, b->config->seconds, &mover);
    }
    bench_set_measuring(b, false);
    b->measured_ns = bench_now_ns() - begin;
    look(b);
    return (ok && mover_stop(&mover, errp)) && (merge_latencies(b), true);
}

bool bench_run(Bench *b, GError **errp)
{
    bool ok = bench_jobs_start(b, errp);

    if (ok) {
        watch(b, b->config->warmup, NULL);
        ok = measure(b, errp);
        b->workers = describe_workers(b);
    }
    bench_jobs_stop(b);
    if (ok) {
        watch(b, b->config->idle, NULL);
    }
    return ok;
}
