/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that are the guest's RAM, or a piece of it:
 *
 *   memory-backend-ram      anonymous memory, or with share=on a memfd
 *   memory-backend-memfd    a memfd, of huge pages too
 *   memory-backend-file     a file, of a hugetlbfs for instance
 *
 * The object says what memory there is to be; nothing is opened or mapped
 * before a machine takes it, by -machine memory-backend= or -numa node,memdev=.
 * Every function needs the machine lock.
 */
#ifndef SYSTEM_MEMORY_BACKEND_H
#define SYSTEM_MEMORY_BACKEND_H

#include "system/user-object.h"

typedef struct GuestRam GuestRam;

#define HOST_NODES_MAX       128 /* of host-nodes=, numbers 0 to 127 */
#define PREALLOC_THREADS_MAX 256

struct MemoryBackend {
    UserObject object;
    uint64_t size;             /* bytes */
    bool share;                /* another process can map it */
    bool prealloc;             /* all pages are touched at the start ... */
    uint32_t prealloc_threads; /* ... by so many threads */
    bool dump, merge, reserve, canonical_path;
    /* Where the host takes it from. */
    char *policy;            /* owned; NULL: default */
    json_object *host_nodes; /* owned; NULL: none */
    unsigned long node_mask[HOST_NODES_MAX / (8 * sizeof(long))]; /* the same */
    unsigned n_nodes;                                             /* in it */
    /* memory-backend-memfd */
    bool hugetlb, seal;
    uint64_t hugetlbsize; /* bytes; 0: the host's default */
    /* memory-backend-file */
    char *mem_path; /* owned */
    uint64_t align; /* bytes */
    bool discard_data, pmem, readonly;
    bool created;           /* there was no such file before */
    char *prealloc_context; /* owned; always refused */
};

extern const UserObjectType memory_backend_file_type;
extern const UserObjectType memory_backend_memfd_type;
extern const UserObjectType memory_backend_ram_type;

/* NULL if it is of another kind. */
MemoryBackend *memory_backend_from(UserObject *object);

/* Makes RAM of @backends (MemoryBackend, borrowed), in that order, for a @ram
 * that is all zeros; at the start alone, since it waits for disks. Undo with
 * guest_ram_finish(), also after a failure. */
bool memory_backends_map(const GPtrArray *backends, GuestRam *ram,
                         GError **errp);

/* QMP. */
json_object *qmp_query_memdev(Machine *machine, json_object *args,
                              GError **errp);

#endif
