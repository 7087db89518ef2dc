/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a firmware finds of the board: the ROM and its copy below 1 MiB, the
 * registers that put RAM there, SMM that is locked away, all of it again after a
 * reset, and what it is told by fw_cfg. */
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

/* A reset that the guest asks for, and its end: fw_cfg, which comes last, then
 * has its signature selected, and not the number of processors. */
static void reset(Fixture *f)
{
    QTestPoll poll = { 0 };

    qpci_write_pconfig(&f->bus, LPC, 0x60, 1, 0x0b); /* is 0x80 again then */
    qtest_outw(f->s, 0x510, 0x05);
    qtest_outb(f->s, RESET, 0x06);
    while (qtest_inb(f->s, 0x511) != 'Q') {
        qtest_poll(f->s, &poll, "reset");
    }
    g_assert_cmphex(qpci_read_pconfig(&f->bus, LPC, 0x60, 1), ==, 0x80);
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

/* --- fw_cfg, by ports --- */

static uint64_t read_le(QTestState *s, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)qtest_inb(s, 0x511) << (8 * i);
    }
    return value;
}

static uint32_t read_be32(QTestState *s)
{
    uint32_t value = (uint32_t)read_le(s, 4); /* the macro may take it twice */

    return GUINT32_SWAP_LE_BE(value);
}

static uint64_t fw_cfg_item(QTestState *s, uint16_t key, unsigned size)
{
    qtest_outw(s, 0x510, key);
    return read_le(s, size);
}

/* Selects the file @name and returns its size, or -1 if there is none. */
static int64_t fw_cfg_open(QTestState *s, const char *name)
{
    uint32_t n;

    qtest_outw(s, 0x510, 0x19);
    n = read_be32(s);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t size = read_be32(s);
        uint32_t key = read_be32(s) >> 16;
        char its_name[56];

        for (unsigned j = 0; j < sizeof(its_name); j++) {
            its_name[j] = (char)qtest_inb(s, 0x511);
        }
        if (g_str_equal(its_name, name)) {
            qtest_outw(s, 0x510, (uint16_t)key);
            return size;
        }
    }
    return -1;
}

static void assert_range(QTestState *s, uint64_t base, uint64_t size,
                         uint32_t type)
{
    g_assert_cmphex(read_le(s, 8), ==, base);
    g_assert_cmphex(read_le(s, 8), ==, size);
    g_assert_cmpuint(read_le(s, 4), ==, type);
}

/* RAM on both sides of the hole, and the pages that an accelerator takes. */
static void memory_is_told_of(void)
{
    QTestState *s = qtest_init("-m 3G");

    g_assert_cmpint(fw_cfg_open(s, "etc/e820"), ==, 60);
    assert_range(s, 0, 2 * GiB, 1);
    assert_range(s, 0xfeffc000, 0x4000, 2);
    assert_range(s, 4 * GiB, GiB, 1);
    qtest_quit(s);
    s = qtest_init("-m 2G");
    g_assert_cmpint(fw_cfg_open(s, "etc/e820"), ==, 40);
    assert_range(s, 0, 2 * GiB, 1);
    qtest_quit(s);
}

static void processors_are_told_of(void)
{
    /* Ids 0 to 2 and 4 to 6. */
    QTestState *s = qtest_init("-smp 6,sockets=2,cores=3");

    g_assert_cmpuint(fw_cfg_item(s, 0x05, 2), ==, 6);
    g_assert_cmpuint(fw_cfg_item(s, 0x0f, 2), ==, 7);
    g_assert_cmpuint(fw_cfg_item(s, 0x8002, 1), ==, 1);
    /* No NUMA, no kernel to load. */
    g_assert_cmpuint(fw_cfg_item(s, 0x0d, 8), ==, 0);
    g_assert_cmpuint(fw_cfg_item(s, 0x08, 4), ==, 0);
    qtest_quit(s);
}

static void sleep_states_are_told_of(void)
{
    QTestState *s = qtest_init("");

    g_assert_cmpint(fw_cfg_open(s, "etc/system-states"), ==, 6);
    g_assert_cmphex(read_le(s, 6), ==, 0x870000000080);
    g_assert_cmpint(fw_cfg_open(s, "etc/boot-fail-wait"), ==, 4);
    g_assert_cmphex(read_le(s, 4), ==, UINT32_MAX);
    qtest_quit(s);
}

static void serial_console_is_told_of(void)
{
    QTestState *s = qtest_init("");

    g_assert_cmpuint(fw_cfg_item(s, 0x04, 2), ==, 0);
    qtest_quit(s);
    s = qtest_init("-machine graphics=off");
    g_assert_cmpuint(fw_cfg_item(s, 0x04, 2), ==, 1);
    qtest_quit(s);
}

/* --- ACPI tables, which follow what firmware has done --- */

#define DMA_GPA    0x1000 /* of the command: control, length, address */
#define TABLES_GPA 0x2000

static GByteArray *read_tables(QTestState *s)
{
    int64_t size = fw_cfg_open(s, "etc/acpi/tables");
    const uint32_t command[] = { GUINT32_TO_BE(2), GUINT32_TO_BE(size), 0,
                                 GUINT32_TO_BE(TABLES_GPA) };
    GByteArray *tables = g_byte_array_new();

    g_assert_cmpint(size, >, 0);
    qtest_memwrite(s, DMA_GPA, command, sizeof(command));
    qtest_outl(s, 0x518, GUINT32_SWAP_LE_BE(DMA_GPA));
    g_assert_cmphex(qtest_readl(s, DMA_GPA), ==, 0);
    g_byte_array_set_size(tables, (guint)size);
    qtest_memread(s, TABLES_GPA, tables->data, tables->len);
    return tables;
}

/* Where @what is, or NULL. */
static const uint8_t *find_bytes(const GByteArray *tables, const void *what,
                                 size_t len)
{
    return memmem(tables->data, tables->len, what, len);
}

/* MCFG: ECAM at @base, for buses up to @last. */
static void assert_mcfg(const GByteArray *tables, uint64_t base, uint8_t last)
{
    const uint8_t *mcfg = find_bytes(tables, "MCFG", 4);
    uint64_t its_base;

    g_assert_nonnull(mcfg);
    memcpy(&its_base, mcfg + 44, 8);
    g_assert_cmphex(GUINT64_FROM_LE(its_base), ==, base);
    g_assert_cmphex(mcfg[44 + 11], ==, last);
}

/* _CRS has a window of 32-bit addresses from @base to @last (ACPI 6.4, 6.4.3.5.2:
 * granularity 0 comes before). */
static bool has_window32(const GByteArray *tables, uint32_t base, uint32_t last)
{
    const uint32_t window[] = { 0, GUINT32_TO_LE(base), GUINT32_TO_LE(last) };

    return find_bytes(tables, window, sizeof(window));
}

static bool has_window64(const GByteArray *tables, uint64_t base, uint64_t last)
{
    const uint64_t window[] = { 0, GUINT64_TO_LE(base), GUINT64_TO_LE(last) };

    return find_bytes(tables, window, sizeof(window));
}

/* Windows on both sides of it, and above RAM as far as the processors reach. */
static void acpi_follows_ecam(void)
{
    QTestState *s = qtest_init("-m 3G -device pcie-root-port,id=a,chassis=1 "
                               "-device pcie-root-port,id=b,chassis=2,slot=1");
    QPCIBus bus = { .qts = s };
    g_autoptr(GByteArray) tables = NULL;

    qpci_write_pconfig(&bus, MCH, QPCI_MCH_PCIEXBAR, 4, 0xe0000001);
    qpci_write_pconfig(&bus, QPCI_DEVFN(1, 0), PCI_SUBORDINATE_BUS, 1, 1);
    qpci_write_pconfig(&bus, QPCI_DEVFN(2, 0), PCI_SUBORDINATE_BUS, 1, 7);
    tables = read_tables(s);
    assert_mcfg(tables, 0xe0000000, 7);
    g_assert_true(has_window32(tables, 0x80000000, 0xdfffffff));
    g_assert_true(has_window32(tables, 0xf0000000, 0xfebfffff));
    g_assert_true(has_window64(tables, 5 * GiB, TiB - 1));
    qtest_quit(s);
}

/* SRAT's memory affinity structures, of 40 bytes: ACPI 6.4, 5.2.16.2. */
static void assert_ranges(const uint8_t *p, const uint64_t (*want)[3],
                          unsigned n)
{
    for (unsigned i = 0; i < n; i++, p += 40) {
        uint64_t base, size;

        memcpy(&base, p + 8, sizeof(base));
        memcpy(&size, p + 16, sizeof(size));
        g_assert_cmpint(p[0], ==, 1);
        g_assert_cmpuint(p[2], ==, want[i][0]);
        g_assert_cmphex(GUINT64_FROM_LE(base), ==, want[i][1]);
        g_assert_cmphex(GUINT64_FROM_LE(size), ==, want[i][2]);
    }
}

/* The second node's memory is on both sides of the hole below 4 GiB. */
static void acpi_tells_of_nodes(void)
{
    static const uint64_t ranges[][3] = {
        { 0, 0, 0xa0000 },
        { 0, 0xc0000, GiB - 0xc0000 },
        { 1, GiB, GiB },
        { 1, 4 * GiB, GiB },
    };
    static const uint8_t distances[] = {
        2, 0, 0, 0, 0, 0, 0, 0, 10, 30, 30, 10
    };
    QTestState *s = qtest_init(
        "-m 3G -smp 2 -object memory-backend-ram,id=a,size=1G "
        "-object memory-backend-ram,id=b,size=2G -numa node,memdev=a,cpus=1 "
        "-numa node,memdev=b,cpus=0 -numa dist,src=0,dst=1,val=30");
    g_autoptr(GByteArray) tables = read_tables(s);
    const uint8_t *srat = find_bytes(tables, "SRAT", 4);
    const uint8_t *slit = find_bytes(tables, "SLIT", 4);

    g_assert_nonnull(srat);
    g_assert_cmpint(srat[4], ==, 48 + 2 * 16 + 4 * 40);
    g_assert_cmpint(srat[48 + 2], ==, 1);      /* node of vCPU 0 */
    g_assert_cmpint(srat[48 + 16 + 2], ==, 0); /* and of vCPU 1 */
    assert_ranges(srat + 48 + 2 * 16, ranges, G_N_ELEMENTS(ranges));
    g_assert_nonnull(slit);
    g_assert_cmpmem(slit + 36, sizeof(distances), distances, sizeof(distances));
    qtest_quit(s);
}

/* Firmware that leaves ECAM off, or puts it where no table could say so: it is
 * where a PC has it, since the tables say so. */
static void acpi_has_ecam_of_its_own(void)
{
    static const uint32_t bars[] = { 0, 0x00000001, 0x70000001, 0x80000001,
                                     0xf0000001 };

    for (unsigned i = 0; i < G_N_ELEMENTS(bars); i++) {
        QTestState *s = qtest_init("");
        QPCIBus bus = { .qts = s };
        g_autoptr(GByteArray) tables = NULL;

        qpci_write_pconfig(&bus, MCH, QPCI_MCH_PCIEXBAR, 4, bars[i]);
        tables = read_tables(s);
        assert_mcfg(tables, 0xb0000000, 0);
        g_assert_true(has_window32(tables, 0x80000000, 0xafffffff));
        g_assert_true(has_window32(tables, 0xc0000000, 0xfebfffff));
        g_assert_cmphex(qtest_readl(s, 0xb0000000), ==, 0x29c08086);
        qtest_quit(s);
    }
}

/* Each boot has tables of its own, of one size. */
static void acpi_is_made_again_after_reset(Fixture *f, gconstpointer data)
{
    GByteArray *tables;
    uint32_t size;

    qpci_write_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR, 4, 0xc0000003);
    tables = read_tables(f->s);
    size = tables->len;
    assert_mcfg(tables, 0xc0000000, 0);
    g_assert_true(has_window32(tables, 0xc8000000, 0xfebfffff));
    g_byte_array_unref(tables);

    reset(f);
    qpci_write_pconfig(&f->bus, MCH, QPCI_MCH_PCIEXBAR, 4, 0xd0000001);
    tables = read_tables(f->s);
    g_assert_cmpuint(tables->len, ==, size);
    assert_mcfg(tables, 0xd0000000, 0);
    g_byte_array_unref(tables);
}

/* -no-acpi */
static void acpi_may_be_absent(void)
{
    QTestState *s = qtest_init("-no-acpi");

    g_assert_cmpint(fw_cfg_open(s, "etc/acpi/tables"), ==, -1);
    g_assert_cmpint(fw_cfg_open(s, "etc/table-loader"), ==, -1);
    qtest_quit(s);
}

/* --- what to boot --- */

static uint8_t read_cmos(QTestState *s, uint8_t reg)
{
    qtest_outb(s, CMOS, reg);
    return qtest_inb(s, CMOS + 1);
}

/* once= is for the first boot, order= for the others. */
static void drives_are_in_cmos(void)
{
    Fixture f = { .s = qtest_init("-boot order=cnd,once=d,menu=on,"
                                  "splash-time=5000,reboot-timeout=70") };

    f.bus.qts = f.s;
    g_assert_cmphex(read_cmos(f.s, 0x3d), ==, 0x03);
    g_assert_cmphex(read_cmos(f.s, 0x38), ==, 0x00);
    reset(&f);
    g_assert_cmphex(read_cmos(f.s, 0x3d), ==, 0x42);
    g_assert_cmphex(read_cmos(f.s, 0x38), ==, 0x30);
    g_assert_cmpuint(fw_cfg_item(f.s, 0x0e, 2), ==, 1);
    g_assert_cmpint(fw_cfg_open(f.s, "etc/boot-menu-wait"), ==, 2);
    g_assert_cmpuint(read_le(f.s, 2), ==, 5000);
    g_assert_cmpint(fw_cfg_open(f.s, "etc/boot-fail-wait"), ==, 4);
    g_assert_cmpuint(read_le(f.s, 4), ==, 70);
    g_assert_cmpint(fw_cfg_open(f.s, "bootorder"), ==, 0);
    qtest_quit(f.s);
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
        TEST(acpi_is_made_again_after_reset),
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, tests[i].setup, tests[i].test,
                   teardown);
    }
    g_test_add_func("/firmware/without_rom_all_is_ram", without_rom_all_is_ram);
    g_test_add_func("/firmware/memory_is_told_of", memory_is_told_of);
    g_test_add_func("/firmware/processors_are_told_of", processors_are_told_of);
    g_test_add_func("/firmware/sleep_states_are_told_of",
                    sleep_states_are_told_of);
    g_test_add_func("/firmware/serial_console_is_told_of",
                    serial_console_is_told_of);
    g_test_add_func("/firmware/acpi_follows_ecam", acpi_follows_ecam);
    g_test_add_func("/firmware/acpi_tells_of_nodes", acpi_tells_of_nodes);
    g_test_add_func("/firmware/acpi_has_ecam_of_its_own",
                    acpi_has_ecam_of_its_own);
    g_test_add_func("/firmware/acpi_may_be_absent", acpi_may_be_absent);
    g_test_add_func("/firmware/drives_are_in_cmos", drives_are_in_cmos);
    return g_test_run();
}
