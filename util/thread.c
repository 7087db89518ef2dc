/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread.h"
#include "util/cutils.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static char *task_path(pid_t tid, const char *file)
{
    return g_strdup_printf("/proc/self/task/%d/%s", (int)tid, file);
}

/* NULL if it cannot be read: the thread has ended. */
static char *read_task(pid_t tid, const char *file)
{
    g_autofree char *path = task_path(tid, file);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* Field @wanted of proc_pid_stat(5), from 3 on; the name in field 2 may hold
 * anything. NULL if there is none. */
static const char *stat_field(const char *stat, unsigned wanted)
{
    const char *at = strrchr(stat, ')');

    for (unsigned field = 2; at && field < wanted; field++) {
        at = strchr(at + 1, ' ');
    }
    return at;
}

static uint64_t start_of(const char *stat)
{
    const char *at = stat_field(stat, 22);

    return at ? g_ascii_strtoull(at, NULL, 10) : 0;
}

int thread_id_of(pid_t tid, ThreadId *ret_id)
{
    g_autofree char *stat = tid ? read_task(tid, "stat") : NULL;

    if (!stat) {
        return -ESRCH;
    }
    *ret_id = (ThreadId){ .tid = tid, .start = start_of(stat) };
    return 0;
}

/* 0 if it is still that thread. */
static int check_same(const ThreadId *id)
{
    ThreadId now;
    int r = thread_id_of(id->tid, &now);

    return r < 0 ? r : now.start == id->start ? 0 : -ESRCH;
}

/* --- finding --- */

GArray *threads_list(void)
{
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    g_autoptr(GDir) dir = g_dir_open("/proc/self/task", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        uint64_t n;

        if (parse_u64(name, &n) == 0) {
            pid_t tid = (pid_t)n;

            g_array_append_val(tids, tid);
        }
    }
    return tids;
}

static bool contains(const GArray *tids, pid_t tid)
{
    for (unsigned i = 0; i < tids->len; i++) {
        if (g_array_index(tids, pid_t, i) == tid) {
            return true;
        }
    }
    return false;
}

/* The number behind @prefix in the thread's name, or 0. */
static uint64_t named_after(pid_t tid, const char *prefix)
{
    g_autofree char *name = read_task(tid, "comm");
    uint64_t n;

    return name && g_str_has_prefix(name, prefix) &&
                   parse_u64(g_strchomp(name) + strlen(prefix), &n) == 0
               ? n
               : 0;
}

int thread_find_new(const GArray *before, const char *prefix, ThreadId *ret_id)
{
    g_autoptr(GArray) now = threads_list();
    uint64_t own = (uint64_t)syscall(SYS_gettid);
    unsigned n_found = 0;
    pid_t found = 0;

    for (unsigned i = 0; i < now->len; i++) {
        pid_t tid = g_array_index(now, pid_t, i);
        uint64_t n = contains(before, tid) ? 0 : named_after(tid, prefix);

        if (n == own) {
            return thread_id_of(tid, ret_id);
        }
        if (n) {
            found = tid;
            n_found++;
        }
    }
    return n_found > 1 ? -EBUSY : thread_id_of(found, ret_id);
}

/* --- attributes --- */

int thread_set_affinity(const ThreadId *id, const CpuSet *cpus)
{
    int r = check_same(id);

    return r < 0 ? r
                 : neg_errno(sched_setaffinity(id->tid, sizeof(cpus->cpu_set),
                                               cpus->cpu_set));
}

int thread_get_affinity(const ThreadId *id, CpuSet *ret_cpus)
{
    int r = check_same(id);

    return r < 0 ? r
                 : neg_errno(sched_getaffinity(
                       id->tid, sizeof(ret_cpus->cpu_set), ret_cpus->cpu_set));
}

int thread_move_self(const CpuSet *cpus, CpuSet *ret_old)
{
    CpuSet old;
    int r = neg_errno(sched_getaffinity(0, sizeof(old.cpu_set), old.cpu_set));

    if (r >= 0) {
        r = neg_errno(
            sched_setaffinity(0, sizeof(cpus->cpu_set), cpus->cpu_set));
    }
    if (r >= 0 && ret_old) {
        *ret_old = old;
    }
    return MIN(r, 0);
}

int thread_set_nice(const ThreadId *id, int nice)
{
    int r = check_same(id);

    return r < 0 ? r
                 : neg_errno(setpriority(PRIO_PROCESS, (id_t)id->tid, nice));
}

int thread_set_policy(const ThreadId *id, int policy, int priority)
{
    struct sched_param param = { .sched_priority = priority };
    int r = check_same(id);

    return r < 0 ? r : neg_errno(sched_setscheduler(id->tid, policy, &param));
}

int thread_get_policy(const ThreadId *id)
{
    int r = check_same(id);

    return r < 0 ? r : neg_errno(sched_getscheduler(id->tid));
}

/* The words of policies; one that ends in a colon has a priority behind it. */
static const struct {
    const char *word;
    int policy;
    const char *name;
} policies[] = {
    { "other", SCHED_OTHER, "other" }, { "batch", SCHED_BATCH, "batch" },
    { "idle", SCHED_IDLE, "idle" },    { "fifo:", SCHED_FIFO, "fifo" },
    { "rr:", SCHED_RR, "rr" },
};

int thread_policy_parse(const char *text, int *ret_policy, int *ret_priority)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++) {
        const char *word = policies[i].word;
        size_t len = strlen(word);
        bool has_priority = word[len - 1] == ':';
        uint64_t priority = 0;

        if (strncmp(text, word, has_priority ? len : len + 1) != 0) {
            continue;
        }
        if (has_priority && (parse_u64(text + len, &priority) < 0 ||
                             priority < 1 || priority > 99)) {
            break;
        }
        *ret_policy = policies[i].policy;
        *ret_priority = (int)priority;
        return 0;
    }
    return -EINVAL;
}

const char *thread_policy_name(int policy)
{
    for (unsigned i = 0; policy >= 0 && i < G_N_ELEMENTS(policies); i++) {
        if ((policy & ~SCHED_RESET_ON_FORK) == policies[i].policy) {
            return policies[i].name;
        }
    }
    return NULL;
}

int thread_set_name(const ThreadId *id, const char *name)
{
    g_autofree char *path = task_path(id->tid, "comm");
    int r = check_same(id);
    auto_fd fd = r < 0 ? -1 : neg_errno(open(path, O_WRONLY | O_CLOEXEC));

    if (r == 0) {
        r = fd;
    }
    return r < 0 ? r : neg_errno((int)write(fd, name, strlen(name)));
}

int thread_get_name(const ThreadId *id, char **ret_name)
{
    g_autofree char *name = NULL;
    int r = check_same(id);

    if (r < 0) {
        return r;
    }
    name = read_task(id->tid, "comm");
    if (!name) {
        return -ESRCH;
    }
    *ret_name = g_strchomp(g_steal_pointer(&name));
    return 0;
}

/* --- scheduler --- */

/* The number behind @key in a file of "KEY:\tNUMBER" lines; 0 if absent. */
static uint64_t line_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? g_ascii_strtoull(at + strlen(key), NULL, 10) : 0;
}

int thread_read_stat(const ThreadId *id, ThreadStat *ret_stat)
{
    g_autofree char *schedstat = read_task(id->tid, "schedstat");
    g_autofree char *stat = read_task(id->tid, "stat");
    g_autofree char *status = read_task(id->tid, "status");
    const char *cpu = stat ? stat_field(stat, 39) : NULL;
    ThreadStat s = { 0 };
    char *end;

    if (!id->tid || !stat || !status || start_of(stat) != id->start) {
        return -ESRCH;
    }
    /* A kernel without scheduler statistics has no such file. */
    if (schedstat) {
        s.run_ns = g_ascii_strtoull(schedstat, &end, 10);
        s.wait_ns = g_ascii_strtoull(end, &end, 10);
        s.slices = g_ascii_strtoull(end, &end, 10);
    }
    s.voluntary = line_value(status, "\nvoluntary_ctxt_switches:");
    s.involuntary = line_value(status, "nonvoluntary_ctxt_switches:");
    s.last_cpu = cpu ? atoi(cpu) : -1;
    *ret_stat = s;
    return 0;
}
