/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pseudo-terminal. The master says nothing when somebody opens the slave, so
 * inotify does; until then output is dropped. Nothing polls.
 */
#include "chardev/char-int.h"
#include "system/machine.h"
#include "util/error.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <termios.h>

typedef struct PtyState {
    int master;     /* owned */
    int slave;      /* owned; held open only if inotify is not to be had */
    int inotify;    /* owned */
    GSource *watch; /* of inotify */
    char name[64];
} PtyState;

static void connect_if_opened(Chardev *chr)
{
    PtyState *s = chr->state;
    struct pollfd p = { .fd = s->master, .events = POLLIN };

    if (!chr->open && poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP)) {
        chardev_connect(chr, s->master, s->master);
    }
}

static bool slave_opened(void *opaque, GIOCondition condition)
{
    Chardev *chr = opaque;
    PtyState *s = chr->state;
    char events[1024];

    while (read(s->inotify, events, sizeof(events)) > 0) {
    }
    connect_if_opened(chr);
    return true;
}

/* The last user of the slave has closed it. Another may have come since. */
static void pty_hangup(Chardev *chr)
{
    chardev_disconnect(chr);
    connect_if_opened(chr);
}

/* The user's terminal program sets what it wants; until then bytes pass as
 * they are. Closing the slave for the first time is what makes the master
 * report "nobody there". */
static int prepare_slave(PtyState *s)
{
    auto_fd slave = open(s->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios t;

    if (slave < 0 || tcgetattr(slave, &t) < 0) {
        return neg_errno(-1);
    }
    cfmakeraw(&t);
    if (tcsetattr(slave, TCSANOW, &t) < 0) {
        return neg_errno(-1);
    }
    s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->inotify < 0 || inotify_add_watch(s->inotify, s->name, IN_OPEN) < 0) {
        close_fd(&s->inotify);
        s->slave = steal_fd(&slave);
    }
    return 0;
}

static int open_master(PtyState *s)
{
    s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->master < 0 || grantpt(s->master) < 0 || unlockpt(s->master) < 0 ||
        ptsname_r(s->master, s->name, sizeof(s->name)) != 0) {
        return neg_errno(-1);
    }
    return chardev_set_nonblock(s->master);
}

static bool pty_open(Chardev *chr, json_object *opts, GError **errp)
{
    PtyState *s = g_new0(PtyState, 1);
    int r;

    s->master = -1;
    s->slave = -1;
    s->inotify = -1;
    chr->state = s;
    r = open_master(s);
    if (r >= 0) {
        r = prepare_slave(s);
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "chardev '%s': cannot open a pty", chr->id);
        return false;
    }
    if (s->inotify >= 0) {
        s->watch = machine_watch_fd(chr->machine, s->inotify, G_IO_IN,
                                    slave_opened, chr);
    }
    fprintf(stderr, "char device redirected to %s (label %s)\n", s->name,
            chr->id);
    connect_if_opened(chr);
    return true;
}

static void pty_close(Chardev *chr)
{
    PtyState *s = chr->state;

    machine_unwatch(&s->watch);
    close_fd(&s->inotify);
    close_fd(&s->slave);
    close_fd(&s->master);
    g_clear_pointer(&chr->state, g_free);
}

static char *pty_filename(const Chardev *chr)
{
    const PtyState *s = chr->state;

    return g_strdup_printf("pty:%s", s->name);
}

static const char *const pty_keys[] = { NULL };

const ChardevBackend chardev_pty = {
    .name = "pty",
    .summary = "a pseudo-terminal, whose name is printed",
    .keys = pty_keys,
    .watch_hangup = true,
    .open = pty_open,
    .close = pty_close,
    .hangup = pty_hangup,
    .filename = pty_filename,
};
