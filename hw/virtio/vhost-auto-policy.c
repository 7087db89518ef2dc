/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost-auto-policy.h"

#define NO_SLOT UINT_MAX

/* Trials that do not pay are remembered by what was tried: splitting a worker
 * that has time to spare, or a saturated one with two, three, or more busy
 * queues, and merging two workers. */
enum {
    TRY_SPLIT_EARLY,
    TRY_SPLIT_2,
    TRY_SPLIT_3,
    TRY_SPLIT_MORE,
    TRY_MERGE,
    TRY_KINDS
};

typedef struct Queue {
    unsigned slot;
    uint16_t taken;  /* at the last sample */
    uint64_t count;  /* requests in this window */
    uint64_t rate;   /* requests per second, of the last whole window */
    bool busy;       /* in that window */
    bool in_trial;   /* its rate is part of the trial's */
    unsigned before; /* its slot before the merge on trial */
} Queue;

typedef struct Slot {
    bool live;
    VhostAutoWorker start; /* counters at the start of the window */
    /* Of the last whole window. */
    unsigned run, wait; /* permille */
    unsigned busy;      /* busy queues */
    uint64_t rate;
} Slot;

typedef struct Trial {
    bool on;
    bool undo; /* it did not pay, or the kernel refused a step of it */
    unsigned kind;
    uint64_t rate; /* before */
    unsigned busy; /* queues, before */
    unsigned n_steps;
    struct {
        unsigned from, to;
    } step[VHOST_AUTO_TRIAL_SPLITS];
} Trial;

struct VhostAuto {
    unsigned n_queues, max_workers, n_workers;
    Queue *queues;
    Slot *slots;
    unsigned *list; /* the queues of an action; sorted queues while deciding */

    bool started; /* the window has a start */
    int64_t start_ns, now_ns;
    unsigned idle_windows, quiet_windows;

    VhostAutoAction pending; /* not NONE: vhost_auto_done() is due */
    Trial trial;
    int64_t pause_ns[TRY_KINDS]; /* the last one, 0 after a success */
    int64_t next_ns[TRY_KINDS];
    int64_t refused_ns; /* no change before */
};

unsigned vhost_auto_max_workers(unsigned n_queues, unsigned n_cpus)
{
    return MAX(1, MIN(n_queues, n_cpus));
}

VhostAuto *vhost_auto_new(unsigned n_queues, unsigned max_workers)
{
    VhostAuto *a = g_new0(VhostAuto, 1);

    assert(max_workers >= 1 && max_workers <= n_queues);
    a->n_queues = n_queues;
    a->max_workers = max_workers;
    a->n_workers = 1;
    a->queues = g_new0(Queue, n_queues);
    a->slots = g_new0(Slot, max_workers);
    a->list = g_new0(unsigned, n_queues);
    a->slots[0].live = true;
    a->refused_ns = INT64_MIN;
    for (unsigned i = 0; i < TRY_KINDS; i++) {
        a->next_ns[i] = INT64_MIN;
    }
    return a;
}

void vhost_auto_free(VhostAuto *a)
{
    if (!a) {
        return;
    }
    g_free(a->queues);
    g_free(a->slots);
    g_free(a->list);
    g_free(a);
}

unsigned vhost_auto_slot_of(const VhostAuto *a, unsigned queue)
{
    assert(queue < a->n_queues);
    return a->queues[queue].slot;
}

unsigned vhost_auto_n_workers(const VhostAuto *a)
{
    return a->n_workers;
}

bool vhost_auto_slot_in_use(const VhostAuto *a, unsigned slot)
{
    assert(slot < a->max_workers);
    return a->slots[slot].live;
}

void vhost_auto_restart(VhostAuto *a)
{
    a->started = false;
    a->trial.on = false;
    a->idle_windows = a->quiet_windows = 0;
}

/* --- measuring --- */

static void window_start(VhostAuto *a, const VhostAutoReading *r)
{
    for (unsigned i = 0; i < a->n_queues; i++) {
        a->queues[i].taken = r->taken[i];
        a->queues[i].count = 0;
    }
    for (unsigned i = 0; i < a->max_workers; i++) {
        if (a->slots[i].live) {
            a->slots[i].start = r->workers[i];
        }
    }
    a->start_ns = r->now_ns;
    a->started = true;
}

static void count_requests(VhostAuto *a, const VhostAutoReading *r)
{
    for (unsigned i = 0; i < a->n_queues; i++) {
        Queue *q = &a->queues[i];

        q->count += (uint16_t)(r->taken[i] - q->taken);
        q->taken = r->taken[i];
    }
}

/* Counters that go back (a worker that is another one now) count as 0. */
static unsigned permille(uint64_t start, uint64_t end, int64_t ns)
{
    uint64_t spent = end > start ? end - start : 0;

    return (unsigned)(MIN(spent, (uint64_t)ns) * 1000 / (uint64_t)ns);
}

static void measure_window(VhostAuto *a, const VhostAutoReading *r)
{
    int64_t ns = r->now_ns - a->start_ns;
    uint64_t top = 0;

    for (unsigned i = 0; i < a->max_workers; i++) {
        Slot *s = &a->slots[i];

        s->rate = s->busy = s->run = s->wait = 0;
        if (s->live) {
            s->run = permille(s->start.run_ns, r->workers[i].run_ns, ns);
            s->wait = permille(s->start.wait_ns, r->workers[i].wait_ns, ns);
        }
    }
    for (unsigned i = 0; i < a->n_queues; i++) {
        Queue *q = &a->queues[i];

        q->rate = (uint64_t)((double)q->count * NANOSECONDS_PER_SECOND /
                             (double)ns);
        top = MAX(top, q->rate);
    }
    for (unsigned i = 0; i < a->n_queues; i++) {
        Queue *q = &a->queues[i];

        q->busy = q->rate >=
                  MAX(top / VHOST_AUTO_BUSY_PART, VHOST_AUTO_BUSY_MIN);
        a->slots[q->slot].rate += q->rate;
        a->slots[q->slot].busy += q->busy;
    }
}

static bool is_idle(const VhostAuto *a)
{
    for (unsigned i = 0; i < a->max_workers; i++) {
        if (a->slots[i].rate || a->slots[i].run) {
            return false;
        }
    }
    return true;
}

static bool is_saturated(const Slot *s)
{
    return s->run + s->wait >= VHOST_AUTO_SATURATED_PERMILLE;
}

static uint64_t trial_rate(const VhostAuto *a, unsigned *ret_busy)
{
    uint64_t sum = 0;

    *ret_busy = 0;
    for (unsigned i = 0; i < a->n_queues; i++) {
        if (a->queues[i].in_trial) {
            sum += a->queues[i].rate;
            *ret_busy += a->queues[i].busy;
        }
    }
    return sum;
}

/* --- changing --- */

static VhostAutoAction no_action(void)
{
    return (VhostAutoAction){ .kind = VHOST_AUTO_NONE };
}

static VhostAutoAction begin_change(VhostAuto *a, VhostAutoKind kind,
                                    unsigned from, unsigned to,
                                    unsigned n_queues)
{
    a->pending = (VhostAutoAction){ .kind = kind,
                                    .from = from,
                                    .to = to,
                                    .queues = a->list,
                                    .n_queues = n_queues };
    return a->pending;
}

static unsigned free_slot(const VhostAuto *a)
{
    for (unsigned i = 0; i < a->max_workers; i++) {
        if (!a->slots[i].live) {
            return i;
        }
    }
    return NO_SLOT;
}

static VhostAutoAction merge_slots(VhostAuto *a, unsigned from, unsigned to)
{
    unsigned n = 0;

    for (unsigned i = 0; i < a->n_queues; i++) {
        if (a->queues[i].slot == from) {
            a->list[n++] = i;
        }
    }
    return begin_change(a, VHOST_AUTO_MERGE, from, to, n);
}

static int by_rate(gconstpointer x, gconstpointer y, gpointer opaque)
{
    const VhostAuto *a = opaque;
    unsigned i = *(const unsigned *)x, j = *(const unsigned *)y;
    uint64_t ri = a->queues[i].rate, rj = a->queues[j].rate;

    return ri != rj ? (ri > rj ? -1 : 1) : (i > j) - (i < j);
}

/* Two parts with as much to do as each other: each queue, the busiest first,
 * goes to the part that has less. The part with fewer queues moves. */
static VhostAutoAction split_slot(VhostAuto *a, unsigned from)
{
    unsigned n = 0, n_part[2] = { 0 }, moves;
    uint64_t rate[2] = { 0 };
    g_autofree unsigned *both = g_new(unsigned, 2 * a->n_queues);
    unsigned *part[2] = { both, both + a->n_queues };

    for (unsigned i = 0; i < a->n_queues; i++) {
        if (a->queues[i].slot == from) {
            a->list[n++] = i;
        }
    }
    g_qsort_with_data(a->list, (int)n, sizeof(*a->list), by_rate, a);
    for (unsigned i = 0; i < n; i++) {
        int p = rate[1] < rate[0] ||
                (rate[1] == rate[0] && n_part[1] < n_part[0]);

        rate[p] += a->queues[a->list[i]].rate;
        part[p][n_part[p]++] = a->list[i];
    }
    moves = n_part[0] < n_part[1] ? 0 : 1;
    memcpy(a->list, part[moves], n_part[moves] * sizeof(*a->list));
    return begin_change(a, VHOST_AUTO_SPLIT, from, free_slot(a), n_part[moves]);
}

/* --- trials --- */

static void trial_start(VhostAuto *a, unsigned kind)
{
    a->trial = (Trial){ .on = true, .kind = kind };
}

static void trial_takes(VhostAuto *a, unsigned slot)
{
    for (unsigned i = 0; i < a->n_queues; i++) {
        Queue *q = &a->queues[i];

        if (q->slot == slot) {
            q->in_trial = true;
            q->before = slot;
        }
    }
    a->trial.rate = trial_rate(a, &a->trial.busy);
}

static void trial_end(VhostAuto *a)
{
    a->trial.on = false;
    for (unsigned i = 0; i < a->n_queues; i++) {
        a->queues[i].in_trial = false;
    }
}

static void wait_longer(VhostAuto *a, unsigned kind)
{
    int64_t *pause = &a->pause_ns[kind];

    *pause = CLAMP(*pause * 2, VHOST_AUTO_RETRY_MIN_NS,
                   VHOST_AUTO_RETRY_MAX_NS);
    a->next_ns[kind] = a->now_ns + *pause;
}

static void trial_paid(VhostAuto *a)
{
    if (a->trial.kind == TRY_MERGE) {
        /* A load that comes and goes moves both verdicts. */
        wait_longer(a, TRY_SPLIT_EARLY);
    }
    if (a->trial.kind != TRY_SPLIT_EARLY) {
        a->pause_ns[a->trial.kind] = 0;
    }
    trial_end(a);
}

static void trial_failed(VhostAuto *a)
{
    wait_longer(a, a->trial.kind);
    a->trial.undo = true;
}

/* The queues that the merge took away get a worker again. */
static VhostAutoAction undo_merge(VhostAuto *a, unsigned from, unsigned to)
{
    unsigned n = 0;

    for (unsigned i = 0; i < a->n_queues; i++) {
        if (a->queues[i].in_trial && a->queues[i].before == from) {
            a->list[n++] = i;
        }
    }
    return begin_change(a, VHOST_AUTO_SPLIT, to, free_slot(a), n);
}

static VhostAutoAction undo_step(VhostAuto *a)
{
    Trial *t = &a->trial;
    unsigned i;

    if (!t->n_steps) {
        trial_end(a);
        return no_action();
    }
    i = --t->n_steps;
    if (t->kind == TRY_MERGE) {
        return undo_merge(a, t->step[i].from, t->step[i].to);
    }
    return merge_slots(a, t->step[i].to, t->step[i].from);
}

static bool may_split(const Slot *s)
{
    /* A saturated one that gets the processor for less than half of the time it
     * wants it would have to share it with its other half. */
    return s->live && s->run + s->wait >= VHOST_AUTO_TRY_PERMILLE &&
           s->busy >= 2 && (s->wait <= s->run || !is_saturated(s));
}

/* Of those the one with most requests, within the trial if there is one. */
static unsigned pick_split(const VhostAuto *a, const bool *allowed)
{
    unsigned best = NO_SLOT;

    if (free_slot(a) == NO_SLOT) {
        return NO_SLOT;
    }
    for (unsigned i = 0; i < a->max_workers; i++) {
        const Slot *s = &a->slots[i];

        if (may_split(s) && (!allowed || allowed[i]) &&
            (best == NO_SLOT || s->rate > a->slots[best].rate)) {
            best = i;
        }
    }
    return best;
}

static unsigned split_kind(const Slot *s)
{
    return !is_saturated(s) ? TRY_SPLIT_EARLY
           : s->busy == 2   ? TRY_SPLIT_2
           : s->busy == 3   ? TRY_SPLIT_3
                            : TRY_SPLIT_MORE;
}

static VhostAutoAction trial_split(VhostAuto *a, unsigned slot)
{
    VhostAutoAction action = split_slot(a, slot);
    Trial *t = &a->trial;

    t->step[t->n_steps].from = action.from;
    t->step[t->n_steps].to = action.to;
    t->n_steps++;
    return action;
}

/* A split that did not pay yet may do so with a further one. */
static unsigned pick_deeper(const VhostAuto *a)
{
    g_autofree bool *allowed = g_new0(bool, a->max_workers);

    if (a->trial.kind == TRY_MERGE ||
        a->trial.n_steps == VHOST_AUTO_TRIAL_SPLITS) {
        return NO_SLOT;
    }
    for (unsigned i = 0; i < a->n_queues; i++) {
        unsigned slot = a->queues[i].slot;

        allowed[slot] |= a->queues[i].in_trial && is_saturated(&a->slots[slot]);
    }
    return pick_split(a, allowed);
}

static bool trial_has_paid(const VhostAuto *a, uint64_t rate)
{
    const Trial *t = &a->trial;

    if (rate * 100 >= t->rate * (100 + VHOST_AUTO_GAIN_PERCENT)) {
        return true;
    }
    /* As much from one worker that has time to spare. */
    return t->kind == TRY_MERGE && !is_saturated(&a->slots[t->step[0].to]) &&
           rate * 100 >= t->rate * (100 - VHOST_AUTO_LOSS_PERCENT);
}

/* Returns whether the window's decision is made. */
static bool judge_trial(VhostAuto *a, VhostAutoAction *ret_action)
{
    unsigned busy, deeper;
    uint64_t rate = trial_rate(a, &busy);

    if (!a->trial.undo) {
        if (busy * 2 <= a->trial.busy) {
            /* It is another load now, and says nothing about the change. */
            trial_end(a);
            return false;
        }
        if (trial_has_paid(a, rate)) {
            trial_paid(a);
            return false;
        }
        deeper = pick_deeper(a);
        if (deeper != NO_SLOT) {
            *ret_action = trial_split(a, deeper);
            return true;
        }
        trial_failed(a);
    }
    *ret_action = undo_step(a);
    return true;
}

/* --- deciding --- */

static bool try_split(VhostAuto *a, VhostAutoAction *ret_action)
{
    g_autofree bool *allowed = g_new0(bool, a->max_workers);
    unsigned slot, kind;

    for (unsigned i = 0; i < a->max_workers; i++) {
        allowed[i] = a->now_ns >= a->next_ns[split_kind(&a->slots[i])];
    }
    slot = pick_split(a, allowed);
    if (slot == NO_SLOT) {
        return false;
    }
    kind = split_kind(&a->slots[slot]);
    trial_start(a, kind);
    trial_takes(a, slot);
    *ret_action = trial_split(a, slot);
    return true;
}

/* The two workers that rank lowest by @value, which answers UINT64_MAX for one
 * that is no candidate. */
static bool lowest_two(const VhostAuto *a, uint64_t (*value)(const Slot *s),
                       unsigned *ret_low, unsigned *ret_next)
{
    unsigned low = NO_SLOT, next = NO_SLOT;

    for (unsigned i = 0; i < a->max_workers; i++) {
        uint64_t v = a->slots[i].live ? value(&a->slots[i]) : UINT64_MAX;

        if (v == UINT64_MAX) {
            continue;
        }
        if (low == NO_SLOT || v < value(&a->slots[low])) {
            next = low;
            low = i;
        } else if (next == NO_SLOT || v < value(&a->slots[next])) {
            next = i;
        }
    }
    *ret_low = low;
    *ret_next = next;
    return next != NO_SLOT;
}

static uint64_t run_of(const Slot *s)
{
    return s->run;
}

static uint64_t rate_of_single(const Slot *s)
{
    return s->busy == 1 ? s->rate : UINT64_MAX;
}

/* Two that are quiet, or two that have one busy queue each: together they may
 * keep one worker awake, which then takes requests in batches. */
static bool pick_merge(const VhostAuto *a, unsigned *ret_x, unsigned *ret_y)
{
    if (lowest_two(a, run_of, ret_x, ret_y)) {
        const Slot *x = &a->slots[*ret_x], *y = &a->slots[*ret_y];

        if ((!x->busy && x->run <= VHOST_AUTO_IDLE_PERMILLE) ||
            (x->run + y->run <= VHOST_AUTO_QUIET_PERMILLE && !is_saturated(x) &&
             !is_saturated(y) &&
             (!x->busy || !y->busy || a->now_ns >= a->next_ns[TRY_MERGE]))) {
            return true;
        }
    }
    return a->now_ns >= a->next_ns[TRY_MERGE] &&
           lowest_two(a, rate_of_single, ret_x, ret_y);
}

static bool try_merge(VhostAuto *a, VhostAutoAction *ret_action)
{
    unsigned x, y, from, to;

    if (!pick_merge(a, &x, &y)) {
        a->quiet_windows = 0;
        return false;
    }
    if (++a->quiet_windows < VHOST_AUTO_HOLD_WINDOWS) {
        return false;
    }
    from = MAX(x, y);
    to = MIN(x, y);
    if (a->slots[x].busy && a->slots[y].busy) {
        trial_start(a, TRY_MERGE);
        trial_takes(a, x);
        trial_takes(a, y);
        a->trial.step[a->trial.n_steps].from = from;
        a->trial.step[a->trial.n_steps].to = to;
        a->trial.n_steps++;
        a->quiet_windows = 0;
    }
    *ret_action = merge_slots(a, from, to);
    return true;
}

static VhostAutoAction decide_action(VhostAuto *a)
{
    VhostAutoAction action = no_action();

    a->idle_windows = is_idle(a) ? a->idle_windows + 1 : 0;
    if (a->idle_windows >= VHOST_AUTO_SLEEP_WINDOWS && a->n_workers == 1) {
        return (VhostAutoAction){ .kind = VHOST_AUTO_SLEEP };
    }
    if (a->now_ns < a->refused_ns) {
        return action;
    }
    if (a->trial.on && judge_trial(a, &action)) {
        return action;
    }
    if (!try_split(a, &action)) {
        (void)try_merge(a, &action);
    }
    return action;
}

VhostAutoAction vhost_auto_sample(VhostAuto *a, const VhostAutoReading *r)
{
    VhostAutoAction action;

    if (a->pending.kind != VHOST_AUTO_NONE) {
        return no_action();
    }
    if (!a->started) {
        window_start(a, r);
        return no_action();
    }
    count_requests(a, r);
    if (r->now_ns - a->start_ns < VHOST_AUTO_WINDOW_NS) {
        return no_action();
    }
    a->now_ns = r->now_ns;
    measure_window(a, r);
    action = decide_action(a);
    window_start(a, r);
    return action;
}

void vhost_auto_done(VhostAuto *a, int64_t now_ns, bool ok)
{
    const VhostAutoAction *p = &a->pending;

    assert(p->kind == VHOST_AUTO_SPLIT || p->kind == VHOST_AUTO_MERGE);
    if (ok) {
        for (unsigned i = 0; i < p->n_queues; i++) {
            a->queues[p->queues[i]].slot = p->to;
        }
        if (p->kind == VHOST_AUTO_SPLIT) {
            a->slots[p->to].live = true;
            a->n_workers++;
        } else {
            a->slots[p->from].live = false;
            a->n_workers--;
        }
    } else {
        /* What the trial has done so far stays. */
        a->refused_ns = now_ns + VHOST_AUTO_REFUSED_NS;
        trial_end(a);
    }
    a->pending = no_action();
    a->started = false;
}
