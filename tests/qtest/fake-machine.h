/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program on the stand-in for /dev/vhost-scsi, for tests that look at what
 * it tells the kernel: any command line, starts that fail, and a driver that is
 * taken up and down step by step.
 *
 *     FakeMachine m;
 *     QVirtioSCSI *scsi;
 *
 *     fake_machine_start(&m, "kernel=6.5", FAKE_MACHINE_DEVICE);
 *     scsi = fake_driver_new(&m, FAKE_MACHINE_SLOT);
 *     g_assert_true(fake_driver_start(scsi, QVIRTIO_MSIX));
 *     fake_driver_check_io(scsi);
 *     fake_driver_free(scsi);
 *     fake_machine_stop(&m);
 */
#ifndef TESTS_QTEST_FAKE_MACHINE_H
#define TESTS_QTEST_FAKE_MACHINE_H

#include "fake-client.h"
#include "fake-vhost.h"
#include "libqos/malloc.h"
#include "libqos/pci.h"
#include "libqos/scsi.h"

#define FAKE_MACHINE_RAM   (128 * MiB)
#define FAKE_MACHINE_BLOCK 512u
#define FAKE_MACHINE_SLOT  3u
/* An adapter there; more properties may be put behind it. */
#define FAKE_MACHINE_DEVICE \
    "-device vhost-scsi-pci,addr=3,wwpn=" FAKE_VHOST_WWPN

/* How the program begins each of its messages about a device without an id. */
#define FAKE_MACHINE_ERROR "qemu-system-x86_64: -device: "

/* The device status of a driver that is up, 2.1. */
#define FAKE_DRIVER_RUNS                                    \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

typedef struct FakeMachine {
    QTestState *qts;
    QPCIBus bus;
    QGuestAllocator *alloc;
    FakeClient *fake;
    char *dir; /* private; for sockets of the test as well */
    char *log; /* path in it, for -D */
} FakeMachine;

/* A machine that is not started; its directory is there for command lines that
 * name files in it. */
void fake_machine_init(FakeMachine *m);
/* Starts it with @args; @knobs is FAKE_VHOST of fake-vhost.h, or NULL. */
void fake_machine_run(FakeMachine *m, const char *knobs, const char *args);
/* Both. */
void fake_machine_start(FakeMachine *m, const char *knobs, const char *args);

/* Ends it by SIGTERM, unless it has been waited for, and checks how it ended. */
void fake_machine_stop(FakeMachine *m);

/* Removes the directory of a machine that was not started. */
void fake_machine_clean(FakeMachine *m);

/* A start that must fail. Returns how; with @ret_calls also what the kernel was
 * told, see fake_machine_calls(). */
QTestExit *fake_machine_refused(const char *knobs, const char *args,
                                char **ret_calls);

/*
 * What the kernel was told from record @from on, a line for each call, without
 * numbers, threads and devices:
 *     VHOST_GET_VRING_WORKER index=3 -> 0 worker_id=1
 * The caller frees it.
 */
char *fake_machine_calls(FakeMachine *m, unsigned from);

/* Entries of a directory of the process in /proc: "fd", "task". */
unsigned fake_machine_count(FakeMachine *m, const char *what);

/* --- the driver --- */

/* The adapter in that slot, placed and enabled; no driver yet. */
QVirtioSCSI *fake_driver_new(FakeMachine *m, unsigned slot);

/* From reset to before DRIVER_OK: features, queues, vectors. */
void fake_driver_prepare(QVirtioSCSI *scsi, QVirtioMode mode);
/* Says DRIVER_OK and returns the status then. */
uint8_t fake_driver_ok(QVirtioSCSI *scsi);
/* Both; returns whether the device runs. */
bool fake_driver_start(QVirtioSCSI *scsi, QVirtioMode mode);

/* Resets the device and takes the queues down. */
void fake_driver_stop(QVirtioSCSI *scsi);
/* Takes NULL; needs no fake_driver_stop() before. */
void fake_driver_free(QVirtioSCSI *scsi);
/* Only frees what the test has: the device goes on. Nothing may be done with
 * the machine afterwards but to end it. */
void fake_driver_abandon(QVirtioSCSI *scsi);

/* Writes a block through each request queue and reads it back. */
void fake_driver_check_io(QVirtioSCSI *scsi);

/* By the reset control register 0xcf9 (ICH9, 13.7.5); returns once the adapter
 * is as at power-on and was enabled again. The queues are still to be taken
 * down, by fake_driver_stop(). */
void fake_machine_reset(FakeMachine *m, QVirtioSCSI *scsi);

/* Where the register for device status is in memory. */
uint64_t fake_driver_status_address(const QVirtioSCSI *scsi);

#endif
