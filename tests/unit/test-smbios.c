/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMBIOS structures as a guest finds them: the entry point, each structure's
 * fields and strings, and what -smbios may say. Sections: DSP0134. */
#include "hw/smbios/smbios.h"
#include "util/keyval.h"

#include <glib/gstdio.h>

#define STRUCTURES_MAX 400

static const uint8_t uuid[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
                                  0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                                  0xcc, 0xdd, 0xee, 0xff };

typedef struct Fixture {
    SmbiosConfig config;
    GPtrArray *options;
    GBytes *tables, *anchor;
    const uint8_t *structures[STRUCTURES_MAX];
    size_t lengths[STRUCTURES_MAX]; /* with their strings */
    unsigned n;
} Fixture;

static void put_dictionary(gpointer dict)
{
    json_object_put(dict);
}

static void setup(Fixture *f, gconstpointer data)
{
    f->options = g_ptr_array_new_with_free_func(put_dictionary);
    f->config = (SmbiosConfig){
        .product = "Standard PC (Q35 + ICH9, 2009)",
        .version = "pc-q35-7.2",
        .uuid = uuid,
        .topology = { 1, 1, 1 },
        .ram_size = 3 * GiB,
        .low_ram_size = 2 * GiB,
        .options = f->options,
    };
}

static void release(Fixture *f)
{
    g_clear_pointer(&f->tables, g_bytes_unref);
    g_clear_pointer(&f->anchor, g_bytes_unref);
    f->n = 0;
}

static void teardown(Fixture *f, gconstpointer data)
{
    release(f);
    g_ptr_array_unref(f->options);
}

static uint64_t get(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)p[i] << (8 * i);
    }
    return v;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t v = 0;

    for (size_t i = 0; i < len; i++) {
        v = (uint8_t)(v + p[i]);
    }
    return v;
}

/* As the command line's -smbios. */
static void option(Fixture *f, const char *arg)
{
    GError *err = NULL;
    json_object *dict = keyval_parse_repeated(arg, NULL, "value", &err);

    g_assert_no_error(err);
    smbios_check_option(dict, &err);
    g_assert_no_error(err);
    g_ptr_array_add(f->options, dict);
}

/* 6.1.3: a structure ends with two zeroes behind its strings. */
static size_t structure_length(const uint8_t *p, size_t left)
{
    size_t i = p[1];

    g_assert_cmpuint(p[1], >=, 4);
    g_assert_cmpuint(i + 2, <=, left);
    while (p[i] || p[i + 1]) {
        i++;
        g_assert_cmpuint(i + 2, <=, left);
    }
    return i + 2;
}

static void walk(Fixture *f)
{
    size_t size;
    const uint8_t *p = g_bytes_get_data(f->tables, &size);

    for (size_t i = 0; i < size; i += f->lengths[f->n++]) {
        g_assert_cmpuint(f->n, <, STRUCTURES_MAX);
        f->structures[f->n] = p + i;
        f->lengths[f->n] = structure_length(p + i, size - i);
        for (unsigned j = 0; j < f->n; j++) {
            g_assert_cmphex(get(f->structures[j] + 2, 2), !=,
                            get(p + i + 2, 2));
        }
    }
    g_assert_cmpuint(f->structures[f->n - 1][0], ==, 127);
}

static void build(Fixture *f)
{
    release(f);
    smbios_build(&f->config, &f->tables, &f->anchor);
    walk(f);
}

/* The @n-th structure of @type, or NULL. */
static const uint8_t *structure(const Fixture *f, unsigned type, unsigned n)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (f->structures[i][0] == type && n-- == 0) {
            return f->structures[i];
        }
    }
    return NULL;
}

/* The string whose number is at @offset; "" if that is 0. */
static const char *string_at(const uint8_t *s, unsigned offset)
{
    const char *text = (const char *)s + s[1];

    g_assert_cmpuint(offset, <, s[1]);
    if (!s[offset]) {
        return "";
    }
    for (unsigned i = 1; i < s[offset]; i++) {
        g_assert_true(*text);
        text += strlen(text) + 1;
    }
    g_assert_true(*text);
    return text;
}

/* --- tests --- */

/* 5.2.1 */
static void test_anchor(Fixture *f, gconstpointer data)
{
    size_t size, max = 0;
    const uint8_t *a;

    build(f);
    a = g_bytes_get_data(f->anchor, &size);
    for (unsigned i = 0; i < f->n; i++) {
        max = MAX(max, f->lengths[i]);
    }
    g_assert_cmpuint(size, ==, 31);
    g_assert_cmpmem(a, 4, "_SM_", 4);
    g_assert_cmpuint(a[5], ==, 31);
    g_assert_cmpuint(sum(a, 31), ==, 0);
    g_assert_cmpuint(a[6], ==, 2);
    g_assert_cmpuint(a[7], ==, 8);
    g_assert_cmpuint(get(a + 8, 2), ==, max);
    g_assert_cmpmem(a + 16, 5, "_DMI_", 5);
    g_assert_cmpuint(sum(a + 16, 15), ==, 0);
    g_assert_cmpuint(get(a + 22, 2), ==, g_bytes_get_size(f->tables));
    g_assert_cmpuint(get(a + 24, 4), ==, 0);
    g_assert_cmpuint(get(a + 28, 2), ==, f->n);
    g_assert_cmphex(a[30], ==, 0x28);
}

/* 5.2.2: what does not fit into 16 bits. */
static void test_anchor_of_large_tables(Fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strnfill(32000, 'x');
    g_autofree char *arg = g_strdup_printf("type=11,value=%s,value=%s", text,
                                           text);
    size_t size;
    const uint8_t *a;

    option(f, arg);
    build(f);
    g_assert_cmpuint(g_bytes_get_size(f->tables), <, 65536);
    g_assert_cmpuint(g_bytes_get_size(f->anchor), ==, 31);
    option(f, "type=11,value=1");
    option(f, arg);
    build(f);
    a = g_bytes_get_data(f->anchor, &size);
    g_assert_cmpuint(size, ==, 24);
    g_assert_cmpmem(a, 5, "_SM3_", 5);
    g_assert_cmpuint(sum(a, 24), ==, 0);
    g_assert_cmpuint(a[6], ==, 24);
    g_assert_cmpuint(a[7], ==, 3);
    g_assert_cmpuint(a[10], ==, 1);
    g_assert_cmpuint(get(a + 12, 4), ==, g_bytes_get_size(f->tables));
    g_assert_cmpuint(get(a + 16, 8), ==, 0);
    g_assert_cmpuint(structure(f, 11, 0)[4], ==, 5);
}

/* The address comes in, and all sums are right again. */
static void test_placed_anchor(Fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strnfill(65000, 'x');
    g_autofree char *arg = g_strdup_printf("type=11,value=%s", text);
    g_autoptr(GBytes) placed_2 = NULL;
    g_autoptr(GBytes) placed_3 = NULL;
    const uint8_t *a;

    build(f);
    placed_2 = smbios_place(f->anchor, 0xfedcba98);
    a = g_bytes_get_data(placed_2, NULL);
    g_assert_cmpuint(g_bytes_get_size(placed_2), ==, 31);
    g_assert_cmphex(get(a + 24, 4), ==, 0xfedcba98);
    g_assert_cmpuint(sum(a, 31), ==, 0);
    g_assert_cmpuint(sum(a + 16, 15), ==, 0);
    option(f, arg);
    option(f, arg);
    build(f);
    placed_3 = smbios_place(f->anchor, 0xf0010);
    a = g_bytes_get_data(placed_3, NULL);
    g_assert_cmpuint(g_bytes_get_size(placed_3), ==, 24);
    g_assert_cmphex(get(a + 16, 8), ==, 0xf0010);
    g_assert_cmpuint(sum(a, 24), ==, 0);
}

static void test_the_last_byte_of_16_bits(Fixture *f, gconstpointer data)
{
    g_autofree char *text = NULL;
    g_autofree char *arg = NULL;
    size_t size;

    option(f, "type=11,value=x");
    build(f);
    size = g_bytes_get_size(f->tables);
    text = g_strnfill(65535 - size + 1, 'x');
    arg = g_strdup_printf("type=11,value=%s", text);
    g_ptr_array_set_size(f->options, 0);
    option(f, arg);
    build(f);
    g_assert_cmpuint(g_bytes_get_size(f->tables), ==, 65535);
    g_assert_cmpuint(g_bytes_get_size(f->anchor), ==, 31);
    option(f, "type=0,vendor=x");
    build(f);
    g_assert_cmpuint(g_bytes_get_size(f->anchor), ==, 24);
}

static void test_defaults(Fixture *f, gconstpointer data)
{
    static const unsigned present[] = { 1, 3, 4, 16, 17, 19, 32, 127 };
    static const uint8_t le_uuid[16] = { 0x33, 0x22, 0x11, 0x00, 0x55, 0x44,
                                         0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb,
                                         0xcc, 0xdd, 0xee, 0xff };
    const uint8_t *s;

    build(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(present); i++) {
        g_assert_nonnull(structure(f, present[i], 0));
    }
    g_assert_cmpuint(f->n, ==, G_N_ELEMENTS(present) + 1); /* two of 19 */
    s = structure(f, 1, 0);
    g_assert_cmpstr(string_at(s, 4), ==, "QEMU");
    g_assert_cmpstr(string_at(s, 5), ==, "Standard PC (Q35 + ICH9, 2009)");
    g_assert_cmpstr(string_at(s, 6), ==, "pc-q35-7.2");
    g_assert_cmpstr(string_at(s, 7), ==, "");
    g_assert_cmpmem(s + 8, 16, le_uuid, 16);
    f->config.uuid = NULL;
    build(f);
    g_assert_cmpuint(sum(structure(f, 1, 0) + 8, 16), ==, 0);
}

/* What libvirt's <sysinfo> passes. */
static void test_bios_and_system(Fixture *f, gconstpointer data)
{
    const uint8_t *s;

    option(f, "type=0,vendor=LENOVO,version=6FET82WW,date=10/04/2010,"
              "release=3.18,uefi=on");
    option(f, "type=1,manufacturer=Fedora,product=Virt,,Manager,version=0.8,"
              "serial=32dfcb37,uuid=c7a5fdbd-edaf-9455-926a-d65c16db1809,"
              "sku=1234,family=Red Hat");
    build(f);
    s = structure(f, 0, 0);
    g_assert_cmpuint(s[1], ==, 24);
    g_assert_cmpstr(string_at(s, 4), ==, "LENOVO");
    g_assert_cmpstr(string_at(s, 5), ==, "6FET82WW");
    g_assert_cmpstr(string_at(s, 8), ==, "10/04/2010");
    g_assert_cmphex(s[19], ==, 0x1c);
    g_assert_cmpuint(s[20], ==, 3);
    g_assert_cmpuint(s[21], ==, 18);
    s = structure(f, 1, 0);
    g_assert_cmpstr(string_at(s, 4), ==, "Fedora");
    g_assert_cmpstr(string_at(s, 5), ==, "Virt,Manager");
    g_assert_cmpstr(string_at(s, 6), ==, "0.8");
    g_assert_cmpstr(string_at(s, 7), ==, "32dfcb37");
    g_assert_cmphex(get(s + 8, 4), ==, 0xc7a5fdbd);
    g_assert_cmphex(get(s + 12, 2), ==, 0xedaf);
    g_assert_cmphex(s[23], ==, 0x09);
    g_assert_cmpuint(s[24], ==, 6);
    g_assert_cmpstr(string_at(s, 25), ==, "1234");
    g_assert_cmpstr(string_at(s, 26), ==, "Red Hat");
}

static void test_baseboard_and_chassis(Fixture *f, gconstpointer data)
{
    const uint8_t *s;

    option(f, "type=2,manufacturer=a,product=b,version=c,serial=d,asset=e,"
              "location=f");
    option(f, "type=3,manufacturer=g,version=h,serial=i,asset=j,sku=k");
    build(f);
    s = structure(f, 2, 0);
    g_assert_cmpstr(string_at(s, 4), ==, "a");
    g_assert_cmpstr(string_at(s, 5), ==, "b");
    g_assert_cmpstr(string_at(s, 6), ==, "c");
    g_assert_cmpstr(string_at(s, 7), ==, "d");
    g_assert_cmpstr(string_at(s, 8), ==, "e");
    g_assert_cmpstr(string_at(s, 10), ==, "f");
    g_assert_cmphex(get(s + 11, 2), ==, get(structure(f, 3, 0) + 2, 2));
    s = structure(f, 3, 0);
    g_assert_cmpstr(string_at(s, 4), ==, "g");
    g_assert_cmpstr(string_at(s, 6), ==, "h");
    g_assert_cmpstr(string_at(s, 7), ==, "i");
    g_assert_cmpstr(string_at(s, 8), ==, "j");
    g_assert_cmpstr(string_at(s, 21), ==, "k");
}

static void test_processors(Fixture *f, gconstpointer data)
{
    const uint8_t *s;

    f->config.topology = (CpuTopology){ 3, 4, 2 };
    option(f, "type=4,sock_pfx=SOCK,manufacturer=a,version=b,serial=c,asset=d,"
              "part=e,max-speed=3000,current-speed=65535");
    build(f);
    s = structure(f, 4, 2);
    g_assert_nonnull(s);
    g_assert_null(structure(f, 4, 3));
    g_assert_cmpstr(string_at(s, 4), ==, "SOCK 2");
    g_assert_cmpstr(string_at(s, 7), ==, "a");
    g_assert_cmpstr(string_at(s, 16), ==, "b");
    g_assert_cmpuint(get(s + 20, 2), ==, 3000);
    g_assert_cmpuint(get(s + 22, 2), ==, 65535);
    g_assert_cmphex(get(s + 26, 6), ==, UINT64_C(0xffffffffffff));
    g_assert_cmpstr(string_at(s, 32), ==, "c");
    g_assert_cmpstr(string_at(s, 33), ==, "d");
    g_assert_cmpstr(string_at(s, 34), ==, "e");
    g_assert_cmpuint(s[35], ==, 4);
    g_assert_cmpuint(s[36], ==, 4);
    g_assert_cmpuint(s[37], ==, 8);
    g_assert_cmpuint(get(s + 46, 2), ==, 8);
    f->config.topology = (CpuTopology){ CPUS_MAX, 1, 1 };
    build(f);
    g_assert_nonnull(structure(f, 4, CPUS_MAX - 1));
    g_assert_null(structure(f, 4, CPUS_MAX));
}

static void test_oem_strings_add_up(Fixture *f, gconstpointer data)
{
    const uint8_t *s;

    option(f, "type=11,value=one,value=,value=two,,2");
    option(f, "type=11,value=three");
    build(f);
    s = structure(f, 11, 0);
    g_assert_null(structure(f, 11, 1));
    g_assert_cmpuint(s[4], ==, 3);
    g_assert_cmpmem(s + 5, 17, "one\0two,2\0three\0", 17);
}

static void test_oem_strings_have_a_limit(Fixture *f, gconstpointer data)
{
    GString *arg = g_string_new("type=11");

    for (unsigned i = 0; i < 255; i++) {
        g_string_append_printf(arg, ",value=%u", i);
    }
    option(f, arg->str);
    build(f);
    g_assert_cmpuint(structure(f, 11, 0)[4], ==, 255);
    option(f, "type=11,value=more");
    build(f);
    g_assert_cmpuint(structure(f, 11, 0)[4], ==, 255);
    g_string_free(arg, TRUE);
}

static void test_memory(Fixture *f, gconstpointer data)
{
    const uint8_t *s;

    f->config.ram_size = 33 * GiB;
    option(f, "type=17,loc_pfx=SLOT,bank=b,manufacturer=c,serial=d,asset=e,"
              "part=f,speed=2400");
    build(f);
    s = structure(f, 16, 0);
    g_assert_cmpuint(get(s + 7, 4), ==, 33 * MiB);
    g_assert_cmpuint(get(s + 13, 2), ==, 3);
    s = structure(f, 17, 2);
    g_assert_null(structure(f, 17, 3));
    g_assert_cmphex(get(s + 4, 2), ==, get(structure(f, 16, 0) + 2, 2));
    g_assert_cmpuint(get(s + 12, 2), ==, 1024);
    g_assert_cmpuint(get(structure(f, 17, 1) + 12, 2), ==, 16384);
    g_assert_cmpstr(string_at(s, 16), ==, "SLOT 2");
    g_assert_cmpstr(string_at(s, 17), ==, "b");
    g_assert_cmpuint(get(s + 21, 2), ==, 2400);
    g_assert_cmpstr(string_at(s, 23), ==, "c");
    g_assert_cmpstr(string_at(s, 26), ==, "f");
    g_assert_cmpuint(get(s + 32, 2), ==, 2400);
    s = structure(f, 19, 0);
    g_assert_cmphex(get(s + 4, 4), ==, 0);
    g_assert_cmphex(get(s + 8, 4), ==, 2 * MiB - 1);
    s = structure(f, 19, 1);
    g_assert_cmphex(get(s + 4, 4), ==, 4 * MiB);
    g_assert_cmphex(get(s + 8, 4), ==, 35 * MiB - 1);
}

static void test_memory_limits(Fixture *f, gconstpointer data)
{
    f->config.ram_size = f->config.low_ram_size = 16 * MiB;
    build(f);
    g_assert_cmpuint(get(structure(f, 17, 0) + 12, 2), ==, 16);
    g_assert_null(structure(f, 17, 1));
    g_assert_null(structure(f, 19, 1));
    f->config.ram_size = TiB;
    f->config.low_ram_size = 2 * GiB;
    build(f);
    g_assert_nonnull(structure(f, 17, 63));
    g_assert_null(structure(f, 17, 64));
    g_assert_cmphex(get(structure(f, 16, 0) + 7, 4), ==, TiB / KiB);
    /* 7.17.1: from 2 TiB on another field has it. */
    f->config.ram_size = 2 * TiB;
    build(f);
    g_assert_cmphex(get(structure(f, 16, 0) + 7, 4), ==, 0x80000000);
    g_assert_cmphex(get(structure(f, 16, 0) + 15, 8), ==, 2 * TiB);
}

static void test_the_last_option_counts(Fixture *f, gconstpointer data)
{
    option(f, "type=1,serial=first,sku=kept");
    option(f, "type=0x1,serial=last");
    option(f, "type=3,serial=other");
    build(f);
    g_assert_cmpstr(string_at(structure(f, 1, 0), 7), ==, "last");
    g_assert_cmpstr(string_at(structure(f, 1, 0), 25), ==, "kept");
    option(f, "type=1,manufacturer=");
    build(f);
    g_assert_cmpstr(string_at(structure(f, 1, 0), 4), ==, "");
}

/* What dmidecode says of a dump: the entry point, and the structures at 32. */
static char *dmidecode(const Fixture *f)
{
    g_autofree char *dir = g_dir_make_tmp("test-smbios-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "dump", NULL);
    g_autoptr(GBytes) anchor = smbios_place(f->anchor, 32);
    g_autoptr(GByteArray) dump = g_byte_array_new();
    const char *argv[] = { "/usr/sbin/dmidecode", "--from-dump", path, NULL };
    g_autoptr(GError) err = NULL;
    g_autofree char *errors = NULL;
    char *output = NULL;
    int status;

    g_byte_array_append(dump, g_bytes_get_data(anchor, NULL),
                        (guint)g_bytes_get_size(anchor));
    g_byte_array_set_size(dump, 32);
    g_byte_array_append(dump, g_bytes_get_data(f->tables, NULL),
                        (guint)g_bytes_get_size(f->tables));
    g_assert_true(g_file_set_contents(path, (const char *)dump->data,
                                      (gssize)dump->len, NULL));
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                 &output, &errors, &status, &err);
    g_assert_no_error(err); /* it is required: apt-get install dmidecode */
    g_unlink(path);
    g_rmdir(dir);
    g_test_message("%s%s", output, errors);
    g_assert_true(g_spawn_check_wait_status(status, NULL));
    g_assert_cmpstr(errors, ==, "");
    return output;
}

static void test_dmidecode_reads_it(Fixture *f, gconstpointer data)
{
    static const char *const parts[] = {
        "SMBIOS 2.8 present.",
        "UUID: 00112233-4455-6677-8899-aabbccddeeff",
        "Vendor: SeaBIOS",
        "BIOS Revision: 1.16",
        "Product Name: Standard PC (Q35 + ICH9, 2009)",
        "Serial Number: 4711",
        "Asset Tag: rack-7",
        "Socket Designation: CPU 1",
        "Max Speed: 3000 MHz",
        "Core Count: 4",
        "Thread Count: 8",
        "String 2: two",
        "Maximum Capacity: 3 GB",
        "Size: 3 GB",
        "Speed: 2400 MT/s",
        "Range Size: 2 GB",
        "Status: No errors detected",
        "End Of Table",
    };
    static const char *const complaints[] = {
        "<", "Wrong", "Invalid", "Truncated", "broken", "WARNING"
    };
    g_autofree char *output = NULL;

    f->config.topology = (CpuTopology){ 2, 4, 2 };
    option(f, "type=0,vendor=SeaBIOS,release=1.16");
    option(f, "type=1,serial=4711");
    option(f, "type=2,manufacturer=x");
    option(f, "type=3,asset=rack-7");
    option(f, "type=4,max-speed=3000");
    option(f, "type=11,value=one,value=two");
    option(f, "type=17,speed=2400");
    build(f);
    output = dmidecode(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_assert_nonnull(strstr(output, parts[i]));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(complaints); i++) {
        g_assert_null(strstr(output, complaints[i]));
    }
}

/* An argument that is refused, and why. */
static const struct {
    const char *arg, *why;
} wrong[] = {
    { "serial=x",
      "-smbios: parameter 'type' is required: give type= and the fields of "
      "that type" },
    { "file=x", "-smbios: 'file' is not supported: give type= and the fields "
                "of that type" },
    { "type=16", "-smbios: type=16 has no fields to set: the types 0, 1, 2, 3, "
                 "4, 11 and 17 have" },
    { "type=x", "-smbios: type=x has no fields to set: the types 0, 1, 2, 3, "
                "4, 11 and 17 have" },
    { "type=1,serail=x", "-smbios type=1: unknown parameter 'serail'; did you "
                         "mean 'serial'?" },
    { "type=2,family=x", "-smbios type=2: unknown parameter 'family'" },
    { "type=0,release=1", "-smbios type=0: release=1: MAJOR.MINOR, each from 0 "
                          "to 255, is expected" },
    { "type=0,release=1.256",
      "-smbios type=0: release=1.256: MAJOR.MINOR, each from 0 to 255, is "
      "expected" },
    { "type=0,release=1.2.3",
      "-smbios type=0: release=1.2.3: MAJOR.MINOR, each from 0 to 255, is "
      "expected" },
    { "type=0,uefi=maybe",
      "-smbios type=0: uefi=maybe: 'on' or 'off' is expected" },
    { "type=1,uuid=1", "-smbios type=1: uuid=1: a UUID "
                       "(xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx) is expected" },
    { "type=4,max-speed=65536", "-smbios type=4: max-speed=65536: a number "
                                "from 0 to 65535 is expected" },
    { "type=17,speed=fast",
      "-smbios type=17: speed=fast: a number from 0 to 65535 is expected" },
};

static void test_what_is_refused(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) err = NULL;
        auto_json *dict = keyval_parse_repeated(wrong[i].arg, NULL, "value",
                                                NULL);

        g_assert_false(smbios_check_option(dict, &err));
        g_assert_cmpstr(err->message, ==, wrong[i].why);
    }
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/smbios/anchor", test_anchor);
    add("/smbios/anchor-3", test_anchor_of_large_tables);
    add("/smbios/anchor-limit", test_the_last_byte_of_16_bits);
    add("/smbios/placed", test_placed_anchor);
    add("/smbios/defaults", test_defaults);
    add("/smbios/bios-and-system", test_bios_and_system);
    add("/smbios/baseboard-and-chassis", test_baseboard_and_chassis);
    add("/smbios/processors", test_processors);
    add("/smbios/oem-strings", test_oem_strings_add_up);
    add("/smbios/oem-strings-limit", test_oem_strings_have_a_limit);
    add("/smbios/memory", test_memory);
    add("/smbios/memory-limits", test_memory_limits);
    add("/smbios/last-option", test_the_last_option_counts);
    add("/smbios/dmidecode", test_dmidecode_reads_it);
    add("/smbios/refused", test_what_is_refused);
    return g_test_run();
}
