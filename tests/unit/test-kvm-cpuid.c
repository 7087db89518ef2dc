/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APIC ids, and CPUID as one vCPU of a topology sees it. */
#include "target/i386/kvm-cpuid.h"

#include "target/i386/cpu.h"

#define ENTRIES_MAX 32

/* --- APIC ids --- */

static void apic_ids_of_powers_of_2_are_indices(void)
{
    const CpuTopology t = { .sockets = 2, .cores = 4, .threads = 2 };

    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpuint(x86_apic_id(&t, i), ==, i);
    }
}

static void apic_ids_of_odd_cores_leave_gaps(void)
{
    const CpuTopology t = { .sockets = 2, .cores = 3, .threads = 1 };
    const uint32_t ids[] = { 0, 1, 2, 4, 5, 6 };

    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_assert_cmpuint(x86_apic_id(&t, i), ==, ids[i]);
    }
}

static void apic_ids_of_odd_threads_leave_gaps(void)
{
    const CpuTopology t = { .sockets = 1, .cores = 2, .threads = 3 };
    const uint32_t ids[] = { 0, 1, 2, 4, 5, 6 };

    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_assert_cmpuint(x86_apic_id(&t, i), ==, ids[i]);
    }
}

static void topology_of_1_vcpu_accepted(void)
{
    const CpuTopology t = { .sockets = 1, .cores = 1, .threads = 1 };

    g_assert_true(x86_topology_check(&t, NULL));
}

static void topology_with_last_id_254_accepted(void)
{
    const CpuTopology t = { .sockets = 255, .cores = 1, .threads = 1 };

    g_assert_cmpuint(x86_apic_id(&t, 254), ==, 254);
    g_assert_true(x86_topology_check(&t, NULL));
}

static void topology_with_last_id_255_refused(void)
{
    const CpuTopology t = { .sockets = 256, .cores = 1, .threads = 1 };
    g_autoptr(GError) error = NULL;

    g_assert_false(x86_topology_check(&t, &error));
    g_assert_nonnull(strstr(error->message, "needs APIC id 255"));
}

static void topology_of_few_vcpus_with_gaps_refused(void)
{
    /* 129 cores need 8 bits, so the second socket begins at 256. */
    const CpuTopology t = { .sockets = 2, .cores = 129, .threads = 1 };
    g_autoptr(GError) error = NULL;

    g_assert_false(x86_topology_check(&t, &error));
    g_assert_nonnull(strstr(error->message, "needs APIC id 384"));
}

/* --- CPUID --- */

typedef struct Table {
    struct kvm_cpuid_entry2 entries[ENTRIES_MAX];
    unsigned n;
} Table;

static void add(Table *t, uint32_t function, uint32_t index, uint32_t eax,
                uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    bool indexed = function == 4 || function == 0xb || function == 0x1f ||
                   function == 0x8000001d;

    t->entries[t->n++] = (struct kvm_cpuid_entry2){
        .function = function,
        .index = index,
        .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = eax,
        .ebx = ebx,
        .ecx = ecx,
        .edx = edx,
    };
}

/* A host of 16 logical processors; the topology fields are the host's. */
static Table intel_host(void)
{
    Table t = { 0 };

    add(&t, 0, 0, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69);
    add(&t, 1, 0, 0x000806f8, 0x07100800, 0xfedab203, 0xafabfbff);
    add(&t, 4, 0, 0x3c004121, 0x01c0003f, 0x3f, 0);
    add(&t, 4, 1, 0x3c004122, 0x01c0003f, 0x3f, 0);
    add(&t, 4, 2, 0x3c004143, 0x03c0003f, 0x3ff, 0);
    add(&t, 4, 3, 0x3c03c163, 0x03c0003f, 0x7fff, 4);
    add(&t, 4, 4, 0, 0, 0, 0);
    add(&t, 0xb, 0, 0, 0, 0, 0);
    add(&t, 0x1f, 0, 0, 0, 0, 0);
    add(&t, 0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
    add(&t, 0x80000000, 0, 0x80000008, 0, 0, 0);
    add(&t, 0x80000001, 0, 0, 0, 0x121, 0x2c100800);
    add(&t, 0x80000008, 0, 0x302e, 0, 0, 0);
    return t;
}

static Table amd_host(void)
{
    Table t = { 0 };

    add(&t, 0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
    add(&t, 1, 0, 0x00a00f11, 0x00020800, 0x81202000, 0x078bfbff);
    add(&t, 0xb, 0, 0, 0, 0, 0);
    add(&t, 0x80000000, 0, 0x80000021, 0x68747541, 0x444d4163, 0x69746e65);
    add(&t, 0x80000001, 0, 0x00a00f11, 0x40000000, 0x00400393, 0x23d3fbff);
    add(&t, 0x80000008, 0, 0x3030, 0x10000005, 0x7001, 0);
    add(&t, 0x8000001d, 0, 0x0121, 0x01c0003f, 0x3f, 0);
    add(&t, 0x8000001d, 1, 0x4143, 0x01c0003f, 0x3ff, 2);
    add(&t, 0x8000001d, 2, 0x4163, 0x03c0003f, 0x7fff, 1);
    add(&t, 0x8000001d, 3, 0, 0, 0, 0);
    add(&t, 0x8000001e, 0, 0, 0, 0, 0);
    return t;
}

static void patch(Table *t, CpuTopology topology, unsigned index)
{
    const X86CpuidConfig config = {
        .topology = topology,
        .apic_id = x86_apic_id(&topology, index),
        .tsc_deadline = true,
    };
    int n = x86_cpuid_patch(t->entries, t->n, ENTRIES_MAX, &config);

    g_assert_cmpint(n, >=, (int)t->n);
    g_assert_cmpint(n, <=, (int)t->n + X86_CPUID_EXTRA);
    t->n = (unsigned)n;
}

static const struct kvm_cpuid_entry2 *leaf(Table *t, uint32_t function,
                                           uint32_t index)
{
    const struct kvm_cpuid_entry2 *e = x86_cpuid_find(t->entries, t->n,
                                                      function, index);

    g_assert_nonnull(e);
    return e;
}

static const CpuTopology one = { .sockets = 1, .cores = 1, .threads = 1 };
static const CpuTopology flat4 = { .sockets = 4, .cores = 1, .threads = 1 };
static const CpuTopology cores4 = { .sockets = 1, .cores = 4, .threads = 1 };
static const CpuTopology odd = { .sockets = 2, .cores = 3, .threads = 2 };

static void leaf_1_of_one_vcpu_has_no_htt(void)
{
    Table t = intel_host();

    patch(&t, one, 0);

    g_assert_cmphex(leaf(&t, 1, 0)->ebx, ==, 0x00010800);
    g_assert_cmphex(leaf(&t, 1, 0)->edx & 1U << 28, ==, 0);
}

static void leaf_1_of_single_threaded_sockets_has_no_htt(void)
{
    Table t = intel_host();

    patch(&t, flat4, 3);

    g_assert_cmphex(leaf(&t, 1, 0)->ebx, ==, 0x03010800);
    g_assert_cmphex(leaf(&t, 1, 0)->edx & 1U << 28, ==, 0);
}

static void leaf_1_counts_reserved_ids_on_intel(void)
{
    Table t = intel_host();

    /* vCPU 11 is thread 1 of core 2 of socket 1. */
    patch(&t, odd, 11);

    g_assert_cmphex(leaf(&t, 1, 0)->ebx, ==, 0x0d080800);
    g_assert_cmphex(leaf(&t, 1, 0)->edx & 1U << 28, !=, 0);
}

static void leaf_1_counts_threads_on_amd(void)
{
    Table t = amd_host();

    patch(&t, odd, 11);

    g_assert_cmphex(leaf(&t, 1, 0)->ebx, ==, 0x0d060800);
}

static void leaf_1_count_of_255_is_capped(void)
{
    const CpuTopology topology = { .sockets = 1, .cores = 255, .threads = 1 };
    Table t = intel_host();

    patch(&t, topology, 254);

    g_assert_cmphex(leaf(&t, 1, 0)->ebx, ==, 0xfeff0800);
}

static void leaf_1_has_features_of_the_kernels_apic(void)
{
    Table t = amd_host();

    t.entries[1].ecx = 0;
    patch(&t, one, 0);

    g_assert_cmphex(leaf(&t, 1, 0)->ecx, ==, 1U << 21 | 1U << 24 | 1U << 31);
}

static void leaf_1_without_deadline_timer_hides_it(void)
{
    const X86CpuidConfig config = { .topology = one };
    Table t = amd_host();

    t.entries[1].ecx = UINT32_MAX;
    x86_cpuid_patch(t.entries, t.n, ENTRIES_MAX, &config);

    g_assert_cmphex(leaf(&t, 1, 0)->ecx, ==, ~(UINT32_C(1) << 24));
}

static void cmp_legacy_only_for_cores_without_threads_on_amd(void)
{
    Table cores = amd_host(), threads = amd_host(), intel = intel_host();

    patch(&cores, cores4, 0);
    patch(&threads, odd, 0);
    patch(&intel, cores4, 0);

    g_assert_cmphex(leaf(&cores, 0x80000001, 0)->ecx & 2, ==, 2);
    g_assert_cmphex(leaf(&threads, 0x80000001, 0)->ecx & 2, ==, 0);
    g_assert_cmphex(leaf(&intel, 0x80000001, 0)->ecx & 2, ==, 0);
}

static void caches_on_intel_are_shared_by_reserved_ids(void)
{
    Table t = intel_host();

    patch(&t, odd, 0);

    /* Cores of a socket: 4 ids; L1 and L2: 2 ids of a core; L3: 8. */
    g_assert_cmphex(leaf(&t, 4, 0)->eax, ==, 0x0c004121);
    g_assert_cmphex(leaf(&t, 4, 2)->eax, ==, 0x0c004143);
    g_assert_cmphex(leaf(&t, 4, 3)->eax, ==, 0x0c01c163);
    g_assert_cmphex(leaf(&t, 4, 4)->eax, ==, 0);
    g_assert_cmphex(leaf(&t, 4, 3)->ebx, ==, 0x03c0003f);
}

static void caches_on_intel_cap_the_core_count(void)
{
    const CpuTopology topology = { .sockets = 1, .cores = 255, .threads = 1 };
    Table t = intel_host();

    patch(&t, topology, 0);

    g_assert_cmphex(leaf(&t, 4, 0)->eax, ==, 0xfc000121);
    g_assert_cmphex(leaf(&t, 4, 3)->eax, ==, 0xfc000163 | 255 << 14);
}

static void caches_on_amd_are_shared_by_threads(void)
{
    Table t = amd_host();

    patch(&t, odd, 0);

    g_assert_cmphex(leaf(&t, 0x8000001d, 0)->eax, ==, 0x0121 | 1 << 14);
    g_assert_cmphex(leaf(&t, 0x8000001d, 1)->eax, ==, 0x0143 | 1 << 14);
    g_assert_cmphex(leaf(&t, 0x8000001d, 2)->eax, ==, 0x0163 | 5 << 14);
    g_assert_cmphex(leaf(&t, 0x8000001d, 3)->eax, ==, 0);
}

static void assert_topology_leaf(Table *t, uint32_t function)
{
    g_assert_cmphex(leaf(t, function, 0)->eax, ==, 1);
    g_assert_cmphex(leaf(t, function, 0)->ebx, ==, 2);
    g_assert_cmphex(leaf(t, function, 0)->ecx, ==, 0x100);
    g_assert_cmphex(leaf(t, function, 0)->edx, ==, 0x0d);
    g_assert_cmphex(leaf(t, function, 1)->eax, ==, 3);
    g_assert_cmphex(leaf(t, function, 1)->ebx, ==, 6);
    g_assert_cmphex(leaf(t, function, 1)->ecx, ==, 0x201);
    g_assert_cmphex(leaf(t, function, 1)->edx, ==, 0x0d);
    g_assert_cmphex(leaf(t, function, 2)->ebx, ==, 0);
    g_assert_cmphex(leaf(t, function, 2)->ecx, ==, 2);
    g_assert_cmphex(leaf(t, function, 2)->edx, ==, 0x0d);
}

static void topology_leaves_give_shifts_and_counts(void)
{
    Table t = intel_host();

    patch(&t, odd, 11);

    assert_topology_leaf(&t, 0xb);
    assert_topology_leaf(&t, 0x1f);
}

static void topology_leaf_0x1f_stays_absent_beyond_the_maximum(void)
{
    Table t = amd_host();

    patch(&t, odd, 11);

    assert_topology_leaf(&t, 0xb);
    g_assert_null(x86_cpuid_find(t.entries, t.n, 0x1f, 0));
}

static void amd_leaves_number_the_vcpu(void)
{
    Table t = amd_host();

    patch(&t, odd, 11);

    /* ApicIdSize 3, 6 threads; the rest of ecx is the host's. */
    g_assert_cmphex(leaf(&t, 0x80000008, 0)->ecx, ==, 0x3005);
    g_assert_cmphex(leaf(&t, 0x80000008, 0)->eax, ==, 0x3030);
    /* Core 2 of node 1, two threads in a core. */
    g_assert_cmphex(leaf(&t, 0x8000001e, 0)->eax, ==, 0x0d);
    g_assert_cmphex(leaf(&t, 0x8000001e, 0)->ebx, ==, 0x0102);
    g_assert_cmphex(leaf(&t, 0x8000001e, 0)->ecx, ==, 1);
}

static void amd_leaf_1e_without_topoext_is_empty(void)
{
    Table t = amd_host();

    t.entries[4].ecx = 0;
    patch(&t, odd, 11);

    g_assert_cmphex(leaf(&t, 0x8000001e, 0)->eax, ==, 0);
    g_assert_cmphex(leaf(&t, 0x8000001e, 0)->ebx, ==, 0);
}

static void intel_leaf_80000008_stays(void)
{
    Table t = intel_host();

    patch(&t, odd, 11);

    g_assert_cmphex(leaf(&t, 0x80000008, 0)->ecx, ==, 0);
}

static void kvm_leaf_stays(void)
{
    Table t = intel_host();

    patch(&t, odd, 11);

    g_assert_cmphex(leaf(&t, 0x40000000, 0)->eax, ==, 0x40000001);
    g_assert_cmphex(leaf(&t, 0x40000000, 0)->ebx, ==, 0x4b4d564b);
}

static void patch_without_room_fails(void)
{
    const X86CpuidConfig config = { .topology = one };
    Table t = intel_host();

    /* The two topology leaves take the place of two entries. */
    g_assert_cmpint(x86_cpuid_patch(t.entries, t.n, t.n + 3, &config), ==,
                    -ENOSPC);
    t = intel_host();
    g_assert_cmpint(x86_cpuid_patch(t.entries, t.n, t.n + 4, &config), ==,
                    (int)t.n + 4);
}

static void patch_twice_changes_nothing_more(void)
{
    Table once = amd_host(), twice;

    patch(&once, odd, 7);
    twice = once;
    patch(&twice, odd, 7);

    g_assert_cmpuint(once.n, ==, twice.n);
    g_assert_cmpint(memcmp(&once, &twice, sizeof(once)), ==, 0);
}

static void patch_of_empty_table_is_harmless(void)
{
    Table t = { 0 };

    patch(&t, odd, 7);

    g_assert_cmpuint(t.n, ==, 0);
}

/* --- features --- */

static void patch_without(Table *t, const char *const *off)
{
    const X86CpuidConfig config = {
        .topology = one,
        .tsc_deadline = true,
        .off = off,
    };
    int n = x86_cpuid_patch(t->entries, t->n, ENTRIES_MAX, &config);

    g_assert_cmpint(n, >=, 0);
    t->n = (unsigned)n;
}

static void feature_off_clears_its_bit_alone(void)
{
    const char *const off[] = { "ssse3", NULL };
    Table all = intel_host(), t = intel_host();

    patch_without(&all, NULL);
    patch_without(&t, off);
    g_assert_cmphex(leaf(&all, 1, 0)->ecx, ==, leaf(&t, 1, 0)->ecx | 1 << 9);
    g_assert_cmphex(leaf(&all, 1, 0)->edx, ==, leaf(&t, 1, 0)->edx);
}

static void feature_that_the_patch_adds_can_be_off(void)
{
    const char *const off[] = { "hypervisor", "x2apic", "tsc-deadline", NULL };
    Table t = intel_host();

    patch_without(&t, off);
    g_assert_cmphex(leaf(&t, 1, 0)->ecx & (1u << 31 | 1 << 21 | 1 << 24), ==,
                    0);
}

/* AMD repeats bits of leaf 1. */
static void feature_off_clears_all_its_bits(void)
{
    const char *const off[] = { "mtrr", NULL };
    Table t = amd_host();

    patch_without(&t, off);
    g_assert_cmphex(leaf(&t, 1, 0)->edx & 1 << 12, ==, 0);
    g_assert_cmphex(leaf(&t, 0x80000001, 0)->edx & 1 << 12, ==, 0);
}

static void feature_off_that_is_not_there_is_harmless(void)
{
    const char *const off[] = { "avx512f", "svm", NULL };
    Table all = intel_host(), t = intel_host();

    patch_without(&all, NULL);
    patch_without(&t, off);
    g_assert_cmpmem(&all, sizeof(all), &t, sizeof(t));
}

/* AVX, FMA and F16C of leaf 1, AVX2 of leaf 7; SSSE3 stays. */
static void xsave_off_takes_what_needs_it(void)
{
    const uint32_t avx = 1u << 28 | 1 << 12 | 1 << 29, xsave = 1 << 26,
                   ssse3 = 1 << 9, avx2 = 1 << 5;
    const char *const off[] = { "xsave", NULL };
    Table all = intel_host(), t;

    add(&all, 7, 0, 0, avx2, 0, 0);
    t = all;
    patch_without(&all, NULL);
    g_assert_cmphex(leaf(&all, 1, 0)->ecx & avx, ==, avx);
    g_assert_cmphex(leaf(&all, 7, 0)->ebx & avx2, ==, avx2);
    patch_without(&t, off);
    g_assert_cmphex(leaf(&t, 1, 0)->ecx & (avx | xsave | ssse3), ==, ssse3);
    g_assert_cmphex(leaf(&t, 7, 0)->ebx & avx2, ==, 0);
}

static void pmu_off_hides_the_counters(void)
{
    const char *const off[] = { "pmu", NULL };
    Table t = intel_host();

    add(&t, 0xa, 0, 0x07300802, 0, 0xf, 0x8603);
    patch_without(&t, off);
    g_assert_cmphex(leaf(&t, 0xa, 0)->eax, ==, 0);
    g_assert_cmphex(leaf(&t, 0xa, 0)->edx, ==, 0);
    g_assert_cmphex(leaf(&t, 1, 0)->ecx & 1 << 15, ==, 0);
}

static void kvm_off_hides_the_hypervisors_name(void)
{
    const char *const off[] = { "kvm", NULL };
    Table t = intel_host();

    patch_without(&t, off);
    g_assert_null(x86_cpuid_find(t.entries, t.n, 0x40000000, 0));
    g_assert_cmphex(leaf(&t, 1, 0)->ecx & 1u << 31, ==, 1u << 31);
}

static void features_have_several_names(void)
{
    g_assert_cmpstr(x86_feature_name("sse4_1"), ==, "sse4.1");
    g_assert_cmpstr(x86_feature_name("sse4.1"), ==, "sse4.1");
    g_assert_cmpstr(x86_feature_name("tsc_deadline"), ==, "tsc-deadline");
    g_assert_cmpstr(x86_feature_name("pmu"), ==, "pmu");
    g_assert_null(x86_feature_name("vm"));
    g_assert_null(x86_feature_name("vmxx"));
    g_assert_null(x86_feature_name(""));
}

static void host_is_asked_for_a_feature(void)
{
    Table t = intel_host();
    const X86Feature *missing;

    g_assert_true(x86_cpuid_has(t.entries, t.n, "ssse3", &missing));
    g_assert_true(x86_cpuid_has(t.entries, t.n, "mtrr", &missing));
    g_assert_true(x86_cpuid_has(t.entries, t.n, "x2apic", &missing));
    g_assert_true(x86_cpuid_has(t.entries, t.n, "pmu", &missing));
    g_assert_false(x86_cpuid_has(t.entries, t.n, "svm", &missing));
    g_assert_cmphex(missing->function, ==, 0x80000001);
    g_assert_false(x86_cpuid_has(t.entries, t.n, "hle", &missing));
    g_assert_cmpuint(missing->bit, ==, 4);
}

#define TEST(_name)             \
    {                           \
        "/cpuid/" #_name, _name \
    }
static const struct {
    const char *path;
    void (*run)(void);
} tests[] = {
    TEST(apic_ids_of_powers_of_2_are_indices),
    TEST(apic_ids_of_odd_cores_leave_gaps),
    TEST(apic_ids_of_odd_threads_leave_gaps),
    TEST(topology_of_1_vcpu_accepted),
    TEST(topology_with_last_id_254_accepted),
    TEST(topology_with_last_id_255_refused),
    TEST(topology_of_few_vcpus_with_gaps_refused),
    TEST(leaf_1_of_one_vcpu_has_no_htt),
    TEST(leaf_1_of_single_threaded_sockets_has_no_htt),
    TEST(leaf_1_counts_reserved_ids_on_intel),
    TEST(leaf_1_counts_threads_on_amd),
    TEST(leaf_1_count_of_255_is_capped),
    TEST(leaf_1_has_features_of_the_kernels_apic),
    TEST(leaf_1_without_deadline_timer_hides_it),
    TEST(cmp_legacy_only_for_cores_without_threads_on_amd),
    TEST(caches_on_intel_are_shared_by_reserved_ids),
    TEST(caches_on_intel_cap_the_core_count),
    TEST(caches_on_amd_are_shared_by_threads),
    TEST(topology_leaves_give_shifts_and_counts),
    TEST(topology_leaf_0x1f_stays_absent_beyond_the_maximum),
    TEST(amd_leaves_number_the_vcpu),
    TEST(amd_leaf_1e_without_topoext_is_empty),
    TEST(intel_leaf_80000008_stays),
    TEST(kvm_leaf_stays),
    TEST(feature_off_clears_its_bit_alone),
    TEST(feature_that_the_patch_adds_can_be_off),
    TEST(feature_off_clears_all_its_bits),
    TEST(feature_off_that_is_not_there_is_harmless),
    TEST(xsave_off_takes_what_needs_it),
    TEST(pmu_off_hides_the_counters),
    TEST(kvm_off_hides_the_hypervisors_name),
    TEST(features_have_several_names),
    TEST(host_is_asked_for_a_feature),
    TEST(patch_without_room_fails),
    TEST(patch_twice_changes_nothing_more),
    TEST(patch_of_empty_table_is_harmless),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].run);
    }
    return g_test_run();
}
