/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/memory-backend.h"
#include "system/machine.h"
#include "util/cpulist.h"
#include "util/error.h"
#include "util/json.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/stat.h>

#define ALIGN_MAX (1 * GiB)

static const struct {
    const char *name;
    int mode;
} policies[] = {
    { "default", MPOL_DEFAULT },
    { "preferred", MPOL_PREFERRED },
    { "bind", MPOL_BIND },
    { "interleave", MPOL_INTERLEAVE },
};

static const char *const policy_names[] = { "default", "preferred", "bind",
                                            "interleave", NULL };

/* --- properties --- */

/* What all kinds have; @share_def is the default of share=. */
#define MEMORY_BACKEND_PROPS(share_def)                                     \
    PROP_SIZE("size", MemoryBackend, size, .required = true,                \
              .summary = "bytes, or with a suffix"),                        \
        PROP_BOOL("share", MemoryBackend, share, .def = (share_def),        \
                  .summary = "other processes can map it"),                 \
        PROP_BOOL("prealloc", MemoryBackend, prealloc,                      \
                  .summary = "touch all pages at the start"),               \
        PROP_U32("prealloc-threads", MemoryBackend, prealloc_threads,       \
                 .def = 1, .min = 1, .max = PREALLOC_THREADS_MAX,           \
                 .summary = "so many threads do that"),                     \
        PROP_STRING("prealloc-context", MemoryBackend, prealloc_context,    \
                    .summary = "not supported"),                            \
        PROP_LIST("host-nodes", MemoryBackend, host_nodes,                  \
                  .summary = "NUMA nodes of the host, N or N-M"),           \
        PROP_STRING("policy", MemoryBackend, policy, .words = policy_names, \
                    .summary = "how memory is taken from these nodes"),     \
        PROP_BOOL("dump", MemoryBackend, dump, .def = true,                 \
                  .summary = "no effect: see -machine dump-guest-core="),   \
        PROP_BOOL("merge", MemoryBackend, merge, .def = true,               \
                  .summary = "no effect: RAM is not offered to KSM"),       \
        PROP_BOOL("reserve", MemoryBackend, reserve, .def = true,           \
                  .summary = "set huge pages aside; swap space never is"),  \
        PROP_BOOL("x-use-canonical-path-for-ramblock-id", MemoryBackend,    \
                  canonical_path, .def = true, .summary = "no effect")

static const Property memory_backend_ram_props[] = {
    MEMORY_BACKEND_PROPS(false),
    { 0 },
};

static const Property memory_backend_memfd_props[] = {
    MEMORY_BACKEND_PROPS(true),
    PROP_BOOL("seal", MemoryBackend, seal, .def = true,
              .summary = "its size cannot change"),
    PROP_BOOL("hugetlb", MemoryBackend, hugetlb,
              .summary = "of the host's huge pages"),
    PROP_SIZE("hugetlbsize", MemoryBackend, hugetlbsize,
              .summary = "their size; the host's default without it"),
    { 0 },
};

static const Property memory_backend_file_props[] = {
    MEMORY_BACKEND_PROPS(false),
    PROP_STRING("mem-path", MemoryBackend, mem_path, .required = true,
                .summary = "file, or directory for one without a name"),
    PROP_BOOL("discard-data", MemoryBackend, discard_data,
              .summary = "at the end the file need not have the RAM"),
    PROP_SIZE("align", MemoryBackend, align,
              .summary = "the address is a multiple of that"),
    PROP_BOOL("pmem", MemoryBackend, pmem, .summary = "not supported"),
    PROP_BOOL("readonly", MemoryBackend, readonly, .summary = "not supported"),
    { 0 },
};

/* One item of host-nodes: a number, or the text "N" or "N-M". */
static bool add_nodes(MemoryBackend *b, json_object *item, GError **errp)
{
    const char *text = json_object_get_string(item);
    CpuSet set;

    if (cpulist_parse(text ? text : "", &set) < 0) {
        error_setg(errp, "Parameter 'host-nodes' expects a uint64 value or "
                         "range");
        return false;
    }
    for (unsigned i = 0; i <= CPULIST_MAX; i++) {
        if (!cpuset_has(&set, i)) {
            continue;
        }
        if (i >= HOST_NODES_MAX) {
            error_setg(errp, "Invalid host-nodes value: %u", i);
            return false;
        }
        b->node_mask[i / (8 * sizeof(long))] |= 1UL << i % (8 * sizeof(long));
    }
    return true;
}

static bool has_node(const MemoryBackend *b, unsigned i)
{
    return b->node_mask[i / (8 * sizeof(long))] >> i % (8 * sizeof(long)) & 1;
}

static int policy_mode(const MemoryBackend *b)
{
    for (unsigned i = 0; b->policy && i < G_N_ELEMENTS(policies); i++) {
        if (g_str_equal(b->policy, policies[i].name)) {
            return policies[i].mode;
        }
    }
    return MPOL_DEFAULT;
}

static bool check_nodes(MemoryBackend *b, GError **errp)
{
    size_t n = b->host_nodes ? json_object_array_length(b->host_nodes) : 0;

    for (size_t i = 0; i < n; i++) {
        if (!add_nodes(b, json_object_array_get_idx(b->host_nodes, i), errp)) {
            return false;
        }
    }
    for (unsigned i = 0; i < HOST_NODES_MAX; i++) {
        b->n_nodes += has_node(b, i);
    }
    if (b->n_nodes && policy_mode(b) == MPOL_DEFAULT) {
        error_setg(errp, "host-nodes must be empty for policy default, or you "
                         "should explicitly specify a policy other than "
                         "default");
        return false;
    }
    if (!b->n_nodes && policy_mode(b) != MPOL_DEFAULT) {
        error_setg(errp, "host-nodes must be set for policy %s", b->policy);
        return false;
    }
    return true;
}

static bool refuse(const MemoryBackend *b, const char *what, const char *why,
                   GError **errp)
{
    error_setg(errp, "%s: %s is not supported: %s", b->object.type->name, what,
               why);
    return false;
}

static bool check_hugetlb(const MemoryBackend *b, GError **errp)
{
    if (b->hugetlbsize && !is_power_of_2(b->hugetlbsize)) {
        error_setg(errp, "Hugepage size must be a power of 2");
        return false;
    }
    if (b->hugetlbsize && !b->hugetlb) {
        error_setg(errp, "%s: property 'hugetlbsize' needs hugetlb=on",
                   b->object.type->name);
        return false;
    }
    return true;
}

static bool check_align(const MemoryBackend *b, GError **errp)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    if (b->align &&
        (!is_power_of_2(b->align) || b->align < page || b->align > ALIGN_MAX)) {
        error_setg(errp,
                   "%s: property 'align' cannot be '%" PRIu64 "': a power of "
                   "two from %" PRIu64 " KiB to %" PRIu64 " GiB is expected",
                   b->object.type->name, b->align, page / KiB, ALIGN_MAX / GiB);
        return false;
    }
    return true;
}

static bool memory_backend_complete(UserObject *object, GError **errp)
{
    MemoryBackend *b = container_of(object, MemoryBackend, object);

    if (!b->size) {
        error_setg(errp, "%s: property 'size' cannot be 0", object->type->name);
        return false;
    }
    if (b->prealloc_context) {
        return refuse(b, "prealloc-context=",
                      "threads run where the emulator "
                      "may run, leave it out",
                      errp);
    }
    if (b->pmem) {
        return refuse(b, "pmem=on", "RAM is not persistent, leave it out",
                      errp);
    }
    if (b->readonly) {
        return refuse(b, "readonly=on", "it is RAM, leave it out", errp);
    }
    return check_nodes(b, errp) && check_hugetlb(b, errp) &&
           check_align(b, errp);
}

const UserObjectType memory_backend_ram_type = {
    .name = "memory-backend-ram",
    .summary = "RAM, for -machine memory-backend= and -numa node,memdev=",
    .size = sizeof(MemoryBackend),
    .props = memory_backend_ram_props,
    .complete = memory_backend_complete,
};

const UserObjectType memory_backend_memfd_type = {
    .name = "memory-backend-memfd",
    .summary = "the same as a memfd, which other processes can map",
    .size = sizeof(MemoryBackend),
    .props = memory_backend_memfd_props,
    .complete = memory_backend_complete,
};

const UserObjectType memory_backend_file_type = {
    .name = "memory-backend-file",
    .summary = "the same of a file, such as one of a hugetlbfs",
    .size = sizeof(MemoryBackend),
    .props = memory_backend_file_props,
    .complete = memory_backend_complete,
};

MemoryBackend *memory_backend_from(UserObject *o)
{
    return o->type->complete == memory_backend_complete
               ? container_of(o, MemoryBackend, object)
               : NULL;
}

/* --- opening --- */

/* A file without a name in the directory of mem-path. Returns it or -errno. */
static int open_nameless(const MemoryBackend *b)
{
    g_autofree char *path = g_strdup_printf("%s/qemu_back_mem.%s.XXXXXX",
                                            b->mem_path, b->object.id);
    int fd = neg_errno(mkostemp(path, O_CLOEXEC));

    if (fd >= 0) {
        (void)unlink(path);
    }
    return fd;
}

static int open_path(MemoryBackend *b)
{
    int fd = neg_errno(open(b->mem_path, O_RDWR | O_CLOEXEC));

    if (fd == -EISDIR) {
        return open_nameless(b);
    }
    if (fd == -ENOENT) {
        fd = neg_errno(
            open(b->mem_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        b->created = fd >= 0;
    }
    return fd;
}

/* The file is as long as the RAM: a new or empty one becomes so. */
static bool fit_file(const MemoryBackend *b, const RamPiece *p, GError **errp)
{
    off_t size = (off_t)round_up(b->size, p->page);
    struct stat st;

    if (fstat(p->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_setg(errp,
                   "memory-backend-file '%s': '%s' is neither a file nor a "
                   "directory; give one of a hugetlbfs, or of another file "
                   "system",
                   b->object.id, b->mem_path);
        return false;
    }
    if (st.st_size && (uint64_t)st.st_size < b->size) {
        error_setg(errp,
                   "memory-backend-file '%s': backing store size 0x%" PRIx64
                   " does not match 'size' option 0x%" PRIx64
                   ": make '%s' longer or remove it",
                   b->object.id, (uint64_t)st.st_size, b->size, b->mem_path);
        return false;
    }
    if (st.st_size < size && ftruncate(p->fd, size) < 0) {
        error_setg_errno(errp, errno,
                         "memory-backend-file '%s': cannot give '%s' 0x%" PRIx64
                         " bytes",
                         b->object.id, b->mem_path, (uint64_t)size);
        return false;
    }
    return true;
}

static bool open_file(MemoryBackend *b, RamPiece *p, GError **errp)
{
    int fd = open_path(b);

    if (fd < 0) {
        error_setg_errno(errp, -fd,
                         "memory-backend-file '%s': can't open backing store "
                         "%s for guest RAM",
                         b->object.id, b->mem_path);
        return false;
    }
    p->fd = fd;
    p->page = ram_page_size(fd, &p->on_disk);
    p->align = b->align;
    p->drop = b->discard_data;
    return fit_file(b, p, errp);
}

static bool open_memfd(const MemoryBackend *b, RamPiece *p, GError **errp)
{
    uint64_t huge = !b->hugetlb      ? 0
                    : b->hugetlbsize ? b->hugetlbsize
                                     : RAM_HUGE_PAGE_DEFAULT;
    int fd = ram_memfd_new(b->size, huge, b->seal);

    if (fd == -ENODEV) {
        error_setg(
            errp,
            "%s '%s': property 'hugetlbsize': the host has no huge pages "
            "of %" PRIu64 " bytes, /sys/kernel/mm/hugepages shows those "
            "that it has",
            b->object.type->name, b->object.id, b->hugetlbsize);
        return false;
    }
    if (fd < 0) {
        error_setg_errno(errp, -fd, "%s '%s': cannot make a memfd",
                         b->object.type->name, b->object.id);
        return false;
    }
    p->fd = fd;
    p->page = ram_page_size(fd, &p->on_disk);
    return true;
}

/* Takes a piece that guest_ram_finish() closes, also after a failure. */
static bool open_backend(MemoryBackend *b, GuestRam *ram, GError **errp)
{
    RamPiece p = {
        .fd = -1,
        .size = b->size,
        .page = (uint64_t)sysconf(_SC_PAGESIZE),
        .shared = b->share,
        .unreserved = !b->reserve,
    };
    bool ok = true;

    if (b->object.type == &memory_backend_file_type) {
        ok = open_file(b, &p, errp);
    } else if (b->share || b->hugetlb) {
        ok = open_memfd(b, &p, errp);
    }
    guest_ram_add_piece(ram, &p);
    return ok;
}

/* --- mapping --- */

static void no_huge_pages(const MemoryBackend *b, const RamPiece *p,
                          GError **errp)
{
    error_setg(errp,
               "%s '%s': the host has less than %" PRIu64 " free huge pages of "
               "%" PRIu64 " KiB: raise "
               "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
               b->object.type->name, b->object.id, p->mapped / p->page,
               p->page / KiB, p->page / KiB);
}

static bool is_huge(const RamPiece *p)
{
    return p->page > (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool map_all(const GPtrArray *backends, GuestRam *ram, GError **errp)
{
    int r = guest_ram_map(ram);
    const MemoryBackend *b;

    if (r == 0) {
        return true;
    }
    b = g_ptr_array_index(backends, ram->n_mapped);
    if (r == -ENOMEM && is_huge(&ram->pieces[ram->n_mapped])) {
        no_huge_pages(b, &ram->pieces[ram->n_mapped], errp);
    } else {
        error_setg_errno(errp, -r, "%s '%s': cannot map %" PRIu64 " MiB",
                         b->object.type->name, b->object.id, b->size / MiB);
    }
    return false;
}

static bool bind_piece(const MemoryBackend *b, const RamPiece *p, GError **errp)
{
    int mode = policy_mode(b);
    int r;

    if (mode == MPOL_DEFAULT) {
        return true;
    }
    if (mode == MPOL_PREFERRED && b->n_nodes > 1) {
        mode = MPOL_PREFERRED_MANY; /* Linux 5.15 */
    }
    r = ram_piece_bind(p, mode, b->node_mask, HOST_NODES_MAX);
    if (r == -EINVAL) {
        error_setg(errp,
                   "%s '%s': the host cannot take memory from all of "
                   "host-nodes: give nodes that "
                   "/sys/devices/system/node/has_memory lists",
                   b->object.type->name, b->object.id);
    } else if (r < 0) {
        error_setg_errno(errp, -r, "%s '%s': cannot set policy %s",
                         b->object.type->name, b->object.id, b->policy);
    }
    return r == 0;
}

static bool populate_piece(const MemoryBackend *b, const RamPiece *p,
                           GError **errp)
{
    int r = b->prealloc ? ram_piece_populate(p, b->prealloc_threads) : 0;

    if (r == -EINVAL) {
        error_setg(errp, "%s '%s': prealloc=on needs Linux 5.14: leave it out",
                   b->object.type->name, b->object.id);
    } else if (r == -EFAULT || r == -ENOMEM) {
        error_setg(errp,
                   "%s '%s': prealloc=on: the host has no more %s for %" PRIu64
                   " MiB%s: free some, or give the guest less",
                   b->object.type->name, b->object.id,
                   is_huge(p)   ? "huge pages"
                   : p->on_disk ? "space in the file system of mem-path"
                                : "memory",
                   b->size / MiB,
                   b->n_nodes ? " on the nodes of host-nodes" : "");
    } else if (r < 0) {
        error_setg_errno(errp, -r,
                         "%s '%s': prealloc=on: cannot touch %" PRIu64 " MiB",
                         b->object.type->name, b->object.id, b->size / MiB);
    }
    return r == 0;
}

static bool open_all(const GPtrArray *backends, GuestRam *ram, GError **errp)
{
    for (unsigned i = 0; i < backends->len; i++) {
        if (!open_backend(g_ptr_array_index(backends, i), ram, errp)) {
            return false;
        }
    }
    return true;
}

static bool prepare_all(const GPtrArray *backends, const GuestRam *ram,
                        GError **errp)
{
    for (unsigned i = 0; i < backends->len; i++) {
        const MemoryBackend *b = g_ptr_array_index(backends, i);

        if (!bind_piece(b, &ram->pieces[i], errp) ||
            !populate_piece(b, &ram->pieces[i], errp)) {
            return false;
        }
    }
    return true;
}

bool memory_backends_map(const GPtrArray *backends, GuestRam *ram,
                         GError **errp)
{
    if (open_all(backends, ram, errp) && map_all(backends, ram, errp) &&
        prepare_all(backends, ram, errp)) {
        return true;
    }
    for (unsigned i = 0; i < backends->len; i++) {
        MemoryBackend *b = g_ptr_array_index(backends, i);

        if (b->created) {
            (void)unlink(b->mem_path);
            b->created = false;
        }
    }
    return false;
}

/* --- QMP --- */

static json_object *describe(const MemoryBackend *b)
{
    json_object *o = json_object_new_object();
    json_object *nodes = json_object_new_array();

    for (unsigned i = 0; i < HOST_NODES_MAX; i++) {
        if (has_node(b, i)) {
            json_object_array_add(nodes, json_object_new_int((int)i));
        }
    }
    json_add_string(o, "id", b->object.id);
    json_add_uint(o, "size", b->size);
    json_add_bool(o, "merge", b->merge);
    json_add_bool(o, "dump", b->dump);
    json_add_bool(o, "prealloc", b->prealloc);
    json_add_bool(o, "share", b->share);
    json_add_bool(o, "reserve", b->reserve);
    json_add(o, "host-nodes", nodes);
    json_add_string(o, "policy", b->policy ? b->policy : "default");
    return o;
}

json_object *qmp_query_memdev(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (unsigned i = 0; i < m->objects->len; i++) {
        const MemoryBackend *b = memory_backend_from(
            g_ptr_array_index(m->objects, i));

        if (b) {
            json_object_array_add(list, describe(b));
        }
    }
    return list;
}
