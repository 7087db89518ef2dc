/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A /dev/kvm for libvirtd on a host without: preloaded, it is there (libvirtd
 * looks by access() and by stat(), whose time of change tells it whether to
 * look again) and says how many vCPUs there can be, which is all that libvirtd
 * asks of it itself. The C library's functions behind it may be another
 * stand-in's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define VCPUS_MAX 255

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

typedef int (*OpenFunction)(const char *, int, ...);

static bool is_kvm(const char *path)
{
    return path && strcmp(path, "/dev/kvm") == 0;
}

static int open_next(const char *name, const char *path, int flags, int mode)
{
    OpenFunction next;

    *(void **)&next = dlsym(RTLD_NEXT, name);
    return next(is_kvm(path) ? "/dev/null" : path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list va;
    int mode;

    va_start(va, flags);
    mode = va_arg(va, int); /* rubbish where there is none, and not looked at */
    va_end(va);
    return open_next("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list va;
    int mode;

    va_start(va, flags);
    mode = va_arg(va, int);
    va_end(va);
    return open_next("open64", path, flags, mode);
}

int __open_2(const char *path, int flags)
{
    return open_next("open", path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_next("open64", path, flags, 0);
}

int access(const char *path, int mode)
{
    int (*next)(const char *, int);

    *(void **)&next = dlsym(RTLD_NEXT, "access");
    return is_kvm(path) ? 0 : next(path, mode);
}

int stat64(const char *restrict path, struct stat64 *restrict ret_stat)
{
    int (*next)(const char *, struct stat64 *);

    *(void **)&next = dlsym(RTLD_NEXT, "stat64");
    return next(is_kvm(path) ? "/dev/null" : path, ret_stat);
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*next)(int, unsigned long, ...);
    va_list va;
    void *arg;

    va_start(va, request);
    arg = va_arg(va, void *);
    va_end(va);
    if (request == KVM_CHECK_EXTENSION) {
        return VCPUS_MAX;
    }
    *(void **)&next = dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, arg);
}
