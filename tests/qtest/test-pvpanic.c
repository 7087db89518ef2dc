/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's panic: what the register says and takes, which event tells of it,
 * and what -action makes of it. Events are seen by their trace point. */
#include "libqtest.h"

#include <sys/wait.h>

#define PORT 0x505
#define ARGS "-trace event_emit -trace runstate_set -device pvpanic"

enum {
    PANICKED = 1,
    CRASH_LOADED = 2
};

typedef struct Case {
    const char *name;
    const char *options;
    const char *event; /* the text of the event */
    const char *state; /* the run state it leads to; NULL: it goes on */
    int status;        /* exit status; -1: the program stays */
} Case;

#define EVENT(action) \
    "event_emit GUEST_PANICKED { \"action\": \"" action "\" }\n"
#define TO(state) "runstate_set from=running to=" state "\n"

static const Case cases[] = {
    { "default", "", EVENT("poweroff"), TO("shutdown"), 0 },
    { "shutdown", " -action panic=shutdown", EVENT("poweroff"), TO("shutdown"),
      0 },
    { "shutdown-pause", " -no-shutdown", EVENT("pause"), TO("guest-panicked"),
      -1 },
    { "pause", " -action panic=pause", EVENT("pause"), TO("guest-panicked"),
      -1 },
    { "exit-failure", " -action panic=exit-failure", EVENT("poweroff"),
      TO("shutdown"), 1 },
    { "none", " -action panic=none", EVENT("run"), NULL, -1 },
};

static void test_action(const void *data)
{
    static const char panic[] = "outb 0x505 1\n";
    const Case *c = data;
    g_autofree char *args = g_strconcat(ARGS, c->options, NULL);
    QTestState *s = qtest_init(args);

    qtest_wait_stderr(s, "to=running");
    /* The program may end before it answers. */
    qtest_send_raw(s, panic, strlen(panic));
    qtest_wait_stderr(s, c->event);
    if (c->state) {
        qtest_wait_stderr(s, c->state);
    }
    if (c->status >= 0) {
        int status = qtest_wait_exit(s);

        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, c->status);
        g_assert_nonnull(strstr(qtest_stderr(s),
                                "event_emit SHUTDOWN { \"guest\": true, "
                                "\"reason\": \"guest-panic\" }\n"));
    } else {
        g_assert_null(strstr(qtest_stderr(s), "event_emit SHUTDOWN"));
    }
    qtest_quit(s);
}

static void test_register(void)
{
    QTestState *s = qtest_init(ARGS " -action panic=none");

    g_assert_cmphex(qtest_inb(s, PORT), ==, PANICKED | CRASH_LOADED);
    g_assert_cmphex(qtest_inb(s, PORT + 1), ==, 0xff);
    g_assert_cmphex(qtest_inb(s, PORT - 1), ==, 0xff);
    qtest_quit(s);
}

static void test_crash_loaded(void)
{
    QTestState *s = qtest_init(ARGS);

    qtest_outb(s, PORT, CRASH_LOADED);
    qtest_wait_stderr(s,
                      "event_emit GUEST_CRASHLOADED { \"action\": \"run\" }\n");
    g_assert_null(strstr(qtest_stderr(s), "GUEST_PANICKED"));
    qtest_quit(s);
}

/* Bits without a meaning, and those that are switched off, do nothing. */
static void test_unknown_events(void)
{
    QTestState *s = qtest_init(ARGS ",events=2,ioport=0x5f0 -d guest_errors");

    g_assert_cmphex(qtest_inb(s, 0x5f0), ==, CRASH_LOADED);
    g_assert_cmphex(qtest_inb(s, PORT), ==, 0xff);
    qtest_outb(s, 0x5f0, 0xfd);
    qtest_wait_stderr(s, "pvpanic: unknown event 0xfd\n");
    g_assert_null(strstr(qtest_stderr(s), "event_emit GUEST"));
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pvpanic/register", test_register);
    g_test_add_func("/pvpanic/crash-loaded", test_crash_loaded);
    g_test_add_func("/pvpanic/unknown-events", test_unknown_events);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/pvpanic/action/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_action);
    }
    return g_test_run();
}
