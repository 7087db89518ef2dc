/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/firmware.h"

#include <sys/mman.h>

#include "hw/i386/boot-file.h"
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
    int r = boot_file_read(fd, rom->host, rom->size, 0);

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
