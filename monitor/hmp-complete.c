/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the last word of a line may become. */
#include "hmp-int.h"

/* The candidates that were found for one word. */
typedef struct Candidates {
    const HmpContext *ctx;
    const char *word; /* what is there of it */
    GPtrArray *found; /* char *, owned */
} Candidates;

static void offer_candidate(Candidates *c, const char *candidate)
{
    if (*candidate && g_str_has_prefix(candidate, c->word)) {
        g_ptr_array_add(c->found, g_strdup(candidate));
    }
}

/* Runs a QMP command with one string argument, which may be NULL. */
static json_object *call_qmp(const Candidates *c, const char *command,
                             const char *key, const char *value)
{
    json_object *args = NULL;

    if (key) {
        args = json_object_new_object();
        json_add_string(args, key, value);
    }
    return c->ctx->call(c->ctx->opaque, command, args, NULL);
}

/* Offers the member @key of each element of @reply, which it puts. */
static void offer_all(Candidates *c, json_object *reply, const char *key)
{
    for (size_t i = 0; i < json_len(reply); i++) {
        offer_candidate(c, json_text(json_at(reply, i), key));
    }
    json_object_put(reply);
}

static void offer_names(Candidates *c, const HmpCommand *table)
{
    g_autoptr(GPtrArray) names = hmp_names(table);

    for (unsigned i = 0; i < names->len; i++) {
        offer_candidate(c, g_ptr_array_index(names, i));
    }
}

static void offer_devices(Candidates *c)
{
    json_object *list = call_qmp(c, "qom-list", "path", "/machine/peripheral");

    for (size_t i = 0; i < json_len(list); i++) {
        g_autofree char *type = hmp_child_type(json_at(list, i));

        if (type) {
            offer_candidate(c, json_text(json_at(list, i), "name"));
        }
    }
    json_object_put(list);
}

/* "driver,a=b,pro" becomes "driver,a=b,property=". */
static void offer_properties(Candidates *c)
{
    const char *begin = strrchr(c->word, ',') + 1;
    g_autofree char *driver = g_strndup(c->word, strcspn(c->word, ","));
    json_object *props;

    if (strchr(begin, '=')) {
        return;
    }
    props = call_qmp(c, "device-list-properties", "typename", driver);
    for (size_t i = 0; i < json_len(props); i++) {
        g_autofree char *candidate = g_strdup_printf(
            "%.*s%s=", (int)(begin - c->word), c->word,
            json_text(json_at(props, i), "name"));

        offer_candidate(c, candidate);
    }
    json_object_put(props);
}

static void offer_drivers(Candidates *c)
{
    json_object *args;

    if (strchr(c->word, ',')) {
        offer_properties(c);
        return;
    }
    args = json_object_new_object();
    json_add_string(args, "implements", "device");
    json_add_bool(args, "abstract", false);
    offer_all(c, c->ctx->call(c->ctx->opaque, "qom-list-types", args, NULL),
              "name");
}

/* Word @index behind the name of a command that takes @words. */
static void offer_words(Candidates *c, HmpWords words, unsigned index)
{
    if (words == HMP_WORDS_TRACE_SWITCH && index == 1) {
        offer_candidate(c, "on");
        offer_candidate(c, "off");
    }
    if (index > 0) {
        return;
    }
    switch (words) {
    case HMP_WORDS_ANY:
        break;
    case HMP_WORDS_COMMANDS:
        offer_names(c, hmp_commands);
        break;
    case HMP_WORDS_INFO:
        offer_names(c, hmp_info);
        break;
    case HMP_WORDS_DEVICES:
        offer_devices(c);
        break;
    case HMP_WORDS_DRIVERS:
        offer_drivers(c);
        break;
    case HMP_WORDS_TRACE_EVENTS:
    case HMP_WORDS_TRACE_SWITCH:
        offer_all(c, call_qmp(c, "trace-event-get-state", "name", "*"), "name");
        break;
    case HMP_WORDS_STATS_TARGETS:
        offer_candidate(c, "vcpu");
        offer_candidate(c, "vhost-worker");
        offer_candidate(c, "vm");
        break;
    case HMP_WORDS_VIRTIO_DEVICES:
        offer_all(c, call_qmp(c, "x-query-virtio", NULL, NULL), "path");
        break;
    }
}

/* The @n words of @before stand before the one that is completed. */
static void offer_behind(Candidates *c, char **before, unsigned n)
{
    const HmpCommand *command = n ? hmp_find(hmp_commands, before[0]) : NULL;
    bool help;

    if (n == 0) {
        offer_names(c, hmp_commands);
        return;
    }
    if (!command) {
        return;
    }
    help = command->words == HMP_WORDS_COMMANDS;
    if (help && n == 2 && g_str_equal(before[1], "info")) {
        offer_names(c, hmp_info);
    } else if (command->words == HMP_WORDS_INFO && n > 1) {
        command = hmp_find(hmp_info, before[1]);
        if (command) {
            offer_words(c, command->words, n - 2);
        }
    } else {
        offer_words(c, command->words, n - 1);
    }
}

char **hmp_complete(const HmpContext *ctx, const char *line)
{
    const char *blank = strrchr(line, ' ');
    Candidates c = {
        .ctx = ctx,
        .word = blank ? blank + 1 : line,
        .found = g_ptr_array_new_with_free_func(g_free),
    };
    g_autofree char *begin = g_strndup(line, (size_t)(c.word - line));
    g_auto(GStrv) pieces = g_strsplit_set(begin, " \t", -1);
    g_autoptr(GPtrArray) before = g_ptr_array_new();

    for (char **p = pieces; *p; p++) {
        if (**p) {
            g_ptr_array_add(before, *p);
        }
    }
    offer_behind(&c, (char **)before->pdata, before->len);
    g_ptr_array_add(c.found, NULL);
    return (char **)g_ptr_array_free(c.found, FALSE);
}
