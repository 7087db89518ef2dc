/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process gives up, in this order: the right to gain anything by
 * executing a file, at once; what others may see of it, once its options are
 * known; user, groups, root directory and capabilities, once what needs them is
 * open.
 */
#ifndef PROGRAM_PRIVILEGES_H
#define PROGRAM_PRIVILEGES_H

/* Files that are executed give no privileges any more (no_new_privs), and a
 * filter of system calls needs none. The first thing that main() does: threads
 * inherit it. */
void privileges_never_gain(void);

#endif
