/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/message.h"

#include <poll.h>
#include <pthread.h>

#define STACK_SIZE (256 * KiB) /* the memory may be locked */

typedef struct Sink {
    int fd; /* -1: none of its own */
    pthread_t thread;
    bool threaded;  /* the thread writes, from the queue */
    bool abandoned; /* nobody reads, and the process ends */

    GMutex lock; /* of what follows */
    GCond changed;
    GQueue lines; /* GBytes, owned */
    size_t bytes; /* of these */
    bool writing; /* the thread writes one */
    bool ending;  /* it ends once there is nothing to write */
    bool stalled; /* somebody has waited in vain since the last write */
    unsigned lost;
    bool
        may_tell; /* the last write succeeded: how many were lost can be told */
} Sink;

/* Messages belong to the process, and come before there is a machine. */
static Sink sinks[MESSAGE_SINKS_COUNT] = {
    [MESSAGE_STDERR] = { .fd = STDERR_FILENO, .may_tell = true },
    [MESSAGE_LOG] = { .fd = -1, .may_tell = true },
};

/* Waits as long as it takes, also if somebody has made the file non-blocking.
 * Returns 0 or -errno. */
static int write_all(int fd, const char *buf, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len);

        if (n >= 0) {
            buf += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };

            (void)poll(&p, 1, -1);
        } else if (errno != EINTR) {
            return neg_errno(-1);
        }
    }
    return 0;
}

static bool is_busy(const Sink *s)
{
    return s->writing || s->lines.length || (s->lost && s->may_tell);
}

/* The next line, or what is to be told of those that were lost; the caller
 * frees it. */
static GBytes *next_line(Sink *s, unsigned *ret_told)
{
    GBytes *line = g_queue_pop_head(&s->lines);
    char *text;

    *ret_told = 0;
    if (line) {
        s->bytes -= g_bytes_get_size(line);
        return line;
    }
    *ret_told = s->lost;
    text = g_strdup_printf("%s: warning: %u messages were lost here: nobody "
                           "read them, or the disk was full\n",
                           g_get_prgname() ? g_get_prgname() : "qemu", s->lost);
    return g_bytes_new_take(text, strlen(text));
}

static void write_next(Sink *s)
{
    unsigned told;
    g_autoptr(GBytes) line = next_line(s, &told);
    int r;

    s->writing = true;
    g_mutex_unlock(&s->lock);
    r = write_all(s->fd, g_bytes_get_data(line, NULL), g_bytes_get_size(line));
    g_mutex_lock(&s->lock);
    s->writing = false;
    s->stalled = false;
    s->may_tell = r == 0;
    if (r == 0) {
        s->lost -= told;
    } else if (!told) {
        s->lost++;
    }
    g_cond_broadcast(&s->changed);
}

static void *sink_thread(void *opaque)
{
    Sink *s = opaque;

    g_mutex_lock(&s->lock);
    while (!s->ending || is_busy(s)) {
        if (is_busy(s)) {
            write_next(s);
        } else {
            g_cond_wait(&s->changed, &s->lock);
        }
    }
    g_mutex_unlock(&s->lock);
    return NULL;
}

static void sink_enqueue(Sink *s, const char *line, size_t len)
{
    if (s->abandoned || s->bytes + len > MESSAGES_QUEUE_MAX) {
        s->lost++;
        return;
    }
    g_queue_push_tail(&s->lines, g_bytes_new(line, len));
    s->bytes += len;
    g_cond_broadcast(&s->changed);
}

void message_write(MessageSink sink, const char *line, size_t len)
{
    Sink *s = &sinks[sinks[sink].fd < 0 ? MESSAGE_STDERR : sink];

    g_mutex_lock(&s->lock);
    if (s->threaded || s->abandoned) {
        sink_enqueue(s, line, len);
    } else {
        (void)write_all(s->fd, line, len);
    }
    g_mutex_unlock(&s->lock);
}

void message_log_to(int fd)
{
    close_fd(&sinks[MESSAGE_LOG].fd);
    sinks[MESSAGE_LOG].fd = fd;
}

static int sink_begin(Sink *s)
{
    pthread_attr_t attr;
    int r = pthread_attr_init(&attr);

    if (r == 0) {
        (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
        s->ending = false;
        r = pthread_create(&s->thread, &attr, sink_thread, s);
        (void)pthread_attr_destroy(&attr);
    }
    if (r) {
        return -r;
    }
    (void)pthread_setname_np(s->thread, "messages");
    g_mutex_lock(&s->lock);
    s->threaded = true;
    g_mutex_unlock(&s->lock);
    return 0;
}

int messages_begin(void)
{
    for (unsigned i = 0; i < MESSAGE_SINKS_COUNT; i++) {
        int r = sinks[i].fd < 0 ? 0 : sink_begin(&sinks[i]);

        if (r < 0) {
            messages_end();
            return r;
        }
    }
    return 0;
}

/* With s->lock held. */
static void wait_for_writer(Sink *s, unsigned timeout_ms)
{
    int64_t end_us = g_get_monotonic_time() + (int64_t)timeout_ms * 1000;

    while (is_busy(s) && !s->stalled) {
        s->stalled = !g_cond_wait_until(&s->changed, &s->lock, end_us);
    }
}

void messages_flush(unsigned timeout_ms)
{
    for (unsigned i = 0; i < MESSAGE_SINKS_COUNT; i++) {
        g_mutex_lock(&sinks[i].lock);
        wait_for_writer(&sinks[i], timeout_ms);
        g_mutex_unlock(&sinks[i].lock);
    }
}

static void sink_end(Sink *s)
{
    g_mutex_lock(&s->lock);
    s->ending = true;
    g_cond_broadcast(&s->changed);
    wait_for_writer(s, MESSAGES_FLUSH_MS);
    s->threaded = false;
    s->abandoned = is_busy(s);
    g_mutex_unlock(&s->lock);
    if (s->abandoned) {
        pthread_detach(s->thread);
    } else {
        pthread_join(s->thread, NULL);
    }
}

void messages_end(void)
{
    for (unsigned i = 0; i < MESSAGE_SINKS_COUNT; i++) {
        if (sinks[i].threaded) {
            sink_end(&sinks[i]);
        }
    }
}
