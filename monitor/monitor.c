/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor-int.h"
#include "util/error.h"
#include "util/log.h"

#define READ_ROOM 4096 /* bytes taken at once */

struct MonitorJob {
    ControlJob control;
    Machine *machine;
    Monitor *mon; /* NULL once nobody waits for it */
    bool begun;
    bool refused; /* the monitor was told that it has failed */
    MonitorTask task;
    GSource *expiry; /* of one that has not begun when its client leaves */
};

static void process_input(Monitor *mon);

/* --- output --- */

size_t monitor_pending(const Monitor *mon)
{
    return mon->out->len - mon->out_start;
}

/* Sends what the client takes now. */
static void flush_output(Monitor *mon)
{
    if (mon->chr && monitor_pending(mon)) {
        mon->out_start += chardev_write(
            mon->chr, (const uint8_t *)mon->out->str + mon->out_start,
            monitor_pending(mon));
    }
    if (!monitor_pending(mon)) {
        g_string_truncate(mon->out, 0);
        mon->out_start = 0;
    }
}

void monitor_write(Monitor *mon, const char *text, size_t len)
{
    if (mon->open) {
        g_string_append_len(mon->out, text, (gssize)len);
        flush_output(mon);
    }
}

/* --- input --- */

/* No further command is taken while one is carried out or an answer waits to
 * be read. */
static bool is_held(const Monitor *mon)
{
    return mon->job || monitor_pending(mon);
}

/* Lets the session look at what has come, as far as it may. */
static void process_input(Monitor *mon)
{
    if (mon->processing) {
        return;
    }
    mon->processing = true;
    while (mon->open && !is_held(mon)) {
        const char *data = (const char *)mon->in->data;
        size_t ready = mon->ops->ready(data, mon->in->len);

        if (!ready) {
            break;
        }
        g_byte_array_remove_range(mon->in, 0,
                                  (guint)mon->ops->input(mon, data, ready));
    }
    mon->processing = false;
    if (mon->chr) {
        chardev_accept_input(mon->chr);
    }
}

static gboolean resume_input(gpointer opaque)
{
    Monitor *mon = opaque;

    g_clear_pointer(&mon->resume, g_source_unref);
    process_input(mon);
    return G_SOURCE_REMOVE;
}

/* Goes on in the main loop, whatever thread this is. */
static void schedule_resume(Monitor *mon)
{
    if (!mon->resume) {
        mon->resume = g_idle_source_new();
        g_source_set_priority(mon->resume, G_PRIORITY_DEFAULT);
        g_source_set_callback(mon->resume, resume_input, mon, NULL);
        g_source_attach(mon->resume, mon->machine->context);
    }
}

/* --- work in the control thread --- */

static void job_free(MonitorJob *job)
{
    machine_unwatch(&job->expiry);
    job->task.free_opaque(job->task.opaque);
    g_free(job);
}

/* Nobody waits any more; the job frees itself when it is over. */
static void abandon_job(Monitor *mon)
{
    machine_unwatch(&mon->timeout);
    if (mon->job) {
        mon->job->mon = NULL;
        mon->job = NULL;
    }
}

static gboolean job_expired(gpointer opaque)
{
    MonitorJob *job = opaque;

    if (control_cancel(job->machine, &job->control)) {
        job_free(job);
    }
    return G_SOURCE_REMOVE;
}

/* The client has left. Its command is carried out all the same, since it may
 * have sent that and gone; but only as long as a client that stays would wait
 * for it, and of no more than monitors could have made without leaving. */
static void leave_job(Monitor *mon)
{
    MonitorJob *job = mon->job;
    GSource *timeout = g_steal_pointer(&mon->timeout);

    abandon_job(mon);
    if (job && g_queue_get_length(&mon->machine->control.jobs) > MONITORS_MAX) {
        job_expired(job);
        machine_unwatch(&timeout);
    } else if (job) {
        job->expiry = timeout;
        g_source_set_callback(timeout, job_expired, job, NULL);
    }
}

static const void *lane_now(const MonitorJob *job)
{
    return job->task.lane ? job->task.lane(job->machine, job->task.opaque)
                          : NULL;
}

static void post_job(MonitorJob *job)
{
    job->control.lane = lane_now(job);
    control_post(job->machine, &job->control);
}

static void job_run(ControlJob *control, bool cancelled)
{
    MonitorJob *job = container_of(control, MonitorJob, control);
    g_autoptr(GError) err = NULL;
    json_object *ret = NULL;
    Monitor *mon;

    if (!cancelled && control->lane != lane_now(job)) {
        post_job(job); /* what it names has gone or come since */
        return;
    }
    if (!cancelled) {
        job->begun = true;
        ret = job->task.work(job->machine, job->task.opaque, &err);
    }
    mon = job->mon; /* it may have left meanwhile */
    if (mon && !cancelled) {
        abandon_job(mon);
        job->task.done(mon, job->task.opaque, ret, err);
        schedule_resume(mon);
    }
    json_object_put(ret);
    job_free(job);
}

/* The error is true: what has not begun never does, and what has begun and adds
 * something takes it back (control_job_refused()). */
static gboolean job_timed_out(gpointer opaque)
{
    Monitor *mon = opaque;
    MonitorJob *job = mon->job;
    g_autoptr(GError) err = NULL;

    error_setg(&err, "'%s' is not done after %d seconds: %s", job->task.what,
               MONITOR_WAIT_SECONDS,
               job->begun ? "the host's kernel hangs, see its dmesg; what the "
                            "command adds is taken back, anything else goes on"
                          : "a command before it hangs, see dmesg of the host; "
                            "it was not begun and is taken back");
    trace(monitor_timeout, "%s %s", mon->chr ? chardev_id(mon->chr) : "",
          job->task.what);
    job->refused = true;
    abandon_job(mon);
    job->task.done(mon, job->task.opaque, NULL, err);
    schedule_resume(mon);
    if (!job->begun) {
        (void)control_cancel(job->machine, &job->control);
        job_free(job);
    }
    return G_SOURCE_REMOVE;
}

void monitor_run_in_control(Monitor *mon, const MonitorTask *task)
{
    MonitorJob *job = g_new(MonitorJob, 1);

    assert(!mon->job);
    *job = (MonitorJob){
        .control = { .run = job_run },
        .machine = mon->machine,
        .mon = mon,
        .task = *task,
    };
    job->control.refused = &job->refused;
    mon->job = job;
    mon->timeout = g_timeout_source_new_seconds(MONITOR_WAIT_SECONDS);
    g_source_set_callback(mon->timeout, job_timed_out, mon, NULL);
    g_source_attach(mon->timeout, mon->machine->context);
    post_job(job);
}

/* --- character device --- */

/* The part of a character that a session leaves is no reason to wait. */
static size_t can_receive(void *opaque)
{
    const Monitor *mon = opaque;

    return is_held(mon) || mon->in->len >= UTF8_BYTES_MAX ? 0 : READ_ROOM;
}

static void monitor_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Monitor *mon = opaque;

    g_byte_array_append(mon->in, buf, (guint)len);
    process_input(mon);
}

/* What a client left behind is not the next one's. */
static void forget_client(Monitor *mon)
{
    mon->open = false;
    leave_job(mon);
    g_byte_array_set_size(mon->in, 0);
    if (mon->chr) {
        chardev_drop_input(mon->chr);
    }
    g_string_truncate(mon->out, 0);
    mon->out_start = 0;
}

static void client_came(Monitor *mon)
{
    forget_client(mon);
    mon->open = true;
    mon->ops->open(mon);
}

static void chardev_event(void *opaque, ChardevEvent event)
{
    Monitor *mon = opaque;

    switch (event) {
    case CHARDEV_OPENED:
        client_came(mon);
        break;
    case CHARDEV_GONE:
        mon->chr = NULL;
        forget_client(mon);
        break;
    case CHARDEV_CLOSED:
        forget_client(mon);
        break;
    case CHARDEV_WRITABLE:
        flush_output(mon);
        schedule_resume(mon);
        break;
    case CHARDEV_FOCUS:
        mon->ops->focus(mon);
        break;
    case CHARDEV_BREAK:
        break;
    }
}

static const ChardevFrontend frontends[] = {
    [false] = {
        .can_receive = can_receive,
        .receive = monitor_receive,
        .event = chardev_event,
    },
    [true] = {
        .can_receive = can_receive,
        .receive = monitor_receive,
        .event = chardev_event,
        .takes_fds = true,
    },
};

static void machine_event(void *opaque, const char *name, json_object *data)
{
    Monitor *mon = opaque;

    if (mon->open) {
        mon->ops->event(mon, name, data);
    }
}

/* --- life --- */

static void monitor_free(Monitor *mon)
{
    if (mon->chr) {
        chardev_detach(mon->chr, mon);
    }
    event_del_listener(mon->machine, &mon->listener);
    forget_client(mon);
    machine_unwatch(&mon->resume);
    g_byte_array_unref(mon->in);
    g_string_free(mon->out, TRUE);
    mon->ops->free(mon);
}

void monitors_free(Machine *m)
{
    while (m->monitors->len) {
        monitor_free(
            g_ptr_array_steal_index(m->monitors, m->monitors->len - 1));
    }
}

bool monitor_serve(Monitor *mon, const MonitorOps *ops, Machine *m,
                   Chardev *chr, GError **errp)
{
    if (m->monitors->len >= MONITORS_MAX) {
        error_setg(errp, "the machine has %d monitors already", MONITORS_MAX);
        ops->free(mon);
        return false;
    }
    *mon = (Monitor){
        .ops = ops,
        .machine = m,
        .chr = chr,
        .in = g_byte_array_new(),
        .out = g_string_new(NULL),
        .listener = { machine_event, mon },
    };
    event_add_listener(m, &mon->listener);
    if (!chardev_attach(chr, &frontends[ops->takes_fds], mon)) {
        error_setg(errp, "Device '%s' is in use", chardev_id(chr));
        mon->chr = NULL;
        monitor_free(mon);
        return false;
    }
    g_ptr_array_add(m->monitors, mon);
    return true;
}
