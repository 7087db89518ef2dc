/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network program of the lab, for the guest and for L1:
 *
 *   labnet echo PORT                gives back what comes, to any number of TCP
 *                                   connections, until it is ended
 *   labnet check ADDRESS PORT MIB COUNT
 *                                   COUNT connections at once: each sends MIB MiB
 *                                   of its own and compares what comes back
 *   labnet trips ADDRESS PORT SECONDS
 *                                   sends a byte to an echo and waits for it, one
 *                                   after the other, and says how often it could
 *   labnet channels IFACE COUNT     uses COUNT pairs of queues from now on, as
 *                                   ethtool -L does, and says how many it has
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK       65536
#define COUNT_MAX   16
#define SILENCE_MAX 120 /* seconds without a byte: the network is dead */

typedef struct {
    pthread_t thread;
    struct sockaddr_in to;
    uint32_t seed;
    long bytes;
    int fd;
    bool failed;
} Connection;

static void fail(const char *what)
{
    fprintf(stderr, "labnet: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address(const char *ip, const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(atoi(port)) };

    if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
        errno = EINVAL;
        fail(ip);
    }
    return a;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        data += n;
        len -= n;
    }
    return true;
}

/* --- echo --- */

static void *echo(void *opaque)
{
    static _Thread_local uint8_t data[CHUNK];
    int fd = (int)(intptr_t)opaque;
    ssize_t n;

    while ((n = recv(fd, data, sizeof(data), 0)) > 0 &&
           write_all(fd, data, n)) {
    }
    close(fd);
    return NULL;
}

static void run_echo(const char *port)
{
    struct sockaddr_in any = address("0.0.0.0", port);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&any, sizeof(any)) ||
        listen(listener, COUNT_MAX)) {
        fail("listen");
    }
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd >= 0 &&
            pthread_create(&thread, NULL, echo, (void *)(intptr_t)fd) == 0) {
            pthread_detach(thread);
        }
    }
}

/* --- check --- */

/* The same sequence for sender and receiver. */
static void fill(uint32_t *state, uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *state = *state * 1664525u + 1013904223u;
        data[i] = *state >> 24;
    }
}

static void *send_all(void *opaque)
{
    static _Thread_local uint8_t data[CHUNK];
    Connection *c = opaque;
    uint32_t state = c->seed;

    for (long done = 0; done < c->bytes; done += CHUNK) {
        fill(&state, data, CHUNK);
        if (!write_all(c->fd, data, CHUNK)) {
            c->failed = true;
            break;
        }
    }
    shutdown(c->fd, SHUT_WR);
    return NULL;
}

static bool receive_all(Connection *c)
{
    static _Thread_local uint8_t data[CHUNK], expected[CHUNK];
    uint32_t state = c->seed;

    for (long done = 0; done < c->bytes; done += CHUNK) {
        if (recv(c->fd, data, CHUNK, MSG_WAITALL) != CHUNK) {
            fprintf(stderr, "labnet: connection lost after %ld bytes: %s\n",
                    done, strerror(errno));
            return false;
        }
        fill(&state, expected, CHUNK);
        if (memcmp(data, expected, CHUNK)) {
            printf("labnet: DATA BAD within %d bytes from %ld\n", CHUNK, done);
            return false;
        }
    }
    return true;
}

static void *check(void *opaque)
{
    struct timeval limit = { .tv_sec = SILENCE_MAX };
    Connection *c = opaque;
    pthread_t sender;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(c->fd, (struct sockaddr *)&c->to, sizeof(c->to)) ||
        pthread_create(&sender, NULL, send_all, c)) {
        fprintf(stderr, "labnet: connect: %s\n", strerror(errno));
        c->failed = true;
        return NULL;
    }
    if (!receive_all(c)) {
        c->failed = true;
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_join(sender, NULL);
    close(c->fd);
    return NULL;
}

static int run_check(char **argv)
{
    struct sockaddr_in to = address(argv[0], argv[1]);
    Connection all[COUNT_MAX] = { 0 };
    int count = atoi(argv[3]), failed = 0;
    long bytes = atol(argv[2]) << 20;

    if (count < 1 || count > COUNT_MAX) {
        errno = EINVAL;
        fail(argv[3]);
    }
    for (int i = 0; i < count; i++) {
        all[i].to = to;
        all[i].bytes = bytes;
        all[i].seed = getpid() * 31 + i;
        if (pthread_create(&all[i].thread, NULL, check, &all[i])) {
            fail("pthread_create");
        }
    }
    for (int i = 0; i < count; i++) {
        pthread_join(all[i].thread, NULL);
        failed += all[i].failed;
    }
    printf("labnet: %d connections of %ld bytes both ways, %d failed\n", count,
           bytes, failed);
    return failed != 0;
}

/* --- trips --- */

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int run_trips(const char *ip, const char *port, double seconds)
{
    struct sockaddr_in to = address(ip, port);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    uint8_t byte = 1;
    double begin;
    long trips = 0;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
        fail("connect");
    }
    for (begin = now(); now() - begin < seconds; trips++) {
        if (!write_all(fd, &byte, 1) || recv(fd, &byte, 1, 0) != 1) {
            fail("trip");
        }
    }
    printf("LABNET-TRIPS rate=%.1f\n", trips / (now() - begin));
    return trips == 0;
}

/* --- channels --- */

static int run_channels(const char *iface, const char *count)
{
    struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
    struct ifreq ifr = { .ifr_data = (void *)&channels };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", iface);
    if (ioctl(fd, SIOCETHTOOL, &ifr)) {
        fail("ETHTOOL_GCHANNELS");
    }
    channels.cmd = ETHTOOL_SCHANNELS;
    channels.combined_count = atoi(count);
    if (ioctl(fd, SIOCETHTOOL, &ifr) && errno != EINVAL) {
        fail("ETHTOOL_SCHANNELS");
    }
    channels.cmd = ETHTOOL_GCHANNELS;
    if (ioctl(fd, SIOCETHTOOL, &ifr)) {
        fail("ETHTOOL_GCHANNELS");
    }
    printf("LABNET-CHANNELS now=%u most=%u\n", channels.combined_count,
           channels.max_combined);
    return channels.combined_count != (unsigned)atoi(count);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "echo") == 0) {
        run_echo(argv[2]);
    }
    if (argc == 6 && strcmp(argv[1], "check") == 0) {
        return run_check(argv + 2);
    }
    if (argc == 5 && strcmp(argv[1], "trips") == 0) {
        return run_trips(argv[2], argv[3], atof(argv[4]));
    }
    if (argc == 4 && strcmp(argv[1], "channels") == 0) {
        return run_channels(argv[2], argv[3]);
    }
    fprintf(stderr, "usage: labnet echo PORT | check ADDRESS PORT MIB COUNT | "
                    "trips ADDRESS PORT SECONDS | channels IFACE COUNT\n");
    return 2;
}
