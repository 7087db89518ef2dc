/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a guest's random bytes come from: what the objects rng-random and
 * rng-builtin (system/user-object.h) name. Who uses one opens a descriptor of its
 * own.
 */
#ifndef SYSTEM_RNG_H
#define SYSTEM_RNG_H

typedef struct RngBackend RngBackend;

/* Opens the source of @b, or of rng-builtin if that is NULL: a descriptor for
 * non-blocking reads, which the caller owns. May wait for the file system, so
 * not with the lock of a machine that has started. */
bool rng_backend_open(const RngBackend *b, int *ret_fd, GError **errp);

#endif
