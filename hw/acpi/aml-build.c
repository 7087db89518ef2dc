/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/acpi/aml-build.h"

#define OEM_ID       "QEMU"
#define OEM_TABLE_ID "Q35"
#define CREATOR_ID   "QEMU"

/* Opcodes, ACPI 6.4 table 20.2. */
enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_METHOD = 0x14,
    OP_DUAL_NAME = 0x2e,
    OP_MULTI_NAME = 0x2f,
    OP_EXT = 0x5b,
    OP_LOCAL0 = 0x60,
    OP_ARG0 = 0x68,
    OP_STORE = 0x70,
    OP_AND = 0x7b,
    OP_OR = 0x7d,
    OP_CREATE_DWORD_FIELD = 0x8a,
    OP_LNOT = 0x92,
    OP_LEQUAL = 0x93,
    OP_IF = 0xa0,
    OP_ELSE = 0xa1,
    OP_RETURN = 0xa4,
    OP_EXT_DEVICE = 0x82,
};

typedef enum AmlFrame {
    AML_PLAIN,    /* the body as it is */
    AML_FRAMED,   /* opcode, package length, body */
    AML_PACKAGE,  /* opcode, package length, element count, body */
    AML_TEMPLATE, /* a buffer that ends in an end tag */
} AmlFrame;

struct Aml {
    AmlFrame frame;
    uint8_t opcode; /* of a frame */
    bool extended;  /* opcode follows OP_EXT */
    unsigned n_elements;
    GByteArray *body;
};

static void append_byte(GByteArray *out, uint8_t byte)
{
    g_byte_array_append(out, &byte, 1);
}

void acpi_append_int(GByteArray *out, uint64_t value, unsigned size)
{
    assert(size >= 1 && size <= 8);
    for (unsigned i = 0; i < size; i++) {
        append_byte(out, (uint8_t)(value >> (8 * i)));
    }
}

void acpi_append_text(GByteArray *out, const char *text, unsigned size,
                      char pad)
{
    size_t len = strlen(text);

    assert(len <= size);
    g_byte_array_append(out, (const uint8_t *)text, (guint)len);
    for (; len < size; len++) {
        append_byte(out, (uint8_t)pad);
    }
}

/* --- names and lengths --- */

/* Only an assert calls it. */
static G_GNUC_UNUSED bool name_char_ok(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* One name segment: up to four characters, filled up with '_'. */
static void append_name_seg(GByteArray *out, const char *seg, size_t len)
{
    assert(len >= 1 && len <= 4);
    for (size_t i = 0; i < 4; i++) {
        char c = i < len ? seg[i] : '_';

        assert(name_char_ok(c, i == 0));
        append_byte(out, (uint8_t)c);
    }
}

static void append_name(GByteArray *out, const char *name)
{
    unsigned n_segs = 1;

    while (*name == '\\' || *name == '^') {
        append_byte(out, (uint8_t)*name++);
    }
    if (!*name) {
        append_byte(out, 0); /* NullName: "\" alone is the root */
        return;
    }
    for (const char *p = name; *p; p++) {
        n_segs += *p == '.';
    }
    if (n_segs == 2) {
        append_byte(out, OP_DUAL_NAME);
    } else if (n_segs > 2) {
        assert(n_segs <= UINT8_MAX);
        append_byte(out, OP_MULTI_NAME);
        append_byte(out, (uint8_t)n_segs);
    }
    for (;;) {
        size_t len = strcspn(name, ".");

        append_name_seg(out, name, len);
        if (!name[len]) {
            return;
        }
        name += len + 1;
    }
}

/*
 * The package length of @len bytes that follow it; it counts its own bytes
 * too. Bits 7:6 of the first byte say how many bytes follow; with one byte
 * alone six bits count, else four (20.2.4).
 */
static void append_pkg_length(GByteArray *out, size_t len)
{
    unsigned n = len + 1 < 1 << 6    ? 1
                 : len + 2 < 1 << 12 ? 2
                 : len + 3 < 1 << 20 ? 3
                                     : 4;
    size_t total = len + n;

    assert(total < 1 << 28);
    if (n == 1) {
        append_byte(out, (uint8_t)total);
        return;
    }
    append_byte(out, (uint8_t)((n - 1) << 6 | (total & 0x0f)));
    acpi_append_int(out, total >> 4, n - 1);
}

static void append_int(GByteArray *out, uint64_t value)
{
    if (value <= 1) {
        append_byte(out, value ? OP_ONE : OP_ZERO);
    } else if (value <= UINT8_MAX) {
        append_byte(out, OP_BYTE);
        acpi_append_int(out, value, 1);
    } else if (value <= UINT16_MAX) {
        append_byte(out, OP_WORD);
        acpi_append_int(out, value, 2);
    } else if (value <= UINT32_MAX) {
        append_byte(out, OP_DWORD);
        acpi_append_int(out, value, 4);
    } else {
        append_byte(out, OP_QWORD);
        acpi_append_int(out, value, 8);
    }
}

/* --- terms --- */

static Aml *aml_new(AmlFrame frame, uint8_t opcode)
{
    Aml *aml = g_new0(Aml, 1);

    aml->frame = frame;
    aml->opcode = opcode;
    aml->body = g_byte_array_new();
    return aml;
}

/* A term that begins with a one-byte opcode and has no length. */
static Aml *aml_op(uint8_t opcode)
{
    Aml *aml = aml_new(AML_PLAIN, 0);

    append_byte(aml->body, opcode);
    return aml;
}

void aml_free(Aml *aml)
{
    if (!aml) {
        return;
    }
    g_byte_array_unref(aml->body);
    g_free(aml);
}

static void write_buffer(GByteArray *out, const uint8_t *bytes, size_t len)
{
    g_autoptr(GByteArray) size = g_byte_array_new();

    append_int(size, len);
    append_byte(out, OP_BUFFER);
    append_pkg_length(out, size->len + len);
    g_byte_array_append(out, size->data, size->len);
    g_byte_array_append(out, bytes, (guint)len);
}

void aml_write(Aml *aml, GByteArray *out)
{
    GByteArray *body = aml->body;

    switch (aml->frame) {
    case AML_PLAIN:
        g_byte_array_append(out, body->data, body->len);
        break;
    case AML_FRAMED:
        if (aml->extended) {
            append_byte(out, OP_EXT);
        }
        append_byte(out, aml->opcode);
        append_pkg_length(out, body->len);
        g_byte_array_append(out, body->data, body->len);
        break;
    case AML_PACKAGE:
        append_byte(out, aml->opcode);
        append_pkg_length(out, body->len + 1);
        append_byte(out, (uint8_t)aml->n_elements);
        g_byte_array_append(out, body->data, body->len);
        break;
    case AML_TEMPLATE:
        /* End tag; a checksum of 0 counts as correct (6.4.2.9). */
        append_byte(body, 0x79);
        append_byte(body, 0);
        write_buffer(out, body->data, body->len);
        break;
    }
    aml_free(aml);
}

void aml_append(Aml *parent, Aml *child)
{
    if (parent->frame == AML_PACKAGE) {
        assert(parent->n_elements < AML_PACKAGE_MAX);
        parent->n_elements++;
    }
    aml_write(child, parent->body);
}

Aml *aml_term_list(void)
{
    return aml_new(AML_PLAIN, 0);
}

/* --- named objects --- */

static Aml *aml_named(uint8_t opcode, const char *name)
{
    Aml *aml = aml_new(AML_FRAMED, opcode);

    append_name(aml->body, name);
    return aml;
}

Aml *aml_scope(const char *name)
{
    return aml_named(OP_SCOPE, name);
}

Aml *aml_device(const char *name)
{
    Aml *aml = aml_named(OP_EXT_DEVICE, name);

    aml->extended = true;
    return aml;
}

Aml *aml_method(const char *name, unsigned n_args, bool serialized)
{
    Aml *aml = aml_named(OP_METHOD, name);

    assert(n_args <= 7);
    append_byte(aml->body, (uint8_t)(n_args | (serialized ? 1 << 3 : 0)));
    return aml;
}

Aml *aml_name_decl(const char *name, Aml *value)
{
    Aml *aml = aml_op(OP_NAME);

    append_name(aml->body, name);
    aml_write(value, aml->body);
    return aml;
}

Aml *aml_create_dword_field(Aml *buffer, unsigned index, const char *name)
{
    Aml *aml = aml_op(OP_CREATE_DWORD_FIELD);

    aml_write(buffer, aml->body);
    append_int(aml->body, index);
    append_name(aml->body, name);
    return aml;
}

/* --- data --- */

Aml *aml_int(uint64_t value)
{
    Aml *aml = aml_new(AML_PLAIN, 0);

    append_int(aml->body, value);
    return aml;
}

Aml *aml_string(const char *text)
{
    Aml *aml = aml_op(OP_STRING);

    acpi_append_text(aml->body, text, (unsigned)strlen(text) + 1, 0);
    return aml;
}

Aml *aml_eisaid(const char *id)
{
    Aml *aml = aml_op(OP_DWORD);
    uint32_t packed = 0;

    /* Three letters of five bits, four hexadecimal digits; the integer is
     * stored big-endian (19.3.4). */
    assert(strlen(id) == 7);
    for (unsigned i = 0; i < 3; i++) {
        assert(id[i] >= 'A' && id[i] <= 'Z');
        packed = packed << 5 | (uint32_t)(id[i] - '@');
    }
    for (unsigned i = 3; i < 7; i++) {
        assert(g_ascii_isxdigit(id[i]));
        packed = packed << 4 | (uint32_t)g_ascii_xdigit_value(id[i]);
    }
    acpi_append_int(aml->body, GUINT32_SWAP_LE_BE(packed), 4);
    return aml;
}

Aml *aml_touuid(const char *uuid)
{
    /* Which character of the text each byte comes from (table 19.385). */
    static const uint8_t position[16] = { 6,  4,  2,  0,  11, 9,  16, 14,
                                          19, 21, 24, 26, 28, 30, 32, 34 };
    uint8_t bytes[16];

    assert(strlen(uuid) == 36);
    for (unsigned i = 0; i < 16; i++) {
        const char *p = uuid + position[i];

        assert(g_ascii_isxdigit(p[0]) && g_ascii_isxdigit(p[1]));
        bytes[i] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 |
                             g_ascii_xdigit_value(p[1]));
    }
    return aml_buffer(bytes, sizeof(bytes));
}

Aml *aml_buffer(const uint8_t *bytes, size_t len)
{
    Aml *aml = aml_new(AML_PLAIN, 0);

    write_buffer(aml->body, bytes, len);
    return aml;
}

Aml *aml_package(void)
{
    return aml_new(AML_PACKAGE, OP_PACKAGE);
}

/* --- expressions and statements --- */

Aml *aml_path(const char *name)
{
    Aml *aml = aml_new(AML_PLAIN, 0);

    append_name(aml->body, name);
    return aml;
}

Aml *aml_arg(unsigned n)
{
    assert(n <= 6);
    return aml_op((uint8_t)(OP_ARG0 + n));
}

Aml *aml_local(unsigned n)
{
    assert(n <= 7);
    return aml_op((uint8_t)(OP_LOCAL0 + n));
}

static Aml *aml_op2(uint8_t opcode, Aml *a, Aml *b)
{
    Aml *aml = aml_op(opcode);

    aml_write(a, aml->body);
    aml_write(b, aml->body);
    return aml;
}

static Aml *aml_op3(uint8_t opcode, Aml *a, Aml *b, Aml *target)
{
    Aml *aml = aml_op2(opcode, a, b);

    aml_write(target, aml->body);
    return aml;
}

Aml *aml_store(Aml *value, Aml *target)
{
    return aml_op2(OP_STORE, value, target);
}

Aml *aml_and(Aml *a, Aml *b, Aml *target)
{
    return aml_op3(OP_AND, a, b, target);
}

Aml *aml_or(Aml *a, Aml *b, Aml *target)
{
    return aml_op3(OP_OR, a, b, target);
}

Aml *aml_lequal(Aml *a, Aml *b)
{
    return aml_op2(OP_LEQUAL, a, b);
}

Aml *aml_lnot(Aml *a)
{
    Aml *aml = aml_op(OP_LNOT);

    aml_write(a, aml->body);
    return aml;
}

Aml *aml_if(Aml *predicate)
{
    Aml *aml = aml_new(AML_FRAMED, OP_IF);

    aml_write(predicate, aml->body);
    return aml;
}

Aml *aml_else(void)
{
    return aml_new(AML_FRAMED, OP_ELSE);
}

Aml *aml_return(Aml *value)
{
    Aml *aml = aml_op(OP_RETURN);

    aml_write(value, aml->body);
    return aml;
}

/* --- resource descriptors --- */

Aml *aml_resource_template(void)
{
    return aml_new(AML_TEMPLATE, OP_BUFFER);
}

Aml *aml_io(uint16_t base, uint8_t len)
{
    Aml *aml = aml_op(0x47); /* I/O port descriptor, 7 bytes */

    append_byte(aml->body, 1); /* decodes 16 bits */
    acpi_append_int(aml->body, base, 2);
    acpi_append_int(aml->body, base, 2);
    append_byte(aml->body, 1); /* alignment */
    append_byte(aml->body, len);
    return aml;
}

Aml *aml_irq_no_flags(unsigned irq)
{
    Aml *aml = aml_op(0x22); /* IRQ descriptor, 2 bytes */

    assert(irq < 16);
    acpi_append_int(aml->body, UINT64_C(1) << irq, 2);
    return aml;
}

Aml *aml_memory32_fixed(uint32_t base, uint32_t len)
{
    Aml *aml = aml_op(0x86);

    acpi_append_int(aml->body, 9, 2);
    append_byte(aml->body, 1); /* read-write */
    acpi_append_int(aml->body, base, 4);
    acpi_append_int(aml->body, len, 4);
    return aml;
}

typedef enum WindowKind {
    WINDOW_MEMORY = 0,
    WINDOW_IO = 1,
    WINDOW_BUS = 2,
} WindowKind;

/* An address space descriptor of @size-byte fields (6.4.3.5): a producer with
 * minimum and maximum fixed. */
static Aml *aml_window(unsigned size, WindowKind kind, uint64_t first,
                       uint64_t last)
{
    static const uint8_t tag[] = { [2] = 0x88, [4] = 0x87, [8] = 0x8a };
    static const uint8_t type_flags[] = {
        [WINDOW_MEMORY] = 0x01, /* read-write, not cacheable */
        [WINDOW_IO] = 0x03,     /* the entire range, no ISA aliases */
        [WINDOW_BUS] = 0x00,
    };
    Aml *aml = aml_op(tag[size]);

    assert(last >= first && last - first < UINT64_MAX);
    acpi_append_int(aml->body, 3 + 5 * size, 2);
    append_byte(aml->body, (uint8_t)kind);
    append_byte(aml->body, 0x0c);
    append_byte(aml->body, type_flags[kind]);
    acpi_append_int(aml->body, 0, size); /* granularity */
    acpi_append_int(aml->body, first, size);
    acpi_append_int(aml->body, last, size);
    acpi_append_int(aml->body, 0, size); /* translation */
    acpi_append_int(aml->body, last - first + 1, size);
    return aml;
}

Aml *aml_bus_window(uint16_t first, uint16_t last)
{
    return aml_window(2, WINDOW_BUS, first, last);
}

Aml *aml_io_window(uint16_t first, uint16_t last)
{
    assert(last - first < UINT16_MAX);
    return aml_window(2, WINDOW_IO, first, last);
}

Aml *aml_memory32_window(uint32_t first, uint32_t last)
{
    return aml_window(4, WINDOW_MEMORY, first, last);
}

Aml *aml_memory64_window(uint64_t first, uint64_t last)
{
    return aml_window(8, WINDOW_MEMORY, first, last);
}

/* --- tables --- */

void acpi_append_gas(GByteArray *out, AcpiSpace space, unsigned bits,
                     unsigned access_size, uint64_t address)
{
    bool present = address != 0;

    append_byte(out, present ? (uint8_t)space : 0);
    append_byte(out, present ? (uint8_t)bits : 0);
    append_byte(out, 0); /* bit offset */
    append_byte(out, present ? (uint8_t)access_size : 0);
    acpi_append_int(out, address, 8);
}

unsigned acpi_table_begin(GByteArray *out, const char *signature,
                          uint8_t revision)
{
    unsigned start = out->len;

    assert(strlen(signature) == 4);
    acpi_append_text(out, signature, 4, 0);
    acpi_append_int(out, 0, 4); /* length: acpi_table_end() */
    append_byte(out, revision);
    append_byte(out, 0); /* checksum: acpi_table_end() */
    acpi_append_text(out, OEM_ID, 6, ' ');
    acpi_append_text(out, OEM_TABLE_ID, 8, ' ');
    acpi_append_int(out, 1, 4);
    acpi_append_text(out, CREATOR_ID, 4, ' ');
    acpi_append_int(out, 1, 4);
    assert(out->len - start == ACPI_TABLE_HEADER_SIZE);
    return start;
}

void acpi_table_end(GByteArray *out, unsigned start)
{
    unsigned len = out->len - start;

    for (unsigned i = 0; i < 4; i++) {
        out->data[start + 4 + i] = (uint8_t)(len >> (8 * i));
    }
    out->data[start + ACPI_TABLE_CHECKSUM] = acpi_checksum(out, start, len);
}

uint8_t acpi_checksum(const GByteArray *out, unsigned start, unsigned len)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < len; i++) {
        sum = (uint8_t)(sum + out->data[start + i]);
    }
    return (uint8_t)-sum;
}
