/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/memory.h"
#include "util/log.h"

void address_space_init(AddressSpace *as, const char *name, uint64_t size)
{
    as->name = name;
    as->size = size;
    as->regions = g_ptr_array_new();
    as->counter = (Counter){ .addr = COUNTER_UNMAPPED };
}

void address_space_finish(AddressSpace *as)
{
    g_clear_pointer(&as->regions, g_ptr_array_unref);
}

void memory_region_init(MemoryRegion *mr, const char *name,
                        const MemoryRegionOps *ops, void *opaque, uint64_t size)
{
    *mr = (MemoryRegion){
        .name = name,
        .ops = ops,
        .opaque = opaque,
        .size = size,
    };
}

void memory_region_map(MemoryRegion *mr, AddressSpace *as, uint64_t base)
{
    unsigned i;

    memory_region_unmap(mr);
    if (!range_within(base, mr->size, as->size)) {
        return;
    }
    for (i = 0; i < as->regions->len; i++) {
        const MemoryRegion *other = g_ptr_array_index(as->regions, i);

        if (mr->priority >= other->priority) {
            break;
        }
    }
    mr->base = base;
    mr->as = as;
    g_ptr_array_insert(as->regions, (int)i, mr);
}

void memory_region_unmap(MemoryRegion *mr)
{
    if (mr->as) {
        g_ptr_array_remove(mr->as->regions, mr);
        mr->as = NULL;
    }
}

/* A machine has some tens of regions and an exit costs microseconds, so that a
 * walk of the list is as good as a tree. */
static MemoryRegion *find_region(AddressSpace *as, uint64_t addr)
{
    for (unsigned i = 0; i < as->regions->len; i++) {
        MemoryRegion *mr = g_ptr_array_index(as->regions, i);

        if (addr - mr->base < mr->size) {
            return mr;
        }
    }
    return NULL;
}

static uint64_t ones(unsigned size)
{
    return size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * size)) - 1;
}

void address_space_set_counter(AddressSpace *as, uint32_t (*read)(void *opaque),
                               void *opaque, uint64_t addr)
{
    assert(as->counter.addr == COUNTER_UNMAPPED ||
           opaque == as->counter.opaque);
    as->counter.read = read;
    as->counter.opaque = opaque;
    __atomic_store_n(&as->counter.addr, addr, __ATOMIC_RELEASE);
}

bool address_space_read_counter(const AddressSpace *as, uint64_t addr,
                                unsigned size, uint64_t *ret_value)
{
    const Counter *c = &as->counter;

    if (size != 4 || addr != __atomic_load_n(&c->addr, __ATOMIC_ACQUIRE)) {
        return false;
    }
    *ret_value = c->read(c->opaque);
    return true;
}

uint64_t address_space_read(AddressSpace *as, uint64_t addr, unsigned size)
{
    MemoryRegion *mr = find_region(as, addr);

    if (mr && range_within(addr - mr->base, size, mr->size)) {
        return mr->ops->read(mr->opaque, addr - mr->base, size) & ones(size);
    }
    if (mr) {
        uint64_t value = 0;

        for (unsigned i = 0; i < size; i++) {
            value |= address_space_read(as, addr + i, 1) << (8 * i);
        }
        return value;
    }
    trace(memory_region_unassigned, "%s read addr=0x%" PRIx64 " size=%u",
          as->name, addr, size);
    return ones(size);
}

void address_space_write(AddressSpace *as, uint64_t addr, uint64_t value,
                         unsigned size)
{
    MemoryRegion *mr = find_region(as, addr);

    if (mr && range_within(addr - mr->base, size, mr->size)) {
        mr->ops->write(mr->opaque, addr - mr->base, value & ones(size), size);
        return;
    }
    if (mr) {
        for (unsigned i = 0; i < size; i++) {
            address_space_write(as, addr + i, value >> (8 * i) & 0xff, 1);
        }
        return;
    }
    trace(memory_region_unassigned,
          "%s write addr=0x%" PRIx64 " size=%u value=0x%" PRIx64, as->name,
          addr, size, value);
}
