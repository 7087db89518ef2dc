/* SPDX-License-Identifier: GPL-2.0-or-later */

void close_fd(int *fd)
{
    int saved = errno;

    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    errno = saved;
}
