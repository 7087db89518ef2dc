/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Machines with one or more vhost-scsi-pci adapters on the stand-in for
 * /dev/vhost-scsi, for tests of the transport itself, which set up and spoil
 * what libqos's drivers keep in order:
 *
 *     VhostMachine m;
 *     QVirtioPCI v;
 *     QPCIDevice *pci;
 *
 *     vhost_machine_start(&m, "num_queues=2", "-trace virtio*", NULL);
 *     pci = vhost_machine_device(&m, VHOST_MACHINE_SLOT, &v);
 *     vhost_negotiate(&v, 0);
 *     ring = vhost_add_queue(&m, &v, 0);
 *     vhost_driver_ok(&v);
 *     vhost_assert_fault(&m, &v, 0);
 *     qpci_device_free(pci);
 *     vhost_machine_stop(&m);
 */
#ifndef TESTS_QTEST_VHOST_MACHINE_H
#define TESTS_QTEST_VHOST_MACHINE_H

#include "fake-machine.h"

#define VHOST_MACHINE_SLOT 4 /* of the adapter, function 0 */

typedef struct VhostMachine {
    FakeMachine fm;
    unsigned faults; /* lines about a fault that the test has seen */
} VhostMachine;

/* Starts one with an adapter in VHOST_MACHINE_SLOT. @options ("" for none)
 * stand behind its type and target, @args are more arguments of the command
 * line, @knobs FAKE_VHOST of fake-vhost.h; both may be NULL. The disk has 8 MiB
 * unless @knobs has a lun=. */
void vhost_machine_start(VhostMachine *m, const char *options, const char *args,
                         const char *knobs);
/* Ends it, and checks that no fault was reported but those that
 * vhost_assert_fault() has seen, and no leak of guest memory. */
void vhost_machine_stop(VhostMachine *m);

/* What is in the log up to now. The caller frees it. */
char *vhost_machine_log(const VhostMachine *m);

/* The adapter in @slot, with BARs mapped and its structures found. The caller
 * frees it by qpci_device_free(). */
QPCIDevice *vhost_machine_device(VhostMachine *m, unsigned slot, QVirtioPCI *v);

/* The fixture of tests of one adapter, for g_test_add(). */
typedef struct VhostAdapter {
    VhostMachine m;
    QPCIDevice *pci;
    QVirtioPCI v;
} VhostAdapter;

/* With num_queues=2. */
void vhost_adapter_set_up(VhostAdapter *a, gconstpointer unused);
void vhost_adapter_tear_down(VhostAdapter *a, gconstpointer unused);

/* The same as qvirtio_scsi_new_features() for the adapter in @slot. */
QVirtioSCSI *vhost_machine_scsi(VhostMachine *m, unsigned slot,
                                QVirtioMode mode, uint64_t features);

/* Resets the device and takes it to FEATURES_OK with VERSION_1 and @features. */
void vhost_negotiate(QVirtioPCI *v, uint64_t features);

/* Gives queue @queue a ring at the size the device shows, and enables it. The
 * caller frees it by qvring_free(). */
QVirtQueue *vhost_add_queue(VhostMachine *m, QVirtioPCI *v, uint16_t queue);

/* Writes DRIVER_OK; how it ended shows in the status. */
void vhost_driver_ok(QVirtioPCI *v);

/* Asserts that the device's status has NEEDS_RESET, that this was reported by
 * one line more than before, which holds @text, and that the machine answers. */
void vhost_assert_fault(VhostMachine *m, QVirtioPCI *v, const char *text);
/* Asserts that there is no fault, and none was reported. */
void vhost_assert_no_fault(VhostMachine *m, QVirtioPCI *v);

/* How often @needle occurs in @text. */
unsigned count_text(const char *text, const char *needle);

#endif
