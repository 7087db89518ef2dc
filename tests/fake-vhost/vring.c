/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ioctls of one queue. */
#include "fake.h"

int vring_find(FakeDevice *dev, const void *arg, FakeQueue **ret_vq)
{
    uint32_t index;

    if (user_read(&index, (uintptr_t)arg, sizeof(index)) < 0) {
        return -EFAULT;
    }
    if (index >= dev->n_queues) {
        return -ENOBUFS;
    }
    *ret_vq = &dev->queue[index];
    return 0;
}

static int set_num(FakeQueue *vq, uint32_t num)
{
    if (vq->running) {
        return -EBUSY;
    }
    if (num > 0xffff || !is_power_of_2(num)) {
        return -EINVAL;
    }
    vq->num = num;
    return 0;
}

static int set_base(FakeQueue *vq, uint32_t base)
{
    if (vq->running) {
        return -EBUSY;
    }
    if (base > 0xffff) {
        return -EINVAL;
    }
    vq->last_avail = base;
    return 0;
}

int vring_state(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_vring_state s;
    FakeQueue *vq;
    int r = vring_find(dev, arg, &vq);

    if (r < 0) {
        return r;
    }
    if (user_read(&s, (uintptr_t)arg, sizeof(s)) < 0) {
        return -EFAULT;
    }
    pthread_mutex_lock(&vq->lock);
    vq->set_up = true;
    switch (request) {
    case VHOST_SET_VRING_NUM:
        r = set_num(vq, s.num);
        break;
    case VHOST_SET_VRING_BASE:
        r = set_base(vq, s.num);
        break;
    case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
        vq->busyloop = s.num; /* nobody polls */
        break;
    default:
        s.index = vq->index;
        s.num = request == VHOST_GET_VRING_BASE ? vq->last_avail : vq->busyloop;
        r = user_write((uintptr_t)arg, &s, sizeof(s));
        break;
    }
    pthread_mutex_unlock(&vq->lock);
    return r;
}

int vring_addr(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_vring_addr a, old;
    FakeQueue *vq;
    int r = vring_find(dev, arg, &vq);

    if (r < 0) {
        return r;
    }
    if (user_read(&a, (uintptr_t)arg, sizeof(a)) < 0) {
        return -EFAULT;
    }
    if (a.flags & ~(1u << VHOST_VRING_F_LOG)) {
        return -EOPNOTSUPP;
    }
    if (a.avail_user_addr & 1 || a.used_user_addr & 3 || a.log_guest_addr & 3) {
        return -EINVAL;
    }
    pthread_mutex_lock(&vq->lock);
    vq->set_up = true;
    old = vq->addr;
    vq->addr = a;
    if (vq->running && !ring_access_ok(vq)) {
        vq->addr = old;
        r = -EINVAL;
    }
    pthread_mutex_unlock(&vq->lock);
    return r;
}

static bool is_eventfd(int fd)
{
    char link[32], target[64];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, target, sizeof(target) - 1);
    if (len < 0) {
        return false;
    }
    target[len] = 0;
    return strcmp(target, "anon_inode:[eventfd]") == 0;
}

int vring_file(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_vring_file f;
    FakeQueue *vq;
    int fd = -1, r = vring_find(dev, arg, &vq);

    if (r < 0) {
        return r;
    }
    if (user_read(&f, (uintptr_t)arg, sizeof(f)) < 0) {
        return -EFAULT;
    }
    if (f.fd != VHOST_FILE_UNBIND) {
        fd = fd_duplicate(f.fd);
        if (fd < 0) {
            return fd;
        }
        if (!is_eventfd(fd)) {
            fd_clear(&fd);
            return -EINVAL;
        }
    }
    pthread_mutex_lock(&vq->lock);
    vq->set_up = true;
    switch (request) {
    case VHOST_SET_VRING_KICK:
        worker_unwatch(vq);
        fd_clear(&vq->kick_fd);
        vq->kick_fd = fd;
        worker_watch(vq);
        break;
    case VHOST_SET_VRING_CALL:
        fd_clear(&vq->call_fd);
        vq->call_fd = fd;
        break;
    default:
        fd_clear(&vq->err_fd);
        vq->err_fd = fd;
        break;
    }
    pthread_mutex_unlock(&vq->lock);
    return 0;
}

static int get_worker(const FakeQueue *vq, struct vhost_vring_worker *v,
                      void *arg)
{
    if (!vq->worker) {
        return -EINVAL;
    }
    v->worker_id = vq->worker->id + atomic_load(&fake.worker_lies);
    return user_write((uintptr_t)arg, v, sizeof(*v));
}

int vring_worker(FakeDevice *dev, unsigned long request, void *arg)
{
    struct vhost_vring_worker v;
    FakeWorker *w;
    FakeQueue *vq;
    int r = vring_find(dev, arg, &vq);

    if (r < 0) {
        return r;
    }
    if (request == VHOST_GET_VRING_WORKER) {
        v.index = vq->index;
        return get_worker(vq, &v, arg);
    }
    if (user_read(&v, (uintptr_t)arg, sizeof(v)) < 0) {
        return -EFAULT;
    }
    w = worker_find(dev, v.worker_id);
    if (!w) {
        return -ENODEV;
    }
    worker_attach(w, vq);
    return 0;
}
