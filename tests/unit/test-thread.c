/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of this process: which one is new, and numbers that are given again. */
#include "util/thread.h"
#include "util/cutils.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#define PREFIX "vhost-"

/* A thread with a name, until it is let go. */
typedef struct Named {
    char name[16];
    pid_t tid;
    bool go;
    GMutex lock;
    GCond cond;
    GThread *thread;
} Named;

static void *named_main(void *opaque)
{
    Named *n = opaque;

    prctl(PR_SET_NAME, n->name);
    g_mutex_lock(&n->lock);
    n->tid = (pid_t)syscall(SYS_gettid);
    g_cond_broadcast(&n->cond);
    while (!n->go) {
        g_cond_wait(&n->cond, &n->lock);
    }
    g_mutex_unlock(&n->lock);
    return NULL;
}

static void named_start(Named *n, uint64_t number)
{
    *n = (Named){ 0 };
    g_snprintf(n->name, sizeof(n->name), PREFIX "%" PRIu64, number);
    g_mutex_init(&n->lock);
    g_cond_init(&n->cond);
    n->thread = g_thread_new("named", named_main, n);
    g_mutex_lock(&n->lock);
    while (!n->tid) {
        g_cond_wait(&n->cond, &n->lock);
    }
    g_mutex_unlock(&n->lock);
}

/* A thread that was joined may be on its way out of the kernel still. */
static void wait_gone(pid_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d", tid);

    for (unsigned ms = 0; ms < 120000 && access(path, F_OK) == 0; ms++) {
        g_usleep(1000);
    }
}

static void named_end(Named *n)
{
    g_mutex_lock(&n->lock);
    n->go = true;
    g_cond_broadcast(&n->cond);
    g_mutex_unlock(&n->lock);
    g_thread_join(n->thread);
    wait_gone(n->tid);
    g_cond_clear(&n->cond);
    g_mutex_clear(&n->lock);
}

/* What it has besides is not of the kernel's making. */
static uint64_t own_number(void)
{
    return (uint64_t)syscall(SYS_gettid);
}

static void new_thread_called_after_the_caller_is_found(void)
{
    g_autoptr(GArray) before = threads_list();
    Named ours, other;
    ThreadId id;

    named_start(&other, own_number() + 1);
    named_start(&ours, own_number());
    g_assert_cmpint(thread_find_new(before, PREFIX, &id), ==, 0);
    g_assert_cmpint(id.tid, ==, ours.tid);
    named_end(&ours);
    named_end(&other);
}

static void new_thread_called_after_another_number_is_found(void)
{
    g_autoptr(GArray) before = threads_list();
    Named worker;
    ThreadId id;

    named_start(&worker, own_number() + 100000);
    g_assert_cmpint(thread_find_new(before, PREFIX, &id), ==, 0);
    g_assert_cmpint(id.tid, ==, worker.tid);
    named_end(&worker);
}

static void two_new_threads_of_other_numbers_are_told(void)
{
    g_autoptr(GArray) before = threads_list();
    Named a, b;
    ThreadId id = { 0 };

    named_start(&a, own_number() + 1);
    named_start(&b, own_number() + 2);
    g_assert_cmpint(thread_find_new(before, PREFIX, &id), ==, -EBUSY);
    g_assert_cmpint(id.tid, ==, 0);
    named_end(&a);
    named_end(&b);
}

static void old_threads_and_other_names_are_not_found(void)
{
    g_autoptr(GArray) before = NULL;
    Named old;
    ThreadId id = { 0 };

    named_start(&old, own_number());
    before = threads_list();
    g_assert_cmpint(thread_find_new(before, PREFIX, &id), ==, -ESRCH);
    g_assert_cmpint(id.tid, ==, 0);
    named_end(&old);
}

static void assert_gone(const ThreadId *id)
{
    g_autofree char *name = NULL;
    CpuSet cpus = { 0 };
    ThreadStat stat;

    cpuset_add(&cpus, 0);
    g_assert_cmpint(thread_set_affinity(id, &cpus), ==, -ESRCH);
    g_assert_cmpint(thread_get_affinity(id, &cpus), ==, -ESRCH);
    g_assert_cmpint(thread_set_nice(id, 0), ==, -ESRCH);
    g_assert_cmpint(thread_set_policy(id, SCHED_OTHER, 0), ==, -ESRCH);
    g_assert_cmpint(thread_get_policy(id), ==, -ESRCH);
    g_assert_cmpint(thread_set_name(id, "x"), ==, -ESRCH);
    g_assert_cmpint(thread_get_name(id, &name), ==, -ESRCH);
    g_assert_cmpint(thread_read_stat(id, &stat), ==, -ESRCH);
}

static void thread_that_ended_is_not_touched(void)
{
    Named worker;
    ThreadId id;

    named_start(&worker, 1);
    g_assert_cmpint(thread_id_of(worker.tid, &id), ==, 0);
    named_end(&worker);
    assert_gone(&id);
}

static void number_that_is_given_again_is_another_thread(void)
{
    Named worker;
    ThreadId id;

    named_start(&worker, 1);
    g_assert_cmpint(thread_id_of(worker.tid, &id), ==, 0);
    id.start--;
    assert_gone(&id);
    named_end(&worker);
}

static void no_thread_is_no_thread(void)
{
    const ThreadId none = { 0 };

    assert_gone(&none);
}

static void attributes_of_a_thread_are_set_and_read(void)
{
    g_autofree char *name = NULL, *list = NULL;
    CpuSet cpus, before;
    ThreadStat stat;
    Named worker;
    ThreadId id;

    named_start(&worker, 1);
    g_assert_cmpint(thread_id_of(worker.tid, &id), ==, 0);
    g_assert_cmpint(thread_get_affinity(&id, &before), >=, 0);
    list = cpulist_format(&before);
    g_assert_cmpint(thread_set_affinity(&id, &before), ==, 0);
    g_assert_cmpint(thread_get_affinity(&id, &cpus), >=, 0);
    g_assert_cmpmem(&cpus, sizeof(cpus), &before, sizeof(before));
    g_assert_cmpint(thread_set_nice(&id, 3), ==, 0);
    g_assert_cmpint(thread_set_policy(&id, SCHED_BATCH, 0), ==, 0);
    g_assert_cmpint(thread_get_policy(&id), ==, SCHED_BATCH);
    g_assert_cmpint(thread_set_name(&id, "disk0:0-2"), >=, 0);
    g_assert_cmpint(thread_get_name(&id, &name), ==, 0);
    g_assert_cmpstr(name, ==, "disk0:0-2");
    g_assert_cmpint(thread_read_stat(&id, &stat), ==, 0);
    g_assert_cmpint(stat.last_cpu, >=, 0);
    named_end(&worker);
}

#define TEST(_name) g_test_add_func("/thread/" #_name, _name)

static void words_of_policies_are_understood(void)
{
    static const struct {
        const char *text;
        int policy, priority;
        const char *name;
    } good[] = {
        { "other", SCHED_OTHER, 0, "other" },
        { "batch", SCHED_BATCH, 0, "batch" },
        { "idle", SCHED_IDLE, 0, "idle" },
        { "fifo:1", SCHED_FIFO, 1, "fifo" },
        { "rr:99", SCHED_RR, 99, "rr" },
    };
    static const char *const bad[] = { "",      "othe",    "others", "fifo",
                                       "fifo:", "fifo:0",  "rr:100", "rr:1x",
                                       "idle:", "other:1", "FIFO:1" };
    int policy = -7, priority = -7;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpint(thread_policy_parse(bad[i], &policy, &priority), ==,
                        -EINVAL);
        g_assert_cmpint(policy, ==, -7);
        g_assert_cmpint(priority, ==, -7);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_cmpint(thread_policy_parse(good[i].text, &policy, &priority),
                        ==, 0);
        g_assert_cmpint(policy, ==, good[i].policy);
        g_assert_cmpint(priority, ==, good[i].priority);
        g_assert_cmpstr(thread_policy_name(policy | SCHED_RESET_ON_FORK), ==,
                        good[i].name);
    }
    g_assert_null(thread_policy_name(-ESRCH));
    g_assert_null(thread_policy_name(SCHED_DEADLINE));
}

static void own_processors_are_changed_and_given_back(void)
{
    CpuSet all, one = { 0 }, now;

    g_assert_cmpint(sched_getaffinity(0, sizeof(all.cpu_set), all.cpu_set), >=,
                    0);
    for (unsigned n = 0; !cpuset_count(&one); n++) {
        if (cpuset_has(&all, n)) {
            cpuset_add(&one, n);
        }
    }
    g_assert_cmpint(thread_move_self(&one, &all), ==, 0);
    g_assert_cmpint(sched_getaffinity(0, sizeof(now.cpu_set), now.cpu_set), >=,
                    0);
    g_assert_cmpuint(cpuset_count(&now), ==, 1);
    g_assert_cmpint(thread_move_self(&all, NULL), ==, 0);
    g_assert_cmpint(sched_getaffinity(0, sizeof(now.cpu_set), now.cpu_set), >=,
                    0);
    g_assert_cmpuint(cpuset_count(&now), ==, cpuset_count(&all));

    one = (CpuSet){ 0 };
    g_assert_cmpint(thread_move_self(&one, NULL), ==, -EINVAL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(new_thread_called_after_the_caller_is_found);
    TEST(new_thread_called_after_another_number_is_found);
    TEST(two_new_threads_of_other_numbers_are_told);
    TEST(old_threads_and_other_names_are_not_found);
    TEST(thread_that_ended_is_not_touched);
    TEST(number_that_is_given_again_is_another_thread);
    TEST(no_thread_is_no_thread);
    TEST(attributes_of_a_thread_are_set_and_read);
    TEST(words_of_policies_are_understood);
    TEST(own_processors_are_changed_and_given_back);
    return g_test_run();
}
