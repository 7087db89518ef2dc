/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvm-x86.h"

/* The input of the master PIC that the slave hangs on. */
#define PIC_CASCADE_PIN  2
/* Where a PC wires the timer to the IOAPIC (the MADT says so). */
#define IOAPIC_TIMER_PIN 2

#define PIC_PINS 8

static struct kvm_irq_routing_entry pin_entry(unsigned gsi, unsigned chip,
                                              unsigned pin)
{
    return (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

static int init_routes(KvmAccel *kvm)
{
    struct kvm_irq_routing_entry fixed[2 * PIC_PINS + KVM_IOAPIC_NUM_PINS];
    unsigned n = 0;

    for (unsigned gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
        if (gsi == PIC_CASCADE_PIN) {
            continue;
        }
        if (gsi < 2 * PIC_PINS) {
            fixed[n++] = pin_entry(gsi,
                                   gsi < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER
                                                  : KVM_IRQCHIP_PIC_SLAVE,
                                   gsi % PIC_PINS);
        }
        fixed[n++] = pin_entry(gsi, KVM_IRQCHIP_IOAPIC,
                               gsi == 0 ? IOAPIC_TIMER_PIN : gsi);
    }
    return kvm_irq_init(kvm, fixed, n, KVM_IOAPIC_NUM_PINS);
}

/* -global kvm-pit.lost_tick_policy=: KVM delivers ticks that a guest has missed
 * later ("delay") unless it is told not to. */
static int set_lost_ticks(KvmAccel *kvm)
{
    const char *policy = device_global(&kvm->accel.machine->tree, "kvm-pit",
                                       "lost_tick_policy");
    struct kvm_reinject_control control = { .pit_reinject = 0 };

    if (g_strcmp0(policy, "discard")) {
        return 0;
    }
    return neg_errno(ioctl(kvm->vm_fd, KVM_REINJECT_CONTROL, &control));
}

int kvm_x86_irq_init(KvmAccel *kvm, const char **ret_what)
{
    /* The kernel answers port 0x61 too: its polling costs no exit then. */
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int r;

    *ret_what = "KVM_CREATE_IRQCHIP";
    r = neg_errno(ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0));
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_CREATE_PIT2";
    r = neg_errno(ioctl(kvm->vm_fd, KVM_CREATE_PIT2, &pit));
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_REINJECT_CONTROL";
    r = set_lost_ticks(kvm);
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_GET_IRQCHIP";
    for (unsigned i = 0; i < KVM_NR_IRQCHIPS; i++) {
        kvm->arch->chips[i].chip_id = i;
        r = neg_errno(ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &kvm->arch->chips[i]));
        if (r < 0) {
            return r;
        }
    }
    *ret_what = "KVM_GET_PIT2";
    r = neg_errno(ioctl(kvm->vm_fd, KVM_GET_PIT2, &kvm->arch->pit));
    if (r < 0) {
        return r;
    }
    *ret_what = "KVM_SET_GSI_ROUTING";
    return init_routes(kvm);
}

int kvm_arch_reset(KvmAccel *kvm)
{
    for (unsigned i = 0; i < KVM_NR_IRQCHIPS; i++) {
        int r = neg_errno(
            ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &kvm->arch->chips[i]));

        if (r < 0) {
            return r;
        }
    }
    return neg_errno(ioctl(kvm->vm_fd, KVM_SET_PIT2, &kvm->arch->pit));
}

void kvm_arch_set_irq(Accel *accel, unsigned n, bool level)
{
    struct kvm_irq_level irq = { .irq = n, .level = level };

    assert(n < KVM_IOAPIC_NUM_PINS);
    /* Cannot fail for one of the fixed routes. */
    (void)ioctl(kvm_accel(accel)->vm_fd, KVM_IRQ_LINE, &irq);
}
