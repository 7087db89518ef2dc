/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The schema of QMP: what its tables say, and how values are held against
 * them. */
#include "../../monitor/monitor-int.h"
#include "qapi/schema.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

static void check(const char *command, const char *args, const char *message)
{
    const QapiCommand *cmd = qapi_find_command(command);
    auto_json *value = args ? json_tokener_parse(args) : NULL;
    g_autoptr(GError) err = NULL;
    bool ok;

    g_assert_nonnull(cmd);
    ok = qapi_check_arguments(cmd, value, &err);
    g_assert_cmpstr(err ? err->message : NULL, ==, message);
    g_assert_cmpint(ok, ==, !message);
}

static const QapiType *type_called(const char *name)
{
    for (const QapiType *t = qapi_types; t->name; t++) {
        if (g_str_equal(t->name, name)) {
            return t;
        }
    }
    g_assert_not_reached();
}

static bool accepts(const char *type, const char *json)
{
    auto_json *value = json_tokener_parse(json);

    return qapi_check(type_called(type), "x", value, NULL);
}

static void every_command_has_a_row_and_every_row_a_command(void)
{
    for (const QapiCommand *c = qapi_commands; c->name; c++) {
        const QmpRow *row = qmp_find_row(c->name);

        g_assert_nonnull(row);
        g_assert_true(!row->handler != !row->session_handler);
        /* The control thread knows no session. */
        g_assert_true(!c->blocks || row->handler);
        g_assert_true(!c[1].name || strcmp(c->name, c[1].name) < 0);
    }
    for (const QmpRow *row = qmp_rows; row->name; row++) {
        g_assert_nonnull(qapi_find_command(row->name));
    }
    g_assert_null(qapi_find_command("nonsense"));
    g_assert_null(qmp_find_row("nonsense"));
}

static const QapiEvent *event_called(const char *name)
{
    const QapiEvent *e = qapi_events;

    while (e->name && !g_str_equal(e->name, name)) {
        e++;
    }
    g_assert_nonnull(e->name);
    return e;
}

static void events_are_in_the_table(void)
{
    g_assert_nonnull(event_called("DEVICE_DELETED")->data);
    g_assert_null(event_called("STOP")->data);
}

static void arguments_are_checked(void)
{
    check("query-name", NULL, NULL);
    check("query-name", "{}", NULL);
    check("query-name", "{\"a\":1}", "Parameter 'a' is unexpected");
    check("qom-get", NULL, "Parameter 'path' is missing");
    check("qom-get", "{\"path\":\"/\"}", "Parameter 'property' is missing");
    check("qom-get", "{\"path\":\"/\",\"property\":\"x\"}", NULL);
    check("qom-get", "{\"path\":null,\"property\":\"x\"}",
          "Invalid parameter type for 'path', expected: string");
    check("set-action", "{\"panic\":\"run\"}",
          "Parameter 'panic' does not accept value 'run'");
    check("set-action", "{\"panic\":1}",
          "Invalid parameter type for 'panic', expected: string");
    check("query-stats",
          "{\"target\":\"vm\",\"providers\":[{\"provider\":\"kvm\","
          "\"names\":[\"a\",7]}]}",
          "Invalid parameter type for 'providers[0].names[1]', expected: "
          "string");
    check("query-stats",
          "{\"target\":\"vm\",\"providers\":[{\"provider\":\"kvm\",\"x\":0}]}",
          "Parameter 'providers[0].x' is unexpected");
    check("query-stats", "{\"target\":\"vm\",\"providers\":[1]}",
          "Invalid parameter type for 'providers[0]', expected: object");
    check("query-named-block-nodes", "{\"flat\":\"on\"}",
          "Invalid parameter type for 'flat', expected: boolean");
    /* Its own properties are the device's to check. */
    check("device_add", "{\"driver\":\"x\",\"anything\":[1]}", NULL);
    check("device_add", "{\"anything\":[1]}", "Parameter 'driver' is missing");
    check("qom-set", "{\"path\":\"\",\"property\":\"\",\"value\":null}", NULL);
}

static void numbers_have_ranges(void)
{
    const char *queue = "x-query-virtio-vhost-queue-status";

    check(queue, "{\"path\":\"\",\"queue\":0}", NULL);
    check(queue, "{\"path\":\"\",\"queue\":65535}", NULL);
    check(queue, "{\"path\":\"\",\"queue\":65536}",
          "Parameter 'queue' expects uint16");
    check(queue, "{\"path\":\"\",\"queue\":-1}",
          "Parameter 'queue' expects uint16");
    check(queue, "{\"path\":\"\",\"queue\":1.0}",
          "Invalid parameter type for 'queue', expected: integer");
    check("remove-fd", "{\"fdset-id\":-9223372036854775808}", NULL);
    check("remove-fd", "{\"fdset-id\":9223372036854775807}", NULL);
    check("remove-fd", "{\"fdset-id\":9223372036854775808}",
          "Parameter 'fdset-id' expects int");
    g_assert_true(accepts("uint64", "18446744073709551615"));
    g_assert_false(accepts("uint64", "-1"));
    g_assert_true(accepts("size", "18446744073709551615"));
}

static void alternates_take_each_of_their_types(void)
{
    g_assert_true(accepts("StatsValue", "1"));
    g_assert_true(accepts("StatsValue", "true"));
    g_assert_true(accepts("StatsValue", "[1,2]"));
    g_assert_true(accepts("StatsValue", "[]"));
    g_assert_false(accepts("StatsValue", "[true]"));
    g_assert_false(accepts("StatsValue", "\"1\""));
    g_assert_false(accepts("StatsValue", "null"));
}

static void introspection_names_each_thing_once(void)
{
    auto_json *list = qapi_introspect();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    unsigned commands = 0;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *e = json_object_array_get_idx(list, i);

        g_assert_true(g_hash_table_add(seen, (char *)keyval_get(e, "name")));
        commands += g_str_equal(keyval_get(e, "meta-type"), "command");
    }
    for (const QapiCommand *c = qapi_commands; c->name; c++) {
        commands--;
    }
    g_assert_cmpuint(commands, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qapi/rows",
                    every_command_has_a_row_and_every_row_a_command);
    g_test_add_func("/qapi/events", events_are_in_the_table);
    g_test_add_func("/qapi/arguments", arguments_are_checked);
    g_test_add_func("/qapi/numbers", numbers_have_ranges);
    g_test_add_func("/qapi/alternates", alternates_take_each_of_their_types);
    g_test_add_func("/qapi/introspection", introspection_names_each_thing_once);
    return g_test_run();
}
