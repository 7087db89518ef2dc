/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

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

static uint64_t host_page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- memory of a file --- */

uint64_t ram_page_size(int fd, bool *ret_on_disk)
{
    struct statfs fs;
    bool known = fstatfs(fd, &fs) == 0;
    bool huge = known && fs.f_type == HUGETLBFS_MAGIC;

    *ret_on_disk = !huge && !(known && fs.f_type == TMPFS_MAGIC);
    return huge ? (uint64_t)fs.f_bsize : host_page_size();
}

static unsigned memfd_flags(uint64_t huge_page)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

    if (!huge_page) {
        return flags;
    }
    if (huge_page != RAM_HUGE_PAGE_DEFAULT) {
        flags |= (unsigned)g_bit_nth_lsf(huge_page, -1) << MFD_HUGE_SHIFT;
    }
    return flags | MFD_HUGETLB;
}

int ram_memfd_new(uint64_t size, uint64_t huge_page, bool seal)
{
    auto_fd fd = neg_errno(memfd_create("guest-ram", memfd_flags(huge_page)));
    bool on_disk;
    int r;

    if (fd < 0) {
        return fd;
    }
    r = neg_errno(
        ftruncate(fd, (off_t)round_up(size, ram_page_size(fd, &on_disk))));
    if (r == 0 && seal) {
        /* Whoever the fd is shared with cannot take memory away under us. */
        r = neg_errno(
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
    }
    return r < 0 ? r : steal_fd(&fd);
}

/* --- mapping --- */

void guest_ram_add_piece(GuestRam *ram, const RamPiece *piece)
{
    RamPiece *p = &ram->pieces[ram->n_pieces];

    assert(ram->n_pieces < RAM_PIECES_MAX);
    *p = *piece;
    p->offset = ram->size;
    p->host = NULL;
    p->mapped = round_up(p->size, p->page);
    ram->size += p->size;
    ram->n_pieces++;
}

/* A boundary of the host's memory at which @p may begin. */
static uint64_t piece_unit(const RamPiece *p)
{
    return MAX(p->page, p->align);
}

/* Where @p goes, at @at or behind it. KVM maps a huge page only where the
 * guest's address and ours are equal modulo its size. */
static uint64_t place_piece(const RamPiece *p, uint64_t at)
{
    uint64_t unit = MAX(piece_unit(p), HUGE_PAGE_SIZE);
    uint64_t phase = p->offset % unit;

    if (phase % piece_unit(p)) {
        phase = 0;
    }
    return round_up(at - phase, unit) + phase;
}

static int map_piece(RamPiece *p, uint64_t at)
{
    /* Swap space is not reserved; huge pages are, so that their lack shows
     * here and not as a signal later. */
    bool reserve = p->page > host_page_size() && !p->unreserved;
    int flags = MAP_FIXED | (p->shared ? MAP_SHARED : MAP_PRIVATE) |
                (p->fd < 0 ? MAP_ANONYMOUS : 0) | (reserve ? 0 : MAP_NORESERVE);

    if (mmap((void *)(uintptr_t)at, p->mapped, PROT_READ | PROT_WRITE, flags,
             p->fd, 0) == MAP_FAILED) {
        return -errno;
    }
    p->host = (uint8_t *)(uintptr_t)at;
    /* A core dump is of the emulator; a host may refuse the advice. */
    (void)madvise(p->host, p->mapped, MADV_DONTDUMP);
    (void)madvise(p->host, p->mapped, MADV_HUGEPAGE);
    return 0;
}

int guest_ram_map(GuestRam *ram)
{
    uint64_t room = 0, at, end;
    void *area;
    int r = 0;

    for (unsigned i = 0; i < ram->n_pieces; i++) {
        const RamPiece *p = &ram->pieces[i];

        room += p->mapped + MAX(piece_unit(p), HUGE_PAGE_SIZE);
    }
    area = mmap(NULL, room, PROT_NONE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) {
        return -errno;
    }
    end = (uintptr_t)area + room;
    at = place_piece(&ram->pieces[0], (uintptr_t)area);
    if (at > (uintptr_t)area) {
        munmap(area, at - (uintptr_t)area);
    }
    ram->host = (uint8_t *)(uintptr_t)at;
    for (; r == 0 && ram->n_mapped < ram->n_pieces; ram->n_mapped += r == 0) {
        RamPiece *p = &ram->pieces[ram->n_mapped];
        uint64_t start = place_piece(p, at);

        r = map_piece(p, start);
        at = start + p->mapped;
    }
    at = MIN(at, end);
    ram->span = at - (uintptr_t)ram->host;
    munmap((void *)(uintptr_t)at, end - at);
    return r;
}

int guest_ram_init(GuestRam *ram, uint64_t size)
{
    RamPiece piece = { .fd = -1, .size = size, .page = host_page_size() };

    *ram = (GuestRam){ 0 };
    if (shared_memory_has_huge_pages()) {
        piece.shared = true;
        piece.fd = ram_memfd_new(size, 0, true);
        if (piece.fd < 0) {
            return piece.fd;
        }
    }
    guest_ram_add_piece(ram, &piece);
    return guest_ram_map(ram);
}

void guest_ram_finish(GuestRam *ram)
{
    for (unsigned i = 0; i < ram->n_pieces; i++) {
        RamPiece *p = &ram->pieces[i];

        if (p->host && p->drop && p->shared) {
            (void)madvise(p->host, p->mapped, MADV_REMOVE);
        }
        close_fd(&p->fd);
    }
    if (ram->host) {
        munmap(ram->host, ram->span);
    }
    *ram = (GuestRam){ 0 };
}

/* --- pages --- */

int ram_piece_bind(const RamPiece *p, int mode, const unsigned long *nodes,
                   unsigned n_bits)
{
    /* The kernel counts one bit less than it is told. Pages that a file has
     * already move. */
    return neg_errno((int)syscall(SYS_mbind, p->host, p->mapped, mode, nodes,
                                  n_bits + 1UL, MPOL_MF_STRICT | MPOL_MF_MOVE));
}

typedef struct PopulateJob {
    uint8_t *host;
    uint64_t len;
} PopulateJob;

/* The signals that ask for the end are blocked, and read as soon as the machine
 * is served; what takes minutes looks whether one waits. */
static bool is_to_end(void)
{
    sigset_t set;

    return sigpending(&set) == 0 &&
           (sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
            sigismember(&set, SIGHUP));
}

static void *populate_range(void *opaque)
{
    const PopulateJob *job = opaque;
    int r = 0;

    for (uint64_t done = 0; r == 0 && done < job->len && !is_to_end();
         done += GiB) {
        r = neg_errno(madvise(job->host + done, MIN(GiB, job->len - done),
                              MADV_POPULATE_WRITE));
    }
    return GINT_TO_POINTER(r);
}

int ram_piece_populate(const RamPiece *p, unsigned n_threads)
{
    g_autofree PopulateJob *jobs = g_new0(PopulateJob, n_threads);
    g_autofree GThread **threads = g_new0(GThread *, n_threads);
    uint64_t share = round_up((p->mapped + n_threads - 1) / n_threads, p->page);
    uint64_t done = 0;
    int first = 0;

    for (unsigned i = 0; i < n_threads; i++) {
        jobs[i].host = p->host + done;
        jobs[i].len = MIN(share, p->mapped - done);
        done += jobs[i].len;
        if (i > 0 && jobs[i].len) {
            threads[i] = g_thread_try_new("prealloc", populate_range, &jobs[i],
                                          NULL);
        }
    }
    /* What no thread does is done here. */
    for (unsigned i = 0; i < n_threads; i++) {
        int r = GPOINTER_TO_INT(threads[i]    ? g_thread_join(threads[i])
                                : jobs[i].len ? populate_range(&jobs[i])
                                              : NULL);

        first = first ? first : r;
    }
    return first;
}

void guest_ram_discard(const GuestRam *ram, void *host, uint64_t len)
{
    uint64_t first = (uintptr_t)host, last = first + len;

    for (unsigned i = 0; i < ram->n_mapped; i++) {
        const RamPiece *p = &ram->pieces[i];
        uint64_t base = (uintptr_t)p->host;
        uint64_t start = round_up(MAX(first, base), p->page);
        uint64_t end = MIN(last, base + p->size) & ~(p->page - 1);

        if (start < end && !p->on_disk) {
            (void)madvise((void *)(uintptr_t)start, end - start,
                          p->shared ? MADV_REMOVE : MADV_DONTNEED);
        }
    }
}

void guest_ram_set_dump(GuestRam *ram)
{
    for (unsigned i = 0; i < ram->n_mapped; i++) {
        (void)madvise(ram->pieces[i].host, ram->pieces[i].mapped, MADV_DODUMP);
    }
}

/* --- blocks --- */

static void add_block(GuestRam *ram, const RamBlock *block)
{
    RamBlock *last = ram->n_blocks ? &ram->blocks[ram->n_blocks - 1] : NULL;

    assert(!last || last->gpa + last->size <= block->gpa);
    if (last && last->gpa + last->size == block->gpa &&
        last->host + last->size == block->host) {
        last->size += block->size;
        return;
    }
    assert(ram->n_blocks < RAM_BLOCKS_MAX);
    ram->blocks[ram->n_blocks++] = *block;
}

void guest_ram_add_block(GuestRam *ram, uint64_t gpa, uint64_t offset,
                         uint64_t size)
{
    assert(range_within(offset, size, ram->size));
    for (unsigned i = 0; i < ram->n_mapped; i++) {
        const RamPiece *p = &ram->pieces[i];
        uint64_t start = MAX(offset, p->offset);
        uint64_t end = MIN(offset + size, p->offset + p->size);

        if (start < end) {
            const RamBlock block = {
                .gpa = gpa + (start - offset),
                .size = end - start,
                .host = p->host + (start - p->offset),
            };

            add_block(ram, &block);
        }
    }
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
