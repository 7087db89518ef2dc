/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of conform that asks a tap, which vhost-net sends to; see
 * conform.c. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#define FDS      3
#define TAP      (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
#define QUEUES   (TAP | IFF_MULTI_QUEUE)
#define FEATURES (QUEUES | IFF_TUN) /* those that matter */

/* How the argument of a call is made of the row's a. */
typedef enum Arg {
    IFACE, /* interface "conform0" with flags a */
    OTHER, /* interface "conform1" with flags a */
    FLAGS, /* no name, flags a */
    VALUE, /* a itself */
    WORD,  /* a goes */
    OUT,   /* a comes back */
    BAD,   /* an address nothing is at */
} Arg;

static const struct Row {
    unsigned fd; /* which of the descriptors, all new at the beginning */
    unsigned long request;
    Arg arg;
    uint64_t a;
    int want; /* errno */
    bool new; /* not of Linux 6.1 */
} rows[] = {
    { 0, TUNGETFEATURES, OUT, FEATURES, 0 },
    { 0, TUNGETFEATURES, BAD, 0, EFAULT },
    { 0, TUNGETIFF, FLAGS, 0, EBADFD },
    { 0, TUNSETOFFLOAD, VALUE, 0, EBADFD },
    { 0, TUNSETVNETHDRSZ, WORD, 12, EBADFD },
    { 0, TUNSETQUEUE, FLAGS, IFF_DETACH_QUEUE, EINVAL },
    { 0, TUNSETQUEUE, FLAGS, IFF_ATTACH_QUEUE, EINVAL },
    { 0, TUNSETIFF, BAD, 0, EFAULT },
    { 0, TUNSETIFF, IFACE, 0, EINVAL },
    { 0, TUNSETIFF, IFACE, TAP, 0 },
    { 0, TUNSETIFF, IFACE, TAP, EEXIST },
    { 0, TUNGETIFF, IFACE, TAP, 0 },
    { 0, TUNGETIFF, BAD, 0, EFAULT },
    { 1, TUNSETIFF, IFACE, TAP, EBUSY },
    { 1, TUNSETIFF, IFACE, QUEUES, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x01, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x02, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0x03, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x07, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x08, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0x09, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0x0f, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x10, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0x11, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x1f, 0 },
    { 0, TUNSETOFFLOAD, VALUE, 0x21, EINVAL },
    { 0, TUNSETOFFLOAD, VALUE, 0x61, 0, true },
    { 0, TUNSETOFFLOAD, VALUE, 0x81, EINVAL },
    { 0, TUNGETVNETHDRSZ, OUT, 10, 0 },
    { 0, TUNSETVNETHDRSZ, WORD, 9, EINVAL },
    { 0, TUNSETVNETHDRSZ, WORD, 12, 0 },
    { 0, TUNSETVNETHDRSZ, BAD, 0, EFAULT },
    { 0, TUNGETVNETHDRSZ, OUT, 12, 0 },
    { 0, TUNSETSNDBUF, WORD, 0, EINVAL },
    { 0, TUNSETSNDBUF, WORD, 1000000, 0 },
    { 0, TUNSETCARRIER, WORD, 0, 0 },
    { 0, TUNSETCARRIER, WORD, 1, 0 },
    { 0, TUNSETQUEUE, FLAGS, IFF_DETACH_QUEUE, EINVAL },
    { 0, TUNSETQUEUE, FLAGS, 0, EINVAL },
    { 1, TUNSETIFF, OTHER, QUEUES, 0 },
    { 2, TUNSETIFF, OTHER, TAP, EINVAL },
    { 2, TUNSETIFF, OTHER, QUEUES, 0 },
    { 2, TUNSETQUEUE, FLAGS, IFF_ATTACH_QUEUE, EINVAL },
    { 2, TUNSETQUEUE, FLAGS, IFF_DETACH_QUEUE, 0 },
    { 2, TUNSETQUEUE, FLAGS, IFF_DETACH_QUEUE, EINVAL },
    { 2, TUNSETOFFLOAD, VALUE, 0, 0 },
    { 2, TUNSETQUEUE, FLAGS, IFF_ATTACH_QUEUE, 0 },
    { 2, TUNSETQUEUE, FLAGS, IFF_ATTACH_QUEUE, EINVAL },
};

void conform_check(bool good, const char *text);
void conform_tap(bool old);

static int call(int fd, const struct Row *row, uint32_t *ret_out)
{
    struct ifreq ifr = { .ifr_flags = (short)row->a };
    void *arg = &ifr;

    *ret_out = (uint32_t)row->a;
    switch (row->arg) {
    case IFACE:
        strcpy(ifr.ifr_name, "conform0");
        break;
    case OTHER:
        strcpy(ifr.ifr_name, "conform1");
        break;
    case FLAGS:
        break;
    case VALUE:
        arg = (void *)(uintptr_t)row->a;
        break;
    case OUT:
        *ret_out = 0;
        arg = ret_out;
        break;
    case WORD:
        arg = ret_out;
        break;
    case BAD:
        arg = (void *)8;
        break;
    }
    return ioctl(fd, row->request, arg) < 0 ? errno : 0;
}

void conform_tap(bool old)
{
    int fd[FDS];
    char text[160];

    for (unsigned i = 0; i < FDS; i++) {
        fd[i] = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        snprintf(text, sizeof(text), "/dev/net/tun: %s", strerror(errno));
        conform_check(fd[i] >= 0, fd[i] < 0 ? text : "/dev/net/tun");
    }
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct Row *row = &rows[i];
        uint32_t out;
        int got;

        if (old && row->new) {
            continue;
        }
        got = call(fd[row->fd], row, &out);
        if (row->request == TUNGETFEATURES) {
            out &= FEATURES;
        }
        snprintf(text, sizeof(text),
                 "tap: row %u, 0x%lx a=0x%llx: got %s, want %s; out 0x%x", i,
                 row->request, (unsigned long long)row->a, strerrorname_np(got),
                 strerrorname_np(row->want), out);
        conform_check(got == row->want && (got || out == row->a), text);
    }
    for (unsigned i = 0; i < FDS; i++) {
        close(fd[i]);
    }
}
