/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-worker-limits.h"
#include "util/cutils.h"
#include "util/error.h"

#include <sys/resource.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

static unsigned own_threads(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
    unsigned n = 0;

    while (dir && g_dir_read_name(dir)) {
        n++;
    }
    return n;
}

/* The kernel counts all threads of the user, of which we know our own: what
 * fails here fails for sure. Root is not bound by it. */
static bool check_nproc(unsigned n, GError **errp)
{
    unsigned have = own_threads();
    struct rlimit limit;

    if (geteuid() == 0 || getrlimit(RLIMIT_NPROC, &limit) < 0 ||
        limit.rlim_cur == RLIM_INFINITY || have + n <= limit.rlim_cur) {
        return true;
    }
    error_setg(errp,
               "%u worker threads are wanted beside the %u threads there are, "
               "and the user's limit is %" PRIu64
               ": raise it (ulimit -u), lower "
               "num_queues or ask for fewer workers",
               n, have, (uint64_t)limit.rlim_cur);
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

static bool check_cgroup(const char *dir, unsigned n, GError **errp)
{
    uint64_t max, current;

    if (read_count(dir, "pids.max", &max) < 0 ||
        read_count(dir, "pids.current", &current) < 0 || current + n <= max) {
        return true;
    }
    error_setg(errp,
               "%u worker threads are wanted, and %s/pids.max allows %" PRIu64
               " threads of which %" PRIu64
               " are there: raise it, lower num_queues or ask for fewer "
               "workers",
               n, dir, max, current);
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

bool vhost_worker_check_limits(unsigned n, GError **errp)
{
    g_autofree char *dir = own_cgroup();

    if (!check_nproc(n, errp)) {
        return false;
    }
    while (dir && g_str_has_prefix(dir, CGROUP_ROOT "/")) {
        char *parent;

        if (!check_cgroup(dir, n, errp)) {
            return false;
        }
        parent = g_path_get_dirname(dir);
        g_free(dir);
        dir = parent;
    }
    return true;
}

static const struct {
    const char *call;
    int r;
    const char *hint;
} hints[] = {
    { "VHOST_SET_OWNER", -EBUSY,
      "the descriptor has an owner already: pass a freshly opened one" },
    { "VHOST_GET_FORK_FROM_OWNER", -ENOTTY,
      "this kernel does not let vhost-thread-mode be chosen (Linux 6.17 does): "
      "give vhost-thread-mode=auto" },
    { "VHOST_NEW_WORKER", -ENOMEM,
      "the kernel could not create a worker thread: raise the thread limits "
      "(ulimit -u, pids.max of the cgroup) or lower num_queues" },
    { "VHOST_NEW_WORKER", -EFAULT,
      "the kernel runs vhost in kthread mode, which allows one worker: set the "
      "vhost module parameter fork_from_owner_default=Y or "
      "worker_per_virtqueue=off" },
    { "VHOST_GET_VRING_WORKER", -EIO,
      "the kernel does not confirm the worker of the virtqueue" },
    { "sched_setaffinity", -EINVAL,
      "none of the processors may be used by this process: see "
      "Cpus_allowed_list in /proc/self/status" },
    { "setpriority", -EACCES,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -e)" },
    { "setpriority", -EPERM,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -e)" },
    { "sched_setscheduler", -EPERM,
      "it needs CAP_SYS_NICE or a limit that allows it (ulimit -r)" },
    { "finding the worker's thread", -ESRCH,
      "the kernel runs vhost in kthread mode, in which workers are not threads "
      "of this process: leave processors, nice and sched out" },
};

const char *vhost_worker_hint(const char *call, int r)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(hints); i++) {
        if (hints[i].r == r && g_str_equal(hints[i].call, call)) {
            return hints[i].hint;
        }
    }
    return "";
}
