/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/event-notifier.h"

#include <poll.h>
#include <sys/eventfd.h>

int event_notifier_init(EventNotifier *e)
{
    e->fd = neg_errno(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    return e->fd < 0 ? e->fd : 0;
}

void event_notifier_finish(EventNotifier *e)
{
    close_fd(&e->fd);
}

void event_notifier_set(EventNotifier *e)
{
    uint64_t one = 1;

    /* EAGAIN means that the counter is at its limit, so it is set. */
    (void)!write(e->fd, &one, sizeof(one));
}

bool event_notifier_test_and_clear(EventNotifier *e)
{
    uint64_t count;

    return read(e->fd, &count, sizeof(count)) == sizeof(count);
}

bool event_notifier_is_set(const EventNotifier *e)
{
    struct pollfd p = { .fd = e->fd, .events = POLLIN };

    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}
