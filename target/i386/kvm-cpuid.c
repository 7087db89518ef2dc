/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel SDM 2A, CPUID, and 3A, 9.9; AMD APM 3, appendix E. */
#include "target/i386/kvm-cpuid.h"

#include "target/i386/cpu.h"

#define CPUID_1_ECX_X2APIC          (UINT32_C(1) << 21)
#define CPUID_1_ECX_TSC_DEADLINE    (UINT32_C(1) << 24)
#define CPUID_1_ECX_XSAVE           (UINT32_C(1) << 26)
#define CPUID_1_ECX_HYPERVISOR      (UINT32_C(1) << 31)
#define CPUID_1_EDX_HTT             (UINT32_C(1) << 28)
#define CPUID_8000_0001_CMP_LEGACY  (UINT32_C(1) << 1)
#define CPUID_8000_0001_ECX_TOPOEXT (UINT32_C(1) << 22)

#define CPUID_PMU          0xau
#define CPUID_AMD_PMU      0x80000022u
#define CPUID_KVM          0x40000000u
#define CPUID_KVM_FEATURES 0x40000001u

#define TOPOLOGY_LEVEL_THREAD 1
#define TOPOLOGY_LEVEL_CORE   2

/* Subleaves of 0xb and 0x1f: threads, cores, and the invalid one that ends the
 * list. */
#define TOPOLOGY_SUBLEAVES 3

/* The table being patched and the numbers that go into it. */
typedef struct Patch {
    struct kvm_cpuid_entry2 *entries;
    unsigned n, max;
    uint32_t apic_id;
    unsigned threads;     /* of a core */
    unsigned logical;     /* threads of a socket */
    unsigned socket;      /* this vCPU's */
    unsigned thread_bits; /* of the APIC id, below the core's number */
    unsigned socket_bits; /* of the APIC id, below the socket's number */
    bool tsc_deadline;
    bool is_amd; /* or Hygon, which follows AMD */
} Patch;

struct kvm_cpuid_entry2 *x86_cpuid_find(struct kvm_cpuid_entry2 *entries,
                                        unsigned n, uint32_t function,
                                        uint32_t index)
{
    for (unsigned i = 0; i < n; i++) {
        struct kvm_cpuid_entry2 *e = &entries[i];

        if (e->function == function &&
            (e->index == index ||
             !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX))) {
            return e;
        }
    }
    return NULL;
}

static struct kvm_cpuid_entry2 *find(Patch *p, uint32_t function)
{
    return x86_cpuid_find(p->entries, p->n, function, 0);
}

/* Whether the table's greatest leaf of @function's range reaches it. */
static bool in_range(Patch *p, uint32_t function)
{
    struct kvm_cpuid_entry2 *e = find(p, function & UINT32_C(0x80000000));

    return e && e->eax >= function;
}

static void remove_leaf(Patch *p, uint32_t function)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < p->n; i++) {
        if (p->entries[i].function != function) {
            p->entries[kept++] = p->entries[i];
        }
    }
    p->n = kept;
}

static bool vendor_is_amd(Patch *p)
{
    struct kvm_cpuid_entry2 *e = find(p, 0);
    char vendor[12];

    if (!e) {
        return false;
    }
    memcpy(vendor, &e->ebx, 4);
    memcpy(vendor + 4, &e->edx, 4);
    memcpy(vendor + 8, &e->ecx, 4);
    return !memcmp(vendor, "AuthenticAMD", sizeof(vendor)) ||
           !memcmp(vendor, "HygonGenuine", sizeof(vendor));
}

static void patch_features(Patch *p)
{
    struct kvm_cpuid_entry2 *e = find(p, 1);
    uint32_t logical;

    if (e) {
        /* SDM: the count of ids a socket reserves; APM: of its threads. */
        logical = p->is_amd ? p->logical : 1U << p->socket_bits;
        logical = MIN(logical, 255);
        e->ebx = (e->ebx & 0xffff) | logical << 16 | p->apic_id << 24;
        e->ecx |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_HYPERVISOR;
        e->ecx &= ~CPUID_1_ECX_TSC_DEADLINE;
        /* KVM leaves this bit out of what it offers, since it depends on the
         * APIC being the kernel's. */
        e->ecx |= p->tsc_deadline ? CPUID_1_ECX_TSC_DEADLINE : 0;
        e->edx &= ~CPUID_1_EDX_HTT;
        e->edx |= p->logical > 1 ? CPUID_1_EDX_HTT : 0;
    }
    e = find(p, 0x80000001);
    if (e) {
        /* Legacy reading of HTT: the threads it counts are cores. */
        e->ecx &= ~CPUID_8000_0001_CMP_LEGACY;
        if (p->is_amd && p->logical > 1 && p->threads == 1) {
            e->ecx |= CPUID_8000_0001_CMP_LEGACY;
        }
    }
}

/* Deterministic cache parameters: Intel's leaf 4 and AMD's 0x8000001d have the
 * same layout. Caches up to level 2 belong to a core, others to a socket. */
static void patch_caches(Patch *p, uint32_t function)
{
    bool intel = function == 4;
    uint32_t ids_of_core = intel ? 1U << p->thread_bits : p->threads;
    uint32_t ids_of_socket = intel ? 1U << p->socket_bits : p->logical;
    uint32_t cores = 1U << (p->socket_bits - p->thread_bits);

    for (unsigned i = 0; i < p->n; i++) {
        struct kvm_cpuid_entry2 *e = &p->entries[i];
        uint32_t level, sharing;

        if (e->function != function || !(e->eax & 0x1f)) {
            continue;
        }
        level = e->eax >> 5 & 7;
        sharing = level <= 2 ? ids_of_core : ids_of_socket;
        e->eax &= 0x3fff;
        e->eax |= (sharing - 1) << 14;
        if (intel) {
            e->eax |= MIN(cores - 1, 63) << 26;
        }
    }
}

/* Extended topology, 0xb and 0x1f. KVM offers them empty. */
static int patch_topology(Patch *p, uint32_t function)
{
    if (!in_range(p, function)) {
        return 0;
    }
    remove_leaf(p, function);
    if (p->max - p->n < TOPOLOGY_SUBLEAVES) {
        return -ENOSPC;
    }
    for (uint32_t i = 0; i < TOPOLOGY_SUBLEAVES; i++) {
        p->entries[p->n++] = (struct kvm_cpuid_entry2){
            .function = function,
            .index = i,
            .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            .ecx = i,
            .edx = p->apic_id,
        };
    }
    p->entries[p->n - 3].eax = p->thread_bits;
    p->entries[p->n - 3].ebx = p->threads;
    p->entries[p->n - 3].ecx |= TOPOLOGY_LEVEL_THREAD << 8;
    p->entries[p->n - 2].eax = p->socket_bits;
    p->entries[p->n - 2].ebx = p->logical;
    p->entries[p->n - 2].ecx |= TOPOLOGY_LEVEL_CORE << 8;
    return 0;
}

static void patch_amd(Patch *p)
{
    struct kvm_cpuid_entry2 *e = find(p, 0x80000008);
    struct kvm_cpuid_entry2 *features = find(p, 0x80000001);

    if (e) {
        /* ApicIdSize and NC. */
        e->ecx &= ~UINT32_C(0xf0ff);
        e->ecx |= p->socket_bits << 12 | MIN(p->logical - 1, 255);
    }
    e = find(p, 0x8000001e);
    if (e) {
        *e = (struct kvm_cpuid_entry2){ .function = 0x8000001e };
        if (features && features->ecx & CPUID_8000_0001_ECX_TOPOEXT) {
            uint32_t id_in_socket = p->apic_id & ((1U << p->socket_bits) - 1);

            e->eax = p->apic_id;
            e->ebx = (p->threads - 1) << 8 | id_in_socket >> p->thread_bits;
            e->ecx = p->socket & 0xff; /* one node in each socket */
        }
    }
}

/* --- features --- */

static uint32_t *reg_of(struct kvm_cpuid_entry2 *e, X86Register reg)
{
    switch (reg) {
    case X86_EAX:
        return &e->eax;
    case X86_EBX:
        return &e->ebx;
    case X86_ECX:
        return &e->ecx;
    case X86_EDX:
        break;
    }
    return &e->edx;
}

static void clear_feature(Patch *p, const char *name)
{
    for (const X86Feature *f = x86_features; f->name; f++) {
        struct kvm_cpuid_entry2 *e = g_str_equal(f->name, name)
                                         ? x86_cpuid_find(p->entries, p->n,
                                                          f->function, f->index)
                                         : NULL;

        if (e) {
            *reg_of(e, f->reg) &= ~(UINT32_C(1) << f->bit);
        }
    }
}

/* Whether it has registers that XSAVE alone makes usable (Intel SDM 1, 13.3). */
static bool needs_xsave(const char *name)
{
    static const char *const names[] = {
        "f16c",     "fma",    "fma4",    "xop",    "lwp", "vaes", "vpclmulqdq",
        "xsaveopt", "xsavec", "xgetbv1", "xsaves", "pku", NULL,
    };

    return g_str_has_prefix(name, "avx") || g_str_has_prefix(name, "amx") ||
           g_strv_contains(names, name);
}

/* A guest's kernel takes one that it finds for usable, and faults. A host may
 * lack XSAVE alone, or the guest is not to have it. */
static void clear_without_xsave(Patch *p)
{
    const struct kvm_cpuid_entry2 *e = find(p, 1);

    if (!e || e->ecx & CPUID_1_ECX_XSAVE) {
        return;
    }
    for (const X86Feature *f = x86_features; f->name; f++) {
        if (needs_xsave(f->name)) {
            clear_feature(p, f->name);
        }
    }
}

/* No counters of either vendor: the architectural leaf says version 0. */
static void hide_pmu(Patch *p)
{
    struct kvm_cpuid_entry2 *e = find(p, CPUID_PMU);

    if (e) {
        e->eax = e->ebx = e->ecx = e->edx = 0;
    }
    remove_leaf(p, CPUID_AMD_PMU);
    clear_feature(p, "pdcm");
    clear_feature(p, "perfctr-core");
    clear_feature(p, "perfctr-nb");
}

static void switch_off(Patch *p, const char *name)
{
    if (g_str_equal(name, X86_FEATURE_PMU)) {
        hide_pmu(p);
    } else if (g_str_equal(name, X86_FEATURE_KVM)) {
        remove_leaf(p, CPUID_KVM);
        remove_leaf(p, CPUID_KVM_FEATURES);
    } else {
        clear_feature(p, name);
    }
}

/* What patch_features() adds to what KVM offers. */
static bool is_added(const X86Feature *f)
{
    return f->function == 1 && f->reg == X86_ECX &&
           (UINT32_C(1) << f->bit &
            (CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE |
             CPUID_1_ECX_HYPERVISOR));
}

bool x86_cpuid_has(struct kvm_cpuid_entry2 *entries, unsigned n,
                   const char *name, const X86Feature **ret_missing)
{
    *ret_missing = NULL;
    for (const X86Feature *f = x86_features; f->name; f++) {
        struct kvm_cpuid_entry2 *e;

        if (!g_str_equal(f->name, name)) {
            continue;
        }
        e = x86_cpuid_find(entries, n, f->function, f->index);
        if (is_added(f) || (e && *reg_of(e, f->reg) >> f->bit & 1)) {
            return true; /* one of its bits, where it has several */
        }
        *ret_missing = *ret_missing ? *ret_missing : f;
    }
    return !*ret_missing;
}

int x86_cpuid_patch(struct kvm_cpuid_entry2 *entries, unsigned n, unsigned max,
                    const X86CpuidConfig *config)
{
    const CpuTopology *t = &config->topology;
    Patch p = {
        .entries = entries,
        .n = n,
        .max = max,
        .apic_id = config->apic_id,
        .threads = t->threads,
        .logical = t->threads * t->cores,
        .thread_bits = x86_apic_thread_bits(t),
        .tsc_deadline = config->tsc_deadline,
    };
    int r;

    p.socket_bits = p.thread_bits + x86_apic_core_bits(t);
    p.socket = config->apic_id >> p.socket_bits;
    p.is_amd = vendor_is_amd(&p);

    patch_features(&p);
    if (p.is_amd) {
        patch_caches(&p, 0x8000001d);
        patch_amd(&p);
    } else {
        patch_caches(&p, 4);
    }
    r = patch_topology(&p, 0xb);
    if (r == 0) {
        r = patch_topology(&p, 0x1f);
    }
    for (unsigned i = 0; config->off && config->off[i]; i++) {
        switch_off(&p, config->off[i]);
    }
    clear_without_xsave(&p);
    return r < 0 ? r : (int)p.n;
}
