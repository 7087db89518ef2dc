/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/memory-map.h"
#include "system/machine.h"

static uint64_t end_of(const MemorySlot *s)
{
    return s->gpa + s->size;
}

static bool overlap(const MemorySlot *a, const MemorySlot *b)
{
    return a->gpa < end_of(b) && b->gpa < end_of(a);
}

/* Whether @s has all of @what where it is to be. */
static bool shows(const MemorySlot *s, const MemorySlot *what)
{
    return what->gpa >= s->gpa &&
           range_within(what->gpa - s->gpa, what->size, s->size) &&
           what->host == s->host + (what->gpa - s->gpa) &&
           what->readonly == s->readonly;
}

/* What is left of @s below and above @what; returns how many pieces. */
static unsigned cut(const MemorySlot *s, const MemorySlot *what,
                    MemorySlot *ret_pieces)
{
    unsigned n = 0;

    if (s->gpa < what->gpa) {
        ret_pieces[n] = *s;
        ret_pieces[n++].size = what->gpa - s->gpa;
    }
    if (end_of(s) > end_of(what)) {
        ret_pieces[n] = *s;
        ret_pieces[n].gpa = end_of(what);
        ret_pieces[n].host += end_of(what) - s->gpa;
        ret_pieces[n++].size = end_of(s) - end_of(what);
    }
    return n;
}

static int set_slot(Machine *m, unsigned n, const MemorySlot *what)
{
    int r = m->accel_ops->set_slot(m->accel, n, what);

    if (r == 0) {
        m->map.slots[n] = *what;
    }
    return r;
}

static int add_piece(Machine *m, const MemorySlot *piece)
{
    unsigned n = 0;

    while (m->map.slots[n].size) {
        n++;
    }
    return set_slot(m, n, piece);
}

int memory_map_set(Machine *m, const MemorySlot *what)
{
    static const MemorySlot none = { 0 };
    MemorySlot pieces[3]; /* only the first and the last are cut */
    unsigned n_pieces = 0, n_free = 0;
    int r = 0;

    assert(what->size && !(what->gpa % MEMORY_SLOT_UNIT) &&
           !(what->size % MEMORY_SLOT_UNIT));
    for (unsigned i = 0; i < MEMORY_SLOTS_MAX; i++) {
        const MemorySlot *s = &m->map.slots[i];

        if (shows(s, what)) {
            return 0;
        }
        if (!s->size || overlap(s, what)) {
            n_free++;
            n_pieces += s->size ? cut(s, what, pieces + n_pieces) : 0;
        }
    }
    if (what->host) {
        pieces[n_pieces++] = *what;
    }
    if (n_pieces > n_free) {
        return -ENOSPC;
    }
    for (unsigned i = 0; i < MEMORY_SLOTS_MAX; i++) {
        if (m->map.slots[i].size && overlap(&m->map.slots[i], what)) {
            r = set_slot(m, i, &none);
            assert(r == 0); /* to give up what one has cannot fail */
        }
    }
    for (unsigned i = 0; r == 0 && i < n_pieces; i++) {
        r = add_piece(m, &pieces[i]);
    }
    return r;
}

void *memory_map_ptr(const MemoryMap *map, uint64_t gpa, uint64_t len,
                     bool is_write)
{
    for (unsigned i = 0; i < MEMORY_SLOTS_MAX; i++) {
        const MemorySlot *s = &map->slots[i];

        if (gpa >= s->gpa && range_within(gpa - s->gpa, len, s->size)) {
            return is_write && s->readonly ? NULL : s->host + (gpa - s->gpa);
        }
    }
    return NULL;
}
