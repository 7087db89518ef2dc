/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Direct boot: which kernels and initrds are refused and how, and what a good
 * one finds in memory. */
#include "hw/i386/x86-boot.h"

#include <asm/bootparam.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "util/error.h"

#define RAM_SIZE   (64 * MiB)
#define SYS_SIZE   0x8000 /* bytes of the protected-mode part */
#define SETUP_SIZE (4 * 512)
#define KERNEL_GPA (16 * MiB)
#define INIT_SIZE  (8 * MiB)

typedef struct Fixture {
    GuestRam ram;
    X86Boot boot;
    GError *error;
    char *dir, *kernel, *initrd; /* paths */
    uint8_t *image;              /* of a good kernel, to be spoilt */
    struct setup_header *hdr;    /* in image */
    size_t image_size;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("test-x86-boot-XXXXXX", NULL);
    f->kernel = g_build_filename(f->dir, "vmlinuz", NULL);
    f->initrd = g_build_filename(f->dir, "initrd.img", NULL);

    g_assert_cmpint(guest_ram_init(&f->ram, RAM_SIZE), ==, 0);
    guest_ram_add_block(&f->ram, 0, 0, RAM_SIZE);
    x86_boot_init(&f->boot);
    f->boot.low_ram_end = RAM_SIZE;
    f->boot.rsdp_gpa = 0xe0000;
    f->boot.e820[0] = (E820Entry){ 0, RAM_SIZE, E820_RAM };
    f->boot.e820[1] = (E820Entry){ 0xfeffc000, 0x4000, E820_RESERVED };
    f->boot.n_e820 = 2;

    f->image_size = SETUP_SIZE + SYS_SIZE;
    f->image = g_malloc(f->image_size);
    for (size_t i = 0; i < f->image_size; i++) {
        f->image[i] = (uint8_t)(i / 16 ^ i);
    }
    f->hdr = (struct setup_header *)(f->image + 0x1f1);
    memset(f->hdr, 0, 0x26c - 0x1f1);
    f->hdr->setup_sects = 3;
    f->hdr->syssize = SYS_SIZE / 16;
    f->hdr->boot_flag = 0xaa55;
    f->hdr->jump = 0x6aeb; /* to 0x26c */
    f->hdr->header = 0x53726448;
    f->hdr->version = 0x20c;
    f->hdr->loadflags = LOADED_HIGH;
    f->hdr->initrd_addr_max = 0x7fffffff;
    f->hdr->kernel_alignment = 2 * MiB;
    f->hdr->relocatable_kernel = 1;
    f->hdr->xloadflags = XLF_KERNEL_64;
    f->hdr->cmdline_size = 255;
    f->hdr->pref_address = KERNEL_GPA;
    f->hdr->init_size = INIT_SIZE;
}

static void teardown(Fixture *f, gconstpointer data)
{
    x86_boot_finish(&f->boot);
    guest_ram_finish(&f->ram);
    g_clear_error(&f->error);
    g_unlink(f->kernel);
    g_unlink(f->initrd);
    g_rmdir(f->dir);
    g_free(f->dir);
    g_free(f->kernel);
    g_free(f->initrd);
    g_free(f->image);
}

static void write_kernel(Fixture *f)
{
    g_assert_true(g_file_set_contents(f->kernel, (char *)f->image,
                                      (gssize)f->image_size, NULL));
}

/* An initrd whose bytes are 'i', as a sparse file would be all zero. */
static void write_initrd(Fixture *f, size_t size)
{
    g_autofree char *bytes = g_strnfill(size, 'i');

    g_assert_true(g_file_set_contents(f->initrd, bytes, (gssize)size, NULL));
}

static bool open_kernel(Fixture *f)
{
    write_kernel(f);
    return x86_boot_open(&f->boot, f->kernel, NULL, NULL, &f->error);
}

static void assert_accepted(Fixture *f, bool ok)
{
    g_assert_no_error(f->error);
    g_assert_true(ok);
}

static void assert_refused(Fixture *f, bool ok, const char *path,
                           const char *why)
{
    g_assert_false(ok);
    g_assert_nonnull(f->error);
    g_assert_nonnull(strstr(f->error->message, path));
    g_assert_nonnull(strstr(f->error->message, why));
}

/* --- Refusals of the kernel file --- */

static void kernel_missing_refused(Fixture *f, gconstpointer data)
{
    bool ok = x86_boot_open(&f->boot, f->kernel, NULL, NULL, &f->error);

    assert_refused(f, ok, f->kernel, "No such file or directory");
}

static void kernel_directory_refused(Fixture *f, gconstpointer data)
{
    bool ok = x86_boot_open(&f->boot, f->dir, NULL, NULL, &f->error);

    assert_refused(f, ok, f->dir, "not a regular file");
}

static void kernel_fifo_refused(Fixture *f, gconstpointer data)
{
    bool ok;

    g_assert_cmpint(mkfifo(f->kernel, 0600), ==, 0);
    ok = x86_boot_open(&f->boot, f->kernel, NULL, NULL, &f->error);
    assert_refused(f, ok, f->kernel, "not a regular file");
}

static void kernel_empty_refused(Fixture *f, gconstpointer data)
{
    f->image_size = 0;
    assert_refused(f, open_kernel(f), f->kernel, "not a Linux bzImage");
}

static void kernel_shorter_than_header_refused(Fixture *f, gconstpointer data)
{
    f->image_size = 0x28f;
    assert_refused(f, open_kernel(f), f->kernel, "not a Linux bzImage");
}

static void kernel_without_boot_flag_refused(Fixture *f, gconstpointer data)
{
    f->hdr->boot_flag = 0;
    assert_refused(f, open_kernel(f), f->kernel, "not a Linux bzImage");
}

static void kernel_without_magic_refused(Fixture *f, gconstpointer data)
{
    f->hdr->header ^= 1;
    assert_refused(f, open_kernel(f), f->kernel, "not a Linux bzImage");
}

static void kernel_zimage_refused(Fixture *f, gconstpointer data)
{
    f->hdr->loadflags = 0;
    assert_refused(f, open_kernel(f), f->kernel, "not a Linux bzImage");
}

static void kernel_protocol_2_11_refused(Fixture *f, gconstpointer data)
{
    f->hdr->version = 0x20b;
    assert_refused(f, open_kernel(f), f->kernel, "boot protocol 2.11");
}

static void kernel_32_bit_refused(Fixture *f, gconstpointer data)
{
    f->hdr->xloadflags = XLF_CAN_BE_LOADED_ABOVE_4G;
    assert_refused(f, open_kernel(f), f->kernel, "no 64-bit entry point");
}

static void kernel_header_too_short_refused(Fixture *f, gconstpointer data)
{
    f->hdr->jump = 0x61eb;
    assert_refused(f, open_kernel(f), f->kernel, "damaged");
}

static void kernel_header_too_long_refused(Fixture *f, gconstpointer data)
{
    f->hdr->jump = 0x8feb;
    assert_refused(f, open_kernel(f), f->kernel, "damaged");
}

static void kernel_header_greatest_accepted(Fixture *f, gconstpointer data)
{
    f->hdr->jump = 0x8eeb;
    assert_accepted(f, open_kernel(f));
    g_assert_cmpuint(f->boot.setup_size, ==, 0x290 - 0x1f1);
}

static void kernel_without_code_refused(Fixture *f, gconstpointer data)
{
    f->hdr->syssize = 0;
    assert_refused(f, open_kernel(f), f->kernel, "damaged");
}

static void kernel_one_byte_short_refused(Fixture *f, gconstpointer data)
{
    f->image_size--;
    assert_refused(f, open_kernel(f), f->kernel, "truncated");
}

static void kernel_greatest_syssize_refused(Fixture *f, gconstpointer data)
{
    f->hdr->syssize = UINT32_MAX;
    assert_refused(f, open_kernel(f), f->kernel, "truncated");
}

static void kernel_bad_alignment_refused(Fixture *f, gconstpointer data)
{
    f->hdr->kernel_alignment = 3;
    assert_refused(f, open_kernel(f), f->kernel, "damaged");
}

static void kernel_fixed_in_low_memory_refused(Fixture *f, gconstpointer data)
{
    f->hdr->relocatable_kernel = 0;
    f->hdr->pref_address = MiB - 1;
    assert_refused(f, open_kernel(f), f->kernel, "damaged");
}

static void kernel_init_size_over_ram_refused(Fixture *f, gconstpointer data)
{
    f->hdr->init_size = RAM_SIZE - KERNEL_GPA + 1;
    assert_refused(f, open_kernel(f), f->kernel, "does not fit");
}

static void kernel_init_size_up_to_ram_accepted(Fixture *f, gconstpointer data)
{
    f->hdr->init_size = RAM_SIZE - KERNEL_GPA;
    assert_accepted(f, open_kernel(f));
}

static void kernel_greatest_address_refused(Fixture *f, gconstpointer data)
{
    f->hdr->pref_address = UINT64_MAX;
    f->hdr->kernel_alignment = UINT32_C(1) << 31;
    assert_refused(f, open_kernel(f), f->kernel, "does not fit");
}

static void kernel_fixed_greatest_address_refused(Fixture *f,
                                                  gconstpointer data)
{
    f->hdr->relocatable_kernel = 0;
    f->hdr->pref_address = UINT64_MAX;
    assert_refused(f, open_kernel(f), f->kernel, "does not fit");
}

/* --- Refusals of the rest --- */

static void cmdline_longest_accepted(Fixture *f, gconstpointer data)
{
    g_autofree char *cmdline = g_strnfill(255, 'a');
    bool ok;

    write_kernel(f);
    ok = x86_boot_open(&f->boot, f->kernel, NULL, cmdline, &f->error);
    assert_accepted(f, ok);
}

static void cmdline_too_long_refused(Fixture *f, gconstpointer data)
{
    g_autofree char *cmdline = g_strnfill(256, 'a');
    bool ok;

    write_kernel(f);
    ok = x86_boot_open(&f->boot, f->kernel, NULL, cmdline, &f->error);
    assert_refused(f, ok, f->kernel, "256 characters");
}

static void cmdline_over_our_limit_refused(Fixture *f, gconstpointer data)
{
    g_autofree char *cmdline = g_strnfill(X86_BOOT_CMDLINE_MAX + 1, 'a');
    bool ok;

    f->hdr->cmdline_size = UINT32_MAX;
    write_kernel(f);
    ok = x86_boot_open(&f->boot, f->kernel, NULL, cmdline, &f->error);
    assert_refused(f, ok, f->kernel, "at most 65535");
}

static bool open_initrd(Fixture *f, size_t size)
{
    write_kernel(f);
    write_initrd(f, size);
    return x86_boot_open(&f->boot, f->kernel, f->initrd, "", &f->error);
}

static void initrd_missing_refused(Fixture *f, gconstpointer data)
{
    bool ok;

    write_kernel(f);
    ok = x86_boot_open(&f->boot, f->kernel, f->initrd, NULL, &f->error);
    assert_refused(f, ok, f->initrd, "No such file or directory");
}

static void initrd_empty_refused(Fixture *f, gconstpointer data)
{
    assert_refused(f, open_initrd(f, 0), f->initrd, "empty");
}

static void initrd_fills_ram_accepted(Fixture *f, gconstpointer data)
{
    assert_accepted(f, open_initrd(f, RAM_SIZE - KERNEL_GPA - INIT_SIZE));
    g_assert_cmphex(f->boot.initrd_gpa, ==, KERNEL_GPA + INIT_SIZE);
}

static void initrd_one_byte_too_large_refused(Fixture *f, gconstpointer data)
{
    bool ok = open_initrd(f, RAM_SIZE - KERNEL_GPA - INIT_SIZE + 1);

    assert_refused(f, ok, f->initrd, "does not fit");
}

static void initrd_obeys_initrd_addr_max(Fixture *f, gconstpointer data)
{
    f->hdr->initrd_addr_max = 32 * MiB - 1;
    assert_accepted(f, open_initrd(f, 4097));
    g_assert_cmphex(f->boot.initrd_gpa, ==, 32 * MiB - 8192);
}

static void initrd_addr_max_below_kernel_refused(Fixture *f, gconstpointer data)
{
    f->hdr->initrd_addr_max = KERNEL_GPA - 1;
    assert_refused(f, open_initrd(f, 1), f->initrd, "does not fit");
}

/* --- Loading --- */

static const struct boot_params *load(Fixture *f, BootEntry *entry)
{
    bool ok = x86_boot_load(&f->boot, &f->ram, entry, &f->error);

    assert_accepted(f, ok);
    return guest_ram_ptr(&f->ram, entry->rsi, sizeof(struct boot_params));
}

static void load_good_kernel_is_in_memory(Fixture *f, gconstpointer data)
{
    BootEntry entry;

    assert_accepted(f, open_kernel(f));
    load(f, &entry);

    g_assert_cmphex(entry.rip, ==, KERNEL_GPA + 0x200);
    g_assert_cmpint(
        memcmp(f->ram.host + KERNEL_GPA, f->image + SETUP_SIZE, SYS_SIZE), ==,
        0);
}

static void load_setup_sects_0_means_4(Fixture *f, gconstpointer data)
{
    BootEntry entry;

    f->hdr->setup_sects = 0;
    f->hdr->syssize = (SYS_SIZE - 512) / 16;
    assert_accepted(f, open_kernel(f));
    load(f, &entry);

    g_assert_cmpint(
        memcmp(f->ram.host + KERNEL_GPA, f->image + 5 * 512, SYS_SIZE - 512),
        ==, 0);
}

static void load_without_preference_goes_to_1_mib(Fixture *f,
                                                  gconstpointer data)
{
    f->hdr->pref_address = 0;
    f->hdr->kernel_alignment = 4096;
    assert_accepted(f, open_kernel(f));
    g_assert_cmphex(f->boot.kernel_gpa, ==, MiB);
}

static void load_relocatable_kernel_is_aligned(Fixture *f, gconstpointer data)
{
    f->hdr->pref_address = KERNEL_GPA + 1;
    assert_accepted(f, open_kernel(f));
    g_assert_cmphex(f->boot.kernel_gpa, ==, KERNEL_GPA + 2 * MiB);
}

static void load_fills_boot_params(Fixture *f, gconstpointer data)
{
    const struct boot_params *params;
    BootEntry entry;
    bool ok;

    /* What lies around the header in the file, and in memory from before,
     * stays out of boot_params. */
    memset(f->ram.host, 0xff, MiB);
    f->hdr->hardware_subarch_data = 0x1122334455667788;
    write_kernel(f);
    write_initrd(f, 5000);
    ok = x86_boot_open(&f->boot, f->kernel, f->initrd, "quiet a=b", &f->error);
    assert_accepted(f, ok);
    params = load(f, &entry);

    g_assert_cmphex(params->hdr.header, ==, 0x53726448);
    g_assert_cmphex(params->hdr.hardware_subarch_data, ==, 0x1122334455667788);
    g_assert_cmphex(params->hdr.type_of_loader, ==, 0xff);
    g_assert_cmphex(params->hdr.ramdisk_image, ==, RAM_SIZE - 8192);
    g_assert_cmpuint(params->hdr.ramdisk_size, ==, 5000);
    g_assert_cmphex(params->ext_ramdisk_image, ==, 0);
    g_assert_cmphex(params->ext_cmd_line_ptr, ==, 0);
    g_assert_cmphex(params->acpi_rsdp_addr, ==, 0xe0000);
    g_assert_cmpstr((char *)f->ram.host + params->hdr.cmd_line_ptr, ==,
                    "quiet a=b");
    g_assert_cmphex(params->sentinel, ==, 0);
    g_assert_cmphex(params->screen_info.orig_video_isVGA, ==, 0);
    /* The byte behind the header. */
    g_assert_cmphex(((const uint8_t *)params)[0x26c], ==, 0);
    g_assert_cmphex(f->ram.host[RAM_SIZE - 8192 + 4999], ==, 'i');
}

static void load_fills_e820(Fixture *f, gconstpointer data)
{
    const struct boot_params *params;
    BootEntry entry;

    assert_accepted(f, open_kernel(f));
    params = load(f, &entry);

    g_assert_cmpuint(params->e820_entries, ==, 2);
    g_assert_cmphex(params->e820_table[0].size, ==, RAM_SIZE);
    g_assert_cmphex(params->e820_table[0].type, ==, 1);
    g_assert_cmphex(params->e820_table[1].addr, ==, 0xfeffc000);
    g_assert_cmphex(params->e820_table[1].size, ==, 0x4000);
    g_assert_cmphex(params->e820_table[1].type, ==, 2);
    g_assert_cmphex(params->e820_table[2].size, ==, 0);
}

/* Walks the loaded page tables as the processor does. */
static uint64_t translate(Fixture *f, uint64_t cr3, uint64_t va)
{
    uint64_t *pml4 = guest_ram_ptr(&f->ram, cr3, 4096);
    uint64_t *pdpt, *pd, pde;

    g_assert_cmphex(pml4[0] & 0xfff, ==, 3);
    pdpt = guest_ram_ptr(&f->ram, pml4[0] & ~UINT64_C(0xfff), 4096);
    g_assert_cmphex(pdpt[va >> 30] & 0xfff, ==, 3);
    pd = guest_ram_ptr(&f->ram, pdpt[va >> 30] & ~UINT64_C(0xfff), 4096);
    pde = pd[va >> 21 & 511];
    g_assert_cmphex(pde & 0xfff, ==, 0x83);
    return (pde & ~UINT64_C(0xfff)) | (va & 0x1fffff);
}

static void load_maps_4_gib_onto_itself(Fixture *f, gconstpointer data)
{
    BootEntry entry;

    assert_accepted(f, open_kernel(f));
    load(f, &entry);

    g_assert_cmphex(translate(f, entry.cr3, 0), ==, 0);
    g_assert_cmphex(translate(f, entry.cr3, KERNEL_GPA), ==, KERNEL_GPA);
    g_assert_cmphex(translate(f, entry.cr3, GiB), ==, GiB);
    g_assert_cmphex(translate(f, entry.cr3, 0xfee00000), ==, 0xfee00000);
    g_assert_cmphex(translate(f, entry.cr3, UINT32_MAX), ==, UINT32_MAX);
}

static void load_gdt_holds_boot_segments(Fixture *f, gconstpointer data)
{
    BootEntry entry;
    uint64_t *gdt;

    assert_accepted(f, open_kernel(f));
    load(f, &entry);
    gdt = guest_ram_ptr(&f->ram, entry.gdt_base, entry.gdt_limit + 1U);

    g_assert_cmphex(entry.cs, ==, 0x10);
    g_assert_cmphex(entry.ds, ==, 0x18);
    /* Present, code, readable, long mode; present, data, writable. */
    g_assert_cmphex(gdt[2] >> 40 & 0xfe, ==, 0x9a);
    g_assert_cmphex(gdt[2] >> 52 & 0xf, ==, 0xa);
    g_assert_cmphex(gdt[3] >> 40 & 0xfe, ==, 0x92);
}

static void load_again_after_reset_restores_all(Fixture *f, gconstpointer data)
{
    g_autofree uint8_t *first = NULL;
    BootEntry entry;

    assert_accepted(f, open_initrd(f, 1));
    load(f, &entry);
    first = g_memdup2(f->ram.host, X86_BOOT_LOW_END);
    memset(f->ram.host + X86_BOOT_LOW_START, 0x55,
           X86_BOOT_LOW_END - X86_BOOT_LOW_START);
    memset(f->ram.host + KERNEL_GPA, 0x55, SYS_SIZE);
    load(f, &entry);

    g_assert_cmpint(
        memcmp(f->ram.host + KERNEL_GPA, f->image + SETUP_SIZE, SYS_SIZE), ==,
        0);
    g_assert_cmpint(memcmp(first + 0x7000, f->ram.host + 0x7000, 4096), ==, 0);
    g_assert_cmpint(memcmp(first + 0x9000, f->ram.host + 0x9000, 6 * 4096), ==,
                    0);
}

static void load_stays_in_its_low_memory(Fixture *f, gconstpointer data)
{
    BootEntry entry;

    f->ram.host[X86_BOOT_LOW_START - 1] = 0x55;
    f->ram.host[X86_BOOT_LOW_END] = 0x55;
    assert_accepted(f, open_kernel(f));
    load(f, &entry);

    g_assert_cmphex(f->ram.host[X86_BOOT_LOW_START - 1], ==, 0x55);
    g_assert_cmphex(f->ram.host[X86_BOOT_LOW_END], ==, 0x55);
}

/* In place: the file is the same, and its bytes are others. */
static void rewrite(const char *path, size_t size)
{
    auto_fd fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    g_autofree char *bytes = g_strnfill(size, 'x');

    g_assert_cmpint(write(fd, bytes, size), ==, size);
}

static void assert_loads_what_it_has_opened(Fixture *f)
{
    g_autofree char *initrd = g_strnfill(5000, 'i');
    BootEntry entry;

    memset(f->ram.host + KERNEL_GPA, 0x55, SYS_SIZE);
    load(f, &entry);
    g_assert_cmpmem(f->ram.host + KERNEL_GPA, SYS_SIZE, f->image + SETUP_SIZE,
                    SYS_SIZE);
    g_assert_cmpmem(f->ram.host + f->boot.initrd_gpa, 5000, initrd, 5000);
}

static void load_after_files_became_shorter(Fixture *f, gconstpointer data)
{
    assert_accepted(f, open_initrd(f, 5000));
    rewrite(f->kernel, 10);
    rewrite(f->initrd, 0);
    assert_loads_what_it_has_opened(f);
}

static void load_after_files_became_longer(Fixture *f, gconstpointer data)
{
    assert_accepted(f, open_initrd(f, 5000));
    rewrite(f->kernel, 2 * f->image_size);
    rewrite(f->initrd, 10000);
    assert_loads_what_it_has_opened(f);
}

/* Nobody who finds the descriptor changes it either. */
static void kept_files_are_sealed(Fixture *f, gconstpointer data)
{
    assert_accepted(f, open_initrd(f, 5000));
    g_assert_cmpint(pwrite(f->boot.kernel_fd, "x", 1, 0), ==, -1);
    g_assert_cmpint(ftruncate(f->boot.initrd_fd, 0), ==, -1);
}

static void load_without_ram_there_refused(Fixture *f, gconstpointer data)
{
    GuestRam none = { 0 };
    BootEntry entry;
    bool ok;

    assert_accepted(f, open_kernel(f));
    ok = x86_boot_load(&f->boot, &none, &entry, &f->error);
    assert_refused(f, ok, f->kernel, "does not fit");
}

#define TEST(_name)                \
    {                              \
        "/x86-boot/" #_name, _name \
    }
static const struct {
    const char *path;
    void (*run)(Fixture *f, gconstpointer data);
} tests[] = {
    TEST(kernel_missing_refused),
    TEST(kernel_directory_refused),
    TEST(kernel_fifo_refused),
    TEST(kernel_empty_refused),
    TEST(kernel_shorter_than_header_refused),
    TEST(kernel_without_boot_flag_refused),
    TEST(kernel_without_magic_refused),
    TEST(kernel_zimage_refused),
    TEST(kernel_protocol_2_11_refused),
    TEST(kernel_32_bit_refused),
    TEST(kernel_header_too_short_refused),
    TEST(kernel_header_too_long_refused),
    TEST(kernel_header_greatest_accepted),
    TEST(kernel_without_code_refused),
    TEST(kernel_one_byte_short_refused),
    TEST(kernel_greatest_syssize_refused),
    TEST(kernel_bad_alignment_refused),
    TEST(kernel_fixed_in_low_memory_refused),
    TEST(kernel_init_size_over_ram_refused),
    TEST(kernel_init_size_up_to_ram_accepted),
    TEST(kernel_greatest_address_refused),
    TEST(kernel_fixed_greatest_address_refused),
    TEST(cmdline_longest_accepted),
    TEST(cmdline_too_long_refused),
    TEST(cmdline_over_our_limit_refused),
    TEST(initrd_missing_refused),
    TEST(initrd_empty_refused),
    TEST(initrd_fills_ram_accepted),
    TEST(initrd_one_byte_too_large_refused),
    TEST(initrd_obeys_initrd_addr_max),
    TEST(initrd_addr_max_below_kernel_refused),
    TEST(load_good_kernel_is_in_memory),
    TEST(load_setup_sects_0_means_4),
    TEST(load_without_preference_goes_to_1_mib),
    TEST(load_relocatable_kernel_is_aligned),
    TEST(load_fills_boot_params),
    TEST(load_fills_e820),
    TEST(load_maps_4_gib_onto_itself),
    TEST(load_gdt_holds_boot_segments),
    TEST(load_again_after_reset_restores_all),
    TEST(load_stays_in_its_low_memory),
    TEST(load_after_files_became_shorter),
    TEST(load_after_files_became_longer),
    TEST(kept_files_are_sealed),
    TEST(load_without_ram_there_refused),
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].run, teardown);
    }
    return g_test_run();
}
