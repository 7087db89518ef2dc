/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/capability.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

typedef struct __user_cap_data_struct CapabilityWord;

#define HEAD                             \
    (&(struct __user_cap_header_struct){ \
        .version = _LINUX_CAPABILITY_VERSION_3 })

bool capability_has(unsigned capability)
{
    CapabilityWord data[_LINUX_CAPABILITY_U32S_3] = { 0 };

    return syscall(SYS_capget, HEAD, data) == 0 &&
           data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

void capabilities_bound(uint64_t keep)
{
    int r = 0;

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    /* It ends with EINVAL: the kernel has no more; or EPERM: the set stays, and
     * nothing can be had from it under no_new_privs. */
    for (unsigned c = 0; r == 0 && c < 64; c++) {
        if (!(keep >> c & 1)) {
            r = prctl(PR_CAPBSET_DROP, (unsigned long)c, 0, 0, 0);
        }
    }
}

void capabilities_keep(uint64_t keep)
{
    CapabilityWord data[_LINUX_CAPABILITY_U32S_3] = { 0 };

    if (syscall(SYS_capget, HEAD, data) < 0) {
        return;
    }
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].permitted &= (uint32_t)(keep >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    (void)syscall(SYS_capset, HEAD, data);
}
