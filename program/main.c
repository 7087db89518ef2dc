/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program: parse, build, run, undo. The only file that may end the process.
 */
#include "program/registry.h"
#include "program/options.h"
#include "program/privileges.h"
#include "util/error.h"
#include "util/message.h"

#include <signal.h>
#include <sys/signalfd.h>

/* The signals that ask for an orderly end. They are blocked in all threads and
 * read from a descriptor, so that none is lost and none needs a handler. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return neg_errno(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* The host has no page for RAM that is touched: a file was cut, or huge pages
 * were not set aside. Nothing can be done for the guest or for who touched it. */
static void no_page(int sig)
{
    static const char text[] = PROGRAM_NAME
        ": guest RAM: the host has no page for it any more; give "
        "prealloc=on to be told at the start, and let nobody cut "
        "the file of mem-path\n";

    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(1);
}

static bool host_signal(void *opaque, GIOCondition condition)
{
    /* Stays readable: one request is enough. */
    system_shutdown_request(opaque, SHUTDOWN_CAUSE_HOST_SIGNAL);
    return false;
}

static void serve_machine(Machine *m, int signal_fd, bool daemonized)
{
    GSource *signals;

    machine_lock(m);
    signals = machine_watch_fd(m, signal_fd, G_IO_IN, host_signal, m);
    if (!m->config.start_paused) {
        vm_start_request(m);
        /* Monitors are not served yet: their clients find it running. */
        while (runstate_is_changing(m)) {
            g_cond_wait(&m->cond, &m->lock);
        }
    }
    machine_unlock(m);
    if (daemonized) {
        daemon_ready();
    }
    machine_run_main_loop(m);
    machine_lock(m);
    machine_unwatch(&signals);
    machine_unlock(m);
}

/* From here on nobody waits for a reader of messages. */
static bool begin_messages(void)
{
    int r = messages_begin();

    if (r < 0) {
        error_report("cannot create the thread of messages: %s: raise the "
                     "thread limits (ulimit -u, pids.max of the cgroup)",
                     g_strerror(-r));
    }
    return r == 0;
}

static int run_program(Options *o)
{
    auto_fd signal_fd = open_signals();
    GError *err = NULL;
    Machine *m = NULL;
    bool failed = true;
    int pidfile = -1;

    if (signal_fd < 0) {
        error_report("cannot watch signals: %s", g_strerror(-signal_fd));
        return 1;
    }
    if (o->pidfile) {
        pidfile = pidfile_create(o->pidfile, &err);
        if (pidfile < 0) {
            error_report_gerror(err);
            return 1;
        }
    }
    privileges_hide(o->config.dump_guest_core);
    if (o->mem_path || o->objects->len) {
        (void)signal(SIGBUS, no_page);
    }
    m = machine_from_options(o);
    if (m && begin_messages()) {
        serve_machine(m, signal_fd, o->daemonize);
        failed = m->exit_failure;
    }
    if (m) {
        machine_end(m);
    }
    pidfile_remove(o->pidfile, pidfile);
    messages_end();
    return failed ? 1 : 0;
}

/* What a process may lack. */
static bool check_process(void)
{
    int r = streams_open();

    if (r < 0) {
        error_report("cannot open /dev/null in place of a standard stream that "
                     "is closed: %s",
                     g_strerror(-r));
        return false;
    }
    r = descriptors_probe();
    if (r < 0) {
        error_report("cannot open %d files: %s: raise the limit of open files "
                     "(ulimit -n)",
                     DESCRIPTORS_MIN, g_strerror(-r));
    }
    return r == 0;
}

int main(int argc, char **argv)
{
    Options *o;
    GError *err = NULL;
    int status = -1;

    privileges_never_gain();
    g_set_prgname(PROGRAM_NAME);
    if (!check_process()) {
        return 1;
    }
    o = options_new(&program_registry);
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
        status = run_program(o);
    }
    options_free(o);
    return status;
}
