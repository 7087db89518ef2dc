/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-client.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

struct FakeClient {
    int fd;
    GString *input;
    GPtrArray *lines; /* data lines of the last reply */
};

/* The path of a sanitizer's runtime among the libraries @library needs. */
static char *sanitizer_runtime(const char *library)
{
    g_autofree char *out = NULL;
    g_auto(GStrv) lines = NULL;
    g_auto(GStrv) env = g_environ_unsetenv(g_get_environ(), "LD_PRELOAD");
    const char *argv[] = { "ldd", library, NULL };

    if (!g_spawn_sync(NULL, (char **)argv, env,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                      NULL, &out, NULL, NULL, NULL)) {
        return NULL;
    }
    lines = g_strsplit(out, "\n", -1);
    for (int i = 0; lines[i]; i++) {
        char *path = strstr(lines[i], "=> /");

        if (path && (strstr(lines[i], "libasan.so") ||
                     strstr(lines[i], "libtsan.so"))) {
            path += strlen("=> ");
            return g_strndup(path, strcspn(path, " "));
        }
    }
    return NULL;
}

char *fake_preload(const char *library)
{
    g_autofree char *runtime = sanitizer_runtime(library);
    const char *own = g_getenv("LD_PRELOAD");
    g_autoptr(GString) s = g_string_new(NULL);

    if (own && strstr(own, library)) {
        return g_strdup(own); /* the caller runs on it, too */
    }
    if (runtime) {
        g_string_append_printf(s, "%s:", runtime);
    }
    g_string_append(s, library);
    if (own && *own) {
        g_string_append_printf(s, ":%s", own);
    }
    return g_string_free(g_steal_pointer(&s), FALSE);
}

char **fake_environ(const char *library, const char *control, const char *knobs)
{
    g_autofree char *preload = fake_preload(library);
    char **env = g_get_environ();

    env = g_environ_setenv(env, "LD_PRELOAD", preload, TRUE);
    env = control ? g_environ_setenv(env, "FAKE_VHOST_CONTROL", control, TRUE)
                  : g_environ_unsetenv(env, "FAKE_VHOST_CONTROL");
    return knobs ? g_environ_setenv(env, "FAKE_VHOST", knobs, TRUE)
                 : g_environ_unsetenv(env, "FAKE_VHOST");
}

FakeClient *fake_connect(const char *path)
{
    gint64 end = g_get_monotonic_time() + FAKE_TIMEOUT_MS * 1000;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    FakeClient *c = g_new0(FakeClient, 1);

    g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* There is no event for "the program has come so far". */
    while (connect(c->fd, (void *)&addr, sizeof(addr)) < 0) {
        if (g_get_monotonic_time() > end) {
            g_error("nobody listens at %s: %s", path, g_strerror(errno));
        }
        g_usleep(2000);
    }
    c->input = g_string_new(NULL);
    c->lines = g_ptr_array_new_with_free_func(g_free);
    return c;
}

void fake_disconnect(FakeClient *c)
{
    if (!c) {
        return;
    }
    close(c->fd);
    g_string_free(c->input, TRUE);
    g_ptr_array_unref(c->lines);
    g_free(c);
}

/* The next line, without its end. */
static char *read_line(FakeClient *c, const char *command)
{
    struct pollfd p = { c->fd, POLLIN, 0 };
    char buf[4096], *line;
    const char *end;
    ssize_t n;

    while (!(end = strchr(c->input->str, '\n'))) {
        if (poll(&p, 1, FAKE_TIMEOUT_MS) != 1) {
            g_error("no answer to '%s'", command);
        }
        n = read(c->fd, buf, sizeof(buf));
        if (n <= 0) {
            g_error("'%s': the program has gone", command);
        }
        g_string_append_len(c->input, buf, n);
    }
    line = g_strndup(c->input->str, end - c->input->str);
    g_string_erase(c->input, 0, end - c->input->str + 1);
    return line;
}

static char *G_GNUC_PRINTF(2, 0)
    ask(FakeClient *c, const char *format, va_list va)
{
    g_autofree char *command = g_strdup_vprintf(format, va);
    g_autofree char *text = g_strconcat(command, "\n", NULL);
    size_t len = strlen(text);
    char *line;

    if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len) {
        g_error("'%s': the program has gone", command);
    }
    g_ptr_array_set_size(c->lines, 0);
    while (g_str_has_prefix(line = read_line(c, command), "- ")) {
        g_ptr_array_add(c->lines, g_strdup(line + 2));
        g_free(line);
    }
    return line;
}

char *fake_ctl(FakeClient *c, const char *format, ...)
{
    va_list va;
    char *line;

    va_start(va, format);
    line = ask(c, format, va);
    va_end(va);
    return line;
}

const GPtrArray *fake_lines(FakeClient *c)
{
    return c->lines;
}

int64_t fake_ok(FakeClient *c, const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list va;

    va_start(va, format);
    line = ask(c, format, va);
    va_end(va);
    if (!g_str_has_prefix(line, "OK")) {
        g_error("'%s': %s", format, line);
    }
    return g_ascii_strtoll(line + 2, NULL, 10);
}

int64_t fake_count(FakeClient *c, const char *name)
{
    return fake_ok(c, "count %s", name);
}

/* The value behind " KEY=" in a line, up to the next space; NULL: none. */
static char *value_of(const char *line, const char *key)
{
    g_autofree char *padded = g_strconcat(" ", line, NULL);
    g_autofree char *pattern = g_strdup_printf(" %s=", key);
    const char *at = strstr(padded, pattern);

    return at ? g_strndup(at + strlen(pattern),
                          strcspn(at + strlen(pattern), " "))
              : NULL;
}

static int64_t number_of(const char *line, const char *key)
{
    g_autofree char *value = value_of(line, key);

    return value ? g_ascii_strtoll(value, NULL, 0) : 0;
}

static void record_free(gpointer opaque)
{
    FakeRecord *r = opaque;

    g_free(r->name);
    g_free(r->args);
    g_free(r->out);
    g_free(r);
}

static int errno_of(const char *name)
{
    for (int e = 1; e < 134; e++) {
        const char *n = strerrorname_np(e);

        if (n && strcmp(n, name) == 0) {
            return e;
        }
    }
    return 0;
}

/* NR NAME ARGS -> RESULT [ERRNO] [OUT] */
static FakeRecord *record_new(const char *line)
{
    FakeRecord *r = g_new0(FakeRecord, 1);
    g_auto(GStrv) halves = g_strsplit(line, " -> ", 2);
    g_auto(GStrv) left = NULL, right = NULL;

    if (g_strv_length(halves) != 2) {
        g_error("no trace record: %s", line);
    }
    left = g_strsplit(halves[0], " ", 3);
    right = g_strsplit(halves[1], " ", 2);
    if (g_strv_length(left) != 3 || !right[0]) {
        g_error("no trace record: %s", line);
    }
    r->number = g_ascii_strtoull(left[0], NULL, 10);
    r->name = g_strdup(left[1]);
    r->args = g_strdup(left[2]);
    r->tid = number_of(left[2], "tid");
    r->dev = number_of(left[2], "dev");
    r->result = atoi(right[0]);
    if (r->result < 0) {
        r->error = right[1] ? errno_of(right[1]) : 0;
    }
    r->out = g_strdup(r->result >= 0 && right[1] ? right[1] : "");
    return r;
}

GPtrArray *fake_trace(FakeClient *c)
{
    GPtrArray *records = g_ptr_array_new_with_free_func(record_free);

    fake_ok(c, "trace");
    for (guint i = 0; i < c->lines->len; i++) {
        g_ptr_array_add(records, record_new(c->lines->pdata[i]));
    }
    return records;
}

const FakeRecord *fake_find(const GPtrArray *trace, const char *name)
{
    for (guint i = 0; i < trace->len; i++) {
        const FakeRecord *r = trace->pdata[i];

        if (strcmp(r->name, name) == 0) {
            return r;
        }
    }
    return NULL;
}

static void worker_free(gpointer opaque)
{
    FakeWorkerInfo *w = opaque;

    g_free(w->name);
    g_free(w->queues);
    g_free(w);
}

GPtrArray *fake_workers(FakeClient *c)
{
    GPtrArray *workers = g_ptr_array_new_with_free_func(worker_free);

    fake_ok(c, "workers");
    for (guint i = 0; i < c->lines->len; i++) {
        const char *line = c->lines->pdata[i];
        FakeWorkerInfo *w = g_new0(FakeWorkerInfo, 1);

        w->dev = number_of(line, "dev");
        w->id = number_of(line, "id");
        w->tid = number_of(line, "tid");
        w->name = value_of(line, "name");
        w->queues = value_of(line, "queues");
        g_ptr_array_add(workers, w);
    }
    return workers;
}

int64_t fake_stat(FakeClient *c, int dev, int queue, const char *key)
{
    g_autofree char *prefix = g_strdup_printf("dev=%d queue=%d ", dev, queue);

    fake_ok(c, "stats");
    for (guint i = 0; i < c->lines->len; i++) {
        if (g_str_has_prefix(c->lines->pdata[i], prefix)) {
            return number_of(c->lines->pdata[i], key);
        }
    }
    return 0;
}
