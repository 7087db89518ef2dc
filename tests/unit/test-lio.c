/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What LIO's configuration shows, in a directory of the test. */
#include "hw/scsi/lio.h"

#include <glib/gstdio.h>

typedef struct Fixture {
    char *target;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->target = g_dir_make_tmp("test-lio-XXXXXX", NULL);
    g_assert_nonnull(f->target);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    static const char *const names[] = { "tpgt_0",  "tpgt_1",     "tpgt_9",
                                         "tpgt_10", "tpgt_65536", "tpgt_x",
                                         "acls" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *dir = g_build_filename(f->target, names[i], NULL);
        g_autofree char *nexus = g_build_filename(dir, "nexus", NULL);

        (void)g_unlink(nexus);
        (void)g_rmdir(dir);
    }
    g_assert_cmpint(g_rmdir(f->target), ==, 0);
    g_free(f->target);
}

/* A directory, and in it a nexus unless that is NULL. */
static void add(Fixture *f, const char *name, const char *nexus)
{
    g_autofree char *dir = g_build_filename(f->target, name, NULL);
    g_autofree char *file = g_build_filename(dir, "nexus", NULL);

    g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
    g_assert_true(!nexus || g_file_set_contents(file, nexus, -1, NULL));
}

static void test_lowest_is_by_number(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(lio_lowest_tpgt(f->target), ==, -ENOENT);
    add(f, "acls", NULL);
    add(f, "tpgt_x", NULL);
    add(f, "tpgt_65536", NULL);
    g_assert_cmpint(lio_lowest_tpgt(f->target), ==, -ENOENT);
    add(f, "tpgt_10", NULL);
    g_assert_cmpint(lio_lowest_tpgt(f->target), ==, 10);
    add(f, "tpgt_9", NULL);
    g_assert_cmpint(lio_lowest_tpgt(f->target), ==, 9);
    add(f, "tpgt_0", NULL);
    g_assert_cmpint(lio_lowest_tpgt(f->target), ==, 0);
}

static void test_what_cannot_be_read_is_not_known(Fixture *f,
                                                  gconstpointer data)
{
    g_autofree char *none = g_build_filename(f->target, "none", NULL);

    g_assert_false(lio_is_there(none));
    g_assert_true(lio_is_there(f->target));
    g_assert_cmpint(lio_lowest_tpgt(none), ==, -ENOENT);
    g_assert_true(lio_has_nexus(none));
}

static void test_one_group_with_a_nexus_is_enough(Fixture *f,
                                                  gconstpointer data)
{
    g_assert_false(lio_has_nexus(f->target));
    add(f, "acls", "naa.5001405000000002");
    add(f, "tpgt_1", "");
    g_assert_false(lio_has_nexus(f->target));
    add(f, "tpgt_9", "naa.5001405000000002");
    g_assert_true(lio_has_nexus(f->target));
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/lio/lowest", test_lowest_is_by_number);
    ADD("/lio/unreadable", test_what_cannot_be_read_is_not_known);
    ADD("/lio/nexus", test_one_group_with_a_nexus_is_enough);
    return g_test_run();
}
