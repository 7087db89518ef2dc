/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loader of bzImages: the input is the kernel file, and its last bytes the
 * initrd. A kernel that is accepted must lie in RAM, and its entry in it. */
#include "hw/i386/x86-boot.h"

#include <sys/mman.h>

#include "fuzz-input.h"

#define RAM_SIZE   (16 * MiB)
#define INITRD_MAX 64

/* A file of its own for each run; the caller closes it. */
static int file_of(const uint8_t *data, size_t size, char path[32])
{
    int fd = memfd_create("fuzz-boot", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, (gssize)size);
    g_snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_loaded(const X86Boot *boot, const GuestRam *ram)
{
    BootEntry entry;

    if (!x86_boot_load(boot, ram, &entry, NULL)) {
        return;
    }
    g_assert_nonnull(guest_ram_ptr(ram, boot->kernel_gpa, boot->kernel_size));
    g_assert_nonnull(guest_ram_ptr(ram, boot->kernel_gpa, boot->init_size));
    g_assert_nonnull(guest_ram_ptr(ram, entry.rip, 1));
    g_assert_true(!boot->initrd_size ||
                  boot->initrd_gpa >= boot->kernel_gpa + boot->init_size ||
                  boot->initrd_gpa + boot->initrd_size <= boot->kernel_gpa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t initrd_size = MIN(size / 2, INITRD_MAX);
    char kernel[32], initrd[32];
    int kernel_fd = file_of(data, size, kernel);
    int initrd_fd = file_of(data + size - initrd_size, initrd_size, initrd);
    GuestRam ram;
    X86Boot boot;

    g_assert_cmpint(guest_ram_init(&ram, RAM_SIZE), ==, 0);
    guest_ram_add_block(&ram, 0, 0, RAM_SIZE);
    x86_boot_init(&boot);
    boot.low_ram_end = RAM_SIZE;
    boot.rsdp_gpa = 0xe0000;
    boot.e820[boot.n_e820++] = (E820Entry){ 0, RAM_SIZE, E820_RAM };
    if (x86_boot_open(&boot, kernel, initrd, "console=ttyS0", NULL)) {
        check_loaded(&boot, &ram);
    }
    x86_boot_finish(&boot);
    guest_ram_finish(&ram);
    close(kernel_fd);
    close(initrd_fd);
    return 0;
}
