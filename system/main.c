/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: parse, build, run, undo. The only file that may end the process.
 */
#include "system/options.h"
#include "util/error.h"

#include <glib-unix.h>
#include <signal.h>

static gboolean host_signal(gpointer opaque)
{
    Machine *m = opaque;

    system_shutdown_request(m, SHUTDOWN_CAUSE_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

static void watch_signal(Machine *m, int signum)
{
    GSource *source = g_unix_signal_source_new(signum);

    g_source_set_callback(source, host_signal, m, NULL);
    g_source_attach(source, m->context);
    g_source_unref(source);
}

static int run(Options *o)
{
    GError *err = NULL;
    Machine *m;

    if (o->pidfile && !pidfile_create(o->pidfile, &err)) {
        error_report_gerror(err);
        return 1;
    }
    m = machine_from_options(o, &err);
    if (m) {
        bool paused = m->config.start_paused;

        watch_signal(m, SIGINT);
        watch_signal(m, SIGTERM);
        watch_signal(m, SIGHUP);
        if (o->daemonize) {
            daemon_ready();
        }
        machine_lock(m);
        if (!paused) {
            vm_start_request(m);
        }
        machine_unlock(m);
        machine_run_main_loop(m);
        machine_end(m);
    } else {
        error_report_gerror(err);
    }
    if (o->pidfile) {
        pidfile_remove(o->pidfile);
    }
    return m ? 0 : 1;
}

int main(int argc, char **argv)
{
    Options *o = options_new();
    GError *err = NULL;
    int status = -1;

    g_set_prgname("qemu-system-x86_64");
    (void)signal(SIGPIPE, SIG_IGN);
    if (!options_parse(o, argc - 1, argv + 1, &err)) {
        error_report_gerror(err);
        options_free(o);
        return 1;
    }
    if (o->help_printed) {
        options_free(o);
        return 0;
    }
    if (o->daemonize) {
        int r = daemon_fork(&status);

        if (r < 0) {
            error_report("-daemonize: cannot fork: %s", g_strerror(-r));
            status = 1;
        }
    }
    if (status < 0) {
        status = run(o);
    }
    options_free(o);
    return status;
}
