/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the human monitor share. */
#ifndef MONITOR_HMP_INT_H
#define MONITOR_HMP_INT_H

#include "monitor/hmp.h"
#include "util/json.h"
#include "util/keyval.h"

#define HMP_WORDS_MAX 64 /* of one line */

/* One command that is being carried out. */
typedef struct Hmp {
    const HmpContext *ctx;
    GString *out;
    char **argv; /* words behind the command's name, NULL at the end */
} Hmp;

/* What the words behind a command's name are. */
typedef enum HmpWords {
    HMP_WORDS_ANY,
    HMP_WORDS_COMMANDS,
    HMP_WORDS_INFO,
    HMP_WORDS_DEVICES,
    HMP_WORDS_DRIVERS,
    HMP_WORDS_TRACE_EVENTS,
    HMP_WORDS_TRACE_SWITCH, /* the event's name, then on or off */
    HMP_WORDS_STATS_TARGETS,
    HMP_WORDS_VIRTIO_DEVICES,
} HmpWords;

typedef struct HmpCommand {
    const char *names; /* "stop|s"; NULL ends the table */
    const char *args;  /* for help; NULL: none */
    const char *help;
    /* Exactly one of both: a function, or the QMP command that is all there is
     * to do. */
    void (*run)(Hmp *h);
    const char *qmp;
    unsigned min, max; /* number of words */
    bool whole;        /* the rest of the line is one word */
    bool blocks;
    HmpWords words;
} HmpCommand;

extern const HmpCommand hmp_commands[]; /* hmp-cmds.c */
extern const HmpCommand hmp_info[];     /* hmp-info.c */

/* --- hmp.c --- */

/* Runs a QMP command; takes over @args. On failure prints "Error: ..." and
 * returns NULL. */
json_object *hmp_call(Hmp *h, const char *command, json_object *args);
/* The same with one string argument. */
json_object *hmp_call1(Hmp *h, const char *command, const char *key,
                       const char *value);
void hmp_print(Hmp *h, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The row whose names hold @name, or NULL. */
const HmpCommand *hmp_find(const HmpCommand *table, const char *name);
/* Every name of @table, aliases too; the caller frees it. */
GPtrArray *hmp_names(const HmpCommand *table);
/* "unknown command: 'PREFIXname'" and the nearest name. */
void hmp_print_unknown(Hmp *h, const HmpCommand *table, const char *prefix,
                       const char *name);
/* One line of help for each row, or for @command alone. */
void hmp_print_help(Hmp *h, const HmpCommand *command, const char *prefix);
void hmp_print_help_all(Hmp *h, const HmpCommand *table, const char *prefix);

/* "T" of "child<T>", or NULL; the caller frees it. */
char *hmp_child_type(json_object *property);

/* --- hmp-stats.c, hmp-qom.c --- */

void hmp_info_stats(Hmp *h);
void hmp_info_qtree(Hmp *h);
void hmp_info_qom_tree(Hmp *h);

/* --- Replies: whatever is missing or of another type reads as nothing --- */

static inline size_t json_len(json_object *array)
{
    return json_object_is_type(array, json_type_array)
               ? json_object_array_length(array)
               : 0;
}

static inline json_object *json_at(json_object *array, size_t i)
{
    return json_object_array_get_idx(array, i);
}

static inline bool json_is_string(json_object *value)
{
    return json_object_is_type(value, json_type_string);
}

/* The member @key of @dict as text, "" if there is none. Borrowed. */
static inline const char *json_text(json_object *dict, const char *key)
{
    const char *s = json_object_get_string(json_get(dict, key));

    return s ? s : "";
}

static inline uint64_t json_number(json_object *dict, const char *key)
{
    json_object *value = json_get(dict, key);
    int64_t i = json_object_get_int64(value);

    return i < 0 ? (uint64_t)i : json_object_get_uint64(value);
}

#endif
