/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/numa.h"
#include "system/machine.h"
#include "system/memory-backend.h"
#include "util/cpulist.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

static_assert(NUMA_NODES_MAX <= RAM_PIECES_MAX, "a piece of RAM for each");

/* A number of @dict, which is @def without one. */
static bool get_number(json_object *dict, const char *key, uint64_t def,
                       uint64_t *ret_value, GError **errp)
{
    const char *text = keyval_get(dict, key);

    *ret_value = def;
    if (text && parse_u64(text, ret_value) < 0) {
        error_setg(errp, "Parameter '%s' expects a number", key);
        return false;
    }
    return true;
}

static bool need_number(json_object *dict, const char *key, uint64_t *ret_value,
                        GError **errp)
{
    if (!keyval_get(dict, key)) {
        error_setg(errp, "Parameter '%s' is missing", key);
        return false;
    }
    return get_number(dict, key, 0, ret_value, errp);
}

/* --- node --- */

static bool assign_cpu(NumaConfig *numa, unsigned cpu, uint8_t node,
                       GError **errp)
{
    if (numa->cpu_nodes[cpu] != NUMA_NO_NODE && numa->cpu_nodes[cpu] != node) {
        error_setg(errp, "CPU is already assigned to node-id: %u",
                   numa->cpu_nodes[cpu]);
        return false;
    }
    numa->cpu_nodes[cpu] = node;
    return true;
}

/* "N" or "N-M". */
static bool assign_cpus(const Machine *m, const char *text, uint8_t node,
                        GError **errp)
{
    unsigned n_cpus = m->config.n_cpus;
    CpuSet set;

    if (cpulist_parse(text, &set) < 0) {
        error_setg(errp, "Parameter 'cpus' expects a uint64 value or range");
        return false;
    }
    for (unsigned i = n_cpus; i <= CPULIST_MAX; i++) {
        if (cpuset_has(&set, i)) {
            error_setg(errp,
                       "CPU index (%u) should be smaller than maxcpus (%u)", i,
                       n_cpus);
            return false;
        }
    }
    for (unsigned i = 0; i < n_cpus; i++) {
        if (cpuset_has(&set, i) && !assign_cpu(m->config.numa, i, node, errp)) {
            return false;
        }
    }
    return true;
}

static bool take_memdev(Machine *m, NumaNode *node, const char *id,
                        GError **errp)
{
    MemoryBackend *b = memory_backend_find(m, id);

    if (m->config.memory_backend) {
        error_setg(errp, "'-machine memory-backend' and '-numa memdev' "
                         "properties are mutually exclusive");
        return false;
    }
    if (!b) {
        error_setg(errp,
                   "memdev: Memory backend '%s' not found: give -object "
                   "memory-backend-ram,id=%s,size=SIZE",
                   id, id);
        return false;
    }
    if (b->object.users) {
        error_setg(errp,
                   "memdev: Memory backend '%s' is another node's: give "
                   "each its own",
                   id);
        return false;
    }
    b->object.users++;
    node->memdev = b;
    return true;
}

static bool new_node(NumaConfig *numa, uint64_t id, GError **errp)
{
    if (id >= NUMA_NODES_MAX) {
        error_setg(errp, "Max number of NUMA nodes reached: %d",
                   NUMA_NODES_MAX);
        return false;
    }
    if (numa->nodes[id].given) {
        error_setg(errp, "Duplicate NUMA nodeid: %" PRIu64, id);
        return false;
    }
    numa->nodes[id].given = true;
    numa->n_nodes++;
    return true;
}

static bool configure_node(Machine *m, json_object *dict, GError **errp)
{
    static const char *const keys[] = { "type",   "nodeid", "cpus",
                                        "memdev", "mem",    NULL };
    NumaConfig *numa = m->config.numa;
    json_object *cpus = json_get(dict, "cpus");
    const char *memdev = keyval_get(dict, "memdev");
    uint64_t id;

    if (keyval_get(dict, "mem")) {
        error_setg(errp, "Parameter -numa node,mem is not supported by this "
                         "machine type: give -object memory-backend-ram and "
                         "memdev= instead");
        return false;
    }
    if (!keyval_check_keys(dict, "node", keys, errp) ||
        !get_number(dict, "nodeid", numa->n_nodes, &id, errp) ||
        !new_node(numa, id, errp)) {
        return false;
    }
    for (size_t i = 0; cpus && i < json_object_array_length(cpus); i++) {
        json_object *item = json_object_array_get_idx(cpus, i);

        if (!assign_cpus(m, json_object_get_string(item), (uint8_t)id, errp)) {
            return false;
        }
    }
    return !memdev || take_memdev(m, &numa->nodes[id], memdev, errp);
}

/* --- dist --- */

static bool configure_distance(Machine *m, json_object *dict, GError **errp)
{
    static const char *const keys[] = { "type", "src", "dst", "val", NULL };
    NumaConfig *numa = m->config.numa;
    uint64_t src, dst, val;

    if (!keyval_check_keys(dict, "dist", keys, errp) ||
        !need_number(dict, "src", &src, errp) ||
        !need_number(dict, "dst", &dst, errp) ||
        !need_number(dict, "val", &val, errp)) {
        return false;
    }
    if (src >= NUMA_NODES_MAX || dst >= NUMA_NODES_MAX ||
        !numa->nodes[src].given || !numa->nodes[dst].given) {
        error_setg(errp, "Source/Destination NUMA node is missing. Please use "
                         "'-numa node' option to declare it first.");
        return false;
    }
    if (val < NUMA_DISTANCE_LOCAL || val > NUMA_DISTANCE_MAX) {
        error_setg(errp,
                   "NUMA distance (%" PRIu64 ") is invalid, it should be from "
                   "%d to %d.",
                   val, NUMA_DISTANCE_LOCAL, NUMA_DISTANCE_MAX);
        return false;
    }
    if (src == dst && val != NUMA_DISTANCE_LOCAL) {
        error_setg(errp, "Local distance of node %" PRIu64 " should be %d.",
                   src, NUMA_DISTANCE_LOCAL);
        return false;
    }
    numa->distances[src][dst] = (uint8_t)val;
    numa->has_distances = true;
    return true;
}

/* What is said of one way counts for the other. */
static bool complete_distances(NumaConfig *numa, GError **errp)
{
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        numa->distances[i][i] = NUMA_DISTANCE_LOCAL;
        for (unsigned j = 0; j < i; j++) {
            uint8_t *there = &numa->distances[j][i];
            uint8_t *back = &numa->distances[i][j];

            if (!*there && !*back) {
                error_setg(errp,
                           "The distance between node %u and %u is missing, "
                           "at least one distance value between each nodes "
                           "should be provided.",
                           j, i);
                return false;
            }
            *there = *there ? *there : *back;
            *back = *back ? *back : *there;
        }
    }
    return true;
}

/* --- cpu --- */

/* Whether vCPU @cpu has the place that @wanted says, of sockets, cores and
 * threads; UINT64_MAX: any. */
static bool is_at(const CpuTopology *t, unsigned cpu, const uint64_t wanted[3])
{
    const unsigned place[] = { cpu / t->threads / t->cores,
                               cpu / t->threads % t->cores, cpu % t->threads };

    for (unsigned i = 0; i < G_N_ELEMENTS(place); i++) {
        if (wanted[i] != UINT64_MAX && wanted[i] != place[i]) {
            return false;
        }
    }
    return true;
}

static bool configure_cpu(Machine *m, json_object *dict, GError **errp)
{
    static const char *const keys[] = { "type",    "node-id",   "socket-id",
                                        "core-id", "thread-id", NULL };
    NumaConfig *numa = m->config.numa;
    uint64_t node, wanted[3];
    bool found = false;

    if (!keyval_check_keys(dict, "cpu", keys, errp) ||
        !need_number(dict, "node-id", &node, errp)) {
        return false;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        if (!get_number(dict, keys[2 + i], UINT64_MAX, &wanted[i], errp)) {
            return false;
        }
    }
    if (node >= NUMA_NODES_MAX || !numa->nodes[node].given) {
        error_setg(errp,
                   "Invalid node-id=%" PRIu64 ", NUMA node must be defined "
                   "with -numa node,nodeid=ID before it's used with -numa "
                   "cpu,node-id=ID",
                   node);
        return false;
    }
    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        if (is_at(&m->config.topology, i, wanted)) {
            found = true;
            if (!assign_cpu(numa, i, (uint8_t)node, errp)) {
                return false;
            }
        }
    }
    if (!found) {
        error_setg(errp, "no match found");
    }
    return found;
}

/* --- the whole --- */

static bool configure_one(Machine *m, json_object *dict, GError **errp)
{
    const char *type = keyval_get(dict, "type");

    if (!g_strcmp0(type, "node")) {
        return configure_node(m, dict, errp);
    }
    if (!g_strcmp0(type, "dist")) {
        return configure_distance(m, dict, errp);
    }
    if (!g_strcmp0(type, "cpu")) {
        return configure_cpu(m, dict, errp);
    }
    if (type && g_str_has_prefix(type, "hmat-")) {
        error_setg(errp,
                   "'%s' is not supported: leave it out, '-numa dist' "
                   "says how far nodes are",
                   type);
    } else {
        error_setg(errp,
                   "Parameter 'type' does not accept value '%s': node, dist or "
                   "cpu is expected",
                   type ? type : "");
    }
    return false;
}

/* Of a number of vCPUs alone a socket for each node is made: no kernel expects
 * vCPUs that share a cache on two nodes. */
static void choose_topology(Machine *m, const GPtrArray *options)
{
    CpuTopology *t = &m->config.topology;
    unsigned nodes = 0;

    for (unsigned i = 0; i < options->len; i++) {
        const char *type = keyval_get(g_ptr_array_index(options, i), "type");

        nodes += !g_strcmp0(type, "node");
        if (!g_strcmp0(type, "cpu")) {
            return;
        }
    }
    if (!m->config.topology_given && nodes && m->config.n_cpus % nodes == 0) {
        *t = (CpuTopology){ nodes, m->config.n_cpus / nodes, 1 };
    }
}

/* Without a word about vCPUs nodes have sockets in turns. Of some only, the
 * others are node 0's, as in QEMU. */
static void complete_cpus(Machine *m)
{
    NumaConfig *numa = m->config.numa;
    const CpuTopology *t = &m->config.topology;
    g_autofree char *list = NULL;
    CpuSet missing = { 0 };
    bool any = false;

    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        any |= numa->cpu_nodes[i] != NUMA_NO_NODE;
    }
    for (unsigned i = 0; i < m->config.n_cpus; i++) {
        if (numa->cpu_nodes[i] != NUMA_NO_NODE) {
            continue;
        }
        numa->cpu_nodes[i] =
            any ? 0 : (uint8_t)(i / t->threads / t->cores % numa->n_nodes);
        if (any) {
            cpuset_add(&missing, i);
        }
    }
    list = cpulist_format(&missing);
    if (*list) {
        warn_report("-numa: CPU(s) not present in any NUMA nodes: %s; they are "
                    "in node 0, give them with cpus=",
                    list);
    }
}

static void warn_of_split_sockets(const Machine *m)
{
    const CpuTopology *t = &m->config.topology;
    unsigned per_socket = t->cores * t->threads;

    for (unsigned i = 1; i < m->config.n_cpus; i++) {
        unsigned node = m->config.numa->cpu_nodes[i];
        unsigned before = m->config.numa->cpu_nodes[i - 1];

        if (i % per_socket && node != before) {
            warn_report("-numa: socket %u has vCPUs of nodes %u and %u, which "
                        "Linux warns of: give -smp a socket for each node",
                        i / per_socket, before, node);
            return;
        }
    }
}

static bool check_nodes(const NumaConfig *numa, GError **errp)
{
    if (!numa->n_nodes) {
        error_setg(errp, "there is no node: give -numa node");
        return false;
    }
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        if (!numa->nodes[i].given) {
            error_setg(errp, "Node ID missing: %u", i);
            return false;
        }
    }
    return true;
}

uint64_t numa_node_size(const NumaConfig *numa, unsigned node)
{
    return numa->nodes[node].memdev ? numa->nodes[node].memdev->size : 0;
}

static bool take_memory(Machine *m, bool has_ram_size, GError **errp)
{
    const NumaConfig *numa = m->config.numa;
    uint64_t sum = 0;

    m->config.ram_backends = g_ptr_array_new();
    for (unsigned i = 0; i < numa->n_nodes; i++) {
        if (numa->nodes[i].memdev) {
            g_ptr_array_add(m->config.ram_backends, numa->nodes[i].memdev);
            sum += numa_node_size(numa, i);
        }
    }
    if (has_ram_size ? sum != m->config.ram_size : !sum) {
        error_setg(errp,
                   "total memory for NUMA nodes (0x%" PRIx64 ") should equal "
                   "RAM size (0x%" PRIx64 ")",
                   sum, m->config.ram_size);
        return false;
    }
    m->config.ram_size = sum;
    return true;
}

static bool complete(Machine *m, bool has_ram_size, GError **errp)
{
    NumaConfig *numa = m->config.numa;

    if (!check_nodes(numa, errp) || !take_memory(m, has_ram_size, errp)) {
        return false;
    }
    complete_cpus(m);
    warn_of_split_sockets(m);
    return !numa->has_distances || complete_distances(numa, errp);
}

bool numa_configure(Machine *m, const GPtrArray *options, bool has_ram_size,
                    GError **errp)
{
    if (!options->len) {
        return true;
    }
    m->config.numa = g_new0(NumaConfig, 1);
    memset(m->config.numa->cpu_nodes, NUMA_NO_NODE,
           sizeof(m->config.numa->cpu_nodes));
    choose_topology(m, options);
    for (unsigned i = 0; i < options->len; i++) {
        if (!configure_one(m, g_ptr_array_index(options, i), errp)) {
            return false;
        }
    }
    return complete(m, has_ram_size, errp);
}

/* --- QMP --- */

json_object *qmp_x_query_numa(Machine *m, json_object *args, GError **errp)
{
    const NumaConfig *numa = m->config.numa;
    unsigned n = numa ? numa->n_nodes : 0;
    g_autoptr(GString) out = g_string_new(NULL);
    json_object *ret = json_object_new_object();

    g_string_append_printf(out, "%u nodes\n", n);
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(out, "node %u cpus:", i);
        for (unsigned cpu = 0; cpu < m->config.n_cpus; cpu++) {
            if (numa->cpu_nodes[cpu] == i) {
                g_string_append_printf(out, " %u", cpu);
            }
        }
        g_string_append_printf(out,
                               "\nnode %u size: %" PRIu64 " MB\n"
                               "node %u plugged: 0 MB\n",
                               i, numa_node_size(numa, i) / MiB, i);
    }
    json_add_string(ret, "human-readable-text", out->str);
    return ret;
}
