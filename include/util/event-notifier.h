/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An eventfd(2): how the guest's kick reaches the kernel worker and how the
 * worker's completion reaches the guest. */
#ifndef UTIL_EVENT_NOTIFIER_H
#define UTIL_EVENT_NOTIFIER_H

typedef struct EventNotifier {
    int fd; /* owned; -1 while not initialised */
} EventNotifier;

#define EVENT_NOTIFIER_NONE ((EventNotifier){ .fd = -1 })

/* Opens a non-blocking, close-on-exec eventfd. Returns 0 or -errno. */
int event_notifier_init(EventNotifier *e);

/* Closes it; fine on EVENT_NOTIFIER_NONE. */
void event_notifier_finish(EventNotifier *e);

/* Adds 1 to the counter. Any thread. */
void event_notifier_set(EventNotifier *e);

/* Reads the counter back to 0; returns whether it was set. */
bool event_notifier_test_and_clear(EventNotifier *e);

/* Whether the counter is set, without consuming it. */
bool event_notifier_is_set(const EventNotifier *e);

#endif
