/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the way of worker threads, said before the kernel says ENOMEM
 * or EFAULT, and what to do about what it says all the same. */
#ifndef UTIL_THREAD_LIMITS_H
#define UTIL_THREAD_LIMITS_H

/* Fails if RLIMIT_NPROC, or pids.max of a cgroup (version 2) that this process
 * is in, leaves no room for @n more threads. Limits that cannot be read are not
 * in the way. */
bool vhost_worker_check_limits(unsigned n, GError **errp);

/* What to do when @call, as dev->failed_call names it, answered the negative
 * @r; "" if there is nothing to say. */
const char *vhost_worker_hint(const char *call, int r);

#endif
