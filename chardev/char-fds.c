/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors that a client of a unix socket sends along with its bytes
 * (SCM_RIGHTS, unix(7)). They wait for chardev_take_fd(); what is beyond
 * CHARDEV_FDS_MAX is closed on arrival and all are closed when the client
 * leaves, so that nobody can use up our descriptors.
 *
 * The kernel gives them with the first byte that they were sent with, and puts
 * bytes that were sent before into the same read. So bytes are read one by one
 * while descriptors are near, which a look ahead without room for them tells.
 */
#include "chardev/char-int.h"

#include <sys/socket.h>

static void keep_fd(Chardev *chr, int fd)
{
    if (chr->n_fds == CHARDEV_FDS_MAX) {
        close_fd(&fd);
        return;
    }
    chr->fds[chr->n_fds++] = fd;
}

/* Whether descriptors may come with the next @max bytes. */
static bool fds_are_near(int fd, void *buf, size_t max)
{
    struct iovec iov = { .iov_base = buf, .iov_len = max };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    return recvmsg(fd, &msg, MSG_PEEK) > 0 && msg.msg_flags & MSG_CTRUNC;
}

ssize_t chardev_recv(Chardev *chr, bool keep, void *buf, size_t max)
{
    union {
        char bytes[CMSG_SPACE(CHARDEV_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    bool near = keep && fds_are_near(chr->in_fd, buf, max);
    struct iovec iov = { .iov_base = buf, .iov_len = near ? 1 : max };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    /* The kernel drops descriptors for which @control has no room. */
    ssize_t n = recvmsg(chr->in_fd, &msg, MSG_CMSG_CLOEXEC);

    if (n < 0) {
        return n;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        size_t bytes = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t i = 0; i < bytes / sizeof(int); i++) {
            int received;

            memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (keep) {
                keep_fd(chr, received);
            } else {
                close_fd(&received);
            }
        }
    }
    return n;
}

int chardev_take_fd(Chardev *chr)
{
    int fd;

    if (!chr->n_fds) {
        return -1;
    }
    fd = chr->fds[0];
    chr->n_fds--;
    memmove(chr->fds, chr->fds + 1, chr->n_fds * sizeof(chr->fds[0]));
    return fd;
}

void chardev_drop_fds(Chardev *chr)
{
    while (chr->n_fds) {
        close_fd(&chr->fds[--chr->n_fds]);
    }
}
