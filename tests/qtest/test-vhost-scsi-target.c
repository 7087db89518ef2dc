/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What vhost-scsi-pci is connected to: targets that come and go or are taken,
 * two adapters in one machine, descriptors that are passed in, and memory
 * tables that the kernel does not take.
 */
#include "fake-machine.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <glib/gstdio.h>

#define OTHER_WWPN  "naa.5001405bd1f60001"
#define OTHER_SLOT  4u
#define RESET_TEXT  "; the device needs a reset by the guest\n"
#define TWO_TARGETS "target=" FAKE_VHOST_WWPN ",target=" OTHER_WWPN
#define WRAPPER_FD  "9" /* what run_with_fd() passes the descriptor as */

static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };

/* The last line of stderr says that @slot's device needs a reset, and why. */
static void assert_last_line(FakeMachine *m, const char *label,
                             const char *text)
{
    g_autofree char *begin = g_strdup_printf(
        "qemu-system-x86_64: %s: vhost-scsi: ", label);
    g_auto(GStrv) lines = g_strsplit(qtest_stderr(m->qts), "\n", -1);
    guint n = g_strv_length(lines);

    g_assert_cmpuint(n, >=, 2);
    g_assert_true(g_str_has_prefix(lines[n - 2], begin));
    g_assert_nonnull(strstr(lines[n - 2], text));
    g_assert_true(g_str_has_suffix(qtest_stderr(m->qts), RESET_TEXT));
}

static void assert_start_fails(FakeMachine *m, QVirtioSCSI *scsi,
                               const char *label, const char *text)
{
    fake_driver_prepare(scsi, QVIRTIO_MSIX);
    g_assert_cmphex(fake_driver_ok(scsi), ==,
                    FAKE_DRIVER_RUNS | VIRTIO_CONFIG_S_NEEDS_RESET);
    qpci_msix_wait(scsi->pci, 0);
    assert_last_line(m, label, text);
    fake_driver_stop(scsi);
}

static void assert_start_works(QVirtioSCSI *scsi)
{
    g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
    fake_driver_check_io(scsi);
}

/* --- targets --- */

static void test_target_gone_before_start_needs_reset(void)
{
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, NULL, FAKE_MACHINE_DEVICE);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    fake_ok(m.fake, "target drop " FAKE_VHOST_WWPN);
    assert_start_fails(&m, scsi, "vhost-scsi-pci",
                       "target '" FAKE_VHOST_WWPN "' ");
    fake_ok(m.fake, "target add " FAKE_VHOST_WWPN);
    assert_start_works(scsi);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

static uint8_t test_unit_ready(QVirtioSCSI *scsi, unsigned queue)
{
    QSCSICommand cmd = qscsi_cdb_test_unit_ready();
    g_auto(QSCSIResult) r = { 0 };

    qvirtio_scsi_command(scsi, queue, disk, &cmd, &r);
    return r.response;
}

static void test_target_gone_while_running_is_bad_and_comes_back(void)
{
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(
        &m, NULL, FAKE_MACHINE_DEVICE ",num_queues=3,worker_per_virtqueue=on");
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    assert_start_works(scsi);
    fake_ok(m.fake, "target drop " FAKE_VHOST_WWPN);
    for (unsigned q = 0; q < 3; q++) {
        g_assert_cmpuint(test_unit_ready(scsi, q), ==,
                         VIRTIO_SCSI_S_BAD_TARGET);
    }
    fake_ok(m.fake, "target add " FAKE_VHOST_WWPN);
    fake_driver_check_io(scsi);
    g_assert_cmphex(qvirtio_pci_get_status(&scsi->dev.regs), ==,
                    FAKE_DRIVER_RUNS);
    g_assert_cmpstr(qtest_stderr(m.qts), ==, "");

    /* Gone, and the device is reset meanwhile. */
    fake_ok(m.fake, "target drop " FAKE_VHOST_WWPN);
    fake_driver_stop(scsi);
    fake_ok(m.fake, "target add " FAKE_VHOST_WWPN);
    assert_start_works(scsi);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

static void test_features_refused_needs_reset(void)
{
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, NULL, FAKE_MACHINE_DEVICE ",id=disks");
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    fake_ok(m.fake, "fail SET_FEATURES 1 EOPNOTSUPP");
    assert_start_fails(&m, scsi, "disks",
                       "VHOST_SET_FEATURES failed: Operation not supported;");
    assert_start_works(scsi);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* --- two adapters --- */

static void test_two_adapters_two_targets_both_work(void)
{
    FakeMachine m;
    QVirtioSCSI *one, *other;

    fake_machine_start(&m, TWO_TARGETS,
                       FAKE_MACHINE_DEVICE
                       ",num_queues=2,worker_per_virtqueue=on "
                       "-device vhost-scsi-pci,addr=4,num_queues=3,"
                       "worker_per_virtqueue=on,wwpn=" OTHER_WWPN);
    one = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    other = fake_driver_new(&m, OTHER_SLOT);
    assert_start_works(one);
    assert_start_works(other);
    fake_driver_check_io(one);
    for (int dev = 1; dev <= 2; dev++) {
        for (int q = 0; q <= dev; q++) {
            g_assert_cmpint(fake_stat(m.fake, dev, q + 2, "requests"), >=, 2);
            g_assert_cmpint(fake_stat(m.fake, dev, q + 2, "worker"), ==, q);
        }
    }
    fake_driver_free(one);
    fake_driver_check_io(other);
    fake_driver_free(other);
    g_assert_cmpstr(qtest_stderr(m.qts), ==, "");
    fake_machine_stop(&m);
}

static void test_two_adapters_same_target_second_is_refused(void)
{
    QTestExit *e = fake_machine_refused(
        NULL,
        FAKE_MACHINE_DEVICE
        ",id=one -device vhost-scsi-pci,id=other,wwpn=" FAKE_VHOST_WWPN,
        NULL);

    g_assert_cmpint(e->status, ==, 1);
    g_assert_cmpstr(e->stderr, ==,
                    "qemu-system-x86_64: -device other: vhost-scsi: target "
                    "'" FAKE_VHOST_WWPN "' is in use by device 'one': choose "
                    "another target\n");
    qtest_exit_free(e);
}

/* --- memory --- */

typedef struct MemoryCase {
    const char *name;
    const char *knobs;
    const char *ram;
    unsigned regions;
    bool works;
} MemoryCase;

/* Memory is below 640 KiB and above 1 MiB; what is more than 2 GiB of it lies
 * above 4 GiB, a region of its own. */
static const MemoryCase memory_cases[] = {
    { "two-of-two", "max_mem_regions=2", "-m 1G", 2, true },
    { "three-of-three", "max_mem_regions=3", "-m 5G", 3, true },
    { "two-of-one", "max_mem_regions=1", "-m 1G", 2, false },
    { "three-of-two", "max_mem_regions=2", "-m 5G", 3, false },
};

static void test_memory_table(gconstpointer data)
{
    const MemoryCase *c = data;
    g_autofree char *args = g_strdup_printf("%s %s", FAKE_MACHINE_DEVICE,
                                            c->ram);
    g_autofree char *table = g_strdup_printf(
        "VHOST_SET_MEM_TABLE nregions=%u -> %s\n", c->regions,
        c->works ? "0" : "-1 E2BIG");
    g_autofree char *calls = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;

    fake_machine_start(&m, c->knobs, args);
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    if (c->works) {
        assert_start_works(scsi);
    } else {
        assert_start_fails(
            &m, scsi, "vhost-scsi-pci",
            "VHOST_SET_MEM_TABLE failed: Argument list too long;");
    }
    calls = fake_machine_calls(&m, 1);
    g_assert_nonnull(strstr(calls, table));
    fake_driver_free(scsi);
    fake_machine_stop(&m);
}

/* --- vhostfd --- */

/*
 * While one is there, the program inherits a file, opened, as descriptor 9:
 * $QTEST_QEMU_BINARY is a script that opens it and executes the program. The
 * stand-in is for the latter alone. The environment is the test's own, because
 * libqtest asks the program for its accelerators with that.
 */
typedef struct Wrapper {
    char *program; /* $QTEST_QEMU_BINARY of before */
} Wrapper;

static void wrapper_init(Wrapper *w, const FakeMachine *m, const char *path)
{
    static const char text[] =
        "#!/bin/sh\n"
        "exec env LD_PRELOAD=\"$TEST_PRELOAD\" \"$TEST_PROGRAM\" \"$@\" "
        "9<>\"$TEST_FD_PATH\"\n";
    g_autofree char *script = g_build_filename(m->dir, "wrapper", NULL);
    g_autofree char *preload = fake_preload(g_getenv("QTEST_FAKE_VHOST"));
    g_autoptr(GError) err = NULL;

    (void)g_file_set_contents(script, text, -1, &err);
    g_assert_no_error(err);
    g_assert_cmpint(g_chmod(script, 0700), ==, 0);
    w->program = g_strdup(g_getenv("QTEST_QEMU_BINARY"));
    g_setenv("TEST_PRELOAD", preload, true);
    g_setenv("TEST_PROGRAM", w->program, true);
    g_setenv("TEST_FD_PATH", path, true);
    g_setenv("QTEST_QEMU_BINARY", script, true);
}

static void wrapper_finish(Wrapper *w)
{
    g_setenv("QTEST_QEMU_BINARY", w->program, true);
    g_unsetenv("TEST_PRELOAD");
    g_unsetenv("TEST_PROGRAM");
    g_unsetenv("TEST_FD_PATH");
    g_free(w->program);
}

/* The stand-in takes a memfd of this name for a device. */
static int make_device(void)
{
    int fd = memfd_create("fake-vhost-scsi", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* How another process opens it. */
static char *path_of(int fd)
{
    return g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), fd);
}

static void test_vhostfd_device_works_without_path(void)
{
    auto_fd fd = make_device();
    g_autofree char *path = path_of(fd), *control = NULL, *variable = NULL;
    g_autofree char *calls = NULL;
    FakeMachine m;
    QVirtioSCSI *scsi;
    Wrapper w;

    fake_machine_init(&m);
    control = g_build_filename(m.dir, "control", NULL);
    variable = g_strconcat("FAKE_VHOST_CONTROL=", control, NULL);
    wrapper_init(&w, &m, path);
    m.qts = qtest_init_env(FAKE_MACHINE_DEVICE
                           ",num_queues=2,worker_per_virtqueue=on,"
                           "vhostfd=" WRAPPER_FD,
                           (const char *const[]){ variable, NULL });
    m.fake = fake_connect(control);
    qpci_init(&m.bus, m.qts);
    m.alloc = guest_allocator_new(m.qts, FAKE_MACHINE_RAM);
    calls = fake_machine_calls(&m, 1);
    g_assert_true(g_str_has_prefix(calls, "VHOST_SCSI_GET_ABI_VERSION "));
    scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
    assert_start_works(scsi);
    g_assert_cmpint(fake_stat(m.fake, 1, 3, "worker"), ==, 1);
    fake_driver_free(scsi);
    fake_machine_stop(&m);
    wrapper_finish(&w);
}

static void check_refused_fd(const char *path, const char *args,
                             const char *message)
{
    g_autofree char *line = g_strconcat(FAKE_MACHINE_ERROR, message, "\n",
                                        NULL);
    FakeMachine m;
    Wrapper w;
    QTestExit *e;

    fake_machine_init(&m);
    wrapper_init(&w, &m, path);
    e = qtest_init_expect_failure(args, NULL);
    g_assert_cmpint(e->status, ==, 1);
    g_assert_cmpstr(e->stderr, ==, line);
    qtest_exit_free(e);
    wrapper_finish(&w);
    fake_machine_clean(&m);
}

static void test_vhostfd_other_file_is_refused(void)
{
    check_refused_fd("/dev/null", FAKE_MACHINE_DEVICE ",vhostfd=" WRAPPER_FD,
                     "vhost-scsi: the descriptor of property 'vhostfd' is not "
                     "a vhost-scsi device: Inappropriate ioctl for device");
}

static void test_vhostfd_shared_by_two_is_refused(void)
{
    auto_fd fd = make_device();
    g_autofree char *path = path_of(fd);

    check_refused_fd(path,
                     FAKE_MACHINE_DEVICE
                     ",vhostfd=" WRAPPER_FD
                     " -device vhost-scsi-pci,vhostfd=" WRAPPER_FD
                     ",wwpn=" OTHER_WWPN,
                     "vhost-scsi: property 'vhostfd': descriptor 9 is in use "
                     "already or was not inherited: each inherited descriptor "
                     "can be given once");
}

typedef struct PlainTest {
    const char *path;
    void (*run)(void);
} PlainTest;

static const PlainTest tests[] = {
    { "/target/gone-before-start", test_target_gone_before_start_needs_reset },
    { "/target/gone-while-running",
      test_target_gone_while_running_is_bad_and_comes_back },
    { "/target/features-refused", test_features_refused_needs_reset },
    { "/target/two-adapters", test_two_adapters_two_targets_both_work },
    { "/target/same-target", test_two_adapters_same_target_second_is_refused },
    { "/target/vhostfd/device", test_vhostfd_device_works_without_path },
    { "/target/vhostfd/other-file", test_vhostfd_other_file_is_refused },
    { "/target/vhostfd/shared", test_vhostfd_shared_by_two_is_refused },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_func(tests[i].path, tests[i].run);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(memory_cases); i++) {
        g_autofree char *path = g_strconcat("/target/memory/",
                                            memory_cases[i].name, NULL);

        g_test_add_data_func(path, &memory_cases[i], test_memory_table);
    }
    return g_test_run();
}
