/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of numbers and sizes as QEMU's command line writes them, and the
 * search for the name that a user probably meant. */
#ifndef UTIL_CUTILS_H
#define UTIL_CUTILS_H

/* A whole string as an unsigned number, decimal, 0x or 0 octal; no sign, no
 * blank. Returns 0, -EINVAL or -ERANGE; *@ret_value only on success. */
int parse_u64(const char *s, uint64_t *ret_value);

/* A size with an optional fraction and suffix B K M G T P E (either case);
 * without a suffix it counts in units of @unit bytes. Returns 0, -EINVAL,
 * -ERANGE. */
int parse_size(const char *s, uint64_t unit, uint64_t *ret_bytes);

/* on/off, yes/no, true/false, y/n. Returns 0 or -EINVAL. */
int parse_bool(const char *s, bool *ret_value);

/* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" as bytes in that order. Returns 0 or
 * -EINVAL. */
int parse_uuid(const char *s, uint8_t ret_uuid[16]);

/* Whether @id is an identifier as QEMU has them: a letter, then letters, digits,
 * '-', '.' and '_', at most ID_LENGTH_MAX in all. */
#define ID_LENGTH_MAX 127
bool id_is_well_formed(const char *id);

/* The search for the name that a user has meant by .name, with .best NULL at
 * the beginning: .best is the nearest by edit distance of those that were
 * tried, borrowed, or NULL if none is near enough: words that both have do not
 * make them near. error_setg_near() makes a message of it. */
typedef struct NearName {
    const char *name;
    const char *best;
    unsigned distance; /* of best */
} NearName;

void near_name_try(NearName *near, const char *candidate);
/* Of the NULL-terminated @names. */
NearName near_name_of(const char *name, const char *const *names);
/* "; did you mean 'X'?", or @otherwise. The caller frees it. */
char *near_name_text(const NearName *near, const char *otherwise);

#endif
