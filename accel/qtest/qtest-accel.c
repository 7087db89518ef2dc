/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine whose vCPUs never run any code. */
#include "qtest-int.h"
#include "target/target.h"

typedef struct QtestCpu {
    GMutex lock;
    GCond cond;
    bool kicked; /* under lock */
} QtestCpu;

static bool qtest_init(Machine *machine, GError **errp)
{
    QtestAccel *q;

    if (!target_info.check_topology(&machine->config.topology, errp)) {
        return false;
    }
    q = g_new0(QtestAccel, 1);
    q->accel = (Accel){ .ops = &qtest_accel_ops, .machine = machine };
    qtest_irq_init(q);
    machine->accel = &q->accel;
    /* From its first step on a clock moves by steps alone. */
    timer_list_step_to(machine->timers, 0);
    return true;
}

static void qtest_finish(Machine *machine)
{
    QtestAccel *q = qtest_accel(g_steal_pointer(&machine->accel));

    qtest_wire_free(q->wire);
    qtest_irq_finish(q);
    g_free(q);
}

/* There is no interrupt controller; its inputs are driven by the devices. */
static void qtest_reset(Machine *machine)
{
}

/* The virtual clock is the only one. */
static void qtest_set_running(Machine *machine, bool running)
{
}

/* As the smallest processors of today. */
static unsigned qtest_address_bits(Accel *accel)
{
    return 40;
}

static int qtest_set_slot(Accel *accel, unsigned n, const MemorySlot *what)
{
    return 0;
}

static bool qtest_vcpu_init(Cpu *cpu, GError **errp)
{
    QtestCpu *q = g_new0(QtestCpu, 1);

    g_mutex_init(&q->lock);
    g_cond_init(&q->cond);
    machine_lock(cpu->machine);
    cpu->accel_state = q;
    machine_unlock(cpu->machine);
    return true;
}

static void qtest_vcpu_finish(Cpu *cpu)
{
    QtestCpu *q;

    machine_lock(cpu->machine);
    q = g_steal_pointer(&cpu->accel_state);
    /* The server stands in for the vCPUs and, as they, is gone before the
     * devices are. */
    qtest_wire_end(qtest_accel(cpu->machine->accel)->wire);
    machine_unlock(cpu->machine);
    if (q) {
        g_cond_clear(&q->cond);
        g_mutex_clear(&q->lock);
        g_free(q);
    }
}

static int qtest_vcpu_run(Cpu *cpu)
{
    QtestCpu *q = cpu->accel_state;

    g_mutex_lock(&q->lock);
    while (!q->kicked) {
        g_cond_wait(&q->cond, &q->lock);
    }
    q->kicked = false;
    g_mutex_unlock(&q->lock);
    return 0;
}

static void qtest_vcpu_kick(Cpu *cpu)
{
    QtestCpu *q = cpu->accel_state;

    if (q) {
        g_mutex_lock(&q->lock);
        q->kicked = true;
        g_cond_signal(&q->cond);
        g_mutex_unlock(&q->lock);
    }
}

static void qtest_vcpu_reset(Cpu *cpu)
{
}

static int qtest_vcpu_set_boot_entry(Cpu *cpu, const BootEntry *entry)
{
    return 0;
}

static bool qtest_is_present(void)
{
    return true;
}

static int qtest_stats_schema(Accel *accel, StatsTarget target,
                              const StatsSchema **ret_schema)
{
    return -ENOTSUP;
}

static int qtest_stats_read(Accel *accel, const Cpu *cpu, uint64_t *values)
{
    return -ENOTSUP;
}

const AccelOps qtest_accel_ops = {
    .name = "qtest",
    .summary = "no vCPU runs: a test drives the devices",
    .is_present = qtest_is_present,
    .init = qtest_init,
    .finish = qtest_finish,
    .reset = qtest_reset,
    .set_running = qtest_set_running,
    .address_bits = qtest_address_bits,
    .set_slot = qtest_set_slot,
    .set_irq = qtest_set_irq,
    .send_msi = qtest_send_msi,
    .irqfd_add_msi = qtest_irqfd_add_msi,
    .irqfd_prepare_msi = qtest_irqfd_prepare_msi,
    .irqfd_del = qtest_irqfd_del,
    .ioeventfd_add = qtest_ioeventfd_add,
    .ioeventfd_del = qtest_ioeventfd_del,
    .vcpu_init = qtest_vcpu_init,
    .vcpu_finish = qtest_vcpu_finish,
    .vcpu_run = qtest_vcpu_run,
    .vcpu_kick = qtest_vcpu_kick,
    .vcpu_reset = qtest_vcpu_reset,
    .vcpu_set_boot_entry = qtest_vcpu_set_boot_entry,
    .stats_schema = qtest_stats_schema,
    .stats_read = qtest_stats_read,
};
