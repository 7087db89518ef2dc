/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A regular file cannot be written without waiting for its disk, which may hang
 * (NFS); here a thread waits. */
#include "char-int.h"

#include <fcntl.h>
#include <sys/stat.h>

struct ChardevPump {
    gatomicrefcount refs; /* the chardev's and the thread's */
    int file;             /* owned; the thread's */
    int pipe;             /* owned; the thread's: it reads here */
    GMutex lock;
    GCond cond;
    bool done; /* with the lock */
    bool started;
};

static void pump_unref(ChardevPump *pump)
{
    if (g_atomic_ref_count_dec(&pump->refs)) {
        close_fd(&pump->file);
        close_fd(&pump->pipe);
        g_mutex_clear(&pump->lock);
        g_cond_clear(&pump->cond);
        g_free(pump);
    }
}

/* What a full disk refuses is lost: there may be room later. */
static void write_or_lose(int fd, const uint8_t *buf, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno != EINTR) {
            return;
        }
        if (n > 0) {
            buf += n;
            len -= (size_t)n;
        }
    }
}

static void *pump_main(void *opaque)
{
    ChardevPump *pump = opaque;
    uint8_t buf[4096];
    ssize_t n;

    do {
        n = read(pump->pipe, buf, sizeof(buf));
        write_or_lose(pump->file, buf, n > 0 ? (size_t)n : 0);
    } while (n > 0 || (n < 0 && errno == EINTR));
    g_mutex_lock(&pump->lock);
    pump->done = true;
    g_cond_broadcast(&pump->cond);
    g_mutex_unlock(&pump->lock);
    pump_unref(pump);
    return NULL;
}

static int pump_open(int *fd, ChardevPump *pump)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return neg_errno(-1);
    }
    pump->pipe = ends[0];
    /* Less than this may be all that a user may have. */
    (void)fcntl(ends[1], F_SETPIPE_SZ, CHARDEV_PUMP_MAX);
    (void)fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
    pump->file = *fd;
    *fd = ends[1];
    return 0;
}

int chardev_pump_start(ChardevPump *pump)
{
    GThread *thread;

    if (!pump || pump->started) {
        return 0;
    }
    g_atomic_ref_count_inc(&pump->refs);
    thread = g_thread_try_new("chardev", pump_main, pump, NULL);
    if (!thread) {
        (void)g_atomic_ref_count_dec(&pump->refs);
        return -EAGAIN;
    }
    g_thread_unref(thread); /* nobody joins it: it may hang for ever */
    pump->started = true;
    return 0;
}

int chardev_pump_new(int *fd, ChardevPump **ret_pump)
{
    ChardevPump *pump;
    struct stat st;
    int r;

    *ret_pump = NULL;
    if (fstat(*fd, &st) < 0) {
        return neg_errno(-1);
    }
    if (!S_ISREG(st.st_mode)) {
        return 0;
    }
    pump = g_new0(ChardevPump, 1);
    g_atomic_ref_count_init(&pump->refs);
    g_mutex_init(&pump->lock);
    g_cond_init(&pump->cond);
    pump->file = pump->pipe = -1;
    r = pump_open(fd, pump);
    if (r < 0) {
        pump_unref(pump);
        return r;
    }
    *ret_pump = pump;
    return 0;
}

void chardev_pump_free(ChardevPump *pump)
{
    gint64 end = g_get_monotonic_time() +
                 CHARDEV_FLUSH_MS * G_TIME_SPAN_MILLISECOND;

    if (!pump) {
        return;
    }
    if (!pump->started) {
        g_atomic_ref_count_inc(&pump->refs);
        (void)pump_main(pump); /* the machine has not started */
    }
    g_mutex_lock(&pump->lock);
    while (!pump->done && g_cond_wait_until(&pump->cond, &pump->lock, end)) {
    }
    g_mutex_unlock(&pump->lock);
    pump_unref(pump);
}
