/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/machine.h"

/*
 * One GSource for all timers, ready when the earliest is due. It reads the
 * host's monotonic clock, or @now_ns if a test moves the clock.
 */
struct TimerList {
    GSource source;
    Machine *machine;
    GPtrArray *timers; /* armed, borrowed, earliest first */
    bool running;
    bool stepped;    /* a test moves the clock */
    int64_t now_ns;  /* while it stands or is stepped */
    int64_t base_ns; /* host time - virtual time while it runs */
};

static int64_t host_ns(void)
{
    return g_get_monotonic_time() * 1000;
}

static int64_t now(const TimerList *list)
{
    return list->running && !list->stepped ? host_ns() - list->base_ns
                                           : list->now_ns;
}

/* Read without the lock by vCPU threads: the fields change only while they are
 * paused. */
int64_t machine_clock_ns(Machine *machine)
{
    return now(machine->timers);
}

/* Tells the main loop when to wake up. */
static void schedule_source(TimerList *list)
{
    int64_t ready_us = -1;

    if (list->running && list->timers->len) {
        const Timer *t = g_ptr_array_index(list->timers, 0);

        if (!list->stepped) {
            ready_us = (t->expire_ns + list->base_ns + 999) / 1000;
        } else if (t->expire_ns <= list->now_ns) {
            ready_us = 0; /* due although the clock stands */
        }
    }
    g_source_set_ready_time(&list->source, ready_us);
}

static void fire_due(TimerList *list)
{
    while (list->timers->len) {
        Timer *t = g_ptr_array_index(list->timers, 0);

        if (t->expire_ns > now(list)) {
            break;
        }
        timer_del(t);
        t->fire(t->opaque);
    }
}

static gboolean dispatch_timers(GSource *source, GSourceFunc callback,
                                gpointer data)
{
    TimerList *list = container_of(source, TimerList, source);

    if (list->running) {
        fire_due(list);
    }
    schedule_source(list);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_source_funcs = { .dispatch = dispatch_timers };

TimerList *timer_list_new(Machine *machine)
{
    GSource *source = g_source_new(&timer_source_funcs, sizeof(TimerList));
    TimerList *list = container_of(source, TimerList, source);

    list->machine = machine;
    list->timers = g_ptr_array_new();
    g_source_attach(source, machine->context);
    return list;
}

void timer_list_free(TimerList *list)
{
    if (!list) {
        return;
    }
    g_ptr_array_unref(list->timers);
    g_source_destroy(&list->source);
    g_source_unref(&list->source);
}

void timer_list_set_running(TimerList *list, bool running)
{
    if (running == list->running) {
        return;
    }
    if (running) {
        list->base_ns = host_ns() - list->now_ns;
    } else if (!list->stepped) {
        list->now_ns = host_ns() - list->base_ns;
    }
    list->running = running;
    schedule_source(list);
}

void timer_list_step_to(TimerList *list, int64_t ns)
{
    list->stepped = true;
    while (list->timers->len) {
        const Timer *t = g_ptr_array_index(list->timers, 0);

        if (t->expire_ns > ns) {
            break;
        }
        list->now_ns = MAX(list->now_ns, t->expire_ns);
        fire_due(list);
    }
    list->now_ns = MAX(list->now_ns, ns);
}

int64_t timer_list_deadline_ns(TimerList *list)
{
    const Timer *t = list->timers->len ? g_ptr_array_index(list->timers, 0)
                                       : NULL;

    return t ? t->expire_ns : -1;
}

void timer_init(Timer *t, Machine *machine, void (*fire)(void *opaque),
                void *opaque)
{
    *t = (Timer){ .machine = machine, .fire = fire, .opaque = opaque };
}

void timer_mod(Timer *t, int64_t expire_ns)
{
    GPtrArray *timers = t->machine->timers->timers;
    unsigned i;

    timer_del(t);
    for (i = 0; i < timers->len; i++) {
        const Timer *other = g_ptr_array_index(timers, i);

        if (expire_ns < other->expire_ns) {
            break;
        }
    }
    t->expire_ns = expire_ns;
    t->armed = true;
    g_ptr_array_insert(timers, (int)i, t);
    schedule_source(t->machine->timers);
}

void timer_del(Timer *t)
{
    if (t->armed) {
        t->armed = false;
        g_ptr_array_remove(t->machine->timers->timers, t);
        schedule_source(t->machine->timers);
    }
}
