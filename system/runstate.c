/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/log.h"

/* Bits of machine->requests, in the order in which they are carried out. */
enum {
    REQUEST_QUIT = 1 << 0, /* the control thread itself */
    REQUEST_SHUTDOWN = 1 << 1,
    REQUEST_RESET = 1 << 2,
    REQUEST_POWERDOWN = 1 << 3,
    REQUEST_STOP = 1 << 4,
    REQUEST_START = 1 << 5,
};

const char *const panic_action_names[] = {
    [PANIC_ACTION_SHUTDOWN] = "shutdown",
    [PANIC_ACTION_PAUSE] = "pause",
    [PANIC_ACTION_EXIT_FAILURE] = "exit-failure",
    [PANIC_ACTION_NONE] = "none",
    NULL,
};

const char *run_state_name(RunState state)
{
    static const char *const names[] = {
        [RUN_STATE_PRELAUNCH] = "prelaunch",
        [RUN_STATE_RUNNING] = "running",
        [RUN_STATE_PAUSED] = "paused",
        [RUN_STATE_SHUTDOWN] = "shutdown",
        [RUN_STATE_INTERNAL_ERROR] = "internal-error",
        [RUN_STATE_GUEST_PANICKED] = "guest-panicked",
    };

    return names[state];
}

static const char *shutdown_cause_name(ShutdownCause cause)
{
    static const char *const names[SHUTDOWN_CAUSES_COUNT] = {
        [SHUTDOWN_CAUSE_NONE] = "none",
        [SHUTDOWN_CAUSE_HOST_SIGNAL] = "host-signal",
        [SHUTDOWN_CAUSE_HOST_UI] = "host-ui",
        [SHUTDOWN_CAUSE_HOST_QMP_QUIT] = "host-qmp-quit",
        [SHUTDOWN_CAUSE_GUEST_SHUTDOWN] = "guest-shutdown",
        [SHUTDOWN_CAUSE_GUEST_RESET] = "guest-reset",
        [SHUTDOWN_CAUSE_GUEST_PANIC] = "guest-panic",
        [SHUTDOWN_CAUSE_HOST_QMP_RESET] = "host-qmp-system-reset",
    };

    return names[cause];
}

static void note_request(Machine *m, unsigned what)
{
    trace(runstate_request, "state=%s requests=0x%x new=0x%x",
          run_state_name(m->run_state), m->requests, what);
    m->requests |= what;
    g_cond_broadcast(&m->cond);
}

void system_reset_request(Machine *m, ShutdownCause cause)
{
    if (m->config.no_reboot && cause != SHUTDOWN_CAUSE_HOST_QMP_RESET) {
        system_shutdown_request(m, cause);
        return;
    }
    m->reset_cause = cause;
    note_request(m, REQUEST_RESET);
}

static void emit_caused(Machine *m, const char *name, ShutdownCause cause);
static bool cause_is_guest(ShutdownCause cause);

/* What the host has asked for is not made a wish of the guest. Clients of QMP
 * find SHUTDOWN before the answer to "quit", as QEMU has it. */
void system_shutdown_request(Machine *m, ShutdownCause cause)
{
    if (m->ending) {
        return;
    }
    m->ending = !cause_is_guest(cause);
    m->shutdown_cause = cause;
    if (m->ending) {
        emit_caused(m, "SHUTDOWN", cause);
    }
    note_request(m, REQUEST_SHUTDOWN);
}

void system_powerdown_request(Machine *m)
{
    note_request(m, REQUEST_POWERDOWN);
}

void vm_stop_request(Machine *m, RunState state)
{
    m->stop_state = state;
    m->requests &= ~(unsigned)REQUEST_START;
    note_request(m, REQUEST_STOP);
}

void vm_start_request(Machine *m)
{
    m->requests &= ~(unsigned)REQUEST_STOP;
    note_request(m, REQUEST_START);
}

/* GUEST_PANICKED or GUEST_CRASHLOADED; @action is "run", "pause" or
 * "poweroff". A guest that runs on can say so again. */
static void emit_crash(Machine *m, const char *name, const char *action)
{
    json_object *data = json_object_new_object();

    json_add_string(data, "action", action);
    if (g_str_equal(action, "run")) {
        event_emit_limited(m, name, "", data);
    } else {
        event_emit(m, name, data);
    }
}

void system_guest_panicked(Machine *m)
{
    PanicAction action = m->config.panic_action;

    if (action == PANIC_ACTION_SHUTDOWN && m->config.no_shutdown) {
        action = PANIC_ACTION_PAUSE;
    }
    switch (action) {
    case PANIC_ACTION_NONE:
        emit_crash(m, "GUEST_PANICKED", "run");
        break;
    case PANIC_ACTION_PAUSE:
        emit_crash(m, "GUEST_PANICKED", "pause");
        vm_stop_request(m, RUN_STATE_GUEST_PANICKED);
        break;
    case PANIC_ACTION_SHUTDOWN:
    case PANIC_ACTION_EXIT_FAILURE:
        emit_crash(m, "GUEST_PANICKED", "poweroff");
        m->exit_failure = action == PANIC_ACTION_EXIT_FAILURE;
        system_shutdown_request(m, SHUTDOWN_CAUSE_GUEST_PANIC);
        break;
    }
}

void system_guest_crashloaded(Machine *m)
{
    emit_crash(m, "GUEST_CRASHLOADED", "run");
}

void system_guest_crash_reset(Machine *m)
{
    emit_crash(m, "GUEST_PANICKED", "run");
    system_reset_request(m, SHUTDOWN_CAUSE_GUEST_PANIC);
}

void runstate_add_notifier(Machine *m, RunStateNotifier *n)
{
    g_ptr_array_add(m->run_notifiers, n);
}

void runstate_del_notifier(Machine *m, RunStateNotifier *n)
{
    if (m->run_notifiers) {
        g_ptr_array_remove(m->run_notifiers, n);
    }
}

bool runstate_is_changing(const Machine *m)
{
    return m->control_thread &&
           (m->requests || m->control_alone || m->control_running);
}

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

static bool cause_is_guest(ShutdownCause cause)
{
    return cause == SHUTDOWN_CAUSE_GUEST_SHUTDOWN ||
           cause == SHUTDOWN_CAUSE_GUEST_RESET ||
           cause == SHUTDOWN_CAUSE_GUEST_PANIC;
}

/* An event that says who caused it. */
static void emit_caused(Machine *m, const char *name, ShutdownCause cause)
{
    json_object *data = json_object_new_object();

    json_add_bool(data, "guest", cause_is_guest(cause));
    json_add_string(data, "reason", shutdown_cause_name(cause));
    event_emit(m, name, data);
}

/* A machine that ends is not told to have stopped. */
static void do_shutdown(Machine *m)
{
    bool stays = m->config.no_shutdown && !m->ending;

    if (!m->ending) {
        emit_caused(m, "SHUTDOWN", m->shutdown_cause);
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
    emit_caused(m, "RESET", cause);
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
    for (GSList *l = m->control_running; l; l = l->next) {
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
    for (GList *l = m->control_jobs.head; l && !m->control_alone; l = l->next) {
        const ControlJob *job = l->data;

        if (job->lane ? !lane_is_busy(m, job->lane) : !m->control_running) {
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
    while (m->ended_deputies) {
        g_thread_join(m->ended_deputies->data);
        m->ended_deputies = g_slist_delete_link(m->ended_deputies,
                                                m->ended_deputies);
    }
    thread = next_job(m) ? machine_thread_new("control", deputy_thread, m, NULL)
                         : NULL;

    if (thread) {
        m->deputies = g_slist_prepend(m->deputies, thread);
    }
}

static gboolean patience_ends(gpointer opaque)
{
    Machine *m = opaque;

    appoint_deputy(m);
    if (m->control_running && m->control_jobs.head) {
        return G_SOURCE_CONTINUE;
    }
    g_clear_pointer(&m->patience, g_source_unref);
    return G_SOURCE_REMOVE;
}

/* While something runs, others should not wait for it for long. */
static void begin_patience(Machine *m)
{
    if (!m->patience && m->control_running && m->control_jobs.head) {
        m->patience = g_timeout_source_new(CONTROL_PATIENCE_MS);
        g_source_set_callback(m->patience, patience_ends, m, NULL);
        g_source_attach(m->patience, m->context);
    }
}

void control_post(Machine *m, ControlJob *job)
{
    g_queue_push_tail(&m->control_jobs, job);
    begin_patience(m);
    g_cond_broadcast(&m->cond);
}

bool control_cancel(Machine *m, ControlJob *job)
{
    return g_queue_remove(&m->control_jobs, job);
}

const bool *control_job_refused(const Machine *m)
{
    for (GSList *l = m->control_running; l; l = l->next) {
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
    for (GList *l = m->control_jobs.head; l; l = l->next) {
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

    g_queue_delete_link(&m->control_jobs, link);
    m->control_running = g_slist_prepend(m->control_running, &run);
    m->control_alone = !job->lane;
    begin_patience(m);
    job->run(job, false);
    if (!run.lane) {
        m->control_alone = false;
    }
    m->control_running = g_slist_remove(m->control_running, &run);
}

/* Carries out one thing, if there is one that can begin. Requests come first,
 * but wait for jobs that run. */
static bool do_next(Machine *m)
{
    GList *link;

    if (m->requests && !m->control_running && !m->control_alone) {
        m->control_alone = true;
        handle_request(m);
        m->control_alone = false;
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
    while (!(m->requests & REQUEST_QUIT) || m->control_running ||
           m->control_alone) {
        if (m->requests & REQUEST_QUIT || !do_next(m)) {
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
    while (!(m->requests & REQUEST_QUIT) && do_next(m)) {
    }
    trace(runstate_deputy, "ends");
    m->deputies = g_slist_remove(m->deputies, g_thread_self());
    m->ended_deputies = g_slist_prepend(m->ended_deputies, g_thread_self());
    g_cond_broadcast(&m->cond);
    machine_unlock(m);
    return NULL;
}

bool runstate_init(Machine *m, GError **errp)
{
    m->control_thread = machine_thread_new("control", control_thread, m, errp);
    return m->control_thread;
}

/* The lock is released while it waits. */
static void join_unlocked(Machine *m, GThread *thread)
{
    machine_unlock(m);
    g_thread_join(thread);
    machine_lock(m);
}

void runstate_finish(Machine *m)
{
    GThread *thread = g_steal_pointer(&m->control_thread);
    ControlJob *job;

    machine_unwatch(&m->patience);
    if (thread) {
        note_request(m, REQUEST_QUIT);
        join_unlocked(m, thread);
    }
    while (m->deputies) {
        g_cond_wait(&m->cond, &m->lock);
    }
    while (m->ended_deputies) {
        thread = m->ended_deputies->data;
        m->ended_deputies = g_slist_delete_link(m->ended_deputies,
                                                m->ended_deputies);
        join_unlocked(m, thread);
    }
    while ((job = g_queue_pop_head(&m->control_jobs))) {
        job->run(job, true);
    }
    machine_unwatch(&m->patience);
}
