/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-machine.h"

#include <glib/gstdio.h>

#define STATUS_OFFSET 20 /* device_status, 4.1.4.3 */

static const QSCSILun disk = { .target = FAKE_VHOST_TPGT };

static const char *fake_library(void)
{
    const char *library = g_getenv("QTEST_FAKE_VHOST");

    if (!library) {
        g_error("QTEST_FAKE_VHOST is not set: it names libfake-vhost.so");
    }
    return library;
}

static char *new_dir(void)
{
    g_autoptr(GError) err = NULL;
    char *dir = g_dir_make_tmp("vhost-XXXXXX", &err);

    g_assert_no_error(err);
    return dir;
}

static void remove_dir(char *dir)
{
    g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);

        (void)g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(dir);
}

/* --- life --- */

void fake_machine_init(FakeMachine *m)
{
    *m = (FakeMachine){ .dir = new_dir() };
    m->log = g_build_filename(m->dir, "log", NULL);
}

void fake_machine_run(FakeMachine *m, const char *knobs, const char *args)
{
    g_autofree char *control = g_build_filename(m->dir, "control", NULL);
    g_auto(GStrv) env = fake_environ(fake_library(), control, knobs);

    m->qts = qtest_init_env(args, (const char *const *)env);
    m->fake = fake_connect(control);
    qpci_init(&m->bus, m->qts);
    m->alloc = guest_allocator_new(m->qts, FAKE_MACHINE_RAM);
}

void fake_machine_start(FakeMachine *m, const char *knobs, const char *args)
{
    fake_machine_init(m);
    fake_machine_run(m, knobs, args);
}

void fake_machine_clean(FakeMachine *m)
{
    remove_dir(g_steal_pointer(&m->dir));
    g_clear_pointer(&m->log, g_free);
}

void fake_machine_stop(FakeMachine *m)
{
    fake_disconnect(m->fake);
    guest_allocator_free(m->alloc);
    qtest_quit(m->qts);
    fake_machine_clean(m);
}

/* --- what the kernel was told --- */

/* Takes the number, the thread and the device out of a line of the trace. */
static void append_call(GString *calls, const char *line)
{
    g_autoptr(GRegex)
        noise = g_regex_new("^[0-9]+ |tid=[0-9]+ dev=[0-9]+ ", 0, 0, NULL);
    g_autofree char *call = g_regex_replace_literal(noise, line, -1, 0, "", 0,
                                                    NULL);

    g_string_append_printf(calls, "%s\n", call);
}

char *fake_machine_calls(FakeMachine *m, unsigned from)
{
    GString *calls = g_string_new(NULL);
    g_autofree char *answer = fake_ctl(m->fake, "trace %u", from);
    const GPtrArray *lines = fake_lines(m->fake);

    g_assert_true(g_str_has_prefix(answer, "OK"));
    for (unsigned i = 0; i < lines->len; i++) {
        append_call(calls, g_ptr_array_index(lines, i));
    }
    return g_string_free(calls, false);
}

static char *read_calls(const char *path)
{
    GString *calls = g_string_new(NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_autoptr(GError) err = NULL;

    /* No file: not one call was made. */
    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        (void)g_file_get_contents(path, &text, NULL, &err);
        g_assert_no_error(err);
        lines = g_strsplit(text, "\n", -1);
        for (unsigned i = 0; lines[i] && *lines[i]; i++) {
            append_call(calls, lines[i]);
        }
    }
    return g_string_free(calls, false);
}

QTestExit *fake_machine_refused(const char *knobs, const char *args,
                                char **ret_calls)
{
    char *dir = new_dir();
    g_autofree char *trace = g_build_filename(dir, "trace", NULL);
    g_auto(GStrv) env = fake_environ(fake_library(), NULL, knobs);
    QTestExit *e;

    env = g_environ_setenv(env, "FAKE_VHOST_TRACE", trace, true);
    e = qtest_init_expect_failure(args, (const char *const *)env);
    if (ret_calls) {
        *ret_calls = read_calls(trace);
    }
    remove_dir(dir);
    return e;
}

unsigned fake_machine_count(FakeMachine *m, const char *what)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s",
                                            (int)qtest_pid(m->qts), what);
    g_autoptr(GError) err = NULL;
    g_autoptr(GDir) d = g_dir_open(path, 0, &err);
    unsigned n = 0;

    g_assert_no_error(err);
    while (g_dir_read_name(d)) {
        n++;
    }
    return n;
}

/* --- the driver --- */

QVirtioSCSI *fake_driver_new(FakeMachine *m, unsigned slot)
{
    QPCIDevice *pci = qpci_device_at(&m->bus, QPCI_DEVFN(slot, 0));

    g_assert_nonnull(pci);
    return qvirtio_scsi_attach(pci, m->alloc);
}

void fake_driver_prepare(QVirtioSCSI *scsi, QVirtioMode mode)
{
    qvirtio_scsi_prepare(scsi, mode,
                         QVIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) |
                             QVIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
}

uint8_t fake_driver_ok(QVirtioSCSI *scsi)
{
    QVirtioPCI *regs = &scsi->dev.regs;

    qvirtio_pci_set_status(regs, qvirtio_pci_get_status(regs) |
                                     VIRTIO_CONFIG_S_DRIVER_OK);
    return qvirtio_pci_get_status(regs);
}

bool fake_driver_start(QVirtioSCSI *scsi, QVirtioMode mode)
{
    fake_driver_prepare(scsi, mode);
    return fake_driver_ok(scsi) == FAKE_DRIVER_RUNS;
}

void fake_driver_stop(QVirtioSCSI *scsi)
{
    qvirtio_finish(&scsi->dev);
    scsi->dev.mode = QVIRTIO_POLL;
}

void fake_driver_abandon(QVirtioSCSI *scsi)
{
    for (unsigned i = 0; i < scsi->dev.n_queues; i++) {
        qvring_free(scsi->dev.queues[i]);
    }
    g_ptr_array_unref(scsi->in_flight);
    qpci_device_free(scsi->pci);
    g_free(scsi);
}

void fake_driver_free(QVirtioSCSI *scsi)
{
    if (scsi) {
        fake_driver_stop(scsi);
        g_assert_cmpuint(scsi->in_flight->len, ==, 0);
        fake_driver_abandon(scsi);
    }
}

void fake_driver_check_io(QVirtioSCSI *scsi)
{
    unsigned n = GUINT32_FROM_LE(scsi->config.num_queues);
    uint8_t out[FAKE_MACHINE_BLOCK], in[FAKE_MACHINE_BLOCK];

    qscsi_wait_ready(scsi, 0, disk);
    for (unsigned q = 0; q < n; q++) {
        for (unsigned i = 0; i < sizeof(out); i++) {
            out[i] = (uint8_t)(q * 3 + i + scsi->next_tag);
        }
        qscsi_write10(scsi, q, disk, q, 1, FAKE_MACHINE_BLOCK, out);
        qscsi_read10(scsi, q, disk, q, 1, FAKE_MACHINE_BLOCK, in);
        g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    }
}

/* Complete when both the host bridge and the adapter are as at power-on. */
void fake_machine_reset(FakeMachine *m, QVirtioSCSI *scsi)
{
    QTestPoll poll = { 0 };

    qtest_outb(m->qts, 0xcf9, 0x02);
    qtest_outb(m->qts, 0xcf9, 0x06);
    while (qpci_read_pconfig(&m->bus, 0, QPCI_MCH_PCIEXBAR, 4) & 1 ||
           qpci_read_pconfig(&m->bus, scsi->pci->devfn, PCI_COMMAND, 2)) {
        qtest_poll(m->qts, &poll, "reset of the machine");
    }
    qpci_init(&m->bus, m->qts);
    qpci_device_enable(scsi->pci);
}

uint64_t fake_driver_status_address(const QVirtioSCSI *scsi)
{
    const QVirtioRegion *common = &scsi->dev.regs.common;

    return scsi->pci->bars[common->bar].addr + common->offset + STATUS_OFFSET;
}
