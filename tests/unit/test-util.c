/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/cutils.h"
#include "util/error.h"
#include "util/event-notifier.h"
#include "util/keyval.h"
#include "util/log.h"

static void test_parse_u64_valid_forms(void)
{
    uint64_t v = 0;

    g_assert_cmpint(parse_u64("0", &v), ==, 0);
    g_assert_cmpuint(v, ==, 0);
    g_assert_cmpint(parse_u64("0x1F", &v), ==, 0);
    g_assert_cmpuint(v, ==, 31);
    g_assert_cmpint(parse_u64("18446744073709551615", &v), ==, 0);
    g_assert_cmpuint(v, ==, UINT64_MAX);
}

static void test_parse_u64_refuses_other_text(void)
{
    static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "x", "0x" };
    uint64_t v = 7;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpint(parse_u64(bad[i], &v), ==, -EINVAL);
    }
    g_assert_cmpint(parse_u64("18446744073709551616", &v), ==, -ERANGE);
    g_assert_cmpuint(v, ==, 7);
}

static void test_parse_size_suffixes_and_unit(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "512", 512 * MiB },
        { "1G", GiB },
        { "1g", GiB },
        { "64K", 64 * KiB },
        { "1.5G", GiB + GiB / 2 },
        { "7B", 7 },
        { "2T", 2 * TiB },
        { "0", 0 },
    };
    uint64_t v;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_cmpint(parse_size(good[i].text, MiB, &v), ==, 0);
        g_assert_cmpuint(v, ==, good[i].bytes);
    }
}

static void test_parse_size_refuses_other_text(void)
{
    static const char *const bad[] = { "", "G", "1X", "1GB", "-1", "1.G" };
    uint64_t v;

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpint(parse_size(bad[i], MiB, &v), ==, -EINVAL);
    }
    g_assert_cmpint(parse_size("17179869184G", MiB, &v), ==, -ERANGE);
}

static void test_parse_uuid(void)
{
    static const uint8_t expected[16] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
                                          0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                                          0xcc, 0xdd, 0xee, 0xff };
    uint8_t uuid[16];

    g_assert_cmpint(parse_uuid("00112233-4455-6677-8899-AABBccddeeff", uuid),
                    ==, 0);
    g_assert_cmpmem(uuid, 16, expected, 16);
    g_assert_cmpint(parse_uuid("00112233-4455-6677-8899-AABBccddeef", uuid), ==,
                    -EINVAL);
    g_assert_cmpint(parse_uuid("00112233445566778899aabbccddeeff", uuid), ==,
                    -EINVAL);
    g_assert_cmpint(parse_uuid("", uuid), ==, -EINVAL);
}

static void test_parse_bool(void)
{
    bool v = false;

    g_assert_cmpint(parse_bool("on", &v), ==, 0);
    g_assert_true(v);
    g_assert_cmpint(parse_bool("no", &v), ==, 0);
    g_assert_false(v);
    g_assert_cmpint(parse_bool("1", &v), ==, -EINVAL);
}

static void test_nearest_name(void)
{
    static const char *const names[] = { "num_queues", "wwpn", "vectors",
                                         NULL };

    g_assert_cmpstr(near_name_of("num-queue", names).best, ==, "num_queues");
    g_assert_cmpstr(near_name_of("wwnp", names).best, ==, "wwpn");
    g_assert_null(near_name_of("serial", names).best);
}

/* What is asked for, and what is near of names that have words in common. */
static void test_nearest_name_is_found_by_the_words_that_differ(void)
{
    static const char *const names[] = { "virtio-rng-pci",
                                         "virtio-net-pci",
                                         "virtio-net-pci-non-transitional",
                                         "vhost-scsi-pci",
                                         "isa-serial",
                                         "mch",
                                         "worker_per_virtqueue",
                                         NULL };
    static const char *const cases[][2] = {
        { "virtio-blk-pci", NULL },
        { "virtio-mem-pci", NULL },
        { "virtio-pci", NULL },
        { "usb-serial", NULL },
        { "vga", NULL },
        { "m", NULL },
        { "", NULL },
        { "-", NULL },
        { "virtio-", NULL },
        { "virtio-rgn-pci", "virtio-rng-pci" },
        { "vitrio-net-pci", "virtio-net-pci" },
        { "virtio-nte_pci", "virtio-net-pci" },
        { "virtio-net-pci-nontransitional", "virtio-net-pci-non-transitional" },
        { "vhost-scsi-pcj", "vhost-scsi-pci" },
        { "mhc", "mch" },
        { "worker_per_virtqeueu", "worker_per_virtqueue" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i][0]);
        g_assert_cmpstr(near_name_of(cases[i][0], names).best, ==, cases[i][1]);
    }
}

static void test_nearest_name_has_a_longest(void)
{
    g_autofree char *longest = g_strnfill(63, 'x');
    g_autofree char *longer = g_strnfill(64, 'x');
    const char *const names[] = { longest, longer, NULL };

    g_assert_cmpstr(near_name_of(longest, names).best, ==, longest);
    g_assert_null(near_name_of(longer, names).best);
}

static void test_keyval_implied_key_escape_and_flag(void)
{
    g_autoptr(GError) err = NULL;
    auto_json *d = keyval_parse("dev,a=1,b=x,,y,flag", "driver", &err);

    g_assert_no_error(err);
    g_assert_cmpstr(keyval_get(d, "driver"), ==, "dev");
    g_assert_cmpstr(keyval_get(d, "a"), ==, "1");
    g_assert_cmpstr(keyval_get(d, "b"), ==, "x,y");
    g_assert_cmpstr(keyval_get(d, "flag"), ==, "on");
    json_object_put(d);
    d = keyval_parse("no,server,nowait,no,now=x,nowhere=y", "first", NULL);
    g_assert_cmpstr(keyval_get(d, "first"), ==, "no");
    g_assert_cmpstr(keyval_get(d, "server"), ==, "on");
    g_assert_cmpstr(keyval_get(d, "wait"), ==, "off");
    g_assert_cmpstr(keyval_get(d, "no"), ==, "on");
    g_assert_cmpstr(keyval_get(d, "now"), ==, "x");
    g_assert_cmpstr(keyval_get(d, "nowhere"), ==, "y");
    g_assert_null(keyval_get(d, "none"));
}

static void test_keyval_repeated_key_has_all_values(void)
{
    auto_json *d = keyval_parse_repeated("a=1,v=x,a=2,v=y,,z,v=", NULL, "v",
                                         NULL);
    json_object *values = NULL;

    g_assert_cmpstr(keyval_get(d, "a"), ==, "2");
    g_assert_true(json_object_object_get_ex(d, "v", &values));
    g_assert_cmpuint(json_object_array_length(values), ==, 3);
    g_assert_cmpstr(
        json_object_get_string(json_object_array_get_idx(values, 1)), ==,
        "y,z");
    json_object_put(d);
    d = keyval_parse_repeated("a=1", NULL, "v", NULL);
    g_assert_null(keyval_get(d, "v"));
}

static void test_keyval_json_is_the_same_dictionary(void)
{
    g_autoptr(GError) err = NULL;
    auto_json *d = keyval_parse("{\"driver\":\"dev\",\"a\":1}", "driver", &err);

    g_assert_no_error(err);
    g_assert_cmpstr(keyval_get(d, "driver"), ==, "dev");
    g_assert_cmpstr(keyval_get(d, "a"), ==, "1");
}

static void test_keyval_refuses_empty_key_and_bad_json(void)
{
    static const char *const bad[] = {
        "=1", "a=1,=2", ",,=1", "a=1,no,,", "{", "{\"a\":1} x", "{\"a\":}",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;

        g_assert_null(keyval_parse(bad[i], NULL, &err));
        g_assert_error(err, error_domain(), ERROR_CLASS_GENERIC_ERROR);
    }
}

static void test_keyval_limits(void)
{
    g_autofree char *long_value = g_strnfill(KEYVAL_LENGTH_MAX + 1, 'x');
    g_autofree char *deep = g_strnfill(2 * JSON_DEPTH_MAX, '[');
    g_autofree char *json = g_strdup_printf("{\"a\":%s", deep);
    g_autoptr(GString) keys = g_string_new("k");
    g_autoptr(GError) err = NULL;

    g_assert_null(keyval_parse(long_value, "a", &err));
    g_assert_nonnull(strstr(err->message, "65536"));
    g_clear_error(&err);
    g_assert_null(keyval_parse(json, NULL, &err));
    g_clear_error(&err);
    for (unsigned i = 0; i < KEYVAL_KEYS_MAX; i++) {
        g_string_append_printf(keys, ",k%u=1", i);
    }
    g_assert_null(keyval_parse(keys->str, NULL, &err));
    g_assert_nonnull(strstr(err->message, "256"));
}

static void test_keyval_check_keys_names_the_nearest(void)
{
    static const char *const keys[] = { "path", "server", NULL };
    g_autoptr(GError) err = NULL;
    auto_json *d = keyval_parse("pth=x", NULL, NULL);

    g_assert_false(keyval_check_keys(d, "-chardev", keys, &err));
    g_assert_cmpstr(err->message, ==,
                    "-chardev: unknown parameter 'pth'; did you mean 'path'?");
}

static void test_event_notifier_counts_once(void)
{
    EventNotifier e = EVENT_NOTIFIER_NONE;

    g_assert_cmpint(event_notifier_init(&e), ==, 0);
    g_assert_false(event_notifier_is_set(&e));
    event_notifier_set(&e);
    event_notifier_set(&e);
    g_assert_true(event_notifier_is_set(&e));
    g_assert_true(event_notifier_test_and_clear(&e));
    g_assert_false(event_notifier_test_and_clear(&e));
    event_notifier_finish(&e);
    g_assert_cmpint(e.fd, ==, -1);
}

static void test_trace_patterns(void)
{
    g_autoptr(GError) err = NULL;

    g_assert_cmpuint(trace_set_enabled("vhost_set_owner", true), ==, 1);
    g_assert_true(trace_enabled[TRACE_vhost_set_owner]);
    g_assert_cmpuint(trace_set_enabled("vhost_*", false), >, 10);
    g_assert_false(trace_enabled[TRACE_vhost_set_owner]);
    g_assert_cmpuint(trace_set_enabled("no_such_event", true), ==, 0);
    g_assert_false(log_set_items("guest_errors,nonsense", &err));
    g_assert_nonnull(strstr(err->message, "nonsense"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/util/parse-u64/valid", test_parse_u64_valid_forms);
    g_test_add_func("/util/parse-u64/refused",
                    test_parse_u64_refuses_other_text);
    g_test_add_func("/util/parse-size/valid",
                    test_parse_size_suffixes_and_unit);
    g_test_add_func("/util/parse-size/refused",
                    test_parse_size_refuses_other_text);
    g_test_add_func("/util/parse-bool", test_parse_bool);
    g_test_add_func("/util/parse-uuid", test_parse_uuid);
    g_test_add_func("/util/nearest-name", test_nearest_name);
    g_test_add_func("/util/nearest-name/words",
                    test_nearest_name_is_found_by_the_words_that_differ);
    g_test_add_func("/util/nearest-name/longest",
                    test_nearest_name_has_a_longest);
    g_test_add_func("/keyval/forms", test_keyval_implied_key_escape_and_flag);
    g_test_add_func("/keyval/repeated",
                    test_keyval_repeated_key_has_all_values);
    g_test_add_func("/keyval/json", test_keyval_json_is_the_same_dictionary);
    g_test_add_func("/keyval/refused",
                    test_keyval_refuses_empty_key_and_bad_json);
    g_test_add_func("/keyval/limits", test_keyval_limits);
    g_test_add_func("/keyval/check-keys",
                    test_keyval_check_keys_names_the_nearest);
    g_test_add_func("/event-notifier", test_event_notifier_counts_once);
    g_test_add_func("/trace/patterns", test_trace_patterns);
    return g_test_run();
}
