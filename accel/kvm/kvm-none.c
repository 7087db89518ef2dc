/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of the rest of accel/kvm where host and guests are of different
 * architectures: the accelerator has its name and is not there. */
#include "accel/kvm.h"
#include "target/target.h"
#include "util/error.h"

static bool kvm_is_present(void)
{
    return false;
}

static bool kvm_init(Machine *machine, GError **errp)
{
    error_setg(errp,
               "KVM is not available: it runs guests of the host's own "
               "architecture, which is not %s; use -accel qtest, or a host "
               "that is",
               target_info.name);
    return false;
}

const AccelOps kvm_accel_ops = {
    .name = "kvm",
    .summary = "not in this program: the host is of another architecture",
    .is_present = kvm_is_present,
    .init = kvm_init,
};
