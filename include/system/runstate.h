/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run state: what the machine is doing, and the requests that change it.
 *
 * Requests come from the guest (a vCPU thread in an exit), from signals and
 * from monitors; they are noted under the machine lock and carried out by the
 * control thread, one after the other. It may wait for a vCPU or for the
 * host's kernel (a hung backstore) as long as that takes: the main loop, which
 * serves monitors and consoles, never waits for it.
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

/* Whether a request is noted, or a request or a job is being carried out; the
 * end of it broadcasts machine->cond. Machine lock. */
bool runstate_is_changing(const Machine *machine);

/*
 * Work for the control thread that is no request of the above: adding and
 * removing devices, commands that start or stop the machine. It may wait for
 * the host's kernel.
 *
 * Jobs run in order of posting, after the requests that are noted. A job that
 * takes longer than CONTROL_PATIENCE_MS does not hold up those of other lanes: a
 * deputy of the control thread runs them meanwhile. A lane is what a job may
 * hang on, a device for one (device_lane()); the jobs of one lane run one after
 * the other. A job without a lane, and each request, is about the whole machine:
 * it runs while nothing else does.
 */
#define CONTROL_PATIENCE_MS 100

typedef struct ControlJob ControlJob;
struct ControlJob {
    /* Called once by the control thread or a deputy with the machine lock held,
     * or, if the machine ends before, by runstate_finish() with @cancelled set.
     * The job is the poster's again when it is called. */
    void (*run)(ControlJob *job, bool cancelled);
    const void *lane; /* compared, not followed; NULL: the whole machine */
    /* Whoever posted it was told that it has failed: see below. */
    const bool *refused; /* borrowed; NULL: cannot be */
};

/* @job is borrowed until it is run. Returns at once. Machine lock. */
void control_post(Machine *machine, ControlJob *job);

/* Takes back a job that does not run yet; fine if it is not posted. Returns
 * whether it waited. Machine lock. */
bool control_cancel(Machine *machine, ControlJob *job);

/* Of the job that this thread runs: whether its poster was told meanwhile that
 * it has failed. Then it must leave nothing behind; for a job whose result
 * nobody would miss. NULL: it cannot be. Machine lock. */
const bool *control_job_refused(const Machine *machine);

/* Whether something waits for all jobs to end: work that can wait should.
 * Machine lock. */
bool control_is_wanted_alone(const Machine *machine);

/* What a request does, done now: only for a control job. vm_start() returns
 * false if the machine cannot run before it was reset; vm_stop() does not take
 * such a machine out of its state. */
void vm_stop(Machine *machine, RunState state);
bool vm_start(Machine *machine, GError **errp);

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

/* Starts the control thread. Machine lock. */
bool runstate_init(Machine *machine, GError **errp);
/* Ends and joins it and its deputies. Releases the machine lock while it waits. */
void runstate_finish(Machine *machine);

#endif
