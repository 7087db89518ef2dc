/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run state: what the machine is doing, and the requests that change it.
 *
 * Requests come from the guest (a vCPU thread in an exit), from signals and
 * from monitors; they are noted under the machine lock and carried out by the
 * control thread (system/control.h), one after the other.
 */
#ifndef SYSTEM_RUNSTATE_H
#define SYSTEM_RUNSTATE_H

typedef struct Machine Machine;

typedef enum RunState {
    RUN_STATE_PRELAUNCH, /* built, not started (-S) */
    RUN_STATE_RUNNING,
    RUN_STATE_PAUSED,
    RUN_STATE_SHUTDOWN,       /* told to end; it stays so if the guest powered
                               * off under -no-shutdown */
    RUN_STATE_INTERNAL_ERROR, /* a vCPU cannot go on */
    RUN_STATE_GUEST_PANICKED, /* the guest's kernel said so; it may go on */
} RunState;

/* What follows when the guest's kernel says that it has panicked: -action
 * panic=. */
typedef enum PanicAction {
    PANIC_ACTION_SHUTDOWN, /* the default; under -no-shutdown as pause */
    PANIC_ACTION_PAUSE,
    PANIC_ACTION_EXIT_FAILURE, /* shutdown with exit status 1 */
    PANIC_ACTION_NONE,
} PanicAction;

/* The words of -action and set-action, by PanicAction; NULL at the end. */
extern const char *const panic_action_names[];

typedef enum ShutdownCause {
    SHUTDOWN_CAUSE_NONE,
    SHUTDOWN_CAUSE_HOST_SIGNAL, /* SIGINT, SIGTERM, SIGHUP */
    SHUTDOWN_CAUSE_HOST_UI,     /* Ctrl-A x */
    SHUTDOWN_CAUSE_HOST_QMP_QUIT,
    SHUTDOWN_CAUSE_GUEST_SHUTDOWN, /* ACPI S5 */
    SHUTDOWN_CAUSE_GUEST_RESET,    /* reset register */
    SHUTDOWN_CAUSE_GUEST_PANIC,    /* triple fault, pvpanic */
    SHUTDOWN_CAUSE_HOST_QMP_RESET,
    SHUTDOWN_CAUSES_COUNT
} ShutdownCause;

/* Bits of machine->requests, in the order in which they are carried out. */
typedef enum RunRequest {
    REQUEST_SHUTDOWN = 1 << 0,
    REQUEST_RESET = 1 << 1,
    REQUEST_POWERDOWN = 1 << 2,
    REQUEST_STOP = 1 << 3,
    REQUEST_START = 1 << 4,
} RunRequest;

/* Requests; return at once. Machine lock. A shutdown request of the guest
 * obeys -no-shutdown, a reset request -no-reboot. */
void system_reset_request(Machine *machine, ShutdownCause cause);
void system_shutdown_request(Machine *machine, ShutdownCause cause);
void system_powerdown_request(Machine *machine);
void vm_stop_request(Machine *machine, RunState state);
void vm_start_request(Machine *machine);

/* The guest's kernel has panicked: emits GUEST_PANICKED and requests what
 * config.panic_action says. Machine lock. */
void system_guest_panicked(Machine *machine);
/* It has loaded a kernel that will handle the crash: only an event. */
void system_guest_crashloaded(Machine *machine);
/* A vCPU has given up (triple fault): emits GUEST_PANICKED and requests a
 * reset. Machine lock. */
void system_guest_crash_reset(Machine *machine);

/* An event that says who caused it; takes over nothing. Machine lock. */
void runstate_emit_caused(Machine *machine, const char *name,
                          ShutdownCause cause);

/* The name QMP uses: "running", "paused", "prelaunch" ... */
const char *run_state_name(RunState state);

/*
 * Called by the control thread with the machine lock held, when the machine
 * begins to run (@running, before the vCPUs do) or stops (after the vCPUs
 * have). The list runs in order of registration when starting and backwards
 * when stopping.
 */
typedef void RunStateHandler(void *opaque, bool running);

typedef struct RunStateNotifier {
    RunStateHandler *handler;
    void *opaque;
} RunStateNotifier;

/* @n is borrowed until runstate_del_notifier(). Machine lock. */
void runstate_add_notifier(Machine *machine, RunStateNotifier *n);
void runstate_del_notifier(Machine *machine, RunStateNotifier *n);

#endif
