/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's virtual clock and its timers. The clock counts nanoseconds
 * from 0, stands still while the machine is paused, and under -accel qtest
 * moves only when the test says so. Timers fire in the main loop under the
 * machine lock.
 */
#ifndef SYSTEM_TIMER_H
#define SYSTEM_TIMER_H

typedef struct Machine Machine;

typedef struct Timer {
    Machine *machine;
    void (*fire)(void *opaque);
    void *opaque;
    int64_t expire_ns; /* valid while armed */
    bool armed;
} Timer;

/* Nanoseconds of virtual time. Any thread. */
int64_t machine_clock_ns(Machine *machine);

void timer_init(Timer *t, Machine *machine, void (*fire)(void *opaque),
                void *opaque);
/* (Re)arms @t, which the caller keeps in place until timer_del(). Machine
 * lock. */
void timer_mod(Timer *t, int64_t expire_ns);
/* Fine if it is not armed. Machine lock. */
void timer_del(Timer *t);

/* The list and its GSource in machine->timers. */
typedef struct TimerList TimerList;
TimerList *timer_list_new(Machine *machine);
void timer_list_free(TimerList *list);

/* The clock runs or stands; called as the machine starts and stops. Machine
 * lock. */
void timer_list_set_running(TimerList *list, bool running);

/* Under test control: moves the clock to @ns (never back), firing what falls
 * due on the way. Machine lock. */
void timer_list_step_to(TimerList *list, int64_t ns);

/* When the next timer is due, or -1. Machine lock. */
int64_t timer_list_deadline_ns(TimerList *list);

#endif
