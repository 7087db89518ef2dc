/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a vCPU a PC processor: models, APIC ids, and the state in which a
 * directly booted kernel is entered.
 */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "system/cpus.h"

/* Models of -cpu, NULL at the end: "max", "host". */
typedef struct CpuModel {
    const char *name, *summary;
} CpuModel;
extern const CpuModel cpu_models[];

/* APIC id of vCPU @index under @topology (ids are packed with power-of-two
 * fields; Intel SDM 3A, 9.9). */
uint32_t x86_apic_id(const CpuTopology *topology, unsigned index);

/* State in which the boot vCPU enters the kernel. */
typedef struct X86BootEntry {
    uint64_t rip; /* 64-bit entry point */
    uint64_t rsi; /* struct boot_params */
    uint64_t rsp;
    uint64_t cr3; /* identity page tables */
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t cs, ds; /* __BOOT_CS, __BOOT_DS */
} X86BootEntry;

#endif
