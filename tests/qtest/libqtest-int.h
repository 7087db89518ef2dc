/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two halves of libqtest share: libqtest.c keeps the process,
 * libqtest-cmd.c speaks the protocol. No test includes it.
 */
#ifndef TESTS_QTEST_LIBQTEST_INT_H
#define TESTS_QTEST_LIBQTEST_INT_H

#include "libqtest.h"

struct QTestState {
    pid_t pid;           /* -1 once it has been waited for */
    int pid_fd;          /* readable when the process ends */
    int fd;              /* of the protocol; does not block */
    int err_fd;          /* the program's stderr; does not block; -1 at EOF */
    unsigned timeout_ms; /* of each wait */
    bool has_clock;
    char *dir;    /* of the socket, private */
    GString *rx;  /* received, not yet taken as a line */
    GString *err; /* stderr up to now */
    bool level[QTEST_IRQS_MAX];
    unsigned raised[QTEST_IRQS_MAX];
};

/* Takes what stderr has, without waiting. */
void qtest_collect_stderr(QTestState *s);

/* Waits for @events of @fd (-1: for the end of the process alone). Returns
 * false if the process ends first. Fails the test at the bound; @what, a noun,
 * names what has not come. */
bool qtest_wait_fd(QTestState *s, int fd, short events, const char *what);

#endif
