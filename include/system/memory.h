/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's address spaces (memory and I/O ports) and its RAM.
 *
 * RAM is one mapping; RamBlock says which part of it lies where for devices,
 * and so is vhost's memory table. What the processors see is memory-map.h's.
 * It is a memfd, which other processes can share, where the host has huge pages
 * for shared memory, and anonymous memory elsewhere: with small pages a guest
 * pays for each of them with a page fault in KVM, and for each TLB miss.
 * Everything else is a MemoryRegion with read and write functions, reached by
 * an exit.
 */
#ifndef SYSTEM_MEMORY_H
#define SYSTEM_MEMORY_H

typedef struct AddressSpace AddressSpace;

typedef struct MemoryRegionOps {
    /* @size is 1, 2, 4 or 8; the access lies within the region. Machine lock.
     * A device that has registers of one width only handles others as the
     * specification says, or ignores them. */
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
} MemoryRegionOps;

typedef struct MemoryRegion {
    const char *name;
    const MemoryRegionOps *ops;
    void *opaque;
    uint64_t size;
    int priority;     /* of two regions at one address the higher answers */
    uint64_t base;    /* valid while mapped */
    AddressSpace *as; /* NULL while not mapped */
} MemoryRegion;

/* A counter that runs by itself: four bytes that a guest may read a hundred
 * thousand times per second, and that need no lock. */
typedef struct Counter {
    uint32_t (*read)(void *opaque); /* any thread */
    void *opaque;
    uint64_t addr; /* atomic; COUNTER_UNMAPPED: nowhere */
} Counter;
#define COUNTER_UNMAPPED UINT64_MAX

struct AddressSpace {
    const char *name;
    uint64_t size;      /* addresses run below this */
    GPtrArray *regions; /* MemoryRegion, borrowed, highest priority first */
    Counter counter;
};

void address_space_init(AddressSpace *as, const char *name, uint64_t size);
void address_space_finish(AddressSpace *as);

void memory_region_init(MemoryRegion *mr, const char *name,
                        const MemoryRegionOps *ops, void *opaque,
                        uint64_t size);

/* Maps @mr at @base, moving it if it is mapped already. A region that does not
 * fit below as->size stays unmapped. The caller keeps @mr alive until it
 * unmaps it. Machine lock. */
void memory_region_map(MemoryRegion *mr, AddressSpace *as, uint64_t base);
/* Fine if it is not mapped. Machine lock. */
void memory_region_unmap(MemoryRegion *mr);

/*
 * An access by a vCPU (or by a test). @size is 1, 2, 4 or 8. What no region
 * answers reads as all ones and ignores writes; an access that runs over a
 * region's end is split into bytes. Machine lock.
 */
uint64_t address_space_read(AddressSpace *as, uint64_t addr, unsigned size);
void address_space_write(AddressSpace *as, uint64_t addr, uint64_t value,
                         unsigned size);

/* Where the one counter of @as is to be read beside the region that has it.
 * @read and @opaque are given before a vCPU runs and stay; @addr may change at
 * any time. Machine lock. */
void address_space_set_counter(AddressSpace *as, uint32_t (*read)(void *opaque),
                               void *opaque, uint64_t addr);

/* Whether the access of a vCPU is one to the counter; *@ret_value is it then.
 * Any thread, without the machine lock. */
bool address_space_read_counter(const AddressSpace *as, uint64_t addr,
                                unsigned size, uint64_t *ret_value);

/* --- RAM --- */

#define RAM_PIECES_MAX 16 /* of one guest's RAM */
#define RAM_BLOCKS_MAX \
    (3 + RAM_PIECES_MAX) /* a board's, and cuts between pieces */

typedef struct RamBlock {
    uint64_t gpa;
    uint64_t size;
    uint8_t *host;
} RamBlock;

/* RAM is made of pieces, one after the other, of which each has memory of its
 * own kind. What the guest sees of them are blocks. */
typedef struct RamPiece {
    /* what it is to be */
    int fd;          /* memfd or file, owned; -1: anonymous memory */
    uint64_t size;   /* bytes, a multiple of the host's page */
    uint64_t page;   /* bytes of a page of this memory */
    uint64_t align;  /* its host address is a multiple of that; 0: any */
    bool shared;     /* what is written gets into the file */
    bool unreserved; /* huge pages are not set aside by the mapping */
    bool on_disk;    /* pages that the guest gives back stay, since a hole in
                      * the file may wait for a disk */
    bool drop;       /* at the end the file has nothing that is to be kept */
    /* where it is, see guest_ram_map() */
    uint64_t offset; /* of its first byte in the guest's RAM */
    uint8_t *host;
    uint64_t mapped; /* bytes, whole pages */
} RamPiece;

typedef struct GuestRam {
    uint8_t *host; /* of the first piece; NULL: nothing is mapped */
    uint64_t size; /* of all pieces */
    uint64_t span; /* bytes from host to the end of the last piece */
    RamPiece pieces[RAM_PIECES_MAX];
    unsigned n_pieces;
    unsigned n_mapped; /* so many of them are mapped */
    RamBlock blocks[RAM_BLOCKS_MAX];
    unsigned n_blocks;
} GuestRam;

/* Maps @size bytes, a sealed memfd or anonymous memory. Pages are not touched.
 * Returns 0 or -errno; undo with guest_ram_finish(), which accepts a failed
 * one. */
int guest_ram_init(GuestRam *ram, uint64_t size);

/* The same in two steps, for a @ram that is all zeros: what it is made of, and
 * the mapping of all. add takes the piece's fd. map returns 0, or -errno of
 * piece number n_mapped: -ENOMEM if that lacks huge pages. Adjoining pieces
 * adjoin in the host's memory unless their pages do not allow it. */
void guest_ram_add_piece(GuestRam *ram, const RamPiece *piece);
int guest_ram_map(GuestRam *ram);

/* A memfd of @size bytes, rounded up to whole pages. @huge_page: bytes of its
 * huge pages, a power of two; 0: none; RAM_HUGE_PAGE_DEFAULT: the host's
 * default. @seal: its size cannot change. Returns it or -errno: -ENODEV if the
 * host has no such pages. */
#define RAM_HUGE_PAGE_DEFAULT UINT64_MAX
int ram_memfd_new(uint64_t size, uint64_t huge_page, bool seal);
/* Bytes of a page of the file @fd; *@ret_on_disk: it is not made of memory. */
uint64_t ram_page_size(int fd, bool *ret_on_disk);

/* Where the host takes memory for @piece from, before a page of it is touched:
 * @mode is MPOL_... of the kernel, @nodes a mask of @n_bits bits. Returns 0 or
 * -errno: -EINVAL if the host lacks one of the nodes. */
int ram_piece_bind(const RamPiece *piece, int mode, const unsigned long *nodes,
                   unsigned n_bits);
/* Touches every page now, in @n_threads threads (Linux 5.14). Returns 0 or
 * -errno: -EFAULT or -ENOMEM if the host has no page left for it, -EINVAL if
 * it cannot do that. Leaves the rest as it is when SIGINT, SIGTERM or SIGHUP is
 * pending: the machine ends as soon as it is served. */
int ram_piece_populate(const RamPiece *piece, unsigned n_threads);

/* Gives the host the whole pages of [@host, @host + @len), which lies in @ram:
 * they are zeros when they are next touched, or what a file says that is not
 * shared. Nothing happens where the host keeps them, as with -overcommit
 * mem-lock=on, or where that could wait for a disk. Does not wait. */
void guest_ram_discard(const GuestRam *ram, void *host, uint64_t len);
/* Lets a core dump of the emulator hold the RAM. */
void guest_ram_set_dump(GuestRam *ram);
void guest_ram_finish(GuestRam *ram);

/* [@offset, @offset + @size) of the RAM lies at @gpa: a block, or several where
 * pieces do not adjoin. Added in ascending order; they do not overlap. */
void guest_ram_add_block(GuestRam *ram, uint64_t gpa, uint64_t offset,
                         uint64_t size);

/* The host address of [@gpa, @gpa + @len) if it lies whole in one block, else
 * NULL. */
void *guest_ram_ptr(const GuestRam *ram, uint64_t gpa, uint64_t len);

/* Copies into RAM; returns false if the range is not RAM. */
bool guest_ram_write(const GuestRam *ram, uint64_t gpa, const void *buf,
                     uint64_t len);

#endif
