/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vCPU does, for targets that have a machine. */
#ifndef FUZZ_ACCESS_H
#define FUZZ_ACCESS_H

#include "system/machine.h"

/* Writes @value to the guest-physical @addr, or reads there, with @size bytes
 * (1, 2, 4 or 8). Takes no lock: nothing else runs. */
static inline void fuzz_access(Machine *m, bool is_write, uint64_t addr,
                               uint64_t value, unsigned size)
{
    if (is_write) {
        address_space_write(&m->memory, addr, value, size);
    } else {
        (void)address_space_read(&m->memory, addr, size);
    }
}

#endif
