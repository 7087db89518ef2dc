/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What accel/kvm asks of the architecture, and target/<arch>/kvm*.c answers.
 * These functions and accel/kvm see each other through kvm-int.h alone. Machine
 * lock, but where it says otherwise.
 */
#ifndef ACCEL_KVM_ARCH_H
#define ACCEL_KVM_ARCH_H

#include <linux/kvm.h>

#include "system/accel.h"

typedef struct KvmAccel KvmAccel;
typedef struct KvmArch KvmArch;         /* what it keeps of the machine */
typedef struct KvmCpuState KvmCpuState; /* registers of a vCPU */

typedef struct KvmCapability {
    int number;
    const char *name;
} KvmCapability;

#define KVM_CAPABILITY(_name) \
    {                         \
        _name, #_name         \
    }

/* What to do where there is no /dev/kvm, for "...; " before it. */
extern const char kvm_arch_advice[];

/* What it cannot work without, beside what any architecture needs; a NULL name
 * at the end. */
extern const KvmCapability kvm_arch_caps[];

/* Whether KVM can number the vCPUs of -smp. The machine is open, no more. */
bool kvm_arch_check_cpus(KvmAccel *kvm, GError **errp);

/* Makes kvm->arch, the interrupt controllers and, by kvm_irq_init(), the routes
 * to them. On failure *@ret_what says which step failed. */
int kvm_arch_init(KvmAccel *kvm, const char **ret_what);
void kvm_arch_finish(KvmAccel *kvm); /* takes a failed one */

/* -cpu +FEATURE: warns of what the host lacks, or with enforce refuses it. */
bool kvm_arch_check_features(KvmAccel *kvm, GError **errp);

/* Interrupt controllers and timers back to power-on state. */
int kvm_arch_reset(KvmAccel *kvm);

/* AccelOps.address_bits, set_irq and set_running. */
unsigned kvm_arch_address_bits(Accel *accel);
void kvm_arch_set_irq(Accel *accel, unsigned n, bool level);
void kvm_arch_set_running(Machine *machine, bool running);

/* --- A vCPU: its own thread, without the lock --- */

/* KVM's number of it. */
unsigned long kvm_arch_cpu_id(const Cpu *cpu);

/* Makes a processor of the new vCPU @fd and reads its power-on state. On failure
 * *@ret_what says which step failed. */
int kvm_arch_cpu_init(const Cpu *cpu, int fd, KvmCpuState **ret_power_on,
                      const char **ret_what);
void kvm_cpu_state_free(KvmCpuState *state); /* takes NULL */

/* The machine stood still and goes on. */
void kvm_arch_cpu_resume(int fd);

/* What to do after an exit. */
typedef enum KvmExitAction {
    KVM_EXIT_ACTION_CONTINUE,
    KVM_EXIT_ACTION_WAIT, /* the guest must not go on before a pause */
    KVM_EXIT_ACTION_NONE, /* that exit is not known here */
} KvmExitAction;

/* An exit that only this architecture has. */
KvmExitAction kvm_arch_handle_exit(Cpu *cpu, struct kvm_run *run);

/* Where the guest is, for a message: "NAME 0xVALUE"; the caller frees it. */
char *kvm_arch_position(int fd);

/* --- Any thread; the vCPU is paused --- */

int kvm_arch_cpu_reset(const KvmCpuState *power_on, int fd);
/* After its reset. */
int kvm_arch_set_boot_entry(int fd, const BootEntry *entry);

#endif
