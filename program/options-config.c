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
#include "util/cutils.h"
#include "util/error.h"

#include <fcntl.h>

#define CONFIG_SIZE_MAX (1 * MiB)

/* The options that such a file may have, by QEMU's names of their groups. One
 * that @makes something needs keys; any other without a key says nothing. */
static const struct {
    const char *group, *option;
    bool makes;
} groups[] = {
    { "accel", "accel" },
    { "action", "action" },
    { "add-fd", "add-fd", .makes = true },
    { "audiodev", "audiodev", .makes = true },
    { "boot-opts", "boot" },
    { "chardev", "chardev", .makes = true },
    { "device", "device", .makes = true },
    { "fw_cfg", "fw_cfg", .makes = true },
    { "global", "global", .makes = true },
    { "machine", "machine" },
    { "memory", "m" },
    { "mon", "mon", .makes = true },
    { "msg", "msg" },
    { "name", "name" },
    { "object", "object", .makes = true },
    { "overcommit", "overcommit" },
    { "rtc", "rtc" },
    { "run-with", "run-with" },
    { "smbios", "smbios", .makes = true },
    { "smp-opts", "smp" },
    { "trace", "trace" },
};

typedef struct Config {
    Options *options;
    const char *path;
    unsigned line;
    const char *option; /* of the group that is being read; NULL: none */
    bool needs_keys;    /* that group */
    GString *arg;       /* its argument so far */
} Config;

static bool config_error(const Config *c, GError **errp, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);
static bool config_error(const Config *c, GError **errp, const char *fmt, ...)
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
    return !option || (!c->arg->len && !c->needs_keys) ||
           options_apply(c->options, option, c->arg->str, errp);
}

/* Takes the word at *@p that ends before one of @ends. */
static char *take_word(const char **p, const char *ends)
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
    g_autofree char *group = take_word(&p, " \t\r]\"");
    g_autofree char *id = NULL;

    if (!end_group(c, errp)) {
        return false;
    }
    p = skip_blanks(p);
    if (*p == '"') {
        p++;
        id = take_word(&p, "\"");
        p = skip_blanks(p + (*p == '"'));
    }
    if (*p != ']' || !is_end(p + 1)) {
        return config_error(c, errp, "[GROUP] or [GROUP \"ID\"] is expected");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++) {
        if (g_str_equal(groups[i].group, group)) {
            c->option = groups[i].option;
            c->needs_keys = groups[i].makes;
        }
    }
    if (!c->option) {
        return config_error(c, errp, "There is no option group '%s'", group);
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
    g_autofree char *key = take_word(&p, " \t\r=");
    g_autofree char *value = NULL;

    if (!c->option) {
        return config_error(c, errp, "no group defined");
    }
    p = skip_blanks(p);
    if (!*key || *p != '=') {
        return config_error(c, errp, "KEY = \"VALUE\" is expected");
    }
    p = skip_blanks(p + 1);
    if (*p != '"') {
        return config_error(c, errp, "KEY = \"VALUE\" is expected");
    }
    p++;
    value = take_word(&p, "\"");
    if (*p != '"' || !is_end(p + 1)) {
        return config_error(c, errp, "KEY = \"VALUE\" is expected");
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

/* It may be a pipe or a device that never ends. */
char *option_read_file(const char *option, const char *path, size_t max,
                       size_t *ret_len, GError **errp)
{
    g_autofree char *content = g_malloc(max + 2);
    auto_fd fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
    size_t len = 0;
    ssize_t n = 1;

    if (fd < 0) {
        error_setg_errno(errp, -fd, "%s: cannot open '%s'", option, path);
        return NULL;
    }
    while (n != 0 && len <= max) {
        n = read(fd, content + len, max + 1 - len);
        if (n < 0 && errno != EINTR) {
            error_setg_errno(errp, errno, "%s: cannot read '%s'", option, path);
            return NULL;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    content[len] = '\0';
    *ret_len = len;
    return g_steal_pointer(&content);
}

bool option_readconfig(Options *o, const char *arg, GError **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *content = NULL;
    g_auto(GStrv) lines = NULL;
    Config c = { .options = o, .path = arg, .arg = text };
    size_t len;

    content = option_read_file("-readconfig", arg, CONFIG_SIZE_MAX, &len, errp);
    if (!content) {
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
