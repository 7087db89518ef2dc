/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/cpulist.h"
#include "util/cutils.h"

/* Decimal alone: parse_u64() reads 0x and octal too. */
static int parse_cpu(const char *text, unsigned *ret_cpu)
{
    uint64_t v;

    if (text[strspn(text, "0123456789")] || (text[0] == '0' && text[1]) ||
        parse_u64(text, &v) < 0) {
        return -EINVAL;
    }
    if (v > CPULIST_MAX) {
        return -ERANGE;
    }
    *ret_cpu = (unsigned)v;
    return 0;
}

/* "N" or "N-M". */
static int add_range(const char *item, CpuSet *set)
{
    g_auto(GStrv) ends = g_strsplit(item, "-", 2);
    unsigned first, last;
    int r;

    if (!ends[0]) {
        return -EINVAL;
    }
    r = parse_cpu(ends[0], &first);
    if (r == 0) {
        r = parse_cpu(ends[1] ? ends[1] : ends[0], &last);
    }
    if (r < 0) {
        return r;
    }
    if (last < first) {
        return -EINVAL;
    }
    for (unsigned cpu = first; cpu <= last; cpu++) {
        cpuset_add(set, cpu);
    }
    return 0;
}

int cpulist_parse(const char *text, CpuSet *ret_set)
{
    g_auto(GStrv) items = g_strsplit(text, ",", 0);
    CpuSet set = { 0 };

    if (!items[0]) {
        return -EINVAL;
    }
    for (char **item = items; *item; item++) {
        int r = add_range(*item, &set);

        if (r < 0) {
            return r;
        }
    }
    *ret_set = set;
    return 0;
}

char *cpulist_format(const CpuSet *set)
{
    GString *out = g_string_new(NULL);

    for (unsigned cpu = 0; cpu <= CPULIST_MAX; cpu++) {
        unsigned last = cpu;

        if (!cpuset_has(set, cpu)) {
            continue;
        }
        while (last < CPULIST_MAX && cpuset_has(set, last + 1)) {
            last++;
        }
        g_string_append_printf(out, "%s%u", out->len ? "," : "", cpu);
        if (last > cpu) {
            g_string_append_printf(out, "-%u", last);
        }
        cpu = last;
    }
    return g_string_free(out, FALSE);
}
