/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "util/error.h"

bool boot_file_open(const char *path, const char *what, int *ret_fd,
                    uint64_t *ret_size, GError **errp)
{
    /* Non-blocking, or a FIFO would hang us here. */
    auto_fd fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat st;

    if (fd < 0) {
        error_setg_errno(errp, -fd, "cannot open %s '%s'", what, path);
        return false;
    }
    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "cannot read %s '%s'", what, path);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        error_setg(errp, "%s '%s' is not a regular file; give a file", what,
                   path);
        return false;
    }
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = steal_fd(&fd);
    return true;
}
