/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers=auto against the simulator of vhost-auto-sim.h. "test-vhost-auto
 * table" prints the table of the manual.
 */
#include "vhost-auto-sim.h"

#include <math.h>

static void assert_near(double have, double want)
{
    g_assert_cmpfloat(fabs(have - want), <, 0.03 * want);
}

static void test_model_gives_the_published_table(void)
{
    for (unsigned i = 0; i < SIM_N_PUBLISHED; i++) {
        unsigned jobs = sim_published[i].jobs;

        assert_near(sim_static_rate(&sim_worlds[0], SIM_ONE_WORKER, jobs,
                                    SIM_UNLIMITED),
                    sim_published[i].one * 1e3);
        assert_near(
            sim_static_rate(&sim_worlds[0], SIM_PER_QUEUE, jobs, SIM_UNLIMITED),
            sim_published[i].per_queue * 1e3);
    }
}

/* --- steady loads --- */

static void check_level(const SimWorld *w, unsigned jobs, double each)
{
    g_autoptr(Sim) s = sim_new(w, SIM_AUTO, SIM_N_QUEUES);
    double want = sim_best_static(w, jobs, each), have;
    unsigned changes;

    sim_offer(s, jobs, each);
    sim_run(s, 60);
    changes = s->changes;
    have = sim_run(s, 120);
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
    for (unsigned jobs = 1; jobs <= SIM_N_QUEUES; jobs++) {
        check_level(data, jobs, SIM_UNLIMITED);
    }
}

static void test_limited_jobs(gconstpointer data)
{
    for (unsigned jobs = 1; jobs <= SIM_N_QUEUES; jobs++) {
        check_level(data, jobs, 20e3);
        check_level(data, jobs, 75e3);
    }
}

static void test_low_load_stays_on_one_worker(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    sim_offer(s, SIM_N_QUEUES, 10e3);
    assert_near(sim_run(s, 60), 160e3);
    g_assert_cmpuint(s->changes, ==, 0);
    g_assert_false(s->asleep);
}

static void test_one_hot_queue_stays_on_one_worker(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[3], SIM_AUTO, SIM_N_QUEUES);

    sim_offer(s, 1, SIM_UNLIMITED);
    s->offered[1] = 500;
    sim_run(s, 60);
    g_assert_cmpuint(s->changes, ==, 0);
}

static void test_hot_queues_are_told_from_cold_ones(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    /* All in the lower half, with a little to do for the others. */
    for (unsigned i = 0; i < SIM_N_QUEUES; i++) {
        s->offered[i] = i < 4 ? SIM_UNLIMITED : 50;
    }
    sim_run(s, 10);
    g_assert_cmpfloat(sim_run(s, 10), >=, 0.95 * 620e3);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), <=, 4);
}

/* --- loads that change --- */

static void bursty(Sim *s, double t)
{
    sim_offer(s, fmod(t, 6) < 3 ? 12 : 0, SIM_UNLIMITED);
}

static void fast_bursts(Sim *s, double t)
{
    sim_offer(s, fmod(t, 0.16) < 0.08 ? 8 : 0, SIM_UNLIMITED);
}

static void rare_bursts(Sim *s, double t)
{
    sim_offer(s, fmod(t, 0.2) < 0.06 ? 8 : 0, SIM_UNLIMITED);
}

static void oscillating(Sim *s, double t)
{
    sim_offer(s, fmod(t, 4) < 2 ? 2 : 8, SIM_UNLIMITED);
}

/* Few requests under way: what a queue gets done depends on how many others its
 * worker serves, long before the worker is saturated. */
static void low_depth(Sim *s, double t)
{
    sim_offer(s, 4, 100e3);
    for (unsigned i = 0; i < SIM_N_QUEUES; i++) {
        unsigned others = 0;

        for (unsigned k = 0; k < SIM_N_QUEUES; k++) {
            others += k != i && s->offered[k] > 0 && s->slot[k] == s->slot[i];
        }
        s->offered[i] /= 1 + 0.5 * others;
    }
}

/* Around the point where one worker is saturated. */
static void threshold(Sim *s, double t)
{
    sim_offer(s, 8, fmod(t, 7) < 3.5 ? 54e3 : 63e3);
}

static void slow_oscillation(Sim *s, double t)
{
    sim_offer(s, fmod(t, 60) < 30 ? 2 : 12, SIM_UNLIMITED);
}

static void check_changes(void (*trace)(Sim *, double), double part,
                          unsigned most_changes)
{
    double want = fmax(sim_trace_rate(SIM_ONE_WORKER, trace, 240),
                       sim_trace_rate(SIM_PER_QUEUE, trace, 240));
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
    double have;

    s->trace = trace;
    sim_run(s, 60);
    s->changes = 0;
    have = sim_run(s, 240);
    g_test_message("%.0fk, %.3f of the better setting, %u changes", have / 1e3,
                   have / want, s->changes);
    g_assert_cmpfloat(have, >=, part * want);
    g_assert_cmpuint(s->changes, <=, most_changes);
}

static void test_oscillation_changes_little(void)
{
    check_changes(oscillating, 0.95, 60); /* a change per swing */
    check_changes(threshold, 0.95, 24);
    check_changes(slow_oscillation, 0.95, 96);
}

static void test_bursts_keep_their_workers(void)
{
    check_changes(bursty, 0.95, 48);
}

/* Bursts shorter than a window are seen as their mean: workers that seem to
 * have time to spare get help all the same. Rarer ones are not noticed. */
static void test_bursts_within_a_window_get_workers(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
    g_autoptr(Sim) rare = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    s->trace = fast_bursts;
    sim_run(s, 30);
    g_assert_cmpfloat(sim_run(s, 60), >=,
                      0.95 * sim_trace_rate(SIM_PER_QUEUE, fast_bursts, 60));
    rare->trace = rare_bursts;
    assert_near(sim_run(rare, 60),
                sim_trace_rate(SIM_ONE_WORKER, rare_bursts, 60));
    g_assert_cmpuint(rare->changes, ==, 0);
}

static void test_low_depth_gets_workers(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
    double want = sim_trace_rate(SIM_PER_QUEUE, low_depth, 60);

    g_assert_cmpfloat(sim_trace_rate(SIM_ONE_WORKER, low_depth, 60), <,
                      0.5 * want);
    s->trace = low_depth;
    sim_run(s, 30);
    s->changes = 0;
    g_assert_cmpfloat(sim_run(s, 120), >=, 0.95 * want);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 4);
    g_assert_cmpuint(s->changes, <=, 12);
}

static void test_ramp_up_and_down(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
    static const unsigned jobs[] = { 1, 2, 4, 8, 12, 16, 12, 8, 4, 2, 1 };

    for (unsigned i = 0; i < G_N_ELEMENTS(jobs); i++) {
        sim_offer(s, jobs[i], SIM_UNLIMITED);
        sim_run(s, 30);
        g_assert_cmpfloat(sim_run(s, 30), >=,
                          0.95 * sim_published_best(jobs[i]));
    }
    g_assert_cmpuint(s->most_workers, >=, 4);
    sim_offer(s, 0, 0);
    sim_run(s, 30);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    g_assert_true(s->asleep);
}

static void test_quiet_workers_become_one(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    sim_offer(s, SIM_N_QUEUES, SIM_UNLIMITED);
    sim_run(s, 30);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), >=, 8);
    sim_offer(s, SIM_N_QUEUES, 5e3);
    sim_run(s, 60);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    s->changes = 0;
    assert_near(sim_run(s, 60), 80e3);
    g_assert_cmpuint(s->changes, ==, 0);
}

static void test_idle_device_is_not_sampled(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
    unsigned samples;

    sim_run(s, 5);
    g_assert_true(s->asleep);
    samples = s->samples;
    sim_run(s, 100);
    g_assert_cmpuint(s->samples, ==, samples);

    sim_offer(s, 8, SIM_UNLIMITED);
    sim_run(s, 10);
    g_assert_false(s->asleep);
    g_assert_cmpfloat(sim_run(s, 10), >=, 0.95 * 1182e3);

    sim_offer(s, 0, 0);
    sim_run(s, 30);
    g_assert_true(s->asleep);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
}

/* --- limits --- */

static void test_refused_split_is_not_tried_at_once(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    s->refuse = true;
    sim_offer(s, 8, SIM_UNLIMITED);
    sim_run(s, 10);
    g_assert_cmpuint(s->refused, ==, 1);
    sim_run(s, 110);
    g_assert_cmpuint(s->refused, ==, 2);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);

    s->refuse = false;
    sim_run(s, 70);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), >, 1);
}

static void test_refusal_in_a_trial_keeps_the_mapping(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    sim_offer(s, 2, SIM_UNLIMITED);
    while (!s->changes) {
        sim_run(s, 0.1);
    }
    s->refuse = true; /* the undoing is refused */
    sim_run(s, 5);
    g_assert_cmpuint(s->refused, ==, 1);
    g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 2);
    s->refuse = false;
    sim_run(s, 120);
    g_assert_cmpfloat(sim_run(s, 60), >=, 0.95 * 488e3);
}

static void test_workers_never_exceed_the_limit(void)
{
    for (unsigned limit = 1; limit <= SIM_N_QUEUES; limit++) {
        g_autoptr(Sim) s = sim_new(&sim_worlds[1], SIM_AUTO, limit);

        sim_offer(s, SIM_N_QUEUES, SIM_UNLIMITED);
        sim_run(s, 60);
        g_assert_cmpuint(s->most_workers, <=, limit);
        g_assert_true(limit == 1 || s->most_workers >= 2);
    }
    g_assert_cmpuint(vhost_auto_max_workers(16, 4), ==, 4);
    g_assert_cmpuint(vhost_auto_max_workers(4, 16), ==, 4);
    g_assert_cmpuint(vhost_auto_max_workers(4, 0), ==, 1);
}

static void test_few_processors_are_shared_well(void)
{
    SimWorld w = sim_worlds[0];

    for (unsigned cpus = 1; cpus <= 8; cpus++) {
        g_autoptr(Sim) all = sim_new(&w, SIM_AUTO, SIM_N_QUEUES);
        g_autoptr(Sim) few = sim_new(
            &w, SIM_AUTO, vhost_auto_max_workers(SIM_N_QUEUES, cpus));
        double want;

        w.cpus = cpus;
        want = 0.95 * sim_best_static(&w, SIM_N_QUEUES, SIM_UNLIMITED);
        sim_offer(all, SIM_N_QUEUES, SIM_UNLIMITED);
        sim_offer(few, SIM_N_QUEUES, SIM_UNLIMITED);
        sim_run(all, 60);
        sim_run(few, 60);
        g_assert_cmpfloat(sim_run(all, 60), >=, want);
        g_assert_cmpfloat(sim_run(few, 60), >=, want);
    }
}

/* A worker that waits for a processor wants to run all the time, and another
 * would only take turns with it. */
static void test_starved_worker_is_not_split(void)
{
    SimWorld w = sim_worlds[0];
    g_autoptr(Sim) s = sim_new(&w, SIM_AUTO, SIM_N_QUEUES);

    w.cpus = 0.4;
    sim_offer(s, SIM_N_QUEUES, SIM_UNLIMITED);
    sim_run(s, 60);
    g_assert_cmpuint(s->changes, ==, 0);
}

static uint32_t dice(Sim *s, uint32_t n)
{
    sim_jitter(s);
    return (s->random >> 8) % n;
}

/* Whatever comes: act() and carry_out() check each change. */
static void test_random_loads_keep_the_rules(void)
{
    for (unsigned seed = 1; seed <= 25; seed++) {
        g_autoptr(Sim) s = sim_new(&sim_worlds[seed % SIM_N_WORLDS], SIM_AUTO,
                                   1 + seed % SIM_N_QUEUES);

        s->random = seed;
        for (unsigned i = 0; i < 60; i++) {
            unsigned jobs = dice(s, SIM_N_QUEUES + 1);

            sim_offer(s, jobs, dice(s, 2) ? SIM_UNLIMITED : 1e3 * dice(s, 200));
            s->refuse = dice(s, 10) == 0;
            if (dice(s, 20) == 0) {
                vhost_auto_restart(s->autos);
            }
            sim_run(s, 0.3 * (1 + dice(s, 40)));
        }
        s->refuse = false;
        sim_offer(s, 0, 0);
        sim_run(s, 120);
        g_assert_true(s->asleep);
        g_assert_cmpuint(vhost_auto_n_workers(s->autos), ==, 1);
    }
}

static void test_restart_forgets_the_window(void)
{
    g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);

    sim_offer(s, 8, SIM_UNLIMITED);
    sim_run(s, 0.9);
    vhost_auto_restart(s->autos);
    sim_run(s, 1); /* a sample that starts a window, and nine in it */
    g_assert_cmpuint(s->changes, ==, 0);
    sim_run(s, 0.1);
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
    for (unsigned i = 0; i < SIM_N_PUBLISHED; i++) {
        unsigned jobs = sim_published[i].jobs;
        g_autoptr(Sim) s = sim_new(&sim_worlds[0], SIM_AUTO, SIM_N_QUEUES);
        double have;

        sim_offer(s, jobs, SIM_UNLIMITED);
        sim_run(s, 60);
        have = sim_run(s, 120);
        printf("%4u %10.0fk %9.0fk %9.0fk %8u\n", jobs,
               sim_static_rate(&sim_worlds[0], SIM_ONE_WORKER, jobs,
                               SIM_UNLIMITED) /
                   1e3,
               sim_static_rate(&sim_worlds[0], SIM_PER_QUEUE, jobs,
                               SIM_UNLIMITED) /
                   1e3,
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
    for (unsigned i = 0; i < SIM_N_WORLDS; i++) {
        g_autofree char *steady = g_strdup_printf("/vhost-auto/steady/%s",
                                                  sim_worlds[i].name);
        g_autofree char *limited = g_strdup_printf("/vhost-auto/limited/%s",
                                                   sim_worlds[i].name);

        g_test_add_data_func(steady, &sim_worlds[i], test_steady_load);
        g_test_add_data_func(limited, &sim_worlds[i], test_limited_jobs);
    }
    g_test_add_func("/vhost-auto/low-load", test_low_load_stays_on_one_worker);
    g_test_add_func("/vhost-auto/one-hot",
                    test_one_hot_queue_stays_on_one_worker);
    g_test_add_func("/vhost-auto/hot-and-cold",
                    test_hot_queues_are_told_from_cold_ones);
    g_test_add_func("/vhost-auto/bursts", test_bursts_keep_their_workers);
    g_test_add_func("/vhost-auto/short-bursts",
                    test_bursts_within_a_window_get_workers);
    g_test_add_func("/vhost-auto/low-depth", test_low_depth_gets_workers);
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
