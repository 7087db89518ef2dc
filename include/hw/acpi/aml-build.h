/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables and AML as byte arrays. ACPI 6.4, chapters 5.2 (tables), 6.4
 * (resource descriptors) and 20.2 (AML encoding).
 *
 * An Aml is one term under construction. A constructor makes it; whatever takes
 * an Aml as a parameter takes it over, encodes it into itself and frees it, so
 * that a tree is written inside out and only the outermost term is left to the
 * caller. Package lengths are computed when a term is moved into its parent.
 *
 *     Aml *dev = aml_device("COM1");
 *     aml_append(dev, aml_name_decl("_HID", aml_eisaid("PNP0501")));
 *     aml_append(scope, dev);
 *
 * The input is ours, not the guest's: a wrong name or an oversized package is a
 * programming error and asserts. Nothing here knows a machine.
 */
#ifndef HW_ACPI_AML_BUILD_H
#define HW_ACPI_AML_BUILD_H

typedef struct Aml Aml;

/* --- terms --- */

/* A list of terms without a frame: the body of a definition block. */
Aml *aml_term_list(void);
/* Takes NULL. */
void aml_free(Aml *aml);
/* Moves @child to the end of @parent, which is a term list, Scope, Device,
 * Method, If, Else, Package or resource template. */
void aml_append(Aml *parent, Aml *child);
/* Encodes @aml at the end of @out and frees it. */
void aml_write(Aml *aml, GByteArray *out);

/* --- named objects; names are as in ASL: "_HID", "\\_SB.PCI0", "^X" --- */

Aml *aml_scope(const char *name);
Aml *aml_device(const char *name);
Aml *aml_method(const char *name, unsigned n_args, bool serialized);
Aml *aml_name_decl(const char *name, Aml *value);
Aml *aml_create_dword_field(Aml *buffer, unsigned index, const char *name);

/* --- data --- */

Aml *aml_int(uint64_t value);
/* ASCII without NUL inside. */
Aml *aml_string(const char *text);
/* "PNP0A08" as a compressed integer. */
Aml *aml_eisaid(const char *id);
/* "33DB4D5B-1FF7-401C-9657-7441C03DD766" as ToUUID() encodes it. */
Aml *aml_touuid(const char *uuid);
Aml *aml_buffer(const uint8_t *bytes, size_t len);
/* At most AML_PACKAGE_MAX elements, counted as they are appended. */
Aml *aml_package(void);
#define AML_PACKAGE_MAX 255

/* --- expressions and statements --- */

Aml *aml_path(const char *name); /* a reference by name */
Aml *aml_arg(unsigned n);        /* Arg0 .. Arg6 */
Aml *aml_local(unsigned n);      /* Local0 .. Local7 */
Aml *aml_store(Aml *value, Aml *target);
Aml *aml_and(Aml *a, Aml *b, Aml *target);
Aml *aml_or(Aml *a, Aml *b, Aml *target);
Aml *aml_lequal(Aml *a, Aml *b);
Aml *aml_lnot(Aml *a);
Aml *aml_if(Aml *predicate);
Aml *aml_else(void); /* directly after an If */
Aml *aml_return(Aml *value);

/* --- resource descriptors, appended to a resource template --- */

Aml *aml_resource_template(void); /* adds the end tag itself */
/* A fixed range of @len ports at @base (a small I/O descriptor). */
Aml *aml_io(uint16_t base, uint8_t len);
/* One edge-triggered, active-high ISA interrupt. */
Aml *aml_irq_no_flags(unsigned irq);
Aml *aml_memory32_fixed(uint32_t base, uint32_t len);
/* Windows that a bridge passes on (ResourceProducer), @first to @last. */
Aml *aml_bus_window(uint16_t first, uint16_t last);
Aml *aml_io_window(uint16_t first, uint16_t last);
Aml *aml_memory32_window(uint32_t first, uint32_t last);
Aml *aml_memory64_window(uint64_t first, uint64_t last);

/* --- tables --- */

#define ACPI_TABLE_HEADER_SIZE 36
#define ACPI_TABLE_CHECKSUM    9 /* offset of its byte in the header */

/* Appends @size (1-8) bytes of @value, least significant first. */
void acpi_append_int(GByteArray *out, uint64_t value, unsigned size);
/* Appends exactly @size bytes of @text, filled up with @pad. */
void acpi_append_text(GByteArray *out, const char *text, unsigned size,
                      char pad);

/* Where a generic address structure points (5.2.3.2). */
typedef enum AcpiSpace {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
} AcpiSpace;

/* Appends a generic address structure of @bits bits; access_size is 1 byte, 2
 * word, 3 dword. All zero if @address is 0. */
void acpi_append_gas(GByteArray *out, AcpiSpace space, unsigned bits,
                     unsigned access_size, uint64_t address);

/* Appends the header of a system description table and returns where it
 * starts; acpi_table_end() fills in its length and checksum. */
unsigned acpi_table_begin(GByteArray *out, const char *signature,
                          uint8_t revision);
void acpi_table_end(GByteArray *out, unsigned start);

/* What makes the bytes [@start, @start + @len) sum up to 0 when it is added. */
uint8_t acpi_checksum(const GByteArray *out, unsigned start, unsigned len);

#endif
