/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of KVM's x86 side share: kvm.c has the machine and its
 * processors, kvm-irq.c the interrupt controllers and the PIT, kvm-clock.c the
 * clocks, kvm-state.c the registers. */
#ifndef TARGET_I386_KVM_X86_H
#define TARGET_I386_KVM_X86_H

#include "accel/kvm-int.h"
#include "target/i386/kvm-state.h"

/* The guest's clocks as they were when the machine stopped. */
typedef struct KvmClocks {
    struct kvm_clock_data kvmclock;
    uint64_t tsc; /* of the first vCPU */
    bool has_kvmclock, has_tsc;
} KvmClocks;

struct KvmArch {
    bool tsc_deadline;
    struct kvm_cpuid2 *cpuid; /* what KVM offers; owned */
    KvmStateFormat format;
    KvmClocks clocks;
    /* Power-on state. */
    struct kvm_irqchip chips[KVM_NR_IRQCHIPS];
    struct kvm_pit_state2 pit;
};

/* Makes PIC, IOAPIC, PIT and the routes to them, and reads their power-on state.
 * On failure *@ret_what says which step failed. */
int kvm_x86_irq_init(KvmAccel *kvm, const char **ret_what);

#endif
