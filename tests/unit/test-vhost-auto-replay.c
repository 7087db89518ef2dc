/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * workers=auto on readings that a real kernel gave (vhost-auto.trace, whose
 * lines are those of the trace points): it decides again what it decided there,
 * and what it should where the readings are changed in one respect.
 */
#include "hw/virtio/vhost-auto-policy.h"

#define N_QUEUES 4
#define SAMPLE   "vhost_worker_auto_sample bench "
#define EVENT    "vhost_worker_auto bench "

typedef struct Replay {
    VhostAuto *autos;
    char **lines;
    int64_t now_ns;
    VhostAutoWorker workers[N_QUEUES];
    uint16_t taken[N_QUEUES];
    unsigned samples, splits, merges, sleeps;
} Replay;

static void set_up(Replay *r, unsigned max_workers)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST,
                                                  "vhost-auto.trace", NULL);
    g_autofree char *text = NULL;
    GError *err = NULL;

    *r = (Replay){ .autos = vhost_auto_new(N_QUEUES, max_workers) };
    g_file_get_contents(path, &text, NULL, &err);
    g_assert_no_error(err);
    r->lines = g_strsplit(g_strchomp(text), "\n", 0);
}

static void tear_down(Replay *r)
{
    vhost_auto_free(r->autos);
    g_strfreev(r->lines);
}

/* "ns=N taken=N,N,N,N SLOT=RUN/WAIT..." */
static void parse_sample(Replay *r, const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 0);
    int n;

    g_assert_cmpint(sscanf(words[0], "ns=%" SCNd64, &r->now_ns), ==, 1);
    n = sscanf(words[1], "taken=%hu,%hu,%hu,%hu", &r->taken[0], &r->taken[1],
               &r->taken[2], &r->taken[3]);
    g_assert_cmpint(n, ==, N_QUEUES);
    for (char **w = &words[2]; *w; w++) {
        VhostAutoWorker worker;
        unsigned slot;

        n = sscanf(*w, "%u=%" SCNu64 "/%" SCNu64, &slot, &worker.run_ns,
                   &worker.wait_ns);
        g_assert_cmpint(n, ==, 3);
        g_assert_cmpuint(slot, <, N_QUEUES);
        r->workers[slot] = worker;
    }
}

/* The line of a decision as the trace has it; NULL for none. */
static char *decide(Replay *r)
{
    VhostAutoReading reading = { .now_ns = r->now_ns,
                                 .workers = r->workers,
                                 .taken = r->taken };
    VhostAutoAction action = vhost_auto_sample(r->autos, &reading);
    bool split = action.kind == VHOST_AUTO_SPLIT;

    r->samples++;
    if (action.kind == VHOST_AUTO_NONE) {
        return NULL;
    }
    if (action.kind == VHOST_AUTO_SLEEP) {
        r->sleeps++;
        return g_strdup(EVENT "sleeps");
    }
    r->splits += split;
    r->merges += !split;
    vhost_auto_done(r->autos, r->now_ns, true);
    return g_strdup_printf(EVENT "%s from=%u to=%u queues=%u ok=1",
                           split ? "split" : "merge", action.from, action.to,
                           action.n_queues);
}

static void test_decides_as_on_the_kernel(void)
{
    g_autofree char *decision = NULL;
    Replay r;

    set_up(&r, 2);
    for (char **line = r.lines; *line; line++) {
        if (g_str_has_prefix(*line, SAMPLE)) {
            g_assert_null(decision); /* it stands in the trace */
            parse_sample(&r, *line + strlen(SAMPLE));
            decision = decide(&r);
        } else if (**line != '#') {
            g_assert_cmpstr(decision, ==, *line);
            g_clear_pointer(&decision, g_free);
        }
    }
    g_assert_null(decision);
    g_assert_cmpuint(r.samples, >, 150);
    g_assert_cmpuint(r.splits, ==, 1);
    g_assert_cmpuint(r.merges, ==, 1);
    g_assert_cmpuint(r.sleeps, ==, 1);
    g_assert_cmpuint(vhost_auto_n_workers(r.autos), ==, 1);
    tear_down(&r);
}

/* The readings while one worker served all, each changed by @change, up to the
 * end or the first decision. */
static void replay_changed(Replay *r, unsigned max_workers,
                           void (*change)(Replay *r))
{
    g_autofree char *decision = NULL;

    set_up(r, max_workers);
    for (char **line = r->lines; *line && !strstr(*line, " 1=") && !decision;
         line++) {
        if (g_str_has_prefix(*line, SAMPLE)) {
            parse_sample(r, *line + strlen(SAMPLE));
            change(r);
            decision = decide(r);
        }
    }
    g_assert_cmpuint(r->samples, >, 10);
}

static void change_nothing(Replay *r)
{
}

static void only_one_queue(Replay *r)
{
    memset(&r->taken[1], 0, sizeof(r->taken) - sizeof(r->taken[0]));
}

static void no_time_to_run(Replay *r)
{
    r->workers[0].wait_ns += 2 * r->workers[0].run_ns;
}

static void half_asleep(Replay *r)
{
    r->workers[0].run_ns /= 2;
    r->workers[0].wait_ns /= 2;
}

static void mostly_asleep(Replay *r)
{
    r->workers[0].run_ns /= 3;
    r->workers[0].wait_ns /= 3;
}

static void test_splits_only_if_all_speaks_for_it(void)
{
    static const struct {
        const char *name;
        unsigned max_workers;
        void (*change)(Replay *r);
        unsigned splits;
    } rows[] = {
        { "as recorded", 2, change_nothing, 1 },
        { "one worker allowed", 1, change_nothing, 0 },
        { "one busy queue", 2, only_one_queue, 0 },
        { "the worker waits for a processor", 2, no_time_to_run, 0 },
        { "the worker is half asleep", 2, half_asleep, 1 },
        { "the worker is asleep most of the time", 2, mostly_asleep, 0 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Replay r;

        g_test_message("%s", rows[i].name);
        replay_changed(&r, rows[i].max_workers, rows[i].change);
        g_assert_cmpuint(r.splits, ==, rows[i].splits);
        g_assert_cmpuint(r.merges + r.sleeps, ==, 0);
        tear_down(&r);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-auto-replay/decides",
                    test_decides_as_on_the_kernel);
    g_test_add_func("/vhost-auto-replay/changed",
                    test_splits_only_if_all_speaks_for_it);
    return g_test_run();
}
