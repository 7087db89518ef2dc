/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/log.h"

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

static void note_request(Machine *m, RunRequest what)
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

static bool cause_is_guest(ShutdownCause cause)
{
    return cause == SHUTDOWN_CAUSE_GUEST_SHUTDOWN ||
           cause == SHUTDOWN_CAUSE_GUEST_RESET ||
           cause == SHUTDOWN_CAUSE_GUEST_PANIC;
}

void runstate_emit_caused(Machine *m, const char *name, ShutdownCause cause)
{
    json_object *data = json_object_new_object();

    json_add_bool(data, "guest", cause_is_guest(cause));
    json_add_string(data, "reason", shutdown_cause_name(cause));
    event_emit(m, name, data);
}

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
        runstate_emit_caused(m, "SHUTDOWN", cause);
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
