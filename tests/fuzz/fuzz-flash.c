/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest can write to a flash, in any order. The input is a sequence of
 * operations of four bytes:
 *
 *     operation(1) value(1) offset(2)
 *
 * After each the file must hold what the guest would read.
 */
#include "../unit/fake-accel.h"
#include "hw/block/pflash_cfi01.h"

#include "fuzz-input.h"

#define SIZE (16 * PFLASH_SECTOR)
#define BASE (4 * GiB - SIZE)

static void access_flash(Machine *m, bool is_write, uint64_t addr,
                         uint64_t value, unsigned size)
{
    if (is_write) {
        address_space_write(&m->memory, addr, value, size);
    } else {
        (void)address_space_read(&m->memory, addr, size);
    }
}

/* Commands are tried more often than other bytes. */
static uint8_t command_of(uint8_t value)
{
    static const uint8_t commands[] = { 0x10, 0x20, 0x40, 0x50, 0x60, 0x70,
                                        0x90, 0x98, 0xd0, 0xe8, 0xff };

    return commands[value % sizeof(commands)];
}

static void operate(Machine *m, PFlash *flash, FuzzInput *in)
{
    unsigned op = (unsigned)fuzz_int(in, 1);
    uint8_t value = (uint8_t)fuzz_int(in, 1);
    uint64_t addr = BASE + fuzz_int(in, 2) % SIZE;

    switch (op & 7) {
    case 0:
    case 1:
    case 2:
        access_flash(m, true, addr, command_of(value), 1);
        break;
    case 3:
    case 4:
        access_flash(m, true, addr, value, 1);
        break;
    case 5:
        access_flash(m, op & 8, addr, value * UINT64_C(0x0101010101010101),
                     1u << (op >> 4 & 3));
        break;
    case 6:
        access_flash(m, false, addr, 0, 1u << (op >> 4 & 3));
        break;
    default:
        device_reset((Device *)flash);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { .data = data, .size = size };
    g_autofree char *path = NULL;
    auto_fd fd = g_file_open_tmp("fuzz-flash.XXXXXX", &path, NULL);
    g_autofree uint8_t *file = g_malloc(SIZE);
    Machine *m = fake_machine_new();
    PFlash *flash;

    g_assert_cmpint(ftruncate(fd, (off_t)SIZE), ==, 0);
    flash = pflash_cfi01_new(m, "flash", path, size % 7 == 0, 4 * GiB, NULL);
    g_assert_nonnull(flash);
    device_reset((Device *)flash);
    while (fuzz_more(&in)) {
        operate(m, flash, &in);
    }
    g_assert_cmpint(pread(fd, file, SIZE, 0), ==, SIZE);
    g_assert_cmpmem(file, SIZE, pflash_contents(flash), SIZE);
    fake_machine_free(m);
    unlink(path);
    return 0;
}
