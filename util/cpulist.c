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
    if (v > CPULIST_CPU_MAX) {
        return -ERANGE;
    }
    *ret_cpu = (unsigned)v;
    return 0;
}

/* "N" or "N-M". */
static int add_range(const char *item, cpu_set_t *set)
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
        CPU_SET(cpu, set);
    }
    return 0;
}

int cpulist_parse(const char *text, cpu_set_t *ret_set)
{
    g_auto(GStrv) items = g_strsplit(text, ",", 0);
    cpu_set_t set;

    CPU_ZERO(&set);
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

char *cpulist_format(const cpu_set_t *set)
{
    GString *out = g_string_new(NULL);

    for (unsigned cpu = 0; cpu <= CPULIST_CPU_MAX; cpu++) {
        unsigned last = cpu;

        if (!CPU_ISSET(cpu, set)) {
            continue;
        }
        while (last < CPULIST_CPU_MAX && CPU_ISSET(last + 1, set)) {
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
