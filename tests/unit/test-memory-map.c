/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces of guest memory and the accelerator's slots. */
#include "fake-accel.h"
#include "system/memory-map.h"

#define UNIT MEMORY_SLOT_UNIT

static uint8_t *const a = (uint8_t *)0x10000000, *const b =
                                                     (uint8_t *)0x20000000;

static GString *calls;
static int fail_after; /* calls that succeed; negative: all */

/* Sizes are whole units; removing is shown as "-n", and a slot that is there must
 * be removed before it is made anew. */
static int record(Accel *accel, unsigned n, const MemorySlot *what)
{
    bool is_there = accel->machine->map.slots[n].size;

    if (!what->size) {
        g_assert_true(is_there);
        g_string_append_printf(calls, "-%u ", n);
        return 0;
    }
    g_assert_false(is_there);
    if (fail_after == 0) {
        return -ENOMEM;
    }
    fail_after--;
    g_string_append_printf(
        calls, "%u:%" PRIu64 "+%" PRIu64 "=%c%" PRIu64 "%s ", n,
        what->gpa / UNIT, what->size / UNIT, what->host >= b ? 'b' : 'a',
        (uint64_t)(what->host - (what->host >= b ? b : a)) / UNIT,
        what->readonly ? "r" : "");
    return 0;
}

typedef struct Fixture {
    Machine *m;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->m = fake_machine_new();
    fake.ops.set_slot = record;
    calls = g_string_new(NULL);
    fail_after = -1;
}

static void teardown(Fixture *f, gconstpointer data)
{
    fake_machine_free(f->m);
    g_string_free(calls, TRUE);
}

static int set(Fixture *f, uint64_t at, uint64_t n, uint8_t *host,
               bool readonly)
{
    const MemorySlot what = { at * UNIT, n * UNIT, host, readonly };

    g_string_truncate(calls, 0);
    return memory_map_set(f->m, &what);
}

static void check_set(Fixture *f, uint64_t at, uint64_t n, uint8_t *host,
                      bool readonly, const char *expected)
{
    g_assert_cmpint(set(f, at, n, host, readonly), ==, 0);
    g_assert_cmpstr(calls->str, ==, expected);
}

static void what_is_within_cuts_on_both_sides(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 10, a, false, "0:10+10=a0 ");
    check_set(f, 14, 2, b, true, "-0 0:10+4=a0 1:16+4=a6 2:14+2=b0r ");
}

static void what_overlaps_cuts_one_side(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 10, a, false, "0:10+10=a0 ");
    check_set(f, 5, 6, b, false, "-0 0:11+9=a1 1:5+6=b0 ");
    check_set(f, 19, 6, b, false, "-0 0:11+8=a1 2:19+6=b0 ");
}

static void what_covers_several_replaces_them(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 2, a, false, "0:10+2=a0 ");
    check_set(f, 12, 2, a, true, "1:12+2=a0r ");
    check_set(f, 14, 4, a, false, "2:14+4=a0 ");
    check_set(f, 9, 6, b, false, "-0 -1 -2 0:15+3=a1 1:9+6=b0 ");
}

static void neighbours_stay(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 2, a, false, "0:10+2=a0 ");
    check_set(f, 14, 2, a, false, "1:14+2=a0 ");
    check_set(f, 12, 2, b, false, "2:12+2=b0 ");
}

static void same_again_changes_nothing(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 2, a, false, "0:10+2=a0 ");
    check_set(f, 10, 2, a, false, "");
    check_set(f, 10, 2, a, true, "-0 0:10+2=a0r ");
}

static void part_of_the_same_changes_nothing(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 4, a, false, "0:10+4=a0 ");
    check_set(f, 12, 2, a + 2 * UNIT, false, "");
    check_set(f, 12, 2, a + UNIT, false, "-0 0:10+2=a0 1:12+2=a1 ");
    check_set(f, 11, 1, a + UNIT, true, "-0 0:10+1=a0 2:11+1=a1r ");
}

static void nothing_takes_away(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 4, a, false, "0:10+4=a0 ");
    check_set(f, 20, 4, NULL, false, "");
    check_set(f, 12, 8, NULL, false, "-0 0:10+2=a0 ");
    check_set(f, 0, 100, NULL, false, "-0 ");
    g_assert_null(memory_map_ptr(&f->m->map, 10 * UNIT, 1, false));
}

static void slots_are_limited(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < MEMORY_SLOTS_MAX - 1; i++) {
        g_assert_cmpint(set(f, 10 * i, 3, a, false), ==, 0);
    }
    /* To cut one takes two more. */
    g_assert_cmpint(set(f, 1, 1, b, false), ==, -ENOSPC);
    g_assert_cmpstr(calls->str, ==, "");
    g_assert_true(memory_map_ptr(&f->m->map, UNIT, 1, true) == a + UNIT);
    g_assert_cmpint(set(f, 1, 1, NULL, false), ==, 0);
    g_assert_cmpint(set(f, 1, 1, b, false), ==, -ENOSPC);
    g_assert_cmpint(set(f, 10, 3, b, false), ==, 0);
}

static void failure_leaves_nothing_there(Fixture *f, gconstpointer data)
{
    check_set(f, 10, 4, a, false, "0:10+4=a0 ");
    fail_after = 1;
    g_assert_cmpint(set(f, 11, 1, b, false), ==, -ENOMEM);
    g_assert_cmpstr(calls->str, ==, "-0 0:10+1=a0 ");
    g_assert_null(memory_map_ptr(&f->m->map, 11 * UNIT, 1, false));
    g_assert_nonnull(memory_map_ptr(&f->m->map, 10 * UNIT, 1, false));
}

static void pointers_are_within_one_slot(Fixture *f, gconstpointer data)
{
    const MemoryMap *map = &f->m->map;

    set(f, 10, 2, a, false);
    set(f, 12, 1, b, true);
    g_assert_true(memory_map_ptr(map, 10 * UNIT, 2 * UNIT, true) == a);
    g_assert_true(memory_map_ptr(map, 12 * UNIT - 1, 1, true) ==
                  a + 2 * UNIT - 1);
    g_assert_null(memory_map_ptr(map, 12 * UNIT - 1, 2, false));
    g_assert_true(memory_map_ptr(map, 12 * UNIT + 5, 2, false) == b + 5);
    g_assert_null(memory_map_ptr(map, 12 * UNIT + 5, 2, true));
    g_assert_null(memory_map_ptr(map, 13 * UNIT, 1, false));
    g_assert_null(memory_map_ptr(map, 10 * UNIT - 1, 1, false));
    g_assert_null(memory_map_ptr(map, UINT64_MAX, 2, false));
}

#define TEST(name)                 \
    {                              \
        "/memory-map/" #name, name \
    }
static const struct {
    const char *path;
    void (*test)(Fixture *f, gconstpointer data);
} tests[] = {
    TEST(what_is_within_cuts_on_both_sides),
    TEST(what_overlaps_cuts_one_side),
    TEST(what_covers_several_replaces_them),
    TEST(neighbours_stay),
    TEST(same_again_changes_nothing),
    TEST(part_of_the_same_changes_nothing),
    TEST(nothing_takes_away),
    TEST(slots_are_limited),
    TEST(failure_leaves_nothing_there),
    TEST(pointers_are_within_one_slot),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].test,
                   teardown);
    }
    return g_test_run();
}
