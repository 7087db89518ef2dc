/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside libfake-vhost.so: its one state object and what its files offer each
 * other. Plain C on purpose (no glib): it is called from inside open() and
 * close(), also in a child between fork() and exec().
 *
 * Locks, outermost first: device (mutex, held over a whole ioctl as in the
 * kernel), queue, LUN, fake.lock (tables, knobs, counters; never held long).
 */
#ifndef TESTS_FAKE_VHOST_FAKE_H
#define TESTS_FAKE_VHOST_FAKE_H

#include <linux/vhost.h>
#include <linux/vhost-worker.h>
#include <linux/virtio_scsi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "fake-vhost.h"

#define FAKE_TARGETS_MAX    16
#define FAKE_LUNS_MAX       255
#define FAKE_RULES_MAX      64
#define FAKE_IO_VQS_MAX     1024
#define FAKE_WORKERS_MAX    4096
#define FAKE_TRACE_MAX      100000 /* records in memory; the oldest go first */
#define FAKE_IOV_MAX        1024   /* descriptors of one request */
#define FAKE_PAGES_MAX      2048   /* that its data may touch */
#define FAKE_FDS_MAX        65536  /* devices have no descriptor from here on */
#define FAKE_PR_KEYS_MAX    FAKE_TARGETS_MAX
#define FAKE_BLOCK          512u
#define FAKE_WWPN_MAX       224
#define FAKE_QUEUE_CONTROL  0
#define FAKE_QUEUE_EVENT    1
#define FAKE_QUEUE_REQUESTS 2
#define FAKE_BACKEND_FEATURES \
    (UINT64_C(1) << VHOST_BACKEND_F_IOTLB_MSG_V2) /* of net and vsock */

typedef struct FakeDevice FakeDevice;
typedef struct FakeQueue FakeQueue;
typedef struct FakeWorker FakeWorker;
typedef struct FakeCommand FakeCommand;

/* The kernel's drivers that are stood in for. */
typedef enum FakeKindId {
    FAKE_SCSI,
    FAKE_NET,
    FAKE_VSOCK,
    FAKE_KINDS
} FakeKindId;

/* Who may call: what a call answers that comes too early or from elsewhere. */
typedef enum FakeNeeds {
    NEEDS_NOTHING,
    NEEDS_OWNER,      /* EPERM for all but the owner's process */
    NEEDS_OWNER_EARLY /* EINVAL as long as there is none; else the same */
} FakeNeeds;

typedef struct FakeIoctl {
    unsigned long request;
    const char *name;
    FakeNeeds needs;
    unsigned since; /* kernel; 0: all */
    /* -errno; device mutex held */
    int (*handle)(FakeDevice *dev, unsigned long request, void *arg);
} FakeIoctl;

/* What such a driver has of its own. */
typedef struct FakeKind {
    FakeKindId id;
    const char *name;  /* "scsi" for /dev/vhost-scsi */
    unsigned n_queues; /* 0: what max_io_vqs says */
    /* Offered, if no knob says otherwise; of Linux 6.1, and of later ones. */
    uint64_t features_61, features;
    const FakeIoctl *ioctls; /* beside those that all drivers have */
    unsigned n_ioctls;
    /* Serves a queue that runs. Its lock is held. */
    void (*service)(FakeQueue *vq);
    /* The device is closed: stops all queues and waits for what is in flight.
     * Device mutex. */
    void (*stop)(FakeDevice *dev);
} FakeKind;

extern const FakeKind fake_scsi, fake_net, fake_vsock;
extern const FakeKind *const fake_kinds[FAKE_KINDS]; /* by FakeKindId */

/* A guest's memory as SET_MEM_TABLE told it. */
typedef struct FakeMem {
    unsigned n;
    struct vhost_memory_region region[];
} FakeMem;

/* One request on its way: the buffers, as addresses of this process. */
struct FakeCommand {
    FakeQueue *vq;
    FakeCommand *next; /* in a list of held or of finished commands */
    uint16_t head;
    unsigned generation; /* of the device's counters of what is in flight */
    unsigned n_out, n_in;
    uint64_t out_len, in_len; /* bytes */
    uint32_t written;         /* bytes, for the used ring */
    struct iovec iov[];       /* n_out to read, then n_in to write */
};

struct FakeQueue {
    pthread_mutex_t lock;
    FakeDevice *dev;
    unsigned index;
    FakeWorker *worker; /* NULL before SET_OWNER */
    uint32_t num, busyloop;
    struct vhost_vring_addr addr;
    int kick_fd, call_fd, err_fd; /* ours (duplicates); -1: none */
    int backend_fd; /* the same; what vhost-net sends to and receives from */
    uint16_t last_avail; /* next entry of the available ring */
    uint16_t last_used;
    uint16_t signalled_used;
    bool signalled_valid;
    bool running; /* from the driver's last ioctl of a start on */
    bool mapped;  /* the rings were readable then */
    bool stalled; /* knob */
    bool set_up;  /* some vring ioctl named it */
    atomic_bool pending;
    FakeCommand *finished; /* to be given back by the worker */
    uint64_t requests, kicks, calls, errors;
};

struct FakeWorker {
    FakeDevice *dev;
    FakeWorker *next;
    uint32_t id;
    pthread_t thread;
    atomic_int tid; /* 0 until the thread runs */
    char name[16];
    int epoll_fd, wake_fd; /* -1: none */
    atomic_bool stop;
    unsigned attached; /* queues */
    atomic_uint_fast64_t requests;
};

struct FakeDevice {
    FakeDevice *next;
    const FakeKind *kind;
    int number; /* 1 for the first one opened */
    int fd;     /* a descriptor it was last seen under */
    unsigned refs;
    uint64_t inode; /* of the memfd */
    pthread_mutex_t mutex;
    pid_t owner;  /* 0: none */
    bool foreign; /* the owner is the parent of this process */
    uint8_t fork_owner;
    bool kthread;
    unsigned n_queues;
    FakeQueue *queue;
    FakeWorker *workers;
    FakeMem *mem;
    uint64_t features; /* acknowledged */
    int log_fd;        /* ours; -1: none */
    uint64_t log_base;
    char endpoint[FAKE_WWPN_MAX]; /* scsi: "" if none is set */
    bool events_missed;           /* scsi */
    uint64_t guest_cid;           /* vsock: 0 if none is set. fake.lock */
    struct FakePacket *packets;   /* vsock: for the driver. fake.lock */
    uint32_t received;            /* vsock: bytes of all connections */
    pthread_mutex_t flight_lock;
    pthread_cond_t flight_done;
    unsigned generation;   /* of new commands: 0 or 1 */
    unsigned in_flight[2]; /* by generation */
};

typedef struct FakeLun {
    pthread_mutex_t lock;
    bool present;
    uint8_t *data; /* NULL: this number was never used */
    uint64_t blocks;
    bool registered[FAKE_PR_KEYS_MAX]; /* by nexus, the index of its target */
    uint64_t key[FAKE_PR_KEYS_MAX];
    uint32_t pr_generation;
    bool attention[FAKE_PR_KEYS_MAX]; /* a reset is to be told, by nexus */
    int holder;                       /* nexus; -1: no reservation */
    uint8_t pr_type;
} FakeLun;

typedef struct FakeRule {
    char
        name[40]; /* of the ioctl, with VHOST_; "any"; "" if the slot is free */
    enum FakeRuleKind {
        FAKE_FAIL,
        FAKE_DELAY,
        FAKE_BLOCK_CALL
    } kind;
    uint64_t first, last; /* FAIL: which calls of that name */
    int error;            /* FAIL */
    unsigned ms;          /* DELAY */
    bool passes;          /* BLOCK_CALL: only those that wait already */
} FakeRule;

typedef struct FakeState {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a rule went away */

    /* knobs */
    unsigned kernel; /* 601, 605, 612, 617 */
    bool kthread;
    unsigned max_io_vqs, max_mem_regions;
    uint64_t features[FAKE_KINDS];
    atomic_bool hold, worker_lies, pid_namespace;
    FakeRule rules[FAKE_RULES_MAX];
    char targets[FAKE_TARGETS_MAX][FAKE_WWPN_MAX];
    bool target_up[FAKE_TARGETS_MAX];
    FakeLun luns[FAKE_LUNS_MAX];

    FakeDevice *devices;
    int devices_opened;
    struct FakeWaiter *waiting; /* blocked calls: knobs.c */
    atomic_uint held;
    FakeCommand *held_list;

    _Atomic(FakeDevice *) by_fd[FAKE_FDS_MAX];
} FakeState;

extern FakeState fake;

/* --- intercept.c: the C library behind ours --- */

int real_close(int fd);
/* A duplicate from 512 upward, close-on-exec; -errno. */
int fd_duplicate(int fd);
void fd_clear(int *fd);
pid_t current_tid(void);

/* --- device.c --- */

/* Answers like ioctl(): -1 and errno. */
int device_ioctl(FakeDevice *dev, unsigned long request, void *arg);
/* A device for a new memfd; NULL without memory. fake.lock is held. */
FakeDevice *device_new(const FakeKind *kind, int fd, uint64_t inode);
/* 0, or what a call answers that does not come from the owner. */
int device_check_owner(const FakeDevice *dev, FakeNeeds needs);
/* GET_ and SET_BACKEND_FEATURES, which some kinds have. */
int device_backend_features(FakeDevice *dev, unsigned long request, void *arg);
/* The last descriptor was closed: waits for what is in flight, ends workers. */
void device_free(FakeDevice *dev);
/* Keeps @dev alive over an ioctl, as an open file is. */
void device_hold(FakeDevice *dev);
void device_release(FakeDevice *dev);
/* All open devices, held. */
FakeDevice **devices_hold(unsigned *ret_n);
void devices_release(FakeDevice **list, unsigned n);
/* In the child of a fork(): no thread of ours is left. */
void device_after_fork(FakeDevice *dev);
/* Of an ioctl by name, with or without VHOST_; NULL: no such ioctl. */
const char *ioctl_full_name(const char *name);

/* What is in flight, so that ioctls can wait for it. */
void flight_begin(FakeDevice *dev, FakeCommand *c);
void flight_end(FakeDevice *dev, FakeCommand *c);
void flight_flush(FakeDevice *dev);

/* --- vring.c: the ioctls of one queue; -errno, device mutex held --- */

int vring_state(FakeDevice *dev, unsigned long request, void *arg);
int vring_addr(FakeDevice *dev, unsigned long request, void *arg);
int vring_file(FakeDevice *dev, unsigned long request, void *arg);
int vring_worker(FakeDevice *dev, unsigned long request, void *arg);
/* The queue an argument names by its first word. */
int vring_find(FakeDevice *dev, const void *arg, FakeQueue **ret_vq);

/* --- endpoint.c: the ioctls that only vhost-scsi has --- */

/* Index of the target of that name, dropped ones included; -1. fake.lock. */
int target_find(const char *wwpn);

/* --- worker.c --- */

/* 0 or -ENOMEM. The thread runs when this returns. Device mutex. */
int worker_new(FakeDevice *dev, FakeWorker **ret_worker);
void worker_free(FakeWorker *w);
/* NEW_WORKER and FREE_WORKER; -errno. Device mutex. */
int worker_ioctl(FakeDevice *dev, unsigned long request, void *arg);
FakeWorker *worker_find(FakeDevice *dev, uint32_t id);
/* Moves the queue; NULL: to nobody. Takes the queue's lock. */
void worker_attach(FakeWorker *w, FakeQueue *vq);
/* Starts and ends watching the queue's kick eventfd and its back end, where
 * queues of odd numbers send and the others receive. Queue's lock held. */
void worker_watch(FakeQueue *vq);
void worker_unwatch(FakeQueue *vq);
/* Makes its worker look at the queue. Queue's lock held. */
void worker_kick(FakeQueue *vq);
/* Makes @w look at @vq, which is its own. */
void worker_wake(FakeWorker *w, FakeQueue *vq);

/* --- ring.c: split virtqueues (virtio 1.2, 2.7); queue's lock held --- */

bool ring_access_ok(const FakeQueue *vq);
void ring_start(FakeQueue *vq);
/*
 * The next request: 1 and *@ret_command, 0 if there is none, -errno if the ring
 * is broken (then the err eventfd was signalled). free() releases it.
 */
int ring_pop(FakeQueue *vq, FakeCommand **ret_command);
/* Gives a request back; signals nothing. */
int ring_push(FakeQueue *vq, const FakeCommand *c);
/* Signals the driver if it wants that. */
void ring_signal(FakeQueue *vq);
void ring_notify_disable(FakeQueue *vq);
/* Whether more came meanwhile. */
bool ring_notify_enable(FakeQueue *vq);
/* vhost's answer to a driver's fault: the err eventfd. */
void ring_error(FakeQueue *vq);

/* --- user.c: memory of the caller, which may be anywhere; 0 or -EFAULT --- */

int user_read(void *to, uint64_t from, size_t len);
int user_write(uint64_t to, const void *from, size_t len);
/*
 * Copies between @buf and the command's buffers from byte @offset on; returns
 * how many bytes there were (at most @len), or -EFAULT. Marks in->written.
 */
int64_t command_read(const FakeCommand *c, uint64_t offset, void *buf,
                     size_t len);
int64_t command_write(const FakeCommand *c, uint64_t offset, const void *buf,
                      size_t len);

/* --- queue.c: how any queue is served; queue's lock held --- */

/* What became of a request. */
typedef enum FakeServed {
    SERVED,       /* it is queue_complete()'s, or held */
    SERVED_BAD,   /* nobody can make sense of it: it is lost */
    SERVED_LATER, /* not now: it stays in the ring */
} FakeServed;

/* Serves a queue until it is empty, and gives back what was finished. */
void queue_service(FakeQueue *vq);
/* Has @serve look at each request that is there. */
void queue_serve_all(FakeQueue *vq,
                     FakeServed (*serve)(FakeQueue *vq, FakeCommand *c));
/* A request is done: gives it back now. */
void queue_complete(FakeQueue *vq, FakeCommand *c);
/* The same after "unhold", if the backstore hangs. */
void queue_complete_or_hold(FakeQueue *vq, FakeCommand *c);
/* Ends commands that wait for "unhold". */
void queue_unhold(void);
/* No queue of the device runs any more; waits for what is in flight. */
void queue_stop_all(FakeDevice *dev);

/* --- request.c: what the queues of vhost-scsi carry --- */

void scsi_service(FakeQueue *vq);
/* Tells all running devices of a LUN that came or went. */
void queue_lun_event(unsigned lun, bool came);

/* --- scsi.c, scsi-pr.c: the target --- */

typedef struct ScsiTask {
    const FakeCommand *command;
    FakeLun *lun; /* NULL: no such LUN */
    unsigned lun_number;
    int nexus;
    const uint8_t *cdb;
    uint64_t out_offset, out_len; /* data from the driver */
    uint64_t in_offset, in_len;   /* data to the driver */
    uint64_t done;                /* bytes moved */
    uint64_t wanted;              /* bytes the CDB asks for */
    uint8_t status;
    uint8_t sense[96];
    unsigned sense_len; /* 0, or all of it */
} ScsiTask;

void scsi_execute(ScsiTask *t);
/* The answer to a command that wants data: writes what fits. */
void scsi_data_in(ScsiTask *t, const void *buf, size_t len);
/* Ends it with CHECK CONDITION; @asc is additional sense code << 8 | qualifier
 */
void scsi_fail(ScsiTask *t, uint8_t key, uint16_t asc);
void pr_in(ScsiTask *t);
void pr_out(ScsiTask *t);
/* Whether another nexus' reservation forbids this command. */
bool pr_conflict(const ScsiTask *t);
/* A LOGICAL UNIT RESET: every nexus will hear of it. */
void lun_reset(FakeLun *lun);
/* Adds a LUN; its number or -errno. Takes fake.lock. */
int lun_add(uint64_t bytes);
int lun_remove(unsigned lun);

/* --- tap.c: what stands in for /dev/net/tun --- */

/* Whether @fd is a socket that may stand for a tap. */
bool tap_is_socket(int fd);
/* As open(): -1 and errno. */
int tap_open(int flags);
/* @fd is about to be closed. */
void tap_close(int fd);
/* Answers an ioctl of a tap in *@ret and errno as ioctl() does; false if it is
 * none. */
bool tap_ioctl(int fd, unsigned long request, void *arg, int *ret);
/* NULL: a tap has no such ioctl. */
const char *tap_ioctl_name(const char *name);

/* --- knobs.c --- */

/* Reads FAKE_VHOST; ends the process if it is malformed. */
void knobs_init(void);
/* Adds a rule; NULL or what is wrong with it. Takes fake.lock. */
const char *knobs_fail(const char *name, const char *nth, const char *error,
                       const char *count);
const char *knobs_rule(enum FakeRuleKind kind, const char *name,
                       const char *ms);
/* Removes the rules of a kind, of that name if it is not NULL. */
void knobs_pass(void);
/* Waits while "open" or "close" is blocked. */
void knobs_wait(const char *name);
/* How many calls wait; one that was released does no longer. */
unsigned knobs_blocked(void);
void knobs_forget(enum FakeRuleKind kind, const char *name);
/* A call enters: counts it, delays it, holds it up; -errno if it must fail. */
int knobs_enter(const char *name);
bool parse_size(const char *text, uint64_t *ret_bytes);
bool parse_number(const char *text, uint64_t max, uint64_t *ret_value);
const char *target_add(const char *wwpn);

/* --- trace.c --- */

void trace_init(void);
/* Writes the arguments of a call before it is made. */
void trace_args(char *to, size_t size, unsigned long request, const void *arg);
/* @dev is NULL for a tap, which is traced as dev=0. */
void trace_call(const FakeDevice *dev, const char *name, const char *args,
                unsigned long request, const void *arg, int result);
/* Counts a call of that name and returns how many there were with it. */
uint64_t trace_count(const char *name);
uint64_t trace_counted(const char *name);
/* Calls @line with each record from number @from on. */
void trace_list(uint64_t from, void (*line)(void *opaque, const char *text),
                void *opaque);
void trace_reset(void);

/* --- control.c --- */

void control_init(void);
/* A child of fork() has no thread; its first use of a device starts one. */
void control_after_fork(void);
void control_ensure(void);
/* Something a "wait" may wait for has changed. */
void control_changed(void);

#endif
