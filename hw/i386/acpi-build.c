/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/acpi-build.h"
#include "hw/acpi/aml-build.h"
#include "hw/acpi/ich9-pm.h"
#include "hw/char/serial-isa.h"
#include "hw/isa/lpc-ich9.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/rtc/mc146818rtc.h"

#define IOAPIC_BASE     0xfec00000
#define LOCAL_APIC_BASE 0xfee00000
#define APIC_PAGE_SIZE  0x1000

/* Offsets within tables, filled in later. */
#define FACS_SIZE 64
#define RSDP_SIZE 36
#define FADT_SIZE 276 /* revision 6; ACPI 6.4, table 5.9 */

/* Fixed feature flags, ACPI 6.4, table 5.10. */
enum {
    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_SLEEP_BUTTON_ABSENT = 1 << 5, /* "control method or absent" */
    FADT_RTC_WAKE_ABSENT = 1 << 6,     /* not in fixed registers */
    FADT_RESET_REG_SUP = 1 << 10,
};

/* IA-PC boot flags, table 5.11. Bit 1, a keyboard controller, stays clear, so
 * that nobody looks for one. */
enum {
    BOOT_LEGACY_DEVICES = 1 << 0,
    BOOT_NO_VGA = 1 << 2,
    BOOT_NO_PCIE_ASPM = 1 << 4,
    BOOT_NO_CMOS_RTC = 1 << 5,
};

/* --- fix-ups --- */

/* Appends to @file a pointer to @offset of the tables. */
static void append_pointer(AcpiTables *t, AcpiFile file, unsigned offset,
                           unsigned size)
{
    const AcpiFixup fixup = {
        .file = file,
        .offset = t->files[file]->len,
        .size = size,
        .target = ACPI_FILE_TABLES,
    };

    acpi_append_int(t->files[file], offset, size);
    g_array_append_val(t->fixups, fixup);
}

static void add_checksum(AcpiTables *t, AcpiFile file, unsigned offset,
                         unsigned start, unsigned length)
{
    const AcpiFixup fixup = {
        .file = file,
        .offset = offset,
        .start = start,
        .length = length,
    };

    g_array_append_val(t->fixups, fixup);
}

/* acpi_table_end() of a table with pointers. Its checksum is 0 until it is fixed
 * up: OVMF sets it to what the sum of all bytes lacks, where SeaBIOS adds that. */
static void end_table(AcpiTables *t, unsigned start)
{
    GByteArray *out = t->files[ACPI_FILE_TABLES];

    acpi_table_end(out, start);
    out->data[start + ACPI_TABLE_CHECKSUM] = 0;
    add_checksum(t, ACPI_FILE_TABLES, start + ACPI_TABLE_CHECKSUM, start,
                 out->len - start);
}

void acpi_place(AcpiTables *t, const uint64_t gpas[ACPI_FILES])
{
    for (guint i = 0; i < t->fixups->len; i++) {
        const AcpiFixup *f = &g_array_index(t->fixups, AcpiFixup, i);
        uint8_t *field = t->files[f->file]->data + f->offset;
        uint64_t value = 0;

        if (!f->size) {
            *field = (uint8_t)(*field + acpi_checksum(t->files[f->file],
                                                      f->start, f->length));
            continue;
        }
        memcpy(&value, field, f->size);
        value = GUINT64_TO_LE(GUINT64_FROM_LE(value) + gpas[f->target]);
        memcpy(field, &value, f->size);
    }
}

/* --- fixed tables --- */

static void build_facs(GByteArray *out)
{
    unsigned start = out->len;

    acpi_append_text(out, "FACS", 4, 0);
    acpi_append_int(out, FACS_SIZE, 4);
    g_byte_array_set_size(out, start + FACS_SIZE);
    memset(out->data + start + 8, 0, FACS_SIZE - 8);
    out->data[start + 32] = 2; /* version */
}

/* From the SCI interrupt up to the flags: the registers of ACPI 1.0. */
static void build_fadt_legacy(GByteArray *out, const AcpiConfig *c)
{
    acpi_append_int(out, 0, 1); /* INT_MODEL of ACPI 1.0 */
    acpi_append_int(out, 0, 1); /* preferred profile: unspecified */
    acpi_append_int(out, c->sci_irq, 2);
    acpi_append_int(out, ICH9_APM_PORT, 4);
    acpi_append_int(out, ICH9_APM_ACPI_ENABLE, 1);
    acpi_append_int(out, ICH9_APM_ACPI_DISABLE, 1);
    acpi_append_int(out, 0, 2); /* S4BIOS_REQ, PSTATE_CNT */
    acpi_append_int(out, c->pm_base + ICH9_PM1_EVT, 4);
    acpi_append_int(out, 0, 4); /* PM1b event */
    acpi_append_int(out, c->pm_base + ICH9_PM1_CNT, 4);
    acpi_append_int(out, 0, 4); /* PM1b control */
    acpi_append_int(out, 0, 4); /* PM2 control */
    acpi_append_int(out, c->pm_base + ICH9_PM_TMR, 4);
    acpi_append_int(out, c->has_gpe0 ? c->pm_base + ICH9_GPE0 : 0, 4);
    acpi_append_int(out, 0, 4); /* GPE1 */
    acpi_append_int(out, 4, 1); /* lengths of the above */
    acpi_append_int(out, 2, 1);
    acpi_append_int(out, 0, 1);
    acpi_append_int(out, 4, 1);
    acpi_append_int(out, c->has_gpe0 ? ICH9_GPE0_SIZE : 0, 1);
    acpi_append_int(out, 0, 3);     /* GPE1 length and base, CST_CNT */
    acpi_append_int(out, 0xfff, 2); /* above 100 us: no C2 */
    acpi_append_int(out, 0xfff, 2); /* above 1000 us: no C3 */
    acpi_append_int(out, 0, 4);     /* cache flush size, stride */
    acpi_append_int(out, 0, 2);     /* duty cycle */
    acpi_append_int(out, 0, 2);     /* day and month alarm: none */
    acpi_append_int(out, c->has_rtc ? RTC_CENTURY : 0, 1);
    acpi_append_int(out,
                    (c->serial_ports ? BOOT_LEGACY_DEVICES : 0) | BOOT_NO_VGA |
                        BOOT_NO_PCIE_ASPM | (c->has_rtc ? 0 : BOOT_NO_CMOS_RTC),
                    2);
    acpi_append_int(out, 0, 1);
    acpi_append_int(out,
                    FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON_ABSENT |
                        FADT_RTC_WAKE_ABSENT | FADT_RESET_REG_SUP,
                    4);
}

static void build_fadt(AcpiTables *t, const AcpiConfig *c, unsigned facs,
                       unsigned dsdt)
{
    GByteArray *out = t->files[ACPI_FILE_TABLES];
    unsigned start = acpi_table_begin(out, "FACP", 6);

    append_pointer(t, ACPI_FILE_TABLES, facs, 4);
    append_pointer(t, ACPI_FILE_TABLES, dsdt, 4);
    build_fadt_legacy(out, c);
    acpi_append_gas(out, ACPI_SPACE_IO, 8, 1, ICH9_RESET_PORT);
    acpi_append_int(out, ICH9_RESET_VALUE, 1);
    acpi_append_int(out, 0, 2); /* ARM flags */
    acpi_append_int(out, 4, 1); /* minor version: ACPI 6.4 */
    /* FIRMWARE_CTRL has named the FACS; the two exclude each other. */
    acpi_append_int(out, 0, 8);
    append_pointer(t, ACPI_FILE_TABLES, dsdt, 8);
    acpi_append_gas(out, ACPI_SPACE_IO, 32, 2, c->pm_base + ICH9_PM1_EVT);
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0);
    acpi_append_gas(out, ACPI_SPACE_IO, 16, 2, c->pm_base + ICH9_PM1_CNT);
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0);
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0);
    acpi_append_gas(out, ACPI_SPACE_IO, 32, 3, c->pm_base + ICH9_PM_TMR);
    acpi_append_gas(out, ACPI_SPACE_IO, 8 * ICH9_GPE0_SIZE, 1,
                    c->has_gpe0 ? c->pm_base + ICH9_GPE0 : 0);
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0);
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0); /* sleep control */
    acpi_append_gas(out, ACPI_SPACE_IO, 0, 0, 0); /* sleep status */
    acpi_append_int(out, 0, 8);                   /* hypervisor vendor */
    assert(out->len - start == FADT_SIZE);
    end_table(t, start);
}

/* An interrupt source override; flags are polarity and trigger (5.2.12.5). */
static void build_override(GByteArray *out, uint8_t irq, uint32_t gsi,
                           uint16_t flags)
{
    acpi_append_int(out, 2, 1);
    acpi_append_int(out, 10, 1);
    acpi_append_int(out, 0, 1); /* bus: ISA */
    acpi_append_int(out, irq, 1);
    acpi_append_int(out, gsi, 4);
    acpi_append_int(out, flags, 2);
}

static void build_madt_cpu(GByteArray *out, uint32_t uid, uint32_t apic_id)
{
    if (apic_id < 255) {
        acpi_append_int(out, 0, 1);
        acpi_append_int(out, 8, 1);
        acpi_append_int(out, uid, 1);
        acpi_append_int(out, apic_id, 1);
        acpi_append_int(out, 1, 4); /* enabled */
    } else {
        acpi_append_int(out, 9, 1);
        acpi_append_int(out, 16, 1);
        acpi_append_int(out, 0, 2);
        acpi_append_int(out, apic_id, 4);
        acpi_append_int(out, 1, 4);
        acpi_append_int(out, uid, 4);
    }
}

/* LINT1 of every processor is NMI. */
static void build_madt_nmi(GByteArray *out, bool x2apic)
{
    acpi_append_int(out, 4, 1);
    acpi_append_int(out, 6, 1);
    acpi_append_int(out, 0xff, 1);
    acpi_append_int(out, 0, 2);
    acpi_append_int(out, 1, 1);
    if (x2apic) {
        acpi_append_int(out, 10, 1);
        acpi_append_int(out, 12, 1);
        acpi_append_int(out, 0, 2);
        acpi_append_int(out, UINT32_MAX, 4);
        acpi_append_int(out, 1, 1);
        acpi_append_int(out, 0, 3);
    }
}

static void build_madt(GByteArray *out, const AcpiConfig *c)
{
    unsigned start = acpi_table_begin(out, "APIC", 5);
    bool x2apic = false;

    acpi_append_int(out, LOCAL_APIC_BASE, 4);
    acpi_append_int(out, 1, 4); /* PCAT_COMPAT: there are 8259s too */
    for (unsigned i = 0; i < c->n_cpus; i++) {
        build_madt_cpu(out, i, c->apic_ids[i]);
        x2apic |= c->apic_ids[i] >= 255;
    }
    acpi_append_int(out, 1, 1); /* I/O APIC */
    acpi_append_int(out, 12, 1);
    acpi_append_int(out, 0, 2); /* id, reserved */
    acpi_append_int(out, IOAPIC_BASE, 4);
    acpi_append_int(out, 0, 4); /* first GSI */
    /* The timer is wired to input 2, where the cascade would be. */
    build_override(out, 0, 2, 0);
    build_override(out, c->sci_irq, c->sci_irq, 0x0d); /* high, level */
    build_madt_nmi(out, x2apic);
    acpi_table_end(out, start);
}

static void build_mcfg(GByteArray *out, const AcpiConfig *c)
{
    unsigned start = acpi_table_begin(out, "MCFG", 1);

    acpi_append_int(out, 0, 8);
    acpi_append_int(out, c->ecam_base, 8);
    acpi_append_int(out, 0, 2); /* segment */
    acpi_append_int(out, 0, 1);
    acpi_append_int(out, c->ecam_buses - 1, 1);
    acpi_append_int(out, 0, 4);
    acpi_table_end(out, start);
}

/* --- DSDT --- */

/* Every pin of every slot directly to its I/O APIC input: no link devices for
 * the guest to program. */
static Aml *build_prt(void)
{
    Aml *prt = aml_package();

    for (unsigned slot = 0; slot < PCI_SLOTS_MAX; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            unsigned pirq = ich9_pirq(PCI_DEVFN(slot, 0), pin);
            Aml *entry = aml_package();

            aml_append(entry, aml_int((uint64_t)slot << 16 | 0xffff));
            aml_append(entry, aml_int(pin));
            aml_append(entry, aml_int(0));
            aml_append(entry, aml_int(ICH9_PIRQ_GSI_BASE + pirq));
            aml_append(prt, entry);
        }
    }
    return aml_name_decl("_PRT", prt);
}

/*
 * PCI Firmware 3.2, 4.5.1: the guest may own native hotplug, PME, AER and the
 * PCIe capability, but not SHPC hotplug (bit 1), which no bridge of ours has.
 */
static Aml *build_osc(void)
{
    Aml *method = aml_method("_OSC", 4, true);
    Aml *ours = aml_if(aml_lequal(
        aml_arg(0), aml_touuid("33DB4D5B-1FF7-401C-9657-7441C03DD766")));
    Aml *unknown_rev = aml_if(aml_lnot(aml_lequal(aml_arg(1), aml_int(1))));
    Aml *masked = aml_if(aml_lnot(aml_lequal(aml_path("CDW3"), aml_local(0))));
    Aml *other = aml_else();

    aml_append(unknown_rev,
               aml_or(aml_path("CDW1"), aml_int(0x08), aml_path("CDW1")));
    aml_append(masked,
               aml_or(aml_path("CDW1"), aml_int(0x10), aml_path("CDW1")));

    aml_append(ours, aml_create_dword_field(aml_arg(3), 8, "CDW3"));
    aml_append(ours, aml_and(aml_path("CDW3"), aml_int(0x1d), aml_local(0)));
    aml_append(ours, unknown_rev);
    aml_append(ours, masked);
    aml_append(ours, aml_store(aml_local(0), aml_path("CDW3")));
    aml_append(other,
               aml_or(aml_path("CDW1"), aml_int(0x04), aml_path("CDW1")));

    aml_append(method, aml_create_dword_field(aml_arg(3), 0, "CDW1"));
    aml_append(method, ours);
    aml_append(method, other);
    aml_append(method, aml_return(aml_arg(3)));
    return method;
}

static void append_window32(Aml *crs, uint64_t base, uint64_t size)
{
    if (size) {
        aml_append(crs, aml_memory32_window((uint32_t)base,
                                            (uint32_t)(base + size - 1)));
    }
}

static Aml *build_pci_crs(const AcpiConfig *c)
{
    Aml *crs = aml_resource_template();

    aml_append(crs, aml_bus_window(0, (uint16_t)(c->ecam_buses - 1)));
    aml_append(crs, aml_io(0xcf8, 8));
    aml_append(crs, aml_io_window(0x0000, 0x0cf7));
    aml_append(crs, aml_io_window(0x0d00, 0xffff));
    append_window32(crs, c->mmio32_low_base, c->mmio32_low_size);
    append_window32(crs, c->mmio32_base, c->mmio32_size);
    if (c->mmio64_size) {
        aml_append(crs,
                   aml_memory64_window(c->mmio64_base,
                                       c->mmio64_base + c->mmio64_size - 1));
    }
    return aml_name_decl("_CRS", crs);
}

static Aml *build_device(const char *name, const char *hid, unsigned uid,
                         Aml *crs)
{
    Aml *dev = aml_device(name);

    aml_append(dev, aml_name_decl("_HID", aml_eisaid(hid)));
    aml_append(dev, aml_name_decl("_UID", aml_int(uid)));
    aml_append(dev, aml_name_decl("_CRS", crs));
    return dev;
}

/* What Linux's pvpanic driver binds to. */
static Aml *build_pvpanic(uint16_t port)
{
    Aml *dev = aml_device("PEVT");
    Aml *crs = aml_resource_template();

    aml_append(crs, aml_io(port, 1));
    aml_append(dev, aml_name_decl("_HID", aml_string("QEMU0001")));
    aml_append(dev, aml_name_decl("_CRS", crs));
    return dev;
}

/* What Linux's qemu_fw_cfg driver binds to; present and not shown to users
 * (_STA, ACPI 6.4, 6.3.7). */
static Aml *build_fw_cfg(void)
{
    Aml *dev = aml_device("FWCF");
    Aml *crs = aml_resource_template();

    aml_append(crs, aml_io(FW_CFG_PORT, FW_CFG_PORT_SIZE));
    aml_append(dev, aml_name_decl("_HID", aml_string("QEMU0002")));
    aml_append(dev, aml_name_decl("_STA", aml_int(0x0b)));
    aml_append(dev, aml_name_decl("_CRS", crs));
    return dev;
}

static Aml *build_isa(const AcpiConfig *c)
{
    Aml *isa = aml_device("ISA");

    aml_append(isa,
               aml_name_decl("_ADR", aml_int(PCI_SLOT(ICH9_LPC_DEVFN) << 16)));
    if (c->has_rtc) {
        Aml *crs = aml_resource_template();

        aml_append(crs, aml_io(RTC_PORT, 2));
        aml_append(crs, aml_irq_no_flags(RTC_IRQ));
        aml_append(isa, build_device("RTC", "PNP0B00", 0, crs));
    }
    if (c->pvpanic_port) {
        aml_append(isa, build_pvpanic(c->pvpanic_port));
    }
    if (c->has_fw_cfg) {
        aml_append(isa, build_fw_cfg());
    }
    for (unsigned i = 0; i < SERIAL_ISA_PORTS; i++) {
        if (c->serial_ports & 1u << i) {
            char name[] = { 'C', 'O', 'M', (char)('1' + i), 0 };
            Aml *crs = aml_resource_template();

            aml_append(crs, aml_io(serial_isa_resources[i].iobase, 8));
            aml_append(crs, aml_irq_no_flags(serial_isa_resources[i].irq));
            aml_append(isa, build_device(name, "PNP0501", i + 1, crs));
        }
    }
    return isa;
}

static Aml *build_pci_host(const AcpiConfig *c)
{
    Aml *pci = aml_device("PCI0");

    aml_append(pci, aml_name_decl("_HID", aml_eisaid("PNP0A08")));
    aml_append(pci, aml_name_decl("_CID", aml_eisaid("PNP0A03")));
    aml_append(pci, aml_name_decl("_UID", aml_int(0)));
    aml_append(pci, aml_name_decl("_BBN", aml_int(0)));
    aml_append(pci, aml_name_decl("_SEG", aml_int(0)));
    aml_append(pci, build_pci_crs(c));
    aml_append(pci, build_prt());
    aml_append(pci, build_osc());
    aml_append(pci, build_isa(c));
    return pci;
}

/* What no other device claims. An operating system trusts MCFG only if the
 * range is reserved here (PCI Firmware 3.2, 4.1.2). */
static Aml *build_board_resources(const AcpiConfig *c)
{
    Aml *crs = aml_resource_template();

    assert(c->ecam_base + c->ecam_buses * MiB <= 4 * GiB);
    aml_append(crs, aml_memory32_fixed((uint32_t)c->ecam_base,
                                       (uint32_t)(c->ecam_buses * MiB)));
    aml_append(crs, aml_memory32_fixed(IOAPIC_BASE, APIC_PAGE_SIZE));
    aml_append(crs, aml_memory32_fixed(LOCAL_APIC_BASE, APIC_PAGE_SIZE));
    aml_append(crs, aml_io(c->pm_base, ICH9_PM_SIZE));
    aml_append(crs, aml_io(ICH9_APM_PORT, 2));
    return build_device("MRES", "PNP0C02", 0, crs);
}

static void build_dsdt(GByteArray *out, const AcpiConfig *c)
{
    unsigned start = acpi_table_begin(out, "DSDT", 2);
    Aml *dsdt = aml_term_list();
    Aml *sb = aml_scope("\\_SB");
    Aml *s5 = aml_package();

    aml_append(sb, build_pci_host(c));
    aml_append(sb, build_board_resources(c));
    for (unsigned i = 0; i < c->n_cpus; i++) {
        g_autofree char *name = g_strdup_printf("C%03X", i);
        Aml *cpu = aml_device(name);

        aml_append(cpu, aml_name_decl("_HID", aml_string("ACPI0007")));
        aml_append(cpu, aml_name_decl("_UID", aml_int(i)));
        aml_append(sb, cpu);
    }
    aml_append(s5, aml_int(ICH9_SLP_TYP_S5));
    aml_append(s5, aml_int(0));
    aml_append(s5, aml_int(0));
    aml_append(s5, aml_int(0));
    aml_append(dsdt, sb);
    aml_append(dsdt, aml_name_decl("\\_S5", s5));
    aml_write(dsdt, out);
    acpi_table_end(out, start);
}

/* --- roots --- */

static void build_xsdt(AcpiTables *t, const unsigned *tables, unsigned n)
{
    unsigned start = acpi_table_begin(t->files[ACPI_FILE_TABLES], "XSDT", 1);

    for (unsigned i = 0; i < n; i++) {
        append_pointer(t, ACPI_FILE_TABLES, tables[i], 8);
    }
    end_table(t, start);
}

static void build_rsdp(AcpiTables *t, unsigned xsdt)
{
    GByteArray *out = t->files[ACPI_FILE_RSDP];

    acpi_append_text(out, "RSD PTR ", 8, 0);
    acpi_append_int(out, 0, 1); /* checksum of the first 20 bytes */
    acpi_append_text(out, "QEMU", 6, ' ');
    acpi_append_int(out, 2, 1); /* revision */
    acpi_append_int(out, 0, 4); /* no RSDT */
    acpi_append_int(out, RSDP_SIZE, 4);
    append_pointer(t, ACPI_FILE_RSDP, xsdt, 8);
    acpi_append_int(out, 0, 4); /* checksum of the whole, reserved */
    add_checksum(t, ACPI_FILE_RSDP, 8, 0, 20);
    add_checksum(t, ACPI_FILE_RSDP, 32, 0, RSDP_SIZE);
}

/* Where in the file the next table begins, aligned to @align. */
static unsigned next_table(GByteArray *out, unsigned align)
{
    unsigned len = out->len;
    unsigned aligned = (unsigned)round_up(len, align);

    if (aligned > len) {
        g_byte_array_set_size(out, aligned);
        memset(out->data + len, 0, aligned - len);
    }
    return aligned;
}

void acpi_build(AcpiTables *t, const AcpiConfig *config)
{
    GByteArray *out = g_byte_array_new();
    unsigned facs, dsdt, xsdt, listed[5], n = 0;

    assert(config->ecam_buses >= 1 && config->ecam_buses <= 256);
    t->files[ACPI_FILE_TABLES] = out;
    t->files[ACPI_FILE_RSDP] = g_byte_array_new();
    t->fixups = g_array_new(FALSE, FALSE, sizeof(AcpiFixup));

    facs = next_table(out, 64);
    build_facs(out);
    dsdt = next_table(out, 16);
    build_dsdt(out, config);
    listed[n++] = next_table(out, 16);
    build_fadt(t, config, facs, dsdt);
    listed[n++] = next_table(out, 16);
    build_madt(out, config);
    listed[n++] = next_table(out, 16);
    build_mcfg(out, config);
    if (config->numa) {
        listed[n++] = next_table(out, 16);
        acpi_build_srat(out, config);
    }
    if (config->numa && config->numa->has_distances) {
        listed[n++] = next_table(out, 16);
        acpi_build_slit(out, config);
    }
    xsdt = next_table(out, 16);
    build_xsdt(t, listed, n);
    build_rsdp(t, xsdt);
}

void acpi_tables_finish(AcpiTables *t)
{
    for (unsigned i = 0; i < ACPI_FILES; i++) {
        g_clear_pointer(&t->files[i], g_byte_array_unref);
    }
    g_clear_pointer(&t->fixups, g_array_unref);
}
