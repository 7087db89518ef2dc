/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QMP client that may send anything, to a whole q35 board with a root port.
 * The first byte says whether the session is a readline instead, and whether it
 * begins with the negotiation. Each line that comes back is JSON. */
#include "chardev/char.h"
#include "program/registry.h"
#include "monitor/monitor.h"
#include "accel/qtest.h"
#include "system/machine.h"
#include "util/keyval.h"
#include "util/log.h"

#include "fuzz-input.h"

#include <fcntl.h>
#include <sys/socket.h>

#define RAM_SIZE (16 * MiB)
#define TURNS    10000 /* of the main loop for one write */

typedef struct Session {
    Machine *m;
    int fd; /* the client's end */
    GString *out;
} Session;

static Machine *new_machine(void)
{
    Machine *m = machine_new(&program_registry,
                             machine_type_find(&program_registry, "q35"),
                             &qtest_accel_ops);
    auto_json *port = keyval_parse("pcie-root-port,id=p0,chassis=1", "driver",
                                   NULL);
    GError *err = NULL;

    m->config.ram_size = RAM_SIZE;
    machine_lock(m);
    machine_build(m, &err);
    g_assert_no_error(err);
    g_assert_nonnull(device_add(&m->tree, port, NULL, NULL));
    m->tree.started = true;
    m->run_state = RUN_STATE_PAUSED;
    return m;
}

static void open_session(Session *s, bool readline)
{
    auto_json *opts = json_object_new_object();
    g_autofree char *fd = NULL;
    Chardev *chr;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    g_assert_cmpint(fcntl(fds[0], F_SETFL, O_NONBLOCK), ==, 0);
    s->fd = fds[0];
    s->out = g_string_new(NULL);
    fd = g_strdup_printf("%d", fds[1]);
    json_object_object_add(opts, "backend", json_object_new_string("socket"));
    json_object_object_add(opts, "id", json_object_new_string("mon"));
    json_object_object_add(opts, "fd", json_object_new_string(fd));
    chr = chardev_new(s->m, opts, NULL);
    g_assert_true(readline ? hmp_monitor_new(s->m, chr, NULL)
                           : qmp_monitor_new(s->m, chr, false, NULL));
}

/* What the control thread would do. A start or stop needs vCPUs. */
static bool run_job(Machine *m)
{
    ControlJob *job = g_queue_pop_head(&m->control.jobs);

    if (job) {
        job->run(job, false);
        m->run_state = RUN_STATE_PAUSED;
    }
    m->requests = 0;
    return job;
}

/* Until nothing happens any more. */
static void settle(Session *s)
{
    char buf[65536];
    ssize_t n;

    for (unsigned i = 0; i < TURNS; i++) {
        bool busy = g_main_context_iteration(s->m->context, FALSE);

        busy |= run_job(s->m);
        while ((n = read(s->fd, buf, sizeof(buf))) > 0) {
            g_string_append_len(s->out, buf, n);
            busy = true;
        }
        if (!busy) {
            return;
        }
    }
    g_assert_not_reached();
}

static void send_bytes(Session *s, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = write(s->fd, data, MIN(size, 1000));

        g_assert_cmpint(n, >, 0);
        data += n;
        size -= (size_t)n;
        settle(s);
    }
}

static void check_output(const Session *s)
{
    g_auto(GStrv) lines = g_strsplit(s->out->str, "\r\n", -1);

    g_assert_cmpuint(strlen(s->out->str), ==, s->out->len);
    for (char **line = lines; *line; line++) {
        json_object *obj = **line ? json_tokener_parse(*line) : NULL;

        g_assert_true(!**line || obj);
        json_object_put(obj);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";
    Session s = { .m = new_machine() };
    bool readline = size && data[0] & 1;

    (void)log_set_file("/dev/null", NULL);
    open_session(&s, readline);
    settle(&s);
    if (size && data[0] & 2) {
        send_bytes(&s, (const uint8_t *)hello, strlen(hello));
    }
    send_bytes(&s, size ? data + 1 : data, size ? size - 1 : 0);
    if (!readline) {
        check_output(&s);
    }
    close(s.fd);
    g_string_free(s.out, TRUE);
    monitors_free(s.m);
    while (s.m->chardevs) {
        chardev_free(s.m->chardevs->data);
    }
    (void)trace_set_enabled("*", false);
    machine_unlock(s.m);
    machine_free(s.m);
    return 0;
}
