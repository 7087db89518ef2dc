/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back ends that need no set-up: stdio, file and null. */
#include "chardev/char-int.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/keyval.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>

/* --- null --- */

static const char *const no_keys[] = { NULL };

static bool null_open(Chardev *chr, json_object *opts, GError **errp)
{
    chardev_connect(chr, -1, -1);
    return true;
}

static void do_nothing(Chardev *chr)
{
}

static char *null_filename(const Chardev *chr)
{
    return g_strdup("null");
}

const ChardevBackend chardev_null = {
    .name = "null",
    .summary = "drops output, has no input",
    .keys = no_keys,
    .open = null_open,
    .close = do_nothing,
    .hangup = do_nothing,
    .filename = null_filename,
};

/* --- file --- */

typedef struct FileState {
    int fd; /* owned */
} FileState;

static bool file_open(Chardev *chr, json_object *opts, GError **errp)
{
    const char *path = keyval_get(opts, "path");
    FileState *s = g_new0(FileState, 1);
    bool append;

    s->fd = -1;
    chr->state = s;
    if (!path || !*path) {
        error_setg(
            errp, "chardev '%s': file: no path specified: give path=", chr->id);
        return false;
    }
    if (!chardev_opt_bool(opts, "append", false, &append, errp)) {
        return false;
    }
    s->fd = chardev_open_output(chr->machine, chr->id, path, append, &chr->pump,
                                errp);
    if (s->fd < 0) {
        return false;
    }
    chardev_connect(chr, -1, s->fd);
    return true;
}

static void file_close(Chardev *chr)
{
    FileState *s = chr->state;

    close_fd(&s->fd);
    g_clear_pointer(&chr->state, g_free);
}

static char *file_filename(const Chardev *chr)
{
    return g_strdup("file");
}

static const char *const file_keys[] = { "path", "append", NULL };

const ChardevBackend chardev_file = {
    .name = "file",
    .summary = "writes to path=, after what is there with append=on",
    .keys = file_keys,
    .open = file_open,
    .close = file_close,
    .hangup = do_nothing,
    .filename = file_filename,
};

/* --- stdio --- */

typedef struct StdioEnd {
    int fd;        /* owned */
    int std_fd;    /* whose flags were changed; -1: none */
    int std_flags; /* what they were */
} StdioEnd;

typedef struct StdioState {
    StdioEnd in, out;
    bool raw; /* the terminal was changed */
    struct termios saved;
} StdioState;

/*
 * A descriptor of our own for standard input or output that does not block.
 * O_NONBLOCK belongs to the open file, which we share with the shell and all
 * its children, so the file is opened anew where that is possible (terminals,
 * pipes). For a regular file that changes nothing, and a second open would have a
 * position of its own. What remains (sockets, somebody else's terminal) is changed for
 * the time being.
 */
static int open_end(StdioEnd *end, int std_fd, int access)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", std_fd);
    struct stat st;

    if (fstat(std_fd, &st) < 0) {
        return neg_errno(-1);
    }
    if (!S_ISREG(st.st_mode)) {
        end->fd = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (end->fd >= 0) {
            return 0;
        }
    }
    end->fd = fcntl(std_fd, F_DUPFD_CLOEXEC, 3);
    if (end->fd < 0) {
        return neg_errno(-1);
    }
    if (!S_ISREG(st.st_mode)) {
        end->std_flags = fcntl(std_fd, F_GETFL);
        if (end->std_flags < 0) {
            return neg_errno(-1);
        }
        end->std_fd = std_fd;
        fcntl(std_fd, F_SETFL, end->std_flags | O_NONBLOCK);
    }
    return 0;
}

static void close_end(StdioEnd *end)
{
    close_fd(&end->fd);
    if (end->std_fd >= 0) {
        fcntl(end->std_fd, F_SETFL, end->std_flags);
        end->std_fd = -1;
    }
}

/* Every key goes to the guest as it is typed; with @signals Ctrl-C and Ctrl-Z
 * keep their meaning. Output stays processed, so that our own messages look
 * right. */
static void make_raw(StdioState *s, bool signals)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &s->saved) < 0) {
        return; /* not a terminal */
    }
    t = s->saved;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
                             ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        t.c_lflag &= ~(tcflag_t)ISIG;
    }
    t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    t.c_cflag |= CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

static bool stdio_taken(const Chardev *chr)
{
    for (GSList *l = chr->machine->chardevs; l; l = l->next) {
        const Chardev *other = l->data;

        if (other->backend == &chardev_stdio) {
            return true;
        }
    }
    return false;
}

static bool stdio_open(Chardev *chr, json_object *opts, GError **errp)
{
    StdioState *s = g_new0(StdioState, 1);
    bool signals;
    int r;

    s->in = (StdioEnd){ -1, -1, 0 };
    s->out = (StdioEnd){ -1, -1, 0 };
    chr->state = s;
    if (stdio_taken(chr)) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    if (!chardev_opt_bool(opts, "signal", true, &signals, errp)) {
        return false;
    }
    r = open_end(&s->out, STDOUT_FILENO, O_WRONLY);
    if (r == 0) {
        r = chardev_pump_new(&s->out.fd, &chr->pump);
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "chardev '%s': cannot use standard output",
                         chr->id);
        return false;
    }
    /* Without standard input there is a console that only shows. */
    (void)open_end(&s->in, STDIN_FILENO, O_RDONLY);
    make_raw(s, signals);
    chardev_connect(chr, s->in.fd, s->out.fd);
    return true;
}

static void stdio_close(Chardev *chr)
{
    StdioState *s = chr->state;

    if (s->raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
    }
    close_end(&s->in);
    close_end(&s->out);
    g_clear_pointer(&chr->state, g_free);
}

static char *stdio_filename(const Chardev *chr)
{
    return g_strdup("stdio");
}

static const char *const stdio_keys[] = { "signal", NULL };

const ChardevBackend chardev_stdio = {
    .name = "stdio",
    .summary = "standard input and output; signal=off gives Ctrl-C to the "
               "guest",
    .keys = stdio_keys,
    .open = stdio_open,
    .close = stdio_close,
    .hangup = chardev_end_input,
    .filename = stdio_filename,
};
