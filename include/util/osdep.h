/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every source file includes first: the C library, glib, and the few
 * helpers that have no better home. Every other header compiles alone after
 * this one.
 */
#ifndef UTIL_OSDEP_H
#define UTIL_OSDEP_H

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#define KiB (UINT64_C(1) << 10)
#define MiB (UINT64_C(1) << 20)
#define GiB (UINT64_C(1) << 30)
#define TiB (UINT64_C(1) << 40)

#define NANOSECONDS_PER_SECOND INT64_C(1000000000)

/* The structure that embeds @member at @ptr. */
#define container_of(ptr, type, member) \
    ((type *)((char *)(ptr)-offsetof(type, member)))

/*
 * The one place where errno is read after a system call that answers -1:
 * returns @r if it is not negative, else -errno.
 */
static inline int neg_errno(int r)
{
    return r < 0 ? -errno : r;
}

/* Whether [@start, @start + @len) lies within [0, @limit), without overflow. */
static inline bool range_within(uint64_t start, uint64_t len, uint64_t limit)
{
    return len <= limit && start <= limit - len;
}

/* @v rounded up to a multiple of @align, a power of two. */
static inline uint64_t round_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static inline bool is_power_of_2(uint64_t v)
{
    return v && !(v & (v - 1));
}

/*
 * Closes *@fd if it is open (>= 0) and sets it to -1. Keeps errno, so that it
 * can stand on an error path.
 */
void close_fd(int *fd);

/* Reads all of [@offset, @offset + @len) of @fd. Returns 0, -errno, or -ENODATA
 * if the file ends before. */
int pread_all(int fd, void *buf, uint64_t len, uint64_t offset);

/* A local fd that is closed when its scope ends; initialise at declaration. */
#define auto_fd __attribute__((cleanup(close_fd))) int

/* Hands over an auto_fd: returns its value and leaves -1 behind. */
static inline int steal_fd(int *fd)
{
    int r = *fd;

    *fd = -1;
    return r;
}

#endif
