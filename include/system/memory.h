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

#define RAM_BLOCKS_MAX 8

typedef struct RamBlock {
    uint64_t gpa;
    uint64_t size;
    uint8_t *host;
    uint64_t offset; /* in GuestRam.host, and in its fd if there is one */
} RamBlock;

typedef struct GuestRam {
    int fd; /* memfd, owned; -1: anonymous memory */
    uint8_t *host;
    uint64_t size;
    RamBlock blocks[RAM_BLOCKS_MAX];
    unsigned n_blocks;
} GuestRam;

/* Maps @size bytes, a sealed memfd or anonymous memory. Pages are not touched.
 * Returns 0 or -errno; undo with guest_ram_finish(), which accepts a failed
 * one. */
int guest_ram_init(GuestRam *ram, uint64_t size);
/* The same, and a memfd on any host. */
int guest_ram_init_memfd(GuestRam *ram, uint64_t size);
/* Touches every page now (Linux 5.14). Returns 0 or -errno. */
int guest_ram_populate(GuestRam *ram);
/* Gives the host the whole pages of [@host, @host + @len), which lies in @ram:
 * they are zeros when they are next touched. Nothing happens where the host
 * keeps them, as with -overcommit mem-lock=on. Does not wait. */
void guest_ram_discard(const GuestRam *ram, void *host, uint64_t len);
/* Lets a core dump of the emulator hold the RAM. */
void guest_ram_set_dump(GuestRam *ram);
void guest_ram_finish(GuestRam *ram);

/* [@offset, @offset + @size) of the RAM lies at @gpa. Blocks are added in ascending order and do not overlap. */
void guest_ram_add_block(GuestRam *ram, uint64_t gpa, uint64_t offset,
                         uint64_t size);

/* The host address of [@gpa, @gpa + @len) if it lies whole in one block, else
 * NULL. */
void *guest_ram_ptr(const GuestRam *ram, uint64_t gpa, uint64_t len);

/* Copies into RAM; returns false if the range is not RAM. */
bool guest_ram_write(const GuestRam *ram, uint64_t gpa, const void *buf,
                     uint64_t len);

#endif
