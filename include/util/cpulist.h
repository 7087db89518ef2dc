/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of processors as the kernel writes them in sysfs: "0-3,8,10-11". */
#ifndef UTIL_CPULIST_H
#define UTIL_CPULIST_H

#include <sched.h>

#define CPULIST_CPU_MAX (CPU_SETSIZE - 1) /* the greatest number of one */

/* Fills *@ret_set from @text. Returns 0, -EINVAL for what is no list or empty,
 * -ERANGE for a number above CPULIST_CPU_MAX. */
int cpulist_parse(const char *text, cpu_set_t *ret_set);

/* The shortest list for @set, empty for an empty one. The caller frees it. */
char *cpulist_format(const cpu_set_t *set);

#endif
