/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often KVM is given its routing table, which costs a grace period each
 * time: the test stands before ioctl() and counts. */
#include "accel/kvm.h"
#include "program/registry.h"
#include "system/machine.h"
#include "test-kvm.h"
#include "util/event-notifier.h"

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define VECTORS 256

static unsigned n_commits;
static bool fail_commits;
static bool has_devid; /* what KVM says of KVM_CAP_MSI_DEVID */
static struct kvm_irq_routing_entry last; /* of the last commit */

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (request == KVM_CHECK_EXTENSION && arg == (void *)KVM_CAP_MSI_DEVID) {
        return has_devid;
    }
    if (request == KVM_SET_GSI_ROUTING) {
        const struct kvm_irq_routing *table = arg;

        n_commits++;
        last = table->entries[table->nr - 1];
        if (fail_commits) {
            errno = ENOMEM;
            return -1;
        }
    }
    return (int)syscall(SYS_ioctl, fd, request, arg);
}

typedef struct Fixture {
    Machine *m;
    Accel *accel;
    EventNotifier e[VECTORS];
    MsiMessage msg[VECTORS];
    int route[VECTORS];
} Fixture;

static void set_up(Fixture *f)
{
    f->m = machine_new(&program_registry, NULL, &kvm_accel_ops);
    machine_lock(f->m);
    g_assert_true(f->m->accel_ops->init(f->m, NULL));
    f->accel = f->m->accel;
    for (unsigned i = 0; i < VECTORS; i++) {
        g_assert_cmpint(event_notifier_init(&f->e[i]), ==, 0);
        f->msg[i] = (MsiMessage){ .address = 0xfee00000 + (i % 3 << 12),
                                  .data = 0x4000 + i / 2 };
    }
    n_commits = 0;
    fail_commits = false;
}

static void tear_down(Fixture *f)
{
    for (unsigned i = 0; i < VECTORS; i++) {
        event_notifier_finish(&f->e[i]);
    }
    machine_unlock(f->m);
    machine_free(f->m);
}

static void prepare(Fixture *f, unsigned n)
{
    f->accel->ops->irqfd_prepare_msi(f->accel, f->msg, n);
}

static void add(Fixture *f, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        f->route[i] = f->accel->ops->irqfd_add_msi(f->accel, f->e[i].fd,
                                                   &f->msg[i]);
        g_assert_cmpint(f->route[i], >=, 0);
    }
}

static void del(Fixture *f, unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        f->accel->ops->irqfd_del(f->accel, f->e[i].fd, f->route[i]);
    }
}

static void all_vectors_take_one_commit(void)
{
    gint64 begin, together, alone;
    Fixture f;

    set_up(&f);
    begin = g_get_monotonic_time();
    prepare(&f, VECTORS);
    add(&f, 0, VECTORS);
    together = g_get_monotonic_time() - begin;
    g_assert_cmpuint(n_commits, ==, 1);
    /* No two have one route, though pairs have one message. */
    for (unsigned i = 1; i < VECTORS; i++) {
        g_assert_cmpint(f.route[i], !=, f.route[i - 1]);
    }
    del(&f, 0, VECTORS);
    tear_down(&f);

    set_up(&f);
    begin = g_get_monotonic_time();
    add(&f, 0, VECTORS);
    alone = g_get_monotonic_time() - begin;
    g_assert_cmpuint(n_commits, ==, VECTORS);
    g_test_message("%d vectors: %" G_GINT64_FORMAT " us together, "
                   "%" G_GINT64_FORMAT " us one by one",
                   VECTORS, together, alone);
    del(&f, 0, VECTORS);
    tear_down(&f);
}

/* What was given back serves the same messages again. */
static void known_messages_take_none(void)
{
    Fixture f;

    set_up(&f);
    prepare(&f, VECTORS / 2);
    add(&f, 0, VECTORS / 2);
    del(&f, 0, VECTORS / 2);
    prepare(&f, VECTORS / 2);
    add(&f, 0, VECTORS / 2);
    g_assert_cmpuint(n_commits, ==, 1);
    del(&f, 0, VECTORS / 2);
    /* Half of them are new: one more, and none of the old is lost. */
    prepare(&f, VECTORS);
    add(&f, 0, VECTORS);
    g_assert_cmpuint(n_commits, ==, 2);
    del(&f, 0, VECTORS);
    tear_down(&f);
}

static void used_routes_are_left_alone(void)
{
    Fixture f;

    set_up(&f);
    add(&f, 0, 8);
    g_assert_cmpuint(n_commits, ==, 8);
    prepare(&f, VECTORS);
    g_assert_cmpuint(n_commits, ==, 9);
    add(&f, 8, VECTORS - 8);
    g_assert_cmpuint(n_commits, ==, 9);
    del(&f, 0, VECTORS);
    tear_down(&f);
}

/* The next that is added tries for itself. */
static void failed_commit_leaves_the_table_as_it_was(void)
{
    Fixture f;

    set_up(&f);
    add(&f, 0, 4);
    del(&f, 0, 2);
    fail_commits = true;
    prepare(&f, VECTORS);
    fail_commits = false;
    n_commits = 0;
    add(&f, 0, 2);
    g_assert_cmpuint(n_commits, ==, 0);
    add(&f, 4, 1);
    g_assert_cmpuint(n_commits, ==, 1);
    del(&f, 0, 5);
    tear_down(&f);
}

/* Two devices may have the same address and data. */
static void senders_have_routes_of_their_own(void)
{
    Fixture f;

    has_devid = true;
    set_up(&f);
    f.msg[0].requester_id = 0x108;
    f.msg[1] = f.msg[0];
    f.msg[1].requester_id = 0x10;
    add(&f, 0, 1);
    g_assert_cmphex(last.flags, ==, KVM_MSI_VALID_DEVID);
    g_assert_cmphex(last.u.msi.devid, ==, 0x108);
    del(&f, 0, 1);
    /* The route of the other is not taken for it, but written anew. */
    add(&f, 1, 1);
    g_assert_cmphex(last.u.msi.devid, ==, 0x10);
    g_assert_cmpuint(n_commits, ==, 2);
    del(&f, 1, 1);
    add(&f, 1, 1);
    g_assert_cmpuint(n_commits, ==, 2);
    del(&f, 1, 1);
    tear_down(&f);
    has_devid = false;
}

static void senders_do_not_count_where_kvm_takes_none(void)
{
    Fixture f;

    set_up(&f);
    f.msg[1] = f.msg[0];
    f.msg[1].requester_id = 0x10;
    add(&f, 0, 1);
    g_assert_cmphex(last.flags, ==, 0);
    g_assert_cmphex(last.u.msi.devid, ==, 0);
    del(&f, 0, 1);
    add(&f, 1, 1);
    g_assert_cmpuint(n_commits, ==, 1);
    del(&f, 1, 1);
    tear_down(&f);
}

static void (*const tests[])(void) = {
    all_vectors_take_one_commit,      known_messages_take_none,
    used_routes_are_left_alone,       failed_commit_leaves_the_table_as_it_was,
    senders_have_routes_of_their_own, senders_do_not_count_where_kvm_takes_none,
};

static const char *const names[] = {
    "all_vectors_take_one_commit",
    "known_messages_take_none",
    "used_routes_are_left_alone",
    "failed_commit_leaves_the_table_as_it_was",
    "senders_have_routes_of_their_own",
    "senders_do_not_count_where_kvm_takes_none",
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/kvm-routes/%s", names[i]);

        g_test_add_data_func(path, &tests[i], run_with_kvm);
    }
    return g_test_run();
}
