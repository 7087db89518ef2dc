/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ACPI says of NUMA nodes; ACPI 6.4, 5.2.16 and 5.2.17. */
#include "hw/acpi/aml-build.h"
#include "hw/i386/acpi-build.h"

#define SRAT_ENABLED 1

/* Types of affinity structures, 5.2.16.1 to 5.2.16.3. */
enum {
    SRAT_LOCAL_APIC = 0,
    SRAT_MEMORY = 1,
    SRAT_LOCAL_X2APIC = 2,
};

static void build_cpu(GByteArray *out, uint32_t apic_id, uint32_t node)
{
    if (apic_id < 255) {
        acpi_append_int(out, SRAT_LOCAL_APIC, 1);
        acpi_append_int(out, 16, 1);
        acpi_append_int(out, node & 0xff, 1);
        acpi_append_int(out, apic_id, 1);
        acpi_append_int(out, SRAT_ENABLED, 4);
        acpi_append_int(out, 0, 1); /* local SAPIC EID */
        acpi_append_int(out, node >> 8, 3);
        acpi_append_int(out, 0, 4); /* clock domain */
        return;
    }
    acpi_append_int(out, SRAT_LOCAL_X2APIC, 1);
    acpi_append_int(out, 24, 1);
    acpi_append_int(out, 0, 2);
    acpi_append_int(out, node, 4);
    acpi_append_int(out, apic_id, 4);
    acpi_append_int(out, SRAT_ENABLED, 4);
    acpi_append_int(out, 0, 4); /* clock domain */
    acpi_append_int(out, 0, 4);
}

static void build_memory(GByteArray *out, const AcpiNumaRange *range)
{
    acpi_append_int(out, SRAT_MEMORY, 1);
    acpi_append_int(out, 40, 1);
    acpi_append_int(out, range->node, 4);
    acpi_append_int(out, 0, 2);
    acpi_append_int(out, range->base, 8);
    acpi_append_int(out, range->size, 8);
    acpi_append_int(out, 0, 4);
    acpi_append_int(out, SRAT_ENABLED, 4);
    acpi_append_int(out, 0, 8);
}

void acpi_build_srat(GByteArray *out, const AcpiConfig *c)
{
    unsigned start = acpi_table_begin(out, "SRAT", 3);

    acpi_append_int(out, 1, 4); /* revision 2 had a meaning for it */
    acpi_append_int(out, 0, 8);
    for (unsigned i = 0; i < c->n_cpus; i++) {
        build_cpu(out, c->apic_ids[i], c->numa->cpu_nodes[i]);
    }
    for (unsigned i = 0; i < c->n_numa_ranges; i++) {
        build_memory(out, &c->numa_ranges[i]);
    }
    acpi_table_end(out, start);
}

void acpi_build_slit(GByteArray *out, const AcpiConfig *c)
{
    unsigned start = acpi_table_begin(out, "SLIT", 1);

    acpi_append_int(out, c->numa->n_nodes, 8);
    for (unsigned i = 0; i < c->numa->n_nodes; i++) {
        g_byte_array_append(out, c->numa->distances[i], c->numa->n_nodes);
    }
    acpi_table_end(out, start);
}
