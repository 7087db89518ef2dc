/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of ACPI tables share: numbers, sums, and iasl in a directory of its
 * own (apt-get install acpica-tools). */
#ifndef TEST_ACPI_H
#define TEST_ACPI_H

#include <glib/gstdio.h>

static inline uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static inline uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t v = 0;

    for (size_t i = 0; i < len; i++) {
        v = (uint8_t)(v + p[i]);
    }
    return v;
}

static inline void remove_dir(const char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        g_unlink(path);
    }
    g_dir_close(d);
    g_rmdir(dir);
}

/* Runs iasl in @dir; returns what it prints. It must say that
 * all is well. */
static inline char *iasl(const char *dir, const char *option, const char *file)
{
    const char *argv[] = { "iasl", option, file, NULL };
    g_autoptr(GError) err = NULL;
    g_autofree char *errors = NULL;
    char *output = NULL;
    int status;

    g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                 &output, &errors, &status, &err);
    g_assert_no_error(err); /* iasl is required: apt-get install acpica-tools */
    g_test_message("%s %s %s:\n%s%s", argv[0], option, file, output, errors);
    g_spawn_check_wait_status(status, &err);
    g_assert_no_error(err);
    g_assert_null(strstr(errors, "Error"));
    g_assert_null(strstr(errors, "Warning"));
    return output;
}

/* Writes a table to NAME.dat and returns the text that iasl makes of it. */
static inline char *disassemble(const char *dir, const char *name,
                                const uint8_t *table, size_t len)
{
    g_autofree char *dat = g_strdup_printf("%s.dat", name);
    g_autofree char *dsl = g_strdup_printf("%s/%s.dsl", dir, name);
    g_autofree char *path = g_build_filename(dir, dat, NULL);
    g_autofree char *output = NULL;
    char *text = NULL;

    g_assert_true(
        g_file_set_contents(path, (const char *)table, (gssize)len, NULL));
    output = iasl(dir, "-d", dat);
    g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
    g_assert_null(strstr(text, "Invalid"));
    g_assert_null(strstr(text, "Incorrect"));
    g_assert_null(strstr(text, "**** "));
    return text;
}

#endif
