/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documentation/arch/x86/boot.rst and <asm/bootparam.h>. */
#include "hw/i386/x86-boot.h"

#include <asm/bootparam.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "hw/i386/boot-file.h"
#include "util/error.h"
#include "util/log.h"

/* Layout of low memory. */
#define GDT_GPA         UINT64_C(0x6000)
#define BOOT_PARAMS_GPA UINT64_C(0x7000)
#define STACK_TOP_GPA   UINT64_C(0x9000) /* one page, growing down */
#define PML4_GPA        UINT64_C(0x9000)
#define PDPT_GPA        UINT64_C(0xa000)
#define PD_GPA          UINT64_C(0xb000) /* four pages */
#define CMDLINE_GPA     UINT64_C(0x20000)

static_assert(GDT_GPA == X86_BOOT_LOW_START, "layout");
static_assert(CMDLINE_GPA + X86_BOOT_CMDLINE_MAX + 1 == X86_BOOT_LOW_END,
              "layout");

#define BOOT_CS         0x10
#define BOOT_DS         0x18
#define GDT_ENTRIES     4
#define GDT_CODE_64     UINT64_C(0x00af9b000000ffff)
#define GDT_DATA        UINT64_C(0x00cf93000000ffff)
#define ENTRY_64_OFFSET 0x200 /* of the 64-bit entry point in the kernel */

#define PAGE_PRESENT  UINT64_C(0x01)
#define PAGE_WRITABLE UINT64_C(0x02)
#define PAGE_LARGE    UINT64_C(0x80)
#define PAGE_ENTRIES  512

#define SETUP_MAGIC         0x53726448 /* "HdrS" */
#define SETUP_BOOT_FLAG     0xaa55
#define SETUP_VERSION_MIN   0x020c /* the first with xloadflags; Linux 3.8 */
#define SETUP_SECTOR        UINT64_C(512)
#define SETUP_SECTS_DEFAULT 4
#define SETUP_JUMP_END      0x202 /* what the jump's displacement counts from */
#define SETUP_HEADER_OFFSET offsetof(struct boot_params, hdr)
#define SETUP_HEADER_END    0x290 /* the header never reaches beyond */
#define SETUP_END_MIN       0x264 /* end of init_size, the last field we read */
#define VID_MODE_NORMAL     0xffff
#define LOADER_UNDEFINED    0xff

static_assert(SETUP_HEADER_OFFSET == 0x1f1, "boot.rst, the real-mode header");
static_assert(offsetof(struct boot_params, hdr.init_size) == 0x260,
              "boot.rst, the real-mode header");
static_assert(offsetof(struct boot_params, e820_table) == 0x2d0,
              "Documentation/arch/x86/zero-page.rst");
static_assert(sizeof(struct boot_params) == 4096, "zero-page.rst");
static_assert(E820_ENTRIES_MAX <= E820_MAX_ENTRIES_ZEROPAGE, "zero-page.rst");

void x86_boot_init(X86Boot *boot)
{
    *boot = (X86Boot){ .kernel_fd = -1, .initrd_fd = -1 };
}

void x86_boot_finish(X86Boot *boot)
{
    close_fd(&boot->kernel_fd);
    close_fd(&boot->initrd_fd);
    g_clear_pointer(&boot->kernel_path, g_free);
    g_clear_pointer(&boot->initrd_path, g_free);
    g_clear_pointer(&boot->cmdline, g_free);
}

/* Copies the first @size bytes of @fd into memory that nobody can change.
 * Returns its descriptor, -errno, or -ENODATA if the file ends before. */
static int copy_to_memory(int fd, uint64_t size)
{
    auto_fd copy = neg_errno(
        memfd_create("boot-file", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    off_t offset = 0;
    int r;

    if (copy < 0) {
        return copy;
    }
    while ((uint64_t)offset < size) {
        ssize_t n = sendfile(copy, fd, &offset, size - (uint64_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -ENODATA;
        }
    }
    r = neg_errno(
        fcntl(copy, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
    return r < 0 ? r : steal_fd(&copy);
}

/* Has a copy of the file in its place, for the resets to come: whoever writes
 * to the file later, or takes its file system away, does so to the file. */
static bool keep(int *fd, uint64_t size, const char *path, const char *what,
                 GError **errp)
{
    int copy = copy_to_memory(*fd, size);

    if (copy == -ENODATA) {
        error_setg(errp, "%s '%s' became shorter while it was read; try again",
                   what, path);
        return false;
    }
    if (copy < 0) {
        error_setg_errno(errp, -copy,
                         "cannot copy the %" PRIu64 " bytes of %s '%s' to "
                         "memory",
                         size, what, path);
        return false;
    }
    close_fd(fd);
    *fd = copy;
    return true;
}

/* --- Kernel --- */

static bool is_bzimage(const struct setup_header *hdr)
{
    return hdr->boot_flag == SETUP_BOOT_FLAG && hdr->header == SETUP_MAGIC &&
           hdr->loadflags & LOADED_HIGH;
}

/* Reads the setup header and refuses what is no 64-bit bzImage. Fields that
 * the header does not reach read as zero. */
static bool read_header(X86Boot *boot, struct boot_params *params,
                        uint64_t file_size, GError **errp)
{
    struct setup_header *hdr = &params->hdr;
    const char *path = boot->kernel_path;
    uint32_t end;
    int r = -ENODATA;

    if (file_size >= SETUP_HEADER_END) {
        r = pread_all(boot->kernel_fd, params, SETUP_HEADER_END, 0);
    }
    if (r < 0 && r != -ENODATA) {
        error_setg_errno(errp, -r, "cannot read kernel '%s'", path);
        return false;
    }
    if (r < 0 || !is_bzimage(hdr)) {
        error_setg(errp,
                   "kernel '%s' is not a Linux bzImage; give a /boot/vmlinuz "
                   "or arch/x86/boot/bzImage of a kernel build",
                   path);
        return false;
    }
    if (hdr->version < SETUP_VERSION_MIN) {
        error_setg(errp,
                   "kernel '%s' is too old: it has boot protocol %u.%02u and "
                   "2.12 is needed; use Linux 3.8 or later",
                   path, hdr->version >> 8, hdr->version & 0xff);
        return false;
    }
    if (!(hdr->xloadflags & XLF_KERNEL_64)) {
        error_setg(errp,
                   "kernel '%s' has no 64-bit entry point; use an x86_64 "
                   "kernel",
                   path);
        return false;
    }
    /* The jump over the header says how long it is. */
    end = SETUP_JUMP_END + (hdr->jump >> 8);
    if (end < SETUP_END_MIN || end > SETUP_HEADER_END) {
        error_setg(errp,
                   "kernel '%s' is damaged: its setup header ends at 0x%x; "
                   "copy the file again",
                   path, end);
        return false;
    }
    boot->setup_size = end - (uint32_t)SETUP_HEADER_OFFSET;
    return true;
}

/* Where in the file the protected-mode part lies. */
static bool measure_kernel(X86Boot *boot, const struct setup_header *hdr,
                           uint64_t file_size, GError **errp)
{
    uint64_t sects = hdr->setup_sects ? hdr->setup_sects : SETUP_SECTS_DEFAULT;

    boot->kernel_offset = (sects + 1) * SETUP_SECTOR;
    boot->kernel_size = hdr->syssize * UINT64_C(16);
    if (boot->kernel_size <= ENTRY_64_OFFSET) {
        error_setg(
            errp,
            "kernel '%s' is damaged: its header says that it has %" PRIu64
            " bytes; copy the file again",
            boot->kernel_path, boot->kernel_size);
        return false;
    }
    if (!range_within(boot->kernel_offset, boot->kernel_size, file_size)) {
        error_setg(errp,
                   "kernel '%s' is truncated: it has %" PRIu64
                   " bytes and its header says %" PRIu64
                   "; copy the file again",
                   boot->kernel_path, file_size,
                   boot->kernel_offset + boot->kernel_size);
        return false;
    }
    return true;
}

/* Where in memory it goes: the preferred address. A relocatable kernel could
 * go elsewhere, but moves itself to it if loaded lower. */
static bool place_kernel(X86Boot *boot, const struct setup_header *hdr,
                         GError **errp)
{
    uint64_t gpa = hdr->pref_address;

    if (hdr->relocatable_kernel) {
        if (!is_power_of_2(hdr->kernel_alignment)) {
            error_setg(errp,
                       "kernel '%s' is damaged: its alignment is 0x%x; copy "
                       "the file again",
                       boot->kernel_path, hdr->kernel_alignment);
            return false;
        }
        /* Within 4 GiB, so that rounding cannot overflow. */
        gpa = round_up(CLAMP(gpa, MiB, 4 * GiB), hdr->kernel_alignment);
    }
    if (gpa < MiB) {
        error_setg(errp,
                   "kernel '%s' is damaged: it wants to be loaded at 0x%" PRIx64
                   "; copy the file again",
                   boot->kernel_path, gpa);
        return false;
    }
    boot->kernel_gpa = gpa;
    boot->init_size = MAX(hdr->init_size, boot->kernel_size);
    if (!range_within(gpa, boot->init_size, boot->low_ram_end)) {
        error_setg(errp,
                   "kernel '%s' does not fit: it needs memory from 0x%" PRIx64
                   " to 0x%" PRIx64 " and the guest has it up to 0x%" PRIx64
                   "; give it more with -m",
                   boot->kernel_path, gpa, gpa + boot->init_size,
                   boot->low_ram_end);
        return false;
    }
    return true;
}

static bool check_cmdline(const X86Boot *boot, const struct setup_header *hdr,
                          GError **errp)
{
    size_t len = strlen(boot->cmdline);
    uint32_t max = MIN(hdr->cmdline_size, X86_BOOT_CMDLINE_MAX);

    if (len > max) {
        error_setg(errp,
                   "-append has %zu characters and kernel '%s' takes at most "
                   "%u; shorten it",
                   len, boot->kernel_path, max);
        return false;
    }
    return true;
}

/* --- initrd --- */

/* As high as the kernel allows, out of its way. */
static bool place_initrd(X86Boot *boot, const struct setup_header *hdr,
                         GError **errp)
{
    uint64_t start = round_up(boot->kernel_gpa + boot->init_size, 4 * KiB);
    uint64_t end = MIN(hdr->initrd_addr_max + UINT64_C(1), boot->low_ram_end);

    /* Page for page, since the kernel frees it so. */
    end &= ~(4 * KiB - 1);
    if (boot->initrd_size == 0) {
        error_setg(errp,
                   "initrd '%s' is empty; leave out -initrd or give "
                   "another file",
                   boot->initrd_path);
        return false;
    }
    if (start > end || round_up(boot->initrd_size, 4 * KiB) > end - start) {
        error_setg(errp,
                   "initrd '%s' of %" PRIu64 " bytes does not fit between "
                   "kernel and 0x%" PRIx64 "; give the guest more memory with "
                   "-m or shrink it",
                   boot->initrd_path, boot->initrd_size, end);
        return false;
    }
    boot->initrd_gpa = end - round_up(boot->initrd_size, 4 * KiB);
    return true;
}

bool x86_boot_open(X86Boot *boot, const char *kernel, const char *initrd,
                   const char *cmdline, GError **errp)
{
    struct boot_params params = { 0 };
    uint64_t file_size;

    assert(boot->low_ram_end <= 4 * GiB);
    boot->kernel_path = g_strdup(kernel);
    boot->initrd_path = g_strdup(initrd);
    boot->cmdline = g_strdup(cmdline ? cmdline : "");

    if (!boot_file_open(kernel, "kernel", &boot->kernel_fd, &file_size, errp)) {
        return false;
    }
    /* What is no kernel may have any size. */
    file_size = MIN(file_size, boot->low_ram_end);
    if (!keep(&boot->kernel_fd, file_size, kernel, "kernel", errp) ||
        !read_header(boot, &params, file_size, errp) ||
        !measure_kernel(boot, &params.hdr, file_size, errp) ||
        !place_kernel(boot, &params.hdr, errp) ||
        !check_cmdline(boot, &params.hdr, errp)) {
        return false;
    }
    if (!initrd) {
        return true;
    }
    return boot_file_open(initrd, "initrd", &boot->initrd_fd,
                          &boot->initrd_size, errp) &&
           place_initrd(boot, &params.hdr, errp) &&
           keep(&boot->initrd_fd, boot->initrd_size, initrd, "initrd", errp);
}

/* --- Load --- */

/* Reads a part of a file's copy straight into guest memory. */
static bool load_part(const GuestRam *ram, uint64_t gpa, int fd,
                      const char *path, uint64_t offset, uint64_t len,
                      GError **errp)
{
    void *p = guest_ram_ptr(ram, gpa, len);
    int r;

    if (!p) {
        error_setg(errp,
                   "'%s' does not fit into guest memory at 0x%" PRIx64
                   "; give the guest more with -m",
                   path, gpa);
        return false;
    }
    r = pread_all(fd, p, len, offset);
    if (r < 0) {
        error_setg_errno(errp, -r, "cannot read '%s'", path);
        return false;
    }
    return true;
}

/* One page of page-table entries that point to @step bytes apart targets. */
static void fill_table(uint64_t *table, unsigned n, uint64_t target,
                       uint64_t step, uint64_t flags)
{
    memset(table, 0, PAGE_ENTRIES * sizeof(table[0]));
    for (unsigned i = 0; i < n; i++) {
        table[i] = (target + i * step) | flags;
    }
}

/* GDT and identity page tables of 4 GiB. */
static bool write_tables(const GuestRam *ram)
{
    const uint64_t gdt[GDT_ENTRIES] = { 0, 0, GDT_CODE_64, GDT_DATA };
    const uint64_t flags = PAGE_PRESENT | PAGE_WRITABLE;
    uint64_t *pml4 = guest_ram_ptr(ram, PML4_GPA, 4 * KiB);
    uint64_t *pdpt = guest_ram_ptr(ram, PDPT_GPA, 4 * KiB);
    uint64_t *pd = guest_ram_ptr(ram, PD_GPA, 4 * 4 * KiB);

    if (!pml4 || !pdpt || !pd ||
        !guest_ram_write(ram, GDT_GPA, gdt, sizeof(gdt))) {
        return false;
    }
    fill_table(pml4, 1, PDPT_GPA, 0, flags);
    fill_table(pdpt, 4, PD_GPA, 4 * KiB, flags);
    for (unsigned i = 0; i < 4; i++) {
        fill_table(pd + i * PAGE_ENTRIES, PAGE_ENTRIES, i * GiB, 2 * MiB,
                   flags | PAGE_LARGE);
    }
    return true;
}

static void fill_e820(const X86Boot *boot, struct boot_params *params)
{
    assert(boot->n_e820 <= E820_ENTRIES_MAX);
    for (unsigned i = 0; i < boot->n_e820; i++) {
        params->e820_table[i] = (struct boot_e820_entry){
            .addr = boot->e820[i].addr,
            .size = boot->e820[i].size,
            .type = boot->e820[i].type,
        };
    }
    params->e820_entries = (uint8_t)boot->n_e820;
}

/* All of boot_params is zero but for the header, which comes from the file
 * as it is, and what we have to say. */
static bool write_boot_params(const X86Boot *boot, const GuestRam *ram,
                              GError **errp)
{
    struct boot_params *params = guest_ram_ptr(ram, BOOT_PARAMS_GPA,
                                               sizeof(*params));
    struct setup_header *hdr;

    if (!params) {
        error_setg(errp,
                   "the guest has no memory at 0x%" PRIx64
                   "; give it more with -m",
                   BOOT_PARAMS_GPA);
        return false;
    }
    memset(params, 0, sizeof(*params));
    if (!load_part(ram, BOOT_PARAMS_GPA + SETUP_HEADER_OFFSET, boot->kernel_fd,
                   boot->kernel_path, SETUP_HEADER_OFFSET, boot->setup_size,
                   errp)) {
        return false;
    }
    hdr = &params->hdr;
    hdr->type_of_loader = LOADER_UNDEFINED;
    hdr->vid_mode = VID_MODE_NORMAL;
    hdr->code32_start = (uint32_t)boot->kernel_gpa;
    hdr->ramdisk_image = (uint32_t)boot->initrd_gpa;
    hdr->ramdisk_size = (uint32_t)boot->initrd_size;
    hdr->cmd_line_ptr = (uint32_t)CMDLINE_GPA;
    params->ext_ramdisk_image = (uint32_t)(boot->initrd_gpa >> 32);
    params->ext_ramdisk_size = (uint32_t)(boot->initrd_size >> 32);
    params->ext_cmd_line_ptr = (uint32_t)(CMDLINE_GPA >> 32);
    params->acpi_rsdp_addr = boot->rsdp_gpa;
    fill_e820(boot, params);
    return true;
}

bool x86_boot_load(const X86Boot *boot, const GuestRam *ram,
                   BootEntry *ret_entry, GError **errp)
{
    if (!load_part(ram, boot->kernel_gpa, boot->kernel_fd, boot->kernel_path,
                   boot->kernel_offset, boot->kernel_size, errp)) {
        return false;
    }
    if (boot->initrd_size &&
        !load_part(ram, boot->initrd_gpa, boot->initrd_fd, boot->initrd_path, 0,
                   boot->initrd_size, errp)) {
        return false;
    }
    if (!write_boot_params(boot, ram, errp)) {
        return false;
    }
    if (!guest_ram_write(ram, CMDLINE_GPA, boot->cmdline,
                         strlen(boot->cmdline) + 1) ||
        !write_tables(ram)) {
        error_setg(errp,
                   "the guest has too little memory below 0x%x for the "
                   "boot data; give it more with -m",
                   X86_BOOT_LOW_END);
        return false;
    }
    trace(x86_boot_load,
          "kernel=0x%" PRIx64 " size=0x%" PRIx64 " initrd=0x%" PRIx64
          " size=0x%" PRIx64,
          boot->kernel_gpa, boot->kernel_size, boot->initrd_gpa,
          boot->initrd_size);
    *ret_entry = (BootEntry){
        .rip = boot->kernel_gpa + ENTRY_64_OFFSET,
        .rsi = BOOT_PARAMS_GPA,
        .rsp = STACK_TOP_GPA,
        .cr3 = PML4_GPA,
        .gdt_base = GDT_GPA,
        .gdt_limit = GDT_ENTRIES * sizeof(uint64_t) - 1,
        .cs = BOOT_CS,
        .ds = BOOT_DS,
    };
    return true;
}
