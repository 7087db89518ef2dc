/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device's argument, both forms, up to the configured device. What was parsed
 * as key=value must survive being written again. */
#include "../unit/fake-accel.h"
#include "hw/i386/mch.h"
#include "program/registry.h"
#include "util/keyval.h"

#include "fuzz-input.h"

static void append_escaped(GString *text, const char *raw)
{
    for (; *raw; raw++) {
        g_string_append(text, *raw == ',' ? ",," : (char[]){ *raw, 0 });
    }
}

/* As the user would have to write @dict. */
static char *to_text(json_object *dict)
{
    GString *text = g_string_new(NULL);

    json_object_object_foreach(dict, key, value)
    {
        if (text->len) {
            g_string_append_c(text, ',');
        }
        append_escaped(text, key);
        g_string_append_c(text, '=');
        append_escaped(text, json_object_get_string(value));
    }
    return g_string_free(text, FALSE);
}

static void check_round_trip(json_object *dict)
{
    g_autofree char *text = to_text(dict);
    auto_json *again = NULL;

    if (!*text || strlen(text) > KEYVAL_LENGTH_MAX) {
        return;
    }
    again = keyval_parse(text, NULL, NULL);
    g_assert_nonnull(again);
    g_assert_true(json_object_equal(dict, again));
}

static void configure(json_object *opts)
{
    Machine *m = fake_machine_new();
    Device *dev;

    g_assert_nonnull(mch_new(m, NULL));
    dev = device_new(&m->tree,
                     device_type_find(&program_registry, "vhost-scsi-pci"));
    (void)device_configure(dev, opts, NULL);
    device_free(dev);
    fake_machine_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    auto_json *opts = keyval_parse(text, "driver", NULL);

    if (!opts) {
        return 0;
    }
    if (text[0] != '{') {
        check_round_trip(opts);
    }
    configure(opts);
    return 0;
}
