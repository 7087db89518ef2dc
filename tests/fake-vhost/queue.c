/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a queue of any kind is served, and what is held or in flight. */
#include "fake.h"

/* Gives back what was finished. */
static void give_back(FakeQueue *vq)
{
    FakeCommand *c, *next;
    bool any = vq->finished;

    for (c = vq->finished; c; c = next) {
        next = c->next;
        ring_push(vq, c);
        flight_end(vq->dev, c);
        free(c);
    }
    vq->finished = NULL;
    if (any) {
        ring_signal(vq);
    }
}

/* Oldest first, so that they come back in the order in which they came. */
static void append(FakeCommand **list, FakeCommand *c)
{
    while (*list) {
        list = &(*list)->next;
    }
    c->next = NULL;
    *list = c;
}

static bool hold_back(FakeCommand *c)
{
    bool held;

    pthread_mutex_lock(&fake.lock);
    held = atomic_load(&fake.hold);
    if (held) {
        append(&fake.held_list, c);
        atomic_fetch_add(&fake.held, 1);
        control_changed();
    }
    pthread_mutex_unlock(&fake.lock);
    return held;
}

static void begin(FakeQueue *vq, FakeCommand *c)
{
    vq->requests++;
    atomic_fetch_add(&vq->worker->requests, 1);
    flight_begin(vq->dev, c);
}

void queue_complete(FakeQueue *vq, FakeCommand *c)
{
    begin(vq, c);
    append(&vq->finished, c);
    give_back(vq);
}

void queue_complete_or_hold(FakeQueue *vq, FakeCommand *c)
{
    begin(vq, c);
    if (!hold_back(c)) {
        append(&vq->finished, c);
        give_back(vq);
    }
}

void queue_unhold(void)
{
    FakeCommand *c, *next;

    pthread_mutex_lock(&fake.lock);
    atomic_store(&fake.hold, false);
    c = fake.held_list;
    fake.held_list = NULL;
    atomic_store(&fake.held, 0);
    pthread_mutex_unlock(&fake.lock);
    for (; c; c = next) {
        FakeQueue *vq = c->vq;

        next = c->next;
        pthread_mutex_lock(&vq->lock);
        append(&vq->finished, c);
        worker_kick(vq);
        pthread_mutex_unlock(&vq->lock);
    }
}

void queue_serve_all(FakeQueue *vq,
                     FakeServed (*serve)(FakeQueue *vq, FakeCommand *c))
{
    FakeServed served = SERVED;
    FakeCommand *c;
    int r = 0;

    ring_notify_disable(vq);
    do {
        while (served == SERVED && (r = ring_pop(vq, &c)) == 1) {
            served = serve(vq, c);
            if (served == SERVED_BAD) {
                ring_error(vq);
                free(c);
            } else if (served == SERVED_LATER) {
                vq->last_avail--;
                free(c);
            }
        }
    } while (served == SERVED && r == 0 && ring_notify_enable(vq));
}

void queue_service(FakeQueue *vq)
{
    give_back(vq);
    if (vq->running && !vq->stalled && vq->num && vq->addr.desc_user_addr) {
        vq->dev->kind->service(vq);
    }
}

void queue_stop_all(FakeDevice *dev)
{
    for (unsigned q = 0; q < dev->n_queues; q++) {
        pthread_mutex_lock(&dev->queue[q].lock);
        dev->queue[q].running = false;
        pthread_mutex_unlock(&dev->queue[q].lock);
    }
    flight_flush(dev);
}
