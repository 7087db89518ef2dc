/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/cpu.h"

#include "util/error.h"

/* Bits needed to number @n things from 0. */
static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;

    while ((UINT64_C(1) << bits) < n) {
        bits++;
    }
    return bits;
}

unsigned x86_apic_thread_bits(const CpuTopology *t)
{
    return bits_for(t->threads);
}

unsigned x86_apic_core_bits(const CpuTopology *t)
{
    return bits_for(t->cores);
}

uint32_t x86_apic_id(const CpuTopology *t, unsigned index)
{
    unsigned thread = index % t->threads;
    unsigned core = index / t->threads % t->cores;
    unsigned socket = index / t->threads / t->cores;
    unsigned thread_bits = x86_apic_thread_bits(t);

    return ((socket << x86_apic_core_bits(t) | core) << thread_bits) | thread;
}

bool x86_topology_check(const CpuTopology *t, GError **errp)
{
    unsigned n = t->sockets * t->cores * t->threads;
    uint32_t id = x86_apic_id(t, n - 1);

    if (id > X86_APIC_ID_MAX) {
        error_setg(errp,
                   "-smp %u,sockets=%u,cores=%u,threads=%u needs APIC id %u, "
                   "but the greatest one is %u; use fewer vCPUs, or cores and "
                   "threads that are powers of two",
                   n, t->sockets, t->cores, t->threads, id, X86_APIC_ID_MAX);
        return false;
    }
    return true;
}
