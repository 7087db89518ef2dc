/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decisions of workers=auto: how many kernel workers a vhost device has and
 * which of them serves which request queue. Arithmetic only: no I/O, no ioctl,
 * no clock, no lock. The caller samples, carries out what is decided, and says
 * whether that worked:
 *
 *     auto = vhost_auto_new(n_request_queues, vhost_auto_max_workers(...));
 *     every VHOST_AUTO_SAMPLE_NS, in the control thread:
 *         action = vhost_auto_sample(auto, &reading);
 *         SPLIT  new worker in slot .to, attach .queues to it
 *         MERGE  attach .queues to the worker in slot .to, free slot .from
 *                either one: vhost_auto_done(auto, ok)
 *         SLEEP  stop the timer until the device is kicked
 *
 * Slots number the workers from 0. Slot 0 is the default worker, which serves
 * the control and event queues as well and is never merged away. Queues number
 * the request queues from 0: virtqueue 2 is queue 0. At first slot 0 serves all.
 *
 * What is known. schedstat tells of each worker how long it ran and how long it
 * waited for a processor. VHOST_GET_VRING_BASE, legal while the rings run,
 * tells of each queue how many requests were taken from it, modulo 65536. A
 * busy worker is only a hint: with two busy queues one saturated worker may be
 * faster than two. So every change that load calls for is a trial: what the
 * queues concerned get done is compared with before, and a change that does not
 * pay is undone and not tried again for a while. The rules in full, and what
 * they come to, stand in docs/system/devices/vhost-scsi-auto.rst.
 *
 * Waking up. A device that sleeps has one worker and no request, so that the
 * next request comes with a kick. The kernel does not read a kick eventfd, so
 * the caller drains those of the request queues once, when the device goes to
 * sleep, and watches them in the main loop: what makes one readable is the first
 * kick. Then the watches go and the timer starts. Nothing polls meanwhile. A caller that would rather look now and then
 * may call vhost_auto_sample() as rarely as it likes: with VHOST_AUTO_TICK_NS
 * between two samples, it goes on to answer SLEEP until something has run.
 */
#ifndef HW_VIRTIO_VHOST_AUTO_POLICY_H
#define HW_VIRTIO_VHOST_AUTO_POLICY_H

/* Between two samples while awake. A queue's count is modulo 65536: 100 ms
 * allows 655,000 requests per second of a queue, over twice what the published
 * figures show (244,000), and costs some microseconds per worker and queue. */
#define VHOST_AUTO_SAMPLE_NS INT64_C(100000000)
/* Between two looks at a device that sleeps, for a caller that has no kicks. */
#define VHOST_AUTO_TICK_NS   INT64_C(2000000000)
/* Between two decisions. Attaching a queue costs milliseconds (up to 24 ms
 * measured under emulation), so that one change per second costs about 1 %; and
 * a mean over a second hides the guest's scheduler. */
#define VHOST_AUTO_WINDOW_NS INT64_C(1000000000)

/* A worker that ran or wanted to run for this share of a window is worth a
 * trial. Far below 1: requests of one queue that find the worker with those of
 * another wait, and where each job has few requests under way (or a guest must
 * be woken for each), the wait is what it loses, though the worker has time. */
#define VHOST_AUTO_TRY_PERMILLE       400
/* Saturated: with this share. Below 1 because a worker that sleeps for a moment
 * at the end of each batch is as good as saturated. */
#define VHOST_AUTO_SATURATED_PERMILLE 900
/* Two workers that ran for no more than this together are one worker's work.
 * Well below "saturated", so that a steady load cannot go back and forth. */
#define VHOST_AUTO_QUIET_PERMILLE     600
/* A worker that ran for no more than this is idle. */
#define VHOST_AUTO_IDLE_PERMILLE      20
/* What a change must bring, in percent. Above the noise of a second's mean. */
#define VHOST_AUTO_GAIN_PERCENT       5
/* What a merge that leaves a worker with time to spare may cost, in percent.
 * Less than a split that was kept has brought, so that no load can make the two
 * take turns. */
#define VHOST_AUTO_LOSS_PERCENT       3
/* A queue is busy with this part of the busiest queue's requests, and at least
 * VHOST_AUTO_BUSY_MIN per second. Others ride along. */
#define VHOST_AUTO_BUSY_PART          16
#define VHOST_AUTO_BUSY_MIN           100
/* Windows for which workers must be quiet before two become one: bursts with
 * pauses of some seconds keep their workers. */
#define VHOST_AUTO_HOLD_WINDOWS       5
/* Windows without any request before the device sleeps. */
#define VHOST_AUTO_SLEEP_WINDOWS      2
/* After a trial that did not pay: the first pause, and the longest, to which it
 * doubles. A trial costs a second at, in the published figures, two thirds of
 * the throughput: at most 0.6 % in the long run. */
#define VHOST_AUTO_RETRY_MIN_NS       INT64_C(4000000000)
#define VHOST_AUTO_RETRY_MAX_NS       INT64_C(60000000000)
/* After a change that the kernel refused. Limits of threads do not go away by
 * asking again. */
#define VHOST_AUTO_REFUSED_NS         INT64_C(60000000000)
/* Splits within one trial. One split may not pay where three do. */
#define VHOST_AUTO_TRIAL_SPLITS       4

typedef struct VhostAuto VhostAuto;

/* Absolute values of /proc/self/task/TID/schedstat, in nanoseconds. */
typedef struct VhostAutoWorker {
    uint64_t run_ns;
    uint64_t wait_ns;
} VhostAutoWorker;

typedef struct VhostAutoReading {
    int64_t now_ns;                 /* any clock that does not go back */
    const VhostAutoWorker *workers; /* by slot; of free slots not read */
    const uint16_t *taken;          /* by queue: VHOST_GET_VRING_BASE */
} VhostAutoReading;

typedef enum VhostAutoKind {
    VHOST_AUTO_NONE,
    VHOST_AUTO_SPLIT,
    VHOST_AUTO_MERGE,
    VHOST_AUTO_SLEEP,
} VhostAutoKind;

typedef struct VhostAutoAction {
    VhostAutoKind kind;
    unsigned from, to;      /* slots; valid for SPLIT and MERGE */
    const unsigned *queues; /* to attach to .to; borrowed until the next call */
    unsigned n_queues;
} VhostAutoAction;

/* How many workers make sense: one for each of @n_queues (>= 1) at most, and
 * for each of @n_cpus, the processors that the workers may run on. */
unsigned vhost_auto_max_workers(unsigned n_queues, unsigned n_cpus);

/* @n_queues >= 1, 1 <= @max_workers <= @n_queues. Freed by vhost_auto_free(),
 * which takes NULL. */
VhostAuto *vhost_auto_new(unsigned n_queues, unsigned max_workers);
void vhost_auto_free(VhostAuto *a);

/*
 * One sample and what to do about it. The first one after a change or
 * vhost_auto_restart() only notes where the counters stand. Answers NONE until
 * vhost_auto_done() is called for a SPLIT or MERGE.
 */
VhostAutoAction vhost_auto_sample(VhostAuto *a, const VhostAutoReading *r);

/*
 * The outcome of the last SPLIT or MERGE. False: it failed, and the caller has
 * put every queue back where it was (or gives up workers=auto). No other change
 * is then tried for VHOST_AUTO_REFUSED_NS.
 */
void vhost_auto_done(VhostAuto *a, int64_t now_ns, bool ok);

/* The counters have jumped or time has passed unseen: the machine was stopped,
 * the rings were set anew. The mapping stays, a trial is over. */
void vhost_auto_restart(VhostAuto *a);

/* The slot that serves @queue, and how many slots have a worker. */
unsigned vhost_auto_slot_of(const VhostAuto *a, unsigned queue);
unsigned vhost_auto_n_workers(const VhostAuto *a);
bool vhost_auto_slot_in_use(const VhostAuto *a, unsigned slot);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhostAuto, vhost_auto_free)

#endif
