/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that a machine starts from, such as a kernel or a firmware: opened
 * once, at the start.
 */
#ifndef HW_I386_BOOT_FILE_H
#define HW_I386_BOOT_FILE_H

/* Opens the regular file @path, which a message calls @what ("kernel").
 * *@ret_fd is the caller's. */
bool boot_file_open(const char *path, const char *what, int *ret_fd,
                    uint64_t *ret_size, GError **errp);

#endif
