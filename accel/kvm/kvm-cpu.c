/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm-int.h"

#include <signal.h>
#include <sys/mman.h>

#include "util/error.h"
#include "util/log.h"

typedef struct KvmCpu {
    Cpu *cpu;
    KvmAccel *kvm;
    int fd;                /* owned */
    int stats_fd;          /* owned; negative: why there is none */
    struct kvm_run *run;   /* mapping of fd; owned; NULL: none */
    KvmCpuState *power_on; /* owned */
    pthread_t thread;
    bool ran;   /* KVM_RUN was called: not before the first start */
    bool dirty; /* not in its power-on state */
} KvmCpu;

static void ignore_signal(int signum)
{
}

int kvm_install_kick_handler(void)
{
    /* A device's write() or read() that the signal meets goes on; KVM_RUN
     * returns all the same. */
    struct sigaction action = {
        .sa_handler = ignore_signal,
        .sa_flags = SA_RESTART,
    };

    sigemptyset(&action.sa_mask);
    return neg_errno(sigaction(KVM_KICK_SIGNAL, &action, NULL));
}

/* --- Life --- */

static void kvm_cpu_free(KvmCpu *k)
{
    if (!k) {
        return;
    }
    if (k->run) {
        munmap(k->run, k->kvm->run_size);
    }
    kvm_cpu_state_free(k->power_on);
    close_fd(&k->stats_fd);
    close_fd(&k->fd);
    g_free(k);
}

/* On failure *@ret_what says which step failed. */
static int kvm_cpu_create(KvmCpu *k, const char **ret_what)
{
    KvmAccel *kvm = k->kvm;
    void *run;

    *ret_what = "KVM_CREATE_VCPU";
    k->fd = neg_errno(
        ioctl(kvm->vm_fd, KVM_CREATE_VCPU, kvm_arch_cpu_id(k->cpu)));
    if (k->fd < 0) {
        return k->fd;
    }
    *ret_what = "mmap";
    run = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd,
               0);
    if (run == MAP_FAILED) {
        return -errno;
    }
    k->run = run;
    /* Now: on a vCPU that runs the call would wait until it stops. */
    k->stats_fd = kvm_stats_open(kvm, k->fd);
    return kvm_arch_cpu_init(k->cpu, k->fd, &k->power_on, ret_what);
}

bool kvm_vcpu_init(Cpu *cpu, GError **errp)
{
    KvmCpu *k = g_new0(KvmCpu, 1);
    const char *what = NULL;
    sigset_t kick;
    int r;

    k->cpu = cpu;
    k->kvm = kvm_accel(cpu->machine->accel);
    k->fd = k->stats_fd = -1;
    k->thread = pthread_self();
    r = kvm_cpu_create(k, &what);
    if (r < 0) {
        error_setg_errno(errp, -r, "KVM cannot create vCPU %u: %s", cpu->index,
                         what);
        kvm_cpu_free(k);
        return false;
    }
    sigemptyset(&kick);
    sigaddset(&kick, KVM_KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &kick, NULL);

    machine_lock(cpu->machine);
    cpu->accel_state = k;
    machine_unlock(cpu->machine);
    return true;
}

void kvm_vcpu_finish(Cpu *cpu)
{
    KvmCpu *k;

    /* A kick from another thread finds the vCPU whole or not at all. */
    machine_lock(cpu->machine);
    k = g_steal_pointer(&cpu->accel_state);
    machine_unlock(cpu->machine);
    kvm_cpu_free(k);
}

/* --- Kick --- */

void kvm_vcpu_kick(Cpu *cpu)
{
    KvmCpu *k = cpu->accel_state;

    if (!k) {
        return;
    }
    __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    pthread_kill(k->thread, KVM_KICK_SIGNAL);
}

/* Waits for a kick without entering the guest, and leaves it pending. */
static void wait_for_kick(KvmCpu *k)
{
    sigset_t kick, old;

    sigemptyset(&kick);
    sigaddset(&kick, KVM_KICK_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &kick, &old);
    while (!__atomic_load_n(&k->run->immediate_exit, __ATOMIC_SEQ_CST)) {
        sigsuspend(&old);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* --- Exits --- */

/* @len is 1 to 8. KVM cuts an access that crosses a page, and pieces of 3, 5,
 * 6 and 7 bytes occur: these go byte by byte. */
static void handle_mmio(KvmCpu *k)
{
    Machine *m = k->cpu->machine;
    struct kvm_run *run = k->run;
    uint64_t addr = run->mmio.phys_addr;
    unsigned len = MIN(run->mmio.len, sizeof(run->mmio.data));
    unsigned step = is_power_of_2(len) ? len : 1;

    trace(kvm_run_exit, "cpu=%u mmio out=%d addr=0x%" PRIx64 " size=%u",
          k->cpu->index, run->mmio.is_write, addr, len);
    machine_lock(m);
    for (unsigned i = 0; i < len; i += step) {
        uint64_t value = 0;

        if (run->mmio.is_write) {
            memcpy(&value, &run->mmio.data[i], step);
            address_space_write(&m->memory, addr + i, value, step);
        } else {
            value = address_space_read(&m->memory, addr + i, step);
            memcpy(&run->mmio.data[i], &value, step);
        }
    }
    machine_unlock(m);
}

static KvmExitAction handle_system_event(KvmCpu *k)
{
    Machine *m = k->cpu->machine;

    machine_lock(m);
    switch (k->run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
        system_shutdown_request(m, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
        break;
    case KVM_SYSTEM_EVENT_RESET:
        system_reset_request(m, SHUTDOWN_CAUSE_GUEST_RESET);
        break;
    default: /* a crash, or what later kernels invent */
        system_guest_crash_reset(m);
        break;
    }
    machine_unlock(m);
    return KVM_EXIT_ACTION_WAIT;
}

static KvmExitAction handle_guest_crash(KvmCpu *k)
{
    Machine *m = k->cpu->machine;

    machine_lock(m);
    system_guest_crash_reset(m);
    machine_unlock(m);
    return KVM_EXIT_ACTION_WAIT;
}

/* The vCPU cannot go on: one line says why, and the machine stops so that a
 * monitor can look at it and reset it. */
static KvmExitAction handle_failure(KvmCpu *k, const char *what,
                                    uint64_t detail)
{
    Machine *m = k->cpu->machine;
    g_autofree char *where = kvm_arch_position(k->fd);

    error_report("vCPU %u cannot go on: %s 0x%" PRIx64
                 " at %s; the machine stops",
                 k->cpu->index, what, detail, where);
    machine_lock(m);
    vm_stop_request(m, RUN_STATE_INTERNAL_ERROR);
    machine_unlock(m);
    return KVM_EXIT_ACTION_WAIT;
}

static KvmExitAction handle_exit(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    KvmExitAction action;

    if (run->exit_reason == KVM_EXIT_MMIO) {
        handle_mmio(k);
        return KVM_EXIT_ACTION_CONTINUE;
    }
    action = kvm_arch_handle_exit(k->cpu, run);
    if (action != KVM_EXIT_ACTION_NONE) {
        return action;
    }
    trace(kvm_run_exit, "cpu=%u reason=%u", k->cpu->index, run->exit_reason);
    switch (run->exit_reason) {
    case KVM_EXIT_INTR:
        return KVM_EXIT_ACTION_CONTINUE;
    case KVM_EXIT_SHUTDOWN:
        return handle_guest_crash(k);
    case KVM_EXIT_SYSTEM_EVENT:
        return handle_system_event(k);
    case KVM_EXIT_FAIL_ENTRY:
        return handle_failure(k, "the processor refuses to enter the guest,",
                              run->fail_entry.hardware_entry_failure_reason);
    case KVM_EXIT_INTERNAL_ERROR:
        return handle_failure(k, "KVM internal error, suberror",
                              run->internal.suberror);
    case KVM_EXIT_UNKNOWN:
        return handle_failure(k, "unknown hardware exit",
                              run->hw.hardware_exit_reason);
    default:
        /* With the kernel's interrupt controllers there are no others. */
        return handle_failure(k, "unexpected exit", run->exit_reason);
    }
}

#define EAGAIN_MAX 1000 /* of KVM_RUN in a row */

int kvm_vcpu_run(Cpu *cpu)
{
    KvmCpu *k = cpu->accel_state;
    unsigned again = 0;
    int r;

    if (k->ran) {
        kvm_arch_cpu_resume(k->fd);
    }
    k->ran = true;
    k->dirty = true;
    for (;;) {
        r = neg_errno(ioctl(k->fd, KVM_RUN, 0));
        /* A waiting processor was woken by INIT; or the kernel cannot make its
         * own thread for this machine, which trying again does not change. */
        if (r == -EAGAIN && ++again < EAGAIN_MAX) {
            continue;
        }
        if (r < 0) {
            break;
        }
        again = 0;
        if (handle_exit(k) == KVM_EXIT_ACTION_WAIT) {
            wait_for_kick(k);
        }
    }
    /* Whoever kicks changes what our caller looks at first, so a kick between
     * KVM_RUN and this line is not lost. */
    __atomic_store_n(&k->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    return r == -EINTR ? 0 : r;
}

/* --- Reset --- */

void kvm_vcpu_reset(Cpu *cpu)
{
    KvmCpu *k = cpu->accel_state;
    int r;

    if (!k->dirty) {
        return;
    }
    r = kvm_arch_cpu_reset(k->power_on, k->fd);
    if (r < 0) {
        kvm_machine_failed(cpu->machine, "resetting a vCPU", r);
        return;
    }
    k->dirty = false;
}

int kvm_vcpu_set_boot_entry(Cpu *cpu, const BootEntry *entry)
{
    KvmCpu *k = cpu->accel_state;

    k->dirty = true;
    return kvm_arch_set_boot_entry(k->fd, entry);
}

/* --- Statistics --- */

int kvm_vcpu_stats_fd(const Cpu *cpu)
{
    const KvmCpu *k = cpu->accel_state;

    return k ? k->stats_fd : -ENOTSUP;
}

int kvm_vcpu_fd(const Cpu *cpu)
{
    const KvmCpu *k = cpu->accel_state;

    return k->fd;
}
