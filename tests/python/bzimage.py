# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib
import struct


def write_kernel(path):
    """A bzImage that halts: Documentation/arch/x86/boot.rst."""
    image = bytearray(0x2000)
    image[0x1f1] = 1                                    # setup_sects
    struct.pack_into("<I", image, 0x1f4, 0x1000 // 16)  # syssize
    struct.pack_into("<H", image, 0x1fe, 0xaa55)
    image[0x200:0x202] = b"\xeb\x66"                    # over the header
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, 0x020c)        # protocol
    image[0x211] = 1                                    # LOADED_HIGH
    struct.pack_into("<I", image, 0x22c, 0x7fffffff)    # initrd_addr_max
    struct.pack_into("<I", image, 0x230, 0x200000)      # kernel_alignment
    image[0x234] = 1                                    # relocatable
    struct.pack_into("<H", image, 0x236, 1)             # 64-bit entry
    struct.pack_into("<I", image, 0x238, 2047)          # cmdline_size
    struct.pack_into("<Q", image, 0x258, 0x1000000)     # pref_address
    struct.pack_into("<I", image, 0x260, 0x200000)      # init_size
    image[0x600:0x603] = b"\xf4\xeb\xfd"                # hlt; jmp -3
    pathlib.Path(path).write_bytes(image)
