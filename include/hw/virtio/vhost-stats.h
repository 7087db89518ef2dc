/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scheduler counts of vhost workers, in the form of query-stats: the
 * provider "vhost", whose target is "vhost-worker". Machine lock; does not
 * block. */
#ifndef HW_VIRTIO_VHOST_STATS_H
#define HW_VIRTIO_VHOST_STATS_H

#include <json-c/json.h>

typedef struct Machine Machine;

/* Appends a StatsResult for each worker whose thread is known; @names (NULL:
 * all) chooses among the statistics. */
void vhost_stats_add(Machine *m, json_object *names, json_object *results);

/* Appends the StatsSchema. */
void vhost_stats_add_schema(json_object *schemas);

#endif
