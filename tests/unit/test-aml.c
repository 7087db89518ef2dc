/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AML encoder against bytes worked out by hand from ACPI 6.4, chapters 6.4
 * and 20.2. What it makes as a whole is judged by iasl in test-acpi. */
#include "hw/acpi/aml-build.h"

/* Encodes @aml and compares. */
static void check(Aml *aml, const uint8_t *bytes, size_t len)
{
    g_autoptr(GByteArray) out = g_byte_array_new();

    aml_write(aml, out);
    g_assert_cmpmem(out->data, out->len, bytes, len);
}

#define CHECK(aml, ...)                          \
    check(aml, (const uint8_t[]){ __VA_ARGS__ }, \
          sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void test_int_takes_shortest_form(void)
{
    CHECK(aml_int(0), 0x00);
    CHECK(aml_int(1), 0x01);
    CHECK(aml_int(2), 0x0a, 0x02);
    CHECK(aml_int(0xff), 0x0a, 0xff);
    CHECK(aml_int(0x100), 0x0b, 0x00, 0x01);
    CHECK(aml_int(0xffff), 0x0b, 0xff, 0xff);
    CHECK(aml_int(0x10000), 0x0c, 0x00, 0x00, 0x01, 0x00);
    CHECK(aml_int(UINT32_MAX), 0x0c, 0xff, 0xff, 0xff, 0xff);
    CHECK(aml_int(UINT64_C(0x100000000)), 0x0e, 0, 0, 0, 0, 1, 0, 0, 0);
}

static void test_name_is_padded_and_joined(void)
{
    CHECK(aml_path("A"), 'A', '_', '_', '_');
    CHECK(aml_path("\\_SB.PCI0"), '\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I',
          '0');
    CHECK(aml_path("^A.B.C1"), '^', 0x2f, 3, 'A', '_', '_', '_', 'B', '_', '_',
          '_', 'C', '1', '_', '_');
    CHECK(aml_path("\\"), '\\', 0);
}

static void test_eisaid_is_compressed(void)
{
    CHECK(aml_eisaid("PNP0A03"), 0x0c, 0x41, 0xd0, 0x0a, 0x03);
    CHECK(aml_eisaid("PNP0501"), 0x0c, 0x41, 0xd0, 0x05, 0x01);
}

static void test_uuid_has_mixed_order(void)
{
    CHECK(aml_touuid("33DB4D5B-1FF7-401C-9657-7441C03DD766"), 0x11, 0x13, 0x0a,
          0x10, 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40, 0x96, 0x57,
          0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66);
}

static void test_package_counts_elements(void)
{
    Aml *outer = aml_package();
    Aml *inner = aml_package();

    aml_append(inner, aml_int(5));
    aml_append(outer, inner);
    aml_append(outer, aml_string("x"));
    CHECK(outer, 0x12, 0x0a, 2, 0x12, 4, 1, 0x0a, 5, 0x0d, 'x', 0);
}

/* The package length of a scope whose contents are @len bytes. */
static GByteArray *scope_of(size_t len)
{
    GByteArray *out = g_byte_array_new();
    Aml *scope = aml_scope("A");

    for (size_t i = 4; i < len; i++) { /* the name takes four */
        aml_append(scope, aml_int(0));
    }
    aml_write(scope, out);
    return out;
}

/* 20.2.4: the length counts its own bytes; 63, 4095 and 1048575 are the
 * greatest that fit one, two and three of them. */
static void test_package_length_at_each_size(void)
{
    static const struct {
        size_t len;
        uint8_t bytes[4];
        unsigned n;
    } rows[] = {
        { 62, { 0x3f }, 1 },
        { 63, { 0x41, 0x04 }, 2 },
        { 4093, { 0x4f, 0xff }, 2 },
        { 4094, { 0x81, 0x00, 0x01 }, 3 },
        { 1048572, { 0x8f, 0xff, 0xff }, 3 },
        { 1048573, { 0xc1, 0x00, 0x00, 0x01 }, 4 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) out = scope_of(rows[i].len);

        g_assert_cmpmem(out->data + 1, rows[i].n, rows[i].bytes, rows[i].n);
        g_assert_cmpuint(out->len, ==, 1 + rows[i].n + rows[i].len);
        g_assert_cmpint(out->data[1 + rows[i].n], ==, 'A');
    }
}

static void test_method_and_statements(void)
{
    Aml *method = aml_method("_TST", 2, true);
    Aml *branch = aml_if(aml_lnot(aml_lequal(aml_arg(1), aml_int(1))));
    Aml *other = aml_else();

    aml_append(branch, aml_store(aml_local(0), aml_path("A")));
    aml_append(other, aml_return(aml_or(aml_arg(0), aml_int(4), aml_arg(0))));
    aml_append(method, branch);
    aml_append(method, other);
    CHECK(method, 0x14, 0x1a, '_', 'T', 'S', 'T', 0x0a, 0xa0, 0x0b, 0x92, 0x93,
          0x69, 0x01, 0x70, 0x60, 'A', '_', '_', '_', 0xa1, 0x07, 0xa4, 0x7d,
          0x68, 0x0a, 0x04, 0x68);
}

static void test_device_and_field(void)
{
    Aml *dev = aml_device("D");

    aml_append(dev, aml_name_decl("_UID", aml_int(1)));
    aml_append(dev, aml_create_dword_field(aml_arg(3), 8, "F"));
    CHECK(dev, 0x5b, 0x82, 0x13, 'D', '_', '_', '_', 0x08, '_', 'U', 'I', 'D',
          1, 0x8a, 0x6b, 0x0a, 8, 'F', '_', '_', '_');
}

static void test_small_resources(void)
{
    Aml *crs = aml_resource_template();

    aml_append(crs, aml_io(0x3f8, 8));
    aml_append(crs, aml_irq_no_flags(4));
    CHECK(crs, 0x11, 0x10, 0x0a, 0x0d, 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22,
          0x10, 0, 0x79, 0);
}

static void test_fixed_memory(void)
{
    CHECK(aml_memory32_fixed(0xfec00000, 0x1000), 0x86, 9, 0, 1, 0, 0, 0xc0,
          0xfe, 0, 0x10, 0, 0);
}

static void test_windows(void)
{
    CHECK(aml_bus_window(0, 255), 0x88, 0x0d, 0, 2, 0x0c, 0, 0, 0, 0, 0, 255, 0,
          0, 0, 0, 1);
    CHECK(aml_io_window(0xd00, 0xffff), 0x88, 0x0d, 0, 1, 0x0c, 3, 0, 0, 0,
          0x0d, 0xff, 0xff, 0, 0, 0, 0xf3);
    CHECK(aml_memory32_window(0xc0000000, 0xfebfffff), 0x87, 0x17, 0, 0, 0x0c,
          1, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff, 0xbf, 0xfe, 0, 0, 0, 0, 0,
          0, 0xc0, 0x3e);
    CHECK(aml_memory64_window(UINT64_C(1) << 32, (UINT64_C(1) << 33) - 1), 0x8a,
          0x2b, 0, 0, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
          0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
          0, 1, 0, 0, 0);
}

static void test_table_has_length_and_checksum(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    unsigned start;

    acpi_append_int(out, 0x1234, 2); /* a table need not be the first */
    start = acpi_table_begin(out, "TEST", 3);
    acpi_append_int(out, 0xaabbccdd, 4);
    acpi_table_end(out, start);
    g_assert_cmpuint(start, ==, 2);
    g_assert_cmpuint(out->len, ==, 2 + ACPI_TABLE_HEADER_SIZE + 4);
    g_assert_cmpmem(out->data + start, 9, "TEST\x28\0\0\0\x03", 9);
    g_assert_cmpuint(acpi_checksum(out, start, out->len - start), ==, 0);
}

static void test_gas(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    static const uint8_t bytes[24] = { 1, 8, 0, 1, 0xf9, 0x0c };

    acpi_append_gas(out, ACPI_SPACE_IO, 8, 1, 0xcf9);
    acpi_append_gas(out, ACPI_SPACE_IO, 8, 1, 0);
    g_assert_cmpmem(out->data, out->len, bytes, sizeof(bytes));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aml/int", test_int_takes_shortest_form);
    g_test_add_func("/aml/name", test_name_is_padded_and_joined);
    g_test_add_func("/aml/eisaid", test_eisaid_is_compressed);
    g_test_add_func("/aml/uuid", test_uuid_has_mixed_order);
    g_test_add_func("/aml/package", test_package_counts_elements);
    g_test_add_func("/aml/package-length", test_package_length_at_each_size);
    g_test_add_func("/aml/method", test_method_and_statements);
    g_test_add_func("/aml/device", test_device_and_field);
    g_test_add_func("/aml/small-resources", test_small_resources);
    g_test_add_func("/aml/fixed-memory", test_fixed_memory);
    g_test_add_func("/aml/windows", test_windows);
    g_test_add_func("/aml/table", test_table_has_length_and_checksum);
    g_test_add_func("/aml/gas", test_gas);
    return g_test_run();
}
