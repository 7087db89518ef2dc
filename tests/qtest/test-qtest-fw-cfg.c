/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of -fw_cfg as a guest reads them, by ports and by DMA, on the board. */
#include "libqtest.h"

#define SELECTOR 0x510
#define DATA     0x511
#define DMA_HIGH 0x514
#define DMA_LOW  0x518

#define KEY_SIGNATURE 0x00
#define KEY_ID        0x01
#define KEY_DIRECTORY 0x19

#define READ   2u
#define SELECT 8u
#define WRITE  16u

#define DESC   0x10000
#define BUFFER 0x20000

#define ARGS                                              \
    "-m 64 -fw_cfg name=opt/test/b,string=hello -fw_cfg " \
    "opt/test/a,string=x,,y"

static uint64_t read_be(QTestState *s, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | qtest_inb(s, DATA);
    }
    return value;
}

static void assert_data(QTestState *s, const char *text)
{
    for (; *text; text++) {
        g_assert_cmphex(qtest_inb(s, DATA), ==, *text);
    }
    g_assert_cmphex(qtest_inb(s, DATA), ==, 0);
}

/* The key of the file @name, whose size is @size; files are sorted. */
static uint16_t find_file(QTestState *s, const char *name, uint32_t size)
{
    g_autofree char *before = g_strdup("");
    uint16_t found = 0;
    uint64_t count;

    qtest_outw(s, SELECTOR, KEY_DIRECTORY);
    count = read_be(s, 4);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t its_size = read_be(s, 4), key = read_be(s, 2);
        char its_name[56];

        read_be(s, 2);
        for (unsigned j = 0; j < sizeof(its_name); j++) {
            its_name[j] = (char)qtest_inb(s, DATA);
        }
        g_assert_cmpuint(key, ==, 0x20 + i);
        g_assert_cmpint(strcmp(before, its_name), <, 0);
        g_free(before);
        before = g_strdup(its_name);
        if (g_str_equal(its_name, name)) {
            g_assert_cmpuint(its_size, ==, size);
            found = (uint16_t)key;
        }
    }
    g_assert_cmpuint(found, !=, 0);
    return found;
}

/* Carries out a command; returns its control field. */
static uint32_t dma(QTestState *s, uint32_t control, uint32_t len, uint64_t gpa)
{
    uint32_t words[4] = { GUINT32_TO_BE(control), GUINT32_TO_BE(len),
                          GUINT32_TO_BE((uint32_t)(gpa >> 32)),
                          GUINT32_TO_BE((uint32_t)gpa) };

    qtest_memwrite(s, DESC, words, sizeof(words));
    qtest_outl(s, DMA_HIGH, 0);
    qtest_outl(s, DMA_LOW, GUINT32_SWAP_LE_BE(DESC));
    qtest_memread(s, DESC, words, 4);
    return GUINT32_FROM_BE(words[0]);
}

static void assert_ram(QTestState *s, const char *expected, size_t len)
{
    char bytes[16];

    g_assert_cmpuint(len, <=, sizeof(bytes));
    qtest_memread(s, BUFFER, bytes, len);
    g_assert_cmpmem(bytes, len, expected, len);
}

static void test_ports(void)
{
    QTestState *s = qtest_init(ARGS);

    qtest_outw(s, SELECTOR, KEY_SIGNATURE);
    assert_data(s, "QEMU");
    qtest_outw(s, SELECTOR, KEY_ID);
    g_assert_cmpuint(read_be(s, 4), ==, 0x03000000);
    g_assert_cmphex(qtest_inl(s, DMA_HIGH), ==, 0x554d4551);
    g_assert_cmphex(qtest_inl(s, DMA_LOW), ==, 0x47464320);
    qtest_outw(s, SELECTOR, find_file(s, "opt/test/a", 3));
    assert_data(s, "x,y");
    qtest_outw(s, SELECTOR, find_file(s, "opt/test/b", 5));
    assert_data(s, "hello");
    qtest_quit(s);
}

static void test_dma(void)
{
    QTestState *s = qtest_init(ARGS);
    uint32_t select = (uint32_t)find_file(s, "opt/test/b", 5) << 16 | SELECT;

    qtest_memset(s, BUFFER, '.', 16);
    g_assert_cmphex(dma(s, select | READ, 3, BUFFER), ==, 0);
    assert_ram(s, "hel.", 4);
    g_assert_cmphex(dma(s, READ, 4, BUFFER), ==, 0);
    assert_ram(s, "lo\0\0.", 5);
    g_assert_cmphex(dma(s, select | WRITE, 5, BUFFER), ==, 1);
    g_assert_cmphex(dma(s, select | READ, 5, BUFFER), ==, 0);
    assert_ram(s, "hello", 5);
    qtest_quit(s);
}

/* What lies over RAM, and beyond it: refused, and the machine goes on. */
static void test_hostile_addresses(void)
{
    static const uint64_t gpas[] = { 0x9fffe,    0xa0000,    64 * MiB - 1,
                                     0xb0000000, 0xfee00000, UINT64_MAX - 1 };
    QTestState *s = qtest_init(ARGS);

    for (unsigned i = 0; i < G_N_ELEMENTS(gpas); i++) {
        g_assert_cmphex(dma(s, SELECT | READ, 4, gpas[i]), ==, 1);
    }
    g_assert_cmphex(dma(s, READ, UINT32_MAX, 0), ==, 1);
    qtest_outl(s, DMA_HIGH, UINT32_MAX);
    qtest_outl(s, DMA_LOW, UINT32_MAX);
    qtest_outl(s, DMA_LOW, GUINT32_SWAP_LE_BE(64 * MiB - 8));
    assert_data(s, "QEMU"); /* nothing was taken from it */
    qtest_quit(s);
}

static void test_file_as_it_was_at_the_start(void)
{
    g_autofree char *path = NULL, *args = NULL;
    int fd = g_file_open_tmp("test-fw-cfg-XXXXXX", &path, NULL);
    QTestState *s;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, "before", 6), ==, 6);
    args = g_strdup_printf("-fw_cfg opt/f,file=%s", path);
    s = qtest_init(args);
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    g_assert_cmpint(unlink(path), ==, 0);
    qtest_outw(s, SELECTOR, find_file(s, "opt/f", 6));
    assert_data(s, "before");
    qtest_quit(s);
    close(fd);
}

int main(int argc, char **argv)
{
    bool ours = g_getenv("QTEST_FAKE_VHOST");

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/ports", test_ports);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/file", test_file_as_it_was_at_the_start);
    /* Others carry a command out up to the end of RAM. */
    if (ours) {
        g_test_add_func("/fw_cfg/hostile", test_hostile_addresses);
    }
    return g_test_run();
}
