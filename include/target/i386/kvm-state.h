/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of one vCPU as KVM hands it out and takes it back. A vCPU's whole
 * state is read once, right after its creation; a reset writes it back, so
 * that what KVM calls power-on needs no second description here. Only for
 * accel/kvm and target/i386. Leaves; any thread while the vCPU does not run.
 */
#ifndef TARGET_I386_KVM_STATE_H
#define TARGET_I386_KVM_STATE_H

#include <linux/kvm.h>

#include "accel/kvm-arch.h"
#include "target/i386/kvm-cpuid.h"

/* What a vCPU's state consists of on this host. */
typedef struct KvmStateFormat {
    struct kvm_msr_list *msrs; /* those KVM saves; owned */
    size_t xsave_size;         /* bytes, at least sizeof(struct kvm_xsave) */
    bool has_xsave2;
    unsigned parts;  /* bit i: kvm_state_parts[i] is there */
    bool has_nested; /* the guest may run guests */
} KvmStateFormat;

/*
 * The parts that one call reads and one call writes, in the order in which they
 * are written. What else there is: MSRs, which come before the last part, and
 * the nested state, which comes first.
 */
typedef struct KvmStatePart {
    const char *name;
    unsigned long get, set;
    size_t offset;  /* in KvmCpuState */
    int capability; /* without it the part is not there; 0: it always is */
} KvmStatePart;

#define KVM_STATE_PARTS 8
extern const KvmStatePart kvm_state_parts[KVM_STATE_PARTS];

/* Zero @format first. Undo with kvm_state_format_finish(), which takes a
 * failed one. */
int kvm_state_format_init(KvmStateFormat *format, int kvm_fd, int vm_fd);
void kvm_state_format_finish(KvmStateFormat *format);

/* Gives the vCPU its CPUID: @supported (what KVM offers) made to fit @config.
 * A leaf that KVM refuses is left out with a trace. */
int kvm_cpu_set_cpuid(int vcpu_fd, const struct kvm_cpuid2 *supported,
                      const X86CpuidConfig *config);

/* Sets what PC firmware would have set (memory types, fast strings) and reads
 * the state of the new vCPU @vcpu_fd. */
int kvm_cpu_state_new(const KvmStateFormat *format, int vcpu_fd,
                      KvmCpuState **ret_state);

/* Writes @state back; of the MSRs those that have changed. An MSR that KVM
 * refuses is skipped with a trace. The TSC is not written, or the vCPUs'
 * counters would drift apart. */
int kvm_cpu_state_load(const KvmCpuState *state, int vcpu_fd);

#endif
