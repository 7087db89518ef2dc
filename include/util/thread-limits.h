/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the way of further threads, said before the kernel says no
 * more than ENOMEM or EAGAIN. Any thread; does not block. */
#ifndef UTIL_THREAD_LIMITS_H
#define UTIL_THREAD_LIMITS_H

/* Fails if RLIMIT_NPROC, or pids.max of a cgroup (version 2) that this process
 * is in, leaves no room for @n more threads, which the message calls @what and
 * which the caller may say how to do without. Limits that cannot be read are
 * not in the way. */
bool thread_check_limits(unsigned n, const char *what, GError **errp);

#endif
