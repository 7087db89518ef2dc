/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID: what the host's KVM offers, made to fit one vCPU. A pure function on
 * a table, so that a unit test sees all there is to see. Only for accel/kvm
 * and target/i386.
 */
#ifndef TARGET_I386_KVM_CPUID_H
#define TARGET_I386_KVM_CPUID_H

#include <linux/kvm.h>

#include "system/cpus.h"
#include "target/i386/cpu-features.h"

typedef struct X86CpuidConfig {
    CpuTopology topology;
    uint32_t apic_id;
    bool tsc_deadline;      /* the in-kernel APIC has the TSC deadline timer */
    const char *const *off; /* features (x86_feature_name()) that the guest does
                             * not get, NULL at the end; or NULL */
} X86CpuidConfig;

/* Entries that x86_cpuid_patch() may add to a table. */
#define X86_CPUID_EXTRA 8

/*
 * Writes APIC ids, topology and cache sharing of one vCPU into the table
 * @entries of @n, which has room for @max. Leaves that only this vCPU's place
 * in the machine decides are replaced, features that are switched off are taken
 * out; everything else stays as it is. Returns
 * the new number of entries, or -ENOSPC.
 */
int x86_cpuid_patch(struct kvm_cpuid_entry2 *entries, unsigned n, unsigned max,
                    const X86CpuidConfig *config);

/* The entry of @function and, where the index counts, @index; or NULL. */
struct kvm_cpuid_entry2 *x86_cpuid_find(struct kvm_cpuid_entry2 *entries,
                                        unsigned n, uint32_t function,
                                        uint32_t index);

/* Whether the table, which is what KVM offers, has the feature @name, in one of
 * the places that it may stand in, or x86_cpuid_patch() adds it. If not,
 * *@ret_missing is the first of these places. */
bool x86_cpuid_has(struct kvm_cpuid_entry2 *entries, unsigned n,
                   const char *name, const X86Feature **ret_missing);

#endif
