/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the packets of network cards go: what -netdev and QMP netdev_add make. There
 * is one kind, a tap of the host whose packets vhost-net moves. A Netdev opens and
 * owns the descriptors; the card that names it hands them to the kernel. No packet
 * is ever read here.
 *
 * Machine lock, which is released around what waits for the kernel or for a
 * script.
 */
#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include "net/tap.h"

#include <json-c/json.h>

#define NETDEVS_MAX 256 /* of one machine */

typedef struct Device Device;
typedef struct Machine Machine;

typedef struct Netdev {
    char *id; /* owned */

    /* Properties; strings are owned, NULL: not given. */
    char *ifname;
    char *fd, *fds; /* numbers or names; of fds with ":" between them */
    char *vhostfd, *vhostfds;
    char *script, *downscript; /* "no": none, as if it were not given */
    char *br;
    uint32_t queues; /* 0: not given */
    uint64_t sndbuf; /* 0: not given */
    bool vhost, vhostforce, vnet_hdr;

    /* Once it is there: */
    char name[IFNAMSIZ]; /* of the interface */
    unsigned n_queues;   /* from 1 on */
    int *tap_fds;        /* n_queues of them; owned */
    /* The same of /dev/vhost-net, which the card takes and leaves -1 behind;
     * NULL: none was given, the card opens its own. */
    int *vhost_fds;
    unsigned offload; /* TUN_F_*: what the tap has */
    bool up;          /* script has run, so that downscript is to */
    bool link_down;   /* by set_link; read-only without the lock */
    /* The card that uses it; borrowed; NULL: none. While there is one, it is not
     * to be deleted. */
    const Device *nic;
} Netdev;

/* Makes what @opts, a dictionary of -netdev, asks for. */
bool netdev_add(Machine *machine, json_object *opts, GError **errp);
/* Fails if a card uses it. */
bool netdev_del(Machine *machine, const char *id, GError **errp);
/* The one called @id, or NULL. */
Netdev *netdev_find(const Machine *machine, const char *id);
/* Frees all, when no card is left. */
void netdevs_free(Machine *machine);

/* -netdev help. */
void netdev_print_types(FILE *f);
/* -netdev tap,help. */
void netdev_print_properties(FILE *f);

/* QMP commands: {"type", "id", ...}; {"id"}. */
json_object *qmp_netdev_add(Machine *machine, json_object *args, GError **errp);
json_object *qmp_netdev_del(Machine *machine, json_object *args, GError **errp);

#endif
