/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device: the table of its ioctls, who may call them, and those that are
 * about the device as a whole. The answers are held against a kernel by
 * conform.c.
 */
#include "fake.h"

static int set_owner(FakeDevice *dev, unsigned long request, void *arg)
{
    FakeWorker *w;
    int r;

    if (dev->owner) {
        return -EBUSY;
    }
    dev->owner = getpid();
    dev->kthread = dev->fork_owner == 0;
    r = worker_new(dev, &w);
    if (r < 0) {
        dev->owner = 0;
        return r;
    }
    for (unsigned i = 0; i < dev->n_queues; i++) {
        worker_attach(w, &dev->queue[i]);
    }
    return 0;
}

static int get_features(FakeDevice *dev, unsigned long request, void *arg)
{
    uint64_t f = fake.features[dev->kind->id];

    return user_write((uintptr_t)arg, &f, sizeof(f));
}

static int set_features(FakeDevice *dev, unsigned long request, void *arg)
{
    uint64_t f;

    if (user_read(&f, (uintptr_t)arg, sizeof(f)) < 0) {
        return -EFAULT;
    }
    if (f & ~fake.features[dev->kind->id]) {
        return -EOPNOTSUPP;
    }
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_lock(&dev->queue[i].lock);
    }
    dev->features = f;
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_unlock(&dev->queue[i].lock);
    }
    return 0;
}

int device_backend_features(FakeDevice *dev, unsigned long request, void *arg)
{
    uint64_t f = FAKE_BACKEND_FEATURES;

    if (request == VHOST_GET_BACKEND_FEATURES) {
        return user_write((uintptr_t)arg, &f, sizeof(f));
    }
    if (user_read(&f, (uintptr_t)arg, sizeof(f)) < 0) {
        return -EFAULT;
    }
    return f & ~FAKE_BACKEND_FEATURES ? -EOPNOTSUPP : 0;
}

static int set_mem_table(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_memory head;
    FakeMem *mem, *old;
    size_t bytes;

    if (user_read(&head, (uintptr_t)arg, sizeof(head)) < 0) {
        return -EFAULT;
    }
    if (head.padding) {
        return -EOPNOTSUPP;
    }
    if (head.nregions > fake.max_mem_regions) {
        return -E2BIG;
    }
    bytes = head.nregions * sizeof(mem->region[0]);
    mem = calloc(1, sizeof(*mem) + bytes);
    if (!mem) {
        return -ENOMEM;
    }
    mem->n = head.nregions;
    if (bytes &&
        user_read(mem->region, (uintptr_t)arg + sizeof(head), bytes) < 0) {
        free(mem);
        return -EFAULT;
    }
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_lock(&dev->queue[i].lock);
    }
    old = dev->mem;
    dev->mem = mem;
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_unlock(&dev->queue[i].lock);
    }
    flight_flush(dev);
    free(old);
    return 0;
}

static int set_log_base(FakeDevice *dev, unsigned long request, void *arg)
{
    uint64_t base;

    if (user_read(&base, (uintptr_t)arg, sizeof(base)) < 0) {
        return -EFAULT;
    }
    dev->log_base = base;
    flight_flush(dev);
    return 0;
}

static int set_log_fd(FakeDevice *dev, unsigned long request, void *arg)
{
    int32_t fd;
    int r;

    if (user_read(&fd, (uintptr_t)arg, sizeof(fd)) < 0) {
        return -EFAULT;
    }
    r = fd < 0 ? -1 : fd_duplicate(fd);
    if (fd >= 0 && r < 0) {
        return r;
    }
    fd_clear(&dev->log_fd);
    dev->log_fd = r;
    flight_flush(dev);
    return 0;
}

static int fork_owner(FakeDevice *dev, unsigned long request, void *arg)
{
    uint8_t v;

    if (request == VHOST_GET_FORK_FROM_OWNER) {
        return user_write((uintptr_t)arg, &dev->fork_owner, 1);
    }
    if (dev->owner) {
        return -EBUSY;
    }
    if (user_read(&v, (uintptr_t)arg, 1) < 0) {
        return -EFAULT;
    }
    if (v > 1) {
        return -EINVAL;
    }
    dev->fork_owner = v;
    return 0;
}

/* What the driver does not know is looked up as a call of some queue. */
static int unknown(FakeDevice *dev, unsigned long request, void *arg)
{
    FakeQueue *vq;
    int r = vring_find(dev, arg, &vq);

    return r < 0 ? r : -ENOTTY;
}

/* Of every driver. */
static const FakeIoctl ioctls[] = {
    { VHOST_SET_OWNER, "VHOST_SET_OWNER", NEEDS_NOTHING, 0, set_owner },
    { VHOST_GET_FEATURES, "VHOST_GET_FEATURES", NEEDS_NOTHING, 0,
      get_features },
    { VHOST_SET_FEATURES, "VHOST_SET_FEATURES", NEEDS_NOTHING, 0,
      set_features },
    { VHOST_SET_MEM_TABLE, "VHOST_SET_MEM_TABLE", NEEDS_OWNER, 0,
      set_mem_table },
    { VHOST_SET_LOG_BASE, "VHOST_SET_LOG_BASE", NEEDS_OWNER, 0, set_log_base },
    { VHOST_SET_LOG_FD, "VHOST_SET_LOG_FD", NEEDS_OWNER, 0, set_log_fd },
    { VHOST_SET_VRING_NUM, "VHOST_SET_VRING_NUM", NEEDS_OWNER, 0, vring_state },
    { VHOST_SET_VRING_BASE, "VHOST_SET_VRING_BASE", NEEDS_OWNER, 0,
      vring_state },
    { VHOST_GET_VRING_BASE, "VHOST_GET_VRING_BASE", NEEDS_OWNER, 0,
      vring_state },
    { VHOST_SET_VRING_ADDR, "VHOST_SET_VRING_ADDR", NEEDS_OWNER, 0,
      vring_addr },
    { VHOST_SET_VRING_KICK, "VHOST_SET_VRING_KICK", NEEDS_OWNER, 0,
      vring_file },
    { VHOST_SET_VRING_CALL, "VHOST_SET_VRING_CALL", NEEDS_OWNER, 0,
      vring_file },
    { VHOST_SET_VRING_ERR, "VHOST_SET_VRING_ERR", NEEDS_OWNER, 0, vring_file },
    { VHOST_SET_VRING_BUSYLOOP_TIMEOUT, "VHOST_SET_VRING_BUSYLOOP_TIMEOUT",
      NEEDS_OWNER, 0, vring_state },
    { VHOST_GET_VRING_BUSYLOOP_TIMEOUT, "VHOST_GET_VRING_BUSYLOOP_TIMEOUT",
      NEEDS_OWNER, 0, vring_state },
    { VHOST_SET_FORK_FROM_OWNER, "VHOST_SET_FORK_FROM_OWNER", NEEDS_NOTHING,
      612, fork_owner },
    { VHOST_GET_FORK_FROM_OWNER, "VHOST_GET_FORK_FROM_OWNER", NEEDS_NOTHING,
      612, fork_owner },
};

static const FakeIoctl unknown_row = { 0, "unknown", NEEDS_OWNER, 0, unknown };

const FakeKind *const fake_kinds[FAKE_KINDS] = {
    [FAKE_SCSI] = &fake_scsi,
    [FAKE_NET] = &fake_net,
    [FAKE_VSOCK] = &fake_vsock,
};

static const FakeIoctl *find_in(const FakeIoctl *rows, unsigned n,
                                unsigned long request)
{
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].request == request) {
            return &rows[i];
        }
    }
    return NULL;
}

static const FakeIoctl *find_row(const FakeKind *kind, unsigned long request)
{
    const FakeIoctl *row = find_in(ioctls, G_N_ELEMENTS(ioctls), request);

    return row ? row : find_in(kind->ioctls, kind->n_ioctls, request);
}

/* How a call is named, also one that this driver does not have. */
static const char *name_of(unsigned long request)
{
    for (unsigned i = 0; i < FAKE_KINDS; i++) {
        const FakeIoctl *row = find_row(fake_kinds[i], request);

        if (row) {
            return row->name;
        }
    }
    return unknown_row.name;
}

static const char *full_name_in(const FakeIoctl *rows, unsigned n,
                                const char *name)
{
    for (unsigned i = 0; i < n; i++) {
        const char *full = rows[i].name;

        if (strcmp(full, name) == 0 ||
            strcmp(full + strlen("VHOST_"), name) == 0) {
            return full;
        }
    }
    return NULL;
}

const char *ioctl_full_name(const char *name)
{
    static const char *const others[] = { "any", "open", "close", "unknown" };
    const char *full;

    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(name, others[i]) == 0) {
            return others[i];
        }
    }
    full = full_name_in(ioctls, G_N_ELEMENTS(ioctls), name);
    for (unsigned i = 0; i < FAKE_KINDS && !full; i++) {
        full = full_name_in(fake_kinds[i]->ioctls, fake_kinds[i]->n_ioctls,
                            name);
    }
    return full ? full : tap_ioctl_name(name);
}

int device_check_owner(const FakeDevice *dev, FakeNeeds needs)
{
    if (needs == NEEDS_NOTHING) {
        return 0;
    }
    if (!dev->owner) {
        return needs == NEEDS_OWNER_EARLY ? -EINVAL : -EPERM;
    }
    return dev->owner == getpid() && !dev->foreign ? 0 : -EPERM;
}

int device_ioctl(FakeDevice *dev, unsigned long request, void *arg)
{
    const FakeIoctl *row = find_row(dev->kind, request);
    const char *name = name_of(request);
    char args[256];
    int r;

    if (!row || row->since > fake.kernel) {
        row = &unknown_row;
    }
    pthread_mutex_lock(&dev->mutex);
    trace_args(args, sizeof(args), request, arg);
    r = knobs_enter(name);
    if (r == 0) {
        r = device_check_owner(dev, row->needs);
    }
    if (r == 0) {
        r = row->handle(dev, request, arg);
    }
    trace_call(dev, name, args, request, arg, r);
    pthread_mutex_unlock(&dev->mutex);
    if (r < 0) {
        errno = -r;
        return -1;
    }
    return r;
}

static void queue_init(FakeDevice *dev, unsigned index)
{
    FakeQueue *vq = &dev->queue[index];

    pthread_mutex_init(&vq->lock, NULL);
    vq->dev = dev;
    vq->index = index;
    vq->kick_fd = vq->call_fd = vq->err_fd = vq->backend_fd = -1;
}

FakeDevice *device_new(const FakeKind *kind, int fd, uint64_t inode)
{
    FakeDevice *dev = calloc(1, sizeof(*dev));

    if (!dev) {
        return NULL;
    }
    dev->kind = kind;
    dev->n_queues = kind->n_queues ? kind->n_queues
                                   : fake.max_io_vqs + FAKE_QUEUE_REQUESTS;
    dev->queue = calloc(dev->n_queues, sizeof(*dev->queue));
    if (!dev->queue) {
        free(dev);
        return NULL;
    }
    dev->number = ++fake.devices_opened;
    dev->fd = fd;
    dev->inode = inode;
    dev->log_fd = -1;
    dev->fork_owner = !fake.kthread;
    pthread_mutex_init(&dev->mutex, NULL);
    pthread_mutex_init(&dev->flight_lock, NULL);
    pthread_cond_init(&dev->flight_done, NULL);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        queue_init(dev, i);
    }
    dev->next = fake.devices;
    fake.devices = dev;
    return dev;
}

void device_free(FakeDevice *dev)
{
    pthread_mutex_lock(&dev->mutex);
    if (!dev->foreign) {
        dev->kind->stop(dev);
        for (unsigned i = 0; i < dev->n_queues; i++) {
            worker_attach(NULL, &dev->queue[i]);
        }
        while (dev->workers) {
            worker_free(dev->workers);
        }
    }
    pthread_mutex_unlock(&dev->mutex);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        FakeQueue *vq = &dev->queue[i];

        fd_clear(&vq->kick_fd);
        fd_clear(&vq->call_fd);
        fd_clear(&vq->err_fd);
        fd_clear(&vq->backend_fd);
        pthread_mutex_destroy(&vq->lock);
    }
    fd_clear(&dev->log_fd);
    pthread_mutex_destroy(&dev->mutex);
    pthread_mutex_destroy(&dev->flight_lock);
    pthread_cond_destroy(&dev->flight_done);
    free(dev->mem);
    free(dev->queue);
    free(dev);
}

void device_hold(FakeDevice *dev)
{
    pthread_mutex_lock(&fake.lock);
    dev->refs++;
    pthread_mutex_unlock(&fake.lock);
}

void device_release(FakeDevice *dev)
{
    FakeDevice **at;
    bool last;

    pthread_mutex_lock(&fake.lock);
    last = --dev->refs == 0;
    if (last) {
        for (at = &fake.devices; *at != dev; at = &(*at)->next) {
        }
        *at = dev->next;
    }
    pthread_mutex_unlock(&fake.lock);
    if (last) {
        device_free(dev);
    }
}

FakeDevice **devices_hold(unsigned *ret_n)
{
    FakeDevice *dev, **list = NULL;
    unsigned n = 0;

    pthread_mutex_lock(&fake.lock);
    for (dev = fake.devices; dev; dev = dev->next) {
        n++;
    }
    list = calloc(n + 1, sizeof(*list));
    n = 0;
    /* The newest stands first; the oldest shall be told first. */
    for (dev = fake.devices; dev && list; dev = dev->next) {
        dev->refs++;
        list[n++] = dev;
    }
    pthread_mutex_unlock(&fake.lock);
    for (unsigned i = 0; i < n / 2; i++) {
        dev = list[i];
        list[i] = list[n - 1 - i];
        list[n - 1 - i] = dev;
    }
    *ret_n = n;
    return list;
}

void devices_release(FakeDevice **list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        device_release(list[i]);
    }
    free(list);
}

void device_after_fork(FakeDevice *dev)
{
    /* A thread of the parent may have held any of them. */
    pthread_mutex_init(&dev->mutex, NULL);
    pthread_mutex_init(&dev->flight_lock, NULL);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        pthread_mutex_init(&dev->queue[i].lock, NULL);
    }
    dev->foreign = dev->owner != 0;
}

void flight_begin(FakeDevice *dev, FakeCommand *c)
{
    pthread_mutex_lock(&dev->flight_lock);
    c->generation = dev->generation;
    dev->in_flight[c->generation]++;
    pthread_mutex_unlock(&dev->flight_lock);
}

void flight_end(FakeDevice *dev, FakeCommand *c)
{
    pthread_mutex_lock(&dev->flight_lock);
    if (--dev->in_flight[c->generation] == 0) {
        pthread_cond_broadcast(&dev->flight_done);
    }
    pthread_mutex_unlock(&dev->flight_lock);
}

/* Only what is under way now: a guest that goes on does not hold it up. */
void flight_flush(FakeDevice *dev)
{
    unsigned old;

    pthread_mutex_lock(&dev->flight_lock);
    old = dev->generation;
    dev->generation = !old;
    while (dev->in_flight[old]) {
        pthread_cond_wait(&dev->flight_done, &dev->flight_lock);
    }
    pthread_mutex_unlock(&dev->flight_lock);
}
