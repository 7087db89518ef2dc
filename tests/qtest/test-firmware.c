/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a firmware finds of the board: the ROM and its copy below 1 MiB, the
 * registers that put RAM there, SMM that is locked away, and all of it again
 * after a reset. */
#include "libqtest.h"
#include "libqos/pci.h"

#include <glib/gstdio.h>

#define ROM_SIZE  (256 * KiB)
#define LOW_SIZE  (128 * KiB) /* of its end, seen below 1 MiB too */
#define MCH       QPCI_DEVFN(0, 0)
#define LPC       QPCI_DEVFN(0x1f, 0)
#define PAM       0x90
#define SMRAM     0x9d
#define PORT_92   0x92
#define CMOS      0x70
#define RESET     0xcf9
#define PM_BASE   0x600
#define SMI_EN    (PM_BASE + 0x30)
#define ALL_RAM   0x33333333u
#define ALL_ROM   0x00000000u
#define READ_RAM  0x11111111u
#define WRITE_RAM 0x22222222u

typedef struct Fixture {
    char *dir, *path;
    uint8_t *rom;
    size_t size;
    QTestState *s;
    QPCIBus bus;
} Fixture;

/* Its byte at @offset: each page, and each byte in a page, looks different. */
static uint8_t rom_byte(size_t offset)
{
    return (uint8_t)(offset * 7 + offset / 4096 * 31 + 1);
}

static void start(Fixture *f, size_t size)
{
    g_autofree char *args = NULL;

    f->size = size;
    f->rom = g_malloc(size);
    for (size_t i = 0; i < size; i++) {
        f->rom[i] = rom_byte(i);
    }
    f->dir = g_dir_make_tmp("test-firmware-XXXXXX", NULL);
    f->path = g_build_filename(f->dir, "bios.bin", NULL);
    g_assert_true(
        g_file_set_contents(f->path, (char *)f->rom, (gssize)size, NULL));
    args = g_strdup_printf("-bios %s", f->path);
    f->s = qtest_init(args);
    qpci_init(&f->bus, f->s);
}

static void setup(Fixture *f, gconstpointer data)
{
    start(f, ROM_SIZE);
}

static void setup_small(Fixture *f, gconstpointer data)
{
    start(f, 64 * KiB);
}

static void teardown(Fixture *f, gconstpointer data)
{
    qtest_quit(f->s);
    g_unlink(f->path);
    g_rmdir(f->dir);
    g_free(f->path);
    g_free(f->dir);
    g_free(f->rom);
}

/* By ports, which a reset does not move. */
static void set_pam(Fixture *f, uint32_t low, uint32_t high)
{
    qpci_write_pconfig(&f->bus, MCH, PAM, 4, low);
    qpci_write_pconfig(&f->bus, MCH, PAM + 4, 2, high & 0xffff);
    qpci_write_pconfig(&f->bus, MCH, PAM + 6, 1, high >> 16 & 0xff);
}

/* A reset that the guest asks for, and its end. */
static void reset(Fixture *f)
{
    QTestPoll poll = { 0 };

    qpci_write_pconfig(&f->bus, LPC, 0x60, 1, 0x0b); /* is 0x80 again then */
    qtest_outb(f->s, RESET, 0x06);
    while (qpci_read_pconfig(&f->bus, LPC, 0x60, 1) != 0x80) {
        qtest_poll(f->s, &poll, "reset");
    }
}

static void assert_rom(Fixture *f, uint64_t gpa, size_t offset, size_t len)
{
    g_autofree uint8_t *seen = g_malloc(len);

    qtest_memread(f->s, gpa, seen, len);
    g_assert_cmpmem(seen, len, f->rom + offset, len);
}

static void assert_ram(Fixture *f, uint64_t gpa, uint32_t value)
{
    g_assert_cmphex(qtest_readl(f->s, gpa), ==, value);
}

static void rom_ends_at_4_gib(Fixture *f, gconstpointer data)
{
    assert_rom(f, 4 * GiB - ROM_SIZE, 0, ROM_SIZE);
    g_assert_cmphex(qtest_readl(f->s, 4 * GiB - ROM_SIZE - 4), ==, UINT32_MAX);
}

static void rom_end_is_below_1_mib(Fixture *f, gconstpointer data)
{
    assert_rom(f, MiB - LOW_SIZE, ROM_SIZE - LOW_SIZE, LOW_SIZE);
    /* Where expansion ROMs would be is nothing. */
    g_assert_cmphex(qtest_readl(f->s, 0xc0000), ==, UINT32_MAX);
    g_assert_cmphex(qtest_readl(f->s, 0xdfffc), ==, UINT32_MAX);
}

static void rom_is_read_only(Fixture *f, gconstpointer data)
{
    qtest_writel(f->s, 4 * GiB - 16, 0x12345678);
    qtest_writel(f->s, MiB - 16, 0x12345678);
    assert_rom(f, 4 * GiB - 16, ROM_SIZE - 16, 16);
    assert_rom(f, MiB - 16, ROM_SIZE - 16, 16);
    /* Nor went it to the RAM that the ROM hides. */
    set_pam(f, ALL_RAM, ALL_RAM);
    assert_ram(f, MiB - 16, 0);
}

static void small_rom_leaves_nothing_below(Fixture *f, gconstpointer data)
{
    assert_rom(f, 4 * GiB - 64 * KiB, 0, 64 * KiB);
    assert_rom(f, 0xf0000, 0, 64 * KiB);
    g_assert_cmphex(qtest_readl(f->s, 0xefffc), ==, UINT32_MAX);
}

/* Each of the 13 pieces alone: RAM where its bits say so, and as before left
 * and right of it. */
static void pam_piece_is_ram_alone(Fixture *f, gconstpointer data)
{
    for (unsigned i = 0; i <= 12; i++) {
        uint64_t gpa = 0xc0000 + i * 0x4000;
        uint64_t end = i == 12 ? MiB : gpa + 0x4000;
        unsigned reg = i == 12 ? PAM : PAM + 1 + i / 2;
        uint8_t bits = i == 12 || i % 2 ? 0x30 : 0x03;
        uint32_t before = qtest_readl(f->s, gpa - 4);
        uint32_t behind = qtest_readl(f->s, end);

        qpci_write_pconfig(&f->bus, MCH, reg, 1, bits);
        qtest_writel(f->s, gpa, 0xa5000000 + i);
        qtest_writel(f->s, end - 4, 0x5a000000 + i);
        assert_ram(f, gpa, 0xa5000000 + i);
        assert_ram(f, end - 4, 0x5a000000 + i);
        assert_ram(f, gpa - 4, before);
        assert_ram(f, end, behind);
        qpci_write_pconfig(&f->bus, MCH, reg, 1, 0);
    }
    assert_rom(f, MiB - LOW_SIZE, ROM_SIZE - LOW_SIZE, LOW_SIZE);
    /* What was written is there still. */
    set_pam(f, READ_RAM, READ_RAM);
    for (unsigned i = 0; i <= 12; i++) {
        assert_ram(f, 0xc0000 + i * 0x4000, 0xa5000000 + i);
    }
}

static void pam_read_only_ram_keeps_writes_out(Fixture *f, gconstpointer data)
{
    set_pam(f, ALL_RAM, ALL_RAM);
    qtest_writel(f->s, 0xf0000, 0x11223344);
    set_pam(f, READ_RAM, READ_RAM);
    qtest_writel(f->s, 0xf0000, 0x55667788);
    assert_ram(f, 0xf0000, 0x11223344);
}

/* As old firmware does: it copies the ROM over itself. */
static void pam_write_only_ram_takes_copy(Fixture *f, gconstpointer data)
{
    g_autofree uint8_t *copy = g_malloc(64 * KiB);

    set_pam(f, WRITE_RAM, WRITE_RAM);
    qtest_memread(f->s, 0xf0000, copy, 64 * KiB);
    g_assert_cmpmem(copy, 64 * KiB, f->rom + ROM_SIZE - 64 * KiB, 64 * KiB);
    copy[0] ^= 0xff;
    qtest_memwrite(f->s, 0xf0000, copy, 64 * KiB);
    assert_rom(f, 0xf0000, ROM_SIZE - 64 * KiB, 64 * KiB);
    set_pam(f, ALL_RAM, ALL_RAM);
    g_assert_cmphex(qtest_readb(f->s, 0xf0000), ==, copy[0]);
    assert_rom(f, 0xf0001, ROM_SIZE - 64 * KiB + 1, 64 * KiB - 1);
    /* The neighbours are not the copy's. */
    assert_ram(f, 0xefffc, 0);
}

/* A write that begins where it goes to RAM and ends where it does not. */
static void pam_write_over_edge_is_split(Fixture *f, gconstpointer data)
{
    qpci_write_pconfig(&f->bus, MCH, PAM + 6, 1, 0x20); /* 0xec000 */
    qtest_writel(f->s, 0xefffe, 0x44332211);
    set_pam(f, ALL_RAM, ALL_RAM);
    assert_ram(f, 0xefffc, 0x22110000);
    assert_ram(f, 0xf0000, 0);
}

static void pam_has_no_other_bits(Fixture *f, gconstpointer data)
{
    set_pam(f, UINT32_MAX, UINT32_MAX);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, PAM, 4), ==, 0x33333330);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, PAM + 4, 2), ==, 0x3333);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, PAM + 6, 1), ==, 0x33);
}

static void reset_shows_rom_again(Fixture *f, gconstpointer data)
{
    set_pam(f, ALL_RAM, ALL_RAM);
    qtest_memset(f->s, 0xc0000, 0x77, 256 * KiB);
    reset(f);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, PAM, 4), ==, 0);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, PAM + 4, 4) & 0xffffff, ==,
                    0);
    assert_rom(f, MiB - LOW_SIZE, ROM_SIZE - LOW_SIZE, LOW_SIZE);
    assert_rom(f, 4 * GiB - ROM_SIZE, 0, ROM_SIZE);
    /* RAM keeps what was in it. */
    set_pam(f, ALL_RAM, ALL_RAM);
    assert_ram(f, 0xf0000, 0x77777777);
}

/* The file may go: it was read once. */
static void reset_needs_no_file(Fixture *f, gconstpointer data)
{
    g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
    assert_rom(f, 4 * GiB - ROM_SIZE, 0, ROM_SIZE);
    g_unlink(f->path);
    reset(f);
    assert_rom(f, 4 * GiB - ROM_SIZE, 0, ROM_SIZE);
}

static void smram_is_locked(Fixture *f, gconstpointer data)
{
    /* D_LCK, and the segment at 0xa0000; D_OPEN and G_SMRAME stay clear. */
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, SMRAM, 1), ==, 0x12);
    qpci_write_pconfig(&f->bus, MCH, SMRAM, 1, 0x4a);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, SMRAM, 1), ==, 0x12);
    qtest_writel(f->s, 0xa0000, 0x12345678);
    g_assert_cmphex(qtest_readl(f->s, 0xa0000), ==, UINT32_MAX);
}

/* As firmware switches it on: the low half first, which is on only at last. */
static void ecam_moves_and_is_off_after_reset(Fixture *f, gconstpointer data)
{
    qpci_write_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR, 4, 0);
    qpci_write_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR + 4, 4, 0);
    g_assert_cmphex(qtest_readl(f->s, 0xb0000000), ==, UINT32_MAX);
    qpci_write_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR, 4, 0xe0000001);
    g_assert_cmphex(qtest_readl(f->s, 0xe0000000), ==, 0x29c08086);
    reset(f);
    g_assert_cmphex(qtest_readl(f->s, 0xe0000000), ==, UINT32_MAX);
    g_assert_cmphex(qpci_read_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR, 4), ==,
                    0);
}

static void port_92_has_a20(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(qtest_inb(f->s, PORT_92), ==, 0x02);
    qtest_outb(f->s, PORT_92, 0x00);
    g_assert_cmphex(qtest_inb(f->s, PORT_92), ==, 0x00);
    qtest_outb(f->s, PORT_92, 0x02);
    g_assert_cmphex(qtest_inb(f->s, PORT_92), ==, 0x02);
}

static void keyboard_controller_is_absent(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(qtest_inb(f->s, 0x64), ==, 0xff);
    g_assert_cmphex(qtest_inb(f->s, 0x60), ==, 0xff);
}

/* What firmware asks before it would set up SMM. */
static void smi_is_set_up(Fixture *f, gconstpointer data)
{
    qpci_write_pconfig(&f->bus, LPC, 0x40, 4, PM_BASE | 1);
    qpci_write_pconfig(&f->bus, LPC, 0x44, 1, 0x80);
    g_assert_cmphex(qtest_inl(f->s, SMI_EN) & 0x20, ==, 0x20);
}

static uint8_t cmos_read(Fixture *f, uint8_t reg)
{
    qtest_outb(f->s, CMOS, reg);
    return qtest_inb(f->s, CMOS + 1);
}

/* Firmware that resets the machine itself finds there why. */
static void cmos_keeps_shutdown_code(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(cmos_read(f, 0x0f), ==, 0);
    qtest_outb(f->s, CMOS, 0x0f);
    qtest_outb(f->s, CMOS + 1, 0x0a);
    reset(f);
    g_assert_cmphex(cmos_read(f, 0x0f), ==, 0x0a);
    g_assert_cmphex(cmos_read(f, 0x10), ==, 0); /* no floppy disk */
}

/* A machine without firmware: what firmware would have left. */
static void without_rom_all_is_ram(void)
{
    QTestState *s = qtest_init("");
    QPCIBus bus;

    qpci_init(&bus, s);
    qtest_writel(s, 0xc0000, 0x11111111);
    qtest_writel(s, 0xffffc, 0x22222222);
    qpci_write_config(&bus, MCH, PAM, 4, ALL_RAM);
    g_assert_cmphex(qpci_read_config(&bus, MCH, PAM, 4), ==, 0);
    g_assert_cmphex(qtest_readl(s, 0xc0000), ==, 0x11111111);
    g_assert_cmphex(qtest_readl(s, 0xffffc), ==, 0x22222222);
    g_assert_cmphex(qtest_readl(s, 0xfffffff0), ==, UINT32_MAX);
    qtest_quit(s);
}

#define TEST(name)                      \
    {                                   \
        "/firmware/" #name, name, setup \
    }

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(Fixture *f, gconstpointer data);
        void (*setup)(Fixture *f, gconstpointer data);
    } tests[] = {
        TEST(rom_ends_at_4_gib),
        TEST(rom_end_is_below_1_mib),
        TEST(rom_is_read_only),
        { "/firmware/small_rom_leaves_nothing_below",
          small_rom_leaves_nothing_below, setup_small },
        TEST(pam_piece_is_ram_alone),
        TEST(pam_read_only_ram_keeps_writes_out),
        TEST(pam_write_only_ram_takes_copy),
        TEST(pam_write_over_edge_is_split),
        TEST(pam_has_no_other_bits),
        TEST(reset_shows_rom_again),
        TEST(reset_needs_no_file),
        TEST(smram_is_locked),
        TEST(ecam_moves_and_is_off_after_reset),
        TEST(port_92_has_a20),
        TEST(keyboard_controller_is_absent),
        TEST(smi_is_set_up),
        TEST(cmos_keeps_shutdown_code),
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, tests[i].setup, tests[i].test,
                   teardown);
    }
    g_test_add_func("/firmware/without_rom_all_is_ram", without_rom_all_is_ram);
    return g_test_run();
}
