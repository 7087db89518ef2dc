/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/rng.h"
#include "system/user-object.h"
#include "util/error.h"

#include <fcntl.h>
#include <sys/stat.h>

bool rng_backend_open(const RngBackend *b, int *ret_fd, GError **errp)
{
    const char *name = b && b->filename ? b->filename : RNG_DEFAULT_FILE;
    auto_fd fd = neg_errno(
        open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat st;

    if (fd < 0) {
        error_setg_errno(errp, -fd, "rng-random: cannot open '%s'", name);
        return false;
    }
    if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode)) {
        error_setg(errp,
                   "rng-random: property 'filename' cannot be '%s': a "
                   "character device such as /dev/urandom is expected",
                   name);
        return false;
    }
    *ret_fd = steal_fd(&fd);
    return true;
}
