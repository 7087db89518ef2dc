/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of the q35 board: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT.
 * ACPI 6.4; PCI Firmware 3.2 for MCFG and _OSC.
 */
#ifndef HW_I386_ACPI_BUILD_H
#define HW_I386_ACPI_BUILD_H

#include "hw/pci/pci.h"

typedef struct AcpiConfig {
    unsigned n_cpus;
    const uint32_t *apic_ids; /* n_cpus of them */
    uint64_t ecam_base;
    unsigned ecam_buses;               /* buses 0 .. ecam_buses - 1 */
    uint64_t mmio32_base, mmio32_size; /* PCI window below 4 GiB */
    uint64_t mmio64_base, mmio64_size; /* above RAM; size 0: none */
    uint16_t pm_base;
    uint8_t sci_irq;
    unsigned serial_ports; /* bit mask of COM1 .. COM4 that exist */
    uint16_t pvpanic_port; /* 0: there is none */
    bool has_rtc;
    /* Declare the GPE0 block. Nothing of the q35 board raises a GPE as long as
     * hotplug is PCIe's own, and clearing it costs a guest some 30 exits. */
    bool has_gpe0;
} AcpiConfig;

/* Where the tables lie in guest memory and their bytes. */
typedef struct AcpiTables {
    GByteArray *blob; /* all tables; goes to @blob_gpa; owned */
    uint64_t blob_gpa;
    uint64_t rsdp_gpa; /* within the blob */
} AcpiTables;

/* Builds everything for load address @blob_gpa, a multiple of 64. Undo with
 * acpi_tables_finish(). */
void acpi_build(AcpiTables *tables, const AcpiConfig *config,
                uint64_t blob_gpa);
void acpi_tables_finish(AcpiTables *tables);

#endif
