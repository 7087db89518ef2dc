/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans for workers, and lists of processors. */
#include "hw/core/property.h"
#include "hw/virtio/vhost.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* --- lists of processors --- */

static void cpulist_is_parsed_and_written_back(void)
{
    static const struct {
        const char *text, *again;
    } cases[] = {
        { "0", "0" },           { "0-3", "0-3" },   { "3,1,2", "1-3" },
        { "0-1,1-2", "0-2" },   { "8191", "8191" }, { "0,2,4", "0,2,4" },
        { "0-8191", "0-8191" }, { "7-7", "7" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *again = NULL;
        CpuSet set;

        g_assert_cmpint(cpulist_parse(cases[i].text, &set), ==, 0);
        again = cpulist_format(&set);
        g_assert_cmpstr(again, ==, cases[i].again);
    }
}

static void what_is_no_cpulist_is_refused(void)
{
    static const char *const bad[] = { "",   ",",   "1,", "-1", "a",     "3-1",
                                       "1-", "0x1", "1 ", " 1", "1-2-3", "+1" };
    CpuSet set;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("'%s'", bad[i]);
        g_assert_cmpint(cpulist_parse(bad[i], &set), ==, -EINVAL);
    }
    g_assert_cmpint(cpulist_parse("8192", &set), ==, -ERANGE);
    g_assert_cmpint(cpulist_parse("0-8192", &set), ==, -ERANGE);
}

/* --- plans --- */

static VhostWorkerPlan *plan_of(const VhostWorkerConfig *config,
                                unsigned n_requests)
{
    g_autoptr(GError) err = NULL;
    VhostWorkerPlan *plan = vhost_worker_plan_new(config, &err);

    g_assert_no_error(err);
    g_assert_true(
        vhost_worker_plan_resolve(plan, 2, n_requests, "num_queues", &err));
    g_assert_no_error(err);
    return plan;
}

/* "0 1 0 1": which worker each request queue has. */
static void assert_queues(const VhostWorkerPlan *plan, const char *expected)
{
    g_autoptr(GString) have = g_string_new(NULL);

    for (unsigned q = 0; q < plan->request_spec->len; q++) {
        g_string_append_printf(have, "%s%u", q ? " " : "",
                               g_array_index(plan->request_spec, unsigned, q));
    }
    g_assert_cmpstr(have->str, ==, expected);
}

static void refused(VhostWorkerConfig config, const char *mapping,
                    unsigned n_requests, const char *message)
{
    g_autoptr(GError) err = NULL;
    auto_json *list = mapping ? json_tokener_parse(mapping) : NULL;
    VhostWorkerPlan *plan;

    g_assert_true(!mapping || list);
    config.mapping = list;
    plan = vhost_worker_plan_new(&config, &err);
    if (plan) {
        g_assert_false(
            vhost_worker_plan_resolve(plan, 2, n_requests, "num_queues", &err));
    }
    g_assert_cmpstr(err->message, ==, message);
    vhost_worker_plan_free(plan);
}

static void nothing_asked_for_is_one_worker(void)
{
    VhostWorkerPlan *plan = plan_of(&(VhostWorkerConfig){ 0 }, 3);

    g_assert_cmpint(plan->mode, ==, VHOST_WORKERS_SINGLE);
    g_assert_cmpuint(plan->specs->len, ==, 1);
    g_assert_false(plan->share);
    assert_queues(plan, "0 0 0");
    vhost_worker_plan_free(plan);
}

static void per_virtqueue_shares_nothing_but_the_first(void)
{
    VhostWorkerConfig config = { .per_virtqueue = true };
    VhostWorkerPlan *plan = plan_of(&config, 4);

    g_assert_cmpint(plan->mode, ==, VHOST_WORKERS_PER_VIRTQUEUE);
    g_assert_cmpuint(plan->specs->len, ==, 4);
    assert_queues(plan, "0 1 2 3");
    vhost_worker_plan_free(plan);
    plan = plan_of(&config, 1);
    g_assert_cmpuint(plan->specs->len, ==, 1);
    vhost_worker_plan_free(plan);
}

static void a_count_spreads_round_robin(void)
{
    VhostWorkerPlan *plan = plan_of(&(VhostWorkerConfig){ .count = 3 }, 8);

    g_assert_cmpint(plan->mode, ==, VHOST_WORKERS_COUNT);
    assert_queues(plan, "0 1 2 0 1 2 0 1");
    vhost_worker_plan_free(plan);
    plan = plan_of(&(VhostWorkerConfig){ .count = 2, .cpus = (char *)"1,3" },
                   2);
    assert_queues(plan, "0 1");
    for (unsigned i = 0; i < 2; i++) {
        VhostWorkerSpec *spec = &g_array_index(plan->specs, VhostWorkerSpec, i);
        g_autofree char *cpus = cpulist_format(&spec->cpus);

        g_assert_true(spec->has_cpus);
        g_assert_cmpstr(cpus, ==, "1,3");
    }
    vhost_worker_plan_free(plan);
    refused((VhostWorkerConfig){ .count = 5 }, NULL, 4,
            "property 'workers' cannot be '5': at most one for each of the 4 "
            "request queues is expected");
}

static void auto_begins_with_one(void)
{
    VhostWorkerPlan *plan = plan_of(
        &(VhostWorkerConfig){ .count = PROPERTY_AUTO }, 4);

    g_assert_cmpint(plan->mode, ==, VHOST_WORKERS_AUTO);
    assert_queues(plan, "0 0 0 0");
    vhost_worker_plan_free(plan);
}

static void a_mapping_says_it_all(void)
{
    auto_json *mapping = json_tokener_parse(
        "[{\"name\":\"w0\",\"vqs\":[3,1],\"cpus\":\"0-1\"},"
        "{\"control\":true,\"vqs\":[0],\"nice\":-5},"
        "{\"vqs\":[2],\"sched\":\"fifo:7\"}]");
    VhostWorkerConfig config = { .mapping = mapping, .cpus = (char *)"5" };
    VhostWorkerPlan *plan = plan_of(&config, 4);
    VhostWorkerSpec *spec = &g_array_index(plan->specs, VhostWorkerSpec, 0);

    g_assert_cmpint(plan->mode, ==, VHOST_WORKERS_MAPPED);
    g_assert_cmpuint(vhost_worker_plan_n_mapped(plan), ==, 4);
    assert_queues(plan, "1 0 2 0");
    g_assert_cmpuint(plan->control_spec, ==, 1);
    g_assert_cmpstr(spec[0].name, ==, "w0");
    g_assert_true(cpuset_has(&spec[0].cpus, 1) &&
                  !cpuset_has(&spec[0].cpus, 5));
    g_assert_true(spec[1].has_nice && cpuset_has(&spec[1].cpus, 5));
    g_assert_cmpint(spec[1].nice, ==, -5);
    g_assert_cmpint(spec[2].policy, ==, SCHED_FIFO);
    g_assert_cmpint(spec[2].priority, ==, 7);
    g_assert_cmpint(spec[0].policy, ==, -1);
    vhost_worker_plan_free(plan);
}

static void a_worker_may_have_control_and_event_alone(void)
{
    auto_json *mapping = json_tokener_parse(
        "[{\"control\":true},{\"vqs\":[0,1]}]");
    VhostWorkerPlan *plan = plan_of(&(VhostWorkerConfig){ .mapping = mapping },
                                    2);

    assert_queues(plan, "1 1");
    g_assert_cmpuint(plan->control_spec, ==, 0);
    vhost_worker_plan_free(plan);
}

#define ENTRY(n) "property 'worker-vq-mapping': entry " #n

static void a_mapping_that_cannot_be_is_refused(void)
{
    static const struct {
        const char *mapping, *message;
    } cases[] = {
        { "[]", "property 'worker-vq-mapping' has 0 entries: from 1 to 1024 "
                "are expected" },
        { "[1]", ENTRY(0) " must be an object {...}" },
        { "[{}]", ENTRY(0) ": 'vqs' must be a list of request queues" },
        { "[{\"vqs\":[]}]",
          ENTRY(0) ": 'vqs' must be a list of request queues" },
        { "[{\"vqs\":[-1]}]", ENTRY(0) ": 'vqs' cannot hold -1: numbers of "
                                       "request queues from 0 are expected" },
        { "[{\"vqs\":[1024]}]",
          ENTRY(0) ": 'vqs' cannot hold 1024: numbers of request queues from "
                   "0 are expected" },
        { "[{\"vqs\":[\"0\"]}]",
          ENTRY(0) ": 'vqs' cannot hold \"0\": numbers of request queues from "
                   "0 are expected" },
        { "[{\"vqs\":[0,0]}]", ENTRY(0) ": request queue 0 is in entry 0 "
                                        "already: give each queue once" },
        { "[{\"vqs\":[0]},{\"vqs\":[1,0]}]",
          ENTRY(1) ": request queue 0 is in entry 0 already: give each queue "
                   "once" },
        { "[{\"vqs\":[0,2]}]", "property 'worker-vq-mapping': request queue 1 "
                               "is in no entry: give each queue once" },
        { "[{\"vqs\":[0]}]", "property 'worker-vq-mapping' speaks of 1 request "
                             "queues, and num_queues is 2: map each of them" },
        { "[{\"vqs\":[0],\"control\":1}]",
          ENTRY(0) ": 'control' must be true or false" },
        { "[{\"vqs\":[0],\"control\":true},{\"vqs\":[1],\"control\":true}]",
          ENTRY(1) ": 'control' is true in entry 0 already: control and event "
                   "go to one worker" },
        { "[{\"vqs\":[0],\"cpus\":\"x\"}]",
          ENTRY(0) ": 'cpus' cannot be 'x': a list of processors from 0 to "
                   "8191 such as 0-3,8 is expected" },
        { "[{\"vqs\":[0],\"nice\":20}]",
          ENTRY(0) ": 'nice' cannot be 20: a number from -20 to 19 is "
                   "expected" },
        { "[{\"vqs\":[0],\"sched\":\"fifo:0\"}]",
          ENTRY(0) ": 'sched' cannot be 'fifo:0': other, batch, idle, fifo:N "
                   "or rr:N with N from 1 to 99 is expected" },
        { "[{\"vqs\":[0],\"cpu\":\"0\"}]",
          ENTRY(0) ": unknown parameter 'cpu'; did you mean 'cpus'?" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        refused((VhostWorkerConfig){ 0 }, cases[i].mapping, 2,
                cases[i].message);
    }
}

static void the_three_ways_exclude_each_other(void)
{
    const char *message =
        "properties 'worker_per_virtqueue', 'workers' and 'worker-vq-mapping' "
        "exclude each other: give one of them";

    refused((VhostWorkerConfig){ .per_virtqueue = true, .count = 2 }, NULL, 2,
            message);
    refused((VhostWorkerConfig){ .count = PROPERTY_AUTO }, "[{\"vqs\":[0]}]", 1,
            message);
    refused((VhostWorkerConfig){ .per_virtqueue = true }, "[{\"vqs\":[0]}]", 1,
            message);
    refused((VhostWorkerConfig){ .count = 2, .thread_mode = (char *)"kthread" },
            NULL, 2,
            "property 'vhost-thread-mode' cannot be 'kthread' with several "
            "workers: the kernel allows one");
    refused((VhostWorkerConfig){ .cpus = (char *)"1,," }, NULL, 1,
            "property 'worker-cpus' cannot be '1,,': a list of processors from "
            "0 to 8191 such as 0-3,8 is expected");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-worker/cpulist",
                    cpulist_is_parsed_and_written_back);
    g_test_add_func("/vhost-worker/cpulist-bad", what_is_no_cpulist_is_refused);
    g_test_add_func("/vhost-worker/single", nothing_asked_for_is_one_worker);
    g_test_add_func("/vhost-worker/per-virtqueue",
                    per_virtqueue_shares_nothing_but_the_first);
    g_test_add_func("/vhost-worker/count", a_count_spreads_round_robin);
    g_test_add_func("/vhost-worker/auto", auto_begins_with_one);
    g_test_add_func("/vhost-worker/mapping", a_mapping_says_it_all);
    g_test_add_func("/vhost-worker/control-alone",
                    a_worker_may_have_control_and_event_alone);
    g_test_add_func("/vhost-worker/mapping-bad",
                    a_mapping_that_cannot_be_is_refused);
    g_test_add_func("/vhost-worker/exclusive",
                    the_three_ways_exclude_each_other);
    return g_test_run();
}
