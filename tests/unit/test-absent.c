/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/core/device.h"
#include "program/registry.h"

static void test_nothing_that_is_there_is_absent(void)
{
    const Registry *r = &program_registry;

    for (unsigned i = 0; r->device_types[i]; i++) {
        g_test_message("%s", r->device_types[i]->name);
        g_assert_null(absent_instead(r->device_types[i]->name));
        if (r->device_types[i]->alias) {
            g_assert_null(absent_instead(r->device_types[i]->alias));
        }
    }
    g_assert_null(absent_instead("socket"));
    g_assert_null(absent_instead(""));
}

static void test_first_row_that_matches_counts(void)
{
    g_assert_nonnull(strstr(absent_instead("usb-storage"), "LUN"));
    g_assert_nonnull(strstr(absent_instead("usb-audio"), "--sound none"));
    g_assert_nonnull(strstr(absent_instead("usb-kbd"), "--graphics none"));
    g_assert_nonnull(strstr(absent_instead("usb-host"), "model='qemu-xhci'"));
    g_assert_nonnull(
        strstr(absent_instead("virtio-blk-pci-transitional"), "LUN"));
}

static void test_refusal_says_what_to_give(void)
{
    g_autoptr(GError) err = NULL;
    Registry bare = program_registry;

    g_assert_null(device_type_get(&program_registry, "ide-hd", true, &err));
    g_assert_true(g_str_has_prefix(
        err->message, "'ide-hd' is not a valid device model name: a disk"));
    g_clear_error(&err);
    bare.instead_of = NULL;
    g_assert_null(device_type_get(&bare, "ide-hd", true, &err));
    g_assert_cmpstr(err->message, ==,
                    "'ide-hd' is not a valid device model name; see -device "
                    "help");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/absent/not-what-is-there",
                    test_nothing_that_is_there_is_absent);
    g_test_add_func("/absent/first-row", test_first_row_that_matches_counts);
    g_test_add_func("/absent/refusal", test_refusal_says_what_to_give);
    return g_test_run();
}
