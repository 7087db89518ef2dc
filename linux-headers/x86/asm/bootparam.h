/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * For a host that is no x86 and so lacks this header: of what the kernel's
 * boot protocol defines (Documentation/arch/x86/boot.rst and zero-page.rst) as
 * much as hw/i386/x86-boot.c and its test use, by the kernel's names.
 */
#ifndef _ASM_X86_BOOTPARAM_H
#define _ASM_X86_BOOTPARAM_H

#include <linux/screen_info.h>
#include <linux/types.h>

#define LOADED_HIGH                0x01
#define XLF_KERNEL_64              0x01
#define XLF_CAN_BE_LOADED_ABOVE_4G 0x02

#define E820_MAX_ENTRIES_ZEROPAGE 128

struct boot_e820_entry {
    __u64 addr;
    __u64 size;
    __u32 type;
} __attribute__((packed));

struct setup_header {
    __u8 setup_sects; /* 0x1f1 */
    __u16 root_flags;
    __u32 syssize;
    __u16 ram_size;
    __u16 vid_mode;
    __u16 root_dev;
    __u16 boot_flag;
    __u16 jump; /* 0x200 */
    __u32 header;
    __u16 version;
    __u32 realmode_swtch;
    __u16 start_sys_seg;
    __u16 kernel_version;
    __u8 type_of_loader; /* 0x210 */
    __u8 loadflags;
    __u16 setup_move_size;
    __u32 code32_start;
    __u32 ramdisk_image;
    __u32 ramdisk_size;
    __u32 bootsect_kludge; /* 0x220 */
    __u16 heap_end_ptr;
    __u8 ext_loader_ver;
    __u8 ext_loader_type;
    __u32 cmd_line_ptr;
    __u32 initrd_addr_max;
    __u32 kernel_alignment; /* 0x230 */
    __u8 relocatable_kernel;
    __u8 min_alignment;
    __u16 xloadflags;
    __u32 cmdline_size;
    __u32 hardware_subarch;
    __u64 hardware_subarch_data; /* 0x240 */
    __u32 payload_offset;
    __u32 payload_length;
    __u64 setup_data; /* 0x250 */
    __u64 pref_address;
    __u32 init_size; /* 0x260 */
    __u32 handover_offset;
    __u32 kernel_info_offset;
} __attribute__((packed));

struct boot_params {
    struct screen_info screen_info;
    __u8 pad_040[0x070 - 0x040];
    __u64 acpi_rsdp_addr;
    __u8 pad_078[0x0c0 - 0x078];
    __u32 ext_ramdisk_image;
    __u32 ext_ramdisk_size;
    __u32 ext_cmd_line_ptr;
    __u8 pad_0cc[0x1e8 - 0x0cc];
    __u8 e820_entries;
    __u8 pad_1e9[0x1ef - 0x1e9];
    __u8 sentinel;
    __u8 pad_1f0;
    struct setup_header hdr;
    __u8 pad_26c[0x2d0 - 0x1f1 - sizeof(struct setup_header)];
    struct boot_e820_entry e820_table[E820_MAX_ENTRIES_ZEROPAGE];
    __u8 pad_cd0[0x1000 - 0xcd0];
} __attribute__((packed));

#endif
