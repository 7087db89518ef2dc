/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of the human monitor's commands: a QMP that answers what the test
 * says. JSON is written with ' for ". */
#ifndef TEST_HMP_H
#define TEST_HMP_H

#include "monitor/hmp.h"
#include "util/error.h"
#include "util/keyval.h"

/* What the fake QMP answers; @args NULL: whatever the arguments are. A reply
 * that begins with "!" is an error's message. */
typedef struct Answer {
    const char *command, *args, *reply;
} Answer;

typedef struct Fake {
    const Answer *answers; /* command NULL ends them */
    GString *calls;        /* "command args\n" of each call */
} Fake;

static inline json_object *parse(const char *text)
{
    json_object *value = json_tokener_parse(text);

    if (!value) {
        g_test_message("no JSON: %s", text);
    }
    g_assert_nonnull(value);
    return value;
}

static inline bool answer_fits(const Answer *a, const char *command,
                               json_object *args)
{
    bool fits;

    if (!g_str_equal(a->command, command)) {
        return false;
    }
    if (a->args) {
        json_object *want = parse(a->args);

        fits = json_object_equal(want, args);
        json_object_put(want);
        return fits;
    }
    return true;
}

static inline json_object *fake_call(void *opaque, const char *command,
                                     json_object *args, GError **errp)
{
    Fake *f = opaque;
    const Answer *a = f->answers;

    g_string_append_printf(
        f->calls, "%s%s%s\n", command, args ? " " : "",
        args ? json_object_to_json_string_ext(args, JSON_C_TO_STRING_PLAIN)
             : "");
    while (a->command && !answer_fits(a, command, args)) {
        a++;
    }
    json_object_put(args);
    if (!a->command) {
        error_setg(errp, "The command %s has not been found", command);
        return NULL;
    }
    if (a->reply[0] == '!') {
        error_setg(errp, "%s", a->reply + 1);
        return NULL;
    }
    return parse(a->reply);
}

static const Answer no_answers[] = { { 0 } };

/* What @line prints; *@ret_calls, if not NULL, is what it called. The caller
 * frees both. */
static inline char *run(const Answer *answers, const char *line,
                        char **ret_calls)
{
    Fake f = { answers, g_string_new(NULL) };
    HmpContext ctx = { .call = fake_call, .opaque = &f };
    GString *out = g_string_new(NULL);
    char *calls;

    hmp_run(&ctx, line, out);
    calls = g_string_free(f.calls, FALSE);
    if (ret_calls) {
        *ret_calls = calls;
    } else {
        g_free(calls);
    }
    return g_string_free(out, FALSE);
}

static inline void check(const Answer *answers, const char *line,
                         const char *expected)
{
    g_autofree char *text = run(answers, line, NULL);

    g_assert_cmpstr(text, ==, expected);
}

#endif
