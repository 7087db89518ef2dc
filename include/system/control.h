/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control thread, which changes what the machine is doing: it carries out
 * the requests that system/runstate.h notes, and jobs. It may wait for a vCPU or
 * for the host's kernel (a hung backstore) as long as that takes: the main loop,
 * which serves monitors and consoles, never waits for it.
 */
#ifndef SYSTEM_CONTROL_H
#define SYSTEM_CONTROL_H

#include "system/runstate.h"

/* In the machine; private to control.c. */
typedef struct Control {
    GThread *thread;
    bool quit;              /* it is to end */
    GQueue jobs;            /* ControlJob, borrowed from who posted them */
    bool alone;             /* what is carried out is about the whole machine */
    GSList *running;        /* ControlRun, on the stacks of their threads */
    GSList *deputies;       /* GThread, of those that are at work */
    GSList *ended_deputies; /* GThread, to be joined */
    GSource *patience;      /* until a deputy helps; owned; or NULL */
} Control;

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
     * or, if the machine ends before, by control_finish() with @cancelled set.
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

/* Removes what the guest was asked to give up, and resets accelerator, vCPUs,
 * devices and board. The vCPUs are paused. Machine lock. */
bool machine_reset(Machine *machine, GError **errp);

/* Starts the control thread. Machine lock. */
bool control_init(Machine *machine, GError **errp);
/* Ends and joins it and its deputies. Releases the machine lock while it waits. */
void control_finish(Machine *machine);

#endif
