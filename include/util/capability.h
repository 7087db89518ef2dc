/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities of the calling thread; capabilities(7). No lock is needed. */
#ifndef UTIL_CAPABILITY_H
#define UTIL_CAPABILITY_H

#include <linux/capability.h>

/* Whether the thread may use @capability (CAP_...) now. */
bool capability_has(unsigned capability);

/* Takes all but those of @keep (bit CAP_... for each) from what the thread could
 * have by executing a file: the ambient set, and with CAP_SETPCAP the bounding
 * set. */
void capabilities_bound(uint64_t keep);

/* Leaves the thread those of @keep that it is permitted to have, to use at once,
 * and no other; none is inheritable. Threads that it starts from here on have
 * the same. */
void capabilities_keep(uint64_t keep);

#endif
