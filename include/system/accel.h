/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between the machine and what runs its vCPUs: kvm or qtest. Nothing
 * outside accel/kvm and target/<arch> knows of KVM. No entry is optional; what
 * an accelerator cannot do answers -ENOTSUP. Leaves: they return 0 (or a value
 * >= 0) or -errno and print nothing.
 */
#ifndef SYSTEM_ACCEL_H
#define SYSTEM_ACCEL_H

#include "system/stats.h"

typedef struct Machine Machine;
typedef struct Cpu Cpu;
typedef struct MemorySlot MemorySlot;
typedef struct Accel Accel;
typedef struct AddressSpace AddressSpace;
typedef struct BootEntry BootEntry; /* target/<arch>/cpu.h */

typedef struct MsiMessage {
    uint64_t address;
    uint32_t data;
    /* Bus << 8 | device and function of who sends it: some interrupt
     * controllers tell equal messages of two devices apart by it. */
    uint16_t requester_id;
} MsiMessage;

/* A guest write that signals an eventfd instead of leaving the guest. */
typedef struct IoEventFd {
    const AddressSpace *as; /* the machine's memory or io */
    uint64_t addr;
    uint32_t size; /* 2 or 4; 0: any size (memory only) */
    int fd;        /* borrowed */
} IoEventFd;

typedef struct AccelOps {
    const char *name;
    const char *summary;

    /* Whether this host has what it needs. No machine is there. Any thread. */
    bool (*is_present)(void);

    /* Makes machine->accel: opens the virtual machine and its interrupt
     * controllers. errp says what is missing and how to get it. */
    bool (*init)(Machine *machine, GError **errp);
    /* Closes it; takes a half-made one. All vCPU threads have ended. */
    void (*finish)(Machine *machine);
    /* Interrupt controllers and timers back to power-on state; the vCPUs are
     * paused. */
    void (*reset)(Machine *machine);

    /* The clocks that the guest reads from its processors stand while the
     * machine does: called when the vCPUs are paused, and before they resume.
     * Machine lock. */
    void (*set_running)(Machine *machine, bool running);

    /* How many bits an address of guest memory has, as the processors say. */
    unsigned (*address_bits)(Accel *accel);

    /* Makes @what slot number @n of the guest's memory, or removes that slot if
     * the size is 0, which cannot fail: memory_map_set(), which removes a slot
     * before it makes another of its number. Machine lock. */
    int (*set_slot)(Accel *accel, unsigned n, const MemorySlot *what);

    /* Drives input @n of the interrupt controllers, as the target numbers them.
     * Any thread. */
    void (*set_irq)(Accel *accel, unsigned n, bool level);
    /* Delivers one message. Any thread. */
    int (*send_msi)(Accel *accel, const MsiMessage *msg);

    /* From now on each signal of the eventfd @fd (borrowed) delivers @msg
     * without user space; a signal that is already pending is delivered at
     * once. Returns a route number to give back. Machine lock. */
    int (*irqfd_add_msi)(Accel *accel, int fd, const MsiMessage *msg);
    /* irqfd_add_msi() will be called for each of these next: makes what that
     * needs at once, where one by one it costs much. Only a hint: what cannot
     * be made now fails then. Machine lock. */
    void (*irqfd_prepare_msi)(Accel *accel, const MsiMessage *msgs, unsigned n);
    /* Stops that; later signals stay in the eventfd. Machine lock. */
    void (*irqfd_del)(Accel *accel, int fd, int route);

    /* Machine lock. -EEXIST if the same write is taken already. */
    int (*ioeventfd_add)(Accel *accel, const IoEventFd *io);
    int (*ioeventfd_del)(Accel *accel, const IoEventFd *io);

    /* Called in the vCPU's own thread, before it first runs. */
    bool (*vcpu_init)(Cpu *cpu, GError **errp);
    void (*vcpu_finish)(Cpu *cpu);
    /* Runs the guest until vcpu_kick(); called in the vCPU's thread without
     * the machine lock, which it takes around each exit it handles. Returns
     * 0, or -errno if this vCPU cannot go on. */
    int (*vcpu_run)(Cpu *cpu);
    /* Makes vcpu_run() return soon, or return at once if it is about to run.
     * Any thread. */
    void (*vcpu_kick)(Cpu *cpu);
    /* Registers back to power-on state; the vCPU is paused. May be called from
     * any thread. */
    void (*vcpu_reset)(Cpu *cpu);
    /* Lets the boot vCPU enter a directly booted kernel; after its reset. */
    int (*vcpu_set_boot_entry)(Cpu *cpu, const BootEntry *entry);

    /* What is counted of the machine, or of each vCPU (the same for all; there
     * are vCPUs). *@ret_schema is borrowed and does not change. -ENOTSUP if
     * nothing is counted. Machine lock. */
    int (*stats_schema)(Accel *accel, StatsTarget target,
                        const StatsSchema **ret_schema);
    /* The values now, n_values of the schema that was asked for before, of the
     * machine (@cpu NULL) or of @cpu, which need not stop. Machine lock. */
    int (*stats_read)(Accel *accel, const Cpu *cpu, uint64_t *values);
} AccelOps;

/* The part all accelerators share; kvm and qtest embed it. */
struct Accel {
    const AccelOps *ops;
    Machine *machine;
};

#endif
