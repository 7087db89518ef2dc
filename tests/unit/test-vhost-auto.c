/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers=auto against a simulator of queues and workers. The simulator is made
 * to give the figures published with the kernel's worker calls (Linux, June
 * 2023) for one worker and for a worker per queue, and what they leave open is
 * varied: seven worlds. "test-vhost-auto table" prints the table of the manual.
 */
#include "hw/virtio/vhost-auto.h"

#include <math.h>

#define N_QUEUES  16
#define STEP      0.02 /* seconds */
#define SAMPLE    5    /* steps between two samples */
#define UNLIMITED 1e9  /* requests per second that a job would like to make */

/* Requests per second: of a job whose worker falls asleep between its batches,
 * so that it must kick; of a job whose worker is kept awake by others; of a
 * worker that never sleeps. */
#define SLEEPY 160e3
#define AWAKE  244e3
#define WORKER 488e3

/* What the published figures do not tell. */
typedef struct World {
    const char *name;
    double single; /* how long a worker of one unlimited job runs */
    double shared; /* with several workers: how far two jobs of one worker keep
                    * it awake, 0 (not at all) to 1 (as with one worker) */
    bool capped;   /* nothing beats the better of the two static settings */
    double cpus;   /* that the workers get together */
} World;

static const World worlds[] = {
    { "published", 0.7, 1, true, 16 }, { "scaling", 0.7, 1, false, 16 },
    { "light", 0.35, 1, true, 16 },    { "heavy", 1, 1, true, 16 },
    { "half", 0.7, 0.5, true, 16 },    { "alone", 1, 0, true, 16 },
    { "lonely", 0.6, 0.4, false, 16 },
};

static const struct {
    unsigned jobs;
    double one, per_queue; /* thousands of requests per second */
} published[] = {
    { 1, 160, 160 },  { 2, 488, 310 },   { 4, 488, 620 },
    { 8, 488, 1182 }, { 12, 488, 1564 }, { 16, 488, 2002 },
};

typedef enum Setting {
    ONE_WORKER,
    PER_QUEUE,
    AUTO,
} Setting;

typedef struct Sim Sim;
struct Sim {
    const World *world;
    VhostAuto *autos; /* owned; NULL with a static setting */
    unsigned n_queues, max_workers;
    void (*trace)(Sim *s, double t); /* sets offered; may be NULL */
    double offered[N_QUEUES];        /* requests per second */
    unsigned slot[N_QUEUES];
    double rate[N_QUEUES], count[N_QUEUES];
    double run[N_QUEUES], wait[N_QUEUES]; /* of slots, seconds */
    bool live[N_QUEUES];
    uint64_t steps;
    uint32_t random;
    bool refuse; /* every change fails */
    bool asleep;
    unsigned samples, changes, refused, most_workers;
    double last_change;
};

/* How far n busy workers get in one another's way. */
static double efficiency(double n)
{
    for (unsigned i = 1; i < G_N_ELEMENTS(published); i++) {
        double lo = published[i - 1].jobs, hi = published[i].jobs;
        double e0 = published[i - 1].per_queue / (160 * lo);
        double e1 = published[i].per_queue / (160 * hi);

        if (n <= hi) {
            return e0 + (e1 - e0) * (n - lo) / (hi - lo);
        }
    }
    return published[G_N_ELEMENTS(published) - 1].per_queue / (160 * 16);
}

static double better_static(unsigned jobs)
{
    return fmax(jobs < 2 ? SLEEPY : WORKER, SLEEPY * jobs * efficiency(jobs));
}

static double jitter(Sim *s)
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
    double all = 0, want = 0, run = 0, was[N_QUEUES];

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
    bool busy[N_QUEUES] = { false };
    double run[N_QUEUES], runs = 0, total = 0, share, part;

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
    part = s->world->capped ? fmin(1, better_static(jobs) / total) : 1;
    for (unsigned i = 0; i < s->n_queues; i++) {
        s->rate[i] *= total > 0 ? part : 1;
        s->count[i] += s->rate[i] * STEP * jitter(s);
        s->run[i] += run[i] * share * STEP;
        s->wait[i] += run[i] * (1 - share) * STEP;
    }
    s->steps++;
}

static double now(const Sim *s)
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
    int64_t now_ns = (int64_t)(now(s) * 1e9);

    if (g_test_verbose()) {
        g_test_message("%6.1f s %s %u -> %u, %u queues", now(s),
                       action->kind == VHOST_AUTO_SPLIT ? "split" : "merge",
                       action->from, action->to, action->n_queues);
    }
    g_assert_cmpfloat(now(s) - s->last_change, >, 1 - STEP / 2);
    s->last_change = now(s);
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
    VhostAutoWorker workers[N_QUEUES];
    uint16_t taken[N_QUEUES];
    VhostAutoReading reading = { .now_ns = (int64_t)(now(s) * 1e9),
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

/* Runs for @seconds and returns requests per second. */
static double run(Sim *s, double seconds)
{
    uint64_t end = s->steps + (uint64_t)(seconds / STEP + 0.5);
    double before = 0, after = 0;

    for (unsigned i = 0; i < s->n_queues; i++) {
        before += s->count[i];
    }
    while (s->steps < end) {
        if (s->trace) {
            s->trace(s, now(s));
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

static Sim *sim_new(const World *world, Setting setting, unsigned max_workers)
{
    Sim *s = g_new0(Sim, 1);

    s->world = world;
    s->n_queues = N_QUEUES;
    s->max_workers = max_workers;
    s->random = 1;
    s->live[0] = true;
    s->last_change = -1;
    for (unsigned i = 0; i < N_QUEUES && setting == PER_QUEUE; i++) {
        s->slot[i] = i % max_workers;
        s->live[i % max_workers] = true;
    }
    if (setting == AUTO) {
        s->autos = vhost_auto_new(N_QUEUES, max_workers);
        check_mapping(s);
    }
    return s;
}

static void sim_free(Sim *s)
{
    vhost_auto_free(s->autos);
    g_free(s);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sim, sim_free)

/* Jobs sit on queues that are no neighbours. */
static void offer(Sim *s, unsigned jobs, double each)
{
    for (unsigned i = 0; i < N_QUEUES; i++) {
        s->offered[i * 7 % N_QUEUES] = i < jobs ? each : 0;
    }
}

static double static_rate(const World *w, Setting setting, unsigned jobs,
                          double each)
{
    g_autoptr(Sim) s = sim_new(w, setting, N_QUEUES);

    offer(s, jobs, each);
    run(s, 1);
    return run(s, 5);
}

static double best_static(const World *w, unsigned jobs, double each)
{
    return fmax(static_rate(w, ONE_WORKER, jobs, each),
                static_rate(w, PER_QUEUE, jobs, each));
}

/* What two settings would do under the same trace, and auto. */
static double trace_rate(Setting setting, void (*trace)(Sim *, double),
                         double seconds)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], setting, N_QUEUES);

    s->trace = trace;
    return run(s, seconds);
}

static void assert_near(double have, double want)
{
    g_assert_cmpfloat(fabs(have - want), <, 0.03 * want);
}

static void test_model_gives_the_published_table(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(published); i++) {
        unsigned jobs = published[i].jobs;

        assert_near(static_rate(&worlds[0], ONE_WORKER, jobs, UNLIMITED),
                    published[i].one * 1e3);
        assert_near(static_rate(&worlds[0], PER_QUEUE, jobs, UNLIMITED),
                    published[i].per_queue * 1e3);
    }
}

/* --- steady loads --- */

static void check_level(const World *w, unsigned jobs, double each)
{
    g_autoptr(Sim) s = sim_new(w, AUTO, N_QUEUES);
    double want = best_static(w, jobs, each), have;
    unsigned changes;

    offer(s, jobs, each);
    run(s, 60);
    changes = s->changes;
    have = run(s, 120);
    g_test_message("%s: %u jobs: %.0fk, %.3f of the better setting, %u "
                   "workers, %u changes + %u",
                   w->name, jobs, have / 1e3, have / want,
                   vhost_auto_n_workers(s->autos), changes,
                   s->changes - changes);
    g_assert_cmpfloat(have, >=, 0.95 * want);
    g_assert_cmpuint(s->changes - changes, <=, 24);
}

static void test_steady_load(gconstpointer data)
{
    for (unsigned jobs = 1; jobs <= N_QUEUES; jobs++) {
        check_level(data, jobs, UNLIMITED);
    }
}

static void test_limited_jobs(gconstpointer data)
{
    for (unsigned jobs = 1; jobs <= N_QUEUES; jobs++) {
        check_level(data, jobs, 20e3);
        check_level(data, jobs, 75e3);
    }
}

static void test_low_load_stays_on_one_worker(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    offer(s, N_QUEUES, 10e3);
    assert_near(run(s, 60), 160e3);
    g_assert_cmpuint(s->changes, ==, 0);
    g_assert_false(s->asleep);
}

static void test_one_hot_queue_stays_on_one_worker(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[3], AUTO, N_QUEUES);

    offer(s, 1, UNLIMITED);
    s->offered[1] = 500;
    run(s, 60);
    g_assert_cmpuint(s->changes, ==, 0);
}

static void test_hot_queues_are_told_from_cold_ones(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    /* All in the lower half, with a little to do for the others. */
    for (unsigned i = 0; i < N_QUEUES; i++) {
        s->offered[i] = i < 4 ? UNLIMITED : 50;
    }
    run(s, 10);
    g_assert_cmpfloat(run(s, 10), >=, 0.95 * 620e3);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), <=, 4);
}

/* --- loads that change --- */

static void bursty(Sim *s, double t)
{
    offer(s, fmod(t, 6) < 3 ? 12 : 0, UNLIMITED);
}

static void fast_bursts(Sim *s, double t)
{
    offer(s, fmod(t, 0.16) < 0.08 ? 8 : 0, UNLIMITED);
}

static void oscillating(Sim *s, double t)
{
    offer(s, fmod(t, 4) < 2 ? 2 : 8, UNLIMITED);
}

/* Around the point where one worker is saturated. */
static void threshold(Sim *s, double t)
{
    offer(s, 8, fmod(t, 7) < 3.5 ? 54e3 : 63e3);
}

static void slow_oscillation(Sim *s, double t)
{
    offer(s, fmod(t, 60) < 30 ? 2 : 12, UNLIMITED);
}

static void check_changes(void (*trace)(Sim *, double), double part,
                          unsigned most_changes)
{
    double want = fmax(trace_rate(ONE_WORKER, trace, 240),
                       trace_rate(PER_QUEUE, trace, 240));
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);
    double have;

    s->trace = trace;
    run(s, 60);
    s->changes = 0;
    have = run(s, 240);
    g_test_message("%.0fk, %.3f of the better setting, %u changes", have / 1e3,
                   have / want, s->changes);
    g_assert_cmpfloat(have, >=, part * want);
    g_assert_cmpuint(s->changes, <=, most_changes);
}

static void test_oscillation_changes_little(void)
{
    check_changes(oscillating, 0.9, 48);
    check_changes(threshold, 0.95, 24);
    check_changes(slow_oscillation, 0.95, 96);
}

static void test_bursts_keep_their_workers(void)
{
    check_changes(bursty, 0.95, 48);
}

/* A limit of the design: what is shorter than a window is seen as its mean. */
static void test_bursts_within_a_window_are_seen_as_their_mean(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    s->trace = fast_bursts;
    assert_near(run(s, 60), trace_rate(ONE_WORKER, fast_bursts, 60));
    g_assert_cmpuint(s->changes, ==, 0);
}

static void test_ramp_up_and_down(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);
    static const unsigned jobs[] = { 1, 2, 4, 8, 12, 16, 12, 8, 4, 2, 1 };

    for (unsigned i = 0; i < G_N_ELEMENTS(jobs); i++) {
        offer(s, jobs[i], UNLIMITED);
        run(s, 30);
        g_assert_cmpfloat(run(s, 30), >=, 0.95 * better_static(jobs[i]));
    }
    g_assert_cmpuint(s->most_workers, >=, 4);
    offer(s, 0, 0);
    run(s, 30);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    g_assert_true(s->asleep);
}

static void test_quiet_workers_become_one(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    offer(s, N_QUEUES, UNLIMITED);
    run(s, 30);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), >=, 8);
    offer(s, N_QUEUES, 5e3);
    run(s, 60);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    s->changes = 0;
    assert_near(run(s, 60), 80e3);
    g_assert_cmpuint(s->changes, ==, 0);
}

static void test_idle_device_is_not_sampled(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);
    unsigned samples;

    run(s, 5);
    g_assert_true(s->asleep);
    samples = s->samples;
    run(s, 100);
    g_assert_cmpuint(s->samples, ==, samples);

    offer(s, 8, UNLIMITED);
    run(s, 10);
    g_assert_false(s->asleep);
    g_assert_cmpfloat(run(s, 10), >=, 0.95 * 1182e3);

    offer(s, 0, 0);
    run(s, 30);
    g_assert_true(s->asleep);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
}

/* --- limits --- */

static void test_refused_split_is_not_tried_at_once(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    s->refuse = true;
    offer(s, 8, UNLIMITED);
    run(s, 10);
    g_assert_cmpuint(s->refused, ==, 1);
    run(s, 110);
    g_assert_cmpuint(s->refused, ==, 2);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);

    s->refuse = false;
    run(s, 70);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), >, 1);
}

static void test_refusal_in_a_trial_keeps_the_mapping(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    offer(s, 2, UNLIMITED);
    while (!s->changes) {
        run(s, 0.1);
    }
    s->refuse = true; /* the undoing is refused */
    run(s, 5);
    g_assert_cmpuint(s->refused, ==, 1);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 2);
    s->refuse = false;
    run(s, 120);
    g_assert_cmpfloat(run(s, 60), >=, 0.95 * 488e3);
}

static void test_workers_never_exceed_the_limit(void)
{
    for (unsigned limit = 1; limit <= N_QUEUES; limit++) {
        g_autoptr(Sim) s = sim_new(&worlds[1], AUTO, limit);

        offer(s, N_QUEUES, UNLIMITED);
        run(s, 60);
        g_assert_cmpuint(s->most_workers, <=, limit);
        g_assert_true(limit == 1 || s->most_workers >= 2);
    }
    g_assert_cmpuint(vhost_auto_max_workers(16, 4), ==, 4);
    g_assert_cmpuint(vhost_auto_max_workers(4, 16), ==, 4);
    g_assert_cmpuint(vhost_auto_max_workers(4, 0), ==, 1);
}

static void test_few_processors_are_shared_well(void)
{
    World w = worlds[0];

    for (unsigned cpus = 1; cpus <= 8; cpus++) {
        g_autoptr(Sim) all = sim_new(&w, AUTO, N_QUEUES);
        g_autoptr(Sim)
            few = sim_new(&w, AUTO, vhost_auto_max_workers(N_QUEUES, cpus));
        double want;

        w.cpus = cpus;
        want = 0.95 * best_static(&w, N_QUEUES, UNLIMITED);
        offer(all, N_QUEUES, UNLIMITED);
        offer(few, N_QUEUES, UNLIMITED);
        run(all, 60);
        run(few, 60);
        g_assert_cmpfloat(run(all, 60), >=, want);
        g_assert_cmpfloat(run(few, 60), >=, want);
    }
}

/* A worker that waits for a processor wants to run all the time, and another
 * would only take turns with it. */
static void test_starved_worker_is_not_split(void)
{
    World w = worlds[0];
    g_autoptr(Sim) s = sim_new(&w, AUTO, N_QUEUES);

    w.cpus = 0.4;
    offer(s, N_QUEUES, UNLIMITED);
    run(s, 60);
    g_assert_cmpuint(s->changes, ==, 0);
}

static uint32_t dice(Sim *s, uint32_t n)
{
    jitter(s);
    return (s->random >> 8) % n;
}

/* Whatever comes: act() and carry_out() check each change. */
static void test_random_loads_keep_the_rules(void)
{
    for (unsigned seed = 1; seed <= 25; seed++) {
        g_autoptr(Sim) s = sim_new(&worlds[seed % G_N_ELEMENTS(worlds)], AUTO,
                                   1 + seed % N_QUEUES);

        s->random = seed;
        for (unsigned i = 0; i < 60; i++) {
            unsigned jobs = dice(s, N_QUEUES + 1);

            offer(s, jobs, dice(s, 2) ? UNLIMITED : 1e3 * dice(s, 200));
            s->refuse = dice(s, 10) == 0;
            if (dice(s, 20) == 0) {
                vhost_auto_restart(s->autos);
            }
            run(s, 0.3 * (1 + dice(s, 40)));
        }
        s->refuse = false;
        offer(s, 0, 0);
        run(s, 120);
        g_assert_true(s->asleep);
        g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    }
}

static void test_restart_forgets_the_window(void)
{
    g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);

    offer(s, 8, UNLIMITED);
    run(s, 0.9);
    vhost_auto_restart(s->autos);
    run(s, 1); /* a sample that starts a window, and nine in it */
    g_assert_cmpuint(s->changes, ==, 0);
    run(s, 0.1);
    g_assert_cmpuint(s->changes, ==, 1);
}

static void test_sample_before_done_changes_nothing(void)
{
    g_autoptr(VhostAuto) a = vhost_auto_new(2, 2);
    VhostAutoWorker workers[2] = { { 0 } };
    uint16_t taken[2] = { 0 };
    VhostAutoReading r = { 0, workers, taken };
    VhostAutoAction action;

    vhost_auto_sample(a, &r);
    for (unsigned i = 1; i < 10; i++) {
        r.now_ns = i * VHOST_AUTO_SAMPLE_NS;
        workers[0].run_ns = (uint64_t)r.now_ns;
        taken[0] = taken[1] = (uint16_t)(i * 60000); /* wraps */
        action = vhost_auto_sample(a, &r);
        g_assert_cmpint(action.kind, ==, VHOST_AUTO_NONE);
    }
    r.now_ns = workers[0].run_ns = 10 * VHOST_AUTO_SAMPLE_NS;
    action = vhost_auto_sample(a, &r);
    g_assert_cmpint(action.kind, ==, VHOST_AUTO_SPLIT);
    g_assert_cmpuint(action.from, ==, 0);
    g_assert_cmpuint(action.to, ==, 1);
    g_assert_cmpuint(action.n_queues, ==, 1);
    r.now_ns *= 3;
    g_assert_cmpint(vhost_auto_sample(a, &r).kind, ==, VHOST_AUTO_NONE);
    vhost_auto_done(a, r.now_ns, true);
    g_assert_cmpuint(vhost_auto_n_workers(a), ==, 2);
}

static void print_table(void)
{
    printf("jobs  one worker  per queue       auto  workers\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(published); i++) {
        unsigned jobs = published[i].jobs;
        g_autoptr(Sim) s = sim_new(&worlds[0], AUTO, N_QUEUES);
        double have;

        offer(s, jobs, UNLIMITED);
        run(s, 60);
        have = run(s, 120);
        printf("%4u %10.0fk %9.0fk %9.0fk %8u\n", jobs,
               static_rate(&worlds[0], ONE_WORKER, jobs, UNLIMITED) / 1e3,
               static_rate(&worlds[0], PER_QUEUE, jobs, UNLIMITED) / 1e3,
               have / 1e3, vhost_auto_n_workers(s->autos));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc > 1 && g_str_equal(argv[1], "table")) {
        print_table();
        return 0;
    }
    g_test_add_func("/vhost-auto/model", test_model_gives_the_published_table);
    for (unsigned i = 0; i < G_N_ELEMENTS(worlds); i++) {
        g_autofree char *steady = g_strdup_printf("/vhost-auto/steady/%s",
                                                  worlds[i].name);
        g_autofree char *limited = g_strdup_printf("/vhost-auto/limited/%s",
                                                   worlds[i].name);

        g_test_add_data_func(steady, &worlds[i], test_steady_load);
        g_test_add_data_func(limited, &worlds[i], test_limited_jobs);
    }
    g_test_add_func("/vhost-auto/low-load", test_low_load_stays_on_one_worker);
    g_test_add_func("/vhost-auto/one-hot",
                    test_one_hot_queue_stays_on_one_worker);
    g_test_add_func("/vhost-auto/hot-and-cold",
                    test_hot_queues_are_told_from_cold_ones);
    g_test_add_func("/vhost-auto/bursts", test_bursts_keep_their_workers);
    g_test_add_func("/vhost-auto/short-bursts",
                    test_bursts_within_a_window_are_seen_as_their_mean);
    g_test_add_func("/vhost-auto/oscillation", test_oscillation_changes_little);
    g_test_add_func("/vhost-auto/ramp", test_ramp_up_and_down);
    g_test_add_func("/vhost-auto/quiet", test_quiet_workers_become_one);
    g_test_add_func("/vhost-auto/idle", test_idle_device_is_not_sampled);
    g_test_add_func("/vhost-auto/refused",
                    test_refused_split_is_not_tried_at_once);
    g_test_add_func("/vhost-auto/refused-in-trial",
                    test_refusal_in_a_trial_keeps_the_mapping);
    g_test_add_func("/vhost-auto/limit", test_workers_never_exceed_the_limit);
    g_test_add_func("/vhost-auto/few-processors",
                    test_few_processors_are_shared_well);
    g_test_add_func("/vhost-auto/starved", test_starved_worker_is_not_split);
    g_test_add_func("/vhost-auto/random", test_random_loads_keep_the_rules);
    g_test_add_func("/vhost-auto/restart", test_restart_forgets_the_window);
    g_test_add_func("/vhost-auto/pending",
                    test_sample_before_done_changes_nothing);
    return g_test_run();
}
