/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM for drivers: whole pages from 1 MiB upward, first fit, zeroed.
 *
 *     QGuestAllocator *a = guest_allocator_new(s, 128 * MiB);
 *     uint64_t ring = guest_alloc(a, 4096);
 *     ...
 *     guest_free(a, ring);
 *     guest_allocator_free(a);
 *
 * A test that asks for more than there is fails.
 */
#ifndef TESTS_LIBQOS_MALLOC_H
#define TESTS_LIBQOS_MALLOC_H

#include "libqtest.h"

#define GUEST_PAGE_SIZE  4096u
#define GUEST_HEAP_START MiB

typedef struct QGuestAllocator QGuestAllocator;

/* For a machine with @ram_size bytes of RAM below the PCI hole. */
QGuestAllocator *guest_allocator_new(QTestState *s, uint64_t ram_size);
/* Blocks still in use are no error: RAM ends with the machine. */
void guest_allocator_free(QGuestAllocator *a);

/* Physical address of at least @size (> 0) bytes of zeros on a page boundary. */
uint64_t guest_alloc(QGuestAllocator *a, size_t size);
/* @addr must be what guest_alloc() returned. */
void guest_free(QGuestAllocator *a, uint64_t addr);

/* Pages in use, to find leaks. */
unsigned guest_pages_used(const QGuestAllocator *a);

#endif
