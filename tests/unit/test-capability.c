/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/capability.h"

#include <sys/prctl.h>
#include <sys/wait.h>

/* In a process of its own, which has what the test has: all of it if root runs
 * it, nothing otherwise. Returns a bit for each question below. */
static unsigned in_child(uint64_t keep, bool bound)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (bound) {
            capabilities_bound(keep);
        }
        capabilities_keep(keep);
        _exit(capability_has(CAP_SYS_NICE) |
              capability_has(CAP_NET_ADMIN) << 1 |
              capability_has(CAP_SYS_ADMIN) << 2 |
              (prctl(PR_CAPBSET_READ, CAP_SYS_NICE, 0, 0, 0) == 1) << 3 |
              (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1) << 4);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFEXITED(status));
    return (unsigned)WEXITSTATUS(status);
}

static unsigned had(unsigned capability)
{
    return capability_has(capability);
}

static void test_what_is_kept_is_all_there_is(void)
{
    uint64_t nice = UINT64_C(1) << CAP_SYS_NICE;

    g_assert_cmphex(in_child(0, false) & 7, ==, 0);
    g_assert_cmphex(in_child(nice, false) & 7, ==, had(CAP_SYS_NICE));
    g_assert_cmphex(in_child(UINT64_MAX, false) & 7, ==,
                    had(CAP_SYS_NICE) | had(CAP_NET_ADMIN) << 1 |
                        had(CAP_SYS_ADMIN) << 2);
}

static void test_bounding_set_keeps_the_same(void)
{
    uint64_t nice = UINT64_C(1) << CAP_SYS_NICE;
    unsigned before = in_child(UINT64_MAX, false) >> 3;

    /* Without CAP_SETPCAP it stays. */
    g_assert_cmphex(in_child(nice, true) >> 3, ==,
                    had(CAP_SETPCAP) ? before & 1 : before);
    g_assert_cmphex(in_child(0, true) >> 3, ==, had(CAP_SETPCAP) ? 0 : before);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/capability/keep", test_what_is_kept_is_all_there_is);
    g_test_add_func("/capability/bound", test_bounding_set_keeps_the_same);
    return g_test_run();
}
