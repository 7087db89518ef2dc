/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What LIO, the kernel's SCSI target, shows of its configuration in configfs:
 * LIO_VHOST_PATH/WWPN/tpgt_N. Often only root may read it, so that each answer
 * has a form for "not known". These functions read directories that are made of
 * memory, print nothing and need no lock.
 */
#ifndef HW_SCSI_LIO_H
#define HW_SCSI_LIO_H

#define LIO_VHOST_PATH "/sys/kernel/config/target/vhost"

/* Whether @path, which is LIO_VHOST_PATH or a target's directory, is there. */
bool lio_is_there(const char *path);

/* Whether one of the portal groups of the directory @target has a nexus, as far
 * as we may look: one that we may not read counts. */
bool lio_has_nexus(const char *target);

/* The lowest number N of the directories tpgt_N in @target; -ENOENT if there is
 * none that we may see. */
int lio_lowest_tpgt(const char *target);

#endif
