/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ioctls that only vhost-scsi has. */
#include "fake.h"

int target_find(const char *wwpn)
{
    for (int i = 0; i < FAKE_TARGETS_MAX; i++) {
        if (fake.targets[i][0] && strcmp(fake.targets[i], wwpn) == 0) {
            return i;
        }
    }
    return -1;
}

/* Whether another device of this process has it. fake.lock is held. */
static bool in_use(const FakeDevice *dev, const char *wwpn)
{
    for (const FakeDevice *d = fake.devices; d; d = d->next) {
        if (d != dev && strcmp(d->endpoint, wwpn) == 0) {
            return true;
        }
    }
    return false;
}

static int read_target(struct vhost_scsi_target *t, void *arg)
{
    if (user_read(t, (uintptr_t)arg, sizeof(*t)) < 0) {
        return -EFAULT;
    }
    t->vhost_wwpn[sizeof(t->vhost_wwpn) - 1] = 0;
    return t->reserved ? -EOPNOTSUPP : 0;
}

/* Which comes before all else, also with CLEAR_ENDPOINT. */
static int check_rings(const FakeDevice *dev)
{
    if (!dev->mem) {
        return -EFAULT;
    }
    for (unsigned q = 0; q < dev->n_queues; q++) {
        if (!ring_access_ok(&dev->queue[q])) {
            return -EFAULT;
        }
    }
    return 0;
}

int endpoint_set(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_scsi_target t;
    int r = read_target(&t, arg), i;

    r = r < 0 ? r : check_rings(dev);
    if (r < 0) {
        return r;
    }
    if (dev->endpoint[0]) {
        return -EEXIST;
    }
    pthread_mutex_lock(&fake.lock);
    i = target_find(t.vhost_wwpn);
    if (i < 0 || !fake.target_up[i] || in_use(dev, t.vhost_wwpn)) {
        r = -ENODEV;
    } else {
        memcpy(dev->endpoint, t.vhost_wwpn, sizeof(dev->endpoint));
    }
    pthread_mutex_unlock(&fake.lock);
    if (r < 0) {
        return r;
    }
    for (unsigned q = 0; q < dev->n_queues; q++) {
        FakeQueue *vq = &dev->queue[q];

        pthread_mutex_lock(&vq->lock);
        vq->mapped = false;
        if (vq->num && vq->addr.desc_user_addr) {
            ring_start(vq);
        }
        /* A kick that came before was for nothing: the next one counts. */
        vq->running = true;
        pthread_mutex_unlock(&vq->lock);
    }
    flight_flush(dev);
    return 0;
}

void endpoint_stop(FakeDevice *dev)
{
    for (unsigned q = 0; q < dev->n_queues; q++) {
        pthread_mutex_lock(&dev->queue[q].lock);
        dev->queue[q].running = false;
        pthread_mutex_unlock(&dev->queue[q].lock);
    }
    flight_flush(dev);
    pthread_mutex_lock(&fake.lock);
    dev->endpoint[0] = 0;
    pthread_mutex_unlock(&fake.lock);
}

int endpoint_clear(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_scsi_target t;
    int r = read_target(&t, arg);

    r = r < 0 ? r : check_rings(dev);
    if (r < 0) {
        return r;
    }
    if (!dev->endpoint[0]) {
        return 0;
    }
    if (strcmp(dev->endpoint, t.vhost_wwpn)) {
        return -EINVAL;
    }
    endpoint_stop(dev);
    return 0;
}

int endpoint_abi(FakeDevice *dev, unsigned long request, void *arg)
{
    int32_t abi = VHOST_SCSI_ABI_VERSION;

    return user_write((uintptr_t)arg, &abi, sizeof(abi));
}

int endpoint_events_missed(FakeDevice *dev, unsigned long request, void *arg)
{
    FakeQueue *vq = &dev->queue[FAKE_QUEUE_EVENT];
    uint32_t v;
    int r;

    if (request == VHOST_SCSI_SET_EVENTS_MISSED) {
        r = user_read(&v, (uintptr_t)arg, sizeof(v));
        if (r < 0) {
            return r;
        }
        pthread_mutex_lock(&vq->lock);
        dev->events_missed = v;
        pthread_mutex_unlock(&vq->lock);
        return 0;
    }
    pthread_mutex_lock(&vq->lock);
    v = dev->events_missed;
    pthread_mutex_unlock(&vq->lock);
    return user_write((uintptr_t)arg, &v, sizeof(v));
}
