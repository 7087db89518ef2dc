/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C library's functions that a vhost device passes through. Descriptors
 * other than ours cost one look into a table.
 */
#include "fake.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PATH_PREFIX  "/dev/vhost-"          /* and the name of a kind */
#define MEMFD_PREFIX "fake-vhost-"          /* the same */
#define MEMFD_LINK   "/memfd:" MEMFD_PREFIX /* as /proc shows it */
#define TAP_PATH     "/dev/net/tun"
#define FIRST_OUR_FD 512

FakeState fake = { .lock = PTHREAD_MUTEX_INITIALIZER,
                   .changed = PTHREAD_COND_INITIALIZER };

/* What stands behind ours; found on first use, which may be very early. */
static struct {
    int (*open)(const char *, int, ...);
    int (*open64)(const char *, int, ...);
    int (*openat)(int, const char *, int, ...);
    int (*openat64)(int, const char *, int, ...);
    int (*access)(const char *, int);
    int (*ioctl)(int, unsigned long, ...);
    int (*close)(int);
    int (*dup)(int);
    int (*dup2)(int, int);
    int (*dup3)(int, int, int);
    int (*fcntl)(int, int, ...);
    int (*fcntl64)(int, int, ...);
    int (*close_range)(unsigned, unsigned, int);
    atomic_bool found;
} real;

static void find_real(void)
{
    if (atomic_load(&real.found)) {
        return;
    }
    *(void **)&real.open = dlsym(RTLD_NEXT, "open");
    *(void **)&real.open64 = dlsym(RTLD_NEXT, "open64");
    *(void **)&real.openat = dlsym(RTLD_NEXT, "openat");
    *(void **)&real.openat64 = dlsym(RTLD_NEXT, "openat64");
    *(void **)&real.access = dlsym(RTLD_NEXT, "access");
    *(void **)&real.ioctl = dlsym(RTLD_NEXT, "ioctl");
    *(void **)&real.close = dlsym(RTLD_NEXT, "close");
    *(void **)&real.dup = dlsym(RTLD_NEXT, "dup");
    *(void **)&real.dup2 = dlsym(RTLD_NEXT, "dup2");
    *(void **)&real.dup3 = dlsym(RTLD_NEXT, "dup3");
    *(void **)&real.fcntl = dlsym(RTLD_NEXT, "fcntl");
    *(void **)&real.fcntl64 = dlsym(RTLD_NEXT, "fcntl64");
    *(void **)&real.close_range = dlsym(RTLD_NEXT, "close_range");
    atomic_store(&real.found, true);
}

int real_close(int fd)
{
    find_real();
    return real.close(fd);
}

int fd_duplicate(int fd)
{
    int r;

    find_real();
    r = real.fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OUR_FD);
    if (r < 0 && (errno == EINVAL || errno == EMFILE)) {
        r = real.fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    return neg_errno(r);
}

void fd_clear(int *fd)
{
    int saved = errno;

    if (*fd >= 0) {
        real_close(*fd);
        *fd = -1;
    }
    errno = saved;
}

pid_t current_tid(void)
{
    return syscall(SYS_gettid);
}

/* The kind whose name @text begins with, up to @end. */
static const FakeKind *kind_called(const char *text, const char *end)
{
    for (unsigned i = 0; i < FAKE_KINDS; i++) {
        const char *name = fake_kinds[i]->name;

        if (strncmp(text, name, strlen(name)) == 0 &&
            strcmp(text + strlen(name), end) == 0) {
            return fake_kinds[i];
        }
    }
    return NULL;
}

/* The kind of @fd if it is one of our memfds, or NULL; its inode tells one from
 * another. */
static const FakeKind *kind_of(int fd, uint64_t *ret_inode)
{
    char link[32], target[64];
    struct stat st;
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, target, sizeof(target) - 1);
    if (len < 0) {
        return NULL;
    }
    target[len] = 0;
    if (strncmp(target, MEMFD_LINK, strlen(MEMFD_LINK)) || fstat(fd, &st) < 0) {
        return NULL;
    }
    *ret_inode = st.st_ino;
    return kind_called(target + strlen(MEMFD_LINK), " (deleted)");
}

/* Enters a descriptor into the table. fake.lock is held. */
static FakeDevice *table_add(const FakeKind *kind, int fd, uint64_t inode)
{
    FakeDevice *dev;

    for (dev = fake.devices; dev && dev->inode != inode; dev = dev->next) {
    }
    if (!dev) {
        dev = device_new(kind, fd, inode);
    }
    if (dev) {
        dev->refs++;
        dev->fd = fd;
        atomic_store(&fake.by_fd[fd], dev);
    }
    return dev;
}

/* Takes a descriptor out; the device itself goes with its last one. */
static void table_remove(int fd)
{
    FakeDevice *dev = atomic_exchange(&fake.by_fd[fd], NULL);

    if (dev) {
        device_release(dev);
    }
}

static FakeDevice *table_find(int fd)
{
    return fd >= 0 && fd < FAKE_FDS_MAX ? atomic_load(&fake.by_fd[fd]) : NULL;
}

/*
 * The device of a descriptor a vhost ioctl was called for: one that is known,
 * or one that came by a way that we do not see.
 */
static FakeDevice *find_device(int fd)
{
    FakeDevice *dev = table_find(fd);
    const FakeKind *kind;
    uint64_t inode;

    if (fd < 0 || fd >= FAKE_FDS_MAX) {
        return NULL;
    }
    kind = kind_of(fd, &inode);
    if (dev && kind && dev->inode == inode) {
        return dev;
    }
    if (dev) {
        table_remove(fd);
    }
    if (!kind) {
        return NULL;
    }
    pthread_mutex_lock(&fake.lock);
    dev = table_add(kind, fd, inode);
    pthread_mutex_unlock(&fake.lock);
    return dev;
}

static int open_device(const FakeKind *kind, int flags)
{
    char name[32];
    FakeDevice *dev;
    struct stat st;
    int fd;

    snprintf(name, sizeof(name), MEMFD_PREFIX "%s", kind->name);
    fd = memfd_create(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0) {
        return -1;
    }
    if (fd >= FAKE_FDS_MAX || fstat(fd, &st) < 0) {
        real_close(fd);
        errno = EMFILE;
        return -1;
    }
    if (table_find(fd)) {
        table_remove(fd); /* it was closed behind our back */
    }
    pthread_mutex_lock(&fake.lock);
    dev = table_add(kind, fd, st.st_ino);
    pthread_mutex_unlock(&fake.lock);
    if (!dev) {
        real_close(fd);
        errno = ENOMEM;
        return -1;
    }
    control_ensure();
    knobs_wait("open");
    trace_call(dev, "open", "", 0, NULL, fd);
    return fd;
}

/* The device that @path names, or NULL. */
static const FakeKind *kind_at(const char *path)
{
    return path && strncmp(path, PATH_PREFIX, strlen(PATH_PREFIX)) == 0
               ? kind_called(path + strlen(PATH_PREFIX), "")
               : NULL;
}

/* Opens what we stand in for; false if @path is something else. */
static bool open_ours(const char *path, int flags, int *ret_fd)
{
    const FakeKind *kind = kind_at(path);

    if (kind) {
        *ret_fd = open_device(kind, flags);
    } else if (path && strcmp(path, TAP_PATH) == 0) {
        *ret_fd = tap_open(flags);
    } else {
        return false;
    }
    return true;
}

static bool wants_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

/* The prototypes that the C library's headers hide or turn into macros. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

#define OPEN_MODE(flags, mode)                             \
    do {                                                   \
        va_list va;                                        \
        va_start(va, flags);                               \
        mode = wants_mode(flags) ? va_arg(va, mode_t) : 0; \
        va_end(va);                                        \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode;
    int fd;

    OPEN_MODE(flags, mode);
    find_real();
    return open_ours(path, flags, &fd) ? fd : real.open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode;
    int fd;

    OPEN_MODE(flags, mode);
    find_real();
    return open_ours(path, flags, &fd) ? fd : real.open64(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    mode_t mode;
    int fd;

    OPEN_MODE(flags, mode);
    find_real();
    return open_ours(path, flags, &fd) ? fd
                                       : real.openat(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    mode_t mode;
    int fd;

    OPEN_MODE(flags, mode);
    find_real();
    return open_ours(path, flags, &fd) ? fd
                                       : real.openat64(dir, path, flags, mode);
}

/* What open() becomes under _FORTIFY_SOURCE: never with a mode. */
int __open_2(const char *path, int flags)
{
    int fd;

    find_real();
    return open_ours(path, flags, &fd) ? fd : real.open(path, flags);
}

int __open64_2(const char *path, int flags)
{
    int fd;

    find_real();
    return open_ours(path, flags, &fd) ? fd : real.open64(path, flags);
}

int __openat_2(int dir, const char *path, int flags)
{
    int fd;

    find_real();
    return open_ours(path, flags, &fd) ? fd : real.openat(dir, path, flags);
}

int __openat64_2(int dir, const char *path, int flags)
{
    int fd;

    find_real();
    return open_ours(path, flags, &fd) ? fd : real.openat64(dir, path, flags);
}

/* libvirt looks whether the device is there before it opens it. */
int access(const char *path, int mode)
{
    find_real();
    return kind_at(path) ? 0 : real.access(path, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    FakeDevice *dev = table_find(fd);
    int r, saved;
    va_list va;
    void *arg;

    va_start(va, request);
    arg = va_arg(va, void *);
    va_end(va);
    find_real();
    if (!dev && _IOC_TYPE(request) != VHOST_VIRTIO) {
        return tap_ioctl(fd, request, arg, &r) ? r
                                               : real.ioctl(fd, request, arg);
    }
    dev = find_device(fd);
    if (!dev) {
        return real.ioctl(fd, request, arg);
    }
    control_ensure();
    device_hold(dev);
    r = device_ioctl(dev, request, arg);
    saved = errno;
    device_release(dev);
    errno = saved;
    return r;
}

int close(int fd)
{
    find_real();
    if (table_find(fd)) {
        knobs_wait("close");
        trace_call(table_find(fd), "close", "", 0, NULL, 0);
        table_remove(fd);
    }
    tap_close(fd);
    return real.close(fd);
}

/* @to became another name of @from. */
static int duplicated(int from, int to)
{
    FakeDevice *dev = table_find(from);

    if (to < 0 || to >= FAKE_FDS_MAX || from == to) {
        return to;
    }
    if (table_find(to)) {
        table_remove(to);
    }
    if (dev) {
        pthread_mutex_lock(&fake.lock);
        table_add(dev->kind, to, dev->inode);
        pthread_mutex_unlock(&fake.lock);
    }
    return to;
}

int dup(int fd)
{
    find_real();
    return duplicated(fd, real.dup(fd));
}

int dup2(int from, int to)
{
    find_real();
    return duplicated(from, real.dup2(from, to));
}

int dup3(int from, int to, int flags)
{
    find_real();
    return duplicated(from, real.dup3(from, to, flags));
}

static int after_fcntl(int fd, int cmd, int r)
{
    return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC ? duplicated(fd, r) : r;
}

int fcntl(int fd, int cmd, ...)
{
    va_list va;
    void *arg;

    va_start(va, cmd);
    arg = va_arg(va, void *);
    va_end(va);
    find_real();
    return after_fcntl(fd, cmd, real.fcntl(fd, cmd, arg));
}

int fcntl64(int fd, int cmd, ...)
{
    va_list va;
    void *arg;

    va_start(va, cmd);
    arg = va_arg(va, void *);
    va_end(va);
    find_real();
    return after_fcntl(fd, cmd, real.fcntl64(fd, cmd, arg));
}

int close_range(unsigned first, unsigned last, int flags)
{
    find_real();
    if (!(flags & CLOSE_RANGE_CLOEXEC)) {
        for (unsigned fd = first; fd <= last && fd < FAKE_FDS_MAX; fd++) {
            if (table_find(fd)) {
                table_remove(fd);
            }
        }
    }
    return real.close_range(first, last, flags);
}

static void before_fork(void)
{
    pthread_mutex_lock(&fake.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&fake.lock);
}

static void after_fork_child(void)
{
    pthread_mutex_unlock(&fake.lock);
    for (FakeDevice *dev = fake.devices; dev; dev = dev->next) {
        device_after_fork(dev);
    }
    control_after_fork();
}

__attribute__((constructor)) static void load(void)
{
    find_real();
    knobs_init();
    trace_init();
    control_init();
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* --- what tests look at --- */

/* Descriptors and memory of a process that is not dumpable are shown to root
 * alone, and tests look at them whoever runs them. */
int prctl(int option, ...)
{
    unsigned long a[4];
    va_list ap;

    va_start(ap, option);
    for (unsigned i = 0; i < 4; i++) {
        a[i] = va_arg(ap, unsigned long);
    }
    va_end(ap);
    if (option == PR_SET_DUMPABLE && geteuid() != 0) {
        return 0;
    }
    return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}
