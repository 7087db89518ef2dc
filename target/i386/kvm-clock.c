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

/* All by as much as the first one's has gone on. -ENXIO before Linux 5.16.
 * Where the host's TSC is unstable KVM shows us the time of the last exit, so
 * that this may be nothing, or less; only an offset that is set keeps KVM from
 * catching up with the host at the next entry. */
static int restore_tscs(Machine *m, uint64_t then)
{
    uint64_t now = 0;
    int r = read_tsc(kvm_vcpu_fd(&m->cpus[0]), &now);

    for (unsigned i = 0; r == 0 && i < m->config.n_cpus; i++) {
        r = turn_back_tsc(kvm_vcpu_fd(&m->cpus[i]), now - then);
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

    /* The TSC first: KVM computes kvmclock from it. */
    if (c->has_tsc) {
        tsc = restore_tscs(kvm->accel.machine, c->tsc);
    }
    if (c->has_kvmclock) {
        struct kvm_clock_data data = { .clock = c->kvmclock.clock };

        clock = neg_errno(ioctl(kvm->vm_fd, KVM_SET_CLOCK, &data));
    }
    trace(kvm_clocks, "start tsc=%d kvmclock=%d", tsc, clock);
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
