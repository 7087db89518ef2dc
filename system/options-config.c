/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -readconfig: options from a file of groups,
 *
 *     # comment
 *     [device "disk"]
 *       driver = "vhost-scsi-pci"
 *       wwpn = "naa.5001405bd1f60000"
 *
 * each of which is one option of the command line. */
#include "options-int.h"
#include "util/error.h"

#define CONFIG_SIZE_MAX (1 * MiB)

/* The options that such a file may have, by QEMU's names of their groups. */
static const struct {
    const char *group, *option;
} groups[] = {
    { "accel", "accel" },
    { "action", "action" },
    { "add-fd", "add-fd" },
    { "audiodev", "audiodev" },
    { "boot-opts", "boot" },
    { "chardev", "chardev" },
    { "device", "device" },
    { "global", "global" },
    { "machine", "machine" },
    { "memory", "m" },
    { "mon", "mon" },
    { "msg", "msg" },
    { "name", "name" },
    { "object", "object" },
    { "overcommit", "overcommit" },
    { "rtc", "rtc" },
    { "smp-opts", "smp" },
    { "trace", "trace" },
};

typedef struct Config {
    Options *options;
    const char *path;
    unsigned line;
    const char *option; /* of the group that is being read; NULL: none */
    GString *arg;       /* its argument so far */
} Config;

static bool fail(const Config *c, GError **errp, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
static bool fail(const Config *c, GError **errp, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(errp, "-readconfig: %s:%u: %s", c->path, c->line, text);
    return false;
}

/* Adds key=value to the argument; a comma is written twice there. */
static void add_value(Config *c, const char *key, const char *value)
{
    g_string_append_printf(c->arg, "%s%s=", c->arg->len ? "," : "", key);
    for (const char *p = value; *p; p++) {
        g_string_append(c->arg, *p == ',' ? "," : "");
        g_string_append_c(c->arg, *p);
    }
}

static bool end_group(Config *c, GError **errp)
{
    const char *option = c->option;

    c->option = NULL;
    return !option || options_apply(c->options, option, c->arg->str, errp);
}

/* Takes the word at *@p that ends before one of @ends. */
static char *take(const char **p, const char *ends)
{
    size_t len = strcspn(*p, ends);
    char *word = g_strndup(*p, len);

    *p += len;
    return word;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r");
}

static bool is_end(const char *p)
{
    p = skip_blanks(p);
    return !*p || *p == '#';
}

/* [group] or [group "id"] */
static bool begin_group(Config *c, const char *line, GError **errp)
{
    const char *p = line + 1;
    g_autofree char *group = take(&p, " \t\r]\"");
    g_autofree char *id = NULL;

    if (!end_group(c, errp)) {
        return false;
    }
    p = skip_blanks(p);
    if (*p == '"') {
        p++;
        id = take(&p, "\"");
        p = skip_blanks(p + (*p == '"'));
    }
    if (*p != ']' || !is_end(p + 1)) {
        return fail(c, errp, "[GROUP] or [GROUP \"ID\"] is expected");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (g_str_equal(groups[i].group, group)) {
            c->option = groups[i].option;
        }
    }
    if (!c->option) {
        return fail(c, errp, "There is no option group '%s'", group);
    }
    g_string_truncate(c->arg, 0);
    if (id) {
        add_value(c, "id", id);
    }
    return true;
}

/* key = "value" */
static bool read_value(Config *c, const char *line, GError **errp)
{
    const char *p = line;
    g_autofree char *key = take(&p, " \t\r=");
    g_autofree char *value = NULL;

    if (!c->option) {
        return fail(c, errp, "no group defined");
    }
    p = skip_blanks(p);
    if (!*key || *p != '=') {
        return fail(c, errp, "KEY = \"VALUE\" is expected");
    }
    p = skip_blanks(p + 1);
    if (*p != '"') {
        return fail(c, errp, "KEY = \"VALUE\" is expected");
    }
    p++;
    value = take(&p, "\"");
    if (*p != '"' || !is_end(p + 1)) {
        return fail(c, errp, "KEY = \"VALUE\" is expected");
    }
    add_value(c, key, value);
    return true;
}

static bool read_line(Config *c, const char *line, GError **errp)
{
    line = skip_blanks(line);
    if (is_end(line)) {
        return true;
    }
    return *line == '[' ? begin_group(c, line, errp)
                        : read_value(c, line, errp);
}

bool option_readconfig(Options *o, const char *arg, GError **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) err = NULL;
    g_autofree char *content = NULL;
    g_auto(GStrv) lines = NULL;
    Config c = { .options = o, .path = arg, .arg = text };
    gsize len;

    if (!g_file_get_contents(arg, &content, &len, &err)) {
        error_setg(errp, "-readconfig: %s", err->message);
        return false;
    }
    if (len > CONFIG_SIZE_MAX || memchr(content, '\0', len)) {
        error_setg(errp, "-readconfig: '%s' is no file of options", arg);
        return false;
    }
    lines = g_strsplit(content, "\n", 0);
    for (char **line = lines; *line; line++) {
        c.line++;
        if (!read_line(&c, *line, errp)) {
            return false;
        }
    }
    return end_group(&c, errp);
}
