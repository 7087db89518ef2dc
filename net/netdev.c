/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netdev.h"
#include "system/machine.h"
#include "util/capability.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

#include <signal.h>

static const Property netdev_props[] = {
    PROP_STRING("ifname", Netdev, ifname,
                .summary = "the host's interface, made if there is none; not "
                           "given: the kernel chooses"),
    PROP_STRING("fd", Netdev, fd,
                .summary = "descriptor of a tap: number or name"),
    PROP_STRING("fds", Netdev, fds,
                .summary = "the same of several queues, with : between them"),
    PROP_STRING("vhostfd", Netdev, vhostfd,
                .summary = "descriptor of /dev/vhost-net: number or name"),
    PROP_STRING("vhostfds", Netdev, vhostfds,
                .summary = "one for each queue, with : between them"),
    PROP_U32("queues", Netdev, queues, .min = 1, .max = TAP_QUEUES_MAX,
             .summary = "queues to open; the default is 1"),
    PROP_STRING("br", Netdev, br,
                .summary = "bridge that the tap becomes a port of"),
    PROP_STRING("script", Netdev, script,
                .summary = "program to run once the tap is there, with its "
                           "name; no: none"),
    PROP_STRING("downscript", Netdev, downscript,
                .summary = "the same before the tap is closed"),
    PROP_SIZE("sndbuf", Netdev, sndbuf, .max = INT32_MAX,
              .summary = "most bytes that wait to be sent"),
    PROP_BOOL("vhost", Netdev, vhost, .def = true,
              .summary = "only on: the kernel moves the packets"),
    PROP_BOOL("vhostforce", Netdev, vhostforce, .summary = "no effect"),
    PROP_BOOL("vnet_hdr", Netdev, vnet_hdr, .def = true,
              .summary = "only on: packets have a header for virtio"),
    { 0 },
};

/* --- life --- */

static void close_all(int *fds, unsigned n)
{
    for (unsigned i = 0; fds && i < n; i++) {
        close_fd(&fds[i]);
    }
    g_free(fds);
}

static bool is_script(const char *script)
{
    return script && *script && !g_str_equal(script, "no");
}

/* What a child of ours inherits and a script does not expect. */
static void unblock_signals(gpointer unused)
{
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs @script, no shell, with the name of the interface. Without the lock. */
static bool run_script(const Netdev *n, const char *script, GError **errp)
{
    char *argv[] = { (char *)script, (char *)n->name, NULL };
    g_autoptr(GError) err = NULL;
    int status;

    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, unblock_signals, NULL,
                      NULL, NULL, &status, &err) ||
        !g_spawn_check_wait_status(status, &err)) {
        error_setg(errp, "netdev '%s': script '%s' failed: %s", n->id, script,
                   err->message);
        return false;
    }
    return true;
}

/* Without the lock. */
static void netdev_close(Netdev *n)
{
    g_autoptr(GError) err = NULL;

    if (n->up && is_script(n->downscript) &&
        !run_script(n, n->downscript, &err)) {
        warn_report("%s", err->message);
    }
    close_all(n->tap_fds, n->n_queues);
    close_all(n->vhost_fds, n->n_queues);
}

static void netdev_free(Netdev *n)
{
    property_finish(netdev_props, n);
    g_free(n->id);
    g_free(n);
}

/* --- descriptors --- */

/* Takes the descriptors that @list names; *@ret_fds has *@ret_n of them. */
static bool take_fds(Machine *m, const Netdev *n, const char *property,
                     const char *list, int **ret_fds, unsigned *ret_n,
                     GError **errp)
{
    g_autofree char *what = g_strdup_printf("netdev '%s': property '%s'", n->id,
                                            property);
    g_auto(GStrv) names = g_strsplit(list, ":", -1);
    unsigned count = g_strv_length(names);
    int *fds = g_new(int, MAX(count, 1));

    if (count == 0 || count > TAP_QUEUES_MAX) {
        error_setg(errp, "%s has %u descriptors: 1 to %d are expected", what,
                   count, TAP_QUEUES_MAX);
        g_free(fds);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        bool named;

        fds[i] = fds_find_given(m, what, names[i], &named, errp);
        if (fds[i] < 0) {
            close_all(fds, i);
            return false;
        }
        fds_claim(fds[i]);
    }
    *ret_fds = fds;
    *ret_n = count;
    return true;
}

static bool take_given(Machine *m, Netdev *n, GError **errp)
{
    const char *list = n->fds ? n->fds : n->fd;
    const char *vhost_list = n->vhostfds ? n->vhostfds : n->vhostfd;
    unsigned n_vhost;

    if (list && !take_fds(m, n, n->fds ? "fds" : "fd", list, &n->tap_fds,
                          &n->n_queues, errp)) {
        return false;
    }
    if (!vhost_list) {
        return true;
    }
    if (!take_fds(m, n, n->vhostfds ? "vhostfds" : "vhostfd", vhost_list,
                  &n->vhost_fds, &n_vhost, errp)) {
        return false;
    }
    if (n_vhost != (list ? n->n_queues : MAX(n->queues, 1))) {
        error_setg(errp,
                   "netdev '%s': there are %u descriptors of /dev/vhost-net: "
                   "give one for each queue of the tap",
                   n->id, n_vhost);
        close_all(g_steal_pointer(&n->vhost_fds), n_vhost);
        return false;
    }
    return true;
}

/* --- the tap; all of it without the lock --- */

static void open_error(GError **errp, const Netdev *n, const char *name, int r)
{
    const char *hint = "";

    if (r == -ENOENT || r == -ENODEV || r == -ENXIO) {
        hint = ": load the kernel module (modprobe tun)";
    } else if (r == -EPERM || r == -EACCES) {
        hint = ": make one that this user may open (ip tuntap add NAME mode "
               "tap user USER), or pass an open descriptor with fd=";
    } else if (r == -EBUSY) {
        hint = ": another process has it, choose another one";
    } else if (r == -EINVAL) {
        hint = n->queues > 1 ? ": it is no tap, or was made without several "
                               "queues (ip tuntap add NAME mode tap "
                               "multi_queue)"
                             : ": it is no tap";
    }
    error_setg(errp, "netdev '%s': cannot open the tap '%s'%s: %s", n->id, name,
               hint, g_strerror(-r));
}

static bool open_queues(Netdev *n, GError **errp)
{
    const char *name = n->ifname ? n->ifname : "";
    unsigned count = MAX(n->queues, 1);
    bool several = count > 1;

    if (strlen(name) >= IFNAMSIZ) {
        error_setg(errp,
                   "netdev '%s': property 'ifname' cannot be '%s': at most %d "
                   "characters are expected",
                   n->id, name, IFNAMSIZ - 1);
        return false;
    }
    n->tap_fds = g_new(int, count);
    for (unsigned i = 0; i < count; i++) {
        int fd = tap_open(i ? n->name : name, several, n->name);

        if (fd == -EINVAL && count == 1) {
            /* One that was made for several queues. */
            fd = tap_open(name, true, n->name);
        }
        if (fd < 0) {
            open_error(errp, n, i ? n->name : name, fd);
            return false;
        }
        n->tap_fds[i] = fd;
        n->n_queues++;
    }
    return true;
}

static bool check_queues(Netdev *n, GError **errp)
{
    for (unsigned i = 0; i < n->n_queues; i++) {
        int r = tap_check(n->tap_fds[i], n->name);

        if (r == -ENOTTY) {
            error_setg(errp,
                       "netdev '%s': descriptor %u is no tap: pass one of "
                       "/dev/net/tun, or of a macvtap",
                       n->id, i + 1);
            return false;
        }
        if (r < 0) {
            error_setg(errp,
                       "netdev '%s': the tap '%s' was opened without IFF_TAP, "
                       "IFF_NO_PI and IFF_VNET_HDR: open it with them",
                       n->id, n->name);
            return false;
        }
    }
    return true;
}

static bool set_up_tap(Netdev *n, GError **errp)
{
    const char *call = "TUNSETVNETHDRSZ";
    int r = 0;

    for (unsigned i = 0; r == 0 && i < n->n_queues; i++) {
        r = tap_set_header_size(n->tap_fds[i]);
        if (r == 0 && n->sndbuf) {
            call = "TUNSETSNDBUF";
            r = tap_set_sndbuf(n->tap_fds[i], (int)n->sndbuf);
        }
    }
    if (r == 0 && n->br) {
        call = "joining the bridge of property 'br'";
        r = tap_join_bridge(n->name, n->br);
    }
    if (r < 0) {
        error_setg_errno(errp, -r, "netdev '%s': tap '%s': %s failed", n->id,
                         n->name, call);
        return false;
    }
    n->offload = tap_probe_offload(n->tap_fds[0]);
    return true;
}

static bool netdev_open(Netdev *n, GError **errp)
{
    n->up = (n->tap_fds ? check_queues(n, errp) : open_queues(n, errp)) &&
            set_up_tap(n, errp) &&
            (!is_script(n->script) || run_script(n, n->script, errp));
    return n->up;
}

/* --- configuration --- */

static bool configure(Netdev *n, json_object *opts, GError **errp)
{
    g_autofree char *owner = g_strdup_printf("netdev '%s'", n->id);

    json_object_object_foreach(opts, key, value)
    {
        const Property *p = property_find(netdev_props, key);
        NearName near = { .name = key };

        if (g_str_equal(key, "type") || g_str_equal(key, "id")) {
            continue;
        }
        for (const Property *q = netdev_props; !p && q->name; q++) {
            near_name_try(&near, q->name);
        }
        if (!p) {
            error_setg_near(errp, &near, "; see -netdev tap,help",
                            "Parameter '%s' is unexpected", key);
            return false;
        }
        if (!property_set(p, n, owner, value, errp)) {
            return false;
        }
    }
    return true;
}

static bool check_properties(const Netdev *n, GError **errp)
{
    bool passed = n->fd || n->fds;

    if (!n->vhost) {
        error_setg(errp,
                   "netdev '%s': vhost=off is not supported: the kernel's "
                   "vhost-net moves the packets, leave it out",
                   n->id);
    } else if (!n->vnet_hdr) {
        error_setg(errp,
                   "netdev '%s': vnet_hdr=off is not supported: leave it out",
                   n->id);
    } else if ((n->fd && n->fds) || (n->vhostfd && n->vhostfds)) {
        error_setg(errp,
                   "netdev '%s': fd= and fds=, or vhostfd= and vhostfds=, "
                   "exclude each other: give one of them",
                   n->id);
    } else if (passed && (n->ifname || n->queues || n->br || n->script ||
                          n->downscript)) {
        error_setg(errp,
                   "netdev '%s': ifname=, queues=, br=, script= and "
                   "downscript= are invalid with fd= or fds=: leave them out",
                   n->id);
    } else {
        return true;
    }
    return false;
}

/* Whether it changes the host's network: to open a tap that is there takes no
 * right but that to the tap. */
static bool needs_admin(const Netdev *n)
{
    g_autofree char *path = g_build_filename("/sys/class/net",
                                             n->ifname ? n->ifname : "%", NULL);
    bool made = !n->fd && !n->fds && access(path, F_OK) < 0;

    return made || n->br || is_script(n->script) || is_script(n->downscript);
}

static bool check_new(Machine *m, const char *type, const char *id,
                      GError **errp)
{
    if (!type) {
        error_setg(errp, "Parameter 'type' is missing");
    } else if (!g_str_equal(type, "tap")) {
        error_setg(errp,
                   "netdev type '%s' is not supported: the kernel's vhost-net "
                   "moves the packets of a tap, give 'tap'",
                   type);
    } else if (!id) {
        error_setg(errp, "Parameter 'id' is missing");
    } else if (!id_is_well_formed(id)) {
        error_setg(errp, "Parameter 'id' expects an identifier");
    } else if (netdev_find(m, id)) {
        error_setg(errp, "Duplicate ID '%s' for netdev", id);
    } else if (m->netdevs && m->netdevs->len >= NETDEVS_MAX) {
        error_setg(errp, "the machine has %d netdevs already", NETDEVS_MAX);
    } else {
        return true;
    }
    return false;
}

bool netdev_add(Machine *m, json_object *opts, GError **errp)
{
    const char *type = keyval_get(opts, "type");
    const char *id = keyval_get(opts, "id");
    Netdev *n;
    bool ok;

    if (!check_new(m, type, id, errp)) {
        return false;
    }
    n = g_new0(Netdev, 1);
    n->id = g_strdup(id);
    property_set_defaults(netdev_props, n);
    ok = configure(n, opts, errp) && check_properties(n, errp) &&
         take_given(m, n, errp);
    if (ok && needs_admin(n)) {
        m->capabilities |= UINT64_C(1) << CAP_NET_ADMIN;
    }
    machine_unlock_if_started(m);
    ok = ok && netdev_open(n, errp);
    if (!ok) {
        netdev_close(n);
    }
    machine_lock_if_started(m);
    /* Another may have come while the lock was released. */
    if (ok && !check_new(m, type, id, errp)) {
        ok = false;
        netdev_close(n);
    }
    if (!ok) {
        netdev_free(n);
        return false;
    }
    if (!m->netdevs) {
        m->netdevs = g_ptr_array_new();
    }
    g_ptr_array_add(m->netdevs, n);
    return true;
}

Netdev *netdev_find(const Machine *m, const char *id)
{
    for (unsigned i = 0; m->netdevs && i < m->netdevs->len; i++) {
        Netdev *n = g_ptr_array_index(m->netdevs, i);

        if (g_str_equal(n->id, id)) {
            return n;
        }
    }
    return NULL;
}

static void remove_netdev(Machine *m, Netdev *n)
{
    g_ptr_array_remove(m->netdevs, n);
    machine_unlock_if_started(m);
    netdev_close(n);
    machine_lock_if_started(m);
    netdev_free(n);
}

bool netdev_del(Machine *m, const char *id, GError **errp)
{
    Netdev *n = netdev_find(m, id);

    if (!n) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND, "Device '%s' not found",
                  id);
        return false;
    }
    if (n->nic) {
        error_setg(errp,
                   "netdev '%s' is in use by device '%s': remove that first "
                   "(device_del)",
                   id, device_label(n->nic));
        return false;
    }
    remove_netdev(m, n);
    return true;
}

void netdevs_free(Machine *m)
{
    while (m->netdevs && m->netdevs->len) {
        remove_netdev(m, g_ptr_array_index(m->netdevs, 0));
    }
    g_clear_pointer(&m->netdevs, g_ptr_array_unref);
}

/* --- help --- */

void netdev_print_types(FILE *f)
{
    fprintf(f, "Available netdev backend types:\ntap\n");
}

void netdev_print_properties(FILE *f)
{
    fprintf(f, "tap options:\n");
    for (const Property *p = netdev_props; p->name; p++) {
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name,
                                                property_type_name(p));

        fprintf(f, "  %-22s - %s\n", left, p->summary);
    }
}

/* --- QMP --- */

json_object *qmp_netdev_add(Machine *m, json_object *args, GError **errp)
{
    return netdev_add(m, args, errp) ? json_object_new_object() : NULL;
}

json_object *qmp_netdev_del(Machine *m, json_object *args, GError **errp)
{
    return netdev_del(m, keyval_get(args, "id"), errp)
               ? json_object_new_object()
               : NULL;
}
