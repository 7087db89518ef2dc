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

static int endpoint_set(FakeDevice *dev, unsigned long request, void *arg)
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

static void endpoint_stop(FakeDevice *dev)
{
    queue_stop_all(dev);
    pthread_mutex_lock(&fake.lock);
    dev->endpoint[0] = 0;
    pthread_mutex_unlock(&fake.lock);
}

static int endpoint_clear(FakeDevice *dev, unsigned long request, void *arg)
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

static int endpoint_abi(FakeDevice *dev, unsigned long request, void *arg)
{
    int32_t abi = VHOST_SCSI_ABI_VERSION;

    return user_write((uintptr_t)arg, &abi, sizeof(abi));
}

static int endpoint_events_missed(FakeDevice *dev, unsigned long request,
                                  void *arg)
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

static const FakeIoctl ioctls[] = {
    { VHOST_NEW_WORKER, "VHOST_NEW_WORKER", NEEDS_OWNER_EARLY, 605,
      worker_ioctl },
    { VHOST_FREE_WORKER, "VHOST_FREE_WORKER", NEEDS_OWNER_EARLY, 605,
      worker_ioctl },
    { VHOST_ATTACH_VRING_WORKER, "VHOST_ATTACH_VRING_WORKER", NEEDS_OWNER_EARLY,
      605, vring_worker },
    { VHOST_GET_VRING_WORKER, "VHOST_GET_VRING_WORKER", NEEDS_OWNER_EARLY, 605,
      vring_worker },
    { VHOST_SCSI_SET_ENDPOINT, "VHOST_SCSI_SET_ENDPOINT", NEEDS_NOTHING, 0,
      endpoint_set },
    { VHOST_SCSI_CLEAR_ENDPOINT, "VHOST_SCSI_CLEAR_ENDPOINT", NEEDS_NOTHING, 0,
      endpoint_clear },
    { VHOST_SCSI_GET_ABI_VERSION, "VHOST_SCSI_GET_ABI_VERSION", NEEDS_NOTHING,
      0, endpoint_abi },
    { VHOST_SCSI_SET_EVENTS_MISSED, "VHOST_SCSI_SET_EVENTS_MISSED",
      NEEDS_NOTHING, 0, endpoint_events_missed },
    { VHOST_SCSI_GET_EVENTS_MISSED, "VHOST_SCSI_GET_EVENTS_MISSED",
      NEEDS_NOTHING, 0, endpoint_events_missed },
};

const FakeKind fake_scsi = {
    .id = FAKE_SCSI,
    .name = "scsi",
    .features_61 = FAKE_VHOST_FEATURES,
    .features = FAKE_VHOST_FEATURES,
    .ioctls = ioctls,
    .n_ioctls = G_N_ELEMENTS(ioctls),
    .service = scsi_service,
    .stop = endpoint_stop,
};
