/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a vCPU a PC processor: APIC ids, and the state in which a directly
 * booted kernel is entered.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "system/cpus.h"

/* The greatest APIC id. 255 is the broadcast id; above it lie ids that reach
 * no I/O interrupt without interrupt remapping, which we lack. */
#define X86_APIC_ID_MAX 254

/* APIC id of vCPU @index under @topology (ids are packed with power-of-two
 * fields; Intel SDM 3A, 9.9). */
uint32_t x86_apic_id(const CpuTopology *topology, unsigned index);

/* Bits of an APIC id that number the threads of a core, and the cores of a
 * socket. */
unsigned x86_apic_thread_bits(const CpuTopology *topology);
unsigned x86_apic_core_bits(const CpuTopology *topology);

/* Refuses a topology whose last vCPU has an APIC id above X86_APIC_ID_MAX. */
bool x86_topology_check(const CpuTopology *topology, GError **errp);

/*
 * Guest addresses that KVM takes for itself on Intel hosts: one page with the
 * identity page table and three pages of TSS for real mode, neither seen by
 * the guest. The board maps nothing here and reserves the range in E820.
 */
#define X86_ACCEL_RESERVED_BASE UINT64_C(0xfeffc000)
#define X86_ACCEL_RESERVED_SIZE UINT64_C(0x4000)

/* State in which the boot vCPU enters the kernel. */
typedef struct BootEntry {
    uint64_t rip; /* 64-bit entry point */
    uint64_t rsi; /* struct boot_params */
    uint64_t rsp;
    uint64_t cr3; /* identity page tables */
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t cs, ds; /* __BOOT_CS, __BOOT_DS */
} BootEntry;

#endif
