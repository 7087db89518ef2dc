/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost-auto-sim.h"

#include <math.h>

#define STEP   0.02 /* seconds */
#define SAMPLE 5    /* steps between two samples */

/* Requests per second: of a job whose worker falls asleep between its batches,
 * so that it must kick; of a job whose worker is kept awake by others; of a
 * worker that never sleeps. */
#define SLEEPY 160e3
#define AWAKE  244e3
#define WORKER 488e3

const SimWorld sim_worlds[SIM_N_WORLDS] = {
    { "published", 0.7, 1, true, 16 }, { "scaling", 0.7, 1, false, 16 },
    { "light", 0.35, 1, true, 16 },    { "heavy", 1, 1, true, 16 },
    { "half", 0.7, 0.5, true, 16 },    { "alone", 1, 0, true, 16 },
    { "lonely", 0.6, 0.4, false, 16 },
};

const SimPublished sim_published[SIM_N_PUBLISHED] = {
    { 1, 160, 160 },  { 2, 488, 310 },   { 4, 488, 620 },
    { 8, 488, 1182 }, { 12, 488, 1564 }, { 16, 488, 2002 },
};

/* How far n busy workers get in one another's way. */
static double efficiency(double n)
{
    for (unsigned i = 1; i < SIM_N_PUBLISHED; i++) {
        double lo = sim_published[i - 1].jobs, hi = sim_published[i].jobs;
        double e0 = sim_published[i - 1].per_queue / (160 * lo);
        double e1 = sim_published[i].per_queue / (160 * hi);

        if (n <= hi) {
            return e0 + (e1 - e0) * (n - lo) / (hi - lo);
        }
    }
    return sim_published[SIM_N_PUBLISHED - 1].per_queue / (160 * 16);
}

double sim_published_best(unsigned jobs)
{
    return fmax(jobs < 2 ? SLEEPY : WORKER, SLEEPY * jobs * efficiency(jobs));
}

double sim_jitter(Sim *s)
{
    s->random = s->random * 1664525 + 1013904223; /* Numerical Recipes */
    return 0.98 + 0.04 * (s->random >> 8) / (1 << 24);
}

/* The rates of one worker's queues and how long it would run for them. */
static double serve(Sim *s, unsigned slot, unsigned n_busy)
{
    double e = efficiency(n_busy), shared = n_busy > 1 ? s->world->shared : 1;
    double limit = e * (WORKER * shared + SLEEPY * (1 - shared));
    double sleepy_cost = s->world->single / SLEEPY - 1 / WORKER;
    double all = 0, want = 0, run = 0, was[SIM_N_QUEUES];

    for (unsigned i = 0; i < s->n_queues; i++) {
        was[i] = s->rate[i];
        all += s->slot[i] == slot ? was[i] : 0;
    }
    for (unsigned i = 0; i < s->n_queues; i++) {
        if (s->slot[i] == slot) {
            double awake = fmin((all - was[i]) / SLEEPY, 1) * shared;

            s->rate[i] = fmin(s->offered[i],
                              e * (SLEEPY + (AWAKE - SLEEPY) * awake));
            want += s->rate[i];
            run += s->rate[i] / e *
                   (1 / WORKER + fmax(sleepy_cost, 0) * (1 - awake));
        }
    }
    if (want > limit) {
        for (unsigned i = 0; i < s->n_queues; i++) {
            s->rate[i] *= s->slot[i] == slot ? limit / want : 1;
        }
        run = 1;
    }
    return fmin(run, 1);
}

static void step(Sim *s)
{
    unsigned n_busy = 0, jobs = 0;
    bool busy[SIM_N_QUEUES] = { false };
    double run[SIM_N_QUEUES], runs = 0, total = 0, share, part;

    for (unsigned i = 0; i < s->n_queues; i++) {
        n_busy += s->offered[i] > 0 && !busy[s->slot[i]];
        busy[s->slot[i]] |= s->offered[i] > 0;
        jobs += s->offered[i] > 0;
    }
    for (unsigned w = 0; w < s->n_queues; w++) {
        run[w] = busy[w] ? serve(s, w, n_busy) : 0;
        runs += run[w];
    }
    share = runs > s->world->cpus ? s->world->cpus / runs : 1;
    for (unsigned i = 0; i < s->n_queues; i++) {
        s->rate[i] = s->offered[i] > 0 ? s->rate[i] * share : 0;
        total += s->rate[i];
    }
    part = s->world->capped ? fmin(1, sim_published_best(jobs) / total) : 1;
    for (unsigned i = 0; i < s->n_queues; i++) {
        s->rate[i] *= total > 0 ? part : 1;
        s->count[i] += s->rate[i] * STEP * sim_jitter(s);
        s->run[i] += run[i] * share * STEP;
        s->wait[i] += run[i] * (1 - share) * STEP;
    }
    s->steps++;
}

static double sim_now(const Sim *s)
{
    return (double)s->steps * STEP;
}

static void check_mapping(const Sim *s)
{
    unsigned n_live = 0;

    for (unsigned i = 0; i < s->n_queues; i++) {
        g_assert_cmpuint(s->slot[i], ==, vhost_auto_slot_of(s->autos, i));
        g_assert_true(s->live[s->slot[i]]);
    }
    for (unsigned i = 0; i < s->max_workers; i++) {
        g_assert_true(s->live[i] == vhost_auto_slot_in_use(s->autos, i));
        n_live += s->live[i];
    }
    g_assert_true(s->live[0]);
    g_assert_cmpuint(n_live, ==, vhost_auto_n_workers(s->autos));
    g_assert_cmpuint(n_live, <=, s->max_workers);
}

/* As the kernel would: a worker is made and freed, queues move. */
static void carry_out(Sim *s, const VhostAutoAction *action)
{
    g_assert_cmpuint(action->from, <, s->max_workers);
    g_assert_cmpuint(action->to, <, s->max_workers);
    g_assert_true(s->live[action->from]);
    g_assert_true(s->live[action->to] == (action->kind == VHOST_AUTO_MERGE));
    for (unsigned i = 0; i < action->n_queues; i++) {
        g_assert_cmpuint(s->slot[action->queues[i]], ==, action->from);
        s->slot[action->queues[i]] = action->to;
    }
    if (action->kind == VHOST_AUTO_SPLIT) {
        g_assert_cmpuint(action->n_queues, >, 0);
        s->live[action->to] = true;
        s->run[action->to] = s->wait[action->to] = 0;
    } else {
        s->live[action->from] = false;
        for (unsigned i = 0; i < s->n_queues; i++) {
            g_assert_cmpuint(s->slot[i], !=, action->from);
        }
    }
}

static void act(Sim *s, const VhostAutoAction *action)
{
    int64_t now_ns = (int64_t)(sim_now(s) * 1e9);

    if (g_test_verbose()) {
        g_test_message("%6.1f s %s %u -> %u, %u queues", sim_now(s),
                       action->kind == VHOST_AUTO_SPLIT ? "split" : "merge",
                       action->from, action->to, action->n_queues);
    }
    g_assert_cmpfloat(sim_now(s) - s->last_change, >, 1 - STEP / 2);
    s->last_change = sim_now(s);
    if (s->refuse) {
        s->refused++;
        vhost_auto_done(s->autos, now_ns, false);
    } else {
        s->changes++;
        carry_out(s, action);
        vhost_auto_done(s->autos, now_ns, true);
    }
    check_mapping(s);
    s->most_workers = MAX(s->most_workers, vhost_auto_n_workers(s->autos));
}

static void sample(Sim *s)
{
    VhostAutoWorker workers[SIM_N_QUEUES];
    uint16_t taken[SIM_N_QUEUES];
    VhostAutoReading reading = { .now_ns = (int64_t)(sim_now(s) * 1e9),
                                 .workers = workers,
                                 .taken = taken };
    VhostAutoAction action;

    for (unsigned i = 0; i < s->n_queues; i++) {
        workers[i].run_ns = (uint64_t)(s->run[i] * 1e9);
        workers[i].wait_ns = (uint64_t)(s->wait[i] * 1e9);
        taken[i] = (uint16_t)(uint64_t)s->count[i];
    }
    s->samples++;
    action = vhost_auto_sample(s->autos, &reading);
    if (action.kind == VHOST_AUTO_SLEEP) {
        s->asleep = true;
    } else if (action.kind != VHOST_AUTO_NONE) {
        act(s, &action);
    }
}

double sim_run(Sim *s, double seconds)
{
    uint64_t end = s->steps + (uint64_t)(seconds / STEP + 0.5);
    double before = 0, after = 0;

    for (unsigned i = 0; i < s->n_queues; i++) {
        before += s->count[i];
    }
    while (s->steps < end) {
        if (s->trace) {
            s->trace(s, sim_now(s));
        }
        step(s);
        for (unsigned i = 0; i < s->n_queues && s->asleep; i++) {
            s->asleep = s->rate[i] == 0; /* the first kick wakes it */
        }
        if (s->autos && !s->asleep && s->steps % SAMPLE == 0) {
            sample(s);
        }
    }
    for (unsigned i = 0; i < s->n_queues; i++) {
        after += s->count[i];
    }
    return (after - before) / seconds;
}

Sim *sim_new(const SimWorld *world, SimSetting setting, unsigned max_workers)
{
    Sim *s = g_new0(Sim, 1);

    s->world = world;
    s->n_queues = SIM_N_QUEUES;
    s->max_workers = max_workers;
    s->random = 1;
    s->live[0] = true;
    s->last_change = -1;
    for (unsigned i = 0; i < SIM_N_QUEUES && setting == SIM_PER_QUEUE; i++) {
        s->slot[i] = i % max_workers;
        s->live[i % max_workers] = true;
    }
    if (setting == SIM_AUTO) {
        s->autos = vhost_auto_new(SIM_N_QUEUES, max_workers);
        check_mapping(s);
    }
    return s;
}

void sim_free(Sim *s)
{
    vhost_auto_free(s->autos);
    g_free(s);
}
void sim_offer(Sim *s, unsigned jobs, double each)
{
    for (unsigned i = 0; i < SIM_N_QUEUES; i++) {
        s->offered[i * 7 % SIM_N_QUEUES] = i < jobs ? each : 0;
    }
}

double sim_static_rate(const SimWorld *w, SimSetting setting, unsigned jobs,
                       double each)
{
    g_autoptr(Sim) s = sim_new(w, setting, SIM_N_QUEUES);

    sim_offer(s, jobs, each);
    sim_run(s, 1);
    return sim_run(s, 5);
}

double sim_best_static(const SimWorld *w, unsigned jobs, double each)
{
    return fmax(sim_static_rate(w, SIM_ONE_WORKER, jobs, each),
                sim_static_rate(w, SIM_PER_QUEUE, jobs, each));
}

double sim_trace_rate(SimSetting setting, void (*trace)(Sim *, double),
                      double seconds)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], setting, SIM_N_QUEUES);

    s->trace = trace;
    return sim_run(s, seconds);
}
