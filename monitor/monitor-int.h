/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside monitor/, from below: qmp-commands.c is the table of commands;
 * monitor.c moves bytes between character device and session and holds input
 * back; qmp.c and hmp-session.c are the two kinds of session. Machine lock
 * throughout.
 */
#ifndef MONITOR_INT_H
#define MONITOR_INT_H

#include "monitor/monitor.h"
#include "chardev/char.h"
#include "qapi/schema.h"
#include "system/machine.h"

typedef struct MonitorJob MonitorJob;
typedef struct Monitor Monitor;

#define UTF8_BYTES_MAX 4 /* of a character */

/* What a session does, which begins with a Monitor. */
typedef struct MonitorOps {
    bool takes_fds; /* descriptors may come with the input */
    /* Frees the whole session. */
    void (*free)(Monitor *mon);
    /* A client has come. */
    void (*open)(Monitor *mon);
    /* The client turns to this monitor; it may turn to another front end of
     * the device. */
    void (*focus)(Monitor *mon);
    /* How many of @len bytes input() may look at: at most UTF8_BYTES_MAX - 1
     * are left. */
    size_t (*ready)(const char *data, size_t len);
    /* Looks at @len bytes, stops after one request and returns how many it
     * took. */
    size_t (*input)(Monitor *mon, const char *data, size_t len);
    void (*event)(Monitor *mon, const char *name, json_object *data);
} MonitorOps;

struct Monitor {
    const MonitorOps *ops;
    Machine *machine;
    Chardev *chr; /* borrowed; NULL once it is gone */
    bool open;    /* a client is there */

    GByteArray *in;   /* came and is not looked at yet */
    GString *out;     /* waits to be sent ... */
    size_t out_start; /* ... from here on */
    bool processing;  /* within process_input(): not entered again */

    MonitorJob *job;  /* the control thread works for this monitor; or NULL */
    GSource *timeout; /* of it */
    GSource *resume;  /* goes on with the input; NULL: not scheduled */

    EventListener listener;
};

/* --- monitor.c --- */

/* Begins to serve @chr with a session that is ready and whose monitor is @mon.
 * On failure the session is freed. */
bool monitor_serve(Monitor *mon, const MonitorOps *ops, Machine *machine,
                   Chardev *chr, GError **errp);

/* Sends, or keeps until the client reads. */
void monitor_write(Monitor *mon, const char *text, size_t len);

/* Bytes that wait to be read by the client. */
size_t monitor_pending(const Monitor *mon);

/* --- commands --- */

typedef json_object *QmpHandler(Machine *machine, json_object *args,
                                GError **errp);
/* For a command about the session itself. */
typedef json_object *QmpSessionHandler(Monitor *mon, json_object *args,
                                       GError **errp);

/* One row: exactly one of the two handlers. Answers a new reference; an empty
 * object if the schema has no return type. */
typedef struct QmpRow {
    const char *name; /* NULL ends the table */
    QmpHandler *handler;
    QmpSessionHandler *session_handler;
} QmpRow;

extern const QmpRow qmp_rows[];
const QmpRow *qmp_find_row(const char *name);

/* Runs a command whose arguments are checked here. @args is borrowed and may be
 * NULL; @mon is NULL for a command that is not about a session. What may block
 * must be called by the control thread. */
json_object *qmp_call(Machine *machine, Monitor *mon, const char *name,
                      json_object *args, GError **errp);

/* Carries out a line of the readline monitor; returns what it prints, which
 * the caller frees. @history may be NULL. A line that blocks belongs into the
 * control thread. */
char *hmp_execute(Machine *machine, const char *line, const GPtrArray *history);
char **hmp_complete_line(Machine *machine, const char *line);

/* --- work in the control thread --- */

/* What monitor_run_in_control() does. @work is called by the control thread,
 * @done by whoever finds that it is over; none of them once the client has left,
 * but @free_opaque always. */
typedef struct MonitorTask {
    const char *what; /* for the message; borrowed from @opaque or constant */
    /* The lane of the ControlJob as things are now; NULL: of no lane. */
    const void *(*lane)(Machine *machine, void *opaque);
    json_object *(*work)(Machine *machine, void *opaque, GError **errp);
    /* Exactly one of @ret (borrowed) and @err is given. */
    void (*done)(Monitor *mon, void *opaque, json_object *ret,
                 const GError *err);
    void *opaque;
    GDestroyNotify free_opaque;
} MonitorTask;

/* The monitor takes no input until task->done, which comes after
 * MONITOR_WAIT_SECONDS at the latest, with an error: work that has not begun is
 * then dropped, other work learns of it by control_job_refused(). */
void monitor_run_in_control(Monitor *mon, const MonitorTask *task);

#endif
