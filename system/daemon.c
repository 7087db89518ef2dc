/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/options.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The child's end of the pipe to the parent that waits. One process has one
 * parent, so that this belongs to the process and not to a machine. */
static int ready_fd = -1;

int daemon_fork(int *ret_status)
{
    int fds[2];
    char byte;
    pid_t pid;
    ssize_t n;

    *ret_status = -1;
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
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    char byte = 0;

    for (int fd = 0; null >= 0 && fd <= 2; fd++) {
        (void)dup2(null, fd);
    }
    close_fd(&null);
    (void)!write(ready_fd, &byte, 1);
    close_fd(&ready_fd);
}

bool pidfile_create(const char *path, GError **errp)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0) {
        error_setg_errno(errp, errno, "-pidfile: cannot create '%s'", path);
        return false;
    }
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        error_setg(errp, "-pidfile: '%s' belongs to a running process", path);
        close_fd(&fd);
        return false;
    }
    if (ftruncate(fd, 0) < 0 ||
        write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        error_setg_errno(errp, errno, "-pidfile: cannot write '%s'", path);
        close_fd(&fd);
        return false;
    }
    /* The descriptor stays open for as long as the process lives: it holds the
     * lock. */
    return true;
}

void pidfile_remove(const char *path)
{
    (void)unlink(path);
}
