/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: where a serial port or a monitor talks to the host.
 * Back ends: null, stdio, file, pty, socket (unix). Each runs in the main
 * loop; output never blocks the caller: what the host does not take at once
 * waits in a buffer of CHARDEV_BUFFER_MAX bytes; when that is full
 * chardev_write() takes less and CHARDEV_WRITABLE tells when to go on.
 *
 * With mux=on a device knows the escapes of Ctrl-A: x ends the program, b sends
 * a break, h lists them. They work even while the guest takes no input.
 */
#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include <json-c/json.h>

typedef struct Machine Machine;
typedef struct Chardev Chardev;

#define CHARDEV_BUFFER_MAX 65536 /* bytes of output that wait for the host */

typedef enum ChardevEvent {
    CHARDEV_OPENED, /* a client has come, or the back end is ready */
    CHARDEV_CLOSED, /* the client has left */
    CHARDEV_BREAK,  /* Ctrl-A b */
    CHARDEV_FOCUS,  /* Ctrl-A c: this front end gets the input now */
    /* There is room again after chardev_write() took less than it was given,
     * or nobody listens any more. */
    CHARDEV_WRITABLE,
    /* The device is being freed: the front end must forget it. */
    CHARDEV_GONE,
} ChardevEvent;

typedef struct ChardevFrontend {
    /* How many bytes receive() takes now; 0 holds input back until
     * chardev_accept_input(). */
    size_t (*can_receive)(void *opaque);
    void (*receive)(void *opaque, const uint8_t *buf, size_t len);
    void (*event)(void *opaque, ChardevEvent event); /* may be NULL */
    /* Whether somebody is behind it, as query-chardev says. NULL: always. */
    bool (*is_open)(void *opaque);
    /* Descriptors that come with the input are kept for chardev_take_fd();
     * otherwise they are closed. */
    bool takes_fds;
} ChardevFrontend;

/*
 * Makes a character device from a dictionary: "backend", "id" and the back
 * end's own keys (-chardev BACKEND,id=ID,...), checked by the back end.
 * Machine lock. The caller frees it with chardev_free(). A pty prints its name
 * on stderr, as QEMU does. A socket server with wait=on (the default) returns
 * when a client has connected, or fails when a signal arrives. Ignores SIGPIPE
 * from then on.
 */
Chardev *chardev_new(Machine *machine, json_object *opts, GError **errp);

/* The short form of -serial, -monitor, -qmp: "stdio", "mon:stdio", "null",
 * "none", "file:PATH", "pty", "unix:PATH,server=on,wait=off" with the keys of
 * -chardev socket ("unix:fd=5,server=on"); "chardev:ID" is
 * not handled here. *ret_chr is NULL for "none". */
bool chardev_new_from_short(Machine *machine, const char *text, const char *id,
                            Chardev **ret_chr, GError **errp);

/* The short form "chardev:ID" and the property chardev= of a device. NULL if
 * there is none. */
Chardev *chardev_find(Machine *machine, const char *id);

/* Starts the threads that write to regular files, before the machine starts and
 * after rights were given up, which a thread that is there would keep. Later
 * devices start theirs themselves. Machine lock. */
bool chardevs_start(Machine *machine, GError **errp);

/* Sends what waits (for at most CHARDEV_FLUSH_MS), restores the terminal,
 * closes what it opened. Takes NULL. Before machine_free(). Machine lock. */
#define CHARDEV_FLUSH_MS 1000
void chardev_free(Chardev *chr);

/* Connects the front end (@fe is const data, borrowed). A character device has
 * one front end, with mux=on two; returns false if there is no room for another.
 * Machine lock. */
bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque);
/* Takes the one with @opaque away. */
void chardev_detach(Chardev *chr, const void *opaque);
/* Whether the front end with @opaque is the one that gets the input. */
bool chardev_has_focus(const Chardev *chr, const void *opaque);

/* Sends @len bytes and returns how many were taken: less than @len only when
 * the buffer is full. With nobody connected they are dropped (and count as
 * taken). Machine lock. */
size_t chardev_write(Chardev *chr, const uint8_t *buf, size_t len);

/* The oldest of the descriptors that the client of a socket has sent, which the
 * caller owns from then on, or -1. At most CHARDEV_FDS_MAX wait; more are
 * closed as they come, and all when the client leaves. Machine lock. */
#define CHARDEV_FDS_MAX 16
int chardev_take_fd(Chardev *chr);
/* Closes those that nobody has taken, which came with what receive() has got.
 * Machine lock. */
void chardev_drop_fds(Chardev *chr);

/* The front end has room again. Machine lock. */
void chardev_accept_input(Chardev *chr);

/* Forgets input that was kept for want of room: for a front end whose clients
 * have nothing to do with each other, when one has left. Machine lock. */
void chardev_drop_input(Chardev *chr);

const char *chardev_id(const Chardev *chr);
/* As query-chardev shows it: "pty:/dev/pts/3", "file", "unix:/x,server=on".
 * The caller frees it. */
char *chardev_filename(const Chardev *chr);
/* Whether something in the machine uses it. */
bool chardev_has_frontend(const Chardev *chr);
/* Whether that, or one of those, is open. */
bool chardev_frontend_is_open(const Chardev *chr);

/* -chardev help. */
void chardev_print_backends(FILE *f);

#endif
