/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vhost-machine.h"

#define FAULT_TEXT "; the device needs a reset by the guest"

void vhost_machine_start(VhostMachine *m, const char *options, const char *args,
                         const char *knobs)
{
    g_autofree char *line = NULL, *fake = NULL;

    *m = (VhostMachine){ 0 };
    fake_machine_init(&m->fm);
    fake = g_strdup_printf("%s%s",
                           knobs && strstr(knobs, "lun=") ? "" : "lun=8M,",
                           knobs ? knobs : "max_io_vqs=128");
    line = g_strdup_printf(
        "-device vhost-scsi-pci,id=scsi0,addr=%x,wwpn=%s%s%s "
        "-D %s %s",
        VHOST_MACHINE_SLOT, FAKE_VHOST_WWPN, *options ? "," : "", options,
        m->fm.log, args ? args : "");
    fake_machine_run(&m->fm, fake, line);
}

static unsigned faults_reported(VhostMachine *m)
{
    return count_text(qtest_stderr(m->fm.qts), FAULT_TEXT);
}

void vhost_machine_stop(VhostMachine *m)
{
    g_assert_cmpuint(faults_reported(m), ==, m->faults);
    g_assert_cmpuint(guest_pages_used(m->fm.alloc), ==, 0);
    fake_machine_stop(&m->fm);
}

char *vhost_machine_log(const VhostMachine *m)
{
    g_autoptr(GError) err = NULL;
    char *text;

    (void)g_file_get_contents(m->fm.log, &text, NULL, &err);
    g_assert_no_error(err);
    return text;
}

QPCIDevice *vhost_machine_device(VhostMachine *m, unsigned slot, QVirtioPCI *v)
{
    QPCIDevice *pci = qpci_device_at(&m->fm.bus, QPCI_DEVFN(slot, 0));

    g_assert_nonnull(pci);
    qpci_device_enable(pci);
    qvirtio_pci_init(v, pci);
    return pci;
}

void vhost_adapter_set_up(VhostAdapter *a, gconstpointer unused)
{
    vhost_machine_start(&a->m, "num_queues=2", NULL, NULL);
    a->pci = vhost_machine_device(&a->m, VHOST_MACHINE_SLOT, &a->v);
}

void vhost_adapter_tear_down(VhostAdapter *a, gconstpointer unused)
{
    qpci_device_free(a->pci);
    vhost_machine_stop(&a->m);
}

QVirtioSCSI *vhost_machine_scsi(VhostMachine *m, unsigned slot,
                                QVirtioMode mode, uint64_t features)
{
    QVirtioSCSI *scsi = fake_driver_new(&m->fm, slot);

    qvirtio_scsi_prepare(scsi, mode, features);
    qvirtio_set_driver_ok(&scsi->dev);
    return scsi;
}

void vhost_negotiate(QVirtioPCI *v, uint64_t features)
{
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

    qvirtio_pci_set_status(v, 0);
    g_assert_cmphex(qvirtio_pci_get_status(v), ==, 0);
    qvirtio_pci_set_status(v, status);
    qvirtio_pci_set_driver_features(v,
                                    features | QVIRTIO_BIT(VIRTIO_F_VERSION_1));
    status |= VIRTIO_CONFIG_S_FEATURES_OK;
    qvirtio_pci_set_status(v, status);
    g_assert_cmphex(qvirtio_pci_get_status(v), ==, status);
}

QVirtQueue *vhost_add_queue(VhostMachine *m, QVirtioPCI *v, uint16_t queue)
{
    QVirtQueue *q = qvring_new(m->fm.qts, m->fm.alloc,
                               qvirtio_pci_queue_size(v, queue),
                               qvirtio_pci_driver_features(v));

    qvirtio_pci_set_queue_addresses(v, queue, q->desc, q->avail, q->used);
    qvirtio_pci_enable_queue(v, queue);
    return q;
}

void vhost_driver_ok(QVirtioPCI *v)
{
    qvirtio_pci_set_status(v, FAKE_DRIVER_RUNS);
}

void vhost_assert_fault(VhostMachine *m, QVirtioPCI *v, const char *text)
{
    const char *last;

    g_assert_cmphex(qvirtio_pci_get_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET, !=,
                    0);
    /* It was printed before the write that caused it was answered. */
    g_assert_cmpuint(faults_reported(m), ==, ++m->faults);
    last = g_strrstr(qtest_stderr(m->fm.qts), FAULT_TEXT);
    while (last > qtest_stderr(m->fm.qts) && last[-1] != '\n') {
        last--;
    }
    if (!strstr(last, text)) {
        qtest_fail(m->fm.qts, "no '%s' in '%s'", text, last);
    }
}

void vhost_assert_no_fault(VhostMachine *m, QVirtioPCI *v)
{
    g_assert_cmphex(qvirtio_pci_get_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET, ==,
                    0);
    g_assert_cmpuint(faults_reported(m), ==, m->faults);
}

unsigned count_text(const char *text, const char *needle)
{
    unsigned n = 0;

    while ((text = strstr(text, needle))) {
        text += strlen(needle);
        n++;
    }
    return n;
}
