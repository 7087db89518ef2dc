/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's flash on the board: where it lies, its end below 1 MiB, what
 * is programmed in the file, a reset; and a kernel that such a firmware loads. */
#include "libqtest.h"

#include <glib/gstdio.h>

#define CODE_SIZE (256 * KiB)
#define VARS_SIZE (16 * KiB)
#define VARS      (4 * GiB - CODE_SIZE - VARS_SIZE)
#define SETUP     (3 * 512) /* of a kernel with two sectors behind the first */

typedef struct Fixture {
    char *dir, *code, *vars, *kernel;
    QTestState *s;
} Fixture;

static uint8_t code_byte(size_t i)
{
    return (uint8_t)(i * 5 + i / 4096 + 3);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    g_assert_true(
        g_file_set_contents(path, (const char *)data, (gssize)size, NULL));
}

/* @words: CODE, VARS and KERNEL stand for the files' names. */
static void start(Fixture *f, const char *words)
{
    g_autoptr(GString) args = g_string_new(words);

    g_string_replace(args, "CODE", f->code, 0);
    g_string_replace(args, "VARS", f->vars, 0);
    g_string_replace(args, "KERNEL", f->kernel, 0);
    f->s = qtest_init(args->str);
}

static void make_files(Fixture *f)
{
    g_autofree uint8_t *data = g_malloc(CODE_SIZE);

    for (size_t i = 0; i < CODE_SIZE; i++) {
        data[i] = code_byte(i);
    }
    f->dir = g_dir_make_tmp("test-flash-XXXXXX", NULL);
    f->code = g_build_filename(f->dir, "code", NULL);
    f->vars = g_build_filename(f->dir, "vars", NULL);
    f->kernel = g_build_filename(f->dir, "kernel", NULL);
    write_file(f->code, data, CODE_SIZE);
    memset(data, 0xff, VARS_SIZE);
    write_file(f->vars, data, VARS_SIZE);
    for (size_t i = SETUP; i < VARS_SIZE; i++) {
        data[i] = code_byte(i);
    }
    memset(data, 0, SETUP);
    data[0x1f1] = 2;
    memcpy(data + 0x202, "HdrS", 4);
    write_file(f->kernel, data, SETUP + 5000);
}

static void setup(Fixture *f, gconstpointer data)
{
    make_files(f);
    start(f, "-drive if=pflash,format=raw,unit=0,readonly=on,file=CODE "
             "-drive if=pflash,format=raw,unit=1,file=VARS");
}

static void setup_blockdev(Fixture *f, gconstpointer data)
{
    make_files(f);
    start(f,
          "-blockdev driver=file,node-name=c0,filename=CODE,auto-read-only=on "
          "-blockdev driver=raw,node-name=c,file=c0,read-only=on "
          "-blockdev driver=file,node-name=v0,filename=VARS,discard=unmap "
          "-blockdev driver=raw,node-name=v,file=v0,read-only=off "
          "-machine q35,pflash0=c,pflash1=v");
}

static void setup_kernel(Fixture *f, gconstpointer data)
{
    make_files(f);
    start(f, "-pflash CODE -pflash VARS -kernel KERNEL -initrd VARS "
             "-append console=ttyS0");
}

static void teardown(Fixture *f, gconstpointer data)
{
    qtest_quit(f->s);
    g_unlink(f->code);
    g_unlink(f->vars);
    g_unlink(f->kernel);
    g_rmdir(f->dir);
    g_free(f->code);
    g_free(f->vars);
    g_free(f->kernel);
    g_free(f->dir);
}

static void code_is_at_the_top(Fixture *f, gconstpointer data)
{
    uint8_t page[4096];

    for (size_t i = 0; i < CODE_SIZE; i += sizeof(page)) {
        qtest_memread(f->s, 4 * GiB - CODE_SIZE + i, page, sizeof(page));
        for (size_t j = 0; j < sizeof(page); j++) {
            g_assert_cmphex(page[j], ==, code_byte(i + j));
        }
    }
    /* And its end below 1 MiB. */
    qtest_memread(f->s, 0xe0000, page, sizeof(page));
    g_assert_cmphex(page[1], ==, code_byte(CODE_SIZE - 128 * KiB + 1));
    qtest_memread(f->s, MiB - sizeof(page), page, sizeof(page));
    g_assert_cmphex(page[4095], ==, code_byte(CODE_SIZE - 1));
}

static uint8_t in_file(const Fixture *f, size_t offset)
{
    g_autofree char *data = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(f->vars, &data, &size, NULL));
    g_assert_cmpuint(size, ==, VARS_SIZE);
    return (uint8_t)data[offset];
}

static void variables_are_in_the_file(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(qtest_readb(f->s, VARS + 77), ==, 0xff);
    qtest_writeb(f->s, VARS + 77, 0x10);
    qtest_writeb(f->s, VARS + 77, 0x42);
    g_assert_cmphex(in_file(f, 77), ==, 0x42);
    qtest_writeb(f->s, VARS, 0xff);
    g_assert_cmphex(qtest_readb(f->s, VARS + 77), ==, 0x42);
    /* The code takes none. */
    qtest_writeb(f->s, VARS + VARS_SIZE, 0x10);
    qtest_writeb(f->s, VARS + VARS_SIZE, 0);
    qtest_writeb(f->s, VARS + VARS_SIZE, 0xff);
    g_assert_cmphex(qtest_readb(f->s, VARS + VARS_SIZE), ==, code_byte(0));
}

static void reset_reads_the_array(Fixture *f, gconstpointer data)
{
    QTestPoll poll = { 0 };

    qtest_writeb(f->s, VARS, 0x70);
    g_assert_cmphex(qtest_readb(f->s, VARS + 5), ==, 0x80);
    qtest_outb(f->s, 0xcf9, 0x06);
    while (qtest_readb(f->s, VARS + 5) != 0xff) {
        qtest_poll(f->s, &poll, "reset");
    }
}

static uint32_t item(Fixture *f, uint16_t key)
{
    uint32_t value = 0;

    qtest_outw(f->s, 0x510, key);
    for (unsigned i = 0; i < 4; i++) {
        value |= (uint32_t)qtest_inb(f->s, 0x511) << (8 * i);
    }
    return value;
}

static void kernel_is_for_the_firmware(Fixture *f, gconstpointer data)
{
    char text[16];

    g_assert_cmpuint(item(f, 0x17), ==, SETUP);
    g_assert_cmpuint(item(f, 0x08), ==, 5000);
    g_assert_cmphex(item(f, 0x11), ==,
                    code_byte(SETUP) | code_byte(SETUP + 1) << 8 |
                        code_byte(SETUP + 2) << 16 |
                        (uint32_t)code_byte(SETUP + 3) << 24);
    g_assert_cmpuint(item(f, 0x0b), ==, VARS_SIZE);
    g_assert_cmphex(item(f, 0x12), ==, UINT32_MAX);
    g_assert_cmpuint(item(f, 0x14), ==, strlen("console=ttyS0") + 1);
    qtest_outw(f->s, 0x510, 0x15);
    for (unsigned i = 0; i < sizeof("console=ttyS0"); i++) {
        text[i] = (char)qtest_inb(f->s, 0x511);
    }
    g_assert_cmpstr(text, ==, "console=ttyS0");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(Fixture *f, gconstpointer data);
        void (*setup)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "/flash/code_is_at_the_top", code_is_at_the_top, setup },
        { "/flash/variables_are_in_the_file", variables_are_in_the_file,
          setup },
        { "/flash/blockdev/code_is_at_the_top", code_is_at_the_top,
          setup_blockdev },
        { "/flash/blockdev/variables_are_in_the_file",
          variables_are_in_the_file, setup_blockdev },
        { "/flash/reset_reads_the_array", reset_reads_the_array, setup },
        { "/flash/kernel_is_for_the_firmware", kernel_is_for_the_firmware,
          setup_kernel },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, tests[i].setup, tests[i].test,
                   teardown);
    }
    return g_test_run();
}
