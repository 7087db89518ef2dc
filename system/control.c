/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/control.h"
#include "system/hotplug.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

static void set_state(Machine *m, RunState state)
{
    trace(runstate_set, "from=%s to=%s", run_state_name(m->run_state),
          run_state_name(state));
    m->run_state = state;
    g_cond_broadcast(&m->cond);
}

/* The part of a start that a reset in place needs too. */
static void begin_running(Machine *m)
{
    timer_list_set_running(m->timers, true);
    set_state(m, RUN_STATE_RUNNING);
    for (unsigned i = 0; i < m->run_notifiers->len; i++) {
        RunStateNotifier *n = g_ptr_array_index(m->run_notifiers, i);

        n->handler(n->opaque, true);
    }
    m->accel_ops->set_running(m, true);
    cpus_resume(m);
}

static void end_running(Machine *m, RunState state)
{
    cpus_pause(m);
    m->accel_ops->set_running(m, false);
    set_state(m, state);
    for (unsigned i = m->run_notifiers->len; i > 0; i--) {
        RunStateNotifier *n = g_ptr_array_index(m->run_notifiers, i - 1);

        n->handler(n->opaque, false);
    }
    timer_list_set_running(m->timers, false);
}

/* The guest has powered off, or a vCPU cannot go on: only a reset leads out of
 * this, whatever else is requested. */
static bool needs_reset(RunState state)
{
    return state == RUN_STATE_SHUTDOWN || state == RUN_STATE_INTERNAL_ERROR;
}

bool vm_start(Machine *m, GError **errp)
{
    if (needs_reset(m->run_state)) {
        error_setg(errp, "Resetting the Virtual Machine is required");
        return false;
    }
    if (m->run_state != RUN_STATE_RUNNING) {
        event_emit(m, "RESUME", NULL);
        begin_running(m);
    }
    return true;
}

void vm_stop(Machine *m, RunState state)
{
    if (m->run_state == RUN_STATE_RUNNING) {
        end_running(m, state);
        event_emit(m, "STOP", NULL);
    } else if (!needs_reset(m->run_state) || needs_reset(state)) {
        set_state(m, state);
    }
}

/* A machine that ends is not told to have stopped. */
static void do_shutdown(Machine *m)
{
    bool stays = m->config.no_shutdown && !m->ending;

    if (!m->ending) {
        runstate_emit_caused(m, "SHUTDOWN", m->shutdown_cause);
    }
    if (stays || m->run_state != RUN_STATE_RUNNING) {
        vm_stop(m, RUN_STATE_SHUTDOWN);
    } else {
        end_running(m, RUN_STATE_SHUTDOWN);
    }
    if (stays) {
        m->exit_failure = false; /* it has not ended by this */
    } else {
        machine_quit(m);
    }
}

bool machine_reset(Machine *m, GError **errp)
{
    hotplug_remove(m, NULL, true);
    for (unsigned i = 0; i < m->tree.devices->len; i++) {
        device_reset(g_ptr_array_index(m->tree.devices, i));
    }
    m->accel_ops->reset(m);
    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        m->accel_ops->vcpu_reset(&m->cpus[i]);
    }
    return m->type->reset(m, errp);
}

/* The machine starts over in place. It runs on if it ran; otherwise it is as a
 * new one under -S. */
static bool vm_reset(Machine *m, ShutdownCause cause, GError **errp)
{
    bool was_running = m->run_state == RUN_STATE_RUNNING;

    if (was_running) {
        end_running(m, RUN_STATE_PAUSED);
    }
    if (!machine_reset(m, errp)) {
        set_state(m, RUN_STATE_INTERNAL_ERROR);
        return false;
    }
    runstate_emit_caused(m, "RESET", cause);
    if (was_running) {
        begin_running(m);
    } else {
        set_state(m, RUN_STATE_PRELAUNCH);
    }
    return true;
}

static void do_reset(Machine *m)
{
    g_autoptr(GError) err = NULL;

    if (!vm_reset(m, m->reset_cause, &err)) {
        error_report("cannot reset the machine: %s", err->message);
    }
}

static void do_powerdown(Machine *m)
{
    event_emit(m, "POWERDOWN", NULL);
    /* A guest that stands still finds the button pressed when it goes on. */
    m->type->powerdown(m);
}

/* Carries out one request, the most urgent one. */
static void handle_request(Machine *m)
{
    unsigned r = m->requests & -m->requests;

    m->requests &= ~r;
    switch (r) {
    case REQUEST_SHUTDOWN:
        do_shutdown(m);
        break;
    case REQUEST_RESET:
        do_reset(m);
        break;
    case REQUEST_POWERDOWN:
        do_powerdown(m);
        break;
    case REQUEST_STOP:
        vm_stop(m, m->stop_state);
        break;
    case REQUEST_START:
        /* A machine that cannot go on, or was powered off, needs a reset. */
        (void)vm_start(m, NULL);
        break;
    default:
        g_assert_not_reached();
    }
}

/* --- the control thread and its deputies --- */

/* What one of these threads is about, on its stack. */
typedef struct ControlRun {
    GThread *thread;
    const void *lane;
    const bool *refused;
} ControlRun;

static bool lane_is_busy(const Machine *m, const void *lane)
{
    for (GSList *l = m->control.running; l; l = l->next) {
        const ControlRun *run = l->data;

        if (run->lane == lane) {
            return true;
        }
    }
    return false;
}

/* The first job that can begin now, still in the queue; or NULL. */
static GList *next_job(Machine *m)
{
    for (GList *l = m->control.jobs.head; l && !m->control.alone; l = l->next) {
        const ControlJob *job = l->data;

        if (job->lane ? !lane_is_busy(m, job->lane) : !m->control.running) {
            return l;
        }
    }
    return NULL;
}

static void *deputy_thread(void *opaque);

/* A thread more, if there is something that it could do at once. Without one
 * the work waits until what hangs does no more. */
static void appoint_deputy(Machine *m)
{
    GThread *thread;

    /* They have let go of the lock, or we would not have it. */
    while (m->control.ended_deputies) {
        g_thread_join(m->control.ended_deputies->data);
        m->control.ended_deputies = g_slist_delete_link(
            m->control.ended_deputies, m->control.ended_deputies);
    }
    thread = next_job(m) ? machine_thread_new("control", deputy_thread, m, NULL)
                         : NULL;

    if (thread) {
        m->control.deputies = g_slist_prepend(m->control.deputies, thread);
    }
}

static gboolean patience_ends(gpointer opaque)
{
    Machine *m = opaque;

    appoint_deputy(m);
    if (m->control.running && m->control.jobs.head) {
        return G_SOURCE_CONTINUE;
    }
    g_clear_pointer(&m->control.patience, g_source_unref);
    return G_SOURCE_REMOVE;
}

/* While something runs, others should not wait for it for long. */
static void begin_patience(Machine *m)
{
    if (!m->control.patience && m->control.running && m->control.jobs.head) {
        m->control.patience = g_timeout_source_new(CONTROL_PATIENCE_MS);
        g_source_set_callback(m->control.patience, patience_ends, m, NULL);
        g_source_attach(m->control.patience, m->context);
    }
}

bool runstate_is_changing(const Machine *m)
{
    return m->control.thread &&
           (m->requests || m->control.alone || m->control.running);
}

void control_post(Machine *m, ControlJob *job)
{
    g_queue_push_tail(&m->control.jobs, job);
    begin_patience(m);
    g_cond_broadcast(&m->cond);
}

bool control_cancel(Machine *m, ControlJob *job)
{
    return g_queue_remove(&m->control.jobs, job);
}

const bool *control_job_refused(const Machine *m)
{
    for (GSList *l = m->control.running; l; l = l->next) {
        const ControlRun *run = l->data;

        if (run->thread == g_thread_self()) {
            return run->refused;
        }
    }
    return NULL;
}

bool control_is_wanted_alone(const Machine *m)
{
    if (m->requests) {
        return true;
    }
    for (GList *l = m->control.jobs.head; l; l = l->next) {
        const ControlJob *job = l->data;

        if (!job->lane) {
            return true;
        }
    }
    return false;
}

static void run_job(Machine *m, GList *link)
{
    ControlJob *job = link->data;
    ControlRun run = { g_thread_self(), job->lane, job->refused };

    g_queue_delete_link(&m->control.jobs, link);
    m->control.running = g_slist_prepend(m->control.running, &run);
    m->control.alone = !job->lane;
    begin_patience(m);
    job->run(job, false);
    if (!run.lane) {
        m->control.alone = false;
    }
    m->control.running = g_slist_remove(m->control.running, &run);
}

/* Carries out one thing, if there is one that can begin. Requests come first,
 * but wait for jobs that run. */
static bool do_next(Machine *m)
{
    GList *link;

    if (m->requests && !m->control.running && !m->control.alone) {
        m->control.alone = true;
        handle_request(m);
        m->control.alone = false;
    } else if ((link = next_job(m))) {
        run_job(m, link);
    } else {
        return false;
    }
    g_cond_broadcast(&m->cond);
    return true;
}

static void *control_thread(void *opaque)
{
    Machine *m = opaque;

    machine_lock(m);
    while (!m->control.quit || m->control.running || m->control.alone) {
        if (m->control.quit || !do_next(m)) {
            g_cond_wait(&m->cond, &m->lock);
        }
    }
    vm_stop(m, m->run_state == RUN_STATE_RUNNING ? RUN_STATE_SHUTDOWN
                                                 : m->run_state);
    machine_unlock(m);
    return NULL;
}

/* Helps as long as there is something that can begin. */
static void *deputy_thread(void *opaque)
{
    Machine *m = opaque;

    machine_lock(m);
    trace(runstate_deputy, "begins");
    while (!m->control.quit && do_next(m)) {
    }
    trace(runstate_deputy, "ends");
    m->control.deputies = g_slist_remove(m->control.deputies, g_thread_self());
    m->control.ended_deputies = g_slist_prepend(m->control.ended_deputies,
                                                g_thread_self());
    g_cond_broadcast(&m->cond);
    machine_unlock(m);
    return NULL;
}

bool control_init(Machine *m, GError **errp)
{
    m->control.thread = machine_thread_new("control", control_thread, m, errp);
    return m->control.thread;
}

/* The lock is released while it waits. */
static void join_unlocked(Machine *m, GThread *thread)
{
    machine_unlock(m);
    g_thread_join(thread);
    machine_lock(m);
}

void control_finish(Machine *m)
{
    GThread *thread = g_steal_pointer(&m->control.thread);
    ControlJob *job;

    machine_unwatch(&m->control.patience);
    if (thread) {
        m->control.quit = true;
        g_cond_broadcast(&m->cond);
        join_unlocked(m, thread);
    }
    while (m->control.deputies) {
        g_cond_wait(&m->cond, &m->lock);
    }
    while (m->control.ended_deputies) {
        thread = m->control.ended_deputies->data;
        m->control.ended_deputies = g_slist_delete_link(
            m->control.ended_deputies, m->control.ended_deputies);
        join_unlocked(m, thread);
    }
    while ((job = g_queue_pop_head(&m->control.jobs))) {
        job->run(job, true);
    }
    machine_unwatch(&m->control.patience);
}
