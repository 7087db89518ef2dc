/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts and eventfds of a machine whose vCPUs run no code: what KVM does
 * with a table in the kernel is done here with one in user space. */
#include "hw/pci/pci.h"
#include "qtest-int.h"
#include "target/target.h"
#include "util/log.h"

#include <poll.h>
#include <sys/eventfd.h>

typedef struct QtestIrqfd {
    QtestAccel *q;
    int fd; /* borrowed */
    MsiMessage msg;
    GSource *watch;
} QtestIrqfd;

static void irqfd_free(gpointer data)
{
    QtestIrqfd *i = data;

    if (i) {
        machine_unwatch(&i->watch);
        g_free(i);
    }
}

void qtest_irq_init(QtestAccel *q)
{
    g_mutex_init(&q->irq_lock);
    q->level = g_new0(bool, target_info.n_irq_inputs);
    q->lines = g_string_new(NULL);
    q->irqfds = g_ptr_array_new_with_free_func(irqfd_free);
    q->ioeventfds = g_array_new(FALSE, TRUE, sizeof(IoEventFd));
}

void qtest_irq_finish(QtestAccel *q)
{
    g_ptr_array_unref(q->irqfds);
    g_array_unref(q->ioeventfds);
    g_string_free(q->lines, TRUE);
    g_free(q->level);
    g_mutex_clear(&q->irq_lock);
}

/* --- lines for the client --- */

/* irq_lock is held. */
static void tell(QtestAccel *q, unsigned n, bool level)
{
    if (q->lines->len >= QTEST_IRQ_LINES_MAX) {
        trace(qtest_irq_dropped, "irq=%u level=%u: the client does not read", n,
              level);
        return;
    }
    g_string_append_printf(q->lines, "IRQ %s %u\n", level ? "raise" : "lower",
                           n);
    if (q->wake) {
        g_source_set_ready_time(q->wake, 0);
    }
}

void qtest_irq_collect(QtestAccel *q, GString *out)
{
    g_mutex_lock(&q->irq_lock);
    g_string_append_len(out, q->lines->str, (gssize)q->lines->len);
    g_string_truncate(q->lines, 0);
    g_mutex_unlock(&q->irq_lock);
}

/* --- inputs and messages --- */

void qtest_set_irq(Accel *accel, unsigned n, bool level)
{
    QtestAccel *q = qtest_accel(accel);

    assert(n < target_info.n_irq_inputs);
    g_mutex_lock(&q->irq_lock);
    if (level != q->level[n]) {
        q->level[n] = level;
        if (q->intercept == INTERCEPT_INPUTS) {
            tell(q, n, level);
        }
    }
    g_mutex_unlock(&q->irq_lock);
}

int qtest_send_msi(Accel *accel, const MsiMessage *msg)
{
    QtestAccel *q = qtest_accel(accel);
    void *ram = guest_ram_ptr(&accel->machine->ram, msg->address,
                              sizeof(msg->data));
    bool told = false;

    /* To the bus a message is a write of four bytes like any other. */
    if (ram) {
        memcpy(ram, &msg->data, sizeof(msg->data));
        return 0;
    }
    g_mutex_lock(&q->irq_lock);
    if (q->intercept == INTERCEPT_MESSAGES &&
        msg->address - target_info.msi_base < target_info.msi_size) {
        tell(q, msg->data & 0xff, true);
        tell(q, msg->data & 0xff, false);
        told = true;
    }
    g_mutex_unlock(&q->irq_lock);
    if (!told) {
        trace(qtest_msi_dropped, "addr=0x%" PRIx64 " data=0x%x", msg->address,
              msg->data);
    }
    return 0;
}

/* --- irqfd --- */

/* Several signals before the read are one message, as with KVM. */
static bool irqfd_ready(void *opaque, GIOCondition condition)
{
    QtestIrqfd *i = opaque;
    struct pollfd p = { .fd = i->fd, .events = POLLIN };
    eventfd_t count;

    /* Somebody else may have read it: never block on it. */
    if (poll(&p, 1, 0) == 1 && p.revents & POLLIN &&
        eventfd_read(i->fd, &count) == 0) {
        (void)qtest_send_msi(&i->q->accel, &i->msg);
    }
    return true;
}

int qtest_irqfd_add_msi(Accel *accel, int fd, const MsiMessage *msg)
{
    QtestAccel *q = qtest_accel(accel);
    QtestIrqfd *irqfd;
    guint route = 0;

    while (route < q->irqfds->len && g_ptr_array_index(q->irqfds, route)) {
        route++;
    }
    if (route == QTEST_IRQFDS_MAX) {
        return -ENOSPC;
    }
    if (route == q->irqfds->len) {
        g_ptr_array_add(q->irqfds, NULL);
    }
    irqfd = g_new(QtestIrqfd, 1);
    *irqfd = (QtestIrqfd){ .q = q, .fd = fd, .msg = *msg };
    irqfd->watch = machine_watch_fd(accel->machine, fd, G_IO_IN, irqfd_ready,
                                    irqfd);
    g_ptr_array_index(q->irqfds, route) = irqfd;
    trace(qtest_irqfd, "fd=%d addr=0x%" PRIx64 " data=0x%x route=%u", fd,
          msg->address, msg->data, route);
    irqfd_ready(irqfd, G_IO_IN);
    return (int)route;
}

/* There is nothing to make. */
void qtest_irqfd_prepare_msi(Accel *accel, const MsiMessage *msgs, unsigned n)
{
}

void qtest_irqfd_del(Accel *accel, int fd, int route)
{
    QtestAccel *q = qtest_accel(accel);
    QtestIrqfd *irqfd;

    assert(route >= 0 && (guint)route < q->irqfds->len);
    irqfd = g_steal_pointer(&g_ptr_array_index(q->irqfds, route));
    assert(irqfd && irqfd->fd == fd);
    irqfd_free(irqfd);
}

/* --- ioeventfd --- */

/* Whether some write would be for both. */
static bool overlap(const IoEventFd *a, const IoEventFd *b)
{
    return a->as == b->as && a->addr == b->addr &&
           (a->size == b->size || !a->size || !b->size);
}

int qtest_ioeventfd_add(Accel *accel, const IoEventFd *io)
{
    QtestAccel *q = qtest_accel(accel);

    for (guint i = 0; i < q->ioeventfds->len; i++) {
        if (overlap(io, &g_array_index(q->ioeventfds, IoEventFd, i))) {
            return -EEXIST;
        }
    }
    if (q->ioeventfds->len == QTEST_IOEVENTFDS_MAX) {
        return -ENOSPC;
    }
    g_array_append_val(q->ioeventfds, *io);
    return 0;
}

int qtest_ioeventfd_del(Accel *accel, const IoEventFd *io)
{
    QtestAccel *q = qtest_accel(accel);

    for (guint i = 0; i < q->ioeventfds->len; i++) {
        const IoEventFd *e = &g_array_index(q->ioeventfds, IoEventFd, i);

        if (overlap(io, e) && e->size == io->size && e->fd == io->fd) {
            g_array_remove_index_fast(q->ioeventfds, i);
            return 0;
        }
    }
    return -ENOENT;
}

bool qtest_ioeventfd_signal(QtestAccel *q, const AddressSpace *as,
                            uint64_t addr, uint64_t value, unsigned size)
{
    const IoEventFd write = { .as = as, .addr = addr, .size = size };

    for (guint i = 0; i < q->ioeventfds->len; i++) {
        const IoEventFd *e = &g_array_index(q->ioeventfds, IoEventFd, i);

        if (overlap(&write, e)) {
            trace(qtest_ioeventfd, "addr=0x%" PRIx64 " value=0x%" PRIx64, addr,
                  value);
            (void)eventfd_write(e->fd, 1);
            return true;
        }
    }
    return false;
}

/* --- interception --- */

static const char already[] = "IRQ intercept already enabled";

static void set_intercept(QtestAccel *q, QtestIntercept intercept)
{
    g_mutex_lock(&q->irq_lock);
    q->intercept = intercept;
    g_mutex_unlock(&q->irq_lock);
}

const char *qtest_intercept_in(QtestAccel *q, QtestIntercept wanted)
{
    if (q->intercept != INTERCEPT_NONE && q->intercept != wanted) {
        return already;
    }
    set_intercept(q, wanted);
    return NULL;
}

/* Between a PCI bus and the board: the pin goes on to where it led. */
static void watch_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    QtestAccel *q = opaque;

    if (devfn == q->intx.devfn && level != q->intx.level) {
        q->intx.level = level;
        g_mutex_lock(&q->irq_lock);
        tell(q, 0, level);
        g_mutex_unlock(&q->irq_lock);
    }
    if (q->intx.set_intx) {
        q->intx.set_intx(q->intx.opaque, devfn, pin, level);
    }
}

const char *qtest_intercept_out(QtestAccel *q, const char *path)
{
    Device *dev = device_resolve(&q->accel.machine->tree, path);
    PciDevice *pci;

    if (!dev) {
        return "Unknown device";
    }
    if (!dev->bus || dev->bus->type != BUS_PCI ||
        !pci_device_from(dev)->state.config[PCI_INTERRUPT_PIN]) {
        return "this device has no output: only the INTx pin of a PCI device "
               "can be intercepted";
    }
    pci = pci_device_from(dev);
    if (q->intercept == INTERCEPT_INTX && q->intx.bus == pci->bus &&
        q->intx.devfn == pci->devfn) {
        return NULL;
    }
    if (q->intercept != INTERCEPT_NONE) {
        return already;
    }
    q->intx.bus = pci->bus;
    q->intx.devfn = pci->devfn;
    q->intx.level = pci->state.irq_level;
    q->intx.set_intx = pci->bus->set_intx;
    q->intx.opaque = pci->bus->opaque;
    pci->bus->set_intx = watch_intx;
    pci->bus->opaque = q;
    set_intercept(q, INTERCEPT_INTX);
    return NULL;
}

void qtest_intercept_end(QtestAccel *q)
{
    if (q->intx.bus) {
        q->intx.bus->set_intx = q->intx.set_intx;
        q->intx.bus->opaque = q->intx.opaque;
        q->intx.bus = NULL;
    }
    g_mutex_lock(&q->irq_lock);
    q->intercept = INTERCEPT_NONE;
    g_string_truncate(q->lines, 0);
    g_mutex_unlock(&q->irq_lock);
}
