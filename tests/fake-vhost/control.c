/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: one thread serves all connections, so that a test's
 * coming and going changes no thread count. The language stands in
 * fake-vhost.h.
 */
#include "fake.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONNECTIONS_MAX 16
#define LINE_LENGTH_MAX 1024
#define WORDS_MAX       6

typedef struct Connection {
    int fd; /* -1: free */
    char line[LINE_LENGTH_MAX];
    size_t used;
    char *out; /* the reply that is put together */
    size_t out_len;
    bool waiting; /* for the following to reach wait_for */
    uint64_t (*wait_value)(const char *name);
    const char *wait_name;
    uint64_t wait_for;
} Connection;

static struct {
    int listen_fd;
    int changed_fd;
    atomic_bool running, ending;
    pthread_t thread;
    Connection connections[CONNECTIONS_MAX];
} control = { .listen_fd = -1, .changed_fd = -1 };

void control_changed(void)
{
    uint64_t one = 1;

    if (control.changed_fd >= 0) {
        /* It fails only when the counter is full: then the thread looks. */
        (void)!write(control.changed_fd, &one, sizeof(one));
    }
}

static void G_GNUC_PRINTF(2, 3) say(Connection *c, const char *format, ...)
{
    char *text, *out;
    va_list va;
    int len;

    va_start(va, format);
    len = vasprintf(&text, format, va);
    va_end(va);
    if (len < 0) {
        return;
    }
    out = realloc(c->out, c->out_len + len + 1);
    if (out) {
        memcpy(out + c->out_len, text, len + 1);
        c->out = out;
        c->out_len += len;
    }
    free(text);
}

/* OK, or what is wrong. */
static void answer(Connection *c, const char *wrong)
{
    if (wrong) {
        say(c, "ERR %s\n", wrong);
    } else {
        say(c, "OK\n");
    }
}

/* --- commands; w[1] and following are arguments, NULL beyond the last --- */

static void cmd_ping(Connection *c, char **w)
{
    answer(c, NULL);
}

static void cmd_fail(Connection *c, char **w)
{
    answer(c, knobs_fail(w[1], w[2], w[3], w[4]));
}

static void cmd_nofail(Connection *c, char **w)
{
    knobs_forget(FAKE_FAIL, NULL);
    answer(c, NULL);
}

static void cmd_delay(Connection *c, char **w)
{
    answer(c, knobs_rule(FAKE_DELAY, w[1], w[2]));
}

static void cmd_block(Connection *c, char **w)
{
    answer(c, knobs_rule(FAKE_BLOCK_CALL, w[1], NULL));
}

static void cmd_release(Connection *c, char **w)
{
    if (w[1] && !ioctl_full_name(w[1])) {
        answer(c, "no such ioctl");
        return;
    }
    knobs_forget(FAKE_BLOCK_CALL, w[1]);
    answer(c, NULL);
}

static void cmd_pass(Connection *c, char **w)
{
    knobs_pass();
    answer(c, NULL);
}

static uint64_t value_blocked(const char *name)
{
    return knobs_blocked();
}

static uint64_t value_held(const char *name)
{
    return atomic_load(&fake.held);
}

static void cmd_blocked(Connection *c, char **w)
{
    say(c, "OK %" PRIu64 "\n", value_blocked(NULL));
}

static void cmd_held(Connection *c, char **w)
{
    say(c, "OK %" PRIu64 "\n", value_held(NULL));
}

static void cmd_hold(Connection *c, char **w)
{
    atomic_store(&fake.hold, true);
    answer(c, NULL);
}

static void cmd_unhold(Connection *c, char **w)
{
    queue_unhold();
    answer(c, NULL);
}

static const char *stall(const char *dev_number, const char *queue, bool on)
{
    const char *wrong = "no such device";
    uint64_t d, q;
    FakeDevice **list;
    unsigned n;

    if (!parse_number(dev_number, INT32_MAX, &d) ||
        !parse_number(queue, UINT16_MAX, &q)) {
        return "DEV QUEUE are numbers";
    }
    list = devices_hold(&n);
    for (unsigned i = 0; i < n; i++) {
        if (list[i]->number != (int)d) {
            continue;
        }
        wrong = q < list[i]->n_queues ? NULL : "no such queue";
        if (!wrong) {
            FakeQueue *vq = &list[i]->queue[q];

            pthread_mutex_lock(&vq->lock);
            vq->stalled = on;
            worker_kick(vq);
            pthread_mutex_unlock(&vq->lock);
        }
    }
    devices_release(list, n);
    return wrong;
}

static void cmd_stall(Connection *c, char **w)
{
    answer(c, stall(w[1], w[2], true));
}

static void cmd_unstall(Connection *c, char **w)
{
    answer(c, stall(w[1], w[2], false));
}

static const char *target_drop(const char *wwpn)
{
    int i;

    pthread_mutex_lock(&fake.lock);
    i = wwpn ? target_find(wwpn) : -1;
    if (i >= 0) {
        fake.target_up[i] = false;
    }
    pthread_mutex_unlock(&fake.lock);
    return i >= 0 ? NULL : "no such target";
}

static void cmd_target(Connection *c, char **w)
{
    if (w[1] && strcmp(w[1], "add") == 0) {
        answer(c, target_add(w[2]));
    } else if (w[1] && strcmp(w[1], "drop") == 0) {
        answer(c, target_drop(w[2]));
    } else {
        answer(c, "target add|drop WWPN");
    }
}

static void cmd_lun(Connection *c, char **w)
{
    uint64_t v;
    int r;

    if (w[1] && !strcmp(w[1], "add") && parse_size(w[2], &v)) {
        r = lun_add(v);
        if (r < 0) {
            answer(c, "no room for another LUN");
            return;
        }
        queue_lun_event(r, true);
        say(c, "OK %d\n", r);
    } else if (w[1] && !strcmp(w[1], "remove") &&
               parse_number(w[2], FAKE_LUNS_MAX, &v)) {
        r = lun_remove(v);
        if (r == 0) {
            queue_lun_event(v, false);
        }
        answer(c, r < 0 ? "no such LUN" : NULL);
    } else {
        answer(c, "lun add SIZE | lun remove N");
    }
}

static void cmd_lies(Connection *c, char **w)
{
    uint64_t v;

    if (!parse_number(w[1], 1, &v)) {
        answer(c, "get_worker_lies 0|1");
        return;
    }
    atomic_store(&fake.worker_lies, v);
    answer(c, NULL);
}

static void trace_line(void *opaque, const char *text)
{
    say(opaque, "- %s\n", text);
}

static void cmd_trace(Connection *c, char **w)
{
    uint64_t from = 1;

    if (w[1] && !parse_number(w[1], UINT64_MAX, &from)) {
        answer(c, "FROM is a number");
        return;
    }
    trace_list(from, trace_line, c);
    answer(c, NULL);
}

static void cmd_count(Connection *c, char **w)
{
    const char *name = ioctl_full_name(w[1] ? w[1] : "");

    if (!name) {
        answer(c, "no such ioctl");
        return;
    }
    say(c, "OK %" PRIu64 "\n", trace_counted(name));
}

static void say_worker(Connection *c, const FakeDevice *dev,
                       const FakeWorker *w)
{
    const char *comma = "";

    say(c, "- dev=%d id=%u tid=%d name=%s queues=", dev->number, w->id,
        atomic_load(&w->tid), w->name);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        if (dev->queue[i].worker == w) {
            say(c, "%s%u", comma, i);
            comma = ",";
        }
    }
    say(c, "%s\n", *comma ? "" : "none");
}

/* Only fake.lock, which guards the list and who has which queue: an ioctl in
 * progress does not hold this up. */
static void cmd_workers(Connection *c, char **w)
{
    FakeDevice **list;
    unsigned n;

    list = devices_hold(&n);
    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < n; i++) {
        for (FakeWorker *k = list[i]->workers; k; k = k->next) {
            say_worker(c, list[i], k);
        }
    }
    pthread_mutex_unlock(&fake.lock);
    devices_release(list, n);
    answer(c, NULL);
}

static void say_queue(Connection *c, FakeQueue *vq)
{
    pthread_mutex_lock(&vq->lock);
    if (vq->set_up) {
        say(c,
            "- dev=%d queue=%u worker=%d requests=%" PRIu64 " kicks=%" PRIu64
            " calls=%" PRIu64 " errors=%" PRIu64 "\n",
            vq->dev->number, vq->index, vq->worker ? (int)vq->worker->id : -1,
            vq->requests, vq->kicks, vq->calls, vq->errors);
    }
    pthread_mutex_unlock(&vq->lock);
}

static void cmd_stats(Connection *c, char **w)
{
    FakeDevice **list;
    unsigned n;

    list = devices_hold(&n);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned q = 0; q < list[i]->n_queues; q++) {
            say_queue(c, &list[i]->queue[q]);
        }
        pthread_mutex_lock(&fake.lock);
        for (FakeWorker *k = list[i]->workers; k; k = k->next) {
            say(c, "- dev=%d worker=%u requests=%" PRIuFAST64 "\n",
                list[i]->number, k->id, atomic_load(&k->requests));
        }
        pthread_mutex_unlock(&fake.lock);
    }
    devices_release(list, n);
    answer(c, NULL);
}

static void cmd_devices(Connection *c, char **w)
{
    pthread_mutex_lock(&fake.lock);
    for (const FakeDevice *d = fake.devices; d; d = d->next) {
        say(c,
            "- dev=%d kind=%s fd=%d owner=%d endpoint=%s cid=%" PRIu64
            " features=0x%" PRIx64 "\n",
            d->number, d->kind->name, d->fd, d->owner,
            *d->endpoint ? d->endpoint : "none", d->guest_cid, d->features);
    }
    pthread_mutex_unlock(&fake.lock);
    answer(c, NULL);
}

static void cmd_reset(Connection *c, char **w)
{
    FakeDevice **list;
    unsigned n;

    knobs_forget(FAKE_FAIL, NULL); /* they count from what begins anew */
    trace_reset();
    list = devices_hold(&n);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned q = 0; q < list[i]->n_queues; q++) {
            FakeQueue *vq = &list[i]->queue[q];

            pthread_mutex_lock(&vq->lock);
            vq->requests = vq->kicks = vq->calls = vq->errors = 0;
            pthread_mutex_unlock(&vq->lock);
        }
        pthread_mutex_lock(&fake.lock);
        for (FakeWorker *k = list[i]->workers; k; k = k->next) {
            atomic_store(&k->requests, 0);
        }
        pthread_mutex_unlock(&fake.lock);
    }
    devices_release(list, n);
    answer(c, NULL);
}

static void cmd_wait(Connection *c, char **w)
{
    const char *name = w[1] ? w[1] : "";

    c->wait_value = trace_counted;
    if (strcmp(name, "blocked") == 0) {
        c->wait_value = value_blocked;
    } else if (strcmp(name, "held") == 0) {
        c->wait_value = value_held;
    }
    c->wait_name = ioctl_full_name(name);
    if (!parse_number(w[2], UINT64_MAX, &c->wait_for) ||
        (c->wait_value == trace_counted && !c->wait_name)) {
        answer(c, "wait NAME|blocked|held N");
        return;
    }
    c->waiting = true;
}

static const struct {
    const char *name;
    unsigned min, max; /* arguments */
    void (*run)(Connection *c, char **words);
} commands[] = {
    { "ping", 0, 0, cmd_ping },
    { "fail", 3, 4, cmd_fail },
    { "nofail", 0, 0, cmd_nofail },
    { "delay", 2, 2, cmd_delay },
    { "block", 1, 1, cmd_block },
    { "release", 0, 1, cmd_release },
    { "pass", 0, 0, cmd_pass },
    { "blocked", 0, 0, cmd_blocked },
    { "hold", 0, 0, cmd_hold },
    { "unhold", 0, 0, cmd_unhold },
    { "held", 0, 0, cmd_held },
    { "stall", 2, 2, cmd_stall },
    { "unstall", 2, 2, cmd_unstall },
    { "target", 2, 2, cmd_target },
    { "lun", 2, 2, cmd_lun },
    { "trace", 0, 1, cmd_trace },
    { "count", 1, 1, cmd_count },
    { "workers", 0, 0, cmd_workers },
    { "stats", 0, 0, cmd_stats },
    { "devices", 0, 0, cmd_devices },
    { "reset", 0, 0, cmd_reset },
    { "wait", 2, 2, cmd_wait },
    { "get_worker_lies", 1, 1, cmd_lies },
};

static void run_line(Connection *c, char *line)
{
    char *words[WORDS_MAX + 1] = { NULL }, *word, *rest = line;
    unsigned n = 0;

    while ((word = strsep(&rest, " \t\r"))) {
        if (*word && n < WORDS_MAX) {
            words[n++] = word;
        }
    }
    for (unsigned i = 0; n && i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, words[0]) == 0) {
            if (n - 1 < commands[i].min || n - 1 > commands[i].max) {
                answer(c, "wrong number of arguments");
            } else {
                commands[i].run(c, words);
            }
            return;
        }
    }
    answer(c, "no such command");
}

static void hang_up(Connection *c)
{
    fd_clear(&c->fd);
    free(c->out);
    memset(c, 0, sizeof(*c));
    c->fd = -1;
}

static void flush(Connection *c)
{
    size_t done = 0;

    while (done < c->out_len) {
        ssize_t n = send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);

        if (n <= 0) {
            hang_up(c);
            return;
        }
        done += n;
    }
    free(c->out);
    c->out = NULL;
    c->out_len = 0;
}

/* Runs the complete lines that have come, until one has to wait. */
static void run_lines(Connection *c)
{
    char line[LINE_LENGTH_MAX], *end;

    while (c->fd >= 0 && !c->waiting &&
           (end = memchr(c->line, '\n', c->used))) {
        size_t len = end - c->line;

        memcpy(line, c->line, len);
        line[len] = 0;
        c->used -= len + 1;
        memmove(c->line, end + 1, c->used);
        run_line(c, line);
        flush(c);
    }
}

static void receive(Connection *c)
{
    ssize_t n;

    if (c->used == sizeof(c->line)) {
        hang_up(c); /* a line without an end */
        return;
    }
    n = recv(c->fd, c->line + c->used, sizeof(c->line) - c->used, 0);
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->used += n;
    run_lines(c);
}

static void check_waiting(Connection *c)
{
    if (c->fd >= 0 && c->waiting &&
        c->wait_value(c->wait_name) >= c->wait_for) {
        c->waiting = false;
        answer(c, NULL);
        flush(c);
        run_lines(c);
    }
}

static void welcome(void)
{
    int fd = accept4(control.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int ours = fd < 0 ? -1 : fd_duplicate(fd);

    fd_clear(&fd);
    for (unsigned i = 0; i < CONNECTIONS_MAX && ours >= 0; i++) {
        if (control.connections[i].fd < 0) {
            control.connections[i].fd = ours;
            return;
        }
    }
    fd_clear(&ours);
}

static void *control_main(void *opaque)
{
    struct pollfd p[CONNECTIONS_MAX + 2];
    uint64_t count;

    prctl(PR_SET_NAME, "fake-control");
    while (!atomic_load(&control.ending)) {
        p[0] = (struct pollfd){ control.listen_fd, POLLIN, 0 };
        p[1] = (struct pollfd){ control.changed_fd, POLLIN, 0 };
        for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
            p[i + 2] = (struct pollfd){ control.connections[i].fd, POLLIN, 0 };
        }
        if (poll(p, G_N_ELEMENTS(p), -1) < 0) {
            continue;
        }
        if (p[1].revents) {
            (void)!read(control.changed_fd, &count, sizeof(count));
        }
        for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
            if (p[i + 2].revents) {
                receive(&control.connections[i]);
            }
            check_waiting(&control.connections[i]);
        }
        if (p[0].revents) {
            welcome();
        }
    }
    return NULL;
}

void control_ensure(void)
{
    sigset_t all, before;
    bool start;

    if (control.listen_fd < 0 || atomic_load(&control.ending)) {
        return;
    }
    start = !atomic_exchange(&control.running, true);
    if (start) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&control.thread, NULL, control_main, NULL)) {
            fprintf(stderr,
                    "libfake-vhost: no thread for the control socket\n");
            atomic_store(&control.running, false);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

/* LeakSanitizer looks at all threads, and cannot at one that has more rights
 * than the program, which gave its own up after this one had been started. */
static void end_thread(void)
{
    if (atomic_load(&control.running)) {
        atomic_store(&control.ending, true);
        control_changed();
        (void)pthread_join(control.thread, NULL);
    }
}

void control_after_fork(void)
{
    atomic_store(&control.running, false);
}

void control_init(void)
{
    const char *path = getenv("FAKE_VHOST_CONTROL");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd, event;

    if (!path) {
        return;
    }
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        control.connections[i].fd = -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (strlen(path) < sizeof(addr.sun_path)) {
        memcpy(addr.sun_path, path, strlen(path) + 1);
        unlink(path);
        control.listen_fd = fd < 0 ? -1 : fd_duplicate(fd);
        control.changed_fd = event < 0 ? -1 : fd_duplicate(event);
    }
    fd_clear(&fd);
    fd_clear(&event);
    if (control.listen_fd < 0 || control.changed_fd < 0 ||
        bind(control.listen_fd, (void *)&addr, sizeof(addr)) < 0 ||
        listen(control.listen_fd, CONNECTIONS_MAX) < 0) {
        fprintf(stderr,
                "libfake-vhost: cannot listen at FAKE_VHOST_CONTROL=%s: %m\n",
                path);
        _exit(2);
    }
    (void)atexit(end_thread);
    control_ensure();
}
