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

static bool is_separator(char c)
{
    return c == '-' || c == '_';
}

static bool is_same(char a, char b)
{
    return a == b || (is_separator(a) && is_separator(b));
}

/* How many characters, one more, less or other, or two neighbours exchanged,
 * lie between two names of at most NAME_MAX_LEN (the distance of Damerau and
 * Levenshtein, each character changed once). '-' and '_' are the same. */
static unsigned edit_distance(const char *a, size_t len_a, const char *b,
                              size_t len_b)
{
    unsigned rows[3][NAME_MAX_LEN + 1];

    for (unsigned j = 0; j <= len_b; j++) {
        rows[0][j] = j;
    }
    for (unsigned i = 1; i <= len_a; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *last = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= len_b; j++) {
            bool other = !is_same(a[i - 1], b[j - 1]);

            row[j] = MIN(MIN(last[j], row[j - 1]) + 1, last[j - 1] + other);
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
                is_same(a[i - 2], b[j - 1])) {
                row[j] = MIN(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[len_a % 3][len_b];
}

/* Length of the whole words, each with its separator, that @a and @b begin
 * with. */
static size_t common_words(const char *a, const char *b)
{
    size_t words = 0;

    for (size_t i = 0; a[i] && is_same(a[i], b[i]); i++) {
        words = is_separator(a[i]) ? i + 1 : words;
    }
    return words;
}

/* The same at the end of what is left: of @len_a and @len_b characters. */
static size_t common_last_words(const char *a, size_t len_a, const char *b,
                                size_t len_b)
{
    size_t words = 0;

    for (size_t i = 0;
         i < len_a && i < len_b && is_same(a[len_a - 1 - i], b[len_b - 1 - i]);
         i++) {
        words = is_separator(a[len_a - 1 - i]) ? i + 1 : words;
    }
    return words;
}

/* Words that both have say nothing about the others: "virtio-blk-pci" is not
 * near to "virtio-rng-pci". Of the letters in between a third may be wrong, or two
 * of four and one of two. */
void near_name_try(NearName *near, const char *candidate)
{
    size_t len = strlen(near->name);
    size_t len_candidate = strlen(candidate);
    size_t first = common_words(near->name, candidate);
    const char *word = near->name + first;
    size_t last;
    unsigned d;

    if (len > NAME_MAX_LEN || len_candidate > NAME_MAX_LEN) {
        return;
    }
    last = common_last_words(word, len - first, candidate + first,
                             len_candidate - first);
    len -= first + last;
    len_candidate -= first + last;
    d = edit_distance(word, len, candidate + first, len_candidate);
    if (d <= MAX(len / 3, MIN(len / 2, 2)) &&
        (!near->best || d < near->distance)) {
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
