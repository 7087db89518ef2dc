/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets processes that make I/O without end take turns, so that what a busy
 * machine takes from one it takes from the others too.
 *
 *   turns ROUNDS SETTLE_MS MS NAME PID COUNTER [NAME PID COUNTER]...
 *
 * All are stopped. In each round each continues, has SETTLE_MS to come to its
 * speed, and is measured for MS; every second round goes backwards. COUNTER is a
 * list of files with a number in each, separated by commas. Prints for each turn
 *
 *   LAB-FIGURE turn ROUND NAME MICROSECONDS GROWTH[ GROWTH]...
 *
 * and leaves all stopped. One whose first counter does not grow in its turn, nor
 * in STILL_MS after it, is a failure.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNNERS_MAX  16
#define COUNTERS_MAX 4
#define STILL_MS     10000

typedef struct Runner {
    const char *name;
    pid_t pid;
    unsigned n;
    const char *counters[COUNTERS_MAX];
} Runner;

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "turns: %s: ", what);
    perror(which);
    exit(1);
}

static void runner_init(Runner *r, char **argv)
{
    r->name = argv[0];
    r->pid = atoi(argv[1]);
    for (char *file = strtok(argv[2], ","); file; file = strtok(NULL, ",")) {
        if (r->n == COUNTERS_MAX) {
            fprintf(stderr, "turns: %s: too many counters\n", r->name);
            exit(2);
        }
        r->counters[r->n++] = file;
    }
}

/* All threads of a process obey. */
static void tell(const Runner *r, int signo)
{
    if (kill(r->pid, signo)) {
        fail(r->name, "kill");
    }
}

/* Opens the file each time, since configfs makes its text once. */
static long read_counter(const Runner *r, const char *file)
{
    char text[32] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
        fail(r->name, file);
    }
    close(fd);
    return atol(text);
}

static void look(const Runner *r, long *ret_values, double *ret_seconds)
{
    struct timespec ts;

    for (unsigned i = 0; i < r->n; i++) {
        ret_values[i] = read_counter(r, r->counters[i]);
    }
    clock_gettime(CLOCK_MONOTONIC, &ts);
    *ret_seconds = ts.tv_sec + ts.tv_nsec / 1e9;
}

static void sleep_ms(long ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

    nanosleep(&ts, NULL);
}

/* A guest may stand still for a while. */
static void must_go_on(const Runner *r, long count)
{
    long ms = 0;

    while (read_counter(r, r->counters[0]) == count) {
        if (ms == STILL_MS) {
            fprintf(stderr, "turns: %s does nothing\n", r->name);
            exit(1);
        }
        sleep_ms(100);
        ms += 100;
    }
    fprintf(stderr, "turns: %s did nothing in its turn, and for %ld ms more\n",
            r->name, ms);
}

static void turn(const Runner *r, int round, long settle_ms, long ms)
{
    long before[COUNTERS_MAX], after[COUNTERS_MAX];
    double begin, end;

    tell(r, SIGCONT);
    sleep_ms(settle_ms);
    look(r, before, &begin);
    sleep_ms(ms);
    look(r, after, &end);
    if (after[0] == before[0]) {
        must_go_on(r, after[0]);
    }
    tell(r, SIGSTOP);
    printf("LAB-FIGURE turn %d %s %.0f", round, r->name, (end - begin) * 1e6);
    for (unsigned i = 0; i < r->n; i++) {
        printf(" %ld", after[i] - before[i]);
    }
    putchar('\n');
    fflush(stdout);
}

int main(int argc, char **argv)
{
    /* It hardly runs, but when it is due. */
    struct sched_param high = { .sched_priority = 1 };
    Runner runners[RUNNERS_MAX] = { 0 };
    int rounds, n = (argc - 4) / 3;

    if (n < 1 || n > RUNNERS_MAX || argc != 4 + 3 * n) {
        fprintf(stderr, "usage: turns ROUNDS SETTLE_MS MS "
                        "NAME PID COUNTER[,COUNTER]...\n");
        return 2;
    }
    rounds = atoi(argv[1]);
    for (int i = 0; i < n; i++) {
        runner_init(&runners[i], argv + 4 + 3 * i);
        tell(&runners[i], SIGSTOP);
    }
    if (sched_setscheduler(0, SCHED_FIFO, &high)) {
        fail("SCHED_FIFO", "sched_setscheduler");
    }
    for (int round = 1; round <= rounds; round++) {
        for (int i = 0; i < n; i++) {
            turn(&runners[round % 2 ? i : n - 1 - i], round, atol(argv[2]),
                 atol(argv[3]));
        }
    }
    return 0;
}
