/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulator of queues and workers for workers=auto. It is made to give the
 * figures published with the kernel's worker calls (Linux, June 2023) for one
 * worker and for a worker per queue, and what they leave open is varied: seven
 * worlds. Each change that is decided is checked against the rules: at most one
 * per second, slots that are there, every queue served by a live worker.
 */
#ifndef TESTS_UNIT_VHOST_AUTO_SIM_H
#define TESTS_UNIT_VHOST_AUTO_SIM_H

#include "hw/virtio/vhost-auto-policy.h"

#define SIM_N_QUEUES    16
#define SIM_UNLIMITED   1e9 /* requests per second that a job would like */
#define SIM_N_WORLDS    7
#define SIM_N_PUBLISHED 6

/* What the published figures do not tell. */
typedef struct SimWorld {
    const char *name;
    double single; /* how long a worker of one unlimited job runs */
    double shared; /* with several workers: how far two jobs of one worker keep
                    * it awake, 0 (not at all) to 1 (as with one worker) */
    bool capped;   /* nothing beats the better of the two static settings */
    double cpus;   /* that the workers get together */
} SimWorld;

/* The first one is "published". */
extern const SimWorld sim_worlds[SIM_N_WORLDS];

typedef struct SimPublished {
    unsigned jobs;
    double one, per_queue; /* thousands of requests per second */
} SimPublished;

extern const SimPublished sim_published[SIM_N_PUBLISHED];

typedef enum SimSetting {
    SIM_ONE_WORKER,
    SIM_PER_QUEUE,
    SIM_AUTO,
} SimSetting;

typedef struct Sim Sim;
struct Sim {
    const SimWorld *world; /* borrowed */
    VhostAuto *autos;      /* owned; NULL with a static setting */
    unsigned n_queues, max_workers;
    void (*trace)(Sim *s, double t); /* sets offered; may be NULL */
    double offered[SIM_N_QUEUES];    /* requests per second */
    unsigned slot[SIM_N_QUEUES];
    double rate[SIM_N_QUEUES], count[SIM_N_QUEUES];
    double run[SIM_N_QUEUES], wait[SIM_N_QUEUES]; /* of slots, seconds */
    bool live[SIM_N_QUEUES];
    uint64_t steps;
    uint32_t random;
    bool refuse; /* every change fails */
    bool asleep;
    unsigned samples, changes, refused, most_workers;
    double last_change;
};

/* Freed by sim_free(). */
Sim *sim_new(const SimWorld *world, SimSetting setting, unsigned max_workers);
void sim_free(Sim *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sim, sim_free)

/* Runs for @seconds and returns requests per second. */
double sim_run(Sim *s, double seconds);

/* @jobs queues, which are no neighbours, would like @each requests per second,
 * the others none. */
void sim_offer(Sim *s, unsigned jobs, double each);

/* 0.98 to 1.02, the same sequence each time. */
double sim_jitter(Sim *s);

/* The better of the two published settings, requests per second. */
double sim_published_best(unsigned jobs);

/* What a setting does under a steady load, and the better of the two static
 * ones; what it does under a @trace. Requests per second. */
double sim_static_rate(const SimWorld *w, SimSetting setting, unsigned jobs,
                       double each);
double sim_best_static(const SimWorld *w, unsigned jobs, double each);
double sim_trace_rate(SimSetting setting, void (*trace)(Sim *s, double t),
                      double seconds);

#endif
