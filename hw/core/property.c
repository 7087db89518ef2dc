/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/core/property.h"
#include "util/cutils.h"
#include "util/error.h"

static void *property_field(const Property *prop, const void *instance)
{
    return (char *)instance + prop->offset;
}

static void store_number(const Property *prop, void *instance, uint64_t v)
{
    void *p = property_field(prop, instance);

    switch (prop->kind) {
    case PROPERTY_BOOL:
        *(bool *)p = v;
        break;
    case PROPERTY_U8:
        *(uint8_t *)p = (uint8_t)v;
        break;
    case PROPERTY_U16:
        *(uint16_t *)p = (uint16_t)v;
        break;
    case PROPERTY_U32:
    case PROPERTY_AUTO32:
        *(uint32_t *)p = (uint32_t)v;
        break;
    case PROPERTY_U64:
    case PROPERTY_SIZE:
        *(uint64_t *)p = v;
        break;
    case PROPERTY_BIT64:
        *(uint64_t *)p &= ~(UINT64_C(1) << prop->bit);
        *(uint64_t *)p |= (uint64_t)(v != 0) << prop->bit;
        break;
    case PROPERTY_PCI_ADDR:
    case PROPERTY_INDEX:
        *(int32_t *)p = (int32_t)v;
        break;
    case PROPERTY_STRING:
    case PROPERTY_LIST:
        g_assert_not_reached();
    }
}

/* Whether its field is a pointer that the instance owns. */
static bool is_owned(const Property *prop)
{
    return prop->kind == PROPERTY_STRING || prop->kind == PROPERTY_LIST;
}

static uint64_t load(const Property *prop, const void *instance)
{
    const void *p = property_field(prop, instance);

    switch (prop->kind) {
    case PROPERTY_BOOL:
        return *(const bool *)p;
    case PROPERTY_U8:
        return *(const uint8_t *)p;
    case PROPERTY_U16:
        return *(const uint16_t *)p;
    case PROPERTY_U32:
    case PROPERTY_AUTO32:
        return *(const uint32_t *)p;
    case PROPERTY_U64:
    case PROPERTY_SIZE:
        return *(const uint64_t *)p;
    case PROPERTY_BIT64:
        return *(const uint64_t *)p >> prop->bit & 1;
    case PROPERTY_PCI_ADDR:
    case PROPERTY_INDEX:
        return (uint64_t) * (const int32_t *)p;
    case PROPERTY_STRING:
    case PROPERTY_LIST:
        break;
    }
    g_assert_not_reached();
}

static uint64_t max_of(const Property *prop)
{
    if (prop->max) {
        return prop->max;
    }
    switch (prop->kind) {
    case PROPERTY_U8:
        return UINT8_MAX;
    case PROPERTY_U16:
        return UINT16_MAX;
    case PROPERTY_U32:
        return UINT32_MAX;
    case PROPERTY_AUTO32:
        return UINT32_MAX - 1;
    case PROPERTY_INDEX:
        return INT32_MAX;
    case PROPERTY_BOOL:
    case PROPERTY_BIT64:
    case PROPERTY_U64:
    case PROPERTY_PCI_ADDR:
    case PROPERTY_STRING:
    case PROPERTY_SIZE:
    case PROPERTY_LIST:
        break;
    }
    return UINT64_MAX;
}

void property_set_defaults(const Property *props, void *instance)
{
    for (const Property *p = props; p && p->name; p++) {
        if (p->kind == PROPERTY_PCI_ADDR || p->kind == PROPERTY_INDEX) {
            store_number(p, instance, (uint64_t)-1);
        } else if (!is_owned(p)) {
            store_number(p, instance, p->def);
        }
    }
}

void property_finish(const Property *props, void *instance)
{
    for (const Property *p = props; p && p->name; p++) {
        if (p->kind == PROPERTY_STRING) {
            g_clear_pointer((char **)property_field(p, instance), g_free);
        } else if (p->kind == PROPERTY_LIST) {
            json_object **list = property_field(p, instance);

            json_object_put(*list);
            *list = NULL;
        }
    }
}

const Property *property_find(const Property *props, const char *name)
{
    for (const Property *p = props; p && p->name; p++) {
        if (g_str_equal(p->name, name)) {
            return p;
        }
    }
    return NULL;
}

static bool refuse_value(const Property *prop, const char *owner,
                         const char *text, const char *expected, GError **errp)
{
    error_setg(errp, "%s: property '%s' cannot be '%s': %s is expected", owner,
               prop->name, text, expected);
    return false;
}

/* "SLOT[.FN]" in hex, as -device writes PCI addresses. */
static bool parse_pci_addr(const char *text, int32_t *ret_devfn)
{
    char *end;
    unsigned long slot, fn = 0;

    if (!g_ascii_isxdigit(text[0])) {
        return false;
    }
    slot = strtoul(text, &end, 16);
    if (*end == '.' && g_ascii_isxdigit(end[1])) {
        fn = strtoul(end + 1, &end, 16);
    }
    if (*end || slot > 31 || fn > 7) {
        return false;
    }
    *ret_devfn = (int32_t)(slot << 3 | fn);
    return true;
}

static bool set_pci_addr(const Property *prop, void *instance,
                         const char *owner, json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);
    int32_t devfn;

    if (json_object_is_type(value, json_type_int)) {
        /* A JSON number is the devfn itself. */
        int64_t n = json_object_get_int64(value);

        if (n < -1 || n > 255) {
            return refuse_value(prop, owner, text, "a devfn from 0 to 255",
                                errp);
        }
        devfn = (int32_t)n;
    } else if (!parse_pci_addr(text, &devfn)) {
        return refuse_value(prop, owner, text,
                            "SLOT[.FUNCTION] in hex, at most 1f.7,", errp);
    }
    store_number(prop, instance, (uint64_t)devfn);
    return true;
}

static bool set_string(const Property *prop, void *instance, const char *owner,
                       json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);
    char **p = property_field(prop, instance);

    if (prop->words && !g_strv_contains(prop->words, text)) {
        g_autofree char *list = g_strjoinv("' or '", (char **)prop->words);
        g_autofree char *expected = g_strdup_printf("'%s'", list);

        return refuse_value(prop, owner, text, expected, errp);
    }
    g_free(*p);
    *p = g_strdup(text);
    return true;
}

static bool set_bool(const Property *prop, void *instance, const char *owner,
                     json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);
    bool v;

    if (parse_bool(text, &v) < 0) {
        return refuse_value(prop, owner, text, "'on' or 'off'", errp);
    }
    store_number(prop, instance, v);
    return true;
}

static bool set_number(const Property *prop, void *instance, const char *owner,
                       json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);
    uint64_t max = max_of(prop);
    uint64_t v;
    int r;

    if (prop->kind == PROPERTY_AUTO32 && g_str_equal(text, "auto")) {
        store_number(prop, instance, PROPERTY_AUTO);
        return true;
    }
    if (prop->kind == PROPERTY_INDEX && g_str_equal(text, "-1")) {
        store_number(prop, instance, (uint64_t)-1);
        return true;
    }
    r = parse_u64(text, &v);
    if (r == -EINVAL) {
        return refuse_value(prop, owner, text,
                            prop->kind == PROPERTY_AUTO32 ? "a number or 'auto'"
                                                          : "a number",
                            errp);
    }
    if (r < 0 || v < prop->min || v > max) {
        g_autofree char *range = g_strdup_printf(
            "a number from %" PRIu64 " to %" PRIu64 "%s", prop->min, max,
            prop->kind == PROPERTY_AUTO32 ? " or 'auto'" : "");

        return refuse_value(prop, owner, text, range, errp);
    }
    store_number(prop, instance, v);
    return true;
}

static bool set_size(const Property *prop, void *instance, const char *owner,
                     json_object *value, GError **errp)
{
    const char *text = json_object_get_string(value);
    uint64_t v;

    if (parse_size(text, 1, &v) < 0) {
        return refuse_value(prop, owner, text,
                            "bytes, or a number with suffix K, M, G or T,",
                            errp);
    }
    store_number(prop, instance, v);
    return true;
}

/* An array, or in the key=value form the text of one. */
static bool set_list(const Property *prop, void *instance, const char *owner,
                     json_object *value, GError **errp)
{
    json_object **list = property_field(prop, instance);
    json_object *array = json_object_is_type(value, json_type_string)
                             ? json_tokener_parse(json_object_get_string(value))
                             : json_object_get(value);

    if (!json_object_is_type(array, json_type_array)) {
        json_object_put(array);
        return refuse_value(prop, owner, json_object_get_string(value),
                            "a JSON list, as in -device '{...}',", errp);
    }
    json_object_put(*list);
    *list = array;
    return true;
}

bool property_set(const Property *prop, void *instance, const char *owner,
                  json_object *value, GError **errp)
{
    if (prop->kind == PROPERTY_LIST && value) {
        return set_list(prop, instance, owner, value, errp);
    }
    if (!value || json_object_is_type(value, json_type_array) ||
        json_object_is_type(value, json_type_object)) {
        return refuse_value(prop, owner, json_object_to_json_string(value),
                            "a single value", errp);
    }
    switch (prop->kind) {
    case PROPERTY_STRING:
        return set_string(prop, instance, owner, value, errp);
    case PROPERTY_BOOL:
    case PROPERTY_BIT64:
        return set_bool(prop, instance, owner, value, errp);
    case PROPERTY_PCI_ADDR:
        return set_pci_addr(prop, instance, owner, value, errp);
    case PROPERTY_SIZE:
        return set_size(prop, instance, owner, value, errp);
    case PROPERTY_LIST:
        break;
    case PROPERTY_U8:
    case PROPERTY_U16:
    case PROPERTY_U32:
    case PROPERTY_U64:
    case PROPERTY_AUTO32:
    case PROPERTY_INDEX:
        return set_number(prop, instance, owner, value, errp);
    }
    g_assert_not_reached();
}

char *property_get(const Property *prop, const void *instance)
{
    uint64_t v;

    if (prop->kind == PROPERTY_STRING) {
        return g_strdup(*(char *const *)property_field(prop, instance));
    }
    if (prop->kind == PROPERTY_LIST) {
        json_object *list = *(json_object *const *)property_field(prop,
                                                                  instance);

        return list ? g_strdup(json_object_to_json_string_ext(
                          list, JSON_C_TO_STRING_PLAIN))
                    : NULL;
    }
    v = load(prop, instance);
    switch (prop->kind) {
    case PROPERTY_BOOL:
    case PROPERTY_BIT64:
        return g_strdup(v ? "on" : "off");
    case PROPERTY_PCI_ADDR:
        return (int32_t)v < 0 ? g_strdup("auto")
                              : g_strdup_printf("%02x.%x", (unsigned)v >> 3,
                                                (unsigned)v & 7);
    case PROPERTY_AUTO32:
        if (v == PROPERTY_AUTO) {
            return g_strdup("auto");
        }
        return g_strdup_printf("%" PRIu64, v);
    case PROPERTY_INDEX:
        return g_strdup_printf("%d", (int32_t)v);
    case PROPERTY_U8:
    case PROPERTY_U16:
    case PROPERTY_U32:
    case PROPERTY_U64:
    case PROPERTY_SIZE:
    case PROPERTY_STRING:
    case PROPERTY_LIST:
        break;
    }
    return g_strdup_printf("%" PRIu64, v);
}

const char *property_type_name(const Property *prop)
{
    switch (prop->kind) {
    case PROPERTY_BOOL:
    case PROPERTY_BIT64:
        return "bool";
    case PROPERTY_U8:
        return "uint8";
    case PROPERTY_U16:
        return "uint16";
    case PROPERTY_U32:
    case PROPERTY_AUTO32:
        return "uint32";
    case PROPERTY_U64:
        return "uint64";
    case PROPERTY_INDEX:
        return "int32";
    case PROPERTY_SIZE:
        return "size";
    case PROPERTY_LIST:
        return "list";
    case PROPERTY_STRING:
    case PROPERTY_PCI_ADDR:
        break;
    }
    return "str";
}
