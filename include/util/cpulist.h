/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of small numbers (processors, virtqueues) and lists of them as the
 * kernel writes them in sysfs: "0-3,8,10-11". */
#ifndef UTIL_CPULIST_H
#define UTIL_CPULIST_H

#include <sched.h>

/* As many processors as Linux can have on any host (CONFIG_NR_CPUS_RANGE_END);
 * a cpu_set_t alone ends at 1023. */
#define CPULIST_MAX 8191 /* the greatest number */

/* For sched_setaffinity() and the macros that end in _S: cpu_set is where, and
 * sizeof of it how large. */
typedef struct CpuSet {
    cpu_set_t cpu_set[(CPULIST_MAX + 1) / CPU_SETSIZE];
} CpuSet;

static inline void cpuset_add(CpuSet *set, unsigned n)
{
    CPU_SET_S(n, sizeof(set->cpu_set), set->cpu_set);
}

static inline bool cpuset_has(const CpuSet *set, unsigned n)
{
    return CPU_ISSET_S(n, sizeof(set->cpu_set), set->cpu_set);
}

static inline unsigned cpuset_count(const CpuSet *set)
{
    return (unsigned)CPU_COUNT_S(sizeof(set->cpu_set), set->cpu_set);
}

/* Leaves in *@set what is in @other too. */
static inline void cpuset_and(CpuSet *set, const CpuSet *other)
{
    CPU_AND_S(sizeof(set->cpu_set), set->cpu_set, set->cpu_set, other->cpu_set);
}

/* Fills *@ret_set from @text. Returns 0, -EINVAL for what is no list or empty,
 * -ERANGE for a number above CPULIST_MAX. */
int cpulist_parse(const char *text, CpuSet *ret_set);

/* The shortest list for @set, empty for an empty one. The caller frees it. */
char *cpulist_format(const CpuSet *set);

#endif
