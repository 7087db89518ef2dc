/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The items of "info". */
#include "hmp-int.h"

static void info_status(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-status", NULL);
    const char *status = json_text(reply, "status");
    bool running = g_str_equal(status, "running");

    if (!reply) {
        return;
    }
    hmp_print(h, "VM status: %s%s", running ? "running" : "paused",
              json_get_bool(reply, "singlestep", false) ? " (single step mode)"
                                                        : "");
    if (!running && *status && !g_str_equal(status, "paused")) {
        hmp_print(h, " (%s)", status);
    }
    hmp_print(h, "\n");
    json_object_put(reply);
}

static void info_version(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-version", NULL);
    json_object *qemu = json_get(reply, "qemu");

    if (reply) {
        hmp_print(h, "%" PRIu64 ".%" PRIu64 ".%" PRIu64 "%s\n",
                  json_number(qemu, "major"), json_number(qemu, "minor"),
                  json_number(qemu, "micro"), json_text(reply, "package"));
    }
    json_object_put(reply);
}

static void info_name(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-name", NULL);

    if (json_get(reply, "name")) {
        hmp_print(h, "%s\n", json_text(reply, "name"));
    }
    json_object_put(reply);
}

static const char *bool_text(json_object *o, const char *key)
{
    return json_get_bool(o, key, false) ? "true" : "false";
}

static void info_memdev(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-memdev", NULL);

    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *o = json_at(reply, i);
        json_object *nodes = json_get(o, "host-nodes");
        g_autoptr(GString) list = g_string_new(NULL);

        for (size_t n = 0; n < json_len(nodes); n++) {
            g_string_append_printf(list, "%s%d", n ? " " : "",
                                   json_object_get_int(json_at(nodes, n)));
        }
        hmp_print(h,
                  "memory backend: %s\n  size:  %" PRIu64 "\n  merge: %s\n"
                  "  dump: %s\n  prealloc: %s\n  share: %s\n  reserve: %s\n"
                  "  policy: %s\n  host nodes: %s\n",
                  json_text(o, "id"), json_number(o, "size"),
                  bool_text(o, "merge"), bool_text(o, "dump"),
                  bool_text(o, "prealloc"), bool_text(o, "share"),
                  bool_text(o, "reserve"), json_text(o, "policy"), list->str);
    }
    if (reply) {
        hmp_print(h, "\n");
    }
    json_object_put(reply);
}

static void info_numa(Hmp *h)
{
    json_object *reply = hmp_call(h, "x-query-numa", NULL);

    if (reply) {
        hmp_print(h, "%s", json_text(reply, "human-readable-text"));
    }
    json_object_put(reply);
}

static void info_uuid(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-uuid", NULL);

    if (reply) {
        hmp_print(h, "%s\n", json_text(reply, "UUID"));
    }
    json_object_put(reply);
}

/* "0-2,5" of a list of VhostWorkerQueue. */
static char *queue_list(json_object *queues)
{
    GString *out = g_string_new(NULL);
    size_t n = json_len(queues);

    for (size_t i = 0; i < n; i++) {
        uint64_t first = json_number(json_at(queues, i), "index"), last = first;

        while (i + 1 < n &&
               json_number(json_at(queues, i + 1), "index") == last + 1) {
            last++;
            i++;
        }
        g_string_append_printf(out, "%s%" PRIu64, out->len ? "," : "", first);
        if (last > first) {
            g_string_append_printf(out, "-%" PRIu64, last);
        }
    }
    return g_string_free(out, FALSE);
}

static void print_worker(Hmp *h, json_object *w)
{
    g_autofree char *queues = queue_list(json_get(w, "virtqueues"));

    hmp_print(h, "  worker %" PRIu64 ": virtqueues=%s",
              json_number(w, "worker-id"), *queues ? queues : "none");
    if (json_get(w, "tid")) {
        hmp_print(
            h,
            " thread_id=%" PRIu64 " name=%s cpus=%s policy=%s run=%" PRIu64
            "ms wait=%" PRIu64 "ms last_cpu=%" PRIu64,
            json_number(w, "tid"), json_text(w, "name"), json_text(w, "cpus"),
            json_text(w, "policy"), json_number(w, "run-time-ns") / 1000000,
            json_number(w, "wait-time-ns") / 1000000,
            json_number(w, "last-cpu"));
    }
    hmp_print(h, "\n");
}

static void info_vhost_workers(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-vhost-workers", NULL);

    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *d = json_at(reply, i);
        const char *id = json_text(d, "device");
        json_object *workers = json_get(d, "workers");

        hmp_print(h, "%s: %s (asked for: %s)%s%s\n",
                  *id ? id : json_text(d, "qom-path"),
                  json_text(d, "effective-mode"),
                  json_text(d, "requested-mode"),
                  json_get(d, "reason") ? ", " : "", json_text(d, "reason"));
        for (size_t w = 0; w < json_len(workers); w++) {
            print_worker(h, json_at(workers, w));
        }
    }
    json_object_put(reply);
}

static void info_kvm(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-kvm", NULL);

    if (reply) {
        hmp_print(h, "kvm support: %s\n",
                  !json_get_bool(reply, "present", false)  ? "not available"
                  : json_get_bool(reply, "enabled", false) ? "enabled"
                                                           : "disabled");
    }
    json_object_put(reply);
}

static void info_cpus(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-cpus-fast", NULL);

    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *cpu = json_at(reply, i);

        hmp_print(h, "%c CPU #%" PRIu64 ": thread_id=%" PRIu64 "\n",
                  i == 0 ? '*' : ' ', json_number(cpu, "cpu-index"),
                  json_number(cpu, "thread-id"));
    }
    json_object_put(reply);
}

static void info_chardev(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-chardev", NULL);

    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *chr = json_at(reply, i);

        hmp_print(h, "%s: filename=%s\n", json_text(chr, "label"),
                  json_text(chr, "filename"));
    }
    json_object_put(reply);
}

static void info_memory_size_summary(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-memory-size-summary", NULL);

    if (reply) {
        hmp_print(h, "base memory: %" PRIu64 "\n",
                  json_number(reply, "base-memory"));
    }
    if (json_get(reply, "plugged-memory")) {
        hmp_print(h, "plugged memory: %" PRIu64 "\n",
                  json_number(reply, "plugged-memory"));
    }
    json_object_put(reply);
}

static void info_history(Hmp *h)
{
    const GPtrArray *history = h->ctx->history;

    for (unsigned i = 0; history && i < history->len; i++) {
        hmp_print(h, "%u: '%s'\n", i, (char *)g_ptr_array_index(history, i));
    }
}

static void info_trace_events(Hmp *h)
{
    json_object *reply = hmp_call1(h, "trace-event-get-state", "name",
                                   h->argv[0] ? h->argv[0] : "*");

    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *event = json_at(reply, i);

        hmp_print(h, "%s : state %d\n", json_text(event, "name"),
                  g_str_equal(json_text(event, "state"), "enabled"));
    }
    json_object_put(reply);
}

/* --- PCI --- */

static void print_range(Hmp *h, json_object *bus, const char *key,
                        const char *what, int digits)
{
    json_object *range = json_get(bus, key);

    if (range) {
        hmp_print(h, "      %s range [0x%0*" PRIx64 ", 0x%0*" PRIx64 "]\n",
                  what, digits, json_number(range, "base"), digits,
                  json_number(range, "limit"));
    }
}

static void print_bridge(Hmp *h, json_object *bus)
{
    hmp_print(h,
              "      BUS %" PRIu64 ".\n      secondary bus %" PRIu64
              ".\n      subordinate bus %" PRIu64 ".\n",
              json_number(bus, "number"), json_number(bus, "secondary"),
              json_number(bus, "subordinate"));
    print_range(h, bus, "io_range", "IO", 4);
    print_range(h, bus, "memory_range", "memory", 8);
    print_range(h, bus, "prefetchable_range", "prefetchable memory", 8);
}

static void print_bar(Hmp *h, json_object *bar)
{
    uint64_t first = json_number(bar, "address");
    uint64_t last = first + json_number(bar, "size") - 1;

    hmp_print(h, "      BAR%" PRIu64 ": ", json_number(bar, "bar"));
    if (g_str_equal(json_text(bar, "type"), "io")) {
        hmp_print(h, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", first,
                  last);
        return;
    }
    hmp_print(h, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
              json_get_bool(bar, "mem_type_64", false) ? 64 : 32,
              json_get_bool(bar, "prefetch", false) ? " prefetchable" : "",
              first, last);
}

static void print_identity(Hmp *h, json_object *dev)
{
    json_object *class = json_get(dev, "class_info");
    json_object *id = json_get(dev, "id");

    hmp_print(h,
              "  Bus %2" PRIu64 ", device %3" PRIu64 ", function %" PRIu64
              ":\n    ",
              json_number(dev, "bus"), json_number(dev, "slot"),
              json_number(dev, "function"));
    if (json_get(class, "desc")) {
        hmp_print(h, "%s", json_text(class, "desc"));
    } else {
        hmp_print(h, "Class %04" PRIu64, json_number(class, "class"));
    }
    hmp_print(h, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n",
              json_number(id, "vendor"), json_number(id, "device"));
    if (json_get(id, "subsystem-vendor") && json_get(id, "subsystem")) {
        hmp_print(h, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
                  json_number(id, "subsystem-vendor"),
                  json_number(id, "subsystem"));
    }
}

static void print_pci_devices(Hmp *h, json_object *devices)
{
    for (size_t i = 0; i < json_len(devices); i++) {
        json_object *dev = json_at(devices, i);
        json_object *bridge = json_get(dev, "pci_bridge");
        json_object *regions = json_get(dev, "regions");
        uint64_t pin = json_number(dev, "irq_pin");

        print_identity(h, dev);
        if (json_get(dev, "irq")) {
            hmp_print(h, "      IRQ %" PRIu64 ", pin %c\n",
                      json_number(dev, "irq"),
                      pin >= 1 && pin <= 4 ? (int)('A' + pin - 1) : '?');
        }
        if (bridge) {
            print_bridge(h, json_get(bridge, "bus"));
        }
        for (size_t n = 0; n < json_len(regions); n++) {
            print_bar(h, json_at(regions, n));
        }
        hmp_print(h, "      id \"%s\"\n", json_text(dev, "qdev_id"));
        print_pci_devices(h, json_get(bridge, "devices"));
    }
}

static void info_pci(Hmp *h)
{
    json_object *buses = hmp_call(h, "query-pci", NULL);

    for (size_t i = 0; i < json_len(buses); i++) {
        print_pci_devices(h, json_get(json_at(buses, i), "devices"));
    }
    json_object_put(buses);
}

/* --- virtio --- */

static void info_virtio(Hmp *h)
{
    json_object *reply = hmp_call(h, "x-query-virtio", NULL);

    if (reply && json_len(reply) == 0) {
        hmp_print(h, "No VirtIO devices\n");
    }
    for (size_t i = 0; i < json_len(reply); i++) {
        json_object *dev = json_at(reply, i);

        hmp_print(h, "%s [%s]\n", json_text(dev, "path"),
                  json_text(dev, "name"));
    }
    json_object_put(reply);
}

/* A member of a reply and what it is called here. */
typedef struct Member {
    const char *key, *label; /* key NULL ends the table */
} Member;

static const Member virtio_members[] = {
    { "name", "device_name:" },
    { "device-id", "device_id:" },
    { "vhost-started", "vhost_started:" },
    { "bus-name", "bus_name:" },
    { "broken", "broken:" },
    { "disabled", "disabled:" },
    { "disable-legacy-check", "disable_legacy_check:" },
    { "started", "started:" },
    { "use-started", "use_started:" },
    { "start-on-kick", "start_on_kick:" },
    { "use-guest-notifier-mask", "use_guest_notifier_mask:" },
    { "vm-running", "vm_running:" },
    { "num-vqs", "num_vqs:" },
    { "queue-sel", "queue_sel:" },
    { "isr", "isr:" },
    { "device-endian", "endianness:" },
    { 0 },
};

static const Member vhost_members[] = {
    { "nvqs", "nvqs:" },
    { "vq-index", "vq_index:" },
    { "max-queues", "max_queues:" },
    { "n-mem-sections", "n_mem_sections:" },
    { "n-tmp-sections", "n_tmp_sections:" },
    { "backend-cap", "backend_cap:" },
    { "log-enabled", "log_enabled:" },
    { "log-size", "log_size:" },
    { 0 },
};

/* One line for each of @members that @dict has. */
static void print_members(Hmp *h, json_object *dict, const Member *members)
{
    for (const Member *m = members; m->key; m++) {
        if (json_get(dict, m->key)) {
            hmp_print(h, "  %-24s %s\n", m->label, json_text(dict, m->key));
        }
    }
}

/* The lists and the rest of a set of bits. */
static void print_bits(Hmp *h, const char *title, json_object *bits,
                       const char *const *keys, const char *unknown)
{
    if (!bits) {
        return;
    }
    hmp_print(h, "  %s:\n", title);
    for (; *keys; keys++) {
        json_object *list = json_get(bits, *keys);

        for (size_t i = 0; i < json_len(list); i++) {
            const char *text = json_object_get_string(json_at(list, i));

            hmp_print(h, "\t%s\n", text ? text : "");
        }
    }
    if (json_get(bits, unknown)) {
        hmp_print(h, "\t%s: 0x%016" PRIx64 "\n", unknown,
                  json_number(bits, unknown));
    }
}

static void print_features(Hmp *h, const char *title, json_object *features)
{
    static const char *const keys[] = { "transports", "dev-features", NULL };

    print_bits(h, title, features, keys, "unknown-dev-features");
}

static void info_virtio_status(Hmp *h)
{
    static const char *const statuses[] = { "statuses", NULL };
    json_object *reply = hmp_call1(h, "x-query-virtio-status", "path",
                                   h->argv[0]);
    json_object *vhost = json_get(reply, "vhost-dev");

    if (!reply) {
        return;
    }
    hmp_print(h, "%s:\n", h->argv[0]);
    print_members(h, reply, virtio_members);
    print_bits(h, "status", json_get(reply, "status"), statuses,
               "unknown-statuses");
    print_features(h, "Guest features", json_get(reply, "guest-features"));
    print_features(h, "Host features", json_get(reply, "host-features"));
    print_features(h, "Backend features", json_get(reply, "backend-features"));
    if (vhost) {
        hmp_print(h, "  VHost:\n");
        print_members(h, vhost, vhost_members);
        print_features(h, "Features", json_get(vhost, "features"));
        print_features(h, "Acked features", json_get(vhost, "acked-features"));
    }
    json_object_put(reply);
}

static void info_balloon(Hmp *h)
{
    json_object *reply = hmp_call(h, "query-balloon", NULL);

    if (reply) {
        hmp_print(h, "balloon: actual=%" PRIu64 "\n",
                  json_number(reply, "actual") / MiB);
    }
    json_object_put(reply);
}

/* A card, and behind a backslash what it is on, as QEMU does. */
static void info_network(Hmp *h)
{
    json_object *netdevs = hmp_call(h, "x-query-netdev", NULL);

    for (size_t i = 0; i < json_len(netdevs); i++) {
        json_object *n = json_at(netdevs, i);

        if (json_get(n, "card")) {
            hmp_print(h, "%s: index=0,type=nic,model=%s,macaddr=%s\n \\ ",
                      keyval_get(n, "card"), keyval_get(n, "model"),
                      keyval_get(n, "main-mac"));
        }
        hmp_print(h, "%s: index=0,type=%s,ifname=%s,queues=%" PRIu64 "%s\n",
                  keyval_get(n, "id"), keyval_get(n, "type"),
                  keyval_get(n, "ifname"), json_number(n, "queues"),
                  json_get_bool(n, "link", true) ? "" : ",link=down");
    }
    json_object_put(netdevs);
}

const HmpCommand hmp_info[] = {
    {
        .names = "balloon",
        .help = "show balloon information",
        .run = info_balloon,
    },
    {
        .names = "chardev",
        .help = "show the character devices",
        .run = info_chardev,
    },
    {
        .names = "cpus",
        .help = "show infos for each CPU",
        .run = info_cpus,
    },
    {
        .names = "history",
        .help = "show the command line history",
        .run = info_history,
    },
    {
        .names = "kvm",
        .help = "show KVM information",
        .run = info_kvm,
    },
    {
        .names = "memdev",
        .help = "show what guest RAM there is by -object",
        .run = info_memdev,
    },
    {
        .names = "memory_size_summary",
        .help = "show the amount of memory in bytes",
        .run = info_memory_size_summary,
    },
    {
        .names = "name",
        .help = "show the current VM name",
        .run = info_name,
    },
    {
        .names = "numa",
        .help = "show NUMA information",
        .run = info_numa,
    },
    {
        .names = "network",
        .help = "show the networks and the cards on them",
        .run = info_network,
    },
    {
        .names = "pci",
        .help = "show PCI info",
        .run = info_pci,
    },
    {
        .names = "qom-tree",
        .args = "[path]",
        .help = "show QOM composition tree",
        .run = hmp_info_qom_tree,
        .max = 1,
    },
    {
        .names = "qtree",
        .help = "show device tree",
        .run = hmp_info_qtree,
    },
    {
        .names = "vhost-workers",
        .help = "show the kernel's workers and what they serve",
        .run = info_vhost_workers,
    },
    {
        .names = "stats",
        .args = "target [names] [provider]",
        .help = "show statistics for the given target (vm or vcpu); "
                "optionally filter by name (comma-separated list, or * for "
                "all) and provider",
        .run = hmp_info_stats,
        .min = 1,
        .max = 3,
        .words = HMP_WORDS_STATS_TARGETS,
    },
    {
        .names = "status",
        .help = "show the current VM status (running|paused)",
        .run = info_status,
    },
    {
        .names = "trace-events",
        .args = "[name]",
        .help = "show available trace-events & their state (name: event name "
                "pattern)",
        .run = info_trace_events,
        .max = 1,
        .words = HMP_WORDS_TRACE_EVENTS,
    },
    {
        .names = "uuid",
        .help = "show the current VM UUID",
        .run = info_uuid,
    },
    {
        .names = "version",
        .help = "show the version of QEMU",
        .run = info_version,
    },
    {
        .names = "virtio",
        .help = "List all available virtio devices",
        .run = info_virtio,
    },
    {
        .names = "virtio-status",
        .args = "path",
        .help = "Display status of a given virtio device",
        .run = info_virtio_status,
        .min = 1,
        .max = 1,
        .words = HMP_WORDS_VIRTIO_DEVICES,
    },
    { 0 },
};
