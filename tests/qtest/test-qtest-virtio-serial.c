/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of virtio-serial as a driver sees them, with a socket at the host's end:
 * what either side is told of the other, bytes both ways, a reader that is slow,
 * and messages that cannot be.
 */
#include "fake-machine.h"

#include <linux/virtio_console.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SLOT 3u
#define PORT 1u

enum {
    CONSOLE_RX,
    CONSOLE_TX,
    CONTROL_RX,
    CONTROL_TX,
    PORT_RX,
    PORT_TX
};

typedef struct Serial {
    FakeMachine m;
    QPCIDevice *pci;
    QVirtioDevice dev;
    uint64_t control, data; /* buffers: a page, 64 KiB */
    char *path;             /* of the socket */
    char *monitor;          /* the path of the monitor for people */
    int host;               /* a client of it; -1: none */
} Serial;

static void driver_start(Serial *s, uint64_t features)
{
    qvirtio_init(&s->dev, s->pci, s->m.alloc);
    qvirtio_negotiate(&s->dev, features);
    qvirtio_setup_queues(&s->dev, qvirtio_pci_num_queues(&s->dev.regs),
                         QVIRTIO_MSIX);
    qvirtio_set_driver_ok(&s->dev);
}

static void set_up(Serial *s, gconstpointer data)
{
    g_autofree char *args = NULL;

    *s = (Serial){ .host = -1 };
    fake_machine_init(&s->m);
    s->path = g_build_filename(s->m.dir, "port", NULL);
    s->monitor = g_build_filename(s->m.dir, "monitor", NULL);
    args = g_strdup_printf("-chardev socket,id=c,path=%s,server=on,wait=off "
                           "-monitor unix:%s,server=on,wait=off "
                           "-trace event_emit "
                           "-device virtio-serial-pci,id=vs,addr=3,max_ports=2 "
                           "-device %s,bus=vs.0,chardev=c,id=p,name=org.test",
                           s->path, s->monitor, (const char *)data);
    fake_machine_run(&s->m, NULL, args);
    s->pci = qpci_device_at(&s->m.bus, QPCI_DEVFN(SLOT, 0));
    g_assert_nonnull(s->pci);
    qpci_device_enable(s->pci);
    s->control = guest_alloc(s->m.alloc, GUEST_PAGE_SIZE);
    s->data = guest_alloc(s->m.alloc, 64 * KiB);
    driver_start(s, UINT64_MAX);
}

static void tear_down(Serial *s, gconstpointer data)
{
    close_fd(&s->host);
    qvirtio_finish(&s->dev);
    guest_free(s->m.alloc, s->control);
    guest_free(s->m.alloc, s->data);
    g_assert_cmpuint(guest_pages_used(s->m.alloc), ==, 0);
    qpci_device_free(s->pci);
    fake_machine_stop(&s->m);
    g_free(s->path);
    g_free(s->monitor);
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void host_connect(Serial *s)
{
    s->host = connect_to(s->path);
}

static void host_write(Serial *s, const char *text)
{
    g_assert_cmpint(write(s->host, text, strlen(text)), ==, (int)strlen(text));
}

/* Waits for @len bytes from the guest. */
static void host_read(Serial *s, uint8_t *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = { .fd = s->host, .events = POLLIN };
        ssize_t n;

        g_assert_cmpint(poll(&p, 1, QTEST_TIMEOUT_MS), ==, 1);
        n = read(s->host, buf + done, len - done);
        g_assert_cmpint(n, >, 0);
        done += (size_t)n;
    }
}

static void give(Serial *s, uint16_t queue, uint64_t addr, uint32_t len,
                 bool device_writes)
{
    QVirtBuf buf = { addr, len, device_writes };

    qvring_add(s->dev.queues[queue], &buf, 1, false);
    qvirtio_kick(&s->dev, queue);
}

static void wait_used(Serial *s, uint16_t queue, QVirtUsed *ret)
{
    qvirtio_wait_used(&s->dev, queue, ret);
}

static void tell(Serial *s, uint16_t event, uint32_t id, uint16_t value)
{
    struct virtio_console_control m = { id, event, value };
    QVirtUsed used;

    qtest_memwrite(s->m.qts, s->control, &m, sizeof(m));
    give(s, CONTROL_TX, s->control, sizeof(m), false);
    wait_used(s, CONTROL_TX, &used);
}

/* The next that the device says; what it is called is *@name, if that is not
 * NULL. Messages wait for a buffer. */
static void expect_told(Serial *s, uint16_t event, uint32_t id, uint16_t value,
                        const char *name)
{
    struct virtio_console_control m;
    char got[64] = "";
    QVirtUsed used;

    give(s, CONTROL_RX, s->control + 64, sizeof(got), true);
    wait_used(s, CONTROL_RX, &used);
    g_assert_cmpuint(used.len, ==, sizeof(m) + (name ? strlen(name) : 0));
    qtest_memread(s->m.qts, s->control + 64, &m, sizeof(m));
    g_assert_cmpuint(m.event, ==, event);
    g_assert_cmpuint(m.id, ==, id);
    g_assert_cmpuint(m.value, ==, value);
    qtest_memread(s->m.qts, s->control + 64 + sizeof(m), got,
                  used.len - sizeof(m));
    g_assert_cmpstr(got, ==, name ? name : "");
}

/* As Linux' driver begins. */
static void meet(Serial *s)
{
    tell(s, VIRTIO_CONSOLE_DEVICE_READY, VIRTIO_CONSOLE_BAD_ID, 1);
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, PORT, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_READY, PORT, 1);
    expect_told(s, VIRTIO_CONSOLE_PORT_NAME, PORT, 1, "org.test");
}

static void expect_received(Serial *s, uint16_t queue, const char *text)
{
    char got[64] = "";
    QVirtUsed used;

    wait_used(s, queue, &used);
    g_assert_cmpuint(used.len, ==, strlen(text));
    qtest_memread(s->m.qts, s->data, got, strlen(text));
    g_assert_cmpstr(got, ==, text);
}

/* --- tests --- */

static void each_side_is_told_of_the_other(Serial *s, gconstpointer data)
{
    QVirtUsed used;

    g_assert_cmphex(qpci_config_readl(s->pci, PCI_VENDOR_ID), ==, 0x10431af4);
    g_assert_cmpuint(qvirtio_pci_read(&s->dev.regs, &s->dev.regs.device, 4, 4),
                     ==, 2);
    meet(s);
    host_connect(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);

    /* Nobody in the guest has opened it: input waits. */
    give(s, PORT_RX, s->data, 64, true);
    host_write(s, "hello");
    qtest_clock_step(s->m.qts, NANOSECONDS_PER_SECOND);
    g_assert_false(qvirtio_get_used(&s->dev, PORT_RX, &used));
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    expect_received(s, PORT_RX, "hello");

    close_fd(&s->host);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 0, NULL);
    host_connect(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);
}

static void a_host_that_was_first_is_told_of(Serial *s, gconstpointer data)
{
    host_connect(s);
    meet(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);
}

/* More than the host takes: what is left waits in the ring, and arrives in
 * order. */
static void a_slow_reader_loses_nothing(Serial *s, gconstpointer data)
{
    g_autofree uint8_t *out = g_malloc(64 * KiB);
    g_autofree uint8_t *in = g_malloc(64 * KiB);
    unsigned n = 32, n_used = 0;
    QTestPoll limit = { 0 };
    QVirtUsed used;

    meet(s);
    host_connect(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    for (unsigned i = 0; i < 64 * KiB; i++) {
        out[i] = (uint8_t)(i * 7 + i / 256);
    }
    qtest_memwrite(s->m.qts, s->data, out, 64 * KiB);
    for (unsigned i = 0; i < n; i++) {
        give(s, PORT_TX, s->data, 64 * KiB, false);
    }
    /* The machine goes on, and not all of it was taken. */
    qtest_clock_step(s->m.qts, NANOSECONDS_PER_SECOND);
    while (qvirtio_get_used(&s->dev, PORT_TX, &used)) {
        n_used++;
    }
    g_assert_cmpuint(n_used, <, n);
    for (unsigned i = 0; i < n; i++) {
        host_read(s, in, 64 * KiB);
        g_assert_cmpmem(in, 64 * KiB, out, 64 * KiB);
    }
    while (n_used < n) {
        n_used += qvirtio_get_used(&s->dev, PORT_TX, &used);
        qtest_poll(s->m.qts, &limit, "used buffers");
    }
}

static void without_a_host_bytes_are_dropped(Serial *s, gconstpointer data)
{
    QVirtUsed used;

    meet(s);
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    for (unsigned i = 0; i < 4; i++) {
        give(s, PORT_TX, s->data, 64 * KiB, false);
        wait_used(s, PORT_TX, &used);
    }
}

static void a_console_is_open(Serial *s, gconstpointer data)
{
    uint8_t got[5];
    QVirtUsed used;

    tell(s, VIRTIO_CONSOLE_DEVICE_READY, VIRTIO_CONSOLE_BAD_ID, 1);
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, 0, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_READY, 0, 1);
    expect_told(s, VIRTIO_CONSOLE_CONSOLE_PORT, 0, 1, NULL);
    expect_told(s, VIRTIO_CONSOLE_PORT_NAME, 0, 1, "org.test");
    host_connect(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, 0, 1, NULL);
    give(s, CONSOLE_RX, s->data, 64, true);
    host_write(s, "root");
    expect_received(s, CONSOLE_RX, "root");
    qtest_memwrite(s->m.qts, s->data, "login", 5);
    give(s, CONSOLE_TX, s->data, 5, false);
    wait_used(s, CONSOLE_TX, &used);
    host_read(s, got, 5);
    g_assert_cmpmem(got, 5, "login", 5);
}

/* A driver without numbers, as that of a firmware. */
static void a_console_without_control_queues_works(Serial *s,
                                                   gconstpointer data)
{
    uint8_t got[5];
    QVirtUsed used;

    qvirtio_finish(&s->dev);
    driver_start(s, 0);
    host_connect(s);
    give(s, CONSOLE_RX, s->data, 64, true);
    host_write(s, "root");
    expect_received(s, CONSOLE_RX, "root");
    qtest_memwrite(s->m.qts, s->data, "login", 5);
    give(s, CONSOLE_TX, s->data, 5, false);
    wait_used(s, CONSOLE_TX, &used);
    host_read(s, got, 5);
    g_assert_cmpmem(got, 5, "login", 5);
}

/* The next driver begins anew. */
static void a_reset_forgets(Serial *s, gconstpointer data)
{
    QVirtUsed used;

    host_connect(s);
    meet(s);
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    qvirtio_finish(&s->dev);
    driver_start(s, UINT64_MAX);
    give(s, PORT_RX, s->data, 64, true);
    host_write(s, "hello");
    qtest_clock_step(s->m.qts, NANOSECONDS_PER_SECOND);
    g_assert_false(qvirtio_get_used(&s->dev, PORT_RX, &used));
    meet(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    expect_received(s, PORT_RX, "hello");
}

/* Of ports that there are not, and of nothing that there is: ignored. */
static void messages_without_sense_are_ignored(Serial *s, gconstpointer data)
{
    for (unsigned event = 0; event <= 8; event++) {
        tell(s, (uint16_t)event, 0, 1);
        tell(s, (uint16_t)event, 2, 1);
        tell(s, (uint16_t)event, UINT32_MAX, 0);
    }
    g_assert_cmphex(qvirtio_pci_get_status(&s->dev.regs), ==, FAKE_DRIVER_RUNS);
    /* DEVICE_READY was among them. */
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, PORT, 1, NULL);
}

static void a_short_message_is_a_fault(Serial *s, gconstpointer data)
{
    QTestPoll limit = { 0 };

    give(s, CONTROL_TX, s->control, 7, false);
    while (
        !(qvirtio_pci_get_status(&s->dev.regs) & VIRTIO_CONFIG_S_NEEDS_RESET)) {
        qtest_poll(s->m.qts, &limit, "DEVICE_NEEDS_RESET");
    }
    qtest_wait_stderr(s->m.qts, "vs: the guest sent a control message of 7 "
                                "bytes; the device needs a reset by the guest");
    qvirtio_finish(&s->dev);
    driver_start(s, UINT64_MAX);
    meet(s);
}

static void monitor_write(int monitor, const char *line)
{
    g_assert_cmpint(write(monitor, line, strlen(line)), ==, (int)strlen(line));
}

/* The guest is told of a port that comes and one that goes, and of one that
 * takes its place; bytes go where they belong. */
static void ports_come_and_go(Serial *s, gconstpointer data)
{
    int monitor = connect_to(s->monitor);
    uint8_t got[5];
    QVirtUsed used;

    meet(s);
    monitor_write(monitor, "device_del p\n");
    qtest_wait_stderr(s->m.qts, "event_emit DEVICE_DELETED");
    expect_told(s, VIRTIO_CONSOLE_PORT_REMOVE, PORT, 1, NULL);
    /* What was lent to it is nobody's. */
    give(s, PORT_TX, s->data, 5, false);
    monitor_write(monitor, "device_add virtserialport,bus=vs.0,chardev=c,id=q,"
                           "name=org.new\n");
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, PORT, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_READY, PORT, 1);
    expect_told(s, VIRTIO_CONSOLE_PORT_NAME, PORT, 1, "org.new");
    wait_used(s, PORT_TX, &used);
    host_connect(s);
    expect_told(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1, NULL);
    tell(s, VIRTIO_CONSOLE_PORT_OPEN, PORT, 1);
    qtest_memwrite(s->m.qts, s->data, "hello", 5);
    give(s, PORT_TX, s->data, 5, false);
    host_read(s, got, 5);
    g_assert_cmpmem(got, 5, "hello", 5);
    close_fd(&monitor);
}

/* One that goes before the guest has heard of it was never there, and one
 * that takes the number of another follows its removal. */
static void a_removal_is_told_once_and_first(Serial *s, gconstpointer data)
{
    int monitor = connect_to(s->monitor);

    monitor_write(monitor, "device_del p\n");
    qtest_wait_stderr(s->m.qts, "\"device\": \"p\"");
    monitor_write(monitor, "device_add virtserialport,bus=vs.0,id=q,nr=1\n"
                           "info version\n");
    tell(s, VIRTIO_CONSOLE_DEVICE_READY, VIRTIO_CONSOLE_BAD_ID, 1);
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, PORT, 1, NULL);
    monitor_write(monitor, "device_del q\n");
    qtest_wait_stderr(s->m.qts, "\"device\": \"q\"");
    monitor_write(monitor, "device_add virtserialport,bus=vs.0,id=r,nr=1\n");
    expect_told(s, VIRTIO_CONSOLE_PORT_REMOVE, PORT, 1, NULL);
    expect_told(s, VIRTIO_CONSOLE_PORT_ADD, PORT, 1, NULL);
    close_fd(&monitor);
}

#define ADD(path, port, func) \
    g_test_add(path, Serial, port, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virtio-serial/open", "virtserialport",
        each_side_is_told_of_the_other);
    ADD("/virtio-serial/first", "virtserialport,nr=1",
        a_host_that_was_first_is_told_of);
    ADD("/virtio-serial/slow", "virtserialport", a_slow_reader_loses_nothing);
    ADD("/virtio-serial/nobody", "virtserialport",
        without_a_host_bytes_are_dropped);
    ADD("/virtio-serial/console", "virtconsole", a_console_is_open);
    ADD("/virtio-serial/plain", "virtconsole,nr=0",
        a_console_without_control_queues_works);
    ADD("/virtio-serial/reset", "virtserialport", a_reset_forgets);
    ADD("/virtio-serial/ignored", "virtserialport",
        messages_without_sense_are_ignored);
    ADD("/virtio-serial/fault", "virtserialport", a_short_message_is_a_fault);
    ADD("/virtio-serial/come-and-go", "virtserialport", ports_come_and_go);
    ADD("/virtio-serial/removal", "virtserialport",
        a_removal_is_told_once_and_first);
    return g_test_run();
}
