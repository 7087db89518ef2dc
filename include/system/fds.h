/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors that somebody else has opened for a machine.
 *
 * A number from outside (vhostfd=5, -add-fd fd=5, -chardev socket,fd=5) is no
 * proof that the descriptor was meant: it may be one of the program's own.
 * fds_find_inherited() is the one way from a number to a descriptor. What the
 * program opens, receives or claims is close-on-exec, and what it inherited
 * cannot be: that tells them apart. Whoever has found that the descriptor is
 * what it should be takes it with fds_claim(); until then it is not closed.
 *
 * Others are kept for later use, by one of two kinds of name:
 *
 *   named    QMP getfd gives a descriptor a name; whoever takes it by that name
 *            (vhostfd=NAME) owns it from then on.
 *   fd sets  -add-fd and QMP add-fd collect descriptors in numbered sets;
 *            opening the path "/dev/fdset/N" duplicates the one of set N whose
 *            access mode fits.
 *
 * The machine owns them all and closes what is left when it is freed. All are
 * close-on-exec. Every function needs the machine lock.
 */
#ifndef SYSTEM_FDS_H
#define SYSTEM_FDS_H

#include <json-c/json.h>

#define FDS_MAX 256 /* descriptors that one machine keeps, of both kinds */

typedef struct Machine Machine;
typedef struct FdStore FdStore;

/* The inherited descriptor whose number is @text, which nobody has claimed.
 * Borrowed until fds_claim(). Returns -EINVAL if @text is no number of a
 * descriptor, -EPERM for standard input, output and error, -EBADF if it is not
 * open, -EBUSY if it was not inherited or has an owner. */
int fds_find_inherited(const char *text);
/* Says what such a negative @r means; @what ("chardev 'x': fd") begins the
 * message. */
void fds_inherited_error(GError **errp, const char *what, const char *text,
                         int r);
/* Makes the caller the owner of @fd, from fds_find_inherited(). */
void fds_claim(int fd);

/* The descriptor that @text names: by the name that it was passed with, which the
 * caller owns then, or by the number of one that was inherited, which is borrowed
 * until fds_claim(); *@ret_named says which. @what ("netdev 'x': property 'fd'")
 * begins the message. Returns -1 on failure. */
int fds_find_given(Machine *machine, const char *what, const char *text,
                   bool *ret_named, GError **errp);

/* The machine's own; fds_free() closes what is left and takes NULL. */
FdStore *fds_new(void);
void fds_free(FdStore *store);

/* Keeps @fd as @name, instead of one that has the name already. Takes @fd in
 * any case. Returns 0, -EINVAL for a name that begins with a digit or is empty,
 * -ENOSPC at FDS_MAX, or -errno if @fd is not open. */
int fds_add_named(Machine *machine, const char *name, int fd);
/* The descriptor called @name, which the caller owns from then on, or
 * -ENOENT. */
int fds_take_named(Machine *machine, const char *name);

/* Opens @path as open(2) does, close-on-exec, or, if it is "/dev/fdset/N",
 * duplicates a descriptor of set N that allows what @flags ask for: -ENOENT
 * without such a set, -EACCES without such a descriptor, -EINVAL if N is no
 * number. A duplicate shares position and status flags with its original;
 * O_APPEND and O_NONBLOCK of @flags are added to these, O_TRUNC and O_CREAT do
 * nothing. Returns a descriptor that the caller owns, or -errno. */
int fds_open(Machine *machine, const char *path, int flags, unsigned mode);

/* Puts @fd into set @set, or with @has_set false into a new one. Takes @fd in
 * any case. @opaque may be NULL. Returns QMP's {"fdset-id":..,"fd":..}. */
json_object *fds_add_to_set(Machine *machine, bool has_set, int64_t set,
                            const char *opaque, int fd, GError **errp);

/* -add-fd set=N,fd=N[,opaque=TEXT], a dictionary: the inherited descriptor goes
 * into the set. */
bool fds_add_inherited(Machine *machine, json_object *opts, GError **errp);

/* QMP commands: {"fdset-id", "fd"?}; {}; {"fdname"}. */
json_object *qmp_remove_fd(Machine *machine, json_object *args, GError **errp);
json_object *qmp_query_fdsets(Machine *machine, json_object *args,
                              GError **errp);
json_object *qmp_closefd(Machine *machine, json_object *args, GError **errp);

#endif
