/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"
#include "util/error.h"
#include "util/json.h"

#include <sys/utsname.h>

static const struct {
    const char *name;
    unsigned per_mille;
} percentiles[] = {
    { "p50", 500 },
    { "p90", 900 },
    { "p99", 990 },
    { "p99.9", 999 },
};

static double us(double ns)
{
    return ns / 1000;
}

static double mean_ns(const Histogram *h)
{
    return h->count ? (double)h->sum_ns / (double)h->count : 0;
}

BenchTotals bench_totals(Bench *b)
{
    BenchTotals t = { .requests = b->latency.count,
                      .seconds = (double)b->measured_ns / 1e9 };

    for (unsigned i = 0; i < b->n_queues; i++) {
        t.errors += b->queues[i].errors;
        t.mismatches += b->queues[i].mismatches;
    }
    if (b->measured_ns) {
        t.iops = (double)t.requests / t.seconds;
        t.mib_per_s = t.iops * (double)b->config->block_size / (double)MiB;
    }
    return t;
}

static double worker_cpu_percent(const Bench *b)
{
    return b->measured_ns ? 100.0 * (double)b->cpu_ns / (double)b->measured_ns
                          : 0;
}

/* --- for people --- */

/* When the number of workers changed, and to what. */
static void print_workers(const Bench *b, FILE *f)
{
    unsigned last = 0;

    fprintf(f, "workers:");
    for (unsigned i = 0; i < b->samples->len; i++) {
        const BenchSample *s = &g_array_index(b->samples, BenchSample, i);

        if (s->workers != last) {
            fprintf(f, " %u (%.1f s)", s->workers, (double)s->ms / 1000);
            last = s->workers;
        }
    }
    fprintf(f, "\n");
}

void bench_report_table(Bench *b, FILE *f)
{
    const BenchConfig *c = b->config;
    BenchTotals t = bench_totals(b);

    fprintf(f,
            "%s, LUN %" PRIu64 ": %s %s of %" PRIu64 " bytes, %u queues, %u "
            "jobs, depth %" PRIu64 ", workers %s\n\n",
            c->wwpn, c->lun, bench_pattern_names[c->pattern],
            bench_rw_names[c->rw], c->block_size, b->n_queues, b->n_jobs,
            c->depth, c->workers);
    fprintf(f, "%10s %9s %9s", "IOPS", "MiB/s", "mean us");
    for (unsigned i = 0; i < G_N_ELEMENTS(percentiles); i++) {
        fprintf(f, " %9s", percentiles[i].name);
    }
    fprintf(f, " %9s %12s\n", "max", "workers' CPU");
    fprintf(f, "%10.0f %9.1f %9.1f", t.iops, t.mib_per_s,
            us(mean_ns(&b->latency)));
    for (unsigned i = 0; i < G_N_ELEMENTS(percentiles); i++) {
        fprintf(f, " %9.1f",
                us((double)histogram_percentile(&b->latency,
                                                percentiles[i].per_mille)));
    }
    fprintf(f, " %9.1f", us((double)b->latency.max_ns));
    if (b->cpu_known) {
        fprintf(f, " %11.0f%%\n\n", worker_cpu_percent(b));
    } else {
        fprintf(f, " %12s\n\n", "-");
    }
    print_workers(b, f);
    fprintf(f, "%" PRIu64 " requests in %.2f s, %" PRIu64 " errors, %u lost",
            t.requests, t.seconds, t.errors, b->lost);
    if (c->rw == BENCH_VERIFY) {
        fprintf(f, ", %" PRIu64 " blocks with wrong data", t.mismatches);
    }
    if (b->moves) {
        fprintf(f, ", %" PRIu64 " queues moved", b->moves);
    }
    fprintf(f, "%s\n", b->interrupted ? ", interrupted" : "");
}

/* --- for programs --- */

static json_object *config_json(const Bench *b)
{
    const BenchConfig *c = b->config;
    json_object *o = json_object_new_object();
    struct utsname host;

    json_add_string(o, "wwpn", c->wwpn);
    json_add_uint(o, "tpgt", c->tpgt);
    json_add_uint(o, "lun", c->lun);
    json_add_uint(o, "queues", c->queues);
    json_add_uint(o, "depth", c->depth);
    json_add_uint(o, "jobs", c->jobs);
    json_add_string(o, "workers", c->workers);
    if (c->worker_cpus) {
        json_add_string(o, "worker-cpus", c->worker_cpus);
    }
    json_add_uint(o, "block-size", c->block_size);
    json_add_string(o, "rw", bench_rw_names[c->rw]);
    json_add_string(o, "pattern", bench_pattern_names[c->pattern]);
    json_add_uint(o, "seconds", c->seconds);
    json_add_uint(o, "warmup", c->warmup);
    json_add_uint(o, "idle", c->idle);
    json_add_string(o, "version", PROJECT_VERSION);
    if (uname(&host) == 0) {
        json_add_string(o, "kernel", host.release);
    }
    return o;
}

static json_object *latency_json(const Histogram *h)
{
    json_object *o = json_object_new_object();

    json_add(o, "mean", json_object_new_double(us(mean_ns(h))));
    for (unsigned i = 0; i < G_N_ELEMENTS(percentiles); i++) {
        double ns = (double)histogram_percentile(h, percentiles[i].per_mille);

        json_add(o, percentiles[i].name, json_object_new_double(us(ns)));
    }
    json_add(o, "max", json_object_new_double(us((double)h->max_ns)));
    return o;
}

static json_object *result_json(Bench *b)
{
    json_object *o = json_object_new_object();
    BenchTotals t = bench_totals(b);

    json_add_uint(o, "requests", t.requests);
    json_add(o, "seconds", json_object_new_double(t.seconds));
    json_add(o, "iops", json_object_new_double(t.iops));
    json_add(o, "mib-per-second", json_object_new_double(t.mib_per_s));
    json_add(o, "latency-us", latency_json(&b->latency));
    if (b->cpu_known) {
        json_add(o, "worker-cpu-percent",
                 json_object_new_double(worker_cpu_percent(b)));
    }
    json_add_uint(o, "errors", t.errors);
    json_add_uint(o, "lost", b->lost);
    json_add_uint(o, "mismatches", t.mismatches);
    json_add_uint(o, "moves", b->moves);
    json_add_bool(o, "interrupted", b->interrupted);
    return o;
}

static json_object *samples_json(const Bench *b)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < b->samples->len; i++) {
        const BenchSample *s = &g_array_index(b->samples, BenchSample, i);
        json_object *row = json_object_new_object();

        json_add_int(row, "ms", s->ms);
        json_add_uint(row, "workers", s->workers);
        json_add_uint(row, "done", s->done);
        json_object_array_add(list, row);
    }
    return list;
}

bool bench_report_json(Bench *b, GError **errp)
{
    json_object *o = json_object_new_object();
    g_autoptr(GError) err = NULL;
    g_autofree char *text = NULL;
    bool ok = true;

    json_add(o, "config", config_json(b));
    json_add(o, "result", result_json(b));
    json_add(o, "workers", json_object_get(b->workers));
    json_add(o, "samples", samples_json(b));
    text = g_strdup_printf(
        "%s\n", json_object_to_json_string_ext(o, JSON_C_TO_STRING_SPACED));
    json_object_put(o);
    if (g_str_equal(b->config->json, "-")) {
        fputs(text, stdout);
    } else if (!g_file_set_contents(b->config->json, text, -1, &err)) {
        error_setg(errp, "--json: %s", err->message);
        ok = false;
    }
    return ok;
}
