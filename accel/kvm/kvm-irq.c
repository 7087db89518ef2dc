/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm-int.h"

#include "util/log.h"

static int routes_commit(KvmAccel *kvm)
{
    KvmRoutes *routes = &kvm->routes;
    int r;

    routes->table->nr = routes->n_fixed + routes->n_msi;
    r = neg_errno(ioctl(kvm->vm_fd, KVM_SET_GSI_ROUTING, routes->table));
    trace(kvm_routes_commit, "entries=%u ret=%d", routes->table->nr, r);
    return r;
}

static size_t routes_size(const KvmRoutes *routes, unsigned capacity)
{
    return sizeof(*routes->table) +
           (routes->n_fixed + capacity) * sizeof(routes->table->entries[0]);
}

int kvm_irq_init(KvmAccel *kvm, const struct kvm_irq_routing_entry *fixed,
                 unsigned n_fixed, unsigned n_pins)
{
    KvmRoutes *routes = &kvm->routes;
    int max = neg_errno(
        ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING));

    /* Now: without interrupt controllers KVM may say no. */
    routes->has_devid = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION,
                              KVM_CAP_MSI_DEVID) > 0;
    routes->n_fixed = n_fixed;
    routes->n_pins = n_pins;
    routes->table = g_malloc0(routes_size(routes, 0));
    memcpy(routes->table->entries, fixed, n_fixed * sizeof(*fixed));
    /* Both the entries of the table and the numbers have this limit. */
    if (max < (int)(n_fixed + n_pins)) {
        return -ENOSPC;
    }
    routes->n_msi_max = (unsigned)max - MAX(n_fixed, n_pins);
    return routes_commit(kvm);
}

void kvm_irq_finish(KvmAccel *kvm)
{
    g_clear_pointer(&kvm->routes.table, g_free);
    g_clear_pointer(&kvm->routes.used, g_free);
}

int kvm_send_msi(Accel *accel, const MsiMessage *msg)
{
    KvmAccel *kvm = kvm_accel(accel);
    struct kvm_msi msi = {
        .address_lo = (uint32_t)msg->address,
        .address_hi = (uint32_t)(msg->address >> 32),
        .data = msg->data,
        .flags = kvm->routes.has_devid ? KVM_MSI_VALID_DEVID : 0,
        .devid = kvm->routes.has_devid ? msg->requester_id : 0,
    };
    int r = neg_errno(ioctl(kvm->vm_fd, KVM_SIGNAL_MSI, &msi));

    /* 0: the guest blocked it; as on hardware, nobody is told. */
    return MIN(r, 0);
}

static struct kvm_irq_routing_entry *msi_entry(KvmRoutes *routes, unsigned i)
{
    return &routes->table->entries[routes->n_fixed + i];
}

/* Whether route @i delivers @msg. */
static bool msi_equals(KvmRoutes *routes, unsigned i, const MsiMessage *msg)
{
    const struct kvm_irq_routing_entry *e = msi_entry(routes, i);

    return e->u.msi.address_lo == (uint32_t)msg->address &&
           e->u.msi.address_hi == (uint32_t)(msg->address >> 32) &&
           e->u.msi.data == msg->data &&
           (!routes->has_devid || e->u.msi.devid == msg->requester_id);
}

/* Writes route @i. */
static void msi_write(KvmRoutes *routes, unsigned i, const MsiMessage *msg)
{
    *msi_entry(routes, i) = (struct kvm_irq_routing_entry){
        .gsi = routes->n_pins + i,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {
            .address_lo = (uint32_t)msg->address,
            .address_hi = (uint32_t)(msg->address >> 32),
            .data = msg->data,
            .devid = routes->has_devid ? msg->requester_id : 0,
        },
        .flags = routes->has_devid ? KVM_MSI_VALID_DEVID : 0,
    };
    routes->n_msi = MAX(routes->n_msi, i + 1);
}

/* Writes route @i and shows the table to KVM; on failure all is as before. */
static int msi_set(KvmAccel *kvm, unsigned i, const MsiMessage *msg)
{
    KvmRoutes *routes = &kvm->routes;
    struct kvm_irq_routing_entry old = *msi_entry(routes, i);
    unsigned old_n = routes->n_msi;
    int r;

    msi_write(routes, i, msg);
    r = routes_commit(kvm);
    if (r < 0) {
        *msi_entry(routes, i) = old;
        routes->n_msi = old_n;
    }
    return r;
}

static int routes_grow(KvmRoutes *routes)
{
    unsigned old = routes->capacity;
    unsigned capacity = MIN(MAX(16, 2 * old), routes->n_msi_max);

    if (old == capacity) {
        return -ENOSPC;
    }
    routes->table = g_realloc(routes->table, routes_size(routes, capacity));
    routes->used = g_renew(bool, routes->used, capacity);
    memset(routes->used + old, 0, (capacity - old) * sizeof(bool));
    routes->capacity = capacity;
    /* msi_set() saves an entry before it writes it. */
    memset(msi_entry(routes, old), 0,
           (capacity - old) * sizeof(routes->table->entries[0]));
    return 0;
}

/* Finds or makes an unused route that delivers @msg. Returns its number. */
static int route_get(KvmAccel *kvm, const MsiMessage *msg)
{
    KvmRoutes *routes = &kvm->routes;
    unsigned unused = routes->n_msi;
    int r;

    for (unsigned i = 0; i < routes->n_msi; i++) {
        if (routes->used[i]) {
            continue;
        }
        if (msi_equals(routes, i, msg)) {
            return (int)i;
        }
        unused = MIN(unused, i);
    }
    if (unused == routes->capacity) {
        r = routes_grow(routes);
        if (r < 0) {
            return r;
        }
    }
    r = msi_set(kvm, unused, msg);
    return r < 0 ? r : (int)unused;
}

/* Of the routes that are neither used nor @taken, one that delivers @msg, or
 * with NULL any, a new one if need be; -ENOSPC. Marks it as taken. */
static int route_take(KvmRoutes *routes, GByteArray *taken,
                      const MsiMessage *msg)
{
    unsigned i = 0;

    while (i < routes->n_msi && (routes->used[i] || taken->data[i] ||
                                 (msg && !msi_equals(routes, i, msg)))) {
        i++;
    }
    if (i == routes->n_msi && msg) {
        return -ENOSPC;
    }
    if (i == routes->capacity && routes_grow(routes) < 0) {
        return -ENOSPC;
    }
    if (i == taken->len) {
        g_byte_array_set_size(taken, i + 1);
    }
    taken->data[i] = true;
    return (int)i;
}

/* Routes for all of @msgs with one commit: those that are there are found first,
 * so that none of them is overwritten. irqfd_add_msi() finds them as it does any
 * that is not used. */
void kvm_irqfd_prepare_msi(Accel *accel, const MsiMessage *msgs, unsigned n)
{
    KvmAccel *kvm = kvm_accel(accel);
    KvmRoutes *routes = &kvm->routes;
    unsigned old_n = routes->n_msi, n_new = 0;
    size_t old_size = old_n * sizeof(routes->table->entries[0]);
    g_autofree void *old = g_memdup2(msi_entry(routes, 0), old_size);
    g_autoptr(GByteArray) taken = g_byte_array_new();
    g_autofree const MsiMessage **missing = g_new(const MsiMessage *, n);

    g_byte_array_set_size(taken, old_n);
    if (old_n) {
        memset(taken->data, 0, old_n);
    }
    for (unsigned i = 0; i < n; i++) {
        if (route_take(routes, taken, &msgs[i]) < 0) {
            missing[n_new++] = &msgs[i];
        }
    }
    for (unsigned i = 0; i < n_new; i++) {
        int route = route_take(routes, taken, NULL);

        if (route < 0) {
            break; /* irqfd_add_msi() will say so */
        }
        msi_write(routes, (unsigned)route, missing[i]);
    }
    if (n_new && routes_commit(kvm) < 0) {
        if (old) {
            memcpy(msi_entry(routes, 0), old, old_size);
        }
        routes->n_msi = old_n;
    }
}

static int irqfd_call(KvmAccel *kvm, int fd, int route, uint32_t flags)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t)fd,
        .gsi = kvm->routes.n_pins + (uint32_t)route,
        .flags = flags,
    };
    int r = neg_errno(ioctl(kvm->vm_fd, KVM_IRQFD, &irqfd));

    trace(kvm_irqfd, "fd=%d gsi=%u flags=0x%x ret=%d", fd, irqfd.gsi, flags, r);
    return r;
}

int kvm_irqfd_add_msi(Accel *accel, int fd, const MsiMessage *msg)
{
    KvmAccel *kvm = kvm_accel(accel);
    int route = route_get(kvm, msg);
    int r;

    if (route < 0) {
        return route;
    }
    /* KVM delivers at once what is pending in the eventfd. */
    r = irqfd_call(kvm, fd, route, 0);
    if (r < 0) {
        return r;
    }
    kvm->routes.used[route] = true;
    return route;
}

void kvm_irqfd_del(Accel *accel, int fd, int route)
{
    KvmAccel *kvm = kvm_accel(accel);

    assert(route >= 0 && (unsigned)route < kvm->routes.n_msi);
    assert(kvm->routes.used[route]);
    /* Can fail only for an fd that is not the one added. */
    (void)irqfd_call(kvm, fd, route, KVM_IRQFD_FLAG_DEASSIGN);
    kvm->routes.used[route] = false;
}
