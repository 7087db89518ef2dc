/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/tap.h"
#include "util/log.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define TUN_PATH "/dev/net/tun"

static struct ifreq request_for(const char *name)
{
    struct ifreq ifr = { 0 };

    g_strlcpy(ifr.ifr_name, name, sizeof(ifr.ifr_name));
    return ifr;
}

int tap_open(const char *name, bool multi_queue, char ret_name[IFNAMSIZ])
{
    struct ifreq ifr = request_for(name);
    auto_fd fd = neg_errno(open(TUN_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    int r;

    if (fd < 0) {
        return steal_fd(&fd);
    }
    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                            (multi_queue ? IFF_MULTI_QUEUE : 0));
    r = neg_errno(ioctl(fd, TUNSETIFF, &ifr));
    trace(tap_open, "%s multi_queue=%d fd=%d ret=%d", name, multi_queue, fd, r);
    if (r < 0) {
        return r;
    }
    g_strlcpy(ret_name, ifr.ifr_name, IFNAMSIZ);
    return steal_fd(&fd);
}

int tap_check(int fd, char ret_name[IFNAMSIZ])
{
    const unsigned needed = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    struct ifreq ifr = { 0 };
    int r = neg_errno(ioctl(fd, TUNGETIFF, &ifr));

    if (r < 0) {
        return -ENOTTY;
    }
    g_strlcpy(ret_name, ifr.ifr_name, IFNAMSIZ);
    return ((unsigned)ifr.ifr_flags & needed) == needed ? 0 : -EINVAL;
}

int tap_set_header_size(int fd)
{
    int size = TAP_HEADER_SIZE;

    return neg_errno(ioctl(fd, TUNSETVNETHDRSZ, &size));
}

int tap_set_offload(int fd, unsigned offload)
{
    int r = neg_errno(ioctl(fd, TUNSETOFFLOAD, (unsigned long)offload));

    trace(tap_set_offload, "fd=%d offload=0x%x ret=%d", fd, offload, r);
    return r;
}

/* Each but the first is refused without the first. */
unsigned tap_probe_offload(int fd)
{
    static const unsigned bits[] = { TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6,
                                     TUN_F_TSO_ECN, TUN_F_UFO };
    unsigned has = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        if (tap_set_offload(fd, has | bits[i]) == 0) {
            has |= bits[i];
        }
    }
    (void)tap_set_offload(fd, 0);
    return has;
}

/* The kernel answers EINVAL if it is so already. */
int tap_attach_queue(int fd, bool on)
{
    struct ifreq ifr = { .ifr_flags = on ? IFF_ATTACH_QUEUE
                                         : IFF_DETACH_QUEUE };
    int r = neg_errno(ioctl(fd, TUNSETQUEUE, &ifr));

    trace(tap_attach_queue, "fd=%d on=%d ret=%d", fd, on, r);
    return r == -EINVAL ? 0 : r;
}

int tap_set_carrier(int fd, bool on)
{
    int carrier = on;
    int r = neg_errno(ioctl(fd, TUNSETCARRIER, &carrier));

    trace(tap_set_carrier, "fd=%d on=%d ret=%d", fd, on, r);
    return r;
}

int tap_set_sndbuf(int fd, int bytes)
{
    return neg_errno(ioctl(fd, TUNSETSNDBUF, &bytes));
}

/* The kernel answers EBUSY if it is a port already; of another bridge is not
 * for us to change. */
int tap_join_bridge(const char *name, const char *bridge)
{
    auto_fd fd = neg_errno(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    struct ifreq tap = request_for(name);
    struct ifreq port = request_for(bridge);
    int r;

    if (fd < 0) {
        return steal_fd(&fd);
    }
    r = neg_errno(ioctl(fd, SIOCGIFINDEX, &tap));
    if (r == 0) {
        port.ifr_ifindex = tap.ifr_ifindex;
        r = neg_errno(ioctl(fd, SIOCBRADDIF, &port));
    }
    if (r == 0 || r == -EBUSY) {
        r = neg_errno(ioctl(fd, SIOCGIFFLAGS, &tap));
    }
    if (r == 0) {
        tap.ifr_flags = (short)(tap.ifr_flags | IFF_UP);
        r = neg_errno(ioctl(fd, SIOCSIFFLAGS, &tap));
    }
    trace(tap_join_bridge, "%s bridge=%s ret=%d", name, bridge, r);
    return r;
}
