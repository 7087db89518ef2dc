/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scsi-machine.h"

#include <fcntl.h>

bool scsi_machine_is_vhost(void)
{
    return g_getenv("QTEST_FAKE_VHOST") != NULL;
}

static const char *adapter(void)
{
    return scsi_machine_is_vhost() ? "vhost-scsi-pci" : "virtio-scsi-pci";
}

bool scsi_machine_has_property(const char *name)
{
    g_autofree char *type = g_strconcat(adapter(), ",help", NULL);
    g_autofree char *wanted = g_strdup_printf("\n  %s=", name);
    const char *argv[] = { g_getenv("QTEST_QEMU_BINARY"), "-device", type,
                           NULL };
    g_autofree char *out = NULL;
    g_autoptr(GError) err = NULL;

    (void)g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                       NULL, &out, NULL, NULL, &err);
    g_assert_no_error(err);
    return strstr(out, wanted) != NULL;
}

static void start_vhost(ScsiMachine *m, const char *options, const char *fake)
{
    g_autofree char *knobs = g_strdup_printf(
        "lun=%u%s%s", SCSI_MACHINE_BLOCK * SCSI_MACHINE_BLOCKS, fake ? "," : "",
        fake ? fake : "");
    g_autofree char *args = g_strdup_printf(
        "-device vhost-scsi-pci,wwpn=%s%s%s", FAKE_VHOST_WWPN,
        *options ? "," : "", options);

    fake_machine_run(m, knobs, args);
}

static void start_virtio(ScsiMachine *m, const char *options)
{
    g_autofree char *disk = g_build_filename(m->dir, "disk", NULL);
    g_autofree char *args = g_strdup_printf(
        "-device %s%s%s "
        "-blockdev driver=file,filename=%s,node-name=f,discard=unmap "
        "-blockdev driver=raw,file=f,node-name=d,discard=unmap "
        "-device scsi-hd,drive=d,scsi-id=1,lun=0",
        adapter(), *options ? "," : "", options, disk);
    int fd = open(disk, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(
        ftruncate(fd, (off_t)SCSI_MACHINE_BLOCK * SCSI_MACHINE_BLOCKS), ==, 0);
    close_fd(&fd);
    m->qts = qtest_init(args);
    qpci_init(&m->bus, m->qts);
    m->alloc = guest_allocator_new(m->qts, FAKE_MACHINE_RAM);
}

void scsi_machine_start(ScsiMachine *m, const char *options, const char *fake)
{
    fake_machine_init(m);
    if (scsi_machine_is_vhost()) {
        start_vhost(m, options, fake);
    } else {
        start_virtio(m, options);
    }
}
