/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unix stream socket: a server at path= or on a listening socket that was
 * passed as fd=, or a client. A server has one client at a time; the next one
 * waits in the kernel's queue until the first leaves.
 */
#include "chardev/char-int.h"
#include "system/fds.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/keyval.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define RETRY_SECONDS 1

typedef struct SocketState {
    bool server;
    int listen_fd; /* owned; -1 for a client */
    int fd;        /* owned; the connection */
    int short_of;  /* why no client can be accepted: -errno, or 0 */
    char *path;    /* owned; NULL: fd= */
    char *bound;   /* owned; absolute; ours to remove while it is this file: */
    dev_t dev;
    ino_t ino;
    GSource *watch; /* of listen_fd, while there is no client */
    GSource *retry; /* instead of it, while no client can be accepted */
} SocketState;

static char *socket_filename(const Chardev *chr)
{
    const SocketState *s = chr->state;

    return g_strdup_printf(
        "%sunix:%s%s", chr->open ? "" : "disconnected:", s->path ? s->path : "",
        s->server ? ",server=on" : "");
}

/* --- server --- */

static void watch_for_client(Chardev *chr);

static gboolean retry_accept(gpointer opaque)
{
    Chardev *chr = opaque;
    SocketState *s = chr->state;

    machine_unwatch(&s->retry);
    watch_for_client(chr);
    return G_SOURCE_REMOVE;
}

/* The client stays in the queue, so that its watch would fire at once. */
static void postpone_accept(Chardev *chr)
{
    SocketState *s = chr->state;

    machine_unwatch(&s->watch);
    s->retry = g_timeout_source_new_seconds(RETRY_SECONDS);
    g_source_set_callback(s->retry, retry_accept, chr, NULL);
    g_source_attach(s->retry, chr->machine->context);
}

/* Returns 0 if a client is connected now, or -errno. */
static int accept_client(Chardev *chr)
{
    SocketState *s = chr->state;

    s->fd = neg_errno(
        accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (s->fd < 0) {
        int r = s->fd;

        s->fd = -1;
        return r;
    }
    machine_unwatch(&s->watch);
    s->short_of = 0;
    chardev_connect(chr, s->fd, s->fd);
    return 0;
}

/* Whether -errno @r of accept() says that we lack something, and not that the
 * client has gone again. Says so once. */
static bool is_shortage(Chardev *chr, int r)
{
    SocketState *s = chr->state;

    if (r != -EMFILE && r != -ENFILE && r != -ENOBUFS && r != -ENOMEM) {
        return false;
    }
    if (s->short_of != r) {
        warn_report("chardev '%s': cannot accept a client: %s; it waits",
                    chr->id, g_strerror(-r));
    }
    s->short_of = r;
    return true;
}

static bool client_waits(void *opaque, GIOCondition condition)
{
    if (is_shortage(opaque, accept_client(opaque))) {
        postpone_accept(opaque);
    }
    return true;
}

static void watch_for_client(Chardev *chr)
{
    SocketState *s = chr->state;

    s->watch = machine_watch_fd(chr->machine, s->listen_fd, G_IO_IN,
                                client_waits, chr);
}

#define WAIT_SLICE_MS 200

/* Whether one of the signals has come that main() will end for: they are
 * blocked, so that only asking shows them. */
static bool end_is_asked_for(void)
{
    sigset_t pending;

    sigemptyset(&pending);
    (void)sigpending(&pending);
    return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
           sigismember(&pending, SIGHUP);
}

/* Blocks until a client has come. A signal must be able to end this. */
static bool wait_for_client(Chardev *chr, GError **errp)
{
    SocketState *s = chr->state;
    g_autofree char *name = socket_filename(chr);
    int r;

    fprintf(stderr, "%s: info: QEMU waiting for connection on: %s\n",
            g_get_prgname() ? g_get_prgname() : "qemu", name);
    while ((r = accept_client(chr)) < 0) {
        /* Nothing but time helps against a shortage. */
        struct pollfd p = { .fd = is_shortage(chr, r) ? -1 : s->listen_fd,
                            .events = POLLIN };

        (void)poll(&p, 1, WAIT_SLICE_MS);
        if (end_is_asked_for()) {
            error_setg(errp, "chardev '%s': no client has connected", chr->id);
            return false;
        }
    }
    return true;
}

static void socket_hangup(Chardev *chr)
{
    SocketState *s = chr->state;

    chardev_disconnect(chr);
    close_fd(&s->fd);
    if (s->server) {
        watch_for_client(chr);
    }
}

/* --- opening --- */

static bool fill_address(struct sockaddr_un *addr, const char *path,
                         GError **errp)
{
    *addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(addr->sun_path)) {
        error_setg(errp,
                   "UNIX socket path '%s' is too long; "
                   "Path must be less than %zu bytes",
                   path, sizeof(addr->sun_path));
        return false;
    }
    memcpy(addr->sun_path, path, strlen(path) + 1);
    return true;
}

static int bind_path(SocketState *s, const struct sockaddr_un *addr)
{
    struct stat st;

    /* A socket that a run before this one left behind. Anything else stays,
     * and bind() complains. */
    if (lstat(s->path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(s->path);
    }
    if (bind(s->listen_fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
        return neg_errno(-1);
    }
    if (lstat(s->path, &st) == 0) {
        s->bound = g_canonicalize_filename(s->path, NULL);
        s->dev = st.st_dev;
        s->ino = st.st_ino;
    }
    return neg_errno(listen(s->listen_fd, 1));
}

static bool open_path(Chardev *chr, const char *path, GError **errp)
{
    SocketState *s = chr->state;
    struct sockaddr_un addr;
    int fd, r;

    s->path = g_strdup(path);
    if (!fill_address(&addr, path, errp)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_setg_errno(errp, errno, "chardev '%s': cannot make a socket",
                         chr->id);
        return false;
    }
    if (s->server) {
        s->listen_fd = fd;
        r = bind_path(s, &addr);
    } else {
        s->fd = fd;
        r = neg_errno(
            connect(fd, (const struct sockaddr *)&addr, sizeof(addr)));
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "Failed to %s '%s'",
                         s->server ? "bind socket to" : "connect to", path);
        return false;
    }
    return true;
}

/* A socket that the caller of the program passed. */
static bool open_fd(Chardev *chr, const char *text, GError **errp)
{
    SocketState *s = chr->state;
    int listening = 0, type = 0;
    socklen_t len = sizeof(int);
    int fd = fds_find_inherited(text);

    if (fd < 0) {
        g_autofree char *what = g_strdup_printf("chardev '%s': fd", chr->id);

        fds_inherited_error(errp, what, text, fd);
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0) {
        error_setg(errp,
                   "chardev '%s': file descriptor %s is not a stream socket",
                   chr->id, text);
        return false;
    }
    if (!listening == s->server) {
        error_setg(
            errp, "chardev '%s': socket %s is%s listening: give server=%s",
            chr->id, text, listening ? "" : " not", listening ? "on" : "off");
        return false;
    }
    fds_claim(fd);
    *(s->server ? &s->listen_fd : &s->fd) = fd;
    return true;
}

static const char *const socket_keys[] = {
    "path", "fd", "server", "wait", "reconnect", NULL,
};

static bool check_keys(Chardev *chr, json_object *opts, GError **errp)
{
    const char *path = keyval_get(opts, "path");
    const char *fd = keyval_get(opts, "fd");
    const char *reconnect = keyval_get(opts, "reconnect");

    if (!path == !fd || (path && !*path)) {
        error_setg(errp,
                   "chardev '%s': socket: give either path= (a unix socket) or "
                   "fd= (a socket that is open already)",
                   chr->id);
        return false;
    }
    if (reconnect && !g_str_equal(reconnect, "0")) {
        error_setg(errp, "chardev '%s': reconnect= is not supported", chr->id);
        return false;
    }
    return true;
}

static bool socket_start(Chardev *chr, bool wait, GError **errp)
{
    SocketState *s = chr->state;
    int r = chardev_set_nonblock(s->server ? s->listen_fd : s->fd);

    if (r < 0) {
        error_setg_errno(errp, -r, "chardev '%s': socket", chr->id);
        return false;
    }
    if (!s->server) {
        chardev_connect(chr, s->fd, s->fd);
        return true;
    }
    if (wait) {
        return wait_for_client(chr, errp);
    }
    watch_for_client(chr);
    return true;
}

static bool socket_open(Chardev *chr, json_object *opts, GError **errp)
{
    SocketState *s = g_new0(SocketState, 1);
    const char *path = keyval_get(opts, "path");
    const char *fd = keyval_get(opts, "fd");
    bool wait;

    s->listen_fd = -1;
    s->fd = -1;
    chr->state = s;
    if (!check_keys(chr, opts, errp) ||
        !chardev_opt_bool(opts, "server", false, &s->server, errp) ||
        !chardev_opt_bool(opts, "wait", s->server, &wait, errp)) {
        return false;
    }
    if (wait && !s->server) {
        error_setg(errp, "'wait' option is incompatible with socket in client "
                         "connect mode");
        return false;
    }
    if (!(path ? open_path(chr, path, errp) : open_fd(chr, fd, errp))) {
        return false;
    }
    return socket_start(chr, wait, errp);
}

static void socket_close(Chardev *chr)
{
    SocketState *s = chr->state;
    struct stat st;

    machine_unwatch(&s->watch);
    machine_unwatch(&s->retry);
    close_fd(&s->fd);
    close_fd(&s->listen_fd);
    if (s->bound && lstat(s->bound, &st) == 0 && st.st_dev == s->dev &&
        st.st_ino == s->ino) {
        unlink(s->bound);
    }
    g_free(s->bound);
    g_free(s->path);
    g_clear_pointer(&chr->state, g_free);
}

const ChardevBackend chardev_socket = {
    .name = "socket",
    .summary = "a unix socket: path= or fd=, server=on|off, wait=on|off",
    .keys = socket_keys,
    .watch_hangup = true,
    .is_socket = true,
    .open = socket_open,
    .close = socket_close,
    .hangup = socket_hangup,
    .filename = socket_filename,
};
