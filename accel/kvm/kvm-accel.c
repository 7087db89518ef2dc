/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm-int.h"

#include <fcntl.h>

#include "target/target.h"
#include "util/error.h"
#include "util/log.h"

#define KVM_DEVICE "/dev/kvm"

/* What this accelerator cannot work without. All of it is in Linux 4.12, which
 * brought KVM_CAP_IMMEDIATE_EXIT. */
static const KvmCapability required_caps[] = {
    KVM_CAPABILITY(KVM_CAP_USER_MEMORY),
    KVM_CAPABILITY(KVM_CAP_DESTROY_MEMORY_REGION_WORKS),
    KVM_CAPABILITY(KVM_CAP_READONLY_MEM),
    KVM_CAPABILITY(KVM_CAP_IRQCHIP),
    KVM_CAPABILITY(KVM_CAP_IRQ_ROUTING),
    KVM_CAPABILITY(KVM_CAP_IRQFD),
    KVM_CAPABILITY(KVM_CAP_IOEVENTFD),
    KVM_CAPABILITY(KVM_CAP_SIGNAL_MSI),
    KVM_CAPABILITY(KVM_CAP_IMMEDIATE_EXIT),
    { 0, NULL },
};

void kvm_machine_failed(Machine *machine, const char *what, int err)
{
    error_report("KVM: %s failed: %s", what, g_strerror(-err));
    vm_stop_request(machine, RUN_STATE_INTERNAL_ERROR);
}

static bool open_device(KvmAccel *kvm, GError **errp)
{
    int version;

    kvm->kvm_fd = neg_errno(open(KVM_DEVICE, O_RDWR | O_CLOEXEC));
    switch (kvm->kvm_fd) {
    case -ENOENT:
    case -ENODEV:
    case -ENXIO:
        error_setg(errp,
                   "KVM is not available: " KVM_DEVICE " does not exist; %s",
                   kvm_arch_advice);
        return false;
    case -EACCES:
    case -EPERM:
        error_setg(errp, "KVM is not available: opening " KVM_DEVICE
                         " is not permitted; add this user to the group kvm "
                         "and log in again");
        return false;
    default:
        break;
    }
    if (kvm->kvm_fd < 0) {
        error_setg_errno(errp, -kvm->kvm_fd, "cannot open " KVM_DEVICE);
        return false;
    }
    version = ioctl(kvm->kvm_fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        error_setg(errp,
                   KVM_DEVICE " is not the KVM we know: its API version is %d "
                              "instead of %d",
                   version, KVM_API_VERSION);
        return false;
    }
    return true;
}

static bool check_caps(KvmAccel *kvm, const KvmCapability *cap, GError **errp)
{
    for (; cap->name; cap++) {
        if (ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, cap->number) <= 0) {
            error_set(errp, ERROR_CLASS_KVM_MISSING_CAP,
                      "the KVM of this host lacks %s; Linux 4.12 or later "
                      "has it",
                      cap->name);
            return false;
        }
    }
    return true;
}

static bool create_vm(KvmAccel *kvm, GError **errp)
{
    do {
        kvm->vm_fd = neg_errno(ioctl(kvm->kvm_fd, KVM_CREATE_VM, 0));
    } while (kvm->vm_fd == -EINTR);

    if (kvm->vm_fd == -EBUSY) {
        error_setg(errp, "KVM cannot create a virtual machine: another "
                         "hypervisor holds the processor's virtualization; "
                         "stop it first");
        return false;
    }
    if (kvm->vm_fd < 0) {
        error_setg_errno(errp, -kvm->vm_fd,
                         "KVM cannot create a virtual machine");
        return false;
    }
    return check_caps(kvm, required_caps, errp) &&
           check_caps(kvm, kvm_arch_caps, errp);
}

/* Whether KVM can run the vCPUs that -smp asks for. */
static bool check_cpus(KvmAccel *kvm, GError **errp)
{
    const MachineConfig *c = &kvm->accel.machine->config;
    int max = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

    if (!c->n_cpus) {
        return true; /* machine none */
    }
    if (!target_info.check_topology(&c->topology, errp)) {
        return false;
    }
    /* It may be missing (0): then KVM itself refuses the vCPU. */
    if (max > 0 && c->n_cpus > (unsigned)max) {
        error_setg(errp, "-smp %u: the KVM of this host runs at most %d vCPUs",
                   c->n_cpus, max);
        return false;
    }
    return kvm_arch_check_cpus(kvm, errp);
}

static int read_run_size(KvmAccel *kvm)
{
    int size = neg_errno(ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));

    if (size < (int)sizeof(struct kvm_run)) {
        return size < 0 ? size : -EINVAL;
    }
    kvm->run_size = (size_t)size;
    return 0;
}

/* Everything before the first vCPU that only fails if KVM is broken or out of
 * memory. On failure *@ret_what says which step it was. */
static int setup_vm(KvmAccel *kvm, const char **ret_what)
{
    int r;

    *ret_what = "KVM_GET_VCPU_MMAP_SIZE";
    r = read_run_size(kvm);
    if (r < 0) {
        return r;
    }
    r = kvm_arch_init(kvm, ret_what);
    if (r < 0) {
        return r;
    }
    *ret_what = "sigaction";
    return kvm_install_kick_handler();
}

static void kvm_finish(Machine *machine)
{
    KvmAccel *kvm;

    if (!machine->accel) {
        return;
    }
    kvm = kvm_accel(machine->accel);
    machine->accel = NULL;
    kvm_stats_finish(kvm);
    kvm_irq_finish(kvm);
    kvm_arch_finish(kvm);
    close_fd(&kvm->vm_fd);
    close_fd(&kvm->kvm_fd);
    g_free(kvm);
}

static bool kvm_init(Machine *machine, GError **errp)
{
    KvmAccel *kvm = g_new0(KvmAccel, 1);
    const char *what = NULL;
    int r;

    kvm->accel = (Accel){ .ops = &kvm_accel_ops, .machine = machine };
    kvm->kvm_fd = kvm->vm_fd = kvm->stats_fd = -1;
    machine->accel = &kvm->accel;

    if (!open_device(kvm, errp) || !create_vm(kvm, errp) ||
        !check_cpus(kvm, errp)) {
        kvm_finish(machine);
        return false;
    }
    kvm->ioeventfd_any_length = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION,
                                      KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
    kvm->binary_stats = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION,
                              KVM_CAP_BINARY_STATS_FD) > 0;
    kvm->stats_fd = kvm_stats_open(kvm, kvm->vm_fd);
    r = setup_vm(kvm, &what);
    if (r < 0) {
        error_setg_errno(errp, -r, "KVM cannot set up the virtual machine: %s",
                         what);
        kvm_finish(machine);
        return false;
    }
    if (!kvm_arch_check_features(kvm, errp)) {
        kvm_finish(machine);
        return false;
    }
    return true;
}

static void kvm_reset(Machine *machine)
{
    int r = kvm_arch_reset(kvm_accel(machine->accel));

    if (r < 0) {
        kvm_machine_failed(machine, "resetting the interrupt controllers", r);
    }
}

static int kvm_set_slot(Accel *accel, unsigned n, const MemorySlot *what)
{
    struct kvm_userspace_memory_region region = {
        .slot = n,
        .flags = what->readonly ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = what->gpa,
        .memory_size = what->size,
        .userspace_addr = (uintptr_t)what->host,
    };
    int r = neg_errno(
        ioctl(kvm_accel(accel)->vm_fd, KVM_SET_USER_MEMORY_REGION, &region));

    trace(kvm_set_user_memory,
          "slot=%u flags=0x%x gpa=0x%" PRIx64 " size=0x%" PRIx64 " ret=%d", n,
          region.flags, what->gpa, what->size, r);
    return r;
}

static int ioeventfd_call(Accel *accel, const IoEventFd *io, uint32_t flags)
{
    KvmAccel *kvm = kvm_accel(accel);
    struct kvm_ioeventfd call = {
        .addr = io->addr,
        .len = io->size,
        .fd = io->fd,
        .flags = flags,
    };
    bool in_io = io->as == &accel->machine->io;
    int r;

    if (io->size == 0 && (in_io || !kvm->ioeventfd_any_length)) {
        return -ENOTSUP;
    }
    call.flags |= in_io ? KVM_IOEVENTFD_FLAG_PIO : 0;
    r = neg_errno(ioctl(kvm->vm_fd, KVM_IOEVENTFD, &call));
    trace(kvm_ioeventfd, "fd=%d addr=0x%" PRIx64 " size=%u flags=0x%x ret=%d",
          io->fd, io->addr, io->size, call.flags, r);
    return r;
}

static int kvm_ioeventfd_add(Accel *accel, const IoEventFd *io)
{
    return ioeventfd_call(accel, io, 0);
}

static int kvm_ioeventfd_del(Accel *accel, const IoEventFd *io)
{
    return ioeventfd_call(accel, io, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static bool kvm_is_present(void)
{
    auto_fd fd = neg_errno(open(KVM_DEVICE, O_RDWR | O_CLOEXEC));

    return fd >= 0;
}

const AccelOps kvm_accel_ops = {
    .name = "kvm",
    .summary = "the kernel's KVM: the guest runs in hardware",
    .is_present = kvm_is_present,
    .init = kvm_init,
    .finish = kvm_finish,
    .reset = kvm_reset,
    .set_running = kvm_arch_set_running,
    .address_bits = kvm_arch_address_bits,
    .set_slot = kvm_set_slot,
    .set_irq = kvm_arch_set_irq,
    .send_msi = kvm_send_msi,
    .irqfd_add_msi = kvm_irqfd_add_msi,
    .irqfd_prepare_msi = kvm_irqfd_prepare_msi,
    .irqfd_del = kvm_irqfd_del,
    .ioeventfd_add = kvm_ioeventfd_add,
    .ioeventfd_del = kvm_ioeventfd_del,
    .vcpu_init = kvm_vcpu_init,
    .vcpu_finish = kvm_vcpu_finish,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_kick = kvm_vcpu_kick,
    .vcpu_reset = kvm_vcpu_reset,
    .vcpu_set_boot_entry = kvm_vcpu_set_boot_entry,
    .stats_schema = kvm_stats_schema,
    .stats_read = kvm_stats_read,
};
