/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hmp-int.h"
#include "util/cutils.h"
#include "util/error.h"

/* --- What commands need --- */

void hmp_print(Hmp *h, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    g_string_append_vprintf(h->out, fmt, args);
    va_end(args);
}

json_object *hmp_call(Hmp *h, const char *command, json_object *args)
{
    GError *error = NULL;
    json_object *reply = h->ctx->call(h->ctx->opaque, command, args, &error);

    if (!reply) {
        hmp_print(h, "Error: %s\n", error ? error->message : "no reply");
        g_clear_error(&error);
    }
    return reply;
}

json_object *hmp_call1(Hmp *h, const char *command, const char *key,
                       const char *value)
{
    json_object *args = json_object_new_object();

    json_add_string(args, key, value);
    return hmp_call(h, command, args);
}

char *hmp_child_type(json_object *property)
{
    const char *type = json_text(property, "type");
    size_t len = strlen(type);

    if (!g_str_has_prefix(type, "child<") || type[len - 1] != '>') {
        return NULL;
    }
    return g_strndup(type + strlen("child<"), len - strlen("child<>"));
}

/* --- The tables --- */

/* The name of @c without its aliases; the caller frees it. */
static char *first_name(const HmpCommand *c)
{
    return g_strndup(c->names, strcspn(c->names, "|"));
}

const HmpCommand *hmp_find(const HmpCommand *table, const char *name)
{
    for (const HmpCommand *c = table; c->names; c++) {
        g_auto(GStrv) names = g_strsplit(c->names, "|", -1);

        if (g_strv_contains((const char *const *)names, name)) {
            return c;
        }
    }
    return NULL;
}

GPtrArray *hmp_names(const HmpCommand *table)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(g_free);

    for (const HmpCommand *c = table; c->names; c++) {
        g_auto(GStrv) names = g_strsplit(c->names, "|", -1);

        for (char **n = names; *n; n++) {
            g_ptr_array_add(all, g_steal_pointer(n));
        }
    }
    return all;
}

void hmp_print_unknown(Hmp *h, const HmpCommand *table, const char *prefix,
                       const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *end = NULL;
    NearName near;

    /* Aliases of one letter are near to everything. */
    for (const HmpCommand *c = table; c->names; c++) {
        g_ptr_array_add(names, first_name(c));
    }
    g_ptr_array_add(names, NULL);
    near = near_name_of(name, (const char *const *)names->pdata);
    end = near_name_text(&near, "");
    hmp_print(h, "unknown command: '%s%s'%s\n", prefix, name, end);
}

void hmp_print_help(Hmp *h, const HmpCommand *c, const char *prefix)
{
    hmp_print(h, "%s%s %s -- %s\n", prefix, c->names, c->args ? c->args : "",
              c->help);
}

void hmp_print_help_all(Hmp *h, const HmpCommand *table, const char *prefix)
{
    for (const HmpCommand *c = table; c->names; c++) {
        hmp_print_help(h, c, prefix);
    }
}

/* --- Lines --- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* A word in double quotes; *@p is behind the first. NULL without a second. */
static char *quoted_word(const char **p)
{
    g_autoptr(GString) word = g_string_new(NULL);

    for (const char *s = *p; *s; s++) {
        if (*s == '"') {
            *p = s + 1;
            return g_string_free(g_steal_pointer(&word), FALSE);
        }
        if (*s == '\\' && s[1]) {
            s++;
        }
        g_string_append_c(word, *s);
    }
    return NULL;
}

/* Takes a word off *@p, which is at its begin. NULL if its quote has no
 * end. */
static char *next_word(const char **p)
{
    size_t len;

    if (**p == '"') {
        (*p)++;
        return quoted_word(p);
    }
    len = strcspn(*p, " \t");
    *p += len;
    return g_strndup(*p - len, len);
}

/* The words of @line, NULL at the end; or NULL for a line that is none. */
static char **split_words(const char *line)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

    for (const char *p = skip_blanks(line); *p; p = skip_blanks(p)) {
        char *word = words->len < HMP_WORDS_MAX ? next_word(&p) : NULL;

        if (!word) {
            return NULL;
        }
        g_ptr_array_add(words, word);
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* All of @line as one word, unless it is empty or in quotes. */
static char **whole_word(const char *line)
{
    const char *p = skip_blanks(line);
    char **words;

    if (!*p || *p == '"') {
        return split_words(p);
    }
    words = g_new0(char *, 2);
    words[0] = g_strchomp(g_strdup(p));
    return words;
}

/* The command that *@line begins with, "info ITEM" looked up; leaves *@line
 * behind its name. On failure NULL, and *@ret_name is the name that is
 * unknown, in @ret_table; NULL if there is none. */
static const HmpCommand *take_command(const char **line, char **ret_name,
                                      const HmpCommand **ret_table)
{
    const HmpCommand *c;

    for (*ret_table = hmp_commands;; *ret_table = hmp_info) {
        size_t len;

        *line = skip_blanks(*line);
        len = strcspn(*line, " \t");
        *ret_name = len ? g_strndup(*line, len) : NULL;
        c = len ? hmp_find(*ret_table, *ret_name) : NULL;
        if (!c) {
            return NULL;
        }
        g_clear_pointer(ret_name, g_free);
        *line += len;
        if (*ret_table == hmp_info || c->words != HMP_WORDS_INFO ||
            !*skip_blanks(*line)) {
            return c;
        }
    }
}

/* Why @c does not take @argv; NULL if it does. */
static const char *refuse_words(const HmpCommand *c, char **argv)
{
    if (!argv) {
        return "unbalanced quotes or too many words";
    }
    if (g_strv_length(argv) < c->min) {
        return "string expected";
    }
    if (g_strv_length(argv) > c->max) {
        return "extraneous characters at the end of line";
    }
    return NULL;
}

static void run_command(Hmp *h, const HmpCommand *c, const char *prefix,
                        const char *rest)
{
    g_auto(GStrv) argv = c->whole ? whole_word(rest) : split_words(rest);
    const char *wrong = refuse_words(c, argv);

    if (wrong) {
        g_autofree char *name = first_name(c);

        hmp_print(h, "%s: %s\nTry \"help %s%s\" for more information\n",
                  c->names, wrong, prefix, name);
        return;
    }
    h->argv = argv;
    if (c->qmp) {
        json_object_put(hmp_call(h, c->qmp, NULL));
    } else {
        c->run(h);
    }
    h->argv = NULL;
}

void hmp_run(const HmpContext *ctx, const char *line, GString *out)
{
    Hmp h = { .ctx = ctx, .out = out };
    g_autofree char *unknown = NULL;
    const HmpCommand *table;
    const HmpCommand *c = take_command(&line, &unknown, &table);
    const char *prefix = table == hmp_info ? "info " : "";

    if (c) {
        run_command(&h, c, prefix, line);
    } else if (unknown) {
        hmp_print_unknown(&h, table, prefix, unknown);
    }
}

bool hmp_blocks(const char *line)
{
    g_autofree char *unknown = NULL;
    const HmpCommand *table;
    const HmpCommand *c = take_command(&line, &unknown, &table);

    return c && c->blocks;
}
