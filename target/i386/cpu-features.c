/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel SDM 2A, CPUID; AMD APM 3, appendix E; Documentation/virt/kvm/x86/cpuid.rst
 * for what begins with kvm. */
#include "target/i386/cpu-features.h"

const X86Feature x86_features[] = {
    { "fpu", 0x1, 0, X86_EDX, 0 },
    { "vme", 0x1, 0, X86_EDX, 1 },
    { "de", 0x1, 0, X86_EDX, 2 },
    { "pse", 0x1, 0, X86_EDX, 3 },
    { "tsc", 0x1, 0, X86_EDX, 4 },
    { "msr", 0x1, 0, X86_EDX, 5 },
    { "pae", 0x1, 0, X86_EDX, 6 },
    { "mce", 0x1, 0, X86_EDX, 7 },
    { "cx8", 0x1, 0, X86_EDX, 8 },
    { "apic", 0x1, 0, X86_EDX, 9 },
    { "sep", 0x1, 0, X86_EDX, 11 },
    { "mtrr", 0x1, 0, X86_EDX, 12 },
    { "pge", 0x1, 0, X86_EDX, 13 },
    { "mca", 0x1, 0, X86_EDX, 14 },
    { "cmov", 0x1, 0, X86_EDX, 15 },
    { "pat", 0x1, 0, X86_EDX, 16 },
    { "pse36", 0x1, 0, X86_EDX, 17 },
    { "pn", 0x1, 0, X86_EDX, 18 },
    { "clflush", 0x1, 0, X86_EDX, 19 },
    { "ds", 0x1, 0, X86_EDX, 21 },
    { "acpi", 0x1, 0, X86_EDX, 22 },
    { "mmx", 0x1, 0, X86_EDX, 23 },
    { "fxsr", 0x1, 0, X86_EDX, 24 },
    { "sse", 0x1, 0, X86_EDX, 25 },
    { "sse2", 0x1, 0, X86_EDX, 26 },
    { "ss", 0x1, 0, X86_EDX, 27 },
    { "ht", 0x1, 0, X86_EDX, 28 },
    { "tm", 0x1, 0, X86_EDX, 29 },
    { "ia64", 0x1, 0, X86_EDX, 30 },
    { "pbe", 0x1, 0, X86_EDX, 31 },
    { "pni", 0x1, 0, X86_ECX, 0 },
    { "pclmulqdq", 0x1, 0, X86_ECX, 1 },
    { "dtes64", 0x1, 0, X86_ECX, 2 },
    { "monitor", 0x1, 0, X86_ECX, 3 },
    { "ds-cpl", 0x1, 0, X86_ECX, 4 },
    { "vmx", 0x1, 0, X86_ECX, 5 },
    { "smx", 0x1, 0, X86_ECX, 6 },
    { "est", 0x1, 0, X86_ECX, 7 },
    { "tm2", 0x1, 0, X86_ECX, 8 },
    { "ssse3", 0x1, 0, X86_ECX, 9 },
    { "cid", 0x1, 0, X86_ECX, 10 },
    { "fma", 0x1, 0, X86_ECX, 12 },
    { "cx16", 0x1, 0, X86_ECX, 13 },
    { "xtpr", 0x1, 0, X86_ECX, 14 },
    { "pdcm", 0x1, 0, X86_ECX, 15 },
    { "pcid", 0x1, 0, X86_ECX, 17 },
    { "dca", 0x1, 0, X86_ECX, 18 },
    { "sse4.1", 0x1, 0, X86_ECX, 19 },
    { "sse4.2", 0x1, 0, X86_ECX, 20 },
    { "x2apic", 0x1, 0, X86_ECX, 21 },
    { "movbe", 0x1, 0, X86_ECX, 22 },
    { "popcnt", 0x1, 0, X86_ECX, 23 },
    { "tsc-deadline", 0x1, 0, X86_ECX, 24 },
    { "aes", 0x1, 0, X86_ECX, 25 },
    { "xsave", 0x1, 0, X86_ECX, 26 },
    { "avx", 0x1, 0, X86_ECX, 28 },
    { "f16c", 0x1, 0, X86_ECX, 29 },
    { "rdrand", 0x1, 0, X86_ECX, 30 },
    { "hypervisor", 0x1, 0, X86_ECX, 31 },
    { "arat", 0x6, 0, X86_EAX, 2 },
    { "fsgsbase", 0x7, 0, X86_EBX, 0 },
    { "tsc-adjust", 0x7, 0, X86_EBX, 1 },
    { "sgx", 0x7, 0, X86_EBX, 2 },
    { "bmi1", 0x7, 0, X86_EBX, 3 },
    { "hle", 0x7, 0, X86_EBX, 4 },
    { "avx2", 0x7, 0, X86_EBX, 5 },
    { "smep", 0x7, 0, X86_EBX, 7 },
    { "bmi2", 0x7, 0, X86_EBX, 8 },
    { "erms", 0x7, 0, X86_EBX, 9 },
    { "invpcid", 0x7, 0, X86_EBX, 10 },
    { "rtm", 0x7, 0, X86_EBX, 11 },
    { "mpx", 0x7, 0, X86_EBX, 14 },
    { "avx512f", 0x7, 0, X86_EBX, 16 },
    { "avx512dq", 0x7, 0, X86_EBX, 17 },
    { "rdseed", 0x7, 0, X86_EBX, 18 },
    { "adx", 0x7, 0, X86_EBX, 19 },
    { "smap", 0x7, 0, X86_EBX, 20 },
    { "avx512ifma", 0x7, 0, X86_EBX, 21 },
    { "pcommit", 0x7, 0, X86_EBX, 22 },
    { "clflushopt", 0x7, 0, X86_EBX, 23 },
    { "clwb", 0x7, 0, X86_EBX, 24 },
    { "intel-pt", 0x7, 0, X86_EBX, 25 },
    { "avx512pf", 0x7, 0, X86_EBX, 26 },
    { "avx512er", 0x7, 0, X86_EBX, 27 },
    { "avx512cd", 0x7, 0, X86_EBX, 28 },
    { "sha-ni", 0x7, 0, X86_EBX, 29 },
    { "avx512bw", 0x7, 0, X86_EBX, 30 },
    { "avx512vl", 0x7, 0, X86_EBX, 31 },
    { "avx512vbmi", 0x7, 0, X86_ECX, 1 },
    { "umip", 0x7, 0, X86_ECX, 2 },
    { "pku", 0x7, 0, X86_ECX, 3 },
    { "waitpkg", 0x7, 0, X86_ECX, 5 },
    { "avx512vbmi2", 0x7, 0, X86_ECX, 6 },
    { "gfni", 0x7, 0, X86_ECX, 8 },
    { "vaes", 0x7, 0, X86_ECX, 9 },
    { "vpclmulqdq", 0x7, 0, X86_ECX, 10 },
    { "avx512vnni", 0x7, 0, X86_ECX, 11 },
    { "avx512bitalg", 0x7, 0, X86_ECX, 12 },
    { "avx512-vpopcntdq", 0x7, 0, X86_ECX, 14 },
    { "la57", 0x7, 0, X86_ECX, 16 },
    { "rdpid", 0x7, 0, X86_ECX, 22 },
    { "bus-lock-detect", 0x7, 0, X86_ECX, 24 },
    { "cldemote", 0x7, 0, X86_ECX, 25 },
    { "movdiri", 0x7, 0, X86_ECX, 27 },
    { "movdir64b", 0x7, 0, X86_ECX, 28 },
    { "sgxlc", 0x7, 0, X86_ECX, 30 },
    { "pks", 0x7, 0, X86_ECX, 31 },
    { "avx512-4vnniw", 0x7, 0, X86_EDX, 2 },
    { "avx512-4fmaps", 0x7, 0, X86_EDX, 3 },
    { "fsrm", 0x7, 0, X86_EDX, 4 },
    { "avx512-vp2intersect", 0x7, 0, X86_EDX, 8 },
    { "md-clear", 0x7, 0, X86_EDX, 10 },
    { "serialize", 0x7, 0, X86_EDX, 14 },
    { "tsx-ldtrk", 0x7, 0, X86_EDX, 16 },
    { "arch-lbr", 0x7, 0, X86_EDX, 19 },
    { "amx-bf16", 0x7, 0, X86_EDX, 22 },
    { "avx512-fp16", 0x7, 0, X86_EDX, 23 },
    { "amx-tile", 0x7, 0, X86_EDX, 24 },
    { "amx-int8", 0x7, 0, X86_EDX, 25 },
    { "spec-ctrl", 0x7, 0, X86_EDX, 26 },
    { "stibp", 0x7, 0, X86_EDX, 27 },
    { "arch-capabilities", 0x7, 0, X86_EDX, 29 },
    { "core-capability", 0x7, 0, X86_EDX, 30 },
    { "ssbd", 0x7, 0, X86_EDX, 31 },
    { "avx-vnni", 0x7, 1, X86_EAX, 4 },
    { "avx512-bf16", 0x7, 1, X86_EAX, 5 },
    { "xsaveopt", 0xd, 1, X86_EAX, 0 },
    { "xsavec", 0xd, 1, X86_EAX, 1 },
    { "xgetbv1", 0xd, 1, X86_EAX, 2 },
    { "xsaves", 0xd, 1, X86_EAX, 3 },
    { "xfd", 0xd, 1, X86_EAX, 4 },
    { "kvmclock", 0x40000001, 0, X86_EAX, 0 },
    { "kvm-nopiodelay", 0x40000001, 0, X86_EAX, 1 },
    { "kvm-mmu", 0x40000001, 0, X86_EAX, 2 },
    { "kvmclock", 0x40000001, 0, X86_EAX, 3 },
    { "kvm-asyncpf", 0x40000001, 0, X86_EAX, 4 },
    { "kvm-steal-time", 0x40000001, 0, X86_EAX, 5 },
    { "kvm-pv-eoi", 0x40000001, 0, X86_EAX, 6 },
    { "kvm-pv-unhalt", 0x40000001, 0, X86_EAX, 7 },
    { "kvm-pv-tlb-flush", 0x40000001, 0, X86_EAX, 9 },
    { "kvm-pv-ipi", 0x40000001, 0, X86_EAX, 11 },
    { "kvm-poll-control", 0x40000001, 0, X86_EAX, 12 },
    { "kvm-pv-sched-yield", 0x40000001, 0, X86_EAX, 13 },
    { "kvm-asyncpf-int", 0x40000001, 0, X86_EAX, 14 },
    { "kvm-msi-ext-dest-id", 0x40000001, 0, X86_EAX, 15 },
    { "kvmclock-stable-bit", 0x40000001, 0, X86_EAX, 24 },
    { "lahf-lm", 0x80000001, 0, X86_ECX, 0 },
    { "cmp-legacy", 0x80000001, 0, X86_ECX, 1 },
    { "svm", 0x80000001, 0, X86_ECX, 2 },
    { "extapic", 0x80000001, 0, X86_ECX, 3 },
    { "cr8legacy", 0x80000001, 0, X86_ECX, 4 },
    { "abm", 0x80000001, 0, X86_ECX, 5 },
    { "sse4a", 0x80000001, 0, X86_ECX, 6 },
    { "misalignsse", 0x80000001, 0, X86_ECX, 7 },
    { "3dnowprefetch", 0x80000001, 0, X86_ECX, 8 },
    { "osvw", 0x80000001, 0, X86_ECX, 9 },
    { "ibs", 0x80000001, 0, X86_ECX, 10 },
    { "xop", 0x80000001, 0, X86_ECX, 11 },
    { "skinit", 0x80000001, 0, X86_ECX, 12 },
    { "wdt", 0x80000001, 0, X86_ECX, 13 },
    { "lwp", 0x80000001, 0, X86_ECX, 15 },
    { "fma4", 0x80000001, 0, X86_ECX, 16 },
    { "tce", 0x80000001, 0, X86_ECX, 17 },
    { "nodeid-msr", 0x80000001, 0, X86_ECX, 19 },
    { "tbm", 0x80000001, 0, X86_ECX, 21 },
    { "topoext", 0x80000001, 0, X86_ECX, 22 },
    { "perfctr-core", 0x80000001, 0, X86_ECX, 23 },
    { "perfctr-nb", 0x80000001, 0, X86_ECX, 24 },
    { "syscall", 0x80000001, 0, X86_EDX, 11 },
    { "nx", 0x80000001, 0, X86_EDX, 20 },
    { "mmxext", 0x80000001, 0, X86_EDX, 22 },
    { "fxsr-opt", 0x80000001, 0, X86_EDX, 25 },
    { "pdpe1gb", 0x80000001, 0, X86_EDX, 26 },
    { "rdtscp", 0x80000001, 0, X86_EDX, 27 },
    { "lm", 0x80000001, 0, X86_EDX, 29 },
    { "3dnowext", 0x80000001, 0, X86_EDX, 30 },
    { "3dnow", 0x80000001, 0, X86_EDX, 31 },
    { "invtsc", 0x80000007, 0, X86_EDX, 8 },
    { "clzero", 0x80000008, 0, X86_EBX, 0 },
    { "xsaveerptr", 0x80000008, 0, X86_EBX, 2 },
    { "wbnoinvd", 0x80000008, 0, X86_EBX, 9 },
    { "ibpb", 0x80000008, 0, X86_EBX, 12 },
    { "ibrs", 0x80000008, 0, X86_EBX, 14 },
    { "amd-stibp", 0x80000008, 0, X86_EBX, 15 },
    { "amd-ssbd", 0x80000008, 0, X86_EBX, 24 },
    { "virt-ssbd", 0x80000008, 0, X86_EBX, 25 },
    { "amd-no-ssb", 0x80000008, 0, X86_EBX, 26 },
    { "npt", 0x8000000a, 0, X86_EDX, 0 },
    { "lbrv", 0x8000000a, 0, X86_EDX, 1 },
    { "svm-lock", 0x8000000a, 0, X86_EDX, 2 },
    { "nrip-save", 0x8000000a, 0, X86_EDX, 3 },
    { "tsc-scale", 0x8000000a, 0, X86_EDX, 4 },
    { "vmcb-clean", 0x8000000a, 0, X86_EDX, 5 },
    { "flushbyasid", 0x8000000a, 0, X86_EDX, 6 },
    { "decodeassists", 0x8000000a, 0, X86_EDX, 7 },
    { "pause-filter", 0x8000000a, 0, X86_EDX, 10 },
    { "pfthreshold", 0x8000000a, 0, X86_EDX, 12 },
    { "avic", 0x8000000a, 0, X86_EDX, 13 },
    { "v-vmsave-vmload", 0x8000000a, 0, X86_EDX, 15 },
    { "vgif", 0x8000000a, 0, X86_EDX, 16 },
    { "svme-addr-chk", 0x8000000a, 0, X86_EDX, 28 },
    { "fpu", 0x80000001, 0, X86_EDX, 0 },
    { "vme", 0x80000001, 0, X86_EDX, 1 },
    { "de", 0x80000001, 0, X86_EDX, 2 },
    { "pse", 0x80000001, 0, X86_EDX, 3 },
    { "tsc", 0x80000001, 0, X86_EDX, 4 },
    { "msr", 0x80000001, 0, X86_EDX, 5 },
    { "pae", 0x80000001, 0, X86_EDX, 6 },
    { "mce", 0x80000001, 0, X86_EDX, 7 },
    { "cx8", 0x80000001, 0, X86_EDX, 8 },
    { "apic", 0x80000001, 0, X86_EDX, 9 },
    { "mtrr", 0x80000001, 0, X86_EDX, 12 },
    { "pge", 0x80000001, 0, X86_EDX, 13 },
    { "mca", 0x80000001, 0, X86_EDX, 14 },
    { "cmov", 0x80000001, 0, X86_EDX, 15 },
    { "pat", 0x80000001, 0, X86_EDX, 16 },
    { "pse36", 0x80000001, 0, X86_EDX, 17 },
    { "mmx", 0x80000001, 0, X86_EDX, 23 },
    { "fxsr", 0x80000001, 0, X86_EDX, 24 },
    { NULL, 0, 0, X86_EAX, 0 },
};

/* Two names of one thing. */
static const struct {
    const char *name, *is;
} aliases[] = {
    { "sse3", "pni" },      { "pclmuldq", "pclmulqdq" },
    { "sse4-1", "sse4.1" }, { "sse4-2", "sse4.2" },
    { "xd", "nx" },         { "ffxsr", "fxsr-opt" },
    { "i64", "lm" },
};

static bool same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if (*a != *b && !(*a == '_' && *b == '-')) {
            return false;
        }
    }
    return *a == *b;
}

static const char *const whole[] = { X86_FEATURE_PMU, X86_FEATURE_KVM };

/* Whether a row before @f has the same name. */
static bool is_repeated(const X86Feature *f)
{
    for (const X86Feature *other = x86_features; other != f; other++) {
        if (!strcmp(other->name, f->name)) {
            return true;
        }
    }
    return false;
}

const char *x86_feature(unsigned n)
{
    if (n < G_N_ELEMENTS(whole)) {
        return whole[n];
    }
    n -= G_N_ELEMENTS(whole);
    for (const X86Feature *f = x86_features; f->name; f++) {
        if (!is_repeated(f) && n-- == 0) {
            return f->name;
        }
    }
    return NULL;
}

const char *x86_feature_name(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (same(name, aliases[i].name)) {
            return aliases[i].is;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(whole); i++) {
        if (same(name, whole[i])) {
            return whole[i];
        }
    }
    for (const X86Feature *f = x86_features; f->name; f++) {
        if (same(name, f->name)) {
            return f->name;
        }
    }
    return NULL;
}
