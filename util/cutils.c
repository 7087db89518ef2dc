/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/cutils.h"

int parse_u64(const char *s, uint64_t *ret_value)
{
    char *end;
    unsigned long long v;

    if (!g_ascii_isdigit(s[0])) {
        return -EINVAL;
    }
    errno = 0;
    v = strtoull(s, &end, 0);
    if (errno == ERANGE) {
        return -ERANGE;
    }
    if (*end) {
        return -EINVAL;
    }
    *ret_value = v;
    return 0;
}

/* The factor of a size suffix, 0 if there is no such suffix. */
static uint64_t suffix_factor(char c)
{
    static const char suffixes[] = "BKMGTPE";
    const char *p = strchr(suffixes, g_ascii_toupper(c));

    return p && c ? UINT64_C(1) << (10 * (p - suffixes)) : 0;
}

int parse_size(const char *s, uint64_t unit, uint64_t *ret_bytes)
{
    char *end;
    unsigned long long whole;
    double fraction = 0;
    uint64_t factor = unit;

    if (!g_ascii_isdigit(s[0])) {
        return -EINVAL;
    }
    errno = 0;
    whole = strtoull(s, &end, 0);
    if (errno == ERANGE) {
        return -ERANGE;
    }
    if (*end == '.') {
        if (!g_ascii_isdigit(end[1])) {
            return -EINVAL;
        }
        fraction = g_ascii_strtod(end, &end);
    }
    if (*end) {
        factor = suffix_factor(*end);
        if (!factor || end[1]) {
            return -EINVAL;
        }
    }
    if (whole > (UINT64_MAX / factor) - 1) {
        return -ERANGE;
    }
    *ret_bytes = whole * factor + (uint64_t)(fraction * (double)factor);
    return 0;
}

int parse_bool(const char *s, bool *ret_value)
{
    static const char *const yes[] = { "on", "yes", "true", "y", NULL };
    static const char *const no[] = { "off", "no", "false", "n", NULL };

    if (g_strv_contains(yes, s)) {
        *ret_value = true;
    } else if (g_strv_contains(no, s)) {
        *ret_value = false;
    } else {
        return -EINVAL;
    }
    return 0;
}

int parse_uuid(const char *s, uint8_t ret_uuid[16])
{
    unsigned digit = 0;

    if (!g_uuid_string_is_valid(s)) {
        return -EINVAL;
    }
    for (; *s; s++) {
        if (*s != '-') {
            uint8_t *byte = &ret_uuid[digit++ / 2];

            *byte = (uint8_t)(*byte << 4 | g_ascii_xdigit_value(*s));
        }
    }
    return 0;
}

#define NAME_MAX_LEN 63

/* Levenshtein's distance of two names of at most NAME_MAX_LEN characters, in
 * one row; '-' and '_' count as the same character. */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LEN + 1];
    size_t len_b = strlen(b);

    for (unsigned j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= len_b; j++) {
            char x = a[i - 1] == '-' ? '_' : a[i - 1];
            char y = b[j - 1] == '-' ? '_' : b[j - 1];
            unsigned swap = diagonal + (x != y);

            diagonal = row[j];
            row[j] = MIN(MIN(row[j], row[j - 1]) + 1, swap);
        }
    }
    return row[len_b];
}

void near_name_try(NearName *near, const char *candidate)
{
    unsigned limit = near->best ? near->distance
                                : (unsigned)MAX(2, strlen(near->name) / 3) + 1;
    unsigned d;

    if (strlen(near->name) > NAME_MAX_LEN || strlen(candidate) > NAME_MAX_LEN) {
        return;
    }
    d = edit_distance(near->name, candidate);
    if (d < limit) {
        near->best = candidate;
        near->distance = d;
    }
}

NearName near_name_of(const char *name, const char *const *names)
{
    NearName near = { .name = name };

    for (; *names; names++) {
        near_name_try(&near, *names);
    }
    return near;
}

char *near_name_text(const NearName *near, const char *otherwise)
{
    return near->best ? g_strdup_printf("; did you mean '%s'?", near->best)
                      : g_strdup(otherwise);
}

bool id_is_well_formed(const char *id)
{
    if (!g_ascii_isalpha(id[0]) || strlen(id) > ID_LENGTH_MAX) {
        return false;
    }
    for (const char *c = id; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-._", *c)) {
            return false;
        }
    }
    return true;
}
