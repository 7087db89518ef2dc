/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqos/malloc.h"

/* A page: free, the first of a block, or a further one. */
enum {
    PAGE_FREE,
    PAGE_FIRST,
    PAGE_MORE
};

struct QGuestAllocator {
    QTestState *qts;
    unsigned n_pages;
    unsigned n_used;
    uint8_t *pages;
};

QGuestAllocator *guest_allocator_new(QTestState *s, uint64_t ram_size)
{
    QGuestAllocator *a = g_new0(QGuestAllocator, 1);

    g_assert_cmpuint(ram_size, >, GUEST_HEAP_START);
    a->qts = s;
    a->n_pages = (unsigned)((ram_size - GUEST_HEAP_START) / GUEST_PAGE_SIZE);
    a->pages = g_malloc0(a->n_pages);
    return a;
}

void guest_allocator_free(QGuestAllocator *a)
{
    if (a) {
        g_free(a->pages);
        g_free(a);
    }
}

static unsigned find_free(const QGuestAllocator *a, unsigned n)
{
    unsigned run = 0;

    for (unsigned i = 0; i < a->n_pages; i++) {
        run = a->pages[i] == PAGE_FREE ? run + 1 : 0;
        if (run == n) {
            return i + 1 - n;
        }
    }
    qtest_fail(a->qts, "guest RAM is full: no %u pages in a row", n);
}

uint64_t guest_alloc(QGuestAllocator *a, size_t size)
{
    unsigned n = (unsigned)(round_up(size, GUEST_PAGE_SIZE) / GUEST_PAGE_SIZE);
    unsigned first;
    uint64_t addr;

    g_assert_cmpuint(size, >, 0);
    first = find_free(a, n);
    memset(a->pages + first, PAGE_MORE, n);
    a->pages[first] = PAGE_FIRST;
    a->n_used += n;
    addr = GUEST_HEAP_START + (uint64_t)first * GUEST_PAGE_SIZE;
    qtest_memset(a->qts, addr, 0, (size_t)n * GUEST_PAGE_SIZE);
    return addr;
}

void guest_free(QGuestAllocator *a, uint64_t addr)
{
    uint64_t page = (addr - GUEST_HEAP_START) / GUEST_PAGE_SIZE;

    g_assert_cmpuint(addr, >=, GUEST_HEAP_START);
    g_assert_cmpuint(page, <, a->n_pages);
    g_assert_cmpuint(a->pages[page], ==, PAGE_FIRST);
    do {
        a->pages[page++] = PAGE_FREE;
        a->n_used--;
    } while (page < a->n_pages && a->pages[page] == PAGE_MORE);
}

unsigned guest_pages_used(const QGuestAllocator *a)
{
    return a->n_used;
}
