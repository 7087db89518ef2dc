/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chardev/char-int.h"
#include "system/fds.h"
#include "system/machine.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#define READ_MAX 1024 /* bytes of one read */

/* All back ends, in the order of -chardev help. */
static const ChardevBackend *const backends[] = {
    &chardev_file, &chardev_null, &chardev_pty, &chardev_socket, &chardev_stdio,
};

static void update_input(Chardev *chr);

/* --- front end --- */

static const FrontendSlot *focused_slot(const Chardev *chr)
{
    return &chr->front[chr->focus];
}

void chardev_send_event(Chardev *chr, ChardevEvent event)
{
    for (unsigned i = 0; i < CHARDEV_FRONTENDS_MAX; i++) {
        FrontendSlot slot = chr->front[i];
        bool about_input = event == CHARDEV_BREAK || event == CHARDEV_FOCUS;

        if (slot.fe && slot.fe->event && (!about_input || i == chr->focus)) {
            slot.fe->event(slot.opaque, event);
        }
    }
}

static size_t frontend_room(const Chardev *chr)
{
    const FrontendSlot *slot = focused_slot(chr);

    return slot->fe ? slot->fe->can_receive(slot->opaque) : 0;
}

bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque)
{
    unsigned n = chr->mux == MUX_OFF ? 1 : CHARDEV_FRONTENDS_MAX;

    for (unsigned i = 0; i < n; i++) {
        if (chr->front[i].fe) {
            continue;
        }
        chr->front[i] = (FrontendSlot){ fe, opaque };
        if (chr->open && fe->event) {
            fe->event(opaque, CHARDEV_OPENED);
        }
        chardev_accept_input(chr);
        return true;
    }
    return false;
}

void chardev_detach(Chardev *chr, const void *opaque)
{
    for (unsigned i = 0; i < CHARDEV_FRONTENDS_MAX; i++) {
        if (chr->front[i].fe && chr->front[i].opaque == opaque) {
            chr->front[i] = (FrontendSlot){ NULL, NULL };
        }
    }
    if (!chardev_has_frontend(chr)) {
        chr->out_full = false;
    }
    update_input(chr);
}

bool chardev_has_focus(const Chardev *chr, const void *opaque)
{
    return focused_slot(chr)->opaque == opaque;
}

/* --- output --- */

/* Sends what the host takes now: the number of bytes, or -errno if the other
 * side is gone. What a full disk refuses is lost, and counts as sent: there may
 * be room later. */
static ssize_t send_some(int fd, const uint8_t *buf, size_t len)
{
    ssize_t n;

    do {
        n = write(fd, buf, len);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return n;
    }
    switch (errno) {
    case EAGAIN:
        return 0;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return (ssize_t)len;
    default:
        return -errno;
    }
}

static void room_again(Chardev *chr)
{
    if (chr->out_full) {
        chr->out_full = false;
        chardev_send_event(chr, CHARDEV_WRITABLE);
    }
}

/* Nobody reads any more; output is dropped until somebody connects. */
static void end_output(Chardev *chr)
{
    chr->out_fd = -1;
    machine_unwatch(&chr->out_watch);
    g_byte_array_set_size(chr->out, 0);
    room_again(chr);
}

static bool output_ready(void *opaque, GIOCondition condition)
{
    Chardev *chr = opaque;
    ssize_t n = send_some(chr->out_fd, chr->out->data, chr->out->len);

    if (n < 0) {
        end_output(chr);
        return false;
    }
    g_byte_array_remove_range(chr->out, 0, (guint)n);
    if (!chr->out->len) {
        machine_unwatch(&chr->out_watch);
    }
    /* Not for every byte that leaves: a writer should find real room. */
    if (chr->out->len <= CHARDEV_BUFFER_MAX / 2) {
        room_again(chr);
    }
    return true;
}

static size_t send_or_keep(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t taken = 0, n;

    if (chr->out_fd < 0) {
        return len;
    }
    if (!chr->out->len) {
        ssize_t r = send_some(chr->out_fd, buf, len);

        if (r < 0) {
            end_output(chr);
            return len;
        }
        taken = (size_t)r;
    }
    n = MIN(len - taken, CHARDEV_BUFFER_MAX - chr->out->len);
    if (n) {
        g_byte_array_append(chr->out, buf + taken, (guint)n);
        taken += n;
    }
    if (chr->out->len && !chr->out_watch) {
        chr->out_watch = machine_watch_fd(chr->machine, chr->out_fd, G_IO_OUT,
                                          output_ready, chr);
    }
    chr->out_full |= taken < len;
    return taken;
}

size_t chardev_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t taken = send_or_keep(chr, buf, len);

    /* A copy is worth no more: what a disk that hangs or is full has no room
     * for is lost. */
    if (chr->log_fd >= 0 && taken) {
        (void)!write(chr->log_fd, buf, taken);
    }
    return taken;
}

/* Before the end: a console's last lines are worth a moment. */
static void flush_output(Chardev *chr)
{
    int64_t end_us = g_get_monotonic_time() + CHARDEV_FLUSH_MS * 1000;

    while (chr->out_fd >= 0 && chr->out->len) {
        int64_t left_us = end_us - g_get_monotonic_time();
        struct pollfd p = { .fd = chr->out_fd, .events = POLLOUT };

        if (left_us <= 0 || poll(&p, 1, (int)(left_us / 1000) + 1) <= 0) {
            return;
        }
        output_ready(chr, G_IO_OUT);
    }
}

/* --- input --- */

void chardev_deliver_input(Chardev *chr)
{
    while (chr->in_len) {
        FrontendSlot slot = *focused_slot(chr);
        uint8_t buf[CHARDEV_INPUT_MAX];
        size_t n = MIN(frontend_room(chr), chr->in_len);

        if (!n) {
            return;
        }
        /* Taken away first: the front end may ask for more meanwhile. */
        memcpy(buf, chr->in, n);
        chr->in_len -= n;
        memmove(chr->in, chr->in + n, chr->in_len);
        slot.fe->receive(slot.opaque, buf, n);
    }
}

void chardev_keep_input(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t n = MIN(len, sizeof(chr->in) - chr->in_len);

    memcpy(chr->in + chr->in_len, buf, n);
    chr->in_len += n;
}

/* Reads up to @max bytes; -EAGAIN if there are none now, 0 at the end. */
static ssize_t read_some(Chardev *chr, uint8_t *buf, size_t max)
{
    const ChardevFrontend *fe = focused_slot(chr)->fe;
    ssize_t n = chr->backend->is_socket
                    ? chardev_recv(chr, fe && fe->takes_fds, buf, max)
                    : read(chr->in_fd, buf, max);

    if (n >= 0) {
        return n;
    }
    return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
}

static void read_input(Chardev *chr)
{
    uint8_t buf[READ_MAX];
    size_t max = chr->mux == MUX_OFF ? MIN(frontend_room(chr), sizeof(buf))
                                     : sizeof(buf);
    ssize_t n;

    if (!max) {
        return;
    }
    n = read_some(chr, buf, max);
    if (n == 0) {
        chr->backend->hangup(chr);
    } else if (n > 0 && chr->mux != MUX_OFF) {
        chardev_mux_input(chr, buf, (size_t)n);
        chardev_deliver_input(chr);
    } else if (n > 0) {
        focused_slot(chr)->fe->receive(focused_slot(chr)->opaque, buf,
                                       (size_t)n);
    }
}

/* The other side has left while the front end takes nothing: what it wrote is
 * kept as far as there is room. */
static void read_rest(Chardev *chr)
{
    while (chr->in_len < sizeof(chr->in)) {
        ssize_t n = read_some(chr, chr->in + chr->in_len,
                              sizeof(chr->in) - chr->in_len);

        if (n <= 0) {
            break;
        }
        chr->in_len += (size_t)n;
    }
    chr->backend->hangup(chr);
}

static bool input_ready(void *opaque, GIOCondition condition)
{
    Chardev *chr = opaque;

    if (chr->in_condition & G_IO_IN) {
        read_input(chr);
    } else {
        read_rest(chr);
    }
    update_input(chr);
    return true; /* update_input() alone takes watches away */
}

/* Watches for what is wanted now. A multiplexed device reads always, for the
 * sake of its escapes. */
static void update_input(Chardev *chr)
{
    GIOCondition condition = 0;

    if (chr->in_fd >= 0) {
        bool wanted = chr->mux != MUX_OFF ||
                      (!chr->in_len && frontend_room(chr));

        condition = wanted                       ? G_IO_IN | G_IO_HUP | G_IO_ERR
                    : chr->backend->watch_hangup ? G_IO_HUP | G_IO_ERR
                                                 : 0;
    }
    if (condition == chr->in_condition) {
        return;
    }
    machine_unwatch(&chr->in_watch);
    chr->in_condition = condition;
    if (condition) {
        chr->in_watch = machine_watch_fd(chr->machine, chr->in_fd, condition,
                                         input_ready, chr);
    }
}

void chardev_accept_input(Chardev *chr)
{
    chardev_deliver_input(chr);
    update_input(chr);
}

void chardev_drop_input(Chardev *chr)
{
    chr->in_len = 0;
    update_input(chr);
}

/* --- for the back ends --- */

void chardev_connect(Chardev *chr, int in_fd, int out_fd)
{
    assert(!chr->open);
    chr->open = true;
    chr->in_fd = in_fd;
    chr->out_fd = out_fd;
    chardev_send_event(chr, CHARDEV_OPENED);
    update_input(chr);
}

void chardev_end_input(Chardev *chr)
{
    chr->in_fd = -1;
    update_input(chr);
}

void chardev_disconnect(Chardev *chr)
{
    if (!chr->open) {
        return;
    }
    chr->open = false;
    chardev_end_input(chr);
    chardev_drop_fds(chr);
    end_output(chr);
    if (chr->mux == MUX_ESCAPE) {
        chr->mux = MUX_PLAIN;
    }
    chardev_send_event(chr, CHARDEV_CLOSED);
}

bool chardev_opt_bool(json_object *opts, const char *key, bool def,
                      bool *ret_value, GError **errp)
{
    const char *text = keyval_get(opts, key);

    if (!text) {
        *ret_value = def;
        return true;
    }
    if (parse_bool(text, ret_value) < 0) {
        error_setg(errp, "Parameter '%s' expects 'on' or 'off', not '%s'", key,
                   text);
        return false;
    }
    return true;
}

int chardev_set_nonblock(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return neg_errno(-1);
    }
    return 0;
}

int chardev_open_output(Machine *machine, const char *id, const char *path,
                        bool append, ChardevPump **ret_pump, GError **errp)
{
    auto_fd fd = fds_open(machine, path,
                          O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY |
                              (append ? O_APPEND : O_TRUNC),
                          0666);
    int r;

    if (fd < 0) {
        error_setg_errno(errp, -fd, "chardev '%s': cannot open file '%s'", id,
                         path);
        return -1;
    }
    r = chardev_pump_new(&fd, ret_pump);
    if (r < 0) {
        error_setg_errno(errp, -r, "chardev '%s': cannot write to file '%s'",
                         id, path);
        return -1;
    }
    return steal_fd(&fd);
}

/* --- life --- */

static const ChardevBackend *find_backend(const char *name, GError **errp)
{
    NearName near = { .name = name };

    for (unsigned i = 0; i < G_N_ELEMENTS(backends); i++) {
        if (g_str_equal(backends[i]->name, name)) {
            return backends[i];
        }
        near_name_try(&near, backends[i]->name);
    }
    error_setg_near(errp, &near, "; see -chardev help",
                    "'%s' is not a valid char driver name", name);
    return NULL;
}

static bool check_opts(const ChardevBackend *backend, json_object *opts,
                       GError **errp)
{
    static const char *const common[] = { "backend", "id", "mux", "logfile",
                                          "logappend" };
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    g_autofree char *what = g_strdup_printf("chardev '%s'", backend->name);

    for (unsigned i = 0; i < G_N_ELEMENTS(common); i++) {
        g_ptr_array_add(keys, (char *)common[i]);
    }
    for (const char *const *key = backend->keys; *key; key++) {
        g_ptr_array_add(keys, (char *)*key);
    }
    g_ptr_array_add(keys, NULL);
    return keyval_check_keys(opts, what, (const char *const *)keys->pdata,
                             errp);
}

/* logfile= */
static bool open_log(Chardev *chr, json_object *opts, GError **errp)
{
    const char *path = keyval_get(opts, "logfile");
    bool append;

    if (!chardev_opt_bool(opts, "logappend", false, &append, errp)) {
        return false;
    }
    if (path) {
        chr->log_fd = chardev_open_output(chr->machine, chr->id, path, append,
                                          &chr->log_pump, errp);
    }
    return !path || chr->log_fd >= 0;
}

static bool start_writing(Chardev *chr, GError **errp)
{
    int r = chardev_pump_start(chr->pump);

    if (r == 0) {
        r = chardev_pump_start(chr->log_pump);
    }
    if (r < 0) {
        error_setg_errno(errp, -r,
                         "chardev '%s': cannot create the thread that writes "
                         "to its file",
                         chr->id);
    }
    return r == 0;
}

bool chardevs_start(Machine *machine, GError **errp)
{
    for (GSList *l = machine->chardevs; l; l = l->next) {
        if (!start_writing(l->data, errp)) {
            return false;
        }
    }
    return true;
}

Chardev *chardev_new(Machine *machine, json_object *opts, GError **errp)
{
    const char *name = keyval_get(opts, "backend");
    const char *id = keyval_get(opts, "id");
    const ChardevBackend *backend;
    bool mux;
    Chardev *chr;

    if (!name || !id || !*id) {
        error_setg(errp, "chardev: no %s specified", name ? "id" : "backend");
        return NULL;
    }
    if (chardev_find(machine, id)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", id);
        return NULL;
    }
    backend = find_backend(name, errp);
    if (!backend || !check_opts(backend, opts, errp) ||
        !chardev_opt_bool(opts, "mux", false, &mux, errp)) {
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* a reader that leaves is EPIPE */

    chr = g_new0(Chardev, 1);
    chr->machine = machine;
    chr->backend = backend;
    chr->id = g_strdup(id);
    chr->in_fd = -1;
    chr->out_fd = -1;
    chr->log_fd = -1;
    chr->out = g_byte_array_new();
    chr->mux = mux ? MUX_PLAIN : MUX_OFF;
    if (!open_log(chr, opts, errp) || !backend->open(chr, opts, errp) ||
        (machine->tree.started && !start_writing(chr, errp))) {
        chardev_free(chr);
        return NULL;
    }
    machine->chardevs = g_slist_append(machine->chardevs, chr);
    if (!machine->tree.started) {
        machine->threads_to_come += !!chr->pump + !!chr->log_pump;
    }
    return chr;
}

void chardev_free(Chardev *chr)
{
    if (!chr) {
        return;
    }
    chardev_send_event(chr, CHARDEV_GONE);
    memset(chr->front, 0, sizeof(chr->front));
    flush_output(chr);
    chardev_disconnect(chr);
    if (chr->state) {
        chr->backend->close(chr);
    }
    chardev_pump_free(chr->pump);
    chr->machine->chardevs = g_slist_remove(chr->machine->chardevs, chr);
    close_fd(&chr->log_fd);
    chardev_pump_free(chr->log_pump);
    g_byte_array_unref(chr->out);
    g_free(chr->id);
    g_free(chr);
}

Chardev *chardev_find(Machine *machine, const char *id)
{
    for (GSList *l = machine->chardevs; l; l = l->next) {
        Chardev *chr = l->data;

        if (g_str_equal(chr->id, id)) {
            return chr;
        }
    }
    return NULL;
}

const char *chardev_id(const Chardev *chr)
{
    return chr->id;
}

char *chardev_filename(const Chardev *chr)
{
    return chr->backend->filename(chr);
}

bool chardev_has_frontend(const Chardev *chr)
{
    return chr->front[0].fe || chr->front[1].fe;
}

bool chardev_frontend_is_open(const Chardev *chr)
{
    bool open = false;

    for (unsigned i = 0; i < CHARDEV_FRONTENDS_MAX; i++) {
        const FrontendSlot *slot = &chr->front[i];

        open |= slot->fe &&
                (!slot->fe->is_open || slot->fe->is_open(slot->opaque));
    }
    return open;
}

/* --- short forms --- */

/* The rest of @text after @prefix, or NULL. */
static const char *skip_prefix(const char *text, const char *prefix)
{
    return g_str_has_prefix(text, prefix) ? text + strlen(prefix) : NULL;
}

static void set_opt(json_object *opts, const char *key, const char *value)
{
    json_object_object_add(opts, key, json_object_new_string(value));
}

/* A path, which may hold "=", and keys; or keys alone (fd=). */
static json_object *parse_unix(const char *rest, GError **errp)
{
    g_autofree char *key = g_strndup(rest, strcspn(rest, "=,"));
    bool has_key = rest[strlen(key)] == '=' &&
                   g_strv_contains(chardev_socket.keys, key);
    g_autofree char *arg = g_strconcat(has_key ? "" : "path=", rest, NULL);
    json_object *opts = keyval_parse(arg, NULL, errp);

    if (opts) {
        set_opt(opts, "backend", "socket");
    }
    return opts;
}

/* The dictionary that a short form stands for. */
static json_object *parse_short(const char *text, GError **errp)
{
    static const char *const words[] = { "none", "null",  "pty",   "stdio",
                                         "mon:", "file:", "unix:", NULL };
    const char *rest = skip_prefix(text, "unix:");
    json_object *opts;
    NearName near;

    if (rest) {
        return parse_unix(rest, errp);
    }
    opts = json_object_new_object();
    rest = skip_prefix(text, "file:");
    if (rest) {
        set_opt(opts, "backend", "file");
        set_opt(opts, "path", rest);
        return opts;
    }
    if (g_str_equal(text, "stdio") || g_str_equal(text, "null") ||
        g_str_equal(text, "pty")) {
        set_opt(opts, "backend", text);
        return opts;
    }
    json_object_put(opts);
    near = near_name_of(text, words);
    error_setg_near(errp, &near,
                    "; give stdio, mon:stdio, null, none, file:PATH, pty or "
                    "unix:PATH",
                    "'%s' is not a valid character device", text);
    return NULL;
}

bool chardev_new_from_short(Machine *machine, const char *text, const char *id,
                            Chardev **ret_chr, GError **errp)
{
    const char *multiplexed = skip_prefix(text, "mon:");
    auto_json *opts = NULL;
    Chardev *chr;

    if (g_str_equal(text, "none")) {
        *ret_chr = NULL;
        return true;
    }
    opts = parse_short(multiplexed ? multiplexed : text, errp);
    if (!opts) {
        return false;
    }
    set_opt(opts, "id", id);
    if (multiplexed) {
        set_opt(opts, "mux", "on");
        if (g_str_equal(multiplexed, "stdio")) {
            /* Ctrl-C is the guest's; Ctrl-A x ends the program. */
            set_opt(opts, "signal", "off");
        }
    }
    chr = chardev_new(machine, opts, errp);
    if (!chr) {
        return false;
    }
    *ret_chr = chr;
    return true;
}

void chardev_print_backends(FILE *f)
{
    fprintf(f, "Available chardev backend types:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(backends); i++) {
        fprintf(f, "  %-8s %s\n", backends[i]->name, backends[i]->summary);
    }
}
