/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -numa options make of a machine: nodes, vCPUs, distances, memory; and
 * each refusal. */
#include "system/memory-backend.h"
#include "test-board.h"
#include "util/keyval.h"

typedef struct Fixture {
    TestBoard b;
    GPtrArray *options; /* json_object */
} Fixture;

static void free_dictionary(gpointer dict)
{
    json_object_put(dict);
}

/* Four vCPUs, two threads of two cores; backends a, b and c of 64 MiB. */
static void setup(Fixture *f, gconstpointer data)
{
    test_board_init(&f->b);
    f->options = g_ptr_array_new_with_free_func(free_dictionary);
    f->b.m->config.n_cpus = 4;
    f->b.m->config.topology = (CpuTopology){ 1, 2, 2 };
    f->b.m->config.topology_given = true;
    for (const char *id = "abc"; *id; id++) {
        g_autofree char *text = g_strdup_printf(
            "memory-backend-ram,id=%c,size=64M", *id);
        auto_json *opts = keyval_parse(text, "qom-type", NULL);

        g_assert_true(user_object_add(f->b.m, opts, NULL));
    }
}

static void teardown(Fixture *f, gconstpointer data)
{
    g_ptr_array_unref(f->options);
    test_board_finish(&f->b);
}

/* @options with blanks between. */
static void configure(Fixture *f, const char *options, uint64_t ram_size,
                      const char *message)
{
    g_auto(GStrv) items = g_strsplit(options, " ", 0);
    g_autoptr(GError) err = NULL;
    bool ok;

    for (char **i = items; *i; i++) {
        g_ptr_array_add(f->options,
                        keyval_parse_repeated(*i, "type", "cpus", NULL));
    }
    f->b.m->config.ram_size = ram_size;
    ok = numa_configure(f->b.m, f->options, ram_size, &err);
    g_assert_cmpstr(err ? err->message : NULL, ==, message);
    g_assert_true(ok == !message);
}

static void assert_cpus(const Fixture *f, const char *nodes)
{
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpint(f->b.m->config.numa->cpu_nodes[i], ==, nodes[i] - '0');
    }
}

static void test_two_nodes(Fixture *f, gconstpointer data)
{
    const MachineConfig *c = &f->b.m->config;
    g_autoptr(GError) err = NULL;

    /* Not in order, one of the distances only, and a node without memory. */
    configure(f,
              "node,nodeid=1,cpus=2-3,memdev=b node,nodeid=0,cpus=0,cpus=1 "
              "node,memdev=a dist,src=0,dst=1,val=21 dist,src=1,dst=2,val=255 "
              "dist,src=2,dst=1,val=30 dist,src=2,dst=0,val=10",
              128 * MiB, NULL);
    g_assert_cmpuint(c->numa->n_nodes, ==, 3);
    assert_cpus(f, "0011");
    g_assert_cmpuint(numa_node_size(c->numa, 0), ==, 0);
    g_assert_cmpuint(numa_node_size(c->numa, 1), ==, 64 * MiB);
    g_assert_cmpuint(c->ram_backends->len, ==, 2);
    g_assert_true(g_ptr_array_index(c->ram_backends, 0) ==
                  memory_backend_find(f->b.m, "b"));
    g_assert_cmpmem(c->numa->distances[0], 3, ((uint8_t[]){ 10, 21, 10 }), 3);
    g_assert_cmpmem(c->numa->distances[1], 3, ((uint8_t[]){ 21, 10, 255 }), 3);
    g_assert_cmpmem(c->numa->distances[2], 3, ((uint8_t[]){ 10, 30, 10 }), 3);
    g_assert_false(user_object_del(f->b.m, "a", &err)); /* in use */
}

static void test_size_of_nodes(Fixture *f, gconstpointer data)
{
    configure(f, "node,memdev=a node,memdev=b", 0, NULL);
    g_assert_cmpuint(f->b.m->config.ram_size, ==, 128 * MiB);
    g_assert_false(f->b.m->config.numa->has_distances);
}

static void test_cpus_by_place(Fixture *f, gconstpointer data)
{
    configure(f,
              "node,memdev=a node,memdev=b cpu,node-id=0,core-id=1 "
              "cpu,node-id=1,socket-id=0,core-id=0,thread-id=0 "
              "cpu,node-id=1,core-id=0,thread-id=1",
              128 * MiB, NULL);
    assert_cpus(f, "1100");
}

static void test_no_word_of_cpus(Fixture *f, gconstpointer data)
{
    f->b.m->config.topology = (CpuTopology){ 4, 1, 1 };
    configure(f, "node,memdev=a node,memdev=b", 128 * MiB, NULL);
    assert_cpus(f, "0101");
}

/* A number of vCPUs alone gives each node a socket. */
static void test_socket_for_each_node(Fixture *f, gconstpointer data)
{
    const CpuTopology *t = &f->b.m->config.topology;

    f->b.m->config.topology = (CpuTopology){ 1, 4, 1 };
    f->b.m->config.topology_given = false;
    configure(f, "node,memdev=a,cpus=0-1 node,memdev=b,cpus=2-3", 128 * MiB,
              NULL);
    g_assert_cmpuint(t->sockets, ==, 2);
    g_assert_cmpuint(t->cores, ==, 2);
    assert_cpus(f, "0011");
}

static void test_none(Fixture *f, gconstpointer data)
{
    g_assert_true(numa_configure(f->b.m, f->options, true, NULL));
    g_assert_null(f->b.m->config.numa);
    g_assert_null(f->b.m->config.ram_backends);
}

static void test_limit(Fixture *f, gconstpointer data)
{
    g_autoptr(GString) all = g_string_new("node,memdev=a");

    for (unsigned i = 1; i < NUMA_NODES_MAX; i++) {
        g_string_append(all, " node");
    }
    configure(f, all->str, 64 * MiB, NULL);
    g_assert_cmpuint(f->b.m->config.numa->n_nodes, ==, NUMA_NODES_MAX);
}

static const struct {
    const char *options, *message;
} refusals[] = {
    { "foo", "Parameter 'type' does not accept value 'foo': node, dist or cpu "
             "is expected" },
    { "hmat-lb,initiator=0", "'hmat-lb' is not supported: leave it out, '-numa "
                             "dist' says how far nodes are" },
    { "node,mem=64M", "Parameter -numa node,mem is not supported by this "
                      "machine type: give -object memory-backend-ram and "
                      "memdev= instead" },
    { "node,memdev=x", "memdev: Memory backend 'x' not found: give -object "
                       "memory-backend-ram,id=x,size=SIZE" },
    { "node,memdev=a node,memdev=a", "memdev: Memory backend 'a' is another "
                                     "node's: give each its own" },
    { "node,memdev=a,nodeid=x", "Parameter 'nodeid' expects a number" },
    { "node,memdev=a,nodeid=1", "Node ID missing: 0" },
    { "node,nodeid=16", "Max number of NUMA nodes reached: 16" },
    { "node node,nodeid=0", "Duplicate NUMA nodeid: 0" },
    { "node,cpus=4", "CPU index (4) should be smaller than maxcpus (4)" },
    { "node,cpus=1-0", "Parameter 'cpus' expects a uint64 value or range" },
    { "node,cpus=0-1 node,cpus=1", "CPU is already assigned to node-id: 0" },
    { "node,memdev=a", "total memory for NUMA nodes (0x4000000) should equal "
                       "RAM size (0x8000000)" },
    { "node", "total memory for NUMA nodes (0x0) should equal RAM size "
              "(0x8000000)" },
    { "dist,src=0,dst=1,val=20",
      "Source/Destination NUMA node is missing. Please use '-numa node' option "
      "to declare it first." },
    { "node node dist,src=0,dst=1", "Parameter 'val' is missing" },
    { "node node dist,src=0,dst=1,val=9",
      "NUMA distance (9) is invalid, it should be from 10 to 255." },
    { "node node dist,src=0,dst=1,val=256",
      "NUMA distance (256) is invalid, it should be from 10 to 255." },
    { "node dist,src=0,dst=0,val=20",
      "Local distance of node 0 should be 10." },
    { "node,memdev=a node,memdev=b node dist,src=0,dst=1,val=20",
      "The distance between node 0 and 2 is missing, at least one distance "
      "value between each nodes should be provided." },
    { "cpu,node-id=0,socket-id=0",
      "Invalid node-id=0, NUMA node must be defined with -numa node,nodeid=ID "
      "before it's used with -numa cpu,node-id=ID" },
    { "node cpu,socket-id=0", "Parameter 'node-id' is missing" },
    { "node cpu,node-id=0,socket-id=1", "no match found" },
};

static void test_refusal(Fixture *f, gconstpointer data)
{
    unsigned i = GPOINTER_TO_UINT(data);

    configure(f, refusals[i].options, 128 * MiB, refusals[i].message);
}

static void test_exclusive(Fixture *f, gconstpointer data)
{
    f->b.m->config.memory_backend = g_strdup("b");
    configure(f, "node,memdev=a", 64 * MiB,
              "'-machine memory-backend' and '-numa memdev' properties are "
              "mutually exclusive");
}

#define ADD(name, func) \
    g_test_add("/numa/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("two-nodes", test_two_nodes);
    ADD("size", test_size_of_nodes);
    ADD("cpus/by-place", test_cpus_by_place);
    ADD("cpus/no-word", test_no_word_of_cpus);
    ADD("cpus/socket-for-each-node", test_socket_for_each_node);
    ADD("none", test_none);
    ADD("limit", test_limit);
    ADD("refused/memory-backend", test_exclusive);
    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *name = g_strdup_printf("/numa/refused/%u", i);

        g_test_add(name, Fixture, GUINT_TO_POINTER(i), setup, test_refusal,
                   teardown);
    }
    return g_test_run();
}
