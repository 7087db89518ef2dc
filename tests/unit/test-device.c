/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties and the device tree, on a device type of the test. */
#include "accel/qtest.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/keyval.h"

typedef struct TestDevice {
    Device dev;
    bool flag;
    uint8_t byte;
    uint32_t number, automatic;
    uint64_t bits;
    int32_t addr;
    char *text;
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
    PROP_STRING("text", TestDevice, text),
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
    f->m = machine_new(NULL, &qtest_accel_ops);
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

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/device/defaults", test_defaults);
    ADD("/device/forms", test_keyval_and_json_store_the_same);
    ADD("/device/bad-values", test_bad_values_name_what_is_expected);
    ADD("/device/tree", test_tree_finds_paths_and_refuses_duplicates);
    ADD("/device/failed-realize", test_failed_realize_leaves_nothing);
    return g_test_run();
}
