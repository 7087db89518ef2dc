/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "program/options.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The child's end of the pipe to the parent that waits, and /dev/null, opened
 * while there are descriptors. One process has one parent, so that these belong
 * to the process and not to a machine. */
static int ready_fd = -1;
static int null_fd = -1;

int streams_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest number that is free. */
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) {
            return neg_errno(-1);
        }
    }
    return 0;
}

int descriptors_probe(void)
{
    int fds[DESCRIPTORS_MIN];
    int r = 0;

    for (unsigned i = 0; i < DESCRIPTORS_MIN; i++) {
        fds[i] = r < 0 ? -1
                       : neg_errno(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
        r = MIN(r, fds[i]);
    }
    for (unsigned i = 0; i < DESCRIPTORS_MIN; i++) {
        close_fd(&fds[i]);
    }
    return MIN(r, 0);
}

int daemon_fork(int *ret_status)
{
    int fds[2];
    char byte;
    pid_t pid;
    ssize_t n;

    *ret_status = -1;
    null_fd = neg_errno(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null_fd < 0) {
        return null_fd;
    }
    if (pipe2(fds, O_CLOEXEC) < 0) {
        return -errno;
    }
    pid = fork();
    if (pid < 0) {
        int r = -errno;

        close(fds[0]);
        close(fds[1]);
        return r;
    }
    if (pid == 0) {
        close(fds[0]);
        ready_fd = fds[1];
        (void)setsid();
        return 0;
    }
    close(fds[1]);
    do {
        n = read(fds[0], &byte, 1);
    } while (n < 0 && errno == EINTR);
    close(fds[0]);
    /* The pipe closed without a byte: the child has failed and said why. */
    *ret_status = n == 1 ? 0 : 1;
    return 0;
}

void daemon_ready(void)
{
    char byte = 0;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        (void)dup2(null_fd, fd);
    }
    close_fd(&null_fd);
    /* A file system is not kept busy by where somebody stood. */
    (void)!chdir("/");
    (void)!write(ready_fd, &byte, 1);
    close_fd(&ready_fd);
}

/* --- pidfile --- */

static bool is_same_file(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
           S_ISREG(there.st_mode) && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

void pidfile_remove(const char *path, int fd)
{
    if (fd >= 0 && is_same_file(fd, path)) {
        (void)unlink(path);
    }
    close_fd(&fd);
}

/* The file, locked: whoever has removed it meanwhile has left us one without a
 * name. */
static int open_locked(const char *path, GError **errp)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    for (;;) {
        auto_fd fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                          0644);
        struct stat st;

        if (fd < 0) {
            error_setg_errno(errp, errno, "-pidfile: cannot create '%s'", path);
            return -1;
        }
        if (fcntl(fd, F_SETLK, &lock) < 0) {
            if (errno == EACCES || errno == EAGAIN) {
                error_setg(errp, "-pidfile: '%s' belongs to a running process",
                           path);
            } else {
                error_setg_errno(errp, errno, "-pidfile: cannot lock '%s'",
                                 path);
            }
            return -1;
        }
        if (fstat(fd, &st) == 0 && st.st_nlink) {
            return steal_fd(&fd);
        }
    }
}

int pidfile_create(const char *path, GError **errp)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    int fd = open_locked(path, errp);

    if (fd < 0) {
        return -1;
    }
    errno = ENOSPC; /* of a write that is too short */
    if (ftruncate(fd, 0) < 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        error_setg_errno(errp, errno, "-pidfile: cannot write '%s'", path);
        pidfile_remove(path, fd);
        return -1;
    }
    return fd;
}
