/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one table of options (options.c; some of their handlers
 * are in options-*.c), which fill an Options; startup.c makes a machine of it.
 * Names and meaning are QEMU's.
 */
#ifndef PROGRAM_OPTIONS_H
#define PROGRAM_OPTIONS_H

#include "program/privileges.h"
#include "system/machine.h"

#define OPTION_REPEATS_MAX 256 /* of each option that adds up */

/* What the command line asks for. Strings and dictionaries are owned. */
typedef struct Options {
    const Registry *registry; /* borrowed */
    const MachineType *machine;
    const AccelOps *accel; /* the first of the list that this program has */
    const AccelOps *accel_fallback;  /* the next one; or NULL */
    char *accel_unknown;             /* one that it lacks; or NULL */
    bool accel_by_machine;           /* the list is -machine's */
    bool accel_by_option;            /* it is -accel's or -enable-kvm's */
    MachineConfig config;            /* serial[] is not filled */
    bool has_ram_size;               /* -m was given */
    char *mem_path;                  /* -mem-path; owned */
    bool mem_prealloc;               /* -mem-prealloc */
    GPtrArray *numa;                 /* json_object: -numa */
    GPtrArray *objects;              /* json_object: -object */
    GPtrArray *globals;              /* json_object: -global */
    GPtrArray *add_fds;              /* json_object: -add-fd */
    GPtrArray *devices;              /* json_object: -device */
    GPtrArray *blockdevs;            /* json_object: -blockdev */
    char *pflash_nodes[FLASH_UNITS]; /* -machine pflash0=; owned */
    GPtrArray *chardevs;             /* json_object: -chardev */
    GPtrArray *netdevs;              /* json_object: -netdev */
    GPtrArray *nics;                 /* json_object: the netdevs of -nic */
    GPtrArray *serials;              /* char *: -serial */
    GPtrArray *monitors;             /* json_object: -mon, -qmp, -monitor */
    char *pidfile;
    char *qtest;         /* character device of the qtest protocol; or NULL */
    char *qtest_log;     /* file of its log; NULL: stderr */
    RunAs run_as;        /* -run-with */
    bool msg_guest_name; /* -msg guest-name=on */
    bool daemonize;      /* the paths that are used later are absolute */
    bool nodefaults;
    bool nographic;
    bool help_printed; /* there is nothing to run: exit status 0 */
} Options;

/* @registry, which is borrowed, is what the machine can be made of. */
Options *options_new(const Registry *registry);
void options_free(Options *o); /* takes NULL */

/* Fills @o from the command line without the program's name. On failure the
 * message is one line that names the option. */
bool options_parse(Options *o, int argc, char **argv, GError **errp);

/* A machine as @o asks, built, with its devices, ready for vm_start_request().
 * Moves o->config into it. Takes the machine lock itself. Returns NULL once it
 * has printed why not: that comes before the monitors are closed, since libvirt
 * reads standard error when its monitor ends. */
Machine *machine_from_options(Options *o);

/* Frees its character devices and the machine. The lock is not held. */
void machine_end(Machine *machine);

/* --- daemon.c --- */

/* Descriptors that the program needs before it can say that it has too few:
 * glib ends the process if it cannot have one for a main loop. */
#define DESCRIPTORS_MIN 16

/* Opens /dev/null for what of standard input, output and error is closed, so
 * that no other file gets their numbers. Before anything is opened. Returns 0
 * or -errno. */
int streams_open(void);
/* Whether DESCRIPTORS_MIN more can be opened: 0 or -errno. */
int descriptors_probe(void);

/* Forks; the child returns, a session leader, while the parent waits for
 * daemon_ready() and then ends by returning its exit status in *@ret_status
 * (the child leaves -1 there). Before any thread is started. Returns 0 or
 * -errno. */
int daemon_fork(int *ret_status);
/* In the child: stdin, stdout and stderr go to /dev/null, the working directory
 * is the root, the parent ends with status 0. */
void daemon_ready(void);

/* Creates the file @path with our process id and a lock on it. Returns its
 * descriptor, which pidfile_remove() takes, or -1; what it has created is then
 * gone. */
int pidfile_create(const char *path, GError **errp);
/* Removes @path, if it is still the file of @fd, and closes that; fine with -1.
 */
void pidfile_remove(const char *path, int fd);

#endif
