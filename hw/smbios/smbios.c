/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/smbios/smbios.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

#define TYPE_11_STRINGS_MAX 255 /* their number is a byte */
#define DIMM_SIZE_MAX       (16 * GiB)

#define DEFAULT_MANUFACTURER "QEMU"
#define DEFAULT_SPEED_MHZ    2000
#define NO_HANDLE            0xfffe /* of information about errors */
#define NO_CACHE             0xffff

/* Where structures of each type are numbered from. */
enum {
    HANDLE_CHASSIS = 0x300,
    HANDLE_MEMORY_ARRAY = 0x1000,
};

/* --- what -smbios may say --- */

typedef enum FieldKind {
    FIELD_STRING,
    FIELD_STRINGS, /* an array */
    FIELD_U16,
    FIELD_BOOL,
    FIELD_UUID,
    FIELD_RELEASE, /* "MAJOR.MINOR", a byte each */
} FieldKind;

static const struct {
    unsigned type;
    const char *key;
    FieldKind kind;
} fields[] = {
    { 0, "vendor", FIELD_STRING },
    { 0, "version", FIELD_STRING },
    { 0, "date", FIELD_STRING },
    { 0, "release", FIELD_RELEASE },
    { 0, "uefi", FIELD_BOOL },

    { 1, "manufacturer", FIELD_STRING },
    { 1, "product", FIELD_STRING },
    { 1, "version", FIELD_STRING },
    { 1, "serial", FIELD_STRING },
    { 1, "uuid", FIELD_UUID },
    { 1, "sku", FIELD_STRING },
    { 1, "family", FIELD_STRING },

    { 2, "manufacturer", FIELD_STRING },
    { 2, "product", FIELD_STRING },
    { 2, "version", FIELD_STRING },
    { 2, "serial", FIELD_STRING },
    { 2, "asset", FIELD_STRING },
    { 2, "location", FIELD_STRING },

    { 3, "manufacturer", FIELD_STRING },
    { 3, "version", FIELD_STRING },
    { 3, "serial", FIELD_STRING },
    { 3, "asset", FIELD_STRING },
    { 3, "sku", FIELD_STRING },

    { 4, "sock_pfx", FIELD_STRING },
    { 4, "manufacturer", FIELD_STRING },
    { 4, "version", FIELD_STRING },
    { 4, "serial", FIELD_STRING },
    { 4, "asset", FIELD_STRING },
    { 4, "part", FIELD_STRING },
    { 4, "max-speed", FIELD_U16 },
    { 4, "current-speed", FIELD_U16 },

    { 11, "value", FIELD_STRINGS },

    { 17, "loc_pfx", FIELD_STRING },
    { 17, "bank", FIELD_STRING },
    { 17, "manufacturer", FIELD_STRING },
    { 17, "serial", FIELD_STRING },
    { 17, "asset", FIELD_STRING },
    { 17, "part", FIELD_STRING },
    { 17, "speed", FIELD_U16 },
};

static int parse_release(const char *text, uint8_t ret[2])
{
    g_auto(GStrv) parts = g_strsplit(text, ".", 3);
    uint64_t v[2];

    if (g_strv_length(parts) != 2 || parse_u64(parts[0], &v[0]) < 0 ||
        parse_u64(parts[1], &v[1]) < 0 || v[0] > UINT8_MAX ||
        v[1] > UINT8_MAX) {
        return -EINVAL;
    }
    ret[0] = (uint8_t)v[0];
    ret[1] = (uint8_t)v[1];
    return 0;
}

/* What is wrong with @text as a field of that kind, or NULL. */
static const char *field_error(FieldKind kind, const char *text)
{
    uint8_t bytes[16];
    uint64_t number;
    bool on;

    switch (kind) {
    case FIELD_U16:
        return parse_u64(text, &number) < 0 || number > UINT16_MAX
                   ? "a number from 0 to 65535"
                   : NULL;
    case FIELD_BOOL:
        return parse_bool(text, &on) < 0 ? "'on' or 'off'" : NULL;
    case FIELD_UUID:
        return parse_uuid(text, bytes) < 0
                   ? "a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)"
                   : NULL;
    case FIELD_RELEASE:
        return parse_release(text, bytes) < 0
                   ? "MAJOR.MINOR, each from 0 to 255,"
                   : NULL;
    case FIELD_STRING:
    case FIELD_STRINGS:
        return NULL;
    }
    g_assert_not_reached();
}

static bool check_values(json_object *dict, unsigned type, GError **errp)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *text = fields[i].type == type
                               ? keyval_get(dict, fields[i].key)
                               : NULL;
        const char *expected = text ? field_error(fields[i].kind, text) : NULL;

        if (expected) {
            error_setg(errp, "-smbios type=%u: %s=%s: %s is expected", type,
                       fields[i].key, text, expected);
            return false;
        }
    }
    return true;
}

static bool get_type(json_object *dict, unsigned *ret_type, GError **errp)
{
    const char *text = keyval_get(dict, "type");
    uint64_t type;

    if (!text) {
        error_setg(errp, "-smbios: %s: give type= and the fields of that type",
                   json_get(dict, "file") ? "'file' is not supported"
                                          : "parameter 'type' is required");
        return false;
    }
    if (parse_u64(text, &type) == 0) {
        for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
            if (fields[i].type == type) {
                *ret_type = (unsigned)type;
                return true;
            }
        }
    }
    error_setg(
        errp,
        "-smbios: type=%s has no fields to set: the types 0, 1, 2, 3, 4, "
        "11 and 17 have",
        text);
    return false;
}

bool smbios_check_option(json_object *dict, GError **errp)
{
    const char *keys[G_N_ELEMENTS(fields) + 2] = { "type" };
    g_autofree char *what = NULL;
    unsigned type, n = 1;

    if (!get_type(dict, &type, errp)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i].type == type) {
            keys[n++] = fields[i].key;
        }
    }
    what = g_strdup_printf("-smbios type=%u", type);
    return keyval_check_keys(dict, what, keys, errp) &&
           check_values(dict, type, errp);
}

/* --- what it has said --- */

static json_object *option_at(const SmbiosConfig *c, unsigned i)
{
    return g_ptr_array_index(c->options, i);
}

static unsigned n_options(const SmbiosConfig *c)
{
    return c->options ? c->options->len : 0;
}

static bool is_of_type(json_object *option, unsigned type)
{
    uint64_t its_type;

    return parse_u64(keyval_get(option, "type"), &its_type) == 0 &&
           its_type == type;
}

static bool has_type(const SmbiosConfig *c, unsigned type)
{
    bool has = false;

    for (unsigned i = 0; i < n_options(c); i++) {
        has |= is_of_type(option_at(c, i), type);
    }
    return has;
}

/* The text of a field, or @def. */
static const char *field(const SmbiosConfig *c, unsigned type, const char *key,
                         const char *def)
{
    const char *text = NULL;

    for (unsigned i = n_options(c); i-- > 0 && !text;) {
        if (is_of_type(option_at(c, i), type)) {
            text = keyval_get(option_at(c, i), key);
        }
    }
    return text ? text : def;
}

static uint16_t field_u16(const SmbiosConfig *c, unsigned type, const char *key,
                          uint16_t def)
{
    const char *text = field(c, type, key, NULL);
    uint64_t number = def;

    if (text) {
        (void)parse_u64(text, &number); /* it was checked */
    }
    return (uint16_t)number;
}

/* --- structures --- */

/* All of them, and the one that is being made. */
typedef struct Tables {
    const SmbiosConfig *config;
    GByteArray *out;
    unsigned count;    /* of structures */
    unsigned size_max; /* bytes of the largest, with its strings */
    unsigned start;    /* of this one */
    unsigned type;
    unsigned n_strings;
    GByteArray *strings; /* of this one */
} Tables;

/* @size bytes of @value, least significant first. */
static void put(Tables *t, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));

        g_byte_array_append(t->out, &byte, 1);
    }
}

/* A string is its number in the set behind the structure; an empty one has
 * none. */
static void put_string(Tables *t, const char *text)
{
    if (!text || !*text) {
        put(t, 0, 1);
        return;
    }
    g_byte_array_append(t->strings, (const uint8_t *)text,
                        (guint)strlen(text) + 1);
    put(t, ++t->n_strings, 1);
}

/* The field @key of this type. */
static void put_field(Tables *t, const char *key, const char *def)
{
    put_string(t, field(t->config, t->type, key, def));
}

static void begin(Tables *t, unsigned type, unsigned handle)
{
    t->start = t->out->len;
    t->type = type;
    t->n_strings = 0;
    g_byte_array_set_size(t->strings, 0);
    put(t, type, 1);
    put(t, 0, 1); /* length: end() */
    put(t, handle, 2);
}

/* The structure must have @length bytes without its strings. */
static void end(Tables *t, unsigned length)
{
    assert(t->out->len - t->start == length);
    t->out->data[t->start + 1] = (uint8_t)length;
    g_byte_array_append(t->out, t->strings->data, t->strings->len);
    put(t, 0, t->n_strings ? 1 : 2);
    t->size_max = MAX(t->size_max, t->out->len - t->start);
    t->count++;
}

/* 7.1. Firmware makes its own where there is none. */
static void build_bios(Tables *t)
{
    const char *release = field(t->config, 0, "release", "0.0");
    uint8_t version[2] = { 0 };
    bool uefi = false;

    (void)parse_release(release, version);
    (void)parse_bool(field(t->config, 0, "uefi", "off"), &uefi);
    begin(t, 0, 0);
    put_field(t, "vendor", "");
    put_field(t, "version", "");
    put(t, 0xe800, 2); /* segment of its start */
    put_field(t, "date", "");
    put(t, 0, 1);    /* 64 KiB of ROM */
    put(t, 0x08, 8); /* characteristics are not supported */
    put(t, 0, 1);
    put(t, 0x14 | (uefi ? 0x08 : 0), 1); /* a virtual machine */
    put(t, version[0], 1);
    put(t, version[1], 1);
    put(t, 0xffff, 2); /* no embedded controller */
    end(t, 24);
}

/* 7.2.1: the first three parts are numbers, least significant byte first. */
static void put_uuid(Tables *t, const uint8_t uuid[16])
{
    static const uint8_t order[] = { 3, 2, 1,  0,  5,  4,  7,  6,
                                     8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
        put(t, uuid[order[i]], 1);
    }
}

/* 7.2 */
static void build_system(Tables *t)
{
    const SmbiosConfig *c = t->config;
    const char *text = field(c, 1, "uuid", NULL);
    uint8_t uuid[16] = { 0 };

    if (c->uuid) {
        memcpy(uuid, c->uuid, sizeof(uuid));
    }
    if (text) {
        (void)parse_uuid(text, uuid);
    }
    begin(t, 1, 0x100);
    put_field(t, "manufacturer", DEFAULT_MANUFACTURER);
    put_field(t, "product", c->product);
    put_field(t, "version", c->version);
    put_field(t, "serial", "");
    put_uuid(t, uuid);
    put(t, 6, 1); /* woken up by the power switch */
    put_field(t, "sku", "");
    put_field(t, "family", "");
    end(t, 27);
}

/* 7.3 */
static void build_baseboard(Tables *t)
{
    begin(t, 2, 0x200);
    put_field(t, "manufacturer", DEFAULT_MANUFACTURER);
    put_field(t, "product", t->config->product);
    put_field(t, "version", t->config->version);
    put_field(t, "serial", "");
    put_field(t, "asset", "");
    put(t, 1, 1); /* a hosting board */
    put_field(t, "location", "");
    put(t, HANDLE_CHASSIS, 2);
    put(t, 0x0a, 1); /* a motherboard */
    put(t, 0, 1);    /* contains no other */
    end(t, 15);
}

/* 7.4 */
static void build_chassis(Tables *t)
{
    begin(t, 3, HANDLE_CHASSIS);
    put_field(t, "manufacturer", DEFAULT_MANUFACTURER);
    put(t, 1, 1); /* type: other */
    put_field(t, "version", t->config->version);
    put_field(t, "serial", "");
    put_field(t, "asset", "");
    put(t, 0x030303, 3); /* states: safe */
    put(t, 2, 1);        /* security: unknown */
    put(t, 0, 4);
    put(t, 0, 4); /* height, power cords, elements: none given */
    put_field(t, "sku", "");
    end(t, 22);
}

/* 7.5 */
static void build_processor(Tables *t, unsigned socket)
{
    const SmbiosConfig *c = t->config;
    g_autofree char *name = g_strdup_printf(
        "%s %u", field(c, 4, "sock_pfx", "CPU"), socket);
    unsigned cores = c->topology.cores;
    unsigned threads = cores * c->topology.threads;

    begin(t, 4, 0x400 + socket);
    put_string(t, name);
    put(t, 3, 1); /* central processor */
    put(t, 1, 1); /* family: other */
    put_field(t, "manufacturer", DEFAULT_MANUFACTURER);
    put(t, 0, 8); /* id: not given */
    put_field(t, "version", c->version);
    put(t, 0, 3); /* voltage, external clock: unknown */
    put(t, field_u16(c, 4, "max-speed", DEFAULT_SPEED_MHZ), 2);
    put(t, field_u16(c, 4, "current-speed", DEFAULT_SPEED_MHZ), 2);
    put(t, 0x41, 1); /* populated, enabled */
    put(t, 1, 1);    /* upgrade: other */
    put(t, NO_CACHE, 2);
    put(t, NO_CACHE, 2);
    put(t, NO_CACHE, 2);
    put_field(t, "serial", "");
    put_field(t, "asset", "");
    put_field(t, "part", "");
    put(t, cores, 1); /* at most CPUS_MAX */
    put(t, cores, 1);
    put(t, threads, 1);
    put(t, 2, 2); /* characteristics: unknown */
    put(t, 1, 2); /* family: other */
    put(t, cores, 2);
    put(t, cores, 2);
    put(t, threads, 2);
    end(t, 48);
}

static unsigned count_oem_strings(json_object *option)
{
    json_object *value = json_get(option, "value");

    if (!value) {
        return 0;
    }
    return json_object_is_type(value, json_type_array)
               ? (unsigned)json_object_array_length(value)
               : 1;
}

static const char *oem_string(json_object *option, unsigned i)
{
    json_object *value = json_get(option, "value");

    return json_object_get_string(json_object_is_type(value, json_type_array)
                                      ? json_object_array_get_idx(value, i)
                                      : value);
}

/* 7.12. Here all options add up. */
static void build_oem_strings(Tables *t)
{
    const SmbiosConfig *c = t->config;
    unsigned count;

    begin(t, 11, 0xe00);
    count = t->out->len;
    put(t, 0, 1);
    for (unsigned i = 0; i < n_options(c); i++) {
        json_object *option = option_at(c, i);
        unsigned n = is_of_type(option, 11) ? count_oem_strings(option) : 0;

        for (unsigned j = 0; j < n; j++) {
            const char *text = oem_string(option, j);

            if (text && *text && t->n_strings < TYPE_11_STRINGS_MAX) {
                g_byte_array_append(t->strings, (const uint8_t *)text,
                                    (guint)strlen(text) + 1);
                t->n_strings++;
            }
        }
    }
    t->out->data[count] = (uint8_t)t->n_strings;
    end(t, 5);
}

static unsigned n_dimms(const SmbiosConfig *c)
{
    return (unsigned)((c->ram_size + DIMM_SIZE_MAX - 1) / DIMM_SIZE_MAX);
}

/* 7.17 */
static void build_memory_array(Tables *t)
{
    uint64_t kib = t->config->ram_size / KiB;
    bool fits = kib < UINT64_C(0x80000000);

    begin(t, 16, HANDLE_MEMORY_ARRAY);
    put(t, 1, 1); /* location: other */
    put(t, 3, 1); /* system memory */
    put(t, 6, 1); /* multi-bit error correction */
    put(t, fits ? kib : UINT64_C(0x80000000), 4);
    put(t, NO_HANDLE, 2);
    put(t, n_dimms(t->config), 2);
    put(t, fits ? 0 : t->config->ram_size, 8);
    end(t, 23);
}

/* 7.18. A size of 32 GiB or more would need another field. */
static void build_memory_device(Tables *t, unsigned n)
{
    const SmbiosConfig *c = t->config;
    uint64_t rest = c->ram_size - n * DIMM_SIZE_MAX;
    g_autofree char *name = g_strdup_printf("%s %u",
                                            field(c, 17, "loc_pfx", "DIMM"), n);
    uint16_t speed = field_u16(c, 17, "speed", 0);

    begin(t, 17, 0x1100 + n);
    put(t, HANDLE_MEMORY_ARRAY, 2);
    put(t, NO_HANDLE, 2);
    put(t, 0xffff, 2); /* widths: unknown */
    put(t, 0xffff, 2);
    put(t, MIN(rest, DIMM_SIZE_MAX) / MiB, 2);
    put(t, 9, 1); /* a DIMM */
    put(t, 0, 1); /* of no set */
    put_string(t, name);
    put_field(t, "bank", "");
    put(t, 7, 1); /* RAM */
    put(t, 2, 2); /* detail: other */
    put(t, speed, 2);
    put_field(t, "manufacturer", DEFAULT_MANUFACTURER);
    put_field(t, "serial", "");
    put_field(t, "asset", "");
    put_field(t, "part", "");
    put(t, 0, 1); /* rank: unknown */
    put(t, 0, 4);
    put(t, speed, 2);
    put(t, 0, 6); /* voltages: unknown */
    end(t, 40);
}

/* 7.20: @n of the ranges of RAM, which end below 4 TiB. */
static void build_mapped_address(Tables *t, unsigned n, uint64_t base,
                                 uint64_t size)
{
    begin(t, 19, 0x1300 + n);
    put(t, base / KiB, 4);
    put(t, (base + size) / KiB - 1, 4);
    put(t, HANDLE_MEMORY_ARRAY, 2);
    put(t, 1, 1); /* devices in a row */
    put(t, 0, 8);
    put(t, 0, 8);
    end(t, 31);
}

static void build_memory(Tables *t)
{
    const SmbiosConfig *c = t->config;

    build_memory_array(t);
    for (unsigned i = 0; i < n_dimms(c); i++) {
        build_memory_device(t, i);
    }
    build_mapped_address(t, 0, 0, c->low_ram_size);
    if (c->ram_size > c->low_ram_size) {
        build_mapped_address(t, 1, 4 * GiB, c->ram_size - c->low_ram_size);
    }
}

/* 7.33 and 7.45: system boot information, and the end. */
static void build_last(Tables *t)
{
    begin(t, 32, 0x2000);
    put(t, 0, 6);
    put(t, 0, 1); /* no errors detected */
    end(t, 11);
    begin(t, 127, 0x7f00);
    end(t, 4);
}

/* --- entry point --- */

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + p[i]);
    }
    return (uint8_t)-sum;
}

static void put_le(uint8_t *p, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Offsets in the entry points of 5.2.1 and 5.2.2. */
#define ANCHOR_2_SIZE             31
#define ANCHOR_2_CHECKSUM         4
#define ANCHOR_2_INTERMEDIATE     16 /* up to the end; has its own checksum */
#define ANCHOR_2_INTERMEDIATE_SUM 21
#define ANCHOR_2_ADDRESS          24
#define ANCHOR_3_SIZE             24
#define ANCHOR_3_CHECKSUM         5
#define ANCHOR_3_ADDRESS          16

static void finish_anchor_2(uint8_t *a, uint32_t gpa)
{
    put_le(a + ANCHOR_2_ADDRESS, gpa, 4);
    a[ANCHOR_2_CHECKSUM] = a[ANCHOR_2_INTERMEDIATE_SUM] = 0;
    a[ANCHOR_2_INTERMEDIATE_SUM] = checksum(
        a + ANCHOR_2_INTERMEDIATE, ANCHOR_2_SIZE - ANCHOR_2_INTERMEDIATE);
    a[ANCHOR_2_CHECKSUM] = checksum(a, ANCHOR_2_SIZE);
}

static void finish_anchor_3(uint8_t *a, uint64_t gpa)
{
    put_le(a + ANCHOR_3_ADDRESS, gpa, 8);
    a[ANCHOR_3_CHECKSUM] = 0;
    a[ANCHOR_3_CHECKSUM] = checksum(a, ANCHOR_3_SIZE);
}

/* Lengths are of 16 bits. */
static GBytes *build_anchor_2(const Tables *t)
{
    uint8_t a[ANCHOR_2_SIZE] = "_SM_";

    a[5] = sizeof(a);
    a[6] = 2;
    a[7] = 8;
    put_le(a + 8, t->size_max, 2);
    memcpy(a + 16, "_DMI_", 5);
    put_le(a + 22, t->out->len, 2);
    put_le(a + 28, t->count, 2);
    a[30] = 0x28;
    finish_anchor_2(a, 0);
    return g_bytes_new(a, sizeof(a));
}

static GBytes *build_anchor_3(const Tables *t)
{
    uint8_t a[ANCHOR_3_SIZE] = "_SM3_";

    a[6] = sizeof(a);
    a[7] = 3;
    a[10] = 1; /* revision of the entry point */
    put_le(a + 12, t->out->len, 4);
    finish_anchor_3(a, 0);
    return g_bytes_new(a, sizeof(a));
}

GBytes *smbios_place(GBytes *anchor, uint64_t tables_gpa)
{
    size_t size = g_bytes_get_size(anchor);
    uint8_t *a = g_memdup2(g_bytes_get_data(anchor, NULL), size);

    assert(tables_gpa <= UINT32_MAX);
    if (size == ANCHOR_2_SIZE) {
        finish_anchor_2(a, (uint32_t)tables_gpa);
    } else {
        finish_anchor_3(a, tables_gpa);
    }
    return g_bytes_new_take(a, size);
}

void smbios_build(const SmbiosConfig *c, GBytes **ret_tables,
                  GBytes **ret_anchor)
{
    Tables t = {
        .config = c,
        .out = g_byte_array_new(),
        .strings = g_byte_array_new(),
    };

    if (has_type(c, 0)) {
        build_bios(&t);
    }
    build_system(&t);
    if (has_type(c, 2)) {
        build_baseboard(&t);
    }
    build_chassis(&t);
    for (unsigned i = 0; i < c->topology.sockets; i++) {
        build_processor(&t, i);
    }
    if (has_type(c, 11)) {
        build_oem_strings(&t);
    }
    build_memory(&t);
    build_last(&t);
    *ret_anchor = t.out->len <= UINT16_MAX ? build_anchor_2(&t)
                                           : build_anchor_3(&t);
    *ret_tables = g_byte_array_free_to_bytes(t.out);
    g_byte_array_unref(t.strings);
}
