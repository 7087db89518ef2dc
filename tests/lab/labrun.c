/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a program inside L1 under conditions that busybox cannot set up:
 *
 *   labrun [-u UID] [-p NPROC] [-f FD=PATH] [-t FD=TAP] [-m MARKER] --
 *          PROGRAM ARGS...
 *
 *   -u UID       as this user and group, without capabilities
 *   -p NPROC     with RLIMIT_NPROC (counts for an ordinary user only)
 *   -f FD=PATH   with PATH open for reading and writing as file descriptor FD
 *   -t FD=TAP    with a queue of the tap TAP, which is made if there is none, as
 *                file descriptor FD
 *   -m MARKER    prints the line "LABRUN elapsed=SECONDS at=MARKER" when the
 *                program's output has MARKER: from exec() to a line on the
 *                guest's console; may be repeated
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MARKERS_MAX 8

static const char *markers[MARKERS_MAX];
static unsigned n_markers;

static void fail(const char *what)
{
    fprintf(stderr, "labrun: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* What stands behind the "FD=" of @spec. */
static const char *value_of(const char *spec)
{
    const char *equals = strchr(spec, '=');

    if (!equals) {
        errno = EINVAL;
        fail(spec);
    }
    return equals + 1;
}

static void move_to(int fd, const char *spec)
{
    int want = atoi(spec);

    if (fd < 0 || dup2(fd, want) < 0) {
        fail(spec);
    }
    if (fd != want) {
        close(fd);
    }
}

static void open_as(const char *spec)
{
    move_to(open(value_of(spec), O_RDWR), spec);
}

static void open_tap_as(const char *spec)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                      IFF_MULTI_QUEUE };
    int fd = open("/dev/net/tun", O_RDWR);

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", value_of(spec));
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
        fail(spec);
    }
    move_to(fd, spec);
}

static void limit_nproc(const char *text)
{
    struct rlimit limit = { .rlim_cur = atol(text), .rlim_max = atol(text) };

    if (setrlimit(RLIMIT_NPROC, &limit)) {
        fail("RLIMIT_NPROC");
    }
}

static void become(const char *text)
{
    int uid = atoi(text);

    if (setgroups(0, NULL) || setgid(uid) || setuid(uid)) {
        fail("setuid");
    }
}

static void print_elapsed(const struct timespec *start, const char *marker)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("LABRUN elapsed=%.3f at=%s\n",
           (end.tv_sec - start->tv_sec) + (end.tv_nsec - start->tv_nsec) / 1e9,
           marker);
}

/* Copies the VMM's output line by line until it ends; the first line with each
 * of the markers stops its clock. */
static void copy_output(FILE *in, const struct timespec *start)
{
    char line[4096];

    while (fgets(line, sizeof(line), in)) {
        for (unsigned i = 0; i < n_markers; i++) {
            if (markers[i] && strstr(line, markers[i])) {
                print_elapsed(start, markers[i]);
                markers[i] = NULL;
            }
        }
        fputs(line, stdout);
        fflush(stdout);
    }
}

/* The child copies and this process becomes the VMM, so that our process id is
 * the VMM's for whoever started us. */
static void start_clock(void)
{
    struct timespec start;
    int out[2];

    if (pipe(out)) {
        fail("pipe");
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (fork() == 0) {
        close(out[1]);
        copy_output(fdopen(out[0], "r"), &start);
        exit(0);
    }
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    close(out[1]);
}

int main(int argc, char **argv)
{
    const char *user = NULL;
    int option;

    while ((option = getopt(argc, argv, "+u:p:f:t:m:")) != -1) {
        switch (option) {
        case 'u':
            user = optarg;
            break;
        case 'p':
            limit_nproc(optarg);
            break;
        case 'f':
            open_as(optarg);
            break;
        case 't':
            open_tap_as(optarg);
            break;
        case 'm':
            if (n_markers == MARKERS_MAX) {
                return 125;
            }
            markers[n_markers++] = optarg;
            break;
        default:
            return 125;
        }
    }
    if (optind == argc) {
        errno = EINVAL;
        fail("no program");
    }
    signal(SIGINT,
           SIG_DFL); /* a shell starts background jobs with it ignored */
    if (user) {
        become(user); /* last: the files above are opened as root */
    }
    if (n_markers) {
        start_clock();
    }
    execvp(argv[optind], argv + optind);
    fail(argv[optind]);
}
