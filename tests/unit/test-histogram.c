/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Latencies of vhost-scsi-bench: what a percentile says, and how far off. */
#include "../../tools/bench/bench.h"

static Histogram h;

static void test_small_values_are_exact(void)
{
    memset(&h, 0, sizeof(h));
    for (unsigned i = 1; i <= 10; i++) {
        histogram_add(&h, i);
    }
    g_assert_cmpuint(histogram_percentile(&h, 500), ==, 5);
    g_assert_cmpuint(histogram_percentile(&h, 900), ==, 9);
    g_assert_cmpuint(histogram_percentile(&h, 1000), ==, 10);
    g_assert_cmpuint(h.sum_ns, ==, 55);
    g_assert_cmpuint(h.max_ns, ==, 10);
}

static void test_any_value_is_three_percent_off_at_most(void)
{
    for (unsigned bit = 5; bit < 63; bit++) {
        for (unsigned part = 0; part < 16; part++) {
            uint64_t v = (UINT64_C(16) + part) << bit >> 4;
            uint64_t got;

            memset(&h, 0, sizeof(h));
            histogram_add(&h, v);
            histogram_add(&h, UINT64_MAX / 2); /* not the maximum itself */
            got = histogram_percentile(&h, 500);
            g_assert_cmpuint(got, >=, v - v / 32);
            g_assert_cmpuint(got, <=, v + v / 32);
        }
    }
}

static void test_extremes_have_buckets(void)
{
    memset(&h, 0, sizeof(h));
    histogram_add(&h, 0);
    histogram_add(&h, UINT64_MAX);
    g_assert_cmpuint(histogram_percentile(&h, 500), ==, 0);
    g_assert_cmpuint(h.buckets[HISTOGRAM_BUCKETS - 1], ==, 1);
}

static void test_empty_is_zero(void)
{
    memset(&h, 0, sizeof(h));
    g_assert_cmpuint(histogram_percentile(&h, 999), ==, 0);
}

static void test_merge_adds_up(void)
{
    Histogram *other = g_new0(Histogram, 1);

    memset(&h, 0, sizeof(h));
    histogram_add(&h, 3);
    histogram_add(other, 7);
    histogram_merge(&h, other);
    g_assert_cmpuint(h.count, ==, 2);
    g_assert_cmpuint(h.max_ns, ==, 7);
    g_assert_cmpuint(histogram_percentile(&h, 1000), ==, 7);
    g_free(other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/histogram/small", test_small_values_are_exact);
    g_test_add_func("/histogram/precision",
                    test_any_value_is_three_percent_off_at_most);
    g_test_add_func("/histogram/extremes", test_extremes_have_buckets);
    g_test_add_func("/histogram/empty", test_empty_is_zero);
    g_test_add_func("/histogram/merge", test_merge_adds_up);
    return g_test_run();
}
