/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"
#include "util/error.h"

#include <signal.h>
#include <sys/signalfd.h>

/* Signals are read from a descriptor by the main thread: no other thread is to
 * get them. Returns it, or -errno. */
static int take_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return neg_errno(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* Exit status: 0, or 1 for what could not be done or went wrong. */
static int report(Bench *b)
{
    const BenchConfig *c = b->config;
    BenchTotals t = bench_totals(b);
    g_autoptr(GError) err = NULL;

    if (g_strcmp0(c->json, "-")) {
        bench_report_table(b, stdout);
    }
    if (c->json && !bench_report_json(b, &err)) {
        error_report("%s", err->message);
        return 1;
    }
    if (t.errors || t.mismatches || b->lost) {
        error_report("%" PRIu64 " requests failed, %" PRIu64 " blocks held "
                     "wrong data, %u requests were lost: see the kernel log",
                     t.errors, t.mismatches, b->lost);
        return 1;
    }
    return 0;
}

static int run(const BenchConfig *c, int signals)
{
    g_autoptr(GError) err = NULL;
    int status = 1;
    Bench b;

    if (!bench_open(&b, c, &err)) {
        error_report("%s", err->message);
    } else {
        b.signals = signals;
        if (!bench_run(&b, &err)) {
            error_report("%s", err->message);
        } else {
            status = report(&b);
        }
    }
    bench_close(&b);
    return status;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;
    BenchConfig c;
    auto_fd signals = -1;

    g_set_prgname("vhost-scsi-bench");
    if (!bench_options_parse(&c, argc, argv, &err)) {
        error_report("%s", err->message);
        return 1;
    }
    if (c.help) {
        bench_options_help(stdout);
        return 0;
    }
    if (c.version) {
        printf("vhost-scsi-bench %s\n", PROJECT_VERSION);
        return 0;
    }
    signals = take_signals();
    if (signals < 0) {
        error_report("cannot watch for signals: %s", g_strerror(-signals));
        return 1;
    }
    return run(&c, signals);
}
