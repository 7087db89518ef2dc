/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads of this process that somebody else made, such as the kernel's vhost
 * workers: found in /proc/self/task, placed, and read. See proc_pid_task(5).
 *
 * The number of a thread is given again after its end. A ThreadId therefore
 * holds when the thread began too, and each function here looks whether it is
 * still the same: -ESRCH if not, or if there never was one. All return 0 or
 * -errno, print nothing and do not block; any thread may call them.
 */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include "util/cpulist.h"

#include <sys/types.h>

typedef struct ThreadId {
    pid_t tid;      /* 0: none */
    uint64_t start; /* in clock ticks since the boot; field 22 of its stat */
} ThreadId;

/* The numbers of all threads there are (pid_t). The caller unrefs it. */
GArray *threads_list(void);

/*
 * The thread that is not in @before and is called @prefix and a number, which
 * ought to be that of the calling thread: but it is its number in the first PID
 * namespace, which a process in another one cannot know. -ESRCH if there is
 * none; -EBUSY if there are several and none has the caller's own number, as
 * when another thread of such a process does the same at the same time.
 */
int thread_find_new(const GArray *before, const char *prefix, ThreadId *ret_id);

/* The thread @tid as it is now. */
int thread_id_of(pid_t tid, ThreadId *ret_id);

int thread_set_affinity(const ThreadId *id, const CpuSet *cpus);
int thread_get_affinity(const ThreadId *id, CpuSet *ret_cpus);
/* Moves the calling thread to @cpus, which a thread that it makes begins on.
 * *@ret_old, which may be NULL: where it was, for the way back. */
int thread_move_self(const CpuSet *cpus, CpuSet *ret_old);
int thread_set_nice(const ThreadId *id, int nice); /* -20 .. 19 */
/* @policy is SCHED_*; @priority that of SCHED_FIFO and SCHED_RR. */
int thread_set_policy(const ThreadId *id, int policy, int priority);
/* Returns SCHED_*, perhaps with SCHED_RESET_ON_FORK. */
int thread_get_policy(const ThreadId *id);
/* "other", "batch", "idle", "fifo:N" or "rr:N" with N from 1 to 99; priority 0
 * for those without. -EINVAL for anything else. */
int thread_policy_parse(const char *text, int *ret_policy, int *ret_priority);
/* Such a word without its number, for what thread_get_policy() answered; NULL
 * for -errno and for policies without one. */
const char *thread_policy_name(int policy);
/* Up to 15 bytes count. */
int thread_set_name(const ThreadId *id, const char *name);
/* The caller frees *@ret_name. */
int thread_get_name(const ThreadId *id, char **ret_name);

/* What the scheduler says of a thread. */
typedef struct ThreadStat {
    uint64_t run_ns, wait_ns, slices; /* since it began: schedstat */
    uint64_t voluntary, involuntary;  /* context switches */
    int last_cpu;
} ThreadStat;

int thread_read_stat(const ThreadId *id, ThreadStat *ret_stat);

#endif
