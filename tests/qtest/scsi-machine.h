/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with a virtio SCSI adapter and a disk, for tests that run the same
 * way on several of them. The environment chooses:
 *
 *     QTEST_QEMU_BINARY   the program
 *     QTEST_FAKE_VHOST    libfake-vhost.so: the adapter is vhost-scsi-pci on the
 *                         stand-in for /dev/vhost-scsi; unset: QEMU's own
 *                         virtio-scsi-pci with a scsi-hd on a file
 *
 * The disk has SCSI_MACHINE_BLOCKS blocks of 512 bytes of zeros.
 */
#ifndef TESTS_QTEST_SCSI_MACHINE_H
#define TESTS_QTEST_SCSI_MACHINE_H

#include "fake-machine.h"

#define SCSI_MACHINE_BLOCK  FAKE_MACHINE_BLOCK
#define SCSI_MACHINE_BLOCKS 8192u

/* Without the stand-in its `fake` is NULL. Ended by fake_machine_stop(). */
typedef FakeMachine ScsiMachine;

/* Whether the adapter is on the stand-in. */
bool scsi_machine_is_vhost(void);

/* Whether -device ADAPTER,help shows a property @name. */
bool scsi_machine_has_property(const char *name);

/* Starts it with @options, "num_queues=2" or "", behind the adapter's type, and
 * @fake, FAKE_VHOST of fake-vhost.h, or NULL; the disk's size is given
 * already. */
void scsi_machine_start(ScsiMachine *m, const char *options, const char *fake);

#endif
