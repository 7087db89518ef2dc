/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables and AML as byte arrays. An Aml is a term under construction: a
 * constructor makes it, aml_append() moves a child into its parent (and frees
 * the child), the outermost is written out once with its package lengths.
 * ACPI 6.4, chapters 5.2 and 20.2.
 */
#ifndef HW_ACPI_AML_BUILD_H
#define HW_ACPI_AML_BUILD_H

typedef struct Aml Aml;

/* The implementer (hw/acpi/aml-build.c) completes this header. */

#endif
