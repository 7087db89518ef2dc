/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What -cpu MODEL,FEATURE=off takes from a guest: one table of names, which are
 * QEMU's, and the bits of CPUID that they stand for. A guest gets every feature
 * that KVM can pass on but those that are switched off.
 */
#ifndef TARGET_I386_CPU_FEATURES_H
#define TARGET_I386_CPU_FEATURES_H

typedef enum X86Register {
    X86_EAX,
    X86_EBX,
    X86_ECX,
    X86_EDX,
} X86Register;

typedef struct X86Feature {
    const char *name; /* NULL ends the table */
    uint32_t function, index;
    X86Register reg;
    unsigned bit;
} X86Feature;

extern const X86Feature x86_features[];

/* Names that are more than bits. */
#define X86_FEATURE_PMU "pmu" /* performance counters */
#define X86_FEATURE_KVM "kvm" /* that the hypervisor is KVM */

/* The name in the form of the table, which the caller does not free: "_" and
 * "-" are the same, and some features have two names. NULL if there is no such
 * feature. The table may have several rows of a name. */
const char *x86_feature_name(const char *name);

/* The names, each once: that of number @n, from 0; NULL after the last. */
const char *x86_feature(unsigned n);

#endif
