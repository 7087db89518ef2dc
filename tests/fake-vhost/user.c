/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of the caller and of the guest. The kernel answers EFAULT where it
 * cannot read; a process can do the same with its own memory by
 * process_vm_readv() on itself.
 */
#include "fake.h"

int user_read(void *to, uint64_t from, size_t len)
{
    struct iovec local = { to, len };
    struct iovec remote = { (void *)(uintptr_t)from, len };

    return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)len
               ? 0
               : -EFAULT;
}

int user_write(uint64_t to, const void *from, size_t len)
{
    struct iovec local = { (void *)(uintptr_t)from, len };
    struct iovec remote = { (void *)(uintptr_t)to, len };

    return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)len
               ? 0
               : -EFAULT;
}

/* Copies the part of one direction's buffers; see command_read(). */
static int64_t copy(const struct iovec *iov, unsigned n, uint64_t offset,
                    uint8_t *buf, size_t len, bool to_guest)
{
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        size_t part;
        uint64_t at;
        int r;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        part = iov[i].iov_len - offset;
        part = part < len - done ? part : len - done;
        at = (uintptr_t)iov[i].iov_base + offset;
        r = to_guest ? user_write(at, buf + done, part)
                     : user_read(buf + done, at, part);
        if (r < 0) {
            return r;
        }
        done += part;
        offset = 0;
    }
    return done;
}

int64_t command_read(const FakeCommand *c, uint64_t offset, void *buf,
                     size_t len)
{
    return copy(c->iov, c->n_out, offset, buf, len, false);
}

int64_t command_write(const FakeCommand *c, uint64_t offset, const void *buf,
                      size_t len)
{
    return copy(c->iov + c->n_out, c->n_in, offset, (uint8_t *)(uintptr_t)buf,
                len, true);
}
