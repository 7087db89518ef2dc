/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets of the lab, in L1 and in the guest:
 *
 *   labvsock echo PORT             sends back what each connection sends
 *   labvsock talk CID PORT MIB [FIFO]   sends so much to such an echo and looks
 *                                  that the same comes back; once it is
 *                                  connected it waits for who writes to FIFO
 *   labvsock with CID FD PROGRAM [ARGUMENT]...   becomes PROGRAM, which finds
 *                                  /dev/vhost-vsock with that CID as descriptor FD
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/vm_sockets.h>

#define CHUNK 65536

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "labvsock: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static struct sockaddr_vm address(unsigned cid, unsigned port)
{
    struct sockaddr_vm a = { .svm_family = AF_VSOCK };

    a.svm_cid = cid;
    a.svm_port = port;
    return a;
}

static void write_all(int fd, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        must(n > 0, "send");
        data += n;
        len -= (size_t)n;
    }
}

static void echo(int fd)
{
    static uint8_t data[CHUNK];
    ssize_t n;

    while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
        write_all(fd, data, (size_t)n);
    }
}

static int run_echo(unsigned port)
{
    struct sockaddr_vm a = address(VMADDR_CID_ANY, port);
    int s = socket(AF_VSOCK, SOCK_STREAM, 0);

    must(s >= 0, "socket");
    must(bind(s, (void *)&a, sizeof(a)) == 0, "bind");
    must(listen(s, 8) == 0, "listen");
    printf("LABVSOCK listens\n");
    fflush(stdout);
    for (;;) {
        int fd = accept(s, NULL, NULL);

        must(fd >= 0, "accept");
        if (fork() == 0) {
            echo(fd);
            _exit(0);
        }
        close(fd);
    }
}

/* Chunk number @i of the stream. */
static void fill(uint8_t *data, unsigned i)
{
    uint32_t x = i * 2654435761u + 1;

    for (unsigned k = 0; k < CHUNK; k++) {
        x = x * 1664525 + 1013904223;
        data[k] = (uint8_t)(x >> 24);
    }
}

static int run_talk(unsigned cid, unsigned port, unsigned mib, const char *fifo)
{
    static uint8_t want[CHUNK], got[CHUNK];
    struct sockaddr_vm a = address(cid, port);
    unsigned chunks = mib * (1048576 / CHUNK);
    int s = socket(AF_VSOCK, SOCK_STREAM, 0), status = 0;
    pid_t sender;

    must(s >= 0, "socket");
    must(connect(s, (void *)&a, sizeof(a)) == 0, "connect");
    if (fifo) {
        printf("LABVSOCK connected\n");
        fflush(stdout);
        must(open(fifo, O_RDONLY) >= 0, fifo);
    }
    sender = fork();
    if (sender == 0) {
        for (unsigned i = 0; i < chunks; i++) {
            fill(want, i);
            write_all(s, want, CHUNK);
        }
        _exit(0);
    }
    for (unsigned i = 0; i < chunks; i++) {
        fill(want, i);
        must(recv(s, got, CHUNK, MSG_WAITALL) == CHUNK, "recv");
        errno = EILSEQ;
        must(memcmp(want, got, CHUNK) == 0, "other data came back");
    }
    waitpid(sender, &status, 0);
    printf("LABVSOCK mib=%u cid=%u\n", mib, cid);
    return status != 0;
}

static int run_with(unsigned cid, int fd, char **argv)
{
    uint64_t wanted = cid;
    int dev = open("/dev/vhost-vsock", O_RDWR);

    must(dev >= 0, "/dev/vhost-vsock");
    must(ioctl(dev, VHOST_VSOCK_SET_GUEST_CID, &wanted) == 0, "the CID");
    must(dup2(dev, fd) == fd, "dup2");
    close(dev);
    execv(argv[0], argv);
    must(0, argv[0]);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "echo") == 0) {
        return run_echo((unsigned)atoi(argv[2]));
    }
    if ((argc == 5 || argc == 6) && strcmp(argv[1], "talk") == 0) {
        return run_talk((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]),
                        (unsigned)atoi(argv[4]), argv[5]);
    }
    if (argc > 4 && strcmp(argv[1], "with") == 0) {
        return run_with((unsigned)atoi(argv[2]), atoi(argv[3]), argv + 4);
    }
    fprintf(stderr, "usage: labvsock echo PORT | talk CID PORT MIB [FIFO] | "
                    "with CID FD PROGRAM...\n");
    return 2;
}
