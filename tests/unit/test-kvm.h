/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests against the kernel's KVM: they are skipped, with the reason, only
 * where /dev/kvm cannot be opened; whatever else fails is a failure. */
#ifndef TEST_KVM_H
#define TEST_KVM_H

#include <fcntl.h>

static inline bool kvm_can_be_opened(void)
{
    auto_fd fd = neg_errno(open("/dev/kvm", O_RDWR | O_CLOEXEC));
    g_autofree char *why = g_strdup_printf("/dev/kvm: %s",
                                           g_strerror(fd < 0 ? -fd : 0));

    if (fd < 0) {
        g_test_skip(why);
    }
    return fd >= 0;
}

/* Runs the test function that @run points to. */
static inline void run_with_kvm(gconstpointer run)
{
    void (*const *test)(void) = run;

    if (kvm_can_be_opened()) {
        (*test)();
    }
}

#endif
