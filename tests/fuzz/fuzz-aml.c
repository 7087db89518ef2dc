/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AML builder there and back: a tree of terms made from the input is
 * encoded and decoded again by a decoder of its own (ACPI 6.4, 20.2), and what
 * comes out must be what went in. Both trees are written as text, which is
 * what is compared.
 */
#include "hw/acpi/aml-build.h"

#include "fuzz-input.h"

#define DEPTH_MAX    8
#define CHILDREN_MAX 6

/* --- there: the text of each term goes to @out --- */

static void fuzz_name(FuzzInput *in, char name[24], GString *out)
{
    static const char *const segments[] = { "_SB_", "PCI0", "A1__", "Z___" };
    unsigned n = 1 + (unsigned)fuzz_int(in, 1) % 4;
    bool root = fuzz_int(in, 1) & 1;
    GString *text = g_string_new(root ? "\\" : "");

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(text, "%s%s", i ? "." : "",
                               segments[fuzz_int(in, 1) % 4]);
    }
    g_strlcpy(name, text->str, 24);
    g_string_append_printf(out, "%s ", name);
    g_string_free(text, TRUE);
}

static Aml *fuzz_term(FuzzInput *in, unsigned depth, GString *out);

static void fuzz_children(FuzzInput *in, Aml *parent, unsigned depth,
                          GString *out)
{
    unsigned n = (unsigned)fuzz_int(in, 1) % (CHILDREN_MAX + 1);

    for (unsigned i = 0; i < n && fuzz_more(in); i++) {
        aml_append(parent, fuzz_term(in, depth + 1, out));
    }
    g_string_append(out, ") ");
}

static Aml *fuzz_data(FuzzInput *in, GString *out)
{
    unsigned kind = (unsigned)fuzz_int(in, 1);
    uint8_t bytes[256] = { 0 };
    unsigned len;
    uint64_t value;

    switch (kind % 5) {
    case 0:
        value = fuzz_int(in, 1 + kind / 5 % 8);
        g_string_append_printf(out, "int:%" PRIx64 " ", value);
        return aml_int(value);
    case 1:
        len = (unsigned)fuzz_int(in, 1);
        memset(bytes, 'x', len % 200);
        g_string_append_printf(out, "string:%u ", len % 200);
        return aml_string((char *)bytes);
    case 2:
        len = (unsigned)fuzz_int(in, 1);
        bytes[len / 2] = (uint8_t)fuzz_int(in, 1);
        g_string_append_printf(out, "buffer:%u:%u ", len,
                               len ? bytes[len / 2] : 0);
        return aml_buffer(bytes, len);
    case 3:
        g_string_append_printf(out, "arg%u ", kind / 5 % 7);
        return aml_arg(kind / 5 % 7);
    default:
        g_string_append_printf(out, "local%u ", kind / 5 % 8);
        return aml_local(kind / 5 % 8);
    }
}

static Aml *fuzz_framed(FuzzInput *in, unsigned kind, unsigned depth,
                        GString *out)
{
    static const char *const words[] = { "scope", "device", "method",
                                         "if",    "else",   "package" };
    unsigned args = (unsigned)fuzz_int(in, 1) % 8;
    char name[24];
    Aml *term;

    g_string_append_printf(out, "%s( ", words[kind]);
    if (kind < 3) {
        fuzz_name(in, name, out);
    }
    switch (kind) {
    case 0:
        term = aml_scope(name);
        break;
    case 1:
        term = aml_device(name);
        break;
    case 2:
        g_string_append_printf(out, "%u ", args);
        term = aml_method(name, args, args & 1);
        break;
    case 3:
        term = aml_if(fuzz_data(in, out));
        break;
    case 4:
        term = aml_else();
        break;
    default:
        term = aml_package();
    }
    fuzz_children(in, term, depth, out);
    return term;
}

static Aml *fuzz_expression(FuzzInput *in, unsigned kind, unsigned depth,
                            GString *out)
{
    char name[24];
    Aml *a, *b;

    switch (kind) {
    case 0:
        g_string_append(out, "name ");
        fuzz_name(in, name, out);
        return aml_name_decl(name, fuzz_term(in, depth + 1, out));
    case 1:
        g_string_append(out, "return ");
        return aml_return(fuzz_term(in, depth + 1, out));
    case 2:
        g_string_append(out, "lnot ");
        return aml_lnot(fuzz_term(in, depth + 1, out));
    default:
        g_string_append(out, kind == 3 ? "lequal " : "store ");
        a = fuzz_term(in, depth + 1, out);
        b = fuzz_data(in, out);
        return kind == 3 ? aml_lequal(a, b) : aml_store(a, b);
    }
}

static Aml *fuzz_term(FuzzInput *in, unsigned depth, GString *out)
{
    unsigned kind = (unsigned)fuzz_int(in, 1) % 12;

    if (depth >= DEPTH_MAX || kind == 11) {
        return fuzz_data(in, out);
    }
    return kind < 6 ? fuzz_framed(in, kind, depth, out)
                    : fuzz_expression(in, kind - 6, depth, out);
}

/* --- and back --- */

typedef struct Decoder {
    const uint8_t *p, *end;
    GString *out;
} Decoder;

static void decode_term(Decoder *d);

static uint64_t take(Decoder *d, unsigned bytes)
{
    uint64_t value = 0;

    g_assert_cmpint(d->end - d->p, >=, bytes);
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)*d->p++ << (8 * i);
    }
    return value;
}

/* Returns where the package ends; 20.2.4. */
static const uint8_t *decode_package_end(Decoder *d)
{
    const uint8_t *start = d->p;
    uint8_t lead = (uint8_t)take(d, 1);
    unsigned more = lead >> 6;
    size_t len = more ? (lead & 0xf) | take(d, more) << 4 : lead & 0x3f;

    g_assert_cmpint(d->end - start, >=, len);
    return start + len;
}

static void decode_name(Decoder *d)
{
    unsigned n = 1;

    while (*d->p == '\\' || *d->p == '^') {
        g_string_append_c(d->out, (char)take(d, 1));
    }
    if (*d->p == 0x2e) {
        d->p++;
        n = 2;
    } else if (*d->p == 0x2f) {
        d->p++;
        n = (unsigned)take(d, 1);
    }
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpint(d->end - d->p, >=, 4);
        g_string_append_printf(d->out, "%s%.4s", i ? "." : "",
                               (const char *)d->p);
        d->p += 4;
    }
    g_string_append_c(d->out, ' ');
}

static void decode_until(Decoder *d, const uint8_t *end)
{
    const uint8_t *outer = d->end;

    d->end = end;
    while (d->p < end) {
        decode_term(d);
    }
    g_assert_true(d->p == end);
    d->end = outer;
    g_string_append(d->out, ") ");
}

static void decode_framed(Decoder *d, uint8_t opcode)
{
    const uint8_t *end = decode_package_end(d);
    uint8_t flags;

    switch (opcode) {
    case 0x10:
    case 0x82:
        g_string_append(d->out, opcode == 0x10 ? "scope( " : "device( ");
        decode_name(d);
        break;
    case 0x14:
        g_string_append(d->out, "method( ");
        decode_name(d);
        flags = (uint8_t)take(d, 1);
        g_string_append_printf(d->out, "%u ", flags & 7);
        g_assert_cmpuint(flags >> 3 & 1, ==, flags & 1);
        break;
    case 0xa0:
        g_string_append(d->out, "if( ");
        decode_term(d);
        break;
    case 0xa1:
        g_string_append(d->out, "else( ");
        break;
    default:
        g_string_append(d->out, "package( ");
        take(d, 1);
    }
    decode_until(d, end);
}

static void decode_buffer(Decoder *d)
{
    const uint8_t *end = decode_package_end(d);
    static const unsigned sizes[] = { [0x0a] = 1, [0x0b] = 2, [0x0c] = 4 };
    uint8_t opcode = (uint8_t)take(d, 1);
    size_t len = opcode <= 1 ? opcode : take(d, sizes[opcode]);

    g_assert_cmpint(end - d->p, ==, len);
    g_string_append_printf(d->out, "buffer:%zu:%u ", len,
                           len ? d->p[len / 2] : 0);
    d->p = end;
}

static void decode_int(Decoder *d, unsigned bytes)
{
    g_string_append_printf(d->out, "int:%" PRIx64 " ", take(d, bytes));
}

static void decode_word(Decoder *d, const char *word, unsigned n_terms)
{
    g_string_append_printf(d->out, "%s ", word);
    while (n_terms--) {
        decode_term(d);
    }
}

static void decode_string(Decoder *d)
{
    size_t len = strnlen((const char *)d->p, (size_t)(d->end - d->p));

    g_string_append_printf(d->out, "string:%zu ", len);
    d->p += len + 1;
}

static void decode_simple(Decoder *d, uint8_t opcode)
{
    if (opcode <= 1) {
        g_string_append_printf(d->out, "int:%x ", opcode);
    } else if (opcode >= 0x60 && opcode <= 0x67) {
        g_string_append_printf(d->out, "local%d ", opcode - 0x60);
    } else {
        g_assert_cmpuint(opcode, >=, 0x68);
        g_assert_cmpuint(opcode, <=, 0x6e);
        g_string_append_printf(d->out, "arg%d ", opcode - 0x68);
    }
}

static void decode_term(Decoder *d)
{
    uint8_t opcode = (uint8_t)take(d, 1);

    switch (opcode) {
    case 0x08:
        g_string_append(d->out, "name ");
        decode_name(d);
        decode_term(d);
        break;
    case 0x0a:
    case 0x0b:
    case 0x0c:
        decode_int(d, 1u << (opcode - 0x0a));
        break;
    case 0x0e:
        decode_int(d, 8);
        break;
    case 0x0d:
        decode_string(d);
        break;
    case 0x11:
        decode_buffer(d);
        break;
    case 0x5b:
        g_assert_cmpuint(take(d, 1), ==, 0x82);
        decode_framed(d, 0x82);
        break;
    case 0x10:
    case 0x12:
    case 0x14:
    case 0xa0:
    case 0xa1:
        decode_framed(d, opcode);
        break;
    case 0x70:
        decode_word(d, "store", 2);
        break;
    case 0x92:
        decode_word(d, "lnot", 1);
        break;
    case 0x93:
        decode_word(d, "lequal", 2);
        break;
    case 0xa4:
        decode_word(d, "return", 1);
        break;
    default:
        decode_simple(d, opcode);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    g_autoptr(GString) wanted = g_string_new(NULL);
    g_autoptr(GString) got = g_string_new(NULL);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    Decoder d = { .out = got };

    aml_write(fuzz_term(&in, 0, wanted), bytes);
    d.p = bytes->data;
    d.end = bytes->data + bytes->len;
    decode_term(&d);
    g_assert_true(d.p == d.end);
    g_assert_cmpstr(got->str, ==, wanted->str);
    return 0;
}
