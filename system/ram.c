/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#define HUGE_PAGE_SIZE (2 * MiB) /* where pages have 4 KiB */
#define SHMEM_ENABLED  "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* Whether the host gives huge pages to shared memory that asks for them. Most
 * hosts give them to anonymous memory only. */
static bool shared_memory_has_huge_pages(void)
{
    g_autofree char *mode = NULL;

    return g_file_get_contents(SHMEM_ENABLED, &mode, NULL, NULL) &&
           !strstr(mode, "[never]") && !strstr(mode, "[deny]");
}

static int open_memfd(uint64_t size)
{
    auto_fd fd = neg_errno(
        memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    int r;

    if (fd < 0) {
        return fd;
    }
    r = neg_errno(ftruncate(fd, (off_t)size));
    if (r < 0) {
        return r;
    }
    /* Whoever the fd is shared with cannot take memory away under us. */
    r = neg_errno(
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
    return r < 0 ? r : steal_fd(&fd);
}

/* A mapping that begins at a huge page: KVM maps one only where the guest's
 * address and ours are equal modulo its size. */
static void *map_aligned(uint64_t size, int flags, int fd)
{
    uint64_t room = size + HUGE_PAGE_SIZE;
    uint8_t *area = mmap(NULL, room, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *p;
    uint64_t before;

    if (area == MAP_FAILED) {
        return MAP_FAILED;
    }
    p = (uint8_t *)(uintptr_t)round_up((uintptr_t)area, HUGE_PAGE_SIZE);
    before = (uint64_t)(p - area);
    if (mmap(p, size, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE | MAP_FIXED,
             fd, 0) == MAP_FAILED) {
        int r = errno;

        munmap(area, room);
        errno = r;
        return MAP_FAILED;
    }
    if (before) {
        munmap(area, before);
    }
    munmap(p + size, room - before - size);
    return p;
}

static int map_ram(GuestRam *ram, uint64_t size, bool memfd)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p;

    *ram = (GuestRam){ .fd = -1, .size = size };
    if (memfd) {
        flags = MAP_SHARED;
        ram->fd = open_memfd(size);
        if (ram->fd < 0) {
            return ram->fd;
        }
    }
    p = map_aligned(size, flags, ram->fd);
    if (p == MAP_FAILED) {
        return -errno;
    }
    ram->host = p;
    /* A core dump is of the emulator; a host may refuse the advice. */
    (void)madvise(p, size, MADV_DONTDUMP);
    (void)madvise(p, size, MADV_HUGEPAGE);
    return 0;
}

int guest_ram_init(GuestRam *ram, uint64_t size)
{
    return map_ram(ram, size, shared_memory_has_huge_pages());
}

int guest_ram_init_memfd(GuestRam *ram, uint64_t size)
{
    return map_ram(ram, size, true);
}

int guest_ram_populate(GuestRam *ram)
{
    return neg_errno(madvise(ram->host, ram->size, MADV_POPULATE_WRITE));
}

void guest_ram_discard(const GuestRam *ram, void *host, uint64_t len)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t start = round_up((uintptr_t)host, page);
    uint64_t end = ((uintptr_t)host + len) & ~(page - 1);

    if (start < end) {
        (void)madvise((void *)(uintptr_t)start, end - start,
                      ram->fd < 0 ? MADV_DONTNEED : MADV_REMOVE);
    }
}

void guest_ram_set_dump(GuestRam *ram)
{
    (void)madvise(ram->host, ram->size, MADV_DODUMP);
}

void guest_ram_finish(GuestRam *ram)
{
    if (ram->host) {
        munmap(ram->host, ram->size);
        ram->host = NULL;
    }
    close_fd(&ram->fd);
    ram->n_blocks = 0;
}

void guest_ram_add_block(GuestRam *ram, uint64_t gpa, uint64_t offset,
                         uint64_t size)
{
    assert(ram->n_blocks < RAM_BLOCKS_MAX);
    assert(range_within(offset, size, ram->size));
    assert(!ram->n_blocks || ram->blocks[ram->n_blocks - 1].gpa +
                                     ram->blocks[ram->n_blocks - 1].size <=
                                 gpa);

    ram->blocks[ram->n_blocks++] = (RamBlock){
        .gpa = gpa,
        .size = size,
        .host = ram->host + offset,
        .offset = offset,
    };
}

void *guest_ram_ptr(const GuestRam *ram, uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < ram->n_blocks; i++) {
        const RamBlock *b = &ram->blocks[i];

        if (gpa >= b->gpa && range_within(gpa - b->gpa, len, b->size)) {
            return b->host + (gpa - b->gpa);
        }
    }
    return NULL;
}

bool guest_ram_write(const GuestRam *ram, uint64_t gpa, const void *buf,
                     uint64_t len)
{
    void *p = guest_ram_ptr(ram, gpa, len);

    if (!p) {
        return false;
    }
    memcpy(p, buf, len);
    return true;
}
