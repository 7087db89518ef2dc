/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's I/O program of the lab.
 *
 * busybox's dd cannot pin itself to a CPU, and the block layer picks the
 * hardware queue (the virtio request queue, hence the vhost worker) by the CPU
 * that submits. So every mode here runs one thread per CPU, pinned, with
 * O_DIRECT: the page cache must neither hide a lost write nor answer a read.
 *
 *   labio fill DEV MIB        random data to the first MIB MiB, read back by
 *                             another CPU and compared
 *   labio read DEV MIB        the first MIB MiB to standard output
 *   labio stress DEV SECONDS  checked writes and reads while the disk may
 *                             vanish and come back; SIGTERM ends it earlier
 *   labio bench DEV COUNT     COUNT single 4 KiB reads from one CPU
 *   labio large DEV KIB OFFSET  writes and reads so much at once, from memory
 *                             that begins OFFSET bytes behind a huge page, and
 *                             compares; says how many requests it took
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define MIB          (1024L * 1024L)
#define CHUNK        (64L * 1024L)
#define BLOCK        4096L
#define STRESS_START (32L * MIB) /* beyond what fill writes */
#define STRESS_BLOCKS \
    64 /* per thread; small, so that blocks are rewritten often */
#define MAX_CPUS 64

typedef struct {
    pthread_t thread;
    const char *dev;
    int cpu, cpus;
    uint8_t *data; /* fill: the whole random image, shared by all threads */
    long bytes;
    double seconds;
    long writes, reads, faults; /* faults: I/O errors; the disk was away */
    bool failed;
} Job;

static pthread_barrier_t filled;
static volatile sig_atomic_t ended; /* by SIGTERM */

static void end_early(int signo)
{
    ended = signo;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *aligned(long bytes)
{
    void *p = NULL;

    if (posix_memalign(&p, BLOCK, bytes)) {
        fprintf(stderr, "labio: out of memory\n");
        exit(2);
    }
    return p;
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set)) {
        perror("labio: sched_setaffinity");
        exit(2);
    }
}

static int open_disk(const char *dev, int flags)
{
    int fd = open(dev, flags | O_DIRECT | O_CLOEXEC);

    if (fd < 0) {
        fprintf(stderr, "labio: %s: %s\n", dev, strerror(errno));
        exit(2);
    }
    return fd;
}

/* Writes every cpus-th chunk, then reads what the next CPU wrote. */
static void *fill_thread(void *opaque)
{
    Job *j = opaque;
    uint8_t *back = aligned(CHUNK);
    int fd = open_disk(j->dev, O_RDWR);

    pin(j->cpu);
    for (long at = j->cpu * CHUNK; at < j->bytes; at += j->cpus * CHUNK) {
        if (pwrite(fd, j->data + at, CHUNK, at) != CHUNK) {
            fprintf(stderr, "labio: write at %ld: %s\n", at, strerror(errno));
            j->failed = true;
        }
        j->writes++;
    }
    pthread_barrier_wait(&filled);
    for (long at = ((j->cpu + 1) % j->cpus) * CHUNK; at < j->bytes;
         at += j->cpus * CHUNK) {
        if (pread(fd, back, CHUNK, at) != CHUNK) {
            fprintf(stderr, "labio: read at %ld: %s\n", at, strerror(errno));
            j->failed = true;
        } else if (memcmp(back, j->data + at, CHUNK)) {
            fprintf(stderr, "labio: data differ at %ld\n", at);
            j->failed = true;
        }
        j->reads++;
    }
    close(fd);
    free(back);
    return NULL;
}

/*
 * Every 8 bytes depend on thread, block and generation: a torn, stale or
 * misplaced block shows. Generation 0 means "never written here".
 */
static void stamp(uint64_t *block, int cpu, int nr, uint64_t gen)
{
    uint64_t x = ((uint64_t)cpu << 56) ^ ((uint64_t)nr << 40) ^ gen;

    for (long i = 0; i < BLOCK / 8; i++) {
        block[i] = x + (uint64_t)i * 0x9e3779b97f4a7c15ull;
    }
}

/* True if the block on the disk is of an allowed generation: the last
 * acknowledged one, or any tried since. */
static bool stamped_between(const uint64_t *got, uint64_t *want, int cpu,
                            int nr, uint64_t low, uint64_t high)
{
    for (uint64_t gen = low; gen <= high; gen++) {
        stamp(want, cpu, nr, gen);
        if (!memcmp(got, want, BLOCK)) {
            return true;
        }
    }
    return false;
}

static bool stress_one(Job *j, int fd, int nr, uint64_t *acked, uint64_t *tried,
                       uint64_t *out, uint64_t *in)
{
    long at = STRESS_START + ((long)j->cpu * STRESS_BLOCKS + nr) * BLOCK;

    stamp(out, j->cpu, nr, ++*tried);
    if (pwrite(fd, out, BLOCK, at) != BLOCK) {
        return false;
    }
    *acked = *tried;
    j->writes++;
    if (pread(fd, in, BLOCK, at) != BLOCK) {
        return false;
    }
    j->reads++;
    if (!stamped_between(in, out, j->cpu, nr, *acked, *tried)) {
        fprintf(stderr, "labio: cpu %d block %d: wrong data\n", j->cpu, nr);
        j->failed = true;
    }
    return true;
}

static void *stress_thread(void *opaque)
{
    Job *j = opaque;
    uint64_t acked[STRESS_BLOCKS] = { 0 }, tried[STRESS_BLOCKS] = { 0 };
    uint64_t *out = aligned(BLOCK), *in = aligned(BLOCK);
    double end = now() + j->seconds;
    int fd = -1;

    pin(j->cpu);
    for (int nr = 0; now() < end && !ended && !j->failed;
         nr = (nr + 1) % STRESS_BLOCKS) {
        if (fd < 0) {
            fd = open(j->dev, O_RDWR | O_DIRECT | O_CLOEXEC);
        }
        if (fd >= 0 && stress_one(j, fd, nr, &acked[nr], &tried[nr], out, in)) {
            continue;
        }
        j->faults++;
        if (fd >= 0) {
            close(fd); /* open, it would keep the vanished disk's name in use */
            fd = -1;
        }
        usleep(20000);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(out);
    free(in);
    return NULL;
}

static int run_jobs(Job *proto, void *(*body)(void *))
{
    static Job jobs[MAX_CPUS];
    long writes = 0, reads = 0, faults = 0,
         cpus = sysconf(_SC_NPROCESSORS_ONLN);
    bool failed = false;

    cpus = cpus > MAX_CPUS ? MAX_CPUS : cpus;
    pthread_barrier_init(&filled, NULL, cpus);
    for (int i = 0; i < cpus; i++) {
        jobs[i] = *proto;
        jobs[i].cpu = i;
        jobs[i].cpus = cpus;
        if (pthread_create(&jobs[i].thread, NULL, body, &jobs[i])) {
            fprintf(stderr, "labio: no thread for cpu %d\n", i);
            return 2;
        }
    }
    for (int i = 0; i < cpus; i++) {
        pthread_join(jobs[i].thread, NULL);
        writes += jobs[i].writes;
        reads += jobs[i].reads;
        faults += jobs[i].faults;
        failed |= jobs[i].failed;
    }
    printf("labio: %ld writes, %ld reads, %ld faults, %ld cpus, %s\n", writes,
           reads, faults, cpus, failed ? "DATA BAD" : "data good");
    return failed || !(writes + reads) ? 1 : 0;
}

static int fill(const char *dev, long mib)
{
    Job proto = { .dev = dev, .bytes = mib * MIB, .data = aligned(mib * MIB) };

    for (long at = 0; at < proto.bytes;) {
        ssize_t got = getrandom(proto.data + at, proto.bytes - at, 0);

        if (got < 0) {
            perror("labio: getrandom");
            return 2;
        }
        at += got;
    }
    return run_jobs(&proto, fill_thread);
}

static int read_out(const char *dev, long mib)
{
    uint8_t *buf = aligned(CHUNK);
    int fd = open_disk(dev, O_RDONLY);

    for (long at = 0; at < mib * MIB; at += CHUNK) {
        if (pread(fd, buf, CHUNK, at) != CHUNK ||
            write(STDOUT_FILENO, buf, CHUNK) != CHUNK) {
            perror("labio: read");
            return 1;
        }
    }
    return 0;
}

static int bench(const char *dev, long count)
{
    uint8_t *buf = aligned(BLOCK);
    int fd = open_disk(dev, O_RDONLY);
    double start = now();

    pin(0);
    for (long i = 0; i < count; i++) {
        if (pread(fd, buf, BLOCK, (i % 1024) * BLOCK) != BLOCK) {
            perror("labio: read");
            return 1;
        }
    }
    printf("labio: %ld reads in %.3f s\n", count, now() - start);
    return 0;
}

#define HUGE_PAGE (2L * MIB)

/* Memory in huge pages, so that a request has few, long segments. */
static uint8_t *huge(long bytes)
{
    long size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1,
                   0);

    if (p == MAP_FAILED) {
        perror("labio: huge pages");
        exit(2);
    }
    return p;
}

/* Requests that the disk has completed: fields 1 and 5 of its statistics. */
static long requests(const char *dev)
{
    unsigned long v[5] = { 0 };
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "/sys/block/%s/stat", strrchr(dev, '/') + 1);
    file = fopen(path, "r");
    if (!file || fscanf(file, "%lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3],
                        &v[4]) != 5) {
        fprintf(stderr, "labio: %s: no statistics\n", path);
        exit(2);
    }
    fclose(file);
    return (long)(v[0] + v[4]);
}

/* The same once there are more than @above: a request is counted a moment after
 * who waits for it goes on. */
static long more_requests(const char *dev, long above)
{
    long last, n = requests(dev);

    do {
        last = n;
        usleep(20000);
        n = requests(dev);
    } while (n <= above || n != last);
    return n;
}

static int large(const char *dev, long kib, long offset)
{
    long bytes = kib * 1024, before, wrote, done;
    uint8_t *out = huge(bytes + offset) + offset;
    uint8_t *in = huge(bytes + offset) + offset;
    int fd = open_disk(dev, O_RDWR);

    stamp((uint64_t *)(out - offset), 0, (int)offset, (uint64_t)kib);
    for (long i = BLOCK - offset; i < bytes; i += BLOCK - offset) {
        long n = bytes - i < BLOCK - offset ? bytes - i : BLOCK - offset;

        memcpy(out + i, out, n);
        out[i] ^= (uint8_t)(i / BLOCK);
    }
    before = requests(dev);
    done = pwrite(fd, out, bytes, 0);
    wrote = done == bytes ? more_requests(dev, before) : 0;
    if (done == bytes) {
        done = pread(fd, in, bytes, 0);
    }
    if (done != bytes) {
        printf("labio: large %ld KiB at %ld: %s\n", kib, offset,
               done < 0 ? strerror(errno) : "too short");
        return 1;
    }
    if (memcmp(in, out, bytes)) {
        printf("labio: large %ld KiB at %ld: data differ\n", kib, offset);
        return 1;
    }
    printf("labio: large %ld KiB at %ld: good, writes=%ld reads=%ld\n", kib,
           offset, wrote - before, more_requests(dev, wrote) - wrote);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && !strcmp(argv[1], "large")) {
        return large(argv[2], atol(argv[3]), atol(argv[4]));
    }
    if (argc == 4) {
        const char *dev = argv[2];
        long n = atol(argv[3]);
        Job stress = { .dev = dev, .seconds = n };

        if (!strcmp(argv[1], "fill")) {
            return fill(dev, n);
        } else if (!strcmp(argv[1], "read")) {
            return read_out(dev, n);
        } else if (!strcmp(argv[1], "stress")) {
            signal(SIGTERM, end_early);
            return run_jobs(&stress, stress_thread);
        } else if (!strcmp(argv[1], "bench")) {
            return bench(dev, n);
        }
    }
    fprintf(stderr, "usage: labio fill|read DEV MIB | stress DEV SECONDS | "
                    "bench DEV COUNT | large DEV KIB OFFSET\n");
    return 2;
}
