/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /dev/vhost-scsi, /dev/vhost-net and /dev/vhost-vsock answer, as one table
 * that is held against a real kernel (lab scenarios conform, conform-old) and
 * against libfake-vhost.so (suite fake). The kernel is right. Plain C, to be
 * linked statically.
 *
 *   conform GENERATION WWPN MAX_IO_VQS [tap]
 *
 * GENERATION is 6.1, 6.5, 6.12, 6.17 or kthread. With "tap" the back end of
 * vhost-net is a new tap, else a socket as the stand-in takes it.
 *
 * TAP on standard output; status 1 if an answer differs.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/vhost-worker.h>

enum Generation {
    G61 = 1,
    G65 = 2,
    G612 = 4,
    GKTHREAD = 8,
    G_WORKERS = G65 | G612 | GKTHREAD, /* the worker calls exist */
    G_TASK = G65 | G612,               /* and work */
    G_FORK = G612 | GKTHREAD,          /* the fork owner calls exist */
    G_NO_FORK = G61 | G65,
    G_ALL = G61 | G65 | G612 | GKTHREAD,
};

/* Of which driver a row is. */
enum Kind {
    K_SCSI = 16,
    K_NET = 32,
    K_VSOCK = 64,
    K_NO_WORKERS = K_NET | K_VSOCK, /* no worker calls, backend features */
    K_ALL = K_SCSI | K_NET | K_VSOCK,
};

/* How the argument of a call is made of the row's a and b. */
typedef enum Arg {
    NONE,
    PAIR,    /* two words, a and b: vring state, vring worker */
    WORD,    /* one word, a */
    LONG,    /* 64 bits, a */
    BYTE,    /* a */
    OUT32,   /* a word comes back: b */
    OUT64,   /* 64 bits come back, and b is checked */
    OUT8,    /* a byte comes back: b */
    INOUT,   /* a goes, b comes back behind it */
    EVENT,   /* an eventfd for queue a */
    NOFD,    /* a descriptor that is not open, for queue a */
    NOTEV,   /* a descriptor that is no eventfd, for queue a */
    UNBIND,  /* -1, for queue a */
    ADDR,    /* ring addresses for queue a: b is the kind, see ring_addr() */
    MEM,     /* memory table: a regions, b is the kind */
    TARGET,  /* a: 0 ours, 1 another, 2 with "reserved" set; b: abi */
    BAD,     /* an address nothing is at */
    CHILD,   /* as PAIR, from a process made by fork() */
    OTHER,   /* as LONG, of another device of that kind */
    BACKEND, /* what vhost-net takes, for queue a */
    SOCKET,  /* a socket that it does not take, for queue a */
} Arg;

typedef struct Step {
    const char *begin; /* a new device for the rows from here on, which are of
                        * the kinds that this one is of */
    unsigned long request;
    Arg arg;
    uint64_t a, b;
    int want;      /* errno */
    unsigned only; /* generations, kinds; none of either: all */
} Step;

#define LAST     0x1000000000ull /* stands for the last queue of the device */
#define OVER     0x2000000000ull /* one beyond */
#define FEATURES 0x4000000000ull /* what it offers */

/* clang-format off */
#define BEGIN(...) { __VA_ARGS__ }
#define ROW(...)   { NULL, __VA_ARGS__ }
/* clang-format on */

static const Step steps[] = {
    BEGIN("before an owner", VHOST_GET_FEATURES, OUT64, 0, FEATURES, 0),
    ROW(VHOST_SCSI_GET_ABI_VERSION, OUT32, 0, 1, 0, K_SCSI),
    ROW(VHOST_SCSI_GET_ABI_VERSION, BAD, 0, 0, EFAULT, K_SCSI),
    ROW(VHOST_GET_FEATURES, BAD, 0, 0, EFAULT),
    ROW(VHOST_SET_FEATURES, LONG, 0, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1, 0, EOPNOTSUPP),
    ROW(VHOST_SCSI_GET_EVENTS_MISSED, OUT32, 0, 0, 0, K_SCSI),
    ROW(VHOST_SCSI_SET_EVENTS_MISSED, WORD, 1, 0, 0, K_SCSI),
    ROW(VHOST_SCSI_GET_EVENTS_MISSED, OUT32, 0, 1, 0, K_SCSI),
    ROW(VHOST_SET_MEM_TABLE, MEM, 0, 0, EPERM),
    ROW(VHOST_SET_LOG_BASE, LONG, 0, 0, EPERM),
    ROW(VHOST_SET_LOG_FD, WORD, UINT32_MAX, 0, EPERM),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 128, EPERM),
    ROW(VHOST_SET_VRING_NUM, BAD, 0, 0, EPERM),
    ROW(VHOST_GET_VRING_BASE, PAIR, 0, 0, EPERM),
    ROW(VHOST_SET_VRING_KICK, EVENT, 0, 0, EPERM),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, EFAULT,
        K_SCSI), /* no memory table */
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 0, 1, EFAULT, K_SCSI),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 2, 1, EOPNOTSUPP, K_SCSI),
    ROW(VHOST_NEW_WORKER, WORD, 0, 0, EINVAL, G_WORKERS | K_SCSI),
    ROW(VHOST_NEW_WORKER, WORD, 0, 0, EPERM, G61),
    ROW(VHOST_NEW_WORKER, WORD, 0, 0, EPERM, K_NO_WORKERS),
    ROW(VHOST_FREE_WORKER, WORD, 0, 0, EINVAL, G_WORKERS | K_SCSI),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 0, 0, EINVAL, G_WORKERS | K_SCSI),
    ROW(VHOST_GET_VRING_WORKER, PAIR, 0, 0, EINVAL, G_WORKERS | K_SCSI),
    ROW(VHOST_RESET_OWNER, NONE, 0, 0, EPERM),
    ROW(VHOST_SET_VRING_ENDIAN, PAIR, 0, 0, EPERM),
    ROW(VHOST_GET_BACKEND_FEATURES, OUT64, 0, 0, EPERM, K_SCSI),
    ROW(VHOST_GET_BACKEND_FEATURES, OUT64, 0, 2, 0, K_NO_WORKERS),
    ROW(VHOST_NET_SET_BACKEND, BAD, 0, 0, EFAULT, K_NET),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, EPERM, K_NET),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, OVER, 0, EPERM, K_NET),
    ROW(VHOST_VSOCK_SET_RUNNING, BAD, 0, 0, EFAULT, K_VSOCK),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 0, 0, EPERM, K_VSOCK),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, EPERM, K_VSOCK),

    BEGIN("owner", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_OWNER, NONE, 0, 0, EBUSY),
    ROW(VHOST_RESET_OWNER, NONE, 0, 0, EFAULT, K_SCSI | K_VSOCK),
    ROW(VHOST_RESET_OWNER, PAIR, 0, 0, ENOTTY, K_SCSI | K_VSOCK),
    ROW(0xaf7f, PAIR, 0, 0, ENOTTY),
    ROW(0xaf7f, PAIR, OVER, 0, ENOBUFS),
    ROW(0xaf7f, BAD, 0, 0, EFAULT),
    ROW(VHOST_GET_BACKEND_FEATURES, PAIR, 0, 0, ENOTTY, K_SCSI),
    ROW(VHOST_SET_BACKEND_FEATURES, PAIR, 0, 0, ENOTTY, K_SCSI),
    ROW(VHOST_GET_BACKEND_FEATURES, BAD, 0, 0, EFAULT, K_NO_WORKERS),
    ROW(VHOST_SET_BACKEND_FEATURES, LONG, 2, 0, 0, K_NO_WORKERS),
    ROW(VHOST_SET_BACKEND_FEATURES, LONG, 1, 0, EOPNOTSUPP, K_NO_WORKERS),
    ROW(VHOST_SET_BACKEND_FEATURES, BAD, 0, 0, EFAULT, K_NO_WORKERS),
    ROW(VHOST_SET_VRING_ENDIAN, PAIR, 0, 0, ENOTTY),
    ROW(VHOST_GET_VRING_ENDIAN, PAIR, 0, 0, ENOTTY),
    ROW(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, PAIR, 0, 50, 0),
    ROW(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, INOUT, 0, 50, 0),

    BEGIN("features", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, FEATURES, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1ull << 34, 0, EOPNOTSUPP),
    ROW(VHOST_SET_FEATURES, BAD, 0, 0, EFAULT),
    ROW(VHOST_SCSI_SET_EVENTS_MISSED, WORD, 0, 0, 0, K_SCSI),
    ROW(VHOST_SCSI_SET_EVENTS_MISSED, WORD, 2, 0, 0, K_SCSI),
    ROW(VHOST_SCSI_GET_EVENTS_MISSED, OUT32, 0, 1, 0, K_SCSI),
    ROW(VHOST_SCSI_SET_EVENTS_MISSED, BAD, 0, 0, EFAULT, K_SCSI),
    ROW(VHOST_SCSI_GET_EVENTS_MISSED, BAD, 0, 0, EFAULT, K_SCSI),

    BEGIN("memory table", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 0, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 64, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 65, 0, E2BIG),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 1, EOPNOTSUPP), /* padding */
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 2, 0),          /* flags of a region */
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 3, 0),          /* kernel address */
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 4, 0),          /* nothing mapped there */
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 5, 0),          /* size 0 */
    ROW(VHOST_SET_MEM_TABLE, MEM, 2, 6, 0),          /* they overlap */
    ROW(VHOST_SET_MEM_TABLE, BAD, 0, 0, EFAULT),
    ROW(VHOST_SET_LOG_BASE, LONG, 0, 0, 0),
    ROW(VHOST_SET_LOG_BASE, BAD, 0, 0, EFAULT),
    ROW(VHOST_SET_LOG_FD, WORD, UINT32_MAX, 0, 0),
    ROW(VHOST_SET_LOG_FD, WORD, 999, 0, EBADF),
    ROW(VHOST_SET_LOG_FD, BAD, 0, 0, EFAULT),

    BEGIN("ring size and base", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 128, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 1, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 32768, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 0, EINVAL),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 3, EINVAL),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 65536, EINVAL),
    ROW(VHOST_SET_VRING_NUM, PAIR, LAST, 128, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, OVER, 128, ENOBUFS),
    ROW(VHOST_SET_VRING_NUM, BAD, 0, 0, EFAULT),
    ROW(VHOST_GET_VRING_BASE, INOUT, 0, 0, 0),
    ROW(VHOST_SET_VRING_BASE, PAIR, 0, 77, 0),
    ROW(VHOST_GET_VRING_BASE, INOUT, 0, 77, 0),
    ROW(VHOST_SET_VRING_BASE, PAIR, 0, 65535, 0),
    ROW(VHOST_SET_VRING_BASE, PAIR, 0, 65536, EINVAL),
    ROW(VHOST_SET_VRING_BASE, PAIR, OVER, 0, ENOBUFS),
    ROW(VHOST_GET_VRING_BASE, PAIR, OVER, 0, ENOBUFS),

    BEGIN("ring addresses", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 0, 0), /* no size yet */
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 0, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 1, EOPNOTSUPP), /* flags */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 2, EINVAL),     /* avail odd */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 3, EINVAL),     /* used not by 4 */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 4, 0),          /* desc not by 16 */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 5, EINVAL),     /* log not by 4 */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 6, 0),          /* kernel address */
    ROW(VHOST_SET_VRING_ADDR, ADDR, OVER, 0, ENOBUFS),
    ROW(VHOST_SET_VRING_ADDR, BAD, 0, 0, EFAULT),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, EFAULT, K_SCSI),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 0, 0),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, 0, K_SCSI),

    BEGIN("ring eventfds", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, UNBIND, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, NOFD, 0, 0, EBADF),
    ROW(VHOST_SET_VRING_KICK, NOTEV, 0, 0, EINVAL),
    ROW(VHOST_SET_VRING_KICK, EVENT, OVER, 0, ENOBUFS),
    ROW(VHOST_SET_VRING_KICK, BAD, 0, 0, EFAULT),
    ROW(VHOST_SET_VRING_CALL, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_CALL, UNBIND, 0, 0, 0),
    ROW(VHOST_SET_VRING_CALL, NOFD, 0, 0, EBADF),
    ROW(VHOST_SET_VRING_CALL, NOTEV, 0, 0, EINVAL),
    ROW(VHOST_SET_VRING_ERR, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_ERR, UNBIND, 0, 0, 0),
    ROW(VHOST_SET_VRING_ERR, NOFD, 0, 0, EBADF),
    ROW(VHOST_SET_VRING_ERR, NOTEV, 0, 0, EINVAL),

    BEGIN("workers", VHOST_SET_OWNER, NONE, 0, 0, 0, K_SCSI),
    ROW(VHOST_GET_VRING_WORKER, INOUT, 0, 0, 0, G_WORKERS),
    ROW(VHOST_GET_VRING_WORKER, INOUT, LAST, 0, 0, G_WORKERS),
    ROW(VHOST_GET_VRING_WORKER, PAIR, OVER, 0, ENOBUFS, G_WORKERS),
    ROW(VHOST_GET_VRING_WORKER, BAD, 0, 0, EFAULT, G_WORKERS),
    ROW(VHOST_NEW_WORKER, OUT32, 0, 1, 0, G_TASK),
    ROW(VHOST_NEW_WORKER, OUT32, 0, 2, 0, G_TASK),
    ROW(VHOST_NEW_WORKER, BAD, 0, 0, EFAULT, G_WORKERS),
    ROW(VHOST_NEW_WORKER, OUT32, 0, 0, EFAULT, GKTHREAD),
    ROW(VHOST_NEW_WORKER, PAIR, 0, 0, ENOTTY, G61),
    ROW(VHOST_NEW_WORKER, PAIR, OVER, 0, ENOBUFS, G61),
    ROW(VHOST_FREE_WORKER, PAIR, 0, 0, ENOTTY, G61),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 0, 0, ENOTTY, G61),
    ROW(VHOST_GET_VRING_WORKER, PAIR, 0, 0, ENOTTY, G61),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 3, 1, 0, G_TASK),
    ROW(VHOST_GET_VRING_WORKER, INOUT, 3, 1, 0, G_TASK),
    ROW(VHOST_GET_VRING_WORKER, INOUT, 2, 0, 0, G_TASK),
    ROW(VHOST_FREE_WORKER, WORD, 1, 0, EBUSY, G_TASK),
    ROW(VHOST_FREE_WORKER, WORD, 0, 0, EBUSY, G_TASK),
    ROW(VHOST_FREE_WORKER, WORD, 99, 0, ENODEV, G_TASK),
    ROW(VHOST_FREE_WORKER, BAD, 0, 0, EFAULT, G_TASK),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 3, 99, ENODEV, G_TASK),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, OVER, 1, ENOBUFS, G_TASK),
    ROW(VHOST_ATTACH_VRING_WORKER, BAD, 0, 0, EFAULT, G_TASK),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 3, 0, 0, G_TASK),
    ROW(VHOST_FREE_WORKER, WORD, 1, 0, 0, G_TASK),
    ROW(VHOST_FREE_WORKER, WORD, 1, 0, ENODEV, G_TASK),
    ROW(VHOST_NEW_WORKER, OUT32, 0, 1, 0, G_TASK),

    BEGIN("no workers", VHOST_SET_OWNER, NONE, 0, 0, 0, K_NO_WORKERS),
    ROW(VHOST_NEW_WORKER, PAIR, 0, 0, ENOTTY),
    ROW(VHOST_NEW_WORKER, PAIR, OVER, 0, ENOBUFS),
    ROW(VHOST_FREE_WORKER, PAIR, 0, 0, ENOTTY),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 0, 0, ENOTTY),
    ROW(VHOST_GET_VRING_WORKER, PAIR, 0, 0, ENOTTY),

    BEGIN("fork owner", VHOST_GET_FORK_FROM_OWNER, OUT8, 0, 1, 0, G612),
    ROW(VHOST_GET_FORK_FROM_OWNER, OUT8, 0, 0, 0, GKTHREAD),
    ROW(VHOST_SET_FORK_FROM_OWNER, BYTE, 2, 0, EINVAL, G_FORK),
    ROW(VHOST_SET_FORK_FROM_OWNER, BAD, 0, 0, EFAULT, G_FORK),
    ROW(VHOST_GET_FORK_FROM_OWNER, BAD, 0, 0, EFAULT, G_FORK),
    ROW(VHOST_SET_FORK_FROM_OWNER, BYTE, 0, 0, 0, G_FORK),
    ROW(VHOST_GET_FORK_FROM_OWNER, OUT8, 0, 0, 0, G_FORK),
    ROW(VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_FORK_FROM_OWNER, BYTE, 1, 0, EBUSY, G_FORK),
    ROW(VHOST_SET_FORK_FROM_OWNER, BYTE, 2, 0, EBUSY, G_FORK),
    ROW(VHOST_GET_FORK_FROM_OWNER, OUT8, 0, 0, 0, G_FORK),
    ROW(VHOST_NEW_WORKER, WORD, 0, 0, EFAULT, G_FORK | K_SCSI),
    ROW(VHOST_GET_VRING_WORKER, INOUT, 0, 0, 0, G_FORK | K_SCSI),
    ROW(VHOST_FREE_WORKER, WORD, 0, 0, EBUSY, G_FORK | K_SCSI),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 0, 0, 0, G_FORK | K_SCSI),
    ROW(VHOST_GET_FORK_FROM_OWNER, PAIR, 0, 0, ENOTTY, G_NO_FORK),
    ROW(VHOST_SET_FORK_FROM_OWNER, PAIR, 0, 0, ENOTTY, G_NO_FORK),

    BEGIN("another process", VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_SET_OWNER, CHILD, 0, 0, EBUSY),
    ROW(VHOST_SET_VRING_NUM, CHILD, 0, 128, EPERM),
    ROW(VHOST_GET_VRING_BASE, CHILD, 0, 0, EPERM),
    ROW(VHOST_NEW_WORKER, CHILD, 0, 0, EPERM),
    ROW(VHOST_FREE_WORKER, CHILD, 0, 0, EPERM),
    ROW(VHOST_GET_VRING_WORKER, CHILD, 0, 0, EPERM),
    ROW(VHOST_GET_FEATURES, CHILD, 0, 0, 0),
    ROW(0xaf7f, CHILD, 0, 0, EPERM),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 128, 0), /* the owner goes on */

    BEGIN("endpoint without rings", VHOST_SET_OWNER, NONE, 0, 0, 0, K_SCSI),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 0, 1, EFAULT),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, EFAULT),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 0, 1, 0),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 1, 1, 0),
    ROW(VHOST_SCSI_SET_ENDPOINT, BAD, 0, 0, EFAULT),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 2, 1, EOPNOTSUPP),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 2, 1, EOPNOTSUPP),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, BAD, 0, 0, EFAULT),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 1, 1, ENODEV),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 0, 0), /* nobody reads the abi */
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, EEXIST),
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 1, 1, EEXIST),
    ROW(VHOST_SET_FEATURES, LONG, 2, 0, 0), /* the endpoint forbids nothing */
    ROW(VHOST_SET_FEATURES, LONG, 1ull << 32, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1ull << 29 | 8, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 0, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1 << VHOST_F_LOG_ALL, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 0, 0, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 2, 64, EBUSY),
    ROW(VHOST_SET_VRING_NUM, PAIR, 2, 3, EBUSY),
    ROW(VHOST_SET_VRING_BASE, PAIR, 2, 0, EBUSY),
    ROW(VHOST_GET_VRING_BASE, INOUT, 2, 0, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 2, 0, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 2, 6, EINVAL),
    ROW(VHOST_SET_VRING_CALL, EVENT, 2, 0, 0),
    ROW(VHOST_SET_VRING_KICK, EVENT, 2, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_NEW_WORKER, OUT32, 0, 1, 0, G_TASK),
    ROW(VHOST_ATTACH_VRING_WORKER, PAIR, 2, 1, 0, G_TASK),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 1, 1, EINVAL),
    ROW(VHOST_SCSI_SET_EVENTS_MISSED, WORD, 1, 0, 0),
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 0, 1, 0),
    ROW(VHOST_SCSI_GET_EVENTS_MISSED, OUT32, 0, 1, 0), /* it outlives that */
    ROW(VHOST_SCSI_CLEAR_ENDPOINT, TARGET, 0, 1, 0),
    ROW(VHOST_GET_VRING_WORKER, INOUT, 2, 1, 0, G_TASK),
    ROW(VHOST_SET_VRING_NUM, PAIR, 2, 64, 0),
    ROW(VHOST_SET_FEATURES, LONG, 2, 0, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 2, 7, 0), /* nowhere */
    ROW(VHOST_SCSI_SET_ENDPOINT, TARGET, 0, 1, 0),

    BEGIN("back end", VHOST_SET_OWNER, NONE, 0, 0, 0, K_NET),
    ROW(VHOST_NET_SET_BACKEND, BAD, 0, 0, EFAULT),
    ROW(VHOST_NET_SET_BACKEND, CHILD, 0, 0, EPERM),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, OVER, 0, ENOBUFS),
    ROW(VHOST_NET_SET_BACKEND, NOFD, OVER, 0, ENOBUFS),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, EFAULT), /* no memory */
    ROW(VHOST_NET_SET_BACKEND, NOFD, 0, 0, EFAULT),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, NOFD, 0, 0, ENOTSOCK),
    ROW(VHOST_NET_SET_BACKEND, NOTEV, 0, 0, ENOTSOCK),
    ROW(VHOST_NET_SET_BACKEND, EVENT, 0, 0, ENOTSOCK),
    ROW(VHOST_NET_SET_BACKEND, SOCKET, 0, 0, ENOTSOCK),
    ROW(VHOST_NET_SET_BACKEND, BACKEND, 0, 0, EFAULT), /* no rings */
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 6, 0), /* kernel address */
    ROW(VHOST_NET_SET_BACKEND, BACKEND, 0, 0, EFAULT),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, EFAULT),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, BACKEND, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, BACKEND, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, NOFD, 0, 0, ENOTSOCK),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, EBUSY),
    ROW(VHOST_SET_VRING_BASE, PAIR, 0, 0, EBUSY),
    ROW(VHOST_SET_VRING_NUM, PAIR, 1, 64, 0), /* the other goes on */
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 6, EINVAL),
    ROW(VHOST_SET_VRING_CALL, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, EVENT, 0, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1ull << 32, 0, 0),
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_GET_VRING_BASE, INOUT, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, 0),
    ROW(VHOST_NET_SET_BACKEND, UNBIND, 0, 0, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),

    BEGIN("guest's CID", VHOST_GET_FEATURES, OUT64, 0, FEATURES, 0, K_VSOCK),
    ROW(VHOST_VSOCK_SET_GUEST_CID, BAD, 0, 0, EFAULT),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 0, 0, EINVAL),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 2, 0, EINVAL),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, UINT32_MAX, 0, EINVAL),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 1ull << 32 | 7, 0, EINVAL),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 3, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, UINT32_MAX - 1, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, OTHER, UINT32_MAX - 1, 0, EADDRINUSE),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, UINT32_MAX - 1, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, OTHER, 3, 0, 0), /* it was left */
    ROW(VHOST_SET_OWNER, NONE, 0, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 3, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, OTHER, UINT32_MAX - 1, 0, 0),

    BEGIN("running", VHOST_SET_OWNER, NONE, 0, 0, 0, K_VSOCK),
    ROW(VHOST_VSOCK_SET_RUNNING, CHILD, 0, 0, EPERM),
    ROW(VHOST_VSOCK_SET_RUNNING, BAD, 0, 0, EFAULT),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 0, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, EFAULT), /* no memory */
    ROW(VHOST_SET_MEM_TABLE, MEM, 1, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, EFAULT), /* no rings */
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 0, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, EFAULT), /* one ring */
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 1, 64, 0),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 1, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 1, 0, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, EBUSY),
    ROW(VHOST_SET_VRING_BASE, PAIR, 1, 0, EBUSY),
    ROW(VHOST_SET_VRING_ADDR, ADDR, 1, 6, EINVAL),
    ROW(VHOST_SET_VRING_CALL, EVENT, 0, 0, 0),
    ROW(VHOST_SET_VRING_KICK, EVENT, 0, 0, 0),
    ROW(VHOST_SET_FEATURES, LONG, 1ull << 32, 0, 0),
    ROW(VHOST_VSOCK_SET_GUEST_CID, LONG, 9, 0, 0),
    ROW(VHOST_GET_VRING_BASE, INOUT, 1, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 0, 0, 0),
    ROW(VHOST_VSOCK_SET_RUNNING, WORD, 0, 0, 0),
    ROW(VHOST_SET_VRING_NUM, PAIR, 0, 64, 0),
};

/* The drivers. */
static const struct {
    const char *path;
    enum Kind kind;
    uint64_t features_61, features;
    unsigned n_queues; /* 0: the command line says */
} kinds[] = {
    { "/dev/vhost-scsi", K_SCSI, 0x13d00000a, 0x13d00000a, 0 },
    { "/dev/vhost-net", K_NET, 0x33d008000, 0x1033d008000, 2 },
    { "/dev/vhost-vsock", K_VSOCK, 0x33d000002, 0x33d000002, 2 },
};

static struct {
    enum Generation generation;
    unsigned kind; /* index of kinds */
    bool tap;
    int back_end; /* -1: not made yet */
    const char *wwpn;
    unsigned n_queues;
    int fd;
    unsigned count, failed;
    _Alignas(4096) uint8_t rings[0x3000];
} run;

void conform_check(bool good, const char *text);
void conform_rings(const char *wwpn, bool workers, bool old);
void conform_tap(bool old);

void conform_check(bool good, const char *text)
{
    printf("%sok %u - %s\n", good ? "" : "not ", ++run.count, text);
    fflush(stdout);
    run.failed += !good;
}

typedef union Buffer {
    uint8_t byte[0x2000];
    uint32_t word[2];
    uint64_t wide;
    struct vhost_vring_file file;
    struct vhost_vring_addr addr;
    struct vhost_memory mem;
    struct vhost_scsi_target target;
} Buffer;

/* What a row's number stands for. */
static uint64_t resolve(uint64_t v)
{
    switch (v) {
    case LAST:
        return run.n_queues - 1;
    case OVER:
        return run.n_queues;
    case FEATURES:
        return run.generation == G61 ? kinds[run.kind].features_61
                                     : kinds[run.kind].features;
    default:
        return v;
    }
}

/* What vhost-net can send to: a tap, or one end of a socket. */
static int make_back_end(void)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int fds[2] = { -1, -1 };

    if (run.tap) {
        fds[0] = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (fds[0] >= 0 && ioctl(fds[0], TUNSETIFF, &ifr) < 0) {
            return -1;
        }
    } else if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return -1;
    }
    return fds[0];
}

static void ring_addr(Buffer *b, unsigned kind)
{
    uintptr_t base = (uintptr_t)run.rings;

    b->addr.flags = kind == 1 ? 2 : 0;
    b->addr.desc_user_addr = base + (kind == 4 ? 8 : 0);
    b->addr.avail_user_addr = base + 0x1000 + (kind == 2 ? 1 : 0);
    b->addr.used_user_addr = base + 0x2000 + (kind == 3 ? 2 : 0);
    b->addr.log_guest_addr = kind == 5 ? 2 : 0;
    if (kind == 6) {
        b->addr.desc_user_addr = 0xffff800000000000;
    } else if (kind == 7) {
        b->addr = (struct vhost_vring_addr){ 0 };
    }
}

static void mem_table(Buffer *b, unsigned n, unsigned kind)
{
    b->mem.nregions = n;
    b->mem.padding = kind == 1;
    for (unsigned i = 0; i < n; i++) {
        struct vhost_memory_region *r = &b->mem.regions[i];

        r->guest_phys_addr = kind == 6 ? 0 : i * 0x1000;
        r->memory_size = kind == 5 ? 0 : 0x1000;
        r->userspace_addr = (uintptr_t)run.rings;
        r->flags_padding = kind == 2;
        if (kind == 3) {
            r->userspace_addr = 0xffff800000000000;
        } else if (kind == 4) {
            r->userspace_addr = 0x1000;
        }
    }
}

static void target(Buffer *b, unsigned kind, int abi)
{
    b->target.abi_version = abi;
    snprintf(b->target.vhost_wwpn, sizeof(b->target.vhost_wwpn), "%s",
             kind == 1 ? "naa.50014050000000ff" : run.wwpn);
    b->target.vhost_tpgt = 1;
    b->target.reserved = kind == 2;
}

/* Fills in the argument; returns a descriptor to be closed after the call. */
static int make_arg(const Step *s, Buffer *b)
{
    int fd = -1;

    memset(b, 0, sizeof(*b));
    b->word[0] = (uint32_t)resolve(s->a);
    switch (s->arg) {
    case PAIR:
    case CHILD:
        b->word[1] = s->b;
        break;
    case LONG:
    case OTHER:
        b->wide = resolve(s->a);
        break;
    case BYTE:
        b->byte[0] = s->a;
        break;
    case OUT32:
    case OUT64:
    case OUT8:
        b->wide = 0xeeeeeeeeeeeeeeee;
        break;
    case INOUT:
        b->word[1] = 0xeeeeeeee;
        break;
    case EVENT:
        b->file.fd = fd = eventfd(0, EFD_CLOEXEC);
        break;
    case NOFD:
        b->file.fd = 999;
        break;
    case NOTEV:
        b->file.fd = fd = open("/dev/null", O_RDWR);
        break;
    case UNBIND:
        b->file.fd = -1;
        break;
    case BACKEND:
        b->file.fd = run.back_end;
        break;
    case SOCKET:
        b->file.fd = fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        break;
    case ADDR:
        ring_addr(b, s->b);
        break;
    case MEM:
        mem_table(b, s->a, s->b);
        break;
    case TARGET:
        target(b, s->a, s->b);
        break;
    case NONE:
    case WORD:
    case BAD:
        break;
    }
    return fd;
}

static int call_in_child(unsigned long request, void *arg)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(ioctl(run.fd, request, arg) < 0 ? errno : 0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static int call_on_another(unsigned long request, void *arg)
{
    int fd = open(kinds[run.kind].path, O_RDWR | O_CLOEXEC);
    int e = fd < 0 || ioctl(fd, request, arg) < 0 ? errno : 0;

    close(fd);
    return e;
}

static uint64_t returned(const Step *s, const Buffer *b)
{
    switch ((int)s->arg) {
    case OUT32:
        return b->word[0];
    case OUT64:
        return b->wide;
    case OUT8:
        return b->byte[0];
    case INOUT:
        return b->word[1];
    default:
        return resolve(s->b);
    }
}

static void run_step(const Step *s, const char *name)
{
    Buffer b;
    int fd = make_arg(s, &b), got;
    void *arg = s->arg == BAD ? (void *)8 : s->arg == NONE ? NULL : &b;
    char text[200];

    if (s->arg == CHILD) {
        got = call_in_child(s->request, arg);
    } else if (s->arg == OTHER) {
        got = call_on_another(s->request, arg);
    } else {
        got = ioctl(run.fd, s->request, arg) < 0 ? errno : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    snprintf(text, sizeof(text),
             "%s: %s: row %d, 0x%lx a=0x%llx b=0x%llx: got %s, want %s; out "
             "0x%llx",
             kinds[run.kind].path, name, (int)(s - steps), s->request,
             (unsigned long long)s->a, (unsigned long long)s->b,
             strerrorname_np(got), strerrorname_np(s->want),
             (unsigned long long)returned(s, &b));
    conform_check(got == s->want && (got || returned(s, &b) == resolve(s->b)),
                  text);
}

static enum Generation generation(const char *name)
{
    static const struct {
        const char *name;
        enum Generation g;
    } names[] = { { "6.1", G61 },
                  { "6.5", G65 },
                  { "6.12", G612 },
                  { "6.17", G612 },
                  { "kthread", GKTHREAD } };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].g;
        }
    }
    return 0;
}

static bool is_of_kind(const Step *s)
{
    return !(s->only & K_ALL) || s->only & kinds[run.kind].kind;
}

static bool is_of_generation(const Step *s)
{
    return !(s->only & G_ALL) || s->only & run.generation;
}

/* All rows of one driver; false if its device cannot be opened. */
static bool run_kind(unsigned kind, unsigned n_queues)
{
    const char *name = "";
    bool ours = true;

    run.kind = kind;
    run.n_queues = kinds[kind].n_queues ? kinds[kind].n_queues : n_queues;
    run.fd = -1;
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].begin) {
            if (run.fd >= 0) {
                close(run.fd);
            }
            name = steps[i].begin;
            ours = is_of_kind(&steps[i]);
            run.fd = open(kinds[kind].path, O_RDWR | O_CLOEXEC);
            if (run.fd < 0) {
                printf("Bail out! %s: %s\n", kinds[kind].path, strerror(errno));
                return false;
            }
        }
        if (ours && is_of_kind(&steps[i]) && is_of_generation(&steps[i])) {
            run_step(&steps[i], name);
        }
    }
    close(run.fd);
    return true;
}

int main(int argc, char **argv)
{
    run.generation = argc >= 4 ? generation(argv[1]) : 0;
    run.tap = argc == 5 && strcmp(argv[4], "tap") == 0;
    if (!run.generation || argc > 5) {
        fprintf(stderr, "usage: conform GENERATION WWPN MAX_IO_VQS [tap]\n");
        return 2;
    }
    run.wwpn = argv[2];
    run.back_end = make_back_end();
    if (run.back_end < 0) {
        printf("Bail out! no back end for vhost-net: %s\n", strerror(errno));
        return 1;
    }
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!run_kind(i, atoi(argv[3]) + 2)) {
            return 1;
        }
    }
    conform_tap(run.generation == G61);
    conform_rings(run.wwpn, run.generation & G_TASK, run.generation == G61);
    printf("1..%u\n", run.count);
    return run.failed ? 1 : 0;
}
