/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM's binary statistics: a file with header, descriptors and data, one for
 * the machine and one for each vCPU (Linux, Documentation/virt/kvm/api.rst,
 * KVM_GET_STATS_FD). Reading it neither stops a vCPU nor waits for one. The
 * functions read any file descriptor and know no KvmAccel, so that tests can
 * give them files of their own.
 */
#ifndef ACCEL_KVM_STATS_H
#define ACCEL_KVM_STATS_H

#include "system/stats.h"

/* More of these than KVM has by far. */
#define KVM_STATS_DESCS_MAX  1024  /* descriptors in one file */
#define KVM_STATS_NAME_MAX   256   /* bytes of a name with its NUL */
#define KVM_STATS_VALUES_MAX 1024  /* values of one descriptor */
#define KVM_STATS_DATA_MAX   65536 /* bytes of the data block */

typedef struct KvmStatsFormat {
    StatsSchema schema;
    uint32_t *offsets;    /* per descriptor: of its values in the data; owned */
    uint32_t data_offset; /* of the data in the file */
    size_t data_size;     /* bytes of it that the descriptors name */
} KvmStatsFormat;

/* Reads header and descriptors of @fd (borrowed). Descriptors of a type, unit
 * or base that is not known here are left out. Returns 0 or -errno: -EIO if
 * the file ends early, -EPROTO if it contradicts itself or exceeds a limit.
 * Any thread. */
int kvm_stats_format_new(int fd, KvmStatsFormat **ret_format);
void kvm_stats_format_free(KvmStatsFormat *format); /* takes NULL */

/* Reads the values of @fd (borrowed), schema.n_values of them, in the order of
 * the schema. Any thread. */
int kvm_stats_values_read(const KvmStatsFormat *format, int fd,
                          uint64_t *values);

#endif
