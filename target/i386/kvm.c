/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-x86.h"

#include <asm/processor-flags.h>

#include "target/i386/cpu.h"
#include "util/error.h"
#include "util/log.h"

/* Entries of KVM_GET_SUPPORTED_CPUID that we take; KVM itself has a limit of
 * the same size. */
#define CPUID_ENTRIES_MAX 256

#define CPUID_ADDRESS_BITS   0x80000008
#define ADDRESS_BITS_DEFAULT 36 /* of processors without that leaf */

const char kvm_arch_advice[] = "load the module kvm_intel or kvm_amd, and if "
                               "that fails enable virtualization (VT-x or "
                               "AMD-V) in the firmware";

const KvmCapability kvm_arch_caps[] = {
    KVM_CAPABILITY(KVM_CAP_SET_TSS_ADDR),
    KVM_CAPABILITY(KVM_CAP_SET_IDENTITY_MAP_ADDR),
    KVM_CAPABILITY(KVM_CAP_EXT_CPUID),
    KVM_CAPABILITY(KVM_CAP_PIT2),
    KVM_CAPABILITY(KVM_CAP_PIT_STATE2),
    KVM_CAPABILITY(KVM_CAP_MP_STATE),
    KVM_CAPABILITY(KVM_CAP_VCPU_EVENTS),
    KVM_CAPABILITY(KVM_CAP_DEBUGREGS),
    KVM_CAPABILITY(KVM_CAP_XSAVE),
    { 0, NULL },
};

/* --- The machine --- */

bool kvm_arch_check_cpus(KvmAccel *kvm, GError **errp)
{
    const MachineConfig *c = &kvm->accel.machine->config;
    uint32_t last = x86_apic_id(&c->topology, c->n_cpus - 1);
    int ids = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);

    /* It may be missing (0): then KVM itself refuses the vCPU. */
    if (ids > 0 && last >= (unsigned)ids) {
        error_setg(errp,
                   "-smp %u needs APIC id %u, but the KVM of this host takes "
                   "ids below %d; use fewer vCPUs",
                   c->n_cpus, last, ids);
        return false;
    }
    return true;
}

static int read_supported_cpuid(KvmAccel *kvm)
{
    struct kvm_cpuid2 *cpuid;
    int r;

    cpuid = g_malloc0(sizeof(*cpuid) +
                      CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));
    cpuid->nent = CPUID_ENTRIES_MAX;
    r = neg_errno(ioctl(kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid));
    if (r < 0) {
        g_free(cpuid);
        return r;
    }
    kvm->arch->cpuid = g_realloc(
        cpuid, sizeof(*cpuid) + cpuid->nent * sizeof(*cpuid->entries));
    return 0;
}

int kvm_arch_init(KvmAccel *kvm, const char **ret_what)
{
    uint64_t identity_map = X86_ACCEL_RESERVED_BASE;
    unsigned long tss = X86_ACCEL_RESERVED_BASE + 4 * KiB;
    int r;

    kvm->arch = g_new0(KvmArch, 1);
    kvm->arch->tsc_deadline = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION,
                                    KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    *ret_what = "KVM_SET_IDENTITY_MAP_ADDR";
    r = neg_errno(ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map));
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_SET_TSS_ADDR";
    r = neg_errno(ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, tss));
    if (r < 0) {
        return r;
    }
    r = kvm_x86_irq_init(kvm, ret_what);
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_GET_SUPPORTED_CPUID";
    r = read_supported_cpuid(kvm);
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_GET_MSR_INDEX_LIST";
    return kvm_state_format_init(&kvm->arch->format, kvm->kvm_fd, kvm->vm_fd);
}

void kvm_arch_finish(KvmAccel *kvm)
{
    if (kvm->arch) {
        kvm_state_format_finish(&kvm->arch->format);
        g_free(kvm->arch->cpuid);
        g_clear_pointer(&kvm->arch, g_free);
    }
}

bool kvm_arch_check_features(KvmAccel *kvm, GError **errp)
{
    static const char *const regs[] = { "EAX", "EBX", "ECX", "EDX" };
    struct kvm_cpuid2 *cpuid = kvm->arch->cpuid;
    const MachineConfig *c = &kvm->accel.machine->config;

    for (unsigned i = 0; c->cpu_on && c->cpu_on[i]; i++) {
        const X86Feature *f;
        g_autofree char *text = NULL;

        if (x86_cpuid_has(cpuid->entries, cpuid->nent, c->cpu_on[i], &f)) {
            continue;
        }
        text = g_strdup_printf("host doesn't support requested feature: "
                               "CPUID.%02XH:%s.%s [bit %u]",
                               f->function, regs[f->reg], f->name, f->bit);
        if (c->cpu_enforce) {
            error_setg(errp, "-cpu: %s", text);
            return false;
        }
        warn_report("%s", text);
    }
    return true;
}

unsigned kvm_arch_address_bits(Accel *accel)
{
    struct kvm_cpuid2 *cpuid = kvm_accel(accel)->arch->cpuid;
    const struct kvm_cpuid_entry2 *e = x86_cpuid_find(
        cpuid->entries, cpuid->nent, CPUID_ADDRESS_BITS, 0);

    return e ? e->eax & 0xff : ADDRESS_BITS_DEFAULT;
}

/* --- A vCPU --- */

/* The APIC id. */
unsigned long kvm_arch_cpu_id(const Cpu *cpu)
{
    return x86_apic_id(&cpu->machine->config.topology, cpu->index);
}

int kvm_arch_cpu_init(const Cpu *cpu, int fd, KvmCpuState **ret_power_on,
                      const char **ret_what)
{
    const MachineConfig *c = &cpu->machine->config;
    const KvmArch *arch = kvm_accel(cpu->machine->accel)->arch;
    X86CpuidConfig config = {
        .topology = c->topology,
        .apic_id = x86_apic_id(&c->topology, cpu->index),
        .tsc_deadline = arch->tsc_deadline,
        .off = (const char *const *)c->cpu_off,
    };
    int r;

    *ret_what = "KVM_SET_CPUID2";
    r = kvm_cpu_set_cpuid(fd, arch->cpuid, &config);
    if (r < 0) {
        return r;
    }
    *ret_what = "reading its power-on state";
    return kvm_cpu_state_new(&arch->format, fd, ret_power_on);
}

/* Spares the guest soft-lockup messages. Fails in one without kvmclock, which
 * needs none of this. */
void kvm_arch_cpu_resume(int fd)
{
    (void)ioctl(fd, KVM_KVMCLOCK_CTRL, 0);
}

static void handle_io(Cpu *cpu, struct kvm_run *run)
{
    Machine *m = cpu->machine;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    uint16_t port = run->io.port;
    unsigned size = run->io.size;
    bool out = run->io.direction == KVM_EXIT_IO_OUT;
    uint64_t counter;

    trace(kvm_run_exit, "cpu=%u io out=%d port=0x%x size=%u count=%u",
          cpu->index, out, port, size, run->io.count);
    if (!out && run->io.count == 1 &&
        address_space_read_counter(&m->io, port, size, &counter)) {
        memcpy(data, &counter, size);
        return;
    }
    machine_lock(m);
    /* A string instruction brings many items for one port. */
    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint64_t value = 0;

        if (out) {
            memcpy(&value, data, size);
            address_space_write(&m->io, port, value, size);
        } else {
            value = address_space_read(&m->io, port, size);
            memcpy(data, &value, size);
        }
    }
    machine_unlock(m);
}

KvmExitAction kvm_arch_handle_exit(Cpu *cpu, struct kvm_run *run)
{
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        handle_io(cpu, run);
        return KVM_EXIT_ACTION_CONTINUE;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_NMI:
        return KVM_EXIT_ACTION_CONTINUE;
    default:
        return KVM_EXIT_ACTION_NONE;
    }
}

char *kvm_arch_position(int fd)
{
    struct kvm_regs regs = { 0 };

    (void)ioctl(fd, KVM_GET_REGS, &regs);
    return g_strdup_printf("rip 0x%" PRIx64, (uint64_t)regs.rip);
}

/* KVM on AMD processors makes a new control block when a guest has shut down
 * (triple fault), and tells it of the page tables only where paging seems to
 * change. A guest without paging would then run on page tables at address 0,
 * which is to stand still for ever; seen with Linux 6.12. A CR0 that is not
 * what it was makes KVM look. */
static int have_page_tables_set(int fd)
{
    struct kvm_sregs sregs;
    int r = neg_errno(ioctl(fd, KVM_GET_SREGS, &sregs));

    if (r < 0 || sregs.cr0 & X86_CR0_PG) {
        return r;
    }
    sregs.cr0 ^= X86_CR0_WP;
    sregs.cr4 = 0; /* nothing in it that would want WP */
    return neg_errno(ioctl(fd, KVM_SET_SREGS, &sregs));
}

int kvm_arch_cpu_reset(const KvmCpuState *power_on, int fd)
{
    int r = have_page_tables_set(fd);

    return r < 0 ? r : kvm_cpu_state_load(power_on, fd);
}
