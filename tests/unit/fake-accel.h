/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An accelerator that records what devices ask of it: MSI messages, irqfds and
 * ioeventfds. One per test program.
 */
#ifndef FAKE_ACCEL_H
#define FAKE_ACCEL_H

#include "accel/qtest.h"
#include "program/registry.h"
#include "system/machine.h"

#define FAKE_MAX 64

static struct {
    AccelOps ops;
    MsiMessage sent[FAKE_MAX];
    unsigned n_sent;
    struct {
        int fd; /* -1: free */
        MsiMessage msg;
    } irqfd[FAKE_MAX];
    IoEventFd ioeventfd[FAKE_MAX];
    unsigned n_ioeventfd;
    bool fail_irqfd;
    unsigned n_prepared, last_prepared; /* calls; messages of the last */
} fake;

static inline int fake_send_msi(Accel *accel, const MsiMessage *msg)
{
    fake.sent[fake.n_sent++ % FAKE_MAX] = *msg;
    return 0;
}

static inline int fake_irqfd_add(Accel *accel, int fd, const MsiMessage *msg)
{
    for (int i = 0; !fake.fail_irqfd && i < FAKE_MAX; i++) {
        if (fake.irqfd[i].fd < 0) {
            fake.irqfd[i].fd = fd;
            fake.irqfd[i].msg = *msg;
            return i;
        }
    }
    return -ENOSPC;
}

static inline void fake_irqfd_prepare(Accel *accel, const MsiMessage *msgs,
                                      unsigned n)
{
    fake.n_prepared++;
    fake.last_prepared = n;
}

static inline void fake_irqfd_del(Accel *accel, int fd, int route)
{
    g_assert_cmpint(fake.irqfd[route].fd, ==, fd);
    fake.irqfd[route].fd = -1;
}

static inline int fake_ioeventfd_add(Accel *accel, const IoEventFd *io)
{
    fake.ioeventfd[fake.n_ioeventfd++] = *io;
    return 0;
}

static inline int fake_ioeventfd_del(Accel *accel, const IoEventFd *io)
{
    for (unsigned i = 0; i < fake.n_ioeventfd; i++) {
        if (fake.ioeventfd[i].addr == io->addr &&
            fake.ioeventfd[i].fd == io->fd) {
            fake.ioeventfd[i] = fake.ioeventfd[--fake.n_ioeventfd];
            return 0;
        }
    }
    g_assert_not_reached();
}

/* The route that carries @fd, or NULL. */
static inline const MsiMessage *fake_irqfd_of(int fd)
{
    for (int i = 0; i < FAKE_MAX; i++) {
        if (fake.irqfd[i].fd == fd) {
            return &fake.irqfd[i].msg;
        }
    }
    return NULL;
}

/* A machine on this accelerator, locked. */
static inline Machine *fake_machine_new(void)
{
    Machine *m;

    memset(&fake, 0, sizeof(fake));
    for (int i = 0; i < FAKE_MAX; i++) {
        fake.irqfd[i].fd = -1;
    }
    fake.ops = qtest_accel_ops;
    fake.ops.send_msi = fake_send_msi;
    fake.ops.irqfd_add_msi = fake_irqfd_add;
    fake.ops.irqfd_prepare_msi = fake_irqfd_prepare;
    fake.ops.irqfd_del = fake_irqfd_del;
    fake.ops.ioeventfd_add = fake_ioeventfd_add;
    fake.ops.ioeventfd_del = fake_ioeventfd_del;
    m = machine_new(&program_registry, NULL, &fake.ops);
    machine_lock(m);
    g_assert_true(m->accel_ops->init(m, NULL));
    m->accel->ops = &fake.ops;
    return m;
}

static inline void fake_machine_free(Machine *m)
{
    machine_unlock(m);
    machine_free(m);
}

#endif
