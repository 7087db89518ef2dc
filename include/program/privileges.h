/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process gives up, in this order: the right to gain anything by
 * executing a file, at once; what others may see of it, once its options are
 * known; root directory, user, groups and capabilities, once what needs them is
 * open and before other threads start. No function needs the lock.
 */
#ifndef PROGRAM_PRIVILEGES_H
#define PROGRAM_PRIVILEGES_H

#include "util/osdep.h"

/* Who the process is to become. */
typedef struct RunAs {
    char *user; /* as the user has said it; NULL: whoever it is. Owned */
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary ones; owned */
    unsigned n_groups;
    char *chroot; /* directory; NULL: none. Owned */
} RunAs;

void run_as_clear(RunAs *run_as);

/* Files that are executed give no privileges any more (no_new_privs), and a
 * filter of system calls needs none. The first thing that main() does: threads
 * inherit it. */
void privileges_never_gain(void);

/* No process but root's can attach to this one or read its memory. If it
 * crashes, that ends first, so that there is a core dump. With @dump it stays
 * open: a dump that holds the guest's memory was asked for. Signals that
 * somebody else handles (sanitizers) are left to them. */
void privileges_hide(bool dump);

/* Gives up all capabilities but those of @keep (bits CAP_...) and what
 * privileges_drop() needs. Before vhost makes workers: they have the rights of
 * who makes them, and one who has less can no longer place them. */
void privileges_limit(const RunAs *run_as, uint64_t keep);

/* Becomes @run_as, and keeps of its capabilities those of @keep (bits CAP_...).
 * All threads that libc knows change their user. Afterwards it has tried that
 * nothing can be had back. Warns of a root directory without /proc. */
bool privileges_drop(const RunAs *run_as, uint64_t keep, GError **errp);

#endif
