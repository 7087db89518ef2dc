/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saving and loading a vCPU's state, against the kernel's KVM. */
#include "target/i386/kvm-state.h"

#include <sys/ioctl.h>

#include "target/i386/cpu.h"
#include "test-kvm.h"

static const CpuTopology one = { .sockets = 1, .cores = 1, .threads = 1 };

typedef struct Vm {
    int kvm_fd, vm_fd, vcpu_fd;
    KvmStateFormat format;
    KvmCpuState *state;
} Vm;

static void vm_new(Vm *v)
{
    struct kvm_cpuid2 *cpuid;
    X86CpuidConfig config = { .topology = one };

    *v = (Vm){ 0 };
    v->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    v->vm_fd = ioctl(v->kvm_fd, KVM_CREATE_VM, 0);
    g_assert_cmpint(ioctl(v->vm_fd, KVM_SET_TSS_ADDR, 0xfeffd000), ==, 0);
    g_assert_cmpint(ioctl(v->vm_fd, KVM_CREATE_IRQCHIP, 0), ==, 0);
    v->vcpu_fd = ioctl(v->vm_fd, KVM_CREATE_VCPU, 0);
    g_assert_cmpint(v->vcpu_fd, >=, 0);
    cpuid = g_malloc0(sizeof(*cpuid) + 256 * sizeof(cpuid->entries[0]));
    cpuid->nent = 256;
    g_assert_cmpint(ioctl(v->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid), ==, 0);
    g_assert_cmpint(kvm_cpu_set_cpuid(v->vcpu_fd, cpuid, &config), ==, 0);
    g_free(cpuid);
    g_assert_cmpint(kvm_state_format_init(&v->format, v->kvm_fd, v->vm_fd), ==,
                    0);
    g_assert_cmpint(kvm_cpu_state_new(&v->format, v->vcpu_fd, &v->state), ==,
                    0);
}

static void vm_free(Vm *v)
{
    kvm_cpu_state_free(v->state);
    kvm_state_format_finish(&v->format);
    close(v->vcpu_fd);
    close(v->vm_fd);
    close(v->kvm_fd);
}

/* KVM_GET_MSRS or KVM_SET_MSRS of one MSR; returns whether KVM took it. */
static bool call_msr(Vm *v, unsigned long request, uint32_t index,
                     uint64_t *value)
{
    _Alignas(8)
        uint8_t buf[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)] = {
            0
        };
    struct kvm_msrs *m = (struct kvm_msrs *)buf;
    int r;

    m->nmsrs = 1;
    m->entries[0].index = index;
    m->entries[0].data = *value;
    r = ioctl(v->vcpu_fd, request, m);
    g_assert_cmpint(r, >=, 0);
    *value = m->entries[0].data;
    return r == 1;
}

static uint64_t get_msr(Vm *v, uint32_t index)
{
    uint64_t value = 0;

    g_assert_true(call_msr(v, KVM_GET_MSRS, index, &value));
    return value;
}

static void set_msr(Vm *v, uint32_t index, uint64_t value)
{
    g_assert_true(call_msr(v, KVM_SET_MSRS, index, &value));
}

/* Whether the host's KVM knows MTRRs: not all variants of KVM do. The lab's
 * does, so that what depends on it is tested there in any case. */
static bool has_mtrrs(Vm *v)
{
    uint64_t value = 0;
    bool has = call_msr(v, KVM_GET_MSRS, 0x2ff, &value);

    if (!has) {
        g_test_message("the KVM of this host has no MTRRs");
    }
    return has;
}

typedef struct MsrValue {
    uint32_t index;
    uint64_t value;
} MsrValue;

static void assert_load_restores(Vm *v, const MsrValue *msrs, size_t n)
{
    g_autofree uint64_t *before = g_new(uint64_t, n);

    for (size_t i = 0; i < n; i++) {
        before[i] = get_msr(v, msrs[i].index);
        set_msr(v, msrs[i].index, msrs[i].value);
        g_assert_cmphex(get_msr(v, msrs[i].index), !=, before[i]);
    }
    g_assert_cmpint(kvm_cpu_state_load(v->state, v->vcpu_fd), ==, 0);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(get_msr(v, msrs[i].index), ==, before[i]);
    }
}

/* --- each register --- */

typedef struct Change {
    const char *part;
    size_t offset; /* of a byte that is 0 at power-on, or of xcr0 */
    uint8_t value;
} Change;

/* One for each of kvm_state_parts. */
static const Change changes[] = {
    { "events", offsetof(struct kvm_vcpu_events, nmi.masked), 1 },
    { "sregs", offsetof(struct kvm_sregs, cr2) + 2, 0x12 },
    { "regs", offsetof(struct kvm_regs, rbx), 0x34 },
    { "xsave", 0, 0 }, /* see change_part() */
    { "xcrs", offsetof(struct kvm_xcrs, xcrs[0].value), 3 },
    { "debugregs", offsetof(struct kvm_debugregs, db[1]) + 1, 0x10 },
    { "lapic", 0x80, 0x20 }, /* task priority */
    { "mp_state", 0, KVM_MP_STATE_HALTED },
};

/* The part as it is now; the caller frees it. */
static uint8_t *read_part(Vm *v, const KvmStatePart *p)
{
    uint8_t *data = g_malloc0(MAX(v->format.xsave_size, 8192));
    bool xsave2 = p->get == KVM_GET_XSAVE && v->format.has_xsave2;

    g_assert_cmpint(ioctl(v->vcpu_fd, xsave2 ? KVM_GET_XSAVE2 : p->get, data),
                    ==, 0);
    return data;
}

static void change_part(Vm *v, const KvmStatePart *p, const Change *c)
{
    g_autofree uint8_t *data = read_part(v, p);

    if (p->get == KVM_GET_XSAVE) {
        data[512] |= 2;   /* SSE is in use */
        data[160] = 0x56; /* XMM0 */
    } else {
        g_assert_cmphex(data[c->offset], !=, c->value);
        data[c->offset] = c->value;
    }
    g_assert_cmpint(ioctl(v->vcpu_fd, p->set, data), ==, 0);
}

static void load_restores_each_part(void)
{
    Vm v;

    vm_new(&v);
    g_assert_cmpuint(G_N_ELEMENTS(changes), ==, KVM_STATE_PARTS);
    for (unsigned i = 0; i < KVM_STATE_PARTS; i++) {
        const KvmStatePart *p = &kvm_state_parts[i];
        g_autofree uint8_t *before = NULL, *changed = NULL, *after = NULL;
        size_t size = _IOC_SIZE(p->set);

        g_assert_cmpstr(p->name, ==, changes[i].part);
        if (p->capability &&
            ioctl(v.vm_fd, KVM_CHECK_EXTENSION, p->capability) <= 0) {
            continue; /* the host's processors have no XSAVE */
        }
        before = read_part(&v, p);
        change_part(&v, p, &changes[i]);
        changed = read_part(&v, p);
        g_test_message("%s", p->name);
        g_assert_cmpint(memcmp(before, changed, size), !=, 0);
        g_assert_cmpint(kvm_cpu_state_load(v.state, v.vcpu_fd), ==, 0);
        after = read_part(&v, p);
        g_assert_cmpmem(after, size, before, size);
    }
    vm_free(&v);
}

/* Finds a bit that KVM lets change, and changes it. */
static bool change_msr(Vm *v, uint32_t index, uint64_t before)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t value = before ^ UINT64_C(1) << bit;

        if (call_msr(v, KVM_SET_MSRS, index, &value) &&
            get_msr(v, index) != before) {
            return true;
        }
    }
    return false;
}

static bool is_state(uint32_t msr)
{
    return msr != 0x10 && (msr < 0x40000000 || msr > 0x40000fff);
}

static void load_restores_each_msr(void)
{
    unsigned changed = 0;
    Vm v;

    vm_new(&v);
    for (unsigned i = 0; i < v.format.msrs->nmsrs; i++) {
        uint32_t index = v.format.msrs->indices[i];
        uint64_t before = 0;

        if (!is_state(index) || !call_msr(&v, KVM_GET_MSRS, index, &before) ||
            !change_msr(&v, index, before)) {
            continue;
        }
        changed++;
        g_assert_cmpint(kvm_cpu_state_load(v.state, v.vcpu_fd), ==, 0);
        g_test_message("MSR 0x%x", index);
        g_assert_cmphex(get_msr(&v, index), ==, before);
    }
    /* SYSENTER, SYSCALL, FS and GS bases, PAT at least. */
    g_assert_cmpuint(changed, >=, 10);
    vm_free(&v);
}

static void new_vcpu_has_write_back_memory(void)
{
    Vm v;

    vm_new(&v);
    if (has_mtrrs(&v)) {
        g_assert_cmphex(get_msr(&v, 0x2ff), ==, 0x806);
    }
    vm_free(&v);
}

static void new_vcpu_has_fast_strings(void)
{
    Vm v;

    vm_new(&v);
    g_assert_cmphex(get_msr(&v, 0x1a0) & 1, ==, 1);
    vm_free(&v);
}

static void load_restores_msrs(void)
{
    static const MsrValue msrs[] = {
        { 0x174, 0x10 },               /* SYSENTER_CS */
        { 0x277, 0x0407010600070106 }, /* PAT */
        { 0xc0000082, 0xffffffff81 },  /* LSTAR */
        { 0x4b564d01, 0x1001 },        /* kvmclock */
    };
    Vm v;

    vm_new(&v);
    assert_load_restores(&v, msrs, G_N_ELEMENTS(msrs));
    vm_free(&v);
}

static void load_restores_mtrrs(void)
{
    static const MsrValue msrs[] = {
        { 0x200, 0xc0000000 },         /* MTRR_PHYS_BASE_0 */
        { 0x250, 0x0606060606060606 }, /* MTRR_FIX_64K */
        { 0x26f, 0x0505050505050505 }, /* MTRR_FIX_4K_F8000 */
        { 0x2ff, 0xc00 },              /* MTRR_DEF_TYPE */
    };
    Vm v;

    vm_new(&v);
    if (has_mtrrs(&v)) {
        assert_load_restores(&v, msrs, G_N_ELEMENTS(msrs));
    }
    vm_free(&v);
}

static void load_leaves_the_tsc_alone(void)
{
    uint64_t tsc;
    Vm v;

    vm_new(&v);
    /* Much more than at power-on, and than what the clocks of two processors
     * are apart; a KVM that takes no such value keeps its own. */
    set_msr(&v, 0x10, UINT64_C(1) << 50);
    tsc = get_msr(&v, 0x10);
    g_assert_cmpint(kvm_cpu_state_load(v.state, v.vcpu_fd), ==, 0);
    g_assert_cmpuint(get_msr(&v, 0x10), >, tsc / 2);
    vm_free(&v);
}

static void load_leaves_64_bit_mode(void)
{
    const BootEntry entry = {
        .rip = 0x1000200,
        .rsi = 0x7000,
        .rsp = 0x9000,
        .cr3 = 0x9000,
        .gdt_base = 0x6000,
        .gdt_limit = 31,
        .cs = 0x10,
        .ds = 0x18,
    };
    struct kvm_sregs reset_sregs, sregs;
    struct kvm_regs reset_regs, regs;
    Vm v;

    vm_new(&v);
    ioctl(v.vcpu_fd, KVM_GET_SREGS, &reset_sregs);
    ioctl(v.vcpu_fd, KVM_GET_REGS, &reset_regs);

    g_assert_cmpint(kvm_arch_set_boot_entry(v.vcpu_fd, &entry), ==, 0);
    ioctl(v.vcpu_fd, KVM_GET_SREGS, &sregs);
    ioctl(v.vcpu_fd, KVM_GET_REGS, &regs);
    g_assert_cmphex(regs.rip, ==, 0x1000200);
    g_assert_cmphex(regs.rsi, ==, 0x7000);
    g_assert_cmphex(regs.rflags, ==, 2);
    g_assert_cmphex(sregs.efer & 0x500, ==, 0x500);
    g_assert_cmphex(sregs.cs.selector, ==, 0x10);
    g_assert_cmphex(sregs.cs.l, ==, 1);
    g_assert_cmphex(sregs.ss.selector, ==, 0x18);
    g_assert_cmphex(sregs.gdt.limit, ==, 31);

    g_assert_cmpint(kvm_cpu_state_load(v.state, v.vcpu_fd), ==, 0);
    ioctl(v.vcpu_fd, KVM_GET_SREGS, &sregs);
    ioctl(v.vcpu_fd, KVM_GET_REGS, &regs);
    g_assert_cmpmem(&regs, sizeof(regs), &reset_regs, sizeof(reset_regs));
    g_assert_cmpmem(&sregs, sizeof(sregs), &reset_sregs, sizeof(reset_sregs));
    vm_free(&v);
}

static void load_leaves_x2apic_mode(void)
{
    struct kvm_lapic_state reset_lapic, lapic;
    struct kvm_sregs sregs;
    Vm v;

    vm_new(&v);
    ioctl(v.vcpu_fd, KVM_GET_LAPIC, &reset_lapic);
    ioctl(v.vcpu_fd, KVM_GET_SREGS, &sregs);
    sregs.apic_base |= 1 << 10;
    g_assert_cmpint(ioctl(v.vcpu_fd, KVM_SET_SREGS, &sregs), ==, 0);
    set_msr(&v, 0x6e0, UINT64_MAX);

    g_assert_cmpint(kvm_cpu_state_load(v.state, v.vcpu_fd), ==, 0);
    ioctl(v.vcpu_fd, KVM_GET_SREGS, &sregs);
    ioctl(v.vcpu_fd, KVM_GET_LAPIC, &lapic);
    g_assert_cmphex(sregs.apic_base & 1 << 10, ==, 0);
    g_assert_cmpmem(&lapic, sizeof(lapic), &reset_lapic, sizeof(reset_lapic));
    g_assert_cmphex(get_msr(&v, 0x6e0), ==, 0);
    vm_free(&v);
}

#define TEST(_name)                 \
    {                               \
        "/kvm-state/" #_name, _name \
    }
static const struct {
    const char *path;
    void (*run)(void);
} tests[] = {
    TEST(new_vcpu_has_write_back_memory),
    TEST(new_vcpu_has_fast_strings),
    TEST(load_restores_each_part),
    TEST(load_restores_each_msr),
    TEST(load_restores_msrs),
    TEST(load_restores_mtrrs),
    TEST(load_leaves_the_tsc_alone),
    TEST(load_leaves_64_bit_mode),
    TEST(load_leaves_x2apic_mode),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_data_func(tests[i].path, &tests[i].run, run_with_kvm);
    }
    return g_test_run();
}
