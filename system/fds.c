/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/fds.h"
#include "system/machine.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

#include <fcntl.h>

#define FDSET_PATH "/dev/fdset/"

/* One descriptor. A set is nothing but the entries that have its number. */
typedef struct FdEntry {
    int fd;      /* owned */
    int64_t set; /* -1: a named one */
    char *text;  /* owned; its name, or what "opaque" said (may be NULL) */
} FdEntry;

struct FdStore {
    GPtrArray *entries; /* FdEntry, owned, oldest first */
};

/* --- numbers --- */

int fds_find_inherited(const char *text)
{
    uint64_t n;
    int flags;

    if (parse_u64(text, &n) < 0 || n > INT_MAX) {
        return -EINVAL;
    }
    if (n <= STDERR_FILENO) {
        return -EPERM;
    }
    flags = neg_errno(fcntl((int)n, F_GETFD));
    if (flags < 0) {
        return flags;
    }
    return flags & FD_CLOEXEC ? -EBUSY : (int)n;
}

void fds_inherited_error(GError **errp, const char *what, const char *text,
                         int r)
{
    switch (r) {
    case -EINVAL:
        error_setg(errp,
                   "%s cannot be '%s': the number of an inherited file "
                   "descriptor is expected",
                   what, text);
        break;
    case -EPERM:
        error_setg(errp,
                   "%s: descriptor %s is standard input, output or error: pass "
                   "another one",
                   what, text);
        break;
    case -EBUSY:
        error_setg(errp,
                   "%s: descriptor %s is in use already or was not inherited: "
                   "each inherited descriptor can be given once",
                   what, text);
        break;
    default:
        error_setg_errno(errp, -r, "%s: descriptor %s is not open", what, text);
        break;
    }
}

void fds_claim(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* --- descriptors that are kept --- */

static void entry_free(gpointer opaque)
{
    FdEntry *e = opaque;

    close_fd(&e->fd);
    g_free(e->text);
    g_free(e);
}

FdStore *fds_new(void)
{
    FdStore *s = g_new0(FdStore, 1);

    s->entries = g_ptr_array_new_with_free_func(entry_free);
    return s;
}

void fds_free(FdStore *s)
{
    if (!s) {
        return;
    }
    g_ptr_array_unref(s->entries);
    g_free(s);
}

static FdEntry *entry_at(const FdStore *s, unsigned i)
{
    return g_ptr_array_index(s->entries, i);
}

/* Takes @fd in any case. Returns 0 or -errno. */
static int add_entry(FdStore *s, int64_t set, const char *text, int fd)
{
    auto_fd taken = fd;
    FdEntry *e;

    if (s->entries->len >= FDS_MAX) {
        return -ENOSPC;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return neg_errno(-1);
    }
    e = g_new0(FdEntry, 1);
    e->fd = steal_fd(&taken);
    e->set = set;
    e->text = g_strdup(text);
    g_ptr_array_add(s->entries, e);
    return 0;
}

/* --- named --- */

static FdEntry *find_named(const FdStore *s, const char *name)
{
    for (unsigned i = 0; i < s->entries->len; i++) {
        FdEntry *e = entry_at(s, i);

        if (e->set < 0 && g_str_equal(e->text, name)) {
            return e;
        }
    }
    return NULL;
}

int fds_add_named(Machine *m, const char *name, int fd)
{
    FdEntry *old = find_named(m->fds, name);

    if (!*name || g_ascii_isdigit(*name)) {
        close_fd(&fd);
        return -EINVAL;
    }
    if (old) {
        g_ptr_array_remove(m->fds->entries, old);
    }
    return add_entry(m->fds, -1, name, fd);
}

int fds_take_named(Machine *m, const char *name)
{
    FdEntry *e = find_named(m->fds, name);
    int fd;

    if (!e) {
        return -ENOENT;
    }
    fd = steal_fd(&e->fd);
    g_ptr_array_remove(m->fds->entries, e);
    return fd;
}

int fds_find_given(Machine *m, const char *what, const char *text,
                   bool *ret_named, GError **errp)
{
    int fd;

    *ret_named = !g_ascii_isdigit(*text);
    if (!*ret_named) {
        fd = fds_find_inherited(text);
        if (fd < 0) {
            fds_inherited_error(errp, what, text, fd);
        }
        return MAX(fd, -1);
    }
    fd = fds_take_named(m, text);
    if (fd < 0) {
        error_setg(errp,
                   "%s: no file descriptor is called '%s': pass one with "
                   "getfd, or give the number of an inherited one",
                   what, text);
    }
    return MAX(fd, -1);
}

json_object *qmp_closefd(Machine *m, json_object *args, GError **errp)
{
    const char *name = keyval_get(args, "fdname");
    int fd = fds_take_named(m, name);

    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' not found", name);
        return NULL;
    }
    close_fd(&fd);
    return json_object_new_object();
}

/* --- sets --- */

/* The entry of @set that lets its user do what the access mode @access says:
 * one that allows no more than that comes first. Sets *@ret_exists if there is
 * such a set at all. */
static FdEntry *find_access(const FdStore *s, int64_t set, int access,
                            bool *ret_exists)
{
    FdEntry *wider = NULL;

    *ret_exists = false;
    for (unsigned i = 0; i < s->entries->len; i++) {
        FdEntry *e = entry_at(s, i);
        int has;

        if (e->set != set) {
            continue;
        }
        *ret_exists = true;
        has = fcntl(e->fd, F_GETFL) & O_ACCMODE;
        if (has == access) {
            return e;
        }
        if (has == O_RDWR && !wider) {
            wider = e;
        }
    }
    return wider;
}

static int open_set(const FdStore *s, const char *number, int flags)
{
    const FdEntry *e;
    auto_fd fd = -1;
    uint64_t set;
    bool exists;
    int old;

    if (parse_u64(number, &set) < 0 || set > INT64_MAX) {
        return -EINVAL;
    }
    e = find_access(s, (int64_t)set, flags & O_ACCMODE, &exists);
    if (!e) {
        return exists ? -EACCES : -ENOENT;
    }
    fd = neg_errno(fcntl(e->fd, F_DUPFD_CLOEXEC, 3));
    if (fd < 0) {
        return fd;
    }
    old = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, old | (flags & (O_APPEND | O_NONBLOCK))) < 0) {
        return neg_errno(-1);
    }
    return steal_fd(&fd);
}

int fds_open(Machine *m, const char *path, int flags, unsigned mode)
{
    if (g_str_has_prefix(path, FDSET_PATH)) {
        return open_set(m->fds, path + strlen(FDSET_PATH), flags);
    }
    return neg_errno(open(path, flags | O_CLOEXEC, mode));
}

/* The lowest number that no set has. */
static int64_t unused_set(const FdStore *s)
{
    for (int64_t set = 0;; set++) {
        bool used = false;

        for (unsigned i = 0; i < s->entries->len; i++) {
            used |= entry_at(s, i)->set == set;
        }
        if (!used) {
            return set;
        }
    }
}

json_object *fds_add_to_set(Machine *m, bool has_set, int64_t set,
                            const char *opaque, int fd, GError **errp)
{
    auto_fd taken = fd;
    json_object *reply;
    int r;

    if (has_set && (set < 0 || set == INT64_MAX)) {
        error_setg(errp, "Parameter 'fdset-id' expects a non-negative value");
        return NULL;
    }
    if (!has_set) {
        set = unused_set(m->fds);
    }
    r = add_entry(m->fds, set, opaque, steal_fd(&taken));
    if (r == -ENOSPC) {
        error_setg(errp,
                   "the machine keeps %d file descriptors already: remove "
                   "some with remove-fd or closefd",
                   FDS_MAX);
        return NULL;
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "cannot keep file descriptor %d", fd);
        return NULL;
    }
    reply = json_object_new_object();
    json_add_int(reply, "fdset-id", set);
    json_add_int(reply, "fd", fd);
    return reply;
}

/* These messages are QEMU's. */
static void add_fd_error(GError **errp, int r)
{
    if (r == -EINVAL) {
        error_setg(errp, "fd option is required and must be non-negative");
    } else if (r == -EPERM) {
        error_setg(errp, "fd cannot be a standard I/O stream");
    } else {
        error_setg(errp, "fd is not valid or already in use");
    }
}

bool fds_add_inherited(Machine *m, json_object *opts, GError **errp)
{
    static const char *const keys[] = { "set", "fd", "opaque", NULL };
    const char *text = keyval_get(opts, "fd");
    const char *set = keyval_get(opts, "set");
    auto_json *reply = NULL;
    uint64_t number;
    int fd;

    if (!keyval_check_keys(opts, "-add-fd", keys, errp)) {
        return false;
    }
    if (!set || parse_u64(set, &number) < 0 || number > INT_MAX) {
        error_setg(errp, "set option is required and must be non-negative");
        return false;
    }
    fd = text ? fds_find_inherited(text) : -EINVAL;
    if (fd < 0) {
        add_fd_error(errp, fd);
        return false;
    }
    fds_claim(fd);
    reply = fds_add_to_set(m, true, (int64_t)number, keyval_get(opts, "opaque"),
                           fd, errp);
    return reply;
}

json_object *qmp_remove_fd(Machine *m, json_object *args, GError **errp)
{
    GPtrArray *entries = m->fds->entries;
    int64_t set = json_object_get_int64(json_get(args, "fdset-id"));
    json_object *fd = json_get(args, "fd");
    bool found = false;

    for (unsigned i = entries->len; set >= 0 && i > 0; i--) {
        FdEntry *e = entry_at(m->fds, i - 1);

        if (e->set == set && (!fd || json_object_get_int64(fd) == e->fd)) {
            g_ptr_array_remove_index(entries, i - 1);
            found = true;
        }
    }
    if (!found) {
        g_autofree char *which = fd ? g_strdup_printf(", fd:%" PRId64,
                                                      json_object_get_int64(fd))
                                    : g_strdup("");

        error_setg(errp,
                   "File descriptor named 'fdset-id:%" PRId64 "%s' not found",
                   set, which);
        return NULL;
    }
    return json_object_new_object();
}

static json_object *describe_set(const FdStore *s, int64_t set)
{
    json_object *info = json_object_new_object();
    json_object *fds = json_object_new_array();

    for (unsigned i = 0; i < s->entries->len; i++) {
        const FdEntry *e = entry_at(s, i);
        json_object *fd;

        if (e->set != set) {
            continue;
        }
        fd = json_object_new_object();
        json_add_int(fd, "fd", e->fd);
        if (e->text) {
            json_add_string(fd, "opaque", e->text);
        }
        json_object_array_add(fds, fd);
    }
    json_add_int(info, "fdset-id", set);
    json_add(info, "fds", fds);
    return info;
}

/* The least set number above @set, or INT64_MAX. */
static int64_t next_set(const FdStore *s, int64_t set)
{
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < s->entries->len; i++) {
        if (entry_at(s, i)->set > set) {
            next = MIN(next, entry_at(s, i)->set);
        }
    }
    return next;
}

json_object *qmp_query_fdsets(Machine *m, json_object *args, GError **errp)
{
    json_object *list = json_object_new_array();

    for (int64_t set = next_set(m->fds, -1); set < INT64_MAX;
         set = next_set(m->fds, set)) {
        json_object_array_add(list, describe_set(m->fds, set));
    }
    return list;
}
