/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the back ends of character devices share. A back end decides which file
 * descriptors a device talks through and when; reading, writing, buffering and
 * the escapes of mux=on are char.c's.
 *
 *     open -> chardev_connect() <-> chardev_disconnect() -> close
 */
#ifndef CHARDEV_CHAR_INT_H
#define CHARDEV_CHAR_INT_H

#include "chardev/char.h"

#define CHARDEV_INPUT_MAX 4096 /* bytes of input kept for the front end */

typedef struct ChardevBackend {
    const char *name;
    const char *summary;
    const char *const *keys; /* of -chardev, besides the common ones */
    /* Notice that the other side leaves even while the front end takes no
     * input, at the cost of input beyond CHARDEV_INPUT_MAX. */
    bool watch_hangup;
    /* in_fd is a socket: descriptors may come with the input. */
    bool is_socket;

    /* On failure close() undoes the rest. */
    bool (*open)(Chardev *chr, json_object *opts, GError **errp);
    /* Takes a device whose open() failed. */
    void (*close)(Chardev *chr);
    /* Input has ended or failed. */
    void (*hangup)(Chardev *chr);
    /* The caller frees it. */
    char *(*filename)(const Chardev *chr);
} ChardevBackend;

extern const ChardevBackend chardev_null, chardev_file, chardev_stdio,
    chardev_pty, chardev_socket;

/* --- char-pump.c --- */

typedef struct ChardevPump ChardevPump;

#define CHARDEV_PUMP_MAX MiB /* bytes that wait for a disk */

/*
 * If *@fd is a regular file, which cannot be written without waiting for its
 * disk: takes it, and leaves in *@fd the non-blocking end of a pipe, owned by the
 * caller, to the thread that chardev_pump_start() makes. Any other file stays as
 * it is, and *@ret_pump is NULL. Returns 0 or -errno.
 */
int chardev_pump_new(int *fd, ChardevPump **ret_pump);
/* Starts the thread that writes, if there is none. Returns 0 or -errno. Takes
 * NULL. */
int chardev_pump_start(ChardevPump *pump);
/* After the caller has closed the pipe: waits until all is written, at most
 * CHARDEV_FLUSH_MS; a thread that hangs is left alone. Takes NULL. */
void chardev_pump_free(ChardevPump *pump);

typedef enum MuxState {
    MUX_OFF,
    MUX_PLAIN,
    MUX_ESCAPE, /* Ctrl-A was the last byte */
} MuxState;

#define CHARDEV_FRONTENDS_MAX 2

typedef struct FrontendSlot {
    const ChardevFrontend *fe; /* borrowed */
    void *opaque;
} FrontendSlot;

struct Chardev {
    Machine *machine;
    const ChardevBackend *backend;
    char *id;    /* owned */
    void *state; /* the back end's, owned by it */

    /* The second one only with mux=on; .fe is NULL: none attached. */
    FrontendSlot front[CHARDEV_FRONTENDS_MAX];
    unsigned focus; /* which of them gets the input */

    bool open;     /* somebody is connected */
    int in_fd;     /* owned by the back end; -1: no input (any more) */
    int out_fd;    /* owned by the back end; -1: output is dropped */
    bool out_full; /* a writer waits for CHARDEV_WRITABLE */
    GByteArray *out;
    GSource *out_watch;

    MuxState mux;
    uint8_t in[CHARDEV_INPUT_MAX];
    size_t in_len;
    GSource *in_watch;
    GIOCondition in_condition; /* what in_watch waits for */

    int fds[CHARDEV_FDS_MAX]; /* owned; received, the oldest first */
    unsigned n_fds;
    ChardevPump *pump;     /* owned; behind out_fd; or NULL */
    int log_fd;            /* owned; logfile=; -1: none */
    ChardevPump *log_pump; /* owned; behind log_fd; or NULL */
};

/* Somebody is there. @in_fd and @out_fd (non-blocking; -1: none; may be the
 * same) are borrowed until chardev_disconnect(). */
void chardev_connect(Chardev *chr, int in_fd, int out_fd);
/* Nobody is; what waited to be sent is dropped. Fine if nobody was. */
void chardev_disconnect(Chardev *chr);
/* Input is over, output goes on. */
void chardev_end_input(Chardev *chr);

/* read(2) from the socket in_fd, keeping the descriptors that come along if
 * @keep is set. These belong to the one byte that is read then. */
ssize_t chardev_recv(Chardev *chr, bool keep, void *buf, size_t max);
/* Opens @path (or /dev/fdset/N) for output that does not block, emptying it
 * unless @append; @id is the device's, for the message. Returns a descriptor
 * that the caller owns, or -1; *@ret_pump is for chardev_pump_free() after it is
 * closed. */
int chardev_open_output(Machine *machine, const char *id, const char *path,
                        bool append, ChardevPump **ret_pump, GError **errp);

/* To each front end, or for what is about input to the one with the focus. */
void chardev_send_event(Chardev *chr, ChardevEvent event);

/* Gives the front end what was kept for it, as far as it has room. */
void chardev_deliver_input(Chardev *chr);

/* Keeps input for the front end; what is too much is dropped. */
void chardev_keep_input(Chardev *chr, const uint8_t *buf, size_t len);

/* --- char-mux.c --- */

/* Input of a device with mux=on: carries out escapes and keeps the rest. */
void chardev_mux_input(Chardev *chr, const uint8_t *buf, size_t len);

/* The boolean at @key, or @def. */
bool chardev_opt_bool(json_object *opts, const char *key, bool def,
                      bool *ret_value, GError **errp);

/* Makes @fd, which is not shared with other processes, non-blocking and
 * close-on-exec. Returns 0 or -errno. */
int chardev_set_nonblock(int fd);

#endif
