/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of the q35 board: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT; SRAT and SLIT
 * if the guest has NUMA nodes.
 * ACPI 6.4; PCI Firmware 3.2 for MCFG and _OSC.
 */
#ifndef HW_I386_ACPI_BUILD_H
#define HW_I386_ACPI_BUILD_H

#include "hw/pci/pci.h"
#include "system/numa.h"

/* A range of RAM and the node that it is of. */
typedef struct AcpiNumaRange {
    uint64_t base, size;
    unsigned node;
} AcpiNumaRange;

typedef struct AcpiConfig {
    unsigned n_cpus;
    const uint32_t *apic_ids; /* n_cpus of them */
    const NumaConfig *numa;   /* NULL: there are no nodes */
    const AcpiNumaRange *numa_ranges;
    unsigned n_numa_ranges;
    uint64_t ecam_base;
    unsigned ecam_buses;               /* buses 0 .. ecam_buses - 1 */
    uint64_t mmio32_base, mmio32_size; /* PCI window below 4 GiB */
    /* Another one below ECAM; size 0: none. */
    uint64_t mmio32_low_base, mmio32_low_size;
    uint64_t mmio64_base, mmio64_size; /* above RAM; size 0: none */
    uint16_t pm_base;
    uint8_t sci_irq;
    unsigned serial_ports; /* bit mask of COM1 .. COM4 that exist */
    uint16_t pvpanic_port; /* 0: there is none */
    bool has_rtc;
    bool has_fw_cfg;
    /* Declare the GPE0 block. Nothing of the q35 board raises a GPE as long as
     * hotplug is PCIe's own, and clearing it costs a guest some 30 exits. */
    bool has_gpe0;
} AcpiConfig;

/* What the tables are built into, each to be placed as a whole. */
typedef enum AcpiFile {
    ACPI_FILE_TABLES, /* at a multiple of 64 */
    ACPI_FILE_RSDP,   /* at a multiple of 16, where a guest looks for it */
    ACPI_FILES,
} AcpiFile;

/* What depends on where a file lies, in the order in which it is to be done. */
typedef struct AcpiFixup {
    AcpiFile file;
    unsigned offset; /* of the field, in the file */
    unsigned size;   /* of a pointer, in bytes; 0: a checksum of one byte */
    AcpiFile target; /* pointer: whose address is added to what is there */
    unsigned start, length; /* checksum: the bytes whose sum becomes 0 */
} AcpiFixup;

typedef struct AcpiTables {
    GByteArray *files[ACPI_FILES]; /* owned */
    GArray *fixups;                /* AcpiFixup; owned */
} AcpiTables;

/* Builds all files as if each were to lie at 0. Whoever places them, the board
 * or firmware that it tells of the fix-ups, carries these out. Undo with
 * acpi_tables_finish(). */
void acpi_build(AcpiTables *tables, const AcpiConfig *config);
void acpi_tables_finish(AcpiTables *tables); /* takes an empty one */

/* Appends the tables of NUMA nodes, of which @config has some (acpi-numa.c):
 * System Resource Affinity, and System Locality Distance Information. */
void acpi_build_srat(GByteArray *out, const AcpiConfig *config);
void acpi_build_slit(GByteArray *out, const AcpiConfig *config);

/* Carries out the fix-ups for files that lie at @gpas; once. */
void acpi_place(AcpiTables *tables, const uint64_t gpas[ACPI_FILES]);

#endif
