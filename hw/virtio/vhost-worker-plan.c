/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the user asks for to a plan: no kernel, no device. */
#include "hw/core/property.h"
#include "hw/virtio/vhost-worker-plan.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"
#include "util/thread.h"

#define UNMAPPED UINT_MAX

const char *const vhost_worker_fallback_words[] = { "error", "share", NULL };
const char *const vhost_thread_mode_words[] = { "auto", "task", "kthread",
                                                NULL };

const char *vhost_worker_mode_name(VhostWorkerMode mode)
{
    static const char *const names[VHOST_WORKER_MODES_COUNT] = {
        [VHOST_WORKERS_SINGLE] = "single",
        [VHOST_WORKERS_PER_VIRTQUEUE] = "per-virtqueue",
        [VHOST_WORKERS_COUNT] = "count",
        [VHOST_WORKERS_MAPPED] = "mapped",
        [VHOST_WORKERS_AUTO] = "auto",
    };

    return names[mode];
}

/* --- plan --- */

static void spec_clear(gpointer data)
{
    VhostWorkerSpec *spec = data;

    g_clear_pointer(&spec->name, g_free);
}

static VhostWorkerSpec *add_spec(VhostWorkerPlan *plan)
{
    VhostWorkerSpec spec = { .policy = -1 };

    g_array_append_val(plan->specs, spec);
    return &g_array_index(plan->specs, VhostWorkerSpec, plan->specs->len - 1);
}

static VhostWorkerSpec *spec_at(const VhostWorkerPlan *plan, unsigned i)
{
    return &g_array_index(plan->specs, VhostWorkerSpec, i);
}

void vhost_worker_plan_free(VhostWorkerPlan *plan)
{
    if (plan) {
        g_array_unref(plan->specs);
        g_array_unref(plan->request_spec);
        g_free(plan);
    }
}

unsigned vhost_worker_plan_n_mapped(const VhostWorkerPlan *plan)
{
    return plan->mode == VHOST_WORKERS_MAPPED ? plan->request_spec->len : 0;
}

/* --- processors and scheduling --- */

static bool parse_cpus(const char *what, const char *text, CpuSet *ret_cpus,
                       GError **errp)
{
    int r = cpulist_parse(text, ret_cpus);

    if (r < 0) {
        error_setg(errp,
                   "%s cannot be '%s': a list of processors from 0 to %d such "
                   "as 0-3,8 is expected",
                   what, text, CPULIST_MAX);
    }
    return r == 0;
}

static bool parse_sched(const char *what, const char *text,
                        VhostWorkerSpec *spec, GError **errp)
{
    int r = thread_policy_parse(text, &spec->policy, &spec->priority);

    if (r < 0) {
        error_setg(errp,
                   "%s cannot be '%s': other, batch, idle, fifo:N or rr:N with "
                   "N from 1 to 99 is expected",
                   what, text);
    }
    return r == 0;
}

/* --- worker-vq-mapping --- */

static bool map_queue(VhostWorkerPlan *plan, const char *what,
                      json_object *value, unsigned entry, GError **errp)
{
    int64_t q = json_object_get_int64(value);
    unsigned *slot, unmapped = UNMAPPED;

    if (!json_object_is_type(value, json_type_int) || q < 0 ||
        q >= VHOST_WORKERS_MAX) {
        error_setg(errp,
                   "%s: 'vqs' cannot hold %s: numbers of request queues from 0 "
                   "are expected",
                   what, json_object_to_json_string(value));
        return false;
    }
    while (plan->request_spec->len <= q) {
        g_array_append_val(plan->request_spec, unmapped);
    }
    slot = &g_array_index(plan->request_spec, unsigned, q);
    if (*slot != UNMAPPED) {
        error_setg(errp,
                   "%s: request queue %" PRId64 " is in entry %u already: "
                   "give each queue once",
                   what, q, *slot);
        return false;
    }
    *slot = entry;
    return true;
}

static bool parse_queues(VhostWorkerPlan *plan, const char *what,
                         json_object *entry, unsigned n, GError **errp)
{
    json_object *vqs = json_get(entry, "vqs");

    if (!vqs && json_get_bool(entry, "control", false)) {
        return true; /* a worker for the fixed queues alone */
    }
    if (!json_object_is_type(vqs, json_type_array) ||
        !json_object_array_length(vqs)) {
        error_setg(errp, "%s: 'vqs' must be a list of request queues", what);
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(vqs); i++) {
        if (!map_queue(plan, what, json_object_array_get_idx(vqs, i), n,
                       errp)) {
            return false;
        }
    }
    return true;
}

static bool parse_attributes(VhostWorkerSpec *spec, const char *what,
                             json_object *entry, GError **errp)
{
    const char *cpus = keyval_get(entry, "cpus");
    const char *sched = keyval_get(entry, "sched");
    json_object *nice = json_get(entry, "nice");
    g_autofree char *cpus_what = g_strdup_printf("%s: 'cpus'", what);
    g_autofree char *sched_what = g_strdup_printf("%s: 'sched'", what);

    if (cpus && !parse_cpus(cpus_what, cpus, &spec->cpus, errp)) {
        return false;
    }
    spec->has_cpus = cpus;
    if (sched && !parse_sched(sched_what, sched, spec, errp)) {
        return false;
    }
    if (nice && (!json_object_is_type(nice, json_type_int) ||
                 json_object_get_int64(nice) < -20 ||
                 json_object_get_int64(nice) > 19)) {
        error_setg(errp,
                   "%s: 'nice' cannot be %s: a number from -20 to 19 is "
                   "expected",
                   what, json_object_to_json_string(nice));
        return false;
    }
    spec->has_nice = nice;
    spec->nice = (int)json_object_get_int64(nice);
    spec->name = g_strdup(keyval_get(entry, "name"));
    return true;
}

static bool parse_entry(VhostWorkerPlan *plan, json_object *entry, unsigned n,
                        GError **errp)
{
    static const char *const keys[] = { "name", "vqs",   "cpus", "control",
                                        "nice", "sched", NULL };
    g_autofree char *what = g_strdup_printf(
        "property 'worker-vq-mapping': entry %u", n);
    json_object *control;

    if (!json_object_is_type(entry, json_type_object)) {
        error_setg(errp, "%s must be an object {...}", what);
        return false;
    }
    control = json_get(entry, "control");
    if (!keyval_check_keys(entry, what, keys, errp)) {
        return false;
    }
    if (control && !json_object_is_type(control, json_type_boolean)) {
        error_setg(errp, "%s: 'control' must be true or false", what);
        return false;
    }
    if (json_object_get_boolean(control)) {
        if (plan->control_spec != UNMAPPED) {
            error_setg(errp,
                       "%s: 'control' is true in entry %u already: control "
                       "and event go to one worker",
                       what, plan->control_spec);
            return false;
        }
        plan->control_spec = n;
    }
    return parse_attributes(add_spec(plan), what, entry, errp) &&
           parse_queues(plan, what, entry, n, errp);
}

static bool parse_mapping(VhostWorkerPlan *plan, json_object *mapping,
                          GError **errp)
{
    size_t n = json_object_array_length(mapping);

    if (!n || n > VHOST_WORKERS_MAX) {
        error_setg(errp,
                   "property 'worker-vq-mapping' has %zu entries: from 1 to %d "
                   "are expected",
                   n, VHOST_WORKERS_MAX);
        return false;
    }
    plan->control_spec = UNMAPPED;
    for (size_t i = 0; i < n; i++) {
        if (!parse_entry(plan, json_object_array_get_idx(mapping, i),
                         (unsigned)i, errp)) {
            return false;
        }
    }
    if (plan->control_spec == UNMAPPED) {
        plan->control_spec = 0;
    }
    for (unsigned q = 0; q < plan->request_spec->len; q++) {
        if (g_array_index(plan->request_spec, unsigned, q) == UNMAPPED) {
            error_setg(errp,
                       "property 'worker-vq-mapping': request queue %u is in "
                       "no entry: give each queue once",
                       q);
            return false;
        }
    }
    return true;
}

/* --- the whole --- */

static bool choose_mode(VhostWorkerPlan *plan, const VhostWorkerConfig *c,
                        GError **errp)
{
    if (!!c->per_virtqueue + !!c->count + !!c->mapping > 1) {
        error_setg(errp, "properties 'worker_per_virtqueue', 'workers' and "
                         "'worker-vq-mapping' exclude each other: give one of "
                         "them");
        return false;
    }
    plan->mode = c->per_virtqueue            ? VHOST_WORKERS_PER_VIRTQUEUE
                 : c->mapping                ? VHOST_WORKERS_MAPPED
                 : c->count == PROPERTY_AUTO ? VHOST_WORKERS_AUTO
                 : c->count                  ? VHOST_WORKERS_COUNT
                                             : VHOST_WORKERS_SINGLE;
    if (plan->mode != VHOST_WORKERS_SINGLE &&
        !g_strcmp0(c->thread_mode, "kthread")) {
        error_setg(errp, "property 'vhost-thread-mode' cannot be 'kthread' "
                         "with several workers: the kernel allows one");
        return false;
    }
    return true;
}

VhostWorkerPlan *vhost_worker_plan_new(const VhostWorkerConfig *c,
                                       GError **errp)
{
    VhostWorkerPlan *plan = g_new0(VhostWorkerPlan, 1);
    VhostWorkerSpec all = { .policy = -1, .has_cpus = c->cpus };

    plan->specs = g_array_new(FALSE, FALSE, sizeof(VhostWorkerSpec));
    g_array_set_clear_func(plan->specs, spec_clear);
    plan->request_spec = g_array_new(FALSE, FALSE, sizeof(unsigned));
    plan->share = !g_strcmp0(c->fallback, "share");
    plan->at_most = UINT_MAX;
    plan->names = c->names;
    if (!choose_mode(plan, c, errp) ||
        (c->cpus &&
         !parse_cpus("property 'worker-cpus'", c->cpus, &all.cpus, errp)) ||
        (c->mapping && !parse_mapping(plan, c->mapping, errp))) {
        vhost_worker_plan_free(plan);
        return NULL;
    }
    /* worker-cpus is for those that have no list of their own. */
    if (plan->mode != VHOST_WORKERS_MAPPED) {
        g_array_append_val(plan->specs, all);
    }
    for (unsigned i = 0; i < plan->specs->len; i++) {
        VhostWorkerSpec *spec = spec_at(plan, i);

        if (!spec->has_cpus && all.has_cpus) {
            spec->has_cpus = true;
            spec->cpus = all.cpus;
        }
    }
    if (plan->mode == VHOST_WORKERS_COUNT) {
        for (unsigned i = 1; i < c->count; i++) {
            g_array_append_val(plan->specs, all);
        }
    }
    return plan;
}

bool vhost_worker_plan_resolve(VhostWorkerPlan *plan, unsigned n_fixed,
                               unsigned n_requests, const char *queues_property,
                               GError **errp)
{
    VhostWorkerSpec all = *spec_at(plan, 0);

    plan->n_fixed = n_fixed;
    if (plan->mode == VHOST_WORKERS_MAPPED) {
        if (plan->request_spec->len != n_requests) {
            error_setg(errp,
                       "property 'worker-vq-mapping' speaks of %u request "
                       "queues, and %s is %u: map each of them",
                       plan->request_spec->len, queues_property, n_requests);
        }
        return plan->request_spec->len == n_requests;
    }
    if (plan->specs->len > n_requests) {
        error_setg(errp,
                   "property 'workers' cannot be '%u': at most one for each of "
                   "the %u request queues is expected",
                   plan->specs->len, n_requests);
        return false;
    }
    while (plan->mode == VHOST_WORKERS_PER_VIRTQUEUE &&
           plan->specs->len < n_requests) {
        g_array_append_val(plan->specs, all);
    }
    g_array_set_size(plan->request_spec, 0);
    for (unsigned q = 0; q < n_requests; q++) {
        unsigned spec = q % plan->specs->len;

        g_array_append_val(plan->request_spec, spec);
    }
    return true;
}
