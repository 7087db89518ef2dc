/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands that do something. */
#include "hmp-int.h"
#include "util/cutils.h"
#include "util/error.h"

/* --- help, info --- */

static void run_help(Hmp *h)
{
    const char *name = h->argv[0];
    const char *item = name ? h->argv[1] : NULL;
    const HmpCommand *table = hmp_commands;
    const HmpCommand *c = name ? hmp_find(table, name) : NULL;
    bool info = c && c->words == HMP_WORDS_INFO;

    if (info && item) {
        table = hmp_info;
        name = item;
        c = hmp_find(table, name);
    }
    if (!name) {
        hmp_print_help_all(h, hmp_commands, "");
    } else if (info && !item) {
        hmp_print_help_all(h, hmp_info, "info ");
    } else if (c) {
        hmp_print_help(h, c, table == hmp_info ? "info " : "");
    } else {
        hmp_print_unknown(h, table, table == hmp_info ? "info " : "", name);
    }
}

/* Without an item; with one its own row is run. */
static void run_info(Hmp *h)
{
    hmp_print_help_all(h, hmp_info, "info ");
}

/* --- Devices --- */

static void print_drivers(Hmp *h)
{
    json_object *args = json_object_new_object();
    json_object *types;

    json_add_string(args, "implements", "device");
    json_add_bool(args, "abstract", false);
    types = hmp_call(h, "qom-list-types", args);
    for (size_t i = 0; i < json_len(types); i++) {
        hmp_print(h, "name \"%s\"\n", json_text(json_at(types, i), "name"));
    }
    json_object_put(types);
}

static void print_properties(Hmp *h, const char *driver)
{
    json_object *props = hmp_call1(h, "device-list-properties", "typename",
                                   driver);

    if (props) {
        hmp_print(h, "%s options:\n", driver);
    }
    for (size_t i = 0; i < json_len(props); i++) {
        json_object *p = json_at(props, i);
        g_autofree char *left = g_strdup_printf("%s=<%s>", json_text(p, "name"),
                                                json_text(p, "type"));

        hmp_print(h, "  %-30s - %s", left, json_text(p, "description"));
        if (json_get(p, "default-value")) {
            hmp_print(h, " (default: %s)", json_text(p, "default-value"));
        }
        hmp_print(h, "\n");
    }
    json_object_put(props);
}

static void run_device_add(Hmp *h)
{
    GError *error = NULL;
    json_object *opts = keyval_parse(h->argv[0], "driver", &error);
    const char *driver;

    if (!opts) {
        hmp_print(h, "Error: %s\n", error->message);
        g_error_free(error);
        return;
    }
    driver = keyval_get(opts, "driver");
    if (driver && (g_str_equal(driver, "help") || g_str_equal(driver, "?"))) {
        print_drivers(h);
    } else if (driver && json_get(opts, "help")) {
        print_properties(h, driver);
    } else {
        json_object_put(hmp_call(h, "device_add", g_steal_pointer(&opts)));
    }
    json_object_put(opts);
}

static void run_device_del(Hmp *h)
{
    json_object_put(hmp_call1(h, "device_del", "id", h->argv[0]));
}

/* --- Network --- */

static void run_netdev_add(Hmp *h)
{
    GError *error = NULL;
    json_object *opts = keyval_parse(h->argv[0], "type", &error);

    if (!opts) {
        hmp_print(h, "Error: %s\n", error->message);
        g_error_free(error);
        return;
    }
    json_object_put(hmp_call(h, "netdev_add", opts));
}

static void run_netdev_del(Hmp *h)
{
    json_object_put(hmp_call1(h, "netdev_del", "id", h->argv[0]));
}

static void run_set_link(Hmp *h)
{
    json_object *args;
    bool up;

    if (parse_bool(h->argv[1], &up) < 0) {
        hmp_print(h, "Expected 'on' or 'off'\n");
        return;
    }
    args = json_object_new_object();
    json_add_string(args, "name", h->argv[0]);
    json_add_bool(args, "up", up);
    json_object_put(hmp_call(h, "set_link", args));
}

/* --- Trace --- */

static void run_trace_event(Hmp *h)
{
    json_object *args;
    bool enable;

    if (!h->argv[1] || parse_bool(h->argv[1], &enable) < 0) {
        hmp_print(h, "Expected 'on' or 'off'\n"
                     "Try \"help trace-event\" for more information\n");
        return;
    }
    args = json_object_new_object();
    json_add_string(args, "name", h->argv[0]);
    json_add_bool(args, "enable", enable);
    json_object_put(hmp_call(h, "trace-event-set-state", args));
}

static void run_balloon(Hmp *h)
{
    json_object *args = json_object_new_object();
    uint64_t bytes = 0;

    if (parse_size(h->argv[0], MiB, &bytes) < 0 || bytes > INT64_MAX) {
        bytes = 0; /* which is refused */
    }
    json_add_uint(args, "value", bytes);
    json_object_put(hmp_call(h, "balloon", args));
}

const HmpCommand hmp_commands[] = {
    {
        .names = "balloon",
        .args = "target",
        .help = "request VM to change its memory allocation (in MB)",
        .run = run_balloon,
        .min = 1,
        .max = 1,
    },
    {
        .names = "cont|c",
        .help = "resume emulation",
        .qmp = "cont",
        .blocks = true,
    },
    {
        .names = "device_add",
        .args = "driver[,prop=value][,...]",
        .help = "add device, like -device on the command line",
        .run = run_device_add,
        .min = 1,
        .max = 1,
        .whole = true,
        .blocks = true,
        .words = HMP_WORDS_DRIVERS,
    },
    {
        .names = "device_del",
        .args = "device",
        .help = "remove device",
        .run = run_device_del,
        .min = 1,
        .max = 1,
        .blocks = true,
        .words = HMP_WORDS_DEVICES,
    },
    {
        .names = "help|?",
        .args = "[cmd]",
        .help = "show the help",
        .run = run_help,
        .max = 2,
        .words = HMP_WORDS_COMMANDS,
    },
    {
        .names = "info",
        .args = "[subcommand]",
        .help = "show various information about the system state",
        .run = run_info,
        .words = HMP_WORDS_INFO,
    },
    {
        .names = "netdev_add",
        .args = "tap,id=str[,prop=value][,...]",
        .help = "add host network device",
        .run = run_netdev_add,
        .min = 1,
        .max = 1,
        .whole = true,
        .blocks = true,
    },
    {
        .names = "netdev_del",
        .args = "id",
        .help = "remove host network device",
        .run = run_netdev_del,
        .min = 1,
        .max = 1,
        .blocks = true,
    },
    {
        .names = "quit|q",
        .help = "quit the emulator",
        .qmp = "quit",
    },
    {
        .names = "set_link",
        .args = "name on|off",
        .help = "change the link status of a network adapter",
        .run = run_set_link,
        .min = 2,
        .max = 2,
        .blocks = true,
    },
    {
        .names = "stop|s",
        .help = "stop emulation",
        .qmp = "stop",
        .blocks = true,
    },
    {
        .names = "system_powerdown",
        .help = "send system power down event",
        .qmp = "system_powerdown",
    },
    {
        .names = "system_reset",
        .help = "reset the system",
        .qmp = "system_reset",
        .blocks = true,
    },
    {
        .names = "trace-event",
        .args = "name on|off",
        .help = "changes status of a specific trace event",
        .run = run_trace_event,
        .min = 1,
        .max = 2,
        .words = HMP_WORDS_TRACE_SWITCH,
    },
    { 0 },
};
