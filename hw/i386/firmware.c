/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/firmware.h"

#include <sys/mman.h>

#include "hw/i386/boot-file.h"
#include "hw/acpi/ich9-pm.h"
#include "hw/pci/boot-order.h"
#include "system/machine.h"
#include "target/i386/cpu.h"
#include "util/error.h"

static bool check_size(const char *path, uint64_t size, GError **errp)
{
    if (size && size <= ROM_SIZE_MAX && !(size % ROM_UNIT)) {
        return true;
    }
    error_setg(errp,
               "firmware '%s' has %" PRIu64 " bytes: a multiple of %" PRIu64
               " KiB up to %" PRIu64 " MiB is expected; give another file",
               path, size, ROM_UNIT / KiB, ROM_SIZE_MAX / MiB);
    return false;
}

static bool read_rom(Rom *rom, int fd, const char *path, GError **errp)
{
    int r = pread_all(fd, rom->host, rom->size, 0);

    if (r == 0) {
        r = neg_errno(mprotect(rom->host, rom->size, PROT_READ));
    }
    if (r == -ENODATA) {
        error_setg(errp,
                   "firmware '%s' became shorter while it was read; try again",
                   path);
    } else if (r < 0) {
        error_setg_errno(errp, -r, "cannot read firmware '%s'", path);
    }
    return r == 0;
}

bool rom_open(Rom *rom, const char *path, GError **errp)
{
    auto_fd fd = -1;
    uint64_t size;
    void *p;

    if (!boot_file_open(path, "firmware", &fd, &size, errp) ||
        !check_size(path, size, errp)) {
        return false;
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        error_setg_errno(errp, errno, "no memory for firmware '%s'", path);
        return false;
    }
    *rom = (Rom){ .host = p, .size = size };
    if (!read_rom(rom, fd, path, errp)) {
        rom_finish(rom);
        return false;
    }
    return true;
}

void rom_finish(Rom *rom)
{
    if (rom->host) {
        munmap(rom->host, rom->size);
        rom->host = NULL;
    }
}

/* --- what it is told --- */

#define E820_ENTRY_SIZE 20 /* base, length, type */
#define BOOT_ORDER_FILE "bootorder"
#define SLEEP_STATES    6 /* S0 to S5 */
#define SLEEP_SUPPORTED 0x80

static GBytes *le32(uint32_t value)
{
    value = GUINT32_TO_LE(value);
    return g_bytes_new(&value, sizeof(value));
}

static GBytes *e820_file(const E820Entry *memory, unsigned n)
{
    GByteArray *out = g_byte_array_new();

    for (unsigned i = 0; i < n; i++) {
        const uint64_t range[] = { GUINT64_TO_LE(memory[i].addr),
                                   GUINT64_TO_LE(memory[i].size) };
        const uint32_t type = GUINT32_TO_LE(memory[i].type);

        g_byte_array_append(out, (const uint8_t *)range, sizeof(range));
        g_byte_array_append(out, (const uint8_t *)&type, sizeof(type));
    }
    return g_byte_array_free_to_bytes(out);
}

/* Items that are 0 need not be there: an unknown key reads as zeros. So it is
 * with the nodes of NUMA. */
static void set_items(FwCfg *s, const MachineConfig *c)
{
    const uint8_t one = 1;

    /* Both firmwares start that many processors, and wait for them. */
    fw_cfg_set_int(s, FW_CFG_NB_CPUS, c->n_cpus, 2);
    /* SeaBIOS: one more than the greatest APIC id. */
    fw_cfg_set_int(s, FW_CFG_MAX_CPUS,
                   x86_apic_id(&c->topology, c->n_cpus - 1) + 1, 2);
    /* SeaBIOS: its screen is COM1. */
    fw_cfg_set_int(s, FW_CFG_NOGRAPHIC, c->serial_console, 2);
    /* SeaBIOS, for its MP table: the timer is at input 2 of the I/O APIC. */
    fw_cfg_set(s, FW_CFG_IRQ0_OVERRIDE, g_bytes_new(&one, 1));
    /* Both: whether to offer a menu. */
    fw_cfg_set_int(s, FW_CFG_BOOT_MENU, c->boot_menu, 2);
}

/* Both: how long to offer it. */
static bool add_menu_wait(FwCfg *s, const MachineConfig *c, GError **errp)
{
    uint16_t ms = GUINT16_TO_LE((uint16_t)c->boot_splash_time_ms);

    return c->boot_splash_time_ms < 0 ||
           fw_cfg_add_file(s, "etc/boot-menu-wait",
                           g_bytes_new(&ms, sizeof(ms)), errp);
}

/* --- a kernel for it to load --- */

/* Of a bzImage, Documentation/arch/x86/boot.rst. */
#define SETUP_SECTS         0x1f1
#define SETUP_SECTS_DEFAULT 4
#define SETUP_MAGIC         0x202
#define SETUP_MAGIC_END     0x206
#define SETUP_SECTOR        512

static GBytes *read_file(const char *path, const char *what, GError **errp)
{
    auto_fd fd = -1;
    g_autofree uint8_t *data = NULL;
    uint64_t size;
    int r;

    if (!boot_file_open(path, what, &fd, &size, errp)) {
        return NULL;
    }
    data = size && size <= FW_CFG_ITEM_MAX ? g_try_malloc(size) : NULL;
    r = data ? pread_all(fd, data, size, 0) : size ? -ENOMEM : -ENODATA;
    if (r < 0) {
        error_setg_errno(errp, -r,
                         "cannot read the %" PRIu64 " bytes of %s "
                         "'%s'",
                         size, what, path);
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&data), size);
}

static void set_blob(FwCfg *s, FwCfgKey size_key, FwCfgKey key, GBytes *data)
{
    fw_cfg_set_int(s, size_key, g_bytes_get_size(data), 4);
    fw_cfg_set(s, key, data);
}

/* OVMF puts the two parts together again and starts the whole as an EFI
 * program. */
static bool offer_kernel_file(FwCfg *s, const char *path, GError **errp)
{
    g_autoptr(GBytes) file = read_file(path, "kernel", errp);
    gsize size, setup;
    const uint8_t *data;

    if (!file) {
        return false;
    }
    data = g_bytes_get_data(file, &size);
    if (size < SETUP_MAGIC_END || memcmp(data + SETUP_MAGIC, "HdrS", 4)) {
        error_setg(errp,
                   "kernel '%s' is not a Linux bzImage; give a /boot/vmlinuz "
                   "or arch/x86/boot/bzImage of a kernel build",
                   path);
        return false;
    }
    setup = data[SETUP_SECTS] ? data[SETUP_SECTS] : SETUP_SECTS_DEFAULT;
    setup = MIN((setup + 1) * SETUP_SECTOR, size);
    set_blob(s, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA,
             g_bytes_new_from_bytes(file, 0, setup));
    set_blob(s, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
             g_bytes_new_from_bytes(file, setup, size - setup));
    return true;
}

static bool offer_kernel(FwCfg *s, const MachineConfig *c, GError **errp)
{
    const char *append = c->append ? c->append : "";
    GBytes *initrd;

    if (!c->kernel) {
        return true;
    }
    if (!offer_kernel_file(s, c->kernel, errp)) {
        return false;
    }
    set_blob(s, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA,
             g_bytes_new(append, strlen(append) + 1));
    if (!c->initrd) {
        return true;
    }
    initrd = read_file(c->initrd, "initrd", errp);
    if (initrd) {
        set_blob(s, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, initrd);
    }
    return initrd;
}

bool firmware_offer(FwCfg *s, const Machine *m, const E820Entry *memory,
                    unsigned n, GError **errp)
{
    static const uint8_t sleep[SLEEP_STATES] = {
        [0] = SLEEP_SUPPORTED,
        [5] = SLEEP_SUPPORTED | ICH9_SLP_TYP_S5,
    };

    set_items(s, &m->config);
    if (!offer_kernel(s, &m->config, errp)) {
        return false;
    }
    /* Both: where RAM is; nothing else tells them. */
    return fw_cfg_add_file(s, "etc/e820", e820_file(memory, n), errp) &&
           /* OVMF: whether it has to prepare for S3. */
           fw_cfg_add_file(s, "etc/system-states",
                           g_bytes_new_static(sleep, sizeof(sleep)), errp) &&
           /* Both: which disks to try, and in which order. */
           fw_cfg_add_file(s, BOOT_ORDER_FILE, boot_order_build(m), errp) &&
           add_menu_wait(s, &m->config, errp) &&
           /* SeaBIOS: milliseconds until it starts again if no disk does; all
            * ones is never. */
           fw_cfg_add_file(s, "etc/boot-fail-wait",
                           le32((uint32_t)m->config.boot_reboot_timeout_ms),
                           errp);
}

void firmware_reset(FwCfg *s, const Machine *m)
{
    fw_cfg_replace_file(s, BOOT_ORDER_FILE, boot_order_build(m));
}
