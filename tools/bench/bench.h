/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vhost-scsi-bench: drives /dev/vhost-scsi as a guest's driver would, without a
 * guest. A machine on the accelerator qtest has the device, made by the same
 * code as the emulator's, and threads of this program are its driver: they
 * write virtio-scsi requests into split rings in the machine's RAM and wait for
 * the kernel's workers.
 *
 *     bench_options_parse() -> bench_open() -> bench_run() -> bench_report()
 *                                           -> bench_close()
 *
 * A job is a thread that serves one queue. Jobs of one queue take turns at it
 * under its lock, so that what is in flight is depth times jobs. The main
 * thread sleeps, looks at the workers every now and then, and tells the jobs
 * when to begin and to stop.
 */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include "hw/scsi/vhost-scsi.h"
#include "system/machine.h"

#include <linux/virtio_ring.h>

#define BENCH_QUEUES_MAX     VHOST_SCSI_QUEUES_MAX
#define BENCH_IN_FLIGHT_MAX  VHOST_SCSI_RING_SIZE_MAX /* of one queue */
#define BENCH_JOBS_MAX       1024
#define BENCH_SECONDS_MAX    86400
#define BENCH_MOVES_MAX      1000000
#define BENCH_BLOCK_SIZE_MIN 512
#define BENCH_BLOCK_SIZE_MAX (1 * MiB)
#define BENCH_MEMORY_MAX     (1 * GiB) /* of data in flight */
#define BENCH_LUN_MAX        16383
#define BENCH_TPGT_MAX       255
#define BENCH_SAMPLES_MAX    1000 /* looks at the workers in one run */
#define BENCH_TICK_MS        100  /* between two of them, at least */
#define BENCH_DRAIN_SECONDS  30   /* until what has not come back is lost */

/* --- options.c --- */

typedef enum BenchRw {
    BENCH_READ,
    BENCH_WRITE,
    BENCH_VERIFY
} BenchRw;
typedef enum BenchPattern {
    BENCH_RANDOM,
    BENCH_SEQUENTIAL
} BenchPattern;

extern const char *const bench_rw_names[];
extern const char *const bench_pattern_names[];

/* Strings are borrowed from the command line. */
typedef struct BenchConfig {
    const char *wwpn;
    const char *workers;     /* MODE as given */
    const char *worker_cpus; /* NULL: anywhere */
    const char *json;        /* path, "-"; NULL: none */
    const char *trace;       /* shell pattern of trace points; NULL: none */
    uint64_t tpgt, lun;
    uint64_t queues, depth, jobs; /* jobs 0: one for each queue */
    uint64_t block_size;          /* bytes */
    uint64_t seconds, warmup, idle;
    uint64_t moves; /* of queues between workers, while I/O runs */
    uint64_t rw;    /* BenchRw */
    uint64_t pattern;
    uint64_t destroy_data, help, version; /* switches */
} BenchConfig;

/* Checks what stands for itself; the message names the option. */
bool bench_options_parse(BenchConfig *c, int argc, char **argv, GError **errp);
void bench_options_help(FILE *f);

/* The properties of vhost-scsi-pci that @c asks for, for rings of @ring_size.
 * The caller puts it. NULL on failure. */
json_object *bench_device_options(const BenchConfig *c, unsigned ring_size,
                                  GError **errp);

/* --- histogram.c --- */

/* Latencies in buckets of 1/32 of their power of two: at most 3 % off. */
#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

typedef struct Histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t count, sum_ns, max_ns;
} Histogram;

void histogram_add(Histogram *h, uint64_t ns);
void histogram_merge(Histogram *h, const Histogram *other);
/* The latency that @per_mille of 1000 requests did not exceed; 0 without any. */
uint64_t histogram_percentile(const Histogram *h, unsigned per_mille);

/* --- ring.c, io.c --- */

typedef struct Bench Bench;

/* A request, and where it is on its way. */
typedef struct BenchSlot {
    struct virtio_scsi_cmd_req *req;
    struct virtio_scsi_cmd_resp *resp;
    struct vring_desc *table; /* request, response, data: indirect */
    uint8_t *data;
    int64_t start_ns;
    uint64_t stamp; /* verify: what was written */
    uint64_t block; /* verify: where, in units of the block size */
    bool written;   /* verify: the read is on its way */
} BenchSlot;

/* The driver's half of a virtqueue. The lock guards all but what is set once. */
typedef struct BenchQueue {
    Bench *bench;
    VirtQueue *vq; /* borrowed */
    unsigned index;
    unsigned size;    /* of the ring: a power of two */
    unsigned n_slots; /* requests that may be in flight: head = slot */
    BenchSlot *slots; /* owned */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;

    GMutex lock;
    uint16_t avail_idx, published; /* filled in; shown to the device */
    uint16_t used_seen;
    unsigned in_flight;
    uint64_t random, cursor;

    bool stopping;  /* nothing new is submitted */
    bool measuring; /* latencies count */
    uint64_t done;  /* since the start, good or bad */
    uint64_t errors, mismatches;
    Histogram latency;
} BenchQueue;

/* The ring and its slots at guest address @gpa; returns the first free address
 * behind. With @ram NULL it only adds up. */
uint64_t bench_queue_place(BenchQueue *q, const GuestRam *ram, uint64_t gpa);
/* Puts slot @slot into the ring; shown by bench_queue_publish(). Lock. */
void bench_queue_add(BenchQueue *q, unsigned slot);
void bench_queue_publish(BenchQueue *q);
/* The next slot that has come back, or -1. Lock. */
int bench_queue_next_used(BenchQueue *q);
/* Asks for a notification; false: something has come back meanwhile. Lock. */
bool bench_queue_arm(BenchQueue *q);
/* Whether bench_queue_wait() sleeps: off except while jobs run, since the device
 * drains its notifiers when it is reset. */
bool bench_queue_set_blocking(BenchQueue *q, bool on, GError **errp);
/* Takes a notification, and waits for it: one system call, where poll(2) would
 * take two. One of the jobs that wait gets it. No lock. */
void bench_queue_wait(BenchQueue *q);
/* Sets up the tables of a slot for data to or from the device. */
void bench_slot_set_direction(BenchQueue *q, BenchSlot *s, bool to_device,
                              uint32_t bytes);

/* Finds out how big the disk is. No job runs. */
bool bench_read_capacity(Bench *b, GError **errp);
/* Submits all that may be in flight, and starts the jobs. */
bool bench_jobs_start(Bench *b, GError **errp);
/* Jobs end when nothing is in flight any more; what is after
 * BENCH_DRAIN_SECONDS is b->lost. */
void bench_jobs_stop(Bench *b);
/* Whether latencies count from now on; begins anew when set. */
void bench_set_measuring(Bench *b, bool on);
/* Requests done by all queues since the start. */
uint64_t bench_done(Bench *b);

/* --- device.c, run.c --- */

typedef struct BenchSample {
    int64_t ms; /* since the start of the jobs */
    unsigned workers;
    uint64_t done;
} BenchSample;

struct Bench {
    const BenchConfig *config;
    Machine *machine;
    GThread *loop; /* serves the machine's main loop */
    Device *dev;   /* the adapter; the machine's */
    VirtIODevice *vdev;
    int signals; /* signalfd, borrowed */
    bool interrupted;

    unsigned n_queues, n_jobs;
    unsigned n_active;  /* queues that have a job: the first ones */
    BenchQueue *queues; /* owned */
    GThread **jobs;
    uint8_t lun[8];
    uint32_t logical_block; /* bytes */
    uint64_t blocks;        /* of the disk, in units of the block size */
    gint deadline_passed;   /* atomic: jobs end at once */

    int64_t start_ns, measured_ns; /* start of the jobs; how long it counted */
    unsigned lost;
    GArray *samples;    /* BenchSample */
    GHashTable *run_ns; /* tid -> run time at the last look (int64_t *) */
    uint64_t cpu_ns;    /* of workers, while it counted */
    bool cpu_known;
    json_object *workers; /* as they were when the measurement ended */
    uint64_t moves;       /* done */
    Histogram latency;    /* of all queues */
};

/* The machine with its device, up to DRIVER_OK. On failure bench_close() takes
 * what there is. */
bool bench_open(Bench *b, const BenchConfig *c, GError **errp);
void bench_close(Bench *b);

/* Carries out the whole run. False: it could not; errors of requests are in the
 * figures. */
bool bench_run(Bench *b, GError **errp);

static inline int64_t bench_now_ns(void)
{
    return g_get_monotonic_time() * 1000;
}

/* --- report.c --- */

typedef struct BenchTotals {
    uint64_t requests, errors, mismatches;
    double seconds, iops, mib_per_s;
} BenchTotals;

BenchTotals bench_totals(Bench *b);
void bench_report_table(Bench *b, FILE *f);
/* Writes the file that --json names. */
bool bench_report_json(Bench *b, GError **errp);

#endif
