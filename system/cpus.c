/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"
#include "util/error.h"

#include <sys/syscall.h>

char *cpu_path(const Cpu *cpu)
{
    return g_strdup_printf("/machine/unattached/device[%u]", cpu->index);
}

static void wait_while_paused(Cpu *cpu)
{
    Machine *m = cpu->machine;

    cpu->stopped = true;
    g_cond_broadcast(&m->cond);
    while (!m->cpus_run && !m->cpus_quit) {
        g_cond_wait(&m->cond, &m->lock);
    }
    cpu->stopped = false;
}

static void *cpu_thread(void *opaque)
{
    Cpu *cpu = opaque;
    Machine *m = cpu->machine;
    bool ok;

    ok = m->accel_ops->vcpu_init(cpu, &cpu->error);
    machine_lock(m);
    cpu->tid = (pid_t)syscall(SYS_gettid);
    cpu->ready = true;
    wait_while_paused(cpu);
    while (!m->cpus_quit) {
        int r;

        machine_unlock(m);
        r = m->accel_ops->vcpu_run(cpu);
        machine_lock(m);
        if (r < 0) {
            error_report("vCPU %u cannot go on: %s", cpu->index,
                         g_strerror(-r));
            vm_stop_request(m, RUN_STATE_INTERNAL_ERROR);
            m->cpus_run = false;
        }
        if (!m->cpus_run) {
            wait_while_paused(cpu);
        }
    }
    cpu->stopped = true;
    machine_unlock(m);
    if (ok) {
        m->accel_ops->vcpu_finish(cpu);
    }
    return NULL;
}

bool cpus_start(Machine *m, GError **errp)
{
    unsigned n = m->config.n_cpus;

    m->cpus = g_new0(Cpu, n);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("CPU %u/%s", i,
                                                m->accel_ops->name);
        Cpu *cpu = &m->cpus[i];

        cpu->machine = m;
        cpu->index = i;
        cpu->thread = machine_thread_new(name, cpu_thread, cpu, errp);
        if (!cpu->thread) {
            return false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        while (!m->cpus[i].ready) {
            g_cond_wait(&m->cond, &m->lock);
        }
        if (m->cpus[i].error) {
            g_propagate_error(errp, g_steal_pointer(&m->cpus[i].error));
            return false;
        }
    }
    return true;
}

void cpus_finish(Machine *m)
{
    if (!m->cpus) {
        return;
    }
    m->cpus_quit = true;
    g_cond_broadcast(&m->cond);
    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        Cpu *cpu = &m->cpus[i];

        if (cpu->thread) {
            if (cpu->accel_state) {
                m->accel_ops->vcpu_kick(cpu);
            }
            machine_unlock(m);
            g_thread_join(cpu->thread);
            machine_lock(m);
        }
        g_clear_error(&cpu->error);
    }
    g_clear_pointer(&m->cpus, g_free);
}

void cpus_pause(Machine *m)
{
    m->cpus_run = false;
    for (unsigned i = 0; m->cpus && i < m->config.n_cpus; i++) {
        Cpu *cpu = &m->cpus[i];

        if (!cpu->stopped) {
            m->accel_ops->vcpu_kick(cpu);
        }
    }
    for (unsigned i = 0; m->cpus && i < m->config.n_cpus; i++) {
        while (!m->cpus[i].stopped) {
            g_cond_wait(&m->cond, &m->lock);
        }
    }
}

void cpus_resume(Machine *m)
{
    m->cpus_run = true;
    g_cond_broadcast(&m->cond);
}
