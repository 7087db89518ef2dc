/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Direct boot of a Linux bzImage by the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst). A copy of both files is kept in a
 * sealed memfd each, so that a reset loads what the start loaded, whatever
 * became of the files, and waits for no file system.
 */
#ifndef HW_I386_X86_BOOT_H
#define HW_I386_X86_BOOT_H

#include "system/memory.h"
#include "target/i386/cpu.h"

#define E820_ENTRIES_MAX 16

/*
 * Low memory that the loader fills: GDT, boot_params, a stack, page tables and
 * the command line. E820 calls it RAM, since the kernel has copied what it
 * wants before it allocates; the board puts nothing of its own here.
 */
#define X86_BOOT_LOW_START   0x6000
#define X86_BOOT_LOW_END     0x30000
#define X86_BOOT_CMDLINE_MAX 65535 /* bytes without the final 0 */

typedef enum E820Type {
    E820_RAM = 1,
    E820_RESERVED = 2,
    E820_ACPI = 3,
} E820Type;

typedef struct E820Entry {
    uint64_t addr, size;
    E820Type type;
} E820Entry;

typedef struct X86Boot {
    int kernel_fd;                             /* copy; owned; -1: none */
    int initrd_fd;                             /* copy; owned; -1: none */
    char *kernel_path, *initrd_path, *cmdline; /* owned */
    E820Entry e820[E820_ENTRIES_MAX];          /* filled by the board */
    unsigned n_e820;
    uint64_t rsdp_gpa; /* filled by the board */
    /* Filled by the board before x86_boot_open(): where the RAM ends that
     * begins at 1 MiB. Kernel and initrd go below it; ACPI tables in RAM must
     * lie above. At most 4 GiB. */
    uint64_t low_ram_end;
    /* Filled by x86_boot_open(). */
    uint64_t kernel_offset, kernel_size; /* protected-mode part in the file */
    uint64_t kernel_gpa;
    uint64_t init_size; /* memory that the kernel needs from kernel_gpa on */
    uint64_t initrd_size, initrd_gpa;
    uint32_t setup_size; /* bytes of the setup header */
} X86Boot;

/* An empty one: all zero, fds -1. */
void x86_boot_init(X86Boot *boot);
void x86_boot_finish(X86Boot *boot);

/* Reads and checks kernel and initrd, and decides where they go. A kernel that
 * is truncated, not a bzImage, too old (protocol < 2.12 or no 64-bit entry) or
 * does not fit is refused with one sentence. @kernel is required, the others
 * may be NULL. Once for each X86Boot; x86_boot_finish() accepts a failed
 * one. */
bool x86_boot_open(X86Boot *boot, const char *kernel, const char *initrd,
                   const char *cmdline, GError **errp);

/* Writes kernel, initrd, boot_params, command line, page tables and GDT into
 * @ram and says where to enter. */
bool x86_boot_load(const X86Boot *boot, const GuestRam *ram,
                   BootEntry *ret_entry, GError **errp);

#endif
