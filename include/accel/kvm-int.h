/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside accel/kvm: the virtual machine and its vCPUs.
 *
 * kvm-accel.c opens the VM, gives it memory and ioeventfds; kvm-irq.c has the
 * routes of interrupts and irqfds; kvm-cpu.c runs vCPUs; kvm-stats.c reads
 * statistics. Processors, interrupt controllers and clocks are the
 * architecture's (kvm-arch.h). All state that changes after init is guarded by
 * the machine lock.
 */
#ifndef ACCEL_KVM_INT_H
#define ACCEL_KVM_INT_H

#include <linux/kvm.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "accel/kvm-arch.h"
#include "accel/kvm-stats.h"
#include "accel/kvm.h"
#include "system/machine.h"

/*
 * The routing table. KVM takes it only as a whole, so it is kept here in KVM's
 * form: first the fixed entries, by which numbers of interrupts below n_pins
 * reach inputs of interrupt controllers, then one entry per MSI route; route i
 * has number n_pins + i. A route that is given back stays in the table, since a guest that masks and unmasks a vector asks for
 * the same one again, and each change of the table costs the kernel a grace
 * period.
 */
typedef struct KvmRoutes {
    struct kvm_irq_routing *table; /* owned */
    bool *used;                    /* per MSI route; owned */
    unsigned n_pins, n_fixed;
    bool has_devid;     /* KVM tells the senders of messages apart */
    unsigned n_msi;     /* MSI routes in the table */
    unsigned capacity;  /* MSI routes there is room for */
    unsigned n_msi_max; /* that KVM can take */
} KvmRoutes;

typedef struct KvmAccel {
    Accel accel;
    int kvm_fd;      /* /dev/kvm; owned */
    int vm_fd;       /* owned */
    size_t run_size; /* bytes of a vCPU's struct kvm_run and its pages */
    bool ioeventfd_any_length;
    bool binary_stats;
    KvmArch *arch; /* owned by its functions */
    KvmRoutes routes;
    int stats_fd; /* of the machine; owned; negative: why there is none */
    KvmStatsFormat *stats_format[STATS_TARGETS_COUNT]; /* owned; NULL: not
                                                        * asked for yet */
} KvmAccel;

static inline KvmAccel *kvm_accel(Accel *accel)
{
    return container_of(accel, KvmAccel, accel);
}

/* Reports that @what failed with the negative @err, where no caller can be
 * told, and stops the machine. Machine lock. */
void kvm_machine_failed(Machine *machine, const char *what, int err);

/* --- kvm-irq.c --- */

/* Makes the routing table of the @n_fixed entries @fixed; MSI routes have
 * numbers from @n_pins on. */
int kvm_irq_init(KvmAccel *kvm, const struct kvm_irq_routing_entry *fixed,
                 unsigned n_fixed, unsigned n_pins);
void kvm_irq_finish(KvmAccel *kvm);

int kvm_send_msi(Accel *accel, const MsiMessage *msg);
int kvm_irqfd_add_msi(Accel *accel, int fd, const MsiMessage *msg);
void kvm_irqfd_prepare_msi(Accel *accel, const MsiMessage *msgs, unsigned n);
void kvm_irqfd_del(Accel *accel, int fd, int route);

/* --- kvm-cpu.c --- */

/*
 * The signal that takes a vCPU thread out of the guest. Its handler does
 * nothing: immediate_exit, set before the signal is sent, makes KVM_RUN return
 * whether the signal arrives before, in or after it. A standard signal, since
 * these do not queue up.
 */
#define KVM_KICK_SIGNAL SIGUSR1

int kvm_install_kick_handler(void);

bool kvm_vcpu_init(Cpu *cpu, GError **errp);
void kvm_vcpu_finish(Cpu *cpu);
int kvm_vcpu_run(Cpu *cpu);
void kvm_vcpu_kick(Cpu *cpu);
void kvm_vcpu_reset(Cpu *cpu);
int kvm_vcpu_set_boot_entry(Cpu *cpu, const BootEntry *entry);
/* Its statistics, borrowed, or -errno that says why there are none. Machine
 * lock. */
int kvm_vcpu_stats_fd(const Cpu *cpu);

/* The vCPU itself, borrowed; valid from its init to its finish. */
int kvm_vcpu_fd(const Cpu *cpu);

/* --- kvm-stats.c --- */

/* The statistics of @fd, a virtual machine or a vCPU that is not running; the
 * caller owns the descriptor that is returned. -ENOTSUP before Linux 5.14. */
int kvm_stats_open(const KvmAccel *kvm, int fd);
void kvm_stats_finish(KvmAccel *kvm);

int kvm_stats_schema(Accel *accel, StatsTarget target,
                     const StatsSchema **ret_schema);
int kvm_stats_read(Accel *accel, const Cpu *cpu, uint64_t *values);

#endif
