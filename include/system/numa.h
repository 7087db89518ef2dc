/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's NUMA nodes: -numa node, dist and cpu. This is what the command
 * line says, checked; a board tells the guest. Every function needs the machine
 * lock and is for the start alone.
 */
#ifndef SYSTEM_NUMA_H
#define SYSTEM_NUMA_H

#include <json-c/json.h>

#include "system/cpus.h"

typedef struct Machine Machine;
typedef struct MemoryBackend MemoryBackend;

#define NUMA_NODES_MAX 16 /* each may be a piece of RAM, see RAM_PIECES_MAX */

/* ACPI 6.4, 5.2.17: of a node to itself, the usual to another, the greatest. */
#define NUMA_DISTANCE_LOCAL  10
#define NUMA_DISTANCE_REMOTE 20
#define NUMA_DISTANCE_MAX    255

#define NUMA_NO_NODE UINT8_MAX

typedef struct NumaNode {
    bool given;
    MemoryBackend *memdev; /* borrowed from the machine's objects; NULL: it has
                            * no memory */
} NumaNode;

typedef struct NumaConfig {
    unsigned n_nodes; /* numbers 0 to n_nodes - 1 once all is read */
    NumaNode nodes[NUMA_NODES_MAX];
    uint8_t cpu_nodes[CPUS_MAX]; /* NUMA_NO_NODE: not said */
    bool has_distances;
    uint8_t distances[NUMA_NODES_MAX][NUMA_NODES_MAX]; /* 0: not said */
} NumaConfig;

/* Makes machine->config.numa, the object RAM is made of, and the size of RAM of
 * @options (json_object: "type" and the rest, "cpus" as a list of texts), after
 * the machine's objects. @has_ram_size: the size that config has is the
 * user's, and must be that of all nodes. Nothing happens without options. */
bool numa_configure(Machine *machine, const GPtrArray *options,
                    bool has_ram_size, GError **errp);

/* Bytes of RAM of node @node. */
uint64_t numa_node_size(const NumaConfig *numa, unsigned node);

/* QMP: the text of "info numa". */
json_object *qmp_x_query_numa(Machine *machine, json_object *args,
                              GError **errp);

#endif
