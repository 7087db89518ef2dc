/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread-limits.h"
#include "util/capability.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/thread.h"

#include <sys/resource.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

/* Which user of the parent's user namespace this process' real one is, and
 * whether the process is in the first user namespace, which maps all of them to
 * themselves; user_namespaces(7). */
static bool map_user(uint32_t uid, uint64_t *ret_outside, bool *ret_first)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    bool found = false;

    if (!g_file_get_contents("/proc/self/uid_map", &text, NULL, NULL)) {
        return false;
    }
    lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line; line++) {
        uint64_t inside, outside, n;

        if (sscanf(*line, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside,
                   &n) != 3) {
            continue;
        }
        *ret_first = n == UINT32_MAX && inside == 0 && outside == 0;
        if (uid >= inside && uid - inside < n) {
            *ret_outside = outside + (uid - inside);
            found = true;
        }
    }
    return found;
}

/* Whom fork() lets pass RLIMIT_NPROC (kernel/fork.c, copy_process()): the root
 * user of the first user namespace, and who has one of two capabilities there.
 * In a namespace below another than the first this cannot be known, and true is
 * what refuses nothing. */
static bool passes_nproc(void)
{
    uint64_t outside = 0;
    bool first = false;

    if (!map_user(getuid(), &outside, &first) || outside == 0) {
        return true;
    }
    return first &&
           (capability_has(CAP_SYS_RESOURCE) || capability_has(CAP_SYS_ADMIN));
}

/* The kernel counts all threads of the user, of which we know our own: what
 * fails here fails for sure. */
static bool check_nproc(unsigned n, const char *what, GError **errp)
{
    g_autoptr(GArray) threads = threads_list();
    unsigned have = threads->len;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NPROC, &limit) < 0 ||
        limit.rlim_cur == RLIM_INFINITY || have + n <= limit.rlim_cur ||
        passes_nproc()) {
        return true;
    }
    error_setg(errp,
               "%u %s are wanted beside the %u threads there are, and the "
               "user's limit is %" PRIu64 ": raise it (ulimit -u)",
               n, what, have, (uint64_t)limit.rlim_cur);
    return false;
}

/* The number in a cgroup's file; -ENOENT if there is none ("max"). */
static int read_count(const char *dir, const char *file, uint64_t *ret_count)
{
    g_autofree char *path = g_build_filename(dir, file, NULL);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return -ENOENT;
    }
    return parse_u64(g_strchomp(text), ret_count) < 0 ? -ENOENT : 0;
}

static bool check_cgroup(const char *dir, unsigned n, const char *what,
                         GError **errp)
{
    uint64_t max, current;

    if (read_count(dir, "pids.max", &max) < 0 ||
        read_count(dir, "pids.current", &current) < 0 || current + n <= max) {
        return true;
    }
    error_setg(errp,
               "%u %s are wanted, and %s/pids.max allows %" PRIu64
               " threads of which %" PRIu64 " are there: raise it",
               n, what, dir, max, current);
    return false;
}

/* Of cgroup version 2: "0::/path". */
static char *own_cgroup(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL)) {
        return NULL;
    }
    lines = g_strsplit(text, "\n", 0);
    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "0::/")) {
            return g_build_filename(CGROUP_ROOT, *line + strlen("0::"), NULL);
        }
    }
    return NULL;
}

bool thread_check_limits(unsigned n, const char *what, GError **errp)
{
    g_autofree char *dir = own_cgroup();

    if (!check_nproc(n, what, errp)) {
        return false;
    }
    while (dir && g_str_has_prefix(dir, CGROUP_ROOT "/")) {
        char *parent;

        if (!check_cgroup(dir, n, what, errp)) {
            return false;
        }
        parent = g_path_get_dirname(dir);
        g_free(dir);
        dir = parent;
    }
    return true;
}
