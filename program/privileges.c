/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process gives up, so that one that is taken over holds little. */
#include "program/privileges.h"
#include "util/capability.h"
#include "util/error.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>

void run_as_clear(RunAs *run_as)
{
    g_free(run_as->user);
    g_free(run_as->groups);
    g_free(run_as->chroot);
    *run_as = (RunAs){ 0 };
}

void privileges_never_gain(void)
{
    /* Linux 3.5; the argument list is fixed, so that it cannot fail. */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* --- what others see --- */

#ifndef __has_feature
#define __has_feature(_feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
/* LeakSanitizer looks through the process by ptrace at its end. It was there
 * first, so that this comes before it. */
static void show_at_exit(void)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void let_leaks_be_found(void)
{
    (void)atexit(show_at_exit);
}
#else
static void let_leaks_be_found(void)
{
}
#endif

/* The signal's default comes next: a fault happens again, and what somebody has
 * sent is sent again. */
static void crash(int sig, siginfo_t *info, void *context)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (info->si_code <= 0) {
        (void)raise(sig);
    }
}

void privileges_hide(bool dump)
{
    static const int signals[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT,
                                   SIGBUS,  SIGFPE, SIGSEGV };
    struct sigaction sa = { .sa_sigaction = crash,
                            .sa_flags = SA_SIGINFO | SA_RESETHAND };

    /* Said in either case: to become another user resets it. */
    (void)prctl(PR_SET_DUMPABLE, dump, 0, 0, 0);
    let_leaks_be_found();
    for (unsigned i = 0; !dump && i < G_N_ELEMENTS(signals); i++) {
        struct sigaction old;

        if (sigaction(signals[i], NULL, &old) == 0 &&
            !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL) {
            (void)sigaction(signals[i], &sa, NULL);
        }
    }
}

/* --- who it is --- */

static bool enter_root(const char *dir, GError **errp)
{
    if (chroot(dir) < 0 || chdir("/") < 0) {
        error_setg_errno(errp, errno,
                         "-run-with: chroot=%s: cannot change the root "
                         "directory",
                         dir);
        return false;
    }
    if (access("/proc/self/task", F_OK) < 0) {
        warn_report("-run-with: chroot=%s: there is no /proc: workers=auto and "
                    "statistics of workers stand still, and a device that is "
                    "added cannot place its workers: mount one there",
                    dir);
    }
    return true;
}

/* Groups first: a user who is not root cannot set them. */
static bool become(const RunAs *run_as, GError **errp)
{
    bool dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    const char *what = "groups";

    if (setgroups(run_as->n_groups, run_as->groups) == 0) {
        what = "group";
        if (setresgid(run_as->gid, run_as->gid, run_as->gid) == 0) {
            what = "user";
            (void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
            if (setresuid(run_as->uid, run_as->uid, run_as->uid) == 0) {
                (void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
                (void)prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
                return true;
            }
        }
    }
    error_setg_errno(errp, errno, "-run-with: user=%s: cannot change the %s",
                     run_as->user, what);
    return false;
}

/* Whether somebody else's rights can be had: then nothing was given up. */
static bool can_regain(const RunAs *run_as)
{
    return setresuid(0, 0, 0) == 0 ||
           (run_as->gid != 0 && setresgid(0, 0, 0) == 0);
}

void privileges_limit(const RunAs *run_as, uint64_t keep)
{
    uint64_t later = 0;

    if (run_as->user) {
        later |= UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID;
    }
    if (run_as->chroot) {
        later |= UINT64_C(1) << CAP_SYS_CHROOT;
    }
    capabilities_bound(keep); /* while CAP_SETPCAP is there */
    capabilities_keep(keep | later);
}

bool privileges_drop(const RunAs *run_as, uint64_t keep, GError **errp)
{
    if (run_as->chroot && !enter_root(run_as->chroot, errp)) {
        return false;
    }
    if (run_as->user && !become(run_as, errp)) {
        return false;
    }
    capabilities_keep(keep);
    if (run_as->user && can_regain(run_as)) {
        error_setg(errp,
                   "-run-with: user=%s: the kernel lets this user become "
                   "root again: choose another user",
                   run_as->user);
        return false;
    }
    return true;
}
