/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks that a guest reads without leaving it: kvmclock and the TSC. Both
 * stand while the machine does, as the virtual clock (system/timer.h) and all
 * that counts by it do. Documentation/virt/kvm/api.rst and devices/vcpu.rst.
 */
#include "kvm-x86.h"

#include "util/log.h"

#define MSR_IA32_TSC 0x10

static int read_tsc(int vcpu_fd, uint64_t *ret_tsc)
{
    _Alignas(struct kvm_msrs)
        uint8_t buf[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)] = {
            0
        };
    struct kvm_msrs *msrs = (struct kvm_msrs *)buf;
    int r;

    msrs->nmsrs = 1;
    msrs->entries[0].index = MSR_IA32_TSC;
    r = neg_errno(ioctl(vcpu_fd, KVM_GET_MSRS, msrs));
    if (r != 1) {
        return r < 0 ? r : -ENOTSUP;
    }
    *ret_tsc = msrs->entries[0].data;
    return 0;
}

/* Takes @ticks off what is added to the host's TSC. An offset of KVM's own is
 * exact, where a write to the register would let the vCPUs drift apart. */
static int turn_back_tsc(int vcpu_fd, uint64_t ticks)
{
    uint64_t offset = 0;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&offset,
    };
    int r = neg_errno(ioctl(vcpu_fd, KVM_GET_DEVICE_ATTR, &attr));

    if (r < 0) {
        return r;
    }
    offset -= ticks;
    return neg_errno(ioctl(vcpu_fd, KVM_SET_DEVICE_ATTR, &attr));
}

/* What the guest's TSC has gone on by since @then, by the register of the first
 * vCPU. Where the host's TSC is unstable KVM shows us the time of the last exit,
 * so that this may be nothing, or less; only an offset that is set keeps KVM
 * from catching up with the host at the next entry. */
static int tsc_ticks(Machine *m, uint64_t then, uint64_t *ret_ticks)
{
    uint64_t now = 0;
    int r = read_tsc(kvm_vcpu_fd(&m->cpus[0]), &now);

    *ret_ticks = now - then;
    return r;
}

/* The same where KVM tells the host's TSC with its clock, so that both clocks
 * show the same pause: a thread that has to wait between two calls would set
 * them apart, and a guest that compares them distrusts its TSC then. kvmclock
 * goes on already. Documentation/virt/kvm/devices/vcpu.rst, 4.1. */
static bool exact_ticks(KvmAccel *kvm, uint64_t *ret_ticks)
{
    const struct kvm_clock_data *then = &kvm->arch->clocks.kvmclock;
    int khz = ioctl(kvm_vcpu_fd(&kvm->accel.machine->cpus[0]), KVM_GET_TSC_KHZ,
                    0);
    struct kvm_clock_data now = { 0 };

    if (khz <= 0 || ioctl(kvm->vm_fd, KVM_GET_CLOCK, &now) < 0 ||
        !(then->flags & now.flags & KVM_CLOCK_HOST_TSC) ||
        now.clock < then->clock) {
        return false;
    }
    *ret_ticks = now.host_tsc - then->host_tsc -
                 (now.clock - then->clock) * (unsigned)khz / 1000000;
    return true;
}

/* All vCPUs' by as much. -ENXIO before Linux 5.16. */
static int restore_tscs(KvmAccel *kvm, bool *ret_exact)
{
    Machine *m = kvm->accel.machine;
    KvmClocks *c = &kvm->arch->clocks;
    uint64_t ticks = 0;
    int r = 0;

    *ret_exact = c->has_kvmclock && exact_ticks(kvm, &ticks);
    if (!*ret_exact) {
        r = tsc_ticks(m, c->tsc, &ticks);
    }
    for (unsigned i = 0; r == 0 && i < m->config.n_cpus; i++) {
        r = turn_back_tsc(kvm_vcpu_fd(&m->cpus[i]), ticks);
    }
    return r;
}

static void clocks_stop(KvmAccel *kvm)
{
    Machine *m = kvm->accel.machine;
    KvmClocks *c = &kvm->arch->clocks;
    int r;

    c->has_tsc = m->config.n_cpus &&
                 read_tsc(kvm_vcpu_fd(&m->cpus[0]), &c->tsc) == 0;
    r = neg_errno(ioctl(kvm->vm_fd, KVM_GET_CLOCK, &c->kvmclock));
    c->has_kvmclock = r == 0;
    trace(kvm_clocks, "stop kvmclock=%" PRIu64 " tsc=0x%" PRIx64 " ret=%d",
          (uint64_t)c->kvmclock.clock, c->tsc, r);
}

/* If something fails the guest sees the time that has passed, which it
 * survives. */
static void clocks_start(KvmAccel *kvm)
{
    KvmClocks *c = &kvm->arch->clocks;
    int tsc = -ENODATA, clock = -ENODATA;
    bool exact = false;

    if (c->has_kvmclock) {
        struct kvm_clock_data data = { .clock = c->kvmclock.clock };

        clock = neg_errno(ioctl(kvm->vm_fd, KVM_SET_CLOCK, &data));
        c->has_kvmclock = clock == 0;
    }
    if (c->has_tsc) {
        tsc = restore_tscs(kvm, &exact);
    }
    trace(kvm_clocks, "start tsc=%d kvmclock=%d exact=%d", tsc, clock, exact);
    c->has_tsc = c->has_kvmclock = false;
}

void kvm_arch_set_running(Machine *machine, bool running)
{
    KvmAccel *kvm = kvm_accel(machine->accel);

    if (running) {
        clocks_start(kvm);
    } else {
        clocks_stop(kvm);
    }
}
