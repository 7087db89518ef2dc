/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The human monitor's commands: each is a thin view of QMP commands, which it
 * runs through a callback, and prints text. It knows neither the machine nor
 * where the text goes, and holds no state. See docs/system/monitor.rst.
 */
#ifndef MONITOR_HMP_H
#define MONITOR_HMP_H

#include <json-c/json.h>

typedef struct HmpContext {
    /* Runs a QMP command. Takes over @args, which may be NULL. Returns the
     * reply, which the caller puts, or NULL with @errp filled. */
    json_object *(*call)(void *opaque, const char *command, json_object *args,
                         GError **errp);
    void *opaque;
    /* char *, the oldest first, for "info history"; NULL: there is none. */
    const GPtrArray *history;
} HmpContext;

/* Carries out one line and appends what it prints to @out, with "\n" as the
 * end of a line. An empty line does nothing. */
void hmp_run(const HmpContext *ctx, const char *line, GString *out);

/* Whether the command of @line may wait for the host's kernel: then it belongs
 * into the control thread (system/control.h). */
bool hmp_blocks(const char *line);

/* What the last word of @line may become; @line ends at the cursor. A
 * NULL-terminated array, never NULL, that the caller frees with
 * g_strfreev(). Runs QMP commands that do not block. */
char **hmp_complete(const HmpContext *ctx, const char *line);

#endif
