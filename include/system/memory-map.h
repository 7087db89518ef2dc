/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a processor finds in guest memory without an exit: RAM and ROM, in
 * pieces that the accelerator holds as its slots. All else is read and written
 * through the regions of Machine.memory (system/memory.h).
 *
 * A board may change a piece while the guest runs, as firmware does with what
 * lies below 1 MiB. Devices do not see that: they read and write RAM where
 * GuestRam has it, and so does vhost.
 */
#ifndef SYSTEM_MEMORY_MAP_H
#define SYSTEM_MEMORY_MAP_H

typedef struct Machine Machine;

#define MEMORY_SLOTS_MAX 32 /* as many as every KVM has */
#define MEMORY_SLOT_UNIT (4 * KiB)

typedef struct MemorySlot {
    uint64_t gpa, size; /* whole units; size 0: a slot that is free */
    uint8_t *host;      /* borrowed */
    bool readonly;      /* a write is one to the regions */
} MemorySlot;

typedef struct MemoryMap {
    MemorySlot slots[MEMORY_SLOTS_MAX];
} MemoryMap;

/*
 * Puts @what where it says, or with host NULL nothing: what was there goes, and
 * is cut where it reaches beyond. What is so already is not touched. While this
 * runs, what is cut is gone for other vCPUs: a board has pieces of their own for
 * what it is going to change. -ENOSPC changes nothing; another -errno is the
 * accelerator's, and leaves nothing there. Machine lock.
 */
int memory_map_set(Machine *machine, const MemorySlot *what);

/* Where [@gpa, @gpa + @len) is, if all of it is in one slot, and for a write in
 * one that takes it; else NULL. */
void *memory_map_ptr(const MemoryMap *map, uint64_t gpa, uint64_t len,
                     bool is_write);

#endif
