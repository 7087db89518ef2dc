/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"

/* Values below 2^SUB_BITS have a bucket each; above, each power of two has
 * 2^SUB_BITS of them. */
static unsigned bucket_of(uint64_t ns)
{
    unsigned shift;

    if (ns < 1u << HISTOGRAM_SUB_BITS) {
        return (unsigned)ns;
    }
    shift = 63 - (unsigned)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    return ((shift + 1) << HISTOGRAM_SUB_BITS) +
           (unsigned)((ns >> shift) & ((1u << HISTOGRAM_SUB_BITS) - 1));
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
    unsigned octave = bucket >> HISTOGRAM_SUB_BITS;
    uint64_t sub = bucket & ((1u << HISTOGRAM_SUB_BITS) - 1);

    if (!octave) {
        return sub;
    }
    return ((sub + (1u << HISTOGRAM_SUB_BITS)) << (octave - 1)) +
           ((UINT64_C(1) << (octave - 1)) >> 1);
}

void histogram_add(Histogram *h, uint64_t ns)
{
    h->buckets[bucket_of(ns)]++;
    h->count++;
    h->sum_ns += ns;
    h->max_ns = MAX(h->max_ns, ns);
}

void histogram_merge(Histogram *h, const Histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        h->buckets[i] += other->buckets[i];
    }
    h->count += other->count;
    h->sum_ns += other->sum_ns;
    h->max_ns = MAX(h->max_ns, other->max_ns);
}

uint64_t histogram_percentile(const Histogram *h, unsigned per_mille)
{
    uint64_t rank = (h->count * per_mille + 999) / 1000, seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen && seen >= rank) {
            return MIN(value_of(i), h->max_ns);
        }
    }
    return 0;
}
