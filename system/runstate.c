/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"
#include "util/error.h"
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

const char *run_state_name(RunState state)
{
    static const char *const names[] = {
        [RUN_STATE_PRELAUNCH] = "prelaunch",
        [RUN_STATE_RUNNING] = "running",
        [RUN_STATE_PAUSED] = "paused",
        [RUN_STATE_SHUTDOWN] = "shutdown",
        [RUN_STATE_INTERNAL_ERROR] = "internal-error",
    };

    return names[state];
}

const char *shutdown_cause_name(ShutdownCause cause)
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

static void request(Machine *m, unsigned what)
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
    request(m, REQUEST_RESET);
}

void system_shutdown_request(Machine *m, ShutdownCause cause)
{
    m->shutdown_cause = cause;
    request(m, REQUEST_SHUTDOWN);
}

void system_powerdown_request(Machine *m)
{
    request(m, REQUEST_POWERDOWN);
}

void vm_stop_request(Machine *m, RunState state)
{
    m->stop_state = state;
    m->requests &= ~(unsigned)REQUEST_START;
    request(m, REQUEST_STOP);
}

void vm_start_request(Machine *m)
{
    m->requests &= ~(unsigned)REQUEST_STOP;
    request(m, REQUEST_START);
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
    return m->control_thread && (m->requests || m->changing);
}

static void set_state(Machine *m, RunState state)
{
    trace(runstate_set, "from=%s to=%s", run_state_name(m->run_state),
          run_state_name(state));
    m->run_state = state;
    g_cond_broadcast(&m->cond);
}

static void vm_start(Machine *m)
{
    if (m->run_state == RUN_STATE_RUNNING) {
        return;
    }
    timer_list_set_running(m->timers, true);
    set_state(m, RUN_STATE_RUNNING);
    for (unsigned i = 0; i < m->run_notifiers->len; i++) {
        RunStateNotifier *n = g_ptr_array_index(m->run_notifiers, i);

        n->handler(n->opaque, true);
    }
    cpus_resume(m);
}

static void vm_stop(Machine *m, RunState state)
{
    bool was_running = m->run_state == RUN_STATE_RUNNING;

    if (was_running) {
        cpus_pause(m);
    }
    set_state(m, state);
    if (was_running) {
        for (unsigned i = m->run_notifiers->len; i > 0; i--) {
            RunStateNotifier *n = g_ptr_array_index(m->run_notifiers, i - 1);

            n->handler(n->opaque, false);
        }
        timer_list_set_running(m->timers, false);
    }
}

static bool cause_is_guest(ShutdownCause cause)
{
    return cause == SHUTDOWN_CAUSE_GUEST_SHUTDOWN ||
           cause == SHUTDOWN_CAUSE_GUEST_RESET ||
           cause == SHUTDOWN_CAUSE_GUEST_PANIC;
}

static void do_shutdown(Machine *m)
{
    vm_stop(m, RUN_STATE_SHUTDOWN);
    if (!m->config.no_shutdown || !cause_is_guest(m->shutdown_cause)) {
        machine_quit(m);
    }
}

/* The machine starts over in place. It runs on if it ran; a machine that the
 * guest had powered off is paused, as a new one under -S would be. */
static void do_reset(Machine *m)
{
    bool was_running = m->run_state == RUN_STATE_RUNNING;
    g_autoptr(GError) err = NULL;

    if (was_running) {
        vm_stop(m, RUN_STATE_PAUSED);
    }
    if (!machine_reset(m, &err)) {
        error_report("cannot reset the machine: %s", err->message);
        set_state(m, RUN_STATE_INTERNAL_ERROR);
        return;
    }
    if (was_running) {
        vm_start(m);
    } else if (m->run_state != RUN_STATE_PRELAUNCH) {
        set_state(m, RUN_STATE_PAUSED);
    }
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
        if (m->run_state == RUN_STATE_RUNNING) {
            m->type->powerdown(m);
        }
        break;
    case REQUEST_STOP:
        vm_stop(m, m->stop_state);
        break;
    case REQUEST_START:
        /* A machine that cannot go on, or was powered off, needs a reset. */
        if (m->run_state == RUN_STATE_PAUSED ||
            m->run_state == RUN_STATE_PRELAUNCH) {
            vm_start(m);
        }
        break;
    default:
        g_assert_not_reached();
    }
}

static void *control_thread(void *opaque)
{
    Machine *m = opaque;

    machine_lock(m);
    while (!(m->requests & REQUEST_QUIT)) {
        if (m->requests) {
            m->changing = true;
            handle_request(m);
            m->changing = false;
            g_cond_broadcast(&m->cond);
        } else {
            g_cond_wait(&m->cond, &m->lock);
        }
    }
    vm_stop(m, m->run_state == RUN_STATE_RUNNING ? RUN_STATE_SHUTDOWN
                                                 : m->run_state);
    machine_unlock(m);
    return NULL;
}

bool runstate_init(Machine *m, GError **errp)
{
    m->control_thread = machine_thread_new("control", control_thread, m, errp);
    return m->control_thread;
}

void runstate_finish(Machine *m)
{
    GThread *thread = g_steal_pointer(&m->control_thread);

    if (thread) {
        request(m, REQUEST_QUIT);
        machine_unlock(m);
        g_thread_join(thread);
        machine_lock(m);
    }
}
