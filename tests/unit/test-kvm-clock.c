/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clocks of a guest that is stopped, against the kernel's KVM. */
#include "accel/kvm-arch.h"
#include "accel/kvm-int.h"
#include "accel/kvm.h"
#include "program/registry.h"
#include "system/machine.h"
#include "test-kvm.h"

#define PAUSES       300
#define RAM_SIZE     (64 * KiB)
#define APART_MAX_NS 50000 /* over all pauses */

static bool board_init(Machine *m, GError **errp)
{
    g_assert_cmpint(guest_ram_init(&m->ram, RAM_SIZE), ==, 0);
    return true;
}

static void board_finish(Machine *m)
{
}

static bool board_nothing(Machine *m, GError **errp)
{
    return true;
}

static const MachineType board_type = {
    .name = "test",
    .cpus_max = 1,
    .init = board_init,
    .finish = board_finish,
    .machine_done = board_nothing,
    .reset = board_nothing,
    .powerdown = board_finish,
};

static uint64_t tsc_offset(Machine *m)
{
    uint64_t offset = 0;
    const struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&offset,
    };

    g_assert_cmpint(ioctl(kvm_vcpu_fd(&m->cpus[0]), KVM_GET_DEVICE_ATTR, &attr),
                    ==, 0);
    return offset;
}

/* By how many nanoseconds the TSC of the first vCPU is ahead of kvmclock. */
static double tsc_ahead(Machine *m)
{
    struct kvm_clock_data clock = { 0 };
    int khz = ioctl(kvm_vcpu_fd(&m->cpus[0]), KVM_GET_TSC_KHZ, 0);

    g_assert_cmpint(khz, >, 0);
    g_assert_cmpint(ioctl(kvm_accel(m->accel)->vm_fd, KVM_GET_CLOCK, &clock),
                    ==, 0);
    return (double)(int64_t)(clock.host_tsc + tsc_offset(m)) * 1e6 / khz -
           (double)clock.clock;
}

static void pause_machine(Machine *m)
{
    kvm_arch_set_running(m, false);
    kvm_arch_set_running(m, true);
}

/* Not all variants of KVM keep an offset, and not all hosts have a stable TSC.
 * The lab's do, so that it is tested there in any case. */
static bool has_exact_clocks(Machine *m)
{
    uint64_t offset = tsc_offset(m);
    struct kvm_clock_data clock = { 0 };

    pause_machine(m);
    g_assert_cmpint(ioctl(kvm_accel(m->accel)->vm_fd, KVM_GET_CLOCK, &clock),
                    ==, 0);
    if (clock.flags & KVM_CLOCK_HOST_TSC && tsc_offset(m) != offset) {
        return true;
    }
    g_test_message("the KVM of this host has no stable TSC with an offset");
    return false;
}

static void pauses_keep_the_clocks_together(void)
{
    Machine *m = machine_new(&program_registry, &board_type, &kvm_accel_ops);
    GError *error = NULL;
    double before, apart;

    machine_lock(m);
    if (!machine_build(m, &error) || !machine_start(m, &error)) {
        g_assert_no_error(error);
    }
    if (has_exact_clocks(m)) {
        before = tsc_ahead(m);
        for (unsigned i = 0; i < PAUSES; i++) {
            pause_machine(m);
        }
        apart = tsc_ahead(m) - before;
        g_test_message("%u pauses set the clocks apart by %.0f ns", PAUSES,
                       apart);
        g_assert_cmpfloat(ABS(apart), <, APART_MAX_NS);
    }
    machine_unlock(m);
    machine_free(m);
}

static void (*const test)(void) = pauses_keep_the_clocks_together;

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/kvm-clock/pauses_keep_the_clocks_together", &test,
                         run_with_kvm);
    return g_test_run();
}
