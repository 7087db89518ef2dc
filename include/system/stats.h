/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statistics that the accelerator counts, of the machine and of each vCPU: the
 * QMP commands query-stats and query-stats-schemas over two entries of
 * AccelOps. A schema says what is counted; a sample is an array of numbers in
 * the order that the schema names. Nothing here stops the guest.
 */
#ifndef SYSTEM_STATS_H
#define SYSTEM_STATS_H

#include <json-c/json.h>

typedef struct Machine Machine;

typedef enum StatsTarget {
    STATS_TARGET_VM,
    STATS_TARGET_VCPU,
    STATS_TARGETS_COUNT
} StatsTarget;

typedef enum StatsType {
    STATS_TYPE_CUMULATIVE,
    STATS_TYPE_INSTANT,
    STATS_TYPE_PEAK,
    STATS_TYPE_LINEAR_HISTOGRAM,
    STATS_TYPE_LOG2_HISTOGRAM,
    STATS_TYPES_COUNT
} StatsType;

typedef enum StatsUnit {
    STATS_UNIT_NONE,
    STATS_UNIT_BYTES,
    STATS_UNIT_SECONDS,
    STATS_UNIT_CYCLES,
    STATS_UNIT_BOOLEAN,
    STATS_UNITS_COUNT
} StatsUnit;

/* One row of a schema. A value counts in units of base ^ exponent; of a
 * histogram this is said of the buckets, and its values are numbers of
 * samples. */
typedef struct StatsDesc {
    char *name; /* owned by the schema */
    StatsType type;
    StatsUnit unit;
    unsigned base; /* 10 or 2; means nothing with exponent 0 */
    int exponent;
    uint32_t bucket_size; /* of a linear histogram */
    size_t first;         /* index of its first value in a sample */
    size_t size;          /* its number of values, at least 1 */
} StatsDesc;

typedef struct StatsSchema {
    StatsDesc *descs; /* owned */
    size_t n_descs;
    size_t n_values; /* in a sample */
} StatsSchema;

/* Frees what @schema owns, not itself; fine with a zeroed one. */
void stats_schema_finish(StatsSchema *schema);

/* QMP commands, see docs/system/monitor.rst. Machine lock; they do not block.
 * The caller puts the reply; NULL with @errp filled on failure. @args may be
 * NULL. */
json_object *qmp_query_stats(Machine *machine, json_object *args,
                             GError **errp);
json_object *qmp_query_stats_schemas(Machine *machine, json_object *args,
                                     GError **errp);
json_object *qmp_query_kvm(Machine *machine, json_object *args, GError **errp);

#endif
