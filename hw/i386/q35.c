/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/q35.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/char/serial-isa.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/acpi-loader.h"
#include "hw/i386/firmware.h"
#include "hw/i386/x86-boot.h"
#include "hw/i386/x86-smbios.h"
#include "hw/isa/lpc-ich9.h"
#include "hw/misc/pvpanic.h"
#include "hw/i386/mch.h"
#include "hw/pci/boot-order.h"
#include "hw/rtc/mc146818rtc.h"
#include "system/machine.h"
#include "system/memory-backend.h"
#include "target/i386/cpu.h"
#include "util/error.h"

#define RAM_SIZE_MIN  (16 * MiB)
#define RAM_SIZE_MAX  (1 * TiB)
#define LOW_RAM_MAX   (2 * GiB)
#define VGA_HOLE_BASE 0xa0000u
#define VGA_HOLE_END  0xc0000u
#define EBDA_BASE     0x9fc00u
#define ACPI_BASE     0xe0000u /* where BIOS areas are searched for RSDP */
#define BIOS_END      0x100000u
#define MMIO32_BASE   UINT64_C(0xc0000000)
#define MMIO32_END    UINT64_C(0xfec00000)
#define MMIO64_SIZE   (32 * GiB)

/* IOAPIC, local APICs, and the pages that an accelerator needs for itself
 * (target/i386/cpu.h). */
#define PLATFORM_BASE UINT64_C(0xfec00000)
#define PLATFORM_END  UINT64_C(0x100000000)

typedef struct Q35Board {
    Mch *host;    /* owned by the device tree */
    Ich9Lpc *lpc; /* owned by the device tree */
    Device *rtc;  /* owned by the device tree */
    X86Boot boot;
    Rom rom;
    FwCfg *fw_cfg; /* owned by the device tree; NULL: there is none */
    bool was_reset;
    AcpiTables acpi;
    uint64_t acpi_gpas[ACPI_FILES]; /* where they lie */
    X86Smbios smbios;               /* with firmware, or -smbios */
} Q35Board;

static Q35Board *board_of(Machine *m)
{
    return m->board;
}

/* --- RAM --- */

static uint64_t low_ram(const Machine *m)
{
    return MIN(m->config.ram_size, LOW_RAM_MAX);
}

static uint64_t high_ram(const Machine *m)
{
    return m->config.ram_size - low_ram(m);
}

/* Of the objects that the user names, or of what the host does best. */
static bool map_ram(Machine *m, GError **errp)
{
    int r;

    if (m->config.ram_backends) {
        return memory_backends_map(m->config.ram_backends, &m->ram, errp);
    }
    r = guest_ram_init(&m->ram, m->config.ram_size);
    if (r < 0) {
        error_setg_errno(errp, -r,
                         "-m: cannot allocate %" PRIu64 " MiB of guest RAM",
                         m->config.ram_size / MiB);
    }
    return r == 0;
}

static bool alloc_ram(Machine *m, GError **errp)
{
    uint64_t size = m->config.ram_size;

    if (size < RAM_SIZE_MIN || size > RAM_SIZE_MAX || size % (1 * MiB)) {
        error_setg(errp,
                   "-m: %" PRIu64 " bytes of RAM: whole MiB from %" PRIu64
                   " MiB to %" PRIu64 " MiB are expected",
                   size, RAM_SIZE_MIN / MiB, RAM_SIZE_MAX / MiB);
        return false;
    }
    if (!map_ram(m, errp)) {
        return false;
    }
    if (m->config.dump_guest_core) {
        guest_ram_set_dump(&m->ram);
    }
    return true;
}

static bool show(Machine *m, const MemorySlot *slot, GError **errp)
{
    int r = memory_map_set(m, slot);

    if (r < 0) {
        error_setg_errno(
            errp, -r,
            "the accelerator cannot map %" PRIu64 " KiB of %s at 0x%" PRIx64,
            slot->size / KiB, slot->readonly ? "ROM" : "RAM", slot->gpa);
    }
    return r == 0;
}

/* What the processors see of the RAM at @gpa up to @end: a slot for each block
 * there. */
static bool show_ram(Machine *m, uint64_t gpa, uint64_t end, GError **errp)
{
    for (unsigned i = 0; i < m->ram.n_blocks; i++) {
        const RamBlock *b = &m->ram.blocks[i];
        uint64_t first = MAX(gpa, b->gpa);
        uint64_t last = MIN(end, b->gpa + b->size);
        const MemorySlot slot = {
            .gpa = first,
            .size = last - first,
            .host = b->host + (first - b->gpa),
        };

        if (first < last && !show(m, &slot, errp)) {
            return false;
        }
    }
    return true;
}

static bool init_ram(Machine *m, GError **errp)
{
    if (!alloc_ram(m, errp)) {
        return false;
    }
    guest_ram_add_block(&m->ram, 0, 0, VGA_HOLE_BASE);
    guest_ram_add_block(&m->ram, VGA_HOLE_END, VGA_HOLE_END,
                        low_ram(m) - VGA_HOLE_END);
    if (high_ram(m)) {
        guest_ram_add_block(&m->ram, 4 * GiB, low_ram(m), high_ram(m));
    }
    /* From 0xc0000 to 1 MiB in a slot of its own, which may change. */
    return show_ram(m, 0, VGA_HOLE_BASE, errp) &&
           show_ram(m, VGA_HOLE_END, BIOS_END, errp) &&
           show_ram(m, BIOS_END, low_ram(m), errp) &&
           (!high_ram(m) || show_ram(m, 4 * GiB, 4 * GiB + high_ram(m), errp));
}

static void add_e820(X86Boot *boot, uint64_t addr, uint64_t end, E820Type type)
{
    assert(boot->n_e820 < E820_ENTRIES_MAX);
    boot->e820[boot->n_e820++] = (E820Entry){ addr, end - addr, type };
}

static void build_e820(const Machine *m, X86Boot *boot)
{
    add_e820(boot, 0, EBDA_BASE, E820_RAM);
    add_e820(boot, EBDA_BASE, VGA_HOLE_BASE, E820_RESERVED);
    add_e820(boot, ACPI_BASE, BIOS_END, E820_RESERVED);
    add_e820(boot, BIOS_END, low_ram(m), E820_RAM);
    add_e820(boot, MCH_ECAM_BASE, MCH_ECAM_BASE + MCH_ECAM_SIZE, E820_RESERVED);
    add_e820(boot, PLATFORM_BASE, PLATFORM_END, E820_RESERVED);
    if (high_ram(m)) {
        add_e820(boot, 4 * GiB, 4 * GiB + high_ram(m), E820_RAM);
    }
}

/* Firmware adds what it makes of the rest. */
static void build_firmware_e820(const Machine *m, X86Boot *boot)
{
    add_e820(boot, 0, low_ram(m), E820_RAM);
    add_e820(boot, X86_ACCEL_RESERVED_BASE,
             X86_ACCEL_RESERVED_BASE + X86_ACCEL_RESERVED_SIZE, E820_RESERVED);
    if (high_ram(m)) {
        add_e820(boot, 4 * GiB, 4 * GiB + high_ram(m), E820_RAM);
    }
}

/* --- interrupts --- */

static void set_gsi(void *opaque, unsigned n, bool level)
{
    Machine *m = opaque;

    m->accel_ops->set_irq(m->accel, n, level);
}

/* --- devices --- */

static Device *add_builtin(Machine *m, const DeviceType *type, GError **errp)
{
    Device *dev = device_new(&m->tree, type);

    if (!device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

/* -rtc clock=vm begins with the host's time and goes on with the machine's;
 * base=DATE begins there with either clock. */
static bool set_rtc(const Machine *m, Device *rtc, GError **errp)
{
    int64_t base_s = m->config.rtc_base_s;
    g_autofree char *base = NULL;

    if (m->config.rtc_clock_vm && !base_s) {
        base_s = g_get_real_time() / G_USEC_PER_SEC;
    }
    base = g_strdup_printf("%" PRId64, base_s);
    return device_set(rtc, "clock-vm", m->config.rtc_clock_vm ? "on" : "off",
                      errp) &&
           device_set(rtc, "base", base, errp);
}

static Device *add_rtc(Machine *m, GError **errp)
{
    Device *dev = device_new(&m->tree, &mc146818rtc_type);

    if (!set_rtc(m, dev, errp) || !device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

static bool init_chipset(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);
    Device *lpc;

    b->host = mch_new(m, errp);
    if (!b->host) {
        return false;
    }
    lpc = add_builtin(m, &ich9_lpc_type, errp);
    if (!lpc) {
        return false;
    }
    b->lpc = ich9_lpc_from(lpc);
    ich9_lpc_connect_gsi(b->lpc, set_gsi, m);
    b->host->root.set_intx = ich9_set_intx;
    b->host->root.opaque = b->lpc;
    b->rtc = add_rtc(m, errp);
    return b->rtc;
}

static bool init_serial(Machine *m, GError **errp)
{
    for (unsigned i = 0; i < SERIAL_PORTS_MAX; i++) {
        if (m->config.serial[i] &&
            !serial_isa_new(m, i, m->config.serial[i], errp)) {
            return false;
        }
    }
    return true;
}

/* The end of the firmware is seen below 1 MiB as well. */
static void show_end(Q35Board *b, const uint8_t *firmware, uint64_t size)
{
    uint64_t n = MIN(size, MCH_ROM_MAX) & ~(MCH_ROM_UNIT - 1);

    mch_set_rom(b->host, firmware + size - n, n);
}

/* It ends at 4 GiB. */
static bool init_rom(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);
    MemorySlot slot = { .readonly = true };

    if (!rom_open(&b->rom, m->config.bios, errp)) {
        return false;
    }
    slot.gpa = 4 * GiB - b->rom.size;
    slot.size = b->rom.size;
    slot.host = b->rom.host;
    show_end(b, b->rom.host, b->rom.size);
    return show(m, &slot, errp);
}

/* The same with flash: that of the variables lies below that of the code. */
static bool init_flash(Machine *m, GError **errp)
{
    static const char *const names[FLASH_UNITS] = { "pflash0", "pflash1" };
    uint64_t end = 4 * GiB;

    for (unsigned i = 0; i < FLASH_UNITS && m->config.pflash[i].path; i++) {
        const FlashConfig *c = &m->config.pflash[i];
        PFlash *flash = pflash_cfi01_new(m, names[i], c->path, c->readonly, end,
                                         errp);

        if (!flash) {
            return false;
        }
        if (i == 0) {
            show_end(board_of(m), pflash_contents(flash), pflash_size(flash));
        }
        end -= pflash_size(flash);
    }
    return true;
}

/* Under qtest there may be none to run, and a test asks in its place. */
static bool init_firmware(Machine *m, GError **errp)
{
    return (!m->config.bios || init_rom(m, errp)) && init_flash(m, errp);
}

/* A kernel is entered directly, but by a firmware in flash: that loads it. */
static bool has_firmware(const Machine *m)
{
    return !m->config.kernel || m->config.pflash[0].path;
}

/* A kernel that is entered directly needs none, but a user may. */
static bool init_fw_cfg(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);

    if (!has_firmware(m) && !m->config.fw_cfg->len) {
        return true;
    }
    b->fw_cfg = fw_cfg_new(m, errp);
    return b->fw_cfg;
}

static bool q35_init(Machine *m, GError **errp)
{
    Q35Board *b = g_new0(Q35Board, 1);

    m->board = b;
    x86_boot_init(&b->boot);
    return init_ram(m, errp) && init_chipset(m, errp) && init_serial(m, errp) &&
           init_fw_cfg(m, errp) && (!has_firmware(m) || init_firmware(m, errp));
}

static void q35_finish(Machine *m)
{
    Q35Board *b = board_of(m);

    x86_boot_finish(&b->boot);
    rom_finish(&b->rom);
    acpi_tables_finish(&b->acpi);
    x86_smbios_finish(&b->smbios);
    g_clear_pointer(&m->board, g_free);
}

/* --- what depends on the whole machine --- */

/* Without firmware the board places the tables itself, and the RSDP behind. */
static bool place_acpi(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);
    unsigned len = b->acpi.files[ACPI_FILE_TABLES]->len;
    unsigned end;

    b->acpi_gpas[ACPI_FILE_TABLES] = ACPI_BASE;
    b->acpi_gpas[ACPI_FILE_RSDP] = round_up(ACPI_BASE + len, 16);
    end = (unsigned)b->acpi_gpas[ACPI_FILE_RSDP] +
          b->acpi.files[ACPI_FILE_RSDP]->len;
    if (end > BIOS_END) {
        error_setg(errp,
                   "the ACPI tables of %u vCPUs need %u bytes; there is "
                   "room for %u",
                   m->config.n_cpus, end - ACPI_BASE, BIOS_END - ACPI_BASE);
        return false;
    }
    acpi_place(&b->acpi, b->acpi_gpas);
    return true;
}

static void write_acpi(Machine *m)
{
    const Q35Board *b = board_of(m);

    for (unsigned i = 0; i < ACPI_FILES; i++) {
        const GByteArray *file = b->acpi.files[i];

        if (file &&
            !guest_ram_write(&m->ram, b->acpi_gpas[i], file->data, file->len)) {
            g_assert_not_reached();
        }
    }
}

/* Where a guest may put BARs. Of a kernel that is entered directly we know that
 * it begins at the bottom. */
static void direct_windows(Machine *m, AcpiConfig *c)
{
    c->ecam_base = MCH_ECAM_BASE;
    /* No more than there are: Linux probes every slot of each with two exits, so
     * that 256 would cost 16,000 exits before its init. */
    c->ecam_buses = pci_bus_count(&board_of(m)->host->root);
    c->mmio32_base = MMIO32_BASE;
    c->mmio32_size = MMIO32_END - MMIO32_BASE;
    c->mmio64_base = round_up(4 * GiB + high_ram(m), GiB);
    c->mmio64_size = MMIO64_SIZE;
}

/* Where firmware has put ECAM; false if it has not, or where the tables cannot
 * say so: it lies between RAM and the I/O APIC, with windows on both sides. */
static bool find_ecam(const Mch *host, uint64_t *ret_base, unsigned *ret_buses)
{
    *ret_base = mch_ecam_base(host, ret_buses);
    return *ret_base > LOW_RAM_MAX && *ret_base + *ret_buses * MiB < MMIO32_END;
}

/* What firmware has chosen: all that is left beside RAM and ECAM, so that an
 * operating system leaves BARs where they are. OVMF puts some just below the
 * last address that the processors have. */
static void firmware_windows(Machine *m, AcpiConfig *c)
{
    const Mch *host = board_of(m)->host;
    uint64_t end = UINT64_C(1) << m->accel_ops->address_bits(m->accel);
    uint64_t ecam_end;

    if (!find_ecam(host, &c->ecam_base, &c->ecam_buses)) {
        c->ecam_base = MCH_ECAM_BASE;
        c->ecam_buses = MCH_ECAM_SIZE / MiB;
    }
    ecam_end = c->ecam_base + c->ecam_buses * MiB;
    c->ecam_buses = MIN(c->ecam_buses, pci_bus_last(&host->root) + 1);
    c->mmio32_low_base = LOW_RAM_MAX;
    c->mmio32_low_size = c->ecam_base - LOW_RAM_MAX;
    c->mmio32_base = ecam_end;
    c->mmio32_size = MMIO32_END - ecam_end;
    c->mmio64_base = round_up(4 * GiB + high_ram(m), GiB);
    c->mmio64_size = end > c->mmio64_base ? end - c->mmio64_base : 0;
}

/* Parts of RAM as the guest has them: from, to, and where. */
#define RAM_PARTS 3

/* Which RAM of the guest is of which node. Returns how many ranges. */
static unsigned numa_ranges(const Machine *m, AcpiNumaRange *ranges)
{
    const NumaConfig *numa = m->config.numa;
    const RamBlock parts[RAM_PARTS] = {
        { .gpa = 0, .size = VGA_HOLE_BASE },
        { .gpa = VGA_HOLE_END, .size = low_ram(m) - VGA_HOLE_END },
        { .gpa = 4 * GiB, .size = high_ram(m) },
    };
    const uint64_t offsets[RAM_PARTS] = { 0, VGA_HOLE_END, low_ram(m) };
    uint64_t from = 0;
    unsigned n = 0;

    for (unsigned i = 0; numa && i < numa->n_nodes; i++) {
        uint64_t to = from + numa_node_size(numa, i);

        for (unsigned j = 0; j < RAM_PARTS; j++) {
            uint64_t first = MAX(from, offsets[j]);
            uint64_t last = MIN(to, offsets[j] + parts[j].size);

            if (first < last) {
                ranges[n++] = (AcpiNumaRange){
                    .base = parts[j].gpa + (first - offsets[j]),
                    .size = last - first,
                    .node = i,
                };
            }
        }
        from = to;
    }
    return n;
}

static void build_acpi(Machine *m)
{
    Q35Board *b = board_of(m);
    g_autofree uint32_t *apic_ids = g_new(uint32_t, m->config.n_cpus);
    AcpiNumaRange ranges[NUMA_NODES_MAX + RAM_PARTS];
    AcpiConfig config = {
        .n_cpus = m->config.n_cpus,
        .apic_ids = apic_ids,
        .pm_base = ICH9_PM_BASE,
        .sci_irq = ICH9_SCI_IRQ,
        .serial_ports = serial_isa_ports(m),
        .pvpanic_port = pvpanic_port(m),
        .has_rtc = true,
        .has_fw_cfg = b->fw_cfg,
        .numa = m->config.numa,
        .numa_ranges = ranges,
        .n_numa_ranges = numa_ranges(m, ranges),
    };

    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        apic_ids[i] = x86_apic_id(&m->config.topology, i);
    }
    if (has_firmware(m)) {
        firmware_windows(m, &config);
    } else {
        direct_windows(m, &config);
    }
    acpi_tables_finish(&b->acpi);
    acpi_build(&b->acpi, &config);
}

/* FwCfgPrepare: firmware is about to read the tables, and has set up PCI. */
static void prepare_acpi(void *opaque)
{
    Machine *m = opaque;
    Q35Board *b = board_of(m);
    AcpiConfig c;
    int r;

    if (!find_ecam(b->host, &c.ecam_base, &c.ecam_buses)) {
        mch_setup_ecam(b->host, MCH_ECAM_BASE);
    }
    build_acpi(m);
    r = acpi_loader_replace_files(b->fw_cfg, &b->acpi);
    if (r < 0) {
        error_report("fw_cfg: no room for the ACPI tables of what the firmware "
                     "has set up; the guest gets those of the start");
    }
}

static bool offer_to_firmware(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);

    build_firmware_e820(m, &b->boot);
    x86_smbios_build(&b->smbios, m, low_ram(m));
    if (!firmware_offer(b->fw_cfg, m, b->boot.e820, b->boot.n_e820, errp) ||
        !x86_smbios_add_files(&b->smbios, b->fw_cfg, errp)) {
        return false;
    }
    if (m->config.no_acpi) {
        return true;
    }
    build_acpi(m);
    fw_cfg_set_prepare(b->fw_cfg, acpi_loader_files, prepare_acpi, m);
    return acpi_loader_add_files(b->fw_cfg, &b->acpi, errp);
}

/* A kernel that is entered directly does without, unless a user says something. */
static bool place_smbios(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);
    const GByteArray *rsdp = b->acpi.files[ACPI_FILE_RSDP];
    uint64_t start = rsdp ? b->acpi_gpas[ACPI_FILE_RSDP] + rsdp->len
                          : ACPI_BASE;

    if (!m->config.smbios->len) {
        return true;
    }
    x86_smbios_build(&b->smbios, m, low_ram(m));
    return x86_smbios_place(&b->smbios, start, BIOS_END, errp);
}

static bool q35_machine_done(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);

    if (has_firmware(m)) {
        return offer_to_firmware(m, errp);
    }
    if (!m->config.no_acpi) {
        build_acpi(m);
        if (!place_acpi(m, errp)) {
            return false;
        }
    }
    if (!place_smbios(m, errp)) {
        return false;
    }
    build_e820(m, &b->boot);
    b->boot.low_ram_end = low_ram(m);
    b->boot.rsdp_gpa = b->acpi_gpas[ACPI_FILE_RSDP];
    return x86_boot_open(&b->boot, m->config.kernel, m->config.initrd,
                         m->config.append, errp);
}

/* SeaBIOS finds in CMOS memory what kinds of drives to try. */
static void write_drives(Machine *m)
{
    Q35Board *b = board_of(m);
    uint16_t drives = boot_order_drives(m, b->was_reset);

    b->was_reset = true;
    rtc_set_memory(b->rtc, RTC_BOOT_DRIVES, (uint8_t)drives);
    rtc_set_memory(b->rtc, RTC_BOOT_DRIVES_HIGH, (drives >> 8 & 0xf) << 4);
}

/* Memory as a reset finds it holds whatever the guest left; what we hand to
 * the kernel is written anew. */
static bool q35_reset(Machine *m, GError **errp)
{
    Q35Board *b = board_of(m);
    BootEntry entry;
    int r;

    if (has_firmware(m)) {
        /* All is as at power-on but for what there is to boot. */
        firmware_reset(b->fw_cfg, m);
        write_drives(m);
        return true;
    }
    mch_setup_ecam(b->host, MCH_ECAM_BASE);
    ich9_lpc_setup_direct_boot(b->lpc);
    write_acpi(m);
    x86_smbios_write(&b->smbios, &m->ram);
    if (!x86_boot_load(&b->boot, &m->ram, &entry, errp)) {
        return false;
    }
    r = m->accel_ops->vcpu_set_boot_entry(&m->cpus[0], &entry);
    if (r < 0) {
        error_setg_errno(errp, -r, "cannot set the boot vCPU's registers");
    }
    return r == 0;
}

/* Without ACPI the guest has no driver for it. */
static void q35_powerdown(Machine *m)
{
    if (m->config.no_acpi) {
        return;
    }
    ich9_pm_power_button(ich9_lpc_pm(board_of(m)->lpc));
}

/* QEMU's, which differ in what a guest sees. This machine can be none of them;
 * a command line that names one wants a q35. */
static const char *const q35_versions[] = {
    "pc-q35-7.1",  "pc-q35-7.0",   "pc-q35-6.2", "pc-q35-6.1", "pc-q35-6.0",
    "pc-q35-5.2",  "pc-q35-5.1",   "pc-q35-5.0", "pc-q35-4.2", "pc-q35-4.1",
    "pc-q35-4.0",  "pc-q35-4.0.1", "pc-q35-3.1", "pc-q35-3.0", "pc-q35-2.12",
    "pc-q35-2.11", "pc-q35-2.10",  "pc-q35-2.9", "pc-q35-2.8", "pc-q35-2.7",
    "pc-q35-2.6",  "pc-q35-2.5",   "pc-q35-2.4", NULL,
};

const MachineType q35_machine_type = {
    .name = "pc-q35-7.2",
    .alias = "q35",
    .versions = q35_versions,
    .summary = "Standard PC (Q35 + ICH9)",
    .is_default = true,
    .cpus_max = CPUS_MAX,
    .ram_id = "pc.ram",
    .firmware = "bios-256k.bin",
    .init = q35_init,
    .finish = q35_finish,
    .machine_done = q35_machine_done,
    .reset = q35_reset,
    .powerdown = q35_powerdown,
};
