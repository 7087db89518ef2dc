/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of a firmware: which one it is, which ones are refused and how, and
 * what a good one becomes. */
#include "hw/i386/firmware.h"
#include "hw/i386/q35.h"
#include "program/options.h"
#include "program/registry.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct {
    const char *shrink; /* a file that loses its end before it is read */
    int fail;           /* errno of every read; 0: none */
    bool interrupt;     /* every other read, and few bytes each time */
    unsigned calls;
} reads;

/* In place of the C library's. */
ssize_t pread(int fd, void *buf, size_t n, off_t offset)
{
    reads.calls++;
    if (reads.fail || (reads.interrupt && reads.calls % 2)) {
        errno = reads.fail ? reads.fail : EINTR;
        return -1;
    }
    if (reads.shrink) {
        g_assert_cmpint(truncate(reads.shrink, 1000), ==, 0);
    }
    g_assert_cmpint(lseek(fd, offset, SEEK_SET), ==, offset);
    return read(fd, buf, reads.interrupt ? MIN(n, 5000) : n);
}

typedef struct Fixture {
    char *dir, *path;
    Rom rom;
    GError *error;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    memset(&reads, 0, sizeof(reads));
    f->dir = g_dir_make_tmp("test-firmware-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "bios.bin", NULL);
}

static void teardown(Fixture *f, gconstpointer data)
{
    rom_finish(&f->rom);
    g_clear_error(&f->error);
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
}

static void write_file(Fixture *f, uint64_t size)
{
    g_autofree char *bytes = g_malloc(size + 1);

    for (uint64_t i = 0; i < size; i++) {
        bytes[i] = (char)(i * 7 + i / 4096);
    }
    g_assert_true(g_file_set_contents(f->path, bytes, (gssize)size, NULL));
}

/* The message is @what, the path in quotes, and @why. */
static void assert_refused(Fixture *f, const char *path, const char *what,
                           const char *why)
{
    g_autofree char *expected = g_strconcat(what, " '", path, "'", why, NULL);

    g_assert_false(rom_open(&f->rom, path, &f->error));
    g_assert_nonnull(f->error);
    g_assert_cmpstr(f->error->message, ==, expected);
    g_assert_null(f->rom.host);
}

static void assert_size_refused(Fixture *f, uint64_t size)
{
    g_autofree char *why = g_strdup_printf(
        " has %" PRIu64 " bytes: a multiple of 64 KiB up to 8 MiB is "
        "expected; give another file",
        size);

    write_file(f, size);
    assert_refused(f, f->path, "firmware", why);
    g_clear_error(&f->error);
}

static void assert_taken(Fixture *f, uint64_t size)
{
    g_autofree char *bytes = NULL;
    size_t len;

    write_file(f, size);
    g_assert_true(g_file_get_contents(f->path, &bytes, &len, NULL));
    g_assert_true(rom_open(&f->rom, f->path, &f->error));
    g_assert_no_error(f->error);
    g_assert_cmpmem(f->rom.host, f->rom.size, bytes, len);
    rom_finish(&f->rom);
    g_assert_null(f->rom.host);
}

static void missing_refused(Fixture *f, gconstpointer data)
{
    assert_refused(f, f->path, "cannot open firmware",
                   ": No such file or directory");
}

static void directory_refused(Fixture *f, gconstpointer data)
{
    assert_refused(f, f->dir, "firmware",
                   " is not a regular file; give a file");
}

static void fifo_refused(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
    assert_refused(f, f->path, "firmware",
                   " is not a regular file; give a file");
}

static void wrong_size_refused(Fixture *f, gconstpointer data)
{
    assert_size_refused(f, 0);
    assert_size_refused(f, 1);
    assert_size_refused(f, ROM_UNIT - 1);
    assert_size_refused(f, ROM_UNIT + 4096);
    assert_size_refused(f, ROM_SIZE_MAX + ROM_UNIT);
}

static void unreadable_refused(Fixture *f, gconstpointer data)
{
    write_file(f, ROM_UNIT);
    reads.fail = EIO;
    assert_refused(f, f->path, "cannot read firmware", ": Input/output error");
}

static void shrinking_refused(Fixture *f, gconstpointer data)
{
    write_file(f, ROM_UNIT);
    reads.shrink = f->path;
    assert_refused(f, f->path, "firmware",
                   " became shorter while it was read; try again");
}

static void smallest_and_greatest_taken(Fixture *f, gconstpointer data)
{
    assert_taken(f, ROM_UNIT);
    assert_taken(f, 4 * ROM_UNIT);
    assert_taken(f, ROM_SIZE_MAX);
}

static void interrupted_read_goes_on(Fixture *f, gconstpointer data)
{
    reads.interrupt = true;
    assert_taken(f, ROM_UNIT);
    g_assert_cmpuint(reads.calls, >, 2);
}

/* Nobody in the program can write to it either: the kernel refuses to read into
 * it. */
static void mapping_is_read_only(Fixture *f, gconstpointer data)
{
    auto_fd zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    write_file(f, ROM_UNIT);
    g_assert_true(rom_open(&f->rom, f->path, &f->error));
    g_assert_cmpint(neg_errno((int)read(zero, f->rom.host, 1)), ==, -EFAULT);
}

static void file_may_change_afterwards(Fixture *f, gconstpointer data)
{
    uint8_t last;

    write_file(f, ROM_UNIT);
    g_assert_true(rom_open(&f->rom, f->path, &f->error));
    last = f->rom.host[ROM_UNIT - 1];
    g_assert_cmpint(truncate(f->path, 0), ==, 0);
    g_assert_cmphex(f->rom.host[ROM_UNIT - 1], ==, last);
}

/* --- which file --- */

/* A program whose q35 has @firmware, with a command line. */
typedef struct Line {
    MachineType machine;
    const MachineType *machines[2];
    Registry registry;
    Options *options;
} Line;

static bool parse(Fixture *f, Line *l, const char *firmware, char **words)
{
    l->machine = q35_machine_type;
    l->machine.firmware = firmware;
    l->machines[0] = &l->machine;
    l->machines[1] = NULL;
    l->registry = program_registry;
    l->registry.machine_types = l->machines;
    l->options = options_new(&l->registry);
    return options_parse(l->options, (int)g_strv_length(words), words,
                         &f->error);
}

static void default_that_is_missing_refused(Fixture *f, gconstpointer data)
{
    char *words[] = { NULL };
    Line l;

    g_assert_false(parse(f, &l, "no-such-bios.bin", words));
    g_assert_cmpstr(
        f->error->message, ==,
        "nothing to boot: there is no firmware 'no-such-bios.bin' in "
        "/usr/share/seabios or /usr/share/qemu; install the package seabios, "
        "or give a firmware with -bios or a Linux kernel with -kernel");
    options_free(l.options);
}

static void default_is_found_by_dir(Fixture *f, gconstpointer data)
{
    char *words[] = { (char *)"-L", f->dir, (char *)"-L", (char *)"/usr",
                      NULL };
    Line l;

    write_file(f, ROM_UNIT);
    g_assert_true(parse(f, &l, "bios.bin", words));
    g_assert_cmpstr(l.options->config.bios, ==, f->path);
    options_free(l.options);
}

static void kernel_needs_no_firmware(Fixture *f, gconstpointer data)
{
    char *words[] = { (char *)"-kernel", (char *)"x", NULL };
    Line l;

    g_assert_true(parse(f, &l, "no-such-bios.bin", words));
    g_assert_null(l.options->config.bios);
    options_free(l.options);
}

static void qtest_needs_no_firmware(Fixture *f, gconstpointer data)
{
    char *words[] = { (char *)"-accel", (char *)"qtest", NULL };
    Line l;

    g_assert_true(parse(f, &l, "no-such-bios.bin", words));
    g_assert_null(l.options->config.bios);
    options_free(l.options);
}

static void empty_machine_needs_no_firmware(Fixture *f, gconstpointer data)
{
    char *words[] = { NULL };
    Line l;

    g_assert_true(parse(f, &l, NULL, words));
    g_assert_null(l.options->config.bios);
    options_free(l.options);
}

static void console_is_serial_if_there_is_no_screen(Fixture *f,
                                                    gconstpointer data)
{
    char *plain[] = { NULL };
    char *nographic[] = { (char *)"-nographic", NULL };
    char *graphics_off[] = { (char *)"-machine", (char *)"graphics=off", NULL };
    Line l;

    g_assert_true(parse(f, &l, NULL, plain));
    g_assert_false(l.options->config.serial_console);
    options_free(l.options);
    g_assert_true(parse(f, &l, NULL, nographic));
    g_assert_true(l.options->config.serial_console);
    options_free(l.options);
    g_assert_true(parse(f, &l, NULL, graphics_off));
    g_assert_true(l.options->config.serial_console);
    options_free(l.options);
}

#define TEST(name)               \
    {                            \
        "/firmware/" #name, name \
    }
static const struct {
    const char *path;
    void (*test)(Fixture *f, gconstpointer data);
} tests[] = {
    TEST(missing_refused),
    TEST(directory_refused),
    TEST(fifo_refused),
    TEST(wrong_size_refused),
    TEST(unreadable_refused),
    TEST(shrinking_refused),
    TEST(smallest_and_greatest_taken),
    TEST(interrupted_read_goes_on),
    TEST(mapping_is_read_only),
    TEST(file_may_change_afterwards),
    TEST(default_that_is_missing_refused),
    TEST(default_is_found_by_dir),
    TEST(kernel_needs_no_firmware),
    TEST(qtest_needs_no_firmware),
    TEST(empty_machine_needs_no_firmware),
    TEST(console_is_serial_if_there_is_no_screen),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].test,
                   teardown);
    }
    return g_test_run();
}
