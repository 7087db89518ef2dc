/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tap, /dev/net/tun, as far as its descriptor goes: no interface of the host
 * is behind it. What is opened is one end of a socket that keeps messages apart,
 * whose other end is ours and drops packets; a socket of that kind that
 * was passed to the program is a tap with several queues, as libvirt makes it.
 */
#include "fake.h"

#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define TAPS_MAX    64
#define FLAGS_KNOWN 0x7173 /* what TUNGETFEATURES answers */
#define HEADER_MIN  10

typedef struct Tap {
    uint64_t inode;      /* 0: free */
    int fd;              /* the program's */
    int other;           /* ours; -1: the other end was passed to us, too */
    char name[IFNAMSIZ]; /* "": no interface yet */
    short flags;
    int header;
    bool detached;
} Tap;

static Tap taps[TAPS_MAX]; /* fake.lock */
/* Which descriptors are in it: for close(), which takes no lock for others. */
static atomic_bool is_tap[FAKE_FDS_MAX];

bool tap_is_socket(int fd)
{
    int domain = 0, type = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           domain == AF_UNIX && (type == SOCK_DGRAM || type == SOCK_SEQPACKET);
}

/* fake.lock is held. */
static Tap *find(uint64_t inode)
{
    for (unsigned i = 0; i < TAPS_MAX; i++) {
        if (taps[i].inode == inode) {
            return &taps[i];
        }
    }
    return NULL;
}

/* Enters @fd into the table, or NULL. fake.lock is held. */
static Tap *add(int fd, uint64_t inode, int other)
{
    Tap *t = fd < FAKE_FDS_MAX ? find(0) : NULL;

    if (t) {
        *t = (Tap){
            .inode = inode, .fd = fd, .other = other, .header = HEADER_MIN
        };
        atomic_store(&is_tap[fd], true);
    }
    return t;
}

static void forget(Tap *t)
{
    fd_clear(&t->other);
    t->inode = 0;
}

/* Its name stands in tests/tsan/suppressions. */
static __attribute__((noinline)) int tap_make_fds(int flags, int fds[2])
{
    int type = SOCK_DGRAM | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0) |
               (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0);

    return socketpair(AF_UNIX, type, 0, fds);
}

int tap_open(int flags)
{
    int fds[2], other;
    struct stat st;
    Tap *t;

    if (tap_make_fds(flags, fds) < 0) {
        return -1;
    }
    other = fd_duplicate(fds[1]);
    fd_clear(&fds[1]);
    if (other >= 0) {
        (void)shutdown(other, SHUT_RD);
    }
    pthread_mutex_lock(&fake.lock);
    t = other >= 0 && fstat(fds[0], &st) == 0 ? add(fds[0], st.st_ino, other)
                                              : NULL;
    pthread_mutex_unlock(&fake.lock);
    if (!t) {
        fd_clear(&other);
        fd_clear(&fds[0]);
        errno = EMFILE;
    }
    return fds[0];
}

void tap_close(int fd)
{
    if (fd < 0 || fd >= FAKE_FDS_MAX || !atomic_exchange(&is_tap[fd], false)) {
        return;
    }
    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < TAPS_MAX; i++) {
        if (taps[i].inode && taps[i].fd == fd) {
            forget(&taps[i]);
        }
    }
    pthread_mutex_unlock(&fake.lock);
}

/* --- ioctls: -errno; fake.lock is held --- */

static bool has_interface(const Tap *t)
{
    return t->name[0] != 0;
}

static int set_iff(Tap *t, void *arg)
{
    struct ifreq ifr;
    char name[IFNAMSIZ];

    if (user_read(&ifr, (uintptr_t)arg, sizeof(ifr)) < 0) {
        return -EFAULT;
    }
    if (has_interface(t)) {
        return -EEXIST;
    }
    if (!(ifr.ifr_flags & (IFF_TUN | IFF_TAP))) {
        return -EINVAL;
    }
    ifr.ifr_name[IFNAMSIZ - 1] = 0;
    snprintf(name, sizeof(name), "%s", *ifr.ifr_name ? ifr.ifr_name : "tap%d");
    if (strcmp(name, "tap%d") == 0) {
        snprintf(name, sizeof(name), "tap%u",
                 (unsigned)((t - taps) % TAPS_MAX));
    }
    for (unsigned i = 0; i < TAPS_MAX; i++) {
        const Tap *other = &taps[i];

        if (!other->inode || strcmp(other->name, name)) {
            continue;
        }
        if ((other->flags ^ ifr.ifr_flags) & IFF_MULTI_QUEUE) {
            return -EINVAL;
        }
        if (!(other->flags & IFF_MULTI_QUEUE)) {
            return -EBUSY;
        }
    }
    memcpy(t->name, name, sizeof(name));
    t->flags = ifr.ifr_flags;
    memcpy(ifr.ifr_name, name, sizeof(name));
    return user_write((uintptr_t)arg, &ifr, sizeof(ifr));
}

static int get_iff(const Tap *t, void *arg)
{
    struct ifreq ifr = { .ifr_flags = t->flags };

    memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
    return user_write((uintptr_t)arg, &ifr, sizeof(ifr));
}

static int set_queue(Tap *t, void *arg)
{
    struct ifreq ifr;

    if (user_read(&ifr, (uintptr_t)arg, sizeof(ifr)) < 0) {
        return -EFAULT;
    }
    if (ifr.ifr_flags & IFF_ATTACH_QUEUE) {
        if (!t->detached) {
            return -EINVAL;
        }
        t->detached = false;
    } else if (ifr.ifr_flags & IFF_DETACH_QUEUE) {
        if (!(t->flags & IFF_MULTI_QUEUE) || t->detached) {
            return -EINVAL;
        }
        t->detached = true;
    } else {
        return -EINVAL;
    }
    return 0;
}

/* None without checksums, and USO for both or none. */
static int set_offload(unsigned long bits)
{
    const unsigned long uso = 0x60; /* TUN_F_USO4 | TUN_F_USO6 */

    if (bits & TUN_F_CSUM) {
        bits &= ~(unsigned long)(TUN_F_CSUM | TUN_F_UFO);
        if ((bits & uso) == uso && fake.kernel > 601) {
            bits &= ~uso;
        }
        if (bits & (TUN_F_TSO4 | TUN_F_TSO6)) {
            bits &= ~(unsigned long)(TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN);
        }
    }
    return bits ? -EINVAL : 0;
}

static int set_number(Tap *t, unsigned long request, void *arg)
{
    int v;

    if (user_read(&v, (uintptr_t)arg, sizeof(v)) < 0) {
        return -EFAULT;
    }
    if (request == TUNSETVNETHDRSZ) {
        if (v < HEADER_MIN) {
            return -EINVAL;
        }
        t->header = v;
    }
    return request == TUNSETSNDBUF && v <= 0 ? -EINVAL : 0;
}

static const struct {
    unsigned long request;
    const char *name;
} calls[] = {
    { TUNGETFEATURES, "TUNGETFEATURES" },
    { TUNSETIFF, "TUNSETIFF" },
    { TUNGETIFF, "TUNGETIFF" },
    { TUNSETOFFLOAD, "TUNSETOFFLOAD" },
    { TUNGETVNETHDRSZ, "TUNGETVNETHDRSZ" },
    { TUNSETVNETHDRSZ, "TUNSETVNETHDRSZ" },
    { TUNSETSNDBUF, "TUNSETSNDBUF" },
    { TUNSETQUEUE, "TUNSETQUEUE" },
    { TUNSETCARRIER, "TUNSETCARRIER" },
};

static int run(Tap *t, unsigned long request, void *arg)
{
    unsigned known = FLAGS_KNOWN;

    if (request == TUNGETFEATURES) {
        return user_write((uintptr_t)arg, &known, sizeof(known));
    }
    if (request == TUNSETIFF) {
        return set_iff(t, arg);
    }
    if (request == TUNSETQUEUE) {
        return set_queue(t, arg);
    }
    if (!has_interface(t)) {
        return -EBADFD;
    }
    switch (request) {
    case TUNGETIFF:
        return get_iff(t, arg);
    case TUNSETOFFLOAD:
        return set_offload((uintptr_t)arg);
    case TUNGETVNETHDRSZ:
        return user_write((uintptr_t)arg, &t->header, sizeof(t->header));
    default:
        return set_number(t, request, arg);
    }
}

const char *tap_ioctl_name(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (strcmp(calls[i].name, name) == 0) {
            return calls[i].name;
        }
    }
    return NULL;
}

/* The tap behind @fd, which a passed socket becomes here. fake.lock is held. */
static Tap *tap_of(int fd)
{
    struct stat st;
    Tap *t;

    if (!tap_is_socket(fd) || fstat(fd, &st) < 0) {
        return NULL;
    }
    t = find(st.st_ino);
    if (!t) {
        t = add(fd, st.st_ino, -1);
        if (t) {
            snprintf(t->name, sizeof(t->name), "passed%hu", (unsigned short)fd);
            t->flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
        }
    }
    return t;
}

bool tap_ioctl(int fd, unsigned long request, void *arg, int *ret)
{
    const char *name = NULL;
    char args[64] = "";
    Tap *t;
    int r;

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (calls[i].request == request) {
            name = calls[i].name;
        }
    }
    if (!name || !tap_is_socket(fd)) {
        return false;
    }
    if (request == TUNSETOFFLOAD) {
        snprintf(args, sizeof(args), "fd=%d offload=0x%lx", fd,
                 (unsigned long)(uintptr_t)arg);
    } else {
        snprintf(args, sizeof(args), "fd=%d", fd);
    }
    r = knobs_enter(name);
    pthread_mutex_lock(&fake.lock);
    t = tap_of(fd);
    if (r == 0) {
        r = t ? run(t, request, arg) : -ENOMEM;
    }
    pthread_mutex_unlock(&fake.lock);
    trace_call(NULL, name, args, request, NULL, r);
    if (r < 0) {
        errno = -r;
    }
    *ret = r < 0 ? -1 : 0;
    return true;
}
