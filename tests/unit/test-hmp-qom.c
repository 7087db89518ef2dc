/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "info qom-tree" and "info qtree" over a tree that stands here. */
#include "test-hmp.h"

static const Answer tree[] = {
    { "qom-get", "{'path':'/machine','property':'type'}",
      "'pc-q35-7.2-machine'" },
    { "qom-list", "{'path':'/machine'}",
      "[{'name':'type','type':'string'},"
      "{'name':'unattached','type':'child<container>'},"
      "{'name':'peripheral','type':'child<container>'}]" },
    { "qom-list", "{'path':'/machine/unattached'}",
      "[{'name':'device[0]','type':'child<host-x86_64-cpu>'},"
      "{'name':'device[1]','type':'child<ICH9-LPC>'}]" },
    { "qom-list", "{'path':'/machine/unattached/device[0]'}",
      "[{'name':'hotplugged','type':'bool'},"
      "{'name':'apic-id','type':'uint32'}]" },
    { "qom-list", "{'path':'/machine/unattached/device[1]'}",
      "[{'name':'parent_bus','type':'link<bus>'},"
      "{'name':'isa.0','type':'child<ISA>'}]" },
    { "qom-list", "{'path':'/machine/unattached/device[1]/isa.0'}",
      "[{'name':'realized','type':'bool'}]" },
    { "qom-list", "{'path':'/machine/peripheral'}",
      "[{'name':'type','type':'string'},"
      "{'name':'vs0','type':'child<vhost-scsi-pci>'},"
      "{'name':'serial0','type':'child<isa-serial>'}]" },
    { "qom-list", "{'path':'/machine/peripheral/vs0'}",
      "[{'name':'type','type':'string'},"
      "{'name':'parent_bus','type':'link<bus>'},"
      "{'name':'vectors','type':'uint32'},"
      "{'name':'addr','type':'int32'},"
      "{'name':'legacy-addr','type':'str'},"
      "{'name':'unreadable','type':'uint32'},"
      "{'name':'virtio-backend','type':'child<vhost-scsi>'}]" },
    { "qom-list", "{'path':'/machine/peripheral/vs0/virtio-backend'}",
      "[{'name':'parent_bus','type':'link<bus>'},"
      "{'name':'wwpn','type':'str'},"
      "{'name':'worker_per_virtqueue','type':'bool'},"
      "{'name':'bootindex','type':'int32'}]" },
    { "qom-list", "{'path':'/machine/peripheral/serial0'}",
      "[{'name':'parent_bus','type':'link<bus>'},"
      "{'name':'index','type':'uint32'}]" },
    { "qom-list", NULL, "!Device not found" },
    { "qom-get",
      "{'path':'/machine/unattached/device[0]','property':'apic-id'}", "0" },
    { "qom-get",
      "{'path':'/machine/unattached/device[1]','property':'parent_bus'}",
      "'/machine/q35/pcie.0'" },
    { "qom-get", "{'path':'/machine/peripheral/vs0','property':'parent_bus'}",
      "'/machine/q35/pcie.0'" },
    { "qom-get", "{'path':'/machine/q35/pcie.0','property':'type'}", "'PCIE'" },
    { "qom-get", "{'path':'/machine/peripheral/vs0','property':'vectors'}",
      "4" },
    { "qom-get", "{'path':'/machine/peripheral/vs0','property':'legacy-addr'}",
      "'01.0'" },
    { "qom-get",
      "{'path':'/machine/peripheral/vs0/virtio-backend',"
      "'property':'parent_bus'}",
      "'/machine/peripheral/vs0/virtio-bus'" },
    { "qom-get",
      "{'path':'/machine/peripheral/vs0/virtio-backend','property':'wwpn'}",
      "'naa.1'" },
    { "qom-get",
      "{'path':'/machine/peripheral/vs0/virtio-backend',"
      "'property':'worker_per_virtqueue'}",
      "true" },
    { "qom-get",
      "{'path':'/machine/peripheral/vs0/virtio-backend',"
      "'property':'bootindex'}",
      "-1" },
    { "qom-get",
      "{'path':'/machine/peripheral/serial0','property':'parent_bus'}",
      "'/machine/unattached/device[1]/isa.0'" },
    { "qom-get", "{'path':'/machine/peripheral/serial0','property':'index'}",
      "0" },
    { "qom-get", NULL, "!Property not found" },
    { 0 },
};

static void qom_tree_is_told(void)
{
    check(tree, "info qom-tree",
          "/machine (pc-q35-7.2-machine)\n"
          "  /peripheral (container)\n"
          "    /serial0 (isa-serial)\n"
          "    /vs0 (vhost-scsi-pci)\n"
          "      /virtio-backend (vhost-scsi)\n"
          "  /unattached (container)\n"
          "    /device[0] (host-x86_64-cpu)\n"
          "    /device[1] (ICH9-LPC)\n"
          "      /isa.0 (ISA)\n");
    check(tree, "info qom-tree /nowhere", "Error: Property not found\n");
}

static void qtree_is_told(void)
{
    check(tree, "info qtree",
          "bus: pcie.0\n"
          "  type PCIE\n"
          "  dev: ICH9-LPC, id \"\"\n"
          "    bus: isa.0\n"
          "      dev: isa-serial, id \"serial0\"\n"
          "        index = 0 (0x0)\n"
          "  dev: vhost-scsi-pci, id \"vs0\"\n"
          "    vectors = 4 (0x4)\n"
          "    addr = 01.0\n"
          "    bus: virtio-bus\n"
          "      dev: vhost-scsi, id \"\"\n"
          "        wwpn = \"naa.1\"\n"
          "        worker_per_virtqueue = true\n"
          "        bootindex = -1 (0xffffffffffffffff)\n"
          "bus: main-system-bus\n"
          "  type System\n"
          "  dev: host-x86_64-cpu, id \"\"\n"
          "    apic-id = 0 (0x0)\n");
}

static void backend_without_a_bus_is_below_its_proxy(void)
{
    static const Answer answers[] = {
        { "qom-list", "{'path':'/machine/peripheral'}",
          "[{'name':'a','type':'child<proxy>'}]" },
        { "qom-list", "{'path':'/machine/peripheral/a'}",
          "[{'name':'hotplugged','type':'bool'},"
          "{'name':'b','type':'child<backend>'}]" },
        { "qom-list", "{'path':'/machine/peripheral/a/b'}",
          "[{'name':'hotplugged','type':'bool'}]" },
        { 0 },
    };

    check(answers, "info qtree",
          "bus: main-system-bus\n"
          "  type System\n"
          "  dev: proxy, id \"a\"\n"
          "    dev: backend, id \"\"\n");
    check(no_answers, "info qtree", "");
}

/* A tree that never ends is cut, and a bus below its own device too. */
static void endless_trees_end(void)
{
    static const Answer endless[] = {
        { "qom-get", "{'path':'/machine','property':'type'}", "'t'" },
        { "qom-list", NULL,
          "[{'name':'realized','type':'bool'},"
          "{'name':'a','type':'child<x>'},{'name':'b','type':'child<x>'}]" },
        { "qom-get", NULL, "'/machine/peripheral/a/a'" },
        { 0 },
    };
    g_autofree char *qom_tree = run(endless, "info qom-tree", NULL);
    g_autofree char *qtree = run(endless, "info qtree", NULL);

    g_assert_nonnull(strstr(qom_tree, "/b (x)\n"));
    g_assert_cmpuint(strlen(qom_tree), <, 400000);
    g_assert_cmpuint(strlen(qtree), <, 1000000);
}

#define TEST(_name) g_test_add_func("/hmp-qom/" #_name, _name)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(qom_tree_is_told);
    TEST(qtree_is_told);
    TEST(backend_without_a_bus_is_below_its_proxy);
    TEST(endless_trees_end);
    return g_test_run();
}
