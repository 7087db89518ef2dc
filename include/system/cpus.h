/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vCPU threads: one thread per vCPU, which runs the guest through the
 * accelerator while the machine runs and waits on machine->cond while it is
 * paused.
 */
#ifndef SYSTEM_CPUS_H
#define SYSTEM_CPUS_H

#include <sys/types.h>

typedef struct Machine Machine;

#define CPUS_MAX 255

typedef struct CpuTopology {
    unsigned sockets, cores, threads; /* product: the number of vCPUs */
} CpuTopology;

typedef struct Cpu {
    Machine *machine;
    unsigned index; /* 0 ..; the order in which targets number them, too */
    GThread *thread;
    pid_t tid;         /* of the thread; 0 until it has started */
    bool stopped;      /* not in the guest and waiting (machine lock) */
    bool ready;        /* vcpu_init() done, well or badly (machine lock) */
    GError *error;     /* why vcpu_init() failed; owned */
    void *accel_state; /* owned by the accelerator; NULL outside
                        * vcpu_init() .. vcpu_finish() */
} Cpu;

/* Its path in the object tree; the caller frees it. */
char *cpu_path(const Cpu *cpu);

/* Starts the threads of machine->cpus, all paused, and waits until each has
 * its vCPU. Machine lock. */
bool cpus_start(Machine *machine, GError **errp);

/* Ends and joins the threads. Releases the machine lock while it waits. */
void cpus_finish(Machine *machine);

/* Takes every vCPU out of the guest and waits until all are stopped. Machine
 * lock, released while waiting. Not from a vCPU thread. */
void cpus_pause(Machine *machine);

/* Lets them run again. Machine lock. */
void cpus_resume(Machine *machine);

#endif
