/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board's ACPI tables as a guest finds them, from the RSDP on: checksums,
 * what they say, and whether iasl understands each of them and compiles the
 * DSDT that it has disassembled.
 */
#include "hw/acpi/aml-build.h"
#include "hw/acpi/ich9-pm.h"
#include "hw/i386/acpi-build.h"
#include "hw/isa/lpc-ich9.h"
#include "test-acpi.h"

#define BLOB_GPA 0xe0000

static uint32_t many_ids[255];

static const uint32_t one_id[] = { 0 };

/* What the q35 board asks for. */
static AcpiConfig q35_config(void)
{
    return (AcpiConfig){
        .n_cpus = 1,
        .apic_ids = one_id,
        .ecam_base = 0xb0000000,
        .ecam_buses = 256,
        .mmio32_base = 0xc0000000,
        .mmio32_size = 0x3ec00000,
        .mmio64_base = 4 * GiB,
        .mmio64_size = 32 * GiB,
        .pm_base = ICH9_PM_BASE,
        .sci_irq = ICH9_SCI_IRQ,
        .serial_ports = 1,
        .has_rtc = true,
    };
}

typedef struct Fixture {
    AcpiTables tables;
    uint64_t gpas[ACPI_FILES];
    char *dir;
} Fixture;

static void build(Fixture *f, const AcpiConfig *config)
{
    acpi_build(&f->tables, config);
    f->gpas[ACPI_FILE_TABLES] = BLOB_GPA;
    /* Far from them: nothing but the fix-ups may know where they are. */
    f->gpas[ACPI_FILE_RSDP] = BLOB_GPA / 2;
    acpi_place(&f->tables, f->gpas);
    f->dir = g_dir_make_tmp("test-acpi-XXXXXX", NULL);
    g_assert_nonnull(f->dir);
}

static void teardown(Fixture *f, gconstpointer data)
{
    acpi_tables_finish(&f->tables);
    if (f->dir) {
        remove_dir(f->dir);
        g_free(f->dir);
    }
}

/* --- walking the tables --- */

static const uint8_t *at(const Fixture *f, uint64_t gpa)
{
    for (unsigned i = 0; i < ACPI_FILES; i++) {
        if (gpa - f->gpas[i] < f->tables.files[i]->len) {
            return f->tables.files[i]->data + (gpa - f->gpas[i]);
        }
    }
    g_assert_not_reached();
}

static uint64_t xsdt_gpa(const Fixture *f)
{
    return get(at(f, f->gpas[ACPI_FILE_RSDP]) + 24, 8);
}

/* The table called @signature among those that the XSDT lists. */
static const uint8_t *find_table(const Fixture *f, const char *signature)
{
    const uint8_t *xsdt = at(f, xsdt_gpa(f));

    for (size_t i = ACPI_TABLE_HEADER_SIZE; i < get(xsdt + 4, 4); i += 8) {
        const uint8_t *t = at(f, get(xsdt + i, 8));

        if (!memcmp(t, signature, 4)) {
            return t;
        }
    }
    g_assert_not_reached();
}

static const uint8_t *dsdt_of(const Fixture *f)
{
    return at(f, get(find_table(f, "FACP") + 40, 4));
}

static const uint8_t *facs_of(const Fixture *f)
{
    return at(f, get(find_table(f, "FACP") + 36, 4));
}

/* --- iasl --- */

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        g_test_message("no '%s' in:\n%s", part, text);
        g_test_fail();
    }
}

/* All but the RSDP, which is no table to iasl; test_checksums() looks at it. */
static void disassemble_all(const Fixture *f)
{
    static const char *const listed[] = { "FACP", "APIC", "MCFG" };
    const uint8_t *xsdt = at(f, xsdt_gpa(f));

    for (unsigned i = 0; i < G_N_ELEMENTS(listed); i++) {
        const uint8_t *t = find_table(f, listed[i]);

        g_free(disassemble(f->dir, listed[i], t, get(t + 4, 4)));
    }
    g_free(disassemble(f->dir, "XSDT", xsdt, get(xsdt + 4, 4)));
    g_free(disassemble(f->dir, "FACS", facs_of(f), get(facs_of(f) + 4, 4)));
}

/* Disassembles the DSDT and compiles the result; returns the text. */
static char *roundtrip_dsdt(const Fixture *f)
{
    const uint8_t *dsdt = dsdt_of(f);
    char *text = disassemble(f->dir, "DSDT", dsdt, get(dsdt + 4, 4));
    g_autofree char *output = iasl(f->dir, "-oa", "DSDT.dsl");
    g_autofree char *path = g_build_filename(f->dir, "DSDT.aml", NULL);
    g_autofree char *aml = NULL;
    size_t len;

    assert_has(output, "0 Errors, 0 Warnings, 0 Remarks");
    /* The same terms in the same encoding; headers differ in the compiler. */
    g_assert_true(g_file_get_contents(path, &aml, &len, NULL));
    g_assert_cmpmem(aml + ACPI_TABLE_HEADER_SIZE, len - ACPI_TABLE_HEADER_SIZE,
                    dsdt + ACPI_TABLE_HEADER_SIZE,
                    get(dsdt + 4, 4) - ACPI_TABLE_HEADER_SIZE);
    return text;
}

/* --- tests --- */

static void test_checksums(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *rsdp, *xsdt, *dsdt;

    build(f, &config);
    rsdp = at(f, f->gpas[ACPI_FILE_RSDP]);
    xsdt = at(f, xsdt_gpa(f));
    dsdt = dsdt_of(f);
    g_assert_cmpmem(rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(f->gpas[ACPI_FILE_RSDP] % 16, ==, 0);
    g_assert_cmpuint(sum(rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(rsdp, 36), ==, 0);
    g_assert_cmpuint(sum(xsdt, get(xsdt + 4, 4)), ==, 0);
    for (size_t i = ACPI_TABLE_HEADER_SIZE; i < get(xsdt + 4, 4); i += 8) {
        const uint8_t *t = at(f, get(xsdt + i, 8));

        g_assert_cmpuint(sum(t, get(t + 4, 4)), ==, 0);
    }
    g_assert_cmpmem(dsdt, 4, "DSDT", 4);
    g_assert_cmpuint(sum(dsdt, get(dsdt + 4, 4)), ==, 0);
    g_assert_cmpmem(facs_of(f), 4, "FACS", 4);
    g_assert_cmpuint(get(find_table(f, "FACP") + 36, 4) % 64, ==, 0);
}

/* Offsets: ACPI 6.4, table 5.9. */
static void test_fadt_says_what_the_board_has(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *fadt;

    build(f, &config);
    fadt = find_table(f, "FACP");
    g_assert_cmpuint(fadt[8], ==, 6);
    g_assert_cmpuint(get(fadt + 46, 2), ==, 9);
    g_assert_cmpuint(get(fadt + 48, 4), ==, ICH9_APM_PORT);
    g_assert_cmpuint(get(fadt + 56, 4), ==, 0x600);
    g_assert_cmpuint(get(fadt + 64, 4), ==, 0x604);
    g_assert_cmpuint(get(fadt + 76, 4), ==, 0x608);
    g_assert_cmpuint(get(fadt + 80, 4), ==, 0); /* no GPE0 */
    g_assert_cmpuint(fadt[108], ==, 0x32);
    /* Legacy devices, no 8042, no VGA, no ASPM, a CMOS RTC. */
    g_assert_cmphex(get(fadt + 109, 2), ==, 0x15);
    /* RESET_REG_SUP; power and sleep button: fixed, absent. */
    g_assert_cmphex(get(fadt + 112, 4), ==, 0x465);
    g_assert_cmphex(get(fadt + 120, 8), ==, 0xcf9);
    g_assert_cmphex(fadt[128], ==, 6);
    g_assert_cmphex(get(fadt + 140, 8), ==, get(fadt + 40, 4));
}

static void test_fadt_without_rtc_and_with_gpe0(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *fadt;

    config.has_rtc = false;
    config.serial_ports = 0;
    config.has_gpe0 = true;
    build(f, &config);
    fadt = find_table(f, "FACP");
    g_assert_cmphex(get(fadt + 109, 2), ==, 0x34);
    g_assert_cmphex(get(fadt + 80, 4), ==, 0x620);
    g_assert_cmpuint(fadt[92], ==, 16);
    g_assert_cmpuint(fadt[108], ==, 0);
    disassemble_all(f);
    g_free(roundtrip_dsdt(f));
}

/* Counts the MADT's entries of @type. */
static unsigned madt_count(const uint8_t *madt, uint8_t type)
{
    unsigned n = 0;

    for (size_t i = 44; i < get(madt + 4, 4); i += madt[i + 1]) {
        g_assert_cmpuint(madt[i + 1], >=, 2);
        n += madt[i] == type;
    }
    return n;
}

static void test_madt_names_each_cpu(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *madt;

    for (unsigned i = 0; i < G_N_ELEMENTS(many_ids); i++) {
        many_ids[i] = i * 2; /* from number 128 on x2APIC ids */
    }
    config.n_cpus = G_N_ELEMENTS(many_ids);
    config.apic_ids = many_ids;
    build(f, &config);
    madt = find_table(f, "APIC");
    g_assert_cmpuint(madt_count(madt, 0), ==, 128); /* 0 .. 254 */
    g_assert_cmpuint(madt_count(madt, 9), ==, 127);
    g_assert_cmpuint(madt_count(madt, 1), ==, 1);
    g_assert_cmpuint(madt_count(madt, 2), ==, 2);
    g_assert_cmpuint(madt_count(madt, 4), ==, 1);
    g_assert_cmpuint(madt_count(madt, 10), ==, 1);
    disassemble_all(f);
    g_free(roundtrip_dsdt(f));
}

static void test_madt_without_x2apic(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *madt;

    build(f, &config);
    madt = find_table(f, "APIC");
    g_assert_cmpuint(madt_count(madt, 0), ==, 1);
    g_assert_cmpuint(madt_count(madt, 9), ==, 0);
    g_assert_cmpuint(madt_count(madt, 10), ==, 0);
}

static void test_mcfg(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    const uint8_t *mcfg;

    config.ecam_buses = 64;
    build(f, &config);
    mcfg = find_table(f, "MCFG");
    g_assert_cmpuint(get(mcfg + 4, 4), ==, 60);
    g_assert_cmphex(get(mcfg + 44, 8), ==, 0xb0000000);
    g_assert_cmpuint(mcfg[55], ==, 63);
}

static void test_iasl_reads_every_table(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();

    config.serial_ports = 0xf;
    build(f, &config);
    disassemble_all(f);
}

static void test_dsdt(Fixture *f, gconstpointer data)
{
    static const char *const parts[] = {
        "Scope (\\_SB)",
        "Device (PCI0)",
        "EisaId (\"PNP0A08\")",
        "EisaId (\"PNP0A03\")",
        "EisaId (\"PNP0C02\")",
        "Device (COM1)",
        "Device (COM3)",
        "EisaId (\"PNP0501\")",
        "EisaId (\"PNP0B00\")",
        "\"ACPI0007\"",
        "Name (_HID, \"QEMU0001\")",
        "0x0505,             // Range Minimum",
        "Method (_OSC, 4, Serialized)",
        "Name (\\_S5, Package (0x04)",
        "QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed",
        "DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed",
        "WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode",
    };
    AcpiConfig config = q35_config();
    g_autofree char *text = NULL;

    config.serial_ports = 1 << 0 | 1 << 2;
    config.pvpanic_port = 0x505;
    build(f, &config);
    text = roundtrip_dsdt(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        assert_has(text, parts[i]);
    }
    g_assert_null(strstr(text, "COM2"));
}

static void test_dsdt_without_high_window(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    g_autofree char *text = NULL;

    config.mmio64_size = 0;
    build(f, &config);
    text = roundtrip_dsdt(f);
    g_assert_null(strstr(text, "QWordMemory"));
    g_assert_null(strstr(text, "QEMU0001"));
}

/* Every pin of every slot goes where ich9_set_intx() will take it. */
static void test_prt_matches_wiring(Fixture *f, gconstpointer data)
{
    AcpiConfig config = q35_config();
    g_autofree char *text = NULL;
    g_autofree char *packed = NULL;
    g_auto(GStrv) words = NULL;

    build(f, &config);
    text = roundtrip_dsdt(f);
    /* Without white space and comments an entry is "Package(0x04){...}". */
    words = g_regex_split_simple("\\s+|//.*", text, 0, 0);
    packed = g_strjoinv("", words);
    for (unsigned slot = 0; slot < PCI_SLOTS_MAX; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            static const char *const pins[] = { "Zero", "One", "0x02", "0x03" };
            unsigned gsi = ICH9_PIRQ_GSI_BASE +
                           ich9_pirq(PCI_DEVFN(slot, 0), pin);
            g_autofree char *address = slot
                                           ? g_strdup_printf("0x%04XFFFF", slot)
                                           : g_strdup("0xFFFF");
            g_autofree char *entry = g_strdup_printf("{%s,%s,Zero,0x%02X}",
                                                     address, pins[pin], gsi);

            assert_has(packed, entry);
        }
    }
}

/* --- NUMA --- */

/* Two nodes, the first around the hole below 1 MiB. Both kinds of processor
 * entries: an APIC id of 255 needs the longer one. */
static void test_numa(Fixture *f, gconstpointer data)
{
    static const uint32_t ids[] = { 0, 1, 255 };
    static const AcpiNumaRange ranges[] = {
        { 0, 0xa0000, 0 },
        { 0xc0000, 128 * MiB - 0xc0000, 0 },
        { 4 * GiB, 64 * MiB, 1 },
    };
    NumaConfig numa = {
        .n_nodes = 2,
        .cpu_nodes = { 0, 1, 1 },
        .has_distances = true,
        .distances = { { 10, 21 }, { 31, 10 } },
    };
    AcpiConfig c = q35_config();
    g_autofree char *srat = NULL, *slit = NULL;
    const uint8_t *t;

    c.n_cpus = G_N_ELEMENTS(ids);
    c.apic_ids = ids;
    c.numa = &numa;
    c.numa_ranges = ranges;
    c.n_numa_ranges = G_N_ELEMENTS(ranges);
    build(f, &c);

    t = find_table(f, "SRAT");
    g_assert_cmpuint(get(t + 4, 4), ==, 48 + 2 * 16 + 24 + 3 * 40);
    srat = disassemble(f->dir, "SRAT", t, get(t + 4, 4));
    g_assert_cmpuint(get(t + 48 + 16 + 2, 1), ==, 1);   /* node of vCPU 1 */
    g_assert_cmpuint(get(t + 48 + 32 + 8, 4), ==, 255); /* x2APIC id */
    assert_has(srat, "Processor Local x2APIC Affinity");
    assert_has(srat, "Base Address : 0000000100000000");
    assert_has(srat, "Address Length : 0000000004000000");
    t = find_table(f, "SLIT");
    slit = disassemble(f->dir, "SLIT", t, get(t + 4, 4));
    g_assert_cmpuint(get(t + 36, 8), ==, 2);
    g_assert_cmphex(get(t + 44, 4), ==, 0x0a1f150a);
}

static void add(const char *path, void (*test)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, NULL, test, teardown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/acpi/checksums", test_checksums);
    add("/acpi/fadt", test_fadt_says_what_the_board_has);
    add("/acpi/fadt-variants", test_fadt_without_rtc_and_with_gpe0);
    add("/acpi/madt-255", test_madt_names_each_cpu);
    add("/acpi/madt-1", test_madt_without_x2apic);
    add("/acpi/mcfg", test_mcfg);
    add("/acpi/numa", test_numa);
    add("/acpi/iasl", test_iasl_reads_every_table);
    add("/acpi/dsdt", test_dsdt);
    add("/acpi/dsdt-no-high-window", test_dsdt_without_high_window);
    add("/acpi/prt", test_prt_matches_wiring);
    return g_test_run();
}
