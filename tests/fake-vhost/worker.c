/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Workers: threads that wait for the kick eventfds of their queues. As in the
 * kernel nobody reads such an eventfd: edge-triggered epoll tells each kick,
 * and, for a queue that is new to a worker, one that nobody has seen yet.
 */
#include "fake.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#define NAMESPACE_PIDS 1000000 /* how far numbers in a namespace are off */

/* What woke a worker: the kick of the queue with that index, or ... */
#define BACKEND 0x80000000u /* ... its back end, ... */
#define WAKE    UINT32_MAX  /* ... or one of this process */

static void serve(FakeWorker *w, FakeQueue *vq, bool kicked)
{
    pthread_mutex_lock(&vq->lock);
    if (kicked) {
        vq->kicks++;
    }
    if (vq->worker == w) {
        atomic_store(&vq->pending, false);
        queue_service(vq);
    }
    pthread_mutex_unlock(&vq->lock);
}

static void serve_pending(FakeWorker *w)
{
    uint64_t count;

    if (read(w->wake_fd, &count, sizeof(count)) < 0) {
        return; /* woken twice, read once */
    }
    for (unsigned i = 0; i < w->dev->n_queues && !atomic_load(&w->stop); i++) {
        if (atomic_load(&w->dev->queue[i].pending)) {
            serve(w, &w->dev->queue[i], false);
        }
    }
}

static void *worker_main(void *opaque)
{
    struct epoll_event events[16];
    FakeWorker *w = opaque;
    int n;

    prctl(PR_SET_NAME, w->name);
    pthread_mutex_lock(&fake.lock);
    atomic_store(&w->tid, current_tid());
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
    while (!atomic_load(&w->stop)) {
        n = epoll_wait(w->epoll_fd, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < n && !atomic_load(&w->stop); i++) {
            if (events[i].data.u32 == WAKE) {
                serve_pending(w);
            } else {
                serve(w, &w->dev->queue[events[i].data.u32 & ~BACKEND],
                      !(events[i].data.u32 & BACKEND));
            }
        }
    }
    return NULL;
}

static void wake(FakeWorker *w)
{
    uint64_t one = 1;

    /* It fails only when the counter is full, and then it is awake. */
    (void)!write(w->wake_fd, &one, sizeof(one));
}

/* Its descriptors, moved out of the way of the process' own. */
static bool make_fds(FakeWorker *w)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = WAKE };
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    w->epoll_fd = epoll < 0 ? -1 : fd_duplicate(epoll);
    w->wake_fd = event < 0 ? -1 : fd_duplicate(event);
    fd_clear(&epoll);
    fd_clear(&event);
    return w->epoll_fd >= 0 && w->wake_fd >= 0 &&
           epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &e) == 0;
}

/* No signal of the program's is ever for us. */
static int start_thread(FakeWorker *w)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r) {
        return -ENOMEM;
    }
    pthread_mutex_lock(&fake.lock);
    while (!atomic_load(&w->tid)) {
        pthread_cond_wait(&fake.changed, &fake.lock);
    }
    pthread_mutex_unlock(&fake.lock);
    return 0;
}

static void worker_destroy(FakeWorker *w)
{
    if (w->epoll_fd >= 0) {
        fd_clear(&w->epoll_fd);
    }
    fd_clear(&w->wake_fd);
    free(w);
}

int worker_new(FakeDevice *dev, FakeWorker **ret_worker)
{
    FakeWorker *w = calloc(1, sizeof(*w)), **at;

    if (!w) {
        return -ENOMEM;
    }
    w->dev = dev;
    w->wake_fd = w->epoll_fd = -1;
    if (dev->kthread) {
        snprintf(w->name, sizeof(w->name), "kthread-%d", getpid());
    } else {
        snprintf(w->name, sizeof(w->name), "vhost-%d",
                 current_tid() +
                     (atomic_load(&fake.pid_namespace) ? NAMESPACE_PIDS : 0));
    }
    if (!make_fds(w) || start_thread(w) < 0) {
        worker_destroy(w);
        return -ENOMEM;
    }
    /* The lowest free number; the list is in the order of numbers. */
    pthread_mutex_lock(&fake.lock);
    for (at = &dev->workers; *at && (*at)->id == w->id; at = &(*at)->next) {
        w->id++;
    }
    w->next = *at;
    *at = w;
    pthread_mutex_unlock(&fake.lock);
    *ret_worker = w;
    return 0;
}

void worker_free(FakeWorker *w)
{
    FakeWorker **at;

    pthread_mutex_lock(&fake.lock);
    for (at = &w->dev->workers; *at != w; at = &(*at)->next) {
    }
    *at = w->next;
    pthread_mutex_unlock(&fake.lock);
    atomic_store(&w->stop, true);
    wake(w);
    pthread_join(w->thread, NULL);
    worker_destroy(w);
}

FakeWorker *worker_find(FakeDevice *dev, uint32_t id)
{
    FakeWorker *w;

    for (w = dev->workers; w && w->id != id; w = w->next) {
    }
    return w;
}

void worker_watch(FakeQueue *vq)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLET,
                             .data.u32 = vq->index };

    if (vq->worker && vq->kick_fd >= 0) {
        epoll_ctl(vq->worker->epoll_fd, EPOLL_CTL_ADD, vq->kick_fd, &e);
    }
    if (vq->worker && vq->backend_fd >= 0) {
        e.events = (vq->index & 1 ? EPOLLOUT : EPOLLIN) | EPOLLET;
        e.data.u32 |= BACKEND;
        epoll_ctl(vq->worker->epoll_fd, EPOLL_CTL_ADD, vq->backend_fd, &e);
    }
}

void worker_unwatch(FakeQueue *vq)
{
    if (vq->worker && vq->kick_fd >= 0) {
        epoll_ctl(vq->worker->epoll_fd, EPOLL_CTL_DEL, vq->kick_fd, NULL);
    }
    if (vq->worker && vq->backend_fd >= 0) {
        epoll_ctl(vq->worker->epoll_fd, EPOLL_CTL_DEL, vq->backend_fd, NULL);
    }
}

void worker_wake(FakeWorker *w, FakeQueue *vq)
{
    atomic_store(&vq->pending, true);
    wake(w);
}

void worker_kick(FakeQueue *vq)
{
    if (vq->worker) {
        worker_wake(vq->worker, vq);
    }
}

void worker_attach(FakeWorker *w, FakeQueue *vq)
{
    pthread_mutex_lock(&vq->lock);
    worker_unwatch(vq);
    if (vq->worker) {
        vq->worker->attached--;
    }
    pthread_mutex_lock(&fake.lock); /* the control socket looks at it */
    vq->worker = w;
    pthread_mutex_unlock(&fake.lock);
    if (w) {
        w->attached++;
        worker_watch(vq);
        worker_kick(vq);
    }
    pthread_mutex_unlock(&vq->lock);
}

/* --- the ioctls --- */

static int new_worker(FakeDevice *dev, void *arg)
{
    struct vhost_worker_state state = { 0 };
    FakeWorker *w;
    int r;

    if (dev->kthread) {
        return -EFAULT;
    }
    r = worker_new(dev, &w);
    if (r < 0) {
        return r;
    }
    state.worker_id = w->id;
    if (user_write((uintptr_t)arg, &state, sizeof(state)) < 0) {
        worker_free(w);
        return -EFAULT;
    }
    return 0;
}

static int free_worker(FakeDevice *dev, void *arg)
{
    struct vhost_worker_state state;
    FakeWorker *w;

    if (user_read(&state, (uintptr_t)arg, sizeof(state)) < 0) {
        return -EFAULT;
    }
    w = worker_find(dev, state.worker_id);
    if (!w) {
        return -ENODEV;
    }
    if (w->attached) {
        return -EBUSY;
    }
    worker_free(w);
    return 0;
}

int worker_ioctl(FakeDevice *dev, unsigned long request, void *arg)
{
    return request == VHOST_NEW_WORKER ? new_worker(dev, arg)
                                       : free_worker(dev, arg);
}
