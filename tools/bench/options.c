/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"
#include "util/log.h"

typedef enum OptionKind {
    OPTION_STRING,
    OPTION_NUMBER,
    OPTION_SIZE,
    OPTION_WORD, /* stored as its index in .words */
    OPTION_SWITCH,
} OptionKind;

typedef struct BenchOption {
    const char *name; /* without "--" */
    OptionKind kind;
    size_t offset; /* in BenchConfig */
    const char *argument;
    const char *summary;
    uint64_t min, max;
    const char *const *words;
} BenchOption;

const char *const bench_rw_names[] = { "read", "write", "verify", NULL };
const char *const bench_pattern_names[] = { "random", "sequential", NULL };

#define ROW(_name, _kind, _field, ...)                                         \
    {                                                                          \
        .name = _name, .kind = _kind, .offset = offsetof(BenchConfig, _field), \
        __VA_ARGS__                                                            \
    }
#define NUMBER(_name, _field, _min, _max, _summary)                 \
    ROW(_name, OPTION_NUMBER, _field, .argument = "N", .min = _min, \
        .max = _max, .summary = _summary)
#define SWITCH(_name, _field, _summary) \
    ROW(_name, OPTION_SWITCH, _field, .summary = _summary)

/* clang-format off */
static const BenchOption option_table[] = {
    ROW("wwpn", OPTION_STRING, wwpn, .argument = "NAME",
        .summary = "the LIO vhost target; required"),
    NUMBER("tpgt", tpgt, 0, BENCH_TPGT_MAX, "its portal group (1)"),
    NUMBER("lun", lun, 0, BENCH_LUN_MAX, "the LUN (0)"),
    NUMBER("queues", queues, 1, BENCH_QUEUES_MAX, "request queues (1)"),
    NUMBER("depth", depth, 1, BENCH_IN_FLIGHT_MAX,
           "requests of a job in flight (32)"),
    NUMBER("jobs", jobs, 1, BENCH_JOBS_MAX,
           "threads; job j uses queue j modulo queues (one for each queue)"),
    ROW("workers", OPTION_STRING, workers, .argument = "MODE",
        .summary = "legacy (default), per-virtqueue, a number, auto, or a list "
                   "as worker-vq-mapping takes it"),
    ROW("worker-cpus", OPTION_STRING, worker_cpus, .argument = "LIST",
        .summary = "processors that workers may run on"),
    ROW("block-size", OPTION_SIZE, block_size, .argument = "BYTES",
        .min = BENCH_BLOCK_SIZE_MIN, .max = BENCH_BLOCK_SIZE_MAX,
        .summary = "of a request (4096)"),
    ROW("rw", OPTION_WORD, rw, .argument = "KIND", .words = bench_rw_names,
        .summary = "read (default), write, or verify: write, read back and "
                   "compare"),
    ROW("pattern", OPTION_WORD, pattern, .argument = "KIND",
        .words = bench_pattern_names,
        .summary = "random (default) or sequential"),
    SWITCH("destroy-data", destroy_data,
           "what the LUN holds may be overwritten; write and verify need it"),
    NUMBER("seconds", seconds, 1, BENCH_SECONDS_MAX, "to measure (5)"),
    NUMBER("warmup", warmup, 0, BENCH_SECONDS_MAX, "seconds before that (1)"),
    NUMBER("idle", idle, 0, BENCH_SECONDS_MAX,
           "seconds without I/O after that, in which workers are watched (0)"),
    NUMBER("moves", moves, 0, BENCH_MOVES_MAX,
           "times to move a queue to another worker meanwhile (0)"),
    ROW("json", OPTION_STRING, json, .argument = "FILE",
        .summary = "write the figures there as JSON; - is standard output"),
    ROW("trace", OPTION_STRING, trace, .argument = "PATTERN",
        .summary = "write these trace points to standard error"),
    SWITCH("help", help, "this text"),
    SWITCH("version", version, "the version"),
};
/* clang-format on */

void bench_options_help(FILE *f)
{
    fprintf(f, "usage: vhost-scsi-bench --wwpn NAME [OPTION]...\n\n"
               "Measures a LIO vhost target through the kernel's vhost-scsi, "
               "without a guest.\n\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(option_table); i++) {
        const BenchOption *o = &option_table[i];
        g_autofree char *left = g_strdup_printf("--%s %s", o->name,
                                                o->argument ?: "");

        fprintf(f, "  %-20s %s\n", left, o->summary);
    }
}

static bool word_set(const BenchOption *o, const char *value,
                     uint64_t *ret_index, GError **errp)
{
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)o->words);

    for (unsigned i = 0; o->words[i]; i++) {
        if (g_str_equal(o->words[i], value)) {
            *ret_index = i;
            return true;
        }
    }
    error_setg(errp, "--%s cannot be '%s': one of %s is expected", o->name,
               value, all);
    return false;
}

static bool number_set(const BenchOption *o, const char *value,
                       uint64_t *ret_number, GError **errp)
{
    uint64_t n;
    int r = o->kind == OPTION_SIZE ? parse_size(value, 1, &n)
                                   : parse_u64(value, &n);

    if (r < 0 || n < o->min || n > o->max) {
        error_setg(errp,
                   "--%s cannot be '%s': a number from %" PRIu64 " to "
                   "%" PRIu64 " is expected",
                   o->name, value, o->min, o->max);
        return false;
    }
    *ret_number = n;
    return true;
}

static bool option_set(BenchConfig *c, const BenchOption *o, const char *value,
                       GError **errp)
{
    void *field = (char *)c + o->offset;

    switch (o->kind) {
    case OPTION_STRING:
        *(const char **)field = value;
        return true;
    case OPTION_NUMBER:
    case OPTION_SIZE:
        return number_set(o, value, field, errp);
    case OPTION_WORD:
        return word_set(o, value, field, errp);
    case OPTION_SWITCH:
        *(uint64_t *)field = 1;
        return true;
    }
    g_assert_not_reached();
}

static const BenchOption *find_option(const char *arg, GError **errp)
{
    const char *word = g_str_has_prefix(arg, "--") ? arg + 2 : "";
    g_autofree char *name = g_strndup(word, strcspn(word, "="));
    NearName near = { .name = name };

    for (unsigned i = 0; *word && i < G_N_ELEMENTS(option_table); i++) {
        if (g_str_equal(option_table[i].name, name)) {
            return &option_table[i];
        }
        near_name_try(&near, option_table[i].name);
    }
    error_setg_near(errp, &near, "; --help lists them", "unknown option '%s'",
                    arg);
    return NULL;
}

static bool parse(BenchConfig *c, int argc, char **argv, GError **errp)
{
    for (int i = 1; i < argc; i++) {
        const BenchOption *o = find_option(argv[i], errp);
        const char *eq = strchr(argv[i], '=');

        if (!o) {
            return false;
        }
        if (o->kind == OPTION_SWITCH ? eq != NULL : !eq && i + 1 == argc) {
            error_setg(errp, "--%s takes %s argument", o->name,
                       eq ? "no" : "an");
            return false;
        }
        if (!option_set(c, o,
                        eq                         ? eq + 1
                        : o->kind == OPTION_SWITCH ? NULL
                                                   : argv[++i],
                        errp)) {
            return false;
        }
    }
    return true;
}

/* What depends on more than one option. */
static bool check(BenchConfig *c, GError **errp)
{
    uint64_t per_queue;

    if (!c->wwpn) {
        error_setg(errp, "--wwpn is required: the name of a LIO vhost target");
        return false;
    }
    if (c->trace && !trace_set_enabled(c->trace, true)) {
        error_setg(errp,
                   "--trace: no trace point is called '%s'; " PROGRAM_NAME
                   " -trace help lists them",
                   c->trace);
        return false;
    }
    if (c->rw != BENCH_READ && !c->destroy_data) {
        error_setg(errp,
                   "--rw %s overwrites the LUN: confirm with --destroy-data",
                   bench_rw_names[c->rw]);
        return false;
    }
    c->jobs = c->jobs ?: c->queues;
    per_queue = (c->jobs + c->queues - 1) / c->queues * c->depth;
    if (per_queue > BENCH_IN_FLIGHT_MAX) {
        error_setg(errp,
                   "--depth %" PRIu64 " with %" PRIu64 " jobs on %" PRIu64
                   " queues is %" PRIu64 " requests in one queue: at most %d "
                   "are possible",
                   c->depth, c->jobs, c->queues, per_queue,
                   BENCH_IN_FLIGHT_MAX);
        return false;
    }
    if (c->jobs * c->depth * c->block_size > BENCH_MEMORY_MAX) {
        error_setg(
            errp,
            "--depth, --jobs and --block-size come to %" PRIu64 " MiB in "
            "flight: at most %" PRIu64 " are possible",
            c->jobs * c->depth * c->block_size / MiB, BENCH_MEMORY_MAX / MiB);
        return false;
    }
    if (c->moves && g_str_equal(c->workers, "auto")) {
        error_setg(errp, "--moves and --workers auto exclude each other: auto "
                         "moves queues itself");
        return false;
    }
    return true;
}

bool bench_options_parse(BenchConfig *c, int argc, char **argv, GError **errp)
{
    *c = (BenchConfig){
        .workers = "legacy",
        .tpgt = 1,
        .queues = 1,
        .depth = 32,
        .block_size = 4096,
        .seconds = 5,
        .warmup = 1,
    };
    return parse(c, argc, argv, errp) &&
           (c->help || c->version || check(c, errp));
}

static bool add_workers(const BenchConfig *c, json_object *opts, GError **errp)
{
    uint64_t n;

    if (g_str_equal(c->workers, "per-virtqueue")) {
        json_add_bool(opts, "worker_per_virtqueue", true);
    } else if (g_str_equal(c->workers, "auto")) {
        json_add_string(opts, "workers", "auto");
    } else if (parse_u64(c->workers, &n) == 0 && n >= 1 &&
               n <= VHOST_WORKERS_MAX) {
        json_add_uint(opts, "workers", n);
    } else if (c->workers[0] == '[') {
        g_autofree char *text = g_strdup_printf("{\"m\": %s}", c->workers);
        auto_json *dict = json_parse(text, errp);

        if (!dict) {
            g_prefix_error(errp, "--workers: ");
            return false;
        }
        json_add(opts, "worker-vq-mapping",
                 json_object_get(json_get(dict, "m")));
    } else if (!g_str_equal(c->workers, "legacy")) {
        error_setg(errp,
                   "--workers cannot be '%s': legacy, per-virtqueue, auto, a "
                   "number from 1 to %d, or a list [{\"vqs\": [0]}, ...] is "
                   "expected",
                   c->workers, VHOST_WORKERS_MAX);
        return false;
    }
    return true;
}

json_object *bench_device_options(const BenchConfig *c, unsigned ring_size,
                                  GError **errp)
{
    json_object *opts = json_object_new_object();

    json_add_string(opts, "driver", "vhost-scsi-pci");
    json_add_string(opts, "id", "bench");
    json_add_string(opts, "wwpn", c->wwpn);
    json_add_uint(opts, "num_queues", c->queues);
    json_add_uint(opts, "virtqueue_size", ring_size);
    if (c->worker_cpus) {
        json_add_string(opts, "worker-cpus", c->worker_cpus);
    }
    if (!add_workers(c, opts, errp)) {
        json_object_put(opts);
        return NULL;
    }
    return opts;
}
