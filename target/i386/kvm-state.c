/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documentation/virt/kvm/api.rst says what each call transfers. */
#include "target/i386/kvm-state.h"

#include <sys/ioctl.h>

#include "target/i386/cpu.h"
#include "util/log.h"

#define MSR_IA32_TSC            0x10
#define MSR_IA32_MISC_ENABLE    0x1a0
#define MSR_MTRR_PHYS_BASE_0    0x200
#define MSR_MTRR_PHYS_LAST      0x20f
#define MSR_MTRR_FIX_64K        0x250
#define MSR_MTRR_FIX_16K_80000  0x258
#define MSR_MTRR_FIX_16K_A0000  0x259
#define MSR_MTRR_FIX_4K_C0000   0x268
#define MSR_MTRR_FIX_4K_F8000   0x26f
#define MSR_MTRR_DEF_TYPE       0x2ff
#define MSR_HYPERV_FIRST        0x40000000
#define MSR_HYPERV_LAST         0x40000fff
#define MISC_ENABLE_FAST_STRING UINT64_C(1)
#define MTRR_ENABLE             (UINT64_C(1) << 11)
#define MTRR_TYPE_WRITE_BACK    UINT64_C(6)
#define MCG_CTL_P               (UINT64_C(1) << 8)

/* MTRRs are part of the state, but KVM does not list them. */
#define MTRRS_COUNT (16 + 3 + 8 + 1)

/* Machine-check banks. KVM's own default is 32, each of which costs the guest
 * several exits to the kernel while it boots. */
#define MCE_BANKS 10

/* MSRs given to KVM in one call. */
#define MSR_BATCH 64

#define CR0_PE   (UINT64_C(1) << 0)
#define CR0_MP   (UINT64_C(1) << 1)
#define CR0_ET   (UINT64_C(1) << 4)
#define CR0_NE   (UINT64_C(1) << 5)
#define CR0_WP   (UINT64_C(1) << 16)
#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PAE  (UINT64_C(1) << 5)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)

#define SEGMENT_DATA_RW_ACCESSED 3
#define SEGMENT_CODE_RX_ACCESSED 11

struct KvmCpuState {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_xcrs xcrs;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp_state;
    struct kvm_nested_state nested; /* valid if has_nested */
    bool has_nested;
    unsigned parts;             /* as in the format */
    struct kvm_msr_entry *msrs; /* owned */
    unsigned n_msrs;
    struct kvm_xsave xsave; /* last: more of it may follow the structure */
};

#define PART(_name, _call, ...)                                \
    {                                                          \
#_name, KVM_GET_##_call, KVM_SET_##_call,              \
            offsetof(struct KvmCpuState, _name), ##__VA_ARGS__ \
    }
const KvmStatePart kvm_state_parts[KVM_STATE_PARTS] = {
    PART(events, VCPU_EVENTS, 0),
    PART(sregs, SREGS, 0),
    PART(regs, REGS, 0),
    PART(xsave, XSAVE, 0),
    PART(xcrs, XCRS, KVM_CAP_XCRS),
    PART(debugregs, DEBUGREGS, 0),
    /* After sregs, whose APIC base says which form the ids have. */
    PART(lapic, LAPIC, 0),
    PART(mp_state, MP_STATE, 0),
};
#undef PART

static int read_msr_list(int kvm_fd, struct kvm_msr_list **ret_list)
{
    struct kvm_msr_list count = { 0 };
    struct kvm_msr_list *list;
    int r;

    r = neg_errno(ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, &count));
    if (r < 0 && r != -E2BIG) {
        return r;
    }
    list = g_malloc(sizeof(*list) + count.nmsrs * sizeof(list->indices[0]));
    list->nmsrs = count.nmsrs;
    r = neg_errno(ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, list));
    if (r < 0) {
        g_free(list);
        return r;
    }
    *ret_list = list;
    return 0;
}

int kvm_state_format_init(KvmStateFormat *f, int kvm_fd, int vm_fd)
{
    int xsave2 = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

    f->has_xsave2 = xsave2 > (int)sizeof(struct kvm_xsave);
    f->xsave_size = f->has_xsave2 ? (size_t)xsave2 : sizeof(struct kvm_xsave);
    for (unsigned i = 0; i < KVM_STATE_PARTS; i++) {
        int cap = kvm_state_parts[i].capability;

        if (!cap || ioctl(vm_fd, KVM_CHECK_EXTENSION, cap) > 0) {
            f->parts |= 1u << i;
        }
    }
    f->has_nested = ioctl(vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NESTED_STATE) > 0;
    return read_msr_list(kvm_fd, &f->msrs);
}

void kvm_state_format_finish(KvmStateFormat *f)
{
    g_clear_pointer(&f->msrs, g_free);
}

/* --- CPUID --- */

static int set_cpuid_without(int vcpu_fd, const struct kvm_cpuid2 *cpuid,
                             unsigned skip)
{
    size_t size = sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]);
    g_autofree struct kvm_cpuid2 *copy = g_memdup2(cpuid, size);

    copy->nent--;
    memmove(&copy->entries[skip], &copy->entries[skip + 1],
            (copy->nent - skip) * sizeof(copy->entries[0]));
    return neg_errno(ioctl(vcpu_fd, KVM_SET_CPUID2, copy));
}

int kvm_cpu_set_cpuid(int vcpu_fd, const struct kvm_cpuid2 *supported,
                      const X86CpuidConfig *config)
{
    unsigned max = supported->nent + X86_CPUID_EXTRA;
    g_autofree struct kvm_cpuid2 *cpuid = g_malloc0(
        sizeof(*cpuid) + max * sizeof(cpuid->entries[0]));
    int n, r;

    memcpy(cpuid->entries, supported->entries,
           supported->nent * sizeof(cpuid->entries[0]));
    n = x86_cpuid_patch(cpuid->entries, supported->nent, max, config);
    if (n < 0) {
        return n;
    }
    cpuid->nent = (uint32_t)n;
    r = neg_errno(ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid));
    /* KVM refuses the table, not a leaf: look for the one it dislikes. */
    for (unsigned i = 0; r == -EINVAL && i < cpuid->nent; i++) {
        if (set_cpuid_without(vcpu_fd, cpuid, i) == 0) {
            trace(kvm_cpuid_skipped, "function=0x%x index=0x%x",
                  cpuid->entries[i].function, cpuid->entries[i].index);
            return 0;
        }
    }
    return r;
}

/* --- MSRs --- */

/*
 * Runs KVM_GET_MSRS or KVM_SET_MSRS (@request) over @entries. KVM stops at the
 * first MSR that it refuses: that one is skipped and the call goes on behind
 * it. With @ret_done, which may be @entries itself, those that went through
 * are stored there one after the other. Returns how many did.
 */
static int transfer_msrs(int vcpu_fd, unsigned long request,
                         const struct kvm_msr_entry *entries, unsigned n,
                         struct kvm_msr_entry *ret_done)
{
    _Alignas(struct kvm_msrs)
        uint8_t buf[sizeof(struct kvm_msrs) +
                    MSR_BATCH * sizeof(struct kvm_msr_entry)] = { 0 };
    struct kvm_msrs *msrs = (struct kvm_msrs *)buf;
    unsigned done = 0, pos = 0;

    while (pos < n) {
        unsigned r;
        int ret;

        msrs->nmsrs = MIN(n - pos, MSR_BATCH);
        memcpy(msrs->entries, &entries[pos],
               msrs->nmsrs * sizeof(msrs->entries[0]));
        ret = neg_errno(ioctl(vcpu_fd, request, msrs));
        if (ret < 0) {
            return ret;
        }
        r = (unsigned)ret;
        if (ret_done) {
            memcpy(&ret_done[done], msrs->entries,
                   r * sizeof(msrs->entries[0]));
        }
        done += r;
        pos += r;
        if (r < msrs->nmsrs) {
            trace(kvm_msr_skipped, "msr=0x%x set=%d", entries[pos].index,
                  request == KVM_SET_MSRS);
            pos++;
        }
    }
    return (int)done;
}

static void update_msr(int vcpu_fd, uint32_t index, uint64_t clear,
                       uint64_t set)
{
    struct kvm_msr_entry e = { .index = index };

    if (transfer_msrs(vcpu_fd, KVM_GET_MSRS, &e, 1, &e) == 1) {
        e.data = (e.data & ~clear) | set;
        /* A refusal is traced; the guest can live without it. */
        (void)transfer_msrs(vcpu_fd, KVM_SET_MSRS, &e, 1, NULL);
    }
}

/* What firmware leaves behind on a PC and Linux relies on. */
static void set_firmware_msrs(int vcpu_fd)
{
    uint64_t mcg_cap = MCE_BANKS | MCG_CTL_P;

    /* All memory is write-back by default. No fixed and no variable range is
     * on: device memory is uncached by the guest's page tables. */
    update_msr(vcpu_fd, MSR_MTRR_DEF_TYPE, UINT64_MAX,
               MTRR_ENABLE | MTRR_TYPE_WRITE_BACK);
    /* Without it Linux believes that fast strings were turned off. */
    update_msr(vcpu_fd, MSR_IA32_MISC_ENABLE, 0, MISC_ENABLE_FAST_STRING);
    /* If KVM refuses, its default of banks stays. */
    (void)ioctl(vcpu_fd, KVM_X86_SETUP_MCE, &mcg_cap);
}

static unsigned add_msr_range(struct kvm_msr_entry *entries, unsigned n,
                              uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last; i++) {
        entries[n++] = (struct kvm_msr_entry){ .index = i };
    }
    return n;
}

static int save_msrs(KvmCpuState *s, const KvmStateFormat *format, int vcpu_fd)
{
    const struct kvm_msr_list *list = format->msrs;
    g_autofree struct kvm_msr_entry *entries = g_new(struct kvm_msr_entry,
                                                     list->nmsrs + MTRRS_COUNT);
    unsigned n = 0;
    int r;

    for (unsigned i = 0; i < list->nmsrs; i++) {
        uint32_t index = list->indices[i];

        /* Hyper-V's MSRs are not there for a guest that sees no Hyper-V in
         * CPUID, and reading one makes KVM allocate their state. */
        if (index != MSR_IA32_TSC &&
            !(index >= MSR_HYPERV_FIRST && index <= MSR_HYPERV_LAST)) {
            n = add_msr_range(entries, n, index, index);
        }
    }
    n = add_msr_range(entries, n, MSR_MTRR_PHYS_BASE_0, MSR_MTRR_PHYS_LAST);
    n = add_msr_range(entries, n, MSR_MTRR_FIX_64K, MSR_MTRR_FIX_64K);
    n = add_msr_range(entries, n, MSR_MTRR_FIX_16K_80000,
                      MSR_MTRR_FIX_16K_A0000);
    n = add_msr_range(entries, n, MSR_MTRR_FIX_4K_C0000, MSR_MTRR_FIX_4K_F8000);
    n = add_msr_range(entries, n, MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE);
    assert(n <= list->nmsrs + MTRRS_COUNT);

    r = transfer_msrs(vcpu_fd, KVM_GET_MSRS, entries, n, entries);
    if (r < 0) {
        return r;
    }
    s->n_msrs = (unsigned)r;
    s->msrs = g_memdup2(entries, s->n_msrs * sizeof(entries[0]));
    return 0;
}

/*
 * Writes back the MSRs that have changed. The others are left alone: KVM has
 * MSRs that it lists and reads but logs a complaint about when they are
 * written, and some that it takes no more once the vCPU has run.
 */
static int load_msrs(const KvmCpuState *s, int vcpu_fd)
{
    g_autofree struct kvm_msr_entry *now = g_memdup2(
        s->msrs, s->n_msrs * sizeof(s->msrs[0]));
    g_autofree struct kvm_msr_entry *changed = g_new(struct kvm_msr_entry,
                                                     s->n_msrs);
    unsigned n_changed = 0, pos = 0;
    int n = transfer_msrs(vcpu_fd, KVM_GET_MSRS, now, s->n_msrs, now);

    if (n < 0) {
        return n;
    }
    for (unsigned i = 0; i < s->n_msrs; i++) {
        bool readable = pos < (unsigned)n && now[pos].index == s->msrs[i].index;

        if (!readable || now[pos].data != s->msrs[i].data) {
            changed[n_changed++] = s->msrs[i];
        }
        pos += readable;
    }
    return transfer_msrs(vcpu_fd, KVM_SET_MSRS, changed, n_changed, NULL);
}

/* --- Whole state --- */

static int read_parts(const KvmStateFormat *format, int vcpu_fd, KvmCpuState *s)
{
    for (unsigned i = 0; i < KVM_STATE_PARTS; i++) {
        const KvmStatePart *p = &kvm_state_parts[i];
        unsigned long get = p->get == KVM_GET_XSAVE && format->has_xsave2
                                ? KVM_GET_XSAVE2
                                : p->get;
        int r;

        if (!(format->parts & 1u << i)) {
            continue;
        }
        r = neg_errno(ioctl(vcpu_fd, get, (char *)s + p->offset));
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Those from @first on and before @end. */
static int write_parts(const KvmCpuState *s, int vcpu_fd, unsigned first,
                       unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        const KvmStatePart *p = &kvm_state_parts[i];
        int r = s->parts & 1u << i
                    ? neg_errno(ioctl(vcpu_fd, p->set, (char *)s + p->offset))
                    : 0;

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

int kvm_cpu_state_new(const KvmStateFormat *format, int vcpu_fd,
                      KvmCpuState **ret_state)
{
    KvmCpuState *s = g_malloc0(offsetof(KvmCpuState, xsave) +
                               format->xsave_size);
    int r;

    s->parts = format->parts;
    set_firmware_msrs(vcpu_fd);
    r = read_parts(format, vcpu_fd, s);
    if (r == 0 && format->has_nested) {
        /* A vCPU that never ran has no more to say than the header. */
        s->nested.size = sizeof(s->nested);
        s->has_nested = ioctl(vcpu_fd, KVM_GET_NESTED_STATE, &s->nested) == 0;
    }
    if (r == 0) {
        r = save_msrs(s, format, vcpu_fd);
    }
    if (r < 0) {
        kvm_cpu_state_free(s);
        return r;
    }
    *ret_state = s;
    return 0;
}

void kvm_cpu_state_free(KvmCpuState *s)
{
    if (!s) {
        return;
    }
    g_free(s->msrs);
    g_free(s);
}

int kvm_cpu_state_load(const KvmCpuState *s, int vcpu_fd)
{
    struct kvm_mp_state flushed;
    int r;

    if (s->has_nested) {
        /* Out of VMX or SVM first, or KVM refuses control registers that these
         * modes forbid. If this fails although it mattered, sregs fail. */
        (void)ioctl(vcpu_fd, KVM_SET_NESTED_STATE, &s->nested);
    }
    /* Reading it makes KVM take in INIT and SIPI that are under way. */
    r = neg_errno(ioctl(vcpu_fd, KVM_GET_MP_STATE, &flushed));
    if (r == 0) {
        r = write_parts(s, vcpu_fd, 0, KVM_STATE_PARTS - 1);
    }
    if (r == 0) {
        /* After the APIC, since the TSC deadline is one of them. */
        r = load_msrs(s, vcpu_fd);
    }
    if (r >= 0) {
        r = write_parts(s, vcpu_fd, KVM_STATE_PARTS - 1, KVM_STATE_PARTS);
    }
    return r;
}

int kvm_arch_set_boot_entry(int fd, const BootEntry *entry)
{
    /* Bit 1 of rflags always reads as one; interrupts are off. */
    struct kvm_regs regs = {
        .rip = entry->rip,
        .rsi = entry->rsi,
        .rsp = entry->rsp,
        .rflags = 2,
    };
    struct kvm_segment data = {
        .limit = UINT32_MAX,
        .selector = entry->ds,
        .type = SEGMENT_DATA_RW_ACCESSED,
        .present = 1,
        .db = 1,
        .s = 1,
        .g = 1,
    };
    struct kvm_segment code = data;
    struct kvm_sregs sregs;
    int r;

    r = neg_errno(ioctl(fd, KVM_GET_SREGS, &sregs));
    if (r < 0) {
        return r;
    }
    code.selector = entry->cs;
    code.type = SEGMENT_CODE_RX_ACCESSED;
    code.db = 0;
    code.l = 1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.gdt.base = entry->gdt_base;
    sregs.gdt.limit = entry->gdt_limit;
    /* The first fault before the kernel has a table of its own ends in a
     * triple fault. */
    sregs.idt.base = 0;
    sregs.idt.limit = 0;
    sregs.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    sregs.cr3 = entry->cr3;
    sregs.cr4 = CR4_PAE;
    sregs.efer = EFER_LME | EFER_LMA;
    r = neg_errno(ioctl(fd, KVM_SET_SREGS, &sregs));
    if (r < 0) {
        return r;
    }
    return neg_errno(ioctl(fd, KVM_SET_REGS, &regs));
}
