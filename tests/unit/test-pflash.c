/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flash chip: every command in every state, its file, and the faults of that. */
#include "fake-accel.h"
#include "hw/block/pflash_cfi01.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SECTORS 4
#define SIZE    (SECTORS * PFLASH_SECTOR)
#define BASE    (4 * GiB - SIZE)

typedef struct Fixture {
    Machine *m;
    PFlash *flash;
    char *dir, *path;
} Fixture;

static void write_file(const char *path, size_t size)
{
    g_autofree char *bytes = g_malloc(size);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
    }
    g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static uint8_t in_file(const Fixture *f, size_t offset)
{
    auto_fd fd = open(f->path, O_RDONLY);
    uint8_t byte;

    g_assert_cmpint(pread(fd, &byte, 1, (off_t)offset), ==, 1);
    return byte;
}

static PFlash *try_open(Fixture *f, bool readonly, GError **errp)
{
    return pflash_cfi01_new(f->m, "flash", f->path, readonly, 4 * GiB, errp);
}

static void setup_any(Fixture *f, bool readonly)
{
    GError *err = NULL;

    f->dir = g_dir_make_tmp("pflash.XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "vars", NULL);
    write_file(f->path, SIZE);
    f->m = fake_machine_new();
    f->flash = try_open(f, readonly, &err);
    g_assert_no_error(err);
    device_reset((Device *)f->flash);
}

static void setup(Fixture *f, gconstpointer data)
{
    setup_any(f, false);
}

static void setup_readonly(Fixture *f, gconstpointer data)
{
    setup_any(f, true);
}

static void teardown(Fixture *f, gconstpointer data)
{
    fake_machine_free(f->m);
    unlink(f->path);
    rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
}

/* As a processor does: memory where there is some, else the regions. */
static uint8_t get(Fixture *f, uint64_t offset)
{
    const uint8_t *p = memory_map_ptr(&f->m->map, BASE + offset, 1, false);

    return p ? *p
             : (uint8_t)address_space_read(&f->m->memory, BASE + offset, 1);
}

static void put(Fixture *f, uint64_t offset, uint8_t value)
{
    g_assert_null(memory_map_ptr(&f->m->map, BASE + offset, 1, true));
    address_space_write(&f->m->memory, BASE + offset, value, 1);
}

static bool is_mapped(Fixture *f)
{
    return memory_map_ptr(&f->m->map, BASE, SIZE, false);
}

static uint8_t status(Fixture *f)
{
    uint8_t value;

    put(f, 0, 0x70);
    value = get(f, 0);
    put(f, 0, 0xff);
    return value;
}

static void erase(Fixture *f, uint64_t offset)
{
    put(f, offset, 0x20);
    put(f, offset, 0xd0);
    put(f, offset, 0xff);
}

static void program(Fixture *f, uint64_t offset, uint8_t value)
{
    put(f, offset, 0x10);
    put(f, offset, value);
}

/* --- reading --- */

static void array_is_read_without_an_exit(Fixture *f, gconstpointer data)
{
    g_assert_true(is_mapped(f));
    for (size_t i = 0; i < SIZE; i += 777) {
        g_assert_cmphex(get(f, i), ==, pattern(i));
    }
    g_assert_cmpuint(pflash_size(f->flash), ==, SIZE);
    g_assert_cmpmem(pflash_contents(f->flash), 16,
                    memory_map_ptr(&f->m->map, BASE, 16, false), 16);
}

/* What OVMF does to tell a flash from RAM and from ROM. */
static void probe_of_ovmf(Fixture *f, gconstpointer data)
{
    put(f, 0x10, 0x50);
    put(f, 0x10, 0x70);
    g_assert_cmphex(get(f, 0x10), ==, 0);
    put(f, 0x10, 0xff);
    g_assert_true(is_mapped(f));
    g_assert_cmphex(get(f, 0x10), ==, pattern(0x10));
}

static void identifier(Fixture *f, gconstpointer data)
{
    put(f, 0, 0x90);
    g_assert_false(is_mapped(f));
    g_assert_cmphex(get(f, 0), ==, 0x89);
    g_assert_cmphex(get(f, 1), ==, 0x18);
    g_assert_cmphex(get(f, 2), ==, 0);
    put(f, 0, 0xff);
    g_assert_true(is_mapped(f));
}

/* What a driver computes of the table is what there is. */
static void query_describes_the_chip(Fixture *f, gconstpointer data)
{
    uint8_t t[64];

    put(f, 0x55, 0x98);
    for (unsigned i = 0; i < sizeof(t); i++) {
        t[i] = get(f, i);
    }
    put(f, 0, 0xff);
    g_assert_cmpmem(t + 0x10, 3, "QRY", 3);
    g_assert_cmpuint(t[0x13] | t[0x14] << 8, ==, 1);
    g_assert_cmpmem(t + (t[0x15] | t[0x16] << 8), 3, "PRI", 3);
    g_assert_cmpuint(1u << t[0x27], >=, SIZE);
    g_assert_cmpuint(t[0x28] | t[0x29] << 8, ==, 0);
    g_assert_cmpuint(t[0x2c], ==, 1);
    g_assert_cmpuint((t[0x2d] | t[0x2e] << 8) + 1, ==, SECTORS);
    g_assert_cmpuint((t[0x2f] | t[0x30] << 8) * 256, ==, PFLASH_SECTOR);
    /* Nothing is read beyond it. */
    put(f, 0, 0x98);
    g_assert_cmphex(get(f, SIZE - 1), ==, 0);
    g_assert_cmphex(get(f, 0), ==, 0);
}

static void wide_read_of_status(Fixture *f, gconstpointer data)
{
    put(f, 0, 0x70);
    g_assert_cmphex(address_space_read(&f->m->memory, BASE, 4), ==, 0x80808080);
}

/* --- writing --- */

static void program_clears_bits_only(Fixture *f, gconstpointer data)
{
    erase(f, 0);
    program(f, 5, 0xf0);
    g_assert_cmphex(get(f, 5), ==, 0xf0);
    program(f, 5, 0x3c);
    g_assert_cmphex(get(f, 5), ==, 0x30);
    g_assert_cmphex(in_file(f, 5), ==, 0x30);
    put(f, 6, 0x40); /* the other command for it */
    put(f, 6, 0x12);
    g_assert_cmphex(in_file(f, 6), ==, 0x12);
    g_assert_cmphex(status(f), ==, 0x80);
}

/* A byte after the other: the array is not taken away for it. */
static void program_leaves_the_array(Fixture *f, gconstpointer data)
{
    erase(f, 0);
    for (unsigned i = 0; i < 100; i++) {
        program(f, i, (uint8_t)i);
        g_assert_true(is_mapped(f));
        g_assert_cmphex(in_file(f, i), ==, i);
    }
}

/* But a driver that has read the table looks at the status. */
static void program_by_the_book(Fixture *f, gconstpointer data)
{
    erase(f, 0);
    put(f, 0, 0x98);
    put(f, 0, 0xff);
    program(f, 0, 0x55);
    g_assert_cmphex(get(f, 0), ==, 0x80);
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0), ==, 0x55);
}

static void erase_is_of_one_sector(Fixture *f, gconstpointer data)
{
    put(f, PFLASH_SECTOR + 77, 0x20);
    put(f, PFLASH_SECTOR + 77, 0xd0);
    g_assert_cmphex(get(f, 0), ==, 0x80); /* status */
    put(f, 0, 0xff);
    for (size_t i = 0; i < SIZE; i += 97) {
        uint8_t expected = i / PFLASH_SECTOR == 1 ? 0xff : pattern(i);

        g_assert_cmphex(get(f, i), ==, expected);
        g_assert_cmphex(in_file(f, i), ==, expected);
    }
}

static void buffered_write(Fixture *f, gconstpointer data)
{
    erase(f, PFLASH_SECTOR);
    put(f, PFLASH_SECTOR + 0x100, 0xe8);
    g_assert_cmphex(get(f, PFLASH_SECTOR) & 0x80, ==, 0x80); /* it is free */
    put(f, PFLASH_SECTOR + 0x100, 255);
    for (unsigned i = 0; i < 256; i++) {
        put(f, PFLASH_SECTOR + 0x100 + i, (uint8_t)(255 - i));
    }
    g_assert_cmphex(in_file(f, PFLASH_SECTOR + 0x100), ==, 0xff);
    put(f, PFLASH_SECTOR, 0xd0);
    g_assert_cmphex(get(f, 0), ==, 0x80);
    for (unsigned i = 0; i < 256; i++) {
        g_assert_cmphex(in_file(f, PFLASH_SECTOR + 0x100 + i), ==, 255 - i);
    }
    g_assert_cmphex(in_file(f, PFLASH_SECTOR + 0xff), ==, 0xff);
    g_assert_cmphex(in_file(f, PFLASH_SECTOR + 0x200), ==, 0xff);
}

static void check_sequence_error(Fixture *f)
{
    g_assert_cmphex(status(f), ==, 0xb0);
    put(f, 0, 0x50);
    g_assert_cmphex(status(f), ==, 0);
    for (size_t i = 0; i < SIZE; i += 31) {
        g_assert_cmphex(in_file(f, i), ==, pattern(i));
    }
}

/* A buffer never reaches into the next page, so not beyond the chip. */
static void buffer_stays_in_its_page(Fixture *f, gconstpointer data)
{
    put(f, SIZE - 1, 0xe8);
    put(f, SIZE - 1, 1);
    put(f, SIZE - 1, 0);
    put(f, 0, 0); /* wraps */
    check_sequence_error(f);
    put(f, 0xff, 0xe8);
    put(f, 0xff, 1);
    put(f, 0xff, 0);
    put(f, 0x100, 0);
    check_sequence_error(f);
}

static void buffer_without_confirmation(Fixture *f, gconstpointer data)
{
    put(f, 0, 0xe8);
    put(f, 0, 0);
    put(f, 0, 0);
    put(f, 0, 0xff);
    check_sequence_error(f);
}

static void erase_without_confirmation(Fixture *f, gconstpointer data)
{
    put(f, 0, 0x20);
    put(f, 0, 0xff);
    check_sequence_error(f);
}

static void unknown_command_reads_the_array(Fixture *f, gconstpointer data)
{
    put(f, 0, 0x70);
    put(f, 0, 0x03);
    g_assert_true(is_mapped(f));
}

/* Each command, broken off by a reset, and every byte as the first cycle. */
static void reset_ends_each_command(Fixture *f, gconstpointer data)
{
    for (unsigned command = 0; command < 256; command++) {
        put(f, 0, (uint8_t)command);
        device_reset((Device *)f->flash);
        g_assert_true(is_mapped(f));
        g_assert_cmphex(get(f, 1), ==, pattern(1));
        g_assert_cmphex(status(f), ==, 0x80);
    }
}

static void readonly_chip_refuses(Fixture *f, gconstpointer data)
{
    program(f, 0, 0);
    g_assert_cmphex(status(f), ==, 0x92);
    put(f, 0, 0x50);
    erase(f, 0);
    g_assert_cmphex(status(f), ==, 0xa2);
    g_assert_cmphex(get(f, 1), ==, pattern(1));
    g_assert_cmphex(in_file(f, 1), ==, pattern(1));
}

/* --- the file --- */

static void check_refused(Fixture *f, bool readonly, const char *message)
{
    GError *err = NULL;
    g_autofree char *path = NULL;
    g_auto(GStrv) parts = NULL;

    g_assert_null(try_open(f, readonly, &err));
    g_assert_nonnull(err);
    parts = g_strsplit(err->message, f->dir, 2);
    path = g_strjoinv("", parts);
    g_assert_cmpstr(path, ==, message);
    g_error_free(err);
}

static void setup_nothing(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("pflash.XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "vars", NULL);
    f->m = fake_machine_new();
}

static void files_that_are_refused(Fixture *f, gconstpointer data)
{
    check_refused(f, false,
                  "flash: cannot open '/vars': No such file or directory");
    write_file(f->path, 0);
    check_refused(
        f, false,
        "flash: '/vars' has 0 bytes: a flash has whole sectors of 4096, at "
        "most 8 MiB; copy the firmware's file again");
    write_file(f->path, SIZE - 1);
    check_refused(
        f, true,
        "flash: '/vars' has 16383 bytes: a flash has whole sectors of 4096, "
        "at most 8 MiB; copy the firmware's file again");
    g_assert_cmpint(truncate(f->path, 8 * MiB + PFLASH_SECTOR), ==, 0);
    check_refused(
        f, true,
        "flash: '/vars' has 8392704 bytes: a flash has whole sectors of "
        "4096, at most 8 MiB; copy the firmware's file again");
    unlink(f->path);
    g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
    check_refused(
        f, true,
        "flash: '/vars' is neither a file nor a block device; give one");
}

static void largest_chip(Fixture *f, gconstpointer data)
{
    GError *err = NULL;

    write_file(f->path, 0);
    g_assert_cmpint(truncate(f->path, 8 * MiB), ==, 0);
    g_assert_nonnull(try_open(f, true, &err));
    g_assert_no_error(err);
    /* There is no room for a second one. */
    g_assert_null(pflash_cfi01_new(f->m, "flash", f->path, true,
                                   4 * GiB - 8 * MiB, &err));
    g_assert_nonnull(strstr(err->message, "larger than 8 MiB"));
    g_error_free(err);
}

static void second_user_is_refused(Fixture *f, gconstpointer data)
{
    check_refused(
        f, false,
        "flash: '/vars' is in use by another process; give each guest a "
        "copy of its own");
    check_refused(
        f, true,
        "flash: '/vars' is in use by another process; give each guest a "
        "copy of its own");
}

static void readers_share(Fixture *f, gconstpointer data)
{
    GError *err = NULL;

    g_assert_nonnull(
        pflash_cfi01_new(f->m, "flash", f->path, true, BASE, &err));
    g_assert_no_error(err);
}

static void file_that_shrinks_is_written_anew(Fixture *f, gconstpointer data)
{
    erase(f, 0);
    g_assert_cmpint(truncate(f->path, 100), ==, 0);
    program(f, 3, 0x33);
    g_assert_cmphex(status(f), ==, 0x80);
    g_assert_cmphex(in_file(f, 3), ==, 0x33);
    g_assert_cmphex(in_file(f, SIZE - 1), ==, pattern(SIZE - 1));
}

/* The guest goes on with what it has. */
static void file_that_is_removed(Fixture *f, gconstpointer data)
{
    unlink(f->path);
    erase(f, 0);
    program(f, 3, 0x33);
    g_assert_cmphex(get(f, 3), ==, 0x33);
    g_assert_cmphex(status(f), ==, 0x80);
}

/* A file that takes no byte: the guest is told, and reads what is there. */
static void file_that_fails(Fixture *f, gconstpointer data)
{
    auto_fd full = open("/dev/full", O_RDWR | O_CLOEXEC);
    int fd = -1;

    for (int i = 3; i < 1024 && fd < 0; i++) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", i);
        g_autofree char *target = g_file_read_link(link, NULL);

        fd = !g_strcmp0(target, f->path) ? i : -1;
    }
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dup2(full, fd), ==, fd);
    program(f, 0x100, 0);
    g_assert_cmphex(status(f), ==, 0x90);
    put(f, 0, 0x50);
    erase(f, 0x100);
    g_assert_cmphex(status(f), ==, 0xa0);
    g_assert_cmphex(get(f, 0x101), ==, pattern(0x101));
}

static int no_slot(Accel *accel, unsigned n, const MemorySlot *what)
{
    return what->size ? -ENOMEM : 0;
}

/* The array cannot be shown again: the machine stops, and what the guest reads is
 * right until then. */
static void accelerator_that_fails(Fixture *f, gconstpointer data)
{
    put(f, 0, 0x70);
    fake.ops.set_slot = no_slot;
    put(f, 0, 0xff);
    g_assert_false(is_mapped(f));
    g_assert_cmpint(f->m->requests, ==, REQUEST_STOP);
    g_assert_cmpint(f->m->stop_state, ==, RUN_STATE_INTERNAL_ERROR);
    g_assert_cmphex(get(f, 5), ==, pattern(5));
}

#define ADD(fn, set) \
    g_test_add("/pflash/" #fn, Fixture, NULL, set, fn, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(array_is_read_without_an_exit, setup);
    ADD(probe_of_ovmf, setup);
    ADD(identifier, setup);
    ADD(query_describes_the_chip, setup);
    ADD(wide_read_of_status, setup);
    ADD(program_clears_bits_only, setup);
    ADD(program_leaves_the_array, setup);
    ADD(program_by_the_book, setup);
    ADD(erase_is_of_one_sector, setup);
    ADD(buffered_write, setup);
    ADD(buffer_stays_in_its_page, setup);
    ADD(buffer_without_confirmation, setup);
    ADD(erase_without_confirmation, setup);
    ADD(unknown_command_reads_the_array, setup);
    ADD(reset_ends_each_command, setup);
    ADD(readonly_chip_refuses, setup_readonly);
    ADD(files_that_are_refused, setup_nothing);
    ADD(largest_chip, setup_nothing);
    ADD(second_user_is_refused, setup);
    ADD(readers_share, setup_readonly);
    ADD(file_that_shrinks_is_written_anew, setup);
    ADD(file_that_is_removed, setup);
    ADD(file_that_fails, setup);
    ADD(accelerator_that_fails, setup);
    return g_test_run();
}
