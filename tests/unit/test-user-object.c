/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is neither device nor option alone: objects of the user, defaults by
 * -global, a second accelerator, the machine none, RAM as a memfd. */
#include "hw/char/serial-isa.h"
#include "program/registry.h"
#include "system/memory-backend.h"
#include "test-board.h"
#include "util/error.h"
#include "util/keyval.h"

#include <fcntl.h>

typedef struct Fixture {
    TestBoard b;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
}

static void teardown(Fixture *f, gconstpointer data)
{
    test_board_finish(&f->b);
}

/* --- objects --- */

static void add(Fixture *f, const char *text, const char *message)
{
    g_autoptr(GError) err = NULL;
    auto_json *opts = keyval_parse(text, "qom-type", NULL);

    g_assert_true(user_object_add(f->b.m, opts, &err) == !message);
    g_assert_cmpstr(err ? err->message : NULL, ==, message);
}

static void test_backends(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *text;
        uint64_t size;
        bool share, prealloc;
    } cases[] = {
        { "memory-backend-ram,id=x,size=512M", 512 * MiB, false, false },
        { "memory-backend-ram,id=x,size=4096", 4096, false, false },
        { "memory-backend-ram,id=x,size=1G,share=on,prealloc=on", GiB, true,
          true },
        { "memory-backend-memfd,id=x,size=1G", GiB, true, false },
        { "memory-backend-memfd,id=x,size=1G,share=off,seal=off", GiB, false,
          false },
        { "{\"qom-type\":\"memory-backend-ram\",\"id\":\"x\","
          "\"size\":536870912,\"x-use-canonical-path-for-ramblock-id\":false}",
          512 * MiB, false, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const MemoryBackend *b;

        add(f, cases[i].text, NULL);
        b = memory_backend_find(f->b.m, "x");
        g_assert_cmpuint(b->size, ==, cases[i].size);
        g_assert_cmpint(b->share, ==, cases[i].share);
        g_assert_cmpint(b->prealloc, ==, cases[i].prealloc);
        g_assert_true(user_object_del(f->b.m, "x", NULL));
        g_assert_null(memory_backend_find(f->b.m, "x"));
    }
}

static void test_secret_is_no_backend(Fixture *f, gconstpointer data)
{
    add(f, "secret,id=x,data=a", NULL);
    g_assert_nonnull(user_object_find(f->b.m, "x"));
    g_assert_null(memory_backend_find(f->b.m, "x"));
}

static void test_delete(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    add(f, "memory-backend-ram,id=x,size=1M", NULL);
    memory_backend_find(f->b.m, "x")->object.users++;
    g_assert_false(user_object_del(f->b.m, "x", &err));
    g_assert_cmpstr(err->message, ==,
                    "object 'x' is in use, can not be deleted");
    g_clear_error(&err);
    g_assert_false(user_object_del(f->b.m, "y", &err));
    g_assert_cmpstr(err->message, ==, "object 'y' not found");
}

static void test_qmp(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    auto_json *args = json_parse(
        "{\"qom-type\":\"secret\",\"id\":\"x\",\"data\":\"a\"}", NULL);
    json_object *reply = qmp_object_add(f->b.m, args, &err);

    g_assert_cmpint(json_object_object_length(reply), ==, 0);
    json_object_put(reply);
    g_assert_null(qmp_object_add(f->b.m, args, &err));
    g_assert_cmpstr(err->message, ==, "Duplicate ID 'x' for object");
    reply = qmp_object_del(f->b.m, args, NULL);
    g_assert_cmpint(json_object_object_length(reply), ==, 0);
    json_object_put(reply);
    g_assert_null(user_object_find(f->b.m, "x"));
}

static void test_object_limit(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i < USER_OBJECTS_MAX; i++) {
        g_autofree char *text = g_strdup_printf("secret,id=x%u,data=a", i);

        add(f, text, NULL);
    }
    add(f, "secret,id=y,data=a", "the machine has 256 objects already");
}

/* --- -global --- */

static void add_global(Fixture *f, const char *property, const char *value)
{
    g_autoptr(GError) err = NULL;

    device_add_global(&f->b.m->tree, "isa-serial", property, value, &err);
    g_assert_no_error(err);
}

static char *get(Device *dev, const char *name)
{
    Device *instance;
    const Property *p = device_find_property(dev, name, &instance);

    return property_get(p, instance);
}

/* The last one counts, and what the device itself is given still more. */
static void test_global(Fixture *f, gconstpointer data)
{
    g_autofree char *irq = NULL, *iobase = NULL, *given = NULL;
    Device *dev;

    add_global(f, "irq", "5");
    add_global(f, "irq", "7");
    add_global(f, "iobase", "0x3e8");
    dev = device_new(&f->b.m->tree, &isa_serial_type);
    irq = get(dev, "irq");
    iobase = get(dev, "iobase");
    g_assert_cmpstr(irq, ==, "7");
    g_assert_cmpstr(iobase, ==, "1000");
    g_assert_true(device_set(dev, "irq", "9", NULL));
    given = get(dev, "irq");
    g_assert_cmpstr(given, ==, "9");
    device_free(dev);
    g_assert_cmpstr(device_global(&f->b.m->tree, "isa-serial", "irq"), ==, "7");
    g_assert_null(device_global(&f->b.m->tree, "kvm-pit", "irq"));
}

static void test_global_of_backend(Fixture *f, gconstpointer data)
{
    const DeviceType *type = device_type_find(&program_registry,
                                              "vhost-scsi-pci");
    g_autofree char *a = NULL, *b = NULL;
    Device *dev;

    g_assert_true(device_add_global(&f->b.m->tree, "vhost-scsi", "num_queues",
                                    "3", NULL));
    dev = device_new(&f->b.m->tree, type);
    a = get(dev, "num_queues");
    g_assert_cmpstr(a, ==, "3");
    device_free(dev);
    /* That of the type by which it is made comes after it. */
    g_assert_true(device_add_global(&f->b.m->tree, "vhost-scsi-pci",
                                    "num_queues", "4", NULL));
    dev = device_new(&f->b.m->tree, type);
    b = get(dev, "num_queues");
    g_assert_cmpstr(b, ==, "4");
    device_free(dev);
}

static void test_global_limit(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;

    for (unsigned i = 0; i < GLOBALS_MAX; i++) {
        add_global(f, "irq", "5");
    }
    g_assert_false(
        device_add_global(&f->b.m->tree, "isa-serial", "irq", "5", &err));
    g_assert_cmpstr(err->message, ==, "given more than 256 times");
}

/* --- accelerators, machine none --- */

static bool init_fails(Machine *m, GError **errp)
{
    error_setg(errp, "cannot open");
    return false;
}

static Machine *new_machine(const AccelOps *first, const AccelOps *second)
{
    Machine *m = machine_new(&program_registry, &none_machine_type, first);

    m->accel_fallback = second;
    machine_lock(m);
    return m;
}

static void free_machine(Machine *m)
{
    machine_unlock(m);
    machine_free(m);
}

static void test_second_accelerator(void)
{
    AccelOps broken = qtest_accel_ops;
    Machine *m;

    broken.name = "broken";
    broken.init = init_fails;
    m = new_machine(&broken, &qtest_accel_ops);
    g_assert_true(machine_build(m, NULL));
    g_assert_true(m->accel_ops == &qtest_accel_ops);
    g_assert_nonnull(m->accel);
    free_machine(m);
}

static void test_no_accelerator(void)
{
    g_autoptr(GError) err = NULL;
    AccelOps broken = qtest_accel_ops;
    Machine *m;

    broken.init = init_fails;
    m = new_machine(&broken, NULL);
    g_assert_false(machine_build(m, &err));
    g_assert_cmpstr(err->message, ==, "cannot open");
    free_machine(m);
    m = new_machine(&broken, &broken);
    g_clear_error(&err);
    g_assert_false(machine_build(m, &err));
    g_assert_cmpstr(err->message, ==, "cannot open");
    free_machine(m);
}

static void test_none_has_no_cpu(void)
{
    Machine *m = new_machine(&qtest_accel_ops, NULL);

    m->config.n_cpus = 4;
    g_assert_true(machine_build(m, NULL));
    g_assert_true(machine_start(m, NULL));
    g_assert_cmpuint(m->config.n_cpus, ==, 0);
    g_assert_null(m->cpus);
    g_assert_null(m->ram.host);
    free_machine(m);
}

/* --- RAM --- */

static void test_ram_memfd(void)
{
    RamPiece p = { .fd = ram_memfd_new(MiB, 0, true),
                   .size = MiB,
                   .page = 4096,
                   .shared = true };
    GuestRam ram = { 0 };
    char byte = 0;

    g_assert_cmpint(p.fd, >=, 0);
    guest_ram_add_piece(&ram, &p);
    g_assert_cmpint(guest_ram_map(&ram), ==, 0);
    ram.host[4096] = 'x';
    g_assert_cmpint(pread(p.fd, &byte, 1, 4096), ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    g_assert_cmpint(ftruncate(p.fd, 0), ==, -1); /* sealed */
    guest_ram_finish(&ram);
}

#define ADD(name, func) \
    g_test_add("/user-object/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("backends", test_backends);
    ADD("secret-is-no-backend", test_secret_is_no_backend);
    ADD("delete", test_delete);
    ADD("qmp", test_qmp);
    ADD("limit", test_object_limit);
    ADD("global", test_global);
    ADD("global-of-backend", test_global_of_backend);
    ADD("global-limit", test_global_limit);
    g_test_add_func("/accel/second", test_second_accelerator);
    g_test_add_func("/accel/none-opens", test_no_accelerator);
    g_test_add_func("/machine/none", test_none_has_no_cpu);
    g_test_add_func("/ram/memfd", test_ram_memfd);
    return g_test_run();
}
