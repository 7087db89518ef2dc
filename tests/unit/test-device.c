/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties and the device tree, on a device type of the test. */
#include "accel/qtest.h"
#include "program/registry.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/keyval.h"

typedef struct TestDevice {
    Device dev;
    bool flag;
    uint8_t byte;
    uint32_t number, automatic;
    uint64_t bits;
    int32_t addr, index;
    char *text;
    uint64_t size;
    json_object *list;
    bool fail;
    unsigned unrealized;
} TestDevice;

static const Property test_props[] = {
    PROP_BOOL("flag", TestDevice, flag, .def = 1),
    PROP_U8("byte", TestDevice, byte, .min = 2, .max = 9, .def = 3),
    PROP_U32("number", TestDevice, number),
    PROP_AUTO32("automatic", TestDevice, automatic, .def = PROPERTY_AUTO),
    PROP_BIT64("bit", TestDevice, bits, .bit = 40),
    PROP_PCI_ADDR("addr", TestDevice, addr),
    PROP_INDEX("index", TestDevice, index, .max = 100),
    PROP_INDEX("bootindex", TestDevice, dev.bootindex),
    PROP_STRING("text", TestDevice, text),
    PROP_SIZE("size", TestDevice, size, .def = 4096),
    PROP_LIST("list", TestDevice, list),
    PROP_BOOL("fail", TestDevice, fail),
    { 0 },
};

static bool test_realize(Device *dev, GError **errp)
{
    if (container_of(dev, TestDevice, dev)->fail) {
        error_setg(errp, "told to fail");
        return false;
    }
    return true;
}

static void test_unrealize(Device *dev)
{
}

static const DeviceType test_type = {
    .name = "test",
    .bus = BUS_NONE,
    .size = sizeof(TestDevice),
    .props = test_props,
    .realize = test_realize,
    .unrealize = test_unrealize,
};

typedef struct Fixture {
    Machine *m;
    Device *dev;
    TestDevice *t;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->m = machine_new(&program_registry, NULL, &qtest_accel_ops);
    machine_lock(f->m);
    f->dev = device_new(&f->m->tree, &test_type);
    f->t = container_of(f->dev, TestDevice, dev);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    device_free(f->dev);
    machine_unlock(f->m);
    machine_free(f->m);
}

static void configure(Fixture *f, const char *text)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);
    g_autoptr(GError) err = NULL;

    g_assert_true(device_configure(f->dev, opts, &err));
    g_assert_no_error(err);
}

static void refuse(Fixture *f, const char *text, const char *message)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);
    g_autoptr(GError) err = NULL;

    g_assert_false(device_configure(f->dev, opts, &err));
    g_assert_cmpstr(err->message, ==, message);
}

static void test_defaults(Fixture *f, gconstpointer data)
{
    g_assert_true(f->t->flag);
    g_assert_cmpuint(f->t->byte, ==, 3);
    g_assert_cmpuint(f->t->automatic, ==, PROPERTY_AUTO);
    g_assert_cmpint(f->t->addr, ==, -1);
    g_assert_cmpint(f->t->index, ==, -1);
    g_assert_cmpint(device_bootindex(f->dev), ==, -1);
    g_assert_null(f->t->text);
}

static void test_keyval_and_json_store_the_same(Fixture *f, gconstpointer data)
{
    configure(f, "test,flag=off,byte=9,number=0x10,automatic=4,bit=on,"
                 "addr=1f.3,text=hello");
    g_assert_false(f->t->flag);
    g_assert_cmpuint(f->t->byte, ==, 9);
    g_assert_cmpuint(f->t->number, ==, 16);
    g_assert_cmpuint(f->t->automatic, ==, 4);
    g_assert_cmphex(f->t->bits, ==, UINT64_C(1) << 40);
    g_assert_cmpint(f->t->addr, ==, 0x1f << 3 | 3);
    g_assert_cmpstr(f->t->text, ==, "hello");

    configure(f, "{\"driver\":\"test\",\"flag\":true,\"byte\":2,"
                 "\"automatic\":\"auto\",\"bit\":false,\"addr\":\"0x2\","
                 "\"number\":\"7\"}");
    g_assert_true(f->t->flag);
    g_assert_cmpuint(f->t->byte, ==, 2);
    g_assert_cmpuint(f->t->automatic, ==, PROPERTY_AUTO);
    g_assert_cmphex(f->t->bits, ==, 0);
    g_assert_cmpint(f->t->addr, ==, 2 << 3);
    g_assert_cmpuint(f->t->number, ==, 7);
}

static void check_index(Fixture *f, const char *text, int32_t value,
                        const char *shown)
{
    const Property *p = device_type_property(&test_type, "index");
    g_autofree char *now = NULL;

    configure(f, text);
    g_assert_cmpint(f->t->index, ==, value);
    now = property_get(p, f->t);
    g_assert_cmpstr(now, ==, shown);
}

static void test_index_is_a_number_or_none(Fixture *f, gconstpointer data)
{
    check_index(f, "test,index=0", 0, "0");
    check_index(f, "test,index=100", 100, "100");
    check_index(f, "test,index=-1", -1, "-1");
    check_index(f, "{\"index\":7}", 7, "7");
    check_index(f, "{\"index\":-1}", -1, "-1");
    refuse(f, "test,index=101",
           "test: property 'index' cannot be '101': a number from 0 to 100 is "
           "expected");
    refuse(f, "test,index=-2",
           "test: property 'index' cannot be '-2': a number is expected");
    refuse(f, "test,bootindex=2147483648",
           "test: property 'bootindex' cannot be '2147483648': a number from "
           "0 to 2147483647 is expected");
    configure(f, "test,bootindex=2147483647");
    g_assert_cmpint(device_bootindex(f->dev), ==, INT32_MAX);
}

static void test_bootindex_is_used_once(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    Device *first = device_new(&f->m->tree, &test_type);

    g_assert_true(device_set(first, "id", "first", NULL));
    g_assert_true(device_set(first, "bootindex", "3", NULL));
    g_assert_true(device_realize(first, NULL));
    configure(f, "test,bootindex=3");
    g_assert_false(device_realize(f->dev, &err));
    g_assert_cmpstr(err->message, ==,
                    "The bootindex 3 has already been used by device 'first': "
                    "choose another");
    device_free(first);
    g_assert_true(device_realize(f->dev, NULL));
}

static void test_bad_values_name_what_is_expected(Fixture *f,
                                                  gconstpointer data)
{
    refuse(f, "test,flag=maybe",
           "test: property 'flag' cannot be 'maybe': 'on' or 'off' is "
           "expected");
    refuse(f, "test,byte=1",
           "test: property 'byte' cannot be '1': a number from 2 to 9 is "
           "expected");
    refuse(f, "test,byte=10",
           "test: property 'byte' cannot be '10': a number from 2 to 9 is "
           "expected");
    refuse(f, "test,number=4294967296",
           "test: property 'number' cannot be '4294967296': a number from 0 "
           "to 4294967295 is expected");
    refuse(f, "test,number=-1",
           "test: property 'number' cannot be '-1': a number is expected");
    refuse(f, "test,automatic=later",
           "test: property 'automatic' cannot be 'later': a number or 'auto' "
           "is expected");
    refuse(f, "test,addr=20",
           "test: property 'addr' cannot be '20': SLOT[.FUNCTION] in hex, at "
           "most 1f.7, is expected");
    refuse(f, "{\"text\":[1]}",
           "test: property 'text' cannot be '[ 1 ]': a single value is "
           "expected");
    refuse(f, "test,numbr=1",
           "Property 'test.numbr' not found; did you mean 'number'?");
    refuse(f, "test,id=1x",
           "test: id '1x' must begin with a letter and hold only letters, "
           "digits, '-', '.' and '_'");
}

static void test_tree_finds_paths_and_refuses_duplicates(Fixture *f,
                                                         gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = NULL;
    Device *other;

    configure(f, "test,id=one");
    g_assert_true(device_realize(f->dev, &err));
    g_assert_true(device_find(&f->m->tree, "one") == f->dev);
    path = device_path(f->dev);
    g_assert_cmpstr(path, ==, "/machine/peripheral/one");
    g_assert_cmpstr(device_label(f->dev), ==, "one");

    other = device_new(&f->m->tree, &test_type);
    g_assert_false(device_set(other, "id", "one", &err));
    g_assert_cmpstr(err->message, ==, "Duplicate device ID 'one'");
    device_free(other);
}

static void test_failed_realize_leaves_nothing(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    configure(f, "test,fail=on,id=bad");
    g_assert_false(device_realize(f->dev, &err));
    g_assert_null(device_find(&f->m->tree, "bad"));
    g_assert_cmpuint(f->m->tree.devices->len, ==, 0);
}

static Device *add_anonymous(Fixture *f)
{
    Device *dev = device_new(&f->m->tree, &test_type);

    g_assert_true(device_realize(dev, NULL));
    return dev;
}

static void check_path(Fixture *f, Device *dev, const char *expected)
{
    g_autofree char *path = device_path(dev);

    g_assert_cmpstr(path, ==, expected);
    g_assert_true(device_resolve(&f->m->tree, expected) == dev);
}

static void test_anonymous_paths_stay_when_others_go(Fixture *f,
                                                     gconstpointer data)
{
    Device *first = add_anonymous(f);
    Device *second = add_anonymous(f);

    check_path(f, second, "/machine/unattached/device[1]");
    device_free(first);
    check_path(f, second, "/machine/unattached/device[1]");
    g_assert_null(device_resolve(&f->m->tree, "/machine/unattached/device[0]"));
    check_path(f, add_anonymous(f), "/machine/unattached/device[2]");
}

static void test_only_the_whole_path_resolves(Fixture *f, gconstpointer data)
{
    static const char *const others[] = {
        "/machine/unattached/device[00]",
        "/machine/unattached/device[0",
        "/machine/unattached/device[0]x",
        "/machine/unattached/device[-0]",
        "/machine/unattached/device[ 0]",
        "/machine/unattached/device[]",
        "/machine/unattached/device[4294967296]",
        "/machine/unattached/device[18446744073709551616]",
        "/machine/peripheral-anon/device[0]",
        "/machine/peripheral/device[0]",
        "/machine/peripheral/",
        "/machine/peripheral/named/",
        "/machine/unattached/named",
        "/named",
        "",
    };
    Device *named = device_new(&f->m->tree, &test_type);

    check_path(f, add_anonymous(f), "/machine/unattached/device[0]");
    g_assert_true(device_set(named, "id", "named", NULL));
    g_assert_true(device_realize(named, NULL));
    check_path(f, named, "/machine/peripheral/named");
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_null(device_resolve(&f->m->tree, others[i]));
    }
}

static void del_is_refused(Fixture *f, const char *name, ErrorClass class,
                           const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_false(device_del(&f->m->tree, name, &err));
    g_assert_error(err, error_domain(), (int)class);
    g_assert_cmpstr(err->message, ==, message);
}

static void test_del_needs_a_device_that_can_go(Fixture *f, gconstpointer data)
{
    Bus bus = { .type = BUS_ISA, .name = "isa.0" };

    configure(f, "test,id=one");
    g_assert_true(device_realize(f->dev, NULL));
    del_is_refused(f, "two", ERROR_CLASS_DEVICE_NOT_FOUND,
                   "Device 'two' not found");
    del_is_refused(f, "/machine/peripheral/two", ERROR_CLASS_DEVICE_NOT_FOUND,
                   "Device '/machine/peripheral/two' not found");
    del_is_refused(f, "one", ERROR_CLASS_GENERIC_ERROR,
                   "Device 'one' can not be unplugged");
    f->dev->bus = &bus;
    del_is_refused(f, "/machine/peripheral/one", ERROR_CLASS_GENERIC_ERROR,
                   "Bus 'isa.0' does not support hotplugging");
}

static void test_add_to_a_started_machine_needs_hotplug(Fixture *f,
                                                        gconstpointer data)
{
    auto_json *opts = keyval_parse("isa-serial,chardev=none", "driver", NULL);
    Bus bus = { .type = BUS_ISA, .name = "isa.0" };
    g_autoptr(GError) err = NULL;

    g_ptr_array_add(f->m->tree.buses, &bus);
    f->m->tree.started = true;
    g_assert_null(device_add(&f->m->tree, opts, NULL, &err));
    g_assert_cmpstr(err->message, ==,
                    "Bus 'isa.0' does not support hotplugging");
    f->m->tree.started = false;
    g_ptr_array_remove(f->m->tree.buses, &bus);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/device/defaults", test_defaults);
    ADD("/device/forms", test_keyval_and_json_store_the_same);
    ADD("/device/index", test_index_is_a_number_or_none);
    ADD("/device/bootindex", test_bootindex_is_used_once);
    ADD("/device/bad-values", test_bad_values_name_what_is_expected);
    ADD("/device/tree", test_tree_finds_paths_and_refuses_duplicates);
    ADD("/device/failed-realize", test_failed_realize_leaves_nothing);
    ADD("/device/anonymous-paths", test_anonymous_paths_stay_when_others_go);
    ADD("/device/whole-path", test_only_the_whole_path_resolves);
    ADD("/device/del", test_del_needs_a_device_that_can_go);
    ADD("/device/hot-add", test_add_to_a_started_machine_needs_hotplug);
    return g_test_run();
}
